#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Builds the release for Windows: one zip, and SHA256SUMS beside it.

usage: make_release.py BUILD-FOLDER

The same sources and tools give the same bytes, in whatever folder and at whatever time. What time it is, SOURCE_DATE_EPOCH
says (seconds since 1970), or else the last commit. With these in the environment the programs and DLLs are signed:

    RPCFW_SIGN_PKCS12         a PKCS#12 file with certificate and key
    RPCFW_SIGN_PASSWORD_FILE  a file whose first line is its password
    RPCFW_SIGN_TIMESTAMP_URL  an RFC 3161 time stamp server; without one, a signature is good until its certificate ends
"""
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
import zipfile

SOURCE = pathlib.Path(__file__).resolve().parents[2]
DESCRIPTION = 'RPC Firewall'
TARGETS = ('rpcFwManager', 'rpcFirewall', 'rpcMessages')
PROGRAMS = ('rpcFwManager.exe', 'rpcFirewall.dll', 'rpcMessages.dll')
ZIP_FIRST_YEAR, ZIP_LAST_YEAR = 1980, 2107

# Folder or file of the sources: its place in the zip; text files of a folder keep their names but for .md.
TEXTS = {
    'LICENSE': 'LICENSE.txt',
    'README.md': 'README.txt',
    'CHANGELOG.md': 'CHANGELOG.txt',
    'packaging/windows/THIRD-PARTY.txt': 'THIRD-PARTY.txt',
    'docs': 'docs',
    'policies': 'policies',
    'packaging/windows/event-viewer': 'event-viewer',
    'packaging/windows/event-forwarding': 'event-forwarding',
    'packaging/windows/Get-RpcFirewallEvent.ps1': 'Get-RpcFirewallEvent.ps1',
}
TEXT_SUFFIXES = {'.md', '.txt', '.conf', '.xml', '.ps1', ''}


class Refused(Exception):
    """No release can be made, and why."""


def run(*argv, **options):
    done = subprocess.run([str(word) for word in argv], capture_output=True, text=True, check=False, **options)
    if done.returncode != 0:
        raise Refused(f'{argv[0]} failed ({done.returncode}):\n{done.stdout}{done.stderr}')
    return done.stdout


def release_time():
    """Seconds since 1970."""
    text = os.environ.get('SOURCE_DATE_EPOCH')
    if not text:
        try:
            text = run('git', '-C', SOURCE, 'log', '-1', '--format=%ct').strip()
        except (Refused, FileNotFoundError) as error:
            raise Refused('no commit to take the time from: set SOURCE_DATE_EPOCH') from error
    if not text.isascii() or not text.isdigit():
        raise Refused(f'SOURCE_DATE_EPOCH is no number of seconds: {text}')
    return int(text)


def zip_date(seconds):
    date = time.gmtime(seconds)
    if not ZIP_FIRST_YEAR <= date.tm_year <= ZIP_LAST_YEAR:
        raise Refused(f'a zip cannot hold the year {date.tm_year}')
    return date[:5] + (date.tm_sec // 2 * 2,)


# ---- Programs ----

def build(folder):
    """Builds and strips the programs; returns the version."""
    environment = {**os.environ, 'LC_ALL': 'C', 'TZ': 'UTC'}
    for name in ('CFLAGS', 'CPPFLAGS', 'LDFLAGS', 'RCFLAGS'):
        environment.pop(name, None)
    run('cmake', '--preset', 'windows-x64', '-B', folder, cwd=SOURCE, env=environment)
    run('cmake', '--build', folder, '--target', *TARGETS, env=environment)
    version = re.search(r'^CMAKE_PROJECT_VERSION:STATIC=(.+)$', (folder / 'CMakeCache.txt').read_text('utf-8'), re.M)
    return version.group(1)


def strip(source, target):
    run('x86_64-w64-mingw32-strip', '--strip-all', '-o', target, source)


def signing_options(seconds):
    """The arguments of osslsigncode, or None when nothing is to be signed."""
    container = os.environ.get('RPCFW_SIGN_PKCS12')
    if not container:
        return None
    if not shutil.which('osslsigncode'):
        raise Refused('no osslsigncode to sign with (package osslsigncode)')
    options = ['-pkcs12', container, '-h', 'sha256', '-n', DESCRIPTION]
    password = os.environ.get('RPCFW_SIGN_PASSWORD_FILE')
    if password:
        options += ['-readpass', password]
    server = os.environ.get('RPCFW_SIGN_TIMESTAMP_URL')
    if server:
        return options + ['-ts', server]
    # Its own clock would be one thing that differs from run to run. Older releases call it -st.
    known = subprocess.run(['osslsigncode', 'sign', '--help'], capture_output=True, text=True, check=False)
    word = '-time' if re.search(r'^-time\b', known.stdout + known.stderr, re.M) else '-st'
    return options + [word, str(seconds)]


def sign(path, options):
    unsigned = path.with_name(path.name + '.unsigned')
    path.rename(unsigned)
    run('osslsigncode', 'sign', *options, '-in', unsigned, '-out', path)
    unsigned.unlink()


# ---- The zip ----

def text_of(path):
    """With the line ends of Windows, for Notepad of older releases shows no others, and the names that documents have here."""
    content = re.sub(rb'\b((?:docs/[\w-]+)|CHANGELOG|README)\.md\b', rb'\1.txt', path.read_bytes())
    return content.replace(b'\r\n', b'\n').replace(b'\n', b'\r\n')


def texts():
    """{name in the zip: bytes}"""
    found = {}
    for source, place in TEXTS.items():
        path = SOURCE / source
        if path.is_file():
            found[place] = text_of(path)
            continue
        for entry in sorted(path.iterdir()):
            if not entry.is_file() or entry.suffix not in TEXT_SUFFIXES:
                raise Refused(f'{entry} is no text, and nothing says what to do with it')
            name = entry.with_suffix('.txt').name if entry.suffix == '.md' else entry.name
            found[f'{place}/{name}'] = text_of(entry)
    return found


def sums(files):
    """As sha256sum prints and reads them."""
    lines = [f'{hashlib.sha256(content).hexdigest()}  {name}\n' for name, content in sorted(files.items())]
    return ''.join(lines).encode('utf-8')


def write_zip(path, folder, files, date):
    """Sorted, with one time for all: nothing of the machine it is made on."""
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(f'{folder}/{name}', date)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            entry.external_attr = (0o100755 if name.endswith('.exe') else 0o100644) << 16
            archive.writestr(entry, content)


def main(folder):
    folder = pathlib.Path(folder).resolve()
    seconds = release_time()
    date = zip_date(seconds)
    options = signing_options(seconds)
    os.environ['SOURCE_DATE_EPOCH'] = str(seconds)  # compiler, linker and strip ask for it
    version = build(folder / 'x64')
    ready = folder / 'stripped'
    shutil.rmtree(ready, ignore_errors=True)
    ready.mkdir()
    files = texts()
    for name in PROGRAMS:
        strip(folder / 'x64' / name, ready / name)
        if options:
            sign(ready / name, options)
        files[name] = (ready / name).read_bytes()
    files['SHA256SUMS'] = sums(files)
    name = f'rpc-firewall-{version}-windows-x64'
    write_zip(folder / f'{name}.zip', name, files, date)
    (folder / 'SHA256SUMS').write_bytes(sums({f'{name}.zip': (folder / f'{name}.zip').read_bytes()}))
    print(f'{folder / name}.zip ({"signed" if options else "not signed"})')
    print((folder / 'SHA256SUMS').read_text('utf-8'), end='')


if __name__ == '__main__':
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        main(sys.argv[1])
    except Refused as refusal:
        sys.exit(f'make_release.py: {refusal}')

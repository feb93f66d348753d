#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The release for Windows: the same bytes wherever and whenever it is built, all that belongs in it, nothing of the machine
that it was built on, and signatures that hold and break.

usage: test_release.py RPCFW

The certificates are made here. Whether Windows shows the signature as it should is not to be seen here; osslsigncode
verifies what it wrote itself.
"""
import hashlib
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
import zipfile

SOURCE = pathlib.Path(__file__).resolve().parents[2]
TOOLS = ('cmake', 'ninja', 'x86_64-w64-mingw32-gcc', 'x86_64-w64-mingw32-windmc', 'osslsigncode', 'openssl')
SKIPPED = 77
EPOCH = 1795334400      # 2026-11-22 08:00:00 UTC
BUILD_SECONDS = 400
PROGRAMS = ('rpcFwManager.exe', 'rpcFirewall.dll', 'rpcMessages.dll')
DYNAMIC_BASE, NX_COMPAT, HIGH_ENTROPY = 0x40, 0x100, 0x20
PASSWORD = 'with a blank'


def copy_sources(target):
    """What git knows of, as it lies here; without git, all but the builds."""
    listed = subprocess.run(['git', '-C', str(SOURCE), 'ls-files', '-z', '--cached', '--others', '--exclude-standard'],
                            capture_output=True, check=False)
    if listed.returncode != 0:
        shutil.copytree(SOURCE, target, ignore=shutil.ignore_patterns('build', '.git', '__pycache__'))
        return
    for name in filter(None, os.fsdecode(listed.stdout).split('\0')):
        if (SOURCE / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(SOURCE / name, target / name)


def make_release(sources, folder, **environment):
    return subprocess.run([sys.executable, str(sources / 'packaging/windows/make_release.py'), str(folder)],
                          env={**os.environ, 'SOURCE_DATE_EPOCH': str(EPOCH), **environment},
                          capture_output=True, text=True, timeout=BUILD_SECONDS, check=False)


def openssl(*arguments):
    subprocess.run(['openssl', *map(str, arguments)], capture_output=True, check=True, timeout=60)


def make_certificate(folder, name):
    """A self-signed certificate for code: (its PKCS#12 file, the certificate in PEM)."""
    key, certificate, container = (folder / f'{name}.{suffix}' for suffix in ('key', 'pem', 'p12'))
    openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', certificate, '-subj', f'/CN={name}',
            '-days', '3650', '-addext', 'extendedKeyUsage=codeSigning', '-addext', 'keyUsage=digitalSignature')
    openssl('pkcs12', '-export', '-inkey', key, '-in', certificate, '-out', container, '-passout', f'pass:{PASSWORD}')
    return container, certificate


def verifies(path, certificate):
    done = subprocess.run(['osslsigncode', 'verify', '-CAfile', str(certificate), '-in', str(path)],
                          capture_output=True, text=True, timeout=60, check=False)
    return done.returncode == 0


class Image:
    """The headers of a PE32+ file."""

    def __init__(self, content):
        at = struct.unpack_from('<I', content, 0x3c)[0]
        assert content[at:at + 4] == b'PE\0\0'
        self.time, _, self.symbol_count = struct.unpack_from('<III', content, at + 8)
        optional = at + 24
        assert struct.unpack_from('<H', content, optional)[0] == 0x20b
        self.characteristics = struct.unpack_from('<H', content, optional + 70)[0]


class Release(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        scratch = tempfile.TemporaryDirectory(prefix='rpcfw-release-')
        cls.addClassCleanup(scratch.cleanup)
        cls.scratch = pathlib.Path(scratch.name)
        # Folders of different length and depth: neither shows in the result.
        cls.first, cls.second = cls.scratch / 'a', cls.scratch / 'another' / 'place with blanks' / 'sources'
        copy_sources(cls.first)
        copy_sources(cls.second)
        cls.first_out, cls.second_out = cls.scratch / 'out', cls.second / 'build' / 'dist-windows'
        cls.check_made(make_release(cls.first, cls.first_out, TZ='UTC', LC_ALL='C'))
        mask = os.umask(0o077)
        try:
            cls.check_made(make_release(cls.second, cls.second_out, TZ='Asia/Tokyo', LC_ALL='C.UTF-8', CFLAGS='-O0'))
        finally:
            os.umask(mask)
        cls.archive = cls.archive_in(cls.first_out)
        with zipfile.ZipFile(cls.archive) as archive:
            cls.entries = archive.infolist()
            cls.top = cls.archive.stem
            cls.files = {entry.filename.removeprefix(cls.top + '/'): archive.read(entry) for entry in cls.entries}

    @staticmethod
    def check_made(done):
        if done.returncode != 0:
            raise AssertionError(done.stdout + done.stderr)

    @staticmethod
    def archive_in(folder):
        archives = list(folder.glob('*.zip'))
        assert len(archives) == 1, archives
        return archives[0]

    def test_the_same_bytes_in_another_folder(self):
        second = self.archive_in(self.second_out)
        self.assertEqual(self.archive.name, second.name)
        with zipfile.ZipFile(second) as archive:
            for entry in archive.infolist():
                self.assertEqual(archive.read(entry), self.files[entry.filename.removeprefix(self.top + '/')], entry.filename)
        self.assertEqual(self.archive.read_bytes(), second.read_bytes())
        self.assertEqual((self.first_out / 'SHA256SUMS').read_bytes(), (self.second_out / 'SHA256SUMS').read_bytes())

    def test_another_time_is_another_zip(self):
        """Else the comparison above could compare nothing."""
        before = self.archive.read_bytes()
        self.check_made(make_release(self.first, self.first_out, SOURCE_DATE_EPOCH=str(EPOCH + 3600)))
        after = self.archive.read_bytes()
        self.check_made(make_release(self.first, self.first_out))
        self.assertNotEqual(after, before)
        self.assertEqual(self.archive.read_bytes(), before)

    @unittest.skipUnless(shutil.which('git'), 'no git')
    def test_the_time_of_the_last_commit(self):
        before = self.archive.read_bytes()
        date = f'{EPOCH} +0000'
        environment = {**os.environ, 'GIT_COMMITTER_DATE': date, 'GIT_AUTHOR_DATE': date}
        self.addCleanup(shutil.rmtree, self.first / '.git', ignore_errors=True)
        for words in (['init', '-q'], ['-c', 'user.name=n', '-c', 'user.email=e', 'commit', '-q', '--allow-empty', '-m', 'm']):
            subprocess.run(['git', '-C', str(self.first), *words], env=environment, check=True, timeout=60)
        self.check_made(make_release(self.first, self.first_out, SOURCE_DATE_EPOCH=''))
        self.assertEqual(self.archive.read_bytes(), before)

    def test_what_is_in_it(self):
        for name in (*PROGRAMS, 'LICENSE.txt', 'README.txt', 'CHANGELOG.txt', 'THIRD-PARTY.txt', 'SHA256SUMS', 'docs/events.txt',
                     'Get-RpcFirewallEvent.ps1', 'event-forwarding/rpc-firewall.xml'):
            self.assertIn(name, self.files)
        shipped = {f'policies/{path.name}' for path in (SOURCE / 'policies').iterdir()}
        self.assertEqual(shipped, {name for name in self.files if name.startswith('policies/')})
        names = [entry.filename for entry in self.entries]
        self.assertEqual(names, sorted(names))
        self.assertEqual({entry.date_time for entry in self.entries}, {(2026, 11, 22, 8, 0, 0)})

    def test_sums(self):
        lines = self.files['SHA256SUMS'].decode('utf-8').splitlines()
        listed = dict(reversed(line.split('  ', 1)) for line in lines)
        self.assertEqual(set(listed), set(self.files) - {'SHA256SUMS'})
        for name, digest in listed.items():
            self.assertEqual(hashlib.sha256(self.files[name]).hexdigest(), digest, name)
        digest = hashlib.sha256(self.archive.read_bytes()).hexdigest()
        self.assertEqual((self.first_out / 'SHA256SUMS').read_text('utf-8'), f'{digest}  {self.archive.name}\n')

    def test_programs(self):
        for name in PROGRAMS:
            image = Image(self.files[name])
            self.assertIn(image.time, (0, EPOCH), name)
            self.assertEqual(image.symbol_count, 0, name)
            wanted = NX_COMPAT | DYNAMIC_BASE | HIGH_ENTROPY
            self.assertEqual(image.characteristics & wanted, wanted, name)
            for place in (self.scratch, SOURCE):
                self.assertNotIn(os.fsencode(place), self.files[name], name)

    def test_texts_are_for_windows(self):
        for name, content in self.files.items():
            if name not in PROGRAMS and name != 'SHA256SUMS':
                self.assertEqual(content.count(b'\n'), content.count(b'\r\n'), name)
                for document in re.findall(rb'\bdocs/[\w.-]*\w', content):
                    self.assertIn(document.decode('ascii'), self.files, f'{name} names a document that is not there')
        unpacked = self.scratch / 'unpacked'
        with zipfile.ZipFile(self.archive) as archive:
            archive.extractall(unpacked)
        for policy in sorted((unpacked / self.top / 'policies').iterdir()):
            # With what a site has to fill in, some are refused: the same as their originals.
            codes = [subprocess.run([rpcfw, 'check', str(path)], capture_output=True, check=False, timeout=60).returncode
                     for path in (policy, SOURCE / 'policies' / policy.name)]
            self.assertEqual(codes[0], codes[1], policy.name)

    def test_signatures(self):
        container, certificate = make_certificate(self.scratch, 'ours')
        _, stranger = make_certificate(self.scratch, 'a stranger')
        password = self.scratch / 'password'
        password.write_text(PASSWORD + '\n', 'utf-8')
        signing = {'RPCFW_SIGN_PKCS12': str(container), 'RPCFW_SIGN_PASSWORD_FILE': str(password)}
        self.check_made(make_release(self.first, self.first_out, **signing))
        signed = self.archive.read_bytes()
        for name in PROGRAMS:
            path = self.first_out / 'stripped' / name
            with zipfile.ZipFile(self.archive) as archive:
                self.assertEqual(archive.read(f'{self.top}/{name}'), path.read_bytes())
            self.assertTrue(verifies(path, certificate), name)
            self.assertFalse(verifies(path, stranger), name)
            broken = self.scratch / name
            content = bytearray(path.read_bytes())
            content[len(self.files[name]) // 2] ^= 1
            broken.write_bytes(content)
            self.assertFalse(verifies(broken, certificate), name)
            broken.write_bytes(self.files[name])
            self.assertFalse(verifies(broken, certificate), f'{name}, not signed')
        self.check_made(make_release(self.first, self.first_out, **signing))
        self.assertEqual(self.archive.read_bytes(), signed)
        wrong = make_release(self.first, self.first_out, **{**signing, 'RPCFW_SIGN_PASSWORD_FILE': os.devnull})
        self.assertNotEqual(wrong.returncode, 0)
        self.check_made(make_release(self.first, self.first_out))

    def test_no_release_without_a_time(self):
        out = self.scratch / 'none'
        for epoch in ('yesterday', '-1', '99999999999'):
            done = make_release(self.first, out, SOURCE_DATE_EPOCH=epoch)
            self.assertEqual(done.returncode, 1, epoch)
            self.assertFalse(out.exists())


if __name__ == '__main__':
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing:
        print('skipped: not installed: ' + ' '.join(missing))
        sys.exit(SKIPPED)
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    rpcfw = sys.argv.pop(1)
    unittest.main()

# SPDX-License-Identifier: Apache-2.0
"""A Linux host of its own for one test program: network, processes, host name and file system are private.

enter() runs the program again in new namespaces. /run is empty, and /etc, /usr and /var are overlays, so that Samba, the
firewall and the tools use the paths that they use on any host, while nothing of the machine changes. Everything that was
started ends with the program, however it ends.
"""
import contextlib
import ctypes
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import unittest
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / 'tests'))
from waiting import wait_until  # noqa: E402,F401

BUILD = Path(os.environ.get('RPCFW_BUILD') or SOURCE / 'build/linux').resolve()
RPCFW = BUILD / 'rpcfw'
AGENT = BUILD / 'rpcfirewall.so'
SHIM = BUILD / 'tests/samba/source_address.so'

SKIPPED = 77            # what ctest takes for "skipped"
INSIDE = 'RPCFW_TEST_SANDBOX'
# A folder with Debian packages of another Samba than is installed here, to take its place in the sandbox.
OTHER_SAMBA = 'RPCFW_TEST_SAMBA'
KNOWN_SAMBA = range(17, 23)     # 4.N; src/samba/agent/layouts.c
HOST_NAME = 'dc1'
# 127.0.0.1 is the host; the others stand for machines that call it.
ATTACKER, OTHER_DC, ADMIN = '127.0.0.2', '127.0.0.3', '127.0.0.4'
OVERLAID = ('etc', 'usr', 'var')
EMPTIED = ('/var/lib/samba', '/var/cache/samba', '/var/log/samba', '/etc/samba')
# What an installed firewall would bring along.
LEFTOVERS = ('/etc/rpcfw', '/var/log/rpcfw', '/var/lib/rpcfw')
SAMBA_SERVERS = ('samba', 'smbd', 'winbindd', 'samba-dcerpcd')
JOURNAL = '/run/systemd/journal/socket'


class SandboxError(Exception):
    """The host did not do what every test takes for granted."""


def skip(reason):
    print('skipped: ' + reason, flush=True)
    sys.exit(SKIPPED)


def _needs(*programs):
    for program in programs:
        if not shutil.which(program):
            skip(f'no {program} here; scripts/install-packages test installs it')


def _needs_other_samba(folder):
    if not (folder / 'complete').exists():
        skip(f'no other Samba in {folder}; scripts/fetch-samba-backports fetches one')
    version = re.search(r'samba_\S*?4\.(\d+)\.', ' '.join(os.listdir(folder)))
    if not version or int(version[1]) not in KNOWN_SAMBA:
        skip(f'the agent knows no layout of the Samba in {folder}')


def enter():
    """Goes on in a sandbox of its own; skips where there can be none."""
    if os.environ.get(INSIDE) == 'yes':
        return
    if os.geteuid() != 0:
        skip('needs root, for namespaces of its own')
    _needs('unshare', 'ip', 'mount', 'samba', 'smbd', 'smbclient')
    if os.environ.get(OTHER_SAMBA):
        _needs_other_samba(Path(os.environ[OTHER_SAMBA]))
    new = ['unshare', '--net', '--mount', '--pid', '--uts', '--ipc', '--fork', '--kill-child', '--mount-proc',
           '--propagation', 'private']
    if subprocess.run([*new, 'true'], capture_output=True, check=False).returncode != 0:
        skip('may not make namespaces here')
    os.environ[INSIDE] = 'yes'
    # A shell is the first process: it takes leave of the daemons that outlive their parents.
    os.execvp('unshare', [*new, 'sh', '-c', '"$@"; exit $?', 'sandbox', '/usr/bin/python3', *sys.argv])


def _mount(*arguments):
    subprocess.run(['mount', *map(str, arguments)], check=True)


def _overlay(name):
    upper, work = Path('/run/.overlay', name, 'upper'), Path('/run/.overlay', name, 'work')
    upper.mkdir(parents=True)
    work.mkdir()
    _mount('-t', 'overlay', 'overlay', '-o', f'lowerdir=/{name},upperdir={upper},workdir={work}', f'/{name}')


def module_directory():
    """Where Samba looks for gensec/*.so and dcerpc_server/*.so."""
    told = subprocess.run(['smbd', '-b'], capture_output=True, text=True, check=True).stdout
    return Path(next(line.split(':', 1)[1].strip() for line in told.splitlines() if 'MODULESDIR' in line))


def _samba_version():
    return subprocess.run(['smbd', '--version'], capture_output=True, text=True, check=True).stdout


def _replace_samba(folder):
    """Takes out the files of the packages that are there in another version, and puts the others in."""
    unpacked = Path('/run/.other-samba')
    version = _samba_version()
    for package in sorted(Path(folder).glob('*.deb')):
        name = subprocess.run(['dpkg-deb', '-f', package, 'Package'], capture_output=True, text=True, check=True).stdout.strip()
        installed = subprocess.run(['dpkg', '-L', name], capture_output=True, text=True, check=False).stdout
        for path in map(Path, installed.splitlines()):
            if path.is_relative_to('/usr') and (path.is_symlink() or path.is_file()):
                path.unlink()
        subprocess.run(['dpkg-deb', '-x', package, unpacked], check=True)
    if (unpacked / 'lib').is_dir():
        shutil.copytree(unpacked / 'lib', unpacked / 'usr/lib', symlinks=True, dirs_exist_ok=True)
    shutil.copytree(unpacked / 'usr', '/usr', symlinks=True, dirs_exist_ok=True)
    shutil.rmtree(unpacked)
    subprocess.run(['ldconfig'], check=True)
    if _samba_version() == version:
        raise SandboxError(f'{folder} holds the Samba that is installed here')


def make_private():
    """Once, after enter(): network, file system, names."""
    subprocess.run(['hostname', HOST_NAME], check=True)
    subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)
    for address in (ATTACKER, OTHER_DC, ADMIN):
        subprocess.run(['ip', 'address', 'add', address + '/8', 'dev', 'lo'], check=True)
    _mount('-t', 'tmpfs', '-o', 'mode=0755', 'tmpfs', '/run')
    for name in OVERLAID:
        _overlay(name)
    if os.environ.get(OTHER_SAMBA):
        _replace_samba(os.environ[OTHER_SAMBA])
    for path in map(Path, EMPTIED):
        path.mkdir(parents=True, exist_ok=True)
        _mount('-t', 'tmpfs', '-o', 'mode=0755', 'tmpfs', path)
    for path in LEFTOVERS:
        shutil.rmtree(path, ignore_errors=True)
    for path in module_directory().glob('*/rpcfirewall*.so'):
        path.unlink()
    for path in ('/run/samba/ncalrpc', '/run/lock'):
        Path(path).mkdir(parents=True)


class Journal:
    """Stands in for systemd-journald's socket: what would be in the journal, as texts."""

    def __init__(self):
        Path(JOURNAL).parent.mkdir(parents=True, exist_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(JOURNAL)
        self.entries = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        while True:
            datagram, ancillary, *_ = self._socket.recvmsg(1 << 20, socket.CMSG_SPACE(4))
            for level, kind, data in ancillary:     # a large entry comes as a file
                if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                    with os.fdopen(int.from_bytes(data[:4], sys.byteorder), 'rb') as file:
                        file.seek(0)
                        datagram = file.read()
            self.entries.append(datagram.decode('utf-8', 'replace'))

    def text(self):
        return '\n'.join(self.entries)


def client_environment(source=None, **more):
    """The environment of a client that calls from this address."""
    environment = {name: os.environ[name] for name in ('PATH', 'HOME', 'TMPDIR') if name in os.environ}
    environment.update(LC_ALL='C.UTF-8', PYTHONDONTWRITEBYTECODE='1', **more)
    if source:
        if not SHIM.exists():
            raise SandboxError(f'{SHIM} is not built: run make')
        environment.update(LD_PRELOAD=str(SHIM), RPCFW_SOURCE_ADDRESS=source)
    return environment


def run(*argv, source=None, timeout=60, stdin='', **more):
    """Runs a client to its end; texts of stdout and stderr together in stdout."""
    return subprocess.run([*map(str, argv)], env=client_environment(source, **more), input=stdin, timeout=timeout,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors='replace', check=False)


def processes():
    """{pid: (parent, name)} of all that runs in this sandbox but zombies."""
    found = {}
    for stat in Path('/proc').glob('[0-9]*/stat'):
        with contextlib.suppress(OSError):
            text = stat.read_text(encoding='utf-8', errors='replace')
            name, rest = text[text.index('(') + 1:text.rindex(')')], text[text.rindex(')') + 2:].split()
            if rest[0] not in 'ZX':
                found[int(stat.parent.name)] = (int(rest[1]), name)
    return found


def pids_named(*names):
    return sorted(pid for pid, (_, name) in processes().items() if name in names)


def samba_pids():
    """Samba's servers, whatever they call themselves: samba-dcerpcd is of no family, and children rename themselves."""
    found = []
    for pid in processes():
        with contextlib.suppress(OSError):
            program = Path(os.readlink(f'/proc/{pid}/exe'))
            if program.name in SAMBA_SERVERS or program.name.startswith('rpcd_'):
                found.append(pid)
    return sorted(found)


def end_processes(pids, timeout=10):
    """Ends them, at last by force. They are of this sandbox: no other is visible here."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        if wait_until(lambda: not set(pids) & set(processes()), timeout) is not None:
            return
    raise SandboxError(f'still there: {[processes().get(pid) for pid in pids]}')


def die_with_parent():
    """For preexec_fn: SIGKILL when the test ends without having ended its child."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def main():
    """The end of every test file: leaves time to clean up before ctest's own limit."""
    limit = int(os.environ.get('RPCFW_TEST_SECONDS', '0'))

    def expired(*_):
        raise SandboxError(f'the whole test took more than {limit} s')

    signal.signal(signal.SIGALRM, expired)
    signal.alarm(limit)
    unittest.main(verbosity=2, failfast=False)

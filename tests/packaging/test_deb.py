#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The Debian packages on a machine like this one: built, installed, started, upgraded, removed, purged.

Runs in a copy of the whole file system (an overlay in a mount namespace of its own, with own processes and network), so that
nothing of it stays. Needs root; without it, or without a kernel that allows overlays, the test is skipped and says why.
"""
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
INSIDE = 'RPCFW_TEST_INSIDE'
SKIP = 77
OLD, NEW = '0.0.1', '0.0.2'
SCRATCH = Path('/var/tmp/rpcfw-deb-test')
PASSWORD = 'pw-0f-a-test'
DROP_IN = Path('/etc/systemd/system/smbd.service.d/rpcfw.conf')
APPARMOR = Path('/etc/apparmor.d/abstractions/samba.d/rpcfw')


def enter():
    """Runs this program again as the first process of namespaces of its own, in a copy of the file system."""
    if os.geteuid() != 0:
        print('skipped: not root')
        sys.exit(SKIP)
    if not shutil.which('smbd') or not shutil.which('dpkg-buildpackage'):
        print('skipped: no smbd or dpkg-buildpackage here; run: scripts/install-packages build test package')
        sys.exit(SKIP)
    for version in (OLD, NEW):
        subprocess.run([ROOT / 'scripts/make-deb', version], check=True, stdout=subprocess.DEVNULL)
    mount = '/tmp/rpcfw-deb-overlay'
    script = f'''set -e
mkdir -p {mount}; mount -t tmpfs none {mount}; mkdir {mount}/upper {mount}/work {mount}/all
mount -t overlay overlay -o lowerdir=/,upperdir={mount}/upper,workdir={mount}/work {mount}/all || exit {SKIP}
mount --rbind /dev {mount}/all/dev; mount -t proc proc {mount}/all/proc
mount -t tmpfs none {mount}/all/run; mount -t tmpfs none {mount}/all/tmp
mkdir -p {mount}/all{ROOT}; mount --bind {ROOT} {mount}/all{ROOT}
ip link set lo up
exec chroot {mount}/all /usr/bin/env -C / {INSIDE}=1 /usr/bin/python3 {__file__}'''
    done = subprocess.run(['unshare', '--net', '--mount', '--pid', '--fork', '--propagation', 'private', 'sh', '-c', script])
    if done.returncode == SKIP:
        print('skipped: this kernel allows no overlay here')
    sys.exit(done.returncode)


def dpkg(*arguments):
    print(run('dpkg', *arguments).stdout)


def run(*command, ok=True, **options):
    done = subprocess.run([str(word) for word in command], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=120, **options)
    if ok and done.returncode:
        raise AssertionError(f'{command} ended with {done.returncode}:\n{done.stdout}')
    return done


def package(name, version):
    return ROOT / f'build/deb/{name}_{version}_amd64.deb'


def wait_until(condition, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.1)
    return False


class Samba:
    """A file server of its own: smbd and what it starts."""

    def __init__(self):
        self.folder = SCRATCH / 'samba'
        for name in ('run', 'ncalrpc', 'private', 'lock', 'state', 'cache', 'log', 'share'):
            (self.folder / name).mkdir(parents=True)
        Path('/run/samba').mkdir()
        self.conf = self.folder / 'smb.conf'
        self.conf.write_text(f'''[global]
 workgroup = TEST
 server role = standalone server
 interfaces = lo
 bind interfaces only = yes
 pid directory = {self.folder}/run
 ncalrpc dir = {self.folder}/ncalrpc
 private dir = {self.folder}/private
 lock directory = {self.folder}/lock
 state directory = {self.folder}/state
 cache directory = {self.folder}/cache
 log file = {self.folder}/log/%m
 panic action =
[share]
 path = {self.folder}/share
''')
        run('smbpasswd', '-c', self.conf, '-s', '-a', 'root', input=f'{PASSWORD}\n{PASSWORD}\n')
        # At its end smbd tells its whole process group: that must not be ours.
        self.process = subprocess.Popen(['smbd', '-F', '--no-process-group', '-s', self.conf], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)

    def shares(self):
        """Lists the shares over RPC; whether that was answered."""
        done = run('rpcclient', '-U', f'root%{PASSWORD}', '-s', self.conf, 'ncacn_np:127.0.0.1', '-c', 'netshareenumall',
                   ok=False)
        return 'netname: share' in done.stdout

    def stop(self):
        for name in ('samba-dcerpcd.pid', 'smbd.pid'):
            file = self.folder / 'run' / name
            if file.exists():
                try:
                    os.kill(int(file.read_text()), signal.SIGTERM)
                except ProcessLookupError:
                    pass
        self.process.wait(20)


def status():
    return json.loads(run('rpcfw', 'status', '--json').stdout)


def agents(state='protected'):
    return [entry for entry in status()['processes'] if entry['state'] == state]


class Packages(unittest.TestCase):
    """One story, told in order."""

    @classmethod
    def setUpClass(cls):
        SCRATCH.mkdir(parents=True)
        shutil.rmtree('/etc/rpcfw', ignore_errors=True)

    def test_story(self):
        self.install()
        samba = Samba()
        try:
            self.assertTrue(wait_until(samba.shares), 'the file server does not answer')
            service = self.serve()
            self.protected(samba)
            self.upgrade(samba)
            service.terminate()
            service.wait(20)
            self.remove(samba)
        finally:
            samba.stop()
        self.purge()

    def install(self):
        dpkg('-i', package('rpcfw', OLD), package('rpcfw-samba', OLD))
        self.assertIn(OLD, run('dpkg-query', '-W', '-f', '${Version}', 'rpcfw-samba').stdout)
        policy = Path('/etc/rpcfw/RpcFw.conf')
        self.assertEqual(policy.stat().st_mode & 0o7777, 0o600)
        self.assertEqual(policy.parent.stat().st_mode & 0o7777, 0o700)
        self.assertEqual(run('rpcfw', 'check', policy).returncode, 0)
        self.assertEqual(APPARMOR.stat().st_mode & 0o7777, 0o644)
        self.assertEqual(APPARMOR.read_bytes(), (ROOT / 'packaging/apparmor/rpcfw').read_bytes())
        self.assertTrue(Path('/usr/share/man/man1/rpcfw.1.gz').exists())
        told = run('systemd-analyze', 'verify', '/lib/systemd/system/rpcfw.service', ok=False).stdout
        # Where manual pages are not kept it cannot read them.
        self.assertEqual([line for line in told.splitlines() if 'rpcfw.service' in line and "'man " not in line], [])

    def serve(self):
        service = subprocess.Popen(['rpcfw', 'serve'], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        self.assertTrue(wait_until(lambda: status()['service']['running']), 'the service does not start')
        return service

    def protected(self, samba):
        log = Path('/var/log/rpcfw/audit.jsonl')
        self.assertTrue(samba.shares())
        self.assertTrue(agents(), status())
        checks = json.loads(run('rpcfw', 'doctor', '--json', ok=False).stdout)['checks']
        self.assertEqual([check for check in checks if check['check'] in ('modules', 'agent') and check['level'] != 'good'], [])
        self.assertTrue(wait_until(lambda: log.exists() and 'NetrShareEnum' in log.read_text()), 'nothing was recorded')

    def upgrade(self, samba):
        marker = '# of the administrator\n'
        policy = Path('/etc/rpcfw/RpcFw.conf')
        policy.write_text(policy.read_text() + marker)
        self.preload()
        before = {entry['pid'] for entry in agents()}
        dpkg('-i', '--force-confold', package('rpcfw', NEW), package('rpcfw-samba', NEW))
        self.assertIn(marker, policy.read_text())
        self.assertTrue(samba.shares(), 'the server was hurt by the upgrade')
        now = {entry['pid']: entry['release'] for entry in agents()}
        self.assertTrue(before & now.keys(), 'no process was protected before and after the upgrade')
        self.assertEqual(set(now.values()), {NEW}, now)
        self.preload_stays()

    def preload(self):
        """Chosen on a host where the package has placed links to modules: those stay."""
        self.assertIn("the package's links", run('rpcfw', 'install', '--no-service', '--preload').stdout)
        self.assertTrue(DROP_IN.exists())
        self.assertEqual(len(self.links()), 2)

    def preload_stays(self):
        agent = os.path.realpath(self.links()[0])
        self.assertIn(NEW, agent)
        self.assertIn(f'LD_PRELOAD={agent}\n', DROP_IN.read_text())
        # Until it is chosen away.
        run('rpcfw', 'install', '--no-service')
        self.assertFalse(DROP_IN.parent.exists())
        self.assertEqual(len(self.links()), 2)

    @staticmethod
    def links():
        return [path for path in Path('/usr/lib').rglob('samba/*/rpcfirewall.so') if path.is_symlink()]

    def remove(self, samba):
        refused = run('rpcfw', 'uninstall', ok=False)
        self.assertEqual(refused.returncode, 2, refused.stdout)
        self.assertIn('rpcfw-samba', refused.stdout)
        # Blocked until it goes, so that it shows that the agents went from what runs.
        Path('/etc/rpcfw/RpcFw.conf').write_text('fw:uuid:srvsvc action:block\n')
        run('rpcfw', 'update')
        self.assertFalse(samba.shares(), 'nothing is blocked')
        drop_ins = [Path(f'/etc/systemd/system/{unit}.service.d') for unit in ('smbd', 'other')]
        for folder, text in zip(drop_ins, ('# Made by rpcfw install --preload.\n', '# Of the administrator.\n')):
            folder.mkdir()
            (folder / 'rpcfw.conf').write_text(text)
        dpkg('-r', 'rpcfw-samba', 'rpcfw')
        left = [str(path) for path in Path('/usr/lib').rglob('*rpcfirewall*')]
        self.assertEqual(left, [])
        self.assertEqual([folder.exists() for folder in drop_ins], [False, True])
        self.assertTrue(samba.shares(), 'the server was hurt by the removal')
        self.assertTrue(Path('/etc/rpcfw/RpcFw.conf').exists())

    def purge(self):
        dpkg('-P', 'rpcfw-samba', 'rpcfw')
        for path in (APPARMOR, '/etc/rpcfw', '/var/log/rpcfw', '/run/rpcfw', '/var/lib/rpcfw'):
            self.assertFalse(Path(path).exists(), f'{path} is left')


if __name__ == '__main__':
    if INSIDE not in os.environ:
        enter()
    unittest.main(verbosity=2)

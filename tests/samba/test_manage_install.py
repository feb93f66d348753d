# SPDX-License-Identifier: Apache-2.0
"""rpcfw install and uninstall on a host where no Samba runs: what is placed, with which rights, and that it all goes again.

RPCFW_KILLS: how many managers are killed at random moments; 40 unless set.
"""
import fcntl
import hashlib
import json
import os
import random
import shutil
import stat
import subprocess
import time
import unittest
from pathlib import Path

import sandbox

sandbox.enter()
sandbox.make_private()

from hostfirewall import POLICY, HostFirewall                       # noqa: E402

KILLS = int(os.environ.get('RPCFW_KILLS', '40'))
MODULES = sandbox.module_directory()
LINKS = (MODULES / 'gensec/rpcfirewall.so', MODULES / 'dcerpc_server/rpcfirewall.so')
LIBRARY = MODULES.parent / 'rpcfw'
STATE, RECORD = Path('/run/rpcfw'), Path('/var/lib/rpcfw/installed')
UNIT, LOGROTATE = Path('/etc/systemd/system/rpcfw.service'), Path('/etc/logrotate.d/rpcfw')
# Where an installation changes anything.
WATCHED = (MODULES, MODULES.parent, Path('/etc/rpcfw'), UNIT.parent, LOGROTATE.parent, RECORD.parent, STATE)
AS_NOBODY = ('setpriv', '--reuid=65534', '--regid=65534', '--clear-groups')
GOOD, BAD = 'action:allow audit:true id:good', 'action:deny'


def picture():
    """What stands at the watched places: kind, rights and contents of each object, folders one level deep."""
    found = {}
    for folder in WATCHED:
        for path in [folder, *(folder.glob('*') if folder.is_dir() else ()), *folder.glob('*.d/*'), *LINKS]:
            if path.is_symlink():
                found[str(path)] = ('link', os.readlink(path))
            elif path.is_file() and 'rpcfw' in str(path):
                status = path.stat()
                found[str(path)] = ('file', status.st_mode, status.st_uid, hashlib.sha256(path.read_bytes()).hexdigest())
            elif path.is_dir():
                found[str(path)] = ('folder', path.stat().st_mode)
    return found


def only_placed(seen):
    """Without what runs: the state changes by itself."""
    return {path: what for path, what in seen.items() if not path.startswith(str(STATE))}


def service_pid():
    try:
        return json.loads(subprocess.run([sandbox.RPCFW, 'status', '--json'], capture_output=True, text=True,
                                         check=True).stdout)['service'].get('pid')
    except subprocess.CalledProcessError:
        return None


class Install(unittest.TestCase):
    def setUp(self):
        self.firewall = HostFirewall()
        self.before = picture()

    def tearDown(self):
        shutil.rmtree('/run/systemd/system', ignore_errors=True)
        subprocess.run([sandbox.RPCFW, 'uninstall'], capture_output=True, check=False)
        sandbox.end_processes(sandbox.pids_named('rpcfw'))
        for path in (POLICY.parent, STATE, RECORD.parent, LIBRARY):
            shutil.rmtree(path, ignore_errors=True)
        for path in (*LINKS, UNIT, LOGROTATE):
            path.unlink(missing_ok=True)

    def assert_refused(self, done, code, *words):
        self.assertEqual(code, done.returncode, done.stdout + done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)

    # ---- What is placed ----

    def test_rights_of_everything(self):
        self.firewall.must('install')
        agent = Path(os.readlink(LINKS[0]))
        expected = {
            LIBRARY: 0o755, agent: 0o644, LIBRARY / 'rpcfw': 0o755, LINKS[1].parent: 0o755,
            POLICY.parent: 0o700, POLICY: 0o600, UNIT: 0o644, LOGROTATE: 0o644,
            RECORD.parent: 0o700, RECORD: 0o600,
            STATE: 0o700, STATE / 'control': 0o600, STATE / 'processes': 0o600, STATE / 'events': 0o600,
            STATE / 'lock': 0o600, STATE / 'policy-1': 0o400, STATE / 'hits-1': 0o600, STATE / 'service': 0o600,
        }
        for path, mode in expected.items():
            status = path.lstat()
            self.assertEqual((oct(mode), 0, 0), (oct(stat.S_IMODE(status.st_mode)), status.st_uid, status.st_gid), path)
        self.assertEqual(sandbox.AGENT.read_bytes(), agent.read_bytes())
        for link in LINKS:
            self.assertEqual(str(agent), os.readlink(link))
        self.assertEqual('', subprocess.run(['find', str(STATE), '!', '-user', 'root', '-o', '-perm', '/077'],
                                            capture_output=True, text=True, check=True).stdout)

    def test_service_runs_the_placed_program(self):
        self.firewall.must('install')
        self.assertEqual(LIBRARY / 'rpcfw', Path(os.readlink(f'/proc/{service_pid()}/exe')))
        self.assertIn(f'ExecStart={LIBRARY}/rpcfw serve', UNIT.read_text())

    def test_starter_policy_records_and_blocks_nothing(self):
        self.firewall.must('install')
        self.firewall.must('check', '--strict', POLICY)
        told = self.firewall.must('explain', '-p', POLICY, 'uuid=drsuapi', 'opnum=3', 'addr=192.0.2.1')
        self.assertTrue(told.startswith('allow audit'), told)

    def test_twice_is_once(self):
        self.firewall.must('install')
        first = only_placed(picture())
        self.firewall.must('install')
        self.assertEqual(first, only_placed(picture()))
        self.assertEqual(1, self.firewall.status()['generation'])

    def test_uninstall_leaves_nothing(self):
        self.firewall.must('install')
        self.assertNotEqual(self.before, picture())
        self.assertIn('removed', self.firewall.must('uninstall'))
        self.assertEqual(self.before, picture())
        self.assertEqual([], sandbox.pids_named('rpcfw'))
        self.firewall.must('uninstall')

    def test_own_policy_stays(self):
        self.firewall.write_policy(GOOD)
        self.firewall.must('install')
        self.firewall.must('uninstall')
        self.assertEqual(GOOD + '\n', POLICY.read_text())

    def test_changed_policy_stays(self):
        self.firewall.must('install')
        self.firewall.write_policy(GOOD)
        told = self.firewall.must('uninstall')
        self.assertIn(f'left: {POLICY}', told)
        self.assertEqual(GOOD + '\n', POLICY.read_text())

    def test_newer_build_takes_the_place_of_an_older(self):
        self.firewall.must('install')
        older = os.readlink(LINKS[0])
        newer_build = Path('/run/newer-build')
        newer_build.mkdir()
        shutil.copy(sandbox.RPCFW, newer_build / 'rpcfw')
        (newer_build / 'rpcfirewall.so').write_bytes(sandbox.AGENT.read_bytes() + b'another build')
        subprocess.run([newer_build / 'rpcfw', 'install'], capture_output=True, check=True)
        newer = os.readlink(LINKS[0])
        self.assertNotEqual(older, newer)
        self.assertEqual(newer, os.readlink(LINKS[1]))
        self.assertFalse(os.path.exists(older))
        self.assertEqual((newer_build / 'rpcfirewall.so').read_bytes(), Path(newer).read_bytes())
        self.firewall.must('uninstall')
        self.assertEqual(self.before, picture())

    # ---- Refusals ----

    def test_foreign_files(self):
        for path in (LINKS[0], UNIT, LOGROTATE):
            with self.subTest(path):
                path.write_text('foreign')
                before = picture()
                self.assert_refused(self.firewall.rpcfw('install'), 2, str(path), 'did not put it there')
                self.assertEqual('foreign', path.read_text())
                self.assertEqual(only_placed(before), only_placed(picture()))
                path.unlink()

    def test_link_of_another_program(self):
        os.symlink('/usr/lib/other/rpcfirewall.so', LINKS[0])
        self.assert_refused(self.firewall.rpcfw('install'), 2, str(LINKS[0]))
        self.assertEqual('/usr/lib/other/rpcfirewall.so', os.readlink(LINKS[0]))

    def test_bad_policy(self):
        self.firewall.write_policy(BAD)
        before = only_placed(picture())
        self.assert_refused(self.firewall.rpcfw('install'), 1, "did you mean 'block'", 'nothing was changed')
        self.assertEqual(before, only_placed(picture()))
        self.assertEqual(0, self.firewall.status()['generation'])

    def test_no_samba(self):
        smbd = Path('/usr/sbin/smbd')
        smbd.rename('/usr/sbin/smbd.away')
        subprocess.run(['mount', '-t', 'tmpfs', 'tmpfs', str(MODULES)], check=True)
        self.addCleanup(lambda: (Path('/usr/sbin/smbd.away').rename(smbd),
                                 subprocess.run(['umount', str(MODULES)], check=True)))
        self.assert_refused(self.firewall.rpcfw('install'), 2, 'no Samba')
        self.assertFalse(POLICY.parent.exists())

    def test_no_agent(self):
        alone = Path('/run/alone')
        alone.mkdir()
        shutil.copy(sandbox.RPCFW, alone)
        self.assert_refused(subprocess.run([alone / 'rpcfw', 'install'], capture_output=True, text=True, check=False), 2,
                            'no agent')
        self.assertEqual(only_placed(self.before), only_placed(picture()))

    def test_only_root(self):
        program = Path('/usr/local/bin/rpcfw-for-all')
        shutil.copy(sandbox.RPCFW, program)
        for verb in ('install', 'uninstall', 'pid 1', 'unprotect', 'update', 'status', 'doctor'):
            done = subprocess.run([*AS_NOBODY, program, *verb.split()], capture_output=True, text=True, check=False)
            self.assert_refused(done, 2, 'only root')

    def test_wrong_usage(self):
        for arguments in (('install', '--for', 'windows'), ('install', '--for'), ('install', 'x'), ('pid',), ('pid', '0'),
                          ('pid', '12x'), ('pid', '1', '2'), ('unprotect', '-1'), ('update', '--json'), ('status', '--what')):
            self.assert_refused(self.firewall.rpcfw(*arguments), 2, 'usage:')

    def test_no_policy(self):
        self.assert_refused(self.firewall.rpcfw('update'), 2, str(POLICY))

    def test_state_that_others_may_open(self):
        STATE.mkdir(mode=0o755)
        os.chmod(STATE, 0o755)
        for verb in ('install', 'update', 'status', 'doctor'):
            self.assert_refused(self.firewall.rpcfw(verb), 2, "not root's alone")
        self.assertEqual(only_placed(self.before), only_placed(picture()))

    # ---- Policies ----

    def test_bad_policy_changes_nothing_in_force(self):
        self.firewall.write_policy(GOOD)
        self.firewall.must('install')
        self.firewall.write_policy(GOOD, BAD)
        self.assert_refused(self.firewall.rpcfw('update'), 1, f'{POLICY}:2:8: error')
        status = self.firewall.status()
        self.assertEqual((1, 'refused'), (status['generation'], status['policy_file']))

    def test_prose_with_compat(self):
        self.firewall.write_policy(GOOD)
        self.firewall.must('install')
        self.firewall.write_policy('fw:' + GOOD, 'some words in between')
        self.assertEqual(1, self.firewall.rpcfw('update').returncode)
        self.firewall.must('update', '--compat')
        status = self.firewall.status()
        self.assertEqual((2, 'same'), (status['generation'], status['policy_file']))

    def test_policy_that_others_may_write(self):
        self.firewall.write_policy(GOOD)
        os.chmod(POLICY, 0o666)
        done = self.firewall.rpcfw('install')
        self.assertEqual(0, done.returncode)
        self.assertIn(f'others than root may change {POLICY}', done.stderr)

    def test_managers_take_turns(self):
        self.firewall.write_policy(GOOD)
        self.firewall.must('install')
        before = self.firewall.status()['generation']
        managers = [subprocess.Popen([sandbox.RPCFW, 'update'], stdout=subprocess.DEVNULL) for _ in range(12)]
        self.assertEqual([0] * 12, [manager.wait(60) for manager in managers])
        self.assertEqual(before + 12, self.firewall.status()['generation'])
        self.assertEqual(1, len(list(STATE.glob('policy-*'))))

    def test_lock_that_is_held(self):
        self.firewall.write_policy(GOOD)
        self.firewall.must('install')
        with open(STATE / 'lock', 'rb') as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.assert_refused(self.firewall.rpcfw('update'), 2, 'another rpcfw is at work')
        self.firewall.must('update')

    # ---- Failures half way ----

    def test_failure_half_way_is_undone(self):
        subprocess.run(['mount', '-t', 'tmpfs', '-o', 'ro', 'tmpfs', str(LOGROTATE.parent)], check=True)
        before = picture()
        done = self.firewall.rpcfw('install')
        after = picture()
        subprocess.run(['umount', str(LOGROTATE.parent)], check=True)
        self.assert_refused(done, 2, str(LOGROTATE), 'as they were before')
        self.assertEqual(only_placed(before), only_placed(after))

    def test_failed_upgrade_leaves_the_older(self):
        self.firewall.must('install')
        before = only_placed(picture())
        build = Path('/run/failing-build')
        build.mkdir()
        shutil.copy(sandbox.RPCFW, build / 'rpcfw')
        (build / 'rpcfirewall.so').write_bytes(sandbox.AGENT.read_bytes() + b'fails')
        (MODULES / 'dcerpc_server/rpcfirewall.so.rpcfw-new').mkdir()    # where the new link would be made
        self.addCleanup(lambda: (MODULES / 'dcerpc_server/rpcfirewall.so.rpcfw-new').rmdir())
        done = subprocess.run([build / 'rpcfw', 'install'], capture_output=True, text=True, check=False)
        self.assert_refused(done, 2, 'as they were before')
        self.assertEqual(before, only_placed(picture()))

    def kill_while(self, verb, seconds):
        """True: it was killed; false: it had ended."""
        manager = subprocess.Popen([sandbox.RPCFW, verb], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(random.random() * seconds)
        manager.kill()
        return manager.wait() < 0

    def assert_old_or_new(self):
        """Nothing of what stands there is half of something."""
        for link in LINKS:
            if link.is_symlink():
                self.assertEqual(sandbox.AGENT.read_bytes(), link.read_bytes())
        if POLICY.exists():
            self.firewall.must('check', POLICY)
        if STATE.exists():
            status = self.firewall.status()
            self.assertLessEqual(status['generation'] > 0, (STATE / f'policy-{status["generation"]}').exists())

    def test_killed_managers(self):
        random.seed(1)
        killed = 0
        for _ in range(KILLS // 2):
            killed += self.kill_while('install', 0.12)
            self.assert_old_or_new()
            if random.random() < 0.3:
                self.firewall.must('install')
                self.assertEqual(0, self.firewall.rpcfw('doctor').returncode)
            killed += self.kill_while('uninstall', 0.03)
            self.assert_old_or_new()
            if random.random() < 0.3:
                self.firewall.must('uninstall')
                self.assertEqual(only_placed(self.before), only_placed(picture()))
        self.firewall.must('install')
        self.firewall.must('uninstall')
        self.assertEqual(self.before, picture())
        print(f'\n{killed} of {KILLS} managers were killed at work', flush=True)
        self.assertGreater(killed, KILLS / 4)

    def test_killed_updates(self):
        self.firewall.write_policy(GOOD)
        self.firewall.must('install')
        random.seed(2)
        for _ in range(KILLS):
            before = self.firewall.status()['generation']
            self.kill_while('update', 0.006)
            after = self.firewall.status()['generation']
            self.assertIn(after, (before, before + 1))
            self.assert_old_or_new()
        self.firewall.must('update')

    # ---- systemd ----

    def pretend_systemd(self, code=0):
        """A systemctl that writes down what it is asked."""
        Path('/run/systemd/system').mkdir(parents=True, exist_ok=True)
        asked = Path('/run/systemctl-asked')
        asked.write_text('')
        Path('/usr/bin/systemctl').unlink(missing_ok=True)
        Path('/usr/bin/systemctl').write_text(f'#!/bin/sh\necho "$@" >>{asked}\nexit {code}\n')
        os.chmod('/usr/bin/systemctl', 0o755)
        return asked

    def test_with_systemd(self):
        asked = self.pretend_systemd()
        self.firewall.must('install')
        self.assertEqual(['daemon-reload', '--quiet enable rpcfw.service', 'restart rpcfw.service'],
                         asked.read_text().splitlines())
        asked.write_text('')
        self.firewall.must('uninstall')
        self.assertEqual(['daemon-reload', '--quiet disable rpcfw.service', '--quiet stop rpcfw.service', 'daemon-reload'],
                         asked.read_text().splitlines())

    def test_service_that_does_not_start(self):
        self.pretend_systemd(code=1)
        before = picture()
        self.assert_refused(self.firewall.rpcfw('install'), 2, 'does not start the service', 'as they were before')
        self.assertEqual(only_placed(before), only_placed(picture()))

    def test_preload(self):
        self.pretend_systemd()
        units = ('samba-ad-dc', 'smbd')
        for unit in units:
            (UNIT.parent / f'{unit}.service').write_text('[Service]\nExecStart=/bin/true\n')
        self.addCleanup(lambda: [(UNIT.parent / f'{unit}.service').unlink() for unit in units])
        before = picture()
        self.firewall.must('install', '--preload', '--for', 'samba')
        self.assertFalse(LINKS[0].is_symlink())
        agent = next(LIBRARY.glob('rpcfirewall-*.so'))
        for unit in units:
            drop_in = UNIT.parent / f'{unit}.service.d/rpcfw.conf'
            self.assertIn(f'Environment=LD_PRELOAD={agent}\n', drop_in.read_text())
        # Then as modules after all: the drop-ins go.
        self.firewall.must('install')
        self.assertTrue(LINKS[0].is_symlink())
        self.assertEqual([], list(UNIT.parent.glob('s*.service.d/rpcfw.conf')))
        self.firewall.must('uninstall')
        self.assertEqual(only_placed(before), only_placed(picture()))


if __name__ == '__main__':
    sandbox.main()

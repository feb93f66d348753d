# SPDX-License-Identifier: Apache-2.0
"""install, pid, unprotect, update, status and doctor on a domain controller that runs.

RPCFW_KILLS: how many managers are killed at random moments; 40 unless set.
"""
import contextlib
import json
import os
import random
import subprocess
import sys
import time
import unittest
from pathlib import Path

import sandbox

sandbox.enter()

import dcbox                                                        # noqa: E402
from hostfirewall import POLICY, HostFirewall                       # noqa: E402

KILLS = int(os.environ.get('RPCFW_KILLS', '40'))
TCP, PIPE = 'ncacn_ip_tcp:127.0.0.1[seal]', 'ncacn_np:127.0.0.1'
GOOD = 'action:allow audit:true id:good'
# A server that is none of Samba's, but has its library.
IMPOSTOR = 'import ctypes, sys, time; ctypes.CDLL("libdcerpc-server-core.so.0"); print("ready", flush=True); time.sleep(600)'


class Processes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dc = dcbox.DomainController()
        cls.addClassCleanup(cls.dc.stop)
        cls.dc.start('prefork')
        cls.firewall = HostFirewall()
        cls.firewall.write_policy(GOOD)
        cls.installed = cls.firewall.must('install')

    def setUp(self):
        self.firewall.put_in_force(GOOD)
        if self.uncovered() or not self.firewall.status()['service']['running']:
            self.firewall.must('install')

    def tearDown(self):
        self.assertEqual([], self.dc.crashes())

    # ---- Help ----

    def assert_answers(self):
        for binding, command in ((TCP, 'enumdomusers'), (PIPE, 'getusername'), (PIPE, 'srvinfo')):
            done = self.dc.rpcclient(binding, command)
            self.assertEqual(0, done.returncode, done.stdout)

    def process(self, pid):
        return next(process for process in self.firewall.status()['processes'] if process['pid'] == pid)

    def uncovered(self):
        return [process for process in self.firewall.status()['processes'] if not process['covered']]

    def doctor(self):
        done = self.firewall.rpcfw('doctor', '--json')
        told = json.loads(done.stdout)
        self.assertEqual(0 if told['healthy'] else 1, done.returncode)
        return [check for check in told['checks'] if check['level'] != 'good']

    def titled(self, title):
        """The process that calls itself so."""
        return next(process['pid'] for process in self.firewall.status()['processes'] if process['title'] == title)

    @contextlib.contextmanager
    def impostor(self, *prefix):
        with subprocess.Popen([*prefix, '/usr/bin/python3', '-c', IMPOSTOR], stdout=subprocess.PIPE, text=True) as process:
            self.assertEqual('ready\n', process.stdout.readline())
            pid = process.pid
            for child in Path(f'/proc/{pid}/task/{pid}/children').read_text().split():
                pid = int(child)    # unshare --fork is the parent of what it runs
            yield pid
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, 9)
            process.kill()

    def refused(self, pid, words):
        done = self.firewall.rpcfw('pid', pid)
        self.assertEqual(2, done.returncode, done.stdout + done.stderr)
        self.assertIn(words, done.stdout + done.stderr)

    # ---- What install and status tell ----

    def test_zz_uninstall_and_install_again(self):
        self.firewall.must('uninstall')
        self.assert_answers()
        self.assertIn('protected', self.firewall.must('install'))
        self.assertEqual([], self.uncovered())
        self.assertEqual([], self.doctor())
        self.assert_answers()

    def test_all_are_protected(self):
        self.assertEqual([], self.uncovered())
        self.assertEqual([], self.doctor())
        status = self.firewall.status()
        protected = [process for process in status['processes'] if process['state'] == 'protected']
        self.assertGreater(len(protected), 15)
        self.assertEqual({'4.17'} if b'4.17' in subprocess.check_output(['smbd', '-V']) else
                         {process['samba'] for process in protected}, {process['samba'] for process in protected})
        self.assertRegex(self.installed, r'\d+ protected, \d+ waiting')

    def test_calls_are_counted_by_process_and_rule(self):
        before = self.firewall.status()['sum']['calls']
        self.assert_answers()
        status = json.loads(self.firewall.must('status', '--json', '--rules'))
        counted = status['sum']['calls'] - before
        self.assertGreater(counted, 3)
        self.assertEqual([(1, 'good')], [(rule['line'], rule['id']) for rule in status['rules']])
        self.assertGreater(status['rules'][0]['hits'], 3)
        parts = [*status['processes'], status['ended']]
        self.assertEqual(status['sum']['calls'], sum(part.get('calls', 0) for part in parts))
        told = self.firewall.must('status', '--rules')
        self.assertIn('line 1 good', told)
        self.assertIn('samba rpc(0)', told)

    def test_what_starts_later_is_protected(self):
        for name in ('rpcd_classic', 'rpcd_winreg', 'samba-dcerpcd'):
            sandbox.end_processes(sandbox.pids_named(name))
        self.assert_answers()
        started = [process for process in self.firewall.status()['processes'] if process['name'] == 'rpcd_classic']
        self.assertTrue(started)
        self.assertEqual(['preload'] * len(started), [process['loaded'] for process in started])
        self.assertEqual([], self.uncovered())
        self.assertGreater(sum(process['calls'] for process in started), 0)

    # ---- update ----

    def test_update_tells_who_took_it(self):
        told = self.firewall.put_in_force(GOOD, 'action:allow id:second')
        generation = self.firewall.status()['generation']
        rows = [line for line in told.splitlines() if 'samba rpc(0)' in line]
        self.assertIn('takes it at its next call', rows[0])
        self.assertIn(f'policy generation {generation} is in force', told)
        self.assert_answers()
        self.assertIn(generation, [process['generation'] for process in self.firewall.status()['processes']
                                   if process['title'].startswith('rpc(')])

    # ---- unprotect, pid ----

    def test_one_is_unprotected_and_protected_again(self):
        pid = self.titled('rpc(0)')
        self.assertIn('unprotected', self.firewall.must('unprotect', pid))
        self.assertEqual(['it was unprotected'], [process['reason'] for process in self.uncovered()])
        self.assertEqual([('processes', f'rpcfw pid {pid}')], [(check['check'], check['mend']) for check in self.doctor()])
        self.assertIn('not protected', self.firewall.must('unprotect', pid))
        self.assert_answers()
        self.assertIn('protected (Samba', self.firewall.must('pid', pid))
        self.assertIn('protected already', self.firewall.must('pid', pid))
        self.assertEqual([], self.doctor())

    def test_off_stays_off_for_what_starts(self):
        self.firewall.must('unprotect')
        sandbox.end_processes(sandbox.pids_named('rpcd_classic', 'rpcd_winreg', 'samba-dcerpcd'))
        self.assert_answers()
        status = self.firewall.status()
        self.assertEqual('off', status['mode'])
        self.assertEqual([], [process for process in status['processes'] if process['covered']])
        self.assertIn('protection', [check['check'] for check in self.doctor()])
        self.assertIn('protected', self.firewall.must('install'))
        self.assertEqual([], self.uncovered())

    def test_nothing_is_judged_without_protection(self):
        self.firewall.put_in_force('fw:uuid:samr action:block')
        self.assertIn('ACCESS_DENIED', self.dc.rpcclient(TCP, 'enumdomusers').stdout.upper())
        self.firewall.must('unprotect')
        self.assert_answers()

    # ---- Whom pid refuses ----

    def test_no_such_process(self):
        self.refused(4000000, 'no process 4000000')

    def test_no_server(self):
        done = self.firewall.rpcfw('pid', os.getpid())
        self.assertEqual(1, done.returncode)
        self.assertIn('no RPC server', done.stdout)

    def test_another_user(self):
        with self.impostor('setpriv', '--reuid=65534', '--regid=65534', '--clear-groups') as pid:
            self.refused(pid, 'does not run as root')

    def test_another_mount_namespace(self):
        with self.impostor('unshare', '--mount', 'sh', '-c', 'mount -t tmpfs tmpfs /run && exec "$@"', 'sh') as pid:
            self.refused(pid, 'another mount namespace, without this /run/rpcfw')

    def test_container(self):
        with self.impostor('unshare', '--pid', '--fork') as pid:
            self.refused(pid, 'container')
            # It is nobody's business that all of this host are protected.
            self.assertEqual([], self.uncovered())
            self.assertEqual(1, self.firewall.status()['elsewhere'])

    def test_stopped(self):
        with self.impostor() as pid:
            os.kill(pid, 19)
            self.refused(pid, 'stopped')

    def test_traced(self):
        with self.impostor() as pid:
            tracer = 'import ctypes, sys, time; ctypes.CDLL(None).ptrace(0x4206, int(sys.argv[1]), 0, 0); ' \
                     'print("ready", flush=True); time.sleep(600)'     # PTRACE_SEIZE
            with subprocess.Popen([sys.executable, '-c', tracer, str(pid)], stdout=subprocess.PIPE) as process:
                process.stdout.readline()
                self.refused(pid, f'process {process.pid} traces it')
                process.kill()

    # ---- What doctor finds ----

    def test_doctor_finds_rights(self):
        os.chmod(POLICY, 0o666)
        self.assertEqual({('policy', 'fault'), ('rights', 'warning')},
                         {(check['check'], check['level']) for check in self.doctor()})

    def test_doctor_finds_included_files_of_others(self):
        included = Path('/run/included.conf')
        included.write_text('action:allow\n')
        os.chown(included, 65534, 65534)
        self.firewall.put_in_force(GOOD, f'include {included}')
        self.assertIn(str(included), self.doctor()[0]['text'])

    def test_doctor_finds_a_policy_that_is_not_in_force(self):
        self.firewall.write_policy(GOOD, GOOD.replace('good', 'more'))
        self.assertEqual([('policy', 'rpcfw update')], [(check['check'], check['mend']) for check in self.doctor()])
        self.firewall.write_policy('action:deny')
        self.assertIn('has errors', self.doctor()[0]['text'])
        POLICY.unlink()
        self.assertIn('there is no', self.doctor()[0]['text'])

    def test_doctor_finds_the_service_gone(self):
        service = self.firewall.status()['service']['pid']
        os.kill(service, 9)
        sandbox.wait_until(lambda: service not in sandbox.processes(), 5)
        self.assertEqual([('service', 'fault', 'rpcfw install')],
                         [(check['check'], check['level'], check['mend']) for check in self.doctor()])
        self.firewall.must('install')
        self.assertEqual([], self.doctor())

    def test_doctor_finds_missing_modules(self):
        link = sandbox.module_directory() / 'gensec/rpcfirewall.so'
        link.unlink()
        self.assertEqual(['modules'], [check['check'] for check in self.doctor()])
        self.firewall.must('install')
        self.assertEqual([], self.doctor())

    def test_doctor_knows_links_by_where_they_lead(self):
        link = sandbox.module_directory() / 'gensec/rpcfirewall.so'
        agent = os.readlink(link)
        for target, found in ((os.path.relpath(agent, link.parent), []), (str(sandbox.AGENT), ['modules'])):
            with self.subTest(target):
                link.unlink()
                link.symlink_to(target)
                self.assertEqual(found, [check['check'] for check in self.doctor()])
        link.unlink()
        link.symlink_to(agent)

    def test_doctor_finds_confinement(self):
        security = Path('/sys/kernel/security')
        subprocess.run(['mount', '-t', 'tmpfs', 'tmpfs', str(security)], check=True)
        self.addCleanup(lambda: subprocess.run(['umount', str(security)], check=True))
        (security / 'apparmor').mkdir()
        (security / 'apparmor/profiles').write_text('/usr/bin/man (enforce)\nsmbd (complain)\nsamba-of-nobody (enforce)\n')
        found = self.doctor()
        self.assertEqual(['apparmor'], [check['check'] for check in found])
        self.assertIn('samba-of-nobody', found[0]['text'])

    def test_doctor_finds_a_full_log_folder(self):
        folder = Path('/var/log/rpcfw')
        subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', str(folder)], check=True)
        self.addCleanup(lambda: subprocess.run(['umount', '--lazy', str(folder)], check=True))
        (folder / 'ballast').write_bytes(bytes(63 << 10))
        self.assertIn(('audit', 'warning'), [(check['check'], check['level']) for check in self.doctor()])

    # ---- Upgrade, kills ----

    def test_newer_agent_takes_over(self):
        build = Path('/run/newer-agent')
        build.mkdir()
        subprocess.run(['cp', str(sandbox.RPCFW), str(build)], check=True)
        (build / 'rpcfirewall.so').write_bytes(sandbox.AGENT.read_bytes() + b'newer')
        before = self.firewall.status()['sum']['calls']
        done = subprocess.run([build / 'rpcfw', 'install'], capture_output=True, text=True, check=False)
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)
        self.assertEqual([], self.uncovered())
        status = json.loads(subprocess.check_output([build / 'rpcfw', 'status', '--json']))
        self.assertEqual([False] * len(status['processes']), [process['older'] for process in status['processes']])
        self.assert_answers()
        self.assertGreater(self.firewall.status()['sum']['calls'], before)

    def test_killed_managers_leave_processes_whole(self):
        random.seed(3)
        pid = self.titled('rpc(0)')
        killed = 0
        for turn in range(KILLS):
            manager = subprocess.Popen([sandbox.RPCFW, *(('unprotect',) if turn % 2 else ('pid', str(pid)))],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(random.random() * (0.2 if turn % 2 else 0.015))
            manager.kill()
            killed += manager.wait() < 0
            if turn % 5 == 0:
                self.assert_answers()
        print(f'\n{killed} of {KILLS} managers were killed at work', flush=True)
        self.assertGreater(killed, KILLS / 5)
        self.firewall.must('install')
        self.assertEqual([], self.uncovered())
        self.firewall.put_in_force('fw:uuid:samr action:block')
        self.assertIn('ACCESS_DENIED', self.dc.rpcclient(TCP, 'enumdomusers').stdout.upper())


if __name__ == '__main__':
    sandbox.main()

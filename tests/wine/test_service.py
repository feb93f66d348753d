#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The service "RPC Firewall" under Wine's service control manager: what it protects, when, and by which policy."""
import json
import os
import signal
import sys
import time
import unittest
from pathlib import Path

import rpccaller
import winebox
from firewall import AGENT, Firewall, field
from rpccaller import ACCESS_DENIED, ADD, DEMO, PID, Caller

DENIED = ('fault', ACCESS_DENIED)
BLOCKS_ADD = f'uuid:{DEMO[0]} opnum:{ADD} action:block audit:true'
BLOCKS_PID = f'uuid:{DEMO[0]} opnum:{PID} action:block audit:true'
PROTECTED_SECONDS = 5.0     # from listening to protection, on this busy machine; the service itself measures exactly
STUCK_SECONDS = 55          # each process that lets nothing in costs ten seconds, once in a minute
SERVICE_KEY = r'HKLM\SYSTEM\CurrentControlSet\Services\RPC Firewall'


def say(text):
    print(text, file=sys.stderr, flush=True)


def service_process(box):
    """The Unix process of the service of this box, or None."""
    for entry in Path('/proc').glob('[0-9]*'):
        try:
            command = (entry / 'cmdline').read_bytes()
            if b'rpcFwManager.exe\0service' in command and \
                    str(box.prefix).encode() in (entry / 'environ').read_bytes():
                return int(entry.name)
        except OSError:
            pass
    return None


def end(process):
    """Kills a process of the box as a crash would, and waits until it is gone."""
    os.kill(process, signal.SIGKILL)
    return winebox.wait_until(lambda: not Path('/proc', str(process)).exists(), 10)


class Service(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.box = winebox.Box()
        cls.addClassCleanup(cls.box.close)
        cls.firewall = Firewall(cls.box)
        cls.firewall.write_policy(BLOCKS_ADD)

    def server(self, *arguments, ready='READY'):
        port = rpccaller.free_port()
        return self.box.start_test_program('rpc_server', '--tcp', port, *arguments, ready=ready), port

    def assert_policy(self, port, add, pid):
        with Caller(port) as caller:
            outcomes = [caller.number(ADD, 1, 2), caller.number(PID)]
        self.assertEqual(['fault' if outcome == DENIED else 'ok' for outcome in outcomes], [add, pid], outcomes)

    def is_protected(self, server):
        state = {process['pid']: process['state'] for process in self.firewall.status()['processes']}
        return state.get(server.pid) == 'protected'

    def assert_protected(self, server):
        """Looks for the DLL first: asking the manager takes time, and makes the service look sooner."""
        self.assertIsNotNone(winebox.wait_until(lambda: server.has_module(AGENT), PROTECTED_SECONDS),
                             self.firewall.manager('status').stdout)
        self.assertIsNotNone(winebox.wait_until(lambda: self.is_protected(server), 5),
                             self.firewall.manager('status').stdout)

    def service(self):
        return self.firewall.status()['service']

    def start(self):
        if self.service()['state'] != 'running':
            self.firewall.must('start')

    def registry(self, name):
        return self.box.run('reg', 'query', SERVICE_KEY, '/v', name).stdout

    def test_1_installed_and_not_started(self):
        self.assertEqual(self.service(), {'state': 'stopped'})
        self.assertIn(r'"C:\Program Files\RPC Firewall\rpcFwManager.exe" service', self.registry('ImagePath'))
        self.assertIn('0x2', self.registry('Start'))
        self.assertEqual(self.firewall.manager('service').returncode, 2)    # not by hand
        self.assertEqual(self.firewall.manager('stop').returncode, 0)

    def test_2_protects_what_runs_what_starts_and_what_listens_late(self):
        first, port = self.server()
        self.firewall.must('start')
        self.assertTrue(first.has_module(AGENT), 'it ran before the service')
        self.assert_policy(port, 'fault', 'ok')
        self.assertEqual(self.firewall.manager('start').returncode, 0)
        # Wine does not tell of new processes: it says so, and looks by the clock.
        self.assertEqual((0, 'the tracing session cannot be read'),
                         tuple(self.service()[name] for name in ('starts_told', 'starts_failure')))
        self.assertIn('; Windows does not tell when one starts (the tracing session cannot be read: error',
                      self.firewall.must('status'))

        second, port = self.server()
        self.assert_protected(second)
        say(f'a new server: protected {self.service()["delay_last_ms"]} ms after its start')
        self.assert_policy(port, 'fault', 'ok')
        self.assert_endpoints(second, f'[{port}]')

        late, port = self.server('--delay', 5000, ready='STARTED')
        late.wait_for('READY')
        self.assert_protected(late)
        say(f'one that listens 5 s late: protected {self.service()["delay_last_ms"]} ms after it was seen to listen')
        self.assert_policy(port, 'fault', 'ok')

    def assert_endpoints(self, server, endpoint):
        shown = json.loads(self.firewall.must('show', '--json'))['processes']
        mine = [process for process in shown if process['pid'] == server.pid]
        self.assertEqual(len(mine), 1, shown)
        self.assertTrue(any(endpoint in text for text in mine[0]['endpoints']), mine)
        self.assertIn(endpoint, self.firewall.must('show'))

    def test_3_agents_outlive_it_and_are_taken_up_again(self):
        self.start()
        server, port = self.server()
        self.assert_protected(server)
        self.firewall.must('stop')
        self.assertEqual(self.service(), {'state': 'stopped'})
        self.assertTrue(server.has_module(AGENT))
        self.assert_policy(port, 'fault', 'ok')

        self.firewall.must('start')
        service = self.service()
        self.assertGreaterEqual(service['adopted'], 1, service)
        self.assertEqual(server.modules().count(AGENT.lower()) + server.modules().count(AGENT), 1)

        # Killed, as by a crash.
        process = service_process(self.box)
        self.assertIsNotNone(end(process))
        self.assert_policy(port, 'fault', 'ok')
        # Wine's service control manager carries out no recovery actions, and goes on saying that the service runs.
        self.assertIn(self.service()['state'], ('stopped', 'dead'))
        self.firewall.must('start')
        self.assert_policy(port, 'fault', 'ok')

    def test_4_an_agent_that_vanished_comes_back(self):
        self.start()
        server, port = self.server()
        self.assert_protected(server)
        time.sleep(0.5)
        self.firewall.skip_events()
        self.firewall.unprotect(server)
        self.assertIsNotNone(winebox.wait_until(lambda: self.firewall.events('gap-found'), 10))
        self.assert_protected(server)
        self.assert_policy(port, 'fault', 'ok')
        gap = [event for event in self.firewall.events('gap-found') if field(event, 'process.pid') == server.pid]
        self.assertEqual(len(gap), 1, self.firewall.events())

    def test_5_follows_the_policy_file(self):
        self.start()
        server, port = self.server()
        self.assert_protected(server)
        before = self.service()['generation']
        self.firewall.skip_events()
        self.firewall.write_policy(BLOCKS_PID)
        self.assertIsNotNone(winebox.wait_until(lambda: self.firewall.events('policy-published'), 10))
        self.assertIsNotNone(winebox.wait_until(lambda: self.firewall.events('policy-changed'), 10))
        self.assert_policy(port, 'ok', 'fault')
        self.assertEqual(self.service()['generation'], before + 1)

        # An error: refused, told, and the old one stays, also for processes that start now.
        self.firewall.skip_events()
        self.firewall.write_policy(BLOCKS_ADD, f'uuid:{DEMO[0]} action:deny')
        self.assertIsNotNone(winebox.wait_until(lambda: self.firewall.events('policy-file-refused'), 10))
        event = self.firewall.events('policy-file-refused')[0]
        self.assertIn('RpcFw.conf:2:', str(event))
        self.assert_policy(port, 'ok', 'fault')
        other, other_port = self.server()
        self.assert_protected(other)
        self.assert_policy(other_port, 'ok', 'fault')
        service = self.service()
        self.assertIn("'deny'", service['policy_error'])
        self.assertEqual(service['generation'], before + 1)

        # Mended, the way an editor does it: another file takes the name.
        self.firewall.skip_events()
        draft = self.firewall.folder / 'draft'
        draft.write_text(BLOCKS_ADD + f'\noption json {self.box.windows_path(self.firewall.folder)}\\audit.jsonl\n',
                         encoding='utf-8')
        draft.rename(self.firewall.policy)
        self.assertIsNotNone(winebox.wait_until(lambda: self.firewall.events('policy-published'), 15))
        self.assert_policy(port, 'fault', 'ok')
        self.assertEqual(self.service()['policy_error'], '')

    def refused(self, *texts):
        """Waits for the event of a refused file that says all of this."""
        def found():
            return any(all(text in str(event) for text in texts) for event in self.firewall.events('policy-file-refused'))
        self.assertIsNotNone(winebox.wait_until(found, 15), self.firewall.events())

    def test_5a_takes_no_file_that_others_may_change(self):
        """Wine makes access lists of the mode: 0666 lets Everyone write."""
        self.start()
        server, port = self.server()
        self.assert_protected(server)
        self.firewall.write_policy(BLOCKS_ADD)
        self.assertIsNotNone(winebox.wait_until(lambda: self.service()['policy_error'] == '', 15))
        self.assert_policy(port, 'fault', 'ok')
        self.firewall.skip_events()
        self.firewall.policy.chmod(0o666)
        self.firewall.write_policy(BLOCKS_PID)
        self.refused('Everyone may change', 'RpcFw.conf')
        self.assert_policy(port, 'fault', 'ok')
        self.assertIn('Everyone', self.service()['policy_error'])
        # Only the access list is mended: nothing tells the service.
        self.firewall.policy.chmod(0o644)
        self.assertIsNotNone(winebox.wait_until(lambda: self.firewall.events('policy-published'), 20))
        self.assertIsNotNone(winebox.wait_until(lambda: self.service()['policy_error'] == '', 5))
        self.assert_policy(port, 'ok', 'fault')

    def test_5b_a_broken_file_after_a_restart_of_the_machine(self):
        """What is in force goes with the last process that holds it, here as with the machine."""
        self.start()
        self.firewall.write_policy(BLOCKS_ADD)
        self.assertIsNotNone(winebox.wait_until(lambda: self.service()['policy_error'] == '', 15))
        self.firewall.must('stop')
        self.firewall.must('unprotect')
        self.assertIsNotNone(winebox.wait_until(lambda: self.firewall.status()['generation'] == 0, 10))
        self.firewall.skip_events()
        self.firewall.write_policy(f'uuid:{DEMO[0]} action:deny')
        server, port = self.server()
        done = self.firewall.manager('start', 'fw')
        self.assertEqual(done.returncode, 1, done)
        self.assertIn('policy generation 1 is in force', done.stdout)
        self.refused('the last policy is in force again (generation 1)', 'RpcFw.conf:1:')
        self.assert_protected(server)
        self.assert_policy(port, 'fault', 'ok')
        self.firewall.write_policy(BLOCKS_PID)
        self.assertIsNotNone(winebox.wait_until(lambda: self.firewall.events('policy-published'), 15))
        self.assertIsNotNone(winebox.wait_until(lambda: self.service()['policy_error'] == '', 5))
        self.assert_policy(port, 'ok', 'fault')
        self.firewall.write_policy(BLOCKS_ADD)

    def test_5c_says_why_it_does_not_start(self):
        self.start()
        self.firewall.must('stop')
        self.firewall.must('unprotect')
        holder = self.box.start_test_program('name_holder', r'Global\RpcFwManager')
        done = self.firewall.manager('start', 'fw', '--json')
        holder.stop()
        self.assertEqual(done.returncode, 2)
        self.assertIn('something else made it', done.stderr)
        self.assertEqual(json.loads(done.stdout)['service']['state'], 'stopped')

    def test_5d_start_and_stop_as_json(self):
        self.start()
        said = json.loads(self.firewall.must('stop', '--json'))
        self.assertEqual(said, {'service': {'state': 'stopped'}, 'filters': {'wanted': False, 'changed': False}})
        said = json.loads(self.firewall.must('start', 'fw', '--json'))
        self.assertEqual((list(said), said['service']['state']), (['service'], 'running'))
        said = json.loads(self.firewall.must('start', 'flt', '--json'))
        self.assertEqual(said, {'filters': {'wanted': True, 'rules': 0, 'changed': False}})
        self.assertIn('no flt: or all: rules', self.firewall.must('start', 'flt'))
        self.assertEqual(self.firewall.manager('start', 'flt', 'fw').returncode, 2)

    def test_5e_wanted_filters_that_cannot_be_set_are_told(self):
        """Wine has no filter engine; filters that go and come back: wine.filter_follow."""
        self.start()
        self.firewall.must('start', 'flt')
        self.firewall.skip_events()
        self.firewall.write_policy('fw:' + BLOCKS_ADD, f'flt:uuid:{DEMO[0]} action:block')
        self.refused('this Windows has no RPC filter engine')
        self.firewall.must('stop', 'flt')
        self.firewall.skip_events()
        self.firewall.write_policy('fw:' + BLOCKS_PID, f'flt:uuid:{DEMO[0]} action:block')
        self.assertIsNotNone(winebox.wait_until(lambda: self.firewall.events('policy-published'), 15))
        time.sleep(0.5)
        self.assertEqual(self.firewall.events('policy-file-refused'), [])
        self.firewall.write_policy(BLOCKS_ADD)

    def test_6_keeps_its_name_and_its_pace(self):
        """Against a local user who would blind it: with the name of its mutex, or with processes that nothing enters."""
        self.start()
        names = self.box.run_test_program('attack_surface', 'names').stdout.splitlines()
        self.assertIn('Mutant RpcFwManager', names)
        stuck = [self.box.start_test_program('stuck', rpccaller.free_port()) for _ in range(4)]
        server, _ = self.server()
        seconds = winebox.wait_until(lambda: server.has_module(AGENT), STUCK_SECONDS)
        self.assertIsNotNone(seconds, self.firewall.manager('status').stdout)
        say(f'behind {len(stuck)} processes that let nothing in: protected after {seconds:.0f} s')
        for program in stuck:
            program.kill()

    def as_user(self, name, *arguments):
        """A test program that runs as a user who is no administrator."""
        program = self.box.windows_path(self.box.test_program(name))
        return self.box.start_test_program('as_user', program, *arguments)

    def test_6a_enters_no_program_of_an_ordinary_user(self):
        """Which could only leave again; so those that nothing enters cost nothing, however many."""
        self.start()
        self.firewall.skip_events()
        programs = [self.as_user('stuck', rpccaller.free_port()) for _ in range(12)]
        theirs = self.as_user('rpc_server', '--tcp', rpccaller.free_port())
        server, _ = self.server()
        self.assert_protected(server)
        say(f'beside {len(programs)} such processes of a user: protected after {self.service()["delay_last_ms"]} ms')
        gaps = winebox.wait_until(lambda: [event for event in self.firewall.events('gap-found')
                                           if field(event, 'process.pid') == theirs.pid], 20)
        self.assertIsNotNone(gaps)
        self.assertIn('account that may not read the policy', str(self.firewall.events('gap-found')))
        self.assertFalse(theirs.has_module(AGENT))
        done = self.firewall.manager('pid', theirs.pid)
        self.assertEqual((2, True), (done.returncode, 'account that may not read the policy' in done.stdout), done.stdout)
        self.assertFalse(theirs.has_module(AGENT))
        for program in (theirs, *programs):
            program.kill()

    def test_7_removed(self):
        self.start()
        server, port = self.server()
        self.assert_protected(server)
        self.assertTrue((self.box.drive_c / 'Program Files/RPC Firewall/last-policy').exists())
        self.firewall.must('uninstall')
        self.assertIsNotNone(winebox.wait_until(lambda: not server.has_module(AGENT), 2))
        self.assertEqual(self.service(), {'state': 'absent'})
        self.assertFalse((self.box.drive_c / 'Program Files/RPC Firewall').exists())
        self.assertNotEqual(self.box.run('reg', 'query', r'HKLM\SOFTWARE\RPC Firewall').returncode, 0)
        self.assertEqual(self.firewall.manager('start').returncode, 2)
        self.assert_policy(port, 'ok', 'ok')


if __name__ == '__main__':
    winebox.main()

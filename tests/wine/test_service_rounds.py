#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The service started and stopped again and again, and processes that come and go: nothing is left behind.

RPCFW_SERVICE_ROUNDS and RPCFW_SERVICE_PROCESSES say how often; 100 rounds and 30 processes unless told.
"""
import json
import os
import re
import sys
import unittest

import rpccaller
import winebox
from firewall import Firewall
from rpccaller import ACCESS_DENIED, ADD, DEMO, Caller

ROUNDS = int(os.environ.get('RPCFW_SERVICE_ROUNDS', '100'))
PROCESSES = int(os.environ.get('RPCFW_SERVICE_PROCESSES', '30'))
SECONDS = 60 + ROUNDS * 2 + PROCESSES * 2
# Wine's heaps and its thread pool keep some of what they once had; a leak for each round or process would be far more.
HANDLES = 24
BYTES = 2 * 1024 * 1024


class Rounds(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.box = winebox.Box()
        cls.addClassCleanup(cls.box.close)
        cls.firewall = Firewall(cls.box)
        cls.firewall.write_policy(f'uuid:{DEMO[0]} opnum:{ADD} action:block', audit=False)

    def test_1_rounds_leave_nothing_behind(self):
        port = rpccaller.free_port()
        server = self.box.start_test_program('rpc_server', '--tcp', port)
        self.firewall.must('start')
        self.firewall.must('stop')
        threads = server.usage()['threads']
        before = server.quiet_usage(threads)
        program = self.box.windows_path(self.box.test_program('rpc_server'))
        done = self.box.run_test_program('service_rounds', ROUNDS, PROCESSES, program, rpccaller.free_port(), timeout=SECONDS)
        print('', done.stdout, sep='\n', file=sys.stderr, flush=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

        # In the target: protected all the time, by the same agent.
        with Caller(port) as caller:
            self.assertEqual(caller.number(ADD, 1, 2), ('fault', ACCESS_DENIED))
        growth = winebox.growth(before, server.quiet_usage(threads))
        self.assertLess(growth['handles'], HANDLES, growth)
        self.assertLess(growth['private'], BYTES, growth)

        # In the service.
        usage = [{key: int(value) for key, value in re.findall(r'(\w+)=(\d+)', line)}
                 for line in done.stdout.split('\n') if line.startswith('USAGE')]
        self.assertGreater(min(usage[0]['handles'], usage[0]['private']), 0, usage)
        entered = usage[1]['added'] - usage[0]['added']
        self.assertGreater(entered, PROCESSES // 4, 'few were entered, so nothing could be left behind')
        self.assertLess(usage[1]['handles'] - usage[0]['handles'], HANDLES, usage)
        self.assertLessEqual(usage[1]['threads'], usage[0]['threads'] + 1, usage)
        self.assertLess(usage[1]['private'] - usage[0]['private'], BYTES, usage)

    def checks(self):
        done = self.firewall.manager('doctor', '--json')
        checks = {check['check']: check for check in json.loads(done.stdout)['checks']}
        return done.returncode, checks

    def test_2_doctor_finds_what_is_wrong_and_says_the_mend(self):
        self.firewall.manager('start')
        self.firewall.write_policy(f'uuid:{DEMO[0]} opnum:{ADD} action:block', audit=False)
        code, checks = self.checks()
        self.assertEqual((code, [check for check in checks.values() if check['result'] == 'gap']), (0, []))
        for name, break_it, mend in (
                ('policy-writers', self.include_what_all_may_write, 'icacls'),
                ('policy', lambda: self.firewall.write_policy('uuid:nonsense action:deny'), 'rpcFwManager check'),
                ('policy-in-force', self.wait_refused, 'rpcFwManager check'),
                ('filters', lambda: self.firewall.write_policy('flt:action:block'), 'fw:'),
                ('asr-rules', self.switch_asr_on, 'Add-MpPreference'),
                ('lsa-protection', self.switch_lsa_protection_on, 'all:'),
                ('event-log', lambda: self.registry('delete', r'HKLM\SYSTEM\CurrentControlSet\Services\EventLog\RPCFW',
                                                    '/f'), 'install'),
                ('service', lambda: self.firewall.must('stop'), 'rpcFwManager start'),
                ('late-servers', lambda: None, 'rpcFwManager start'),
                ('installation', self.replace_agent, 'rpcFwManager install')):
            with self.subTest(name):
                break_it()
                code, checks = self.checks()
                self.assertEqual((code, checks[name]['result']), (1, 'gap'), checks[name])
                self.assertIn(mend, checks[name]['mend'])
        self.assertRegex(self.firewall.manager('doctor').stdout, r'(?m)^gap +service .*\n +mend: rpcFwManager start$')

    def include_what_all_may_write(self):
        included = self.firewall.folder / 'more.conf'
        included.write_text('action:allow\n', encoding='ascii')
        included.chmod(0o666)
        self.firewall.write_policy('include more.conf', audit=False)

    def wait_refused(self):
        self.assertIsNotNone(winebox.wait_until(lambda: self.firewall.status()['service']['policy_error'], 10))

    def registry(self, *arguments):
        self.assertEqual(self.box.run('reg', *arguments).returncode, 0)

    def switch_asr_on(self):
        self.registry('add', r'HKLM\SOFTWARE\Policies\Microsoft\Windows Defender\Windows Defender Exploit Guard\ASR\Rules',
                      '/v', '9e6c4e1f-7d60-472f-ba1a-a39ef669e4b2', '/d', '1', '/f')

    def switch_lsa_protection_on(self):
        self.registry('add', r'HKLM\SYSTEM\CurrentControlSet\Control\Lsa', '/v', 'RunAsPPL', '/t', 'REG_DWORD', '/d', '1',
                      '/f')

    def replace_agent(self):
        installed = self.box.drive_c / 'windows/system32/rpcMessages.dll'
        installed.write_bytes(installed.read_bytes() + b'!')


if __name__ == '__main__':
    winebox.main()

#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A DLL of the agent's name from elsewhere, that says it protects: no verb believes it, and none is held up by it.

It is the fake agent of the manager's own tests (manager_fake_agent.c), in a folder of a user.
"""
import json
import shutil
import unittest

import rpccaller
import winebox
from firewall import AGENT, Firewall, field

PLACE = 'users/Public'


class ForeignAgent(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.box = winebox.Box()
        cls.addClassCleanup(cls.box.close)
        cls.firewall = Firewall(cls.box)
        cls.firewall.write_policy('action:allow audit:true')
        cls.port = rpccaller.free_port()
        cls.server = cls.box.start_test_program('rpc_server', '--tcp', cls.port)
        ours = cls.box.start_test_program('rpc_server', '--tcp', rpccaller.free_port())
        cls.firewall.protect(ours)      # so that a policy is in force, which the fake needs to say that it protects
        folder = cls.box.drive_c / PLACE
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy2(winebox.BUILD / 'tests/fake-agent' / AGENT, folder / AGENT)
        done = cls.box.run_test_program('inject', 'load', cls.server.pid, cls.box.windows_path(folder / AGENT))
        if 'state=1' not in done.stdout:
            raise AssertionError(f'the fake does not say that it protects: {done.stdout}{done.stderr}')

    def mine(self, processes):
        return [process for process in processes if process['pid'] == self.server.pid]

    def assert_not_ours(self, text):
        self.assertRegex(text, r'(?i)not ours: C:\\users\\Public\\rpcFirewall\.dll')

    def test_1_status_and_show(self):
        mine = self.mine(self.firewall.status()['processes'])
        self.assertEqual([process['state'] for process in mine], ['foreign'])
        self.assert_not_ours(mine[0]['reason'])
        mine = self.mine(json.loads(self.firewall.must('show', '--json'))['processes'])
        self.assert_not_ours(mine[0]['reason'])
        self.assertNotIn('protected_after_ms', mine[0])
        self.assertIn('not protected: not ours', self.firewall.must('show'))

    def test_2_doctor(self):
        done = self.firewall.manager('doctor', '--json')
        checks = {check['check']: check for check in json.loads(done.stdout)['checks']}
        self.assertEqual((done.returncode, checks['foreign-agents']['result']), (1, 'gap'))
        self.assert_not_ours(checks['foreign-agents']['what'])
        self.assertIn(f'({self.server.pid})', checks['foreign-agents']['what'])
        self.assertEqual(checks['agents']['result'], 'ok')      # ours

    def test_3_verbs_go_on(self):
        """A user who is no administrator can load such a DLL into a program of his own."""
        done = self.firewall.manager('pid', self.server.pid)
        self.assertEqual(done.returncode, 2)
        self.assert_not_ours(done.stdout)
        self.firewall.must('update')
        self.firewall.must('install')
        self.assertEqual(self.firewall.manager('unprotect', self.server.pid).returncode, 2)
        self.firewall.must('unprotect')
        self.assertTrue(self.server.has_module(AGENT), 'nothing in it was run')

    def test_4_service_tells_a_gap(self):
        self.firewall.must('start')
        gaps = winebox.wait_until(lambda: [event for event in self.firewall.events('gap-found')
                                           if field(event, 'process.pid') == self.server.pid], 15)
        self.assertIsNotNone(gaps, self.firewall.events())
        self.assertIn('not ours', str(self.firewall.events('gap-found')))

    def test_5_uninstall(self):
        self.firewall.must('uninstall')
        self.assertTrue(self.server.has_module(AGENT))


if __name__ == '__main__':
    winebox.main()

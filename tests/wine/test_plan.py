#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The verb plan of the Windows manager: its own policy, and a host that it cannot describe, for Wine has no filter engine."""
import json
import unittest

import winebox
from firewall import Firewall

SVCCTL = '367abb81-9844-35f1-ad32-98f038001003'


class Plan(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.box = winebox.Box()
        cls.addClassCleanup(cls.box.close)
        cls.firewall = Firewall(cls.box, install=False)
        cls.firewall.write_policy('flt:uuid:svcctl prot:ncacn_np action:block', 'flt:uuid:svcctl opnum:12 action:block')

    def test_this_host(self):
        done = self.firewall.manager('plan')
        self.assertIn('no RPC filter engine; planned for Windows Server 2025', done.stderr)
        self.assertEqual(done.stdout, 'rule=1 filter: 1 RPC filter\nrule=2 filter: 1 RPC filter\n')
        self.assertEqual(done.returncode, 0)

    def test_another_host(self):
        done = self.firewall.manager('/plan', self.box.windows_path(self.firewall.policy), '--host', 'ws2016', '--json')
        told = json.loads(done.stdout)
        self.assertEqual([rule['where'] for rule in told['rules']], ['filter', 'nowhere'])
        self.assertEqual(told['host']['name'], 'Windows Server 2016')
        self.assertEqual(done.returncode, 1)

    def test_with_a_script(self):
        self.firewall.write_policy('flt:uuid:svcctl prot:ncacn_np action:block')
        script = self.firewall.must('plan', '--host', 'ws2016', '--netsh')
        self.assertIn(f'add condition field=if_uuid matchtype=equal data={SVCCTL}\nadd filter\n', script)
        self.assertNotIn('\r', script)


if __name__ == '__main__':
    winebox.main()

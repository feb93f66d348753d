# SPDX-License-Identifier: Apache-2.0
"""Everyday use of a domain controller (everyday.py): all of it without the firewall, and all of it with the ready policy."""
import unittest

import sandbox

sandbox.enter()

import dcbox                                                        # noqa: E402
import everyday                                                     # noqa: E402
from hostfirewall import HostFirewall, field, ready_policy          # noqa: E402


class Everyday(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dc = dcbox.DomainController()
        cls.addClassCleanup(cls.dc.stop)
        cls.firewall = HostFirewall()

    def setUp(self):
        self.dc.renew()
        everyday.prepare()
        self.dc.start()
        self.addCleanup(self.dc.stop)

    def use_everything(self):
        for use in everyday.USES:
            with self.subTest(use.name):
                worked, output = everyday.do(use)
                self.assertTrue(worked, output)
        self.assertEqual([], self.dc.crashes())

    def test_1_without_the_firewall(self):
        """What fails here is no fault of the firewall."""
        self.use_everything()

    def test_2_domain_controller(self):
        self.firewall.write_policy(ready_policy('domain-controller'))
        self.firewall.must('install')
        self.use_everything()
        self.assertEqual([], [event for event in self.firewall.calls() if field(event, 'event.action') != 'rpc-call-allowed'])
        # It was in force all the while: the rules that only record have recorded.
        for rule in ('secure-channel', 'accounts-listed', 'dns-records'):
            self.assertTrue(self.firewall.calls(rule_name=rule), rule)

    def test_3_every_call_recorded(self):
        """The other end: every call and bind is written down while all goes on."""
        self.firewall.put_in_force(ready_policy('audit-everything'))
        self.use_everything()
        self.assertGreater(len(self.firewall.calls()), len(everyday.USES))


if __name__ == '__main__':
    sandbox.main()

# SPDX-License-Identifier: Apache-2.0
"""A standalone file server: each of its RPC servers is protected from the very first call to it."""
import unittest

import sandbox

sandbox.enter()

import standalone                                                   # noqa: E402
from hostfirewall import HostFirewall, field                        # noqa: E402
from sambahost import ADDRESS, must                                 # noqa: E402

NP = f'ncacn_np:{ADDRESS}'
# The first call to each server, which Samba starts for it.
CALLS = (('lsaquery', 'lsarpc', 'rpcd_lsad'), ('enumdomusers', 'samr', 'rpcd_lsad'), ('winreg_enumkey HKLM', 'winreg', 'rpcd_winreg'),
         ('srvinfo', 'srvsvc', 'rpcd_classic'), ('enumprinters', 'spoolss', 'rpcd_spoolss'))


class Standalone(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = standalone.FileServer()
        cls.addClassCleanup(cls.server.stop)
        cls.firewall = HostFirewall()

    def setUp(self):
        self.addCleanup(self.server.stop)

    def call(self, command):
        return self.server.rpcclient(NP, command, source=sandbox.ATTACKER)

    def check_blocked_at_once(self):
        for command, interface, server in CALLS:
            with self.subTest(command):
                self.assertEqual([], sandbox.pids_named(server) if interface != 'samr' else [])
                self.firewall.skip_events()
                done = self.call(command)
                self.assertIn('ACCESS_DENIED', done.stdout)
                event = self.firewall.wait_calls(rpc_interface_name=interface)[0]
                self.assertEqual(('rpc-call-blocked', server, sandbox.ATTACKER, standalone.USER),
                                 tuple(field(event, path) for path in ('event.action', 'process.name', 'source.ip', 'user.name')))

    def test_1_works_without_the_firewall(self):
        self.server.start()
        for command, *_ in CALLS:
            self.assertNotIn('ACCESS_DENIED', self.call(command).stdout, command)

    def test_2_started_afterwards(self):
        self.firewall.write_policy('fw:id:none addr:%s action:block audit:true' % sandbox.ATTACKER)
        self.firewall.must('install')
        self.server.start()
        self.check_blocked_at_once()

    def test_3_installed_while_it_runs(self):
        self.firewall.must('uninstall')
        self.server.start()
        self.firewall.must('install')
        self.check_blocked_at_once()

    def test_4_files_are_served(self):
        self.server.start()
        must('smbclient', f'//{ADDRESS}/share', '-U', standalone.LOGON, '-c', 'put /etc/hostname h; get h /dev/null; del h',
             source=sandbox.ATTACKER)

    def test_5_guest(self):
        """A caller without a password is known as what Samba makes of it."""
        self.server.start()
        self.firewall.put_in_force('fw:id:anonymous sid:AN action:block audit:true', 'fw:id:rest audit:true')
        self.firewall.skip_events()
        self.server.rpcclient(NP, 'lsaquery', logon='%', source=sandbox.ATTACKER)
        event = self.firewall.wait_calls(rpc_interface_name='lsarpc')[0]
        self.assertEqual(('rpc-call-blocked', 'anonymous'), (field(event, 'event.action'), field(event, 'rule.name')))

    def test_6_nothing_crashed(self):
        self.assertEqual([], self.server.crashes())


if __name__ == '__main__':
    sandbox.main()

# SPDX-License-Identifier: GPL-3.0-or-later
"""What the agent tells of calls and binds on the real Samba, by way of calling and authenticating.

The agent comes by LD_PRELOAD and nothing is installed: this is about facts, not about management.
"""
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import sandbox                                                      # noqa: E402

sandbox.enter()

import dcbox                                                        # noqa: E402
import rawrpc                                                       # noqa: E402
from hostfirewall import HostFirewall, field                        # noqa: E402

NAME = f'{dcbox.DOMAIN}/{dcbox.ADMINISTRATOR}%{dcbox.PASSWORD}'
TICKET = ('--use-kerberos=required', f'-U{dcbox.ADMINISTRATOR}@{dcbox.REALM}%{dcbox.PASSWORD}')
NTLM = (f'-U{NAME}',)
ADMINISTRATOR = {'user.name': dcbox.ADMINISTRATOR, 'user.domain': dcbox.DOMAIN}
NOBODY = {'user.name': 'ANONYMOUS LOGON', 'user.id': 'S-1-5-7'}
PIPE = {'rpc.protseq': 'ncacn_np', 'rpc.endpoint': '\\pipe\\samr', 'destination.port': 445}
TCP = {'rpc.protseq': 'ncacn_ip_tcp'}

# How rpcclient is told to call SAMR: binding options, credentials, and what must be seen.
WAYS = [
    ('pipe, no RPC authentication', 'ncacn_np:{}', NTLM, ('NONE', 'NONE'), ADMINISTRATOR | PIPE),
    ('pipe, NTLM signed', 'ncacn_np:{}[ntlm,sign]', NTLM, ('PKT_INTEGRITY', 'WINNT'), ADMINISTRATOR | PIPE),
    ('pipe, SPNEGO with a ticket, sealed', 'ncacn_np:{}[spnego,seal]', TICKET, ('PKT_PRIVACY', 'KERBEROS'), ADMINISTRATOR | PIPE),
    ('pipe, ticket, sealed', 'ncacn_np:{}[krb5,seal]', TICKET, ('PKT_PRIVACY', 'KERBEROS'), ADMINISTRATOR | PIPE),
    ('pipe, SMB encryption', 'ncacn_np:{}', NTLM + ('--client-protection=encrypt',), ('NONE', 'NONE'), ADMINISTRATOR | PIPE),
    ('TCP, NTLM sealed', 'ncacn_ip_tcp:{}[ntlm,seal]', NTLM, ('PKT_PRIVACY', 'WINNT'), ADMINISTRATOR | TCP),
    ('TCP, SPNEGO with NTLM, sealed', 'ncacn_ip_tcp:{}[spnego,seal]', NTLM, ('PKT_PRIVACY', 'WINNT'), ADMINISTRATOR | TCP),
]
UNKNOWN = 'c681d488-d850-11d0-8c52-00c04fd90f7e'     # encrypting file system: not Samba's


class Facts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dc = dcbox.DomainController()
        cls.addClassCleanup(cls.dc.stop)
        cls.firewall = HostFirewall()
        cls.firewall.write_policy('option journal off', 'fw:audit:true')
        cls.dc.start(LD_PRELOAD=str(sandbox.AGENT))
        cls.firewall.start_service()
        cls.addClassCleanup(cls.firewall.stop_service)
        cls.firewall.must('update')

    def check(self, event, wanted):
        self.assertEqual(wanted, {name: field(event, name) for name in wanted})

    def test_ways_of_calling_samr(self):
        for title, binding, credentials, (level, service), wanted in WAYS:
            with self.subTest(title):
                self.firewall.skip_events()
                done = sandbox.run('rpcclient', *credentials, binding.format(dcbox.FULL_NAME), '-c', 'querydominfo',
                                   source=sandbox.ADMIN)
                self.assertEqual(0, done.returncode, done.stdout)
                events = self.firewall.wait_calls(rpc_method='SamrQueryInformationDomain')
                self.assertEqual(1, len(events))
                self.check(events[0], {'rpc.auth.level': level, 'rpc.auth.service': service, 'source.ip': sandbox.ADMIN,
                                       'destination.ip': '127.0.0.1', 'process.name': 'samba', 'rpc.opnum': 8,
                                       'rpc.interface.version': '1.0', **wanted})
                self.assertRegex(field(events[0], 'user.id'), r'^S-1-5-21-[0-9-]+-500$')
                self.assertGreater(field(events[0], 'source.port'), 0)
                if wanted['rpc.protseq'] == 'ncacn_ip_tcp':
                    self.assertEqual(str(field(events[0], 'destination.port')), field(events[0], 'rpc.endpoint'))

    def test_secure_channel(self):
        self.firewall.skip_events()
        done = sandbox.run('rpcclient', *NTLM, f'ncacn_np:{dcbox.FULL_NAME}[schannel,seal]', '-c', 'lsaquery')
        self.assertEqual(0, done.returncode, done.stdout)
        event = self.firewall.wait_calls(rpc_auth_service='NETLOGON')[0]
        self.check(event, {'rpc.auth.level': 'PKT_PRIVACY', **NOBODY})

    def test_binds(self):
        self.firewall.skip_events()
        with rawrpc.Connection(135, source=sandbox.ATTACKER) as connection:
            connection.send(rawrpc.bind((0, 'epmapper'), (1, (UNKNOWN, 1))))
            self.assertTrue(connection.receive())
        asked = self.firewall.wait_events(2, event_action='rpc-bind', source_ip=sandbox.ATTACKER)
        self.assertEqual(2, len(asked))
        common = {'rpc.endpoint': '135', 'rpc.auth.level': 'NONE', 'rpc.opnum': None, **NOBODY}
        self.check(asked[0], {'event.outcome': 'success', 'rpc.interface.name': 'epmapper', **common})
        self.check(asked[1], {'event.outcome': 'failure', 'rpc.interface.uuid': UNKNOWN, **common})

    def test_calls_of_the_daemons_are_local(self):
        """Counting shares makes rpcd_classic read the registry of rpcd_winreg, which nobody asked for from outside."""
        def share_list():
            done = sandbox.run('rpcclient', *NTLM, f'ncacn_np:{dcbox.FULL_NAME}', '-c', 'netshareenumall')
            self.assertEqual(0, done.returncode, done.stdout)
        share_list()
        self.assertEqual([], self.firewall.calls(rpc_interface_name='winreg'))
        self.firewall.put_in_force('option journal off', 'fw:prot:ncalrpc audit:true', 'fw:audit:true')
        self.addCleanup(self.firewall.put_in_force, 'option journal off', 'fw:audit:true')
        self.end_registry_users()
        self.firewall.skip_events()
        share_list()
        events = self.firewall.wait_calls(rpc_interface_name='winreg')
        self.assertTrue(events)
        for event in events:
            self.check(event, {'rpc.protseq': 'ncalrpc', 'user.id': 'S-1-5-18', 'rpc.endpoint': '\\pipe\\winreg'})

    @staticmethod
    def end_registry_users():
        """Those who read the registry once and remember start anew with the next call."""
        sandbox.end_processes(sandbox.pids_named('samba-dcerpcd', 'rpcd_classic', 'rpcd_winreg'))


if __name__ == '__main__':
    sandbox.main()

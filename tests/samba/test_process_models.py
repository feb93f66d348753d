# SPDX-License-Identifier: Apache-2.0
"""Every process that serves RPC is protected from its first call on, however Samba was started and whenever it forked."""
import os
import signal
import unittest
from pathlib import Path

import sandbox

sandbox.enter()

import dcbox                                                        # noqa: E402
from dcbox import FULL_NAME, LOGON                                  # noqa: E402
from hostfirewall import HostFirewall, field                        # noqa: E402
from sambahost import ADDRESS, CONFIGURATION, must                  # noqa: E402

NP, SEALED = f'ncacn_np:{ADDRESS}', f'ncacn_ip_tcp:{ADDRESS}[seal]'
# One call for each process that answers: binding, command of rpcclient, interface, server program (single model: samba).
CALLS = (
    (SEALED, 'enumdomusers', 'samr', 'samba'),
    (NP, 'enumdomusers', 'samr', 'samba'),
    (NP, 'lsaquery', 'lsarpc', 'samba'),
    (NP, 'srvinfo', 'srvsvc', 'rpcd_classic'),
    (NP, 'netshareenum', 'srvsvc', 'rpcd_classic'),
    (NP, 'enumprinters', 'spoolss', 'rpcd_spoolss'),
)
SETTLED = 10        # looks in a row, a fifth of a second apart, that find the same
AUDIT = 'fw:id:everything audit:true'
BLOCK = 'fw:id:nothing uuid:samr,lsarpc,srvsvc,spoolss,winreg action:block audit:true'


def program(event):
    return os.path.basename(field(event, 'process.executable') or '')


def listening():
    """How many TCP sockets of this host listen."""
    return sum(line.split()[3:4] == ['0A'] for table in ('tcp', 'tcp6')
               for line in Path('/proc/net', table).read_text(encoding='ascii').splitlines())


def start_dcerpcd(program):
    """Starts samba-dcerpcd as a daemon and waits until it has all its ports. If `samba` takes ports at the same time, one of the
    two may get a port on some of the host's addresses alone: then that one ends, or answers no bind (with no firewall, too)."""
    must(program, '--libexec-rpcds', '-D')
    seen = []

    def settled():
        seen.append(listening())
        return seen[-1] and len(seen) > SETTLED and len(set(seen[-SETTLED:])) == 1
    if sandbox.wait_until(settled, 60, 0.2) is None:
        raise sandbox.SandboxError(f'samba-dcerpcd takes no ports: {seen}')


class ProcessModels(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dc = dcbox.DomainController()
        cls.addClassCleanup(cls.dc.stop)
        cls.firewall = HostFirewall()
        cls.firewall.write_policy(AUDIT)

    def setUp(self):
        if self._testMethodName != 'test_1_installed_while_it_runs':
            self.firewall.must('install')

    def tearDown(self):
        self.dc.stop()
        self.assertEqual([], self.dc.crashes())

    def recorded(self, binding, command):
        """The call goes through, and is recorded by the process that served it."""
        self.firewall.skip_events()
        done = self.dc.rpcclient(binding, command, source=sandbox.ATTACKER)
        self.assertEqual(0, done.returncode, done.stdout)

    def check_calls(self):
        for binding, command, interface, server in CALLS:
            with self.subTest(binding=binding, command=command):
                self.recorded(binding, command)
                events = self.firewall.wait_calls(rpc_interface_name=interface, source_ip=sandbox.ATTACKER)
                self.assertTrue(events, 'not recorded')
                for event in events:
                    self.assertEqual(server, program(event))
                    self.assertEqual(dcbox.ADMINISTRATOR, field(event, 'user.name'))
        with self.subTest('registry'):
            self.firewall.skip_events()
            done = sandbox.run('net', 'rpc', 'registry', 'enumerate', 'HKLM\\SOFTWARE', '-U', LOGON, '-S', FULL_NAME)
            self.assertEqual(0, done.returncode, done.stdout)
            self.assertTrue(self.firewall.wait_calls(rpc_interface_name='winreg'))

    def check_no_gap(self):
        """What the manager says: no process of Samba that serves RPC is without protection."""
        sandbox.wait_until(lambda: not self.firewall.unprotected(), 5, 0.2)
        self.assertEqual([], self.firewall.unprotected())

    def check_blocked(self):
        self.firewall.put_in_force(BLOCK)
        for binding, command, interface, _ in CALLS:
            with self.subTest('blocked', binding=binding, command=command):
                done = self.dc.rpcclient(binding, command, source=sandbox.ATTACKER)
                self.assertIn('ACCESS_DENIED', done.stdout)
        self.firewall.put_in_force(AUDIT)

    def test_1_installed_while_it_runs(self):
        self.dc.start('prefork')
        self.firewall.must('install')
        self.check_calls()
        self.check_blocked()
        self.check_no_gap()

    def model(self, name):
        self.dc.start(name)
        self.check_calls()
        self.check_blocked()
        self.check_no_gap()

    def test_2_single(self):
        self.model('single')

    def test_3_standard(self):
        self.model('standard')

    def test_4_prefork(self):
        self.model('prefork')

    def test_5_servers_restarted(self):
        """samba-dcerpcd and its servers end, and smbd starts them again when a pipe is opened."""
        self.dc.start('prefork')
        sandbox.end_processes(sandbox.pids_named('samba-dcerpcd', 'rpcd_classic', 'rpcd_winreg', 'rpcd_spoolss'))
        self.check_calls()
        self.check_blocked()

    def test_6_killed_worker(self):
        """A worker that dies is replaced by Samba, and the new one is protected."""
        self.dc.start('prefork')
        self.recorded(SEALED, 'enumdomusers')
        victim = field(self.firewall.wait_calls(rpc_interface_name='samr')[0], 'process.pid')
        os.kill(victim, signal.SIGKILL)
        sandbox.wait_until(lambda: victim not in sandbox.processes(), 5)
        for _ in range(4):
            sandbox.wait_until(lambda: self.dc.rpcclient(SEALED, 'getusername').returncode == 0, 10, 0.2)
            self.recorded(SEALED, 'enumdomusers')
            events = self.firewall.wait_calls(rpc_interface_name='samr')
            self.assertNotEqual(victim, field(events[0], 'process.pid'))

    def test_7_dcerpcd_by_hand(self):
        """An administrator starts it, with nothing of the firewall in the environment; it was there before `samba`."""
        self.dc.start('prefork')
        dcerpcd = os.readlink('/proc/%d/exe' % sandbox.pids_named('samba-dcerpcd')[0])
        self.dc.stop()
        configuration = CONFIGURATION / 'smb.conf'
        text = configuration.read_text(encoding='utf-8')
        configuration.write_text(text.replace('[global]', '[global]\n\trpc start on demand helpers = no', 1), encoding='utf-8')
        self.addCleanup(configuration.write_text, text, encoding='utf-8')
        start_dcerpcd(dcerpcd)
        self.dc.start('prefork')
        self.check_calls()
        self.check_blocked()
        # It serves nothing itself, but what it starts has the agent from its first instruction only if it has.
        names = set()
        sandbox.wait_until(lambda: names.clear() or names.update(process['name'] for process in self.firewall.unprotected())
                           or names <= {'samba-dcerpcd'}, 5, 0.2)
        self.assertLessEqual(names, {'samba-dcerpcd'})
        if names:
            self.assertIn('samba-dcerpcd', self.firewall.rpcfw('doctor').stdout)

    def test_8_unprotect(self):
        """Everything as before; and what starts later is not protected either, until it is switched on again."""
        self.dc.start('prefork')
        self.firewall.put_in_force(BLOCK)
        self.assertIn('ACCESS_DENIED', self.dc.rpcclient(NP, 'srvinfo').stdout)
        self.firewall.must('unprotect')
        for binding, command, _, _ in CALLS:
            self.assertEqual(0, self.dc.rpcclient(binding, command).returncode, command)
        sandbox.end_processes(sandbox.pids_named('samba-dcerpcd', 'rpcd_classic'))
        self.assertEqual(0, self.dc.rpcclient(NP, 'srvinfo').returncode)
        self.firewall.must('install')
        for binding, command, _, _ in CALLS:
            self.assertIn('ACCESS_DENIED', self.dc.rpcclient(binding, command).stdout, command)
        self.firewall.must('uninstall')
        for binding, command, _, _ in CALLS:
            self.assertEqual(0, self.dc.rpcclient(binding, command).returncode, command)


if __name__ == '__main__':
    sandbox.main()

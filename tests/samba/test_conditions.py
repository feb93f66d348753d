# SPDX-License-Identifier: Apache-2.0
"""What can go wrong around the firewall: Samba serves on, and status and journal say what is wrong and when it is over."""
import os
import shutil
import subprocess
import unittest
from pathlib import Path

import sandbox

sandbox.enter()

import dcbox                                                        # noqa: E402
from hostfirewall import AUDIT, POLICY, HostFirewall, field         # noqa: E402
from sambahost import ADDRESS                                 # noqa: E402

SEALED, NP = f'ncacn_ip_tcp:{ADDRESS}[seal]', f'ncacn_np:{ADDRESS}'
AUDIT_ALL = 'fw:id:everything audit:true'
BLOCK = 'fw:id:closed uuid:srvsvc action:block audit:true'


class Conditions(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dc = dcbox.DomainController()
        cls.addClassCleanup(cls.dc.stop)
        cls.dc.start('prefork')
        cls.firewall = HostFirewall()
        cls.firewall.write_policy(AUDIT_ALL)
        cls.firewall.must('install')

    def tearDown(self):
        self.assertEqual([], self.dc.crashes())

    def check_served(self):
        for binding, command in ((SEALED, 'enumdomains'), (NP, 'srvinfo'), (NP, 'lsaquery')):
            done = self.dc.rpcclient(binding, command)
            self.assertEqual(0, done.returncode, done.stdout)

    def wait_for_sink(self, state, timeout=15):
        """The state of the audit file as status tells it."""
        told = []
        sandbox.wait_until(lambda: told.append(self.firewall.status()['service']['audit']) or told[-1]['state'] == state, timeout, 0.2)
        self.assertEqual(state, told[-1]['state'])
        return told[-1]

    def wait_journal(self, words, start, timeout=10):
        self.assertIsNotNone(sandbox.wait_until(lambda: words in '\n'.join(self.dc.journal.entries[start:]), timeout, 0.1),
                             f'not in the journal: {words}')

    def check_goes_on(self, error, mend):
        """While the audit cannot be written: calls are served, and it is told; once mended, the audit goes on."""
        start = len(self.dc.journal.entries)
        self.check_served()
        sink = self.wait_for_sink('fails')
        self.assertIn(error, sink['error'])
        self.wait_journal('audit file:', start)
        self.assertIn(error, self.firewall.rpcfw('status').stdout)
        self.assertIn(error, self.firewall.rpcfw('doctor').stdout)
        mend()
        self.wait_for_sink('good', timeout=60)
        self.wait_journal('is written again', start)
        self.firewall.skip_events()
        self.check_served()
        self.assertTrue(self.firewall.wait_calls(rpc_method='SamrEnumerateDomainsInSamServer'))

    def test_log_disk_full(self):
        folder, kept = AUDIT.parent, Path('/run/kept-log')
        shutil.move(AUDIT, kept)
        subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=32k,mode=0750', 'tmpfs', folder], check=True)
        self.addCleanup(subprocess.run, ['umount', '-l', folder], check=True)
        filler = folder / 'filler'
        filler.write_bytes(b'x' * 20480)
        with open(filler, 'ab', buffering=0) as file:
            try:
                while True:
                    file.write(b'x' * 4096)
            except OSError:
                pass
        self.check_goes_on('No space left', filler.unlink)

    def test_log_directory_missing(self):
        folder = AUDIT.parent
        shutil.rmtree(folder)
        self.check_served()
        # The service makes its own directory again.
        self.firewall.skip_events()
        sandbox.wait_until(lambda: bool(self.dc.rpcclient(SEALED, 'enumdomains')) and AUDIT.exists(), 20, 0.5)
        self.assertTrue(AUDIT.exists())
        self.assertEqual(0o750, folder.stat().st_mode & 0o777)

    def test_service_down(self):
        """Events wait; none is lost when it comes back soon."""
        self.firewall.skip_events()
        service = self.firewall.status()['service']
        os.kill(service['pid'], 9)
        sandbox.wait_until(lambda: not self.firewall.status()['service']['running'], 5, 0.1)
        self.check_served()
        self.assertFalse(self.firewall.status()['service']['running'])
        self.assertEqual([], self.firewall.calls(rpc_method='SamrEnumerateDomainsInSamServer'))
        self.firewall.start_service()
        self.assertTrue(self.firewall.wait_calls(rpc_method='SamrEnumerateDomainsInSamServer', timeout=10))

    def test_policy_missing(self):
        """The file is gone: what was in force stays in force, and it is said."""
        self.firewall.put_in_force(BLOCK)
        self.addCleanup(self.firewall.put_in_force, AUDIT_ALL)
        POLICY.unlink()
        self.assertIn('ACCESS_DENIED', self.dc.rpcclient(NP, 'srvinfo').stdout)
        self.assertEqual('missing', self.firewall.status()['policy_file'])
        self.assertIn('RpcFw.conf', self.firewall.rpcfw('doctor').stdout)
        self.assertNotEqual(0, self.firewall.rpcfw('update').returncode)
        self.assertIn('ACCESS_DENIED', self.dc.rpcclient(NP, 'srvinfo').stdout)

    def test_z_state_lost(self):
        """/run/rpcfw is gone and there is no policy, as after a start without either: calls pass, and it is said."""
        self.dc.stop()
        pid = self.firewall.status()['service'].get('pid')
        sandbox.end_processes([pid] if pid in sandbox.processes() else [])
        shutil.rmtree('/run/rpcfw')
        POLICY.unlink()
        start = len(self.dc.journal.entries)
        self.dc.start('prefork')
        self.check_served()
        status = self.firewall.status()
        self.assertEqual((0, 'missing'), (status['generation'], status['policy_file']))
        self.assertEqual([], [process for process in status['processes'] if not process['covered']])
        self.firewall.start_service()
        self.wait_journal('RpcFw.conf', start)
        # A policy that comes reaches what runs already.
        self.firewall.put_in_force(BLOCK)
        self.assertIn('ACCESS_DENIED', self.dc.rpcclient(NP, 'srvinfo').stdout)
        self.assertEqual('rpc-call-blocked', field(self.firewall.wait_calls(rule_name='closed')[0], 'event.action'))


if __name__ == '__main__':
    sandbox.main()

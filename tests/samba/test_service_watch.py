# SPDX-License-Identifier: GPL-3.0-or-later
"""rpcfw serve protects Samba's processes that no agent came into by itself, with the rights that its unit leaves it."""
import os
import re
import struct
import subprocess
import time
import unittest
from pathlib import Path

import sandbox

sandbox.enter()

import standalone                                                   # noqa: E402
from hostfirewall import HostFirewall, field                        # noqa: E402
from sambahost import ADDRESS                                       # noqa: E402

NP = f'ncacn_np:{ADDRESS}'
UNIT = sandbox.SOURCE / 'packaging/systemd/rpcfw.service'
BLOCK = f'fw:id:none addr:{sandbox.ATTACKER} action:block audit:true'
# The service looks every five seconds where the kernel tells it nothing, as in this network namespace.
SOON = 15


def unit_rights():
    """What stands in front of a command so that it has the rights of the unit."""
    names = re.search(r'^CapabilityBoundingSet=(.*)$', UNIT.read_text(encoding='utf-8'), re.M).group(1)
    rights = ','.join(['-all', *('+' + name.removeprefix('CAP_').lower() for name in names.split())])
    return ['setpriv', f'--bounding-set={rights}', '--no-new-privs']


class ServiceWatch(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = standalone.FileServer()
        cls.addClassCleanup(cls.server.stop)
        cls.firewall = HostFirewall()

    def setUp(self):
        self.service = None
        self.firewall.write_policy(BLOCK)
        self.server.start()
        self.addCleanup(self.server.stop)
        self.addCleanup(self.end_service)

    def serve(self, *words):
        self.service = subprocess.Popen([*unit_rights(), sandbox.RPCFW, 'serve', *words], stderr=subprocess.PIPE, text=True,
                                        env={**os.environ, 'LC_ALL': 'C'}, preexec_fn=sandbox.die_with_parent)

    def end_service(self):
        if self.service:
            self.service.terminate()
            _, errors = self.service.communicate(timeout=20)
            self.assertEqual((self.service.returncode, errors), (0, ''))
            self.service = None

    def refused(self, command):
        return 'ACCESS_DENIED' in self.server.rpcclient(NP, command, source=sandbox.ATTACKER).stdout

    @staticmethod
    def fill_table():
        """A process that lives stands in each entry that is free."""
        start_time = int(Path('/proc/1/stat').read_text(encoding='ascii').rsplit(')', 1)[1].split()[19])
        with open('/run/rpcfw/processes', 'r+b') as table:
            _, _, size, count = struct.unpack('<4I', table.read(16))
            first = os.fstat(table.fileno()).st_size - size * count
            for place in range(first, first + size * count, size):
                table.seek(place)
                if table.read(4) == bytes(4):
                    table.seek(place)
                    table.write(struct.pack('<IIQ', 1, 2, start_time))

    def empty_table(self):
        with open('/run/rpcfw/processes', 'r+b') as table:
            _, _, size, count = struct.unpack('<4I', table.read(16))
            first = os.fstat(table.fileno()).st_size - size * count
            for place in range(first, first + size * count, size):
                table.seek(place)
                if table.read(4) == struct.pack('<I', 1):
                    table.seek(place)
                    table.write(bytes(4))

    def test_0_more_processes_than_can_be_listed(self):
        """They are entered and judge, and are let be; that is told once. When there is room, they are listed."""
        self.server.stop()
        self.firewall.must('update')
        self.serve()
        self.firewall.skip_events()
        sandbox.wait_until(lambda: os.path.exists('/run/rpcfw/processes'), SOON)
        self.fill_table()
        self.addCleanup(self.empty_table)
        self.server.start()
        self.assertFalse(self.server.rpcclient(NP, 'lsaquery', source=sandbox.ADMIN).returncode)
        self.assertIsNotNone(sandbox.wait_until(lambda: self.refused('lsaquery'), 2 * SOON, 0.5))
        self.assertTrue(self.firewall.unprotected())
        time.sleep(SOON + 10)       # each is tried three times
        gaps = [field(event, 'event.reason') for event in self.firewall.matching(event_action='gap-found')]
        self.assertEqual(['more processes than can be listed: this and others are not shown'], gaps)
        self.empty_table()
        self.assertIsNotNone(sandbox.wait_until(lambda: not self.firewall.unprotected(), SOON), self.firewall.unprotected())
        self.assertTrue(self.refused('lsaquery'))

    def test_1_what_runs_and_what_comes(self):
        self.assertFalse(self.refused('lsaquery'))
        self.serve('--agent', str(sandbox.AGENT))
        self.assertIsNotNone(sandbox.wait_until(lambda: self.refused('lsaquery'), SOON, 0.5))
        event = self.firewall.wait_calls(rpc_interface_name='lsarpc')[0]
        self.assertEqual((field(event, 'event.action'), field(event, 'process.name')), ('rpc-call-blocked', 'rpcd_lsad'))
        # One that Samba starts later.
        self.assertIsNotNone(sandbox.wait_until(lambda: self.refused('winreg_enumkey HKLM'), SOON, 0.5))

    def test_2_what_cannot_be_protected_is_told_once(self):
        self.refused('lsaquery')
        self.firewall.skip_events()
        self.serve('--agent', '/nonexistent/rpcfirewall.so')
        gap = self.firewall.wait_events(event_action='gap-found', timeout=40)[0]
        self.assertIn(field(gap, 'process.pid'), sandbox.samba_pids())
        self.assertTrue(field(gap, 'event.reason'))
        time.sleep(6)
        pids = [field(event, 'process.pid') for event in self.firewall.matching(event_action='gap-found')]
        self.assertEqual(len(pids), len(set(pids)))

    def test_3_what_was_unprotected_stays_so(self):
        self.serve('--agent', str(sandbox.AGENT))
        self.assertIsNotNone(sandbox.wait_until(lambda: self.refused('lsaquery'), SOON, 0.5))
        self.firewall.must('unprotect')
        self.assertFalse(self.refused('lsaquery'))
        time.sleep(7)
        self.assertFalse(self.refused('lsaquery'))

    def test_4_nothing_crashed(self):
        self.assertEqual([], self.server.crashes())


if __name__ == '__main__':
    sandbox.main()

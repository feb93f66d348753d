#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Processes that there is nothing to protect in: the agent leaves at once and the manager says why."""
import unittest

import rpccaller
import winebox
from firewall import AGENT, Firewall, MODULE_GONE_SECONDS

NO = 1      # exit code: the answer is no
ERROR = 2


class NotRpc(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.box = winebox.Box()
        cls.addClassCleanup(cls.box.close)
        cls.firewall = Firewall(cls.box)
        cls.firewall.write_policy('action:allow')

    def refused(self, program, reason):
        threads = program.usage()['threads']
        done = self.firewall.manager('pid', program.pid)
        self.assertEqual(done.returncode, NO, done.stdout + done.stderr)
        self.assertRegex(done.stdout, rf'(?m)^\s*{program.pid}\s.*not an RPC server.*{reason}')
        # The manager itself took a while to end: from here on it is less than a second.
        self.assertIsNotNone(winebox.wait_until(lambda: not program.has_module(AGENT), MODULE_GONE_SECONDS))
        self.assertIsNotNone(winebox.wait_until(lambda: program.usage()['threads'] <= threads, 2), program.usage())

    def test_a_process_without_rpc(self):
        idle = self.box.start_test_program('idle')
        self.refused(idle, 'rpcrt4')
        self.assertFalse(idle.has_module('rpcrt4.dll'))
        self.assertEqual(idle.finish(), 0)

    def test_a_server_with_only_local_endpoints(self):
        server = self.box.start_test_program('rpc_server', '--lrpc', 'rpcfw-local')
        self.refused(server, '(?:ncalrpc|local)')
        done = self.box.run_test_program('rpc_client', 'ncalrpc:[rpcfw-local]', 'add', '--count', 20)
        self.assertIn('ok=20 denied=0 other=0', done.stdout)
        self.assertEqual(server.finish(), 0)

    def test_a_process_that_loads_the_runtime_and_serves_nothing(self):
        server = self.box.start_test_program('rpc_server')
        self.refused(server, 'endpoint')
        self.assertEqual(server.finish(), 0)

    def test_a_server_that_listens_later_can_be_protected_then(self):
        port = rpccaller.free_port()
        server = self.box.start_test_program('rpc_server', '--tcp', port, '--delay', 6000, ready='STARTED')
        self.refused(server, '')
        server.wait_for('READY')
        self.assertIn('protected', self.firewall.protect(server))
        self.assertEqual(rpccaller.call_once(port, rpccaller.ADD, 1, 2), 3)

    def test_no_such_process(self):
        done = self.firewall.manager('pid', 999996)
        self.assertEqual(done.returncode, ERROR, done.stdout)
        self.assertIn('999996', done.stdout + done.stderr)

    def test_all_processes(self):
        port = rpccaller.free_port()
        server = self.box.start_test_program('rpc_server', '--tcp', port)
        idle = self.box.start_test_program('idle')
        done = self.firewall.manager('process', timeout=120)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertRegex(done.stdout, rf'(?m)^\s*{server.pid}\s+rpc_server\.exe\s+protected')
        self.assertRegex(done.stdout, rf'(?m)^\s*{idle.pid}\s+idle\.exe\s+not an RPC server')
        self.assertFalse(idle.has_module(AGENT))
        self.assertEqual(rpccaller.call_once(port, rpccaller.ADD, 1, 2), 3)
        self.firewall.must('unprotect', timeout=120)
        self.assertIsNotNone(winebox.wait_until(lambda: not server.has_module(AGENT), MODULE_GONE_SECONDS))


if __name__ == '__main__':
    winebox.main()

#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Processes that there is nothing to protect in: the agent leaves at once and the manager says why.

The manager looks first and spares most of them the agent; so here the agent is also loaded by hand, and finds out itself.
"""
import unittest

import rpccaller
import winebox
from firewall import (AGENT, AGENT_LEAVING, Firewall, MODULE_GONE_SECONDS, REASON_LOCAL_ONLY, REASON_NO_POLICY,
                      REASON_NO_RPC)

NO = 1      # exit code: the answer is no
ERROR = 2
LOADS = 3                   # one after the other, so that something small left behind adds up
LEFT_HEAP_BYTES = 64


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

    def leaves_by_itself(self, program, reason):
        """Loaded by hand it goes within a second, says why, and leaves the process as it was."""
        modules = program.modules()
        self.load_and_see_it_leave(program, reason)
        self.assertEqual(program.modules(), modules)
        # From here on only what the agent itself leaves: Wine forgets some bytes with each library that comes and goes.
        library = self.box.run_test_program('inject', 'library', program.pid, r'C:\windows\system32\advapi32.dll')
        self.assertEqual(library.stdout, 'LOADED\n')
        modules, usage = program.modules(), program.usage()
        for _ in range(LOADS):
            self.load_and_see_it_leave(program, reason)
        self.assertIsNotNone(winebox.wait_until(lambda: program.usage()['threads'] <= usage['threads'], 2))
        after = program.usage()
        self.assertEqual(program.modules(), modules)
        self.assertEqual((after['threads'], after['handles']), (usage['threads'], usage['handles']))
        self.assertLessEqual(after['heap'], usage['heap'] + LEFT_HEAP_BYTES)

    def load_and_see_it_leave(self, program, reason):
        self.assertEqual(self.firewall.load_by_hand(program), (AGENT_LEAVING, reason))
        self.assertIsNotNone(winebox.wait_until(lambda: not program.has_module(AGENT), MODULE_GONE_SECONDS))

    def test_the_agent_finds_no_rpc(self):
        idle = self.box.start_test_program('idle')
        self.leaves_by_itself(idle, REASON_NO_RPC)
        self.assertFalse(idle.has_module('rpcrt4.dll'))
        self.assertEqual(idle.finish(), 0)

    def test_the_agent_finds_only_local_endpoints(self):
        server = self.box.start_test_program('rpc_server', '--lrpc', 'rpcfw-local-2')
        self.leaves_by_itself(server, REASON_LOCAL_ONLY)
        done = self.box.run_test_program('rpc_client', 'ncalrpc:[rpcfw-local-2]', 'add', '--count', 20)
        self.assertIn('ok=20 denied=0 other=0', done.stdout)
        self.assertEqual(server.finish(), 0)

    def test_the_agent_finds_no_policy(self):
        """No manager has put one in force: with nothing to go by, nothing is protected, and the agent says so."""
        port = rpccaller.free_port()
        server = self.box.start_test_program('rpc_server', '--tcp', port)
        self.leaves_by_itself(server, REASON_NO_POLICY)
        self.assertEqual(rpccaller.call_once(port, rpccaller.ADD, 1, 2), 3)

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

#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What happens to an agent that others than the manager handle: loaded twice, or entered by a thread that comes late."""
import time
import unittest

import rpccaller
import winebox
from firewall import AGENT, AGENT_PROTECTED, Firewall, MODULE_GONE_SECONDS
from rpccaller import ACCESS_DENIED, ADD, PID

DENIED = ('fault', ACCESS_DENIED)
RESUME_SECONDS = 20     # inject.c gives the routine ten of its own
GONE_BY_THEN_SECONDS = 1    # a DLL that does not wait for the late thread


class Lifecycle(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.box = winebox.Box()
        cls.addClassCleanup(cls.box.close)
        cls.firewall = Firewall(cls.box)
        cls.firewall.write_policy(f'opnum:{ADD} action:block')
        # Keeps the policy in force while others come and go.
        cls.keeper = cls.box.start_test_program('rpc_server', '--tcp', rpccaller.free_port())
        cls.firewall.protect(cls.keeper)

    def setUp(self):
        self.port = rpccaller.free_port()
        self.server = self.box.start_test_program('rpc_server', '--tcp', self.port)

    def assert_protected(self):
        self.assertTrue(self.server.has_module(AGENT))
        self.assertEqual(rpccaller.call_once(self.port, ADD, 1, 2), DENIED)
        self.assertEqual(rpccaller.call_once(self.port, PID), self.server.pid)

    def assert_free(self):
        self.assertIsNotNone(winebox.wait_until(lambda: not self.server.has_module(AGENT), MODULE_GONE_SECONDS))
        self.assertEqual(rpccaller.call_once(self.port, ADD, 1, 2), 3)

    def test_loaded_once_more_while_it_protects(self):
        self.firewall.protect(self.server)
        for times in (1, 3):
            with self.subTest(times):
                for _ in range(times):
                    self.assertEqual(self.firewall.load_by_hand(self.server), (AGENT_PROTECTED, 0))
                self.assert_protected()
                self.firewall.unprotect(self.server)
                self.assert_free()
                self.assertRegex(self.firewall.protect(self.server), rf'(?m)^\s*{self.server.pid}\s.*\bprotected')
                self.assert_protected()
        self.firewall.unprotect(self.server)
        self.assert_free()
        self.assertEqual(self.server.finish(), 0)

    def test_loaded_by_hand_and_then_by_the_manager(self):
        self.assertEqual(self.firewall.load_by_hand(self.server), (AGENT_PROTECTED, 0))
        self.assert_protected()
        self.assertIn('already protected', self.firewall.protect(self.server))
        self.firewall.unprotect(self.server)
        self.assert_free()

    def late_thread(self, routine):
        """A manager's thread that was created and had not yet begun when another manager unprotects."""
        self.firewall.protect(self.server)
        late = self.box.start_test_program('inject', 'pending', self.server.pid, routine, ready='PENDING')
        manager = self.firewall.start_manager('unprotect', self.server.pid)
        # Unhooked at once, whatever the DLL waits for.
        self.assertIsNotNone(winebox.wait_until(lambda: rpccaller.call_once(self.port, ADD, 1, 2) == 3, 5))
        time.sleep(GONE_BY_THEN_SECONDS)
        said = late.ask('resume', RESUME_SECONDS)
        self.assertRegex(said, r'^resume exit=0x[0-9a-f]+$')
        # What the routine says is of its own kind (agent_status.h), and not the code of an exception.
        self.assertRegex(said, r'=0x524[67]0{3}\d$')
        self.assertTrue(self.server.running())
        manager.finish()
        self.assertIsNotNone(winebox.wait_until(lambda: not self.server.has_module(AGENT), 5))
        self.assert_free()
        self.firewall.protect(self.server)
        self.assert_protected()
        self.firewall.unprotect(self.server)
        self.assertEqual(self.server.finish(), 0)

    def test_a_refresh_that_begins_after_unprotect(self):
        self.late_thread('refresh')

    def test_a_stop_that_begins_after_unprotect(self):
        self.late_thread('stop')

    def test_a_thread_that_a_dead_manager_left_suspended(self):
        """Nobody will ever resume it: the agent lets it begin, or would wait for it for ever."""
        for routine in ('refresh', 'stop'):
            with self.subTest(routine):
                self.firewall.protect(self.server)
                late = self.box.start_test_program('inject', 'pending', self.server.pid, routine, ready='PENDING')
                late.kill()
                manager = self.firewall.start_manager('unprotect', self.server.pid)
                manager.finish(30)
                self.assertIsNotNone(winebox.wait_until(lambda: not self.server.has_module(AGENT), 10))
                self.assert_free()
        self.assertEqual(self.server.finish(), 0)


if __name__ == '__main__':
    winebox.main()

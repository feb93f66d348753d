#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Managers that meet, and managers that die at the worst moment: the agents keep the last good policy."""
import time
import unittest

import rpccaller
import winebox
from firewall import AGENT, Firewall, MODULE_GONE_SECONDS
from rpccaller import ACCESS_DENIED, ADD, DEMO, PID, SLEEP, Caller, SteadyCaller

DENIED = ('fault', ACCESS_DENIED)
# Both block SLEEP and allow PID; they differ in ADD only.
ALWAYS = [f'uuid:{DEMO[0]} opnum:{SLEEP} action:block', f'uuid:{DEMO[0]} opnum:{PID} action:allow']
BLOCKS_ADD = [*ALWAYS, f'uuid:{DEMO[0]} opnum:{ADD} action:block']
ALLOWS_ADD = [*ALWAYS, f'uuid:{DEMO[0]} opnum:{ADD} action:allow']
KILLS = 24      # spread evenly over the time that a manager takes here and now


class TwoManagers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.box = winebox.Box()
        cls.addClassCleanup(cls.box.close)
        cls.firewall = Firewall(cls.box)
        cls.firewall.write_policy(*BLOCKS_ADD)
        cls.port = rpccaller.free_port()
        cls.server = cls.box.start_test_program('rpc_server', '--tcp', cls.port)
        cls.firewall.protect(cls.server)

    def assert_one_of_both(self, steady):
        """Nothing but what both policies say, and no call that failed otherwise."""
        self.assertEqual(steady.surprises, [])
        self.assertEqual({outcome for opnum, outcome in steady.outcomes if opnum == SLEEP}, {'denied'})
        self.assertEqual({outcome for opnum, outcome in steady.outcomes if opnum == PID}, {'ok'})

    def moments(self, *arguments):
        """Seconds from the start of a manager, from its first instruction to its last."""
        start = time.monotonic()
        self.assertEqual(self.firewall.start_manager(*arguments).finish(60), 0)
        duration = time.monotonic() - start
        return [duration * number / KILLS for number in range(1, KILLS)]

    def kill_after(self, manager, seconds):
        """True when it was killed at work, false when it had ended before."""
        if winebox.wait_until(lambda: not manager.running(), seconds, 0.002) is not None:
            return False
        manager.kill()
        return True

    def test_two_updates_at_once(self):
        with SteadyCaller(self.port, opnums=(ADD, SLEEP, PID), interval=0.005) as steady:
            for number in range(4):
                self.firewall.write_policy(*(ALLOWS_ADD if number % 2 else BLOCKS_ADD))
                managers = [self.firewall.start_manager('update') for _ in range(2)]
                for manager in managers:
                    code = manager.finish(60)
                    self.assertEqual(code, 0, (manager.lines, manager.errors()))
        self.assert_one_of_both(steady)
        with Caller(self.port) as caller:
            self.assertEqual(caller.add(), 42)

    def test_two_protect_at_once(self):
        port = rpccaller.free_port()
        server = self.box.start_test_program('rpc_server', '--tcp', port)
        managers = [self.firewall.start_manager('pid', server.pid) for _ in range(2)]
        codes = [manager.finish(60) for manager in managers]
        self.assertEqual(codes, [0, 0], [(manager.lines, manager.errors()) for manager in managers])
        said = sorted('already' in '\n'.join(manager.lines) for manager in managers)
        self.assertEqual(said, [False, True], [manager.lines for manager in managers])
        with Caller(port) as caller:
            self.assertEqual(caller.number(SLEEP, 1), DENIED)

    def test_killed_in_the_middle_of_update(self):
        killed = 0
        with SteadyCaller(self.port, opnums=(ADD, SLEEP, PID), interval=0.005) as steady:
            for number, moment in enumerate(self.moments('update')):
                self.firewall.write_policy(*(ALLOWS_ADD if number % 2 else BLOCKS_ADD))
                killed += self.kill_after(self.firewall.start_manager('update'), moment)
            self.assertGreater(killed, KILLS // 3)
            self.assert_one_of_both(steady)
            # And the next manager finds nothing in its way.
            for policy, expected in ((BLOCKS_ADD, 'denied'), (ALLOWS_ADD, 'ok')):
                self.firewall.apply(*policy)
                start = len(steady.outcomes) + 1
                self.assertIsNotNone(winebox.wait_until(lambda: len(steady.outcomes) >= start + 3, 10))
                self.assertIn((ADD, expected), steady.outcomes[start:start + 3])
        self.assert_one_of_both(steady)

    def test_killed_in_the_middle_of_injection(self):
        port = rpccaller.free_port()
        server = self.box.start_test_program('rpc_server', '--tcp', port)
        killed = 0
        with SteadyCaller(port, opnums=(PID,), interval=0.005) as steady:
            for moment in self.moments('pid', server.pid):
                self.firewall.unprotect(server)
                killed += self.kill_after(self.firewall.start_manager('pid', server.pid), moment)
                # Whatever was reached, the next manager brings it to its end, and can take it back.
                self.firewall.protect(server)
                self.assertTrue(server.has_module(AGENT))
            self.firewall.unprotect(server)
            self.assertIsNotNone(winebox.wait_until(lambda: not server.has_module(AGENT), MODULE_GONE_SECONDS))
        self.assertGreater(killed, KILLS // 3)
        self.assertEqual(steady.surprises, [])
        self.assertEqual({outcome for _, outcome in steady.outcomes}, {'ok'})

    def test_killed_in_the_middle_of_unprotect(self):
        port = rpccaller.free_port()
        server = self.box.start_test_program('rpc_server', '--tcp', port)
        with SteadyCaller(port, opnums=(PID,), interval=0.005) as steady:
            self.firewall.protect(server)
            for moment in self.moments('unprotect', server.pid):
                self.firewall.protect(server)
                self.kill_after(self.firewall.start_manager('unprotect', server.pid), moment)
            # Gone already or not, as far as the last one came.
            self.firewall.manager('unprotect', server.pid)
            self.assertIsNotNone(winebox.wait_until(lambda: not server.has_module(AGENT), MODULE_GONE_SECONDS))
        self.assertEqual(steady.surprises, [])
        self.assertEqual({outcome for _, outcome in steady.outcomes}, {'ok'})


if __name__ == '__main__':
    winebox.main()

#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Managers that meet, and managers that die at the worst moment: the agents keep the last good policy."""
import collections
import sys
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
KILLS = 16      # spread evenly over the time that a manager works here and now
PASSES = 6      # so many times as many at the most, until kills were seen to fall before and after the deed


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

    def seconds(self, *arguments):
        """How long a manager takes."""
        manager = self.firewall.start_manager(*arguments)
        took = winebox.wait_until(lambda: not manager.running(), 60, 0.001)
        self.assertEqual(manager.finish(), 0, (manager.lines, manager.errors()))
        return took

    def moments(self, *arguments):
        """Seconds from the start of a manager, from shortly before it begins its work to its end."""
        start = min(self.seconds('help') for _ in range(3)) * 0.8
        end = max(self.seconds(*arguments), start + 0.02)
        return [start + (end - start) * number / KILLS for number in range(KILLS)]

    def kill_after(self, manager, seconds):
        """True when it was killed at work, false when it had ended before."""
        if winebox.wait_until(lambda: not manager.running(), seconds, 0.001) is not None:
            return False
        manager.kill()
        # One that ended by itself in this very moment was not killed.
        return manager.process.returncode < 0

    def next_results(self, steady, opnum):
        """What the next calls of that opnum come to."""
        start = len(steady.outcomes) + 1    # one is under way
        self.assertIsNotNone(winebox.wait_until(lambda: len(steady.outcomes) >= start + 6, 10), steady.surprises)
        return {outcome for called, outcome in steady.outcomes[start:start + 6] if called == opnum}

    def is_protected(self, server, steady):
        """Whether the agent is in, once the calls agree: what a killed manager began in the server goes on without it."""
        former = None
        for _ in range(60):
            now = self.next_results(steady, SLEEP), server.has_module(AGENT)
            if now == former and now in (({'denied'}, True), ({'ok'}, False)):
                return now[1]
            former = now
        raise AssertionError(f'neither protected nor free: {former}')

    def kill_once(self, arguments, moment, prepare, is_done):
        """'before' or 'after' the deed, when it was killed then; 'none' when it had ended."""
        prepare()
        killed = self.kill_after(self.firewall.start_manager(*arguments), moment)
        done = is_done()
        if killed:
            return 'after' if done else 'before'
        self.assertTrue(done, 'a manager that ended did nothing')
        return 'none'

    def kill_many(self, arguments, moments, prepare, is_done):
        """Kills managers until some died before their deed and some after it: both leave all in order.

        prepare() makes the state that the verb is to change; is_done() tells whether it did. The moments are tried first;
        then the moment of the deed is closed in on, for how long a manager takes changes with what else the machine does.
        """
        deaths = collections.Counter()
        early, late = 0.0, 2 * moments[-1]
        for number in range(KILLS * PASSES):
            moment = moments[number] if number < len(moments) else (early + late) / 2
            death = self.kill_once(arguments, moment, prepare, is_done)
            deaths[death] += 1
            if death == 'before':
                early = max(early, moment)
            else:
                late = min(late, moment)
            if late - early < 0.002:
                early, late = early * 0.8, late * 1.2
            if number + 1 >= len(moments) and deaths['before'] and deaths['after']:
                break
        print(f'{arguments[0]}: {dict(deaths)}', file=sys.stderr, flush=True)
        self.assertGreater(deaths['before'], 0, deaths)
        # A manager that protects or unprotects ends as soon as it has seen the deed done: that moment is not always hit.
        if arguments[0] == 'update':
            self.assertGreater(deaths['after'], 0, deaths)

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
        policies = {'denied': BLOCKS_ADD, 'ok': ALLOWS_ADD}
        with SteadyCaller(self.port, opnums=(ADD, SLEEP, PID), interval=0.005) as steady:
            moments = self.moments('update')
            wanted = None

            def in_force():
                """What the policy in force says of ADD: one thing, not now this and now that."""
                results = self.next_results(steady, ADD)
                self.assertEqual(len(results), 1, results)
                return results.pop()

            def prepare():
                nonlocal wanted
                wanted = 'ok' if in_force() == 'denied' else 'denied'
                self.firewall.write_policy(*policies[wanted])

            self.kill_many(['update'], moments, prepare, lambda: in_force() == wanted)
            # And the next manager finds nothing in its way.
            for expected, policy in policies.items():
                self.firewall.apply(*policy)
                self.assertEqual(in_force(), expected)
        self.assert_one_of_both(steady)

    def protected_and_killed(self, verb, undo):
        """A verb killed again and again on a server that undo() brings back; it serves on, whatever happens."""
        port = rpccaller.free_port()
        server = self.box.start_test_program('rpc_server', '--tcp', port)
        with SteadyCaller(port, opnums=(PID, SLEEP), interval=0.005) as steady:
            if verb == 'unprotect':
                self.firewall.protect(server)
            moments = self.moments(verb, server.pid)
            self.kill_many([verb, server.pid], moments, lambda: undo(server),
                           lambda: self.is_protected(server, steady) == (verb == 'pid'))
            # Whatever was reached, the next manager brings it to its end, and can take it back.
            self.firewall.protect(server)
            self.assertTrue(self.is_protected(server, steady))
            self.firewall.unprotect(server)
            self.assertIsNotNone(winebox.wait_until(lambda: not server.has_module(AGENT), MODULE_GONE_SECONDS))
        self.assertEqual(steady.surprises, [])
        self.assertEqual({outcome for opnum, outcome in steady.outcomes if opnum == PID}, {'ok'})

    def test_killed_in_the_middle_of_injection(self):
        self.protected_and_killed('pid', self.firewall.unprotect)

    def test_killed_in_the_middle_of_unprotect(self):
        self.protected_and_killed('unprotect', self.firewall.protect)


if __name__ == '__main__':
    winebox.main()

#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Policy changes while a client calls in a loop: each call is judged by one policy, old or new, and none fails."""
import unittest

import rpccaller
import winebox
from firewall import Firewall, field
from rpccaller import ADD, DEMO, PID, SLEEP, SteadyCaller

UPDATES = 12

# Both block SLEEP and allow PID, and differ in ADD and in the rules that decide. So a moment without a policy, or with
# a half of one, lets a SLEEP through, and a rule number from the other policy shows in the audit.
FILLER = [f'uuid:{number:08x}-0000-0000-0000-000000000000 action:block' for number in range(1, 101)]
POLICIES = (
    [f'uuid:{DEMO[0]} opnum:{SLEEP} action:block audit:true',
     f'uuid:{DEMO[0]} opnum:{PID} action:allow audit:true',
     f'uuid:{DEMO[0]} opnum:{ADD} action:block audit:true'],
    [*FILLER,
     f'uuid:{DEMO[0]} opnum:{ADD} action:allow audit:true',
     f'uuid:{DEMO[0]} opnum:{SLEEP} action:block audit:true',
     f'uuid:{DEMO[0]} opnum:{PID} action:allow audit:true'],
)
RULE_OF_OPNUM = ({SLEEP: '1', PID: '2', ADD: '3'}, {ADD: '101', SLEEP: '102', PID: '103'})
ALLOWED = ({PID}, {PID, ADD})


class UpdateUnderLoad(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.box = winebox.Box()
        cls.addClassCleanup(cls.box.close)
        cls.firewall = Firewall(cls.box)
        cls.firewall.write_policy(*POLICIES[0])
        cls.port = rpccaller.free_port()
        cls.server = cls.box.start_test_program('rpc_server', '--tcp', cls.port)
        cls.firewall.protect(cls.server)

    def test_each_call_is_judged_by_one_policy(self):
        with SteadyCaller(self.port, opnums=(ADD, SLEEP, PID), interval=0.002) as steady:
            for number in range(1, UPDATES + 1):
                self.firewall.apply(*POLICIES[number % 2])
                # In force when the manager returns: the calls from here on are the new policy's.
                start = len(steady.outcomes) + 1
                self.assertIsNotNone(winebox.wait_until(lambda: len(steady.outcomes) >= start + 6, 10))
                for opnum, outcome in steady.outcomes[start:start + 6]:
                    self.assertEqual(outcome, 'ok' if opnum in ALLOWED[number % 2] else 'denied', (number, opnum))
        self.assertEqual(steady.surprises, [])
        by_opnum = {opnum: {result for called, result in steady.outcomes if called == opnum} for opnum in (SLEEP, PID)}
        self.assertEqual(by_opnum, {SLEEP: {'denied'}, PID: {'ok'}})
        self.check_audit(len(steady.outcomes))

    def check_audit(self, calls):
        """Generation and rule belong together in every event, and the generation never goes back."""
        events = self.firewall.wait_calls(calls)
        self.assertEqual(len(events), calls)
        generations = [field(event, 'rpc.policy.generation') for event in events]
        self.assertEqual(generations, sorted(generations))
        self.assertEqual(len(set(generations)), UPDATES + 1)
        first = generations[0]
        for event, generation in zip(events, generations):
            policy = (generation - first) % 2
            opnum = field(event, 'rpc.opnum')
            self.assertEqual(field(event, 'rule.id'), RULE_OF_OPNUM[policy][opnum], event)
            action = 'rpc-call-allowed' if opnum in ALLOWED[policy] else 'rpc-call-blocked'
            self.assertEqual(field(event, 'event.action'), action, event)


if __name__ == '__main__':
    winebox.main()

# SPDX-License-Identifier: Apache-2.0
"""The policy changes twenty times while two clients call: each call is judged by exactly one generation."""
import itertools
import unittest

import sandbox

sandbox.enter()

import dcbox                                                        # noqa: E402
from caller import ALLOWED, DENIED, METHODS, Caller                 # noqa: E402
from hostfirewall import HostFirewall, field                        # noqa: E402

CHANGES = 20
ACTIONS = {ALLOWED: 'rpc-call-allowed', DENIED: 'rpc-call-blocked'}


def policy(action):
    # A different number of lines each time: the rule's number says from which text it came.
    return ['# padding' for _ in range(0 if action == 'allow' else 3)] + [
        f'fw:id:{interface} uuid:{interface} opnum:{method} action:{action} audit:true' for interface, method in METHODS.values()]


class UpdateUnderLoad(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dc = dcbox.DomainController()
        cls.addClassCleanup(cls.dc.stop)
        cls.dc.start()
        cls.firewall = HostFirewall()
        cls.firewall.write_policy(*policy('allow'))
        cls.firewall.must('install')

    def test_changes(self):
        self.firewall.skip_events()
        with Caller('samr', dcbox.DOMAIN, dcbox.ADMINISTRATOR, dcbox.PASSWORD, sandbox.OTHER_DC) as samr, \
                Caller('srvsvc', dcbox.DOMAIN, dcbox.ADMINISTRATOR, dcbox.PASSWORD, sandbox.ADMIN) as srvsvc:
            callers = {sandbox.OTHER_DC: samr, sandbox.ADMIN: srvsvc}
            for number in range(1, CHANGES + 1):
                self.firewall.put_in_force(*policy('block' if number % 2 else 'allow'))
                for caller in callers.values():
                    caller.wait_for_more()
            results = {source: (caller, *caller.finish()) for source, caller in callers.items()}
        for source, (caller, outcomes, errors) in results.items():
            with self.subTest(caller.kind):
                self.check(source, caller, outcomes, errors)

    def check(self, source, caller, outcomes, errors):
        self.assertEqual([], errors)
        self.assertEqual({ALLOWED, DENIED}, set(outcomes))
        wanted = {'source_ip': source, 'rpc_method': caller.method}
        events = self.firewall.wait_calls(len(outcomes), **wanted)
        self.assertEqual(len(outcomes), len(events), 'each call is recorded once')
        # One client and one connection: in the order of the calls.
        self.assertEqual([ACTIONS[outcome] for outcome in outcomes], [field(event, 'event.action') for event in events])
        generations = [field(event, 'rpc.policy.generation') for event in events]
        self.assertEqual(sorted(generations), generations, 'an old policy came back')
        self.assertEqual(CHANGES + 1, len(set(generations)), 'each policy judged some call')
        for generation, calls in itertools.groupby(events, lambda event: field(event, 'rpc.policy.generation')):
            seen = {(field(event, 'event.action'), field(event, 'rule.id')) for event in calls}
            self.assertEqual(1, len(seen), f'generation {generation} judged in two ways: {seen}')

    def test_refused_policy_changes_nothing(self):
        self.firewall.put_in_force(*policy('block'))
        before = self.firewall.status()
        self.firewall.write_policy('fw:uuid:samr action:deny')
        done = self.firewall.rpcfw('update')
        self.assertEqual(1, done.returncode, done.stdout + done.stderr)
        self.assertIn('RpcFw.conf:1:', done.stderr)
        after = self.firewall.status()
        self.assertEqual((before['generation'], 'same', 'refused'), (after['generation'], before['policy_file'], after['policy_file']))
        self.assertIn('ACCESS_DENIED', self.dc.rpcclient('ncacn_np:127.0.0.1', 'srvinfo').stdout)


if __name__ == '__main__':
    sandbox.main()

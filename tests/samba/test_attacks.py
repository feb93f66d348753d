# SPDX-License-Identifier: Apache-2.0
"""Real attack tools against a domain controller: recorded with the right names, and blocked by the policies that say so."""
import unittest

import sandbox

sandbox.enter()

import dcbox                                                        # noqa: E402
from attacks import ATTACKS, Attacker, works                        # noqa: E402
from hostfirewall import HostFirewall, field, ready_policy          # noqa: E402

# What the ready policies say they do to each attack: policy, rule, action. "allowed": recorded only.
CLAIMS = {
    'domain-controller': {
        'dcsync': ('dcsync', 'blocked'), 'services': ('services', 'blocked'), 'service-create': ('services', 'blocked'),
        'reg': ('registry', 'blocked'), 'sessions': ('sessions', 'blocked'), 'printerbug': ('printerbug', 'blocked'),
        'dfscoerce': ('dfscoerce', 'blocked'), 'addcomputer': ('join', 'would-block'),
        'samrdump': ('accounts-listed', 'allowed'), 'zerologon': ('secure-channel', 'allowed'),
    },
    'dcsync': {'dcsync': ('dcsync', 'blocked')},
    'reconnaissance': {
        'samrdump': ('accounts', 'blocked'), 'sessions': ('sessions', 'blocked'), 'lookupsid': ('old-lookups', 'allowed'),
    },
    'lateral-movement': {'service-create': ('service-create', 'blocked'), 'reg': ('registry-open', 'allowed')},
    'coercion': {'printerbug': ('printerbug', 'blocked'), 'dfscoerce': ('dfscoerce', 'blocked')},
    'printing': {'printerbug': ('printerbug', 'blocked')},
    'member-server': {
        'service-create': ('service-create', 'blocked'), 'sessions': ('sessions', 'blocked'),
        'printerbug': ('printerbug', 'blocked'), 'dfscoerce': ('dfscoerce', 'blocked'), 'reg': ('registry-open', 'allowed'),
        'samrdump': ('accounts-listed', 'blocked'),
    },
    'workstation': {
        'services': ('services', 'blocked'), 'service-create': ('services', 'blocked'), 'reg': ('registry', 'blocked'),
        'samrdump': ('accounts', 'blocked'), 'sessions': ('sessions', 'blocked'), 'printerbug': ('printerbug', 'blocked'),
        'dfscoerce': ('dfs-and-shadow-copies', 'blocked'), 'addcomputer': ('accounts', 'blocked'),
    },
}
# Techniques of MITRE ATT&CK that must stand in the events.
TECHNIQUES = {'dcsync': 'T1003.006', 'service-create': 'T1543.003', 'samrdump': 'T1087.002',
              'printerbug': 'T1187', 'dfscoerce': 'T1187', 'reg': 'T1012'}


def techniques(event):
    return field(event, 'threat.technique.id') or []


class Attacks(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dc = dcbox.DomainController()
        cls.addClassCleanup(cls.dc.stop)
        cls.dc.start()
        cls.attacker = Attacker()
        cls.addClassCleanup(cls.attacker.__exit__)
        cls.firewall = HostFirewall()

    def each(self, names, look):
        """Runs each attack in each manner, and has its outcome and output looked at."""
        for name in names:
            for encrypt, seal in ATTACKS[name].manners:
                self.firewall.skip_events()
                with self.subTest(attack=name, encrypt=encrypt, seal=seal):
                    look(name, *self.attacker.run(name, encrypt, seal))

    def check_event(self, name, event, method, action):
        attack = ATTACKS[name]
        self.assertEqual(f'rpc-call-{action}', field(event, 'event.action'))
        self.assertEqual(attack.interface, field(event, 'rpc.interface.name'))
        self.assertEqual(method, field(event, 'rpc.method'))
        self.assertEqual(sandbox.ATTACKER, field(event, 'source.ip'))
        if attack.account:
            self.assertEqual((dcbox.ADMINISTRATOR, dcbox.DOMAIN), (field(event, 'user.name'), field(event, 'user.domain')))
            self.assertRegex(field(event, 'user.id'), r'^S-1-5-21-\d+-\d+-\d+-500$')
        self.assertNotEqual(0, field(event, 'rpc.policy.generation'))

    def test_1_without_the_firewall_they_work(self):
        """What fails below fails because of the firewall."""
        self.each(ATTACKS, self.check_works)

    def check_works(self, name, outcome, output):
        self.assertTrue(works(name, outcome, output), output)

    def test_2_recorded(self):
        self.firewall.write_policy(ready_policy('audit-everything'))
        self.firewall.must('install')

        def look(name, outcome, output):
            self.check_works(name, outcome, output)
            for method in ATTACKS[name].methods:
                events = self.firewall.wait_calls(rpc_interface_name=ATTACKS[name].interface, rpc_method=method)
                self.assertTrue(events, f'{method} is not recorded')
                self.check_event(name, events[0], method, 'allowed')
                if method == ATTACKS[name].methods[0] and name in TECHNIQUES:
                    self.assertIn(TECHNIQUES[name], techniques(events[0]))

        self.each(ATTACKS, look)

    def test_3_binds_to_what_is_not_there(self):
        """PetitPotam's interface is unknown to Samba: the attempt is seen in the bind."""
        self.firewall.put_in_force(ready_policy('coercion'))

        def look(_, outcome, output):
            self.assertEqual('other', outcome, output)
            binds = self.firewall.wait_events(event_action='rpc-bind')
            self.assertTrue(binds, 'no bind is recorded')
            event = binds[0]
            self.assertEqual(('efsrpc2', None, 'failure', sandbox.ATTACKER, 'petitpotam'),
                             tuple(field(event, path) for path in ('rpc.interface.name', 'rpc.opnum', 'event.outcome',
                                                                   'source.ip', 'rule.name')))
            # A bind that asks for a logon of its own comes before that logon.
            self.assertIn(field(event, 'user.name'), (dcbox.ADMINISTRATOR, None))

        self.each(['petitpotam'], look)

    def test_4_ready_policies(self):
        for policy, claims in CLAIMS.items():
            # Computers may join from the administration host only.
            self.firewall.put_in_force(ready_policy(policy, joiners=sandbox.ADMIN))
            with self.subTest(policy=policy):
                self.each(claims, lambda *seen, claims=claims: self.check_claim(claims, *seen))

    def check_claim(self, claims, name, outcome, output):
        rule, action = claims[name]
        if action == 'blocked':
            self.assertEqual('denied', outcome, output)
        else:
            self.check_works(name, outcome, output)
        events = self.firewall.wait_calls(rule_name=rule)
        self.assertTrue(events, f'nothing recorded by rule {rule}')
        self.check_event(name, events[0], field(events[0], 'rpc.method'), action)
        self.assertEqual('failure' if action == 'blocked' else 'success', field(events[0], 'event.outcome'))

    def test_5_administration_goes_on(self):
        """The same tools from an address that may."""
        self.firewall.put_in_force(ready_policy('domain-controller'))
        with Attacker(sandbox.ADMIN) as admin:
            for name in ('services', 'reg', 'sessions', 'samrdump'):
                with self.subTest(name):
                    outcome, output = admin.run(name)
                    self.assertEqual('done', outcome, output)

    def test_6_nothing_crashed(self):
        self.assertEqual([], self.dc.crashes())


if __name__ == '__main__':
    sandbox.main()

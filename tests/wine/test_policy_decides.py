#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The policy as its author meant it, on a running server: order, defaults, both file forms, the DCSync example."""
import unittest

import rpccaller
import winebox
from firewall import Firewall, field
from rpccaller import ACCESS_DENIED, ADD, DEMO, DRSUAPI, OTHER, PID, call_once

DENIED = ('fault', ACCESS_DENIED)
DC1, DC2, ATTACKER = '127.0.0.11', '127.0.0.12', '127.0.0.77'
GET_NC_CHANGES = 3


class PolicyDecides(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.box = winebox.Box()
        cls.addClassCleanup(cls.box.close)
        cls.firewall = Firewall(cls.box)
        cls.firewall.write_policy('action:allow')
        cls.port = rpccaller.free_port()
        cls.server = cls.box.start_test_program('rpc_server', '--tcp', cls.port)
        cls.firewall.protect(cls.server)

    def apply(self, *lines):
        self.firewall.apply(*lines)
        self.firewall.skip_events()

    def call(self, opnum, *arguments, interface=DEMO, source='127.0.0.1'):
        return call_once(self.port, opnum, *arguments, interface=interface, source=source)

    def recorded(self, count):
        return [(field(event, 'event.action'), field(event, 'source.ip'), field(event, 'rpc.opnum'),
                 field(event, 'rule.id')) for event in self.firewall.wait_calls(count, timeout=5 if count else 0.5)]

    def test_first_match_wins(self):
        self.apply(f'uuid:{DEMO[0]} opnum:{ADD} addr:{DC1} action:allow audit:true',
                   f'uuid:{DEMO[0]} opnum:{ADD} action:block audit:true',
                   f'uuid:{DEMO[0]} opnum:{ADD} addr:{DC2} action:allow audit:true')
        self.assertEqual(self.call(ADD, 1, 2, source=DC1), 3)
        self.assertEqual(self.call(ADD, 1, 2, source=DC2), DENIED)
        self.assertEqual(self.recorded(2), [('rpc-call-allowed', DC1, ADD, '1'), ('rpc-call-blocked', DC2, ADD, '2')])

    def test_no_match_allows_without_a_record(self):
        self.apply(f'uuid:{DEMO[0]} opnum:{ADD} action:block audit:true')
        self.assertEqual(self.call(PID), self.server.pid)
        self.assertEqual(self.call(0, 6, 7, interface=OTHER), 42)
        self.assertEqual(self.recorded(0), [])

    def test_a_block_without_audit_leaves_no_record(self):
        self.apply(f'uuid:{DEMO[0]} opnum:{ADD} action:block')
        self.assertEqual(self.call(ADD, 1, 2), DENIED)
        self.assertEqual(self.recorded(0), [])

    def test_a_rule_for_one_interface_leaves_the_other_alone(self):
        self.apply(f'uuid:{OTHER[0].upper()} action:block')
        self.assertEqual(self.call(0, 6, 7, interface=OTHER), DENIED)
        self.assertEqual(self.call(ADD, 6, 7), 13)

    def test_protocol_sequence(self):
        self.apply(f'prot:ncacn_np opnum:{ADD} action:block')
        self.assertEqual(self.call(ADD, 1, 2), 3)
        self.apply(f'prot:ncacn_ip_tcp opnum:{ADD} action:block')
        self.assertEqual(self.call(ADD, 1, 2), DENIED)

    def test_both_file_forms_decide_alike(self):
        rules = (f'uuid:{DEMO[0]} opnum:{ADD} addr:{ATTACKER} action:block audit:true', 'action:allow')
        for form, lines in (('without prefix', rules), ('with fw:', [f'fw:{rule}' for rule in rules]),
                            ('with a filter rule among them', [f'fw:{rules[0]}', f'flt:uuid:{DEMO[0]} action:block',
                                                               f'fw:{rules[1]}'])):
            with self.subTest(form):
                self.apply(*lines)
                self.assertEqual(self.call(ADD, 1, 2, source=ATTACKER), DENIED)
                self.assertEqual(self.call(ADD, 1, 2, source=DC1), 3)
                self.assertEqual(self.recorded(1), [('rpc-call-blocked', ATTACKER, ADD, '1')])

    def test_comments_are_no_rules(self):
        self.apply('# fw:action:block would block everything', '', f'#opnum:{ADD} action:block',
                   f'opnum:{PID} action:block   # this one is a rule')
        self.assertEqual(self.call(ADD, 1, 2), 3)
        self.assertEqual(self.call(PID), DENIED)

    def test_dcsync_example(self):
        self.apply(f'fw:uuid:{DRSUAPI[0]} addr:{DC1} action:allow',
                   f'fw:uuid:{DRSUAPI[0]} addr:{DC2} action:allow',
                   f'fw:uuid:{DRSUAPI[0]} action:block audit:true',
                   'fw:action:allow audit:false')
        for address in (DC1, DC2):
            self.assertEqual(self.call(GET_NC_CHANGES, interface=DRSUAPI, source=address), GET_NC_CHANGES)
        for opnum in (0, GET_NC_CHANGES):
            self.assertEqual(self.call(opnum, interface=DRSUAPI, source=ATTACKER), DENIED)
        self.assertEqual(self.call(ADD, 1, 2, source=ATTACKER), 3)
        self.assertEqual(self.recorded(2), [('rpc-call-blocked', ATTACKER, 0, '3'),
                                            ('rpc-call-blocked', ATTACKER, GET_NC_CHANGES, '3')])

    def test_the_placeholder_of_the_dcsync_template_is_refused(self):
        self.apply(f'fw:uuid:{DRSUAPI[0]} action:block')
        self.firewall.write_policy(f'fw:uuid:{DRSUAPI[0]} addr:<dc1> action:allow', f'fw:uuid:{DRSUAPI[0]} action:block')
        done = self.firewall.manager('update')
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r'RpcFw\.conf:1:\d+: error: ')
        self.assertEqual(self.call(GET_NC_CHANGES, interface=DRSUAPI, source=DC1), DENIED)


if __name__ == '__main__':
    winebox.main()

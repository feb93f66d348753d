#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""From protection to unprotection on a running server: audit, block, update, and as before."""
import unittest

import rpccaller
import winebox
from firewall import AGENT, Firewall, MODULE_GONE_SECONDS, field, whoami
from rpccaller import ACCESS_DENIED, ADD, ASYNCHRONOUS, DEMO, PID, SERVED, Caller

NEAR, FAR = '127.0.0.1', '127.0.0.77'
DENIED = ('fault', ACCESS_DENIED)
PIPE = r'\pipe\rpcfw-protect'
PIPE_BINDING = r'ncacn_np:.[\\pipe\\rpcfw-protect]'
AUDIT_ALL = 'action:allow audit:true'


class Protect(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.box = winebox.Box()
        cls.addClassCleanup(cls.box.close)
        cls.firewall = Firewall(cls.box)
        cls.firewall.write_policy(AUDIT_ALL)
        cls.port = rpccaller.free_port()
        cls.server = cls.box.start_test_program('rpc_server', '--tcp', cls.port, '--np', PIPE)
        cls.told = cls.firewall.protect(cls.server)

    def setUp(self):
        self.firewall.skip_events()

    def over_pipe(self, call='add', *options):
        done = self.box.run_test_program('rpc_client', PIPE_BINDING, call, *options)
        return done.stdout.split('\n')[-2]

    def test_manager_says_that_it_is_protected(self):
        self.assertRegex(self.told, rf'(?m)^\s*{self.server.pid}\s+rpc_server\.exe\s+protected')
        self.assertTrue(self.server.has_module(AGENT))
        again = self.firewall.manager('pid', self.server.pid)
        self.assertEqual(again.returncode, 0)
        self.assertIn('already protected', again.stdout)

    def test_audit_of_a_call_over_tcp(self):
        self.firewall.apply(AUDIT_ALL)
        for source in (NEAR, FAR):
            with self.subTest(source):
                self.firewall.skip_events()
                with Caller(self.port, source=source) as caller:
                    self.assertEqual(caller.add(), 42)
                    port = caller.client_port
                events = self.firewall.wait_calls(1)
                self.assertEqual(len(events), 1, events)
                expected = {
                    'event.action': 'rpc-call-allowed', 'event.outcome': 'success',
                    'rpc.interface.uuid': DEMO[0], 'rpc.interface.version': '1.0', 'rpc.opnum': ADD,
                    'rpc.protseq': 'ncacn_ip_tcp', 'rpc.endpoint': str(self.port),
                    'source.ip': source, 'source.port': port,
                    'process.pid': self.server.pid, 'process.name': 'rpc_server.exe', 'rule.id': '1',
                }
                self.assertEqual({path: field(events[0], path) for path in expected}, expected)
                self.assertTrue(field(events[0], 'process.executable').endswith('\\rpc_server.exe'))

    def test_audit_of_a_call_over_a_pipe_names_the_user(self):
        self.firewall.apply(AUDIT_ALL)
        self.firewall.skip_events()
        done = self.box.run_test_program('rpc_client', PIPE_BINDING, 'add', '--whoami')
        self.assertIn('ok=1 denied=0 other=0', done.stdout)
        caller = whoami(done.stdout)
        events = self.firewall.wait_calls(1)
        self.assertEqual(len(events), 1, events)
        self.assertEqual(field(events[0], 'rpc.protseq'), 'ncacn_np')
        self.assertEqual(field(events[0], 'rpc.endpoint').lower(), PIPE)
        self.assertRegex(caller['sid'], r'^S-1-5-')
        self.assertEqual({name: field(events[0], 'user.' + name) for name in ('id', 'domain', 'name')},
                         {'id': caller['sid'], 'domain': caller['domain'], 'name': caller['user']})

    def test_a_sid_rule_decides_over_a_pipe(self):
        self.firewall.apply(AUDIT_ALL)
        sid = whoami(self.box.run_test_program('rpc_client', PIPE_BINDING, 'add', '--whoami').stdout)['sid']
        self.firewall.apply(f'sid:{sid} opnum:{ADD} action:block')
        self.assertEqual(self.over_pipe(), 'ok=0 denied=1 other=0')
        self.assertEqual(self.over_pipe('pid'), 'ok=1 denied=0 other=0')
        self.firewall.apply(f'sid:S-1-5-21-1-2-3-4 opnum:{ADD} action:block')
        self.assertEqual(self.over_pipe(), 'ok=1 denied=0 other=0')
        # A group of the caller counts too: every token holds Everyone.
        self.firewall.apply(f'sid:S-1-1-0 opnum:{ADD} action:block')
        self.assertEqual(self.over_pipe(), 'ok=0 denied=1 other=0')

    def test_block_by_opnum_and_source_address(self):
        self.firewall.apply(f'uuid:{DEMO[0]} opnum:{ADD} addr:{FAR} action:block audit:true')
        self.firewall.skip_events()
        with Caller(self.port, source=FAR) as caller:
            served = caller.number(SERVED)
            self.assertEqual(caller.add(), DENIED)
            # The connection lives on, and the blocked call never reached the server's code.
            self.assertEqual(caller.number(SERVED), served + 1)
            self.assertEqual(caller.add(), DENIED)
            self.assertEqual(caller.number(PID), self.server.pid)
        with Caller(self.port, source=NEAR) as caller:
            self.assertEqual(caller.add(), 42)
        events = self.firewall.wait_calls(2)
        self.assertEqual([(field(event, 'event.action'), field(event, 'event.outcome'), field(event, 'source.ip'),
                           field(event, 'rpc.opnum'), field(event, 'rule.id')) for event in events],
                         [('rpc-call-blocked', 'failure', FAR, ADD, '1')] * 2)

    def test_an_unknown_address_is_never_a_pass(self):
        """Wine tells no client address over a pipe: an allow rule for one does not match, a block rule does."""
        self.firewall.apply(f'opnum:{ADD} addr:{NEAR} action:allow', f'opnum:{ADD} action:block')
        self.assertEqual(self.over_pipe(), 'ok=0 denied=1 other=0')
        self.firewall.apply(f'opnum:{ADD} addr:{FAR} action:block audit:true')
        self.firewall.skip_events()
        self.assertEqual(self.over_pipe(), 'ok=0 denied=1 other=0')
        self.assertEqual(field(self.firewall.wait_calls(1)[0], 'rpc.unknown'), ['client address'])

    def test_asynchronous_calls_pass_the_firewall_too(self):
        self.firewall.apply(f'uuid:{ASYNCHRONOUS[0]} addr:{FAR} action:block audit:true',
                            f'uuid:{ASYNCHRONOUS[0]} action:allow audit:true')
        self.firewall.skip_events()
        with Caller(self.port, ASYNCHRONOUS, FAR) as caller:
            self.assertEqual([caller.number(0, 2, 40), caller.number(0, 2, 40)], [DENIED, DENIED])
        with Caller(self.port, ASYNCHRONOUS, NEAR) as caller:
            self.assertEqual([caller.number(0, number, 40) for number in range(20)], list(range(40, 60)))
        events = self.firewall.wait_calls(22)
        self.assertEqual([field(event, 'event.action') for event in events],
                         ['rpc-call-blocked'] * 2 + ['rpc-call-allowed'] * 20)
        self.assertEqual({field(event, 'rpc.function') for event in events}, {'NdrAsyncServerCall'})

    def test_a_large_request_is_left_whole(self):
        self.firewall.apply(AUDIT_ALL)
        data = bytes(number % 251 for number in range(20000))
        with Caller(self.port) as caller:
            self.assertEqual(caller.invert(data), bytes(255 - byte for byte in data))

    def test_update_takes_effect_at_the_next_call_of_an_open_connection(self):
        self.firewall.apply(AUDIT_ALL)
        with Caller(self.port) as caller:
            self.assertEqual(caller.add(), 42)
            self.firewall.apply(f'opnum:{ADD} action:block')
            self.assertEqual(caller.add(), DENIED)
            self.firewall.apply(AUDIT_ALL)
            self.assertEqual(caller.add(), 42)

    def test_a_bad_policy_changes_nothing(self):
        self.firewall.apply(f'opnum:{ADD} action:block')
        with Caller(self.port) as caller:
            self.assertEqual(caller.add(), DENIED)
            self.firewall.write_policy('action:allow', 'opnum:3 action:deny')
            done = self.firewall.manager('update')
            self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
            self.assertRegex(done.stderr, r'RpcFw\.conf:2:16: error: ')
            self.assertEqual(caller.add(), DENIED)

    def test_unprotect_leaves_the_server_as_it_was(self):
        port = rpccaller.free_port()
        self.firewall.apply(f'opnum:{ADD} action:block audit:true')
        server = self.box.start_test_program('rpc_server', '--tcp', port)
        with Caller(port) as caller:
            self.assertEqual(caller.add(), 42)
            self.firewall.protect(server)
            self.assertEqual(caller.add(), DENIED)
            self.firewall.unprotect(server)
            self.assertEqual(caller.add(), 42)
            gone = winebox.wait_until(lambda: not server.has_module(AGENT), MODULE_GONE_SECONDS)
            self.assertIsNotNone(gone)
            self.firewall.skip_events()
            self.assertEqual(caller.add(), 42)
            self.assertEqual(self.firewall.wait_calls(1, timeout=0.5), [])
            # And once more: nothing of the first time is in the way.
            self.firewall.protect(server)
            self.assertEqual(caller.add(), DENIED)
        self.assertEqual(server.finish(), 0)


if __name__ == '__main__':
    winebox.main()

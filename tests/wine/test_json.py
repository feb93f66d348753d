#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The audit as lines of JSON: a strict reader takes every one, whatever the names hold and however many write."""
import shutil
import time
import unittest

import rpccaller
import winebox
from firewall import Firewall, field, read_event
from rpccaller import ADD, Caller

# What a Unix file name can hold and a Windows one can too.
HOSTILE_NAME = "rpc {'\u00e9\u4e2d\U0001f600'}, [%s].exe"
REOPEN_SECONDS = 5.5    # a little more than an agent keeps a renamed file
PIPES = [r'\pipe\rpcfw-json-%d' % number for number in (1, 2)]


class Json(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.box = winebox.Box()
        cls.addClassCleanup(cls.box.close)
        cls.firewall = Firewall(cls.box)
        cls.firewall.write_policy('action:allow audit:true')

    def setUp(self):
        self.firewall.skip_events()

    def test_a_hostile_image_name(self):
        program = self.box.folder('servers') / HOSTILE_NAME
        shutil.copy2(self.box.test_program('rpc_server'), program)
        port = rpccaller.free_port()
        server = self.box.start(program, '--tcp', port)
        self.firewall.protect(server)
        self.assertEqual(rpccaller.call_once(port, ADD, 1, 2), 3)
        event = self.firewall.wait_calls(1)[0]
        self.assertEqual(field(event, 'process.name'), HOSTILE_NAME)
        self.assertTrue(field(event, 'process.executable').endswith('\\servers\\' + HOSTILE_NAME))
        self.firewall.unprotect(server)

    def test_every_event_of_a_life(self):
        port = rpccaller.free_port()
        server = self.box.start_test_program('rpc_server', '--tcp', port)
        self.firewall.protect(server)
        self.assertEqual(rpccaller.call_once(port, ADD, 1, 2), 3)
        self.firewall.apply(f'opnum:{ADD} action:block audit:true')
        rpccaller.call_once(port, ADD, 1, 2)
        self.firewall.apply('action:allow audit:true')
        self.firewall.unprotect(server)
        winebox.wait_until(lambda: self.firewall.events('protection-removed'), 5)
        events = [event for event in self.firewall.events() if field(event, 'process.pid') == server.pid]
        self.assertEqual([field(event, 'event.action') for event in events],
                         ['protection-added', 'rpc-call-allowed', 'policy-changed', 'rpc-call-blocked',
                          'policy-changed', 'protection-removed'])
        for event in events:
            self.assertRegex(event['@timestamp'],
                             r'^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$')
            self.assertTrue(field(event, 'host.name'))
        stamps = [event['@timestamp'] for event in events]
        self.assertEqual(stamps, sorted(stamps))

    def test_two_writers_do_not_mix_their_lines(self):
        calls = 3000
        servers = [self.box.start_test_program('rpc_server', '--np', pipe) for pipe in PIPES]
        for server in servers:
            self.firewall.protect(server)
        self.firewall.skip_events()
        clients = [self.box.start_test_program('rpc_client', 'ncacn_np:.[%s]' % pipe.replace('\\', '\\\\'), 'add',
                                               '--count', calls, ready=None) for pipe in PIPES]
        for client in clients:
            self.assertEqual(client.finish(120), 0, client.lines)
        events = self.firewall.wait_calls(2 * calls, timeout=30)
        for server in servers:
            of_this = [event for event in events if field(event, 'process.pid') == server.pid]
            self.assertEqual(len(of_this), calls)
            self.firewall.unprotect(server)

    def test_a_moved_file_is_written_anew(self):
        """Rotation: the audit is renamed away, and what follows goes to a new file."""
        port = rpccaller.free_port()
        server = self.box.start_test_program('rpc_server', '--tcp', port)
        self.firewall.protect(server)
        with Caller(port) as caller:
            self.assertEqual(caller.add(), 42)
            self.assertEqual(len(self.firewall.wait_calls(1)), 1)
            moved = self.firewall.audit.with_name('audit-1.jsonl')
            self.firewall.audit.rename(moved)
            self.firewall.skip_events()
            time.sleep(REOPEN_SECONDS)
            self.assertEqual(caller.add(), 42)
            self.assertEqual(len(self.firewall.wait_calls(1)), 1)
        for line in moved.read_bytes().splitlines():
            read_event(line)
        self.firewall.unprotect(server)


class StrictReader(unittest.TestCase):
    """The reader must refuse, or the tests above show nothing."""

    def test_refuses(self):
        for line in (b'{"a":1', b'{"a":1}{"b":2}', b'{"a":NaN}', b'{"a":1,"a":2}', b'{"a":"\xff"}', b'{"a":"\n"}',
                     b'{"a":"\\ud800"}', b'{"\\udc00":1}', b'[1]', b"{'a':1}", b'{"a":"\x01"}', b''):
            with self.subTest(line), self.assertRaises(ValueError):
                read_event(line)

    def test_takes(self):
        self.assertEqual(read_event(b'{"a":{"b":"\\u0000\\"\\\\ \xc3\xa9 \\ud83d\\ude00"}}')['a']['b'],
                         '\0"\\ \u00e9 \U0001f600')
        self.assertIsNone(field({'a': {'b': 1}}, 'a.c'))
        self.assertIsNone(field({'a': 1}, 'a.b'))


if __name__ == '__main__':
    winebox.main()

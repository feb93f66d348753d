#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What the other tests build on: our servers answer right, over every transport, before any firewall is there."""
import unittest

import rpccaller
import winebox
from rpccaller import Caller

PIPE = r'\pipe\rpcfw-demo'


class Servers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.box = winebox.Box()
        cls.addClassCleanup(cls.box.close)
        cls.port = rpccaller.free_port()
        cls.server = cls.box.start_test_program('rpc_server', '--tcp', cls.port, '--np', PIPE, '--lrpc', 'rpcfw-demo')

    def local_client(self, binding, call, *options):
        done = self.box.run_test_program('rpc_client', binding, call, *options)
        return done.stdout.split('\n')[-2]

    def test_tcp_from_two_addresses(self):
        for source in ('127.0.0.1', '127.0.0.77'):
            with self.subTest(source), Caller(self.port, source=source) as caller:
                self.assertEqual(caller.add(2, 40), 42)
                self.assertEqual(caller.add(-5, 3), -2)
                data = bytes(range(256)) * 4
                self.assertEqual(caller.invert(data), bytes(255 - byte for byte in data))
                self.assertEqual(caller.number(rpccaller.PID), self.server.pid)

    def test_the_other_interfaces(self):
        with Caller(self.port, rpccaller.OTHER) as caller:
            self.assertEqual(caller.number(0, 6, 7), 42)
        with Caller(self.port, rpccaller.DRSUAPI) as caller:
            self.assertEqual([caller.number(opnum) for opnum in range(5)], [0, 1, 2, 3, 4])
        with Caller(self.port, rpccaller.ASYNCHRONOUS) as caller:
            self.assertEqual([caller.number(0, number, 40) for number in range(50)], list(range(40, 90)))

    def test_a_fault_is_told_from_an_answer(self):
        with Caller(self.port) as caller:
            outcome, status = caller.call(99)
            self.assertEqual((outcome, hex(status)), ('fault', '0x1c010002'))   # nca_s_op_rng_error

    def test_every_call_is_counted(self):
        with Caller(self.port) as caller:
            before = caller.number(rpccaller.SERVED)
            for _ in range(10):
                caller.add()
            self.assertEqual(caller.number(rpccaller.SERVED), before + 11)

    def test_steady_caller(self):
        with rpccaller.SteadyCaller(self.port) as steady:
            winebox.wait_until(lambda: steady.counts['ok'] >= 200, 20)
        self.assertGreaterEqual(steady.counts['ok'], 200)
        self.assertEqual(steady.surprises, [])

    def test_local_client_over_each_protocol_sequence(self):
        for binding in (f'ncacn_ip_tcp:127.0.0.1[{self.port}]', r'ncacn_np:.[\\pipe\\rpcfw-demo]',
                        'ncalrpc:[rpcfw-demo]'):
            with self.subTest(binding):
                self.assertEqual(self.local_client(binding, 'add', '--count', 50), 'ok=50 denied=0 other=0')
                self.assertEqual(self.local_client(binding, 'invert'), 'ok=1 denied=0 other=0')

    def test_local_client_sees_a_dead_endpoint(self):
        self.assertEqual(self.local_client(r'ncacn_np:.[\\pipe\\nobody]', 'add'), 'ok=0 denied=0 other=1')

    def test_usage_moves_with_the_process(self):
        usage = self.server.usage()
        self.assertGreater(usage['private'], 500_000)
        self.assertGreater(usage['handles'], 5)
        with Caller(self.port), Caller(self.port):
            self.assertGreater(self.server.usage()['handles'], usage['handles'])

    def test_idle_has_no_rpc(self):
        idle = self.box.start_test_program('idle')
        self.assertFalse(idle.has_module('rpcrt4.dll'))
        self.assertTrue(idle.has_module('kernel32.dll'))
        self.assertEqual(idle.finish(), 0)

    def test_service_manager(self):
        done = self.box.run_test_program('scm_client', 'create', 'rpcfw-test')
        self.assertEqual(done.stdout.split('\n')[:2], ['OpenSCManager 0', 'CreateService 0'])
        done = self.box.run_test_program('scm_client', 'delete', 'rpcfw-test')
        self.assertEqual((done.returncode, done.stdout.split('\n')[2]), (0, 'DeleteService 0'))


if __name__ == '__main__':
    winebox.main()

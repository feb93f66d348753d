#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A hundred thousand audited calls: the server's memory and handles stay where they were, and no event is lost unsaid."""
import unittest

import rpccaller
import winebox
from firewall import Firewall, field
from rpccaller import Caller

CALLS = 100_000         # over a pipe: rpccaller.py says why
BLOCKED_CALLS = 4_000   # five milliseconds each: Wine's exceptions are slow
TCP_CALLS = 5_000
WARM_UP = 1_000
GROWTH_BYTES = 256 * 1024
GROWTH_HEAP_BYTES = 32 * 1024
GROWTH_HANDLES = 4
PIPE = r'\pipe\rpcfw-memory'
PIPE_BINDING = r'ncacn_np:.[\\pipe\\rpcfw-memory]'


class Memory(unittest.TestCase):
    stalls = 0      # each may leave a thread of Wine's behind that waits for ever

    @classmethod
    def setUpClass(cls):
        cls.box = winebox.Box()
        cls.addClassCleanup(cls.box.close)
        cls.firewall = Firewall(cls.box)
        cls.firewall.write_policy('opnum:3 action:block audit:true', 'action:allow audit:true')
        cls.port = rpccaller.free_port()
        cls.server = cls.box.start_test_program('rpc_server', '--tcp', cls.port, '--np', PIPE)
        cls.firewall.protect(cls.server)
        threads = cls.server.usage()['threads']
        for transport, call in ((cls.over_pipe, 'add'), (cls.over_pipe, 'pid'), (cls.over_tcp, 'add')):
            transport(call, WARM_UP)
        cls.settle()
        cls.usage = cls.server.quiet_usage(threads)     # before the test that comes next

    @classmethod
    def over_pipe(cls, call, count):
        done = cls.box.run_test_program('rpc_client', PIPE_BINDING, call, '--count', count, timeout=300)
        return done.stdout.strip().split('\n')[-1]

    @classmethod
    def over_tcp(cls, _, count):
        with Caller(cls.port) as caller:
            results = [caller.add(number, 40) for number in range(count)]
            cls.stalls += caller.stalls
        return f'ok={sum(result == number + 40 for number, result in enumerate(results))} of {count}'

    def check(self, transport, call, count, answer):
        before, stalls = self.usage, self.stalls
        self.assertEqual(transport(call, count), answer)
        self.settle()
        after = type(self).usage = self.server.quiet_usage(before['threads'])
        grown = winebox.growth(before, after)
        self.assertLess(grown['private'], GROWTH_BYTES, (before, after))
        self.assertLess(grown['heap'], GROWTH_HEAP_BYTES, (before, after))
        self.assertLessEqual(grown['handles'], GROWTH_HANDLES, (before, after))
        self.assertLessEqual(grown['threads'], self.stalls - stalls, (before, after))

    @classmethod
    def settle(cls):
        """The agent's queue is written out when the audit no longer grows."""
        sizes = []

        def still():
            sizes.append(cls.firewall.audit.stat().st_size)
            return sizes[-4:].count(sizes[-1]) == 4

        if winebox.wait_until(still, 60, 0.1) is None:
            raise AssertionError('the audit grows on')

    def test_1_allowed_calls(self):
        self.check(self.over_pipe, 'add', CALLS, f'ok={CALLS} denied=0 other=0')

    def test_2_blocked_calls(self):
        self.check(self.over_pipe, 'pid', BLOCKED_CALLS, f'ok=0 denied={BLOCKED_CALLS} other=0')

    def test_3_calls_over_tcp(self):
        self.check(self.over_tcp, 'add', TCP_CALLS, f'ok={TCP_CALLS} of {TCP_CALLS}')

    def test_4_every_call_is_in_the_audit_or_counted_as_dropped(self):
        """Of all calls that the tests above made."""
        self.settle()
        events = self.firewall.events()
        recorded = sum(1 for event in events if field(event, 'event.action').startswith('rpc-call-'))
        dropped = sum(field(event, 'rpc.dropped') or 0 for event in events
                      if field(event, 'event.action') == 'events-dropped')
        self.assertEqual(recorded + dropped, 3 * WARM_UP + CALLS + BLOCKED_CALLS + TCP_CALLS)


if __name__ == '__main__':
    winebox.main()

#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Two hundred times protected and unprotected under a steady caller: no failed call, no crash, nothing left behind."""
import unittest

import rpccaller
import winebox
from firewall import AGENT, Firewall
from rpccaller import ADD, PID, SteadyCaller

ROUNDS = 200
WARM_UP = 20
PIPE = r'\pipe\rpcfw-rounds'
PIPE_BINDING = r'ncacn_np:.[\\pipe\\rpcfw-rounds]'
GROWTH_BYTES = 512 * 1024
GROWTH_HEAP_BYTES = 32 * 1024
GROWTH_HANDLES = 4


class Rounds(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.box = winebox.Box()
        cls.addClassCleanup(cls.box.close)
        cls.firewall = Firewall(cls.box)
        # Audited and blocked calls too: those leave through an exception and through the writer.
        cls.firewall.write_policy(f'opnum:{PID} action:block', 'action:allow audit:true')
        # Keeps the policy in force while the other comes and goes.
        cls.keeper = cls.box.start_test_program('rpc_server', '--tcp', rpccaller.free_port())
        cls.firewall.protect(cls.keeper)
        cls.port = rpccaller.free_port()
        cls.server = cls.box.start_test_program('rpc_server', '--tcp', cls.port, '--np', PIPE)

    def rounds(self, count, *pause):
        done = self.box.run_test_program('rounds', self.server.pid, count, *pause, timeout=380)
        self.assertEqual((done.returncode, done.stdout.split('\n')[-2]), (0, f'rounds={count} bad=0'),
                         done.stdout + done.stderr)

    def rounds_under_load(self, count):
        """What the two callers saw: one over TCP from outside, and one over a pipe at full speed."""
        client = self.box.start_test_program('rpc_client', PIPE_BINDING, 'add', '--until-eof')
        with SteadyCaller(self.port, opnums=(ADD, ADD, ADD, PID), interval=0.002) as steady:
            self.rounds(count)
        self.assertEqual((client.finish(), client.lines[-1].split()[1:]), (0, ['denied=0', 'other=0']), client.lines)
        self.assertEqual(steady.surprises, [])
        self.assertEqual({result for opnum, result in steady.outcomes if opnum == ADD}, {'ok'})
        self.assertFalse(self.server.has_module(AGENT))
        return steady

    def test_rounds_under_steady_callers(self):
        threads = self.server.usage()['threads']
        self.rounds_under_load(WARM_UP)
        before = self.server.quiet_usage(threads)
        steady = self.rounds_under_load(ROUNDS)
        after = self.server.quiet_usage(threads)
        grown = winebox.growth(before, after)
        # Both happened, so the rounds really went on under the calls.
        self.assertEqual({result for opnum, result in steady.outcomes if opnum == PID}, {'ok', 'denied'})
        self.assertGreater(len(steady.outcomes), 1000)
        self.assertLess(grown['private'], GROWTH_BYTES, (before, after))
        self.assertLess(grown['heap'], GROWTH_HEAP_BYTES, (before, after))
        self.assertLessEqual(grown['handles'], GROWTH_HANDLES, (before, after))
        # A stall (rpccaller.py) may leave a thread of Wine's behind that waits for ever.
        self.assertLessEqual(grown['threads'], steady.stalls, (before, after))
        self.assertEqual(self.server.finish(), 0)


if __name__ == '__main__':
    winebox.main()

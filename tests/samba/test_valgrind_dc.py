# SPDX-License-Identifier: Apache-2.0
"""The domain controller's own process under valgrind with the agent in it: all of its RPC servers, in process model single."""
import contextlib
import random
import unittest

import sandbox

sandbox.enter()

import memcheck                                                     # noqa: E402

memcheck.need()

import dcbox                                                        # noqa: E402
import rawrpc                                                       # noqa: E402
import sambahost                                                    # noqa: E402
from hostfirewall import HostFirewall, field                        # noqa: E402
from sambahost import ADDRESS                                       # noqa: E402

SAMR = f'ncacn_ip_tcp:{ADDRESS}[seal]'
POLICY = (f'fw:id:blocked uuid:samr addr:{sandbox.ATTACKER} action:block audit:true', 'fw:id:everything audit:true')
# It is some fifty times slower.
START_SECONDS, CALL_SECONDS = 300, 120
MALFORMED = 60


class ValgrindDomainController(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dc = dcbox.DomainController()
        cls.addClassCleanup(cls.dc.stop)
        cls.firewall = HostFirewall()
        cls.firewall.write_policy(*POLICY)
        cls.firewall.must('install')
        sambahost.START_SECONDS = START_SECONDS
        cls.dc.PROBES = ((SAMR, 'enumdomusers'),)
        cls.dc.start_command(*memcheck.command('--leak-check=no', '--trace-children=no'), 'samba', '--foreground', '--model=single')

    def numbers(self):
        """What the agent counted in the process that valgrind runs."""
        return next(process for process in self.firewall.status()['processes'] if process['pid'] == self.dc.process.pid)

    def call(self, source):
        return self.dc.rpcclient(SAMR, 'enumdomusers', source=source, timeout=CALL_SECONDS)

    def test_calls(self):
        self.assertEqual('protected', self.numbers()['state'])
        self.firewall.skip_events()
        self.assertEqual(0, self.call(sandbox.ADMIN).returncode)
        self.assertIn('ACCESS_DENIED', self.call(sandbox.ATTACKER).stdout)
        self.send_malformed()
        self.firewall.put_in_force('fw:id:others user:*\\alice sid:S-1-5-2 auth:<privacy addr:10.0.0.0/8 action:block',
                                   *POLICY)
        self.assertIn('ACCESS_DENIED', self.call(sandbox.ATTACKER).stdout)
        self.assertEqual(0, self.call(sandbox.ADMIN).returncode)
        events = self.firewall.wait_calls(2, 20, rule_name='blocked', source_ip=sandbox.ATTACKER)
        self.assertGreaterEqual(len(events), 2)
        self.assertEqual({('rpc-call-blocked', self.dc.process.pid)},
                         {(field(event, 'event.action'), field(event, 'process.pid')) for event in events})
        # It is not taken out: `unprotect` would call the agent on the true processor, past valgrind's.
        self.dc.stop()
        memcheck.check(self)

    def send_malformed(self):
        before = self.numbers()
        randomness = random.Random(1)
        for number in range(MALFORMED):
            with rawrpc.Connection(135, source=sandbox.ATTACKER, timeout=CALL_SECONDS) as connection:
                connection.send(rawrpc.bind((0, 'epmapper')))
                connection.receive()
                data = bytearray(rawrpc.requests(3, randomness.randbytes(64)) if number % 2 else
                                 rawrpc.bind((1, 'samr'), (2, 'lsarpc'), kind=rawrpc.ALTER_CONTEXT))
                data[randomness.randrange(24, len(data))] ^= 1 << randomness.randrange(8)
                connection.socket.settimeout(2)
                with contextlib.suppress(OSError, EOFError):
                    connection.send(data)
                    connection.receive()
        after = self.numbers()
        self.assertGreater(after['binds'] - before['binds'], MALFORMED)
        self.assertGreaterEqual(after['calls'] - before['calls'], MALFORMED // 4)


if __name__ == '__main__':
    sandbox.main()

# SPDX-License-Identifier: Apache-2.0
"""A server of Samba's under valgrind with the agent in it: no error that the agent has a part in, no memory that it leaks."""
import os
import shutil
import unittest
from pathlib import Path

import sandbox

sandbox.enter()

import memcheck                                                     # noqa: E402

memcheck.need()

import standalone                                                   # noqa: E402
from attacks import Attacker                                        # noqa: E402
from hostfirewall import HostFirewall, field                        # noqa: E402
from sambahost import ADDRESS                                       # noqa: E402

NP = f'ncacn_np:{ADDRESS}'
SERVER = 'rpcd_lsad'


class Valgrind(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = standalone.FileServer()
        cls.addClassCleanup(cls.server.stop)
        cls.firewall = HostFirewall()
        cls.firewall.write_policy('fw:id:everything audit:true')
        cls.firewall.must('install')
        cls.put_valgrind_in_between()
        cls.server.start()

    @classmethod
    def put_valgrind_in_between(cls):
        """Where Samba starts the server from stands a script of that name."""
        cls.server.start()
        cls.server.rpcclient(NP, 'lsaquery')
        program = Path(os.readlink('/proc/%d/exe' % sandbox.pids_named(SERVER)[0]))
        cls.server.stop()
        real = Path('/run/real') / SERVER
        real.parent.mkdir()
        shutil.move(program, real)
        valgrind = ' '.join(memcheck.command('--leak-check=full'))
        program.write_text(f'#!/bin/sh\nexec {valgrind} {real} "$@"\n', encoding='utf-8')
        program.chmod(0o755)

    def call(self, command='lsaquery'):
        return self.server.rpcclient(NP, command, source=sandbox.ATTACKER, timeout=120)

    def test_calls(self):
        self.firewall.skip_events()
        for number in range(10):
            self.assertEqual(0, self.call().returncode)
            block = number % 2 == 0
            self.firewall.put_in_force('fw:id:lsa uuid:lsarpc sid:S-1-5-2 user:*\\root auth:<privacy addr:127.0.0.0/8 '
                                       f'action:{"block" if block else "allow"} audit:true')
            self.assertEqual(block, 'ACCESS_DENIED' in self.call().stdout)
            self.firewall.put_in_force('fw:id:everything audit:true')
        with Attacker(user=standalone.USER, password=standalone.PASSWORD) as attacker:
            outcome, output = attacker.run('malformed')
            self.assertEqual('done', outcome, output)
        self.assertEqual(0, self.call('enumdomusers').returncode)
        events = self.firewall.wait_calls(5, rpc_interface_name='lsarpc', event_action='rpc-call-blocked')
        self.assertGreaterEqual(len(events), 5)
        self.assertEqual({SERVER}, {field(event, 'process.name') for event in events})
        self.server.stop()
        memcheck.check(self)


if __name__ == '__main__':
    sandbox.main()

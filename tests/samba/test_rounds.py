# SPDX-License-Identifier: Apache-2.0
"""A live process is protected and unprotected over and over while it is called: no call fails, nothing crashes.

RPCFW_ROUNDS: how often; 1,000 unless set.
"""
import os
import time
import unittest

import sandbox

sandbox.enter()

import dcbox                                                        # noqa: E402
from caller import DENIED, Caller                                   # noqa: E402
from hostfirewall import HostFirewall, field                        # noqa: E402

ROUNDS = int(os.environ.get('RPCFW_ROUNDS', '1000'))
SECONDS = int(os.environ.get('RPCFW_TEST_SECONDS', '300')) - 60


class Rounds(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dc = dcbox.DomainController()
        cls.addClassCleanup(cls.dc.stop)
        cls.dc.start('single')
        cls.firewall = HostFirewall()
        cls.firewall.write_policy('fw:id:samr uuid:samr opnum:SamrEnumerateDomainsInSamServer action:block audit:true')
        cls.firewall.must('install')

    def rounds(self, pid, kind, blocks):
        """Both verbs in turn, for a process that serves this kind of call."""
        with Caller(kind, dcbox.DOMAIN, dcbox.ADMINISTRATOR, dcbox.PASSWORD) as caller:
            start = time.monotonic()
            done = 0
            while done < ROUNDS and time.monotonic() - start < SECONDS / 2:
                self.firewall.must('unprotect', pid)
                self.firewall.must('pid', pid)
                done += 1
                if done % 50 == 0:
                    caller.wait_for_more()
            outcomes, errors = caller.finish()
        print(f'\n{done} rounds in {time.monotonic() - start:.1f} s, {len(outcomes)} calls, {outcomes.count(DENIED)} blocked',
              flush=True)
        self.assertEqual([], errors)
        self.assertEqual(blocks, DENIED in outcomes)
        if blocks:
            self.assertLess(outcomes.count(DENIED), len(outcomes), 'it was never unprotected')
        self.assertEqual(ROUNDS, done, 'too slow for all rounds')

    def test_directory_server(self):
        self.dc.rpcclient('ncacn_ip_tcp:127.0.0.1[seal]', 'enumdomains')
        blocked = self.firewall.wait_calls(event_action='rpc-call-blocked')[0]
        self.rounds(field(blocked, 'process.pid'), 'samr', blocks=True)

    def test_zz_nothing_crashed(self):
        self.assertEqual([], self.dc.crashes())


if __name__ == '__main__':
    sandbox.main()

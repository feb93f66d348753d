#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A server that nobody here wrote: Wine's services.exe, protected against the creation of services.

It uses stubs of another kind than our servers (-Os), so its calls pass NdrServerInitializeNew only.
"""
import re
import unittest

import winebox
from firewall import Firewall, field

SVCCTL = '367abb81-9844-35f1-ad32-98f038001003'
CREATE_SERVICE, OPEN_SC_MANAGER = 12, 15


class Services(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.box = winebox.Box()
        cls.addClassCleanup(cls.box.close)
        cls.firewall = Firewall(cls.box)
        cls.firewall.write_policy(f'uuid:{SVCCTL} opnum:{CREATE_SERVICE} action:block audit:true')
        cls.told = cls.firewall.must('process', 'services.exe')

    def client(self, *arguments):
        return dict(re.findall(r'(\w+) (\d+)', self.box.run_test_program('scm_client', *arguments).stdout))

    def test_1_protected(self):
        self.assertRegex(self.told, r'(?m)^\s*\d+\s+services\.exe\s+protected')

    def test_2_create_service_is_denied_and_audited(self):
        self.firewall.apply(f'uuid:{SVCCTL} opnum:{CREATE_SERVICE} action:block audit:true')
        self.firewall.skip_events()
        self.assertEqual(self.client('create', 'rpcfw-denied'), {'OpenSCManager': '0', 'CreateService': '5'})
        events = self.firewall.wait_calls(1)
        self.assertEqual(len(events), 1, events)
        expected = {'event.action': 'rpc-call-blocked', 'rpc.interface.uuid': SVCCTL, 'rpc.opnum': CREATE_SERVICE,
                    'rpc.protseq': 'ncacn_np', 'process.name': 'services.exe'}
        self.assertEqual({path: field(events[0], path) for path in expected}, expected)
        # The service is really not there.
        self.assertEqual(self.client('query', 'rpcfw-denied')['OpenService'], '1060')

    def test_3_open_is_denied(self):
        self.firewall.apply(f'uuid:{SVCCTL} opnum:{OPEN_SC_MANAGER} action:block')
        self.assertEqual(self.client('open'), {'OpenSCManager': '5'})

    def test_4_unprotect_brings_it_back(self):
        self.firewall.apply(f'uuid:{SVCCTL} opnum:{CREATE_SERVICE},{OPEN_SC_MANAGER} action:block')
        self.assertEqual(self.client('open'), {'OpenSCManager': '5'})
        self.firewall.must('unprotect', 'services.exe')
        self.assertEqual(self.client('create', 'rpcfw-back'), {'OpenSCManager': '0', 'CreateService': '0'})
        self.assertEqual(self.client('delete', 'rpcfw-back')['DeleteService'], '0')


if __name__ == '__main__':
    winebox.main()

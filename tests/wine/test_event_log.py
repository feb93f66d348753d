#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What the agents report to the event log: ids, types and insertion strings, byte for byte."""
import unittest

import eventlog
import rpccaller
import winebox
from firewall import Firewall, whoami
from rpccaller import ADD, DEMO, OTHER, Caller

FAR = '127.0.0.77'
PROTECTION_ADDED, PROTECTION_REMOVED, CALL = 1, 2, 3
PIPE = r'\pipe\rpcfw-events'
PIPE_BINDING = r'ncacn_np:.[\\pipe\\rpcfw-events]'
POLICY = (f'uuid:{DEMO[0]} opnum:{ADD} addr:{FAR} action:block audit:true', 'action:allow audit:true')
EVENT_ID = 0xffff   # the lower half of the message id; the upper is severity and facility


class EventLog(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.box = winebox.Box()
        cls.addClassCleanup(cls.box.close)
        cls.firewall = Firewall(cls.box)
        cls.firewall.write_policy(*POLICY)

    def start(self, *arguments):
        server = self.box.start_test_program('rpc_server', *arguments, debug=eventlog.TRACE)
        image = self.box.windows_path(self.box.test_program('rpc_server'))
        return server, image

    def events(self, server, count):
        winebox.wait_until(lambda: len(eventlog.parse(server.errors())) >= count, 5)
        return [(event.type, event.id & EVENT_ID, event.strings) for event in eventlog.parse(server.errors())]

    def test_one_life_over_tcp(self):
        port = rpccaller.free_port()
        server, image = self.start('--tcp', port)
        pid = str(server.pid)
        self.firewall.protect(server)
        with Caller(port, source=FAR) as caller:
            self.assertEqual(caller.add(), ('fault', rpccaller.ACCESS_DENIED))
            blocked_port = str(caller.client_port)
        with Caller(port, OTHER) as caller:
            self.assertEqual(caller.number(0, 6, 7), 42)
            allowed_port = str(caller.client_port)
        self.firewall.unprotect(server)

        def call(source, source_port, uuid, opnum):
            return ['NdrServerCall2', pid, image, 'ncacn_ip_tcp', str(port), source, uuid, str(opnum), 'UNKNOWN',
                    'NONE', 'NONE', source_port, '127.0.0.1', str(port), 'S-1-0-0']

        self.assertEqual(self.events(server, 4), [
            (eventlog.SUCCESS, PROTECTION_ADDED, [image, pid]),
            (eventlog.AUDIT_FAILURE, CALL, call(FAR, blocked_port, DEMO[0], ADD)),
            (eventlog.AUDIT_SUCCESS, CALL, call('127.0.0.1', allowed_port, OTHER[0], 0)),
            (eventlog.SUCCESS, PROTECTION_REMOVED, [image, pid]),
        ])

    def test_a_call_over_a_pipe(self):
        server, image = self.start('--np', PIPE)
        self.firewall.apply('action:allow audit:true')
        self.addCleanup(self.firewall.apply, *POLICY)
        self.firewall.protect(server)
        done = self.box.run_test_program('rpc_client', PIPE_BINDING, 'add', '--whoami')
        self.assertIn('ok=1', done.stdout)
        caller = whoami(done.stdout)
        type_, id_, strings = self.events(server, 2)[1]
        self.assertEqual((type_, id_, len(strings)), (eventlog.AUDIT_SUCCESS, CALL, 15))
        self.assertEqual(strings[:5], ['NdrServerCall2', str(server.pid), image, 'ncacn_np', PIPE])
        self.assertEqual(strings[5:8], ['0.0.0.0', DEMO[0], '0'])
        self.assertEqual(strings[8], caller['domain'] + '\\' + caller['user'])
        self.assertRegex(caller['sid'], r'^S-1-5-')
        self.assertEqual(strings[14], caller['sid'])
        self.firewall.unprotect(server)

    def test_no_record_without_audit(self):
        port = rpccaller.free_port()
        server, _ = self.start('--tcp', port)
        self.firewall.apply(f'uuid:{DEMO[0]} opnum:{ADD} addr:{FAR} action:block', 'action:allow')
        self.addCleanup(self.firewall.apply, *POLICY)
        self.firewall.protect(server)
        with Caller(port, source=FAR) as caller:
            self.assertEqual(caller.add(), ('fault', rpccaller.ACCESS_DENIED))
            self.assertEqual(caller.number(rpccaller.PID), server.pid)
        self.firewall.unprotect(server)
        self.assertEqual([id_ for _, id_, _ in self.events(server, 2)], [PROTECTION_ADDED, PROTECTION_REMOVED])

    def test_eventlog_off(self):
        port = rpccaller.free_port()
        server, _ = self.start('--tcp', port)
        self.firewall.apply('action:allow audit:true', 'option eventlog off')
        self.addCleanup(self.firewall.apply, *POLICY)
        self.firewall.protect(server)
        self.firewall.skip_events()
        self.assertEqual(rpccaller.call_once(port, ADD, 1, 2), 3)
        self.assertEqual(len(self.firewall.wait_calls(1)), 1)
        self.assertEqual([id_ for _, id_, _ in self.events(server, 1) if id_ == CALL], [])
        self.firewall.unprotect(server)


class TraceReader(unittest.TestCase):
    """The reader of the trace is what the tests above stand on."""

    def test_strings_and_threads(self):
        report = '0{0}:fixme:advapi:ReportEventW (00000000CAFE4242,0x0010,0x0000,0x40000003,0,0x0002,0,1,2): stub'
        trace = '\n'.join([report.format('1'), '01:trace:eventlog:ReportEventW L"a \\"b\\" \\\\ \\00e9\\n"',
                           report.format('2'), '02:trace:eventlog:ReportEventW L""',
                           '01:trace:eventlog:ReportEventW L"second"', '01:trace:eventlog:ReportEventW L"nobody\'s"',
                           '02:trace:eventlog:ReportEventW L"\\4e2d"'])
        events = eventlog.parse(trace)
        self.assertEqual([event.strings for event in events], [['a "b" \\ \u00e9\n', 'second'], ['', '\u4e2d']])
        self.assertEqual((events[0].type, events[0].id & EVENT_ID), (eventlog.AUDIT_FAILURE, CALL))

    def test_a_cut_string_is_an_error(self):
        with self.assertRaises(eventlog.Cut):
            eventlog.parse('01:fixme:advapi:ReportEventW (0,0x8,0x0,0x3,0,0x1,0,1,2): stub\n'
                           '01:trace:eventlog:ReportEventW L"long"...')


if __name__ == '__main__':
    winebox.main()

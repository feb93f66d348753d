#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What the event log sink hands to ReportEventW: type, number and strings, with a name that is no proper text."""
import unittest

import eventlog
import winebox
from eventlog import AUDIT_FAILURE, AUDIT_SUCCESS, INFORMATION, WARNING, Event

SUCCESS = 0
PATH = r'C:\server.exe'


def call(kind, principal):
    unknown = 'UNKNOWN'
    return Event(kind, 3, ['NdrServerCall2', '99', PATH, unknown, unknown, '0.0.0.0', unknown, '15', principal,
                           unknown, unknown, unknown, '0.0.0.0', unknown, 'S-1-0-0'])


class EventLogSink(unittest.TestCase):
    def test_strings_of_each_event(self):
        with winebox.Box() as box:
            program = box.start_test_program('sinks_test', 'eventlog', ready='ok', debug=eventlog.TRACE)
            self.assertEqual(program.finish(), 0, program.lines)
            trace = program.errors()
        # A lone surrogate is three bytes that are no UTF-8. The call over ncalrpc to the event log's own interface, which
        # the program also puts, is not there: writing it would cause the next.
        hostile = 'D\\Jürgen "\ud83d\ude00"' + '\ufffd' * 4
        self.assertEqual(eventlog.parse(trace), [
            Event(SUCCESS, 1, [PATH, '99']),
            call(AUDIT_FAILURE, hostile),
            call(AUDIT_SUCCESS, r'D\let-through'),
            Event(WARNING, 5, [PATH, '99', '2', 'bad checksum']),
            Event(INFORMATION, 7, [PATH, '99', '2', r'C:\RpcFw.conf']),
            Event(WARNING, 8, [PATH, '99', '2', r'C:\RpcFw.conf', "1:1: 'a\ufffdb' is no key"]),
            Event(WARNING, 9, [PATH, '99', 'it is a protected process', 'nothing']),
            Event(INFORMATION, 10, [PATH, '99', '0.1.0']),
            Event(INFORMATION, 11, [PATH, '99', 'asked to']),
        ])


if __name__ == '__main__':
    winebox.main()

# SPDX-License-Identifier: Apache-2.0
"""What a process reported to the event log, read from Wine's trace of ReportEventW.

Wine keeps no events, but prints each event's type, number and insertion strings on stderr of the process that reports it,
when the process runs with WINEDEBUG=TRACE.
"""
import collections
import re

TRACE = '-all,fixme+advapi,+eventlog'

SUCCESS, ERROR, WARNING, INFORMATION, AUDIT_SUCCESS, AUDIT_FAILURE = 0, 1, 2, 4, 8, 16

Event = collections.namedtuple('Event', 'type id strings')

_REPORT = re.compile(r'^(\w+):fixme:advapi:ReportEventW \((.*)\): stub$')
_STRING = re.compile(r'^(\w+):\w+:eventlog:ReportEventW L"(.*)"(\.\.\.)?$')
_ESCAPE = re.compile(r'\\([0-9a-f]{4}|.)')
_NAMED = {'n': '\n', 'r': '\r', 't': '\t'}


class Cut(Exception):
    """Wine cuts strings at some 290 characters in its trace; a test with such a string would compare nothing."""


def _unescape(found):
    escape = found.group(1)
    return chr(int(escape, 16)) if len(escape) == 4 else _NAMED.get(escape, escape)


def parse(trace):
    """The events of a trace in order. A thread reports one event at a time; threads may mix."""
    events = []
    unfinished = {}     # thread: (event, number of strings still to come)
    for line in trace.splitlines():
        report = _REPORT.match(line)
        if report:
            thread, arguments = report.group(1), report.group(2).split(',')
            event = Event(int(arguments[1], 16), int(arguments[3], 16), [])
            events.append(event)
            unfinished[thread] = (event, int(arguments[5], 16))
            continue
        string = _STRING.match(line)
        if not string or string.group(1) not in unfinished:
            continue
        if string.group(3):
            raise Cut(line)
        event, left = unfinished[string.group(1)]
        event.strings.append(_ESCAPE.sub(_unescape, string.group(2)))
        if left == 1:
            del unfinished[string.group(1)]
        else:
            unfinished[string.group(1)] = (event, left - 1)
    return events

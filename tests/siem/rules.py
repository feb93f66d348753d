#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds our events to what SIEM rules read in them: the interface's UUID and the opnum.

usage: rules.py RENDER_EVENTS PROJECT [RULES.tsv]

The calls are every method of the catalogue, one opnum more of each interface that no method has, an interface that
nobody knows, and whatever the rules name. In the event of each, the insertion strings 7 and 8 and the fields
rpc.interface.uuid and rpc.opnum must say which call it was.

With RULES, a table of published rules that lies beside the project and is no part of it (name, id, title, UUIDs, opnums,
condition, …): each rule must fire on the events of its calls, in the event log and in the JSON lines, and on no other.
Exit code 77 (skipped) when the table is not there: then only the test without RULES holds the events.
"""
import json
import os
import re
import subprocess
import sys

UNKNOWN_INTERFACE = "5fa0fa3c-0b1e-4e0c-8d7f-f00dfeedbeef"
UNKNOWN_OPNUM = 65535
EVENT_ID_CALL = "3"
UUID_STRING, OPNUM_STRING, STRINGS = 7, 8, 15  # as published rules count them, from 1


class Rule:
    """A row of the table; the condition is read, not guessed from the opnums."""

    def __init__(self, row):
        self.name, uuids, opnums, condition = row[0], row[3], row[4], row[5]
        self.uuids = uuids.split()
        word = re.fullmatch(r"(any|(NOT )?(\d+(?:,\d+)*))", opnums)
        if not word or condition != ("selection and not filter" if word.group(2) else "selection"):
            sys.exit("%s: cannot read opnums '%s' with condition '%s'" % (self.name, opnums, condition))
        numbers = word.group(3).split(",") if word.group(3) else []
        self.selected = None if word.group(2) or not numbers else numbers
        self.filtered = numbers if word.group(2) else []

    def fires(self, event_id, uuid, opnum):
        """On the texts of an event, as a SIEM compares them."""
        selection = event_id == EVENT_ID_CALL and uuid in self.uuids
        selection = selection and (self.selected is None or opnum in self.selected)
        return selection and opnum not in self.filtered

    def calls(self, all_calls):
        """The calls that it is about, by number and without any event."""
        for uuid, opnum in all_calls:
            if uuid in self.uuids:
                if self.selected is not None and opnum in map(int, self.selected):
                    yield uuid, opnum
                elif self.selected is None and opnum not in map(int, self.filtered):
                    yield uuid, opnum


def rows(path):
    with open(path, encoding="utf-8") as table:
        return [line.rstrip("\n").split("\t") for line in table if not line.startswith("#")]


def catalogue_calls(project):
    """Each method, those of the interfaces inherited from among them, and a further opnum of each interface."""
    interfaces = {row[3].split(",")[0]: row for row in rows(os.path.join(project, "catalog", "interfaces.tsv"))}
    opnums = {name: set() for name in interfaces}
    for row in rows(os.path.join(project, "catalog", "methods.tsv")):
        opnums[row[0]].add(int(row[1]))
    for name, row in interfaces.items():
        base = name
        while base != "-":
            for opnum in opnums[base]:
                yield row[0], opnum
            base = interfaces[base][5]
        yield row[0], UNKNOWN_OPNUM
    yield UNKNOWN_INTERFACE, 0
    yield UNKNOWN_INTERFACE, UNKNOWN_OPNUM


def rules_calls(rules):
    for rule in rules:
        for uuid in rule.uuids:
            for opnum in [0, 1, 2, UNKNOWN_OPNUM, *map(int, (rule.selected or []) + rule.filtered)]:
                yield uuid, opnum


def render(program, calls):
    """For each call the texts (event id, UUID, opnum) of the event log and of the JSON line."""
    given = "".join("%s %d\n" % call for call in calls)
    done = subprocess.run([program], input=given, capture_output=True, encoding="utf-8", timeout=60, check=True)
    lines = done.stdout.split("\n")[:-1]
    if len(lines) != 2 * len(calls):
        sys.exit("%d lines for %d calls" % (len(lines), len(calls)))
    for log, text in zip(lines[::2], lines[1::2]):
        strings = log.split("\t")  # the event id, then string 1
        if len(strings) != STRINGS + 1:
            sys.exit("%d insertion strings: %s" % (len(strings) - 1, log))
        fields = json.loads(text)
        is_call = fields["event"]["action"].startswith("rpc-call-")
        rpc = fields["rpc"]
        yield (
            (strings[0], strings[UUID_STRING], strings[OPNUM_STRING]),
            (EVENT_ID_CALL if is_call else "", rpc["interface"]["uuid"], json.dumps(rpc["opnum"])),
        )


def problems_of_fields(calls, events):
    for (uuid, opnum), event in zip(calls, events):
        for form, texts in zip(("event log", "JSON"), event):
            if texts != (EVENT_ID_CALL, uuid, str(opnum)):
                yield "%s opnum %d: the %s says %s" % (uuid, opnum, form, texts)


def problems_of_rule(rule, calls, events):
    wanted = set(rule.calls(calls))
    if not wanted:
        yield "%s: is about no call" % rule.name
    for number, form in enumerate(("event log", "JSON")):
        fired = {call for call, event in zip(calls, events) if rule.fires(*event[number])}
        for uuid, opnum in sorted(wanted - fired):
            yield "%s: does not fire on %s opnum %d (%s)" % (rule.name, uuid, opnum, form)
        for uuid, opnum in sorted(fired - wanted):
            yield "%s: fires on %s opnum %d (%s)" % (rule.name, uuid, opnum, form)


def main(program, project, table=None):
    if table and not os.path.exists(table):
        print("skipped: the published rules are not there (%s)" % table)
        return 77
    rules = [Rule(row) for row in rows(table)] if table else []
    calls = sorted(set(catalogue_calls(project)) | set(rules_calls(rules)))
    events = list(render(program, calls))
    problems = list(problems_of_fields(calls, events))
    for rule in rules:
        problems += problems_of_rule(rule, calls, events)
    if table and not rules:
        problems.append("no rules in " + table)
    print("\n".join(problems + ["%d calls, %d rules, %d problems" % (len(calls), len(rules), len(problems))]))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

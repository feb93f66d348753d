#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs tables of policies and what is planned for them on each Windows release.

usage: run.py RPCFW FILE.tests...

A table is a list of cases:

    case: what it shows
    policy:
        ... indented by four blanks ...
    on ws2016 ws2019 ws2022:
        rule=1 nowhere: the reason; the note
    on ws2025 win11:
        rule=1 filter: 1 RPC filter
        1 block audit protocol=ncacn_np if_uuid=367abb81-... opnum=3,4
    stderr:
        part of a message of any --netsh

Every case names all releases. First stand all lines that `plan` prints, then all filters, the highest weight first; values
of one field are joined by commas. Whatever is expected, what --netsh prints is parsed back and must be the same filters as
those of --json, and the plain form must say the same as --json.
"""
import json
import os
import re
import subprocess
import sys
import tempfile

HOSTS = ["ws2016", "ws2019", "ws2022", "ws2025", "win11"]


class Case:
    def __init__(self, name, line):
        self.name, self.line = name, line
        self.policy, self.expect, self.stderr = [], {}, []


def read_table(path):
    cases, section = [], None
    with open(path, encoding="utf-8") as table:
        for number, line in enumerate(table.read().split("\n"), 1):
            hosts = re.match(r"on ([\w ]+):$", line)
            if line.startswith("case:"):
                cases.append(Case(line[5:].strip(), number))
                section = None
            elif line == "policy:":
                section = cases[-1].policy
            elif line == "stderr:":
                section = cases[-1].stderr
            elif hosts:
                section = []
                for host in hosts.group(1).split():
                    if host not in HOSTS or host in cases[-1].expect:
                        sys.exit("%s:%d: host %s" % (path, number, host))
                    cases[-1].expect[host] = section
            elif line.startswith("    ") and section is not None:
                section.append(line[4:])
            elif line.strip() and not line.startswith("#"):
                sys.exit("%s:%d: cannot be read" % (path, number))
    for case in cases:
        if sorted(case.expect) != sorted(HOSTS):
            sys.exit("%s:%d: not every release is named" % (path, case.line))
    if not cases:
        sys.exit("%s: no cases" % path)
    return cases


def run(*arguments):
    done = subprocess.run(arguments, capture_output=True, timeout=60)
    return done.returncode, done.stdout.decode("utf-8"), done.stderr.decode("utf-8")


def filters_of(told):
    """(action, audit, conditions) by falling weight."""
    found = []
    for rule in told["rules"]:
        for item in rule["filters"]:
            found.append((item["weight"], item["action"], item["audit"],
                          [(c["field"], c["value"]) for c in item["conditions"]]))
    return found


def filter_line(item):
    weight, action, audit, conditions = item
    fields = {}
    for field, value in conditions:
        fields.setdefault(field, []).append(value)
    words = [str(weight), action] + (["audit"] if audit else [])
    return " ".join(words + ["%s=%s" % (field, ",".join(values)) for field, values in fields.items()])


class Malformed(Exception):
    pass


def parse_netsh(script):
    """What netsh would set: [(key, action, audit, conditions)]."""
    lines = [line for line in script.split("\n") if line and not line.startswith("#")]
    if lines[:2] != ["rpc", "filter"] or lines[-1] != "quit":
        raise Malformed("frame")
    entries, rule = [], None
    for line in lines[2:-1]:
        added = re.match(r"add rule layer=um actiontype=(permit|block) filterkey=([0-9a-f-]{36})( audit=enable)?$", line)
        condition = re.match(r"add condition field=(\w+) matchtype=equal data=(\S+)$", line)
        if added and rule is None:
            rule = (added.group(2), added.group(1), bool(added.group(3)), [])
        elif condition and rule is not None:
            rule[3].append(condition.groups())
        elif line == "add filter" and rule is not None and rule[3]:
            entries.append(rule)
            rule = None
        else:
            raise Malformed(line)
    if rule is not None or len({entry[0] for entry in entries}) != len(entries):
        raise Malformed("unfinished, or a key twice")
    return entries


def filters_of_netsh(script):
    """(action, audit, conditions): what records a call follows what decides it, and permits."""
    filters = []
    for _, action, audit, conditions in parse_netsh(script):
        if not audit:
            filters.append([action, False, conditions])
        elif action == "permit" and filters and filters[-1][2] == conditions and not filters[-1][1]:
            filters[-1][1] = True
        else:
            raise Malformed("audit")
    return [tuple(item) for item in filters]


class Checker:
    def __init__(self, rpcfw):
        self.rpcfw, self.problems, self.checks = rpcfw, [], 0

    def check(self, good, text):
        self.checks += 1
        if not good:
            self.problems.append(text)

    def same(self, name, found, expected):
        self.check(found == expected, "%s:\n  expected\n    %s\n  found\n    %s" % (
            name, "\n    ".join(expected), "\n    ".join(found)))

    def netsh(self, name, path, host, told):
        code, script, stderr = run(self.rpcfw, "plan", path, "--host", host, "--netsh")
        if told["refused"]:
            self.check(code == 1 and not script, "%s: a refused plan has a script" % name)
            return stderr
        try:
            self.check(filters_of_netsh(script) == [item[1:] for item in filters_of(told)],
                       "%s: netsh says otherwise:\n%s" % (name, script))
        except Malformed as malformed:
            self.check(False, "%s: netsh: %s\n%s" % (name, malformed, script))
        return stderr

    def host(self, case, path, host):
        name = "%s on %s" % (case.name, host)
        code, plain, stderr = run(self.rpcfw, "plan", path, "--host", host)
        json_code, text, _ = run(self.rpcfw, "plan", path, "--host", host, "--json")
        told = json.loads(text)
        lines = ["rule=%s %s: %s" % (rule["rule"], rule["where"], "; ".join(
            [rule["reason"]] + ([rule["note"]] if "note" in rule else []))) for rule in told["rules"]]
        self.check(code == json_code == (1 if told["refused"] else 0), "%s: exit codes %d, %d" % (name, code, json_code))
        self.check(told["refused"] == len([r for r in told["rules"] if r["refused"]]), "%s: refused" % name)
        self.check(bool(stderr) == bool(told["refused"]), "%s: stderr '%s'" % (name, stderr))
        for rule in told["rules"]:
            self.check(bool(rule["filters"]) == (rule["where"] in ("filter", "both")), "%s: %s" % (name, rule))
        self.same(name + ", plain", plain.split("\n")[:-1], lines)
        self.same(name, lines + [filter_line(item) for item in filters_of(told)], case.expect[host])
        return self.netsh(name, path, host, told)

    def case(self, case, folder):
        path = os.path.join(folder, "policy.conf")
        with open(path, "w", encoding="utf-8") as out:
            out.write("\n".join(case.policy) + "\n")
        messages = "".join(self.host(case, path, host) for host in HOSTS)
        for part in case.stderr:
            self.check(part in messages, "%s: stderr lacks '%s': %s" % (case.name, part, messages))


def main():
    checker = Checker(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        for table in sys.argv[2:]:
            for case in read_table(table):
                checker.case(case, folder)
    for problem in checker.problems:
        print(problem)
    print("%d checks, %d problems" % (checker.checks, len(checker.problems)))
    return 1 if checker.problems or not checker.checks else 0


if __name__ == "__main__":
    sys.exit(main())

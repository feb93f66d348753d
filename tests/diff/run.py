#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs tables of policies that are compared, or held against techniques; or random pairs of policies.

usage: run.py RPCFW FILE.tests...
       run.py RPCFW random SEED PAIRS

A table is a list of cases:

    case: what it shows
    old: [compat]
        ... a policy, indented by four blanks ...
    new:
        ... another; without it the case is one of coverage ...
    expect:
        same
        newly blocked: uuid:drsuapi opnum:3
        stderr part of a message
        error
        T1003.006 DCSync: partly blocked
        T1003.006 DCSync: open for: addr:10.0.0.1

{{TEXT*N}} stands for N times TEXT. "same", "error" or all classes (in any order) must be named; of coverage, what is
named must be there. Whatever is expected, the example of every class is decided with both policies by `explain`, which must answer what `diff` said.
"""
import json
import os
import random
import re
import subprocess
import sys
import tempfile


class Case:
    def __init__(self, name, line):
        self.name, self.line = name, line
        self.old, self.new, self.expect, self.flags = [], None, [], []


def read_table(path):
    cases, section = [], None
    with open(path, encoding="utf-8") as table:
        for number, line in enumerate(table.read().split("\n"), 1):
            head, _, rest = line.partition(":")
            if head == "case":
                cases.append(Case(rest.strip(), number))
                section = None
            elif head == "old":
                section, cases[-1].flags = cases[-1].old, rest.split()
            elif head == "new":
                section = cases[-1].new = []
            elif head == "expect":
                section = cases[-1].expect
            elif line.startswith("    ") and section is not None:
                section.append(re.sub(r"\{\{(.*?)\*(\d+)\}\}", lambda m: m.group(1) * int(m.group(2)), line[4:]))
            elif line.strip() and not line.startswith("#"):
                sys.exit("%s:%d: cannot be read" % (path, number))
    if not cases:
        sys.exit("%s: no cases" % path)
    return cases


def run(arguments):
    done = subprocess.run(arguments, capture_output=True, timeout=120)
    return done.returncode, done.stdout.decode("utf-8"), done.stderr.decode("utf-8", "replace")


def write(folder, name, lines):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as out:
        out.write("\n".join(lines) + "\n")
    return path


class Checker:
    def __init__(self, rpcfw):
        self.rpcfw, self.problems, self.checks = rpcfw, [], 0

    def check(self, good, text):
        self.checks += 1
        if not good:
            self.problems.append(text)

    def examples(self, name, old, new, flags):
        """Each example through explain; returns the object that diff printed."""
        code, stdout, stderr = run([self.rpcfw, "diff", old, new, "--json"] + flags)
        if code == 2:
            return {"same": False, "complete": False, "differences": [], "code": code}
        told = json.loads(stdout)
        told["code"] = code
        self.check(code == (0 if told["same"] else 1), "%s: exit code %d %s" % (name, code, stderr))
        self.check(told["same"] == (not told["differences"] and told["complete"]), "%s: same?" % name)
        for item in told["differences"]:
            for policy, key in ((old, "old"), (new, "new")):
                _, answer, _ = run([self.rpcfw, "explain", "-p", policy] + flags + item["example"])
                self.check(answer.split("\n")[0] == item[key],
                           "%s: %s %s: explain says '%s', diff '%s'" % (
                               name, key, " ".join(item["example"]), answer.split("\n")[0], item[key]))
            self.check(item["old"].split(" rule")[0] != item["new"].split(" rule")[0] or "dry" in item["old"] + item["new"]
                       or "default" in item["old"] + item["new"], "%s: no difference in %s" % (name, item))
        return told

    def diff(self, case, folder):
        flags = ["--compat"] if "compat" in case.flags else []
        old, new = write(folder, "old.conf", case.old), write(folder, "new.conf", case.new)
        self.examples(case.name, old, new, flags)
        code, stdout, stderr = run([self.rpcfw, "diff", old, new] + flags)
        expected = [line for line in case.expect if not line.startswith("stderr ")]
        for line in case.expect:
            if line.startswith("stderr "):
                self.check(line[7:] in stderr, "%s: stderr lacks '%s': %s" % (case.name, line[7:], stderr))
        if expected in (["same"], ["error"]):
            self.check(code == (0 if expected == ["same"] else 2), "%s: exit code %d\n%s" % (case.name, code, stdout))
            return
        found = [line for line in stdout.split("\n")[:-2] if not line.startswith("    ")]
        self.check(code == 1, "%s: exit code %d" % (case.name, code))
        self.check(sorted(found) == sorted(expected), "%s:\n  expected\n    %s\n  found\n    %s" % (
            case.name, "\n    ".join(expected), "\n    ".join(found)))

    def coverage(self, case, folder):
        policy = write(folder, "policy.conf", case.old)
        flags = ["--compat"] if "compat" in case.flags else []
        code, stdout, stderr = run([self.rpcfw, "coverage", "-p", policy, "--json"] + flags)
        plain_code, plain, _ = run([self.rpcfw, "coverage", "-p", policy] + flags)
        self.check(code == plain_code, "%s: exit codes %d and %d" % (case.name, code, plain_code))
        if case.expect == ["refused"]:
            self.check(code == 1, "%s: exit code %d" % (case.name, code))
            return
        self.check(code == 0, "%s: exit code %d %s" % (case.name, code, stderr))
        rows = json.loads(stdout)["techniques"] if code == 0 else []
        lines = set()
        for row in rows:
            self.check(row["technique"] in plain and row["attack"] in plain, "%s: %s" % (case.name, row))
            head = "%s %s: " % (row["technique"], row["attack"])
            lines.add(head + row["state"] + (" dry" if row["dry"] else ""))
            for item in row["allowed"]:
                lines.add(head + "open for: " + item["class"] + (" audited" if item["audit"] else ""))
        self.check(plain.split("\n")[-2].startswith("%d techniques" % len(rows)), "%s: summary" % case.name)
        for line in case.expect:
            self.check(line in lines, "%s: '%s' is not among\n    %s" % (
                case.name, line, "\n    ".join(sorted(other for other in lines if other[:9] == line[:9]))))


# ---- Random pairs of larger policies than the unit test has ----

INTERFACES = ["drsuapi", "svcctl", "samr", "lsarpc", "winreg", "12345678-1234-1234-1234-123456789abc"]


def random_rule(rng):
    words = []
    if rng.random() < .8:
        words.append("uuid:" + ",".join(rng.sample(INTERFACES, rng.randint(1, 2))))
    if rng.random() < .6:
        first = rng.randrange(40)
        words.append("opnum:%s%d-%d" % (rng.choice(["", "", "!"]), first, first + rng.randrange(9)))
    if rng.random() < .4:
        words.append("addr:%s10.%d.0.0/16,2001:db8:%x::/48" % (rng.choice(["", "!"]), rng.randrange(4), rng.randrange(3)))
    if rng.random() < .3:
        words.append("sid:%s" % ",".join(rng.sample(["BA", "AN", "WD", "S-1-5-21-1-2-3-1000"], 2)))
    if rng.random() < .2:
        words.append("user:%sCORP\\%s" % (rng.choice(["", "!"]), rng.choice(["a*", "*b", "adm?n", "x*y*"])))
    if rng.random() < .2:
        words.append("auth:" + rng.choice(["<privacy", "connect", "integrity"]))
    if rng.random() < .2:
        words.append("prot:" + rng.choice(["ncacn_np", "ncacn_ip_tcp,ncalrpc", "!ncacn_http"]))
    if rng.random() < .1:
        words.append("object:!00000000-0000-0000-0000-000000000000")
    block = rng.random() < .5
    words.append("action:" + ("block" if block else "allow"))
    if rng.random() < .3:
        words.append("audit:true")
    if block and rng.random() < .2:
        words.append("dry:true")
    return " ".join(words)


def random_pairs(checker, seed, pairs):
    rng = random.Random(seed)
    differ = 0
    print("seed %d" % seed)
    with tempfile.TemporaryDirectory() as folder:
        for number in range(pairs):
            rules = [random_rule(rng) for _ in range(rng.randint(1, 12))]
            changed = list(rules)
            place = rng.randrange(len(changed))
            changed[place:place + rng.randrange(2)] = [random_rule(rng)] * rng.randrange(2)
            old, new = write(folder, "old.conf", rules), write(folder, "new.conf", changed)
            name = "pair %d of seed %d:\n%s\n--\n%s\n" % (number, seed, "\n".join(rules), "\n".join(changed))
            told = checker.examples(name, old, new, [])
            back = run([checker.rpcfw, "diff", new, old, "--json"])[0]
            checker.check(told["code"] != 2 and back == told["code"], name + "backwards")
            differ += told["code"] == 1
    checker.check(pairs < 10 or pairs // 10 < differ < pairs, "%d of %d pairs differ" % (differ, pairs))


def main():
    checker = Checker(sys.argv[1])
    if sys.argv[2] == "random":
        random_pairs(checker, int(sys.argv[3]) or random.SystemRandom().randrange(1 << 30), int(sys.argv[4]))
    else:
        with tempfile.TemporaryDirectory() as folder:
            for path in sys.argv[2:]:
                for case in read_table(path):
                    if case.new is None:
                        checker.coverage(case, folder)
                    else:
                        checker.diff(case, folder)
    for problem in checker.problems:
        print(problem)
    print("%d checks, %d problems" % (checker.checks, len(checker.problems)))
    return 1 if checker.problems or not checker.checks else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs golden tables: policy, call -> verdict.

usage: run.py RPCFW FILE.tests...

A table is a list of cases:

    case: what it shows
    policy: [compat] [utf8-bom] [utf16le] [crlf]
        ... the policy, indented by four blanks ...
    file: NAME
        ... another file beside it, for include ...
    expect:
        uuid=... addr=... => block audit rule=2
        refused 3:7 part of the message
        good
        warns 2:1 part of the message

In the policy, {{TEXT*N}} stands for N times TEXT. "refused" names one error (line and column, and a part of its text;
FILE:LINE:COLUMN in another file); all errors must be named. A case that is not refused must be expected as "good", by a verdict or by its warnings, which
must all be named too when one is.
"""
import codecs
import os
import re
import subprocess
import sys
import tempfile

DIAGNOSTIC = re.compile(r"^(.*?):(\d+):(\d+): (error|warning): (.*)$")


class Case:
    def __init__(self, name, line):
        self.name, self.line = name, line
        self.flags, self.policy, self.files, self.expect = [], [], {}, []


def read_table(path):
    cases, section = [], None
    with open(path, encoding="utf-8") as table:
        for number, line in enumerate(table.read().split("\n"), 1):
            if line.startswith("case:"):
                cases.append(Case(line[5:].strip(), number))
                section = None
            elif line.startswith("policy:"):
                section = "policy"
                cases[-1].flags = line[7:].split()
            elif line.startswith("file:"):
                section = cases[-1].files.setdefault(line[5:].strip(), [])
            elif line.startswith("expect:"):
                section = "expect"
            elif line.startswith("#") or not line.strip():
                if section == "policy" and not line.strip():
                    cases[-1].policy.append("")
                elif isinstance(section, list) and not line.strip():
                    section.append("")
            elif line.startswith("    ") and section is not None:
                if section == "policy":
                    cases[-1].policy.append(line[4:])
                elif section == "expect":
                    cases[-1].expect.append((number, line.strip()))
                else:
                    section.append(line[4:])
            else:
                sys.exit("%s:%d: cannot be read" % (path, number))
    if not cases:
        sys.exit("%s: no cases" % path)
    return cases


def policy_bytes(case):
    lines = list(case.policy)
    while lines and not lines[-1]:
        lines.pop()
    text = "\n".join(lines) + "\n"
    text = re.sub(r"\{\{(.*?)\*(\d+)\}\}", lambda m: m.group(1) * int(m.group(2)), text)
    if "crlf" in case.flags:
        text = text.replace("\n", "\r\n")
    if "utf16le" in case.flags:
        return codecs.BOM_UTF16_LE + text.encode("utf-16-le")
    data = text.encode("utf-8")
    return codecs.BOM_UTF8 + data if "utf8-bom" in case.flags else data


def run(arguments):
    done = subprocess.run(arguments, capture_output=True, timeout=60)
    return done.returncode, done.stdout.decode("utf-8"), done.stderr.decode("utf-8", "replace")


def found_diagnostics(stderr):
    found = []
    for line in stderr.split("\n"):
        match = DIAGNOSTIC.match(line)
        if match:
            path, line, column, kind, text = match.groups()
            name = "" if os.path.basename(path) == "policy.conf" else os.path.basename(path) + ":"
            found.append((kind, "%s%s:%s" % (name, line, column), text))
    return found


def check_diagnostics(kind, expected, found, fail):
    left = [d for d in found if d[0] == kind]
    for number, place, text in expected:
        hit = next((d for d in left if d[1] == place and text in d[2]), None)
        if hit:
            left.remove(hit)
        else:
            fail(number, "no %s at %s with '%s'" % (kind, place, text))
    for _, place, text in left:
        fail(None, "%s that nobody expected: %s: %s" % (kind, place, text))


def run_case(rpcfw, case, path, folder):
    problems, checks = [], 0

    def fail(number, text):
        problems.append("%s:%s: %s: %s" % (path, number or case.line, case.name, text))

    policy = os.path.join(folder, "policy.conf")
    with open(policy, "wb") as out:
        out.write(policy_bytes(case))
    for name, lines in case.files.items():
        with open(os.path.join(folder, name), "w", encoding="utf-8") as out:
            out.write("\n".join(lines) + "\n")
    compat = ["--compat"] if "compat" in case.flags else []
    code, _, stderr = run([rpcfw, "check", policy] + compat)
    found = found_diagnostics(stderr)
    split = lambda number, words: (number, words[1], words[2] if len(words) > 2 else "")
    refused = [split(n, t.split(" ", 2)) for n, t in case.expect if t.startswith("refused ")]
    warns = [split(n, t.split(" ", 2)) for n, t in case.expect if t.startswith("warns ")]
    if code not in (0, 1) or code != (1 if refused else 0):
        fail(None, "check answered %d: %s" % (code, stderr.strip()))
    check_diagnostics("error", refused, found, fail)
    if warns:
        check_diagnostics("warning", warns, found, fail)
        strict, _, _ = run([rpcfw, "check", policy, "--strict"] + compat)
        if strict != 1:
            fail(None, "--strict answered %d in spite of warnings" % strict)
    checks += 1
    for number, text in case.expect:
        if "=>" not in text:
            if text != "good" and not text.startswith(("refused ", "warns ")):
                fail(number, "cannot be read: " + text)
            continue
        words, verdict = (part.strip() for part in text.split("=>"))
        code, stdout, stderr = run([rpcfw, "explain", "-p", policy] + compat + words.split())
        first = stdout.split("\n")[0].replace(folder + os.sep, "")
        if code != 0 or first != verdict:
            fail(number, "'%s' instead of '%s' (%d) %s" % (first, verdict, code, stderr.strip()))
        checks += 1
    if not case.expect:
        fail(None, "expects nothing")
    return problems, checks


def main():
    rpcfw, tables = sys.argv[1], sys.argv[2:]
    problems, checks = [], 0
    with tempfile.TemporaryDirectory() as folder:
        for path in tables:
            for case in read_table(path):
                bad, done = run_case(rpcfw, case, os.path.basename(path), folder)
                problems += bad
                checks += done
    for problem in problems:
        print(problem)
    print("%d checks, %d problems" % (checks, len(problems)))
    return 1 if problems or not checks else 0


if __name__ == "__main__":
    sys.exit(main())

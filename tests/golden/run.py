#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs golden tables: policy, call -> verdict.

usage: run.py RPCFW FILE.tests...

A table is a list of cases:

    case: what it shows
    policy: [compat] [utf8-bom] [utf16le] [crlf]
        ... the policy, indented by four blanks ...
    policy: from PATH [SET=VALUE,VALUE ...]
    file: NAME
        ... another file beside it, for include ...
    with: addr=... sid=...
    expect:
        uuid=... addr=... => block audit rule=2
        refused 3:7 part of the message
        drsuapi:3,5-7 addr=... => block audit id=NAME  # a note
        good
        strict
        warns 2:1 part of the message

"policy: from" takes a file (PATH is relative to the table) and edits it as its reader would: each SET gets the values given.
"with" gives words to all calls of the case that do not have such a word themselves. INTERFACE:OPNUMS stands for one call
after the other; id=NAME for the place of the rule of that name. "strict" expects a policy that `check --strict` takes.

In the policy, {{TEXT*N}} stands for N times TEXT. "refused" names one error (line and column, and a part of its text;
FILE:LINE:COLUMN in another file); all errors must be named. A case that is not refused must be expected as "good", by a verdict or by its warnings, which
must all be named too when one is.
"""
import codecs
import functools
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
        self.words = []


CALLS = re.compile(r"^([A-Za-z]\w*):(\d[\d,-]*)$")
INTERFACES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "catalog", "interfaces.tsv")


@functools.lru_cache(maxsize=None)
def interface_uuids():
    """The UUIDs of the catalogue by canonical name."""
    with open(INTERFACES, encoding="utf-8") as table:
        rows = [line.split("\t") for line in table if not line.startswith("#")]
    return {row[3].split(",")[0]: row[0] for row in rows}


def edited(path, values):
    """The lines of a policy file, each set of `values` given its values."""
    with open(path, encoding="utf-8") as policy:
        lines = policy.read().split("\n")
    for name, value in values.items():
        hits = [i for i, line in enumerate(lines) if line.split()[:2] == ["set", name]]
        if len(hits) != 1:
            sys.exit("%s: has %d sets '%s'" % (path, len(hits), name))
        lines[hits[0]] = "set %s %s" % (name, value)
    return lines


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
                if cases[-1].flags[:1] == ["from"]:
                    path_of_policy = os.path.join(os.path.dirname(path), cases[-1].flags[1])
                    cases[-1].policy = edited(path_of_policy, dict(w.split("=", 1) for w in cases[-1].flags[2:]))
            elif line.startswith("with:"):
                cases[-1].words = line[5:].split()
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


def opnums(text):
    for part in text.split(","):
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)


def calls(case, text):
    """What `explain` is asked: a list of words for each call."""
    words = text.split()
    given = {word.split("=")[0] for word in words}
    more = [word for word in case.words if word.split("=")[0] not in given]
    match = CALLS.match(words[0]) if words else None
    if not match:
        return [words + more]
    uuid = "uuid=" + interface_uuids()[match.group(1)]
    return [[uuid, "opnum=%d" % opnum] + words[1:] + more for opnum in opnums(match.group(2))]


def named_rule(case, verdict):
    """The verdict with the line of a rule in place of its name."""
    name = re.search(r"\bid=(\S+)", verdict)
    if not name:
        return verdict
    lines = [i for i, line in enumerate(case.policy, 1) if re.search(r"^\S*\bid:%s(\s|$)" % re.escape(name.group(1)), line)]
    return verdict.replace(name.group(0), "rule=%s" % (lines[0] if len(lines) == 1 else "?"))


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
    if any(text == "strict" for _, text in case.expect):
        code, _, stderr = run([rpcfw, "check", policy, "--strict"] + compat)
        if code != 0:
            fail(None, "--strict answered %d: %s" % (code, stderr.strip()))
    checks += 1
    for number, text in case.expect:
        if "=>" not in text:
            if text not in ("good", "strict") and not text.startswith(("refused ", "warns ")):
                fail(number, "cannot be read: " + text)
            continue
        words, verdict = (part.strip() for part in text.split("  #")[0].split("=>"))
        verdict = named_rule(case, verdict)
        for call in calls(case, words):
            code, stdout, stderr = run([rpcfw, "explain", "-p", policy] + compat + call)
            first = stdout.split("\n")[0].replace(folder + os.sep, "")
            if code != 0 or first != verdict:
                fail(number, "'%s' instead of '%s' (%d) %s %s" % (first, verdict, code, " ".join(call), stderr.strip()))
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

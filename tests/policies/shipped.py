#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the policies of policies/ to what their readers are promised.

usage: shipped.py RPCFW

Each says at its top what it blocks, leaves and asks to be edited; names interfaces and methods instead of numbers; has a
name for each rule; and its golden table tries each interface and method that a rule names. As shipped it is refused, with one error for each set that
must be edited first; once edited, `check --strict` takes it. docs/policy.md lists them all.
"""
import functools
import glob
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(ROOT, "tests", "golden"))
import run as golden  # noqa: E402

PLACEHOLDER = re.compile(r"^set (\S+) (<[^<>\s]+>)", re.M)
RULE = re.compile(r"^(?:fw|flt|all):(.*)$", re.M)
GUID = re.compile(r"\buuid:\S*[0-9a-fA-F]{8}-")


def check(rpcfw, path, *options):
    done = subprocess.run([rpcfw, "check", path, *options], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stderr


def rows(name):
    with open(os.path.join(ROOT, "catalog", name), encoding="utf-8") as table:
        return [line.rstrip("\n").split("\t") for line in table if not line.startswith("#")]


@functools.lru_cache(maxsize=None)
def interfaces(name):
    """The canonical names of the interfaces that a name stands for."""
    return [row[3].split(",")[0] for row in rows("interfaces.tsv") if name in row[3].split(",")]


@functools.lru_cache(maxsize=None)
def opnum(interface, method):
    """The method's opnum as text; a number is its own."""
    named = (row[1] for row in rows("methods.tsv") if row[0] == interface and method in [row[2], *row[3].split(",")])
    return next(named, method)


def named_calls(rule):
    """Interface and opnum of each call that a rule names; opnum None: any."""
    words = dict(re.findall(r"(?:^|\s)(\w+):(\S+)", rule))
    for name in words.get("uuid", "").split(","):
        for interface in interfaces(name):
            for method in words["opnum"].split(",") if "opnum" in words else [None]:
                yield interface, method and opnum(interface, method)


def tried_calls(table):
    """Interface, opnum and the name of the rule that is expected to decide, of each call of a golden table."""
    for interface, numbers, name in re.findall(r"^    (\w+):(\d[\d,-]*) .*=> \w+ \w+ id=(\S+)", table, re.M):
        for number in golden.opnums(numbers):
            yield interface, str(number), name
            yield interface, None, name


def head(text):
    """The comments that the policy begins with."""
    lines = text.split("\n")
    return "\n".join(lines[: next(i for i, line in enumerate(lines) if not line.startswith("#"))])


def problems_of_text(text, table):
    if not text.startswith("# SPDX-License-Identifier: "):
        yield "does not begin with its licence"
    for word in ("Blocks:", "Leaves:", "Edit:"):
        if "#" + " " + word not in head(text):
            yield "does not say '%s' at its top" % word
    names, tried = [], set(tried_calls(table))
    for rule in RULE.findall(text):
        name = re.search(r"(?:^|\s)id:(\S+)", rule)
        if not name:
            yield "a rule without id: " + rule[:60]
            continue
        names.append(name.group(1))
        if GUID.search(rule):
            yield "%s names an interface by its UUID" % name.group(1)
        for interface, number in named_calls(rule):
            if (interface, number, name.group(1)) not in tried:
                yield "%s: no call of its table is %s:%s" % (name.group(1), interface, number or "*")
    for name in {name for name in names if names.count(name) > 1}:
        yield "two rules have the id " + name
    if not names:
        yield "has no rules"


def problems_of_check(rpcfw, path, text, folder):
    places = PLACEHOLDER.findall(text)
    code, stderr = check(rpcfw, path)
    errors = re.findall(r": error: (.*)$", stderr, re.M)
    if code != (1 if places else 0):
        yield "as shipped, check answers %d" % code
    if len(errors) != len(places):
        yield "%d errors for %d placeholders" % (len(errors), len(places))
    for name, value in places:
        if not any(error.startswith("set %s, used in addr: '%s'" % (name, value)) for error in errors):
            yield "no error names the set " + name
    edited = os.path.join(folder, os.path.basename(path))
    with open(edited, "w", encoding="utf-8") as out:
        out.write(PLACEHOLDER.sub(lambda match: "set %s 192.0.2.1,2001:db8::/64" % match.group(1), text))
    code, stderr = check(rpcfw, edited, "--strict")
    if code != 0:
        yield "once edited, check --strict answers %d: %s" % (code, stderr.strip())


def main():
    rpcfw = sys.argv[1]
    paths = sorted(glob.glob(os.path.join(ROOT, "policies", "*.conf")))
    with open(os.path.join(ROOT, "docs", "policy.md"), encoding="utf-8") as reference:
        listed = re.findall(r"^\| `([\w-]+\.conf)` \|", reference.read(), re.M)
    problems = ["docs/policy.md: " + name for name in {os.path.basename(path) for path in paths} ^ set(listed)]
    with tempfile.TemporaryDirectory() as folder:
        for path in paths:
            name = os.path.basename(path)
            with open(path, encoding="utf-8") as policy:
                text = policy.read()
            table = os.path.join(ROOT, "tests", "golden", "policy_%s.tests" % name[:-5].replace("-", "_"))
            if not os.path.exists(table):
                problems.append("%s: has no table %s" % (name, os.path.basename(table)))
                continue
            with open(table, encoding="utf-8") as lines:
                found = list(problems_of_text(text, lines.read()))
            found += problems_of_check(rpcfw, path, text, folder)
            problems += ["%s: %s" % (name, problem) for problem in found]
    print("\n".join(problems + ["%d policies, %d problems" % (len(paths), len(problems))]))
    return 1 if problems or not paths else 0


if __name__ == "__main__":
    sys.exit(main())

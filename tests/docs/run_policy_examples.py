#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the examples of docs/policy.md.

usage: run_policy_examples.py RPCFW DOCUMENT

    ```policy [FLAGS]     a policy, with the flags of a golden table (tests/golden/run.py)
    ```file NAME          another file beside it, for include
    ```verdicts           what is expected of it: the lines that follow "expect:" in a golden table
    ```console            `$ rpcfw ...` and what it prints, run beside the policy as RpcFw.conf

Every policy must be followed by verdicts or a console. A rule within a line of text (`uuid:samr action:block`) must be one that is
taken, and under the heading "Mistakes ..." one that is refused.
"""
import os
import re
import shlex
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden"))
import run as golden  # noqa: E402

FENCES = ("policy", "file", "verdicts", "console")
INLINE = re.compile(r"`((?:(?:fw|flt|all):)?[a-z_]+:[^`\s][^`]*)`")
SETS = {"addr": "192.0.2.1", "sid": "BA", "uuid": "samr"}


def blocks(lines):
    """Each fenced block: kind, argument, number of its first line, lines."""
    opened = None
    for number, line in enumerate(lines, 1):
        if not line.startswith("```"):
            if opened:
                opened[3].append(line)
        elif opened:
            yield opened
            opened = None
        else:
            kind, _, argument = line[3:].partition(" ")
            opened = (kind, argument.strip(), number + 1, [])


def cases(document, lines, fail):
    """The golden cases of the document; consoles come with the case before them."""
    found = []
    for kind, argument, number, content in blocks(lines):
        if kind == "policy":
            found.append((golden.Case("example", number), []))
            found[-1][0].flags, found[-1][0].policy = argument.split(), content
        elif kind not in FENCES or not found:
            fail(number, "a block that is not run: '%s'" % kind)
        elif kind == "file":
            found[-1][0].files[argument] = content
        elif kind == "verdicts":
            found[-1][0].expect += [(number + i, line.strip()) for i, line in enumerate(content)]
        else:
            found[-1][1].append((number, content))
    for case, consoles in found:
        if not case.expect and not consoles:
            fail(case.line, "a policy of which nothing is expected")
    return found


def run_console(rpcfw, folder, number, content, fail):
    command, expected = content[0], content[1:]
    if not command.startswith("$ rpcfw "):
        fail(number, "does not begin with $ rpcfw")
        return
    done = subprocess.run([rpcfw] + shlex.split(command[8:]), cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          encoding="utf-8", timeout=60)
    for i, (is_now, should_be) in enumerate(zip(done.stdout.split("\n"), expected + [""])):
        if is_now != should_be:
            fail(number + i + 1, "prints '%s'" % is_now)
    if len(done.stdout.split("\n")) != len(expected) + 1:
        fail(number, "prints %d lines" % (len(done.stdout.split("\n")) - 1))


def prose(lines):
    """The lines outside of blocks, with the heading that they stand under."""
    inside, heading = False, ""
    for number, line in enumerate(lines, 1):
        if line.startswith("```"):
            inside = not inside
        elif not inside:
            heading = line if line.startswith("#") else heading
            yield number, heading, line


def inline_policy(text):
    """A policy of the rule alone, and of what it takes to be one."""
    rule = "action:block dry:true" if text == "dry:true" else text
    if "@NAME" not in text:
        return rule + "\n"
    return "set NAME %s\n%s\n" % (SETS[text.split(":")[0]], rule)


def check_inline(rpcfw, lines, folder, fail):
    checks = 0
    path = os.path.join(folder, "inline.conf")
    for number, heading, line in prose(lines):
        for text in INLINE.findall(line):
            if text == "key:value":
                continue
            with open(path, "w", encoding="utf-8") as out:
                out.write(inline_policy(text))
            code = subprocess.run([rpcfw, "check", path], capture_output=True, timeout=60).returncode
            if code != (1 if heading.startswith("## Mistakes") else 0):
                fail(number, "check answers %d to `%s`" % (code, text))
            checks += 1
    return checks


def main():
    rpcfw, document = os.path.abspath(sys.argv[1]), sys.argv[2]
    name, problems, checks = os.path.basename(document), [], 0
    with open(document, encoding="utf-8") as source:
        lines = source.read().split("\n")

    def fail(number, text):
        problems.append("%s:%d: %s" % (name, number, text))

    for case, consoles in cases(document, lines, fail):
        with tempfile.TemporaryDirectory() as folder:
            if case.expect:
                bad, done = golden.run_case(rpcfw, case, name, folder)
                problems += bad
                checks += done
            with open(os.path.join(folder, "RpcFw.conf"), "wb") as out:
                out.write(golden.policy_bytes(case))
            for number, content in consoles:
                run_console(rpcfw, folder, number, content, fail)
                checks += 1
    with tempfile.TemporaryDirectory() as folder:
        checks += check_inline(rpcfw, lines, folder, fail)
    print("\n".join(problems + ["%d checks, %d problems" % (checks, len(problems))]))
    return 1 if problems or not checks else 0


if __name__ == "__main__":
    sys.exit(main())

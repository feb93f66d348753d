#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs tables of command lines: files, then commands with their exact output.

usage: run.py RPCFW FILE.tests...

    case: what it shows
    file: NAME [gzip|zstd|xz|bzip2|cut|crlf|empty|link|fifo]
        ... its text, indented by four blanks; \\t stands for a tab ...
    run: EXIT-CODE ARGUMENTS...
        ... stdout, every line ...
    stderr:
        ... a part of stderr that must be there, line by line ...
    stdin: NAME
    full-stdout:

"run" and what follows it may stand several times; the files stay. "> NAME" behind a command keeps its output as a file,
and its lines are not compared then. "cut" takes the last bytes of a gzip file away; the text of a "link" is its target. A fifo
or link that was there must be one afterwards; what "-o" wrote into a fifo is not compared. "full-stdout" takes no byte.
"""
import bz2
import gzip
import lzma
import os
import stat
import struct
import subprocess
import sys
import tempfile


class Step:
    def __init__(self, line, words):
        self.line, self.code, self.keep = line, int(words[0]), None
        if len(words) > 2 and words[-2] == ">":
            self.keep, words = words[-1], words[:-2]
        self.arguments, self.stdout, self.stderr, self.stdin, self.full = words[1:], [], [], None, False


def read_table(path):
    cases, section = [], None
    with open(path, encoding="utf-8") as table:
        for number, line in enumerate(table.read().split("\n"), 1):
            key, _, rest = line.partition(":")
            rest = rest.strip()
            if key == "case":
                cases.append({"name": rest, "files": [], "steps": []})
            elif key == "file":
                section = []
                cases[-1]["files"].append((rest.split(), section))
            elif key == "run":
                cases[-1]["steps"].append(Step(number, rest.split()))
                section = cases[-1]["steps"][-1].stdout
            elif key == "stderr":
                section = cases[-1]["steps"][-1].stderr
            elif key == "stdin":
                cases[-1]["steps"][-1].stdin = rest
            elif key == "full-stdout":
                cases[-1]["steps"][-1].full = True
            elif line.startswith("    ") and section is not None:
                section.append(line[4:])
            elif line.startswith("#"):
                continue
            elif line.strip():
                sys.exit("%s:%d: cannot be read" % (path, number))
            elif section is not None:
                section.append("")
    return cases


def trimmed(lines):
    lines = list(lines)
    while lines and not lines[-1]:
        lines.pop()
    return lines


def zstd_frame(data):
    """The bytes as one frame with one block that is not compressed (RFC 8878 3.1.1)."""
    assert 256 <= len(data) < 65536
    return (b"\x28\xb5\x2f\xfd" + b"\x60" + struct.pack("<H", len(data) - 256) +
            struct.pack("<I", 1 | len(data) << 3)[:3] + data)


def write_file(folder, words, lines):
    if "link" in words or "fifo" in words:
        path = os.path.join(folder, words[0])
        return os.symlink(lines[0], path) if "link" in words else os.mkfifo(path)
    data = ("\n".join(trimmed(lines)) + "\n").replace("\\t", "\t").encode("utf-8", "surrogateescape")
    if "crlf" in words:
        data = data.replace(b"\n", b"\r\n")
    if "gzip" in words or "cut" in words:
        # Two members, as joined logs have.
        half = len(data) // 2
        data = gzip.compress(data[:half]) + gzip.compress(data[half:])
    if "xz" in words:
        data = lzma.compress(data)
    if "bzip2" in words:
        data = bz2.compress(data)
    if "empty" in words:
        data = b""
    if "cut" in words:
        data = data[:-12]
    if "zstd" in words:
        data = zstd_frame(data)
    with open(os.path.join(folder, words[0]), "wb") as out:
        out.write(data)


def kinds(folder):
    """What is a fifo and what a link: that must stay so."""
    modes = {name: stat.S_IFMT(os.lstat(os.path.join(folder, name)).st_mode) for name in os.listdir(folder)}
    return {name: mode for name, mode in modes.items() if mode in (stat.S_IFIFO, stat.S_IFLNK)}


def run_step(rpcfw, step, folder, fail):
    before = kinds(folder)
    # A reader of the fifo that the command writes to, for else it would wait for one.
    readers = [os.open(os.path.join(folder, name), os.O_RDWR | os.O_NONBLOCK) for name, mode in before.items()
               if mode == stat.S_IFIFO and "-o" in step.arguments and name in step.arguments]
    full = open("/dev/full", "wb") if step.full else None
    stdin = open(os.path.join(folder, step.stdin), "rb") if step.stdin else subprocess.DEVNULL
    done = subprocess.run([rpcfw] + step.arguments, cwd=folder, stdin=stdin, stdout=full or subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=60)
    for reader in readers:
        if not os.read(reader, 65536):
            fail(step, "nothing came through the fifo")
        os.close(reader)
    if full:
        full.close()
    if not before.items() <= kinds(folder).items():
        fail(step, "a fifo or link was replaced")
    if step.stdin:
        stdin.close()
    stdout, stderr = (done.stdout or b"").decode("utf-8"), done.stderr.decode("utf-8")
    if done.returncode != step.code:
        fail(step, "exit code %d instead of %d: %s%s" % (done.returncode, step.code, stdout, stderr))
    if step.keep:
        with open(os.path.join(folder, step.keep), "wb") as out:
            out.write(done.stdout)
    elif trimmed(stdout.split("\n")) != trimmed(step.stdout):
        fail(step, "stdout is\n" + "\n".join("    " + line for line in stdout.split("\n")))
    for line in trimmed(step.stderr):
        if line not in stderr.split("\n"):
            fail(step, "stderr lacks '%s':\n%s" % (line, stderr))


def main():
    rpcfw, problems, checks = os.path.abspath(sys.argv[1]), [], 0
    for path in sys.argv[2:]:
        for case in read_table(path):
            with tempfile.TemporaryDirectory() as folder:
                for words, lines in case["files"]:
                    write_file(folder, words, lines)
                for step in case["steps"]:
                    run_step(rpcfw, step, folder,
                             lambda step, text: problems.append("%s:%d: %s: %s" % (
                                 os.path.basename(path), step.line, case["name"], text)))
                    checks += 1
    for problem in problems:
        print(problem)
    print("%d checks, %d problems" % (checks, len(problems)))
    return 1 if problems or not checks else 0


if __name__ == "__main__":
    sys.exit(main())

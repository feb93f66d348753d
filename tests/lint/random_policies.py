#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the warnings about random policies to what they say.

usage: random_policies.py RPCFW [ROUNDS [FIRST-SEED]]

Rules are drawn from few values, so that they meet. A rule that is called never reached, never matching, a duplicate or a
contradiction decides nothing: without it, `rpcfw diff` must find no difference. One that is said to decide only calls of
which something is unknown may differ in those alone.
"""
import json
import os
import random
import re
import subprocess
import sys
import tempfile

VALUES = {
    "uuid": ["samr", "drsuapi", "svcctl", "samr,drsuapi", "!samr", "!samr,drsuapi"],
    "opnum": ["3", "1-9", "3,5", "!3", "!1-9", "0-65535", "!0-65535"],
    "iface_version": ["1.0", "1.0,4.0", "!1.0"],
    "addr": ["10.0.0.0/8", "10.1.0.0/16", "10.1.2.3,192.0.2.1", "!10.0.0.0/8", "!10.1.0.0/16", "::/0"],
    "prot": ["ncalrpc", "ncacn_np", "ncacn_np,ncalrpc", "ncacn_ip_tcp,ncalrpc", "!ncacn_np", "!ncalrpc"],
    "endpoint": ["lsarpc", "lsa*", r"\pipe\lsarpc,samr", "49152", "!lsarpc"],
    "sid": ["BA", "AN", "BA,AN", "!BA", "!BA,AN"],
    "user": [r"CORP\a*", r"CORP\*", r"CORP\ab", r"CORP\a?", r"*\ab,guest@*", r"!CORP\a*", r"!*\ab"],
    "auth": ["pkt", "privacy", "<pkt", "<none", "!pkt", "!<pkt"],
    "object": ["00000000-0000-0000-0000-000000000000", "9af51fcc-1a2b-11d2-8b8e-00c04fb92a3d",
               "!00000000-0000-0000-0000-000000000000"],
    "process": ["lsass.exe", "l*", "!lsass.exe", "s*"],
}
OUTCOMES = ["", "action:block", "action:block", "audit:true", "action:block audit:true", "action:block dry:true"]
NOTHING = re.compile(r"never reached|can never match|duplicate|contradiction")
UNKNOWN = re.compile(r"only calls of which (.*?) is unknown")


def draw_rule(draw, keys):
    words = ["%s:%s" % (key, draw.choice(VALUES[key])) for key in keys if draw.random() < 0.5]
    line = draw.choice(["fw:", "fw:", "fw:", "fw:", "all:", "flt:"])
    outcome = draw.choice(OUTCOMES)
    return line + " ".join(words + ([outcome] if outcome else []) or ["action:allow"])


def run(*arguments):
    return subprocess.run(arguments, capture_output=True, text=True, timeout=60)


def write(folder, name, lines):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as policy:
        policy.write("\n".join(lines) + "\n")
    return path


def differences(rpcfw, folder, lines, number):
    """What the policy without that line decides otherwise: classes of calls."""
    with_it = write(folder, "with.conf", lines)
    without = write(folder, "without.conf", lines[:number - 1] + ["#"] + lines[number:])
    done = run(rpcfw, "diff", "--json", with_it, without)
    if done.returncode not in (0, 1):
        raise SystemExit("diff: %s" % done.stderr)
    return json.loads(done.stdout)["differences"]


def is_unknown(difference, keys):
    """Whether one of the keys is unknown in all calls of the class. The version is unknown with its interface."""
    told = difference["class"]
    return any("unknown" in (told.get(key), key == "iface_version" and told.get("uuid")) for key in keys)


def run_round(rpcfw, seed, folder):
    """Returns how many warnings were tried."""
    draw = random.Random(seed)
    keys = draw.sample(sorted(VALUES), draw.choice([1, 2, 2, 3]))
    lines = ["option unknown lenient"] if draw.random() < 0.25 else []
    lines += [draw_rule(draw, keys) for _ in range(draw.randint(2, 7))]
    report = run(rpcfw, "check", "--json", write(folder, "with.conf", lines))
    tried = 0
    for warning in json.loads(report.stdout)["diagnostics"]:
        unknown = UNKNOWN.search(warning["message"])
        if not unknown and not NOTHING.search(warning["message"]):
            continue
        tried += 1
        found = differences(rpcfw, folder, lines, warning["line"])
        names = re.findall(r"(\w+):", unknown.group(1)) if unknown else []
        if not all(is_unknown(difference, names) for difference in found):
            raise SystemExit("seed %d: line %d: %s\nbut:\n%s\nin:\n%s" % (
                seed, warning["line"], warning["message"], "\n".join(map(str, found)), "\n".join(lines)))
    return tried


def main():
    rpcfw = sys.argv[1]
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 250
    first = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    with tempfile.TemporaryDirectory() as folder:
        tried = sum(run_round(rpcfw, seed, folder) for seed in range(first, first + rounds))
    print("%d policies, %d warnings hold" % (rounds, tried))
    return 0 if tried >= rounds // 4 else "too few warnings to show anything"


if __name__ == "__main__":
    sys.exit(main())

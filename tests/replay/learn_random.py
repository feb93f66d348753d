#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whatever was recorded: what learn makes of it passes `check --strict` and, replayed over it, blocks nothing.

usage: learn_random.py RPCFW [ROUNDS [FIRST-SEED]]
"""
import json
import os
import random
import subprocess
import sys
import tempfile

INTERFACES = ["e3514235-4b06-11d1-ab04-00c04fc2dcd2", "12345778-1234-abcd-ef00-0123456789ac",
              "c681d488-d850-11d0-8c52-00c04fd90f7e", "aaaaaaaa-0000-0000-0000-000000000001"]
# Among them all that a policy cannot hold as it is.
USERS = [("EX", "bob"), ("EX", "Bob"), ("EX", "a b"), ("EX", "a,b"), ("EX", "axb"), ("", "root"), ("", "*"),
         ("EX", "@x"), ("EX", ""), ("", "!bang"), ("EX", "q\"\\x\x01\u00e9"), ("E#X", "#h"),
         ("", "EX\\"), ("", "\\")]
ENDPOINTS = ["49667", "\\pipe\\lsass", "\\PIPE\\LSASS", "odd name", "\\pipe\\"]
PROCESSES = ["lsass.exe", "LSASS.EXE", "svc host.exe", "a*", "abc"]
KEYS = ["addr", "user", "sid", "prot", "auth", "process", "endpoint"]


def draw_event(draw):
    event = {"event.action": draw.choice(["rpc-call-allowed", "rpc-call-would-block"]),
             "rpc.interface.uuid": draw.choice(INTERFACES), "rpc.opnum": draw.randrange(8)}
    domain, user = draw.choice(USERS)
    told = {
        "source.ip": draw.choice(["10.0.%d.%d" % (draw.randrange(3), draw.randrange(4)), "::ffff:10.0.0.1",
                                  "fd00::%x" % draw.randrange(5)]),
        "user.name": user, "user.domain": domain,
        "user.id": "S-1-5-21-1-2-3-%d" % draw.randrange(1100, 1104),
        "rpc.protseq": draw.choice(["ncacn_ip_tcp", "ncacn_np"]),
        "rpc.auth.level": draw.choice(["DEFAULT", "NONE", "CONNECT", "PKT_INTEGRITY", "PKT_PRIVACY"]),
        "rpc.endpoint": draw.choice(ENDPOINTS), "process.name": draw.choice(PROCESSES),
        "@timestamp": "2026-11-22T%02d:00:00Z" % draw.randrange(24),
    }
    event.update((key, value) for key, value in told.items() if value and draw.random() < 0.75)
    return event


def run(arguments, folder):
    done = subprocess.run(arguments, cwd=folder, capture_output=True, timeout=60)
    return done.returncode, done.stdout.decode("utf-8"), done.stderr.decode("utf-8")


def run_round(rpcfw, seed, folder):
    draw = random.Random(seed)
    options = []
    if draw.random() < 0.8:
        options += ["--by", ",".join(draw.sample(KEYS, draw.randrange(1, len(KEYS) + 1)))]
    if draw.random() < 0.3:
        options += ["--addr-prefix", str(draw.randrange(33)), "--addr-prefix6", str(draw.randrange(129))]
    if draw.random() < 0.3:
        options += ["--block-rest"]
    with open(os.path.join(folder, "events"), "w", encoding="utf-8") as out:
        for _ in range(draw.choice([1, 5, 30, 200])):
            out.write(json.dumps(draw_event(draw)) + "\n")
    for arguments in (["learn", "--enforce", "-o", "learned.conf"] + options + ["events"],
                      ["check", "--strict", "learned.conf"], ["replay", "-p", "learned.conf", "events"]):
        code, stdout, stderr = run([rpcfw] + arguments, folder)
        if code or (arguments[0] == "replay" and "replayed: 0 blocked" not in stdout):
            print("seed %d: %s: exit code %d\n%s%s" % (seed, " ".join(arguments), code, stdout, stderr))
            return False
    return True


def main():
    rpcfw = os.path.abspath(sys.argv[1])
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 40
    first = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    with tempfile.TemporaryDirectory() as folder:
        good = sum(run_round(rpcfw, seed, folder) for seed in range(first, first + rounds))
    print("%d of %d rounds from seed %d good" % (good, rounds, first))
    return 0 if good == rounds and rounds else 1


if __name__ == "__main__":
    sys.exit(main())

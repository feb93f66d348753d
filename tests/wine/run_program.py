#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""run_program.py NAME [ARGUMENT …]: runs the test program NAME.exe in a Wine of its own; its exit code is the result."""
import os
import subprocess
import sys

import winebox


def main(name, *arguments):
    winebox.require_wine()
    with winebox.Box() as box:
        try:
            done = box.run_test_program(name, *arguments, timeout=int(os.environ.get('RPCFW_TEST_SECONDS', '240')))
        except subprocess.TimeoutExpired as expired:
            print((expired.stdout or b'').decode('utf-8', 'replace'), f'{name}: no end in sight, stopped', sep='\n')
            return 1
    print(done.stdout, done.stderr, sep='', end='')
    print(f'{name}: exit code {done.returncode}')
    return 1 if done.returncode else 0


if __name__ == '__main__':
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))

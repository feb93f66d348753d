#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What rpcfirewall.so shows of itself: its exports, what it needs, how it is linked."""
import subprocess
import sys

EXPORTS = {'rpcfw_agent_attach', 'rpcfw_agent_detach', 'rpcfw_agent_release', 'samba_init_module',
           'dcesrv_init_context'}


def lines_of(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def main():
    path = sys.argv[1]
    wrong = []
    exports = {line.split()[-1] for line in lines_of('nm', '-D', '--defined-only', path)}
    if exports != EXPORTS:
        wrong.append(f'exports {sorted(exports ^ EXPORTS)} too much or too little')
    dynamic = lines_of('readelf', '-dW', path)
    needed = [line.split('[')[1].rstrip(']') for line in dynamic if '(NEEDED)' in line]
    if needed != ['libc.so.6']:
        wrong.append(f'needs {needed}')
    flags = ' '.join(line for line in dynamic if 'FLAGS' in line)
    for flag in ('BIND_NOW', 'NODELETE'):
        if flag not in flags:
            wrong.append(f'is not linked with {flag}')
    segments = lines_of('readelf', '-lW', path)
    if any('GNU_STACK' in line and 'E' in line.split()[6] for line in segments):
        wrong.append('asks for an executable stack')
    if not any('GNU_RELRO' in line for line in segments):
        wrong.append('has no read-only relocations')
    for line in wrong:
        print(f'{path}: {line}')
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())

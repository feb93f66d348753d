#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The verb `names`, as people and as programs use it.

    test_names.py RPCFW
"""

import json
import subprocess
import sys

DRSUAPI = 'e3514235-4b06-11d1-ab04-00c04fc2dcd2'

# Arguments, exit code, texts that stdout holds, texts that it does not, texts that stderr holds.
CASES = [
    (['drsuapi'], 0, [DRSUAPI, 'MS-DRSR', '3  DRSGetNCChanges', '30  DRSReadNgcKey', 'T1003.006'], ['samr'], []),
    (['DrsUapi'], 0, [DRSUAPI], [], []),
    ([DRSUAPI], 0, ['drsuapi', '3  DRSGetNCChanges'], [], []),
    (['{' + DRSUAPI.upper() + '}'], 0, ['drsuapi'], [], []),
    ([DRSUAPI + ':3'], 0, ['DRSGetNCChanges', 'T1003.006', 'DCSync'], ['DRSBind'], []),
    (['drsuapi:drsgetncchanges'], 0, [DRSUAPI, '3  DRSGetNCChanges'], [], []),
    (['DRSGetNCChanges'], 0, [DRSUAPI, 'drsuapi', '3  DRSGetNCChanges'], ['DRSBind'], []),
    (['getncch'], 0, ['DRSGetNCChanges'], [], []),
    (['BaseReg*Key'], 0, ['BaseRegSaveKey ', 'BaseRegCreateKey'], ['BaseRegSaveKeyEx'], []),
    (['T1003.006'], 0, ['drsuapi', '2,3', 'DCSync'], ['T1003.002'], []),
    (['petitpotam'], 0, ['efsrpc ', 'efsrpc2', 'T1187'], [], []),
    (['efsrpc'], 0, ['c681d488-d850-11d0-8c52-00c04fd90f7e', 'df1941c5-fe89-4e79-bf10-463657acf44d'], [], []),
    (['\\pipe\\spoolss'], 0, ['12345678-1234-abcd-ef00-0123456789ab'], ['drsuapi'], []),
    (['IRemUnknown2:4'], 0, ['RemAddRef'], [], []),
    (['drsuapy'], 1, [], ['drsuapi'], ["nothing known of 'drsuapy'; did you mean 'drsuapi'?"]),
    (['drsuapi:DRSGetNCChange'], 1, [], [], ["did you mean 'DRSGetNCChanges'?"]),
    (['drsuapi:99'], 1, [], [], ['nothing known']),
    (['drsuapi:4294967299'], 1, [], [], ['nothing known']),
    (['drsuapi:'], 1, [], [], ['nothing known']),
    (['zzzzzz'], 1, [], [], ['nothing known']),
    ([''], 2, [], [], ['pattern']),
    (['x' * 300], 2, [], [], ['pattern']),
    (['a', 'b'], 2, [], [], ['one pattern']),
    (['--all'], 2, [], [], ['unknown option']),
]


def run(program, arguments):
    return subprocess.run([program, 'names'] + arguments, capture_output=True, encoding='utf-8', check=False)


def check_case(program, case):
    arguments, code, present, absent, said = case
    result = run(program, arguments)
    problems = [] if result.returncode == code else ['exit code %d' % result.returncode]
    problems += ['no %r' % text for text in present if text not in result.stdout]
    problems += ['%r' % text for text in absent if text in result.stdout]
    problems += ['stderr: %r' % result.stderr for text in said if text not in result.stderr]
    problems += ['blanks at the end of a line' for line in result.stdout.split('\n') if line != line.rstrip()][:1]
    return '%s: %s' % (arguments, ', '.join(problems)) if problems else None


def check_json(program):
    everything = json.loads(run(program, ['--json']).stdout)
    if len(everything['interfaces']) < 140 or len(run(program, []).stdout.splitlines()) != len(everything['interfaces']):
        return '--json: not all interfaces'
    interface = json.loads(run(program, ['drsuapi', '--json']).stdout)['interfaces'][0]
    methods = {method['opnum']: method for method in interface['methods']}
    if interface['uuid'] != DRSUAPI or interface['endpoints'] != ['tcp'] or 'IDL_DRSGetNCChanges' not in methods[3]['aliases']:
        return 'drsuapi --json: %s' % interface
    call = json.loads(run(program, ['--json', 'drsuapi:3']).stdout)['calls'][0]
    if call['opnum'] != 3 or 'T1003.006' not in [technique['id'] for technique in call['techniques']]:
        return 'drsuapi:3 --json: %s' % call
    nothing = run(program, ['zzzzzz', '--json'])
    if nothing.returncode != 1 or any(json.loads(nothing.stdout).values()):
        return 'zzzzzz --json: %s' % nothing.stdout
    return None


def main(arguments):
    failures = [check_case(arguments[0], case) for case in CASES] + [check_json(arguments[0])]
    failed = [failure for failure in failures if failure]
    print('\n'.join(failed))
    print('%d passed, %d failed' % (len(failures) - len(failed), len(failed)))
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))

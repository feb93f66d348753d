#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The generator refuses tables that are wrong, names the place, and writes nothing.

    test_generate.py PROJECT
"""

import os
import shutil
import subprocess
import sys
import tempfile

# What is wrong, the table, the text that is replaced in it (once), its replacement, and part of the message.
CASES = [
    ('a duplicate UUID', 'interfaces.tsv', '00020400-0000-', '00000143-0000-', 'out of order, or twice'),
    ('an upper-case UUID', 'interfaces.tsv', 'e3514235-4b06', 'E3514235-4b06', 'not a UUID'),
    ('a UUID cut short', 'interfaces.tsv', 'e3514235-4b06-11d1', 'e3514235-4b06-11d', 'not a UUID'),
    ('a version that is none', 'interfaces.tsv', '\t4.0\tMS-DRSR', '\t4\tMS-DRSR', 'not a version'),
    ('a name that no policy can hold', 'interfaces.tsv', 'drsuapi,drsr', 'drsuapi,drs r', 'cannot be a name'),
    ('a name of another interface', 'interfaces.tsv', 'drsuapi,drsr', 'drsuapi,samr', 'which has other methods'),
    ('a canonical name twice', 'interfaces.tsv', 'drsuapi,drsr', 'samr,drsr', "the canonical name 'samr'"),
    ('an endpoint that is none', 'interfaces.tsv', '\\pipe\\winreg', '\\winreg', 'not an endpoint'),
    ('a base that is not there', 'interfaces.tsv', '\tIRemUnknown\t', '\tIRemUnknow\t', 'no canonical name'),
    ('an interface that inherits from itself', 'interfaces.tsv', 'tcp\tIRemUnknown\t', 'tcp\tIRemUnknown2\t',
     'inherits from itself'),
    ('too few columns', 'interfaces.tsv', '\tMS-DRSR\tdrsuapi', '\tdrsuapi', '6 columns instead of 7'),
    ('an empty cell', 'interfaces.tsv', '\tMS-DRSR\t', '\t\t', 'an empty cell'),
    ('a character that is not ASCII', 'interfaces.tsv', 'remote registry', 'remote régistry', 'not printable ASCII'),
    ('a carriage return', 'interfaces.tsv', 'remote registry', 'remote registry\r', 'not printable ASCII'),
    ('an opnum twice', 'methods.tsv', 'drsuapi\t3\t', 'drsuapi\t2\t', 'out of order, or twice'),
    ('an opnum that is none', 'methods.tsv', 'drsuapi\t3\t', 'drsuapi\t0x3\t', 'not an opnum'),
    ('an opnum too large', 'methods.tsv', 'drsuapi\t30\t', 'drsuapi\t65536\t', 'not an opnum'),
    ('a method of no interface', 'methods.tsv', 'drsuapi\t3\t', 'drsuap\t3\t', "no interface 'drsuap'"),
    ('a method name twice', 'methods.tsv', 'DRSVerifyNames', 'DRSGetNCChanges', 'is the name of opnum'),
    ('a method name of digits', 'methods.tsv', 'DRSVerifyNames', '12', 'cannot be a name'),
    ('a reserved name with the wrong number', 'methods.tsv', 'Opnum12NotUsedOnWire', 'Opnum13NotUsedOnWire',
     'the name of another opnum'),
    ('an opnum of the base', 'methods.tsv', 'IRemUnknown2\t6\t', 'IRemUnknown2\t5\t', 'has this opnum'),
    ('a technique that is none', 'techniques.tsv', 'T1003.006\t', 'T1003.06\t', 'not a technique'),
    ('a technique called two ways', 'techniques.tsv', 'Dumping: DCSync\t', 'Dumping: DCSink\t', 'is called'),
    ('a technique of no interface', 'techniques.tsv', '\tdrsuapi\t', '\tdrsuap\t', "no interface 'drsuap'"),
    ('a technique of a method that is not known', 'techniques.tsv', '\t2,3\tDCSync', '\t2,3,99\tDCSync',
     'not in methods.tsv'),
    ('opnums out of order', 'techniques.tsv', '\t2,3\tDCSync', '\t3,2\tDCSync', 'out of order'),
    ('a range that ends before it begins', 'techniques.tsv', '\t2,3\tDCSync', '\t3-2\tDCSync', 'no opnum and no range'),
    ('no SPDX line', 'techniques.tsv', '# SPDX', '# spdx', 'the SPDX line'),
]


def run(folder, output):
    return subprocess.run([sys.executable, os.path.join(folder, 'generate.py'), output],
                          capture_output=True, encoding='utf-8', check=False)


def check_case(project, case):
    what, table, old, new, message = case
    with tempfile.TemporaryDirectory() as scratch:
        folder = os.path.join(scratch, 'catalog')
        output = os.path.join(scratch, 'tables.c')
        shutil.copytree(os.path.join(project, 'catalog'), folder, ignore=shutil.ignore_patterns('__pycache__'))
        path = os.path.join(folder, table)
        with open(path, encoding='ascii', newline='') as source:
            text = source.read()
        if old not in text:
            return '%s: the table no longer holds %r' % (what, old)
        with open(path, 'w', encoding='utf-8', newline='') as changed:
            changed.write(text.replace(old, new, 1))
        result = run(folder, output)
        if result.returncode != 1 or os.path.exists(output):
            return '%s: accepted' % what
        if message not in result.stderr or 'catalog/%s:' % table not in result.stderr:
            return '%s: says %s' % (what, result.stderr.strip())
    return None


def check_good(project):
    """The tables as they are: the same bytes each time, and no pointer that a loader would have to relocate."""
    with tempfile.TemporaryDirectory() as scratch:
        texts = []
        for name in ('first.c', 'second.c'):
            output = os.path.join(scratch, name)
            result = run(os.path.join(project, 'catalog'), output)
            if result.returncode != 0:
                return 'the tables as they are: %s' % result.stderr.strip()
            with open(output, encoding='ascii') as generated:
                texts.append(generated.read())
        if texts[0] != texts[1]:
            return 'two runs differ'
        if '*' in texts[0].split('catalog_texts[]')[0].split('*/', 1)[1] or '&' in texts[0].split('catalog_texts[]')[0]:
            return 'a pointer in the tables'
    return None


def main(arguments):
    project = os.path.abspath(arguments[0])
    failures = [check_good(project)] + [check_case(project, case) for case in CASES]
    failed = [failure for failure in failures if failure]
    print('\n'.join(failed))
    print('%d passed, %d failed' % (len(failures) - len(failed), len(failed)))
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))

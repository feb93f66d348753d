#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares the catalogue with reference tables that lie beside the project, where they do.

    check_reference.py PROJECT

Every interface name, method and dangerous call of those tables must be in the catalogue, under that name or with it as
an alias, or be explained by a row of catalog/absent.tsv. An explanation that no reference row needs is an error too.
Exit code 77 (skipped) without the reference tables. The project's own checks need none of them: `catalog/generate.py
--check` (catalog.generate; every build runs it too) holds the tables to their form, order and references, and
unit.catalog_test holds what C and policies look up to what the tables say.
"""

import json
import os
import re
import sys


def rows(path, columns):
    with open(path, encoding='ascii') as table:
        for number, line in enumerate(table, 1):
            if line.startswith('#'):
                continue
            cells = line.rstrip('\n').split('\t')
            if len(cells) != columns:
                sys.exit('%s:%d: %d columns instead of %d' % (path, number, len(cells), columns))
            yield ['' if cell == '-' else cell for cell in cells]


class Catalog:
    def __init__(self, folder):
        self.names, self.base, self.methods, self.techniques = {}, {}, {}, {}
        uuid_of = {}
        for uuid, _, _, names, _, base, _ in rows(os.path.join(folder, 'interfaces.tsv'), 7):
            self.names[uuid] = [name.lower() for name in names.split(',')]
            uuid_of[names.split(',')[0]] = uuid
            self.base[uuid] = base
            self.methods[uuid] = {}
        self.base = {uuid: uuid_of.get(base) for uuid, base in self.base.items()}
        for interface, opnum, name, aliases in rows(os.path.join(folder, 'methods.tsv'), 4):
            self.methods[uuid_of[interface]][int(opnum)] = [n.lower() for n in [name] + aliases.split(',') if n]
        for technique, _, interface, opnums, _, _ in rows(os.path.join(folder, 'techniques.tsv'), 6):
            self.techniques.setdefault(uuid_of[interface], []).append((technique, opnums))
        self.absent = {}
        for uuid, opnum, name, reason in rows(os.path.join(folder, 'absent.tsv'), 4):
            if not reason or (uuid, opnum, name) in self.absent:
                sys.exit('absent.tsv: %s %s %s: no reason, or twice' % (uuid, opnum, name))
            self.absent[uuid, opnum, name] = False

    def method_names(self, uuid, opnum):
        while uuid:
            if opnum in self.methods.get(uuid, {}):
                return self.methods[uuid][opnum]
            uuid = self.base.get(uuid)
        return []

    def serves(self, uuid, opnum, technique):
        """Whether the technique, or a sub-technique of it, has a row that covers the call."""
        for known, opnums in self.techniques.get(uuid, []):
            if known != technique and not known.startswith(technique + '.'):
                continue
            for part in opnums.split(','):
                first, _, last = part.partition('-')
                if part == '*' or (opnum is not None and int(first) <= opnum <= int(last or first)):
                    return True
        return False

    def explained(self, uuid, opnum, name):
        for key in ((uuid, opnum, name), (uuid, opnum, '*'), (uuid, '*', '*')):
            if key in self.absent:
                self.absent[key] = True
                return True
        return False


def check_names(catalog, data, missing):
    with open(os.path.join(data, 'opnum-names.json'), encoding='utf-8') as table:
        interfaces, methods = json.load(table)
    count = 0
    for uuid, name in interfaces.items():
        count += 1
        plain = name.split(' ')[0].lower() if name.endswith(' interface') else name.lower()
        if plain not in catalog.names.get(uuid, []) and not catalog.explained(uuid, '', name):
            missing.append('%s: no interface %s' % (uuid, name))
    for uuid, opnums in methods.items():
        for opnum, name in opnums.items():
            count += 1
            if name.lower() not in catalog.method_names(uuid, int(opnum)) and \
                    not catalog.explained(uuid, opnum, name):
                missing.append('%s: no method %s %s' % (uuid, opnum, name))
    return count


def check_dangers(catalog, data, missing):
    count = 0
    with open(os.path.join(data, 'danger_ops.tsv'), encoding='utf-8') as table:
        for line in table:
            _, uuid, _, _, opnums, methods, technique = (line.rstrip('\n').split('\t') + [''])[:7]
            count += 1
            if uuid not in catalog.names:
                missing.append('%s: no interface' % uuid)
                continue
            for opnum, name in re.findall(r'(\d+) (\w+)', methods):
                if name.lower() not in catalog.method_names(uuid, int(opnum)) and \
                        not catalog.explained(uuid, opnum, name):
                    missing.append('%s: no method %s %s' % (uuid, opnum, name))
            ids = re.findall(r'T\d{4}(?:\.\d{3})?', technique)
            for opnum in [None] if opnums == 'all' else map(int, opnums.split(',')):
                for identifier in ids:
                    text = '' if opnum is None else str(opnum)
                    if not catalog.serves(uuid, opnum, identifier) and not catalog.explained(uuid, text, identifier):
                        missing.append('%s: no technique %s for opnum %s' % (uuid, identifier, text or 'any'))
    return count


def check_rules(catalog, data, missing):
    """The interfaces of the published detection rules are known, and so are the opnums that they name."""
    count = 0
    with open(os.path.join(data, 'sigma_rules.tsv'), encoding='utf-8') as table:
        for line in table:
            count += 1
            _, _, _, uuids, opnums = line.split('\t')[:5]
            for uuid in uuids.split():
                if uuid not in catalog.names:
                    missing.append('%s: no interface' % uuid)
                for opnum in re.findall(r'\d+', opnums):
                    if not catalog.method_names(uuid, int(opnum)) and not catalog.explained(uuid, opnum, ''):
                        missing.append('%s: no method %s' % (uuid, opnum))
    return count


def main(arguments):
    project = os.path.abspath(arguments[0])
    data = os.path.join(os.path.dirname(project), 'shared', 'data')
    if not os.path.isdir(data):
        print('skipped: no reference tables beside the project')
        return 77
    catalog = Catalog(os.path.join(project, 'catalog'))
    missing = []
    count = sum(check(catalog, data, missing) for check in (check_names, check_dangers, check_rules))
    missing += ['absent.tsv: %s %s %s: nothing asks for it' % key for key, used in catalog.absent.items() if not used]
    print('\n'.join(missing))
    print('%d reference rows, %d explained, %d missing' % (count, sum(catalog.absent.values()), len(missing)))
    return 1 if missing else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Turns the tables of this folder into C.

    generate.py OUTPUT.c    checks the tables and writes the const tables that src/core/catalog.c reads
    generate.py --check     checks them only

Every error of every table is printed as FILE:LINE: what; the exit code is then 1 and nothing is written.
"""

import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
NAME = re.compile(r'[A-Za-z_][A-Za-z0-9_]*\Z')
UUID = re.compile(r'[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z')
VERSION = re.compile(r'\d{1,5}\.\d{1,5}\Z')
ENDPOINT = re.compile(r'(\\pipe\\[^,\\]+|tcp( \d{1,5})?|udp|http|ncalrpc)\Z')
TECHNIQUE = re.compile(r'T\d{4}(\.\d{3})?\Z')
OPNUM_MAX = 65535
NONE = 0xffff

errors = []


def wrong(place, what):
    errors.append('%s:%d: %s' % (place + (what,)))


def rows(name, columns):
    """The cells of each row of a table, with their place; wrong rows are reported and left out."""
    path = os.path.join(HERE, name)
    with open(path, 'rb') as table:
        lines = table.read().split(b'\n')
    if lines.pop() != b'':
        wrong((name, len(lines) + 1), 'no line feed at the end')
    if not lines or lines[0] != b'# SPDX-License-Identifier: Apache-2.0':
        wrong((name, 1), 'the first line is not the SPDX line')
    for number, raw in enumerate(lines, 1):
        place = (name, number)
        if raw.startswith(b'#'):
            continue
        if any(byte != 9 and not 0x20 <= byte < 0x7f for byte in raw):
            wrong(place, 'not printable ASCII')
            continue
        cells = raw.decode('ascii').split('\t')
        if len(cells) != columns:
            wrong(place, '%d columns instead of %d' % (len(cells), columns))
        elif any(cell != cell.strip() or not cell for cell in cells):
            wrong(place, 'an empty cell, or blanks around one; - stands for nothing')
        else:
            yield place, cells


def number(text, maximum):
    if not re.match(r'(0|[1-9]\d*)\Z', text) or int(text) > maximum:
        return None
    return int(text)


class Interface:
    def __init__(self, place, cells):
        self.place = place
        self.uuid, self.version, self.document, names, self.endpoints, self.base_name, self.description = [
            '' if cell == '-' else cell for cell in cells]
        self.names = names.split(',')
        self.methods = {}
        self.base = None

    def chain(self):
        """The interface and those that it inherits from, itself first."""
        seen = []
        interface = self
        while interface and interface not in seen:
            seen.append(interface)
            interface = interface.base
        return seen

    def check(self):
        if not UUID.match(self.uuid):
            wrong(self.place, "'%s' is not a UUID in lower case" % self.uuid)
        if self.version and not VERSION.match(self.version):
            wrong(self.place, "'%s' is not a version" % self.version)
        for name in self.names:
            if not NAME.match(name):
                wrong(self.place, "'%s' cannot be a name in a policy" % name)
        if len(set(name.lower() for name in self.names)) != len(self.names):
            wrong(self.place, 'a name twice')
        for endpoint in self.endpoints.split(',') if self.endpoints else []:
            if not ENDPOINT.match(endpoint):
                wrong(self.place, "'%s' is not an endpoint" % endpoint)


class Method:
    def __init__(self, place, opnum, name, aliases):
        self.place, self.opnum, self.name, self.aliases = place, opnum, name, aliases


def read_interfaces():
    interfaces = []
    for place, cells in rows('interfaces.tsv', 7):
        interface = Interface(place, cells)
        interface.check()
        if interfaces and interface.uuid <= interfaces[-1].uuid:
            wrong(place, 'out of order, or twice: sorted by UUID')
        interfaces.append(interface)
    by_canonical = {}
    for interface in interfaces:
        if by_canonical.setdefault(interface.names[0].lower(), interface) is not interface:
            wrong(interface.place, "the canonical name '%s' is another's too" % interface.names[0])
    by_canonical = {interface.names[0]: interface for interface in interfaces}
    for interface in interfaces:
        if interface.base_name:
            interface.base = by_canonical.get(interface.base_name)
            if not interface.base:
                wrong(interface.place, "inherits from '%s', which is no canonical name" % interface.base_name)
    for interface in interfaces:
        if interface.base and interface.chain()[-1].base:
            wrong(interface.place, 'inherits from itself')
    return interfaces, by_canonical


def read_methods(by_canonical):
    last = None
    for place, (interface_name, opnum_text, name, aliases_text) in rows('methods.tsv', 4):
        interface = by_canonical.get(interface_name)
        opnum = number(opnum_text, OPNUM_MAX)
        aliases = [] if aliases_text == '-' else aliases_text.split(',')
        if not interface:
            wrong(place, "no interface '%s'" % interface_name)
            continue
        if opnum is None:
            wrong(place, "'%s' is not an opnum" % opnum_text)
            continue
        for text in [name] + aliases:
            if not NAME.match(text):
                wrong(place, "'%s' cannot be a name in a policy" % text)
        reserved = re.match(r'Opnum(\d+)NotUsedOnWire\Z', name)
        if reserved and int(reserved.group(1)) != opnum:
            wrong(place, "'%s' is the name of another opnum" % name)
        key = (interface_name.lower(), opnum)
        if last is not None and key <= last:
            wrong(place, 'out of order, or twice: sorted by interface and opnum')
        last = key
        interface.methods[opnum] = Method(place, opnum, name, aliases)


def check_method_names(interfaces):
    for interface in interfaces:
        seen = {}
        for method in interface.methods.values():
            for name in [method.name] + method.aliases:
                if seen.setdefault(name.lower(), method) is not method:
                    wrong(method.place, "'%s' is the name of opnum %d too" % (name, seen[name.lower()].opnum))
        for base in interface.chain()[1:]:
            for opnum in set(interface.methods) & set(base.methods):
                wrong(interface.methods[opnum].place, 'the inherited %s has this opnum' % base.names[0])


def check_shared_names(interfaces):
    """A name stands for several UUIDs only where they are one interface under several UUIDs: the same methods."""
    owners = {}
    for interface in interfaces:
        for name in interface.names:
            owner = owners.setdefault(name.lower(), interface)
            if owner is interface:
                continue
            same = {o: m.name for o, m in owner.methods.items()} == {o: m.name for o, m in interface.methods.items()}
            if not same or not owner.methods or owner.base is not interface.base:
                wrong(interface.place, "'%s' is a name of %s too, which has other methods" % (name, owner.uuid))


class Technique:
    def __init__(self, place, cells):
        self.place = place
        self.id, self.name, self.interface_name, self.opnums, self.attack, self.source = cells
        self.ranges = []
        self.interface = None

    def read_opnums(self):
        if self.opnums == '*':
            self.ranges = [(0, OPNUM_MAX)]
            return
        for part in self.opnums.split(','):
            ends = [number(end, OPNUM_MAX) for end in part.split('-')]
            if not 1 <= len(ends) <= 2 or None in ends or ends[0] > ends[-1]:
                wrong(self.place, "'%s' is no opnum and no range" % part)
                return
            if self.ranges and ends[0] <= self.ranges[-1][1]:
                wrong(self.place, 'opnums out of order')
            self.ranges.append((ends[0], ends[-1]))
        known = set()
        for interface in self.interface.chain():
            known.update(interface.methods)
        for first, last in self.ranges:
            for opnum in range(first, last + 1):
                if opnum not in known:
                    wrong(self.place, 'opnum %d of %s is not in methods.tsv' % (opnum, self.interface_name))


def read_techniques(by_canonical):
    techniques = []
    names = {}
    for place, cells in rows('techniques.tsv', 6):
        technique = Technique(place, cells)
        technique.interface = by_canonical.get(technique.interface_name)
        if not TECHNIQUE.match(technique.id):
            wrong(place, "'%s' is not a technique" % technique.id)
        if names.setdefault(technique.id, technique.name) != technique.name:
            wrong(place, "%s is called '%s' above" % (technique.id, names[technique.id]))
        if not technique.interface:
            wrong(place, "no interface '%s'" % technique.interface_name)
            continue
        technique.read_opnums()
        key = (technique.id, technique.interface_name.lower(), technique.attack)
        if techniques and key <= techniques[-1][0]:
            wrong(place, 'out of order, or twice: sorted by technique, interface and attack')
        techniques.append((key, technique))
    return [technique for _, technique in techniques]


class Texts:
    """All strings in one array: tables hold offsets, so that nothing needs a relocation."""

    def __init__(self):
        self.offsets = {'': 0}
        self.list = ['']
        self.size = 1

    def add(self, text):
        if text not in self.offsets:
            self.offsets[text] = self.size
            self.list.append(text)
            self.size += len(text) + 1
        return self.offsets[text]


def c_string(text):
    return '"' + text.replace('\\', '\\\\').replace('"', '\\"') + '\\0"'


def c_guid(uuid):
    digits = uuid.replace('-', '')
    tail = ', '.join('0x' + digits[i:i + 2] for i in range(16, 32, 2))
    return '{0x%s, 0x%s, 0x%s, {%s}}' % (digits[:8], digits[8:12], digits[12:16], tail)


def c_table(kind, name, lines):
    count = 'const size_t %s_count = %d;\n' % (name, len(lines))
    return 'const struct %s %s[] = {\n    %s,\n};\n%s\n' % (kind, name, ',\n    '.join(lines), count)


def generate(interfaces, techniques):
    texts = Texts()
    # The order of guid_compare() is that of the bytes in memory, which is not that of the text.
    def in_memory(interface):
        raw = bytes.fromhex(interface.uuid.replace('-', ''))
        return raw[3::-1] + raw[5:3:-1] + raw[7:5:-1] + raw[8:]
    interfaces = sorted(interfaces, key=in_memory)
    index = {interface: i for i, interface in enumerate(interfaces)}

    interface_rows, method_rows, method_name_rows = [], [], []
    technique_of = {}
    for i, technique in enumerate(techniques):
        technique_of.setdefault(technique.interface, []).append(i)
    technique_list = []
    for interface in interfaces:
        methods = [interface.methods[opnum] for opnum in sorted(interface.methods)]
        names = sorted((name.lower(), name, i) for i, method in enumerate(methods)
                       for name in [method.name] + method.aliases)
        own = technique_of.get(interface, [])
        interface_rows.append('{%s, %d, %d, %d, %d, %d, %d, %d, %d, %d, %d, %d, %d, %d}' % (
            c_guid(interface.uuid), texts.add(interface.names[0]), texts.add(','.join(interface.names)),
            texts.add(interface.version), texts.add(interface.document), texts.add(interface.endpoints),
            texts.add(interface.description), len(method_rows), len(method_name_rows), len(technique_list),
            len(methods), len(names), len(own), index[interface.base] if interface.base else NONE))
        method_name_rows += ['{%d, %d}' % (texts.add(name), len(method_rows) + i) for _, name, i in names]
        method_rows += ['{%d, %d, %d}' % (texts.add(method.name), texts.add(','.join(method.aliases)), method.opnum)
                        for method in methods]
        technique_list += own

    name_rows = sorted((name.lower(), index[interface], name) for interface in interfaces for name in interface.names)
    name_rows = ['{%d, %d}' % (texts.add(name), i) for _, i, name in name_rows]
    technique_rows, range_rows = [], []
    for technique in techniques:
        technique_rows.append('{%d, %d, %d, %d, %d, %d, %d, %d}' % (
            texts.add(technique.id), texts.add(technique.name), texts.add(technique.opnums),
            texts.add(technique.attack), texts.add(technique.source), len(range_rows), len(technique.ranges),
            index[technique.interface]))
        range_rows += ['{%d, %d}' % ends for ends in technique.ranges]

    out = ['/* Generated by catalog/generate.py from the tables beside it. */\n#include "core/catalog_tables.h"\n\n']
    out.append(c_table('catalog_interface', 'catalog_interfaces', interface_rows))
    out.append(c_table('catalog_name', 'catalog_interface_names_index', name_rows))
    out.append(c_table('catalog_method', 'catalog_methods', method_rows))
    out.append(c_table('catalog_name', 'catalog_method_names_index', method_name_rows))
    out.append(c_table('catalog_technique', 'catalog_techniques', technique_rows))
    out.append(c_table('catalog_opnum_range', 'catalog_opnum_ranges', range_rows))
    out.append('const uint16_t catalog_interface_techniques[] = {%s};\n\n' % ', '.join(map(str, technique_list)))
    out.append('const char catalog_texts[] =\n%s;\n' % '\n'.join('    ' + c_string(text) for text in texts.list))
    return ''.join(out)


def main(arguments):
    if len(arguments) != 1:
        sys.stderr.write(__doc__)
        return 2
    interfaces, by_canonical = read_interfaces()
    read_methods(by_canonical)
    check_method_names(interfaces)
    check_shared_names(interfaces)
    techniques = read_techniques(by_canonical)
    if errors:
        sys.stderr.write(''.join('catalog/%s\n' % error for error in errors))
        return 1
    if arguments[0] == '--check':
        print('%d interfaces, %d methods, %d technique rows' % (
            len(interfaces), sum(len(interface.methods) for interface in interfaces), len(techniques)))
        return 0
    text = generate(interfaces, techniques)
    with open(arguments[0], 'w', encoding='ascii') as output:
        output.write(text)
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))

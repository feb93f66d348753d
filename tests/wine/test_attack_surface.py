#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Everything that the firewall makes on a host is listed in docs/attack-surface.md, and reached by whom that says.

Install, protect a server, and look: each named object, registry key, service and file that is there now and was not before
must be in the table below and in the document; each is read back. Wine keeps no access lists of files, and its registry
keys inherit nothing: what it tells of those is checked as far as it goes, the rest where the descriptors are made
(wine.policy_section, wine.json_file, wine.manager_file_access).
"""
import os
import re
import unittest

import rpccaller
import winebox
from firewall import Firewall

SYSTEM, ADMINISTRATORS, USERS, EVERYONE = 'S-1-5-18', 'S-1-5-32-544', 'S-1-5-32-545', 'S-1-1-0'
LOCAL_SERVICE, NETWORK_SERVICE, SERVICES, INTERACTIVE = 'S-1-5-19', 'S-1-5-20', 'S-1-5-6', 'S-1-5-4'
TRUSTED = {SYSTEM, ADMINISTRATORS}
AGENTS = {LOCAL_SERVICE, NETWORK_SERVICE, SERVICES}

# [MS-DTYP] 2.4.3, winnt.h. What lets somebody change an object, who may reach it, or end it.
GENERIC_ALL, GENERIC_WRITE, WRITE_OWNER, WRITE_DAC, DELETE = 0x10000000, 0x40000000, 0x80000, 0x40000, 0x10000
CHANGE = GENERIC_ALL | GENERIC_WRITE | WRITE_OWNER | WRITE_DAC | DELETE
SECTION_READ = 0x20004                  # READ_CONTROL, SECTION_MAP_READ
KEY_CHANGE = CHANGE | 0x2 | 0x4 | 0x20  # set values, make subkeys and links
SERVICE_LOOK = 0x2018D                  # query, enumerate, interrogate, read the descriptor: no start, no stop
AUTO_START, OWN_PROCESS = 2, 0x10

DOCUMENT = winebox.SOURCE / 'docs/attack-surface.md'
EVENT_LOG = r'SYSTEM\CurrentControlSet\Services\EventLog\RPCFW'

# Pattern of what is found: how the document calls it.
NAMES = {
    r'Section RpcFwControl': r'`Global\RpcFwControl`',
    r'Section RpcFwPolicy-\d+': r'`Global\RpcFwPolicy-N`',
    r'Mutant RpcFwManager': r'`Global\RpcFwManager`',
}
KEYS = {
    re.escape(EVENT_LOG): r'Services\EventLog\RPCFW`',
    re.escape(EVENT_LOG) + r'\\RPCFW': r'Services\EventLog\RPCFW`',
    r'SOFTWARE\\RPC Firewall': r'`HKLM\SOFTWARE\RPC Firewall`',
    r'SYSTEM\\CurrentControlSet\\Services\\RPC Firewall': 'service `RPC Firewall`',
}
FILES = {
    'windows/system32/rpcFirewall.dll': r'`System32\rpcFirewall.dll`',
    'windows/system32/rpcMessages.dll': r'`System32\rpcMessages.dll`',
    'Program Files/RPC Firewall': r'`Program Files\RPC Firewall`',
    'Program Files/RPC Firewall/rpcFwManager.exe': r'`Program Files\RPC Firewall`',
    'Program Files/RPC Firewall/RpcFw.conf': '`RpcFw.conf`',
    'rpcfw/RpcFw.conf': '`RpcFw.conf`',
    'rpcfw/audit.jsonl': 'audit file',
}


def match(found, table):
    """The document's word for what was found, or None."""
    return next((word for pattern, word in table.items() if re.fullmatch(pattern, found)), None)


class AttackSurface(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.box = winebox.Box()
        cls.addClassCleanup(cls.box.close)
        cls.text = DOCUMENT.read_text(encoding='utf-8')
        cls.firewall = Firewall(cls.box, install=False)
        # All the registry and files that Wine makes when its services first start are there before the comparison.
        port = rpccaller.free_port()
        cls.server = cls.box.start_test_program('rpc_server', '--tcp', port)
        cls.before = cls.look()
        cls.firewall.must('install')
        cls.firewall.write_policy('action:allow audit:true')
        cls.firewall.must('update')
        cls.firewall.protect(cls.server)
        cls.after = cls.look()
        rpccaller.call_once(port, rpccaller.ADD, 1, 2)
        cls.firewall.wait_calls(1)
        cls.new = {kind: sorted(cls.after[kind] - cls.before[kind]) for kind in cls.after}
        cls.new['files'] = sorted(cls.files() - cls.before['files'])

    @classmethod
    def helper(cls, *arguments):
        done = cls.box.run_test_program('attack_surface', *arguments)
        if done.returncode != 0:
            raise AssertionError(f'attack_surface {arguments}: {done.stdout}{done.stderr}')
        return done.stdout.splitlines()

    @classmethod
    def files(cls):
        return {os.path.relpath(os.path.join(folder, name), cls.box.drive_c)
                for folder, folders, names in os.walk(cls.box.drive_c) for name in folders + names
                if '/Temp/' not in folder and '/temp' not in folder}

    @classmethod
    def look(cls):
        return {'names': set(cls.helper('names')), 'keys': set(cls.helper('keys')), 'files': cls.files()}

    def access(self, kind, name):
        """(owner, [(allow or deny, SID, mask)])"""
        lines = [line.split() for line in self.helper(kind, name)]
        self.assertEqual(lines[0][0], 'owner', lines)
        self.assertNotIn(['null'], lines, name)
        return lines[0][1], [(word, sid, int(mask, 16)) for word, sid, mask in lines[1:]]

    def test_everything_new_is_in_the_document(self):
        for kind, table in (('names', NAMES), ('keys', KEYS), ('files', FILES)):
            for found in self.new[kind]:
                word = match(found, table) if kind != 'files' else table.get(found)
                self.assertIsNotNone(word, f'{kind}: {found} is in no table')
                self.assertIn(word, self.text, found)

    def test_what_must_be_there(self):
        """Else the test above could look at nothing."""
        self.assertIn('Section RpcFwControl', self.new['names'])
        self.assertTrue([name for name in self.new['names'] if name.startswith('Section RpcFwPolicy-')], self.new['names'])
        self.assertIn(EVENT_LOG, self.new['keys'])
        self.assertIn(r'SOFTWARE\RPC Firewall', self.new['keys'])
        self.assertIn(r'SYSTEM\CurrentControlSet\Services\RPC Firewall', self.new['keys'])
        for name in ('windows/system32/rpcFirewall.dll', 'windows/system32/rpcMessages.dll', 'rpcfw/audit.jsonl'):
            self.assertIn(name, self.new['files'])

    def test_sections(self):
        for found in self.new['names']:
            kind, _, name = found.partition(' ')
            if kind != 'Section':
                continue
            owner, entries = self.access('section', 'Global\\' + name)
            self.assertEqual(owner, ADMINISTRATORS, name)
            self.assertEqual({sid for _, sid, _ in entries}, TRUSTED | AGENTS, name)
            for word, sid, mask in entries:
                self.assertEqual(word, 'allow', name)
                if sid in AGENTS:
                    self.assertEqual(mask, SECTION_READ, (name, sid))

    def test_keys(self):
        for name in self.new['keys']:
            owner, entries = self.access('key', name)
            self.assertIn(owner, TRUSTED, name)
            for word, sid, mask in entries:
                if word == 'allow' and sid not in TRUSTED:
                    self.assertEqual(mask & KEY_CHANGE, 0, (name, sid, hex(mask)))

    def test_a_user_who_is_no_administrator(self):
        """The same account without the group; with it each is opened, so that what denies is the access list.

        Not asked of keys, whose lists Wine tells and does not hold anybody to.
        """
        for found in self.new['names']:
            kind, _, name = found.partition(' ')
            if kind != 'Section':
                continue
            for access in ('section-read', 'section-write'):
                self.assertEqual(self.helper('try', access, 'Global\\' + name), ['opened'], (access, name))
                self.assertEqual(self.helper('try', access, 'Global\\' + name, 'user'), ['denied'], (access, name))

    def test_files_belong_to_administrators(self):
        """Owners alone: Wine makes up the list from the permissions of Linux."""
        for name in self.new['files']:
            owner, _ = self.access('file', 'C:\\' + name.replace('/', '\\'))
            self.assertNotIn(owner, (EVERYONE, USERS), name)

    def test_service(self):
        # Wine's services keep one descriptor for all; what ours asks for is seen by wine.service_settings.
        _, entries = self.access('service', 'RPC Firewall')
        self.assertTrue({sid for word, sid, mask in entries if word == 'allow' and mask & CHANGE} <= TRUSTED, entries)
        config = dict(line.split(' ', 1) for line in self.helper('config', 'RPC Firewall'))
        self.assertRegex(config['path'], r'^"[A-Z]:\\Program Files\\RPC Firewall\\rpcFwManager\.exe" \S+$')
        self.assertEqual((int(config['start']), int(config['type'])), (AUTO_START, OWN_PROCESS))
        self.assertEqual(config['account'], 'LocalSystem')


if __name__ == '__main__':
    winebox.main()

# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules for AppArmor: that its parser takes them, and when install, uninstall and doctor do what with them.

No kernel that enforces is at hand: the list of loaded profiles is made up, and a parser that only writes down what it is to
load stands before the real one. That the rules are enough for the agent is not shown.
"""
import json
import os
import shutil
import subprocess
import unittest
from pathlib import Path

import sandbox

sandbox.enter()
sandbox.make_private()

from hostfirewall import POLICY, HostFirewall                       # noqa: E402

PARSER, REAL = Path('/usr/sbin/apparmor_parser'), Path('/usr/sbin/apparmor_parser.real')
if not PARSER.exists():
    sandbox.skip('no apparmor_parser here; scripts/install-packages test installs it')

SOURCE = sandbox.SOURCE / 'packaging/apparmor/rpcfw'
PROFILES, SECURITY = Path('/etc/apparmor.d'), Path('/sys/kernel/security')
ABSTRACTION = PROFILES / 'abstractions/samba'
RULES = PROFILES / 'abstractions/samba.d/rpcfw'
RELOADED = Path('/run/apparmor-reloaded')
LIBRARY = sandbox.module_directory().parent / 'rpcfw'
PROFILE = '''abi <abi/3.0>,
include <tunables/global>
profile {name} /usr/sbin/{name} {{
  include <abstractions/{abstraction}>
}}
'''


def parse(path, *options):
    return subprocess.run([PARSER, '-Q', '-K', '-T', *options, path], capture_output=True, text=True, check=False)


class AppArmor(unittest.TestCase):
    def setUp(self):
        self.firewall = HostFirewall()
        for name, abstraction in (('smbd', 'samba'), ('samba-dcerpcd', 'samba'), ('winbindd', 'base')):
            (PROFILES / name).write_text(PROFILE.format(name=name, abstraction=abstraction))
            self.addCleanup((PROFILES / name).unlink)

    def tearDown(self):
        subprocess.run([sandbox.RPCFW, 'uninstall'], capture_output=True, check=False)
        sandbox.end_processes(sandbox.pids_named('rpcfw'))
        for path in (POLICY.parent, Path('/run/rpcfw'), Path('/var/lib/rpcfw'), LIBRARY, RULES.parent):
            shutil.rmtree(path, ignore_errors=True)

    def pretend_kernel(self, *loaded, code=0):
        """A kernel that has these profiles loaded, and a parser that writes down what it is to load."""
        subprocess.run(['mount', '-t', 'tmpfs', 'tmpfs', str(SECURITY)], check=True)
        self.addCleanup(lambda: subprocess.run(['umount', str(SECURITY)], check=True))
        (SECURITY / 'apparmor').mkdir()
        (SECURITY / 'apparmor/profiles').write_text(''.join(line + '\n' for line in loaded))
        RELOADED.write_text('')
        PARSER.rename(REAL)
        self.addCleanup(lambda: REAL.rename(PARSER))
        PARSER.write_text(f'#!/bin/sh\ncase $1 in -N) exec {REAL} "$@" ;; esac\necho "$@" >>{RELOADED}\nexit {code}\n')
        os.chmod(PARSER, 0o755)

    def install(self):
        done = self.firewall.rpcfw('install')
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)
        return done

    def apparmor_findings(self):
        checks = json.loads(self.firewall.rpcfw('doctor', '--json').stdout)['checks']
        return [check for check in checks if check['check'] == 'apparmor' and check['level'] != 'good']

    # ---- The rules ----

    def test_parser_takes_the_rules(self):
        self.assertNotIn('rpcfw', parse(PROFILES / 'smbd', '-p').stdout)
        RULES.parent.mkdir()
        shutil.copy(SOURCE, RULES)
        done = parse(PROFILES / 'smbd')
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertIn('rpcfw/{control,events,processes} rwl', parse(PROFILES / 'smbd', '-p').stdout)
        # And it would have told of a mistake.
        RULES.write_text(SOURCE.read_text().replace('rwl,', 'rwl', 1))
        self.assertNotEqual(0, parse(PROFILES / 'smbd').returncode)

    # ---- install, uninstall ----

    def test_placed_and_removed(self):
        self.install()
        self.assertEqual(SOURCE.read_bytes(), RULES.read_bytes())
        self.assertEqual((0o644, 0), (RULES.stat().st_mode & 0o7777, RULES.stat().st_uid))
        self.firewall.must('uninstall')
        self.assertFalse(RULES.parent.exists())

    def test_other_rules_stay(self):
        RULES.parent.mkdir()
        (RULES.parent / 'site').write_text('# of the site\n')
        self.install()
        self.firewall.must('uninstall')
        self.assertEqual(['site'], [path.name for path in RULES.parent.iterdir()])

    def test_foreign_rules(self):
        RULES.parent.mkdir()
        RULES.write_text('# of the administrator\n')
        done = self.firewall.rpcfw('install')
        self.assertEqual(2, done.returncode)
        self.assertIn(str(RULES), done.stderr)
        self.assertEqual('# of the administrator\n', RULES.read_text())

    def test_without_apparmor(self):
        subprocess.run(['mount', '-t', 'tmpfs', 'tmpfs', str(PROFILES)], check=True)
        self.addCleanup(lambda: subprocess.run(['umount', str(PROFILES)], check=True))
        self.install()
        self.assertEqual([], list(PROFILES.iterdir()))

    def test_loaded_profiles_are_loaded_again(self):
        self.pretend_kernel('smbd (enforce)', 'winbindd (enforce)', 'something else (complain)')
        told = self.install().stdout
        self.assertIn(f'AppArmor: loaded {PROFILES}/smbd again', told)
        # samba-dcerpcd is not loaded, winbindd's profile does not include the rules.
        self.assertEqual([f'-r -T -W {PROFILES}/smbd'], RELOADED.read_text().splitlines())
        RELOADED.write_text('')
        self.firewall.must('uninstall')
        self.assertEqual([f'-r -T -W {PROFILES}/smbd'], RELOADED.read_text().splitlines())

    def test_nothing_is_loaded(self):
        self.pretend_kernel()
        self.assertNotIn('AppArmor', self.install().stdout)
        self.assertEqual('', RELOADED.read_text())

    def test_parser_that_fails(self):
        self.pretend_kernel('smbd (enforce)', code=1)
        done = self.install()
        self.assertIn(f'look at: apparmor_parser -r -T -W {PROFILES}/smbd', done.stderr)
        self.assertNotIn('again', done.stdout)

    def test_no_parser(self):
        self.pretend_kernel('smbd (enforce)')
        PARSER.unlink()
        self.addCleanup(PARSER.touch)
        self.assertIn('there is no apparmor_parser', self.install().stderr)

    # ---- doctor ----

    def test_doctor(self):
        self.pretend_kernel('smbd (enforce)', 'winbindd (enforce)', 'samba-dcerpcd (complain)', 'nmbd (enforce)')
        self.install()
        found = self.apparmor_findings()
        self.assertEqual(['AppArmor confines winbindd'], [check['text'].split(';')[0] for check in found])
        self.assertIn('<abstractions/samba>', found[0]['mend'])
        RULES.unlink()
        self.assertEqual(2, len(self.apparmor_findings()))
        self.install()
        # As AppArmor 2 has it.
        text = ABSTRACTION.read_text()
        self.addCleanup(ABSTRACTION.write_text, text)
        ABSTRACTION.write_text(text.replace('<abstractions/samba.d>', '<abstractions/other.d>'))
        self.assertEqual(2, len(self.apparmor_findings()))


if __name__ == '__main__':
    sandbox.main()

# SPDX-License-Identifier: GPL-3.0-or-later
"""rpcfw serve and rpcfw audit, in a host of their own: what is written where, and what becomes of events when things fail.

No Samba runs here: put_events stands in for the agents, whose events are held to the real thing in the other tests.
"""
import contextlib
import grp
import gzip
import json
import os
import random
import shutil
import signal
import stat
import subprocess
import sys
import time
import unittest
from pathlib import Path

import sandbox
from sandbox import BUILD, RPCFW, wait_until

PUT = BUILD / 'tests/samba/state/put_events'
DIE_IN_WRITE = BUILD / 'tests/samba/state/die_in_write.so'
RUN, LOG, CONF = Path('/run/rpcfw'), Path('/var/log/rpcfw'), Path('/etc/rpcfw/RpcFw.conf')
AUDIT = LOG / 'audit.jsonl'
POLICY = 'uuid:drsuapi action:block audit:true\n'
HOSTILE = ['%s', 'EX%0aAMPLE\\a%0db', 'q"uo\\te\\', '%ff%fe%80', '%e2%80%aeevil', '%1b[31mred', '{"a":1}', '%c3%a9t%c3%a9',
           'A' * 400, '%ed%a0%80', '\\', '%7f%01%02', "RPCFW_ACTION=x%0aMESSAGE=forged", '%c2%9b2J'] + \
          [f'u%{byte:02x}v' for byte in range(1, 256)]


def put(count, *words):
    """Puts events; how many found room."""
    done = subprocess.run([PUT, str(count), *words], stdout=subprocess.PIPE, text=True, check=True, timeout=120)
    return int(done.stdout)


def lines(*paths):
    """All events in these files: every line must be whole and valid."""
    found = []
    for path in paths:
        data = path.read_bytes()
        assert not data or data.endswith(b'\n'), f'{path} ends in half a line'
        found += [json.loads(line) for line in data.decode('utf-8').splitlines()]
    return found


def numbers(events):
    return [event['rpc']['policy']['generation'] for event in events if event['event']['action'].startswith('rpc-call')]


def actions(events):
    return [event['event']['action'] for event in events]


def fields(entry):
    """A record of the journal's native protocol, in its binary form."""
    found, at = {}, 0
    while at < len(entry):
        end = entry.index(b'\n', at)
        size = int.from_bytes(entry[end + 1:end + 9], 'little')
        found.setdefault(entry[at:end].decode(), []).append(entry[end + 9:end + 9 + size])
        at = end + 9 + size + 1
    return found


class RawJournal(sandbox.Journal):
    """As bytes."""

    def _read(self):
        while True:
            self.entries.append(self._socket.recv(1 << 20))

    def records(self):
        return [fields(entry) for entry in list(self.entries)]

    def says(self, *words):
        return any(all(word in record['MESSAGE'][0].decode('utf-8') for word in words) for record in self.records())


class ServiceTest(unittest.TestCase):
    journal = None

    @classmethod
    def setUpClass(cls):
        if ServiceTest.journal is None:
            ServiceTest.journal = RawJournal()

    def setUp(self):
        self.journal.entries.clear()
        self.service = None
        CONF.parent.mkdir(mode=0o700, exist_ok=True)
        self.write_policy(POLICY)
        self.addCleanup(self.clean_up)

    def clean_up(self):
        if self.service and self.service.poll() is None:
            self.service.kill()
            self.service.communicate()
        subprocess.run(['umount', '-q', LOG], check=False, stderr=subprocess.DEVNULL)
        for path in (RUN, LOG, CONF.parent, Path('/var/lib/rpcfw')):
            shutil.rmtree(path, ignore_errors=True)

    @staticmethod
    def write_policy(text):
        CONF.write_text(text, encoding='utf-8')
        CONF.chmod(0o600)

    def serve(self, *words):
        listener = sandbox.socket.socket(sandbox.socket.AF_UNIX, sandbox.socket.SOCK_DGRAM)
        self.addCleanup(listener.close)
        listener.bind('\0rpcfw-test-notify')
        listener.settimeout(10)
        self.service = subprocess.Popen([RPCFW, 'serve', *words], stderr=subprocess.PIPE, text=True,
                                        env={**os.environ, 'NOTIFY_SOCKET': '@rpcfw-test-notify'})
        self.assertIn(b'READY=1', listener.recv(4096))
        listener.close()

    def stop(self, number=signal.SIGTERM):
        self.service.send_signal(number)
        _, errors = self.service.communicate(timeout=20)
        returncode, self.service = self.service.returncode, None
        return returncode, errors

    def wait_for(self, count, *paths):
        def there():
            with contextlib.suppress(OSError, AssertionError, ValueError):
                return len(numbers(lines(*(paths or (AUDIT,))))) >= count
            return False
        self.assertIsNotNone(wait_until(there, 30), f'not {count} events: {actions(lines(AUDIT))[-5:]}')

    def told(self):
        """Numbers of the calls in the journal."""
        return [int(record['RPCFW_GENERATION'][0]) for record in self.journal.records() if 'RPCFW_METHOD' in record]

    # ---- What is written ----

    def test_files_and_first_words(self):
        self.serve()
        put(1)
        self.wait_for(1)
        self.assertEqual(self.stop(), (0, ''))
        self.assertEqual(actions(lines(AUDIT)), ['service-started', 'policy-published', 'rpc-call-allowed',
                                                 'service-stopped'])
        adm = grp.getgrnam('adm').gr_gid
        expected = {RUN: (0o700, 0), LOG: (0o750, adm), AUDIT: (0o640, adm), RUN / 'control': (0o600, 0),
                    RUN / 'processes': (0o600, 0), RUN / 'events': (0o600, 0), RUN / 'service': (0o600, 0),
                    RUN / 'lock': (0o600, 0), RUN / 'service-lock': (0o600, 0), RUN / 'policy-1': (0o400, 0),
                    RUN / 'hits-1': (0o600, 0)}
        for path, (mode, group) in expected.items():
            status = path.stat()
            self.assertEqual((oct(stat.S_IMODE(status.st_mode)), status.st_uid, status.st_gid), (oct(mode), 0, group), path)
        self.assertEqual({RUN, *RUN.iterdir(), LOG, *LOG.iterdir()}, set(expected))

    def test_hostile_names(self):
        self.serve()
        for name in HOSTILE:
            put(1, 'block=1', f'user={name}')
        self.wait_for(len(HOSTILE))
        self.assertEqual(actions(lines(AUDIT)).count('rpc-call-blocked'), len(HOSTILE))
        self.assertIsNotNone(wait_until(lambda: len(self.journal.entries) >= len(HOSTILE) + 2, 10))
        calls = [record for record in self.journal.records() if record.get('RPCFW_ACTION') == [b'rpc-call-blocked']]
        self.assertEqual(len(calls), len(HOSTILE))
        for record in calls:
            self.assertEqual({len(values) for values in record.values()}, {1}, 'a name made a field of its own')
            self.assertEqual((record['PRIORITY'], record['SYSLOG_IDENTIFIER']), ([b'4'], [b'rpcfw']))
            self.assertEqual((record['RPCFW_METHOD'], record['RPCFW_SOURCE_IP']), ([b'DRSGetNCChanges'], [b'192.0.2.7']))
        shown = subprocess.run([RPCFW, 'audit', '--blocked'], stdout=subprocess.PIPE, check=True).stdout.decode('utf-8')
        self.assertEqual(shown.count('\n'), len(HOSTILE))
        for sign in ('\x1b', '\r', '\x7f', '\u202e', '\x9b'):
            self.assertNotIn(sign, shown)

    def test_options(self):
        self.write_policy('option journal off\noption json /var/log/other.jsonl\n' + POLICY)
        self.serve()
        put(5)
        other = Path('/var/log/other.jsonl')
        self.addCleanup(other.unlink)
        self.wait_for(5, other)
        self.assertEqual(self.stop()[0], 0)
        self.assertFalse(any('RPCFW_METHOD' in record for record in self.journal.records()))
        self.assertFalse(AUDIT.exists() and numbers(lines(AUDIT)))

    def test_without_a_journal(self):
        os.rename(sandbox.JOURNAL, sandbox.JOURNAL + '.away')
        try:
            self.serve()
            put(10)
            self.wait_for(10)
            self.assertEqual(self.stop()[0], 0)
        finally:
            os.rename(sandbox.JOURNAL + '.away', sandbox.JOURNAL)
        self.assertNotIn('events-dropped', actions(lines(AUDIT)))

    # ---- What fails ----

    def test_disk_full(self):
        LOG.mkdir(mode=0o750)
        subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=128k', 'tmpfs', LOG], check=True)
        self.serve()
        self.assertEqual(put(1500, 'pause=200'), 1500)
        self.assertIsNotNone(wait_until(lambda: self.journal.says('cannot write', 'No space left'), 20))
        self.assertIsNotNone(wait_until(lambda: len(self.told()) >= 1500, 20),
                             'a full disk must not hold up the journal')
        lines(AUDIT)
        self.assertIsNone(self.service.poll())
        subprocess.run(['mount', '-o', 'remount,size=64m', LOG], check=True)
        self.service.send_signal(signal.SIGHUP)
        self.wait_for(1500)
        self.assertEqual(numbers(lines(AUDIT)), list(range(1, 1501)))
        self.assertTrue(self.journal.says('is written again'))
        self.assertEqual(sum(b'No space left' in r['MESSAGE'][0] for r in self.journal.records()), 1, 'told once')

    def test_disk_full_for_long(self):
        LOG.mkdir(mode=0o750)
        subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', LOG], check=True)
        self.serve()
        put(9000, 'wait=1', 'pause=200')
        self.assertIsNotNone(wait_until(lambda: len(self.told()) >= 9000, 30), len(self.told()))
        subprocess.run(['mount', '-o', 'remount,size=64m', LOG], check=True)
        self.service.send_signal(signal.SIGHUP)
        self.assertIsNotNone(wait_until(lambda: 'events-dropped' in actions(lines(AUDIT)), 20))
        self.wait_for(3000)
        self.stop()
        events = lines(AUDIT)
        lost = sum(event['rpc']['dropped'] for event in events if event['event']['action'] == 'events-dropped')
        seen = numbers(events)
        self.assertEqual(seen, sorted(set(seen)))
        self.assertEqual(len(seen) + lost, 9000)

    def test_directory_missing(self):
        self.write_policy('option json /srv/rpcfw-log/audit.jsonl\n' + POLICY)
        place = Path('/srv/rpcfw-log')
        shutil.rmtree(place, ignore_errors=True)
        self.serve()
        put(20)
        self.assertIsNotNone(wait_until(lambda: self.journal.says('cannot open', 'No such file'), 10))
        place.mkdir()
        self.addCleanup(shutil.rmtree, place)
        self.wait_for(20, place / 'audit.jsonl')    # by itself, within the first wait
        self.assertTrue(self.journal.says('is written again'))

    def test_no_plain_file(self):
        for make in (lambda: AUDIT.symlink_to('/tmp/elsewhere'), lambda: os.mkfifo(AUDIT), AUDIT.mkdir):
            LOG.mkdir(mode=0o750)
            make()
            self.serve()
            put(3)
            self.assertIsNotNone(wait_until(lambda: self.journal.says('audit file'), 10))
            self.assertEqual(self.stop()[0], 0)
            self.assertFalse(Path('/tmp/elsewhere').exists())
            self.assertTrue(AUDIT.is_symlink() or not AUDIT.is_file())
            self.clean_up()
            self.setUp()

    def test_file_of_others(self):
        """What others may write or hold by another name is not written to, and that is told; then it is."""
        def linked():
            os.link(AUDIT, LOG / 'other-name')
        others, names = 'changed by others than root', 'has other names'
        for make, words in ((lambda: os.chown(AUDIT, 65534, 0), others), (lambda: AUDIT.chmod(0o662), others),
                            (lambda: AUDIT.chmod(0o660), others), (linked, names)):
            LOG.mkdir(mode=0o750)
            AUDIT.touch(mode=0o640)
            make()
            self.serve()
            put(3)
            self.assertIsNotNone(wait_until(lambda: self.journal.says('audit file', words), 10), words)
            self.assertEqual(AUDIT.read_bytes(), b'')
            AUDIT.unlink()
            self.wait_for(3)
            self.assertEqual(self.stop()[0], 0)
            self.clean_up()
            self.setUp()

    def test_policy_missing_or_refused(self):
        for text, words in ((None, ('not in force', 'cannot be read')), ('action:deny\n', ('not in force', ':1:8:'))):
            CONF.unlink(missing_ok=True)
            if text:
                self.write_policy(text)
            self.serve()
            self.assertIsNotNone(wait_until(lambda w=words: self.journal.says(*w), 10), self.journal.entries)
            self.assertEqual(actions(lines(AUDIT)), ['service-started', 'policy-file-refused'])
            self.assertEqual(list(RUN.glob('policy-*')), [])
            self.write_policy(POLICY)
            self.service.send_signal(signal.SIGHUP)
            self.assertIsNotNone(wait_until(lambda: (RUN / 'policy-1').exists(), 10))
            self.stop()
            self.clean_up()
            self.setUp()

    def test_broken_policy_after_a_restart_of_the_machine(self):
        """/run is empty then: the policy that was in force last is better than none."""
        last = Path('/var/lib/rpcfw/last-policy')
        self.serve()
        self.stop()
        before = (RUN / 'policy-1').read_bytes()
        self.assertEqual(stat.S_IMODE(last.stat().st_mode), 0o600)
        for bytes_, in_force in ((before, True), (before[:-8], False), (b'', False)):
            shutil.rmtree(RUN)
            AUDIT.unlink()
            last.write_bytes(bytes_)
            self.write_policy('action:deny\n')
            self.serve()
            self.assertIsNotNone(wait_until(lambda: AUDIT.exists() and len(lines(AUDIT)) == 2, 10))
            event = lines(AUDIT)[1]
            self.assertEqual(event['event']['action'], 'policy-file-refused')
            self.assertEqual(event.get('rpc', {}).get('policy', {}).get('generation', 0), 1 if in_force else 0)
            self.assertEqual((RUN / 'policy-1').exists(), in_force)
            self.stop()
        self.assertEqual(last.read_bytes(), b'')

    def test_a_policy_in_force_stays(self):
        self.serve()
        self.stop()
        self.write_policy('action:deny\n')
        self.serve()
        self.assertTrue((RUN / 'policy-1').exists())
        self.assertNotIn('policy-file-refused', actions(lines(AUDIT)))

    def test_one_service(self):
        self.serve()
        second = subprocess.run([RPCFW, 'serve'], stderr=subprocess.PIPE, text=True, check=False, timeout=10)
        self.assertEqual(second.returncode, 2)
        self.assertIn(f'as process {self.service.pid}', second.stderr)

    def test_foreign_state_directory(self):
        RUN.mkdir(mode=0o755)
        RUN.chmod(0o755)
        refused = subprocess.run([RPCFW, 'serve'], stderr=subprocess.PIPE, text=True, check=False, timeout=10)
        self.assertEqual(refused.returncode, 2)
        self.assertIn("root's alone", refused.stderr)

    def test_state_of_another_release(self):
        RUN.mkdir(mode=0o700)
        for name in ('control', 'processes', 'events', 'service'):
            (RUN / name).write_bytes(b'RPRO' + bytes(1 << 16))
            (RUN / name).chmod(0o600)
        self.serve()
        put(3)
        self.wait_for(3)
        code, errors = self.stop()
        self.assertEqual((code, errors.count('is of another release')), (0, 4))

    def test_ring_full(self):
        self.serve()
        self.service.send_signal(signal.SIGSTOP)
        self.assertEqual(put(5000), 4096)
        self.service.send_signal(signal.SIGCONT)
        self.wait_for(4096)
        self.assertIsNotNone(wait_until(lambda: 'events-dropped' in actions(lines(AUDIT)), 10))
        self.stop()
        events = lines(AUDIT)
        self.assertEqual([e['rpc']['dropped'] for e in events if e['event']['action'] == 'events-dropped'], [904])
        self.assertEqual(numbers(events), list(range(1, 4097)))

    def test_events_wait_for_the_service(self):
        put(100)
        self.serve()
        self.wait_for(100)

    # ---- Rotation and death ----

    def test_rotation_while_writing(self):
        self.serve()
        putter = subprocess.Popen([PUT, '20000', 'wait=1', 'pause=30'], stdout=subprocess.DEVNULL)
        old = []
        while putter.poll() is None:
            if AUDIT.exists():
                old.append(LOG / f'audit.jsonl.{len(old)}')
                AUDIT.rename(old[-1])
            time.sleep(0.05)
        self.assertGreater(len(old), 5)
        self.assertIsNotNone(wait_until(lambda: sum(len(numbers(lines(p))) for p in [*old, AUDIT] if p.exists()) >= 20000, 20))
        self.stop()
        self.assertEqual(numbers(lines(*old, AUDIT)), list(range(1, 20001)))

    def test_killed_while_writing(self):
        chance = random.Random(4)
        putter = subprocess.Popen([PUT, '20000', 'wait=1', 'pause=200'], stdout=subprocess.DEVNULL)
        kills = 0
        while putter.poll() is None:
            self.serve()
            time.sleep(chance.random() * 0.15)
            self.service.kill()
            self.service.communicate()
            kills += 1
        self.serve()
        self.wait_for(20000)
        self.stop()
        self.assertGreater(kills, 5)
        self.assertEqual(numbers(lines(AUDIT)), list(range(1, 20001)), 'each event once, in order')
        told = self.told()
        self.assertEqual(sorted(set(told)), list(range(1, 20001)))
        self.assertLessEqual(len(told) - 20000, kills, 'at most one twice for each kill')

    def test_killed_in_the_middle_of_a_write(self):
        self.serve()
        self.stop()
        put(400)
        # The first write tells that the service started, the others are batches.
        for write in (1, 2, 3, 4):
            for more in ({}, {'RPCFW_DIE_WHOLE': '1'}):
                done = subprocess.run([RPCFW, 'serve'], check=False, timeout=20,
                                      env={**os.environ, 'LD_PRELOAD': str(DIE_IN_WRITE), 'RPCFW_DIE_WRITE': str(write), **more})
                self.assertEqual(done.returncode, -signal.SIGKILL)
        self.serve()
        self.wait_for(400)
        self.stop()
        self.assertEqual(numbers(lines(AUDIT)), list(range(1, 401)))

    def test_half_a_line_of_somebody_else(self):
        LOG.mkdir(mode=0o750)
        AUDIT.write_text('{"half', encoding='utf-8')
        self.serve()
        put(1)
        self.assertIsNotNone(wait_until(lambda: AUDIT.read_bytes().count(b'\n') == 4, 10))
        self.assertEqual(AUDIT.read_bytes().splitlines()[0], b'{"half')

    # ---- rpcfw audit ----

    def audit(self, *words):
        done = subprocess.run([RPCFW, 'audit', *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              check=False, timeout=20)
        return done.returncode, done.stdout.count('\n'), done.stderr

    def test_filters(self):
        self.serve()
        put(4, 'block=1', 'user=EXAMPLE\\mallory')
        put(3, 'user=EXAMPLE\\alice')
        put(2, 'user=OTHER\\alice')
        self.wait_for(9)
        self.stop()
        found = (((), 12), (('--blocked',), 4), (('--would-block',), 0), (('--blocked', '--would-block'), 4),
                 (('--user', 'alice'), 5), (('--user', 'ALI*'), 5), (('--user', 'other\\*'), 2), (('--user=*',), 9),
                 (('--addr', '192.0.2.7'), 9), (('--addr', '192.0.2.0/29'), 9), (('--addr', '192.0.2.8/29'), 0),
                 (('--addr', '192.0.2.1-192.0.2.6'), 0), (('--interface', 'DRSUAPI'), 9), (('--interface', 'samr'), 0),
                 (('--interface', 'e3514235-4b06-11d1-ab04-00c04fc2dcd2'), 9), (('--method', 'drsgetncchanges'), 9),
                 (('--method', '3'), 9), (('--method', 'DRSBind'), 0), (('--rule', '1'), 9), (('--rule', '2'), 0),
                 (('--since', '1h'), 12), (('--until', '1h'), 0), (('--since', '2020-01-01', '--until', '2020-01-02'), 0),
                 (('--process', 'rpcd_*'), 9), (('--process', 'RPCFW'), 3), (('--action', 'service-started'), 1),
                 (('--blocked', '--user', 'alice'), 0))
        for words, count in found:
            self.assertEqual(self.audit(*words), (0 if count else 1, count, ''), words)
        code, _, errors = self.audit('/nonexistent')
        self.assertEqual((code, errors), (2, '/nonexistent: No such file or directory\n'))
        packed = LOG / 'audit.jsonl.1.gz'
        packed.write_bytes(gzip.compress(AUDIT.read_bytes()))
        self.assertEqual(self.audit(packed, AUDIT, '--blocked'), (0, 8, ''))
        raw = subprocess.run([RPCFW, 'audit', '--json'], stdout=subprocess.PIPE, check=True).stdout
        self.assertEqual(raw, AUDIT.read_bytes())

    def test_wrong_filters(self):
        table = ((('--blokced',), "did you mean '--blocked'?"), (('--user',), 'needs a value'),
                 (('--action', 'polcy-published'), "did you mean 'policy-published'?"),
                 (('--interface', 'drsuap'), "did you mean 'drsuapi'?"),
                 (('--method', 'DRSGetNCChange'), "did you mean 'DRSGetNCChanges'?"),
                 (('--interface', 'samr', '--method', 'DRSGetNCChanges'), 'no method'), (('--addr', '10.0.0.1/8'), 'behind'),
                 (('--addr', '10.0.0.300'), 'no address'), (('--since', 'yesterday'), 'no time'),
                 (('--since', '2026-13-01'), 'no time'), (('--since', '1h', '--until', '2h'), 'after --until'),
                 (('-f', 'a', 'b'), 'one file'))
        for words, error in table:
            code, count, errors = self.audit(*words)
            self.assertEqual((code, count), (2, 0), words)
            self.assertIn(error, errors)

    def test_follows_across_rotation(self):
        self.serve()
        put(15)
        self.wait_for(15)
        shown = Path('/run/followed')
        with shown.open('wb') as out:
            follower = subprocess.Popen([RPCFW, 'audit', '-f', '--json'], stdout=out)
        self.addCleanup(follower.kill)

        def followed():
            with contextlib.suppress(ValueError, AssertionError):
                return numbers(lines(shown))
            return []
        self.assertIsNotNone(wait_until(lambda: followed() == list(range(6, 16)), 10), followed())
        putter = subprocess.Popen([PUT, '6000', 'from=16', 'wait=1', 'pause=300'], stdout=subprocess.DEVNULL)
        count = 0
        while putter.poll() is None:
            time.sleep(0.7)
            AUDIT.rename(LOG / f'audit.jsonl.{count}')
            wait_until(AUDIT.exists, 5)
            count += 1
        put(1, 'from=6016')
        self.assertGreater(count, 2)
        self.assertIsNotNone(wait_until(lambda: len(followed()) >= 6011, 20), len(followed()))
        self.assertEqual(followed(), list(range(6, 6017)))


if __name__ == '__main__':
    sandbox.enter()
    sandbox.make_private()
    sys.stdout.flush()
    sandbox.main()

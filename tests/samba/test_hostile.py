# SPDX-License-Identifier: Apache-2.0
"""Clients that mean ill: nothing crashes, the server goes on, every call is judged, and the audit stays valid.

firewall.events() reads each line strictly, so every look at the audit is a test of it.
"""
import contextlib
import json
import random
import struct
import threading
import unittest

import sandbox

sandbox.enter()

import dcbox                                                        # noqa: E402
import rawrpc                                                       # noqa: E402
from attacks import Attacker                                        # noqa: E402
from hostfirewall import HostFirewall, field, ready_policy          # noqa: E402
from rawrpc import Connection                                       # noqa: E402
from sambahost import ADDRESS, must                                 # noqa: E402

SEALED = f'ncacn_ip_tcp:{ADDRESS}[seal]'
SWITCHES = 100_000
BATCH = 200
MALFORMED = 1500
BLOCKED_CALLS = 5
SEED = 20220131
# What is special to some reader of names, in groups. Not every byte of UTF-8: some names Samba would not let log on.
NAMES = (
    'quote"back\\slash', "apos'tick`", 'less<more>', 'a{b}[c](d)', 'semi;colon:', 'pipe|amp&', 'per%cent$', 'star*query?', 'hash#',
    'plus+equals=', 'comma,dot.',
    'caret^tilde~', 'bang!slash/', '\x01\x02\x03\x04\x05\x06\x07', '\x08\t\x0b\x0c\x0e\x0f', 'line\nfeed\r',
    '\x10\x11\x12\x13\x14\x15\x16\x17', '\x18\x19\x1a\x1b[31m\x1c\x1d\x1e\x1f', 'delete\x7f', '\x80\x85\x9b31m\x9f', 'ÁÉÍÓÚÑÇ¿', 'ΩШא',
    'ภาษาไทย', '漢字仮名', 'rtl\u202eltr', 'sep\u2028\u2029', 'bom\ufeff', 'ff\uffff', 'emoji😀', '𐍈𝄞',
)

# Samba's own checks refuse control characters and some others, as Windows does; older ones and other tools did not, so those
# names go into the database beneath the checks.
CREATE_ACCOUNTS = '''
import json, sys
import ldb
from samba.auth import system_session
from samba.param import LoadParm
from samba.samdb import SamDB
parameters = LoadParm()
parameters.load_default()
directory = SamDB(session_info=system_session(), lp=parameters)
base = str(directory.domain_dn())
names = json.load(sys.stdin)
places = ["CN=hostile%d,CN=Users,%s" % (number, base) for number in range(len(names))]
for number, place in enumerate(places):
    directory.add({"dn": place, "objectClass": "user", "sAMAccountName": "hostile%d" % number})
    directory.setpassword("(distinguishedName=%s)" % place, sys.argv[1], False)
    directory.enable_account("(distinguishedName=%s)" % place)
beneath = ldb.Ldb("/var/lib/samba/private/sam.ldb.d/%s.ldb" % base.upper())
for place, name in zip(places, names):
    change = ldb.Message(ldb.Dn(beneath, place))
    change["name"] = ldb.MessageElement(name.encode(), ldb.FLAG_MOD_REPLACE, "sAMAccountName")
    beneath.modify(change)
'''


class Hostile(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dc = dcbox.DomainController()
        cls.addClassCleanup(cls.dc.stop)
        cls.dc.start('single')
        cls.firewall = HostFirewall()
        cls.firewall.write_policy(ready_policy('audit-everything'))
        cls.firewall.must('install')
        cls.server = cls.dc.process.pid

    def setUp(self):
        self.firewall.skip_events()

    def tearDown(self):
        """The server lives, and judges calls."""
        self.assertEqual([], self.dc.crashes())
        done = self.dc.rpcclient(SEALED, 'enumdomains', source=sandbox.ADMIN)
        self.assertEqual(0, done.returncode, done.stdout)
        self.assertTrue(self.firewall.wait_calls(rpc_method='SamrEnumerateDomainsInSamServer', source_ip=sandbox.ADMIN, timeout=30))

    @staticmethod
    def mutate(randomness, data):
        """Some bytes changed; lengths more often than the rest; or cut, or longer."""
        data = bytearray(data)
        for _ in range(randomness.choice((1, 1, 2, 4, 16))):
            kind = randomness.random()
            if kind < 0.3:      # a length or count of the header
                value = randomness.choice((0, 1, 15, 16, 17, 24, len(data) + 8, 0x7fff, 0xffff))
                struct.pack_into('<H', data, randomness.choice((8, 10)), value)
            elif kind < 0.5:
                data[randomness.choice((2, 3, 16, 24, 28, 30)) % len(data)] = randomness.randrange(256)
            else:
                data[randomness.randrange(len(data))] = randomness.randrange(256)
        if randomness.random() < 0.2:
            del data[randomness.randrange(1, len(data)):]
        if randomness.random() < 0.1:
            data += randomness.randbytes(randomness.randrange(1, 6000))
        return bytes(data)

    def test_malformed(self):
        randomness = random.Random(SEED)
        first = rawrpc.bind((0, 'epmapper'))
        seconds = (rawrpc.requests(3, b'\0' * 64), rawrpc.requests(2, randomness.randbytes(9000)),
                   rawrpc.bind((1, 'epmapper'), (2, 'samr'), kind=rawrpc.ALTER_CONTEXT),
                   rawrpc.pdu(16, b'\0' * 32), rawrpc.pdu(18, b''), rawrpc.pdu(19, b''))
        for number in range(MALFORMED):
            with Connection(135, source=sandbox.ATTACKER) as connection:
                mutated = number % 3 == 0
                connection.socket.settimeout(0.05)
                # The server closes most of them, and need not answer the rest.
                with contextlib.suppress(OSError, EOFError):
                    connection.send(self.mutate(randomness, first) if mutated else first)
                    connection.send(self.mutate(randomness, randomness.choice(seconds)))
                    if number % 10 == 0:
                        connection.receive()
        self.assertIn(self.server, sandbox.processes())

    def test_malformed_pipe(self):
        """The same for a server behind a pipe, with what SMB lets through."""
        with Attacker() as attacker:
            outcome, output = attacker.run('malformed')
        self.assertEqual('done', outcome, output)

    def test_context_switches(self):
        """A hundred thousand of them on one connection, more than the audit can keep: each is recorded or counted as dropped."""
        with Connection(135, source=sandbox.ATTACKER) as connection:
            connection.send(rawrpc.bind((0, 'epmapper')))
            self.assertEqual(rawrpc.BIND_ACK, connection.receive()[0])
            kinds = set()
            for start in range(0, SWITCHES, BATCH):
                connection.send(b''.join(rawrpc.bind((number % 3, 'epmapper'), kind=rawrpc.ALTER_CONTEXT, call=number + 1)
                                         for number in range(start, start + BATCH)))
                kinds |= {connection.receive()[0] for _ in range(BATCH)}
            self.assertEqual({rawrpc.ALTER_CONTEXT_RESPONSE}, kinds)
            connection.send(rawrpc.requests(2, b'\0' * 72))
            self.assertIn(connection.receive()[0], (rawrpc.RESPONSE, rawrpc.FAULT))

        def accounted():
            events = self.firewall.events()
            binds = sum(field(event, 'event.action') == 'rpc-bind' and field(event, 'source.ip') == sandbox.ATTACKER for event in events)
            dropped = sum(field(event, 'rpc.dropped') or 0 for event in events)
            return binds + dropped

        sandbox.wait_until(lambda: accounted() >= SWITCHES + 1, 30, 1)
        self.assertGreaterEqual(accounted(), SWITCHES + 1)

    def test_flood_of_binds_hides_no_blocked_call(self):
        """A hundred binds in each packet, by clients that nobody knows, faster than they can be written: they are dropped and
        counted, and what is blocked meanwhile is recorded all the same."""
        self.firewall.put_in_force('fw:id:samr uuid:samr opnum:SamrEnumerateDomainsInSamServer action:block audit:true', 'fw:id:rest audit:true')
        names = ('epmapper', 'samr', 'lsarpc', 'netlogon')
        packet = rawrpc.bind(*((0, names[number % len(names)]) for number in range(90)), kind=rawrpc.ALTER_CONTEXT)
        stop = threading.Event()

        def flood():
            with Connection(135, source=sandbox.ATTACKER) as connection:
                connection.send(rawrpc.bind((0, 'epmapper')))
                connection.receive()
                while not stop.is_set():
                    connection.send(packet * 10)
                    for _ in range(10):
                        connection.receive()

        def dropped():
            return self.firewall.status()['sum']['dropped']

        before = dropped()
        clients = [threading.Thread(target=flood) for _ in range(3)]
        for client in clients:
            client.start()
        try:
            self.assertIsNotNone(sandbox.wait_until(lambda: dropped() > before, 20, 0.2), 'it was no flood')
            for _ in range(BLOCKED_CALLS):
                self.assertIn('ACCESS_DENIED', self.dc.rpcclient(SEALED, 'enumdomains', source=sandbox.OTHER_DC).stdout)
        finally:
            stop.set()
            for client in clients:
                client.join()
            self.firewall.put_in_force(ready_policy('audit-everything'))
        events = self.firewall.wait_calls(BLOCKED_CALLS, timeout=60, rule_name='samr', source_ip=sandbox.OTHER_DC)
        self.assertEqual(['rpc-call-blocked'] * BLOCKED_CALLS, [field(event, 'event.action') for event in events])

    def test_large_requests(self):
        """Many fragments; judged when they are whole, whatever they hold."""
        for size in (rawrpc.FRAGMENT_BYTES * 2, 300_000, 1_000_000):
            self.firewall.skip_events()
            with self.subTest(size), Connection(135, source=sandbox.ATTACKER) as connection:
                connection.send(rawrpc.bind((0, 'epmapper')))
                self.assertEqual(rawrpc.BIND_ACK, connection.receive()[0])
                connection.send(rawrpc.requests(3, random.Random(size).randbytes(size)))
                self.assertEqual(rawrpc.FAULT, connection.receive()[0])
                self.assertEqual(1, len(self.firewall.wait_calls(source_ip=sandbox.ATTACKER, rpc_method='ept_map')))
        self.firewall.put_in_force('fw:id:closed uuid:epmapper action:block audit:true')
        with Connection(135, source=sandbox.ATTACKER) as connection:
            connection.send(rawrpc.bind((0, 'epmapper')))
            connection.receive()
            connection.send(rawrpc.requests(3, b'x' * 300_000))
            kind, _, body = connection.receive()
            self.assertEqual((rawrpc.FAULT, 5), (kind, struct.unpack_from('<I', body, 8)[0]))
        self.firewall.put_in_force(ready_policy('audit-everything'))

    def test_names(self):
        """Accounts whose names hold every kind of character: recorded as they are, on lines that any reader takes."""
        must('/usr/bin/python3', '-c', CREATE_ACCOUNTS, dcbox.USER_PASSWORD, stdin=json.dumps(NAMES))
        with Attacker(password=dcbox.USER_PASSWORD) as attacker:
            for name in NAMES:
                with self.subTest(name=name):
                    self.firewall.skip_events()
                    attacker.user = name
                    outcome, output = attacker.run('whoami')
                    self.assertEqual('done', outcome, output)
                    self.assertEqual(name, field(self.firewall.wait_calls(rpc_method='LsarGetUserName')[0], 'user.name'))

    def test_callers_that_are_nobody(self):
        """Every byte value in the name, domain and workstation of a logon that fails."""
        with Attacker(user=''.join(map(chr, range(1, 256))), password='x') as attacker:
            outcome, output = attacker.run('whoami')
        self.assertNotEqual('done', outcome, output)


if __name__ == '__main__':
    sandbox.main()

# SPDX-License-Identifier: Apache-2.0
"""Clients that mean ill: nothing crashes, the server goes on, every call is judged, and the audit stays valid.

firewall.events() reads each line strictly, so every look at the audit is a test of it.
"""
import contextlib
import json
import random
import struct
import threading
import time
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
# What the agent records of binds, in one process (docs/events.md).
BINDS_AT_ONCE, BINDS_A_SECOND = 1000, 100
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

    def numbers(self):
        """What the agents counted: of the domain controller's process, and of all."""
        status = self.firewall.status()
        own = [process for process in status['processes'] if process['pid'] == self.server]
        self.assertEqual(1, len(own))
        return own[0], status['sum']

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
        before, _ = self.numbers()
        randomness = random.Random(SEED)
        first = rawrpc.bind((0, 'epmapper'))
        seconds = (rawrpc.requests(3, b'\0' * 64), rawrpc.requests(2, randomness.randbytes(9000)),
                   rawrpc.bind((1, 'epmapper'), (2, 'samr'), kind=rawrpc.ALTER_CONTEXT),
                   rawrpc.pdu(16, b'\0' * 32), rawrpc.pdu(18, b''), rawrpc.pdu(19, b''))
        for number in range(MALFORMED):
            with Connection(135, source=sandbox.ATTACKER) as connection:
                mutated = number % 3 == 0
                # The server closes most of them, and need not answer the rest. It is given the time: Samba 4.22 throws away what
                # it has not read yet of a connection that its client has closed; 4.17 reads it.
                with contextlib.suppress(OSError, EOFError):
                    connection.send(self.mutate(randomness, first) if mutated else first)
                    if not mutated:
                        connection.receive()
                    connection.send(self.mutate(randomness, randomness.choice(seconds)))
                    connection.socket.settimeout(0.005)
                    connection.receive()
        self.assertIn(self.server, sandbox.processes())
        # Samba itself refuses most. Two of three connections begin with a good bind, and what comes next is broken but for luck:
        # what of it reaches the agent are calls and more binds, some for interfaces that there are none of.
        after, _ = self.numbers()
        self.assertGreater(after['binds'] - before['binds'], MALFORMED * 2 // 3)
        self.assertGreater(after['calls'] - before['calls'], MALFORMED // 20)
        told = self.firewall.wait_events(1, event_action='rpc-bind', event_outcome='failure', source_ip=sandbox.ATTACKER)
        known = {number for number, _ in rawrpc.INTERFACES.values()}
        self.assertTrue({field(event, 'rpc.interface.uuid') for event in told} - known, 'no bind for a broken interface was told')

    def test_malformed_pipe(self):
        """The same for a server behind a pipe, with what SMB lets through."""
        _, before = self.numbers()
        with Attacker() as attacker:
            outcome, output = attacker.run('malformed')
        self.assertEqual('done', outcome, output)
        _, after = self.numbers()
        # Two hundred pipes; a bind of three is left whole, and of those that are not, many a time what matters.
        self.assertGreater(after['binds'] - before['binds'], 50)
        self.assertGreater(after['calls'] - before['calls'], 5)

    def test_context_switches(self):
        """A hundred thousand of them on one connection, far more than are recorded: each is, or is counted as dropped."""
        began = time.monotonic()
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
            return binds, dropped

        sandbox.wait_until(lambda: sum(accounted()) >= SWITCHES + 1, 30, 1)
        binds, dropped = accounted()
        self.assertGreaterEqual(binds + dropped, SWITCHES + 1)
        self.assertLessEqual(binds, BINDS_AT_ONCE + BINDS_A_SECOND * (time.monotonic() - began) + 1)

    def test_flood_of_binds_hides_no_blocked_call(self):
        """Ninety different binds in each packet, by clients that nobody knows: what is over the process's allowance is dropped and
        counted, and what is blocked meanwhile is recorded all the same. (That blocked calls find room when other processes have
        filled the ring is limits_test's.)"""
        self.firewall.put_in_force('fw:id:samr uuid:samr opnum:SamrEnumerateDomainsInSamServer action:block audit:true', 'fw:id:rest audit:true')
        packet = rawrpc.bind(*((0, (f'{number:08x}-0000-0000-0000-000000000000', 1)) for number in range(90)),
                             kind=rawrpc.ALTER_CONTEXT)
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

        before, began = dropped(), time.monotonic()
        clients = [threading.Thread(target=flood) for _ in range(3)]
        for client in clients:
            client.start()
        try:
            # Twice as many as may be recorded at once: the allowance is used up, and is while the calls below are made.
            self.assertIsNotNone(sandbox.wait_until(lambda: dropped() > before + 2 * BINDS_AT_ONCE, 20, 0.2), 'it was no flood')
            middle = dropped()
            for _ in range(BLOCKED_CALLS):
                self.assertIn('ACCESS_DENIED', self.dc.rpcclient(SEALED, 'enumdomains', source=sandbox.OTHER_DC).stdout)
            self.assertGreater(dropped(), middle + BINDS_AT_ONCE, 'the flood had ended')
        finally:
            stop.set()
            for client in clients:
                client.join()
            self.firewall.put_in_force(ready_policy('audit-everything'))
        events = self.firewall.wait_calls(BLOCKED_CALLS, timeout=60, rule_name='samr', source_ip=sandbox.OTHER_DC)
        self.assertEqual(['rpc-call-blocked'] * BLOCKED_CALLS, [field(event, 'event.action') for event in events])
        binds = self.firewall.matching(event_action='rpc-bind', source_ip=sandbox.ATTACKER)
        self.assertLessEqual(len(binds), BINDS_AT_ONCE + BINDS_A_SECOND * (time.monotonic() - began) + 1)

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
        """Every character up to 255 in the name and the domain of a logon that fails, by SMB, which then has no RPC, and to an RPC
        server: what the client asked for is recorded, the name it did not prove is not, and its call is never judged. (No name
        with every byte gets past Samba's logon; what the agent makes of one is limits_test's.)"""
        name = ''.join(map(chr, range(1, 256)))
        # What reaches the agent: nothing; the port mapper is asked for the server's port, and the server for an interface.
        for attack, refusal, binds, calls in (('whoami', 'SMB SessionError|STATUS_LOGON_FAILURE', 0, 0),
                                              ('logon', 'nca_s_proto_error|rpc_s_access_denied', 2, 1)):
            with self.subTest(attack), Attacker(user=name, password='x') as attacker:
                before, _ = self.numbers()
                outcome, output = attacker.run(attack)
                self.assertNotEqual('done', outcome, output)
                self.assertRegex(output, refusal)
                after, _ = self.numbers()
                self.assertEqual((binds, calls), (after['binds'] - before['binds'], after['calls'] - before['calls']))
        events = self.firewall.wait_events(1, source_ip=sandbox.ATTACKER, rpc_interface_name='samr')
        self.assertEqual([('rpc-bind', None)], [(field(event, 'event.action'), field(event, 'user.name')) for event in events])


if __name__ == '__main__':
    sandbox.main()

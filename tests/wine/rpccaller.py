# SPDX-License-Identifier: Apache-2.0
"""Calls from outside Wine over ncacn_ip_tcp with impacket, from a chosen source address.

One connection at a time: with two parallel TCP clients Wine's own runtime stalls often. With one it still does, about once
in ten thousand calls and with no firewall near: the server has executed the call, and its answer stays inside Wine until
something else arrives on that connection. So a caller that waits too long sends a cancel, which the server ignores but
which frees the answer, and then goes on with a new connection. An answer that does not come even so is an error. The
stalls are counted, printed and held against how many Wine makes by itself, so that one which the firewall makes, say by
holding a thread, is not taken for Wine's. Load tests in which every call counts use a pipe and rpc_client.exe instead,
where this never happens.
"""
import collections
import socket
import struct
import sys
import threading

from impacket.dcerpc.v5 import rpcrt, transport
from impacket.uuid import uuidtup_to_bin

DEMO = ('6f1d2c3a-8b4e-4a57-9c0d-5e2f7a1b3c4d', '1.0')
OTHER = ('0b5e7d91-3c2f-4e68-8a1b-d4f60c9e7a25', '2.1')
ASYNCHRONOUS = ('3d9a6c07-51fe-4b2a-97e4-8c0b1f7d6e52', '1.0')
DRSUAPI = ('e3514235-4b06-11d1-ab04-00c04fc2dcd2', '4.0')

ADD, INVERT, SLEEP, PID, SERVED, SHUTDOWN = range(6)

ACCESS_DENIED = 5
SECONDS = 10            # for anything but an answer
STALL_SECONDS = 3       # an answer that takes longer is stuck in Wine
ATTEMPTS = 4

# What Wine's own stalls stay under: seen are one in ten thousand calls, and they come in pairs.
STALLS_ALWAYS = 2
CALLS_PER_STALL = 2000

PDU_FAULT = 3
PDU_CANCEL = struct.pack('<BBBBIHHI', 5, 0, 18, 3, 0x10, 16, 0, 1)     # co_cancel, a whole PDU
FAULT_STATUS_OFFSET = 24    # after the common header of 16 bytes, alloc_hint, context id, cancel count and a pad


class _Transport(transport.TCPTransport):
    """Connects from `source` and keeps what came in, so that a test sees the PDU itself."""

    source = None
    received = b''

    def connect(self):
        peer = (self.getRemoteHost(), self.get_dport())
        self.socket = socket.create_connection(peer, timeout=SECONDS, source_address=(self.source, 0))
        # impacket keeps its socket private and has no setting for the source address.
        self._TCPTransport__socket = self.socket
        return 1

    def recv(self, forceRecv=0, count=0):
        data = super().recv(forceRecv, count)
        self.received += data
        return data


class TooManyStalls(AssertionError):
    """More than Wine makes by itself."""


def check_stalls(stalls, calls):
    if stalls:
        print(f'{stalls} stalls in {calls} calls', file=sys.stderr, flush=True)
    if stalls > STALLS_ALWAYS + calls // CALLS_PER_STALL:
        raise TooManyStalls(f'{stalls} stalls in {calls} calls')


class Caller:
    """One open connection, bound to one interface."""

    def __init__(self, port, interface=DEMO, source='127.0.0.1'):
        self._port = port
        self._interface = interface
        self._source = source
        self.stalls = 0
        self.calls = 0
        self._connect()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.close()
        if kind is None:
            check_stalls(self.stalls, self.calls)

    def _connect(self):
        for attempt in range(ATTEMPTS):
            try:
                self._connect_once()
                return
            except TimeoutError:
                self.stalls += 1
                if attempt == ATTEMPTS - 1:
                    raise

    def _connect_once(self):
        self._transport = _Transport('127.0.0.1', self._port)
        self._transport.source = self._source
        self._dce = self._transport.get_dce_rpc()
        self._dce.connect()
        self.client_port = self._transport.socket.getsockname()[1]
        self._transport.socket.settimeout(STALL_SECONDS)
        try:
            self._dce.bind(uuidtup_to_bin(self._interface))
        except BaseException:
            self.close()
            raise

    def close(self):
        self._dce.disconnect()

    def _answer(self):
        """The stub data; frees an answer that is stuck."""
        for attempt in range(ATTEMPTS):
            try:
                return self._dce.recv()
            except TimeoutError:
                self.stalls += 1
                if self._transport.received or attempt == ATTEMPTS - 1:
                    raise
                self._transport.socket.sendall(PDU_CANCEL)
        raise AssertionError('not reached')

    def call(self, opnum, data=b''):
        """('ok', stub data) or ('fault', status), from the PDU on the wire."""
        self._transport.received = b''
        stalls = self.stalls
        self.calls += 1
        self._dce.call(opnum, data)
        try:
            outcome = 'ok', self._answer()
        except rpcrt.DCERPCException:
            pdu = self._transport.received
            if len(pdu) < FAULT_STATUS_OFFSET + 4 or pdu[2] != PDU_FAULT:
                raise
            outcome = 'fault', struct.unpack_from('<I', pdu, FAULT_STATUS_OFFSET)[0]
        if self.stalls > stalls:
            self.close()
            self._connect()
        return outcome

    def number(self, opnum, *arguments):
        """A call whose arguments and result are 32-bit numbers: the result, or ('fault', status)."""
        outcome, answer = self.call(opnum, struct.pack(f'<{len(arguments)}i', *arguments))
        return struct.unpack_from('<i', answer)[0] if outcome == 'ok' else (outcome, answer)

    def add(self, a=2, b=40):
        return self.number(ADD, a, b)

    def invert(self, data):
        """The bytes as the server gives them back (inverted), or ('fault', status)."""
        padding = b'\0' * (-len(data) % 4)
        outcome, answer = self.call(INVERT, struct.pack('<II', len(data), len(data)) + data + padding)
        if outcome != 'ok':
            return outcome, answer
        size = struct.unpack_from('<I', answer)[0]
        return bytes(answer[4:4 + size])


def call_once(port, opnum, *arguments, interface=DEMO, source='127.0.0.1'):
    """One call on a connection of its own."""
    with Caller(port, interface, source) as caller:
        return caller.number(opnum, *arguments)


class SteadyCaller:
    """Calls add() in a loop on one connection, from a thread of its own, and counts what came back.

    counts: 'ok', 'denied' (fault 5) and 'other'; what was other is in `surprises`.
    """

    def __init__(self, port, interface=DEMO, source='127.0.0.1', opnums=(ADD,), interval=0.0):
        self.counts = collections.Counter()
        self.outcomes = []      # (opnum, 'ok' | 'denied' | 'other') in order
        self.surprises = []
        self._opnums = opnums
        self._interval = interval
        self._end = threading.Event()
        self._caller = Caller(port, interface, source)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _call(self, number):
        opnum = self._opnums[number % len(self._opnums)]
        arguments = {ADD: (number & 0xffff, 40), SLEEP: (1,)}.get(opnum, ())
        result = self._caller.number(opnum, *arguments)
        if result == ('fault', ACCESS_DENIED):
            return opnum, 'denied'
        if isinstance(result, int) and (opnum != ADD or result == (number & 0xffff) + 40):
            return opnum, 'ok'
        self.surprises.append(result)
        return opnum, 'other'

    def _run(self):
        number = 0
        while not self._end.is_set():
            try:
                outcome = self._call(number)
            except Exception as error:      # a lost connection is a result, not a reason to die
                self.surprises.append(repr(error))
                self.counts['other'] += 1
                return
            self.outcomes.append(outcome)
            self.counts[outcome[1]] += 1
            number += 1
            self._end.wait(self._interval)

    @property
    def stalls(self):
        return self._caller.stalls

    def stop(self):
        self._end.set()
        self._thread.join(SECONDS + 5)
        self._caller.close()
        return self.counts

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.stop()
        if kind is None:
            check_stalls(self.stalls, self._caller.calls)


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]

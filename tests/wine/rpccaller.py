# SPDX-License-Identifier: Apache-2.0
"""Calls from outside Wine over ncacn_ip_tcp with impacket, from a chosen source address.

One connection at a time: with two parallel TCP clients Wine's own runtime stalls now and then.
"""
import collections
import socket
import struct
import threading

from impacket.dcerpc.v5 import rpcrt, transport
from impacket.uuid import uuidtup_to_bin

DEMO = ('6f1d2c3a-8b4e-4a57-9c0d-5e2f7a1b3c4d', '1.0')
OTHER = ('0b5e7d91-3c2f-4e68-8a1b-d4f60c9e7a25', '2.1')
DRSUAPI = ('e3514235-4b06-11d1-ab04-00c04fc2dcd2', '4.0')

ADD, INVERT, SLEEP, PID, SERVED, SHUTDOWN = range(6)

ACCESS_DENIED = 5
SECONDS = 10

PDU_RESPONSE = 2
PDU_FAULT = 3
FAULT_STATUS_OFFSET = 24    # after the common header of 16 bytes, alloc_hint, context id, cancel count and a pad


class _Transport(transport.TCPTransport):
    """Connects from `source` and keeps what came in, so that a test sees the PDU itself."""

    source = None
    received = b''

    def connect(self):
        peer = (self.getRemoteHost(), self.get_dport())
        connected = socket.create_connection(peer, timeout=SECONDS, source_address=(self.source, 0))
        # impacket keeps its socket private and has no setting for the source address.
        self._TCPTransport__socket = connected
        self.client_port = connected.getsockname()[1]
        return 1

    def recv(self, forceRecv=0, count=0):
        data = super().recv(forceRecv, count)
        self.received += data
        return data


class Caller:
    """One open connection, bound to one interface."""

    def __init__(self, port, interface=DEMO, source='127.0.0.1'):
        self._transport = _Transport('127.0.0.1', port)
        self._transport.source = source
        self._dce = self._transport.get_dce_rpc()
        self._dce.connect()
        try:
            self._dce.bind(uuidtup_to_bin(interface))
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._dce.disconnect()

    @property
    def client_port(self):
        return self._transport.client_port

    def call(self, opnum, data=b''):
        """('ok', stub data) or ('fault', status), from the PDU on the wire."""
        self._transport.received = b''
        self._dce.call(opnum, data)
        try:
            answer = self._dce.recv()
        except rpcrt.DCERPCException:
            pdu = self._transport.received
            if len(pdu) < FAULT_STATUS_OFFSET + 4 or pdu[2] != PDU_FAULT:
                raise
            return 'fault', struct.unpack_from('<I', pdu, FAULT_STATUS_OFFSET)[0]
        return 'ok', answer

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

    def stop(self):
        self._end.set()
        self._thread.join(SECONDS + 5)
        self._caller.close()
        return self.counts

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]

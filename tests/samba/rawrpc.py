# SPDX-License-Identifier: Apache-2.0
"""DCE/RPC by hand, connection-oriented ([C706] chapter 12, [MS-RPCE] 2.2.2): for requests that no library would send."""
import socket
import struct
import uuid

REQUEST, RESPONSE, FAULT, BIND, BIND_ACK, ALTER_CONTEXT, ALTER_CONTEXT_RESPONSE = 0, 2, 3, 11, 12, 14, 15
FIRST_FRAGMENT, LAST_FRAGMENT, OBJECT = 0x01, 0x02, 0x80
NDR = uuid.UUID('8a885d04-1ceb-11c9-9fe8-08002b104860').bytes_le + struct.pack('<I', 2)
FRAGMENT_BYTES = 4280
HEADER_BYTES = 16

INTERFACES = {
    'epmapper': ('e1af8308-5d1f-11c9-91a4-08002b14a0fa', 3),
    'samr': ('12345778-1234-abcd-ef00-0123456789ac', 1),
    'lsarpc': ('12345778-1234-abcd-ef00-0123456789ab', 0),
    'netlogon': ('12345678-1234-abcd-ef00-01234567cffb', 1),
    'drsuapi': ('e3514235-4b06-11d1-ab04-00c04fc2dcd2', 4),
}


def pdu(kind, body, call=1, flags=FIRST_FRAGMENT | LAST_FRAGMENT):
    return struct.pack('<BBBB4sHHI', 5, 0, kind, flags, b'\x10\0\0\0', HEADER_BYTES + len(body), 0, call) + body


def contexts(*pairs):
    """The context list of a bind or alter-context: (context id, name of an interface or (uuid, version))."""
    text = struct.pack('<B3x', len(pairs))
    for context, interface in pairs:
        number, version = INTERFACES.get(interface, interface)
        text += struct.pack('<HBx', context, 1) + uuid.UUID(number).bytes_le + struct.pack('<I', version) + NDR
    return text


def bind(*pairs, kind=BIND, call=1, group=0):
    return pdu(kind, struct.pack('<HHI', FRAGMENT_BYTES, FRAGMENT_BYTES, group) + contexts(*pairs), call)


def requests(opnum, stub, context=0, call=1, room=FRAGMENT_BYTES):
    """All fragments of one request."""
    share = room - HEADER_BYTES - 8
    pieces = [stub[start:start + share] for start in range(0, len(stub), share)] or [b'']
    return b''.join(pdu(REQUEST, struct.pack('<IHH', len(stub), context, opnum) + piece, call,
                        (FIRST_FRAGMENT if number == 0 else 0) | (LAST_FRAGMENT if number == len(pieces) - 1 else 0))
                    for number, piece in enumerate(pieces))


class Connection:
    def __init__(self, port, address='127.0.0.1', source=None, timeout=10):
        self.socket = socket.create_connection((address, port), timeout, (source or '', 0))
        self.buffer = b''

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def receive(self):
        """One fragment: (kind, flags, body); EOFError when the server closed."""
        while len(self.buffer) < HEADER_BYTES or len(self.buffer) < self.length():
            more = self.socket.recv(1 << 16)
            if not more:
                raise EOFError
            self.buffer += more
        length = self.length()
        fragment, self.buffer = self.buffer[:length], self.buffer[length:]
        return fragment[2], fragment[3], fragment[HEADER_BYTES:]

    def length(self):
        return struct.unpack_from('<H', self.buffer, 8)[0]

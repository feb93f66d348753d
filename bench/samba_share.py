#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What share of a real Samba server's CPU time the agent takes, by kind of call: unauthenticated mgmt, and sealed SAMR.

A domain controller runs in a sandbox with rpcfirewall_measured.so preloaded, whose judge is timed (samba_measured_judge.c).
A client makes CALLS calls on one connection, from one to the next without a pause; the server's time is the run time that
the kernel has counted for its processes meanwhile (schedstat), of all of them, since nobody else calls. The judge's time is
the median, for the clock goes on while other programs have the processor; the mean, which holds that, stands beside it.
Needs root, Samba and impacket.
"""
import struct
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / 'tests' / 'samba'))

import sandbox                                                      # noqa: E402

CALLS = 4000
CLIENT = '''
import sys
sys.path.insert(0, sys.argv[1])
from caller import connection
from impacket.dcerpc.v5 import mgmt, transport
kind, count, address, domain, user, password = sys.argv[2:]
if kind == 'mgmt':
    dce = transport.DCERPCTransportFactory(f'ncacn_ip_tcp:{address}[135]').get_dce_rpc()
    dce.connect()
    dce.bind(mgmt.MSRPC_UUID_MGMT)
    call = lambda: mgmt.hinq_if_ids(dce)
else:
    call = connection(kind, address, domain, user, password)
call()
print('ready', flush=True)
sys.stdin.readline()
for _ in range(int(count)):
    call()
print('done', flush=True)
sys.stdin.readline()
'''


STEP_NS, STEPS = 100, 1024


def measured():
    """Calls by how long they were judged, in steps."""
    return struct.unpack(f'{STEPS}Q', Path('/run/rpcfw-measured').read_bytes()[:8 * STEPS])


def median(steps):
    rest = sum(steps) / 2
    for number, calls in enumerate(steps):
        if rest <= calls:
            return STEP_NS * (number + rest / max(calls, 1))
        rest -= calls
    return None


def mean(steps):
    return sum(STEP_NS * (number + 0.5) * calls for number, calls in enumerate(steps)) / sum(steps)


def run_times():
    """Nanoseconds that each of Samba's processes has run so far."""
    times = {}
    for pid in sandbox.samba_pids():
        try:
            times[pid] = int(Path(f'/proc/{pid}/schedstat').read_text().split()[0])
        except OSError:
            pass
    return times


def measure(kind, dcbox):
    with subprocess.Popen(['/usr/bin/python3', '-c', CLIENT, str(ROOT / 'tests' / 'samba'), kind, str(CALLS), dcbox.ADDRESS,
                           dcbox.DOMAIN, dcbox.ADMINISTRATOR, dcbox.PASSWORD],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
        assert client.stdout.readline() == 'ready\n'
        steps = measured()
        before = run_times()
        client.stdin.write('\n')
        client.stdin.flush()
        assert client.stdout.readline() == 'done\n'
        after = run_times()
        steps = [new - old for new, old in zip(measured(), steps)]
        client.stdin.close()
    ran = sum(after[pid] - before[pid] for pid in after.keys() & before.keys())
    return median(steps), mean(steps), ran / CALLS


def rules(count):
    """None of them decides: half are about other addresses, half about other callers."""
    for number in range(count):
        where = number // 250 % 250, 1 + number % 250
        yield (f'fw:addr:192.0.{where[0]}.{where[1]} action:block' if number % 2 == 0 or count < 2 else
               f'fw:uuid:drsuapi opnum:3 addr:192.0.{where[0]}.{where[1]} action:block')


def main():
    sandbox.enter()
    import dcbox
    from hostfirewall import HostFirewall
    agent = sandbox.BUILD / 'bench' / 'rpcfirewall_measured.so'
    dc = dcbox.DomainController()
    firewall = HostFirewall()
    try:
        firewall.write_policy('fw:action:allow')
        dc.start(LD_PRELOAD=str(agent))
        firewall.start_service()
        print('  rules  audited  call      judge        mean     server    share')
        for count in (0, 100, 10000):
            for audit in (False, True):
                end = [f'fw:action:allow audit:{"true" if audit else "false"}']
                firewall.write_policy('option json off', 'option journal off', *sorted(rules(count)), *end)
                firewall.must('update')
                for kind in ('mgmt', 'samr'):
                    judge, average, server = measure(kind, dcbox)
                    print(f'{count:7}  {"yes" if audit else "no":7}  {kind:4}  {judge:7.0f} ns  {average:7.0f} ns  '
                          f'{server / 1000:6.1f} us  {100 * judge / server:5.1f} %', flush=True)
    finally:
        firewall.stop_service()
        dc.stop()


if __name__ == '__main__':
    main()

# SPDX-License-Identifier: Apache-2.0
"""The firewall on the sandbox's host: command line, policy, service, and what it recorded."""
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import sandbox

sys.path.insert(0, str(sandbox.SOURCE / 'tests'))
from audit_lines import field, read_event  # noqa: E402

POLICY = Path('/etc/rpcfw/RpcFw.conf')
AUDIT = Path('/var/log/rpcfw/audit.jsonl')
CALL_ACTIONS = ('rpc-call-allowed', 'rpc-call-blocked', 'rpc-call-would-block')
POLICIES = sandbox.SOURCE / 'policies'
# What the sets of the ready policies mean in a sandbox.
READY_SETS = {
    'dcs': f'127.0.0.1,{sandbox.OTHER_DC}', 'admins': sandbox.ADMIN, 'print_admins': sandbox.ADMIN,
}


def ready_policy(name, **sets):
    """The text of policies/NAME.conf with its sets filled in."""
    text = (POLICIES / f'{name}.conf').read_text(encoding='utf-8')
    for key, value in {**READY_SETS, **sets}.items():
        text = re.sub(rf'^set {key} .*$', f'set {key} {value}', text, flags=re.M)
    return text


class HostFirewall:
    def __init__(self):
        self.service = None
        self._read = 0          # bytes of the audit that were looked at already

    # ---- Command line ----

    def rpcfw(self, *arguments, timeout=120):
        return subprocess.run([sandbox.RPCFW, *map(str, arguments)], capture_output=True, text=True, errors='replace',
                              timeout=timeout, check=False)

    def must(self, *arguments, **options):
        done = self.rpcfw(*arguments, **options)
        if done.returncode != 0:
            raise AssertionError(f'rpcfw {arguments} ended with {done.returncode}\n{done.stdout}{done.stderr}')
        return done.stdout

    def status(self):
        return json.loads(self.must('status', '--json'))

    def unprotected(self):
        """Processes that serve RPC without protection, as the manager sees it."""
        return [process for process in self.status()['processes'] if not process['covered']]

    # ---- Policy ----

    def write_policy(self, *lines):
        """Line n of the file is the nth given, so that rule numbers are known."""
        POLICY.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = POLICY.with_suffix('.new')
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 'w', encoding='utf-8') as file:
            file.write('\n'.join(lines) + '\n')
        new.rename(POLICY)

    def put_in_force(self, *lines):
        self.write_policy(*lines)
        return self.must('update')

    # ---- Service ----

    def start_service(self, *arguments):
        """`rpcfw serve`, as its unit would start it."""
        errors = open('/run/rpcfw-serve.log', 'ab')    # noqa: SIM115  (the service's)
        self.service = subprocess.Popen([sandbox.RPCFW, 'serve', *arguments], stdin=subprocess.DEVNULL, stdout=errors, stderr=errors,
                                        preexec_fn=sandbox.die_with_parent)
        errors.close()

    def stop_service(self):
        self.service.terminate()
        code = self.service.wait(10)
        self.service = None
        return code

    # ---- Audit ----

    def events(self):
        """Every event since the last skip; each line must be valid."""
        try:
            lines = AUDIT.read_bytes()[self._read:].split(b'\n')
        except FileNotFoundError:
            return []
        return [read_event(line) for line in lines[:-1]]

    def skip_events(self):
        with_line_ends = AUDIT.read_bytes() if AUDIT.exists() else b''
        self._read = with_line_ends.rfind(b'\n') + 1

    def calls(self, **wanted):
        """Recorded calls whose fields are as wanted: calls(rpc_method='…')."""
        return [event for event in self.matching(**wanted) if field(event, 'event.action') in CALL_ACTIONS]

    def matching(self, **wanted):
        return [event for event in self.events()
                if all(field(event, name.replace('_', '.')) == value for name, value in wanted.items())]

    def wait_calls(self, count=1, timeout=5, **wanted):
        sandbox.wait_until(lambda: len(self.calls(**wanted)) >= count, timeout, 0.05)
        return self.calls(**wanted)

    def wait_events(self, count=1, timeout=5, **wanted):
        """The same for events of any kind."""
        sandbox.wait_until(lambda: len(self.matching(**wanted)) >= count, timeout, 0.05)
        return self.matching(**wanted)

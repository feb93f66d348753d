# SPDX-License-Identifier: Apache-2.0
"""The firewall in a Wine box: the manager in a folder of its own beside its policy, and the audit it writes."""
import json
import re
import shutil
import sys
import time
from pathlib import Path

import winebox

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from audit_lines import field, read_event  # noqa: E402,F401

AGENT = 'rpcFirewall.dll'
BINARIES = ('rpcFwManager.exe', AGENT, 'rpcMessages.dll')
MODULE_GONE_SECONDS = 1.0   # what the agents promise

# agent_status.h
AGENT_PROTECTED, AGENT_LEAVING = 1, 2
REASON_NO_RPC, REASON_LOCAL_ONLY, REASON_NO_POLICY = 1, 2, 3


class Firewall:
    def __init__(self, box, install=True):
        self.box = box
        self.folder = box.folder('rpcfw')
        for name in BINARIES:
            built = winebox.BUILD / name
            if not built.exists():
                raise winebox.WineError(f'{built} is not built: run make windows-x64')
            shutil.copy2(built, self.folder / name)
        self.program = self.folder / 'rpcFwManager.exe'
        self.policy = self.folder / 'RpcFw.conf'
        self.audit = self.folder / 'audit.jsonl'
        self._read = 0      # bytes of the audit that were looked at already
        if install:
            self.must('install')

    def write_policy(self, *lines, audit=True):
        """Line n of the file is the nth given, so that rule numbers are known; the options come last."""
        text = '\n'.join(lines) + '\n'
        if audit:
            text += f'option json {self.box.windows_path(self.folder)}\\audit.jsonl\n'
        self.policy.write_text(text, encoding='utf-8')

    def manager(self, *arguments, timeout=60):
        return self.box.run(self.program, *arguments, timeout=timeout)

    def start_manager(self, *arguments):
        return self.box.start(self.program, *arguments, ready=None)

    def must(self, *arguments, timeout=60):
        """A verb that has to succeed; returns its stdout."""
        done = self.manager(*arguments, timeout=timeout)
        if done.returncode != 0:
            raise AssertionError(f'rpcFwManager {arguments}: exit code {done.returncode}\n{done.stdout}{done.stderr}')
        return done.stdout

    def protect(self, program):
        """Protects a running Program with the policy in force, or with the file when there is none."""
        return self.must('pid', program.pid)

    def unprotect(self, program):
        return self.must('unprotect', program.pid)

    def load_by_hand(self, program):
        """Has a process load the agent's DLL with no manager near: (state, reason), as agent_status.h numbers them."""
        dll = self.box.windows_path(self.box.drive_c / 'windows/system32' / AGENT)
        for attempt in range(3):
            done = self.box.start_test_program('inject', 'load', program.pid, dll, ready=None)
            try:
                line = done.line(10)
            except winebox.WineError:
                # Wine's Toolhelp now and then walks a module list for ever that changes meanwhile; the program that
                # asked hangs, the agent does not: it is gone by itself, and the question is asked again.
                done.kill()
                if attempt == 2 or winebox.wait_until(lambda: not program.has_module(AGENT), 5) is None:
                    raise
                continue
            said = re.fullmatch(r'LOADED state=(\d+) reason=(\d+)', line)
            if not said:
                raise AssertionError(f'inject load {program.pid}: {done.lines} {done.errors()}')
            return int(said.group(1)), int(said.group(2))

    def apply(self, *lines, audit=True):
        """Writes the policy and puts it in force."""
        self.write_policy(*lines, audit=audit)
        return self.must('update')

    def status(self):
        return json.loads(self.must('status', '--json'))

    # ---- The audit ----

    def _lines(self):
        if not self.audit.exists():
            return []
        with open(self.audit, 'rb') as file:
            file.seek(self._read)
            new = file.read()
        complete = new[:new.rfind(b'\n') + 1]
        return complete.splitlines()

    def events(self, action=None):
        """The events since skip_events(); action: rpc-call-allowed, …, or None for all."""
        events = [read_event(line) for line in self._lines()]
        return [event for event in events if action in (None, field(event, 'event.action'))]

    def calls(self):
        return [event for event in self.events() if field(event, 'event.action').startswith('rpc-call-')]

    def skip_events(self):
        self._read = self.audit.stat().st_size if self.audit.exists() else 0

    def wait_calls(self, count, timeout=5, settle=0.3):
        """The calls since skip_events(), once there are as many; a little more, so that one too many is seen."""
        winebox.wait_until(lambda: len(self.calls()) >= count, timeout)
        time.sleep(settle)
        return self.calls()


def whoami(output):
    """What rpc_client --whoami said of itself: sid, domain and user."""
    return dict(re.findall(r'^(sid|domain|user)=(.+)$', output, re.MULTILINE))


def table_row(output, pid):
    """The line that the manager printed about a process."""
    found = re.search(rf'^\s*{pid}\s.*$', output, re.MULTILINE)
    return found.group(0).strip() if found else None

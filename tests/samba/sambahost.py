# SPDX-License-Identifier: Apache-2.0
"""A sandbox's host that runs Samba in some role: starting it, ending it with all its children, seeing it crash."""
import contextlib
import os
import re
import socket
import subprocess
from pathlib import Path

import sandbox
from sandbox import SandboxError, run

ADDRESS = '127.0.0.1'
START_SECONDS = 60
STATE, CONFIGURATION = Path('/var/lib/samba'), Path('/etc/samba')
CONSOLE = Path('/var/log/samba/console')
CRASH_WORDS = ('PANIC', 'INTERNAL ERROR', 'terminated with signal 11', 'terminated with signal 6', 'terminated with signal 7',
               'Segmentation fault')


def must(*argv, **options):
    """Runs a program that cannot fail here."""
    done = run(*argv, **options)
    if done.returncode != 0:
        raise SandboxError(f'{argv} ended with {done.returncode}: {done.stdout[-2000:]}')
    return done.stdout


def write(path, *lines):
    path = Path(path)
    if path.is_symlink():
        path.unlink()
    path.write_text('\n'.join(lines) + '\n', encoding='utf-8')


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex((ADDRESS, port)) == 0


class SambaHost:
    """One per test program; Samba is started and stopped in it as often as wanted. Use as a context manager."""
    PROBES = ()         # arguments of rpcclient: it is up when all of them succeed
    LOGON = ''

    def __init__(self):
        sandbox.make_private()
        self.journal = sandbox.Journal()
        self.process = None
        self.probed = None      # the last question whether it is up

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def start_command(self, *command, **environment):
        log = open(CONSOLE, 'ab')       # noqa: SIM115  (the server's)
        # `samba` ends with its input.
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True,
                                        env={'PATH': os.environ['PATH'], 'LC_ALL': 'C.UTF-8', **environment},
                                        preexec_fn=sandbox.die_with_parent)
        log.close()
        if sandbox.wait_until(self.answers, START_SECONDS, 0.2) is None:
            raise SandboxError('Samba does not answer.\n' + self.picture())

    def picture(self):
        """For a failure that nobody can repeat: what was asked last, what runs and where it waits, what the logs say."""
        parts = [f'{self.probed}', CONSOLE.read_text(encoding='utf-8', errors='replace')]
        for pid, (parent, name) in sorted(sandbox.processes().items()):
            with contextlib.suppress(OSError):
                status = Path(f'/proc/{pid}/status').read_text(encoding='utf-8')
                tracer = re.search(r'TracerPid:\s*(\d+)', status)[1]
                where = Path(f'/proc/{pid}/wchan').read_text(encoding='utf-8')
                parts.append(f'{pid} of {parent}: {name}, waits in {where}, traced by {tracer}')
        for log in sorted(Path('/var/log/samba').glob('*log*')):
            if log.is_file():
                parts.append(f'{log}: ' + log.read_text(encoding='utf-8', errors='replace')[-1500:])
        return '\n'.join(parts)

    def answers(self):
        if self.process.poll() is not None:
            raise SandboxError('Samba ended.\n' + self.picture())
        for probe in self.PROBES:
            self.probed = self.rpcclient(*probe)
            if self.probed.returncode != 0:
                return False
        return True

    def rpcclient(self, binding, command, logon=None, **options):
        return run('rpcclient', '-U', logon or self.LOGON, binding, '-c', command, **options)

    def stop(self):
        """Ends it and all that came of it: samba-dcerpcd makes a session of its own and outlives the rest."""
        if self.process is None:
            return
        self.process.terminate()
        sandbox.wait_until(lambda: self.process.poll() is not None, 10)
        sandbox.end_processes(sandbox.samba_pids())
        self.process.wait()
        self.process.stdin.close()
        self.process = None
        for leftover in Path('/run/samba').glob('*.pid'):
            leftover.unlink()

    @staticmethod
    def crashes():
        """What Samba's logs tell of processes that panicked or were ended by a signal."""
        return [f'{log.name}: {line}' for log in Path('/var/log/samba').glob('*') if log.is_file()
                for line in log.read_text(encoding='utf-8', errors='replace').splitlines()
                if any(word in line for word in CRASH_WORDS)]

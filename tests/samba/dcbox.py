# SPDX-License-Identifier: Apache-2.0
"""A whole Active Directory domain controller on loopback, in a sandbox.

The domain is provisioned once per version of Samba and kept in the build folder; each box starts from a copy of it. It lies
where Samba's own defaults are, so every tool finds it without being told.
"""
import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import sandbox
from sandbox import SandboxError, run

REALM, DOMAIN, HOST = 'RPCFW.TEST', 'RPCFW', 'dc1'
DNS_DOMAIN = REALM.lower()
FULL_NAME = f'{HOST}.{DNS_DOMAIN}'
ADDRESS = '127.0.0.1'
ADMINISTRATOR, PASSWORD = 'Administrator', 'Adm1n.Pass!'
USER, USER_PASSWORD = 'alice', 'Us3r.Pass!'
LOGON = f'{DOMAIN}/{ADMINISTRATOR}%{PASSWORD}'
START_SECONDS = 60
CACHE = sandbox.BUILD / 'tests/samba/provisioned'
STATE, CONFIGURATION = Path('/var/lib/samba'), Path('/etc/samba')
OPTIONS = {
    'interfaces': 'lo', 'bind interfaces only': 'yes', 'panic action': '',
    'server services': 's3fs rpc ldap cldap kdc winbindd dns', 'dns forwarder': '0.0.0.0', 'tls enabled': 'no',
    'prefork children': '2',
}


def _write(path, *lines):
    path = Path(path)
    if path.is_symlink():
        path.unlink()
    path.write_text('\n'.join(lines) + '\n', encoding='utf-8')


def _copy(source, target):
    target.mkdir(parents=True, exist_ok=True)
    subprocess.run(['cp', '-a', '--sparse=always', f'{source}/.', str(target)], check=True)


def _must(*argv, **options):
    done = run(*argv, **options)
    if done.returncode != 0:
        raise SandboxError(f'{argv} ended with {done.returncode}: {done.stdout[-2000:]}')
    return done.stdout


def _provision():
    _must('samba-tool', 'domain', 'provision', '--realm=' + REALM, '--domain=' + DOMAIN, '--server-role=dc',
          '--dns-backend=SAMBA_INTERNAL', '--adminpass=' + PASSWORD, '--host-name=' + HOST, '--host-ip=' + ADDRESS,
          *(f'--option={name}={value}' for name, value in OPTIONS.items()), timeout=120)
    _must('samba-tool', 'user', 'create', USER, USER_PASSWORD)
    with open(CONFIGURATION / 'smb.conf', 'a', encoding='utf-8') as configuration:
        configuration.write(f'[share]\n\tpath = {STATE}/share\n\tread only = no\n'
                            f'[print$]\n\tpath = {STATE}/printers\n')
    (STATE / 'share').mkdir(mode=0o1777)
    (STATE / 'printers').mkdir()


def _domain_name():
    """One provisioned domain for each Samba and each way of provisioning."""
    version = _must('samba', '--version')
    text = version + Path(__file__).read_text(encoding='utf-8')
    return 'domain-' + hashlib.sha256(text.encode()).hexdigest()[:12]


def _fill_from_cache():
    """Puts a provisioned domain in place, which is made when there is none; two tests make it once."""
    CACHE.mkdir(parents=True, exist_ok=True)
    where = CACHE / _domain_name()
    with open(CACHE / 'lock', 'w', encoding='ascii') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not where.is_dir():
            for stale in CACHE.glob('domain-*'):
                shutil.rmtree(stale)
            _provision()
            # Renamed when whole: a run that dies half way leaves no broken domain.
            unfinished = Path(tempfile.mkdtemp(prefix='unfinished-', dir=CACHE))
            _copy(STATE, unfinished / 'state')
            _copy(CONFIGURATION, unfinished / 'configuration')
            unfinished.rename(where)
            return
    _copy(where / 'state', STATE)
    _copy(where / 'configuration', CONFIGURATION)


class DomainController:
    """The domain controller of this sandbox; one per test program, started and stopped as often as wanted."""

    def __init__(self):
        sandbox.make_private()
        self.journal = sandbox.Journal()
        self.process = None
        _write('/etc/hosts', f'{ADDRESS} {FULL_NAME} {HOST}', '127.0.0.1 localhost')
        _write('/etc/resolv.conf', f'nameserver {ADDRESS}', f'search {DNS_DOMAIN}')
        _write('/etc/krb5.conf', '[libdefaults]', f' default_realm = {REALM}', ' dns_lookup_realm = false',
               ' dns_lookup_kdc = false', ' rdns = false',
               '[realms]', f' {REALM} = {{', f'  kdc = {ADDRESS}', f'  admin_server = {ADDRESS}',
               f'  default_domain = {DNS_DOMAIN}', ' }',
               '[domain_realm]', f' .{DNS_DOMAIN} = {REALM}')
        _fill_from_cache()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self, model='prefork', **environment):
        """Starts `samba` in a process model (single, standard, prefork) and waits until it answers RPC."""
        log = open('/var/log/samba/console', 'ab')     # noqa: SIM115  (the server's)
        command = ['samba', '--foreground', '--model=' + model]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True,
                                        env={'PATH': os.environ['PATH'], 'LC_ALL': 'C.UTF-8', **environment},
                                        preexec_fn=sandbox.die_with_parent)
        log.close()
        if sandbox.wait_until(self.answers, START_SECONDS, 0.2) is None:
            raise SandboxError('samba does not answer: ' + Path('/var/log/samba/console').read_text(errors='replace'))

    def answers(self):
        """Whether RPC is served by pipe, by TCP, and by both samba-dcerpcd and the directory's own server."""
        if self.process.poll() is not None:
            raise SandboxError('samba ended: ' + Path('/var/log/samba/console').read_text(errors='replace'))
        return all(run('rpcclient', '-U', LOGON, binding, '-c', command, timeout=30).returncode == 0
                   for binding, command in ((f'ncacn_np:{ADDRESS}', 'getusername'), (f'ncacn_np:{ADDRESS}', 'srvinfo'),
                                            (f'ncacn_ip_tcp:{ADDRESS}[seal]', 'enumdomusers')))

    def stop(self):
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.terminate()
        sandbox.wait_until(lambda: self.process.poll() is not None, 10)
        sandbox.end_processes(sandbox.samba_pids())
        self.process.wait()
        self.process = None
        for leftover in Path('/run/samba').glob('*.pid'):
            leftover.unlink()

    def crashed(self):
        """What Samba's logs tell of a process that panicked or was ended by a signal."""
        told = ''
        for log in Path('/var/log/samba').glob('*'):
            if log.is_file():
                text = log.read_text(encoding='utf-8', errors='replace')
                told += ''.join(line + '\n' for line in text.splitlines()
                                if 'PANIC' in line or 'INTERNAL ERROR' in line or 'terminated with signal' in line)
        return told

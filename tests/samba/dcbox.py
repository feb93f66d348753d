# SPDX-License-Identifier: Apache-2.0
"""A whole Active Directory domain controller on loopback, in a sandbox.

The domain is provisioned once per version of Samba and kept in the build folder; each box starts from a copy of it. It lies
where Samba's own defaults are, so every tool finds it without being told.
"""
import fcntl
import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path

import sandbox
from sambahost import ADDRESS, CONFIGURATION, STATE, SambaHost, listens, must, write

REALM, DOMAIN, HOST = 'RPCFW.TEST', 'RPCFW', 'dc1'
DNS_DOMAIN = REALM.lower()
FULL_NAME = f'{HOST}.{DNS_DOMAIN}'
ADMINISTRATOR, PASSWORD = 'Administrator', 'Adm1n.Pass!'
USER, USER_PASSWORD = 'alice', 'Us3r.Pass!'
LOGON = f'{DOMAIN}/{ADMINISTRATOR}%{PASSWORD}'
CACHE = sandbox.BUILD / 'tests/samba/provisioned'
OPTIONS = {
    'interfaces': 'lo', 'bind interfaces only': 'yes', 'panic action': '',
    'server services': 's3fs rpc ldap cldap kdc drepl winbindd kcc dns', 'dns forwarder': '0.0.0.0', 'tls enabled': 'no',
    'prefork children': '2', 'kccsrv:periodic_startup_interval': '86400',
}


def _copy(source, target):
    target.mkdir(parents=True, exist_ok=True)
    subprocess.run(['cp', '-a', '--sparse=always', f'{source}/.', str(target)], check=True)


def _provision():
    must('samba-tool', 'domain', 'provision', '--realm=' + REALM, '--domain=' + DOMAIN, '--server-role=dc',
          '--dns-backend=SAMBA_INTERNAL', '--adminpass=' + PASSWORD, '--host-name=' + HOST, '--host-ip=' + ADDRESS,
          *(f'--option={name}={value}' for name, value in OPTIONS.items()), timeout=120)
    must('samba-tool', 'user', 'create', USER, USER_PASSWORD)
    must('samba-tool', 'domain', 'passwordsettings', 'set', '--min-pwd-age=0', '--history-length=0')
    with open(CONFIGURATION / 'smb.conf', 'a', encoding='utf-8') as configuration:
        configuration.write(f'[share]\n\tpath = {STATE}/share\n\tread only = no\n'
                            f'[print$]\n\tpath = {STATE}/printers\n')
    (STATE / 'share').mkdir()
    (STATE / 'share').chmod(0o1777)
    (STATE / 'printers').mkdir()


def _domain_name():
    """One provisioned domain for each Samba and each way of provisioning."""
    version = must('samba', '--version')
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


class DomainController(SambaHost):
    """A domain controller with one user, a share and a printer share."""
    LOGON = LOGON
    # samba-dcerpcd's servers and the directory's own, by pipe and by TCP.
    PROBES = ((f'ncacn_np:{ADDRESS}', 'getusername'), (f'ncacn_np:{ADDRESS}', 'srvinfo'),
              (f'ncacn_ip_tcp:{ADDRESS}[seal]', 'enumdomusers'))

    def __init__(self):
        super().__init__()
        write('/etc/hosts', f'{ADDRESS} {FULL_NAME} {HOST}', '127.0.0.1 localhost')
        write('/etc/resolv.conf', f'nameserver {ADDRESS}', f'search {DNS_DOMAIN}')
        write('/etc/krb5.conf', '[libdefaults]', f' default_realm = {REALM}', ' dns_lookup_realm = false',
              ' dns_lookup_kdc = false', ' rdns = false',
              '[realms]', f' {REALM} = {{', f'  kdc = {ADDRESS}', f'  admin_server = {ADDRESS}',
              f'  default_domain = {DNS_DOMAIN}', ' }',
              '[domain_realm]', f' .{DNS_DOMAIN} = {REALM}')
        _fill_from_cache()

    def answers(self):
        return super().answers() and all(listens(port) for port in (53, 88, 389, 464))

    @staticmethod
    def renew():
        """The domain as it was at first; not while it runs."""
        for folder in (STATE, CONFIGURATION):
            for entry in folder.iterdir():
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        _fill_from_cache()

    def start(self, model='prefork', **environment):
        """Starts `samba` in a process model (single, standard, prefork) and waits until it answers RPC."""
        self.start_command('samba', '--foreground', '--model=' + model, **environment)

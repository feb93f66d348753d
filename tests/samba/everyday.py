# SPDX-License-Identifier: Apache-2.0
"""What people and machines do with a domain controller all day: none of it may break under a policy.

Run from three places: a workstation (which is where attackers are, too), an administration host, another domain controller.
"""
import dataclasses
import shutil
from pathlib import Path

import dcbox
from dcbox import ADDRESS, DNS_DOMAIN, DOMAIN, FULL_NAME, LOGON, PASSWORD, REALM, USER, USER_PASSWORD
from sandbox import ADMIN, ATTACKER as WORKSTATION, OTHER_DC, run

HOST = ADDRESS
HERE = Path('/run/everyday')
TICKETS = {'KRB5CCNAME': f'FILE:{HERE}/tickets'}
NEW_PASSWORD = 'N3w.Pass!word'
USER_LOGON = f'{DOMAIN}/{USER}%{USER_PASSWORD}'
MEMBER = HERE / 'member/smb.conf'
LDAP = ('-H', f'ldap://{FULL_NAME}', '-U', LOGON)
DEFAULT_GPO = f'{DNS_DOMAIN}/Policies/{{31B2F340-016D-11D2-945F-00C04FB984F9}}'


@dataclasses.dataclass(frozen=True)
class Use:
    name: str
    source: str | None          # address it calls from; None: as the domain controller's own processes do
    argv: tuple
    shows: str = ''             # what its output must hold
    stdin: str = ''
    tickets: bool = False


def _rpcclient(name, binding, command, shows, logon=LOGON, source=WORKSTATION):
    return Use(name, source, ('rpcclient', '-U', logon, binding, '-c', command), shows)


def _kerberos(argv):
    return (*argv, '--use-kerberos=required', f'--use-krb5-ccache={HERE}/tickets')


NP, TCP = f'ncacn_np:{HOST}', f'ncacn_ip_tcp:{HOST}'

USES = (
    # Users at their workstations.
    Use('list of shares', WORKSTATION, ('smbclient', '-L', HOST, '-U', USER_LOGON), 'sysvol'),
    Use('file to a share and back', WORKSTATION,
        ('smbclient', f'//{HOST}/share', '-U', USER_LOGON, '-c', 'put /etc/hostname h; get h /dev/null; ls; del h'), 'h '),
    Use('encrypted SMB', WORKSTATION,
        ('smbclient', f'//{HOST}/share', '-U', USER_LOGON, '--client-protection=encrypt', '-c', 'ls'), 'blocks'),
    Use('Kerberos ticket', WORKSTATION, ('kinit', f'{USER}@{REALM}'), '', USER_PASSWORD + '\n', tickets=True),
    Use('share by Kerberos', WORKSTATION, _kerberos(('smbclient', f'//{FULL_NAME}/share', '-c', 'ls')), 'blocks', tickets=True),
    Use('SAMR by Kerberos over TCP', WORKSTATION,
        _kerberos(('rpcclient', f'ncacn_ip_tcp:{FULL_NAME}[seal,krb5]', '-c', f'lookupdomain {DOMAIN}')), 'S-1-5-21', tickets=True),
    Use('group policy file', WORKSTATION,
        ('smbclient', f'//{HOST}/sysvol', '-U', USER_LOGON, '-c', f'get {DEFAULT_GPO}/GPT.INI -'), 'Version='),
    Use('group policies of a user', WORKSTATION, ('samba-tool', 'gpo', 'list', USER, *LDAP), 'Default Domain Policy'),
    _rpcclient('who am I', NP, 'getusername', USER, USER_LOGON),
    _rpcclient('name to SID', NP, f'lookupnames {USER}', 'S-1-5-21', USER_LOGON),
    _rpcclient('SID to name', NP, 'lookupsids S-1-5-32-544', 'Administrators', USER_LOGON),
    _rpcclient('names by a sealed connection', f'{NP}[seal]', f'lookupnames {USER}', 'S-1-5-21', USER_LOGON),
    _rpcclient('an account', NP, f'queryuser {USER}', USER, USER_LOGON),
    _rpcclient('groups of an account', NP, 'queryusergroups 0x1f4', 'group rid', USER_LOGON),
    _rpcclient('role of the server', NP, 'dsroledominfo', 'Machine Role', USER_LOGON),
    _rpcclient('domain', NP, 'lsaquery', DOMAIN, USER_LOGON),
    _rpcclient('domain controllers', NP, f'dsr_getdcname {DOMAIN}', 'dc_unc', USER_LOGON),
    _rpcclient('server information', NP, 'srvinfo', 'platform_id', USER_LOGON),
    Use('new password by SAMR', WORKSTATION, ('smbpasswd', '-s', '-r', HOST, '-U', USER), 'Password changed',
        f'{USER_PASSWORD}\n{NEW_PASSWORD}\n{NEW_PASSWORD}\n'),
    Use('old password again by Kerberos', WORKSTATION, ('kpasswd', f'{USER}@{REALM}'), 'Password changed',
        f'{NEW_PASSWORD}\n{USER_PASSWORD}\n{USER_PASSWORD}\n', tickets=True),
    # A member.
    Use('member joins', WORKSTATION, ('net', 'ads', 'join', '-U', LOGON, '-S', FULL_NAME, '--no-dns-updates', '-s', MEMBER),
        "Joined 'MEMBER'"),
    Use('member tests its secure channel', WORKSTATION, ('net', 'rpc', 'testjoin', '-S', FULL_NAME, '-s', MEMBER), 'OK'),
    Use('member tests its tickets', WORKSTATION, ('net', 'ads', 'testjoin', '-S', FULL_NAME, '-s', MEMBER), 'OK'),
    Use('member changes its password', WORKSTATION, ('net', 'rpc', 'changetrustpw', '-S', FULL_NAME, '-s', MEMBER), ''),
    Use('domain information', WORKSTATION, ('net', 'rpc', 'info', '-U', LOGON, '-S', HOST), 'Num users'),
    Use('directory information', WORKSTATION, ('net', 'ads', 'info', '-S', HOST), 'LDAP server'),
    Use('domain information by CLDAP', WORKSTATION, ('samba-tool', 'domain', 'info', HOST), DNS_DOMAIN),
    # Administrators at an administration host.
    Use('user made', ADMIN, ('samba-tool', 'user', 'create', 'bob', USER_PASSWORD, *LDAP), 'added'),
    Use('users', ADMIN, ('samba-tool', 'user', 'list', *LDAP), 'bob'),
    Use('password set', ADMIN, ('samba-tool', 'user', 'setpassword', 'bob', '--newpassword', NEW_PASSWORD, *LDAP), 'OK'),
    Use('DNS records', ADMIN, ('samba-tool', 'dns', 'query', FULL_NAME, DNS_DOMAIN, '@', 'ALL', '-U', LOGON), 'SOA: '),
    Use('DNS record made', ADMIN, ('samba-tool', 'dns', 'add', FULL_NAME, DNS_DOMAIN, 'pc', 'A', WORKSTATION, '-U', LOGON), 'added'),
    Use('DNS zones', ADMIN, ('samba-tool', 'dns', 'zonelist', FULL_NAME, '-U', LOGON), DNS_DOMAIN),
    Use('DNS zone made', ADMIN, ('samba-tool', 'dns', 'zonecreate', FULL_NAME, 'new.test', '-U', LOGON), 'created'),
    Use('state of replication', ADMIN, ('samba-tool', 'drs', 'showrepl', FULL_NAME, '-U', LOGON), 'INBOUND NEIGHBORS'),
    Use('replication planned', ADMIN, ('samba-tool', 'drs', 'kcc', FULL_NAME, '-U', LOGON), 'successful'),
    Use('group policies', ADMIN, ('samba-tool', 'gpo', 'listall', *LDAP), 'Default Domain Policy'),
    Use('services', ADMIN, ('net', 'rpc', 'service', 'list', '-U', LOGON, '-S', HOST), 'Spooler'),
    Use('registry', ADMIN, ('net', 'rpc', 'registry', 'enumerate', 'HKLM\\SOFTWARE', '-U', LOGON, '-S', HOST), 'Microsoft'),
    Use('sessions', ADMIN, ('rpcclient', '-U', LOGON, NP, '-c', 'netsessenum'), ''),
    Use('shares', ADMIN, ('rpcclient', '-U', LOGON, NP, '-c', 'netshareenumall'), 'sysvol'),
    Use('printers', ADMIN, ('rpcclient', '-U', LOGON, NP, '-c', 'enumprinters'), ''),
    Use('accounts', ADMIN, ('rpcclient', '-U', LOGON, f'{TCP}[seal]', '-c', 'enumdomusers'), 'krbtgt'),
    # The domain controller itself, and a second one.
    Use('winbind: account', None, ('wbinfo', '-i', f'{DOMAIN}\\{USER}'), USER),
    Use('winbind: users', None, ('wbinfo', '-u'), USER),
    Use('winbind: trust', None, ('wbinfo', '-t'), 'succeeded'),
    Use('winbind: logon', None, ('wbinfo', '-a', f'{DOMAIN}\\{USER}%{USER_PASSWORD}'), 'succeeded'),
    Use('copy of the directory', OTHER_DC,
        ('samba-tool', 'drs', 'clone-dc-database', DNS_DOMAIN, f'--server={FULL_NAME}', f'--targetdir={HERE}/clone', '-U', LOGON),
        'Cloned domain'),
    Use('second domain controller', OTHER_DC,
        ('samba-tool', 'domain', 'join', DNS_DOMAIN, 'DC', f'--server={FULL_NAME}', f'--targetdir={HERE}/dc2', '-U', LOGON,
         '--option=netbios name=DC2', '--option=interfaces=lo', '--dns-backend=SAMBA_INTERNAL'),
        'Joined domain'),
    Use('state of replication afterwards', ADMIN, ('samba-tool', 'drs', 'showrepl', FULL_NAME, '-U', LOGON), 'DC2'),
)


def prepare():
    """Afresh: tickets, the member's folder, what an earlier round made in the domain."""
    shutil.rmtree(HERE, ignore_errors=True)
    (HERE / 'member').mkdir(parents=True)
    folder = HERE / 'member'
    MEMBER.write_text('[global]\n\tworkgroup = %s\n\trealm = %s\n\tsecurity = ads\n\tnetbios name = MEMBER\n' % (DOMAIN, REALM)
                      + ''.join(f'\t{name} directory = {folder}\n' for name in ('private', 'lock', 'state', 'cache', 'pid')),
                      encoding='utf-8')


def do(use):
    """(whether it went as it should, what it printed)."""
    done = run(*use.argv, source=use.source, stdin=use.stdin, timeout=120, **(TICKETS if use.tickets else {}))
    return done.returncode == 0 and use.shows in done.stdout, f'exit code {done.returncode}: {done.stdout[-1500:]}'

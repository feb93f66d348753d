# SPDX-License-Identifier: Apache-2.0
"""Attacks on a domain controller: how to run each, how its success shows, and what the firewall must see of it."""
import dataclasses
import json
import re
import subprocess
import sys
from pathlib import Path

import dcbox
import sandbox

PIPE = tuple((encrypt, seal) for encrypt in (False, True) for seal in (False, True))
UNSEALED = PIPE[::2]
PLAIN = ((False, False),)


@dataclasses.dataclass(frozen=True)
class Attack:
    interface: str              # its name in events
    methods: tuple              # the methods that make the attack, of all that the tool calls
    works: str                  # what the tool prints when nothing stops it: a regular expression
    manners: tuple = PIPE       # (encryption by SMB, RPC sealed besides what the tool does by itself)
    account: bool = True        # whether the caller is known by name
    outcome: str = 'done'       # against plain Samba


ATTACKS = {
    'dcsync': Attack('drsuapi', ('DRSGetNCChanges',), r'(?m)^krbtgt:502:\w{32}:(\w{32}):::', UNSEALED),
    'samrdump': Attack('samr', ('SamrEnumerateUsersInDomain',), r'Found user: krbtgt'),
    'lookupsid': Attack('lsarpc', ('LsarLookupSids',), r'500: RPCFW\\Administrator'),
    'addcomputer': Attack('samr', ('SamrCreateUser2InDomain', 'SamrSetInformationUser2'), r'Successfully added machine account', UNSEALED),
    'services': Attack('svcctl', ('ROpenSCManagerW', 'REnumServicesStatusW'), r'Spooler'),
    'service-create': Attack('svcctl', ('RCreateServiceW',), r'nca_s_op_rng_error'),
    'reg': Attack('winreg', ('OpenLocalMachine', 'BaseRegEnumValue'), r'CurrentVersion|SystemRoot'),
    'sessions': Attack('srvsvc', ('NetrSessionEnum',), r'session .*127.0.0.2'),
    'shares': Attack('srvsvc', ('NetrShareEnum',), r'share sysvol'),
    'zerologon': Attack('netlogon', ('NetrServerAuthenticate3',), r'(?s)(NetrServerAuthenticate3: c000.*){5}', PLAIN, account=False),
    'printerbug': Attack('spoolss', ('RpcRemoteFindFirstPrinterChangeNotificationEx',), r'ChangeNotificationEx: '),
    'dfscoerce': Attack('netdfs', ('NetrDfsRemoveStdRoot',), r'nca_s_op_rng_error', outcome='other'),
    'petitpotam': Attack('efsrpc2', (), r'abstract_syntax_not_supported|provider_rejection', outcome='other'),
}


class Attacker:
    """impacket at an address, in a process of its own."""

    def __init__(self, source=sandbox.ATTACKER, user=dcbox.ADMINISTRATOR, password=dcbox.PASSWORD):
        self.user, self.password = user, password
        self.computers = 0
        self.process = subprocess.Popen(['/usr/bin/python3', Path(__file__).with_name('attacker.py')], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        env=sandbox.client_environment(source), preexec_fn=sandbox.die_with_parent)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()

    def run(self, name, encrypt=False, seal=False):
        """(outcome, output): "done", "denied" or "other", and what the tool printed."""
        self.computers += 1
        words = {'computer': f'C{self.process.pid}-{self.computers}', 'host': dcbox.HOST.upper(),
                 'listener': sandbox.ATTACKER}
        asked = {'attack': name, 'encrypt': encrypt, 'seal': seal, 'address': dcbox.ADDRESS, 'domain': dcbox.DOMAIN,
                 'user': self.user, 'password': self.password, 'words': words}
        self.process.stdin.write(json.dumps(asked) + '\n')
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise sandbox.SandboxError('the attacker ended: %s' % self.process.wait(10))
        answer = json.loads(line)
        return answer['outcome'], answer['output']


def works(name, outcome, output):
    """Whether the attack went as it goes against a Samba without a firewall."""
    return outcome == ATTACKS[name].outcome and re.search(ATTACKS[name].works, output) is not None

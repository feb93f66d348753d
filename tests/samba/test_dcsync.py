# SPDX-License-Identifier: Apache-2.0
"""DCSync: blocked from an attacker's address, by account and by group, allowed to domain controllers."""
import re
import unittest

import sandbox

sandbox.enter()

import dcbox                                                        # noqa: E402
from attacks import ATTACKS, Attacker                               # noqa: E402
from dcbox import DOMAIN, LOGON                                     # noqa: E402
from hostfirewall import HostFirewall, field, ready_policy          # noqa: E402
from sambahost import ADDRESS, must                                 # noqa: E402

REPLICATION = 'uuid:drsuapi opnum:DRSGetNCChanges'
# Replicates the whole directory, as Samba's own domain controllers do.
CLONE = ('samba-tool', 'drs', 'clone-dc-database', dcbox.DNS_DOMAIN, f'--server={dcbox.FULL_NAME}')
# What secretsdump asks for, by Samba's own client: python3 -c LOCAL_SYNC BINDING USER DOMAIN PASSWORD DN
LOCAL_SYNC = '''
import sys
from samba.credentials import DONT_USE_KERBEROS, Credentials
from samba.dcerpc import drsuapi, misc
from samba.param import LoadParm
binding, user, domain, password, name = sys.argv[1:]
parameters = LoadParm()
parameters.load_default()
logon = Credentials()
logon.guess(parameters)
logon.set_username(user)
logon.set_domain(domain)
logon.set_password(password)
logon.set_kerberos_state(DONT_USE_KERBEROS)
server = drsuapi.drsuapi(binding, parameters, logon)
offer = drsuapi.DsBindInfoCtr()
offer.length, offer.info = 28, drsuapi.DsBindInfo28()
_, handle = server.DsBind(misc.GUID("e24d201a-4fd6-11d1-a3da-0000f875ae0d"), offer)
ask = drsuapi.DsGetNCChangesRequest8()
ask.naming_context = drsuapi.DsReplicaObjectIdentifier()
ask.naming_context.dn = name
ask.replica_flags, ask.extended_op = drsuapi.DRSUAPI_DRS_WRIT_REP, drsuapi.DRSUAPI_EXOP_REPL_OBJ
ask.max_object_count, ask.max_ndr_size = 1, 1 << 18
ask.destination_dsa_guid, ask.source_dsa_invocation_id = misc.GUID("9c637462-5b8c-4467-aef2-bdb1f57bc4ef"), misc.GUID()
ask.highwatermark = drsuapi.DsReplicaHighWaterMark()
schema = drsuapi.DsReplicaOIDMapping()
schema.oid = drsuapi.DsReplicaOID()
schema.oid.length, schema.oid.binary_oid = 21, [255] + [0] * 20
ask.mapping_ctr = drsuapi.DsReplicaOIDMapping_Ctr()
ask.mapping_ctr.num_mappings, ask.mapping_ctr.mappings = 1, [schema]
print("objects:", server.DsGetNCChanges(handle, 8, ask)[1].object_count)
'''
CAROL, CAROL_PASSWORD = 'carol', 'Car0l.Pass!'


class DcSync(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dc = dcbox.DomainController()
        cls.addClassCleanup(cls.dc.stop)
        cls.dc.start()
        must('samba-tool', 'user', 'create', CAROL, CAROL_PASSWORD)
        must('samba-tool', 'group', 'addmembers', 'Domain Admins', CAROL)
        cls.firewall = HostFirewall()
        cls.firewall.write_policy(ready_policy('dcsync'))
        cls.firewall.must('install')

    def setUp(self):
        self.firewall.skip_events()

    def dcsync(self, source, user=dcbox.ADMINISTRATOR, password=dcbox.PASSWORD):
        with Attacker(source, user, password) as attacker:
            return attacker.run('dcsync')

    def assert_leaks(self, *caller):
        outcome, output = self.dcsync(*caller)
        self.assertEqual('done', outcome, output)
        self.assertRegex(output, ATTACKS['dcsync'].works)

    def assert_blocked(self, rule, *caller):
        outcome, output = self.dcsync(*caller)
        self.assertEqual('denied', outcome, output)
        self.assertNotIn('krbtgt:502', output)
        blocked = self.firewall.wait_calls(event_action='rpc-call-blocked', rpc_method='DRSGetNCChanges')
        self.assertEqual(rule, field(blocked[0], 'rule.name'))
        self.assertIn('T1003.006', field(blocked[0], 'threat.technique.id'))
        return blocked[0]

    def sid(self, name):
        told = self.dc.rpcclient(f'ncacn_np:{ADDRESS}', f'lookupnames "{name}"').stdout
        return re.search(r'S-1-5-21-[\d-]+', told).group()

    def test_by_address(self):
        """With the ready policy: its set dcs holds 127.0.0.1 and another domain controller."""
        self.firewall.put_in_force(ready_policy('dcsync'))
        event = self.assert_blocked('dcsync', sandbox.ATTACKER)
        self.assertEqual((sandbox.ATTACKER, dcbox.ADMINISTRATOR, DOMAIN, 'PKT_PRIVACY'),
                         tuple(field(event, path) for path in ('source.ip', 'user.name', 'user.domain', 'rpc.auth.level')))
        self.assert_leaks(ADDRESS)
        self.assert_leaks(sandbox.OTHER_DC)

    def test_by_account(self):
        self.firewall.put_in_force(f'fw:id:account {REPLICATION} sid:{self.sid(CAROL)} action:block audit:true')
        self.assert_blocked('account', ADDRESS, CAROL, CAROL_PASSWORD)
        self.assert_leaks(ADDRESS)

    def test_by_group(self):
        """Every group of the caller counts; a machine account of a domain controller is in another one."""
        self.firewall.put_in_force(f'fw:id:group {REPLICATION} sid:{self.sid("Domain Admins")} action:block audit:true')
        self.assert_blocked('group', ADDRESS, CAROL, CAROL_PASSWORD)
        self.assert_blocked('group', ADDRESS)

    def test_by_name(self):
        self.firewall.put_in_force(f'fw:id:name {REPLICATION} user:{DOMAIN}\\c?rol action:block audit:true')
        self.assert_blocked('name', ADDRESS, CAROL, CAROL_PASSWORD)
        self.assert_leaks(ADDRESS)

    def test_by_a_local_program(self):
        """A user of the host itself, over ncalrpc: no address, and no rule sees it that does not name ncalrpc."""
        def sync():
            return sandbox.run('setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '/usr/bin/python3', '-c', LOCAL_SYNC,
                               'ncalrpc:[DEFAULT,seal]', dcbox.ADMINISTRATOR, DOMAIN, dcbox.PASSWORD,
                               'CN=krbtgt,CN=Users,' + ','.join(f'DC={part}' for part in dcbox.DNS_DOMAIN.split('.'))).stdout
        self.firewall.put_in_force(f'fw:id:address {REPLICATION} addr:!192.0.2.1 action:block audit:true')
        self.assertIn('objects: 1', sync())
        for policy in ('dcsync', 'domain-controller'):
            with self.subTest(policy):
                self.firewall.put_in_force(ready_policy(policy))
                self.firewall.skip_events()
                self.assertIn('{Access Denied}', sync())
                event = self.firewall.wait_calls(rule_name='dcsync-local')[0]
                self.assertEqual(('rpc-call-blocked', 'ncalrpc', dcbox.ADMINISTRATOR),
                                 tuple(field(event, path) for path in ('event.action', 'rpc.protseq', 'user.name')))

    def test_dry(self):
        """A dry rule lets it through and says that it would have blocked it."""
        self.firewall.put_in_force(f'fw:id:dry {REPLICATION} action:block dry:true audit:true')
        self.assert_leaks(sandbox.ATTACKER)
        self.assertTrue(self.firewall.wait_calls(event_action='rpc-call-would-block', rule_name='dry'))

    def test_by_kerberos(self):
        """A caller that comes with a ticket is known by its account and its groups as well. (impacket's tickets are refused by
        Samba, and its own tools replicate with passwords only: so this is another interface.)"""
        group = self.sid('Domain Admins')
        tickets = {'KRB5CCNAME': '/run/attackers-tickets'}
        must('kinit', f'{CAROL}@{dcbox.REALM}', stdin=CAROL_PASSWORD + '\n', **tickets)
        ask = ('rpcclient', f'ncacn_ip_tcp:{dcbox.FULL_NAME}[seal,krb5]', '--use-kerberos=required',
               '--use-krb5-ccache=/run/attackers-tickets', '-c', 'enumdomusers')
        for who in (f'sid:{group}', f'sid:{self.sid(CAROL)}', f'user:{DOMAIN}\\{CAROL}'):
            with self.subTest(who):
                self.firewall.put_in_force(f'fw:id:ticket uuid:samr auth:privacy {who} action:block audit:true')
                self.firewall.skip_events()
                self.assertIn('ACCESS_DENIED', sandbox.run(*ask, source=sandbox.ATTACKER, **tickets).stdout)
                event = self.firewall.wait_calls(event_action='rpc-call-blocked', rule_name='ticket')[0]
                self.assertEqual((CAROL, 'PKT_PRIVACY', 'KERBEROS', sandbox.ATTACKER),
                                 tuple(field(event, path) for path in ('user.name', 'rpc.auth.level', 'rpc.auth.service', 'source.ip')))

    def test_whole_directory(self):
        """All accounts, with the attacker's own replication of each."""
        self.firewall.put_in_force(ready_policy('dcsync'))
        with Attacker(sandbox.ATTACKER) as attacker:
            outcome, output = attacker.run('dcsync-all')
        self.assertEqual('denied', outcome, output)
        self.assertNotIn(':::', output)
        with Attacker(sandbox.OTHER_DC) as other:
            outcome, output = other.run('dcsync-all')
        self.assertIn('krbtgt:502', output)
        self.assertIn(dcbox.USER + ':', output)

    def test_real_replication_goes_on(self):
        """Samba's own client, from a domain controller's address and from another."""
        self.firewall.put_in_force(ready_policy('dcsync'))
        done = sandbox.run(*CLONE, '--targetdir=/run/clone-blocked', '-U', LOGON, source=sandbox.ATTACKER)
        self.assertNotEqual(0, done.returncode, done.stdout)
        self.assertIn('{Access Denied}', done.stdout)
        must(*CLONE, '--targetdir=/run/clone', '-U', LOGON, source=sandbox.OTHER_DC)


if __name__ == '__main__':
    sandbox.main()

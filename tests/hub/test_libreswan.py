"""The rendered sites in a real pluto: loaded, replaced, ended, and met by branches with each kind of key.

Needs root, Libreswan and network namespaces; LIBRESWAN_ROOT names a root file system with another version.
Phase 2 ends at a kernel without ESP, so what is judged is phase 1 and the daemon's own view.
"""
import json
import os
import signal
import unittest

import scratch_pluto
from hubtest import CRYPTO, MARK, RTX, Played, Runner, heard, sites
from libreswan import Daemon, proposals

HUB, HUB_ID = '198.51.100.1', '@vpn.example.com'
WHY_NOT = scratch_pluto.why_not()


def run_in_root(*argv, data='', timeout=15):
    """base.run, in the root of the Libreswan under test."""
    from base import run
    return run(*scratch_pluto.CHROOT, *argv, data=data, timeout=timeout)


class Words(unittest.TestCase):
    def test_proposals(self):
        self.assertEqual(proposals(RTX['esp']), 'aes256-sha256,aes128-sha1')
        self.assertEqual(proposals(['aes256gcm16-prfsha384-ecp521', 'aes128-sha512-curve25519']),
                         'aes_gcm256-sha384-ecp521,aes128-sha512-curve25519')
        for bad in ('aes128-sha1\n\tauto=start', 'aes128 sha1', 'AES', ''):
            with self.assertRaises(ValueError):
                proposals([bad])

    def test_tunnels_of_either_version(self):
        daemon, run = Daemon('/'), Runner()
        daemon.run = run
        run.up = '''\
006 #2: "site-a", type=ESP, add_time=1700000000, inBytes=84, outBytes=168, maxBytes=2^63B, id='192.168.0.1'
006 #4: "site-b.2"[1] 203.0.113.9, type=ESP, add_time=1700000001, inBytes=1, outBytes=2, maxBytes=2^63B, id='@b'
#6: "site-c"[3] 203.0.113.7, type=ESP, add_time=1700000002, inBytes=0, outBytes=0, maxBytes=16EiB, id='@c'
#8: "vendor", type=ESP, add_time=1700000002, inBytes=0, outBytes=0, maxBytes=16EiB, id='@d'
'''
        up = daemon.list()
        self.assertEqual([*up], ['site-a', 'site-b.2', 'site-c'])
        for name, words in (('site-a', '2023, in 84, out 168'), ('site-b.2', '2023, in 1, out 2, from 203.0.113.9'),
                            ('site-c', '2023, in 0, out 0, from 203.0.113.7')):
            self.assertRegex(up[name], '^up since ... Nov .*%s$' % words)

    def test_log_of_one_site(self):
        daemon, run = Daemon('/'), Runner()
        daemon.run = run
        run.journal = '''\
pluto[1]: "site-b" #1: one
pluto[1]: "site-b.2" #1: two
pluto[1]: "site-b"[1] 203.0.113.5 #1: three
pluto[1]: packet from 203.0.113.7:500: four
pluto[1]: "site-bb" #1: not
pluto[1]: packet from 203.0.113.77:500: not
pluto[1]: "site-a-b" #1: not'''
        lines = daemon.log({'name': 'b', 'peer': '203.0.113.7'})
        self.assertEqual([s.split(': ')[-1] for s in lines], ['one', 'two', 'three', 'four'])


@unittest.skipIf(WHY_NOT, 'NO REAL PLUTO IN THIS RUN: %s' % WHY_NOT)
class RealPluto(unittest.TestCase):
    BRANCHES = ['198.51.100.%d' % n for n in range(2, 9)]

    def setUp(self):
        self.net = scratch_pluto.Net(HUB, self.BRANCHES)
        self.addCleanup(self.net.close)
        self.pluto = scratch_pluto.Pluto(self.net.hub)
        self.addCleanup(self.pluto.stop)
        self.root = self.pluto.root + '/'
        os.makedirs(self.root + 'etc/hub')
        os.makedirs(self.root + 'var/lib/hub')
        self.put('etc/hub/crypto.json', CRYPTO)
        self.put('etc/hub/hub.conf', '[hub]\nid = %s\nvpc = 172.16.0.0/16\nsubnet = 172.16.1.0/24\n'
                 'daemon = libreswan\nsites =\n' % HUB_ID)
        self.aws = Played()
        self.aws.local_ipv4 = lambda: HUB
        self.aws.parameters['/hub/psk/default'] = MARK + 'default'

    def put(self, path, data):
        with open(self.root + path, 'w') as f:
            f.write(data if isinstance(data, str) else json.dumps(data))

    def hub(self):
        hub = sites.Hub(self.root)
        hub.aws, hub.daemon.run, hub.daemon.ctl[1] = self.aws, run_in_root, self.pluto.ctl
        return hub

    def render(self, *records, psk='ssm:/hub/psk/default'):
        self.put('etc/hub/sites.json', {'format': 1, 'psk': psk, 'sites': records})
        with heard() as self.err:
            hub = self.hub()
            return sites.render(hub, sites.sources(hub))

    def site(self, n, **fields):
        return {'name': 'branch%d' % n, 'peer': self.BRANCHES[n - 1], 'id': '192.168.%d.1' % n,
                'subnets': ['192.168.%d.0/24' % n], **fields}

    def dial(self, record, key, id=None, address=None, crypto=None):
        """What a branch with this record and key comes to: 'up', or the line that says why not."""
        c = crypto or CRYPTO[record.get('crypto', 'rtx810')]
        address = address or (self.BRANCHES[-1] if record['peer'] == 'any' else record['peer'])
        branch = scratch_pluto.Pluto(self.net.branch, '''
conn b
	authby=secret
	auto=add
	ikev2=%s
	left=%s
	leftid=%s
	leftsubnet=%s
	right=%s
	rightid=%s
	rightsubnet=172.16.0.0/16
	ike=%s
	esp=%s
	pfs=no
	retransmit-timeout=4s
''' % ('yes' if c['ike_version'] == 2 else 'no', address, id or record['id'], record['subnets'][0], HUB, HUB_ID,
            proposals(c['ike'][-1:]), proposals(c['esp'][-1:])), ': PSK "%s"\n' % key)
        try:
            branch.start()
            branch.whack('--name', 'b', '--initiate', '--asynchronous')
            line = branch.wait(r'(ISAKMP|established) (IKE )?SA\b|SA established|[Aa]uthentication failure|'
                               'AUTHENTICATION_FAILED|INVALID_ID|NO_PROPOSAL|timeout exceeded|No response')
        finally:
            branch.stop()
        return 'up' if 'establish' in line or 'Quick Mode' in line else line

    def test_every_profile_loads_at_start_and_live(self):
        records = [self.site(1, subnets=['192.168.1.0/24', '10.1.0.0/16']), self.site(2, crypto='rtx-ikev2'),
                   self.site(3, crypto='modern', peer='any', id='@branch3'), self.site(4, peer='any'),
                   self.site(5, crypto=dict(RTX, ike_lifetime=691200, ike=[
                       '%s-%s-%s' % (c, i, g) for c in ('aes192', '3des') for i in ('sha512', 'sha384')
                       for g in ('modp3072', 'ecp256', 'ecp521', 'x25519')]))]
        names = ['site-branch1', 'site-branch1.2', *('site-branch%d' % n for n in (2, 3, 4, 5))]
        self.assertEqual(self.render(*records), dict.fromkeys(names, 'added'))  # no daemon yet
        self.assertEqual(self.hub().daemon.alive(), False)
        self.pluto.start()
        daemon = self.hub().daemon
        self.assertEqual(daemon.alive(), True)
        self.assertEqual([n for n in names if not daemon.loaded(n)], [])
        self.assertFalse(daemon.loaded('site-branch9'))
        self.assertEqual(daemon.list(), {})
        log = '\n'.join(self.pluto.log)
        self.assertNotRegex(log, 'failed to add|unrecognized|syntax error')
        self.assertEqual(self.render(), dict.fromkeys(names, 'removed') if not records else self.render_nothing(names))

    def render_nothing(self, names):
        daemon = self.hub().daemon
        self.assertEqual([n for n in names if daemon.loaded(n)], [])
        return dict.fromkeys(names, 'removed')

    def test_live_changes(self):
        self.pluto.start()
        self.assertEqual(self.render(self.site(1), self.site(2)), {'site-branch1': 'added', 'site-branch2': 'added'})
        self.assertEqual(self.render(self.site(1), self.site(2, crypto='rtx-ikev2')), {'site-branch2': 'replaced'})
        self.assertIn('IKEv2', self.pluto.wait('"site-branch2": added IKEv2 connection'))
        self.assertEqual(self.render(self.site(1), self.site(3, crypto=dict(RTX, ike=['aes128-sha1-modp1024']))),
                         {'site-branch2': 'removed', 'site-branch3': self.render_failed()})
        daemon = self.hub().daemon
        self.assertEqual([daemon.loaded('site-branch%d' % n) for n in (1, 2, 3)], [True, False, False])
        self.assertIsNone(daemon.remove('site-branch9'))
        self.assertIsNone(daemon.load(self.hub().rendered))
        daemon.terminate('site-branch1')
        self.assertTrue(daemon.loaded('site-branch1'))

    def render_failed(self):
        class Failed(str):
            def __eq__(self, other):
                return other.startswith('failed: ')
            __hash__ = str.__hash__
        return Failed()

    def test_daemon_that_hangs_and_dies(self):
        self.pluto.start()
        with open(self.root + 'run/pluto/pluto.pid') as f:
            pid = int(f.read())
        daemon = self.hub().daemon
        daemon.run = lambda *argv, **more: run_in_root(*argv, timeout=2)
        os.kill(pid, signal.SIGSTOP)
        try:
            self.assertIsNone(daemon.alive())
        finally:
            os.kill(pid, signal.SIGKILL)
        self.pluto.stop()
        self.assertEqual(daemon.alive(), False)

    def test_each_kind_of_key(self):
        self.aws.parameters.update(('/b%d' % n, MARK + str(n)) for n in range(9))
        fixed, v2, nat = self.site(1, psk='ssm:/b1'), self.site(2, psk='ssm:/b2', crypto='rtx-ikev2'), self.site(
            3, psk='ssm:/b3', peer='any', id='@branch3', crypto='modern')
        any1, any2 = self.site(4, peer='any'), self.site(5, peer='any')
        mail = self.site(6, psk='ssm:/b6', peer='any', id='it@branch6.example.com', crypto='modern')
        self.render(fixed, v2, nat, any1, any2, mail)
        self.pluto.start()
        default = MARK + 'default'
        for what, want, *how in (
                ('IKEv1, fixed address, own key', 'up', fixed, MARK + '1'),
                ('IKEv2, fixed address, own key', 'up', v2, MARK + '2'),
                ('IKEv2, any address, own key', 'up', nat, MARK + '3'),
                ('IKEv2, any address, USER@HOST', 'up', mail, MARK + '6'),
                ('IKEv1, any address, shared key, first', 'up', any1, default),
                ('IKEv1, any address, shared key, second', 'up', any2, default),
                ('a shared key does not open a site with a fixed address', '', fixed, default),
                ("one site's key does not open another's", '', nat, MARK + '6'),
                ('the pool-wide key does not open a site with its own', '', nat, default),
                ('an unknown id', '', any1, default, '192.168.99.1')):
            with self.subTest(what):
                came = self.dial(*how)
                (self.assertEqual if want else self.assertNotEqual)(came, 'up')
        self.assertNotIn(MARK, '\n'.join(self.pluto.log))

    def test_keys_with_odd_characters(self):
        self.aws.parameters['/b1'] = key = MARK + " #1:'x'?|> PSK %any $(x)`~"
        self.render(self.site(1, psk='ssm:/b1'))
        self.pluto.start()
        self.assertEqual(self.dial(self.site(1), key), 'up')

    def test_key_changed_live(self):
        self.render(self.site(1))
        self.pluto.start()
        self.aws.parameters['/hub/psk/default'] = MARK + 'rotated'
        self.assertEqual(self.render(self.site(1)), {})
        self.assertEqual(self.dial(self.site(1), MARK + 'rotated'), 'up')


if __name__ == '__main__':
    unittest.main()

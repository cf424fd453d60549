"""Sites: sources, checks, keys, rendering, and what the daemon is told."""
import json
import os
import time
import unittest

from hubtest import CRYPTO, MARK, RTX, Error, Scratch, heard, site, sites

S3 = 's3://bucket/sites.json'


class Render(unittest.TestCase):
    def test_connection_has_all_the_hand_made_one_had(self):
        s = Scratch(self)
        s.build(site(1))
        self.assertEqual(s.render(), ({'site-branch1': 'added'}, ''))
        lines = s.get('etc/ipsec.d/hub-sites.conf').split('\n')
        self.assertEqual(lines[0], 'conn site-branch1')
        self.assertEqual([w for w in lines[1:lines.index('')] if '#' not in w], ['\t' + w for w in (
            'type=tunnel', 'authby=secret', 'auto=add', 'ikev2=no', 'left=172.16.1.5', 'leftid=@vpn.example.com',
            'leftsubnet=172.16.0.0/16', 'right=203.0.113.1', 'rightid=192.168.1.1', 'rightsubnet=192.168.1.0/24',
            'ike=aes256-sha256-modp2048,aes256-sha256-modp1536,aes128-sha1-modp2048,aes128-sha1-modp1536',
            'esp=aes256-sha256,aes128-sha1', 'pfs=no', 'aggressive=no', 'compress=no',
            'encapsulation=auto', 'fragmentation=yes', 'ikelifetime=28800s', 'salifetime=28800s', 'rekey=no',
            'dpddelay=60', 'dpdtimeout=300', 'dpdaction=clear')])
        self.assertEqual(s.secrets, '@vpn.example.com 192.168.1.1 : PSK "%sdefault"\n' % MARK)

    def test_profile_in_the_daemons_words(self):
        s = Scratch(self)
        s.build(site(1, crypto='modern', peer='any', id='@branch1'))
        s.render()
        text = s.conns['site-branch1']
        for line in ('ikev2=yes', 'narrowing=yes', 'right=%any', 'rightid=@branch1', 'pfs=yes', 'salifetime=3600s',
                     'ike=aes_gcm256-sha384-ecp384,aes_gcm256-sha256-modp2048,aes256-sha256-modp2048',
                     'esp=aes_gcm256,aes256-sha256'):
            self.assertIn('\t%s\n' % line, text)

    def test_own_proposals(self):
        s = Scratch(self)
        s.build(site(1, crypto=dict(RTX, ike=['3des-sha512-x25519', 'aes192-sha384-ecp256'], esp=['aes128gcm16'])))
        s.render()
        self.assertIn('ike=3des-sha512-dh31,aes192-sha384-ecp256\n', s.conns['site-branch1'])
        self.assertIn('esp=aes_gcm128\n', s.conns['site-branch1'])

    def test_template_with_an_unknown_placeholder(self):
        s = Scratch(self)
        s.build(site(1))
        hub = s.hub()
        hub.daemon.template[1] = '_SITE_NAME_'
        with heard() as err, self.assertRaisesRegex(Error, 'no usable site'):
            sites.render(hub, sites.sources(hub))
        self.assertIn('_SITE_NAME_', err.getvalue())

    def test_several_subnets_are_several_connections_and_one_secret(self):
        s = Scratch(self)
        s.build(site(1, subnets=['192.168.1.0/24', '10.1.0.0/16', '10.2.0.0/16']))
        s.render()
        self.assertEqual(list(s.conns), ['site-branch1', 'site-branch1.2', 'site-branch1.3'])
        self.assertIn('conn site-branch1.2\n', s.conns['site-branch1.2'])
        self.assertIn('rightsubnet=10.1.0.0/16\n', s.conns['site-branch1.2'])
        self.assertEqual(s.secrets.count('\n'), 1)

    def test_unchanged_writes_nothing_and_tells_nothing(self):
        s = Scratch(self)
        s.build(site(1))
        s.render()
        before = {p: os.stat(s.root + p).st_ino for p in ('etc/ipsec.d/hub-sites.conf', 'etc/ipsec.d/hub-sites.secrets')}
        s.run.calls.clear()
        self.assertEqual(s.render(), ({}, ''))
        self.assertEqual(before, {p: os.stat(s.root + p).st_ino for p in before})
        self.assertEqual(s.run.words(), ['--briefstatus'])

    def test_daemon_is_told_exactly_what_changed(self):
        s = Scratch(self)
        s.build(site(1), site(2), site(3))
        s.render()
        s.build(site(1), site(2, peer='203.0.113.200'), site(4))
        s.run.calls.clear()
        self.assertEqual(s.render()[0], {'site-branch2': 'replaced', 'site-branch3': 'removed', 'site-branch4': 'added'})
        self.assertEqual(s.run.words(), ['--briefstatus', '--rereadsecrets', '--delete site-branch3', 'site-branch2',
                                         'site-branch4'])
        self.assertEqual(s.run.has, s.conns)

    def test_key_alone_changed_drops_no_tunnel(self):
        s = Scratch(self)
        s.build(site(1))
        s.render()
        s.aws.parameters['/hub/psk/default'] = MARK + 'rotated'
        s.run.calls.clear()
        self.assertEqual(s.render(), ({}, ''))
        self.assertEqual(s.run.words(), ['--briefstatus', '--rereadsecrets'])
        self.assertIn(MARK + 'rotated', s.secrets)

    def test_daemon_that_does_not_run_is_told_nothing(self):
        s = Scratch(self)
        s.run.state = 'down'
        s.build(site(1))
        self.assertEqual(s.render()[0], {'site-branch1': 'added'})
        self.assertEqual(s.run.words(), ['--briefstatus'])
        s.run.state = 'up'  # it has read the file now
        self.assertEqual(s.render()[0], {})

    def test_daemon_that_does_not_answer_changes_nothing(self):
        s = Scratch(self)
        s.build(site(1))
        s.render()
        kept = s.get('etc/ipsec.d/hub-sites.conf'), s.secrets
        s.build(site(1), site(2))
        s.run.state = 'hung'
        with self.assertRaisesRegex(Error, 'daemon does not answer'):
            s.render()
        self.assertEqual(kept, (s.get('etc/ipsec.d/hub-sites.conf'), s.secrets))
        s.run.state = 'up'
        self.assertEqual(s.render()[0], {'site-branch2': 'added'})

    def test_refused_connection_is_tried_again(self):
        s = Scratch(self)
        s.build(site(1), site(2))
        s.run.refuse['site-branch1'] = '"site-branch1": failed to add connection: no such DH'
        done, _ = s.render()
        self.assertEqual(done, {'site-branch1': 'failed: ' + s.run.refuse['site-branch1'], 'site-branch2': 'added'})
        self.assertEqual(list(s.conns), ['site-branch2'])
        s.run.refuse.clear()
        self.assertEqual(s.render()[0], {'site-branch1': 'added'})
        self.assertEqual(s.run.has, s.conns)

    def test_many_changes_are_told_in_few_calls(self):
        s = Scratch(self)
        many = [site(1, name='b%d' % n, peer='any', id='@b%d' % n, subnets=['10.%d.%d.0/24' % (n // 250, n % 250)])
                for n in range(1200)]
        s.run.refuse['site-b1199'] = 'no'  # of one among many only the journal tells
        s.build(*many)
        self.assertEqual(set(s.render()[0].values()), {'added'})
        self.assertEqual(len([c for c in s.run.calls if 'addconn' in c[0]]), 3)
        self.assertEqual(s.conns.keys() - s.run.has.keys(), {'site-b1199'})
        s.build(*many[:1199])
        self.assertEqual(s.render()[0], {'site-b1199': 'removed'})

    def test_secrets_are_roots_alone_from_the_first_byte(self):
        s = Scratch(self)
        s.build(site(1))
        opened, real = [], os.open

        def watching(path, flags, mode=0o777, **more):
            if flags & os.O_CREAT:
                opened.append((os.path.basename(str(path)), mode))
            return real(path, flags, mode, **more)
        os.open = watching
        self.addCleanup(setattr, os, 'open', real)
        old = os.umask(0)
        self.addCleanup(os.umask, old)
        s.render()
        self.assertIn(('hub-sites.secrets~', 0o600), opened)
        self.assertEqual(s.mode('etc/ipsec.d/hub-sites.secrets'), 0o600)
        self.assertEqual(s.mode('etc/ipsec.d/hub-sites.conf'), 0o644)

    def test_stale_temporary_file_of_a_killed_render(self):
        s = Scratch(self)
        s.build(site(1))
        with open(s.root + 'etc/ipsec.d/hub-sites.secrets~', 'w') as f:
            f.write('half a line')
        os.chmod(f.name, 0o644)
        s.render()
        self.assertEqual(s.mode('etc/ipsec.d/hub-sites.secrets'), 0o600)
        self.assertNotIn('half', s.secrets)

    def test_failed_write_leaves_the_old_file(self):
        s = Scratch(self)
        s.build(site(1))
        s.render()
        kept = s.secrets
        s.build(site(1), site(2))
        for call in 'fsync', 'rename':
            with self.subTest(call):
                real = getattr(os, call)
                try:
                    setattr(os, call, lambda *a: (_ for _ in ()).throw(OSError(28, 'No space left on device')))
                    with self.assertRaises(OSError):
                        s.render()
                finally:
                    setattr(os, call, real)
                self.assertEqual(s.secrets, kept)
        self.assertEqual(s.render()[0], {'site-branch2': 'added'})

    def test_no_site_at_all(self):
        s = Scratch(self)
        self.assertEqual(s.render(), ({}, ''))
        self.assertEqual(s.conns, {})

    def test_address_unknown_changes_nothing(self):
        s = Scratch(self)
        s.build(site(1))
        s.render()
        s.aws.down.add('imds')
        with self.assertRaises(s.aws.Down):
            s.render()
        self.assertEqual(list(s.conns), ['site-branch1'])

    def test_ten_thousand_sites_take_seconds(self):
        s = Scratch(self)
        s.run.state = 'down'
        s.build(*({'name': 'b%d' % n, 'peer': '203.%d.%d.7' % (n // 250, n % 250), 'id': '@b%d.example.com' % n,
                   'subnets': ['10.%d.%d.0/24' % (n // 250, n % 250)]} for n in range(10000)))
        start = time.process_time()
        done, _ = s.render()
        spent = time.process_time() - start
        self.assertEqual(len(done), 10000)
        self.assertLess(spent, 5)
        print('10,000 sites rendered in %.2f s of CPU' % spent)


class Checks(unittest.TestCase):
    def left_out(self, why, *records, good=1, **settings):
        """All but the first `good` records are left out, with `why` in the alarm."""
        s = Scratch(self, **settings)
        s.build(*records)
        _, alarms = s.render()
        self.assertEqual({n.split('.')[0][5:] for n in s.conns}, {r['name'] for r in records[:good]})
        self.assertRegex(alarms, 'site .* left out: ' + why)
        self.assertEqual(s.secrets.count('\n'), good)

    def test_broken_fields(self):
        for why, fields in (
                ('name', {'name': 'Branch2'}), ('name', {'name': 'a-'}), ('name', {'name': 'default'}),
                ('name', {'name': 'a' * 32}), ('name', {'name': 'x\n\tauto=start'}), ('peer', {'peer': 'localhost'}),
                ('peer', {'peer': '0.0.0.0'}), ('peer', {'peer': '203.0.113.1\n'}), ('.*256', {'peer': '203.0.113.256'}),
                ('peer', {'peer': '%any'}), ('peer', {'peer': '2001:db8::1'}), ('id', {'id': 'branch2'}),
                ('id', {'id': '0.0.0.0'}), ('id', {'id': '@b : PSK "x"'}), ('id', {'id': None}),
                ('.*Expected 4 octets|id', {'id': '192.168.1'}), ('.*host bits', {'subnets': ['192.168.2.1/24']}),
                ('subnets', {'subnets': []}), ('subnets', {'subnets': ['10.%d.0.0/16' % n for n in range(65)]}),
                ('.*', {'subnets': ['fd00::/64']}), ('.*', {'subnets': None}), ('.*', {'subnets': 5}),
                ('.*nope', {'crypto': 'nope'}), ('.*', {'crypto': {}}), ('.*', {'crypto': dict(RTX, ike='x\n')}),
                ('.*', {'crypto': dict(RTX, ike_lifetime='1h')}), ('.*', {'crypto': dict(RTX, esp=[])}),
                ('psk', {'psk': 'a-key-itself'}), ('.*', {'psk': 7}), ('no usable key', {'psk': 'ssm:/nope'})):
            with self.subTest(fields=fields):
                self.left_out(why, site(1), site(2, **fields))

    def test_record_without_a_name(self):
        for record in ({'peer': 'any'}, 'text', None, ['x']):
            with self.subTest(record=record):
                s = Scratch(self)
                s.build(record, site(1))
                done, alarms = s.render()
                self.assertEqual(done, {'site-branch1': 'added'})
                self.assertIn('build site without a name', alarms)

    def test_clashes(self):
        for why, record in (
                ('subnet 192.168.1.128/25 overlaps one of branch1', site(2, subnets=['192.168.1.128/25'])),
                ('subnet 192.168.0.0/16 overlaps one of branch1', site(2, subnets=['192.168.0.0/16'])),
                ('subnet 192.168.1.0/24 overlaps one of branch1', site(2, subnets=['10.9.0.0/16', '192.168.1.0/24'])),
                ('subnet 172.16.8.0/24 overlaps one of the VPC', site(2, subnets=['172.16.8.0/24'])),
                ('subnet 0.0.0.0/0 overlaps', site(2, subnets=['0.0.0.0/0'])),
                ('subnet 10.1.2.0/24 overlaps one of branch2', site(2, subnets=['10.1.0.0/16', '10.1.2.0/24'])),
                ('192.168.1.1 is also that of branch1', site(2, id='192.168.1.1')),
                ('@vpn.example.com is also that of the hub', site(2, id='@vpn.example.com')),
                ('peer 203.0.113.1 is also that of branch1', site(2, peer='203.0.113.1'))):
            with self.subTest(why):
                self.left_out(why, site(1), record)

    def test_hub_subnet_outside_the_vpc(self):
        self.left_out('subnet 10.3.0.0/16 overlaps one of the VPC', site(1), site(2, subnets=['10.3.0.0/16']),
                      subnet='10.3.1.0/24')

    def test_site_left_out_claims_nothing(self):
        s = Scratch(self)
        s.build(site(1), site(2, subnets=['10.2.0.0/16', '192.168.1.0/24']), site(3, subnets=['10.2.0.0/16']),
                site(4, id='192.168.2.1'), site(5, peer='203.0.113.2'), site(6, psk='ssm:/nope'), site(7, id='192.168.6.1'))
        done, alarms = s.render()
        self.assertEqual([*done], ['site-branch%d' % n for n in (1, 3, 4, 5, 7)])
        self.assertEqual(alarms.count('left out'), 2)

    def test_words_of_others_cannot_forge_the_log(self):
        s = Scratch(self)
        s.build(site(1), site(2, name='x\nhub: alarm: forged'))
        self.assertEqual(s.render()[1].count('\n'), 1)

    def test_neighbours_do_not_overlap(self):
        s = Scratch(self)
        s.build(*(site(n, subnets=['10.0.%d.0/25' % n, '10.0.%d.128/25' % n]) for n in (3, 1, 2, 5, 4)))
        self.assertEqual(len(s.render()[0]), 10)

    def test_ikev1_from_any_peer_shares_key_and_proposals(self):
        one = site(1, peer='any')
        two = dict(RTX, ike=['aes128-sha1-modp2048'])
        why = 'peer any needs the ike proposals and .* of branch1'
        self.left_out(why, one, site(2, peer='any', crypto=two))
        self.left_out(why, one, site(2, peer='any', psk='env:TWO'))
        s = Scratch(self)
        s.put('etc/hub/keys.json', {'env:SAME': MARK + 'default', 'env:OTHER': MARK + 'other'})
        s.build(one, site(2, peer='any', psk='env:SAME'), site(3, peer='any', crypto='rtx-ikev2', psk='env:OTHER'),
                site(4, crypto=two, psk='env:OTHER'))
        self.assertEqual(s.render()[1], '')
        self.assertEqual(len(s.conns), 4)

    def test_ikev2_from_any_peer_shares_proposals(self):
        one = site(1, peer='any', crypto='modern')
        self.left_out('peer any needs the ike proposals and .* of branch1', one, site(2, peer='any', crypto='rtx-ikev2'))
        s = Scratch(self)
        s.build(one, site(2, peer='any', psk='env:TWO', crypto=dict(CRYPTO['modern'], esp=['aes256-sha256'])),
                site(3, crypto='rtx-ikev2'))
        self.assertEqual(s.render()[1], '')
        self.assertEqual(len(s.conns), 3)

    # The subtest above with env:TWO needs its key to be there, or another alarm would do.
    def setUp(self):
        real = Scratch.build

        def build(s, *records, **more):
            if not os.path.exists(s.root + 'etc/hub/keys.json'):
                s.put('etc/hub/keys.json', {'env:TWO': MARK + 'two'})
            return real(s, *records, **more)
        Scratch.build = build
        self.addCleanup(setattr, Scratch, 'build', real)

    def test_nothing_usable_changes_nothing(self):
        s = Scratch(self)
        s.build(site(1))
        s.render()
        s.build(site(1, subnets=['172.16.0.0/12']))
        with self.assertRaisesRegex(Error, 'no usable site'):
            s.render()
        self.assertEqual(list(s.conns), ['site-branch1'])


class Keys(unittest.TestCase):
    def test_every_kind(self):
        s = Scratch(self, sites=S3)
        refs = {1: 'ssm:/hub/psk/branch1', 2: 'secretsmanager:hub/branch2', 3: 'env:BRANCH3', 4: 'file:keys/branch 4', 5: 's3',
                6: 's3'}
        s.aws.parameters['/hub/psk/branch1'] = MARK + 1 * 'x'
        s.aws.secrets['hub/branch2'] = MARK + 2 * 'x' + '\n'
        s.put('etc/hub/keys.json', {'env:BRANCH3': MARK + 3 * 'x', 'file:keys/branch 4': MARK + 4 * 'x'})
        s.aws.objects[S3] = json.dumps({'format': 1, 'sites': [site(n, psk=r) for n, r in refs.items()],
                                        'keys': {'branch5': MARK + 5 * 'x', 'default': MARK + 6 * 'x'}})
        self.assertEqual(s.render()[1], '')
        for n in refs:
            self.assertIn('@vpn.example.com 192.168.%d.1 : PSK "%s"\n' % (n, MARK + n * 'x'), s.secrets)

    def test_each_reference_is_asked_for_once(self):
        s = Scratch(self)
        s.build(*(site(n) for n in range(1, 6)))
        s.render()
        self.assertEqual(s.aws.asked, [('ssm', ('/hub/psk/default',))])

    def test_ssm_down_after_a_reboot(self):
        s = Scratch(self)
        s.aws.parameters['/b2'] = MARK + 'two'
        s.build(site(1), site(2, psk='ssm:/b2'))
        s.render()
        kept = s.secrets
        s.aws.down.add('ssm')
        done, alarms = s.render()
        self.assertEqual((done, s.secrets), ({}, kept))
        self.assertIn('hub: alarm: ssm: no answer', alarms)

    def test_ssm_down_at_first_boot(self):
        s = Scratch(self)
        s.aws.down.add('ssm')
        s.put('etc/hub/keys.json', {'env:TWO': MARK + 'two'})
        s.build(site(1), site(2, psk='env:TWO'))
        done, alarms = s.render()
        self.assertEqual(done, {'site-branch2': 'added'})
        self.assertIn('site branch1 left out: no usable key ssm:/hub/psk/default', alarms)
        s.aws.down.clear()
        self.assertEqual(s.render()[0], {'site-branch1': 'added'})

    def test_one_missing_secret_does_not_stop_the_next(self):
        s = Scratch(self)
        s.aws.secrets['b'] = MARK + 'b'
        s.build(site(1, psk='secretsmanager:a'), site(2, psk='secretsmanager:b'))
        done, alarms = s.render()
        self.assertEqual(done, {'site-branch2': 'added'})
        self.assertIn('no secret a', alarms)

    def test_secrets_manager_down_is_not_waited_for_twice(self):
        s = Scratch(self)
        s.aws.down.add('secretsmanager')
        s.build(*(site(n, psk='secretsmanager:%d' % n) for n in range(1, 9)), site(9))
        s.render()
        self.assertEqual(len([a for a in s.aws.asked if a[0] == 'secretsmanager']), 1)

    def test_unusable_keys(self):
        for key in ('short', 'x' * 129, 'quote"quote', 'back\\slash', 'two\nlines', 'ümlaut-key', '', None, 1234567):
            with self.subTest(key=key):
                s = Scratch(self)
                s.put('etc/hub/keys.json', {'env:K': key})
                s.build(site(1), site(2, psk='env:K'))
                done, alarms = s.render()
                self.assertEqual(done, {'site-branch1': 'added'})
                self.assertIn('site branch2 left out: no usable key env:K\n', alarms)

    def test_key_is_seen_nowhere(self):
        s = Scratch(self, sites=S3)
        s.aws.parameters['/b2'] = MARK + '"'
        s.aws.objects[S3] = json.dumps({'format': 1, 'sites': [site(3, psk='s3')], 'keys': {'branch3': MARK + '3'}})
        s.build(site(1), site(2, psk='ssm:/b2'), site(4, id='192.168.1.1'))
        _, said = s.render()
        for broken in (b'{"keys": {"x": "%s"}, "sites": 1}', b'{"keys": "%s"', b'\xff\xfe\xfa "%s"', b'["%s"]', b'"%s"'):
            s.aws.objects[S3] = broken % MARK.encode()
            _, more = s.render()
            self.assertIn('so what was there before holds', more)
            said += more
        s.put('etc/hub/keys.json', '{"env:X": "%s"' % MARK)
        with self.assertRaises(Error) as e:
            s.render()
        said += str(e.exception) + repr(s.run.calls)
        self.assertNotIn(MARK, said)
        found = []
        for folder, _, files in os.walk(s.root):
            for path in (os.path.join(folder, f) for f in files):
                with open(path, 'rb') as f:
                    if MARK.encode() in f.read() and path != s.root + 'etc/hub/keys.json':
                        found.append(path[len(s.root):])
                        self.assertEqual(os.stat(path).st_mode & 0o077, 0, path)
        self.assertEqual(sorted(found), ['etc/ipsec.d/hub-sites.secrets', 'var/lib/hub/s3.json'])


class Remote(unittest.TestCase):
    def setUp(self):
        self.s = Scratch(self, sites=S3)
        self.publish(site(1), psk='ssm:/hub/psk/default')

    def publish(self, *records, **more):
        self.s.aws.objects[S3] = json.dumps({'format': 1, 'sites': records, **more})

    def test_fetched_kept_and_fetched_again(self):
        self.assertEqual(self.s.render()[0], {'site-branch1': 'added'})
        self.publish(site(1), site(2), psk='ssm:/hub/psk/default')
        self.assertEqual(self.s.render(fetch=False)[0], {})
        self.assertEqual(self.s.render()[0], {'site-branch2': 'added'})
        self.assertEqual(self.s.render(), ({}, ''))

    def test_down_after_a_reboot(self):
        self.s.render()
        self.s.aws.down.add('s3')
        done, alarms = self.s.render()
        self.assertEqual(done, {})
        self.assertRegex(alarms, '^hub: alarm: %s s3: no answer so what was there before holds\n$' % S3)
        self.assertEqual(list(self.s.conns), ['site-branch1'])

    def test_down_and_nothing_kept_changes_nothing(self):
        self.s.render()
        os.unlink(self.s.root + 'var/lib/hub/s3.json')
        self.s.aws.down.add('s3')
        with self.assertRaises(self.s.aws.Down):
            self.s.render()
        self.assertEqual(list(self.s.conns), ['site-branch1'])

    def test_broken_object_is_not_kept(self):
        self.s.render()
        for broken in ('', '{}', '[]', 'null', '{"format": 2, "sites": [{"name": "x"}]}', '{"format": 1, "sites": []}', '{"format": 1'):
            with self.subTest(broken):
                self.s.aws.objects[S3] = broken or ' '
                done, alarms = self.s.render()
                self.assertEqual(done, {})
                self.assertIn('so what was there before holds', alarms)
                self.assertEqual(list(self.s.conns), ['site-branch1'])

    def test_another_url_is_another_object(self):
        self.s.render()
        self.s.put('etc/hub/hub.conf', self.s.get('etc/hub/hub.conf').replace(S3, S3 + '?versionId=2'))
        self.s.aws.down.add('s3')  # what is kept of the one before does not stand in for it
        with self.assertRaises(self.s.aws.Down):
            self.s.render()
        self.s.aws.down.clear()
        self.s.aws.objects[S3 + '?versionId=2'] = self.s.aws.objects[S3].replace('branch1', 'branch9')
        self.assertEqual(self.s.render()[0], {'site-branch1': 'removed', 'site-branch9': 'added'})

    def test_over_the_build_and_under_local(self):
        self.s.build(site(1, peer='203.0.113.101'), site(7))
        hub = self.s.hub()
        sites.add(hub, 'branch8', {k: v for k, v in site(8).items() if k != 'name'})
        found = sites.merged(sites.sources(self.s.hub()))
        self.assertEqual({n: r['from'] for n, r in found.items()}, {'branch7': 'build', 'branch1': 's3', 'branch8': 'local'})
        self.assertEqual(found['branch1']['peer'], '203.0.113.1')


class Local(unittest.TestCase):
    def setUp(self):
        self.s = Scratch(self)
        self.s.build(site(1))
        self.s.render()

    def add(self, n, name=None, **fields):
        want = {k: v for k, v in site(n, **fields).items() if k != 'name'} if n else {}
        with heard() as self.err:
            return sites.add(self.s.hub(), name or 'branch%d' % n, want)

    def remove(self, name):
        return sites.remove(self.s.hub(), name)

    def test_add_loads_just_that_connection(self):
        self.s.run.calls.clear()
        self.assertEqual(self.add(2), {'site-branch2': 'added'})
        self.assertEqual([w for w in self.s.run.words() if w.startswith('site')], ['site-branch2'])
        self.assertEqual(self.s.mode('etc/hub/sites.local.json'), 0o644)
        self.assertEqual(self.add(2), {})
        self.assertEqual(self.s.render(), ({}, ''))

    def test_add_of_what_the_build_has(self):
        self.assertEqual(self.add(1), {})
        self.assertFalse(os.path.exists(self.s.root + 'etc/hub/sites.local.json'))

    def test_add_changes(self):
        self.add(2)
        self.assertEqual(self.add(2, peer='any'), {'site-branch2': 'replaced'})
        self.assertEqual(self.add(1, subnets=['10.1.0.0/16', '10.2.0.0/16']),
                         {'site-branch1': 'replaced', 'site-branch1.2': 'added'})
        self.assertEqual(self.add(1), {'site-branch1': 'replaced', 'site-branch1.2': 'removed'})

    def test_add_refused(self):
        for why, fields in (('overlaps one of branch1', {'subnets': ['192.168.1.64/26']}), ('peer', {'peer': 'x y'}),
                            ('no usable key', {'psk': 'ssm:/nope'}), ('VPC', {'subnets': ['172.16.9.0/24']})):
            with self.subTest(why), self.assertRaisesRegex(Error, 'site branch2: .*' + why):
                self.add(2, **fields)
        self.assertFalse(os.path.exists(self.s.root + 'etc/hub/sites.local.json'))
        self.assertEqual(list(self.s.conns), ['site-branch1'])

    def test_change_that_would_push_another_out_is_refused(self):
        self.s.build(site(1), site(3))
        self.s.render()
        with self.assertRaisesRegex(Error, 'site branch1: .*branch3'):
            self.add(1, subnets=['192.168.3.0/24'])

    def test_add_while_ssm_is_down(self):
        self.s.aws.down.add('ssm')
        self.s.put('etc/hub/keys.json', {'env:TWO': MARK + 'two'})
        self.assertEqual(self.add(2, psk='env:TWO'), {'site-branch2': 'added'})
        self.assertEqual(list(self.s.conns), ['site-branch1', 'site-branch2'])

    def test_remove_and_bring_back(self):
        self.add(2)
        for n in 1, 2:
            name = 'branch%d' % n
            with self.subTest(name):
                self.assertEqual(self.remove(name), {'site-' + name: 'removed'})
                self.assertNotIn('site-' + name, self.s.run.has)
                self.assertEqual(self.remove(name), {})
                self.assertEqual(self.s.render()[0], {})
                self.assertEqual(self.add(0, name), {'site-' + name: 'added'})
                self.assertEqual(self.add(0, name), {})

    def test_unknown(self):
        with self.assertRaises(LookupError):
            self.remove('nope')
        with self.assertRaisesRegex(Error, '--peer'):
            self.add(0, 'nope')

    def test_last_site_removed(self):
        self.assertEqual(self.remove('branch1'), {'site-branch1': 'removed'})
        self.assertEqual(self.s.secrets, '')


class Settings(unittest.TestCase):
    def test_broken(self):
        for fields in ({'vpc': '172.16.0.1/16'}, {'subnet': ''}, {'daemon': 'openswan'}):
            with self.subTest(fields), self.assertRaises((ValueError, LookupError, ImportError)):
                Scratch(self, **fields).hub()

    def test_empty_and_absent_are_defaults(self):
        s = Scratch(self, daemon='', sites='')
        s.put('etc/hub/hub.conf', s.get('etc/hub/hub.conf').split('[pool]')[0].replace('daemon = \n', ''))
        s.build(site(1))
        self.assertEqual(s.render(), ({'site-branch1': 'added'}, ''))

    def test_profiles_of_the_test_are_whole(self):
        self.assertEqual(set(CRYPTO), {'rtx810', 'rtx-ikev2', 'modern'})


if __name__ == '__main__':
    unittest.main()

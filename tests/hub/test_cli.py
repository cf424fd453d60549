"""The hub command as a person or a unit calls it."""
import contextlib
import io
import json
import os
import subprocess
import unittest
from unittest import mock

from hubtest import COMMAND, CRYPTO, MARK, Scratch, site, sites

import cli

try:
    from fake_aws import FakeAws
except ImportError as e:  # botocore
    FakeAws, WHY_NOT = None, e


class Cli(unittest.TestCase):
    def setUp(self):
        self.s = Scratch(self)
        self.s.build(site(1), site(2, peer='any', subnets=['192.168.2.0/24', '10.2.0.0/16'], crypto='modern'))

    def hub(self, *argv, hub=None):
        """(exit status, standard output, standard error)"""
        out, err = io.StringIO(), io.StringIO()
        with mock.patch.object(sites, 'Hub', lambda root: hub or self.s.hub()), \
                contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = cli.main(['--root', self.s.root, *argv]) or 0
        return status, out.getvalue(), err.getvalue()

    def ok(self, *argv):
        status, out, err = self.hub(*argv)
        self.assertEqual((status, err), (0, ''), out)
        return out

    def test_help_names_every_command(self):
        for flag in '-h', '--help':
            out = self.ok(flag)
            for name in cli.CALLS:
                self.assertRegex(out, r'(?m)^%s' % name.replace('status NAME', r'status \[NAME\]'))
            for option in '--peer', '--id', '--subnet', '--psk-ref', '--crypto', '--dpd', '--log':
                self.assertIn(option, out)
        self.assertLessEqual(max(map(len, out.split('\n'))), 100)

    def test_wrong_command_lines(self):
        for argv in ([], ['frob'], ['site'], ['site', 'frob'], ['site', 'add'], ['site', 'add', 'a', 'b'], ['ready', 'x'],
                     ['status', 'a', 'b'], ['--frob'], ['site', 'add', 'x', '--dpd', 'often'], ['site_add', 'x'],
                     ['site', 'add', 'x', '--peer']):
            with self.subTest(argv):
                status, out, err = self.hub(*argv)
                self.assertEqual((status, out), (2, ''))
                self.assertRegex(err, r'^hub: .*--help\n$')

    def test_needs_root(self):
        with mock.patch('os.geteuid', lambda: 1000), contextlib.redirect_stderr(io.StringIO()) as err:
            self.assertEqual(cli.main(['ready']), 1)
        self.assertEqual(err.getvalue(), 'hub: needs root: sudo hub ...\n')

    def test_errors_are_one_line(self):
        self.s.put('etc/hub/sites.json', '{"format": 1,')
        status, out, err = self.hub('site', 'render')
        self.assertEqual((status, out), (1, ''))
        self.assertRegex(err, r'^hub: .*etc/hub/sites\.json: .*line 1.*\n$')

    def test_render(self):
        self.assertEqual(self.ok('site', 'render'), 'site-branch1 added\nsite-branch2 added\nsite-branch2.2 added\n'
                         '3 connections changed\n')
        self.assertEqual(self.ok('site', 'render'), '0 connections changed\n')
        self.s.run.refuse['site-branch3'] = 'no such DH'
        self.s.build(site(3))
        status, out, _ = self.hub('site', 'render')
        self.assertEqual(status, 1)
        self.assertIn('site-branch3 failed: no such DH\n', out)

    def test_add_remove_list(self):
        self.ok('site', 'render')
        new = ['site', 'add', 'osaka-3', '--peer', 'osaka.example.net', '--id', '@osaka', '--subnet', '10.3.0.0/24',
               '--subnet', '10.3.1.0/24', '--psk-ref', 'env:OSAKA', '--crypto', 'modern', '--dpd', '10,3']
        status, out, err = self.hub(*new)
        self.assertEqual((status, out, err), (1, '', 'hub: site osaka-3: no usable key env:OSAKA\n'))
        self.s.put('etc/hub/keys.json', {'env:OSAKA': MARK})
        self.assertEqual(self.ok(*new), 'site-osaka-3 added\nsite-osaka-3.2 added\n2 connections changed\n')
        self.assertEqual(self.ok(*new), '0 connections changed\n')
        self.assertEqual(json.loads(self.s.get('etc/hub/sites.local.json'))['sites'], [{
            'name': 'osaka-3', 'peer': 'osaka.example.net', 'id': '@osaka', 'subnets': ['10.3.0.0/24', '10.3.1.0/24'],
            'psk': 'env:OSAKA', 'crypto': 'modern', 'dpd': [10, 3]}])
        self.assertIn('to undo: hub site add branch1\n', self.ok('site', 'remove', 'branch1'))
        rows = [line.split() for line in self.ok('site', 'list').rstrip('\n').split('\n')]
        self.assertEqual(rows, [
            ['NAME', 'PEER', 'ID', 'CRYPTO', 'FROM', 'KEY', 'SUBNETS'],
            ['branch1', '203.0.113.1', '192.168.1.1', 'rtx810', 'removed', 'ssm:/hub/psk/default', '192.168.1.0/24'],
            ['branch2', 'any', '192.168.2.1', 'modern', 'build', 'ssm:/hub/psk/default', '192.168.2.0/24', '10.2.0.0/16'],
            ['osaka-3', 'osaka.example.net', '@osaka', 'modern', 'local', 'env:OSAKA', '10.3.0.0/24', '10.3.1.0/24']])
        self.assertEqual(self.ok('site', 'add', 'branch1'), 'site-branch1 added\n1 connections changed\n')
        self.assertNotIn('removed', self.ok('site', 'list'))

    def test_remove_unknown(self):
        status, out, err = self.hub('site', 'remove', 'nope')
        self.assertEqual(status, 1)
        self.assertIn('nope', err)

    def test_ready(self):
        self.assertEqual(self.hub('ready')[:2], (1, 'not ready: no site is loaded\n'))
        self.ok('site', 'render')
        self.assertEqual(self.ok('ready').strip(), 'ready')

    def test_status(self):
        self.ok('site', 'render')
        self.s.build(site(1), site(2, subnets=['192.168.2.0/24', '10.2.0.0/16'], peer='any', crypto='modern'), site(3))
        self.s.run.up = ('006 #4: "site-branch2"[1] 203.0.113.9, type=ESP, add_time=1700000001, inBytes=1, outBytes=2, '
                         'maxBytes=2^63B\n')
        del self.s.run.has['site-branch2.2']
        out = self.ok('status')
        for line in (r'site-branch1 +203.0.113.1 +192.168.1.1 +192.168.1.0/24 +down', r'site-branch2 .* up since '
                     r'... Nov 1\d [\d:]+ 2023, in 1, out 2, from 203.0.113.9', r'site-branch2.2 .* not loaded',
                     r'site-branch3 .* not loaded', r'@vpn.example.com: 3 sites, 3 connections rendered, 1 up',
                     'ready', 'addresses: 172.16.1.5 198.51.100.1', 'no hosted zone is set: this hub keeps no record'):
            self.assertRegex(out, '(?m)^%s *$' % line)
        one = self.ok('status', 'branch2')
        self.assertEqual([row.split()[0] for row in one.strip().split('\n')], ['site-branch2', 'site-branch2.2'])
        self.assertEqual(self.hub('status', 'nope')[0], 1)

    def test_log(self):
        self.s.run.journal = 'x "site-branch1" #1: yes\nx "site-branch2" #1: no'
        self.assertEqual(self.ok('status', 'branch1', '--log'), 'x "site-branch1" #1: yes\n')
        self.assertIn(('journalctl', '-u', 'ipsec'), [argv[:3] for argv, _ in self.s.run.calls])

    def test_routine_checks_never_ask_for_the_full_status(self):
        self.ok('site', 'render')
        self.ok('ready')
        self.ok('status')
        self.ok('status', 'branch1')
        self.assertNotIn('--status', [w for argv, _ in self.s.run.calls for w in argv])

    def test_only_one_site_command_at_a_time(self):
        import fcntl
        with open(self.s.root + 'var/lib/hub/lock', 'w') as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            p = subprocess.Popen([COMMAND, '--root', self.s.root, 'site', 'remove', 'nope'], stderr=subprocess.PIPE)
            with self.assertRaises(subprocess.TimeoutExpired):
                p.wait(1)
        _, err = p.communicate(timeout=30)
        self.assertIn(b'nope', err)


@unittest.skipUnless(FakeAws, 'NO AWS TO PLAY WITH: python3-botocore is missing')
class WholeCommand(unittest.TestCase):
    """The installed script as a process of its own, against the strict AWS; no daemon runs in the scratch root."""

    def setUp(self):
        self.aws = FakeAws().__enter__()
        self.addCleanup(self.aws.__exit__)
        self.s = Scratch(self, sites='s3://hub-config/sites.json')
        self.aws.ssm['/hub/psk/default'] = MARK + 'default'
        self.aws.secrets['hub/branch2'] = MARK + '2'
        self.aws.put_object('hub-config', 'sites.json', json.dumps({
            'format': 1, 'psk': 'ssm:/hub/psk/default', 'keys': {'branch3': MARK + '3'}, 'sites': [
                site(1), site(2, psk='secretsmanager:hub/branch2'), site(3, psk='s3')]}).encode())
        conf = self.s.get('etc/hub/hub.conf').split('[aws]')[0]
        self.s.put('etc/hub/hub.conf', conf + self.aws.conf())

    def hub(self, *argv, **env):
        r = subprocess.run([COMMAND, '--root', self.s.root, *argv], env={'PATH': '/usr/bin:/bin', **env}, timeout=120,
                           capture_output=True, text=True)
        self.assertNotIn(MARK, r.stdout + r.stderr)
        return r.returncode, r.stdout, r.stderr

    @unittest.skipUnless(os.path.exists('/usr/sbin/ipsec'), 'NO LIBRESWAN HERE')
    def test_render_then_an_outage(self):
        self.assertEqual(self.hub('site', 'render'), (0, ''.join('site-branch%d added\n' % n for n in (1, 2, 3))
                                                      + '3 connections changed\n', ''))
        self.assertIn('left=172.16.1.10\n', self.s.get('etc/ipsec.d/hub-sites.conf'))
        kept = self.s.secrets
        self.assertEqual(kept.count(MARK), 3)
        for service in 's3', 'ssm', 'secretsmanager':
            self.aws.fault(service, 'denied', 9)
        status, out, err = self.hub('site', 'render')
        self.assertEqual((status, out), (0, '0 connections changed\n'))
        self.assertEqual(err.count('hub: alarm: '), 3, err)
        self.assertEqual(self.s.secrets, kept)

    @unittest.skipUnless(os.path.exists('/usr/sbin/ipsec'), 'NO LIBRESWAN HERE')
    def test_modes_whatever_the_umask(self):
        for umask in 0o000, 0o077:
            old = os.umask(umask)
            try:
                self.assertEqual(self.hub('site', 'remove', 'branch1')[0], 0)
                self.assertEqual(self.hub('site', 'add', 'branch1')[0], 0)
            finally:
                os.umask(old)
            for path, mode in (('etc/ipsec.d/hub-sites.conf', 0o644), ('etc/ipsec.d/hub-sites.secrets', 0o600),
                               ('etc/hub/sites.local.json', 0o644), ('var/lib/hub/s3.json', 0o600)):
                self.assertEqual(self.s.mode(path), mode, path)
                os.unlink(self.s.root + path)

    def test_environment_is_not_listened_to(self):
        self.s.put('json.py', 'raise SystemExit("a json.py of the user")')
        status, out, err = self.hub('site', 'list', PYTHONPATH=self.s.root, PYTHONSTARTUP=self.s.root + 'json.py')
        self.assertEqual((status, err), (0, ''))
        self.assertIn('branch3', out)

    def test_leaves_no_byte_code(self):
        self.hub('site', 'list')
        self.assertFalse(os.path.exists(os.path.join(os.path.dirname(COMMAND), '../lib/hub/__pycache__')))

    def test_profiles(self):
        self.assertEqual(json.loads(self.s.get('etc/hub/crypto.json')), CRYPTO)


if __name__ == '__main__':
    unittest.main()

"""pool.py: this hub's record in the pool's name, against the strict fake of Route 53."""
import functools
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import test_aws
from test_aws import Clock, Refusal, Zone, aws

import pool
from base import Error

NAME = 'vpn.example.com'
ME = 'eu-west-1/hub/i-0123456789abcdef0'
MINE = {'Name': NAME + '.', 'Type': 'A', 'SetIdentifier': ME, 'MultiValueAnswer': True, 'TTL': 60,
        'ResourceRecords': [{'Value': '203.0.113.10'}]}


def always_ready():
    return []


class PoolTest(test_aws.WithFake):
    def setUp(self):
        super().setUp()
        self.zone = self.fake.zones['Z1EXAMPLE'] = Zone('example.com')
        self.conf.read_string('[pool]\nname = VPN.example.com.\nzone = Z1EXAMPLE\nttl = 60\ngroup = hub\n')
        self.said = []

    def join(self, ready=always_ready, **more):
        pool.join(self.conf, self.aws, ready, say=self.said.append, **more)

    def leave(self):
        pool.leave(self.conf, self.aws, say=self.said.append)

    def status(self):
        return pool.status(self.conf, self.aws, say=self.said.append)

    def refuses(self, pattern, call, *args, **more):
        before = list(self.zone.records)
        self.assertRaisesRegex(Error, pattern, call, *args, **more)
        self.assertEqual(self.zone.records, before)

    def other(self, n):
        self.zone.add(NAME, '198.51.100.%d' % n, SetIdentifier='eu-west-1/hub/i-%d' % n, MultiValueAnswer=True)

    def changes(self):
        return [s for op, s, _ in self.fake.calls('route53') if op.startswith('Change')]


class JoinTest(PoolTest):
    def test_sets_exactly_its_record(self):
        self.join()
        self.assertEqual(self.zone.records, [MINE])
        self.assertEqual(self.said, ['vpn.example.com answers 203.0.113.10 for this hub'])

    def test_beside_others(self):
        self.other(1)
        self.zone.add(NAME, '"text"', type='TXT')
        self.zone.add(NAME, '2001:db8::1', type='AAAA')
        self.join()
        self.assertEqual(self.zone.values(NAME), {'eu-west-1/hub/i-1': ['198.51.100.1'], ME: ['203.0.113.10']})
        self.assertEqual(len(self.zone.records), 4)

    def test_again_changes_nothing(self):
        self.join()
        self.join()
        self.assertEqual(self.changes(), [200])

    def test_mends_what_differs(self):
        for change in ({'TTL': 300}, {'ResourceRecords': [{'Value': '203.0.113.99'}]},
                       {'HealthCheckId': 'abcdef11-2222-3333-4444-555555fedcba'}):
            with self.subTest(change):
                self.zone.records[:] = [{**MINE, **change}]
                self.join()
                self.assertEqual(self.zone.records, [MINE])

    def test_defaults_of_the_settings(self):
        self.conf['pool']['ttl'] = self.conf['pool']['group'] = ''
        self.join()
        self.assertEqual(self.zone.records, [MINE])
        self.conf['pool'].update(ttl='30', group='blue', zone='/hostedzone/Z1EXAMPLE')
        self.join()
        self.assertEqual({r['SetIdentifier']: r['TTL'] for r in self.zone.records}, {ME: 60, ME.replace('hub', 'blue'): 30})

    def test_region_of_the_instance_counts_not_that_of_the_settings(self):
        self.fake.metadata['meta-data/placement/region'] = 'eu-central-1'
        self.join()
        self.assertEqual(list(self.zone.values(NAME)), ['eu-central-1/hub/i-0123456789abcdef0'])

    def test_without_a_zone_there_is_nothing_to_do(self):
        for call in (functools.partial(self.join, lambda: ['never ready']), self.leave, self.status):
            self.conf['pool']['zone'] = ''
            self.said.clear()
            self.assertIn(call(), (None, True))
            self.assertEqual(self.said, ['no hosted zone is set: this hub keeps no record'])
        self.assertEqual(self.fake.log, [])

    def test_without_a_public_address(self):
        del self.fake.metadata['meta-data/public-ipv4']
        self.refuses('this instance has no public IPv4 address', self.join)
        self.assertEqual(self.fake.calls('route53'), [])

    def test_records_in_the_way(self):
        for kind, values, more, text in (
                ('A', ['192.0.2.1', '192.0.2.2'], {}, r'a A record \(192.0.2.1, 192.0.2.2\) that is not multivalue'),
                ('CNAME', ['old.example.net'], {}, r'a CNAME record \(old.example.net\)'),
                ('A', ['192.0.2.1'], {'SetIdentifier': 'w', 'Weight': 1}, r'a A record \(192.0.2.1\)'),
                ('A', [], {'AliasTarget': {'HostedZoneId': 'Z2', 'DNSName': 'x.example.', 'EvaluateTargetHealth': False}},
                 r'a A record \(alias\)')):
            with self.subTest(text):
                self.zone.records.clear()
                self.zone.add(NAME, *values, type=kind, **more)
                self.refuses('vpn.example.com has ' + text + '.*: delete it first', self.join)
        self.assertEqual(self.changes(), [])

    def test_a_full_pool(self):
        for n in range(100):
            self.other(n)
        self.refuses('vpn.example.com has 100 records, all that it can: delete those of dead hubs', self.join)
        self.assertEqual(self.changes(), [])
        del self.zone.records[50]
        self.join()
        self.assertEqual(len(self.zone.records), 100)
        self.conf['pool']['ttl'] = '30'
        self.join()
        self.assertEqual(self.changes(), [200, 200])

    def test_waits_until_ready_and_says_why_when_it_changes(self):
        answers = [['no site', 'no daemon'], ['no site', 'no daemon'], ['no site'], []]

        def ready():
            self.assertEqual(self.zone.records, [])
            return answers.pop(0)
        self.join(ready)
        self.assertEqual(self.clock.slept, [5, 5, 5])
        self.assertEqual(self.said[:-1], ['not ready: no site; no daemon', 'not ready: no site'])
        self.assertEqual(self.zone.records, [MINE])

    def test_waits_no_longer_than_told(self):
        self.refuses('not ready after 20 s: no site; no daemon', self.join, lambda: ['no site', 'no daemon'], wait=20)
        self.assertEqual(self.clock.slept, [5] * 4)
        self.assertEqual(self.fake.log, [])

    def test_looks_once_when_told_not_to_wait(self):
        self.refuses('not ready after 0 s', self.join, lambda: ['no site'], wait=0)
        self.assertEqual(self.clock.slept, [])

    def test_throttled_by_other_hubs(self):
        self.fake.fault('route53', 'throttle', 3)
        self.join()
        self.fake.fault('route53', 'busy', 3)
        self.fake.fault('route53', 'lost')
        self.leave()
        self.assertEqual(self.zone.records, [])

    def test_answer_lost(self):
        for _ in range(2):
            self.fake.fault('route53', 'lost')
        self.join()
        self.assertEqual(self.zone.records, [MINE])

    def test_refused_by_policy(self):
        self.fake.denied.add('route53:Z1EXAMPLE')
        self.refuses('route53 ListResourceRecordSets: AccessDenied: .*not authorized', self.join)
        self.assertEqual(self.clock.slept, [])


class LeaveTest(PoolTest):
    def test_deletes_only_its_record_as_it_is(self):
        self.other(1)
        for change in ({}, {'TTL': 77}, {'ResourceRecords': [{'Value': '203.0.113.99'}, {'Value': '203.0.113.98'}]},
                       {'HealthCheckId': 'abcdef11-2222-3333-4444-555555fedcba'}):
            with self.subTest(change):
                self.zone.records.append({**MINE, **change})
                self.leave()
                self.assertEqual(list(self.zone.values(NAME)), ['eu-west-1/hub/i-1'])
        self.assertEqual(self.said[-1], 'vpn.example.com has no record of this hub')

    def test_nothing_there(self):
        self.other(1)
        self.zone.add('vpn.example.com', '"text"', type='TXT')
        self.leave()
        self.assertEqual((self.changes(), len(self.zone.records)), ([], 2))

    def test_not_ready_and_without_a_public_address(self):
        self.join()
        del self.fake.metadata['meta-data/public-ipv4']
        self.leave()
        self.assertEqual(self.zone.records, [])

    def test_answer_lost(self):
        """The repeated DELETE finds nothing, which is as good."""
        self.join()
        self.fake.log.clear()
        # list, DELETE whose answer is lost, DELETE again (refused), list
        self.fault_on_change('lost')
        self.leave()
        self.assertEqual(self.zone.records, [])
        self.assertEqual(self.fake.calls('route53'), [
            ('ListResourceRecordSets', 200, ''), ('ChangeResourceRecordSets', 200, ''),
            ('ChangeResourceRecordSets', 400, 'InvalidChangeBatch'), ('ListResourceRecordSets', 200, '')])

    def fault_on_change(self, kind):
        """The next change fails that way."""
        real = self.transport

        def send(what, *more, **named):
            if what.endswith('ChangeResourceRecordSets') and not armed:
                armed.append(self.fake.fault('route53', kind))
            return real(what, *more, **named)
        armed = []
        self.aws.send = send

    def test_changed_between_list_and_delete(self):
        """A record that another hand changed meanwhile is read again, then deleted as it is."""
        self.zone.records.append(MINE)
        real, changed = self.transport, []

        def send(what, *more, **named):
            if what.endswith('ChangeResourceRecordSets') and not changed:
                changed.append(self.zone.change([{'Action': 'UPSERT', 'ResourceRecordSet': {**MINE, 'TTL': 99}}]))
            return real(what, *more, **named)
        self.aws.send = send
        self.leave()
        self.assertEqual(self.zone.records, [])
        self.assertEqual(self.changes(), [400, 200])

    def test_refused_for_good(self):
        self.zone.records.append(MINE)
        real = self.transport

        def send(what, *more, **named):
            if what.endswith('ChangeResourceRecordSets'):
                self.fake.fault('route53', Refusal(400, 'InvalidChangeBatch', '[never]'))
            return real(what, *more, **named)
        self.aws.send = send
        self.refuses(r'InvalidChangeBatch: \[never\]', self.leave)


class StatusTest(PoolTest):
    def test_table(self):
        self.other(1)
        self.zone.add(NAME, '192.0.2.77', SetIdentifier='us-east-1/blue/i-9', MultiValueAnswer=True, ttl=300)
        self.assertIs(self.status(), False)
        self.join()
        self.said.clear()
        self.assertIs(self.status(), True)
        self.assertEqual(self.said, [
            'vpn.example.com in zone Z1EXAMPLE: 3 of 100 records',
            '* A     203.0.113.10       60  eu-west-1/hub/i-0123456789abcdef0',
            '  A     198.51.100.1       60  eu-west-1/hub/i-1',
            '  A     192.0.2.77        300  us-east-1/blue/i-9'])

    def test_what_is_in_the_way_is_shown(self):
        self.zone.add(NAME, 'old.example.net', type='CNAME')
        self.assertIs(self.status(), False)
        self.assertEqual(self.said[1:], ['  CNAME old.example.net    60  in the way'])


class TwoHubsTest(PoolTest):
    def test_each_keeps_to_its_own(self):
        self.join()
        self.fake.metadata.update({'meta-data/instance-id': 'i-0123456789abcdef01', 'meta-data/public-ipv4': '203.0.113.11'})
        other = aws.Aws(self.conf, aws.Imds(self.fake.endpoints['imds'], Clock()), self.clock, self.transport)
        pool.join(self.conf, other, always_ready, say=self.said.append)
        self.assertEqual(self.zone.values(NAME), {ME: ['203.0.113.10'], ME + '1': ['203.0.113.11']})
        pool.leave(self.conf, other, say=self.said.append)
        self.assertEqual(self.zone.records, [MINE])


if __name__ == '__main__':
    unittest.main()

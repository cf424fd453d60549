"""pool.py: this hub's record in the pool's name, against the strict fake of Route 53."""
import contextlib
import functools
import io
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import test_aws
from test_aws import Refusal, Zone, aws

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
        self.conf.read_string('[pool]\nname = VPN.example.com\nzone = Z1EXAMPLE\nttl = 60\ngroup = hub\n')
        self.replace('pool.time', self.clock)
        self.said = []

    def heard(self, call, *args):
        with contextlib.redirect_stdout(io.StringIO()) as out:
            try:
                return call(self.conf, self.aws, *args)
            finally:
                self.said += out.getvalue().splitlines()

    def join(self, ready=always_ready):
        self.heard(pool.join, ready)

    def leave(self):
        self.heard(pool.leave)

    def status(self):
        return self.heard(pool.status)

    def on_change(self, act, times=1):
        """act() before each of the next changes."""
        left = [act] * times

        def answer(base, path, headers):
            if path.endswith('/rrset/') and left:
                left.pop()()
        self.transport.answer = answer

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
        self.assertEqual(self.said, ['vpn.example.com. answers 203.0.113.10 for this hub'])

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

    def test_settings(self):
        self.join()
        self.conf['pool'].update(ttl='30', group='blue', zone='/hostedzone/Z1EXAMPLE')
        self.join()
        self.assertEqual({r['SetIdentifier']: r['TTL'] for r in self.zone.records}, {ME: 60, ME.replace('hub', 'blue'): 30})

    def test_region_of_the_instance_counts_not_that_of_the_settings(self):
        self.fake.metadata['meta-data/placement/region'] = 'eu-central-1'
        self.join()
        self.assertEqual(list(self.zone.values(NAME)), ['eu-central-1/hub/i-0123456789abcdef0'])

    def test_without_a_zone_there_is_nothing_to_do(self):
        never = functools.partial(self.join, lambda: ['never ready'])
        for call, answer in (never, None), (self.leave, None), (self.status, True):
            self.conf['pool']['zone'] = ''
            self.said.clear()
            self.assertIs(call(), answer)
            self.assertEqual(self.said, ['no hosted zone is set: this hub keeps no record'])
        self.assertEqual(self.fake.log, [])

    def test_without_a_public_address(self):
        del self.fake.metadata['meta-data/public-ipv4']
        self.refuses('this instance has no public IPv4 address', self.join)
        self.assertEqual(self.fake.calls('route53'), [])

    def test_records_in_the_way(self):
        for kind, values, more in (
                ('A', ['192.0.2.1', '192.0.2.2'], {}),
                ('CNAME', ['old.example.net'], {}),
                ('A', ['192.0.2.1'], {'SetIdentifier': 'w', 'Weight': 1}),
                ('A', [], {'AliasTarget': {'HostedZoneId': 'Z2', 'DNSName': 'x.example.', 'EvaluateTargetHealth': False}})):
            with self.subTest(kind=kind, values=values, **more):
                self.zone.records.clear()
                self.zone.add(NAME, *values, type=kind, **more)
                self.refuses('vpn.example.com. has a %s record that is not multivalue.*: delete it first' % kind, self.join)
        self.assertEqual(self.changes(), [])

    def test_a_full_pool(self):
        for n in range(100):
            self.other(n)
        self.refuses('vpn.example.com. has 100 records, all that it can: delete those of dead hubs', self.join)
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

    def test_waits_ten_minutes(self):
        self.refuses('not ready after 600 s: no site; no daemon', self.join, lambda: ['no site', 'no daemon'])
        self.assertTrue(600 <= sum(self.clock.slept) <= 610, self.clock.slept)
        self.assertEqual(self.said, ['not ready: no site; no daemon'])
        self.assertEqual(self.fake.log, [])

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
        self.refuses('route53 ListResourceRecordSets: AccessDenied .*not authorized', self.join)
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
        self.assertEqual(self.said[-1], 'vpn.example.com. has no record of this hub')

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
        self.on_change(lambda: self.fake.fault('route53', 'lost'))
        self.leave()
        self.assertEqual(self.zone.records, [])
        self.assertEqual(self.fake.calls('route53'), [
            ('ListResourceRecordSets', 200, ''), ('ChangeResourceRecordSets', 200, ''),
            ('ChangeResourceRecordSets', 400, 'InvalidChangeBatch'), ('ListResourceRecordSets', 200, '')])

    def test_changed_between_list_and_delete(self):
        """A record that another hand changed meanwhile is read again, then deleted as it is."""
        self.zone.records.append(MINE)
        self.on_change(lambda: self.zone.change([{'Action': 'UPSERT', 'ResourceRecordSet': {**MINE, 'TTL': 99}}]))
        self.leave()
        self.assertEqual(self.zone.records, [])
        self.assertEqual(self.changes(), [400, 200])

    def test_refused_for_good(self):
        self.zone.records.append(MINE)
        self.on_change(lambda: self.fake.fault('route53', Refusal(400, 'InvalidChangeBatch', '[never]')), 2)
        self.refuses(r'InvalidChangeBatch .*: \[never\]', self.leave)


class StatusTest(PoolTest):
    def test_table(self):
        self.other(1)
        self.zone.add(NAME, '192.0.2.77', SetIdentifier='us-east-1/blue/i-9', MultiValueAnswer=True, ttl=300)
        self.assertIs(self.status(), False)
        self.join()
        self.said.clear()
        self.assertIs(self.status(), True)
        self.assertEqual(self.said, [
            'vpn.example.com. in zone Z1EXAMPLE: 3 records',
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
        self.join()
        self.assertEqual(self.zone.values(NAME), {ME: ['203.0.113.10'], ME + '1': ['203.0.113.11']})
        self.leave()
        self.assertEqual(self.zone.records, [MINE])


if __name__ == '__main__':
    unittest.main()

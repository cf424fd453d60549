"""The fake's faults: each kind does what it says, where it is told to, as often as it is told to; and what it counts."""
import collections
import concurrent.futures
import http.client
import os
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import botocore.exceptions  # noqa: E402

from awstest import BLOCK, KEY, REGION, SECRET, WithFake, block  # noqa: E402
from fakeaws.faults import KINDS  # noqa: E402

NETWORK = (botocore.exceptions.HTTPClientError, botocore.exceptions.ConnectionError, botocore.exceptions.IncompleteReadError,
           botocore.parsers.ResponseParserError)


class Kinds(WithFake):
    def start(self, attempts=0):
        return self.client('ebs', attempts=attempts, timeout=1).start_snapshot(VolumeSize=1)

    def count(self):
        return len(self.world.region(REGION).snapshots)

    def test_refusals(self):
        codes = {'throttle': ('RequestThrottledException', 'RequestLimitExceeded', 'ThrottlingException', 'Throttling'),
                 'error': ('InternalServerException', 'InternalError', 'InternalServerError', 'InternalFailure'),
                 'expired': ('ExpiredTokenException', 'RequestExpired', 'ExpiredTokenException', 'ExpiredToken'),
                 'denied': ('AccessDeniedException', 'UnauthorizedOperation', 'AccessDeniedException', 'AccessDenied'),
                 'clock': ('InvalidSignatureException', 'RequestExpired', 'InvalidSignatureException', 'SignatureDoesNotMatch')}
        calls = (lambda: self.ebs.start_snapshot(VolumeSize=1), self.ec2.describe_images, self.ssm.describe_parameters,
                 self.autoscaling.describe_auto_scaling_groups)
        for kind, words in codes.items():
            self.fault(kind, count=4)
            for call, code in zip(calls, words):
                self.refused(code, call)
        self.fault('500')
        self.refused('InternalError', self.ec2.describe_images)
        self.fault('refuse', code='ServiceQuotaExceededException', status=402, message='x')
        self.assertEqual(self.refused('ServiceQuotaExceededException', self.start)['ResponseMetadata']['HTTPStatusCode'], 402)
        self.assertEqual(self.count(), 0)
        self.start()

    def test_not_done(self):
        for kind in ('reset', 'close', 'stall', 'unavailable'):
            self.fault(kind)
            with self.assertRaises((*NETWORK, botocore.exceptions.ClientError)):
                self.start()
            self.assertEqual(self.count(), 0, kind)

    def test_done(self):
        n = 0
        for kind, more in (('lost', {}), ('cut', {}), ('garbage', {}), ('stall', {'done': True}), ('drip', {})):
            n += 1
            self.fault(kind, **more)
            with self.assertRaises((*NETWORK, UnicodeDecodeError, ValueError), msg=kind):
                self.start()
            self.assertEqual(self.count(), n, kind)
        self.fault('empty')
        self.assertNotIn('SnapshotId', self.start())
        self.assertEqual(self.count(), n + 1)

    def test_truncate(self):
        """botocore takes half a JSON for an answer, Python's own client does not."""
        self.fault('truncate')
        with self.assertRaises(http.client.IncompleteRead):
            self.raw('ebs', 'POST', '/snapshots', b'{"VolumeSize": 1}', {'Content-Type': 'application/json'})
        self.assertEqual(self.count(), 1)

    def test_slow(self):
        self.fault('slow', seconds=0.3)
        start = time.monotonic()
        self.start()
        self.assertGreater(time.monotonic() - start, 0.29)

    def test_forms(self):
        """The same with EC2's XML."""
        c = self.client('ec2', timeout=1)
        for kind in ('reset', 'close', 'stall', 'lost', 'truncate', 'cut', 'garbage'):
            self.fault(kind, service='ec2')
            with self.assertRaises(NETWORK, msg=kind):
                c.describe_regions()
        c.describe_regions()

    def test_reset_amid_a_block(self):
        s = self.snapshot({}, complete=False)
        self.fault('reset', operation='PutSnapshotBlock')
        with self.assertRaises(NETWORK):
            self.put(s, 0, block(1))
        self.assertEqual(self.control('blocks', region=REGION, snapshot=s)['puts'], {})
        self.fault('lost', operation='PutSnapshotBlock')
        with self.assertRaises(NETWORK):
            self.put(s, 0, block(1))
        self.assertEqual(self.control('blocks', region=REGION, snapshot=s)['puts'], {'0': 1})

    def test_corrupt(self):
        s = self.snapshot({0: 1})
        self.fault('corrupt', operation='GetSnapshotBlock')
        token = self.ebs.list_snapshot_blocks(SnapshotId=s)['Blocks'][0]['BlockToken']
        read = [self.ebs.get_snapshot_block(SnapshotId=s, BlockIndex=0, BlockToken=token)['BlockData'].read() for _ in range(2)]
        self.assertEqual((len(read[0]), sum(a != b for a, b in zip(*read)), read[1]), (BLOCK, 1, block(1)))

    def test_a_client_that_tries_again(self):
        for kind in ('throttle', 'error', 'unavailable', 'reset', 'stall', 'close'):
            self.fault(kind, operation='StartSnapshot')
            self.start(attempts=2)

    def test_all_kinds_are_tried_here(self):
        with open(__file__) as f:
            text = f.read()
        for kind in KINDS:
            self.assertIn("'%s'" % kind, text)


class Rules(WithFake):
    def codes(self, n, call=None):
        found = []
        for _ in range(n):
            try:
                (call or self.ec2.describe_regions)()
                found.append('')
            except botocore.exceptions.ClientError:
                found.append('x')
        return ''.join(x or '.' for x in found)

    def test_when(self):
        for rule, seen in (({}, 'x.....'), ({'count': 2}, 'xx....'), ({'skip': 2}, '..x...'), ({'skip': 1, 'count': 3}, '.xxx..'),
                           ({'nth': 3}, '..x...'), ({'nth': [1, 4]}, 'x..x..'), ({'nth': [1, 4], 'count': 1}, 'x.....'),
                           ({'operation': 'DescribeImages'}, '......'), ({'region': 'us-east-1'}, '......'),
                           ({'service': 'ec2', 'operation': 'DescribeRegions', 'region': REGION, 'match': '/'}, 'x.....')):
            self.control('faults', {'clear': True})
            self.fault('throttle', **rule)
            self.assertEqual(self.codes(6), seen, rule)
        self.control('faults', {'clear': True})
        self.fault('error', probability=0.5, seed=1)
        struck = self.codes(40).count('x')
        self.assertTrue(10 <= struck <= 30)
        state = self.control('faults')[0]
        self.assertEqual((state['seen'], state['struck']), (40, struck))

    def test_mistakes(self):
        for rule in ({'kind': 'nothing'}, {'kind': 'throttle', 'often': 1}):
            with self.assertRaises(Exception):
                self.control('faults', rule)
        for things in ({'settings': {'nothing': 1}}, {'regions': {REGION: {'nothing': 1}}}, {'nothing': 1}):
            with self.assertRaises(Exception):
                self.control('setup', things)

    def test_rate(self):
        self.settings(rates={'ec2.DescribeRegions': 5})
        seen = self.codes(20)
        self.assertTrue(seen.startswith('.....'), seen)
        self.assertIn('x', seen)


class Kept(WithFake):
    def test_counts_and_log(self):
        s = self.snapshot({0: 1, 1: 1})
        self.refused('InvalidAMIID.NotFound', self.ec2.describe_images, ImageIds=['ami-00000000'])
        self.fault('throttle')
        self.refused('RequestLimitExceeded', self.ec2.describe_images)
        counts = self.control('counts')
        self.assertEqual((counts['ebs.PutSnapshotBlock'], counts['ec2.DescribeImages']), (2, 2))
        log = self.control('log', operation='DescribeImages')
        self.assertEqual([(e['status'], e['code'], e['fault']) for e in log],
                         [(400, 'InvalidAMIID.NotFound', None), (503, 'RequestLimitExceeded', 'throttle')])
        state = self.control('state', region=REGION)['regions'][REGION]['snapshots'][s]
        self.assertEqual((state['blocks'], state['written'], state['puts'], state['state']), (2, 2, 2, 'completed'))
        self.assertNotIn(SECRET, str(self.control('log')) + str(self.control('state')))
        self.assertEqual({e['key'] for e in self.control('log')}, {KEY})

    def test_many_at_once(self):
        s = self.snapshot({}, complete=False)
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            list(pool.map(lambda i: self.put(s, i, block(i % 7)), range(64)))
        found = self.control('blocks', region=REGION, snapshot=s)
        self.assertEqual(collections.Counter(found['puts'].values()), {1: 64})
        self.assertLessEqual(len(self.world.store.places), 7)
        self.ebs.complete_snapshot(SnapshotId=s, ChangedBlocksCount=64, Checksum=found['aggregate'], ChecksumAlgorithm='SHA256',
                                   ChecksumAggregationMethod='LINEAR')


if __name__ == '__main__':
    unittest.main()

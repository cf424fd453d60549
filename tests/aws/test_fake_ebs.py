"""The fake's EBS direct APIs: each rule, and what a volume made of a snapshot reads."""
import os
import sys
import unittest
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from awstest import BLOCK, REGION, WithFake, aggregate, block, digest  # noqa: E402

KEY = {'Encrypted': True}


class Start(WithFake):
    def test_client_token(self):
        first = self.ebs.start_snapshot(VolumeSize=1, ClientToken='t1', Description='x')
        again = self.ebs.start_snapshot(VolumeSize=1, ClientToken='t1', Description='x')
        self.assertEqual(first['SnapshotId'], again['SnapshotId'])
        response = self.refused('ConflictException', self.ebs.start_snapshot, VolumeSize=2, ClientToken='t1', Description='x')
        self.assertEqual(response['ResponseMetadata']['HTTPStatusCode'], 409)
        self.assertNotEqual(self.ebs.start_snapshot(VolumeSize=1, ClientToken='t2')['SnapshotId'], first['SnapshotId'])

    def test_parent(self):
        parent = self.snapshot({0: 1, 5: 2}, VolumeSize=2)
        for extra in ({'Encrypted': True}, {'Encrypted': False}, {'KmsKeyArn': self.world.region(REGION).default_key}):
            self.invalid('INVALID_PARAMETER_VALUE', self.ebs.start_snapshot, VolumeSize=2, ParentSnapshotId=parent, **extra)
        self.invalid('INVALID_VOLUME_SIZE', self.ebs.start_snapshot, VolumeSize=1, ParentSnapshotId=parent)
        self.refused('ResourceNotFoundException', self.ebs.start_snapshot, VolumeSize=2, ParentSnapshotId='snap-00000000')
        pending = self.snapshot({}, complete=False)
        self.invalid('INVALID_SNAPSHOT_ID', self.ebs.start_snapshot, VolumeSize=1, ParentSnapshotId=pending)
        child = self.snapshot({5: 3}, VolumeSize=2, ParentSnapshotId=parent)
        found = self.control('blocks', region=REGION, snapshot=child)
        self.assertEqual((sorted(found['digests']), found['puts']), (['0', '5'], {'5': 1}))
        changed = self.ebs.list_changed_blocks(FirstSnapshotId=parent, SecondSnapshotId=child)['ChangedBlocks']
        self.assertEqual([b['BlockIndex'] for b in changed], [5])
        token = changed[0]['SecondBlockToken']
        got = self.ebs.get_snapshot_block(SnapshotId=child, BlockIndex=5, BlockToken=token)
        self.assertEqual(got['BlockData'].read(), block(3))
        self.invalid('UNRELATED_SNAPSHOTS', self.ebs.list_changed_blocks, FirstSnapshotId=parent, SecondSnapshotId=self.snapshot())

    def test_encryption(self):
        alias = self.setup(keys=['alias/hub'])['keys']['alias/hub']
        key = self.world.region(REGION).default_key
        self.assertNotIn('KmsKeyArn', self.ebs.start_snapshot(VolumeSize=1))
        self.assertEqual(self.ebs.start_snapshot(VolumeSize=1, **KEY)['KmsKeyArn'], key)
        self.assertEqual(self.ebs.start_snapshot(VolumeSize=1, KmsKeyArn=alias, **KEY)['KmsKeyArn'], alias)
        self.invalid('INVALID_PARAMETER_VALUE', self.ebs.start_snapshot, VolumeSize=1, KmsKeyArn=alias)
        self.invalid('INVALID_CUSTOMER_KEY', self.ebs.start_snapshot, VolumeSize=1, KmsKeyArn=alias[:-1] + 'x', **KEY)
        self.invalid(None, self.ebs.start_snapshot, VolumeSize=1, KmsKeyArn='alias/hub', **KEY)
        parent = self.snapshot(KmsKeyArn=alias, **KEY)
        self.assertEqual(self.ebs.start_snapshot(VolumeSize=1, ParentSnapshotId=parent)['KmsKeyArn'], alias)

    def test_encryption_by_default(self):
        parent = self.snapshot()
        self.setup(encrypted=True)
        self.assertTrue(self.ec2.get_ebs_encryption_by_default()['EbsEncryptionByDefault'])
        started = self.ebs.start_snapshot(VolumeSize=1)
        self.assertEqual(started['KmsKeyArn'], self.world.region(REGION).default_key)
        self.assertEqual(self.ebs.start_snapshot(VolumeSize=1, Encrypted=False)['KmsKeyArn'], started['KmsKeyArn'])
        self.invalid('INVALID_SNAPSHOT_ID', self.ebs.start_snapshot, VolumeSize=1, ParentSnapshotId=parent)

    def test_tags(self):
        for tags in ([{'Key': 'aws:x', 'Value': ''}], [{'Key': 'a'}, {'Key': 'a'}], [{'Value': 'a'}]):
            self.invalid('INVALID_TAG', self.ebs.start_snapshot, VolumeSize=1, Tags=tags)

    def test_limit_of_pending(self):
        for _ in range(100):
            self.ebs.start_snapshot(VolumeSize=1)
        self.refused('ConcurrentLimitExceededException', self.ebs.start_snapshot, VolumeSize=1)

    def test_consistency(self):
        self.settings(consistency={'ebs': 30, 'snapshot': 60})
        s = self.ebs.start_snapshot(VolumeSize=1)['SnapshotId']
        response = self.refused('ResourceNotFoundException', self.put, s, 0, block(1))
        self.assertEqual(response['Reason'], 'SNAPSHOT_NOT_FOUND')
        self.world.offset = 31
        self.put(s, 0, block(1))
        self.refused('InvalidSnapshot.NotFound', self.ec2.describe_snapshots, SnapshotIds=[s])
        self.assertEqual(self.ec2.describe_snapshots(OwnerIds=['self'])['Snapshots'], [])

    def test_regions_are_apart(self):
        s = self.snapshot()
        self.refused('ResourceNotFoundException', self.client('ebs', 'us-east-1').list_snapshot_blocks, SnapshotId=s)


class Put(WithFake):
    def setUp(self):
        super().setUp()
        self.s = self.snapshot({}, complete=False)

    def test_answer(self):
        got = self.put(self.s, 0, block(1))
        self.assertEqual((got['Checksum'], got['ChecksumAlgorithm'], got['ResponseMetadata']['HTTPStatusCode']),
                         (digest(block(1)), 'SHA256', 201))

    def test_rules(self):
        self.invalid('INVALID_BLOCK', self.put, self.s, 0, block(1), Checksum=digest(block(2)))
        self.invalid('INVALID_BLOCK', self.put, self.s, 0, b'short', DataLength=5)
        self.invalid('INVALID_BLOCK', self.put, self.s, 0, b'short')
        self.invalid('INVALID_BLOCK', self.put, self.s, 0, block(1), DataLength=1)
        self.invalid('INVALID_BLOCK', self.put, self.s, 2048, block(1))
        self.invalid(None, self.put, self.s, 0, block(1), ChecksumAlgorithm='MD5')
        self.invalid(None, self.put, self.s, 0, block(1), Progress=101)
        self.put(self.s, 2047, block(1), Progress=100)
        self.refused('ResourceNotFoundException', self.put, 'snap-00000000', 0, block(1))

    def test_overwrite(self):
        self.put(self.s, 0, block(1))
        self.put(self.s, 0, block(2))
        self.ebs.complete_snapshot(SnapshotId=self.s, ChangedBlocksCount=1, Checksum=aggregate({0: block(2)}),
                                   ChecksumAlgorithm='SHA256', ChecksumAggregationMethod='LINEAR')
        self.assertEqual(self.control('blocks', region=REGION, snapshot=self.s)['puts'], {'0': 2})

    def test_only_while_pending(self):
        self.ebs.complete_snapshot(SnapshotId=self.s, ChangedBlocksCount=0)
        self.invalid('INVALID_SNAPSHOT_ID', self.put, self.s, 0, block(1))
        self.completed(self.s)
        self.invalid('INVALID_SNAPSHOT_ID', self.put, self.s, 0, block(1))

    def test_timeout(self):
        s = self.snapshot({0: 1}, complete=False, Timeout=10)
        kept = self.world.regions[REGION].snapshots[s]
        kept['deadline'] -= 590
        self.put(s, 1, block(1))
        kept['deadline'] -= 590
        self.put(s, 2, block(1))
        kept['deadline'] -= 601
        self.invalid('INVALID_SNAPSHOT_ID', self.put, s, 3, block(1))
        self.assertEqual(self.ec2.describe_snapshots(SnapshotIds=[s])['Snapshots'][0]['State'], 'error')


class Complete(WithFake):
    def setUp(self):
        super().setUp()
        self.s = self.snapshot({9: 2, 1: 1}, complete=False)
        self.sum = {'Checksum': aggregate({1: block(1), 9: block(2)}), 'ChecksumAlgorithm': 'SHA256',
                    'ChecksumAggregationMethod': 'LINEAR'}

    def complete(self, count=2, **other):
        return self.ebs.complete_snapshot(SnapshotId=self.s, ChangedBlocksCount=count, **other)

    def test_rules(self):
        self.invalid('INVALID_PARAMETER_VALUE', self.complete, 3)
        self.invalid('INVALID_PARAMETER_VALUE', self.complete, 2, **{**self.sum, 'Checksum': digest(block(1))})
        self.invalid('INVALID_PARAMETER_VALUE', self.complete, 2, Checksum=self.sum['Checksum'])
        self.invalid('INVALID_PARAMETER_VALUE', self.complete, 2, ChecksumAlgorithm='SHA256')
        got = self.complete(**self.sum)
        self.assertEqual((got['Status'], got['ResponseMetadata']['HTTPStatusCode']), ('pending', 202))
        self.invalid('INVALID_SNAPSHOT_ID', self.complete)

    def test_again_where_that_is_accepted(self):
        self.settings(complete_again='accept')
        self.complete(**self.sum)
        self.assertEqual(self.complete(**self.sum)['Status'], 'pending')

    def test_pending_is_not_readable(self):
        self.invalid('INVALID_SNAPSHOT_ID', self.ebs.list_snapshot_blocks, SnapshotId=self.s)
        self.settings(complete_polls=2)
        self.complete(**self.sum)
        states = [self.ec2.describe_snapshots(SnapshotIds=[self.s])['Snapshots'][0]['State'] for _ in range(3)]
        self.assertEqual(states, ['pending', 'pending', 'completed'])
        self.assertEqual(len(self.ebs.list_snapshot_blocks(SnapshotId=self.s)['Blocks']), 2)

    def test_late_error(self):
        self.settings(late_errors=True, complete_polls=0)
        self.complete(7)
        found = self.ec2.describe_snapshots(SnapshotIds=[self.s])['Snapshots'][0]
        self.assertEqual(found['State'], 'error')
        self.assertIn('ChangedBlocksCount', found['StateMessage'])


class Read(WithFake):
    def test_blocks(self):
        s = self.snapshot({3: 1, 1: 2, 2047: 3})
        got = self.ebs.list_snapshot_blocks(SnapshotId=s)
        self.assertEqual([b['BlockIndex'] for b in got['Blocks']], [1, 3, 2047])
        self.assertEqual((got['VolumeSize'], got['BlockSize']), (1, BLOCK))
        token = got['Blocks'][1]['BlockToken']
        data = self.ebs.get_snapshot_block(SnapshotId=s, BlockIndex=3, BlockToken=token)
        self.assertEqual((data['Checksum'], data['DataLength'], data['BlockData'].read()), (digest(block(1)), BLOCK, block(1)))
        self.invalid('INVALID_BLOCK_TOKEN', self.ebs.get_snapshot_block, SnapshotId=s, BlockIndex=1, BlockToken=token)
        other = self.snapshot({3: 1})
        self.invalid('INVALID_BLOCK_TOKEN', self.ebs.get_snapshot_block, SnapshotId=other, BlockIndex=3, BlockToken=token)

    def test_pages(self):
        content = {str(i): i % 251 for i in range(0, 500, 2)}
        s = self.setup(snapshots=[{'gib': 1, 'content': content}])['snapshots'][0]

        def walk(**how):
            pages, token = [], {}
            while True:
                got = self.ebs.list_snapshot_blocks(SnapshotId=s, **how, **token)
                pages.append([b['BlockIndex'] for b in got['Blocks']])
                if 'NextToken' not in got:
                    return pages
                token = {'NextToken': got['NextToken']}
        self.assertEqual([len(p) for p in walk(MaxResults=100)], [100, 100, 50])
        self.assertEqual(sum(walk(MaxResults=100), []), list(range(0, 500, 2)))
        self.assertEqual(walk(StartingBlockIndex=401), [list(range(402, 500, 2))])
        self.settings(page=90)
        self.assertEqual([len(p) for p in walk()], [90, 90, 70])
        self.settings(empty_pages=True)
        self.assertEqual([len(p) for p in walk()], [0, 90, 0, 90, 70])
        self.assertEqual(sum(walk(), []), list(range(0, 500, 2)))
        self.invalid('INVALID_PAGE_TOKEN', self.ebs.list_snapshot_blocks, SnapshotId=s, NextToken='bm9wZQ==')

    def test_volume(self):
        s = self.snapshot({1: 7})
        with urllib.request.urlopen('%s/_fake/volume?region=%s&snapshot=%s' % (self.server.url, REGION, s)) as reply:
            self.assertEqual(reply.headers['Content-Length'], str(1 << 30))
            self.assertEqual(reply.read(3 * BLOCK), bytes(BLOCK) + block(7) + bytes(BLOCK))
        path = self.id() + '.volume'
        path = os.path.join(os.environ.get('TMPDIR', '/tmp'), path)
        self.addCleanup(os.unlink, path)
        self.control('volume', region=REGION, snapshot=s, path=path, size=BLOCK + 5)
        with open(path, 'rb') as f:
            self.assertEqual(f.read(), bytes(BLOCK) + block(7)[:5])
        s = self.snapshot({1: 7}, **KEY)
        self.control('volume', region=REGION, snapshot=s, path=path, size=2 * BLOCK)
        with open(path, 'rb') as f:
            first, second = f.read(BLOCK), f.read()
        self.assertGreater(len(set(first)), 200, 'what is missing of an encrypted snapshot reads as garbage')
        self.assertEqual(second, block(7))


if __name__ == '__main__':
    unittest.main()

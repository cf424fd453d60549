"""A stranger's opinion of what is asked of AWS: imgbuild's goals against a moto server, which knows nothing of this project
and of its fake. Moto is loose (it checks no signature, no checksum and no count), and not like AWS in what motomend.MENDS
names: those are mended on the way. What it does not know at all is UNKNOWN, and tried for how it is told."""
import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import boto3  # noqa: E402
import botocore.config  # noqa: E402

from motomend import BLOCK, MENDS, Mender  # noqa: E402

TOP = os.path.dirname(os.path.dirname(HERE))
PROGRAM = os.path.abspath(os.path.join(TOP, os.environ.get('TESTS_BUILD', 'build/asan'), 'imgbuild'))
os.environ['PATH'] += ':/usr/sbin:/sbin'
NEEDED = [p for p in ('moto_server', 'mkfs.vfat', 'mcopy') if shutil.which(p) is None]
HOME, WEST = 'eu-west-1', 'us-west-2'
ACCOUNT = '111111111111'
RECIPE = '''packages: [a]
overlays: [o]
services: [a.service]
image: {base: {tar: ../base.tar}, size: 1G}
ami: {tags: {team: network}}
keep: 1
'''
PUBLISH = '''publish: {parameter: /r/ami, regions: {us-west-2: {}}, accounts: ["%s"], launch_templates: [%s]}
'''
# What moto has no operation for, and what of a recipe asks for it.
UNKNOWN = {
    'EnableImageDeprecation': 'deprecate_after: 90d',
    'EnableImageDeregistrationProtection': 'protect: true',
    'DescribeInstanceRefreshes': 'refresh: {groups: [hub]}',
}


def start_moto(folder):
    """(process, port) of a moto server of this test."""
    log = os.path.join(folder, 'moto.log')
    env = {**os.environ, 'MOTO_EC2_LOAD_DEFAULT_AMIS': 'false', 'PYTHONUNBUFFERED': '1'}
    with open(log, 'wb') as out:
        p = subprocess.Popen(['moto_server', '-H', '127.0.0.1', '-p', '0'], env=env, stdin=subprocess.DEVNULL, stdout=out,
                             stderr=out)
    end = time.monotonic() + 40
    while time.monotonic() < end:
        with open(log, errors='replace') as f:
            text = f.read()
        found = re.search(r'Running on http://127\.0\.0\.1:(\d+)', text)
        if found:
            return p, int(found[1])
        if p.poll() == 127:
            raise unittest.SkipTest('moto_server does not start: ' + text.strip()[-200:])
        if p.poll() is not None:
            break
        time.sleep(0.05)
    p.kill()
    p.wait()
    raise AssertionError('moto_server says no port: ' + text)


@unittest.skipIf(NEEDED, '%s is not installed' % ' and '.join(NEEDED))
class Stranger(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        work = tempfile.TemporaryDirectory()
        cls.addClassCleanup(work.cleanup)
        cls.work = work.name
        process, port = start_moto(cls.work)
        cls.addClassCleanup(process.wait)
        cls.addClassCleanup(process.kill)
        cls.direct = 'http://127.0.0.1:%d' % port
        cls.mender = Mender(port)
        cls.addClassCleanup(cls.mender.stop)
        for name in ('recipes', 'overlays/o/etc'):
            os.makedirs(os.path.join(cls.work, name))
        subprocess.run(['/usr/bin/python3', os.path.join(TOP, 'tests/cli/base.py'), cls.work + '/base.tar', '1000000'],
                       check=True, timeout=60)

    @staticmethod
    def client(service, region, url):
        config = botocore.config.Config(retries={'total_max_attempts': 1}, read_timeout=20)
        return boto3.client(service, region_name=region, endpoint_url=url, aws_access_key_id='AKIAMOTO',
                            aws_secret_access_key='x', config=config)

    def setUp(self):
        self.moto = {(s, r): self.client(s, r, self.direct) for s in ('ec2', 'ssm', 'ebs') for r in (HOME, WEST)}
        self.seen = {r: self.client('ec2', r, self.mender.url) for r in (HOME, WEST)}
        for client in (*self.moto.values(), *self.seen.values()):
            self.addCleanup(client.close)
        self.recipe()

    def recipe(self, more=''):
        with open(self.work + '/recipes/r.yaml', 'w') as f:
            f.write(RECIPE + more)

    def overlay(self, text):
        with open(self.work + '/overlays/o/etc/o.conf', 'w') as f:
            f.write(text + '\n')

    def run_it(self, *words, status=0, url=None):
        env = {k: v for k, v in os.environ.items() if not k.startswith('AWS_')}
        env.update(AWS_ENDPOINT_URL=url or self.mender.url, AWS_ACCESS_KEY_ID='AKIAMOTO', AWS_SECRET_ACCESS_KEY='x',
                   AWS_REGION=HOME, AWS_CONFIG_FILE=os.devnull, AWS_SHARED_CREDENTIALS_FILE=os.devnull,
                   AWS_EC2_METADATA_DISABLED='true')
        p = subprocess.run([PROGRAM, '-C', self.work, 'r', *words], env=env, capture_output=True, text=True, timeout=100)
        self.said = p.stdout + p.stderr
        self.assertEqual(p.returncode, status, '%s:\n%s' % (' '.join(words), self.said))
        return p.stdout

    def events(self, kind, *words, status=0):
        return [e for e in map(json.loads, self.run_it(*words, '--json', status=status).splitlines()) if e['event'] == kind]

    def count(self, *operations):
        return sum(self.mender.counts.get(o, 0) for o in operations)

    def images(self, region):
        """{id: image}, the oldest first, as moto itself holds them: ids, names, tags."""
        found = self.moto['ec2', region].describe_images(Owners=['self'])['Images']
        return {i['ImageId']: i for i in found}

    def state(self):
        with open(self.work + '/out/r/state.json') as f:
            return json.load(f)

    def value(self, region):
        return self.moto['ssm', region].get_parameter(Name='/r/ami')['Parameter']['Value']

    @staticmethod
    def tags(thing):
        return {t['Key']: t['Value'] for t in thing.get('Tags', [])}

    def snapshot_is_the_image(self, snapshot):
        """What moto holds of it is disk.raw, of which all else is zeroes."""
        ebs = self.moto['ebs', HOME]
        with open(self.work + '/out/r/disk.json') as f:
            present = json.load(f)['blocks']['present']
        blocks = ebs.list_snapshot_blocks(SnapshotId=snapshot)['Blocks']
        self.assertEqual(len(blocks), present + 1, 'its own list of blocks is one more')
        with open(self.work + '/out/r/disk.raw', 'rb') as f:
            for b in blocks:
                got = ebs.get_snapshot_block(SnapshotId=snapshot, BlockIndex=int(b['BlockIndex']), BlockToken=b['BlockToken'])
                f.seek(int(b['BlockIndex']) * BLOCK)
                self.assertTrue(f.read(BLOCK) == got['BlockData'].read(), b['BlockIndex'])

    # The steps of the life of an image, in their order.

    def not_mended(self):
        """Without mends, the first answer that is not like AWS ends it, with the name of what is wrong."""
        made = self.moto['ebs', HOME].start_snapshot(VolumeSize=1)
        self.moto['ec2', HOME].delete_snapshot(SnapshotId=made['SnapshotId'])
        if made['BlockSize'] == BLOCK:
            return
        self.run_it('ami', status=5, url=self.direct)
        self.assertIn('StartSnapshot: the answer\'s BlockSize', self.said)
        self.assertEqual(self.images(HOME), {})
        for s in self.moto['ec2', HOME].describe_snapshots(OwnerIds=['self'])['Snapshots']:
            self.moto['ec2', HOME].delete_snapshot(SnapshotId=s['SnapshotId'])
        shutil.rmtree(self.work + '/out/.r.upload', ignore_errors=True)

    def first(self):
        self.old_ones()
        self.run_it('ami')
        now = self.state()['images'][0]
        self.one, snapshot = now['image'], now['snapshot']
        self.assertEqual(set(self.images(HOME)), {self.one, *[i for i, _ in self.old]})
        image = self.images(HOME)[self.one]
        self.assertEqual(image['Name'], 'r x86_64 ' + now['digest'][:12])
        stands = self.moto['ec2', HOME].describe_snapshots(SnapshotIds=[snapshot])['Snapshots'][0]
        self.assertEqual((stands['State'], stands['VolumeSize']), ('completed', 1))
        for tags in self.tags(image), self.tags(stands):
            self.assertEqual((tags['imgbuild:recipe'], tags['imgbuild:digest'], tags['imgbuild:run'], tags['team'], tags['Name']),
                             ('r', now['digest'], now['run'], 'network', image['Name']))
        asked = self.mender.registered[self.one]
        self.assertEqual({n: asked.get(n) for n in (
            'Architecture', 'BootMode', 'TpmSupport', 'ImdsSupport', 'EnaSupport', 'VirtualizationType', 'RootDeviceName',
            'BlockDeviceMapping.1.DeviceName', 'BlockDeviceMapping.1.Ebs.SnapshotId', 'BlockDeviceMapping.1.Ebs.VolumeType')}, {
                'Architecture': 'x86_64', 'BootMode': 'uefi', 'TpmSupport': 'v2.0', 'ImdsSupport': 'v2.0', 'EnaSupport': 'true',
                'VirtualizationType': 'hvm', 'RootDeviceName': '/dev/xvda', 'BlockDeviceMapping.1.DeviceName': '/dev/xvda',
                'BlockDeviceMapping.1.Ebs.SnapshotId': snapshot, 'BlockDeviceMapping.1.Ebs.VolumeType': 'gp3'})
        self.snapshot_is_the_image(snapshot)
        self.run_it('verify')
        self.assertIn('are what the image built here says', self.said)

    def again(self):
        before = dict(self.mender.counts)
        self.assertEqual([(e['image'], e['reused']) for e in self.events('ami', 'ami')], [(self.one, True)])
        for operation in ('ebs.StartSnapshot', 'ebs.PutSnapshotBlock', 'ec2.RegisterImage', 'ec2.CreateTags'):
            self.assertEqual(self.mender.counts.get(operation), before.get(operation), operation)

    def published(self):
        data = {'ImageId': 'ami-0123456789abcdef0', 'InstanceType': 't3.small'}
        made = self.moto['ec2', HOME].create_launch_template(LaunchTemplateName='bound', LaunchTemplateData=data)
        self.template = made['LaunchTemplate']['LaunchTemplateId']
        self.publish = PUBLISH % (ACCOUNT, self.template)
        self.recipe(self.publish)
        self.run_it('publish', '--dry-run')
        self.assertIn('copy the image from ' + HOME, self.said)
        self.assertEqual((len(self.images(WEST)), self.count('ssm.PutParameter')), (0, 0), 'a dry run')
        self.run_it('publish')
        self.is_published(self.one)
        self.one_west = list(self.images(WEST))[0]
        asked = ('ec2.CopyImage', 'ec2.ModifyImageAttribute', 'ssm.PutParameter', 'ec2.CreateLaunchTemplateVersion',
                 'ec2.ModifyLaunchTemplate')
        before = self.count(*asked)
        self.run_it('publish')
        self.assertEqual(self.count(*asked), before, 'a second run')

    def is_published(self, ami):
        """In both regions, by an image of its digest."""
        digest = self.tags(self.images(HOME)[ami])['imgbuild:digest']
        for region in (HOME, WEST):
            there = [i for i in self.images(region).values() if self.tags(i).get('imgbuild:digest') == digest]
            self.assertEqual([i['ImageId'] for i in there], [self.value(region)])
            p = self.moto['ssm', region].get_parameter(Name='/r/ami')['Parameter']
            self.assertEqual((p['Type'], p['DataType']), ('String', 'aws:ec2:image'))
            allowed = self.moto['ec2', region].describe_image_attribute(ImageId=there[0]['ImageId'], Attribute='launchPermission')
            self.assertEqual(allowed['LaunchPermissions'], [{'UserId': ACCOUNT}])
        self.assertEqual(self.value(HOME), ami)
        self.assertEqual(self.bound(), {'ImageId': ami, 'InstanceType': 't3.small'})

    def bound(self):
        """What the default version of the launch template says."""
        found = self.moto['ec2', HOME].describe_launch_template_versions(LaunchTemplateId=self.template, Versions=['$Default'])
        return found['LaunchTemplateVersions'][0]['LaunchTemplateData']

    def changed(self):
        puts = self.count('ebs.PutSnapshotBlock')
        self.overlay('two')
        self.run_it('ami')
        self.two = self.state()['images'][0]['image']
        self.assertEqual(set(self.images(HOME)), {self.one, self.two, *[i for i, _ in self.old]})
        self.assertTrue(0 < self.count('ebs.PutSnapshotBlock') - puts <= 16, 'one line')
        self.snapshot_is_the_image(self.state()['images'][0]['snapshot'])
        self.run_it('verify')
        self.run_it('publish')
        self.is_published(self.two)

    def damaged(self):
        """Moto takes other bytes for a block of a snapshot that is complete; AWS does not."""
        snapshot, ebs = self.state()['images'][0]['snapshot'], self.moto['ebs', HOME]
        block = ebs.list_snapshot_blocks(SnapshotId=snapshot)['Blocks'][2]
        index = int(block['BlockIndex'])
        was = ebs.get_snapshot_block(SnapshotId=snapshot, BlockIndex=index, BlockToken=block['BlockToken'])
        good = (was['BlockData'].read(), was['Checksum'])
        zeroes = bytes(BLOCK)
        bad = (zeroes, base64.b64encode(hashlib.sha256(zeroes).digest()).decode())
        for data, checksum, status in ((*bad, 1), (*good, 0)):
            ebs.put_snapshot_block(SnapshotId=snapshot, BlockIndex=index, BlockData=data, DataLength=BLOCK, Checksum=checksum,
                                   ChecksumAlgorithm='SHA256')
            self.run_it('verify', status=status)

    def rolled_back(self):
        self.run_it('publish', '--rollback')
        self.assertEqual((self.value(HOME), self.value(WEST)), (self.one, self.one_west))
        self.assertEqual(self.bound()['ImageId'], self.one)
        self.run_it('publish')
        self.is_published(self.two)

    def unknown(self):
        """It is told; the parameter is put when all is done to the image, and before instances are exchanged."""
        groups = self.client('autoscaling', HOME, self.direct)
        self.addCleanup(groups.close)
        groups.create_auto_scaling_group(
            AutoScalingGroupName='hub', MinSize=1, MaxSize=1, AvailabilityZones=[HOME + 'a'],
            LaunchTemplate={'LaunchTemplateId': self.template, 'Version': '$Default'})
        for operation, words in UNKNOWN.items():
            self.recipe('publish: {parameter: /r/other, %s}\n' % words)
            self.mender.unknown.clear()
            self.run_it('publish', status=5)
            self.assertEqual(self.mender.unknown, {operation})
            self.assertIn('%s in %s: InvalidAction: moto has no %s' % (operation, HOME, operation), self.said)
            there = self.moto['ssm', HOME].get_parameters(Names=['/r/other'])['Parameters']
            self.assertEqual([p['Value'] for p in there], [self.two] if words.startswith('refresh') else [])
        groups.delete_auto_scaling_group(AutoScalingGroupName='hub', ForceDelete=True)
        self.recipe(self.publish)

    def old_ones(self):
        """Two of the recipe that were there before: moto dates all by its clock. One of them runs."""
        self.old = []
        for number in range(2):
            tags = [{'Key': 'imgbuild:recipe', 'Value': 'r'}, {'Key': 'imgbuild:digest', 'Value': '%064x' % number},
                    {'Key': 'imgbuild:run', 'Value': '%016x' % number}]
            ebs = self.moto['ebs', HOME]
            snapshot = ebs.start_snapshot(VolumeSize=1, Tags=tags)['SnapshotId']
            ebs.complete_snapshot(SnapshotId=snapshot, ChangedBlocksCount=0)
            image = self.seen[HOME].register_image(
                Name='r old %d' % number, Architecture='x86_64', RootDeviceName='/dev/xvda',
                BlockDeviceMappings=[{'DeviceName': '/dev/xvda', 'Ebs': {'SnapshotId': snapshot, 'VolumeSize': 1}}])['ImageId']
            self.moto['ec2', HOME].create_tags(Resources=[image], Tags=tags)
            self.old.append((image, snapshot))
        made = self.moto['ec2', HOME].run_instances(ImageId=self.old[1][0], MinCount=1, MaxCount=1)
        self.instance = made['Instances'][0]['InstanceId']

    def verdicts(self, *words):
        return {e['id']: (e['verdict'], e['reason']) for e in self.events('gc', 'gc', *words) if e['id'].startswith('ami-')}

    def there(self, snapshot, region=HOME):
        found = self.moto['ec2', region].describe_snapshots(OwnerIds=['self'])['Snapshots']
        return snapshot in [s['SnapshotId'] for s in found]

    def removed(self):
        """What nobody needs; then what is needed no longer."""
        ec2, west, before = self.moto['ec2', HOME], list(self.images(WEST)), set(self.images(HOME))
        (stale, its), (running, also) = self.old
        orphan = self.moto['ebs', HOME].start_snapshot(VolumeSize=1, Tags=[
            {'Key': 'imgbuild:recipe', 'Value': 'r'}, {'Key': 'imgbuild:run', 'Value': 'f' * 16}])['SnapshotId']
        found = self.verdicts('--dry-run')
        self.assertIn('an upload may be under way', self.said)
        self.assertEqual({i: v for i, (v, _) in found.items()},
                         {stale: 'remove', running: 'keep', self.one: 'keep', self.two: 'keep', **dict.fromkeys(west, 'keep')})
        self.assertIn(self.instance, found[running][1])
        self.assertIn('launch template bound version', found[self.one][1])
        self.assertIn('the value before', found[self.one_west][1])
        self.assertEqual(set(self.images(HOME)), before, 'a dry run')
        self.run_it('gc')
        self.assertEqual(set(self.images(HOME)), before - {stale})
        self.assertEqual([self.there(s) for s in (its, also, orphan)], [False, True, True])

        ec2.terminate_instances(InstanceIds=[self.instance])
        self.run_it('gc')
        self.assertEqual(set(self.images(HOME)), {self.one, self.two})
        ec2.delete_launch_template(LaunchTemplateId=self.template)
        for region in (HOME, WEST):
            self.moto['ssm', region].delete_parameter(Name='/r/ami')
        found = self.verdicts()
        self.assertEqual([found[i] for i in (self.one, self.one_west)], [('keep', 'shared with others: gc --shared')] * 2)
        gone = {r: self.seen[r].describe_images(ImageIds=[i])['Images'][0]['BlockDeviceMappings'][0]['Ebs']['SnapshotId']
                for r, i in ((HOME, self.one), (WEST, self.one_west))}
        self.run_it('gc', '--shared')
        self.assertEqual(set(self.images(HOME)), {self.two})
        self.assertEqual(len(self.images(WEST)), 1)
        self.assertNotIn(self.one_west, self.images(WEST))
        for region, snapshot in gone.items():
            self.assertFalse(self.there(snapshot, region), region)
        self.run_it('verify')

    def test_the_life_of_an_image(self):
        self.overlay('one')
        for step in (self.not_mended, self.first, self.again, self.published, self.changed, self.damaged, self.rolled_back,
                     self.unknown, self.removed):
            start = time.monotonic()
            step()
            print('ok %s, %.1f s' % (step.__name__, time.monotonic() - start), flush=True)
        print(self.said)
        print('mended:')
        for name in sorted(self.mender.mended):
            print('  %s: %s' % (name, MENDS[name]))


if __name__ == '__main__':
    unittest.main()

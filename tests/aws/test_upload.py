"""The upload of a disk image, by the builder's own objects (tests/bench/putdisk.c), against the fake: what a snapshot holds, what
is sent again after a kill or a fault, and a volume of an encrypted snapshot, whose missing blocks are random bytes."""
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from awstest import BLOCK, HERE, KEY, REGION, SECRET, WithFake

TOP = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.abspath(os.environ.get('TESTS_BUILD', os.path.join(TOP, 'build/asan')))
KILLS = int(os.environ.get('TESTS_KILLS', '4'))
PROGRAMS = ['mkfs.vfat', 'mcopy', 'e2fsck', 'fsck.vfat', 'sfdisk']
os.environ['PATH'] += ':/usr/sbin:/sbin'
RECIPE = """packages: [a]
overlays: [o]
services: [a.service]
image: {base: {tar: ../base.tar}, size: 1G, label: tiny, arguments: [quiet]}
"""


class Image:
    """A built image, and what its list says."""

    def __init__(self, path):
        self.path = path
        with open(os.path.join(os.path.dirname(path), 'disk.json')) as f:
            record = json.load(f)
        self.parts = {p['name']: (p['start'], p['size']) for p in record['partitions']}
        self.first = str(self.parts['block digests'][0] // BLOCK)
        self.present = record['blocks']['present']
        self.size = record['image']['size']


def build(folder, line):
    with open(os.path.join(folder, 'overlays/o/etc/o.conf'), 'w') as f:
        f.write(''.join('setting = %d\n' % i for i in range(60)) + line + '\n')
    subprocess.run([os.path.join(BUILD, 'imgbuild'), '-C', folder, 'r', 'disk'], check=True, capture_output=True)
    kept = tempfile.mkdtemp(dir=folder)
    for name in ('disk.raw', 'disk.json'):
        shutil.move(os.path.join(folder, 'out/r', name), kept)
    return Image(os.path.join(kept, 'disk.raw'))


@unittest.skipIf(any(shutil.which(p) is None for p in PROGRAMS), 'mtools, dosfstools, e2fsprogs or fdisk is not installed')
class Uploads(WithFake):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        work = tempfile.TemporaryDirectory()
        cls.addClassCleanup(work.cleanup)
        cls.work = work.name
        for name in ('recipes', 'overlays/o/etc'):
            os.makedirs(os.path.join(cls.work, name))
        subprocess.run(['/usr/bin/python3', os.path.join(TOP, 'tests/cli/base.py'), os.path.join(cls.work, 'base.tar'), '20000000'],
                       check=True)
        with open(os.path.join(cls.work, 'recipes/r.yaml'), 'w') as f:
            f.write(RECIPE)
        cls.one, cls.two = build(cls.work, 'x = 1'), build(cls.work, 'x = 2')

    def setUp(self):
        super().setUp()
        self.out = tempfile.mkdtemp(dir=self.work)
        self.env = {**os.environ, 'AWS_ACCESS_KEY_ID': KEY, 'AWS_SECRET_ACCESS_KEY': SECRET, 'AWS_REGION': REGION,
                    'AWS_ENDPOINT_URL': self.server.url}

    def start(self, *words):
        return subprocess.Popen([os.path.join(BUILD, 'tests/bench/putdisk'), *words], env=self.env, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def run_it(self, *words, status=0):
        p = self.start(*words)
        out, self.told = p.communicate(timeout=300)
        self.assertEqual(p.returncode, status, self.told)
        return out

    def upload(self, image, *options, status=0):
        words = self.run_it('upload', image.path, self.out, 'r', *options, status=status).split()
        return dict(zip(('snapshot', 'key', 'parent', 'run', 'blocks', 'sent', 'ms'), words), flags=words[7:]) if words else None

    def snapshots(self):
        return self.world.region(REGION).snapshots

    def puts(self, snapshot):
        return {int(i): n for i, n in self.control('blocks', region=REGION, snapshot=snapshot)['puts'].items()}

    def volume(self, snapshot, size):
        path = os.path.join(self.out, 'volume')
        self.control('volume', region=REGION, snapshot=snapshot, size=size, path=path)
        return path

    def same_volume(self, snapshot, image):
        path = self.volume(snapshot, image.size)
        self.assertEqual(subprocess.run(['cmp', path, image.path], check=False).returncode, 0)
        os.unlink(path)

    def check_clean(self, path, image):
        subprocess.run(['sfdisk', '--verify', path], check=True, capture_output=True)
        for name, judge in (('root', ['e2fsck', '-fn']), ('EFI system partition', ['fsck.vfat', '-n'])):
            start, size = image.parts[name]
            part = os.path.join(self.out, 'part')
            subprocess.run(['dd', 'if=' + path, 'of=' + part, 'bs=1M', 'iflag=skip_bytes,count_bytes', 'skip=%d' % start,
                            'count=%d' % size, 'status=none'], check=True)
            done = subprocess.run([*judge, part], capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            os.unlink(part)

    def test_the_snapshot_is_the_image(self):
        made = self.upload(self.one)
        self.assertEqual((made['key'], made['parent'], made['flags']), ('-', '-', []))
        self.assertEqual(int(made['sent']), self.one.present + 1)
        self.assertEqual(set(self.puts(made['snapshot']).values()), {1})
        self.same_volume(made['snapshot'], self.one)
        tags = dict(self.snapshots()[made['snapshot']]['tags'])
        self.assertEqual(tags, {'imgbuild:recipe': 'r', 'imgbuild:blocks': self.one.first, 'imgbuild:run': '0123456789abcdef'})
        # The same once more: the journal knows.
        again = self.upload(self.one)
        self.assertEqual((again['snapshot'], again['sent'], again['flags']), (made['snapshot'], '0', ['resumed']))
        self.run_it('verify', self.one.path, made['snapshot'], self.one.first)
        self.run_it('verify', '-', made['snapshot'], self.one.first)
        self.assertIn('blocks differ', self.run_it('verify', self.two.path, made['snapshot'], self.one.first, status=1))

    def test_an_encrypted_volume_checks_clean_whatever_its_missing_blocks_hold(self):
        made = self.upload(self.one, '-e')
        self.assertTrue(made['key'].startswith('arn:aws:kms:'), made)
        path = self.volume(made['snapshot'], self.one.size)
        with open(path, 'rb') as f:
            f.seek(BLOCK)
            self.assertNotEqual(f.read(64), bytes(64))  # behind the partition table: never written
        self.check_clean(path, self.one)
        self.run_it('verify', self.one.path, made['snapshot'], self.one.first, '-e')

    def test_the_account_encrypts_by_default(self):
        plain = self.upload(self.one)
        self.setup(encrypted=True)
        os.mkdir(self.out + '.2')
        self.out += '.2'
        made = self.upload(self.two, '-p', plain['snapshot'], self.one.first)
        self.assertTrue(made['key'].startswith('arn:aws:kms:'), made)
        self.assertEqual(made['parent'], '-')
        self.assertIn('cannot be built upon', self.told)
        self.run_it('verify', self.two.path, made['snapshot'], self.two.first, '-e')

    def test_a_difference_is_a_few_blocks(self):
        for options in ([], ['-e']):
            self.out = tempfile.mkdtemp(dir=self.work)
            parent = self.upload(self.one, *options)['snapshot']
            made = self.upload(self.two, *options, '-p', parent, self.one.first)
            self.assertEqual(made['parent'], parent)
            self.assertLessEqual(int(made['sent']), 4)
            self.run_it('verify', self.two.path, made['snapshot'], self.two.first, *options)
            before = len(self.snapshots())
            out, self.out = self.out, tempfile.mkdtemp(dir=self.work)
            same = self.upload(self.two, '-p', made['snapshot'], self.two.first)
            self.assertEqual((same['snapshot'], same['sent'], same['flags']), (made['snapshot'], '0', ['unchanged']))
            self.assertEqual(len(self.snapshots()), before)
            self.out = out

    def test_a_parent_that_is_of_no_use_costs_the_whole(self):
        for parent in (['snap-0123456789abcdef0', self.one.first], [self.upload(self.one)['snapshot'], '7']):
            self.out = tempfile.mkdtemp(dir=self.work)
            made = self.upload(self.two, '-p', *parent)
            self.assertEqual(made['parent'], '-')
            self.assertIn('no difference to an earlier snapshot can be sent', self.told)
        # One that loses its encryption is dropped again.
        parent = self.upload(self.one)['snapshot']
        before = len(self.snapshots())
        self.out = tempfile.mkdtemp(dir=self.work)
        made = self.upload(self.two, '-e', '-p', parent, self.one.first)
        self.assertIn('it is not encrypted', self.told)
        self.assertEqual(len(self.snapshots()), before + 1)
        self.assertNotEqual(made['key'], '-')

    def test_an_image_that_changed_is_refused(self):
        path = os.path.join(self.out, 'disk.raw')
        subprocess.run(['cp', '--sparse=always', self.one.path, path], check=True)
        with open(path, 'r+b') as f:
            f.seek(self.one.parts['root'][0] + 1024 + 300)
            f.write(b'x')
        self.run_it('upload', path, self.out, 'r', status=3)
        self.assertIn('is not what it was when it was built', self.told)

    def test_an_image_of_another_content_drops_what_was_begun(self):
        self.control('faults', {'operation': 'PutSnapshotBlock', 'kind': 'denied', 'skip': 20, 'count': 1})
        self.upload(self.one, status=5)
        self.assertIn('the next run goes on', self.told)
        self.assertEqual(len(self.snapshots()), 1)
        self.upload(self.two)
        self.assertEqual([s['state'] for s in self.snapshots().values()], ['completed'])

    def test_what_is_begun_can_be_abandoned(self):
        self.control('faults', {'operation': 'PutSnapshotBlock', 'kind': 'denied', 'skip': 20, 'count': 1})
        self.upload(self.one, status=5)
        snapshot, = self.snapshots()
        self.assertEqual(self.run_it('abandon', '-', self.out, 'r').strip(), snapshot)
        self.assertEqual(len(self.snapshots()), 0)
        self.assertEqual(os.listdir(os.path.join(self.out, '.r.upload')), [])

    def test_a_snapshot_that_went_away_is_made_anew(self):
        self.control('faults', {'operation': 'PutSnapshotBlock', 'kind': 'denied', 'skip': 20, 'count': 1})
        self.upload(self.one, status=5)
        snapshot, = self.snapshots()
        self.snapshots()[snapshot]['deadline'] = 0  # timed out
        made = self.upload(self.one)
        self.assertNotEqual(made['snapshot'], snapshot)
        self.assertIn('gone or unusable', self.told)
        self.assertEqual(int(made['sent']), self.one.present + 1)

    def test_faults_are_survived(self):
        every = 'StartSnapshot', 'PutSnapshotBlock', 'CompleteSnapshot', 'DescribeSnapshots'
        kinds = ['throttle', 'error', 'unavailable', 'reset', 'close', 'lost', 'truncate', 'cut', 'garbage', 'empty']
        for kind in kinds:
            self.fake.reset()
            self.world = self.fake.world
            self.out = tempfile.mkdtemp(dir=self.work)
            self.control('faults', [{'operation': o, 'kind': kind, 'count': 1, 'skip': 3 if o == 'PutSnapshotBlock' else 0}
                                    for o in every])
            with self.subTest(kind):
                made = self.upload(self.one)
                self.assertEqual(list(self.snapshots()), [made['snapshot']])
                self.run_it('verify', self.one.path, made['snapshot'], self.one.first)

    def test_damage_on_the_way_back_is_seen(self):
        made = self.upload(self.one)
        self.control('faults', {'operation': 'GetSnapshotBlock', 'kind': 'corrupt', 'count': 3, 'skip': 5})
        self.run_it('verify', self.one.path, made['snapshot'], self.one.first)
        self.assertEqual(self.control('counts')['ebs.GetSnapshotBlock'], self.one.present + 1 + 3)

    def test_a_snapshot_that_ends_in_error_is_dropped(self):
        self.settings(late_errors=True)
        self.control('faults', {'operation': 'PutSnapshotBlock', 'kind': 'denied', 'skip': 20, 'count': 1})
        self.upload(self.one, status=5)
        # A block that nobody told the journal of: the count is wrong.
        snapshot, = self.snapshots()
        self.snapshots()[snapshot]['written'][1] = hashlib.sha256(b'').digest()
        self.upload(self.one, status=5)
        self.assertIn('failed on EBS', self.told)
        self.assertEqual(len(self.snapshots()), 0)
        self.upload(self.one)

    def kill_until_done(self, rng, kill, limit):
        """Upload, ended at random moments; (result, kills)."""
        for kills in range(limit + 1):
            p = self.start('upload', self.one.path, self.out, 'r', '-c', '8')
            try:
                if kills == limit:
                    raise ValueError
                out, told = p.communicate(timeout=rng.uniform(0.02, self.usual))
                self.assertEqual(p.returncode, 0, told)
                return out.split(), kills
            except subprocess.TimeoutExpired:
                p.send_signal(kill)
            except ValueError:
                pass
            out, told = p.communicate(timeout=300)
            if p.returncode == 0:
                return out.split(), kills
            self.assertIn(p.returncode, [-kill, 5] if kill == signal.SIGINT else [-kill], told)  # -SIGINT: before it listened
        raise AssertionError('it ended without being done')

    def ended(self, kill, seed):
        rng = random.Random(seed)
        start = time.monotonic()
        self.upload(self.one, '-c', '8')
        self.usual = time.monotonic() - start
        total = uploads = 0
        while total < KILLS:
            self.fake.reset()
            self.world = self.fake.world
            self.out = tempfile.mkdtemp(dir=self.work)
            words, kills = self.kill_until_done(rng, kill, 6)
            total, uploads = total + kills, uploads + 1
            # One snapshot, whole, and no block more often than it was under way when a run ended.
            self.assertEqual(list(self.snapshots()), [words[0]])
            puts = self.puts(words[0])
            self.assertEqual(len(puts), self.one.present + 1)
            self.assertLessEqual(sum(n - 1 for n in puts.values()), 8 * kills)
            self.same_volume(words[0], self.one)
            shutil.rmtree(self.out)
        self.assertGreater(uploads, 0)

    def test_kill_at_random_moments(self):
        self.ended(signal.SIGKILL, 1)

    def test_interrupt_at_random_moments(self):
        self.ended(signal.SIGINT, 2)


if __name__ == '__main__':
    unittest.main()

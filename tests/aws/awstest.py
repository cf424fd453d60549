"""A fake in this process, with boto3 clients, awscli and raw requests against it, for the tests."""
import base64
import functools
import hashlib
import http.client
import json
import os
import subprocess
import sys
import tempfile
import unittest
import unittest.mock
import urllib.parse
import urllib.request

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import botocore.auth  # noqa: E402
import botocore.awsrequest  # noqa: E402
import botocore.config  # noqa: E402
import botocore.credentials  # noqa: E402
import botocore.exceptions  # noqa: E402
import boto3  # noqa: E402

from fake import KEY, SECRET, Fake, Server  # noqa: E402
from fakeaws import model  # noqa: E402

BLOCK = 524288
REGION = 'eu-west-1'
AMI = dict(RootDeviceName='/dev/xvda', Architecture='x86_64', VirtualizationType='hvm', BootMode='uefi', TpmSupport='v2.0',
           EnaSupport=True, ImdsSupport='v2.0')


@functools.lru_cache(None)
def data_path():
    """A folder by which botocore and awscli know the supplement too."""
    folder = tempfile.TemporaryDirectory()
    with open(model.SUPPLEMENT) as f:
        for service, extra in json.load(f).items():
            place = os.path.join(folder.name, service, model.service(service).metadata['apiVersion'])
            os.makedirs(place)
            with open(os.path.join(place, 'service-2.sdk-extras.json'), 'w') as out:
                json.dump(extra, out)
    return folder


def block(byte):
    return bytes([byte]) * BLOCK


def digest(data):
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def aggregate(blocks):
    """The linear aggregate of {index: bytes}."""
    return base64.b64encode(hashlib.sha256(b''.join(hashlib.sha256(d).digest() for _, d in sorted(blocks.items()))).digest()).decode()


class WithFake(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.fake = Fake()
        cls.server = Server(cls.fake).start()
        cls.addClassCleanup(cls.server.stop)
        quiet = {'AWS_CONFIG_FILE': os.devnull, 'AWS_SHARED_CREDENTIALS_FILE': os.devnull, 'AWS_EC2_METADATA_DISABLED': 'true',
                 'AWS_DATA_PATH': data_path().name}
        patch = unittest.mock.patch.dict(os.environ, quiet)
        patch.start()
        cls.addClassCleanup(patch.stop)
        cls.session = boto3.session.Session()
        cls.clients = {}

    def setUp(self):
        self.fake.reset()
        self.world = self.fake.world

    def client(self, service, region=REGION, key=KEY, secret=SECRET, token=None, attempts=0, timeout=5):
        which = (service, region, key, secret, token, attempts, timeout)
        if which not in self.clients:
            self.clients[which] = self.session.client(
                service, region_name=region, endpoint_url=self.server.url, aws_access_key_id=key, aws_secret_access_key=secret,
                aws_session_token=token, config=botocore.config.Config(retries={'total_max_attempts': attempts + 1},
                                                                       read_timeout=timeout, parameter_validation=False))
        return self.clients[which]

    ebs = property(lambda self: self.client('ebs'))
    ec2 = property(lambda self: self.client('ec2'))
    ssm = property(lambda self: self.client('ssm'))
    autoscaling = property(lambda self: self.client('autoscaling'))
    sts = property(lambda self: self.client('sts'))

    def refused(self, code, call, *args, **kwargs):
        """The response of a call that is refused by that code."""
        with self.assertRaises(botocore.exceptions.ClientError) as caught:
            call(*args, **kwargs)
        self.assertEqual(caught.exception.response['Error']['Code'], code, caught.exception)
        return caught.exception.response

    def invalid(self, reason, call, *args, **kwargs):
        """Refused by the EBS direct APIs' ValidationException, with that reason."""
        self.assertEqual(self.refused('ValidationException', call, *args, **kwargs).get('Reason'), reason)

    def control(self, name, body=None, **query):
        url = '%s/_fake/%s?%s' % (self.server.url, name, urllib.parse.urlencode(query))
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(urllib.request.Request(url, data)) as reply:
            return json.load(reply)

    def setup(self, **things):
        """Into the region of the tests."""
        return self.control('setup', {'regions': {REGION: things}})['regions'][REGION]

    def settings(self, **settings):
        self.control('setup', {'settings': settings})

    def fault(self, kind, **rule):
        self.control('faults', {'kind': kind, **rule})

    # What many tests begin with.

    def put(self, snapshot, index, data, **other):
        return self.ebs.put_snapshot_block(**{**dict(
            SnapshotId=snapshot, BlockIndex=index, BlockData=data, DataLength=BLOCK, Checksum=digest(data),
            ChecksumAlgorithm='SHA256'), **other})

    def snapshot(self, blocks=None, complete=True, **start):
        """The id of a snapshot with those blocks, {index: byte}."""
        blocks = {0: 1} if blocks is None else blocks
        s = self.ebs.start_snapshot(**{'VolumeSize': 1, **start})['SnapshotId']
        for index, byte in blocks.items():
            self.put(s, index, block(byte))
        if complete:
            self.ebs.complete_snapshot(SnapshotId=s, ChangedBlocksCount=len(blocks))
            self.completed(s)
        return s

    def completed(self, s):
        for _ in range(5):
            if self.ec2.describe_snapshots(SnapshotIds=[s])['Snapshots'][0]['State'] == 'completed':
                return
        self.fail('not completed')

    def image(self, name='hub 1', snapshot=None, available=True, **other):
        """(id, snapshot) of an image."""
        s = snapshot or self.snapshot()
        ebs = {'SnapshotId': s, 'VolumeType': 'gp3', 'DeleteOnTermination': True}
        i = self.ec2.register_image(Name=name, BlockDeviceMappings=[{'DeviceName': '/dev/xvda', 'Ebs': ebs}],
                                    **{**AMI, **other})['ImageId']
        while available and self.ec2.describe_images(ImageIds=[i])['Images'][0]['State'] != 'available':
            pass
        return i, s

    def aws(self, *arguments, status=0):
        """What awscli prints; a text, when it is refused."""
        env = {**os.environ, 'AWS_ACCESS_KEY_ID': KEY, 'AWS_SECRET_ACCESS_KEY': SECRET, 'AWS_DEFAULT_REGION': REGION,
               'AWS_MAX_ATTEMPTS': '1', 'AWS_PAGER': ''}
        done = subprocess.run(['/usr/bin/aws', '--endpoint-url', self.server.url, '--output', 'json', *arguments], env=env,
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stderr if status else json.loads(done.stdout or '{}')

    def raw(self, service, method='POST', target='/', body=b'', headers=None, after=None, region=REGION, unsigned=False,
            secret=SECRET, key=KEY, token=None):
        """(status, code or body) of a request signed by botocore, then changed by `after`, a function of (headers, request)."""
        host = urllib.parse.urlsplit(self.server.url).netloc
        base = {'Content-Type': 'application/x-www-form-urlencoded'} if service in ('ec2', 'sts', 'autoscaling') else {}
        r = botocore.awsrequest.AWSRequest(method, 'http://' + host + target, {**base, **(headers or {})}, body)
        if not unsigned:
            botocore.auth.SigV4Auth(botocore.credentials.Credentials(key, secret, token), service, region).add_auth(r)
        sent = {k: v.decode() if isinstance(v, bytes) else v for k, v in dict(r.headers.items()).items()}
        request = {'method': method, 'url': target, 'body': body, 'headers': sent}
        if after:
            after(sent, request)
        conn = http.client.HTTPConnection(host, timeout=5)
        try:
            conn.request(**request)
            reply = conn.getresponse()
            text = reply.read().decode('latin-1')
        finally:
            conn.close()
        return reply.status, self.code(reply, text)

    @staticmethod
    def code(reply, text):
        if reply.headers.get('x-amzn-ErrorType'):
            return reply.headers['x-amzn-ErrorType']
        if '<Code>' in text:
            return text.partition('<Code>')[2].partition('<')[0]
        if text.startswith('{') and '__type' in text:
            return json.loads(text)['__type']
        return text

"""The fake held to the truth: boto3 and awscli are served, and what AWS refuses by signature or parameter is refused."""
import os
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import boto3  # noqa: E402

from awstest import BLOCK, HERE, KEY, REGION, SECRET, WithFake, aggregate, block, digest  # noqa: E402

IDENTITY = {'ec2': b'Action=DescribeRegions&Version=2016-11-15', 'sts': b'Action=GetCallerIdentity&Version=2011-06-15',
            'autoscaling': b'Action=DescribeAutoScalingGroups&Version=2011-01-01', 'ssm': b'{"Names": ["/a"]}', 'ebs': b''}
TARGET = {'Content-Type': 'application/x-amz-json-1.1', 'X-Amz-Target': 'AmazonSSM.GetParameters'}


class Signed(WithFake):
    def ask(self, service, **how):
        """A harmless request."""
        if service == 'ebs':
            return self.raw('ebs', 'GET', '/snapshots/snap-00000000/blocks', **how)
        headers = {**(TARGET if service == 'ssm' else {}), **how.pop('headers', {})}
        return self.raw(service, body=how.pop('body', IDENTITY[service]), headers=headers, **how)

    def test_good(self):
        for service in IDENTITY:
            status, _ = self.ask(service)
            self.assertEqual(status, 404 if service == 'ebs' else 200, service)

    def each(self, codes, **how):
        for service, (status, code) in codes.items():
            with self.subTest(service):
                self.assertEqual(self.ask(service, **how), (status, code))

    def test_wrong_secret(self):
        self.each({'ec2': (401, 'AuthFailure'), 'sts': (403, 'SignatureDoesNotMatch'), 'ssm': (400, 'InvalidSignatureException'),
                   'autoscaling': (403, 'SignatureDoesNotMatch'), 'ebs': (403, 'InvalidSignatureException')}, secret='wrong')

    def test_unknown_key(self):
        self.each({'ec2': (401, 'AuthFailure'), 'sts': (403, 'InvalidClientTokenId'), 'ssm': (400, 'UnrecognizedClientException'),
                   'ebs': (403, 'UnrecognizedClientException')}, key='AKIAUNKNOWNUNKNOWN00')

    def test_token_where_none_belongs(self):
        self.each({'sts': (403, 'InvalidClientTokenId'), 'ssm': (400, 'UnrecognizedClientException')}, token='x')

    def test_unsigned(self):
        self.each({'ec2': (400, 'MissingParameter'), 'sts': (403, 'MissingAuthenticationToken'),
                   'ssm': (400, 'MissingAuthenticationTokenException'), 'ebs': (403, 'MissingAuthenticationTokenException')},
                  unsigned=True)

    def test_clock(self):
        self.world.offset = 301
        self.each({'ec2': (400, 'RequestExpired'), 'sts': (403, 'SignatureDoesNotMatch'), 'ssm': (400, 'InvalidSignatureException'),
                   'ebs': (403, 'InvalidSignatureException')})
        self.world.offset = -301
        self.each({'ec2': (401, 'AuthFailure'), 'ssm': (400, 'InvalidSignatureException')})
        self.world.offset = 290
        self.assertEqual(self.ask('ec2')[0], 200)

    def test_credentials_that_expire(self):
        made = self.control('keys', {'seconds': 900})
        how = {'key': made['key'], 'secret': made['secret'], 'token': made['token']}
        self.assertEqual(self.ask('ec2', **how)[0], 200)
        self.assertEqual(self.ask('sts', **{**how, 'token': 'other'}), (403, 'InvalidClientTokenId'))
        self.assertEqual(self.ask('sts', **{**how, 'token': None}), (403, 'InvalidClientTokenId'))
        self.control('keys', {'expire': made['key']})
        self.each({'ec2': (400, 'RequestExpired'), 'sts': (403, 'ExpiredToken'), 'ssm': (400, 'ExpiredTokenException'),
                   'ebs': (403, 'ExpiredTokenException')}, **how)
        self.control('keys', {'forget': made['key']})
        self.assertEqual(self.ask('ssm', **how), (400, 'UnrecognizedClientException'))

    def test_region(self):
        self.each({'sts': (403, 'SignatureDoesNotMatch'), 'ebs': (403, 'InvalidSignatureException')}, region='eu-nowhere-1')

    def test_changed_after_signing(self):
        def body(headers, request):
            request['body'] = request['body'].replace(b'Regions', b'Images').replace(b'/a', b'/b')
            headers['Content-Length'] = str(len(request['body']))

        def header(headers, request):
            headers['X-Amz-Extra'] = 'unsigned'

        def host(headers, request):
            headers['Host'] = 'other.example.com'

        def shuffled(headers, request):
            headers['Authorization'] = headers['Authorization'].replace('content-type;host', 'host;content-type')

        def day(headers, request):
            headers['X-Amz-Date'] = '20200101T000000Z'

        def basic(headers, request):
            headers['Authorization'] = 'Basic Zm9vOmJhcg=='

        def signature(headers, request):
            last = headers['Authorization'][-1]
            headers['Authorization'] = headers['Authorization'][:-1] + ('0' if last != '0' else '1')
        for change in (body, header, host, day, signature):
            self.assertEqual(self.ask('ec2', after=change), (401, 'AuthFailure'), change.__name__)
            if change is not body:
                self.assertEqual(self.ask('ssm', after=change), (400, 'InvalidSignatureException'), change.__name__)
        for change in (shuffled, basic):
            self.assertEqual(self.ask('ec2', after=change), (400, 'IncompleteSignature'), change.__name__)

    def test_unsigned_body_only_for_blocks(self):
        headers = {'x-amz-content-sha256': 'UNSIGNED-PAYLOAD'}
        self.assertEqual(self.ask('ec2', headers=headers), (401, 'AuthFailure'))

    def test_block_is_bound_by_its_checksum(self):
        s = self.snapshot({}, complete=False)
        headers = {'x-amz-Data-Length': str(BLOCK), 'x-amz-Checksum': digest(block(1)), 'x-amz-Checksum-Algorithm': 'SHA256'}

        def other(sent, request):
            request['body'] = block(2)

        def loose(sent, request):
            sent['x-amz-Checksum'] = digest(block(2))
        target = '/snapshots/%s/blocks/0' % s
        self.assertEqual(self.raw('ebs', 'PUT', target, block(1), headers)[0], 201)
        self.assertEqual(self.raw('ebs', 'PUT', target, block(1), headers, after=other), (403, 'InvalidSignatureException'))
        self.assertEqual(self.raw('ebs', 'PUT', target, block(1), headers, after=loose), (403, 'InvalidSignatureException'))

    def test_roles(self):
        role = 'arn:aws:iam::123456789012:role/release'
        made = self.sts.assume_role(RoleArn=role, RoleSessionName='run')['Credentials']
        c = self.client('sts', key=made['AccessKeyId'], secret=made['SecretAccessKey'], token=made['SessionToken'])
        self.assertEqual(c.get_caller_identity()['Arn'], 'arn:aws:sts::123456789012:assumed-role/release/run')
        self.control('setup', {'roles': {role: {'external_id': 'x1'}}, 'web_tokens': {'good-token': {'subject': 'repo:hub'}},
                               'settings': {'sts_seconds': -1}})
        self.refused('AccessDenied', self.sts.assume_role, RoleArn=role, RoleSessionName='run')
        self.refused('AccessDenied', self.sts.assume_role, RoleArn=role + '2', RoleSessionName='run', ExternalId='x1')
        self.sts.assume_role(RoleArn=role, RoleSessionName='run', ExternalId='x1')
        self.refused('InvalidIdentityToken', self.sts.assume_role_with_web_identity, RoleArn=role, RoleSessionName='run',
                     WebIdentityToken='other')
        made = self.sts.assume_role_with_web_identity(RoleArn=role, RoleSessionName='run', WebIdentityToken='good-token')
        made = made['Credentials']
        c = self.client('sts', key=made['AccessKeyId'], secret=made['SecretAccessKey'], token=made['SessionToken'])
        self.refused('ExpiredToken', c.get_caller_identity)


class Parameters(WithFake):
    def form(self, text, action='DescribeImages', version='2016-11-15', service='ec2', **how):
        return self.raw(service, body=('Action=%s&Version=%s%s' % (action, version, text and '&' + text)).encode(), **how)

    def test_forms(self):
        for text, answer in {
                'Owner.1=self': (200, None), 'ImageId.2=ami-00000000': (400, 'UnknownParameter'),
                'Owners.1=self': (400, 'UnknownParameter'), 'Owner=self': (400, 'UnknownParameter'),
                'Owner.1=self&Owner.3=self': (400, 'UnknownParameter'), 'Owner.1=self&Owner.1=self': (400, 'InvalidParameterValue'),
                'DryRun=yes': (400, 'InvalidParameterValue'), 'MaxResults=ten': (400, 'InvalidParameterValue'),
                'Filter.1.Name=name&Filter.1.Value.1=x': (200, None), 'Filter.1.Name=name': (400, 'InvalidParameterValue'),
                'Filter.1.Name=nmae&Filter.1.Value.1=x': (400, 'InvalidParameterValue'),
                'Filter.1.Names=name': (400, 'UnknownParameter'), 'Owner.1.X=self': (400, 'UnknownParameter'),
                'Owner.1=a b': (400, 'IncompleteSignature')}.items():
            status, code = self.form(text)
            self.assertEqual((status, code if status != 200 else None), answer, text)
        self.assertEqual(self.form('', 'DescribeNothing'), (400, 'InvalidAction'))
        self.assertEqual(self.form('', version='2014-10-01'), (400, 'InvalidParameterValue'))
        self.assertEqual(self.form('', 'DeregisterImage'), (400, 'MissingParameter'))
        self.assertEqual(self.form('', 'DescribeVpcs')[0], 501)
        self.assertEqual(self.form('', headers={'Content-Type': 'text/plain'}), (400, 'IncompleteSignature'))
        self.assertEqual(self.form('AutoScalingGroupNames.member.1=x', 'DescribeAutoScalingGroups', '2011-01-01', 'autoscaling')[0],
                         200)
        self.assertEqual(self.form('AutoScalingGroupNames.1=x', 'DescribeAutoScalingGroups', '2011-01-01', 'autoscaling'),
                         (400, 'ValidationError'))

    def test_json(self):
        def ask(body, **headers):
            return self.raw('ssm', body=body, headers={**TARGET, **headers})
        self.assertEqual(ask(b'{"Names": ["/a"], "Decrypt": true}'), (400, 'ValidationException'))
        self.assertEqual(ask(b'{"Names": "/a"}'), (400, 'ValidationException'))
        self.assertEqual(ask(b'{"Names": []}'), (400, 'ValidationException'))
        self.assertEqual(ask(b'{}'), (400, 'ValidationException'))
        self.assertEqual(ask(b'{"Names'), (400, 'ValidationException'))
        self.assertEqual(ask(b'{"Names": ["/a"]}', **{'Content-Type': 'application/json'}), (400, 'UnknownOperationException'))
        self.assertEqual(ask(b'{}', **{'X-Amz-Target': 'AmazonSSM.Nothing'}), (400, 'UnknownOperationException'))

    def test_rest(self):
        s, kind = self.snapshot({0: 1}), {'Content-Type': 'application/json'}
        self.assertEqual(self.raw('ebs', 'GET', '/snapshots/%s/blocks?maxResults=100' % s)[0], 200)
        for target in ('/snapshots/%s/blocks?maxResults=99' % s, '/snapshots/%s/blocks?max=100' % s, '/snapshots/x/blocks',
                       '/snapshots/%s/blocks?maxResults=100&maxResults=100' % s, '/snapshots/%s/blocks?maxResults=1e3' % s):
            self.assertEqual(self.raw('ebs', 'GET', target), (400, 'ValidationException'), target)
        self.assertEqual(self.raw('ebs', 'GET', '/snapshots/%s/block' % s), (404, 'UnknownOperationException'))
        for body in (b'{"VolumeSize": 1, "Extra": 1}', b'{"VolumeSize": "1"}', b'{}', b'{"VolumeSize": true}', b'[]', b'',
                     b'{"VolumeSize": 1, "Timeout": 9}', b'{"VolumeSize": 0}'):
            self.assertEqual(self.raw('ebs', 'POST', '/snapshots', body, kind), (400, 'ValidationException'), body)
        self.assertEqual(self.raw('ebs', 'POST', '/snapshots', b'{"VolumeSize": 1}'), (400, 'ValidationException'))
        self.assertEqual(self.raw('ebs', 'POST', '/snapshots', b'{"VolumeSize": 1}', kind)[0], 201)
        self.assertEqual(self.raw('ebs', 'POST', '/snapshots/completion/' + s, b'', {
            'x-amz-ChangedBlocksCount': '1', 'x-amz-Unknown': '1'}), (400, 'ValidationException'))

    def test_supplement_is_used_and_needed(self):
        i, _ = self.image(TagSpecifications=[{'ResourceType': 'image', 'Tags': [{'Key': 'a', 'Value': 'b'}]}])
        self.assertEqual(self.ec2.describe_images(ImageIds=[i])['Images'][0]['Tags'], [{'Key': 'a', 'Value': 'b'}])

    def test_dry_run(self):
        i, s = self.image()
        for name, p in (('deregister_image', {'ImageId': i}), ('delete_snapshot', {'SnapshotId': s}), ('describe_regions', {}),
                        ('register_image', {'Name': 'dry'})):
            response = self.refused('DryRunOperation', getattr(self.ec2, name), DryRun=True, **p)
            self.assertEqual(response['ResponseMetadata']['HTTPStatusCode'], 412)
        self.settings(deny=['ec2.DeregisterImage'])
        self.refused('UnauthorizedOperation', self.ec2.deregister_image, DryRun=True, ImageId=i)
        self.assertIn(i, self.world.regions[REGION].images)


@unittest.skipUnless(os.path.exists('/usr/bin/aws'), 'no awscli')
class Awscli(WithFake):
    """An independent client does the whole."""

    def test_flow(self):
        self.settings(ssm_polls=0, image_polls=0)
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 'block')
            with open(path, 'wb') as f:
                f.write(block(7))
            s = self.aws('ebs', 'start-snapshot', '--volume-size', '1', '--tags', 'Key=a,Value=b')['SnapshotId']
            self.aws('ebs', 'put-snapshot-block', '--snapshot-id', s, '--block-index', '3', '--data-length', str(BLOCK),
                     '--block-data', path, '--checksum', digest(block(7)), '--checksum-algorithm', 'SHA256')
            self.aws('ebs', 'complete-snapshot', '--snapshot-id', s, '--changed-blocks-count', '1', '--checksum',
                     aggregate({3: block(7)}), '--checksum-algorithm', 'SHA256', '--checksum-aggregation-method', 'LINEAR')
            self.completed(s)
            token = self.aws('ebs', 'list-snapshot-blocks', '--snapshot-id', s)['Blocks'][0]['BlockToken']
            self.aws('ebs', 'get-snapshot-block', '--snapshot-id', s, '--block-index', '3', '--block-token', token, path)
            with open(path, 'rb') as f:
                self.assertEqual(f.read(), block(7))
        i = self.aws('ec2', 'register-image', '--name', 'hub', '--root-device-name', '/dev/xvda', '--architecture', 'x86_64',
                     '--virtualization-type', 'hvm', '--boot-mode', 'uefi', '--ena-support', '--block-device-mappings',
                     'DeviceName=/dev/xvda,Ebs={SnapshotId=%s}' % s)['ImageId']
        found = self.aws('ec2', 'describe-images', '--owners', 'self', '--filters', 'Name=name,Values=h*')['Images']
        self.assertEqual([x['ImageId'] for x in found], [i])
        self.ec2.describe_images(ImageIds=[i])
        self.aws('ec2', 'modify-image-attribute', '--image-id', i, '--launch-permission', 'Add=[{UserId=210987654321}]')
        self.aws('ssm', 'put-parameter', '--name', '/hub/ami', '--type', 'String', '--data-type', 'aws:ec2:image', '--value', i)
        self.assertEqual(self.aws('ssm', 'get-parameter', '--name', '/hub/ami')['Parameter']['Value'], i)
        self.setup(templates=[{'name': 'hub', 'data': {'ImageId': 'resolve:ssm:/hub/ami'}}],
                   groups=[{'name': 'hub', 'template': 'hub'}])
        self.aws('autoscaling', 'start-instance-refresh', '--auto-scaling-group-name', 'hub', '--preferences', 'InstanceWarmup=1')
        self.assertEqual(self.aws('autoscaling', 'describe-instance-refreshes', '--auto-scaling-group-name', 'hub')[
            'InstanceRefreshes'][0]['Status'], 'InProgress')
        self.assertIn('InvalidSnapshot.InUse', self.aws('ec2', 'delete-snapshot', '--snapshot-id', s, status=254))
        self.assertEqual(self.aws('sts', 'get-caller-identity')['Account'], '123456789012')
        self.assertTrue(all(e['code'] != 'SignatureDoesNotMatch' for e in self.control('log')))


class Program(unittest.TestCase):
    """fake.py run by itself, over HTTPS."""

    def test_tls(self):
        with tempfile.TemporaryDirectory() as folder:
            ready = os.path.join(folder, 'ready')
            p = subprocess.Popen([sys.executable, os.path.join(HERE, 'fake.py'), '--make-tls', folder, '--ready', ready,
                                  '--state', folder,
                                  '--setup', '{"regions": {"eu-west-1": {"encrypted": true}}}', '--faults',
                                  '{"kind": "throttle", "operation": "DescribeImages"}'], stdout=subprocess.DEVNULL)
            try:
                end = time.monotonic() + 20
                while not os.path.exists(ready) and time.monotonic() < end:
                    time.sleep(0.05)
                with open(ready) as f:
                    url = f.read().strip()
                self.assertRegex(url, 'https://127.0.0.1:[0-9]+')
                ec2 = boto3.client('ec2', region_name=REGION, endpoint_url=url, verify=os.path.join(folder, 'cert.pem'),
                                   aws_access_key_id=KEY, aws_secret_access_key=SECRET)
                self.assertTrue(ec2.get_ebs_encryption_by_default()['EbsEncryptionByDefault'])
                ec2.describe_images()
            finally:
                p.terminate()
                self.assertEqual(p.wait(10), 0)


if __name__ == '__main__':
    unittest.main()

"""Clients of boot's service: the hub's own modules, botocore, and a few that do it wrong.

Run by tests/unit/boot/test_clients: clients.py METADATA-URL AWS-URL CA-FILE KEY,KEY,KEY"""
import json
import os
import socket
import ssl
import sys
import time
import unittest
import urllib.error
import urllib.request

import botocore.exceptions
import botocore.session

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '../../overlays/hub/usr/lib/hub'))
import aws  # noqa: E402
import pool  # noqa: E402

METADATA, AWS, CA, KEYS = sys.argv[1:5]
KEYS = KEYS.split(',')
ZONE = 'Z0123456789'
IMDS = aws.Imds(METADATA)


def hub(**conf):
    """The hub's client, set up by its settings."""
    settings = {'ssm': AWS, 'secretsmanager': AWS, 's3': AWS, 'route53': AWS, 'ca': CA, **conf}
    return aws.Aws({'aws': settings}, IMDS, 0)


def botocore_client(case, service, **more):
    key, secret, token = IMDS.credentials()
    client = botocore.session.Session().create_client(
        service, region_name='us-east-1' if service == 'route53' else 'eu-west-1', endpoint_url=AWS, verify=CA, aws_access_key_id=key,
        aws_secret_access_key=secret, aws_session_token=token, **more)
    case.addCleanup(client.close)
    return client


def fetch(path, method='GET', **headers):
    """(status, body) of the metadata service."""
    request = urllib.request.Request(METADATA + path, method=method, headers={
        k.replace('_', '-'): v for k, v in headers.items()})
    try:
        with urllib.request.urlopen(request, timeout=5) as reply:
            return reply.status, reply.read()
    except urllib.error.HTTPError as e:
        return e.code, e.read()


def spoilt(text):
    """The same but for its first character."""
    return ('y' if text[0] == 'x' else 'x') + text[1:]


def token(seconds='60', **more):
    return fetch('/latest/api/token', 'PUT', X_aws_ec2_metadata_token_ttl_seconds=seconds, **more)


def get(path):
    return fetch('/latest/' + path, X_aws_ec2_metadata_token=token()[1].decode())


class Metadata(unittest.TestCase):
    def test_only_with_a_token(self):
        self.assertEqual(fetch('/latest/meta-data/instance-id')[0], 401)
        self.assertEqual(fetch('/latest/meta-data/instance-id', X_aws_ec2_metadata_token='x')[0], 401)
        good = token()[1].decode()
        for bad in (good[:-1], good + '0', good.replace(good[:16], 'f' * 16), good.upper()):
            self.assertEqual(fetch('/latest/meta-data/', X_aws_ec2_metadata_token=bad)[0], 401, bad)
        self.assertEqual(fetch('/latest/meta-data/', X_aws_ec2_metadata_token=good)[0], 200)

    def test_token_needs_a_lifetime(self):
        for seconds in ('0', '21601', '-1', 'x', ''):
            self.assertEqual(token(seconds)[0], 400, seconds)
        self.assertEqual(fetch('/latest/api/token', 'PUT')[0], 400)
        self.assertEqual(token('21600')[0], 200)
        self.assertEqual(token(X_Forwarded_For='192.0.2.1')[0], 403)
        self.assertEqual(fetch('/latest/api/token', 'GET')[0], 405)

    def test_token_ends(self):
        short = token('1')[1].decode()
        end = time.monotonic() + 5
        while fetch('/latest/meta-data/', X_aws_ec2_metadata_token=short)[0] != 401:
            self.assertLess(time.monotonic(), end)
            time.sleep(.1)

    def test_tree(self):
        names = get('meta-data/')[1].decode().split('\n')
        self.assertEqual(names, sorted(names))
        self.assertIn('placement/', names)
        self.assertIn('instance-id', names)
        self.assertEqual(get('meta-data/placement')[1], b'availability-zone\nregion')
        self.assertEqual(get('meta-data/public-keys/')[1], b'0=boot')
        self.assertEqual(get('meta-data/public-keys/0/')[1], b'openssh-key')
        self.assertEqual(get('meta-data/public-keys/0/openssh-key')[1], b'ssh-ed25519 AAAA boot')
        self.assertEqual(get('')[1], b'dynamic/\nmeta-data/\nuser-data')
        for none in ('meta-data/none', 'meta-data/instance-id/x', 'meta-data/inst', 'meta-data?x=1', 'meta-data/%69'):
            self.assertEqual(get(none)[0], 404, none)
        version = fetch('/2021-03-23/meta-data/instance-id', X_aws_ec2_metadata_token=token()[1].decode())
        self.assertEqual(version, (200, b'i-0123456789abcdef0'))
        self.assertEqual(json.loads(get('dynamic/instance-identity/document')[1])['region'], 'eu-west-1')
        self.assertEqual(get('user-data')[1], b'\x1f\x8bnot text\0\n\xff')

    def test_other_methods(self):
        for method in ('POST', 'DELETE', 'HEAD'):
            self.assertEqual(fetch('/latest/meta-data/', method)[0], 405)

    def test_too_much(self):
        many = {'X-%d' % i: 'x' for i in range(80)}
        self.assertEqual(fetch('/latest/meta-data/', **many)[0], 413)

    def test_nonsense_is_survived(self):
        port = int(METADATA.rsplit(':', 1)[1])
        for text in (b'\x16\x03\x01\x02', b'GET\r\n\r\n', b'GET / HTTP/1.1\r\n', b'\0' * 100):
            with socket.create_connection(('127.0.0.1', port), 5) as s:
                s.sendall(text)
        self.assertEqual(IMDS.local_ipv4(), '169.254.10.15')


class Hub(unittest.TestCase):
    """The hub's own modules."""

    def test_metadata(self):
        self.assertEqual(IMDS.public_ipv4(), '203.0.113.10')
        self.assertEqual(IMDS.get('placement/region'), 'eu-west-1')
        self.assertTrue(IMDS.credentials()[0].startswith('ASIA'))

    def test_keys(self):
        problems = {}
        names = ['/hub/psk/default', '/hub/psk/none', '/hub/psk/branch1']
        self.assertEqual(hub().ssm(names, problems), {names[0]: KEYS[0], names[2]: KEYS[1]})
        self.assertEqual(list(problems), ['/hub/psk/none'])
        self.assertEqual(hub().ssm(['/hub/psk/default:1'], problems), {'/hub/psk/default:1': KEYS[0]})
        self.assertEqual(hub().secret('hub/branch2'), KEYS[2])
        with self.assertRaisesRegex(aws.AwsError, 'ResourceNotFound'):
            hub().secret('hub/none')

    def test_sites_object(self):
        body, etag = hub().s3('s3://bucket/a key/sites.json')
        self.assertEqual(json.loads(body), {'format': 1})
        self.assertFalse(hub().s3('s3://bucket/a key/sites.json?versionId=V', etag)[0])
        with self.assertRaisesRegex(aws.AwsError, 'NoSuchKey'):
            hub().s3('s3://bucket/other')

    def test_pool(self):
        conf = {'pool': {'name': 'vpn.example.com', 'zone': ZONE, 'ttl': '60', 'group': 'hub'}}
        self.assertFalse(pool.status(conf, hub()))
        pool.join(conf, hub(), lambda: [])
        self.assertTrue(pool.status(conf, hub()))
        pool.join(conf, hub(), lambda: [])
        pool.leave(conf, hub())
        self.assertFalse(pool.status(conf, hub()))
        pool.join(conf, hub(), lambda: [])

    def test_wrong_region_or_credentials(self):
        with self.assertRaisesRegex(aws.AwsError, 'IncompleteSignature'):
            hub(region='us-west-2').secret('hub/branch2')
        IMDS.credentials()
        kept = IMDS.creds
        try:
            IMDS.creds = kept[0], spoilt(kept[1]), kept[2]
            with self.assertRaisesRegex(aws.AwsError, 'InvalidSignature'):
                hub().secret('hub/branch2')
            IMDS.until, IMDS.creds = time.monotonic() + 60, (kept[0], kept[1], spoilt(kept[2]))
            with self.assertRaisesRegex(aws.AwsError, 'UnrecognizedClient'):
                hub().secret('hub/branch2')
        finally:
            IMDS.until = 0

    def test_ca_is_wanted(self):
        with self.assertRaisesRegex(aws.AwsError, 'CERTIFICATE_VERIFY_FAILED'):
            hub(ca='').secret('hub/branch2')


class Botocore(unittest.TestCase):
    """A client that somebody else wrote."""

    def refused(self, code, call, **parameters):
        with self.assertRaises(botocore.exceptions.ClientError) as caught:
            call(**parameters)
        self.assertEqual(caught.exception.response['Error']['Code'], code)

    def test_ssm(self):
        ssm = botocore_client(self, 'ssm')
        got = ssm.get_parameters(Names=['/hub/psk/default', '/x'], WithDecryption=True)
        self.assertEqual([p['Value'] for p in got['Parameters']], KEYS[:1])
        self.assertEqual(got['InvalidParameters'], ['/x'])
        self.refused('ValidationException', ssm.get_parameters, Names=['/x'])
        self.refused('ValidationException', ssm.get_parameters, Names=['/x', '/x'], WithDecryption=True)
        self.refused('UnknownOperationException', ssm.get_parameter, Name='/x')

    def test_secretsmanager(self):
        secrets = botocore_client(self, 'secretsmanager')
        self.assertEqual(secrets.get_secret_value(SecretId='hub/branch2')['SecretString'], KEYS[2])
        self.refused('ResourceNotFoundException', secrets.get_secret_value, SecretId='/hub/psk/default')

    def test_s3(self):
        s3 = botocore_client(self, 's3', config=botocore.config.Config(s3={'addressing_style': 'path'}))
        got = s3.get_object(Bucket='bucket', Key='a key/sites.json')
        self.assertEqual(got['Body'].read(), b'{"format": 1}')
        self.refused('NoSuchKey', s3.get_object, Bucket='bucket', Key='x')
        self.refused('MethodNotAllowed', s3.delete_object, Bucket='bucket', Key='a key/sites.json')

    def change(self, action, name, *values, identifier=None, zone=ZONE, **more):
        record = {'Name': name, 'Type': 'A', 'TTL': 60, 'ResourceRecords': [{'Value': v} for v in values], **more}
        if identifier:
            record.update(SetIdentifier=identifier, MultiValueAnswer=True)
        return dict(HostedZoneId=zone, ChangeBatch={'Comment': '<&>', 'Changes': [
            {'Action': action, 'ResourceRecordSet': record}]})

    def test_route53(self):
        r53 = botocore_client(self, 'route53')
        act = r53.change_resource_record_sets
        self.assertEqual(act(**self.change('CREATE', 'b.Example.com', '192.0.2.1', identifier='a/"<é'))['ChangeInfo'][
            'Status'], 'PENDING')
        listed = r53.list_resource_record_sets(HostedZoneId=ZONE, StartRecordName='b.example.com', MaxItems='1')
        self.assertEqual(listed['ResourceRecordSets'], [
            {'Name': 'b.example.com.', 'Type': 'A', 'SetIdentifier': 'a/"<é', 'MultiValueAnswer': True, 'TTL': 60,
             'ResourceRecords': [{'Value': '192.0.2.1'}]}])
        bad = 'InvalidChangeBatch'
        self.refused(bad, act, **self.change('CREATE', 'b.example.com', '192.0.2.1', identifier='a/"<é'))
        self.refused(bad, act, **self.change('UPSERT', 'b.example.com', '192.0.2.1'))
        self.refused(bad, act, **self.change('DELETE', 'b.example.com', '192.0.2.2', identifier='a/"<é'))
        self.refused(bad, act, **self.change('DELETE', 'c.example.com', '192.0.2.2'))
        self.refused(bad, act, **self.change('UPSERT', 'b.example.org', '192.0.2.1'))
        self.refused(bad, act, **self.change('UPSERT', 'bexample.com', '192.0.2.1'))
        self.refused(bad, act, **self.change('UPSERT', 'c.example.com', '192.0.2.300'))
        self.refused(bad, act, **self.change('UPSERT', 'c.example.com', '192.0.2.3', '192.0.2.3'))
        self.refused('InvalidInput', act, **self.change('UPSERT', 'c.example.com', '192.0.2.3', SetIdentifier='x'))
        self.refused('InvalidInput', act, **self.change('UPSERT', 'c.example.com', '192.0.2.3', SetIdentifier='x',
                                                        Weight=1))
        self.refused('NoSuchHostedZone', act, **self.change('UPSERT', 'c.example.com', '192.0.2.3', zone='Z1'))
        act(**self.change('DELETE', 'b.example.com.', '192.0.2.1', identifier='a/"<é'))

    def test_route53_pages(self):
        r53 = botocore_client(self, 'route53')
        batch = [{'Action': 'CREATE', 'ResourceRecordSet': {
            'Name': 'many.example.com', 'Type': 'A', 'TTL': 1, 'SetIdentifier': 'hub%03d' % i, 'MultiValueAnswer': True,
            'ResourceRecords': [{'Value': '192.0.2.%d' % i}]}} for i in range(101)]
        self.refused('InvalidChangeBatch', r53.change_resource_record_sets, HostedZoneId=ZONE, ChangeBatch={
            'Changes': batch})
        listed = r53.list_resource_record_sets(HostedZoneId=ZONE, StartRecordName='many.example.com')
        self.assertNotIn('many.example.com.', [r['Name'] for r in listed['ResourceRecordSets']])
        r53.change_resource_record_sets(HostedZoneId=ZONE, ChangeBatch={'Changes': batch[:100]})
        pages = r53.get_paginator('list_resource_record_sets').paginate(
            HostedZoneId=ZONE, StartRecordName='many.example.com', PaginationConfig={'PageSize': 7})
        found = [r['SetIdentifier'] for p in pages for r in p['ResourceRecordSets'] if r['Name'] == 'many.example.com.']
        self.assertEqual(found, ['hub%03d' % i for i in range(100)])
        self.assertEqual(len(hub().records(ZONE, 'many.example.com.')), 100)
        for c in batch:
            c['Action'] = 'DELETE'
        r53.change_resource_record_sets(HostedZoneId=ZONE, ChangeBatch={'Changes': batch[:100]})


class Tls(unittest.TestCase):
    def test_many_at_once(self):
        context = ssl.create_default_context(cafile=CA)
        port = int(AWS.rsplit(':', 1)[1])
        open_ones = [context.wrap_socket(socket.create_connection(('127.0.0.1', port), 5), server_hostname='127.0.0.1')
                     for _ in range(20)]
        for s in open_ones:
            s.sendall(b'GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
        for s in open_ones:
            with s:
                self.assertIn(b' 403 ', s.recv(4096).split(b'\r\n')[0])

    def test_gateway_is_in_the_certificate(self):
        context = ssl.create_default_context(cafile=CA)
        port = int(AWS.rsplit(':', 1)[1])
        with context.wrap_socket(socket.create_connection(('127.0.0.1', port), 5), server_hostname='169.254.0.2'):
            pass


if __name__ == '__main__':
    unittest.main(argv=sys.argv[:1], verbosity=1)

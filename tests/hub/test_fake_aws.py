"""The fake held to the truth: botocore's own clients are served, and what AWS refuses is refused."""
import functools
import http.client
import json
import os
import ssl
import subprocess
import sys
import time
import unittest
import unittest.mock
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True

import botocore.auth
import botocore.awsrequest
import botocore.config
import botocore.credentials
import botocore.exceptions
import botocore.session
import botocore.utils

import fake_aws
from fake_aws import FakeAws, Refusal, Zone

R53 = fake_aws.R53
RECORD = {'Name': 'vpn.example.com', 'Type': 'A', 'SetIdentifier': 'a', 'MultiValueAnswer': True, 'TTL': 60,
          'ResourceRecords': [{'Value': '192.0.2.1'}]}


class WithFake(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.offset = 0
        cls.fake = FakeAws(now=lambda: time.time() + cls.offset).__enter__()
        cls.addClassCleanup(cls.fake.__exit__)
        quiet = {'AWS_CONFIG_FILE': os.devnull, 'AWS_SHARED_CREDENTIALS_FILE': os.devnull, 'AWS_EC2_METADATA_DISABLED': 'true'}
        patch = unittest.mock.patch.dict(os.environ, quiet)
        patch.start()
        cls.addClassCleanup(patch.stop)
        cls.botocore = botocore.session.Session()
        cls.tls = ssl.create_default_context(cafile=cls.fake.ca)

    def setUp(self):
        type(self).offset = 0
        self.fake.reset()
        self.zone = self.fake.zones['Z1'] = Zone('example.com')

    def client(self, service, attempts=0, **credentials):
        c = self.fake.credentials
        c = {'aws_access_key_id': c.key, 'aws_secret_access_key': c.secret, 'aws_session_token': c.token, **credentials}
        return self.botocore.create_client(
            service, region_name='us-east-1' if service == 'route53' else self.fake.region, endpoint_url=self.fake.endpoints[service], verify=self.fake.ca,
            config=botocore.config.Config(retries={'max_attempts': attempts}, read_timeout=2, s3={'addressing_style': 'path'}),
            **c)

    def refused(self, code, call, *args, **kwargs):
        with self.assertRaises(botocore.exceptions.ClientError) as caught:
            call(*args, **kwargs)
        self.assertEqual(caught.exception.response['Error']['Code'], code)
        return caught.exception.response

    def raw(self, service, method='POST', target='/', body=b'', headers=(), after=None, unsigned=(), region=None, name=None):
        """(status, body) of a request signed by botocore, then changed by `after`."""
        host = urllib.parse.urlsplit(self.fake.endpoints[service]).netloc
        r = botocore.awsrequest.AWSRequest(method, 'https://' + host + target, {'Host': host, **dict(headers)}, body)
        kind = botocore.auth.S3SigV4Auth if service == 's3' else botocore.auth.SigV4Auth
        kind(botocore.credentials.Credentials(*self.fake.credentials[:3]), name or service, region or {
            'route53': 'us-east-1'}.get(service, self.fake.region)).add_auth(r)
        sent = {**dict(r.headers.items()), **dict(unsigned)}
        request = {'method': method, 'url': target, 'body': body, 'headers': sent}
        if after:
            after(request)
        conn = http.client.HTTPSConnection(host, timeout=5, context=self.tls)
        try:
            conn.request(**request)
            with conn.getresponse() as reply:
                return reply.status, reply.read().decode()
        finally:
            conn.close()

    def ssm(self, parameters, **more):
        headers = {'Content-Type': 'application/x-amz-json-1.1', 'X-Amz-Target': 'AmazonSSM.GetParameters'}
        return self.raw('ssm', body=parameters if isinstance(parameters, bytes) else json.dumps(parameters).encode(),
                        headers={**headers, **more.pop('headers', {})}, **more)


class BotocoreTest(WithFake):
    """A client that is not ours, unchanged."""

    def test_ssm(self):
        self.fake.ssm.update({'/a': 'one', '/b': 'zwölf'})
        got = self.client('ssm').get_parameters(Names=['/a', '/none', '/b'], WithDecryption=True)
        self.assertEqual({p['Name']: p['Value'] for p in got['Parameters']}, self.fake.ssm)
        self.assertEqual(got['InvalidParameters'], ['/none'])

    def test_secretsmanager(self):
        self.fake.secrets.update(text='ü', binary=b'\0\1')
        client = self.client('secretsmanager')
        self.assertEqual(client.get_secret_value(SecretId='text')['SecretString'], 'ü')
        self.assertEqual(client.get_secret_value(SecretId='binary')['SecretBinary'], b'\0\1')
        self.refused('ResourceNotFoundException', client.get_secret_value, SecretId='none')

    def test_s3(self):
        client = self.client('s3')
        for key in ('plain', 'a b/ü+%?#', 'x//y', 'a/../b'):
            first = self.fake.put_object('example', key, b'one')
            self.fake.put_object('example', key, b'two')
            got = client.get_object(Bucket='example', Key=key)
            self.assertEqual(got['Body'].read(), b'two')
            self.assertEqual(client.get_object(Bucket='example', Key=key, VersionId=first)['Body'].read(), b'one')
            self.refused('304', client.get_object, Bucket='example', Key=key, IfNoneMatch=got['ETag'])
        self.refused('NoSuchKey', client.get_object, Bucket='example', Key='none')
        self.refused('NoSuchBucket', client.get_object, Bucket='none', Key='none')

    def test_s3_of_another_region(self):
        """botocore follows to the region that the refusal names."""
        self.fake.put_object('far', 'k', b'data', region='us-west-2')
        self.assertEqual(self.client('s3').get_object(Bucket='far', Key='k')['Body'].read(), b'data')
        self.assertEqual(self.fake.calls('s3'), [('', 301, 'PermanentRedirect'), ('GetObject', 200, '')])

    def test_route53(self):
        client = self.client('route53')

        def change(action, record):
            return client.change_resource_record_sets(HostedZoneId='/hostedzone/Z1', ChangeBatch={
                'Comment': 'x', 'Changes': [{'Action': action, 'ResourceRecordSet': record}]})
        self.assertEqual(change('CREATE', RECORD)['ChangeInfo']['Status'], 'PENDING')
        self.assertEqual(client.list_resource_record_sets(HostedZoneId='Z1')['ResourceRecordSets'],
                         [{**RECORD, 'Name': 'vpn.example.com.'}])
        self.assertIn('it already exists', self.refused('InvalidChangeBatch', change, 'CREATE', RECORD)['Error']['Message'])
        change('UPSERT', {**RECORD, 'TTL': 5})
        self.refused('InvalidChangeBatch', change, 'DELETE', RECORD)
        change('DELETE', {**RECORD, 'TTL': 5})
        self.refused('InvalidChangeBatch', change, 'DELETE', RECORD)
        self.refused('NoSuchHostedZone', client.list_resource_record_sets, HostedZoneId='Z2')

    def test_route53_pages_in_order(self):
        names = ['a.b.example.com', 'b.example.com', 'c.example.com', 'example.com']
        for name in names:
            for i in range(30):
                self.zone.add(name, '192.0.2.%d' % i, SetIdentifier='%02d' % i, MultiValueAnswer=True)
        pages = self.client('route53').get_paginator('list_resource_record_sets').paginate(
            HostedZoneId='Z1', PaginationConfig={'PageSize': 7})
        found = [(r['Name'], r['SetIdentifier']) for page in pages for r in page['ResourceRecordSets']]
        self.assertEqual(found, [(n + '.', '%02d' % i) for n in ('example.com', 'b.example.com', 'a.b.example.com',
                                                                'c.example.com') for i in range(30)])

    def test_metadata(self):
        fetch = botocore.utils.InstanceMetadataFetcher(base_url=self.fake.endpoints['imds'], env={})
        got = fetch.retrieve_iam_role_credentials()
        self.assertEqual((got['access_key'], got['secret_key'], got['token'], got['role_name']),
                         (*self.fake.credentials[:3], 'hub'))
        region = botocore.utils.InstanceMetadataRegionFetcher(base_url=self.fake.endpoints['imds'], env={})
        self.assertEqual(region.retrieve_region(), 'eu-west-1')

    def test_faults_are_what_botocore_retries(self):
        self.fake.ssm['/a'] = 'x'
        for kind in ('throttle', 'error', 'reset', 'html'):
            with self.subTest(kind), unittest.mock.patch('time.sleep'):
                self.fake.log.clear()
                self.fake.fault('ssm', kind, 2)
                self.client('ssm', 4).get_parameters(Names=['/a'], WithDecryption=True)
                self.assertEqual(len(self.fake.log), 3)


class SignatureTest(WithFake):
    """Every way to sign wrong is refused, in the words of each service."""

    def calls(self, **credentials):
        self.fake.put_object('example', 'k', b'')
        return {
            'ssm': functools.partial(self.client('ssm', **credentials).get_parameters, Names=['/a'], WithDecryption=True),
            'secretsmanager': functools.partial(self.client('secretsmanager', **credentials).get_secret_value, SecretId='a'),
            's3': functools.partial(self.client('s3', **credentials).get_object, Bucket='example', Key='k'),
            'route53': functools.partial(self.client('route53', **credentials).list_resource_record_sets, HostedZoneId='Z1')}

    def all_refused(self, codes, **credentials):
        for service, call in self.calls(**credentials).items():
            with self.subTest(service):
                self.refused(codes.get(service, codes.get('')), call)

    def test_wrong_secret(self):
        self.all_refused({'': 'InvalidSignatureException', 's3': 'SignatureDoesNotMatch', 'route53': 'SignatureDoesNotMatch'},
                         aws_secret_access_key='other')

    def test_wrong_key_or_token(self):
        codes = {'': 'UnrecognizedClientException', 's3': 'InvalidAccessKeyId', 'route53': 'InvalidClientTokenId'}
        self.all_refused(codes, aws_access_key_id='ASIAOTHER')
        self.all_refused(codes, aws_session_token='other')

    def test_no_token(self):
        self.all_refused({'': 'InvalidSignatureException', 's3': 'SignatureDoesNotMatch', 'route53': 'SignatureDoesNotMatch'},
                         aws_session_token=None)

    def test_expired_credentials(self):
        c = self.fake.credentials
        self.fake.issued[c.key] = c._replace(expires=0)
        self.all_refused({'': 'ExpiredTokenException', 's3': 'ExpiredToken', 'route53': 'ExpiredToken'})

    def test_older_credentials_stay_valid(self):
        calls = self.calls()
        self.fake.issue()
        calls['s3']()

    def test_wrong_clock(self):
        codes = {'': 'InvalidSignatureException', 's3': 'RequestTimeTooSkewed', 'route53': 'SignatureDoesNotMatch'}
        for type(self).offset in (901, -901):
            self.all_refused(codes)
        for type(self).offset in (299, -299):
            self.calls()['route53']()

    def test_wrong_region_or_service(self):
        self.assertIn('Credential should be scoped', self.ssm({'Names': ['/a'], 'WithDecryption': True}, region='us-east-1')[1])
        self.assertIn('Credential should be scoped', self.ssm({'Names': ['/a'], 'WithDecryption': True}, name='s3')[1])

    def test_changed_after_signing(self):
        good = {'Names': ['/a'], 'WithDecryption': True}
        self.assertEqual(self.ssm(good)[0], 200)

        def body(r):
            r['body'] = r['body'].replace(b'/a', b'/b')

        def header(r):
            r['headers']['X-Amz-Target'] = 'AmazonSSM.GetParameter'

        def method(r):
            r['method'] = 'PUT'

        def path(r):
            r['url'] = '/x'

        def host(r):
            r['headers']['Host'] = 'elsewhere'
        for after in (body, header, method, path, host):
            with self.subTest(after.__name__):
                status, text = self.ssm(good, after=after)
                self.assertEqual((status, json.loads(text)['__type']), (400, 'com.amazonaws.ssm#InvalidSignatureException'))

    def test_headers_that_must_be_signed(self):
        for name in ('X-Amz-Target', 'Content-Type'):
            def after(r, name=name):
                r['headers'].update({name: {'X-Amz-Target': 'AmazonSSM.GetParameters'}.get(name, 'application/x-amz-json-1.1')})
            headers = {'Content-Type': 'application/x-amz-json-1.1', 'X-Amz-Target': 'AmazonSSM.GetParameters'}
            del headers[name]
            self.assertIn('must be signed', self.raw('ssm', body=b'{"Names": ["/a"]}', headers=headers, after=after)[1])

    def test_missing_and_malformed_authorization(self):
        def drop(r):
            del r['headers']['Authorization']

        def bend(r):
            r['headers']['Authorization'] = r['headers']['Authorization'].replace('SignedHeaders', 'Headers')
        for service, target in (('ssm', '/'), ('s3', '/example/k'), ('route53', '/2013-04-01/hostedzone/Z1/rrset')):
            for after, why in ((drop, 'missing'), (bend, 'malformed')):
                status, text = self.raw(service, 'GET', target, after=after)
                self.assertEqual(status, fake_aws.CODES[service][why][0])
                self.assertIn(fake_aws.CODES[service][why][1], text)


class ParameterTest(WithFake):
    def test_json(self):
        self.fake.ssm['/a'] = 'x'
        for parameters, text in (
                ({'WithDecryption': True}, 'input.Names: missing'), ({'Names': '/a'}, 'list expected, str found'),
                ({'Names': ['/a'], 'WithDecryption': 'true'}, 'boolean expected, str found'),
                ({'Names': ['/a'], 'Decrypt': True}, 'input.Decrypt: unknown'), ({'Names': []}, 'out of range'),
                ({'Names': ['/%d' % i for i in range(11)]}, 'out of range'), ({'Names': [7]}, 'string expected, int found'),
                ({'Names': ['/a', '/a']}, 'Duplicate'), ([], 'structure expected, list found')):
            with self.subTest(text):
                status, reply = self.ssm(parameters)
                self.assertEqual((status, json.loads(reply)['__type']), (400, 'com.amazonaws.ssm#ValidationException'))
                self.assertIn(text, reply)
        for body, more, code in ((b'{', {}, 'SerializationException'),
                                 (b'{}', {'headers': {'X-Amz-Target': 'AmazonSSM.DeleteParameters'}}, 'UnknownOperationException'),
                                 (b'{}', {'headers': {'Content-Type': 'application/json'}}, 'UnknownOperationException'),
                                 (b'{}', {'target': '/x'}, 'UnknownOperationException')):
            with self.subTest(code, **more):
                self.assertEqual(json.loads(self.ssm(body, **more)[1])['__type'], 'com.amazonaws.ssm#' + code)
        status, reply = self.raw('secretsmanager', body=b'{"SecretId": ""}', headers={
            'Content-Type': 'application/x-amz-json-1.1', 'X-Amz-Target': 'secretsmanager.GetSecretValue'})
        self.assertIn('input.SecretId: 0 is out of range', reply)

    def test_s3(self):
        self.fake.put_object('example', 'k', b'')
        for target, headers, code in (
                ('/example/k?versionid=x', {}, 'InvalidArgument'), ('/example/k', {'x-amz-odd': '1'}, 'InvalidArgument'),
                ('/example/k?versionId=v+1', {}, 'InvalidQuery'), ('/example/', {}, 'MethodNotAllowed'),
                ('/example/k', {'Range': 'bytes=0-1'}, 'NotImplemented')):
            with self.subTest(target, **headers):
                self.assertIn('<Code>%s</Code>' % code, self.raw('s3', 'GET', target, headers=headers)[1])

        def digest(r):
            r['headers']['X-Amz-Content-SHA256'] = 'UNSIGNED-PAYLOAD'
        self.assertIn('XAmzContentSHA256Mismatch', self.raw('s3', 'GET', '/example/k', after=digest)[1])

    def change(self, body, path='/2013-04-01/hostedzone/Z1/rrset/'):
        return self.raw('route53', 'POST', path, body.encode(), {'Content-Type': 'text/xml'})

    def body(self, **swap):
        text = ('<ChangeResourceRecordSetsRequest xmlns="NS"><ChangeBatch><Changes><Change><Action>CREATE</Action>'
                '<ResourceRecordSet><Name>vpn.example.com</Name><Type>A</Type><SetIdentifier>a</SetIdentifier><MultiValueAnswer>'
                'true</MultiValueAnswer><TTL>60</TTL><ResourceRecords><ResourceRecord><Value>192.0.2.1</Value></ResourceRecord>'
                '</ResourceRecords></ResourceRecordSet></Change></Changes></ChangeBatch></ChangeResourceRecordSetsRequest>')
        for old, new in swap.items():
            self.assertIn(old, text)
            text = text.replace(old, new)
        return text.replace('NS', R53)

    def test_route53_body(self):
        for swap in ({'NS': 'https://route53.amazonaws.com/doc/2012-12-12/'}, {'ChangeResourceRecordSetsRequest': 'Request'},
                     {'TTL': 'Ttl'}, {'60': 'sixty'}, {'true': 'yes'}, {'CREATE': 'PUT'}, {'>A<': '>B<'}, {'ResourceRecord>': 'R>'},
                     {'60': '-1'}, {'60': '3000000000'}, {'vpn': 'x' * 1100}, {'<Name>': '<Name>a</Name><Name>'}, {'true': 'false'},
                     {'<SetIdentifier>a</SetIdentifier>': ''}, {'<MultiValueAnswer>true</MultiValueAnswer>': ''},
                     {'<TTL>60</TTL>': ''}, {'</ChangeBatch>': ''}, {'<Changes>': '<Changes>x'}):
            with self.subTest(**swap):
                status, text = self.change(self.body(**swap))
                self.assertEqual(status, 400, text)
                self.assertIn('<Code>InvalidInput</Code>', text)
                self.assertEqual(self.zone.records, [])
        self.assertEqual(self.change(self.body())[0], 200)
        self.assertEqual(self.zone.records, [{**RECORD, 'Name': 'vpn.example.com.'}])

    def test_route53_paths(self):
        for path in ('/2013-04-01/hostedzone/Z1/rrset', '/2012-12-12/hostedzone/Z1/rrset/', '/2013-04-01/hostedzone/z1/rrset/',
                     '/2013-04-01/hostedzone/Z1/rrsets/'):
            with self.subTest(path):
                self.assertEqual(self.change(self.body(), path)[0], 404)
        self.assertEqual(self.raw('route53', 'GET', '/2013-04-01/hostedzone/Z1/rrset/')[0], 404)
        self.assertEqual(self.zone.records, [])

    def test_route53_list(self):
        for query in ('Name=a.example.com', 'type=A', 'name=a&identifier=x', 'name=a&type=X', 'maxitems=0', 'maxitems=x',
                      'name=a&name=b', 'name=a_%2a'):
            with self.subTest(query):
                self.assertEqual(self.raw('route53', 'GET', '/2013-04-01/hostedzone/Z1/rrset?' + query)[0], 400)

    def test_zone_rules(self):
        def no(text, action='CREATE', **record):
            with self.assertRaises(Refusal) as caught:
                self.zone.change([{'Action': action, 'ResourceRecordSet': {**RECORD, **record}}])
            self.assertIn(text, str(caught.exception.message))
        self.zone.add('simple.example.com', '192.0.2.1')
        no('non-multivalue answer RRSet exists', Name='simple.example.com')
        self.zone.add('alias.example.com', '192.0.2.1', type='CNAME')
        no('conflicting RRSet of type CNAME', Name='alias.example.com')
        no('is not a valid IPv4 address', ResourceRecords=[{'Value': '192.0.2.256'}])
        no('Duplicate Resource Record', ResourceRecords=[{'Value': '192.0.2.1'}] * 2)
        no('not permitted in zone', Name='vpn.example.org')
        no('not permitted in zone', Name='vpnexample.com')
        for i in range(100):
            self.zone.add('vpn.example.com', '192.0.2.1', SetIdentifier=str(i), MultiValueAnswer=True)
        no('would exceed 100')
        no('it already exists', SetIdentifier='7')
        self.zone.change([{'Action': 'UPSERT', 'ResourceRecordSet': {**RECORD, 'SetIdentifier': '7'}}])
        no('was not found', 'DELETE')
        no('do not match', 'DELETE', SetIdentifier='7', TTL=61)
        simple = {k: v for k, v in RECORD.items() if k not in ('SetIdentifier', 'MultiValueAnswer')}
        with self.assertRaises(Refusal):
            self.zone.change([{'Action': 'CREATE', 'ResourceRecordSet': simple}])

    def test_changes_are_all_or_nothing(self):
        before = [{**RECORD, 'Name': 'a.example.com.'}]
        self.zone.change([{'Action': 'CREATE', 'ResourceRecordSet': before[0]}])
        with self.assertRaises(Refusal):
            self.zone.change([{'Action': 'DELETE', 'ResourceRecordSet': before[0]},
                              {'Action': 'DELETE', 'ResourceRecordSet': RECORD}])
        self.assertEqual(self.zone.records, before)


class MetadataTest(WithFake):
    def ask(self, method, path, **headers):
        conn = http.client.HTTPConnection(urllib.parse.urlsplit(self.fake.endpoints['imds']).netloc, timeout=5)
        try:
            conn.request(method, path, headers={k.replace('_', '-'): v for k, v in headers.items()})
            with conn.getresponse() as reply:
                return reply.status, reply.read().decode()
        finally:
            conn.close()

    def session(self, ttl='60', **more):
        return self.ask('PUT', '/latest/api/token', X_aws_ec2_metadata_token_ttl_seconds=ttl, **more)

    def test_session_is_needed(self):
        self.assertEqual(self.ask('GET', '/latest/meta-data/instance-id')[0], 401)
        self.assertEqual(self.ask('GET', '/latest/meta-data/instance-id', X_aws_ec2_metadata_token='x')[0], 401)
        self.assertEqual(self.ask('PUT', '/latest/api/token')[0], 400)
        for ttl in ('0', '21601', '-1', 'x', ''):
            self.assertEqual(self.session(ttl)[0], 400, ttl)
        self.assertEqual(self.session(X_Forwarded_For='192.0.2.1')[0], 403)
        self.assertEqual(self.ask('GET', '/latest/api/token')[0], 405)

    def test_reads(self):
        status, token = self.session()
        get = functools.partial(self.ask, 'GET', X_aws_ec2_metadata_token=token)
        self.assertEqual(get('/latest/meta-data/instance-id'), (200, 'i-0123456789abcdef0'))
        self.assertEqual(get('/2021-03-23/meta-data/placement/'), (200, 'availability-zone\nregion'))
        self.assertIn('placement/\n', get('/latest/meta-data/')[1])
        self.assertEqual(get('/latest/meta-data/iam/security-credentials/'), (200, 'hub'))
        self.assertEqual(json.loads(get('/latest/dynamic/instance-identity/document')[1])['region'], 'eu-west-1')
        self.assertEqual(get('/latest/meta-data/none')[0], 404)
        self.assertEqual(get('/meta-data/instance-id')[0], 404)
        self.assertEqual(self.ask('POST', '/latest/meta-data/')[0], 405)
        type(self).offset = 61
        self.assertEqual(get('/latest/meta-data/instance-id')[0], 401)


class StandaloneTest(unittest.TestCase):
    def test_serves_until_its_input_ends(self):
        state = {'ssm': {'/a': 'x'}, 'secrets': {'s': 'y'}, 'objects': {'b/k/l': 'z'}, 'zones': {'Z1': 'example.com'},
                 'metadata': {'user-data': 'hello'}}
        folder = fake_aws.tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        at = functools.partial(os.path.join, folder.name)
        with open(at('state'), 'w') as f:
            json.dump(state, f)
        p = subprocess.Popen(['/usr/bin/python3', os.path.join(HERE, 'fake_aws.py'), '--state', at('state'), '--conf', at('conf'),
                              '--ca', at('ca'), '--name', 'fake.example', '--name', '10.0.2.2'],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        with p:
            endpoints = json.loads(p.stdout.readline())['ready']
            netloc = urllib.parse.urlsplit(endpoints['imds']).netloc
            conn = http.client.HTTPConnection(netloc, timeout=5)
            conn.request('PUT', '/latest/api/token', headers={'X-aws-ec2-metadata-token-ttl-seconds': '60'})
            with conn.getresponse() as reply:
                self.assertEqual(reply.status, 200)
            conn.close()
            self.assertEqual(json.loads(p.stdout.readline())['op'], 'token')
            host = urllib.parse.urlsplit(endpoints['ssm'])
            tls = ssl.create_default_context(cafile=at('ca'))
            with fake_aws.socket.create_connection((host.hostname, host.port)) as s, \
                    tls.wrap_socket(s, server_hostname='fake.example') as s:
                self.assertIn(('IP Address', '10.0.2.2'), s.getpeercert()['subjectAltName'])
            with open(at('conf')) as f:
                self.assertIn('ssm = ' + endpoints['ssm'], f.read())
            p.stdin.close()
            self.assertEqual(p.wait(10), 0)


if __name__ == '__main__':
    unittest.main()

"""aws.py: the signer against botocore and published signatures, everything else against the strict fake."""
import ast
import calendar
import configparser
import contextlib
import functools
import io
import json
import logging
import os
import posixpath
import random
import re
import socket
import sys
import threading
import time
import traceback
import unittest
import unittest.mock
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
HUB = os.path.join(HERE, '../../overlays/hub/usr/lib/hub')
sys.dont_write_bytecode = True
sys.path[:0] = [HERE, HUB]

import botocore.auth
import botocore.awsrequest
import botocore.credentials

import aws
import fake_aws
from fake_aws import FakeAws, Refusal, Zone

THROTTLED = ('GetParameters', 400, 'ThrottlingException')


def settings(text):
    conf = configparser.ConfigParser(interpolation=None)
    conf.read_string(text)
    return conf


class Clock(fake_aws.Clock):
    """Stands in for the module `time` in the modules under test."""
    strftime = staticmethod(time.strftime)

    def gmtime(self):
        return time.gmtime(self.now)


class Transport:
    """aws.send with short timeouts, so that a stall costs a test little; keeps the timeouts that were asked for.

    `answer` may answer in place of a service: called with the headers, the path and all else of a request that
    is not for the metadata service, it returns (status, headers, body), or None to let the request through."""
    real = staticmethod(aws.send)

    def __init__(self, imds, longest=5):
        self.imds, self.longest, self.timeouts, self.answer = imds, longest, [], None

    def __call__(self, method, base, path, headers, body, timeout, tls=None):
        self.timeouts.append(timeout)
        answer = self.answer and base != self.imds and self.answer(base, path, headers)
        return answer or self.real(method, base, path, headers, body, min(timeout, self.longest), tls)


class WithFake(unittest.TestCase):
    """One fake for a class, emptied for each test; `self.aws` talks to it, on one clock."""

    @classmethod
    def setUpClass(cls):
        cls.clock = Clock()
        cls.fake = FakeAws(now=lambda: cls.clock.time()).__enter__()
        cls.addClassCleanup(cls.fake.__exit__)

    def setUp(self):
        type(self).clock = Clock()
        self.fake.reset()
        self.transport = Transport(self.fake.endpoints['imds'])
        self.replace('aws.time', self.clock)
        self.replace('aws.send', self.transport)
        self.replace('aws.LIMIT', 8 << 20)
        self.conf = settings(self.fake.conf())
        self.imds = aws.Imds(self.fake.endpoints['imds'])
        self.aws = aws.Aws(self.conf, self.imds, 90)

    def replace(self, name, value):
        patch = unittest.mock.patch(name, value)
        patch.start()
        self.addCleanup(patch.stop)

    def answers(self, text, status=200):
        """Every service but the metadata's answers so from now on."""
        self.transport.answer = lambda *_: (status, {}, text.encode())

    def refused(self, pattern, call, *args, **kwargs):
        """The AwsError of a call that must fail so."""
        with self.assertRaisesRegex(aws.AwsError, pattern) as caught:
            call(*args, **kwargs)
        return caught.exception


def signature(headers):
    return headers['authorization'].rpartition('=')[2]


def sign(method, url, headers, body, service, region, creds, when):
    """aws.sign() with what its callers see to: names in lower case, path and query in canonical form."""
    key, secret, token = creds
    u = urllib.parse.urlsplit(url)
    path = u.path or '/'
    if service != 's3':
        path = urllib.parse.quote(path)
    quote = functools.partial(urllib.parse.quote, safe='')
    query = '&'.join(sorted(map('='.join, ((quote(k), quote(v)) for k, v in urllib.parse.parse_qsl(u.query, True))),
                            key=lambda pair: pair.split('=')))
    headers = {k.lower(): ' '.join(v.split()) for k, v in headers.items()}
    if token:
        headers['x-amz-security-token'] = token
    if query:
        path += '?' + query
    with unittest.mock.patch('aws.time', Clock(when)):
        return aws.sign(method, 'https://' + u.netloc, path, headers, body, service, region, key, secret)


def load_case(folder):
    """(sign()'s arguments, expected signature) of a case in the format of AWS's suite."""
    def read(name):
        with open(os.path.join(folder, name), encoding='utf-8', newline='') as f:
            return f.read()
    context = json.loads(read('context.json'))
    head, _, body = read('request.txt').replace('\r\n', '\n').partition('\n\n')
    start, *lines = re.sub(r'\n[ \t]+', ' ', head).rstrip('\n').split('\n')
    method, target = re.fullmatch(r'(\S+) (.*) HTTP/1.1', start).groups()
    headers = {}
    for line in lines:
        name, _, value = line.partition(':')
        # a header that comes twice is one list (RFC 9110, 5.3)
        headers[name] = headers[name] + ',' + value.strip() if name in headers else value.strip()
    host = headers.pop('Host')
    if context['normalize']:  # the paths of the hub's own calls never need it
        path, mark, query = target.partition('?')
        normal = posixpath.normpath('/' + path.strip('/'))
        target = normal + ('/' if path.endswith('/') and normal != '/' else '') + mark + query
    c = context['credentials']
    token = None if context.get('omit_session_token') else c.get('token')
    if context['sign_body'] and context['service'] != 's3':
        headers['X-Amz-Content-SHA256'] = aws.hashlib.sha256(body.encode()).hexdigest()
    when = calendar.timegm(time.strptime(context['timestamp'], '%Y-%m-%dT%H:%M:%SZ'))
    return (method, 'https://' + host + target, headers, body.encode(), context['service'], context['region'],
            (c['access_key_id'], c['secret_access_key'], token), when), \
        read('header-signature.txt').strip()


class SignTest(unittest.TestCase):
    def check_folder(self, folder, at_least):
        cases = sorted(e.path for e in os.scandir(folder) if e.is_dir())
        self.assertGreaterEqual(len(cases), at_least)
        for case in cases:
            with self.subTest(case=os.path.basename(case)):
                arguments, expected = load_case(case)
                self.assertEqual(signature(sign(*arguments)), expected)

    def test_cases_of_this_project(self):
        self.check_folder(os.path.join(HERE, 'data/sigv4'), 20)

    @unittest.skipUnless(os.environ.get('SIGV4_SUITE'), 'SIGV4_SUITE does not name the published suite')
    def test_published_suite(self):
        self.check_folder(os.environ['SIGV4_SUITE'], 30)

    def test_signatures_printed_in_aws_documentation(self):
        # IAM User Guide, "Create a signed AWS API request"; S3 API Reference, "Examples: Signature Calculations"
        headers = sign('GET', 'https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08',
                           {'Content-Type': 'application/x-www-form-urlencoded; charset=utf-8'}, b'', 'iam', 'us-east-1',
                           ('AKIDEXAMPLE', 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY', None), 1440938160)
        self.assertEqual(headers['authorization'], 'AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/'
                         'aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature='
                         '5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7')
        s3 = ('AKIAIOSFODNN7EXAMPLE', 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY', None)
        for target, more, expected in (
                ('/test.txt', {'Range': 'bytes=0-9'}, 'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41'),
                ('/?lifecycle', {}, 'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543'),
                ('/?max-keys=2&prefix=J', {}, '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7')):
            headers = sign('GET', 'https://examplebucket.s3.amazonaws.com' + target, more, b'', 's3', 'us-east-1', s3,
                               1369353600)
            self.assertEqual(signature(headers), expected, target)

    def test_random_requests_as_botocore_signs_them(self):
        rng = random.Random(4)
        text = functools.partial(rng.choices, 'abcXYZ019-_.~ /:%+=&?#*üß漢"\'')
        for _ in range(300):
            service, token = rng.choice(['ssm', 's3', 'route53']), rng.choice([None, 'token/+=='])
            path = '/' + urllib.parse.quote(''.join(text(k=rng.randrange(9))), safe='/') if service == 's3' else \
                '/2013-04-01/x/' + urllib.parse.quote(''.join(text(k=rng.randrange(1, 5))), safe='')
            if service != 's3' and {'.', '..'} & set(path.split('/')):
                continue
            query = '&'.join(urllib.parse.quote(''.join(text(k=rng.randrange(1, 4))), safe='-_.~') + '=' +
                             urllib.parse.quote(''.join(text(k=rng.randrange(4))), safe='-_.~')
                             for _ in range(rng.randrange(4)))
            url = 'https://h.example' + path + ('?' + query if query else '')
            headers = {'X-Amz-Target': ' a  b ', 'content-type': 'x'} if rng.random() < .5 else {}
            body = ''.join(text(k=5)).encode() if rng.random() < .5 else b''
            creds = ('AKID', 'secret/' + ''.join(text(k=9)), token)
            got = sign('POST', url, headers, body, service, 'eu-west-1', creds, 1440938160)
            r = botocore.awsrequest.AWSRequest('POST', url, headers={**headers, 'Host': 'h.example'}, data=body)
            r.context['timestamp'] = '20150830T123600Z'
            kind = botocore.auth.S3SigV4Auth if service == 's3' else botocore.auth.SigV4Auth
            signer = kind(botocore.credentials.Credentials(*creds), service, 'eu-west-1')
            signer._modify_request_before_signing(r)
            self.assertEqual(signature(got), signer.signature(signer.string_to_sign(r, signer.canonical_request(r)), r), url)


class SendTest(WithFake):
    """The transport: everything ends in time, and says why."""

    def fails(self, pattern, again, url=None, headers=(), timeout=5, tls=None):
        base = url or self.fake.endpoints['imds']
        began = time.monotonic()
        e = self.refused(pattern, aws.insist, 'test', lambda: Transport.real(
            'PUT', base, '/latest/api/token', dict(headers), None, timeout, tls), 0)
        self.assertEqual(bool(e.again), again)
        self.assertLess(time.monotonic() - began, 2)
        self.assertIsNone(e.__cause__ or e.__context__)

    def broken(self, kind, pattern, **more):
        self.fake.fault('imds', kind)
        self.fails(pattern, True, headers={'x-aws-ec2-metadata-token-ttl-seconds': '60'}, **more)

    def test_reply_that_never_comes(self):
        self.broken('stall', 'test: timed out', timeout=.2)

    def test_reply_without_end(self):
        self.broken('huge', 'cut off or too long')

    def test_reply_shorter_than_the_limit_is_taken(self):
        self.replace('aws.LIMIT', 100)
        self.fake.metadata['meta-data/x'] = 'x' * 99
        self.assertEqual(self.imds.get('x'), 'x' * 99)
        for size in 100, 101:
            self.fake.metadata['meta-data/x'] = 'x' * size
            self.refused('too long', self.imds.get, 'x')

    def test_reply_cut_off(self):
        self.broken('truncate', 'cut off')

    def test_reply_that_is_not_http(self):
        self.broken('noise', 'BadStatusLine')

    def test_connection_reset(self):
        self.broken('reset', 'Connection reset|Remote end closed')

    def test_nobody_listens(self):
        with socket.socket() as s:
            s.bind(('127.0.0.1', 0))
            url = 'http://127.0.0.1:%d' % s.getsockname()[1]
            self.fails('Connection refused', True, url=url)

    def test_peer_that_accepts_and_is_silent(self):
        with socket.create_server(('127.0.0.1', 0)) as s:
            for url in ('http://127.0.0.1:%d', 'https://127.0.0.1:%d'):
                self.fails('timed out', True, url=url % s.getsockname()[1], timeout=.2, tls=aws.ssl.create_default_context())

    def test_name_that_does_not_resolve(self):
        with unittest.mock.patch('socket.getaddrinfo', side_effect=socket.gaierror(-2, 'Name or service not known')):
            self.fails('Name or service not known', True, url='http://example.invalid')

    def test_certificate_of_an_unknown_ca(self):
        self.fails('CERTIFICATE_VERIFY_FAILED', False, url=self.fake.endpoints['ssm'],
                   tls=aws.ssl.create_default_context())

    def test_certificate_of_another_host(self):
        port = urllib.parse.urlsplit(self.fake.endpoints['ssm']).port
        real = socket.getaddrinfo
        with unittest.mock.patch('socket.getaddrinfo', lambda host, *a, **k: real('127.0.0.1', *a, **k)):
            self.fails('CERTIFICATE_VERIFY_FAILED.*ssm.example', False, url='https://ssm.example:%d' % port,
                       tls=aws.ssl.create_default_context(cafile=self.fake.ca))

    def test_proxies_of_the_environment_are_not_used(self):
        with unittest.mock.patch.dict(os.environ, {n: 'http://127.0.0.1:1' for n in ('http_proxy', 'https_proxy')}):
            self.assertEqual(self.imds.get('instance-id'), 'i-0123456789abcdef0')
            self.fake.ssm['/a'] = 'x'
            self.assertEqual(self.aws.ssm(['/a'], {}), {'/a': 'x'})

    def test_redirects_are_not_followed(self):
        self.fake.put_object('example', 'k', b'data')
        self.fake.fault('s3', Refusal(307, 'TemporaryRedirect', headers={'Location': self.fake.endpoints['s3'] + '/x/y'}))
        self.refused('TemporaryRedirect', self.aws.s3, 's3://example/k')
        self.assertEqual(len(self.fake.calls('s3')), 1)


class InsistTest(unittest.TestCase):
    """How often and how long: on a clock of its own."""

    def run_against(self, failure, seconds=90, cost=0):
        clock, tries = Clock(), []

        def attempt():
            tries.append(clock.now)
            clock.now += cost
            raise failure
        with self.assertRaises(aws.AwsError), unittest.mock.patch('aws.time', clock):
            aws.insist('x', attempt, seconds)
        return tries, clock

    def test_tries_are_bounded_and_jittered(self):
        with unittest.mock.patch('random.random', lambda: 1):
            tries, clock = self.run_against(aws.AwsError('x', 'y', again=True), 100)
        self.assertEqual(clock.slept, [1, 2, 4, 8, 16, 20, 20, 20])
        self.assertEqual(len(tries), 9)
        with unittest.mock.patch('random.random', lambda: .25):
            self.assertEqual(self.run_against(aws.AwsError('x', 'y', again=True))[1].slept[:3], [.25, .5, 1])

    def test_the_deadline_is_never_slept_over(self):
        for seed in range(20):
            random.seed(seed)
            tries, clock = self.run_against(aws.AwsError('x', 'y', again=True), 5, cost=1)
            self.assertLessEqual(clock.now - Clock().now, 6)
            self.assertGreaterEqual(len(tries), 2)
            self.assertLessEqual(tries[-1] - tries[0], 5)

    def test_what_is_final_is_not_tried_again(self):
        for failure in aws.AwsError('x', 'y', False), aws.ssl.CertificateError('y'):
            tries, clock = self.run_against(failure)
            self.assertEqual((len(tries), clock.slept), (1, []))


class ImdsTest(WithFake):
    def region(self):
        return self.imds.get('placement/region')

    def test_each_read_has_a_session(self):
        self.assertEqual((self.region(), self.imds.get('instance-id'), self.imds.local_ipv4(), self.imds.public_ipv4()),
                         ('eu-west-1', 'i-0123456789abcdef0', '172.16.1.10', '203.0.113.10'))
        self.assertEqual([op for op, _, _ in self.fake.calls('imds')], 4 * ['token', 'get'])

    def test_what_is_not_there(self):
        del self.fake.metadata['meta-data/public-ipv4']
        self.assertIsNone(self.imds.public_ipv4())
        del self.fake.metadata['meta-data/placement/region']
        self.refused('metadata placement/region: HTTP 404', self.region)
        self.assertEqual(self.clock.slept, [])

    def test_public_address_that_cannot_be_asked_for(self):
        self.fake.fault('imds', 'error', 99)
        self.refused('metadata public-ipv4: HTTP 500', self.imds.public_ipv4)

    def test_trouble_that_passes(self):
        for kind in ('error', 'reset', 'noise', 'truncate', 'stall'):
            with self.subTest(kind):
                self.transport.longest = .2
                self.fake.fault('imds', kind, 2)
                self.assertEqual(self.region(), 'eu-west-1')

    def test_trouble_that_stays(self):
        self.fake.fault('imds', 'error', 99)
        e = self.refused('metadata placement/region: HTTP 500', self.region)
        self.assertTrue(e.again)
        self.assertLessEqual(sum(self.clock.slept), 15)
        self.assertLessEqual(max(self.transport.timeouts), 2)

    def test_credentials_are_kept_until_they_near_their_end(self):
        old = self.fake.issue(3600)
        self.assertEqual(self.imds.credentials(), old[:3])
        reads = len(self.fake.log)
        self.clock.now += 239
        self.assertEqual(self.imds.credentials(), old[:3])
        self.assertEqual(len(self.fake.log), reads)
        new = self.fake.issue(3600)
        self.clock.now += 2
        self.assertEqual(self.imds.credentials(), new[:3])

    def test_instance_without_a_role(self):
        del self.fake.metadata['meta-data/iam/security-credentials/hub']
        self.refused('metadata iam/security-credentials/: HTTP 404', self.imds.credentials)
        e = self.refused('metadata iam/security-credentials/: HTTP 404', self.aws.ssm, ['/a'], {})
        self.assertFalse(e.again)

    def test_credentials_that_are_none(self):
        path = 'meta-data/iam/security-credentials/hub'
        for bad in ('', '<html>', '[]', '{"Code": "Failed", "Message": "no"}', '[' * 50000):
            with self.subTest(bad[:60]):
                self.fake.metadata[path] = bad
                self.assertTrue(self.refused('ssm GetParameters: ', self.aws.ssm, ['/a'], {}).again)


class SsmTest(WithFake):
    def setUp(self):
        super().setUp()
        self.fake.ssm.update(('/hub/psk/%02d' % i, 'value %d' % i) for i in range(23))
        self.names = list(self.fake.ssm)

    def asked(self):
        return [json.loads(c.body)['Names'] for c in self.fake.log if c.service == 'ssm']

    def test_batches_of_ten(self):
        self.assertEqual(self.aws.ssm(self.names, {}), self.fake.ssm)
        self.assertEqual([len(names) for names in self.asked()], [10, 10, 3])
        self.assertEqual(sum(self.asked(), []), self.names)

    def test_nothing_asked_nothing_sent(self):
        self.assertEqual(self.aws.ssm([], {}), {})
        self.assertEqual(self.fake.log, [])

    def test_missing_ones_are_told_and_hurt_no_other(self):
        problems = {}
        names = self.names[:11] + ['/none'] + self.names[11:]
        self.assertEqual(self.aws.ssm(names, problems), self.fake.ssm)
        self.assertEqual(problems, {'/none': 'ssm: no parameter /none'})

    def test_version_of_a_parameter(self):
        self.assertEqual(self.aws.ssm(['/hub/psk/01:1', '/hub/psk/01', '/hub/psk/02:7'], {}),
                         {'/hub/psk/01:1': 'value 1', '/hub/psk/01': 'value 1'})

    def test_denied_ones_hurt_no_other(self):
        self.fake.denied.add('ssm:/hub/psk/03')
        problems = {}
        values = self.aws.ssm(self.names, problems)
        self.assertEqual(set(self.names) - set(values), {'/hub/psk/03'})
        self.assertRegex(str(problems['/hub/psk/03']), r'^ssm GetParameters: AccessDeniedException \(request [0-9a-f]{32}\): '
                         r'User: .* is not authorized to perform: ssm:GetParameters on resource: /hub/psk/03$')
        self.assertEqual([len(names) for names in self.asked()], [10, 10, 3] + 10 * [1])
        self.assertEqual(self.clock.slept, [])

    def test_throttling_is_waited_out(self):
        for fault in ('throttle', Refusal(400, 'Throttling'), Refusal(400, 'ThrottledException'),
                      Refusal(400, 'RequestLimitExceeded'), Refusal(429, 'TooManyRequestsException'),
                      Refusal(429, 'Odd'), Refusal(400, 'RequestThrottledException')):
            with self.subTest(str(fault)):
                self.clock.slept.clear()
                self.fake.fault('ssm', fault, 3)
                self.assertEqual(self.aws.ssm(['/hub/psk/01'], {}), {'/hub/psk/01': 'value 1'})
                self.assertEqual(len(self.clock.slept), 3)

    def test_throttling_that_stays(self):
        self.fake.fault('ssm', 'throttle', 99)
        e = self.refused(r'ssm GetParameters: ThrottlingException \(.*\): as ordered', self.aws.ssm, self.names, {})
        self.assertEqual(e.code, 'ThrottlingException')
        self.assertTrue(e.again)
        self.assertEqual(set(self.fake.calls('ssm')), {THROTTLED})
        self.assertLessEqual(len(self.fake.calls('ssm')), 40)
        self.assertLessEqual(max(self.transport.timeouts), 10)
        self.assertLessEqual(sum(self.clock.slept), 90)

    def test_a_caller_in_a_hurry(self):
        self.fake.fault('ssm', 'throttle', 99)
        hasty = aws.Aws(self.conf, self.imds, seconds=3)
        self.refused('Throttling', hasty.ssm, self.names, {})
        self.assertLessEqual(sum(self.clock.slept), 3)

    def test_broken_replies_are_asked_for_again(self):
        for kind in ('error', 'reset', 'lost', 'truncate', 'garbage', 'noise', 'html', 'stall', 'huge'):
            with self.subTest(kind):
                self.transport.longest = .3 if kind == 'stall' else 5
                self.fake.fault('ssm', kind, 2)
                self.assertEqual(self.aws.ssm(['/hub/psk/01'], {}), {'/hub/psk/01': 'value 1'})

    def test_replies_that_stay_broken(self):
        for kind, text in (('garbage', 'ssm GetParameters: UnicodeDecodeError'), ('html', r'502 \(request None\): <html>'),
                           ('truncate', 'cut off')):
            with self.subTest(kind):
                self.fake.fault('ssm', kind, 99)
                self.assertTrue(self.refused(text, self.aws.ssm, self.names, {}).again)
                self.fake.faults['ssm'].clear()

    def test_json_that_is_not_the_reply(self):
        for text in ('null', '[]', '{}', '{"Parameters": 7}', '{"Parameters": [{}]}', '{"Parameters": null}', '[' * 50000):
            self.answers(text)
            with self.subTest(text[:30]):
                self.refused('ssm GetParameters: [A-Z][A-Za-z]+Error: ', self.aws.ssm, ['/a'], {})

    def test_refusals_are_final(self):
        self.fake.denied.add('ssm:/hub/psk/01')
        problems = {}
        self.assertEqual(self.aws.ssm(['/hub/psk/01'], problems), {})
        self.assertEqual(list(problems), ['/hub/psk/01'])
        self.fake.fault('ssm', Refusal(400, 'UnrecognizedClientException', 'who?'))
        self.refused(r'UnrecognizedClientException \(.*\): who\?', self.aws.ssm, self.names, {})
        self.assertEqual((len(self.fake.calls('ssm')), self.clock.slept), (2, []))


class SecretTest(WithFake):
    def test_string(self):
        self.fake.secrets['hub/büro'] = 'the key'
        self.assertEqual(self.aws.secret('hub/büro'), 'the key')

    def test_no_string(self):
        self.fake.secrets['binary'] = b'\0\1'
        self.assertIsNone(self.aws.secret('binary'))
        self.refused("ResourceNotFoundException .*: Secrets Manager can't find the specified secret", self.aws.secret, 'none')

    def test_denied_is_final(self):
        self.fake.denied.add('secretsmanager:x')
        e = self.refused('AccessDeniedException.*is not authorized.*secretsmanager:GetSecretValue', self.aws.secret, 'x')
        self.assertFalse(e.again)
        self.assertEqual(len(self.fake.calls('secretsmanager')), 1)


class S3Test(WithFake):
    def test_object_and_etag(self):
        self.fake.put_object('example', 'hub/sites.json', b'one')
        body, etag = self.aws.s3('s3://example/hub/sites.json')
        self.assertEqual((body, etag), (b'one', '"f97c5d29941bfb1b2fdab0874906ab82"'))
        self.assertEqual(self.aws.s3('s3://example/hub/sites.json', etag), (b'', etag))
        self.fake.put_object('example', 'hub/sites.json', b'two')
        body, new = self.aws.s3('s3://example/hub/sites.json', etag)
        self.assertEqual(body, b'two')
        self.assertNotEqual(new, etag)
        self.assertEqual([s for _, s, _ in self.fake.calls('s3')], [200, 304, 200])

    def test_version(self):
        first = self.fake.put_object('example', 'k', b'one')
        self.fake.put_object('example', 'k', b'two')
        self.assertEqual(self.aws.s3('s3://example/k?versionId=' + first)[0], b'one')
        self.refused('NoSuchVersion', self.aws.s3, 's3://example/k?versionId=vX')

    def test_keys_of_all_kinds(self):
        for key in ('a b', 'ü/漢', 'a+b=c&d', 'a?b#c', '100%', "it's", 'a//b', 'a/../b', './a', '~-_.', '/lead', 'x' * 900, 'a?versionId'):
            with self.subTest(key[:20]):
                self.fake.put_object('example', key, key.encode())
                self.assertEqual(self.aws.s3('s3://example/' + key)[0], key.encode())

    def test_large_object(self):
        """10,000 sites are some 3 MB."""
        self.fake.put_object('example', 'k', b'x' * 5000000)
        self.assertEqual(len(self.aws.s3('s3://example/k')[0]), 5000000)

    def test_what_is_not_there(self):
        self.fake.put_object('example', 'k', b'')
        self.assertEqual(self.aws.s3('s3://example/k')[0], b'')
        self.refused(r's3 GetObject s3://example/none: NoSuchKey \(request [0-9a-f]+\): The specified key does not exist.$',
                     self.aws.s3, 's3://example/none')
        self.refused('NoSuchBucket', self.aws.s3, 's3://other/k')
        self.fake.denied.add('s3:example/k')
        self.refused('AccessDenied', self.aws.s3, 's3://example/k')
        self.assertEqual(self.clock.slept, [])

    def test_slow_down(self):
        self.fake.put_object('example', 'k', b'data')
        for kind in ('throttle', 'error', 'truncate', 'lost', 'html'):
            self.fake.fault('s3', kind, 2)
            self.assertEqual(self.aws.s3('s3://example/k')[0], b'data', kind)

    def test_hosts_at_aws(self):
        """Without endpoints of its own a request goes to AWS's."""
        seen = []

        def answer(base, path, headers):
            seen.append((base + path, headers['authorization'].split('/')[2]))
            return 400, {}, b'seen'
        self.transport.answer = answer
        client = aws.Aws(settings('[aws]\n'), self.imds, 90)
        for call in (lambda: client.s3('s3://example/a b'), lambda: client.s3('s3://ex.ample/k?versionId=v'),
                     lambda: client.ssm(['/a'], {}), lambda: client.secret('a'),
                     lambda: client.records('/hostedzone/Z1', 'a.example.')):
            self.refused('seen', call)
        self.assertEqual(seen, [
            ('https://s3.eu-west-1.amazonaws.com/example/a%20b', 'eu-west-1'),
            ('https://s3.eu-west-1.amazonaws.com/ex.ample/k?versionId=v', 'eu-west-1'),
            ('https://ssm.eu-west-1.amazonaws.com/', 'eu-west-1'),
            ('https://secretsmanager.eu-west-1.amazonaws.com/', 'eu-west-1'),
            ('https://route53.amazonaws.com/2013-04-01/hostedzone/Z1/rrset?name=a.example.', 'us-east-1')])


class Route53Test(WithFake):
    NAME = 'vpn.example.com.'

    def setUp(self):
        super().setUp()
        self.zone = self.fake.zones['Z1'] = Zone('example.com')

    def member(self, identifier, address, **more):
        self.zone.add(self.NAME, address, SetIdentifier=identifier, MultiValueAnswer=True, **more)

    def test_records_of_exactly_this_name(self):
        self.zone.add('a.example.com', '192.0.2.1')
        self.zone.add('zvpn.example.com', '192.0.2.2')
        self.zone.add('a.vpn.example.com', '192.0.2.3')
        self.member('one', '192.0.2.4', HealthCheckId='abcdef11-2222-3333-4444-555555fedcba')
        self.zone.add(self.NAME, '"a text & more"', type='TXT')
        self.assertEqual(self.aws.records('Z1', self.NAME), [
            {'Name': 'vpn.example.com.', 'Type': 'A', 'SetIdentifier': 'one', 'MultiValueAnswer': 'true', 'TTL': '60',
             'ResourceRecords': [('ResourceRecord', [('Value', '192.0.2.4')])],
             'HealthCheckId': 'abcdef11-2222-3333-4444-555555fedcba'},
            {'Name': 'vpn.example.com.', 'Type': 'TXT', 'TTL': '60',
             'ResourceRecords': [('ResourceRecord', [('Value', '"a text & more"')])]}])
        self.assertEqual(self.aws.records('Z1', 'none.example.com.'), [])

    def test_pages(self):
        for i in range(100):
            self.member('eu-west-1/hub a&b/i-%03d' % i, '192.0.2.%d' % i)
        for kind, value in (('TXT', '"x"'), ('AAAA', '2001:db8::1')):
            for i in range(3):
                self.zone.add(self.NAME, value, type=kind, SetIdentifier=str(i), Weight=1)
        for i in range(30):
            self.zone.add('x%d.vpn.example.com' % i, '192.0.2.1')
        for size in (100, 7, 1):
            with self.subTest(size), unittest.mock.patch('fake_aws.PAGE', size):
                self.fake.log.clear()
                found = self.aws.records('Z1', self.NAME)
                self.assertEqual([r['SetIdentifier'] for r in found if r['Type'] == 'A'],
                                 ['eu-west-1/hub a&b/i-%03d' % i for i in range(100)])
                self.assertEqual(len(found), 106)
                self.assertEqual(len(self.fake.calls('route53')), 106 // size + 1)

    def test_change_and_delete_as_listed(self):
        record = {'Name': 'vpn.example.com.', 'Type': 'A', 'SetIdentifier': 'a<b>&"c', 'MultiValueAnswer': 'true', 'TTL': '30',
                  'ResourceRecords': [('ResourceRecord', [('Value', '192.0.2.9')])]}
        self.aws.change('/hostedzone/Z1', 'UPSERT', record)
        self.assertEqual(self.zone.values(self.NAME), {'a<b>&"c': ['192.0.2.9']})
        self.assertEqual(self.aws.records('Z1', self.NAME), [record])
        self.aws.change('Z1', 'DELETE', self.aws.records('Z1', self.NAME)[0])
        self.assertEqual(self.zone.records, [])

    def test_any_record_survives_the_round_trip(self):
        self.zone.add('g.example.com', '192.0.2.1', SetIdentifier='g', GeoLocation={'CountryCode': 'DE'})
        self.zone.add('alias.example.com', AliasTarget={'HostedZoneId': 'Z2', 'DNSName': 'other.example.',
                                                        'EvaluateTargetHealth': False})
        self.zone.add('m.example.com', '192.0.2.1', '192.0.2.2', ttl=7)
        for name in ('g.example.com.', 'alias.example.com.', 'm.example.com.'):
            self.aws.change('Z1', 'DELETE', self.aws.records('Z1', name)[0])
        self.assertEqual(self.zone.records, [])

    def test_errors_in_both_wordings(self):
        record = {'Name': 'vpn.example.org.', 'Type': 'A', 'TTL': '30',
                  'ResourceRecords': [('ResourceRecord', [('Value', '192.0.2.9')])]}
        e = self.refused(r'^route53 ChangeResourceRecordSets: InvalidChangeBatch \(request [0-9a-f]{32}\): \[RRSet with DNS '
                         r'name vpn.example.org. is not permitted in zone example.com.\]$', self.aws.change, 'Z1', 'UPSERT', record)
        self.assertEqual((e.code, bool(e.again)), ('InvalidChangeBatch', False))
        e = self.refused('NoSuchHostedZone .*: No hosted zone found with ID: Z2', self.aws.records, 'Z2', self.NAME)
        self.assertEqual(e.code, 'NoSuchHostedZone')
        self.fake.denied.add('route53:Z1')
        self.refused('route53 ListResourceRecordSets: AccessDenied .*: User: .* is not authorized', self.aws.records, 'Z1', 'x')
        self.assertEqual((len(self.fake.calls('route53')), self.clock.slept), (3, []))

    def test_error_in_the_wording_of_the_documentation(self):
        """The API reference of ChangeResourceRecordSets shows this form; botocore cannot read it, we can."""
        text = '<?xml version="1.0" encoding="UTF-8"?>\n<InvalidChangeBatch xmlns="https://route53.amazonaws.com/doc/2013-04-01/">'\
            '<Messages><Message>Tried &amp; failed</Message></Messages></InvalidChangeBatch>'
        self.answers(text, 400)
        e = self.refused('route53 ListResourceRecordSets: InvalidChangeBatch .*: Tried & failed$',
                         self.aws.records, 'Z1', self.NAME)
        self.assertEqual(e.code, 'InvalidChangeBatch')

    def test_throttling_and_broken_replies(self):
        self.member('one', '192.0.2.1')
        for kind in ('throttle', 'busy', 'error', 'garbage', 'truncate', 'html', 'reset', 'lost', 'noise'):
            with self.subTest(kind):
                self.fake.fault('route53', kind, 2)
                self.assertEqual(len(self.aws.records('Z1', self.NAME)), 1)

    def test_change_whose_answer_was_lost(self):
        record = {'Name': 'vpn.example.com.', 'Type': 'A', 'SetIdentifier': 'a', 'MultiValueAnswer': 'true', 'TTL': '30',
                  'ResourceRecords': [('ResourceRecord', [('Value', '192.0.2.9')])]}
        self.fake.fault('route53', 'lost')
        self.aws.change('Z1', 'UPSERT', record)
        self.assertEqual([s for _, s, _ in self.fake.calls('route53')], [200, 200])

    def test_xml_that_is_not_the_reply(self):
        for text in ('', '<a/>', '<a>text</a>', '<html><body/></html>', '<ListResourceRecordSetsResponse>'):
            self.answers(text)
            with self.subTest(text):
                self.refused('route53 ListResourceRecordSets: [A-Z][A-Za-z]+Error: ', self.aws.records, 'Z1', self.NAME)


class CredentialsTest(WithFake):
    def setUp(self):
        super().setUp()
        self.fake.ssm['/a'] = 'x'

    def test_renewed_in_time(self):
        for _ in range(5):
            self.fake.issue(900)
            self.assertEqual(self.aws.ssm(['/a'], {}), {'/a': 'x'})
            self.clock.now += 890
        self.assertEqual({s for _, s, _ in self.fake.calls('ssm')}, {200})

    def test_expired_ones_are_renewed_and_the_call_repeated(self):
        for service, call in (('ssm', lambda: self.aws.ssm(['/a'], {})), ('s3', lambda: self.aws.s3('s3://example/k')[0]),
                              ('route53', lambda: self.aws.records('Z1', 'x.example.com.'))):
            with self.subTest(service):
                self.fake.put_object('example', 'k', b'')
                self.fake.zones['Z1'] = Zone('example.com')
                call()
                old = self.fake.credentials
                self.fake.issue()
                self.fake.issued[old.key] = old._replace(expires=0)
                call()

    def test_expired_ones_that_are_not_renewed(self):
        self.aws.ssm(['/a'], {})
        c = self.fake.credentials
        self.fake.issued[c.key] = c._replace(expires=0)
        self.refused('ExpiredTokenException', self.aws.ssm, ['/a'], {})
        self.assertLessEqual(sum(self.clock.slept), 90)

    def test_clock_of_the_hub_is_wrong(self):
        self.replace('aws.time', Clock(self.clock.now + 3600))
        self.refused('InvalidSignatureException .*: Signature expired: .* is not within 5 min', self.aws.ssm, ['/a'], {})

    def test_region_of_the_settings_wins(self):
        seen = []

        def answer(base, path, headers):
            seen.append(headers['authorization'].split('/')[2])
            return 400, {}, b''
        self.transport.answer = answer
        self.fake.metadata['meta-data/placement/region'] = 'sa-east-1'
        for conf in '[aws]\nregion = us-east-2', '[aws]\nregion =', '[aws]', '':
            self.refused('400', aws.Aws(settings(conf), self.imds, 90).secret, 'a')
        self.assertEqual(seen, ['us-east-2'] + ['sa-east-1'] * 3)

    def test_ca_file_that_cannot_be_used(self):
        self.conf['aws']['ca'] = '/nonexistent/ca.pem'
        self.refused('CA file /nonexistent/ca.pem: .*No such file', self.aws.secret, 'a')
        self.conf['aws']['ca'] = __file__
        self.refused('CA file .*test_aws.py: ', self.aws.secret, 'a')
        self.assertEqual((self.fake.log, self.clock.slept), ([], []))


class SecrecyTest(WithFake):
    """Whatever fails: no key, token or signature and no value in what a caller, a log or a traceback shows."""

    def shown(self, call):
        """All that can be seen of a call that must fail."""
        out, log = io.StringIO(), io.StringIO()
        handler = logging.StreamHandler(log)
        logging.getLogger().addHandler(handler)
        logging.getLogger().setLevel(logging.DEBUG)
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
                call()
        except aws.AwsError as e:
            chain, seen = e, []
            while chain:
                seen += [str(chain), repr(chain), repr(chain.args), repr(vars(chain))]
                chain = chain.__cause__ or chain.__context__
            seen += traceback.format_exception(type(e), e, e.__traceback__)
        else:
            self.fail('did not fail')
        finally:
            logging.getLogger().removeHandler(handler)
            logging.getLogger().setLevel(logging.WARNING)
        return '\n'.join([*seen, out.getvalue(), log.getvalue(), repr(self.aws), repr(self.imds)])

    def test_nothing_secret_is_shown(self):
        value = 'MARKED-value-of-a-parameter'
        self.fake.ssm['/a'] = self.fake.secrets['a'] = value
        self.fake.put_object('example', 'k', value.encode())
        self.fake.zones['Z1'] = Zone('example.com')
        calls = {'ssm': lambda: self.aws.ssm(['/a'], {}), 'secretsmanager': lambda: self.aws.secret('a'),
                 's3': lambda: self.aws.s3('s3://example/k'), 'route53': lambda: self.aws.records('Z1', 'x.example.com.')}
        signatures = []
        real = aws.sign

        def sign(*arguments, **more):
            headers = real(*arguments, **more)
            signatures.append(signature(headers))
            return headers
        self.replace('aws.sign', sign)
        for service, call in calls.items():
            c = self.fake.credentials
            echo = 'you sent %s, %s, %s' % c[:3]
            for fault in ('wrong key', 'denied', 'truncate', 'garbage', 'html', 'noise', 'error', 'expired',
                          Refusal(400, 'Odd', echo), Refusal(500, 'Odd', echo + '\nand\n' + echo)):
                if (service, fault) in (('ssm', 'denied'), ('s3', 'garbage')):
                    continue  # neither is an error: a problem of one name, and bytes as good as any
                with self.subTest(service=service, fault=str(fault)):
                    self.fake.faults[service].clear()
                    self.fake.issued[c.key] = c._replace(secret='other') if fault == 'wrong key' else c
                    if fault != 'wrong key':
                        self.fake.fault(service, fault, 99)
                    shown = self.shown(call)
                    self.assertIn('aws.AwsError', shown)
                    if fault == 'wrong key':
                        self.assertRegex(shown, 'InvalidSignatureException|SignatureDoesNotMatch')
                    for secret in (*c[1:3], value, *signatures, *self.fake.sessions):
                        self.assertNotIn(secret, shown)
        self.assertGreater(len(signatures), 40)

    def test_a_reply_that_quotes_the_request(self):
        def answer(base, path, headers):
            sent.append(headers)
            return 400, {}, json.dumps({'__type': 'Odd', 'message': headers['authorization'][-90:]}).encode()
        sent, self.transport.answer = [], answer
        shown = self.shown(lambda: self.aws.secret('a'))
        self.assertIn('Signature=***', shown)
        self.assertNotIn(signature(sent[0]), shown)

    def test_terminal_controls_are_not_passed_on(self):
        self.fake.fault('ssm', Refusal(400, 'Odd', 'a\x1b[2Jb\rc\u2028d\nsecond line'))
        e = self.refused('Odd', self.aws.ssm, ['/a'], {})
        self.assertTrue(str(e).isprintable(), repr(str(e)))

    def test_long_texts_are_cut(self):
        self.fake.fault('ssm', Refusal(400, 'Odd', 'x' * 100000))
        self.assertLess(len(str(self.refused('Odd', self.aws.ssm, ['/a'], {}))), 500)


class SourceTest(unittest.TestCase):
    def test_python_3_9_reads_it(self):
        for name in ('aws.py', 'pool.py'):
            with open(os.path.join(HUB, name)) as f:
                ast.parse(f.read(), feature_version=(3, 9))


if __name__ == '__main__':
    unittest.main()

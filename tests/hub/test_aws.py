"""aws.py: the signer against botocore and published signatures, everything else against the strict fake."""
import ast
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
from fake_aws import Clock, FakeAws, Refusal, Zone

THROTTLED = ('GetParameters', 400, 'ThrottlingException')


def settings(text):
    conf = configparser.ConfigParser(interpolation=None)
    conf.read_string(text)
    return conf


class Transport:
    """aws.send with short timeouts, so that a stall costs a test little; keeps the timeouts that were asked for."""

    def __init__(self, longest=5):
        self.longest, self.timeouts, self.urls = longest, [], []

    def __call__(self, what, method, url, headers, body, timeout, *more, **named):
        self.timeouts.append(timeout)
        self.urls.append(url)
        return aws.send(what, method, url, headers, body, min(timeout, self.longest), *more, **named)


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
        self.transport = Transport()
        self.conf = settings(self.fake.conf())
        self.imds = aws.Imds(self.fake.endpoints['imds'], self.clock, self.transport)
        self.aws = aws.Aws(self.conf, self.imds, self.clock, self.transport)

    def refused(self, pattern, call, *args, **kwargs):
        """The AwsError of a call that must fail so."""
        with self.assertRaisesRegex(aws.AwsError, pattern) as caught:
            call(*args, **kwargs)
        return caught.exception


def signature(headers):
    return headers['Authorization'].rpartition('=')[2]


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
    if context['normalize']:  # sign() wants this done; the paths of the hub's own calls never need it
        path, mark, query = target.partition('?')
        normal = posixpath.normpath('/' + path.strip('/'))
        target = normal + ('/' if path.endswith('/') and normal != '/' else '') + mark + query
    c = context['credentials']
    token = None if context.get('omit_session_token') else c.get('token')
    if context['sign_body'] and context['service'] != 's3':
        headers['X-Amz-Content-SHA256'] = aws.hashlib.sha256(body.encode()).hexdigest()
    when = aws.calendar.timegm(time.strptime(context['timestamp'], '%Y-%m-%dT%H:%M:%SZ'))
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
                self.assertEqual(signature(aws.sign(*arguments)), expected)

    def test_cases_of_this_project(self):
        self.check_folder(os.path.join(HERE, 'data/sigv4'), 20)

    @unittest.skipUnless(os.environ.get('SIGV4_SUITE'), 'SIGV4_SUITE does not name the published suite')
    def test_published_suite(self):
        self.check_folder(os.environ['SIGV4_SUITE'], 30)

    def test_signatures_printed_in_aws_documentation(self):
        # IAM User Guide, "Create a signed AWS API request"; S3 API Reference, "Examples: Signature Calculations"
        headers = aws.sign('GET', 'https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08',
                           {'Content-Type': 'application/x-www-form-urlencoded; charset=utf-8'}, b'', 'iam', 'us-east-1',
                           ('AKIDEXAMPLE', 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY', None), 1440938160)
        self.assertEqual(headers['Authorization'], 'AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/'
                         'aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature='
                         '5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7')
        s3 = ('AKIAIOSFODNN7EXAMPLE', 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY', None)
        for target, more, expected in (
                ('/test.txt', {'Range': 'bytes=0-9'}, 'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41'),
                ('/?lifecycle', {}, 'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543'),
                ('/?max-keys=2&prefix=J', {}, '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7')):
            headers = aws.sign('GET', 'https://examplebucket.s3.amazonaws.com' + target, more, b'', 's3', 'us-east-1', s3,
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
            got = aws.sign('POST', url, headers, body, service, 'eu-west-1', creds, 1440938160)
            r = botocore.awsrequest.AWSRequest('POST', url, headers={**headers, 'Host': 'h.example'}, data=body)
            r.context['timestamp'] = '20150830T123600Z'
            kind = botocore.auth.S3SigV4Auth if service == 's3' else botocore.auth.SigV4Auth
            signer = kind(botocore.credentials.Credentials(*creds), service, 'eu-west-1')
            signer._modify_request_before_signing(r)
            self.assertEqual(signature(got), signer.signature(signer.string_to_sign(r, signer.canonical_request(r)), r), url)


class SendTest(WithFake):
    """The transport: everything ends in time, and says why."""

    def get(self, timeout=5, url=None, **more):
        return aws.send('test', 'GET', url or self.fake.endpoints['imds'] + '/latest/meta-data/', {}, None, timeout, **more)

    def fails(self, pattern, again, **more):
        began = time.monotonic()
        e = self.refused(pattern, self.get, **more)
        self.assertEqual(bool(e.again), again)
        self.assertLess(time.monotonic() - began, 2)
        self.assertIsNone(e.__cause__ or e.__context__)

    def broken(self, kind, pattern, again=True, **more):
        url = self.fake.endpoints['imds'] + '/latest/api/token'
        self.fake.fault('imds', kind)
        e = self.refused(pattern, aws.send, 'test', 'PUT', url, {'X-aws-ec2-metadata-token-ttl-seconds': '60'}, None,
                         more.pop('timeout', 5), **more)
        self.assertEqual(bool(e.again), again)

    def test_reply_that_never_comes(self):
        self.broken('stall', 'timed out|no answer', timeout=.2)

    def test_reply_that_drips_without_end(self):
        self.broken('drip', 'no answer in 0.3 s', timeout=.3)

    def test_reply_without_end(self):
        self.broken('huge', 'cut off or over 4096 bytes', limit=4096)

    def test_reply_of_exactly_the_limit_is_taken(self):
        self.fake.metadata['x'] = 'x' * 100
        imds = aws.Imds(self.fake.endpoints['imds'], self.clock, functools.partial(aws.send, limit=100))
        self.assertEqual(len(imds.get('x')), 100)
        self.fake.metadata['x'] = 'x' * 101
        self.refused('over 100 bytes', imds.get, 'x')

    def test_reply_cut_off(self):
        self.broken('truncate', 'cut off')

    def test_reply_that_is_not_http(self):
        self.broken('noise', 'BadStatusLine')

    def test_connection_reset(self):
        self.broken('reset', 'ConnectionResetError|RemoteDisconnected')

    def test_nobody_listens(self):
        with socket.socket() as s:
            s.bind(('127.0.0.1', 0))
            url = 'http://127.0.0.1:%d/' % s.getsockname()[1]
            self.fails('ConnectionRefusedError', True, url=url)

    def test_peer_that_accepts_and_is_silent(self):
        with socket.create_server(('127.0.0.1', 0)) as s:
            for url in ('http://127.0.0.1:%d/', 'https://127.0.0.1:%d/'):
                self.fails('timed out|no answer', True, url=url % s.getsockname()[1], timeout=.2,
                           tls=self.aws.tls if url.startswith('https') else None)

    def test_resolver_that_hangs(self):
        over = threading.Event()
        self.addCleanup(over.set)
        with unittest.mock.patch('socket.getaddrinfo', lambda *_, **__: over.wait()):
            self.fails('no answer in 0.2 s', True, url='http://example.invalid/', timeout=.2)

    def test_name_that_does_not_resolve(self):
        with unittest.mock.patch('socket.getaddrinfo', side_effect=socket.gaierror(-2, 'Name or service not known')):
            self.fails('Name or service not known', True, url='http://example.invalid/')

    def test_certificate_of_an_unknown_ca(self):
        self.fails('CERTIFICATE_VERIFY_FAILED', False, url=self.fake.endpoints['ssm'] + '/',
                   tls=aws.ssl.create_default_context())

    def test_certificate_of_another_host(self):
        port = urllib.parse.urlsplit(self.fake.endpoints['ssm']).port
        real = socket.getaddrinfo
        with unittest.mock.patch('socket.getaddrinfo', lambda host, *a, **k: real('127.0.0.1', *a, **k)):
            self.fails('CERTIFICATE_VERIFY_FAILED.*ssm.example', False, url='https://ssm.example:%d/' % port,
                       tls=self.aws.tls)

    def test_header_that_cannot_be_sent_is_not_quoted(self):
        e = self.refused('test: ValueError: $', aws.send, 'test', 'GET', self.fake.endpoints['imds'] + '/',
                         {'X-Token': 'MARKED\nsecret'}, None, 5)
        self.assertNotIn('MARKED', str(e))
        self.assertFalse(e.again)

    def test_proxies_of_the_environment_are_not_used(self):
        with unittest.mock.patch.dict(os.environ, {n: 'http://127.0.0.1:1' for n in ('http_proxy', 'https_proxy')}):
            self.assertEqual(self.imds.instance_id(), 'i-0123456789abcdef0')
            self.fake.ssm['/a'] = 'x'
            self.assertEqual(self.aws.ssm(['/a']), {'/a': 'x'})


class InsistTest(unittest.TestCase):
    """How often and how long: on a clock of its own."""

    def run_against(self, failure, seconds=90, cost=0):
        clock, tries = Clock(), []

        def attempt(left):
            tries.append(left)
            clock.now += cost
            raise failure
        with self.assertRaises(aws.AwsError):
            aws.insist(attempt, seconds, clock)
        return tries, clock

    def test_tries_are_bounded_and_jittered(self):
        with unittest.mock.patch('random.random', lambda: 1):
            tries, clock = self.run_against(aws.AwsError('x', 'y', again=True), 1000)
        self.assertEqual(clock.slept, [1, 2, 4, 8, 16, 20, 20, 20, 20])
        self.assertEqual(len(tries), 10)
        with unittest.mock.patch('random.random', lambda: .25):
            self.assertEqual(self.run_against(aws.AwsError('x', 'y', again=True))[1].slept[:3], [.25, .5, 1])

    def test_the_deadline_is_never_slept_over(self):
        for seed in range(20):
            random.seed(seed)
            tries, clock = self.run_against(aws.AwsError('x', 'y', again=True), 5, cost=1)
            self.assertLessEqual(clock.now - Clock().now, 6)
            self.assertGreaterEqual(len(tries), 2)
            self.assertTrue(all(left > 0 for left in tries), tries)

    def test_what_is_final_is_not_tried_again(self):
        tries, clock = self.run_against(aws.AwsError('x', 'y'))
        self.assertEqual((len(tries), clock.slept), (1, []))


class ImdsTest(WithFake):
    def test_reads_share_one_session(self):
        self.assertEqual((self.imds.region(), self.imds.instance_id(), self.imds.local_ipv4(), self.imds.public_ipv4()),
                         ('eu-west-1', 'i-0123456789abcdef0', '172.16.1.10', '203.0.113.10'))
        self.assertEqual(self.imds.get('meta-data/instance-id'), 'i-0123456789abcdef0')
        self.assertEqual([op for op, _, _ in self.fake.calls('imds')], ['token'] + 5 * ['get'])

    def test_what_is_not_there(self):
        del self.fake.metadata['meta-data/public-ipv4']
        self.assertIsNone(self.imds.public_ipv4())
        self.assertIsNone(self.imds.get('meta-data/spot/instance-action'))
        del self.fake.metadata['meta-data/placement/region']
        self.refused('this instance has no placement/region', self.imds.region)

    def test_session_is_renewed_before_it_ends(self):
        self.imds.region()
        self.clock.now += 21601
        self.imds.region()
        self.assertEqual([s for _, s, _ in self.fake.calls('imds')], [200] * 4)

    def test_session_that_was_forgotten(self):
        self.imds.region()
        self.fake.sessions.clear()
        self.assertEqual(self.imds.region(), 'eu-west-1')
        self.assertEqual([(op, s) for op, s, _ in self.fake.calls('imds')][2:], [('', 401), ('token', 200), ('get', 200)])

    def test_sessions_that_never_hold(self):
        self.imds.region()
        self.fake.fault('imds', Refusal(401, ''))
        self.fake.fault('imds', Refusal(200, ''))  # a session token, as it were
        self.fake.fault('imds', Refusal(401, ''))
        self.refused('metadata meta-data/placement/region: 401: HTTP', self.imds.region)
        self.assertEqual(self.clock.slept, [])

    def test_trouble_that_passes(self):
        for kind in ('error', 'reset', 'noise', 'truncate', 'stall', 'drip'):
            with self.subTest(kind):
                self.transport.longest = .2
                self.fake.fault('imds', kind, 2)
                self.assertEqual(self.imds.region(), 'eu-west-1')

    def test_trouble_that_stays(self):
        self.fake.fault('imds', 'error', 99)
        e = self.refused('metadata api/token: 500: HTTP', self.imds.region)
        self.assertTrue(e.again)
        self.assertLessEqual(sum(self.clock.slept), 15)
        self.assertLessEqual(max(self.transport.timeouts), 2)

    def test_credentials_are_kept_until_they_near_their_end(self):
        old = self.fake.issue(3600)
        self.assertEqual(self.imds.credentials(), old[:3])
        reads = len(self.fake.log)
        self.clock.now += 3299
        self.assertEqual(self.imds.credentials(), old[:3])
        self.assertEqual(len(self.fake.log), reads)
        new = self.fake.issue(3600)
        self.clock.now += 2
        self.assertEqual(self.imds.credentials(), new[:3])

    def test_instance_without_a_role(self):
        del self.fake.metadata['meta-data/iam/security-credentials/hub']
        self.refused('this instance has no iam/security-credentials/', self.imds.credentials)

    def test_credentials_that_are_none(self):
        path = 'meta-data/iam/security-credentials/hub'
        good = json.loads(self.fake.metadata[path]())
        for bad in ('', '<html>', '[]', '{"Code": "Failed", "Message": "no"}', json.dumps({**good, 'Expiration': 'soon'}),
                    '[' * 50000):
            with self.subTest(bad[:60]):
                self.fake.metadata[path] = bad
                self.refused('no credentials|has no iam', self.imds.credentials)


class SsmTest(WithFake):
    def setUp(self):
        super().setUp()
        self.fake.ssm.update(('/hub/psk/%02d' % i, 'value %d' % i) for i in range(23))
        self.names = list(self.fake.ssm)

    def asked(self):
        return [json.loads(c.body)['Names'] for c in self.fake.log if c.service == 'ssm']

    def test_batches_of_ten(self):
        self.assertEqual(self.aws.ssm(self.names + self.names[:5]), self.fake.ssm)
        self.assertEqual([len(names) for names in self.asked()], [10, 10, 3])
        self.assertEqual(sum(self.asked(), []), self.names)

    def test_nothing_asked_nothing_sent(self):
        self.assertEqual(self.aws.ssm([]), {})
        self.assertEqual(self.fake.log, [])

    def test_missing_ones_are_told_and_hurt_no_other(self):
        problems = {}
        names = self.names[:11] + ['/none'] + self.names[11:]
        self.assertEqual(self.aws.ssm(names, problems), self.fake.ssm)
        self.assertEqual(problems, {'/none': 'ssm: no parameter /none'})

    def test_version_of_a_parameter(self):
        self.assertEqual(self.aws.ssm(['/hub/psk/01:1', '/hub/psk/01', '/hub/psk/02:7']),
                         {'/hub/psk/01:1': 'value 1', '/hub/psk/01': 'value 1'})

    def test_denied_ones_hurt_no_other(self):
        self.fake.denied.add('ssm:/hub/psk/03')
        problems = {}
        values = self.aws.ssm(self.names, problems)
        self.assertEqual(set(self.names) - set(values), {'/hub/psk/03'})
        self.assertRegex(problems['/hub/psk/03'], r'^ssm GetParameters: AccessDeniedException: User: .* is not authorized to '
                         r'perform: ssm:GetParameters on resource: /hub/psk/03 \(request [0-9a-f]{32}\)$')
        self.assertEqual([len(names) for names in self.asked()], [10, 10, 3] + 10 * [1])
        self.assertEqual(self.clock.slept, [])

    def test_throttling_is_waited_out(self):
        for fault in ('throttle', Refusal(400, 'Throttling'), Refusal(400, 'ThrottledException'),
                      Refusal(400, 'RequestLimitExceeded'), Refusal(429, 'TooManyRequestsException'),
                      Refusal(429, 'Odd'), Refusal(400, 'RequestThrottledException'), Refusal(400, 'RequestTimeoutException')):
            with self.subTest(str(fault)):
                self.clock.slept.clear()
                self.fake.fault('ssm', fault, 3)
                self.assertEqual(self.aws.ssm(['/hub/psk/01']), {'/hub/psk/01': 'value 1'})
                self.assertEqual(len(self.clock.slept), 3)

    def test_throttling_that_stays(self):
        self.fake.fault('ssm', 'throttle', 99)
        e = self.refused('ssm GetParameters: ThrottlingException: as ordered', self.aws.ssm, self.names)
        self.assertEqual(e.code, 'ThrottlingException')
        self.assertTrue(e.again)
        self.assertEqual(set(self.fake.calls('ssm')), {THROTTLED})
        self.assertLessEqual(len(self.fake.calls('ssm')), 10)
        self.assertLessEqual(max(self.transport.timeouts), 10)
        self.assertLessEqual(sum(self.clock.slept), 90)

    def test_a_caller_in_a_hurry(self):
        self.fake.fault('ssm', 'throttle', 99)
        hasty = aws.Aws(self.conf, self.imds, self.clock, self.transport, seconds=3)
        self.refused('Throttling', hasty.ssm, self.names)
        self.assertLessEqual(sum(self.clock.slept), 3)
        self.assertLessEqual(max(self.transport.timeouts), 3)

    def test_broken_replies_are_asked_for_again(self):
        for kind in ('error', 'reset', 'lost', 'truncate', 'garbage', 'noise', 'html', 'stall', 'drip', 'huge'):
            with self.subTest(kind):
                self.transport.longest = .3 if kind in ('stall', 'drip') else 5
                self.fake.fault('ssm', kind, 2)
                self.assertEqual(self.aws.ssm(['/hub/psk/01']), {'/hub/psk/01': 'value 1'})

    def test_replies_that_stay_broken(self):
        for kind, text in (('garbage', 'HTTP 200: not a reply to this call'), ('html', 'HTTP 502: <html>'),
                           ('truncate', 'cut off')):
            with self.subTest(kind):
                self.fake.fault('ssm', kind, 10)
                self.assertTrue(self.refused(text, self.aws.ssm, self.names).again)
                self.fake.faults['ssm'].clear()

    def test_json_that_is_not_the_reply(self):
        for text in ('null', '[]', '{}', '{"Parameters": 7}', '{"Parameters": [{}]}', '{"Parameters": null}', '[' * 50000):
            def send(*a, **k):
                return (200, {}, text.encode()) if a[0].startswith('ssm') else self.transport(*a, **k)
            with self.subTest(text[:30]):
                client = aws.Aws(self.conf, self.imds, self.clock, send)
                self.refused('HTTP 200: not a reply to this call', client.ssm, ['/a'])

    def test_refusals_are_final(self):
        self.fake.denied.add('ssm:/hub/psk/01')
        problems = {}
        self.assertEqual(self.aws.ssm(['/hub/psk/01'], problems), {})
        self.assertEqual(list(problems), ['/hub/psk/01'])
        self.fake.fault('ssm', Refusal(400, 'UnrecognizedClientException', 'who?'))
        self.refused('UnrecognizedClientException: who?', self.aws.ssm, self.names)
        self.assertEqual((len(self.fake.calls('ssm')), self.clock.slept), (2, []))


class SecretTest(WithFake):
    def test_string(self):
        self.fake.secrets['hub/büro'] = 'the key'
        self.assertEqual(self.aws.secret('hub/büro'), 'the key')

    def test_no_string(self):
        self.fake.secrets['binary'] = b'\0\1'
        self.refused('secretsmanager binary: holds no string', self.aws.secret, 'binary')
        self.refused("ResourceNotFoundException: Secrets Manager can't find the specified secret", self.aws.secret, 'none')

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
        self.assertEqual(self.aws.s3('s3://example/hub/sites.json', etag), (None, etag))
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
        for key in ('a b', 'ü/漢', 'a+b=c&d', 'a?b#c', '100%', "it's", 'a//b', 'a/../b', './a', '~-_.', '/lead', 'x' * 900):
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
        self.refused(r's3 GetObject s3://example/none: NoSuchKey: The specified key does not exist. \(request', self.aws.s3,
                     's3://example/none')
        self.refused('NoSuchBucket', self.aws.s3, 's3://other/k')
        self.fake.denied.add('s3:example/k')
        self.refused('AccessDenied', self.aws.s3, 's3://example/k')
        self.assertEqual(self.clock.slept, [])

    def test_urls_that_are_none(self):
        for url in ('', 's3://', 's3://bucket', 's3://bucket/', 'https://bucket/k', 's3://BUCKET/k', 's3://a@b/k', 's3://a:1/k'):
            with self.subTest(url):
                self.refused('not s3://BUCKET/KEY', self.aws.s3, url)
        self.assertEqual(self.fake.log, [])

    def test_bucket_of_another_region(self):
        self.fake.put_object('far', 'k', b'data', region='us-west-2')
        self.assertEqual(self.aws.s3('s3://far/k')[0], b'data')
        self.assertEqual([s for _, s, _ in self.fake.calls('s3')], [301, 200])
        self.fake.fault('s3', Refusal(301, 'PermanentRedirect', headers={'x-amz-bucket-region': 'us-west-1'}), 9)
        self.refused('PermanentRedirect', self.aws.s3, 's3://far/k')
        self.assertEqual(len(self.fake.calls('s3')), 4)

    def test_slow_down(self):
        self.fake.put_object('example', 'k', b'data')
        for kind in ('throttle', 'error', 'truncate', 'lost', 'html'):
            self.fake.fault('s3', kind, 2)
            self.assertEqual(self.aws.s3('s3://example/k')[0], b'data', kind)

    def test_hosts_at_aws(self):
        """Without endpoints of its own a request goes to AWS's, a bucket in front of them where TLS allows."""
        seen = []

        def send(what, method, url, headers, *_, **__):
            if what.startswith('metadata'):
                return self.transport(what, method, url, headers, *_, **__)
            seen.append((url, headers['Authorization'].split('/')[2]))
            raise aws.AwsError(what, 'seen')
        client = aws.Aws(settings('[aws]\n'), self.imds, self.clock, send)
        for call in (lambda: client.s3('s3://example/a b'), lambda: client.s3('s3://ex.ample/k?versionId=v'),
                     lambda: client.ssm(['/a']), lambda: client.secret('a'), lambda: client.records('/hostedzone/Z1', 'a.example')):
            self.refused('seen', call)
        self.assertEqual(seen, [
            ('https://example.s3.eu-west-1.amazonaws.com/a%20b', 'eu-west-1'),
            ('https://s3.eu-west-1.amazonaws.com/ex.ample/k?versionId=v', 'eu-west-1'),
            ('https://ssm.eu-west-1.amazonaws.com/', 'eu-west-1'),
            ('https://secretsmanager.eu-west-1.amazonaws.com/', 'eu-west-1'),
            ('https://route53.amazonaws.com/2013-04-01/hostedzone/Z1/rrset?name=a.example', 'us-east-1')])

    def test_virtual_hosted_signature(self):
        """The same bytes that go to AWS, delivered to the fake."""
        self.fake.put_object('example', 'a b', b'data')

        def send(what, method, url, *more, **named):
            if what.startswith('s3'):
                url = self.fake.endpoints['s3'] + url.split('.amazonaws.com')[1]
            return aws.send(what, method, url, *more, **named)
        conf = settings(re.sub('(?m)^s3 = .*$', 's3 =', self.fake.conf()))
        self.assertEqual(aws.Aws(conf, self.imds, self.clock, send).s3('s3://example/a b')[0], b'data')


class Route53Test(WithFake):
    NAME = 'vpn.example.com'

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
        self.assertEqual(self.aws.records('Z1', 'none.example.com'), [])

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

    def test_pages_without_end(self):
        text = b'<ListResourceRecordSetsResponse><ResourceRecordSets/><NextRecordName>a</NextRecordName>' \
            b'</ListResourceRecordSetsResponse>'
        calls = []

        def send(what, *a, **k):
            calls.append(what)
            return (200, {}, text) if what.startswith('route53') else self.transport(what, *a, **k)
        self.assertEqual(aws.Aws(self.conf, self.imds, self.clock, send).records('Z1', self.NAME), [])
        self.assertLess(len(calls), 500)

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
        for name in ('g.example.com', 'alias.example.com', 'm.example.com'):
            self.aws.change('Z1', 'DELETE', self.aws.records('Z1', name)[0])
        self.assertEqual(self.zone.records, [])

    def test_errors_in_both_wordings(self):
        record = {'Name': 'vpn.example.org.', 'Type': 'A', 'TTL': '30',
                  'ResourceRecords': [('ResourceRecord', [('Value', '192.0.2.9')])]}
        e = self.refused(r'^route53 ChangeResourceRecordSets: InvalidChangeBatch: \[RRSet with DNS name vpn.example.org. is '
                         r'not permitted in zone example.com.\] \(request [0-9a-f]{32}\)$', self.aws.change, 'Z1', 'UPSERT', record)
        self.assertEqual((e.code, e.again), ('InvalidChangeBatch', None or False))
        e = self.refused('NoSuchHostedZone: No hosted zone found with ID: Z2', self.aws.records, 'Z2', self.NAME)
        self.assertEqual(e.code, 'NoSuchHostedZone')
        self.fake.denied.add('route53:Z1')
        self.refused('route53 ListResourceRecordSets: AccessDenied: User: .* is not authorized', self.aws.records, 'Z1', 'x')
        self.assertEqual((len(self.fake.calls('route53')), self.clock.slept), (3, []))

    def test_error_in_the_wording_of_the_documentation(self):
        """The API reference of ChangeResourceRecordSets shows this form; botocore cannot read it, we can."""
        text = b'<?xml version="1.0" encoding="UTF-8"?>\n<InvalidChangeBatch xmlns="https://route53.amazonaws.com/doc/2013-04-01/">'\
            b'<Messages><Message>Tried &amp; failed</Message></Messages></InvalidChangeBatch>'

        def send(*a, **k):
            return (400, {}, text) if a[0].startswith('route53') else self.transport(*a, **k)
        e = self.refused('route53 ListResourceRecordSets: InvalidChangeBatch: Tried & failed$',
                         aws.Aws(self.conf, self.imds, self.clock, send).records, 'Z1', self.NAME)
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
            def send(*a, **k):
                return (200, {}, text.encode()) if a[0].startswith('route53') else self.transport(*a, **k)
            with self.subTest(text):
                self.refused('HTTP 200: not a reply to this call',
                             aws.Aws(self.conf, self.imds, self.clock, send).records, 'Z1', self.NAME)


class CredentialsTest(WithFake):
    def setUp(self):
        super().setUp()
        self.fake.ssm['/a'] = 'x'

    def test_renewed_in_time(self):
        for _ in range(5):
            self.fake.issue(900)
            self.assertEqual(self.aws.ssm(['/a']), {'/a': 'x'})
            self.clock.now += 890
        self.assertEqual({s for _, s, _ in self.fake.calls('ssm')}, {200})

    def test_expired_ones_are_renewed_and_the_call_repeated(self):
        for service, call in (('ssm', lambda: self.aws.ssm(['/a'])), ('s3', lambda: self.aws.s3('s3://example/k')[0]),
                              ('route53', lambda: self.aws.records('Z1', 'x.example.com'))):
            with self.subTest(service):
                self.fake.put_object('example', 'k', b'')
                self.fake.zones['Z1'] = Zone('example.com')
                call()
                old = self.fake.credentials
                self.fake.issue()
                self.fake.issued[old.key] = old._replace(expires=0)
                call()

    def test_expired_ones_that_are_not_renewed(self):
        self.aws.ssm(['/a'])
        c = self.fake.credentials
        self.fake.issued[c.key] = c._replace(expires=0)
        self.refused('ExpiredTokenException', self.aws.ssm, ['/a'])
        self.assertEqual((len(self.fake.calls('ssm')), self.clock.slept), (2, []))

    def test_clock_of_the_hub_is_wrong(self):
        late = Clock(self.clock.now + 3600)
        client = aws.Aws(self.conf, aws.Imds(self.fake.endpoints['imds'], late), late)
        self.refused('InvalidSignatureException: Signature expired: .* is not within 5 min', client.ssm, ['/a'])

    def test_region_of_the_settings_wins(self):
        self.assertEqual(self.aws.region, 'eu-west-1')
        self.conf['aws']['region'] = 'us-east-2'
        self.assertEqual(aws.Aws(self.conf, self.imds).region, 'us-east-2')
        self.conf['aws']['region'] = ''
        self.fake.metadata['meta-data/placement/region'] = 'sa-east-1'
        self.assertEqual(aws.Aws(self.conf, self.imds).region, 'sa-east-1')
        self.assertEqual(aws.Aws(settings(''), self.imds).region, 'sa-east-1')

    def test_settings_that_cannot_be_used(self):
        self.conf['aws']['ca'] = '/nonexistent/ca.pem'
        self.refused('CA file /nonexistent/ca.pem: .*No such file', aws.Aws(self.conf, self.imds).ssm, ['/a'])
        self.conf['aws']['ca'] = __file__
        self.refused('CA file .*test_aws.py: ', aws.Aws(self.conf, self.imds).ssm, ['/a'])
        self.conf['aws']['ca'] = ''
        for url in ('ssm.example', '127.0.0.1:80', 'ftp://x/', 'https://'):
            self.conf['aws']['ssm'] = url
            self.refused('ssm GetParameters: %s.* is not a URL' % url.rstrip('/'), aws.Aws(self.conf, self.imds).ssm, ['/a'])
        self.refused('169.254.169.254/.* is not a URL', aws.Imds('169.254.169.254').region)


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
        calls = {'ssm': lambda: self.aws.ssm(['/a']), 'secretsmanager': lambda: self.aws.secret('a'),
                 's3': lambda: self.aws.s3('s3://example/k'), 'route53': lambda: self.aws.records('Z1', 'x.example.com')}
        signatures = []
        real = aws.sign

        def sign(*arguments, **more):
            headers = real(*arguments, **more)
            signatures.append(signature(headers))
            return headers
        patch = unittest.mock.patch('aws.sign', sign)
        patch.start()
        self.addCleanup(patch.stop)
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
                        self.fake.fault(service, fault, 20)
                    shown = self.shown(call)
                    self.assertIn('aws.AwsError', shown)
                    if fault == 'wrong key':
                        self.assertRegex(shown, 'InvalidSignatureException|SignatureDoesNotMatch')
                    for secret in (*c[:3], value, *signatures, *self.fake.sessions):
                        self.assertNotIn(secret, shown)
        self.assertGreater(len(signatures), 40)

    def test_a_reply_that_quotes_the_request(self):
        def send(what, method, url, headers, *a, **k):
            if what.startswith('metadata'):
                return self.transport(what, method, url, headers, *a, **k)
            sent.append(headers)
            return 400, {}, json.dumps({'__type': 'Odd', 'message': headers['Authorization'][-90:]}).encode()
        sent = []
        shown = self.shown(lambda: aws.Aws(self.conf, self.imds, self.clock, send).secret('a'))
        self.assertIn('Signature=***', shown)
        self.assertNotIn(signature(sent[0]), shown)

    def test_terminal_controls_are_not_passed_on(self):
        self.fake.fault('ssm', Refusal(400, 'Odd', 'a\x1b[2Jb\rc\u2028d\nsecond line'))
        e = self.refused('Odd', self.aws.ssm, ['/a'])
        self.assertTrue(str(e).isprintable(), repr(str(e)))
        self.assertNotIn('second', str(e))

    def test_long_texts_are_cut(self):
        self.fake.fault('ssm', Refusal(400, 'Odd', 'x' * 100000))
        self.assertLess(len(str(self.refused('Odd', self.aws.ssm, ['/a']))), 500)


class SourceTest(unittest.TestCase):
    def test_python_3_9_reads_it(self):
        for name in ('aws.py', 'pool.py'):
            with open(os.path.join(HUB, name)) as f:
                ast.parse(f.read(), feature_version=(3, 9))


if __name__ == '__main__':
    unittest.main()

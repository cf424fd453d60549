"""A strict local AWS for tests: instance metadata (IMDSv2), SSM, Secrets Manager, S3 and Route 53.

It refuses what AWS refuses. Every signature is computed again by botocore, every parameter is held to
botocore's service models, and faults come on order:

    with FakeAws() as f:
        f.ssm['/hub/psk/default'] = 'example'
        f.fault('ssm', 'throttle', times=2)
        settings.read_string(f.conf())            # the [aws] section: endpoints, region, CA
        ...
        print(f.log)                              # what came in, and what was answered

Run by itself (`fake_aws.py --help`) it serves a machine under test on ports of your choice.
"""
import argparse
import base64
import collections
import email.utils
import functools
import hashlib
import http.server
import ipaddress
import json
import os
import re
import secrets
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import xml.etree.ElementTree as ET
from xml.sax.saxutils import escape

import botocore.auth
import botocore.awsrequest
import botocore.credentials

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'aws'))
import fakeaws.model  # noqa: E402

SERVICES = ('imds', 'ssm', 'secretsmanager', 's3', 'route53')
R53 = 'https://route53.amazonaws.com/doc/2013-04-01/'
MAX_RECORDS = 100       # of one name and type
PAGE = 100              # record sets in a page of the list

# How each kind of service words the refusals that do not depend on the call: status, code.
JSON_CODES = {
    'missing': (400, 'MissingAuthenticationTokenException'), 'malformed': (400, 'IncompleteSignatureException'),
    'unknown': (400, 'UnrecognizedClientException'), 'wrong': (400, 'InvalidSignatureException'),
    'clock': (400, 'InvalidSignatureException'), 'expired': (400, 'ExpiredTokenException'),
    'throttle': (400, 'ThrottlingException'), 'error': (500, 'InternalServerError'),
    'denied': (400, 'AccessDeniedException'), 'invalid': (400, 'ValidationException')}
CODES = {
    'ssm': JSON_CODES,
    'secretsmanager': {**JSON_CODES, 'error': (500, 'InternalServiceError')},
    's3': {
        'missing': (403, 'AccessDenied'), 'malformed': (400, 'AuthorizationHeaderMalformed'),
        'unknown': (403, 'InvalidAccessKeyId'), 'wrong': (403, 'SignatureDoesNotMatch'),
        'clock': (403, 'RequestTimeTooSkewed'), 'expired': (400, 'ExpiredToken'), 'throttle': (503, 'SlowDown'),
        'error': (500, 'InternalError'), 'denied': (403, 'AccessDenied'), 'invalid': (400, 'InvalidArgument')},
    'route53': {
        'missing': (403, 'MissingAuthenticationToken'), 'malformed': (400, 'IncompleteSignature'),
        'unknown': (403, 'InvalidClientTokenId'), 'wrong': (403, 'SignatureDoesNotMatch'),
        'clock': (403, 'SignatureDoesNotMatch'), 'expired': (403, 'ExpiredToken'), 'throttle': (400, 'Throttling'),
        'busy': (400, 'PriorRequestNotComplete'), 'error': (500, 'InternalFailure'), 'denied': (403, 'AccessDenied'),
        'invalid': (400, 'InvalidInput')},
    'imds': {'throttle': (429, ''), 'error': (500, ''), 'expired': (401, '')},
}
# What fault() takes beside those words: ways to break the reply.
BROKEN = ('reset',      # before anything is done
          'lost',       # done, but the reply never arrives
          'stall',      # done, never answered
          'drip',       # one byte of the reply now and then, without end
          'truncate',   # half of what Content-Length says
          'garbage',    # 200 with a body that is not of the service
          'noise',      # not even HTTP
          'html',       # 502 with a page of some proxy
          'huge')       # a body without end

Call = collections.namedtuple('Call', 'service op method target status code body')
Credentials = collections.namedtuple('Credentials', 'key secret token expires')


class Clock:
    """A clock that moves only when told to or slept on; stands in for the module `time`."""

    def __init__(self, start=1750000000.0):
        self.now, self.slept = start, []

    def time(self):
        return self.now

    monotonic = time

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


class Refusal(Exception):
    """An answer other than 200: status, code, message, more headers."""

    def __init__(self, status, code, message='', headers=()):
        super().__init__(code, message)
        self.status, self.code, self.message, self.headers = status, code, message, dict(headers)


class Request:
    """One HTTP request as it came."""

    def __init__(self, method, target, headers, body):
        self.method, self.target, self.headers, self.body = method, target, headers, body
        self.path, _, self.query = target.partition('?')

    def parameters(self):
        """The query as a dict; refused when a name comes twice or is not encoded as AWS wants it."""
        found = {}
        for pair in filter(None, self.query.split('&')):
            name, _, value = pair.partition('=')
            for part in (name, value):
                if urllib.parse.quote(urllib.parse.unquote(part), safe='-_.~') != part:
                    raise Refusal(400, 'InvalidQuery', 'not URI-encoded: ' + part)
            if name in found:
                raise Refusal(400, 'InvalidQuery', 'twice: ' + name)
            found[urllib.parse.unquote(name)] = urllib.parse.unquote(value)
        return found


# --- botocore's service models -------------------------------------------------------------------

def problems(shape, value):
    """What is wrong with a value by its shape, as texts."""
    return [text for _, text in fakeaws.model.problems(shape, value)]


def from_xml(shape, e, ns):
    """The parameters in an XML element; ValueError on a name or namespace that is not the model's."""
    kind = shape.type_name
    if kind in ('structure', 'list') and (e.text or '').strip():
        raise ValueError('text in ' + e.tag)
    if kind == 'list':
        item = '{%s}%s' % (ns, shape.member.serialization.get('name', 'member'))
        if any(child.tag != item for child in e):
            raise ValueError('not %s in %s' % (item, e.tag))
        return [from_xml(shape.member, child, ns) for child in e]
    if kind == 'structure':
        names = {'{%s}%s' % (ns, m.serialization.get('name', n)): n for n, m in shape.members.items()}
        found = {}
        for child in e:
            if child.tag not in names or names[child.tag] in found:
                raise ValueError('unknown or twice: ' + child.tag)
            found[names[child.tag]] = from_xml(shape.members[names[child.tag]], child, ns)
        return found
    if len(e):
        raise ValueError('elements in ' + e.tag)
    text = e.text or ''
    if kind in ('integer', 'long'):
        return int(text) if re.fullmatch('-?[0-9]+', text) else text
    return {'true': True, 'false': False}.get(text, text) if kind == 'boolean' else text


def to_xml(shape, value, name):
    """The XML of a value, by its shape."""
    if shape.type_name == 'structure':
        text = ''.join(to_xml(m, value[n], m.serialization.get('name', n))
                       for n, m in shape.members.items() if n in value)
    elif shape.type_name == 'list':
        text = ''.join(to_xml(shape.member, v, shape.member.serialization.get('name', 'member')) for v in value)
    else:
        text = escape(str(value).lower() if isinstance(value, bool) else str(value))
    return '<%s>%s</%s>' % (name, text, name)


# --- Route 53 ------------------------------------------------------------------------------------

def absolute(name):
    """A DNS name as Route 53 stores it: lower case, one final dot, `*` escaped."""
    return name.lower().rstrip('.').replace('*', '\\052') + '.'


class Zone:
    """A hosted zone: record sets under the rules of ChangeResourceRecordSets."""

    def __init__(self, name):
        self.name, self.records = absolute(name), []

    @staticmethod
    def key(r):
        return (absolute(r['Name']), r['Type'], r.get('SetIdentifier', ''))

    @classmethod
    def order(cls, r):
        name, kind, identifier = cls.key(r)
        return (name.split('.')[::-1], kind, identifier)

    @staticmethod
    def policy(r):
        """The routing policy by the field that chooses it; None of a simple record."""
        return next((p for p in ('Weight', 'Region', 'GeoLocation', 'Failover', 'MultiValueAnswer', 'CidrRoutingConfig')
                     if p in r), None)

    def add(self, name, *values, type='A', ttl=60, **fields):
        """Put a record there beforehand: add('vpn.example.com', '203.0.113.1', SetIdentifier=.., MultiValueAnswer=True)."""
        record = {'Name': absolute(name), 'Type': type, **fields}
        if values:
            record.update(TTL=ttl, ResourceRecords=[{'Value': v} for v in values])
        self.change([{'Action': 'CREATE', 'ResourceRecordSet': record}])

    def values(self, name, type='A'):
        """{SetIdentifier: [values]} of a name."""
        return {r.get('SetIdentifier', ''): [v['Value'] for v in r.get('ResourceRecords', [])]
                for r in self.records if self.key(r)[:2] == (absolute(name), type)}

    def change(self, changes):
        """All changes or none of them."""
        records, wrong = list(self.records), []
        for c in changes:
            record = {**c['ResourceRecordSet'], 'Name': absolute(c['ResourceRecordSet']['Name'])}
            wrong += self._change(records, c['Action'], record)
        if wrong:
            raise Refusal(400, 'InvalidChangeBatch', '[%s]' % ', '.join(wrong))
        self.records = sorted(records, key=self.order)

    def _change(self, records, action, r):
        key, policy = self.key(r), self.policy(r)
        label = "[name='%s', type='%s'%s]" % (key[0], key[1], key[2] and ", set identifier='%s'" % key[2])
        there = next((x for x in records if self.key(x) == key), None)
        if action == 'DELETE':
            if not there:
                return ['Tried to delete resource record set %s but it was not found' % label]
            if there != r:
                return ['Tried to delete resource record set %s but the values provided do not match the current values'
                        % label]
            records.remove(there)
            return []
        if not ('.' + key[0]).endswith('.' + self.name):
            return ['RRSet with DNS name %s is not permitted in zone %s' % (key[0], self.name)]
        if bool(policy) != bool(key[2]):
            raise Refusal(400, 'InvalidInput', 'Invalid request: SetIdentifier and a routing policy go together: ' + label)
        if ('AliasTarget' in r) == ('ResourceRecords' in r) or ('ResourceRecords' in r) != ('TTL' in r):
            raise Refusal(400, 'InvalidInput', 'Invalid request: either an alias, or values and a TTL: ' + label)
        if policy == 'MultiValueAnswer' and ('AliasTarget' in r or key[1] in ('NS', 'CNAME') or not r[policy]):
            raise Refusal(400, 'InvalidInput', 'Invalid request: not possible with MultiValueAnswer: ' + label)
        values = [v['Value'] for v in r.get('ResourceRecords', [])]
        if key[1] == 'A':
            for v in values:
                try:
                    ipaddress.IPv4Address(v)
                except ValueError:
                    return ['Invalid Resource Record: %s is not a valid IPv4 address' % v]
        if len(set(values)) < len(values):
            return ['Duplicate Resource Record in ' + label]
        if there and action == 'CREATE':
            return ['Tried to create resource record set %s but it already exists' % label]
        same = [x for x in records if self.key(x)[:2] == key[:2] and x is not there]
        for x in same:
            if self.policy(x) != policy:
                return ['RRSet with DNS name %s, type %s, SetIdentifier %s cannot be created as a %s RRSet exists with the '
                        'same name and type' % (*key, 'non-multivalue answer' if policy == 'MultiValueAnswer' else
                                                'conflicting')]
        for x in records:
            if self.key(x)[0] == key[0] and (x['Type'] == 'CNAME') != (key[1] == 'CNAME'):
                return ['RRSet of type %s with DNS name %s is not permitted because a conflicting RRSet of type %s with '
                        'the same DNS name already exists' % (key[1], key[0], x['Type'])]
        if len(same) >= MAX_RECORDS:
            return ['Number of records of %s, type %s would exceed %d' % (key[0], key[1], MAX_RECORDS)]
        if there:
            records.remove(there)
        records.append(r)
        return []


# --- the services --------------------------------------------------------------------------------

class FakeAws:
    """All services on ports of 127.0.0.1, over TLS except the metadata service, until the `with` ends.

    What a test sets or reads: `ssm` and `secrets` (name: text; secrets also bytes), `zones` (id: Zone), `metadata`
    (path below /latest/: text), `denied` (ssm:/NAME, secretsmanager:NAME, s3:BUCKET/KEY, route53:ZONE), `log` (Calls).
    `now` is the services' clock. `names` are further names or addresses for the certificate, `advertise` the host
    to use in endpoints instead of `host`; `ports` {service: port} for fixed ones.
    """

    def __init__(self, region='eu-west-1', role='hub', host='127.0.0.1', ports=(), tls=True, names=(), advertise=None,
                 now=time.time):
        self.region, self.role, self.host, self.tls, self.now = region, role, host, tls, now
        self.folder = tempfile.TemporaryDirectory(prefix='fake-aws-')
        self.ca = make_ca(self.folder.name, ['localhost', host, *names, *filter(None, [advertise])]) if tls else ''
        self.stop = threading.Event()
        self.reset()
        self.servers = {s: Server(self, s, dict(ports).get(s, 0)) for s in SERVICES}
        self.endpoints = {s: '%s://%s:%d' % ('https' if tls and s != 'imds' else 'http', advertise or host,
                                             server.server_address[1]) for s, server in self.servers.items()}

    def reset(self):
        """As new: nothing stored, one set of credentials, no log."""
        self.ssm, self.secrets, self.objects, self.regions, self.zones = {}, {}, {}, {}, {}
        self.denied, self.log, self.faults = set(), [], {s: [] for s in SERVICES}
        self.sessions, self.issued, self.versions = {}, {}, 0
        self.credentials = self.issue()
        self.metadata = {
            'meta-data/instance-id': 'i-0123456789abcdef0', 'meta-data/local-ipv4': '172.16.1.10',
            'meta-data/public-ipv4': '203.0.113.10', 'meta-data/placement/region': self.region,
            'meta-data/placement/availability-zone': self.region + 'a', 'meta-data/instance-type': 't3.micro',
            'meta-data/mac': '02:00:00:00:00:01', 'meta-data/ami-id': 'ami-0123456789abcdef0',
            'meta-data/hostname': 'ip-172-16-1-10.%s.compute.internal' % self.region,
            'meta-data/local-hostname': 'ip-172-16-1-10.%s.compute.internal' % self.region,
            'meta-data/iam/security-credentials/' + self.role: self._role, 'dynamic/instance-identity/document': self._identity}

    def __enter__(self):
        for server in self.servers.values():
            server.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for server in self.servers.values():
            server.shutdown()
            server.server_close()
        self.folder.cleanup()

    def conf(self):
        """The [aws] section of hub.conf for these services."""
        settings = {'region': self.region, **self.endpoints, 'ca': self.ca}
        return '[aws]\n' + ''.join('%s = %s\n' % item for item in settings.items())

    def issue(self, seconds=21600):
        """New credentials of the role, which the metadata service hands out from now on; the older stay valid."""
        self.credentials = Credentials('ASIA' + secrets.token_hex(8).upper(), 'secret/' + secrets.token_hex(16),
                                       'token/' + base64.b64encode(secrets.token_bytes(48)).decode(), self.now() + seconds)
        self.issued[self.credentials.key] = self.credentials
        return self.credentials

    def put_object(self, bucket, key, data, region=None):
        """Store an object, in a bucket of another region if named; its version id."""
        self.versions += 1
        version = 'v%06d' % self.versions
        self.objects.setdefault(bucket, {}).setdefault(key, []).append((version, data))
        self.regions[bucket] = region or self.regions.get(bucket, self.region)
        return version

    def fault(self, service, kind, times=1):
        """The next `times` calls of the service fail that way; kind is a word of CODES or BROKEN, or a Refusal."""
        assert isinstance(kind, Refusal) or kind in CODES[service] or kind in BROKEN, (service, kind)
        self.faults[service] += [kind] * times

    def calls(self, service):
        """What was answered by one service: [(operation, status, code)]."""
        return [(c.op, c.status, c.code) for c in list(self.log) if c.service == service]

    # What every request passes: signature, call, faults.

    def answer(self, service, r):
        """(status, headers, body, how to break it or None) for a request."""
        op, code, broken = '', '', None
        try:
            op, act = getattr(self, '_' + service)(r)
            fault = self.faults[service].pop(0) if self.faults[service] else None
            if isinstance(fault, Refusal):
                raise fault
            if fault in CODES[service]:
                raise self._refusal(service, fault, 'as ordered')
            broken = fault
            status, headers, body = act() if fault != 'reset' else (200, {}, b'')
        except Refusal as e:
            status, code = e.status, e.code
            headers, body = self._error(service, e)
        self.log.append(Call(service, op, r.method, r.target, status, code, r.body))
        return status, headers, body, broken

    @staticmethod
    def _refusal(service, why, message):
        return Refusal(*CODES[service][why], message)

    @staticmethod
    def _error(service, e):
        """An error's headers and body as the service words them."""
        request_id, message = secrets.token_hex(16), e.message
        if service in ('ssm', 'secretsmanager'):
            body = json.dumps({'__type': 'com.amazonaws.%s#%s' % (service, e.code), 'message': message})
            return {'Content-Type': 'application/x-amz-json-1.1', 'x-amzn-RequestId': request_id, **e.headers}, body.encode()
        if service == 's3':
            body = '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>%s</Code><Message>%s</Message><RequestId>%s' \
                '</RequestId><HostId>fake</HostId></Error>' % (e.code, escape(message), request_id)
            return {'Content-Type': 'application/xml', 'x-amz-request-id': request_id, **e.headers}, body.encode()
        if service == 'route53':
            body = '<?xml version="1.0"?>\n<ErrorResponse xmlns="%s"><Error><Type>Sender</Type><Code>%s</Code><Message>%s' \
                '</Message></Error><RequestId>%s</RequestId></ErrorResponse>' % (R53, e.code, escape(message), request_id)
            return {'Content-Type': 'text/xml', 'x-amzn-RequestId': request_id, **e.headers}, body.encode()
        return {'Content-Type': 'text/html', **e.headers}, b'<html><body>%d</body></html>' % e.status

    def _authenticate(self, service, r, region):
        """Refuse a request whose Signature Version 4 is not exactly right."""
        def no(why, message):
            raise self._refusal(service, why, message)
        m = re.fullmatch(r'AWS4-HMAC-SHA256 Credential=([^/,\s]+)/(\d{8})/([a-z0-9-]+)/([a-z0-9]+)/aws4_request, '
                         r'SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})', r.headers.get('Authorization', ''))
        if not r.headers.get('Authorization'):
            no('missing', 'Missing Authentication Token')
        if not m:
            no('malformed', 'Authorization header is not of the form that is wanted')
        key, day, in_region, in_service, signed, signature = m.groups()
        names, stamp = signed.split(';'), r.headers.get('X-Amz-Date', '')
        needed = {'host', 'x-amz-date', 'x-amz-security-token', *(['x-amz-content-sha256'] if service == 's3' else [])}
        needed |= {n.lower() for n in r.headers if n.lower().startswith('x-amz-') or n.lower() == 'content-type'}
        if names != sorted(set(names)) or needed - set(names) or any(n not in r.headers for n in names):
            no('wrong', 'These headers must be signed, sorted: ' + ' '.join(sorted(needed)))
        if not re.fullmatch(r'\d{8}T\d{6}Z', stamp) or stamp[:8] != day:
            no('wrong', 'Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP')
        off = time.mktime(time.strptime(stamp, '%Y%m%dT%H%M%SZ')) - time.timezone - self.now()
        if abs(off) > (900 if service == 's3' else 300):
            no('clock', 'Signature expired: %s is not within 5 min. of the time here' % stamp)
        if in_region != region:
            no('malformed', "Credential should be scoped to a valid region; the region '%s' is wrong; expecting '%s'"
               % (in_region, region))
        if in_service != service:
            no('malformed', "Credential should be scoped to correct service: '%s'" % service)
        known = self.issued.get(key)
        if not known or r.headers['X-Amz-Security-Token'] != known.token:
            no('unknown', 'The security token included in the request is invalid.')
        if self.now() >= known.expires:
            no('expired', 'The security token included in the request is expired')
        if service == 's3' and r.headers['X-Amz-Content-SHA256'] != hashlib.sha256(r.body).hexdigest():
            raise Refusal(400, 'XAmzContentSHA256Mismatch', "The provided 'x-amz-content-sha256' header does not match")
        again = botocore.awsrequest.AWSRequest(r.method, 'https://%s%s' % (r.headers['Host'], r.target), data=r.body)
        again.context['timestamp'] = stamp
        for name in names:
            for value in r.headers.get_all(name):
                again.headers.add_header(name, value)
        signer = botocore.auth.S3SigV4Auth if service == 's3' else botocore.auth.SigV4Auth
        signer = signer(botocore.credentials.Credentials(*known[:3]), service, region)
        canonical = signer.canonical_request(again)
        text = signer.string_to_sign(again, canonical)
        if signer.signature(text, again) != signature:
            no('wrong', 'The request signature we calculated does not match the signature you provided. Check your AWS '
               'Secret Access Key and signing method.\n\nThe Canonical String for this request should have been\n\'%s\'\n\n'
               "The String-to-Sign should have been\n'%s'\n" % (canonical, text))

    def _deny(self, service, name, action):
        if '%s:%s' % (service, name) in self.denied:
            raise self._refusal(service, 'denied', 'User: arn:aws:sts::123456789012:assumed-role/%s/i-0123456789abcdef0 is '
                                'not authorized to perform: %s on resource: %s' % (self.role, action, name))

    def _check(self, service, op, parameters):
        wrong = problems(fakeaws.model.service(service).operation_model(op).input_shape, parameters)
        if wrong:
            raise self._refusal(service, 'invalid', '%d validation error(s) detected: %s' % (len(wrong), '; '.join(wrong)))

    # SSM and Secrets Manager: JSON.

    def _json(self, service, r, ops):
        self._authenticate(service, r, self.region)
        metadata = fakeaws.model.service(service).metadata
        prefix, _, op = r.headers.get('X-Amz-Target', '').partition('.')
        if r.target != '/' or r.method != 'POST' or prefix != metadata['targetPrefix'] or op not in ops:
            raise Refusal(400, 'UnknownOperationException')
        if r.headers.get('Content-Type') != 'application/x-amz-json-' + metadata['jsonVersion']:
            raise Refusal(404, 'UnknownOperationException')
        try:
            parameters = json.loads(r.body)
        except ValueError:
            raise Refusal(400, 'SerializationException')
        self._check(service, op, parameters)

        def act():
            headers = {'Content-Type': r.headers['Content-Type'], 'x-amzn-RequestId': secrets.token_hex(16)}
            return 200, headers, json.dumps(ops[op](parameters)).encode()
        return op, act

    def _ssm(self, r):
        return self._json('ssm', r, {'GetParameters': self._get_parameters})

    def _get_parameters(self, p):
        if len(set(p['Names'])) < len(p['Names']):
            raise Refusal(400, 'ValidationException', 'Duplicate parameter names')
        if not p.get('WithDecryption'):
            raise Refusal(400, 'ValidationException', 'this fake holds SecureStrings: WithDecryption is wanted')
        found, missing = [], []
        for name in p['Names']:
            plain, colon, selector = name.partition(':')
            self._deny('ssm', plain, 'ssm:GetParameters')
            if plain not in self.ssm or selector not in ('', '1'):
                missing.append(name)
                continue
            found.append({'Name': plain, 'Type': 'SecureString', 'Value': self.ssm[plain], 'Version': 1, 'DataType': 'text',
                          'ARN': 'arn:aws:ssm:%s:123456789012:parameter%s' % (self.region, plain),
                          **({'Selector': colon + selector} if colon else {})})
        return {'Parameters': found, 'InvalidParameters': missing}

    def _secretsmanager(self, r):
        return self._json('secretsmanager', r, {'GetSecretValue': self._get_secret})

    def _get_secret(self, p):
        name = p['SecretId']
        self._deny('secretsmanager', name, 'secretsmanager:GetSecretValue')
        if name not in self.secrets:
            raise Refusal(400, 'ResourceNotFoundException', "Secrets Manager can't find the specified secret.")
        value = self.secrets[name]
        held = {'SecretString': value} if isinstance(value, str) else {'SecretBinary': base64.b64encode(value).decode()}
        return {'Name': name, 'ARN': 'arn:aws:secretsmanager:%s:123456789012:secret:%s-AbCdEf' % (self.region, name),
                'VersionId': '00000000-0000-4000-8000-000000000001', 'VersionStages': ['AWSCURRENT'], **held}

    # S3: GetObject, path style or virtual-hosted by the Host header.

    def _s3(self, r):
        m = re.fullmatch(r'([a-z0-9.-]+)\.s3\.[a-z0-9-]+\.amazonaws\.com', r.headers.get('Host', '').split(':')[0])
        bucket, _, key = (m[1], '', r.path[1:]) if m else r.path[1:].partition('/')
        key = urllib.parse.unquote(key)
        home = self.regions.get(bucket, self.region)
        scope = r.headers.get('Authorization', '').split('/')[2:3]
        self._authenticate('s3', r, home if home in scope else self.region)
        if home not in scope:
            raise Refusal(301, 'PermanentRedirect', 'The bucket you are attempting to access must be addressed using the '
                          'specified endpoint.', {'x-amz-bucket-region': home})
        if r.method != 'GET' or not key:
            raise Refusal(405, 'MethodNotAllowed')
        shape = fakeaws.model.service('s3').operation_model('GetObject').input_shape
        places = {(m.serialization['location'], m.serialization['name']): n for n, m in shape.members.items()}
        parameters = {'Bucket': bucket, 'Key': key}
        places.update({(place, name.lower()): n for (place, name), n in places.items() if place == 'header'})
        given = [('querystring', *item) for item in r.parameters().items()]
        given += [('header', name.lower(), value) for name, value in r.headers.items()]
        for place, name, value in given:
            if (place, name) in places:
                parameters[places[place, name]] = value
            elif place == 'querystring' or name.startswith('x-amz-') and name not in (
                    'x-amz-date', 'x-amz-security-token', 'x-amz-content-sha256'):
                raise Refusal(400, 'InvalidArgument', 'unknown parameter ' + name)
        self._check('s3', 'GetObject', parameters)
        if set(parameters) - {'Bucket', 'Key', 'VersionId', 'IfNoneMatch'}:
            raise Refusal(501, 'NotImplemented', 'not in this fake: ' + ' '.join(parameters))
        return 'GetObject', lambda: self._get_object(**parameters)

    def _get_object(self, Bucket, Key, VersionId=None, IfNoneMatch=None):
        self._deny('s3', Bucket + '/' + Key, 's3:GetObject')
        if Bucket not in self.objects:
            raise Refusal(404, 'NoSuchBucket', 'The specified bucket does not exist')
        versions = self.objects[Bucket].get(Key)
        if not versions:
            raise Refusal(404, 'NoSuchKey', 'The specified key does not exist.')
        version, data = next((v for v in reversed(versions) if VersionId in (None, v[0])), (None, None))
        if not version:
            raise Refusal(404, 'NoSuchVersion', 'The specified version does not exist.')
        headers = {'ETag': '"%s"' % hashlib.md5(data).hexdigest(), 'x-amz-version-id': version,
                   'x-amz-request-id': secrets.token_hex(8)}
        if IfNoneMatch == headers['ETag']:
            return 304, headers, b''
        return 200, {**headers, 'Content-Type': 'binary/octet-stream'}, data

    # Route 53: XML.

    def _route53(self, r):
        self._authenticate('route53', r, 'us-east-1')
        m = re.fullmatch(r'/2013-04-01/hostedzone/([A-Z0-9]{1,32})/(rrset/?)', r.path)
        op = {('GET', 'rrset'): 'ListResourceRecordSets',
              ('POST', 'rrset/'): 'ChangeResourceRecordSets'}.get((r.method, m and m[2]))
        if not op:
            raise Refusal(404, 'UnknownOperationException', 'no such path: %s %s' % (r.method, r.path))
        if op == 'ListResourceRecordSets':
            if r.body:
                raise Refusal(400, 'InvalidInput', 'a body with GET')
            shape = fakeaws.model.service('route53').operation_model(op).input_shape
            names = {m.serialization['name']: n for n, m in shape.members.items()}
            parameters = {names.get(n, n): v for n, v in r.parameters().items()}
        else:
            root = '{%s}%sRequest' % (R53, op)
            shape = fakeaws.model.service('route53').operation_model(op).input_shape
            try:
                e = ET.fromstring(r.body)
                if e.tag != root or r.query:
                    raise ValueError('%s expected, %s found' % (root, e.tag))
                parameters = from_xml(shape, e, R53)
            except (ET.ParseError, ValueError) as e:
                raise Refusal(400, 'InvalidInput', 'Invalid XML; %s' % e)
        parameters['HostedZoneId'] = m[1]
        self._check('route53', op, parameters)

        def act():
            self._deny('route53', m[1], 'route53:' + op)
            if m[1] not in self.zones:
                raise Refusal(404, 'NoSuchHostedZone', 'No hosted zone found with ID: ' + m[1])
            result = (self._list if op.startswith('List') else self._change)(self.zones[m[1]], parameters)
            body = to_xml(fakeaws.model.service('route53').operation_model(op).output_shape, result, op + 'Response')
            body = '<?xml version="1.0"?>\n' + body.replace('>', ' xmlns="%s">' % R53, 1)
            return 200, {'Content-Type': 'text/xml', 'x-amzn-RequestId': secrets.token_hex(16)}, body.encode()
        return op, act

    def _list(self, zone, p):
        name, kind, identifier = (p.get('StartRecord' + f) for f in ('Name', 'Type', 'Identifier'))
        if identifier and not kind or kind and not name:
            raise Refusal(400, 'InvalidInput', 'identifier needs type, type needs name')
        size = p.get('MaxItems', str(PAGE))
        if not re.fullmatch('[1-9][0-9]{0,3}', size):
            raise Refusal(400, 'InvalidInput', 'maxitems')
        start = Zone.order({'Name': name or '.', 'Type': kind or '', 'SetIdentifier': identifier or ''})
        found = [r for r in zone.records if not name or Zone.order(r) >= start]
        page, rest = found[:int(size)], found[int(size):]
        result = {'ResourceRecordSets': page, 'IsTruncated': bool(rest), 'MaxItems': size}
        if rest:
            result.update(NextRecordName=rest[0]['Name'], NextRecordType=rest[0]['Type'])
            if 'SetIdentifier' in rest[0]:
                result['NextRecordIdentifier'] = rest[0]['SetIdentifier']
        return result

    def _change(self, zone, p):
        zone.change(p['ChangeBatch']['Changes'])
        at = time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(self.now()))
        return {'ChangeInfo': {'Id': '/change/C' + secrets.token_hex(8).upper(), 'Status': 'PENDING', 'SubmittedAt': at}}

    # The metadata service.

    def _role(self):
        def iso(t):
            return time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(t))
        c = self.credentials
        return json.dumps({'Code': 'Success', 'LastUpdated': iso(self.now()), 'Type': 'AWS-HMAC', 'AccessKeyId': c.key,
                           'SecretAccessKey': c.secret, 'Token': c.token, 'Expiration': iso(c.expires)}, indent=2)

    def _identity(self):
        m = self.metadata
        return json.dumps({'accountId': '123456789012', 'region': self.region, 'architecture': 'x86_64',
                           'instanceId': m['meta-data/instance-id'], 'privateIp': m['meta-data/local-ipv4']})

    def _imds(self, r):
        m = re.fullmatch(r'/(latest|\d{4}-\d\d-\d\d)/(.*)', r.path)
        if r.query or not m:
            raise Refusal(404, '')
        if (r.method, r.path) == ('PUT', '/latest/api/token'):
            ttl = r.headers.get('X-aws-ec2-metadata-token-ttl-seconds', '')
            if not re.fullmatch('[0-9]{1,5}', ttl) or not 1 <= int(ttl) <= 21600 or r.body:
                raise Refusal(400, '')
            if 'X-Forwarded-For' in r.headers:
                raise Refusal(403, '')

            def act():
                token = secrets.token_urlsafe(40) + '=='
                self.sessions[token] = self.now() + int(ttl)
                return 200, {'X-aws-ec2-metadata-token-ttl-seconds': ttl, 'Content-Type': 'text/plain'}, token.encode()
            return 'token', act
        if r.method != 'GET' or m[2] == 'api/token':
            raise Refusal(405, '')
        if self.sessions.get(r.headers.get('X-aws-ec2-metadata-token'), 0) <= self.now():
            raise Refusal(401, '')

        def act():
            path = m[2].rstrip('/')
            folder = path + '/' if path else ''
            inside = [p[len(folder):].partition('/') for p in self.metadata if p.startswith(folder)]
            if path in self.metadata:
                value = self.metadata[path]
                text = value() if callable(value) else value
            elif inside:
                text = '\n'.join(dict.fromkeys(name + slash for name, slash, _ in sorted(inside)))
            else:
                raise Refusal(404, '')
            return 200, {'Content-Type': 'text/plain'}, text if isinstance(text, bytes) else text.encode()
        return 'get', act


# --- the sockets ---------------------------------------------------------------------------------

class Server(http.server.ThreadingHTTPServer):
    """One service on one port."""
    daemon_threads, block_on_close, request_queue_size = True, False, 64

    def __init__(self, fake, service, port):
        self.fake, self.service, self.lock = fake, service, threading.Lock()
        super().__init__((fake.host, port), Handler)
        if fake.ca and service != 'imds':
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(os.path.join(fake.folder.name, 'server.pem'))
            self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.thread = threading.Thread(target=self.serve_forever, args=(.05,), daemon=True)

    def handle_error(self, request, client_address):
        """A client that went away, or did not trust the certificate, is its own affair."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class Handler(http.server.BaseHTTPRequestHandler):
    """Reads one request, has it answered, and breaks the reply where that was ordered."""
    protocol_version, timeout, server_version, sys_version = 'HTTP/1.1', 30, 'fake', ''

    def setup(self):
        if isinstance(self.request, ssl.SSLSocket):
            self.request.settimeout(self.timeout)
            self.request.do_handshake()
        super().setup()

    def log_message(self, *_):
        pass

    def serve(self):
        self.close_connection = True
        length = self.headers.get('Content-Length', '0')
        if 'Transfer-Encoding' in self.headers or not re.fullmatch('[0-9]{1,7}', length):
            return self.send_error(501)
        r = Request(self.command, self.path, self.headers, self.rfile.read(int(length)))
        with self.server.lock:
            status, headers, body, broken = self.server.fake.answer(self.server.service, r)
        if broken in ('garbage', 'html'):
            status = 200 if broken == 'garbage' else 502
            headers, body = {'Content-Type': 'text/html'}, b'<html><head><title>\xff [ gateway </head>'
        headers = {'Date': email.utils.formatdate(self.server.fake.now(), usegmt=True), 'Connection': 'close', **headers}
        if status != 304:
            headers['Content-Length'] = str(len(body) if broken != 'huge' else 1 << 40)
        head = 'HTTP/1.1 %d %s\r\n%s\r\n' % (status, self.responses.get(status, ['-'])[0],
                                             ''.join('%s: %s\r\n' % h for h in headers.items()))
        getattr(self, 'reply_' + str(broken), self.reply)(head.encode(), body)

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = serve

    def reply(self, head, body):
        self.wfile.write(head + (b'' if self.command == 'HEAD' else body))

    def reply_reset(self, head, body):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))

    reply_lost = reply_reset

    def reply_stall(self, head, body):
        self.server.fake.stop.wait()

    def reply_drip(self, head, body):
        self.wfile.write(b'HTTP/1.1 200 OK\r\nX-Drip: ')
        while not self.server.fake.stop.wait(.02):
            self.wfile.write(b'.')

    def reply_truncate(self, head, body):
        self.wfile.write(head + body[:len(body) // 2])

    def reply_noise(self, head, body):
        self.wfile.write(b'\x16\x03\x01 SSH-2.0-not_http\r\n\r\n')

    def reply_huge(self, head, body):
        self.wfile.write(head)
        while not self.server.fake.stop.is_set():
            self.wfile.write(b' ' * 65536)


def read(path):
    with open(path) as f:
        return f.read()


@functools.lru_cache(None)
def _authority():
    """A folder with one CA for the process."""
    folder = tempfile.TemporaryDirectory(prefix='fake-aws-ca-')
    openssl(folder.name, '[ca]\nbasicConstraints = critical,CA:TRUE\nkeyUsage = critical,keyCertSign\n'
            'subjectKeyIdentifier = hash\n', '/CN=CA of the fake AWS', 'ca')
    return folder


def openssl(folder, extensions, subject, name, *more):
    """NAME.pem (certificate, then key) in the folder, made by the openssl program."""
    config = os.path.join(folder, name + '.cnf')
    with open(config, 'w') as f:
        f.write('[req]\ndistinguished_name = dn\n[dn]\n' + extensions)
    base = os.path.join(folder, name)
    subprocess.run(['openssl', 'req', '-x509', '-config', config, '-extensions', name, '-newkey', 'ec', '-pkeyopt',
                    'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', subject, '-keyout', base + '.key', '-out',
                    base + '.crt', *more], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    with open(base + '.pem', 'w') as f:
        f.write(read(base + '.crt') + read(base + '.key'))


def make_ca(folder, names):
    """A server certificate for the names or addresses in the folder; the CA's file."""
    ca = os.path.join(_authority().name, 'ca')

    def alt(name):
        return ('IP:' if re.fullmatch('[0-9.]+|.*:.*', name) else 'DNS:') + name
    openssl(folder, '[server]\nbasicConstraints = critical,CA:FALSE\nextendedKeyUsage = serverAuth\n'
            'keyUsage = critical,digitalSignature\nsubjectKeyIdentifier = hash\nauthorityKeyIdentifier = keyid\n'
            'subjectAltName = %s\n' % ','.join(dict.fromkeys(map(alt, names))), '/CN=fake AWS', 'server',
            '-CA', ca + '.crt', '-CAkey', ca + '.key')
    path = os.path.join(folder, 'ca.pem')
    with open(path, 'w') as f:
        f.write(read(ca + '.crt'))
    return path


def main():
    """Serve until standard input ends or a signal comes; one JSON line a request on standard output."""
    p = argparse.ArgumentParser(description=main.__doc__)
    p.add_argument('--state', help='JSON: {"ssm": {}, "secrets": {}, "objects": {"BUCKET/KEY": "text"}, '
                   '"zones": {"ID": "example.com"}, "metadata": {"user-data": "text"}}')
    p.add_argument('--host', default='127.0.0.1', help='address to listen on')
    p.add_argument('--advertise', help='host in the endpoints, if another')
    p.add_argument('--name', action='append', default=[], help='further name or address in the certificate')
    p.add_argument('--region', default='eu-west-1')
    p.add_argument('--plain', action='store_true', help='no TLS')
    p.add_argument('--conf', help='file to write the [aws] section to')
    p.add_argument('--ca', help='file to write the CA to')
    for s in SERVICES:
        p.add_argument('--%s-port' % s, type=int, default=0)
    a = p.parse_args()
    with FakeAws(a.region, host=a.host, tls=not a.plain, names=a.name, advertise=a.advertise,
                 ports={s: getattr(a, s + '_port') for s in SERVICES}) as f:
        state = json.loads(read(a.state)) if a.state else {}
        f.ssm.update(state.get('ssm', {}))
        f.secrets.update(state.get('secrets', {}))
        f.metadata.update(state.get('metadata', {}))
        f.zones.update((zone, Zone(name)) for zone, name in state.get('zones', {}).items())
        for path, text in state.get('objects', {}).items():
            f.put_object(*path.split('/', 1), text.encode())
        if a.ca and f.ca:
            with open(a.ca, 'w') as out:
                out.write(read(f.ca))
        if a.conf:
            with open(a.conf, 'w') as out:
                out.write(f.conf())
        f.log = Lines()
        print(json.dumps({'ready': f.endpoints, 'ca': f.ca}), flush=True)
        sys.stdin.read()


class Lines(list):
    """A log that is printed as it grows, without bodies."""

    def append(self, call):
        print(json.dumps(call._replace(body=len(call.body))._asdict()), flush=True)


if __name__ == '__main__':
    main()

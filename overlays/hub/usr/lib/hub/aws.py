"""AWS as the hub needs it: instance metadata, signed requests, SSM, Secrets Manager, S3, Route 53."""
import calendar, contextlib, functools, hashlib, hmac, json, posixpath, random, re, ssl, threading, time
import http.client
import urllib.parse as up
import xml.etree.ElementTree as ET
from xml.sax.saxutils import escape, unescape

from base import Error

BUSY = 'Throttl|SlowDown|TooManyRequests|RequestLimit|RequestTimeout|PriorRequestNotComplete'
UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, RecursionError, ET.ParseError)
quote = functools.partial(up.quote, safe='')


class AwsError(Error):
    """What failed and why, never a key, token or signature; `again`: the same call may succeed later."""

    def __init__(self, what, why, code='', request_id='', again=False, region=None):
        why = ''.join(filter(str.isprintable, why.split('\n')[0]))[:300]
        super().__init__('%s: %s%s%s' % (what, code and code + ': ', why, request_id and ' (request %s)' % request_id))
        self.code, self.again, self.region = code, again, region


def send(what, method, url, headers, body, timeout, tls=None, limit=1 << 20):
    """(status, headers, body) of one HTTP exchange, `timeout` seconds at most with resolver and all."""
    def run():
        try:
            u, more = up.urlsplit(url), {'context': tls} if tls else {}
            kind = http.client.HTTPSConnection if tls else http.client.HTTPConnection
            with contextlib.closing(kind(u.hostname, u.port, timeout=timeout, **more)) as conn:
                conn.request(method, url.split(u.netloc, 1)[1], body or None, headers)
                with conn.getresponse() as reply:
                    length, data = reply.length or 0, reply.read(limit + 1)
            if not length <= len(data) <= limit:
                raise OSError('reply cut off or over %d bytes' % limit)
            done.append((reply.status, reply.headers, data))
        except Exception as e:
            done.append(e)
    done = []
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(timeout)
    got = done[0] if done else TimeoutError('no answer in %.3g s' % timeout)
    if isinstance(got, Exception):
        net = isinstance(got, (OSError, http.client.HTTPException))  # other texts may quote a header
        raise AwsError(what, type(got).__name__ + (': %s' % got if net else ''),
                       again=net and not isinstance(got, ssl.SSLCertVerificationError))
    return got


def insist(attempt, seconds, clock):
    """attempt(seconds left) until it works or fails for good: 10 tries at most, full jitter between them."""
    end = clock.monotonic() + seconds
    for n in range(10):
        try:
            return attempt(end - clock.monotonic())
        except AwsError as e:
            pause = random.random() * min(20, 2 ** n)
            if not e.again or n == 9 or clock.monotonic() + pause >= end:
                raise
        clock.sleep(pause)


def sign(method, url, headers, body, service, region, creds, when, normalize=True):
    """`headers` and those of Signature Version 4; creds are (key id, secret, token or None)."""
    u, (key, secret, token) = up.urlsplit(url), creds
    stamp, digest = time.strftime('%Y%m%dT%H%M%SZ', time.gmtime(when)), hashlib.sha256(body).hexdigest()
    headers = {'Host': u.netloc, **headers, 'X-Amz-Date': stamp}
    if token:
        headers['X-Amz-Security-Token'] = token
    path = u.path or '/'
    if service == 's3':
        headers['X-Amz-Content-SHA256'] = digest
    else:
        if normalize:
            path = (posixpath.normpath('/' + path.strip('/')) + '/' * path.endswith('/')).replace('//', '/')
        path = up.quote(path)
    query = '&'.join(map('='.join, sorted((quote(k), quote(v)) for k, v in up.parse_qsl(u.query, True))))
    lines = sorted((name.lower(), ' '.join(value.split())) for name, value in headers.items())
    signed, scope = ';'.join(name for name, _ in lines), '/'.join((stamp[:8], region, service, 'aws4_request'))
    request = '\n'.join([method, path, query, *map(':'.join, lines), '', signed, digest])
    text = '\n'.join(('AWS4-HMAC-SHA256', stamp, scope, hashlib.sha256(request.encode()).hexdigest()))
    signature = b'AWS4' + secret.encode()
    for part in scope.split('/') + [text]:
        signature = hmac.new(signature, part.encode(), 'sha256').digest()
    headers['Authorization'] = 'AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s' % (
        key, scope, signed, signature.hex())
    return headers


class Imds:
    """The instance metadata service, version 2: every read carries a session token."""

    def __init__(self, base='', clock=time, send=send):
        self.base, self.clock, self.send = base or 'http://169.254.169.254', clock, send
        self._token = self._creds = None
        self._token_until = self._creds_until = 0

    def _ask(self, method, path, header, value):
        def attempt(left):
            what = 'metadata ' + path
            status, _, body = self.send(what, method, self.base + '/latest/' + path,
                                        {'X-aws-ec2-metadata-token' + header: value}, None, min(2, left))
            if status != 200:
                raise AwsError(what, 'HTTP', str(status), again=status >= 500)
            return body.decode('utf-8', 'replace').strip()
        return insist(attempt, 15, self.clock)

    def get(self, path):
        """The text at /latest/PATH (`meta-data/instance-id`), None when there is none."""
        for last in (False, True):
            if last or self.clock.time() >= self._token_until:
                self._token = self._ask('PUT', 'api/token', '-ttl-seconds', '21600')
                self._token_until = self.clock.time() + 21000
            try:
                return self._ask('GET', path, '', self._token)
            except AwsError as e:
                if e.code == '404':
                    return None
                if last or e.code != '401':
                    raise

    def need(self, path):
        """The text at /latest/meta-data/PATH, an error when there is none."""
        text = self.get('meta-data/' + path)
        if not text:
            raise AwsError('metadata', 'this instance has no ' + path)
        return text

    def region(self):
        return self.need('placement/region')

    def instance_id(self):
        return self.need('instance-id')

    def local_ipv4(self):
        return self.need('local-ipv4')

    def public_ipv4(self):
        return self.get('meta-data/public-ipv4') or None

    def credentials(self, fresh=False):
        """The role's (key id, secret, token), renewed from 5 minutes before they expire."""
        if fresh or self.clock.time() >= self._creds_until - 300:
            try:
                self._creds, self._creds_until = self._role()
            except AwsError:
                if fresh or self.clock.time() >= self._creds_until:
                    raise
        return self._creds

    def _role(self):
        path = 'iam/security-credentials/'
        text = self.need(path + self.need(path).split('\n')[0])
        try:
            got = json.loads(text)
            creds = tuple(re.fullmatch('[!-~]+', got[k])[0] for k in ('AccessKeyId', 'SecretAccessKey', 'Token'))
            return creds, calendar.timegm(time.strptime(got['Expiration'], '%Y-%m-%dT%H:%M:%SZ'))
        except UNREADABLE:
            pass
        raise AwsError('metadata ' + path, 'no usable credentials', again=True)


def explain(text):
    """(code, message) of an error reply in JSON or XML; ('', text) when it is neither."""
    try:
        e = json.loads(text)
        return e['__type'].split('#')[-1], str(e.get('message') or e.get('Message') or '')
    except UNREADABLE:
        why, code = (re.findall('<%s>([^<]*)' % tag, text) for tag in ('Message', 'Code'))
        return (code or why and re.findall(r'<(\w+)', text) or [''])[0], unescape('; '.join(why)) or text


def plain(e):
    """An XML element's text, or its children as (tag, plain(child)) pairs; xml() is the way back."""
    return [(child.tag.split('}')[-1], plain(child)) for child in e] or e.text or ''


def xml(value):
    return escape(value) if isinstance(value, str) else ''.join('<%s>%s</%s>' % (k, xml(v), k) for k, v in value)


class Aws:
    """Signed requests under the settings of [aws], retried by the services' rules for `seconds` at most."""

    def __init__(self, conf, imds, clock=time, send=send, seconds=90):
        self.conf, self.imds, self.clock, self.send, self.seconds = conf, imds, clock, send, seconds

    def _setting(self, name):
        return self.conf.get('aws', name, fallback='')

    @functools.cached_property
    def region(self):
        return self._setting('region') or self.imds.region()

    @functools.cached_property
    def tls(self):
        ca = self._setting('ca') or None
        try:
            return ssl.create_default_context(cafile=ca)
        except OSError as e:
            raise AwsError('CA file %s' % ca, str(e))

    def request(self, service, op, method, path, headers, body=b'', parse=bytes, region='', bucket='', limit=1 << 20):
        """(parse(body), headers) of the reply to a signed request; None for the body of a 304."""
        region, base = region or self.region, self._setting(service).rstrip('/')
        host = service + '.' + region
        if service == 'route53':
            region, host = 'us-east-1', service
        if bucket and not base and '.' not in bucket:
            host = bucket + '.' + host
        elif bucket:
            path = '/' + bucket + path
        url, what = (base or 'https://%s.amazonaws.com' % host) + path, service + ' ' + op
        tls = self.tls if url.startswith('https:') else None
        if not re.match('https?://[^/]', url):
            raise AwsError(service, 'endpoint %s is not a URL' % base)

        def attempt(left):
            creds = self.imds.credentials()
            signed = sign(method, url, headers, body, service, region, creds, self.clock.time())
            status, got, text = self.send(what, method, url, signed, body, min(10, left), tls, limit)
            if status == 304:
                return None, got
            code, why = '', 'not a reply to this call'
            if status == 200:
                try:
                    return parse(text), got
                except UNREADABLE:
                    pass
            else:
                code, why = explain(text.decode('utf-8', 'replace'))
                for word in (*creds, signed['Authorization'][-64:]):
                    why = why.replace(word, '***')
            again = status == 200 or status == 429 or status >= 500 or re.search(BUSY, code) or code.startswith(
                'ExpiredToken') and self.imds.credentials(fresh=True) != creds
            raise AwsError(what, why, code or 'HTTP %d' % status, got.get('x-amzn-RequestId') or got.get(
                'x-amz-request-id', ''), again, got.get('x-amz-bucket-region'))
        return insist(attempt, self.seconds, self.clock)

    def _json(self, service, target, request, parse):
        return self.request(service, target.split('.')[1], 'POST', '/', {
            'Content-Type': 'application/x-amz-json-1.1', 'X-Amz-Target': target}, json.dumps(request).encode(), parse)[0]

    def ssm(self, names, problems=None):
        """{name: value} of the parameters that can be read; `problems` takes {name: why} of the others."""
        names, values, problems = list(dict.fromkeys(names)), {}, {} if problems is None else problems
        batches = [names[i:i + 10] for i in range(0, len(names), 10)]
        for batch in batches:
            try:
                values.update(self._json(
                    'ssm', 'AmazonSSM.GetParameters', {'Names': batch, 'WithDecryption': True}, lambda body: {
                        p['Name'] + p.get('Selector', ''): p['Value'] for p in json.loads(body)['Parameters']}))
                problems.update((name, 'ssm: no such parameter') for name in batch if name not in values)
            except AwsError as e:
                if e.code not in ('AccessDeniedException', 'InvalidKeyId', 'ValidationException'):
                    raise
                if batch[1:]:  # refused as a whole, maybe for one name: ask for each alone
                    batches += [[name] for name in batch]
                else:
                    problems[batch[0]] = str(e)
        return values

    def secret(self, name):
        """The string of a secret in Secrets Manager."""
        text = self._json('secretsmanager', 'secretsmanager.GetSecretValue', {'SecretId': name},
                          lambda body: json.loads(body).get('SecretString'))
        if not isinstance(text, str):
            raise AwsError('secretsmanager ' + name, 'holds no string')
        return text

    def s3(self, url, etag=None):
        """(bytes, etag) of s3://BUCKET/KEY[?versionId=V]; (None, etag) while it is the object of `etag`."""
        m = re.fullmatch(r's3://([a-z0-9.-]+)/(.+?)(\?versionId=[^&?=]+)?', url)
        if not m:
            raise AwsError(url, 'not s3://BUCKET/KEY or s3://BUCKET/KEY?versionId=V')
        path, region = '/' + up.quote(m[2]) + up.quote(m[3] or '', '?='), ''
        while True:
            try:
                body, got = self.request('s3', 'GetObject ' + url, 'GET', path, {'If-None-Match': etag} if etag else {},
                                         region=region, bucket=m[1], limit=64 << 20)
                return body, got.get('ETag') or etag
            except AwsError as e:
                if region or not e.region:
                    raise
                region = e.region  # the bucket is in another region: ask there

    def _route53(self, op, method, zone, path, need, body=''):
        def parse(text):
            top = dict(plain(ET.fromstring(text)))
            return {need: top[need], **top}
        return self.request('route53', op, method, '/2013-04-01/hostedzone/%s/%s' % (quote(zone.split('/')[-1]), path),
                            {'Content-Type': 'text/xml'}, body.encode(), parse)[0]

    def records(self, zone, name):
        """The record sets of this name, each {field: text, or pairs of what is in it} in the order listed."""
        found, at = [], {'name': name}
        while at:
            got = self._route53('ListResourceRecordSets', 'GET', zone, 'rrset?' + up.urlencode(at, quote_via=up.quote),
                                'ResourceRecordSets')
            for _, fields in got['ResourceRecordSets']:
                if dict(fields)['Name'].rstrip('.') != name:
                    return found
                found.append(dict(fields))
            at = {k.lower(): got['NextRecord' + k] for k in ('Name', 'Type', 'Identifier') if 'NextRecord' + k in got}
        return found

    def change(self, zone, action, record):
        """UPSERT or DELETE one record set, a dict like those of records()."""
        body = xml([('ChangeBatch', [('Changes', [('Change', [
            ('Action', action), ('ResourceRecordSet', list(record.items()))])])])])
        self._route53('ChangeResourceRecordSets', 'POST', zone, 'rrset/', 'ChangeInfo',
                      '<{0} xmlns="https://route53.amazonaws.com/doc/2013-04-01/">{1}</{0}>'.format(
                          'ChangeResourceRecordSetsRequest', body))

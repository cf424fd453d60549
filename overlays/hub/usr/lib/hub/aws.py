"""AWS as the hub needs it: instance metadata, signed requests, SSM, Secrets Manager, S3, Route 53."""
import calendar, contextlib, functools, hashlib, hmac, json, random, re, ssl, threading, time
import urllib.parse as up, xml.etree.ElementTree as ET
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from xml.sax.saxutils import escape
from base import Error

BUSY = 'Throttl|SlowDown|TooManyRequests|RequestLimit|RequestTimeout|PriorRequestNotComplete'
UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, RecursionError, ET.ParseError)
quote = functools.partial(up.quote, safe='')


class AwsError(Error):
    """What failed and why, without keys, tokens and signatures; `again`: it may work later."""

    def __init__(self, what, why, again=False, code='', request='', region=None):
        why = ''.join(filter(str.isprintable, why.split('\n')[0]))[:300]
        super().__init__(': '.join(filter(None, (what, code, why))) + (request and ' (request %s)' % request))
        self.again, self.code, self.region = again, code, region


def send(what, method, url, headers, body, timeout, tls=None, limit=1 << 20):
    """(status, headers, body) of an HTTP exchange of `timeout` seconds in all, resolver included."""
    parts = re.fullmatch('https?://([^/]+)(/.*)', url)
    if not parts:
        raise AwsError(what, url + ' is not a URL')

    def run():
        try:
            with contextlib.closing(HTTPSConnection(parts[1], timeout=timeout, context=tls) if tls else
                                    HTTPConnection(parts[1], timeout=timeout)) as conn:
                conn.request(method, parts[2], body, headers)
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
    got = done[0] if done else OSError('no answer in %.3g s' % timeout)
    if isinstance(got, Exception):  # a plain ValueError quotes the header that cannot be sent
        raise AwsError(what, '%s: %s' % (type(got).__name__, '' if type(got) is ValueError else got),
                       isinstance(got, (OSError, HTTPException)) and not isinstance(got, ValueError))
    return got


def insist(attempt, seconds, clock):
    """attempt(seconds left) until it works or fails for good; full jitter between the tries."""
    end = clock.monotonic() + seconds
    for n in range(10):
        try:
            return attempt(end - clock.monotonic())
        except AwsError as e:
            pause = random.random() * min(20, 2 ** n)
            if not e.again or n == 9 or clock.monotonic() + pause >= end:
                raise
        clock.sleep(pause)


def sign(method, url, headers, body, service, region, creds, when):
    """`headers` plus a Signature Version 4; no dot segments in the URL; creds: key id, secret, token."""
    u, (key, secret, token) = up.urlsplit(url), creds
    stamp, digest = time.strftime('%Y%m%dT%H%M%SZ', time.gmtime(when)), hashlib.sha256(body).hexdigest()
    headers = {'Host': u.netloc, **headers, 'X-Amz-Date': stamp}
    if token:
        headers['X-Amz-Security-Token'] = token
    path = u.path or '/'
    if service == 's3':
        headers['X-Amz-Content-SHA256'] = digest
    else:
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
    """The instance metadata service, version 2."""

    def __init__(self, base='', clock=time, send=send):
        self.base, self.clock, self.send = base or 'http://169.254.169.254', clock, send
        self._token_until = self._creds_until = 0

    def _ask(self, method, path, header, value):
        def attempt(left):
            what = 'metadata ' + path
            status, _, body = self.send(what, method, self.base + '/latest/' + path,
                                        {'X-aws-ec2-metadata-token' + header: value}, None, min(2, left))
            if status != 200:
                raise AwsError(what, 'HTTP', status >= 500, str(status))
            return body.decode('utf-8', 'replace').strip()
        return insist(attempt, 15, self.clock)

    def get(self, path):
        """The text at /latest/PATH, None when there is none."""
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
        """The text at /latest/meta-data/PATH, else an error."""
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
        """The role's key id, secret and token, renewed 5 minutes before they expire."""
        if fresh or self.clock.time() >= self._creds_until - 300:
            path = 'iam/security-credentials/'
            text, self._creds = self.need(path + self.need(path).split('\n')[0]), None
            try:
                got = json.loads(text)
                self._creds_until = calendar.timegm(time.strptime(got['Expiration'], '%Y-%m-%dT%H:%M:%SZ'))
                self._creds = got['AccessKeyId'], got['SecretAccessKey'], got['Token']
            except UNREADABLE:
                self._creds_until = 0
            if not self._creds:
                raise AwsError('metadata ' + path, 'no credentials', True)
        return self._creds


def explain(text):
    """(code, message) of an error in JSON or XML, else ('', text)."""
    try:
        e = json.loads(text) if text[0] == '{' else {tag(e): e.text for e in ET.fromstring(text).iter()}
        return (e.get('__type') or e.get('Code') or next(iter(e))).split('#')[-1], str(e.get('message') or e['Message'])
    except UNREADABLE:
        return '', text


def tag(e):
    return e.tag.split('}')[-1]


def plain(e):
    """An XML element's text, or [(tag, plain(child))]; xml() is the way back."""
    return [(tag(child), plain(child)) for child in e] or e.text or ''


def xml(value):
    return escape(value) if isinstance(value, str) else ''.join('<%s>%s</%s>' % (k, xml(v), k) for k, v in value)


class Aws:
    """Signed requests by the settings of [aws], each retried for `seconds` at most."""

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
        """(parse(body), headers) of the reply; no body with status 304."""
        region, base = region or self.region, self._setting(service).rstrip('/')
        host = service + '.' + region
        if service == 'route53':
            region, host = 'us-east-1', service
        if bucket and not base and '.' not in bucket:
            host = bucket + '.' + host
        elif bucket:
            path = '/' + bucket + path
        url, what = (base or 'https://%s.amazonaws.com' % host) + path, service + ' ' + op

        def attempt(left):
            creds = self.imds.credentials()
            signed = sign(method, url, headers, body, service, region, creds, self.clock.time())
            status, got, text = self.send(what, method, url, signed, body, min(10, left),
                                          self.tls if url[4] == 's' else None, limit)
            if status == 304:
                return None, got
            code, why, again = '', 'not a reply to this call', True
            if status == 200:
                try:
                    return parse(text), got
                except UNREADABLE:
                    pass
            else:
                code, why = explain(text.decode('utf-8', 'replace'))
                for secret in (*creds, signed['Authorization'][-64:]):
                    why = why.replace(secret, '***')
                again = status == 429 or status >= 500 or re.search(BUSY, code or why) or code.startswith(
                    'ExpiredToken') and self.imds.credentials(fresh=True) != creds
            raise AwsError(what, why, again, code or 'HTTP %d' % status, got.get('x-amzn-RequestId') or got.get(
                'x-amz-request-id', ''), got.get('x-amz-bucket-region'))
        return insist(attempt, self.seconds, self.clock)

    def _json(self, service, target, request, parse):
        return self.request(service, target.split('.')[1], 'POST', '/', {
            'Content-Type': 'application/x-amz-json-1.1', 'X-Amz-Target': target}, json.dumps(request).encode(), parse)[0]

    def ssm(self, names, problems=None):
        """{name: value} of the parameters to be had; `problems` takes {name: why} of the others."""
        names, values, problems = list(dict.fromkeys(names)), {}, {} if problems is None else problems
        batches = [names[i:i + 10] for i in range(0, len(names), 10)]
        for batch in batches:
            try:
                values.update(self._json(
                    'ssm', 'AmazonSSM.GetParameters', {'Names': batch, 'WithDecryption': True}, lambda body: {
                        p['Name'] + p.get('Selector', ''): p['Value'] for p in json.loads(body)['Parameters']}))
                problems.update((name, 'ssm: no parameter ' + name) for name in batch if name not in values)
            except AwsError as e:
                if e.code not in ('AccessDeniedException', 'InvalidKeyId', 'ValidationException'):
                    raise
                if batch[1:]:  # perhaps for one of them: ask for each alone
                    batches += [[name] for name in batch]
                else:
                    problems[batch[0]] = str(e)
        return values

    def secret(self, name):
        """The string of a secret in Secrets Manager."""
        text = self._json('secretsmanager', 'secretsmanager.GetSecretValue', {'SecretId': name},
                          lambda body: json.loads(body).get('SecretString'))
        if not text:
            raise AwsError('secretsmanager ' + name, 'holds no string')
        return text

    def s3(self, url, etag=None):
        """(bytes, etag) of s3://BUCKET/KEY[?versionId=V]; (None, etag) while it still has that etag."""
        m = re.fullmatch(r's3://([a-z0-9.-]+)/(.+?)(\?versionId=[^&?=]+)?', url)
        if not m:
            raise AwsError(url, 'not s3://BUCKET/KEY[?versionId=V]')
        region = ''
        while True:
            try:
                body, got = self.request('s3', 'GetObject ' + url, 'GET', '/' + up.quote(m[2]) + up.quote(m[3] or '', '?='),
                                         {'If-None-Match': etag} if etag else {}, b'', bytes, region, m[1], 64 << 20)
                return body, got.get('ETag')
            except AwsError as e:
                if region or not e.region:
                    raise
                region = e.region  # where the bucket is

    def _route53(self, op, method, zone, path, need, body=''):
        def parse(text):
            top = dict(plain(ET.fromstring(text)))
            return {need: top[need], **top}
        return self.request('route53', op, method, '/2013-04-01/hostedzone/%s/%s' % (quote(zone.split('/')[-1]), path),
                            {'Content-Type': 'text/xml'}, body.encode(), parse)[0]

    def records(self, zone, name):
        """The record sets of this name, dicts of plain() fields."""
        found, at = [], {'name': name}
        for _ in range(200):
            got = self._route53('ListResourceRecordSets', 'GET', zone, 'rrset?' + up.urlencode(at, quote_via=up.quote),
                                'ResourceRecordSets')
            for _, fields in got['ResourceRecordSets']:
                if dict(fields)['Name'].rstrip('.') != name:
                    return found
                found.append(dict(fields))
            at = {k.lower(): got['NextRecord' + k] for k in ('Name', 'Type', 'Identifier') if 'NextRecord' + k in got}
            if not at:
                break
        return found

    def change(self, zone, action, record):
        """UPSERT or DELETE a record set like those of records()."""
        self._route53('ChangeResourceRecordSets', 'POST', zone, 'rrset/', 'ChangeInfo', (
            '<ChangeResourceRecordSetsRequest xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><ChangeBatch><Changes>'
            '<Change><Action>%s</Action><ResourceRecordSet>%s</ResourceRecordSet></Change></Changes></ChangeBatch>'
            '</ChangeResourceRecordSetsRequest>') % (action, xml(record.items())))

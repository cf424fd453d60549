"""Signature Version 4, computed again for every request, and the keys that the fake knows."""
import calendar
import functools
import hashlib
import hmac
import re
import secrets
import threading
import time
import urllib.parse

from .refusal import refuse

KEY, SECRET = 'AKIAFAKEFAKEFAKEFAKE', 'fake+secret/fake+secret/fake+secret/fake'
SKEW = 300  # seconds
UNSIGNED = 'UNSIGNED-PAYLOAD'
AUTHORIZATION = re.compile(r'AWS4-HMAC-SHA256 +Credential=([^,]*), *SignedHeaders=([^,]*), *Signature=([0-9a-f]{64})')
SCOPE = re.compile(r'([A-Za-z0-9]{16,128})/(\d{8})/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request')


class Credentials:
    """One access key: its secret, the session token that comes with it or None, when it expires or None."""

    def __init__(self, key, secret, token=None, expires=None, arn=None):
        self.key, self.secret, self.token, self.expires, self.arn = key, secret, token, expires, arn


class Keys:
    """The keys that are good, and those that were."""

    def __init__(self, account):
        self.account, self.known = account, {}
        self.add(Credentials(KEY, SECRET, arn='arn:aws:iam::%s:user/fake' % account))

    def add(self, credentials):
        self.known[credentials.key] = credentials
        return credentials

    def issue(self, now, seconds, arn):
        """Temporary ones."""
        return self.add(Credentials('ASIA' + secrets.token_hex(8).upper(), secrets.token_urlsafe(30),
                                    'FAKE' + secrets.token_urlsafe(200), now + seconds, arn))


@functools.lru_cache(256)
def signing_key(secret, day, region, service):
    key = ('AWS4' + secret).encode()
    for part in (day, region, service, 'aws4_request'):
        key = hmac.digest(key, part.encode(), 'sha256')
    return key


def canonical_query(query):
    """Sorted pairs; ValueError when a part is not encoded as the signature wants it."""
    pairs = []
    for pair in filter(None, query.split('&')):
        name, _, value = pair.partition('=')
        for part in (name, value):
            if urllib.parse.quote(urllib.parse.unquote(part), safe='-_.~') != part:
                raise ValueError('not URI-encoded: ' + part)
        pairs.append((name, value))
    return '&'.join('%s=%s' % p for p in sorted(pairs))


def canonical_path(path):
    """Dots and doubled slashes taken out, and encoded once more, as every service but S3 has it."""
    if '//' in path or '/.' in path:
        parts = []
        for part in path.split('/'):
            if part == '..':
                parts = parts[:-1]
            elif part not in ('', '.'):
                parts.append(part)
        path = '/' + '/'.join(parts) + ('/' if path.endswith('/') and parts else '')
    return urllib.parse.quote(path, safe='/-_.~')


def scope(headers):
    """(key, day, region, service, signed headers, signature) of the Authorization header; None: there is none.
    ValueError: what is wrong with it."""
    text = headers.get('authorization')
    if text is None:
        return None
    m = AUTHORIZATION.fullmatch(text)
    if not m:
        raise ValueError('Authorization header is not of the form of AWS4-HMAC-SHA256 with Credential, SignedHeaders, Signature')
    s = SCOPE.fullmatch(m[1])
    if not s:
        raise ValueError('Credential must have exactly 5 slash-delimited elements, KEY/DATE/REGION/SERVICE/aws4_request')
    return (*s.groups(), m[2], m[3])


def check(service, keys, now, request, found):
    """Refuses the request unless it is signed as it has to be; returns the Credentials. `found` is scope()'s."""
    key, day, region, _, signed, signature = found
    headers, names = request.headers, signed.split(';')
    stamp = headers.get('x-amz-date', '')
    if not re.fullmatch(r'\d{8}T\d{6}Z', stamp):
        raise refuse(service, 'malformed', "Authorization header requires existence of an 'X-Amz-Date' header")
    if names != sorted(set(names)) or signed != signed.lower():
        raise refuse(service, 'malformed', 'SignedHeaders are to be sorted, in lower case, each once')
    unsigned = [n for n in headers if (n == 'host' or n.startswith('x-amz-')) and n not in names]
    if unsigned or 'host' not in headers:
        raise refuse(service, 'wrong', "'%s' must be a signed header" % (unsigned or ['host'])[0])
    if any(n not in headers for n in names):
        raise refuse(service, 'wrong', 'a signed header is not in the request: ' + signed)
    if stamp[:8] != day:
        raise refuse(service, 'wrong', 'Date in Credential scope does not match YYYYMMDD of X-Amz-Date: %s, %s' % (day, stamp))
    known = keys.known.get(key)
    if not known or headers.get('x-amz-security-token') != known.token:
        raise refuse(service, 'unknown', 'The security token included in the request is invalid.')
    off = calendar.timegm(time.strptime(stamp, '%Y%m%dT%H%M%SZ')) - now
    here = time.strftime('%Y%m%dT%H%M%SZ', time.gmtime(now))
    if off < -SKEW:
        raise refuse(service, 'clock', 'Signature expired: %s is now earlier than %s - 5 min.' % (stamp, here))
    if off > SKEW:
        raise refuse(service, 'future', 'Signature not yet current: %s is still later than %s + 5 min.' % (stamp, here))
    if known.expires is not None and now >= known.expires:
        raise refuse(service, 'expired', 'The security token included in the request is expired')
    try:
        query = canonical_query(request.query)
    except ValueError as e:
        raise refuse(service, 'wrong', str(e))
    head = '\n'.join((request.method, canonical_path(request.path), query,
                      *('%s:%s' % (n, ' '.join(headers[n].split())) for n in names), '', signed, ''))
    where = '/'.join((day, region, found[3], 'aws4_request'))
    secret = signing_key(known.secret, day, region, found[3])

    def good(payload):
        canonical = hashlib.sha256((head + payload).encode()).hexdigest()
        text = '\n'.join(('AWS4-HMAC-SHA256', stamp, where, canonical))
        return hmac.compare_digest(hmac.new(secret, text.encode(), 'sha256').hexdigest(), signature)

    said = headers.get('x-amz-content-sha256')
    if request.operation == 'PutSnapshotBlock' and said in (None, UNSIGNED) and good(UNSIGNED):
        return known
    digest = hashlib.sha256(request.body).hexdigest()
    if said not in (None, digest) or not good(digest):
        raise refuse(service, 'wrong', 'The request signature we calculated does not match the signature you provided. Check '
                     "your AWS Secret Access Key and signing method.\n\nThe Canonical String for this request should have been"
                     "\n'%s%s'" % (head, digest))
    return known


class Bucket:
    """Tokens for requests: so many a second, with one second's burst."""

    def __init__(self, rate):
        self.rate, self.level, self.at, self.lock = rate, rate, time.monotonic(), threading.Lock()

    def take(self):
        with self.lock:
            now = time.monotonic()
            self.level = min(self.rate, self.level + (now - self.at) * self.rate)
            self.at = now
            if self.level < 1:
                return False
            self.level -= 1
            return True

#!/usr/bin/python3
"""Fetch an archive, check its SHA-256, unpack it below /: URL SIZE SHA256 [PATH]...

The URL is https://... or s3://BUCKET/KEY[?versionId=V]. What lies at one of the PATHs is kept as
PATH.orig, the first time. Nothing is unpacked of an archive whose digest differs.
"""
import grp
import hashlib
import hmac
import http.client
import json
import os
import pwd
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.error
import urllib.request
from urllib.parse import quote, urlsplit

IMDS = os.environ.get('AWS_EC2_METADATA_SERVICE_ENDPOINT') or 'http://169.254.169.254'
S3 = os.environ.get('AWS_ENDPOINT_URL_S3') or ''
TRY_FOR = int(os.environ.get('HUB_FETCH_SECONDS') or 300)
TIMEOUT = 20


class Stay(urllib.request.HTTPRedirectHandler):
    """A signed request is never sent on to where a redirect points."""

    def redirect_request(self, *args):
        return None


def ask(url, headers, method='GET', handlers=()):
    request = urllib.request.Request(url, None, headers, method=method)
    return urllib.request.build_opener(*handlers).open(request, timeout=TIMEOUT)


def imds(path, method, **header):
    headers = {'X-aws-ec2-metadata-token' + k: v for k, v in header.items()}
    with ask('%s/latest/%s' % (IMDS, path), headers, method, [urllib.request.ProxyHandler({})]) as r:
        return r.read(65536).decode().strip()


def sign(url, region, creds):
    """The headers of a GET, signed for S3 (AWS Signature Version 4)."""
    def mac(key, text):
        return hmac.new(key, text.encode(), hashlib.sha256)

    now = time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())
    u, empty = urlsplit(url), hashlib.sha256().hexdigest()
    headers = {'host': u.netloc, 'x-amz-content-sha256': empty, 'x-amz-date': now,
               'x-amz-security-token': creds['Token']}
    names = ';'.join(headers)
    lines = ''.join('%s:%s\n' % h for h in headers.items())
    canonical = '\n'.join(['GET', u.path, u.query, lines, names, empty])
    scope = '/'.join([now[:8], region, 's3', 'aws4_request'])
    text = '\n'.join(['AWS4-HMAC-SHA256', now, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = b'AWS4' + creds['SecretAccessKey'].encode()
    for part in scope.split('/'):
        key = mac(key, part).digest()
    headers['authorization'] = 'AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s' % (
        creds['AccessKeyId'], scope, names, mac(key, text).hexdigest())
    return headers


def s3(url):
    """Open an S3 object with the credentials of the instance's role."""
    bucket, key, query = re.fullmatch(r's3://([a-z0-9.-]+)/(.+?)(?:\?(versionId=[^&?=]+))?', url).groups()
    token = imds('api/token', 'PUT', **{'-ttl-seconds': '300'})

    def get(path):
        return imds('meta-data/' + path, 'GET', **{'': token})

    region = get('placement/region')
    creds = json.loads(get('iam/security-credentials/' + get('iam/security-credentials/').split()[0]))
    for last in (False, True):
        host = S3 or 'https://s3.%s.%s' % (region, get('services/domain'))
        if not S3 and '.' not in bucket:
            host, path = host.replace('//', '//%s.' % bucket), '/'
        else:
            path = '/%s/' % bucket
        full = host + path + quote(key, safe='/-_.~') + ('?' + query if query else '')
        try:
            return ask(full, sign(full, region, creds), handlers=[Stay])
        except urllib.error.HTTPError as e:
            moved = e.headers.get('x-amz-bucket-region')
            if last or not moved or moved == region:
                raise
            region = moved


def fetch(url, size, out):
    """Copy what the URL gives to `out`; its SHA-256."""
    digest, end = hashlib.sha256(), time.monotonic() + TRY_FOR
    with s3(url) if url.startswith('s3:') else ask(url, {}) as r:
        while True:
            data = r.read(1 << 20)
            if not data:
                break
            digest.update(data)
            out.write(data)
            if out.tell() > size:
                raise SystemExit('fetch: %s: more than the %d bytes expected' % (url, size))
            if time.monotonic() > end:
                raise OSError('still not whole after %d s' % TRY_FOR)
    if out.tell() < size:
        raise OSError('ended after %d of %d bytes' % (out.tell(), size))
    return digest.hexdigest()


def insist(url, size, out):
    """fetch, again while the network, the role or the object may still be coming up."""
    end, pause = time.monotonic() + TRY_FOR, 1
    while True:
        try:
            out.seek(0)
            out.truncate()
            return fetch(url, size, out)
        except (OSError, ValueError, LookupError, http.client.HTTPException) as e:
            why = str(e)
            if isinstance(e, urllib.error.HTTPError):
                why += ': ' + e.read(500).decode(errors='replace')
        if time.monotonic() + pause > end:
            raise SystemExit('fetch: %s: %s' % (url, why))
        print('fetch: %s: %s: again in %d s' % (url, why, pause), file=sys.stderr)
        time.sleep(pause)
        pause = min(2 * pause, 30)


def owner(by_name, name, number):
    try:
        return by_name(name)[2]
    except KeyError:
        return number


def unpack(tar, member, keep):
    path = '/' + member.name
    if '..' in member.name.split('/'):
        raise SystemExit('fetch: %s: leads elsewhere' % path)
    uid, gid = owner(pwd.getpwnam, member.uname, member.uid), owner(grp.getgrnam, member.gname, member.gid)
    if member.isdir():
        os.makedirs(path, exist_ok=True)
        os.chown(path, uid, gid)
        os.chmod(path, member.mode)
        return path
    os.makedirs(os.path.dirname(path), exist_ok=True)
    new = path + '.hub-new'
    if os.path.lexists(new):
        os.unlink(new)
    if member.issym():
        os.symlink(member.linkname, new)
        os.lchown(new, uid, gid)
    else:
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), 'wb') as f:
            shutil.copyfileobj(tar.extractfile(member), f)
            os.fchown(f.fileno(), uid, gid)
            os.fchmod(f.fileno(), member.mode)
    if path in keep and os.path.lexists(path) and not os.path.lexists(path + '.orig'):
        os.rename(path, path + '.orig')
    os.replace(new, path)
    return path


def main(url, size, sha256, *keep):
    os.umask(0o022)
    with tempfile.TemporaryFile() as f:
        found = insist(url, int(size), f)
        if found != sha256:
            raise SystemExit('fetch: %s: its SHA-256 is %s, and not %s: nothing is unpacked' % (url, found, sha256))
        f.seek(0)
        with tarfile.open(fileobj=f, mode='r:gz') as tar:
            paths = [unpack(tar, member, keep) for member in tar]
    if shutil.which('restorecon'):
        subprocess.run(['restorecon', '-F', '-f', '-'], input='\n'.join(paths).encode())


if __name__ == '__main__':
    main(*sys.argv[1:])

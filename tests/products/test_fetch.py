"""The fetch form, run in a scratch root: from a web server and from S3 (signed), the right digest and a wrong one."""
import contextlib
import http.server
import os
import re
import shutil
import subprocess
import sys
import threading
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.dirname(os.path.abspath(__file__)), TOP]
from products import Work, members, read, skip  # noqa: E402
from scratch_root import missing  # noqa: E402

SCRIPT = os.path.join(TOP, 'builder/bundle/fetch.py')
PYTHON = '/usr/bin/python3'


@contextlib.contextmanager
def web(files, faults=()):
    """A web server of {path: bytes}; the first requests meet `faults`: a status, 'cut' or 'stall'."""
    faults, asked = list(faults), []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            fault = faults.pop(0) if faults else None
            data = files.get(self.path)
            if isinstance(fault, int) or data is None:
                return self.send_error(fault or 404)
            self.send_response(200)
            self.send_header('Content-Length', str(len(data)))
            self.end_headers()
            self.wfile.write(data[:len(data) // 2] if fault == 'cut' else data)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield 'http://127.0.0.1:%d' % server.server_address[1], asked
    finally:
        server.shutdown()
        server.server_close()


class Fetch(unittest.TestCase):
    def setUp(self):
        if missing():
            self.skipTest(missing())

    def bundle(self, w, url):
        """The archive, and the script and its arguments as user-data has them."""
        import yaml
        w.overlay('etc/ipsec.conf', 'ours\n')
        w.overlay('etc/odd/private', 'p\n')
        w.overlay('etc/odd/mail', 'm\n')
        w.overlay('usr/lib/hub/activate', '#!/bin/sh\n', 0o755)
        os.makedirs(w.path('overlays/one/etc/odd/folder'))
        os.symlink('private', w.path('overlays/one/etc/odd/link'))
        w.recipe('overlays: [one]\noverlay_url: %s\nmodes:\n'
                 '  /etc/ipsec.conf: {original: keep}\n'
                 '  /etc/odd/private: {mode: "0600"}\n'
                 '  /etc/odd/mail: {mode: "0640", owner: mail, group: no-such-group}\n' % url)
        out = w.build()
        document = yaml.safe_load(read(out, 'user-data'))
        files = {f['path']: f for f in document['write_files']}
        self.assertEqual(list(files), ['/run/imgbuild-fetch'])
        self.assertEqual(files['/run/imgbuild-fetch']['content'].encode(), read(SCRIPT))
        command = document['runcmd'][-1]
        self.assertTrue(command.startswith('python3 /run/imgbuild-fetch '), command)
        self.assertIn(' && /usr/lib/hub/activate', command)
        return read(out, 'overlay.tar.gz'), command.split(' && ')[0].split()[2:]

    def root(self, w):
        """A folder that can be / for the script."""
        root = w.path('root')
        for name in ('bin', 'sbin', 'lib', 'lib64', 'usr', 'dev', 'proc', 'tmp', 'etc/odd'):
            os.makedirs(os.path.join(root, name), exist_ok=True)
        for path in ('/etc/passwd', '/etc/group'):
            shutil.copy(path, root + path)
        shutil.copy(SCRIPT, root + '/fetch.py')
        return root

    def fetch(self, w, args, env=None):
        """Run the script with a root of its own as /; (status, output)."""
        root = self.root(w)
        # The system's folders are there to run Python; what is written in them is in memory.
        p = subprocess.run(['unshare', '-m', '--propagation=private', 'sh', '-c', '''
set -e
cd "$0"
for d in bin sbin lib lib64; do [ ! -d /$d ] || mount --rbind /$d $d; done
mkdir -p overlay; mount -t tmpfs t overlay; mkdir overlay/u overlay/w
mount -t overlay o -o lowerdir=/usr,upperdir=overlay/u,workdir=overlay/w usr
mount --rbind /dev dev
mount -t tmpfs t tmp
r=0
chroot . env -i PATH=/usr/bin:/bin "$@" || r=$?
mkdir -p seen && cp -a overlay/u/. seen/
exit $r''', root, *['%s=%s' % kv for kv in (env or {}).items()], PYTHON, '/fetch.py', *args],
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)
        return p.returncode, p.stdout

    def assert_unpacked(self, w, archive):
        for path, (m, data) in members(archive).items():
            at = w.path('root') + path.replace('/usr', '/seen', 1)
            self.assertTrue(os.path.lexists(at), path)
            if m.issym():
                self.assertEqual(os.readlink(at), m.linkname)
                continue
            self.assertEqual('%o' % (os.stat(at).st_mode & 0o7777), '%o' % m.mode, path)
            if m.isfile():
                self.assertEqual(read(at), data)

    def test_good_digest_unpacks_and_keeps_the_original(self):
        with Work() as w:
            archive, args = self.bundle(w, 'https://example.com/overlay.tar.gz')
            with web({'/o': archive}) as (url, _):
                args[0] = url + '/o'
                self.root(w)
                w.write('root/etc/ipsec.conf', 'vendor\n')
                # A link that lies in the way is replaced, and not written through.
                w.write('root/etc/elsewhere', 'untouched\n')
                os.symlink('/etc/elsewhere', w.path('root/etc/odd/private'))
                status, out = self.fetch(w, args)
                self.assertEqual((status, out), (0, ''))
                self.assert_unpacked(w, archive)
                self.assertEqual(read(w.path('root/etc/ipsec.conf.orig')), b'vendor\n')
                self.assertEqual(read(w.path('root/etc/elsewhere')), b'untouched\n')
                st = os.stat(w.path('root/etc/odd/mail'))
                self.assertEqual((st.st_uid, st.st_gid), (8, 65534))

                # Again: the first original stays, nothing is left beside.
                status, out = self.fetch(w, args)
                self.assertEqual(status, 0, out)
                self.assertEqual(read(w.path('root/etc/ipsec.conf.orig')), b'vendor\n')
                left = subprocess.run(['find', w.path('root'), '-name', '*.hub-new'], stdout=subprocess.PIPE).stdout
                self.assertEqual(left, b'')

    def test_wrong_digest_unpacks_nothing(self):
        with Work() as w:
            archive, args = self.bundle(w, 'https://example.com/overlay.tar.gz')
            bad = bytearray(archive)
            bad[-1] ^= 1
            for name, data in (('changed', bytes(bad)), ('cut', archive[:-1]), ('longer', archive + b'x')):
                with self.subTest(name), web({'/o': data}) as (url, _):
                    status, out = self.fetch(w, [url + '/o', *args[1:]], {'HUB_FETCH_SECONDS': '1'})
                    self.assertNotEqual(status, 0)
                    self.assertRegex(out, 'nothing is unpacked|more than|ended after')
                    self.assertEqual(os.listdir(w.path('root/etc/odd')), [])

    def test_tries_again_and_gives_up(self):
        with Work() as w:
            archive, args = self.bundle(w, 'https://example.com/overlay.tar.gz')
            with web({'/o': archive}, [503, 'cut', 404]) as (url, asked):
                status, out = self.fetch(w, [url + '/o', *args[1:]], {'HUB_FETCH_SECONDS': '60'})
                self.assertEqual(status, 0, out)
                self.assertEqual(len(asked), 4)
                self.assertIn('503', out)
            with web({}) as (url, asked):
                status, out = self.fetch(w, [url + '/o', *args[1:]], {'HUB_FETCH_SECONDS': '2'})
                self.assertNotEqual(status, 0)
                self.assertIn('404', out)

    def test_s3_signed_with_the_role(self):
        try:
            from tests.hub.fake_aws import FakeAws
        except ImportError as e:
            self.skipTest(str(e))
        with Work() as w, FakeAws() as aws:
            archive, args = self.bundle(w, 's3://hub-bucket/a%20b/overlay+1.tar.gz?versionId=v000001')
            # The shell's quoting of the URL.
            self.assertRegex(args[0], "^'?s3://")
            shutil.copy(aws.ca, self.root(w) + '/ca.pem')
            version = aws.put_object('hub-bucket', 'dir/overlay +1.tar.gz', archive)
            aws.put_object('hub-bucket', 'dir/overlay +1.tar.gz', b'a later one')
            env = {'AWS_EC2_METADATA_SERVICE_ENDPOINT': aws.endpoints['imds'],
                   'AWS_ENDPOINT_URL_S3': aws.endpoints['s3'], 'SSL_CERT_FILE': '/ca.pem', 'HUB_FETCH_SECONDS': '20'}
            url = 's3://hub-bucket/dir/overlay +1.tar.gz?versionId=' + version
            status, out = self.fetch(w, [url, *args[1:]], env)
            self.assertEqual(status, 0, out)
            self.assert_unpacked(w, archive)
            calls = aws.calls('s3')
            self.assertTrue(calls and all(status == 200 for _, status, _ in calls), calls)
            self.assertNotIn(aws.credentials.secret, out)

    def test_s3_other_region_refusals_and_no_secret_in_messages(self):
        try:
            from tests.hub.fake_aws import FakeAws
        except ImportError as e:
            self.skipTest(str(e))
        with Work() as w, FakeAws() as aws:
            archive, args = self.bundle(w, 's3://hub-bucket/overlay.tar.gz')
            shutil.copy(aws.ca, self.root(w) + '/ca.pem')
            env = {'AWS_EC2_METADATA_SERVICE_ENDPOINT': aws.endpoints['imds'],
                   'AWS_ENDPOINT_URL_S3': aws.endpoints['s3'], 'SSL_CERT_FILE': '/ca.pem', 'HUB_FETCH_SECONDS': '20'}
            aws.put_object('hub-bucket', 'overlay.tar.gz', archive, region='ap-northeast-1')
            aws.fault('s3', 'throttle')
            aws.fault('imds', 'error')
            status, out = self.fetch(w, args, env)
            self.assertEqual(status, 0, out)
            self.assert_unpacked(w, archive)
            aws.denied.add('s3:hub-bucket/overlay.tar.gz')
            status, out = self.fetch(w, args, {**env, 'HUB_FETCH_SECONDS': '2'})
            self.assertNotEqual(status, 0)
            self.assertIn('AccessDenied', out)
            for secret in aws.credentials[:3]:
                self.assertNotIn(secret, re.sub('<AWSAccessKeyId>.*?<', '<', out))


if __name__ == '__main__':
    try:
        import yaml  # noqa: F401
    except ImportError as e:
        skip(str(e))
    unittest.main()

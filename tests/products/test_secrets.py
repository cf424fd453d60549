"""A marked key, given by environment and by file, is found in the pasteable user-data and nowhere else: not in
a product, the log, the events or the arguments of any process, plain, encoded or as a digest."""
import base64
import bz2
import gzip
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import threading
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from products import IMGBUILD, Work, parts, read  # noqa: E402

KEYS = {'env:PRODUCTS_TEST_KEY': 'MarkedEnvKey-0123456789', 'file:key': 'MarkedFileKey-987654321'}
SITES = ''.join('- {name: b%d, peer: 203.0.113.%d, id: 10.%d.0.1, subnets: 10.%d.0.0/24, psk: "%s"}\n' % (n, n, n, n, ref)
                for n, ref in enumerate(KEYS, 1))
ARGS = ['--inline-secrets']


def forms(key):
    """Bytes by which a key could be told: itself, encoded at any alignment, and its digests."""
    found = set()
    for text in (key, key + '\n', json.dumps(key)):
        data = text.encode()
        found |= {data, data[::-1], data.hex().encode(), data.hex().upper().encode(),
                  base64.b32encode(data), base64.b85encode(data)}
        for shift in range(3):
            # What does not depend on the bytes around it.
            coded = base64.b64encode(b'x' * shift + data)
            found |= {coded[4 if shift else 0:-4], base64.urlsafe_b64encode(b'x' * shift + data)[4 if shift else 0:-4]}
        for name in ('md5', 'sha1', 'sha224', 'sha256', 'sha384', 'sha512'):
            d = hashlib.new(name, data)
            found |= {d.digest(), d.hexdigest().encode(), base64.b64encode(d.digest()).rstrip(b'=')}
    return found


def layers(data, depth=0):
    """The bytes, and what is in them compressed, archived or encoded."""
    yield data
    if depth == 5:
        return
    if data[:2] == b'\x1f\x8b':
        yield from layers(gzip.decompress(data), depth + 1)
    elif data[:3] == b'BZh':
        yield from layers(bz2.decompress(data), depth + 1)
    elif data[257:262] == b'ustar':
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            for m in tar:
                yield m.name.encode() + m.linkname.encode()
                if m.isfile():
                    yield from layers(tar.extractfile(m).read(), depth + 1)
    elif data.startswith(b'Content-Type: multipart/'):
        for _, _, part in parts(data):
            yield from layers(part, depth + 1)
    for word in data.split():
        word = word.strip(b'",\'')
        if len(word) >= 40 and len(word) % 4 == 0:
            try:
                yield from layers(base64.b64decode(word, validate=True), depth + 1)
            except ValueError:
                pass


def holders(folder, wanted):
    found = set()
    for top, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(top, name)
            with open(path, 'rb') as f:
                data = f.read()
            if any(form in layer for layer in layers(data) for form in wanted):
                found.add(os.path.relpath(path, folder))
    return found


class Secrets(unittest.TestCase):
    def setUp(self):
        self.w = Work().__enter__()
        self.addCleanup(self.w.__exit__)
        self.w.write('recipes/sites.yaml', SITES)
        self.w.write('recipes/key', KEYS['file:key'] + '\n', 0o600)
        self.w.overlay('etc/hub/hub.conf.in', 'id={{hub_id}}\n')
        self.w.recipe('overlays: [one]\nsites: sites.yaml\n')
        self.env = {'PRODUCTS_TEST_KEY': KEYS['env:PRODUCTS_TEST_KEY']}
        self.wanted = [form for key in KEYS.values() for form in forms(key)]

    def test_only_the_pasteable_user_data_holds_a_key(self):
        logs = self.w.path('logs')
        os.mkdir(logs)
        for form in ('', 'overlay_url: https://example.com/o\n'):
            self.w.recipe('overlays: [one]\nsites: sites.yaml\n' + form)
            for n, more in enumerate(([], ['-v'], ['--json'], ['--dry-run', '-v'])):
                out = self.w.build(*ARGS, *more, env=self.env)
                self.w.write('logs/%d%d' % (len(form), n), self.w.said)
            self.assertEqual(holders(out, self.wanted), {'user-data', 'user-data.b64'})
            for name in ('user-data', 'user-data.b64'):
                self.assertEqual(os.stat(os.path.join(out, name)).st_mode & 0o777, 0o600)
        for goal in ('plan', 'check'):
            p = subprocess.run([IMGBUILD, '-C', self.w.top, '--out', self.w.path('out'), 'r', goal, *ARGS, '-v'],
                               env={**os.environ, **self.env}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            self.assertEqual(p.returncode, 0, p.stdout)
            self.w.write('logs/' + goal, p.stdout)
        self.assertEqual(holders(logs, self.wanted), set())

    def test_the_search_finds_what_is_there(self):
        """The test above can fail: each form, hidden in each way, is found."""
        for form in sorted(self.wanted)[:60]:
            folder = self.w.path('hidden')
            os.makedirs(folder, exist_ok=True)
            for wrap in (lambda b: b, gzip.compress, lambda b: b'x ' + base64.b64encode(b'-' * 40 + b + b'-' * 40),
                         lambda b: gzip.compress(base64.b64encode(b'-' * 40 + b))):
                self.w.write('hidden/f', wrap(b'before ' + form + b' after'))
                self.assertEqual(holders(folder, self.wanted), {'f'}, form)

    def test_manifest_tells_neither_size_nor_digest(self):
        out = self.w.build(*ARGS, env=self.env)
        with open(os.path.join(out, 'manifest.json')) as f:
            manifest = json.load(f)
        secret = {p['path']: p for p in manifest['products'] if p.get('secret')}
        self.assertEqual(set(secret), {'user-data', 'user-data.b64'})
        for p in secret.values():
            self.assertEqual(set(p), {'path', 'secret'})
        inputs = [i for i in manifest['inputs'] if i.get('secret')]
        self.assertEqual(inputs, [{'reference': ref, 'secret': True} for ref in KEYS])
        self.assertNotIn('/etc/hub/keys.json', {f['path'] for f in manifest['files']})

    def test_other_keys_change_nothing_else(self):
        """Whatever could be worked out from a key would differ with another one of another length."""
        def all_but_user_data(out):
            return {os.path.relpath(os.path.join(top, n), out): read(top, n)
                    for top, _, names in os.walk(out) for n in names if n not in ('user-data', 'user-data.b64')}
        first = all_but_user_data(self.w.build(*ARGS, env=self.env))
        self.w.write('recipes/key', 'other-key')
        second = all_but_user_data(self.w.build(*ARGS, env={'PRODUCTS_TEST_KEY': 'k' * 100}))
        self.assertEqual(first, second)

    def test_no_process_has_a_key_in_its_arguments(self):
        seen, stop = set(), threading.Event()

        def watch():
            while not stop.is_set():
                for pid in filter(str.isdigit, os.listdir('/proc')):
                    try:
                        with open('/proc/%s/cmdline' % pid, 'rb') as f:
                            seen.add(f.read())
                    except OSError:
                        pass
        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            for _ in range(5):
                self.w.build(*ARGS, env=self.env)
        finally:
            stop.set()
            watcher.join()
        self.assertTrue(any(b'--inline-secrets' in c for c in seen))
        self.assertFalse([c for c in seen if any(k.encode() in c for k in KEYS.values())])

    def test_without_the_switch_it_is_a_problem_that_says_what_to_do(self):
        said = self.w.build(status=3, env=self.env)
        self.assertIn('recipes/sites.yaml:1:', said)
        self.assertIn('--inline-secrets', said)
        self.assertIn('ssm:', said)
        self.assertFalse(os.path.exists(self.w.path('out/r')))
        for key in KEYS.values():
            self.assertNotIn(key, said)


if __name__ == '__main__':
    unittest.main()

"""overlay.tar.gz: the same bytes whoever builds it wherever and whenever, and the same files for every reader."""
import gzip
import hashlib
import os
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from products import IMGBUILD, ODD_FILES, Work, members, read  # noqa: E402

RECIPE = '''\
overlays: [one, two]
modes:
  /etc/odd/mode: {mode: "4711", owner: nobody, group: games}
  /etc/odd/folder: {mode: "0700"}
'''


def fill(w):
    for name, data in ODD_FILES.items():
        w.overlay(name, data)
    w.overlay('etc/odd/mode', 'x\n')
    w.overlay('usr/bin/tool', '#!/bin/sh\n', 0o755)
    w.overlay('etc/filled.in', 'id={{hub_id}}\n', layer='two')
    w.overlay('etc/' + 'long/' * 30 + 'n' * 120, 'deep\n')
    w.overlay('etc/' + 'p' * 90 + '/' + 'n' * 60, 'split\n')
    os.makedirs(w.path('overlays/one/etc/odd/folder'))
    os.symlink('/etc/odd/mode', w.path('overlays/one/etc/odd/link'))
    os.symlink('t' * 300, w.path('overlays/one/etc/odd/long-link'))
    w.recipe(RECIPE)


class Archive(unittest.TestCase):
    def test_same_bytes_from_everywhere(self):
        with Work() as w, Work() as other:
            fill(w)
            first = read(w.build(), 'overlay.tar.gz')

            # The same files, checked out elsewhere by someone with other habits.
            shutil.rmtree(other.top)
            os.umask(0o077)
            try:
                shutil.copytree(w.top, other.top, symlinks=True)
            finally:
                os.umask(0o022)
            for folder, folders, files in os.walk(other.path('overlays')):
                for name in folders + files:
                    path = os.path.join(folder, name)
                    if os.path.islink(path):
                        continue
                    os.utime(path, (86400, 86400))
                    os.chmod(path, 0o700 if os.stat(path).st_mode & 0o100 else 0o600)
            variants = [
                {'env': {'TZ': 'Asia/Tokyo', 'LC_ALL': 'C', 'HOME': '/nonexistent', 'USER': 'nobody'}},
                {'env': {'LC_ALL': 'C.UTF-8'}, 'umask': 0o077, 'cwd': '/'},
            ]
            if os.geteuid() == 0:
                program = other.path('imgbuild')
                shutil.copy(IMGBUILD, program)
                subprocess.run(['chown', '-R', '65534:65534', other.top], check=True)
                os.chmod(program, 0o755)
                variants.append({'user': 65534, 'group': 65534, 'extra_groups': [], 'program': program})
            if shutil.which('faketime'):
                variants.append({'program': ['faketime', '2001-02-03 04:05:06', IMGBUILD]})
            for kw in variants:
                program = kw.pop('program', IMGBUILD)
                program = [program] if isinstance(program, str) else program
                out = other.path('out')
                env = {**os.environ, **kw.pop('env', {}), 'ASAN_OPTIONS': 'detect_leaks=0:verify_asan_link_order=0'}
                p = subprocess.run([*program, '-C', other.top, '--out', out, 'r'], env=env,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **kw)
                self.assertEqual(p.returncode, 0, p.stdout)
                again = read(out, 'r', 'overlay.tar.gz')
                self.assertEqual(hashlib.sha256(again).hexdigest(), hashlib.sha256(first).hexdigest(), (program, kw))
                shutil.rmtree(out)

    def test_time_is_source_date_epoch_or_none(self):
        with Work() as w:
            fill(w)
            for value in (None, '0', '1700000000'):
                env = {'SOURCE_DATE_EPOCH': value} if value else {}
                tar = members(read(w.build(env=env), 'overlay.tar.gz'))
                self.assertEqual({m.mtime for m, _ in tar.values()}, {int(value or 0)})

    def test_gzip_has_no_name_and_no_time(self):
        with Work() as w:
            fill(w)
            data = read(w.build(), 'overlay.tar.gz')
            self.assertEqual(data[:8], b'\x1f\x8b\x08\x00\x00\x00\x00\x00')
            self.assertEqual(len(gzip.decompress(data)) % 512, 0)

    def test_every_reader_finds_the_same(self):
        with Work() as w:
            fill(w)
            data = read(w.build(), 'overlay.tar.gz')
            mine = members(data)
            self.assertEqual(list(mine), sorted(mine, key=lambda p: p.encode()))
            m = mine['/etc/odd/mode'][0]
            self.assertEqual((m.mode, m.uname, m.uid, m.gid), (0o4711, 'nobody', 65534, 65534))
            self.assertEqual(mine['/usr/bin/tool'][0].mode, 0o755)
            self.assertEqual(mine['/etc/odd/long-link'][0].linkname, 't' * 300)
            self.assertEqual(mine['/etc/filled'][1], b'id=@vpn.example.com\n')
            for name, want in ODD_FILES.items():
                self.assertEqual(mine['/' + name][1], want, name)
            path = w.write('overlay.tar.gz', data)
            for reader in (['tar', '-xpzf', path], ['bsdtar', '-xpf', path],
                           ['busybox', 'tar', '-xpzf', path]):
                if not shutil.which(reader[0]):
                    continue
                with self.subTest(reader[0]):
                    root = w.path('root')
                    os.mkdir(root)
                    p = subprocess.run(reader, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                       env={**os.environ, 'LC_ALL': 'C.UTF-8'}, text=True)
                    self.assertEqual(p.returncode, 0, p.stdout)
                    self.assertEqual(p.stdout, '')
                    for name, (m, text) in mine.items():
                        at = root + name
                        if m.issym():
                            self.assertEqual(os.readlink(at), m.linkname)
                        elif m.isfile():
                            self.assertEqual(read(at), text, name)
                        if not m.issym() and (os.geteuid() == 0 or not m.mode & 0o4000):
                            self.assertEqual(os.stat(at).st_mode & 0o7777, m.mode, name)
                    shutil.rmtree(root)


if __name__ == '__main__':
    unittest.main()

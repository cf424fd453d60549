"""What the tests of the products share: recipes of their own, bundles built from them, cloud-init's parts.

    with Work() as w:
        w.overlay('etc/x', 'text')
        out = w.build(overlays=['one'])
"""
import email
import gzip
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
IMGBUILD = os.path.join(TOP, os.environ.get('TESTS_BUILD', 'build/asan'), 'imgbuild')
sys.dont_write_bytecode = True

RECIPE = '''\
vars:
  pool_name: {type: fqdn, default: vpn.example.com, help: the pool}
  vpc_cidr: {type: cidr, default: 172.16.0.0/16, help: the VPC}
  hub_subnet: {type: cidr, default: 172.16.1.0/24, help: the subnet}
  admin_cidr: {type: cidr, default: 172.16.0.0/16, help: who may SSH}
  hub_id: {type: string, default: "@vpn.example.com", help: the identity}
  sites_url: {type: url, schemes: [s3], optional: true, help: the sites object}
  hosted_zone: {type: string, optional: true, help: the zone}
  region: {type: string, optional: true, help: the region}
  group: {type: string, default: hub, help: the group}
  tunnel_mss: {type: int, default: 1360, min: 536, max: 1460, help: the segment}
packages: [libreswan, iptables]
'''


def skip(why):
    print('SKIP %s: %s' % (os.path.basename(sys.argv[0]), why))
    sys.exit(77)


class Work:
    """A folder with recipes and overlays of its own, that goes away."""

    def __enter__(self):
        self.top = tempfile.mkdtemp(prefix='products-test-')
        os.mkdir(self.path('recipes'))
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.top, True)

    def path(self, *names):
        return os.path.join(self.top, *names)

    def write(self, name, data, mode=0o644):
        """A file below the folder; its path."""
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'wb') as f:
            f.write(data.encode() if isinstance(data, str) else data)
        os.chmod(path, mode)
        return path

    def overlay(self, name, data, mode=0o644, layer='one'):
        return self.write('overlays/%s/%s' % (layer, name), data, mode)

    def recipe(self, text, name='r'):
        return self.write('recipes/%s.yaml' % name, RECIPE + text)

    def build(self, *args, name='r', root=None, status=0, env=None, **kw):
        """The folder with the products; the text of the error when another status is expected."""
        out = self.path('out')
        argv = [IMGBUILD, '-C', root or self.top, '--out', out, name, *args]
        p = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120,
                           env={**os.environ, **(env or {})}, **kw)
        assert p.returncode == status, '%s: status %d\n%s%s' % (argv, p.returncode, p.stdout, p.stderr)
        self.said = p.stdout + p.stderr
        return os.path.join(out, os.path.basename(name).replace('.yaml', '')) if status == 0 else p.stderr


def read(*path):
    with open(os.path.join(*path), 'rb') as f:
        return f.read()


def unpacked(data):
    return gzip.decompress(data) if data[:2] == b'\x1f\x8b' else data


def parts(data):
    """[(name, type, bytes)] of user-data, as any reader of MIME sees it."""
    data = unpacked(data)
    if not data.startswith(b'Content-Type: multipart/'):
        return [('', 'text/cloud-config', data)]
    message = email.message_from_bytes(data)
    assert message.is_multipart() and not message.defects, message.defects
    return [(p.get_filename(), p.get_content_type(), p.get_payload(decode=True)) for p in message.get_payload()]


def members(data):
    """{path: (TarInfo, bytes)} of overlay.tar.gz."""
    found = {}
    with tarfile.open(fileobj=io.BytesIO(data), mode='r:gz') as tar:
        for m in tar:
            found['/' + m.name] = m, tar.extractfile(m).read() if m.isfile() else b''
    return found


# Files that break careless quoting: each must arrive on the hub as it is here.
ODD_FILES = {
    'etc/odd/empty': b'',
    'etc/odd/newline': b'\n',
    'etc/odd/newlines': b'text\n\n\n',
    'etc/odd/no-newline': b'text',
    'etc/odd/blank-first': b'   text\n text\n',
    'etc/odd/newline-first': b'\n\n  text\n',
    'etc/odd/tab-first': b'\ttext\n',
    'etc/odd/blank-lines': b'a\n   \n\t\nb\n   ',
    'etc/odd/trailing': b'a  \nb\t\n',
    'etc/odd/crlf': b'a\r\nb\r\n',
    'etc/odd/utf8': 'gr\u00fc\u00df \u4e16\u754c \U0001f600\n'.encode(),
    'etc/odd/line-ends': 'a\u2028b\u0085c\u2029\n'.encode(),
    'etc/odd/bom': b'\xef\xbb\xbftext\n',
    'etc/odd/latin1': b'gr\xfc\xdf\n',
    'etc/odd/binary': bytes(range(256)),
    'etc/odd/yaml': b'---\n- a: b # c\n...\n%YAML 1.1\n{x: [1, *y]}\n#cloud-config\n',
    'etc/odd/shell': b'$HOME `id` $(id) "x" \'y\' \\n\n',
    'etc/odd/long': b'x' * 5000 + b'\n',
    'etc/odd/mime': b'MIME-Version: 1.0\n--=_imgbuild_0\n--=_imgbuild_0--\nFrom me\n',
    'etc/odd/jinja': b'## template: jinja\n{{ x }}\n',
    'etc/odd/a name with blanks': b'text\n',
    "etc/odd/qu'ote\"d": b'text\n',
    'etc/odd/gr\u00fc\u00df': b'text\n',
    'etc/odd/$HOME': b'text\n',
    'etc/odd/colon: hash #': b'text\n',
}

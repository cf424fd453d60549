"""A hub in a scratch folder, with a daemon and an AWS that are played, for the tests of the hub command."""
import contextlib
import io
import json
import os
import shutil
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
OVERLAY = os.path.join(HERE, '../../overlays/hub')
COMMAND = os.path.join(OVERLAY, 'usr/bin/hub')
sys.path.insert(0, os.path.join(OVERLAY, 'usr/lib/hub'))

import sites  # noqa: E402
from base import Error  # noqa: E402

Hub = sites.Hub  # a test may put another in its place
MARK = 'MARKEDsecretKEY'  # every key holds it, and it must be seen nowhere
RTX = {'ike_version': 1, 'ike': ['aes256-sha256-modp2048', 'aes256-sha256-modp1536', 'aes128-sha1-modp2048',
                                 'aes128-sha1-modp1536'],
       'esp': ['aes256-sha256', 'aes128-sha1'], 'pfs': False, 'ike_lifetime': 28800, 'esp_lifetime': 28800}
CRYPTO = {
    'rtx810': RTX, 'rtx-ikev2': dict(RTX, ike_version=2),
    'modern': {'ike_version': 2, 'ike': ['aes256gcm16-prfsha384-ecp384', 'aes256gcm16-prfsha256-modp2048',
                                         'aes256-sha256-modp2048'],
               'esp': ['aes256gcm16', 'aes256-sha256'], 'pfs': True, 'ike_lifetime': 28800, 'esp_lifetime': 3600}}


def site(n, **fields):
    """A good record, number n."""
    return {'name': 'branch%d' % n, 'peer': '203.0.113.%d' % n, 'id': '192.168.%d.1' % n,
            'subnets': ['192.168.%d.0/24' % n], **fields}


class Played:
    """AWS as far as sites need it; what is put into `down` fails."""

    class Down(Error):
        again = True

    def __init__(self):
        self.parameters, self.secrets, self.objects, self.down, self.asked = {}, {}, {}, set(), []
        self.imds = self

    def local_ipv4(self):
        if 'imds' in self.down:
            raise self.Down('imds: no answer')
        return '172.16.1.5'

    def public_ipv4(self):
        return '198.51.100.1'

    def _ask(self, service, what):
        self.asked.append((service, what))
        if service in self.down:
            raise self.Down(service + ': no answer')

    def ssm(self, names, problems=None):
        self._ask('ssm', tuple(names))
        problems.update({n: 'ssm: no parameter ' + n for n in names if n not in self.parameters})
        return {n: self.parameters[n] for n in names if n in self.parameters}

    def secret(self, name):
        self._ask('secretsmanager', name)
        if name not in self.secrets:
            e = self.Down('secretsmanager: no secret ' + name)
            e.again = False
            raise e
        return self.secrets[name]

    def s3(self, url, etag=None):
        self._ask('s3', url)
        body = self.objects[url]
        now = '"%d"' % hash(body)
        return (None, etag) if etag == now else (body, now)


class Runner:
    """Stands for every program: remembers each call; the daemon has the connections that it was given."""

    def __init__(self):
        self.calls, self.state, self.has, self.refuse, self.up = [], 'up', {}, {}, ''
        self.nat = '-A POSTROUTING -d 172.16.0.0/16 -m mark --mark 0x1 -j MASQUERADE --random-fully\n'
        self.journal = ''

    def __call__(self, *argv, data='', timeout=15):
        self.calls.append((argv, data))
        if argv[0] == 'iptables-save':
            return 0, self.nat
        if argv[0] == 'journalctl':
            return 0, self.journal
        if self.state == 'down':
            return 33, 'whack: Pluto is not running (no "/run/pluto/pluto.ctl")'
        if self.state == 'hung':
            return None, 'timed out'
        if argv[1] == 'addconn':
            names, status, said = argv[argv.index('/dev/stdin') + 1:], 0, ''
            for name, text in zip(names, data.split('conn ')[1:]):
                status, said = (36, self.refuse[name]) if name in self.refuse else (0, '')
                if not status:
                    assert text.startswith(name + '\n'), data
                    self.has[name] = 'conn ' + text
            return status, said
        name = argv[argv.index('--name') + 1] if '--name' in argv else None
        if '--delete' in argv:
            return (0, '') if self.has.pop(name, None) else (21, 'no connection or alias named "%s"' % name)
        if name and name not in self.has:
            return 0, '021 no such connection or aliased connection named "%s"' % name
        return 0, self.up if '--trafficstatus' in argv else ''

    def words(self):
        """The last words that tell what was asked of the daemon, in order."""
        return [argv[-1] if 'addconn' in argv else argv[-1] + (' ' + argv[-2] if '--name' in argv else '')
                for argv, _ in self.calls]


class Scratch:
    """A root folder with a hub's files; `hub()` is the hub on it, as after a new start of the command."""

    def __init__(self, case, **hub):
        self.root = tempfile.mkdtemp(prefix='hub-') + '/'
        case.addCleanup(shutil.rmtree, self.root)
        self.aws, self.run = Played(), Runner()
        self.aws.parameters['/hub/psk/default'] = MARK + 'default'
        for folder in ('etc/hub', 'etc/ipsec.d', 'proc/sys/net/ipv4', 'var/lib/hub', 'run/pluto'):
            os.makedirs(self.root + folder)
        os.chmod(self.root + 'var/lib/hub', 0o700)
        self.put('proc/sys/net/ipv4/ip_forward', '1\n')
        self.put('etc/hub/crypto.json', CRYPTO)
        settings = {'id': '@vpn.example.com', 'vpc': '172.16.0.0/16', 'subnet': '172.16.1.0/24',
                    'daemon': 'libreswan', 'sites': '', **hub}
        self.put('etc/hub/hub.conf', '[hub]\n' + ''.join('%s = %s\n' % kv for kv in settings.items())
                 + '[pool]\nname = vpn.example.com\nzone =\n[aws]\nimds = http://127.0.0.1:1\n')

    def put(self, path, data):
        with open(self.root + path, 'w') as f:
            f.write(data if isinstance(data, str) else json.dumps(data))

    def build(self, *records, psk='ssm:/hub/psk/default', **more):
        self.put('etc/hub/sites.json', {'format': 1, 'psk': psk, 'sites': records, **more})

    def get(self, path):
        with open(self.root + path) as f:
            return f.read()

    def mode(self, path):
        return os.stat(self.root + path).st_mode & 0o777

    def hub(self):
        hub = Hub(self.root)
        hub.aws = self.aws
        hub.daemon.run = self.run
        return hub

    def render(self, fetch=True):
        """(what became of each connection, alarms)"""
        with heard() as err:
            hub = self.hub()
            done = sites.render(hub, sites.sources(hub, fetch))
        return done, err.getvalue()

    @property
    def conns(self):
        return self.hub().rendered

    @property
    def secrets(self):
        return self.get('etc/ipsec.d/hub-sites.secrets')


@contextlib.contextmanager
def heard():
    err = io.StringIO()
    with contextlib.redirect_stderr(err):
        yield err

"""A strict AWS of this machine's own: EBS direct APIs, EC2's images, SSM, Auto Scaling, STS, KMS on one endpoint.

    fake.py [--port N] [--state DIR] [--ready FILE] [--tls CERT KEY | --make-tls DIR] [--setup JSON] [--faults JSON]

It listens on 127.0.0.1, prints its URL, writes it (a line) to FILE, and runs until SIGTERM. Clients come with
    AWS_ENDPOINT_URL=URL AWS_ACCESS_KEY_ID=AKIAFAKEFAKEFAKEFAKE
    AWS_SECRET_ACCESS_KEY=fake+secret/fake+secret/fake+secret/fake      (no session token) and any region.
Service and region are what the signature's scope says. It refuses what AWS refuses: each signature is computed again,
each parameter held to botocore's service models and supplement.json; what is not in them is refused. Account 123456789012.

In Python: `with Server(Fake()) as server: server.url, server.fake.world, server.fake.faults.add([...])` (from fake import ...).

The control path, unsigned, JSON both ways (a mistake is answered 400 {"error": ...}):
GET  /_fake/state[?region=R]     everything, by region; counts of all calls; the faults
GET  /_fake/counts               {"ebs.PutSnapshotBlock": 7, ...}
GET  /_fake/log[?since=N&service=&operation=&region=&code=&fault=]  each request with status, code, fault, milliseconds
GET  /_fake/blocks?region=R&snapshot=S  {"puts": {index: times}, "digests": {index: hex}, "aggregate": base64}
GET  /_fake/volume?region=R&snapshot=S[&path=FILE][&size=BYTES][&missing=zero|random]
                                 the content of a volume made from the snapshot, as the body or, with holes, into FILE; blocks
                                 that are missing read as random bytes when it is encrypted. size: only the first so many bytes
GET  /_fake/faults               the rules, with how often each was seen and struck
POST /_fake/faults               one rule, or a list; {"clear": true}. See KINDS in fakeaws/faults.py:
     {"service": "ebs", "operation": "PutSnapshotBlock", "region": R, "match": part of the target,
      "kind": K, "count": 1, "skip": 0, "nth": N or [N...], "probability": P, "seed": 0}
     All but kind may be left out. Strikes once, after `skip` matching calls, or `count` times; `nth` (from 1) and `probability`
     strike without end unless `count` says. Kinds: throttle error unavailable expired denied clock refuse reset close stall
     slow lost truncate cut garbage empty corrupt drip; `seconds` for stall and slow; `status`, `code`, `message` for refuse
POST /_fake/setup                {"settings": {...}, "clock": seconds ahead, "regions": {R: {...}}, "roles": ..., "web_tokens": ...};
                                 settings: SETTINGS in fakeaws/world.py; a region's things: fakeaws/seeds.py
POST /_fake/keys                 {"seconds": 900}: temporary credentials {"key", "secret", "token", "expires"}; a negative number:
                                 expired ones. {"expire": KEY}: from now on expired. {"forget": KEY}: no longer known
POST /_fake/reset                forgets everything
"""
import argparse
import json
import os
import signal
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

from fakeaws.control import setup  # noqa: E402
from fakeaws.server import Fake, Server  # noqa: E402
from fakeaws.signature import KEY, SECRET  # noqa: E402, F401 (who imports this module wants them)


def certificate(folder):
    """(certificate, key) of localhost and 127.0.0.1, made by itself: the certificate is its own CA bundle."""
    paths = os.path.join(folder, 'cert.pem'), os.path.join(folder, 'key.pem')
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
                    '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-out', paths[0],
                    '-keyout', paths[1]], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return paths


def written(path, text):
    """The file appears whole."""
    with open(path + '.new', 'w') as f:
        f.write(text)
    os.rename(path + '.new', path)


def given(text):
    """JSON, or @FILE with JSON."""
    if text.startswith('@'):
        with open(text[1:]) as f:
            text = f.read()
    return json.loads(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--host', default='127.0.0.1')
    parser.add_argument('--port', type=int, default=0, help='0: any that is free')
    parser.add_argument('--state', metavar='DIR', help='where the file with the blocks lies (deleted at the end)')
    parser.add_argument('--ready', metavar='FILE', help='gets the URL, when it listens')
    parser.add_argument('--tls', nargs=2, metavar=('CERT', 'KEY'), help='serve HTTPS')
    parser.add_argument('--make-tls', metavar='DIR', help='serve HTTPS with DIR/cert.pem, made now; a client trusts that file')
    parser.add_argument('--setup', type=given, action='append', default=[], metavar='JSON', help='as POST /_fake/setup; or @FILE')
    parser.add_argument('--faults', type=given, action='append', default=[], metavar='JSON', help='as POST /_fake/faults; or @FILE')
    parser.add_argument('--account')
    parser.add_argument('--idle', type=float, default=1800, help='ends after so many seconds without a request')
    a = parser.parse_args()
    fake = Fake(a.account, a.state)
    for s in a.setup:
        setup(fake, {}, s)
    for s in a.faults:
        fake.faults.add(s if isinstance(s, list) else [s])
    stop = threading.Event()
    for s in (signal.SIGTERM, signal.SIGINT):
        signal.signal(s, lambda *_: stop.set())
    with Server(fake, a.host, a.port, certificate(a.make_tls) if a.make_tls else a.tls) as server:
        if a.ready:
            written(a.ready, server.url + '\n')
        print(server.url, flush=True)
        while not stop.wait(1):
            if time.monotonic() - server.busy > a.idle:
                break


if __name__ == '__main__':
    main()

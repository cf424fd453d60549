"""The control path /_fake/...: what a test sets beforehand and asks afterwards. ../fake.py tells what there is."""
import json
import os
import urllib.parse

from . import ebs, seeds
from .world import BLOCK, SETTINGS

ZERO = bytes(BLOCK)


class Wrong(Exception):
    """A request of the control path that makes no sense."""


def serve(c, r):
    """Answer a request of the control path on its connection."""
    name, fake = r.path[len('/_fake/'):], c.fake
    query = {k: v[0] for k, v in urllib.parse.parse_qs(r.query).items()}
    try:
        given = json.loads(bytes(r.body)) if r.body else None
        if (r.method, name) == ('GET', 'volume') and 'path' not in query:
            return stream(c, query)
        if (r.method, name) not in TABLE:
            raise Wrong('no %s %s; there is %s' % (r.method, r.path, ', '.join('%s /_fake/%s' % k for k in TABLE)))
        with fake.world.lock:
            answer = TABLE[r.method, name](fake, query, given)
        c.reply_json(answer)
    except (Wrong, ValueError, KeyError, TypeError, AttributeError) as e:
        c.reply_json({'error': '%s: %s' % (type(e).__name__, e)}, 400)


def state(fake, query, _):
    world = fake.world
    return {'account': world.account, 'now': world.now(), 'settings': world.settings, 'faults': fake.faults.state(),
            'counts': world.counts, 'regions': {n: region_state(r) for n, r in world.regions.items()
                                                if query.get('region', n) == n}}


def region_state(r):
    drop = ('blocks', 'written', 'puts', 'later', 'copied', 'shared')
    snapshots = {n: {**{k: v for k, v in s.items() if k not in drop}, 'blocks': len(s['blocks']), 'written': len(s['written']),
                     'puts': sum(s['puts'].values()), 'shared': sorted(s['shared'])} for n, s in r.snapshots.items()}
    images = {n: {k: v for k, v in i.items() if k not in drop} for n, i in r.images.items()}
    return {'encrypted': r.encrypted, 'keys': r.keys, 'default_key': r.default_key, 'snapshots': snapshots, 'images': images,
            'instances': r.instances, 'templates': plain(r.templates), 'groups': plain(r.groups),
            'configurations': plain(r.configurations), 'refreshes': plain(r.refreshes), 'parameters': plain(r.parameters)}


def plain(value):
    """The value as JSON has it: what is no data left out."""
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items() if not callable(v)}
    if isinstance(value, (list, tuple, set)):
        return [plain(v) for v in value]
    return value


def setup(fake, _, given):
    """Set things; answers the ids of what was made, by region and kind."""
    world, made = fake.world, {}
    for name, value in given.items():
        if name == 'settings':
            unknown = set(value) - set(SETTINGS)
            if unknown:
                raise Wrong('unknown settings: %s; there are %s' % (', '.join(unknown), ', '.join(SETTINGS)))
            world.settings.update(value)
        elif name == 'clock':
            world.offset = float(value)
        elif name == 'roles':
            world.roles.update(value)
        elif name == 'web_tokens':
            world.web_tokens.update(value)
        elif name == 'regions':
            for region, things in value.items():
                made[region] = setup_region(world, world.region(region), things)
        else:
            raise Wrong('unknown: ' + name)
    return {'done': True, 'regions': made}


def setup_region(world, region, things):
    unknown = set(things) - set(seeds.TABLE)
    if unknown:
        raise Wrong('unknown in a region: %s; there is %s' % (', '.join(unknown), ', '.join(seeds.TABLE)))
    return {name: make(world, region, things[name]) for name, make in seeds.TABLE.items() if name in things}


def faults(fake, _, given):
    if isinstance(given, dict) and given.get('clear'):
        fake.faults.clear()
        return {'done': True}
    return {'rules': fake.faults.add(given if isinstance(given, list) else [given])}


def reset(fake, *_):
    fake.reset()
    return {'done': True}


def keys(fake, _, given):
    """Temporary credentials of so many seconds; negative: they have expired."""
    world, given = fake.world, given or {}
    if 'expire' in given:
        world.keys.known[given['expire']].expires = world.now()
        return {'done': True}
    if 'forget' in given:
        del world.keys.known[given['forget']]
        return {'done': True}
    made = world.keys.issue(world.now(), given.get('seconds', 3600), 'arn:aws:sts::%s:assumed-role/fake/test' % world.account)
    return {'key': made.key, 'secret': made.secret, 'token': made.token, 'expires': made.expires}


def log(fake, query, _):
    since = int(query.get('since', 0))
    return [e for i, e in enumerate(fake.world.log) if i >= since and all(
        query.get(k) in (None, e[k]) for k in ('service', 'operation', 'region', 'code', 'fault'))]


def snapshot(fake, query):
    region = fake.world.regions.get(query['region'])
    if not region or query['snapshot'] not in region.snapshots:
        raise Wrong('no snapshot %s in %s' % (query['snapshot'], query['region']))
    return region.snapshots[query['snapshot']]


def blocks(fake, query, _):
    """{index: how often it was put}, and the digests."""
    s = snapshot(fake, query)
    return {'puts': {str(i): n for i, n in sorted(s['puts'].items())}, 'aggregate': ebs.aggregate(s['written']),
            'digests': {str(i): d.hex() for i, d in sorted(s['blocks'].items())}}


def content(fake, query):
    """(snapshot, function index -> bytes of the block or None for a hole) as a volume made from it reads."""
    s = snapshot(fake, query)
    missing = query.get('missing', 'random' if s['encrypted'] else 'zero')
    if missing not in ('random', 'zero'):
        raise Wrong('missing=random or missing=zero')

    def block(index):
        if index in s['blocks']:
            return fake.world.store.get(s['blocks'][index])
        return os.urandom(BLOCK) if missing == 'random' else None
    return s, block


def volume(fake, query, _):
    """The volume's content into a file; holes where nothing is."""
    s, block = content(fake, query)
    size = int(query.get('size', s['gib'] << 30))
    with open(query['path'], 'wb') as out:
        out.truncate(size)
        for index in range(-(-size // BLOCK)):
            data = block(index)
            if data is not None:
                os.pwrite(out.fileno(), data[:size - index * BLOCK], index * BLOCK)
    return {'snapshot': s['id'], 'bytes': size, 'encrypted': s['encrypted'], 'blocks': len(s['blocks'])}


def stream(c, query):
    s, block = content(c.fake, query)
    size = int(query.get('size', s['gib'] << 30))
    c.sock.sendall(c.shape(200, {'Content-Type': 'application/octet-stream'}, size))
    for index in range(-(-size // BLOCK)):
        c.sock.sendall((block(index) or ZERO)[:size - index * BLOCK])


TABLE = {
    ('GET', 'state'): state, ('GET', 'counts'): lambda fake, *_: fake.world.counts, ('GET', 'log'): log,
    ('GET', 'blocks'): blocks, ('GET', 'volume'): volume, ('GET', 'faults'): lambda fake, *_: fake.faults.state(),
    ('POST', 'setup'): setup, ('POST', 'faults'): faults, ('POST', 'reset'): reset, ('POST', 'keys'): keys,
}

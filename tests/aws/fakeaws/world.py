"""What the fake knows: regions with their snapshots, images, templates, groups, parameters; the clock; what operations share."""
import base64
import collections
import copy
import functools
import hashlib
import os
import random
import re
import secrets
import tempfile
import threading
import time

from .refusal import Refusal
from .signature import Bucket, Keys

ACCOUNT = '123456789012'
BLOCK = 524288
REGIONS = ('ap-northeast-1', 'ap-northeast-2', 'ap-south-1', 'ap-southeast-1', 'ap-southeast-2', 'ca-central-1', 'eu-central-1',
           'eu-north-1', 'eu-west-1', 'eu-west-2', 'eu-west-3', 'sa-east-1', 'us-east-1', 'us-east-2', 'us-west-1', 'us-west-2')
OPT_IN = ('af-south-1', 'ap-east-1', 'eu-south-1', 'me-south-1')  # known, not opted into
TAGS = 50

# What POST /_fake/setup may set under "settings". "polls": how often a look finds it not ready yet.
SETTINGS = {
    'complete_polls': 1, 'complete_seconds': 0,  # CompleteSnapshot: pending, then completed
    'late_errors': False,        # a wrong count or aggregate is not refused, the snapshot ends in error
    'complete_again': 'refuse',  # a second CompleteSnapshot: refuse or accept
    'image_polls': 1,            # RegisterImage: pending, then available
    'image_fails': False,        # ... then failed
    'gone_seconds': 60,          # after DeregisterImage the image is unavailable, then not there
    'copy_polls': 2, 'copy_fails': False,        # CopyImage, CopySnapshot
    'ssm_polls': 1, 'ssm_seconds': 0,            # a parameter of type aws:ec2:image: not there, then there
    'consistency': {},           # seconds that a new one is not found: image, snapshot, ebs (the EBS direct APIs), template
    'page': 0,                   # most items in a page of any list; 0: the service's own
    'empty_pages': False,        # every page but the last of a list comes empty the first time, with a token
    'rates': {},                 # {"ebs.PutSnapshotBlock": 1000}: so many a second, then throttled
    'sts_seconds': 0,            # what STS issues lives so long; 0: as asked
    'deny': [],                  # ["ec2.CopyImage"]: not authorized
    'block_public': False,       # block public access for AMIs
}


def roomy():
    """Memory's own file system where there is room, for its speed; else None."""
    try:
        s = os.statvfs('/dev/shm')
        with open('/proc/meminfo') as f:
            free = int(re.search('MemAvailable: *([0-9]+) kB', f.read())[1]) << 10
    except (OSError, TypeError):
        return None
    return '/dev/shm' if min(free, s.f_bavail * s.f_frsize) >= 8 << 30 and os.access('/dev/shm', os.W_OK) else None


class Store:
    """Blocks by their digest in one file, so that memory stays small and equal blocks lie there once."""

    def __init__(self, folder=None):
        self.file = tempfile.TemporaryFile(dir=folder or roomy())
        self.places, self.end, self.lock = {}, 0, threading.Lock()

    def put(self, data):
        """The digest of the block, which is kept."""
        digest = hashlib.sha256(data).digest()
        with self.lock:
            if digest in self.places:
                return digest
            place = self.end
            self.end += len(data)
        os.pwrite(self.file.fileno(), data, place)
        self.places[digest] = place
        return digest

    def get(self, digest):
        return os.pread(self.file.fileno(), BLOCK, self.places[digest])


class Later:
    """Something that becomes true after some looks at it, or some seconds."""

    def __init__(self, world, polls=0, seconds=0):
        self.world, self.polls, self.at = world, polls, world.now() + seconds

    def __call__(self):
        if self.polls > 0:
            self.polls -= 1
            return False
        return self.world.now() >= self.at


class Region:
    """One region's things, each a dict by id or name."""

    def __init__(self, world, name):
        self.world, self.name = world, name
        self.encrypted, self.block_public = False, None
        self.snapshots, self.images, self.instances, self.templates = {}, {}, {}, {}
        self.groups, self.configurations, self.refreshes, self.parameters = {}, {}, {}, {}
        self.tokens = {}   # ClientToken: (operation, parameters, result)
        self.keys = {}     # of KMS: ARN to alias
        self.gone = {}     # images that were deregistered: until when they are unavailable
        self.default_key = self.key('alias/aws/ebs')

    def arn(self, service, what, account=None):
        return 'arn:aws:%s:%s:%s:%s' % (service, self.name, account or self.world.account, what)

    def key(self, alias, made=None):
        """A new KMS key's ARN."""
        name = made or '-'.join(re.fullmatch('(.{8})(.{4})(.{4})(.{4})(.{12})', hashlib.sha256(
            (self.name + alias).encode()).hexdigest()[:32]).groups())
        arn = self.arn('kms', 'key/' + name)
        self.keys[arn] = alias
        return arn

    def find_key(self, text):
        """The ARN of a KMS key named by ARN, id, alias, or alias ARN; None: there is none here."""
        for arn, alias in self.keys.items():
            if text in (arn, arn.rpartition('/')[2], alias, self.arn('kms', alias)):
                return arn
        return None

    def idempotent(self, op, p, make, conflict):
        """What `make` returns; with a ClientToken seen before, what it returned then."""
        token = p.get('ClientToken')
        if token is None:
            return make()
        same = {k: v for k, v in p.items() if k not in ('ClientToken', 'DryRun')}
        if (op, token) in self.tokens:
            before, result = self.tokens[op, token]
            if before != same:
                raise conflict
            return copy.deepcopy(result)
        result = make()
        self.tokens[op, token] = (copy.deepcopy(same), copy.deepcopy(result))
        return result


class World:
    """All of it. Operations run while `lock` is held, those marked `unlocked` take it themselves."""

    def __init__(self, account=ACCOUNT, folder=None, seed=0):
        self.account, self.offset = account, 0.0
        self.settings = copy.deepcopy(SETTINGS)
        self.regions, self.lock, self.random = {}, threading.RLock(), random.Random(seed)
        self.store, self.keys = Store(folder), Keys(account)
        self.roles, self.web_tokens, self.buckets = {}, {}, {}
        self.secret = secrets.token_bytes(16)
        self.log, self.counts = collections.deque(maxlen=200000), collections.Counter()

    def now(self):
        return time.time() + self.offset

    def region(self, name):
        if name not in self.regions:
            self.regions[name] = Region(self, name)
        return self.regions[name]

    def throttled(self, name):
        rate = self.settings['rates'].get(name)
        if not rate:
            return False
        if name not in self.buckets or self.buckets[name].rate != rate:
            self.buckets[name] = Bucket(rate)
        return not self.buckets[name].take()

    def visible(self, thing, kind):
        """Whether eventual consistency shows it yet."""
        return self.now() >= thing['made'] + self.settings['consistency'].get(kind, 0)


class Call:
    """One operation as it runs: the region, who calls, the request."""

    def __init__(self, world, service, op, region, credentials, request):
        self.world, self.service, self.op, self.region = world, service, op, world.region(region)
        self.credentials, self.request, self.settings = credentials, request, world.settings
        self.now = world.now()

    def page(self, items, p, size='MaxResults', most=1000, bad=None):
        """A page of the items by p's size and NextToken: (items, NextToken or None)."""
        bad = bad or Refusal('InvalidNextToken', 'the token is not valid')
        mark, start, again = self._mark(), 0, False
        if p.get('NextToken') is not None:
            try:
                kind, place, again = base64.b64decode(p['NextToken'], validate=True).decode().split(' ')
                start, again = int(place), again == '1'
            except ValueError:
                raise bad
            if kind != mark:
                raise bad
        n = min(p.get(size) or most, most, self.settings['page'] or most)
        if self.settings['empty_pages'] and not again and start + n < len(items):
            return [], self._token(start, 1)
        return items[start:start + n], self._token(start + n, 0) if start + n < len(items) else None

    def _mark(self):
        return hashlib.sha256(self.world.secret + self.op.encode() + self.region.name.encode()).hexdigest()[:16]

    def _token(self, place, again):
        return base64.b64encode(('%s %d %d' % (self._mark(), place, again)).encode()).decode()


def operation(table, name=None, unlocked=False):
    """Enters a function(call, parameters) -> result into a service's table under its operation's name."""
    def enter(f):
        f.unlocked = unlocked
        table[name or ''.join(part.capitalize() for part in f.__name__.split('_'))] = f
        return f
    return enter


def new_id(prefix):
    return prefix + '-0' + secrets.token_hex(8)


# --- Tags and filters, as EC2 has them ------------------------------------------------------------

def tag_list(tags, refusal=lambda text: Refusal('InvalidParameterValue', text), most=TAGS):
    """{key: value} of [{Key, Value}], held to the rules of tags."""
    found = {}
    for t in tags:
        key, value = t.get('Key', ''), t.get('Value', '')
        if not 1 <= len(key) <= 127 or len(value) > 255:
            raise refusal('Tag key or value is too long or empty: %r' % key)
        if key.lower().startswith('aws:'):
            raise refusal("Tag keys starting with 'aws:' are reserved for internal use")
        if key in found:
            raise refusal('Duplicate tag key %r specified.' % key)
        found[key] = value
    if len(found) > most:
        raise Refusal('TagLimitExceeded', 'More than %d tags specified' % most)
    return found


def specified(p, allowed):
    """{resource type: tags} of TagSpecifications."""
    found = {}
    for s in p.get('TagSpecifications', []):
        kind = s.get('ResourceType')
        if kind not in allowed:
            raise Refusal('InvalidParameterValue', "'%s' is not a valid taggable resource type for this operation." % kind)
        if kind in found:
            raise Refusal('InvalidParameterValue', "resource type '%s' comes twice" % kind)
        if not s.get('Tags'):
            raise Refusal('InvalidParameterValue', 'Tag specification must have at least one tag')
        found[kind] = tag_list(s['Tags'])
    return found


def tag_set(tags):
    return [{'Key': k, 'Value': v} for k, v in tags.items()]


@functools.lru_cache(1000)
def wild(text):
    r"""A filter's value as an expression: * and ?, \ before what is meant as it stands."""
    out, i = '', 0
    while i < len(text):
        if text[i] == '\\' and i + 1 < len(text):
            i += 1
            out += re.escape(text[i])
        else:
            out += {'*': '.*', '?': '.'}.get(text[i], re.escape(text[i]))
        i += 1
    return re.compile(out, re.S)


def filtered(items, filters, fields, tags='tags'):
    """Those of the items (dicts) that pass all the filters; `fields`: {filter name: function -> text or list of texts}."""
    if len(filters) > 50 or sum(len(f.get('Values', [])) for f in filters) > 200:
        raise Refusal('FilterLimitExceeded', 'The maximum number of filters or values is exceeded')
    for f in filters:
        name, values = f.get('Name', ''), f.get('Values', [])
        if not values:
            raise Refusal('InvalidParameterValue', "The filter '%s' has no values" % name)
        if name.startswith('tag:'):
            def get(item, key=name[4:]):
                return item[tags].get(key, [])
        elif name == 'tag-key':
            def get(item):
                return list(item[tags])
        elif name in fields:
            get = fields[name]
        else:
            raise Refusal('InvalidParameterValue', "The filter '%s' is invalid" % name)
        items = [i for i in items if any(wild(v).fullmatch(x) for x in _texts(get(i)) for v in values)]
    return items


def _texts(value):
    values = value if isinstance(value, (list, set)) else [] if value is None else [value]
    return [('true' if v else 'false') if isinstance(v, bool) else str(v) for v in values]

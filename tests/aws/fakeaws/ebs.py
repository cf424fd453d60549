"""The EBS direct APIs: snapshots written and read block by block (EBS User Guide, "EBS direct APIs")."""
import base64
import hashlib
import hmac
import re

from .refusal import Refusal
from .world import BLOCK, Later, new_id, operation, tag_list, tag_set

OPS = {}
PENDING = 100          # snapshots at once
GIB = 1 << 30
PAGE_SECONDS = 3600
ROUTES = [(method, re.compile(path), op) for method, path, op in (
    ('PUT', '/snapshots/(?P<snapshotId>[^/]+)/blocks/(?P<blockIndex>[^/]+)', 'PutSnapshotBlock'),
    ('GET', '/snapshots/(?P<snapshotId>[^/]+)/blocks/(?P<blockIndex>[^/]+)', 'GetSnapshotBlock'),
    ('GET', '/snapshots/(?P<snapshotId>[^/]+)/blocks', 'ListSnapshotBlocks'),
    ('GET', '/snapshots/(?P<secondSnapshotId>[^/]+)/changedblocks', 'ListChangedBlocks'),
    ('POST', '/snapshots/completion/(?P<snapshotId>[^/]+)', 'CompleteSnapshot'),
    ('POST', '/snapshots', 'StartSnapshot'))]


def route(method, path):
    """(operation, parameters of its path); (None, {}): no such path."""
    for m, pattern, op in ROUTES:
        found = pattern.fullmatch(path) if m == method else None
        if found:
            return op, found.groupdict()
    return None, {}


def invalid(reason, text):
    return Refusal('ValidationException', text, 400, reason)


def settle(s, world):
    """What time does to a snapshot: one that was not completed in time is cancelled."""
    if s['state'] == 'pending' and s['direct'] and not s['sealed'] and world.now() > s['deadline']:
        s.update(state='error', message='The snapshot was not completed in time')


def look(s, world):
    """Somebody looks at the snapshot, which may have become completed since."""
    settle(s, world)
    if s['state'] == 'pending' and s['sealed'] and s['later']():
        s['state'] = s.get('end', 'completed')
        s['completed'] = world.now()


def find(call, name):
    s = call.region.snapshots.get(name)
    if not s or not call.world.visible(s, 'ebs'):
        raise Refusal('ResourceNotFoundException', "The snapshot '%s' does not exist." % name, 404, 'SNAPSHOT_NOT_FOUND')
    return s


def new_snapshot(call, gib, **fields):
    """A snapshot in the region; `direct`: its blocks come by PutSnapshotBlock; `sealed`: none come any more."""
    name = new_id('snap')
    s = {'id': name, 'gib': gib, 'state': 'pending', 'made': call.world.now(), 'parent': None, 'encrypted': False, 'key': None,
         'tags': {}, 'description': '', 'blocks': {}, 'written': {}, 'puts': {}, 'direct': False, 'sealed': False, 'owner':
         call.world.account, 'shared': set(), 'later': None, 'deadline': 0, 'message': None, 'completed': None, **fields}
    call.region.snapshots[name] = s
    return s


@operation(OPS)
def start_snapshot(call, p):
    return call.region.idempotent('StartSnapshot', p, lambda: _start(call, p), Refusal(
        'ConflictException', 'The client token was used before with other parameters: ' + p.get('ClientToken', ''), 409))


def _start(call, p):
    region, parent = call.region, None
    if not 1 <= p['VolumeSize'] <= 65536:
        raise invalid('INVALID_VOLUME_SIZE', 'The volume size must be between 1 and 65536 GiB')
    tags = tag_list(p.get('Tags', []), lambda text: invalid('INVALID_TAG', text))
    if 'ParentSnapshotId' in p:
        for name in ('Encrypted', 'KmsKeyArn'):
            if name in p:
                raise invalid('INVALID_PARAMETER_VALUE', 'ParentSnapshotId and %s cannot be specified together' % name)
        parent = find(call, p['ParentSnapshotId'])
        if parent['state'] != 'completed':
            raise invalid('INVALID_SNAPSHOT_ID', 'The parent snapshot is not completed')
        if p['VolumeSize'] < parent['gib']:
            raise invalid('INVALID_VOLUME_SIZE', 'The volume is smaller than that of the parent snapshot')
        if region.encrypted and not parent['encrypted']:
            raise invalid('INVALID_SNAPSHOT_ID', 'The parent snapshot is unencrypted, and encryption by default is enabled')
    if 'KmsKeyArn' in p and not p.get('Encrypted'):
        raise invalid('INVALID_PARAMETER_VALUE', 'KmsKeyArn needs Encrypted')
    if p.get('KmsKeyArn') and p['KmsKeyArn'] not in region.keys:
        raise invalid('INVALID_CUSTOMER_KEY', 'The KMS key does not exist, is not enabled, or is not permitted')
    if sum(s['state'] == 'pending' and s['direct'] for s in region.snapshots.values()) >= PENDING:
        raise Refusal('ConcurrentLimitExceededException', 'You have reached the limit of pending snapshots', 400)
    encrypted = parent['encrypted'] if parent else bool(p.get('Encrypted') or region.encrypted)
    key = parent['key'] if parent else p.get('KmsKeyArn', region.default_key) if encrypted else None
    s = new_snapshot(call, p['VolumeSize'], parent=parent and parent['id'], encrypted=encrypted, key=key, tags=tags,
                     direct=True, description=p.get('Description', ''), blocks=dict(parent['blocks']) if parent else {},
                     timeout=p.get('Timeout', 60) * 60)
    s['deadline'] = s['made'] + s['timeout']
    return {'SnapshotId': s['id'], 'OwnerId': s['owner'], 'Status': 'pending', 'StartTime': s['made'], 'BlockSize': BLOCK,
            'VolumeSize': s['gib'], **({'Tags': tag_set(tags)} if tags else {}),
            **({'Description': s['description']} if s['description'] else {}),
            **({'ParentSnapshotId': s['parent']} if s['parent'] else {}), **({'KmsKeyArn': key} if key else {})}


def writable(call, p):
    s = find(call, p['SnapshotId'])
    settle(s, call.world)
    if s['state'] != 'pending' or s['sealed'] or not s['direct']:
        raise invalid('INVALID_SNAPSHOT_ID', 'The snapshot is not pending: ' + s['id'])
    return s


@operation(OPS, unlocked=True)
def put_snapshot_block(call, p):
    data, index = p['BlockData'], p['BlockIndex']
    with call.world.lock:
        s = writable(call, p)
        if index >= s['gib'] * GIB // BLOCK:
            raise invalid('INVALID_BLOCK', 'The block index %d is beyond the volume' % index)
    if p['DataLength'] != BLOCK or len(data) != BLOCK:
        raise invalid('INVALID_BLOCK', 'The length of the data is %d, said to be %d, and must be %d' % (
            len(data), p['DataLength'], BLOCK))
    digest = call.world.store.put(data)
    if base64.b64encode(digest).decode() != p['Checksum']:
        raise invalid('INVALID_BLOCK', 'The checksum does not match the data')
    with call.world.lock:
        s = writable(call, p)
        s['blocks'][index] = s['written'][index] = digest
        s['puts'][index] = s['puts'].get(index, 0) + 1
        s['deadline'] = call.world.now() + s['timeout']
    return {'Checksum': p['Checksum'], 'ChecksumAlgorithm': 'SHA256'}


def aggregate(written):
    """The linear aggregate of {index: digest}."""
    return base64.b64encode(hashlib.sha256(b''.join(d for _, d in sorted(written.items()))).digest()).decode()


@operation(OPS)
def complete_snapshot(call, p):
    s, settings = find(call, p['SnapshotId']), call.settings
    if s['sealed'] and settings['complete_again'] == 'accept':
        return {'Status': s['state']}
    s, wrong = writable(call, p), None
    if 'Checksum' in p and ('ChecksumAlgorithm' not in p or 'ChecksumAggregationMethod' not in p):
        raise invalid('INVALID_PARAMETER_VALUE', 'a checksum needs its algorithm and its aggregation method')
    if 'Checksum' not in p and ('ChecksumAlgorithm' in p or 'ChecksumAggregationMethod' in p):
        raise invalid('INVALID_PARAMETER_VALUE', 'algorithm and aggregation method need a checksum')
    if p['ChangedBlocksCount'] != len(s['written']):
        wrong = 'ChangedBlocksCount is %d, but %d blocks were written' % (p['ChangedBlocksCount'], len(s['written']))
    elif p.get('Checksum', aggregate(s['written'])) != aggregate(s['written']):
        wrong = 'The checksum does not match those of the blocks written'
    if wrong and not settings['late_errors']:
        raise invalid('INVALID_PARAMETER_VALUE', wrong)
    s.update(sealed=True, end='error' if wrong else 'completed', message=wrong,
             later=Later(call.world, settings['complete_polls'], settings['complete_seconds']))
    return {'Status': 'pending'}


# --- Reading --------------------------------------------------------------------------------------

def readable(call, name):
    s = find(call, name)
    look(s, call.world)
    if s['state'] != 'completed':
        raise invalid('INVALID_SNAPSHOT_ID', 'The snapshot is not completed: ' + name)
    return s


def block_token(call, s, index):
    return base64.b64encode(hmac.digest(call.world.secret, ('%s %d' % (s['id'], index)).encode(), 'sha256') + b'\0' * 18).decode()


def block_page(call, p, indexes, name):
    """A page of the indexes, from StartingBlockIndex on or where the token says: (indexes, NextToken or None)."""
    start, bad = p.get('StartingBlockIndex', 0), invalid('INVALID_PAGE_TOKEN', 'The page token is not valid')
    if 'NextToken' in p:
        try:
            mark, made, start, again = base64.b64decode(p['NextToken'], validate=True).decode().split()
            start, again = int(start), again == '1'
        except ValueError:
            raise bad
        if mark != name[-12:] or call.now > float(made) + PAGE_SECONDS:
            raise bad
    else:
        again = False
    rest = [i for i in indexes if i >= start]
    size = min(p.get('MaxResults', 10000), call.settings['page'] or 10000)
    if call.settings['empty_pages'] and not again and len(rest) > size:
        size, again = 0, True
    else:
        again = False
    token = '%s %.0f %d %d' % (name[-12:], call.now, rest[size], again) if len(rest) > size else None
    return rest[:size], token and base64.b64encode(token.encode()).decode()


@operation(OPS)
def list_snapshot_blocks(call, p):
    s = readable(call, p['SnapshotId'])
    page, token = block_page(call, p, sorted(s['blocks']), s['id'])
    return {'Blocks': [{'BlockIndex': i, 'BlockToken': block_token(call, s, i)} for i in page], 'BlockSize': BLOCK,
            'VolumeSize': s['gib'], 'ExpiryTime': call.now + 7 * 86400, 'NextToken': token}


@operation(OPS)
def list_changed_blocks(call, p):
    if 'FirstSnapshotId' not in p:
        raise invalid('INVALID_PARAMETER_VALUE', 'FirstSnapshotId must be specified with SecondSnapshotId')
    first, second = readable(call, p['FirstSnapshotId']), readable(call, p['SecondSnapshotId'])

    def line(s):
        return {s['id']} | (line(call.region.snapshots[s['parent']]) if s['parent'] in call.region.snapshots else {s['parent']})
    if not line(first) & line(second) - {None}:
        raise invalid('UNRELATED_SNAPSHOTS', 'The snapshots are not of one volume or lineage')
    changed = sorted(i for i in first['blocks'].keys() | second['blocks'].keys()
                     if first['blocks'].get(i) != second['blocks'].get(i))
    page, token = block_page(call, p, changed, second['id'])
    return {'ChangedBlocks': [{'BlockIndex': i, **{name: block_token(call, s, i) for name, s in (
        ('FirstBlockToken', first), ('SecondBlockToken', second)) if i in s['blocks']}} for i in page], 'BlockSize': BLOCK,
        'VolumeSize': second['gib'], 'ExpiryTime': call.now + 7 * 86400, 'NextToken': token}


@operation(OPS, unlocked=True)
def get_snapshot_block(call, p):
    with call.world.lock:
        s, index = readable(call, p['SnapshotId']), p['BlockIndex']
        if not hmac.compare_digest(p['BlockToken'].encode(), block_token(call, s, index).encode()):
            raise invalid('INVALID_BLOCK_TOKEN', 'The block token is not valid')
        if index not in s['blocks']:
            raise invalid('INVALID_BLOCK', 'The snapshot has no block %d' % index)
        digest = s['blocks'][index]
    return {'DataLength': BLOCK, 'Checksum': base64.b64encode(digest).decode(), 'ChecksumAlgorithm': 'SHA256',
            'BlockData': call.world.store.get(digest)}

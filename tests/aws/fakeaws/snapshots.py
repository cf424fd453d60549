"""EC2's side of snapshots, tags, regions and encryption by default."""
import re

from . import ebs
from .refusal import Refusal
from .world import OPT_IN, REGIONS, Later, filtered, operation, specified, tag_list, tag_set

OPS = {}


def find(call, name, owned=True):
    if not re.fullmatch('snap-[0-9a-f]{8}([0-9a-f]{9})?', name):
        raise Refusal('InvalidSnapshotID.Malformed', 'Invalid id: "%s" (expecting "snap-...")' % name)
    s = call.region.snapshots.get(name)
    if not s or not call.world.visible(s, 'snapshot'):
        raise Refusal('InvalidSnapshot.NotFound', "The snapshot '%s' does not exist." % name)
    if owned and s['owner'] != call.world.account:
        raise Refusal('AuthFailure', 'Not authorized for snapshot:' + name, 403)
    return s


def users(call, name):
    """Images that a snapshot belongs to."""
    return [i['id'] for i in call.region.images.values() if any(m['Ebs'].get('SnapshotId') == name for m in i['mappings'])]


def new_copy(call, old, encrypted, key, **fields):
    """A snapshot with another's content, pending until the copy's own time."""
    return ebs.new_snapshot(call, old['gib'], encrypted=encrypted, key=key, blocks=dict(old['blocks']), sealed=True, end=(
        'error' if call.settings['copy_fails'] else 'completed'), later=Later(call.world, call.settings['copy_polls']), **fields)


def answer(s):
    """A Snapshot as DescribeSnapshots has it."""
    return {'SnapshotId': s['id'], 'State': s['state'], 'VolumeSize': s['gib'], 'OwnerId': s['owner'], 'StartTime': s['made'],
            'Progress': '100%' if s['state'] == 'completed' else '%d%%' % min(99, len(s['written'])), 'VolumeId': 'vol-ffffffff',
            'Description': s['description'], 'Encrypted': s['encrypted'], 'KmsKeyId': s['key'], 'StorageTier': 'standard',
            'StateMessage': s['message'], 'CompletionTime': s['completed'], 'Tags': tag_set(s['tags']) or None}


FILTERS = {'snapshot-id': lambda s: s['id'], 'status': lambda s: s['state'], 'description': lambda s: s['description'],
           'owner-id': lambda s: s['owner'], 'encrypted': lambda s: s['encrypted'], 'volume-size': lambda s: s['gib'],
           'volume-id': lambda s: 'vol-ffffffff', 'progress': lambda s: answer(s)['Progress'], 'storage-tier': lambda s: 'standard'}


@operation(OPS)
def describe_snapshots(call, p):
    world = call.world
    if 'SnapshotIds' in p:
        if 'MaxResults' in p:
            raise Refusal('InvalidParameterCombination', 'MaxResults cannot be used with SnapshotIds')
        items = [find(call, name, owned=False) for name in p['SnapshotIds']]
    else:
        items = [s for s in call.region.snapshots.values() if world.visible(s, 'snapshot')]
    if not 5 <= p.get('MaxResults', 5) <= 1000:
        raise Refusal('InvalidParameterValue', 'MaxResults is to be between 5 and 1000')
    items = [s for s in items if s['owner'] == world.account or {world.account, 'all'} & s['shared']]
    if 'OwnerIds' in p:
        owners = {world.account if o == 'self' else o for o in p['OwnerIds']}
        items = [s for s in items if s['owner'] in owners]
    for s in items:
        ebs.look(s, world) if s['later'] or s['direct'] else None
    page, token = call.page(filtered(items, p.get('Filters', []), FILTERS), p)
    return {'Snapshots': [answer(s) for s in page], 'NextToken': token}


@operation(OPS)
def delete_snapshot(call, p):
    s = find(call, p['SnapshotId'])
    used = users(call, s['id'])
    if used:
        raise Refusal('InvalidSnapshot.InUse', 'The snapshot %s is currently in use by %s' % (s['id'], ', '.join(used)))
    del call.region.snapshots[s['id']]
    return {}


@operation(OPS)
def copy_snapshot(call, p):
    world, region = call.world, call.region
    old = world.region(p['SourceRegion']).snapshots.get(p['SourceSnapshotId'])
    if not old:
        raise Refusal('InvalidSnapshot.NotFound', "The snapshot '%s' does not exist." % p['SourceSnapshotId'])
    if old['state'] != 'completed':
        raise Refusal('IncorrectState', 'The snapshot %s is not completed' % old['id'])
    if p.get('KmsKeyId') and not p.get('Encrypted'):
        raise Refusal('InvalidParameterDependency', 'The parameter KmsKeyId requires the parameter Encrypted to be set.')
    key = region.find_key(p['KmsKeyId']) if p.get('KmsKeyId') else region.default_key
    if not key:
        raise Refusal('InvalidParameterValue', 'The KMS key %s does not exist' % p['KmsKeyId'])
    encrypted = bool(p.get('Encrypted') or region.encrypted or old['encrypted'])
    tags = specified(p, ('snapshot',)).get('snapshot', {})
    s = new_copy(call, old, encrypted, key if encrypted else None, tags=tags, description=p.get('Description', ''))
    return {'SnapshotId': s['id'], **({'Tags': tag_set(tags)} if tags else {})}


# --- Tags -----------------------------------------------------------------------------------------

def tagged(call, name):
    """The thing of that id, which has tags."""
    from . import images, instances, templates
    for prefix, get in (('ami-', images.find), ('snap-', find), ('lt-', templates.find), ('i-', instances.find)):
        if name.startswith(prefix):
            return get(call, name)
    raise Refusal('InvalidID', "The ID '%s' is not valid" % name)


@operation(OPS)
def create_tags(call, p):
    tags, things = tag_list(p['Tags']), [tagged(call, name) for name in p['Resources']]
    for thing in things:
        if len({**thing['tags'], **tags}) > 50:
            raise Refusal('TagLimitExceeded', 'More than 50 tags on ' + thing['id'])
    for thing in things:
        thing['tags'].update(tags)
    return {}


@operation(OPS)
def delete_tags(call, p):
    for thing in [tagged(call, name) for name in p['Resources']]:
        if 'Tags' not in p:
            thing['tags'].clear()
        for t in p.get('Tags', []):
            if t.get('Value', thing['tags'].get(t['Key'])) == thing['tags'].get(t['Key']):
                thing['tags'].pop(t['Key'], None)
    return {}


# --- The account ----------------------------------------------------------------------------------

@operation(OPS)
def describe_regions(call, p):
    items = [{'id': r, 'optin': 'opt-in-not-required', 'tags': {}} for r in REGIONS]
    items += [{'id': r, 'optin': 'not-opted-in', 'tags': {}} for r in OPT_IN if p.get('AllRegions')]
    if 'RegionNames' in p:
        for name in p['RegionNames']:
            if name not in {r['id'] for r in items}:
                raise Refusal('InvalidParameterValue', 'Invalid region name: ' + name)
        items = [r for r in items if r['id'] in p['RegionNames']]
    items = filtered(items, p.get('Filters', []), {'region-name': lambda r: r['id'], 'opt-in-status': lambda r: r['optin'],
                                                   'endpoint': lambda r: 'ec2.%s.amazonaws.com' % r['id']})
    return {'Regions': [{'RegionName': r['id'], 'Endpoint': 'ec2.%s.amazonaws.com' % r['id'], 'OptInStatus': r['optin']}
                        for r in items]}


@operation(OPS)
def get_ebs_encryption_by_default(call, p):
    return {'EbsEncryptionByDefault': call.region.encrypted}


@operation(OPS)
def enable_ebs_encryption_by_default(call, p):
    call.region.encrypted = True
    return {'EbsEncryptionByDefault': True}


@operation(OPS)
def disable_ebs_encryption_by_default(call, p):
    call.region.encrypted = False
    return {'EbsEncryptionByDefault': False}


@operation(OPS)
def get_ebs_default_kms_key_id(call, p):
    alias = call.region.keys[call.region.default_key]
    return {'KmsKeyId': alias if alias == 'alias/aws/ebs' else call.region.default_key}

"""What POST /_fake/setup may put into a region: each kind with the fields it takes.

    encrypted: true                             encryption by default
    keys: ["alias/hub", ...]                    KMS keys; answered as {alias: ARN}
    default_key: "alias/hub"                    of EBS
    images: [{name, id, owner, tags, content, gib, encrypted, key, launch, state, age}]
                                                owner: another account's id, or "amazon"; content: {block: a byte's value};
                                                age: seconds
    snapshots: [{gib, content, encrypted, key, tags, description, state, parent, age}]
    instances: [{image, id, state, tags}]
    templates: [{name, data, tags, versions: [data, ...]}]
    configurations: [{name, image}]             launch configurations
    groups: [{name, template, version, mixed, overrides, configuration, desired, tags, image,
              refresh: {steps, end: "Failed", fail_at, reason}}]
    parameters: [{name, value, type, data_type, tags}]      value: one, or a list of versions

Each is answered with the ids it made.
"""
from . import autoscaling, ebs, images, instances, ssm, templates
from .world import BLOCK, Call, Later

TABLE = {}


def seed(f):
    TABLE[f.__name__.rstrip('_')] = f
    return f


def fields(given, *known):
    unknown = set(given) - set(known)
    if unknown:
        raise ValueError('unknown: %s; there is %s' % (', '.join(sorted(unknown)), ', '.join(known)))
    return given


def call(world, region):
    return Call(world, 'ec2', 'setup', region.name, None, None)


@seed
def encrypted(world, region, value):
    region.encrypted = bool(value)
    return region.encrypted


@seed
def keys(world, region, value):
    return {alias: region.find_key(alias) or region.key(alias) for alias in value}


@seed
def default_key(world, region, value):
    region.default_key = region.find_key(value) or region.key(value)
    return region.default_key


def key_of(region, given):
    if not given.get('encrypted'):
        return None
    return region.find_key(given['key']) if 'key' in given else region.default_key


def new_snapshot(world, region, given):
    parent = region.snapshots.get(given.get('parent'))
    blocks = {int(i): world.store.put(bytes([byte]) * BLOCK) for i, byte in given.get('content', {}).items()}
    s = ebs.new_snapshot(call(world, region), given.get('gib', 1), state=given.get('state', 'completed'), tags=given.get('tags', {}),
                         encrypted=bool(given.get('encrypted')), key=key_of(region, given), parent=given.get('parent'),
                         description=given.get('description', ''), blocks={**(parent['blocks'] if parent else {}), **blocks},
                         written=dict(blocks), direct=True, sealed=given.get('state') != 'pending', timeout=3600)
    s['made'] -= given.get('age', 0)
    s.update(deadline=s['made'] + 3600, completed=s['made'], later=Later(world))
    return s


@seed
def snapshots_(world, region, value):
    return [new_snapshot(world, region, fields(g, 'gib', 'content', 'encrypted', 'key', 'tags', 'description', 'state', 'parent',
                                               'age'))['id'] for g in value]


@seed
def images_(world, region, value):
    made = {}
    for g in value:
        fields(g, 'name', 'id', 'owner', 'tags', 'content', 'gib', 'encrypted', 'key', 'launch', 'state', 'age', 'snapshot_tags')
        s = new_snapshot(world, region, {**{k: g[k] for k in ('content', 'gib', 'encrypted', 'key', 'age') if k in g},
                                         'tags': g.get('snapshot_tags', {})})
        owner = {'amazon': '137112412989'}.get(g.get('owner'), g.get('owner', world.account))
        i = images.new_image(call(world, region), g['name'], root='/dev/xvda', virtual='hvm', arch='x86_64', ena=True, boot='uefi',
                             tpm='v2.0', imds='v2.0', tags=g.get('tags', {}), state=g.get('state', 'available'),
                             launch=g.get('launch', []), later=Later(world), foreign=owner != world.account,
                             mappings=[{'DeviceName': '/dev/xvda', 'Ebs': {
                                 'SnapshotId': s['id'], 'VolumeSize': s['gib'], 'VolumeType': 'gp3', 'DeleteOnTermination': True,
                                 'Encrypted': s['encrypted']}}])
        i['owner'] = s['owner'] = owner
        i['made'] -= g.get('age', 0)
        if g.get('owner') == 'amazon':
            i['alias'] = 'amazon'
        if 'id' in g:
            region.images[g['id']] = region.images.pop(i['id'])
            i['id'] = g['id']
        made[g['name']] = {'image': i['id'], 'snapshot': s['id']}
    return made


@seed
def parameters(world, region, value):
    for g in value:
        fields(g, 'name', 'value', 'type', 'data_type', 'tags')
        p = ssm.new_parameter(region, g['name'], g.get('type', 'String'), g.get('data_type', 'text'), g.get('tags'))
        for text in g['value'] if isinstance(g['value'], list) else [g['value']]:
            ssm.store(p, ssm.new_version(region, text))
    return [g['name'] for g in value]


@seed
def instances_(world, region, value):
    return [instances.launch(region, g['image'], g.get('state', 'running'), g.get('tags'), g.get('id'))['id']
            for g in value if fields(g, 'image', 'id', 'state', 'tags')]


@seed
def templates_(world, region, value):
    made = {}
    for g in value:
        fields(g, 'name', 'data', 'tags', 'versions')
        t = templates.new_template(region, g['name'], g['data'], g.get('tags'))
        for data in g.get('versions', []):
            templates.add_version(region, t, data, None)
        made[t['name']] = t['id']
    return made


@seed
def configurations(world, region, value):
    for g in value:
        region.configurations[g['name']] = {**fields(g, 'name', 'image'), 'made': world.now()}
    return [g['name'] for g in value]


@seed
def groups(world, region, value):
    known = ('name', 'template', 'version', 'mixed', 'overrides', 'configuration', 'desired', 'tags', 'image', 'refresh')
    return {g['name']: autoscaling.new_group(world, region, fields(g, *known))['instances'] for g in value}

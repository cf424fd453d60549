"""EC2's images: registered, described, copied, deregistered (Amazon EC2 API Reference)."""
import re

from . import snapshots
from .protocol import iso
from .refusal import Refusal
from .world import Later, filtered, new_id, operation, specified, tag_set

OPS = {}
NAME = re.compile(r"[a-zA-Z0-9()\[\] ./\-'@_]{3,128}")
DEVICE = re.compile('(/dev/)?(sd[a-z][1-9]?[0-9]?|xvd[a-z]{1,2}[1-9]?|nvme[0-9]+n1)')


def bad(text, code='InvalidParameterValue'):
    return Refusal(code, text)


def find(call, name, owned=True):
    """The image, by id. NotFound while eventual consistency hides it."""
    if not re.fullmatch('ami-[0-9a-f]{8}([0-9a-f]{9})?', name):
        raise bad("Invalid id: \"%s\" (expecting \"ami-...\")" % name, 'InvalidAMIID.Malformed')
    image = call.region.images.get(name)
    if call.region.gone.get(name, 0) > call.now:
        raise bad("The image id '[%s]' is no longer available" % name, 'InvalidAMIID.Unavailable')
    if not image or not call.world.visible(image, 'image') and image['owner'] == call.world.account:
        raise bad("The image id '[%s]' does not exist" % name, 'InvalidAMIID.NotFound')
    if owned and image['owner'] != call.world.account:
        raise Refusal('AuthFailure', 'Not authorized for image:' + name, 403)
    return image


def look(image):
    """Somebody looks at the image, which may have become available since."""
    if image['state'] == 'pending' and image['later']():
        image['state'] = image['end']
        if image['end'] == 'failed':
            image['reason'] = {'Code': 'Client.InternalError', 'Message': image.get('why', 'Client error on launch')}
        for s in image['copied']:
            s['state'] = 'completed' if image['state'] == 'available' else 'error'


def new_image(call, name, **fields):
    if not NAME.fullmatch(name):
        raise bad("AMI names must be between 3 and 128 characters long, and may contain letters, numbers, '(', ')', '.', '-', "
                  "'/' and '_'", 'InvalidAMIName.Malformed')
    for other in call.region.images.values():
        if other['name'] == name and other['owner'] == call.world.account and other['state'] != 'failed':
            raise bad('AMI name %s is already in use by AMI %s' % (name, other['id']), 'InvalidAMIName.Duplicate')
    image = {'id': new_id('ami'), 'name': name, 'owner': call.world.account, 'made': call.world.now(), 'tags': {},
             'state': 'pending', 'description': '', 'mappings': [], 'launch': [], 'deprecated': None, 'protection': 'disabled',
             'cooldown': None, 'unprotected': None, 'copied': [], 'reason': None, 'end': 'available', 'source': None,
             'sriov': None, 'boot': None, 'tpm': None, 'imds': None, 'uefi': None, **fields}
    call.region.images[image['id']] = image
    return image


def checked_mapping(call, m):
    """A BlockDeviceMapping as the image keeps it."""
    device, ebs = m.get('DeviceName', ''), m.get('Ebs')
    if not DEVICE.fullmatch(device):
        raise bad('Invalid device name ' + device, 'InvalidBlockDeviceMapping')
    if ebs is None or 'NoDevice' in m or 'VirtualName' in m:
        raise Refusal('NotImplemented', 'not in this fake: mappings other than Ebs', 501)
    found, snapshot = dict(ebs), None
    if 'SnapshotId' in ebs:
        snapshot = snapshots.find(call, ebs['SnapshotId'])
        for name in ('Encrypted', 'KmsKeyId'):
            if name in ebs:
                raise bad('Encrypted flag cannot be specified since device %s has a snapshot specified.' % device,
                          'InvalidBlockDeviceMapping')
        if snapshot['state'] != 'completed':
            raise bad("The snapshot '%s' is not in the 'completed' state" % snapshot['id'], 'IncorrectState')
        if ebs.get('VolumeSize', snapshot['gib']) < snapshot['gib']:
            raise bad("Volume of size %dGB is smaller than snapshot '%s', expect size >= %dGB" % (
                ebs['VolumeSize'], snapshot['id'], snapshot['gib']), 'InvalidBlockDeviceMapping')
        found.setdefault('VolumeSize', snapshot['gib'])
        found['Encrypted'] = snapshot['encrypted']
    elif 'VolumeSize' not in ebs:
        raise bad('The request must contain the parameter size or snapshotId', 'MissingParameter')
    else:
        found.setdefault('Encrypted', False)
    kind = found.setdefault('VolumeType', 'standard')
    found.setdefault('DeleteOnTermination', True)
    for name, low, high in (('Iops', 3000, 16000), ('Throughput', 125, 1000)):
        if kind == 'gp3' and not low <= found.setdefault(name, low) <= high:
            raise bad('Volume %s of %s is not between %d and %d' % (name.lower(), found[name], low, high))
        if kind not in ('gp3', 'io1', 'io2') and name in ebs:
            raise bad('The parameter %s is not supported for %s volumes.' % (name.lower(), kind), 'InvalidParameterCombination')
    return {'DeviceName': device, 'Ebs': found}


@operation(OPS)
def register_image(call, p):
    if 'ImageLocation' in p:
        raise Refusal('NotImplemented', 'not in this fake: instance store', 501)
    if not p.get('BlockDeviceMappings'):
        raise bad('The request must contain the parameter imageLocation or blockDeviceMapping', 'MissingParameter')
    tags = specified(p, ('image',))
    mappings = [checked_mapping(call, m) for m in p['BlockDeviceMappings']]
    names, root = [m['DeviceName'] for m in mappings], p.get('RootDeviceName')
    if len(set(names)) < len(names):
        raise bad('A device name comes twice', 'InvalidBlockDeviceMapping')
    if root is None:
        raise bad('The request must contain the parameter rootDeviceName', 'MissingParameter')
    if not any(m['DeviceName'] == root and 'SnapshotId' in m['Ebs'] for m in mappings):
        raise bad('Root device %s has no snapshot in the block device mapping' % root, 'InvalidBlockDeviceMapping')
    virtual, arch, boot = p.get('VirtualizationType', 'paravirtual'), p.get('Architecture', 'i386'), p.get('BootMode')
    if virtual not in ('hvm', 'paravirtual'):
        raise bad("Invalid virtualization type '%s'" % virtual)
    if virtual != 'hvm':
        for name in ('EnaSupport', 'SriovNetSupport', 'BootMode', 'TpmSupport'):
            if p.get(name):
                raise bad('%s is only supported with the virtualization type hvm' % name, 'InvalidParameterCombination')
    if boot == 'uefi' and arch not in ('x86_64', 'arm64') or arch == 'arm64' and boot not in (None, 'uefi'):
        raise bad("Boot mode %s is not supported with architecture %s" % (boot, arch), 'InvalidParameterCombination')
    if p.get('TpmSupport') and boot != 'uefi':
        raise bad("TpmSupport needs boot mode 'uefi'", 'InvalidParameterCombination')
    if p.get('SriovNetSupport', 'simple') != 'simple':
        raise bad('Invalid value for sriovNetSupport')
    image = new_image(call, p['Name'], description=p.get('Description', ''), mappings=mappings, root=root, virtual=virtual,
                      arch=arch, boot=boot, tpm=p.get('TpmSupport'), imds=p.get('ImdsSupport'), uefi=p.get('UefiData'),
                      sriov=p.get('SriovNetSupport'), ena=p.get('EnaSupport', False), tags=tags.get('image', {}),
                      end='failed' if call.settings['image_fails'] else 'available',
                      later=Later(call.world, call.settings['image_polls']))
    return {'ImageId': image['id']}


def public(image):
    return {'Group': 'all'} in image['launch']


def mappings(image):
    """Those that are told: none of a copy that is pending."""
    return [] if image['copied'] and image['state'] != 'available' else image['mappings']


def answer(call, image):
    """An Image as DescribeImages has it."""
    found = {
        'ImageId': image['id'], 'Name': image['name'], 'State': image['state'], 'OwnerId': image['owner'],
        'ImageLocation': '%s/%s' % (image['owner'], image['name']), 'CreationDate': iso(image['made']), 'Public': public(image),
        'Architecture': image['arch'], 'ImageType': 'machine', 'RootDeviceType': 'ebs', 'RootDeviceName': image['root'],
        'VirtualizationType': image['virtual'], 'Hypervisor': 'xen', 'PlatformDetails': 'Linux/UNIX',
        'UsageOperation': 'RunInstances', 'EnaSupport': image['ena'], 'BootMode': image['boot'], 'TpmSupport': image['tpm'],
        'ImdsSupport': image['imds'], 'SriovNetSupport': image['sriov'], 'Description': image['description'] or None,
        'StateReason': image['reason'], 'DeregistrationProtection': protection(call, image),
        'DeprecationTime': iso(image['deprecated']) if image['deprecated'] else None}
    if image['source']:
        found.update(SourceImageId=image['source'][1], SourceImageRegion=image['source'][0])
    keep = ('SnapshotId', 'VolumeSize', 'VolumeType', 'DeleteOnTermination', 'Encrypted', 'Iops', 'Throughput')
    found['BlockDeviceMappings'] = [{'DeviceName': m['DeviceName'], 'Ebs': {
        k: m['Ebs'][k] for k in keep if k in m['Ebs']}} for m in mappings(image)]
    if image['tags']:
        found['Tags'] = tag_set(image['tags'])
    return found


FILTERS = {
    'name': lambda i: i['name'], 'image-id': lambda i: i['id'], 'state': lambda i: i['state'], 'owner-id': lambda i: i['owner'],
    'description': lambda i: i['description'], 'architecture': lambda i: i['arch'], 'is-public': public,
    'root-device-name': lambda i: i['root'], 'root-device-type': lambda i: 'ebs', 'image-type': lambda i: 'machine',
    'virtualization-type': lambda i: i['virtual'], 'ena-support': lambda i: i['ena'], 'creation-date': lambda i: iso(i['made']),
    'block-device-mapping.snapshot-id': lambda i: [m['Ebs'].get('SnapshotId', '') for m in mappings(i)],
    'block-device-mapping.encrypted': lambda i: [m['Ebs'].get('Encrypted', False) for m in mappings(i)],
    'source-image-id': lambda i: i['source'] and i['source'][1], 'source-image-region': lambda i: i['source'] and i['source'][0]}


@operation(OPS)
def describe_images(call, p):
    region, me = call.region, call.world.account
    if 'ImageIds' in p:
        if 'MaxResults' in p:
            raise bad('The parameter MaxResults cannot be used with the parameter ImageId', 'InvalidParameterCombination')
        items = [find(call, name, owned=False) for name in p['ImageIds'] if region.gone.get(name, 0) <= call.now]
    else:
        items = [i for i in region.images.values() if call.world.visible(i, 'image')]
    items = [i for i in items if i['owner'] == me or public(i) or {'UserId': me} in i['launch'] or i.get('foreign')]
    if 'Owners' in p:
        owners = {me if o == 'self' else o for o in p['Owners']}
        items = [i for i in items if i['owner'] in owners or 'amazon' in owners and i.get('alias') == 'amazon']
    if not p.get('IncludeDeprecated'):
        items = [i for i in items if i['owner'] == me or not i['deprecated'] or i['deprecated'] > call.now]
    for i in items:
        look(i)
    items = filtered(items, p.get('Filters', []), FILTERS)
    page, token = call.page(items, p) if 'MaxResults' in p or 'NextToken' in p or call.settings['page'] else (items, None)
    return {'Images': [answer(call, i) for i in page], 'NextToken': token}


def protection(call, image):
    """EC2's word for the image's protection against deregistration."""
    if image['protection'] == 'disabled' and image['unprotected'] and call.now < image['unprotected'] + 86400:
        return 'disabled-after-' + iso(image['unprotected'] + 86400)
    return image['protection']


@operation(OPS)
def deregister_image(call, p):
    image = find(call, p['ImageId'])
    if protection(call, image) != 'disabled':
        raise bad('The image %s is protected from deregistration' % image['id'], 'OperationNotPermitted')
    del call.region.images[image['id']]
    call.region.gone[image['id']] = call.now + call.settings['gone_seconds']
    found = {'Return': True}
    if p.get('DeleteAssociatedSnapshots'):
        found['DeleteSnapshotResults'] = []
        for m in image['mappings']:
            name = m['Ebs'].get('SnapshotId')
            if name in call.region.snapshots:
                code = 'skipped' if snapshots.users(call, name) else 'success'
                if code == 'success':
                    del call.region.snapshots[name]
                found['DeleteSnapshotResults'].append({'SnapshotId': name, 'ReturnCode': code})
    return found


@operation(OPS)
def copy_image(call, p):
    """Into the region that is asked, from another or the same."""
    return call.region.idempotent('CopyImage', p, lambda: _copy(call, p), Refusal(
        'IdempotentParameterMismatch', 'The client token was used before with other parameters'))


def _copy(call, p):
    world, region = call.world, call.region
    source = world.region(p['SourceRegion']).images.get(p['SourceImageId'])
    if not source or not world.visible(source, 'image'):
        raise bad("The image id '[%s]' does not exist" % p['SourceImageId'], 'InvalidAMIID.NotFound')
    look(source)
    if source['state'] != 'available':
        raise bad('The image %s is not available' % source['id'], 'InvalidAMIID.Unavailable')
    if p.get('KmsKeyId') and not p.get('Encrypted'):
        raise bad('The parameter KmsKeyId requires the parameter Encrypted to be set.', 'InvalidParameterDependency')
    if 'EncryptionKey' in p or 'DestinationOutpostArn' in p:
        raise Refusal('NotImplemented', 'not in this fake', 501)
    key = region.find_key(p['KmsKeyId']) if p.get('KmsKeyId') else region.default_key
    tags = specified(p, ('image', 'snapshot'))
    image = new_image(call, p['Name'], description=p.get('Description', source['description']), root=source['root'],
                      source=(p['SourceRegion'], source['id']),
                      **{k: source[k] for k in ('virtual', 'arch', 'boot', 'tpm', 'imds', 'uefi', 'sriov', 'ena')},
                      tags={**(source['tags'] if p.get('CopyImageTags') else {}), **tags.get('image', {})},
                      end='failed' if call.settings['copy_fails'] or not key else 'available',
                      later=Later(world, call.settings['copy_polls']))
    for m in source['mappings']:
        old = world.region(p['SourceRegion']).snapshots[m['Ebs']['SnapshotId']]
        encrypted = bool(p.get('Encrypted') or region.encrypted or old['encrypted'])
        s = snapshots.new_copy(call, old, encrypted, key if encrypted else None, tags=tags.get('snapshot', {}), description=(
            'Copied for DestinationAmi %s from SourceAmi %s for SourceSnapshot %s. Task created on %d.' % (
                image['id'], source['id'], old['id'], call.now * 1000)))
        s['later'] = None
        image['copied'].append(s)
        image['mappings'].append({'DeviceName': m['DeviceName'], 'Ebs': {**m['Ebs'], 'SnapshotId': s['id'],
                                                                         'Encrypted': encrypted}})
    return {'ImageId': image['id']}

"""EC2's attributes of images and snapshots: who may launch them, deprecation, protection against deregistration."""
import re

from . import images, snapshots
from .refusal import Refusal
from .world import operation

OPS = {}
DECADE = 10 * 366 * 86400
ITEMS = {  # of a launch permission
    'UserId': re.compile('[0-9]{12}'), 'Group': re.compile('all'),
    'OrganizationArn': re.compile('arn:aws:organizations::[0-9]{12}:organization/o-[a-z0-9]{10,32}'),
    'OrganizationalUnitArn': re.compile('arn:aws:organizations::[0-9]{12}:ou/o-[a-z0-9]{10,32}/ou-[a-z0-9]{4,32}-[a-z0-9]{8,32}')}


def items(p, lists):
    """Of the older form of the request: items by their lists."""
    return [{name: value} for plural, name in lists.items() for value in p.get(plural, [])]


def changes(p, member, attribute, lists):
    """(to add, to remove) of either form of the request."""
    given = items(p, lists)
    if member in p:
        if given or 'OperationType' in p:
            raise Refusal('InvalidParameterCombination', 'either %s or the lists with OperationType' % member)
        return p[member].get('Add', []), p[member].get('Remove', [])
    if p.get('Attribute') != attribute or 'OperationType' not in p or not given:
        raise Refusal('InvalidParameterCombination', 'Attribute %s needs OperationType and an item' % attribute)
    return (given, []) if p['OperationType'] == 'add' else ([], given)


def checked(entries):
    for entry in entries:
        if len(entry) != 1:
            raise Refusal('InvalidParameterCombination', 'an item is one of ' + ', '.join(ITEMS))
        (kind, value), = entry.items()
        if not ITEMS[kind].fullmatch(value):
            raise Refusal('InvalidAMIAttributeItemValue', 'Invalid attribute item value "%s" for %s item type.' % (value, kind))


@operation(OPS)
def modify_image_attribute(call, p):
    image = images.find(call, p['ImageId'])
    attributes = {'Description': 'description', 'ImdsSupport': 'imds'}
    if set(attributes) & set(p):
        for name in set(attributes) & set(p):
            image[attributes[name]] = p[name].get('Value', '')
        return {}
    lists = {'UserIds': 'UserId', 'UserGroups': 'Group', 'OrganizationArns': 'OrganizationArn',
             'OrganizationalUnitArns': 'OrganizationalUnitArn'}
    add, remove = changes(p, 'LaunchPermission', 'launchPermission', lists)
    checked(add + remove)
    if image['state'] != 'available':
        raise Refusal('InvalidAMIID.Unavailable', "The AMI '%s' is currently in state %s" % (image['id'], image['state']))
    if add:
        may_share(call, image, {'Group': 'all'} in add)
    for entry in add:
        if entry not in image['launch']:
            image['launch'].append(entry)
    image['launch'] = [e for e in image['launch'] if e not in remove]
    return {}


def may_share(call, image, everybody):
    if everybody and call.settings['block_public']:
        raise Refusal('OperationNotPermitted', "You can't publicly share this image because block public access for AMIs is "
                      'enabled for this account.')
    for m in image['mappings']:
        s = call.region.snapshots.get(m['Ebs'].get('SnapshotId'))
        if s and s['encrypted'] and everybody:
            raise Refusal('InvalidParameterValue', 'An image with encrypted snapshots cannot be public')
        if s and s['encrypted'] and call.region.keys.get(s['key']) == 'alias/aws/ebs':
            raise Refusal('InvalidParameterValue', 'Snapshots encrypted with the AWS Managed CMK can\'t be shared')


@operation(OPS)
def reset_image_attribute(call, p):
    images.find(call, p['ImageId'])['launch'] = []
    return {}


@operation(OPS)
def describe_image_attribute(call, p):
    image, name = images.find(call, p['ImageId']), p['Attribute']
    if name == 'launchPermission':
        return {'ImageId': image['id'], 'LaunchPermissions': image['launch']}
    fields = {'description': ('Description', image['description']), 'bootMode': ('BootMode', image['boot']),
              'tpmSupport': ('TpmSupport', image['tpm']), 'imdsSupport': ('ImdsSupport', image['imds']),
              'uefiData': ('UefiData', image['uefi']), 'sriovNetSupport': ('SriovNetSupport', image['sriov']),
              'deregistrationProtection': ('DeregistrationProtection', images.protection(call, image))}
    if name not in fields:
        raise Refusal('NotImplemented', 'not in this fake: ' + name, 501)
    member, value = fields[name]
    return {'ImageId': image['id'], member: {'Value': value} if value else {}}


@operation(OPS)
def enable_image_deprecation(call, p):
    image = images.find(call, p['ImageId'])
    if not call.now < p['DeprecateAt'] < call.now + DECADE:
        raise Refusal('InvalidParameterValue', 'The date is to lie ahead, 10 years at most')
    image['deprecated'] = (p['DeprecateAt'] + 30) // 60 * 60  # rounded to the minute
    return {'Return': True}


@operation(OPS)
def disable_image_deprecation(call, p):
    images.find(call, p['ImageId'])['deprecated'] = None
    return {'Return': True}


@operation(OPS)
def enable_image_deregistration_protection(call, p):
    image = images.find(call, p['ImageId'])
    image['cooldown'] = bool(p.get('WithCooldown'))
    image['protection'] = 'enabled-with-cooldown' if image['cooldown'] else 'enabled-without-cooldown'
    return {'Return': image['protection']}


@operation(OPS)
def disable_image_deregistration_protection(call, p):
    image = images.find(call, p['ImageId'])
    image['unprotected'] = call.now if image['protection'] == 'enabled-with-cooldown' else image['unprotected']
    image['protection'] = 'disabled'
    return {'Return': images.protection(call, image)}


@operation(OPS)
def get_image_block_public_access_state(call, p):
    return {'ImageBlockPublicAccessState': 'block-new-sharing' if call.settings['block_public'] else 'unblocked'}


@operation(OPS)
def modify_snapshot_attribute(call, p):
    s = snapshots.find(call, p['SnapshotId'])
    add, remove = changes(p, 'CreateVolumePermission', 'createVolumePermission', {'UserIds': 'UserId', 'GroupNames': 'Group'})
    checked(add + remove)
    if add and s['encrypted']:
        if {'Group': 'all'} in add:
            raise Refusal('InvalidParameterValue', 'An encrypted snapshot cannot be public')
        if call.region.keys.get(s['key']) == 'alias/aws/ebs':
            raise Refusal('OperationNotPermitted', 'Encrypted snapshots with EBS default key cannot be shared')
    s['shared'] = (s['shared'] | {v for e in add for v in e.values()}) - {v for e in remove for v in e.values()}
    return {}


@operation(OPS)
def describe_snapshot_attribute(call, p):
    s = snapshots.find(call, p['SnapshotId'])
    if p['Attribute'] != 'createVolumePermission':
        raise Refusal('NotImplemented', 'not in this fake: ' + p['Attribute'], 501)
    return {'SnapshotId': s['id'], 'CreateVolumePermissions': [
        {'Group': 'all'} if v == 'all' else {'UserId': v} for v in sorted(s['shared'])]}

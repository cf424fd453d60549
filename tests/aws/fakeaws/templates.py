"""EC2's launch templates and their versions."""
import copy
import re

from . import images, ssm
from .refusal import Refusal
from .world import filtered, new_id, operation, specified, tag_set

OPS = {}
NAME = re.compile(r'[a-zA-Z0-9().\-/_]{3,128}')
VERSIONS = 10000
MISMATCH = Refusal('IdempotentParameterMismatch', 'The client token was used before with other parameters')


def find(call, name):
    if name not in call.region.templates:
        raise Refusal('InvalidLaunchTemplateId.NotFound', 'The specified launch template, with template ID %s, does not exist.'
                      % name)
    return call.region.templates[name]


def named(call, p):
    """The template that LaunchTemplateId or LaunchTemplateName names."""
    if ('LaunchTemplateId' in p) == ('LaunchTemplateName' in p):
        raise Refusal('InvalidParameterCombination' if 'LaunchTemplateId' in p else 'MissingParameter',
                      'Either a launch template ID or a launch template name must be specified')
    if 'LaunchTemplateId' in p:
        if not re.fullmatch('lt-[0-9a-f]{17}', p['LaunchTemplateId']):
            raise Refusal('InvalidLaunchTemplateId.Malformed', 'Invalid launch template id')
        return find(call, p['LaunchTemplateId'])
    return by_name(call.region, p['LaunchTemplateName'])


def by_name(region, name):
    t = next((t for t in region.templates.values() if t['name'] == name), None)
    if not t:
        raise Refusal('InvalidLaunchTemplateName.NotFoundException',
                      'The specified launch template, with template name %s, does not exist.' % name)
    return t


def version(t, text):
    """The version's number by number, $Latest or $Default."""
    number = {'$Latest': max(t['versions']), '$Default': t['default']}.get(text)
    if number is None and re.fullmatch('[0-9]+', text):
        number = int(text)
    if number not in t['versions']:
        raise Refusal('InvalidLaunchTemplateId.VersionNotFound', 'Could not find the specified version %s for the launch template'
                      ' with ID %s.' % (text, t['id']))
    return number


def new_template(region, name, data, tags=None, description=None):
    t = {'id': new_id('lt'), 'name': name, 'made': region.world.now(), 'default': 1, 'tags': dict(tags or {}), 'versions': {}}
    region.templates[t['id']] = t
    add_version(region, t, data, description)
    return t


def add_version(region, t, data, description):
    number = max(t['versions'], default=0) + 1
    t['versions'][number] = {'number': number, 'data': copy.deepcopy(data), 'description': description, 'made': region.world.now()}
    return t['versions'][number]


def resolved(call, data):
    """The data with resolve:ssm: replaced by what the parameter says."""
    text = data.get('ImageId', '')
    if text.startswith('resolve:'):
        return {**data, 'ImageId': resolve(call, text)}
    return data


def resolve(call, text):
    found = ssm.lookup(call, text[len('resolve:ssm:'):]) if text.startswith('resolve:ssm:') else None
    if not found:
        raise Refusal('InvalidParameterValue', 'The parameter of %s does not exist' % text)
    p, v = found
    if p['data_type'] != 'aws:ec2:image':
        raise Refusal('InvalidParameterValue', 'The parameter of %s is not of the data type aws:ec2:image' % text)
    return v['value']


def answer_template(t):
    return {'LaunchTemplateId': t['id'], 'LaunchTemplateName': t['name'], 'CreateTime': t['made'], 'CreatedBy':
            'arn:aws:iam::123456789012:user/fake', 'DefaultVersionNumber': t['default'],
            'LatestVersionNumber': max(t['versions']), 'Tags': tag_set(t['tags']) or None}


def answer_version(t, v, data=None):
    return {'LaunchTemplateId': t['id'], 'LaunchTemplateName': t['name'], 'VersionNumber': v['number'], 'VersionDescription':
            v['description'], 'CreateTime': v['made'], 'CreatedBy': 'arn:aws:iam::123456789012:user/fake',
            'DefaultVersion': v['number'] == t['default'], 'LaunchTemplateData': data or v['data']}


@operation(OPS)
def describe_launch_templates(call, p):
    items = list(call.region.templates.values())
    if 'LaunchTemplateIds' in p:
        items = [find(call, name) for name in p['LaunchTemplateIds']]
    elif 'LaunchTemplateNames' in p:
        items = [by_name(call.region, name) for name in p['LaunchTemplateNames']]
    fields = {'launch-template-name': lambda t: t['name'], 'create-time': lambda t: str(t['made'])}
    page, token = call.page(filtered(items, p.get('Filters', []), fields), p, most=200)
    return {'LaunchTemplates': [answer_template(t) for t in page], 'NextToken': token}


@operation(OPS)
def describe_launch_template_versions(call, p):
    """Of one template; of all of them when only $Latest and $Default are asked for."""
    asked = p.get('Versions', [])
    if 'LaunchTemplateId' not in p and 'LaunchTemplateName' not in p:
        if not asked or set(asked) - {'$Latest', '$Default'}:
            raise Refusal('MissingParameter', 'Either a launch template ID or a launch template name must be specified')
        templates = list(call.region.templates.values())
    else:
        templates = [named(call, p)]
    if asked and ('MinVersion' in p or 'MaxVersion' in p):
        raise Refusal('InvalidParameterCombination', 'Versions with MinVersion or MaxVersion')
    items = []
    for t in templates:
        numbers = {version(t, text) for text in asked} if asked else set(t['versions'])
        low, high = version(t, p.get('MinVersion', '$Latest')), version(t, p.get('MaxVersion', '$Latest'))
        for n in sorted(numbers, reverse=True):
            if ('MinVersion' not in p or n >= low) and ('MaxVersion' not in p or n <= high):
                v = t['versions'][n]
                data = resolved(call, v['data']) if p.get('ResolveAlias') else v['data']
                items.append({'t': t, 'v': v, 'data': data, 'tags': {}})
    fields = {'image-id': lambda i: i['data'].get('ImageId'), 'is-default-version': lambda i: i['v']['number'] == i['t']['default'],
              'instance-type': lambda i: i['data'].get('InstanceType')}
    page, token = call.page(filtered(items, p.get('Filters', []), fields), p, most=200)
    return {'LaunchTemplateVersions': [answer_version(i['t'], i['v'], i['data']) for i in page], 'NextToken': token}


@operation(OPS)
def create_launch_template(call, p):
    def make():
        if not NAME.fullmatch(p['LaunchTemplateName']):
            raise Refusal('InvalidLaunchTemplateName.MalformedException', 'the name of a launch template')
        if any(t['name'] == p['LaunchTemplateName'] for t in call.region.templates.values()):
            raise Refusal('InvalidLaunchTemplateName.AlreadyExistsException', 'Launch template name already in use.')
        tags = specified(p, ('launch-template',)).get('launch-template')
        t = new_template(call.region, p['LaunchTemplateName'], p['LaunchTemplateData'], tags, p.get('VersionDescription'))
        return {'LaunchTemplate': answer_template(t)}
    return call.region.idempotent('CreateLaunchTemplate', p, make, MISMATCH)


@operation(OPS)
def create_launch_template_version(call, p):
    def make():
        t, data = named(call, p), p['LaunchTemplateData']
        if 'SourceVersion' in p:
            data = {**t['versions'][version(t, p['SourceVersion'])]['data'], **data}
        if not data:
            raise Refusal('MissingParameter', 'The launch template data is empty')
        text = data.get('ImageId', '')
        if not text.startswith('resolve:') and text and not re.fullmatch('ami-[0-9a-f]{8}([0-9a-f]{9})?', text):
            raise Refusal('InvalidAMIID.Malformed', 'Invalid id: "%s"' % text)
        if len(t['versions']) >= VERSIONS:
            raise Refusal('VersionLimitExceeded', 'too many versions')
        shown = resolved(call, data) if p.get('ResolveAlias') else data
        v = add_version(call.region, t, data, p.get('VersionDescription'))
        found = {'LaunchTemplateVersion': answer_version(t, v, shown)}
        if text.startswith('ami-') and text not in call.region.images:
            found['Warning'] = {'Errors': [{'Code': 'InvalidAMIID.NotFound', 'Message': "The image id '[%s]' does not exist" % text}]}
        return found
    return call.region.idempotent('CreateLaunchTemplateVersion', p, make, MISMATCH)


@operation(OPS)
def modify_launch_template(call, p):
    t = named(call, p)
    if 'DefaultVersion' not in p:
        raise Refusal('MissingParameter', 'The request must contain the parameter SetDefaultVersion')
    t['default'] = version(t, p['DefaultVersion'])
    return {'LaunchTemplate': answer_template(t)}


@operation(OPS)
def delete_launch_template_versions(call, p):
    t, good, wrong = named(call, p), [], []
    for text in p['Versions']:
        known = text.isdigit() and int(text) in t['versions'] and int(text) != t['default']
        entry = {'LaunchTemplateId': t['id'], 'LaunchTemplateName': t['name'], 'VersionNumber': int(text) if text.isdigit() else 0}
        if known:
            del t['versions'][int(text)]
        (good if known else wrong).append(entry)
    return {'SuccessfullyDeletedLaunchTemplateVersions': good, 'UnsuccessfullyDeletedLaunchTemplateVersions': [
        {**e, 'ResponseError': {'Code': 'launchTemplateVersionDoesNotExist', 'Message': 'not there, or the default'}} for e in wrong]}


def image_of(call, spec):
    """The image that a LaunchTemplateSpecification leads to, which has to be there; Refusal."""
    t = named(call, {k: spec[k] for k in ('LaunchTemplateId', 'LaunchTemplateName') if k in spec}) \
        if 'LaunchTemplateId' not in spec else find(call, spec['LaunchTemplateId'])
    data = t['versions'][version(t, spec.get('Version', '$Default'))]['data']
    image = images.find(call, resolved(call, data).get('ImageId', ''), owned=False)
    if image['state'] != 'available':
        raise Refusal('InvalidAMIID.Unavailable', 'The image %s is %s' % (image['id'], image['state']))
    return image['id'], data.get('ImageId', '').startswith('resolve:')

"""SSM's Parameter Store: parameters with versions and labels; those of type aws:ec2:image are validated after the answer."""
import re

from .refusal import Refusal
from .world import Later, operation

OPS = {}
NAME = re.compile(r'/?[a-zA-Z0-9_.-]+(/[a-zA-Z0-9_.-]+)*')
LABEL = re.compile(r'(?!aws|ssm)[a-zA-Z_.-][a-zA-Z0-9_.-]*', re.I)
TYPES = ('text', 'aws:ec2:image', 'aws:ssm:integration')
HISTORY = 100
NOT_FOUND = Refusal('ParameterNotFound')


def invalid(text):
    return Refusal('ValidationException', text)


def settle(region, name):
    """The validation of waiting versions goes on, now that somebody looks."""
    p = region.parameters.get(name)
    while p and p['waiting'] and p['waiting'][0][0]():
        _, v = p['waiting'].pop(0)
        if v['value'] in region.images:
            store(p, v)
    if p and not p['versions'] and not p['waiting']:
        del region.parameters[name]


def store(p, v):
    v['version'] = p['last'] = p['last'] + 1
    p['versions'].append(v)
    while len(p['versions']) > HISTORY:
        if p['versions'][0]['labels']:
            raise Refusal('ParameterMaxVersionLimitExceeded', 'the oldest version has a label')
        p['versions'].pop(0)


def lookup(call, text):
    """(parameter, version) by NAME, NAME:VERSION, NAME:LABEL, or ARN instead of the name; None. Refusal: no such version."""
    prefix = call.region.arn('ssm', 'parameter')
    if text.startswith(prefix):
        text = text[len(prefix):] if text.count('/') > 1 else text[len(prefix) + 1:]
    name, _, selector = text.partition(':')
    settle(call.region, name)
    p = call.region.parameters.get(name)
    if not p or not p['versions']:
        return None
    if not selector:
        return p, p['versions'][-1]
    for v in p['versions']:
        if selector == str(v['version']) or selector in v['labels']:
            return p, v
    raise Refusal('ParameterVersionNotFound', 'Systems Manager could not find version %s of %s.' % (selector, name))


def new_parameter(region, name, kind, data_type, tags=None):
    p = {'name': name, 'type': kind, 'data_type': data_type, 'versions': [], 'waiting': [], 'last': 0, 'tags': dict(tags or {})}
    region.parameters[name] = p
    return p


def new_version(region, value, description=''):
    return {'value': value, 'made': region.world.now(), 'labels': [], 'description': description, 'tier': 'Standard'}


@operation(OPS)
def put_parameter(call, p):
    region, name = call.region, p['Name']
    settle(region, name)
    old, tags = region.parameters.get(name), {}
    if not NAME.fullmatch(name) or re.match('/?(aws|ssm)', name, re.I) or name.count('/') > 15 or '/' in name[1:] and name[0] != '/':
        raise invalid('Parameter name: %s is not a name as it has to be, or starts with aws or ssm' % name)
    if not p['Value'] or len(p['Value'].encode()) > 4096:
        raise invalid('the value is empty, or longer than 4096 bytes')
    if 'Policies' in p or p.get('Tier', 'Standard') == 'Advanced' or p.get('Type') == 'SecureString':
        raise Refusal('NotImplemented', 'not in this fake: policies, advanced, SecureString', 501)
    if 'Tags' in p:
        if p.get('Overwrite'):
            raise invalid("Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please "
                          'remove overwrite flag.')
        tags = {t['Key']: t['Value'] for t in p['Tags']}
    if old and old['versions'] and not p.get('Overwrite'):
        raise Refusal('ParameterAlreadyExists', 'The parameter already exists. To overwrite this value, set the overwrite option '
                      'in the request to true.')
    kind, data_type = p.get('Type', old and old['type']), p.get('DataType', old and old['data_type'] or 'text')
    if not kind:
        raise invalid('A parameter type is required when you create a parameter.')
    if data_type not in TYPES:
        raise invalid('The following data type is not supported: %s' % data_type)
    if old and kind != old['type']:
        raise Refusal('HierarchyTypeMismatchException', 'The type of a parameter cannot be changed')
    if old and data_type != old['data_type']:
        raise invalid('The data type of an existing parameter cannot be changed')
    if data_type == 'aws:ec2:image':
        if kind != 'String':
            raise invalid('aws:ec2:image needs the type String')
        if not re.fullmatch('ami-[0-9a-f]{8}([0-9a-f]{9})?', p['Value']):
            raise invalid("The value '%s' is not of the form of an AMI's id" % p['Value'])
    if p.get('AllowedPattern') and not re.fullmatch(p['AllowedPattern'], p['Value']):
        raise Refusal('ParameterPatternMismatchException', 'Parameter value, cannot be validated against allowedPattern')
    q, v = old or new_parameter(region, name, kind, data_type, tags), new_version(region, p['Value'], p.get('Description', ''))
    if data_type == 'aws:ec2:image':
        later = Later(call.world, call.settings['ssm_polls'], call.settings['ssm_seconds'])
        q['waiting'].append((later, v))
        return {'Version': q['last'] + len(q['waiting']), 'Tier': 'Standard'}
    store(q, v)
    return {'Version': v['version'], 'Tier': 'Standard'}


def answer(call, p, v, selector=''):
    return {'Name': p['name'], 'Type': p['type'], 'Value': v['value'], 'Version': v['version'], 'LastModifiedDate': v['made'],
            'ARN': call.region.arn('ssm', 'parameter' + ('' if p['name'][0] == '/' else '/') + p['name']),
            'DataType': p['data_type'], **({'Selector': ':' + selector} if selector else {})}


@operation(OPS)
def get_parameter(call, p):
    found = lookup(call, p['Name'])
    if not found:
        raise NOT_FOUND
    return {'Parameter': answer(call, *found, '' if p['Name'].startswith('arn:') else p['Name'].partition(':')[2])}


@operation(OPS)
def get_parameters(call, p):
    if len(set(p['Names'])) < len(p['Names']):
        raise invalid('Duplicate parameter names')
    good, wrong = [], []
    for name in p['Names']:
        try:
            found = lookup(call, name)
        except Refusal:
            found = None
        if found:
            good.append(answer(call, *found, '' if name.startswith('arn:') else name.partition(':')[2]))
        else:
            wrong.append(name)
    return {'Parameters': good, 'InvalidParameters': wrong}


@operation(OPS)
def get_parameter_history(call, p):
    if not lookup(call, p['Name']):
        raise NOT_FOUND
    q = call.region.parameters[p['Name']]
    page, token = call.page(q['versions'], p, most=50)
    return {'NextToken': token, 'Parameters': [{
        'Name': q['name'], 'Type': q['type'], 'LastModifiedDate': v['made'], 'LastModifiedUser': call.credentials.arn,
        'Value': v['value'], 'Version': v['version'], 'Labels': v['labels'], 'Tier': v['tier'], 'DataType': q['data_type'],
        'Description': v['description'] or None} for v in page]}


def shown(call, filters, by_path=False):
    """The parameters that pass the ParameterFilters, by name."""
    for name in list(call.region.parameters):
        settle(call.region, name)
    items = sorted((p for p in call.region.parameters.values() if p['versions']), key=lambda p: p['name'])
    for f in filters:
        key, option, values = f['Key'], f.get('Option', 'Equals'), f.get('Values', [])
        if key == 'Path':
            if option not in ('Equals', 'OneLevel', 'Recursive') or by_path:
                raise Refusal('InvalidFilterOption', option)
            items = [p for p in items if any(under(p['name'], v, option == 'Recursive') for v in values)]
            continue
        fields = {'Name': lambda p: [p['name']], 'Type': lambda p: [p['type']], 'DataType': lambda p: [p['data_type']],
                  'Tier': lambda p: ['Standard'], 'Label': lambda p: p['versions'][-1]['labels'], 'KeyId': lambda p: []}
        if key not in fields and not key.startswith('tag:') or key == 'Label' and not by_path:
            raise Refusal('InvalidFilterKey', 'The specified key is not valid: ' + key)
        tests = {'Equals': str.__eq__, 'BeginsWith': str.startswith, 'Contains': lambda text, v: v in text}
        if option not in tests or option != 'Equals' and key != 'Name':
            raise Refusal('InvalidFilterOption', 'The specified filter option is not valid: ' + option)
        get = fields.get(key) or (lambda p, tag=key[4:]: [p['tags'][tag]] if tag in p['tags'] else [])
        items = [p for p in items if any(tests[option](text, v) for text in get(p) for v in values or [''])]
    return items


def under(name, path, recursive):
    start = path.rstrip('/') + '/'
    return name.startswith(start) and (recursive or '/' not in name[len(start):])


@operation(OPS)
def describe_parameters(call, p):
    if 'Filters' in p:
        raise Refusal('NotImplemented', 'not in this fake: Filters; use ParameterFilters', 501)
    page, token = call.page(shown(call, p.get('ParameterFilters', [])), p, most=50)
    return {'NextToken': token, 'Parameters': [{
        'Name': q['name'], 'Type': q['type'], 'LastModifiedDate': v['made'], 'LastModifiedUser': call.credentials.arn, 'Version':
        v['version'], 'Tier': v['tier'], 'DataType': q['data_type'], 'Policies': [], 'Description': v['description'] or None}
        for q in page for v in q['versions'][-1:]]}


@operation(OPS)
def get_parameters_by_path(call, p):
    if p['Path'][0] != '/':
        raise invalid('The parameter path is to begin with /')
    items = [q for q in shown(call, p.get('ParameterFilters', []), True) if under(q['name'], p['Path'], p.get('Recursive'))]
    page, token = call.page(items, p, most=10)
    return {'Parameters': [answer(call, q, q['versions'][-1]) for q in page], 'NextToken': token}


@operation(OPS)
def delete_parameter(call, p):
    if not lookup(call, p['Name']):
        raise NOT_FOUND
    del call.region.parameters[p['Name']]
    return {}


@operation(OPS)
def label_parameter_version(call, p):
    name, number = p['Name'], p.get('ParameterVersion')
    found = lookup(call, name if number is None else '%s:%d' % (name, number))
    if not found:
        raise NOT_FOUND
    wrong = [label for label in p['Labels'] if not LABEL.fullmatch(label)]
    good = [label for label in p['Labels'] if label not in wrong]
    for v in found[0]['versions']:
        v['labels'] = [label for label in v['labels'] if label not in good]
    if len(found[1]['labels']) + len(good) > 10:
        raise Refusal('ParameterVersionLabelLimitExceeded', 'A parameter version can have maximum 10 labels')
    found[1]['labels'] += good
    return {'InvalidLabels': wrong, 'ParameterVersion': found[1]['version']}


# --- Tags -----------------------------------------------------------------------------------------

def resource(call, p):
    found = lookup(call, p['ResourceId']) if p['ResourceType'] == 'Parameter' else None
    if not found:
        raise Refusal('InvalidResourceId', 'The resource ID is not valid.')
    return found[0]


@operation(OPS)
def add_tags_to_resource(call, p):
    resource(call, p)['tags'].update({t['Key']: t['Value'] for t in p['Tags']})
    return {}


@operation(OPS)
def list_tags_for_resource(call, p):
    return {'TagList': [{'Key': k, 'Value': v} for k, v in resource(call, p)['tags'].items()]}

"""Auto Scaling groups and their instance refreshes, which go on a step at every look."""
import uuid

from . import instances, templates
from .refusal import Refusal
from .world import Call, filtered, operation

OPS = {}
OVER = ('Successful', 'Failed', 'Cancelled', 'RollbackSuccessful', 'RollbackFailed')


def invalid(text):
    return Refusal('ValidationError', text)


def find(call, name):
    if name not in call.region.groups:
        raise invalid('AutoScalingGroup name not found - AutoScalingGroup %s not found' % name)
    return call.region.groups[name]


def template_of(g):
    """The LaunchTemplateSpecification of a group; None: it has a launch configuration."""
    mixed = g.get('mixed')
    return mixed['LaunchTemplate']['LaunchTemplateSpecification'] if mixed else g.get('template')


def image_of(call, g, desired=None):
    """(image id, whether by a parameter) that new instances of the group get; Refusal."""
    spec = desired or template_of(g)
    for o in g['mixed']['LaunchTemplate']['Overrides'][:1] if g.get('mixed') else ():
        if 'ImageId' in o:
            return o['ImageId'], False
        spec = o.get('LaunchTemplateSpecification', spec)
    if spec:
        return templates.image_of(call, spec)
    return call.region.configurations[g['configuration']]['image'], False


def fill(call, g, image):
    """New instances in the place of the old ones."""
    for name in g['instances'][g['desired']:]:
        call.region.instances[name]['state'] = 'terminated'
    g['instances'] = g['instances'][:g['desired']]
    while len(g['instances']) < g['desired']:
        g['instances'].append(launch(call, g, image))


def launch(call, g, image):
    spec = template_of(g) or {}
    tags = {'aws:autoscaling:groupName': g['name']}
    if spec:
        t = templates.find(call, spec['LaunchTemplateId'])
        tags.update({'aws:ec2launchtemplate:id': t['id'], 'aws:ec2launchtemplate:version':
                     str(templates.version(t, spec.get('Version', '$Default')))})
    return instances.launch(call.region, image, tags=tags)['id']


def answer_group(call, g):
    found = {'AutoScalingGroupName': g['name'], 'AutoScalingGroupARN': call.region.arn(
        'autoscaling', 'autoScalingGroup:%s:autoScalingGroupName/%s' % (uuid.UUID(int=1), g['name'])), 'MinSize': 0, 'MaxSize': 10,
        'DesiredCapacity': g['desired'], 'DefaultCooldown': 300, 'AvailabilityZones': [call.region.name + 'a'],
        'HealthCheckType': 'EC2', 'CreatedTime': g['made'], 'Tags': [
            {'ResourceId': g['name'], 'ResourceType': 'auto-scaling-group', 'Key': k, 'Value': v, 'PropagateAtLaunch': False}
            for k, v in g['tags'].items()], 'Instances': [
            {'InstanceId': name, 'AvailabilityZone': call.region.name + 'a', 'LifecycleState': 'InService', 'HealthStatus': 'Healthy',
             'ProtectedFromScaleIn': False} for name in g['instances']]}
    if g.get('mixed'):
        found['MixedInstancesPolicy'] = g['mixed']
    elif g.get('template'):
        found['LaunchTemplate'] = g['template']
    else:
        found['LaunchConfigurationName'] = g['configuration']
    return found


@operation(OPS)
def describe_auto_scaling_groups(call, p):
    names = p.get('AutoScalingGroupNames')
    items = [g for g in call.region.groups.values() if not names or g['name'] in names]
    filters = [{'Name': f.get('Name', ''), 'Values': f.get('Values', [])} for f in p.get('Filters', [])]
    if any(f['Name'] != 'tag-key' and f['Name'] != 'tag-value' and not f['Name'].startswith('tag:') for f in filters):
        raise invalid('Filter type is not correct. Allowed: tag-key, tag-value, tag:')
    items = filtered(items, filters, {'tag-value': lambda g: list(g['tags'].values())})
    page, token = call.page(items, p, 'MaxRecords', 100)
    return {'AutoScalingGroups': [answer_group(call, g) for g in page], 'NextToken': token}


@operation(OPS)
def describe_launch_configurations(call, p):
    names = p.get('LaunchConfigurationNames')
    items = [c for c in call.region.configurations.values() if not names or c['name'] in names]
    page, token = call.page(items, p, 'MaxRecords', 100)
    return {'NextToken': token, 'LaunchConfigurations': [{
        'LaunchConfigurationName': c['name'], 'ImageId': c['image'], 'InstanceType': 't3.micro', 'CreatedTime': c['made']}
        for c in page]}


# --- Instance refreshes ---------------------------------------------------------------------------

def active(call, g):
    return next((r for r in g['refreshes'] if r['status'] not in OVER), None)


def check_preferences(p):
    prefs = p.get('Preferences', {})
    points, low, high = prefs.get('CheckpointPercentages', []), prefs.get('MinHealthyPercentage', 90), \
        prefs.get('MaxHealthyPercentage')
    if points != sorted(set(points)):
        raise invalid('CheckpointPercentages must be in ascending order')
    if 'CheckpointDelay' in prefs and not points:
        raise invalid('CheckpointDelay needs CheckpointPercentages')
    if high is not None and ('MinHealthyPercentage' not in prefs or high - low > 100 or low == high == 100):
        raise invalid('MaxHealthyPercentage needs MinHealthyPercentage, not both 100, and at most 100 between them')
    if prefs.get('AutoRollback') and 'DesiredConfiguration' not in p:
        raise invalid('AutoRollback needs a DesiredConfiguration')
    return prefs


@operation(OPS)
def start_instance_refresh(call, p):
    g, prefs, desired = find(call, p['AutoScalingGroupName']), check_preferences(p), p.get('DesiredConfiguration')
    if active(call, g):
        raise Refusal('InstanceRefreshInProgress', 'An Instance Refresh is already in progress and blocks the execution of this '
                      'Instance Refresh.')
    if desired and 'LaunchTemplate' not in desired:
        raise Refusal('NotImplemented', 'not in this fake: a DesiredConfiguration without LaunchTemplate', 501)
    spec, reason, image, followed = desired and desired['LaunchTemplate'], None, None, False
    try:
        if spec:
            t = templates.named(call, {k: v for k, v in spec.items() if k != 'Version'})
            templates.version(t, spec.get('Version', '$Default'))
            spec = {'LaunchTemplateId': t['id'], 'LaunchTemplateName': t['name'], 'Version': spec.get('Version', '$Default')}
    except Refusal as e:
        raise invalid(e.message)
    try:
        image, followed = image_of(call, g, spec)
    except Refusal as e:
        reason = 'Launching a new EC2 instance. Status Reason: %s. Launching EC2 instance failed.' % e.message
    old = [call.region.instances[name]['image'] for name in g['instances']]
    r = {'id': str(uuid.uuid4()), 'group': g['name'], 'status': 'Pending', 'reason': reason, 'start': None, 'end': None,
         'percent': 0, 'image': image, 'followed': followed, 'desired': spec, 'preferences': prefs, 'old': old, 'was':
         template_of(g), 'step': 0, 'held': [], 'todo': len(g['instances']), 'back': None,
         'skip': bool(prefs.get('SkipMatching')) and all(i == image for i in old)}
    g['refreshes'].insert(0, r)
    return {'InstanceRefreshId': r['id']}


def go_on(call, g, r):
    """One step further."""
    plan, n = g['refresh'], len(g['instances'])
    if r['status'] == 'Pending':
        r.update(status='InProgress', start=call.now)
        if r['skip']:
            finish(call, g, r, 'Successful')
    elif r['status'] == 'Cancelling':
        finish(call, g, r, 'Cancelled')
    elif r['status'] == 'RollbackInProgress':
        for name, image in zip(g['instances'], r['old']):
            call.region.instances[name]['image'] = image
        finish(call, g, r, 'RollbackSuccessful')
    elif r['status'] == 'InProgress':
        if r['reason'] is not None:
            return fail(call, g, r)
        r['step'] += 1
        percent = min(100, 100 * r['step'] // max(1, plan.get('steps', 3)))
        point = next((c for c in r['preferences'].get('CheckpointPercentages', []) if r['percent'] < c <= percent), None)
        if point is not None and point < 100:
            percent, r['step'] = point, r['step'] - 1
            r['held'].append(point)
        r['percent'] = percent
        if plan.get('end') == 'Failed' and percent >= plan.get('fail_at', 50):
            r['reason'] = plan.get('reason', 'Instances failed their health checks')
            return fail(call, g, r)
        for name in g['instances'][:n * percent // 100]:
            call.region.instances[name]['image'] = r['image']
        if percent == 100:
            finish(call, g, r, 'Successful')
    return None


def fail(call, g, r):
    if r['preferences'].get('AutoRollback'):
        r.update(status='RollbackInProgress', back={'RollbackReason': r['reason'], 'RollbackStartTime': call.now})
    else:
        finish(call, g, r, 'Failed')


def finish(call, g, r, status):
    r.update(status=status, end=call.now)
    if status == 'Successful':
        r['percent'] = 100
        if r['desired']:
            g['template'] = r['desired']


@operation(OPS)
def describe_instance_refreshes(call, p):
    g = find(call, p['AutoScalingGroupName'])
    items, ids = g['refreshes'], p.get('InstanceRefreshIds')
    items = [r for r in items if not ids or r['id'] in ids]
    if ids and len(items) < len(set(ids)):
        raise invalid('Instance refresh not found')
    for r in items:
        if r['status'] not in OVER:
            go_on(call, g, r)
    page, token = call.page(items, p, 'MaxRecords', 100)
    return {'NextToken': token, 'InstanceRefreshes': [{
        'InstanceRefreshId': r['id'], 'AutoScalingGroupName': g['name'], 'Status': r['status'], 'StatusReason': r['reason'],
        'StartTime': r['start'], 'EndTime': r['end'], 'PercentageComplete': r['percent'] if r['status'] != 'Pending' else None,
        'InstancesToUpdate': r['todo'] * (100 - r['percent']) // 100, 'Preferences': r['preferences'], 'RollbackDetails': r['back'],
        'DesiredConfiguration': {'LaunchTemplate': r['desired']} if r['desired'] else None} for r in page]}


def ongoing(call, p):
    g = find(call, p['AutoScalingGroupName'])
    r = active(call, g)
    if not r or r['status'] in ('Cancelling', 'RollbackInProgress'):
        raise Refusal('ActiveInstanceRefreshNotFound', 'No in progress or pending Instance Refresh found for Auto Scaling group '
                      + g['name'])
    return g, r


@operation(OPS)
def cancel_instance_refresh(call, p):
    _, r = ongoing(call, p)
    r['status'] = 'Cancelling'
    return {'InstanceRefreshId': r['id']}


@operation(OPS)
def rollback_instance_refresh(call, p):
    g, r = ongoing(call, p)
    was = r['was'] or {}
    if not r['desired'] or was.get('Version', '$Default') in ('$Latest', '$Default') or r['followed']:
        raise Refusal('IrreversibleInstanceRefresh', 'The instance refresh has no desired configuration, or the group follows '
                      '$Latest, $Default or a parameter: it cannot be rolled back')
    r.update(status='RollbackInProgress', back={'RollbackReason': 'User initiated', 'RollbackStartTime': call.now})
    return {'InstanceRefreshId': r['id']}


def new_group(world, region, given):
    """A group with its instances, as a test sets it up."""
    call = Call(world, 'autoscaling', 'setup', region.name, None, None)
    g = {'name': given['name'], 'desired': given.get('desired', 2), 'made': world.now(), 'tags': given.get('tags', {}),
         'instances': [], 'refreshes': [], 'refresh': given.get('refresh', {})}
    if 'configuration' in given:
        g['configuration'] = given['configuration']
    else:
        t = templates.by_name(region, given['template'])
        spec = {'LaunchTemplateId': t['id'], 'LaunchTemplateName': t['name'], 'Version': given.get('version', '$Default')}
        policy = {'LaunchTemplate': {'LaunchTemplateSpecification': spec, 'Overrides': given.get('overrides', [])}}
        g.update({'mixed': policy} if given.get('mixed') else {'template': spec})
    image = given.get('image')
    if image is None:
        try:
            image = image_of(call, g)[0]
        except Refusal:
            image = 'ami-00000000000000000'
    region.groups[g['name']] = g
    fill(call, g, image)
    return g

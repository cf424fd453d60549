"""EC2's instances, as far as they use images."""
import re

from .refusal import Refusal
from .world import filtered, new_id, operation, tag_set

OPS = {}
STATES = {'pending': 0, 'running': 16, 'shutting-down': 32, 'terminated': 48, 'stopping': 64, 'stopped': 80}


def find(call, name):
    if not re.fullmatch('i-[0-9a-f]{8}([0-9a-f]{9})?', name):
        raise Refusal('InvalidInstanceID.Malformed', 'Invalid id: "%s"' % name)
    if name not in call.region.instances:
        raise Refusal('InvalidInstanceID.NotFound', "The instance ID '%s' does not exist" % name)
    return call.region.instances[name]


def launch(region, image, state='running', tags=None, name=None):
    """An instance that runs the image."""
    i = {'id': name or new_id('i'), 'image': image, 'state': state, 'tags': dict(tags or {}), 'made': region.world.now()}
    if i['state'] not in STATES:
        raise ValueError('state is one of ' + ' '.join(STATES))
    region.instances[i['id']] = i
    return i


FILTERS = {'image-id': lambda i: i['image'], 'instance-id': lambda i: i['id'], 'instance-state-name': lambda i: i['state'],
           'instance-state-code': lambda i: STATES[i['state']]}


@operation(OPS)
def describe_instances(call, p):
    if 'InstanceIds' in p:
        if 'MaxResults' in p:
            raise Refusal('InvalidParameterCombination', 'MaxResults cannot be used with InstanceIds')
        items = [find(call, name) for name in p['InstanceIds']]
    else:
        items = list(call.region.instances.values())
    if not 5 <= p.get('MaxResults', 5) <= 1000:
        raise Refusal('InvalidParameterValue', 'MaxResults is to be between 5 and 1000')
    page, token = call.page(filtered(items, p.get('Filters', []), FILTERS), p)
    return {'NextToken': token, 'Reservations': [{
        'ReservationId': 'r-' + i['id'][2:], 'OwnerId': call.world.account, 'Groups': [], 'Instances': [{
            'InstanceId': i['id'], 'ImageId': i['image'], 'State': {'Code': STATES[i['state']], 'Name': i['state']},
            'LaunchTime': i['made'], 'InstanceType': 't3.micro', 'Tags': tag_set(i['tags']) or None}]} for i in page]}

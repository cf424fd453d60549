"""STS: who calls, and temporary credentials of roles."""
import re

from .refusal import Refusal
from .world import operation

OPS = {}
ROLE = re.compile(r'arn:aws:iam::([0-9]{12}):role/(?:[\w+=,.@/-]+/)?([\w+=,.@-]{1,64})')


@operation(OPS)
def get_caller_identity(call, p):
    arn = call.credentials.arn
    return {'UserId': 'AIDAFAKE' if ':user/' in arn else 'AROAFAKE:' + arn.rpartition('/')[2], 'Account': call.world.account,
            'Arn': arn}


def issued(call, p):
    m = ROLE.fullmatch(p['RoleArn'])
    if not m:
        raise Refusal('ValidationError', p['RoleArn'] + ' is invalid')
    seconds = call.settings['sts_seconds'] or p.get('DurationSeconds', 3600)
    arn = 'arn:aws:sts::%s:assumed-role/%s/%s' % (m[1], m[2], p['RoleSessionName'])
    made = call.world.keys.issue(call.now, seconds, arn)
    return {'Credentials': {'AccessKeyId': made.key, 'SecretAccessKey': made.secret, 'SessionToken': made.token,
                            'Expiration': made.expires},
            'AssumedRoleUser': {'AssumedRoleId': 'AROAFAKE:' + p['RoleSessionName'], 'Arn': arn}, 'PackedPolicySize': 0}


@operation(OPS)
def assume_role(call, p):
    """Roles of the setup with their "external_id"; any role, when the setup names none."""
    roles = call.world.roles
    if roles and p['RoleArn'] not in roles or p.get('ExternalId') != roles.get(p['RoleArn'], {}).get(
            'external_id', p.get('ExternalId')):
        raise Refusal('AccessDenied', 'User: %s is not authorized to perform: sts:AssumeRole on resource: %s' % (
            call.credentials.arn, p['RoleArn']), 403)
    return issued(call, p)


@operation(OPS)
def assume_role_with_web_identity(call, p):
    """Tokens of the setup, each with its "subject" and, if it is no more good, "expired"."""
    token = call.world.web_tokens.get(p['WebIdentityToken'])
    if token is None:
        raise Refusal('InvalidIdentityToken', 'The web identity token provided could not be validated')
    if token.get('expired'):
        raise Refusal('ExpiredTokenException', 'Token expired')
    if call.world.roles and p['RoleArn'] not in call.world.roles:
        raise Refusal('AccessDenied', 'Not authorized to perform sts:AssumeRoleWithWebIdentity', 403)
    return {**issued(call, p), 'SubjectFromWebIdentityToken': token.get('subject', 'repo:example/hub'), 'Provider':
            'https://token.example.com', 'Audience': 'sts.amazonaws.com'}

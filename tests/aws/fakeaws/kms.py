"""KMS: the keys that a region has."""
from .refusal import Refusal
from .world import operation

OPS = {}


@operation(OPS)
def describe_key(call, p):
    """By id, ARN, alias or alias ARN, which has to be of this region."""
    arn = call.region.find_key(p['KeyId'])
    if not arn:
        raise Refusal('NotFoundException', "Key '%s' does not exist" % p['KeyId'])
    manager = 'AWS' if call.region.keys[arn].startswith('alias/aws/') else 'CUSTOMER'
    return {'KeyMetadata': {'AWSAccountId': call.world.account, 'KeyId': arn.rpartition('/')[2], 'Arn': arn, 'Enabled': True,
                            'KeyState': 'Enabled', 'KeyUsage': 'ENCRYPT_DECRYPT', 'KeyManager': manager, 'Origin': 'AWS_KMS',
                            'KeySpec': 'SYMMETRIC_DEFAULT', 'MultiRegion': False}}


@operation(OPS)
def list_aliases(call, p):
    items = [{'AliasName': alias, 'AliasArn': call.region.arn('kms', alias), 'TargetKeyId': arn.rpartition('/')[2]}
             for arn, alias in call.region.keys.items()]
    return {'Aliases': items, 'Truncated': False}

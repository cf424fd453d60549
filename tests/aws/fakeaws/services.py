"""The tables of operations, one a service."""
from . import autoscaling, ebs, images, instances, kms, sharing, snapshots, ssm, sts, templates

OPS = {
    'ebs': ebs.OPS,
    'ec2': {**images.OPS, **sharing.OPS, **snapshots.OPS, **instances.OPS, **templates.OPS},
    'ssm': ssm.OPS,
    'autoscaling': autoscaling.OPS,
    'sts': sts.OPS,
    'kms': kms.OPS,
}
UNSIGNED = {('sts', 'AssumeRoleWithWebIdentity')}

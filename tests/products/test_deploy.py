"""deploy/: parsed, held to botocore's models of the services where they have one, and least privilege looked for."""
import base64
import json
import os
import re
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from products import TOP, Work, parts, read, skip  # noqa: E402

try:
    import botocore.loaders
    import botocore.model
    import botocore.validate
    import yaml
except ImportError as e:
    skip(str(e))

SITES = '''\
sites:
  psk: ssm:/hub/psk/default
  list:
  - {name: branch1, peer: 203.0.113.1, id: 10.1.0.1, subnets: 10.1.0.0/24}
  - {name: branch2, peer: 203.0.113.2, id: 10.2.0.1, subnets: 10.2.0.0/24, psk: "ssm:/hub/psk/branch2"}
  - {name: branch3, peer: 203.0.113.3, id: 10.3.0.1, subnets: 10.3.0.0/24, psk: "secretsmanager:hub/branch3"}
'''
SETS = ['--set', 'hosted_zone=Z0123456789ABCDEFGHIJ', '--set', 'region=eu-west-1',
        '--set', 'sites_url=s3://hub-bucket/hub/sites.json?versionId=v1', '--set', 'admin_cidr=192.0.2.0/24']


class Cfn(yaml.SafeLoader):
    """CloudFormation's short forms as {Function: argument}."""


def short_form(loader, suffix, node):
    value = loader.construct_scalar(node) if isinstance(node, yaml.ScalarNode) else loader.construct_sequence(node)
    return {suffix if suffix == 'Ref' else 'Fn::' + suffix: value}


Cfn.add_multi_constructor('!', short_form)


def problems(service, shape, value):
    """What botocore's model of the service says against the value."""
    model = botocore.model.ServiceModel(botocore.loaders.Loader().load_service_model(service, 'service-2'))
    return botocore.validate.ParamValidator().validate(value, model.shape_for(shape)).generate_report()


def unknown(service, shape, value):
    """Members that the model does not know, which botocore's validator passes over in structures."""
    model = botocore.model.ServiceModel(botocore.loaders.Loader().load_service_model(service, 'service-2'))
    found = []

    def walk(shape, value, path):
        if shape.type_name == 'structure':
            for key in value:
                if key not in shape.members:
                    found.append(path + '.' + key)
                else:
                    walk(shape.members[key], value[key], path + '.' + key)
        elif shape.type_name == 'list':
            for item in value:
                walk(shape.member, item, path + '[]')
    walk(model.shape_for(shape), value, shape)
    return found


def strings(value):
    """All strings in a document; what !Sub would fill in as *."""
    if isinstance(value, dict):
        if 'Fn::Sub' in value:
            text = value['Fn::Sub']
            for name in ('Region', 'AccountId'):
                text = text.replace('${AWS::%s}' % name, '*')
            return text.replace('${AWS::Partition}', 'aws')
        return {k: strings(v) for k, v in value.items()}
    if isinstance(value, list):
        return [strings(v) for v in value]
    return value


class Deploy(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.work = Work().__enter__()
        cls.addClassCleanup(cls.work.__exit__)
        cls.work.overlay('etc/hub/hub.conf.in', 'group = {{group}}\n')
        cls.work.recipe('overlays: [one]\n' + SITES)
        cls.out = cls.work.build(*SETS)

    def document(self, name):
        return json.loads(read(self.out, 'deploy', name))

    def template(self):
        return yaml.load(read(self.out, 'deploy/fleet.yaml'), Cfn)

    def test_security_group(self):
        rules = self.document('security-group.json')
        self.assertEqual(problems('ec2', 'AuthorizeSecurityGroupIngressRequest', rules), '')
        self.assertEqual(unknown('ec2', 'AuthorizeSecurityGroupIngressRequest', rules), [])
        found = {(r['IpProtocol'], r.get('FromPort'), r.get('ToPort'), i['CidrIp'])
                 for r in rules['IpPermissions'] for i in r['IpRanges']}
        self.assertEqual(found, {('udp', 500, 500, '0.0.0.0/0'), ('udp', 4500, 4500, '0.0.0.0/0'),
                                 ('50', None, None, '0.0.0.0/0'), ('tcp', 22, 22, '192.0.2.0/24')})
        ingress = self.template()['Resources']['SecurityGroup']['Properties']['SecurityGroupIngress']
        self.assertEqual({(r['IpProtocol'], r.get('FromPort'), r.get('ToPort'), r['CidrIp']) for r in ingress}, found)

    def test_policy_allows_what_the_recipe_needs_and_no_more(self):
        policy = self.document('iam-policy.json')
        self.assertEqual(policy['Version'], '2012-10-17')
        by_sid = {s['Sid']: s for s in policy['Statement']}
        self.assertEqual(len(by_sid), len(policy['Statement']))
        allowed = {a for s in policy['Statement'] for a in s['Action']}
        self.assertEqual(allowed, {
            'ssm:GetParameters', 'secretsmanager:GetSecretValue', 'kms:Decrypt', 's3:GetObject',
            's3:GetObjectVersion', 'route53:ListResourceRecordSets', 'route53:ChangeResourceRecordSets'})
        for s in policy['Statement']:
            self.assertEqual(s['Effect'], 'Allow')
            self.assertRegex(s['Sid'], '^[A-Za-z0-9]+$')
            if s['Resource'] == ['*']:
                self.assertEqual(s['Action'], ['kms:Decrypt'])
                test = s['Condition']['StringLike']
                self.assertIn('kms:ViaService', test)
                self.assertEqual(len(test), 2, 'an encryption context as well')
        self.assertEqual(by_sid['KeysInParameters']['Resource'],
                         ['arn:aws:ssm:eu-west-1:*:parameter/hub/psk/branch2',
                          'arn:aws:ssm:eu-west-1:*:parameter/hub/psk/default'])
        self.assertEqual(by_sid['KeysInSecrets']['Resource'],
                         ['arn:aws:secretsmanager:eu-west-1:*:secret:hub/branch3-??????'])
        self.assertEqual(by_sid['Objects']['Resource'], ['arn:aws:s3:::hub-bucket/hub/sites.json'])
        self.assertEqual(by_sid['OwnRecord']['Condition'], {'ForAllValues:StringEquals': {
            'route53:ChangeResourceRecordSetsNormalizedRecordNames': ['vpn.example.com'],
            'route53:ChangeResourceRecordSetsRecordTypes': ['A'],
            'route53:ChangeResourceRecordSetsActions': ['DELETE', 'UPSERT']}})
        for sid in ('OwnRecord', 'ReadRecords'):
            self.assertEqual(by_sid[sid]['Resource'], ['arn:aws:route53:::hostedzone/Z0123456789ABCDEFGHIJ'])

    def test_policy_covers_every_call_that_the_hub_makes(self):
        folder = os.path.join(TOP, 'overlays/hub/usr/lib/hub')
        source = ''.join(read(folder, name).decode() for name in os.listdir(folder) if name.endswith('.py'))
        operations = {name for service in ('autoscaling', 'ec2', 'route53', 's3', 'secretsmanager', 'ssm') for name in
                      botocore.loaders.Loader().load_service_model(service, 'service-2')['operations']}
        made = set(re.findall(r"""['"]([A-Z][A-Za-z]+)""", source)) & operations
        self.assertLessEqual({'GetParameters', 'GetObject', 'ListResourceRecordSets'}, made)
        allowed = {a.split(':')[1] for s in self.document('iam-policy.json')['Statement'] for a in s['Action']}
        # KMS and versions are asked for behind the hub's back.
        self.assertEqual(made, allowed - {'Decrypt', 'GetObjectVersion'})

    def test_template_has_the_same_policy(self):
        policies = self.template()['Resources']['Role']['Properties']['Policies']
        self.assertEqual(len(policies), 1)
        in_template = strings(policies[0]['PolicyDocument'])
        alone = json.loads(json.dumps(self.document('iam-policy.json')).replace('eu-west-1', '*'))
        self.assertEqual(in_template, alone)

    def test_launch_template(self):
        data = self.document('launch-template.json')
        self.assertEqual(problems('ec2', 'RequestLaunchTemplateData', data), '')
        self.assertEqual(unknown('ec2', 'RequestLaunchTemplateData', data), [])
        self.assertEqual(data['ImageId'], 'resolve:ssm:/imgbuild/r/ami')
        self.assertEqual(data['MetadataOptions'], {
            'HttpEndpoint': 'enabled', 'HttpTokens': 'required', 'HttpPutResponseHopLimit': 1})
        self.assertEqual(base64.b64decode(data['UserData']), read(self.out, 'user-data.ami'))
        for interface in data['NetworkInterfaces']:
            self.assertNotIn('SourceDestCheck', json.dumps(interface))

    def test_fleet(self):
        text = read(self.out, 'deploy/fleet.yaml')
        self.assertLess(len(text), 51200)
        self.assertNotIn(b'SourceDestCheck', text)
        t = self.template()
        self.assertEqual(t['AWSTemplateFormatVersion'], '2010-09-09')
        self.assertLessEqual(set(t), {'AWSTemplateFormatVersion', 'Description', 'Parameters', 'Resources', 'Outputs'})
        # Every reference leads somewhere, and every parameter is used.
        names = set(t['Parameters']) | set(t['Resources'])
        used = set()

        def walk(value):
            if isinstance(value, dict):
                for key, v in value.items():
                    if key == 'Ref':
                        used.add(v)
                    elif key == 'Fn::GetAtt':
                        used.add(v.split('.')[0])
                    elif key == 'Fn::Sub':
                        used.update(w.split('}')[0] for w in v.split('${')[1:] if not w.startswith('AWS::'))
                    walk(v)
            elif isinstance(value, list):
                for v in value:
                    walk(v)
        walk(t['Resources'])
        walk(t['Outputs'])
        self.assertEqual(used - names, set())
        self.assertEqual(set(t['Parameters']) - used, set())
        template = t['Resources']['LaunchTemplate']['Properties']['LaunchTemplateData']
        self.assertEqual(template['ImageId'], {'Fn::Sub': 'resolve:ssm:${Ami}'})
        self.assertEqual(t['Parameters']['Ami']['Default'], '/imgbuild/r/ami')
        self.assertEqual(template['MetadataOptions']['HttpTokens'], 'required')
        self.assertEqual(base64.b64decode(template['UserData']), read(self.out, 'user-data.ami'))
        # What stands for a reference is of the kind that the service's model wants.
        plain = json.loads(json.dumps(template), object_hook=lambda d: 'x' if set(d) & {'Ref', 'Fn::Sub', 'Fn::GetAtt'}
                           else d)
        self.assertEqual(unknown('ec2', 'RequestLaunchTemplateData', plain), [])
        self.assertEqual(problems('ec2', 'RequestLaunchTemplateData', plain), '')
        group = t['Resources']['Group']['Properties']
        rename = {'VPCZoneIdentifier': 'VPCZoneIdentifier'}
        self.assertEqual([k for k in unknown('autoscaling', 'CreateAutoScalingGroupType',
                                             {rename.get(k, k): v for k, v in group.items()
                                              if k not in ('Tags', 'LaunchTemplate', 'VPCZoneIdentifier')})], [])

    def test_names_that_yaml_takes_for_something_else(self):
        with Work() as w:
            w.recipe(SITES)
            for name in ('on', '007', '1e3', 'null'):
                out = w.build('--set', 'group=' + name)
                t = yaml.load(read(out, 'deploy/fleet.yaml'), Cfn)
                self.assertEqual(t['Resources']['Group']['Properties']['Tags'][0]['Value'], name)
                data = json.loads(read(out, 'deploy/launch-template.json'))
                self.assertEqual(data['TagSpecifications'][0]['Tags'][0]['Value'], name)

    def test_many_keys_stay_within_the_quota(self):
        with Work() as w:
            sites = ''.join('- {name: b%d, peer: any, id: 10.%d.%d.1, subnets: 10.%d.%d.0/24, crypto: rtx-ikev2, '
                            'psk: "ssm:/hub/psk/b%d"}\n' % (i, i // 200, i % 200, i // 200, i % 200, i)
                            for i in range(400))
            w.write('recipes/sites.yaml', sites)
            w.recipe('sites: sites.yaml\n')
            out = w.build('--set', 'sites_url=s3://bucket/sites.json')
            policy = read(out, 'deploy/iam-policy.json').decode()
            self.assertLess(len(''.join(policy.split())), 6144)
            self.assertIn('parameter/hub/psk/*', policy)
            self.assertEqual(parts(read(out, 'user-data.ami'))[0][1], 'text/cloud-config')


if __name__ == '__main__':
    unittest.main()

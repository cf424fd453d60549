"""The fake's launch templates, parameters, Auto Scaling groups and instance refreshes."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from awstest import WithFake  # noqa: E402

PARAMETER = dict(Name='/hub/ami', Type='String', DataType='aws:ec2:image')
DATA = {'ImageId': 'ami-00000000000000001', 'InstanceType': 't3.micro', 'KeyName': 'k', 'TagSpecifications': [
    {'ResourceType': 'instance', 'Tags': [{'Key': 'a', 'Value': 'b'}]}], 'MetadataOptions': {'HttpTokens': 'required'}}


class Parameters(WithFake):
    def setUp(self):
        super().setUp()
        made = self.setup(images=[{'name': 'hub 1'}, {'name': 'hub 2'}])['images']
        self.one, self.two = made['hub 1']['image'], made['hub 2']['image']

    def get(self, name='/hub/ami'):
        return self.ssm.get_parameter(Name=name)['Parameter']

    def test_validated_after_the_answer(self):
        self.settings(ssm_polls=2)
        self.assertEqual(self.ssm.put_parameter(Value=self.one, **PARAMETER)['Version'], 1)
        for _ in range(2):
            self.refused('ParameterNotFound', self.get)
        found = self.get()
        self.assertEqual((found['Value'], found['Version'], found['DataType']), (self.one, 1, 'aws:ec2:image'))
        self.ssm.put_parameter(Value=self.two, Overwrite=True, **PARAMETER)
        self.assertEqual([self.get()['Value'] for _ in range(3)], [self.one, self.one, self.two])
        self.ssm.put_parameter(Value='ami-0123456789abcdef0', Overwrite=True, **PARAMETER)
        self.assertEqual([self.get()['Value'] for _ in range(4)], [self.two] * 4)
        self.settings(ssm_polls=0, ssm_seconds=10)
        self.ssm.put_parameter(Value=self.one, Overwrite=True, **PARAMETER)
        self.assertEqual(self.get()['Value'], self.two)
        self.world.offset = 11
        self.assertEqual(self.get()['Value'], self.one)

    def test_never_there_with_an_unknown_image(self):
        self.ssm.put_parameter(Value='ami-0123456789abcdef0', **PARAMETER)
        for _ in range(3):
            self.refused('ParameterNotFound', self.get)

    def test_rules(self):
        self.settings(ssm_polls=0)
        self.ssm.put_parameter(Value=self.one, **PARAMETER)
        put = self.ssm.put_parameter
        self.refused('ParameterAlreadyExists', put, Value=self.two, **PARAMETER)
        self.refused('ValidationException', put, Value='hub', Overwrite=True, **PARAMETER)
        self.refused('ValidationException', put, Value='x', Overwrite=True, **{**PARAMETER, 'DataType': 'text'})
        self.refused('HierarchyTypeMismatchException', put, Value='x', Overwrite=True, Name='/hub/ami', Type='StringList')
        self.refused('ValidationException', put, Value=self.two, Overwrite=True, Tags=[{'Key': 'a', 'Value': 'b'}], **PARAMETER)
        self.refused('ValidationException', put, Name='/hub/new', Value='x')
        for name in ('/aws/hub', 'ssm-hub', '/hub//ami', '/hub/ä', 'hub/ami', '/hub/ami/'):
            self.refused('ValidationException', put, Name=name, Value='x', Type='String')
        self.refused('ValidationException', put, Name='/hub/new', Value='x' * 4097, Type='String')
        self.refused('ValidationException', put, Name='/hub/new', Value='x', Type='String', DataType='aws:ec2:ami')
        put(Name='/hub/ami', Value=self.two, Overwrite=True)
        self.assertEqual(self.get()['DataType'], 'aws:ec2:image')

    def test_versions_and_labels(self):
        self.settings(ssm_polls=0)
        for value in (self.one, self.two, self.one):
            self.ssm.put_parameter(Value=value, Overwrite=True, **PARAMETER)
        self.assertEqual(self.get('/hub/ami:2')['Value'], self.two)
        self.refused('ParameterVersionNotFound', self.get, '/hub/ami:9')
        self.ssm.label_parameter_version(Name='/hub/ami', ParameterVersion=2, Labels=['stable'])
        self.assertEqual(self.get('/hub/ami:stable')['Version'], 2)
        history = self.ssm.get_parameter_history(Name='/hub/ami')['Parameters']
        self.assertEqual([(p['Version'], p['Value'], p['Labels']) for p in history],
                         [(1, self.one, []), (2, self.two, ['stable']), (3, self.one, [])])
        pages = list(self.ssm.get_paginator('get_parameter_history').paginate(Name='/hub/ami', PaginationConfig={'PageSize': 2}))
        self.assertEqual([len(p['Parameters']) for p in pages], [2, 1])

    def test_lists(self):
        self.setup(parameters=[{'name': '/hub/%d' % n, 'value': self.one, 'data_type': 'aws:ec2:image'} for n in range(23)] + [
            {'name': '/other/x', 'value': 'text'}, {'name': '/hub/deep/x', 'value': 'text'}])
        images = [{'Key': 'DataType', 'Values': ['aws:ec2:image']}]
        pages = list(self.ssm.get_paginator('describe_parameters').paginate(ParameterFilters=images, PaginationConfig={'PageSize': 10}))
        self.assertEqual([len(p['Parameters']) for p in pages], [10, 10, 3])
        pages = list(self.ssm.get_paginator('get_parameters_by_path').paginate(Path='/hub'))
        self.assertEqual([len(p['Parameters']) for p in pages], [10, 10, 3])
        self.assertEqual(len(self.ssm.get_parameters_by_path(Path='/hub/deep', Recursive=True)['Parameters']), 1)
        self.refused('InvalidFilterKey', self.ssm.describe_parameters, ParameterFilters=[{'Key': 'Label', 'Values': ['x']}])
        self.refused('ValidationException', self.ssm.describe_parameters, ParameterFilters=[{'Key': 'Value', 'Values': ['x']}])
        got = self.ssm.get_parameters(Names=['/hub/1', '/none'])
        self.assertEqual((len(got['Parameters']), got['InvalidParameters']), (1, ['/none']))


class Templates(WithFake):
    def setUp(self):
        super().setUp()
        self.id = self.setup(templates=[{'name': 'hub', 'data': DATA}])['templates']['hub']

    def test_version_from_a_source(self):
        new = {'ImageId': 'ami-00000000000000002'}
        how = dict(LaunchTemplateId=self.id, SourceVersion='$Latest', LaunchTemplateData=new, ClientToken='v2', VersionDescription='d')
        made = self.ec2.create_launch_template_version(**how)
        self.assertEqual(made['LaunchTemplateVersion']['VersionNumber'], 2)
        self.assertEqual(made['LaunchTemplateVersion']['LaunchTemplateData'], {**DATA, **new})
        self.assertEqual(made['Warning']['Errors'][0]['Code'], 'InvalidAMIID.NotFound')
        again = self.ec2.create_launch_template_version(**how)
        self.assertEqual(again['LaunchTemplateVersion']['VersionNumber'], 2)
        bare = self.ec2.create_launch_template_version(LaunchTemplateName='hub', LaunchTemplateData=new)
        self.assertEqual(bare['LaunchTemplateVersion']['LaunchTemplateData'], new)
        self.refused('InvalidAMIID.Malformed', self.ec2.create_launch_template_version, LaunchTemplateName='hub',
                     LaunchTemplateData={'ImageId': 'hub'})
        self.refused('InvalidLaunchTemplateId.VersionNotFound', self.ec2.create_launch_template_version, LaunchTemplateId=self.id,
                     SourceVersion='9', LaunchTemplateData=new)
        self.refused('InvalidLaunchTemplateName.NotFoundException', self.ec2.describe_launch_templates, LaunchTemplateNames=['other'])
        self.refused('InvalidParameterCombination', self.ec2.create_launch_template_version, LaunchTemplateId=self.id,
                     LaunchTemplateName='hub', LaunchTemplateData=new)

    def test_default(self):
        self.ec2.create_launch_template_version(LaunchTemplateId=self.id, SourceVersion='1', LaunchTemplateData={'KeyName': 'x'})
        self.ec2.modify_launch_template(LaunchTemplateId=self.id, DefaultVersion='2')
        t = self.ec2.describe_launch_templates(LaunchTemplateIds=[self.id])['LaunchTemplates'][0]
        self.assertEqual((t['DefaultVersionNumber'], t['LatestVersionNumber']), (2, 2))
        found = self.ec2.describe_launch_template_versions(LaunchTemplateId=self.id, Versions=['$Default'])
        self.assertEqual(found['LaunchTemplateVersions'][0]['LaunchTemplateData']['KeyName'], 'x')
        self.refused('InvalidLaunchTemplateId.VersionNotFound', self.ec2.modify_launch_template, LaunchTemplateId=self.id,
                     DefaultVersion='3')
        got = self.ec2.delete_launch_template_versions(LaunchTemplateId=self.id, Versions=['1', '2'])
        self.assertEqual([v['VersionNumber'] for v in got['SuccessfullyDeletedLaunchTemplateVersions']], [1])

    def test_alias(self):
        image = self.setup(images=[{'name': 'hub'}])['images']['hub']['image']
        self.setup(parameters=[{'name': '/hub/ami', 'value': image, 'data_type': 'aws:ec2:image'},
                               {'name': '/hub/text', 'value': image}],
                   templates=[{'name': 'follows', 'data': {'ImageId': 'resolve:ssm:/hub/ami'}},
                              {'name': 'wrong', 'data': {'ImageId': 'resolve:ssm:/hub/text'}}])

        def get(name, **how):
            found = self.ec2.describe_launch_template_versions(LaunchTemplateName=name, **how)['LaunchTemplateVersions']
            return [v['LaunchTemplateData']['ImageId'] for v in found]
        self.assertEqual(get('follows'), ['resolve:ssm:/hub/ami'])
        self.assertEqual(get('follows', ResolveAlias=True), [image])
        self.refused('InvalidParameterValue', get, 'wrong', ResolveAlias=True)
        every = self.ec2.describe_launch_template_versions(Versions=['$Latest'])['LaunchTemplateVersions']
        self.assertEqual(len(every), 3)
        self.refused('MissingParameter', self.ec2.describe_launch_template_versions)

    def test_pages(self):
        self.setup(templates=[{'name': 'x%02d' % n, 'data': DATA, 'versions': [DATA] * 4} for n in range(4)])
        pages = list(self.ec2.get_paginator('describe_launch_templates').paginate(PaginationConfig={'PageSize': 2}))
        self.assertEqual([len(p['LaunchTemplates']) for p in pages], [2, 2, 1])
        pages = list(self.ec2.get_paginator('describe_launch_template_versions').paginate(
            LaunchTemplateName='x00', PaginationConfig={'PageSize': 2}))
        self.assertEqual([v['VersionNumber'] for p in pages for v in p['LaunchTemplateVersions']], [5, 4, 3, 2, 1])


class Refresh(WithFake):
    def setUp(self):
        super().setUp()
        made = self.setup(images=[{'name': 'hub 1'}, {'name': 'hub 2'}])['images']
        self.one, self.two = made['hub 1']['image'], made['hub 2']['image']
        self.setup(parameters=[{'name': '/hub/ami', 'value': [self.one], 'data_type': 'aws:ec2:image'}],
                   templates=[{'name': 'follows', 'data': {'ImageId': 'resolve:ssm:/hub/ami'}},
                              {'name': 'fixed', 'data': {'ImageId': self.one}, 'versions': [{'ImageId': self.two}]}],
                   groups=[{'name': 'follows', 'template': 'follows', 'desired': 4, 'refresh': {'steps': 2}},
                           {'name': 'fixed', 'template': 'fixed', 'version': '1', 'desired': 2},
                           {'name': 'breaks', 'template': 'fixed', 'version': '1', 'refresh': {'end': 'Failed', 'reason': 'sick'}}])
        self.settings(ssm_polls=0)

    def start(self, group, **how):
        return self.autoscaling.start_instance_refresh(AutoScalingGroupName=group, **how)['InstanceRefreshId']

    def look(self, group):
        return self.autoscaling.describe_instance_refreshes(AutoScalingGroupName=group)['InstanceRefreshes'][0]

    def end(self, group):
        for _ in range(20):
            found = self.look(group)
            if found['Status'] not in ('Pending', 'InProgress', 'Cancelling', 'RollbackInProgress'):
                return found
        self.fail('no end')

    def images(self, group):
        found = self.ec2.describe_instances(Filters=[{'Name': 'tag:aws:autoscaling:groupName', 'Values': [group]}])
        return [i['ImageId'] for r in found['Reservations'] for i in r['Instances']]

    def test_follows_the_parameter(self):
        self.assertEqual(self.images('follows'), [self.one] * 4)
        self.ssm.put_parameter(Value=self.two, Overwrite=True, **PARAMETER)
        self.start('follows', Preferences={'MinHealthyPercentage': 50})
        self.refused('InstanceRefreshInProgress', self.start, 'follows')
        seen = [(r['Status'], r.get('PercentageComplete')) for r in (self.look('follows') for _ in range(3))]
        self.assertEqual(seen, [('InProgress', 0), ('InProgress', 50), ('Successful', 100)])
        self.assertEqual(self.images('follows'), [self.two] * 4)
        self.start('follows', Preferences={'SkipMatching': True})
        self.assertEqual(self.look('follows')['Status'], 'Successful')

    def test_checkpoints(self):
        self.start('follows', Preferences={'CheckpointPercentages': [20, 100], 'CheckpointDelay': 60})
        seen = [self.look('follows')['PercentageComplete'] for _ in range(4)]
        self.assertEqual(seen, [0, 20, 50, 100])
        for wrong in ({'CheckpointPercentages': [50, 20]}, {'CheckpointDelay': 60}, {'AutoRollback': True},
                      {'MaxHealthyPercentage': 150}, {'MinHealthyPercentage': 101}):
            self.refused('ValidationError', self.start, 'fixed', Preferences=wrong)
        self.refused('ValidationError', self.start, 'none')

    def test_parameter_of_the_wrong_type(self):
        self.setup(parameters=[{'name': '/hub/ami', 'value': self.one}])
        self.start('follows')
        self.assertIn('aws:ec2:image', self.end('follows')['StatusReason'])

    def test_desired_configuration_and_back(self):
        desired = {'LaunchTemplate': {'LaunchTemplateName': 'fixed', 'Version': '2'}}
        self.start('fixed', DesiredConfiguration=desired)
        self.look('fixed')
        self.autoscaling.rollback_instance_refresh(AutoScalingGroupName='fixed')
        self.assertEqual((self.end('fixed')['Status'], self.images('fixed')), ('RollbackSuccessful', [self.one] * 2))
        self.start('fixed', DesiredConfiguration=desired)
        self.assertEqual((self.end('fixed')['Status'], self.images('fixed')), ('Successful', [self.two] * 2))
        g = self.autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=['fixed'])['AutoScalingGroups'][0]
        self.assertEqual(g['LaunchTemplate']['Version'], '2')
        self.refused('ActiveInstanceRefreshNotFound', self.autoscaling.rollback_instance_refresh, AutoScalingGroupName='fixed')
        self.start('follows')
        self.refused('IrreversibleInstanceRefresh', self.autoscaling.rollback_instance_refresh, AutoScalingGroupName='follows')

    def test_failure(self):
        desired = {'LaunchTemplate': {'LaunchTemplateName': 'fixed', 'Version': '2'}}
        self.start('breaks', DesiredConfiguration=desired)
        found = self.end('breaks')
        self.assertEqual((found['Status'], found['StatusReason']), ('Failed', 'sick'))
        self.start('breaks', DesiredConfiguration=desired, Preferences={'AutoRollback': True})
        self.assertEqual(self.end('breaks')['Status'], 'RollbackSuccessful')

    def test_cancel(self):
        self.refused('ActiveInstanceRefreshNotFound', self.autoscaling.cancel_instance_refresh, AutoScalingGroupName='fixed')
        self.start('fixed')
        self.autoscaling.cancel_instance_refresh(AutoScalingGroupName='fixed')
        self.assertEqual(self.end('fixed')['Status'], 'Cancelled')

    def test_lists(self):
        self.setup(configurations=[{'name': 'old', 'image': self.one}], groups=[
            {'name': 'old', 'configuration': 'old'}, {'name': 'mixed', 'template': 'fixed', 'mixed': True, 'tags': {'a': 'b'}}])
        pages = list(self.autoscaling.get_paginator('describe_auto_scaling_groups').paginate(PaginationConfig={'PageSize': 2}))
        found = {g['AutoScalingGroupName']: g for p in pages for g in p['AutoScalingGroups']}
        self.assertEqual((len(pages), sorted(found)), (3, ['breaks', 'fixed', 'follows', 'mixed', 'old']))
        self.assertEqual(found['old']['LaunchConfigurationName'], 'old')
        self.assertEqual(found['mixed']['MixedInstancesPolicy']['LaunchTemplate']['LaunchTemplateSpecification'][
            'LaunchTemplateName'], 'fixed')
        self.assertEqual(self.autoscaling.describe_launch_configurations()['LaunchConfigurations'][0]['ImageId'], self.one)


if __name__ == '__main__':
    unittest.main()

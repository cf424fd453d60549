"""The fake's EC2: images registered, described, shared, copied, protected, deregistered."""
import datetime
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from awstest import AMI, REGION, WithFake  # noqa: E402

OTHER = '210987654321'


class Register(WithFake):
    def register(self, name='hub', ebs=None, **other):
        ebs = {'SnapshotId': self.s} if ebs is None else ebs
        given = {**AMI, 'BlockDeviceMappings': [{'DeviceName': '/dev/xvda', 'Ebs': ebs}], **other}
        return self.ec2.register_image(Name=name, **{k: v for k, v in given.items() if v is not None})

    def setUp(self):
        super().setUp()
        self.s = self.setup(snapshots=[{'gib': 2}])['snapshots'][0]

    def test_name(self):
        self.register('hub')
        self.refused('InvalidAMIName.Duplicate', self.register, 'hub')
        for name in ('ab', 'x' * 129, 'hub:1', 'hub*', 'hüb', 'a\tb'):
            self.refused('InvalidAMIName.Malformed', self.register, name)
        self.register("A z(09)[x] ./-'@_" + 'x' * 111)
        self.ec2.deregister_image(ImageId=self.ec2.describe_images(Filters=[{'Name': 'name', 'Values': ['hub']}])[
            'Images'][0]['ImageId'])
        self.register('hub')

    def test_snapshot(self):
        pending = self.snapshot({}, complete=False)
        self.refused('IncorrectState', self.register, ebs={'SnapshotId': pending})
        self.refused('InvalidSnapshot.NotFound', self.register, ebs={'SnapshotId': 'snap-00000000'})
        self.refused('InvalidSnapshotID.Malformed', self.register, ebs={'SnapshotId': 'x'})
        for extra in ({'Encrypted': True}, {'Encrypted': False}, {'KmsKeyId': 'x'}, {'VolumeSize': 1}):
            self.refused('InvalidBlockDeviceMapping', self.register, ebs={'SnapshotId': self.s, **extra})
        for extra, code in (({'Iops': 3000}, 'InvalidParameterCombination'), ({'VolumeType': 'gp3', 'Iops': 1}, 'InvalidParameterValue'),
                            ({'VolumeType': 'gp4'}, 'InvalidParameterValue')):
            self.refused(code, self.register, ebs={'SnapshotId': self.s, **extra})
        self.refused('InvalidBlockDeviceMapping', self.register, RootDeviceName='/dev/sda1')
        self.refused('MissingParameter', self.register, RootDeviceName=None)
        self.refused('MissingParameter', self.register, BlockDeviceMappings=None)

    def test_combinations(self):
        for other in ({'VirtualizationType': None}, {'Architecture': None}, {'BootMode': None}, {'BootMode': 'legacy-bios'}):
            self.refused('InvalidParameterCombination', self.register, **other)
        for other in ({'TpmSupport': 'v1.2'}, {'ImdsSupport': 'v1.0'}, {'Architecture': 'x86'}, {'VirtualizationType': 'kvm'}):
            self.refused('InvalidParameterValue', self.register, **other)
        for tags in ([{'ResourceType': 'snapshot', 'Tags': [{'Key': 'a', 'Value': 'b'}]}], [{'ResourceType': 'image', 'Tags': []}],
                     [{'ResourceType': 'image', 'Tags': [{'Key': 'aws:a', 'Value': 'b'}]}]):
            self.refused('InvalidParameterValue', self.register, TagSpecifications=tags)

    def test_defaults_bite(self):
        nothing = dict.fromkeys(('Architecture', 'VirtualizationType', 'BootMode', 'TpmSupport', 'EnaSupport', 'ImdsSupport'))
        i = self.register('bare', **nothing)['ImageId']
        found = self.ec2.describe_images(ImageIds=[i])['Images'][0]
        self.assertEqual((found['Architecture'], found['VirtualizationType'], found['EnaSupport']), ('i386', 'paravirtual', False))
        self.assertEqual(found['BlockDeviceMappings'][0]['Ebs']['VolumeType'], 'standard')

    def test_states(self):
        self.settings(image_polls=2)
        i = self.register()['ImageId']
        states = [self.ec2.describe_images(ImageIds=[i])['Images'][0]['State'] for _ in range(3)]
        self.assertEqual(states, ['pending', 'pending', 'available'])
        self.settings(image_polls=0, image_fails=True)
        found = self.ec2.describe_images(ImageIds=[self.register('other')['ImageId']])['Images'][0]
        self.assertEqual((found['State'], 'Message' in found['StateReason']), ('failed', True))

    def test_consistency(self):
        self.settings(consistency={'image': 10})
        i = self.register()['ImageId']
        self.refused('InvalidAMIID.NotFound', self.ec2.describe_images, ImageIds=[i])
        self.refused('InvalidAMIID.NotFound', self.ec2.create_tags, Resources=[i], Tags=[{'Key': 'a', 'Value': 'b'}])
        self.refused('InvalidAMIName.Duplicate', self.register)
        self.assertEqual(self.ec2.describe_images(Owners=['self'])['Images'], [])
        self.world.offset = 11
        self.assertEqual(len(self.ec2.describe_images(Owners=['self'])['Images']), 1)


class Describe(WithFake):
    def names(self, *filters, **other):
        found = self.ec2.describe_images(Filters=[{'Name': n, 'Values': v} for n, v in filters], **other)['Images']
        return sorted(i['Name'] for i in found)

    def test_filters(self):
        made = self.setup(images=[{'name': 'hub 1', 'tags': {'r': 'hub', 'v': '1'}}, {'name': 'hub 2', 'tags': {'r': 'hub', 'v': '*'}},
                                  {'name': 'amazon', 'owner': 'amazon', 'launch': [{'Group': 'all'}]},
                                  {'name': 'secret', 'owner': OTHER}])['images']
        self.assertEqual(self.names(Owners=['self']), ['hub 1', 'hub 2'])
        self.assertEqual(self.names(Owners=['amazon']), ['amazon'])
        self.assertEqual(self.names(('tag:r', ['hub']), ('tag:v', ['\\*'])), ['hub 2'])
        self.assertEqual(self.names(('tag:r', ['x', 'h?b'])), ['hub 1', 'hub 2'])
        self.assertEqual(self.names(('tag-key', ['v'])), ['hub 1', 'hub 2'])
        self.assertEqual(self.names(('name', ['*b 1'])), ['hub 1'])
        self.assertEqual(self.names(('block-device-mapping.snapshot-id', [made['hub 2']['snapshot']])), ['hub 2'])
        self.assertEqual(self.names(('is-public', ['true'])), ['amazon'])
        self.refused('AuthFailure', self.ec2.deregister_image, ImageId=made['amazon']['image'])
        self.refused('InvalidAMIID.NotFound', self.ec2.describe_images, ImageIds=['ami-00000000'])
        self.refused('InvalidAMIID.Malformed', self.ec2.describe_images, ImageIds=['hub'])

    def test_pages(self):
        self.setup(images=[{'name': 'hub %d' % n} for n in range(7)])
        for settings in ({}, {'page': 2}, {'page': 3, 'empty_pages': True}):
            self.settings(**settings)
            pages = list(self.ec2.get_paginator('describe_images').paginate(Owners=['self'], MaxResults=3)) \
                if self.ec2.can_paginate('describe_images') else self.walk()
            self.assertEqual(sorted(i['Name'] for p in pages for i in p['Images']), ['hub %d' % n for n in range(7)])
            self.assertGreater(len(pages), 2)
        self.refused('InvalidParameterCombination', self.ec2.describe_images, ImageIds=['ami-00000000'], MaxResults=3)

    def walk(self):
        pages, token = [], {}
        while not pages or token:
            got = self.ec2.describe_images(Owners=['self'], MaxResults=3, **token)
            pages.append(got)
            token = {'NextToken': got['NextToken']} if 'NextToken' in got else {}
        return pages

    def test_snapshots_and_regions(self):
        self.setup(snapshots=[{'tags': {'n': str(n)}} for n in range(12)])
        pages = list(self.ec2.get_paginator('describe_snapshots').paginate(OwnerIds=['self'], PaginationConfig={'PageSize': 5}))
        self.assertEqual([len(p['Snapshots']) for p in pages], [5, 5, 2])
        self.refused('InvalidParameterValue', self.ec2.describe_snapshots, MaxResults=4)
        self.assertIn(REGION, [r['RegionName'] for r in self.ec2.describe_regions()['Regions']])
        self.assertIn('me-south-1', [r['RegionName'] for r in self.ec2.describe_regions(AllRegions=True)['Regions']])
        self.refused('InvalidParameterValue', self.ec2.describe_regions, RegionNames=['xx-nowhere-1'])

    def test_tags(self):
        i, s = self.image()
        self.ec2.create_tags(Resources=[i, s], Tags=[{'Key': 'a', 'Value': 'b'}, {'Key': 'c', 'Value': ''}])
        self.ec2.delete_tags(Resources=[i], Tags=[{'Key': 'a', 'Value': 'other'}, {'Key': 'c'}])
        self.assertEqual(self.ec2.describe_images(ImageIds=[i])['Images'][0]['Tags'], [{'Key': 'a', 'Value': 'b'}])
        self.refused('InvalidSnapshot.NotFound', self.ec2.create_tags, Resources=[i, 'snap-00000000'], Tags=[{'Key': 'x', 'Value': ''}])
        self.refused('TagLimitExceeded', self.ec2.create_tags, Resources=[i], Tags=[
            {'Key': str(n), 'Value': ''} for n in range(50)])


class Retire(WithFake):
    def test_snapshot_in_use(self):
        i, s = self.image()
        self.refused('InvalidSnapshot.InUse', self.ec2.delete_snapshot, SnapshotId=s)
        self.ec2.deregister_image(ImageId=i)
        attribute = {'ImageId': i, 'Attribute': 'launchPermission'}
        for code in 'InvalidAMIID.Unavailable', 'InvalidAMIID.NotFound':
            self.refused(code, self.ec2.deregister_image, ImageId=i)
            self.refused(code, self.ec2.describe_image_attribute, **attribute)
            self.refused(code, self.ec2.modify_image_attribute, ImageId=i, LaunchPermission={'Add': [{'UserId': '111111111111'}]})
            if code == 'InvalidAMIID.Unavailable':
                self.assertEqual(self.ec2.describe_images(ImageIds=[i])['Images'], [])
                self.world.offset = 61
        self.refused('InvalidAMIID.NotFound', self.ec2.describe_images, ImageIds=[i])
        self.ec2.delete_snapshot(SnapshotId=s)
        self.refused('InvalidSnapshot.NotFound', self.ec2.delete_snapshot, SnapshotId=s)

    def test_with_snapshots(self):
        i, s = self.image()
        self.image('hub 2', s)
        got = self.ec2.deregister_image(ImageId=i, DeleteAssociatedSnapshots=True)
        self.assertEqual(got['DeleteSnapshotResults'], [{'SnapshotId': s, 'ReturnCode': 'skipped'}])
        i, s = self.image('hub 3')
        self.ec2.deregister_image(ImageId=i, DeleteAssociatedSnapshots=True)
        self.refused('InvalidSnapshot.NotFound', self.ec2.describe_snapshots, SnapshotIds=[s])

    def test_protection(self):
        i, _ = self.image()
        self.assertEqual(self.ec2.enable_image_deregistration_protection(ImageId=i)['Return'], 'enabled-without-cooldown')
        self.refused('OperationNotPermitted', self.ec2.deregister_image, ImageId=i)
        self.ec2.enable_image_deregistration_protection(ImageId=i, WithCooldown=True)
        self.assertEqual(self.ec2.describe_images(ImageIds=[i])['Images'][0]['DeregistrationProtection'], 'enabled-with-cooldown')
        self.ec2.disable_image_deregistration_protection(ImageId=i)
        self.refused('OperationNotPermitted', self.ec2.deregister_image, ImageId=i)
        at = self.world.regions[REGION].images[i]
        at['unprotected'] -= 86401
        self.ec2.deregister_image(ImageId=i)

    def test_deprecation(self):
        i, _ = self.image()
        ahead = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=90)
        self.refused('InvalidParameterValue', self.ec2.enable_image_deprecation, ImageId=i, DeprecateAt=ahead - datetime.timedelta(91))
        self.ec2.enable_image_deprecation(ImageId=i, DeprecateAt=ahead)
        self.assertRegex(self.ec2.describe_images(ImageIds=[i])['Images'][0]['DeprecationTime'], r'T\d\d:\d\d:00\.000Z$')


class Share(WithFake):
    def permissions(self, i):
        return self.ec2.describe_image_attribute(ImageId=i, Attribute='launchPermission')['LaunchPermissions']

    def modify(self, i, *add, remove=()):
        self.ec2.modify_image_attribute(ImageId=i, LaunchPermission={'Add': list(add), 'Remove': list(remove)})

    def test_permissions(self):
        i, _ = self.image()
        org = {'OrganizationArn': 'arn:aws:organizations::123456789012:organization/o-abcdefghij'}
        unit = {'OrganizationalUnitArn': 'arn:aws:organizations::123456789012:ou/o-abcdefghij/ou-abcd-abcdefgh'}
        self.modify(i, {'UserId': OTHER}, org, unit, {'UserId': OTHER})
        self.assertEqual(self.permissions(i), [{'UserId': OTHER}, org, unit])
        self.modify(i, remove=[org])
        self.ec2.modify_image_attribute(ImageId=i, Attribute='launchPermission', OperationType='remove', UserIds=[OTHER])
        self.assertEqual(self.permissions(i), [unit])
        for wrong in ({'UserId': '1'}, {'OrganizationArn': 'arn:aws:organizations::1:organization/x'}):
            self.refused('InvalidAMIAttributeItemValue', self.modify, i, wrong)
        self.refused('InvalidParameterCombination', self.modify, i, {'UserId': OTHER, 'Group': 'all'})
        self.refused('InvalidParameterValue', self.modify, i, {'Group': 'everybody'})
        self.modify(i, {'Group': 'all'})
        self.assertTrue(self.ec2.describe_images(ImageIds=[i])['Images'][0]['Public'])
        self.settings(block_public=True)
        self.refused('OperationNotPermitted', self.modify, i, {'Group': 'all'})
        self.ec2.reset_image_attribute(ImageId=i, Attribute='launchPermission')
        self.assertEqual(self.permissions(i), [])
        pending, _ = self.image('pending', available=False)
        self.refused('InvalidAMIID.Unavailable', self.modify, pending, {'UserId': OTHER})

    def test_encrypted(self):
        made = self.setup(keys=['alias/hub'], images=[{'name': 'default', 'encrypted': True},
                                                      {'name': 'own', 'encrypted': True, 'key': 'alias/hub'}])['images']
        self.refused('InvalidParameterValue', self.modify, made['default']['image'], {'UserId': OTHER})
        self.refused('InvalidParameterValue', self.modify, made['own']['image'], {'Group': 'all'})
        self.modify(made['own']['image'], {'UserId': OTHER})
        self.ec2.modify_snapshot_attribute(SnapshotId=made['own']['snapshot'], Attribute='createVolumePermission',
                                           OperationType='add', UserIds=[OTHER])
        self.assertEqual(self.ec2.describe_snapshot_attribute(SnapshotId=made['own']['snapshot'], Attribute='createVolumePermission')[
            'CreateVolumePermissions'], [{'UserId': OTHER}])


class Copy(WithFake):
    def test_copy(self):
        i, s = self.image()
        there = self.client('ec2', 'us-east-1')
        tags = [{'ResourceType': k, 'Tags': [{'Key': 'a', 'Value': 'b'}]} for k in ('image', 'snapshot')]
        how = dict(SourceRegion=REGION, SourceImageId=i, Name='hub 1', ClientToken='c1', TagSpecifications=tags)
        copy = there.copy_image(**how)['ImageId']
        self.assertEqual(there.copy_image(**how)['ImageId'], copy)
        self.refused('IdempotentParameterMismatch', there.copy_image, **{**how, 'Name': 'hub 2'})
        self.refused('InvalidAMIName.Duplicate', there.copy_image, **{**how, 'ClientToken': 'c2'})
        self.refused('InvalidAMIID.NotFound', there.copy_image, **{**how, 'SourceImageId': 'ami-00000000', 'ClientToken': 'c3'})
        states = [there.describe_images(ImageIds=[copy])['Images'][0] for _ in range(3)]
        self.assertEqual([x['State'] for x in states], ['pending', 'pending', 'available'])
        self.assertEqual((states[0]['BlockDeviceMappings'], states[0]['SourceImageId']), ([], i))
        ebs = states[2]['BlockDeviceMappings'][0]['Ebs']
        self.assertNotEqual(ebs['SnapshotId'], s)
        self.assertEqual(there.describe_snapshots(SnapshotIds=[ebs['SnapshotId']])['Snapshots'][0]['State'], 'completed')
        self.assertEqual(states[2]['BootMode'], 'uefi')
        self.assertEqual([b['BlockIndex'] for b in self.client('ebs', 'us-east-1').list_snapshot_blocks(
            SnapshotId=ebs['SnapshotId'])['Blocks']], [0])

    def test_encryption(self):
        i, _ = self.image()
        there, key = self.client('ec2', 'us-east-1'), self.control('setup', {'regions': {'us-east-1': {'keys': ['alias/hub']}}})
        key = key['regions']['us-east-1']['keys']['alias/hub']
        kms = self.client('kms', 'us-east-1')
        for name in ('alias/hub', key, key.rpartition('/')[2]):
            self.assertEqual(kms.describe_key(KeyId=name)['KeyMetadata']['Arn'], key)
        self.refused('NotFoundException', self.client('kms').describe_key, KeyId='alias/hub')
        how = dict(SourceRegion=REGION, SourceImageId=i)
        self.refused('InvalidParameterDependency', there.copy_image, Name='a 1', KmsKeyId='alias/hub', **how)
        self.settings(copy_polls=0)
        copy = there.copy_image(Name='a 1', KmsKeyId='alias/hub', Encrypted=True, **how)['ImageId']
        ebs = there.describe_images(ImageIds=[copy])['Images'][0]['BlockDeviceMappings'][0]['Ebs']
        self.assertTrue(ebs['Encrypted'])
        self.assertEqual(there.describe_snapshots(SnapshotIds=[ebs['SnapshotId']])['Snapshots'][0]['KmsKeyId'], key)
        wrong = there.copy_image(Name='a 2', KmsKeyId='alias/none', Encrypted=True, **how)['ImageId']
        self.assertEqual(there.describe_images(ImageIds=[wrong])['Images'][0]['State'], 'failed')
        self.settings(copy_fails=True)
        failed = there.copy_image(Name='a 3', **how)['ImageId']
        self.assertEqual(there.describe_images(ImageIds=[failed])['Images'][0]['State'], 'failed')


if __name__ == '__main__':
    unittest.main()

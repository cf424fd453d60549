#include <string.h>

#include "bundle/deploy.h"
#include "bundle/policy.h"
#include "bundle/quote.h"

/* The template is written top to bottom; @WORD@ stands for what follows from the recipe. */
static const char TEMPLATE[] =
	"# The fleet: what an account needs to run the hubs of recipe @RECIPE@, as one stack.\n"
	"#   aws cloudformation deploy --template-file fleet.yaml --stack-name @RECIPE@ \\\n"
	"#     --capabilities CAPABILITY_IAM --parameter-overrides Vpc=vpc-... Subnets=subnet-...\n"
	"# A launch reads the AMI from the SSM parameter (of data type aws:ec2:image), so a new "
	"AMI\n"
	"# needs an instance refresh and no new template. Instances leave the pool as they shut "
	"down.\n"
	"AWSTemplateFormatVersion: '2010-09-09'\n"
	"Description: IPsec hubs of recipe @RECIPE@ behind @POOL@\n"
	"Parameters:\n"
	"  Vpc:\n"
	"    Type: AWS::EC2::VPC::Id\n"
	"  Subnets:\n"
	"    Type: List<AWS::EC2::Subnet::Id>\n"
	"    Description: Public subnets, best in several availability zones\n"
	"  Ami:\n"
	"    Type: String\n"
	"    Default: @AMI@\n"
	"    Description: SSM parameter that holds the AMI's id\n"
	"  InstanceType:\n"
	"    Type: String\n"
	"    Default: " DEPLOY_INSTANCE_TYPE "\n"
	"  Hubs:\n"
	"    Type: Number\n"
	"    Default: 2\n"
	"    MinValue: 1\n"
	"    Description: Hubs in service\n"
	"  MaxHubs:\n"
	"    Type: Number\n"
	"    Default: 4\n"
	"    MinValue: 2\n"
	"    MaxValue: 100\n"
	"    Description: Hubs at most, more than Hubs, so that they can be replaced one by one\n"
	"Resources:\n"
	"  SecurityGroup:\n"
	"    Type: AWS::EC2::SecurityGroup\n"
	"    Properties:\n"
	"      GroupDescription: IPsec hubs of recipe @RECIPE@\n"
	"      VpcId: !Ref Vpc\n"
	"      SecurityGroupIngress:\n"
	"@INGRESS@"
	"  Role:\n"
	"    Type: AWS::IAM::Role\n"
	"    Properties:\n"
	"      AssumeRolePolicyDocument:\n"
	"        Version: '2012-10-17'\n"
	"        Statement:\n"
	"        - Effect: Allow\n"
	"          Principal: {Service: !Sub 'ec2.${AWS::URLSuffix}'}\n"
	"          Action: sts:AssumeRole\n"
	"@POLICY@"
	"  Profile:\n"
	"    Type: AWS::IAM::InstanceProfile\n"
	"    Properties:\n"
	"      Roles: [!Ref Role]\n"
	"  LaunchTemplate:\n"
	"    Type: AWS::EC2::LaunchTemplate\n"
	"    Properties:\n"
	"      LaunchTemplateData:\n"
	"        ImageId: !Sub 'resolve:ssm:${Ami}'\n"
	"        InstanceType: !Ref InstanceType\n"
	"        IamInstanceProfile: {Arn: !GetAtt Profile.Arn}\n"
	"        NetworkInterfaces:\n"
	"        - DeviceIndex: 0\n"
	"          AssociatePublicIpAddress: true\n"
	"          DeleteOnTermination: true\n"
	"          Groups: [!GetAtt SecurityGroup.GroupId]\n"
	"        MetadataOptions:\n"
	"          HttpEndpoint: enabled\n"
	"          HttpTokens: required\n"
	"          HttpPutResponseHopLimit: 1\n"
	"        UserData: @USERDATA@\n"
	"  Group:\n"
	"    Type: AWS::AutoScaling::AutoScalingGroup\n"
	"    UpdatePolicy:\n"
	"      AutoScalingRollingUpdate:\n"
	"        MaxBatchSize: 1\n"
	"        MinInstancesInService: !Ref Hubs\n"
	"        PauseTime: PT5M\n"
	"    Properties:\n"
	"      VPCZoneIdentifier: !Ref Subnets\n"
	"      MinSize: !Ref Hubs\n"
	"      MaxSize: !Ref MaxHubs\n"
	"      DesiredCapacity: !Ref Hubs\n"
	"      HealthCheckType: EC2\n"
	"      HealthCheckGracePeriod: 300\n"
	"      TerminationPolicies: [OldestLaunchTemplate, OldestInstance]\n"
	"      LaunchTemplate:\n"
	"        LaunchTemplateId: !Ref LaunchTemplate\n"
	"        Version: !GetAtt LaunchTemplate.LatestVersionNumber\n"
	"      Tags:\n"
	"      - {Key: Name, Value: @GROUP@, PropagateAtLaunch: true}\n"
	"Outputs:\n"
	"  Group:\n"
	"    Value: !Ref Group\n";

static int ingress(const struct deploy *d, struct buf *out, struct err *e)
{
	for (size_t i = 0; i < INGRESS_COUNT; i++) {
		const struct ingress *rule = &INGRESS[i];
		const char *from = rule->from != NULL ? rule->from : d->admin_cidr;
		if (from[0] == '\0')
			continue;
		if (buf_printf(out, e, "      - {IpProtocol: '%s', ", rule->protocol) < 0)
			return -1;
		if (rule->port >= 0 && buf_printf(out, e, "FromPort: %d, ToPort: %d, ", rule->port,
					       rule->port) < 0)
			return -1;
		if (buf_printf(out, e, "CidrIp: %s, Description: %s}\n", from, rule->why) < 0)
			return -1;
	}
	return 0;
}

static int texts(
	const char *key, const char *indent, const struct texts *t, struct buf *out, struct err *e)
{
	if (buf_printf(out, e, "%s%s:\n", indent, key) < 0)
		return -1;
	for (size_t i = 0; i < t->count; i++) {
		const char *sub = strstr(t->list[i], "${AWS::") != NULL ? "!Sub " : "";
		if (buf_printf(out, e, "%s- %s", indent, sub) < 0 ||
			quote_yaml(out, t->list[i], e) < 0 || buf_putc(out, '\n', e) < 0)
			return -1;
	}
	return 0;
}

static int policy(const struct deploy *d, struct arena *a, struct buf *out, struct err *e)
{
	struct policy p;
	if (policy_of(d, a, &p, e) < 0)
		return -1;
	if (p.count > 0 && buf_puts(out,
				   "      Policies:\n"
				   "      - PolicyName: hub\n"
				   "        PolicyDocument:\n"
				   "          Version: '2012-10-17'\n"
				   "          Statement:\n",
				   e) < 0)
		return -1;
	static const char in[] = "            ", deep[] = "                ";
	for (size_t i = 0; i < p.count; i++) {
		const struct statement *s = &p.list[i];
		if (buf_printf(out, e, "          - Sid: %s\n%sEffect: Allow\n", s->sid, in) < 0 ||
			texts("Action", in, &s->actions, out, e) < 0 ||
			texts("Resource", in, &s->resources, out, e) < 0)
			return -1;
		if (s->condition_count > 0 && buf_printf(out, e, "%sCondition:\n%s  %s:\n", in, in,
						      s->conditions[0].test) < 0)
			return -1;
		for (size_t k = 0; k < s->condition_count; k++)
			if (texts(s->conditions[k].key, deep, &s->conditions[k].values, out, e) < 0)
				return -1;
	}
	return 0;
}

static int value(const char *word, size_t len, const struct deploy *d, struct arena *a,
	struct buf *out, struct err *e)
{
	const struct {
		const char *word, *text;
	} words[] = { { "RECIPE", d->recipe }, { "POOL", d->pool_name },
		{ "USERDATA", d->user_data_b64 } };
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strlen(words[i].word) == len && strncmp(words[i].word, word, len) == 0)
			return buf_puts(out, words[i].text, e);
	if (strncmp(word, "AMI", len) == 0)
		return buf_printf(out, e, DEPLOY_AMI_PARAMETER, d->recipe);
	if (strncmp(word, "GROUP", len) == 0)
		return quote_yaml(out, d->group, e);
	if (strncmp(word, "INGRESS", len) == 0)
		return ingress(d, out, e);
	if (strncmp(word, "POLICY", len) == 0)
		return policy(d, a, out, e);
	return err_set(e, ERR_BUG, 0, "fleet.yaml: unknown word %.*s", (int)len, word);
}

int deploy_fleet(const struct deploy *d, struct arena *a, struct buf *out, struct err *e)
{
	const char *p = TEMPLATE;
	for (;;) {
		const char *at = strchr(p, '@');
		if (at == NULL)
			return buf_puts(out, p, e);
		size_t len = strcspn(at + 1, "@");
		if (buf_add(out, p, (size_t)(at - p), e) < 0 ||
			value(at + 1, len, d, a, out, e) < 0)
			return -1;
		p = at + len + 2;
	}
}

#include "bundle/deploy.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "bundle/policy.h"

const struct ingress INGRESS[] = {
	{ "udp", 500, "0.0.0.0/0", "IKE" },
	{ "udp", 4500, "0.0.0.0/0", "IKE and ESP through NAT" },
	{ "50", -1, "0.0.0.0/0", "ESP" },
	{ "tcp", 22, NULL, "SSH" },
};
const size_t INGRESS_COUNT = sizeof(INGRESS) / sizeof(*INGRESS);

int deploy_security_group(const struct deploy *d, struct buf *out, struct err *e)
{
	struct json j = json_to(out, 2);
	json_open(&j, NULL, '{');
	json_open(&j, "IpPermissions", '[');
	for (size_t i = 0; i < INGRESS_COUNT; i++) {
		const struct ingress *rule = &INGRESS[i];
		const char *from = rule->from != NULL ? rule->from : d->admin_cidr;
		if (from[0] == '\0')
			continue;
		json_open(&j, NULL, '{');
		json_str(&j, "IpProtocol", rule->protocol);
		if (rule->port >= 0) {
			json_int(&j, "FromPort", rule->port);
			json_int(&j, "ToPort", rule->port);
		}
		json_open(&j, "IpRanges", '[');
		json_open_flat(&j, NULL, '{');
		json_str(&j, "CidrIp", from);
		json_str(&j, "Description", rule->why);
		json_close(&j, '}');
		json_close(&j, ']');
		json_close(&j, '}');
	}
	json_close(&j, ']');
	json_close(&j, '}');
	return json_end(&j, e);
}

int deploy_launch_template(const struct deploy *d, struct buf *out, struct err *e)
{
	char image[512];
	snprintf(image, sizeof(image), "resolve:ssm:" DEPLOY_AMI_PARAMETER, d->recipe);
	struct json j = json_to(out, 2);
	json_open(&j, NULL, '{');
	json_str(&j, "ImageId", image);
	json_str(&j, "InstanceType", DEPLOY_INSTANCE_TYPE);
	json_open_flat(&j, "IamInstanceProfile", '{');
	json_str(&j, "Name", d->recipe);
	json_close(&j, '}');
	json_open(&j, "NetworkInterfaces", '[');
	json_open_flat(&j, NULL, '{');
	json_int(&j, "DeviceIndex", 0);
	json_bool(&j, "AssociatePublicIpAddress", true);
	json_bool(&j, "DeleteOnTermination", true);
	json_close(&j, '}');
	json_close(&j, ']');
	json_open(&j, "MetadataOptions", '{');
	json_str(&j, "HttpEndpoint", "enabled");
	json_str(&j, "HttpTokens", "required");
	json_int(&j, "HttpPutResponseHopLimit", 1);
	json_close(&j, '}');
	json_open(&j, "TagSpecifications", '[');
	json_open_flat(&j, NULL, '{');
	json_str(&j, "ResourceType", "instance");
	json_open(&j, "Tags", '[');
	json_open(&j, NULL, '{');
	json_str(&j, "Key", "Name");
	json_str(&j, "Value", d->group);
	json_close(&j, '}');
	json_close(&j, ']');
	json_close(&j, '}');
	json_close(&j, ']');
	json_str(&j, "UserData", d->user_data_b64);
	json_close(&j, '}');
	return json_end(&j, e);
}

static int texts(struct json *j, const char *key, const struct texts *t, const char *region,
	struct arena *a, struct err *e)
{
	json_open(j, key, '[');
	for (size_t i = 0; i < t->count; i++) {
		const char *text = policy_plain(t->list[i], region, a, e);
		if (text == NULL)
			return -1;
		json_str(j, NULL, text);
	}
	json_close(j, ']');
	return 0;
}

static int conditions(struct json *j, const struct statement *s, const char *region,
	struct arena *a, struct err *e)
{
	/* All conditions of a statement have the same test. */
	json_open(j, "Condition", '{');
	json_open(j, s->conditions[0].test, '{');
	for (size_t i = 0; i < s->condition_count; i++)
		if (texts(j, s->conditions[i].key, &s->conditions[i].values, region, a, e) < 0)
			return -1;
	json_close(j, '}');
	json_close(j, '}');
	return 0;
}

int deploy_iam_policy(const struct deploy *d, struct arena *a, struct buf *out, struct err *e)
{
	struct policy p;
	if (policy_of(d, a, &p, e) < 0)
		return -1;
	struct json j = json_to(out, 2);
	json_open(&j, NULL, '{');
	json_str(&j, "Version", "2012-10-17");
	json_open(&j, "Statement", '[');
	for (size_t i = 0; i < p.count; i++) {
		const struct statement *s = &p.list[i];
		json_open(&j, NULL, '{');
		json_str(&j, "Sid", s->sid);
		json_str(&j, "Effect", "Allow");
		if (texts(&j, "Action", &s->actions, d->region, a, e) < 0 ||
			texts(&j, "Resource", &s->resources, d->region, a, e) < 0 ||
			(s->condition_count > 0 && conditions(&j, s, d->region, a, e) < 0))
			return -1;
		json_close(&j, '}');
	}
	json_close(&j, ']');
	json_close(&j, '}');
	return json_end(&j, e);
}

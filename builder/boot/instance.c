#include "boot/instance.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#define HOST    "ip-169-254-10-15"
#define ACCOUNT "123456789012"

static int draw(char *out, size_t len, const char *alphabet, struct err *e)
{
	unsigned char bytes[128];
	size_t n = strlen(alphabet);
	if (len > sizeof(bytes) || getrandom(bytes, len, 0) != (ssize_t)len)
		return err_set(e, ERR_MACHINE, errno, "getrandom");
	for (size_t i = 0; i < len; i++)
		out[i] = alphabet[bytes[i] % n];
	out[len] = '\0';
	return 0;
}

int credentials_draw(struct credentials *ret, struct err *e)
{
	static const char upper[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
	static const char base64[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	struct credentials c = { .key = "ASIA" };
	if (draw(c.key + 4, 16, upper, e) < 0 || draw(c.secret, 40, base64, e) < 0 ||
		draw(c.token, 64, base64, e) < 0)
		return -1;
	*ret = c;
	return 0;
}

struct fact {
	const char *path;
	const char *text;
};

static const struct fact FACTS[] = {
	{ "ami-id", "ami-0123456789abcdef0" },
	{ "ami-launch-index", "0" },
	{ "ami-manifest-path", "(unknown)" },
	{ "block-device-mapping/ami", "/dev/xvda" },
	{ "block-device-mapping/root", "/dev/xvda" },
	{ "instance-action", "none" },
	{ "instance-id", INSTANCE_ID },
	{ "instance-life-cycle", "on-demand" },
	{ "instance-type", INSTANCE_TYPE },
	{ "local-ipv4", INSTANCE_ADDRESS },
	{ "mac", INSTANCE_MAC },
	{ "public-ipv4", INSTANCE_PUBLIC },
	{ "reservation-id", "r-0123456789abcdef0" },
	{ "security-groups", "hub" },
	{ "services/domain", "amazonaws.com" },
	{ "services/partition", "aws" },
};

#define INTERFACE "meta-data/network/interfaces/macs/" INSTANCE_MAC "/"
static const struct fact INTERFACE_FACTS[] = {
	{ "device-number", "0" },
	{ "interface-id", "eni-0123456789abcdef0" },
	{ "ipv4-associations/" INSTANCE_PUBLIC, INSTANCE_ADDRESS },
	{ "local-ipv4s", INSTANCE_ADDRESS },
	{ "mac", INSTANCE_MAC },
	{ "owner-id", ACCOUNT },
	{ "public-ipv4s", INSTANCE_PUBLIC },
	{ "security-group-ids", "sg-0123456789abcdef0" },
	{ "security-groups", "hub" },
	{ "subnet-id", "subnet-0123456789abcdef0" },
	{ "subnet-ipv4-cidr-block", INSTANCE_NETWORK },
	{ "vpc-id", "vpc-0123456789abcdef0" },
	{ "vpc-ipv4-cidr-block", INSTANCE_NETWORK },
	{ "vpc-ipv4-cidr-blocks", INSTANCE_NETWORK },
};

static int put_all(struct metadata *m, const char *folder, const struct fact *facts, size_t count,
	struct err *e)
{
	char path[160];
	for (size_t i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s%s", folder, facts[i].path);
		if (metadata_text(m, path, e, "%s", facts[i].text) < 0)
			return -1;
	}
	return 0;
}

static int put_names(const struct instance *i, struct metadata *m, struct err *e)
{
	static const char *const paths[] = { "meta-data/hostname", "meta-data/local-hostname",
		INTERFACE "local-hostname" };
	for (size_t k = 0; k < sizeof(paths) / sizeof(*paths); k++)
		if (metadata_text(m, paths[k], e, HOST ".%s.compute.internal", i->region) < 0)
			return -1;
	if (metadata_text(m, "meta-data/placement/region", e, "%s", i->region) < 0 ||
		metadata_text(m, "meta-data/placement/availability-zone", e, "%sa", i->region) < 0)
		return -1;
	return 0;
}

static int put_keys(const struct instance *i, struct metadata *m, struct err *e)
{
	if (i->ssh_key == NULL)
		return 0;
	if (metadata_text(m, "meta-data/public-keys/", e, "0=boot") < 0)
		return -1;
	return metadata_text(m, "meta-data/public-keys/0/openssh-key", e, "%s", i->ssh_key);
}

static int put_role(const struct instance *i, struct metadata *m, struct err *e)
{
	char end[32];
	struct tm tm;
	if (gmtime_r(&i->expires, &tm) == NULL ||
		strftime(end, sizeof(end), "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		return err_set(e, ERR_MACHINE, 0, "time");
	if (metadata_text(m, "meta-data/iam/info", e,
		    "{\"Code\": \"Success\", \"InstanceProfileArn\": "
		    "\"arn:aws:iam::" ACCOUNT ":instance-profile/" INSTANCE_ROLE "\"}") < 0)
		return -1;
	return metadata_text(m, "meta-data/iam/security-credentials/" INSTANCE_ROLE, e,
		"{\n  \"Code\" : \"Success\",\n  \"Type\" : \"AWS-HMAC\",\n"
		"  \"AccessKeyId\" : \"%s\",\n  \"SecretAccessKey\" : \"%s\",\n"
		"  \"Token\" : \"%s\",\n  \"Expiration\" : \"%s\"\n}",
		i->credentials->key, i->credentials->secret, i->credentials->token, end);
}

int instance_describe(const struct instance *i, struct metadata *m, struct err *e)
{
	if (put_all(m, "meta-data/", FACTS, sizeof(FACTS) / sizeof(*FACTS), e) < 0 ||
		put_all(m, INTERFACE, INTERFACE_FACTS,
			sizeof(INTERFACE_FACTS) / sizeof(*INTERFACE_FACTS), e) < 0 ||
		put_names(i, m, e) < 0 || put_keys(i, m, e) < 0 || put_role(i, m, e) < 0)
		return -1;
	if (i->user_data_size > 0 &&
		metadata_set(m, "user-data", i->user_data, i->user_data_size, e) < 0)
		return -1;
	return metadata_text(m, "dynamic/instance-identity/document", e,
		"{\n  \"accountId\" : \"" ACCOUNT "\",\n  \"architecture\" : \"x86_64\",\n"
		"  \"imageId\" : \"ami-0123456789abcdef0\",\n  \"instanceId\" : \"" INSTANCE_ID
		"\",\n  \"instanceType\" : \"" INSTANCE_TYPE
		"\",\n  \"privateIp\" : \"" INSTANCE_ADDRESS
		"\",\n  \"region\" : \"%s\",\n  \"availabilityZone\" : \"%sa\",\n"
		"  \"version\" : \"2017-09-30\"\n}",
		i->region, i->region);
}

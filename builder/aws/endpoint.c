#include "aws/endpoint.h"

#include <string.h>

#include "base/text.h"

#define LOWER  "abcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"

struct service {
	const char *name; /* of the host and the signature */
	const char *id;
	const char *version;
};

static const struct service SERVICES[AWS_SERVICE_COUNT] = {
	[AWS_EC2] = { "ec2", "ec2", "2016-11-15" },
	[AWS_EBS] = { "ebs", "ebs", NULL },
	[AWS_SSM] = { "ssm", "ssm", NULL },
	[AWS_STS] = { "sts", "sts", "2011-06-15" },
	[AWS_AUTOSCALING] = { "autoscaling", "auto_scaling", "2011-01-01" },
	[AWS_KMS] = { "kms", "kms", NULL },
};

/* AWS's partitions, by how their regions begin. */
static const struct {
	const char *region;
	const char *domain;
} PARTITIONS[] = {
	{ "cn-", "amazonaws.com.cn" },
	{ "us-iso-", "c2s.ic.gov" },
	{ "us-isob-", "sc2s.sgov.gov" },
	{ "us-isof-", "csp.hci.ic.gov" },
	{ "eu-isoe-", "cloud.adc-e.uk" },
	{ "eusc-", "amazonaws.eu" },
	{ "", "amazonaws.com" },
};

const char *endpoint_signing_name(enum aws_service service)
{
	return SERVICES[service].name;
}

const char *endpoint_service_id(enum aws_service service)
{
	return SERVICES[service].id;
}

const char *endpoint_version(enum aws_service service)
{
	return SERVICES[service].version;
}

bool endpoint_is_region(const char *region)
{
	const char *p = region;
	size_t n = strspn(p, LOWER);
	unsigned words = 0;
	if (n < 2 || strlen(region) > 32)
		return false;
	for (p += n; *p == '-'; p += 1 + n, words++) {
		n = strspn(p + 1, LOWER);
		if (n == 0)
			break;
	}
	if (words == 0 || *p != '-')
		return false;
	n = strspn(p + 1, DIGITS);
	return n >= 1 && n <= 2 && p[1 + n] == '\0';
}

static int bad_url(const char *url, const char *what, struct err *e)
{
	/* A name and password may stand before the host, and a token behind the path. */
	size_t len = strcspn(url, "?#");
	const char *at = memchr(url, '@', len);
	const char *start = at != NULL ? at + 1 : url;
	return err_set(e, ERR_USAGE, 0, "endpoint URL \"%s%.*s%s\": %s", at != NULL ? "..." : "",
		(int)(len - (size_t)(start - url)), start, url[len] != '\0' ? "..." : "", what);
}

static bool is_host(const char *p, size_t len)
{
	size_t host = 0;
	if (len > 0 && p[0] == '[') {
		host = 1 + strspn(p + 1, DIGITS "abcdefABCDEF:.");
		if (host >= len || p[host] != ']')
			return false;
		host++;
	} else {
		host = strspn(p, LOWER "ABCDEFGHIJKLMNOPQRSTUVWXYZ" DIGITS ".-_");
	}
	if (host == 0 || host > len)
		return false;
	if (host == len)
		return true;
	size_t digits = strspn(p + host + 1, DIGITS);
	return p[host] == ':' && digits >= 1 && digits <= 5 && host + 1 + digits == len;
}

static int from_url(const char *url, struct arena *a, struct endpoint *ret, struct err *e)
{
	bool secure = text_starts(url, "https://");
	if (!secure && !text_starts(url, "http://"))
		return bad_url(url, "http:// or https:// is wanted", e);
	const char *host = url + (secure ? 8 : 7);
	size_t len = strcspn(host, "/?#");
	const char *path = host + len;
	size_t path_len = strlen(path);
	if (!is_host(host, len))
		return bad_url(url, "a host with or without a port is wanted", e);
	if (strspn(path, LOWER "ABCDEFGHIJKLMNOPQRSTUVWXYZ" DIGITS "/-._~%") != path_len)
		return bad_url(url, "nothing is allowed behind the path", e);
	while (path_len > 0 && path[path_len - 1] == '/')
		path_len--;
	/* libcurl sends no port that the scheme implies. */
	const char *implied = secure ? ":443" : ":80";
	size_t tail = strlen(implied);
	if (len > tail && strncmp(host + len - tail, implied, tail) == 0)
		len -= tail;
	ret->origin = arena_printf(a, e, "%s://%.*s", secure ? "https" : "http", (int)len, host);
	ret->host = arena_strndup(a, host, len, e);
	ret->path = arena_strndup(a, path, path_len, e);
	return ret->origin == NULL || ret->host == NULL || ret->path == NULL ? -1 : 0;
}

int endpoint_of(enum aws_service service, const char *region, const char *url, struct arena *a,
	struct endpoint *ret, struct err *e)
{
	struct endpoint made = { .path = "" };
	if (!endpoint_is_region(region))
		return err_set(e, ERR_INPUT, 0, "\"%.64s\" is no region", region);
	if (url != NULL) {
		if (from_url(url, a, &made, e) < 0)
			return -1;
		*ret = made;
		return 0;
	}
	size_t i = 0;
	while (!text_starts(region, PARTITIONS[i].region))
		i++;
	made.host = arena_printf(
		a, e, "%s.%s.%s", SERVICES[service].name, region, PARTITIONS[i].domain);
	made.origin = made.host != NULL ? arena_printf(a, e, "https://%s", made.host) : NULL;
	if (made.origin == NULL)
		return -1;
	*ret = made;
	return 0;
}

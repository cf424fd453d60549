#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "aws/credentials_part.h"
#include "aws/sigv4.h"
#include "base/text.h"

#define RELATIVE      "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
#define FULL          "AWS_CONTAINER_CREDENTIALS_FULL_URI"
#define TOKEN         "AWS_CONTAINER_AUTHORIZATION_TOKEN"
#define TOKEN_FILE    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"
#define ENDPOINT      "AWS_EC2_METADATA_SERVICE_ENDPOINT"
#define ENDPOINT_MODE "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"
#define DISABLED      "AWS_EC2_METADATA_DISABLED"
#define ROLES         "/latest/meta-data/iam/security-credentials/"

/* Addresses that the SDKs trust over plain HTTP: loopback, those of ECS and of EKS. */
static bool is_trusted(const char *host)
{
	struct in_addr v4;
	struct in6_addr v6, known;
	if (strcasecmp(host, "localhost") == 0)
		return true;
	if (inet_pton(AF_INET, host, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127 || strcmp(host, "169.254.170.2") == 0 ||
		       strcmp(host, "169.254.170.23") == 0;
	if (inet_pton(AF_INET6, host, &v6) != 1 || inet_pton(AF_INET6, "fd00:ec2::23", &known) != 1)
		return false;
	return IN6_IS_ADDR_LOOPBACK(&v6) || memcmp(&v6, &known, sizeof(v6)) == 0;
}

/* "http://[::1]:80/x" to "::1"; false: not of that form. */
static bool host_of(const char *url, char *host, size_t size)
{
	const char *at = strstr(url, "://");
	if (at == NULL)
		return false;
	at += 3;
	size_t len = strcspn(at, "/?#");
	if (len == 0 || len >= size || memchr(at, '@', len) != NULL ||
		memchr(at, '\\', len) != NULL)
		return false;
	memcpy(host, at, len);
	host[len] = '\0';
	if (host[0] == '[') {
		char *end = strchr(host, ']');
		if (end == NULL || (end[1] != '\0' && end[1] != ':'))
			return false;
		*end = '\0';
		memmove(host, host + 1, strlen(host));
	} else {
		host[strcspn(host, ":")] = '\0';
	}
	return host[0] != '\0';
}

static bool is_clean(const char *text)
{
	for (; *text != '\0'; text++)
		if (*text <= ' ' || *text > '~')
			return false;
	return true;
}

static int check_full(const char *url, struct err *e)
{
	char host[256];
	bool tls = text_starts(url, "https://");
	if ((!tls && !text_starts(url, "http://")) || !is_clean(url) ||
		!host_of(url, host, sizeof(host)))
		return err_set(e, ERR_USAGE, 0, FULL " is not a URL of http or https");
	if (!tls && !is_trusted(host))
		return err_set(e, ERR_USAGE, 0,
			FULL ": %.100s is neither this machine nor ECS's or EKS's address: only "
			     "https may go there",
			host);
	return 0;
}

/* The container's URL; *ret NULL: none. */
static int container_url(struct finder *f, const char **ret, struct err *e)
{
	const char *relative = profile_env(f->p, RELATIVE);
	*ret = profile_env(f->p, FULL);
	if (relative == NULL)
		return *ret != NULL ? check_full(*ret, e) : 0;
	if (relative[0] != '/' || !is_clean(relative))
		return err_set(e, ERR_USAGE, 0, RELATIVE " is not a path");
	*ret = arena_printf(f->a, e, "http://169.254.170.2%s", relative);
	return *ret != NULL ? 0 : -1;
}

/* "Authorization: TOKEN" into `out`, empty when there is none. */
static int container_token(struct finder *f, struct buf *out, struct err *e)
{
	cleanup_secret struct buf token = { 0 };
	const char *file = profile_env(f->p, TOKEN_FILE), *said = profile_env(f->p, TOKEN);
	if (file != NULL && credentials_secret_file(file, TOKEN_FILE, &token, e) < 0)
		return -1;
	if (file == NULL && said != NULL && buf_puts(&token, said, e) < 0)
		return -1;
	if (token.len == 0)
		return 0;
	for (size_t i = 0; i < token.len; i++)
		if (token.data[i] < ' ' || token.data[i] > '~')
			return err_set(e, ERR_REMOTE, 0,
				"%s has a character that no header can have",
				file != NULL ? TOKEN_FILE : TOKEN);
	return buf_printf(out, e, "Authorization: %s", token.data);
}

static int fetch(struct finder *f, const char *method, const char *url, const char *header,
	struct buf *out, struct err *e)
{
	const char *const headers[] = { header };
	buf_clear(out);
	/* At once, so that no copy of a secret is left behind where the buffer was before. */
	if (buf_reserve(out, CREDENTIALS_ANSWER_MAX - 1, e) < 0)
		return -1;
	return f->net->fetch(f->net->ctx, method, url, headers, header != NULL, out, e);
}

int credentials_container(struct finder *f, struct aws_credentials *ret, struct err *e)
{
	cleanup_secret struct buf header = { 0 }, answer = { .max = CREDENTIALS_ANSWER_MAX };
	const char *url;
	if (container_url(f, &url, e) < 0)
		return -1;
	if (url == NULL)
		return 0;
	if (container_token(f, &header, e) < 0 ||
		fetch(f, "GET", url, header.len > 0 ? header.data : NULL, &answer, e) < 0 ||
		credentials_read(f, &answer, ANSWER_CONTAINER, ret, e) < 0)
		return err_wrap(e, "the container's credentials");
	ret->source = "container";
	return 1;
}

/* The metadata service's URL without a slash behind it. */
static const char *endpoint(struct finder *f, struct err *e)
{
	const char *said = profile_setting(f->p, ENDPOINT, "ec2_metadata_service_endpoint");
	const char *mode =
		profile_setting(f->p, ENDPOINT_MODE, "ec2_metadata_service_endpoint_mode");
	if (said == NULL && (mode == NULL || strcasecmp(mode, "IPv4") == 0))
		return "http://169.254.169.254";
	if (said == NULL && strcasecmp(mode, "IPv6") == 0)
		return "http://[fd00:ec2::254]";
	if (said == NULL) {
		err_set(e, ERR_USAGE, 0, ENDPOINT_MODE " is neither IPv4 nor IPv6");
		return NULL;
	}
	char host[256];
	if ((!text_starts(said, "http://") && !text_starts(said, "https://")) || !is_clean(said) ||
		!host_of(said, host, sizeof(host))) {
		err_set(e, ERR_USAGE, 0, ENDPOINT " is not a URL of http or https");
		return NULL;
	}
	size_t len = strlen(said);
	while (said[len - 1] == '/')
		len--;
	return arena_strndup(f->a, said, len, e);
}

/* "X-aws-ec2-metadata-token: TOKEN" of version 2 into `header`. */
static int open_session(struct finder *f, const char *base, struct buf *header, struct err *e)
{
	cleanup_secret struct buf token = { .max = CREDENTIALS_ANSWER_MAX };
	const char *url = arena_printf(f->a, e, "%s/latest/api/token", base);
	if (url == NULL ||
		fetch(f, "PUT", url, "X-aws-ec2-metadata-token-ttl-seconds: 21600", &token, e) < 0)
		return -1;
	if (token.len == 0 || strlen(token.data) != token.len || !is_clean(token.data))
		return err_set(e, ERR_REMOTE, 0, "a session token that is none");
	return buf_printf(header, e, "X-aws-ec2-metadata-token: %s", token.data);
}

/* The name of the instance's role, percent-encoded, in the arena. */
static const char *role_name(struct finder *f, const char *base, const char *header, struct err *e)
{
	cleanup_buf struct buf answer = { .max = CREDENTIALS_ANSWER_MAX }, name = { 0 };
	const char *url = arena_printf(f->a, e, "%s" ROLES, base);
	if (url == NULL || fetch(f, "GET", url, header, &answer, e) < 0) {
		if (url != NULL && e->http == 404)
			err_set(e, ERR_REMOTE, 0, "this instance has no role");
		return NULL;
	}
	size_t len = answer.data != NULL ? strcspn(answer.data, "\r\n") : 0;
	if (len == 0) {
		err_set(e, ERR_REMOTE, 0, "this instance has no role");
		return NULL;
	}
	if (sigv4_encode(&name, answer.data, len, false, e) < 0)
		return NULL;
	return arena_strdup(f->a, name.data, e);
}

static int ask(struct finder *f, struct aws_credentials *ret, struct err *e)
{
	cleanup_secret struct buf header = { 0 }, answer = { .max = CREDENTIALS_ANSWER_MAX };
	const char *base = endpoint(f, e);
	if (base == NULL || open_session(f, base, &header, e) < 0)
		return -1;
	const char *role = role_name(f, base, header.data, e);
	const char *url = role != NULL ? arena_printf(f->a, e, "%s" ROLES "%s", base, role) : NULL;
	if (url == NULL || fetch(f, "GET", url, header.data, &answer, e) < 0)
		return -1;
	if (credentials_read(f, &answer, ANSWER_INSTANCE, ret, e) < 0)
		return err_wrap(e, "role %.64s", role);
	ret->source = arena_printf(f->a, e, "instance role %s", role);
	return ret->source != NULL ? 1 : -1;
}

static bool is_off(const struct finder *f)
{
	const char *said = profile_env(f->p, DISABLED);
	return said != NULL && strcasecmp(said, "true") == 0;
}

int credentials_instance(struct finder *f, struct aws_credentials *ret, struct err *e)
{
	if (is_off(f)) {
		f->no_instance = "the metadata service is switched off (" DISABLED ")";
		return 0;
	}
	int rc = ask(f, ret, e);
	if (rc >= 0)
		return rc;
	err_wrap(e, "the metadata service");
	/* Most often there is none here: then it is one of the places that had no credentials. */
	if (e->kind != ERR_REMOTE || e->errnum == EINTR)
		return -1;
	f->no_instance = arena_strdup(f->a, e->msg, e);
	return f->no_instance != NULL ? 0 : -1;
}

int credentials_instance_region(const struct profiles *p, const struct credentials_net *net,
	struct arena *a, const char **ret, struct err *e)
{
	cleanup_secret struct buf header = { 0 };
	cleanup_buf struct buf answer = { .max = CREDENTIALS_ANSWER_MAX };
	struct finder f = { .p = p, .net = net, .a = a };
	if (is_off(&f))
		return err_set(
			e, ERR_REMOTE, 0, "the metadata service is switched off (" DISABLED ")");
	const char *base = endpoint(&f, e);
	if (base == NULL || open_session(&f, base, &header, e) < 0)
		return err_wrap(e, "the metadata service");
	const char *url = arena_printf(a, e, "%s/latest/meta-data/placement/region", base);
	if (url == NULL || fetch(&f, "GET", url, header.data, &answer, e) < 0)
		return err_wrap(e, "the metadata service");
	size_t len = answer.data != NULL
			     ? strspn(answer.data, "abcdefghijklmnopqrstuvwxyz0123456789-")
			     : 0;
	if (len == 0 || len != answer.len)
		return err_set(e, ERR_REMOTE, 0, "the metadata service: a region that is none");
	const char *region = arena_strdup(a, answer.data, e);
	if (region == NULL)
		return -1;
	*ret = region;
	return 0;
}

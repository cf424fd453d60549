#include "aws/credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "aws/credentials_part.h"
#include "base/file.h"
#include "base/text.h"

#define STALE_SECONDS    300
#define SECRET_BYTES_MAX ((size_t)32 << 10)

bool credentials_stale(const struct aws_credentials *c, time_t now)
{
	return c->expires != 0 && c->expires - now < STALE_SECONDS;
}

void credentials_wipe(struct aws_credentials *c)
{
	explicit_bzero(c, sizeof(*c));
}

/* Goes into a header: without blanks and control characters. */
static int set(char *field, size_t size, const char *text, const char *what, struct err *e)
{
	size_t first = strspn(text, " \t\r\n"), len = strlen(text + first);
	text += first;
	while (len > 0 && strchr(" \t\r\n", text[len - 1]) != NULL)
		len--;
	if (len >= size)
		return err_set(e, ERR_REMOTE, 0, "%s is longer than %zu bytes", what, size - 1);
	for (size_t i = 0; i < len; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return err_set(
				e, ERR_REMOTE, 0, "%s has a character that none can have", what);
	memcpy(field, text, len);
	field[len] = '\0';
	return 0;
}

int credentials_set(struct aws_credentials *c, const char *id, const char *secret,
	const char *token, struct err *e)
{
	credentials_wipe(c);
	if (set(c->id, sizeof(c->id), id != NULL ? id : "", "the access key id", e) < 0 ||
		set(c->secret, sizeof(c->secret), secret != NULL ? secret : "",
			"the secret access key", e) < 0 ||
		set(c->token, sizeof(c->token), token != NULL ? token : "", "the session token",
			e) < 0)
		return -1;
	if (c->id[0] == '\0')
		return err_set(e, ERR_REMOTE, 0, "without an access key id");
	if (c->secret[0] == '\0')
		return err_set(e, ERR_REMOTE, 0, "without a secret access key");
	return 0;
}

int credentials_secret_file(const char *path, const char *variable, struct buf *ret, struct err *e)
{
	if (buf_reserve(ret, SECRET_BYTES_MAX + 1, e) < 0)
		return -1;
	if (file_read(AT_FDCWD, path, SECRET_BYTES_MAX, ret, e) < 0) {
		if (e->kind == ERR_INPUT)
			e->kind = ERR_REMOTE;
		return err_wrap(e, "%s", variable);
	}
	while (ret->len > 0 && strchr(" \t\r\n", ret->data[ret->len - 1]) != NULL)
		ret->data[--ret->len] = '\0';
	if (ret->len == 0)
		return err_set(e, ERR_REMOTE, 0, "%s: %s is empty", variable, path);
	return 0;
}

int credentials_environment(struct finder *f, struct aws_credentials *ret, struct err *e)
{
	const char *id = profile_env(f->p, "AWS_ACCESS_KEY_ID");
	const char *secret = profile_env(f->p, "AWS_SECRET_ACCESS_KEY");
	const char *expires = profile_env(f->p, "AWS_CREDENTIAL_EXPIRATION");
	if (id == NULL && secret == NULL)
		return 0;
	if (id == NULL || secret == NULL)
		return err_set(e, ERR_REMOTE, 0, "%s is set and %s is not",
			id != NULL ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY",
			id != NULL ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID");
	if (credentials_set(ret, id, secret, profile_env(f->p, "AWS_SESSION_TOKEN"), e) < 0)
		return err_wrap(e, "AWS_ACCESS_KEY_ID and its kin");
	if (expires != NULL && credentials_set_expiry(f, ret, expires, e) < 0)
		return err_wrap(e, "AWS_CREDENTIAL_EXPIRATION");
	ret->source = "environment";
	return 1;
}

/* Nothing gave any. */
static int none(const struct finder *f, struct err *e)
{
	return err_set(e, ERR_REMOTE, 0,
		"no AWS credentials: AWS_ACCESS_KEY_ID %s, profile \"%.80s\" %s, "
		"AWS_CONTAINER_CREDENTIALS_FULL_URI is not set, %s",
		f->p->asked ? "does not count beside --profile" : "is not set", f->p->name,
		f->p->exists ? "has none" : "is in neither of the shared files", f->no_instance);
}

int credentials_find(const struct profiles *p, const struct credentials_net *net, struct arena *a,
	struct aws_credentials *ret, struct err *e)
{
	static int (*const SOURCES[])(struct finder *, struct aws_credentials *, struct err *) = {
		credentials_environment,
		credentials_identity,
		credentials_profile,
		credentials_container,
		credentials_instance,
	};
	struct finder f = { .p = p, .net = net, .a = a, .no_instance = "" };
	struct aws_credentials c = { .expires = 0 };
	int rc = 0;
	/* A profile that was asked for is meant: the environment's keys are another's. */
	for (size_t i = p->asked ? 2 : 0; rc == 0 && i < sizeof(SOURCES) / sizeof(SOURCES[0]); i++)
		rc = SOURCES[i](&f, &c, e);
	if (rc > 0)
		*ret = c;
	credentials_wipe(&c);
	if (rc == 0)
		return none(&f, e);
	return rc > 0 ? 0 : err_wrap(e, "AWS credentials");
}

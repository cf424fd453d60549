/* What the tests of credentials have in common: an environment, shared files and a network that are
 * scripts. An error that tells a secret fails the test. */
#ifndef IMGBUILD_TESTS_AWS_CREDENTIALS_WORLD_H
#define IMGBUILD_TESTS_AWS_CREDENTIALS_WORLD_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aws/credentials.h"
#include "base/file.h"
#include "check.h"

#define HIDDEN "HIDDEN"   /* in each thing that no error may tell */
#define NOW    1893456000 /* 2030-01-01T00:00:00Z */

#define IMDS  "http://169.254.169.254"
#define ROLES IMDS "/latest/meta-data/iam/security-credentials/"
#define JSON                                                                                       \
	"{\"Code\":\"Success\",\"AccessKeyId\":\"ASIAX\",\"SecretAccessKey\":\"HIDDENx\","         \
	"\"Token\":\"HIDDENt\",\"Expiration\":\"2030-01-01T06:00:00Z\"}"

/* What a URL answers; `status` 0: nobody is there. */
struct answer {
	const char *method, *url, *header, *body;
	int status;
};

struct sts_answer {
	const char *form; /* that it must be sent; "*": anything */
	const char *with; /* access key id; NULL: unsigned */
	const char *body; /* NULL: refused */
};

struct world {
	const char *env[16];
	size_t env_count;
	struct answer answers[8];
	size_t answer_count, fetched;
	struct sts_answer sts[4];
	size_t sts_count, asked;
	const char *region;
	struct arena arena;
	struct profiles p;
	struct credentials_net net;
	struct aws_credentials c;
	struct err e;
};

static inline const char *variable(void *ctx, const char *name)
{
	struct world *w = ctx;
	size_t len = strlen(name);
	for (size_t i = w->env_count; i > 0; i--)
		if (strncmp(w->env[i - 1], name, len) == 0 && w->env[i - 1][len] == '=')
			return w->env[i - 1] + len + 1;
	return NULL;
}

static inline int fetch(void *ctx, const char *method, const char *url, const char *const *headers,
	size_t header_count, struct buf *out, struct err *e)
{
	struct world *w = ctx;
	w->fetched++;
	for (size_t i = 0; i < w->answer_count; i++) {
		struct answer *a = &w->answers[i];
		if (strcmp(a->method, method) != 0 || strcmp(a->url, url) != 0)
			continue;
		assert_int_equal(header_count, a->header != NULL);
		if (a->header != NULL)
			assert_string_equal(headers[0], a->header);
		if (a->status == 200)
			return buf_puts(out, a->body, e);
		if (a->status == EINTR)
			return err_set(e, ERR_REMOTE, EINTR, "stopped");
		err_set(e, ERR_REMOTE, 0, "status %d", a->status);
		e->http = a->status;
		return -1;
	}
	return err_set(e, ERR_REMOTE, 0, "%s: nobody is there", url);
}

static inline int sts(void *ctx, const struct aws_credentials *with, const char *region,
	const char *form, struct buf *out, struct err *e)
{
	struct world *w = ctx;
	assert_true(w->asked < w->sts_count);
	struct sts_answer *a = &w->sts[w->asked++];
	w->region = region;
	if (strcmp(a->form, "*") != 0)
		assert_string_equal(form, a->form);
	if (a->with == NULL)
		assert_null(with);
	else
		assert_string_equal(with->id, a->with);
	if (a->body == NULL)
		return err_set(e, ERR_REMOTE, 0, "AccessDenied: not allowed");
	return buf_puts(out, a->body, e);
}

static inline time_t now(void *ctx)
{
	(void)ctx;
	return NOW;
}

static inline void world_make(struct world *w, const char *config, const char *credentials)
{
	memset(w, 0, sizeof(*w));
	w->net = (struct credentials_net){ .fetch = fetch, .sts = sts, .ctx = w, .now = now };
	w->p = (struct profiles){ .name = "default", .env = variable, .ctx = w };
	assert_int_equal(
		profile_parse(&w->p, "config", false, config, strlen(config), &w->arena, &w->e), 0);
	assert_int_equal(profile_parse(&w->p, "credentials", true, credentials, strlen(credentials),
				 &w->arena, &w->e),
		0);
	w->p.exists = profile_exists(&w->p, w->p.name);
}

static inline void world_free(struct world *w)
{
	credentials_wipe(&w->c);
	arena_free(&w->arena);
}

static inline void set(struct world *w, const char *nv)
{
	assert_true(w->env_count < 16);
	w->env[w->env_count++] = nv;
}

static inline void answer(struct world *w, const char *method, const char *url, const char *header,
	const char *body, int status)
{
	assert_true(w->answer_count < 8);
	w->answers[w->answer_count++] = (struct answer){ method, url, header, body, status };
}

static inline void answer_sts(struct world *w, const char *form, const char *with, const char *body)
{
	assert_true(w->sts_count < 4);
	w->sts[w->sts_count++] = (struct sts_answer){ form, with, body };
}

static inline int find(struct world *w)
{
	int rc = credentials_find(&w->p, &w->net, &w->arena, &w->c, &w->e);
	if (rc < 0 && strstr(w->e.msg, HIDDEN) != NULL)
		fail_msg("a secret is told: %s", w->e.msg);
	return rc;
}

static inline void finds(struct world *w, const char *id, const char *source)
{
	if (find(w) < 0)
		fail_msg("%s", w->e.msg);
	assert_string_equal(w->c.id, id);
	assert_string_equal(w->c.source, source);
	assert_int_equal(w->asked, w->sts_count);
	world_free(w);
}

static inline void fails(struct world *w, enum err_kind kind, const char *wanted)
{
	assert_int_equal(find(w), -1);
	assert_string_equal(w->e.msg, wanted);
	assert_int_equal(w->e.kind, kind);
	assert_string_equal(w->c.id, "");
	assert_string_equal(w->c.secret, "");
	world_free(w);
}

/* An answer of STS. */
static inline const char *credentials_xml(const char *id)
{
	static char text[2][512];
	static int turn;
	turn = !turn;
	snprintf(text[turn], sizeof(text[turn]),
		"<R xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Result><AssumedRoleUser/>"
		"<Credentials><AccessKeyId>%s</AccessKeyId><SecretAccessKey>HIDDEN%s"
		"</SecretAccessKey><SessionToken>HIDDENtoken</SessionToken>"
		"<Expiration>2030-01-01T01:00:00Z</Expiration></Credentials></Result>"
		"<ResponseMetadata/></R>",
		id, id);
	return text[turn];
}

/* A file of that text; its path in an environment's form. */
static inline void token_file(char out[128], const char *name, const char *text)
{
	char path[] = "/tmp/credentials-XXXXXX";
	struct err e;
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(file_write_all(fd, text, strlen(text), &e), 0);
	close(fd);
	snprintf(out, 128, "%s=%s", name, path);
}

#endif

/*
 * The sources of credentials.c's chain. Each returns 1: found, *ret is filled; 0: not there, the
 * chain goes on; -1: an error, of the kinds that credentials_find tells.
 */
#ifndef IMGBUILD_AWS_CREDENTIALS_PART_H
#define IMGBUILD_AWS_CREDENTIALS_PART_H

#include "aws/credentials.h"

#define CREDENTIALS_ANSWER_MAX ((size_t)64 << 10) /* bytes of a source's answer */

struct finder {
	const struct profiles *p;
	const struct credentials_net *net;
	struct arena *a;
	const char *no_instance; /* why the metadata service gave none; in the arena */
};

/* The keys of the environment. */
must_check int credentials_environment(
	struct finder *f, struct aws_credentials *ret, struct err *e);
/* Web identity by the environment. */
must_check int credentials_identity(struct finder *f, struct aws_credentials *ret, struct err *e);
must_check int credentials_profile(struct finder *f, struct aws_credentials *ret, struct err *e);
must_check int credentials_container(struct finder *f, struct aws_credentials *ret, struct err *e);
/* 0: f->no_instance tells why. */
must_check int credentials_instance(struct finder *f, struct aws_credentials *ret, struct err *e);
/* By credential_process. Never 0. */
must_check int credentials_process(struct finder *f, const struct profile_value *command,
	struct aws_credentials *ret, struct err *e);

/* A role to be assumed; all but `arn` may be NULL. */
struct role {
	const char *arn;
	const char *session;
	const char *external;
	const char *seconds;
	const char *token_file; /* of web identity */
};
/* Into *ret, which may be *with; `with` NULL: by web identity. 0 or -1. */
must_check int credentials_assume(struct finder *f, const struct role *role,
	const struct aws_credentials *with, struct aws_credentials *ret, struct err *e);

/*
 * Fill in and check: what is missing, too long or has characters that no header can have is
 * ERR_REMOTE. `token` may be NULL. 0 or -1.
 */
must_check int credentials_set(struct aws_credentials *c, const char *id, const char *secret,
	const char *token, struct err *e);
/* "2030-01-01T00:00:00Z", with fraction or offset too. ERR_REMOTE: of another form, or past. */
must_check int credentials_set_expiry(
	struct finder *f, struct aws_credentials *c, const char *when, struct err *e);

enum credentials_answer { ANSWER_PROCESS, ANSWER_CONTAINER, ANSWER_INSTANCE };
/* The JSON that such a source answers. 0 or -1. */
must_check int credentials_read(struct finder *f, const struct buf *json,
	enum credentials_answer kind, struct aws_credentials *ret, struct err *e);

/* A small secret file's text without the blanks at its end, into a buffer that the caller wipes.
 * ERR_REMOTE, ERR_MACHINE. */
must_check int credentials_secret_file(
	const char *path, const char *variable, struct buf *ret, struct err *e);

/* Wipes as cleanup. */
#define cleanup_secret __attribute__((cleanup(buf_wipe)))

#endif

/*
 * Credentials, found where every AWS tool looks for them (AWS SDKs and Tools Reference Guide,
 * "Credential provider chain"):
 *
 *   1. AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN (not when a profile was asked
 *      for by option)
 *   2. web identity: AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN, AWS_ROLE_SESSION_NAME
 *   3. the profile (option, AWS_PROFILE, "default") in AWS_SHARED_CREDENTIALS_FILE
 *      (~/.aws/credentials) and AWS_CONFIG_FILE (~/.aws/config): role_arn with source_profile or
 *      credential_source, with external_id, duration_seconds, role_session_name;
 *      web_identity_token_file; aws_access_key_id and its kin; credential_process
 *   4. a container's: AWS_CONTAINER_CREDENTIALS_FULL_URI or _RELATIVE_URI, with
 *      AWS_CONTAINER_AUTHORIZATION_TOKEN or _TOKEN_FILE
 *   5. the instance's metadata service, version 2 (unless AWS_EC2_METADATA_DISABLED=true), at
 *      AWS_EC2_METADATA_SERVICE_ENDPOINT or as AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE says
 *
 * What is begun and not whole (a key without its secret, a role without a source) is an error, and
 * the chain does not go on. A role's source may be a profile with a role in its turn; one that has
 * keys of its own is used by these. Profiles of IAM Identity Center (sso_...) and of roles that ask
 * for an MFA code are refused with the way around them.
 *
 * Nothing here logs, and no error text holds a key, a token, or a line of a credentials file.
 */
#ifndef IMGBUILD_AWS_CREDENTIALS_H
#define IMGBUILD_AWS_CREDENTIALS_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "aws/profile.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

struct aws_credentials {
	char id[128];       /* access key id */
	char secret[256];   /* wiped by credentials_wipe */
	char token[8192];   /* session token; "": none */
	time_t expires;     /* 0: never */
	const char *source; /* "environment", "profile release", ...: in the arena, for messages */
};

/* How the chain reaches the network: set by the client (client.c), or by a test. */
struct credentials_net {
	/* One plain HTTP request with a short timeout; no retries, no proxy. `header` is
	 * "Name: value" or NULL. Appends the body. ERR_REMOTE: no answer, or a status that is not
	 * 2xx (then e->http is it). */
	int (*fetch)(void *ctx, const char *method, const char *url, const char *const *headers,
		size_t header_count, struct buf *out, struct err *e);
	/* An STS request: `form` is its body without Action and Version, percent-encoded, and
	 * secret. Signed with `with`: AssumeRole; NULL, unsigned: AssumeRoleWithWebIdentity.
	 * `region`: the environment's or profile's; NULL: none said, the caller's. Appends the
	 * XML. ERR_REMOTE: no answer, or a refusal. */
	int (*sts)(void *ctx, const struct aws_credentials *with, const char *region,
		const char *form, struct buf *out, struct err *e);
	void *ctx;
	time_t (*now)(void *ctx);
};

/* Whether they should be got again: they expire within five minutes. */
bool credentials_stale(const struct aws_credentials *c, time_t now);

/*
 * Walk the chain. ERR_REMOTE: none found (the message tells what was looked at), or a source that
 * was named did not give any; ERR_INPUT: a file of the user's is wrong (file:line:column);
 * ERR_MACHINE.
 */
must_check int credentials_find(const struct profiles *p, const struct credentials_net *net,
	struct arena *a, struct aws_credentials *ret, struct err *e);

void credentials_wipe(struct aws_credentials *c);

/* The region that the metadata service tells, into the arena. ERR_REMOTE: no answer, or switched
 * off; ERR_USAGE, ERR_INPUT: its endpoint is no URL; ERR_MACHINE. */
must_check int credentials_instance_region(const struct profiles *p,
	const struct credentials_net *net, struct arena *a, const char **ret, struct err *e);

#endif

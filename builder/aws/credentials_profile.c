#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "aws/credentials_part.h"
#include "base/text.h"

/* The profiles whose roles are assumed one with another, the one asked for first. */
struct path {
	const char **names;
	size_t count;
	size_t cap;
};

static const char *get(const struct finder *f, const char *profile, const char *key)
{
	return profile_get(f->p, profile, key);
}

/* What is wrong about a key of a profile; not its value. Returns -1. */
static int wrong(const struct finder *f, const char *profile, const char *key, const char *what,
	struct err *e)
{
	const struct profile_value *v = profile_find(f->p, profile, "", key);
	if (v == NULL)
		return err_set(e, ERR_INPUT, 0, "profile \"%.80s\": %s", profile, what);
	return err_set(e, ERR_INPUT, 0, "%s:%zu:1: profile \"%.80s\": %s", v->file, v->line,
		profile, what);
}

static bool has_keys(const struct finder *f, const char *profile)
{
	return get(f, profile, "aws_access_key_id") != NULL ||
	       get(f, profile, "aws_secret_access_key") != NULL;
}

static int take_keys(
	struct finder *f, const char *profile, struct aws_credentials *ret, struct err *e)
{
	const char *id = get(f, profile, "aws_access_key_id");
	const char *secret = get(f, profile, "aws_secret_access_key");
	if (id == NULL)
		return wrong(f, profile, "aws_secret_access_key",
			"aws_secret_access_key without aws_access_key_id", e);
	if (secret == NULL)
		return wrong(f, profile, "aws_access_key_id",
			"aws_access_key_id without aws_secret_access_key", e);
	if (credentials_set(ret, id, secret, get(f, profile, "aws_session_token"), e) < 0) {
		struct err why = *e;
		return wrong(f, profile, "aws_access_key_id", why.msg, e);
	}
	return 1;
}

/* What a profile says of its role. */
static int read_role(const struct finder *f, const char *profile, struct role *ret, struct err *e)
{
	unsigned long long seconds;
	*ret = (struct role){ .arn = get(f, profile, "role_arn"),
		.session = get(f, profile, "role_session_name"),
		.external = get(f, profile, "external_id"),
		.seconds = get(f, profile, "duration_seconds") };
	if (ret->seconds != NULL && !text_number(ret->seconds, 900, 43200, &seconds))
		return wrong(f, profile, "duration_seconds",
			"duration_seconds is no number from 900 to 43200", e);
	return 0;
}

static int take_identity(
	struct finder *f, const char *profile, struct aws_credentials *ret, struct err *e)
{
	struct role role;
	if (get(f, profile, "role_arn") == NULL)
		return wrong(f, profile, "web_identity_token_file",
			"web_identity_token_file without role_arn", e);
	if (read_role(f, profile, &role, e) < 0)
		return -1;
	role.token_file = get(f, profile, "web_identity_token_file");
	role.external = NULL; /* AssumeRoleWithWebIdentity knows none */
	if (credentials_assume(f, &role, NULL, ret, e) < 0)
		return err_wrap(e, "profile \"%.80s\"", profile);
	return 1;
}

/* What a profile has beside a role with a source. */
static int take_own(
	struct finder *f, const char *profile, struct aws_credentials *ret, struct err *e)
{
	const struct profile_value *command = profile_find(f->p, profile, "", "credential_process");
	if (get(f, profile, "web_identity_token_file") != NULL)
		return take_identity(f, profile, ret, e);
	if (has_keys(f, profile))
		return take_keys(f, profile, ret, e);
	if (command != NULL) {
		if (credentials_process(f, command, ret, e) < 0)
			return e->kind == ERR_INPUT ? -1
						    : err_wrap(e, "profile \"%.80s\"", profile);
		return 1;
	}
	static const char *const SSO[] = { "sso_session", "sso_start_url" };
	for (size_t i = 0; i < sizeof(SSO) / sizeof(SSO[0]); i++)
		if (get(f, profile, SSO[i]) != NULL)
			return wrong(f, profile, SSO[i],
				"IAM Identity Center is not spoken here; a profile with "
				"`credential_process = aws configure export-credentials --profile "
				"NAME` uses the AWS CLI's",
				e);
	return 0;
}

static int take_source(struct finder *f, const char *profile, const char *source,
	struct aws_credentials *ret, struct err *e)
{
	static const char NONE[] = "credential_source gives no credentials: ";
	int rc;
	const char *why = "";
	if (strcasecmp(source, "Environment") == 0) {
		rc = credentials_environment(f, ret, e);
		why = "AWS_ACCESS_KEY_ID is not set";
	} else if (strcasecmp(source, "EcsContainer") == 0) {
		rc = credentials_container(f, ret, e);
		why = "AWS_CONTAINER_CREDENTIALS_FULL_URI is not set";
	} else if (strcasecmp(source, "Ec2InstanceMetadata") == 0) {
		rc = credentials_instance(f, ret, e);
		why = f->no_instance;
	} else {
		return wrong(f, profile, "credential_source",
			"credential_source is none of Environment, EcsContainer, "
			"Ec2InstanceMetadata",
			e);
	}
	if (rc < 0)
		return err_wrap(e, "profile \"%.80s\": credential_source", profile);
	if (rc == 0)
		return err_set(e, ERR_REMOTE, 0, "profile \"%.80s\": %s%s", profile, NONE, why);
	return 1;
}

/* "a -> b -> a" */
static int circle(const struct finder *f, const struct path *way, const char *again, struct err *e)
{
	char text[400] = "";
	size_t len = 0;
	for (size_t i = 0; i < way->count && len < sizeof(text); i++) {
		int n = snprintf(text + len, sizeof(text) - len, "%.80s -> ", way->names[i]);
		len += n > 0 ? (size_t)n : 0;
	}
	const char *last = way->names[way->count - 1];
	const struct profile_value *v = profile_find(f->p, last, "", "source_profile");
	return err_set(e, ERR_INPUT, 0, "%s:%zu:1: source_profile goes in a circle: %s%.80s",
		v->file, v->line, text, again);
}

/* The profile that the last of the way has its source in; 0 or -1. */
static int next_profile(
	const struct finder *f, const struct path *way, const char *source, struct err *e)
{
	for (size_t i = 0; i < way->count; i++)
		if (strcmp(way->names[i], source) == 0)
			return circle(f, way, source, e);
	if (profile_exists(f->p, source))
		return 0;
	const char *last = way->names[way->count - 1], *near = profile_nearest(f->p, source);
	const struct profile_value *v = profile_find(f->p, last, "", "source_profile");
	return err_set(e, ERR_INPUT, 0,
		"%s:%zu:1: profile \"%.80s\": its source_profile \"%.80s\" is in neither file%s%s%s",
		v->file, v->line, last, source, near != NULL ? "; did you mean \"" : "",
		near != NULL ? near : "", near != NULL ? "\"?" : "");
}

/* A role is well told: it has one source, and asks for nobody's presence. */
static int check_role(const struct finder *f, const char *profile, struct err *e)
{
	const char *source = get(f, profile, "source_profile");
	const char *other = get(f, profile, "credential_source");
	if (get(f, profile, "mfa_serial") != NULL)
		return wrong(f, profile, "mfa_serial",
			"its role asks for an MFA code, which nobody is there to type; a profile with "
			"`credential_process = aws configure export-credentials --profile NAME` "
			"uses the AWS CLI's",
			e);
	if (source != NULL && other != NULL)
		return wrong(f, profile, "credential_source",
			"source_profile and credential_source at once", e);
	if (source == NULL && other == NULL)
		return wrong(f, profile, "role_arn",
			"role_arn without source_profile, credential_source or "
			"web_identity_token_file",
			e);
	return 0;
}

static bool has_role(const struct finder *f, const char *profile)
{
	return get(f, profile, "role_arn") != NULL &&
	       get(f, profile, "web_identity_token_file") == NULL;
}

/* From the profile asked for to credentials that need no role; the roles on the way into *way. */
static int walk(struct finder *f, struct path *way, struct aws_credentials *ret, struct err *e)
{
	const char *profile = f->p->name;
	for (;;) {
		/* A source's own keys go before its role. */
		bool keys = way->count > 0 && has_keys(f, profile);
		if (keys || !has_role(f, profile)) {
			int rc = take_own(f, profile, ret, e);
			if (rc == 0 && way->count > 0)
				return wrong(f, way->names[way->count - 1], "source_profile",
					"its source_profile has no credentials", e);
			return rc;
		}
		const char **slot = arena_push(
			f->a, &way->names, &way->count, &way->cap, sizeof(*way->names), e);
		if (slot == NULL)
			return -1;
		*slot = profile;
		if (check_role(f, profile, e) < 0)
			return -1;
		const char *source = get(f, profile, "source_profile");
		if (source == NULL)
			return take_source(
				f, profile, get(f, profile, "credential_source"), ret, e);
		/* Its own source: its role by its own keys. */
		if (strcmp(source, profile) == 0 && has_keys(f, profile))
			return take_keys(f, profile, ret, e);
		if (next_profile(f, way, source, e) < 0)
			return -1;
		profile = source;
	}
}

int credentials_profile(struct finder *f, struct aws_credentials *ret, struct err *e)
{
	struct path way = { .names = NULL };
	int rc = walk(f, &way, ret, e);
	for (size_t i = way.count; rc > 0 && i > 0; i--) {
		struct role role;
		if (read_role(f, way.names[i - 1], &role, e) < 0)
			return -1;
		if (credentials_assume(f, &role, ret, ret, e) < 0)
			return err_wrap(e, "profile \"%.80s\"", way.names[i - 1]);
	}
	if (rc <= 0)
		return rc;
	ret->source = arena_printf(f->a, e, "profile %s", f->p->name);
	return ret->source != NULL ? 1 : -1;
}

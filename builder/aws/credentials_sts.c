#include <stdio.h>
#include <string.h>

#include "aws/credentials_part.h"
#include "aws/sigv4.h"
#include "aws/xml.h"

/* NAME=VALUE of a form; nothing when there is none. */
static int put(struct buf *form, const char *name, const char *value, struct err *e)
{
	if (value == NULL)
		return 0;
	if (buf_printf(form, e, "%s%s=", form->len > 0 ? "&" : "", name) < 0)
		return -1;
	return sigv4_encode(form, value, strlen(value), false, e);
}

static int make_form(struct finder *f, const struct role *role, struct buf *form, struct err *e)
{
	cleanup_secret struct buf token = { 0 };
	char session[48];
	snprintf(session, sizeof(session), "imgbuild-%lld", (long long)f->net->now(f->net->ctx));
	/* At once, so that no copy of a secret is left behind where the buffer was before. */
	if (buf_reserve(form, CREDENTIALS_ANSWER_MAX * 2 - 1, e) < 0 ||
		put(form, "RoleArn", role->arn, e) < 0 ||
		put(form, "RoleSessionName", role->session != NULL ? role->session : session, e) <
			0 ||
		put(form, "DurationSeconds", role->seconds, e) < 0 ||
		put(form, "ExternalId", role->external, e) < 0)
		return -1;
	if (role->token_file == NULL)
		return 0;
	if (credentials_secret_file(role->token_file, "web identity token", &token, e) < 0)
		return -1;
	return put(form, "WebIdentityToken", token.data, e);
}

/* The texts of a tree are copies in an arena of ours. */
static void wipe(const struct xml_node *n)
{
	for (; n != NULL; n = n->next) {
		explicit_bzero((char *)n->text, strlen(n->text));
		wipe(n->first);
	}
}

/* <AssumeRoleResponse><AssumeRoleResult><Credentials>..., whatever the outer two are called. */
static const struct xml_node *find(const struct xml_node *root)
{
	for (const struct xml_node *n = root->first; n != NULL; n = n->next)
		if (xml_child(n, "Credentials") != NULL)
			return xml_child(n, "Credentials");
	return NULL;
}

static int read_answer(
	struct finder *f, const struct xml_node *root, struct aws_credentials *ret, struct err *e)
{
	const struct xml_node *n = find(root);
	if (n == NULL)
		return err_set(e, ERR_REMOTE, 0, "an answer without credentials");
	if (credentials_set(ret, xml_text(n, "AccessKeyId"), xml_text(n, "SecretAccessKey"),
		    xml_text(n, "SessionToken"), e) < 0)
		return -1;
	const char *expiry = xml_text(n, "Expiration");
	return credentials_set_expiry(f, ret, expiry != NULL ? expiry : "", e);
}

static int ask(struct finder *f, const struct role *role, const struct aws_credentials *with,
	struct aws_credentials *ret, struct err *e)
{
	cleanup_secret struct buf form = { .max = CREDENTIALS_ANSWER_MAX * 2 };
	cleanup_secret struct buf answer = { .max = CREDENTIALS_ANSWER_MAX };
	cleanup_arena struct arena a = { 0 };
	struct xml_node *root;
	if (make_form(f, role, &form, e) < 0 ||
		buf_reserve(&answer, CREDENTIALS_ANSWER_MAX - 1, e) < 0 ||
		f->net->sts(f->net->ctx, with, profile_region(f->p), form.data, &answer, e) < 0)
		return -1;
	if (xml_parse(answer.data, answer.len, &a, &root, e) < 0) {
		/* The parser's text may quote the answer. */
		return e->kind == ERR_INPUT
			       ? err_set(e, ERR_REMOTE, 0, "an answer that cannot be read")
			       : -1;
	}
	int rc = read_answer(f, root, ret, e);
	wipe(root);
	return rc;
}

int credentials_assume(struct finder *f, const struct role *role,
	const struct aws_credentials *with, struct aws_credentials *ret, struct err *e)
{
	struct aws_credentials c = { .expires = 0 };
	int rc = ask(f, role, with, &c, e);
	if (rc == 0)
		*ret = c;
	credentials_wipe(&c);
	if (rc < 0)
		return err_wrap(e, "role %.200s", role->arn);
	return 0;
}

int credentials_identity(struct finder *f, struct aws_credentials *ret, struct err *e)
{
	struct role role = { .arn = profile_env(f->p, "AWS_ROLE_ARN"),
		.session = profile_env(f->p, "AWS_ROLE_SESSION_NAME"),
		.token_file = profile_env(f->p, "AWS_WEB_IDENTITY_TOKEN_FILE") };
	if (role.token_file == NULL)
		return 0;
	if (role.arn == NULL)
		return err_set(e, ERR_REMOTE, 0,
			"AWS_WEB_IDENTITY_TOKEN_FILE is set and AWS_ROLE_ARN is not");
	if (credentials_assume(f, &role, NULL, ret, e) < 0)
		return err_wrap(e, "web identity");
	ret->source = "web identity";
	return 1;
}

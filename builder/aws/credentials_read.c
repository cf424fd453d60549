#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "aws/credentials_part.h"
#include "base/text.h"

/* What the metadata service gives after its time is used all the same (static stability), and asked
 * for again after so many seconds. */
#define OUTAGE_SECONDS 900

/* "Z", "+09:00", "-0330" or nothing, which is UTC too: seconds east. false: something else. */
static bool read_offset(const char *text, long *ret)
{
	unsigned long long hours = 0, minutes = 0;
	char part[3] = { 0 };
	*ret = 0;
	if (strcmp(text, "Z") == 0 || *text == '\0')
		return true;
	if ((*text != '+' && *text != '-') || strlen(text) < 5)
		return false;
	memcpy(part, text + 1, 2);
	const char *rest = text + 3 + (text[3] == ':');
	if (strlen(rest) != 2 || !text_number(part, 0, 23, &hours) ||
		!text_number(rest, 0, 59, &minutes))
		return false;
	*ret = (long)(hours * 3600 + minutes * 60) * (*text == '-' ? -1 : 1);
	return true;
}

static bool read_time(const char *text, time_t *ret)
{
	struct tm tm = { 0 };
	long east;
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	if (rest == NULL)
		return false;
	if (*rest == '.')
		rest += 1 + strspn(rest + 1, "0123456789");
	if (!read_offset(rest, &east))
		return false;
	*ret = timegm(&tm) - east;
	return *ret > 0;
}

int credentials_set_expiry(
	struct finder *f, struct aws_credentials *c, const char *when, struct err *e)
{
	if (!read_time(when, &c->expires))
		return err_set(e, ERR_REMOTE, 0, "a time of expiry that cannot be read");
	if (c->expires <= f->net->now(f->net->ctx))
		return err_set(e, ERR_REMOTE, 0, "the credentials expired at %.40s", when);
	return 0;
}

static const char *member(const json_t *j, const char *name)
{
	return json_string_value(json_object_get(j, name));
}

static void wipe_member(json_t *j, const char *name)
{
	json_t *value = json_object_get(j, name);
	if (json_is_string(value))
		explicit_bzero((char *)json_string_value(value), json_string_length(value));
}

/* What some sources tell in place of credentials; neither is a secret. */
static int refused(const char *code, const char *message, struct err *e)
{
	return err_set(e, ERR_REMOTE, 0, "%.100s%s%.300s", code, message != NULL ? ": " : "",
		message != NULL ? message : "");
}

static int take_expiry(struct finder *f, const char *when, enum credentials_answer kind,
	struct aws_credentials *ret, struct err *e)
{
	time_t now = f->net->now(f->net->ctx);
	if (when == NULL)
		return 0;
	if (kind == ANSWER_INSTANCE && read_time(when, &ret->expires) && ret->expires <= now) {
		ret->expires = now + OUTAGE_SECONDS;
		return 0;
	}
	return credentials_set_expiry(f, ret, when, e);
}

static const char *token_name(enum credentials_answer kind)
{
	return kind == ANSWER_PROCESS ? "SessionToken" : "Token";
}

static int take(struct finder *f, const json_t *j, enum credentials_answer kind,
	struct aws_credentials *ret, struct err *e)
{
	const json_t *version = json_object_get(j, "Version");
	if (!json_is_object(j))
		return err_set(e, ERR_REMOTE, 0, "the answer is no JSON object");
	if (kind == ANSWER_PROCESS &&
		(!json_is_integer(version) || json_integer_value(version) != 1))
		return err_set(e, ERR_REMOTE, 0, "the answer is not of Version 1");
	const char *code = member(j, "Code");
	if (kind == ANSWER_INSTANCE && code != NULL && strcmp(code, "Success") != 0)
		return refused(code, member(j, "Message"), e);
	if (kind == ANSWER_CONTAINER && member(j, "code") != NULL)
		return refused(member(j, "code"), member(j, "message"), e);
	if (credentials_set(ret, member(j, "AccessKeyId"), member(j, "SecretAccessKey"),
		    member(j, token_name(kind)), e) < 0)
		return err_wrap(e, "the answer");
	return take_expiry(f, member(j, "Expiration"), kind, ret, e);
}

int credentials_read(struct finder *f, const struct buf *json, enum credentials_answer kind,
	struct aws_credentials *ret, struct err *e)
{
	json_error_t why;
	json_t *j = json_loadb(json->data != NULL ? json->data : "", json->len, 0, &why);
	/* Jansson's text quotes the answer. */
	if (j == NULL && json_error_code(&why) == json_error_out_of_memory)
		return err_nomem(e);
	if (j == NULL)
		return err_set(e, ERR_REMOTE, 0, "the answer is no JSON (line %d, column %d)",
			why.line, why.column);
	int rc = take(f, j, kind, ret, e);
	wipe_member(j, "SecretAccessKey");
	wipe_member(j, token_name(kind));
	json_decref(j);
	return rc;
}

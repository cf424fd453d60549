#include "aws/kms.h"

#include <jansson.h>
#include <string.h>

#include "aws/query.h"
#include "base/json.h"
#include "base/text.h"

static int check(
	const json_t *answer, const char *key, struct arena *a, const char **ret, struct err *e)
{
	const json_t *about = json_object_get(answer, "KeyMetadata");
	const char *arn = json_string_value(json_object_get(about, "Arn"));
	const char *state = json_string_value(json_object_get(about, "KeyState"));
	if (arn == NULL)
		return err_set(e, ERR_REMOTE, 0, "DescribeKey: an answer without the key's ARN");
	if (state != NULL && strcmp(state, "Enabled") != 0)
		return err_set(e, ERR_REMOTE, 0,
			"KMS key %s is in state %s: only one that is "
			"enabled can encrypt",
			key, state);
	*ret = arena_strdup(a, arn, e);
	return *ret == NULL ? -1 : 0;
}

int kms_key_arn(struct aws *aws, const char *region, const char *key, struct arena *a,
	const char **ret, struct err *e)
{
	cleanup_buf struct buf body = { 0 };
	json_t *answer = NULL;
	if (text_starts(key, "arn:") && strstr(key, ":key/") != NULL) {
		*ret = key;
		return 0;
	}
	struct json j = json_to(&body, 0);
	json_open(&j, NULL, '{');
	json_str(&j, "KeyId", key);
	json_close(&j, '}');
	if (json_end(&j, e) < 0)
		return -1;
	if (json_call(aws, AWS_KMS, region, "TrentService.DescribeKey", "DescribeKey", &body,
		    &answer, e) < 0)
		return err_wrap(e, "kms_key %s", key);
	int rc = check(answer, key, a, ret, e);
	json_decref(answer);
	return rc;
}

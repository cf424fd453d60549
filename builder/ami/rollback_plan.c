#include "ami/rollback_plan.h"

#include <string.h>

#include "base/text.h"

bool rollback_under_way(const struct ssm_parameter *history, size_t count)
{
	return count > 0 && text_starts(history[count - 1].description, ROLLBACK_MARK);
}

const struct ssm_parameter *rollback_value(const struct ssm_parameter *history, size_t count)
{
	if (count == 0)
		return NULL;
	const char *now = history[count - 1].value;
	/* Where that value was published, not gone back to; else where it stands. */
	size_t at = count - 1;
	for (size_t i = count; i > 0; i--)
		if (strcmp(history[i - 1].value, now) == 0 &&
			!text_starts(history[i - 1].description, ROLLBACK_MARK)) {
			at = i - 1;
			break;
		}
	for (size_t i = at; i > 0; i--)
		if (strcmp(history[i - 1].value, now) != 0)
			return &history[i - 1];
	return NULL;
}

static const struct ec2_template_version *default_of(const struct publish_template *t)
{
	for (size_t i = 0; i < t->version_count; i++)
		if (t->versions[i].number == t->template.default_version)
			return &t->versions[i];
	return NULL;
}

const struct ec2_template_version *rollback_version(
	const struct publish_template *t, const char *image)
{
	const struct ec2_template_version *now = default_of(t);
	if (image != NULL && now != NULL && strcmp(now->image, image) == 0)
		return now;
	for (size_t i = 0; i < t->version_count; i++) {
		const struct ec2_template_version *v = &t->versions[i];
		if (image != NULL ? strcmp(v->image, image) == 0
				  : now != NULL && v->number < now->number && v->image[0] != '\0' &&
					    strcmp(v->image, now->image) != 0)
			return v;
	}
	return NULL;
}

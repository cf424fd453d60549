#include "ami/register.h"

#include <errno.h>
#include <string.h>

#define POLL_MS 1000
#define SEEN    60 /* seconds until an image that exists is surely seen */

static const char DUPLICATE[] = "InvalidAMIName.Duplicate";

/* The image of that name, waited for: what was just made may not be listed yet. */
static int by_name(struct aws *aws, const char *region, const char *name, unsigned seconds,
	struct arena *a, struct ec2_image *ret, struct err *e)
{
	const struct ec2_filter filter = { "name", name };
	const struct ec2_find find = { .filters = &filter, .filter_count = 1 };
	const int64_t end = aws_clock(aws) + (int64_t)seconds * 1000;
	for (;;) {
		struct ec2_images found;
		if (ec2_images(aws, region, &find, a, &found, e) < 0)
			return -1;
		for (size_t i = 0; i < found.count; i++)
			if (strcmp(found.list[i].state, "failed") != 0) {
				*ret = found.list[i];
				return 0;
			}
		if (aws_clock(aws) >= end) {
			*ret = (struct ec2_image){ 0 };
			return 0;
		}
		if (aws_sleep(aws, POLL_MS, e) < 0)
			return -1;
	}
}

/* What a lost reply registered, and nothing else of that name. */
static bool is_ours(const struct ec2_image *i, const struct ec2_register *r)
{
	for (size_t k = 0; k < i->device_count; k++)
		if (strcmp(i->devices[k].name, i->root_device) == 0)
			return strcmp(i->devices[k].snapshot, r->snapshot) == 0 &&
			       (r->gib == 0 || i->devices[k].gib == r->gib) &&
			       strcmp(i->architecture, r->architecture) == 0;
	return false;
}

static int taken(
	const char *region, const struct ec2_register *r, const struct ec2_image *by, struct err *e)
{
	return err_set(e, ERR_REMOTE, 0,
		"AMI name \"%s\" is taken in %s by %s, which stands on %s and is another image: a "
		"name with _DIGEST_ in it is another one for each content; another size of the "
		"volume or another key wants another name too",
		r->name, region, by->id, ec2_image_snapshot(by));
}

int register_image(struct aws *aws, const char *region, const struct ec2_register *r,
	struct arena *a, const char **ret_image, struct err *e)
{
	struct aws_reply reply = { 0 };
	struct ec2_image found = { 0 };
	const char *id = "";
	struct err why = { 0 };
	int rc = ec2_register(aws, region, r, false, a, &id, &reply, &why);
	bool duplicate = rc == 0 && strcmp(reply.code, DUPLICATE) == 0;
	if (rc == 0 && reply.status >= 400 && !duplicate) {
		const struct aws_request q = {
			.service = AWS_EC2, .region = region, .operation = "RegisterImage"
		};
		rc = aws_refused(&q, aws, &reply, e);
		aws_reply_free(&reply);
		return rc;
	}
	aws_reply_free(&reply);
	if (rc == 0 && !duplicate) {
		*ret_image = id;
		return 0;
	}
	if (rc < 0 && (why.kind != ERR_REMOTE || why.errnum == EINTR)) {
		*e = why;
		return -1;
	}
	if (by_name(aws, region, r->name, SEEN, a, &found, e) < 0)
		return -1;
	if (found.id != NULL && is_ours(&found, r)) {
		*ret_image = found.id;
		return 0;
	}
	if (found.id != NULL)
		return taken(region, r, &found, e);
	if (rc < 0) {
		*e = why;
		e->again = true;
		return -1;
	}
	err_set(e, ERR_REMOTE, 0,
		"AMI name \"%s\" is taken in %s by an image that is not shown: try again later",
		r->name, region);
	e->again = true;
	return -1;
}

int register_dry(struct aws *aws, const char *region, const struct ec2_register *r, struct arena *a,
	struct err *e)
{
	struct aws_reply reply = { 0 };
	const char *id;
	int rc = ec2_register(aws, region, r, true, a, &id, &reply, e);
	const struct aws_request q = {
		.service = AWS_EC2, .region = region, .operation = "RegisterImage"
	};
	if (rc == 0 && strcmp(reply.code, "DryRunOperation") != 0)
		rc = aws_refused(&q, aws, &reply, e);
	aws_reply_free(&reply);
	return rc;
}

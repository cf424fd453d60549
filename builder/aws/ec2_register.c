#include <string.h>

#include "aws/ec2_image.h"
#include "aws/ec2_token.h"
#include "aws/page.h"
#include "aws/query.h"

#define POLL_FIRST_MS 500
#define POLL_MAX_MS   15000
/* What was made a moment ago may not be known everywhere yet. */
#define PATIENCE      120 /* seconds */

int ec2_register(struct aws *aws, const char *region, const struct ec2_register *r, bool dry_run,
	struct arena *a, const char **ret_image, struct aws_reply *reply, struct err *e)
{
	static const char *const not_yet[] = { "InvalidSnapshot.NotFound", NULL };
	cleanup_query struct query q = query_to(AWS_EC2, region, "RegisterImage");
	q.request.transient = not_yet;
	q.request.patience = PATIENCE;
	query_put(&q, r->name, "Name");
	query_put(&q, r->description, "Description");
	query_put(&q, r->architecture, "Architecture");
	query_put(&q, "hvm", "VirtualizationType");
	query_put(&q, "uefi", "BootMode");
	query_put(&q, "v2.0", "TpmSupport");
	query_put(&q, "v2.0", "ImdsSupport");
	query_put(&q, "true", "EnaSupport");
	query_put(&q, EC2_ROOT_DEVICE, "RootDeviceName");
	query_put(&q, EC2_ROOT_DEVICE, "BlockDeviceMapping.1.DeviceName");
	query_put(&q, r->snapshot, "BlockDeviceMapping.1.Ebs.SnapshotId");
	query_put(&q, "gp3", "BlockDeviceMapping.1.Ebs.VolumeType");
	query_put(&q, "true", "BlockDeviceMapping.1.Ebs.DeleteOnTermination");
	if (r->gib > 0)
		query_put_int(&q, (long long)r->gib, "BlockDeviceMapping.1.Ebs.VolumeSize");
	if (r->tag_count > 0)
		query_put(&q, "image", "TagSpecification.1.ResourceType");
	for (size_t i = 0; i < r->tag_count; i++) {
		query_put(&q, r->tags[i].key, "TagSpecification.1.Tag.%zu.Key", i + 1);
		query_put(&q, r->tags[i].value, "TagSpecification.1.Tag.%zu.Value", i + 1);
	}
	if (dry_run)
		query_put(&q, "true", "DryRun");
	struct xml_node *root = NULL;
	*ret_image = "";
	if (query_try(aws, &q, a, &root, reply, e) < 0)
		return -1;
	if (reply->status >= 400)
		return 0;
	const char *id = xml_text(root, "imageId");
	if (id == NULL || id[0] == '\0')
		return err_set(e, ERR_REMOTE, 0, "RegisterImage: an answer without an image id");
	*ret_image = id;
	return 0;
}

int ec2_image_wait(struct aws *aws, const char *region, const char *image, unsigned seconds,
	struct arena *a, struct ec2_image *ret, struct err *e)
{
	const struct ec2_find find = { .ids = &image, .id_count = 1 };
	const int64_t begin = aws_clock(aws);
	const int64_t end = begin + (int64_t)seconds * 1000;
	int64_t pause = POLL_FIRST_MS;
	for (;;) {
		struct ec2_images found;
		if (ec2_images(aws, region, &find, a, &found, e) < 0)
			return -1;
		const struct ec2_image *i = found.count > 0 ? &found.list[0] : NULL;
		if (i != NULL && strcmp(i->state, "available") == 0) {
			*ret = *i;
			return 0;
		}
		if (i != NULL && strcmp(i->state, "pending") != 0)
			return err_set(e, ERR_REMOTE, 0, "%s in %s is %s%s%s", image, region,
				i->state, i->reason[0] != '\0' ? ": " : "", i->reason);
		int64_t now = aws_clock(aws);
		if (i == NULL && now >= begin + PATIENCE * 1000)
			return err_set(e, ERR_REMOTE, 0, "%s in %s does not exist", image, region);
		if (now >= end) {
			err_set(e, ERR_REMOTE, 0, "%s in %s is still pending after %u s", image,
				region, seconds);
			e->again = true;
			return -1;
		}
		if (aws_sleep(aws, pause < end - now ? pause : end - now, e) < 0)
			return -1;
		pause = pause * 2 < POLL_MAX_MS ? pause * 2 : POLL_MAX_MS;
	}
}

int ec2_tag_set(struct aws *aws, const char *region, const char *resource,
	const struct ec2_tag *tags, size_t count, bool dry_run, struct err *e)
{
	static const char *const not_yet[] = { "InvalidAMIID.NotFound", "InvalidSnapshot.NotFound",
		"InvalidID", NULL };
	cleanup_arena struct arena scratch = { 0 };
	cleanup_query struct query q = query_to(AWS_EC2, region, "CreateTags");
	struct xml_node *root;
	q.request.transient = not_yet;
	q.request.patience = PATIENCE;
	query_put(&q, resource, "ResourceId.1");
	for (size_t i = 0; i < count; i++) {
		query_put(&q, tags[i].key, "Tag.%zu.Key", i + 1);
		query_put(&q, tags[i].value, "Tag.%zu.Value", i + 1);
	}
	return ec2_change(aws, &q, dry_run, &scratch, &root, e);
}

int ec2_encrypts(struct aws *aws, const char *region, bool *ret, struct err *e)
{
	cleanup_arena struct arena scratch = { 0 };
	cleanup_query struct query q = query_to(AWS_EC2, region, "GetEbsEncryptionByDefault");
	struct xml_node *root;
	if (query_call(aws, &q, &scratch, &root, e) < 0)
		return -1;
	*ret = page_true(xml_text(root, "ebsEncryptionByDefault"));
	return 0;
}

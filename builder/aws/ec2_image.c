#include "aws/ec2_image.h"

#include <stdlib.h>
#include <string.h>

#include "aws/ec2_token.h"
#include "aws/page.h"
#include "aws/query.h"

#define PAGE_SIZE "500"

const char *ec2_tag(const struct ec2_tags *t, const char *key)
{
	for (size_t i = 0; i < t->count; i++)
		if (strcmp(t->list[i].key, key) == 0)
			return t->list[i].value;
	return NULL;
}

const char *ec2_image_snapshot(const struct ec2_image *image)
{
	for (size_t i = 0; i < image->device_count; i++)
		if (strcmp(image->devices[i].name, image->root_device) == 0)
			return image->devices[i].snapshot;
	return "";
}

static const char *text(const struct xml_node *n, const char *name)
{
	const char *t = xml_text(n, name);
	return t != NULL ? t : "";
}

static int read_tags(
	const struct xml_node *item, struct arena *a, struct ec2_tags *ret, struct err *e)
{
	const struct xml_node *set = xml_child(item, "tagSet");
	size_t count = page_count(set);
	*ret = (struct ec2_tags){ 0 };
	if (count == 0)
		return 0;
	ret->list = arena_array(a, count, sizeof(*ret->list), e);
	if (ret->list == NULL)
		return -1;
	for (const struct xml_node *n = set->first; n != NULL; n = n->next)
		ret->list[ret->count++] = (struct ec2_tag){ text(n, "key"), text(n, "value") };
	return 0;
}

static int read_devices(
	const struct xml_node *item, struct arena *a, struct ec2_image *ret, struct err *e)
{
	const struct xml_node *set = xml_child(item, "blockDeviceMapping");
	size_t count = page_count(set);
	if (count == 0)
		return 0;
	ret->devices = arena_array(a, count, sizeof(*ret->devices), e);
	if (ret->devices == NULL)
		return -1;
	for (const struct xml_node *n = set->first; n != NULL; n = n->next) {
		const struct xml_node *ebs = xml_child(n, "ebs");
		ret->devices[ret->device_count++] = (struct ec2_device){
			.name = text(n, "deviceName"),
			.snapshot = text(ebs, "snapshotId"),
			.gib = (uint64_t)page_number(xml_text(ebs, "volumeSize")),
			.encrypted = page_true(xml_text(ebs, "encrypted")),
		};
	}
	return 0;
}

static int read_image(
	const struct xml_node *item, struct arena *a, struct ec2_image *ret, struct err *e)
{
	*ret = (struct ec2_image){
		.id = text(item, "imageId"),
		.name = text(item, "name"),
		.description = text(item, "description"),
		.state = text(item, "imageState"),
		.reason = text(xml_child(item, "stateReason"), "message"),
		.architecture = text(item, "architecture"),
		.root_device = text(item, "rootDeviceName"),
		.boot_mode = text(item, "bootMode"),
		.tpm = text(item, "tpmSupport"),
		.imds = text(item, "imdsSupport"),
		.protection = text(item, "deregistrationProtection"),
		.created = page_time(xml_text(item, "creationDate")),
		.deprecated = page_time(xml_text(item, "deprecationTime")),
		.everybody = page_true(xml_text(item, "isPublic")),
		.ena = page_true(xml_text(item, "enaSupport")),
	};
	return read_devices(item, a, ret, e) < 0 ? -1 : read_tags(item, a, &ret->tags, e);
}

static int read_snapshot(
	const struct xml_node *item, struct arena *a, struct ec2_snapshot *ret, struct err *e)
{
	*ret = (struct ec2_snapshot){
		.id = text(item, "snapshotId"),
		.state = text(item, "status"),
		.description = text(item, "description"),
		.kms_key = text(item, "kmsKeyId"),
		.gib = (uint64_t)page_number(xml_text(item, "volumeSize")),
		.started = page_time(xml_text(item, "startTime")),
		.encrypted = page_true(xml_text(item, "encrypted")),
	};
	return read_tags(item, a, &ret->tags, e);
}

/* One page. *ret NULL: one of the ids is not there. */
static int page(struct aws *aws, const char *region, const char *action, const char *id,
	const struct ec2_find *f, const char *token, struct arena *a, struct xml_node **ret,
	struct err *e)
{
	cleanup_query struct query q = query_to(AWS_EC2, region, action);
	query_put(&q, "self", "Owner.1");
	query_put(&q, id, "%s.1", strcmp(action, "DescribeImages") == 0 ? "ImageId" : "SnapshotId");
	for (size_t i = 0; i < f->filter_count; i++) {
		query_put(&q, f->filters[i].name, "Filter.%zu.Name", i + 1);
		query_put(&q, f->filters[i].value, "Filter.%zu.Value.1", i + 1);
	}
	if (id == NULL)
		query_put(&q, PAGE_SIZE, "MaxResults");
	query_put(&q, token, "NextToken");
	struct aws_reply reply = { 0 };
	int rc = query_try(aws, &q, a, ret, &reply, e);
	if (rc == 0 && reply.status >= 400) {
		*ret = NULL;
		if (strcmp(reply.code, "InvalidAMIID.NotFound") != 0 &&
			strcmp(reply.code, "InvalidAMIID.Unavailable") != 0 &&
			strcmp(reply.code, "InvalidSnapshot.NotFound") != 0)
			rc = aws_refused(&q.request, aws, &reply, e);
	}
	aws_reply_free(&reply);
	return rc;
}

/*
 * Every item of every page. Ids are asked for one by one: a single one that is not there would
 * refuse all of them.
 */
static int each(struct aws *aws, const char *region, const char *action, const char *set,
	const struct ec2_find *f, struct arena *a,
	int (*take)(void *ctx, const struct xml_node *item, struct arena *a, struct err *e),
	void *ctx, struct err *e)
{
	size_t rounds = f->id_count > 0 ? f->id_count : 1;
	for (size_t i = 0; i < rounds; i++) {
		const char *id = f->id_count > 0 ? f->ids[i] : NULL;
		const char *token = NULL;
		struct xml_node *root = NULL;
		do {
			if (page(aws, region, action, id, f, token, a, &root, e) < 0)
				return -1;
			const struct xml_node *items = xml_child(root, set);
			for (const struct xml_node *n = items != NULL ? items->first : NULL;
				n != NULL; n = n->next)
				if (take(ctx, n, a, e) < 0)
					return -1;
		} while (root != NULL && page_next(&token, xml_text(root, "nextToken")));
	}
	return 0;
}

struct image_list {
	struct ec2_images *to;
	size_t cap;
};

static int take_image(void *ctx, const struct xml_node *item, struct arena *a, struct err *e)
{
	struct image_list *l = ctx;
	struct ec2_image *slot =
		arena_push(a, &l->to->list, &l->to->count, &l->cap, sizeof(*slot), e);
	return slot == NULL ? -1 : read_image(item, a, slot, e);
}

/* Newest first; the id decides between those of one second, so that the order is the same always.
 */
static int newer(int64_t a, int64_t b, const char *a_id, const char *b_id)
{
	return a != b ? (a < b) - (a > b) : strcmp(a_id, b_id);
}

static int by_creation(const void *a, const void *b)
{
	const struct ec2_image *x = a, *y = b;
	return newer(x->created, y->created, x->id, y->id);
}

int ec2_images(struct aws *aws, const char *region, const struct ec2_find *f, struct arena *a,
	struct ec2_images *ret, struct err *e)
{
	struct image_list l = { .to = ret };
	*ret = (struct ec2_images){ 0 };
	if (each(aws, region, "DescribeImages", "imagesSet", f, a, take_image, &l, e) < 0)
		return -1;
	if (ret->count > 1)
		qsort(ret->list, ret->count, sizeof(*ret->list), by_creation);
	return 0;
}

struct snapshot_list {
	struct ec2_snapshots *to;
	size_t cap;
};

static int take_snapshot(void *ctx, const struct xml_node *item, struct arena *a, struct err *e)
{
	struct snapshot_list *l = ctx;
	struct ec2_snapshot *slot =
		arena_push(a, &l->to->list, &l->to->count, &l->cap, sizeof(*slot), e);
	return slot == NULL ? -1 : read_snapshot(item, a, slot, e);
}

static int by_start(const void *a, const void *b)
{
	const struct ec2_snapshot *x = a, *y = b;
	return newer(x->started, y->started, x->id, y->id);
}

int ec2_snapshots(struct aws *aws, const char *region, const struct ec2_find *f, struct arena *a,
	struct ec2_snapshots *ret, struct err *e)
{
	struct snapshot_list l = { .to = ret };
	*ret = (struct ec2_snapshots){ 0 };
	if (each(aws, region, "DescribeSnapshots", "snapshotSet", f, a, take_snapshot, &l, e) < 0)
		return -1;
	if (ret->count > 1)
		qsort(ret->list, ret->count, sizeof(*ret->list), by_start);
	return 0;
}

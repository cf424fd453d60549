#include "aws/ec2_copy.h"

#include <string.h>

#include "aws/ec2_token.h"
#include "aws/query.h"

static const char *text(const char *t)
{
	return t != NULL ? t : "";
}

static void put_tags(struct query *q, size_t number, const char *type, const struct ec2_copy *c)
{
	query_put(q, type, "TagSpecification.%zu.ResourceType", number);
	for (size_t i = 0; i < c->tag_count; i++) {
		query_put(q, c->tags[i].key, "TagSpecification.%zu.Tag.%zu.Key", number, i + 1);
		query_put(q, c->tags[i].value, "TagSpecification.%zu.Tag.%zu.Value", number, i + 1);
	}
}

/* All that would make it another copy; the same token with anything else is refused by EC2. */
static int token_of(const char *region, const struct ec2_copy *c, bool encrypted, struct arena *a,
	struct ec2_token *ret, struct err *e)
{
	const char *const fixed[] = { "copy", c->source_region, c->source_image, region, c->name,
		text(c->description), encrypted ? "1" : "0", text(c->kms_key),
		text(c->instead_of) };
	size_t n = sizeof(fixed) / sizeof(fixed[0]);
	const char **words = arena_array(a, n + 2 * c->tag_count + 1, sizeof(*words), e);
	if (words == NULL)
		return -1;
	memcpy(words, fixed, sizeof(fixed));
	for (size_t i = 0; i < c->tag_count; i++) {
		words[n++] = c->tags[i].key;
		words[n++] = c->tags[i].value;
	}
	*ret = ec2_token(words);
	return 0;
}

int ec2_copy_image(struct aws *aws, const char *region, const struct ec2_copy *c, bool dry_run,
	struct arena *a, const char **ret_image, struct err *e)
{
	static const char *const not_yet[] = { "InvalidAMIID.NotFound", "InvalidAMIID.Unavailable",
		NULL };
	bool encrypted = c->encrypted || c->kms_key != NULL;
	struct ec2_token token;
	if (token_of(region, c, encrypted, a, &token, e) < 0)
		return -1;
	cleanup_query struct query q = query_to(AWS_EC2, region, "CopyImage");
	q.request.transient = not_yet;
	q.request.patience = 120;
	query_put(&q, c->source_region, "SourceRegion");
	query_put(&q, c->source_image, "SourceImageId");
	query_put(&q, c->name, "Name");
	query_put(&q, c->description, "Description");
	query_put(&q, token.text, "ClientToken");
	if (encrypted)
		query_put(&q, "true", "Encrypted");
	query_put(&q, c->kms_key, "KmsKeyId");
	if (c->tag_count > 0) {
		put_tags(&q, 1, "image", c);
		put_tags(&q, 2, "snapshot", c);
	}
	struct xml_node *root;
	*ret_image = "";
	if (ec2_change(aws, &q, dry_run, a, &root, e) < 0)
		return -1;
	if (dry_run)
		return 0;
	const char *id = xml_text(root, "imageId");
	if (id == NULL || id[0] == '\0')
		return err_set(e, ERR_REMOTE, 0, "CopyImage: an answer without an image id");
	*ret_image = id;
	return 0;
}

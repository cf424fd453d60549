#include <string.h>

#include "ami/find.h"
#include "ami/publish.h"
#include "ami/tags.h"
#include "aws/ec2_image.h"
#include "aws/kms.h"

static enum publish_protection protection_of(const char *text)
{
	if (strcmp(text, "enabled-with-cooldown") == 0)
		return PROTECT_COOLDOWN;
	return strncmp(text, "enabled", 7) == 0 ? PROTECT_YES : PROTECT_NO;
}

static uint64_t root_gib(const struct ec2_image *i)
{
	for (size_t k = 0; k < i->device_count; k++)
		if (strcmp(i->devices[k].name, i->root_device) == 0)
			return i->devices[k].gib;
	return 0;
}

static struct publish_image image_of(const struct ec2_image *i)
{
	return (struct publish_image){ .id = i->id,
		.name = i->name,
		.state = i->state,
		.created = i->created,
		.deprecated = i->deprecated,
		.protection = protection_of(i->protection),
		.architecture = i->architecture,
		.gib = root_gib(i) };
}

int publish_find_id(const struct publish_job *j, const char *region, const char *id,
	struct publish_image *ret, struct err *e)
{
	const struct ec2_find find = { .ids = &id, .id_count = 1 };
	struct ec2_images found;
	if (ec2_images(j->aws, region, &find, j->arena, &found, e) < 0)
		return -1;
	*ret = found.count > 0 ? image_of(&found.list[0]) : (struct publish_image){ 0 };
	return 0;
}

/* A copy that failed is in the way of another one's name. */
static int find_failed(const struct publish_job *j, struct publish_place *p, struct err *e)
{
	const struct ec2_filter filters[] = { { "tag:" TAG_RECIPE, j->recipe },
		{ "tag:" TAG_DIGEST, j->digest }, { "state", "failed" } };
	const struct ec2_find find = { .filters = filters, .filter_count = 3 };
	struct ec2_images all;
	if (ec2_images(j->aws, p->region, &find, j->arena, &all, e) < 0)
		return -1;
	p->found.failed = all.count > 0 ? all.list[0].id : NULL;
	return 0;
}

/* One like the image at home, under the region's key. */
static int find_like(const struct publish_job *j, struct publish_place *p,
	const struct publish_image *home, struct err *e)
{
	struct find_wish wish = { .region = p->region,
		.recipe = j->recipe,
		.digest = j->digest,
		.architecture = home->architecture,
		.gib = home->gib,
		/* Where the account encrypts all, a copy that need not be comes encrypted. */
		.encryption = j->encrypted || p->kms_key != NULL ? AMI_ENCRYPTED : AMI_AS_ACCOUNT };
	struct ec2_image image;
	if (p->kms_key != NULL &&
		kms_key_arn(j->aws, p->region, p->kms_key, j->arena, &wish.kms_key, e) < 0)
		return -1;
	if (find_image(j->aws, &wish, j->arena, &image, &p->found.unfit, e) < 0)
		return -1;
	if (image.id == NULL)
		return find_failed(j, p, e);
	p->found.image = image_of(&image);
	p->image = image.id;
	return 0;
}

static int look_image(const struct publish_job *j, struct publish_place *p,
	const struct publish_image *home, struct err *e)
{
	if (p->image == NULL && home->id != NULL && find_like(j, p, home, e) < 0)
		return -1;
	if (p->image == NULL)
		return 0;
	if (p->found.image.id == NULL &&
		publish_find_id(j, p->region, p->image, &p->found.image, e) < 0)
		return -1;
	if (p->found.image.id == NULL)
		return err_set(e, ERR_REMOTE, 0, "there is no image %s", p->image);
	return ec2_permissions(j->aws, p->region, p->image, j->arena, &p->found.grantees,
		&p->found.grantee_count, e);
}

int publish_look_templates(const struct publish_job *j, struct publish_place *p, struct err *e)
{
	const struct words *names = &j->publish->launch_templates;
	p->launch = (struct launch){ .aws = j->aws, .region = p->region, .arena = j->arena };
	p->found.template_count = 0;
	p->found.templates =
		arena_array(j->arena, names->count + 1, sizeof(*p->found.templates), e);
	if (p->found.templates == NULL)
		return -1;
	for (size_t i = 0; i < names->count; i++) {
		const struct publish_template *t;
		if (launch_template(&p->launch, names->list[i].text, &t, e) < 0)
			return -1;
		if (t != NULL)
			p->found.templates[p->found.template_count++] = *t;
	}
	return 0;
}

int publish_template_wrong(const struct publish_place *p, const struct publish_template *t,
	const struct publish_template_plan *plan, struct err *e)
{
	const char *own = p->want.parameter;
	return err_set(e, ERR_REMOTE, 0,
		"the launch template %s follows %s, which publish does not change: let %s%s, or "
		"take it out of publish.launch_templates",
		t->template.name, plan->follows,
		own != NULL ? "it follow resolve:ssm:" : "its ImageId be an AMI",
		own != NULL ? own : "");
}

static int check_templates(const struct publish_place *p, struct err *e)
{
	for (size_t i = 0; i < p->found.template_count; i++)
		if (p->plan.templates[i].what == VERSION_WRONG)
			return publish_template_wrong(
				p, &p->found.templates[i], &p->plan.templates[i], e);
	return 0;
}

int publish_look(const struct publish_job *j, struct publish_place *p,
	const struct publish_image *home, struct err *e)
{
	memset(&p->found, 0, sizeof(p->found));
	if (look_image(j, p, home, e) < 0 || publish_look_templates(j, p, e) < 0)
		return -1;
	if (p->want.parameter != NULL &&
		ssm_get(j->aws, p->region, p->want.parameter, j->arena, &p->found.parameter,
			&p->found.has_parameter, e) < 0)
		return -1;
	if (publish_plan(&p->want, &p->found, aws_now(j->aws), j->arena, &p->plan, e) < 0)
		return -1;
	if (p->plan.parameter_wrong)
		return err_set(e, ERR_REMOTE, 0,
			"the parameter %s is of data type %s, which cannot be changed: delete it, "
			"or name another one; launch templates and instance refreshes want %s",
			p->want.parameter, p->found.parameter.data_type, SSM_IMAGE_TYPE);
	return check_templates(p, e);
}

static void place_of(
	const struct publish_job *j, const struct publish_region *r, struct publish_place *p)
{
	p->region = r->name;
	p->kms_key = r->kms_key;
	p->want = (struct publish_want){ .publish = j->publish,
		.region = r->name,
		.upload = r->upload,
		.parameter = r->parameter != NULL ? r->parameter : j->publish->parameter };
}

int publish_places(const struct publish_job *j, struct publish_places *ret, struct err *e)
{
	const struct publish *publish = j->publish;
	struct publish_place *list =
		arena_array(j->arena, publish->region_count + 1, sizeof(*list), e);
	size_t n = 1;
	if (list == NULL)
		return -1;
	struct publish_region home = { .name = aws_region(j->aws) };
	for (size_t i = 0; i < publish->region_count; i++) {
		if (strcmp(publish->regions[i].name, home.name) == 0)
			home = publish->regions[i];
		else
			place_of(j, &publish->regions[i], &list[n++]);
	}
	place_of(j, &home, &list[0]);
	list[0].home = list[0].want.upload = true;
	list[0].image = j->image;
	ret->list = list;
	ret->count = n;
	return 0;
}

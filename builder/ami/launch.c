#include "ami/launch.h"

#include <string.h>

#include "aws/page.h"
#include "aws/ssm.h"

int launch_list(struct launch *l, struct err *e)
{
	if (l->listed)
		return 0;
	if (ec2_templates(l->aws, l->region, l->arena, &l->templates, &l->template_count, e) < 0)
		return -1;
	l->listed = true;
	return 0;
}

static const struct ec2_template *named(const struct launch *l, const char *id_or_name)
{
	for (size_t i = 0; i < l->template_count; i++)
		if (strcmp(l->templates[i].id, id_or_name) == 0)
			return &l->templates[i];
	for (size_t i = 0; i < l->template_count; i++)
		if (strcmp(l->templates[i].name, id_or_name) == 0)
			return &l->templates[i];
	return NULL;
}

int launch_template(struct launch *l, const char *id_or_name, const struct publish_template **ret,
	struct err *e)
{
	*ret = NULL;
	if (launch_list(l, e) < 0)
		return -1;
	const struct ec2_template *t = named(l, id_or_name);
	if (t == NULL)
		return 0;
	for (size_t i = 0; i < l->read_count; i++)
		if (strcmp(l->read[i].template.id, t->id) == 0) {
			*ret = &l->read[i];
			return 0;
		}
	struct publish_template read = { .template = *t };
	if (ec2_template_versions(
		    l->aws, l->region, t->id, l->arena, &read.versions, &read.version_count, e) < 0)
		return -1;
	struct publish_template *slot =
		arena_push(l->arena, &l->read, &l->read_count, &l->read_cap, sizeof(*slot), e);
	if (slot == NULL)
		return -1;
	*slot = read;
	*ret = slot;
	return 0;
}

int launch_resolve(struct launch *l, const char *image, const char **ret, struct err *e)
{
	const char *name = ec2_template_parameter(image);
	*ret = image;
	if (name == NULL)
		return 0;
	struct ssm_parameter p;
	bool found;
	if (ssm_get(l->aws, l->region, name, l->arena, &p, &found, e) < 0)
		return -1;
	*ret = found ? p.value : "";
	return 0;
}

static int64_t version_number(const struct ec2_template *t, const char *version)
{
	if (version[0] == '\0' || strcmp(version, "$Default") == 0)
		return t->default_version;
	if (strcmp(version, "$Latest") == 0)
		return t->latest_version;
	return page_number(version);
}

int launch_image(struct launch *l, const struct asg_template *t, const char **ret,
	int64_t *ret_version, struct err *e)
{
	const struct publish_template *read;
	*ret = "";
	*ret_version = 0;
	if (launch_template(l, t->id[0] != '\0' ? t->id : t->name, &read, e) < 0)
		return -1;
	if (read == NULL)
		return 0;
	*ret_version = version_number(&read->template, t->version);
	for (size_t i = 0; i < read->version_count; i++)
		if (read->versions[i].number == *ret_version)
			return launch_resolve(l, read->versions[i].image, ret, e);
	return 0;
}

#include "ami/publish_plan.h"

#include <string.h>

#include "base/text.h"

#define MINUTE 60
#define DAY    86400

static bool same_grantee(const struct ec2_grantee *a, const struct ec2_grantee *b)
{
	return a->kind == b->kind && strcmp(a->name, b->name) == 0;
}

static bool listed(const struct ec2_grantee *list, size_t count, const struct ec2_grantee *g)
{
	for (size_t i = 0; i < count; i++)
		if (same_grantee(&list[i], g))
			return true;
	return false;
}

/* Those of one list that the other has not. */
static int difference(const struct ec2_grantee *of, size_t of_count, const struct ec2_grantee * not,
	size_t not_count, struct arena *a, struct ec2_grantee **ret, size_t *ret_count,
	struct err *e)
{
	struct ec2_grantee *list = arena_array(a, of_count + 1, sizeof(*list), e);
	size_t n = 0;
	if (list == NULL)
		return -1;
	for (size_t i = 0; i < of_count; i++)
		if (!listed(not, not_count, &of[i]) && !listed(list, n, &of[i]))
			list[n++] = of[i];
	*ret = list;
	*ret_count = n;
	return 0;
}

static size_t put_words(
	struct ec2_grantee *list, size_t n, enum ec2_grantee_kind kind, const struct words *words)
{
	for (size_t i = 0; i < words->count; i++)
		list[n++] = (struct ec2_grantee){ .kind = kind, .name = words->list[i].text };
	return n;
}

int publish_grantees(const struct publish *p, struct arena *a, struct ec2_grantee **ret,
	size_t *ret_count, struct err *e)
{
	size_t max = p->accounts.count + p->organizations.count + p->units.count + 1;
	struct ec2_grantee *list = arena_array(a, max, sizeof(*list), e);
	if (list == NULL)
		return -1;
	size_t n = put_words(list, 0, EC2_ACCOUNT, &p->accounts);
	n = put_words(list, n, EC2_ORGANIZATION, &p->organizations);
	n = put_words(list, n, EC2_UNIT, &p->units);
	if (p->everybody)
		list[n++] = (struct ec2_grantee){ .kind = EC2_EVERYBODY, .name = "all" };
	*ret = list;
	*ret_count = n;
	return 0;
}

int64_t publish_deprecation(int64_t created, unsigned days, int64_t now)
{
	if (days == 0)
		return 0;
	int64_t at = created + (int64_t)days * DAY;
	if (at <= now)
		at = now + (int64_t)days * DAY;
	return at - at % MINUTE;
}

static void plan_deprecation(const struct publish_want *want, const struct publish_image *image,
	int64_t now, struct publish_plan *p)
{
	unsigned days = want->publish->deprecate_days;
	p->deprecate_at = publish_deprecation(image->created, days, now);
	if (image->deprecated == 0 || days == 0) {
		p->deprecate = image->deprecated != p->deprecate_at;
		return;
	}
	/* A date that a run set from its own `now` stays as long as it is ahead. */
	bool lapsed = image->created + (int64_t)days * DAY <= now;
	if (lapsed && image->deprecated > now) {
		p->deprecate_at = image->deprecated;
		return;
	}
	p->deprecate = image->deprecated - image->deprecated % MINUTE != p->deprecate_at;
}

/* arn:PARTITION:ssm:REGION:ACCOUNT:parameter/NAME, where the account is not known. */
static bool is_arn_of(const char *arn, const char *region, const char *name)
{
	const char *service = strstr(arn, ":ssm:"), *path = strstr(arn, ":parameter/");
	size_t len = strlen(region);
	if (!text_starts(arn, "arn:") || service == NULL || path == NULL)
		return false;
	path += strlen(":parameter");
	service += strlen(":ssm:");
	return strncmp(service, region, len) == 0 && service[len] == ':' &&
	       strcmp(name[0] == '/' ? path : path + 1, name) == 0;
}

static bool is_own_parameter(
	const struct publish_want *want, const struct publish_found *found, const char *named)
{
	const char *arn = found->parameter.arn;
	if (want->parameter == NULL)
		return false;
	if (strcmp(named, want->parameter) == 0)
		return true;
	if (found->has_parameter && arn != NULL && arn[0] != '\0')
		return strcmp(named, arn) == 0;
	return is_arn_of(named, want->region, want->parameter);
}

struct publish_template_plan publish_template_plan(const struct publish_want *want,
	const struct publish_found *found, const struct publish_template *t, const char *image)
{
	struct publish_template_plan p = { .what = VERSION_MAKE,
		.source = t->template.default_version };
	for (size_t i = 0; i < t->version_count; i++) {
		const struct ec2_template_version *v = &t->versions[i];
		if (v->number != t->template.default_version)
			continue;
		p.follows = ec2_template_parameter(v->image);
		if (p.follows != NULL)
			p.what = is_own_parameter(want, found, p.follows) ? VERSION_FOLLOWS
									  : VERSION_WRONG;
		else if (image != NULL && strcmp(v->image, image) == 0)
			p.what = VERSION_RIGHT;
	}
	/* A run that was cut short has made the version, and not set the default. */
	for (size_t i = 0; p.what == VERSION_MAKE && image != NULL && i < t->version_count; i++) {
		const struct ec2_template_version *v = &t->versions[i];
		if (v->number > p.source && strcmp(v->image, image) == 0 &&
			text_starts(v->description, PUBLISH_MARK)) {
			p.what = VERSION_SET;
			p.number = v->number;
		}
	}
	return p;
}

static int plan_templates(const struct publish_want *want, const struct publish_found *found,
	const char *image, struct arena *a, struct publish_plan *p, struct err *e)
{
	p->templates = arena_array(a, found->template_count + 1, sizeof(*p->templates), e);
	if (p->templates == NULL)
		return -1;
	for (size_t i = 0; i < found->template_count; i++) {
		p->templates[i] = publish_template_plan(want, found, &found->templates[i], image);
		p->templates_change |=
			p->templates[i].what == VERSION_MAKE || p->templates[i].what == VERSION_SET;
	}
	return 0;
}

int publish_plan(const struct publish_want *want, const struct publish_found *found, int64_t now,
	struct arena *a, struct publish_plan *ret, struct err *e)
{
	struct publish_plan p = { 0 };
	const struct publish_image *image = &found->image;
	struct publish_image fresh = { .created = now };
	if (image->id == NULL) {
		p.make = want->upload ? MAKE_UPLOAD : MAKE_COPY;
		image = &fresh;
	} else {
		p.wait = strcmp(image->state, "available") != 0;
	}
	struct ec2_grantee *grantees;
	size_t count, there = image->id != NULL ? found->grantee_count : 0;
	if (publish_grantees(want->publish, a, &grantees, &count, e) < 0 ||
		difference(grantees, count, found->grantees, there, a, &p.add, &p.add_count, e) <
			0 ||
		difference(found->grantees, there, grantees, count, a, &p.remove, &p.remove_count,
			e) < 0)
		return -1;
	plan_deprecation(want, image, now, &p);
	p.protect = image->protection != want->publish->protect;
	if (want->parameter != NULL) {
		const struct ssm_parameter *now_there = &found->parameter;
		p.parameter = !found->has_parameter || image->id == NULL ||
			      strcmp(now_there->value, image->id) != 0;
		p.parameter_wrong = found->has_parameter && now_there->data_type[0] != '\0' &&
				    strcmp(now_there->data_type, SSM_IMAGE_TYPE) != 0;
	}
	if (plan_templates(want, found, image->id, a, &p, e) < 0)
		return -1;
	*ret = p;
	return 0;
}

bool publish_plan_done(const struct publish_plan *p)
{
	return p->make == MAKE_NOTHING && !p->wait && p->add_count == 0 && p->remove_count == 0 &&
	       !p->deprecate && !p->protect && !p->parameter && !p->templates_change;
}

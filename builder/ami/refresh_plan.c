#include "ami/refresh_plan.h"

#include <string.h>

static bool launches(const struct refresh_found *f, const char *image)
{
	for (size_t i = 0; i < f->launch_count; i++)
		if (strcmp(f->launches[i], image) == 0)
			return true;
	return false;
}

size_t refresh_old(const struct refresh_found *f, const char *image)
{
	size_t n = 0;
	for (size_t i = 0; i < f->run_count; i++)
		if (strcmp(f->runs[i], image) != 0 &&
			(f->other.version[0] != '\0' || !launches(f, f->runs[i])))
			n++;
	return n;
}

static const char *why_not(
	const struct refresh_found *f, const char *image, struct arena *a, struct err *e)
{
	const struct asg_group *g = f->group;
	const char *now =
		f->launch_count > 0 && f->launches[0][0] != '\0' ? f->launches[0] : "no image";
	if (g->configuration[0] != '\0')
		return arena_printf(a, e,
			"it launches %s by the launch configuration %s, which cannot be changed: "
			"give the group a launch template",
			now, g->configuration);
	const char *name = g->template_count > 0 ? g->templates[0].name : "";
	return arena_printf(a, e,
		"it launches %s by version %s of the launch template %s, not %s: let the template "
		"follow the parameter (ImageId resolve:ssm:NAME), or name it in publish: "
		"launch_templates",
		now, g->template_count > 0 ? g->templates[0].version : "-",
		name[0] != '\0' ? name : "that it has", image);
}

/* An image that an override names, and no publishing changes; NULL. */
static const char *pinned(const struct refresh_found *f, const char *image)
{
	for (size_t i = 0; i < f->group->image_count; i++)
		if (strcmp(f->group->images[i], image) != 0)
			return f->group->images[i];
	return NULL;
}

static const struct asg_refresh *in_progress(const struct refresh_found *f)
{
	for (size_t i = 0; i < f->refresh_count; i++)
		if (!asg_refresh_ended(&f->refreshes[i]))
			return &f->refreshes[i];
	return NULL;
}

/* It was started after the group had come to launch the image. */
static bool same(
	const struct asg_refresh *r, const struct refresh_found *f, const struct asg_template *take)
{
	if (strcmp(r->status, "Cancelling") == 0 || strcmp(r->status, "RollbackInProgress") == 0)
		return false;
	if (take != NULL || r->wanted.version[0] != '\0')
		return take != NULL && strcmp(r->wanted.version, take->version) == 0;
	return r->start == 0 || r->start >= f->changed;
}

int refresh_plan(const struct refresh_found *f, const char *image, struct arena *a,
	struct refresh_plan *ret, struct err *e)
{
	struct refresh_plan p = { .old = refresh_old(f, image) };
	const char *other = pinned(f, image);
	if (other != NULL) {
		p.what = REFRESH_CANNOT;
		p.why = arena_printf(a, e,
			"an override of its mixed instances policy launches %s, not %s: take ImageId "
			"out of the override (it may name a launch template instead)",
			other, image);
		*ret = p;
		return p.why != NULL ? 0 : -1;
	}
	if (!launches(f, image)) {
		if (f->other.version[0] == '\0') {
			p.what = REFRESH_CANNOT;
			p.why = why_not(f, image, a, e);
			*ret = p;
			return p.why != NULL ? 0 : -1;
		}
		p.take = &f->other;
	}
	const struct asg_refresh *r = in_progress(f);
	if (r != NULL && same(r, f, p.take)) {
		p.what = REFRESH_JOIN;
		p.id = r->id;
	} else if (r != NULL && (p.old > 0 || p.take != NULL)) {
		p.what = REFRESH_CANNOT;
		p.id = r->id;
		p.why = arena_printf(a, e,
			"the instance refresh %s towards something else is in progress (%s): wait "
			"for its end or cancel it",
			r->id, r->status);
		if (p.why == NULL)
			return -1;
	} else {
		p.what = p.old > 0 || p.take != NULL ? REFRESH_START : REFRESH_NOTHING;
	}
	*ret = p;
	return 0;
}

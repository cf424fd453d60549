/*
 * What a region has, compared with what the recipe wants: what is missing. Nothing here talks to
 * AWS, so that a plan can be printed, tested, and made again after a run that was cut short: a
 * second run finds less missing.
 */
#ifndef IMGBUILD_AMI_PUBLISH_PLAN_H
#define IMGBUILD_AMI_PUBLISH_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aws/ec2_share.h"
#include "aws/ec2_template.h"
#include "aws/ssm.h"
#include "base/arena.h"
#include "recipe/ami.h"

struct publish_image {
	const char *id; /* NULL: there is none of this digest */
	const char *name;
	const char *state;  /* available, pending, failed, ... */
	int64_t created;    /* seconds since 1970 */
	int64_t deprecated; /* seconds since 1970; 0: no date */
	enum publish_protection protection;
	const char *architecture;
	uint64_t gib; /* of its root volume */
};

/* A launch template of `publish: launch_templates` that is in this region. */
struct publish_template {
	struct ec2_template template;
	struct ec2_template_version *versions; /* newest first */
	size_t version_count;
};

/* As it was found. */
struct publish_found {
	struct publish_image image;
	const char *failed; /* a copy of this digest that failed: removed before another; NULL */
	const char *unfit;  /* why one of this digest does not do (find_image); NULL */
	struct ec2_grantee *grantees;
	size_t grantee_count;
	struct ssm_parameter parameter;
	bool has_parameter;
	struct publish_template *templates;
	size_t template_count;
};

/* How it should be. */
struct publish_want {
	const struct publish *publish;
	const char *region;
	bool upload;           /* sent there, not copied */
	const char *parameter; /* the region's; NULL: none */
};

enum publish_version {
	VERSION_RIGHT,   /* the default version launches the image */
	VERSION_FOLLOWS, /* it follows the region's parameter */
	VERSION_WRONG,   /* it follows another one, or one version of it */
	VERSION_MAKE,    /* make one of `source`, then set the default */
	VERSION_SET,     /* version `number` is there already: set the default */
};

struct publish_template_plan {
	enum publish_version what;
	int64_t source;
	int64_t number;
	const char *follows; /* the parameter, as the template names it */
};

enum publish_make { MAKE_NOTHING, MAKE_COPY, MAKE_UPLOAD };

struct publish_plan {
	enum publish_make make;
	bool wait; /* the image is there, pending */
	struct ec2_grantee *add;
	size_t add_count;
	struct ec2_grantee *remove;
	size_t remove_count;
	bool deprecate;       /* change the date */
	int64_t deprecate_at; /* 0: take it away */
	bool protect;         /* change it to what the recipe says */
	bool parameter;       /* set it */
	/* The parameter is there, of another data type, which cannot be changed. */
	bool parameter_wrong;
	struct publish_template_plan *templates; /* one for each that was found */
	bool templates_change;
};

/* `now`: seconds since 1970. Lists live in the arena. ERR_MACHINE. */
must_check int publish_plan(const struct publish_want *want, const struct publish_found *found,
	int64_t now, struct arena *a, struct publish_plan *ret, struct err *e);

/* Nothing at all is missing. */
bool publish_plan_done(const struct publish_plan *p);

/* Those of publish: accounts, organizations, units, everybody. */
must_check int publish_grantees(const struct publish *p, struct arena *a, struct ec2_grantee **ret,
	size_t *ret_count, struct err *e);

/*
 * When the image is to be deprecated: so many days after it was made, or, when that has passed,
 * from now. 0: never. A whole minute, which is what EC2 keeps.
 */
int64_t publish_deprecation(int64_t created, unsigned days, int64_t now);

/*
 * What a template needs so that its default version launches `image` (NULL: not made yet). It
 * follows the region's parameter by its name or ARN, without a version and without a label.
 */
struct publish_template_plan publish_template_plan(const struct publish_want *want,
	const struct publish_found *found, const struct publish_template *t, const char *image);

/* Written into a version's description, so that it is known again. */
#define PUBLISH_MARK "imgbuild publish"

#endif

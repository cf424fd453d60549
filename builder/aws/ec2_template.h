/*
 * Launch templates and their versions (Amazon EC2 API Reference).
 */
#ifndef IMGBUILD_AWS_EC2_TEMPLATE_H
#define IMGBUILD_AWS_EC2_TEMPLATE_H

#include "aws/client.h"
#include "base/arena.h"

struct ec2_template {
	const char *id;
	const char *name;
	int64_t default_version;
	int64_t latest_version;
};

struct ec2_template_version {
	const char *template_id;
	const char *template_name;
	int64_t number;
	bool is_default;
	const char *image;       /* ami-..., resolve:ssm:NAME, or "" where it names none */
	const char *description; /* "" */
};

/* All of a region. */
must_check int ec2_templates(struct aws *aws, const char *region, struct arena *a,
	struct ec2_template **ret, size_t *ret_count, struct err *e);

/* All versions of one, by its id; newest first. */
must_check int ec2_template_versions(struct aws *aws, const char *region, const char *id,
	struct arena *a, struct ec2_template_version **ret, size_t *ret_count, struct err *e);

/*
 * A new version: `source` with another image. The same call again gives the same version, for as
 * long as EC2 remembers the token, which is made of all that is asked for. With `dry_run` nothing
 * is done and *ret_number is 0.
 */
must_check int ec2_template_version_create(struct aws *aws, const char *region, const char *id,
	int64_t source, const char *image, const char *description, bool dry_run, struct arena *a,
	int64_t *ret_number, struct err *e);

must_check int ec2_template_set_default(struct aws *aws, const char *region, const char *id,
	int64_t version, bool dry_run, struct arena *a, struct err *e);

/*
 * "resolve:ssm:": the rest is the parameter's name or ARN, with :VERSION or :LABEL. NULL: an image
 * id.
 */
const char *ec2_template_parameter(const char *image);

#endif

/*
 * The least that a hub's role must be allowed, worked out from the recipe: the keys its sites refer
 * to, the objects it reads, its own record of the pool's name.
 */
#ifndef IMGBUILD_BUNDLE_POLICY_H
#define IMGBUILD_BUNDLE_POLICY_H

#include <stddef.h>

#include "bundle/deploy.h"

/* Texts may hold ${AWS::Partition}, ${AWS::Region} and ${AWS::AccountId}. */
struct texts {
	const char **list;
	size_t count;
	size_t cap;
};

struct condition {
	const char *test; /* "StringLike" */
	const char *key;
	struct texts values;
};

#define STATEMENT_CONDITIONS 4

struct statement {
	const char *sid;
	struct texts actions;
	struct texts resources;
	struct condition conditions[STATEMENT_CONDITIONS];
	size_t condition_count;
};

#define POLICY_STATEMENTS 8

struct policy {
	struct statement list[POLICY_STATEMENTS];
	size_t count;
};

/*
 * More different keys than this in one folder become the folder and a star: a role's policies may
 * have 10,240 characters together (IAM quotas).
 */
#define POLICY_KEYS_MAX 16

must_check int policy_of(
	const struct deploy *d, struct arena *a, struct policy *ret, struct err *e);

/* `text` with the pseudo parameters replaced: partition aws, the region or a star, any account. */
must_check const char *policy_plain(
	const char *text, const char *region, struct arena *a, struct err *e);

#endif

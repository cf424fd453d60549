/*
 * The shared files ~/.aws/config and ~/.aws/credentials (AWS SDKs and Tools Reference Guide,
 * "Shared config and credentials files"), and what the environment says in their stead.
 *
 * They are read as the SDKs do: sections `[default]`, `[profile NAME]` (in the credentials file:
 * `[NAME]`), `[services NAME]`; NAME = VALUE lines; lines and, behind a blank, ends of lines that
 * begin with # or ; are comments; an indented line is a key below the one before it when that has
 * no value, or else goes on with its value. A section that comes again goes on; the later of two
 * values counts; `[profile default]` counts instead of the config file's `[default]`.
 */
#ifndef IMGBUILD_AWS_PROFILE_H
#define IMGBUILD_AWS_PROFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

#define PROFILE_BYTES_MAX ((size_t)1 << 20) /* of a file */

struct profile_value {
	/* "profile release" is "release"; "services x" and the like stay; "": of no use */
	const char *section;
	const char *parent; /* of an indented line: the key above it; "" */
	const char *key;    /* lower case; "" for the line that opens the section */
	char *value;
	const char *file;
	size_t line;
	bool credentials; /* of the credentials file, which wins over the config file */
};

struct profiles {
	struct profile_value *values;
	size_t count;
	size_t cap;
	const char *name; /* the profile: --profile, AWS_PROFILE or "default" */
	bool asked;       /* by --profile: then the environment's keys do not count */
	bool exists;      /* some section has that name */
	const char *(*env)(void *ctx, const char *name); /* NULL or "": not set */
	void *ctx;
};

/* Append one file's text. ERR_INPUT with file:line:column, never with the line's text. */
must_check int profile_parse(struct profiles *p, const char *file, bool credentials,
	const char *text, size_t len, struct arena *a, struct err *e);

/*
 * Read both files where they are, if they are. `name` is --profile's, or NULL. `env` is getenv when
 * NULL. ERR_INPUT, and when the profile that was named is in neither file; ERR_MACHINE.
 */
must_check int profiles_load(const char *name, const char *(*env)(void *ctx, const char *name),
	void *ctx, struct arena *a, struct profiles *ret, struct err *e);

/* Wipe the values; before the arena is freed. */
void profiles_wipe(struct profiles *p);

/* A variable of the environment; NULL: not set, or empty. */
const char *profile_env(const struct profiles *p, const char *variable);

/* The value of a key in a section; NULL: not there, or empty. */
const char *profile_get(const struct profiles *p, const char *section, const char *key);
/* The same with where it stands. */
const struct profile_value *profile_find(
	const struct profiles *p, const char *section, const char *parent, const char *key);
/* Whether there is a section of that name. */
bool profile_exists(const struct profiles *p, const char *section);
/* The name nearest to one that is not there; NULL: none is near. */
const char *profile_nearest(const struct profiles *p, const char *section);
/* The same of the profile asked for, the environment's `variable` first. */
const char *profile_setting(const struct profiles *p, const char *variable, const char *key);

/* The region: AWS_REGION, AWS_DEFAULT_REGION, the profile's region; NULL: none said. */
const char *profile_region(const struct profiles *p);

/*
 * The endpoint URL that was set for a service (service-specific endpoints of the same guide):
 * AWS_ENDPOINT_URL_<SERVICE>, AWS_ENDPOINT_URL, `services` section, `endpoint_url`. `service` is
 * its id with underscores, as in the guide's table: "ec2", "ebs", "ssm", "sts", "auto_scaling".
 * Ignored as AWS_IGNORE_CONFIGURED_ENDPOINT_URLS says. NULL: AWS's own, and e->kind is ERR_NONE; or
 * an error: ERR_INPUT or ERR_USAGE (the variable), what was set is no URL; ERR_MACHINE.
 */
const char *profile_endpoint(
	const struct profiles *p, const char *service, struct arena *a, struct err *e);

#endif

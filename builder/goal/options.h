/*
 * The command line, from one table: parsing, --help, the man page and the completions all read it.
 */
#ifndef IMGBUILD_GOAL_OPTIONS_H
#define IMGBUILD_GOAL_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum option_id {
	OPT_SET,
	OPT_SITES,
	OPT_ROOT,
	OPT_OUT,
	OPT_AGAINST,
	OPT_INLINE_SECRETS,
	OPT_DRY_RUN,
	OPT_JSON,
	OPT_QUIET,
	OPT_VERBOSE,
	OPT_PRINT,
	OPT_HELP,
	OPT_VERSION,
	OPT_COUNT,
};

/* What a value is, for the shells' completion. */
enum option_value { VALUE_NONE, VALUE_TEXT, VALUE_FILE, VALUE_FOLDER, VALUE_WORD };

struct option_spec {
	enum option_id id;
	char letter;      /* 0: none */
	const char *name; /* without the dashes; NULL: none */
	enum option_value value;
	const char *value_name;   /* as shown: FILE */
	const char *const *words; /* VALUE_WORD: NULL-terminated */
	const char *goals;        /* goals it concerns, NULL: all */
	const char *help;
};

extern const struct option_spec OPTIONS[OPT_COUNT];

#define SETS_MAX 256

struct options {
	const char *recipe;
	const char *goal; /* as given; NULL: the default */
	const char *sets[SETS_MAX + 1];
	size_t set_count;
	const char *sites;
	const char *root;
	const char *out; /* NULL: ROOT/out */
	const char *against;
	bool inline_secrets;
	bool dry_run;
	bool json;
	bool quiet;
	bool verbose;
	const char *print;
	bool help;
	bool version;
};

/* Strings point into argv. ERR_USAGE with what is allowed. */
must_check int options_parse(int argc, char **argv, struct options *ret, struct err *e);

#endif

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
	OPT_UPDATE,
	OPT_SSH,
	OPT_KEEP,
	OPT_ADHOC,
	OPT_TIMEOUT,
	OPT_REGION,
	OPT_PROFILE,
	OPT_ENDPOINT_URL,
	OPT_CA_BUNDLE,
	OPT_BOOT_FIRST,
	OPT_ROLLBACK,
	OPT_SHARED,
	OPT_OUTPUT_ENV,
	OPT_JOBS,
	OPT_JSON,
	OPT_QUIET,
	OPT_VERBOSE,
	OPT_PRINT,
	OPT_HELP,
	OPT_VERSION,
	OPT_RELAY,
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
	const char *goals;        /* the goals it goes with, a blank between them; NULL: all */
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
	bool update;
	bool ssh;
	bool keep;
	bool adhoc;
	const char *region;     /* NULL: environment, profile, metadata service */
	const char *profile;    /* NULL */
	const char *endpoint;   /* NULL */
	const char *ca_bundle;  /* NULL */
	const char *output_env; /* NULL */
	bool boot_first;
	bool rollback;
	bool shared;
	unsigned timeout; /* seconds; 0: the goal's own */
	unsigned relay;   /* TCP port; 0: none */
	unsigned jobs;    /* cores; 0: all */
	bool json;
	bool quiet;
	bool verbose;
	const char *print;
	bool help;
	bool version;
	bool given[OPT_COUNT];
};

/* Whether a word is in a list with a blank between words. */
bool options_listed(const char *list, const char *word);

/* Strings point into argv. ERR_USAGE with what is allowed. */
must_check int options_parse(int argc, char **argv, struct options *ret, struct err *e);

#endif

#include "goal/options.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

static const char *const PRINTABLE[] = { "man", "bash", "zsh", "reference", NULL };

const struct option_spec OPTIONS[OPT_COUNT] = {
	{ OPT_SET, 0, "set", VALUE_TEXT, "NAME=VALUE", NULL, NULL,
		"give a variable of the recipe another value; may be repeated" },
	{ OPT_SITES, 0, "sites", VALUE_FILE, "FILE", NULL, NULL,
		"take the sites from FILE instead of those that the recipe names" },
	{ OPT_ROOT, 'C', NULL, VALUE_FOLDER, "DIR", NULL, NULL,
		"look for recipes/ and overlays/ in DIR and write to DIR/out (default: the current "
		"folder)" },
	{ OPT_OUT, 0, "out", VALUE_FOLDER, "DIR", NULL, NULL,
		"write the products to DIR/RECIPE instead of out/RECIPE" },
	{ OPT_AGAINST, 0, "against", VALUE_FILE, "PATH", NULL, "diff",
		"compare with PATH, an earlier out/RECIPE or its manifest.json, instead of the set "
		"before" },
	{ OPT_INLINE_SECRETS, 0, "inline-secrets", VALUE_NONE, NULL, NULL, NULL,
		"read the keys of env: and file: references and put them into user-data, where "
		"everyone "
		"on the instance, and everyone who may describe it, can read them" },
	{ OPT_DRY_RUN, 0, "dry-run", VALUE_NONE, NULL, NULL, NULL,
		"do everything but write; say what would be written" },
	{ OPT_UPDATE, 0, "update", VALUE_NONE, NULL, NULL, "disk boot ami publish",
		"ask the mirror for newer packages instead of taking the base of the last build" },
	{ OPT_SSH, 0, "ssh", VALUE_NONE, NULL, NULL, "boot",
		"open a shell on the hub when it is ready; it is shut down when that ends" },
	{ OPT_KEEP, 0, "keep", VALUE_NONE, NULL, NULL, "boot",
		"leave the hub running until ^C, and say how to reach it" },
	{ OPT_ADHOC, 0, "adhoc", VALUE_NONE, NULL, NULL, "boot",
		"boot the pasteable user-data on a plain base instead of the image" },
	{ OPT_TIMEOUT, 0, "timeout", VALUE_TEXT, "SECONDS", NULL, "boot ami publish",
		"how long to wait for the hub to be ready (default: 180, without KVM 600, with "
		"--adhoc 1200)" },
	{ OPT_REGION, 0, "region", VALUE_TEXT, "REGION", NULL, "ami publish verify gc",
		"the region to upload to and to start from (default: AWS_REGION, then the profile's, "
		"then this instance's)" },
	{ OPT_PROFILE, 0, "profile", VALUE_TEXT, "NAME", NULL, "ami publish verify gc",
		"a profile of ~/.aws/config (default: AWS_PROFILE)" },
	{ OPT_ENDPOINT_URL, 0, "endpoint-url", VALUE_TEXT, "URL", NULL, "ami publish verify gc",
		"ask this endpoint instead of AWS's own" },
	{ OPT_CA_BUNDLE, 0, "ca-bundle", VALUE_FILE, "FILE", NULL, "ami publish verify gc",
		"trust these certificates (default: AWS_CA_BUNDLE, then the system's)" },
	{ OPT_BOOT_FIRST, 0, "boot-first", VALUE_NONE, NULL, NULL, "ami publish",
		"boot the image here first, and upload it only when the hub is ready" },
	{ OPT_ROLLBACK, 0, "rollback", VALUE_NONE, NULL, NULL, "publish",
		"go back to what was published before: parameters, launch templates, groups" },
	{ OPT_SHARED, 0, "shared", VALUE_NONE, NULL, NULL, "gc",
		"remove old AMIs also when they are shared with others" },
	{ OPT_OUTPUT_ENV, 0, "output-env", VALUE_FILE, "FILE", NULL, "ami publish",
		"append what was made to FILE, as NAME=VALUE lines for a pipeline" },
	{ OPT_JOBS, 0, "jobs", VALUE_TEXT, "N", NULL, "disk boot ami publish",
		"use N cores to write an image and for its digests (default: all)" },
	{ OPT_JSON, 0, "json", VALUE_NONE, NULL, NULL, NULL,
		"print one JSON event a line instead of text" },
	{ OPT_QUIET, 'q', "quiet", VALUE_NONE, NULL, NULL, NULL, "print nothing but errors" },
	{ OPT_VERBOSE, 'v', "verbose", VALUE_NONE, NULL, NULL, NULL,
		"print more: every product, what each part of user-data costs, a guest's console" },
	{ OPT_PRINT, 0, "print", VALUE_WORD, "WHAT", PRINTABLE, NULL,
		"print the man page, a completion script for bash or zsh, or the recipe reference, "
		"and "
		"stop" },
	{ OPT_HELP, 'h', "help", VALUE_NONE, NULL, NULL, NULL, "print this help and stop" },
	{ OPT_VERSION, 0, "version", VALUE_NONE, NULL, NULL, NULL, "print the version and stop" },
	{ OPT_RELAY, 0, "relay", VALUE_TEXT, "PORT", NULL, NULL,
		"pass standard input and output on to a port of this machine's loopback; what boot "
		"runs for the guest's metadata requests" },
};

static const char *option_name(const void *ctx, size_t i)
{
	(void)ctx;
	return OPTIONS[i].name != NULL ? OPTIONS[i].name : "";
}

bool options_listed(const char *list, const char *word)
{
	size_t len = strlen(word);
	for (const char *p = list; *p != '\0'; p += strspn(p, " ")) {
		size_t n = strcspn(p, " ");
		if (n == len && memcmp(p, word, n) == 0)
			return true;
		p += n;
	}
	return false;
}

static int number(const struct option_spec *spec, const char *value, unsigned low, unsigned high,
	unsigned *ret, struct err *e)
{
	unsigned long long n;
	if (!text_number(value, low, high, &n))
		return err_set(e, ERR_USAGE, 0, "--%s %s: a number from %u to %u is allowed",
			spec->name, value, low, high);
	*ret = (unsigned)n;
	return 0;
}

static int apply(
	struct options *o, const struct option_spec *spec, const char *value, struct err *e)
{
	o->given[spec->id] = true;
	switch (spec->id) {
	case OPT_UPDATE:
		o->update = true;
		break;
	case OPT_SSH:
		o->ssh = true;
		break;
	case OPT_KEEP:
		o->keep = true;
		break;
	case OPT_ADHOC:
		o->adhoc = true;
		break;
	case OPT_TIMEOUT:
		return number(spec, value, 10, 86400, &o->timeout, e);
	case OPT_JOBS:
		return number(spec, value, 1, 64, &o->jobs, e);
	case OPT_RELAY:
		return number(spec, value, 1, 65535, &o->relay, e);
	case OPT_REGION:
		o->region = value;
		break;
	case OPT_PROFILE:
		o->profile = value;
		break;
	case OPT_ENDPOINT_URL:
		o->endpoint = value;
		break;
	case OPT_CA_BUNDLE:
		o->ca_bundle = value;
		break;
	case OPT_BOOT_FIRST:
		o->boot_first = true;
		break;
	case OPT_ROLLBACK:
		o->rollback = true;
		break;
	case OPT_SHARED:
		o->shared = true;
		break;
	case OPT_OUTPUT_ENV:
		o->output_env = value;
		break;
	case OPT_SET:
		if (o->set_count == SETS_MAX)
			return err_set(e, ERR_USAGE, 0, "more than %d --set", SETS_MAX);
		o->sets[o->set_count++] = value;
		break;
	case OPT_SITES:
		o->sites = value;
		break;
	case OPT_ROOT:
		o->root = value;
		break;
	case OPT_OUT:
		o->out = value;
		break;
	case OPT_AGAINST:
		o->against = value;
		break;
	case OPT_INLINE_SECRETS:
		o->inline_secrets = true;
		break;
	case OPT_DRY_RUN:
		o->dry_run = true;
		break;
	case OPT_JSON:
		o->json = true;
		break;
	case OPT_QUIET:
		o->quiet = true;
		break;
	case OPT_VERBOSE:
		o->verbose = true;
		break;
	case OPT_PRINT:
		for (size_t i = 0; spec->words[i] != NULL; i++)
			if (value != NULL && strcmp(value, spec->words[i]) == 0)
				o->print = value;
		if (o->print == NULL)
			return err_set(e, ERR_USAGE, 0,
				"--print %s: man, bash, zsh or reference can be printed", value);
		break;
	case OPT_HELP:
		o->help = true;
		break;
	case OPT_VERSION:
		o->version = true;
		break;
	case OPT_COUNT:
		break;
	}
	return 0;
}

/* --name, --name=value, --name value. Returns how many words of argv were used, or -1. */
static int long_option(struct options *o, char **argv, int left, struct err *e)
{
	const char *word = argv[0] + 2;
	const char *equals = strchr(word, '=');
	size_t len = equals != NULL ? (size_t)(equals - word) : strlen(word);
	for (size_t i = 0; i < OPT_COUNT; i++) {
		const struct option_spec *spec = &OPTIONS[i];
		if (spec->name == NULL || strlen(spec->name) != len ||
			strncmp(spec->name, word, len) != 0)
			continue;
		if (spec->value == VALUE_NONE) {
			if (equals != NULL)
				return err_set(e, ERR_USAGE, 0, "--%s takes no value", spec->name);
			return apply(o, spec, NULL, e) < 0 ? -1 : 1;
		}
		if (equals != NULL)
			return apply(o, spec, equals + 1, e) < 0 ? -1 : 1;
		if (left < 2)
			return err_set(
				e, ERR_USAGE, 0, "--%s needs a %s", spec->name, spec->value_name);
		return apply(o, spec, argv[1], e) < 0 ? -1 : 2;
	}
	char name[64];
	snprintf(name, sizeof(name), "%.*s", (int)(len < 63 ? len : 63), word);
	const char *near = text_nearest(name, option_name, NULL, OPT_COUNT);
	return err_set(e, ERR_USAGE, 0, "unknown option --%s%s%s%s", name,
		near != NULL ? ": did you mean --" : "", near != NULL ? near : "",
		near != NULL ? "?" : " (imgbuild --help lists them)");
}

/* -qv, -CDIR, -C DIR. */
static int short_options(struct options *o, char **argv, int left, struct err *e)
{
	for (const char *p = argv[0] + 1; *p != '\0'; p++) {
		const struct option_spec *spec = NULL;
		for (size_t i = 0; i < OPT_COUNT; i++)
			if (OPTIONS[i].letter == *p)
				spec = &OPTIONS[i];
		if (spec == NULL)
			return err_set(e, ERR_USAGE, 0,
				"unknown option -%c (imgbuild --help lists them)", *p);
		if (spec->value == VALUE_NONE) {
			if (apply(o, spec, NULL, e) < 0)
				return -1;
			continue;
		}
		if (p[1] != '\0')
			return apply(o, spec, p + 1, e) < 0 ? -1 : 1;
		if (left < 2)
			return err_set(e, ERR_USAGE, 0, "-%c needs a %s", *p, spec->value_name);
		return apply(o, spec, argv[1], e) < 0 ? -1 : 2;
	}
	return 1;
}

int options_parse(int argc, char **argv, struct options *ret, struct err *e)
{
	struct options o = { .root = "." };
	bool only_words = false;
	for (int i = 1; i < argc;) {
		char *word = argv[i];
		int used = 1;
		if (!only_words && strcmp(word, "--") == 0) {
			only_words = true;
		} else if (!only_words && text_starts(word, "--")) {
			used = long_option(&o, argv + i, argc - i, e);
		} else if (!only_words && word[0] == '-' && word[1] != '\0') {
			used = short_options(&o, argv + i, argc - i, e);
		} else if (o.recipe == NULL) {
			o.recipe = word;
		} else if (o.goal == NULL) {
			o.goal = word;
		} else {
			return err_set(e, ERR_USAGE, 0,
				"%s: one recipe and one goal at a time (after %s %s)", word,
				o.recipe, o.goal);
		}
		if (used < 0)
			return -1;
		i += used;
	}
	if (o.quiet && o.verbose)
		return err_set(e, ERR_USAGE, 0, "-q and -v exclude each other");
	*ret = o;
	return 0;
}

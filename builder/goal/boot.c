#include "boot/boot.h"

#include "disk/disk.h"
#include "goal/goal.h"

/* The recipe whose image the pasteable user-data is tried on. */
#define PLAIN "plain"

static const char *disk_of(struct run *run, const char *recipe, struct err *e)
{
	const char *out = run_out(run, e);
	return out != NULL ? arena_printf(&run->arena, e, "%s/%s/" DISK_NAME, out, recipe) : NULL;
}

/* Build the image of the plain recipe as well, beside the bundle. */
static int plain_disk(struct run *run, const char **ret_sources, struct err *e)
{
	struct options options = *run->options;
	options.recipe = PLAIN;
	options.set_count = 0;
	options.sets[0] = NULL;
	options.sites = NULL;
	options.inline_secrets = false;
	struct run other = { .options = &options, .log = run->log };
	struct bundle b = { 0 };
	other.diag.arena = &other.arena;
	int rc = run_prepare(&other, &b, e);
	struct base_request request;
	if (rc == 0)
		rc = run_disk(&other, &b, e);
	if (rc == 0)
		rc = disk_base_request(&other.recipe, &other.arena, &request, e);
	if (rc == 0)
		rc = base_apt_sources(&request, &run->arena, ret_sources, e);
	bundle_free(&b);
	buf_free(&other.scratch);
	arena_free(&other.arena);
	return rc < 0 ? err_wrap(e, "--adhoc: recipe " PLAIN) : rc;
}

int run_boot(struct run *run, struct bundle *b, struct err *e)
{
	struct recipe_query query;
	const struct boot_options o = { .log = &run->log,
		.out = run_out(run, e),
		.disk = disk_of(run, run->recipe.name, e),
		.query = &query,
		.bundle = b };
	if (o.out == NULL || o.disk == NULL || run_query(run, &query, e) < 0)
		return -1;
	return boot_run(&o, &run->arena, e);
}

static int boot(struct run *run, struct bundle *b, struct err *e)
{
	const struct options *options = run->options;
	struct recipe_query query;
	const char *sources = NULL;
	if (run->recipe.image.pos.line > 0 && run->recipe.image.arch != IMAGE_X86_64)
		return err_set(e, ERR_INPUT, 0,
			"%s: an image for %s: only those for x86_64 can be booted here",
			options->recipe, image_arch_name(run->recipe.image.arch));
	if (options->adhoc ? run_build(run, b, NULL, e) < 0 || plain_disk(run, &sources, e) < 0
			   : run_disk(run, b, e) < 0)
		return -1;
	if (options->dry_run)
		return 0;
	const struct boot_options o = { .log = &run->log,
		.out = run_out(run, e),
		.disk = disk_of(run, options->adhoc ? PLAIN : run->recipe.name, e),
		.query = &query,
		.bundle = b,
		.adhoc = options->adhoc,
		.apt_sources = sources,
		.ssh = options->ssh,
		.keep = options->keep,
		.timeout = options->timeout };
	if (o.out == NULL || o.disk == NULL || run_query(run, &query, e) < 0)
		return -1;
	return boot_run(&o, &run->arena, e);
}

int goal_boot(struct run *run, struct err *e)
{
	struct bundle b = { 0 };
	int rc = run_prepare(run, &b, e);
	if (rc == 0)
		rc = boot(run, &b, e);
	bundle_free(&b);
	return rc;
}

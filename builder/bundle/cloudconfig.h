/*
 * A #cloud-config document (cloud-init's YAML), readable and complete in itself: packages,
 * write_files, bootcmd and runcmd, with a merge rule that appends lists, so that the document and
 * a user's own add up instead of replacing one another.
 */
#ifndef IMGBUILD_BUNDLE_CLOUDCONFIG_H
#define IMGBUILD_BUNDLE_CLOUDCONFIG_H

#include <stddef.h>

#include "base/buf.h"
#include "recipe/recipe.h"

/*
 * How cloud-init merges this part into those before it: lists grow, maps are merged key by key,
 * and what is set stays. (cloud-init's own default replaces whole lists.)
 */
#define CLOUD_MERGE "list(append)+dict(no_replace,recurse_list)+str()"

/* One entry of write_files. */
struct cloud_file {
	const char *path;
	unsigned mode;
	const char *data;
	size_t size;
};

/* A command of bootcmd or runcmd: shell text, one line or several. */
struct cloud_command {
	const char *text;
};

struct cloud_config {
	const char *title;            /* one comment line */
	const struct words *packages; /* NULL: none */
	const struct cloud_file *files;
	size_t file_count;
	const struct cloud_command *boot; /* at each boot, before the files are written */
	size_t boot_count;
	const struct cloud_command *run; /* once, at the end of the first boot */
	size_t run_count;
};

/*
 * Append the document. Text goes in as literal blocks and comes out byte for byte; what YAML
 * cannot hold so (binary, carriage returns) as base64. Modes are written where they are not 0644;
 * the owner is root. Nothing in it depends on more than its arguments. ERR_MACHINE.
 */
must_check int cloud_config_write(const struct cloud_config *c, struct buf *out, struct err *e);

/* The bytes of one write_files entry as it stands in the document. ERR_MACHINE. */
must_check int cloud_config_file(const struct cloud_file *f, struct buf *out, struct err *e);

#endif

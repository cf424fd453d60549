/*
 * The files that will lie on the hub: overlay folders laid over one another in order, templates
 * filled, owners and modes as the recipe says, and the files that the builder generates on top.
 *
 * Whatever the checkout's umask or owner: a file is 0755 when its owner may run it and 0644
 * otherwise, a folder 0755, all root:root, unless a `modes` rule of the recipe says else. Nothing
 * of an overlay is followed: a symlink lands on the hub as the link that it is.
 *
 * Passed over: version control (.git, .gitignore, .gitkeep, .gitattributes, .hg, .svn), editors'
 * copies (NAME~, .NAME.sw?, #NAME#, .#NAME), .DS_Store, Python's caches (__pycache__, NAME.pyc).
 * Problems: devices, sockets, FIFOs; names with control characters or that are no UTF-8; NAME.orig
 * (where the vendor's files are kept) and NAME.rej; files below folders that the system makes at
 * boot; a file where another layer has a folder; whatever goes over the limits.
 */
#ifndef IMGBUILD_BUNDLE_TREE_H
#define IMGBUILD_BUNDLE_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/digest.h"
#include "recipe/diag.h"
#include "recipe/recipe.h"

#define TREE_FILE_MAX    ((size_t)16 << 20)  /* bytes of one file */
#define TREE_BYTES_MAX   ((size_t)256 << 20) /* bytes of all files */
#define TREE_ENTRIES_MAX 20000               /* files, folders and links of all layers */
#define TREE_DEPTH_MAX   32                  /* folders in one another */
#define TREE_PATH_MAX    1024                /* bytes of a path on the hub */

enum entry_kind { ENTRY_FILE, ENTRY_FOLDER, ENTRY_LINK };

struct entry {
	const char *path; /* absolute, on the hub */
	enum entry_kind kind;
	unsigned mode; /* permission bits */
	const char *owner;
	const char *group;
	bool keep_original;           /* what lies there is first moved to PATH.orig */
	bool implicit;                /* a folder that only holds others: not shipped */
	const char *layer;            /* the overlay as the recipe names it, or LAYER_GENERATED */
	const char *source;           /* the file read, as shown; NULL when generated */
	struct sha256 source_digest;  /* of the file as read, before it was filled */
	const char *data;             /* content, or a link's target; NUL-terminated */
	size_t size;                  /* bytes of it */
	const struct entry *replaced; /* what an earlier layer had here; NULL: nothing */
	size_t order;                 /* as met */
};

#define LAYER_GENERATED "generated"

struct tree {
	struct arena *arena;
	struct entry *list; /* what is shipped, sorted by path; set by tree_finish */
	size_t count;
	struct entry *met; /* all of all layers, replaced ones too */
	size_t met_count;
	size_t met_cap;
	size_t bytes; /* of all files met */
	/* Files passed over, for `plan` and -v. */
	const char **ignored;
	size_t ignored_count;
	size_t ignored_cap;
};

/*
 * Lay one overlay folder over the tree. Templates (NAME.in, which lose the ending) are filled from
 * `vs`. Problems go to `d`. -1: ERR_MACHINE.
 */
must_check int tree_overlay(struct tree *t, const struct found *overlay, struct vars *vs,
	struct diag *d, struct err *e);

/* Put a generated file on top. `data` must outlive the tree. */
must_check int tree_generate(
	struct tree *t, const char *path, const char *data, size_t len, struct err *e);

/*
 * Let later layers win, apply the mode rules (marking them used) and sort. Problems: a file where
 * another layer has a folder, two files of one layer for one path. -1: ERR_MACHINE.
 */
must_check int tree_finish(struct tree *t, struct mode_rules *rules, struct diag *d, struct err *e);

/* By binary search, after tree_finish; NULL: not there. */
const struct entry *tree_find(const struct tree *t, const char *path);

#endif

/*
 * A recipe, resolved: its chain of `extends`, variables, overlays in order, modes, services, sites.
 *
 *   extends: hub                     # another recipe this one starts from (name or path)
 *   description: one line
 *   vars: {pool_name: vpn.acme.example, extra: {type: int, default: 3, help: ...}}
 *   daemon: libreswan
 *   packages: [libreswan, iptables]  # added to the base recipe's; `-name` takes one away
 *   overlays: [hub]                  # folders, behind the base recipe's; a later file wins
 *   modes: {/etc/x: {mode: "0600", owner: root, group: root, original: keep}}
 *   services: [hub-pool.service]     # units to enable, added to the base recipe's
 *   sites: sites.yaml                # a file beside the recipe, or the records; replaces
 *   parts: [extra.cfg]               # further user-data parts, files beside the recipe; added
 *   overlay_url: s3://BUCKET/KEY     # where overlay.tar.gz will be published: the fetch form
 *   image: {base: {debian: bookworm}} # the disk image: see image.h
 *   ami, publish, keep               # what it becomes on AWS: see ami.h
 *
 * How recipes add up, base recipe first: `vars` as in var.h; `packages`, `overlays`, `services`
 * and `parts` add up, and `-name` takes away what a base recipe brought (a problem when it did
 * not); a package or service that is there already stays where it is, an overlay or part is a
 * problem; `modes` rules are applied one after another, a later one wins; `description`, `daemon`,
 * `sites` and `overlay_url` replace (an empty value takes the base recipe's away).
 *
 * Names and paths. A text with a slash, or that ends in .yaml, is a path, all others are names.
 * Paths in a recipe are relative to its own folder. The recipe NAME is recipes/NAME.yaml and the
 * overlay NAME the folder overlays/NAME, looked for in: root (-C DIR, else the current folder), the
 * folders of IMGBUILD_PATH, the installed share/imgbuild, and at last the home of the recipe that
 * says so (the folder that its recipes/ lies in, or the recipe's own folder). The recipe of the
 * command line, as a path, is relative to root; `--sites FILE` to the current folder.
 *
 * {{name}} is replaced in values of `vars` (but not in a circle), in `overlay_url`, in
 * the value of `sites`, and in a sites file; not in names, keys and lists of the recipe.
 */
#ifndef IMGBUILD_RECIPE_RECIPE_H
#define IMGBUILD_RECIPE_RECIPE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "recipe/ami.h"
#include "recipe/diag.h"
#include "recipe/image.h"
#include "recipe/node.h"
#include "recipe/site.h"
#include "recipe/var.h"
#include "recipe/word.h"

#define EXTENDS_DEPTH_MAX 8
#define OVERLAYS_MAX      32
#define PACKAGES_MAX      512
#define SERVICES_MAX      128
#define MODES_MAX         4096
#define PARTS_MAX         16
#define RECIPE_BYTES_MAX  ((size_t)1 << 20) /* a recipe; a sites file: NODE_BYTES_MAX */
#define RECIPE_NAME_MAX   64                /* bytes */

/* A file that was read to resolve the recipe, for the manifest's inputs. */
struct input {
	/*
	 * Below the folder where it was found (recipes/hub.yaml, whichever of root, IMGBUILD_PATH
	 * and share that was), else as given.
	 */
	const char *path;
	const char *sha256; /* hex */
};

struct recipe {
	const char *name; /* the product's name: file name without folder and .yaml */
	const char *description;
	struct vars vars;
	enum daemon daemon;
	struct pos daemon_pos; /* line 0: nobody said so */
	struct words packages;
	struct words services;
	struct found *overlays; /* in order; a later file wins */
	size_t overlay_count;
	struct found *parts;
	size_t part_count;
	struct mode_rules modes;
	struct image image;
	struct ami ami;
	struct publish publish;
	unsigned keep; /* AMIs that `gc` leaves */
	struct sites sites;
	const char *sites_path;      /* the file that holds them, as opened; NULL: none */
	struct site_context context; /* from vars vpc_cidr, hub_subnet, hub_id, sites_url */
	const char *overlay_url;     /* NULL: none */
	struct pos overlay_url_pos;
	struct input *inputs; /* recipes and sites file, in the order read */
	size_t input_count;
	size_t input_cap;
	const char **chain; /* names from the base recipe to this one */
	size_t chain_count;
};

struct recipe_query {
	const char *name;          /* NAME, or a path */
	const char *root;          /* -C DIR, or "." */
	const char *const *search; /* further folders with recipes/ and overlays/, NULL-terminated:
				      IMGBUILD_PATH's, then the installed share/imgbuild */
	const char *const *sets;   /* --set values, NULL-terminated */
	const char *sites_file;    /* --sites, NULL: the recipe's own */
};

/*
 * Find, read and resolve a recipe with all that it extends, and check its sites. Problems go to `d`
 * (check diag_total); *ret then holds what could be made of it. -1: ERR_INPUT when the recipe named
 * on the command line is not found (the message names the folders searched and the nearest name),
 * ERR_MACHINE.
 * `.in` templates are the caller's to fill: variables unused after that are reported by
 * recipe_check_unused.
 */
must_check int recipe_load(const struct recipe_query *q, struct arena *a, struct diag *d,
	struct recipe *ret, struct err *e);

/*
 * The value of a variable that the builder itself reads, which counts as using it; NULL when no
 * recipe declares it. Empty when that is allowed or a problem was noted.
 */
const char *recipe_var(const struct recipe *r, const char *name);

/* Problems for variables that nothing refers to, and mode rules that matched nothing. */
void recipe_check_unused(const struct recipe *r, struct diag *d);

/* The keys of a recipe and of a mode rule, for the check and the manual. */
extern const struct key_spec RECIPE_KEYS[];
extern const size_t RECIPE_KEY_COUNT;
extern const struct key_spec MODE_KEYS[];
extern const size_t MODE_KEY_COUNT;

#endif

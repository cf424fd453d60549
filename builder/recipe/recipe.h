/*
 * A recipe, resolved: its chain of `extends`, variables, overlays in order, modes, services, sites.
 *
 *   extends: hub                      # another recipe this one starts from (name or path)
 *   description: one line
 *   vars: {pool_name: vpn.example.com, extra: {type: int, default: 3, help: ...}}
 *   daemon: libreswan
 *   packages: [libreswan, iptables]   # added to the base recipe's; `-name` takes one away
 *   overlays: [hub]                   # folders, after the base recipe's; a later file wins
 *   modes: {/etc/x: {mode: "0600", owner: root, group: root, original: keep}}
 *   services: [hub-firewall.service]  # enabled units, added to the base recipe's; `-name` as above
 *   sites: sites.yaml                 # a file beside the recipe, or the records themselves;
 * replaces parts: [extra.cfg]                # further user-data parts (cloud-config, script),
 * added overlay_url: s3://BUCKET/KEY      # where overlay.tar.gz will be published: the fetch form
 */
#ifndef IMGBUILD_RECIPE_RECIPE_H
#define IMGBUILD_RECIPE_RECIPE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "recipe/diag.h"
#include "recipe/node.h"
#include "recipe/site.h"
#include "recipe/var.h"

#define EXTENDS_DEPTH_MAX 8
#define OVERLAYS_MAX      32
#define PACKAGES_MAX      512
#define SERVICES_MAX      128
#define MODES_MAX         4096
#define PARTS_MAX         16

/* A word of a list with the place where it was said and the recipe that said it. */
struct word {
	const char *text;
	struct pos pos;
	const char *layer; /* recipe name */
};

struct words {
	struct word *list;
	size_t count;
	size_t cap;
};

/* An overlay or a part: `text` as written, `path` where it was found. */
struct found {
	struct word word;
	const char *path;
};

struct mode_rule {
	const char
		*path; /* absolute on the target; a trailing slash and star: all below a folder */
	struct pos pos;
	const char *layer;
	bool has_mode;
	unsigned mode;      /* permission bits, 07777 */
	const char *owner;  /* user name, NULL: root */
	const char *group;  /* group name, NULL: root */
	bool keep_original; /* `original: keep`: the vendor's file stays as PATH.orig */
	bool used;
};

/* A file that was read to resolve the recipe, for the manifest's inputs. */
struct input {
	const char *path;   /* as shown: relative to -C or absolute */
	const char *sha256; /* hex */
};

struct recipe {
	const char *name; /* the product's name: file name without folder and .yaml */
	const char *description;
	struct vars vars;
	enum daemon daemon;
	struct words packages;
	struct words services;
	struct found *overlays; /* in order; a later file wins */
	size_t overlay_count;
	struct found *parts;
	size_t part_count;
	struct mode_rule *modes; /* a later rule wins */
	size_t mode_count;
	size_t mode_cap;
	struct sites sites;
	struct site_context context; /* from vars vpc_cidr, hub_subnet, sites_url */
	const char *overlay_url;     /* NULL: none */
	struct pos overlay_url_pos;
	struct input *inputs; /* recipes and sites file, in the order read */
	size_t input_count;
	size_t input_cap;
	const char **chain; /* names from the base recipe to this one */
	size_t chain_count;
};

struct recipe_query {
	const char *name;          /* NAME, or a path (has a slash or ends in .yaml) */
	const char *root;          /* -C DIR, or "." */
	const char *const *search; /* further folders with recipes/ and overlays/, NULL-terminated:
				      IMGBUILD_PATH's, then the installed share/imgbuild */
	const char *const *sets;   /* --set values, NULL-terminated */
	const char *sites_file;    /* --sites, NULL: the recipe's own */
};

/*
 * Find, read and resolve a recipe with all that it extends. Problems go to `d` (check diag_total);
 * *ret then holds what could be made of it. -1: ERR_INPUT when the recipe named on the command line
 * is not found (the message names the folders searched and the nearest name), ERR_MACHINE.
 * `.in` templates are the caller's to fill: variables unused after that are reported by
 * recipe_check_unused.
 */
must_check int recipe_load(const struct recipe_query *q, struct arena *a, struct diag *d,
	struct recipe *ret, struct err *e);

/* Problems for variables that nothing refers to, and mode rules that matched nothing. */
void recipe_check_unused(const struct recipe *r, struct diag *d);

/* The keys of a recipe, a variable and a site, for the manual. */
extern const struct key_spec RECIPE_KEYS[];
extern const size_t RECIPE_KEY_COUNT;

#endif

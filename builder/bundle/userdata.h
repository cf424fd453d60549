/*
 * User-data: what is pasted into the console, and what instances of the AMI are given.
 *
 * EC2 takes 16,384 bytes before base64 (EC2 user guide, "Instance user data"); cloud-init unpacks
 * gzip. The forms, in order of preference: plain text, the same compressed, and, where the recipe
 * names the URL of overlay.tar.gz, a small document that fetches it and checks its SHA-256.
 */
#ifndef IMGBUILD_BUNDLE_USERDATA_H
#define IMGBUILD_BUNDLE_USERDATA_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/digest.h"
#include "bundle/gzip.h"
#include "bundle/parts.h"
#include "bundle/secrets.h"
#include "bundle/tree.h"

#define USER_DATA_MAX 16384 /* bytes */

enum user_data_form { USER_DATA_PLAIN, USER_DATA_GZIP, USER_DATA_FETCH };
/* "plain", "gzip", "fetch" */
const char *user_data_form_name(enum user_data_form f);

/* Something in user-data that can be moved elsewhere or made smaller. */
struct piece {
	const char *name; /* a file's path, a part's name, or what else it is */
	const char *data;
	size_t size;
	bool secret;
};

struct user_data {
	enum user_data_form form;
	bool secret;          /* holds keys */
	bool compressed;      /* `raw` is gzip */
	struct buf raw;       /* what EC2 is given, before base64 */
	size_t text_size;     /* bytes of the document before it was compressed */
	struct piece *pieces; /* what it is made of */
	size_t piece_count;
	size_t piece_cap;
	bool without_sites; /* user-data.ami: they did not fit, the image has them */
};

struct user_data_source {
	const struct recipe *recipe;
	const struct tree *tree;
	const struct parts *parts;
	const struct secrets *secrets;
	size_t archive_size; /* of overlay.tar.gz, for the fetch form */
	struct sha256 archive_digest;
	struct gzip *gzip;
	struct arena *arena;
};

/*
 * The pasteable one: everything that turns a stock instance into a hub. Files that replace a
 * vendor's (`original: keep`) are written as PATH.hub and put in place at the end, after the
 * packages; files that others may not read exist with their mode before they have content.
 * 1: it does not fit, and `raw` is what would have been pasted; -1: ERR_MACHINE.
 */
must_check int user_data_paste(
	const struct user_data_source *s, struct user_data *ret, struct err *e);

/*
 * For instances of the AMI: /etc/hub/hub.conf, and /etc/hub/sites.json with crypto.json where the
 * tree has them. Sites that do not fit are left out, because the image has them. 1: does not fit.
 */
must_check int user_data_ami(
	const struct user_data_source *s, struct user_data *ret, struct err *e);

/* Wiped when it is secret. Takes an empty one. */
void user_data_free(struct user_data *u);

#endif

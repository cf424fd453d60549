/*
 * What a base may hold that an image must not: the identity, secrets, traces and caches of the
 * machine that it was made on, passwords, and programs that lend out their owner's rights.
 *
 * All of it depends on the base and the recipe alone, and is to be done before any overlay is
 * merged. What is emptied stays in its place; what is removed keeps no room for bytes in the image.
 */
#ifndef IMGBUILD_DISK_SCRUB_H
#define IMGBUILD_DISK_SCRUB_H

#include <stdbool.h>

#include "disk/owner.h"
#include "disk/rootfs.h"
#include "recipe/word.h"

enum scrub_action {
	SCRUB_REMOVE, /* the file, or the folder with all in it */
	SCRUB_PLAIN,  /* removed where it is a plain file; a link stays */
	SCRUB_BELOW,  /* all that is in the folder */
	SCRUB_FILES,  /* all files below the folder; folders stay */
	SCRUB_EMPTY,  /* files below the folder lose their content, or the file itself does */
};

struct scrub_rule {
	/* Absolute; * and ? stand for bytes of one name, one that begins with a dot only where the
	 * pattern has the dot too. */
	const char *pattern;
	enum scrub_action action;
	const char *why;
};

extern const struct scrub_rule SCRUB_RULES[];
extern const size_t SCRUB_RULE_COUNT;

/* The files whose content the functions below look at: for intake_keep. */
bool scrub_wants(const char *path);

/*
 * Apply the rules; beside them:
 *
 * /etc/machine-id becomes an empty file, 0444. systemd then makes an id at boot and writes it, as
 * machine-id(5) wants it for images. Not "uninitialized", and not missing: either would make each
 * first boot a first boot in the sense of ConditionFirstBoot=, which asks questions on the console
 * (systemd-firstboot) and enables what presets say, undoing what the recipe left off. cloud-init
 * does not look at it.
 *
 * /etc/hostname, where there is one, says localhost. The folders that the boot mounts over (/dev,
 * /proc, /run, /sys, /tmp) are made where missing. ERR_MACHINE.
 */
must_check int scrub_base(struct rootfs *r, struct err *e);

/*
 * Take away what a dpkg with these path-exclude patterns would not have unpacked (dpkg(1)):
 * fnmatch(3) against the absolute path, where * matches slashes; a leading ! is path-include; the
 * last pattern that matches counts. A folder goes when it is excluded and nothing is left in it.
 * Files of overlays stay. ERR_MACHINE.
 */
must_check int scrub_exclude(struct rootfs *r, const struct words *patterns, struct err *e);

/*
 * Files lose setuid and setgid unless `keep` names them; folders keep theirs. Where the base has
 * dpkg, /var/lib/dpkg/statoverride gets a line for each, so that an upgrade does not bring the bits
 * back; its other lines stay. A file of /usr/bin is also noted as the /bin that packages may call
 * it by, where /bin is a link. What `keep` names and the base does not have is passed over.
 * ERR_MACHINE.
 */
must_check int scrub_setuid(
	struct rootfs *r, const struct words *keep, const struct owners *o, struct err *e);

/*
 * Nobody can log in by password: root is locked ("*" in place of what it had), and any other
 * account with a password, or with an empty one, in /etc/shadow, /etc/passwd or /etc/gshadow is
 * ERR_INPUT naming it: such a base was meant for something else.
 */
must_check int scrub_accounts(struct rootfs *r, struct err *e);

#endif

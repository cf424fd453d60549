/*
 * The `image` section of a recipe: what the disk image is made of beside the bundle's overlay.
 *
 *   image:
 *     base: {debian: bookworm}           # or {tar: PATH}; beside debian: mirror: URL
 *     size: 2G                           # of the disk; M or G, in powers of 1024
 *     arch: x86_64                       # or arm64
 *     label: hub-root                    # of the root file system
 *     arguments: [quiet]                 # of the kernel, behind root=
 *     packages: [openssh-server]         # beside the recipe's own
 *     overlays: [image]                  # folders of files for the image alone, on top of the
 * others modes: {/etc/x: {mode: "0600"}}    # for files of those services: [ssh.service] # units to
 * enable beside the recipe's own mask: [apt-daily.timer]            # units that must not start
 *     exclude: [/usr/share/man*]         # files that packages do not bring: see dpkg(1),
 * path-exclude setuid: [/usr/bin/sudo]            # programs that keep setuid and setgid
 *
 * A recipe that extends another one says only what differs: `base`, `size`, `arch` and `label`
 * replace, lists add up and `-ITEM` takes away, `modes` rules apply one after another.
 */
#ifndef IMGBUILD_RECIPE_IMAGE_H
#define IMGBUILD_RECIPE_IMAGE_H

#include <stdint.h>

#include "recipe/node.h"
#include "recipe/word.h"

#define IMAGE_SIZE_MIN  ((uint64_t)1 << 30)  /* bytes */
#define IMAGE_SIZE_MAX  ((uint64_t)16 << 40) /* bytes; of a gp3 volume */
#define IMAGE_LABEL_MAX 16                   /* bytes, as ext4 has it */
#define ARGUMENTS_MAX   128
#define EXCLUDES_MAX    512
#define SETUIDS_MAX     128

enum image_base { IMAGE_BASE_NONE, IMAGE_BASE_DEBIAN, IMAGE_BASE_TAR };

enum image_arch { IMAGE_X86_64, IMAGE_ARM64 };
/* "x86_64", "arm64" */
const char *image_arch_name(enum image_arch arch);
/* "amd64", "arm64": Debian's */
const char *image_arch_debian(enum image_arch arch);

struct image {
	struct pos pos;       /* line 0: the recipe has no image section */
	enum image_base base; /* IMAGE_BASE_NONE: a problem is noted, or there is no section */
	struct pos base_pos;
	const char *suite;  /* debian: bookworm, trixie */
	const char *mirror; /* NULL: this machine's own */
	const char *tar;    /* path as opened */
	uint64_t size;      /* bytes, whole MiB */
	enum image_arch arch;
	const char *label;
	struct words packages; /* without the recipe's own */
	struct words services;
	struct words mask;
	struct words arguments;
	struct words exclude;
	struct words setuid;
	struct found *overlays;
	size_t overlay_count;
	struct mode_rules modes;
};

extern const struct key_spec IMAGE_KEYS[];
extern const size_t IMAGE_KEY_COUNT;
extern const struct key_spec BASE_KEYS[];
extern const size_t BASE_KEY_COUNT;

#endif

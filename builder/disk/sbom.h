/*
 * The bill of materials of an image: SPDX 2.3 as JSON (spdx.github.io/spdx-spec/v2.3), the same
 * bytes for the same image.
 *
 *   SPDXRef-DOCUMENT  describes  SPDXRef-Image             the image, an operating system
 *   SPDXRef-Image     contains   SPDXRef-Package-NAME-ARCH every installed package, with its purl
 *   SPDXRef-Image     contains   SPDXRef-Overlay           what no package brought: only when it
 *                                                          has files
 *   SPDXRef-Overlay   contains   SPDXRef-File-DIGEST       each of them, with its checksums;
 *                                                          DIGEST: half of its path's SHA-256
 *
 * Nothing is claimed about licences or copyright (NOASSERTION): what the packages say of
 * themselves is in the image, under /usr/share/doc.
 */
#ifndef IMGBUILD_DISK_SBOM_H
#define IMGBUILD_DISK_SBOM_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "disk/dpkg.h"
#include "disk/rootfs.h"

#define SBOM_NAME "sbom.spdx.json"

/* os-release(5) of the image; "" where it says nothing. */
struct sbom_distro {
	const char *id;      /* debian: namespace of the purls */
	const char *version; /* 12 */
	const char *name;    /* Debian GNU/Linux */
};

/* From the text of etc/os-release; strings in the arena. ERR_MACHINE. */
must_check int sbom_distro_parse(
	const char *data, size_t len, struct arena *a, struct sbom_distro *ret, struct err *e);

struct sbom_file {
	const char *path; /* absolute, in the image */
	unsigned char sha1[20];
	struct sha256 sha256;
};

struct sbom_files {
	struct sbom_file *list; /* by path */
	size_t count;
	size_t cap;
};

/*
 * The regular files of a tree that no package of the base brought: an overlay's and the builder's
 * own that are in memory (content made at the end is not). Strings in the arena. ERR_MACHINE.
 */
must_check int sbom_files_find(
	const struct rootfs *tree, struct arena *a, struct sbom_files *ret, struct err *e);

struct sbom_facts {
	const char *name;  /* of the recipe */
	const char *tool;  /* version */
	int64_t epoch;     /* seconds since 1970: when it was made, by its own account */
	struct sha256 key; /* of the image, or of all that was given to the build: makes the
			    * document's namespace its own */
	struct sbom_distro distro;
	const struct dpkg_packages *packages;
	const struct sbom_files *files;
};

/* Append the document. ERR_MACHINE. */
must_check int sbom_write(const struct sbom_facts *f, struct buf *out, struct err *e);

#endif

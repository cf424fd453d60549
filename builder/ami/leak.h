/*
 * The leak gate: before an image leaves this machine, its finished bytes are searched for what no
 * two instances may share and nobody else may read: private keys, pre-shared keys, host keys, who
 * may log in, identities, histories, credentials of clouds, caches, logs.
 *
 * Both file systems of the image are read as they are on the disk: the root with libext2fs, the EFI
 * system partition with mtools. Every file is looked at by its path (leak_path.c) and by its
 * content (leak_scan.c), in one pass.
 *
 * What Debian's own packages have in them is no find, by one rule: a find is a secret itself, never
 * a word about one. "BEGIN PRIVATE KEY" counts with a key behind it, an access key id with a secret
 * beside it; AWS's own examples (...EXAMPLE, ...EXAMPLEKEY) are none.
 */
#ifndef IMGBUILD_AMI_LEAK_H
#define IMGBUILD_AMI_LEAK_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

struct leak {
	const char *path;   /* on the root file system, or "EFI system partition: PATH" */
	const char *reason; /* what it is, and why it must not be there; never the secret */
};

struct leaks {
	struct leak *list; /* in the order met, in the arena */
	size_t count;
	size_t cap;
	size_t files;   /* that were looked at */
	uint64_t bytes; /* that were searched */
};

/*
 * Search the image. ERR_INPUT: it has no such file systems, or they cannot be read; ERR_MACHINE.
 */
must_check int leak_search(const char *path, struct arena *a, struct leaks *ret, struct err *e);

#endif

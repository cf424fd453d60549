/*
 * The inside of the leak gate: a file's content, searched while it streams by, and what its path
 * makes of it.
 */
#ifndef IMGBUILD_AMI_LEAK_SCAN_H
#define IMGBUILD_AMI_LEAK_SCAN_H

#include <stdbool.h>

#include "ami/leak.h"

/* Bytes of a file that are in memory at once; what a path's rule looks at lies within them. */
#define LEAK_WINDOW ((size_t)1 << 20)

struct leak_scan {
	char *window;       /* LEAK_WINDOW bytes */
	size_t len;         /* bytes in it */
	size_t searched;    /* of these */
	bool whole;         /* the window holds all of the file so far */
	bool elf;           /* a program or library */
	bool text_key;      /* a private key as text was found */
	const char *reason; /* the first find; NULL: none */
	uint8_t shift[4096];
};

/* Takes one that is zero. ERR_MACHINE. */
must_check int leak_scan_init(struct leak_scan *s, struct err *e);
void leak_scan_free(struct leak_scan *s);

void leak_scan_begin(struct leak_scan *s);
/* Where the file's next bytes may be written, and how many: at least 1. */
char *leak_scan_room(struct leak_scan *s, size_t *ret_len);
/* So many were. */
void leak_scan_added(struct leak_scan *s, size_t len);
/* The file ends: what it holds by its content, then by its path. NULL: nothing. */
const char *leak_scan_end(struct leak_scan *s, const char *path, uint64_t size);

/* ---- leak_path.c ---- */

/*
 * What a path alone says about a file, and the first bytes of its content: the reason, or NULL.
 * `path` starts with a slash; on the EFI system partition it starts with LEAK_ESP.
 */
#define LEAK_ESP "/boot/efi"
const char *leak_path(const char *path, uint64_t size, const char *text, size_t len);
/* The same of a symbolic link, which holds nothing. */
const char *leak_link(const char *path);

/* ---- leak_judge.c: what stands around a word that was found at `at` ---- */

bool leak_is_private_key(const char *text, size_t len, size_t at);
bool leak_is_putty_key(const char *text, size_t len, size_t at);
bool leak_is_aws_id(const char *text, size_t len, size_t at);
bool leak_is_aws_secret(const char *text, size_t len, size_t behind);
bool leak_is_azure_key(const char *text, size_t len, size_t behind);
/* At the start of a file: a private key in DER (PKCS #1, PKCS #8, SEC 1). */
bool leak_is_der_key(const char *text, size_t len);

/* ---- leak_ext4.c, leak_esp.c ---- */

struct leak_job {
	struct leak_scan scan;
	struct arena *arena;
	struct leaks *to;
};

/* ERR_MACHINE. */
must_check int leak_note(struct leak_job *j, const char *path, const char *reason, struct err *e);

must_check int leak_ext4(
	struct leak_job *j, const char *path, int fd, uint64_t offset, struct err *e);
must_check int leak_esp(struct leak_job *j, const char *path, uint64_t offset, struct err *e);

#endif

/*
 * mkdisk ARCHIVE OVERLAY IMAGE BYTES: the root file system of an image alone, from an archive and a
 * folder laid over it, without digests and without a sync: what the peers of the bench do as well.
 * Links with the program's own objects.
 */
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bundle/tree.h"
#include "disk/ext4.h"
#include "disk/intake.h"
#include "disk/merge.h"

static int make(char **argv, struct arena *a, struct err *e)
{
	struct rootfs r;
	struct intake *in;
	struct owners owners = { 0 };
	struct diag d = { .arena = a };
	struct vars vars = { 0 };
	struct tree tree = { .arena = a };
	struct mode_rules rules = { 0 };
	struct found overlay = { .word = { .text = "bench" }, .path = argv[2] };
	if (tree_overlay(&tree, &overlay, &vars, &d, e) < 0 ||
		tree_finish(&tree, &rules, &d, e) < 0)
		return -1;
	if (rootfs_init(&r, a, 0, e) < 0 || intake_open(argv[1], 0, a, &in, e) < 0 ||
		intake_scan(in, &r, NULL, e) < 0 || owners_read(&r, &owners, e) < 0 ||
		merge_tree(&r, &tree, &owners, e) < 0)
		return -1;
	struct ext4_options o = { .size = strtoull(argv[4], NULL, 10), .label = "root" };
	struct ext4_plan *plan;
	struct rootfs_source *source;
	struct raw raw;
	int fd = open(argv[3], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_set(e, ERR_MACHINE, 0, "create %s", argv[3]);
	if (ext4_plan(&r, &o, a, &plan, e) < 0 || raw_init(&raw, fd, o.size, a, e) < 0 ||
		intake_source(in, &source, e) < 0 || ext4_write(plan, source, &raw, 0, e) < 0)
		return -1;
	intake_close(in);
	return close(fd) < 0 ? err_set(e, ERR_MACHINE, 0, "close %s", argv[3]) : 0;
}

int main(int argc, char **argv)
{
	struct arena arena = { 0 };
	struct err e = { 0 };
	setlocale(LC_CTYPE, "C.UTF-8");
	if (argc != 5) {
		fputs("Usage: mkdisk ARCHIVE OVERLAY IMAGE BYTES\n", stderr);
		return 2;
	}
	int rc = make(argv, &arena, &e);
	if (rc < 0)
		fprintf(stderr, "mkdisk: %s\n", e.msg);
	arena_free(&arena);
	return rc < 0;
}

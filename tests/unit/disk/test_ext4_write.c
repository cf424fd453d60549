/*
 * What goes wrong: limits, a full disk of the machine, no memory, an archive that changed. And what
 * may differ without a difference in the image.
 */
#include "ext4_read.h"

static void plan_too_many_inodes(void **state)
{
	(void)state;
	struct tree t;
	struct arena a = { 0 };
	struct ext4_options o = usual_options(100 * MIB);
	struct ext4_plan *p = NULL;
	struct err e = { 0 };
	char name[16];
	tree_init(&t);
	for (unsigned i = 0; i < 32768 - 11; i++) {
		snprintf(name, sizeof(name), "%u", i);
		add(&t, NULL, name, S_IFIFO);
	}
	if (ext4_plan(&t.r, &o, &a, &p, &e) < 0)
		fail_msg("%s", e.msg);
	assert_int_equal(ext4_usage(p).inodes_used, 32768);
	add(&t, NULL, "one more", S_IFIFO);
	assert_int_equal(ext4_plan(&t.r, &o, &a, &p, &e), -1);
	assert_int_equal(e.kind, ERR_INPUT);
	assert_non_null(strstr(e.msg, "32769 inodes needed, 32768 there"));
	arena_free(&a);
	arena_free(&t.arena);
}

static void plan_refuses(void **state)
{
	(void)state;
	struct tree t;
	struct arena a = { 0 };
	struct ext4_plan *p = NULL;
	struct err e = { 0 };
	tree_init(&t);
	static const uint64_t sizes[] = { 0, 4096, 8 * MIB - 4096, (uint64_t)16 << 40 };
	for (size_t i = 0; i < 4; i++) {
		struct ext4_options o = usual_options(sizes[i]);
		assert_int_equal(ext4_plan(&t.r, &o, &a, &p, &e), -1);
		assert_int_equal(e.kind, ERR_INPUT);
	}
	struct ext4_options o = usual_options(8 * MIB);
	o.label = "seventeen bytes..";
	assert_int_equal(ext4_plan(&t.r, &o, &a, &p, &e), -1);
	o.label = "sixteen bytes...";
	assert_int_equal(ext4_plan(&t.r, &o, &a, &p, &e), 0);
	struct rootfs_node *n = add_file(&t, NULL, "large", ROOTFS_FILE_MAX + 1);
	n->spans = (struct rootfs_span[]){ { 0, 0 } };
	assert_int_equal(ext4_plan(&t.r, &o, &a, &p, &e), -1);
	assert_non_null(strstr(e.msg, "/large: "));
	n->size = ROOTFS_FILE_MAX;
	assert_int_equal(ext4_plan(&t.r, &o, &a, &p, &e), 0);
	n->spans = (struct rootfs_span[]){ { 0, 5 }, { 4, 1 } };
	n->span_count = 2;
	assert_int_equal(ext4_plan(&t.r, &o, &a, &p, &e), -1);
	n->spans = (struct rootfs_span[]){ { ROOTFS_FILE_MAX - 4, 5 } };
	n->span_count = 1;
	assert_int_equal(ext4_plan(&t.r, &o, &a, &p, &e), -1);
	n->spans = (struct rootfs_span[]){ { ROOTFS_FILE_MAX - 5, 5 } };
	assert_int_equal(ext4_plan(&t.r, &o, &a, &p, &e), 0);
	n = add(&t, NULL, "device", S_IFCHR);
	n->major = 4096;
	assert_int_equal(ext4_plan(&t.r, &o, &a, &p, &e), -1);
	assert_non_null(strstr(e.msg, "/device: device 4096:0"));
	arena_free(&a);
	arena_free(&t.arena);
}

/* A few of each kind: what failures are tried on. */
static void make_small(struct tree *t, struct rootfs_late *late)
{
	struct err e = { 0 };
	char name[32], target[100] = { 0 };
	tree_init(t);
	struct rootfs_node *folder = add_folder(t, NULL, "folder"), *n;
	for (unsigned i = 0; i < 400; i++) {
		snprintf(name, sizeof(name), "file%u", i);
		add_file(t, folder, name, i * 11);
	}
	add_file(t, NULL, "large", 3 * MIB + 5);
	add_link(t, NULL, "link", memset(target, 'x', 99));
	n = add_file(t, NULL, "sparse", MIB);
	for (unsigned i = 0; i < 8; i++)
		add_span(t, n, i * 100000, 10000);
	add_xattr(t, n, "user.large", pattern(), 1000);
	assert_non_null(rootfs_put(&t->r, "/folder/file5", 0644, pattern(), 100, &e));
	n = rootfs_put(&t->r, "/late", 0600, NULL, 12, &e);
	assert_non_null(n);
	n->late = late;
}

static int fill_late(void *ctx, struct buf *out, struct err *e)
{
	return buf_add(out, ctx, strlen(ctx), e);
}

static void write_fails(void **state)
{
	(void)state;
	struct rootfs_late late = { fill_late, (char[]){ "twelve bytes" } };
	struct tree t;
	struct ext4_options o = usual_options(16 * MIB);
	make_small(&t, &late);
	static const enum fail_kind kinds[] = { FAIL_WRITE, FAIL_ALLOC, FAIL_SHORT };
	for (size_t k = 0; k < 3; k++) {
		for (unsigned n = 1;; n++) {
			struct image i;
			struct err e = { 0 };
			image_open(&i, o.size);
			fail_arm(kinds[k], n);
			int rc = write_tree(&t, &o, &i, &e);
			bool hit = fail_disarm();
			if (hit && kinds[k] != FAIL_SHORT) {
				assert_int_equal(rc, -1);
				assert_int_equal(e.kind, ERR_MACHINE);
				assert_int_equal(
					e.errnum, kinds[k] == FAIL_WRITE ? ENOSPC : ENOMEM);
				/* Nothing that could be taken for a file system. */
				unsigned char magic[2] = { 0 };
				(void)!pread(i.fd, magic, 2, OFFSET + 1024 + 0x38);
				assert_int_equal(magic[0] | magic[1], 0);
			} else {
				assert_int_equal(rc, 0);
				check_image(&i);
			}
			image_close(&i);
			if (!hit || kinds[k] == FAIL_SHORT) {
				assert_true(n > (kinds[k] == FAIL_SHORT ? 0 : 3));
				break;
			}
		}
	}
	arena_free(&t.arena);
}

static void write_late_content(void **state)
{
	(void)state;
	static const char *const texts[] = { "twelve bytes", "eleven byte", "thirteen byte" };
	for (size_t k = 0; k < 3; k++) {
		struct rootfs_late late = { fill_late, (void *)(uintptr_t)texts[k] };
		struct tree t;
		struct image i;
		struct err e = { 0 };
		struct ext4_options o = usual_options(16 * MIB);
		make_small(&t, &late);
		image_open(&i, o.size);
		int rc = write_tree(&t, &o, &i, &e);
		assert_int_equal(rc, k == 0 ? 0 : -1);
		if (k == 0) {
			rootfs_find(&t.r, "/late")->data = texts[0];
			read_back(&i, &t);
		} else {
			assert_non_null(strstr(e.msg, "/late: "));
		}
		image_close(&i);
		arena_free(&t.arena);
	}
}

static void write_other_archive(void **state)
{
	(void)state;
	struct tree t;
	struct arena a = { 0 };
	struct image i;
	struct ext4_options o = usual_options(16 * MIB);
	struct ext4_plan *p = NULL;
	struct err e = { 0 };
	tree_init(&t);
	add_file(&t, NULL, "one", 5000);
	add_file(&t, NULL, "two", 5000);
	image_open(&i, o.size);
	assert_int_equal(ext4_plan(&t.r, &o, &a, &p, &e), 0);
	static const int64_t longer[] = { 1, -1, 4000, -5000 };
	for (size_t k = 0; k < 4; k++) {
		struct made_source src = made_source(&t.r);
		src.longer = longer[k];
		assert_int_equal(ext4_write(p, &src.s, &i.raw, OFFSET, &e), -1);
		assert_int_equal(e.kind, ERR_INPUT);
		assert_non_null(strstr(e.msg, "/one: "));
	}
	struct made_source src = made_source(&t.r);
	src.bring = 1;
	assert_int_equal(ext4_write(p, &src.s, &i.raw, OFFSET, &e), -1);
	assert_int_equal(e.kind, ERR_INPUT);
	assert_non_null(strstr(e.msg, "1 of 2 files"));
	assert_int_equal(ext4_write(p, NULL, &i.raw, OFFSET, &e), -1);
	assert_int_equal(e.kind, ERR_INPUT);
	/* Past the image's end. */
	src = made_source(&t.r);
	assert_int_equal(ext4_write(p, &src.s, &i.raw, OFFSET + 4096, &e), -1);
	assert_int_equal(e.kind, ERR_BUG);
	image_close(&i);
	arena_free(&a);
	arena_free(&t.arena);
}

/* Whatever pieces the source brings, the same bytes; digests are those of the content. */
static void write_in_pieces(void **state)
{
	(void)state;
	static const size_t pieces[] = { 1, 511, 10240, 65536, (size_t)1 << 20 };
	struct rootfs_late late = { fill_late, (char[]){ "twelve bytes" } };
	struct sha256 first = { 0 };
	for (size_t k = 0; k < sizeof(pieces) / sizeof(pieces[0]); k++) {
		struct tree t;
		struct arena a = { 0 };
		struct image i;
		struct err e = { 0 };
		struct ext4_options o = usual_options(16 * MIB);
		struct ext4_plan *p = NULL;
		o.digest = true;
		make_small(&t, &late);
		image_open(&i, o.size);
		struct made_source src = made_source(&t.r);
		src.piece = pieces[k];
		assert_int_equal(ext4_plan(&t.r, &o, &a, &p, &e), 0);
		if (ext4_write(p, &src.s, &i.raw, OFFSET, &e) < 0)
			fail_msg("%s", e.msg);
		void *all = mmap(NULL, i.raw.size, PROT_READ, MAP_SHARED, i.fd, 0);
		struct sha256 sum = sha256_of(all, i.raw.size);
		if (k == 0)
			first = sum;
		assert_memory_equal(&sum, &first, sizeof(sum));
		munmap(all, i.raw.size);
		const struct rootfs_node *n = rootfs_find(&t.r, "/folder/file7");
		size_t len = n->size;
		const unsigned char *bytes = bytes_at(n->entry, 0, &len);
		sum = sha256_of(bytes, len);
		assert_true(n->digested);
		assert_memory_equal(&n->digest, &sum, sizeof(sum));
		unsigned char *holes = calloc(1, MIB);
		n = rootfs_find(&t.r, "/sparse");
		for (unsigned s = 0; s < 8; s++)
			for (size_t at = 0; at < 10000; at++) {
				len = 1;
				holes[s * 100000 + at] = *bytes_at(n->entry, s * 100000 + at, &len);
			}
		sum = sha256_of(holes, MIB);
		assert_memory_equal(&n->digest, &sum, sizeof(sum));
		free(holes);
		assert_true(rootfs_find(&t.r, "/folder/file0")->digested);
		assert_true(rootfs_find(&t.r, "/late")->digested);
		if (k == 0)
			check_image(&i);
		image_close(&i);
		arena_free(&a);
		arena_free(&t.arena);
	}
}

/* Every byte that is not zero was noted as written: the rest is left out of a snapshot. */
static void write_marks_blocks(void **state)
{
	(void)state;
	struct rootfs_late late = { fill_late, (char[]){ "twelve bytes" } };
	struct tree t;
	struct image i;
	struct err e = { 0 };
	struct ext4_options o = usual_options(200 * MIB);
	make_small(&t, &late);
	image_open(&i, o.size);
	assert_int_equal(write_tree(&t, &o, &i, &e), 0);
	const unsigned char *all = mmap(NULL, i.raw.size, PROT_READ, MAP_SHARED, i.fd, 0);
	size_t dirty = 0;
	for (size_t b = 0; b < i.raw.blocks; b++) {
		const unsigned char *at = all + b * RAW_BLOCK;
		bool zero = at[0] == 0 && memcmp(at, at + 1, RAW_BLOCK - 1) == 0;
		assert_true(zero || raw_is_dirty(&i.raw, b));
		dirty += raw_is_dirty(&i.raw, b);
	}
	assert_true(dirty < 30);
	munmap((void *)(uintptr_t)all, i.raw.size);
	image_close(&i);
	arena_free(&t.arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plan_too_many_inodes),
		cmocka_unit_test(plan_refuses),
		cmocka_unit_test(write_fails),
		cmocka_unit_test(write_late_content),
		cmocka_unit_test(write_other_archive),
		cmocka_unit_test(write_in_pieces),
		cmocka_unit_test(write_marks_blocks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

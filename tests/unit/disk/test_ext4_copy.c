/*
 * Files that lie in the archive as they are: however they lie there and by however many threads
 * they are copied, the image is the one that comes of reading them one after another.
 */
#include "base/mapped.h"
#include "ext4_read.h"
#include "resident.h"

enum lie {
	LIE_TAR,      /* a header's length apart */
	LIE_FAR,      /* more than a window apart */
	LIE_BACKWARD, /* the last one first */
	LIE_SOME,     /* of a third of them it is not known */
	LIE_KINDS,
};

struct lying {
	struct made_source made; /* first: the writer knows nothing but its `s` */
	bool changed;
	int fd;
};

static int lying_unchanged(struct rootfs_source *s, struct err *e)
{
	const struct lying *l = (const void *)s;
	return l->changed ? err_set(e, ERR_INPUT, 0, "it changed") : 0;
}

static uint64_t put_content(int fd, const struct rootfs_node *n, uint64_t at)
{
	for (uint64_t offset = 0; offset < n->size;) {
		size_t len = (size_t)(n->size - offset);
		const unsigned char *bytes = bytes_at(n->entry, offset, &len);
		assert_int_equal(pwrite(fd, bytes, len, (off_t)(at + offset)), len);
		offset += len;
	}
	return at + n->size;
}

/* Lay the tree's files into an archive. */
static struct lying lay(struct tree *t, enum lie lie)
{
	struct lying l = { .made = made_source(&t->r) };
	uint64_t at = 0;
	l.fd = memfd_create("archive", MFD_CLOEXEC);
	l.made.s.unchanged = lying_unchanged;
	assert_true(l.fd >= 0);
	for (size_t i = 0; i < t->r.count; i++) {
		struct rootfs_node *n = t->r.list[lie == LIE_BACKWARD ? t->r.count - 1 - i : i];
		n->at = 0;
		if (n->entry == 0 || n->same_as != NULL || n->spans != NULL ||
			(lie == LIE_SOME && n->entry % 3 == 0))
			continue;
		at += lie == LIE_FAR ? 300000 : 512;
		n->at = at;
		at = (put_content(l.fd, n, at) + 511) / 512 * 512;
	}
	l.made.s.map_len = at;
	l.made.s.map = mapped_file(l.fd, at);
	assert_non_null(l.made.s.map);
	return l;
}

static void unlay(struct lying *l)
{
	mapped_end(l->made.s.map, l->made.s.map_len);
	close(l->fd);
}

/* Small files, some of whole blocks, large ones, and what the archive does not bring. */
static void make_tree(struct tree *t, uint64_t large)
{
	uint64_t state = 7;
	char name[32];
	struct err e = { 0 };
	tree_init(t);
	struct rootfs_node *folder = add_folder(t, NULL, "folder"), *n;
	for (unsigned i = 0; i < 700; i++) {
		uint64_t size = i % 5 == 0 ? roll(&state, 9) * 4096 : roll(&state, 20000);
		if (i % 100 == 99)
			size = roll(&state, 3 * MIB);
		snprintf(name, sizeof(name), "file%u", i);
		add_file(t, folder, name, size);
	}
	add_name(t, NULL, "further", rootfs_find(&t->r, "/folder/file8"));
	add_file(t, NULL, "large", large);
	n = add_file(t, NULL, "sparse", MIB);
	for (unsigned i = 0; i < 8; i++)
		add_span(t, n, i * 100000, 10000);
	assert_non_null(rootfs_put(&t->r, "/folder/file6", 0644, pattern(), 100, &e));
	assert_int_equal(rootfs_remove(&t->r, rootfs_find(&t->r, "/folder/file7"), &e), 0);
}

static struct sha256 sum_of(const struct image *i)
{
	void *all = mmap(NULL, i->raw.size, PROT_READ, MAP_SHARED, i->fd, 0);
	assert_true(all != MAP_FAILED);
	struct sha256 sum = sha256_of(all, i->raw.size);
	munmap(all, i->raw.size);
	return sum;
}

static int write_from(struct tree *t, const struct ext4_options *o, struct rootfs_source *s,
	struct image *i, struct err *e)
{
	struct arena a = { 0 };
	struct ext4_plan *p = NULL;
	int rc = ext4_plan(&t->r, o, &a, &p, e);
	if (rc == 0)
		rc = ext4_write(p, s, &i->raw, OFFSET, e);
	arena_free(&a);
	return rc;
}

/* The image's digest, after the digests of the files. */
static struct sha256 image_of(
	struct tree *t, const struct ext4_options *o, struct rootfs_source *s, bool check)
{
	struct image i;
	struct err e = { 0 };
	for (size_t k = 0; k < t->r.count; k++)
		t->r.list[k]->digested = false;
	image_open(&i, o->size);
	if (write_from(t, o, s, &i, &e) < 0)
		fail_msg("%s", e.msg);
	for (size_t k = 0; k < t->r.count; k++) {
		const struct rootfs_node *n = t->r.list[k];
		if (!S_ISREG(n->mode) || n->gone || n->same_as != NULL)
			continue;
		assert_int_equal(n->digested, o->digest);
		size_t len = (size_t)n->size;
		if (!o->digest || n->entry == 0 || n->spans != NULL)
			continue;
		const unsigned char *bytes = bytes_at(n->entry, 0, &len);
		struct sha256 sum = sha256_of(bytes, len);
		if (len == n->size)
			assert_memory_equal(&n->digest, &sum, sizeof(sum));
	}
	struct sha256 sum = sum_of(&i);
	if (check)
		check_image(&i);
	image_close(&i);
	return sum;
}

static void copy_is_reading(void **state)
{
	(void)state;
	static const unsigned jobs[] = { 1, 2, 7 };
	struct tree t;
	struct ext4_options o = usual_options(64 * MIB);
	make_tree(&t, 3 * MIB + 5);
	struct made_source read = made_source(&t.r);
	o.digest = true;
	struct sha256 wanted = image_of(&t, &o, &read.s, true);
	for (enum lie lie = 0; lie < LIE_KINDS; lie++) {
		for (size_t k = 0; k < 3; k++) {
			struct lying l = lay(&t, lie);
			o.jobs = jobs[k];
			o.digest = k != 1;
			struct sha256 sum = image_of(&t, &o, &l.made.s, false);
			assert_memory_equal(&sum, &wanted, sizeof(sum));
			unlay(&l);
		}
	}
	arena_free(&t.arena);
}

/* A file in several extents: copies of the superblock lie between its blocks. */
static void copy_in_extents(void **state)
{
	(void)state;
	struct tree t;
	struct ext4_options o = usual_options(512 * MIB);
	make_tree(&t, 300 * MIB + 77);
	struct made_source read = made_source(&t.r);
	struct sha256 wanted = image_of(&t, &o, &read.s, false);
	struct lying l = lay(&t, LIE_TAR);
	struct sha256 sum = image_of(&t, &o, &l.made.s, true);
	assert_memory_equal(&sum, &wanted, sizeof(sum));
	unlay(&l);
	arena_free(&t.arena);
}

static void copy_fails(void **state)
{
	(void)state;
	static const enum fail_kind kinds[] = { FAIL_WRITE, FAIL_ALLOC, FAIL_SHORT };
	struct tree t;
	struct ext4_options o = usual_options(64 * MIB);
	make_tree(&t, MIB);
	o.jobs = 1;
	for (size_t k = 0; k < 3; k++) {
		bool hit = true;
		for (unsigned n = 1; hit; n++) {
			struct image i;
			struct err e = { 0 };
			struct lying l = lay(&t, LIE_TAR);
			image_open(&i, o.size);
			fail_arm(kinds[k], n);
			int rc = write_from(&t, &o, &l.made.s, &i, &e);
			hit = fail_disarm();
			if (hit && kinds[k] != FAIL_SHORT) {
				assert_int_equal(rc, -1);
				assert_int_equal(
					e.errnum, kinds[k] == FAIL_WRITE ? ENOSPC : ENOMEM);
			} else {
				assert_int_equal(rc, 0);
				hit = false;
			}
			image_close(&i);
			unlay(&l);
		}
	}
	arena_free(&t.arena);
}

/* Cut short while it is mapped, by others; changed; shorter than it is said to be. */
static void copy_from_another_archive(void **state)
{
	(void)state;
	struct tree t;
	struct ext4_options o = usual_options(64 * MIB);
	make_tree(&t, MIB);
	for (unsigned k = 0; k < 16; k++) {
		struct image i;
		struct err e = { 0 };
		struct lying l = lay(&t, LIE_TAR);
		o.jobs = k % 2 == 0 ? 1 : 3;
		o.digest = k / 2 % 2 == 0;
		unsigned how = k / 4;
		const struct rootfs_node *large = rootfs_find(&t.r, "/large");
		if (how < 2)
			assert_int_equal(ftruncate(l.fd, (off_t)(large->at + MIB / 2)), 0);
		if (how == 1 || how == 2)
			l.changed = true;
		if (how == 3)
			l.made.s.map_len = large->at + large->size - 1;
		image_open(&i, o.size);
		assert_int_equal(write_from(&t, &o, &l.made.s, &i, &e), -1);
		assert_int_equal(e.kind, ERR_INPUT);
		if (how == 1 || how == 2)
			assert_string_equal(e.msg, "it changed");
		else
			assert_non_null(
				strstr(e.msg, "/large: its bytes in the archive cannot be read"));
		l.made.s.map_len = large->at + large->size;
		image_close(&i);
		unlay(&l);
	}
	arena_free(&t.arena);
}

/* However much there is of it, little of the archive is resident at a time. */
static void copy_holds_little(void **state)
{
	(void)state;
	struct tree t;
	struct ext4_options o = usual_options(512 * MIB);
	make_tree(&t, 200 * MIB);
	struct lying l = lay(&t, LIE_TAR);
	o.jobs = 2;
	image_of(&t, &o, &l.made.s, false);
	assert_true(l.made.s.map_len > 200 * MIB);
	assert_in_range(resident_pages(l.made.s.map, l.made.s.map_len), 0, 64);
	unlay(&l);
	arena_free(&t.arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copy_is_reading),
		cmocka_unit_test(copy_in_extents),
		cmocka_unit_test(copy_fails),
		cmocka_unit_test(copy_from_another_archive),
		cmocka_unit_test(copy_holds_little),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

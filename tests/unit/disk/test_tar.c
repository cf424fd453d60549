/*
 * Plain tars, read without libarchive: the same tree, the same places, the same errors as with it,
 * whatever the archive; and what is plain is read without it.
 */
#include "disk/intake_read.h"
#include "intake_take.h"

/* What a reading came to. */
struct outcome {
	struct taken t;
	int rc;
};

static void read_with(struct outcome *o, const char *path, unsigned jobs, bool foreign)
{
	held_make(&o->t.held);
	o->t.in = NULL;
	o->t.e = (struct err){ 0 };
	o->t.path[0] = '\0';
	assert_int_equal(intake_open(path, jobs, &o->t.held.arena, &o->t.in, &o->t.e), 0);
	o->t.in->foreign = foreign;
	o->rc = intake_scan(o->t.in, &o->t.held.tree, &KEEP, &o->t.e);
}

static void assert_same_node(struct outcome *own, struct outcome *lib, size_t i)
{
	struct rootfs_node *a = own->t.held.tree.list[i], *b = lib->t.held.tree.list[i];
	assert_string_equal(a->name, b->name);
	assert_int_equal(a->gone, b->gone);
	assert_int_equal(a->implicit, b->implicit);
	if (a->gone)
		return;
	assert_string_equal(node_line(&own->t.held, a), node_line(&lib->t.held, b));
	assert_int_equal(a->entry, b->entry);
	assert_int_equal(a->at, b->at);
	assert_int_equal(a->data != NULL, b->data != NULL);
	if (a->data != NULL)
		assert_memory_equal(a->data, b->data, a->size + 1);
}

static void assert_same(struct outcome *own, struct outcome *lib)
{
	assert_int_equal(own->rc, lib->rc);
	if (lib->rc < 0) {
		assert_string_equal(own->t.e.msg, lib->t.e.msg);
		assert_int_equal(own->t.e.kind, lib->t.e.kind);
		return;
	}
	assert_int_equal(own->t.held.tree.count, lib->t.held.tree.count);
	assert_int_equal(own->t.held.tree.entries, lib->t.held.tree.entries);
	for (size_t i = 0; i < lib->t.held.tree.count; i++)
		assert_same_node(own, lib, i);
}

/* Read by both; whether libarchive had to help. */
static bool both(const struct buf *b, unsigned jobs)
{
	static struct outcome own, lib;
	char path[64];
	file_make(path, b->data, b->len);
	read_with(&own, path, jobs, false);
	read_with(&lib, path, jobs, true);
	assert_same(&own, &lib);
	bool helped = own.t.in->foreign;
	leave(&own.t);
	leave(&lib.t);
	unlink(path);
	return helped;
}

static uint64_t roll(uint64_t *state, uint64_t below)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (*state >> 33) % below;
}

/* The header that begins at `at`, with another sum for what was written into it. */
static void mend_sum(struct buf *b, size_t at)
{
	unsigned sum = 8 * ' ';
	for (size_t i = 0; i < 512; i++)
		sum += i >= 148 && i < 156 ? 0u : (unsigned char)b->data[at + i];
	snprintf(b->data + at + 148, 8, "%06o", sum);
}

static void make_gnu(struct buf *b, size_t at)
{
	memcpy(b->data + at + 257, "ustar  ", 8);
	mend_sum(b, at);
}

static void add_pax(struct buf *b, uint64_t *state, const char *name, bool link)
{
	static const char *const NOTHING[] = { "atime", "ctime", "uname", "gname", "comment",
		"SCHILY.dev", "SCHILY.ino", "SCHILY.nlink", "LIBARCHIVE.creationtime" };
	static const char *const TIMES[] = { "17", "1700000000.5", "0.000000001", "12.1234567891",
		"13." };
	struct buf r = { 0 };
	char text[300];
	if (roll(state, 2) == 0) {
		const char *key = NOTHING[roll(state, sizeof(NOTHING) / sizeof(NOTHING[0]))];
		tar_record(&r, key, "1234", 4);
	}
	if (roll(state, 2) == 0) {
		snprintf(
			text, sizeof(text), "d/%0*d\xc3\xa4\xff%s", (int)roll(state, 200), 7, name);
		tar_record(&r, "path", text, strlen(text));
	}
	if (link && roll(state, 2) == 0)
		tar_record(&r, "linkpath", "elsewhere/\xe5\xa4\xa7", 13);
	if (roll(state, 2) == 0) {
		const char *time = TIMES[roll(state, sizeof(TIMES) / sizeof(TIMES[0]))];
		tar_record(&r, "mtime", time, strlen(time));
	}
	if (roll(state, 3) == 0)
		tar_record(&r, "uid", "3000000000", 10);
	if (roll(state, 3) == 0)
		tar_record(&r, "gid", "77", 2);
	for (uint64_t i = roll(state, 2) * roll(state, TAR_XATTRS_MAX); i > 0; i--) {
		snprintf(text, sizeof(text), "SCHILY.xattr.user.x%d", (int)roll(state, 5));
		tar_record(&r, text, "a\0=\n\xff", (size_t)roll(state, 6));
	}
	if (roll(state, 4) == 0)
		tar_record(&r, "RHT.security.selinux", "system_u:x", 11);
	if (r.len > 0)
		tar_pax(b, &r);
}

/* One entry of those that systems are packed of. */
static void add_random(struct buf *b, uint64_t *state, unsigned i)
{
	static const char TYPES[] = "000000005522213461";
	static const char data[6000] = { 'd' };
	char type = TYPES[roll(state, sizeof(TYPES) - 1)], name[100], target[100];
	snprintf(name, sizeof(name), "./d%d/n%u", (int)roll(state, 10), i);
	if (roll(state, 10) == 0)
		snprintf(name, sizeof(name), "etc/%s", i % 2 == 0 ? "passwd" : "kept");
	snprintf(target, sizeof(target), "./d%d/n%u", (int)roll(state, 10),
		(unsigned)roll(state, i + 1));
	size_t len = type == '0' && roll(state, 4) > 0 ? roll(state, sizeof(data)) : 0;
	bool link = type == '1' || type == '2';
	uint64_t how = roll(state, 4);
	if (how == 0)
		add_pax(b, state, name, link);
	if (how == 1 && roll(state, 2) == 0)
		tar_add(b, (struct tar_entry){ .name = "././@LongLink",
				   .type = 'L',
				   .data = name,
				   .len = strlen(name) + roll(state, 2) });
	if (how == 1 && link)
		tar_add(b, (struct tar_entry){ .name = "././@LongLink",
				   .type = 'K',
				   .data = target,
				   .len = strlen(target) + 1 });
	size_t at = b->len;
	tar_add(b, (struct tar_entry){ .name = name,
			   .type = type,
			   .target = link ? target : NULL,
			   .data = len > 0 ? data : NULL,
			   .len = len,
			   .mode = (unsigned)roll(state, 07777) + 1,
			   .uid = roll(state, 70000),
			   .gid = roll(state, 70000),
			   .mtime = (long long)roll(state, 1u << 31),
			   .major = (unsigned)roll(state, 4096),
			   .minor = (unsigned)roll(state, 4096) });
	if (how == 2)
		make_gnu(b, at);
	if (how == 3 && roll(state, 2) == 0) {
		memset(b->data + at + 345, 'p', roll(state, 155));
		mend_sum(b, at);
	}
}

static void tar_is_read_as_by_libarchive(void **state)
{
	(void)state;
	unsigned alone = 0;
	for (uint64_t seed = 1; seed <= 150; seed++) {
		cleanup_buf struct buf b = { 0 };
		uint64_t random = seed;
		unsigned count = 1 + (unsigned)roll(&random, 40);
		for (unsigned i = 0; i < count; i++)
			add_random(&b, &random, i);
		tar_end(&b);
		alone += !both(&b, seed % 2 == 0 ? 1 : 2);
	}
	/* Some end with an error that libarchive finds, or would. */
	assert_true(alone > 100);
}

/* More than the ring of batches holds. */
static void tar_of_many_entries(void **state)
{
	(void)state;
	cleanup_buf struct buf b = { 0 };
	uint64_t random = 5;
	char name[40];
	for (unsigned i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), "d%u/f%u", i % 7, i);
		tar_add(&b, (struct tar_entry){ .name = name,
				    .data = i % 2 == 0 ? NULL : "some bytes",
				    .mode = (unsigned)roll(&random, 07777) + 1 });
	}
	size_t len = b.len;
	tar_end(&b);
	assert_false(both(&b, 1));
	assert_false(both(&b, 2));
	/* The reading ends while the thread is far ahead, or waits. */
	for (size_t at = 0; at < len; at += 333 * 1024)
		memcpy(b.data + at, "../x", 5), mend_sum(&b, at);
	assert_false(both(&b, 2));
}

/* What is foreign, in the middle of what is not. */
enum foreign {
	NOT_A_SUM,
	SIGNED_SUM,
	OLD_MAGIC,
	ODD_VERSION,
	BASE256,
	NO_DIGITS,
	BEHIND_DIGITS,
	FOLDER_WITH_SIZE,
	FILE_WITH_SLASH,
	CONTIGUOUS,
	VOLUME,
	GLOBAL,
	NAMELESS,
	LINK_TO_NOTHING,
	LINK_WITH_BYTES,
	LINK_WITH_KIND,
	GNU_REALSIZE,
	GNU_SPARSE,
	GNU_EXTENDED,
	TWO_LONG_NAMES,
	LONG_NAME_BEHIND_PAX,
	PAX_BEHIND_LONG_NAME,
	LONG_TARGET_OF_FILE,
	NUL_IN_LONG_NAME,
	EMPTY_LONG_NAME,
	DEVICE_WITHOUT_NUMBER,
	TOO_LARGE,
	END_BEHIND_PAX,
	FOREIGN_KINDS,
};

static void add_foreign(struct buf *b, enum foreign kind)
{
	static const char *const LONG = "././@LongLink";
	struct buf r = { 0 };
	size_t at = b->len;
	struct tar_entry file = { .name = "file", .data = "text" };
	if (kind == FOLDER_WITH_SIZE)
		file = (struct tar_entry){ .name = "folder", .type = '5', .says = 512 };
	if (kind == FILE_WITH_SLASH)
		file = (struct tar_entry){ .name = "folder/" };
	if (kind == CONTIGUOUS)
		file.type = '7';
	if (kind == VOLUME)
		file = (struct tar_entry){ .name = "volume", .type = 'V' };
	if (kind == GLOBAL)
		file = (struct tar_entry){ .name = "g", .type = 'g', .data = "9 uid=77\n" };
	if (kind == NAMELESS)
		file.name = "";
	if (kind == LINK_TO_NOTHING)
		file = (struct tar_entry){ .name = "link", .type = '2' };
	if (kind == LINK_WITH_BYTES || kind == LINK_WITH_KIND)
		file = (struct tar_entry){ .name = "link",
			.type = '1',
			.target = "before",
			.data = kind == LINK_WITH_BYTES ? "bytes" : NULL,
			.mode = kind == LINK_WITH_KIND ? 040755 : 0644 };
	if (kind == DEVICE_WITHOUT_NUMBER)
		file = (struct tar_entry){ .name = "device", .type = '3' };
	if (kind == TOO_LARGE)
		file.says = 077777777777;
	if (kind == TWO_LONG_NAMES || kind == PAX_BEHIND_LONG_NAME)
		tar_add(b, (struct tar_entry){ .name = LONG, .type = 'L', .data = "one" });
	if (kind == LONG_NAME_BEHIND_PAX || kind == PAX_BEHIND_LONG_NAME ||
		kind == END_BEHIND_PAX) {
		tar_record(&r, "mtime", "99", 2);
		tar_pax(b, &r);
	}
	if (kind == END_BEHIND_PAX)
		return;
	if (kind == TWO_LONG_NAMES || kind == LONG_NAME_BEHIND_PAX)
		tar_add(b, (struct tar_entry){ .name = LONG, .type = 'L', .data = "two" });
	if (kind == LONG_TARGET_OF_FILE)
		tar_add(b, (struct tar_entry){ .name = LONG, .type = 'K', .data = "before" });
	if (kind == NUL_IN_LONG_NAME)
		tar_add(b,
			(struct tar_entry){ .name = LONG, .type = 'L', .data = "a\0b", .len = 3 });
	if (kind == EMPTY_LONG_NAME)
		tar_add(b, (struct tar_entry){ .name = LONG, .type = 'L' });
	if (b->len > at)
		at = b->len;
	tar_add(b, file);
	char *h = b->data + at;
	switch (kind) {
	case OLD_MAGIC:
		memset(h + 257, 0, 8);
		break;
	case ODD_VERSION:
		memcpy(h + 263, "01", 2);
		break;
	case BASE256:
		memcpy(h + 108, "\x80\0\0\0\0\0\1\1", 8);
		break;
	case NO_DIGITS:
		memcpy(h + 108, "       ", 8);
		break;
	case BEHIND_DIGITS:
		memcpy(h + 108, "00017x7", 8);
		break;
	case GNU_REALSIZE:
		memcpy(h + 483, "00000000004", 12);
		break;
	case GNU_SPARSE:
		memcpy(h + 386, "00000000000\000000000000004", 24);
		memcpy(h + 483, "00000000004", 12);
		break;
	case GNU_EXTENDED:
		h[482] = 1;
		break;
	case DEVICE_WITHOUT_NUMBER:
		memset(h + 329, 0, 8);
		break;
	case SIGNED_SUM:
		h[265] = (char)0xe4;
		break;
	default:
		break;
	}
	if (kind == GNU_REALSIZE || kind == GNU_SPARSE || kind == GNU_EXTENDED)
		make_gnu(b, at);
	mend_sum(b, at);
	if (kind == SIGNED_SUM) {
		unsigned sum = 0;
		sscanf(b->data + at + 148, "%o", &sum);
		snprintf(b->data + at + 148, 8, "%06o", sum - 256);
	}
	if (kind == NOT_A_SUM)
		b->data[at + 150] ^= 1;
}

static void tar_foreign_entries_are_libarchives(void **state)
{
	(void)state;
	for (enum foreign kind = 0; kind < FOREIGN_KINDS; kind++) {
		for (unsigned where = 0; where < 2; where++) {
			cleanup_buf struct buf b = { 0 };
			if (where == 1)
				tar_add(&b, (struct tar_entry){ .name = "before", .data = "x" });
			add_foreign(&b, kind);
			if (kind != END_BEHIND_PAX)
				tar_add(&b, (struct tar_entry){ .name = "behind", .data = "y" });
			tar_end(&b);
			if (!both(&b, 1))
				fail_msg("%d at %u is not foreign", (int)kind, where);
		}
	}
}

/* The records are in front of a file; `len` 0: up to the NUL. */
static void assert_foreign_records(const char *records, size_t len)
{
	cleanup_buf struct buf b = { 0 };
	tar_add(&b, (struct tar_entry){ .name = "before", .data = "x" });
	tar_add(&b, (struct tar_entry){ .name = "pax", .type = 'x', .data = records, .len = len });
	tar_add(&b, (struct tar_entry){ .name = "file", .data = "text" });
	tar_add(&b, (struct tar_entry){ .name = "behind", .data = "y" });
	tar_end(&b);
	if (!both(&b, 1))
		fail_msg("%s is not foreign", records);
}

/* Records of pax headers that are wrong, or mean more than is read here. */
static void tar_foreign_records_are_libarchives(void **state)
{
	(void)state;
	static const char *const WRONG[] = { "11 mtime=99", "13 mtime=99\n", "10 mtime=99\n",
		"x mtime=99\n", " mtime=99\n", "12 mtime 99\n", "8 =abcd\n", "0 a=b\n", "3 \n",
		"2 a=b\n", "99999999999999999999 a=b\n" };
	static const char *const PAIRS[][2] = { { "mtime", "-99" }, { "mtime", "" },
		{ "mtime", "9x9" }, { "mtime", ".99" }, { "mtime", "9.9x" }, { "path", "" },
		{ "linkpath", "" }, { "linkpath", "x" }, { "size", "" }, { "size", "x" },
		{ "size", "-4" }, { "uid", "-1" }, { "uid", "77x" },
		{ "uid", "9999999999999999999" }, { "size", "999999999999999999999" },
		{ "GNU.sparse.x", "1" }, { "GNU.sparse.realsize", "100" },
		{ "SCHILY.realsize", "99" }, { "SCHILY.devmajor", "7" }, { "SCHILY.xattr.", "x" },
		{ "SCHILY.acl.access", "user::rwx,group::rwx,other::r-x" },
		{ "hdrcharset", "BINARY" }, { "LIBARCHIVE.xattr.user.x", "eQ" },
		{ "unknown", "x" } };
	for (size_t i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++)
		assert_foreign_records(WRONG[i], 0);
	for (size_t i = 0; i < sizeof(PAIRS) / sizeof(PAIRS[0]); i++) {
		cleanup_buf struct buf r = { 0 };
		tar_record(&r, PAIRS[i][0], PAIRS[i][1], strlen(PAIRS[i][1]));
		assert_foreign_records(r.data, r.len);
	}
	cleanup_buf struct buf nul = { 0 }, key = { 0 }, many = { 0 };
	tar_record(&nul, "path", "a\0b", 3);
	assert_foreign_records(nul.data, nul.len);
	tar_record(&key, "atimes", "1", 1);
	key.data[7] = '\0';
	assert_foreign_records(key.data, key.len);
	for (int i = 0; i <= TAR_XATTRS_MAX; i++) {
		char name[40];
		snprintf(name, sizeof(name), "SCHILY.xattr.user.x%d", i);
		tar_record(&many, name, "value", 5);
	}
	assert_foreign_records(many.data, many.len);
}

/* Each bit of everything, turned; and every length. */
static void tar_damaged_anywhere(void **state)
{
	(void)state;
	cleanup_buf struct buf b = { 0 }, r = { 0 };
	tar_add(&b, (struct tar_entry){ .name = "d/", .type = '5' });
	tar_record(&r, "path", "d/kept", 6);
	tar_record(&r, "SCHILY.xattr.user.x", "y", 1);
	tar_pax(&b, &r);
	tar_add(&b, (struct tar_entry){ .name = "f", .data = "text" });
	size_t at = b.len;
	tar_add(&b, (struct tar_entry){ .name = "l", .type = 'L', .data = "long" });
	tar_add(&b, (struct tar_entry){ .name = "l", .type = '2', .target = "d/kept" });
	make_gnu(&b, at);
	tar_add(&b, (struct tar_entry){ .name = "h", .type = '1', .target = "d/kept" });
	tar_end(&b);
	assert_false(both(&b, 1));
	static const unsigned BITS[] = { 0, 3, 7 };
	for (size_t i = 0; i < b.len; i++) {
		unsigned char *byte = (unsigned char *)b.data + i;
		if (*byte == 0 && i % 8 != 0)
			continue;
		for (size_t k = 0; k < 3; k++) {
			*byte ^= (unsigned char)(1u << BITS[k]);
			both(&b, 1);
			if (i % 512 < 148 || (i % 512 >= 156 && i % 512 < 512)) {
				struct buf whole = { 0 };
				struct err e;
				assert_int_equal(buf_add(&whole, b.data, b.len, &e), 0);
				mend_sum(&whole, i / 512 * 512);
				both(&whole, 1);
				buf_free(&whole);
			}
			*byte ^= (unsigned char)(1u << BITS[k]);
		}
	}
	for (size_t len = b.len; len > 0; len -= len % 512 == 1 || len % 512 == 0 ? 1 : 170) {
		struct buf cut = { .data = b.data, .len = len };
		both(&cut, 1);
		if (len < 172)
			break;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tar_is_read_as_by_libarchive),
		cmocka_unit_test(tar_of_many_entries),
		cmocka_unit_test(tar_foreign_entries_are_libarchives),
		cmocka_unit_test(tar_foreign_records_are_libarchives),
		cmocka_unit_test(tar_damaged_anywhere),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

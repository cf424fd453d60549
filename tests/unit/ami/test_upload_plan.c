/*
 * Which blocks a snapshot is given: with and without a parent, encrypted or not; and its checksum.
 */
#include <string.h>

#include "ami/upload_plan.h"
#include "check.h"

#define OWN 3

static const unsigned char zero[RAW_BLOCK];

static struct sha256 letter(char c)
{
	static unsigned char data[RAW_BLOCK];
	memset(data, c, sizeof(data));
	return sha256_of(data, sizeof(data));
}

/* A list by a letter a block: '.' not present, '0' zeroes, '#' the list itself, others content. */
static struct blocks list(const char *text, struct arena *a)
{
	struct err e = { 0 };
	struct blocks b = { .count = strlen(text), .own_first = OWN, .own_count = 1 };
	b.size = b.count * RAW_BLOCK;
	b.digest = arena_array(a, b.count, sizeof(*b.digest), &e);
	assert_non_null(b.digest);
	for (size_t i = 0; i < b.count; i++) {
		if (text[i] == '#')
			b.own_first = i;
		else if (text[i] == '0')
			b.digest[i] = sha256_of(zero, sizeof(zero));
		else if (text[i] != '.')
			b.digest[i] = letter(text[i]);
	}
	return b;
}

static void check_plan(const char *now, const char *before, bool encrypted, const char *expected)
{
	cleanup_arena struct arena a = { 0 };
	struct err e = { 0 };
	struct blocks b = list(now, &a), parent;
	struct plan p;
	char text[64] = "";
	if (before != NULL)
		parent = list(before, &a);
	assert_int_equal(plan_make(&b, before != NULL ? &parent : NULL, encrypted, &a, &p, &e), 0);
	size_t puts = 0;
	struct sha256_stream s;
	sha256_begin(&s);
	for (size_t i = 0; i < p.count; i++) {
		text[i] = "-dpz"[p.what[i]];
		struct sha256 d = plan_digest(&p, &b, i);
		if (text[i] != '-')
			sha256_add(&s, d.bytes, sizeof(d.bytes));
		puts += text[i] != '-';
		if (text[i] == 'z') {
			struct sha256 of = sha256_of(zero, sizeof(zero));
			assert_memory_equal(&d, &of, sizeof(d));
		}
		if (text[i] == 'p') {
			static unsigned char own[RAW_BLOCK];
			blocks_own(&b, i - b.own_first, own);
			struct sha256 of = sha256_of(own, sizeof(own));
			assert_memory_equal(&d, &of, sizeof(d));
		}
	}
	assert_string_equal(text, expected);
	assert_int_equal(p.puts, puts);
	struct sha256 sum = sha256_end(&s), aggregate = plan_aggregate(&p, &b);
	assert_memory_equal(&sum, &aggregate, sizeof(sum));
}

static void plan_without_parent_sends_what_is_present(void **state)
{
	(void)state;
	check_plan("ab.#c..d", NULL, false, "dd-pd--d");
	check_plan("ab.#c..d", NULL, true, "dd-pd--d");
}

static void plan_sends_written_zeroes_where_they_matter(void **state)
{
	(void)state;
	check_plan("a0.#0.d", NULL, false, "d--p--d");
	check_plan("a0.#0.d", NULL, true, "dd-pd-d");
}

static void plan_with_parent_sends_what_differs(void **state)
{
	(void)state;
	check_plan("abc#de.f", "abc#dx.f", false, "---p-d--");
	check_plan("abc#de.f", "abc#d..f", true, "---p-d--");
	/* Written zeroes over content, and where the parent had anything or nothing. */
	check_plan("a00#0", "ab.#0", false, "-ddp-");
}

static void plan_blanks_what_the_parent_had(void **state)
{
	(void)state;
	check_plan("a..#.f", "abc#df", false, "-zzpz-");
	check_plan("a..#.f", "abc#df", true, "-zzpz-");
}

static void plan_sends_nothing_when_nothing_differs(void **state)
{
	(void)state;
	check_plan("ab.#0.d", "ab.#0.d", false, "-------");
	check_plan("ab.#0.d", "ab.#0.d", true, "-------");
}

static void plan_follows_the_list_to_another_place(void **state)
{
	(void)state;
	check_plan("ab#.c", "ab.#c", false, "--pz-");
	check_plan("ab#dc", "ab.#c", false, "--pd-");
	/* Larger than the parent: the list is another, even with nothing new in it. */
	check_plan("ab.#c..", "ab.#c", false, "---p---");
	check_plan("ab.#c.d", "ab.#c", false, "---p--d");
}

static void plan_of_an_image_names_its_size(void **state)
{
	(void)state;
	struct blocks b = { .size = 1 };
	assert_int_equal(plan_gib(&b), 1);
	b.size = (uint64_t)2 << 30;
	assert_int_equal(plan_gib(&b), 2);
	b.size++;
	assert_int_equal(plan_gib(&b), 3);
	cleanup_arena struct arena a = { 0 };
	struct blocks x = list("ab.#", &a), y = list("a.b#", &a);
	struct sha256 one = plan_identity(&x), two = plan_identity(&y);
	assert_memory_not_equal(&one, &two, sizeof(one));
	y = list("ab.#", &a);
	two = plan_identity(&y);
	assert_memory_equal(&one, &two, sizeof(one));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plan_without_parent_sends_what_is_present),
		cmocka_unit_test(plan_sends_written_zeroes_where_they_matter),
		cmocka_unit_test(plan_with_parent_sends_what_differs),
		cmocka_unit_test(plan_blanks_what_the_parent_had),
		cmocka_unit_test(plan_sends_nothing_when_nothing_differs),
		cmocka_unit_test(plan_follows_the_list_to_another_place),
		cmocka_unit_test(plan_of_an_image_names_its_size),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

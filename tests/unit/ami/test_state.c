#include "check.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ami/state.h"
#include "ami/tags.h"
#include "base/buf.h"
#include "base/file.h"
#include "fail.h"

struct scene {
	struct arena arena;
	char out[32];
	struct err e;
};

static int setup(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));
	assert_non_null(s);
	strcpy(s->out, "/tmp/test_state.XXXXXX");
	assert_non_null(mkdtemp(s->out));
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct scene *s = *state;
	assert_int_equal(file_remove_tree(AT_FDCWD, s->out, &s->e), 0);
	arena_free(&s->arena);
	free(s);
	return 0;
}

static struct state_image image_of(const char *id, const char *snapshot)
{
	return (struct state_image){ "eu-west-1", id, snapshot, "hub", "00ff",
		"2026-05-01T10:20:30Z", true, "0123456789abcdef" };
}

static struct state read_it(struct scene *s)
{
	struct state st;
	assert_int_equal(state_read(s->out, "hub", &s->arena, &st, &s->e), 0);
	return st;
}

static void put_text(struct scene *s, const char *text)
{
	char path[64];
	snprintf(path, sizeof(path), "%s/hub", s->out);
	(void)mkdir(path, 0777);
	strcat(path, "/" STATE_NAME);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void state_newest_first(void **state)
{
	struct scene *s = *state;
	assert_int_equal(read_it(s).count, 0);
	struct state_image a = image_of("ami-1", "snap-1"), b = image_of("ami-2", "snap-2");
	assert_int_equal(state_add(s->out, "hub", &a, &s->e), 0);
	assert_int_equal(state_add(s->out, "hub", &b, &s->e), 0);
	a.snapshot = "snap-3";
	assert_int_equal(state_add(s->out, "hub", &a, &s->e), 0);
	struct state st = read_it(s);
	assert_int_equal(st.count, 2);
	assert_string_equal(st.images[0].image, "ami-1");
	assert_string_equal(st.images[0].snapshot, "snap-3");
	assert_string_equal(st.images[1].image, "ami-2");
	assert_true(st.images[1].encrypted);
	assert_string_equal(st.images[1].created, "2026-05-01T10:20:30Z");
	assert_int_equal(
		state_published(s->out, "hub", "eu-west-1", "/p", "ami-1", "ami-2", &s->e), 0);
	assert_int_equal(read_it(s).count, 2);
}

static void state_keeps_so_many(void **state)
{
	struct scene *s = *state;
	for (int i = 0; i < STATE_IMAGES_MAX + 3; i++) {
		char id[16];
		snprintf(id, sizeof(id), "ami-%d", i);
		struct state_image image = image_of(id, "snap-1");
		assert_int_equal(state_add(s->out, "hub", &image, &s->e), 0);
	}
	struct state st = read_it(s);
	assert_int_equal(st.count, STATE_IMAGES_MAX);
	assert_string_equal(st.images[0].image, "ami-102");
}

static void state_that_is_none(void **state)
{
	struct scene *s = *state;
	static const char *const texts[] = { "", "{", "[]", "null", "{\"images\": 1}",
		"{\"images\": [1, [], {}, {\"image\": 5}]}", "{\"published\": []}", "\xff\xfe" };
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct state_image a = image_of("ami-1", "snap-1");
		put_text(s, texts[i]);
		assert_int_equal(read_it(s).count, 0);
		assert_int_equal(state_add(s->out, "hub", &a, &s->e), 0);
		assert_int_equal(read_it(s).count, 1);
		put_text(s, texts[i]);
		assert_int_equal(
			state_published(s->out, "hub", "eu-west-1", "/p", "", "ami-1", &s->e), 0);
	}
}

/* The file before, or the new one; never half of it. */
static void state_that_cannot_be_written(void **state)
{
	struct scene *s = *state;
	static const enum fail_kind kinds[] = { FAIL_WRITE, FAIL_SYNC, FAIL_RENAME, FAIL_CLOSE };
	struct state_image a = image_of("ami-1", "snap-1"), b = image_of("ami-2", "snap-2");
	assert_int_equal(state_add(s->out, "hub", &a, &s->e), 0);
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
		for (unsigned n = 1;; n++) {
			fail_arm(kinds[k], n);
			int rc = state_add(s->out, "hub", &b, &s->e);
			bool hit = fail_disarm();
			if (!hit)
				break;
			if (rc < 0)
				assert_int_equal(s->e.kind, ERR_MACHINE);
			assert_true(read_it(s).count >= 1);
			char path[80];
			snprintf(path, sizeof(path), "%s/hub/." STATE_NAME ".new", s->out);
			assert_int_equal(access(path, F_OK), -1);
		}
}

static void tags_of_a_recipe(void **state)
{
	struct scene *s = *state;
	struct ami_tag own[] = { { .key = "team", .value = "network" },
		{ .key = "Name", .value = "mine" } };
	struct recipe r = { .name = "hub", .ami = { .tags = own, .tag_count = 2 } };
	const struct tags_facts f = { &r, "hub x", "00ff", 513, "0123456789abcdef" };
	struct ec2_tags t;
	assert_int_equal(tags_make(&f, &s->arena, &t, &s->e), 0);
	assert_int_equal(t.count, 7);
	assert_string_equal(ec2_tag(&t, "Name"), "mine");
	assert_string_equal(ec2_tag(&t, "team"), "network");
	assert_string_equal(ec2_tag(&t, TAG_RECIPE), "hub");
	assert_string_equal(ec2_tag(&t, TAG_BLOCKS), "513");
	assert_string_equal(ec2_tag(&t, TAG_RUN), "0123456789abcdef");
	assert_null(ec2_tag(&t, "other"));
	struct run_id one, two;
	assert_int_equal(run_id(&one, &s->e), 0);
	assert_int_equal(run_id(&two, &s->e), 0);
	assert_int_equal(strlen(one.text), 16);
	assert_string_not_equal(one.text, two.text);
}

#define SCENE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE(state_newest_first),
		SCENE(state_keeps_so_many),
		SCENE(state_that_is_none),
		SCENE(state_that_cannot_be_written),
		SCENE(tags_of_a_recipe),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

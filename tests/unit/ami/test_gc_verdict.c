#include "check.h"

#include <string.h>

#include "ami/gc_verdict.h"

#define NOW ((int64_t)1700000000)

struct given {
	struct arena arena;
	struct gc_image images[5];
	struct gc_reference references[4];
	size_t reference_count;
	struct gc_rules rules;
};

/* ami-1, the oldest, to ami-5. */
static void setup(struct given *g)
{
	static const char *const ids[] = { "ami-3", "ami-1", "ami-5", "ami-2", "ami-4" };
	memset(g, 0, sizeof(*g));
	for (size_t i = 0; i < 5; i++)
		g->images[i] = (struct gc_image){
			.id = ids[i], .state = "available", .created = NOW + ids[i][4] - '0'
		};
	g->rules.keep = 2;
}

static struct gc_image *named(struct given *g, const char *id)
{
	for (size_t i = 0; i < 5; i++)
		if (strcmp(g->images[i].id, id) == 0)
			return &g->images[i];
	fail();
	return NULL;
}

/* The ids that would go, in order of age: "12" */
static const char *removed(struct given *g, char text[8])
{
	struct err e;
	size_t n = 0;
	assert_int_equal(gc_judge_images(g->images, 5, g->references, g->reference_count, &g->rules,
				 &g->arena, &e),
		0);
	for (size_t i = 5; i > 0; i--)
		if (g->images[i - 1].verdict == GC_REMOVE)
			text[n++] = g->images[i - 1].id[4];
	text[n] = '\0';
	for (size_t i = 0; i < 5; i++)
		assert_non_null(g->images[i].reason);
	return text;
}

static void newest_are_kept(void **state)
{
	(void)state;
	struct given g;
	char text[8];
	setup(&g);
	assert_string_equal(removed(&g, text), "123");
	assert_string_equal(g.images[0].id, "ami-5");
	assert_string_equal(named(&g, "ami-4")->reason, "one of the newest 2");
	g.rules.keep = 9;
	assert_string_equal(removed(&g, text), "");
	g.rules.keep = 0;
	assert_string_equal(removed(&g, text), "12345");
	arena_free(&g.arena);
}

static void needed_ones_are_kept_beside_the_newest(void **state)
{
	(void)state;
	struct given g;
	char text[8];
	setup(&g);
	g.references[0] = (struct gc_reference){ "ami-2", "instance i-1" };
	g.references[1] = (struct gc_reference){ "ami-2", "parameter /hub/ami" };
	g.references[2] = (struct gc_reference){ "ami-5", "instance i-2" };
	g.reference_count = 3;
	assert_string_equal(removed(&g, text), "13");
	assert_string_equal(named(&g, "ami-2")->reason, "needed by instance i-1 and 1 more");
	assert_string_equal(named(&g, "ami-5")->reason, "needed by instance i-2");
	arena_free(&g.arena);
}

static void failed_ones_do_not_count(void **state)
{
	(void)state;
	struct given g;
	char text[8];
	setup(&g);
	named(&g, "ami-5")->state = "failed";
	assert_string_equal(removed(&g, text), "125");
	assert_string_equal(named(&g, "ami-5")->reason, "failed");
	arena_free(&g.arena);
}

static void pending_ones_are_kept_and_do_not_count(void **state)
{
	(void)state;
	struct given g;
	char text[8];
	setup(&g);
	named(&g, "ami-5")->state = "pending";
	assert_string_equal(removed(&g, text), "12");
	assert_string_equal(named(&g, "ami-5")->reason, "not yet available");
	arena_free(&g.arena);
}

static void shared_ones_are_kept_unless_asked(void **state)
{
	(void)state;
	struct given g;
	char text[8];
	setup(&g);
	named(&g, "ami-1")->shared = true;
	assert_string_equal(removed(&g, text), "23");
	g.rules.shared = true;
	assert_string_equal(removed(&g, text), "123");
	arena_free(&g.arena);
}

static void protected_ones_are_kept_unless_the_recipe_protects(void **state)
{
	(void)state;
	struct given g;
	char text[8];
	setup(&g);
	named(&g, "ami-1")->protected = true;
	assert_string_equal(removed(&g, text), "23");
	assert_string_equal(named(&g, "ami-1")->reason,
		"protected from deregistration, and not by this recipe");
	g.rules.unprotect = true;
	assert_string_equal(removed(&g, text), "123");
	named(&g, "ami-2")->cooling = true;
	assert_string_equal(removed(&g, text), "13");
	arena_free(&g.arena);
}

static enum gc_verdict snapshot(struct gc_snapshot s, int64_t age)
{
	s.started = NOW - age;
	if (s.state == NULL)
		s.state = "completed";
	gc_judge_snapshot(&s, NOW);
	assert_non_null(s.reason);
	return s.verdict;
}

static void snapshot_of_a_failed_run_goes_after_a_day(void **state)
{
	(void)state;
	assert_int_equal(snapshot((struct gc_snapshot){ 0 }, 86400), GC_REMOVE);
	assert_int_equal(snapshot((struct gc_snapshot){ 0 }, 86399), GC_KEEP);
	assert_int_equal(snapshot((struct gc_snapshot){ .state = "pending" }, 100), GC_KEEP);
	assert_int_equal(snapshot((struct gc_snapshot){ .state = "pending" }, 90000), GC_REMOVE);
	assert_int_equal(snapshot((struct gc_snapshot){ .state = "error" }, 100), GC_REMOVE);
}

static void snapshot_of_a_run_that_went_on_without_it_goes_after_a_day(void **state)
{
	(void)state;
	struct gc_snapshot s = { .state = "completed", .started = NOW - 86400, .run_used = true };
	gc_judge_snapshot(&s, NOW);
	assert_int_equal(s.verdict, GC_REMOVE);
	assert_string_equal(s.reason, "left by a run that went on without it");
	assert_int_equal(snapshot((struct gc_snapshot){ .run_used = true }, 86399), GC_KEEP);
}

static void snapshot_that_somebody_has_stays(void **state)
{
	(void)state;
	assert_int_equal(snapshot((struct gc_snapshot){ .used = true }, 900000), GC_KEEP);
	assert_int_equal(snapshot((struct gc_snapshot){ .journaled = true }, 900000), GC_KEEP);
	assert_int_equal(snapshot((struct gc_snapshot){ .run_used = true, .coming = true }, 900000),
		GC_KEEP);
	assert_int_equal(
		snapshot((struct gc_snapshot){ .journaled = true, .state = "error" }, 9), GC_KEEP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(newest_are_kept),
		cmocka_unit_test(needed_ones_are_kept_beside_the_newest),
		cmocka_unit_test(failed_ones_do_not_count),
		cmocka_unit_test(pending_ones_are_kept_and_do_not_count),
		cmocka_unit_test(shared_ones_are_kept_unless_asked),
		cmocka_unit_test(protected_ones_are_kept_unless_the_recipe_protects),
		cmocka_unit_test(snapshot_of_a_failed_run_goes_after_a_day),
		cmocka_unit_test(snapshot_of_a_run_that_went_on_without_it_goes_after_a_day),
		cmocka_unit_test(snapshot_that_somebody_has_stays),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

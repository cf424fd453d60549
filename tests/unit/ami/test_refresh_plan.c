#include "check.h"

#include <string.h>

#include "ami/refresh_plan.h"

struct given {
	struct arena arena;
	struct asg_group group;
	struct asg_template template;
	const char *launches[2];
	const char *runs[3];
	struct asg_refresh refreshes[2];
	struct refresh_found found;
};

/* A group that launches ami-new and runs it in one of three instances. */
static void setup(struct given *g)
{
	memset(g, 0, sizeof(*g));
	g->template = (struct asg_template){ "lt-1", "hub", "$Default" };
	g->group = (struct asg_group){
		.name = "hub", .configuration = "", .templates = &g->template, .template_count = 1
	};
	g->launches[0] = "ami-new";
	g->runs[0] = "ami-new";
	g->runs[1] = g->runs[2] = "ami-old";
	g->refreshes[0] = (struct asg_refresh){ .id = "r-1",
		.status = "InProgress",
		.reason = "",
		.start = 1000,
		.wanted = { "", "", "" } };
	g->found = (struct refresh_found){ .group = &g->group,
		.launches = g->launches,
		.launch_count = 1,
		.runs = g->runs,
		.run_count = 3,
		.refreshes = g->refreshes,
		.changed = 900,
		.other = { "", "", "" } };
}

static struct refresh_plan planned(struct given *g)
{
	struct err e;
	struct refresh_plan p;
	assert_int_equal(refresh_plan(&g->found, "ami-new", &g->arena, &p, &e), 0);
	return p;
}

static void group_with_old_instances_starts(void **state)
{
	(void)state;
	struct given g;
	setup(&g);
	struct refresh_plan p = planned(&g);
	assert_int_equal(p.what, REFRESH_START);
	assert_int_equal(p.old, 2);
	assert_null(p.take);
}

static void group_whose_override_names_an_image_cannot(void **state)
{
	(void)state;
	struct given g;
	const char *images[] = { "ami-new", "ami-own" };
	setup(&g);
	g.group.images = images;
	g.group.image_count = 1;
	assert_int_equal(planned(&g).what, REFRESH_START);
	g.group.image_count = 2;
	struct refresh_plan p = planned(&g);
	assert_int_equal(p.what, REFRESH_CANNOT);
	assert_non_null(strstr(p.why, "launches ami-own, not ami-new"));
	arena_free(&g.arena);
}

static void group_that_runs_it_needs_nothing(void **state)
{
	(void)state;
	struct given g;
	setup(&g);
	g.runs[1] = g.runs[2] = "ami-new";
	assert_int_equal(planned(&g).what, REFRESH_NOTHING);
	g.found.run_count = 0;
	assert_int_equal(planned(&g).what, REFRESH_NOTHING);
}

static void refresh_since_the_change_is_joined(void **state)
{
	(void)state;
	struct given g;
	setup(&g);
	g.found.refresh_count = 1;
	struct refresh_plan p = planned(&g);
	assert_int_equal(p.what, REFRESH_JOIN);
	assert_string_equal(p.id, "r-1");
	g.refreshes[0].start = 0;
	assert_int_equal(planned(&g).what, REFRESH_JOIN);
}

static void refresh_before_the_change_stands_in_the_way(void **state)
{
	(void)state;
	struct given g;
	setup(&g);
	g.found.refresh_count = 1;
	g.found.changed = 1001;
	struct refresh_plan p = planned(&g);
	assert_int_equal(p.what, REFRESH_CANNOT);
	assert_string_equal(p.id, "r-1");
	assert_non_null(strstr(p.why, "r-1"));
	g.found.changed = 900;
	g.refreshes[0].status = "Cancelling";
	assert_int_equal(planned(&g).what, REFRESH_CANNOT);
	g.refreshes[0].status = "InProgress";
	g.refreshes[0].wanted.version = "7";
	assert_int_equal(planned(&g).what, REFRESH_CANNOT);
	arena_free(&g.arena);
}

static void refresh_that_ended_is_nobodys_way(void **state)
{
	(void)state;
	static const char *const ends[] = { "Successful", "Failed", "Cancelled",
		"RollbackSuccessful", "RollbackFailed" };
	struct given g;
	setup(&g);
	g.found.refresh_count = 1;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		g.refreshes[0].status = ends[i];
		assert_int_equal(planned(&g).what, REFRESH_START);
	}
}

static void group_of_another_image_cannot(void **state)
{
	(void)state;
	struct given g;
	setup(&g);
	g.launches[0] = "ami-old";
	struct refresh_plan p = planned(&g);
	assert_int_equal(p.what, REFRESH_CANNOT);
	assert_null(p.id);
	assert_non_null(strstr(p.why, "ami-old"));
	g.group.configuration = "hub-lc";
	g.group.template_count = 0;
	p = planned(&g);
	assert_non_null(strstr(p.why, "launch configuration hub-lc"));
	arena_free(&g.arena);
}

static void group_bound_to_a_version_takes_the_other(void **state)
{
	(void)state;
	struct given g;
	setup(&g);
	g.launches[0] = "ami-old";
	g.found.other = (struct asg_template){ "lt-1", "hub", "8" };
	struct refresh_plan p = planned(&g);
	assert_int_equal(p.what, REFRESH_START);
	assert_string_equal(p.take->version, "8");
	assert_int_equal(p.old, 2);
	/* Also when all instances run it: the group would launch the old one. */
	g.runs[1] = g.runs[2] = "ami-new";
	assert_int_equal(planned(&g).what, REFRESH_START);
	g.found.refresh_count = 1;
	g.refreshes[0].wanted.version = "8";
	assert_int_equal(planned(&g).what, REFRESH_JOIN);
}

static void group_of_two_images_keeps_the_other_kind(void **state)
{
	(void)state;
	struct given g;
	setup(&g);
	g.group.mixed = true;
	g.launches[1] = "ami-arm";
	g.found.launch_count = 2;
	g.runs[1] = g.runs[2] = "ami-arm";
	assert_int_equal(planned(&g).what, REFRESH_NOTHING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(group_with_old_instances_starts),
		cmocka_unit_test(group_whose_override_names_an_image_cannot),
		cmocka_unit_test(group_that_runs_it_needs_nothing),
		cmocka_unit_test(refresh_since_the_change_is_joined),
		cmocka_unit_test(refresh_before_the_change_stands_in_the_way),
		cmocka_unit_test(refresh_that_ended_is_nobodys_way),
		cmocka_unit_test(group_of_another_image_cannot),
		cmocka_unit_test(group_bound_to_a_version_takes_the_other),
		cmocka_unit_test(group_of_two_images_keeps_the_other_kind),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

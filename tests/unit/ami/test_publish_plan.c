#include "check.h"

#include <stdio.h>
#include <string.h>

#include "ami/publish_plan.h"

#define NOW ((int64_t)1700000000)
#define DAY ((int64_t)86400)

struct given {
	struct arena arena;
	struct publish publish;
	struct publish_want want;
	struct publish_found found;
	struct publish_plan plan;
	struct word accounts[3];
	struct ec2_grantee grantees[3];
	struct ec2_template_version versions[3];
	struct publish_template template;
};

/* A region that has it all, with what the recipe wants. */
static void setup(struct given *g)
{
	memset(g, 0, sizeof(*g));
	g->accounts[0].text = "111111111111";
	g->accounts[1].text = "222222222222";
	g->publish.accounts = (struct words){ g->accounts, 2, 2 };
	g->publish.deprecate_days = 90;
	g->publish.protect = PROTECT_YES;
	g->want = (struct publish_want){
		.publish = &g->publish, .region = "eu-west-1", .parameter = "/hub/ami"
	};
	g->grantees[0] = (struct ec2_grantee){ EC2_ACCOUNT, "222222222222" };
	g->grantees[1] = (struct ec2_grantee){ EC2_ACCOUNT, "111111111111" };
	g->versions[0] = (struct ec2_template_version){
		.number = 2, .image = "ami-new", .description = PUBLISH_MARK
	};
	g->versions[1] =
		(struct ec2_template_version){ .number = 1, .image = "ami-old", .description = "" };
	g->template = (struct publish_template){ { "lt-1", "hub", 2, 2 }, g->versions, 2 };
	int64_t at = NOW - DAY + 90 * DAY;
	g->found = (struct publish_found){
		.image = { .id = "ami-new",
			.state = "available",
			.created = NOW - DAY,
			.deprecated = at - at % 60,
			.protection = PROTECT_YES },
		.grantees = g->grantees,
		.grantee_count = 2,
		.parameter = { .value = "ami-new", .data_type = "aws:ec2:image" },
		.has_parameter = true,
		.templates = &g->template,
		.template_count = 1,
	};
}

static struct publish_plan *planned(struct given *g)
{
	struct err e;
	assert_int_equal(publish_plan(&g->want, &g->found, NOW, &g->arena, &g->plan, &e), 0);
	return &g->plan;
}

static void plan_of_what_is_all_there_is_empty(void **state)
{
	(void)state;
	struct given g;
	setup(&g);
	assert_true(publish_plan_done(planned(&g)));
	arena_free(&g.arena);
}

static void plan_without_an_image_is_all_of_it(void **state)
{
	(void)state;
	struct given g;
	setup(&g);
	g.found.image = (struct publish_image){ 0 };
	struct publish_plan *p = planned(&g);
	assert_int_equal(p->make, MAKE_COPY);
	assert_int_equal(p->add_count, 2);
	assert_int_equal(p->remove_count, 0);
	assert_true(p->deprecate);
	assert_true(p->protect);
	assert_true(p->parameter);
	assert_int_equal(p->templates[0].what, VERSION_MAKE);
	assert_int_equal(p->templates[0].source, 2);
	g.want.upload = true;
	assert_int_equal(planned(&g)->make, MAKE_UPLOAD);
	arena_free(&g.arena);
}

static void plan_waits_for_a_pending_image(void **state)
{
	(void)state;
	struct given g;
	setup(&g);
	g.found.image.state = "pending";
	assert_int_equal(planned(&g)->make, MAKE_NOTHING);
	assert_true(g.plan.wait);
	assert_false(publish_plan_done(&g.plan));
	arena_free(&g.arena);
}

static void plan_adds_and_removes_grantees(void **state)
{
	(void)state;
	struct given g;
	setup(&g);
	g.grantees[0] = (struct ec2_grantee){ EC2_EVERYBODY, "all" };
	struct publish_plan *p = planned(&g);
	assert_int_equal(p->add_count, 1);
	assert_string_equal(p->add[0].name, "222222222222");
	assert_int_equal(p->remove_count, 1);
	assert_int_equal(p->remove[0].kind, EC2_EVERYBODY);

	g.publish.everybody = true;
	p = planned(&g);
	assert_int_equal(p->add_count, 1);
	assert_int_equal(p->remove_count, 0);
	arena_free(&g.arena);
}

static void plan_names_a_grantee_once(void **state)
{
	(void)state;
	struct given g;
	setup(&g);
	g.accounts[2].text = "333333333333";
	g.accounts[1].text = "333333333333";
	g.publish.accounts.count = 3;
	assert_int_equal(planned(&g)->add_count, 1);
	arena_free(&g.arena);
}

static void plan_keeps_a_parameter_of_another_type(void **state)
{
	(void)state;
	struct given g;
	setup(&g);
	g.found.parameter = (struct ssm_parameter){ .value = "ami-old", .data_type = "text" };
	assert_true(planned(&g)->parameter_wrong);
	g.found.parameter.data_type = "aws:ec2:image";
	assert_false(planned(&g)->parameter_wrong);
	assert_true(g.plan.parameter);
	g.found.has_parameter = false;
	assert_true(planned(&g)->parameter);
	g.want.parameter = NULL;
	assert_false(planned(&g)->parameter);
	arena_free(&g.arena);
}

static void plan_takes_protection_off(void **state)
{
	(void)state;
	struct given g;
	setup(&g);
	g.publish.protect = PROTECT_NO;
	assert_true(planned(&g)->protect);
	g.publish.protect = PROTECT_COOLDOWN;
	assert_true(planned(&g)->protect);
	arena_free(&g.arena);
}

static void deprecation_is_so_many_days_after_creation(void **state)
{
	(void)state;
	assert_int_equal(publish_deprecation(NOW, 0, NOW), 0);
	assert_int_equal(publish_deprecation(6000, 1, 7000), 6000 + DAY);
	/* A whole minute. */
	assert_int_equal(publish_deprecation(6059, 1, 7000), 6000 + DAY);
	/* That day has passed: from now. */
	assert_int_equal(publish_deprecation(6000, 1, 6000 + DAY), 6000 + 2 * DAY);
}

static void plan_leaves_a_date_that_a_run_set_from_its_own_now(void **state)
{
	(void)state;
	struct given g;
	setup(&g);
	g.found.image.created = NOW - 200 * DAY;
	g.found.image.deprecated = NOW + 3 * DAY;
	assert_false(planned(&g)->deprecate);
	g.found.image.deprecated = NOW - 3 * DAY;
	assert_true(planned(&g)->deprecate);
	assert_true(g.plan.deprecate_at > NOW + 89 * DAY);
	arena_free(&g.arena);
}

static void plan_takes_a_date_away(void **state)
{
	(void)state;
	struct given g;
	setup(&g);
	g.publish.deprecate_days = 0;
	assert_true(planned(&g)->deprecate);
	assert_int_equal(g.plan.deprecate_at, 0);
	g.found.image.deprecated = 0;
	assert_false(planned(&g)->deprecate);
	arena_free(&g.arena);
}

static void template_of_another_image_needs_a_version(void **state)
{
	(void)state;
	struct given g;
	setup(&g);
	g.versions[0].image = "ami-other";
	struct publish_template_plan p =
		publish_template_plan(&g.want, &g.found, &g.template, "ami-new");
	assert_int_equal(p.what, VERSION_MAKE);
	assert_int_equal(p.source, 2);
	arena_free(&g.arena);
}

static void template_with_a_version_of_a_cut_run_is_set(void **state)
{
	(void)state;
	struct given g;
	setup(&g);
	g.template.template.default_version = 1;
	struct publish_template_plan p =
		publish_template_plan(&g.want, &g.found, &g.template, "ami-new");
	assert_int_equal(p.what, VERSION_SET);
	assert_int_equal(p.number, 2);
	/* Somebody else's version is not taken for ours: it may differ in more than the image. */
	g.versions[0].description = "by hand";
	p = publish_template_plan(&g.want, &g.found, &g.template, "ami-new");
	assert_int_equal(p.what, VERSION_MAKE);
	assert_int_equal(p.source, 1);
}

static void template_that_follows_a_parameter_is_left(void **state)
{
	(void)state;
	struct given g;
	setup(&g);
	g.versions[0].image = "resolve:ssm:/hub/ami";
	struct publish_template_plan p =
		publish_template_plan(&g.want, &g.found, &g.template, "ami-new");
	assert_int_equal(p.what, VERSION_FOLLOWS);
	assert_string_equal(p.follows, "/hub/ami");
}

static enum publish_version following(struct given *g, const char *image)
{
	g->versions[0].image = image;
	return publish_template_plan(&g->want, &g->found, &g->template, "ami-new").what;
}

static void template_that_follows_something_else_is_wrong(void **state)
{
	(void)state;
	struct given g;
	setup(&g);
	assert_int_equal(following(&g, "resolve:ssm:/hub/ami:3"), VERSION_WRONG);
	assert_int_equal(following(&g, "resolve:ssm:/hub/ami:stable"), VERSION_WRONG);
	assert_int_equal(following(&g, "resolve:ssm:/hub/ami2"), VERSION_WRONG);
	assert_int_equal(following(&g, "resolve:ssm:/hub/am"), VERSION_WRONG);
	g.want.parameter = NULL;
	assert_int_equal(following(&g, "resolve:ssm:/hub/ami"), VERSION_WRONG);
}

#define ARN "resolve:ssm:arn:aws:ssm:eu-west-1:123456789012:parameter/hub/ami"

static void template_may_name_the_parameter_by_its_arn(void **state)
{
	(void)state;
	struct given g;
	setup(&g);
	assert_int_equal(following(&g, ARN), VERSION_FOLLOWS);
	assert_int_equal(following(&g, ARN ":3"), VERSION_WRONG);
	g.want.region = "eu-west-2";
	assert_int_equal(following(&g, ARN), VERSION_WRONG);
	g.want.region = "eu-west-1";
	g.found.parameter.arn = "arn:aws:ssm:eu-west-1:123456789012:parameter/hub/ami";
	assert_int_equal(following(&g, ARN), VERSION_FOLLOWS);
	g.found.parameter.arn = "arn:aws:ssm:eu-west-1:999999999999:parameter/hub/ami";
	assert_int_equal(following(&g, ARN), VERSION_WRONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plan_of_what_is_all_there_is_empty),
		cmocka_unit_test(plan_without_an_image_is_all_of_it),
		cmocka_unit_test(plan_waits_for_a_pending_image),
		cmocka_unit_test(plan_adds_and_removes_grantees),
		cmocka_unit_test(plan_names_a_grantee_once),
		cmocka_unit_test(plan_keeps_a_parameter_of_another_type),
		cmocka_unit_test(plan_takes_protection_off),
		cmocka_unit_test(deprecation_is_so_many_days_after_creation),
		cmocka_unit_test(plan_leaves_a_date_that_a_run_set_from_its_own_now),
		cmocka_unit_test(plan_takes_a_date_away),
		cmocka_unit_test(template_of_another_image_needs_a_version),
		cmocka_unit_test(template_with_a_version_of_a_cut_run_is_set),
		cmocka_unit_test(template_that_follows_a_parameter_is_left),
		cmocka_unit_test(template_that_follows_something_else_is_wrong),
		cmocka_unit_test(template_may_name_the_parameter_by_its_arn),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

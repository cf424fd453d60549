#include "goal/goal.h"

#include <string.h>

#include "base/text.h"

const struct goal GOALS[] = {
	{ "check", "tell every problem of recipe, sites, overlays and templates", "nothing",
		"nothing",
		"Reads the recipe with all that it extends, the sites, the overlays and the "
		"templates, "
		"and reports every problem in one go, each as file:line:column, what was found and "
		"what "
		"is allowed.",
		goal_check },
	{ "bundle", "build out/RECIPE/: user-data, overlay, peer sheets, deploy documents",
		"out/RECIPE/, the set before as out/.RECIPE.previous",
		"nothing: no network, no root, no other program",
		"Builds the set beside its place and exchanges it at once, so that out/RECIPE "
		"holds the "
		"old set or the new one at any moment. The set before stays as "
		"out/.RECIPE.previous. "
		"This is the default goal.",
		goal_bundle },
	{ "plan", "print the resolved recipe and what bundle would write, and why", "nothing",
		"nothing",
		"Prints the chain of recipes, each variable with its value and who set it, each "
		"file "
		"of the overlay with the layer it comes from and what it replaces, what each part "
		"of the "
		"user-data costs, and each product with size and digest. Changes nothing.",
		goal_plan },
	{ "diff", "print what changed, file by file, since the set before", "nothing",
		"a set in out/RECIPE",
		"Compares the set in out/RECIPE with the one before it, or with --against PATH: "
		"variables, inputs, products, and the files inside of the overlay. Exit status 1 "
		"when "
		"there are changes.",
		goal_diff },
};
const size_t GOAL_COUNT = sizeof(GOALS) / sizeof(GOALS[0]);
const struct goal *const GOAL_DEFAULT = &GOALS[1];

static const char *goal_name(const void *ctx, size_t i)
{
	(void)ctx;
	return GOALS[i].name;
}

const struct goal *goal_find(const char *name)
{
	for (size_t i = 0; i < GOAL_COUNT; i++)
		if (strcmp(GOALS[i].name, name) == 0)
			return &GOALS[i];
	return NULL;
}

const char *goal_nearest(const char *name)
{
	return text_nearest(name, goal_name, NULL, GOAL_COUNT);
}

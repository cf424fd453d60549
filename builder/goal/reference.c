#include <ctype.h>
#include <string.h>

#include "disk/harden.h"
#include "goal/goal.h"
#include "goal/help.h"

/* In Markdown an underscore at the edge of a word would be emphasis. */
static void words(FILE *out, const char *text)
{
	for (const char *p = text; *p != '\0'; p++) {
		bool inside =
			p > text && isalnum((unsigned char)p[-1]) && isalnum((unsigned char)p[1]);
		fprintf(out, "%s%c", *p == '_' && !inside ? "\\" : "", *p);
	}
}

static void table(FILE *out, const struct key_table *t)
{
	fprintf(out, "\n## %s\n\n%s\n\n| key | what it says |\n|---|---|\n", t->title, t->intro);
	for (size_t i = 0; i < *t->count; i++) {
		fprintf(out, "| `%s`%s | ", t->keys[i].name,
			t->keys[i].required ? " (required)" : "");
		words(out, t->keys[i].help);
		fputs(" |\n", out);
	}
}

static void types(FILE *out)
{
	fputs("\n| type | allows |\n|---|---|\n", out);
	for (size_t t = 0; t < VAR_TYPE_COUNT; t++)
		fprintf(out, "| `%s` | %s |\n", var_type_name((enum var_type)t),
			var_type_allows((enum var_type)t));
}

static void proposals(FILE *out, const struct proposal *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		fprintf(out, "%s`%s`", i > 0 ? "<br>" : "", list[i].text);
}

static void profiles(FILE *out)
{
	struct arena a = { 0 };
	struct crypto *list;
	size_t count;
	struct err e;
	if (crypto_profiles(&a, &list, &count, &e) < 0)
		return;
	fputs("\n## Crypto profiles\n\n"
	      "| profile | IKE | IKE proposals | ESP proposals | PFS | lifetimes | for |\n"
	      "|---|---|---|---|---|---|---|\n",
		out);
	for (size_t i = 0; i < count; i++) {
		const struct crypto *c = &list[i];
		fprintf(out, "| `%s` | %s | ", c->name, c->ike_version == 1 ? "1, main mode" : "2");
		proposals(out, c->ike, c->ike_count);
		fputs(" | ", out);
		proposals(out, c->esp, c->esp_count);
		fprintf(out, " | %s | IKE %u s, ESP %u s | %s |\n", c->pfs ? "on" : "off",
			c->ike_lifetime, c->esp_lifetime, c->help);
	}
	arena_free(&a);
}

static void hardening(FILE *out)
{
	fputs("\n## Hardening\n\nWhat the image of the recipe hub has, why, and what a recipe that "
	      "extends it says to do without.\n\n| measure | why | without it |\n|---|---|---|\n",
		out);
	for (size_t i = 0; i < HARDEN_MEASURE_COUNT; i++)
		fprintf(out, "| %s | %s | %s |\n", HARDEN_MEASURES[i].what, HARDEN_MEASURES[i].why,
			HARDEN_MEASURES[i].opt_out);
	fputs("\nWhat an audit with Lynis in the booted hub still finds, and why it stays:\n\n"
	      "| test | finding | why it stays |\n|---|---|---|\n",
		out);
	for (size_t i = 0; i < HARDEN_LEFT_COUNT; i++)
		fprintf(out, "| %s | %s | %s |\n", HARDEN_LEFT[i].test, HARDEN_LEFT[i].what,
			HARDEN_LEFT[i].why);
}

void reference_print(FILE *out)
{
	fputs("## Goals\n\n| goal | what it does | what it leaves | what it needs |\n"
	      "|---|---|---|---|\n",
		out);
	for (size_t i = 0; i < GOAL_COUNT; i++)
		fprintf(out, "| `%s`%s | %s | %s | %s |\n", GOALS[i].name,
			&GOALS[i] == GOAL_DEFAULT ? " (default)" : "", GOALS[i].summary,
			GOALS[i].leaves, GOALS[i].needs);
	for (size_t i = 0; i < KEY_TABLE_COUNT; i++) {
		table(out, &KEY_TABLES[i]);
		if (KEY_TABLES[i].keys == VAR_KEYS)
			types(out);
	}
	profiles(out);
	hardening(out);
}

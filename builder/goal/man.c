#include <ctype.h>
#include <string.h>

#include "disk/harden.h"
#include "disk/rootfs.h"
#include "goal/goal.h"
#include "goal/help.h"

/* Text as mdoc(7) takes it: a leading dot or quote, and backslashes, would be requests. */
static void text(FILE *out, const char *s)
{
	bool start = true;
	for (; *s != '\0'; s++) {
		if (start && (*s == '.' || *s == '\''))
			fputs("\\&", out);
		if (*s == '\\')
			fputs("\\e", out);
		else if (*s == '-')
			fputs("\\-", out);
		else
			fputc(*s, out);
		start = *s == '\n';
		/* A sentence ends its line, as mdoc wants it. */
		if (*s == '.' && s[1] == ' ') {
			fputc('\n', out);
			start = true;
			s++;
		}
	}
	fputc('\n', out);
}

static void option_entry(FILE *out, const struct option_spec *o)
{
	fputs(".It", out);
	if (o->letter != 0)
		fprintf(out, " Fl %c", o->letter);
	if (o->name != NULL)
		fprintf(out, "%s Fl Fl %s", o->letter != 0 ? " ," : "", o->name);
	if (o->value != VALUE_NONE)
		fprintf(out, " Ar %s", o->value_name);
	fputc('\n', out);
	text(out, o->help);
	if (o->goals != NULL)
		fprintf(out, "(goal\n.Cm %s )\n", o->goals);
}

static void keys_section(FILE *out, const struct key_table *t)
{
	fputs(".Sh ", out);
	for (const char *p = t->title; *p != '\0'; p++)
		fputc(toupper((unsigned char)*p), out);
	fputc('\n', out);
	text(out, t->intro);
	fputs(".Bl -tag -width Ds\n", out);
	for (size_t i = 0; i < *t->count; i++) {
		fprintf(out, ".It Cm %s%s\n", t->keys[i].name,
			t->keys[i].required ? " Pq required" : "");
		text(out, t->keys[i].help);
	}
	fputs(".El\n", out);
	if (t->keys != VAR_KEYS)
		return;
	fputs("The types are:\n.Bl -tag -width Ds\n", out);
	for (size_t i = 0; i < VAR_TYPE_COUNT; i++) {
		fprintf(out, ".It Cm %s\n", var_type_name((enum var_type)i));
		text(out, var_type_allows((enum var_type)i));
	}
	fputs(".El\n", out);
}

static void crypto_section(FILE *out)
{
	struct arena a = { 0 };
	struct crypto *list;
	size_t count;
	struct err e;
	if (crypto_profiles(&a, &list, &count, &e) < 0)
		return;
	fputs(".Sh CRYPTO PROFILES\n.Bl -tag -width Ds\n", out);
	for (size_t i = 0; i < count; i++) {
		const struct crypto *c = &list[i];
		fprintf(out, ".It Cm %s\n", c->name);
		text(out, c->help);
		fprintf(out, ".Bl -tag -width Ds -compact\n.It IKE\nversion %u%s\n", c->ike_version,
			c->ike_version == 1 ? ", main mode" : "");
		for (size_t k = 0; k < c->ike_count; k++)
			fprintf(out, ".It IKE proposal\n%s\n", c->ike[k].text);
		for (size_t k = 0; k < c->esp_count; k++)
			fprintf(out, ".It ESP proposal\n%s\n", c->esp[k].text);
		fprintf(out, ".It PFS\n%s\n.It lifetimes\nIKE %u s, ESP %u s\n.El\n",
			c->pfs ? "on" : "off", c->ike_lifetime, c->esp_lifetime);
	}
	fputs(".El\n", out);
	arena_free(&a);
}

static void hardening_section(FILE *out)
{
	fputs(".Sh HARDENING\nWhat the image of the recipe hub has, why, and how a recipe that "
	      "extends it does without.\n.Bl -bullet\n",
		out);
	for (size_t i = 0; i < HARDEN_MEASURE_COUNT; i++) {
		const struct harden_measure *m = &HARDEN_MEASURES[i];
		fputs(".It\n", out);
		text(out, m->what);
		fputs(".br\nWhy: ", out);
		text(out, m->why);
		fputs(".br\nWithout: ", out);
		text(out, m->opt_out);
	}
	fputs(".El\n.Pp\nWhat an audit with Lynis still finds, and why it stays:\n"
	      ".Bl -tag -width Ds\n",
		out);
	for (size_t i = 0; i < HARDEN_LEFT_COUNT; i++) {
		fprintf(out, ".It %s\n", HARDEN_LEFT[i].test);
		text(out, HARDEN_LEFT[i].what);
		fputs(".br\n", out);
		text(out, HARDEN_LEFT[i].why);
	}
	fputs(".El\n", out);
}

static void limits_section(FILE *out)
{
	const struct {
		const char *what;
		unsigned long long most;
	} limits[] = {
		{ "bytes of user-data, before base64", 16384 },
		{ "bytes of a YAML file", NODE_BYTES_MAX },
		{ "levels of nesting in a YAML file", NODE_DEPTH_MAX },
		{ "YAML nodes in a file, an alias counted as what it stands for", NODE_COUNT_MAX },
		{ "recipes in a chain of extends", EXTENDS_DEPTH_MAX },
		{ "variables", VARS_MAX },
		{ "overlays", OVERLAYS_MAX },
		{ "packages", PACKAGES_MAX },
		{ "services", SERVICES_MAX },
		{ "rules in modes", MODES_MAX },
		{ "parts", PARTS_MAX },
		{ "kernel arguments of the image", ARGUMENTS_MAX },
		{ "patterns in exclude", EXCLUDES_MAX },
		{ "bytes of the image", IMAGE_SIZE_MAX },
		{ "files and folders in an image", ROOTFS_NODES_MAX },
		{ "sites", SITES_MAX },
		{ "subnets of a site", SITE_SUBNETS_MAX },
		{ "proposals of a site, for IKE and for ESP", PROPOSALS_MAX },
	};
	fputs(".Sh LIMITS\n.Bl -column \"1000000\" \"text\"\n", out);
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		fprintf(out, ".It %llu Ta %s\n", limits[i].most, limits[i].what);
	fputs(".El\n", out);
}

void man_print(FILE *out)
{
	fputs(".Dd $Mdocdate$\n.Dt IMGBUILD 1\n.Os\n.Sh NAME\n.Nm imgbuild\n"
	      ".Nd build an IPsec hub from a recipe\n.Sh SYNOPSIS\n.Nm\n",
		out);
	for (size_t i = 0; i < OPT_COUNT; i++) {
		const struct option_spec *o = &OPTIONS[i];
		if (o->id == OPT_HELP || o->id == OPT_VERSION || o->id == OPT_PRINT)
			continue;
		if (o->letter != 0)
			fprintf(out, ".Op Fl %c", o->letter);
		else
			fprintf(out, ".Op Fl Fl %s", o->name);
		if (o->value != VALUE_NONE)
			fprintf(out, " Ar %s", o->value_name);
		fputc('\n', out);
	}
	fputs(".Ar RECIPE\n.Op Ar GOAL\n.Sh DESCRIPTION\n"
	      ".Nm\nassembles what an IPsec hub needs to boot already configured.\n"
	      ".Ar RECIPE\nis\n.Pa recipes/RECIPE.yaml\n"
	      "under the current folder or\n.Fl C Ar DIR ,\nthen under the folders of\n"
	      ".Ev IMGBUILD_PATH ,\nthen under\n",
		out);
	fprintf(out, ".Pa %s ;\nor a path.\nOverlays are looked for likewise.\n", IMGBUILD_DATA);
	fputs(".Pp\nThe goals are:\n.Bl -tag -width Ds\n", out);
	for (size_t i = 0; i < GOAL_COUNT; i++) {
		fprintf(out, ".It Cm %s\n", GOALS[i].name);
		text(out, GOALS[i].manual);
		fputs(".Pp\nLeaves ", out);
		text(out, GOALS[i].leaves);
		fputs(".Pp\nNeeds ", out);
		text(out, GOALS[i].needs);
	}
	fputs(".El\n.Pp\nThe options are:\n.Bl -tag -width Ds\n", out);
	for (size_t i = 0; i < OPT_COUNT; i++)
		option_entry(out, &OPTIONS[i]);
	fputs(".El\n", out);
	for (size_t i = 0; i < KEY_TABLE_COUNT; i++)
		keys_section(out, &KEY_TABLES[i]);
	crypto_section(out);
	hardening_section(out);
	limits_section(out);
	fputs(".Sh ENVIRONMENT\n.Bl -tag -width Ds\n.It Ev IMGBUILD_PATH\n"
	      "Folders with recipes/ and overlays/, separated by colons.\n"
	      ".It Ev SOURCE_DATE_EPOCH\n"
	      "Seconds since 1970: the time of every file in overlay.tar.gz (default 0), and of what\n"
	      "the image has no time for (default: that of the base).\n"
	      ".It Ev XDG_CACHE_HOME\n"
	      "Holds imgbuild/, where bases are kept; else ~/.cache.\n.El\n"
	      ".Sh EXIT STATUS\n.Bl -tag -width Ds\n.It 0\ndone\n"
	      ".It 1\ndone and the answer is no\n.It 2\ncommand line\n"
	      ".It 3\nrecipe, sites, overlay or template\n.It 4\nthis machine\n"
	      ".It 5\nAWS or network\n.It 6\na bug of imgbuild\n.El\n",
		out);
}

#include "goal/goal.h"
#include "goal/help.h"

static void goal_words(FILE *out)
{
	for (size_t i = 0; i < GOAL_COUNT; i++)
		fprintf(out, "%s%s", i > 0 ? " " : "", GOALS[i].name);
}

static void option_words(FILE *out)
{
	for (size_t i = 0; i < OPT_COUNT; i++) {
		if (OPTIONS[i].letter != 0)
			fprintf(out, "-%c ", OPTIONS[i].letter);
		if (OPTIONS[i].name != NULL)
			fprintf(out, "--%s ", OPTIONS[i].name);
	}
}

static void bash_option(FILE *out, const struct option_spec *o)
{
	if (o->value == VALUE_NONE)
		return;
	if (o->letter != 0)
		fprintf(out, "\t-%c%s", o->letter, o->name != NULL ? "|" : "");
	else
		fputc('\t', out);
	if (o->name != NULL)
		fprintf(out, "--%s", o->name);
	fputs(") ", out);
	if (o->value == VALUE_FILE)
		fputs("COMPREPLY=($(compgen -f -- \"$cur\"))", out);
	else if (o->value == VALUE_FOLDER)
		fputs("COMPREPLY=($(compgen -d -- \"$cur\"))", out);
	else if (o->value == VALUE_WORD) {
		fputs("COMPREPLY=($(compgen -W '", out);
		for (size_t i = 0; o->words[i] != NULL; i++)
			fprintf(out, "%s%s", i > 0 ? " " : "", o->words[i]);
		fputs("' -- \"$cur\"))", out);
	} else {
		fputs("COMPREPLY=()", out);
	}
	fputs("; return ;;\n", out);
}

void completion_bash(FILE *out)
{
	fputs("# bash completion for imgbuild\n"
	      "_imgbuild() {\n"
	      "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} i words=0\n"
	      "\tcase $prev in\n",
		out);
	for (size_t i = 0; i < OPT_COUNT; i++)
		bash_option(out, &OPTIONS[i]);
	fputs("\tesac\n"
	      "\tif [[ $cur == -* ]]; then\n"
	      "\t\tCOMPREPLY=($(compgen -W '",
		out);
	option_words(out);
	fputs("' -- \"$cur\")); return\n"
	      "\tfi\n"
	      "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	      "\t\tcase ${COMP_WORDS[i]} in\n\t\t",
		out);
	bool first = true;
	for (size_t i = 0; i < OPT_COUNT; i++) {
		const struct option_spec *o = &OPTIONS[i];
		if (o->value == VALUE_NONE)
			continue;
		if (o->letter != 0)
			fprintf(out, "%s-%c", first ? "" : "|", o->letter);
		else
			fprintf(out, "%s--%s", first ? "" : "|", o->name);
		first = false;
	}
	fputs(") ((i++)) ;;\n"
	      "\t\t-*) ;;\n"
	      "\t\t*) ((words++)) ;;\n"
	      "\t\tesac\n"
	      "\tdone\n"
	      "\tif ((words == 0)); then\n"
	      "\t\tlocal f recipes=\n"
	      "\t\tfor f in recipes/*.yaml; do [[ -e $f ]] && f=${f##*/} && recipes+=\" "
	      "${f%.yaml}\"; done\n"
	      "\t\tCOMPREPLY=($(compgen -W \"$recipes\" -- \"$cur\") $(compgen -f -X '!*.yaml' -- "
	      "\"$cur\"))\n"
	      "\telif ((words == 1)); then\n"
	      "\t\tCOMPREPLY=($(compgen -W '",
		out);
	goal_words(out);
	fputs("' -- \"$cur\"))\n\tfi\n}\ncomplete -F _imgbuild imgbuild\n", out);
}

/* Square brackets, colons and quotes would end a zsh description. */
static void zsh_text(FILE *out, const char *s)
{
	for (; *s != '\0'; s++) {
		if (*s == '\'')
			fputs("'\\''", out);
		else if (*s == '[' || *s == ']' || *s == ':')
			fprintf(out, "\\%c", *s);
		else
			fputc(*s, out);
	}
}

static void zsh_option(FILE *out, const struct option_spec *o, const char *dashes, const char *name)
{
	fprintf(out, "\t\t'%s%s%s%s[", o->id == OPT_SET ? "*" : "", dashes, name,
		o->value != VALUE_NONE && dashes[1] == '-' ? "=" : "");
	zsh_text(out, o->help);
	fputc(']', out);
	if (o->value != VALUE_NONE) {
		fprintf(out, ":%s:", o->value_name);
		if (o->value == VALUE_FILE)
			fputs("_files", out);
		else if (o->value == VALUE_FOLDER)
			fputs("_files -/", out);
		else if (o->value == VALUE_WORD) {
			fputc('(', out);
			for (size_t i = 0; o->words[i] != NULL; i++)
				fprintf(out, "%s%s", i > 0 ? " " : "", o->words[i]);
			fputc(')', out);
		}
	}
	fputs("' \\\n", out);
}

void completion_zsh(FILE *out)
{
	fputs("#compdef imgbuild\n_imgbuild() {\n\t_arguments -s \\\n", out);
	for (size_t i = 0; i < OPT_COUNT; i++) {
		const struct option_spec *o = &OPTIONS[i];
		char letter[] = { o->letter, '\0' };
		if (o->letter != 0)
			zsh_option(out, o, "-", letter);
		if (o->name != NULL)
			zsh_option(out, o, "--", o->name);
	}
	fputs("\t\t'1:recipe:_imgbuild_recipes' \\\n\t\t'2:goal:((", out);
	for (size_t i = 0; i < GOAL_COUNT; i++) {
		fprintf(out, "%s%s\\:\"", i > 0 ? " " : "", GOALS[i].name);
		zsh_text(out, GOALS[i].summary);
		fputc('"', out);
	}
	fputs("))'\n}\n_imgbuild_recipes() {\n"
	      "\tlocal -a names=(recipes/*.yaml(N:t:r))\n"
	      "\t_alternative 'recipes:recipe:compadd -a names' 'files:file:_files -g \"*.yaml\"'\n"
	      "}\n_imgbuild \"$@\"\n",
		out);
}

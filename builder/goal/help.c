#include "goal/help.h"

#include <string.h>

#include "goal/goal.h"

/* Words of `text` from column `indent` on, broken before column 80. */
static void wrapped(FILE *out, const char *text, int indent)
{
	int column = indent;
	while (*text != '\0') {
		int len = (int)strcspn(text, " ");
		if (column > indent && column + 1 + len > 79) {
			fprintf(out, "\n%*s", indent, "");
			column = indent;
		} else if (column > indent) {
			fputc(' ', out);
			column++;
		}
		fwrite(text, 1, (size_t)len, out);
		column += len;
		text += len;
		while (*text == ' ')
			text++;
	}
	fputc('\n', out);
}

static void option_line(FILE *out, const struct option_spec *o)
{
	char left[64];
	char letter[] = { '-', o->letter, '\0' };
	snprintf(left, sizeof(left), "  %2s%s%s%s%s%s", o->letter != 0 ? letter : "",
		o->letter != 0 && o->name != NULL ? ", "
		: o->name != NULL                 ? "  "
						  : "",
		o->name != NULL ? "--" : "", o->name != NULL ? o->name : "",
		o->value != VALUE_NONE ? " " : "", o->value != VALUE_NONE ? o->value_name : "");
	fprintf(out, "%-24s", left);
	if (strlen(left) > 22)
		fprintf(out, "\n%-24s", "");
	wrapped(out, o->help, 24);
}

void help_print(FILE *out)
{
	fprintf(out, "Usage: imgbuild [OPTION]... RECIPE [GOAL]\n"
		     "Build an IPsec hub from a recipe: user-data, overlay and peer sheets.\n\n"
		     "RECIPE is recipes/RECIPE.yaml, or a path. GOAL is one of:\n");
	for (size_t i = 0; i < GOAL_COUNT; i++) {
		fprintf(out, "  %-10s", GOALS[i].name);
		wrapped(out, GOALS[i].summary, 12);
	}
	fprintf(out, "Without one it is %s.\n\nOptions:\n", GOAL_DEFAULT->name);
	for (size_t i = 0; i < OPT_COUNT; i++)
		option_line(out, &OPTIONS[i]);
	fprintf(out,
		"\nExit status: 0 done; 1 done and the answer is no; 2 command line; 3 recipe or\n"
		"overlay; 4 this machine; 5 AWS or network; 6 a bug of imgbuild.\n\n"
		"  imgbuild hub check              every problem of recipe and sites in one go\n"
		"  imgbuild hub --sites my.yaml    build out/hub/ for your own sites\n"
		"  imgbuild hub --set pool_name=vpn.example.net plan\n");
}

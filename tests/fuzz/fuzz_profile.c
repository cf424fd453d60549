/* The shared AWS files: any bytes, as the one and as the other file; what is wrong has its place.
 */
#include <stdio.h>
#include <string.h>

#include "aws/profile.h"
#include "fuzz.h"

static const char *no_variable(void *ctx, const char *name)
{
	(void)ctx;
	(void)name;
	return NULL;
}

static size_t line_count(const char *text, size_t len)
{
	size_t lines = 1;
	for (size_t i = 0; i < len; i++)
		lines += text[i] == '\n';
	return lines;
}

static void look(const struct profiles *p, size_t lines, struct arena *a, struct err *e)
{
	must(p->count <= lines);
	for (size_t i = 0; i < p->count; i++) {
		const struct profile_value *v = &p->values[i];
		must(v->line >= 1 && v->line <= lines);
		must(strcmp(v->file, "f") == 0);
		must(v->key[0] != '\0' || v->value[0] == '\0');
		for (const char *c = v->key; *c != '\0'; c++)
			must(*c < 'A' || *c > 'Z');
		if (i < 32 && v->value[0] != '\0')
			must(profile_find(p, v->section, v->parent, v->key) != NULL);
	}
	const char *url = profile_endpoint(p, "ec2", a, e);
	must(url == NULL || strncmp(url, "http", 4) == 0);
	const char *region = profile_region(p);
	must(region == NULL || region[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	size_t lines = line_count(text, size);
	for (int credentials = 0; credentials < 2; credentials++) {
		struct arena a = { .max = (size_t)256 << 20 };
		struct profiles p = { .name = "default", .env = no_variable };
		struct err e;
		size_t line, column;
		if (profile_parse(&p, "f", credentials, text, size, &a, &e) == 0) {
			look(&p, lines, &a, &e);
		} else {
			must(e.kind == ERR_INPUT);
			must(sscanf(e.msg, "f:%zu:%zu: ", &line, &column) == 2);
			must(line >= 1 && line <= lines && column >= 1 && column <= size + 1);
		}
		profiles_wipe(&p);
		arena_free(&a);
	}
	return 0;
}

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "goal/goal.h"

/* IMGBUILD_PATH split at colons, then the installed folder. NULL: ERR_MACHINE. */
static const char *const *search_path(struct run *run, struct err *e)
{
	const char **list = NULL;
	size_t count = 0, cap = 0;
	const char *path = getenv("IMGBUILD_PATH");
	const char *folders[] = { path != NULL ? path : "", IMGBUILD_DATA };
	for (size_t i = 0; i < 2; i++) {
		const char *p = folders[i];
		while (*p != '\0') {
			size_t len = i == 0 ? strcspn(p, ":") : strlen(p);
			if (len > 0) {
				const char **slot = arena_push(
					&run->arena, &list, &count, &cap, sizeof(*list), e);
				if (slot == NULL)
					return NULL;
				*slot = arena_strndup(&run->arena, p, len, e);
				if (*slot == NULL)
					return NULL;
			}
			p += len + (p[len] == ':');
		}
	}
	if (arena_push(&run->arena, &list, &count, &cap, sizeof(*list), e) == NULL)
		return NULL;
	return list;
}

int run_problems(struct run *run, struct err *e)
{
	size_t n = diag_total(&run->diag);
	if (n == 0)
		return 0;
	return err_set(
		e, ERR_INPUT, 0, "%s: %zu problem%s", run->options->recipe, n, n == 1 ? "" : "s");
}

int run_query(struct run *run, struct recipe_query *ret, struct err *e)
{
	const struct options *o = run->options;
	const char *const *search = search_path(run, e);
	if (search == NULL)
		return -1;
	*ret = (struct recipe_query){
		.name = o->recipe,
		.root = o->root,
		.search = search,
		.sets = o->sets,
		.sites_file = o->sites,
	};
	return 0;
}

int run_load(struct run *run, struct err *e)
{
	struct recipe_query q;
	if (run_query(run, &q, e) < 0)
		return -1;
	return recipe_load(&q, &run->arena, &run->diag, &run->recipe, e);
}

const char *run_out(struct run *run, struct err *e)
{
	const struct options *o = run->options;
	if (o->out != NULL)
		return o->out;
	if (strcmp(o->root, ".") == 0)
		return "out";
	return arena_printf(&run->arena, e, "%s/out", o->root);
}

static int epoch(unsigned long long *ret, struct err *e)
{
	const char *text = getenv("SOURCE_DATE_EPOCH");
	*ret = 0;
	/* What ustar can hold: eleven octal digits. */
	if (text != NULL && !text_number(text, 0, 077777777777ULL, ret))
		return err_set(e, ERR_USAGE, 0,
			"SOURCE_DATE_EPOCH=%s: seconds since 1970 are allowed", text);
	return 0;
}

int run_prepare(struct run *run, struct bundle *ret, struct err *e)
{
	struct bundle_options o = { .inline_secrets = run->options->inline_secrets };
	if (epoch(&o.epoch, e) < 0 || run_load(run, e) < 0)
		return -1;
	if (bundle_prepare(&run->recipe, &o, &run->arena, &run->diag, ret, e) < 0)
		return -1;
	/* A file that could not be read may be the one that uses a variable. */
	if (diag_total(&run->diag) == 0)
		recipe_check_unused(&run->recipe, &run->diag);
	return run_problems(run, e);
}

void run_notes(const struct run *run, const struct bundle *b)
{
	for (size_t i = 0; i < b->note_count; i++)
		log_warn(&run->log, "note: %s", b->notes[i]);
}

void run_product_event(struct run *run, const struct product *p)
{
	struct json j = log_event(&run->log, &run->scratch, "product");
	json_str(&j, "path", p->path);
	if (p->secret) {
		json_bool(&j, "secret", true);
	} else {
		json_int(&j, "size", (long long)p->size);
		json_str(&j, "sha256", sha256_text(&p->digest).text);
	}
	log_event_end(&run->log, &j);
}

static int write_nowhere(
	void *ctx, const char *path, const void *data, size_t len, unsigned mode, struct err *e)
{
	(void)ctx, (void)path, (void)data, (void)len, (void)mode, (void)e;
	return 0;
}

const struct sink SINK_NOWHERE = { .write = write_nowhere };

struct text_number number_text(size_t n)
{
	struct text_number t;
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%zu", n);
	char *out = t.text;
	for (int i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			*out++ = ',';
		*out++ = digits[i];
	}
	*out = '\0';
	return t;
}

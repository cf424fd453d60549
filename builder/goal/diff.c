#include "bundle/diff.h"

#include <ctype.h>
#include <string.h>
#include <unistd.h>

#include "goal/goal.h"

/* For people: a digest by its first twelve digits, the rest as it is. */
static void add_value(struct buf *line, const char *text, struct err *e)
{
	size_t plain = strlen(text), digits = 0;
	while (digits < plain && isxdigit((unsigned char)text[plain - digits - 1]))
		digits++;
	if (digits == 2 * sizeof(struct sha256))
		plain -= digits - 12;
	if (buf_add(line, text, plain, e) < 0)
		buf_clear(line);
}

static void say_change(struct run *run, const struct change *c)
{
	static const char marks[] = { [CHANGE_ADDED] = '+',
		[CHANGE_REMOVED] = '-',
		[CHANGE_CHANGED] = '~',
		[CHANGE_UNKNOWN] = '?' };
	const char *section = manifest_section_name(c->section);
	struct err e;
	cleanup_buf struct buf line = { 0 };
	if (buf_printf(&line, &e, "%c %-8s %-44s ", marks[c->kind], section, c->name) < 0)
		return;
	if (c->kind == CHANGE_UNKNOWN)
		add_value(&line, "holds keys: cannot be compared", &e);
	else if (c->before != NULL)
		add_value(&line, c->before, &e);
	if (c->kind == CHANGE_CHANGED)
		add_value(&line, " -> ", &e);
	if (c->kind != CHANGE_UNKNOWN && c->after != NULL)
		add_value(&line, c->after, &e);
	log_say(&run->log, "%s", line.data);
	struct json j = log_event(&run->log, &run->scratch, "change");
	json_str(&j, "kind", change_kind_name(c->kind));
	json_str(&j, "section", section);
	json_str(&j, "name", c->name);
	json_str(&j, "before", c->before);
	json_str(&j, "after", c->after);
	log_event_end(&run->log, &j);
}

int goal_diff(struct run *run, struct err *e)
{
	if (run_load(run, e) < 0 || run_problems(run, e) < 0)
		return -1;
	const char *out = run_out(run, e), *name = run->recipe.name;
	const char *now = out != NULL ? arena_printf(&run->arena, e, "%s/%s", out, name) : NULL;
	const char *before = run->options->against;
	if (now != NULL && before == NULL)
		before = arena_printf(&run->arena, e, "%s/.%s.previous", out, name);
	if (now == NULL || before == NULL)
		return -1;
	if (access(now, F_OK) < 0)
		return err_set(e, ERR_INPUT, 0,
			"%s: nothing is there to compare: imgbuild %s builds it", now,
			run->options->recipe);
	if (run->options->against == NULL && access(before, F_OK) < 0)
		return err_set(e, ERR_INPUT, 0,
			"%s: there is no set before it yet: name one with --against PATH", now);

	struct manifest old = { 0 }, fresh = { 0 };
	struct changes changes = { 0 };
	if (manifest_read(before, &run->arena, &old, e) < 0 ||
		manifest_read(now, &run->arena, &fresh, e) < 0 ||
		manifest_diff(&old, &fresh, &run->arena, &changes, e) < 0)
		return -1;
	for (size_t i = 0; i < changes.count; i++)
		say_change(run, &changes.list[i]);
	log_say(&run->log, "%s: %zu change%s since %s", now, changes.real,
		changes.real == 1 ? "" : "s", before);
	struct json j = log_event(&run->log, &run->scratch, "done");
	json_int(&j, "changes", (long long)changes.real);
	log_event_end(&run->log, &j);
	return changes.real > 0 ? ERR_ANSWER_NO : 0;
}

#include "bundle/diff.h"

#include <string.h>
#include <unistd.h>

#include "goal/goal.h"

static void say_change(struct run *run, const struct change *c)
{
	static const char marks[] = { [CHANGE_ADDED] = '+',
		[CHANGE_REMOVED] = '-',
		[CHANGE_CHANGED] = '~',
		[CHANGE_UNKNOWN] = '?' };
	const char *section = manifest_section_name(c->section);
	if (c->kind == CHANGE_CHANGED)
		log_say(&run->log, "%c %-8s %-44s %s -> %s", marks[c->kind], section, c->name,
			c->before, c->after);
	else
		log_say(&run->log, "%c %-8s %-44s %s", marks[c->kind], section, c->name,
			c->kind == CHANGE_UNKNOWN ? "holds keys: cannot be compared"
			: c->kind == CHANGE_ADDED ? c->after
						  : c->before);
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

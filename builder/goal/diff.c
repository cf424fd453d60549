#include "bundle/diff.h"

#include <ctype.h>
#include <string.h>
#include <unistd.h>

#include "disk/compare.h"
#include "disk/disk.h"
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

static struct text_number signed_text(int64_t n)
{
	struct text_number t = number_text((size_t)(n < 0 ? -n : n)), with_sign;
	snprintf(with_sign.text, sizeof(with_sign.text), "%c%.30s", n < 0 ? '-' : '+', t.text);
	return with_sign;
}

static void say_image_change(struct run *run, const struct compare_change *c)
{
	static const char marks[] = { [COMPARE_ADDED] = '+',
		[COMPARE_REMOVED] = '-',
		[COMPARE_CHANGED] = '~',
		[COMPARE_UP] = '~',
		[COMPARE_DOWN] = '~' };
	struct err e;
	cleanup_buf struct buf line = { 0 };
	const char *section = compare_section_name(c->section);
	int rc = buf_printf(&line, &e, "%c %-8s %s", marks[c->kind], section, c->name);
	if (rc == 0 && c->section != COMPARE_FILE)
		rc = buf_printf(&line, &e, " %s%s%s%s", c->before != NULL ? c->before : "",
			c->before != NULL && c->after != NULL ? " -> " : "",
			c->after != NULL ? c->after : "",
			c->kind == COMPARE_DOWN ? " (older)" : "");
	if (rc == 0 && c->what != 0)
		rc = buf_printf(&line, &e, " (%s)", compare_what(c->what).text);
	if (rc == 0 && c->delta != 0)
		rc = buf_printf(&line, &e, " %s bytes", signed_text(c->delta).text);
	log_say(&run->log, "%s", rc == 0 ? line.data : c->name);
	struct json j = log_event(&run->log, &run->scratch, "change");
	json_str(&j, "kind", compare_kind_name(c->kind));
	json_str(&j, "section", section);
	json_str(&j, "name", c->name);
	json_str(&j, "before", c->before);
	json_str(&j, "after", c->after);
	if (c->section == COMPARE_FILE)
		json_int(&j, "bytes", c->delta);
	log_event_end(&run->log, &j);
}

/* What is in the images, where both builds have one. */
static int diff_images(
	struct run *run, const char *before, const char *now, size_t *changes, struct err *e)
{
	struct arena *a = &run->arena;
	const char *names[] = { before, now };
	struct record records[2];
	for (size_t i = 0; i < 2; i++) {
		const char *path = arena_printf(a, e, "%s/" RECORD_NAME, names[i]);
		if (path == NULL)
			return -1;
		if (access(path, F_OK) < 0) {
			log_detail(&run->log, "%s: no image there to compare", names[i]);
			return 0;
		}
		if (record_read(path, a, &records[i], e) < 0)
			return -1;
	}
	struct comparison c = { 0 };
	if (compare_records(&records[0], &records[1], a, &c, e) < 0)
		return -1;
	for (size_t i = 0; i < c.count; i++)
		say_image_change(run, &c.list[i]);
	log_say(&run->log, "%s/" DISK_NAME ": %zu packages and %zu files changed, %s bytes", now,
		c.packages, c.files, signed_text(c.delta).text);
	*changes += c.count;
	return 0;
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
	size_t total = changes.real;
	if (diff_images(run, before, now, &total, e) < 0)
		return -1;
	log_say(&run->log, "%s: %zu change%s since %s", now, total, total == 1 ? "" : "s", before);
	struct json j = log_event(&run->log, &run->scratch, "done");
	json_int(&j, "changes", (long long)total);
	log_event_end(&run->log, &j);
	return total > 0 ? ERR_ANSWER_NO : 0;
}

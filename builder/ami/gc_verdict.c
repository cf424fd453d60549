#include "ami/gc_verdict.h"

#include <stdlib.h>
#include <string.h>

static int newest_first(const void *x, const void *y)
{
	const struct gc_image *a = x, *b = y;
	if (a->created != b->created)
		return a->created < b->created ? 1 : -1;
	return strcmp(a->id, b->id);
}

/* "needed by instance i-1 and 3 more"; NULL with *failed false: by nobody. */
static const char *needed_by(const char *image, const struct gc_reference *list, size_t count,
	struct arena *a, bool *failed, struct err *e)
{
	const char *first = NULL, *text = NULL;
	size_t more = 0;
	*failed = false;
	for (size_t i = 0; i < count; i++) {
		if (strcmp(list[i].image, image) != 0)
			continue;
		if (first == NULL)
			first = list[i].by;
		else
			more++;
	}
	if (first == NULL)
		return NULL;
	text = more == 0 ? arena_printf(a, e, "needed by %s", first)
			 : arena_printf(a, e, "needed by %s and %zu more", first, more);
	*failed = text == NULL;
	return text;
}

static bool is_failed(const char *state)
{
	static const char *const words[] = { "failed", "error", "invalid" };
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(state, words[i]) == 0)
			return true;
	return false;
}

static const char *reason_to_keep(const struct gc_image *i, const struct gc_rules *rules)
{
	if (strcmp(i->state, "available") != 0 && !is_failed(i->state))
		return "not yet available";
	if (i->shared && !rules->shared)
		return "shared with others: gc --shared";
	if (i->protected && !rules->unprotect)
		return "protected from deregistration, and not by this recipe";
	if (i->cooling)
		return "its protection was taken off less than 24 hours ago";
	return NULL;
}

int gc_judge_images(struct gc_image *images, size_t count, const struct gc_reference *references,
	size_t reference_count, const struct gc_rules *rules, struct arena *a, struct err *e)
{
	unsigned kept = 0;
	if (count > 1)
		qsort(images, count, sizeof(*images), newest_first);
	for (size_t k = 0; k < count; k++) {
		struct gc_image *i = &images[k];
		bool failed;
		bool newest = strcmp(i->state, "available") == 0 && kept < rules->keep;
		i->verdict = GC_KEEP;
		i->reason = needed_by(i->id, references, reference_count, a, &failed, e);
		if (failed)
			return -1;
		if (newest)
			kept++;
		if (i->reason == NULL && newest) {
			i->reason = arena_printf(a, e, "one of the newest %u", rules->keep);
			if (i->reason == NULL)
				return -1;
		}
		if (i->reason == NULL)
			i->reason = reason_to_keep(i, rules);
		if (i->reason != NULL)
			continue;
		i->verdict = GC_REMOVE;
		i->reason = is_failed(i->state) ? "failed"
			    : i->cooldown       ? "old; its protection is taken off, which takes "
						  "24 hours"
			    : i->protected      ? "old; its protection is taken off"
			    : i->shared         ? "old, shared"
						: "old";
	}
	return 0;
}

void gc_judge_snapshot(struct gc_snapshot *s, int64_t now)
{
	s->verdict = GC_KEEP;
	if (s->used)
		s->reason = "an image stands on it";
	else if (s->journaled)
		s->reason = "an upload of this machine goes on with it";
	else if (strcmp(s->state, "error") == 0) {
		s->verdict = GC_REMOVE;
		s->reason = "a run failed";
	} else if (now - s->started < GC_ORPHAN_AGE)
		s->reason = "an upload may be under way";
	else if (s->coming)
		s->reason = "an image of the same run is pending";
	else {
		s->verdict = GC_REMOVE;
		s->reason = s->run_used ? "left by a run that went on without it"
					: "left by a run that failed";
	}
}

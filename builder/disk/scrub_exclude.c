#include <fnmatch.h>
#include <string.h>
#include <sys/stat.h>

#include "disk/scrub.h"

struct pattern {
	const char *text;
	size_t literal; /* bytes at its beginning that stand for themselves */
	bool include;
};

/* Most patterns name a folder first: no need for fnmatch() on what lies elsewhere. */
static bool matches(const struct pattern *p, const char *path)
{
	return strncmp(p->text, path, p->literal) == 0 && fnmatch(p->text, path, 0) == 0;
}

static bool excluded(const struct pattern *list, size_t count, const char *path)
{
	for (size_t i = count; i > 0; i--)
		if (matches(&list[i - 1], path))
			return !list[i - 1].include;
	return false;
}

static bool has_children(const struct rootfs_node *folder)
{
	for (const struct rootfs_node *n = folder->children; n != NULL; n = n->next)
		if (!n->gone)
			return true;
	return false;
}

int scrub_exclude(struct rootfs *r, const struct words *patterns, struct err *e)
{
	if (patterns->count == 0)
		return 0;
	struct pattern *list = arena_array(r->arena, patterns->count, sizeof(*list), e);
	if (list == NULL)
		return -1;
	for (size_t i = 0; i < patterns->count; i++) {
		const char *text = patterns->list[i].text;
		bool include = text[0] == '!';
		text += include;
		list[i] = (struct pattern){ text, strcspn(text, "*?[\\"), include };
	}
	cleanup_buf struct buf path = { 0 };
	/* From the end: what is in a folder was met after the folder. */
	for (size_t i = r->count; i > 0; i--) {
		struct rootfs_node *n = r->list[i - 1];
		if (n->gone || n->overlay || n->parent == NULL)
			continue;
		buf_clear(&path);
		if (rootfs_path(n, &path, e) < 0)
			return -1;
		if (!excluded(list, patterns->count, path.data) ||
			(S_ISDIR(n->mode) && has_children(n)))
			continue;
		/* With other names, the node lives on under one of them: look again. */
		bool again = !S_ISDIR(n->mode) && n->same_as == NULL && n->links > 1;
		if (rootfs_remove(r, n, e) < 0)
			return -1;
		i += again;
	}
	return 0;
}

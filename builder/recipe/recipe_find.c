#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "recipe/layer.h"

/* Names offered as a suggestion are looked for among so many. */
#define NAMES_MAX 1000

static const struct {
	const char *folder;
	const char *suffix;
	mode_t type;
} KINDS[] = {
	[FIND_RECIPE] = { "recipes", ".yaml", S_IFREG },
	[FIND_OVERLAY] = { "overlays", "", S_IFDIR },
};

static bool ends_in(const char *text, const char *suffix)
{
	size_t len = strlen(text), n = strlen(suffix);
	return len >= n && strcmp(text + len - n, suffix) == 0;
}

bool find_is_path(const char *text)
{
	return strchr(text, '/') != NULL || ends_in(text, ".yaml");
}

bool find_name_valid(const char *text)
{
	size_t len =
		strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
	return text[len] == '\0' && len > 0 && len <= RECIPE_NAME_MAX &&
	       strchr("._-", text[0]) == NULL;
}

/* `text` below the folder in which `file` lies. */
static const char *sibling(struct loader *l, const char *file, const char *text)
{
	if (text[0] == '/')
		return text;
	while (text_starts(text, "./"))
		text += 2;
	const char *slash = strrchr(file, '/');
	int len = slash != NULL ? (int)(slash - file) + 1 : 0;
	return arena_printf(l->arena, l->err, "%.*s%s", len, file, text);
}

int find_beside(struct loader *l, struct spot from, const char *text, struct spot *ret)
{
	struct spot s = { sibling(l, from.path, text), NULL };
	if (s.path == NULL || (s.label = sibling(l, from.label, text)) == NULL)
		return -1;
	*ret = s;
	return 0;
}

/* "FOLDER/", and nothing for the current folder: what stands before the paths in it. */
static const char *prefix(struct loader *l, const char *folder)
{
	if (strcmp(folder, ".") == 0 || folder[0] == '\0')
		return "";
	return arena_printf(l->arena, l->err, "%s%s", folder, ends_in(folder, "/") ? "" : "/");
}

int find_under_root(struct loader *l, const char *text, struct spot *ret)
{
	const char *root = prefix(l, l->query->root), *below = text;
	if (root == NULL)
		return -1;
	while (text_starts(below, "./"))
		below += 2;
	struct spot s = { text, below };
	if (root[0] != '\0' && text[0] != '/')
		s.path = arena_printf(l->arena, l->err, "%s%s", root, below);
	if (s.path == NULL)
		return -1;
	*ret = s;
	return 0;
}

/* The folder whose recipes/ holds the layer, or the layer's own folder, as a prefix. */
static const char *home(struct loader *l, const struct layer *from)
{
	const char *own = sibling(l, from->spot.path, "");
	if (own == NULL)
		return NULL;
	if (strcmp(own, "recipes/") == 0)
		return "";
	if (!ends_in(own, "/recipes/"))
		return own;
	return arena_strndup(l->arena, own, strlen(own) - strlen("recipes/"), l->err);
}

/* Folder `i` of those that are searched, as a prefix. 0: there are no more. */
static int search_at(struct loader *l, const struct layer *from, size_t i, const char **ret)
{
	size_t listed = 0;
	while (l->query->search != NULL && l->query->search[listed] != NULL)
		listed++;
	if (i > listed + (from != NULL))
		return 0;
	*ret = i == 0        ? prefix(l, l->query->root)
	       : i <= listed ? prefix(l, l->query->search[i - 1])
			     : home(l, from);
	return *ret != NULL ? 1 : -1;
}

int find_named(struct loader *l, enum find_kind kind, const char *name, const struct layer *from,
	struct spot *ret)
{
	const char *folder;
	int more;
	for (size_t i = 0; (more = search_at(l, from, i, &folder)) > 0; i++) {
		const char *path = arena_printf(l->arena, l->err, "%s%s/%s%s", folder,
			KINDS[kind].folder, name, KINDS[kind].suffix);
		if (path == NULL)
			return -1;
		struct stat st;
		if (stat(path, &st) < 0 || (st.st_mode & S_IFMT) != KINDS[kind].type)
			continue;
		*ret = (struct spot){ path, path + strlen(folder) };
		return 1;
	}
	return more;
}

struct names {
	const char **list;
	size_t count;
	size_t cap;
};

static const char *name_at(const void *ctx, size_t i)
{
	return ((const struct names *)ctx)->list[i];
}

/* Add the names that a folder offers; one that cannot be read offers none. */
static int names_in(struct loader *l, enum find_kind kind, const char *folder, struct names *names)
{
	const char *path = arena_printf(l->arena, l->err, "%s%s", folder, KINDS[kind].folder);
	if (path == NULL)
		return -1;
	DIR *dir = opendir(path);
	if (dir == NULL)
		return 0;
	int rc = 0;
	struct dirent *d;
	while (rc == 0 && names->count < NAMES_MAX && (d = readdir(dir)) != NULL) {
		if (!find_name_valid(d->d_name) || !ends_in(d->d_name, KINDS[kind].suffix))
			continue;
		const char *name = arena_strndup(l->arena, d->d_name,
			strlen(d->d_name) - strlen(KINDS[kind].suffix), l->err);
		const char **slot = NULL;
		if (name != NULL)
			slot = arena_push(l->arena, &names->list, &names->count, &names->cap,
				sizeof(*slot), l->err);
		if (slot != NULL)
			*slot = name;
		else
			rc = -1;
	}
	closedir(dir);
	return rc;
}

const char *find_hint(
	struct loader *l, enum find_kind kind, const char *name, const struct layer *from)
{
	struct names names = { 0 };
	const char *folder, *looked = "";
	int more;
	for (size_t i = 0; (more = search_at(l, from, i, &folder)) > 0; i++) {
		if (names_in(l, kind, folder, &names) < 0)
			return NULL;
		looked = arena_printf(l->arena, l->err, "%s%s%s%s", looked, i > 0 ? ", " : "",
			folder, KINDS[kind].folder);
		if (looked == NULL)
			return NULL;
	}
	if (more < 0)
		return NULL;
	const char *near = text_nearest(name, name_at, &names, names.count);
	if (near != NULL)
		return arena_printf(l->arena, l->err, "did you mean \"%s\"?", near);
	return arena_printf(l->arena, l->err, "looked for in %s", looked);
}

#include "ami/state.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

#define STATE_BYTES_MAX ((size_t)4 << 20)
#define STATE_NEW       "." STATE_NAME ".new"

/* The folder of the recipe, made where it is missing. */
static int open_folder(const char *out, const char *recipe, int *ret, struct err *e)
{
	cleanup_buf struct buf path = { 0 };
	if (buf_printf(&path, e, "%s/%s", out, recipe) < 0)
		return -1;
	if ((mkdir(out, 0777) < 0 && errno != EEXIST) ||
		(mkdir(path.data, 0777) < 0 && errno != EEXIST))
		return err_set(e, ERR_MACHINE, errno, "make %s", path.data);
	*ret = open(path.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *ret < 0 ? err_set(e, ERR_MACHINE, errno, "open %s", path.data) : 0;
}

/* The document; an empty one when it is missing or not one. NULL: ERR_MACHINE. */
static json_t *load(int folder, const char *recipe, struct err *e)
{
	cleanup_buf struct buf text = { .max = STATE_BYTES_MAX };
	json_t *root = NULL;
	json_error_t why;
	struct err unread;
	if (folder >= 0 && file_read(folder, STATE_NAME, STATE_BYTES_MAX, &text, &unread) == 0 &&
		text.len > 0)
		root = json_loadb(text.data, text.len, 0, &why);
	if (!json_is_object(root)) {
		json_decref(root);
		root = json_object();
	}
	if (root == NULL || json_object_set_new(root, "format", json_integer(1)) < 0 ||
		json_object_set_new(root, "recipe", json_string(recipe)) < 0) {
		json_decref(root);
		err_nomem(e);
		return NULL;
	}
	return root;
}

static int write_file(int folder, const char *text, struct err *e)
{
	cleanup_fd int fd = openat(
		folder, STATE_NEW, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return err_set(e, ERR_MACHINE, errno, "create " STATE_NEW);
	if (file_write_all(fd, text, strlen(text), e) < 0 || file_write_all(fd, "\n", 1, e) < 0)
		return -1;
	if (fsync(fd) < 0)
		return err_set(e, ERR_MACHINE, errno, "sync " STATE_NEW);
	int closed = close(fd);
	fd = -1;
	if (closed < 0)
		return err_set(e, ERR_MACHINE, errno, "close " STATE_NEW);
	if (renameat(folder, STATE_NEW, folder, STATE_NAME) < 0)
		return err_set(e, ERR_MACHINE, errno, "rename " STATE_NEW);
	return fsync(folder) < 0 ? err_set(e, ERR_MACHINE, errno, "sync the folder") : 0;
}

static int save(int folder, const json_t *root, struct err *e)
{
	char *text = json_dumps(root, JSON_INDENT(2));
	if (text == NULL)
		return err_nomem(e);
	int rc = write_file(folder, text, e);
	if (rc < 0)
		(void)unlinkat(folder, STATE_NEW, 0);
	free(text);
	return rc < 0 ? err_wrap(e, STATE_NAME) : 0;
}

static const char *text_of(const json_t *o, const char *key)
{
	const char *t = json_string_value(json_object_get(o, key));
	return t != NULL ? t : "";
}

static int take(const json_t *o, struct arena *a, struct state_image *ret, struct err *e)
{
	const struct {
		const char *key;
		const char **to;
	} texts[] = { { "region", &ret->region }, { "image", &ret->image },
		{ "snapshot", &ret->snapshot }, { "name", &ret->name }, { "digest", &ret->digest },
		{ "created", &ret->created }, { "run", &ret->run } };
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		*texts[i].to = arena_strdup(a, text_of(o, texts[i].key), e);
		if (*texts[i].to == NULL)
			return -1;
	}
	ret->encrypted = json_is_true(json_object_get(o, "encrypted"));
	return 0;
}

int state_read(
	const char *out, const char *recipe, struct arena *a, struct state *ret, struct err *e)
{
	char path[4096];
	struct state state = { 0 };
	size_t cap = 0, i;
	json_t *item;
	snprintf(path, sizeof(path), "%s/%s", out, recipe);
	cleanup_fd int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	json_t *root = load(folder, recipe, e);
	if (root == NULL)
		return -1;
	int rc = 0;
	json_array_foreach(json_object_get(root, "images"), i, item)
	{
		struct state_image *slot = NULL;
		if (!json_is_object(item) || text_of(item, "image")[0] == '\0')
			continue;
		slot = arena_push(a, &state.images, &state.count, &cap, sizeof(*slot), e);
		if (slot == NULL || take(item, a, slot, e) < 0) {
			rc = -1;
			break;
		}
	}
	json_decref(root);
	if (rc == 0)
		*ret = state;
	return rc;
}

/* The list of images without the one of that id. */
static json_t *images_of(json_t *root, const char *id)
{
	json_t *list = json_object_get(root, "images");
	if (!json_is_array(list)) {
		if (json_object_set_new(root, "images", json_array()) < 0)
			return NULL;
		return json_object_get(root, "images");
	}
	for (size_t i = json_array_size(list); i-- > 0;) {
		const json_t *item = json_array_get(list, i);
		if (!json_is_object(item) || strcmp(text_of(item, "image"), id) == 0 ||
			i >= STATE_IMAGES_MAX - 1)
			json_array_remove(list, i);
	}
	return list;
}

int state_add(const char *out, const char *recipe, const struct state_image *image, struct err *e)
{
	cleanup_fd int folder = -1;
	if (open_folder(out, recipe, &folder, e) < 0)
		return -1;
	json_t *root = load(folder, recipe, e);
	if (root == NULL)
		return -1;
	json_t *list = images_of(root, image->image);
	json_t *item = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:s}", "region",
		image->region, "image", image->image, "snapshot", image->snapshot, "name",
		image->name, "digest", image->digest, "created", image->created, "encrypted",
		image->encrypted, "run", image->run);
	int rc = list == NULL || item == NULL || json_array_insert_new(list, 0, item) < 0
			 ? err_nomem(e)
			 : save(folder, root, e);
	json_decref(root);
	return rc;
}

int state_published(const char *out, const char *recipe, const char *region, const char *parameter,
	const char *before, const char *image, struct err *e)
{
	cleanup_fd int folder = -1;
	if (open_folder(out, recipe, &folder, e) < 0)
		return -1;
	json_t *root = load(folder, recipe, e);
	if (root == NULL)
		return -1;
	json_t *published = json_object_get(root, "published");
	if (!json_is_object(published)) {
		json_object_set_new(root, "published", json_object());
		published = json_object_get(root, "published");
	}
	int rc = json_object_set_new(published, region,
			 json_pack("{s:s, s:s, s:s}", "parameter", parameter, "image", image,
				 "before", before)) < 0
			 ? err_nomem(e)
			 : save(folder, root, e);
	json_decref(root);
	return rc;
}

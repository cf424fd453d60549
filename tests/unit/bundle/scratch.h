/*
 * A folder of its own for a test, and a recipe with overlays in it.
 */
#ifndef IMGBUILD_TESTS_SCRATCH_H
#define IMGBUILD_TESTS_SCRATCH_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "bundle/bundle.h"
#include "check.h"
#include "fail.h"

struct scratch {
	char path[64];
};

static inline void scratch_make(struct scratch *s)
{
	snprintf(s->path, sizeof(s->path), "/tmp/imgbuild-test-XXXXXX");
	assert_non_null(mkdtemp(s->path));
}

static inline void scratch_free(struct scratch *s)
{
	struct err e;
	assert_int_equal(file_remove_tree(AT_FDCWD, s->path, &e), 0);
}

/* The path of something in it, in a buffer of the caller. */
static inline const char *scratch_path(const struct scratch *s, const char *name, char ret[2048])
{
	assert_in_range(snprintf(ret, 2048, "%s/%s", s->path, name), 1, 2047);
	return ret;
}

/* Make the folders that a file lies in. */
static inline void scratch_folders(const struct scratch *s, const char *name)
{
	char path[2048];
	scratch_path(s, name, path);
	for (char *p = path + strlen(s->path) + 1; (p = strchr(p, '/')) != NULL; p++) {
		*p = '\0';
		assert_true(mkdir(path, 0755) == 0 || access(path, F_OK) == 0);
		*p = '/';
	}
}

static inline void scratch_write(
	const struct scratch *s, const char *name, const void *data, size_t len, mode_t mode)
{
	char path[2048];
	struct err e;
	scratch_folders(s, name);
	int fd = open(scratch_path(s, name, path), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(file_write_all(fd, data, len, &e), 0);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static inline void scratch_text(const struct scratch *s, const char *name, const char *text)
{
	scratch_write(s, name, text, strlen(text), 0644);
}

/* A recipe read from a scratch folder. */
struct world {
	struct scratch dir;
	struct arena arena;
	struct diag diag;
	struct recipe recipe;
	struct bundle bundle;
};

static inline void world_make(struct world *w)
{
	*w = (struct world){ 0 };
	w->diag.arena = &w->arena;
	scratch_make(&w->dir);
}

static inline void world_free(struct world *w)
{
	bundle_free(&w->bundle);
	arena_free(&w->arena);
	scratch_free(&w->dir);
}

/* Read recipes/r.yaml with this text; it has no problems. */
static inline void world_load(struct world *w, const char *text)
{
	struct err e;
	scratch_text(&w->dir, "recipes/r.yaml", text);
	struct recipe_query q = { .name = "r", .root = w->dir.path };
	assert_int_equal(recipe_load(&q, &w->arena, &w->diag, &w->recipe, &e), 0);
	if (w->diag.count > 0)
		fail_msg("%s:%u: %s", w->diag.list[0].pos.file, w->diag.list[0].pos.line,
			w->diag.list[0].text);
}

/* Forget what was read, keep the folder. */
static inline void world_reset(struct world *w)
{
	struct scratch dir = w->dir;
	bundle_free(&w->bundle);
	arena_free(&w->arena);
	*w = (struct world){ .dir = dir };
	w->diag.arena = &w->arena;
}

/* Whether some problem has this text in it. */
static inline bool world_said(const struct world *w, const char *text)
{
	for (size_t i = 0; i < w->diag.count; i++)
		if (strstr(w->diag.list[i].text, text) != NULL)
			return true;
	return false;
}

static inline void assert_said(const struct world *w, const char *text)
{
	if (world_said(w, text))
		return;
	for (size_t i = 0; i < w->diag.count; i++)
		print_message("said: %s: %s\n", w->diag.list[i].pos.file, w->diag.list[i].text);
	fail_msg("nobody said \"%s\"", text);
}

/* The text with the version of the program taken out, for files that outlive it. */
static inline void without_version(const char *data, size_t len, struct buf *ret)
{
	static const char with[] = "by imgbuild " IMGBUILD_VERSION, without[] = "by imgbuild";
	struct err e;
	for (const char *p = data, *end = data + len; p < end;) {
		const char *hit = memmem(p, (size_t)(end - p), with, sizeof(with) - 1);
		size_t n = (size_t)((hit != NULL ? hit : end) - p);
		assert_int_equal(buf_add(ret, p, n, &e), 0);
		if (hit != NULL)
			assert_int_equal(buf_puts(ret, without, &e), 0);
		p += hit != NULL ? n + sizeof(with) - 1 : n;
	}
}

/* Compare with a file under tests/data/bundle, or write that file when UPDATE is set. */
static inline void assert_golden(const char *name, const void *data, size_t len)
{
	char path[256];
	struct err e;
	cleanup_buf struct buf got = { 0 };
	without_version(data, len, &got);
	snprintf(path, sizeof(path), "tests/data/bundle/%s", name);
	if (getenv("UPDATE") != NULL) {
		int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
		assert_true(fd >= 0);
		assert_int_equal(file_write_all(fd, got.data, got.len, &e), 0);
		close(fd);
		return;
	}
	cleanup_buf struct buf want = { 0 };
	if (file_read(AT_FDCWD, path, 1 << 20, &want, &e) < 0)
		fail_msg("%s", e.msg);
	if (want.len != got.len || memcmp(want.data, got.data, got.len) != 0)
		fail_msg("%s differs; got:\n%s", path, got.data);
}

#endif

#include <stdio.h>
#include <string.h>

#include "ami/leak_scan.h"
#include "base/child.h"

#define LIST_MAX ((size_t)4 << 20)
#define FILE_MAX ((size_t)512 << 20)

/* mtools reads what is already there; nobody's settings count. */
static const char *const ENV[] = { "MTOOLSRC=/dev/null", "MTOOLS_SKIP_CHECK=1", "LC_ALL=C.UTF-8",
	NULL };

static void feed(struct leak_job *j, const struct buf *content)
{
	for (size_t at = 0; at < content->len;) {
		size_t room;
		char *to = leak_scan_room(&j->scan, &room);
		size_t n = content->len - at < room ? content->len - at : room;
		memcpy(to, content->data + at, n);
		leak_scan_added(&j->scan, n);
		at += n;
	}
}

/* `name` as mdir writes it: ::/EFI/BOOT/BOOTX64.EFI */
static int look_at(struct leak_job *j, const char *image, const char *name, struct err *e)
{
	const struct child_options o = { .env = ENV, .package = "mtools" };
	const char *const argv[] = { "mtype", "-i", image, name, NULL };
	cleanup_buf struct buf content = { .max = FILE_MAX };
	if (child_run(argv, &o, &content, e) < 0)
		return err_wrap(e, "EFI system partition");
	const char *path = arena_printf(j->arena, e, LEAK_ESP "%s", name + 2);
	if (path == NULL)
		return -1;
	leak_scan_begin(&j->scan);
	feed(j, &content);
	j->to->files++;
	j->to->bytes += content.len;
	const char *reason = leak_scan_end(&j->scan, path, content.len);
	if (reason == NULL)
		return 0;
	const char *shown =
		arena_printf(j->arena, e, "EFI system partition: %s", path + strlen(LEAK_ESP));
	return shown == NULL ? -1 : leak_note(j, shown, reason, e);
}

int leak_esp(struct leak_job *j, const char *path, uint64_t offset, struct err *e)
{
	const char *image = arena_printf(j->arena, e, "%s@@%llu", path, (unsigned long long)offset);
	const struct child_options o = { .env = ENV, .package = "mtools" };
	const char *const argv[] = { "mdir", "-/", "-a", "-b", "-i", image, "::", NULL };
	cleanup_buf struct buf list = { .max = LIST_MAX };
	if (image == NULL)
		return -1;
	if (child_run(argv, &o, &list, e) < 0)
		return err_wrap(e, "EFI system partition");
	for (char *p = list.data, *end; p != NULL && *p != '\0'; p = end) {
		end = strchr(p, '\n');
		if (end != NULL)
			*end++ = '\0';
		size_t len = strlen(p);
		/* Folders end in a slash. */
		if (len > 3 && memcmp(p, "::/", 3) == 0 && p[len - 1] != '/' &&
			look_at(j, image, p, e) < 0)
			return -1;
	}
	return 0;
}

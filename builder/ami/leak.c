#include "ami/leak.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ami/leak_scan.h"
#include "base/file.h"
#include "disk/arch.h"
#include "disk/gpt.h"

int leak_note(struct leak_job *j, const char *path, const char *reason, struct err *e)
{
	struct leak *slot =
		arena_push(j->arena, &j->to->list, &j->to->count, &j->to->cap, sizeof(*slot), e);
	if (slot == NULL)
		return -1;
	slot->reason = reason;
	slot->path = arena_strdup(j->arena, path, e);
	return slot->path == NULL ? -1 : 0;
}

static int find_root(
	const void *first, size_t len, uint64_t size, struct gpt_part *ret, struct err *e)
{
	for (size_t i = 0; arch_at(i) != NULL; i++)
		if (gpt_find(first, len, size, arch_at(i)->root_type, ret, e) == 0)
			return 0;
	return -1;
}

static int search(struct leak_job *j, const char *path, int fd, struct err *e)
{
	unsigned char first[32 << 10];
	struct stat st;
	struct gpt_part root, esp;
	if (fstat(fd, &st) < 0)
		return err_set(e, ERR_MACHINE, errno, "stat");
	ssize_t n = pread(fd, first, sizeof(first), 0);
	if (n < 0)
		return err_set(e, ERR_MACHINE, errno, "read");
	if (find_root(first, (size_t)n, (uint64_t)st.st_size, &root, e) < 0 ||
		gpt_find(first, (size_t)n, (uint64_t)st.st_size, GPT_TYPE_ESP, &esp, e) < 0)
		return -1;
	if (leak_scan_init(&j->scan, e) < 0)
		return -1;
	return leak_ext4(j, path, fd, root.start, e) < 0 ? -1 : leak_esp(j, path, esp.start, e);
}

int leak_search(const char *path, struct arena *a, struct leaks *ret, struct err *e)
{
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(
			e, errno == ENOENT ? ERR_INPUT : ERR_MACHINE, errno, "open %s", path);
	struct leaks found = { 0 };
	struct leak_job j = { .arena = a, .to = &found };
	int rc = search(&j, path, fd, e);
	leak_scan_free(&j.scan);
	if (rc < 0)
		return err_wrap(e, "%s", path);
	*ret = found;
	return 0;
}

#include "base/mapped.h"

#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>

#define AROUND ((uintptr_t)2 << 20) /* that Linux maps at most where one byte is touched */

static _Thread_local sigjmp_buf *back; /* NULL: nothing mapped is being read */

static void on_sigbus(int sig)
{
	if (back != NULL)
		siglongjmp(*back, 1);
	signal(sig, SIG_DFL);
	raise(sig);
}

/* Each time: it costs little, and others may have listened meanwhile. */
static void listen_to_sigbus(void)
{
	struct sigaction act = { .sa_handler = on_sigbus };
	sigemptyset(&act.sa_mask);
	sigaction(SIGBUS, &act, NULL);
}

const unsigned char *mapped_file(int fd, uint64_t len)
{
	if (len == 0 || len > SIZE_MAX)
		return NULL;
	void *map = mmap(NULL, (size_t)len, PROT_READ, MAP_PRIVATE, fd, 0);
	return map != MAP_FAILED ? map : NULL;
}

void mapped_end(const unsigned char *map, uint64_t len)
{
	if (map != NULL)
		munmap((void *)(uintptr_t)map, (size_t)len);
}

bool mapped_read(void (*read)(void *ctx), void *ctx)
{
	sigjmp_buf here;
	listen_to_sigbus();
	if (sigsetjmp(here, 1) != 0) {
		back = NULL;
		return false;
	}
	back = &here;
	read(ctx);
	back = NULL;
	return true;
}

void mapped_forget(const unsigned char *map, uint64_t len, uint64_t from, uint64_t end)
{
	uintptr_t first = (uintptr_t)map, last = first + (uintptr_t)len;
	uintptr_t low = (first + (uintptr_t)from) / AROUND * AROUND;
	uintptr_t high = (first + (uintptr_t)end + AROUND - 1) / AROUND * AROUND;
	if (low < first)
		low = first;
	if (high > last)
		high = last;
	if (low < high)
		madvise((void *)low, high - low, MADV_DONTNEED);
}

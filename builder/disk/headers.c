#include "disk/headers.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/crew.h"

#define SLOTS      256u
#define TAR_BLOCK  512u
/* Offsets in a header (tar(5)). */
#define TAR_SIZE   124 /* eleven octal digits */
#define TAR_DIGITS 11
#define TAR_MAGIC  257

struct slot {
	uint64_t offset; /* of its first byte in the file */
	size_t len;
	unsigned char bytes[HEADERS_BYTES];
};

/* A ring of slots: the thread fills those from `filled` on, the taker frees those before `freed`.
 */
struct headers {
	int fd;
	pthread_t thread;
	atomic_size_t filled;
	atomic_size_t freed;
	atomic_bool quit;
	pthread_mutex_t lock;
	pthread_cond_t room;
	atomic_bool waits; /* the thread, for room */
	struct slot slots[SLOTS];
};

/* Where the next header begins; 0: this is none, or its size is beyond what this reads. */
static uint64_t next_header(const unsigned char *header, uint64_t offset)
{
	uint64_t size = 0;
	if (memcmp(header + TAR_MAGIC, "ustar", 5) != 0)
		return 0;
	for (size_t i = 0; i < TAR_DIGITS; i++) {
		unsigned char c = header[TAR_SIZE + i];
		if (c < '0' || c > '7')
			return 0;
		size = size * 8 + (c - '0');
	}
	return offset + TAR_BLOCK + (size + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK;
}

/* Half a ring at once: waking costs more than the reading of a slot. */
static bool await_room(struct headers *h, size_t at)
{
	if (at - atomic_load(&h->freed) < SLOTS)
		return !atomic_load(&h->quit);
	pthread_mutex_lock(&h->lock);
	atomic_store(&h->waits, true);
	while (!atomic_load(&h->quit) && at - atomic_load(&h->freed) > SLOTS / 2)
		pthread_cond_wait(&h->room, &h->lock);
	atomic_store(&h->waits, false);
	pthread_mutex_unlock(&h->lock);
	return !atomic_load(&h->quit);
}

static void *walk(void *arg)
{
	struct headers *h = arg;
	uint64_t offset = 0;
	for (size_t at = 0; await_room(h, at); at++) {
		struct slot *s = &h->slots[at % SLOTS];
		ssize_t n = pread(h->fd, s->bytes, sizeof(s->bytes), (off_t)offset);
		if (n < (ssize_t)TAR_BLOCK)
			break;
		s->offset = offset;
		s->len = (size_t)n;
		atomic_store(&h->filled, at + 1);
		uint64_t next = offset;
		do
			next = next_header(s->bytes + (next - offset), next);
		while (next != 0 && next - offset + TAR_BLOCK <= s->len);
		if (next == 0)
			break;
		offset = next;
	}
	return NULL;
}

struct headers *headers_begin(int fd)
{
	struct headers *h = malloc(sizeof(*h));
	if (h == NULL)
		return NULL;
	h->fd = fd;
	atomic_init(&h->filled, 0);
	atomic_init(&h->freed, 0);
	atomic_init(&h->quit, false);
	atomic_init(&h->waits, false);
	pthread_mutex_init(&h->lock, NULL);
	pthread_cond_init(&h->room, NULL);
	if (crew_start(&h->thread, walk, h))
		return h;
	pthread_cond_destroy(&h->room);
	pthread_mutex_destroy(&h->lock);
	free(h);
	return NULL;
}

void headers_end(struct headers *h)
{
	if (h == NULL)
		return;
	pthread_mutex_lock(&h->lock);
	atomic_store(&h->quit, true);
	pthread_cond_signal(&h->room);
	pthread_mutex_unlock(&h->lock);
	pthread_join(h->thread, NULL);
	pthread_cond_destroy(&h->room);
	pthread_mutex_destroy(&h->lock);
	free(h);
}

static void free_slot(struct headers *h, size_t at)
{
	atomic_store(&h->freed, at + 1);
	if (!atomic_load(&h->waits) || atomic_load(&h->filled) - (at + 1) > SLOTS / 2)
		return;
	pthread_mutex_lock(&h->lock);
	pthread_cond_signal(&h->room);
	pthread_mutex_unlock(&h->lock);
}

size_t headers_take(struct headers *h, uint64_t offset, const void **ret)
{
	if (h == NULL)
		return 0;
	for (size_t at = atomic_load(&h->freed); at < atomic_load(&h->filled); at++) {
		const struct slot *s = &h->slots[at % SLOTS];
		if (s->offset > offset)
			return 0;
		if (offset - s->offset < s->len) {
			*ret = s->bytes + (offset - s->offset);
			return s->len - (size_t)(offset - s->offset);
		}
		free_slot(h, at);
	}
	return 0;
}

#include "disk/ahead.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

/* Both sides go to sleep for half a ring: waking costs more than the reading of a block. */
#define HALF (AHEAD_RING / 2)

struct block {
	ssize_t len; /* of what pread gave */
	int errnum;
	size_t begin; /* bytes passed over */
};

struct ahead {
	int fd;
	bool threaded;
	uint64_t offset; /* of what is taken next */
	unsigned run;    /* reads since the last jump out of the ring */
	bool holds;      /* the first block is the caller's until it comes back */
	char *own;       /* block for reads without the thread */
	char *ring;      /* NULL: no thread */
	pthread_t thread;
	/* Shared from here on. */
	pthread_mutex_t lock;
	pthread_cond_t filled; /* the taker waits for it */
	pthread_cond_t freed;  /* the thread waits for it */
	bool taker_waits;
	bool thread_waits;
	bool idle; /* the thread has nothing to read until it is sent somewhere */
	bool quit;
	unsigned round; /* of the jumps: what was being read at one is thrown away */
	uint64_t from;  /* what is read next */
	size_t first;   /* index in the ring */
	size_t count;
	size_t need; /* blocks that the taker waits for: few behind a jump, later half a ring */
	struct block blocks[AHEAD_RING];
};

static ssize_t read_at(int fd, char *block, uint64_t offset)
{
	ssize_t n;
	do
		n = pread(fd, block, AHEAD_BLOCK, (off_t)offset);
	while (n < 0 && errno == EINTR);
	return n;
}

/* Wait until there is room, and something to read; false: the end. Locked. */
static bool await_room(struct ahead *a)
{
	size_t most = AHEAD_RING - 1;
	while (!a->quit && (a->idle || a->count > most)) {
		most = HALF;
		a->thread_waits = true;
		pthread_cond_wait(&a->freed, &a->lock);
		a->thread_waits = false;
	}
	return !a->quit;
}

static void *fill(void *arg)
{
	struct ahead *a = arg;
	pthread_mutex_lock(&a->lock);
	while (await_room(a)) {
		size_t at = (a->first + a->count) % AHEAD_RING;
		unsigned round = a->round;
		uint64_t from = a->from;
		pthread_mutex_unlock(&a->lock);
		ssize_t n = read_at(a->fd, a->ring + at * AHEAD_BLOCK, from);
		int errnum = errno;
		pthread_mutex_lock(&a->lock);
		if (round != a->round)
			continue;
		a->blocks[at] = (struct block){ .len = n, .errnum = errnum };
		a->count++;
		if (n > 0)
			a->from += (uint64_t)n;
		a->idle = n <= 0;
		if (a->taker_waits && (a->count >= a->need || a->idle))
			pthread_cond_signal(&a->filled);
	}
	pthread_mutex_unlock(&a->lock);
	return NULL;
}

/* Locked. */
static void wake_thread(struct ahead *a)
{
	if (a->thread_waits)
		pthread_cond_signal(&a->freed);
}

/* Locked. */
static void drop_first(struct ahead *a)
{
	a->first = (a->first + 1) % AHEAD_RING;
	a->count--;
	a->holds = false;
	if (a->count <= HALF && !a->idle)
		wake_thread(a);
}

static bool start(struct ahead *a)
{
	sigset_t all, before;
	a->ring = malloc(AHEAD_RING * AHEAD_BLOCK);
	if (a->ring == NULL)
		return false;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int rc = pthread_create(&a->thread, NULL, fill, a);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc != 0) {
		free(a->ring);
		a->ring = NULL;
	}
	return rc == 0;
}

/* Let the thread read from `offset` on. */
static void send_thread(struct ahead *a, uint64_t offset)
{
	if (a->ring == NULL && !start(a)) {
		a->threaded = false;
		return;
	}
	pthread_mutex_lock(&a->lock);
	a->from = offset;
	a->need = 1;
	a->idle = false;
	wake_thread(a);
	pthread_mutex_unlock(&a->lock);
}

/* What is in the ring is of no use any more. */
static void leave_ring(struct ahead *a)
{
	a->run = 0;
	if (a->ring == NULL)
		return;
	pthread_mutex_lock(&a->lock);
	a->round++;
	a->idle = true;
	a->holds = false;
	a->first = a->count = 0;
	pthread_mutex_unlock(&a->lock);
}

static ssize_t read_here(struct ahead *a, const void **ret)
{
	bool sent = a->threaded && ++a->run == 2;
	if (sent)
		send_thread(a, a->offset + AHEAD_BLOCK);
	ssize_t n = read_at(a->fd, a->own, a->offset);
	if (n > 0)
		a->offset += (uint64_t)n;
	if (sent && n != (ssize_t)AHEAD_BLOCK) {
		int errnum = errno;
		leave_ring(a);
		errno = errnum;
	}
	*ret = a->own;
	return n;
}

/* Locked. False: there is nothing in the ring, and nothing will come. */
static bool await_block(struct ahead *a)
{
	if (a->holds)
		drop_first(a);
	if (a->count > 0)
		return true;
	a->taker_waits = true;
	while (a->count < a->need && !a->idle)
		pthread_cond_wait(&a->filled, &a->lock);
	a->taker_waits = false;
	if (a->need < HALF)
		a->need *= 2;
	return a->count > 0;
}

ssize_t ahead_read(struct ahead *a, const void **ret)
{
	if (a->ring == NULL || a->run < 2)
		return read_here(a, ret);
	pthread_mutex_lock(&a->lock);
	bool found = await_block(a);
	struct block b = a->blocks[a->first];
	const char *data = a->ring + a->first * AHEAD_BLOCK + b.begin;
	a->holds = found;
	pthread_mutex_unlock(&a->lock);
	if (!found)
		return read_here(a, ret);
	*ret = data;
	if (b.len < 0)
		errno = b.errnum;
	if (b.len <= 0)
		return b.len;
	a->offset += (uint64_t)b.len - b.begin;
	return b.len - (ssize_t)b.begin;
}

/* Drop `len` bytes from the ring; false: it has fewer. */
static bool pass_over(struct ahead *a, uint64_t len)
{
	pthread_mutex_lock(&a->lock);
	if (a->holds)
		drop_first(a);
	while (len > 0 && a->count > 0 && a->blocks[a->first].len > 0) {
		struct block *b = &a->blocks[a->first];
		size_t left = (size_t)b->len - b->begin;
		if (len < left) {
			b->begin += (size_t)len;
			len = 0;
		} else {
			drop_first(a);
			len -= left;
		}
	}
	pthread_mutex_unlock(&a->lock);
	return len == 0;
}

void ahead_jump(struct ahead *a, uint64_t offset)
{
	if (offset == a->offset)
		return;
	bool forward = a->ring != NULL && a->run >= 2 && offset > a->offset;
	uint64_t by = offset - a->offset;
	if (!forward || !pass_over(a, by)) {
		leave_ring(a);
		/* A short one is over a file among small ones: the next read is one in a row. */
		a->run = forward && by <= AHEAD_RING * AHEAD_BLOCK;
	}
	a->offset = offset;
}

uint64_t ahead_offset(const struct ahead *a)
{
	return a->offset;
}

int ahead_open(int fd, bool threaded, struct ahead **ret, struct err *e)
{
	struct ahead *a = calloc(1, sizeof(*a));
	char *own = malloc(AHEAD_BLOCK);
	if (a == NULL || own == NULL) {
		free(a);
		free(own);
		return err_nomem(e);
	}
	a->fd = fd;
	a->threaded = threaded;
	a->own = own;
	a->idle = true;
	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->filled, NULL);
	pthread_cond_init(&a->freed, NULL);
	*ret = a;
	return 0;
}

void ahead_close(struct ahead *a)
{
	if (a == NULL)
		return;
	if (a->ring != NULL) {
		pthread_mutex_lock(&a->lock);
		a->quit = true;
		wake_thread(a);
		pthread_mutex_unlock(&a->lock);
		pthread_join(a->thread, NULL);
	}
	pthread_cond_destroy(&a->freed);
	pthread_cond_destroy(&a->filled);
	pthread_mutex_destroy(&a->lock);
	free(a->ring);
	free(a->own);
	free(a);
}

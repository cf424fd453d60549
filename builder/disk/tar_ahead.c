#include "disk/tar_ahead.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/crew.h"

#define BATCH   256u /* entries handed over at once: waking costs more than parsing one */
#define BATCHES 3u

struct batch {
	struct tar_member members[BATCH];
	size_t count;
	enum tar_found last; /* what the reading came to behind them */
};

/* A ring of batches: the thread fills, the caller empties. */
struct tar_ahead {
	struct tar tar;
	bool threaded;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t moved; /* filled, emptied or quit */
	size_t filled;        /* batches */
	size_t emptied;
	bool quit;
	struct batch *now; /* being emptied */
	size_t at;         /* in it */
	struct batch batches[BATCHES];
};

static void fill(struct tar *t, struct batch *b)
{
	b->last = TAR_ENTRY;
	for (b->count = 0; b->count < BATCH; b->count++) {
		b->last = tar_next(t, &b->members[b->count]);
		if (b->last != TAR_ENTRY)
			break;
	}
}

static void *parse(void *arg)
{
	struct tar_ahead *a = arg;
	bool more = true;
	pthread_mutex_lock(&a->lock);
	while (more) {
		while (!a->quit && a->filled - a->emptied == BATCHES)
			pthread_cond_wait(&a->moved, &a->lock);
		if (a->quit)
			break;
		struct batch *b = &a->batches[a->filled % BATCHES];
		pthread_mutex_unlock(&a->lock);
		fill(&a->tar, b);
		more = b->last == TAR_ENTRY;
		pthread_mutex_lock(&a->lock);
		a->filled++;
		pthread_cond_signal(&a->moved);
	}
	pthread_mutex_unlock(&a->lock);
	return NULL;
}

int tar_ahead_begin(int fd, uint64_t size, bool threaded, struct tar_ahead **ret, struct err *e)
{
	struct tar_ahead *a = calloc(1, sizeof(*a));
	if (a == NULL)
		return err_nomem(e);
	a->tar.fd = fd;
	a->tar.size = size;
	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->moved, NULL);
	a->threaded = threaded && crew_start(&a->thread, parse, a);
	*ret = a;
	return 0;
}

void tar_ahead_end(struct tar_ahead *a)
{
	if (a == NULL)
		return;
	if (a->threaded) {
		pthread_mutex_lock(&a->lock);
		a->quit = true;
		pthread_cond_signal(&a->moved);
		pthread_mutex_unlock(&a->lock);
		pthread_join(a->thread, NULL);
	}
	for (size_t i = 0; i < BATCHES * BATCH; i++)
		tar_member_free(&a->batches[i / BATCH].members[i % BATCH]);
	pthread_cond_destroy(&a->moved);
	pthread_mutex_destroy(&a->lock);
	free(a);
}

static struct batch *next_batch(struct tar_ahead *a)
{
	if (!a->threaded) {
		fill(&a->tar, &a->batches[0]);
		return &a->batches[0];
	}
	pthread_mutex_lock(&a->lock);
	if (a->now != NULL)
		a->emptied++;
	pthread_cond_signal(&a->moved);
	while (a->filled == a->emptied)
		pthread_cond_wait(&a->moved, &a->lock);
	struct batch *b = &a->batches[a->emptied % BATCHES];
	pthread_mutex_unlock(&a->lock);
	return b;
}

enum tar_found tar_ahead_next(struct tar_ahead *a, const struct entry **ret)
{
	while (a->now == NULL || a->at == a->now->count) {
		if (a->now != NULL && a->now->last != TAR_ENTRY)
			return a->now->last;
		a->now = next_batch(a);
		a->at = 0;
	}
	*ret = &a->now->members[a->at++].entry;
	return TAR_ENTRY;
}

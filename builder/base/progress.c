#include "base/progress.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	DRAW_MS = 200,
	LINE_MS = 10000,
	RATE_MS = 1000,
	SMOOTH_MS = 5000,
};

#define MIB ((uint64_t)1 << 20)

int64_t progress_clock(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void progress_begin(
	struct progress *p, const struct log *log, const char *what, uint64_t total, int64_t now)
{
	*p = (struct progress){
		.log = log != NULL && !log->quiet ? log : NULL,
		.what = what,
		.total = total,
		.begun = now,
		.told = now,
		.marked = now,
	};
	if (p->log != NULL && !p->log->json && p->log->err != NULL)
		p->terminal = isatty(fileno(p->log->err)) != 0;
}

static void reckon(struct progress *p, int64_t now)
{
	int64_t ms = now - p->marked;
	if (ms < RATE_MS)
		return;
	double rate = (double)(p->done - p->marked_done) * 1000 / (double)ms;
	/* The first seconds count as they are: there is nothing to smooth them with. */
	int64_t since = now - p->begun;
	double share = (double)ms / (double)(since < SMOOTH_MS ? since : SMOOTH_MS);
	p->rate += (rate - p->rate) * (share < 1 ? share : 1);
	p->marked = now;
	p->marked_done = p->done;
}

int64_t progress_left(const struct progress *p)
{
	if (p->rate < 1 || p->done > p->total)
		return -1;
	double left = (double)(p->total - p->done) / p->rate;
	return left < 1e9 ? (int64_t)(left + 0.999) : -1;
}

struct progress_text progress_text(const struct progress *p)
{
	struct progress_text t;
	unsigned percent =
		p->total == 0 ? 100 : (unsigned)((double)p->done * 100 / (double)p->total);
	int n = snprintf(t.text, sizeof(t.text), "%u %%, %llu of %llu MiB", percent,
		(unsigned long long)(p->done / MIB),
		(unsigned long long)((p->total + MIB - 1) / MIB));
	if (p->rate >= 1)
		n += snprintf(t.text + n, sizeof(t.text) - (size_t)n, ", %.1f MiB/s",
			p->rate / (double)MIB);
	int64_t left = progress_left(p);
	if (left >= 3600)
		snprintf(t.text + n, sizeof(t.text) - (size_t)n, ", %lld h %lld min left",
			(long long)(left / 3600), (long long)(left / 60 % 60));
	else if (left >= 60)
		snprintf(t.text + n, sizeof(t.text) - (size_t)n, ", %lld min %lld s left",
			(long long)(left / 60), (long long)(left % 60));
	else if (left >= 0)
		snprintf(t.text + n, sizeof(t.text) - (size_t)n, ", %lld s left", (long long)left);
	return t;
}

static void tell(struct progress *p)
{
	struct progress_text t = progress_text(p);
	if (p->log->json) {
		cleanup_buf struct buf text = { 0 };
		struct json j = log_event(p->log, &text, "progress");
		json_str(&j, "what", p->what);
		json_int(&j, "done", (long long)p->done);
		json_int(&j, "total", (long long)p->total);
		json_int(&j, "rate", (long long)p->rate);
		json_int(&j, "left", progress_left(p));
		log_event_end(p->log, &j);
	} else if (p->terminal) {
		fprintf(p->log->err, "\r%s: %s\033[K", p->what, t.text);
		fflush(p->log->err);
		p->drawn = true;
	} else {
		log_say(p->log, "%s: %s", p->what, t.text);
		fflush(p->log->out); /* whoever reads a pipe wants to see it move */
	}
}

static int64_t interval(const struct progress *p)
{
	return p->terminal ? DRAW_MS : LINE_MS;
}

void progress_skip(struct progress *p, uint64_t bytes)
{
	p->done += bytes;
	p->marked_done += bytes;
}

void progress_step(struct progress *p, uint64_t bytes, int64_t now)
{
	p->done += bytes;
	reckon(p, now);
	if (p->log == NULL || now - p->told < interval(p))
		return;
	p->told = now;
	tell(p);
}

int progress_wait(const struct progress *p, int64_t now)
{
	int64_t ms = p->log == NULL ? LINE_MS : interval(p) - (now - p->told);
	return ms < 1 ? 1 : (int)(ms < LINE_MS ? ms : LINE_MS);
}

void progress_end(struct progress *p, int64_t now)
{
	p->told = now;
	if (p->drawn) {
		fputs("\r\033[K", p->log->err);
		fflush(p->log->err);
		p->drawn = false;
	}
}

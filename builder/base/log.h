/*
 * What the program says: lines for people, or with --json one JSON event a line on stdout. Handed
 * down from main; nothing else prints.
 */
#ifndef IMGBUILD_BASE_LOG_H
#define IMGBUILD_BASE_LOG_H

#include <stdbool.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/json.h"

struct log {
	FILE *out;
	FILE *err;
	bool quiet;   /* -q: errors only */
	bool verbose; /* -v: log_detail as well */
	bool json;    /* --json: events instead of lines */
};

/* A line on stdout; not with -q or --json. */
void log_say(const struct log *log, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The same, only with -v. */
void log_detail(const struct log *log, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A line on stderr: what the user should know although the work goes on. Never held back. */
void log_warn(const struct log *log, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * An event: `struct json j = log_event(log, &buf, "product"); json_str(&j, ...);
 * log_event_end(log, &j);`. Without --json nothing is printed. `buf` is the caller's, reused.
 */
struct json log_event(const struct log *log, struct buf *buf, const char *event);
void log_event_end(const struct log *log, struct json *j);

/* What was said has arrived: ERR_MACHINE when stdout could not be written. */
must_check int log_finish(const struct log *log, struct err *e);

#endif

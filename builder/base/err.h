/*
 * Errors: one struct on the caller's stack, filled once at the root cause and wrapped on the way
 * up.
 *
 * Fallible functions return 0 or -1 and take `struct err *` last. `ret_` outputs are written only
 * on success. Library code never prints.
 */
#ifndef IMGBUILD_BASE_ERR_H
#define IMGBUILD_BASE_ERR_H

#include <stdarg.h>
#include <stdbool.h>

#define must_check   __attribute__((warn_unused_result))
#define printf_fn(f) __attribute__((format(printf, f, (f) + 1)))

/* The kind alone decides the exit status, which is its value. */
enum err_kind {
	ERR_NONE = 0,
	ERR_ANSWER_NO = 1, /* the work is done and the answer is no */
	ERR_USAGE = 2,     /* command line */
	ERR_INPUT = 3,     /* recipe, sites, overlay, template */
	ERR_MACHINE = 4,   /* this machine: files, memory, programs */
	ERR_REMOTE = 5,    /* AWS or the network */
	ERR_BUG = 6,       /* ours */
};

struct err {
	enum err_kind kind;
	int errnum;     /* errno of the root cause, 0 if none */
	int http;       /* HTTP status of the root cause, 0 if none */
	bool again;     /* the same call may succeed later */
	char msg[1024]; /* "outer: inner: root cause"; when too long, the outer end is cut */
};

/* Set the root cause; with errnum != 0 the text ends in ": strerror". Returns -1. */
int err_set(struct err *e, enum err_kind kind, int errnum, const char *fmt, ...) printf_fn(4);

/* Put "text: " in front of what went wrong below. Returns -1. */
int err_wrap(struct err *e, const char *fmt, ...) printf_fn(2);

/* Out of memory, the one message for it. Returns -1. */
int err_nomem(struct err *e);

/* An analyzer sees one source file at a time, and has to be told what these return. */
#ifdef __clang_analyzer__
#define err_set(...)   (err_set(__VA_ARGS__), -1)
#define err_wrap(...)  (err_wrap(__VA_ARGS__), -1)
#define err_nomem(...) (err_nomem(__VA_ARGS__), -1)
#endif

#endif

#include "base/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#undef err_set
#undef err_wrap
#undef err_nomem

int err_set(struct err *e, enum err_kind kind, int errnum, const char *fmt, ...)
{
	*e = (struct err){ .kind = kind, .errnum = errnum };
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	if (errnum != 0 && n >= 0 && (size_t)n < sizeof(e->msg))
		snprintf(e->msg + n, sizeof(e->msg) - (size_t)n, ": %s", strerrordesc_np(errnum));
	return -1;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
	char outer[sizeof(e->msg)];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(outer, sizeof(outer), fmt, ap);
	va_end(ap);

	size_t inner = strlen(e->msg);
	size_t room = sizeof(e->msg) - 1 - inner;
	size_t want = strlen(outer) + 2;
	if (room < 3)
		return -1;
	if (want > room) {
		outer[room - 2] = '\0';
		want = room;
	}
	memmove(e->msg + want, e->msg, inner + 1);
	memcpy(e->msg, outer, want - 2);
	memcpy(e->msg + want - 2, ": ", 2);
	return -1;
}

int err_nomem(struct err *e)
{
	return err_set(e, ERR_MACHINE, ENOMEM, "memory");
}

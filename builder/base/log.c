#include "base/log.h"

#include <errno.h>
#include <stdarg.h>

void log_say(const struct log *log, const char *fmt, ...)
{
	if (log->quiet || log->json)
		return;
	va_list ap;
	va_start(ap, fmt);
	vfprintf(log->out, fmt, ap);
	va_end(ap);
	fputc('\n', log->out);
}

void log_detail(const struct log *log, const char *fmt, ...)
{
	if (!log->verbose || log->quiet || log->json)
		return;
	va_list ap;
	va_start(ap, fmt);
	vfprintf(log->out, fmt, ap);
	va_end(ap);
	fputc('\n', log->out);
}

void log_warn(const struct log *log, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	fflush(log->out);
	vfprintf(log->err, fmt, ap);
	va_end(ap);
	fputc('\n', log->err);
}

struct json log_event(const struct log *log, struct buf *buf, const char *event)
{
	(void)log;
	buf_clear(buf);
	struct json j = json_to(buf, 0);
	json_open(&j, NULL, '{');
	json_str(&j, "event", event);
	return j;
}

void log_event_end(const struct log *log, struct json *j)
{
	struct err e;
	json_close(j, '}');
	if (json_end(j, &e) == 0 && log->json)
		fprintf(log->out, "%s\n", j->out->data);
}

int log_finish(const struct log *log, struct err *e)
{
	errno = 0;
	if (fflush(log->out) != 0 || ferror(log->out))
		return err_set(e, ERR_MACHINE, errno, "write to standard output");
	return 0;
}

#include "boot/console.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* Where in an escape sequence (ECMA-48) the next byte is. */
enum { TEXT, ESCAPE, CHARSET, CONTROL, STRING, STRING_ESCAPE };

/* Whether the byte belongs to the line. */
static bool is_text(struct console *c, unsigned char b)
{
	switch (c->state) {
	case ESCAPE:
		if (b == '[')
			c->state = CONTROL;
		else if (b == ']' || b == 'P' || b == 'X' || b == '^' || b == '_')
			c->state = STRING;
		else
			c->state = b >= 0x20 && b < 0x30 ? CHARSET : TEXT;
		return false;
	case CHARSET:
		c->state = TEXT;
		return false;
	case CONTROL:
		if (b >= 0x40 && b < 0x7F)
			c->state = TEXT;
		return false;
	case STRING:
		if (b == 0x07)
			c->state = TEXT;
		else if (b == 0x1B)
			c->state = STRING_ESCAPE;
		return false;
	case STRING_ESCAPE:
		c->state = b == '\\' ? TEXT : STRING;
		return false;
	default:
		if (b == 0x1B)
			c->state = ESCAPE;
		return b >= 0x20 && b != 0x7F;
	}
}

/* Keep what is UTF-8 and prints. */
static void make_plain(struct console *c)
{
	for (size_t i = 0; i < c->len;) {
		size_t n = text_utf8_len(c->line + i, c->len - i);
		bool control = n == 2 && (unsigned char)c->line[i] == 0xC2 &&
			       (unsigned char)c->line[i + 1] < 0xA0;
		if (n == 0 || control)
			memset(c->line + i, '?', n > 0 ? n : 1);
		i += n > 0 ? n : 1;
	}
	while (c->len > 0 && c->line[c->len - 1] == ' ')
		c->len--;
	c->line[c->len] = '\0';
}

int console_end(struct console *c, struct err *e)
{
	make_plain(c);
	int rc = c->len > 0 ? c->on_line(c->ctx, c->line, e) : 0;
	c->len = 0;
	return rc;
}

int console_feed(struct console *c, const char *data, size_t len, struct err *e)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char b = (unsigned char)data[i];
		/* A line's end ends whatever a lost byte left open. */
		if (b == '\n') {
			c->state = TEXT;
			if (console_end(c, e) < 0)
				return -1;
			continue;
		}
		if (b == '\t' && c->state == TEXT)
			b = ' ';
		if (!is_text(c, b))
			continue;
		c->line[c->len++] = (char)b;
		if (c->len == CONSOLE_LINE_MAX && console_end(c, e) < 0)
			return -1;
	}
	return 0;
}

static struct console_event event(enum console_kind kind, const char *text)
{
	struct console_event v = { .kind = kind };
	size_t n = strlen(text);
	if (n >= sizeof(v.text)) {
		n = sizeof(v.text) - 1;
		while (n > 0 && ((unsigned char)text[n] & 0xC0) == 0x80)
			n--; /* not within a character */
	}
	memcpy(v.text, text, n);
	return v;
}

/* Without the kernel's time stamp. */
static const char *message_of(const char *line)
{
	if (*line != '[')
		return line;
	const char *p = line + 1 + strspn(line + 1, " 0123456789.");
	return *p == ']' && p > line + 1 ? p + 1 + strspn(p + 1, " ") : line;
}

/* "Cloud-init v. 22.4.2 running 'init' at Tue, ...", and its end. */
static bool is_stage(const char *line, struct console_event *ret)
{
	const char *p = strstr(line, "Cloud-init v. ");
	if (p == NULL)
		return false;
	const char *running = strstr(p, " running '");
	if (running != NULL) {
		const char *name = running + strlen(" running '");
		*ret = event(CONSOLE_STAGE, "cloud-init: ");
		snprintf(ret->text, sizeof(ret->text), "cloud-init: %.*s", (int)strcspn(name, "'"),
			name);
		return true;
	}
	if (strstr(p, " finished at ") == NULL)
		return false;
	*ret = event(CONSOLE_STAGE, "cloud-init: finished");
	return true;
}

static bool is_complaint(const char *message)
{
	static const char *const words[] = { "[WARNING]", "[ERROR]", "[CRITICAL]", "Traceback (",
		"ERROR: ", "WARNING: ", "Failed " };
	if (strstr(message, "cloud-init[") == NULL)
		return false;
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strstr(message, words[i]) != NULL)
			return true;
	return false;
}

/* "Job UNIT/start running (5s / 1min)" behind what moves. */
static bool is_job(const char *line, struct console_event *ret)
{
	const char *end = strstr(line, " running (");
	const char *p = strstr(line, "] Job ");
	if (*line != '[' || end == NULL || p == NULL || p > end)
		return false;
	p += strlen("] Job ");
	*ret = event(CONSOLE_JOB, "");
	snprintf(ret->text, sizeof(ret->text), "%.*s", (int)(end - p), p);
	return true;
}

/* cloud-init's "Authorized keys from /home/NAME/.ssh/authorized_keys for user NAME". */
static bool is_user(const char *line, struct console_event *ret)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz0123456789_-";
	const char *p = strstr(line, "Authorized keys from ");
	p = p != NULL ? strstr(p, " for user ") : NULL;
	if (p == NULL)
		return false;
	p += strlen(" for user ");
	/* The name stands in a row of plus signs. */
	size_t n = strspn(p, plain);
	if (n == 0 || n > 32)
		return false;
	*ret = event(CONSOLE_USER, "");
	snprintf(ret->text, sizeof(ret->text), "%.*s", (int)n, p);
	return true;
}

/* From which a boot does not come back, wherever in a line; and what to tell, if not the line. */
static const struct {
	const char *sign;
	const char *text;
} ENDS[] = {
	{ "Kernel panic - not syncing", NULL },
	{ "VFS: Unable to mount root fs", NULL },
	{ "No bootable option or device was found", "the firmware found nothing to boot" },
	{ "UEFI Interactive Shell", "the firmware found nothing to boot" },
	{ "You are in emergency mode", "emergency mode" },
	{ "You are in rescue mode", "rescue mode" },
	{ "Emergency Mode", "emergency mode" },
	{ "root account is locked", "emergency mode" },
	{ "Give root password for maintenance", "emergency mode" },
	{ "Dropping to a shell", NULL },
	{ "(initramfs)", "the initrd did not find the root file system" },
	{ "Freezing execution", NULL },
};

struct console_event console_classify(const char *line)
{
	static const char *const down[] = { "reboot: Power down", "reboot: Restarting system",
		"reboot: System halted" };
	static const char *const failed[] = { "[FAILED] Failed to ", "[DEPEND] Dependency " };
	const char *message = message_of(line);
	struct console_event v;
	if (strcmp(line, "hub: ready") == 0)
		return event(CONSOLE_READY, "ready");
	if (text_starts(line, "hub: not ready: "))
		return event(CONSOLE_NOT_READY, line + strlen("hub: not ready: "));
	/* The second is all that a quiet kernel says. */
	if (text_starts(message, "Linux version ") || text_starts(line, "EFI stub: "))
		return event(CONSOLE_KERNEL, "kernel started");
	for (size_t i = 0; i < sizeof(failed) / sizeof(*failed); i++)
		if (text_starts(message, failed[i]))
			return event(CONSOLE_UNIT, message + strlen("[FAILED] "));
	/* Linux 6.10 and later say "Oops: " before it. */
	if (text_starts(message, "int3: ") || text_starts(message, "Oops: int3: "))
		return event(CONSOLE_INT3, "the kernel met a breakpoint of its own (int3)");
	for (size_t i = 0; i < sizeof(ENDS) / sizeof(*ENDS); i++)
		if (strstr(line, ENDS[i].sign) != NULL)
			return event(CONSOLE_FATAL, ENDS[i].text != NULL ? ENDS[i].text : message);
	for (size_t i = 0; i < sizeof(down) / sizeof(*down); i++)
		if (text_starts(message, down[i]))
			return event(CONSOLE_DOWN, message);
	if (is_stage(line, &v) || is_job(line, &v) || is_user(line, &v))
		return v;
	if (is_complaint(message))
		return event(CONSOLE_CLOUD, message);
	return event(CONSOLE_OTHER, "");
}

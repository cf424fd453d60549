#include "base/json.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

struct json json_to(struct buf *out, unsigned indent)
{
	return (struct json){ .out = out, .indent = indent };
}

static void add(struct json *j, const char *data, size_t len)
{
	if (!j->failed && buf_add(j->out, data, len, &j->err) < 0)
		j->failed = true;
}

static void break_line(struct json *j)
{
	static const char spaces[] = "\n                                                ";
	if (j->indent == 0)
		return;
	if (j->flat != 0) {
		return;
	}
	size_t n = (size_t)j->indent * j->depth;
	add(j, spaces, 1 + (n < sizeof(spaces) - 2 ? n : sizeof(spaces) - 2));
}

static void quoted(struct json *j, const char *text, size_t len)
{
	add(j, "\"", 1);
	size_t done = 0;
	for (size_t i = 0; i < len;) {
		unsigned char c = (unsigned char)text[i];
		size_t n = text_utf8_len(text + i, len - i);
		char esc[8];
		if (n == 0)
			snprintf(esc, sizeof(esc), "\\ufffd");
		else if (c == '"' || c == '\\')
			snprintf(esc, sizeof(esc), "\\%c", c);
		else if (c == '\n')
			snprintf(esc, sizeof(esc), "\\n");
		else if (c == '\t')
			snprintf(esc, sizeof(esc), "\\t");
		else if (c < 0x20 || c == 0x7f)
			snprintf(esc, sizeof(esc), "\\u%04x", c);
		else {
			i += n;
			continue;
		}
		add(j, text + done, i - done);
		add(j, esc, strlen(esc));
		i += n != 0 ? n : 1;
		done = i;
	}
	add(j, text + done, len - done);
	add(j, "\"", 1);
}

static void item(struct json *j, const char *key)
{
	if (j->comma)
		add(j, j->flat != 0 && j->indent != 0 ? ", " : ",",
			j->flat != 0 && j->indent != 0 ? 2 : 1);
	if (j->depth > 0)
		break_line(j);
	j->comma = true;
	if (key != NULL) {
		quoted(j, key, strlen(key));
		add(j, ": ", j->indent != 0 ? 2 : 1);
	}
}

void json_open(struct json *j, const char *key, char bracket)
{
	item(j, key);
	add(j, &bracket, 1);
	j->depth++;
	if (j->flat != 0)
		j->flat++;
	j->comma = false;
}

void json_open_flat(struct json *j, const char *key, char bracket)
{
	json_open(j, key, bracket);
	if (j->flat == 0)
		j->flat = 1;
}

void json_close(struct json *j, char bracket)
{
	bool empty = !j->comma;
	j->depth--;
	if (!empty)
		break_line(j);
	if (j->flat != 0)
		j->flat--;
	add(j, &bracket, 1);
	j->comma = true;
}

void json_str(struct json *j, const char *key, const char *text)
{
	json_strn(j, key, text, text != NULL ? strlen(text) : 0);
}

void json_strn(struct json *j, const char *key, const char *text, size_t len)
{
	item(j, key);
	if (text == NULL)
		add(j, "null", 4);
	else
		quoted(j, text, len);
}

void json_int(struct json *j, const char *key, long long value)
{
	char text[24];
	item(j, key);
	int n = snprintf(text, sizeof(text), "%lld", value);
	add(j, text, (size_t)n);
}

void json_bool(struct json *j, const char *key, bool value)
{
	item(j, key);
	add(j, value ? "true" : "false", value ? 4 : 5);
}

int json_end(struct json *j, struct err *e)
{
	if (j->indent != 0)
		add(j, "\n", 1);
	if (!j->failed)
		return 0;
	*e = j->err;
	return -1;
}

#include "bundle/cloudconfig.h"

#include <string.h>

#include "bundle/quote.h"

/*
 * As little indentation as YAML allows: a file's keys at column 1, its text at 2. Each column more
 * on each line costs some 90 bytes of the compressed form.
 */
#define TEXT_INDENT 2
#define TEXT_STEP   1

static int packages(const struct words *w, struct buf *out, struct err *e)
{
	if (w == NULL || w->count == 0)
		return 0;
	if (buf_puts(out, "package_update: true\npackages:\n", e) < 0)
		return -1;
	for (size_t i = 0; i < w->count; i++)
		if (buf_puts(out, "- ", e) < 0 || quote_yaml(out, w->list[i].text, e) < 0 ||
			buf_putc(out, '\n', e) < 0)
			return -1;
	return 0;
}

static int content(const struct cloud_file *f, struct buf *out, struct err *e)
{
	if (quote_yaml_is_block(f->data, f->size))
		return buf_puts(out, " content: ", e) < 0
			       ? -1
			       : quote_yaml_block(out, f->data, f->size, TEXT_INDENT, TEXT_STEP, e);
	if (buf_puts(out, " encoding: b64\n content: ", e) < 0)
		return -1;
	if (f->size == 0)
		return buf_puts(out, "''\n", e);
	if (buf_base64(out, f->data, f->size, 0, e) < 0)
		return -1;
	return buf_putc(out, '\n', e);
}

int cloud_config_file(const struct cloud_file *f, struct buf *out, struct err *e)
{
	if (buf_puts(out, "-\n path: ", e) < 0 || quote_yaml(out, f->path, e) < 0 ||
		buf_putc(out, '\n', e) < 0)
		return -1;
	if (f->mode != 0644 && buf_printf(out, e, " permissions: '%04o'\n", f->mode) < 0)
		return -1;
	return content(f, out, e);
}

static int commands(const char *key, const struct cloud_command *list, size_t count,
	struct buf *out, struct err *e)
{
	if (count > 0 && buf_printf(out, e, "%s:\n", key) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		const char *text = list[i].text;
		size_t len = strlen(text);
		bool block = strchr(text, '\n') != NULL && quote_yaml_is_block(text, len);
		if (buf_puts(out, "- ", e) < 0)
			return -1;
		if (block ? quote_yaml_block(out, text, len, 2, 2, e) < 0
			  : quote_yaml(out, text, e) < 0 || buf_putc(out, '\n', e) < 0)
			return -1;
	}
	return 0;
}

int cloud_config_write(const struct cloud_config *c, struct buf *out, struct err *e)
{
	size_t total = 4096;
	for (size_t i = 0; i < c->file_count; i++)
		total += c->files[i].size + c->files[i].size / 2 + 256;
	if (buf_reserve(out, total, e) < 0 ||
		buf_printf(out, e, "#cloud-config\n# %s\nmerge_how: %s\n", c->title, CLOUD_MERGE) <
			0 ||
		packages(c->packages, out, e) < 0 ||
		commands("bootcmd", c->boot, c->boot_count, out, e) < 0)
		return -1;
	if (c->file_count > 0 && buf_puts(out, "write_files:\n", e) < 0)
		return -1;
	for (size_t i = 0; i < c->file_count; i++)
		if (cloud_config_file(&c->files[i], out, e) < 0)
			return -1;
	return commands("runcmd", c->run, c->run_count, out, e);
}

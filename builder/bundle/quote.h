/*
 * Text quoted for YAML (1.1 as PyYAML reads it, 1.2 as well) and for the shell, so that it reads
 * back as exactly the same text.
 */
#ifndef IMGBUILD_BUNDLE_QUOTE_H
#define IMGBUILD_BUNDLE_QUOTE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* Well-formed UTF-8 (RFC 3629) without NUL. */
bool quote_is_utf8(const char *text, size_t len);

/*
 * Append a YAML scalar on one line: plain where no reader could take it for anything but this
 * text, else in single quotes, else (anything but printable ASCII) in double quotes with escapes.
 * ERR_BUG when `text` is no UTF-8.
 */
must_check int quote_yaml(struct buf *out, const char *text, struct err *e);

/*
 * Whether a YAML literal block gives this text back exactly: UTF-8, no control characters but tab
 * and newline, no carriage returns or Unicode line ends, and something to be seen in it.
 */
bool quote_yaml_is_block(const char *text, size_t len);

/*
 * Append a literal block: `|`, indentation and chomping indicators where the text needs them, and
 * its lines, indented by `indent` blanks (at most 10) of which `step` (1 to 9) are beyond the
 * parent's. Only where quote_yaml_is_block.
 */
must_check int quote_yaml_block(struct buf *out, const char *text, size_t len, unsigned indent,
	unsigned step, struct err *e);

/* Append one word for a POSIX shell. */
must_check int quote_shell(struct buf *out, const char *text, struct err *e);

#endif

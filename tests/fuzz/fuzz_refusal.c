/* Bodies of refusals, in XML, JSON or neither: any bytes; what is told is plain text. */
#include <string.h>

#include "aws/client_part.h"
#include "aws/query.h"
#include "base/text.h"
#include "fuzz.h"

static void check(const char *text, size_t size)
{
	size_t len = strnlen(text, size);
	must(len < size);
	for (size_t i = 0, step; i < len; i += step) {
		step = text_utf8_len(text + i, len - i);
		must(step != 0 && (unsigned char)text[i] >= ' ' && text[i] != 0x7F);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct aws_reply r = { .status = 400 };
	struct err e;
	/* As it comes: NUL-terminated behind its length. */
	must(buf_add(&r.body, data, size, &e) == 0);
	(void)json_unreadable(&r);
	bool read = refusal_read(&r, "");
	check(r.code, sizeof(r.code));
	check(r.message, sizeof(r.message));
	check(r.reason, sizeof(r.reason));
	check(r.request_id, sizeof(r.request_id));
	must(read || r.code[0] == '\0');
	must(refusal_read(&r, "com.x#Named:http://y/") && strcmp(r.code, "Named") == 0);
	aws_reply_free(&r);
	return 0;
}

/* A request from its text: "METHOD TARGET HTTP/1.1", headers, an empty line, the body. */
#ifndef IMGBUILD_TESTS_BOOT_REQUEST_H
#define IMGBUILD_TESTS_BOOT_REQUEST_H

#include <stdlib.h>
#include <string.h>

#include "boot/http.h"
#include "check.h"

struct made {
	struct http_request r;
	char *text; /* what it points into */
};

static inline struct made request_of(const char *text)
{
	struct made m = { .text = strdup(text) };
	struct err e;
	assert_non_null(m.text);
	char *body = strstr(m.text, "\n\n");
	if (body != NULL) {
		body[1] = '\0';
		assert_int_equal(buf_puts(&m.r.body, body + 2, &e), 0);
	}
	char *save = NULL, *line = strtok_r(m.text, "\n", &save);
	char *target = strchr(line, ' '), *end = strrchr(line, ' ');
	*target = *end = '\0';
	m.r.method = line;
	m.r.target = target + 1;
	while ((line = strtok_r(NULL, "\n", &save)) != NULL) {
		char *colon = strchr(line, ':');
		assert_non_null(colon);
		*colon = '\0';
		m.r.headers[m.r.header_count++] =
			(struct http_header){ line, colon + 1 + strspn(colon + 1, " ") };
	}
	return m;
}

static inline void request_free(struct made *m)
{
	buf_free(&m->r.body);
	free(m->text);
}

#endif

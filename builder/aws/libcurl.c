#include "aws/libcurl.h"

int libcurl_load(struct libcurl *ret, struct err *e)
{
	static const char *const NAMES[] = { LIBCURL_CALLS(LIBRARY_NAME) };
	return library_load(
		"libcurl.so.4", "libcurl4", NAMES, sizeof(NAMES) / sizeof(NAMES[0]), ret, e);
}

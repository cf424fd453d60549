#include "disk/libarchive.h"

int libarchive_load(struct libarchive *ret, struct err *e)
{
	static const char *const NAMES[] = { LIBARCHIVE_CALLS(LIBRARY_NAME) };
	return library_load("libarchive.so.13", "libarchive13", NAMES,
		sizeof(NAMES) / sizeof(NAMES[0]), ret, e);
}

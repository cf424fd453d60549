/*
 * libcurl, loaded when AWS is to be called: what of it is used.
 */
#ifndef IMGBUILD_AWS_LIBCURL_H
#define IMGBUILD_AWS_LIBCURL_H

#define CURL_DISABLE_TYPECHECK /* its macros would take the calls through pointers */
#include <curl/curl.h>

#include "base/err.h"
#include "base/library.h"

#define LIBCURL_CALLS(X)                                                                           \
	X(curl_global_init)                                                                        \
	X(curl_global_cleanup)                                                                     \
	X(curl_easy_init)                                                                          \
	X(curl_easy_cleanup)                                                                       \
	X(curl_easy_setopt)                                                                        \
	X(curl_easy_getinfo)                                                                       \
	X(curl_easy_strerror)                                                                      \
	X(curl_getdate)                                                                            \
	X(curl_multi_init)                                                                         \
	X(curl_multi_cleanup)                                                                      \
	X(curl_multi_setopt)                                                                       \
	X(curl_multi_add_handle)                                                                   \
	X(curl_multi_remove_handle)                                                                \
	X(curl_multi_perform)                                                                      \
	X(curl_multi_poll)                                                                         \
	X(curl_multi_info_read)                                                                    \
	X(curl_multi_strerror)                                                                     \
	X(curl_slist_append)                                                                       \
	X(curl_slist_free_all)

struct libcurl {
	LIBCURL_CALLS(LIBRARY_POINTER)
};

/* ERR_MACHINE: not installed. */
must_check int libcurl_load(struct libcurl *ret, struct err *e);

#endif

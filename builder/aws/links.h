/*
 * The sockets of libcurl's connections, which it does not tell of while a transfer is under way:
 * they are opened and closed here, and found again by the connection's two ends.
 */
#ifndef IMGBUILD_AWS_LINKS_H
#define IMGBUILD_AWS_LINKS_H

#include <stddef.h>

#include "aws/libcurl.h"

struct link {
	int fd;
	char ends[80]; /* "peer port port"; "": not known yet */
};

struct links {
	struct link *list;
	size_t count, cap;
};

/* CURLOPT_OPENSOCKETFUNCTION and CURLOPT_CLOSESOCKETFUNCTION; `ctx` is the links. */
curl_socket_t links_open(void *ctx, curlsocktype purpose, struct curl_sockaddr *to);
int links_close(void *ctx, curl_socket_t fd);

/* The socket from this machine's port to a peer's; -1: none. */
int links_find(struct links *l, const char *peer, int peer_port, int port);

/* Takes an empty one; the sockets are libcurl's to close. */
void links_free(struct links *l);

#endif

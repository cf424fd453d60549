#include "aws/links.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

curl_socket_t links_open(void *ctx, curlsocktype purpose, struct curl_sockaddr *to)
{
	(void)purpose;
	struct links *l = ctx;
	int fd = socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
	if (fd < 0)
		return CURL_SOCKET_BAD;
	if (l->count == l->cap) {
		size_t cap = l->cap > 0 ? 2 * l->cap : 64;
		struct link *list = reallocarray(l->list, cap, sizeof(*list));
		if (list == NULL) {
			close(fd);
			return CURL_SOCKET_BAD;
		}
		l->list = list;
		l->cap = cap;
	}
	l->list[l->count++] = (struct link){ .fd = fd };
	return fd;
}

int links_close(void *ctx, curl_socket_t fd)
{
	struct links *l = ctx;
	for (size_t i = 0; i < l->count; i++) {
		if (l->list[i].fd == fd) {
			l->list[i] = l->list[--l->count];
			break;
		}
	}
	return close(fd);
}

static void name_ends(char out[static 80], const char *peer, int peer_port, int port)
{
	snprintf(out, 80, "%.45s %d %d", peer, peer_port, port);
}

/* Address and port of one end. */
static int read_end(const struct sockaddr_storage *s, char out[static INET6_ADDRSTRLEN])
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)s;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)s;
	if (s->ss_family == AF_INET) {
		inet_ntop(AF_INET, &v4->sin_addr, out, INET6_ADDRSTRLEN);
		return ntohs(v4->sin_port);
	}
	if (s->ss_family != AF_INET6)
		return -1;
	inet_ntop(AF_INET6, &v6->sin6_addr, out, INET6_ADDRSTRLEN);
	return ntohs(v6->sin6_port);
}

static void learn(struct link *l)
{
	struct sockaddr_storage mine = { 0 }, its = { 0 };
	socklen_t mine_len = sizeof(mine), its_len = sizeof(its);
	char here[INET6_ADDRSTRLEN] = "", there[INET6_ADDRSTRLEN] = "";
	if (getsockname(l->fd, (struct sockaddr *)&mine, &mine_len) < 0 ||
		getpeername(l->fd, (struct sockaddr *)&its, &its_len) < 0)
		return;
	int port = read_end(&mine, here), peer_port = read_end(&its, there);
	if (port > 0 && peer_port > 0)
		name_ends(l->ends, there, peer_port, port);
}

int links_find(struct links *l, const char *peer, int peer_port, int port)
{
	char ends[80];
	name_ends(ends, peer, peer_port, port);
	for (size_t i = 0; i < l->count; i++) {
		if (l->list[i].ends[0] == '\0')
			learn(&l->list[i]);
		if (strcmp(l->list[i].ends, ends) == 0)
			return l->list[i].fd;
	}
	return -1;
}

void links_free(struct links *l)
{
	free(l->list);
	*l = (struct links){ 0 };
}

/*
 * An HTTP server on loopback in a thread of the test: it does to each request, in the order they
 * arrive, what the script's next step says, and keeps what it was sent.
 */
#ifndef IMGBUILD_TESTS_SERVER_H
#define IMGBUILD_TESTS_SERVER_H

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum serve {
	SERVE_REPLY,    /* and keep the connection */
	SERVE_LAST,     /* reply, then close the connection */
	SERVE_SILENTLY, /* reply, and close the connection when the next request arrives */
	SERVE_CLOSE,    /* no answer */
	SERVE_RESET,    /* half the body, then a reset */
	SERVE_CUT,      /* half the body, then the end */
	SERVE_STALL,    /* half the body, then nothing */
	SERVE_NOTHING,  /* no answer, the connection stays open */
	SERVE_DRIP,     /* the body in pieces, a tenth of a second apart */
	SERVE_ENDLESS,  /* the body without a length, until the end of the connection */
};

struct step {
	enum serve how;
	int status;
	const char *headers; /* each ending in \r\n; NULL: none */
	const char *body;
};

#define SERVER_REQUESTS 600
#define SERVER_CONNS    128

struct server_conn {
	int fd;
	char *data;
	size_t len;
	bool close_next;
};

struct server {
	int listener;
	int wake[2];
	unsigned port;
	pthread_t thread;
	pthread_mutex_t lock;
	const struct step *steps; /* behind the last: 200 and <ok/> */
	size_t step_count;
	/* What arrived. */
	char *requests[SERVER_REQUESTS]; /* head and body, NUL behind it */
	size_t lengths[SERVER_REQUESTS];
	size_t count;
	size_t connections; /* ever */
	bool slow;          /* reads 32 KiB each tenth of a second */
	struct server_conn conns[SERVER_CONNS];
};

static inline void server_drop(struct server_conn *c, bool reset)
{
	struct linger linger = { .l_onoff = 1 };
	if (reset)
		setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(c->fd);
	free(c->data);
	*c = (struct server_conn){ .fd = -1 };
}

static inline void server_send(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
		if (n <= 0)
			return;
		data += n;
		len -= (size_t)n;
	}
}

static inline void server_answer(struct server_conn *c, const struct step *p)
{
	char head[1024];
	const char *body = p->body != NULL ? p->body : "";
	size_t len = strlen(body);
	int n = snprintf(head, sizeof(head), "HTTP/1.1 %d X\r\n%s", p->status,
		p->headers != NULL ? p->headers : "");
	if (p->how == SERVE_ENDLESS)
		n += snprintf(head + n, sizeof(head) - (size_t)n, "Connection: close\r\n\r\n");
	else
		n += snprintf(
			head + n, sizeof(head) - (size_t)n, "Content-Length: %zu\r\n\r\n", len);
	if (p->how == SERVE_CLOSE || p->how == SERVE_NOTHING) {
		if (p->how == SERVE_CLOSE)
			server_drop(c, false);
		return;
	}
	bool half = p->how == SERVE_RESET || p->how == SERVE_CUT || p->how == SERVE_STALL;
	server_send(c->fd, head, (size_t)n);
	for (; p->how == SERVE_DRIP && len > 0; body++, len--) {
		server_send(c->fd, body, 1);
		usleep(100000);
	}
	server_send(c->fd, body, half ? len / 2 : len);
	if (p->how == SERVE_LAST || p->how == SERVE_CUT || p->how == SERVE_ENDLESS)
		server_drop(c, false);
	else if (p->how == SERVE_RESET)
		server_drop(c, true);
	else
		c->close_next = p->how == SERVE_SILENTLY;
}

/* Bytes of the request that `c` holds whole; 0: not yet. */
static inline size_t server_whole(const struct server_conn *c)
{
	const char *end = c->data != NULL ? memmem(c->data, c->len, "\r\n\r\n", 4) : NULL;
	if (end == NULL)
		return 0;
	size_t body = 0;
	for (const char *line = c->data; line < end; line = strstr(line, "\r\n") + 2)
		if (strncasecmp(line, "content-length:", 15) == 0)
			body = strtoul(line + 15, NULL, 10);
	size_t all = (size_t)(end - c->data) + 4 + body;
	return c->len >= all ? all : 0;
}

static inline void server_read(struct server *s, struct server_conn *c)
{
	static const struct step good = { SERVE_REPLY, 200, NULL, "<ok/>" };
	enum { ROOM = 1 << 20 };
	if (c->data == NULL)
		c->data = calloc(1, ROOM + 1);
	ssize_t n = recv(c->fd, c->data + c->len, s->slow ? 32768 : ROOM - c->len, 0);
	if (s->slow)
		usleep(100000);
	if (n <= 0) {
		server_drop(c, false);
		return;
	}
	c->len += (size_t)n;
	c->data[c->len] = '\0';
	size_t all = server_whole(c);
	if (all == 0)
		return;
	pthread_mutex_lock(&s->lock);
	if (c->close_next) {
		server_drop(c, false);
	} else {
		const struct step *p = s->count < s->step_count ? &s->steps[s->count] : &good;
		if (s->count < SERVER_REQUESTS) {
			s->requests[s->count] = c->data;
			s->lengths[s->count++] = all;
		} else {
			free(c->data);
		}
		c->data = NULL;
		c->len = 0;
		server_answer(c, p);
	}
	pthread_mutex_unlock(&s->lock);
}

static inline void server_accept(struct server *s)
{
	int fd = accept(s->listener, NULL, NULL);
	for (size_t i = 0; i < SERVER_CONNS; i++) {
		if (s->conns[i].fd >= 0)
			continue;
		s->conns[i] = (struct server_conn){ .fd = fd };
		pthread_mutex_lock(&s->lock);
		s->connections++;
		pthread_mutex_unlock(&s->lock);
		return;
	}
	close(fd);
}

static inline void *server_run(void *ctx)
{
	struct server *s = ctx;
	for (;;) {
		struct pollfd p[SERVER_CONNS + 2] = { { s->wake[0], POLLIN, 0 },
			{ s->listener, POLLIN, 0 } };
		for (size_t i = 0; i < SERVER_CONNS; i++)
			p[i + 2] = (struct pollfd){ s->conns[i].fd, POLLIN, 0 };
		if (poll(p, SERVER_CONNS + 2, -1) < 0)
			continue;
		if (p[0].revents != 0)
			return NULL;
		for (size_t i = 0; i < SERVER_CONNS; i++)
			if (p[i + 2].revents != 0)
				server_read(s, &s->conns[i]);
		if (p[1].revents != 0)
			server_accept(s);
	}
}

static inline void server_start(struct server *s, const struct step *steps, size_t count)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t len = sizeof(at);
	sigset_t all, before;
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	*s = (struct server){ .steps = steps, .step_count = count };
	for (size_t i = 0; i < SERVER_CONNS; i++)
		s->conns[i].fd = -1;
	pthread_mutex_init(&s->lock, NULL);
	s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	/* What the kernel took for it counts as moved: a slow one must not have it all at once. */
	const int room = 65536;
	setsockopt(s->listener, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	if (bind(s->listener, (struct sockaddr *)&at, sizeof(at)) < 0 ||
		listen(s->listener, SERVER_CONNS) < 0 ||
		getsockname(s->listener, (struct sockaddr *)&at, &len) < 0 || pipe(s->wake) < 0)
		abort();
	s->port = ntohs(at.sin_port);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (pthread_create(&s->thread, NULL, server_run, s) != 0)
		abort();
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static inline void server_stop(struct server *s)
{
	if (write(s->wake[1], "", 1) != 1)
		abort();
	pthread_join(s->thread, NULL);
	for (size_t i = 0; i < SERVER_CONNS; i++)
		if (s->conns[i].fd >= 0)
			server_drop(&s->conns[i], false);
	for (size_t i = 0; i < s->count; i++)
		free(s->requests[i]);
	close(s->listener);
	close(s->wake[0]);
	close(s->wake[1]);
	pthread_mutex_destroy(&s->lock);
}

/* The value of a header of request `i` into `out`; "": not sent. */
static inline const char *server_header(
	const struct server *s, size_t i, const char *name, char *out, size_t size)
{
	size_t n = strlen(name);
	out[0] = '\0';
	for (const char *p = s->requests[i]; p != NULL && strncmp(p, "\r\n", 2) != 0;) {
		if (strncasecmp(p, name, n) == 0 && p[n] == ':')
			snprintf(out, size, "%.*s", (int)strcspn(p + n + 2, "\r"), p + n + 2);
		p = strstr(p, "\r\n");
		p = p != NULL ? p + 2 : NULL;
	}
	return out;
}

#endif

#include "boot/relay.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"

/* One direction. Bytes wait in `data` from `start` to `end`. */
struct flow {
	int from;
	int to;
	size_t start;
	size_t end;
	bool ended;  /* nothing more comes */
	bool closed; /* and the other side was told */
	char data[65536];
};

static bool is_passing(int error)
{
	return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

/* Sides that went away end the flow: a relay has nobody to tell. */
static void pull(struct flow *f)
{
	ssize_t n = read(f->from, f->data, sizeof(f->data));
	if (n > 0)
		f->end = (size_t)n;
	else if (n == 0 || !is_passing(errno))
		f->ended = true;
}

static void push(struct flow *f)
{
	ssize_t n = write(f->to, f->data + f->start, f->end - f->start);
	if (n > 0)
		f->start += (size_t)n;
	else if (n < 0 && !is_passing(errno))
		f->ended = true, f->start = f->end;
	if (f->start == f->end)
		f->start = f->end = 0;
}

static int carry(struct flow *up, struct flow *down, struct err *e)
{
	while (!down->closed) {
		struct flow *flows[] = { up, down };
		struct pollfd fds[4];
		for (size_t i = 0; i < 2; i++) {
			struct flow *f = flows[i];
			bool reads = f->end == 0 && !f->ended;
			fds[2 * i] = (struct pollfd){ reads ? f->from : -1, POLLIN, 0 };
			fds[2 * i + 1] = (struct pollfd){ f->end > 0 ? f->to : -1, POLLOUT, 0 };
		}
		if (poll(fds, 4, -1) < 0 && errno != EINTR)
			return err_set(e, ERR_MACHINE, errno, "relay: poll");
		for (size_t i = 0; i < 2; i++) {
			struct flow *f = flows[i];
			if (fds[2 * i].revents != 0)
				pull(f);
			if (fds[2 * i + 1].revents != 0 || f->end > 0)
				push(f);
			if (f->ended && f->end == 0 && !f->closed) {
				shutdown(f->to, SHUT_WR);
				f->closed = true;
			}
		}
	}
	return 0;
}

int relay_run(int in, int out, unsigned port, struct err *e)
{
	cleanup_fd int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set(e, ERR_MACHINE, errno, "relay: socket");
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0)
		return err_set(e, ERR_REMOTE, errno, "relay: port %u", port);
	const int ends[] = { in, out, fd };
	for (size_t i = 0; i < 3; i++) {
		int flags = fcntl(ends[i], F_GETFL);
		if (flags < 0 || fcntl(ends[i], F_SETFL, flags | O_NONBLOCK) < 0)
			return err_set(e, ERR_MACHINE, errno, "relay: fcntl");
	}
	struct flow up = { .from = in, .to = fd }, down = { .from = fd, .to = out };
	return carry(&up, &down, e);
}

int relay_main(const char *port)
{
	struct err e = { 0 };
	unsigned long long n;
	if (!text_number(port, 1, 65535, &n)) {
		fprintf(stderr, "imgbuild: --relay %s: a port is wanted\n", port);
		return ERR_USAGE;
	}
	if (relay_run(STDIN_FILENO, STDOUT_FILENO, (unsigned)n, &e) < 0) {
		fprintf(stderr, "imgbuild: %s\n", e.msg);
		return (int)e.kind;
	}
	return 0;
}

int relay_command(unsigned port, struct buf *out, struct err *e)
{
	return buf_printf(out, e, "/proc/%ld/exe --relay %u", (long)getpid(), port);
}

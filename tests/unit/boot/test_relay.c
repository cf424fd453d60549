/* The relay: whole both ways, half-closed, large, and with nobody there. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "boot/machine.h"
#include "boot/relay.h"
#include "check.h"

#define MUCH ((size_t)3 << 20)

static int listener(unsigned *port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
	assert_int_equal(listen(fd, 4), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	*port = ntohs(at.sin_port);
	return fd;
}

/* A child that answers one connection with what it was sent, after the client's end. */
static pid_t echo(int fd)
{
	pid_t pid = fork();
	if (pid != 0)
		return pid;
	char *data = malloc(MUCH);
	size_t len = 0;
	int c = accept(fd, NULL, NULL);
	ssize_t n;
	while (len < MUCH && (n = read(c, data + len, MUCH - len)) > 0)
		len += (size_t)n;
	for (size_t i = 0; i < len; i += (size_t)n)
		if ((n = write(c, data + i, len - i)) <= 0)
			_exit(1);
	_exit(0);
}

/* A child that is the relay on one end of a pair. */
static pid_t relay(int in, int other, unsigned port)
{
	pid_t pid = fork();
	struct err e;
	if (pid != 0)
		return pid;
	close(other);
	_exit(relay_run(in, in, port, &e) < 0 ? (int)e.kind : 0);
}

static void relay_carries_both_ways(void **state)
{
	(void)state;
	static const size_t sizes[] = { 0, 1, 100000, MUCH };
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		int pair[2], status;
		unsigned port;
		int fd = listener(&port);
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
		pid_t server = echo(fd), carrier = relay(pair[1], pair[0], port);
		close(pair[1]);
		close(fd);
		char *sent = malloc(sizes[i] + 1), *got = malloc(sizes[i] + 1);
		for (size_t k = 0; k < sizes[i]; k++)
			sent[k] = (char)(k * 7 + k / 256);
		size_t len = 0;
		for (ssize_t n;
			len < sizes[i] && (n = write(pair[0], sent + len, sizes[i] - len)) > 0;)
			len += (size_t)n;
		shutdown(pair[0], SHUT_WR);
		len = 0;
		for (ssize_t n; (n = read(pair[0], got + len, sizes[i] + 1 - len)) > 0;)
			len += (size_t)n;
		assert_int_equal(len, sizes[i]);
		assert_memory_equal(sent, got, len);
		assert_int_equal(waitpid(carrier, &status, 0), carrier);
		assert_int_equal(status, 0);
		assert_int_equal(waitpid(server, &status, 0), server);
		close(pair[0]);
		free(sent);
		free(got);
	}
}

static void relay_ends_when_nobody_is_there(void **state)
{
	(void)state;
	int pair[2];
	struct err e = { 0 };
	unsigned port = machine_free_port(&e);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(relay_run(pair[0], pair[0], port, &e), -1);
	assert_int_equal(e.kind, ERR_REMOTE);
	close(pair[0]);
	close(pair[1]);
	assert_int_equal(relay_main("0"), ERR_USAGE);
	assert_int_equal(relay_main("65536"), ERR_USAGE);
	assert_int_equal(relay_main("x"), ERR_USAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(relay_carries_both_ways),
		cmocka_unit_test(relay_ends_when_nobody_is_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

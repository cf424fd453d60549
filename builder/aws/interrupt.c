#include "aws/interrupt.h"

#include <errno.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/file.h"

int interrupt_hold(struct interrupt *h, struct err *e)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action;
	sigset_t set;
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		if (sigaction(signals[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
			sigaddset(&set, signals[i]);
	int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return err_set(e, ERR_MACHINE, errno, "make a signalfd");
	*h = (struct interrupt){ .fd = fd, .held = true };
	pthread_sigmask(SIG_BLOCK, &set, &h->before);
	return 0;
}

bool interrupt_came(struct interrupt *h)
{
	struct signalfd_siginfo info;
	while (h->held && read(h->fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		h->caught = (int)info.ssi_signo;
		h->came = true;
	}
	return h->came;
}

int interrupt_error(const struct interrupt *h, struct err *e)
{
	err_set(e, ERR_REMOTE, 0, "interrupted by SIG%s", sigabbrev_np(h->caught));
	e->errnum = EINTR;
	return -1;
}

void interrupt_release(struct interrupt *h)
{
	if (!h->held)
		return;
	interrupt_came(h);
	h->held = false;
	fd_close(&h->fd);
	if (h->caught != 0)
		raise(h->caught);
	pthread_sigmask(SIG_SETMASK, &h->before, NULL);
}

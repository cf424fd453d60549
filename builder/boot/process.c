#include "boot/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"

/* In the child: nothing but calls that are allowed between fork and exec. */
static _Noreturn void become(
	const char *const *argv, const struct process_options *o, pid_t parent, int report)
{
	sigset_t none;
	int null = -1, error;
	int wanted[] = { o->in, o->out, o->err };
	sigemptyset(&none);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		goto failed;
	if (getppid() != parent)
		_exit(127);
	if (o->apart && setpgid(0, 0) < 0)
		goto failed;
	if (o->in < 0) {
		null = open("/dev/null", O_RDONLY | O_CLOEXEC);
		wanted[0] = null;
		if (null < 0)
			goto failed;
	}
	for (int i = 0; i < 3; i++)
		if (wanted[i] >= 0 && wanted[i] != i && dup2(wanted[i], i) < 0)
			goto failed;
	signal(SIGPIPE, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execvp(argv[0], (char *const *)argv);
failed:
	error = errno;
	while (write(report, &error, sizeof(error)) < 0 && errno == EINTR)
		;
	_exit(127);
}

int process_start(const char *const *argv, const struct process_options *o, struct process *ret,
	struct err *e)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_set(e, ERR_MACHINE, errno, "start %s", argv[0]);
	cleanup_fd int in = ends[0], out = ends[1];
	pid_t parent = getpid(), pid = fork();
	if (pid < 0)
		return err_set(e, ERR_MACHINE, errno, "start %s", argv[0]);
	if (pid == 0)
		become(argv, o, parent, out);
	fd_close(&out);
	int error = 0;
	ssize_t n;
	do
		n = read(in, &error, sizeof(error));
	while (n < 0 && errno == EINTR);
	int fd = n == 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
	if (n == 0 && fd < 0)
		error = errno;
	if (fd >= 0) {
		*ret = (struct process){ .pid = pid, .fd = fd };
		return 0;
	}
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (error == ENOENT && o->package != NULL)
		return err_set(
			e, ERR_MACHINE, 0, "%s is not installed (Debian: %s)", argv[0], o->package);
	return err_set(e, ERR_MACHINE, error, "start %s", argv[0]);
}

static void forget(struct process *p)
{
	p->pid = 0;
	fd_close(&p->fd);
}

bool process_ended(struct process *p)
{
	if (p->pid == 0)
		return true;
	pid_t got = waitpid(p->pid, &p->status, WNOHANG);
	if (got == p->pid || (got < 0 && errno == ECHILD))
		forget(p);
	return p->pid == 0;
}

struct process_end process_end_text(const struct process *p)
{
	struct process_end t;
	if (WIFSIGNALED(p->status))
		snprintf(t.text, sizeof(t.text), "killed by signal %d", WTERMSIG(p->status));
	else
		snprintf(t.text, sizeof(t.text), "exit status %d", WEXITSTATUS(p->status));
	return t;
}

void process_stop(struct process *p)
{
	if (p->pid == 0)
		return;
	kill(p->pid, SIGKILL);
	while (waitpid(p->pid, &p->status, 0) < 0 && errno == EINTR)
		;
	forget(p);
}

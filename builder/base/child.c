#include "base/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"

#define LINE_MAX_BYTES 4096
#define TAIL_LINES     20
#define TAIL_BYTES     768 /* leaves room in an error for what went before */

extern char **environ;

/* Cuts what a program says into lines, and keeps the last of them. */
struct listener {
	const struct child_options *o;
	char line[LINE_MAX_BYTES + 1];
	size_t len;
	char tail[TAIL_BYTES + 1]; /* lines, each with a newline in front */
	size_t tail_len;
	unsigned tail_lines;
};

/* What the child does before it becomes the program; it runs in our memory until then. */
struct launch {
	const char *path;
	char *const *argv;
	char *const *env;
	const char *folder;
	int in, out, err;
	pid_t parent;
	sigset_t mask;
	const char *volatile failed; /* step that failed; NULL: none */
	volatile int errnum;
};

/*
 * SIGINT and its like wait while a program runs, so that it can tidy up before this one dies. They
 * are passed on to all that it started: it has a process group of its own, because a program that
 * gets one alone may wait for its own children (mmdebstrap does).
 */
struct held {
	sigset_t before;
	sigset_t
		program; /* the mask it starts with: it gets them, even when we were holding them */
	int fd;
	int caught; /* the first of them; 0: none */
};

static void drop_oldest(struct listener *l)
{
	const char *second = memchr(l->tail + 1, '\n', l->tail_len - 1);
	size_t cut = second != NULL ? (size_t)(second - l->tail) : l->tail_len;
	l->tail_len -= cut;
	memmove(l->tail, l->tail + cut, l->tail_len);
	l->tail_lines--;
}

static void keep_line(struct listener *l)
{
	size_t len = l->len < TAIL_BYTES / 2 ? l->len : TAIL_BYTES / 2;
	while (len < l->len && len > 0 && ((unsigned char)l->line[len] & 0xC0) == 0x80)
		len--; /* not within a character */
	while (l->tail_lines > 0 &&
		(l->tail_lines >= TAIL_LINES || l->tail_len + 1 + len > TAIL_BYTES))
		drop_oldest(l);
	l->tail[l->tail_len++] = '\n';
	memcpy(l->tail + l->tail_len, l->line, len);
	l->tail_len += len;
	l->tail[l->tail_len] = '\0';
	l->tail_lines++;
}

/* What a terminal would act on, and what is no UTF-8, becomes '?'. */
static void make_plain(char *line, size_t len)
{
	for (size_t i = 0; i < len;) {
		unsigned char c = (unsigned char)line[i];
		size_t n = text_utf8_len(line + i, len - i);
		bool control = (c < 0x20 && c != '\t') || c == 0x7F ||
			       (n == 2 && c == 0xC2 && (unsigned char)line[i + 1] < 0xA0);
		if (n == 0 || control)
			memset(line + i, '?', n > 0 ? n : 1);
		i += n > 0 ? n : 1;
	}
}

static void end_line(struct listener *l)
{
	while (l->len > 0 && l->line[l->len - 1] == '\r')
		l->len--;
	make_plain(l->line, l->len);
	l->line[l->len] = '\0';
	if (l->len > 0)
		keep_line(l);
	if (l->o != NULL && l->o->line != NULL)
		l->o->line(l->o->ctx, l->line);
	l->len = 0;
}

static void hear(struct listener *l, const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (data[i] != '\n')
			l->line[l->len++] = data[i];
		if (data[i] == '\n' || l->len == LINE_MAX_BYTES)
			end_line(l);
	}
}

/* Child: no memory of the parent's but `l` may change here. */
static _Noreturn void become(struct launch *l)
{
	struct sigaction action;
	for (int s = 1; s < NSIG; s++) {
		if (sigaction(s, NULL, &action) < 0 || action.sa_handler == SIG_DFL ||
			(action.sa_handler == SIG_IGN && s != SIGPIPE))
			continue;
		action = (struct sigaction){ .sa_handler = SIG_DFL };
		sigaction(s, &action, NULL);
	}
	/* SIGTERM, so that the program can tidy up. */
	l->failed = "start";
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0)
		goto fail;
	if (getppid() != l->parent)
		_exit(127);
	if (setpgid(0, 0) < 0)
		goto fail;
	if (dup2(l->in, 0) < 0 || dup2(l->out, 1) < 0 || dup2(l->err, 2) < 0)
		goto fail;
	l->failed = "enter the folder of";
	if (l->folder != NULL && chdir(l->folder) < 0)
		goto fail;
	l->failed = "start";
	sigprocmask(SIG_SETMASK, &l->mask, NULL);
	execve(l->path, l->argv, l->env);
fail:
	l->errnum = errno;
	_exit(127);
}

/* The child's pid, or -1 with errno set: fork failed. Returns when it became the program or failed
 * to. */
static __attribute__((noinline)) pid_t start(struct launch *l)
{
	sigset_t all, held;
	sigfillset(&all);
	l->parent = getpid();
	l->failed = NULL;
	l->errnum = 0;
	pthread_sigmask(SIG_SETMASK, &all, &held);
	pid_t pid = vfork();
	if (pid == 0)
		become(l);
	int errnum = errno;
	pthread_sigmask(SIG_SETMASK, &held, NULL);
	errno = errnum;
	return pid;
}

/* A descriptor that does not lie where the child's standard ones will. */
static int lift(int *fd, struct err *e)
{
	if (*fd > 2)
		return 0;
	int higher = fcntl(*fd, F_DUPFD_CLOEXEC, 3);
	if (higher < 0)
		return err_set(e, ERR_MACHINE, errno, "duplicate a descriptor");
	fd_close(fd);
	*fd = higher;
	return 0;
}

static int make_pipe(int *ret_read, int *ret_write, struct err *e)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_set(e, ERR_MACHINE, errno, "make a pipe");
	*ret_read = ends[0];
	*ret_write = ends[1];
	if (fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0)
		return err_set(e, ERR_MACHINE, errno, "make a pipe");
	return lift(ret_write, e);
}

static int hold_signals(struct held *h, struct err *e)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action;
	sigset_t set;
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		if (sigaction(signals[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
			sigaddset(&set, signals[i]);
	}
	h->caught = 0;
	h->fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (h->fd < 0)
		return err_set(e, ERR_MACHINE, errno, "make a signalfd");
	pthread_sigmask(SIG_BLOCK, &set, &h->before);
	h->program = h->before;
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		if (sigismember(&set, signals[i]))
			sigdelset(&h->program, signals[i]);
	return 0;
}

/* The second one means it. */
static void pass_signals(struct held *h, pid_t pid)
{
	struct signalfd_siginfo info;
	while (read(h->fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		kill(-pid, h->caught != 0 ? SIGKILL : (int)info.ssi_signo);
		h->caught = (int)info.ssi_signo;
	}
}

/* Whatever was held back is now done to this program. */
static void release_signals(struct held *h)
{
	fd_close(&h->fd);
	if (h->caught != 0)
		raise(h->caught);
	pthread_sigmask(SIG_SETMASK, &h->before, NULL);
}

/* All that a pipe holds now; closes it at its end. */
static int drain(int *fd, struct listener *l, struct buf *out, struct err *e)
{
	char data[16384];
	while (*fd >= 0) {
		ssize_t n = read(*fd, data, sizeof(data));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n < 0)
			return err_set(e, ERR_MACHINE, errno, "read from a pipe");
		if (n == 0)
			fd_close(fd);
		else if (out == NULL)
			hear(l, data, (size_t)n);
		else if (buf_add(out, data, (size_t)n, e) < 0)
			return -1;
	}
	return 0;
}

/* Until the program ended; what it left running may hold the pipes open. */
static int listen_to(pid_t pid, int *err_pipe, int *out_pipe, struct held *held, struct listener *l,
	struct buf *out, struct err *e)
{
	cleanup_fd int ended = pidfd_open(pid, 0);
	bool over = false;
	while (!over && (ended >= 0 || *err_pipe >= 0 || *out_pipe >= 0)) {
		struct pollfd polled[] = { { *err_pipe, POLLIN, 0 }, { *out_pipe, POLLIN, 0 },
			{ ended, POLLIN, 0 }, { held->fd, POLLIN, 0 } };
		if (poll(polled, 4, -1) < 0) {
			if (errno == EINTR)
				continue;
			return err_set(e, ERR_MACHINE, errno, "wait for a pipe");
		}
		over = polled[2].revents != 0;
		if (polled[3].revents != 0)
			pass_signals(held, pid);
		if (drain(err_pipe, l, NULL, e) < 0 || drain(out_pipe, l, out, e) < 0)
			return -1;
	}
	if (l->len > 0)
		end_line(l);
	return 0;
}

static int wait_for(pid_t pid, int *ret_status, struct err *e)
{
	while (waitpid(pid, ret_status, 0) < 0) {
		if (errno != EINTR)
			return err_set(e, ERR_MACHINE, errno, "wait for a program");
	}
	return 0;
}

/* From its start to its end. */
static int attend(pid_t pid, int *err_pipe, int *out_pipe, struct held *held, struct listener *l,
	struct buf *out, int *ret_status, struct err *e)
{
	struct err waiting;
	int rc = listen_to(pid, err_pipe, out_pipe, held, l, out, e);
	if (rc < 0)
		kill(-pid, SIGKILL);
	int waited = wait_for(pid, ret_status, rc < 0 ? &waiting : e);
	return rc < 0 ? rc : waited;
}

static int judge(const char *program, int status, const struct listener *l, struct err *e)
{
	const char *colon = l->tail_lines > 0 ? ":" : "";
	if (WIFSIGNALED(status)) {
		const char *name = sigabbrev_np(WTERMSIG(status));
		return err_set(e, ERR_MACHINE, 0, "%s was killed by signal %d (SIG%s)%s%s", program,
			WTERMSIG(status), name != NULL ? name : "?", colon, l->tail);
	}
	if (WEXITSTATUS(status) != 0)
		return err_set(e, ERR_MACHINE, 0, "%s ended with status %d%s%s", program,
			WEXITSTATUS(status), colon, l->tail);
	return 0;
}

static int run(const char *program, struct launch *launch, const struct child_options *o,
	struct buf *out, struct err *e)
{
	cleanup_fd int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
	cleanup_fd int err_read = -1;
	cleanup_fd int err_write = -1;
	cleanup_fd int out_read = -1;
	cleanup_fd int out_write = -1;
	if (in < 0)
		return err_set(e, ERR_MACHINE, errno, "open /dev/null");
	if (lift(&in, e) < 0 || make_pipe(&err_read, &err_write, e) < 0 ||
		(out != NULL && make_pipe(&out_read, &out_write, e) < 0))
		return -1;
	launch->in = in;
	launch->err = err_write;
	launch->out = out != NULL ? out_write : err_write;

	struct held held;
	if (hold_signals(&held, e) < 0)
		return -1;
	launch->mask = held.program;
	pid_t pid = start(launch);
	int errnum = errno;
	fd_close(&err_write);
	fd_close(&out_write);
	struct listener l = { .o = o };
	int status = 0, rc = -1;
	if (pid >= 0)
		rc = attend(pid, &err_read, &out_read, &held, &l, out, &status, e);
	release_signals(&held);
	if (pid < 0)
		return err_set(e, ERR_MACHINE, errnum, "start %s", program);
	if (rc < 0)
		return err_wrap(e, "%s", program);
	if (launch->errnum != 0)
		return err_set(e, ERR_MACHINE, launch->errnum, "%s %s", launch->failed, program);
	return judge(program, status, &l, e);
}

static bool same_name(const char *x, const char *y)
{
	size_t len = strcspn(x, "=");
	return strncmp(x, y, len) == 0 && y[len] == '=';
}

/* This program's variables, unless `bare`, with those of `set` over them: pointers only. */
static char **make_env(const char *const *set, bool bare, struct err *e)
{
	size_t count = 0, extra = 0;
	while (!bare && environ != NULL && environ[count] != NULL)
		count++;
	while (set != NULL && set[extra] != NULL)
		extra++;
	char **env = calloc(count + extra + 1, sizeof(*env));
	if (env == NULL) {
		err_nomem(e);
		return NULL;
	}
	size_t used = 0;
	for (size_t i = 0; i < count; i++) {
		size_t k = 0;
		while (k < extra && !same_name(set[k], environ[i]))
			k++;
		if (k == extra)
			env[used++] = environ[i];
	}
	for (size_t i = 0; i < extra; i++)
		env[used++] = (char *)set[i];
	return env;
}

static bool is_program(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

int child_find(const char *program, struct buf *out, struct err *e)
{
	buf_clear(out);
	if (strchr(program, '/') != NULL) {
		if (buf_puts(out, program, e) < 0)
			return -1;
		return is_program(program);
	}
	const char *path = getenv("PATH");
	const char *const lists[] = { path != NULL ? path : "/usr/local/bin:/usr/bin:/bin",
		"/usr/local/sbin:/usr/sbin:/sbin" };
	for (size_t i = 0; i < 2; i++) {
		for (const char *at = lists[i]; *at != '\0';) {
			size_t len = strcspn(at, ":");
			buf_clear(out);
			if (len > 0 && (buf_add(out, at, len, e) < 0 || buf_putc(out, '/', e) < 0 ||
					       buf_puts(out, program, e) < 0))
				return -1;
			if (len > 0 && is_program(out->data))
				return 1;
			at += len + (at[len] == ':');
		}
	}
	return 0;
}

static int not_installed(const char *program, const struct child_options *o, struct err *e)
{
	if (o != NULL && o->package != NULL)
		err_set(e, ERR_MACHINE, 0, "%s is not installed (Debian: %s)", program, o->package);
	else
		err_set(e, ERR_MACHINE, 0, "%s is not installed", program);
	e->errnum = ENOENT;
	return -1;
}

int child_run(
	const char *const *argv, const struct child_options *o, struct buf *ret_out, struct err *e)
{
	cleanup_buf struct buf path = { 0 };
	int found = child_find(argv[0], &path, e);
	if (found < 0)
		return -1;
	if (found == 0)
		return not_installed(argv[0], o, e);
	char **env = make_env(o != NULL ? o->env : NULL, o != NULL && o->bare, e);
	if (env == NULL)
		return -1;
	struct launch launch = { .path = path.data,
		.argv = (char *const *)argv,
		.env = env,
		.folder = o != NULL ? o->folder : NULL };
	int rc = run(argv[0], &launch, o, ret_out, e);
	free(env);
	return rc;
}

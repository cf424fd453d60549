#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aws/profile.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/text.h"

#define READ_BYTES 4096

/* HOME, or else what the system says. */
static const char *home(const struct profiles *p)
{
	const char *folder = profile_env(p, "HOME");
	if (folder != NULL)
		return folder;
	const struct passwd *pw = getpwuid(getuid());
	return pw != NULL && pw->pw_dir != NULL ? pw->pw_dir : "/";
}

/* The variable's path, a leading ~/ replaced, or the usual place. */
static const char *path_of(const struct profiles *p, const char *variable, const char *usual,
	struct arena *a, struct err *e)
{
	const char *said = profile_env(p, variable);
	if (said == NULL)
		said = usual;
	if (!text_starts(said, "~/"))
		return arena_strdup(a, said, e);
	return arena_printf(a, e, "%s%s", home(p), said + 1);
}

/* Not file_read: such a file may be /dev/null, or a pipe. */
static int read_all(int fd, const char *path, struct buf *ret, struct err *e)
{
	for (;;) {
		if (buf_reserve(ret, READ_BYTES, e) < 0)
			return -1;
		ssize_t n = read(fd, ret->data + ret->len, READ_BYTES);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(e, errno == EISDIR ? ERR_INPUT : ERR_MACHINE, errno,
				"read %s", path);
		if (n == 0)
			return 0;
		ret->len += (size_t)n;
		ret->data[ret->len] = '\0';
		if (ret->len > PROFILE_BYTES_MAX)
			return err_set(e, ERR_INPUT, 0, "%s is larger than %zu bytes", path,
				PROFILE_BYTES_MAX);
	}
}

/* A file that is not there is no error, as for every SDK, not even where a variable names it. */
static int load_file(
	struct profiles *p, const char *path, bool credentials, struct arena *a, struct err *e)
{
	struct buf text = { .max = PROFILE_BYTES_MAX + 2 * READ_BYTES };
	struct stat st;
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (fd < 0)
		return err_set(e, ERR_INPUT, errno, "open %s", path);
	/* Large enough at once, so that no copy of a secret is left behind where it was before. */
	bool sized = fstat(fd, &st) == 0 && (size_t)st.st_size <= PROFILE_BYTES_MAX;
	int rc = buf_reserve(&text, READ_BYTES + 1 + (sized ? (size_t)st.st_size : 0), e);
	if (rc == 0)
		rc = read_all(fd, path, &text, e);
	if (rc == 0)
		rc = profile_parse(p, path, credentials, text.data, text.len, a, e);
	buf_wipe(&text);
	return rc;
}

static int not_there(
	const struct profiles *p, const char *config, const char *credentials, struct err *e)
{
	const char *near = profile_nearest(p, p->name);
	return err_set(e, ERR_USAGE, 0, "profile \"%.80s\"%s is neither in %s nor in %s%s%s%s",
		p->name, p->asked ? "" : " (of AWS_PROFILE)", config, credentials,
		near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
		near != NULL ? "\"?" : "");
}

static int load(struct profiles *p, struct arena *a, struct err *e)
{
	bool said = p->name != NULL;
	if (p->name == NULL)
		p->name = "default";
	const char *config = path_of(p, "AWS_CONFIG_FILE", "~/.aws/config", a, e);
	if (config == NULL || load_file(p, config, false, a, e) < 0)
		return -1;
	const char *credentials =
		path_of(p, "AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials", a, e);
	if (credentials == NULL || load_file(p, credentials, true, a, e) < 0)
		return -1;
	p->exists = profile_exists(p, p->name);
	if (said && !p->exists && strcmp(p->name, "default") != 0)
		return not_there(p, config, credentials, e);
	p->name = arena_strdup(a, p->name, e);
	return p->name != NULL ? 0 : -1;
}

int profiles_load(const char *name, const char *(*env)(void *ctx, const char *name), void *ctx,
	struct arena *a, struct profiles *ret, struct err *e)
{
	struct profiles p = { .env = env, .ctx = ctx, .name = name, .asked = name != NULL };
	if (p.name == NULL)
		p.name = profile_env(&p, "AWS_PROFILE");
	if (p.name == NULL)
		p.name = profile_env(&p, "AWS_DEFAULT_PROFILE");
	if (load(&p, a, e) < 0) {
		profiles_wipe(&p);
		return -1;
	}
	*ret = p;
	return 0;
}

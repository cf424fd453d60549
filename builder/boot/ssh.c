#include "boot/ssh.h"

#include <fcntl.h>
#include <string.h>

#include "base/child.h"
#include "base/file.h"

/* A path as ssh takes it in an option: in quotes, percent signs doubled. */
static const char *path_of(
	const struct ssh *s, const char *head, const char *name, struct arena *a, struct err *e)
{
	cleanup_buf struct buf out = { 0 };
	if (buf_puts(&out, head, e) < 0)
		return NULL;
	for (const char *p = s->folder; *p != '\0'; p++)
		if (buf_puts(&out,
			    *p == '%'                 ? "%%"
			    : *p == '"' || *p == '\\' ? (char[]){ '\\', *p, '\0' }
						      : (char[]){ *p, '\0' },
			    e) < 0)
			return NULL;
	if (buf_printf(&out, e, "/%s\"", name) < 0)
		return NULL;
	return arena_strdup(a, out.data, e);
}

int ssh_make_key(const struct ssh *s, struct arena *a, struct buf *public, struct err *e)
{
	const char *key = arena_printf(a, e, "%s/key", s->folder);
	const char *pub = arena_printf(a, e, "%s/key.pub", s->folder);
	if (key == NULL || pub == NULL)
		return -1;
	const char *const argv[] = { "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C",
		"imgbuild-boot", "-f", key, NULL };
	const struct child_options o = { .package = "openssh-client" };
	if (child_run(argv, &o, NULL, e) < 0 || file_read(AT_FDCWD, pub, 4096, public, e) < 0)
		return err_wrap(e, "key for ssh");
	while (public->len > 0 && public->data[public->len - 1] == '\n')
	public->data[--public->len] = '\0';
	return 0;
}

const char *const *ssh_argv(
	const struct ssh *s, const char *command, struct arena *a, struct err *e)
{
	const char *key = path_of(s, "IdentityFile=\"", "key", a, e);
	const char *known = path_of(s, "UserKnownHostsFile=\"", "known_hosts", a, e);
	const char *port = arena_printf(a, e, "%u", s->port);
	const char *at = arena_printf(a, e, "%s@127.0.0.1", s->user);
	if (key == NULL || known == NULL || port == NULL || at == NULL)
		return NULL;
	const char *const fixed[] = { "ssh", "-F", "none", "-o", key, "-o", known, "-o",
		"IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=accept-new", "-o",
		"LogLevel=ERROR", "-o", "ConnectTimeout=30", "-o",
		command != NULL ? "BatchMode=yes" : "BatchMode=no", "-p", port, at, command, NULL };
	const char **argv = arena_array(a, sizeof(fixed) / sizeof(*fixed), sizeof(*argv), e);
	if (argv != NULL)
		memcpy(argv, fixed, sizeof(fixed));
	return argv;
}

int ssh_line(const struct ssh *s, struct arena *a, struct buf *out, struct err *e)
{
	const char *const *argv = ssh_argv(s, NULL, a, e);
	if (argv == NULL)
		return -1;
	for (size_t i = 0; argv[i] != NULL; i++) {
		bool plain = strpbrk(argv[i], " \"'\\$`*?[]{}()<>|&;#~!") == NULL;
		if (buf_puts(out, i > 0 ? " " : "", e) < 0 ||
			(!plain && buf_putc(out, '\'', e) < 0))
			return -1;
		for (const char *p = argv[i]; *p != '\0'; p++)
			if (buf_puts(out, *p == '\'' ? "'\\''" : (char[]){ *p, '\0' }, e) < 0)
				return -1;
		if (!plain && buf_putc(out, '\'', e) < 0)
			return -1;
	}
	return 0;
}

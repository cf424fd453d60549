#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/child.h"
#include "base/file.h"
#include "base/text.h"
#include "disk/base_part.h"

#define OR_TAR ", or use a base of the kind `tar:`"

static int need_program(const char *program, const char *packages, struct err *e)
{
	cleanup_buf struct buf path = { 0 };
	int found = child_find(program, &path, e);
	if (found < 0)
		return -1;
	if (found == 0)
		return err_set(e, ERR_MACHINE, 0,
			"%s is not installed: `apt-get install %s`" OR_TAR, program, packages);
	return 0;
}

/* A line `NAME:FIRST:COUNT` or `UID:...` of subuid(5). */
static bool has_range(const char *file, const char *user, const char *uid)
{
	struct err ignored;
	cleanup_buf struct buf data = { 0 };
	if (file_read(AT_FDCWD, file, 1 << 20, &data, &ignored) < 0)
		return false;
	for (const char *line = data.data; line != NULL; line = strchr(line, '\n')) {
		line += *line == '\n';
		size_t len = strcspn(line, ":\n");
		if (line[len] == ':' &&
			((len == strlen(user) && strncmp(line, user, len) == 0) ||
				(len == strlen(uid) && strncmp(line, uid, len) == 0)))
			return true;
	}
	return false;
}

static int check_ranges(struct err *e)
{
	char uid[16], text[4096];
	struct passwd entry, *found = NULL;
	snprintf(uid, sizeof(uid), "%u", (unsigned)geteuid());
	const char *user = uid;
	if (getpwuid_r(geteuid(), &entry, text, sizeof(text), &found) == 0 && found != NULL)
		user = entry.pw_name;
	if (has_range("/etc/subuid", user, uid) && has_range("/etc/subgid", user, uid))
		return 0;
	return err_set(e, ERR_MACHINE, 0,
		"user %s has no range of subordinate ids for mmdebstrap: as root, `usermod "
		"--add-subuids 200000-265535 --add-subgids 200000-265535 %s`" OR_TAR,
		user, user);
}

/* A trial of what mmdebstrap will do. */
static int check_namespace(struct err *e)
{
	static const char *const argv[] = { "unshare", "--user", "--map-root-user", "--map-auto",
		"--mount", "true", NULL };
	const struct child_options o = { .package = "util-linux" };
	if (child_run(argv, &o, NULL, e) == 0)
		return 0;
	char cause[sizeof(e->msg)];
	memcpy(cause, e->msg, sizeof(cause));
	return err_set(e, ERR_MACHINE, 0,
		"user namespaces, which mmdebstrap needs without root, do not work here: allow them "
		"(sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone, "
		"kernel.apparmor_restrict_unprivileged_userns; in a container its security "
		"profile), run as root" OR_TAR ": %s",
		cause);
}

/* Programs of another architecture run only by emulation. */
static int check_arch(const char *arch, struct err *e)
{
	static const struct {
		const char *debian, *machine, *emulator;
	} table[] = { { "amd64", "x86_64", "x86_64" }, { "arm64", "aarch64", "aarch64" } };
	struct utsname here;
	if (uname(&here) < 0)
		return err_set(e, ERR_MACHINE, errno, "uname");
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		char handler[64];
		snprintf(handler, sizeof(handler), "/proc/sys/fs/binfmt_misc/qemu-%s",
			table[i].emulator);
		if (strcmp(arch, table[i].debian) != 0 ||
			strcmp(here.machine, table[i].machine) == 0 || access(handler, F_OK) == 0)
			continue;
		return err_set(e, ERR_MACHINE, 0,
			"programs of %s do not run on this machine (%s), and mmdebstrap runs the "
			"packages' own: `apt-get install qemu-user-static binfmt-support arch-test`, "
			"build on such a machine" OR_TAR,
			arch, here.machine);
	}
	return 0;
}

int base_machine_check(const struct base_request *r, struct arena *a, struct err *e)
{
	(void)a;
	if (need_program("mmdebstrap", "mmdebstrap uidmap debian-archive-keyring", e) < 0)
		return -1;
	if (access(BASE_KEYRING, R_OK) < 0)
		return err_set(e, ERR_MACHINE, 0,
			"%s cannot be read: `apt-get install debian-archive-keyring`" OR_TAR,
			BASE_KEYRING);
	if (check_arch(r->arch, e) < 0)
		return -1;
	if (geteuid() == 0)
		return 0;
	if (need_program("newuidmap", "uidmap", e) < 0 || check_ranges(e) < 0)
		return -1;
	return check_namespace(e);
}

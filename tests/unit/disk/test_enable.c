/*
 * Units enabled in a tree, held to what systemctl does with the same files.
 */
#include "disk/enable.h"

#include <dirent.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "disk/unit.h"
#include "fail.h"
#include "tree_text.h"

struct file {
	const char *path;
	const char *text; /* -> TARGET: a link */
};

/* Where the vendor's files lie, as Debian 12 has it. */
#define V "/usr/lib/systemd/system/"
#define E "/etc/systemd/system/"

static const struct file FILES[] = {
	{ "/lib", "-> usr/lib" },
	{ E "default.target.wants/told.service", "-> /lib/systemd/system/told.service" },
	{ V "told.service", "[Unit]\n" },
	{ V "multi-user.target", "[Unit]\nDescription=x\n" },
	{ V "plain.service",
		"[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n" },
	{ V "many.service",
		"[Service]\nExecStart=/bin/true\n[Install]\n# a comment\nWantedBy = a.target b.target \\\n;"
		" within\n  c.target\nRequiredBy=r.target\nAlias=nick.service other.service\n" },
	{ V "also.service",
		"[Service]\nExecStart=/bin/true\n[Install]\nAlso=also.socket plain.service missing.socket\nWantedBy=multi-user.target\n" },
	{ V "also.socket", "[Socket]\nListenStream=1\n[Install]\nWantedBy=sockets.target\n" },
	{ V "onlyalso.service", "[Service]\nExecStart=/bin/true\n[Install]\nAlso=also.socket\n" },
	{ V "tmpl@.service",
		"[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target %i.target %p-x.target\nDefaultInstance=dflt\n" },
	{ V "bare@.service",
		"[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n" },
	{ V "nick@.service",
		"[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\nAlias=alias@.service\n" },
	{ V "real.service",
		"[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n" },
	{ V "linked.service", "-> real.service" },
	{ V "dropped.service", "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=a.target\n" },
	{ V "dropped.service.d/10-a.conf", "[Install]\nWantedBy=b.target\n" },
	{ E "dropped.service.d/20-b.conf", "[Install]\nWantedBy=\nWantedBy=c.target\n" },
	{ E "local.service",
		"[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n" },
	{ E "both.service", "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=e.target\n" },
	{ V "both.service", "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=v.target\n" },
	{ E "masked.service", "-> /dev/null" },
	{ V "masked.service", "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=v.target\n" },
	{ V "static.service", "[Service]\nExecStart=/bin/true\n" },
	{ V "quoted.timer", "[Timer]\nOnBootSec=1\n[Install]\nWantedBy=\"timers.target\"\n" },
	{ V "reset.service",
		"[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=a.target\nWantedBy=\nWantedBy=b.target\n[X-Other]\nWantedBy=z.target\n" },
};
static const size_t FILE_COUNT = sizeof(FILES) / sizeof(FILES[0]);

static void base(struct held *h)
{
	struct err e;
	held_make(h);
	for (size_t i = 0; i < FILE_COUNT; i++) {
		const struct file *f = &FILES[i];
		struct rootfs_node *n =
			strncmp(f->text, "-> ", 3) == 0
				? rootfs_put_link(&h->tree, f->path, f->text + 3, &e)
				: rootfs_put(&h->tree, f->path, 0644, f->text, strlen(f->text), &e);
		assert_non_null(n);
		n->overlay = false;
	}
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Links below /etc/systemd/system, sorted, a line each. */
struct links {
	char *list[256];
	size_t count;
};

static void links_add(struct links *l, const char *path, const char *target)
{
	assert_true(l->count < 256);
	assert_true(asprintf(&l->list[l->count++], "%s -> %s\n", path, target) > 0);
}

static char *links_text(struct links *l)
{
	size_t len = 1;
	qsort(l->list, l->count, sizeof(l->list[0]), by_text);
	for (size_t i = 0; i < l->count; i++)
		len += strlen(l->list[i]);
	char *text = calloc(1, len);
	for (size_t i = 0; i < l->count; i++) {
		strcat(text, l->list[i]);
		free(l->list[i]);
	}
	return text;
}

static char *links_of_tree(const struct rootfs *r)
{
	struct links l = { .count = 0 };
	for (size_t i = 0; i < r->count; i++) {
		struct rootfs_node *n = r->list[i];
		char path[4096] = "";
		if (n->gone || !S_ISLNK(n->mode))
			continue;
		tree_add_path(n, path);
		if (strncmp(path, E, strlen(E)) == 0)
			links_add(&l, path + strlen(E), n->target);
	}
	return links_text(&l);
}

static void links_below(struct links *l, const char *folder, const char *prefix)
{
	DIR *dir = opendir(folder);
	assert_non_null(dir);
	struct dirent *d;
	while ((d = readdir(dir)) != NULL) {
		char path[2048], name[1024], target[1024];
		if (d->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, d->d_name);
		snprintf(name, sizeof(name), "%s%s", prefix, d->d_name);
		ssize_t n = readlink(path, target, sizeof(target) - 1);
		if (n >= 0) {
			target[n] = '\0';
			links_add(l, name, target);
		} else if (d->d_type == DT_DIR) {
			strcat(name, "/");
			links_below(l, path, name);
		}
	}
	closedir(dir);
}

/* The same files on disk, and systemctl over them; its exit status. */
static int systemctl(const char *verb, const char *unit, char **ret_links)
{
	extern char **environ;
	char folder[] = "/tmp/imgbuild-units-XXXXXX", path[512], root[64];
	assert_non_null(mkdtemp(folder));
	for (size_t i = 0; i < FILE_COUNT; i++) {
		snprintf(path, sizeof(path), "%s%s", folder, FILES[i].path);
		for (char *p = path + strlen(folder) + 1; (p = strchr(p, '/')) != NULL; p++) {
			*p = '\0';
			(void)!mkdir(path, 0755);
			*p = '/';
		}
		if (strncmp(FILES[i].text, "-> ", 3) == 0) {
			assert_int_equal(symlink(FILES[i].text + 3, path), 0);
			continue;
		}
		int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0644);
		assert_true(fd >= 0);
		assert_int_equal(
			pwrite(fd, FILES[i].text, strlen(FILES[i].text), 0), strlen(FILES[i].text));
		close(fd);
	}
	snprintf(root, sizeof(root), "--root=%s", folder);
	const char *argv[] = { "systemctl", "-q", root, verb, unit, NULL };
	pid_t pid;
	int status;
	posix_spawn_file_actions_t actions;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	assert_int_equal(posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)(uintptr_t)argv,
				 environ),
		0);
	posix_spawn_file_actions_destroy(&actions);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	struct links l = { .count = 0 };
	snprintf(path, sizeof(path), "%s/etc/systemd/system", folder);
	links_below(&l, path, "");
	*ret_links = links_text(&l);
	struct err e;
	assert_int_equal(file_remove_tree(AT_FDCWD, folder, &e), 0);
	return status;
}

static bool have_systemctl(void)
{
	return access("/usr/bin/systemctl", X_OK) == 0 || access("/bin/systemctl", X_OK) == 0;
}

static void enable_links_are_systemctls(void **state)
{
	(void)state;
	static const char *const UNITS[] = { "plain.service", "many.service", "also.service",
		"onlyalso.service", "tmpl@one.service", "tmpl@.service", "nick@x.service",
		"linked.service", "dropped.service", "local.service", "both.service",
		"quoted.timer", "reset.service", "bare@inst.service" };
	if (!have_systemctl())
		skip();
	for (size_t i = 0; i < sizeof(UNITS) / sizeof(UNITS[0]); i++) {
		struct held h;
		struct err e;
		char *theirs;
		base(&h);
		int status = systemctl("enable", UNITS[i], &theirs);
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
			print_message("systemctl enable %s: %d\n", UNITS[i], status);
		if (enable_unit(&h.tree, UNITS[i], &e) < 0)
			fail_msg("%s: %s", UNITS[i], e.msg);
		char *ours = links_of_tree(&h.tree);
		if (strcmp(ours, theirs) != 0)
			fail_msg("%s: ours:\n%stheirs:\n%s", UNITS[i], ours, theirs);
		assert_whole(&h.tree);
		/* Again: all is there. */
		assert_int_equal(enable_unit(&h.tree, UNITS[i], &e), 0);
		char *again = links_of_tree(&h.tree);
		assert_string_equal(again, ours);
		free(again);
		free(ours);
		free(theirs);
		held_free(&h);
	}
}

static void enable_makes_links(void **state)
{
	(void)state;
	struct held h;
	struct err e;
	base(&h);
	assert_int_equal(enable_unit(&h.tree, "many.service", &e), 0);
	assert_int_equal(enable_unit(&h.tree, "tmpl@one.service", &e), 0);
	char *ours = links_of_tree(&h.tree);
	assert_string_equal(ours,
		"a.target.wants/many.service -> /lib/systemd/system/many.service\n"
		"b.target.wants/many.service -> /lib/systemd/system/many.service\n"
		"c.target.wants/many.service -> /lib/systemd/system/many.service\n"
		"default.target.wants/told.service -> /lib/systemd/system/told.service\n"
		"masked.service -> /dev/null\n"
		"multi-user.target.wants/tmpl@one.service -> /lib/systemd/system/tmpl@.service\n"
		"nick.service -> /lib/systemd/system/many.service\n"
		"one.target.wants/tmpl@one.service -> /lib/systemd/system/tmpl@.service\n"
		"other.service -> /lib/systemd/system/many.service\n"
		"r.target.requires/many.service -> /lib/systemd/system/many.service\n"
		"tmpl-x.target.wants/tmpl@one.service -> /lib/systemd/system/tmpl@.service\n");
	free(ours);
	struct rootfs_node *told = rootfs_find(&h.tree, E "default.target.wants/told.service");
	told->target = "/usr/lib/systemd/system/told.service";
	assert_int_equal(enable_unit(&h.tree, "plain.service", &e), 0);
	assert_string_equal(rootfs_find(&h.tree, E "multi-user.target.wants/plain.service")->target,
		"/usr/lib/systemd/system/plain.service");
	held_free(&h);
}

static void refused(const char *unit, const char *said)
{
	struct held h;
	struct err e;
	base(&h);
	assert_int_equal(enable_unit(&h.tree, unit, &e), -1);
	assert_int_equal(e.kind, ERR_INPUT);
	assert_string_equal(e.msg, said);
	held_free(&h);
}

static void enable_refuses(void **state)
{
	(void)state;
	refused("plian.service",
		"no unit plian.service in this base or the overlays: did you mean plain.service?");
	refused("zzz.service", "no unit zzz.service in this base or the overlays");
	refused("plain", "\"plain\" is no name of a unit: NAME.service, for one");
	refused("../x.service", "\"../x.service\" is no name of a unit: NAME.service, for one");
	refused("masked.service", "unit masked.service is masked and cannot be enabled");
	refused("static.service",
		"unit static.service has no [Install] section: it cannot be enabled, other units start it");
	refused("bare@.service", "unit bare@.service is a template: name an instance of it");
	struct held h;
	struct err e;
	base(&h);
	assert_non_null(rootfs_put(&h.tree, E "nick.service", 0644, "x", 1, &e));
	assert_int_equal(enable_unit(&h.tree, "many.service", &e), -1);
	assert_string_equal(e.msg,
		"unit many.service cannot be enabled: /etc/systemd/system/nick.service is there already");
	held_free(&h);
}

static void mask_links_to_null_and_drops_what_enables(void **state)
{
	(void)state;
	struct held h;
	struct err e;
	base(&h);
	assert_int_equal(enable_unit(&h.tree, "many.service", &e), 0);
	assert_int_equal(enable_unit(&h.tree, "plain.service", &e), 0);
	assert_int_equal(mask_unit(&h.tree, "many.service", &e), 0);
	assert_int_equal(mask_unit(&h.tree, "unknown.timer", &e), 0);
	assert_int_equal(mask_unit(&h.tree, "masked.service", &e), 0);
	assert_int_equal(mask_unit(&h.tree, "local.service", &e), 0);
	char *ours = links_of_tree(&h.tree);
	assert_string_equal(ours,
		"default.target.wants/told.service -> /lib/systemd/system/told.service\n"
		"local.service -> /dev/null\n"
		"many.service -> /dev/null\n"
		"masked.service -> /dev/null\n"
		"multi-user.target.wants/plain.service -> /lib/systemd/system/plain.service\n"
		"unknown.timer -> /dev/null\n");
	free(ours);
	assert_int_equal(enable_unit(&h.tree, "many.service", &e), -1);
	assert_string_equal(e.msg, "unit many.service is masked and cannot be enabled");
	assert_int_equal(mask_unit(&h.tree, "x", &e), -1);
	assert_int_equal(e.kind, ERR_INPUT);
	rootfs_find(&h.tree, E "both.service")->overlay = true;
	assert_int_equal(mask_unit(&h.tree, "both.service", &e), -1);
	assert_string_equal(e.msg,
		"unit both.service is to be masked, and an overlay has /etc/systemd/system/both.service: drop one of them");
	held_free(&h);
}

static void enable_wants_unit_files(void **state)
{
	(void)state;
	assert_true(enable_wants("/usr/lib/systemd/system/ssh.service"));
	assert_true(enable_wants("/lib/systemd/system/ssh.service"));
	assert_true(enable_wants("/etc/systemd/system/x.service.d/y.conf"));
	assert_false(enable_wants("/usr/lib/systemd/system/README"));
	assert_false(enable_wants("/usr/lib/systemd/systemd"));
	assert_false(enable_wants("/usr/lib/systemd/user/x.service"));
}

static void unit_names(void **state)
{
	(void)state;
	assert_int_equal(unit_kind("a.service"), UNIT_PLAIN);
	assert_int_equal(unit_kind("a@.service"), UNIT_TEMPLATE);
	assert_int_equal(unit_kind("a@b.service"), UNIT_INSTANCE);
	assert_int_equal(unit_kind("a@b@c.service"), UNIT_INSTANCE);
	assert_int_equal(unit_kind("a.b.socket"), UNIT_PLAIN);
	assert_int_equal(unit_kind("-.mount"), UNIT_PLAIN);
	assert_int_equal(unit_kind("a.servic"), UNIT_INVALID);
	assert_int_equal(unit_kind("@a.service"), UNIT_INVALID);
	assert_int_equal(unit_kind("a b.service"), UNIT_INVALID);
	assert_int_equal(unit_kind(".service"), UNIT_INVALID);
	assert_int_equal(unit_kind(""), UNIT_INVALID);
}

static void enable_every_failed_allocation_is_reported(void **state)
{
	(void)state;
	static const char *const UNITS[] = { "also.service", "tmpl@.service", "dropped.service" };
	for (size_t i = 0; i < sizeof(UNITS) / sizeof(UNITS[0]); i++) {
		struct held h;
		struct err e;
		base(&h);
		size_t before = h.arena.used;
		assert_int_equal(enable_unit(&h.tree, UNITS[i], &e), 0);
		size_t all = h.arena.used;
		held_free(&h);
		for (size_t max = before; max < all; max += 16) {
			base(&h);
			h.arena.max = max;
			assert_int_equal(enable_unit(&h.tree, UNITS[i], &e), -1);
			assert_int_equal(e.kind, ERR_MACHINE);
			held_free(&h);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(enable_links_are_systemctls),
		cmocka_unit_test(enable_makes_links),
		cmocka_unit_test(enable_refuses),
		cmocka_unit_test(mask_links_to_null_and_drops_what_enables),
		cmocka_unit_test(enable_wants_unit_files),
		cmocka_unit_test(unit_names),
		cmocka_unit_test(enable_every_failed_allocation_is_reported),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

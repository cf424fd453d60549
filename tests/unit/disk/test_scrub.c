#include "disk/scrub.h"

#include "base/text.h"
#include "fail.h"
#include "tree_text.h"

static struct rootfs_node *put(struct held *h, const char *path, const char *text, uint32_t mode)
{
	struct err e;
	struct rootfs_node *n = rootfs_put(&h->tree, path, mode, text, strlen(text), &e);
	assert_non_null(n);
	for (struct rootfs_node *up = n; up->parent != NULL; up = up->parent)
		up->overlay = false;
	return n;
}

static void put_link(struct held *h, const char *path, const char *target)
{
	struct err e;
	struct rootfs_node *n = rootfs_put_link(&h->tree, path, target, &e);
	assert_non_null(n);
	n->overlay = false;
}

static struct words words(struct word *list, const char *const *texts)
{
	struct words w = { .list = list };
	for (; texts[w.count] != NULL; w.count++)
		list[w.count] = (struct word){ .text = texts[w.count] };
	return w;
}

static void scrub_rules_are_well_formed(void **state)
{
	(void)state;
	for (size_t i = 0; i < SCRUB_RULE_COUNT; i++) {
		const struct scrub_rule *r = &SCRUB_RULES[i];
		assert_true(r->pattern[0] == '/' && r->pattern[strlen(r->pattern) - 1] != '/');
		assert_non_null(r->why);
		assert_true(strlen(r->why) > 5);
		assert_null(strstr(r->pattern, "//"));
	}
}

static void scrub_base_takes_traces_and_leaves_the_rest(void **state)
{
	(void)state;
	static const char *const GONE[] = { "/.dockerenv", "/etc/shadow-", "/etc/resolv.conf",
		"/etc/ssh/ssh_host_ed25519_key", "/etc/ssh/ssh_host_ed25519_key.pub",
		"/root/.bash_history", "/root/.ssh/authorized_keys", "/home/a/.bash_history",
		"/home/a/.ssh/authorized_keys", "/var/cache/apt/archives/x.deb",
		"/var/cache/apt/pkgcache.bin", "/var/cache/man/ja/x", "/var/lib/apt/lists/deb_x",
		"/var/lib/cloud/instance/x", "/var/lib/dhcp/dhclient.leases",
		"/var/lib/systemd/random-seed", "/var/lib/systemd/credential.secret",
		"/var/lib/NetworkManager/secret_key", "/var/lib/dbus/machine-id",
		"/var/cache/ldconfig/aux-cache", "/tmp/x", "/var/tmp/a/b", "/run/x.pid",
		"/var/log/dpkg.log.1", "/var/log/old/syslog.2.gz",
		"/var/log/journal/0123/x.journal", "/var/backups/dpkg.status.0",
		"/usr/sbin/policy-rc.d" };
	static const char *const KEPT[] = { "/etc/ssh/sshd_config", "/root/.bashrc",
		"/home/a/.bashrc", "/home/a/.ssh/config", "/var/cache/debconf/config.dat",
		"/var/lib/dpkg/status", "/etc/x.dpkg-old", "/usr/lib/python3/x.pyc",
		"/var/cache/ldconfig/other" };
	struct held h;
	struct err e;
	held_make(&h);
	for (size_t i = 0; i < sizeof(GONE) / sizeof(GONE[0]); i++)
		put(&h, GONE[i], "secret", 0644);
	for (size_t i = 0; i < sizeof(KEPT) / sizeof(KEPT[0]); i++)
		put(&h, KEPT[i], "kept", 0644);
	put(&h, "/var/log/btmp", "logs", 0660)->gid = 43;
	put(&h, "/etc/hostname", "build-host\n", 0644)->mtime = 5;
	put(&h, "/etc/machine-id", "0123456789abcdef0123456789abcdef\n", 0644);
	assert_int_equal(scrub_base(&h.tree, &e), 0);
	for (size_t i = 0; i < sizeof(GONE) / sizeof(GONE[0]); i++)
		if (rootfs_find(&h.tree, GONE[i]) != NULL)
			fail_msg("%s is still there", GONE[i]);
	for (size_t i = 0; i < sizeof(KEPT) / sizeof(KEPT[0]); i++) {
		struct rootfs_node *n = rootfs_find(&h.tree, KEPT[i]);
		if (n == NULL || n->size != 4)
			fail_msg("%s is not there", KEPT[i]);
	}
	/* No room is kept for the bytes of what went. */
	for (size_t i = 0; i < h.tree.count; i++)
		assert_true(!h.tree.list[i]->gone || h.tree.list[i]->size == 0);
	assert_line(&h, "/etc/machine-id", "-0444 0:0 1700000000 0");
	assert_line(&h, "/etc/hostname", "-0644 0:0 1700000000 10");
	assert_string_equal(rootfs_find(&h.tree, "/etc/hostname")->data, "localhost\n");
	assert_line(&h, "/var/log/btmp", "-0660 0:43 1700000000 0");
	static const char *const FOLDERS[] = { "/var/cache/apt/archives", "/var/lib/apt/lists",
		"/var/log/journal", "/var/lib/cloud", "/var/tmp", "/dev", "/proc", "/sys", "/run" };
	for (size_t i = 0; i < sizeof(FOLDERS) / sizeof(FOLDERS[0]); i++) {
		struct rootfs_node *n = rootfs_find(&h.tree, FOLDERS[i]);
		assert_true(n != NULL && S_ISDIR(n->mode));
	}
	assert_none(&h, "/var/log/journal/0123");
	assert_none(&h, "/var/tmp/a");
	assert_whole(&h.tree);
	held_free(&h);
}

static void scrub_base_of_little(void **state)
{
	(void)state;
	struct held h;
	struct err e;
	held_make(&h);
	assert_int_equal(scrub_base(&h.tree, &e), 0);
	assert_line(&h, "/tmp", "d1777 0:0 1700000000");
	held_free(&h);

	held_make(&h);
	put_link(&h, "/etc/resolv.conf", "../run/systemd/resolve/stub-resolv.conf");
	put_link(&h, "/var/lib/dbus/machine-id", "/etc/machine-id");
	put_link(&h, "/var/log", "elsewhere");
	assert_int_equal(scrub_base(&h.tree, &e), 0);
	assert_non_null(rootfs_find(&h.tree, "/etc/resolv.conf"));
	assert_non_null(rootfs_find(&h.tree, "/var/lib/dbus/machine-id"));
	assert_line(&h, "/etc/machine-id", "-0444 0:0 1700000000 0");
	held_free(&h);
}

/* Names of one file within and without what goes. */
static void scrub_base_with_hard_links(void **state)
{
	(void)state;
	struct held h;
	struct err e;
	held_make(&h);
	struct rootfs_node *f = put(&h, "/var/tmp/a", "text", 0644);
	assert_non_null(rootfs_add_link(&h.tree, f->parent, "b", 1, f, &e));
	assert_non_null(rootfs_add_link(&h.tree, h.tree.root, "out", 3, f, &e));
	struct rootfs_node *log = put(&h, "/var/log/x", "text", 0644);
	assert_non_null(rootfs_add_link(&h.tree, h.tree.root, "log", 3, log, &e));
	assert_int_equal(scrub_base(&h.tree, &e), 0);
	assert_whole(&h.tree);
	assert_none(&h, "/var/tmp/a");
	assert_none(&h, "/var/tmp/b");
	assert_none(&h, "/var/log/x");
	assert_line(&h, "/out", "-0644 0:0 1700000000 4");
	assert_line(&h, "/log", "-0644 0:0 1700000000 4");
	held_free(&h);
}

static void scrub_exclude_as_dpkg(void **state)
{
	(void)state;
	struct held h;
	struct err e;
	struct word list[8];
	static const char *const PATTERNS[] = { "/usr/share/doc/*", "!/usr/share/doc/*/copyright",
		"/usr/share/man*", "*.tmp", "!/etc/keep.tmp", NULL };
	struct words w = words(list, PATTERNS);
	held_make(&h);
	put(&h, "/usr/share/doc/a/copyright", "x", 0644);
	put(&h, "/usr/share/doc/a/deep/er/changelog", "x", 0644);
	put(&h, "/usr/share/doc/b/README", "x", 0644);
	put_link(&h, "/usr/share/doc/c", "b");
	put(&h, "/usr/share/man/man1/x.1", "x", 0644);
	put(&h, "/usr/share/mandriva", "x", 0644);
	put(&h, "/usr/share/info/x", "x", 0644);
	put(&h, "/etc/a.tmp", "x", 0644);
	put(&h, "/etc/keep.tmp", "x", 0644);
	struct rootfs_node *f = put(&h, "/opt/one.tmp", "x", 0644);
	assert_non_null(rootfs_add_link(&h.tree, f->parent, "two.tmp", 7, f, &e));
	assert_non_null(rootfs_add_link(&h.tree, f->parent, "three", 5, f, &e));
	rootfs_find(&h.tree, "/usr/share/info/x")->overlay = true;
	assert_int_equal(scrub_exclude(&h.tree, &w, &e), 0);
	assert_whole(&h.tree);
	assert_non_null(rootfs_find(&h.tree, "/usr/share/doc/a/copyright"));
	assert_none(&h, "/usr/share/doc/a/deep");
	assert_none(&h, "/usr/share/doc/b");
	assert_none(&h, "/usr/share/doc/c");
	assert_none(&h, "/usr/share/man");
	assert_none(&h, "/usr/share/mandriva");
	assert_non_null(rootfs_find(&h.tree, "/usr/share/info/x"));
	assert_none(&h, "/etc/a.tmp");
	assert_non_null(rootfs_find(&h.tree, "/etc/keep.tmp"));
	assert_none(&h, "/opt/one.tmp");
	assert_none(&h, "/opt/two.tmp");
	assert_line(&h, "/opt/three", "-0644 0:0 1700000000 1");
	held_free(&h);
}

static void scrub_setuid_notes_what_it_takes(void **state)
{
	(void)state;
	struct held h;
	struct err e;
	struct owners o;
	struct word list[4];
	static const char *const KEEP[] = { "/bin/sudo", "/no/such", NULL };
	struct words w = words(list, KEEP);
	held_make(&h);
	put(&h, "/etc/passwd", "root:x:0:0::/:/bin/sh\n", 0644);
	put(&h, "/etc/group", "root:x:0:\n_ssh:x:101:\nmessagebus:x:102:\n", 0644);
	put_link(&h, "/bin", "usr/bin");
	put(&h, "/usr/bin/sudo", "x", 04755);
	put(&h, "/usr/bin/su", "x", 04755);
	put(&h, "/usr/bin/ssh-agent", "x", 02755)->gid = 101;
	put(&h, "/usr/lib/dbus/helper", "x", 04754)->gid = 102;
	put(&h, "/usr/lib/odd", "x", 06711)->uid = 77;
	put(&h, "/var/lib/dpkg/statoverride",
		"root messagebus 4754 /usr/lib/dbus/helper\nroot crontab 2755 /usr/bin/crontab\n",
		0644);
	put(&h, "/var/mail/x", "", 0600)->parent->mode = S_IFDIR | 02775;
	assert_int_equal(owners_read(&h.tree, &o, &e), 0);
	assert_int_equal(scrub_setuid(&h.tree, &w, &o, &e), 0);
	assert_line(&h, "/usr/bin/sudo", "-4755 0:0 1700000000 1");
	assert_line(&h, "/usr/bin/su", "-0755 0:0 1700000000 1");
	assert_line(&h, "/usr/bin/ssh-agent", "-0755 0:101 1700000000 1");
	assert_line(&h, "/usr/lib/odd", "-0711 77:0 1700000000 1");
	assert_line(&h, "/var/mail", "d2775 0:0 1700000000");
	assert_string_equal(rootfs_find(&h.tree, "/var/lib/dpkg/statoverride")->data,
		"root crontab 2755 /usr/bin/crontab\n"
		"root _ssh 755 /bin/ssh-agent\n"
		"root root 755 /bin/su\n"
		"root _ssh 755 /usr/bin/ssh-agent\n"
		"root root 755 /usr/bin/su\n"
		"root messagebus 754 /usr/lib/dbus/helper\n"
		"#77 root 711 /usr/lib/odd\n");
	/* Once more: nothing left to take, nothing to note. */
	assert_int_equal(scrub_setuid(&h.tree, &w, &o, &e), 0);
	assert_whole(&h.tree);
	held_free(&h);
}

static void scrub_setuid_without_dpkg(void **state)
{
	(void)state;
	struct held h;
	struct err e;
	struct owners o = { 0 };
	struct words none = { 0 };
	held_make(&h);
	put(&h, "/usr/bin/su", "x", 04755);
	assert_int_equal(scrub_setuid(&h.tree, &none, &o, &e), 0);
	assert_line(&h, "/usr/bin/su", "-0755 0:0 1700000000 1");
	assert_none(&h, "/var");
	held_free(&h);
}

static void scrub_accounts_locks_root(void **state)
{
	(void)state;
	struct held h;
	struct err e;
	held_make(&h);
	put(&h, "/etc/passwd", "root:x:0:0::/root:/bin/sh\ndaemon:x:1:1::/:/bin/sh", 0644);
	put(&h, "/etc/shadow",
		"root:$y$j9T$abc:19000:0:99999:7:::\ndaemon:*:1::::::\nsshd:!:1::::::\n\n", 0640);
	assert_int_equal(scrub_accounts(&h.tree, &e), 0);
	assert_line(&h, "/etc/shadow", "-0640 0:0 1700000000 59");
	assert_string_equal(rootfs_find(&h.tree, "/etc/shadow")->data,
		"root:*:19000:0:99999:7:::\ndaemon:*:1::::::\nsshd:!:1::::::\n\n");
	assert_int_equal(scrub_accounts(&h.tree, &e), 0);
	held_free(&h);
	held_make(&h);
	assert_int_equal(scrub_accounts(&h.tree, &e), 0);
	held_free(&h);
}

static void account_refused(const char *path, const char *text, const char *said)
{
	struct held h;
	struct err e;
	held_make(&h);
	put(&h, path, text, 0640);
	assert_int_equal(scrub_accounts(&h.tree, &e), -1);
	assert_int_equal(e.kind, ERR_INPUT);
	assert_string_equal(e.msg, said);
	held_free(&h);
}

#define WHY ": nobody may log in to an image by password: lock it in the base (passwd -l)"

static void scrub_accounts_refuses_passwords(void **state)
{
	(void)state;
	account_refused("/etc/shadow", "root:*:1::::::\nadmin:$6$x$y:1::::::\n",
		"the base's /etc/shadow:2: account \"admin\" has a password" WHY);
	account_refused("/etc/shadow", "user::1::::::\n",
		"the base's /etc/shadow:1: account \"user\" needs no password" WHY);
	account_refused("/etc/passwd", "user::1000:1000::/:/bin/sh\n",
		"the base's /etc/passwd:1: account \"user\" needs no password" WHY);
	account_refused("/etc/passwd", "user:abXYZ:1000:1000::/:/bin/sh\n",
		"the base's /etc/passwd:1: account \"user\" has a password" WHY);
	account_refused("/etc/gshadow", "adm:*::\nwheel:$6$x::\nempty:::\n",
		"the base's /etc/gshadow:2: group \"wheel\" has a password" WHY);
}

static int all_of_it(struct rootfs *r, const struct words *w, struct err *e)
{
	struct owners o;
	if (scrub_accounts(r, e) < 0 || scrub_base(r, e) < 0 || owners_read(r, &o, e) < 0 ||
		scrub_exclude(r, w, e) < 0)
		return -1;
	return scrub_setuid(r, w, &o, e);
}

static void scrub_every_failed_allocation_is_reported(void **state)
{
	(void)state;
	struct word list[2];
	static const char *const PATTERNS[] = { "/usr/share/doc/*", NULL };
	struct words w = words(list, PATTERNS);
	size_t before = 0, all = 0;
	for (size_t max = 0; max == 0 || max < all; max = max == 0 ? before : max + 16) {
		struct held h;
		struct err e;
		held_make(&h);
		put(&h, "/etc/passwd", "root:x:0:0::/:/bin/sh\n", 0644);
		put(&h, "/etc/shadow", "root:x:1::::::\n", 0640);
		put(&h, "/usr/bin/su", "x", 04755);
		put(&h, "/usr/share/doc/x", "x", 0644);
		put(&h, "/var/lib/dpkg/statoverride", "root root 755 /x\n", 0644);
		if (max == 0)
			before = h.arena.used;
		else
			h.arena.max = max;
		int rc = all_of_it(&h.tree, &w, &e);
		all = max == 0 ? h.arena.used : all;
		held_free(&h);
		assert_int_equal(rc, max == 0 ? 0 : -1);
		if (max != 0)
			assert_int_equal(e.kind, ERR_MACHINE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scrub_rules_are_well_formed),
		cmocka_unit_test(scrub_base_takes_traces_and_leaves_the_rest),
		cmocka_unit_test(scrub_base_of_little),
		cmocka_unit_test(scrub_base_with_hard_links),
		cmocka_unit_test(scrub_exclude_as_dpkg),
		cmocka_unit_test(scrub_setuid_notes_what_it_takes),
		cmocka_unit_test(scrub_setuid_without_dpkg),
		cmocka_unit_test(scrub_accounts_locks_root),
		cmocka_unit_test(scrub_accounts_refuses_passwords),
		cmocka_unit_test(scrub_every_failed_allocation_is_reported),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "disk/scrub.h"

#include <fnmatch.h>
#include <string.h>
#include <sys/stat.h>

const struct scrub_rule SCRUB_RULES[] = {
	{ "/.dockerenv", SCRUB_REMOVE, "systemd takes a system with it for a container" },
	{ "/boot/loader/random-seed", SCRUB_REMOVE, "entropy must not be shared" },
	{ "/etc/.pwd.lock", SCRUB_REMOVE, "a lock of the build" },
	{ "/etc/group-", SCRUB_REMOVE, "a copy from before the last change" },
	{ "/etc/gshadow-", SCRUB_REMOVE, "a copy from before the last change, with its passwords" },
	{ "/etc/passwd-", SCRUB_REMOVE, "a copy from before the last change" },
	{ "/etc/resolv.conf", SCRUB_PLAIN, "name servers of the machine that built the base" },
	{ "/etc/shadow-", SCRUB_REMOVE, "a copy from before the last change, with its passwords" },
	{ "/etc/ssh/ssh_host_*", SCRUB_REMOVE, "host keys: each machine makes its own" },
	{ "/etc/subgid-", SCRUB_REMOVE, "a copy from before the last change" },
	{ "/etc/subuid-", SCRUB_REMOVE, "a copy from before the last change" },
	{ "/home/*/.*_history", SCRUB_REMOVE, "commands of whoever made the base" },
	{ "/home/*/.ssh/authorized_keys*", SCRUB_REMOVE, "keys come with the instance" },
	{ "/home/*/.ssh/id_*", SCRUB_REMOVE, "private keys" },
	{ "/home/*/.ssh/known_hosts*", SCRUB_REMOVE, "hosts that whoever made the base went to" },
	{ "/root/.*_history", SCRUB_REMOVE, "commands of whoever made the base" },
	{ "/root/.cache", SCRUB_REMOVE, "a cache" },
	{ "/root/.lesshst", SCRUB_REMOVE, "searches of whoever made the base" },
	{ "/root/.ssh", SCRUB_REMOVE, "keys come with the instance" },
	{ "/root/.viminfo", SCRUB_REMOVE, "files that whoever made the base edited" },
	{ "/root/.wget-hsts", SCRUB_REMOVE, "hosts that whoever made the base went to" },
	{ "/run", SCRUB_BELOW, "of a running system" },
	{ "/tmp", SCRUB_BELOW, "of a running system" },
	{ "/usr/sbin/policy-rc.d", SCRUB_REMOVE, "keeps services from starting while building" },
	{ "/var/backups", SCRUB_FILES, "copies of the package and account databases" },
	{ "/var/cache/apt", SCRUB_FILES, "a cache" },
	{ "/var/cache/ldconfig/aux-cache", SCRUB_REMOVE, "a cache, with inode numbers in it" },
	{ "/var/cache/man", SCRUB_BELOW, "a cache" },
	{ "/var/crash", SCRUB_BELOW, "memory of programs that crashed" },
	{ "/var/lib/NetworkManager", SCRUB_BELOW, "a secret key, leases, networks seen" },
	{ "/var/lib/apt/lists", SCRUB_FILES, "a cache, out of date at once" },
	{ "/var/lib/cloud", SCRUB_BELOW, "cloud-init would take the image for an instance" },
	{ "/var/lib/dbus/machine-id", SCRUB_PLAIN,
		"an identity; dbus links it to /etc/machine-id" },
	{ "/var/lib/dhclient", SCRUB_BELOW, "leases" },
	{ "/var/lib/dhcp", SCRUB_BELOW, "leases" },
	{ "/var/lib/logrotate/status", SCRUB_REMOVE, "times of logs that are gone" },
	{ "/var/lib/sudo/lectured", SCRUB_BELOW, "who used the machine" },
	{ "/var/lib/systemd/coredump", SCRUB_BELOW, "memory of programs that crashed" },
	{ "/var/lib/systemd/credential.secret", SCRUB_REMOVE, "a secret of one machine" },
	{ "/var/lib/systemd/random-seed", SCRUB_REMOVE, "entropy must not be shared" },
	{ "/var/lib/systemd/timers", SCRUB_BELOW, "times of runs that this machine did not see" },
	{ "/var/log/journal", SCRUB_BELOW, "logs of another machine, by its id" },
	{ "/var/log", SCRUB_EMPTY, "logs of another machine; owners and modes stay" },
	{ "/var/mail", SCRUB_BELOW, "mail of another machine" },
	{ "/var/tmp", SCRUB_BELOW, "of a running system" },
};
const size_t SCRUB_RULE_COUNT = sizeof(SCRUB_RULES) / sizeof(SCRUB_RULES[0]);

static bool alone(const struct rootfs_node *n)
{
	return n->same_as == NULL && n->links == 1;
}

static void empty(struct rootfs_node *n)
{
	n->size = 0;
	n->entry = 0;
	n->data = "";
	n->late = NULL;
	n->spans = NULL;
	n->span_count = 0;
}

static struct rootfs_node *top_of(struct rootfs_node *n, struct rootfs_node *end)
{
	while (S_ISDIR(n->mode) && !n->gone && n->children != NULL && n != end)
		n = n->children;
	return n;
}

/* Each live node below a folder, what is in a folder before the folder itself. */
struct below {
	struct rootfs_node *folder;
	struct rootfs_node *next;
};

static struct below below_start(struct rootfs_node *folder)
{
	struct rootfs_node *first = folder->children;
	return (struct below){ folder, first != NULL ? top_of(first, NULL) : NULL };
}

static struct rootfs_node *below_next(struct below *b)
{
	for (;;) {
		struct rootfs_node *n = b->next;
		if (n == NULL)
			return NULL;
		/* Where to go on is settled before the caller takes the node away. */
		b->next = n->next != NULL          ? top_of(n->next, NULL)
			  : n->parent != b->folder ? n->parent
						   : NULL;
		if (!n->gone)
			return n;
	}
}

/* Remove, without keeping room for the bytes. */
static int take_away(struct rootfs *r, struct rootfs_node *n, struct err *e)
{
	struct below b = below_start(n);
	for (struct rootfs_node *at; (at = below_next(&b)) != NULL;)
		if (S_ISREG(at->mode) && alone(at))
			empty(at);
	if (S_ISREG(n->mode) && alone(n))
		empty(n);
	return rootfs_remove(r, n, e);
}

static int take_below(struct rootfs *r, struct rootfs_node *folder, bool folders, struct err *e)
{
	/* A name that a file takes over (rootfs_remove) stays where it is in the order: found by
	 * going on until a round finds nothing. */
	for (bool more = true; more;) {
		struct below b = below_start(folder);
		more = false;
		for (struct rootfs_node *n; (n = below_next(&b)) != NULL;) {
			if (S_ISDIR(n->mode) && !folders)
				continue;
			more = more || !alone(n);
			if (take_away(r, n, e) < 0)
				return -1;
		}
	}
	return 0;
}

static bool is_rotated(const char *name)
{
	static const char *const PATTERNS[] = { "*.gz", "*.xz", "*.zst", "*.old", "*.[0-9]" };
	for (size_t i = 0; i < sizeof(PATTERNS) / sizeof(PATTERNS[0]); i++)
		if (fnmatch(PATTERNS[i], name, 0) == 0)
			return true;
	return false;
}

static int empty_below(struct rootfs *r, struct rootfs_node *folder, struct err *e)
{
	struct below b = below_start(folder);
	for (struct rootfs_node *n; (n = below_next(&b)) != NULL;) {
		if (!S_ISREG(rootfs_file(n)->mode))
			continue;
		if (!alone(n) || is_rotated(n->name)) {
			if (take_away(r, n, e) < 0)
				return -1;
		} else
			empty(n);
	}
	return 0;
}

static int apply(struct rootfs *r, struct rootfs_node *n, enum scrub_action action, struct err *e)
{
	bool folder = S_ISDIR(n->mode);
	switch (action) {
	case SCRUB_REMOVE:
		return take_away(r, n, e);
	case SCRUB_PLAIN:
		return S_ISREG(n->mode) ? take_away(r, n, e) : 0;
	case SCRUB_BELOW:
		return folder ? take_below(r, n, true, e) : 0;
	case SCRUB_FILES:
		return folder ? take_below(r, n, false, e) : 0;
	case SCRUB_EMPTY:
		return folder ? empty_below(r, n, e) : 0;
	}
	return 0;
}

/* `pattern` is what is left of the rule's, which has few parts: recursion ends with them. */
static int apply_below(struct rootfs *r, struct rootfs_node *folder, const char *pattern,
	enum scrub_action action, struct err *e)
{
	const char *slash = strchr(++pattern, '/');
	size_t len = slash != NULL ? (size_t)(slash - pattern) : strlen(pattern);
	char part[ROOTFS_NAME_MAX + 1];
	memcpy(part, pattern, len);
	part[len] = '\0';
	if (strpbrk(part, "*?[") == NULL) {
		struct rootfs_node *n = rootfs_child(r, folder, part, len);
		if (n == NULL)
			return 0;
		if (slash == NULL)
			return apply(r, n, action, e);
		return S_ISDIR(n->mode) ? apply_below(r, n, slash, action, e) : 0;
	}
	struct rootfs_node *next;
	for (struct rootfs_node *n = folder->children; n != NULL; n = next) {
		next = n->next;
		if (n->gone || fnmatch(part, n->name, FNM_PERIOD) != 0)
			continue;
		if (slash == NULL ? apply(r, n, action, e) < 0
				  : S_ISDIR(n->mode) && apply_below(r, n, slash, action, e) < 0)
			return -1;
	}
	return 0;
}

static int make_mounts(struct rootfs *r, struct err *e)
{
	static const char *const MOUNTS[] = { "dev", "proc", "run", "sys", "tmp" };
	for (size_t i = 0; i < sizeof(MOUNTS) / sizeof(MOUNTS[0]); i++) {
		const char *name = MOUNTS[i];
		if (rootfs_child(r, r->root, name, strlen(name)) != NULL)
			continue;
		bool shared = strcmp(name, "tmp") == 0;
		if (rootfs_add(r, r->root, name, strlen(name), S_IFDIR | (shared ? 01777 : 0755),
			    e) == NULL)
			return -1;
	}
	return 0;
}

static int no_identity(struct rootfs *r, struct err *e)
{
	struct rootfs_node *etc = rootfs_find(r, "/etc");
	if (etc == NULL || !S_ISDIR(etc->mode))
		return 0;
	struct rootfs_node *id = rootfs_child(r, etc, "machine-id", 10);
	if (id != NULL && (S_ISDIR(id->mode) || !S_ISREG(id->mode) || !alone(id))) {
		if (take_away(r, id, e) < 0)
			return -1;
		id = NULL;
	}
	if (id == NULL)
		id = rootfs_add(r, etc, "machine-id", 10, S_IFREG | 0444, e);
	if (id == NULL)
		return -1;
	empty(id);
	id->mode = S_IFREG | 0444;
	id->uid = id->gid = 0;
	id->mtime = r->epoch;
	id->mtime_nsec = 0;

	struct rootfs_node *host = rootfs_child(r, etc, "hostname", 8);
	if (host != NULL && S_ISREG(host->mode) && alone(host)) {
		empty(host);
		host->data = "localhost\n";
		host->size = 10;
		host->mtime = r->epoch;
		host->mtime_nsec = 0;
	}
	return 0;
}

int scrub_base(struct rootfs *r, struct err *e)
{
	for (size_t i = 0; i < SCRUB_RULE_COUNT; i++)
		if (apply_below(r, r->root, SCRUB_RULES[i].pattern, SCRUB_RULES[i].action, e) < 0)
			return -1;
	if (make_mounts(r, e) < 0)
		return -1;
	return no_identity(r, e);
}

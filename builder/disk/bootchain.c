#include "disk/bootchain.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/text.h"

#define KERNEL_PREFIX "vmlinuz-"
#define INITRD_PREFIX "initrd.img-"
#define LOADERS       "usr/lib/systemd/boot/efi/"
/* Writes the entries on a running system; tells us how. */
#define PLUGIN        "usr/lib/kernel/install.d/90-loaderentry.install"

/* A damaged or missing ESP must not keep the system from coming up; it is mounted only while a
 * package's hook looks at it, so that a crash rarely finds it mounted. */
#define ESP_MOUNT                                                                                  \
	"umask=0077,nosuid,nodev,noexec,nofail,x-systemd.device-timeout=30s,"                      \
	"x-systemd.automount,x-systemd.idle-timeout=1min"

bool bootchain_wants(const char *path)
{
	path += strspn(path, "./");
	return text_starts(path, "boot/" KERNEL_PREFIX) ||
	       text_starts(path, "boot/" INITRD_PREFIX) ||
	       text_starts(path, LOADERS "systemd-boot") || strcmp(path, PLUGIN) == 0 ||
	       strcmp(path, "usr/lib/os-release") == 0 || strcmp(path, "etc/os-release") == 0;
}

/* A regular file of the tree with its content; NULL: none. */
static const struct rootfs_node *content(
	const struct rootfs *r, const char *path, struct err *e, int *ret)
{
	struct rootfs_node *n = rootfs_resolve(r, path);
	*ret = 0;
	if (n == NULL)
		return NULL;
	n = rootfs_file(n);
	if (!S_ISREG(n->mode))
		return NULL;
	if (n->size > 0 && n->data == NULL) {
		*ret = err_set(e, ERR_BUG, 0, "%s: its content was not kept", path);
		return NULL;
	}
	return n;
}

static const struct rootfs_node *need(
	const struct rootfs *r, const char *path, const char *package, struct err *e)
{
	int rc;
	const struct rootfs_node *n = content(r, path, e, &rc);
	if (n != NULL || rc < 0)
		return n;
	err_set(e, ERR_INPUT, 0, "the base has no %s: the package %s brings it", path, package);
	return NULL;
}

static const char *newest_kernel(const struct rootfs *r, struct arena *a, struct err *e)
{
	const struct rootfs_node *boot = rootfs_resolve(r, "/boot");
	const char *best = NULL;
	for (const struct rootfs_node *n = boot != NULL ? boot->children : NULL; n != NULL;
		n = n->next) {
		if (n->gone || !text_starts(n->name, KERNEL_PREFIX))
			continue;
		const char *version = n->name + strlen(KERNEL_PREFIX);
		if (best != NULL && bootchain_compare(version, best) <= 0)
			continue;
		/* What dpkg or an administrator put aside has no modules. */
		const char *modules = arena_printf(a, e, "/usr/lib/modules/%s", version);
		if (modules == NULL)
			return NULL;
		const struct rootfs_node *folder = rootfs_resolve(r, modules);
		if (folder != NULL && S_ISDIR(folder->mode))
			best = version;
	}
	if (best == NULL)
		err_set(e, ERR_INPUT, 0,
			"the base has no kernel (/boot/" KERNEL_PREFIX
			"VERSION with /usr/lib/modules/VERSION): "
			"the package linux-image-cloud-ARCHITECTURE brings one");
	return best;
}

/* bootctl takes the signed one where there are both. */
static const struct rootfs_node *boot_loader(
	const struct rootfs *r, const struct arch *arch, struct arena *a, struct err *e)
{
	int rc;
	const char *plain = arena_printf(a, e, "/" LOADERS "systemd-boot%s.efi", arch->efi);
	const char *sealed = arena_printf(a, e, "/" LOADERS "systemd-boot%s.efi.signed", arch->efi);
	if (plain == NULL || sealed == NULL)
		return NULL;
	const struct rootfs_node *n = content(r, sealed, e, &rc);
	if (n != NULL || rc < 0)
		return n;
	return need(r, plain, "systemd-boot", e);
}

/* What systemd-boot and its hooks would take as the system's name and sorting key. */
struct release {
	const char *title;
	const char *sort_key; /* NULL: none */
};

static int release_read(const struct rootfs *r, const char *version, struct arena *a,
	struct release *ret, struct err *e)
{
	int rc;
	const char *pretty = NULL, *image = NULL, *id = NULL;
	const struct rootfs_node *n = content(r, "/etc/os-release", e, &rc);
	if (n == NULL && rc == 0)
		n = content(r, "/usr/lib/os-release", e, &rc);
	if (rc < 0)
		return -1;
	if (n != NULL && n->size > 0 &&
		(bootchain_release(n->data, n->size, "PRETTY_NAME", a, &pretty, e) < 0 ||
			bootchain_release(n->data, n->size, "IMAGE_ID", a, &image, e) < 0 ||
			bootchain_release(n->data, n->size, "ID", a, &id, e) < 0))
		return -1;
	ret->title = pretty != NULL ? pretty : arena_printf(a, e, "Linux %s", version);
	ret->sort_key = image != NULL ? image : id;
	return ret->title != NULL ? 0 : -1;
}

/* The comments that the base's own plugin starts an entry with (Debian 13; none in Debian 12). */
static int entry_comments(const struct rootfs_node *plugin, struct buf *out, struct err *e)
{
	static const char echo[] = "echo \"# ", self[] = "$0";
	const char *p = plugin->data, *end = p + plugin->size;
	while (plugin->size > 0 && p < end) {
		const char *eol = memchr(p, '\n', (size_t)(end - p));
		const char *stop = eol != NULL ? eol : end;
		while (p < stop && (*p == ' ' || *p == '\t'))
			p++;
		size_t len = (size_t)(stop - p);
		if (len > sizeof(echo) && memcmp(p, echo, sizeof(echo) - 1) == 0 &&
			stop[-1] == '"') {
			p += strlen("echo \"");
			len = (size_t)(stop - 1 - p);
			const char *at = memmem(p, len, self, strlen(self));
			size_t before = at != NULL ? (size_t)(at - p) : len;
			if (buf_add(out, p, before, e) < 0)
				return -1;
			if (at != NULL && (buf_puts(out, "/" PLUGIN, e) < 0 ||
						  buf_add(out, at + strlen(self),
							  len - before - strlen(self), e) < 0))
				return -1;
			if (buf_putc(out, '\n', e) < 0)
				return -1;
		}
		p = eol != NULL ? eol + 1 : end;
	}
	return 0;
}

/* Field for field what 90-loaderentry.install writes. */
static int entry(const struct rootfs *r, const struct bootchain_options *o, const char *version,
	const char *cmdline, struct arena *a, struct buf *out, struct err *e)
{
	struct release release;
	const struct rootfs_node *plugin = need(r, "/" PLUGIN, "systemd", e);
	if (plugin == NULL || release_read(r, version, a, &release, e) < 0 ||
		entry_comments(plugin, out, e) < 0 ||
		buf_printf(out, e, "title      %s\nversion    %s\n", release.title, version) < 0)
		return -1;
	if (release.sort_key != NULL && buf_printf(out, e, "sort-key   %s\n", release.sort_key) < 0)
		return -1;
	return buf_printf(out, e,
		"options    %s\n"
		"linux      /%s/%s/linux\n"
		"initrd     /%s/%s/" INITRD_PREFIX "%s\n",
		cmdline, o->token, version, o->token, version, version);
}

static const char *kernel_cmdline(const struct bootchain_options *o, struct arena *a, struct err *e)
{
	cleanup_buf struct buf b = { 0 };
	struct uuid_text root = ident_uuid_text(o->id, IDENT_ROOT);
	if (buf_printf(&b, e, "root=PARTUUID=%s ro rootfstype=ext4", root.text) < 0)
		return NULL;
	for (size_t i = 0; i < o->argument_count; i++)
		if (buf_printf(&b, e, " %s", o->arguments[i]) < 0)
			return NULL;
	return arena_strndup(a, b.data, b.len, e);
}

static int put_text(struct rootfs *r, const char *path, const char *text, struct err *e)
{
	return rootfs_put(r, path, 0644, text, strlen(text), e) != NULL ? 0 : -1;
}

static int put_root_files(struct rootfs *r, const struct bootchain_options *o, const char *cmdline,
	struct arena *a, struct err *e)
{
	struct uuid_text root = ident_uuid_text(o->id, IDENT_ROOT);
	struct uuid_text esp = ident_uuid_text(o->id, IDENT_ESP);
	const char *fstab = arena_printf(a, e,
		"PARTUUID=%s / ext4 errors=remount-ro 0 1\n"
		"PARTUUID=%s /efi vfat " ESP_MOUNT " 0 0\n"
		"tmpfs /dev/shm tmpfs defaults,nosuid,nodev,noexec 0 0\n",
		root.text, esp.text);
	const char *token = arena_printf(a, e, "%s\n", o->token);
	const char *line = arena_printf(a, e, "%s\n", cmdline);
	if (fstab == NULL || token == NULL || line == NULL)
		return -1;
	if (put_text(r, "/etc/fstab", fstab, e) < 0 ||
		put_text(r, "/etc/kernel/entry-token", token, e) < 0 ||
		put_text(r, "/etc/kernel/cmdline", line, e) < 0 ||
		put_text(r, "/etc/kernel/install.conf", "layout=bls\n", e) < 0)
		return -1;
	return rootfs_folder(r, "/efi", true, e) != NULL ? 0 : -1;
}

static int token_check(const char *token, struct err *e)
{
	if (token[0] == '\0' || token[0] == '.' || strchr(token, '/') != NULL ||
		strcasecmp(token, "efi") == 0 || strcasecmp(token, "loader") == 0)
		return err_set(e, ERR_INPUT, 0,
			"'%s' cannot be the name of a folder for kernels on the EFI system "
			"partition",
			token);
	return 0;
}

int bootchain_make(struct rootfs *r, const struct bootchain_options *o, struct arena *a,
	struct bootchain *ret, struct err *e)
{
	static const char conf[] = "timeout 0\neditor no\n", srel[] = "type1\n";
	cleanup_buf struct buf text = { 0 };
	if (token_check(o->token, e) < 0)
		return -1;
	const char *version = newest_kernel(r, a, e);
	if (version == NULL)
		return -1;
	const char *kernel_path = arena_printf(a, e, "/boot/" KERNEL_PREFIX "%s", version);
	const char *initrd_path = arena_printf(a, e, "/boot/" INITRD_PREFIX "%s", version);
	const char *cmdline = kernel_cmdline(o, a, e);
	if (kernel_path == NULL || initrd_path == NULL || cmdline == NULL)
		return -1;
	const struct rootfs_node *kernel =
		need(r, kernel_path, "linux-image-cloud-ARCHITECTURE", e);
	const struct rootfs_node *initrd =
		kernel != NULL ? need(r, initrd_path, "initramfs-tools", e) : NULL;
	const struct rootfs_node *loader = initrd != NULL ? boot_loader(r, o->arch, a, e) : NULL;
	if (loader == NULL || entry(r, o, version, cmdline, a, &text, e) < 0)
		return -1;
	const char *entry_text = arena_strndup(a, text.data, text.len, e);
	const char *folder = arena_printf(a, e, "%s/%s", o->token, version);
	if (entry_text == NULL || folder == NULL)
		return -1;
	const struct esp_file files[] = {
		{ arena_printf(a, e, "EFI/BOOT/%s", o->arch->removable), loader->data,
			loader->size },
		{ arena_printf(a, e, "EFI/systemd/systemd-boot%s.efi", o->arch->efi), loader->data,
			loader->size },
		{ "loader/loader.conf", conf, sizeof(conf) - 1 },
		{ "loader/entries.srel", srel, sizeof(srel) - 1 },
		{ arena_printf(a, e, "loader/entries/%s-%s.conf", o->token, version), entry_text,
			text.len },
		{ arena_printf(a, e, "%s/linux", folder), kernel->data, kernel->size },
		{ arena_printf(a, e, "%s/" INITRD_PREFIX "%s", folder, version), initrd->data,
			initrd->size },
	};
	const size_t count = sizeof(files) / sizeof(files[0]);
	struct esp_file *copy = arena_array(a, count, sizeof(*copy), e);
	if (copy == NULL)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (files[i].path == NULL)
			return -1;
	memcpy(copy, files, sizeof(files));
	if (put_root_files(r, o, cmdline, a, e) < 0)
		return err_wrap(e, "files that the boot needs");
	*ret = (struct bootchain){
		.version = version,
		.cmdline = cmdline,
		.files = copy,
		.count = count,
	};
	return 0;
}

/*
 * The boot chain: the newest kernel is found, the EFI system partition gets what `bootctl install`
 * and `kernel-install add` of Debian 12 and 13 write, and each missing part is told with the
 * package that has it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "check.h"
#include "disk/bootchain.h"
#include "fail.h"

#define ROOT "8eecedbc-de42-8422-aad7-3a0f6b104d74"

static const char PLUGIN[] = "/usr/lib/kernel/install.d/90-loaderentry.install";
static const char LOADER[] = "/usr/lib/systemd/boot/efi/systemd-bootx64.efi";
/* The lines that matter of Debian 13's. */
static const char PLUGIN_13[] = "#!/bin/sh\n"
				"{\n"
				"    echo \"# Boot Loader Specification type#1 entry\"\n"
				"    echo \"# File created by $0 (systemd 257.13-1~deb13u1)\"\n"
				"    echo \"title      $PRETTY_NAME\"\n"
				"}\n";
static const char RELEASE_12[] = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n"
				 "NAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\nID=debian\n";

static const struct ident ID = { .recipe = "hub", .base = { .text = "0123456789abcdef" } };

struct tree {
	struct arena arena;
	struct rootfs r;
	const char *skip; /* a path that is not put there */
	struct bootchain_options o;
	struct bootchain chain;
	struct err e;
};

static void put(struct tree *t, const char *path, const char *data)
{
	if (t->skip != NULL && strcmp(t->skip, path) == 0)
		return;
	if (rootfs_put(&t->r, path, 0644, data, strlen(data), &t->e) == NULL)
		fail_msg("%s", t->e.msg);
}

static void folder(struct tree *t, const char *path)
{
	if (rootfs_folder(&t->r, path, false, &t->e) == NULL)
		fail_msg("%s", t->e.msg);
}

static void link_to(struct tree *t, const char *path, const char *target)
{
	if (rootfs_put_link(&t->r, path, target, &t->e) == NULL)
		fail_msg("%s", t->e.msg);
}

static void tree_init(struct tree *t, const char *skip)
{
	static const char *const arguments[] = { "console=tty0", "console=ttyS0,115200n8" };
	*t = (struct tree){ .skip = skip };
	t->o = (struct bootchain_options){ .arch = arch_find("x86_64"),
		.id = &ID,
		.token = "hub",
		.arguments = arguments,
		.argument_count = 2 };
	assert_int_equal(rootfs_init(&t->r, &t->arena, 1700000000, &t->e), 0);
	put(t, "/boot/vmlinuz-6.1.0-56-cloud-amd64", "kernel 56");
	put(t, "/boot/initrd.img-6.1.0-56-cloud-amd64", "initrd 56");
	folder(t, "/usr/lib/modules/6.1.0-56-cloud-amd64");
	put(t, LOADER, "systemd-boot");
	put(t, PLUGIN, "#!/bin/sh\n# systemd 252\n    echo \"title      $PRETTY_NAME\"\n");
	put(t, "/usr/lib/os-release", RELEASE_12);
	folder(t, "/etc");
	link_to(t, "/etc/os-release", "../usr/lib/os-release");
	put(t, "/etc/fstab", "# UNCONFIGURED FSTAB FOR BASE SYSTEM\n");
}

static void tree_free(struct tree *t)
{
	arena_free(&t->arena);
}

static void make(struct tree *t)
{
	if (bootchain_make(&t->r, &t->o, &t->arena, &t->chain, &t->e) < 0)
		fail_msg("%s", t->e.msg);
}

/* The text of a file of the partition; "" when it is not there. */
static const char *esp_text(const struct tree *t, const char *path)
{
	static char text[1024];
	text[0] = '\0';
	for (size_t i = 0; i < t->chain.count; i++)
		if (strcmp(t->chain.files[i].path, path) == 0)
			snprintf(text, sizeof(text), "%.*s", (int)t->chain.files[i].len,
				(const char *)t->chain.files[i].data);
	return text;
}

static const char *root_text(const struct tree *t, const char *path)
{
	static char text[1024];
	const struct rootfs_node *n = rootfs_find(&t->r, path);
	assert_non_null(n);
	assert_int_equal(n->mode, S_IFREG | 0644);
	snprintf(text, sizeof(text), "%.*s", (int)n->size, (const char *)n->data);
	return text;
}

static void bootchain_make_as_debian_12(void **state)
{
	(void)state;
	struct tree t;
	tree_init(&t, NULL);
	make(&t);
	assert_string_equal(t.chain.version, "6.1.0-56-cloud-amd64");
	assert_int_equal(t.chain.count, 7);
	assert_string_equal(esp_text(&t, "loader/entries/hub-6.1.0-56-cloud-amd64.conf"),
		"title      Debian GNU/Linux 12 (bookworm)\n"
		"version    6.1.0-56-cloud-amd64\n"
		"sort-key   debian\n"
		"options    root=PARTUUID=" ROOT " ro rootfstype=ext4 console=tty0 "
		"console=ttyS0,115200n8\n"
		"linux      /hub/6.1.0-56-cloud-amd64/linux\n"
		"initrd     /hub/6.1.0-56-cloud-amd64/initrd.img-6.1.0-56-cloud-amd64\n");
	assert_string_equal(esp_text(&t, "EFI/BOOT/BOOTX64.EFI"), "systemd-boot");
	assert_string_equal(esp_text(&t, "EFI/systemd/systemd-bootx64.efi"), "systemd-boot");
	assert_string_equal(esp_text(&t, "hub/6.1.0-56-cloud-amd64/linux"), "kernel 56");
	assert_string_equal(
		esp_text(&t, "hub/6.1.0-56-cloud-amd64/initrd.img-6.1.0-56-cloud-amd64"),
		"initrd 56");
	assert_string_equal(esp_text(&t, "loader/entries.srel"), "type1\n");
	assert_string_equal(esp_text(&t, "loader/loader.conf"), "timeout 0\neditor no\n");

	assert_string_equal(root_text(&t, "/etc/kernel/entry-token"), "hub\n");
	assert_string_equal(root_text(&t, "/etc/kernel/install.conf"), "layout=bls\n");
	assert_string_equal(root_text(&t, "/etc/kernel/cmdline"),
		"root=PARTUUID=" ROOT " ro rootfstype=ext4 console=tty0 console=ttyS0,115200n8\n");
	const char *fstab = root_text(&t, "/etc/fstab");
	assert_non_null(strstr(fstab, "PARTUUID=" ROOT " / ext4 errors=remount-ro 0 1\n"));
	struct uuid_text esp = ident_uuid_text(&ID, IDENT_ESP);
	assert_non_null(strstr(fstab, esp.text));
	assert_non_null(strstr(fstab, " /efi vfat umask=0077,nosuid,nodev,noexec,nofail,"));
	const struct rootfs_node *efi = rootfs_find(&t.r, "/efi");
	assert_non_null(efi);
	assert_int_equal(efi->mode, S_IFDIR | 0755);
	tree_free(&t);
}

static void bootchain_make_as_debian_13(void **state)
{
	(void)state;
	struct tree t;
	tree_init(&t, LOADER);
	put(&t, PLUGIN, PLUGIN_13);
	put(&t, "/usr/lib/systemd/boot/efi/systemd-bootx64.efi.signed", "signed");
	make(&t);
	assert_int_equal(strncmp(esp_text(&t, "loader/entries/hub-6.1.0-56-cloud-amd64.conf"),
				 "# Boot Loader Specification type#1 entry\n"
				 "# File created by "
				 "/usr/lib/kernel/install.d/90-loaderentry.install "
				 "(systemd 257.13-1~deb13u1)\n"
				 "title      Debian",
				 150),
		0);
	assert_string_equal(esp_text(&t, "EFI/BOOT/BOOTX64.EFI"), "signed");
	assert_string_equal(esp_text(&t, "EFI/systemd/systemd-bootx64.efi"), "signed");
	tree_free(&t);
}

static void bootchain_make_for_arm64(void **state)
{
	(void)state;
	struct tree t;
	tree_init(&t, LOADER);
	t.o.arch = arch_find("arm64");
	put(&t, "/usr/lib/systemd/boot/efi/systemd-bootaa64.efi", "arm");
	make(&t);
	assert_string_equal(esp_text(&t, "EFI/BOOT/BOOTAA64.EFI"), "arm");
	assert_string_equal(esp_text(&t, "EFI/systemd/systemd-bootaa64.efi"), "arm");
	tree_free(&t);
}

static void bootchain_make_takes_the_newest_kernel(void **state)
{
	(void)state;
	struct tree t;
	tree_init(&t, NULL);
	static const char *const others[] = { "6.1.0-9-cloud-amd64", "5.10.0-99-cloud-amd64",
		"6.1.0-56-cloud-amd64~rc1" };
	for (size_t i = 0; i < 3; i++) {
		char path[128];
		snprintf(path, sizeof(path), "/boot/vmlinuz-%s", others[i]);
		put(&t, path, "other");
		snprintf(path, sizeof(path), "/usr/lib/modules/%s", others[i]);
		folder(&t, path);
	}
	/* Put aside: no modules. */
	put(&t, "/boot/vmlinuz-6.1.0-56-cloud-amd64.old", "old");
	put(&t, "/boot/vmlinuz-99", "no modules");
	make(&t);
	assert_string_equal(t.chain.version, "6.1.0-56-cloud-amd64");
	tree_free(&t);
	tree_init(&t, NULL);
	put(&t, "/boot/vmlinuz-6.12.107+deb12-cloud-amd64", "new");
	put(&t, "/boot/initrd.img-6.12.107+deb12-cloud-amd64", "new initrd");
	folder(&t, "/usr/lib/modules/6.12.107+deb12-cloud-amd64");
	make(&t);
	assert_string_equal(t.chain.version, "6.12.107+deb12-cloud-amd64");
	assert_string_equal(esp_text(&t, "hub/6.12.107+deb12-cloud-amd64/linux"), "new");
	tree_free(&t);
}

static void bootchain_make_takes_the_title_as_the_hook_would(void **state)
{
	(void)state;
	struct tree t;
	/* A file in /etc wins; IMAGE_ID is the sorting key before ID. */
	tree_init(&t, NULL);
	assert_int_equal(rootfs_remove(&t.r, rootfs_find(&t.r, "/etc/os-release"), &t.e), 0);
	put(&t, "/etc/os-release", "ID=debian\nIMAGE_ID=hub\nPRETTY_NAME='A hub'\n");
	make(&t);
	assert_non_null(strstr(esp_text(&t, "loader/entries/hub-6.1.0-56-cloud-amd64.conf"),
		"title      A hub\nversion    6.1.0-56-cloud-amd64\nsort-key   hub\n"));
	tree_free(&t);
	/* Nothing at all. */
	tree_init(&t, "/usr/lib/os-release");
	make(&t);
	assert_non_null(strstr(esp_text(&t, "loader/entries/hub-6.1.0-56-cloud-amd64.conf"),
		"title      Linux 6.1.0-56-cloud-amd64\nversion    6.1.0-56-cloud-amd64\n"
		"options "));
	tree_free(&t);
}

static void bootchain_make_tells_which_package_is_missing(void **state)
{
	(void)state;
	static const struct {
		const char *path, *package;
	} parts[] = {
		{ "/boot/vmlinuz-6.1.0-56-cloud-amd64", "linux-image-cloud-" },
		{ "/boot/initrd.img-6.1.0-56-cloud-amd64", "initramfs-tools" },
		{ LOADER, "systemd-boot" },
		{ PLUGIN, "systemd" },
	};
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		struct tree t;
		tree_init(&t, parts[i].path);
		assert_int_equal(bootchain_make(&t.r, &t.o, &t.arena, &t.chain, &t.e), -1);
		assert_int_equal(t.e.kind, ERR_INPUT);
		assert_non_null(strstr(t.e.msg, "the package "));
		assert_non_null(strstr(t.e.msg, parts[i].package));
		tree_free(&t);
	}
	struct tree t = { 0 };
	assert_int_equal(rootfs_init(&t.r, &t.arena, 0, &t.e), 0);
	t.o = (struct bootchain_options){ .arch = arch_find("x86_64"), .id = &ID, .token = "hub" };
	assert_int_equal(bootchain_make(&t.r, &t.o, &t.arena, &t.chain, &t.e), -1);
	assert_int_equal(t.e.kind, ERR_INPUT);
	tree_free(&t);
}

static void bootchain_make_refuses_tokens(void **state)
{
	(void)state;
	static const char *const bad[] = { "", ".", "..", "a/b", "efi", "EFI", "Loader" };
	struct tree t;
	tree_init(&t, NULL);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		t.o.token = bad[i];
		assert_int_equal(bootchain_make(&t.r, &t.o, &t.arena, &t.chain, &t.e), -1);
		assert_int_equal(t.e.kind, ERR_INPUT);
	}
	tree_free(&t);
}

static void bootchain_make_survives_failed_allocations(void **state)
{
	(void)state;
	for (unsigned n = 1;; n++) {
		struct tree t;
		tree_init(&t, NULL);
		fail_arm(FAIL_ALLOC, n);
		int rc = bootchain_make(&t.r, &t.o, &t.arena, &t.chain, &t.e);
		bool hit = fail_disarm();
		tree_free(&t);
		if (!hit) {
			assert_int_equal(rc, 0);
			break;
		}
		assert_int_equal(rc, -1);
		assert_int_equal(t.e.kind, ERR_MACHINE);
	}
}

static void bootchain_wants_what_it_reads(void **state)
{
	(void)state;
	static const char *const yes[] = { "/boot/vmlinuz-6.1", "boot/initrd.img-6.1",
		"./usr/lib/systemd/boot/efi/systemd-bootx64.efi",
		"/usr/lib/systemd/boot/efi/systemd-bootaa64.efi.signed", PLUGIN,
		"/usr/lib/os-release", "/etc/os-release" };
	static const char *const no[] = { "/boot/System.map-6.1", "/boot/config-6.1", "/boot",
		"/usr/lib/systemd/boot/efi/linuxx64.efi.stub", "/vmlinuz", "/x/boot/vmlinuz-6.1",
		"/usr/lib/kernel/install.d/50-depmod.install", "/etc/os-release.d", "" };
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		assert_true(bootchain_wants(yes[i]));
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		assert_false(bootchain_wants(no[i]));
}

/* Examples of the specification, and kernels. */
static void bootchain_compare_orders_versions(void **state)
{
	(void)state;
	static const char *const rising[][2] = {
		{ "122.1", "123~rc1-1" },
		{ "123~rc1-1", "123" },
		{ "123", "123-a" },
		{ "123-a", "123-a.1" },
		{ "123-a.1", "123-1" },
		{ "123-1", "123-1.1" },
		{ "123-1.1", "123^post1" },
		{ "123^post1", "123.a-1" },
		{ "123.a-1", "123.1-1" },
		{ "123.1-1", "123a-1" },
		{ "123a-1", "124-1" },
		{ "", "1" },
		{ "~", "" },
		{ "A", "a" },
		{ "a", "b" },
		{ "a", "ab" },
		{ "9", "10" },
		{ "6.1.0-9-cloud-amd64", "6.1.0-56-cloud-amd64" },
		{ "6.1.0-56-cloud-amd64", "6.12.107+deb12-cloud-amd64" },
		{ "6.12.107+deb12-cloud-amd64", "6.12.111+deb12-cloud-amd64" },
		{ "18446744073709551615", "18446744073709551616" },
	};
	for (size_t i = 0; i < sizeof(rising) / sizeof(rising[0]); i++) {
		assert_true(bootchain_compare(rising[i][0], rising[i][1]) < 0);
		assert_true(bootchain_compare(rising[i][1], rising[i][0]) > 0);
		assert_int_equal(bootchain_compare(rising[i][0], rising[i][0]), 0);
	}
	static const char *const same[][2] = { { "01", "1" }, { "1+", "1" }, { "1_2", "1:2" },
		{ "", "" }, { "1.0", "1.00" } };
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		assert_int_equal(bootchain_compare(same[i][0], same[i][1]), 0);
}

static void bootchain_release_reads_as_the_shell(void **state)
{
	(void)state;
	static const struct {
		const char *text, *value;
	} cases[] = {
		{ "ID=debian\n", "debian" },
		{ "ID=debian", "debian" },
		{ "X=1\n  ID='a b'\n", "a b" },
		{ "ID=\"a \\\"b\\\" \\$c \\d\"", "a \"b\" $c \\d" },
		{ "ID=a\\ b", "a b" },
		{ "ID=a'b'\"c\"", "abc" },
		{ "ID=a  \t", "a" },
		{ "ID=1\nID=2\n", "2" },
		{ "ID=1\nID=\n", NULL },
		{ "ID=\"unclosed\n", NULL },
		{ "ID=$HOME\n", NULL },
		{ "ID=`ls`\n", NULL },
		{ "ID=a b\n", NULL },
		{ "ID=a;b\n", NULL },
		{ "#ID=a\n", NULL },
		{ "IDX=a\nXID=b\n", NULL },
		{ "", NULL },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena a = { 0 };
		struct err e;
		const char *value;
		assert_int_equal(bootchain_release(cases[i].text, strlen(cases[i].text), "ID", &a,
					 &value, &e),
			0);
		if (cases[i].value == NULL)
			assert_null(value);
		else
			assert_string_equal(value, cases[i].value);
		arena_free(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bootchain_make_as_debian_12),
		cmocka_unit_test(bootchain_make_as_debian_13),
		cmocka_unit_test(bootchain_make_for_arm64),
		cmocka_unit_test(bootchain_make_takes_the_newest_kernel),
		cmocka_unit_test(bootchain_make_takes_the_title_as_the_hook_would),
		cmocka_unit_test(bootchain_make_tells_which_package_is_missing),
		cmocka_unit_test(bootchain_make_refuses_tokens),
		cmocka_unit_test(bootchain_make_survives_failed_allocations),
		cmocka_unit_test(bootchain_wants_what_it_reads),
		cmocka_unit_test(bootchain_compare_orders_versions),
		cmocka_unit_test(bootchain_release_reads_as_the_shell),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

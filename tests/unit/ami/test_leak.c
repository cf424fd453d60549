/*
 * The leak gate: one file of each kind that no image may hold, in a file system of the ext4 writer,
 * and all that looks alike and may stay.
 */
#include "disk/ext4_tree.h"

#include "ami/leak_scan.h"
#include "disk/esp.h"

/* Of keys made for this test, and of nobody else. */
#define PEM_BODY "MC4CAQAwBQYDK2VwBCIEIGFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFh"
#define PEM                                                                                        \
	"-----BEGIN PRIVATE "                                                                      \
	"KEY-----\n" PEM_BODY "\n-----END PRIVATE "                                                \
	"KEY-----\n"
#define AWS_ID                                                                                     \
	"AKIA"                                                                                     \
	"ABCDEFGHIJKLMN23"
#define AWS_SECRET                                                                                 \
	"aaaaBBBBccccDDDD1111"                                                                     \
	"eeeeFFFFggggHHHH2222"

struct found {
	struct arena arena;
	struct leaks leaks;
};

static struct rootfs_node *folder_of(struct tree *t, const char *path, const char **name)
{
	struct rootfs_node *at = t->r.root;
	const char *p = path + 1, *slash;
	for (; (slash = strchr(p, '/')) != NULL; p = slash + 1) {
		size_t len = (size_t)(slash - p);
		struct rootfs_node *next = rootfs_child(&t->r, at, p, len);
		char part[64];
		snprintf(part, sizeof(part), "%.*s", (int)len, p);
		at = next != NULL ? next
				  : add(t, at, arena_strdup(&t->arena, part, &(struct err){ 0 }),
					    S_IFDIR | 0755);
	}
	*name = p;
	return at;
}

static void put(struct tree *t, const char *path, const char *text, size_t len)
{
	const char *name;
	struct rootfs_node *folder = folder_of(t, path, &name);
	struct rootfs_node *n = add(t, folder, name, S_IFREG | 0600);
	n->size = len;
	n->data = len > 0 ? text : NULL;
	n->overlay = true;
}

static void look(struct tree *t, struct found *f)
{
	struct image i;
	struct err e = { 0 };
	struct ext4_options o = usual_options(64 * MIB);
	*f = (struct found){ 0 };
	image_open(&i, 64 * MIB);
	if (write_tree(t, &o, &i, &e) < 0)
		fail_msg("%s", e.msg);
	struct leak_job j = { .arena = &f->arena, .to = &f->leaks };
	assert_int_equal(leak_scan_init(&j.scan, &e), 0);
	if (leak_ext4(&j, i.path, i.fd, OFFSET, &e) < 0)
		fail_msg("%s", e.msg);
	leak_scan_free(&j.scan);
	image_close(&i);
	arena_free(&t->arena);
}

static void expect(const char *path, const char *text, size_t len, const char *reason)
{
	struct tree t;
	struct found f;
	tree_init(&t);
	put(&t, path, text, len);
	put(&t, "/usr/share/other", "other", 5);
	look(&t, &f);
	if (f.leaks.count != (reason != NULL))
		fail_msg("%s: %zu finds", path, f.leaks.count);
	if (reason != NULL) {
		assert_string_equal(f.leaks.list[0].path, path);
		if (strstr(f.leaks.list[0].reason, reason) == NULL)
			fail_msg("%s: %s", path, f.leaks.list[0].reason);
	}
	assert_int_equal(f.leaks.files, 2);
	arena_free(&f.arena);
}

static void leak_of_each_kind(void **state)
{
	(void)state;
	static const struct {
		const char *path, *text, *reason;
	} cases[] = {
		{ "/etc/tls/server.txt", PEM, "private key" },
		{ "/srv/key.json",
			"{\"private_key\": \"-----BEGIN PRIVATE "
			"KEY-----\\n" PEM_BODY "\\n-----END PRIVATE "
			"KEY-----\\n\"}",
			"private key" },
		{ "/opt/old.pem",
			"-----BEGIN RSA PRIVATE "
			"KEY-----\nProc-Type: 4,ENCRYPTED\n"
			"DEK-Info: AES-128-CBC,00\n\n" PEM_BODY "\n",
			"private key" },
		{ "/srv/key.yaml",
			"key: |\n    -----BEGIN OPENSSH PRIVATE "
			"KEY-----\n    " PEM_BODY "\n",
			"private key" },
		{ "/srv/key.asc",
			"-----BEGIN PGP PRIVATE "
			"KEY BLOCK-----\n\n" PEM_BODY "\n",
			"private key" },
		{ "/srv/a.ppk", "PuTTY-User-Key-File-3: ssh-ed25519\nPrivate-Lines: 1\nAAAA\n",
			"private key" },
		{ "/etc/ssh/ssh_host_ed25519_key", "x", "host key" },
		{ "/root/.ssh/authorized_keys", "# me\nssh-ed25519 AAAA me\n", "log in" },
		{ "/home/x/.ssh/authorized_keys2", "ssh-ed25519 AAAA me", "log in" },
		{ "/etc/machine-id", "0123456789abcdef0123456789abcdef\n", "id of a machine" },
		{ "/var/lib/dbus/machine-id", "0123\n", "id of a machine" },
		{ "/etc/shadow", "root:*:1::::::\nx:$y$j9T$abc:1::::::\n", "password" },
		{ "/etc/shadow", "x::1::::::\n", "password" },
		{ "/etc/gshadow", "x:$6$a:x:\n", "password" },
		{ "/etc/ipsec.secrets", "include /etc/ipsec.d/*.secrets\n%any : PSK \"abc\"\n",
			"VPN" },
		{ "/etc/ipsec.d/hub-sites.secrets", "@a @b : PSK 0sYWJj\n", "VPN" },
		{ "/etc/swanctl/conf.d/a.conf", "secrets {\n ike-1 {\n  secret = abc\n }\n}\n",
			"VPN" },
		{ "/etc/wireguard/wg0.conf", "[Interface]\nPrivateKey = abc=\n", "VPN" },
		{ "/etc/ppp/chap-secrets", "# c s\na * b *\n", "VPN" },
		{ "/etc/hub/keys.json", "{\"env:A\": \"abc\"}\n", "keys of sites" },
		{ "/var/lib/hub/sites.json", "{}", "hub learnt" },
		{ "/root/.bash_history", "ls\n", "history" },
		{ "/home/x/.python_history", "1\n", "history" },
		{ "/root/.lesshst", ".x\n", "history" },
		{ "/root/.aws/credentials", "[default]\n", "cloud" },
		{ "/srv/env", "id=" AWS_ID "\nsecret=" AWS_SECRET "\n", "AWS access key" },
		{ "/srv/keys.csv", "User,Key,Secret\nx," AWS_ID "," AWS_SECRET "\r\n",
			"AWS access key" },
		{ "/etc/cron.d/x", "AWS_SECRET_ACCESS_KEY='" AWS_SECRET "' x\n", "AWS access key" },
		{ "/root/.docker/config.json", "{\"auths\": {\"r.example\": {\"auth\": \"YTpi\"}}}",
			"registry" },
		{ "/root/.config/gcloud/application_default_credentials.json", "{}", "cloud" },
		{ "/home/x/.azure/accessTokens.json", "[]", "cloud" },
		{ "/srv/azure",
			"AccountName=x;AccountKey="
			"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff"
			"gggggggggghhhhhhhhhhiiiiii==",
			"Azure" },
		{ "/root/.netrc", "machine x login y password z\n", "passwords" },
		{ "/var/cache/apt/archives/a_1_amd64.deb", "!<arch>\n", "cache" },
		{ "/var/lib/apt/lists/x_Packages", "Package: a\n", "cache" },
		{ "/root/.cache/pip/x", "x", "cache" },
		{ "/var/lib/systemd/random-seed", "x", "seed" },
		{ "/boot/loader/random-seed", "x", "seed" },
		{ "/var/lib/systemd/credential.secret", "x", "secret" },
		{ "/var/lib/cloud/instances/i-1/user-data.txt", "x", "cloud-init" },
		{ "/var/lib/cloud/sem/x", "", "cloud-init" },
		{ "/var/log/syslog", "x\n", "log" },
		{ "/var/log/journal/0123/system.journal", "x", "log" },
		{ "/var/lib/dhcp/dhclient.leases", "lease {}\n", "network" },
		{ "/srv/store.p12", "x", "store of keys" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect(cases[i].path, cases[i].text, strlen(cases[i].text), cases[i].reason);
}

static void leak_in_der(void **state)
{
	(void)state;
	/* PKCS #8 of an Ed25519 key; SEC 1 of a P-256 key. */
	char ed[48] = "\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20";
	char ec[80] = "\x30\x4e\x02\x01\x01\x04\x20";
	memset(ed + 16, 'a', 32);
	memset(ec + 7, 'a', 73);
	expect("/srv/a.der", ed, sizeof(ed), "private key");
	expect("/srv/b.der", ec, sizeof(ec), "private key");
	/* Not at the start, or cut off: no key. */
	ed[4] = 2;
	expect("/srv/a.der", ed, sizeof(ed), NULL);
	expect("/srv/b.der", ec, 60, NULL);
}

static void clean_ones(void **state)
{
	(void)state;
	static const struct {
		const char *path, *text;
	} cases[] = {
		{ "/usr/bin/openssl", "-----BEGIN PRIVATE "
				      "KEY-----%s-----END" },
		{ "/usr/share/doc/x", "-----BEGIN RSA PRIVATE "
				      "KEY-----\n...\n-----END RSA PRIVATE "
				      "KEY-----\n" },
		{ "/etc/ssl/cert.pem", "-----BEGIN CERTIFICATE-----\n" PEM_BODY "\n" },
		{ "/etc/ssl/pub.pem", "-----BEGIN PUBLIC KEY-----\n" PEM_BODY "\n" },
		{ "/usr/lib/x86_64-linux-gnu/libgnutls.so.30", "\177ELF\2\1\1" PEM },
		{ "/etc/ssh/ssh_host_ed25519_key.pub", "ssh-ed25519 AAAA\n" },
		{ "/etc/ssh/ssh_host_ed25519_key", "" },
		{ "/root/.ssh/authorized_keys", "\n# nobody\n" },
		{ "/etc/machine-id", "" },
		{ "/etc/machine-id", "uninitialized\n" },
		{ "/etc/shadow", "root:*:1::::::\nx:!:1::::::\ny:!*:1::::::\n" },
		{ "/etc/gshadow", "root:*::\nx:!::\ny:::\n" },
		{ "/etc/ipsec.secrets",
			"# %any : PSK \"example\"\ninclude /etc/ipsec.d/*.secrets\n" },
		{ "/etc/swanctl/swanctl.conf", "# secret = x\ninclude conf.d/*.conf\n" },
		{ "/etc/hub/keys.json", "{}\n" },
		{ "/root/.bash_history", "" },
		{ "/usr/share/x",
			"AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY" },
		{ "/usr/lib/python3/x.py", "id = '" AWS_ID "'\n" },
		{ "/usr/lib/python3/y.py", "id = 'AKIAIOSFODNN7"
					   "EXAMPLE'; x = '" AWS_SECRET "'\n" },
		{ "/usr/lib/python3/z.py", "secret = env['AWS_SECRET_ACCESS_KEY']\n" },
		{ "/root/.docker/config.json", "{\"auths\": {\"r.example\": {}}, \"credsStore\": "
					       "\"x\"}" },
		{ "/root/.aws/config", "[default]\nregion = eu-west-1\n" },
		{ "/var/lib/apt/lists/lock", "" },
		{ "/var/log/lastlog", "" },
		{ "/var/lib/cloud/scripts/per-boot/x", "#!/bin/sh\n" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect(cases[i].path, cases[i].text, strlen(cases[i].text), NULL);
}

/* Wherever in a large file, also across the window's end and behind a hole. */
static void leak_anywhere(void **state)
{
	(void)state;
	static const size_t places[] = { 0, 1, 4095, LEAK_WINDOW - 4096, LEAK_WINDOW - 60,
		LEAK_WINDOW - 5, LEAK_WINDOW, 2 * LEAK_WINDOW - 4096 - 640 - 20,
		3 * LEAK_WINDOW - sizeof(PEM) };
	size_t size = 3 * LEAK_WINDOW;
	char *text = malloc(size);
	assert_non_null(text);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		memset(text, ' ', size);
		memcpy(text + places[i], PEM, sizeof(PEM) - 1);
		expect("/srv/large", text, size, "private key");
	}
	free(text);
}

/* A file with two names is searched once; a link is no file. */
static void leak_by_another_name(void **state)
{
	(void)state;
	struct tree t;
	struct found f;
	tree_init(&t);
	put(&t, "/srv/a", "x", 1);
	const char *name;
	struct rootfs_node *srv = folder_of(&t, "/srv/b", &name);
	struct rootfs_node *log = folder_of(&t, "/var/log/a", &name);
	add_name(&t, log, "a", rootfs_child(&t.r, srv, "a", 1));
	add_link(&t, folder_of(&t, "/var/lib/dbus/machine-id", &name), "machine-id",
		"/etc/machine-id");
	add_link(&t, folder_of(&t, "/var/lib/cloud/instance", &name), "instance", "instances/i-1");
	look(&t, &f);
	assert_int_equal(f.leaks.files, 1);
	assert_int_equal(f.leaks.count, 2);
	for (size_t i = 0; i < 2; i++)
		assert_true(strcmp(f.leaks.list[i].path, "/var/log/a") == 0 ||
			    strcmp(f.leaks.list[i].path, "/var/lib/cloud/instance") == 0);
	arena_free(&f.arena);
}

static void leak_on_the_esp(void **state)
{
	(void)state;
	struct image i;
	struct err e = { 0 };
	struct found f = { 0 };
	const struct gpt_part part = { OFFSET, 64 * MIB };
	const struct esp_options o = { .label = "ESP", .serial = 1, .time = 1700000000 };
	const struct esp_file files[] = { { "EFI/BOOT/BOOTX64.EFI", "a loader", 8 },
		{ "loader/random-seed", "x", 1 }, { "loader/keys/a.txt", PEM, sizeof(PEM) - 1 },
		{ "loader/loader.conf", "", 0 } };
	image_open(&i, 64 * MIB);
	if (esp_write(&i.raw, &part, files, 4, &o, &e) < 0)
		fail_msg("%s", e.msg);
	struct leak_job j = { .arena = &f.arena, .to = &f.leaks };
	assert_int_equal(leak_scan_init(&j.scan, &e), 0);
	if (leak_esp(&j, i.path, OFFSET, &e) < 0)
		fail_msg("%s", e.msg);
	leak_scan_free(&j.scan);
	image_close(&i);
	assert_int_equal(f.leaks.files, 4);
	assert_int_equal(f.leaks.count, 2);
	bool seed = false, key = false;
	for (size_t k = 0; k < 2; k++) {
		seed = seed || strcmp(f.leaks.list[k].path,
				       "EFI system partition: /loader/random-seed") == 0;
		key = key ||
		      strcmp(f.leaks.list[k].path, "EFI system partition: /loader/keys/a.txt") == 0;
	}
	assert_true(seed && key);
	arena_free(&f.arena);
}

static void leak_search_of_no_image(void **state)
{
	(void)state;
	struct image i;
	struct arena a = { 0 };
	struct leaks leaks;
	struct err e = { 0 };
	image_open(&i, 8 * MIB);
	assert_int_equal(leak_search(i.path, &a, &leaks, &e), -1);
	assert_int_equal(e.kind, ERR_INPUT);
	assert_int_equal(leak_search("/nowhere/disk.raw", &a, &leaks, &e), -1);
	assert_int_equal(e.kind, ERR_INPUT);
	image_close(&i);
	arena_free(&a);
}

/* What is broken ends in an error, whatever is broken. */
static void leak_in_a_broken_file_system(void **state)
{
	(void)state;
	struct tree t;
	struct image i;
	struct err e = { 0 };
	struct ext4_options o = usual_options(16 * MIB);
	tree_init(&t);
	put(&t, "/srv/a", PEM, sizeof(PEM) - 1);
	image_open(&i, 16 * MIB);
	assert_int_equal(write_tree(&t, &o, &i, &e), 0);
	uint64_t dice = 1;
	for (unsigned n = 0; n < 300; n++) {
		unsigned char old, new;
		off_t at = (off_t)(OFFSET + roll(&dice, 600 << 10));
		assert_int_equal(pread(i.fd, &old, 1, at), 1);
		new = (unsigned char)(old ^ (1 + roll(&dice, 255)));
		assert_int_equal(pwrite(i.fd, &new, 1, at), 1);
		struct found f = { 0 };
		struct leak_job j = { .arena = &f.arena, .to = &f.leaks };
		assert_int_equal(leak_scan_init(&j.scan, &e), 0);
		if (leak_ext4(&j, i.path, i.fd, OFFSET, &e) < 0)
			assert_true(e.kind == ERR_INPUT || e.kind == ERR_MACHINE);
		leak_scan_free(&j.scan);
		arena_free(&f.arena);
		assert_int_equal(pwrite(i.fd, &old, 1, at), 1);
	}
	image_close(&i);
	arena_free(&t.arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(leak_of_each_kind),
		cmocka_unit_test(leak_in_der),
		cmocka_unit_test(clean_ones),
		cmocka_unit_test(leak_anywhere),
		cmocka_unit_test(leak_by_another_name),
		cmocka_unit_test(leak_on_the_esp),
		cmocka_unit_test(leak_search_of_no_image),
		cmocka_unit_test(leak_in_a_broken_file_system),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

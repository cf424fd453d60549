#include "check.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "bundle/hubfiles.h"
#include "bundle/peer.h"
#include "fail.h"

#define GOLDEN "tests/data/golden/peers/"

struct world {
	struct arena arena;
	struct sites sites;
	struct peer_context context;
	struct err err;
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct diag d = { .arena = &w->arena };
	struct node *n;
	cleanup_buf struct buf text = { 0 };
	assert_int_equal(file_read(AT_FDCWD, GOLDEN "sites.yaml", 1 << 16, &text, &w->err), 0);
	assert_int_equal(
		node_parse(&w->arena, "sites.yaml", text.data, text.len, &d, &n, &w->err), 0);
	assert_int_equal(sites_parse(n, &w->arena, &d, &w->sites, &w->err), 0);
	assert_int_equal(diag_total(&d), 0);
	w->context = (struct peer_context){ .pool_name = "vpn.example.com",
		.hub_id = "@vpn.example.com",
		.tunnel_mss = 1360,
		.sites = &w->sites };
	assert_int_equal(cidr_parse("172.16.0.0/16", &w->context.vpc), CIDR_OK);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	arena_free(&w->arena);
	free(w);
	return 0;
}

/* Compare with a file beside sites.yaml, or write that file when UPDATE is set. */
static void golden(const char *name, const struct buf *got)
{
	char path[200];
	struct err e;
	snprintf(path, sizeof(path), GOLDEN "%s", name);
	if (getenv("UPDATE") != NULL) {
		int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
		assert_true(fd >= 0);
		assert_int_equal(file_write_all(fd, got->data, got->len, &e), 0);
		close(fd);
		return;
	}
	cleanup_buf struct buf want = { 0 };
	if (file_read(AT_FDCWD, path, 1 << 20, &want, &e) < 0)
		fail_msg("%s", e.msg);
	if (want.len != got->len || memcmp(want.data, got->data, got->len) != 0)
		fail_msg("%s differs; got:\n%s", path, got->data);
}

static const struct site *site(const struct world *w, const char *name)
{
	for (size_t i = 0; i < w->sites.count; i++)
		if (strcmp(w->sites.list[i].name, name) == 0)
			return &w->sites.list[i];
	fail_msg("no site %s", name);
	return NULL;
}

static int sheet(struct world *w, const char *name, const char *suffix, struct buf *ret)
{
	for (size_t i = 0; i < PEER_SHEET_COUNT; i++)
		if (strcmp(PEER_SHEETS[i].suffix, suffix) == 0)
			return PEER_SHEETS[i].write(&w->context, site(w, name), ret, &w->err);
	fail_msg("no sheet %s", suffix);
	return -1;
}

static void peer_sheets_as_before(void **state)
{
	struct world *w = *state;
	for (size_t i = 0; i < w->sites.count; i++) {
		for (size_t k = 0; k < PEER_SHEET_COUNT; k++) {
			char name[100];
			cleanup_buf struct buf out = { 0 };
			int rc =
				PEER_SHEETS[k].write(&w->context, &w->sites.list[i], &out, &w->err);
			assert_true(rc == 0 || (rc == 1 && k == 0));
			snprintf(name, sizeof(name), "%s%s", w->sites.list[i].name,
				PEER_SHEETS[k].suffix);
			golden(name, &out);
		}
	}
}

/* Each line that an administrator typed by hand, in today's terms. */
static void peer_rtx_has_all_of_the_hand_made_tunnel(void **state)
{
	static const char *const lines[] = { "tunnel select 1", " ipsec tunnel 1",
		"  ipsec sa policy 1 1 esp aes256-cbc sha256-hmac",
		"  ipsec ike duration ipsec-sa 1 28800", "  ipsec ike duration isakmp-sa 1 28800",
		"  ipsec ike encryption 1 aes256-cbc", "  ipsec ike esp-encapsulation 1 off",
		"  ipsec ike group 1 modp2048", "  ipsec ike hash 1 sha256",
		"  ipsec ike keepalive log 1 off", "  ipsec ike keepalive use 1 on dpd 5 4",
		"  ipsec ike local address 1 192.168.0.1", "  ipsec ike local id 1 192.168.0.0/24",
		"  ipsec ike log 1 message-info", "  ipsec ike pre-shared-key 1 text YOUR-KEY-HERE",
		"  ipsec ike remote address 1 vpn.example.com",
		"  ipsec ike remote id 1 172.16.0.0/16", "  ipsec auto refresh 1 on",
		" ip tunnel tcp mss limit auto", " tunnel enable 1",
		"ip route 172.16.0.0/16 gateway tunnel 1" };
	struct world *w = *state;
	cleanup_buf struct buf out = { 0 };
	assert_int_equal(sheet(w, "branch1", ".rtx.txt", &out), 0);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		char line[120];
		snprintf(line, sizeof(line), "\n%s\n", lines[i]);
		if (strstr(out.data, line) == NULL)
			fail_msg("no line \"%s\"", lines[i]);
	}
	assert_non_null(strstr(out.data, "\n# modp1536 does as well"));
	assert_null(strstr(out.data, "key-info"));
	assert_null(strstr(out.data, "100000"));
}

/* What is pasted must not wake the console's help, its quotes or its pipes. */
static void peer_rtx_pastes_without_special_characters(void **state)
{
	struct world *w = *state;
	for (size_t i = 0; i < w->sites.count; i++) {
		cleanup_buf struct buf out = { 0 };
		int rc = PEER_SHEETS[0].write(&w->context, &w->sites.list[i], &out, &w->err);
		if (rc == 1)
			continue;
		assert_int_equal(rc, 0);
		const char *from = strstr(out.data, "# ---- from here ----\n"),
			   *to = strstr(out.data, "# ---- to here ----\n");
		assert_true(from != NULL && to != NULL && from < to);
		for (const char *p = from; p < to; p++) {
			if (strchr("?\"'\\|>", *p) != NULL)
				fail_msg("%s: \"%c\" in what is pasted", w->sites.list[i].name, *p);
			assert_true(*p == '\n' || (*p >= ' ' && *p <= '~'));
		}
		/* All else is remarks. */
		const char *p = out.data;
		while (p < out.data + out.len) {
			if (p < from || p >= to)
				assert_true(*p == '#' || *p == '\n');
			p = strchr(p, '\n') + 1;
		}
	}
}

static void peer_rtx_refuses_what_it_cannot_speak(void **state)
{
	static const char *const why[][2] = {
		{ "modern", "its profile is meant for other routers" },
		{ "mixed", "in IKEv1 main mode an RTX gives an address as its id, no name" },
		{ "no-rtx-ike", "an RTX speaks none of its IKE proposals" },
		{ "no-rtx-esp", "an RTX speaks none of its ESP proposals" },
		{ "no-rtx-two", "with IKEv2 an RTX carries one subnet" },
	};
	struct world *w = *state;
	for (size_t i = 0; i < sizeof(why) / sizeof(why[0]); i++) {
		cleanup_buf struct buf out = { 0 };
		assert_int_equal(sheet(w, why[i][0], ".rtx.txt", &out), 1);
		assert_non_null(strstr(out.data, why[i][1]));
		assert_null(strstr(out.data, "\ntunnel"));
	}
	/* Proposals of its own: the first that it can speak. */
	cleanup_buf struct buf out = { 0 };
	assert_int_equal(sheet(w, "explicit", ".rtx.txt", &out), 0);
	assert_non_null(strstr(out.data, "ipsec sa policy 1 1 esp aes256-cbc sha256-hmac\n"));
}

static void peer_sheets_name_the_reference_and_no_key(void **state)
{
	static const char *const keys[][2] = {
		{ "branch1", "Key: ssm:/hub/psk/default (the pool's" },
		{ "own-lines", "Key: env:PSK_12\n" },
		{ "nat", "Key: secretsmanager:hub/nat\n" },
		{ "user", "in the S3 sites object: .keys[\"user\"]" },
		{ "modern", "Key: file:keys/modern\n" },
	};
	struct world *w = *state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		cleanup_buf struct buf a = { 0 }, b = { 0 };
		assert_int_equal(sheet(w, keys[i][0], ".swanctl.conf", &a), 0);
		assert_int_equal(sheet(w, keys[i][0], ".txt", &b), 0);
		assert_non_null(strstr(a.data, keys[i][1]));
		assert_non_null(strstr(b.data, keys[i][1]));
		assert_non_null(strstr(a.data, "secret = \"YOUR-KEY-HERE\"\n"));
	}
}

static void hubfiles_as_before(void **state)
{
	struct world *w = *state;
	cleanup_buf struct buf sites = { 0 }, crypto = { 0 }, none = { 0 };
	assert_int_equal(hubfiles_sites(&w->sites, &sites, &w->err), 0);
	golden("sites.json", &sites);
	assert_int_equal(hubfiles_crypto(&w->sites, &crypto, &w->err), 0);
	golden("crypto.json", &crypto);
	struct sites empty = { 0 };
	assert_int_equal(hubfiles_sites(&empty, &none, &w->err), 0);
	assert_string_equal(none.data, "{\n \"format\": 1,\n \"sites\": []\n}\n");
}

/* Every write fails once, by memory and by the buffer's cap: an error each time, never half a yes.
 */
static void peer_without_memory(void **state)
{
	struct world *w = *state;
	for (size_t k = 0; k < PEER_SHEET_COUNT + 2; k++) {
		for (size_t i = 0; i < w->sites.count; i++) {
			size_t whole = 0;
			for (size_t max = 1; whole == 0 || max <= whole;
				max += whole == 0 ? 0 : 37) {
				cleanup_buf struct buf out = { .max = whole == 0 ? 0 : max };
				int rc = k == PEER_SHEET_COUNT
						 ? hubfiles_sites(&w->sites, &out, &w->err)
					 : k > PEER_SHEET_COUNT
						 ? hubfiles_crypto(&w->sites, &out, &w->err)
						 : PEER_SHEETS[k].write(&w->context,
							   &w->sites.list[i], &out, &w->err);
				if (whole == 0) {
					whole = out.len;
					continue;
				}
				if (max < whole)
					assert_int_equal(rc, -1);
				if (rc < 0)
					assert_int_equal(w->err.kind, ERR_MACHINE);
			}
		}
	}
	for (unsigned nth = 1;; nth++) {
		cleanup_buf struct buf out = { 0 };
		fail_arm(FAIL_ALLOC, nth);
		int rc = PEER_SHEETS[0].write(&w->context, &w->sites.list[0], &out, &w->err);
		if (!fail_disarm()) {
			assert_int_equal(rc, 0);
			break;
		}
		assert_int_equal(rc, -1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(peer_sheets_as_before, setup, teardown),
		cmocka_unit_test_setup_teardown(
			peer_rtx_has_all_of_the_hand_made_tunnel, setup, teardown),
		cmocka_unit_test_setup_teardown(
			peer_rtx_pastes_without_special_characters, setup, teardown),
		cmocka_unit_test_setup_teardown(
			peer_rtx_refuses_what_it_cannot_speak, setup, teardown),
		cmocka_unit_test_setup_teardown(
			peer_sheets_name_the_reference_and_no_key, setup, teardown),
		cmocka_unit_test_setup_teardown(hubfiles_as_before, setup, teardown),
		cmocka_unit_test_setup_teardown(peer_without_memory, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

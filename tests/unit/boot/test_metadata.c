/* The tree of metadata and the service's rules; the rest is seen through clients (test_clients). */
#include <stdio.h>
#include <string.h>

#include "boot/imds.h"
#include "boot/instance.h"
#include "fail.h"
#include "request.h"

static const char *got(const struct metadata *m, const char *path)
{
	static char text[512];
	struct buf out = { 0 };
	struct err e;
	int rc = metadata_get(m, path, &out, &e);
	assert_true(rc >= 0);
	snprintf(text, sizeof(text), "%s", rc == 0 ? "none" : out.data != NULL ? out.data : "");
	buf_free(&out);
	return text;
}

static void metadata_lists_folders(void **state)
{
	(void)state;
	struct arena a = { 0 };
	struct metadata m = { .arena = &a };
	struct err e;
	assert_string_equal(got(&m, ""), "none");
	assert_int_equal(metadata_text(&m, "b/two/x", &e, "%d", 2), 0);
	assert_int_equal(metadata_text(&m, "b/one", &e, "1"), 0);
	assert_int_equal(metadata_text(&m, "b/two/y", &e, "3"), 0);
	assert_int_equal(metadata_text(&m, "b/two-more", &e, "4"), 0);
	assert_int_equal(metadata_text(&m, "a", &e, "old"), 0);
	assert_int_equal(metadata_text(&m, "a", &e, "new"), 0);
	assert_int_equal(metadata_text(&m, "keys/", &e, "0=name"), 0);
	assert_int_equal(metadata_text(&m, "keys/0/key", &e, "k"), 0);
	assert_string_equal(got(&m, ""), "a\nb/\nkeys/");
	assert_string_equal(got(&m, "a"), "new");
	assert_string_equal(got(&m, "a/"), "new");
	assert_string_equal(got(&m, "b"), "one\ntwo-more\ntwo/");
	assert_string_equal(got(&m, "b/two"), "x\ny");
	assert_string_equal(got(&m, "b/two/"), "x\ny");
	assert_string_equal(got(&m, "b/two/x"), "2");
	assert_string_equal(got(&m, "b/tw"), "none");
	assert_string_equal(got(&m, "b//two"), "none");
	assert_string_equal(got(&m, "keys"), "0=name");
	assert_string_equal(got(&m, "keys/0"), "key");
	char deep[2048];
	memset(deep, 'x', sizeof(deep) - 1);
	deep[sizeof(deep) - 1] = '\0';
	assert_string_equal(got(&m, deep), "none");
	assert_int_equal(metadata_text(&m, "long", &e, "%s", deep), -1);
	assert_int_equal(e.kind, ERR_BUG);
	arena_free(&a);
}

static void metadata_survives_lack_of_memory(void **state)
{
	(void)state;
	for (unsigned n = 1;; n++) {
		struct arena a = { 0 };
		struct metadata m = { .arena = &a };
		struct credentials c = { 0 };
		struct instance i = { .region = "r",
			.ssh_key = "k",
			.user_data = "u",
			.user_data_size = 1,
			.credentials = &c };
		struct err e = { 0 };
		fail_arm(FAIL_ALLOC, n);
		int rc = instance_describe(&i, &m, &e);
		bool hit = fail_disarm();
		arena_free(&a);
		if (!hit) {
			assert_int_equal(rc, 0);
			break;
		}
		assert_int_equal(rc, -1);
		assert_int_equal(e.kind, ERR_MACHINE);
	}
}

static unsigned status_of(struct imds *s, const char *request, time_t now, struct buf *body)
{
	struct made m = request_of(request);
	struct http_reply reply = { 0 };
	struct asked_item item = { 0 };
	struct err e;
	assert_int_equal(imds_answer(s, &m.r, now, &reply, &item, &e), 0);
	assert_string_equal(item.service, "metadata");
	if (body != NULL)
		*body = reply.body;
	else
		buf_free(&reply.body);
	request_free(&m);
	return reply.status;
}

static void imds_token_lives_as_long_as_asked(void **state)
{
	(void)state;
	struct arena a = { 0 };
	struct metadata m = { .arena = &a };
	struct imds s, other;
	struct err e;
	struct buf token = { 0 };
	char get[256];
	assert_int_equal(metadata_text(&m, "meta-data/x", &e, "1"), 0);
	assert_int_equal(imds_init(&s, &m, &e), 0);
	assert_int_equal(imds_init(&other, &m, &e), 0);
	assert_int_equal(status_of(&s,
				 "PUT /latest/api/token HTTP/1.1\n"
				 "x-aws-ec2-metadata-token-ttl-seconds: 10\n",
				 1000, &token),
		200);
	snprintf(get, sizeof(get),
		"GET /latest/meta-data/x HTTP/1.1\nX-aws-ec2-metadata-token: %s\n", token.data);
	assert_int_equal(status_of(&s, get, 1009, NULL), 200);
	assert_int_equal(status_of(&s, get, 1010, NULL), 401);
	assert_int_equal(status_of(&other, get, 1001, NULL), 401);
	/* Twice is none. */
	strcat(get, "X-aws-ec2-metadata-token: x\n");
	assert_int_equal(status_of(&s, get, 1001, NULL), 401);
	static const char *const bad[] = { "PUT /latest/api/token?x HTTP/1.1\n",
		"PUT /latest/api/token HTTP/1.1\nX-aws-ec2-metadata-token-ttl-seconds:60\n\nbody",
		"POST /latest/api/token HTTP/1.1\nX-aws-ec2-metadata-token-ttl-seconds:60\n",
		"PUT /2021-03-23/api/token HTTP/1.1\nX-aws-ec2-metadata-token-ttl-seconds:60\n",
		"GET /LATEST/meta-data/x HTTP/1.1\n", "GET x HTTP/1.1\n" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_true(status_of(&s, bad[i], 1001, NULL) >= 400);
	buf_free(&token);
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(metadata_lists_folders),
		cmocka_unit_test(metadata_survives_lack_of_memory),
		cmocka_unit_test(imds_token_lives_as_long_as_asked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * EBS's bodies and answers: what is asked for, and answers that are not what they should be.
 */
#include <string.h>

#include "aws/ebs_wire.h"
#include "check.h"

static void ebs_checksum_is_base64(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 256; n++) {
		cleanup_buf struct buf want = { 0 };
		struct err e = { 0 };
		struct sha256 d;
		for (size_t i = 0; i < sizeof(d.bytes); i++)
			d.bytes[i] = (unsigned char)(n * 31 + i * (n + 7));
		assert_int_equal(buf_base64(&want, d.bytes, sizeof(d.bytes), 0, &e), 0);
		assert_string_equal(ebs_checksum(&d).text, want.data);
		struct sha256 back;
		assert_true(ebs_digest(want.data, &back));
		assert_memory_equal(&back, &d, sizeof(d));
		want.data[n % 44] = '!';
		assert_false(ebs_digest(want.data, &back));
	}
}

static void ebs_snapshot_id_is_strict(void **state)
{
	(void)state;
	assert_true(ebs_snapshot_id("snap-0123456789abcdef0"));
	assert_false(ebs_snapshot_id("snap-"));
	assert_false(ebs_snapshot_id(NULL));
	assert_false(ebs_snapshot_id("snap-0/../x"));
	assert_false(ebs_snapshot_id("snap-0123456789ABCDEF0"));
	assert_false(
		ebs_snapshot_id("snap-01234567890123456789012345678901234567890123456789012345678"
				"90"));
}

static void check_body(const struct ebs_start *s, const char *expected)
{
	cleanup_buf struct buf out = { 0 };
	struct err e = { 0 };
	assert_int_equal(ebs_start_body(s, &out, &e), 0);
	assert_string_equal(out.data, expected);
}

static void ebs_start_body_names_what_is_set(void **state)
{
	(void)state;
	static const struct ebs_tag tags[] = { { "Name", "h\"b" }, { "imgbuild:run", "1" } };
	struct ebs_start s = { .gib = 2 };
	check_body(&s, "{\"VolumeSize\":2}");
	s.encrypted = true;
	check_body(&s, "{\"VolumeSize\":2,\"Encrypted\":true}");
	s.kms_key = "arn:aws:kms:eu-west-1:123456789012:key/1";
	check_body(&s, "{\"VolumeSize\":2,\"Encrypted\":true,"
		       "\"KmsKeyArn\":\"arn:aws:kms:eu-west-1:123456789012:key/1\"}");
	s.encrypted = false;
	s.kms_key = NULL;
	s.parent = "snap-1";
	s.description = "hub";
	s.token = "t";
	s.timeout = 60;
	s.tags = tags;
	s.tag_count = 2;
	check_body(&s, "{\"VolumeSize\":2,\"ParentSnapshotId\":\"snap-1\",\"Tags\":"
		       "[{\"Key\":\"Name\",\"Value\":\"h\\\"b\"},{\"Key\":\"imgbuild:run\","
		       "\"Value\":\"1\"}],\"Description\":\"hub\",\"ClientToken\":\"t\","
		       "\"Timeout\":60}");
	s.encrypted = true;
	cleanup_buf struct buf out = { 0 };
	struct err e = { 0 };
	assert_int_equal(ebs_start_body(&s, &out, &e), -1);
	assert_int_equal(e.kind, ERR_BUG);
}

static int start_answer(const char *text, struct arena *a, struct ebs_snapshot *ret)
{
	struct err e = { 0 };
	struct ebs_start s = { .gib = 2 };
	int rc = ebs_start_answer(text, strlen(text), &s, a, ret, &e);
	if (rc < 0)
		assert_int_equal(e.kind, ERR_REMOTE);
	return rc;
}

static void ebs_start_answer_is_held_to_what_was_asked(void **state)
{
	(void)state;
	cleanup_arena struct arena a = { 0 };
	struct ebs_snapshot s;
	assert_int_equal(start_answer("{\"SnapshotId\":\"snap-0ab\",\"VolumeSize\":2,\"BlockSize\":"
				      "524288,\"Status\":\"pending\",\"KmsKeyArn\":\"arn:k\"}",
				 &a, &s),
		0);
	assert_string_equal(s.id, "snap-0ab");
	assert_string_equal(s.status, "pending");
	assert_string_equal(s.kms_key, "arn:k");
	assert_string_equal(s.parent, "");
	assert_int_equal(start_answer("", &a, &s), -1);
	assert_int_equal(start_answer("<html>", &a, &s), -1);
	assert_int_equal(start_answer("[]", &a, &s), -1);
	assert_int_equal(start_answer("{\"SnapshotId\":\"vol-1\"}", &a, &s), -1);
	assert_int_equal(start_answer("{\"SnapshotId\":\"snap-1\",\"VolumeSize\":3}", &a, &s), -1);
	assert_int_equal(
		start_answer("{\"SnapshotId\":\"snap-1\",\"BlockSize\":4096}", &a, &s), -1);
}

static int list_answer(
	const char *text, struct arena *a, struct ebs_blocks *ret, struct ebs_page *page)
{
	struct err e = { 0 };
	int rc = ebs_list_answer(text, strlen(text), a, ret, page, &e);
	if (rc < 0)
		assert_int_equal(e.kind, ERR_REMOTE);
	return rc;
}

#define LIST(blocks) "{\"VolumeSize\":1,\"BlockSize\":524288,\"Blocks\":[" blocks "]"
#define BLOCK(i)     "{\"BlockIndex\":" #i ",\"BlockToken\":\"AAEBa+/=\"}"

static void ebs_list_answer_adds_pages(void **state)
{
	(void)state;
	cleanup_arena struct arena a = { 0 };
	struct ebs_blocks b = { 0 };
	struct ebs_page page = { 0 };
	assert_int_equal(list_answer(LIST(BLOCK(0) "," BLOCK(7)) ",\"NextToken\":\"bmV4dA==\"}", &a,
				 &b, &page),
		0);
	assert_string_equal(page.next, "bmV4dA==");
	assert_int_equal(list_answer(LIST(BLOCK(2047)) "}", &a, &b, &page), 0);
	assert_null(page.next);
	assert_int_equal(b.count, 3);
	assert_int_equal(b.list[1].index, 7);
	assert_int_equal(b.list[2].index, 2047);
	assert_string_equal(b.list[2].token, "AAEBa+/=");
	/* Indices that do not rise, or lie outside; tokens that are none; another volume. */
	assert_int_equal(list_answer(LIST(BLOCK(5)) "}", &a, &b, &page), -1);
	static const char *const bad[] = {
		LIST(BLOCK(1) "," BLOCK(1)) "}",
		LIST(BLOCK(2048)) "}",
		LIST(BLOCK(-1)) "}",
		LIST("{\"BlockIndex\":\"1\",\"BlockToken\":\"a\"}") "}",
		LIST("{\"BlockIndex\":1}") "}",
		LIST("{\"BlockIndex\":1,\"BlockToken\":\"a b\"}") "}",
		LIST("{\"BlockIndex\":1,\"BlockToken\":\"\"}") "}",
		LIST("7") "}",
		LIST("") ",\"NextToken\":\"&x=1\"}",
		"{\"VolumeSize\":0,\"BlockSize\":524288}",
		"{\"VolumeSize\":1,\"BlockSize\":512}",
		"{\"VolumeSize\":1,\"BlockSize\":524288,\"Blocks\":{}}",
		"{",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct ebs_blocks none = { 0 };
		struct ebs_page first = { 0 };
		assert_int_equal(list_answer(bad[i], &a, &none, &first), -1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ebs_checksum_is_base64),
		cmocka_unit_test(ebs_snapshot_id_is_strict),
		cmocka_unit_test(ebs_start_body_names_what_is_set),
		cmocka_unit_test(ebs_start_answer_is_held_to_what_was_asked),
		cmocka_unit_test(ebs_list_answer_adds_pages),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

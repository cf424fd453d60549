/*
 * The signer, held to the cases that every signer of this project is held to, to AWS's published
 * suite where SIGV4_SUITE names its folder (aws-signing-test-suite/v4), and to what AWS's
 * documentation prints.
 */
#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aws/sigv4.h"
#include "base/file.h"
#include "check.h"
#include "fail.h"

#define CASES   "tests/hub/data/sigv4"
#define HEADERS 24

struct given {
	char *request, *context;
	json_t *json;
	struct sigv4_header headers[HEADERS];
	struct sigv4_request r;
	struct sigv4_scope scope;
	struct sigv4_date date;
	struct sha256_hex payload;
	struct buf path;
	const char *id, *secret;
};

static char *text_of(const char *folder, const char *file)
{
	char path[1024];
	struct buf b = { 0 };
	struct err e;
	snprintf(path, sizeof(path), "%s/%s", folder, file);
	if (file_read(AT_FDCWD, path, 1 << 20, &b, &e) < 0)
		fail_msg("%s", e.msg);
	return b.data;
}

static void add(struct given *g, const char *name, const char *value)
{
	assert_true(g->r.header_count < HEADERS);
	g->headers[g->r.header_count++] = (struct sigv4_header){ name, value };
}

/* The text's headers; a line that begins with a blank goes on with the one before. */
static void take_headers(struct given *g, char *text)
{
	for (char *p = text; (p = strchr(p, '\n')) != NULL; p++)
		if (p[1] == ' ' || p[1] == '\t')
			*p = ' ';
	char *save = NULL;
	for (char *line = strtok_r(text, "\n", &save); line != NULL;
		line = strtok_r(NULL, "\n", &save)) {
		char *colon = strchr(line, ':');
		assert_non_null(colon);
		*colon = '\0';
		add(g, line, colon + 1);
	}
}

static void take_request(struct given *g)
{
	struct err e;
	char *body = strstr(g->request, "\n\n");
	if (body != NULL)
		*body = '\0';
	body = body != NULL ? body + 2 : g->request + strlen(g->request);
	struct sha256 digest = sha256_of(body, strlen(body));
	g->payload = sha256_text(&digest);
	g->r.payload = g->payload.text;

	char *headers = strchr(g->request, '\n');
	*headers++ = '\0';
	char *target = strchr(g->request, ' '), *end = strrchr(g->request, ' ');
	*target++ = *end = '\0';
	g->r.method = g->request;
	char *query = strchr(target, '?');
	if (query != NULL)
		*query++ = '\0';
	g->r.query = query;
	g->r.path_as_is = strcmp(g->scope.service, "s3") == 0;
	/* The published suite's requests have their paths unencoded. */
	if (!g->r.path_as_is && !json_is_true(json_object_get(g->json, "normalize"))) {
		g->r.path_as_is = true;
		assert_int_equal(sigv4_encode(&g->path, target, strlen(target), true, &e), 0);
	} else {
		assert_int_equal(buf_puts(&g->path, target, &e), 0);
	}
	g->r.path = g->path.data;
	take_headers(g, headers);
}

static const char *member(json_t *j, const char *name)
{
	return json_string_value(json_object_get(j, name));
}

static void given_case(struct given *g, const char *folder)
{
	*g = (struct given){ .request = text_of(folder, "request.txt"),
		.context = text_of(folder, "context.json") };
	struct tm tm = { 0 };
	g->json = json_loads(g->context, 0, NULL);
	assert_non_null(strptime(member(g->json, "timestamp"), "%Y-%m-%dT%H:%M:%SZ", &tm));
	g->scope = (struct sigv4_scope){ member(g->json, "region"), member(g->json, "service"),
		timegm(&tm) };
	json_t *c = json_object_get(g->json, "credentials");
	g->id = member(c, "access_key_id");
	g->secret = member(c, "secret_access_key");
	g->r.headers = g->headers;
	take_request(g);
	g->date = sigv4_date(g->scope.when);
	add(g, "X-Amz-Date", g->date.text);
	if (member(c, "token") != NULL &&
		!json_is_true(json_object_get(g->json, "omit_session_token")))
		add(g, "X-Amz-Security-Token", member(c, "token"));
	if (json_is_true(json_object_get(g->json, "sign_body")))
		add(g, "X-Amz-Content-Sha256", g->payload.text);
}

static void given_free(struct given *g)
{
	free(g->request);
	free(g->context);
	json_decref(g->json);
	buf_free(&g->path);
}

static void check_case(const char *folder)
{
	struct given g;
	struct sigv4_key key = { .made = false };
	struct buf out = { 0 };
	struct err e;
	given_case(&g, folder);
	char *canonical = text_of(folder, "header-canonical-request.txt");
	char *signature = text_of(folder, "header-signature.txt");
	assert_int_equal(sigv4_canonical(&g.r, &out, &e), 0);
	if (strcmp(out.data, canonical) != 0)
		fail_msg("%s:\n%s\nwanted:\n%s", folder, out.data, canonical);
	buf_clear(&out);
	assert_int_equal(sigv4_key(&key, g.secret, &g.scope, &e), 0);
	assert_int_equal(sigv4_authorization(&g.r, &g.scope, &key, g.id, &out, &e), 0);
	signature[strspn(signature, "0123456789abcdef")] = '\0';
	if (strcmp(strrchr(out.data, '=') + 1, signature) != 0)
		fail_msg("%s:\n%s\nwanted:\n%s", folder, out.data, signature);

	char *names = strrchr(canonical, '\n');
	*names = '\0';
	names = strrchr(canonical, '\n') + 1;
	char wanted[1024];
	snprintf(wanted, sizeof(wanted),
		"AWS4-HMAC-SHA256 Credential=%s/%.8s/%s/%s/aws4_request, SignedHeaders=%s, "
		"Signature=%s",
		g.id, g.date.text, g.scope.region, g.scope.service, names, signature);
	assert_string_equal(out.data, wanted);
	free(canonical);
	free(signature);
	buf_free(&out);
	given_free(&g);
}

static size_t check_folder(const char *folder)
{
	size_t count = 0;
	DIR *dir = opendir(folder);
	assert_non_null(dir);
	for (struct dirent *d; (d = readdir(dir)) != NULL;) {
		char path[1024], request[1100];
		struct stat st;
		snprintf(path, sizeof(path), "%s/%s", folder, d->d_name);
		snprintf(request, sizeof(request), "%s/request.txt", path);
		if (d->d_name[0] == '.' || stat(request, &st) < 0)
			continue;
		check_case(path);
		count++;
	}
	closedir(dir);
	return count;
}

static void authorization_of_every_case(void **state)
{
	(void)state;
	if (access(CASES, R_OK) < 0)
		skip(); /* not run from the repository's folder */
	assert_true(check_folder(CASES) >= 20);
}

static void authorization_of_published_suite(void **state)
{
	(void)state;
	const char *suite = getenv("SIGV4_SUITE");
	if (suite == NULL || *suite == '\0')
		skip();
	size_t count = check_folder(suite);
	print_message("%zu cases of %s\n", count, suite);
	assert_true(count >= 30);
}

static void sign(const struct sigv4_request *r, const char *secret, const struct sigv4_scope *s,
	struct buf *out)
{
	struct sigv4_key key = { .made = false };
	struct err e;
	buf_clear(out);
	assert_int_equal(sigv4_key(&key, secret, s, &e), 0);
	assert_int_equal(sigv4_authorization(r, s, &key, "AKIDEXAMPLE", out, &e), 0);
}

/* IAM User Guide, "Create a signed AWS API request"; S3 API Reference, "Examples: Signature
 * Calculations". */
static void authorization_as_documentation_prints_it(void **state)
{
	(void)state;
	static const char EMPTY[] =
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
	struct buf out = { 0 };
	struct sigv4_header iam[] = { { "Host", "iam.amazonaws.com" },
		{ "Content-Type", "application/x-www-form-urlencoded; charset=utf-8" },
		{ "X-Amz-Date", "20150830T123600Z" } };
	struct sigv4_request r = { "GET", NULL, "Version=2010-05-08&Action=ListUsers", iam, 3,
		EMPTY, false };
	struct sigv4_scope s = { "us-east-1", "iam", 1440938160 };
	sign(&r, "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", &s, &out);
	assert_string_equal(out.data,
		"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, "
		"SignedHeaders=content-type;host;x-amz-date, Signature="
		"5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7");

	struct sigv4_header s3[] = { { "x-amz-content-sha256", EMPTY },
		{ "x-amz-date", "20130524T000000Z" }, { "Range", "bytes=0-9" },
		{ "Host", "examplebucket.s3.amazonaws.com" } };
	r = (struct sigv4_request){ "GET", "/test.txt", "", s3, 4, EMPTY, true };
	s = (struct sigv4_scope){ "us-east-1", "s3", 1369353600 };
	sign(&r, "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", &s, &out);
	assert_string_equal(strrchr(out.data, '=') + 1,
		"f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
	s3[2] = s3[3];
	r = (struct sigv4_request){ "GET", "/", "lifecycle", s3, 3, EMPTY, true };
	sign(&r, "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", &s, &out);
	assert_string_equal(strrchr(out.data, '=') + 1,
		"fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
	buf_free(&out);
}

static void canonical(const char *path, const char *query, bool as_is, const char *wanted)
{
	struct buf out = { 0 };
	struct err e;
	struct sigv4_request r = { "PUT", path, query, NULL, 0, "UNSIGNED-PAYLOAD", as_is };
	assert_int_equal(sigv4_canonical(&r, &out, &e), 0);
	char text[512];
	snprintf(text, sizeof(text), "PUT\n%s\n\n\nUNSIGNED-PAYLOAD", wanted);
	assert_string_equal(out.data, text);
	buf_free(&out);
}

static void canonical_paths(void **state)
{
	(void)state;
	canonical(NULL, NULL, false, "/\n");
	canonical("", "", true, "/\n");
	canonical("/", NULL, false, "/\n");
	canonical("/..", NULL, false, "/\n");
	canonical("/../..", NULL, false, "/\n");
	canonical("/a/../../b", NULL, false, "/b\n");
	canonical("/a/..", NULL, false, "/\n");
	canonical("/a/b/..", NULL, false, "/a\n");
	canonical("/a/./", NULL, false, "/a/\n");
	canonical("/...", NULL, false, "/...\n");
	canonical("/%2E/x", NULL, false, "/%252E/x\n");
	canonical("/a//../%2f", NULL, true, "/a//../%2f\n");
}

static void canonical_queries(void **state)
{
	(void)state;
	canonical("/", "a", false, "/\na=");
	canonical("/", "&&a=1&&", false, "/\na=1");
	canonical("/", "=", false, "/\n=");
	canonical("/", "a=b=c", false, "/\na=b%3Dc");
	canonical("/", "b&a=2&a=10&a", false, "/\na=&a=10&a=2&b=");
	canonical("/", "a=%2f%7E%c3%bc", false, "/\na=%2F~%C3%BC");
	canonical("/", "a=%", false, "/\na=%25");
	canonical("/", "a=%4", false, "/\na=%254");
	canonical("/", "a=%zz%+1% 1", false, "/\na=%25zz%25%2B1%25%201");
	canonical("/", "a1=1&a=2&a-=3&a~=4", false, "/\na=2&a-=3&a1=1&a~=4");
}

static void canonical_repeated_headers(void **state)
{
	(void)state;
	struct sigv4_header h[] = { { "B", "2" }, { "a", " x\t y " }, { "b", "1" }, { "A_", "" },
		{ "b", "3" }, { "ab", "\n" } };
	struct sigv4_request r = { "GET", "/", NULL, h, 6, "-", false };
	struct buf out = { 0 };
	struct err e;
	assert_int_equal(sigv4_canonical(&r, &out, &e), 0);
	assert_string_equal(out.data, "GET\n/\n\na:x y\na_:\nab:\nb:2,1,3\n\na;a_;ab;b\n-");
	buf_free(&out);
}

static void key_is_made_anew_when_anything_differs(void **state)
{
	(void)state;
	struct sigv4_key key = { .made = false }, before, fresh;
	struct sigv4_scope s = { "eu-west-1", "ec2", 1440938160 };
	struct err e;
	assert_int_equal(sigv4_key(&key, "secret", &s, &e), 0);
	assert_true(key.made);
	before = key;
	s.when += 3600;
	key.bytes[0] ^= 1; /* so that it shows when it is kept */
	assert_int_equal(sigv4_key(&key, "secret", &s, &e), 0);
	assert_int_equal(key.bytes[0], before.bytes[0] ^ 1);

	static const struct {
		const char *secret;
		struct sigv4_scope scope;
	} others[] = { { "secret", { "eu-west-1", "ec2", 1440938160 + 86400 } },
		{ "secret", { "eu-west-2", "ec2", 1440938160 } },
		{ "secret", { "eu-west-1", "ebs", 1440938160 } },
		{ "secre", { "eu-west-1", "ec2", 1440938160 } } };
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		fresh = (struct sigv4_key){ .made = false };
		key = before;
		assert_int_equal(sigv4_key(&key, others[i].secret, &others[i].scope, &e), 0);
		assert_int_equal(sigv4_key(&fresh, others[i].secret, &others[i].scope, &e), 0);
		assert_memory_not_equal(key.bytes, before.bytes, sizeof(key.bytes));
		assert_memory_equal(key.bytes, fresh.bytes, sizeof(key.bytes));
	}
}

static void key_refuses_a_region_too_long(void **state)
{
	(void)state;
	char region[80];
	struct sigv4_key key = { .made = false };
	struct err e;
	memset(region, 'x', sizeof(region));
	region[64] = '\0';
	struct sigv4_scope s = { region, "ec2", 0 };
	assert_int_equal(sigv4_key(&key, "secret", &s, &e), -1);
	assert_int_equal(e.kind, ERR_USAGE);
	assert_null(strstr(e.msg, "secret"));
	assert_false(key.made);
	region[63] = '\0';
	assert_int_equal(sigv4_key(&key, "secret", &s, &e), 0);
}

static void date_of_times(void **state)
{
	(void)state;
	assert_string_equal(sigv4_date(0).text, "19700101T000000Z");
	assert_string_equal(sigv4_date(1440938160).text, "20150830T123600Z");
	assert_string_equal(sigv4_date(1709251199).text, "20240229T235959Z");
}

static void authorization_without_memory(void **state)
{
	(void)state;
	struct sigv4_header h[] = { { "Host", "h" }, { "X-Amz-Date", "20150830T123600Z" } };
	struct sigv4_request r = { "GET", "/a/../b", "x=1&a=%20", h, 2, "-", false };
	struct sigv4_scope s = { "eu-west-1", "ec2", 1440938160 };
	for (unsigned n = 1;; n++) {
		struct sigv4_key key = { .made = false };
		struct buf out = { 0 };
		struct err e;
		fail_arm(FAIL_ALLOC, n);
		int rc = sigv4_key(&key, "secret", &s, &e);
		if (rc == 0)
			rc = sigv4_authorization(&r, &s, &key, "AKID", &out, &e);
		bool hit = fail_disarm();
		buf_free(&out);
		assert_int_equal(rc, hit ? -1 : 0);
		if (!hit)
			break;
		assert_int_equal(e.kind, ERR_MACHINE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(authorization_of_every_case),
		cmocka_unit_test(authorization_of_published_suite),
		cmocka_unit_test(authorization_as_documentation_prints_it),
		cmocka_unit_test(canonical_paths),
		cmocka_unit_test(canonical_queries),
		cmocka_unit_test(canonical_repeated_headers),
		cmocka_unit_test(key_is_made_anew_when_anything_differs),
		cmocka_unit_test(key_refuses_a_region_too_long),
		cmocka_unit_test(date_of_times),
		cmocka_unit_test(authorization_without_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

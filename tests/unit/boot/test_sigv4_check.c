/*
 * The judge of signatures, held to the cases that every signer of this project is held to: each
 * published signature is right, and wrong for anything that differs.
 */
#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/file.h"
#include "boot/sigv4_check.h"
#include "request.h"

#define CASES "tests/hub/data/sigv4"

struct given {
	struct made made;
	struct credentials credentials;
	char region[32];
	char service[32];
	char authorization[512];
	char stamp[32];
	char digest[80];
	time_t now;
};

static char *text_of(const char *name, const char *file)
{
	char path[512];
	struct buf b = { 0 };
	struct err e;
	snprintf(path, sizeof(path), CASES "/%s/%s", name, file);
	assert_int_equal(file_read(AT_FDCWD, path, 1 << 20, &b, &e), 0);
	return b.data;
}

static void add_header(struct given *g, const char *name, const char *value)
{
	g->made.r.headers[g->made.r.header_count++] = (struct http_header){ name, value };
}

static const char *member(json_t *j, const char *name)
{
	const char *text = json_string_value(json_object_get(j, name));
	return text != NULL ? text : "";
}

static void given_case(struct given *g, const char *name)
{
	char *request = text_of(name, "request.txt"), *context = text_of(name, "context.json");
	char *canonical = text_of(name, "header-canonical-request.txt");
	char *signature = text_of(name, "header-signature.txt");
	json_t *j = json_loads(context, 0, NULL), *c = json_object_get(j, "credentials");
	struct tm tm = { 0 };
	*g = (struct given){ .made = request_of(request) };
	snprintf(g->credentials.key, sizeof(g->credentials.key), "%s", member(c, "access_key_id"));
	snprintf(g->credentials.secret, sizeof(g->credentials.secret), "%s",
		member(c, "secret_access_key"));
	snprintf(g->credentials.token, sizeof(g->credentials.token), "%s", member(c, "token"));
	snprintf(g->region, sizeof(g->region), "%s", member(j, "region"));
	snprintf(g->service, sizeof(g->service), "%s", member(j, "service"));
	assert_non_null(strptime(member(j, "timestamp"), "%Y-%m-%dT%H:%M:%SZ", &tm));
	g->now = timegm(&tm);
	strftime(g->stamp, sizeof(g->stamp), "%Y%m%dT%H%M%SZ", &tm);

	/* The canonical request ends in the names signed and the body's digest. */
	char *digest = strrchr(canonical, '\n');
	*digest++ = '\0';
	char *names = strrchr(canonical, '\n') + 1;
	snprintf(g->authorization, sizeof(g->authorization),
		"AWS4-HMAC-SHA256 Credential=%s/%.8s/%s/%s/aws4_request, SignedHeaders=%s, "
		"Signature=%.64s",
		g->credentials.key, g->stamp, g->region, g->service, names, signature);
	add_header(g, "Authorization", g->authorization);
	add_header(g, "X-Amz-Date", g->stamp);
	if (g->credentials.token[0] != '\0')
		add_header(g, "X-Amz-Security-Token", g->credentials.token);
	if (json_is_true(json_object_get(j, "sign_body"))) {
		snprintf(g->digest, sizeof(g->digest), "%s", digest);
		add_header(g, "X-Amz-Content-SHA256", g->digest);
	}
	json_decref(j);
	free(request);
	free(context);
	free(canonical);
	free(signature);
}

static enum sigv4_fault judged(const struct given *g)
{
	enum sigv4_fault fault;
	struct err e;
	assert_int_equal(
		sigv4_check(&g->made.r, &g->credentials, g->service, g->region, g->now, &fault, &e),
		0);
	return fault;
}

static void check_one(const char *name)
{
	struct given g;
	given_case(&g, name);
	if (judged(&g) != SIGV4_OK)
		fail_msg("%s: %s", name, sigv4_fault_text(judged(&g)));

	char *last = &g.authorization[strlen(g.authorization) - 1];
	*last = *last == '0' ? '1' : '0';
	assert_int_equal(judged(&g), SIGV4_WRONG);
	request_free(&g.made);

	given_case(&g, name);
	g.credentials.secret[3] ^= 1;
	assert_int_equal(judged(&g), SIGV4_WRONG);
	g.credentials.secret[3] ^= 1;
	g.made.r.method = "PATCH";
	assert_int_equal(judged(&g), SIGV4_WRONG);
	request_free(&g.made);

	given_case(&g, name);
	struct err e;
	assert_int_equal(buf_putc(&g.made.r.body, ' ', &e), 0);
	assert_int_equal(judged(&g), SIGV4_WRONG);
	request_free(&g.made);

	given_case(&g, name);
	g.now += 301;
	assert_int_equal(judged(&g), SIGV4_CLOCK);
	g.now -= 602;
	assert_int_equal(judged(&g), SIGV4_CLOCK);
	g.now += 301;
	add_header(&g, "X-Amz-Extra", "1");
	assert_int_equal(judged(&g), SIGV4_WRONG);
	request_free(&g.made);

	given_case(&g, name);
	g.region[0] ^= 1;
	assert_int_equal(judged(&g), SIGV4_MALFORMED);
	g.region[0] ^= 1;
	g.credentials.key[0] ^= 1;
	assert_int_equal(judged(&g), SIGV4_UNKNOWN);
	request_free(&g.made);
}

static void sigv4_judges_every_case(void **state)
{
	(void)state;
	DIR *dir = opendir(CASES);
	size_t count = 0;
	if (dir == NULL)
		skip(); /* not run from the repository's folder */
	for (struct dirent *d; (d = readdir(dir)) != NULL;) {
		char path[512];
		struct stat st;
		snprintf(path, sizeof(path), CASES "/%s/request.txt", d->d_name);
		if (stat(path, &st) < 0)
			continue;
		check_one(d->d_name);
		count++;
	}
	closedir(dir);
	assert_true(count >= 20);
}

static void sigv4_refuses_what_is_no_signature(void **state)
{
	(void)state;
	static const char *const bad[] = { "", "Basic x", "AWS4-HMAC-SHA256 Credential=",
		"AWS4-HMAC-SHA256 Credential=AKID/20150830/eu-west-1/ssm/aws4_request, "
		"SignedHeaders=host;x-amz-date, Signature=00",
		"AWS4-HMAC-SHA256 Credential=AKIDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDD/20150830/x/y/"
		"aws4_request, SignedHeaders=host, Signature=00" };
	struct given g = { .made = request_of("GET / HTTP/1.1\nHost:x\n") };
	assert_int_equal(judged(&g), SIGV4_MISSING);
	add_header(&g, "Authorization", "");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		g.made.r.headers[1].value = bad[i];
		assert_int_equal(judged(&g), SIGV4_MALFORMED);
	}
	request_free(&g.made);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sigv4_judges_every_case),
		cmocka_unit_test(sigv4_refuses_what_is_no_signature),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

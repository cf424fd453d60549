/* The shared files and the environment. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aws/profile.h"
#include "base/file.h"
#include "check.h"
#include "fail.h"

/* NAME=VALUE, NULL-terminated: the environment of a test. */
static const char *variable(void *ctx, const char *name)
{
	size_t len = strlen(name);
	for (const char *const *v = ctx; *v != NULL; v++)
		if (strncmp(*v, name, len) == 0 && (*v)[len] == '=')
			return *v + len + 1;
	return NULL;
}

static const char *const NOTHING[] = { NULL };

struct read {
	struct arena arena;
	struct profiles p;
	struct err e;
};

static void parse(struct read *r, bool credentials, const char *text)
{
	if (profile_parse(&r->p, "f", credentials, text, strlen(text), &r->arena, &r->e) < 0)
		fail_msg("%s", r->e.msg);
}

static struct read read_of(const char *config, const char *credentials)
{
	struct read r = { .p = { .name = "default", .env = variable, .ctx = (void *)NOTHING } };
	parse(&r, false, config);
	parse(&r, true, credentials);
	return r;
}

static void has(const struct read *r, const char *section, const char *key, const char *value)
{
	const char *found = profile_get(&r->p, section, key);
	if (value == NULL)
		assert_null(found);
	else if (found == NULL || strcmp(found, value) != 0)
		fail_msg("[%s] %s: %s, wanted %s", section, key, found, value);
}

static void parse_takes_what_sdks_take(void **state)
{
	(void)state;
	struct read r = read_of("\xEF\xBB\xBF# comment\n"
				"; comment\n"
				"\n"
				"[default]\r\n"
				"Region = eu-west-1 \r\n"
				"output=json # comment\n"
				"empty =\n"
				"hash = a#b;c\n"
				"none = # all of it\n"
				"equals = a=b = c\n"
				"[ profile   release ] ; comment\n"
				"region\t=\tus-east-1\t; comment\n"
				"[profile \"two words\"]# comment\n"
				"region = x\n"
				"[profile 'x']\n"
				"region = y\n"
				"[stray]\n"
				"region = z\n"
				"[sso-session  s]\n"
				"sso_region = w\n"
				"[profile release]\n"
				"output = text\n"
				"region = later",
		"[release]\nregion = credentials\n[default]\n[two words]\nk=v\n");
	has(&r, "default", "region", "eu-west-1");
	has(&r, "default", "output", "json");
	has(&r, "default", "empty", NULL);
	has(&r, "default", "none", NULL);
	has(&r, "default", "hash", "a#b;c");
	has(&r, "default", "equals", "a=b = c");
	has(&r, "release", "region", "credentials");
	has(&r, "release", "output", "text");
	has(&r, "two words", "region", "x");
	has(&r, "two words", "k", "v");
	has(&r, "x", "region", "y");
	has(&r, "stray", "region", NULL);
	has(&r, "sso-session s", "sso_region", "w");
	assert_false(profile_exists(&r.p, "stray"));
	assert_true(profile_exists(&r.p, "release"));
	const struct profile_value *v = profile_find(&r.p, "release", "", "output");
	assert_string_equal(v->file, "f");
	assert_int_equal(v->line, 22);
	arena_free(&r.arena);
}

static void parse_indented_lines(void **state)
{
	(void)state;
	struct read r = read_of("[default]\n"
				"  region = a\n"
				"  s3 =\n"
				"    # comment\n"
				"    Max_Queue = 1\n"
				"\n"
				"      deeper = 2\n"
				"  output = json\n"
				"  text = one\n"
				"    two = 2 # comment\n"
				"    [three]\n"
				"\t\t\tfour\n"
				"after = b\n"
				"[services local]\n"
				"ec2 =\n"
				"  endpoint_url = http://e\n",
		"");
	has(&r, "default", "region", "a");
	has(&r, "default", "output", "json");
	has(&r, "default", "after", "b");
	has(&r, "default", "max_queue", NULL);
	assert_string_equal(profile_find(&r.p, "default", "s3", "max_queue")->value, "1");
	assert_string_equal(profile_find(&r.p, "default", "s3", "deeper")->value, "2");
	has(&r, "default", "text", "one\ntwo = 2\n[three]\nfour");
	arena_free(&r.arena);
}

static void parse_later_value_counts(void **state)
{
	(void)state;
	struct read r = read_of("[default]\na = 1\na = 2\nb = 1\nc = 1\n[profile default]\na = 3\n"
				"[default]\na = 4\nd = 1\n",
		"[default]\nb = 2\nc =\n");
	has(&r, "default", "a", "3");
	has(&r, "default", "b", "2");
	has(&r, "default", "c", NULL);
	has(&r, "default", "d", NULL);
	arena_free(&r.arena);
}

static void parse_tells_what_is_wrong(void **state)
{
	(void)state;
	static const struct {
		const char *text, *wanted;
	} bad[] = {
		{ "[a\nSECRET = SECRET\n", "f:1:1: a section's name without ] behind it" },
		{ "\n\n  [ ]\n", "f:3:3: a section without a name" },
		{ "[]\n", "f:1:1: a section without a name" },
		{ "[\xC3\xBC] SECRET\n", "f:1:5: text behind the name of a section" },
		{ "SECRET = x\n", "f:1:1: NAME = VALUE before any [SECTION]" },
		{ "[a]\nSECRET\n", "f:2:1: neither NAME = VALUE nor [SECTION]" },
		{ "[a]\n = SECRET\n", "f:2:2: a value without a name" },
		{ "[a]\nk =\n  SECRET\n", "f:3:3: a line below a name that is no NAME = VALUE" },
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct read r = { .p = { .name = "default" } };
		assert_int_equal(profile_parse(&r.p, "f", false, bad[i].text, strlen(bad[i].text),
					 &r.arena, &r.e),
			-1);
		assert_int_equal(r.e.kind, ERR_INPUT);
		assert_string_equal(r.e.msg, bad[i].wanted);
		arena_free(&r.arena);
	}
	struct read r = { .p = { .name = "default" } };
	assert_int_equal(profile_parse(&r.p, "f", true, "[\0a\0]\0", 6, &r.arena, &r.e), -1);
	assert_string_equal(r.e.msg, "f:1:2: a NUL byte: this is no text in UTF-8");
	arena_free(&r.arena);
}

/* A folder that is a test's home. */
struct home {
	char folder[64];
	char variable[80];
	const char *env[8];
	size_t count;
	struct arena arena;
	struct profiles p;
	struct err e;
};

static void home_set(struct home *h, const char *nv)
{
	assert_true(h->count < 7);
	h->env[h->count++] = nv;
}

static void home_write(struct home *h, const char *name, const char *text)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", h->folder, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(file_write_all(fd, text, strlen(text), &h->e), 0);
	close(fd);
}

static void home_make(struct home *h)
{
	*h = (struct home){ .folder = "/tmp/profile-XXXXXX" };
	assert_non_null(mkdtemp(h->folder));
	snprintf(h->variable, sizeof(h->variable), "HOME=%s", h->folder);
	home_set(h, h->variable);
	char path[128];
	snprintf(path, sizeof(path), "%s/.aws", h->folder);
	assert_int_equal(mkdir(path, 0700), 0);
}

static int home_load(struct home *h, const char *name)
{
	return profiles_load(name, variable, h->env, &h->arena, &h->p, &h->e);
}

static void home_free(struct home *h)
{
	profiles_wipe(&h->p);
	arena_free(&h->arena);
	assert_int_equal(file_remove_tree(AT_FDCWD, h->folder, &h->e), 0);
}

static void load_finds_the_files(void **state)
{
	(void)state;
	struct home h;
	home_make(&h);
	assert_int_equal(home_load(&h, NULL), 0); /* there are none */
	assert_string_equal(h.p.name, "default");
	assert_false(h.p.exists);
	home_write(&h, ".aws/config", "[default]\nregion = a\n[profile x]\nregion = b\n");
	home_write(&h, ".aws/credentials", "[x]\nk = c\n[y]\n");
	home_write(&h, "other", "[default]\nregion = d\n");
	assert_int_equal(home_load(&h, NULL), 0);
	assert_true(h.p.exists);
	assert_false(h.p.asked);
	assert_string_equal(profile_region(&h.p), "a");

	assert_int_equal(home_load(&h, "x"), 0);
	assert_true(h.p.asked);
	assert_string_equal(profile_region(&h.p), "b");
	assert_string_equal(profile_get(&h.p, "x", "k"), "c");
	assert_int_equal(home_load(&h, "y"), 0); /* a section with nothing in it */
	assert_null(profile_region(&h.p));

	home_set(&h, "AWS_CONFIG_FILE=~/other");
	home_set(&h, "AWS_SHARED_CREDENTIALS_FILE=/dev/null");
	assert_int_equal(home_load(&h, NULL), 0);
	assert_string_equal(profile_region(&h.p), "d");
	assert_null(profile_get(&h.p, "x", "k"));
	home_free(&h);
}

static void load_names_the_profile(void **state)
{
	(void)state;
	struct home h;
	home_make(&h);
	home_write(&h, ".aws/config", "[profile release]\n[profile x]\n");
	assert_int_equal(home_load(&h, "relaese"), -1);
	assert_int_equal(h.e.kind, ERR_USAGE);
	char wanted[512];
	snprintf(wanted, sizeof(wanted),
		"profile \"relaese\" is neither in %s/.aws/config nor in %s/.aws/credentials; did "
		"you mean \"release\"?",
		h.folder, h.folder);
	assert_string_equal(h.e.msg, wanted);
	assert_int_equal(home_load(&h, "default"), 0);

	home_set(&h, "AWS_DEFAULT_PROFILE=x");
	assert_int_equal(home_load(&h, NULL), 0);
	assert_string_equal(h.p.name, "x");
	home_set(&h, "AWS_PROFILE=release");
	assert_int_equal(home_load(&h, NULL), 0);
	assert_string_equal(h.p.name, "release");
	assert_false(h.p.asked);
	assert_int_equal(home_load(&h, "x"), 0);
	assert_string_equal(h.p.name, "x");
	h.env[h.count - 1] = "AWS_PROFILE=nowhere";
	assert_int_equal(home_load(&h, NULL), -1);
	assert_non_null(strstr(h.e.msg, "profile \"nowhere\" (of AWS_PROFILE) is neither in "));
	home_free(&h);
}

static void load_refuses_files(void **state)
{
	(void)state;
	struct home h;
	home_make(&h);
	home_set(&h, "AWS_CONFIG_FILE=/");
	assert_int_equal(home_load(&h, NULL), -1);
	assert_int_equal(h.e.kind, ERR_INPUT);
	assert_string_equal(h.e.msg, "read /: Is a directory");
	h.env[h.count - 1] = "AWS_CONFIG_FILE=/dev/zero";
	assert_int_equal(home_load(&h, NULL), -1);
	assert_int_equal(h.e.kind, ERR_INPUT);
	assert_non_null(strstr(h.e.msg, "/dev/zero is larger than "));
	h.env[h.count - 1] = "AWS_CONFIG_FILE=/dev/null/x";
	assert_int_equal(home_load(&h, NULL), 0);

	char pipe[64];
	int ends[2];
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(write(ends[1], "[default]\nregion = p\n", 21), 21);
	close(ends[1]);
	snprintf(pipe, sizeof(pipe), "AWS_CONFIG_FILE=/dev/fd/%d", ends[0]);
	h.env[h.count - 1] = pipe;
	assert_int_equal(home_load(&h, NULL), 0);
	assert_string_equal(profile_region(&h.p), "p");
	close(ends[0]);
	home_free(&h);
}

static void load_reports_failures(void **state)
{
	(void)state;
	static const enum fail_kind kinds[] = { FAIL_ALLOC, FAIL_READ };
	for (size_t k = 0; k < 2; k++) {
		for (unsigned n = 1;; n++) {
			struct home h;
			home_make(&h);
			home_write(&h, ".aws/config",
				"[default]\nregion = a\nb = c\n  d\n  e\n[services x]\n[a]\n[b]\n"
				"[c]\n[d]\n");
			home_write(&h, ".aws/credentials", "[x]\nk = c\n[y]\n");
			fail_arm(kinds[k], n);
			int rc = home_load(&h, NULL);
			bool hit = fail_disarm();
			if (rc < 0)
				assert_int_equal(h.e.kind, ERR_MACHINE);
			home_free(&h);
			assert_int_equal(rc, hit ? -1 : 0);
			if (!hit)
				break;
		}
	}
}

static void region_and_settings(void **state)
{
	(void)state;
	const char *env[] = { "AWS_REGION=", NULL, NULL };
	struct read r = read_of("[default]\nregion = file\nrole = x\n", "");
	r.p.ctx = env;
	assert_string_equal(profile_region(&r.p), "file");
	env[1] = "AWS_DEFAULT_REGION=default";
	assert_string_equal(profile_region(&r.p), "default");
	env[0] = "AWS_REGION=first";
	assert_string_equal(profile_region(&r.p), "first");
	assert_string_equal(profile_setting(&r.p, "AWS_ROLE", "role"), "x");
	env[1] = "AWS_ROLE=y";
	assert_string_equal(profile_setting(&r.p, "AWS_ROLE", "role"), "y");
	arena_free(&r.arena);
}

static void endpoint_is(struct read *r, const char *service, const char *wanted)
{
	const char *url = profile_endpoint(&r->p, service, &r->arena, &r->e);
	assert_int_equal(r->e.kind, ERR_NONE);
	if (wanted == NULL)
		assert_null(url);
	else
		assert_string_equal(url, wanted);
}

static void endpoint_in_its_order(void **state)
{
	(void)state;
	const char *env[] = { "X=", "X=", "X=", NULL };
	struct read r = read_of("[default]\nservices = local\nendpoint_url = http://profile\n"
				"[services local]\nec2 =\n  endpoint_url = https://services\n",
		"");
	r.p.ctx = env;
	endpoint_is(&r, "auto_scaling", "http://profile");
	endpoint_is(&r, "ec2", "https://services");
	env[0] = "AWS_ENDPOINT_URL=http://all";
	endpoint_is(&r, "ec2", "http://all");
	env[1] = "AWS_ENDPOINT_URL_AUTO_SCALING=http://one";
	endpoint_is(&r, "auto_scaling", "http://one");
	endpoint_is(&r, "ec2", "http://all");
	env[2] = "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=True";
	endpoint_is(&r, "ec2", NULL);
	env[2] = "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=false";
	endpoint_is(&r, "ec2", "http://all");
	arena_free(&r.arena);

	r = read_of(
		"[default]\nignore_configured_endpoint_urls = true\nendpoint_url = http://p\n", "");
	endpoint_is(&r, "ec2", NULL);
	arena_free(&r.arena);
	r = read_of("[default]\n", "");
	endpoint_is(&r, "ec2", NULL);
	arena_free(&r.arena);
}

static void endpoint_that_is_no_url(void **state)
{
	(void)state;
	const char *env[] = { "AWS_ENDPOINT_URL=localhost:5000", NULL };
	struct read r = read_of("[default]\nendpoint_url = ftp://x\n", "");
	assert_null(profile_endpoint(&r.p, "ec2", &r.arena, &r.e));
	assert_int_equal(r.e.kind, ERR_INPUT);
	assert_string_equal(r.e.msg, "f:2:1: endpoint_url is not a URL of http or https");
	r.p.ctx = env;
	assert_null(profile_endpoint(&r.p, "ec2", &r.arena, &r.e));
	assert_int_equal(r.e.kind, ERR_USAGE);
	assert_string_equal(r.e.msg, "AWS_ENDPOINT_URL is not a URL of http or https");
	arena_free(&r.arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse_takes_what_sdks_take),
		cmocka_unit_test(parse_indented_lines),
		cmocka_unit_test(parse_later_value_counts),
		cmocka_unit_test(parse_tells_what_is_wrong),
		cmocka_unit_test(load_finds_the_files),
		cmocka_unit_test(load_names_the_profile),
		cmocka_unit_test(load_refuses_files),
		cmocka_unit_test(load_reports_failures),
		cmocka_unit_test(region_and_settings),
		cmocka_unit_test(endpoint_in_its_order),
		cmocka_unit_test(endpoint_that_is_no_url),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

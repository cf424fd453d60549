#include "recipe/var_type.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "recipe/cidr.h"

struct verdict {
	const char *canonical; /* NULL: wrong */
	const char *fault;     /* more exactly what is wrong, or NULL */
	char meant[24];        /* what was probably meant, or "" */
};

struct type {
	const char *name;
	const char *allows;
	/* *ret->canonical: `text` itself or a copy in `a`. */
	int (*check)(const struct var *v, const char *text, struct arena *a, struct verdict *ret,
		struct err *e);
};

/* Text as it is. */
static int keep(const char *text, bool good, struct verdict *ret)
{
	ret->canonical = good ? text : NULL;
	return 0;
}

static int check_string(
	const struct var *v, const char *text, struct arena *a, struct verdict *ret, struct err *e)
{
	(void)v, (void)a, (void)e;
	for (const char *p = text; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return keep(text, false, ret);
	return keep(text, true, ret);
}

bool var_int_parse(const char *text, long long *ret)
{
	const char *digits = text + (text[0] == '-');
	unsigned long long n;
	if ((digits[0] == '0' && (digits[1] != '\0' || digits != text)) ||
		!text_number(digits, 0, LLONG_MAX, &n))
		return false;
	*ret = digits == text ? (long long)n : -(long long)n;
	return true;
}

static int check_int(
	const struct var *v, const char *text, struct arena *a, struct verdict *ret, struct err *e)
{
	(void)a, (void)e;
	long long n;
	const char *zeros = text + strspn(text, "0");
	bool good = var_int_parse(text, &n);
	if (!good && zeros != text && var_int_parse(zeros, &n))
		snprintf(ret->meant, sizeof(ret->meant), "%lld", n);
	return keep(text, good && n >= v->min && n <= v->max, ret);
}

static int check_bool(
	const struct var *v, const char *text, struct arena *a, struct verdict *ret, struct err *e)
{
	(void)v, (void)a, (void)e;
	return keep(text, strcmp(text, "true") == 0 || strcmp(text, "false") == 0, ret);
}

static int check_cidr(
	const struct var *v, const char *text, struct arena *a, struct verdict *ret, struct err *e)
{
	(void)v;
	struct cidr c;
	enum cidr_fault f = cidr_parse(text, &c);
	if (f != CIDR_OK) {
		ret->fault = cidr_fault_text(f);
		if (f == CIDR_HOST_BITS)
			snprintf(ret->meant, sizeof(ret->meant), "%s", cidr_format(c).text);
		return 0;
	}
	ret->canonical = arena_strdup(a, cidr_format(c).text, e);
	return ret->canonical != NULL ? 0 : -1;
}

static int check_address(
	const struct var *v, const char *text, struct arena *a, struct verdict *ret, struct err *e)
{
	(void)v, (void)a, (void)e;
	uint32_t addr;
	return keep(text, addr_parse(text, &addr) == CIDR_OK, ret);
}

static int check_fqdn(
	const struct var *v, const char *text, struct arena *a, struct verdict *ret, struct err *e)
{
	(void)v, (void)a, (void)e;
	return keep(text, fqdn_valid(text), ret);
}

static const char *const SCHEMES[] = { "https", "http", "s3" };

bool var_scheme_known(const char *text)
{
	for (size_t i = 0; i < sizeof(SCHEMES) / sizeof(SCHEMES[0]); i++)
		if (strcmp(SCHEMES[i], text) == 0)
			return true;
	return false;
}

static bool scheme_allowed(const struct var *v, const char *text, size_t len)
{
	bool any = v->value_count == 0;
	for (size_t i = 0; i < (any ? sizeof(SCHEMES) / sizeof(SCHEMES[0]) : v->value_count); i++) {
		const char *s = any ? SCHEMES[i] : v->values[i];
		if (strlen(s) == len && memcmp(s, text, len) == 0)
			return true;
	}
	return false;
}

/* Printable ASCII that may stand in a URI as it is (RFC 3986). */
static bool uri_chars(const char *text)
{
	for (const char *p = text; *p != '\0'; p++)
		if (*p <= 0x20 || *p >= 0x7f || strchr("\"<>\\^`{|}", *p) != NULL)
			return false;
	return true;
}

static int check_url(
	const struct var *v, const char *text, struct arena *a, struct verdict *ret, struct err *e)
{
	(void)a, (void)e;
	const char *sep = strstr(text, "://");
	if (sep == NULL || !uri_chars(text) || !scheme_allowed(v, text, (size_t)(sep - text)))
		return keep(text, false, ret);
	const char *host = sep + 3;
	size_t host_len = strcspn(host, "/?#");
	bool keyed = host[host_len] == '/' && strcspn(host + host_len + 1, "?#") > 0;
	return keep(text, host_len > 0 && (keyed || !text_starts(text, "s3:")), ret);
}

static int check_enum(
	const struct var *v, const char *text, struct arena *a, struct verdict *ret, struct err *e)
{
	(void)a, (void)e;
	bool good = false;
	for (size_t i = 0; i < v->value_count; i++)
		good |= strcmp(v->values[i], text) == 0;
	return keep(text, good, ret);
}

static const struct type TYPES[VAR_TYPE_COUNT] = {
	[VAR_STRING] = { "string", "a text of one line without control characters", check_string },
	[VAR_INT] = { "int", "a whole number", check_int },
	[VAR_BOOL] = { "bool", "true or false", check_bool },
	[VAR_CIDR] = { "cidr", "an IPv4 network, ADDRESS/PREFIX with the host bits zero",
		check_cidr },
	[VAR_ADDRESS] = { "address", "an IPv4 address", check_address },
	[VAR_FQDN] = { "fqdn", "a host name of two labels or more, like vpn.example.com",
		check_fqdn },
	[VAR_URL] = { "url", "https://HOST/PATH, http://HOST/PATH or s3://BUCKET/KEY", check_url },
	[VAR_ENUM] = { "enum", "one of its `values`", check_enum },
};

const char *var_type_name(enum var_type t)
{
	return TYPES[t].name;
}

const char *var_type_allows(enum var_type t)
{
	return TYPES[t].allows;
}

bool var_type_parse(const char *text, enum var_type *ret)
{
	for (size_t i = 0; i < VAR_TYPE_COUNT; i++)
		if (strcmp(TYPES[i].name, text) == 0) {
			*ret = (enum var_type)i;
			return true;
		}
	return false;
}

/* What this very variable allows: the type's words, sharpened by its range or choices. */
static void allowed(const struct var *v, char *to, size_t size)
{
	if (v->type == VAR_INT && (v->min != LLONG_MIN || v->max != LLONG_MAX)) {
		if (v->max == LLONG_MAX)
			snprintf(to, size, "a whole number from %lld up", v->min);
		else if (v->min == LLONG_MIN)
			snprintf(to, size, "a whole number up to %lld", v->max);
		else
			snprintf(to, size, "a whole number from %lld to %lld", v->min, v->max);
		return;
	}
	if (v->value_count == 0) {
		snprintf(to, size, "%s", TYPES[v->type].allows);
		return;
	}
	size_t used = 0;
	to[0] = '\0';
	for (size_t i = 0; i < v->value_count && used < size; i++) {
		const char *word = v->values[i];
		const char *more = v->type == VAR_URL ? strcmp(word, "s3") == 0 ? "://BUCKET/KEY"
										: "://HOST/PATH"
						      : "";
		int n = snprintf(to + used, size - used, "%s%s%s", word, more,
			i + 2 == v->value_count  ? " or "
			: i + 1 < v->value_count ? ", "
						 : "");
		used += n > 0 ? (size_t)n : 0;
	}
}

static const char *choice_at(const void *ctx, size_t i)
{
	return ((const struct var *)ctx)->values[i];
}

int var_check(const struct var *v, const char *text, struct arena *a, struct diag *d,
	const char **ret, struct err *e)
{
	*ret = NULL;
	size_t len = strlen(text);
	if (len > VAR_VALUE_MAX) {
		diag_add(d, v->set_at, "%s has %zu bytes: at most %d are allowed", v->name, len,
			VAR_VALUE_MAX);
		return 0;
	}
	if (len == 0 && v->may_be_empty) {
		*ret = "";
		return 0;
	}
	struct verdict verdict = { 0 };
	if (len > 0 && TYPES[v->type].check(v, text, a, &verdict, e) < 0)
		return -1;
	*ret = verdict.canonical;
	if (*ret != NULL)
		return 0;

	char words[400];
	allowed(v, words, sizeof(words));
	const char *near = verdict.meant[0] != '\0' ? verdict.meant : NULL;
	if (v->type == VAR_ENUM)
		near = text_nearest(text, choice_at, v, v->value_count);
	if (len == 0)
		diag_add(d, v->set_at, "%s is empty: allowed is %s", v->name, words);
	else if (near != NULL)
		diag_add(d, v->set_at, "%s is \"%s\": did you mean %s? Allowed is %s", v->name,
			diag_show(text).text, near, words);
	else if (verdict.fault != NULL)
		diag_add(d, v->set_at, "%s is \"%s\": %s", v->name, diag_show(text).text,
			verdict.fault);
	else
		diag_add(d, v->set_at, "%s is \"%s\": allowed is %s", v->name, diag_show(text).text,
			words);
	return 0;
}

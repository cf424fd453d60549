#include "aws/profile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

#define IGNORE_ENDPOINTS "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"

const char *profile_env(const struct profiles *p, const char *variable)
{
	const char *value = p->env != NULL ? p->env(p->ctx, variable) : getenv(variable);
	return value != NULL && *value != '\0' ? value : NULL;
}

/* The credentials file wins, then what comes later. */
const struct profile_value *profile_find(
	const struct profiles *p, const char *section, const char *parent, const char *key)
{
	const struct profile_value *found = NULL;
	for (size_t i = 0; i < p->count; i++) {
		const struct profile_value *v = &p->values[i];
		if (v->value[0] != '\0' && strcmp(v->section, section) == 0 &&
			strcmp(v->parent, parent) == 0 && strcmp(v->key, key) == 0 &&
			(found == NULL || v->credentials || !found->credentials))
			found = v;
	}
	return found;
}

const char *profile_get(const struct profiles *p, const char *section, const char *key)
{
	const struct profile_value *v = profile_find(p, section, "", key);
	return v != NULL ? v->value : NULL;
}

bool profile_exists(const struct profiles *p, const char *section)
{
	for (size_t i = 0; i < p->count; i++)
		if (strcmp(p->values[i].section, section) == 0)
			return true;
	return false;
}

static const char *section_at(const void *ctx, size_t i)
{
	const struct profiles *p = ctx;
	return p->values[i].section;
}

const char *profile_nearest(const struct profiles *p, const char *section)
{
	return text_nearest(section, section_at, p, p->count);
}

const char *profile_setting(const struct profiles *p, const char *variable, const char *key)
{
	const char *value = profile_env(p, variable);
	return value != NULL ? value : profile_get(p, p->name, key);
}

const char *profile_region(const struct profiles *p)
{
	const char *region = profile_env(p, "AWS_REGION");
	return region != NULL ? region : profile_setting(p, "AWS_DEFAULT_REGION", "region");
}

void profiles_wipe(struct profiles *p)
{
	for (size_t i = 0; i < p->count; i++)
		explicit_bzero(p->values[i].value, strlen(p->values[i].value));
}

static bool is_url(const char *text)
{
	size_t scheme = text_starts(text, "http://") ? 7 : text_starts(text, "https://") ? 8 : 0;
	return scheme > 0 && text[scheme] != '\0' && strpbrk(text, " \t\r\n") == NULL;
}

static const char *from_variable(
	const struct profiles *p, const char *variable, bool *ret_bad, struct err *e)
{
	const char *url = profile_env(p, variable);
	if (url != NULL && !is_url(url)) {
		*ret_bad = true;
		err_set(e, ERR_USAGE, 0, "%s is not a URL of http or https", variable);
		return NULL;
	}
	return url;
}

static const char *from_value(const struct profile_value *v, bool *ret_bad, struct err *e)
{
	if (v == NULL)
		return NULL;
	if (!is_url(v->value)) {
		*ret_bad = true;
		err_set(e, ERR_INPUT, 0, "%s:%zu:1: %s is not a URL of http or https", v->file,
			v->line, v->key);
		return NULL;
	}
	return v->value;
}

static bool are_ignored(const struct profiles *p)
{
	const char *said = profile_setting(p, IGNORE_ENDPOINTS, "ignore_configured_endpoint_urls");
	return said != NULL && strcasecmp(said, "true") == 0;
}

const char *profile_endpoint(
	const struct profiles *p, const char *service, struct arena *a, struct err *e)
{
	*e = (struct err){ .kind = ERR_NONE };
	if (are_ignored(p))
		return NULL;
	char *variable = arena_printf(a, e, "AWS_ENDPOINT_URL_%s", service);
	if (variable == NULL)
		return NULL;
	for (char *c = variable; *c != '\0'; c++)
		if (*c >= 'a' && *c <= 'z')
			*c = (char)(*c - 'a' + 'A');
	bool bad = false;
	const char *url = from_variable(p, variable, &bad, e);
	if (url == NULL && !bad)
		url = from_variable(p, "AWS_ENDPOINT_URL", &bad, e);
	const char *services = profile_get(p, p->name, "services");
	if (url == NULL && !bad && services != NULL) {
		const char *section = arena_printf(a, e, "services %s", services);
		if (section == NULL)
			return NULL;
		url = from_value(profile_find(p, section, service, "endpoint_url"), &bad, e);
	}
	if (url == NULL && !bad)
		url = from_value(profile_find(p, p->name, "", "endpoint_url"), &bad, e);
	return url;
}

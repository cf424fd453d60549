#include "boot/guest.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "boot/route53_record.h"
#include "bundle/gzip.h"

#define OWN_SETS 8

static const char *value_of(const struct recipe *r, const char *name)
{
	const struct var *v = vars_find(&r->vars, name);
	return v != NULL && v->value != NULL ? v->value : "";
}

/* The domain that a pool's name is in. */
static const char *zone_name(struct arena *a, const char *pool, struct err *e)
{
	const char *dot = strchr(pool, '.');
	bool below = dot != NULL && strchr(dot + 1, '.') != NULL;
	return record_name(a, below ? dot + 1 : *pool != '\0' ? pool : "example.com", e);
}

static const char *zone_id(const struct recipe *r)
{
	const char *zone = value_of(r, "hosted_zone");
	const char *slash = strrchr(zone, '/');
	return *zone == '\0' ? GUEST_ZONE : slash != NULL ? slash + 1 : zone;
}

static int stock_key(
	struct aws_local *aws, const struct psk_ref *psk, const char *site, struct err *e)
{
	switch (psk->kind) {
	case PSK_SSM:
		return aws_local_secret(aws, AWS_SSM, psk->arg, e);
	case PSK_SECRETSMANAGER:
		return aws_local_secret(aws, AWS_SECRETSMANAGER, psk->arg, e);
	case PSK_S3:
		return aws_local_secret(aws, AWS_S3, site, e);
	default:
		return 0;
	}
}

/* sites.json with the keys that the S3 object carries. */
static int make_object(const struct bundle *b, struct aws_local *aws, struct err *e)
{
	json_t *object = json_loadb(b->sites_json.data, b->sites_json.len, 0, NULL);
	json_t *keys = json_object();
	int rc = object != NULL && keys != NULL ? 0 : -1;
	for (size_t i = 0; rc == 0 && i < aws->secret_count; i++)
		if (aws->secrets[i].service == AWS_S3)
			rc = json_object_set_new(
				keys, aws->secrets[i].name, json_string(aws->secrets[i].value));
	if (rc == 0)
		rc = json_object_set(object, "keys", keys);
	char *text = rc == 0 ? json_dumps(object, JSON_COMPACT) : NULL;
	json_decref(keys);
	json_decref(object);
	if (text == NULL)
		return err_nomem(e);
	aws->object_size = strlen(text);
	aws->object = arena_strdup(aws->arena, text, e);
	free(text);
	return aws->object == NULL ? -1 : 0;
}

int guest_stock(const struct bundle *b, struct aws_local *aws, struct err *e)
{
	const struct recipe *r = b->recipe;
	for (size_t i = 0; i < r->sites.count; i++) {
		const struct site *site = &r->sites.list[i];
		bool own = site->psk.kind != PSK_NONE;
		if (stock_key(aws, site_psk(&r->sites, site), own ? site->name : "default", e) < 0)
			return -1;
	}
	const char *region = value_of(r, "region");
	aws->region = *region != '\0' ? region : ROUTE53_REGION;
	aws->zone.arena = aws->arena;
	aws->zone.id = zone_id(r);
	aws->pool = value_of(r, "pool_name");
	aws->zone.name = zone_name(aws->arena, value_of(r, "pool_name"), e);
	if (aws->zone.name == NULL)
		return -1;
	const struct var *v = vars_find(&r->vars, "sites_url");
	if (v == NULL || v->value == NULL || !text_starts(v->value, "s3://"))
		return 0;
	const char *url = v->value + strlen("s3://");
	aws->object_path = arena_strndup(aws->arena, url, strcspn(url, "?"), e);
	return aws->object_path == NULL ? -1 : make_object(b, aws, e);
}

bool guest_joins(const struct recipe *r)
{
	for (size_t i = 0; i < r->services.count; i++)
		if (strcmp(r->services.list[i].text, "hub-pool.service") == 0)
			return true;
	return false;
}

/* The user's --set values and ours behind them. */
static const char *const *all_sets(const struct guest_options *o, struct arena *a, struct err *e)
{
	const struct recipe *r = o->bundle->recipe;
	const struct {
		const char *name;
		const char *value;
	} own[OWN_SETS] = {
		{ "ssm_endpoint", o->endpoint },
		{ "secretsmanager_endpoint", o->endpoint },
		{ "s3_endpoint", o->endpoint },
		{ "route53_endpoint", o->endpoint },
		{ "ca_file", GUEST_CA },
		{ "hosted_zone", zone_id(r) },
		/* The image's rules are in the image: there the part lets this machine in. */
		{ o->adhoc && o->ssh ? "admin_cidr" : "", INSTANCE_GATEWAY "/32" },
	};
	size_t given = 0, count = 0;
	while (o->query->sets != NULL && o->query->sets[given] != NULL)
		given++;
	const char **sets = arena_array(a, given + OWN_SETS + 1, sizeof(*sets), e);
	if (sets == NULL)
		return NULL;
	for (; count < given; count++)
		sets[count] = o->query->sets[count];
	for (size_t i = 0; i < OWN_SETS; i++) {
		if (own[i].name == NULL || vars_find(&r->vars, own[i].name) == NULL)
			continue;
		sets[count] = arena_printf(a, e, "%s=%s", own[i].name, own[i].value);
		if (sets[count++] == NULL)
			return NULL;
	}
	return sets;
}

static int own_part(const struct guest_options *o, struct buf *out, struct err *e)
{
	static const char rule[] = "INPUT -s " INSTANCE_GATEWAY " -p tcp --dport 22 -j ACCEPT";
	if (buf_printf(out, e,
		    "#cloud-boothook\n#!/bin/sh\n"
		    "# Of imgbuild boot: who signs for the services that it plays%s.\n"
		    "mkdir -p /etc/hub\ncat >" GUEST_CA " <<'END'\n%sEND\n"
		    "chmod 0644 " GUEST_CA "\n",
		    o->ssh ? ", and this machine may log in" : "", o->ca->data) < 0)
		return -1;
	if (o->apt_sources != NULL &&
		buf_printf(out, e,
			"rm -f /etc/apt/sources.list.d/debian.sources\n"
			"cat >/etc/apt/sources.list.d/imgbuild-boot.list <<'END'\n%sEND\n",
			o->apt_sources) < 0)
		return -1;
	if (o->ssh && !o->adhoc)
		return buf_printf(
			out, e, "iptables -w -C %s 2>/dev/null || iptables -w -I %s\n", rule, rule);
	return 0;
}

static int render(const struct guest_options *o, struct bundle *b, struct arena *a, struct buf *ret,
	struct err *e)
{
	cleanup_buf struct buf text = { 0 };
	cleanup_gzip struct gzip gzip = { 0 };
	if (own_part(o, &text, e) < 0)
		return -1;
	struct parts parts = { .count = b->parts.count + 1 };
	parts.list = arena_array(a, parts.count, sizeof(*parts.list), e);
	if (parts.list == NULL)
		return -1;
	if (b->parts.count > 0)
		memcpy(parts.list, b->parts.list, b->parts.count * sizeof(*parts.list));
	parts.list[b->parts.count].mime =
		(struct mime_part){ "imgbuild-boot", "text/cloud-boothook", text.data, text.len };
	struct user_data_source s = { .recipe = b->recipe,
		.tree = &b->tree,
		.parts = &parts,
		.secrets = &b->secrets,
		.gzip = &gzip,
		.arena = a };
	struct user_data made = { 0 };
	int rc = o->adhoc ? user_data_paste(&s, &made, e) : user_data_ami(&s, &made, e);
	if (rc >= 0)
		rc = buf_add(ret, made.raw.data, made.raw.len, e);
	user_data_free(&made);
	return rc;
}

int guest_user_data(const struct guest_options *o, struct arena *a, struct buf *ret, struct err *e)
{
	struct diag d = { .arena = a };
	struct recipe r = { 0 };
	struct bundle b = { 0 };
	struct recipe_query q = *o->query;
	q.sets = all_sets(o, a, e);
	if (q.sets == NULL || recipe_load(&q, a, &d, &r, e) < 0)
		return -1;
	r.overlay_url = NULL;
	int rc = bundle_prepare(&r, &o->bundle->options, a, &d, &b, e);
	if (rc == 0 && diag_total(&d) > 0)
		rc = err_set(e, ERR_INPUT, 0, "%s, with the endpoints of boot: %s", r.name,
			d.count > 0 ? d.list[0].text : "problems");
	if (rc == 0)
		rc = render(o, &b, a, ret, e);
	bundle_free(&b);
	return rc;
}

#include "bundle/bundle.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "bundle/archive.h"
#include "bundle/deploy.h"
#include "bundle/gzip.h"
#include "bundle/hubfiles.h"
#include "bundle/manifest.h"
#include "bundle/peer.h"

static const char *var(const struct bundle *b, const char *name)
{
	const char *value = recipe_var(b->recipe, name);
	return value != NULL ? value : "";
}

static int note(struct bundle *b, struct err *e, const char *text)
{
	if (text == NULL)
		return -1;
	const char **slot =
		arena_push(b->arena, &b->notes, &b->note_count, &b->note_cap, sizeof(*slot), e);
	if (slot == NULL)
		return -1;
	*slot = text;
	return 0;
}

/* The sites object in S3 takes the place of sites that travel with the bundle. */
static bool sites_elsewhere(const struct bundle *b)
{
	return var(b, "sites_url")[0] != '\0';
}

static int generate(struct bundle *b, struct err *e)
{
	const struct sites *s = &b->recipe->sites;
	bool any = s->count > 0 || b->recipe->overlay_count > 0; /* else it is about no hub */
	if (hubfiles_sites(s, &b->sites_json, e) < 0 || hubfiles_crypto(s, &b->crypto_json, e) < 0)
		return -1;
	if (any && tree_generate(&b->tree, "/etc/hub/crypto.json", b->crypto_json.data,
			   b->crypto_json.len, e) < 0)
		return -1;
	if (s->count == 0 || sites_elsewhere(b))
		return 0;
	return tree_generate(
		&b->tree, "/etc/hub/sites.json", b->sites_json.data, b->sites_json.len, e);
}

/* s3://BUCKET/KEY or s3://BUCKET/KEY?versionId=V, as hub and fetch script take it. */
static bool is_s3_object(const char *url)
{
	static const char bucket[] = "abcdefghijklmnopqrstuvwxyz0123456789.-";
	static const char version[] = "?versionId=";
	const char *name = url + strlen("s3://");
	size_t n = strspn(name, bucket);
	if (n < 3 || n > 63 || name[n] != '/' || name[n + 1] == '\0')
		return false;
	const char *query = strchr(name + n, '?');
	if (strchr(name + n, '*') != NULL || query == name + n + 1)
		return false;
	return query == NULL || (text_starts(query, version) && query[strlen(version)] != '\0' &&
					strpbrk(query + strlen(version), "?&=") == NULL);
}

static void check_url(const char *what, const char *url, struct pos pos, struct diag *d)
{
	if (url != NULL && text_starts(url, "s3://") && !is_s3_object(url))
		diag_add(d, pos,
			"%s is \"%s\": allowed is s3://BUCKET/KEY or s3://BUCKET/KEY?versionId=V, "
			"the bucket in lower case",
			what, url);
}

/* What the builder itself reads counts as used, and what sheets are made of must be there. */
static void check_vars(const struct bundle *b, struct diag *d)
{
	static const char *const read[] = { "admin_cidr", "group", "hosted_zone", "region" };
	for (size_t i = 0; i < sizeof(read) / sizeof(*read); i++)
		var(b, read[i]);
	const struct var *sites_url = vars_find(&b->recipe->vars, "sites_url");
	if (sites_url != NULL)
		check_url("sites_url", sites_url->value, sites_url->set_at, d);
	check_url("overlay_url", b->recipe->overlay_url, b->recipe->overlay_url_pos, d);
	static const char *const needed[] = { "pool_name", "hub_id", "tunnel_mss" };
	for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++)
		if (recipe_var(b->recipe, needed[i]) == NULL && b->recipe->sites.count > 0)
			diag_add(d, b->recipe->sites.list[0].pos,
				"sites without a variable %s, which their routers are set up with: "
				"declare it",
				needed[i]);
}

/* Hubs drive Libreswan; for another daemon an overlay has to bring the driver. */
static int check_daemon(const struct bundle *b, struct diag *d, struct err *e)
{
	const struct recipe *r = b->recipe;
	if (r->daemon == DAEMON_LIBRESWAN)
		return 0;
	const char *driver =
		arena_printf(b->arena, e, "/usr/lib/hub/%s.py", daemon_name(r->daemon));
	if (driver == NULL)
		return -1;
	if (tree_find(&b->tree, driver) == NULL)
		diag_add(d, r->daemon_pos,
			"daemon %s: no overlay has %s, with which the hub would drive it: use libreswan, "
			"or bring one",
			daemon_name(r->daemon), driver);
	return 0;
}

/* A part of the record's SetIdentifier REGION/GROUP/INSTANCE, which Route 53 takes up to 128 of. */
static void check_group(const struct bundle *b, struct diag *d)
{
	static const char allowed[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
	const struct var *v = vars_find(&b->recipe->vars, "group");
	if (v != NULL && (v->value[strspn(v->value, allowed)] != '\0' || strlen(v->value) > 64))
		diag_add(d, v->set_at,
			"group is \"%s\": allowed are at most 64 letters, digits and . _ -",
			diag_show(v->value).text);
}

int bundle_prepare(struct recipe *r, const struct bundle_options *o, struct arena *a,
	struct diag *d, struct bundle *ret, struct err *e)
{
	*ret = (struct bundle){ .recipe = r,
		.options = *o,
		.arena = a,
		.tree = { .arena = a },
		.image = { .arena = a },
		.products = { .arena = a } };
	for (size_t i = 0; i < r->overlay_count; i++)
		if (tree_overlay(&ret->tree, &r->overlays[i], &r->vars, d, e) < 0)
			return err_wrap(e, "overlay %s", r->overlays[i].word.text);
	for (size_t i = 0; i < r->image.overlay_count; i++)
		if (tree_overlay(&ret->image, &r->image.overlays[i], &r->vars, d, e) < 0)
			return err_wrap(e, "overlay %s", r->image.overlays[i].word.text);
	if (tree_finish(&ret->image, &r->image.modes, d, e) < 0)
		return -1;
	if (generate(ret, e) < 0 || tree_finish(&ret->tree, &r->modes, d, e) < 0)
		return -1;
	check_vars(ret, d);
	check_group(ret, d);
	if (check_daemon(ret, d, e) < 0)
		return -1;
	if (parts_read(r, &ret->tree, a, d, &ret->parts, e) < 0)
		return -1;
	return secrets_read(&r->sites, r->sites_path, o->inline_secrets, a, d, &ret->secrets, e);
}

static int make_archive(
	struct bundle *b, struct gzip *gzip, struct buf *out, struct sha256 *digest, struct err *e)
{
	cleanup_buf struct buf tar = { 0 };
	if (archive_tar(&b->tree, b->options.epoch, &tar, e) < 0)
		return err_wrap(e, "overlay.tar.gz");
	if (gzip_add(gzip, out, tar.data, tar.len, GZIP_GOOD, e) < 0)
		return err_wrap(e, "overlay.tar.gz");
	b->archive_size = out->len;
	*digest = sha256_of(out->data, out->len);
	return 0;
}

static const char KEYS_NOTE[] =
	"--inline-secrets: %zu key%s in the clear in user-data and user-data.b64, for all who may read "
	"those files or the instance's user-data; user-data.ami and the overlay hold none, so on "
	"instances of an AMI %zu site%s without a key";

/* What was decided along the way and is not to be seen in the products. */
static int explain(struct bundle *b, struct err *e)
{
	const struct secrets *s = &b->secrets;
	if (b->paste.secret &&
		note(b, e,
			arena_printf(b->arena, e, KEYS_NOTE, s->count, s->count == 1 ? "" : "s",
				s->sites, s->sites == 1 ? " is" : "s are")) < 0)
		return -1;
	if (b->ami.without_sites &&
		note(b, e,
			"user-data.ami has the settings alone: the sites do not fit, and the image "
			"has them") < 0)
		return -1;
	return 0;
}

static int fit(struct bundle *b, struct gzip *gzip, const struct buf *archive,
	const struct sha256 *digest, struct err *e)
{
	struct user_data_source s = { .recipe = b->recipe,
		.tree = &b->tree,
		.parts = &b->parts,
		.secrets = &b->secrets,
		.archive_size = archive->len,
		.archive_digest = *digest,
		.gzip = gzip,
		.arena = b->arena };
	int rc = user_data_paste(&s, &b->paste, e);
	if (rc == 1)
		return budget_exceeded(&b->paste, "user-data", b->recipe, b->arena, e);
	if (rc == 0)
		rc = user_data_ami(&s, &b->ami, e);
	if (rc == 1)
		return budget_exceeded(&b->ami, "user-data.ami", b->recipe, b->arena, e);
	return rc;
}

static int emit(
	struct bundle *b, const char *path, const struct buf *data, bool secret, struct err *e)
{
	return product_emit(&b->products, path, data->data, data->len, secret, e);
}

static int emit_user_data(struct bundle *b, const struct buf *archive, struct err *e)
{
	struct buf text = { 0 };
	int rc = buf_base64(&text, b->paste.raw.data, b->paste.raw.len, 0, e);
	if (rc == 0)
		rc = emit(b, "user-data", &b->paste.raw, b->paste.secret, e);
	if (rc == 0)
		rc = emit(b, "user-data.b64", &text, b->paste.secret, e);
	(b->paste.secret ? buf_wipe : buf_free)(&text);
	if (rc < 0 || emit(b, "user-data.ami", &b->ami.raw, false, e) < 0 ||
		emit(b, "overlay.tar.gz", archive, false, e) < 0)
		return -1;
	return emit(b, "sites.json", &b->sites_json, false, e);
}

static int emit_peers(struct bundle *b, struct err *e)
{
	const struct recipe *r = b->recipe;
	unsigned long mss = 0;
	for (const char *p = var(b, "tunnel_mss"); *p >= '0' && *p <= '9' && mss < 100000; p++)
		mss = mss * 10 + (unsigned long)(*p - '0');
	struct peer_context c = { .pool_name = var(b, "pool_name"),
		.hub_id = var(b, "hub_id"),
		.vpc = r->context.vpc,
		.tunnel_mss = (unsigned)mss,
		.sites = &r->sites };
	cleanup_buf struct buf out = { 0 };
	for (size_t i = 0; i < r->sites.count; i++) {
		const struct site *s = &r->sites.list[i];
		for (size_t k = 0; k < PEER_SHEET_COUNT; k++) {
			char path[128];
			buf_clear(&out);
			if (buf_reserve(&out, 0, e) < 0 || PEER_SHEETS[k].write(&c, s, &out, e) < 0)
				return err_wrap(e, "site %s", s->name);
			snprintf(path, sizeof(path), "peers/%s%s", s->name, PEER_SHEETS[k].suffix);
			if (emit(b, path, &out, false, e) < 0)
				return -1;
		}
	}
	return 0;
}

static int emit_deploy(struct bundle *b, struct err *e)
{
	cleanup_buf struct buf user_data = { 0 };
	cleanup_buf struct buf out = { 0 };
	if (buf_base64(&user_data, b->ami.raw.data, b->ami.raw.len, 0, e) < 0)
		return -1;
	const char *overlay_url = b->recipe->overlay_url;
	struct deploy d = { .recipe = b->recipe->name,
		.sites = &b->recipe->sites,
		.pool_name = var(b, "pool_name"),
		.hosted_zone = var(b, "hosted_zone"),
		.region = var(b, "region"),
		.admin_cidr = var(b, "admin_cidr"),
		.group = var(b, "group"),
		.sites_url = var(b, "sites_url"),
		.overlay_url = overlay_url != NULL ? overlay_url : "",
		.user_data_b64 = user_data.data };
	if (deploy_security_group(&d, &out, e) < 0 ||
		emit(b, "deploy/security-group.json", &out, false, e) < 0)
		return -1;
	buf_clear(&out);
	if (deploy_iam_policy(&d, b->arena, &out, e) < 0 ||
		emit(b, "deploy/iam-policy.json", &out, false, e) < 0)
		return -1;
	buf_clear(&out);
	if (deploy_launch_template(&d, &out, e) < 0 ||
		emit(b, "deploy/launch-template.json", &out, false, e) < 0)
		return -1;
	buf_clear(&out);
	if (deploy_fleet(&d, b->arena, &out, e) < 0 ||
		emit(b, "deploy/fleet.yaml", &out, false, e) < 0)
		return -1;
	return 0;
}

int bundle_make(struct bundle *b, struct sink sink, struct err *e)
{
	cleanup_buf struct buf archive = { 0 };
	cleanup_gzip struct gzip gzip = { 0 };
	struct sha256 digest;
	b->products.sink = sink;
	if (make_archive(b, &gzip, &archive, &digest, e) < 0 ||
		fit(b, &gzip, &archive, &digest, e) < 0 || explain(b, e) < 0)
		return -1;
	if (emit_user_data(b, &archive, e) < 0 || emit_peers(b, e) < 0 || emit_deploy(b, e) < 0)
		return -1;
	buf_clear(&archive);
	if (manifest_write(b, &archive, e) < 0)
		return -1;
	return emit(b, MANIFEST_NAME, &archive, false, e);
}

void bundle_free(struct bundle *b)
{
	user_data_free(&b->paste);
	user_data_free(&b->ami);
	secrets_wipe(&b->secrets);
	buf_free(&b->sites_json);
	buf_free(&b->crypto_json);
}

bool bundle_is_product(const char *name)
{
	static const char *const names[] = { "user-data", "user-data.b64", "user-data.ami",
		"overlay.tar.gz", "sites.json", "peers", "deploy", MANIFEST_NAME };
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

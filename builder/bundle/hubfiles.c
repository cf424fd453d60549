#include "bundle/hubfiles.h"

#include "base/json.h"

static void proposals(struct json *j, const char *key, const struct proposal *list, size_t count)
{
	json_open(j, key, '[');
	for (size_t i = 0; i < count; i++)
		json_str(j, NULL, list[i].text);
	json_close(j, ']');
}

static void crypto(struct json *j, const char *key, const struct crypto *c)
{
	json_open_flat(j, key, '{');
	json_int(j, "ike_version", c->ike_version);
	proposals(j, "ike", c->ike, c->ike_count);
	proposals(j, "esp", c->esp, c->esp_count);
	json_bool(j, "pfs", c->pfs);
	json_int(j, "ike_lifetime", c->ike_lifetime);
	json_int(j, "esp_lifetime", c->esp_lifetime);
	json_close(j, '}');
}

static void site(struct json *j, const struct site *s)
{
	json_open_flat(j, NULL, '{');
	json_str(j, "name", s->name);
	json_str(j, "peer", s->peer);
	json_str(j, "id", s->id);
	json_open(j, "subnets", '[');
	for (size_t i = 0; i < s->subnet_count; i++)
		json_str(j, NULL, cidr_format(s->subnets[i]).text);
	json_close(j, ']');
	if (s->psk.kind != PSK_NONE)
		json_str(j, "psk", s->psk.text);
	if (s->crypto->name != NULL)
		json_str(j, "crypto", s->crypto->name);
	else
		crypto(j, "crypto", s->crypto);
	json_open(j, "dpd", '[');
	json_int(j, NULL, s->dpd_interval);
	json_int(j, NULL, s->dpd_count);
	json_close(j, ']');
	json_close(j, '}');
}

int hubfiles_sites(const struct sites *s, struct buf *out, struct err *e)
{
	struct json j = json_to(out, 1);
	json_open(&j, NULL, '{');
	json_int(&j, "format", 1);
	if (s->psk.kind != PSK_NONE)
		json_str(&j, "psk", s->psk.text);
	json_open(&j, "sites", '[');
	for (size_t i = 0; i < s->count; i++)
		site(&j, &s->list[i]);
	json_close(&j, ']');
	json_close(&j, '}');
	return json_end(&j, e);
}

int hubfiles_crypto(const struct sites *s, struct buf *out, struct err *e)
{
	struct json j = json_to(out, 1);
	json_open(&j, NULL, '{');
	for (size_t i = 0; i < s->profile_count; i++)
		crypto(&j, s->profiles[i].name, &s->profiles[i]);
	json_close(&j, '}');
	return json_end(&j, e);
}

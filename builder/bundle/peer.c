#include "bundle/peer_text.h"

#include <stdio.h>
#include <string.h>

const struct peer_sheet PEER_SHEETS[] = {
	{ ".rtx.txt", "the tunnel section for a Yamaha RTX, and lines to append by hand",
		peer_write_rtx },
	{ ".swanctl.conf", "strongSwan: a file for /etc/swanctl/conf.d/", peer_write_swanctl },
	{ ".txt", "a plain table of the parameters, for any other router", peer_write_table },
};
const size_t PEER_SHEET_COUNT = sizeof(PEER_SHEETS) / sizeof(PEER_SHEETS[0]);

void sheet_put(struct sheet *s, const char *fmt, ...)
{
	char text[2048];
	va_list ap;
	if (s->failed)
		return;
	va_start(ap, fmt);
	int n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(text)) {
		err_set(&s->err, ERR_BUG, 0, "peer sheet: a line of more than %zu bytes",
			sizeof(text));
		s->failed = true;
	} else if (buf_add(s->out, text, (size_t)n, &s->err) < 0) {
		s->failed = true;
	}
}

int sheet_end(const struct sheet *s, struct err *e)
{
	if (!s->failed)
		return 0;
	*e = s->err;
	return -1;
}

void sheet_key(struct sheet *s, const char *prefix)
{
	const struct psk_ref *ref = site_psk(s->context->sites, s->site);
	bool shared = s->site->psk.kind == PSK_NONE;
	sheet_put(s, "%sKey: %s%s\n", prefix,
		ref->kind != PSK_NONE ? ref->text : "no reference in the recipe",
		shared && ref->kind != PSK_NONE ? " (the pool's, shared by several sites)" : "");
	switch (ref->kind) {
	case PSK_SSM:
		sheet_put(s,
			"%s  aws ssm get-parameter --with-decryption --name %s \\\n"
			"%s    --query Parameter.Value --output text\n",
			prefix, ref->arg, prefix);
		break;
	case PSK_SECRETSMANAGER:
		sheet_put(s,
			"%s  aws secretsmanager get-secret-value --secret-id %s \\\n"
			"%s    --query SecretString --output text\n",
			prefix, ref->arg, prefix);
		break;
	case PSK_S3:
		sheet_put(s, "%s  in the S3 sites object: .keys[\"%s\"]\n", prefix,
			shared ? "default" : s->site->name);
		break;
	case PSK_ENV:
	case PSK_FILE:
	case PSK_NONE:
		break;
	}
}

const char *sheet_crypto(const struct site *s)
{
	return s->crypto->name != NULL ? s->crypto->name : "proposals of its own";
}

enum id_kind id_kind_of(const char *id)
{
	uint32_t addr;
	if (addr_parse(id, &addr) == CIDR_OK)
		return ID_ADDRESS;
	return id[0] == '@' ? ID_NAME : strchr(id, '@') != NULL ? ID_USER : ID_NAME;
}

const char *id_bare(const char *id)
{
	return id[0] == '@' ? id + 1 : id;
}

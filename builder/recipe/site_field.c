#include "recipe/site_field.h"

#include <string.h>

#include "base/text.h"

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool lower_or_digit(char c)
{
	return digit(c) || (c >= 'a' && c <= 'z');
}

static bool word_char(char c)
{
	return lower_or_digit(c) || (c >= 'A' && c <= 'Z') || c == '_';
}

/* Only characters for which word_char holds, or which are in `more`. */
static bool all_of(const char *text, const char *more)
{
	for (const char *p = text; *p != '\0'; p++)
		if (!word_char(*p) && strchr(more, *p) == NULL)
			return false;
	return true;
}

const char *field_text(const struct field *f, const struct node *n, const char *key)
{
	if (n->kind != NODE_SCALAR)
		return NULL;
	if (n->text[0] == '\0' || node_is_null(n)) {
		diag_add(f->diag, n->pos, "%s: %s is empty: leave the line out, or fill it in",
			f->label, key);
		return NULL;
	}
	return n->text;
}

/* `text` itself, or a copy of it in lower case. */
static const char *lowered(struct arena *a, const char *text, struct err *e)
{
	if (strpbrk(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == NULL)
		return text;
	char *copy = arena_strdup(a, text, e);
	if (copy == NULL)
		return NULL;
	for (char *p = copy; *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p + 32);
	return copy;
}

bool field_name(const struct field *f, const struct node *n, const char **ret)
{
	const char *t = field_text(f, n, "name");
	if (t == NULL)
		return false;
	size_t len = strlen(t);
	bool ok = len <= SITE_NAME_MAX && lower_or_digit(t[0]) && t[len - 1] != '-';
	for (size_t i = 0; ok && i < len; i++)
		ok = lower_or_digit(t[i]) || t[i] == '-';
	if (!ok) {
		diag_add(f->diag, n->pos,
			"name \"%s\": lower-case letters, digits and dashes, at most %d, first a "
			"letter or digit, no dash last",
			diag_show(t).text, SITE_NAME_MAX);
		return false;
	}
	if (strcmp(t, "default") == 0) {
		diag_add(f->diag, n->pos,
			"name \"default\": it stands for the pool-wide key: take another");
		return false;
	}
	*ret = t;
	return true;
}

/* Addresses that a host of the internet or of a private network can have (RFC 6890). */
static bool host_network(struct cidr net)
{
	static const struct cidr others[] = {
		{ 0x00000000, 8 },  /* this network */
		{ 0x7f000000, 8 },  /* loopback */
		{ 0xa9fe0000, 16 }, /* link-local */
		{ 0xe0000000, 3 },  /* multicast and reserved */
	};
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (cidr_overlaps(net, others[i]))
			return false;
	return true;
}

static bool host_address(uint32_t addr)
{
	return host_network((struct cidr){ addr, 32 });
}

int field_peer(const struct field *f, const struct node *n, struct site *s, struct err *e)
{
	static const char allowed[] = "an IPv4 address, a domain name such as "
				      "branch1.example.com, or any";
	const char *t = field_text(f, n, "peer");
	uint32_t addr;
	if (t == NULL)
		return 1;
	s->peer_pos = n->pos;
	s->peer = t;
	if (strcmp(t, "any") == 0) {
		s->peer_kind = PEER_ANY;
		return 0;
	}
	switch (addr_parse(t, &addr)) {
	case CIDR_OK:
		s->peer_kind = PEER_ADDRESS;
		if (host_address(addr))
			return 0;
		diag_add(f->diag, n->pos, "%s: peer %s: no router can have this address: %s",
			f->label, t, allowed);
		return 1;
	case CIDR_IPV6:
		diag_add(f->diag, n->pos, "%s: peer \"%s\": %s", f->label, diag_show(t).text,
			cidr_fault_text(CIDR_IPV6));
		return 1;
	case CIDR_SYNTAX:
	case CIDR_HOST_BITS:
		break;
	}
	if (!fqdn_valid(t)) {
		diag_add(f->diag, n->pos, "%s: peer \"%s\": %s", f->label, diag_show(t).text,
			allowed);
		return 1;
	}
	s->peer_kind = PEER_FQDN;
	s->peer = lowered(f->arena, t, e);
	return s->peer != NULL ? 0 : -1;
}

/* What may stand behind the @ of an id. */
static bool id_name(const char *text)
{
	size_t len = strlen(text);
	return len > 0 && len <= 253 && all_of(text, ".-") && text[0] != '.' && text[0] != '-' &&
	       text[len - 1] != '.' && strstr(text, "..") == NULL;
}

bool id_valid(const char *id)
{
	const char *at = strchr(id, '@');
	uint32_t addr;
	if (at == NULL)
		return addr_parse(id, &addr) == CIDR_OK;
	if (at == id)
		return id_name(id + 1);
	for (const char *p = id; p < at; p++)
		if (!word_char(*p) && strchr(".+-", *p) == NULL)
			return false;
	return id[0] != '.' && id_name(at + 1) && strlen(id) <= 253;
}

int field_id(const struct field *f, const struct node *n, struct site *s, struct err *e)
{
	static const char allowed[] = "an IPv4 address, @NAME or user@host";
	const char *t = field_text(f, n, "id");
	uint32_t addr;
	if (t == NULL)
		return 1;
	s->id_pos = n->pos;
	enum cidr_fault fault = addr_parse(t, &addr);
	if (fault == CIDR_OK) {
		s->id = t;
		if (host_address(addr))
			return 0;
		diag_add(f->diag, n->pos, "%s: id %s: no router can have this address: %s",
			f->label, t, allowed);
		return 1;
	}
	if (fault == CIDR_IPV6) {
		diag_add(f->diag, n->pos, "%s: id \"%s\": %s", f->label, diag_show(t).text,
			cidr_fault_text(CIDR_IPV6));
		return 1;
	}
	if (!id_valid(t)) {
		if (strchr(t, '@') == NULL && id_name(t) && strspn(t, "0123456789.") != strlen(t))
			diag_add(f->diag, n->pos,
				"%s: id \"%s\": a name is written with an @ before it: %s",
				f->label, diag_show(t).text, allowed);
		else
			diag_add(f->diag, n->pos, "%s: id \"%s\": %s", f->label, diag_show(t).text,
				allowed);
		return 1;
	}
	s->id = lowered(f->arena, t, e);
	return s->id != NULL ? 0 : -1;
}

static bool subnet(const struct field *f, const struct node *n, struct cidr *ret)
{
	if (n->kind != NODE_SCALAR) {
		diag_add(
			f->diag, n->pos, "%s: subnets: each is one word: ADDRESS/PREFIX", f->label);
		return false;
	}
	const char *t = field_text(f, n, "a subnet");
	if (t == NULL)
		return false;
	enum cidr_fault fault = cidr_parse(t, ret);
	uint32_t addr;
	if (fault == CIDR_HOST_BITS) {
		diag_add(f->diag, n->pos, "%s: subnet %s has host bits set: write %s", f->label, t,
			cidr_format(*ret).text);
		return false;
	}
	if (fault == CIDR_SYNTAX && addr_parse(t, &addr) == CIDR_OK) {
		diag_add(f->diag, n->pos,
			"%s: subnet %s has no prefix: write %s/24 or so, %s/32 for a single host",
			f->label, t, t, t);
		return false;
	}
	if (fault != CIDR_OK) {
		diag_add(f->diag, n->pos, "%s: subnet \"%s\": %s", f->label, diag_show(t).text,
			cidr_fault_text(fault));
		return false;
	}
	if (ret->prefix == 0) {
		diag_add(f->diag, n->pos,
			"%s: subnet %s: all addresses there are: name the branch's own", f->label,
			t);
		return false;
	}
	if (!host_network(*ret)) {
		diag_add(f->diag, n->pos,
			"%s: subnet %s: no network of a branch: loopback, link-local, multicast "
			"and "
			"0.0.0.0/8 stay on their own link",
			f->label, t);
		return false;
	}
	return true;
}

int field_subnets(const struct field *f, const struct node *n, struct site *s, struct err *e)
{
	const struct node *const *items = (const struct node *const *)n->items;
	size_t count = n->count;
	bool ok = true;
	if (n->kind == NODE_SCALAR) {
		items = &n;
		count = 1;
	}
	if (n->kind == NODE_MAP || count == 0 || count > SITE_SUBNETS_MAX) {
		diag_add(f->diag, n->pos,
			"%s: subnets: %s: one network, or a list of 1 to %d, each ADDRESS/PREFIX",
			f->label,
			n->kind == NODE_MAP ? "a map"
			: count == 0        ? "an empty list"
					    : "a longer list",
			SITE_SUBNETS_MAX);
		return 1;
	}
	s->subnets = arena_array(f->arena, count, sizeof(*s->subnets), e);
	s->subnet_pos = arena_array(f->arena, count, sizeof(*s->subnet_pos), e);
	if (s->subnets == NULL || s->subnet_pos == NULL)
		return -1;
	s->subnet_count = count;
	for (size_t i = 0; i < count; i++) {
		s->subnet_pos[i] = items[i]->pos;
		ok = subnet(f, items[i], &s->subnets[i]) && ok;
	}
	return ok ? 0 : 1;
}

static bool env_name(const char *arg)
{
	return arg[0] != '\0' && !digit(arg[0]) && all_of(arg, "");
}

static bool parameter_name(const char *arg)
{
	size_t len = strlen(arg);
	return arg[0] == '/' && len > 1 && len <= 1011 && arg[len - 1] != '/' &&
	       strstr(arg, "//") == NULL && all_of(arg, "/.-");
}

static bool secret_name(const char *arg)
{
	bool arn = text_starts(arg, "arn:");
	return arg[0] != '\0' && strlen(arg) <= 512 && all_of(arg, arn ? "/+=.@-:" : "/+=.@-");
}

static bool path_name(const char *arg)
{
	for (const char *p = arg; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return false;
	return arg[0] != '\0' && strlen(arg) <= 1000;
}

static const struct psk_form {
	const char *prefix;
	enum psk_kind kind;
	bool (*valid)(const char *arg);
	const char *form;
} PSK_FORMS[] = {
	{ "ssm:", PSK_SSM, parameter_name, "ssm:/PATH, letters, digits and / . _ - in it" },
	{ "secretsmanager:", PSK_SECRETSMANAGER, secret_name,
		"secretsmanager:NAME, letters, digits and / _ + = . @ - in it, or an ARN" },
	{ "env:", PSK_ENV, env_name, "env:NAME, the name of an environment variable" },
	{ "file:", PSK_FILE, path_name, "file:PATH, no control characters in it" },
};

bool field_psk(const struct field *f, const struct node *n, struct psk_ref *ret)
{
	static const char hidden[] = "what was found is not shown: it may be the key itself";
	const char *t = field_text(f, n, "psk");
	if (t == NULL)
		return false;
	if (strcmp(t, "s3") == 0) {
		*ret = (struct psk_ref){ .kind = PSK_S3, .text = t, .arg = "", .pos = n->pos };
		return true;
	}
	for (size_t i = 0; i < sizeof(PSK_FORMS) / sizeof(PSK_FORMS[0]); i++) {
		const struct psk_form *form = &PSK_FORMS[i];
		if (!text_starts(t, form->prefix))
			continue;
		const char *arg = t + strlen(form->prefix);
		if (!form->valid(arg)) {
			diag_add(f->diag, n->pos, "%s: psk: no reference of this kind (%s): %s",
				f->label, hidden, form->form);
			return false;
		}
		*ret = (struct psk_ref){ .kind = form->kind, .text = t, .arg = arg, .pos = n->pos };
		return true;
	}
	diag_add(f->diag, n->pos,
		"%s: psk: no key reference (%s): ssm:/PATH, secretsmanager:NAME, s3, env:NAME or "
		"file:PATH",
		f->label, hidden);
	return false;
}

static bool dpd_number(
	const struct field *f, const struct node *n, const char *what, unsigned high, unsigned *ret)
{
	unsigned long long v;
	if (n->kind != NODE_SCALAR || !text_number(n->text, 1, high, &v)) {
		diag_add(f->diag, n->pos, "%s: dpd: %s \"%s\": a whole number from 1 to %u",
			f->label, what, diag_show(n->text).text, high);
		return false;
	}
	*ret = (unsigned)v;
	return true;
}

bool field_dpd(const struct field *f, const struct node *n, unsigned *interval, unsigned *count)
{
	static const struct key_spec keys[] = {
		{ "interval", NODE_SCALAR, true, "seconds between probes, 1 to 600" },
		{ "count", NODE_SCALAR, true, "unanswered probes until the hub is dead, 1 to 50" },
	};
	const struct node *i, *c;
	if (n->kind == NODE_LIST && n->count == 2) {
		i = n->items[0];
		c = n->items[1];
	} else if (n->kind == NODE_MAP) {
		if (!node_check_keys(n, "dpd", keys, 2, f->diag))
			return false;
		i = node_get(n, "interval");
		c = node_get(n, "count");
	} else {
		diag_add(f->diag, n->pos,
			"%s: dpd: {interval: SECONDS, count: PROBES}, or [SECONDS, PROBES]",
			f->label);
		return false;
	}
	bool ok = dpd_number(f, i, "interval", 600, interval);
	return dpd_number(f, c, "count", 50, count) && ok;
}

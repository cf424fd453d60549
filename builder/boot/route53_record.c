#include "boot/route53_record.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define LABELS_MAX 128

int refusal_set(struct aws_refusal *r, unsigned status, const char *code, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	r->status = status;
	r->code = code;
	vsnprintf(r->text, sizeof(r->text), fmt, args);
	va_end(args);
	return 1;
}

const char *record_name(struct arena *a, const char *text, struct err *e)
{
	size_t n = strlen(text);
	while (n > 0 && text[n - 1] == '.')
		n--;
	char *name = arena_printf(a, e, "%.*s.", (int)n, text);
	for (char *p = name; p != NULL && *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p | 32);
	return name;
}

/* The start of each label; their number. */
static size_t labels_of(const char *name, const char *labels[LABELS_MAX])
{
	size_t count = 0;
	for (const char *p = name; *p != '\0' && count < LABELS_MAX;) {
		labels[count++] = p;
		p += strcspn(p, ".");
		p += *p == '.';
	}
	return count;
}

static int order_names(const char *a, const char *b)
{
	const char *left[LABELS_MAX], *right[LABELS_MAX];
	size_t m = labels_of(a, left), n = labels_of(b, right);
	while (m > 0 && n > 0) {
		const char *x = left[--m], *y = right[--n];
		size_t xl = strcspn(x, "."), yl = strcspn(y, ".");
		int c = strncmp(x, y, xl < yl ? xl : yl);
		if (c == 0 && xl != yl)
			c = xl < yl ? -1 : 1;
		if (c != 0)
			return c;
	}
	return m == n ? 0 : m < n ? -1 : 1;
}

int record_order(const struct record *a, const struct record *b)
{
	int c = order_names(a->name, b->name);
	if (c == 0)
		c = strcmp(a->type, b->type);
	return c != 0 ? c : strcmp(a->set_id, b->set_id);
}

static int invalid(struct aws_refusal *refusal, const char *what, const char *name)
{
	return refusal_set(refusal, 400, "InvalidInput", "Invalid XML; %s %s", what, name);
}

static int read_values(const struct xml_node *n, struct arena *a, struct record *ret,
	struct aws_refusal *refusal, struct err *e)
{
	size_t cap = 0;
	ret->value_count = 0;
	for (; n != NULL; n = n->next) {
		const struct xml_node *value = n->first;
		if (strcmp(n->name, "ResourceRecord") != 0 || value == NULL ||
			value->next != NULL || strcmp(value->name, "Value") != 0)
			return invalid(refusal, "not a ResourceRecord:", n->name);
		const char **slot =
			arena_push(a, &ret->values, &ret->value_count, &cap, sizeof(*slot), e);
		if (slot == NULL)
			return -1;
		*slot = value->text;
	}
	return ret->value_count > 0 ? 0 : invalid(refusal, "no", "ResourceRecord");
}

static int read_record(const struct xml_node *set, struct arena *a, struct record *ret,
	struct aws_refusal *refusal, struct err *e)
{
	static const char *const known[] = { "Name", "Type", "SetIdentifier", "MultiValueAnswer",
		"TTL", "ResourceRecords" };
	enum { NAME, TYPE, SET, MULTI, TTL, RECORDS, COUNT };
	const struct xml_node *found[COUNT] = { NULL };
	for (const struct xml_node *n = set->first; n != NULL; n = n->next) {
		size_t i = 0;
		while (i < COUNT && strcmp(known[i], n->name) != 0)
			i++;
		if (i == COUNT || found[i] != NULL || (n->first != NULL) != (i == RECORDS))
			return invalid(refusal, "unexpected", n->name);
		found[i] = n;
	}
	for (size_t i = 0; i < COUNT; i++)
		if (found[i] == NULL && i != SET && i != MULTI)
			return invalid(refusal, "missing", known[i]);
	unsigned long long ttl;
	if (!text_number(found[TTL]->text, 0, 2147483647, &ttl))
		return invalid(refusal, "not a number:", "TTL");
	bool multi = found[MULTI] != NULL && strcmp(found[MULTI]->text, "true") == 0;
	if ((found[MULTI] != NULL && !multi) || multi != (found[SET] != NULL))
		return refusal_set(refusal, 400, "InvalidInput",
			"Invalid request: SetIdentifier and MultiValueAnswer go together");
	*ret = (struct record){ .name = record_name(a, found[NAME]->text, e),
		.type = found[TYPE]->text,
		.set_id = multi ? found[SET]->text : "",
		.multivalue = multi,
		.ttl = (unsigned long)ttl };
	if (ret->name == NULL)
		return -1;
	if (multi && (ret->set_id[0] == '\0' || strlen(ret->set_id) > 128))
		return invalid(refusal, "not of 1 to 128 characters:", "SetIdentifier");
	return read_values(found[RECORDS]->first, a, ret, refusal, e);
}

int change_read(const struct xml_node *n, struct arena *a, struct change *ret,
	struct aws_refusal *refusal, struct err *e)
{
	static const char *const actions[] = { "CREATE", "UPSERT", "DELETE" };
	const struct xml_node *action = n->first, *set = action != NULL ? action->next : NULL;
	if (strcmp(n->name, "Change") != 0 || set == NULL || set->next != NULL ||
		strcmp(action->name, "Action") != 0 || strcmp(set->name, "ResourceRecordSet") != 0)
		return invalid(refusal, "not a", "Change");
	for (size_t i = 0; i < sizeof(actions) / sizeof(*actions); i++) {
		if (strcmp(actions[i], action->text) == 0) {
			ret->action = (enum change_action)i;
			return read_record(set, a, &ret->record, refusal, e);
		}
	}
	return invalid(refusal, "unknown", "Action");
}

static bool same_values(const struct record *a, const struct record *b)
{
	if (a->ttl != b->ttl || a->multivalue != b->multivalue || a->value_count != b->value_count)
		return false;
	for (size_t i = 0; i < a->value_count; i++)
		if (strcmp(a->values[i], b->values[i]) != 0)
			return false;
	return true;
}

static int refuse_batch(struct aws_refusal *refusal, const struct record *r, const char *why)
{
	return refusal_set(refusal, 400, "InvalidChangeBatch",
		"[[name='%s', type='%s', set identifier='%s']: %s]", r->name, r->type, r->set_id,
		why);
}

static bool is_in(const struct zone *z, const char *name)
{
	size_t n = strlen(name), len = strlen(z->name);
	if (n < len || strcmp(name + n - len, z->name) != 0)
		return false;
	return n == len || name[n - len - 1] == '.';
}

/* What Route 53 would not take. NULL: it would. */
static const char *objection(const struct zone *z, const struct record *r)
{
	struct in_addr address;
	if (!is_in(z, r->name))
		return "RRSet with this DNS name is not permitted in the zone";
	for (size_t i = 0; i < r->value_count; i++) {
		if (strcmp(r->type, "A") == 0 && inet_pton(AF_INET, r->values[i], &address) != 1)
			return "Value is not a valid IPv4 address";
		for (size_t k = 0; k < i; k++)
			if (strcmp(r->values[i], r->values[k]) == 0)
				return "Duplicate Resource Record";
	}
	if (r->multivalue && (strcmp(r->type, "CNAME") == 0 || strcmp(r->type, "NS") == 0))
		return "not possible with MultiValueAnswer";
	size_t same = 0;
	for (size_t i = 0; i < z->count; i++) {
		const struct record *other = &z->list[i];
		if (strcmp(other->name, r->name) != 0 || record_order(other, r) == 0)
			continue;
		bool cname = strcmp(r->type, "CNAME") == 0;
		if (cname != (strcmp(other->type, "CNAME") == 0))
			return "a conflicting RRSet of another type with the same DNS name exists";
		if (strcmp(other->type, r->type) != 0)
			continue;
		if (other->multivalue != r->multivalue)
			return "a RRSet of another routing policy with the same name and type "
			       "exists";
		same++;
	}
	return same >= ROUTE53_RECORDS_MAX ? "Number of records exceeds the limit" : NULL;
}

int change_make(struct zone *z, const struct change *c, struct aws_refusal *refusal, struct err *e)
{
	const struct record *r = &c->record;
	size_t i = 0;
	while (i < z->count && record_order(&z->list[i], r) < 0)
		i++;
	bool there = i < z->count && record_order(&z->list[i], r) == 0;
	if (c->action == CHANGE_DELETE) {
		if (!there)
			return refuse_batch(refusal, r, "tried to delete it but it was not found");
		if (!same_values(&z->list[i], r))
			return refuse_batch(refusal, r,
				"tried to delete it but the values provided do not match the "
				"current values");
		memmove(&z->list[i], &z->list[i + 1], (--z->count - i) * sizeof(*z->list));
		return 0;
	}
	if (there && c->action == CHANGE_CREATE)
		return refuse_batch(refusal, r, "tried to create it but it already exists");
	const char *why = objection(z, r);
	if (why != NULL)
		return refuse_batch(refusal, r, why);
	if (!there) {
		if (arena_push(z->arena, &z->list, &z->count, &z->cap, sizeof(*z->list), e) == NULL)
			return -1;
		memmove(&z->list[i + 1], &z->list[i], (z->count - 1 - i) * sizeof(*z->list));
	}
	z->list[i] = *r;
	return 0;
}

static int put(struct buf *out, const char *name, const char *text, struct err *e)
{
	if (buf_printf(out, e, "<%s>", name) < 0 || xml_put(out, text, e) < 0)
		return -1;
	return buf_printf(out, e, "</%s>", name);
}

int record_set_write(const struct record *r, struct buf *out, struct err *e)
{
	if (buf_puts(out, "<ResourceRecordSet>", e) < 0 || put(out, "Name", r->name, e) < 0 ||
		put(out, "Type", r->type, e) < 0 ||
		(r->multivalue && (put(out, "SetIdentifier", r->set_id, e) < 0 ||
					  put(out, "MultiValueAnswer", "true", e) < 0)) ||
		buf_printf(out, e, "<TTL>%lu</TTL><ResourceRecords>", r->ttl) < 0)
		return -1;
	for (size_t i = 0; i < r->value_count; i++)
		if (buf_puts(out, "<ResourceRecord>", e) < 0 ||
			put(out, "Value", r->values[i], e) < 0 ||
			buf_puts(out, "</ResourceRecord>", e) < 0)
			return -1;
	return buf_puts(out, "</ResourceRecords></ResourceRecordSet>", e);
}

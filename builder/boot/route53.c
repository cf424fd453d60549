#include "boot/route53.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <time.h>

#include "base/text.h"
#include "boot/route53_record.h"

#define PAGE_MAX 300

/* /2013-04-01/hostedzone/ID/rrset and the same with a slash behind: which of them. */
enum place { PLACE_NONE, PLACE_LIST, PLACE_CHANGE };

static enum place place_of(const struct http_request *r, char id[40])
{
	static const char head[] = "/2013-04-01/hostedzone/";
	if (!text_starts(r->target, head))
		return PLACE_NONE;
	const char *p = r->target + strlen(head);
	size_t n = strspn(p, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");
	if (n == 0 || n > 32)
		return PLACE_NONE;
	memcpy(id, p, n);
	id[n] = '\0';
	const char *end = r->target + http_path_len(r);
	size_t left = (size_t)(end - (p + n));
	bool slash = left == strlen("/rrset/") && strncmp(p + n, "/rrset/", left) == 0;
	bool plain = left == strlen("/rrset") && strncmp(p + n, "/rrset", left) == 0;
	if (plain && strcmp(r->method, "GET") == 0)
		return PLACE_LIST;
	return slash && strcmp(r->method, "POST") == 0 && *end == '\0' ? PLACE_CHANGE : PLACE_NONE;
}

/* Where a listing starts, and how long it may be. */
struct page {
	struct record start;
	unsigned long long size;
};

/* 1: refused. */
static int read_page(const struct http_request *r, struct arena *a, struct page *ret,
	struct aws_refusal *refusal, struct err *e)
{
	static const char *const names[] = { "name", "type", "identifier", "maxitems" };
	const char *values[4] = { NULL };
	cleanup_buf struct buf text = { 0 };
	for (size_t i = 0; i < 4; i++) {
		int rc = http_parameter(r, names[i], &text, e);
		if (rc < 0 && e->kind == ERR_INPUT)
			return refusal_set(refusal, 400, "InvalidInput", "%s", e->msg);
		if (rc < 0)
			return -1;
		if (rc == 1 && (values[i] = arena_strndup(a, text.data, text.len, e)) == NULL)
			return -1;
	}
	ret->size = 100;
	if ((values[3] != NULL && !text_number(values[3], 1, PAGE_MAX, &ret->size)) ||
		(values[2] != NULL && values[1] == NULL) ||
		(values[1] != NULL && values[0] == NULL))
		return refusal_set(refusal, 400, "InvalidInput",
			"identifier needs type, type needs name; maxitems is 1 to 300");
	ret->start = (struct record){ .name = "",
		.type = values[1] != NULL ? values[1] : "",
		.set_id = values[2] != NULL ? values[2] : "" };
	if (values[0] != NULL)
		ret->start.name = record_name(a, values[0], e);
	return ret->start.name == NULL ? -1 : 0;
}

static int list(const struct zone *z, const struct http_request *r, struct arena *a,
	struct buf *out, struct aws_refusal *refusal, struct err *e)
{
	struct page page = { 0 };
	int rc = read_page(r, a, &page, refusal, e);
	if (rc != 0)
		return rc;
	if (buf_puts(out,
		    "<ListResourceRecordSetsResponse xmlns=\"" ROUTE53_SPACE "\">"
		    "<ResourceRecordSets>",
		    e) < 0)
		return -1;
	size_t i = 0, shown = 0;
	while (i < z->count && record_order(&z->list[i], &page.start) < 0)
		i++;
	for (; i < z->count && shown < page.size; i++, shown++)
		if (record_set_write(&z->list[i], out, e) < 0)
			return -1;
	if (buf_printf(out, e, "</ResourceRecordSets><IsTruncated>%s</IsTruncated>",
		    i < z->count ? "true" : "false") < 0)
		return -1;
	if (i < z->count) {
		const struct record *next = &z->list[i];
		if (buf_printf(out, e,
			    "<NextRecordName>%s</NextRecordName><NextRecordType>%s</"
			    "NextRecordType>",
			    next->name, next->type) < 0)
			return -1;
		if (next->multivalue && (buf_puts(out, "<NextRecordIdentifier>", e) < 0 ||
						xml_put(out, next->set_id, e) < 0 ||
						buf_puts(out, "</NextRecordIdentifier>", e) < 0))
			return -1;
	}
	return buf_printf(
		out, e, "<MaxItems>%llu</MaxItems></ListResourceRecordSetsResponse>", page.size);
}

static const struct xml_node *only(const struct xml_node *n, const char *name)
{
	/* A comment may stand before the changes. */
	if (n != NULL && strcmp(n->name, "Comment") == 0 && n->first == NULL)
		n = n->next;
	return n != NULL && n->next == NULL && strcmp(n->name, name) == 0 ? n : NULL;
}

/* Make all changes in a copy and put it in the zone's place. */
static int make_all(struct zone *z, const struct xml_node *changes, struct asked_item *item,
	struct aws_refusal *refusal, struct err *e)
{
	static const char *const words[] = { "CREATE", "UPSERT", "DELETE" };
	struct zone copy = *z;
	copy.list = NULL;
	copy.count = copy.cap = 0;
	for (size_t i = 0; i < z->count; i++) {
		struct record *slot =
			arena_push(z->arena, &copy.list, &copy.count, &copy.cap, sizeof(*slot), e);
		if (slot == NULL)
			return -1;
		*slot = z->list[i];
	}
	for (const struct xml_node *n = changes->first; n != NULL; n = n->next) {
		struct change change;
		int rc = change_read(n, z->arena, &change, refusal, e);
		if (rc != 0)
			return rc;
		snprintf(item->what, sizeof(item->what), "%s %s %s %s %s", words[change.action],
			change.record.type, change.record.name, change.record.values[0],
			change.record.set_id);
		rc = change_make(&copy, &change, refusal, e);
		if (rc != 0)
			return rc;
	}
	*z = copy;
	return 0;
}

static int change(struct zone *z, const struct http_request *r, struct buf *out,
	struct asked_item *item, struct aws_refusal *refusal, struct err *e)
{
	struct xml_node *root;
	if (xml_parse_strict(
		    r->body.data != NULL ? r->body.data : "", r->body.len, z->arena, &root, e) < 0)
		return e->kind == ERR_INPUT ? refusal_set(refusal, 400, "InvalidInput",
						      "Invalid XML; %s", e->msg)
					    : -1;
	const struct xml_node *batch = only(root->first, "ChangeBatch");
	const struct xml_node *changes = batch != NULL ? only(batch->first, "Changes") : NULL;
	if (strcmp(root->name, "ChangeResourceRecordSetsRequest") != 0 ||
		strcmp(root->space, ROUTE53_SPACE) != 0 || changes == NULL ||
		changes->first == NULL)
		return refusal_set(refusal, 400, "InvalidInput",
			"Invalid XML; a ChangeResourceRecordSetsRequest with changes is wanted");
	int rc = make_all(z, changes, item, refusal, e);
	if (rc != 0)
		return rc;
	unsigned char id[8];
	char stamp[32];
	time_t now = time(NULL);
	struct tm tm;
	if (getrandom(id, sizeof(id), 0) != (ssize_t)sizeof(id) || gmtime_r(&now, &tm) == NULL ||
		strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		return err_set(e, ERR_MACHINE, 0, "getrandom or time");
	if (buf_puts(out,
		    "<ChangeResourceRecordSetsResponse xmlns=\"" ROUTE53_SPACE "\">"
		    "<ChangeInfo><Id>/change/C",
		    e) < 0)
		return -1;
	for (size_t i = 0; i < sizeof(id); i++)
		if (buf_printf(out, e, "%02X", id[i]) < 0)
			return -1;
	return buf_printf(out, e,
		"</Id><Status>PENDING</Status><SubmittedAt>%s</SubmittedAt></ChangeInfo>"
		"</ChangeResourceRecordSetsResponse>",
		stamp);
}

int route53_answer(struct zone *z, const struct http_request *r, struct http_reply *reply,
	struct asked_item *item, struct aws_refusal *ret, struct err *e)
{
	char id[40];
	enum place place = place_of(r, id);
	if (place == PLACE_NONE)
		return refusal_set(ret, 404, "UnknownOperationException", "no such path"), 0;
	snprintf(item->op, sizeof(item->op), "%s",
		place == PLACE_LIST ? "ListResourceRecordSets" : "ChangeResourceRecordSets");
	snprintf(item->what, sizeof(item->what), "zone %s", id);
	if (strcmp(id, z->id) != 0)
		return refusal_set(ret, 404, "NoSuchHostedZone", "No hosted zone found with ID: %s",
			       id),
		       0;
	cleanup_arena struct arena a = { 0 };
	cleanup_buf struct buf out = { 0 };
	if (buf_puts(&out, "<?xml version=\"1.0\"?>\n", e) < 0)
		return -1;
	int rc = place == PLACE_LIST ? list(z, r, &a, &out, ret, e)
				     : change(z, r, &out, item, ret, e);
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	reply->status = 200;
	reply->type = "text/xml";
	return buf_add(&reply->body, out.data, out.len, e);
}

bool zone_answers(const struct zone *z, const char *name)
{
	size_t n = strlen(name);
	while (n > 0 && name[n - 1] == '.')
		n--;
	for (size_t i = 0; i < z->count; i++) {
		const struct record *r = &z->list[i];
		if (r->multivalue && strcmp(r->type, "A") == 0 && strlen(r->name) == n + 1 &&
			strncasecmp(r->name, name, n) == 0)
			return true;
	}
	return false;
}

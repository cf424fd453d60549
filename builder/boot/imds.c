#include "boot/imds.h"

#include <errno.h>
#include <nettle/hmac.h>
#include <nettle/memops.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "base/text.h"

#define TTL_HEADER   "X-aws-ec2-metadata-token-ttl-seconds"
#define TOKEN_HEADER "X-aws-ec2-metadata-token"

/* When it ends and its number, both in hex, and their HMAC: nothing has to be kept. */
#define TOKEN_LEN (16 + 16 + 64)

int imds_init(struct imds *s, const struct metadata *tree, struct err *e)
{
	*s = (struct imds){ .tree = tree };
	if (getrandom(s->key, sizeof(s->key), 0) != (ssize_t)sizeof(s->key))
		return err_set(e, ERR_MACHINE, errno, "getrandom");
	return 0;
}

static void make_token(const struct imds *s, unsigned long long until, unsigned long long number,
	char token[TOKEN_LEN + 1])
{
	struct hmac_sha256_ctx ctx;
	unsigned char mac[32];
	snprintf(token, TOKEN_LEN + 1, "%016llx%016llx", until, number);
	hmac_sha256_set_key(&ctx, sizeof(s->key), s->key);
	hmac_sha256_update(&ctx, 32, (const unsigned char *)token);
	hmac_sha256_digest(&ctx, sizeof(mac), mac);
	for (size_t i = 0; i < sizeof(mac); i++)
		snprintf(token + 32 + 2 * i, 3, "%02x", mac[i]);
}

static bool token_holds(const struct imds *s, const char *token, time_t now)
{
	unsigned long long until, number;
	char again[TOKEN_LEN + 1];
	if (token == NULL || strlen(token) != TOKEN_LEN ||
		sscanf(token, "%16llx%16llx", &until, &number) != 2)
		return false;
	make_token(s, until, number, again);
	return memeql_sec(token, again, TOKEN_LEN) && until > (unsigned long long)now;
}

static int refuse(struct http_reply *reply, unsigned status, struct err *e)
{
	reply->status = status;
	reply->type = "text/html";
	return buf_printf(&reply->body, e, "<html><body>%u</body></html>", status);
}

static int give_token(struct imds *s, const struct http_request *r, time_t now,
	struct http_reply *reply, struct err *e)
{
	unsigned long long ttl;
	const char *given = http_header(r, TTL_HEADER);
	if (given == NULL || !text_number(given, 1, IMDS_TTL_MAX, &ttl) || r->body.len > 0)
		return refuse(reply, 400, e);
	for (size_t i = 0; i < r->header_count; i++)
		if (strcasecmp(r->headers[i].name, "X-Forwarded-For") == 0)
			return refuse(reply, 403, e);
	char token[TOKEN_LEN + 1];
	make_token(s, (unsigned long long)now + ttl, ++s->issued, token);
	reply->status = 200;
	reply->type = "text/plain";
	reply->more[reply->more_count++] = (struct http_header){ TTL_HEADER, given };
	return buf_puts(&reply->body, token, e);
}

static bool is_version(const char *text, size_t len)
{
	static const char shape[] = "dddd-dd-dd";
	if (len == strlen("latest") && strncmp(text, "latest", len) == 0)
		return true;
	if (len != sizeof(shape) - 1)
		return false;
	for (size_t i = 0; i < len; i++)
		if (shape[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != shape[i])
			return false;
	return true;
}

/* The path behind the version; NULL: no such version. The root lists them. */
static const char *below_version(const char *path)
{
	if (*path != '/')
		return NULL;
	path++;
	size_t len = strcspn(path, "/");
	if (!is_version(path, len))
		return NULL;
	return path[len] == '/' ? path + len + 1 : path + len;
}

int imds_answer(struct imds *s, const struct http_request *r, time_t now, struct http_reply *reply,
	struct asked_item *item, struct err *e)
{
	const char *path = below_version(r->target);
	item->service = "metadata";
	snprintf(item->op, sizeof(item->op), "%s", r->method);
	snprintf(item->what, sizeof(item->what), "%s", path != NULL ? path : r->target);
	if (strcmp(r->method, "PUT") == 0 && strcmp(r->target, "/latest/api/token") == 0)
		return give_token(s, r, now, reply, e);
	if (strcmp(r->method, "GET") != 0 || (path != NULL && strcmp(path, "api/token") == 0))
		return refuse(reply, 405, e);
	if (!token_holds(s, http_header(r, TOKEN_HEADER), now))
		return refuse(reply, 401, e);
	if (strcmp(r->target, "/") == 0) {
		reply->status = 200;
		reply->type = "text/plain";
		return buf_puts(&reply->body, "2021-07-15\nlatest", e);
	}
	int there = 0;
	if (path != NULL && r->target[http_path_len(r)] == '\0')
		there = metadata_get(s->tree, path, &reply->body, e);
	if (there < 0)
		return -1;
	if (there == 0)
		return refuse(reply, 404, e);
	/* cloud-init reads all that there is: one line for it. */
	const char *agent = http_header(r, "User-Agent");
	if (agent != NULL && strcmp(path, "user-data") != 0 &&
		(text_starts(agent, "Cloud-Init/") || text_starts(agent, "python-requests/")))
		snprintf(item->what, sizeof(item->what), "... by cloud-init");
	reply->status = 200;
	reply->type = strcmp(path, "user-data") == 0 ? "application/octet-stream" : "text/plain";
	return 0;
}

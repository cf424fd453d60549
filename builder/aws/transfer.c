#include "aws/transfer.h"

#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "aws/libcurl.h"
#include "aws/links.h"

/* libcurl copies bodies through a buffer that it makes anew for each transfer: one that stays in
 * the second level cache takes half the time of one that holds a block. */
#define UPLOAD_BUFFER  (64L << 10)
#define RECEIVE_BUFFER (64L << 10)
#define AT_ONCE        (1UL << 20) /* most that an answer's own length makes us allocate */
#define KEEP           256L        /* connections */
#define LOOK_MS        100         /* between looks at what stands still */
#define EXTENDED       6           /* times `total` */
#define LIVELY         4096        /* bytes within `extend`: less is dripping */

struct transfer {
	struct transfers *all;
	struct transfer *next, *before; /* under way; `next` also in the pool */
	CURL *easy;
	struct curl_slist *headers;
	transfer_done *done;
	void *ctx;
	struct transfer_limits limits;
	struct transfer_result result;
	size_t body_len;
	unsigned connected; /* times that the request was about to be sent */
	int fd;             /* of its connection; -1: none */
	int64_t started;
	int64_t moved_at;
	uint64_t moved; /* bytes of its connection */
	int64_t marked_at;
	uint64_t marked; /* what `moved` was then */
	bool lively;     /* LIVELY moved before that, within `extend` */
	struct err err;
	bool failed; /* by ourselves: err */
	char text[CURL_ERROR_SIZE];
};

struct transfers {
	struct libcurl curl;
	CURLM *multi;
	bool global;
	struct transfer *active;
	struct transfer *pool;
	struct links links;
	int64_t looked;
};

int64_t transfer_clock(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int transfers_open(struct transfers **ret, struct err *e)
{
	struct transfers *t = calloc(1, sizeof(*t));
	if (t == NULL)
		return err_nomem(e);
	int rc = libcurl_load(&t->curl, e);
	if (rc == 0) {
		t->global = t->curl.curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
		t->multi = t->global ? t->curl.curl_multi_init() : NULL;
		if (t->multi == NULL)
			rc = err_set(e, ERR_MACHINE, 0, "libcurl cannot be started");
	}
	if (rc < 0) {
		transfers_close(t);
		return -1;
	}
	t->curl.curl_multi_setopt(t->multi, CURLMOPT_MAXCONNECTS, KEEP);
	t->curl.curl_multi_setopt(t->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
	*ret = t;
	return 0;
}

static void unlink_active(struct transfer *x)
{
	struct transfers *t = x->all;
	if (x->before != NULL)
		x->before->next = x->next;
	else
		t->active = x->next;
	if (x->next != NULL)
		x->next->before = x->before;
}

/* Back into the pool: the handle keeps its options, the multi handle its connection. */
static void put_back(struct transfer *x)
{
	struct transfers *t = x->all;
	t->curl.curl_multi_remove_handle(t->multi, x->easy);
	unlink_active(x);
	t->curl.curl_slist_free_all(x->headers);
	x->headers = NULL;
	buf_wipe(&x->result.body);
	x->next = t->pool;
	t->pool = x;
}

static void drop(struct transfers *t, struct transfer *x)
{
	t->curl.curl_easy_cleanup(x->easy);
	free(x);
}

void transfers_close(struct transfers *t)
{
	if (t == NULL)
		return;
	while (t->active != NULL)
		put_back(t->active);
	for (struct transfer *x = t->pool, *next; x != NULL; x = next) {
		next = x->next;
		drop(t, x);
	}
	if (t->multi != NULL)
		t->curl.curl_multi_cleanup(t->multi);
	if (t->global)
		t->curl.curl_global_cleanup();
	links_free(&t->links);
	free(t);
}

static size_t on_body(char *data, size_t one, size_t len, void *ctx)
{
	(void)one;
	struct transfer *x = ctx;
	if (buf_add(&x->result.body, data, len, &x->err) == 0)
		return len;
	if (x->result.body.len + len > x->result.body.max)
		err_set(&x->err, ERR_REMOTE, 0, "an answer of more than %zu bytes",
			x->result.body.max);
	x->failed = true;
	return 0;
}

/* The header's value, cut to size, when the line is that header. */
static bool take(const char *line, size_t len, const char *name, char *out, size_t size)
{
	size_t n = strlen(name);
	if (len <= n || line[n] != ':' || strncasecmp(line, name, n) != 0)
		return false;
	for (n++; n < len && (line[n] == ' ' || line[n] == '\t'); n++)
		;
	size_t used = 0;
	for (; n < len && used < size - 1 && (unsigned char)line[n] >= ' ' && line[n] != 0x7F; n++)
		out[used++] = line[n];
	while (used > 0 && out[used - 1] == ' ')
		used--;
	out[used] = '\0';
	return true;
}

static size_t on_header(char *line, size_t one, size_t len, void *ctx)
{
	(void)one;
	struct transfer *x = ctx;
	struct transfer_result *r = &x->result;
	char text[64];
	if (take(line, len, "x-amzn-requestid", r->request_id, sizeof(r->request_id)) ||
		take(line, len, "x-amz-request-id", r->request_id, sizeof(r->request_id)) ||
		take(line, len, "content-type", r->type, sizeof(r->type)) ||
		take(line, len, "x-amzn-errortype", r->error_type, sizeof(r->error_type)) ||
		take(line, len, "x-amz-checksum", r->checksum, sizeof(r->checksum)) ||
		take(line, len, "x-amz-data-length", r->data_length, sizeof(r->data_length)))
		return len;
	if (take(line, len, "date", text, sizeof(text))) {
		r->date = x->all->curl.curl_getdate(text, NULL);
		if (r->date < 0)
			r->date = 0;
	} else if (take(line, len, "content-length", text, sizeof(text))) {
		/* The whole at once: an answer is often a block. */
		struct err e;
		unsigned long long size = strtoull(text, NULL, 10);
		if (size <= r->body.max && size <= AT_ONCE &&
			buf_reserve(&r->body, (size_t)size, &e) < 0)
			return len;
	}
	return len;
}

/* A second time means that libcurl found the connection closed and took another. */
static int on_connected(void *ctx, char *to, char *from, int to_port, int from_port)
{
	(void)from;
	struct transfer *x = ctx;
	x->moved_at = transfer_clock();
	x->fd = links_find(&x->all->links, to, to_port, from_port);
	if (++x->connected == 1)
		return CURL_PREREQFUNC_OK;
	err_set(&x->err, ERR_REMOTE, 0, "the connection was closed");
	x->failed = true;
	return CURL_PREREQFUNC_ABORT;
}

static struct transfer *make(struct transfers *t, struct err *e)
{
	struct transfer *x = calloc(1, sizeof(*x));
	if (x == NULL) {
		err_nomem(e);
		return NULL;
	}
	x->all = t;
	x->easy = t->curl.curl_easy_init();
	if (x->easy == NULL) {
		free(x);
		err_nomem(e);
		return NULL;
	}
#define SET(option, value) t->curl.curl_easy_setopt(x->easy, option, value)
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_PATH_AS_IS, 1L);
	SET(CURLOPT_TCP_NODELAY, 1L);
	SET(CURLOPT_TCP_KEEPALIVE, 1L);
	SET(CURLOPT_UPLOAD_BUFFERSIZE, UPLOAD_BUFFER);
	SET(CURLOPT_BUFFERSIZE, RECEIVE_BUFFER);
	SET(CURLOPT_NOPROGRESS, 1L);
	SET(CURLOPT_ERRORBUFFER, x->text);
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_WRITEDATA, x);
	SET(CURLOPT_HEADERFUNCTION, on_header);
	SET(CURLOPT_HEADERDATA, x);
	SET(CURLOPT_PREREQFUNCTION, on_connected);
	SET(CURLOPT_PREREQDATA, x);
	SET(CURLOPT_OPENSOCKETFUNCTION, links_open);
	SET(CURLOPT_OPENSOCKETDATA, &t->links);
	SET(CURLOPT_CLOSESOCKETFUNCTION, links_close);
	SET(CURLOPT_CLOSESOCKETDATA, &t->links);
	SET(CURLOPT_PRIVATE, x);
	return x;
}

static int set_headers(struct transfer *x, const struct transfer_request *q, struct err *e)
{
	/* What libcurl would add of its own. */
	static const char *const none[] = { "Expect:", "Accept:", "Content-Type:" };
	struct libcurl *c = &x->all->curl;
	bool type = false;
	for (size_t i = 0; i < q->header_count; i++)
		type = type || strncasecmp(q->headers[i], "content-type:", 13) == 0;
	size_t extra = type ? 2 : 3;
	for (size_t i = 0; i < q->header_count + extra; i++) {
		const char *line = i < extra ? none[i] : q->headers[i - extra];
		struct curl_slist *longer = c->curl_slist_append(x->headers, line);
		if (longer == NULL)
			return err_nomem(e);
		x->headers = longer;
	}
	return 0;
}

static int set_request(struct transfer *x, const struct transfer_request *q, struct err *e)
{
	struct transfers *t = x->all;
	bool get = strcmp(q->method, "GET") == 0;
	CURLcode rc = SET(CURLOPT_URL, q->url);
	if (get) {
		SET(CURLOPT_HTTPGET, 1L);
	} else {
		SET(CURLOPT_POST, 1L);
		SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)q->body_len);
		SET(CURLOPT_POSTFIELDS, q->body_len > 0 ? q->body : "");
	}
	if (rc == CURLE_OK)
		rc = SET(CURLOPT_CUSTOMREQUEST, get ? NULL : q->method);
	if (rc == CURLE_OK)
		rc = SET(CURLOPT_CAINFO, q->ca_bundle);
	/* NULL would be the environment's, which is what is wanted otherwise. */
	if (rc == CURLE_OK)
		rc = SET(CURLOPT_NOPROXY, q->direct ? "*" : NULL);
	SET(CURLOPT_FRESH_CONNECT, (long)q->fresh);
	SET(CURLOPT_CONNECTTIMEOUT_MS, (long)q->limits.connect);
	SET(CURLOPT_HTTPHEADER, x->headers);
	if (rc == CURLE_OUT_OF_MEMORY)
		return err_nomem(e);
	if (rc != CURLE_OK)
		return err_set(e, ERR_MACHINE, 0, "libcurl: %s", t->curl.curl_easy_strerror(rc));
	return 0;
}
#undef SET

int transfer_start(struct transfers *t, const struct transfer_request *q, transfer_done *done,
	void *ctx, struct transfer **ret, struct err *e)
{
	struct transfer *x = t->pool;
	if (x != NULL)
		t->pool = x->next;
	else
		x = make(t, e);
	if (x == NULL)
		return -1;
	x->headers = NULL;
	x->result = (struct transfer_result){ .body = { .max = q->body_max } };
	x->done = done;
	x->ctx = ctx;
	x->limits = q->limits;
	x->body_len = q->body_len;
	x->connected = 0;
	x->fd = -1;
	x->started = x->moved_at = x->marked_at = transfer_clock();
	x->moved = x->marked = 0;
	x->lively = true;
	x->failed = false;
	x->text[0] = '\0';
	int rc = set_headers(x, q, e) < 0 || set_request(x, q, e) < 0 ? -1 : 0;
	if (rc == 0 && t->curl.curl_multi_add_handle(t->multi, x->easy) != CURLM_OK)
		rc = err_nomem(e);
	if (rc < 0) {
		t->curl.curl_slist_free_all(x->headers);
		drop(t, x);
		return -1;
	}
	x->before = NULL;
	x->next = t->active;
	if (t->active != NULL)
		t->active->before = x;
	t->active = x;
	*ret = x;
	return 0;
}

void transfer_cancel(struct transfers *t, struct transfer *x)
{
	(void)t;
	put_back(x);
}

/* `x` is in the pool before `done` runs, which may start the next with it. */
static void finish(struct transfer *x)
{
	struct transfer_result r = x->result;
	struct err why = x->err;
	transfer_done *done = x->done;
	void *ctx = x->ctx;
	x->result.body = (struct buf){ 0 };
	put_back(x);
	r.why = &why;
	done(ctx, &r);
	buf_wipe(&r.body);
}

static bool is_hopeless(CURLcode rc)
{
	return rc == CURLE_PEER_FAILED_VERIFICATION || rc == CURLE_SSL_CACERT_BADFILE ||
	       rc == CURLE_URL_MALFORMAT || rc == CURLE_UNSUPPORTED_PROTOCOL ||
	       rc == CURLE_COULDNT_RESOLVE_PROXY || rc == CURLE_SSL_ISSUER_ERROR;
}

/* libcurl quotes the URL of a proxy that it cannot read, with its password. */
static void hide_password(char *text)
{
	char *url = strstr(text, "://");
	char *at = url != NULL ? strrchr(url, '@') : NULL;
	if (at != NULL && at - url >= 6) {
		memcpy(url + 3, "...", 3); /* NOLINT(bugprone-not-null-terminated-result) */
		memmove(url + 6, at, strlen(at) + 1);
	} else if (at != NULL) {
		memset(url + 3, '.', (size_t)(at - url) - 3);
	}
}

static void complete(struct transfer *x, CURLcode rc)
{
	struct libcurl *c = &x->all->curl;
	long status = 0;
	x->result.sent = x->connected > 0;
	if (rc == CURLE_OK && !x->failed) {
		c->curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
		x->result.status = (int)status;
		if (status < 200)
			err_set(&x->err, ERR_REMOTE, 0, "no HTTP status");
		if (status < 200)
			x->result.status = 0;
	} else if (!x->failed) {
		x->result.hopeless = is_hopeless(rc);
		hide_password(x->text);
		err_set(&x->err, rc == CURLE_OUT_OF_MEMORY ? ERR_MACHINE : ERR_REMOTE, 0, "%s%s",
			x->text[0] != '\0' ? x->text : c->curl_easy_strerror(rc),
			rc == CURLE_PEER_FAILED_VERIFICATION
				? " (certificates to trust: --ca-bundle, AWS_CA_BUNDLE)"
				: "");
	} else {
		x->result.hopeless = rc == CURLE_WRITE_ERROR;
	}
	finish(x);
}

/* Bytes that arrived at either end of the connection, ever: what waits in its buffer did not, and
 * half a line of a header did. */
static uint64_t count_moved(const struct transfer *x)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);
	curl_off_t up = 0, down = 0;
	if (x->fd >= 0 && getsockopt(x->fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0)
		return info.tcpi_bytes_acked + info.tcpi_bytes_received;
	x->all->curl.curl_easy_getinfo(x->easy, CURLINFO_SIZE_UPLOAD_T, &up);
	x->all->curl.curl_easy_getinfo(x->easy, CURLINFO_SIZE_DOWNLOAD_T, &down);
	return (uint64_t)(up + down);
}

static bool is_answering(const struct transfer *x)
{
	struct libcurl *c = &x->all->curl;
	curl_off_t up = 0;
	long head = 0;
	int waiting = 0;
	c->curl_easy_getinfo(x->easy, CURLINFO_SIZE_UPLOAD_T, &up);
	c->curl_easy_getinfo(x->easy, CURLINFO_HEADER_SIZE, &head);
	if (x->fd >= 0 && ioctl(x->fd, SIOCOUTQ, &waiting) < 0)
		waiting = 0;
	return head == 0 && waiting == 0 && up >= (curl_off_t)x->body_len;
}

/* Why it is to be given up, 0 when it is not: milliseconds. */
static int overdue(struct transfer *x, int64_t now)
{
	const struct transfer_limits *l = &x->limits;
	uint64_t moved = count_moved(x);
	if (moved != x->moved) {
		x->moved = moved;
		x->moved_at = now;
	}
	if (now - x->marked_at >= l->extend) {
		x->lively = moved - x->marked >= LIVELY;
		x->marked_at = now;
		x->marked = moved;
	}
	int idle = is_answering(x) ? l->answer : l->idle;
	if (x->connected > 0 && now - x->moved_at > idle)
		return idle;
	if (now - x->started <= l->total)
		return 0;
	if (l->extend > 0 && x->lively && now - x->started <= (int64_t)EXTENDED * l->total)
		return 0;
	return l->total;
}

static void look(struct transfers *t)
{
	int64_t now = transfer_clock();
	if (now - t->looked < LOOK_MS)
		return;
	t->looked = now;
	for (struct transfer *x = t->active, *next; x != NULL; x = next) {
		next = x->next;
		int limit = overdue(x, now);
		if (limit == 0)
			continue;
		x->failed = true;
		x->result.sent = x->connected > 0;
		err_set(&x->err, ERR_REMOTE, 0, "%s within %g seconds",
			limit == x->limits.total ? "not done" : "nothing moved", limit / 1000.0);
		finish(x);
		/* `done` may have ended others. */
		next = t->active;
	}
}

int transfers_run(struct transfers *t, int ms, int fd, struct err *e)
{
	struct curl_waitfd extra = { .fd = fd, .events = CURL_WAIT_POLLIN };
	int running;
	if (t->active != NULL && (ms < 0 || ms > LOOK_MS))
		ms = LOOK_MS;
	CURLMcode rc =
		t->curl.curl_multi_poll(t->multi, fd >= 0 ? &extra : NULL, fd >= 0, ms, NULL);
	if (rc == CURLM_OK)
		rc = t->curl.curl_multi_perform(t->multi, &running);
	if (rc != CURLM_OK)
		return err_set(e, ERR_MACHINE, 0, "libcurl: %s", t->curl.curl_multi_strerror(rc));
	int left;
	for (CURLMsg *m; (m = t->curl.curl_multi_info_read(t->multi, &left)) != NULL;) {
		struct transfer *x = NULL;
		CURLcode result = m->data.result;
		if (m->msg == CURLMSG_DONE &&
			t->curl.curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &x) == CURLE_OK)
			complete(x, result);
	}
	look(t);
	return 0;
}

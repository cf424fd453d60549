#include "boot/service.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/library.h"

#define CALLS(X)                                                                                   \
	X(MHD_start_daemon)                                                                        \
	X(MHD_stop_daemon)                                                                         \
	X(MHD_get_daemon_info)                                                                     \
	X(MHD_get_timeout)                                                                         \
	X(MHD_run)                                                                                 \
	X(MHD_get_connection_info)                                                                 \
	X(MHD_get_connection_values)                                                               \
	X(MHD_create_response_from_buffer)                                                         \
	X(MHD_add_response_header)                                                                 \
	X(MHD_queue_response)                                                                      \
	X(MHD_destroy_response)

struct calls {
	CALLS(LIBRARY_POINTER)
};
static const char *const NAMES[] = { CALLS(LIBRARY_NAME) };

#define IDLE_SECONDS 30
#define CONNECTIONS  64

struct listener {
	struct service *service;
	struct MHD_Daemon *daemon;
	unsigned port;
	int fd;
};

struct service {
	struct service_options o;
	struct calls calls;
	struct listener listeners[PORT_COUNT];
	struct err err; /* the first thing that went wrong inside of a callback */
	bool failed;
};

/* A request as it arrives. */
struct arrival {
	struct http_request request;
	char *target;
	bool begun;
	bool too_long;
};

static void forget(struct arrival *a)
{
	buf_free(&a->request.body);
	free(a->target);
	*a = (struct arrival){ 0 };
}

/* Each connection has a place for the request that arrives on it. */
static void on_connection(
	void *cls, struct MHD_Connection *c, void **place, enum MHD_ConnectionNotificationCode what)
{
	(void)cls, (void)c;
	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		*place = calloc(1, sizeof(struct arrival));
	} else if (*place != NULL) {
		forget(*place);
		free(*place);
		*place = NULL;
	}
}

/* Called first of all for a request, with what stands in its first line. */
static void *on_line(void *cls, const char *uri, struct MHD_Connection *c)
{
	struct service *s = cls;
	const union MHD_ConnectionInfo *info =
		s->calls.MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct arrival *a = info != NULL ? info->socket_context : NULL;
	if (a == NULL)
		return NULL;
	forget(a);
	a->target = strdup(uri);
	a->request.target = a->target;
	a->request.body.max = HTTP_BODY_MAX;
	return a;
}

static enum MHD_Result on_header(
	void *cls, enum MHD_ValueKind kind, const char *name, const char *value)
{
	(void)kind;
	struct arrival *a = cls;
	if (a->request.header_count == HTTP_HEADERS_MAX) {
		a->too_long = true;
		return MHD_NO;
	}
	a->request.headers[a->request.header_count++] =
		(struct http_header){ name, value != NULL ? value : "" };
	return MHD_YES;
}

/* The library leaves paths as they came. */
static size_t keep_escapes(void *cls, struct MHD_Connection *c, char *text)
{
	(void)cls, (void)c;
	return strlen(text);
}

static enum MHD_Result send_reply(
	const struct calls *calls, struct MHD_Connection *c, const struct http_reply *reply)
{
	struct MHD_Response *response = calls->MHD_create_response_from_buffer(
		reply->body.len, reply->body.data, MHD_RESPMEM_MUST_COPY);
	if (response == NULL)
		return MHD_NO;
	enum MHD_Result rc = MHD_YES;
	if (reply->type != NULL)
		rc = calls->MHD_add_response_header(
			response, MHD_HTTP_HEADER_CONTENT_TYPE, reply->type);
	for (size_t i = 0; rc == MHD_YES && i < reply->more_count; i++)
		rc = calls->MHD_add_response_header(
			response, reply->more[i].name, reply->more[i].value);
	if (rc == MHD_YES)
		rc = calls->MHD_queue_response(c, reply->status, response);
	calls->MHD_destroy_response(response);
	return rc;
}

static int answer(struct listener *l, const struct http_request *r, struct http_reply *reply,
	struct asked_item *item, struct err *e)
{
	const struct service_options *o = &l->service->o;
	time_t now = time(NULL);
	if (l == &l->service->listeners[PORT_METADATA])
		return imds_answer(o->imds, r, now, reply, item, e);
	return aws_local_answer(o->aws, r, now, reply, item, e);
}

static enum MHD_Result reply_to(struct listener *l, struct MHD_Connection *c, struct arrival *a)
{
	struct service *s = l->service;
	struct http_reply reply = { 0 };
	struct asked_item item = { .service = "" };
	struct err e = { 0 };
	s->calls.MHD_get_connection_values(c, MHD_HEADER_KIND, on_header, a);
	int rc = 0;
	if (a->too_long) {
		item.service = l == s->listeners ? "metadata" : "aws";
		reply.status = MHD_HTTP_CONTENT_TOO_LARGE;
	} else {
		rc = answer(l, &a->request, &reply, &item, &e);
	}
	item.status = reply.status;
	if (rc == 0)
		rc = asked_note(s->o.asked, &item, &e);
	if (rc < 0) {
		if (!s->failed)
			s->err = e;
		s->failed = true;
		reply.status = MHD_HTTP_INTERNAL_SERVER_ERROR;
		buf_clear(&reply.body);
	}
	enum MHD_Result sent = send_reply(&s->calls, c, &reply);
	buf_free(&reply.body);
	return sent;
}

/* Called for the head, for each piece of the body, and at its end. */
static enum MHD_Result on_request(void *cls, struct MHD_Connection *c, const char *url,
	const char *method, const char *version, const char *data, size_t *size, void **place)
{
	(void)url, (void)version;
	struct listener *l = cls;
	struct arrival *a = *place;
	struct err e;
	if (a == NULL || a->target == NULL)
		return MHD_NO;
	if (!a->begun) {
		a->begun = true;
		a->request.method = method;
		return MHD_YES;
	}
	if (*size > 0) {
		if (!a->too_long && buf_add(&a->request.body, data, *size, &e) < 0)
			a->too_long = true;
		*size = 0;
		return MHD_YES;
	}
	return reply_to(l, c, a);
}

static int listen_on(struct service *s, enum service_port which, struct err *e)
{
	struct listener *l = &s->listeners[which];
	const struct tls_identity *tls = which == PORT_AWS ? s->o.tls : NULL;
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	struct MHD_OptionItem secure[] = {
		{ MHD_OPTION_HTTPS_MEM_KEY, 0, tls != NULL ? tls->key.data : NULL },
		{ MHD_OPTION_HTTPS_MEM_CERT, 0, tls != NULL ? tls->certificate.data : NULL },
		{ MHD_OPTION_END, 0, NULL },
	};
	if (tls == NULL)
		secure[0].option = MHD_OPTION_END;
	l->service = s;
	l->daemon = s->calls.MHD_start_daemon(MHD_USE_EPOLL | (tls != NULL ? MHD_USE_TLS : 0), 0,
		NULL, NULL, on_request, l, MHD_OPTION_SOCK_ADDR, &at, MHD_OPTION_URI_LOG_CALLBACK,
		on_line, s, MHD_OPTION_NOTIFY_CONNECTION, on_connection, NULL,
		MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL, MHD_OPTION_CONNECTION_TIMEOUT,
		(unsigned)IDLE_SECONDS, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS,
		MHD_OPTION_ARRAY, secure, MHD_OPTION_END);
	if (l->daemon == NULL)
		return err_set(e, ERR_MACHINE, errno, "libmicrohttpd cannot listen%s",
			tls != NULL ? " with TLS" : "");
	const union MHD_DaemonInfo *port =
		s->calls.MHD_get_daemon_info(l->daemon, MHD_DAEMON_INFO_BIND_PORT);
	if (port == NULL || port->port == 0)
		return err_set(e, ERR_MACHINE, 0, "libmicrohttpd does not know its port");
	l->port = port->port;
	const union MHD_DaemonInfo *epoll =
		s->calls.MHD_get_daemon_info(l->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	if (epoll == NULL || epoll->epoll_fd < 0)
		return err_set(e, ERR_MACHINE, 0, "libmicrohttpd is without epoll");
	l->fd = epoll->epoll_fd;
	return 0;
}

struct service *service_start(const struct service_options *o, struct err *e)
{
	struct service *s = calloc(1, sizeof(*s));
	if (s == NULL) {
		err_nomem(e);
		return NULL;
	}
	s->o = *o;
	if (library_load("libmicrohttpd.so.12", "libmicrohttpd12", NAMES,
		    sizeof(NAMES) / sizeof(*NAMES), &s->calls, e) < 0 ||
		listen_on(s, PORT_METADATA, e) < 0 || listen_on(s, PORT_AWS, e) < 0) {
		service_stop(s);
		return NULL;
	}
	return s;
}

unsigned service_port(const struct service *s, enum service_port which)
{
	return s->listeners[which].port;
}

void service_fds(const struct service *s, int ret[PORT_COUNT])
{
	for (size_t i = 0; i < PORT_COUNT; i++)
		ret[i] = s->listeners[i].fd;
}

int service_timeout(const struct service *s)
{
	int shortest = -1;
	for (size_t i = 0; i < PORT_COUNT; i++) {
		MHD_UNSIGNED_LONG_LONG ms;
		if (s->calls.MHD_get_timeout(s->listeners[i].daemon, &ms) != MHD_YES)
			continue;
		int wait = ms > INT_MAX ? INT_MAX : (int)ms;
		if (shortest < 0 || wait < shortest)
			shortest = wait;
	}
	return shortest;
}

int service_run(struct service *s, struct err *e)
{
	for (size_t i = 0; i < PORT_COUNT; i++)
		if (s->calls.MHD_run(s->listeners[i].daemon) != MHD_YES && !s->failed)
			return err_set(e, ERR_MACHINE, 0, "libmicrohttpd failed");
	if (s->failed) {
		*e = s->err;
		return -1;
	}
	return 0;
}

void service_stop(struct service *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < PORT_COUNT; i++)
		if (s->listeners[i].daemon != NULL)
			s->calls.MHD_stop_daemon(s->listeners[i].daemon);
	free(s);
}

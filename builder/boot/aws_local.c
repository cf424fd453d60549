#include "boot/aws_local.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/digest.h"
#include "base/json.h"
#include "base/text.h"
#include "boot/aws_json.h"
#include "boot/route53_record.h"
#include "boot/sigv4_check.h"

static const char *const NAMES[] = { [AWS_SSM] = "ssm",
	[AWS_SECRETSMANAGER] = "secretsmanager",
	[AWS_S3] = "s3",
	[AWS_ROUTE53] = "route53" };

int aws_local_secret(
	struct aws_local *aws, enum aws_service service, const char *name, struct err *e)
{
	static const char letters[] = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";
	unsigned char bytes[24];
	for (size_t i = 0; i < aws->secret_count; i++)
		if (aws->secrets[i].service == service && strcmp(aws->secrets[i].name, name) == 0)
			return 0;
	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return err_set(e, ERR_MACHINE, errno, "getrandom");
	struct aws_secret *s = arena_push(
		aws->arena, &aws->secrets, &aws->secret_count, &aws->secret_cap, sizeof(*s), e);
	if (s == NULL)
		return -1;
	s->service = service;
	s->name = name;
	for (size_t i = 0; i < sizeof(bytes); i++)
		s->value[i] = letters[bytes[i] % (sizeof(letters) - 1)];
	return 0;
}

static enum aws_service service_of(const struct http_request *r)
{
	int json = aws_json_service(http_header(r, "X-Amz-Target"));
	if (json >= 0)
		return (enum aws_service)json;
	return text_starts(r->target, "/2013-04-01/") ? AWS_ROUTE53 : AWS_S3;
}

/* A signature's fault in the service's words. */
static void refuse_signature(enum aws_service service, enum sigv4_fault f, struct aws_refusal *ret)
{
	enum { JSON, S3, XML, KINDS };
	static const char *const codes[][KINDS] = {
		[SIGV4_MISSING] = { "MissingAuthenticationTokenException", "AccessDenied",
			"MissingAuthenticationToken" },
		[SIGV4_MALFORMED] = { "IncompleteSignatureException",
			"AuthorizationHeaderMalformed", "IncompleteSignature" },
		[SIGV4_UNKNOWN] = { "UnrecognizedClientException", "InvalidAccessKeyId",
			"InvalidClientTokenId" },
		[SIGV4_CLOCK] = { "InvalidSignatureException", "RequestTimeTooSkewed",
			"SignatureDoesNotMatch" },
		[SIGV4_WRONG] = { "InvalidSignatureException", "SignatureDoesNotMatch",
			"SignatureDoesNotMatch" },
	};
	int kind = service == AWS_S3 ? S3 : service == AWS_ROUTE53 ? XML : JSON;
	refusal_set(ret, kind == JSON || (kind == S3 && f == SIGV4_MALFORMED) ? 400 : 403,
		codes[f][kind], "%s", sigv4_fault_text(f));
}

/* /BUCKET/KEY, and ?versionId=V, which is taken for the one version there is. */
static int get_object(const struct aws_local *aws, const struct http_request *r,
	struct http_reply *reply, struct asked_item *item, struct aws_refusal *ret, struct err *e)
{
	cleanup_buf struct buf path = { 0 };
	snprintf(item->op, sizeof(item->op), "GetObject");
	if (buf_reserve(&path, 1, e) < 0)
		return -1;
	if (http_decode(r->target + 1, http_path_len(r) - 1, &path, e) < 0)
		return e->kind == ERR_INPUT
			       ? refusal_set(ret, 400, "InvalidArgument", "not URI-encoded")
			       : -1;
	snprintf(item->what, sizeof(item->what), "%s", path.data != NULL ? path.data : "");
	if (strcmp(r->method, "GET") != 0)
		return refusal_set(ret, 405, "MethodNotAllowed", "only GetObject is here");
	if (aws->object_path == NULL || path.data == NULL ||
		strcmp(path.data, aws->object_path) != 0)
		return refusal_set(ret, 404, "NoSuchKey", "The specified key does not exist.");
	static const char etag[] = "\"0123456789abcdef0123456789abcdef\"";
	const char *known = http_header(r, "If-None-Match");
	reply->more[reply->more_count++] = (struct http_header){ "ETag", etag };
	reply->status = known != NULL && strcmp(known, etag) == 0 ? 304 : 200;
	reply->type = "binary/octet-stream";
	return reply->status == 304 ? 0 : buf_add(&reply->body, aws->object, aws->object_size, e);
}

static int write_json_error(
	enum aws_service service, const struct aws_refusal *f, struct buf *out, struct err *e)
{
	char type[128];
	snprintf(type, sizeof(type), "com.amazonaws.%s#%s", NAMES[service], f->code);
	struct json j = json_to(out, 0);
	json_open(&j, NULL, '{');
	json_str(&j, "__type", type);
	json_str(&j, "message", f->text);
	json_close(&j, '}');
	return json_end(&j, e);
}

static int write_xml_error(
	enum aws_service service, const struct aws_refusal *f, struct buf *out, struct err *e)
{
	bool s3 = service == AWS_S3;
	if (buf_printf(out, e, "<?xml version=\"1.0\"?>\n%s<Code>%s</Code><Message>",
		    s3 ? "<Error>"
		       : "<ErrorResponse xmlns=\"" ROUTE53_SPACE "\"><Error><Type>Sender</Type>",
		    f->code) < 0 ||
		xml_put(out, f->text, e) < 0)
		return -1;
	return buf_puts(out,
		s3 ? "</Message></Error>"
		   : "</Message></Error><RequestId>0</RequestId></ErrorResponse>",
		e);
}

static int refuse(enum aws_service service, const struct aws_refusal *f, struct http_reply *reply,
	struct asked_item *item, struct err *e)
{
	bool json = service == AWS_SSM || service == AWS_SECRETSMANAGER;
	buf_clear(&reply->body);
	reply->status = f->status;
	reply->type = json ? "application/x-amz-json-1.1" : "text/xml";
	snprintf(item->code, sizeof(item->code), "%s", f->code);
	return json ? write_json_error(service, f, &reply->body, e)
		    : write_xml_error(service, f, &reply->body, e);
}

int aws_local_answer(struct aws_local *aws, const struct http_request *r, time_t now,
	struct http_reply *reply, struct asked_item *item, struct err *e)
{
	enum aws_service service = service_of(r);
	const char *region = service == AWS_ROUTE53 ? ROUTE53_REGION : aws->region;
	struct aws_refusal refusal = { 0 };
	enum sigv4_fault fault;
	item->service = NAMES[service];
	snprintf(item->op, sizeof(item->op), "%s", r->method);
	if (sigv4_check(r, aws->credentials, NAMES[service], region, now, &fault, e) < 0)
		return -1;
	int rc = 0;
	if (fault != SIGV4_OK) {
		refuse_signature(service, fault, &refusal);
		snprintf(item->what, sizeof(item->what), "%.200s", r->target);
	} else if (service == AWS_ROUTE53) {
		rc = route53_answer(&aws->zone, r, reply, item, &refusal, e);
	} else if (service == AWS_S3) {
		rc = get_object(aws, r, reply, item, &refusal, e);
	} else {
		rc = aws_json_answer(aws, service, r, reply, item, &refusal, e);
	}
	if (rc < 0)
		return -1;
	return refusal.status != 0 ? refuse(service, &refusal, reply, item, e) : 0;
}

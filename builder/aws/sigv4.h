/*
 * AWS Signature Version 4 (IAM user guide, "Create a signed AWS API request"), over libcrypto's
 * SHA-256 and HMAC.
 */
#ifndef IMGBUILD_AWS_SIGV4_H
#define IMGBUILD_AWS_SIGV4_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"

struct sigv4_header {
	const char *name; /* any case */
	const char *value;
};

struct sigv4_request {
	const char *method;
	const char *path;  /* as it goes onto the wire: percent-encoded once, starting with '/' */
	const char *query; /* the same, without '?', parameters in any order; "" or NULL: none */
	/* All that are sent and shall be signed, Host, X-Amz-Date and X-Amz-Security-Token among
	 * them; in any order. */
	const struct sigv4_header *headers;
	size_t header_count;
	/* What stands for the body: 64 hexadecimal digits, or UNSIGNED-PAYLOAD. */
	const char *payload;
	/* S3 signs the path as it is; every other service takes out dot segments and doubled
	 * slashes and encodes what is left once more. */
	bool path_as_is;
};

struct sigv4_scope {
	const char *region;
	const char *service; /* signing name: "ec2", "ebs" */
	time_t when;         /* the time of X-Amz-Date */
};

/* A day's signing key, kept between requests: deriving it costs four HMACs. */
struct sigv4_key {
	unsigned char bytes[32];
	char date[9]; /* YYYYMMDD */
	char region[64];
	char service[32];
	struct sha256 secret; /* of the secret that it was derived from */
	bool made;
};

/* 20150830T123600Z */
struct sigv4_date {
	char text[17];
};
struct sigv4_date sigv4_date(time_t when);

/*
 * The key of secret and scope into *k, kept when it is that already. ERR_MACHINE: no libcrypto;
 * ERR_USAGE: the region is too long to be one.
 */
must_check int sigv4_key(
	struct sigv4_key *k, const char *secret, const struct sigv4_scope *s, struct err *e);

/* Append the canonical request. ERR_MACHINE. */
must_check int sigv4_canonical(const struct sigv4_request *r, struct buf *out, struct err *e);

/* Append the value of Authorization, which ends in "Signature=" and 64 digits. `id` is the access
 * key's; *k is sigv4_key's for that scope. ERR_MACHINE. */
must_check int sigv4_authorization(const struct sigv4_request *r, const struct sigv4_scope *s,
	const struct sigv4_key *k, const char *id, struct buf *out, struct err *e);

/* Append text with all but A-Z a-z 0-9 - . _ ~ as %XX; '/' stays when `path`. ERR_MACHINE. */
must_check int sigv4_encode(
	struct buf *out, const char *text, size_t len, bool path, struct err *e);

#endif

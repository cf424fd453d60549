/*
 * The upload alone, for the bench and the tests of interrupted uploads; region, endpoint and
 * credentials are the environment's. Links with the program's own objects.
 *
 *   putdisk upload IMAGE OUT RECIPE [-p SNAPSHOT BLOCK] [-e] [-P] [-k ARN] [-c CONNECTIONS] [-v]
 *   putdisk verify IMAGE|- SNAPSHOT BLOCK [-e]    IMAGE -: the list that the snapshot carries
 *   putdisk abandon IMAGE OUT RECIPE
 *
 * The result is words in a line: snapshot, key or -, parent or -, run, blocks, sent, milliseconds,
 * then "resumed", "unchanged".
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ami/diskfile.h"
#include "ami/parent.h"
#include "ami/upload.h"
#include "ami/verify.h"

struct options {
	const char *parent;
	const char *block;
	const char *kms_key;
	unsigned connections;
	bool encrypted;
	bool plain;
	struct log log;
};

static const char *or_dash(const char *s)
{
	return s[0] != '\0' ? s : "-";
}

static int upload(struct aws *aws, const struct options *o, const struct diskfile *disk,
	char **argv, struct arena *a, struct err *e)
{
	char first[24];
	const char *endpoint = getenv("AWS_ENDPOINT_URL");
	snprintf(first, sizeof(first), "%zu", disk->blocks.own_first);
	struct ebs_tag tags[] = { { "imgbuild:recipe", argv[1] }, { PARENT_TAG, first } };
	struct blocks parent;
	bool usable = false;
	if (o->parent != NULL && parent_find(aws, &o->log, aws_region(aws), o->parent, o->block, a,
					 &parent, &usable, e) < 0)
		return -1;
	struct upload_request r = {
		.aws = aws,
		.log = &o->log,
		.out = argv[0],
		.recipe = argv[1],
		.region = aws_region(aws),
		.endpoint = endpoint,
		.fd = disk->fd,
		.blocks = &disk->blocks,
		.parent = usable ? o->parent : NULL,
		.parent_blocks = &parent,
		.encryption = o->encrypted ? UPLOAD_ENCRYPTED
			      : o->plain   ? UPLOAD_PLAIN
					   : UPLOAD_AS_ACCOUNT,
		.kms_key = o->kms_key,
		.description = "bench",
		.run = "0123456789abcdef",
		.tags = tags,
		.tag_count = 2,
		.connections = o->connections,
	};
	struct upload_result u;
	if (upload_run(&r, a, &u, e) < 0)
		return -1;
	printf("%s %s %s %s %zu %zu %lld%s%s\n", u.snapshot, or_dash(u.kms_key), or_dash(u.parent),
		u.run, u.blocks, u.sent, (long long)u.ms, u.resumed ? " resumed" : "",
		u.unchanged ? " unchanged" : "");
	return 0;
}

static int verify(struct aws *aws, const struct options *o, struct diskfile *disk, char **argv,
	struct arena *a, struct err *e)
{
	struct verify_result v;
	cleanup_buf struct buf text = { 0 };
	if (disk->fd < 0 &&
		parent_read(aws, aws_region(aws), argv[0], argv[1], a, &disk->blocks, e) < 0)
		return -1;
	if (verify_snapshot(aws, &o->log, aws_region(aws), argv[0], o->encrypted, &disk->blocks, a,
		    &v, e) < 0 ||
		verify_text(&v, &text, e) < 0)
		return -1;
	printf("%zu equal, %zu blank%s%s\n", v.equal, v.blank, text.len > 0 ? ", " : "",
		text.len > 0 ? text.data : "");
	return v.good ? 0 : err_set(e, ERR_ANSWER_NO, 0, "the snapshot is another");
}

static int run(char **argv, const struct options *o, struct arena *a, struct err *e)
{
	cleanup_aws struct aws *aws = NULL;
	cleanup_diskfile struct diskfile disk = DISKFILE_NONE;
	struct aws_options options = { .log = &o->log };
	const char *deleted;
	if (aws_open(&options, &aws, e) < 0 ||
		(strcmp(argv[1], "-") != 0 && diskfile_open(&disk, argv[1], a, e) < 0))
		return -1;
	if (strcmp(argv[0], "verify") == 0)
		return verify(aws, o, &disk, argv + 2, a, e);
	if (strcmp(argv[0], "upload") == 0)
		return upload(aws, o, &disk, argv + 2, a, e);
	if (upload_abandon(aws, &o->log, argv[2], argv[3], aws_region(aws), a, &deleted, e) < 0)
		return -1;
	printf("%s\n", deleted != NULL ? deleted : "-");
	return 0;
}

int main(int argc, char **argv)
{
	struct arena arena = { 0 };
	struct err e = { 0 };
	struct options o = { .log = { .out = stderr, .err = stderr } };
	if (argc < 5) {
		fputs("Usage: putdisk upload|verify|abandon IMAGE ...\n", stderr);
		return 2;
	}
	for (int i = 4; i < argc; i++) {
		if (strcmp(argv[i], "-e") == 0)
			o.encrypted = true;
		else if (strcmp(argv[i], "-P") == 0)
			o.plain = true;
		else if (strcmp(argv[i], "-v") == 0)
			o.log.verbose = true;
		else if (strcmp(argv[i], "-c") == 0 && i + 1 < argc)
			o.connections = (unsigned)strtoul(argv[++i], NULL, 10);
		else if (strcmp(argv[i], "-k") == 0 && i + 1 < argc)
			o.kms_key = argv[++i];
		else if (strcmp(argv[i], "-p") == 0 && i + 2 < argc)
			o.parent = argv[++i], o.block = argv[++i];
	}
	int rc = run(argv + 1, &o, &arena, &e);
	if (rc < 0)
		fprintf(stderr, "putdisk: %s\n", e.msg);
	arena_free(&arena);
	return rc < 0 ? (int)e.kind : 0;
}

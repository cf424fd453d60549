/* Taking an upload up where it was, or starting a snapshot. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "ami/snapshot.h"
#include "ami/upload_internal.h"
#include "aws/ec2_remove.h"

enum {
	TIMEOUT = 1440, /* minutes until EBS drops a snapshot that was not completed: a day */
	KNOWN = 15,     /* seconds until EC2 surely knows a snapshot that was just started */
};

static const char *text(const char *s)
{
	return s != NULL ? s : "";
}

bool upload_disputed(const struct aws_reply *reply)
{
	static const char *const codes[] = { "ValidationException", "ConflictException",
		"ResourceNotFoundException" };
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (strcmp(reply->code, codes[i]) == 0)
			return true;
	return false;
}

static const char *wish(const struct upload_request *r, struct arena *a, struct err *e)
{
	static const char *const names[] = { "as the account has it", "encrypted", "plain" };
	return arena_printf(a, e, "%s %s", names[r->encryption], text(r->kms_key));
}

/* With the tag of the run behind the others. */
static int tags(
	const struct upload_request *r, struct arena *a, struct journal_start *s, struct err *e)
{
	s->tags = arena_array(a, r->tag_count + 1, sizeof(*s->tags), e);
	if (s->tags == NULL)
		return -1;
	if (r->tag_count > 0)
		memcpy(s->tags, r->tags, r->tag_count * sizeof(*s->tags));
	s->tags[r->tag_count] = (struct ebs_tag){ "imgbuild:run", r->run };
	s->tag_count = r->tag_count + 1;
	return 0;
}

static const char *new_token(struct arena *a, struct err *e)
{
	unsigned char bytes[16];
	char hex[2 * sizeof(bytes) + 1];
	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes)) {
		err_set(e, ERR_MACHINE, errno, "random bytes");
		return NULL;
	}
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
	return arena_printf(a, e, "imgbuild-%s", hex);
}

static bool same_tags(const struct journal_start *s, const struct upload_request *r)
{
	if (s->tag_count != r->tag_count + 1) /* the run's own is another */
		return false;
	for (size_t i = 0; i < r->tag_count; i++)
		if (strcmp(s->tags[i].key, r->tags[i].key) != 0 ||
			strcmp(s->tags[i].value, r->tags[i].value) != 0)
			return false;
	return true;
}

/* Whether the journal is of this very upload. */
static bool matches(const struct upload *u, const char *wished)
{
	const struct journal_start *s = &u->journal.start;
	const struct upload_request *r = u->r;
	struct sha256 identity = plan_identity(r->blocks);
	const char *parent = text(u->parent);
	return strcmp(s->image, sha256_text(&identity).text) == 0 &&
	       strcmp(s->region, r->region) == 0 && strcmp(s->endpoint, text(r->endpoint)) == 0 &&
	       strcmp(s->wish, wished) == 0 && strcmp(s->description, text(r->description)) == 0 &&
	       same_tags(s, r) &&
	       (strcmp(s->parent, parent) == 0 ||
		       (s->parent[0] == '\0' && strcmp(s->wanted, parent) == 0));
}

static struct ebs_start start_of(const struct journal_start *s)
{
	return (struct ebs_start){
		.region = s->region,
		.gib = s->gib,
		.parent = s->parent[0] != '\0' ? s->parent : NULL,
		.encrypted = s->encrypted,
		.kms_key = s->kms_key[0] != '\0' ? s->kms_key : NULL,
		.description = s->description,
		.token = s->token,
		.timeout = s->timeout,
		.tags = s->tags,
		.tag_count = s->tag_count,
	};
}

static int delete_it(struct aws *aws, const struct log *log, const struct journal *j,
	const char *id, const char **ret_deleted, struct err *e)
{
	cleanup_arena struct arena scratch = { 0 };
	bool used;
	if (ec2_snapshot_remove(aws, j->start.region, id, 0, false, &scratch, &used, e) == 0) {
		if (!used)
			*ret_deleted = id;
		log_detail(log,
			used ? "snapshot %s stays: an image uses it"
			     : "snapshot %s of an interrupted upload: deleted",
			id);
		return 0;
	}
	bool refused = e->http >= 400 && !e->again;
	if (!refused)
		return -1;
	log_warn(log, "snapshot %s of an interrupted upload cannot be deleted: %s", id, e->msg);
	return 0;
}

int upload_drop(struct aws *aws, const struct log *log, struct journal *j, const char **ret_deleted,
	struct err *e)
{
	const char *id = j->snapshot;
	*ret_deleted = NULL;
	if (j->state == JOURNAL_STARTING) {
		/* Whether there is one only its token tells: the same question again. */
		struct aws_reply reply = { 0 };
		struct ebs_start s = start_of(&j->start);
		struct ebs_snapshot made;
		int rc = ebs_start(aws, &s, j->arena, &made, &reply, e);
		bool none = upload_disputed(&reply);
		aws_reply_free(&reply);
		if (rc < 0 && !none)
			return -1;
		id = rc < 0 ? "" : made.id;
	}
	if (j->state != JOURNAL_EMPTY && id[0] != '\0' &&
		delete_it(aws, log, j, id, ret_deleted, e) < 0)
		return -1;
	return journal_clear(j, e);
}

static int drop(struct upload *u, struct err *e)
{
	const char *deleted;
	return upload_drop(u->r->aws, u->r->log, &u->journal, &deleted, e);
}

static bool parent_refused(const struct aws_reply *reply)
{
	return strcmp(reply->code, "ValidationException") == 0 ||
	       strcmp(reply->code, "ResourceNotFoundException") == 0;
}

/* Whether the encryption that came with a parent is another than what was wished. */
static const char *other_encryption(const struct upload_request *r, const char *kms_key)
{
	if (r->encryption == UPLOAD_ENCRYPTED && kms_key[0] == '\0')
		return "it is not encrypted";
	if (r->encryption == UPLOAD_PLAIN && kms_key[0] != '\0')
		return "it is encrypted";
	if (r->kms_key != NULL && strstr(r->kms_key, ":key/") != NULL &&
		strcmp(r->kms_key, kms_key) != 0)
		return "it is encrypted with another key";
	return NULL;
}

static int begin(struct upload *u, const char *parent, const char *wanted, struct err *e)
{
	const struct upload_request *r = u->r;
	struct sha256 identity = plan_identity(r->blocks);
	bool encrypted = parent[0] == '\0' && r->encryption == UPLOAD_ENCRYPTED;
	struct journal_start s = {
		.region = r->region,
		.endpoint = text(r->endpoint),
		.image = arena_strdup(u->arena, sha256_text(&identity).text, e),
		.run = r->run,
		.token = new_token(u->arena, e),
		.parent = parent,
		.wanted = wanted,
		.kms_key = encrypted ? text(r->kms_key) : "",
		.wish = wish(r, u->arena, e),
		.description = text(r->description),
		.gib = plan_gib(r->blocks),
		.timeout = TIMEOUT,
		.encrypted = encrypted,
	};
	if (s.image == NULL || s.token == NULL || s.wish == NULL || tags(r, u->arena, &s, e) < 0)
		return -1;
	return journal_begin(&u->journal, &s, e);
}

static int without_parent(struct upload *u, const char *why, struct err *e)
{
	const char *parent = u->journal.start.parent;
	log_say(u->r->log, "%s cannot be built upon, the whole image is sent: %s", parent, why);
	u->resumed = false;
	return begin(u, "", parent, e);
}

/* Ask for the snapshot that the journal describes. *ret_again: it describes another one now. */
static int ask(struct upload *u, bool *ret_again, struct err *e)
{
	struct journal *j = &u->journal;
	struct ebs_start s = start_of(&j->start);
	struct ebs_snapshot made;
	struct aws_reply reply = { 0 };
	bool has_parent = s.parent != NULL;
	*ret_again = false;
	int rc = ebs_start(u->r->aws, &s, u->arena, &made, &reply, e);
	/* Of an earlier run's question only that answer counts which denies that there is one. */
	bool no = rc < 0 && reply.status >= 400 && !reply.lost &&
		  (!u->resumed || upload_disputed(&reply));
	bool parent_no = no && has_parent && parent_refused(&reply);
	aws_reply_free(&reply);
	if (parent_no) {
		*ret_again = true;
		return without_parent(u, e->msg, e);
	}
	if (rc < 0) {
		/* Nothing was started, so there is nothing to take up. */
		struct err ignored = { 0 };
		if (no && journal_clear(j, &ignored) < 0)
			log_warn(u->r->log, "%s", ignored.msg);
		return -1;
	}
	if (journal_snapshot(j, made.id, made.kms_key, e) < 0)
		return -1;
	const char *other = has_parent ? other_encryption(u->r, made.kms_key) : NULL;
	if (other == NULL)
		return 0;
	*ret_again = true;
	if (drop(u, e) < 0)
		return -1;
	return without_parent(u, other, e);
}

/* What is left of an earlier run: take it up, or clear it away. */
static int take_up(struct upload *u, struct err *e)
{
	struct journal *j = &u->journal;
	const struct upload_request *r = u->r;
	const char *wished = wish(r, u->arena, e);
	if (wished == NULL)
		return -1;
	if (j->state == JOURNAL_EMPTY)
		return 0;
	if (!matches(u, wished) && strcmp(j->snapshot, text(u->parent)) == 0) {
		/* Completed, and never registered; it is built upon now. */
		return journal_clear(j, e);
	}
	if (!matches(u, wished)) {
		log_detail(r->log, "the interrupted upload was of something else: it is dropped");
		return drop(u, e);
	}
	u->resumed = true;
	if (j->state == JOURNAL_STARTING)
		return 0;
	enum snapshot_state state;
	if (snapshot_state(r->aws, r->region, j->snapshot, KNOWN, &state, e) < 0)
		return -1;
	if (state == SNAPSHOT_PENDING ||
		(state == SNAPSHOT_COMPLETED && j->state >= JOURNAL_COMPLETING))
		return 0;
	log_say(r->log,
		"snapshot %s of the interrupted upload is gone or unusable: a new one is made",
		j->snapshot);
	u->resumed = false;
	return drop(u, e);
}

int upload_start(struct upload *u, struct err *e)
{
	struct journal *j = &u->journal;
	if (take_up(u, e) < 0)
		return -1;
	if (j->state == JOURNAL_EMPTY && begin(u, text(u->parent), "", e) < 0)
		return -1;
	bool again = j->state == JOURNAL_STARTING;
	while (again)
		if (ask(u, &again, e) < 0)
			return err_wrap(e, "start a snapshot");
	if (j->start.parent[0] == '\0')
		u->parent = NULL;
	return 0;
}

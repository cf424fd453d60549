#include "ami/make.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ami/find.h"
#include "ami/parent.h"
#include "ami/register.h"
#include "ami/state.h"
#include "ami/tags.h"
#include "ami/upload.h"
#include "ami/upload_plan.h"
#include "aws/kms.h"

#define AVAILABLE_SECONDS 1800

/* One region's work. */
struct work {
	const struct make_job *j;
	const char *region;
	const char *name;
	struct sha256_hex digest;
	struct find_wish wish;
	struct ec2_tags tags; /* without the run */
};

struct sha256_hex make_digest(const struct diskfile *d)
{
	struct sha256 digest = blocks_aggregate(&d->blocks);
	return sha256_text(&digest);
}

static const char *description(const struct work *w)
{
	const struct recipe *r = w->j->recipe;
	if (r->ami.description != NULL)
		return r->ami.description;
	for (const char *p = r->description; p != NULL && *p != '\0'; p++)
		if (*p < ' ' || *p > '~' || p - r->description > 254)
			return NULL;
	return r->description;
}

static int name_it(struct work *w, struct err *e)
{
	const struct recipe *r = w->j->recipe;
	cleanup_buf struct buf name = { 0 };
	if (ami_name(r->ami.name, r->name, r->image.arch, w->digest.text, &name, e) < 0)
		return -1;
	w->name = arena_strdup(w->j->arena, name.data, e);
	return w->name == NULL ? -1 : 0;
}

static int begin(struct work *w, const char *kms_key, struct err *e)
{
	const struct make_job *j = w->j;
	const struct recipe *r = j->recipe;
	uint64_t gib = plan_gib(&j->disk->blocks);
	w->digest = make_digest(j->disk);
	if (name_it(w, e) < 0)
		return -1;
	if (kms_key == NULL)
		kms_key = r->ami.kms_key;
	if (kms_key != NULL && kms_key_arn(j->aws, w->region, kms_key, j->arena, &kms_key, e) < 0)
		return -1;
	w->wish = (struct find_wish){ .region = w->region,
		.recipe = r->name,
		.digest = w->digest.text,
		.architecture = image_arch_name(r->image.arch),
		.gib = r->ami.volume >> 30 > gib ? r->ami.volume >> 30 : gib,
		.encryption = kms_key != NULL ? AMI_ENCRYPTED : r->ami.encryption,
		.kms_key = kms_key };
	const struct tags_facts facts = { .recipe = r,
		.name = w->name,
		.digest = w->digest.text,
		.blocks = j->disk->blocks.own_first };
	return tags_make(&facts, j->arena, &w->tags, e);
}

static void event(const struct work *w, const char *what, const struct made *m)
{
	struct json line = log_event(w->j->log, w->j->scratch, what);
	json_str(&line, "region", m->region);
	json_str(&line, "image", m->image);
	json_str(&line, "snapshot", m->snapshot);
	json_str(&line, "name", m->name);
	json_str(&line, "digest", w->digest.text);
	json_bool(&line, "encrypted", m->encrypted);
	json_bool(&line, "reused", m->reused);
	log_event_end(w->j->log, &line);
}

static void upload_event(const struct work *w, const struct upload_result *up)
{
	struct json line = log_event(w->j->log, w->j->scratch, "upload");
	json_str(&line, "region", w->region);
	json_str(&line, "snapshot", up->snapshot);
	json_str(&line, "parent", up->parent[0] != '\0' ? up->parent : NULL);
	json_bool(&line, "resumed", up->resumed);
	json_int(&line, "blocks", (long long)up->blocks);
	json_int(&line, "sent", (long long)up->sent);
	json_int(&line, "ms", up->ms);
	log_event_end(w->j->log, &line);
}

static int note(
	const struct work *w, const struct made *m, int64_t created, const char *run, struct err *e)
{
	char when[32];
	struct tm tm;
	time_t t = (time_t)created;
	gmtime_r(&t, &tm);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	const struct state_image image = { .region = m->region,
		.image = m->image,
		.snapshot = m->snapshot,
		.name = m->name,
		.digest = w->digest.text,
		.created = when,
		.encrypted = m->encrypted,
		.run = run };
	return state_add(w->j->out, w->j->recipe->name, &image, e);
}

static bool encrypted(const struct ec2_image *i)
{
	for (size_t k = 0; k < i->device_count; k++)
		if (strcmp(i->devices[k].name, i->root_device) == 0)
			return i->devices[k].encrypted;
	return false;
}

static struct made made_of(const struct work *w, const struct ec2_image *i, bool reused)
{
	return (struct made){ .region = w->region,
		.image = i->id,
		.snapshot = ec2_image_snapshot(i),
		.name = i->name,
		.encrypted = encrypted(i),
		.reused = reused };
}

/* Tags of the recipe may have changed although the content has not. */
static int refresh_tags(const struct work *w, const struct ec2_image *i, struct err *e)
{
	const struct make_job *j = w->j;
	bool same = true;
	for (size_t k = 0; k < w->tags.count; k++) {
		const char *has = ec2_tag(&i->tags, w->tags.list[k].key);
		same = same && (strncmp(w->tags.list[k].key, "imgbuild:", 9) == 0 ||
				       strcmp(w->tags.list[k].key, "Name") == 0 ||
				       (has != NULL && strcmp(has, w->tags.list[k].value) == 0));
	}
	const struct ami *ami = &j->recipe->ami;
	if (same || ami->tag_count == 0)
		return 0;
	struct ec2_tag *own = arena_array(j->arena, ami->tag_count, sizeof(*own), e);
	if (own == NULL)
		return -1;
	for (size_t k = 0; k < ami->tag_count; k++)
		own[k] = (struct ec2_tag){ ami->tags[k].key, ami->tags[k].value };
	log_say(j->log, "%s: tags of the recipe are brought up to date", i->id);
	if (ec2_tag_set(j->aws, w->region, i->id, own, ami->tag_count, j->dry_run, e) < 0)
		return -1;
	const char *snapshot = ec2_image_snapshot(i);
	return ec2_tag_set(j->aws, w->region, snapshot, own, ami->tag_count, j->dry_run, e);
}

static int reuse(const struct work *w, struct ec2_image *i, struct made *ret, struct err *e)
{
	const struct make_job *j = w->j;
	const char *run = ec2_tag(&i->tags, TAG_RUN);
	if (!j->dry_run && strcmp(i->state, "available") != 0 &&
		ec2_image_wait(j->aws, w->region, i->id, AVAILABLE_SECONDS, j->arena, i, e) < 0)
		return -1;
	*ret = made_of(w, i, true);
	log_say(j->log, "%s in %s has this very content: nothing is sent", ret->image, w->region);
	event(w, "ami", ret);
	if (refresh_tags(w, i, e) < 0)
		return -1;
	if (j->dry_run)
		return 0;
	/* What an upload left that came to nothing, or to this image, which keeps its snapshot. */
	const char *deleted;
	if (note(w, ret, i->created, run != NULL ? run : "", e) < 0)
		return -1;
	return upload_abandon(
		j->aws, j->log, j->out, j->recipe->name, w->region, j->arena, &deleted, e);
}

/* The parent's list of digests; *ret_parent NULL: there is none to build upon. */
static int look_for_parent(const struct work *w, struct ec2_snapshot *parent,
	struct blocks *ret_blocks, bool *ret_usable, struct err *e)
{
	const struct make_job *j = w->j;
	*ret_usable = false;
	if (find_parent(j->aws, &w->wish, j->arena, parent, e) < 0)
		return -1;
	if (parent->id == NULL)
		return 0;
	return parent_find(j->aws, j->log, w->region, parent->id,
		ec2_tag(&parent->tags, TAG_BLOCKS), j->arena, ret_blocks, ret_usable, e);
}

static struct ec2_register registration(const struct work *w, const char *snapshot)
{
	return (struct ec2_register){ .name = w->name,
		.description = description(w),
		.architecture = w->wish.architecture,
		.snapshot = snapshot,
		.gib = w->wish.gib,
		.tags = w->tags.list,
		.tag_count = w->tags.count };
}

static int upload(const struct work *w, struct upload_result *ret, struct err *e)
{
	const struct make_job *j = w->j;
	struct ec2_snapshot parent = { 0 };
	struct blocks parent_blocks = { 0 };
	bool usable;
	if (look_for_parent(w, &parent, &parent_blocks, &usable, e) < 0)
		return -1;
	struct ebs_tag *tags = arena_array(j->arena, w->tags.count, sizeof(*tags), e);
	if (tags == NULL)
		return -1;
	for (size_t i = 0; i < w->tags.count; i++)
		tags[i] = (struct ebs_tag){ w->tags.list[i].key, w->tags.list[i].value };
	const struct upload_request q = { .aws = j->aws,
		.log = j->log,
		.out = j->out,
		.recipe = j->recipe->name,
		.region = w->region,
		.endpoint = j->endpoint,
		.fd = j->disk->fd,
		.blocks = &j->disk->blocks,
		.parent = usable ? parent.id : NULL,
		.parent_blocks = usable ? &parent_blocks : NULL,
		.parent_kms = usable ? parent.kms_key : NULL,
		.encryption = w->wish.encryption == AMI_ENCRYPTED ? UPLOAD_ENCRYPTED
			      : w->wish.encryption == AMI_PLAIN   ? UPLOAD_PLAIN
								  : UPLOAD_AS_ACCOUNT,
		.kms_key = w->wish.kms_key,
		.description = w->name,
		.run = j->run,
		.tags = tags,
		.tag_count = w->tags.count };
	return upload_run(&q, j->arena, ret, e);
}

/* What a run would do; nothing is changed. */
static int rehearse(const struct work *w, struct made *ret, struct err *e)
{
	const struct make_job *j = w->j;
	struct ec2_snapshot parent = { 0 };
	struct blocks parent_blocks = { 0 };
	struct plan plan;
	bool usable, always = false;
	if (look_for_parent(w, &parent, &parent_blocks, &usable, e) < 0 ||
		(w->wish.encryption == AMI_AS_ACCOUNT &&
			ec2_encrypts(j->aws, w->region, &always, e) < 0))
		return -1;
	bool encrypts =
		w->wish.encryption == AMI_ENCRYPTED || always || (usable && parent.encrypted);
	if (plan_make(&j->disk->blocks, usable ? &parent_blocks : NULL, encrypts, j->arena, &plan,
		    e) < 0)
		return -1;
	log_say(j->log, "%s: would send %zu blocks of 512 KiB%s%s and register \"%s\"%s", w->region,
		plan.puts, usable ? " on top of " : "", usable ? parent.id : "", w->name,
		encrypts ? ", encrypted" : "");
	/* EC2 tells whether it would be allowed of a snapshot that exists. */
	if (usable) {
		struct ec2_register r = registration(w, parent.id);
		if (register_dry(j->aws, w->region, &r, j->arena, e) < 0)
			return -1;
		log_say(j->log, "%s: RegisterImage would be allowed", w->region);
	}
	*ret = (struct made){ .region = w->region,
		.image = "",
		.snapshot = "",
		.name = w->name,
		.encrypted = encrypts };
	event(w, "would-make", ret);
	return 0;
}

/*
 * Another run, on another machine, may have registered the same content meanwhile, or its image did
 * not show when it was looked for. -1: no, with *e as it was.
 */
static int registered_meanwhile(const struct work *w, struct ec2_image *ret, struct err *e)
{
	struct err why;
	const char *unfit;
	*ret = (struct ec2_image){ 0 };
	if (e->kind != ERR_REMOTE || e->errnum == EINTR)
		return -1;
	if (find_image(w->j->aws, &w->wish, w->j->arena, ret, &unfit, &why) < 0 || ret->id == NULL)
		return -1;
	return 0;
}

static int send_and_register(struct work *w, struct made *ret, struct err *e)
{
	const struct make_job *j = w->j;
	struct upload_result up;
	struct ec2_image image;
	const char *id;
	if (upload(w, &up, e) < 0)
		return -1;
	struct tags_facts facts = { .recipe = j->recipe,
		.name = w->name,
		.digest = w->digest.text,
		.blocks = j->disk->blocks.own_first,
		.run = up.run != NULL && up.run[0] != '\0' ? up.run : j->run };
	if (tags_make(&facts, j->arena, &w->tags, e) < 0)
		return -1;
	log_say(j->log, "%s: %s, %zu blocks sent%s%s", w->region, up.snapshot, up.sent,
		up.parent[0] != '\0' ? " on top of " : "", up.parent);
	upload_event(w, &up);
	struct ec2_register r = registration(w, up.snapshot);
	if (register_image(j->aws, w->region, &r, j->arena, &id, e) < 0)
		return registered_meanwhile(w, &image, e) < 0 ? -1 : reuse(w, &image, ret, e);
	if (ec2_image_wait(j->aws, w->region, id, AVAILABLE_SECONDS, j->arena, &image, e) < 0)
		return -1;
	*ret = made_of(w, &image, false);
	if (note(w, ret, image.created, facts.run, e) < 0)
		return -1;
	/* Nothing was sent: a journal is of an upload of something else, which is taken back. */
	const char *deleted;
	int rc = up.unchanged ? upload_abandon(j->aws, j->log, j->out, j->recipe->name, w->region,
					j->arena, &deleted, e)
			      : upload_forget(j->out, j->recipe->name, w->region, e);
	if (rc < 0)
		return -1;
	log_say(j->log, "%s: %s \"%s\" is available%s", w->region, ret->image, ret->name,
		ret->encrypted ? ", encrypted" : "");
	event(w, "ami", ret);
	return 0;
}

int make_image(const struct make_job *j, const char *region, const char *kms_key, struct made *ret,
	struct err *e)
{
	struct work w = { .j = j, .region = region };
	struct ec2_image image;
	const char *unfit;
	if (begin(&w, kms_key, e) < 0 ||
		find_image(j->aws, &w.wish, j->arena, &image, &unfit, e) < 0)
		return -1;
	if (image.id != NULL)
		return reuse(&w, &image, ret, e);
	if (unfit != NULL)
		log_say(j->log, "%s: %s: another is made", region, unfit);
	return j->dry_run ? rehearse(&w, ret, e) : send_and_register(&w, ret, e);
}

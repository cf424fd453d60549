#include "ami/verify.h"

#include <string.h>
#include <unistd.h>

#include "ami/diskfile.h"
#include "ami/make.h"
#include "ami/parent.h"
#include "ami/tags.h"
#include "disk/disk.h"
#include "goal/goal.h"

/* What the snapshot must hold: the list of the image built here, else that which it carries. */
struct expected {
	struct diskfile disk;
	struct blocks blocks;
	struct sha256_hex digest;
	bool local;
};

static int local_image(struct run *run, struct expected *x, struct err *e)
{
	const char *out = run_out(run, e);
	const char *path = out == NULL ? NULL
				       : arena_printf(&run->arena, e, "%s/%s/" DISK_NAME, out,
						 run->recipe.name);
	if (path == NULL)
		return -1;
	if (access(path, R_OK) < 0)
		return 0;
	if (diskfile_open(&x->disk, path, &run->arena, e) < 0)
		return -1;
	x->blocks = x->disk.blocks;
	x->digest = make_digest(&x->disk);
	x->local = true;
	return 0;
}

static int find(struct run *run, struct aws *aws, const struct expected *x, struct ec2_image *ret,
	struct err *e)
{
	const char *region = aws_region(aws);
	const struct ec2_filter filters[] = { { "tag:" TAG_RECIPE, run->recipe.name },
		{ "state", "available" }, { "tag:" TAG_DIGEST, x->digest.text } };
	const struct ec2_find find = { .filters = filters, .filter_count = x->local ? 3 : 2 };
	struct ec2_images all;
	if (ec2_images(aws, region, &find, &run->arena, &all, e) < 0)
		return -1;
	if (all.count == 0)
		return err_set(e, ERR_REMOTE, 0, "no AMI %sin %s: imgbuild %s ami makes one",
			x->local ? "with the content of " DISK_NAME " " : "of this recipe ", region,
			run->options->recipe);
	*ret = all.list[0];
	return 0;
}

/* 1: there is no such list, or it is not that of the digest that the image's tag says. */
static int read_list(struct run *run, struct aws *aws, const struct ec2_image *image,
	struct expected *x, struct err *e)
{
	const char *first = ec2_tag(&image->tags, TAG_BLOCKS);
	const char *digest = ec2_tag(&image->tags, TAG_DIGEST);
	if (first == NULL || digest == NULL)
		return err_set(e, ERR_REMOTE, 0,
			"%s has no tags " TAG_BLOCKS " and " TAG_DIGEST
			": build its image here to compare with",
			image->id);
	if (parent_read(aws, aws_region(aws), ec2_image_snapshot(image), first, &run->arena,
		    &x->blocks, e) < 0) {
		if (e->kind != ERR_INPUT)
			return -1;
		log_warn(&run->log, "%s", e->msg);
		return 1;
	}
	struct sha256 sum = blocks_aggregate(&x->blocks);
	x->digest = sha256_text(&sum);
	if (strcmp(x->digest.text, digest) == 0)
		return 0;
	log_warn(&run->log, "%s on %s: its list of blocks is not that of its digest", image->id,
		ec2_image_snapshot(image));
	return 1;
}

static bool is_encrypted(const struct ec2_image *image)
{
	for (size_t i = 0; i < image->device_count; i++)
		if (strcmp(image->devices[i].name, image->root_device) == 0)
			return image->devices[i].encrypted;
	return false;
}

static void event(struct run *run, const struct aws *aws, const struct ec2_image *image,
	const struct verify_result *r)
{
	struct json j = log_event(&run->log, &run->scratch, "verified");
	json_str(&j, "region", aws_region(aws));
	json_str(&j, "image", image->id);
	json_str(&j, "snapshot", ec2_image_snapshot(image));
	json_bool(&j, "good", r->good);
	json_int(&j, "equal", (long long)r->equal);
	json_int(&j, "missing", (long long)r->missing.count);
	json_int(&j, "different", (long long)r->different.count);
	json_int(&j, "extra", (long long)r->extra.count);
	log_event_end(&run->log, &j);
}

static int compare(struct run *run, struct aws *aws, const struct ec2_image *image,
	const struct expected *x, struct err *e)
{
	struct verify_result r;
	cleanup_buf struct buf text = { 0 };
	if (verify_snapshot(aws, &run->log, aws_region(aws), ec2_image_snapshot(image),
		    is_encrypted(image), &x->blocks, &run->arena, &r, e) < 0 ||
		buf_puts(&text, "", e) < 0 || verify_text(&r, &text, e) < 0)
		return -1;
	event(run, aws, image, &r);
	if (r.good)
		log_say(&run->log, "%s on %s in %s: %zu blocks are what %s says", image->id,
			ec2_image_snapshot(image), aws_region(aws), r.equal,
			x->local ? "the image built here" : "its own list");
	else
		log_warn(&run->log, "%s on %s in %s: %s", image->id, ec2_image_snapshot(image),
			aws_region(aws), text.data);
	return r.good ? 0 : 1;
}

static int verify(struct run *run, struct aws *aws, struct expected *x, struct err *e)
{
	struct ec2_image image;
	if (local_image(run, x, e) < 0 || find(run, aws, x, &image, e) < 0)
		return -1;
	int rc = x->local ? 0 : read_list(run, aws, &image, x, e);
	if (rc != 0)
		return rc;
	if (run->options->dry_run) {
		log_say(&run->log, "would read %zu blocks of %s on %s in %s",
			blocks_present_count(&x->blocks), image.id, ec2_image_snapshot(&image),
			aws_region(aws));
		return 0;
	}
	return compare(run, aws, &image, x, e);
}

int goal_verify(struct run *run, struct err *e)
{
	cleanup_aws struct aws *aws = NULL;
	struct expected x = { .disk = DISKFILE_NONE };
	if (run_load(run, e) < 0 || run_problems(run, e) < 0 || run_aws(run, &aws, e) < 0)
		return -1;
	int rc = verify(run, aws, &x, e);
	diskfile_close(&x.disk);
	return rc;
}

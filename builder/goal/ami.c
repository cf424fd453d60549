#include "goal/ami.h"

#include <string.h>
#include <unistd.h>

#include "ami/leak.h"
#include "disk/disk.h"

static void leak_event(struct run *run, const struct leak *leak)
{
	struct json j = log_event(&run->log, &run->scratch, "leak");
	json_str(&j, "path", leak->path);
	json_str(&j, "reason", leak->reason);
	log_event_end(&run->log, &j);
}

/* 0: clean, 1: something was found. */
static int leak_gate(struct run *run, const char *image, struct err *e)
{
	struct leaks leaks;
	if (leak_search(image, &run->arena, &leaks, e) < 0)
		return -1;
	for (size_t i = 0; i < leaks.count; i++) {
		log_warn(&run->log, "%s: %s", leaks.list[i].path, leaks.list[i].reason);
		leak_event(run, &leaks.list[i]);
	}
	log_say(&run->log, "%s files, %s MiB searched for secrets: %s",
		number_text(leaks.files).text, number_text((size_t)(leaks.bytes >> 20)).text,
		leaks.count == 0 ? "none" : "there are some");
	struct json j = log_event(&run->log, &run->scratch, "leak-search");
	json_int(&j, "files", (long long)leaks.files);
	json_int(&j, "size", (long long)leaks.bytes);
	json_int(&j, "found", (long long)leaks.count);
	log_event_end(&run->log, &j);
	if (leaks.count > 0)
		log_warn(&run->log, "%zu file%s must not be in an image: nothing was sent",
			leaks.count, leaks.count == 1 ? "" : "s");
	return leaks.count > 0;
}

/* Build the image and ask of it what must hold before it may leave. */
static int gates(struct run *run, struct bundle *b, const char *image, struct err *e)
{
	if (run->options->boot_first && run->recipe.image.pos.line > 0 &&
		run->recipe.image.arch != IMAGE_X86_64)
		return err_set(e, ERR_INPUT, 0,
			"--boot-first: an image for %s: only those for x86_64 can be booted here",
			image_arch_name(run->recipe.image.arch));
	if (run_disk(run, b, e) < 0)
		return -1;
	if (run->options->dry_run && access(image, R_OK) < 0)
		return 0;
	int rc = leak_gate(run, image, e);
	if (rc == 0 && run->options->boot_first && !run->options->dry_run)
		rc = run_boot(run, b, e);
	return rc;
}

int run_ami(struct run *run, struct aws *aws, struct run_ami *ret, struct err *e)
{
	const char *out = run_out(run, e);
	struct bundle b = { 0 };
	int rc = out != NULL ? run_prepare(run, &b, e) : -1;
	const char *image =
		rc < 0 ? NULL
		       : arena_printf(&run->arena, e, "%s/%s/" DISK_NAME, out, run->recipe.name);
	/* Minutes in which ^C does what it does to the goal disk. */
	aws_pause(aws);
	rc = image != NULL ? gates(run, &b, image, e) : -1;
	if (rc == 0)
		run_notes(run, &b);
	bundle_free(&b);
	if (rc != 0)
		return rc;
	if (aws_resume(aws, e) < 0)
		return -1;
	ret->built = access(image, R_OK) == 0;
	if (!ret->built) {
		log_say(&run->log, "%s is not built yet: its content decides what is sent", image);
		return 0;
	}
	if (!run->disk_current)
		log_warn(&run->log,
			"%s is of other inputs than the recipe has now: what follows is about that "
			"one; build it for what would be sent",
			image);
	if (diskfile_open(&ret->disk, image, &run->arena, e) < 0 || run_id(&ret->id, e) < 0)
		return -1;
	const char *endpoint;
	if (aws_endpoint(aws, AWS_EBS, &endpoint, e) < 0)
		return -1;
	ret->digest = make_digest(&ret->disk);
	ret->job = (struct make_job){ .aws = aws,
		.log = &run->log,
		.scratch = &run->scratch,
		.arena = &run->arena,
		.recipe = &run->recipe,
		.out = out,
		.endpoint = endpoint,
		.disk = &ret->disk,
		.run = ret->id.text,
		.dry_run = run->options->dry_run };
	return 0;
}

void run_ami_end(struct run_ami *r)
{
	diskfile_close(&r->disk);
}

static int output(struct run *run, const struct made *m, struct err *e)
{
	if (run->options->dry_run)
		return 0;
	return run_output_env(run, "AMI_ID", m->image, e) < 0 ||
			       run_output_env(run, "SNAPSHOT_ID", m->snapshot, e) < 0 ||
			       run_output_env(run, "AMI_REGION", m->region, e) < 0
		       ? -1
		       : 0;
}

int goal_ami(struct run *run, struct err *e)
{
	cleanup_aws struct aws *aws = NULL;
	cleanup_run_ami struct run_ami ami = RUN_AMI_NONE;
	struct made made;
	/* First, so that a region that nobody said is told before minutes are spent. */
	if (run_aws(run, &aws, e) < 0)
		return -1;
	int rc = run_ami(run, aws, &ami, e);
	if (rc != 0 || !ami.built)
		return rc;
	if (make_image(&ami.job, aws_region(aws), NULL, &made, e) < 0)
		return -1;
	return output(run, &made, e);
}

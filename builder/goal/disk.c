#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "disk/disk.h"
#include "disk/record.h"
#include "goal/goal.h"

struct work {
	struct run *run;
	struct disk_request request;
	struct disk disk;
};

/* Whether the image in `place` was made of the same inputs and is still all there. */
static int up_to_date(
	struct work *w, const char *place, const struct sha256 *inputs, bool *ret, struct err *e)
{
	struct arena *a = &w->run->arena;
	const char *record_path = arena_printf(a, e, "%s/" RECORD_NAME, place);
	const char *image = arena_printf(a, e, "%s/" DISK_NAME, place);
	const char *sbom = arena_printf(a, e, "%s/" SBOM_NAME, place);
	if (record_path == NULL || image == NULL || sbom == NULL)
		return -1;
	struct stat st;
	struct record record;
	struct err ignored;
	*ret = stat(image, &st) == 0 && access(sbom, R_OK) == 0 &&
	       record_read(record_path, a, &record, &ignored) == 0 &&
	       strcmp(record.inputs, sha256_text(inputs).text) == 0 &&
	       (uint64_t)st.st_size == record.size;
	return 0;
}

static void product_event(struct run *run, const char *name, size_t size)
{
	struct json j = log_event(&run->log, &run->scratch, "product");
	json_str(&j, "path", name);
	json_int(&j, "size", (long long)size);
	log_event_end(&run->log, &j);
}

static struct text_number mebibytes(uint64_t bytes)
{
	return number_text((size_t)((bytes + (1 << 20) - 1) >> 20));
}

static void say_disk(struct run *run, const struct work *w, const struct base *base)
{
	const struct disk *d = &w->disk;
	uint64_t size = w->request.recipe->image.size;
	log_say(&run->log, "  %-28s %11s bytes, %s MiB written", DISK_NAME,
		number_text((size_t)size).text,
		mebibytes((uint64_t)d->blocks_present * RAW_BLOCK).text);
	log_say(&run->log, "  %-28s %11s bytes", RECORD_NAME, number_text(d->record.len).text);
	log_say(&run->log, "  %-28s %11s bytes", SBOM_NAME, number_text(d->sbom.len).text);
	log_say(&run->log, "%s: %s packages, %s files, kernel %s; root %s of %s MiB used",
		base->label, number_text(d->packages).text, number_text(d->files).text, d->kernel,
		mebibytes(d->usage.used).text, mebibytes(d->usage.size).text);
	product_event(run, DISK_NAME, (size_t)size);
	product_event(run, RECORD_NAME, d->record.len);
	product_event(run, SBOM_NAME, d->sbom.len);
}

/* Called while the set is being built. */
static int add(void *ctx, struct set *set, const char *place, bool *changed, struct err *e)
{
	struct work *w = ctx;
	struct run *run = w->run;
	struct sha256 inputs;
	bool current;
	if (w->request.base->path == NULL)
		current = false; /* a dry run, and what it would be made of is not there yet */
	else if (disk_inputs(&w->request, &inputs, e) < 0 ||
		 up_to_date(w, place, &inputs, &current, e) < 0)
		return -1;
	run->disk_current = current || set != NULL;
	if (current) {
		log_say(&run->log, "  %-28s up to date", DISK_NAME);
		return 0;
	}
	if (set == NULL) {
		log_say(&run->log, "  %-28s would be made%s", DISK_NAME,
			w->request.base->path == NULL ? ", and its base first" : "");
		*changed = true;
		return 0;
	}
	cleanup_fd int fd = -1;
	if (set_create(set, DISK_NAME, 0644, &fd, e) < 0)
		return -1;
	if (disk_make(&w->request, fd, &run->arena, &w->disk, e) < 0)
		return err_wrap(e, "%s", DISK_NAME);
	if (set_write(set, RECORD_NAME, w->disk.record.data, w->disk.record.len, 0644, e) < 0 ||
		set_write(set, SBOM_NAME, w->disk.sbom.data, w->disk.sbom.len, 0644, e) < 0)
		return -1;
	say_disk(run, w, w->request.base);
	*changed = true;
	return 0;
}

int run_disk(struct run *run, struct bundle *b, struct err *e)
{
	const struct recipe *r = &run->recipe;
	if (r->image.pos.line == 0)
		return err_set(e, ERR_INPUT, 0,
			"%s: no image section, from which a disk would be made: add image: {base: "
			"{debian: bookworm}}",
			run->options->recipe);
	struct base_request request;
	struct base base;
	if (disk_base_request(r, &run->arena, &request, e) < 0)
		return -1;
	request.update = run->options->update;
	request.has_epoch = b->options.epoch != 0;
	request.epoch = (int64_t)b->options.epoch;
	request.log = &run->log;
	request.look = run->options->dry_run;
	if (base_get(&request, &run->arena, &base, e) < 0)
		return -1;
	struct work w = { .run = run,
		.request = { .recipe = r,
			.tree = &b->tree,
			.image = &b->image,
			.base = &base,
			.jobs = run->options->jobs,
			.log = &run->log } };
	struct run_extra extra = { .add = add, .ctx = &w };
	int rc = run_build(run, b, &extra, e);
	disk_free(&w.disk);
	return rc;
}

int goal_disk(struct run *run, struct err *e)
{
	struct bundle b = { 0 };
	int rc = run_prepare(run, &b, e);
	if (rc == 0)
		rc = run_disk(run, &b, e);
	bundle_free(&b);
	return rc;
}

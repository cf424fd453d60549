#include "disk/disk.h"

#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "disk/arch.h"
#include "disk/bootchain.h"
#include "disk/enable.h"
#include "disk/gpt.h"
#include "disk/ident.h"
#include "disk/intake.h"
#include "disk/integrity.h"
#include "disk/merge.h"
#include "disk/record.h"
#include "disk/sbom.h"
#include "disk/scrub.h"

#define DPKG_STATUS "/var/lib/dpkg/status"
#define OS_RELEASE  "/usr/lib/os-release"

/* An image while it is made. */
struct work {
	const struct disk_request *q;
	const struct arch *arch;
	struct ident id;
	struct arena *arena;
	struct rootfs tree;
	struct intake *intake;
	struct dpkg_packages packages;
	struct bootchain boot;
	struct gpt_layout layout;
	struct raw raw;
	struct blocks blocks;
};

static bool wanted(void *ctx, const char *path)
{
	(void)ctx;
	return bootchain_wants(path) || enable_wants(path) || scrub_wants(path) ||
	       strcmp(path, DPKG_STATUS) == 0 || strcmp(path, OS_RELEASE) == 0;
}

/* What has no time of its own gets that of the newest thing in the base. */
static int64_t newest(const struct rootfs *r)
{
	int64_t t = 0;
	for (size_t i = 0; i < r->count; i++)
		if (r->list[i]->mtime > t)
			t = r->list[i]->mtime;
	return t;
}

static int read_base(struct work *w, struct err *e)
{
	const struct base *base = w->q->base;
	struct rootfs *r = &w->tree;
	const struct intake_keep keep = { .want = wanted };
	if (rootfs_init(r, w->arena, base->has_epoch ? base->epoch : 0, e) < 0 ||
		intake_open(base->path, w->q->jobs, w->arena, &w->intake, e) < 0 ||
		intake_scan(w->intake, r, &keep, e) < 0)
		return -1;
	if (!base->has_epoch)
		r->epoch = newest(r);
	const struct rootfs_node *status = rootfs_resolve(r, DPKG_STATUS);
	if (status == NULL || status->data == NULL)
		return 0;
	return dpkg_parse(DPKG_STATUS, status->data, status->size, w->arena, &w->packages, e);
}

static bool has_package(const struct work *w, const char *name)
{
	for (size_t i = 0; i < w->packages.count; i++)
		if (strcmp(w->packages.list[i].name, name) == 0)
			return true;
	return false;
}

/* A base of the user's must bring what the recipe installs. */
static int check_packages(const struct work *w, const struct words *words, struct err *e)
{
	for (size_t i = 0; w->packages.count > 0 && i < words->count; i++)
		if (!has_package(w, words->list[i].text))
			return err_set(e, ERR_INPUT, 0,
				"%s:%u:%u: package %s is not in the base %s: install it there, or "
				"take it out of the recipe",
				words->list[i].pos.file, words->list[i].pos.line,
				words->list[i].pos.col, words->list[i].text, w->q->base->label);
	return 0;
}

static int units(struct work *w, const struct words *words,
	int (*apply)(struct rootfs *r, const char *unit, struct err *e), struct err *e)
{
	for (size_t i = 0; i < words->count; i++)
		if (apply(&w->tree, words->list[i].text, e) < 0)
			return err_wrap(e, "%s:%u:%u", words->list[i].pos.file,
				words->list[i].pos.line, words->list[i].pos.col);
	return 0;
}

static int boot_files(struct work *w, struct err *e)
{
	const struct words *words = &w->q->recipe->image.arguments;
	const char **arguments = arena_array(w->arena, words->count + 1, sizeof(*arguments), e);
	if (arguments == NULL)
		return -1;
	for (size_t i = 0; i < words->count; i++)
		arguments[i] = words->list[i].text;
	const struct bootchain_options o = { .arch = w->arch,
		.id = &w->id,
		.token = w->q->recipe->name,
		.arguments = arguments,
		.argument_count = words->count };
	return bootchain_make(&w->tree, &o, w->arena, &w->boot, e);
}

/* From the base's tree to the image's. */
static int furnish(struct work *w, struct err *e)
{
	const struct recipe *recipe = w->q->recipe;
	const struct image *image = &recipe->image;
	struct rootfs *r = &w->tree;
	struct owners owners = { 0 };
	if (image->base == IMAGE_BASE_TAR && (check_packages(w, &recipe->packages, e) < 0 ||
						     check_packages(w, &image->packages, e) < 0 ||
						     scrub_exclude(r, &image->exclude, e) < 0))
		return -1;
	if (scrub_accounts(r, e) < 0 || scrub_base(r, e) < 0 || owners_read(r, &owners, e) < 0 ||
		scrub_setuid(r, &image->setuid, &owners, e) < 0 || boot_files(w, e) < 0)
		return -1;
	if (merge_tree(r, w->q->tree, &owners, e) < 0 || merge_tree(r, w->q->image, &owners, e) < 0)
		return -1;
	if (units(w, &image->mask, mask_unit, e) < 0 ||
		units(w, &recipe->services, enable_unit, e) < 0 ||
		units(w, &image->services, enable_unit, e) < 0)
		return -1;
	return integrity_add(r, e);
}

static int write_root(struct work *w, struct ext4_usage *ret, struct err *e)
{
	struct uuid fs = ident_uuid(&w->id, IDENT_FS);
	struct uuid seed = ident_uuid(&w->id, IDENT_HASH_SEED);
	struct ext4_options o = { .size = w->layout.root.size,
		.label = w->q->recipe->image.label,
		.time = (uint32_t)w->tree.epoch,
		.digest = true,
		.jobs = w->q->jobs };
	memcpy(o.uuid, fs.bytes, sizeof(o.uuid));
	memcpy(o.hash_seed, seed.bytes, sizeof(o.hash_seed));
	struct ext4_plan *plan;
	struct rootfs_source *source;
	if (ext4_plan(&w->tree, &o, w->arena, &plan, e) < 0)
		return err_wrap(e, "image.size");
	*ret = ext4_usage(plan);
	if (intake_source(w->intake, &source, e) < 0)
		return -1;
	return ext4_write(plan, source, &w->raw, w->layout.root.start, e);
}

static int write_image(struct work *w, int fd, struct ext4_usage *usage, struct err *e)
{
	uint64_t size = w->q->recipe->image.size;
	if (gpt_place(size, ESP_SIZE, blocks_region(size), EXT4_SIZE_MIN, &w->layout, e) < 0 ||
		raw_init(&w->raw, fd, size, w->arena, e) < 0)
		return -1;
	const struct esp_options esp = {
		.label = ESP_LABEL, .serial = ident_serial(&w->id, IDENT_ESP), .time = w->tree.epoch
	};
	if (write_root(w, usage, e) < 0 ||
		esp_write(&w->raw, &w->layout.esp, w->boot.files, w->boot.count, &esp, e) < 0 ||
		gpt_write(&w->raw, &w->layout, w->arch, &w->id, e) < 0)
		return -1;
	if (blocks_digest(&w->raw, w->layout.blocks.start, w->q->jobs, w->arena, &w->blocks, e) < 0)
		return -1;
	return blocks_write(&w->raw, &w->blocks, e);
}

static int write_record(struct work *w, const struct sha256 *inputs, struct buf *out, struct err *e)
{
	struct uuid_text esp = ident_uuid_text(&w->id, IDENT_ESP);
	struct uuid_text blocks = ident_uuid_text(&w->id, IDENT_BLOCKS);
	struct uuid_text root = ident_uuid_text(&w->id, IDENT_ROOT);
	const struct record_partition partitions[] = {
		{ "EFI system partition", GPT_TYPE_ESP, esp.text, w->layout.esp.start,
			w->layout.esp.size },
		{ "block digests", GPT_TYPE_BLOCKS, blocks.text, w->layout.blocks.start,
			w->layout.blocks.size },
		{ "root", w->arch->root_type, root.text, w->layout.root.start,
			w->layout.root.size },
	};
	const struct record_facts f = { .recipe = w->q->recipe->name,
		.tool = IMGBUILD_VERSION,
		.arch = w->arch->name,
		.size = w->q->recipe->image.size,
		.base = w->q->base->label,
		.base_digest = w->q->base->digest,
		.inputs = *inputs,
		.partitions = partitions,
		.partition_count = sizeof(partitions) / sizeof(partitions[0]),
		.block_size = RAW_BLOCK,
		.blocks = w->blocks.count,
		.blocks_present = blocks_present_count(&w->blocks),
		.blocks_digest = blocks_aggregate(&w->blocks),
		.packages = &w->packages,
		.tree = &w->tree };
	return record_write(&f, out, e);
}

static int write_sbom(struct work *w, const struct sha256 *inputs, struct buf *out, struct err *e)
{
	struct sbom_facts f = { .name = w->q->recipe->name,
		.tool = IMGBUILD_VERSION,
		.epoch = w->tree.epoch,
		.key = *inputs,
		.distro = { "", "", "" },
		.packages = &w->packages };
	struct sbom_files files = { 0 };
	const struct rootfs_node *release = rootfs_resolve(&w->tree, OS_RELEASE);
	if (release != NULL && release->data != NULL &&
		sbom_distro_parse(release->data, release->size, w->arena, &f.distro, e) < 0)
		return -1;
	if (sbom_files_find(&w->tree, w->arena, &files, e) < 0)
		return -1;
	f.files = &files;
	return sbom_write(&f, out, e);
}

static int make(struct work *w, int fd, struct disk *ret, struct err *e)
{
	if (read_base(w, e) < 0 || furnish(w, e) < 0 || write_image(w, fd, &ret->usage, e) < 0 ||
		write_record(w, &ret->inputs, &ret->record, e) < 0 ||
		write_sbom(w, &ret->inputs, &ret->sbom, e) < 0)
		return -1;
	ret->kernel = w->boot.version;
	ret->packages = w->packages.count;
	for (size_t i = 0; i < w->tree.count; i++)
		ret->files += !w->tree.list[i]->gone;
	ret->blocks = w->blocks.count;
	ret->blocks_present = blocks_present_count(&w->blocks);
	return 0;
}

int disk_make(
	const struct disk_request *q, int fd, struct arena *a, struct disk *ret, struct err *e)
{
	*ret = (struct disk){ 0 };
	struct work w = { .q = q,
		.arch = arch_find(image_arch_name(q->recipe->image.arch)),
		.id = { .recipe = q->recipe->name, .base = sha256_text(&q->base->digest) },
		.arena = a };
	if (disk_inputs(q, &ret->inputs, e) < 0)
		return -1;
	int rc = make(&w, fd, ret, e);
	intake_close(w.intake);
	return rc;
}

void disk_free(struct disk *d)
{
	buf_free(&d->record);
	buf_free(&d->sbom);
}

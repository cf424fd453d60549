#include "disk/gpt.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <unistd.h>

#include <libfdisk/libfdisk.h>

#include "base/file.h"

/* Bytes at the start: protective MBR, header, 32 sectors of entries. */
#define GPT_HEAD (34 * GPT_SECTOR)

static uint64_t round_up(uint64_t n)
{
	return (n + GPT_ALIGN - 1) / GPT_ALIGN * GPT_ALIGN;
}

int gpt_place(uint64_t size, uint64_t esp_size, uint64_t blocks_size, uint64_t root_min,
	struct gpt_layout *ret, struct err *e)
{
	const uint64_t limit = (uint64_t)1 << 60;
	if (size % GPT_SECTOR != 0)
		return err_set(e, ERR_INPUT, 0,
			"a disk of %llu bytes: not a whole number of sectors of %llu bytes",
			(unsigned long long)size, (unsigned long long)GPT_SECTOR);
	if (size > limit || esp_size > limit || blocks_size > limit || root_min > limit)
		return err_set(e, ERR_INPUT, 0, "a disk of more than 1 EiB");
	struct gpt_layout l = { .size = size };
	l.esp = (struct gpt_part){ GPT_ALIGN, round_up(esp_size) };
	l.blocks = (struct gpt_part){ l.esp.start + l.esp.size, blocks_size };
	l.root.start = round_up(l.blocks.start + l.blocks.size);
	uint64_t end = size > GPT_BACKUP ? (size - GPT_BACKUP) / GPT_ALIGN * GPT_ALIGN : 0;
	uint64_t need = root_min > GPT_ALIGN ? root_min : GPT_ALIGN;
	if (end < l.root.start || end - l.root.start < need) {
		uint64_t least = round_up(l.root.start + round_up(need) + GPT_BACKUP);
		return err_set(e, ERR_INPUT, 0,
			"a disk of %llu MiB is too small: at least %llu MiB are needed",
			(unsigned long long)(size >> 20), (unsigned long long)(least >> 20));
	}
	l.root.size = end - l.root.start;
	*ret = l;
	return 0;
}

static void context_free(struct fdisk_context **c)
{
	if (*c != NULL)
		fdisk_unref_context(*c);
}

static void partition_free(struct fdisk_partition **p)
{
	if (*p != NULL)
		fdisk_unref_partition(*p);
}

static void type_free(struct fdisk_parttype **t)
{
	if (*t != NULL)
		fdisk_unref_parttype(*t);
}

/* libfdisk's results: 0, a negative errno, or 1 for what has none. */
static int failed(int rc, const char *what, struct err *e)
{
	return err_set(e, ERR_MACHINE, rc < 0 ? -rc : 0, "%s", what);
}

struct entry {
	const struct gpt_part *part;
	const char *type;
	const char *purpose;
	const char *name;
};

static int add(struct fdisk_context *c, size_t number, const struct entry *entry,
	const struct ident *id, struct err *e)
{
	__attribute__((cleanup(partition_free))) struct fdisk_partition *p = fdisk_new_partition();
	__attribute__((cleanup(type_free))) struct fdisk_parttype *type =
		fdisk_label_parse_parttype(fdisk_get_label(c, "gpt"), entry->type);
	if (p == NULL || type == NULL)
		return err_nomem(e);
	struct uuid_text uuid = ident_uuid_text(id, entry->purpose);
	int rc = fdisk_partition_set_partno(p, number);
	if (rc == 0)
		rc = fdisk_partition_set_start(p, entry->part->start / GPT_SECTOR);
	if (rc == 0)
		rc = fdisk_partition_set_size(p, entry->part->size / GPT_SECTOR);
	if (rc == 0)
		rc = fdisk_partition_size_explicit(p, 1);
	if (rc == 0)
		rc = fdisk_partition_set_type(p, type);
	if (rc == 0)
		rc = fdisk_partition_set_name(p, entry->name);
	if (rc == 0)
		rc = fdisk_partition_set_uuid(p, uuid.text);
	if (rc == 0)
		rc = fdisk_add_partition(c, p, NULL);
	return rc == 0 ? 0 : failed(rc, "add a partition", e);
}

static int write_table(struct fdisk_context *c, const struct gpt_layout *layout,
	const struct arch *arch, const struct ident *id, struct err *e)
{
	const struct entry entries[] = {
		{ &layout->esp, GPT_TYPE_ESP, IDENT_ESP, "EFI system partition" },
		{ &layout->blocks, GPT_TYPE_BLOCKS, IDENT_BLOCKS, "imgbuild block digests" },
		{ &layout->root, arch->root_type, IDENT_ROOT, "root" },
	};
	struct uuid_text disk = ident_uuid_text(id, IDENT_DISK);
	int rc = fdisk_create_disklabel(c, "gpt");
	if (rc == 0)
		rc = fdisk_set_disklabel_id_from_string(c, disk.text);
	if (rc != 0)
		return failed(rc, "make a partition table", e);
	for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++)
		if (add(c, i, &entries[i], id, e) < 0)
			return err_wrap(e, "partition %zu", i + 1);
	rc = fdisk_write_disklabel(c);
	return rc == 0 ? 0 : failed(rc, "write the partition table", e);
}

/* Put what libfdisk wrote onto the image. */
static int copy(struct raw *raw, int from, uint64_t offset, size_t len, struct err *e)
{
	unsigned char data[GPT_HEAD];
	ssize_t n = pread(from, data, len, (off_t)offset);
	if (n < 0 || (size_t)n != len)
		return err_set(e, ERR_MACHINE, n < 0 ? errno : 0, "read the partition table");
	return raw_write(raw, offset, data, len, e);
}

int gpt_write(struct raw *raw, const struct gpt_layout *layout, const struct arch *arch,
	const struct ident *id, struct err *e)
{
	__attribute__((cleanup(context_free))) struct fdisk_context *c = fdisk_new_context();
	if (c == NULL)
		return err_nomem(e);
	if (layout->size != raw->size)
		return err_set(e, ERR_BUG, 0, "a partition table for another size of disk");
	/* Not on the image: libfdisk would look for signatures in it and sync it several times. */
	cleanup_fd int fd = memfd_create("partition table", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, (off_t)raw->size) < 0)
		return err_set(e, ERR_MACHINE, errno, "memory for the partition table");
	int rc = fdisk_disable_dialogs(c, 1);
	if (rc == 0)
		rc = fdisk_assign_device_by_fd(c, fd, "the image", false);
	if (rc != 0)
		return failed(rc, "open the image as a disk", e);
	rc = write_table(c, layout, arch, id, e);
	int closed = fdisk_deassign_device(c, 1);
	if (rc == 0 && closed != 0)
		rc = failed(closed, "write the partition table", e);
	if (rc < 0)
		return -1;
	if (copy(raw, fd, 0, GPT_HEAD, e) < 0 ||
		copy(raw, fd, raw->size - GPT_BACKUP, GPT_BACKUP, e) < 0)
		return err_wrap(e, "partition table");
	return 0;
}

#include <string.h>
#include <sys/stat.h>

#include "disk/ext4_internal.h"

#define BYTES_PER_INODE 16384u

int ext4_wrap_path(const struct rootfs_node *n, struct err *e)
{
	cleanup_buf struct buf path = { .max = 2 * ROOTFS_PATH_MAX };
	struct err other;
	if (rootfs_path(n, &path, &other) < 0)
		return err_wrap(e, "%s", n->name);
	return err_wrap(e, "%s", path.data);
}

/* A node that takes an inode now or, when gone, keeps its number free. */
static bool has_inode(const struct rootfs_node *n)
{
	return n->same_as == NULL && !(n->gone && n->overlay);
}

static bool has_slot(const struct ext4_plan *p, const struct rootfs_node *n)
{
	return has_inode(n) && n != p->r->root && n != p->lost;
}

static int check_options(const struct ext4_options *o, struct err *e)
{
	unsigned long long size = o->size;
	if (size % EXT4_BLOCK != 0)
		return err_set(e, ERR_BUG, 0, "ext4: %llu is no multiple of %u", size, EXT4_BLOCK);
	if (size < EXT4_SIZE_MIN)
		return err_set(e, ERR_INPUT, 0, "ext4: %llu bytes: a file system has at least %llu",
			size, (unsigned long long)EXT4_SIZE_MIN);
	if (size >= EXT4_SIZE_MAX)
		return err_set(e, ERR_INPUT, 0,
			"ext4: %llu bytes: a file system has less than %llu", size,
			(unsigned long long)EXT4_SIZE_MAX);
	if (o->label != NULL && strlen(o->label) > EXT4_LABEL_MAX)
		return err_set(e, ERR_INPUT, 0, "ext4: label %s: at most %d bytes", o->label,
			EXT4_LABEL_MAX);
	return 0;
}

static int check_spans(const struct rootfs_node *n, struct err *e)
{
	uint64_t end = 0;
	for (size_t i = 0; i < n->span_count; i++) {
		const struct rootfs_span *s = &n->spans[i];
		if (s->offset < end || s->offset > n->size || s->length > n->size - s->offset)
			return err_set(
				e, ERR_INPUT, 0, "a sparse file's pieces overlap or leave it");
		end = s->offset + s->length;
	}
	return 0;
}

static int check_file(const struct rootfs_node *n, struct err *e)
{
	if (n->size > ROOTFS_FILE_MAX)
		return err_set(e, ERR_INPUT, 0, "%llu bytes: a file has at most %llu",
			(unsigned long long)n->size, (unsigned long long)ROOTFS_FILE_MAX);
	if (n->size > 0 && n->data == NULL && n->late == NULL && n->entry == 0)
		return err_set(e, ERR_BUG, 0, "nothing brings its content");
	return check_spans(n, e);
}

static int check_node(const struct rootfs_node *n, struct err *e)
{
	switch (n->mode & S_IFMT) {
	case S_IFREG:
		return check_file(n, e);
	case S_IFLNK:
		if (n->target == NULL || n->target[0] == '\0' ||
			strlen(n->target) > ROOTFS_PATH_MAX)
			return err_set(e, ERR_INPUT, 0, "a link's target has 1 to %d bytes",
				ROOTFS_PATH_MAX);
		return 0;
	case S_IFDIR:
	case S_IFIFO:
	case S_IFSOCK:
		return 0;
	case S_IFCHR:
	case S_IFBLK:
		return ext4_device_check(n, e);
	default:
		return err_set(e, ERR_INPUT, 0, "mode %o: no kind of file", (unsigned)n->mode);
	}
}

static bool is_streamed(const struct rootfs_node *n)
{
	return !n->gone && n->same_as == NULL && S_ISREG(n->mode) && n->size > 0 &&
	       n->data == NULL && n->late == NULL;
}

static bool has_place(const struct rootfs_node *n)
{
	return S_ISDIR(n->mode) || n->xattrs != NULL || (S_ISREG(n->mode) && n->size > 0) ||
	       (S_ISLNK(n->mode) && strlen(n->target) > EXT4_FAST_LINK);
}

struct counts {
	uint32_t base;
	uint32_t overlay;
	size_t places;
	size_t entries; /* highest, and 1 */
};

static int count_nodes(struct ext4_plan *p, struct counts *ret, struct err *e)
{
	struct counts c = { .entries = 1 };
	uint64_t names = 0, links = 0;
	p->first_late = p->r->count;
	for (size_t i = 0; i < p->r->count; i++) {
		struct rootfs_node *n = p->r->list[i];
		n->ino = 0;
		n->place = NULL;
		if (!n->gone && !S_ISDIR(n->mode)) {
			names++;
			links += n->same_as == NULL ? n->links : 0;
		}
		if (!has_inode(n))
			continue;
		if (check_node(n, e) < 0)
			return ext4_wrap_path(n, e);
		if (has_slot(p, n))
			*(n->overlay ? &c.overlay : &c.base) += 1;
		if (ext4_is_late(n) && i < p->first_late)
			p->first_late = i;
		c.places += !n->gone && has_place(n);
		p->streamed += is_streamed(n);
		if (is_streamed(n) && n->entry >= c.entries)
			c.entries = n->entry + 1;
	}
	if (names != links)
		return err_set(e, ERR_BUG, 0, "ext4: %llu names, %llu counted in their files",
			(unsigned long long)names, (unsigned long long)links);
	*ret = c;
	return 0;
}

/* The tree's lost+found, or one beside it. */
static int find_lost(struct ext4_plan *p, struct arena *a, struct err *e)
{
	static const char name[] = "lost+found";
	p->lost = rootfs_child(p->r, p->r->root, name, sizeof(name) - 1);
	if (p->lost != NULL && (!S_ISDIR(p->lost->mode) || p->lost->same_as != NULL))
		return err_set(e, ERR_INPUT, 0, "/%s: ext4 has a folder there", name);
	if (p->lost != NULL)
		return 0;
	p->lost = arena_alloc(a, sizeof(*p->lost), e);
	if (p->lost == NULL)
		return -1;
	*p->lost = (struct rootfs_node){ .name = name,
		.parent = p->r->root,
		.mode = S_IFDIR | 0700,
		.mtime = p->o.time,
		.links = 1 };
	p->lost_added = true;
	return 0;
}

static int size_up(struct ext4_plan *p, const struct counts *c, struct arena *a, struct err *e)
{
	cleanup_ext4_fs ext2_filsys fs = NULL;
	uint64_t need = EXT4_INO_LOST + (uint64_t)c->base, more = need + need / 4;
	if (c->overlay > 0) {
		need += EXT4_ALIGN_INODES + (uint64_t)c->overlay;
		more += 2 * EXT4_ALIGN_INODES + (uint64_t)c->overlay;
	}
	more = (more + EXT4_ALIGN_INODES - 1) / EXT4_ALIGN_INODES * EXT4_ALIGN_INODES;
	uint64_t usual = p->o.size / BYTES_PER_INODE, inodes = usual >= need ? usual : more;
	/* A bitmap has as many bits: with more libext2fs would make the groups smaller. */
	uint64_t groups = p->o.size / EXT4_BLOCK / EXT4_GROUP;
	uint64_t most = (groups > 0 ? groups : 1) * EXT4_BLOCK * 8;
	if (most > UINT32_MAX - EXT4_GROUP)
		most = UINT32_MAX - EXT4_GROUP;
	if (inodes > most)
		inodes = most;
	if (ext4_fs_open(&p->o, (uint32_t)inodes, &fs, e) < 0)
		return -1;
	if (fs->super->s_inodes_count < need)
		return err_set(e, ERR_INPUT, 0,
			"%llu inodes needed, %lu there in a file system of %llu bytes",
			(unsigned long long)need, (unsigned long)fs->super->s_inodes_count,
			(unsigned long long)p->o.size);
	return ext4_geometry(fs, a, &p->g, e);
}

/* Numbers in the order of the list, the overlay's from the next 512 KiB of the table on. */
static int number_nodes(struct ext4_plan *p, const struct counts *c, struct arena *a, struct err *e)
{
	uint32_t base = EXT4_INO_FIRST, overlay = EXT4_INO_FIRST + c->base;
	if (c->overlay > 0)
		overlay = (overlay - 1 + EXT4_ALIGN_INODES - 1) / EXT4_ALIGN_INODES *
				  EXT4_ALIGN_INODES +
			  1;
	p->overlay_slot = overlay - EXT4_INO_FIRST;
	p->slot_count = p->overlay_slot + c->overlay;
	p->entries = c->entries;
	p->slots = arena_array(a, (size_t)p->slot_count + 1, sizeof(struct rootfs_node *), e);
	p->by_entry = arena_array(a, c->entries, sizeof(*p->by_entry), e);
	struct ext4_place *places = arena_array(a, c->places + 1, sizeof(*places), e);
	if (p->slots == NULL || p->by_entry == NULL || places == NULL)
		return -1;
	if (p->lost_added)
		p->lost->place = places++;
	p->lost->ino = EXT4_INO_LOST;
	p->r->root->ino = EXT4_INO_ROOT;
	p->inodes_used = EXT4_INO_LOST;
	for (size_t i = 0; i < p->r->count; i++) {
		struct rootfs_node *n = p->r->list[i];
		if (!has_inode(n))
			continue;
		uint32_t ino = n->ino;
		if (has_slot(p, n))
			ino = n->overlay ? overlay++ : base++;
		if (n->gone)
			continue;
		n->ino = ino;
		if (has_slot(p, n)) {
			p->slots[ino - EXT4_INO_FIRST] = n;
			p->inodes_used++;
		}
		if (has_place(n))
			n->place = places++;
		if (is_streamed(n))
			p->by_entry[n->entry] = (uint32_t)(i + 1);
	}
	return 0;
}

static uint64_t overhead(const struct ext4_geometry *g)
{
	uint64_t blocks = g->blocks;
	for (size_t i = 0; i < g->map.count; i++)
		blocks -= g->map.runs[i].end - g->map.runs[i].start;
	return blocks;
}

int ext4_plan(struct rootfs *r, const struct ext4_options *o, struct arena *a,
	struct ext4_plan **ret, struct err *e)
{
	struct counts c = { 0 };
	if (check_options(o, e) < 0)
		return -1;
	struct ext4_plan *p = arena_alloc(a, sizeof(*p), e);
	if (p == NULL)
		return -1;
	*p = (struct ext4_plan){ .r = r, .o = *o };
	if (find_lost(p, a, e) < 0 || count_nodes(p, &c, e) < 0 || size_up(p, &c, a, e) < 0 ||
		number_nodes(p, &c, a, e) < 0 || ext4_layout(p, e) < 0)
		return -1;
	p->usage.size = p->g.blocks * EXT4_BLOCK;
	p->usage.used = overhead(&p->g) * EXT4_BLOCK + p->usage.content;
	p->usage.base_end = p->base_end * EXT4_BLOCK;
	p->usage.inodes = p->g.inodes;
	p->usage.inodes_used = p->inodes_used;
	*ret = p;
	return 0;
}

struct ext4_usage ext4_usage(const struct ext4_plan *p)
{
	return p->usage;
}

#include "disk/ext4_internal.h"

struct ext4_cursor ext4_cursor_at_start(const struct ext4_map *map)
{
	return (struct ext4_cursor){ .map = map, .at = map->count > 0 ? map->runs[0].start : 0 };
}

/* Leave a run that is used up; false: there is none left. */
static bool settle(const struct ext4_map *map, size_t *run, uint64_t *at)
{
	while (*run < map->count && *at >= map->runs[*run].end)
		if (++*run < map->count && *at < map->runs[*run].start)
			*at = map->runs[*run].start;
	return *run < map->count;
}

void ext4_cursor_align(struct ext4_cursor *c, uint32_t unit)
{
	do
		c->at = (c->at + unit - 1) / unit * unit;
	while (settle(c->map, &c->run, &c->at) && c->at % unit != 0);
}

uint64_t ext4_cursor_take(struct ext4_cursor *c, uint64_t count)
{
	uint64_t start = 0;
	bool first = true;
	while (count > 0 && settle(c->map, &c->run, &c->at)) {
		uint64_t left = c->map->runs[c->run].end - c->at;
		uint64_t step = count < left ? count : left;
		if (first)
			start = c->at;
		first = false;
		c->at += step;
		c->taken += step;
		count -= step;
	}
	c->missing += count;
	return start;
}

bool ext4_cursor_take_whole(struct ext4_cursor *c, uint64_t count, uint64_t *ret)
{
	while (settle(c->map, &c->run, &c->at) && c->map->runs[c->run].end - c->at < count)
		c->at = c->map->runs[c->run].end;
	if (c->run == c->map->count)
		return false;
	*ret = c->at;
	c->at += count;
	return true;
}

struct ext4_walk ext4_walk_from(const struct ext4_map *map, uint64_t start)
{
	size_t low = 0, high = map->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (map->runs[middle].end <= start)
			low = middle + 1;
		else
			high = middle;
	}
	return (struct ext4_walk){ .map = map, .run = low, .at = start };
}

uint64_t ext4_walk_next(struct ext4_walk *w, uint64_t count, uint64_t *ret_start)
{
	if (!settle(w->map, &w->run, &w->at))
		return 0;
	uint64_t left = w->map->runs[w->run].end - w->at;
	uint64_t step = count < left ? count : left;
	*ret_start = w->at;
	w->at += step;
	return step;
}

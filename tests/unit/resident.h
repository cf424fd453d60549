/*
 * How much of a mapping is resident: proc_pid_pagemap(5).
 */
#ifndef IMGBUILD_TESTS_RESIDENT_H
#define IMGBUILD_TESTS_RESIDENT_H

#include <stdint.h>
#include <stdio.h>

#include "check.h"

/* Pages of 4 KiB. */
static inline size_t resident_pages(const unsigned char *map, uint64_t len)
{
	FILE *f = fopen("/proc/self/pagemap", "r");
	size_t count = 0;
	assert_non_null(f);
	for (uint64_t i = 0; i < len; i += 4096) {
		uint64_t entry;
		assert_int_equal(fseek(f, (long)(((uintptr_t)map + i) / 4096 * 8), SEEK_SET), 0);
		assert_int_equal(fread(&entry, 8, 1, f), 1);
		count += entry >> 63;
	}
	fclose(f);
	return count;
}

#endif

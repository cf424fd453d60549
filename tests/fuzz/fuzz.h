/*
 * What the fuzzers share: the entry point that libFuzzer and replay.c call, and a check that stays
 * in whatever the build.
 */
#ifndef IMGBUILD_TESTS_FUZZ_H
#define IMGBUILD_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void must(int good)
{
	if (!good)
		abort();
}

#endif

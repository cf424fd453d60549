#include "disk/arch.h"

#include <string.h>

static const struct arch ARCHES[] = {
	{
		.name = "x86_64",
		.debian = "amd64",
		.efi = "x64",
		.removable = "BOOTX64.EFI",
		.root_type = "4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709",
		.console = "ttyS0",
	},
	{
		.name = "arm64",
		.debian = "arm64",
		.efi = "aa64",
		.removable = "BOOTAA64.EFI",
		.root_type = "B921B045-1DF0-41C3-AF44-4C6F280D3FAE",
		.console = "ttyAMA0",
	},
};

const struct arch *arch_at(size_t i)
{
	return i < sizeof(ARCHES) / sizeof(ARCHES[0]) ? &ARCHES[i] : NULL;
}

const struct arch *arch_find(const char *name)
{
	for (size_t i = 0; arch_at(i) != NULL; i++)
		if (strcmp(ARCHES[i].name, name) == 0)
			return &ARCHES[i];
	return NULL;
}

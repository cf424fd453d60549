#include "bundle/intake.h"

#include <stddef.h>
#include <string.h>

#include "bundle/quote.h"

static bool ends(const char *name, const char *tail)
{
	size_t n = strlen(name), t = strlen(tail);
	return n > t && strcmp(name + n - t, tail) == 0;
}

bool intake_ignores(const char *name)
{
	static const char *const names[] = { ".git", ".gitignore", ".gitkeep", ".gitattributes",
		".hg", ".svn", ".DS_Store", "__pycache__" };
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	size_t n = strlen(name);
	bool swap = n > 5 && name[0] == '.' && strncmp(name + n - 4, ".sw", 3) == 0 &&
		    name[n - 1] >= 'a' && name[n - 1] <= 'p';
	return swap || ends(name, "~") || ends(name, ".pyc") || strncmp(name, ".#", 2) == 0 ||
	       (n > 2 && name[0] == '#' && name[n - 1] == '#');
}

const char *intake_refuses(const char *name)
{
	for (const unsigned char *p = (const unsigned char *)name; *p != '\0'; p++)
		if (*p < 0x20 || *p == 0x7f)
			return "a control character in the name: rename it";
	if (!quote_is_utf8(name, strlen(name)))
		return "a name that is no UTF-8: rename it";
	if (ends(name, ".orig"))
		return "NAME.orig is where the hub keeps the vendor's files: rename or remove it";
	if (ends(name, ".rej"))
		return "looks like what a failed patch left: remove it";
	if (strcmp(name, ".in") == 0)
		return "a template without a name: NAME.in becomes NAME";
	return NULL;
}

const char *intake_refuses_place(const char *path)
{
	static const char *const made_at_boot[] = { "/dev", "/proc", "/run", "/sys", "/tmp",
		"/var/run", "/var/tmp" };
	for (size_t i = 0; i < sizeof(made_at_boot) / sizeof(*made_at_boot); i++) {
		size_t n = strlen(made_at_boot[i]);
		if (strncmp(path, made_at_boot[i], n) == 0 && path[n] == '/')
			return "below a folder that the system makes or clears at boot: put it "
			       "elsewhere, or let tmpfiles.d make it";
	}
	return NULL;
}

#include "base/library.h"

#include <dlfcn.h>
#include <string.h>

int library_load(const char *soname, const char *package, const char *const *names, size_t count,
	void *calls, struct err *e)
{
	void *handle = dlopen(soname, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	if (handle == NULL)
		return err_set(e, ERR_MACHINE, 0, "%s cannot be loaded (Debian: %s): %s", soname,
			package, dlerror());
	char *slot = calls;
	for (size_t i = 0; i < count; i++) {
		void *f = dlsym(handle, names[i]);
		if (f == NULL)
			return err_set(e, ERR_MACHINE, 0, "%s has no %s: a newer one is needed",
				soname, names[i]);
		memcpy(slot + i * sizeof(f), &f, sizeof(f));
	}
	return 0;
}

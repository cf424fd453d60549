/*
 * Runs a fuzzer's function over files: each argument is a file, or a folder whose files are all
 * taken. For compilers without libFuzzer, and for the corpus in the ordinary test run.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz.h"

static int run_file(const char *path, size_t size)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = malloc(size != 0 ? size : 1);
	if (f == NULL || data == NULL || fread(data, 1, size, f) != size) {
		fprintf(stderr, "replay: %s: %s\n", path, strerror(errno));
		exit(1);
	}
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	fclose(f);
	return 1;
}

static int run_path(const char *path)
{
	struct stat st;
	if (stat(path, &st) < 0) {
		fprintf(stderr, "replay: %s: %s\n", path, strerror(errno));
		exit(1);
	}
	if (!S_ISDIR(st.st_mode))
		return run_file(path, (size_t)st.st_size);
	DIR *dir = opendir(path);
	if (dir == NULL) {
		fprintf(stderr, "replay: %s: %s\n", path, strerror(errno));
		exit(1);
	}
	int count = 0;
	struct dirent *d;
	while ((d = readdir(dir)) != NULL) {
		char below[4096];
		if (d->d_name[0] == '.')
			continue;
		int n = snprintf(below, sizeof(below), "%s/%s", path, d->d_name);
		if (n < 0 || (size_t)n >= sizeof(below) || stat(below, &st) < 0 ||
			!S_ISREG(st.st_mode))
			continue;
		count += run_file(below, (size_t)st.st_size);
	}
	closedir(dir);
	return count;
}

int main(int argc, char **argv)
{
	int count = 0;
	for (int i = 1; i < argc; i++)
		count += run_path(argv[i]);
	if (count == 0) {
		fprintf(stderr, "replay: no inputs\n");
		return 1;
	}
	printf("%s: %d inputs\n", argv[0], count);
	return 0;
}

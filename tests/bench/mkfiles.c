/*
 * What creating files costs by itself: load the files of FROM, then create them in TO, which must
 * not exist, sync, and print the milliseconds that the creating took and that the sync took.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct file {
	char *name;
	char *data;
	size_t len;
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: mkfiles FROM TO\n");
		return 2;
	}
	struct file *files = NULL;
	size_t count = 0;
	DIR *dir = opendir(argv[1]);
	if (dir == NULL)
		die(argv[1]);
	for (struct dirent *d; (d = readdir(dir)) != NULL;) {
		int fd = openat(dirfd(dir), d->d_name, O_RDONLY | O_CLOEXEC);
		struct stat st;
		if (fd < 0 || fstat(fd, &st) < 0)
			die(d->d_name);
		if (S_ISREG(st.st_mode)) {
			if (count % 4096 == 0)
				files = realloc(files, (count + 4096) * sizeof(*files));
			struct file *f = &files[count++];
			f->name = strdup(d->d_name);
			f->len = (size_t)st.st_size;
			f->data = malloc(f->len + 1);
			if (f->data == NULL || read(fd, f->data, f->len) != st.st_size)
				die(d->d_name);
		}
		close(fd);
	}
	double start = now();
	if (mkdir(argv[2], 0777) < 0)
		die(argv[2]);
	int to = open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < count; i++) {
		int fd = openat(to, files[i].name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
		if (fd < 0 || write(fd, files[i].data, files[i].len) != (ssize_t)files[i].len ||
			close(fd) < 0)
			die(files[i].name);
	}
	double made = now();
	if (syncfs(to) < 0)
		die("syncfs");
	printf("%.1f %.1f\n", made - start, now() - made);
	return 0;
}

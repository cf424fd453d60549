#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "aws/client.h"
#include "base/file.h"
#include "goal/goal.h"

int run_aws(struct run *run, struct aws **ret, struct err *e)
{
	const struct options *o = run->options;
	struct aws_options a = { .profile = o->profile,
		.region = o->region,
		.endpoint = o->endpoint,
		.ca_bundle = o->ca_bundle,
		.log = &run->log };
	/* Before anything is made that could not be told there in the end. */
	if (o->output_env != NULL && !o->dry_run) {
		cleanup_fd int fd =
			open(o->output_env, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
		if (fd < 0)
			return err_set(e, ERR_MACHINE, errno, "open %s", o->output_env);
	}
	return aws_open(&a, ret, e);
}

int run_output_env(struct run *run, const char *name, const char *value, struct err *e)
{
	const char *path = run->options->output_env;
	cleanup_buf struct buf line = { 0 };
	if (path == NULL)
		return 0;
	/* Appended: pipelines hand over a file that holds others' lines. */
	cleanup_fd int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	if (fd < 0)
		return err_set(e, ERR_MACHINE, errno, "open %s", path);
	if (buf_printf(&line, e, "%s=%s\n", name, value) < 0)
		return -1;
	return file_write_all(fd, line.data, line.len, e) < 0 ? err_wrap(e, "%s", path) : 0;
}

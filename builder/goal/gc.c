#include "ami/gc.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "goal/goal.h"

#define JOURNAL_MAX ((size_t)256 << 20)

/*
 * Read without its lock: another run may be writing it, and a snapshot that it names anywhere is
 * that run's.
 */
static int journaled(void *ctx, const char *region, const char *snapshot, bool *ret, struct err *e)
{
	struct run *run = ctx;
	cleanup_buf struct buf text = { .max = JOURNAL_MAX };
	const char *out = run_out(run, e);
	const char *path = out == NULL ? NULL
				       : arena_printf(&run->arena, e, "%s/.%s.upload/%s.journal",
						 out, run->recipe.name, region);
	if (path == NULL)
		return -1;
	struct err why;
	*ret = false;
	if (access(path, F_OK) < 0)
		return 0;
	if (file_read(AT_FDCWD, path, JOURNAL_MAX, &text, &why) < 0) {
		/* Whatever it names is somebody's. */
		*ret = true;
		return 0;
	}
	*ret = text.len > 0 && strstr(text.data, snapshot) != NULL;
	return 0;
}

int goal_gc(struct run *run, struct err *e)
{
	cleanup_aws struct aws *aws = NULL;
	if (run_load(run, e) < 0 || run_problems(run, e) < 0 || run_aws(run, &aws, e) < 0)
		return -1;
	struct gc_job job = { .aws = aws,
		.publish = &run->recipe.publish,
		.recipe = run->recipe.name,
		.keep = run->recipe.keep,
		.shared = run->options->shared,
		.dry_run = run->options->dry_run,
		.log = &run->log,
		.scratch = &run->scratch,
		.arena = &run->arena,
		.journaled = journaled,
		.ctx = run };
	return gc_run(&job, e);
}

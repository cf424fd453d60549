#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "boot/relay.h"
#include "goal/goal.h"
#include "goal/help.h"

static void print_about(const struct options *o)
{
	static const struct {
		const char *what;
		void (*print)(FILE *out);
	} printers[] = {
		{ "man", man_print },
		{ "bash", completion_bash },
		{ "zsh", completion_zsh },
		{ "reference", reference_print },
	};
	if (o->help)
		help_print(stdout);
	else if (o->version)
		puts("imgbuild " IMGBUILD_VERSION);
	else
		for (size_t i = 0; i < sizeof(printers) / sizeof(printers[0]); i++)
			if (strcmp(o->print, printers[i].what) == 0)
				printers[i].print(stdout);
}

static void print_problems(struct run *run)
{
	struct diag *d = &run->diag;
	diag_sort(d);
	for (size_t i = 0; i < d->count; i++) {
		const struct problem *p = &d->list[i];
		if (p->pos.line > 0)
			log_warn(&run->log, "%s:%u:%u: %s", p->pos.file, p->pos.line, p->pos.col,
				p->text);
		else
			log_warn(&run->log, "%s: %s", p->pos.file, p->text);
		struct json j = log_event(&run->log, &run->scratch, "problem");
		json_str(&j, "file", p->pos.file);
		json_int(&j, "line", p->pos.line);
		json_int(&j, "column", p->pos.col);
		json_str(&j, "text", p->text);
		log_event_end(&run->log, &j);
	}
	if (d->dropped > 0)
		log_warn(&run->log, "%s: %zu more problems are not shown", run->options->recipe,
			d->dropped);
}

static void print_error(struct run *run, const struct err *e)
{
	log_warn(&run->log, "imgbuild: %s", e->msg);
	struct json j = log_event(&run->log, &run->scratch, "error");
	json_str(&j, "text", e->msg);
	json_int(&j, "status", e->kind);
	json_bool(&j, "again", e->again);
	log_event_end(&run->log, &j);
	if (e->kind == ERR_USAGE)
		log_warn(&run->log, "Try 'imgbuild --help'.");
}

static int find_goal(const struct options *o, const struct goal **ret, struct err *e)
{
	if (o->recipe == NULL)
		return err_set(e, ERR_USAGE, 0, "which recipe? For example: imgbuild hub");
	const struct goal *goal = o->goal != NULL ? goal_find(o->goal) : GOAL_DEFAULT;
	if (goal == NULL) {
		const char *near = goal_nearest(o->goal);
		return err_set(e, ERR_USAGE, 0, "unknown goal %s%s%s%s", o->goal,
			near != NULL ? ": did you mean " : "", near != NULL ? near : "",
			near != NULL ? "?" : "");
	}
	for (size_t i = 0; i < OPT_COUNT; i++) {
		const char *goals = OPTIONS[i].goals;
		if (o->given[OPTIONS[i].id] && goals != NULL && !options_listed(goals, goal->name))
			return err_set(e, ERR_USAGE, 0, "--%s goes with the goal%s %s",
				OPTIONS[i].name, strchr(goals, ' ') != NULL ? "s" : "", goals);
	}
	*ret = goal;
	return 0;
}

static int act(struct run *run, struct err *e)
{
	const struct options *o = run->options;
	if (o->help || o->version || o->print != NULL) {
		print_about(o);
		return 0;
	}
	const struct goal *goal = NULL;
	if (o->relay != 0)
		return relay_run(STDIN_FILENO, STDOUT_FILENO, o->relay, e);
	if (find_goal(o, &goal, e) < 0 || goal == NULL)
		return -1;
	return goal->run(run, e);
}

int main(int argc, char **argv)
{
	/* libarchive and messages meet non-ASCII file names: UTF-8 whatever the caller's locale. */
	if (setlocale(LC_CTYPE, "C.UTF-8") == NULL)
		setlocale(LC_CTYPE, "");

	/* Lines as they are said, in a pipeline's log too. */
	setvbuf(stdout, NULL, _IOLBF, BUFSIZ);

	struct options options = { 0 };
	struct err e = { 0 };
	struct run run = { .options = &options, .log = { .out = stdout, .err = stderr } };
	run.diag.arena = &run.arena;
	int rc = options_parse(argc, argv, &options, &e);
	if (rc == 0) {
		run.log.quiet = options.quiet;
		run.log.verbose = options.verbose;
		run.log.json = options.json;
		rc = act(&run, &e);
	}
	print_problems(&run);
	if (rc >= 0 && log_finish(&run.log, &e) < 0)
		rc = -1;
	if (rc < 0)
		print_error(&run, &e);
	fflush(stdout);
	buf_free(&run.scratch);
	arena_free(&run.arena);
	return rc < 0 ? (int)e.kind : rc;
}

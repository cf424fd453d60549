#include "goal/goal.h"

int goal_check(struct run *run, struct err *e)
{
	struct bundle b = { 0 };
	int rc = run_prepare(run, &b, e);
	if (rc == 0)
		rc = bundle_make(&b, SINK_NOWHERE, e);
	if (rc == 0) {
		run_notes(run, &b);
		char more[64] = "";
		if (b.image.count > 0)
			snprintf(more, sizeof(more), ", %zu more in its image", b.image.count);
		log_say(&run->log, "%s: no problems: %zu site%s, %zu file%s on the hub%s",
			run->options->recipe, run->recipe.sites.count,
			run->recipe.sites.count == 1 ? "" : "s", b.tree.count,
			b.tree.count == 1 ? "" : "s", more);
		struct json j = log_event(&run->log, &run->scratch, "done");
		json_str(&j, "recipe", run->recipe.name);
		json_int(&j, "sites", (long long)run->recipe.sites.count);
		log_event_end(&run->log, &j);
	}
	bundle_free(&b);
	return rc;
}

/*
 * What a boot tells in the end.
 */
#ifndef IMGBUILD_BOOT_REPORT_H
#define IMGBUILD_BOOT_REPORT_H

#include "boot/watch.h"

/* The verdict, why it is what it is, and what the guest asked for. `end` is what ended the wait.
 * ERR_MACHINE. */
must_check int report_verdict(
	const struct watch *t, enum watch_end end, bool ready, bool joins, struct err *e);

must_check int report_asked(const struct world *w, struct err *e);

#endif

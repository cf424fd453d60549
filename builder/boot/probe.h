/*
 * Asks an ad-hoc guest over ssh whether it is ready: a stock system says nothing on its console.
 */
#ifndef IMGBUILD_BOOT_PROBE_H
#define IMGBUILD_BOOT_PROBE_H

#include "boot/watch.h"

/* Ask when it is time, take the answer when it is there; does not wait. ERR_MACHINE. */
must_check int probe_run(struct watch *t, struct err *e);

void probe_stop(struct watch *t);

#endif

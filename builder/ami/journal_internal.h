/* Between journal.c and journal_read.c. */
#ifndef IMGBUILD_AMI_JOURNAL_INTERNAL_H
#define IMGBUILD_AMI_JOURNAL_INTERNAL_H

#include "ami/journal.h"

/* A block was acknowledged, now or in a record that was read. ERR_MACHINE. */
must_check int journal_note(struct journal *j, size_t block, struct err *e);

#endif

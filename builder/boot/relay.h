/*
 * The way from the guest's 169.254.169.254:80 to the metadata service.
 *
 * QEMU's user network can hand each connection to an address of the guest's network to a program of
 * its own (guestfwd=...-cmd:...). That program is this one: `imgbuild --relay PORT` carries bytes
 * between its standard input and output and 127.0.0.1:PORT. (The form that needs no program shares
 * one connection between all requests, and the host's own port 80 would need root.)
 */
#ifndef IMGBUILD_BOOT_RELAY_H
#define IMGBUILD_BOOT_RELAY_H

#include "base/buf.h"
#include "base/err.h"

/* Carry bytes until the far side is done. ERR_REMOTE: nobody listens; ERR_MACHINE. */
must_check int relay_run(int in, int out, unsigned port, struct err *e);

/* `imgbuild --relay PORT`: its exit status. A message goes to standard error. */
int relay_main(const char *port);

/*
 * Append the command with which a child of this process, or a child of a child, becomes the relay.
 * It names the program by this process, so that neither blanks, quotes and commas in its path nor
 * a newer program put in its place get between. ERR_MACHINE.
 */
must_check int relay_command(unsigned port, struct buf *out, struct err *e);

#endif

/*
 * The services that a guest meets, on ports of 127.0.0.1: the instance metadata service over HTTP,
 * and the AWS services over TLS, all on one port. Carried by libmicrohttpd, which is loaded when
 * this is started. Nothing runs by itself: the caller waits for service_fds and calls service_run.
 */
#ifndef IMGBUILD_BOOT_SERVICE_H
#define IMGBUILD_BOOT_SERVICE_H

#include "boot/asked.h"
#include "boot/aws_local.h"
#include "boot/imds.h"
#include "boot/tls.h"

enum service_port { PORT_METADATA, PORT_AWS, PORT_COUNT };

struct service;

struct service_options {
	struct imds *imds; /* the caller's, as all here: must outlive the service */
	struct aws_local *aws;
	struct asked *asked;
	const struct tls_identity *tls;
};

/* Listen. NULL: ERR_MACHINE, the library is missing or cannot. The caller stops it. */
must_check struct service *service_start(const struct service_options *o, struct err *e);

unsigned service_port(const struct service *s, enum service_port which);

/* Descriptors that become readable when there is work. */
void service_fds(const struct service *s, int ret[PORT_COUNT]);
/* Milliseconds after which service_run must be called whatever the descriptors say; -1: none. */
int service_timeout(const struct service *s);
/* Do the work that there is; does not wait. ERR_MACHINE. */
must_check int service_run(struct service *s, struct err *e);

/* Takes NULL. */
void service_stop(struct service *s);

#endif

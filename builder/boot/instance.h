/*
 * The instance that a guest is told to be. Its addresses are those of QEMU's user network, which
 * has to hold the metadata service's address: so it is the link-local network.
 */
#ifndef IMGBUILD_BOOT_INSTANCE_H
#define IMGBUILD_BOOT_INSTANCE_H

#include <time.h>

#include "boot/metadata.h"

#define INSTANCE_NETWORK  "169.254.0.0/16"
#define INSTANCE_GATEWAY  "169.254.0.2" /* this machine's loopback, from the guest */
#define INSTANCE_ADDRESS  "169.254.10.15"
#define INSTANCE_PUBLIC   "203.0.113.10" /* RFC 5737: nobody's */
#define INSTANCE_METADATA "169.254.169.254"
#define INSTANCE_MAC      "02:00:5e:00:53:01" /* RFC 7042's for documentation, made local */
#define INSTANCE_ID       "i-0123456789abcdef0"
#define INSTANCE_TYPE     "t3.micro"
#define INSTANCE_VOLUME   "vol0123456789abcdef0"
/* cloud-init knows EC2 by both being equal and beginning with lower-case ec2. */
#define INSTANCE_UUID     "ec2b0075-0123-4567-89ab-cdef01234567"
#define INSTANCE_ROLE     "hub"

struct credentials {
	char key[24];    /* AccessKeyId: ASIA and 16 letters and digits */
	char secret[48]; /* 40 characters */
	char token[72];
};

struct instance {
	const char *region;
	const char *ssh_key; /* one line of authorized_keys; NULL: none */
	const char *user_data;
	size_t user_data_size; /* bytes; 0: none */
	const struct credentials *credentials;
	time_t expires; /* of the credentials */
};

/* Credentials at random. ERR_MACHINE. */
must_check int credentials_draw(struct credentials *ret, struct err *e);

/* Fill the tree with what EC2 tells such an instance. ERR_MACHINE. */
must_check int instance_describe(const struct instance *i, struct metadata *m, struct err *e);

#endif

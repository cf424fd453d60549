#include "boot/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdbool.h>
#include <string.h>
#include <sys/random.h>

#include "base/library.h"

#define CALLS(X)                                                                                   \
	X(gnutls_strerror)                                                                         \
	X(gnutls_x509_privkey_init)                                                                \
	X(gnutls_x509_privkey_deinit)                                                              \
	X(gnutls_x509_privkey_generate)                                                            \
	X(gnutls_x509_privkey_export)                                                              \
	X(gnutls_x509_crt_init)                                                                    \
	X(gnutls_x509_crt_deinit)                                                                  \
	X(gnutls_x509_crt_set_version)                                                             \
	X(gnutls_x509_crt_set_key)                                                                 \
	X(gnutls_x509_crt_set_serial)                                                              \
	X(gnutls_x509_crt_set_dn)                                                                  \
	X(gnutls_x509_crt_set_activation_time)                                                     \
	X(gnutls_x509_crt_set_expiration_time)                                                     \
	X(gnutls_x509_crt_set_basic_constraints)                                                   \
	X(gnutls_x509_crt_set_key_usage)                                                           \
	X(gnutls_x509_crt_set_key_purpose_oid)                                                     \
	X(gnutls_x509_crt_set_subject_key_id)                                                      \
	X(gnutls_x509_crt_set_authority_key_id)                                                    \
	X(gnutls_x509_crt_set_subject_alt_name)                                                    \
	X(gnutls_x509_crt_get_key_id)                                                              \
	X(gnutls_x509_crt_sign2)                                                                   \
	X(gnutls_x509_crt_export)

struct calls {
	CALLS(LIBRARY_POINTER)
};
static const char *const NAMES[] = { CALLS(LIBRARY_NAME) };

#define DAY (24 * 3600)

/* A key and its certificate while they are made. */
struct pair {
	gnutls_x509_privkey_t key;
	gnutls_x509_crt_t crt;
};

struct maker {
	struct calls calls;
	struct pair ca;
	struct pair server;
	int rc; /* the first of GnuTLS's errors; calls after it are passed over */
};

/* Call it unless something failed before. */
#define DO(m, call, ...) ((m)->rc < 0 ? (m)->rc : ((m)->rc = (m)->calls.call(__VA_ARGS__)))

static void begin(struct maker *m, struct pair *p, const char *dn, time_t now)
{
	unsigned char serial[16];
	if (getrandom(serial, sizeof(serial), 0) != (ssize_t)sizeof(serial))
		m->rc = GNUTLS_E_RANDOM_FAILED;
	serial[0] = (serial[0] & 0x7F) | 0x40; /* positive, and of one length */
	DO(m, gnutls_x509_privkey_init, &p->key);
	DO(m, gnutls_x509_privkey_generate, p->key, GNUTLS_PK_ECDSA,
		GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
	DO(m, gnutls_x509_crt_init, &p->crt);
	DO(m, gnutls_x509_crt_set_version, p->crt, 3);
	DO(m, gnutls_x509_crt_set_key, p->crt, p->key);
	DO(m, gnutls_x509_crt_set_serial, p->crt, serial, sizeof(serial));
	DO(m, gnutls_x509_crt_set_dn, p->crt, dn, NULL);
	DO(m, gnutls_x509_crt_set_activation_time, p->crt, now - DAY);
	DO(m, gnutls_x509_crt_set_expiration_time, p->crt, now + 7 * DAY);
}

/* Say whose it is and sign it. */
static void finish(struct maker *m, struct pair *p)
{
	unsigned char own[64], ca[64];
	size_t own_size = sizeof(own), ca_size = sizeof(ca);
	DO(m, gnutls_x509_crt_get_key_id, p->crt, GNUTLS_KEYID_USE_SHA256, own, &own_size);
	DO(m, gnutls_x509_crt_get_key_id, m->ca.crt, GNUTLS_KEYID_USE_SHA256, ca, &ca_size);
	DO(m, gnutls_x509_crt_set_subject_key_id, p->crt, own, own_size);
	DO(m, gnutls_x509_crt_set_authority_key_id, p->crt, ca, ca_size);
	DO(m, gnutls_x509_crt_sign2, p->crt, m->ca.crt, m->ca.key, GNUTLS_DIG_SHA256, 0);
}

static void make_server(struct maker *m, const char *const *addresses, time_t now)
{
	begin(m, &m->server, "CN=imgbuild boot", now);
	DO(m, gnutls_x509_crt_set_basic_constraints, m->server.crt, 0, -1);
	DO(m, gnutls_x509_crt_set_key_usage, m->server.crt, GNUTLS_KEY_DIGITAL_SIGNATURE);
	DO(m, gnutls_x509_crt_set_key_purpose_oid, m->server.crt, GNUTLS_KP_TLS_WWW_SERVER, 0);
	for (size_t i = 0; addresses[i] != NULL; i++) {
		struct in_addr address;
		if (inet_pton(AF_INET, addresses[i], &address) != 1)
			m->rc = GNUTLS_E_INVALID_REQUEST;
		DO(m, gnutls_x509_crt_set_subject_alt_name, m->server.crt, GNUTLS_SAN_IPADDRESS,
			&address, sizeof(address), i > 0 ? GNUTLS_FSAN_APPEND : GNUTLS_FSAN_SET);
	}
	finish(m, &m->server);
}

static int export(struct maker *m, const struct pair *p, bool key, struct buf *out, struct err *e)
{
	char pem[8192];
	size_t size = sizeof(pem);
	if (key)
		DO(m, gnutls_x509_privkey_export, p->key, GNUTLS_X509_FMT_PEM, pem, &size);
	else
		DO(m, gnutls_x509_crt_export, p->crt, GNUTLS_X509_FMT_PEM, pem, &size);
	int rc = m->rc < 0 ? 0 : buf_add(out, pem, size, e);
	explicit_bzero(pem, sizeof(pem));
	return rc;
}

static void drop(struct maker *m, struct pair *p)
{
	if (p->crt != NULL)
		m->calls.gnutls_x509_crt_deinit(p->crt);
	if (p->key != NULL)
		m->calls.gnutls_x509_privkey_deinit(p->key);
}

int tls_make(const char *const *addresses, time_t now, struct tls_identity *ret, struct err *e)
{
	struct maker m = { 0 };
	struct tls_identity t = { 0 };
	if (library_load("libgnutls.so.30", "libgnutls30", NAMES, sizeof(NAMES) / sizeof(*NAMES),
		    &m.calls, e) < 0)
		return -1;
	begin(&m, &m.ca, "CN=imgbuild boot CA", now);
	DO(&m, gnutls_x509_crt_set_basic_constraints, m.ca.crt, 1, 0);
	DO(&m, gnutls_x509_crt_set_key_usage, m.ca.crt, GNUTLS_KEY_KEY_CERT_SIGN);
	finish(&m, &m.ca);
	make_server(&m, addresses, now);
	int rc = export(&m, &m.ca, false, &t.ca, e);
	if (rc == 0)
		rc = export(&m, &m.server, false, &t.certificate, e);
	if (rc == 0)
		rc = export(&m, &m.server, true, &t.key, e);
	if (rc == 0 && m.rc < 0)
		rc = err_set(e, ERR_MACHINE, 0, "making a certificate: %s",
			m.calls.gnutls_strerror(m.rc));
	drop(&m, &m.ca);
	drop(&m, &m.server);
	if (rc < 0)
		tls_free(&t);
	else
		*ret = t;
	return rc;
}

void tls_free(struct tls_identity *t)
{
	buf_free(&t->ca);
	buf_free(&t->certificate);
	buf_wipe(&t->key);
	*t = (struct tls_identity){ 0 };
}

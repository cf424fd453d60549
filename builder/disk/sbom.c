#include "disk/sbom.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <nettle/sha1.h>

#include "base/json.h"
#include "base/text.h"

#define NAMESPACE "https://spdx.org/spdxdocs/"
#define NOTHING   "NOASSERTION"

struct hex20 {
	char text[41];
};

static struct hex20 hex20(const unsigned char bytes[20])
{
	struct hex20 h;
	for (size_t i = 0; i < 20; i++)
		snprintf(h.text + 2 * i, 3, "%02x", bytes[i]);
	return h;
}

static void sha1_of(const void *data, size_t len, unsigned char ret[20])
{
	struct sha1_ctx ctx;
	sha1_init(&ctx);
	sha1_update(&ctx, len, data);
	sha1_digest(&ctx, 20, ret);
}

/* KEY=value or KEY="value" with backslashes before what the shell would act on. */
static char *os_release(
	const char *data, size_t len, const char *key, struct arena *a, struct err *e)
{
	size_t skip = strlen(key);
	for (const char *line = data, *end = data + len; line < end;) {
		const char *newline = memchr(line, '\n', (size_t)(end - line));
		const char *stop = newline != NULL ? newline : end;
		if ((size_t)(stop - line) > skip && memcmp(line, key, skip) == 0) {
			const char *at = line + skip;
			char quote = *at == '"' || *at == '\'' ? *at : '\0';
			at += quote != '\0';
			char *value = arena_alloc(a, (size_t)(stop - at) + 1, e);
			size_t used = 0;
			for (; value != NULL && at < stop && *at != quote; at++) {
				at += *at == '\\' && quote != '\'' && at + 1 < stop;
				value[used++] = *at;
			}
			return value;
		}
		line = stop + 1;
	}
	return arena_strdup(a, "", e);
}

int sbom_distro_parse(
	const char *data, size_t len, struct arena *a, struct sbom_distro *ret, struct err *e)
{
	struct sbom_distro d = { .id = os_release(data, len, "ID=", a, e),
		.version = os_release(data, len, "VERSION_ID=", a, e),
		.name = os_release(data, len, "NAME=", a, e) };
	if (d.id == NULL || d.version == NULL || d.name == NULL)
		return -1;
	*ret = d;
	return 0;
}

static int by_path(const void *a, const void *b)
{
	const struct sbom_file *x = a, *y = b;
	return strcmp(x->path, y->path);
}

int sbom_files_find(
	const struct rootfs *tree, struct arena *a, struct sbom_files *ret, struct err *e)
{
	struct sbom_files found = { 0 };
	cleanup_buf struct buf path = { 0 };
	for (size_t i = 0; i < tree->count; i++) {
		const struct rootfs_node *n = tree->list[i];
		if (!n->overlay || n->gone || !S_ISREG(n->mode) || n->same_as != NULL ||
			(n->data == NULL && n->size > 0))
			continue;
		struct sbom_file *f =
			arena_push(a, &found.list, &found.count, &found.cap, sizeof(*f), e);
		buf_clear(&path);
		if (f == NULL || rootfs_path(n, &path, e) < 0)
			return -1;
		f->path = arena_strndup(a, path.data, path.len, e);
		if (f->path == NULL)
			return -1;
		const char *data = n->data != NULL ? n->data : "";
		sha1_of(data, n->size, f->sha1);
		f->sha256 = sha256_of(data, n->size);
	}
	if (found.count > 0)
		qsort(found.list, found.count, sizeof(*found.list), by_path);
	*ret = found;
	return 0;
}

/* What a purl leaves as it is (github.com/package-url/purl-spec); ':' too. */
static int add_encoded(struct buf *b, const char *text, struct err *e)
{
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			     (c >= '0' && c <= '9') || strchr("-._~:", c) != NULL;
		if (buf_printf(b, e, plain ? "%c" : "%%%02X", c) < 0)
			return -1;
	}
	return 0;
}

static int add_purl(
	struct buf *b, const struct dpkg_package *p, const struct sbom_distro *d, struct err *e)
{
	if (buf_puts(b, "pkg:deb/", e) < 0 ||
		add_encoded(b, d->id[0] != '\0' ? d->id : "debian", e) < 0 ||
		buf_putc(b, '/', e) < 0 || add_encoded(b, p->name, e) < 0 ||
		buf_putc(b, '@', e) < 0 || add_encoded(b, p->version, e) < 0 ||
		buf_puts(b, "?arch=", e) < 0 || add_encoded(b, p->architecture, e) < 0)
		return -1;
	if (d->id[0] == '\0' || d->version[0] == '\0')
		return 0;
	if (buf_puts(b, "&distro=", e) < 0 || add_encoded(b, d->id, e) < 0 ||
		buf_putc(b, '-', e) < 0)
		return -1;
	return add_encoded(b, d->version, e);
}

/* Letters, digits, '.' and '-' are all that an SPDXID has. */
static int add_id(struct buf *b, const char *text, struct err *e)
{
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			     (c >= '0' && c <= '9') || c == '-' || c == '.';
		if (buf_printf(b, e, plain ? "%c" : ".%02x.", c) < 0)
			return -1;
	}
	return 0;
}

static int package_id(struct buf *b, const struct dpkg_package *p, struct err *e)
{
	buf_clear(b);
	if (buf_puts(b, "SPDXRef-Package-", e) < 0 || add_id(b, p->name, e) < 0 ||
		buf_putc(b, '-', e) < 0)
		return -1;
	return add_id(b, p->architecture, e);
}

static int file_id(struct buf *b, const struct sbom_file *f, struct err *e)
{
	struct sha256 digest = sha256_of(f->path, strlen(f->path));
	buf_clear(b);
	return buf_printf(b, e, "SPDXRef-File-%.32s", sha256_text(&digest).text);
}

static void no_claims(struct json *j, const char *declared)
{
	json_str(j, "licenseConcluded", NOTHING);
	if (declared != NULL)
		json_str(j, declared, NOTHING);
	json_str(j, "copyrightText", NOTHING);
}

static int add_package(struct json *j, const struct dpkg_package *p, const struct sbom_distro *d,
	struct buf *scratch, struct err *e)
{
	if (package_id(scratch, p, e) < 0)
		return -1;
	json_open(j, NULL, '{');
	json_str(j, "SPDXID", scratch->data);
	json_str(j, "name", p->name);
	json_str(j, "versionInfo", p->version);
	buf_clear(scratch);
	if (buf_printf(scratch, e, "Organization: %s", d->name) < 0)
		return -1;
	json_str(j, "supplier", d->name[0] != '\0' ? scratch->data : NOTHING);
	json_str(j, "downloadLocation", NOTHING);
	json_bool(j, "filesAnalyzed", false);
	buf_clear(scratch);
	if (buf_printf(scratch, e, "source package: %s %s", p->source, p->source_version) < 0)
		return -1;
	json_str(j, "sourceInfo", scratch->data);
	no_claims(j, "licenseDeclared");
	buf_clear(scratch);
	if (add_purl(scratch, p, d, e) < 0)
		return -1;
	json_open(j, "externalRefs", '[');
	json_open_flat(j, NULL, '{');
	json_str(j, "referenceCategory", "PACKAGE-MANAGER");
	json_str(j, "referenceType", "purl");
	json_str(j, "referenceLocator", scratch->data);
	json_close(j, '}');
	json_close(j, ']');
	json_close(j, '}');
	return 0;
}

static void add_image(struct json *j, const struct sbom_facts *f)
{
	json_open(j, NULL, '{');
	json_str(j, "SPDXID", "SPDXRef-Image");
	json_str(j, "name", f->name);
	json_str(j, "downloadLocation", NOTHING);
	json_bool(j, "filesAnalyzed", false);
	json_str(j, "primaryPackagePurpose", "OPERATING_SYSTEM");
	no_claims(j, "licenseDeclared");
	json_close(j, '}');
}

static int by_sha1(const void *a, const void *b)
{
	return memcmp(a, b, 20);
}

/* SPDX 2.3, 7.9.4: SHA-1 over the files' SHA-1s in hexadecimal, sorted, one behind the other. */
static int verification_code(const struct sbom_files *files, struct hex20 *ret, struct err *e)
{
	unsigned char(*all)[20] = calloc(files->count, 20);
	if (all == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < files->count; i++)
		memcpy(all[i], files->list[i].sha1, 20);
	qsort(all, files->count, 20, by_sha1);
	struct sha1_ctx ctx;
	sha1_init(&ctx);
	for (size_t i = 0; i < files->count; i++)
		sha1_update(&ctx, 40, (const uint8_t *)hex20(all[i]).text);
	free(all);
	unsigned char digest[20];
	sha1_digest(&ctx, 20, digest);
	*ret = hex20(digest);
	return 0;
}

static int add_overlay(struct json *j, const struct sbom_facts *f, struct err *e)
{
	struct hex20 code;
	if (verification_code(f->files, &code, e) < 0)
		return -1;
	json_open(j, NULL, '{');
	json_str(j, "SPDXID", "SPDXRef-Overlay");
	json_str(j, "name", "overlay");
	json_str(j, "downloadLocation", NOTHING);
	json_bool(j, "filesAnalyzed", true);
	json_open_flat(j, "packageVerificationCode", '{');
	json_str(j, "packageVerificationCodeValue", code.text);
	json_close(j, '}');
	json_str(j, "comment", "files of the recipe and of the builder");
	no_claims(j, "licenseDeclared");
	json_close(j, '}');
	return 0;
}

static int add_packages(
	struct json *j, const struct sbom_facts *f, struct buf *scratch, struct err *e)
{
	json_open(j, "packages", '[');
	add_image(j, f);
	if (f->files->count > 0 && add_overlay(j, f, e) < 0)
		return -1;
	for (size_t i = 0; i < f->packages->count; i++) {
		if (add_package(j, &f->packages->list[i], &f->distro, scratch, e) < 0)
			return -1;
	}
	json_close(j, ']');
	return 0;
}

static void add_checksum(struct json *j, const char *algorithm, const char *value)
{
	json_open_flat(j, NULL, '{');
	json_str(j, "algorithm", algorithm);
	json_str(j, "checksumValue", value);
	json_close(j, '}');
}

static int add_files(
	struct json *j, const struct sbom_files *files, struct buf *scratch, struct err *e)
{
	json_open(j, "files", '[');
	for (size_t i = 0; i < files->count; i++) {
		const struct sbom_file *f = &files->list[i];
		if (file_id(scratch, f, e) < 0)
			return -1;
		json_open(j, NULL, '{');
		json_str(j, "SPDXID", scratch->data);
		buf_clear(scratch);
		if (buf_printf(scratch, e, ".%s", f->path) < 0)
			return -1;
		json_str(j, "fileName", scratch->data);
		json_open(j, "checksums", '[');
		add_checksum(j, "SHA1", hex20(f->sha1).text);
		add_checksum(j, "SHA256", sha256_text(&f->sha256).text);
		json_close(j, ']');
		json_str(j, "licenseConcluded", NOTHING);
		json_open_flat(j, "licenseInfoInFiles", '[');
		json_str(j, NULL, NOTHING);
		json_close(j, ']');
		json_str(j, "copyrightText", NOTHING);
		json_close(j, '}');
	}
	json_close(j, ']');
	return 0;
}

static void relate(struct json *j, const char *from, const char *how, const char *to)
{
	json_open_flat(j, NULL, '{');
	json_str(j, "spdxElementId", from);
	json_str(j, "relationshipType", how);
	json_str(j, "relatedSpdxElement", to);
	json_close(j, '}');
}

static int add_relationships(
	struct json *j, const struct sbom_facts *f, struct buf *scratch, struct err *e)
{
	json_open(j, "relationships", '[');
	relate(j, "SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-Image");
	if (f->files->count > 0)
		relate(j, "SPDXRef-Image", "CONTAINS", "SPDXRef-Overlay");
	for (size_t i = 0; i < f->packages->count; i++) {
		if (package_id(scratch, &f->packages->list[i], e) < 0)
			return -1;
		relate(j, "SPDXRef-Image", "CONTAINS", scratch->data);
	}
	for (size_t i = 0; i < f->files->count; i++) {
		if (file_id(scratch, &f->files->list[i], e) < 0)
			return -1;
		relate(j, "SPDXRef-Overlay", "CONTAINS", scratch->data);
	}
	json_close(j, ']');
	return 0;
}

static int add_creation(
	struct json *j, const struct sbom_facts *f, struct buf *scratch, struct err *e)
{
	char created[32];
	struct tm tm;
	time_t t = (time_t)f->epoch;
	if (gmtime_r(&t, &tm) == NULL ||
		strftime(created, sizeof(created), "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		return err_set(e, ERR_BUG, 0, "time %lld", (long long)f->epoch);
	buf_clear(scratch);
	if (buf_printf(scratch, e, "Tool: imgbuild-%s", f->tool) < 0)
		return -1;
	json_open(j, "creationInfo", '{');
	json_str(j, "created", created);
	json_open_flat(j, "creators", '[');
	json_str(j, NULL, scratch->data);
	json_close(j, ']');
	json_close(j, '}');
	return 0;
}

int sbom_write(const struct sbom_facts *f, struct buf *out, struct err *e)
{
	cleanup_buf struct buf scratch = { 0 };
	struct json j = json_to(out, 1);
	json_open(&j, NULL, '{');
	json_str(&j, "spdxVersion", "SPDX-2.3");
	json_str(&j, "dataLicense", "CC0-1.0");
	json_str(&j, "SPDXID", "SPDXRef-DOCUMENT");
	json_str(&j, "name", f->name);
	if (buf_puts(&scratch, NAMESPACE, e) < 0 || add_encoded(&scratch, f->name, e) < 0 ||
		buf_printf(&scratch, e, "-%s", sha256_text(&f->key).text) < 0)
		return -1;
	json_str(&j, "documentNamespace", scratch.data);
	if (add_creation(&j, f, &scratch, e) < 0 || add_packages(&j, f, &scratch, e) < 0 ||
		add_files(&j, f->files, &scratch, e) < 0 ||
		add_relationships(&j, f, &scratch, e) < 0)
		return -1;
	json_close(&j, '}');
	return json_end(&j, e);
}

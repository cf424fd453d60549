#include <ctype.h>
#include <fnmatch.h>
#include <string.h>

#include "ami/leak_scan.h"
#include "base/text.h"

enum test {
	THERE,  /* whatever it is */
	FILLED, /* a file with a byte in it */
	LINES,  /* a line that is no comment */
	ID,     /* of a machine */
	SHADOW, /* a password, or none needed */
	PSK,    /* ipsec.secrets(5): also RSA, EAP, XAUTH */
	SECRET, /* a line `secret = ...` (swanctl.conf(5)) */
	WG,     /* a line `PrivateKey = ...` or `PresharedKey = ...` */
	WPA,    /* a line `psk=` or `password=` */
	OBJECT, /* JSON with a string in it */
	DOCKER, /* "auth" or a token */
};

struct rule {
	/* Of the whole path; * and ? stand for slashes too. */
	const char *pattern;
	enum test test;
	const char *reason;
};

#define HISTORY "the history of whoever worked on it"
#define CLOUD   "credentials of a cloud"
#define CACHE   "a cache of packages"
#define SEED    "a random seed, which all instances would share"
#define LEASE   "what a network gave another machine"
#define STORE   "a store of keys"
#define LOGIN   "a key that could log in to every instance"
#define VPN     "a key of a VPN"

static const struct rule RULES[] = {
	{ "/etc/ssh/ssh_host_*key", FILLED, "an SSH host key, which all instances would share" },
	{ "/etc/dropbear/*host_key", FILLED, "an SSH host key, which all instances would share" },
	{ "*/.ssh/authorized_keys*", LINES, LOGIN },
	{ "/etc/ssh/authorized_keys*", LINES, LOGIN },
	{ "/etc/machine-id", ID, "the id of a machine, which all instances would share" },
	{ "/var/lib/dbus/machine-id", ID, "the id of a machine, which all instances would share" },
	{ "/etc/shadow*", SHADOW, "a password, or an account that needs none" },
	{ "/etc/gshadow*", SHADOW, "a password of a group" },

	{ "/etc/ipsec.secrets", PSK, VPN },
	{ "/etc/ipsec.d/*.secrets", PSK, VPN },
	{ "/etc/strongswan*ipsec*.secrets", PSK, VPN },
	{ "/etc/swanctl/*", SECRET, VPN },
	{ "/etc/strongswan/swanctl/*", SECRET, VPN },
	{ "/etc/hub/keys.json", OBJECT, "keys of sites" },
	{ "/var/lib/hub/*", FILLED, "what a hub learnt: sites, keys" },
	{ "/etc/ipsec.d/key*.db", FILLED, STORE },
	{ "/var/lib/ipsec/nss/key*.db", FILLED, STORE },
	{ "/etc/ppp/*-secrets", LINES, VPN },
	{ "/etc/wireguard/*", WG, VPN },
	{ "/etc/wpa_supplicant/*", WPA, "a key of a wireless network" },
	{ "/etc/NetworkManager/system-connections/*", WPA, "a key of a network" },
	{ "/etc/krb5.keytab", FILLED, STORE },
	{ "*.keytab", FILLED, STORE },
	{ "*.p12", FILLED, STORE },
	{ "*.pfx", FILLED, STORE },
	{ "*.jks", FILLED, STORE },
	{ "*.kdbx", FILLED, STORE },

	{ "*/.*_history", FILLED, HISTORY },
	{ "*/fish_history", FILLED, HISTORY },
	{ "*/.zhistory", FILLED, HISTORY },
	{ "*/.histfile", FILLED, HISTORY },
	{ "*/.lesshst", FILLED, HISTORY },
	{ "*/.viminfo", FILLED, HISTORY },
	{ "*/.wget-hsts", FILLED, HISTORY },
	{ "*/.ssh/known_hosts*", FILLED, HISTORY },

	{ "*/.aws/credentials", LINES, CLOUD },
	{ "*/.aws/*/cache/*", FILLED, CLOUD },
	{ "*/.docker/config.json", DOCKER, "credentials of a registry" },
	{ "*/.dockercfg", FILLED, "credentials of a registry" },
	{ "*/.config/containers/auth.json", DOCKER, "credentials of a registry" },
	{ "*/.config/gcloud/*credentials*", FILLED, CLOUD },
	{ "*/.config/gcloud/*tokens.db", FILLED, CLOUD },
	{ "*/.boto", LINES, CLOUD },
	{ "*/.s3cfg", LINES, CLOUD },
	{ "*/.azure/*[Tt]oken*", FILLED, CLOUD },
	{ "*/.azure/service_principal*", FILLED, CLOUD },
	{ "*/.kube/config", FILLED, "credentials of a cluster" },
	{ "*/.config/gh/hosts.yml", FILLED, "credentials of a forge" },
	{ "*/.git-credentials", LINES, "credentials of a forge" },
	{ "*/.netrc", LINES, "passwords" },
	{ "*/.pgpass", LINES, "passwords" },
	{ "*/.my.cnf", LINES, "passwords" },

	{ "/var/cache/apt/*", FILLED, CACHE },
	{ "/var/lib/apt/lists/*", FILLED, CACHE },
	{ "/var/cache/dnf/*", FILLED, CACHE },
	{ "/var/cache/yum/*", FILLED, CACHE },
	{ "/root/.cache/*", FILLED, "a cache of whoever worked on it" },
	{ "/home/*/.cache/*", FILLED, "a cache of whoever worked on it" },

	{ "/var/lib/systemd/random-seed", FILLED, SEED },
	{ "/var/lib/random-seed", FILLED, SEED },
	{ "/var/lib/urandom/random-seed", FILLED, SEED },
	{ "/boot/*random-seed", FILLED, SEED }, /* the EFI system partition too */
	{ "/efi/*random-seed", FILLED, SEED },
	{ "/var/lib/systemd/credential.secret", FILLED, "a secret of one machine" },

	{ "/var/lib/cloud/instance*", THERE, "cloud-init would take it for another instance" },
	{ "/var/lib/cloud/data/*", THERE, "what cloud-init knows of another instance" },
	{ "/var/lib/cloud/sem/*", THERE, "what cloud-init did on another instance" },
	{ "/var/log/*", FILLED, "a log of another machine" },
	{ "/var/mail/*", FILLED, "mail" },
	{ "/var/spool/mail/*", FILLED, "mail" },
	{ "/var/crash/*", FILLED, "memory of a program that crashed" },
	{ "/var/lib/systemd/coredump/*", FILLED, "memory of a program that crashed" },
	{ "/var/lib/dhcp/*", FILLED, LEASE },
	{ "/var/lib/dhclient/*", FILLED, LEASE },
	{ "/var/lib/NetworkManager/*", FILLED, LEASE },
};
#define RULE_COUNT (sizeof(RULES) / sizeof(RULES[0]))

/* fnmatch(3) is slow where locales have many bytes a character: most paths are told by memcmp. */
static bool matches(const char *pattern, const char *path, size_t len)
{
	size_t plain = strcspn(pattern, "*?[");
	if (plain > len || memcmp(pattern, path, plain) != 0)
		return false;
	if (pattern[plain] == '\0')
		return plain == len;
	const char *rest = pattern + plain + 1;
	size_t tail = strlen(rest);
	if (pattern[plain] == '*' && rest[strcspn(rest, "*?[")] == '\0')
		return plain + tail <= len && memcmp(rest, path + len - tail, tail) == 0;
	if (text_starts(pattern, "*/.") && strstr(path, "/.") == NULL)
		return false;
	return fnmatch(pattern, path, 0) == 0;
}

/* The next line of a text without blanks at its ends; NULL: no more. */
static const char *line(const char **p, const char *end, size_t *ret_len)
{
	if (*p >= end)
		return NULL;
	const char *start = *p, *stop = memchr(start, '\n', (size_t)(end - start));
	*p = stop != NULL ? stop + 1 : end;
	if (stop == NULL)
		stop = end;
	while (start < stop && isspace((unsigned char)*start))
		start++;
	while (stop > start && isspace((unsigned char)stop[-1]))
		stop--;
	*ret_len = (size_t)(stop - start);
	return start;
}

static bool word_in(const char *text, size_t len, const char *word)
{
	return memmem(text, len, word, strlen(word)) != NULL;
}

/* `key = value`, in any case. */
static bool assigns(const char *text, size_t len, const char *key)
{
	size_t n = strlen(key);
	if (len < n || strncasecmp(text, key, n) != 0)
		return false;
	while (n < len && isspace((unsigned char)text[n]))
		n++;
	return n + 1 < len && text[n] == '=';
}

/* NAME:PASSWORD:...: what cannot be anything that a password becomes. */
static bool no_password(const char *text, size_t len)
{
	const char *first = memchr(text, ':', len);
	if (first == NULL)
		return true;
	first++;
	size_t left = len - (size_t)(first - text);
	const char *second = memchr(first, ':', left);
	size_t n = second != NULL ? (size_t)(second - first) : left;
	return n > 0 && (first[0] == '*' || first[0] == '!') && strspn(first, "*!") >= n;
}

/* An empty password of a group lets nobody in; that of an account lets everybody. */
static bool group_without(const char *path, const char *text, size_t len)
{
	const char *colon = memchr(text, ':', len);
	return text_starts(path, "/etc/gshadow") && colon != NULL &&
	       (size_t)(colon - text) + 1 < len && colon[1] == ':';
}

static bool line_tells(enum test test, const char *path, const char *text, size_t len)
{
	switch (test) {
	case LINES:
		return true;
	case SHADOW:
		return !no_password(text, len) && !group_without(path, text, len);
	case PSK:
		return (word_in(text, len, "PSK") || word_in(text, len, "EAP") ||
			       word_in(text, len, "XAUTH")) &&
		       (word_in(text, len, "\"") || word_in(text, len, "0x") ||
			       word_in(text, len, "0s") || word_in(text, len, "'"));
	case SECRET:
		return assigns(text, len, "secret");
	case WG:
		return assigns(text, len, "PrivateKey") || assigns(text, len, "PresharedKey");
	case WPA:
		return assigns(text, len, "psk") || assigns(text, len, "password");
	default:
		return false;
	}
}

static bool id_tells(const char *text, size_t len)
{
	const char *p = text;
	size_t n = 0;
	const char *first = line(&p, text + len, &n);
	return first != NULL && n > 0 && !(n == 13 && memcmp(first, "uninitialized", 13) == 0);
}

static bool json_tells(enum test test, const char *text, size_t len)
{
	if (test == OBJECT)
		return memchr(text, '"', len) != NULL;
	static const char *const keys[] = { "\"auth\"", "\"identitytoken\"", "\"registrytoken\"" };
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const char *p = memmem(text, len, keys[i], strlen(keys[i]));
		if (p == NULL)
			continue;
		p += strlen(keys[i]);
		while (p < text + len && (*p == ' ' || *p == ':' || *p == '\n' || *p == '\t'))
			p++;
		if (p + 1 < text + len && p[0] == '"' && p[1] != '"')
			return true;
	}
	return false;
}

static bool tells(enum test test, const char *path, uint64_t size, const char *text, size_t len)
{
	if (test == THERE)
		return true;
	if (size == 0)
		return false;
	/* What is too large to be looked at is too large for what it should be. */
	if (test == FILLED || len < size)
		return true;
	if (test == ID)
		return id_tells(text, len);
	if (test == OBJECT || test == DOCKER)
		return json_tells(test, text, len);
	size_t n;
	const char *p = text;
	for (const char *t = line(&p, text + len, &n); t != NULL; t = line(&p, text + len, &n))
		if (n > 0 && t[0] != '#' && t[0] != ';' && line_tells(test, path, t, n))
			return true;
	return false;
}

const char *leak_path(const char *path, uint64_t size, const char *text, size_t len)
{
	size_t path_len = strlen(path);
	for (size_t i = 0; i < RULE_COUNT; i++)
		if (matches(RULES[i].pattern, path, path_len) &&
			tells(RULES[i].test, path, size, text, len))
			return RULES[i].reason;
	return NULL;
}

const char *leak_link(const char *path)
{
	size_t len = strlen(path);
	for (size_t i = 0; i < RULE_COUNT; i++)
		if (RULES[i].test == THERE && matches(RULES[i].pattern, path, len))
			return RULES[i].reason;
	return NULL;
}

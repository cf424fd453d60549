#include <ctype.h>
#include <string.h>

#include "ami/leak_scan.h"

#define KEY_TEXT_MIN 60 /* characters of base64: an Ed25519 key in PKCS #8 has 64 */
#define AWS_ID_LEN   16 /* behind AKIA or ASIA */
#define AWS_SECRET   40
#define AWS_NEAR     512 /* bytes between an id and its secret */
#define AZURE_KEY    86  /* and "==" */

static bool base64(char c)
{
	return isalnum((unsigned char)c) || c == '+' || c == '/';
}

/* What may stand between the lines of a key: also in JSON, YAML and source code. */
static size_t gap(const char *text, size_t len, size_t at)
{
	for (;;) {
		if (at + 1 < len && text[at] == '\\' && strchr("nrt", text[at + 1]) != NULL)
			at += 2;
		else if (at < len && text[at] != '\0' && strchr(" \t\r\n\"'\\", text[at]) != NULL)
			at++;
		else
			return at;
	}
}

/* "Proc-Type: 4,ENCRYPTED" and its kin. */
static size_t headers(const char *text, size_t len, size_t at)
{
	for (;;) {
		size_t p = gap(text, len, at), end = p;
		while (end < len && (isalpha((unsigned char)text[end]) || text[end] == '-'))
			end++;
		if (end == p || end >= len || text[end] != ':')
			return p;
		while (end < len && text[end] != '\n' &&
			!(text[end] == '\\' && end + 1 < len && text[end + 1] == 'n'))
			end++;
		at = end;
	}
}

bool leak_is_private_key(const char *text, size_t len, size_t at)
{
	static const char begin[] = "-----BEGIN ", block[] = " BLOCK", rule[] = "-----";
	size_t start = at, end = at + strlen("PRIVATE KEY");
	while (start > 0 && at - start < 24 &&
		(isupper((unsigned char)text[start - 1]) ||
			isdigit((unsigned char)text[start - 1]) || text[start - 1] == ' '))
		start--;
	/* Back over "BEGIN " as well. */
	if (start < 5 || at - start < 6 || memcmp(text + start - 5, begin, sizeof(begin) - 1) != 0)
		return false;
	if (len - end > sizeof(block) && memcmp(text + end, block, sizeof(block) - 1) == 0)
		end += sizeof(block) - 1;
	if (len - end < sizeof(rule) || memcmp(text + end, rule, sizeof(rule) - 1) != 0)
		return false;
	size_t p = headers(text, len, end + sizeof(rule) - 1), count = 0;
	while (p < len && count < KEY_TEXT_MIN) {
		if (base64(text[p])) {
			count++;
			p++;
			continue;
		}
		size_t next = gap(text, len, p);
		if (next == p)
			break;
		p = next;
	}
	return count >= KEY_TEXT_MIN;
}

bool leak_is_putty_key(const char *text, size_t len, size_t at)
{
	static const char word[] = "\nPrivate-Lines: ";
	size_t end = len - at > 4096 ? at + 4096 : len;
	return memmem(text + at, end - at, word, sizeof(word) - 1) != NULL;
}

/* Exactly AWS_SECRET characters that look random, and are not AWS's example. */
static bool secret_at(const char *text, size_t len, size_t at)
{
	bool upper = false, lower = false, digit = false;
	if (len - at < AWS_SECRET || (at > 0 && base64(text[at - 1])))
		return false;
	for (size_t i = 0; i < AWS_SECRET; i++) {
		unsigned char c = (unsigned char)text[at + i];
		if (!base64((char)c))
			return false;
		upper = upper || isupper(c);
		lower = lower || islower(c);
		digit = digit || isdigit(c);
	}
	if (at + AWS_SECRET < len &&
		(base64(text[at + AWS_SECRET]) || text[at + AWS_SECRET] == '='))
		return false;
	return upper && lower && digit && memmem(text + at, AWS_SECRET, "EXAMPLE", 7) == NULL;
}

bool leak_is_aws_id(const char *text, size_t len, size_t at)
{
	size_t end = at + 4 + AWS_ID_LEN;
	if (end > len || (at > 0 && isalnum((unsigned char)text[at - 1])) ||
		(end < len && isalnum((unsigned char)text[end])))
		return false;
	for (size_t i = at; i < end; i++)
		if (!isupper((unsigned char)text[i]) && !isdigit((unsigned char)text[i]))
			return false;
	if (memcmp(text + end - 7, "EXAMPLE", 7) == 0)
		return false;
	size_t from = at > AWS_NEAR ? at - AWS_NEAR : 0;
	size_t to = len - end > AWS_NEAR ? end + AWS_NEAR : len;
	for (size_t i = from; i < to; i++)
		if (secret_at(text, len, i))
			return true;
	return false;
}

bool leak_is_aws_secret(const char *text, size_t len, size_t behind)
{
	size_t p = behind;
	while (p < len && p - behind < 16 && text[p] != '\0' &&
		strchr(" \t\"'=:>\\,", text[p]) != NULL)
		p++;
	return p > behind && p < len && secret_at(text, len, p);
}

bool leak_is_azure_key(const char *text, size_t len, size_t behind)
{
	if (len - behind < AZURE_KEY + 2)
		return false;
	for (size_t i = 0; i < AZURE_KEY; i++)
		if (!base64(text[behind + i]))
			return false;
	return memcmp(text + behind + AZURE_KEY, "==", 2) == 0;
}

/* The length that a DER value at `at` says, and where its content starts; false: it is none. */
static bool der_value(const unsigned char *p, size_t len, size_t *at, unsigned tag, size_t *ret)
{
	if (*at + 2 > len || p[*at] != tag)
		return false;
	size_t n = p[*at + 1];
	*at += 2;
	if (n >= 0x80) {
		size_t bytes = n & 0x7f;
		if (bytes == 0 || bytes > 3 || *at + bytes > len)
			return false;
		n = 0;
		for (size_t i = 0; i < bytes; i++)
			n = n << 8 | p[(*at)++];
	}
	*ret = n;
	return true;
}

bool leak_is_der_key(const char *text, size_t len)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t at = 0, n = 0, version = 0;
	if (!der_value(p, len, &at, 0x30, &n) || n < 46 || n > 16384 || at + n > len ||
		!der_value(p, len, &at, 0x02, &version) || version != 1 || at + 3 > len)
		return false;
	unsigned number = p[at++];
	if (p[at] == 0x30) { /* PKCS #8: AlgorithmIdentifier, then OCTET STRING */
		if (number > 1 || !der_value(p, len, &at, 0x30, &n) || at + n >= len)
			return false;
		at += n;
		return p[at] == 0x04;
	}
	if (p[at] == 0x02) /* PKCS #1: a modulus of at least 512 bits */
		return number <= 1 && der_value(p, len, &at, 0x02, &n) && n >= 64;
	if (p[at] == 0x04) /* SEC 1: a key of 28 to 66 bytes */
		return number == 1 && der_value(p, len, &at, 0x04, &n) && n >= 28 && n <= 66;
	return false;
}

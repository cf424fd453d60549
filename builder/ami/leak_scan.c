#include "ami/leak_scan.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* How far around a word its judges look. */
#define BEFORE ((size_t)640)
#define AHEAD  ((size_t)4096)

static const char PRIVATE_KEY[] = "a private key";
static const char AWS_KEY[] = "an AWS access key with its secret";
static const char AZURE_KEY[] = "the key of an Azure storage account";

enum word { WORD_KEY, WORD_PUTTY, WORD_AKIA, WORD_ASIA, WORD_SECRET, WORD_AZURE = WORD_SECRET + 5 };
static const struct {
	const char *text;
	size_t len;
} WORDS[] = {
#define WORD(t)                                                                                    \
	{                                                                                          \
		t, sizeof(t) - 1                                                                   \
	}
	WORD("PRIVATE KEY"),
	WORD("PuTTY-User-Key-File-"),
	WORD("AKIA"),
	WORD("ASIA"),
	WORD("aws_secret_access_key"),
	WORD("AWS_SECRET_ACCESS_KEY"),
	WORD("SecretAccessKey"),
	WORD("secretAccessKey"),
	WORD("AWSSecretKey"),
	WORD("AccountKey="),
};
#define WORD_COUNT (sizeof(WORDS) / sizeof(WORDS[0]))
#define PREFIX     4 /* bytes: the shortest word */

static unsigned hash(const char *p)
{
	return (((unsigned)(unsigned char)p[0] << 4) ^ (unsigned char)p[1]) & 4095;
}

/*
 * Wu and Manber's search for many words at once (A Fast Algorithm for Multi-Pattern Searching,
 * 1994), by pairs of bytes: most of a file is passed over three bytes at a time.
 */
int leak_scan_init(struct leak_scan *s, struct err *e)
{
	s->window = malloc(LEAK_WINDOW);
	if (s->window == NULL)
		return err_nomem(e);
	memset(s->shift, PREFIX - 1, sizeof(s->shift));
	for (size_t w = 0; w < WORD_COUNT; w++)
		for (size_t i = 0; i + 1 < PREFIX; i++) {
			uint8_t *slot = &s->shift[hash(WORDS[w].text + i)];
			uint8_t shift = (uint8_t)(PREFIX - 2 - i);
			if (shift < *slot)
				*slot = shift;
		}
	return 0;
}

void leak_scan_free(struct leak_scan *s)
{
	free(s->window);
	s->window = NULL;
}

static const char *judge(struct leak_scan *s, size_t word, size_t at)
{
	const char *t = s->window;
	size_t behind = at + WORDS[word].len;
	switch (word) {
	case WORD_KEY:
		s->text_key = s->text_key || leak_is_private_key(t, s->len, at);
		return NULL;
	case WORD_PUTTY:
		return leak_is_putty_key(t, s->len, at) ? PRIVATE_KEY : NULL;
	case WORD_AKIA:
	case WORD_ASIA:
		return leak_is_aws_id(t, s->len, at) ? AWS_KEY : NULL;
	case WORD_AZURE:
		return leak_is_azure_key(t, s->len, behind) ? AZURE_KEY : NULL;
	default:
		return leak_is_aws_secret(t, s->len, behind) ? AWS_KEY : NULL;
	}
}

/* Words that start in the window at `from` or behind and before `to`. */
static void search(struct leak_scan *s, size_t from, size_t to)
{
	const char *t = s->window;
	/* `end` is the last byte of a word's first four. */
	for (size_t end = from + PREFIX - 1; end < s->len && end - (PREFIX - 1) < to;) {
		uint8_t shift = s->shift[hash(t + end - 1)];
		if (shift > 0) {
			end += shift;
			continue;
		}
		size_t at = end - (PREFIX - 1);
		for (size_t w = 0; w < WORD_COUNT && s->reason == NULL; w++)
			if (t[at] == WORDS[w].text[0] && s->len - at >= WORDS[w].len &&
				memcmp(t + at, WORDS[w].text, WORDS[w].len) == 0)
				s->reason = judge(s, w, at);
		end++;
	}
}

/* What a file starts with. */
static void note_start(struct leak_scan *s)
{
	if (!s->whole)
		return;
	if (leak_is_der_key(s->window, s->len))
		s->reason = PRIVATE_KEY;
	s->elf = s->len > 4 && memcmp(s->window, "\177ELF", 4) == 0;
}

void leak_scan_begin(struct leak_scan *s)
{
	s->len = s->searched = 0;
	s->whole = true;
	s->elf = s->text_key = false;
	s->reason = NULL;
}

char *leak_scan_room(struct leak_scan *s, size_t *ret_len)
{
	if (s->len == LEAK_WINDOW) {
		note_start(s);
		search(s, s->searched, s->len - AHEAD);
		size_t keep = AHEAD + BEFORE;
		memmove(s->window, s->window + s->len - keep, keep);
		s->len = keep;
		s->searched = BEFORE;
		s->whole = false;
	}
	*ret_len = LEAK_WINDOW - s->len;
	return s->window + s->len;
}

void leak_scan_added(struct leak_scan *s, size_t len)
{
	s->len += len;
}

/*
 * Libraries of cryptography test themselves with keys that are no secrets (libgnutls has some): in
 * programs where distributions have theirs, such a text counts for nothing.
 */
static bool of_a_distribution(const struct leak_scan *s, const char *path)
{
	static const char *const folders[] = { "/usr/lib", "/usr/bin/", "/usr/sbin/", "/lib",
		"/bin/", "/sbin/" };
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		if (s->elf && text_starts(path, folders[i]))
			return true;
	return false;
}

const char *leak_scan_end(struct leak_scan *s, const char *path, uint64_t size)
{
	note_start(s);
	search(s, s->searched, s->len);
	if (s->reason != NULL)
		return s->reason;
	if (s->text_key && !of_a_distribution(s, path))
		return PRIVATE_KEY;
	return leak_path(path, size, s->window, s->whole ? s->len : 0);
}

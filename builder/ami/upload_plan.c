#include "ami/upload_plan.h"

#include <string.h>

static bool own(const struct blocks *b, size_t i)
{
	return i >= b->own_first && i - b->own_first < b->own_count;
}

static struct sha256 zero_digest(void)
{
	static const unsigned char zero[4096];
	struct sha256_stream s;
	sha256_begin(&s);
	for (size_t i = 0; i < RAW_BLOCK / sizeof(zero); i++)
		sha256_add(&s, zero, sizeof(zero));
	return sha256_end(&s);
}

static bool same(const struct sha256 *x, const struct sha256 *y)
{
	return memcmp(x->bytes, y->bytes, sizeof(x->bytes)) == 0;
}

static enum plan_what against(const struct blocks *b, const struct blocks *parent, size_t i)
{
	/* The parent's list of its own blocks says nothing about their content. */
	bool had = blocks_present(parent, i) || own(parent, i);
	if (!blocks_present(b, i))
		return had ? PLAN_ZERO : PLAN_SKIP;
	return blocks_present(parent, i) && same(&b->digest[i], &parent->digest[i]) ? PLAN_SKIP
										    : PLAN_DATA;
}

int plan_make(const struct blocks *b, const struct blocks *parent, bool encrypted, struct arena *a,
	struct plan *ret, struct err *e)
{
	struct plan p = { .count = b->count };
	const struct sha256 zero = zero_digest();
	p.what = arena_alloc(a, b->count + 1, e);
	if (p.what == NULL)
		return -1;
	for (size_t i = 0; i < b->count; i++) {
		enum plan_what what = PLAN_SKIP;
		if (own(b, i))
			continue;
		if (parent != NULL)
			what = against(b, parent, i);
		else if (blocks_present(b, i) && (encrypted || !same(&b->digest[i], &zero)))
			what = PLAN_DATA;
		p.what[i] = (uint8_t)what;
		p.puts += what != PLAN_SKIP;
	}
	/* The list is a function of the rest, its place and the image's size. */
	if (p.puts > 0 || parent == NULL || parent->size != b->size ||
		parent->own_first != b->own_first)
		for (size_t i = 0; i < b->own_count; i++, p.puts++)
			p.what[b->own_first + i] = PLAN_OWN;
	*ret = p;
	return 0;
}

struct sha256 plan_digest(const struct plan *p, const struct blocks *b, size_t i)
{
	switch ((enum plan_what)p->what[i]) {
	case PLAN_DATA:
		return b->digest[i];
	case PLAN_OWN:
		return blocks_own_digest(b, i - b->own_first);
	case PLAN_ZERO:
		return zero_digest();
	case PLAN_SKIP:
		break;
	}
	return (struct sha256){ 0 };
}

struct sha256 plan_aggregate(const struct plan *p, const struct blocks *b)
{
	const struct sha256 zero = zero_digest();
	struct sha256_stream s;
	sha256_begin(&s);
	for (size_t i = 0; i < p->count; i++) {
		if (p->what[i] == PLAN_SKIP)
			continue;
		struct sha256 d = p->what[i] == PLAN_ZERO ? zero : plan_digest(p, b, i);
		sha256_add(&s, d.bytes, sizeof(d.bytes));
	}
	return sha256_end(&s);
}

uint64_t plan_gib(const struct blocks *b)
{
	return (b->size + ((uint64_t)1 << 30) - 1) >> 30;
}

struct sha256 plan_identity(const struct blocks *b)
{
	uint64_t numbers[] = { b->size, b->count, b->own_first, b->own_count };
	struct sha256_stream s;
	sha256_begin(&s);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		unsigned char bytes[8];
		for (size_t k = 0; k < sizeof(bytes); k++)
			bytes[k] = (unsigned char)(numbers[i] >> (8 * k));
		sha256_add(&s, bytes, sizeof(bytes));
	}
	sha256_add(&s, b->digest, b->count * sizeof(*b->digest));
	return sha256_end(&s);
}

/*
 * Identifiers: the same for the same recipe and base, different for each purpose, and of a valid
 * form.
 */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "disk/ident.h"

static struct ident example(const char *recipe, const char *base)
{
	struct sha256 d = sha256_of(base, strlen(base));
	return (struct ident){ .recipe = recipe, .base = sha256_text(&d) };
}

static void ident_uuid_is_what_it_was(void **state)
{
	(void)state;
	struct ident id = example("hub", "base");
	/* printf 'imgbuild\0disk\0hub\0%s' "$(printf base | sha256sum | cut -c-64)" | sha256sum */
	struct uuid_text t = ident_uuid_text(&id, IDENT_DISK);
	assert_string_equal(t.text, "a1d40601-f96a-8e4c-94bc-835d06b3f4e4");
	assert_int_equal(ident_serial(&id, IDENT_ESP), 0x1c11d724);
}

static void ident_uuid_is_version_8(void **state)
{
	(void)state;
	for (int i = 0; i < 200; i++) {
		char base[32];
		snprintf(base, sizeof(base), "base %d", i);
		struct ident id = example("hub", base);
		struct uuid u = ident_uuid(&id, IDENT_ROOT);
		assert_int_equal(u.bytes[6] >> 4, 8);
		assert_int_equal(u.bytes[8] >> 6, 2);
		struct uuid_text t = uuid_text(&u);
		assert_int_equal(strlen(t.text), 36);
		assert_int_equal(strspn(t.text, "0123456789abcdef-"), 36);
		assert_int_equal(t.text[14], '8');
	}
}

static void ident_differs_by_purpose_recipe_and_base(void **state)
{
	(void)state;
	struct ident a = example("hub", "base"), b = example("hub2", "base"),
		     c = example("hub", "other");
	const char *const purposes[] = { IDENT_DISK, IDENT_ESP, IDENT_BLOCKS, IDENT_ROOT, IDENT_FS,
		IDENT_HASH_SEED, IDENT_JOURNAL };
	struct uuid_text seen[64];
	size_t n = 0;
	for (size_t i = 0; i < sizeof(purposes) / sizeof(purposes[0]); i++) {
		seen[n++] = ident_uuid_text(&a, purposes[i]);
		seen[n++] = ident_uuid_text(&b, purposes[i]);
		seen[n++] = ident_uuid_text(&c, purposes[i]);
	}
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(seen[i].text, seen[j].text);
	struct uuid_text again = ident_uuid_text(&a, IDENT_DISK);
	assert_string_equal(again.text, seen[0].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ident_uuid_is_what_it_was),
		cmocka_unit_test(ident_uuid_is_version_8),
		cmocka_unit_test(ident_differs_by_purpose_recipe_and_base),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

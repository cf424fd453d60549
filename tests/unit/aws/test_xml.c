/* The reader of XML: what is sent comes out, all else is refused with its place. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/xml.h"
#include "check.h"

/* A tree as name(children) or name=text. */
static void show(const struct xml_node *n, char *out, size_t size)
{
	size_t used = strlen(out);
	if (n->first == NULL) {
		snprintf(out + used, size - used, "%s=%s", n->name, n->text);
		return;
	}
	snprintf(out + used, size - used, "%s(", n->name);
	for (const struct xml_node *c = n->first; c != NULL; c = c->next) {
		show(c, out, size);
		if (c->next != NULL)
			strncat(out, " ", size - strlen(out) - 1);
	}
	strncat(out, ")", size - strlen(out) - 1);
}

static void xml_reads_documents(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		const char *tree;
	} cases[] = {
		{ "<a/>", "a=" },
		{ "<a></a>", "a=" },
		{ " <a > x </a >\n", "a= x " },
		{ "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<a><b>1</b> <c>2</c></a>",
			"a(b=1 c=2)" },
		{ "<a xmlns=\"urn:x\"><b><c/><c/></b></a>", "a(b(c= c=))" },
		{ "<a>&amp;&lt;&gt;&quot;&apos;&#65;&#x42;&#xe9;&#x20AC;&#x1F600;</a>",
			"a=&<>\"'AB\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80" },
		{ "<a-1.b_c>\xc3\xa9</a-1.b_c>", "a-1.b_c=\xc3\xa9" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct arena a = { 0 };
		struct xml_node *n;
		struct err e;
		char tree[512] = "";
		if (xml_parse_strict(cases[i].text, strlen(cases[i].text), &a, &n, &e) < 0)
			fail_msg("%s: %s", cases[i].text, e.msg);
		show(n, tree, sizeof(tree));
		assert_string_equal(tree, cases[i].tree);
		assert_string_equal(
			n->space, strstr(cases[i].text, "urn:x") != NULL ? "urn:x" : "");
		arena_free(&a);
	}
}

/* What services may send, and clients not. */
static void xml_passes_over(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		const char *tree;
	} cases[] = {
		{ "<!-- x --><a b='c'><!-- y --><d e=\"f\">1<!-- z -->2</d></a>", "a(d=12)" },
		{ "<x:a xmlns:x='urn:x'><x:b/></x:a>", "a(b=)" },
		{ "<a><?x y?><b xmlns='z'>1</b></a>", "a(b=1)" },
		{ "<a><![CDATA[<&>]]></a>", "a=<&>" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct arena a = { 0 };
		struct xml_node *n;
		struct err e;
		char tree[512] = "";
		if (xml_parse(cases[i].text, strlen(cases[i].text), &a, &n, &e) < 0)
			fail_msg("%s: %s", cases[i].text, e.msg);
		show(n, tree, sizeof(tree));
		assert_string_equal(tree, cases[i].tree);
		assert_int_equal(
			xml_parse_strict(cases[i].text, strlen(cases[i].text), &a, &n, &e), -1);
		arena_free(&a);
	}
}

static void xml_child_finds(void **state)
{
	(void)state;
	static const char text[] = "<a><b>1</b><c><d>2</d></c><b>3</b></a>";
	struct arena a = { 0 };
	struct xml_node *n;
	struct err e;
	assert_int_equal(xml_parse(text, strlen(text), &a, &n, &e), 0);
	assert_string_equal(xml_text(n, "b"), "1");
	assert_string_equal(xml_text(xml_child(n, "c"), "d"), "2");
	assert_null(xml_text(xml_child(n, "x"), "d"));
	assert_null(xml_text(n, "d"));
	arena_free(&a);
}

static void xml_refuses(void **state)
{
	(void)state;
	static const char *const bad[] = { "", " ", "a", "<", "<a", "<a>", "<a/", "<a></b>",
		"<a></a", "<a></ab>", "<a/><b/>", "<a/>x", "<1/>", "<a b=\"c\"/>", "<a xmlns=\"x/>",
		"<a xmlnsx=\"x\"/>", "<a><b xmlns=\"x\"/></a>", "<a>x<b/></a>", "<a><b/>x</a>",
		"<!-- --><a/>", "<a><!-- --></a>", "<a><![CDATA[x]]></a>", "<!DOCTYPE a><a/>",
		"<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>",
		"<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>", "<a xmlns='x' xmlns:y='y'/>",
		"<x:a xmlns:x='x'/>", "<x:a/>", "<a><?x?></a>", "<?xml <a/>", "<a>&x;</a>",
		"<a>&#0;</a>", "<a>&#;</a>", "<a>&#x;</a>", "<a>&#12</a>", "<a>&#xD800;</a>",
		"<a>&#x110000;</a>", "<a>&#99999999;</a>", "<a>&amp</a>", "<a>\x01</a>",
		"<a>\xff</a>", "<a>\xc3</a>", "<a>\xc3(</a>" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct arena a = { 0 };
		struct xml_node *n = NULL;
		struct err e = { 0 };
		if (xml_parse_strict(bad[i], strlen(bad[i]), &a, &n, &e) == 0)
			fail_msg("taken: %s", bad[i]);
		assert_int_equal(e.kind, ERR_INPUT);
		assert_non_null(strstr(e.msg, "XML, "));
		assert_null(n);
		arena_free(&a);
	}
}

static void xml_refuses_too_much(void **state)
{
	(void)state;
	struct arena a = { 0 };
	struct xml_node *n;
	struct err e;
	assert_int_equal(xml_parse("<a>\0</a>", 8, &a, &n, &e), -1);
	char deep[512];
	size_t len = 0;
	for (int i = 0; i < XML_DEPTH_MAX + 1; i++)
		len += (size_t)snprintf(deep + len, sizeof(deep) - len, "<a>");
	assert_int_equal(xml_parse(deep, len, &a, &n, &e), -1);
	assert_non_null(strstr(e.msg, "too much"));
	arena_free(&a);
}

/* Every beginning of a document is refused, and none reads past its end (ASan). */
static void xml_refuses_every_cut(void **state)
{
	(void)state;
	static const char text[] = "<?xml version=\"1.0\"?><a xmlns=\"u\"><b>&#65;\xc3\xa9</b></a>";
	for (size_t n = 0; n < sizeof(text) - 1; n++) {
		struct arena a = { 0 };
		struct xml_node *node;
		struct err e;
		char *copy = malloc(n + 1);
		memcpy(copy, text, n);
		assert_int_equal(xml_parse(copy, n, &a, &node, &e), -1);
		free(copy);
		arena_free(&a);
	}
}

static void xml_put_escapes(void **state)
{
	(void)state;
	struct buf out = { 0 };
	struct err e;
	assert_int_equal(xml_put(&out, "a<b>&\"c'", &e), 0);
	assert_string_equal(out.data, "a&lt;b&gt;&amp;&quot;c'");
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(xml_reads_documents),
		cmocka_unit_test(xml_passes_over),
		cmocka_unit_test(xml_child_finds),
		cmocka_unit_test(xml_refuses),
		cmocka_unit_test(xml_refuses_too_much),
		cmocka_unit_test(xml_refuses_every_cut),
		cmocka_unit_test(xml_put_escapes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

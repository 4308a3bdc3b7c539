/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/endpoint.h"
#include "conf/schema.h"
#include "conf/value.h"

struct thing {
	const char	*text, *file;
	bool		 flag;
	bool		 choice_flag;
	unsigned	 choice;
	unsigned	 number;
	uint64_t	 ms;
	size_t		 bytes;
	double		 share, real;
	struct endpoint	 endpoint;
	uint16_t	 country;
	const char	*const *list;
	size_t		 count;
	unsigned	 inner;
};

static const char *const choices[] = { "one", "two", NULL };

static void
read_list(const struct schema_reader *reader, const struct yaml_node *node,
    void *target)
{
	struct thing *thing = target;

	thing->count = schema_texts(reader, node, &thing->list, NULL);
}

static const struct schema_row inner[] = {
	{ "inner", SCHEMA_NUMBER, SCHEMA_AT(struct thing, inner),
	    .fallback = "3" },
	{ 0 },
};

static const struct schema_row rows[] = {
	{ "text", SCHEMA_TEXT, SCHEMA_AT(struct thing, text) },
	{ "file", SCHEMA_FILE, SCHEMA_AT(struct thing, file),
	    .fallback = "x.pem" },
	{ "flag", SCHEMA_BOOL, SCHEMA_AT(struct thing, flag),
	    .fallback = "true" },
	{ "choice", SCHEMA_CHOICE, SCHEMA_AT(struct thing, choice),
	    .choices = choices, .fallback = "two" },
	{ "choice_flag", SCHEMA_CHOICE, SCHEMA_AT(struct thing, choice_flag),
	    .choices = choices },
	{ "number", SCHEMA_NUMBER, SCHEMA_AT(struct thing, number),
	    .least = 2, .most = 9 },
	{ "time", SCHEMA_DURATION, SCHEMA_AT(struct thing, ms) },
	{ "size", SCHEMA_SIZE, SCHEMA_AT(struct thing, bytes) },
	{ "share", SCHEMA_SHARE, SCHEMA_AT(struct thing, share) },
	{ "real", SCHEMA_REAL, SCHEMA_AT(struct thing, real), .lowest = -1,
	    .highest = 1 },
	{ "endpoint", SCHEMA_ENDPOINT, SCHEMA_AT(struct thing, endpoint) },
	{ "country", SCHEMA_COUNTRY, SCHEMA_AT(struct thing, country) },
	{ "list", SCHEMA_CUSTOM, .read = read_list },
	{ "section", SCHEMA_SECTION, .section = inner },
	{ 0 },
};

static struct schema_reader reader;
static struct mistakes mistakes;

static int
begin(void **state)
{
	(void)state;
	mistakes_init(&mistakes);
	reader = (struct schema_reader){ arena_new(0), &mistakes, "/etc/x",
	    NULL };
	return 0;
}

static int
end(void **state)
{
	(void)state;
	arena_free(&reader.arena);
	mistakes_fini(&mistakes);
	return 0;
}

static struct thing
read(const char *text)
{
	struct thing thing = { 0 };

	schema_read(&reader, rows, text == NULL ? NULL :
	    yaml_parse(reader.arena, "t", slice_of(text), &mistakes), &thing);
	return thing;
}

static void
every_type(void **state)
{
	struct thing t = read("{text: NO, file: /a/b, flag: false, "
	    "choice: one, choice_flag: two, number: 9, time: 2m, size: 1KiB, "
	    "share: 25%, real: -0.5, endpoint: 127.0.0.1:80, country: FR, "
	    "list: [a, b], section: {inner: 4}}");

	(void)state;
	assert_int_equal(mistakes.count, 0);
	assert_string_equal(t.text, "NO");
	assert_string_equal(t.file, "/a/b");
	assert_false(t.flag);
	assert_int_equal(t.choice, 0);
	assert_true(t.choice_flag);
	assert_int_equal(t.number, 9);
	assert_int_equal(t.ms, 120000);
	assert_int_equal(t.bytes, 1024);
	assert_true(t.share == 0.25 && t.real == -0.5);
	assert_int_equal(t.endpoint.port, 80);
	assert_string_equal(country_code(t.country), "FR");
	assert_int_equal(t.count, 2);
	assert_string_equal(t.list[1], "b");
	assert_int_equal(t.inner, 4);
}

static void
defaults_without_a_section(void **state)
{
	struct thing t = read(NULL);

	(void)state;
	assert_int_equal(mistakes.count, 0);
	assert_string_equal(t.file, "/etc/x/x.pem");
	assert_true(t.flag);
	assert_int_equal(t.choice, 1);
	assert_int_equal(t.inner, 3);
	assert_null(t.text);
	assert_int_equal(t.number, 0);
}

/* One text is a list of one; a bad value leaves the default. */
static void
short_forms_and_bad_values(void **state)
{
	struct thing t = read("list: a\nsection:\nfile: [x]\nchoice: three\n"
	    "number: 1\nreal: 1.5\ntext: \"\"\n");

	(void)state;
	assert_int_equal(t.count, 1);
	assert_int_equal(t.inner, 3);
	assert_string_equal(t.file, "/etc/x/x.pem");
	assert_int_equal(t.choice, 1);
	assert_int_equal(t.number, 0);
	assert_int_equal(mistakes.errors, 5);
	assert_string_equal(mistakes.list[0].sentence,
	    "expected a value, found a list");
	assert_string_equal(mistakes.list[1].sentence,
	    "'three' is not known; known are one and two");
	assert_string_equal(mistakes.list[2].sentence,
	    "1 is too little; at least 2");
	assert_string_equal(mistakes.list[3].sentence,
	    "1.5 is not between -1 and 1");
	assert_string_equal(mistakes.list[4].sentence, "is empty; give "
	    "a value, or take the key out");
}

static void
hints(void **state)
{
	static const char *const many[] = { "aaa", "bbb", "ccc", "ddd", "eee",
	    "fff", "ggg", "hhh", "iii" };
	static const struct {
		const char	*word, *hint;
		size_t		 count;
	} table[] = {
		{ "aab", "; did you mean 'aaa'?", 9 },
		{ "xyz", "", 9 },		/* too many to list */
		{ "xyz", "; known are aaa, bbb and ccc", 3 },
		{ "xyz", "; known are aaa and bbb", 2 },
		{ "xyz", "; the only one is 'aaa'", 1 },
		{ "xyz", "", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		assert_string_equal(schema_hint(&reader,
		    slice_of(table[i].word), many, table[i].count),
		    table[i].hint);
}

/* A file full of unknown keys is told of to a limit, and soon. */
static void
many_mistakes(void **state)
{
	struct buf text = { 0 };

	(void)state;
	for (int i = 0; i < 20000; i++)
		buf_printf(&text, "unknown_key_%d: 1\n", i);
	read(buf_cstr(&text));
	buf_fini(&text);
	assert_int_equal(mistakes.errors, 20000);
	assert_int_equal(mistakes.count, MISTAKES_MAX + 1);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(every_type),
		EACH(defaults_without_a_section),
		EACH(short_forms_and_bad_values),
		EACH(hints),
		EACH(many_mistakes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

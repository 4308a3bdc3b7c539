/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "conf/yaml.h"
#include "support/mistakes.h"

static const struct yaml_node *
parse(const char *text)
{
	return yaml_parse(arena, "test", slice_of(text), &mistakes);
}

static void
scalars_stay_text(void **state)
{
	static const char *const values[] = { "NO", "no", "yes", "on", "012",
	    "0x10", "1e3", "12:30:45", "2026-01-02", ".inf", "=", "1_000" };

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		const struct yaml_node *root = parse(arena_printf(arena,
		    "%s: %s\n", values[i], values[i]));

		assert_non_null(root);
		assert_string_equal(root->first->key, values[i]);
		assert_string_equal(root->first->text.p, values[i]);
	}
	assert_int_equal(mistakes.count, 0);
}

static void
nodes_know_their_place(void **state)
{
	const struct yaml_node *root = parse("a: 1\n"
	    "list:\n"
	    "  - {name: x, deep: [1, \"two\"]}\n"
	    "  - äö: here\n"), *node;
	struct buf path = { 0 };

	(void)state;
	assert_non_null(root);
	assert_int_equal(root->count, 2);
	node = yaml_at(root, "list[0].deep[1]");
	assert_string_equal(node->text.p, "two");
	assert_true(node->quoted);
	assert_int_equal(node->mark.line, 3);
	assert_int_equal(node->mark.column, 25);
	yaml_path(node, &path);
	assert_string_equal(buf_cstr(&path), "list[0].deep[1]");
	buf_fini(&path);
	node = yaml_at(root, "list[1].äö");
	assert_int_equal(node->key_mark.column, 5);
	assert_int_equal(node->mark.column, 9);		/* characters, not bytes */
	/* What is not there: the nearest above. */
	assert_ptr_equal(yaml_at(root, "list[7].name"), yaml_get(root, "list"));
	assert_ptr_equal(yaml_at(root, "b.c"), root);
	assert_null(yaml_get(node, "x"));
	assert_null(yaml_get(NULL, "x"));
}

static void
nothing_is_told_from_text(void **state)
{
	static const struct {
		const char	*text;
		bool		 nothing;
	} rows[] = {
		{ "a:", true }, { "a: ~", true }, { "a: null", true },
		{ "a: \"\"", false }, { "a: 'null'", false },
		{ "a: NULL", false }, { "a: 0", false }, { "a: []", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(yaml_is_nothing(parse(rows[i].text)->first),
		    rows[i].nothing);
}

/* A file that would take much memory or time is refused, not read. */
static void
sizes_are_limited(void **state)
{
	struct buf big = { 0 }, many = { 0 };
	char message[2][200];

	(void)state;
	buf_text(&big, "a: 1\n#");
	memset(buf_reserve(&big, YAML_FILE_BYTES), 'x', YAML_FILE_BYTES);
	big.len += YAML_FILE_BYTES;
	assert_null(yaml_parse(arena, "big", buf_all(&big), &mistakes));
	buf_fini(&big);
	buf_text(&many, "a: [");
	for (int i = 0; i < YAML_NODES_MAX; i++)
		buf_text(&many, "1,");
	buf_text(&many, "]\n");
	assert_null(yaml_parse(arena, "many", buf_all(&many), &mistakes));
	buf_fini(&many);
	assert_int_equal(mistakes.count, 2);
	for (int i = 0; i < 2; i++) {
		struct buf text = { 0 };

		mistake_print(&mistakes.list[i], &text);
		strncpy(message[i], buf_cstr(&text), sizeof(message[i]) - 1);
		message[i][sizeof(message[i]) - 1] = '\0';
		buf_fini(&text);
	}
	assert_string_equal(message[0], "big: has more than 4096 KiB");
	assert_string_equal(message[1], "many:1:199999: more than 100000 "
	    "values");
}

static void
a_byte_order_mark_is_no_text(void **state)
{
	const struct yaml_node *root = parse("\xef\xbb\xbf" "a: 1\nb: 2\n");

	(void)state;
	assert_non_null(root);
	assert_string_equal(root->first->key, "a");
	assert_int_equal(root->first->mark.column, 4);
	assert_string_equal(root->first->next->key, "b");
	/* UTF-16 is refused, whatever mark it begins with. */
	assert_null(yaml_parse(arena, "t", SLICE("\xff\xfe" "a\0:\0 \0b\0"),
	    &mistakes));
	assert_null(yaml_parse(arena, "t", SLICE("a: b\0c\n"), &mistakes));
	assert_int_equal(mistakes.errors, 2);
}

static void
files_that_cannot_be_read(void **state)
{
	(void)state;
	assert_null(yaml_read(arena, "/nonexistent/x.yaml", &mistakes));
	assert_null(yaml_read(arena, "/tmp", &mistakes));
	assert_int_equal(mistakes.errors, 2);
	assert_string_equal(mistakes.list[0].sentence,
	    "cannot be opened: No such file or directory");
	assert_string_equal(mistakes.list[1].sentence,
	    "cannot be read: Is a directory");
}

/* A place with a mistake of its own says nothing more: no second message. */
static void
bad_values_stay_quiet(void **state)
{
	const struct yaml_node *root = parse("a: &x 1\nb: *x\nc: \"\\0\"\n");

	(void)state;
	assert_non_null(root);
	assert_int_equal(yaml_get(root, "a")->kind, YAML_TEXT);
	assert_int_equal(yaml_get(root, "b")->kind, YAML_BAD);
	assert_int_equal(yaml_get(root, "c")->kind, YAML_BAD);
	assert_int_equal(mistakes.errors, 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(scalars_stay_text, begin, end),
		cmocka_unit_test_setup_teardown(nodes_know_their_place, begin,
		    end),
		cmocka_unit_test_setup_teardown(nothing_is_told_from_text,
		    begin, end),
		cmocka_unit_test_setup_teardown(sizes_are_limited, begin, end),
		cmocka_unit_test_setup_teardown(a_byte_order_mark_is_no_text,
		    begin, end),
		cmocka_unit_test_setup_teardown(files_that_cannot_be_read,
		    begin, end),
		cmocka_unit_test_setup_teardown(bad_values_stay_quiet, begin,
		    end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

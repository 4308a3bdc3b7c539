/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "engine/json_text.h"

static json_t *
parsed(const char *text)
{
	json_t *json = json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);

	assert_non_null(json);
	return json;
}

/* As jansson itself, which the platform's clients have read so far. */
static void
text_is_as_jansson_writes_it(void **state)
{
	static const char *const texts[] = {
		"null", "true", "false", "0", "-1", "9223372036854775807",
		"-9223372036854775808", "1.5", "-0.25", "1e300", "\"\"",
		"\"text\"", "\"Gr\xc3\xbc\xc3\x9f" "e \xf0\x9f\x8c\x8d\"", "[]", "{}",
		"[1,[2,[3,[]]],{}]", "{\"b\":1,\"a\":{\"c\":null}}",
		"{\"\":[true,false,null,\"x\",-5,2.5]}",
		"\"back\\\\slash \\\"quotes\\\" and\\nlines\"",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		json_t *json = parsed(texts[i]);
		char *wanted = json_dumps(json, JSON_COMPACT |
		    JSON_ENCODE_ANY);
		struct buf got = { 0 };

		json_put(&got, json);
		assert_string_equal(buf_cstr(&got), wanted);
		buf_fini(&got);
		free(wanted);
		json_decref(json);
	}
}

/* Escapes may be others; what they stand for may not. */
static void
what_is_written_is_read_again(void **state)
{
	static const char *const texts[] = {
		"\"\\u0001\\t\\r\\b\\f\\u007f\\/\"", "\"\\u0000 within\"",
		"{\"\\u0001key\\\"\":[\"\\u2028\\ud83c\\udf0d\"]}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		json_t *json = parsed(texts[i]), *again;
		struct buf text = { 0 };

		json_put(&text, json);
		again = parsed(buf_cstr(&text));
		assert_true(json_equal(json, again));
		buf_fini(&text);
		json_decref(json);
		json_decref(again);
	}
}

/* Who sent it does not know whose flags there are. */
static void
mistakes_are_told_in_words(void **state)
{
	static const char *const rows[][2] = {
		{ "{\"a\":\"b\\u0000\"}", "a text may hold no \\u0000" },
		{ "{\"\\u0000\":1}", "a text may hold no \\u0000" },
		{ "{\"a\" 1}", "':' expected near '1'" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_error_t at;

		assert_null(json_loads(rows[i][0], 0, &at));
		assert_string_equal(json_mistake(&at), rows[i][1]);
	}
}

static bool
too_much(const char *front, const char *again, size_t times, const char *back)
{
	struct buf text = { 0 };
	bool much;

	buf_text(&text, front);
	for (size_t i = 0; i < times; i++)
		buf_text(&text, again);
	buf_text(&text, back);
	much = json_is_too_much(buf_all(&text));
	buf_fini(&text);
	return much;
}

/* What is counted are values, not bytes, and not what looks so in texts. */
static void
values_are_counted(void **state)
{
	enum { MOST = JSON_VALUES_MAX };

	(void)state;
	assert_false(json_is_too_much((struct slice){ NULL, 0 }));
	assert_false(json_is_too_much(SLICE("\"open")));
	assert_false(json_is_too_much(SLICE("\"open\\")));
	assert_false(too_much("[1", ",1", MOST - 2, "]"));
	assert_true(too_much("[1", ",1", MOST - 1, "]"));
	assert_true(too_much("[{}", ",{}", MOST / 2, "]"));
	assert_true(too_much("", "[", MOST, ""));
	assert_true(too_much("{\"a\":0", ",\"a\":[]", MOST, "}"));
	assert_false(too_much("[\"", ",[{", MOST, "\"]"));
	assert_false(too_much("[\"\\\"", ",[\\\"{\\\\", MOST, "\"]"));
	assert_true(too_much("[\"\\\\\"", ",1", MOST, "]"));
}

/* Pieces that are used again are large enough, of every size. */
static void
memory_is_used_again(void **state)
{
	char text[600];
	json_t *list;

	(void)state;
	json_memory_begin();
	for (int round = 0; round < 20; round++) {
		list = json_array();
		for (size_t len = 1; len < sizeof(text); len++) {
			memset(text, 'a' + (int)(len % 26), len);
			json_array_append_new(list, json_stringn(text, len));
		}
		for (size_t i = 0; i < json_array_size(list); i++) {
			json_t *one = json_array_get(list, i);

			assert_int_equal(json_string_length(one), i + 1);
			assert_int_equal(json_string_value(one)[i],
			    'a' + (int)((i + 1) % 26));
		}
		json_decref(list);
	}
	/* What jansson made may be given to free(), as its manual has it. */
	list = parsed("[1,2,3]");
	free(json_dumps(list, 0));
	json_decref(list);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_as_jansson_writes_it),
		cmocka_unit_test(what_is_written_is_read_again),
		cmocka_unit_test(mistakes_are_told_in_words),
		cmocka_unit_test(values_are_counted),
		cmocka_unit_test(memory_is_used_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

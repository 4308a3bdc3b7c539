/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/base64url.h"

static const struct {
	const char	*text;
	struct slice	 bytes;
} pairs[] = {
	{ "", { NULL, 0 } },
	{ "Zg", { "f", 1 } },		/* RFC 4648 10, without padding */
	{ "Zm8", { "fo", 2 } },
	{ "Zm9v", { "foo", 3 } },
	{ "Zm9vYmFy", { "foobar", 6 } },
	{ "-_-_", { "\xfb\xff\xbf", 3 } },
	{ "AAAA", { "\0\0\0", 3 } },
};

static void
each_text_stands_for_its_bytes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct buf out = { 0 };

		buf_text(&out, "x");
		base64url_write(&out, pairs[i].bytes.p, pairs[i].bytes.len);
		assert_string_equal(buf_cstr(&out) + 1, pairs[i].text);
		buf_clear(&out);
		assert_true(base64url_read(&out, slice_of(pairs[i].text)));
		assert_true(slice_eq(buf_all(&out), pairs[i].bytes));
		buf_fini(&out);
	}
}

static void
nothing_else_is_read(void **state)
{
	static const char *const texts[] = {
		"Z", "Zm9vY",		/* no such length */
		"Zg==", "Zg=", "Zm9v\n", " Zm9v", "Zm 9",
		"Zm+v", "Zm/v",		/* of the other alphabet */
		"Zh", "Zm9",		/* bits that are not of any byte */
		"\xc3\xa9\xc3\xa9",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct buf out = { 0 };

		buf_text(&out, "kept");
		assert_false(base64url_read(&out, slice_of(texts[i])));
		assert_string_equal(buf_cstr(&out), "kept");
		buf_fini(&out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_text_stands_for_its_bytes),
		cmocka_unit_test(nothing_else_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

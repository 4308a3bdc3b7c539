/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "rows.h"

#include "http/chars.h"

/* The definitions once more, as the RFCs spell them. */
static bool
rfc_token(unsigned c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	    (c >= 'A' && c <= 'Z') ||
	    (c != 0 && c < 0x80 && strchr("!#$%&'*+-.^_`|~", (int)c) != NULL);
}

static bool
rfc_value(unsigned c)
{
	return c == '\t' || (c >= 0x20 && c <= 0x7e) || c >= 0x80;
}

static bool
rfc_target(unsigned c)
{
	return c >= 0x21 && c <= 0x7e;
}

/*
 * Words are looked at eight bytes at a time: every byte value has to be seen
 * in every place of a word, with and without a tab or 0xff before it.
 */
static void
every_byte_in_every_place(void **state)
{
	static const char fillers[] = { 'a', '\t', (char)0xff, '~' };

	(void)state;
	for (unsigned c = 0; c < 256; c++)
		for (size_t at = 0; at < 20; at++)
			for (size_t f = 0; f < COUNT(fillers); f++) {
				char *s = xmalloc(20);
				struct slice all = { s, 20 };
				bool plain = rfc_target(
				    (unsigned char)fillers[f]);

				memset(s, fillers[f], 20);
				s[at] = (char)c;
				assert_int_equal(chars_in_value(all),
				    rfc_value(c) ? 20 : at);
				if (plain)
					assert_int_equal(chars_in_target(all),
					    rfc_target(c) ? 20 : at);
				if (rfc_token((unsigned char)fillers[f]))
					assert_int_equal(chars_in_token(all),
					    rfc_token(c) ? 20 : at);
				free(s);
			}
}

static void
names_become_lower_case(void **state)
{
	(void)state;
	for (unsigned c = 0; c < 256; c++)
		for (size_t at = 0; at < CHARS_NAME; at++) {
			char text[CHARS_NAME];
			bool good = (c >= '0' && c <= '9') || c == '-' ||
			    (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

			memset(text, 'Q', sizeof(text));
			text[at] = (char)c;
			assert_int_equal(chars_lower_name(text), good);
			if (!good)
				continue;
			for (size_t i = 0; i < CHARS_NAME; i++)
				assert_int_equal(text[i], i == at ?
				    ascii_lower((char)c) : 'q');
		}
}

static void
every_length(void **state)
{
	(void)state;
	for (size_t len = 0; len < 40; len++) {
		char *s = xmalloc(len + 1);
		struct slice all;

		s = xrealloc(s, len > 0 ? len : 1);
		memset(s, 'x', len);
		all = (struct slice){ s, len };
		assert_int_equal(chars_in_value(all), len);
		assert_int_equal(chars_in_target(all), len);
		assert_int_equal(chars_in_token(all), len);
		assert_int_equal(chars_all_token(all), len > 0);
		free(s);
	}
}

static void
tokens_are_lowered(void **state)
{
	(void)state;
	for (unsigned c = 0; c < 256; c++)
		assert_int_equal(chars_token[c],
		    rfc_token(c) ? ascii_lower((char)c) : 0);
}

static void
hex_digits(void **state)
{
	static const char digits[] = "0123456789abcdef";

	(void)state;
	for (unsigned c = 0; c < 256; c++) {
		const char *at = c == 0 ? NULL :
		    strchr(digits, ascii_lower((char)c));

		assert_int_equal(chars_hex((char)c),
		    at == NULL ? -1 : at - digits);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_byte_in_every_place),
		cmocka_unit_test(names_become_lower_case),
		cmocka_unit_test(every_length),
		cmocka_unit_test(tokens_are_lowered),
		cmocka_unit_test(hex_digits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

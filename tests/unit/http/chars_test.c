/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "rows.h"

#include "http/chars16.h"
#include "http/target.h"

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
		for (size_t at = 0; at < 40; at++)
			for (size_t f = 0; f < COUNT(fillers); f++) {
				char *s = xmalloc(40);
				struct slice all = { s, 40 };
				bool plain = rfc_target(
				    (unsigned char)fillers[f]);

				memset(s, fillers[f], 40);
				s[at] = (char)c;
				assert_int_equal(chars_in_value(all),
				    rfc_value(c) ? 40 : at);
				if (plain)
					assert_int_equal(chars_in_target(all),
					    rfc_target(c) ? 40 : at);
				if (rfc_token((unsigned char)fillers[f]))
					assert_int_equal(chars_in_token(all),
					    rfc_token(c) ? 40 : at);
				free(s);
			}
}

/* Every byte in every place of a name of every length, in lines of every
 * length. */
static void
names_become_lower_case(void **state)
{
	char low[CHARS_NAME], line[40];

	(void)state;
	for (unsigned c = 0; c < 256; c++)
		for (size_t name = 1; name < CHARS_NAME + 4; name++)
			for (size_t at = 0; at < name; at++) {
				bool good = (c >= '0' && c <= '9') ||
				    c == '-' || (c >= 'a' && c <= 'z') ||
				    (c >= 'A' && c <= 'Z');
				size_t n;

				memset(line, 'Q', sizeof(line));
				line[name] = ':';
				line[at] = (char)c;
				n = chars_usual_line((struct slice){ line,
				    sizeof(line) }, low);
				if (c == ':') {
					assert_true(n == at || n == 0);
					continue;
				}
				assert_int_equal(n, good &&
				    name < CHARS_NAME ? name : 0);
				for (size_t i = 0; i < n; i++)
					assert_int_equal(low[i], i == at ?
					    ascii_lower((char)c) : 'q');
			}
}

static void
names_are_read_in_lines_of_any_length(void **state)
{
	char low[CHARS_NAME];

	(void)state;
	for (size_t len = 0; len < 40; len++) {
		char *s = xmalloc(len + 1);
		size_t n;

		s = xrealloc(s, len > 0 ? len : 1);
		memset(s, 'x', len);
		for (size_t name = 1; name < len; name++) {
			s[name] = ':';
			n = chars_usual_line((struct slice){ s, len }, low);
			assert_int_equal(n, len >= 16 && name < CHARS_NAME ?
			    name : 0);
			for (size_t i = 0; i < n; i++)
				assert_int_equal(low[i], 'x');
			s[name] = 'x';
		}
		free(s);
	}
}

/* What is good in a value but for the tab, and nothing else. */
static void
usual_lines_have_good_values(void **state)
{
	char low[CHARS_NAME];

	(void)state;
	for (unsigned c = 0; c < 256; c++)
		for (size_t len = 16; len < 50; len++)
			for (size_t at = 3; at < len; at++) {
				char *s = xmalloc(len);
				bool good = rfc_value(c) && c != '\t';

				memset(s, 'x', len);
				s[2] = ':';
				s[at] = (char)c;
				assert_int_equal(chars_usual_line(
				    (struct slice){ s, len }, low),
				    good ? 2 : 0);
				free(s);
			}
}

/* Any byte anywhere before the end of a line, which may be anywhere; and cut
 * anywhere.  Whoever reads beyond the bytes is seen by the sanitizers. */
static void
clean_lines_hold_no_control(void **state)
{
	(void)state;
	for (unsigned c = 0; c < 256; c++)
		for (size_t len = 1; len < 40; len++)
			for (size_t at = 0; at < len; at += 1 + len / 3) {
				bool good = rfc_value(c) && c != '\t';
				char *s = xmalloc(len + 2);

				memset(s, 'x', len);
				s[at] = (char)c;
				memcpy(s + len, "\r\n", 2);
				assert_true(chars_clean_line((struct slice){
				    s, len + 2 }) == (good && len + 2 >= 16 ?
				    len : CHARS_NO_LINE));
				assert_true(chars_clean_line((struct slice){
				    s, len + 1 }) == CHARS_NO_LINE);
				free(s);
			}
}

static void
clean_lines_end_at_the_first_crlf(void **state)
{
	static const struct {
		const char	*bytes;
		size_t		 len;
	} rows[] = {
		{ "\r\n", 0 },
		{ "\r\nwhat follows an empty one", 0 },
		{ "a line that is long\r\n\r\n", 19 },
		{ "short\r\nand another one\r\n", 5 },
		{ "its end is of no LF\r \n\r\n", CHARS_NO_LINE },
		{ "its end is of no CR\n\r\n", CHARS_NO_LINE },
		{ "there is none to be seen here", CHARS_NO_LINE },
		{ "\n", CHARS_NO_LINE },
		{ "", CHARS_NO_LINE },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_true(chars_clean_line(slice_of(rows[i].bytes)) ==
		    rows[i].len);
}

static void
bytes_are_found_where_they_are(void **state)
{
	(void)state;
	for (size_t len = 0; len < 80; len++)
		for (size_t step = 1; step < 20; step++) {
			char *s = xmalloc(len + 1);
			uint64_t expected = 0;

			s = xrealloc(s, len > 0 ? len : 1);
			memset(s, '.', len);
			for (size_t i = step - 1; i < len; i += step) {
				s[i] = '/';
				if (i < 64)
					expected |= UINT64_C(1) << i;
			}
			assert_true(chars_where((struct slice){ s, len },
			    '/') == expected);
			free(s);
		}
}

/* Every byte in every place of a name of every length. */
static void
plain_names_are_of_lower_case(void **state)
{
	(void)state;
	for (unsigned c = 0; c < 256; c++)
		for (size_t len = 1; len < 40; len++)
			for (size_t at = 0; at < len; at++) {
				bool good = (c >= 'a' && c <= 'z') ||
				    (c >= '0' && c <= '9') || c == '-';
				char *s = xmalloc(len);

				memset(s, 'x', len);
				s[at] = (char)c;
				assert_true(chars_plain_name((struct slice){
				    s, len }) == (good && len >= 4));
				free(s);
			}
}

static void
letters_and_no_others_become_lower(void **state)
{
	(void)state;
	for (unsigned c = 0; c < 256; c++)
		for (size_t len = 1; len < 40; len++) {
			char *from = xmalloc(len), *to = xmalloc(len);

			for (size_t i = 0; i < len; i++)
				from[i] = (char)(c + i);
			chars_lower(to, (struct slice){ from, len });
			for (size_t i = 0; i < len; i++)
				assert_int_equal(to[i], ascii_lower(from[i]));
			free(from);
			free(to);
		}
	chars_lower(NULL, (struct slice){ NULL, 0 });
}

static bool
is_plain_path(const char *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (p[i] == '%' || p[i] == '\\' || (i > 0 &&
		    p[i - 1] == '/' && (p[i] == '/' || p[i] == '.' ||
		    p[i] == ';')))
			return false;
	return true;
}

static void
paths_are_plain_or_not(void **state)
{
	static const char bytes[] = { 'a', '/', '.', '%', '\\', ';' };

	(void)state;
	for (size_t len = 0; len < 36; len++)
		for (size_t at = 0; at + 1 < len; at++)
			for (size_t pair = 0; pair < 36; pair++) {
				char *s = xmalloc(len);

				memset(s, 'x', len);
				s[0] = '/';
				s[at] = bytes[pair / 6];
				s[at + 1] = bytes[pair % 6];
				assert_int_equal(chars_plain_path(
				    (struct slice){ s, len }),
				    is_plain_path(s, len));
				free(s);
			}
}

/* Whatever is called plain, the slow way finds good and leaves as it is. */
static void
plain_hosts_are_good(void **state)
{
	unsigned plain = 0;

	(void)state;
	for (unsigned c = 0; c < 256; c++)
		for (size_t len = 1; len < 70; len++)
			for (size_t at = 0; at < len; at++) {
				char *s = xmalloc(len), out[256];
				struct slice raw = { s, len }, host;

				memset(s, 'x', len);
				s[len / 2] = '.';
				s[at] = (char)c;
				if (chars_plain_host(raw)) {
					plain++;
					assert_true(host_normalise(&host, raw,
					    out));
					assert_true(slice_eq(host, raw));
				}
				free(s);
			}
	assert_true(plain > 10000);
	assert_true(chars_plain_host(SLICE("flow.example.com")));
	assert_true(chars_plain_host(SLICE("a-1.b_2")));
	assert_false(chars_plain_host(SLICE("")));
	assert_false(chars_plain_host(SLICE(".flow.example.com")));
	assert_false(chars_plain_host(SLICE("flow.example.com.")));
	assert_false(chars_plain_host(SLICE("flow.example..com")));
	assert_false(chars_plain_host(SLICE("flow.example.c..om")));
	assert_false(chars_plain_host(SLICE("Flow.example.com")));
	assert_false(chars_plain_host(SLICE("flow.example.com:80")));
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
		cmocka_unit_test(names_are_read_in_lines_of_any_length),
		cmocka_unit_test(usual_lines_have_good_values),
		cmocka_unit_test(clean_lines_hold_no_control),
		cmocka_unit_test(clean_lines_end_at_the_first_crlf),
		cmocka_unit_test(bytes_are_found_where_they_are),
		cmocka_unit_test(plain_names_are_of_lower_case),
		cmocka_unit_test(letters_and_no_others_become_lower),
		cmocka_unit_test(paths_are_plain_or_not),
		cmocka_unit_test(plain_hosts_are_good),
		cmocka_unit_test(every_length),
		cmocka_unit_test(tokens_are_lowered),
		cmocka_unit_test(hex_digits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

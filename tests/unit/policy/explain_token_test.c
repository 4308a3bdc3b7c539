/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "policy/explain_token.h"

static const struct explain_key list[] = {
	{ "0123456789abcdef", 16 },
	{ "fedcba9876543210fedcba9876543210", 32 },
	{ "unknown to edges", 16 },
};
static const struct explain_keys both = { list, 2 }, second = { list + 1, 1 };

enum { EXPIRES = 1800000000 };

static enum explain_token_verdict
check_at(uint64_t now_s, const char *token)
{
	char subject[EXPLAIN_SUBJECT_MAX + 1] = "untouched";
	enum explain_token_verdict verdict = explain_token_check(&both, now_s,
	    slice_of(token), subject);

	if (verdict != EXPLAIN_TOKEN_GOOD)
		assert_string_equal(subject, "untouched");
	return verdict;
}

static void
a_tester_is_known(void **state)
{
	static const char *const subjects[] = { "a", "tester",
	    "first.last@example.com", "v1.2.3", "-._@",
	    "0123456789012345678901234567890123456789012345678901234567890123" };
	char token[EXPLAIN_TOKEN_TEXT], subject[EXPLAIN_SUBJECT_MAX + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++)
		for (size_t k = 0; k < both.count; k++) {
			explain_token_sign(token, &list[k], EXPIRES,
			    slice_of(subjects[i]));
			assert_int_equal(explain_token_check(&both,
			    EXPIRES - 1, slice_of(token), subject),
			    EXPLAIN_TOKEN_GOOD);
			assert_string_equal(subject, subjects[i]);
		}
	/* The longest there is. */
	explain_token_sign(token, list, 999999999999, slice_of(subjects[5]));
	assert_int_equal(check_at(EXPIRES, token), EXPLAIN_TOKEN_GOOD);
	assert_true(strlen(token) < EXPLAIN_TOKEN_TEXT);
}

/* The same today as ever: others may sign as well. */
static void
its_form_stays(void **state)
{
	char token[EXPLAIN_TOKEN_TEXT];

	(void)state;
	assert_string_equal(explain_token_sign(token, list, EXPIRES,
	    SLICE("tester")), "djEuMTgwMDAwMDAwMC50ZXN0ZXI."
	    "OcXrTBIcmdbL9kwJFdrIWZYFxQjDstDrDfKIsDepo0Y");
}

static void
it_expires(void **state)
{
	static const struct {
		uint64_t now_s;
		enum explain_token_verdict verdict;
	} times[] = {
		{ 0, EXPLAIN_TOKEN_GOOD },
		{ EXPIRES - 1, EXPLAIN_TOKEN_GOOD },
		{ EXPIRES, EXPLAIN_TOKEN_EXPIRED },
		{ EXPIRES + 1, EXPLAIN_TOKEN_EXPIRED },
		{ UINT64_MAX, EXPLAIN_TOKEN_EXPIRED },
	};
	char token[EXPLAIN_TOKEN_TEXT];

	(void)state;
	explain_token_sign(token, list, EXPIRES, SLICE("tester"));
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		assert_int_equal(check_at(times[i].now_s, token),
		    times[i].verdict);
	explain_token_sign(token, list, 0, SLICE("tester"));
	assert_int_equal(check_at(0, token), EXPLAIN_TOKEN_EXPIRED);
}

static void
keys_take_turns(void **state)
{
	const struct explain_keys none = { NULL, 0 };
	char token[EXPLAIN_TOKEN_TEXT], subject[EXPLAIN_SUBJECT_MAX + 1];

	(void)state;
	explain_token_sign(token, &list[0], EXPIRES, SLICE("tester"));
	assert_int_equal(explain_token_check(&second, 1, slice_of(token),
	    subject), EXPLAIN_TOKEN_FORGED);
	assert_int_equal(explain_token_check(&none, 1, slice_of(token),
	    subject), EXPLAIN_TOKEN_FORGED);
	explain_token_sign(token, &list[2], EXPIRES, SLICE("tester"));
	assert_int_equal(check_at(1, token), EXPLAIN_TOKEN_FORGED);
	/* Who does not know the key does not learn what has expired. */
	assert_int_equal(check_at(EXPIRES, token), EXPLAIN_TOKEN_FORGED);
}

/* No bit of it may differ, and no byte be missing or more. */
static void
every_bit_counts(void **state)
{
	char token[EXPLAIN_TOKEN_TEXT + 1];
	size_t len;

	(void)state;
	explain_token_sign(token, list, EXPIRES, SLICE("tester"));
	len = strlen(token);
	for (size_t i = 0; i < len; i++)
		for (int bit = 1; bit < 256; bit <<= 1) {
			token[i] = (char)(token[i] ^ bit);
			assert_int_not_equal(check_at(1, token),
			    EXPLAIN_TOKEN_GOOD);
			token[i] = (char)(token[i] ^ bit);
		}
	strcpy(token + len, "A");
	assert_int_equal(check_at(1, token), EXPLAIN_TOKEN_MALFORMED);
	while (len-- > 0) {
		token[len] = '\0';
		assert_int_equal(check_at(1, token),
		    EXPLAIN_TOKEN_MALFORMED);
	}
}

/* Of the right length, and not what the key says. */
#define MAC	".AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static void
other_forms_are_malformed(void **state)
{
	static const struct {
		const char	*token;
		enum explain_token_verdict verdict;
	} tokens[] = {
		{ "", EXPLAIN_TOKEN_MALFORMED },
		{ ".", EXPLAIN_TOKEN_MALFORMED },
		{ "yes please", EXPLAIN_TOKEN_MALFORMED },
		{ MAC, EXPLAIN_TOKEN_MALFORMED },
		/* v1.1.a */
		{ "djEuMS5h", EXPLAIN_TOKEN_MALFORMED },
		{ "djEuMS5h" MAC, EXPLAIN_TOKEN_FORGED },
		{ " djEuMS5h" MAC, EXPLAIN_TOKEN_MALFORMED },
		{ "djEuMS5h" MAC " ", EXPLAIN_TOKEN_MALFORMED },
		{ "djEuMS5h" MAC ".", EXPLAIN_TOKEN_MALFORMED },
		{ "djEuMS5h" MAC MAC, EXPLAIN_TOKEN_MALFORMED },
		{ "djEuMS5h=" MAC, EXPLAIN_TOKEN_MALFORMED },
		/* half a byte too many */
		{ "djEuMS5hA" MAC, EXPLAIN_TOKEN_MALFORMED },
		/* v1.1.ab, and with bits behind its end */
		{ "djEuMS5hYg" MAC, EXPLAIN_TOKEN_FORGED },
		{ "djEuMS5hYh" MAC, EXPLAIN_TOKEN_MALFORMED },
		/* base64, but not base64url: v1.1.?~ */
		{ "djEuMS4/fg" MAC, EXPLAIN_TOKEN_MALFORMED },
		/* v2.1.a; v1.a; v1..a; v1.1; v1.1. */
		{ "djIuMS5h" MAC, EXPLAIN_TOKEN_MALFORMED },
		{ "djEuYQ" MAC, EXPLAIN_TOKEN_MALFORMED },
		{ "djEuLmE" MAC, EXPLAIN_TOKEN_MALFORMED },
		{ "djEuMQ" MAC, EXPLAIN_TOKEN_MALFORMED },
		{ "djEuMS4" MAC, EXPLAIN_TOKEN_MALFORMED },
		/* v1.01.a; v1.-1.a; v1.1x.a; v1.1000000000000.a */
		{ "djEuMDEuYQ" MAC, EXPLAIN_TOKEN_MALFORMED },
		{ "djEuLTEuYQ" MAC, EXPLAIN_TOKEN_MALFORMED },
		{ "djEuMXguYQ" MAC, EXPLAIN_TOKEN_MALFORMED },
		{ "djEuMTAwMDAwMDAwMDAwMC5h" MAC, EXPLAIN_TOKEN_MALFORMED },
		/* v1.1.a b; v1.1.a\n; v1.1."; v1.1.\0 */
		{ "djEuMS5hIGI" MAC, EXPLAIN_TOKEN_MALFORMED },
		{ "djEuMS5hCg" MAC, EXPLAIN_TOKEN_MALFORMED },
		{ "djEuMS4i" MAC, EXPLAIN_TOKEN_MALFORMED },
		{ "djEuMS4A" MAC, EXPLAIN_TOKEN_MALFORMED },
		/* a name too long, in a text that is not */
		{ "djEuMS5hYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFh"
		    "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYQ" MAC,
		    EXPLAIN_TOKEN_MALFORMED },
		/* a text too long */
		{ "djEuMS5hYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFh"
		    "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFh"
		    "YWFh" MAC, EXPLAIN_TOKEN_MALFORMED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++)
		if (check_at(0, tokens[i].token) != tokens[i].verdict)
			fail_msg("%s: %s", tokens[i].token,
			    explain_token_verdict_name(check_at(0,
			    tokens[i].token)));
}

static void
subjects_are_names(void **state)
{
	static const char *const bad[] = { "", " ", "a b", "a/b", "a\n", "\"",
	    "a,b", "\xc3\xa9",
	    "01234567890123456789012345678901234567890123456789012345678901234"
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(explain_subject_is_good(slice_of(bad[i])));
	assert_true(explain_subject_is_good(SLICE("A.z_0@9-")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tester_is_known),
		cmocka_unit_test(its_form_stays),
		cmocka_unit_test(it_expires),
		cmocka_unit_test(keys_take_turns),
		cmocka_unit_test(every_bit_counts),
		cmocka_unit_test(other_forms_are_malformed),
		cmocka_unit_test(subjects_are_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <limits.h>
#include <string.h>

#include "base/near.h"

static void
counts_edits(void **state)
{
	static const struct {
		const char	*a, *b;
		unsigned	 edits;
	} rows[] = {
		{ "", "", 0 },
		{ "", "abc", 3 },
		{ "abc", "", 3 },
		{ "same", "same", 0 },
		{ "Same", "sAME", 0 },		/* case does not count */
		{ "kitten", "sitting", 3 },
		{ "teh", "the", 1 },		/* neighbours swapped */
		{ "listners", "listeners", 1 },
		{ "ab", "ba", 1 },
		{ "abc", "xyz", 3 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct slice a = slice_of(rows[i].a), b = slice_of(rows[i].b);

		assert_int_equal(near_distance(a, b), rows[i].edits);
		assert_int_equal(near_distance(b, a), rows[i].edits);
	}
}

static void
long_words_are_far(void **state)
{
	char word[65];

	(void)state;
	memset(word, 'a', 64);
	word[64] = '\0';
	assert_int_equal(near_distance(slice_of(word), slice_of("a")),
	    UINT_MAX);
	assert_int_equal(near_distance(slice_of("a"), slice_of(word)),
	    UINT_MAX);
	word[63] = '\0';
	assert_int_equal(near_distance(slice_of(word), slice_of(word)), 0);
	assert_int_equal(near_distance(slice_of(word), slice_of("")), 63);
}

static void
suggests_only_what_is_near(void **state)
{
	static const char *const names[] = { "listeners", "limits", "log",
	    "geo", "check", "warn", "canada", "poland" };
	static const struct {
		const char	*word, *nearest;	/* NULL: none */
	} rows[] = {
		{ "listener", "listeners" },
		{ "Limit", "limits" },
		{ "chekc", "check" },
		{ "hceck", "check" },
		{ "lisetner", "listeners" },	/* a third, begun alike */
		{ "listen", "listeners" },
		{ "warning", "warn" },		/* one goes on */
		{ "Wakanda", NULL },		/* three edits from Canada */
		{ "Holland", NULL },		/* two from Poland, and begun
						   otherwise */
		{ "Caxaba", "canada" },
		{ "foo", NULL },
		{ "logistics", NULL },		/* goes on for too long */
		{ "gео", NULL },		/* Cyrillic letters */
		{ "database", NULL },
		{ "x", NULL },
		{ "", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *found = near_find(slice_of(rows[i].word), names,
		    sizeof(names) / sizeof(names[0]));

		if (rows[i].nearest == NULL && found != NULL)
			fail_msg("%s: %s", rows[i].word, found);
		if (rows[i].nearest != NULL) {
			assert_non_null(found);
			assert_string_equal(found, rows[i].nearest);
		}
	}
	assert_null(near_find(SLICE("log"), names, 0));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_edits),
		cmocka_unit_test(long_words_are_far),
		cmocka_unit_test(suggests_only_what_is_near),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

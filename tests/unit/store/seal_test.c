/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "store/seal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static struct seal_keys keys;

static int
set_up(void **state)
{
	(void)state;
	memset(&keys, 0, sizeof(keys));
	for (size_t i = 0; i < 3; i++)
		memset(keys.list[i], (int)i + 1, SEAL_KEY);
	keys.count = 2;
	return 0;
}

static bool
opens(const struct seal_keys *with, struct slice token, const char *expected)
{
	struct buf plain = { 0 };
	bool good = unseal(with, token, &plain);

	if (good)
		assert_string_equal(buf_cstr(&plain), expected);
	else
		assert_int_equal(plain.len, 0);
	buf_fini(&plain);
	return good;
}

static void
test_comes_back(void **state)
{
	static const char *const texts[] = { "", "a", "ab", "abc", "{\"a\": 1}" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct buf token = { 0 }, again = { 0 };

		seal(&keys, slice_of(texts[i]), &token);
		assert_true(opens(&keys, buf_all(&token), texts[i]));
		/* No two are the same, so none tells of another. */
		seal(&keys, slice_of(texts[i]), &again);
		assert_false(slice_eq(buf_all(&token), buf_all(&again)));
		buf_fini(&token);
		buf_fini(&again);
	}
}

/* "dir" and A256GCM, by name, with a key that is not the one that was used. */
static void
test_says_what_it_is(void **state)
{
	struct buf token = { 0 };

	(void)state;
	seal(&keys, SLICE("x"), &token);
	/* {"alg":"dir","enc":"A256GCM","kid":" */
	assert_memory_equal(token.p,
	    "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIiwia2lkIjoi", 48);
	buf_fini(&token);
}

static void
test_keys_turn(void **state)
{
	struct seal_keys old = { .count = 1 }, other = { .count = 1 };
	struct buf token = { 0 };

	(void)state;
	memcpy(old.list[0], keys.list[1], SEAL_KEY);
	memcpy(other.list[0], keys.list[2], SEAL_KEY);
	seal(&old, SLICE("x"), &token);
	assert_true(opens(&keys, buf_all(&token), "x"));
	assert_false(opens(&other, buf_all(&token), "x"));
	buf_fini(&token);
}

/* Whatever byte is another one. */
static void
test_no_change_goes_unseen(void **state)
{
	struct buf token = { 0 };

	(void)state;
	seal(&keys, SLICE("who am I"), &token);
	for (size_t i = 0; i < token.len; i++) {
		char was = token.p[i];

		for (int c = 0; c < 256; c += 5) {
			token.p[i] = (char)c;
			if (token.p[i] != was)
				assert_false(opens(&keys, buf_all(&token),
				    ""));
		}
		token.p[i] = was;
		assert_false(opens(&keys, (struct slice){ token.p, i }, ""));
	}
	assert_true(opens(&keys, buf_all(&token), "who am I"));
	buf_fini(&token);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_comes_back, set_up),
		cmocka_unit_test_setup(test_says_what_it_is, set_up),
		cmocka_unit_test_setup(test_keys_turn, set_up),
		cmocka_unit_test_setup(test_no_change_goes_unseen, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "policy/overrides.h"

static struct overrides o;

static int
setup(void **state)
{
	(void)state;
	o.count = 0;
	return 0;
}

static void
say(const char *region, enum override_kind kind, uint64_t until)
{
	struct override word = { .kind = kind, .since_unix_ms = 1000,
	    .until_unix_ms = until, .reason = "\"why\"\n" };

	strcpy(word.region, region);
	assert_true(overrides_set(&o, &word));
}

static void
the_last_word_counts(void **state)
{
	(void)state;
	say("GB", OVERRIDE_DOWN, 0);
	say("US", OVERRIDE_DRAIN, 0);
	say("GB", OVERRIDE_UP, 0);
	assert_int_equal(o.count, 2);
	assert_int_equal(overrides_find(&o, "GB")->kind, OVERRIDE_UP);
	say("GB", OVERRIDE_AUTO, 0);
	assert_null(overrides_find(&o, "GB"));
	assert_int_equal(overrides_find(&o, "US")->kind, OVERRIDE_DRAIN);
	assert_null(overrides_find(&o, "EU"));
}

static void
there_is_room_for_each_region(void **state)
{
	struct override word = { .kind = OVERRIDE_DOWN, .region = "ZZ" };
	char name[] = "A0";

	(void)state;
	for (unsigned i = 0; i < REGIONS_MAX; i++) {
		name[1] = (char)('a' + i);
		say(name, OVERRIDE_DOWN, 0);
	}
	assert_false(overrides_set(&o, &word));
	say(name, OVERRIDE_UP, 0);	/* in place of another */
}

static void
words_expire(void **state)
{
	struct override gone;

	(void)state;
	say("GB", OVERRIDE_DOWN, 5000);
	say("US", OVERRIDE_DOWN, 0);
	say("EU", OVERRIDE_DRAIN, 6000);
	assert_false(overrides_expire(&o, 4999, &gone));
	assert_true(overrides_expire(&o, 6000, &gone));
	assert_string_equal(gone.region, "GB");
	assert_true(overrides_expire(&o, 6000, &gone));
	assert_string_equal(gone.region, "EU");
	assert_false(overrides_expire(&o, UINT64_MAX, &gone));
	assert_int_equal(o.count, 1);
}

/* Bit 0 is A, 1 is B, 2 is C. */
static const struct {
	uint16_t down, drain, up, probes;
	int	 born;
	uint16_t go;
} rows[] = {
	{ 0, 0, 0, 7, -1, 7 },
	{ 2, 0, 0, 7, -1, 5 },
	{ 2, 0, 0, 7, 1, 5 },		/* down is down for its states, too */
	{ 0, 2, 0, 7, -1, 5 },
	{ 0, 2, 0, 7, 0, 5 },		/* begun in A: nothing for B */
	{ 0, 2, 0, 7, 1, 7 },
	{ 0, 2, 0, 5, 1, 5 },		/* draining makes nobody up */
	{ 0, 0, 2, 5, -1, 7 },
};

static void
words_win_over_probes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct overrides_sets sets = { { rows[i].down },
		    { rows[i].drain }, { rows[i].up } };
		struct region_set up = { rows[i].probes };

		assert_int_equal(overrides_apply(&sets, up,
		    rows[i].born).bits, rows[i].go);
	}
}

static void
what_is_written_is_read(void **state)
{
	struct buf text = { 0 };
	struct overrides read;
	struct err err;

	(void)state;
	say("GB", OVERRIDE_DOWN, 5000);
	say("US", OVERRIDE_UP, 0);
	overrides_json(&o, &text);
	assert_true(overrides_parse(&read, buf_all(&text), &err));
	assert_int_equal(read.count, 2);
	assert_memory_equal(&read.list[0], &o.list[0], sizeof(o.list[0]));
	assert_memory_equal(&read.list[1], &o.list[1], sizeof(o.list[1]));
	buf_fini(&text);
}

static const char *const bad[] = {
	"", "{}", "[1]", "[{\"region\":\"GB\"}]",
	"[{\"region\":\"GB\",\"state\":\"sideways\",\"reason\":\"\"}]",
	"[{\"region\":\"GB\",\"state\":\"auto\",\"reason\":\"\"}]",
	"[{\"region\":\"LONGER-THAN-A-REGION-IS\",\"state\":\"up\","
	    "\"reason\":\"\"}]",
	"[{\"region\":\"GB\",\"state\":\"up\",\"reason\":\"\","
	    "\"until_ms\":-1}]",
	"[{\"region\":\"GB\",\"state\":\"up\",\"reason\":\"\","
	    "\"since_ms\":\"1\"}]",
	"[{\"region\":\"GB\",\"state\":\"up\",\"reason\":\"\"}",
};

static void
damage_is_no_word(void **state)
{
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		say("GB", OVERRIDE_DOWN, 0);
		assert_false(overrides_parse(&o, slice_of(bad[i]), &err));
		assert_int_equal(o.count, 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_last_word_counts, setup),
		cmocka_unit_test_setup(there_is_room_for_each_region, setup),
		cmocka_unit_test_setup(words_expire, setup),
		cmocka_unit_test_setup(words_win_over_probes, setup),
		cmocka_unit_test_setup(what_is_written_is_read, setup),
		cmocka_unit_test_setup(damage_is_no_word, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

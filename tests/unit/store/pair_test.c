/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "store/pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#define SLOT	.name = "gb_from_us", .outgoing = true, .there = true, \
		.enabled = true, .running = true, .wal_status = "reserved", \
		.room_bytes = 1000, .kept_bytes = 10
#define SUBSCRIPTION .name = "us_from_gb", .there = true, .enabled = true, \
		.running = true, .room_bytes = STORE_PAIR_NEVER

static const struct {
	struct store_pair pair;
	const char	*trouble;	/* how it begins; NULL: none */
} troubles[] = {
	{ { SLOT }, NULL },
	{ { SLOT, .lag_ms = STORE_PAIR_LAG_MS - 1 }, NULL },
	{ { SLOT, .lag_ms = STORE_PAIR_LAG_MS },
	    "that region is 60 seconds behind" },
	{ { .outgoing = true }, "that region does not follow" },
	{ { .name = "gb_from_us", .outgoing = true, .there = true,
	    .wal_status = "lost" }, "its slot is lost, since more of the log "
	    "would have been kept for it than max_slot_wal_keep_size: all must "
	    "be copied anew, by portolan store region repair US in region GB" },
	{ { .name = "gb_from_eu_in_eu_gb", .outgoing = true, .there = true,
	    .wal_status = "lost" }, "its slot is lost, since more of the log "
	    "would have been kept for it than max_slot_wal_keep_size: all must "
	    "be copied anew, by portolan store region repair EU in region GB" },
	{ { .outgoing = true, .there = true, .wal_status = "unreserved" },
	    "its slot is about to be lost" },
	{ { .outgoing = true, .there = true, .kept_bytes = 501,
	    .room_bytes = 500, .growth = 7 }, "more than half of what may be "
	    "kept of the log for it is: 500 bytes are left, and it grows by 7 "
	    "a second" },
	{ { .outgoing = true, .there = true, .kept_bytes = 501,
	    .room_bytes = STORE_PAIR_NEVER }, "that region is not connected, "
	    "501 bytes are kept for it" },
	{ { SUBSCRIPTION }, NULL },
	{ { SUBSCRIPTION, .errors = 9 }, NULL },	/* long ago */
	{ { SUBSCRIPTION, .errors = 9, .failing = true },
	    "what arrives cannot be applied" },
	{ { SUBSCRIPTION, .tables_waiting = 2 },
	    "2 tables are not copied whole yet" },
	{ { .room_bytes = 0 }, "this region does not follow" },
	{ { .there = true }, "the subscription is disabled" },
	{ { .there = true, .enabled = true }, "the apply worker is stopped" },
};

static void
what_is_wrong_is_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(troubles) / sizeof(troubles[0]); i++) {
		char text[STORE_PAIR_TEXT];
		const char *trouble = store_pair_trouble(&troubles[i].pair,
		    text);

		if (troubles[i].trouble == NULL)
			assert_null(trouble);
		else
			assert_memory_equal(trouble, troubles[i].trouble,
			    strlen(troubles[i].trouble));
	}
}

static const struct store_pair written[] = {
	{ SLOT, .lag_ms = 5, .behind_bytes = 77, .silent_ms = 12,
	    .growth = -300 },
	{ SUBSCRIPTION, .silent_ms = STORE_PAIR_NEVER, .errors = 3,
	    .failing = true, .tables_waiting = 4 },
};

static void
it_is_read_as_it_was_written(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(written) / sizeof(written[0]); i++) {
		const struct store_pair *a = &written[i];
		struct buf text = { 0 };
		struct store_pair b;

		store_pair_write(a, &text);
		assert_true(text.len < STORE_PAIR_TEXT);
		assert_true(store_pair_read(&b, buf_all(&text)));
		assert_string_equal(a->name, b.name);
		assert_string_equal(a->wal_status, b.wal_status);
		assert_int_equal(a->outgoing, b.outgoing);
		assert_int_equal(a->failing, b.failing);
		assert_int_equal(a->tables_waiting, b.tables_waiting);
		assert_int_equal(a->errors, b.errors);
		assert_int_equal(a->silent_ms, b.silent_ms);
		assert_int_equal(a->lag_ms, b.lag_ms);
		assert_int_equal(a->behind_bytes, b.behind_bytes);
		assert_int_equal(a->kept_bytes, b.kept_bytes);
		assert_int_equal(a->room_bytes, b.room_bytes);
		assert_int_equal(a->growth, b.growth);
		buf_fini(&text);
	}
}

static const char *const bad[] = {
	"", "gb_from_us", "gb_from_us -", "gb_from_us - 1 2 3 4 5 6 7 8",
	"gb_from_us - 1 2 3 4 5 6 7 8 9 10", "gb_from_us - 64 2 3 4 5 6 7 8 9",
	"gb\"from - 1 2 3 4 5 6 7 8 9", "GB - 1 2 3 4 5 6 7 8 9",
	"gb_from_us - 1 4294967296 3 4 5 6 7 8 9",
	"gb_from_us - 1 2 3 4 5 6 7 8 9223372036854775808",
	"gb_from_us - 1 2 3 4 5 6 7 8 18446744073709551616",
	"gb_from_us_in_a_set_of_regions_and_others_whose_names_are_so_long - 1 2 "
	    "3 4 5 6 7 8 9",
	"gb_from_us reserved_and_more 1 2 3 4 5 6 7 8 9",
	" - 1 2 3 4 5 6 7 8 9", "gb_from_us  1 2 3 4 5 6 7 8 9",
	"gb_from_us - 1 -2 3 4 5 6 7 8 9",
};

static void
what_is_none_is_refused(void **state)
{
	struct store_pair pair;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(store_pair_read(&pair, slice_of(bad[i])));
	assert_true(store_pair_read(&pair,
	    SLICE("gb_from_us - 1 2 3 4 5 6 7 8 9")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_wrong_is_named),
		cmocka_unit_test(it_is_read_as_it_was_written),
		cmocka_unit_test(what_is_none_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

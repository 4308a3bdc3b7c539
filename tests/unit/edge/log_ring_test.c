/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/* Blocks of lines between two threads, both played by the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "edge/log_ring.h"

/* Lines of 4 KiB: so many fit before there is no room for another one. */
enum { LINE = 4096, LINES = (LOG_BLOCK_BYTES - LOG_ROOM) / LINE + 1 };

static bool
add(struct log_ring *ring)
{
	char *room = log_ring_room(ring);

	assert_non_null(room);
	memset(room, 'x', LINE);
	room[LINE - 1] = '\n';
	return log_ring_added(ring, LINE);
}

static void
fill_all(struct log_ring *ring)
{
	for (int block = 0; block < LOG_BLOCKS; block++)
		for (int line = 1; line <= LINES; line++)
			assert_int_equal(add(ring), line == LINES);
}

static void
full_blocks_are_handed_over(void **state)
{
	struct log_ring ring = { 0 };
	struct log_block *block;

	(void)state;
	assert_null(log_ring_take(&ring));
	for (int line = 1; line <= LINES; line++) {
		assert_false(log_ring_waits(&ring));
		assert_int_equal(add(&ring), line == LINES);
	}
	assert_true(log_ring_waits(&ring));
	block = log_ring_take(&ring);
	assert_int_equal(block->len, LINES * LINE);
	assert_int_equal(log_lines_in((struct slice){ block->bytes,
	    block->len }), LINES);
	log_ring_give_back(&ring, block);
	assert_int_equal(log_ring_fini(&ring), 0);
}

static void
what_was_begun_is_flushed(void **state)
{
	struct log_ring ring = { 0 };
	struct log_block *block;

	(void)state;
	assert_false(log_ring_flush(&ring));
	assert_non_null(log_ring_room(&ring));
	assert_false(log_ring_flush(&ring));	/* room alone is no line */
	assert_false(add(&ring));
	assert_true(log_ring_flush(&ring));
	assert_false(log_ring_flush(&ring));
	block = log_ring_take(&ring);
	assert_int_equal(block->len, LINE);
	log_ring_give_back(&ring, block);
	/* the block that came back is empty again */
	assert_ptr_equal(log_ring_room(&ring), block->bytes);
	assert_int_equal(log_ring_fini(&ring), 0);
}

static void
lines_without_room_are_counted(void **state)
{
	struct log_ring ring = { 0 };

	(void)state;
	fill_all(&ring);
	assert_null(log_ring_room(&ring));
	assert_null(log_ring_room(&ring));
	assert_int_equal(log_ring_dropped(&ring), 2);
	log_ring_give_back(&ring, log_ring_take(&ring));
	assert_non_null(log_ring_room(&ring));
	/* what still waits is lost as well */
	assert_int_equal(log_ring_fini(&ring), 2 + (LOG_BLOCKS - 1) * LINES);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(full_blocks_are_handed_over),
		cmocka_unit_test(what_was_begun_is_flushed),
		cmocka_unit_test(lines_without_room_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * States in three regions, which are three databases of one server: to be made
 * in one of them, changed in another and looked at from all.
 */
#ifndef TESTS_UNIT_STORE_OWNERSHIP_H
#define TESTS_UNIT_STORE_OWNERSHIP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "regions.h"

static struct store *in[REGIONS];

static inline int
open_all(void **state)
{
	(void)state;
	regions_make();
	loop = loop_new();
	for (int i = 0; i < REGIONS; i++)
		in[i] = region_open(i, loop, "");
	return 0;
}

static inline int
close_all(void **state)
{
	(void)state;
	for (int i = 0; i < REGIONS; i++)
		store_close(&in[i]);
	loop_free(&loop);
	return 0;
}

static inline struct store_row
made_in(int region, uint8_t n, const char *body)
{
	struct store_row row = region_row(region, n, body);

	assert_int_equal(ask_create(in[region], &row), STORE_OK);
	return row;
}

/* Loads and saves; the end of the save. */
static inline enum store_end
change(int region, const uint8_t id[16], const char *body)
{
	struct store_row row;

	assert_int_equal(ask_load(in[region], id, 0, &row), STORE_OK);
	memset(row.op, 0, sizeof(row.op));
	row.body = slice_of(body);
	return ask_save(in[region], &row);
}

static inline void
must_be(int region, const uint8_t id[16], const char *home, uint32_t epoch,
    uint64_t version, const char *body)
{
	struct store_row row;

	assert_int_equal(ask_load(in[region], id, 0, &row), STORE_OK);
	assert_string_equal(row.home, home);
	assert_int_equal(row.token.epoch, epoch);
	assert_int_equal(row.token.version, version);
	assert_true(slice_is(row.body, body));
}

/* Whatever was sent and not waited for has been done. */
static inline void
settle(void)
{
	for (int i = 0; i < REGIONS; i++) {
		store_close(&in[i]);
		in[i] = region_open(i, loop, "");
	}
}

static inline int
start(void **state)
{
	(void)state;
	return regions_start() ? 0 : -1;
}

static inline int
stop(void **state)
{
	(void)state;
	regions_stop();
	buf_fini(&heard.bytes);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_all, close_all)

#endif

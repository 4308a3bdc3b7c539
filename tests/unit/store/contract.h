/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What every store promises, whatever is behind it.  Who includes this says
 * in opened() how one is opened, on a loop that is there; CONTRACT() lists
 * the tests with what comes before and after each.
 */
#ifndef STORE_CONTRACT_H
#define STORE_CONTRACT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "asking.h"
#include "base/clock.h"

static struct loop *loop;

static struct store *opened(const char *home);

static struct store_health
health_of(struct store *store)
{
	struct store_health health;

	store->ops->health(store, &health);
	return health;
}

static struct store_row
a_row(uint8_t n, const char *body)
{
	struct store_row row = { .allowed = STORE_ALL_REGIONS,
	    .created_ms = 1000, .updated_ms = 1000,
	    .body = slice_of(body) };

	memset(row.id, n, 16);
	memset(row.tenant, 0x7e, 16);
	memset(row.flow, 0xf1, 16);
	return row;
}

static void
a_row_is_as_it_was_saved(void **state)
{
	struct store *store = opened("GB");
	struct store_row row = a_row(1, "first"), got;

	(void)state;
	assert_int_equal(ask_load(store, row.id, 0, &got), STORE_NOT_FOUND);
	assert_int_equal(ask_create(store, &row), STORE_OK);
	assert_int_equal(row.token.version, 1);
	assert_int_equal(ask_load(store, row.id, 0, &got), STORE_OK);
	assert_true(slice_is(got.body, "first"));
	assert_memory_equal(got.id, row.id, 16);
	assert_memory_equal(got.tenant, row.tenant, 16);
	assert_memory_equal(got.flow, row.flow, 16);
	assert_int_equal(got.created_ms, 1000);
	assert_int_equal(got.token.epoch, 1);
	assert_int_equal(ask_create(store, &row), STORE_CONFLICT);
	assert_true(health_of(store).good);

	/* Over a new opening. */
	store_close(&store);
	store = opened("GB");
	row = a_row(1, "second");
	row.token = got.token;
	row.updated_ms = 2000;
	assert_int_equal(ask_save(store, &row), STORE_OK);
	assert_int_equal(row.token.version, 2);
	assert_int_equal(ask_load(store, row.id, 0, &got), STORE_OK);
	assert_true(slice_is(got.body, "second"));
	assert_int_equal(got.updated_ms, 2000);
	assert_int_equal(got.created_ms, 1000);
	store_close(&store);
}

static void
only_one_of_two_saves_wins(void **state)
{
	struct store *a = opened("GB"), *b = opened("GB");
	struct store_row row = a_row(2, "x"), mine, theirs;

	(void)state;
	assert_int_equal(ask_create(a, &row), STORE_OK);
	assert_int_equal(ask_load(a, row.id, 0, &mine), STORE_OK);
	assert_int_equal(ask_load(b, row.id, 0, &theirs), STORE_OK);
	mine.body = SLICE("mine");
	theirs.body = SLICE("theirs");
	assert_int_equal(ask_save(b, &theirs), STORE_OK);
	assert_int_equal(ask_save(a, &mine), STORE_CONFLICT);
	assert_int_equal(ask_load(a, row.id, 0, &mine), STORE_OK);
	assert_true(slice_is(mine.body, "theirs"));
	memset(mine.id, 0xee, 16);	/* no such state */
	assert_int_equal(ask_save(a, &mine), STORE_CONFLICT);
	store_close(&a);
	store_close(&b);
}

/* Whoever has only read must be able to write after somebody else has. */
static void
a_read_holds_nothing_back(void **state)
{
	struct store *a = opened("GB"), *b = opened("GB");
	struct store_row row = a_row(1, "x"), more = a_row(2, "y"),
	    last = a_row(3, "z"), got;
	uint64_t removed;

	(void)state;
	assert_int_equal(ask_create(a, &row), STORE_OK);
	assert_int_equal(ask_load(a, row.id, 0, &got), STORE_OK);
	assert_int_equal(ask_create(b, &more), STORE_OK);
	assert_int_equal(ask_create(a, &last), STORE_OK);
	assert_true(slice_is(got.body, "x"));
	assert_int_equal(ask_load(a, row.id, 0, &got), STORE_OK);
	more.body = SLICE("other");
	assert_int_equal(ask_save(b, &more), STORE_OK);
	assert_int_equal(ask_expire(a, 1, 10, &removed), STORE_OK);
	store_close(&a);
	store_close(&b);
}

static void
what_has_expired_is_not_found(void **state)
{
	struct store *store = opened("GB");
	struct store_row row = a_row(3, "x"), got;
	uint64_t removed;

	(void)state;
	row.expires_ms = 5000;
	assert_int_equal(ask_create(store, &row), STORE_OK);
	assert_int_equal(ask_load(store, row.id, 4999, &got), STORE_OK);
	assert_int_equal(ask_load(store, row.id, 5000, &got),
	    STORE_NOT_FOUND);
	row = a_row(4, "never");
	assert_int_equal(ask_create(store, &row), STORE_OK);
	assert_int_equal(ask_expire(store, 4999, 500, &removed), STORE_OK);
	assert_int_equal(removed, 0);
	assert_int_equal(ask_expire(store, 1000000, 500, &removed),
	    STORE_OK);
	assert_int_equal(removed, 1);
	assert_int_equal(ask_load(store, row.id, 1000000, &got), STORE_OK);
	store_close(&store);
}

static void
a_body_has_a_limit(void **state)
{
	struct store *store = opened("GB");
	struct store_row row = a_row(5, "x");
	char *big = calloc(1, STORE_BODY_MAX + 1);

	(void)state;
	row.body = (struct slice){ big, STORE_BODY_MAX + 1 };
	assert_int_equal(ask_create(store, &row), STORE_TOO_BIG);
	row.body.len--;
	assert_int_equal(ask_create(store, &row), STORE_OK);
	row.body.len++;
	assert_int_equal(ask_save(store, &row), STORE_TOO_BIG);
	free(big);
	store_close(&store);
}

/* A save whose answer was lost comes again. */
static void
a_repeated_write_is_recognised(void **state)
{
	struct store *store = opened("GB");
	struct store_row row = a_row(1, "first"), other, got;

	(void)state;
	memset(row.op, 0xa1, 16);
	row.allowed = 5;
	assert_int_equal(ask_create(store, &row), STORE_OK);
	assert_int_equal(ask_create(store, &row), STORE_OK);
	assert_int_equal(row.token.version, 1);
	other = row;
	memset(other.op, 0xa2, 16);
	assert_int_equal(ask_create(store, &other), STORE_CONFLICT);
	assert_true(heard.has_row && heard.row.token.version == 1);

	other.body = SLICE("second");
	other.done = true;
	assert_int_equal(ask_save(store, &other), STORE_OK);
	assert_int_equal(other.token.version, 2);
	other.token.version = 1;
	assert_int_equal(ask_save(store, &other), STORE_OK);
	assert_int_equal(other.token.version, 2);
	assert_int_equal(ask_create(store, &row), STORE_CONFLICT);
	row.body = SLICE("late");
	assert_int_equal(ask_save(store, &row), STORE_CONFLICT);
	assert_int_equal(heard.row.token.version, 2);
	assert_int_equal(ask_load(store, row.id, 0, &got), STORE_OK);
	assert_true(slice_is(got.body, "second"));
	assert_memory_equal(got.op, other.op, 16);
	assert_true(got.done);
	assert_int_equal(got.allowed, 5);
	assert_string_equal(got.home, "GB");

	/* Without an op there is nothing to recognise. */
	memset(other.op, 0, 16);
	assert_int_equal(ask_save(store, &other), STORE_OK);
	other.token.version = 2;
	assert_int_equal(ask_save(store, &other), STORE_CONFLICT);
	store_close(&store);
}

static void
a_removed_state_is_gone(void **state)
{
	struct store *store = opened("GB");
	struct store_row row = a_row(1, "x"), got;

	(void)state;
	assert_int_equal(ask_remove(store, row.id, row.token),
	    STORE_NOT_FOUND);
	assert_int_equal(ask_create(store, &row), STORE_OK);
	assert_int_equal(ask_remove(store, row.id,
	    (struct store_token){ 1, 2 }), STORE_CONFLICT);
	assert_int_equal(ask_remove(store, row.id, row.token), STORE_OK);
	assert_int_equal(ask_load(store, row.id, 0, &got), STORE_NOT_FOUND);
	assert_int_equal(ask_create(store, &row), STORE_OK);
	store->ops->restrict_to(store, row.id, row.token, 9, heard_row, NULL);
	assert_int_equal(wait_for_it(store), STORE_OK);
	assert_int_equal(heard.row.token.version, 2);
	assert_int_equal(ask_load(store, row.id, 0, &got), STORE_OK);
	assert_int_equal(got.allowed, 9);
	store->ops->restrict_to(store, row.id, row.token, 1, heard_row, NULL);
	assert_int_equal(wait_for_it(store), STORE_CONFLICT);
	assert_int_equal(ask_remove(store, row.id, (struct store_token){ 0 }),
	    STORE_OK);
	store_close(&store);
}

static uint64_t
restrict_flow(struct store *store, const struct store_row *of,
    store_regions allowed, unsigned limit)
{
	const struct store_query q = { .tenant = of->tenant,
	    .flow = of->flow, .limit = limit };

	store->ops->restrict_flow(store, &q, allowed, heard_count, NULL);
	assert_int_equal(wait_for_it(store), STORE_OK);
	return heard.number;
}

/* In batches, and no state of another flow; who works on one loses nothing. */
static void
a_flows_states_are_given_their_regions(void **state)
{
	static const store_regions sets[] = { 5, STORE_NO_REGIONS, 9,
	    STORE_ALL_REGIONS };
	struct store *store = opened("GB");
	struct store_row row, first, other, got;

	(void)state;
	other = a_row(100, "of another flow");
	memset(other.flow, 0xf2, 16);
	assert_int_equal(ask_create(store, &other), STORE_OK);
	for (uint8_t n = 0; n < 7; n++) {
		row = a_row(n, "x");
		assert_int_equal(ask_create(store, &row), STORE_OK);
		if (n == 0)
			first = row;
	}
	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
		assert_int_equal(restrict_flow(store, &row, sets[i], 5), 5);
		assert_int_equal(restrict_flow(store, &row, sets[i], 5), 2);
		assert_int_equal(restrict_flow(store, &row, sets[i], 5), 0);
		assert_int_equal(ask_load(store, other.id, 0, &got),
		    STORE_OK);
		assert_true(got.allowed == STORE_ALL_REGIONS);
		first.body = SLICE("goes on");
		assert_int_equal(ask_save(store, &first), STORE_OK);
	}
	/* All are at home here: none has to be brought. */
	store->ops->strays(store, &(struct store_query){ .tenant = row.tenant,
	    .flow = row.flow, .limit = 9 }, 2, heard_list, NULL);
	assert_int_equal(wait_for_it(store), STORE_OK);
	assert_int_equal(heard.count, 0);
	assert_int_equal(ask_load(store, first.id, 0, &got), STORE_OK);
	assert_true(slice_is(got.body, "goes on"));
	assert_true(got.allowed == STORE_ALL_REGIONS);
	store_close(&store);
}

static enum store_end
next_flow(struct store *store, uint8_t tenant[16], uint8_t flow[16])
{
	store->ops->next_flow(store, tenant, flow, heard_row, NULL);
	if (wait_for_it(store) == STORE_OK) {
		memcpy(tenant, heard.row.tenant, 16);
		memcpy(flow, heard.row.flow, 16);
	}
	return heard.end;
}

static void
flows_with_states_are_told_once_each(void **state)
{
	static const uint8_t pairs[][2] = { { 1, 1 }, { 1, 2 }, { 2, 1 },
	    { 0xff, 0x80 } };
	struct store *store = opened("GB");
	uint8_t tenant[16] = { 0 }, flow[16] = { 0 };
	struct store_row row;

	(void)state;
	assert_int_equal(next_flow(store, tenant, flow), STORE_NOT_FOUND);
	for (uint8_t n = 0; n < 8; n++) {
		row = a_row(n, "x");
		memset(row.tenant, pairs[n / 2][0], 16);
		memset(row.flow, pairs[n / 2][1], 16);
		assert_int_equal(ask_create(store, &row), STORE_OK);
	}
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(next_flow(store, tenant, flow), STORE_OK);
		assert_int_equal(tenant[15], pairs[i][0]);
		assert_int_equal(flow[0], pairs[i][1]);
	}
	assert_int_equal(next_flow(store, tenant, flow), STORE_NOT_FOUND);
	store_close(&store);
}

/* Whatever the pages' size, each state once, and nobody else's. */
static void
lists_come_in_pages(void **state)
{
	static const unsigned sizes[] = { 1, 3, 7, 500 };
	struct store *store = opened("GB");
	struct store_row row;
	uint8_t tenant[16], flow[16];

	(void)state;
	for (uint8_t n = 0; n < 20; n++) {
		row = a_row(n, "body");
		row.created_ms = 1000 + n / 4;	/* several at once */
		memset(row.flow, n % 2 == 0 ? 0xf1 : 0xf2, 16);
		memset(row.tenant, n == 19 ? 0x11 : 0x7e, 16);
		assert_int_equal(ask_create(store, &row), STORE_OK);
	}
	memset(tenant, 0x7e, 16);
	memset(flow, 0xf2, 16);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		for (int one_flow = 0; one_flow < 2; one_flow++) {
			struct store_query q = { .tenant = tenant,
			    .flow = one_flow ? flow : NULL,
			    .limit = sizes[i] };
			unsigned seen = 0, count = 0;
			char cursor[160];

			do {
				store->ops->list(store, &q, heard_list, NULL);
				assert_int_equal(wait_for_it(store),
				    STORE_OK);
				assert_true(heard.count <= sizes[i]);
				for (size_t k = 0; k < heard.count; k++) {
					seen |= 1u << heard.rows[k].id[0];
					assert_int_equal(
					    heard.rows[k].body.len, 0);
					count++;
				}
				memcpy(cursor, heard.next, sizeof(cursor));
				q.cursor = cursor;
			} while (heard.next[0] != '\0');
			assert_int_equal(seen, one_flow ? 0x2aaaa : 0x7ffff);
			assert_int_equal(count, one_flow ? 9 : 19);
		}
	store_close(&store);
}

/* A cursor that is none of ours is where the list begins. */
static void
a_foreign_cursor_does_no_harm(void **state)
{
	static const char *const cursors[] = { "", "x", "../../etc/passwd",
	    "00000000000000000000000000000000000000000000000000000000000000000",
	    "zz000000000000000000000000000000000000000000000000000000000000001" };
	struct store *store = opened("GB");
	struct store_row row = a_row(1, "x");

	(void)state;
	assert_int_equal(ask_create(store, &row), STORE_OK);
	for (size_t i = 0; i < sizeof(cursors) / sizeof(cursors[0]); i++) {
		struct store_query q = { .tenant = row.tenant, .limit = 10,
		    .cursor = cursors[i] };

		store->ops->list(store, &q, heard_list, NULL);
		assert_int_equal(wait_for_it(store), STORE_OK);
		assert_int_equal(heard.count, 1);
	}
	store_close(&store);
}

static void
count_answers(void *arg, enum store_end end, const struct store_row *row)
{
	unsigned *ends = arg;

	(void)row;
	ends[end]++;
	if (++ends[STORE_UNKNOWN + 1] == ends[STORE_UNKNOWN + 2])
		loop_stop(loop);
}

/* Many at once share transactions; one that loses costs the others nothing,
 * and beyond the queue's bound they are refused, not lost. */
static void
a_crowd_is_answered_one_by_one(void **state)
{
	enum { ROWS = 6000 };
	struct store *store = opened("GB");
	struct store_row *rows = calloc(ROWS, sizeof(*rows)), got;
	unsigned ends[STORE_UNKNOWN + 3] = { [STORE_UNKNOWN + 2] = ROWS };
	unsigned there = 0;

	(void)state;
	for (unsigned n = 0; n < ROWS; n++) {
		rows[n] = a_row(0, "x");
		memcpy(rows[n].id, &(unsigned){ n / 2 }, sizeof(unsigned));
		store->ops->create(store, &rows[n], count_answers, ends);
	}
	loop_run(loop);
	for (unsigned n = 0; n < ROWS; n += 2)
		there += ask_load(store, rows[n].id, 0, &got) == STORE_OK;
	assert_int_equal(ends[STORE_OK], there);
	assert_int_equal(ends[STORE_OK] + ends[STORE_CONFLICT] +
	    ends[STORE_UNAVAILABLE], ROWS);
	assert_true(ends[STORE_UNAVAILABLE] <= ROWS - 4096);
	assert_true(ends[STORE_CONFLICT] >= 1000);
	free(rows);
	store_close(&store);
}

static void
ask_again(void *arg, enum store_end end, const struct store_row *row)
{
	struct store *store = arg;
	struct store_row *mine = (struct store_row *)(uintptr_t)row;

	heard.times++;
	if (end == STORE_OK)
		store->ops->remove(store, mine->id, mine->token,
		    STORE_ALL_REGIONS, ask_again, store);
}

/* Each question is answered once, also where the end comes first. */
static void
closing_answers_everything(void **state)
{
	struct store *store = opened("GB"), *closed = store;
	struct store_row row = a_row(1, "x"), got;
	unsigned times = heard.times;

	(void)state;
	store->ops->create(store, &row, ask_again, store);
	store_close(&closed);
	assert_null(closed);
	assert_int_equal(heard.times, times + 2);	/* refused in the end */
	store = opened("GB");
	assert_int_equal(ask_load(store, row.id, 0, &got), STORE_OK);
	store_close(&store);
}

static enum store_end
put(struct store *store, const char *key, uint64_t replaces,
    const char *body)
{
	struct store_doc doc = { .kind = "flow", .revision = replaces,
	    .deleted = body == NULL, .body = slice_of(body) };

	snprintf(doc.key, sizeof(doc.key), "%s", key);
	store->ops->doc_put(store, &doc, heard_doc, NULL);
	return wait_for_it(store);
}

static enum store_end
get(struct store *store, const char *key)
{
	store->ops->doc_get(store, "flow", key, heard_doc, NULL);
	return wait_for_it(store);
}

static void
metadata_has_one_revision(void **state)
{
	struct store *store = opened("GB");

	(void)state;
	assert_int_equal(get(store, "a"), STORE_NOT_FOUND);
	assert_int_equal(put(store, "a", 0, "one"), STORE_OK);
	assert_int_equal(heard.doc.revision, 1);
	assert_int_equal(put(store, "a", 0, "again"), STORE_CONFLICT);
	assert_int_equal(put(store, "b", 0, "two"), STORE_OK);
	assert_int_equal(heard.doc.revision, 2);
	assert_int_equal(put(store, "a", 2, "stale"), STORE_CONFLICT);
	assert_int_equal(put(store, "a", 1, "three"), STORE_OK);
	assert_int_equal(put(store, "b", UINT64_MAX, NULL), STORE_OK);
	assert_int_equal(get(store, "b"), STORE_NOT_FOUND);
	assert_int_equal(get(store, "a"), STORE_OK);
	assert_true(slice_is(heard.doc.body, "three"));
	assert_int_equal(heard.doc.revision, 3);

	store->ops->docs_since(store, 0, 10, heard_docs, NULL);
	assert_int_equal(wait_for_it(store), STORE_OK);
	assert_int_equal(heard.count, 2);
	assert_int_equal(heard.number, 4);
	assert_int_equal(heard.docs[0].revision, 3);
	assert_string_equal(heard.docs[1].key, "b");
	assert_true(heard.docs[1].deleted);
	assert_int_equal(heard.docs[1].body.len, 0);
	store->ops->docs_since(store, 0, 1, heard_docs, NULL);
	wait_for_it(store);
	assert_int_equal(heard.count, 1);
	assert_int_equal(heard.number, 4);
	store->ops->docs_since(store, 4, 10, heard_docs, NULL);
	wait_for_it(store);
	assert_int_equal(heard.count, 0);

	assert_int_equal(put(store, "b", 0, "new"), STORE_OK);
	assert_int_equal(heard.doc.revision, 5);
	store_close(&store);
	store = opened("GB");		/* counts on */
	store->ops->docs_since(store, 5, 1, heard_docs, NULL);
	assert_int_equal(wait_for_it(store), STORE_OK);
	assert_int_equal(health_of(store).revision, 5);
	assert_int_equal(put(store, "c", 0, ""), STORE_OK);
	assert_int_equal(heard.doc.revision, 6);
	store_close(&store);
}

static uint64_t followed;

static void
follow(void *arg, enum store_end end, uint64_t newest)
{
	assert_int_equal(end, STORE_OK);
	assert_true(newest > followed);
	followed = newest;
	loop_stop(arg);
}

/* Whoever follows hears of what other processes write. */
static void
changes_of_others_are_heard(void **state)
{
	struct store *a = opened("GB"), *b = opened("GB");
	uint64_t began = clock_ms();

	(void)state;
	followed = 0;
	a->ops->docs_watch(a, follow, loop);
	assert_int_equal(put(b, "x", 0, "1"), STORE_OK);
	while (followed < 1)
		loop_run(loop);
	assert_true(clock_ms() - began < 5000);
	assert_int_equal(health_of(a).revision, 1);
	assert_int_equal(put(a, "x", 1, "2"), STORE_OK);
	while (followed < 2)		/* and of our own */
		loop_run(loop);
	store_close(&a);
	store_close(&b);
}

#define CONTRACT(before, after) \
	cmocka_unit_test_setup_teardown(a_row_is_as_it_was_saved, before, after), \
	cmocka_unit_test_setup_teardown(only_one_of_two_saves_wins, before, after), \
	cmocka_unit_test_setup_teardown(a_read_holds_nothing_back, before, after), \
	cmocka_unit_test_setup_teardown(what_has_expired_is_not_found, before, after), \
	cmocka_unit_test_setup_teardown(a_body_has_a_limit, before, after), \
	cmocka_unit_test_setup_teardown(a_repeated_write_is_recognised, before, after), \
	cmocka_unit_test_setup_teardown(a_removed_state_is_gone, before, after), \
	cmocka_unit_test_setup_teardown(a_flows_states_are_given_their_regions, before, after), \
	cmocka_unit_test_setup_teardown(flows_with_states_are_told_once_each, before, after), \
	cmocka_unit_test_setup_teardown(lists_come_in_pages, before, after), \
	cmocka_unit_test_setup_teardown(a_foreign_cursor_does_no_harm, before, after), \
	cmocka_unit_test_setup_teardown(a_crowd_is_answered_one_by_one, before, after), \
	cmocka_unit_test_setup_teardown(closing_answers_everything, before, after), \
	cmocka_unit_test_setup_teardown(metadata_has_one_revision, before, after), \
	cmocka_unit_test_setup_teardown(changes_of_others_are_heard, before, after)

#endif

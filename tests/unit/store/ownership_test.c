/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * States that change their home between three regions, which are three
 * databases of one server: step by step, with a fault after each step, and
 * many at once; and what becomes of states whose home was lost.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "regions.h"

static struct store *in[REGIONS];

static int
open_all(void **state)
{
	(void)state;
	regions_make();
	loop = loop_new();
	for (int i = 0; i < REGIONS; i++)
		in[i] = region_open(i, loop, "");
	return 0;
}

static int
close_all(void **state)
{
	(void)state;
	for (int i = 0; i < REGIONS; i++)
		store_close(&in[i]);
	loop_free(&loop);
	return 0;
}

static struct store_row
made_in(int region, uint8_t n, const char *body)
{
	struct store_row row = region_row(region, n, body);

	assert_int_equal(ask_create(in[region], &row), STORE_OK);
	return row;
}

/* Loads and saves; the end of the save. */
static enum store_end
change(int region, const uint8_t id[16], const char *body)
{
	struct store_row row;

	assert_int_equal(ask_load(in[region], id, 0, &row), STORE_OK);
	memset(row.op, 0, sizeof(row.op));
	row.body = slice_of(body);
	return ask_save(in[region], &row);
}

static void
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
static void
settle(void)
{
	for (int i = 0; i < REGIONS; i++) {
		store_close(&in[i]);
		in[i] = region_open(i, loop, "");
	}
}

static void
who_saves_brings_it_home(void **state)
{
	struct store_row row = made_in(GB, 1, "made in GB"), mine;

	(void)state;
	must_be(AU, row.id, "GB", 1, 1, "made in GB");
	assert_int_equal(change(AU, row.id, "saved in AU"), STORE_OK);
	assert_string_equal(heard.row.home, "AU");
	assert_string_equal(region_ask(AU, "select home || epoch || version "
	    "|| base from flow.state"), "AU221");
	for (int i = 0; i < REGIONS; i++)
		must_be(i, row.id, "AU", 2, 2, "saved in AU");
	settle();
	assert_string_equal(region_ask(GB, "select count(*) from flow.state"),
	    "0");
	assert_string_equal(region_ask(GB, "select epoch || to_region from "
	    "flow.moved"), "1AU");
	for (int i = 0; i < REGIONS; i++)
		must_be(i, row.id, "AU", 2, 2, "saved in AU");

	/* From then on it is near. */
	assert_int_equal(change(AU, row.id, "again"), STORE_OK);
	/* What GB had loaded before that is not current any more. */
	row.body = SLICE("late");
	assert_int_equal(ask_save(in[GB], &row), STORE_CONFLICT);
	assert_int_equal(ask_load(in[GB], row.id, 0, &mine), STORE_OK);
	mine.body = SLICE("back in GB");
	assert_int_equal(ask_save(in[GB], &mine), STORE_OK);
	assert_int_equal(mine.token.epoch, 3);
	settle();
	for (int i = 0; i < REGIONS; i++)
		must_be(i, row.id, "GB", 3, 4, "back in GB");
}

/* A remove and a restriction do not say where the home is. */
static void
it_is_changed_wherever_it_is(void **state)
{
	struct store_row row = made_in(GB, 1, "x"), got;

	(void)state;
	assert_int_equal(change(AU, row.id, "y"), STORE_OK);
	settle();
	assert_int_equal(ask_remove(in[US], row.id, (struct store_token){ 1,
	    1 }), STORE_CONFLICT);
	assert_int_equal(ask_remove(in[GB], row.id, (struct store_token){ 1,
	    1 }), STORE_CONFLICT);
	assert_int_equal(ask_remove(in[GB], row.id, (struct store_token){ 0 }),
	    STORE_OK);
	for (int i = 0; i < REGIONS; i++)
		assert_int_equal(ask_load(in[i], row.id, 0, &got),
		    STORE_NOT_FOUND);

	/* Restricted to GB while AU has it: it comes back first. */
	row = made_in(GB, 2, "x");
	assert_int_equal(change(AU, row.id, "y"), STORE_OK);
	in[GB]->ops->restrict_to(in[GB], row.id, (struct store_token){ 2, 2 },
	    REGION_BIT(GB), heard_row, NULL);
	assert_int_equal(wait_for_it(in[GB]), STORE_OK);
	settle();
	must_be(GB, row.id, "GB", 3, 3, "y");
	assert_int_equal(ask_load(in[AU], row.id, 0, &got), STORE_ELSEWHERE);
	assert_int_equal(got.body.len, 0);
	assert_string_equal(region_ask(AU, "select count(*) from flow.state"),
	    "0");
}

static void
only_regions_that_may_have_it_get_it(void **state)
{
	struct store_row row = region_row(GB, 1, "for GB and US"), got;

	(void)state;
	row.allowed = REGION_BIT(GB) | REGION_BIT(US);
	assert_int_equal(ask_create(in[GB], &row), STORE_OK);
	assert_int_equal(ask_load(in[AU], row.id, 0, &got), STORE_ELSEWHERE);
	assert_int_equal(got.body.len, 0);
	/* A row that pretends is refused where it would arrive. */
	got.allowed = STORE_ALL_REGIONS;
	got.body = SLICE("stolen");
	assert_int_equal(ask_save(in[AU], &got), STORE_ELSEWHERE);
	settle();
	must_be(GB, row.id, "GB", 1, 1, "for GB and US");
	assert_string_equal(region_ask(AU, "select count(*) from flow.state"),
	    "0");
	assert_int_equal(change(US, row.id, "in US"), STORE_OK);
	must_be(GB, row.id, "US", 2, 2, "in US");
	assert_int_equal(ask_load(in[AU], row.id, 0, &got), STORE_ELSEWHERE);
}

/* Three times in a minute; then whoever saves is forwarded. */
static void
what_moves_too_often_stays(void **state)
{
	static const int tour[] = { AU, US, GB, AU, US };
	struct store_row row = made_in(GB, 1, "x");
	struct store_health health;

	(void)state;
	for (int i = 0; i < 5; i++)
		assert_int_equal(change(tour[i], row.id, "y"), STORE_OK);
	must_be(AU, row.id, "GB", 4, 6, "y");
	assert_int_equal(change(AU, row.id, "forwarded"), STORE_OK);
	in[AU]->ops->health(in[AU], &health);
	assert_int_equal(health.claims, 1);
	assert_int_equal(health.forwards, 2);
	must_be(US, row.id, "GB", 4, 7, "forwarded");
	/* The minute is over. */
	region_ask(GB, "update flow.state_gb set moves_since_ms = "
	    "moves_since_ms - 60001");
	assert_int_equal(change(AU, row.id, "home"), STORE_OK);
	must_be(US, row.id, "AU", 5, 8, "home");
}

/* --- faults between the steps ------------------------------------------------------- */

/* AU begins to claim it, and ends after the first step. */
static struct store_row
frozen(uint8_t n, struct store_row *of_au)
{
	struct store_row row = made_in(GB, n, "old");

	region_break_arrival(AU, true);
	assert_int_equal(ask_load(in[AU], row.id, 0, of_au), STORE_OK);
	of_au->body = SLICE("new");
	memset(of_au->op, 0xa0 + n, sizeof(of_au->op));
	assert_int_equal(ask_save(in[AU], of_au), STORE_UNAVAILABLE);
	assert_string_equal(region_ask(GB, "select moving_to from flow.state "
	    "where moving_to is not null"), "AU");
	return row;
}

static void
a_move_begun_is_ended_by_who_finds_it(void **state)
{
	struct store_row row, of_au, got;

	(void)state;
	/* Nobody writes meanwhile, and nobody is told that he had. */
	row = frozen(1, &of_au);
	row.body = SLICE("at GB");
	assert_int_not_equal(ask_save(in[GB], &row), STORE_OK);
	assert_int_not_equal(ask_load(in[GB], row.id, 0, &got), STORE_OK);
	assert_int_not_equal(ask_load(in[US], row.id, 0, &got), STORE_OK);
	assert_int_not_equal(ask_remove(in[GB], row.id, row.token), STORE_OK);
	region_break_arrival(AU, false);
	/* The old home, which has a save: it is the first at the new one. */
	assert_int_equal(ask_save(in[GB], &row), STORE_OK);
	assert_string_equal(heard.row.home, "AU");
	must_be(US, row.id, "AU", 2, 2, "at GB");
	/* Who had begun it comes too late. */
	assert_int_equal(ask_save(in[AU], &of_au), STORE_CONFLICT);
	assert_int_equal(heard.row.token.version, 2);
	settle();
	must_be(GB, row.id, "AU", 2, 2, "at GB");

	for (int who = 0; who < REGIONS; who++) {
		/* Anybody who reads. */
		row = frozen((uint8_t)(2 + who), &of_au);
		region_break_arrival(AU, false);
		must_be(who, row.id, "AU", 2, 1, "old");
		/* Nothing was saved in between: who had begun goes on, and so
		 * would whoever had loaded it before. */
		assert_int_equal(ask_save(in[AU], &of_au), STORE_OK);
		assert_int_equal(of_au.token.version, 2);
		settle();
		for (int i = 0; i < REGIONS; i++)
			must_be(i, row.id, "AU", 2, 2, "new");
	}

	/* Who began, once more: and again, as if no answer had come. */
	row = frozen(6, &of_au);
	region_break_arrival(AU, false);
	got = of_au;
	assert_int_equal(ask_save(in[AU], &of_au), STORE_OK);
	assert_int_equal(ask_save(in[AU], &got), STORE_OK);
	settle();
	assert_int_equal(got.token.version, 2);
	of_au = got;
	of_au.token = row.token;
	snprintf(of_au.home, sizeof(of_au.home), "GB");
	assert_int_equal(ask_save(in[AU], &of_au), STORE_OK);
	assert_int_equal(of_au.token.version, 2);
	must_be(US, row.id, "AU", 2, 2, "new");

	/* A remove goes where it is. */
	row = frozen(7, &of_au);
	region_break_arrival(AU, false);
	assert_int_equal(ask_remove(in[US], row.id, (struct store_token){ 0 }),
	    STORE_OK);
	assert_int_equal(ask_save(in[AU], &of_au), STORE_CONFLICT);
	settle();
	for (int i = 0; i < REGIONS; i++)
		assert_int_equal(ask_load(in[i], row.id, 0, &got),
		    STORE_NOT_FOUND);
}

/* After the second step, before the third: the frozen row stays, and whatever
 * becomes of the state meanwhile, it does not come back by it. */
static void
a_row_left_behind_does_no_harm(void **state)
{
	struct store_row row, got;

	(void)state;
	region_break_departure(GB, true);
	row = made_in(GB, 1, "x");
	assert_int_equal(change(AU, row.id, "y"), STORE_OK);
	settle();
	assert_string_equal(region_ask(GB, "select count(*) from flow.state"),
	    "1");
	for (int i = 0; i < REGIONS; i++)
		must_be(i, row.id, "AU", 2, 2, "y");
	assert_int_equal(change(US, row.id, "z"), STORE_OK);
	settle();
	for (int i = 0; i < REGIONS; i++)
		must_be(i, row.id, "US", 3, 3, "z");
	/* Back to where it was left. */
	region_break_departure(GB, false);
	assert_int_equal(change(GB, row.id, "home"), STORE_OK);
	settle();
	for (int i = 0; i < REGIONS; i++)
		must_be(i, row.id, "GB", 4, 4, "home");

	region_break_departure(GB, true);
	row = made_in(GB, 2, "x");
	assert_int_equal(change(AU, row.id, "y"), STORE_OK);
	settle();
	assert_int_equal(ask_remove(in[AU], row.id, (struct store_token){ 0 }),
	    STORE_OK);
	for (int i = 0; i < REGIONS; i++)
		assert_int_equal(ask_load(in[i], row.id, 0, &got),
		    STORE_NOT_FOUND);
	region_break_departure(GB, false);
	assert_string_equal(region_ask(GB, "select count(*) from "
	    "flow.state_conflict"), "0");
}

/* A second step that comes very late: whatever has become of the state. */
static void
a_late_arrival_is_turned_away(void **state)
{
	struct store_row row = made_in(GB, 1, "x"), got;

	(void)state;
	assert_int_equal(change(AU, row.id, "y"), STORE_OK);
	assert_false(region_arrives(AU, &row, 2, 1, "late"));
	assert_int_equal(change(US, row.id, "z"), STORE_OK);
	assert_false(region_arrives(AU, &row, 2, 1, "late"));
	settle();
	assert_false(region_arrives(AU, &row, 2, 1, "late"));
	assert_int_equal(ask_remove(in[US], row.id, (struct store_token){ 0 }),
	    STORE_OK);
	assert_false(region_arrives(US, &row, 3, 2, "late"));
	assert_false(region_arrives(AU, &row, 2, 1, "late"));
	for (int i = 0; i < REGIONS; i++)
		assert_int_equal(ask_load(in[i], row.id, 0, &got),
		    STORE_NOT_FOUND);
}

/* One who brings a save along waits for another who brings the row without one;
 * and is held up once more, just before he writes. */
struct late {
	PGconn		*lock, *other, *save;
	struct store_row row;
};

static void
save_late(struct late *l, uint8_t n)
{
	struct store_row of_au;
	char sql[700];

	l->row = frozen(n, &of_au);
	region_break_arrival(AU, false);
	region_ask(AU, "create or replace function flow.hold() returns trigger"
	    " language plpgsql as 'begin perform pg_advisory_xact_lock(7099, 1);"
	    " return null; end'; create or replace trigger hold before update on"
	    " flow.state for each statement execute function flow.hold()");
	l->lock = region_connect(AU);
	region_begin(l->lock, "select pg_advisory_lock(7099, 1)");
	region_end(l->lock);
	l->other = region_connect(AU);
	region_arrival(sql, &l->row, 2, 1, 1, "old");
	region_begin(l->other, "begin");
	region_end(l->other);
	region_begin(l->other, sql);
	assert_true(region_end(l->other));
	l->save = region_connect(AU);
	region_arrival(sql, &l->row, 2, 1, 2, "late");
	region_begin(l->save, sql);
	region_wait_for_lock(AU, "7068");
	region_begin(l->other, "commit");
	region_end(l->other);
	region_wait_for_lock(AU, "7099");
}

/* Whether it was taken. */
static bool
late_save(struct late *l)
{
	bool done;

	region_begin(l->lock, "select pg_advisory_unlock(7099, 1)");
	region_end(l->lock);
	done = region_end(l->save);
	PQfinish(l->lock);
	PQfinish(l->other);
	PQfinish(l->save);
	return done;
}

/* What was acknowledged in between stays. */
static void
a_late_save_takes_no_others_place(void **state)
{
	struct late l;

	(void)state;
	save_late(&l, 1);
	assert_int_equal(change(AU, l.row.id, "meanwhile"), STORE_OK);
	assert_false(late_save(&l));
	settle();
	for (int i = 0; i < REGIONS; i++)
		must_be(i, l.row.id, "AU", 2, 2, "meanwhile");
	/* A frozen row is final: US is going to have it as it was. */
	save_late(&l, 2);
	region_ask(AU, "update flow.state_au set moving_to = 'US', frozen_ms ="
	    " flow.now_ms() where body = 'old'");
	assert_false(late_save(&l));
	for (int i = 0; i < REGIONS; i++)
		must_be(i, l.row.id, "US", 3, 1, "old");
	/* Nobody was in between. */
	save_late(&l, 3);
	assert_true(late_save(&l));
	for (int i = 0; i < REGIONS; i++)
		must_be(i, l.row.id, "AU", 2, 2, "late");
}

/* --- what replication brings ----------------------------------------------------------- */

/* As if it came from that region; the triggers there do not know better. */
static void
replicate(int to, const char *home, const struct store_row *row, int epoch,
    int version, int base, const char *moving_to)
{
	char sql[600], id[33], tenant[33], flow[33];

	region_hex(id, row->id);
	region_hex(tenant, row->tenant);
	region_hex(flow, row->flow);
	snprintf(sql, sizeof(sql), "insert into flow.state (id, home, allowed, "
	    "epoch, version, done, moving_to, base, tenant, flow, created_ms, "
	    "updated_ms, expires_ms, body) values ('%s', '%s', -1, %d, %d, "
	    "false, nullif('%s', ''), %d, '%s', '%s', 1, 1, 0, 'copy')", id,
	    home, epoch, version, moving_to, base, tenant, flow);
	region_ask(to, sql);
}

static void
conflicts_are(int region, const char *count)
{
	assert_string_equal(region_ask(region, "select count(*) from "
	    "flow.state_conflict"), count);
}

/* Its successor had all of it, or not. */
static void
a_lost_home_gives_way(void **state)
{
	struct store_row same = made_in(GB, 1, "x"), more = made_in(GB, 2, "y"),
	    far = made_in(GB, 3, "z");

	(void)state;
	assert_int_equal(change(GB, more.id, "more"), STORE_OK);
	replicate(GB, "AU", &same, 2, 5, 1, "");
	conflicts_are(GB, "0");
	replicate(GB, "AU", &more, 2, 5, 1, "");
	conflicts_are(GB, "1");
	assert_string_equal(region_ask(GB, "select convert_from(body, 'UTF8') "
	    "|| version || convert_from(winner_body, 'UTF8') || "
	    "winner_version from flow.state_conflict"), "more2copy5");
	assert_string_equal(region_ask(GB, "select count(*) from "
	    "flow.state_gb"), "1");
	/* It went on from its successor before that was heard of: it may have
	 * been taken for a conflict, until it is. */
	replicate(GB, "US", &far, 3, 9, 7, "");
	conflicts_are(GB, "2");
	replicate(GB, "AU", &far, 2, 5, 1, "");
	conflicts_are(GB, "1");
}

/* What was on its way, and never got there, is brought here. */
static void
what_was_on_its_way_here_arrives(void **state)
{
	struct store_row row = region_row(GB, 1, "x");

	(void)state;
	replicate(AU, "GB", &row, 1, 4, 0, "AU");
	region_ask(AU, "select flow.tend()");
	assert_string_equal(region_ask(AU, "select epoch || '.' || version "
	    "from flow.state_au"), "2.4");
	region_ask(AU, "delete from flow.state_au");
	region_ask(AU, "select flow.tend()");	/* it has ended meanwhile */
	assert_string_equal(region_ask(AU, "select count(*) from "
	    "flow.state_au"), "0");
}

/* What was saved in a region that was lost, and what its successor made of it:
 * the epochs say which of it is in the past of which. */
static void
another_turn_is_no_past_of_the_last(void **state)
{
	struct store_row row = made_in(US, 1, "x"), same = made_in(US, 2, "x");

	(void)state;
	/* US has saved, and AU took over what was before. */
	assert_int_equal(change(US, row.id, "y"), STORE_OK);
	replicate(US, "AU", &row, 10100000, 8, 1, "");
	conflicts_are(US, "1");
	/* From AU it went to GB, who is heard first: what AU had is not known
	 * yet, then it is. */
	replicate(US, "GB", &same, 10100001, 9, 8, "");
	conflicts_are(US, "2");
	replicate(US, "AU", &same, 10100000, 8, 1, "AU");
	conflicts_are(US, "1");
	/* AU had adopted it and was lost, GB adopted what was before that. */
	row = made_in(AU, 3, "x");
	region_ask(AU, "update flow.state_au set epoch = 10100000, version = 5,"
	    " base = 4 where version = 1");
	replicate(AU, "GB", &row, 20200000, 9, 5, "");
	conflicts_are(AU, "1");
	/* The same, but nothing was saved in AU. */
	row = made_in(AU, 4, "x");
	region_ask(AU, "update flow.state_au set epoch = 10100000, version = 5,"
	    " base = 5 where version = 1");
	replicate(AU, "GB", &row, 20200000, 9, 5, "");
	conflicts_are(AU, "1");
	/* GB adopted what AU had. */
	row = made_in(AU, 5, "x");
	region_ask(AU, "update flow.state_au set epoch = 10100000, version = 5,"
	    " base = 4 where version = 1");
	replicate(AU, "GB", &row, 20100000, 9, 5, "");
	conflicts_are(AU, "1");
}

static void
refused_are(int region, const char *refused)
{
	assert_string_equal(region_ask(region, "select coalesce(string_agg("
	    "home || ' ' || count || ': ' || why, '; ' order by home), '') "
	    "from flow.refused"), refused);
}

/* Whoever has AU's server in his hands can put any row there. */
static void
what_no_region_makes_is_left_out(void **state)
{
	struct store_row row = made_in(GB, 1, "x"), free = region_row(AU, 2,
	    "y"), got;

	(void)state;
	/* A state of another tenant, by the same id, and a later epoch. */
	memset(row.tenant, 0xbb, sizeof(row.tenant));
	replicate(GB, "AU", &row, 20100000, 9, 9, "");
	refused_are(GB, "AU 1: a state of another tenant or flow has this id "
	    "here");
	memset(row.tenant, 0x7e, sizeof(row.tenant));
	memset(row.flow, 0xbb, sizeof(row.flow));
	replicate(GB, "AU", &row, 2, 9, 9, "GB");
	refused_are(GB, "AU 2: a state of another tenant or flow has this id "
	    "here");
	assert_int_equal(ask_load(in[GB], row.id, 0, &got), STORE_OK);
	assert_string_equal(got.home, "GB");
	assert_int_equal(got.token.epoch, 1);
	conflicts_are(GB, "0");

	replicate(GB, "AU", &free, 2147483647, 1, 1, "GB");
	replicate(GB, "AU", &free, 0, 1, 0, "");
	replicate(GB, "AU", &free, 1, 1, 2, "");
	refused_are(GB, "AU 5: its numbers are none that a region gives");
	replicate(GB, "AU", &free, 1, 1, 0, "");
	region_ask(GB, "update flow.state_au set version = 2, body = 'z'");
	refused_are(GB, "AU 5: its numbers are none that a region gives");
	region_ask(GB, "update flow.state_au set epoch = 2");
	refused_are(GB, "AU 6: another state would stand in its place");
	region_ask(GB, "update flow.state_au set tenant = flow");
	refused_are(GB, "AU 7: another state would stand in its place");
	region_ask(GB, "update flow.state_au set body = "
	    "repeat('x', 16777217)::bytea");
	refused_are(GB, "AU 8: it is longer than any that a region writes");
	assert_string_equal(region_ask(GB, "select epoch || '.' || version || "
	    "' ' || length(body) from flow.state_au"), "1.2 1");
	/* It is told once. */
	assert_string_equal(region_ask(GB, "select who || ' ' || "
	    "split_part(what, ',', 1) from flow.guard()"),
	    "region AU 8 so far");
	assert_string_equal(region_ask(GB, "select count(*) from "
	    "flow.guard()"), "0");
}

/* What is on its way from one region does not hang on what another sends. */
static void
the_last_of_all_epochs_stops_no_others(void **state)
{
	struct store_row last = region_row(AU, 1, "x"), other = region_row(US,
	    2, "y"), got;

	(void)state;
	replicate(GB, "AU", &last, 2139999999, 1, 1, "GB");
	/* As one of before there was a look at rows that come. */
	region_ask(GB, "alter table flow.state_au disable trigger "
	    "screen_change");
	region_ask(GB, "update flow.state_au set epoch = 2147483647");
	replicate(GB, "US", &other, 1, 3, 0, "GB");
	region_ask(GB, "select * from flow.tend()");
	assert_int_equal(ask_load(in[GB], other.id, 0, &got), STORE_OK);
	assert_string_equal(got.home, "GB");
	assert_int_equal(got.token.version, 3);
}

static void
a_lost_home_is_adopted(void **state)
{
	struct store_row row = region_row(GB, 1, "x"), moving = region_row(US,
	    2, "y"), gone = region_row(GB, 3, "z"), lost = region_row(GB, 4,
	    "q");

	(void)state;
	replicate(AU, "GB", &row, 1, 4, 0, "");
	replicate(AU, "US", &moving, 1, 2, 0, "GB");
	replicate(AU, "GB", &gone, 1, 1, 0, "US");
	replicate(AU, "GB", &lost, 1, 7, 0, "NZ");
	/* Not before the living have been heard. */
	region_ask(AU, "create subscription au_from_us connection '' "
	    "publication us_to_au with (connect = false)");
	assert_string_equal(region_ask(AU, "select flow.adopt('GB', 'AU', 0, "
	    "10, 'GB,NZ', '')"), "-1");
	assert_string_equal(region_ask(AU, "select flow.adopt('GB', 'AU', 4, "
	    "10, 'GB,NZ', 'US')"), "0");	/* US comes before, and may have it */
	/* Nor by another than was named. */
	assert_string_equal(region_ask(AU, "select flow.adopt('GB', 'US,AU', "
	    "0, 10, 'GB,NZ', 'US')"), "-2");
	assert_string_equal(region_ask(AU, "select flow.adopt('GB', 'AU,US', "
	    "0, 10, 'GB,NZ', 'US')"), "3");
	region_ask(AU, "alter subscription au_from_us set (slot_name = none)");
	region_ask(AU, "drop subscription au_from_us");
	assert_string_equal(region_ask(AU, "select string_agg(epoch || '.' || "
	    "version || '.' || base, ' ' order by version) from flow.state_au"),
	    "20200000.1.1 20200000.2.2 20200000.4.4");
	assert_string_equal(region_ask(AU, "select count(*) from "
	    "flow.state_gb"), "1");	/* to another that is lost */
	assert_string_equal(region_ask(AU, "select flow.adopt('GB', 'AU,US', "
	    "0, 10, 'GB', '')"), "0");
	assert_string_equal(region_ask(AU, "select successor from flow.lost"),
	    "AU,US");
	/* Programs of the version before do not know who was heard. */
	assert_string_equal(region_ask(AU, "select flow.adopt('GB', 0, 10, "
	    "'GB')"), "-1");
}

/* US claims from GB as that is lost, and AU, its successor, has not heard of
 * it: one of them gets it. */
static void
nothing_arrives_from_a_lost_home(void **state)
{
	struct store_row row = made_in(GB, 1, "x"), got;

	(void)state;
	assert_int_equal(ask_load(in[US], row.id, 0, &got), STORE_OK);
	assert_string_equal(region_ask(US, "select said || heard from "
	    "flow.lose('GB', 'AU', 'AU')"), "AUfalse");
	got.body = SLICE("in US");
	assert_int_equal(ask_save(in[US], &got), STORE_UNAVAILABLE);
	assert_string_equal(region_ask(US, "select count(*) from "
	    "flow.state_us"), "0");
	/* Nor by whoever looks after it, nor who does not say from where. */
	replicate(US, "GB", &row, 1, 1, 0, "US");
	region_ask(US, "select flow.tend()");
	assert_null(pg_ask(region_admin(US), "select flow.arrive("
	    "gen_random_uuid(), 2, 1, 2, null, false, -1, gen_random_uuid(),"
	    " gen_random_uuid(), 1, 1, 0, 0, 0, '')"));
	assert_string_equal(region_ask(US, "select count(*) from "
	    "flow.state_us"), "0");
	/* It is AU's, with what was there. */
	replicate(AU, "GB", &row, 1, 1, 0, "US");
	assert_string_equal(region_ask(AU, "select flow.adopt('GB', 'AU', 0, "
	    "10, 'GB', 'US')"), "1");
	replicate(GB, "AU", &row, 10100000, 1, 1, "");
	replicate(US, "AU", &row, 10100000, 1, 1, "");
	must_be(US, row.id, "AU", 10100000, 1, "copy");
	/* Who had loaded it before goes on; nothing was saved in between. */
	memset(got.op, 7, sizeof(got.op));
	got.token = row.token;
	snprintf(got.home, sizeof(got.home), "AU");
	assert_int_equal(ask_save(in[US], &got), STORE_OK);
	assert_int_equal(got.token.epoch, 10100001);
	for (int i = 0; i < REGIONS; i++)
		conflicts_are(i, "0");
	/* Back, and one like the others. */
	region_ask(US, "select flow.found('GB')");
	row = made_in(GB, 2, "x");
	assert_int_equal(change(US, row.id, "y"), STORE_OK);
}

/* What two regions have under one epoch, they both keep. */
static void
two_homes_of_an_epoch_become_one(void **state)
{
	struct store_row row = made_in(GB, 1, "x");

	(void)state;
	assert_int_equal(change(AU, row.id, "y"), STORE_OK);
	assert_true(region_arrives(US, &row, 2, 1, "fork"));
	replicate(AU, "US", &row, 2, 2, 1, "");
	replicate(US, "AU", &row, 2, 2, 1, "");
	conflicts_are(AU, "1");
	conflicts_are(US, "1");
	assert_string_equal(region_ask(AU, "select home || winner from "
	    "flow.state_conflict"), "USAU");
	assert_string_equal(region_ask(US, "select home || winner from "
	    "flow.state_conflict"), "USAU");
	for (int i = 0; i < REGIONS; i++)
		must_be(i, row.id, "AU", 2, 2, "y");
}

/* Nobody writes where the region was given over, nor where it is not known
 * whether it was. */
static void
a_server_that_was_away_takes_no_writes(void **state)
{
	struct store_row row = made_in(GB, 1, "x"), got;
	static const char write[] = "update flow.state_gb set version = "
	    "version + 1";

	(void)state;
	assert_int_equal(ask_load(in[AU], row.id, 0, &got), STORE_OK);
	/* As after a start of it, and while nobody can be asked: on a slow
	 * machine a connection may be made anew, even between two of these. */
	region_ask(GB, "create function flow.keep() returns trigger language "
	    "plpgsql as 'begin return null; end'; create trigger keep before "
	    "update on flow.here for each row when (new.cleared > '2001-01-01')"
	    " execute function flow.keep(); "
	    "update flow.here set cleared = '2001-01-01'");
	row.body = SLICE("y");
	assert_int_equal(ask_save(in[GB], &row), STORE_UNAVAILABLE);
	got.body = SLICE("z");
	assert_int_equal(ask_save(in[AU], &got), STORE_UNAVAILABLE);
	assert_null(pg_ask(region_info[GB], write));
	assert_string_equal(region_ask(GB, "select flow.clear(false)"), "f");
	/* A start of ours asks the others. */
	region_ask(GB, "drop trigger keep on flow.here");
	settle();
	assert_int_equal(ask_save(in[GB], &row), STORE_OK);
	assert_string_equal(region_ask(GB, "select flow.clear(false)"), "t");
	/* So does its refusal of a write, if that has not been noticed. */
	region_ask(GB, "update flow.here set cleared = '2001-01-01'");
	row.body = SLICE("w");
	for (int i = 0; i < 20 && ask_save(in[GB], &row) != STORE_OK; i++)
		;
	assert_string_equal(region_ask(GB, "select flow.clear(false)"), "t");

	region_ask(GB, "update flow.here set cleared = '2001-01-01'");
	/* Both, as before anything is taken over: the word of one is enough. */
	region_ask(US, "select flow.lose('GB', 'AU', null)");
	region_ask(AU, "select flow.lose('GB', 'AU', null)");
	settle();
	assert_int_equal(ask_save(in[GB], &row), STORE_UNAVAILABLE);
	assert_string_equal(region_ask(GB, "select successor from flow.here"),
	    "AU");
	assert_string_equal(region_ask(GB, "select flow.clear(true)"), "f");
	region_ask(GB, "update flow.here set successor = 'AU,US'");
	assert_string_equal(region_ask(GB, "select said from flow.fence("
	    "'US', null)"), "AU,US");
	assert_string_equal(region_ask(GB, "select flow.left_to_take()"),
	    "1");
}

/* --- many at once -------------------------------------------------------------------- */

enum { WRITERS = 6, ROUNDS = 60, RACED = 3 };

struct writer {
	pthread_t	 thread;
	int		 region;
	struct loop	*loop;
	struct store	*store;
	unsigned	 seed, done[RACED];
	uint8_t		 id[RACED][16];
	/* of the question at hand */
	enum store_end	 end;
	struct store_row row;
	struct buf	 body;
	bool		 mine[RACED][WRITERS * ROUNDS + 2];
};

static void
on_row(void *arg, enum store_end end, const struct store_row *row)
{
	struct writer *w = arg;

	w->end = end;
	if (row != NULL) {
		w->row = *row;
		buf_clear(&w->body);
		buf_slice(&w->body, row->body);
	}
	loop_stop(w->loop);
}

static enum store_end
count_one(struct writer *w, int which)
{
	struct store_row row;
	char text[16];

	w->store->ops->load(w->store, w->id[which], 0, STORE_READ_HOME, on_row,
	    w);
	loop_run(w->loop);
	if (w->end != STORE_OK)
		return w->end;
	row = w->row;
	snprintf(text, sizeof(text), "%d", atoi(buf_cstr(&w->body)) + 1);
	row.body = slice_of(text);
	for (size_t i = 0; i < sizeof(row.op); i++)
		row.op[i] = (uint8_t)rand_r(&w->seed);
	do {
		w->store->ops->save(w->store, &row, on_row, w);
		loop_run(w->loop);
	} while (w->end == STORE_UNKNOWN || w->end == STORE_MOVING);
	return w->end;
}

static void *
write_many(void *arg)
{
	struct writer *w = arg;

	w->loop = loop_new();
	w->store = region_open(w->region, w->loop, "");
	for (int round = 0; round < ROUNDS; round++) {
		int which = round % RACED;

		while (count_one(w, which) != STORE_OK)
			;
		/* Nobody else was told the same. */
		w->mine[which][w->row.token.version] = true;
		w->done[which]++;
	}
	store_close(&w->store);
	loop_free(&w->loop);
	buf_fini(&w->body);
	return NULL;
}

/* Each from a region, to the same states: each version has one who wrote it,
 * and none of those that were acknowledged is missing. */
static void
one_of_many_wins_each_version(void **state)
{
	static struct writer writers[WRITERS];
	struct store_row rows[RACED], got;

	(void)state;
	for (int i = 0; i < RACED; i++)
		rows[i] = made_in(i % REGIONS, (uint8_t)(1 + i), "0");
	for (int i = 0; i < WRITERS; i++) {
		struct writer *w = &writers[i];

		*w = (struct writer){ .region = i % REGIONS,
		    .seed = (unsigned)i + 1 };
		for (int k = 0; k < RACED; k++)
			memcpy(w->id[k], rows[k].id, 16);
		assert_int_equal(pthread_create(&w->thread, NULL, write_many,
		    w), 0);
	}
	for (int i = 0; i < WRITERS; i++)
		assert_int_equal(pthread_join(writers[i].thread, NULL), 0);
	settle();		/* nobody has turned our own loop for long */
	for (int k = 0; k < RACED; k++) {
		char text[16];

		assert_int_equal(ask_load(in[GB], rows[k].id, 0, &got),
		    STORE_OK);
		assert_int_equal(got.token.version, 1 + WRITERS * ROUNDS /
		    RACED);
		snprintf(text, sizeof(text), "%d", WRITERS * ROUNDS / RACED);
		assert_true(slice_is(got.body, text));
		for (uint64_t v = 2; v <= got.token.version; v++) {
			int winners = 0;

			for (int i = 0; i < WRITERS; i++)
				winners += writers[i].mine[k][v];
			assert_int_equal(winners, 1);
		}
	}
}

/* Metadata is written in the main region alone, also where its newest revision
 * has been replicated to. */
static void
metadata_stays_where_it_is(void **state)
{
	struct store_doc doc = { .kind = "flow", .key = "x",
	    .body = SLICE("1") };

	(void)state;
	region_ask(AU, "insert into flow.meta_rev values (true, 7)");
	in[AU]->ops->doc_put(in[AU], &doc, heard_doc, NULL);
	assert_int_equal(wait_for_it(in[AU]), STORE_UNAVAILABLE);
	assert_string_equal(region_ask(AU, "select count(*) from flow.meta"),
	    "0");
	in[GB]->ops->doc_put(in[GB], &doc, heard_doc, NULL);
	assert_int_equal(wait_for_it(in[GB]), STORE_OK);
}

static int
start(void **state)
{
	(void)state;
	return regions_start() ? 0 : -1;
}

static int
stop(void **state)
{
	(void)state;
	regions_stop();
	buf_fini(&heard.bytes);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_all, close_all)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_saves_brings_it_home),
		TEST(it_is_changed_wherever_it_is),
		TEST(only_regions_that_may_have_it_get_it),
		TEST(what_moves_too_often_stays),
		TEST(a_move_begun_is_ended_by_who_finds_it),
		TEST(a_row_left_behind_does_no_harm),
		TEST(a_late_arrival_is_turned_away),
		TEST(a_late_save_takes_no_others_place),
		TEST(a_lost_home_gives_way),
		TEST(what_was_on_its_way_here_arrives),
		TEST(another_turn_is_no_past_of_the_last),
		TEST(what_no_region_makes_is_left_out),
		TEST(the_last_of_all_epochs_stops_no_others),
		TEST(a_lost_home_is_adopted),
		TEST(nothing_arrives_from_a_lost_home),
		TEST(a_server_that_was_away_takes_no_writes),
		TEST(two_homes_of_an_epoch_become_one),
		TEST(one_of_many_wins_each_version),
		TEST(metadata_stays_where_it_is),
	};

	return cmocka_run_group_tests(tests, start, stop);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What replication brings of states whose home another region has or had: from
 * a home that was lost, and from a server that is in somebody else's hands.
 */
#include "base/clock.h"
#include "ownership.h"
#include "store/postgres_private.h"

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

/* In GB, as soon as it has been asked whether that was given over. */
static void
is_saved_soon(struct store_row *row)
{
	uint64_t until_ms = clock_ms() + 40000;

	while (ask_save(in[GB], row) != STORE_OK)
		assert_true(clock_ms() < until_ms);
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
	is_saved_soon(&row);
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

/* One of the others answers late: who was asked then is asked anew, and the
 * word of the one that answers is enough again. */
static void
who_is_slow_to_say_so_holds_nobody_up(void **state)
{
	struct store_row row = made_in(GB, 1, "x"), got;
	PGconn *slow = region_connect(AU);

	(void)state;
	/* From here on US is sure of itself. */
	assert_int_equal(ask_load(in[US], row.id, 0, &got), STORE_OK);
	region_begin(slow, "set idle_in_transaction_session_timeout = '60s'; "
	    "begin; lock table flow.lost");
	region_end(slow);
	store_close(&in[GB]);
	in[GB] = region_open(GB, loop, "");
	row.body = SLICE("y");
	is_saved_soon(&row);
	/* Away again, while AU has not answered yet. */
	region_ask(GB, "update flow.here set cleared = '2001-01-01'");
	row.body = SLICE("z");
	is_saved_soon(&row);
	assert_string_equal(region_ask(GB, "select flow.clear(false)"), "t");
	PQfinish(slow);
}

/* Word of what the others said when that run of GB's server was asked about, as
 * it comes there whenever it is sent. */
static bool
takes_word_of(int64_t began)
{
	struct pg_job job = { .known = true, .began = began };
	struct pg_params p = { .count = 0 };
	PGconn *conn = region_connect(GB);
	char sql[PG_SQL_MAX];
	PGresult *r;

	pg_statement_sql(PG_CLEAR, "GB", sql);
	pg_clear.bind(&job, &p);
	r = PQexecParams(conn, sql, p.count, NULL, p.values, p.lengths,
	    p.formats, 1);
	assert_int_equal(PQresultStatus(r), PGRES_TUPLES_OK);
	pg_clear.take(&job, r);
	PQclear(r);
	PQfinish(conn);
	return job.number != 0;
}

/* It may have waited to be sent while the server began anew. */
static void
word_of_before_a_start_is_refused(void **state)
{
	struct store_row row = made_in(GB, 1, "x");
	int64_t began = pg_store_of(in[GB])->began;

	(void)state;
	assert_true(takes_word_of(began));
	store_close(&in[GB]);		/* which would ask anew */
	pg_server_end(&server, SIGINT);
	assert_true(pg_server_run(&server));
	assert_false(takes_word_of(began));
	assert_string_equal(region_ask(GB, "select flow.clear(false)"), "f");
	/* From here on it is lost, and everybody else knows. */
	region_ask(US, "select flow.lose('GB', 'AU', null)");
	region_ask(AU, "select flow.lose('GB', 'AU', null)");
	in[GB] = region_open(GB, loop, "");
	/* Nobody is asked before it has said when it began. */
	assert_int_equal(pg_store_of(in[GB])->asked, 0);
	row.body = SLICE("y");
	do
		assert_int_not_equal(ask_save(in[GB], &row), STORE_OK);
	while (strcmp(region_ask(GB, "select coalesce(successor, '') from "
	    "flow.here"), "AU") != 0);
	assert_int_not_equal(pg_store_of(in[GB])->began, began);
	assert_string_equal(region_ask(GB, "select flow.clear(false)"), "f");
}

/* It may have been on its way when all are asked again. */
static void
an_answer_of_before_does_not_count(void **state)
{
	struct store_row row = made_in(GB, 1, "x");
	struct pg_store *gb = pg_store_of(in[GB]);
	struct pg_job answer = { .store = gb, .kind = &pg_clear,
	    .end = STORE_OK, .number = 1 };
	unsigned round;

	(void)state;
	pg_clear_again(gb);
	answer.round = gb->round - 1;
	pg_clear.answer(&answer);
	assert_false(gb->sure);
	/* One that says that the server has begun anew: once more, then. */
	answer.round = round = gb->round;
	answer.number = 0;
	answer.began = gb->began + 1;
	pg_clear.answer(&answer);
	assert_int_equal(gb->round, round + 1);
	assert_false(gb->unsure_told);
	row.body = SLICE("y");
	is_saved_soon(&row);
	assert_true(gb->sure);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_lost_home_gives_way),
		TEST(what_was_on_its_way_here_arrives),
		TEST(another_turn_is_no_past_of_the_last),
		TEST(what_no_region_makes_is_left_out),
		TEST(the_last_of_all_epochs_stops_no_others),
		TEST(a_lost_home_is_adopted),
		TEST(nothing_arrives_from_a_lost_home),
		TEST(a_server_that_was_away_takes_no_writes),
		TEST(who_is_slow_to_say_so_holds_nobody_up),
		TEST(word_of_before_a_start_is_refused),
		TEST(an_answer_of_before_does_not_count),
		TEST(two_homes_of_an_epoch_become_one),
	};

	return cmocka_run_group_tests(tests, start, stop);
}

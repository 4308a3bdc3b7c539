/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * A region that is lost while its states are in a database for each set of
 * regions, each of which replicates by itself.  GB is lost, and AU has it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "asking.h"

static struct loop *loop;

#include "sets.h"
#include "store/ownership.h"

/* --- who has heard ----------------------------------------------------------------- */

static void
advance(const char *slot)
{
	ask("GB", AU_GB_DB, arena_printf(arena, "select "
	    "pg_replication_slot_advance('%s', pg_current_wal_insert_lsn())",
	    slot));
}

/* Slots are the server's, and named after the set, too. */
static void
a_set_knows_who_has_heard(void **state)
{
	static const char slot[] = "au_from_gb_in_au_gb";

	(void)state;
	ask("GB", AU_GB_DB, arena_printf(arena, "select "
	    "pg_create_logical_replication_slot('%s', 'pgoutput')", slot));
	assert_string_equal(ask("GB", AU_GB_DB, "select heard from "
	    "flow.fence('AU', 'AU')"), "f");
	advance(slot);
	assert_string_equal(ask("GB", AU_GB_DB, "select heard from "
	    "flow.fence('AU', 'AU')"), "t");
	ask("GB", AU_GB_DB, "select pg_logical_emit_message(false, '', '')");
	assert_string_equal(ask("GB", AU_GB_DB, "select heard from "
	    "flow.lose('US', 'AU', 'AU')"), "f");
	advance(slot);
	assert_string_equal(ask("GB", AU_GB_DB, "select heard from "
	    "flow.lose('US', 'AU', 'AU')"), "t");
	ask("GB", AU_GB_DB, arena_printf(arena, "select "
	    "pg_drop_replication_slot('%s')", slot));
	ask("GB", AU_GB_DB, "select flow.take_back()");
}

/* --- a state in two databases --------------------------------------------------------- */

/* A row of GB's, as replication brought it to AU before GB was lost. */
static void
came(int db, uint8_t n, int epoch, int version, int base, const char *moving_to)
{
	ask("AU", db, arena_printf(arena, "insert into flow.state (id, home, "
	    "allowed, epoch, version, done, moving_to, base, tenant, flow, "
	    "created_ms, updated_ms, expires_ms, body) values (repeat('%02x', "
	    "16)::uuid, 'GB', %d, %d, %d, false, nullif('%s', ''), %d, "
	    "repeat('7e', 16)::uuid, repeat('f1', 16)::uuid, 1, 1, 0, '%s of "
	    "%d')", n, db == ALL_DB ? -1 : GB | AU, epoch, version, moving_to,
	    base, names[db], version));
}

static struct store_row
row_of(uint8_t n)
{
	struct store_row row = { .allowed = STORE_ALL_REGIONS };

	memset(row.id, n, sizeof(row.id));
	memset(row.tenant, 0x7e, sizeof(row.tenant));
	memset(row.flow, 0xf1, sizeof(row.flow));
	return row;
}

static void
run_for_a_moment(struct store *store)
{
	struct store_row got;

	ask_load(store, row_of(0xee).id, 0, &got);
}

/* AU's, after it has taken over what there is of GB's, as it may. */
static struct store *
succeed(void)
{
	struct store *store;

	gb_is_away = true;
	gb_successor = "AU";
	store = opened("AU");
	store_postgres_lost(store, place_of("AU"));
	for (int db = 0; db <= AU_GB_DB; db++)
		while (strcmp(ask("AU", db, "select count(*) from flow.state_gb"
		    " where moving_to is null"), "0") != 0)
			run_for_a_moment(store);
	return store;
}

static void
look(struct store *store, store_regions allowed)
{
	struct store_row of = row_of(0);
	uint64_t count;
	struct store_query query = { .tenant = of.tenant, .flow = of.flow,
	    .limit = 10 };

	do {
		store->ops->restrict_flow(store, &query, allowed, heard_count,
		    NULL);
		assert_int_equal(wait_for_it(store), STORE_OK);
		count = heard.number;
	} while (count == query.limit);
}

static void
must_hold(struct store *store, uint8_t n, const char *body)
{
	struct store_row got;

	assert_int_equal(ask_load(store, row_of(n).id, 0, &got), STORE_OK);
	if (!slice_is(got.body, body))
		fail_msg("it is \"%.*s\", not \"%s\"", SLICE_ARG(got.body),
		    body);
}

static void
conflicts_are(int db, const char *expected)
{
	assert_string_equal(ask("AU", db, "select coalesce(string_agg("
	    "convert_from(body, 'UTF8') || ' by ' || winner || ' ' || "
	    "winner_version, ', ' order by body), '') from "
	    "flow.state_conflict"), expected);
}

/* It went from all regions to two, then they are all again: what AU had taken
 * over of before stands where it belongs, and is older. */
static void
an_older_row_gives_way_where_it_stands(void **state)
{
	struct store *au;

	(void)state;
	came(ALL_DB, 1, 1, 1, 0, "");
	came(AU_GB_DB, 1, 2, 5, 1, "");
	au = succeed();
	must_be_at("AU", 1, "10100000.1 10100000.5 -");
	must_hold(au, 1, "some of 5");
	look(au, STORE_ALL_REGIONS);
	must_hold(au, 1, "some of 5");
	store_close(&au);
	must_be_at("AU", 1, "10100001.5 - -");
	conflicts_are(ALL_DB, "everywhere of 1 by AU 5");
	conflicts_are(AU_GB_DB, "");
}

/* It went from two regions to all, where it was saved. */
static void
an_older_row_that_arrives_is_kept_beside(void **state)
{
	struct store *au;

	(void)state;
	came(AU_GB_DB, 1, 1, 1, 0, "");
	came(ALL_DB, 1, 2, 5, 1, "");
	au = succeed();
	look(au, STORE_ALL_REGIONS);
	must_hold(au, 1, "everywhere of 5");
	store_close(&au);
	must_be_at("AU", 1, "10100001.5 - -");
	conflicts_are(ALL_DB, "some of 1 by AU 5");
	conflicts_are(AU_GB_DB, "");
}

/* The other way round, and AU was not told that its regions had changed, or
 * somebody put it there: it takes no place of one of fewer regions. */
static void
a_row_of_more_regions_is_kept_beside(void **state)
{
	struct store *au;
	struct err err = { 0 };

	(void)state;
	came(ALL_DB, 1, 1, 1, 0, "");
	came(AU_GB_DB, 1, 2, 5, 1, "");
	came(AU_GB_DB, 2, 1, 1, 0, "");
	came(ALL_DB, 2, 2, 5, 1, "");
	au = succeed();
	look(au, GB | AU);
	must_hold(au, 1, "some of 5");
	must_hold(au, 2, "some of 1");
	store_close(&au);
	must_be_at("AU", 1, "- 10100000.5 -");
	must_be_at("AU", 2, "- 10100000.1 -");
	conflicts_are(ALL_DB, "everywhere of 1 by AU 5, everywhere of 5 by AU "
	    "1");
	conflicts_are(AU_GB_DB, "");
	/* From there nothing is written into the other. */
	assert_false(store_postgres_conflict_keep(info("au", ALL_DB,
	    "postgres"), place_of("AU"), strtoull(ask("AU", ALL_DB, "select "
	    "max(number) from flow.state_conflict"), NULL, 10), &err));
	assert_string_equal(err.text, "the state has gone on in the database of "
	    "the set au_gb: show the record, and drop it when its regions have "
	    "been seen to");
}

/* What is the same in both is no conflict. */
static void
what_was_not_saved_is_no_conflict(void **state)
{
	struct store *au;

	(void)state;
	came(ALL_DB, 1, 1, 1, 0, "");
	came(AU_GB_DB, 1, 2, 1, 1, "");
	ask("AU", AU_GB_DB, "update flow.state_gb set body = 'everywhere of 1'");
	au = succeed();
	look(au, STORE_ALL_REGIONS);
	must_hold(au, 1, "everywhere of 1");
	store_close(&au);
	must_be_at("AU", 1, "10100001.1 - -");
	conflicts_are(ALL_DB, "");
}

/* Whoever laid them together ended before the frozen row was gone: once more,
 * and nothing is told twice. */
static void
whoever_ended_in_between_left_nothing_out(void **state)
{
	static const char *const bodies[] = { "some of 5", "everywhere of 5" };
	struct store *au;

	(void)state;
	came(ALL_DB, 1, 1, 1, 0, "");
	came(AU_GB_DB, 1, 2, 5, 1, "");
	came(AU_GB_DB, 2, 1, 1, 0, "");
	came(ALL_DB, 2, 2, 5, 1, "");
	au = succeed();
	ask("AU", AU_GB_DB, "create function flow.broken() returns trigger "
	    "language plpgsql as 'begin raise exception ''broken''; end'; "
	    "create trigger broken before delete on flow.state_au for each "
	    "row execute function flow.broken()");
	look(au, STORE_ALL_REGIONS);
	for (int i = 0; i < 2; i++) {
		must_hold(au, 1, bodies[0]);
		must_hold(au, 2, bodies[1]);
		store_close(&au);
		if (i == 0) {
			must_be_at("AU", 1, "10100001.5 10100000.5 -");
			ask("AU", AU_GB_DB, "drop function flow.broken() "
			    "cascade");
		} else {
			must_be_at("AU", 1, "10100001.5 - -");
			must_be_at("AU", 2, "10100001.5 - -");
		}
		conflicts_are(ALL_DB, "everywhere of 1 by AU 5, some of 1 by "
		    "AU 5");
		conflicts_are(AU_GB_DB, "");
		au = opened("AU");
		look(au, STORE_ALL_REGIONS);
	}
	store_close(&au);
}

/* --- two at once --- */

static PGconn *
connected(void)
{
	PGconn *conn = PQconnectdb(info("au", ALL_DB, "postgres"));

	must(PQstatus(conn) == CONNECTION_OK);
	return conn;
}

static const char *
arrival(uint8_t n, int version)
{
	return arena_printf(arena, "select written from flow.arrive_between("
	    "'AU', repeat('%02x', 16)::uuid, 10100001, %d, %d, null, false, -1, "
	    "repeat('7e', 16)::uuid, repeat('f1', 16)::uuid, 1, 1, 0, 0, 0, "
	    "'some of %d', 2)", n, version, version, version);
}

static void
two_who_lay_them_together_are_one(void **state)
{
	static const int arriving[] = { 1, 5 };
	PGconn *one = connected(), *two = connected();
	struct store *au;
	PGresult *r;

	(void)state;
	came(ALL_DB, 1, 2, 3, 0, "");
	came(ALL_DB, 2, 2, 3, 0, "");
	au = succeed();
	store_close(&au);
	for (uint8_t n = 1; n <= 2; n++) {
		const char *sql = arrival(n, arriving[n - 1]);

		PQclear(PQexec(one, "begin"));
		PQclear(PQexec(one, sql));
		must(PQsendQuery(two, sql) == 1);
		while (strcmp(ask("AU", ALL_DB, "select count(*) from pg_locks "
		    "where not granted"), "0") == 0)
			;
		PQclear(PQexec(one, "commit"));
		r = PQgetResult(two);
		assert_int_equal(PQresultStatus(r), PGRES_TUPLES_OK);
		PQclear(r);
		assert_null(PQgetResult(two));
	}
	PQfinish(one);
	PQfinish(two);
	must_be_at("AU", 1, "10100001.3 - -");
	must_be_at("AU", 2, "10100001.5 - -");
	conflicts_are(ALL_DB, "everywhere of 3 by AU 5, some of 1 by AU 3");
}

/* --- saves in between --- */

/* It comes along with the row that stays; else who saved it is told, and loads
 * what stays. */
static void
a_save_goes_with_the_later_row(void **state)
{
	struct store *au;
	struct store_row later, older;

	(void)state;
	came(ALL_DB, 1, 1, 1, 0, "");
	came(AU_GB_DB, 1, 2, 5, 1, "");
	came(AU_GB_DB, 2, 1, 1, 0, "");
	came(ALL_DB, 2, 2, 5, 1, "");
	au = succeed();
	assert_int_equal(ask_load(au, row_of(1).id, 0, &later), STORE_OK);
	assert_int_equal(ask_load(au, row_of(2).id, 0, &older), STORE_OK);
	later.allowed = older.allowed = STORE_ALL_REGIONS;
	later.body = older.body = SLICE("saved");
	memset(later.op, 7, sizeof(later.op));
	memset(older.op, 8, sizeof(older.op));
	assert_int_equal(ask_save(au, &later), STORE_OK);
	assert_int_equal(later.token.version, 6);
	assert_int_equal(ask_save(au, &older), STORE_CONFLICT);
	must_hold(au, 1, "saved");
	must_hold(au, 2, "everywhere of 5");
	store_close(&au);
	must_be_at("AU", 1, "10100001.6 - -");
	must_be_at("AU", 2, "10100001.5 - -");
	conflicts_are(ALL_DB, "everywhere of 1 by AU 6, some of 1 by AU 5");
}

/* In the other database it went on by another way, and nothing tells that it
 * has what the frozen row has. */
static void
a_frozen_row_gives_way_to_its_own_future(void **state)
{
	struct store *au;

	(void)state;
	came(ALL_DB, 1, 1, 1, 0, "");
	came(AU_GB_DB, 1, 2, 5, 1, "");
	au = succeed();
	store_close(&au);
	/* As US claimed it, and AU claimed it back. */
	ask("AU", ALL_DB, "update flow.state_au set epoch = 10100002, version = "
	    "3, base = 2");
	au = opened("AU");
	look(au, STORE_ALL_REGIONS);
	must_hold(au, 1, "everywhere of 1");
	store_close(&au);
	must_be_at("AU", 1, "10100002.3 - -");
	conflicts_are(AU_GB_DB, "some of 5 by AU 3");
	assert_string_equal(ask("AU", AU_GB_DB, "select count(winner_body) from "
	    "flow.state_conflict"), "0");
}

/* --- on its way as its region was lost --- */

/* Nothing is taken over before it is let. */
static void
let_take_over(const char *may)
{
	const char *sql = arena_printf(arena, "%s execute on function "
	    "flow.take_over(text, text, bigint, int, text, text) %s "
	    "flow_engine", may, strcmp(may, "grant") == 0 ? "to" : "from");

	ask("AU", ALL_DB, sql);
	ask("AU", AU_GB_DB, sql);
}

/* That it was frozen is here, and nothing of what it is there. */
static void
what_did_not_arrive_goes_on_with_what_was_frozen(void **state)
{
	static const struct {
		int db;
		const char *word, *successor, *at, *body;
	} rows[] = {
		{ ALL_DB, "GB/au_gb/3", "AU", "- 10100000.5 -",
		    "everywhere of 5" },
		{ AU_GB_DB, "GB//7", "AU", "10100000.5 - -", "some of 5" },
		/* There US is to have it, if it can. */
		{ AU_GB_DB, "GB//7", "US,AU", "- - -", NULL },
	};
	struct store_row got;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct store *au;
		enum store_end end;

		came(rows[i].db, 1, 1, 5, 1, rows[i].word);
		gb_is_away = true;
		gb_successor = rows[i].successor;
		let_take_over("revoke");
		au = opened("AU");
		/* Not before all has been taken over; but it is somewhere. */
		assert_int_equal(ask_load(au, row_of(1).id, 0, &got),
		    STORE_UNAVAILABLE);
		let_take_over("grant");
		store_postgres_lost(au, place_of("AU"));
		while (rows[i].body != NULL && (end = ask_load(au,
		    row_of(1).id, 0, &got)) != STORE_OK)
			assert_int_equal(end, STORE_UNAVAILABLE);
		if (rows[i].body != NULL) {
			must_hold(au, 1, rows[i].body);
			got.body = SLICE("goes on");
			assert_int_equal(ask_save(au, &got), STORE_OK);
			assert_int_equal(got.token.version, 6);
		}
		store_close(&au);
		if (rows[i].body == NULL)
			must_be_at("AU", 1, rows[i].at);
		end_loop(state);
		empty_tables(state);
	}
}

/* What it was there is here as well, and later. */
static void
what_arrived_is_not_replaced_by_what_was_frozen(void **state)
{
	struct store *au;

	(void)state;
	came(AU_GB_DB, 1, 1, 5, 1, "GB//7");
	came(ALL_DB, 1, 2, 9, 5, "");
	au = succeed();
	must_hold(au, 1, "everywhere of 9");
	store_close(&au);
	must_be_at("AU", 1, "10100000.9 - -");
}

static void
count_it(void *arg)
{
	++*(int *)arg;
}

/* Who looks at the states' regions is told that there are more. */
static void
that_states_were_taken_over_is_told(void **state)
{
	struct store *au;
	int times = 0;

	(void)state;
	came(AU_GB_DB, 1, 1, 1, 0, "");
	gb_is_away = true;
	au = opened("AU");
	au->taken_over = count_it;
	au->arg = &times;
	while (list_entry(au, struct pg_sets, base)->dbs[AU_GB_DB]->taken < 0)
		run_for_a_moment(au);
	assert_int_equal(times, 0);
	gb_successor = "AU";
	store_postgres_lost(au, place_of("AU"));
	while (times == 0)
		run_for_a_moment(au);
	must_be_at("AU", 1, "- 10100000.1 -");
	store_close(&au);
	assert_int_equal(times, 1);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, empty_tables, end_loop)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_set_knows_who_has_heard),
		TEST(an_older_row_gives_way_where_it_stands),
		TEST(an_older_row_that_arrives_is_kept_beside),
		TEST(a_row_of_more_regions_is_kept_beside),
		TEST(what_was_not_saved_is_no_conflict),
		TEST(whoever_ended_in_between_left_nothing_out),
		TEST(two_who_lay_them_together_are_one),
		TEST(a_save_goes_with_the_later_row),
		TEST(a_frozen_row_gives_way_to_its_own_future),
		TEST(what_did_not_arrive_goes_on_with_what_was_frozen),
		TEST(what_arrived_is_not_replaced_by_what_was_frozen),
		TEST(that_states_were_taken_over_is_told),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}

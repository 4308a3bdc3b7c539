/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * A lost region's states are taken over by whichever of the successor's engines
 * comes first; the others ask again.  What one of them asked for has happened
 * when it was committed, and not before: it may end in between, and so may its
 * connection.  AU is the successor here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "asking.h"

static struct loop *loop;

#include "sets.h"

/* More than are taken over in two transactions, and where it is held up. */
enum { MANY = 2 * PG_ADOPT + 50, IN_THE_MIDDLE = PG_ADOPT + 50 };

/* --- what AU has of others ----------------------------------------------------------- */

/* States of that home: count of them, by numbers. */
static void
came(int db, const char *home, int first, int count, const char *moving_to)
{
	ask("AU", db, arena_printf(arena, "insert into flow.state (id, home, "
	    "allowed, epoch, version, done, moving_to, base, tenant, flow, "
	    "created_ms, updated_ms, expires_ms, body) select (repeat('ab', 12) "
	    "|| lpad(to_hex(n), 8, '0'))::uuid, '%s', %d, 1, 5, false, "
	    "nullif('%s', ''), 1, repeat('7e', 16)::uuid, repeat('f1', "
	    "16)::uuid, 1, 1, 0, 'x' from generate_series(%d, %d) n", home,
	    db == ALL_DB ? -1 : GB | AU, moving_to, first, first + count - 1));
}

static enum store_end
load(struct store *store, int n)
{
	struct store_row got;
	uint8_t id[16];

	memset(id, 0xab, sizeof(id));
	id[12] = id[13] = 0;
	id[14] = (uint8_t)(n >> 8);
	id[15] = (uint8_t)n;
	return ask_load(store, id, 0, &got);
}

static void
run_for_a_moment(struct store *store)
{
	assert_int_not_equal(load(store, 0), STORE_OK);
}

/* Of the first so many each answers, here, or waits for its home. */
static void
answer(struct store *store, int of, int expected)
{
	int answer = 0;

	for (int n = 1; n <= of; n++) {
		enum store_end end = load(store, n);

		assert_true(end == STORE_OK || end == STORE_UNAVAILABLE);
		answer += end == STORE_OK;
	}
	assert_int_equal(answer, expected);
}

/* --- who takes it over --------------------------------------------------------------- */

static struct pg_store *
db_of(struct store *store, int db)
{
	return list_entry(store, struct pg_sets, base)->dbs[db];
}

/* One of AU's engines, by whose map GB is lost. */
static struct store *
heir(void)
{
	gb_is_away = true;
	gb_successor = "AU";
	return opened("AU");
}

/* It has asked for some, and was answered. */
static void
adopt(struct store *store)
{
	struct pg_store *db = db_of(store, ALL_DB);

	pg_tend_all(db);
	assert_true(db->adopting);
	while (db->adopting)
		run_for_a_moment(store);
}

/* From now on: what is under way may have been asked for before. */
static void
adopt_anew(struct store *store)
{
	adopt(store);
	adopt(store);
}

/* Somebody else of AU's, on a connection of his own. */
static PGconn *
another(const char *sql)
{
	PGconn *conn = PQconnectdb(info("au", ALL_DB, "postgres"));

	must(PQstatus(conn) == CONNECTION_OK);
	PQclear(PQexec(conn, "begin"));
	PQclear(PQexec(conn, sql));
	must(PQtransactionStatus(conn) == PQTRANS_INTRANS);
	return conn;
}

static void
end_of(PGconn *conn)
{
	PQclear(PQexec(conn, "rollback"));
	PQfinish(conn);
}

/* That can be done, and not committed; till mend_commits(). */
static void
break_commits(const char *home, const char *what)
{
	ask(home, ALL_DB, arena_printf(arena, "create function flow.broken() "
	    "returns trigger language plpgsql as 'begin raise exception "
	    "''broken''; end'; create constraint trigger broken after %s "
	    "deferrable initially deferred for each row execute function "
	    "flow.broken()", what));
}

static void
mend_commits(const char *home)
{
	ask(home, ALL_DB, "drop function flow.broken() cascade");
}

/* --- two at once --------------------------------------------------------------------- */

static void
hold_up(void)
{
	ask("AU", ALL_DB, arena_printf(arena, "create function flow.wait() "
	    "returns trigger language plpgsql as 'begin if (select count(*) "
	    "from flow.state_au) >= %d then perform "
	    "pg_advisory_xact_lock_shared(42); end if; return new; end'; create "
	    "trigger wait before insert on flow.state_au for each row execute "
	    "function flow.wait()", IN_THE_MIDDLE));
}

/* The first has taken some over, and of the next some that it has not
 * committed. */
static void
another_goes_on_where_one_ends(void **state)
{
	static const char held[] = "from pg_stat_activity where wait_event = "
	    "'advisory' and query like '%take_over%'";
	PGconn *gate = another("select pg_advisory_xact_lock(42)");
	struct store *one, *other;

	(void)state;
	came(ALL_DB, "GB", 1, MANY, "");
	hold_up();
	one = heir();
	while (strcmp(ask("AU", ALL_DB, arena_printf(arena, "select count(*) "
	    "%s", held)), "1") != 0)
		run_for_a_moment(one);
	other = heir();
	adopt(other);
	answer(other, MANY, PG_ADOPT);
	while (strcmp(ask("AU", ALL_DB, arena_printf(arena, "select "
	    "count(pg_terminate_backend(pid)) %s", held)), "1") != 0)
		run_for_a_moment(one);
	store_close(&one);
	ask("AU", ALL_DB, "drop function flow.wait() cascade");
	end_of(gate);
	adopt_anew(other);
	answer(other, MANY, MANY);
	assert_string_equal(ask("AU", ALL_DB, "select string_agg(distinct home "
	    "|| ' ' || epoch || '.' || version, ', ') || ' ' || count(*) from "
	    "flow.state"), arena_printf(arena, "AU 10100000.5 %d", MANY));
	store_close(&other);
}

/* What nobody has taken over yet is not what is left when all has been: a state
 * that was on its way there does not go on without it. */
static void
who_does_not_get_the_turn_has_taken_nothing(void **state)
{
	PGconn *turn = another("select pg_advisory_xact_lock(7067, 4)");
	struct store *au = heir();

	(void)state;
	came(AU_GB_DB, "GB", 1, 1, "GB//7");
	adopt(au);
	assert_int_equal(load(au, 1), STORE_UNAVAILABLE);
	end_of(turn);
	adopt_anew(au);
	assert_int_equal(load(au, 1), STORE_OK);
	store_close(&au);
}

/* --- what was not committed ------------------------------------------------------------ */

static void
count_it(void *arg)
{
	++*(int *)arg;
}

static void
what_was_not_committed_is_not_taken(void **state)
{
	struct store *au;
	int told = 0;

	(void)state;
	came(ALL_DB, "GB", 1, 1, "");
	came(AU_GB_DB, "GB", 2, 1, "GB//7");
	break_commits("AU", "update of taken on flow.here");
	au = heir();
	while (db_of(au, ALL_DB)->taken < 0)
		run_for_a_moment(au);
	au->taken_over = count_it;
	au->arg = &told;
	adopt(au);
	answer(au, 2, 0);
	assert_int_equal(told, 0);
	mend_commits("AU");
	adopt_anew(au);
	answer(au, 2, 2);
	while (told == 0)
		run_for_a_moment(au);
	store_close(&au);
	assert_int_equal(told, 1);
}

static bool
is_idle(const struct pg_side *side)
{
	for (size_t i = 0; i < PG_WRITERS; i++)
		if (!list_empty(&side->writers[i].waiting) ||
		    !list_empty(&side->writers[i].sent))
			return false;
	return true;
}

/* Nothing is taken over before whoever lives lets nothing more arrive from the
 * lost one; here GB, whose word for it, and that AU has heard of all before, does
 * not last. */
static void
who_was_not_told_is_not_heard(void **state)
{
	struct pg_store *db;
	struct store *au;

	(void)state;
	ask("GB", ALL_DB, "alter function flow.has_heard(text, pg_lsn) rename to "
	    "hears; create function flow.has_heard(text, pg_lsn) returns bool "
	    "language sql as 'select true'");
	break_commits("GB", "insert on flow.lost");
	came(ALL_DB, "US", 1, 1, "");
	us_successor = "AU";
	au = opened("AU");
	db = db_of(au, ALL_DB);
	pg_tend_all(db);
	while (!is_idle(pg_side_of(db, "GB")))
		run_for_a_moment(au);
	pg_tend_all(db);
	assert_false(db->adopting);
	assert_int_equal(load(au, 1), STORE_UNAVAILABLE);
	mend_commits("GB");
	while (load(au, 1) != STORE_OK)
		pg_tend_all(db);
	assert_string_equal(ask("GB", ALL_DB, "select successor from "
	    "flow.lost"), "AU");
	store_close(&au);
	ask("GB", ALL_DB, "drop function flow.has_heard(text, pg_lsn); alter "
	    "function flow.hears(text, pg_lsn) rename to has_heard");
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, empty_tables, end_loop)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(another_goes_on_where_one_ends),
		TEST(who_does_not_get_the_turn_has_taken_nothing),
		TEST(what_was_not_committed_is_not_taken),
		TEST(who_was_not_told_is_not_heard),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}

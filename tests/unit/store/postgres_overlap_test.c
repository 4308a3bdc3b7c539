/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Two sets of regions, AU and GB, GB and US, neither of which holds all regions
 * of the other: in GB, where their databases meet.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "asking.h"

static struct loop *loop;

#include "sets.h"

enum { STATE = 7 };

/* The database of GB and US, which is in GB alone here. */
static const char *
shared(const char *user)
{
	return arena_printf(arena, "host=%s user=%s dbname=shared", server.dir,
	    user);
}

static const char *
ask_in(store_regions set, const char *sql)
{
	const char *value = pg_ask(set == (GB | AU) ? info("gb", AU_GB_DB,
	    "postgres") : shared("postgres"), sql);

	must(value != NULL);
	return value;
}

struct meeting {
	struct store_postgres_config config, sets[3];
	struct store_region both[2];
};

/* The set that is written down first. */
static const struct store_postgres_config *
meeting(store_regions first)
{
	const struct store_postgres_config *gb = place_of("GB");
	struct meeting *m = arena_alloc(arena, sizeof(*m));
	size_t at = first == (GB | AU) ? 1 : 0;

	m->config = *gb;
	m->config.sets = m->sets;
	m->config.nsets = 3;
	m->both[0] = (struct store_region){ .id = "GB", .number = 0,
	    .conninfo = shared("flow_engine") };
	m->both[1] = (struct store_region){ .id = "US", .number = 2 };
	m->sets[at] = (struct store_postgres_config){ .home = "GB",
	    .regions = m->both, .nregions = 2, .set = "gb_us",
	    .database = "shared" };
	m->sets[1 - at] = gb->sets[0];
	m->sets[2] = gb->sets[1];
	return &m->config;
}

/* A row takes its time to go: who does not wait for it finds it still there. */
static void
delete_slowly(store_regions set)
{
	ask_in(set, "create function flow.slowly() returns trigger language "
	    "plpgsql as 'begin perform pg_sleep(0.2); return old; end'");
	ask_in(set, "create trigger slowly before delete on flow.state_gb "
	    "for each row execute function flow.slowly()");
}

static int
start(void **state)
{
	struct err err;

	if (start_server(state) != 0 || pg_ask(server.conninfo,
	    "create database shared") == NULL || pg_ask(server.conninfo,
	    "alter role flow_engine set log_statement = 'all'") == NULL)
		return -1;
	if (!store_postgres_init(shared("postgres"),
	    &meeting(GB | US)->sets[0], false, &err))
		return -1;
	delete_slowly(GB | AU);
	delete_slowly(GB | US);
	return 0;
}

static int
empty_all(void **state)
{
	ask_in(GB | US, "truncate flow.state, flow.moved, flow.state_conflict");
	return empty_tables(state);
}

static struct store_row
the_row(void)
{
	struct store_row row = { .created_ms = 1, .updated_ms = 1,
	    .body = SLICE("its own") };

	memset(row.id, STATE, sizeof(row.id));
	memset(row.tenant, 0x7e, sizeof(row.tenant));
	memset(row.flow, 0xf1, sizeof(row.flow));
	return row;
}

/* As a region that may come in there can. */
static void
plant(store_regions set, const char *home)
{
	ask_in(set, arena_printf(arena, "insert into flow.state (id, home, "
	    "allowed, epoch, version, done, base, tenant, flow, created_ms, "
	    "updated_ms, expires_ms, body) values (repeat('%02x', 16)::uuid, "
	    "'%s', -1, 20000000, 9, false, 9, repeat('7e', 16)::uuid, "
	    "repeat('f1', 16)::uuid, 1, 1, 0, 'planted')", STATE, home));
}

static void
must_hold(struct store *store, const char *body)
{
	struct store_row got;

	assert_int_equal(ask_load(store, the_row().id, 0, &got), STORE_OK);
	if (!slice_is(got.body, body))
		fail_msg("it is \"%.*s\", not \"%s\"", SLICE_ARG(got.body),
		    body);
}

static void
look(struct store *store, store_regions allowed)
{
	struct store_row of = the_row();
	struct store_query query = { .tenant = of.tenant, .flow = of.flow,
	    .limit = 10 };

	store->ops->restrict_flow(store, &query, allowed, heard_count, NULL);
	assert_int_equal(wait_for_it(store), STORE_OK);
}

static struct store *
made(store_regions first, store_regions allowed)
{
	struct store *store = store_postgres_open(loop, meeting(first));
	struct store_row row = the_row();

	row.allowed = allowed;
	assert_int_equal(ask_create(store, &row), STORE_OK);
	return store;
}

/* At first that of the set which is written first answers.  The look at the
 * flow's states ends it: what is where they belong stays, whichever was written
 * later, and the other is kept beside. */
static void
the_look_keeps_what_is_where_it_belongs(void **state)
{
	static const store_regions sets[] = { GB | AU, GB | US };

	for (int i = 0; i < 4; i++) {
		store_regions its = sets[i & 1], other = sets[~i & 1],
		    first = sets[i >> 1];
		struct store *store = made(first, its);

		plant(other, "GB");
		must_hold(store, first == its ? "its own" : "planted");
		look(store, its);
		must_hold(store, "its own");
		assert_string_equal(ask_in(other, "select count(*) from "
		    "flow.state"), "0");
		assert_string_equal(ask_in(other, "select string_agg("
		    "convert_from(body, 'UTF8') || (winner_body is null), ' ') "
		    "from flow.state_conflict"), "plantedtrue");
		assert_string_equal(ask_in(its, "select count(*) from "
		    "flow.state_conflict"), "0");
		store_close(&store);
		end_loop(state);
		empty_all(state);
	}
}

static enum store_end
load_of(struct store *store, store_regions permitted, struct store_row *got)
{
	store->ops->load(store, the_row().id, 0, permitted, heard_row, NULL);
	wait_for_it(store);
	*got = heard.row;
	return heard.end;
}

/* Of a flow that is not known: one that says that it is at home in US is asked
 * for there, whatever the look finds: US, which does not answer here, can go on
 * so. */
static void
what_is_at_home_elsewhere_is_asked_for_there(void **state)
{
	static const store_regions sets[] = { GB | AU, GB | US };

	for (int i = 0; i < 2; i++) {
		struct store *store = made(sets[i], GB | AU);
		struct store_row got;

		plant(GB | US, "US");
		look(store, GB | AU);
		assert_int_equal(load_of(store, STORE_ALL_REGIONS, &got),
		    i == 0 ? STORE_OK : STORE_UNAVAILABLE);
		store_close(&store);
		end_loop(state);
		empty_all(state);
	}
}

static void
rows_are(store_regions set, const char *count)
{
	assert_string_equal(ask_in(set, "select count(*) from flow.state"),
	    count);
}

/* A flow that does not permit US: whatever that puts beside its state, in the
 * database that would be asked first, the state is found, saved and removed. */
static void
what_others_put_is_asked_for_last(void **state)
{
	static const char *const homes[] = { "GB", "US" };

	for (int i = 0; i < 2; i++) {
		struct store *store = made(GB | US, GB | AU);
		struct store_row got;

		plant(GB | US, homes[i]);
		assert_int_equal(load_of(store, GB | AU, &got), STORE_OK);
		assert_true(slice_is(got.body, "its own"));
		got.body = SLICE("saved");
		assert_int_equal(ask_save(store, &got), STORE_OK);
		assert_int_equal(load_of(store, GB | AU, &got), STORE_OK);
		assert_true(slice_is(got.body, "saved"));
		store->ops->remove(store, the_row().id,
		    (struct store_token){ 0 }, GB | AU, heard_row, NULL);
		assert_int_equal(wait_for_it(store), STORE_OK);
		rows_are(GB | AU, "0");
		rows_are(GB | US, "1");
		store_close(&store);
		end_loop(state);
		empty_all(state);
	}
}

/* It moved to another database as somebody worked on it: there the save finds
 * it, and not what US has put, with the very token, where it comes by first. */
static void
a_save_follows_to_where_others_do_not_come(void **state)
{
	struct store *store = made(GB | US, GB);
	struct store_row row, got;

	(void)state;
	assert_int_equal(load_of(store, GB, &row), STORE_OK);
	store->ops->restrict_to(store, row.id, (struct store_token){ 0 },
	    GB | AU, heard_row, NULL);
	assert_int_equal(wait_for_it(store), STORE_OK);
	plant(GB | US, "GB");
	ask_in(GB | US, "update flow.state_gb set (epoch, version, base) = "
	    "(1, 1, 1)");
	row.allowed = GB | AU;
	row.body = SLICE("saved");
	assert_int_equal(ask_save(store, &row), STORE_OK);
	assert_int_equal(load_of(store, GB | AU, &got), STORE_OK);
	assert_true(slice_is(got.body, "saved"));
	assert_string_equal(ask_in(GB | US, "select convert_from(body, 'UTF8') "
	    "from flow.state"), "planted");
	store_close(&store);
}

/* --- what it costs --- */

/* Loads that the server was asked for, as it wrote them down. */
static unsigned
loads(void)
{
	static const char mark[] = "execute load: ";
	char line[1024];
	unsigned count = 0;
	FILE *log = fopen(arena_printf(arena, "%s/log", server.dir), "r");

	must(log != NULL);
	while (fgets(line, sizeof(line), log) != NULL)
		count += strstr(line, mark) != NULL;
	fclose(log);
	return count;
}

/* To say for whom the flow is costs no question, and may save one. */
static void
a_load_asks_one_database_after_the_other(void **state)
{
	static const struct {
		store_regions first, allowed, permitted;
		unsigned asked;
	} rows[] = {
		{ GB | AU, GB, STORE_ALL_REGIONS, 1 },
		{ GB | AU, GB, GB, 1 },
		{ GB | AU, GB | AU, STORE_ALL_REGIONS, 2 },
		{ GB | AU, GB | AU, GB | AU, 2 },
		{ GB | US, GB | AU, STORE_ALL_REGIONS, 3 },
		{ GB | US, GB | AU, GB | AU, 2 },
		{ GB | AU, STORE_ALL_REGIONS, STORE_ALL_REGIONS, 4 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct store *store = made(rows[i].first, rows[i].allowed);
		struct store_row got;
		unsigned before = loads();

		assert_int_equal(load_of(store, rows[i].permitted, &got),
		    STORE_OK);
		assert_int_equal(loads() - before, rows[i].asked);
		store_close(&store);
		end_loop(state);
		empty_all(state);
	}
}

static void
neither_hides_what_is_in_this_region_alone(void **state)
{
	struct store *store = made(GB | US, GB);

	(void)state;
	plant(GB | AU, "GB");
	plant(GB | US, "GB");
	must_hold(store, "its own");
	look(store, GB);
	must_hold(store, "its own");
	store_close(&store);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, empty_all, end_loop)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_look_keeps_what_is_where_it_belongs),
		TEST(what_is_at_home_elsewhere_is_asked_for_there),
		TEST(what_others_put_is_asked_for_last),
		TEST(a_save_follows_to_where_others_do_not_come),
		TEST(a_load_asks_one_database_after_the_other),
		TEST(neither_hides_what_is_in_this_region_alone),
	};

	return cmocka_run_group_tests(tests, start, stop_server);
}

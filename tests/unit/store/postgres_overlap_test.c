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
	    "create database shared") == NULL)
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

/* One that says that it is at home in US is asked for there, whatever the look
 * finds: US, which does not answer here, can go on so. */
static void
what_is_at_home_elsewhere_is_asked_for_there(void **state)
{
	static const store_regions sets[] = { GB | AU, GB | US };

	for (int i = 0; i < 2; i++) {
		struct store *store = made(sets[i], GB | AU);
		struct store_row got;

		plant(GB | US, "US");
		look(store, GB | AU);
		assert_int_equal(ask_load(store, the_row().id, 0, &got),
		    i == 0 ? STORE_OK : STORE_UNAVAILABLE);
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
		TEST(neither_hides_what_is_in_this_region_alone),
	};

	return cmocka_run_group_tests(tests, start, stop_server);
}

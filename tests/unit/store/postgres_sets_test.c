/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * A database for each set of regions: what every store promises, and where
 * states are.  What comes of that when a region is lost is in
 * postgres_sets_lost_test.c.
 */
#include "contract.h"

#include "sets.h"
#include "store/copy.h"
#include "support/folder.h"

static void
put_at(struct store *store, uint8_t n, store_regions allowed)
{
	struct store_row row = a_row(n, "body");

	row.allowed = allowed;
	row.created_ms += n;
	assert_int_equal(ask_create(store, &row), STORE_OK);
}

static void
its_regions_say_where_it_is(void **state)
{
	static const struct {
		store_regions allowed;
		const char *at;
	} rows[] = {
		{ STORE_ALL_REGIONS, "1.1 - -" },
		{ GB, "- - 1.1" },
		{ GB | AU, "- 1.1 -" },
		{ GB | US, "- - 1.1" },		/* no set of these two */
		{ GB | AU | US, "- 1.1 -" },	/* the largest within */
		/* What is for all of them now is not for those to come. */
		{ GB | AU | US | 8, "- 1.1 -" },
	};
	struct store *store = opened("GB");
	struct store_row got;

	(void)state;
	for (uint8_t n = 0; n < sizeof(rows) / sizeof(rows[0]); n++) {
		put_at(store, n, rows[n].allowed);
		must_be_at("GB", n, rows[n].at);
	}
	store_close(&store);
	store = opened("GB");		/* which remembers nothing */
	for (uint8_t n = 0; n < sizeof(rows) / sizeof(rows[0]); n++) {
		assert_int_equal(ask_load(store, a_row(n, "").id, 0, &got),
		    STORE_OK);
		assert_true(got.allowed == rows[n].allowed);
		got.body = SLICE("again");
		memset(got.op, 0, sizeof(got.op));
		assert_int_equal(ask_save(store, &got), STORE_OK);
	}
	must_be_at("GB", 2, "- 1.2 -");
	assert_int_equal(ask_remove(store, a_row(2, "").id,
	    (struct store_token){ 1, 2 }), STORE_OK);
	must_be_at("GB", 2, "- - -");
	store_close(&store);
}

/* A save that brings news of a restriction takes the state along. */
static void
a_save_takes_it_where_it_may_be(void **state)
{
	struct store *store = opened("GB");
	struct store_row row, stale;

	(void)state;
	put_at(store, 1, STORE_ALL_REGIONS);
	assert_int_equal(ask_load(store, a_row(1, "").id, 0, &row), STORE_OK);
	stale = row;
	row.allowed = GB | AU;
	row.body = SLICE("narrower");
	memset(row.op, 7, sizeof(row.op));
	assert_int_equal(ask_save(store, &row), STORE_OK);
	assert_int_equal(row.token.epoch, 2);
	assert_int_equal(row.token.version, 2);
	/* Its answer was lost: the same again. */
	stale.allowed = GB | AU;
	stale.body = row.body;
	memcpy(stale.op, row.op, sizeof(stale.op));
	assert_int_equal(ask_save(store, &stale), STORE_OK);
	assert_int_equal(ask_load(store, row.id, 0, &row), STORE_OK);
	must_be_at("GB", 1, "- 2.2 -");
	assert_true(slice_is(row.body, "narrower"));
	assert_true(row.allowed == (GB | AU));
	/* Whoever has it from before is told. */
	memset(stale.op, 8, sizeof(stale.op));
	stale.token = (struct store_token){ 1, 1 };
	assert_int_equal(ask_save(store, &stale), STORE_CONFLICT);
	store_close(&store);
}

static void
set_all(struct store *store, store_regions allowed)
{
	struct store_row of = a_row(0, "");

	while (restrict_flow(store, &of, allowed, 2) == 2)
		;
}

/* A row of this region's own, as whoever may come into that database can put
 * it there. */
static void
forge(int db, uint8_t n)
{
	ask("GB", db, arena_printf(arena, "insert into flow.state (id, home, "
	    "allowed, epoch, version, done, base, tenant, flow, created_ms, "
	    "updated_ms, expires_ms, body) values (repeat('%02x', 16)::uuid, "
	    "'GB', -1, 20000000, 9, false, 9, repeat('7e', 16)::uuid, "
	    "repeat('f1', 16)::uuid, 1, 1, 0, 'forged')", n));
}

static void
must_be_its_own(struct store *store, uint8_t n, store_regions allowed)
{
	struct store_row got;

	assert_int_equal(ask_load(store, a_row(n, "").id, 0, &got), STORE_OK);
	assert_true(slice_is(got.body, "body"));
	assert_true(got.allowed == allowed);
}

/* A database of more regions hides nothing that is in one of fewer: not what
 * was there before, and is known to all of them, and not what never was. */
static void
no_row_hides_one_of_fewer_regions(void **state)
{
	struct store *store = opened("GB");

	(void)state;
	put_at(store, 1, STORE_ALL_REGIONS);
	must_be_its_own(store, 1, STORE_ALL_REGIONS);
	set_all(store, GB);
	put_at(store, 2, GB | AU);
	put_at(store, 3, STORE_ALL_REGIONS);
	forge(ALL_DB, 1);
	forge(AU_GB_DB, 1);
	forge(ALL_DB, 2);
	for (int i = 0; i < 2; i++) {
		must_be_its_own(store, 1, GB);
		must_be_its_own(store, 2, GB | AU);
		must_be_its_own(store, 3, STORE_ALL_REGIONS);
		store_close(&store);
		store = opened("GB");	/* which remembers nothing */
	}
	store_close(&store);
}

/* Nor does it take its place when the look at a flow's states finds it, or one
 * who ends a move that somebody made up. */
static void
no_row_takes_the_place_of_one_of_fewer_regions(void **state)
{
	struct store *store = opened("GB");
	uint64_t cut = health_of(store).cut;

	(void)state;
	put_at(store, 1, GB);
	put_at(store, 2, GB);
	forge(ALL_DB, 1);
	forge(ALL_DB, 2);
	forge(AU_GB_DB, 2);
	set_all(store, GB);
	must_be_its_own(store, 1, GB);
	must_be_its_own(store, 2, GB);
	/* Those are frozen now, as somebody could have done before. */
	set_all(store, GB);
	must_be_its_own(store, 1, GB);
	must_be_its_own(store, 2, GB);
	assert_true(health_of(store).cut > cut);
	store_close(&store);
	must_be_at("GB", 1, "- - 1.1");
	must_be_at("GB", 2, "- - 1.1");
	/* Nor can it be read where they may come in. */
	assert_string_equal(ask("GB", ALL_DB, "select count(*) || '.' || "
	    "count(winner_body) from flow.state_conflict"), "2.0");
}

/* Who had loaded it goes on with what he has. */
static void
a_flows_states_go_where_they_belong(void **state)
{
	static const struct {
		store_regions allowed;
		const char *at;
	} steps[] = {
		{ GB, "- - 2.1" }, { GB | AU, "- 3.1 -" },
		{ STORE_ALL_REGIONS, "4.1 - -" }, { GB | AU, "- 5.1 -" },
		/* Where nobody could have it, it is made readable before. */
		{ STORE_NO_REGIONS, "- - 6.1" }, { GB | AU, "- 7.2 -" },
		/* AU fetches it from where both are. */
		{ AU, "- 7.2 -" }, { GB, "- - 8.3" },
		{ STORE_ALL_REGIONS, "9.3 - -" },
		/* Nobody else could reach it: it stays, and is filtered. */
		{ US, "9.3 - -" }, { GB | US, "- - 10.4" },
	};
	struct store *store = opened("GB");
	struct store_row row, got;

	(void)state;
	for (uint8_t n = 1; n <= 5; n++)
		put_at(store, n, STORE_ALL_REGIONS);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		set_all(store, steps[i].allowed);
		for (uint8_t n = 1; n <= 5; n += 2)
			must_be_at("GB", n, steps[i].at);
	}
	assert_int_equal(ask_load(store, a_row(3, "").id, 0, &row), STORE_OK);
	assert_true(slice_is(row.body, "body"));
	assert_true(row.allowed == (GB | US));

	/* Loaded before, saved after. */
	set_all(store, GB | AU);
	memset(row.op, 0, sizeof(row.op));
	row.body = SLICE("goes on");
	assert_int_equal(ask_save(store, &row), STORE_OK);
	assert_int_equal(row.token.version, 5);
	assert_int_equal(ask_load(store, row.id, 0, &got), STORE_OK);
	assert_true(slice_is(got.body, "goes on"));
	must_be_at("GB", 3, "- 11.5 -");
	store_close(&store);
}

/* A list is of all databases, and each state in it once. */
static void
lists_are_of_all_databases(void **state)
{
	static const store_regions sets[] = { STORE_ALL_REGIONS, GB, GB | AU };
	static const unsigned sizes[] = { 1, 4, 7, 500 };
	struct store *store = opened("GB");
	struct store_row first = a_row(0, "");
	uint64_t removed;

	(void)state;
	for (uint8_t n = 0; n < 20; n++)
		put_at(store, n, sets[n % 3]);
	/* One is on its way. */
	ask("GB", AU_GB_DB, "insert into flow.state_gb (id, home, allowed, "
	    "epoch, version, done, tenant, flow, created_ms, updated_ms, "
	    "expires_ms, body) values (repeat('00', 16)::uuid, 'GB', 3, 2, 1, "
	    "false, repeat('7e', 16)::uuid, repeat('f1', 16)::uuid, 1000, 1, "
	    "0, 'body')");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct store_query q = { .tenant = first.tenant,
		    .limit = sizes[i] };
		unsigned count = 0;
		char cursor[160];

		do {
			store->ops->list(store, &q, heard_list, NULL);
			assert_int_equal(wait_for_it(store), STORE_OK);
			for (size_t k = 0; k < heard.count; k++)
				assert_int_equal(heard.rows[k].id[0],
				    count++);
			memcpy(cursor, heard.next, sizeof(cursor));
			q.cursor = cursor;
		} while (heard.next[0] != '\0');
		assert_int_equal(count, 20);
	}
	ask("GB", ALL_DB, "update flow.state_gb set expires_ms = 5");
	ask("GB", ALONE_DB, "update flow.state_gb set expires_ms = 5");
	assert_int_equal(ask_expire(store, 10, 9, &removed), STORE_OK);
	assert_int_equal(removed, 9);
	assert_int_equal(ask_expire(store, 10, 9, &removed), STORE_OK);
	assert_int_equal(removed, 5);
	store_close(&store);
}

/* --- moves that somebody began and did not end ------------------------------------- */

static void
freeze(const char *word)
{
	ask("GB", ALL_DB, arena_printf(arena, "update flow.state_gb set "
	    "moving_to = '%s', frozen_ms = flow.now_ms()", word));
}

static void
whoever_finds_it_ends_the_move(void **state)
{
	struct store *gb = opened("GB"), *au = opened("AU");
	struct store_row got;

	(void)state;
	put_at(gb, 1, STORE_ALL_REGIONS);
	freeze("GB/au_gb/3");
	assert_int_equal(ask_load(gb, a_row(1, "").id, 0, &got), STORE_OK);
	assert_true(slice_is(got.body, "body"));
	assert_true(got.allowed == (GB | AU));
	store_close(&gb);			/* with what was under way */
	must_be_at("GB", 1, "- 2.1 -");

	/* It had arrived, and the row it left stands there. */
	ask("GB", ALL_DB, "insert into flow.state_gb (id, home, allowed, "
	    "epoch, version, done, tenant, flow, created_ms, updated_ms, "
	    "expires_ms, body, moving_to, frozen_ms) select '01010101-0101-"
	    "0101-0101-010101010101', 'GB', -1, 1, 1, false, '7e7e7e7e-7e7e-"
	    "7e7e-7e7e-7e7e7e7e7e7e', 'f1f1f1f1-f1f1-f1f1-f1f1-f1f1f1f1f1f1', "
	    "1, 1, 0, 'body', 'GB/au_gb/3', flow.now_ms()");
	ask("GB", ALL_DB, "delete from flow.moved");
	gb = opened("GB");
	assert_int_equal(ask_load(gb, a_row(1, "").id, 0, &got), STORE_OK);
	assert_int_equal(got.token.epoch, 2);
	got.body = SLICE("on");
	memset(got.op, 0, sizeof(got.op));
	assert_int_equal(ask_save(gb, &got), STORE_OK);
	/* Who looks for it goes past that; the look at a flow's states, which is
	 * repeated, takes it away. */
	must_be_at("GB", 1, "1.1 2.2 -");
	set_all(gb, GB | AU);
	store_close(&gb);
	must_be_at("GB", 1, "- 2.2 -");

	/* A save that comes from the frozen row's time. */
	gb = opened("GB");
	put_at(gb, 2, STORE_ALL_REGIONS);
	assert_int_equal(ask_load(gb, a_row(2, "").id, 0, &got), STORE_OK);
	freeze("GB/gb/1");
	got.body = SLICE("saved");
	memset(got.op, 0, sizeof(got.op));
	assert_int_equal(ask_save(gb, &got), STORE_OK);
	assert_int_equal(got.token.epoch, 2);
	assert_int_equal(got.token.version, 2);
	store_close(&gb);
	must_be_at("GB", 2, "- - 2.2");
	store_close(&au);
}

/* What is left of it says where it went, and who may follow it. */
static void
other_regions_follow_it_if_they_may(void **state)
{
	struct store *gb = opened("GB"), *au = opened("AU");
	struct store_row row = a_row(1, "body"), got;

	(void)state;
	/* Born in GB: AU asks there. */
	row.id[0] = 0x40;
	row.id[6] = row.id[8] = 0x80;
	assert_int_equal(ask_create(gb, &row), STORE_OK);
	set_all(gb, GB | AU);
	assert_int_equal(ask_load(au, row.id, 0, &got), STORE_OK);
	assert_string_equal(got.home, "GB");
	assert_int_equal(got.token.epoch, 2);
	/* And claims it, within the set. */
	got.body = SLICE("in AU");
	memset(got.op, 0, sizeof(got.op));
	assert_int_equal(ask_save(au, &got), STORE_OK);
	assert_string_equal(heard.row.home, "AU");
	store_close(&gb);
	store_close(&au);
	assert_string_equal(ask("AU", AU_GB_DB, "select epoch || home from "
	    "flow.state"), "3AU");
	assert_string_equal(ask("GB", AU_GB_DB, "select count(*) from "
	    "flow.state"), "0");

	/* For AU alone, then: there GB cannot follow. */
	gb = opened("GB");
	au = opened("AU");
	set_all(au, AU);
	assert_int_equal(ask_load(gb, row.id, 0, &got), STORE_ELSEWHERE);
	assert_true(heard.row.allowed == AU);
	assert_int_equal(heard.row.body.len, 0);
	assert_int_equal(ask_load(au, row.id, 0, &got), STORE_OK);
	assert_true(slice_is(got.body, "in AU"));
	store_close(&gb);
	store_close(&au);
}

/* The home may not have it any more: who may fetches it. */
static void
strays_are_fetched_from_their_database(void **state)
{
	struct store *gb = opened("GB"), *au = opened("AU");
	struct store_row row = a_row(1, "body"), got;
	const struct store_query q = { .tenant = row.tenant, .flow = row.flow,
	    .limit = 10 };

	(void)state;
	row.allowed = GB | AU;
	assert_int_equal(ask_create(gb, &row), STORE_OK);
	/* As replication brings it. */
	ask("AU", AU_GB_DB, "insert into flow.state_gb (id, home, allowed, "
	    "epoch, version, done, tenant, flow, created_ms, updated_ms, "
	    "expires_ms, body) values (repeat('01', 16)::uuid, 'GB', 3, 1, 1, "
	    "false, repeat('7e', 16)::uuid, repeat('f1', 16)::uuid, 1000, "
	    "1000, 0, 'body')");
	set_all(gb, AU);
	set_all(au, AU);
	must_be_at("GB", 1, "- 1.1 -");
	au->ops->strays(au, &q, AU, heard_list, NULL);
	assert_int_equal(wait_for_it(au), STORE_OK);
	assert_int_equal(heard.count, 1);
	au->ops->restrict_to(au, row.id, (struct store_token){ 0 }, AU,
	    heard_row, NULL);
	assert_int_equal(wait_for_it(au), STORE_OK);
	store_close(&gb);
	store_close(&au);
	must_be_at("GB", 1, "- - -");
	must_be_at("AU", 1, "- - 2.1");
	au = opened("AU");
	assert_int_equal(ask_load(au, row.id, 0, &got), STORE_OK);
	assert_true(slice_is(got.body, "body") && got.allowed == AU);
	store_close(&au);
}

/* --- moving in, and out ----------------------------------------------------------- */

static void
copy_between(bool to_postgres)
{
	const struct store_postgres_config *config = place_of("GB");
	const struct store_copy_place file = { false, folder_path("sqlite") },
	    databases = { true, info("gb", ALL_DB, "postgres") };
	const struct store_copy c = { .from = to_postgres ? file : databases,
	    .to = to_postgres ? databases : file, .home = "GB", .main = true,
	    .sets = config };
	struct store_copy_report report;
	struct err err = { 0 };

	if (!store_copy(&c, &report, &err))
		fail_msg("%s", err.text);
	assert_true(store_copy_is_whole(&report));
	assert_int_equal(report.states.there, 40);
}

static void
a_copy_puts_states_where_they_belong(void **state)
{
	static const store_regions sets[] = { STORE_ALL_REGIONS, GB, GB | AU,
	    GB | US };
	struct store *file;
	struct err err = { 0 };
	struct store_row got;

	(void)state;
	folder_begin();
	file = store_sqlite_open(loop, folder_path("sqlite"), "GB", &err);
	assert_non_null(file);
	for (uint8_t n = 0; n < 40; n++)
		put_at(file, n, sets[n % 4]);
	copy_between(true);
	must_be_at("GB", 4, "1.1 - -");
	must_be_at("GB", 5, "- - 1.1");
	must_be_at("GB", 6, "- 1.1 -");
	must_be_at("GB", 7, "- - 1.1");

	/* Of one the older version is where it belonged before. */
	file->ops->restrict_to(file, a_row(4, "").id,
	    (struct store_token){ 0 }, GB, heard_row, NULL);
	assert_int_equal(wait_for_it(file), STORE_OK);
	copy_between(true);
	must_be_at("GB", 4, "- - 1.2");

	/* And back. */
	ask("GB", AU_GB_DB, "update flow.state_gb set version = 9");
	copy_between(false);
	assert_int_equal(ask_load(file, a_row(6, "").id, 0, &got), STORE_OK);
	assert_int_equal(got.token.version, 9);
	store_close(&file);
	folder_end();
}

/* --- who may come in ------------------------------------------------------------------ */

static void
a_database_is_for_its_set_alone(void **state)
{
	const struct store_postgres_config *config = place_of("GB"),
	    *set = &config->sets[0];
	struct store_postgres_config other = *set;
	const char *engine = info("gb", AU_GB_DB, "flow_engine");
	struct err err;

	(void)state;
	if (!store_postgres_check(engine, set, true, &err))
		fail_msg("%s", err.text);
	assert_null(pg_ask(info("gb", AU_GB_DB, "repl_us"), "select 1"));
	assert_non_null(pg_ask(info("gb", AU_GB_DB, "repl_au"), "select 1"));
	/* It is flow_engine where it may come in, and nowhere else. */
	assert_string_equal(pg_ask(info("gb", AU_GB_DB, "engine_au"), "select "
	    "current_user"), "flow_engine");
	assert_null(pg_ask(info("gb", ALONE_DB, "engine_au"), "select 1"));
	assert_null(pg_ask(info("gb", AU_GB_DB, "engine_us"), "select 1"));
	assert_string_equal(pg_ask(info("gb", ALL_DB, "engine_us"), "select "
	    "count(*) from flow.state"), "0");

	ask("GB", AU_GB_DB, "grant connect on database gb_some to repl_us");
	assert_false(store_postgres_check(engine, set, true, &err));
	assert_non_null(strstr(err.text, "repl_us may connect to it"));
	ask("GB", AU_GB_DB, "grant connect on database gb_some to public");
	assert_false(store_postgres_check(engine, &other, true, &err));
	assert_non_null(strstr(err.text, "REVOKE CONNECT ON DATABASE "
	    "\"gb_some\" FROM PUBLIC; and let pg_hba.conf"));
	/* init makes it so again. */
	assert_true(store_postgres_init(info("gb", AU_GB_DB, "postgres"), set,
	    false, &err));
	ask("GB", AU_GB_DB, "revoke connect on database gb_some from repl_us");
	assert_true(store_postgres_check(engine, set, true, &err));

	/* Nothing is filtered, and no other set's engine works with it. */
	assert_string_equal(ask("GB", AU_GB_DB, "select count(*) from "
	    "pg_publication_rel where prqual is not null"), "0");
	assert_string_equal(ask("GB", ALL_DB, "select count(*) from "
	    "pg_publication_rel where prqual is not null"), "2");
	assert_false(store_postgres_check(engine, config, true, &err));
	assert_string_equal(err.text, "it is the database of the set au_gb, "
	    "not the one for all regions");
	other.set = "au";
	assert_false(store_postgres_check(engine, &other, true, &err));
	assert_string_equal(err.text, "it is that of the set au_gb, not the "
	    "database of the set au");
	assert_false(store_postgres_init(info("gb", AU_GB_DB, "postgres"),
	    config, true, &err));
}

/* One that is away takes the region out of service, and is named. */
static void
one_that_is_away_is_named(void **state)
{
	struct store *store = opened("GB");
	struct store_row got;

	(void)state;
	put_at(store, 1, GB);
	assert_true(health_of(store).good);
	ask("GB", ALL_DB, "alter database gb_alone allow_connections false");
	ask("GB", ALL_DB, "select count(pg_terminate_backend(pid)) from "
	    "pg_stat_activity where datname = 'gb_alone'");
	while (ask_load(store, a_row(1, "").id, 0, &got) != STORE_UNAVAILABLE)
		;
	while (health_of(store).good)
		ask_load(store, a_row(1, "").id, 0, &got);
	assert_non_null(strstr(health_of(store).trouble, "database of the set "
	    "gb: "));
	ask("GB", ALL_DB, "alter database gb_alone allow_connections true");
	while (ask_load(store, a_row(1, "").id, 0, &got) != STORE_OK)
		;
	store_close(&store);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CONTRACT(empty_tables, end_loop),
		cmocka_unit_test_setup_teardown(its_regions_say_where_it_is,
		    empty_tables, end_loop),
		cmocka_unit_test_setup_teardown(a_save_takes_it_where_it_may_be,
		    empty_tables, end_loop),
		cmocka_unit_test_setup_teardown(
		    a_flows_states_go_where_they_belong, empty_tables,
		    end_loop),
		cmocka_unit_test_setup_teardown(
		    no_row_hides_one_of_fewer_regions, empty_tables,
		    end_loop),
		cmocka_unit_test_setup_teardown(
		    no_row_takes_the_place_of_one_of_fewer_regions,
		    empty_tables, end_loop),
		cmocka_unit_test_setup_teardown(lists_are_of_all_databases,
		    empty_tables, end_loop),
		cmocka_unit_test_setup_teardown(whoever_finds_it_ends_the_move,
		    empty_tables, end_loop),
		cmocka_unit_test_setup_teardown(
		    other_regions_follow_it_if_they_may, empty_tables,
		    end_loop),
		cmocka_unit_test_setup_teardown(
		    strays_are_fetched_from_their_database, empty_tables,
		    end_loop),
		cmocka_unit_test_setup_teardown(
		    a_copy_puts_states_where_they_belong, empty_tables,
		    end_loop),
		cmocka_unit_test_setup_teardown(a_database_is_for_its_set_alone,
		    empty_tables, end_loop),
		cmocka_unit_test_setup_teardown(one_that_is_away_is_named,
		    empty_tables, end_loop),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * A database for each set of regions, for tests: GB and AU have one for all
 * regions, one for both of them and one each, which makes six, on one server
 * that replicates nothing here.  Who includes this has a loop.
 */
#ifndef TESTS_UNIT_STORE_SETS_H
#define TESTS_UNIT_STORE_SETS_H

#include "base/must.h"
#include "store/postgres_private.h"
#include "support/postgres.h"

enum { GB = 1, AU = 2, US = 4, ALL_DB = 0, AU_GB_DB, ALONE_DB, DBS };

static struct pg_server server;
static struct arena *arena;
static const char *const names[] = { "everywhere", "some", "alone" };
/* Whether GB cannot be reached, as US never can, and who has what they had; "":
 * it is not lost. */
static bool gb_is_away;
static const char *gb_successor = "", *us_successor = "";

struct place {
	struct store_postgres_config config, sets[2];
	struct store_region all[3], some[2], alone[1];
};

static inline const char *
info(const char *region, int db, const char *user)
{
	return arena_printf(arena, "host=%s user=%s dbname=%s_%s", server.dir,
	    user, region, names[db]);
}

static inline struct store_region
region(int bit, int db)
{
	const char *id = bit == GB ? "GB" : bit == AU ? "AU" : "US";

	struct store_region r = { .id = id, .number = bit == GB ? 0 :
	    bit == AU ? 1 : 2, .conninfo = bit == US || (bit == GB &&
	    gb_is_away) ? NULL : info(bit == GB ? "gb" : "au", db,
	    "flow_engine") };

	snprintf(r.successors, sizeof(r.successors), "%s", bit == GB ?
	    gb_successor : bit == US ? us_successor : "");
	return r;
}

static inline const char *
database(const char *home, int db)
{
	return arena_printf(arena, "%s_%s", strcmp(home, "GB") == 0 ? "gb" :
	    "au", names[db]);
}

static inline const struct store_postgres_config *
place_of(const char *home)
{
	struct place *p = arena_alloc(arena, sizeof(*p));
	int here = strcmp(home, "GB") == 0 ? GB : AU;

	*p = (struct place){
		.all = { region(GB, ALL_DB), region(AU, ALL_DB),
		    region(US, ALL_DB) },
		.some = { region(GB, AU_GB_DB), region(AU, AU_GB_DB) },
		.alone = { region(here, ALONE_DB) },
	};
	p->sets[0] = (struct store_postgres_config){ .home = home,
	    .regions = p->some, .nregions = 2, .set = "au_gb",
	    .database = database(home, AU_GB_DB) };
	p->sets[1] = (struct store_postgres_config){ .home = home,
	    .regions = p->alone, .nregions = 1, .set = here == GB ? "gb" :
	    "au", .database = database(home, ALONE_DB) };
	p->config = (struct store_postgres_config){ .home = home,
	    .regions = p->all, .nregions = 3, .sets = p->sets, .nsets = 2 };
	return &p->config;
}

static inline const char *
ask(const char *home, int db, const char *sql)
{
	const char *value = pg_ask(info(strcmp(home, "GB") == 0 ? "gb" : "au",
	    db, "postgres"), sql);

	must(value != NULL);
	return value;
}

static inline void
create_databases(const char *region_name)
{
	for (int db = 0; db < DBS; db++)
		must(pg_ask(server.conninfo, arena_printf(arena,
		    "create database %s_%s", region_name, names[db])) != NULL);
}

static inline bool
make_schemas(const char *home, bool is_main)
{
	const struct store_postgres_config *config = place_of(home);
	const char *name = strcmp(home, "GB") == 0 ? "gb" : "au";
	struct err err;
	bool good = true;

	for (int db = 0; good && db < DBS; db++) {
		good = store_postgres_init(info(name, db, "postgres"), db ==
		    ALL_DB ? config : &config->sets[db - 1], is_main &&
		    db == ALL_DB, &err);
		if (!good)
			fprintf(stderr, "%s\n", err.text);
	}
	return good;
}

static inline int
start_server(void **state)
{
	(void)state;
	arena = arena_new(0);
	if (!pg_server_start(&server))
		return -1;
	create_databases("gb");
	create_databases("au");
	return make_schemas("GB", true) && make_schemas("AU", false) ? 0 : -1;
}

static inline int
stop_server(void **state)
{
	(void)state;
	pg_server_stop(&server);
	arena_free(&arena);
	return 0;
}

/* Making a schema takes long, and here there are six. */
static inline int
empty_tables(void **state)
{
	(void)state;
	loop = loop_new();
	gb_is_away = false;
	gb_successor = us_successor = "";
	for (int db = 0; db < DBS; db++) {
		ask("GB", db, "truncate flow.state, flow.moved, flow.lost, "
		    "flow.state_conflict, flow.meta");
		ask("AU", db, "truncate flow.state, flow.moved, flow.lost, "
		    "flow.state_conflict, flow.meta");
	}
	ask("GB", ALL_DB, "update flow.meta_rev set rev = 0");
	return 0;
}

static inline int
end_loop(void **state)
{
	(void)state;
	loop_free(&loop);
	buf_fini(&heard.bytes);
	return 0;
}

static inline bool
is_up(struct store *store)
{
	const struct pg_sets *sets = list_entry(store, struct pg_sets, base);

	for (size_t i = 0; i < sets->count; i++)
		for (size_t k = 0; k < PG_WRITERS; k++)
			if (sets->dbs[i]->here->writers[k].conn == NULL ||
			    sets->dbs[i]->here->readers[k].conn == NULL)
				return false;
	return true;
}

/* With all of its connections: what they take is no part of a call's time. */
static inline struct store *
opened(const char *home)
{
	struct store *store = store_postgres_open(loop, place_of(home));
	static const uint8_t none[16] = { 0xee };
	struct store_row got;

	while (!is_up(store))
		ask_load(store, none, 0, &got);
	return store;
}

/* --- where states are ------------------------------------------------------------ */

/* Of the state n: "epoch.version" in each database of the region, "-" where it
 * is not. */
static inline void
must_be_at(const char *home, uint8_t n, const char *expected)
{
	const char *got = "";

	for (int db = 0; db < DBS; db++)
		got = arena_printf(arena, "%s%s%s", got, db > 0 ? " " : "",
		    ask(home, db, arena_printf(arena, "select coalesce((select "
		    "epoch || '.' || version from flow.state_%s where id = "
		    "repeat('%02x', 16)::uuid), '-')", strcmp(home, "GB") == 0 ?
		    "gb" : "au", n)));
	assert_string_equal(got, expected);
}

#endif

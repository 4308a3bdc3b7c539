/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What a region takes from another's server, whoever has that in his hands:
 * two servers, GB being the main region, and whatever a superuser of GB can do
 * to what is published there; and what a region may take by the role that it
 * replicates with.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/must.h"
#include "store/postgres.h"
#include "support/postgres.h"

enum { GB, US, BOTH };

static const char *const ids[BOTH] = { "GB", "US" };
static struct pg_server other;		/* US's; GB's is the test's own */
static char admins[BOTH][200], from_gb[200];

static const char *
ask(int region, const char *sql)
{
	const char *value = pg_ask(admins[region], sql);

	must(value != NULL);
	return value;
}

static bool
follow(struct err *err)
{
	return store_postgres_subscribe(admins[US], "US", "GB", true, from_gb,
	    err);
}

/* Its rows are here. */
static bool
comes(const char *sql, const char *value)
{
	for (int i = 0; i < 3000; i++) {
		if (strcmp(ask(US, sql), value) == 0)
			return true;
		usleep(20000);		/* between two looks */
	}
	return false;
}

static struct store_postgres_config
config_of(int region, struct store_region regions[BOTH])
{
	for (int i = 0; i < BOTH; i++)
		regions[i] = (struct store_region){ .id = ids[i],
		    .number = (unsigned)i };
	return (struct store_postgres_config){ .home = ids[region],
	    .regions = regions, .nregions = BOTH };
}

static bool
check(struct err *err)
{
	struct store_region regions[BOTH];
	struct store_postgres_config config = config_of(US, regions);

	return store_postgres_check(admins[US], &config, true, err);
}

/* Its server, with a schema. */
static bool
begin(struct pg_server *s, int region)
{
	struct store_region regions[BOTH];
	struct store_postgres_config config = config_of(region, regions);
	struct err err;

	if (!pg_server_start(s) ||
	    pg_ask(s->conninfo, "create database flow") == NULL)
		return false;
	snprintf(admins[region], sizeof(admins[region]),
	    "host=%s user=postgres dbname=flow", s->dir);
	return store_postgres_init(admins[region], &config, region == GB,
	    &err);
}

static int
make(void **state)
{
	(void)state;
	if (!begin(&server, GB) || !begin(&other, US))
		return -1;
	snprintf(from_gb, sizeof(from_gb), "host=%s user=repl_us dbname=flow",
	    server.dir);
	return 0;
}

static int
clear(void **state)
{
	(void)state;
	pg_server_stop(&server);
	pg_server_stop(&other);
	return 0;
}

/* By a superuser there: tables that are not GB's to write. */
static const struct {
	const char	*table;
	const char	*words;
} foreign[] = {
	{ "flow.state_us", "would write flow.state_us here" },
	{ "flow.here", "would write flow.here here" },
	{ "flow.moved", "would write flow.moved here" },
	{ "public.payroll", "would write payroll here" },
};

static void
a_region_is_followed_in_its_own_tables_alone(void **state)
{
	struct err err = { 0 };
	char sql[200];

	(void)state;
	for (int i = 0; i < BOTH; i++)
		ask(i, "create table public.payroll (id int primary key)");
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
		snprintf(sql, sizeof(sql), "alter publication gb_to_us add "
		    "table %s", foreign[i].table);
		ask(GB, sql);
		assert_false(follow(&err));
		assert_non_null(strstr(err.text, foreign[i].words));
		assert_string_equal(ask(US, "select count(*) from "
		    "pg_subscription"), "0");
		assert_string_equal(ask(GB, "select count(*) from "
		    "pg_replication_slots"), "0");
		snprintf(sql, sizeof(sql), "alter publication gb_to_us drop "
		    "table %s", foreign[i].table);
		ask(GB, sql);
	}
	assert_true(follow(&err));
	assert_true(comes("select count(*) from flow.meta_rev", "1"));
	assert_true(follow(&err));	/* asked again */
	assert_true(check(&err));
	/* One that was made before there was this look. */
	ask(GB, "alter publication gb_to_us add table flow.state_us");
	ask(US, "alter subscription us_from_gb refresh publication");
	assert_false(check(&err));
	assert_non_null(strstr(err.text, "region GB writes flow.state_us here"
	    ));
	assert_false(follow(&err));
	assert_non_null(strstr(err.text, "would write flow.state_us here"));
	assert_string_equal(ask(US, "select count(*) from pg_subscription"),
	    "0");
	ask(GB, "alter publication gb_to_us drop table flow.state_us");
}

/* What a role that replicates may ask for, by a connection to one database. */
static const char *const thefts[] = {
	"BASE_BACKUP (MAX_RATE 32, CHECKPOINT 'fast')",
	"  BASE_BACKUP (MAX_RATE 32, CHECKPOINT 'fast')",
	"START_REPLICATION PHYSICAL ",
	" START_REPLICATION PHYSICAL ",
};

static bool
are_served(const char *count)
{
	for (int i = 0; i < 3000; i++) {
		if (strcmp(ask(GB, "select count(*) from pg_stat_replication "
		    "where state <> 'startup'"), count) == 0)
			return true;
		usleep(20000);		/* between two looks */
	}
	return false;
}

static void
who_copies_the_server_is_cut_off(void **state)
{
	char way[240], command[320];

	(void)state;
	snprintf(way, sizeof(way), "%s replication=database", from_gb);
	for (size_t i = 0; i < sizeof(thefts) / sizeof(thefts[0]); i++) {
		PGconn *conn = PQconnectdb(way);

		snprintf(command, sizeof(command), "%s%s", thefts[i],
		    strstr(thefts[i], "PHYSICAL") == NULL ? "" : ask(GB,
		    "select pg_current_wal_flush_lsn()"));
		assert_int_equal(PQsendQuery(conn, command), 1);
		assert_true(are_served("1"));
		assert_string_equal(ask(GB, "select string_agg(who, ',') from "
		    "flow.guard()"), "repl_us");
		assert_true(are_served("0"));
		PQfinish(conn);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_copies_the_server_is_cut_off),
		cmocka_unit_test(a_region_is_followed_in_its_own_tables_alone),
	};

	return cmocka_run_group_tests(tests, make, clear);
}

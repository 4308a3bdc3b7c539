/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Three regions for tests of ownership: three databases of one server, GB being
 * the main one.
 */
#ifndef STORE_REGIONS_H
#define STORE_REGIONS_H

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "asking.h"
#include "store/postgres.h"
#include "support/postgres.h"

enum { GB, AU, US, REGIONS };

#define REGION_BIT(n) ((store_regions)1 << (n))

static struct loop *loop;
static const char *const region_ids[REGIONS] = { "GB", "AU", "US" };
static char region_info[REGIONS][200];

static inline const char *
region_admin(int region)
{
	static char info[200];

	snprintf(info, sizeof(info), "host=%s user=postgres dbname=r%d",
	    server.dir, region);
	return info;
}

static inline const char *
region_ask(int region, const char *sql)
{
	const char *value = pg_ask(region_admin(region), sql);

	must(value != NULL);
	return value;
}

static inline struct store_postgres_config
region_config(int region, struct store_region regions[REGIONS],
    const char *gb_successors)
{
	for (int i = 0; i < REGIONS; i++)
		regions[i] = (struct store_region){ .id = region_ids[i],
		    .number = (unsigned)i, .conninfo = region_info[i] };
	snprintf(regions[GB].successors, sizeof(regions[GB].successors), "%s",
	    gb_successors);
	return (struct store_postgres_config){ .home = region_ids[region],
	    .regions = regions, .nregions = REGIONS };
}

static inline bool
regions_start(void)
{
	bool good = pg_server_start(&server);

	for (int i = 0; good && i < REGIONS; i++) {
		char sql[40];

		snprintf(region_info[i], sizeof(region_info[i]),
		    "host=%s user=flow_engine dbname=r%d", server.dir, i);
		snprintf(sql, sizeof(sql), "create database r%d", i);
		good = pg_ask(server.conninfo, sql) != NULL;
	}
	return good;
}

static inline void
regions_stop(void)
{
	pg_server_stop(&server);
}

/* Anew and empty. */
static inline void
regions_make(void)
{
	struct store_region regions[REGIONS];
	struct err err;

	for (int i = 0; i < REGIONS; i++) {
		struct store_postgres_config config = region_config(i,
		    regions, "");

		region_ask(i, "drop schema if exists flow cascade");
		if (!store_postgres_init(region_admin(i), &config, i == GB,
		    &err)) {
			fprintf(stderr, "%s\n", err.text);
			abort();
		}
	}
}

static inline struct store *
region_open(int region, struct loop *on, const char *gb_successors)
{
	struct store_region regions[REGIONS];
	struct store_postgres_config config = region_config(region, regions,
	    gb_successors);

	return store_postgres_open(on, &config);
}

/* Its id says where it was born: policy/state_id.h. */
static inline struct store_row
region_row(int region, uint8_t n, const char *body)
{
	struct store_row row = { .allowed = STORE_ALL_REGIONS,
	    .created_ms = 1000, .updated_ms = 1000, .body = slice_of(body) };

	memset(row.id, n, sizeof(row.id));
	row.id[0] = (uint8_t)(0x40 | region);
	row.id[6] = row.id[8] = 0x80;
	memset(row.tenant, 0x7e, 16);
	memset(row.flow, 0xf1, 16);
	return row;
}

/* Whatever arrives there fails, as if its server or who sent it had ended just
 * before. */
static inline void
region_break_arrival(int region, bool broken)
{
	region_ask(region, broken ?
	    "create or replace function flow.broken() returns trigger language"
	    " plpgsql as 'begin raise exception ''broken''; end'; create or"
	    " replace trigger broken before insert or update on flow.state_au"
	    " for each row execute function flow.broken()" :
	    "drop trigger broken on flow.state_au");
}

static inline void
region_break_departure(int region, bool broken)
{
	region_ask(region, broken ?
	    "create or replace function flow.broken() returns trigger language"
	    " plpgsql as 'begin raise exception ''broken''; end'; create or"
	    " replace trigger broken before delete on flow.state_gb for each"
	    " row when (old.moving_to is not null) execute function"
	    " flow.broken()" :
	    "drop trigger broken on flow.state_gb");
}

static inline void
region_hex(char text[33], const uint8_t id[16])
{
	for (int i = 0; i < 16; i++)
		snprintf(text + 2 * i, 3, "%02x", id[i]);
}

/* The second step, by hand; version: base, or one more with a save. */
static inline void
region_arrival(char sql[700], const struct store_row *row, int epoch, int base,
    int version, const char *body)
{
	char id[33], tenant[33], flow[33];

	region_hex(id, row->id);
	region_hex(tenant, row->tenant);
	region_hex(flow, row->flow);
	snprintf(sql, 700, "select written from flow.arrive('%s', %d, "
	    "%d, %d, null, false, -1, '%s', '%s', 1, 1, 0, 0, 0, '%s')", id,
	    epoch, base, version, tenant, flow, body);
}

/* Whether it was done. */
static inline bool
region_arrives(int region, const struct store_row *row, int epoch, int base,
    const char *body)
{
	char sql[700];

	region_arrival(sql, row, epoch, base, base + 1, body);
	return strcmp(region_ask(region, sql), "t") == 0;
}

/* --- several at once, each on a connection of its own --- */

static inline PGconn *
region_connect(int region)
{
	PGconn *conn = PQconnectdb(region_admin(region));

	must(PQstatus(conn) == CONNECTION_OK);
	return conn;
}

/* Begun, not waited for. */
static inline void
region_begin(PGconn *conn, const char *sql)
{
	must(PQsendQuery(conn, sql) == 1);
}

/* Of what was begun: whether the last of it said true. */
static inline bool
region_end(PGconn *conn)
{
	PGresult *r;
	bool said = false;

	while ((r = PQgetResult(conn)) != NULL) {
		must(PQresultStatus(r) == PGRES_TUPLES_OK ||
		    PQresultStatus(r) == PGRES_COMMAND_OK);
		said = PQntuples(r) > 0 && PQgetvalue(r, 0, 0)[0] == 't';
		PQclear(r);
	}
	return said;
}

/* Until somebody waits for that advisory lock. */
static inline void
region_wait_for_lock(int region, const char *key)
{
	char sql[200];
	int looks = 0;

	snprintf(sql, sizeof(sql), "select count(*) > 0 from pg_locks where "
	    "locktype = 'advisory' and not granted and classid = %s", key);
	while (strcmp(region_ask(region, sql), "t") != 0)
		must(++looks < 10000);
}

#endif

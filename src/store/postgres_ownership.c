/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "store/ownership.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "store/postgres_admin.h"

static PGconn *
open_here(const char *conninfo, const char *here, struct err *err)
{
	PGconn *conn = pg_admin_connect(conninfo, err);

	if (conn != NULL && !pg_server_is_good(conn, here, err)) {
		PQfinish(conn);
		conn = NULL;
	}
	return conn;
}

/* Rows, or NULL with *err. */
static PGresult *
query(PGconn *conn, const char *sql, const struct pg_params *p, int binary,
    struct err *err)
{
	return pg_rows(conn, PQexecParams(conn, sql, p->count, NULL, p->values,
	    p->lengths, p->formats, binary), err);
}

/* --- how the region stands --------------------------------------------------------- */

bool
store_postgres_standing(const char *conninfo, const char *here,
    struct store_standing *s, struct err *err)
{
	const struct pg_params none = { .count = 0 };
	PGconn *conn = open_here(conninfo, here, err);
	PGresult *r = NULL;

	*s = (struct store_standing){ .states = 0 };
	if (conn == NULL)
		return false;
	r = query(conn, "select h.successor, flow.left_to_take(), (select"
	    " count(*) from flow.state s where s.home = h.code), (select"
	    " count(*) from flow.state s where s.home = h.code and"
	    " s.moving_to is not null), (select count(*) from"
	    " flow.state_conflict) from flow.here h", &none, 1, err);
	if (r != NULL) {
		pg_text(r, 0, 0, s->successor, sizeof(s->successor));
		s->waiting = (uint64_t)pg_number(r, 0, 1);
		s->states = (uint64_t)pg_number(r, 0, 2);
		s->moving = (uint64_t)pg_number(r, 0, 3);
		s->conflicts = (uint64_t)pg_number(r, 0, 4);
	}
	PQclear(r);
	PQfinish(conn);
	return r != NULL;
}

static const struct store_region *
region_of(const struct store_postgres_config *config, const char *id)
{
	for (size_t i = 0; i < config->nregions; i++)
		if (strcmp(config->regions[i].id, id) == 0)
			return &config->regions[i];
	return NULL;
}

/* The others let its states arrive there again. */
static bool
tell_found(const struct store_region *region, const char *here,
    struct err *err)
{
	PGconn *conn = open_here(region->conninfo, region->id, err);
	char sql[80];
	bool good;

	snprintf(sql, sizeof(sql), "select flow.found('%s')", here);
	good = conn != NULL && pg_admin_execute(conn, sql, err);
	PQfinish(conn);
	return good || err_wrap(err, "it takes writes again, but region %s "
	    "still holds it for lost; do the same again when that answers",
	    region->id);
}

static bool
tell_all_found(const struct store_postgres_config *config, struct err *err)
{
	bool good = true;

	for (size_t i = 0; i < config->nregions && good; i++) {
		const struct store_region *r = &config->regions[i];

		if (r->conninfo != NULL && r->successors[0] == '\0' &&
		    strcmp(r->id, config->home) != 0)
			good = tell_found(r, config->home, err);
	}
	return good;
}

bool
store_postgres_take_back(const char *admin,
    const struct store_postgres_config *config, struct err *err)
{
	const struct store_region *me = region_of(config, config->home);
	PGconn *conn;
	bool good;

	/* Its own engines, and the others', would give it over again. */
	if (me->successors[0] != '\0')
		return err_set(err, "the region map still says that %s is its "
		    "successor: take the key 'successor' out, in every region "
		    "first", me->successors);
	conn = open_here(admin, config->home, err);
	if (conn == NULL)
		return false;
	good = pg_admin_execute(conn, "select flow.take_back()", err);
	PQfinish(conn);
	return good && tell_all_found(config, err);
}

/* --- conflicts --------------------------------------------------------------------- */

enum {
	AT_NUMBER, AT_ID, AT_TENANT, AT_FLOW, AT_EPOCH, AT_VERSION, AT_UPDATED,
	AT_BYTES, AT_WINNER, AT_WINNER_EPOCH, AT_WINNER_VERSION,
	AT_WINNER_BYTES, AT_NOTED
};

static uint64_t
number_at(const PGresult *r, int row, int column)
{
	return strtoull(PQgetvalue(r, row, column), NULL, 10);
}

static void
take_conflict(const PGresult *r, int i, struct store_conflict *c)
{
	c->number = number_at(r, i, AT_NUMBER);
	pg_text(r, i, AT_ID, c->id, sizeof(c->id));
	pg_text(r, i, AT_TENANT, c->tenant, sizeof(c->tenant));
	pg_text(r, i, AT_FLOW, c->flow, sizeof(c->flow));
	c->token.epoch = (uint32_t)number_at(r, i, AT_EPOCH);
	c->token.version = number_at(r, i, AT_VERSION);
	c->updated_ms = (int64_t)number_at(r, i, AT_UPDATED);
	c->bytes = number_at(r, i, AT_BYTES);
	pg_text(r, i, AT_WINNER, c->winner, sizeof(c->winner));
	c->winner_token.epoch = (uint32_t)number_at(r, i, AT_WINNER_EPOCH);
	c->winner_token.version = number_at(r, i, AT_WINNER_VERSION);
	c->winner_bytes = number_at(r, i, AT_WINNER_BYTES);
	pg_text(r, i, AT_NOTED, c->noted, sizeof(c->noted));
}

static bool
none_of(uint64_t number, struct err *err)
{
	return err_set(err, "there is no conflict with the number %" PRIu64,
	    number);
}

bool
store_postgres_conflicts(struct arena *arena, const char *admin,
    const char *here, uint64_t number, struct store_conflicts *found,
    struct err *err)
{
	PGconn *conn = open_here(admin, here, err);
	struct pg_params p = { .count = 0 };
	PGresult *r;

	found->count = 0;
	if (conn == NULL)
		return false;
	pg_add_big(&p, (int64_t)number);
	pg_add_int(&p, STORE_CONFLICTS_MAX);
	r = query(conn, "select number, id, tenant, flow, epoch, version,"
	    " updated_ms, length(body), winner, winner_epoch, winner_version,"
	    " length(winner_body), to_char(noted_at at time zone 'UTC',"
	    " 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') from flow.state_conflict where"
	    " $1::bigint in (0, number) order by number limit $2::int", &p, 0,
	    err);
	if (r != NULL) {
		found->count = (size_t)PQntuples(r);
		found->list = arena_array(arena, found->count + 1,
		    sizeof(found->list[0]));
		for (size_t i = 0; i < found->count; i++)
			take_conflict(r, (int)i, &found->list[i]);
	}
	PQclear(r);
	PQfinish(conn);
	return r != NULL && (number == 0 || found->count > 0 ||
	    none_of(number, err));
}

bool
store_postgres_conflict_body(const char *admin, const char *here,
    uint64_t number, bool winners, struct buf *body, struct err *err)
{
	PGconn *conn = open_here(admin, here, err);
	struct pg_params p = { .count = 0 };
	PGresult *r;
	bool good;

	if (conn == NULL)
		return false;
	pg_add_big(&p, (int64_t)number);
	r = query(conn, winners ? "select winner_body from flow.state_conflict"
	    " where number = $1::bigint" : "select body from"
	    " flow.state_conflict where number = $1::bigint", &p, 1, err);
	good = r != NULL && (PQntuples(r) > 0 || none_of(number, err));
	if (good)
		buf_slice(body, pg_bytes(r, 0, 0));
	PQclear(r);
	PQfinish(conn);
	return good;
}

static bool
forget(PGconn *conn, uint64_t number, struct err *err)
{
	char sql[120], gone[8];

	snprintf(sql, sizeof(sql), "with gone as (delete from "
	    "flow.state_conflict where number = %" PRIu64 " returning 1) "
	    "select count(*) from gone", number);
	return pg_admin_ask(conn, sql, gone, sizeof(gone), err) &&
	    (strcmp(gone, "1") == 0 || none_of(number, err));
}

bool
store_postgres_conflict_drop(const char *admin, const char *here,
    uint64_t number, struct err *err)
{
	PGconn *conn = open_here(admin, here, err);
	bool good;

	if (conn == NULL)
		return false;
	good = forget(conn, number, err);
	PQfinish(conn);
	return good;
}

/* --- keeping ----------------------------------------------------------------------- */

struct keeping {
	const struct store_postgres_config *config;
	PGconn		*here;		/* the administrator's */
	PGconn		*conn;		/* to the region that is asked */
	const struct store_region *region;
	PGresult	*mine;		/* the record, binary */
	uint64_t	 number;
};

enum { MINE_ID, MINE_DONE, MINE_EXPIRES, MINE_BODY };

static bool
ask_region(struct keeping *k, const char *id, struct err *err)
{
	if (k->conn != k->here)
		PQfinish(k->conn);
	k->conn = k->here;
	k->region = region_of(k->config, id);
	if (strcmp(id, k->config->home) == 0)
		return true;
	if (k->region == NULL || k->region->conninfo == NULL)
		return err_set(err, "the state is at home in region %s, which "
		    "store.peers does not name", id);
	k->conn = open_here(k->region->conninfo, id, err);
	if (k->conn != NULL)
		return true;
	k->conn = k->here;
	return err_wrap(err, "region %s", id);
}

/* The value of the record, as a parameter. */
static void
add_mine(struct pg_params *p, const struct keeping *k, int column)
{
	p->values[p->count] = PQgetvalue(k->mine, 0, column);
	p->lengths[p->count] = PQgetlength(k->mine, 0, column);
	p->formats[p->count++] = 1;
}

/* Where the region that is asked says that it is; "": nowhere. */
static bool
where_is_it(struct keeping *k, char home[PG_WORD_MAX], struct err *err)
{
	struct pg_params p = { .count = 0 };
	PGresult *r;

	add_mine(&p, k, MINE_ID);
	r = query(k->conn, "select coalesce(case when m.epoch >="
	    " coalesce(s.epoch, 0) then coalesce(m.to_region, '') end,"
	    " s.moving_to, s.home, '') from (select 1) one left join lateral"
	    " (select * from flow.state where id = $1::uuid order by epoch desc"
	    " limit 1) s on true left join flow.moved m on m.id = $1::uuid",
	    &p, 0, err);
	if (r != NULL)
		pg_text(r, 0, 0, home, PG_WORD_MAX);
	PQclear(r);
	return r != NULL;
}

/* What was kept here may not be for all who may come in there, or the other
 * way round: that is for a person to see to. */
static bool
is_of_this_database(const char *home, struct err *err)
{
	const char *set = strchr(home, '/');
	int len;

	if (set == NULL)
		return true;
	len = (int)strcspn(++set, "/");
	return err_set(err, "the state has gone on in the database of %s%.*s: "
	    "show the record, and drop it when its regions have been seen to",
	    len > 0 ? "the set " : "all regions", len, set);
}

/* *done: there it was. */
static bool
write_there(struct keeping *k, bool *done, struct err *err)
{
	struct pg_params p = { .count = 0 };
	char sql[320], partition[STORE_HOME_MAX + 8];
	PGresult *r;

	snprintf(partition, sizeof(partition), "state_%s", k->region->id);
	for (char *c = partition; *c != '\0'; c++)
		*c = (char)tolower((unsigned char)*c);
	snprintf(sql, sizeof(sql), "update flow.%s set body = $2::bytea, done ="
	    " $3::bool, expires_ms = $4::bigint, updated_ms = flow.now_ms(),"
	    " last_op = null, version = version + 1 where id = $1::uuid and"
	    " moving_to is null returning version", partition);
	add_mine(&p, k, MINE_ID);
	add_mine(&p, k, MINE_BODY);
	add_mine(&p, k, MINE_DONE);
	add_mine(&p, k, MINE_EXPIRES);
	r = query(k->conn, sql, &p, 1, err);
	*done = r != NULL && PQntuples(r) > 0;
	PQclear(r);
	return r != NULL;
}

/* It is nowhere any more: at home here again, later than all that was. */
static bool
bring_back(struct keeping *k, struct err *err)
{
	char sql[700], written[8];

	snprintf(sql, sizeof(sql), "select coalesce((select a.written from"
	    " flow.state_conflict c left join flow.moved m on m.id = c.id,"
	    " lateral flow.place(c.id, flow.next_turn(greatest(c.epoch,"
	    " m.epoch, c.winner_epoch), 1), c.version, c.version, null, c.done,"
	    " c.allowed, c.tenant, c.flow, c.created_ms, flow.now_ms(),"
	    " c.expires_ms, 0, 0, c.body) a where c.number = %" PRIu64 "),"
	    " false)", k->number);
	return pg_admin_ask(k->here, sql, written, sizeof(written), err) &&
	    (strcmp(written, "t") == 0 || err_set(err, "the state cannot be "
	    "brought back to region %s: it lives elsewhere", k->config->home));
}

/* From region to region, to where it is. */
static bool
keep(struct keeping *k, struct err *err)
{
	char home[PG_WORD_MAX], last[PG_WORD_MAX] = "";
	bool done = false;

	for (int hops = 0; hops < PG_HOPS_MAX && !done; hops++) {
		must(k->region != NULL);
		if (!where_is_it(k, home, err))
			return false;
		if (home[0] == '\0')
			return bring_back(k, err);
		if (!is_of_this_database(home, err))
			return false;
		if (strcmp(home, k->region->id) == 0 &&
		    !write_there(k, &done, err))
			return false;
		if (!done && strcmp(home, last) == 0)
			break;
		memcpy(last, home, sizeof(last));
		if (!done && !ask_region(k, home, err))
			return false;
	}
	return done || err_set(err, "the state is changing its home; try "
	    "again");
}

bool
store_postgres_conflict_keep(const char *admin,
    const struct store_postgres_config *config, uint64_t number,
    struct err *err)
{
	struct keeping k = { .config = config, .number = number,
	    .region = region_of(config, config->home) };
	struct pg_params p = { .count = 0 };
	bool good;

	k.here = k.conn = open_here(admin, config->home, err);
	if (k.here == NULL)
		return false;
	pg_add_big(&p, (int64_t)number);
	k.mine = query(k.here, "select id, done, expires_ms, body from"
	    " flow.state_conflict where number = $1::bigint", &p, 1, err);
	good = k.mine != NULL && (PQntuples(k.mine) > 0 ||
	    none_of(number, err));
	good = good && keep(&k, err) && forget(k.here, number, err);
	PQclear(k.mine);
	if (k.conn != k.here)
		PQfinish(k.conn);
	PQfinish(k.here);
	return good;
}

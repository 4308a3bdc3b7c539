/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The statements, as they are prepared on each connection.  HOME stands for
 * the partition of the states that are at home in the server's region.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "store/postgres_private.h"

#define ROW	"s.id, s.home, s.allowed, s.epoch, s.version, s.last_op, " \
		"s.done, s.tenant, s.flow, s.created_ms, s.updated_ms, " \
		"s.expires_ms, s.moving_to"

/* The token's, or the next where nothing was saved in between: what arrived is
 * what the token is of. */
#define SAME_EPOCH "(epoch = $2::int or (flow.follows(epoch, $2::int) and" \
		" base = $3::bigint))"

/* A token of 0.0 is whatever there is. */
#define TOKEN	"id = $1::uuid and ((" SAME_EPOCH " and version =" \
		" $3::bigint) or ($2::int = 0 and $3::bigint = 0)) and moving_to is null"

/* A state that moved so often in so long a time stays. */
#define MOVES_MAX "3"
#define MOVES_MS "60000"

/* How things stand where nothing was done; same: that it had been done. */
#define OR_AS_IT_STANDS(same) \
	" select epoch, version, true, null::text from new union all" \
	" select epoch, version, " same ", moving_to from flow.HOME" \
	" where id = $1::uuid and not exists (select from new)"

/* On one side of the set that is to be: two ranges of an index. */
#define OTHERS(than) "select id from flow.HOME where tenant = $1::uuid and" \
	" flow = $2::uuid and allowed " than " $3::bigint order by allowed" \
	" limit $4::int"

/* A state that moved may have a row left where it was. */
#define LATEST	" and not exists (select from flow.state l where" \
		" l.id = s.id and (l.epoch > s.epoch or (l.epoch = s.epoch" \
		" and l.home < s.home)))"

static const struct {
	const char	*name, *sql;
	bool		 writes;
} statements[] = {
	[PG_CREATE] = { "create",
	    "with new as (insert into flow.HOME (id, home, allowed, epoch,"
	    " version, last_op, done, tenant, flow, created_ms, updated_ms,"
	    " expires_ms, body) select $1::uuid, code, $2::bigint, 1, 1,"
	    " $3::uuid, $4::bool, $5::uuid, $6::uuid, $7::bigint, $8::bigint,"
	    " $9::bigint, $10::bytea from flow.here on conflict do nothing"
	    " returning epoch, version)" OR_AS_IT_STANDS(
	    "coalesce(last_op = $3::uuid, false) and epoch = 1 and"
	    " version = 1"), true },
	/* The latest that is known here, where it went if it left, and to whom
	 * this region was given over; one row, whatever there is.  The body is
	 * for those alone who may have it ($2). */
	[PG_LOAD] = { "load",
	    "select " ROW ", case when s.allowed & $2::bigint <> 0 then s.body"
	    " end, s.moves >= " MOVES_MAX " and flow.now_ms() -"
	    " s.moves_since_ms between 0 and " MOVES_MS ", m.epoch,"
	    " m.to_region, h.successor, s.base from flow.here h left join lateral"
	    " (select * from flow.state where id = $1::uuid order by epoch desc,"
	    " home limit 1) s on true left join flow.moved m on m.id = $1::uuid",
	    false },
	[PG_SAVE] = { "save",
	    "with new as (update flow.HOME set version = version + 1,"
	    " last_op = $4::uuid, done = $5::bool, updated_ms = $6::bigint,"
	    " expires_ms = $7::bigint, body = $8::bytea where id = $1::uuid"
	    " and " SAME_EPOCH " and version = $3::bigint and"
	    " moving_to is null returning epoch, version)" OR_AS_IT_STANDS(
	    "coalesce(last_op = $4::uuid, false) and " SAME_EPOCH " and"
	    " version = $3::bigint + 1"), true },
	[PG_REMOVE] = { "remove",
	    "with new as (delete from flow.HOME where " TOKEN
	    " returning epoch, version) select epoch, version, true,"
	    " null::text from new union all select epoch, version, false,"
	    " moving_to from flow.HOME where id = $1::uuid and not exists"
	    " (select from new)", true },
	[PG_RESTRICT] = { "restrict",
	    "with new as (update flow.HOME set version = version + 1,"
	    " allowed = $4::bigint, last_op = null where " TOKEN
	    " returning epoch, version)" OR_AS_IT_STANDS("false"), true },
	/* Who waits for rows that others hold could come to wait in a circle
	 * with them: both change many at once. */
	[PG_RESTRICT_FLOW] = { "restrict_flow",
	    "with bound as (select id from flow.HOME where id in ((" OTHERS("<")
	    ") union all (" OTHERS(">") ")) and moving_to is null"
	    " limit $4::int for update skip locked),"
	    " done as (update flow.HOME s set allowed = $3::bigint"
	    " from bound where s.id = bound.id returning 1) select count(*)"
	    " from done", true },
	[PG_STRAYS] = { "strays",
	    "select " ROW " from flow.state s join flow.region r on r.code ="
	    " s.home where s.tenant = $1::uuid and s.flow = $2::uuid and"
	    " s.allowed = $3::bigint and s.allowed & r.bit = 0 and not exists"
	    " (select from flow.HOME h where h.id = s.id) limit $4::int",
	    false },
	[PG_NEXT_FLOW] = { "next_flow",
	    "select tenant, flow from flow.state where (tenant, flow) >"
	    " ($1::uuid, $2::uuid) order by tenant, flow limit 1", false },
	[PG_LIST] = { "list",
	    "select " ROW " from flow.state s where tenant = $1::uuid and"
	    " (flow, created_ms, id) > ($2::uuid, $3::bigint, $4::uuid)" LATEST
	    " order by flow, created_ms, id limit $5::int", false },
	[PG_LIST_FLOW] = { "list_flow",
	    "select " ROW " from flow.state s where tenant = $1::uuid and"
	    " flow = $2::uuid and (created_ms, id) > ($3::bigint, $4::uuid)"
	    LATEST
	    " order by created_ms, id limit $5::int", false },
	[PG_EXPIRE] = { "expire",
	    "with old as (select id from flow.HOME where expires_ms > 0 and"
	    " expires_ms <= $1::bigint and moving_to is null limit $2::int"
	    " for update skip locked), gone as (delete from flow.HOME s using"
	    " old where s.id = old.id returning 1) select count(*) from gone",
	    true },
	[PG_DOC_GET] = { "doc_get",
	    "select 0::bigint, rev, deleted, kind, key, body from flow.meta"
	    " where kind = $1::text and key = $2::text", false },
	[PG_DOC_PUT] = { "doc_put",
	    "select done, rev from flow.put($1::text, $2::text, $3::bigint,"
	    " $4::bool, $5::bytea)", true },
	/* At least one, and no more than so many bytes. */
	[PG_DOCS_SINCE] = { "docs_since",
	    "select n.rev, d.rev, d.deleted, d.kind, d.key, d.body from"
	    " (select coalesce(max(rev), 0) as rev from flow.meta_rev) n left"
	    " join (select m.*, sum(length(body)) over (order by rev) -"
	    " length(body) as before from (select * from flow.meta where rev >"
	    " $1::bigint order by rev limit $2::int) m) d on d.before <="
	    " $3::bigint order by d.rev", false },
	[PG_NEWEST] = { "newest",
	    "select coalesce(max(rev), 0) from flow.meta_rev", false },
	/* The first step of a move to $4, or how things stand.  Who asked before,
	 * or somebody else for another region: the row is as it was frozen.
	 * To another database a state goes however often it moved, and also
	 * where it may be elsewhere alone: data/postgres-6.sql. */
	[PG_FREEZE] = { "freeze",
	    "with new as (update flow.HOME set moving_to = $4::text,"
	    " frozen_ms = flow.now_ms(), moves = case when flow.now_ms() -"
	    " moves_since_ms between 0 and " MOVES_MS " then moves + 1 else 1"
	    " end, moves_since_ms = case when flow.now_ms() - moves_since_ms"
	    " between 0 and " MOVES_MS " then moves_since_ms else flow.now_ms()"
	    " end where id = $1::uuid and " SAME_EPOCH " and version ="
	    " $3::bigint and moving_to is null and flow.has_steps(epoch) and"
	    " not exists (select from flow.lost l where l.code ="
	    " split_part($4::text, '/', 1)) and (strpos($4::text, '/') > 0"
	    " or (allowed & $5::bigint <> 0"
	    " and not (moves >= " MOVES_MAX " and flow.now_ms() -"
	    " moves_since_ms between 0 and " MOVES_MS " and exists (select from"
	    " flow.here h join flow.region r on r.code = h.code where r.bit &"
	    " allowed <> 0)))) returning epoch,"
	    " version, base, last_op, moving_to, allowed, tenant, flow,"
	    " created_ms, moves, moves_since_ms)"
	    " select * from new union all select epoch, version, base, last_op,"
	    " moving_to, allowed, tenant, flow, created_ms, moves,"
	    " moves_since_ms from flow.HOME where id = $1::uuid and not exists"
	    " (select from new)", true },
	/* From another database ($17: 1, 2 where its regions are all in this
	 * one's) may come what is here already: data/postgres-8.sql. */
	[PG_ARRIVE] = { "arrive",
	    "select now_epoch, now_version, written, now_moving, refused,"
	    " stands from flow.arrive_between($16::text, $1::uuid, $2::int,"
	    " $3::bigint, $4::bigint, $5::uuid, $6::bool, $7::bigint, $8::uuid,"
	    " $9::uuid, $10::bigint, $11::bigint, $12::bigint, $13::int,"
	    " $14::bigint, $15::bytea, $17::int)", true },
	[PG_DEPART] = { "depart",
	    "with gone as (delete from flow.HOME where id = $1::uuid and"
	    " epoch = $2::int and moving_to = $3::text returning 1)"
	    " select count(*) from gone", true },
	[PG_YIELD] = { "yield",
	    "select flow.yield($1::uuid, $2::int, $3::text, $4::text, $5::int,"
	    " $6::bigint, $7::bigint)", true },
	[PG_TEND] = { "tend",
	    "select successor, waiting, conflicts, (select string_agg(code,"
	    " ',' order by code) from flow.lost), (select taken from flow.here)"
	    " from flow.tend()", true },
	[PG_FENCE] = { "fence",
	    "select said, heard from flow.fence($2::text, $3::text)"
	    " where $1::text is not null", true },
	[PG_LOSE] = { "lose",
	    "select said, heard from flow.lose($1::text, $2::text, $3::text)",
	    true },
	/* -3: not now, or not by this engine, where flow.adopt() would say 0,
	 * as if nothing were left. */
	[PG_ADOPT_SOME] = { "adopt",
	    "select case when flow.is_cleared() and"
	    " pg_try_advisory_xact_lock(7067, 4) then flow.take_over($1::text,"
	    " $2::text, $3::bigint, $4::int, $5::text, $6::text) else -3 end",
	    true },
	[PG_LOST_TO] = { "lost_to",
	    "select successor, sure from flow.lost_to($1::text)", false },
	/* Not behind what waits for its answer. */
	[PG_CLEAR] = { "clear",
	    "select flow.clear($1::bool and s.began = $2::bigint) or"
	    " h.successor is not null, s.began from flow.here h, (select"
	    " (extract(epoch from pg_postmaster_start_time()) *"
	    " 1000000)::bigint as began) s", false },
	[PG_GUARD] = { "guard", "select who, what from flow.guard()", true },
	[PG_PAIRS] = { "pairs", PG_PAIRS_SQL, false },
	[PG_TRY] = { "try_write", "select flow.try_write()", true },
	/* Until the end of the transaction. */
	[PG_PATIENCE] = { "patience", "select set_config('statement_timeout',"
	    " $1::int::text, true)", false },
};

const char *
pg_statement_name(enum pg_statement statement)
{
	return statements[statement].name;
}

void
pg_statement_sql(enum pg_statement statement, const char *home,
    char text[PG_SQL_MAX])
{
	static const char word[] = "HOME";
	const char *sql = statements[statement].sql;
	size_t len = 0;

	while (*sql != '\0') {
		must(len + sizeof("state_") + STORE_HOME_MAX < PG_SQL_MAX);
		if (strncmp(sql, word, strlen(word)) != 0) {
			text[len++] = *sql++;
			continue;
		}
		sql += strlen(word);
		len += (size_t)sprintf(text + len, "state_");
		for (const char *c = home; *c != '\0'; c++)
			text[len++] = (char)tolower((unsigned char)*c);
	}
	text[len] = '\0';
}

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

#define ROW	"id, home, allowed, epoch, version, last_op, done, tenant, " \
		"flow, created_ms, updated_ms, expires_ms, moving_to"

/* A token of 0.0 is whatever there is. */
#define TOKEN	"id = $1::uuid and ((epoch = $2::int and version = $3::bigint)" \
		" or ($2::int = 0 and $3::bigint = 0)) and moving_to is null"

/* How things stand where nothing was done; same: that it had been done. */
#define OR_AS_IT_STANDS(same) \
	" select epoch, version, true, null::text from new union all" \
	" select epoch, version, " same ", moving_to from flow.HOME" \
	" where id = $1::uuid and not exists (select from new)"

/* On one side of the set that is to be: two ranges of an index. */
#define OTHERS(than) "select id from flow.HOME where tenant = $1::uuid and" \
	" flow = $2::uuid and allowed " than " $3::bigint order by allowed" \
	" limit $4::int"

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
	[PG_LOAD] = { "load",
	    "select " ROW ", body from flow.state where id = $1::uuid and"
	    " (expires_ms = 0 or expires_ms > $2::bigint)"
	    " order by epoch desc limit 1", false },
	/* To a region that may not have it, it does not even go by the way. */
	[PG_LOAD_HOME] = { "load_home",
	    "select " ROW ", case when allowed & $3::bigint <> 0 then body"
	    " else '' end from flow.HOME where id = $1::uuid and"
	    " (expires_ms = 0 or expires_ms > $2::bigint)", false },
	[PG_SAVE] = { "save",
	    "with new as (update flow.HOME set version = version + 1,"
	    " last_op = $4::uuid, done = $5::bool, updated_ms = $6::bigint,"
	    " expires_ms = $7::bigint, body = $8::bytea where id = $1::uuid"
	    " and epoch = $2::int and version = $3::bigint and"
	    " moving_to is null returning epoch, version)" OR_AS_IT_STANDS(
	    "coalesce(last_op = $4::uuid, false) and epoch = $2::int and"
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
	[PG_NEXT_FLOW] = { "next_flow",
	    "select tenant, flow from flow.HOME where (tenant, flow) >"
	    " ($1::uuid, $2::uuid) order by tenant, flow limit 1", false },
	[PG_LIST] = { "list",
	    "select " ROW " from flow.state where tenant = $1::uuid and"
	    " (flow, created_ms, id) > ($2::uuid, $3::bigint, $4::uuid)"
	    " order by flow, created_ms, id limit $5::int", false },
	[PG_LIST_FLOW] = { "list_flow",
	    "select " ROW " from flow.state where tenant = $1::uuid and"
	    " flow = $2::uuid and (created_ms, id) > ($3::bigint, $4::uuid)"
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
	[PG_GUARD] = { "guard", "select who, what from flow.guard()", true },
	[PG_PAIRS] = { "pairs", PG_PAIRS_SQL, false },
	[PG_TRY] = { "try_write", "select flow.try_write()", true },
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

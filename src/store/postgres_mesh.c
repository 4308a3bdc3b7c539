/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Subscriptions to other regions.  What they are sent is decided where it is
 * published (flow.publish in the schema); here it is asked for, and looked at.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "store/postgres_admin.h"

/* --- names --------------------------------------------------------------------- */

struct names {
	char		 subscription[2 * STORE_HOME_MAX + 8];	/* gb_from_us */
	char		 publication[2 * STORE_HOME_MAX + 8];	/* us_to_gb */
};

static void
lower(char *text)
{
	for (; *text != '\0'; text++)
		*text = (char)tolower((unsigned char)*text);
}

static struct names
names_of(const char *here, const char *other)
{
	struct names n;

	snprintf(n.subscription, sizeof(n.subscription), "%s_from_%s", here,
	    other);
	snprintf(n.publication, sizeof(n.publication), "%s_to_%s", other,
	    here);
	lower(n.subscription);
	lower(n.publication);
	return n;
}

/* --- add and remove ---------------------------------------------------------------- */

static bool
is_there(PGconn *conn, const struct names *n, bool *there, struct err *err)
{
	char sql[160], text[16];

	snprintf(sql, sizeof(sql), "select count(*) from pg_subscription "
	    "where subname = '%s'", n->subscription);
	if (!pg_admin_ask(conn, sql, text, sizeof(text), err))
		return false;
	*there = strcmp(text, "0") != 0;
	return true;
}

static bool
add_literal(struct buf *sql, PGconn *conn, const char *text)
{
	char *literal = PQescapeLiteral(conn, text, strlen(text));

	if (literal == NULL)
		return false;
	buf_text(sql, literal);
	PQfreemem(literal);
	return true;
}

static bool
subscribe(PGconn *conn, const struct names *n, const char *from, bool is_main,
    bool there, struct err *err)
{
	struct buf sql = { 0 };
	bool good;

	buf_printf(&sql, there ? "alter subscription %s connection " :
	    "create subscription %s connection ", n->subscription);
	good = add_literal(&sql, conn, from);
	if (!there)
		buf_printf(&sql, " publication %s%s with (binary = true, "
		    "streaming = false, slot_name = '%s', "
		    "synchronous_commit = local)", n->publication,
		    is_main ? ", pub_meta" : "", n->subscription);
	good = good ? pg_admin_execute(conn, buf_cstr(&sql), err) :
	    err_set(err, "the conninfo is not UTF-8");
	buf_fini(&sql);
	return good;
}

bool
store_postgres_subscribe(const char *admin, const char *here,
    const char *region, bool is_main, const char *from, struct err *err)
{
	struct names n = names_of(here, region);
	PGconn *conn = pg_admin_connect(admin, err);
	bool good, there;

	if (conn == NULL)
		return false;
	good = pg_server_is_good(conn, here, err) &&
	    is_there(conn, &n, &there, err) &&
	    subscribe(conn, &n, from, is_main, there, err);
	PQfinish(conn);
	return good;
}

/* A publisher that cannot be reached keeps its slot, which holds up its log:
 * then somebody has to take it away there. */
bool
store_postgres_unsubscribe(const char *admin, const char *here,
    const char *region, bool forget, struct err *err)
{
	struct names n = names_of(here, region);
	PGconn *conn = pg_admin_connect(admin, err);
	bool good, there = false;
	char sql[320];

	if (conn == NULL)
		return false;
	good = pg_server_is_good(conn, here, err) &&
	    is_there(conn, &n, &there, err);
	if (good && !there)
		good = err_set(err, "region %s is not subscribed to region %s",
		    here, region);
	snprintf(sql, sizeof(sql), "alter subscription %s disable; "
	    "alter subscription %s set (slot_name = none)", n.subscription,
	    n.subscription);
	if (good && forget)
		good = pg_admin_execute(conn, sql, err);
	snprintf(sql, sizeof(sql), "drop subscription %s", n.subscription);
	good = good && pg_admin_execute(conn, sql, err);
	PQfinish(conn);
	return good;
}

/* --- status ------------------------------------------------------------------------ */

static void
take_incoming(const PGresult *r, int i, struct store_pair *pair)
{
	snprintf(pair->name, sizeof(pair->name), "%s", PQgetvalue(r, i, 0));
	pair->enabled = PQgetvalue(r, i, 1)[0] == 't';
	pair->running = PQgetvalue(r, i, 2)[0] == 't';
	pair->tables_waiting = (unsigned)strtoul(PQgetvalue(r, i, 3), NULL,
	    10);
	pair->errors = strtoull(PQgetvalue(r, i, 4), NULL, 10);
	pair->silent_ms = PQgetisnull(r, i, 5) ? UINT64_MAX :
	    strtoull(PQgetvalue(r, i, 5), NULL, 10);
}

static void
take_outgoing(const PGresult *r, int i, struct store_pair *pair)
{
	snprintf(pair->name, sizeof(pair->name), "%s", PQgetvalue(r, i, 0));
	pair->outgoing = pair->enabled = true;
	pair->running = PQgetvalue(r, i, 1)[0] == 't';
	snprintf(pair->wal_status, sizeof(pair->wal_status), "%s",
	    PQgetvalue(r, i, 2));
	pair->kept_bytes = strtoull(PQgetvalue(r, i, 3), NULL, 10);
	pair->behind_bytes = strtoull(PQgetvalue(r, i, 4), NULL, 10);
	pair->silent_ms = PQgetisnull(r, i, 5) ? UINT64_MAX :
	    strtoull(PQgetvalue(r, i, 5), NULL, 10);
}

static bool
take_rows(PGconn *conn, const char *sql,
    void (*take)(const PGresult *, int, struct store_pair *),
    struct store_pair *pairs, size_t *count, struct err *err)
{
	PGresult *r = PQexec(conn, sql);
	bool good = PQresultStatus(r) == PGRES_TUPLES_OK;
	char words[256];

	for (int i = 0; good && i < PQntuples(r) &&
	    *count < STORE_PAIRS_MAX; i++) {
		pairs[*count] = (struct store_pair){ .outgoing = false };
		take(r, i, &pairs[(*count)++]);
	}
	if (!good)
		err_set(err, "%s", pg_words(conn, words));
	PQclear(r);
	return good;
}

bool
store_postgres_status(const char *admin, const char *here,
    struct store_pair pairs[STORE_PAIRS_MAX], size_t *count, struct err *err)
{
	PGconn *conn = pg_admin_connect(admin, err);
	bool good;

	*count = 0;
	if (conn == NULL)
		return false;
	good = pg_server_is_good(conn, here, err) && take_rows(conn,
	    "select s.subname, s.subenabled, bool_or(a.pid is not null),"
	    " (select count(*) from pg_subscription_rel r where r.srsubid ="
	    " s.oid and r.srsubstate <> 'r'), max(e.apply_error_count +"
	    " e.sync_error_count), (extract(epoch from now() -"
	    " max(a.last_msg_receipt_time)) * 1000)::bigint from"
	    " pg_subscription s left join pg_stat_subscription a on a.subid ="
	    " s.oid and a.relid is null left join pg_stat_subscription_stats"
	    " e on e.subid = s.oid where s.subdbid = (select oid from"
	    " pg_database where datname = current_database()) group by s.oid,"
	    " s.subname, s.subenabled order by 1", take_incoming, pairs,
	    count, err) && take_rows(conn,
	    "select s.slot_name, s.active, coalesce(s.wal_status, 'none'),"
	    " coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), s.restart_lsn),"
	    " 0)::bigint, coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(),"
	    " s.confirmed_flush_lsn), 0)::bigint, (extract(epoch from now() -"
	    " r.reply_time) * 1000)::bigint from pg_replication_slots s left"
	    " join pg_stat_replication r on r.pid = s.active_pid where"
	    " s.database = current_database() and s.slot_name not like"
	    " 'pg\\_%\\_sync\\_%' order by 1", take_outgoing, pairs, count,
	    err);
	PQfinish(conn);
	return good;
}

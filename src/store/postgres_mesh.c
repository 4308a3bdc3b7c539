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
#include <unistd.h>

#include "base/buf.h"
#include "store/postgres_admin.h"

/* --- names --------------------------------------------------------------------- */

struct names {
	char		 subscription[2 * STORE_HOME_MAX + 8];	/* gb_from_us */
	/* The same; for the database of a set gb_from_eu_in_eu_gb: slots are of
	 * the server. */
	char		 slot[2 * STORE_HOME_MAX + STORE_SET_NAME + 12];
	char		 publication[2 * STORE_HOME_MAX + 8];	/* us_to_gb */
	char		 suffix[STORE_SET_NAME + 8];	/* of the database */
	const char	*here, *other;
};

enum {
	SLOT_WITHIN_S = 4, SLOT_WITHIN_MOST_S = 256,
	SLOT_PAUSE_US = 500000,
};

static void
lower(char *text)
{
	for (; *text != '\0'; text++)
		*text = (char)tolower((unsigned char)*text);
}

/* suffix: that of the database, flow.suffix(). */
static struct names
names_of(const char *follower, const char *followed, const char *suffix)
{
	struct names n = { .here = follower, .other = followed };

	snprintf(n.subscription, sizeof(n.subscription), "%s_from_%s", follower,
	    followed);
	snprintf(n.publication, sizeof(n.publication), "%s_to_%s", followed,
	    follower);
	snprintf(n.suffix, sizeof(n.suffix), "%s", suffix);
	lower(n.subscription);
	snprintf(n.slot, sizeof(n.slot), "%s%s", n.subscription, suffix);
	lower(n.publication);
	return n;
}

/* --- what there is ----------------------------------------------------------------- */

enum there {
	THERE_NOT,
	THERE_STUB,	/* made to take away a slot, and left */
	THERE_BEGUN,	/* nothing was copied yet, and nothing will be */
	THERE_WHOLE,
};

/* Adding may have been interrupted anywhere; what it left says where. */
static bool
look(PGconn *conn, const struct names *n, enum there *there, struct err *err)
{
	char sql[480], text[16];

	snprintf(sql, sizeof(sql), "select case when s.oid is null then 0 "
	    "when s.subenabled then 3 when count(r.srrelid) = 0 then 1 when "
	    "bool_and(r.srsubstate = 'i') then 2 else 3 end from (select '%s'"
	    "::name as name) w left join pg_subscription s on s.subname = "
	    "w.name and s.subdbid = (select oid from pg_database where "
	    "datname = current_database()) left join pg_subscription_rel r on "
	    "r.srsubid = s.oid group by s.oid, s.subenabled",
	    n->subscription);
	if (!pg_admin_ask(conn, sql, text, sizeof(text), err))
		return false;
	*there = (enum there)strtoul(text, NULL, 10);
	return true;
}

static bool
ask_suffix(PGconn *conn, char suffix[STORE_SET_NAME + 8], struct err *err)
{
	return pg_admin_ask(conn, "select flow.suffix()", suffix,
	    STORE_SET_NAME + 8, err);
}

/* Messages are looked into below. */
static PGconn *
connect_as(const char *admin, const char *here, const char *region,
    struct names *n, struct err *err)
{
	PGconn *conn = pg_admin_connect(admin, err);

	if (conn != NULL && pg_server_is_good(conn, here, err) &&
	    ask_suffix(conn, n->suffix, err) &&
	    pg_admin_execute(conn, "set lc_messages = 'C'; "
	    "set lock_timeout = '10s'", err)) {
		*n = names_of(here, region, n->suffix);
		return conn;
	}
	PQfinish(conn);
	return NULL;
}

/* --- end ------------------------------------------------------------------------------ */

/* Only here; what the other keeps for it stays. */
static bool
drop_alone(PGconn *conn, const struct names *n, struct err *err)
{
	char sql[320];

	snprintf(sql, sizeof(sql), "begin; alter subscription %s disable; "
	    "alter subscription %s set (slot_name = none); drop subscription "
	    "%s; commit", n->subscription, n->subscription, n->subscription);
	if (pg_admin_execute(conn, sql, err))
		return true;
	pg_admin_execute(conn, "rollback", &(struct err){ 0 });
	return false;
}

/* With its slot at the other.  That there is none (any more) is as good. */
static bool
drop_whole(PGconn *conn, const struct names *n, struct err *err)
{
	char sql[160];

	snprintf(sql, sizeof(sql), "drop subscription %s", n->subscription);
	return pg_admin_execute(conn, sql, err) ||
	    (strstr(err->text, "could not drop replication slot") != NULL &&
	    drop_alone(conn, n, err));
}

/* That the other, which is gone for good, held here; a network that was cut
 * may not have told yet that it went. */
static bool
drop_their_slot(PGconn *conn, const struct names *n, struct err *err)
{
	struct names theirs = names_of(n->other, n->here, n->suffix);
	char sql[240], role[STORE_HOME_MAX];

	snprintf(role, sizeof(role), "%s", n->other);
	lower(role);
	snprintf(sql, sizeof(sql), "select pg_terminate_backend(pid, 5000) "
	    "from pg_stat_activity where backend_type = 'walsender' and "
	    "usename = 'repl_%s' and datname = current_database()", role);
	if (!pg_admin_execute(conn, sql, err))
		return false;
	snprintf(sql, sizeof(sql), "select pg_drop_replication_slot(slot_name)"
	    " from pg_replication_slots where slot_name = '%s' and database ="
	    " current_database()", theirs.slot);
	return pg_admin_execute(conn, sql, err);
}

bool
store_postgres_unsubscribe(const char *admin, const char *here,
    const char *region, bool forget, struct err *err)
{
	struct names n = { .here = here };
	PGconn *conn = connect_as(admin, here, region, &n, err);
	enum there there;
	bool good;

	if (conn == NULL)
		return false;
	good = look(conn, &n, &there, err);
	if (good && there == THERE_NOT && !forget)
		good = err_set(err, "region %s is not subscribed to region %s",
		    here, region);
	else if (good && there != THERE_NOT)
		good = forget ? drop_alone(conn, &n, err) :
		    drop_whole(conn, &n, err);
	good = good && (!forget || drop_their_slot(conn, &n, err));
	PQfinish(conn);
	return good;
}

/* --- begin ---------------------------------------------------------------------------- */

/* before, the conninfo, after. */
static bool
execute_with(PGconn *conn, const char *before, const char *conninfo,
    const char *after, struct err *err)
{
	char *literal = PQescapeLiteral(conn, conninfo, strlen(conninfo));
	struct buf sql = { 0 };
	bool good;

	if (literal == NULL)
		return err_set(err, "the conninfo is not UTF-8");
	buf_printf(&sql, "%s %s %s", before, literal, after);
	PQfreemem(literal);
	good = pg_admin_execute(conn, buf_cstr(&sql), err);
	buf_fini(&sql);
	return good;
}

/* Whoever was interrupted between making a slot there and the subscription
 * here left a slot that keeps the other's log, and is in the way.  This server
 * alone is sure to reach the other: so it is given a subscription that has
 * that slot, and told to end it. */
static bool
clear_slot(PGconn *conn, const struct names *n, const char *from,
    struct err *err)
{
	char before[120], after[160];

	snprintf(before, sizeof(before), "create subscription %s connection",
	    n->subscription);
	snprintf(after, sizeof(after), "publication %s with (connect = false, "
	    "slot_name = '%s')", n->publication, n->slot);
	if (!execute_with(conn, before, from, after, err))
		return false;
	if (drop_whole(conn, n, err))
		return true;
	drop_alone(conn, n, &(struct err){ 0 });
	return false;
}

static bool
try_create(PGconn *conn, const struct names *n, const char *from,
    bool is_main, struct err *err)
{
	char before[120], after[320];

	snprintf(before, sizeof(before), "create subscription %s connection",
	    n->subscription);
	snprintf(after, sizeof(after), "publication %s%s with (binary = true, "
	    "streaming = false, slot_name = '%s', synchronous_commit = local, "
	    "enabled = false)", n->publication, is_main ? ", pub_meta" : "",
	    n->slot);
	return clear_slot(conn, n, from, err) &&
	    execute_with(conn, before, from, after, err);
}

/*
 * A slot is made when all transactions that run there have ended, and making
 * it is part of one here: two regions that subscribe to each other at the same
 * moment would wait for each other forever.  So of any two, the one whose id
 * comes later gives up after a while, and tries again.
 */
static bool
create(PGconn *conn, const struct names *n, const char *from, bool is_main,
    struct err *err)
{
	bool yields = strcmp(n->here, n->other) > 0, done;
	char limit[64];

	for (unsigned s = SLOT_WITHIN_S;; s *= 2) {
		snprintf(limit, sizeof(limit), "set statement_timeout = '%us'",
		    yields ? s : 0);
		if (!pg_admin_execute(conn, limit, err))
			return false;
		done = try_create(conn, n, from, is_main, err);
		if (done || s >= SLOT_WITHIN_MOST_S ||
		    strstr(err->text, "statement timeout") == NULL)
			break;
		usleep(SLOT_PAUSE_US + arc4random_uniform(SLOT_PAUSE_US));
	}
	return pg_admin_execute(conn, "set statement_timeout = 0",
	    done ? err : &(struct err){ 0 }) && done;
}

/*
 * Which tables a subscription writes is said by whoever publishes, and read
 * once, when it is made; and what comes is written with a superuser's rights.
 * So another region could name any table here, this region's own states among
 * them.  *tables: those that are not its to write; "" where all is well.
 */
static bool
strange_tables(PGconn *conn, const struct names *n, bool is_main,
    char *tables, size_t cap, struct err *err)
{
	char sql[640], own[STORE_HOME_MAX];

	snprintf(own, sizeof(own), "%s", n->other);
	lower(own);
	snprintf(sql, sizeof(sql), "select coalesce(string_agg(r.srrelid::"
	    "regclass::text, ', ' order by 1), '') from pg_subscription_rel r "
	    "join pg_subscription s on s.oid = r.srsubid left join pg_class c "
	    "on c.oid = r.srrelid left join pg_namespace m on m.oid = "
	    "c.relnamespace where s.subname = '%s' and s.subdbid = (select oid "
	    "from pg_database where datname = current_database()) and not "
	    "coalesce(m.nspname = 'flow' and c.relname in ('state_%s'%s), "
	    "false)", n->subscription, own, is_main ? ", 'meta', 'meta_rev'" :
	    "");
	return pg_admin_ask(conn, sql, tables, cap, err);
}

/* Else it ends, before anything was copied if it is new. */
static bool
is_as_agreed(PGconn *conn, const struct names *n, bool is_main,
    struct err *err)
{
	char tables[160], sql[160];

	if (!strange_tables(conn, n, is_main, tables, sizeof(tables), err))
		return false;
	if (tables[0] == '\0')
		return true;
	snprintf(sql, sizeof(sql), "alter subscription %s disable",
	    n->subscription);
	if (!pg_admin_execute(conn, sql, err) || !drop_whole(conn, n, err))
		return err_wrap(err, "region %s would write %s here, which is "
		    "not its to write, and the subscription could not be "
		    "dropped", n->other, tables);
	return err_set(err, "region %s would write %s here, which is not its "
	    "to write: somebody changed the publication %s there; the "
	    "subscription has ended", n->other, tables, n->publication);
}

bool
pg_follows_as_agreed(PGconn *conn, const struct store_postgres_config *config,
    struct err *err)
{
	char tables[160], count[16];

	for (size_t i = 0; i < config->nregions; i++) {
		const char *region = config->regions[i].id;
		struct names n = names_of(config->home, region, "");

		if (strcmp(region, config->home) == 0)
			continue;
		/* Which of them is the main region is not said here. */
		if (!strange_tables(conn, &n, true, tables, sizeof(tables),
		    err))
			return false;
		if (tables[0] != '\0')
			return err_set(err, "region %s writes %s here, which "
			    "is not its to write: end that with portolan store "
			    "region remove %s, and ask there who changed what "
			    "is published", region, tables, region);
	}
	if (!pg_admin_ask(conn, "select count(*) from pg_subscription_rel r "
	    "where r.srrelid = 'flow.meta'::regclass", count, sizeof(count),
	    err))
		return false;
	return strtoul(count, NULL, 10) <= 1 || err_set(err, "%s regions write "
	    "metadata here, which is the main region's alone: end that with "
	    "portolan store region remove", count);
}

/* The copy of all rows begins, and finds no older ones in its way.  The other
 * server was there a moment ago: what goes here comes from there again. */
static bool
begin_copy(PGconn *conn, const struct names *n, bool is_main, struct err *err)
{
	char sql[320], table[STORE_HOME_MAX];

	snprintf(table, sizeof(table), "%s", n->other);
	lower(table);
	snprintf(sql, sizeof(sql), "begin; truncate flow.state_%s%s; "
	    "alter subscription %s enable; commit", table, is_main ?
	    ", flow.meta, flow.meta_rev" : "", n->subscription);
	if (pg_admin_execute(conn, sql, err))
		return true;
	pg_admin_execute(conn, "rollback", &(struct err){ 0 });
	return false;
}

static bool
change_way(PGconn *conn, const struct names *n, const char *from,
    struct err *err)
{
	char before[120];

	snprintf(before, sizeof(before), "alter subscription %s connection",
	    n->subscription);
	return execute_with(conn, before, from, "", err);
}

static bool
subscribe(PGconn *conn, const struct names *n, bool is_main,
    const char *from, struct err *err)
{
	enum there there;

	if (!look(conn, n, &there, err))
		return false;
	if (there == THERE_STUB && !drop_alone(conn, n, err))
		return false;
	if (there == THERE_WHOLE)
		return is_as_agreed(conn, n, is_main, err) &&
		    change_way(conn, n, from, err);
	if (there == THERE_BEGUN ? !change_way(conn, n, from, err) :
	    !create(conn, n, from, is_main, err))
		return false;
	return is_as_agreed(conn, n, is_main, err) &&
	    begin_copy(conn, n, is_main, err);
}

bool
store_postgres_subscribe(const char *admin, const char *here,
    const char *region, bool is_main, const char *from, struct err *err)
{
	struct names n = { .here = here };
	PGconn *conn = connect_as(admin, here, region, &n, err);
	bool good;

	if (conn == NULL)
		return false;
	good = subscribe(conn, &n, is_main, from, err);
	PQfinish(conn);
	return good;
}

/* --- again ---------------------------------------------------------------------------- */

static bool
way_of(PGconn *conn, const struct names *n, char *from, size_t cap,
    struct err *err)
{
	char sql[240];

	snprintf(sql, sizeof(sql), "select subconninfo from pg_subscription "
	    "where subname = '%s' and subdbid = (select oid from "
	    "pg_database where datname = current_database())",
	    n->subscription);
	return pg_admin_ask(conn, sql, from, cap, err) &&
	    (from[0] != '\0' || err_set(err, "there is no subscription %s; "
	    "add it with portolan store region add --from", n->subscription));
}

/* The other must be there before what is known of it goes: the slot is asked
 * for first. */
bool
store_postgres_repair(const char *admin, const char *here, const char *region,
    bool is_main, struct err *err)
{
	struct names n = { .here = here };
	PGconn *conn = connect_as(admin, here, region, &n, err);
	char from[1024];
	bool good;

	if (conn == NULL)
		return false;
	good = way_of(conn, &n, from, sizeof(from), err) &&
	    drop_whole(conn, &n, err) &&
	    (subscribe(conn, &n, is_main, from, err) ||
	    err_wrap(err, "the subscription has ended; begin it again with "
	    "portolan store region add --from"));
	PQfinish(conn);
	return good;
}

/* --- status ------------------------------------------------------------------------ */

static bool
ask_pairs(PGconn *conn, const struct store_postgres_config *config,
    struct store_pair *pairs, size_t *count, struct err *err)
{
	struct buf others = { 0 };
	const char *value;
	PGresult *r;

	for (size_t i = 0; i < config->nregions; i++)
		if (strcmp(config->regions[i].id, config->home) != 0)
			buf_printf(&others, "%s%s", others.len > 0 ? "," : "",
			    config->regions[i].id);
	value = buf_cstr(&others);
	r = pg_rows(conn, PQexecParams(conn, PG_PAIRS_SQL, 1, NULL, &value,
	    NULL, NULL, 1), err);
	for (int i = 0; i < PQntuples(r) && i < STORE_PAIRS_MAX; i++)
		if (!PQgetisnull(r, i, 1))
			pg_take_pair(r, i, &pairs[(*count)++]);
	PQclear(r);
	buf_fini(&others);
	return r != NULL;
}

bool
store_postgres_status(const char *conninfo,
    const struct store_postgres_config *config,
    struct store_pair pairs[STORE_PAIRS_MAX], size_t *count, struct err *err)
{
	PGconn *conn = pg_admin_connect(conninfo, err);
	bool good;

	*count = 0;
	if (conn == NULL)
		return false;
	good = pg_server_is_good(conn, config->home, err) &&
	    ask_pairs(conn, config, pairs, count, err);
	PQfinish(conn);
	return good;
}

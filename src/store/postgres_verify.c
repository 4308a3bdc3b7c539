/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Whether the other regions have of this region's states what they may have,
 * and nothing else.  Both sides are read in the order of their ids and laid
 * beside each other; what differs may just be under way, so it is looked at
 * again for a while, and what is left then is told.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "policy/guid.h"
#include "store/postgres_admin.h"

enum {
	PAGE = 5000,
	FOUND_MAX = 10000,		/* looked at again */
	AGAIN = 1000,			/* of them at a time */
	PAUSE_US = 200000,
};

/* What a copy may be that is not as it should be. */
enum fault { FAULT_NONE, FAULT_OUTSIDE, FAULT_LEFT, FAULT_MISSING, FAULT_OLD };

struct seen {
	uint8_t		 id[16];
	store_regions	 allowed;
	int64_t		 epoch, version;
};

struct found {
	uint8_t		 id[16];
	enum fault	 fault;
};

struct reader {
	PGconn		*conn;
	const char	*table;		/* "state_gb" */
	const char	*ids;		/* "{...}": these alone; NULL: all */
	PGresult	*page;
	int		 at;
	bool		 last;		/* page */
	uint8_t		 after[16];
};

struct comparison {
	struct reader	 home, peer;
	store_regions	 bit;		/* the peer's */
	struct found	*found;
	size_t		 nfound;
	bool		 more;		/* than are kept */
	uint64_t	 copies;
	struct err	*err;
};

/* --- reading ------------------------------------------------------------------------ */

static bool
next_page(struct reader *r, struct err *err)
{
	struct pg_params p = { .count = 0 };
	char sql[240];

	snprintf(sql, sizeof(sql), "select id, allowed, epoch, version from "
	    "flow.%s where %s order by id limit %d", r->table, r->ids != NULL ?
	    "id = any (($1::text)::uuid[])" : "id > $1::uuid", PAGE);
	if (r->ids != NULL)
		pg_add_text(&p, r->ids);
	else
		pg_add_id(&p, r->after);
	PQclear(r->page);
	r->page = pg_rows(r->conn, PQexecParams(r->conn, sql, p.count, NULL,
	    p.values, p.lengths, p.formats, 1), err);
	if (r->page == NULL)
		return false;
	r->at = 0;
	r->last = r->ids != NULL || PQntuples(r->page) < PAGE;
	if (PQntuples(r->page) > 0)
		pg_id(r->page, PQntuples(r->page) - 1, 0, r->after);
	return true;
}

/* *there: whether there is a row that was not taken yet. */
static bool
peek(struct reader *r, struct seen *row, bool *there, struct err *err)
{
	if (r->page == NULL || (r->at == PQntuples(r->page) && !r->last))
		if (!next_page(r, err))
			return false;
	*there = r->at < PQntuples(r->page);
	if (!*there)
		return true;
	pg_id(r->page, r->at, 0, row->id);
	row->allowed = (store_regions)pg_number(r->page, r->at, 1);
	row->epoch = pg_number(r->page, r->at, 2);
	row->version = pg_number(r->page, r->at, 3);
	return true;
}

static void
rewind_to(struct reader *r, const char *ids)
{
	PQclear(r->page);
	r->page = NULL;
	r->ids = ids;
	memset(r->after, 0, sizeof(r->after));
}

/* --- comparing ----------------------------------------------------------------------- */

static enum fault
judge(const struct seen *home, const struct seen *peer, store_regions bit)
{
	bool may = home != NULL && (home->allowed & bit) != 0;

	if (peer == NULL)
		return may ? FAULT_MISSING : FAULT_NONE;
	if (home == NULL)
		return FAULT_LEFT;
	if (!may)
		return FAULT_OUTSIDE;
	return home->epoch == peer->epoch && home->version == peer->version &&
	    home->allowed == peer->allowed ? FAULT_NONE : FAULT_OLD;
}

static void
note(struct comparison *c, const uint8_t id[16], enum fault fault)
{
	if (fault == FAULT_NONE)
		return;
	if (c->nfound == FOUND_MAX) {
		c->more = true;
		return;
	}
	memcpy(c->found[c->nfound].id, id, 16);
	c->found[c->nfound++].fault = fault;
}

/* One id of either side, or of both. */
static bool
compare_next(struct comparison *c, bool *more)
{
	struct seen home, peer;
	bool at_home, at_peer;
	int order;

	if (!peek(&c->home, &home, &at_home, c->err) ||
	    !peek(&c->peer, &peer, &at_peer, c->err))
		return false;
	*more = at_home || at_peer;
	if (!*more)
		return true;
	order = !at_home ? 1 : !at_peer ? -1 : memcmp(home.id, peer.id, 16);
	note(c, order > 0 ? peer.id : home.id, judge(order <= 0 ? &home :
	    NULL, order >= 0 ? &peer : NULL, c->bit));
	c->home.at += order <= 0;
	c->peer.at += order >= 0;
	c->copies += order >= 0 && c->peer.ids == NULL;
	return true;
}

static bool
compare(struct comparison *c, const char *ids)
{
	bool more = true;

	rewind_to(&c->home, ids);
	rewind_to(&c->peer, ids);
	while (more)
		if (!compare_next(c, &more))
			return false;
	return true;
}

/* Those that were found, some at a time; those that are right by now go. */
static bool
compare_again(struct comparison *c)
{
	struct found *old = c->found;
	size_t count = c->nfound;
	bool good = true;

	c->found = xcalloc(FOUND_MAX, sizeof(*c->found));
	c->nfound = 0;
	for (size_t from = 0; good && from < count; from += AGAIN) {
		struct buf ids = { 0 };
		char text[GUID_TEXT];

		for (size_t i = from; i < count && i < from + AGAIN; i++)
			buf_printf(&ids, "%c%s", i == from ? '{' : ',',
			    guid_text(old[i].id, text));
		buf_char(&ids, '}');
		good = compare(c, buf_cstr(&ids));
		buf_fini(&ids);
	}
	free(old);
	return good;
}

static void
report(const struct comparison *c, struct store_verdict *v)
{
	v->copies = c->copies;
	v->more = c->more;
	for (size_t i = 0; i < c->nfound; i++) {
		const struct found *f = &c->found[i];

		v->outside += f->fault == FAULT_OUTSIDE;
		v->left += f->fault == FAULT_LEFT;
		v->missing += f->fault == FAULT_MISSING;
		v->old += f->fault == FAULT_OLD;
		if (v->nexamples < STORE_EXAMPLES_MAX &&
		    f->fault == FAULT_OUTSIDE)
			memcpy(v->examples[v->nexamples++], f->id, 16);
	}
	v->asked = true;
}

static bool
verify(struct comparison *c, unsigned wait_s, struct store_verdict *v)
{
	uint64_t until_ms = clock_ms() + wait_s * 1000ull;

	if (!compare(c, NULL))
		return false;
	while (c->nfound > 0 && clock_ms() < until_ms) {
		usleep(PAUSE_US);
		if (!compare_again(c))
			return false;
	}
	report(c, v);
	return true;
}

/* --- one after the other --------------------------------------------------------- */

static const char *
table_of(const char *home, char table[STORE_HOME_MAX + 8])
{
	size_t len = (size_t)snprintf(table, STORE_HOME_MAX + 8, "state_%s",
	    home);

	for (size_t i = 0; i < len; i++)
		if (table[i] >= 'A' && table[i] <= 'Z')
			table[i] = (char)(table[i] | 0x20);
	return table;
}

static bool
verify_peer(PGconn *home, const struct store_postgres_config *config,
    const struct store_region *region, unsigned wait_s,
    struct store_verdict *v, struct err *err)
{
	char table[STORE_HOME_MAX + 8];
	struct comparison c = { .err = err,
		.bit = (store_regions)1 << region->number };
	PGconn *peer;
	bool good;

	if (region->conninfo == NULL)
		return err_set(err, "store.peers says no way to its server");
	peer = pg_admin_connect(region->conninfo, err);
	if (peer == NULL)
		return false;
	table_of(config->home, table);
	c.home = (struct reader){ .conn = home, .table = table };
	c.peer = (struct reader){ .conn = peer, .table = table };
	c.found = xcalloc(FOUND_MAX, sizeof(*c.found));
	good = pg_server_is_good(peer, region->id, err) &&
	    pg_set_is_good(peer, config->set, err) && verify(&c, wait_s, v);
	free(c.found);
	PQclear(c.home.page);
	PQclear(c.peer.page);
	PQfinish(peer);
	return good;
}

bool
store_postgres_verify(const struct store_postgres_config *config,
    unsigned wait_s, struct store_verdict verdicts[STORE_REGIONS_MAX],
    size_t *count, struct err *err)
{
	PGconn *home = NULL;
	bool good;

	*count = 0;
	for (size_t i = 0; i < config->nregions; i++)
		if (strcmp(config->regions[i].id, config->home) == 0)
			home = pg_admin_connect(config->regions[i].conninfo,
			    err);
	good = home != NULL && pg_server_is_good(home, config->home, err) &&
	    pg_set_is_good(home, config->set, err);
	for (size_t i = 0; good && i < config->nregions; i++) {
		struct store_verdict *v = &verdicts[*count];
		struct err why = { 0 };

		if (strcmp(config->regions[i].id, config->home) == 0)
			continue;
		*v = (struct store_verdict){ .region = config->regions[i].id,
		    .set = config->set };
		if (!verify_peer(home, config, &config->regions[i], wait_s, v,
		    &why))
			snprintf(v->trouble, sizeof(v->trouble), "%.255s",
			    why.text);
		(*count)++;
	}
	PQfinish(home);
	return good;
}

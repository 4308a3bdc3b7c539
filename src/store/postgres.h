/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The store of a region on PostgreSQL 15 or later: one server (or what passes
 * for one) a region, joined to the others' by its own logical replication.
 *
 * Each region writes the states whose home it is; of the others it has a copy,
 * unless an execution restriction keeps it out.  What is asked of a state that
 * is at home elsewhere is asked there; who saves it brings it home to his own
 * region, unless it moved too often of late.
 */
#ifndef STORE_POSTGRES_H
#define STORE_POSTGRES_H

#include "base/arena.h"
#include "store/pair.h"
#include "store/store.h"

enum { STORE_NAMES_MAX = 260, STORE_SETS_MAX = 16, STORE_SET_NAME = 24 };

struct store_region {
	const char	*id;		/* "GB" */
	unsigned	 number;	/* its bit in allowed; below 63 */
	/* How it is reached: libpq's "key=value ..." or URI; NULL for a region
	 * whose states this one cannot ask for.  Use hostaddr= or an address:
	 * names are looked up with each new connection. */
	const char	*conninfo;
	/* Lost, until it is taken back: its states become these regions', each
	 * the first's that lives and may have it: "EU,AU".  "": not lost. */
	char		 successors[STORE_NAMES_MAX];
};

struct store_postgres_config {
	const char	*home;		/* one of the regions */
	const struct store_region *regions;
	size_t		 nregions;
	/* Of a database for some regions: its set's name, "eu_gb", and its own;
	 * regions are those of the set.  NULL: the one for all regions. */
	const char	*set, *database;
	unsigned	 port;		/* of a server of its own; 0: none */
	/* Of the one for all regions: the others that this region has.  A state
	 * that not all regions may have is in the database of its set, if there
	 * is none in that of the largest set within, in the end in that of this
	 * region alone, which has to be there. */
	const struct store_postgres_config *sets;
	size_t		 nsets;
};

/*
 * Always succeeds at once: until the server is there and its schema is good,
 * calls are answered STORE_UNAVAILABLE and health() says why.  The
 * configuration is copied.  All else below is about one database, whatever
 * sets says.
 */
struct store *store_postgres_open(struct loop *loop,
    const struct store_postgres_config *config);

/* Where such a state belongs in a region's databases: 0, that for all regions,
 * or the number of one of sets, from 1. */
size_t store_postgres_place(const struct store_postgres_config *config,
    store_regions allowed);

/* conninfo (libpq's, of either form), for the database of set: of that server,
 * or of one beside it; NULL with *err if it is none. */
const char *store_postgres_conninfo(struct arena *arena, const char *conninfo,
    const struct store_postgres_config *set, struct err *err);

/* The same regions and sets, of which others may be lost now. */
void store_postgres_lost(struct store *store,
    const struct store_postgres_config *config);

/*
 * For `portolan store`; all block.  admin: the conninfo of a superuser in the
 * region's database, which is there and empty.
 *
 * init makes the schema and the role flow_engine if they are not there, brings
 * an older schema up to date, and adds the regions that are new.  is_main:
 * metadata is written here.
 */
bool store_postgres_init(const char *admin,
    const struct store_postgres_config *config, bool is_main,
    struct err *err);

/*
 * Leads an older schema to this program's, version by version, each whole or
 * not at all; a newer one is refused.  *done is what there was and what there
 * is, also after a failure; begun again it goes on.  Engines work meanwhile.
 */
struct store_migration {
	unsigned	 from, to;
};

bool store_postgres_migrate(const char *admin,
    const struct store_postgres_config *config, bool is_main,
    struct store_migration *done, struct err *err);

/* Whether an engine could work with it; *err says what is missing, and what to
 * do.  replicates: and replication, too. */
bool store_postgres_check(const char *conninfo,
    const struct store_postgres_config *config, bool replicates,
    struct err *err);

/*
 * The region's server subscribes to another region's: it gets what that one
 * publishes for it, all that is there first; copies of an earlier time go
 * before.  from: conninfo by which the server, not we, reaches the other, as
 * the role repl_HERE.  Whatever interrupted it, doing it again ends it; when
 * all is done, that changes from alone.
 */
bool store_postgres_subscribe(const char *admin, const char *here,
    const char *region, bool is_main, const char *from, struct err *err);
/* With what the other keeps for it.  forget: without telling the other, which
 * is not there any more, and with what it kept here. */
bool store_postgres_unsubscribe(const char *admin, const char *here,
    const char *region, bool forget, struct err *err);
/* Ends and begins it, by the same way: after a slot was lost, say. */
bool store_postgres_repair(const char *admin, const char *here,
    const char *region, bool is_main, struct err *err);

/*
 * Slots at the region's server which initial copies left, that of region gone
 * (or NULL) among them; asks the others by their conninfos whether they come
 * for one.  drops: those that nobody comes for are dropped, which needs a
 * superuser.
 */
enum { STORE_ORPHANS_MAX = 64, STORE_ORPHAN_TEXT = 400 };

struct store_orphan {
	char		 name[64];
	uint64_t	 kept_bytes;	/* of the log */
	bool		 is_left;	/* for sure; else not all could be asked */
	bool		 is_used;	/* never, in what is answered */
};

struct store_orphans {
	struct store_orphan list[STORE_ORPHANS_MAX];
	size_t		 count;
};

bool store_postgres_orphans(const char *conninfo,
    const struct store_postgres_config *config, const char *gone,
    bool drops, struct store_orphans *orphans, struct err *err);
/* What it is and what to do, one clause. */
const char *store_orphan_trouble(const struct store_orphan *orphan,
    char text[STORE_ORPHAN_TEXT]);

/* Of this region's states, at another. */
enum { STORE_EXAMPLES_MAX = 10 };

struct store_verdict {
	const char	*region, *set;	/* of the configuration; set may be
					   NULL */
	bool		 asked;		/* else trouble says why not */
	bool		 more;		/* than these: it was too much to count */
	uint64_t	 copies;
	uint64_t	 outside;	/* there, and may not be */
	uint64_t	 left;		/* there, and ended here */
	uint64_t	 missing, old;
	uint8_t		 examples[STORE_EXAMPLES_MAX][16];	/* of outside */
	size_t		 nexamples;
	char		 trouble[256];
};

/* Asks all others by their conninfos; what differs has wait_s to come right. */
bool store_postgres_verify(const struct store_postgres_config *config,
    unsigned wait_s, struct store_verdict verdicts[STORE_REGIONS_MAX],
    size_t *count, struct err *err);

/* Both ways for each other region of the map.  conninfo: an engine's will do. */
bool store_postgres_status(const char *conninfo,
    const struct store_postgres_config *config,
    struct store_pair pairs[STORE_PAIRS_MAX], size_t *count, struct err *err);

#endif

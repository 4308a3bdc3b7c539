/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Where states and build-time metadata live.  One row a state: its place in
 * the world (home region, tenant, flow, the regions that may hold it), a
 * token that a save must name, and a body that only the engine reads.
 *
 * One loop, nothing blocks.  Every call takes what it needs by pointer; the
 * bytes must stay until the callback, which comes exactly once, on the loop's
 * thread and never from inside the call.  Bytes handed to a callback are good
 * until it returns.  Whoever runs on a fiber uses store/await.h instead.
 *
 * STORE_OK of a write means: it is on the region's disk.  Nothing that was
 * answered so is lost by a crash of the process or of the machine.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "net/loop.h"

enum { STORE_BODY_MAX = 16 * 1024 * 1024, STORE_LIST_MAX = 500,
    STORE_HOME_MAX = 16, STORE_KEY_MAX = 200 };

/* Bit per region number (region_map.h), never reused; all: unrestricted, also
 * for regions that do not exist yet. */
typedef uint64_t store_regions;
#define STORE_ALL_REGIONS UINT64_MAX
/* The one bit that no region has: nobody may hold it. */
#define STORE_NO_REGIONS (UINT64_C(1) << 63)

enum store_end {
	STORE_OK,
	STORE_NOT_FOUND,	/* nowhere that this region may look, or expired */
	STORE_CONFLICT,		/* the token is not the current one: load again
				   (row, where there is one: the current token) */
	STORE_MOVING,		/* changes its home: repeat shortly */
	STORE_ELSEWHERE,	/* this region may not hold or process it; row->allowed
				   says who may.  Nothing was sent anywhere */
	STORE_TOO_BIG,		/* body over the limit */
	STORE_UNAVAILABLE,	/* certainly not done: down, busy, full, broken */
	STORE_UNKNOWN,		/* no answer: may have been done.  Repeat with the
				   same op id */
};

const char *store_end_name(enum store_end end);

/* "epoch.version": both must match on a save; a change of home begins a new
 * epoch.  0.0 for remove() and restrict_to(): whatever it is. */
struct store_token {
	uint32_t	 epoch;
	uint64_t	 version;
};

struct store_row {
	uint8_t		 id[16], tenant[16], flow[16];
	char		 home[STORE_HOME_MAX];	/* written by the store */
	store_regions	 allowed;
	struct store_token token;
	uint8_t		 op[16];	/* of the last write: a repeated write with the
				   same op is recognised, and OK; all zero:
				   never the same */
	int64_t		 created_ms, updated_ms;	/* since 1970 */
	int64_t		 expires_ms;	/* 0: never */
	bool		 done;		/* the flow has ended */
	bool		 stays;		/* changed its home too often of late */
	uint8_t		 database;	/* which of the store's, for itself; 0:
					   not known */
	struct slice	 body;		/* empty in answers to writes and in lists */
};

/* row is NULL unless there is one to tell of. */
typedef void store_row_fn(void *arg, enum store_end end,
    const struct store_row *row);
/* next: where the list goes on, "" at its end. */
typedef void store_list_fn(void *arg, enum store_end end,
    const struct store_row *rows, size_t count, const char *next);
typedef void store_count_fn(void *arg, enum store_end end, uint64_t count);

struct store_query {
	const uint8_t	*tenant;	/* 16 bytes */
	const uint8_t	*flow;		/* 16 bytes, or NULL: all flows */
	const char	*cursor;	/* next of the page before; NULL: the first */
	unsigned	 limit;		/* at most STORE_LIST_MAX */
};

/*
 * Build-time metadata: small documents by kind and key, written in the main
 * region alone, each change with the next revision, in commit order.  A
 * deleted one stays, without body, so that who follows hears of it.
 */
struct store_doc {
	char		 kind[32];
	char		 key[STORE_KEY_MAX];
	uint64_t	 revision;	/* of its last change; 0: there is none */
	bool		 deleted;
	struct slice	 body;
};

typedef void store_doc_fn(void *arg, enum store_end end,
    const struct store_doc *doc);
/* In order of revision; newest is that of the whole store. */
typedef void store_docs_fn(void *arg, enum store_end end,
    const struct store_doc *docs, size_t count, uint64_t newest);

struct store_pair;

/* What is known without asking anybody. */
struct store_health {
	bool		 good;		/* the last write was done */
	bool		 ready;		/* connected, schema known */
	unsigned	 queued;	/* calls that wait */
	uint64_t	 revision;	/* newest of the metadata, as last seen */
	/* States whose home was lost with something that its successor never
	 * saw: portolan store conflicts. */
	uint64_t	 conflicts;
	uint64_t	 claims, forwards;	/* saves of states that were at
					   home elsewhere */
	char		 trouble[256];	/* why not good or not ready */
	char		 warning[256];	/* what is to be mended, though it works */
	/* Where regions replicate (store/pair.h); good until the loop goes on. */
	const struct store_pair *pairs;
	size_t		 npairs;
	uint64_t	 cut;		/* who was cut off, asking for too much */
};

struct store {
	const struct store_ops *ops;
	struct loop	*loop;
	/* Of the regions that may have a state not each can reach where it is:
	 * strays are for any of them to bring. */
	bool		 parted;
	/* Set by who wants to know that states of a lost region are at home here
	 * now, whoever took them over. */
	void		(*taken_over)(void *arg);
	void		*arg;
};

struct store_ops {
	const char	*name;		/* "sqlite", "postgres" */
	/* Answers everything under way first; what is asked meanwhile is
	 * STORE_UNAVAILABLE.  Not from inside a callback of the store's. */
	void		(*close)(struct store *store);
	void		(*create)(struct store *store,
	    const struct store_row *row, store_row_fn *fn, void *arg);
	/*
	 * The home's row, which is never behind: whatever of the state was
	 * acknowledged, to anybody in any region, before it was asked for is
	 * in it, also while the state changes its home.  For no copy answers,
	 * nor a row that is frozen or left behind: each of them only says whom
	 * to ask next.  Where the home cannot be asked there is no row at all.
	 * Only of a region that was lost its successor may never have heard
	 * the last (store/ownership.h).
	 *
	 * permitted: the regions that may have states of its flow;
	 * STORE_ALL_REGIONS also where the flow is not known.  It is looked for
	 * first where none but these, and this one, can write: what another
	 * region puts where it may does not answer for it.
	 */
	void		(*load)(struct store *store, const uint8_t id[16],
	    int64_t now_ms, store_regions permitted, store_row_fn *fn,
	    void *arg);
	void		(*save)(struct store *store,
	    const struct store_row *row, store_row_fn *fn, void *arg);
	/* permitted: as of load(). */
	void		(*remove)(struct store *store, const uint8_t id[16],
	    struct store_token token, store_regions permitted,
	    store_row_fn *fn, void *arg);
	void		(*restrict_to)(struct store *store,
	    const uint8_t id[16], struct store_token token,
	    store_regions allowed, store_row_fn *fn, void *arg);
	/* Of the states of query's flow that are at home here, at most limit
	 * which others than allowed may hold: they are given that set, and
	 * keep their tokens.  Fewer than limit: those were all, but for some
	 * that others were writing just then. */
	void		(*restrict_flow)(struct store *store,
	    const struct store_query *query, store_regions allowed,
	    store_count_fn *fn, void *arg);
	/* States of query's flow which allowed may hold, and not the region
	 * where they are at home; as far as there are copies here.  Whoever may
	 * hold them brings them by restrict_to(). */
	void		(*strays)(struct store *store,
	    const struct store_query *query, store_regions allowed,
	    store_list_fn *fn, void *arg);
	/* The first tenant and flow after these of which there are states here,
	 * or copies of some, as row's tenant and flow. */
	void		(*next_flow)(struct store *store,
	    const uint8_t tenant[16], const uint8_t flow[16],
	    store_row_fn *fn, void *arg);
	/* In order of flow, age and id. */
	void		(*list)(struct store *store,
	    const struct store_query *query, store_list_fn *fn, void *arg);
	void		(*expire)(struct store *store, int64_t now_ms,
	    unsigned limit, store_count_fn *fn, void *arg);
	void		(*doc_get)(struct store *store, const char *kind,
	    const char *key, store_doc_fn *fn, void *arg);
	/* doc->revision: that which it is to replace, 0: it must be new;
	 * UINT64_MAX: whatever there is.  Else STORE_CONFLICT. */
	void		(*doc_put)(struct store *store,
	    const struct store_doc *doc, store_doc_fn *fn, void *arg);
	/* At most limit changes after revision, fewer where they are large, but
	 * at least one if there is any. */
	void		(*docs_since)(struct store *store, uint64_t revision,
	    unsigned limit, store_docs_fn *fn, void *arg);
	/* fn(arg, STORE_OK, newest) whenever others or we have changed
	 * something, within a second; for the life of the store.  What changed
	 * before the call is to be asked for (docs_since) after it. */
	void		(*docs_watch)(struct store *store, store_count_fn *fn,
	    void *arg);
	void		(*health)(struct store *store,
	    struct store_health *health);
};

/*
 * The store in dir, made if it is not there.  home is the region's id: a
 * store belongs to one region for good, and says so if it is another's.
 * NULL with *err if it cannot be had.  Blocks; for a start.
 */
struct store *store_sqlite_open(struct loop *loop, const char *dir,
    const char *home, struct err *err);

void store_close(struct store **store);

#endif

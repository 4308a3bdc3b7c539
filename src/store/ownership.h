/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What became of regions that were lost, for `portolan store`; all block.
 */
#ifndef STORE_OWNERSHIP_H
#define STORE_OWNERSHIP_H

#include "base/arena.h"
#include "base/buf.h"
#include "policy/guid.h"
#include "store/postgres.h"

struct store_standing {
	char		 successor[STORE_NAMES_MAX];	/* given over; or "" */
	uint64_t	 waiting;	/* states that they have still to take */
	uint64_t	 states;	/* at home here */
	uint64_t	 moving;	/* of them, on their way elsewhere */
	uint64_t	 conflicts;
};

/* conninfo: an engine's or an administrator's. */
bool store_postgres_standing(const char *conninfo, const char *here,
    struct store_standing *standing, struct err *err);

/* This region was given over, and is to be one like the others again: not
 * before its successors have taken all that they may.  The regions that live are
 * told; where one cannot be, it is to be done again. */
bool store_postgres_take_back(const char *admin,
    const struct store_postgres_config *config, struct err *err);

/* A state of which this region had saved something that its successor never
 * saw. */
struct store_conflict {
	uint64_t	 number;
	char		 id[GUID_TEXT], tenant[GUID_TEXT], flow[GUID_TEXT];
	struct store_token token;
	int64_t		 updated_ms;
	uint64_t	 bytes;
	/* What the successor had when that was noticed; "": nothing. */
	char		 winner[STORE_HOME_MAX];
	struct store_token winner_token;
	uint64_t	 winner_bytes;
	char		 noted[32];
};

enum { STORE_CONFLICTS_MAX = 1000 };	/* listed at a time, oldest first */

struct store_conflicts {
	struct store_conflict *list;
	size_t		 count;
};

/* number 0: all. */
bool store_postgres_conflicts(struct arena *arena, const char *admin,
    const char *here, uint64_t number, struct store_conflicts *found,
    struct err *err);
/* What either had saved. */
bool store_postgres_conflict_body(const char *admin, const char *here,
    uint64_t number, bool winners, struct buf *body, struct err *err);

/*
 * keep: what this region had saved becomes the state's next version, wherever
 * its home is now; where it has ended everywhere, it is at home here again.
 * drop: the other is right.  Either way the conflict is over.
 */
bool store_postgres_conflict_keep(const char *admin,
    const struct store_postgres_config *config, uint64_t number,
    struct err *err);
bool store_postgres_conflict_drop(const char *admin, const char *here,
    uint64_t number, struct err *err);

#endif

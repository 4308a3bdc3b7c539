/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * How replication between this region and another one stands, one way.  An
 * engine asks its server, edges hear it from engines, people from both: what is
 * wrong with a pair is decided here, once.
 */
#ifndef STORE_PAIR_H
#define STORE_PAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

enum {
	STORE_REGIONS_MAX = 63,
	STORE_PAIRS_MAX = 2 * STORE_REGIONS_MAX,
	STORE_PAIR_NAME = 64,
	STORE_PAIR_TEXT = 320,		/* of store_pair_write(), and of trouble */
	/* A follower that is so far behind is told of. */
	STORE_PAIR_LAG_MS = 60000,
};

#define STORE_PAIR_NEVER UINT64_MAX

/* Of a slot that another region's server holds here (outgoing), or of this
 * region's subscription to another. */
struct store_pair {
	char		 name[STORE_PAIR_NAME];	/* "gb_from_us": GB follows US;
					   "..._in_eu_gb": in the database
					   of that set */
	bool		 outgoing;
	bool		 there;		/* there is a slot, a subscription */
	bool		 enabled, running;
	bool		 failing;	/* errors again and again, of late */
	unsigned	 tables_waiting;	/* not copied whole yet */
	uint64_t	 errors;
	uint64_t	 silent_ms;	/* since the last word; STORE_PAIR_NEVER */
	/* Of a slot: */
	uint64_t	 lag_ms;	/* at least so much behind */
	uint64_t	 behind_bytes;	/* of the log, not confirmed */
	uint64_t	 kept_bytes;	/* of the log, for this slot */
	uint64_t	 room_bytes;	/* until it is lost; STORE_PAIR_NEVER */
	int64_t		 growth;	/* of kept_bytes, in a second */
	char		 wal_status[16];	/* "reserved" ... "lost"; or "" */
};

/* What is wrong, one clause; NULL: nothing. */
const char *store_pair_trouble(const struct store_pair *pair,
    char text[STORE_PAIR_TEXT]);

/* One line of visible characters; what cannot be read is refused. */
void store_pair_write(const struct store_pair *pair, struct buf *out);
bool store_pair_read(struct store_pair *pair, struct slice text);

#endif

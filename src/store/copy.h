/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * A region's store from SQLite to PostgreSQL and back: states, and the
 * documents of build-time metadata, each with its token or revision, so that
 * whoever holds a token goes on with it after the move.
 *
 * Nothing is remembered of how far a copy came: both sides are read in the
 * order of ids, and what the target has already is passed over.  So a copy
 * that was interrupted is begun again, and one that was made while engines
 * worked is repeated when they have stopped; either takes what is missing.
 * Nothing in the target that is newer is written over, nothing that it alone
 * has is taken away unless that is asked for; both are told of.
 *
 * At the end both sides are read whole, and compared row by row.
 */
#ifndef STORE_COPY_H
#define STORE_COPY_H

#include "base/err.h"
#include "store/postgres.h"
#include "store/store.h"

enum { COPY_NAMES = 10, COPY_HASH_TEXT = 65 };

struct store_copy_place {
	bool		 postgres;
	/* A directory, or a conninfo; to be written to, that of a superuser:
	 * an engine may not write metadata by hand. */
	const char	*place;
};

struct store_copy {
	struct store_copy_place from, to;
	const char	*home;		/* the region whose store both are */
	bool		 main;		/* documents are written in it */
	bool		 remove;	/* what the target alone has */
	/* Where the server has databases for sets of regions; else NULL. */
	const struct store_postgres_config *sets;
};

struct store_copied {
	uint64_t	 there;		/* in the source */
	uint64_t	 copied;	/* now */
	uint64_t	 same;		/* copied before */
	uint64_t	 newer;		/* in the target: left as it is */
	uint64_t	 only;		/* in the target alone: left, too ... */
	uint64_t	 removed;	/* ... or not */
};

struct store_copy_report {
	struct store_copied states, docs;
	uint64_t	 bytes;		/* of what was copied */
	uint64_t	 elsewhere;	/* states at home in other regions: theirs */
	uint64_t	 moving;	/* being handed over: left */
	uint64_t	 conflicts;	/* kept by the source for somebody to look
					   at; they stay there */
	bool		 docs_replicated;	/* not copied: they come from the
					   main region */
	/* Of both sides, as they were read at the end. */
	uint64_t	 from_count, to_count;
	char		 from_hash[COPY_HASH_TEXT], to_hash[COPY_HASH_TEXT];
	uint64_t	 differ;	/* rows that are not the same by then */
	char		 names[COPY_NAMES][64];	/* the first of them */
};

/* Whether all there is in the source is in the target now, and nothing else. */
bool store_copy_is_whole(const struct store_copy_report *report);

/* Blocks, for as long as it takes.  False with *err if it could not be done to
 * the end; what was copied until then stays, and counts in *report. */
bool store_copy(const struct store_copy *copy,
    struct store_copy_report *report, struct err *err);

#endif

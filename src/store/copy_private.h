/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * One end of a copy: SQLite or PostgreSQL behind the same calls, which block.
 * Whatever fails says so in *err and ends the copy.
 */
#ifndef STORE_COPY_PRIVATE_H
#define STORE_COPY_PRIVATE_H

#include "base/arena.h"
#include "store/copy.h"

enum {
	COPY_PAGE = 500,		/* heads in memory, of each side */
	COPY_BATCH = 500,		/* rows of one transaction ... */
	COPY_BATCH_BYTES = 4 * 1024 * 1024,	/* ... or so many bytes */
};

/* What is known of a row without reading it. */
struct copy_head {
	uint8_t		 id[16];
	struct store_token token;
	bool		 elsewhere;	/* at home in another region */
	bool		 moving;	/* frozen by a handover */
	/* of a document */
	uint64_t	 revision;
	char		 kind[32], key[STORE_KEY_MAX];
};

/* Where a page begins: the first id, or the first revision. */
struct copy_from {
	uint8_t		 id[16];
	uint64_t	 revision;
};

struct copy_end {
	const struct copy_ops *ops;
};

struct copy_ops {
	void		(*close)(struct copy_end *);
	/* At most COPY_PAGE of them, in the order of ids, from there on. */
	bool		(*states)(struct copy_end *, const struct copy_from *,
	    struct copy_head *, size_t *count, struct err *);
	/* The same of documents, in the order of revisions. */
	bool		(*docs)(struct copy_end *, const struct copy_from *,
	    struct copy_head *, size_t *count, struct err *);
	/* 0: there is none. */
	bool		(*doc_revision)(struct copy_end *, const char *kind,
	    const char *key, uint64_t *revision, struct err *);
	bool		(*newest)(struct copy_end *, uint64_t *revision,
	    struct err *);
	bool		(*conflicts)(struct copy_end *, uint64_t *count,
	    struct err *);
	/* *there: it may be gone since its head was read. */
	bool		(*read_state)(struct copy_end *, struct arena *,
	    const uint8_t id[16], struct store_row *, bool *there,
	    struct err *);
	bool		(*read_doc)(struct copy_end *, struct arena *,
	    const struct copy_head *, struct store_doc *, bool *there,
	    struct err *);

	/* Within begin and commit.  Only over what is older. */
	bool		(*begin)(struct copy_end *, struct err *);
	bool		(*commit)(struct copy_end *, struct err *);
	bool		(*write_state)(struct copy_end *,
	    const struct store_row *, struct err *);
	bool		(*remove_state)(struct copy_end *,
	    const struct copy_head *, struct err *);
	bool		(*write_doc)(struct copy_end *,
	    const struct store_doc *, struct err *);
};

/* NULL with *err.  writes: it is the target. */
struct copy_end *copy_sqlite_open(const char *dir, const char *home,
    bool writes, struct err *err);
/* set: of which the database is; NULL: that for all regions. */
struct copy_end *copy_postgres_open(const char *conninfo, const char *home,
    const char *set, bool writes, struct err *err);
/* That for all regions by conninfo, and config's sets beside it. */
struct copy_end *copy_sets_open(const struct store_postgres_config *config,
    const char *conninfo, bool writes, struct err *err);
/* The state as it was before, which is in another database by now. */
bool copy_postgres_drop_older(struct copy_end *end,
    const struct store_row *row, struct err *err);

static inline void
copy_end_close(struct copy_end **end)
{
	struct copy_end *old = *end;

	*end = NULL;
	if (old != NULL)
		old->ops->close(old);
}

/* copy_verify.c: both sides whole, into the report. */
bool copy_verify(struct copy_end *from, struct copy_end *to,
    struct store_copy_report *report, struct err *err);

/* --- both sides side by side (copy_stream.c) --- */

struct copy_stream {
	struct copy_end	*end;
	bool		 docs;
	bool		 is_from;	/* what is not to be copied is passed over */
	uint64_t	*elsewhere, *moving;	/* and counted, unless NULL */
	struct copy_from from;
	bool		 last;		/* there is no further page */
	size_t		 at, count;
	struct copy_head page[COPY_PAGE];
};

/* Large: on the heap. */
struct copy_stream *copy_stream_new(struct copy_end *end, bool docs,
    bool is_from);
/* *head is NULL at the end; good until the next. */
bool copy_stream_next(struct copy_stream *stream,
    const struct copy_head **head, struct err *err);

/* The next of either: both where they have the same id (or revision), else
 * the one that comes first.  Both NULL at the end. */
struct copy_pair {
	const struct copy_head *from, *to;
};

struct copy_merge {
	struct copy_stream *from, *to;
	struct copy_pair ahead;
	bool		 begun;
};

void copy_merge_init(struct copy_merge *merge, struct copy_end *from,
    struct copy_end *to, bool docs);
void copy_merge_fini(struct copy_merge *merge);
bool copy_merge_next(struct copy_merge *merge, struct copy_pair *pair,
    struct err *err);

#endif

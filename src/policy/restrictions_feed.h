/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What engines tell edges of restrictions: pages of changes, each with the
 * revision to go on from (engine/feed.c writes them).
 */
#ifndef POLICY_RESTRICTIONS_FEED_H
#define POLICY_RESTRICTIONS_FEED_H

#include "policy/restrictions.h"

enum { FEED_EPOCH_TEXT = 40 };

struct json_t;

struct feed_page {
	struct json_t	*json;		/* private */
	char		 epoch[FEED_EPOCH_TEXT];	/* revisions of others do not
						   compare with these */
	uint64_t	 revision;	/* to ask for more with */
	uint64_t	 newest;	/* there is more unless it is revision */
	size_t		 changes;
};

/* False, with nothing to close, if text is no page. */
bool feed_page_open(struct feed_page *page, struct slice text,
    struct err *err);

/* Into the edit; restrictions that cannot be read permit nobody, and are
 * counted.  scratch must live as long as the edit. */
size_t feed_page_apply(const struct feed_page *page,
    struct restrictions_edit *edit, struct arena *scratch);

void feed_page_close(struct feed_page *page);

/* --- the copy on disk (restrictions_copy.c) --- */

/* What stands before the set in a copy. */
struct restrictions_copy {
	char		 epoch[FEED_EPOCH_TEXT];
	uint64_t	 revision;
	uint64_t	 confirmed_ms;	/* since 1970: when it was known to be
					   current */
};

struct buf;

enum { RESTRICTIONS_COPY_HEAD = 104 };

/* The whole file. */
void restrictions_copy_write(const struct restrictions *set,
    const struct restrictions_copy *head, struct buf *out);
/* Its first bytes alone: confirmed_ms may be written anew in place. */
void restrictions_copy_head(const struct restrictions_copy *head,
    uint64_t body_bytes, uint64_t body_hash,
    uint8_t out[RESTRICTIONS_COPY_HEAD]);
/* What they need besides, of a file that was written. */
void restrictions_copy_body(struct slice file, uint64_t *body_bytes,
    uint64_t *body_hash);

/* NULL with *err unless every byte of it is as it was written. */
struct restrictions *restrictions_copy_read(struct slice file,
    const uint8_t tag_key[16], struct restrictions_copy *head,
    struct err *err);

#endif

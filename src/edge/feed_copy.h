/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * A feed's restrictions on disk, in STATE_DIR/restrictions.copy, so that an
 * edge can start while no engine can be asked.  policy/restrictions_copy.c
 * has the format.
 *
 * Control thread.  A whole set takes a while, so a thread of the copy's own
 * writes it; what it writes no longer changes.
 */
#ifndef EDGE_FEED_COPY_H
#define EDGE_FEED_COPY_H

#include "conf/config.h"
#include "net/loop.h"
#include "policy/restrictions_feed.h"

struct feed_copy;

struct feed_copy *feed_copy_new(struct loop *loop);
/* Waits for a set that is being written. */
void feed_copy_free(struct feed_copy **copy);

struct feed_kept {
	const struct restrictions *set;
	uint64_t	 serial;	/* another for each set, never 0 */
	struct restrictions_copy head;
};

/*
 * Brings the file up to date: its head alone where the set on disk is this
 * one, else all of it, though not while one is being written or too soon after
 * one that took long.  Held as long as needed; failures are logged.
 */
void feed_copy_keep(struct feed_copy *copy, const struct config *config,
    const struct feed_kept *kept);

/*
 * What the file holds, under the configuration's key of tags: the set is the
 * caller's, who gives its serial.  Set NULL: there is no file, or false with
 * *err: it cannot be used.
 */
bool feed_copy_read(struct feed_copy *copy, const struct config *config,
    struct feed_kept *kept, struct err *err);

/* How many whole sets have been written. */
uint64_t feed_copy_count(const struct feed_copy *copy);

#endif

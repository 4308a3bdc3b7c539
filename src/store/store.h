/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Where states live.  One row a state: its place in the world (home region,
 * tenant, flow), a version that a save must name, and a body that only the
 * engine reads.
 *
 * Calls block until they are done, a write until it is on the disk, so a
 * store belongs to a thread that may wait: an engine worker's.  Several
 * processes may open the same store.
 *
 * Nothing that was answered STORE_OK is lost by a crash of the process or of
 * the machine.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

enum { STORE_BODY_MAX = 16 * 1024 * 1024 };

enum store_end {
	STORE_OK,
	STORE_NOT_FOUND,		/* no such state, or it has expired */
	STORE_CONFLICT,			/* another save came first: load again */
	STORE_TOO_BIG,			/* body over the limit */
	STORE_UNAVAILABLE,		/* certainly not done: busy, full, broken */
};

const char *store_end_name(enum store_end end);

/* "epoch.version": both must match on a save.  A change of home, which this
 * store does not know yet, would begin a new epoch. */
struct store_token {
	uint32_t	 epoch;
	uint64_t	 version;
};

struct store_row {
	uint8_t		 id[16], tenant[16], flow[16];
	struct store_token token;
	int64_t		 created_ms, updated_ms;	/* since 1970 */
	int64_t		 expires_ms;	/* 0: never */
	struct slice	 body;		/* after a load: good until the next call */
};

struct store;

/* The store in dir, made if it is not there.  home is the region's id: a
 * store belongs to one region for good, and says so if it is another's. */
struct store *store_open(const char *dir, const char *home, struct err *err);
void store_close(struct store **store);

/* row's token is written: 1.1.  Times are the caller's. */
enum store_end store_create(struct store *store, struct store_row *row);

/* now_ms: what has expired by then is not found. */
enum store_end store_load(struct store *store, const uint8_t id[16],
    int64_t now_ms, struct store_row *row);

/* By id and token; body, updated_ms and expires_ms are saved.  row's token
 * becomes the new one. */
enum store_end store_save(struct store *store, struct store_row *row);

/* Deletes at most limit expired states; how many in *removed. */
enum store_end store_expire(struct store *store, int64_t now_ms,
    unsigned limit, unsigned *removed);

/* Why the last call that was not answered OK or NOT_FOUND was not. */
const char *store_trouble(const struct store *store);

/* Whether the last write was done: what a health check tells. */
bool store_healthy(const struct store *store);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Lines on their way from the thread that makes them to the one that writes
 * them: a bounded number of blocks, which one side fills and the other
 * empties, without a lock.  When all of them wait to be written, lines are
 * dropped and counted.
 */
#ifndef EDGE_LOG_RING_H
#define EDGE_LOG_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum {
	LOG_BLOCK_BYTES = 64 * 1024,
	LOG_BLOCKS = 16,		/* of each ring */
	LOG_ROOM = 4608,		/* for one line, whatever its head */
};

struct log_block {
	uint32_t	 len;
	char		 bytes[LOG_BLOCK_BYTES];
};

/* One thread puts, another one takes. */
struct log_queue {
	_Atomic uint32_t put, taken;	/* since the start */
	struct log_block *blocks[LOG_BLOCKS];
};

/* All zero: a ring without a block. */
struct log_ring {
	struct log_block *current;	/* the maker's */
	unsigned	 made;		/* blocks, by the maker */
	struct log_queue full, empty;
	_Atomic uint64_t dropped;	/* lines; the maker writes, all read */
};

/* --- the thread that makes lines -------------------------------------------- */

/* Room for LOG_ROOM bytes; NULL: the line is lost, and counted. */
char *log_ring_room(struct log_ring *ring);
/* These, of that room, are a line.  True: a block was handed over with it. */
bool log_ring_added(struct log_ring *ring, size_t len);
/* What was begun is handed over, if there is any; true: there was. */
bool log_ring_flush(struct log_ring *ring);

/* --- the thread that writes them --------------------------------------------- */

/* NULL: nothing waits.  Each is given back. */
struct log_block *log_ring_take(struct log_ring *ring);
void log_ring_give_back(struct log_ring *ring, struct log_block *block);
bool log_ring_waits(struct log_ring *ring);

/* Nobody uses it any more: the lines that are lost with it, and were before. */
uint64_t log_ring_fini(struct log_ring *ring);

/* --- any thread -------------------------------------------------------------- */

uint64_t log_ring_dropped(struct log_ring *ring);
/* How many there are in text. */
size_t log_lines_in(struct slice text);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Memory lent by a loop for bytes that have to wait: output that the socket
 * did not take, input that is not complete.  Whoever takes a chunk gives it
 * back as soon as nothing waits, so an idle connection owns none.
 */
#ifndef NET_CHUNK_H
#define NET_CHUNK_H

#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "net/loop.h"

/* A large one has room for a body of 64 KiB and the head before it, which come
 * in one piece and are to go in one. */
enum { CHUNK_SMALL = 16 * 1024, CHUNK_LARGE = (64 + 4) * 1024 };

struct chunk {
	struct chunk	*next;
	uint32_t	 size;		/* CHUNK_SMALL or CHUNK_LARGE */
	uint32_t	 begin, end;	/* what is in it: bytes[begin..end) */
	char		 bytes[];
};

/* Empty; large if want is more than a small one holds. */
struct chunk *chunk_take(struct loop *loop, size_t want);
void chunk_give(struct loop *loop, struct chunk *chunk);

static inline size_t
chunk_room(const struct chunk *chunk)
{
	return chunk->size - chunk->end;
}

static inline struct slice
chunk_all(const struct chunk *chunk)
{
	return (struct slice){ chunk->bytes + chunk->begin,
	    chunk->end - chunk->begin };
}

/* Copies as much as there is room for; returns how much that was. */
size_t chunk_add(struct chunk *chunk, const void *bytes, size_t len);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "edge/log_ring.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

/* --- queues ------------------------------------------------------------------ */

static void
queue_put(struct log_queue *q, struct log_block *block)
{
	uint32_t at = atomic_load_explicit(&q->put, memory_order_relaxed);

	q->blocks[at % LOG_BLOCKS] = block;
	atomic_store_explicit(&q->put, at + 1, memory_order_release);
}

static struct log_block *
queue_take(struct log_queue *q)
{
	uint32_t at = atomic_load_explicit(&q->taken, memory_order_relaxed);
	struct log_block *block;

	if (at == atomic_load_explicit(&q->put, memory_order_acquire))
		return NULL;
	block = q->blocks[at % LOG_BLOCKS];
	atomic_store_explicit(&q->taken, at + 1, memory_order_release);
	return block;
}

/* --- the thread that makes lines --------------------------------------------- */

static void
hand_over(struct log_ring *ring)
{
	queue_put(&ring->full, ring->current);
	ring->current = NULL;
}

/* There are never more blocks than a queue has room for. */
static struct log_block *
next_block(struct log_ring *ring)
{
	struct log_block *block = queue_take(&ring->empty);

	if (block == NULL && ring->made < LOG_BLOCKS) {
		block = xmalloc(sizeof(*block));
		ring->made++;
	}
	if (block != NULL)
		block->len = 0;
	return block;
}

char *
log_ring_room(struct log_ring *ring)
{
	if (ring->current == NULL)
		ring->current = next_block(ring);
	if (ring->current != NULL)
		return ring->current->bytes + ring->current->len;
	atomic_store_explicit(&ring->dropped, log_ring_dropped(ring) + 1,
	    memory_order_relaxed);
	return NULL;
}

bool
log_ring_added(struct log_ring *ring, size_t len)
{
	ring->current->len += (uint32_t)len;
	if (ring->current->len + LOG_ROOM <= LOG_BLOCK_BYTES)
		return false;
	hand_over(ring);
	return true;
}

bool
log_ring_flush(struct log_ring *ring)
{
	if (ring->current == NULL || ring->current->len == 0)
		return false;
	hand_over(ring);
	return true;
}

/* --- the thread that writes them ---------------------------------------------- */

struct log_block *
log_ring_take(struct log_ring *ring)
{
	return queue_take(&ring->full);
}

void
log_ring_give_back(struct log_ring *ring, struct log_block *block)
{
	queue_put(&ring->empty, block);
}

bool
log_ring_waits(struct log_ring *ring)
{
	return atomic_load_explicit(&ring->full.taken, memory_order_relaxed) !=
	    atomic_load_explicit(&ring->full.put, memory_order_acquire);
}

uint64_t
log_ring_fini(struct log_ring *ring)
{
	uint64_t lost = log_ring_dropped(ring);
	struct log_block *block;

	while ((block = queue_take(&ring->full)) != NULL) {
		lost += log_lines_in((struct slice){ block->bytes,
		    block->len });
		free(block);
	}
	while ((block = queue_take(&ring->empty)) != NULL)
		free(block);
	free(ring->current);
	return lost;
}

/* --- any thread --------------------------------------------------------------- */

uint64_t
log_ring_dropped(struct log_ring *ring)
{
	return atomic_load_explicit(&ring->dropped, memory_order_relaxed);
}

size_t
log_lines_in(struct slice text)
{
	size_t n = 0;

	for (const char *p = text.p, *end = text.p + text.len; (p = memchr(p,
	    '\n', (size_t)(end - p))) != NULL; p++)
		n++;
	return n;
}

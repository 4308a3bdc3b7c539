/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Bytes of a stream that have to wait, in chunks lent by the loop.  A zeroed
 * struct is an empty queue and owns nothing.
 */
#ifndef NET_QUEUE_H
#define NET_QUEUE_H

#include "net/chunk.h"

struct queue {
	struct chunk	*first, *last;
	size_t		 len;
};

void queue_add(struct queue *q, struct loop *loop, struct slice bytes);
/* The next len bytes; there are as many. */
void queue_take(struct queue *q, struct loop *loop, char *to, size_t len);
/* What lies together at its front, and away with it. */
struct slice queue_front(const struct queue *q);
void queue_drop_front(struct queue *q, struct loop *loop);
void queue_clear(struct queue *q, struct loop *loop);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "net/queue.h"

#include "base/must.h"

static void
append(struct queue *q, struct chunk *chunk)
{
	chunk->next = NULL;
	if (q->last == NULL)
		q->first = chunk;
	else
		q->last->next = chunk;
	q->last = chunk;
}

void
queue_add(struct queue *q, struct loop *loop, struct slice bytes)
{
	while (bytes.len > 0) {
		size_t n;

		if (q->last == NULL || chunk_room(q->last) == 0)
			append(q, chunk_take(loop, bytes.len));
		n = chunk_add(q->last, bytes.p, bytes.len);
		bytes.p += n;
		bytes.len -= n;
		q->len += n;
	}
}

struct slice
queue_front(const struct queue *q)
{
	return q->first == NULL ? (struct slice){ NULL, 0 } :
	    chunk_all(q->first);
}

void
queue_drop_front(struct queue *q, struct loop *loop)
{
	struct chunk *first = q->first;

	must(first != NULL);
	q->len -= chunk_all(first).len;
	q->first = first->next;
	if (q->first == NULL)
		q->last = NULL;
	chunk_give(loop, first);
}

void
queue_take(struct queue *q, struct loop *loop, char *to, size_t len)
{
	must(len <= q->len);
	while (len > 0) {
		struct slice front = queue_front(q);
		size_t n = front.len < len ? front.len : len;

		memcpy(to, front.p, n);
		to += n;
		len -= n;
		if (n == front.len) {
			queue_drop_front(q, loop);
			continue;
		}
		q->first->begin += (uint32_t)n;
		q->len -= n;
	}
}

void
queue_clear(struct queue *q, struct loop *loop)
{
	while (q->first != NULL)
		queue_drop_front(q, loop);
}

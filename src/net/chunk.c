/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "net/chunk.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "net/loop_private.h"

/* How many are kept for the next who needs one: 1 MiB and 2.1 MiB a loop. */
enum { KEEP_SMALL = 64, KEEP_LARGE = 32 };

struct chunk *
chunk_take(struct loop *loop, size_t want)
{
	struct loop_private *p = loop->private;
	bool large = want > CHUNK_SMALL;
	struct chunk **kept = large ? &p->large : &p->small;
	unsigned *count = large ? &p->nlarge : &p->nsmall;
	uint32_t size = large ? CHUNK_LARGE : CHUNK_SMALL;
	struct chunk *c = *kept;

	if (c != NULL) {
		*kept = c->next;
		(*count)--;
	} else {
		c = xmalloc(sizeof(*c) + size);
		c->size = size;
	}
	c->next = NULL;
	c->begin = c->end = 0;
	return c;
}

void
chunk_give(struct loop *loop, struct chunk *c)
{
	struct loop_private *p = loop->private;
	bool large = c->size == CHUNK_LARGE;
	struct chunk **kept = large ? &p->large : &p->small;
	unsigned *count = large ? &p->nlarge : &p->nsmall;

	if (*count >= (large ? KEEP_LARGE : KEEP_SMALL)) {
		free(c);
		return;
	}
	c->next = *kept;
	*kept = c;
	(*count)++;
}

size_t
chunk_add(struct chunk *c, const void *bytes, size_t len)
{
	if (len > chunk_room(c))
		len = chunk_room(c);
	if (len > 0)
		memcpy(c->bytes + c->end, bytes, len);
	c->end += (uint32_t)len;
	return len;
}

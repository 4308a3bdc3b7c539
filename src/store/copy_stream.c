/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Two stores in the same order, a page of each in memory.
 */
#include <stdlib.h>
#include <string.h>

#include "store/copy_private.h"

struct copy_stream *
copy_stream_new(struct copy_end *end, bool docs, bool is_from)
{
	struct copy_stream *s = xcalloc(1, sizeof(*s));

	s->end = end;
	s->docs = docs;
	s->is_from = is_from;
	return s;
}

/* Right behind this one; false: there is nothing behind it. */
static bool
begin_after(struct copy_from *from, const struct copy_head *last)
{
	int i = 15;

	from->revision = last->revision + 1;
	memcpy(from->id, last->id, 16);
	while (i >= 0 && ++from->id[i] == 0)
		i--;
	return i >= 0;
}

static bool
next_page(struct copy_stream *s, struct err *err)
{
	const struct copy_ops *ops = s->end->ops;

	s->at = s->count = 0;
	if (!(s->docs ? ops->docs : ops->states)(s->end, &s->from, s->page,
	    &s->count, err))
		return false;
	s->last = s->count < COPY_PAGE;
	if (!s->last && !begin_after(&s->from, &s->page[s->count - 1]))
		s->last = true;
	return true;
}

/* What is not this region's, or in between two. */
static bool
is_passed_over(struct copy_stream *s, const struct copy_head *head)
{
	uint64_t *count = head->elsewhere ? s->elsewhere : s->moving;

	if (!s->is_from || s->docs || (!head->elsewhere && !head->moving))
		return false;
	if (count != NULL)
		(*count)++;
	return true;
}

bool
copy_stream_next(struct copy_stream *s, const struct copy_head **head,
    struct err *err)
{
	do {
		while (s->at == s->count && !s->last)
			if (!next_page(s, err))
				return false;
		*head = s->at < s->count ? &s->page[s->at++] : NULL;
	} while (*head != NULL && is_passed_over(s, *head));
	return true;
}

/* --- both ----------------------------------------------------------------------------- */

void
copy_merge_init(struct copy_merge *m, struct copy_end *from,
    struct copy_end *to, bool docs)
{
	*m = (struct copy_merge){ copy_stream_new(from, docs, true),
	    copy_stream_new(to, docs, false), { NULL, NULL }, false };
}

void
copy_merge_fini(struct copy_merge *m)
{
	free(m->from);
	free(m->to);
}

static int
order(const struct copy_merge *m)
{
	const struct copy_head *a = m->ahead.from, *b = m->ahead.to;

	if (a == NULL || b == NULL)
		return (a == NULL) - (b == NULL);
	if (m->from->docs)
		return (a->revision > b->revision) -
		    (a->revision < b->revision);
	return memcmp(a->id, b->id, 16);
}

/* What was given before is read on from; the page it was in may go then. */
bool
copy_merge_next(struct copy_merge *m, struct copy_pair *pair,
    struct err *err)
{
	int which = m->begun ? order(m) : 0;

	if ((which <= 0 && !copy_stream_next(m->from, &m->ahead.from, err)) ||
	    (which >= 0 && !copy_stream_next(m->to, &m->ahead.to, err)))
		return false;
	m->begun = true;
	which = order(m);
	*pair = (struct copy_pair){ which <= 0 ? m->ahead.from : NULL,
	    which >= 0 ? m->ahead.to : NULL };
	return true;
}

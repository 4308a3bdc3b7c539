/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Heads being written: field lines, and places in a buffer that may move
 * while it grows.
 */
#ifndef EDGE_TEXT_H
#define EDGE_TEXT_H

#include "base/buf.h"

/* Part of a buffer, wherever its bytes are at the moment. */
struct span {
	uint32_t	 at, len;
};

static inline struct slice
span_in(const struct buf *b, struct span s)
{
	return (struct slice){ b->p + s.at, s.len };
}

/* Appends text and tells where it stands. */
static inline struct span
span_add(struct buf *b, struct slice text)
{
	struct span s = { (uint32_t)b->len, (uint32_t)text.len };

	buf_slice(b, text);
	return s;
}

/* "Name: value\r\n"; one reservation, for it is done 30 times a request. */
static inline void
field_add(struct buf *b, struct slice name, struct slice value)
{
	char *p = buf_reserve(b, name.len + value.len + 4);

	memcpy(p, name.p, name.len);
	p += name.len;
	*p++ = ':';
	*p++ = ' ';
	if (value.len > 0)
		memcpy(p, value.p, value.len);
	p += value.len;
	*p++ = '\r';
	*p = '\n';
	b->len += name.len + value.len + 4;
}

#define FIELD_ADD(b, literal, value)	field_add((b), SLICE(literal), (value))

#endif

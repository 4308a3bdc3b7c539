/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Bytes that grow: text being written, a body being collected.  The buffer
 * owns its memory, keeps it over buf_clear() and gives it up in buf_fini().
 * A zeroed struct is an empty buffer.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stddef.h>

#include "base/slice.h"

struct buf {
	char		*p;
	size_t		 len, cap;
};

/* What buf_fini() does when there is memory to give up. */
void buf_free(struct buf *b);

static inline void
buf_fini(struct buf *b)
{
	if (b->p != NULL)
		buf_free(b);
	b->len = b->cap = 0;
}

static inline void
buf_clear(struct buf *b)
{
	b->len = 0;
}

/* What buf_reserve() does when there is no room yet. */
char *buf_grow(struct buf *b, size_t bytes);

/* Room for at least bytes more; the caller writes there and adds to len. */
static inline char *
buf_reserve(struct buf *b, size_t bytes)
{
	return b->cap - b->len >= bytes && b->p != NULL ? b->p + b->len :
	    buf_grow(b, bytes);
}

static inline void
buf_add(struct buf *b, const void *bytes, size_t len)
{
	if (len == 0)
		return;
	memcpy(buf_reserve(b, len), bytes, len);
	b->len += len;
}

static inline void
buf_text(struct buf *b, const char *text)
{
	buf_add(b, text, strlen(text));
}

void buf_printf(struct buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static inline void
buf_slice(struct buf *b, struct slice s)
{
	buf_add(b, s.p, s.len);
}

static inline void
buf_char(struct buf *b, char c)
{
	*buf_reserve(b, 1) = c;
	b->len++;
}

/* A decimal number, without the cost of printf. */
void buf_u64(struct buf *b, uint64_t n);

/*
 * A JSON string with its quotes.  Control characters are escaped, and bytes
 * that are not UTF-8 become U+FFFD, so any input makes valid JSON.
 */
void buf_json(struct buf *b, struct slice text);

/* Text for HTML or XML, in an attribute as well: nothing in it is markup. */
void buf_markup(struct buf *b, struct slice text);

/* Takes len bytes off the front. */
void buf_consume(struct buf *b, size_t len);

static inline struct slice
buf_all(const struct buf *b)
{
	return (struct slice){ b->p, b->len };
}

/* With a NUL after it, which does not count; good until the next change. */
const char *buf_cstr(struct buf *b);

#endif

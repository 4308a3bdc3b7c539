/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Text written through a pointer into room that the caller has made: each of
 * these returns where the next may go.  For lines that every request writes;
 * a buf_add() for each of their parts, which asks for room each time, was a
 * tenth of all instructions of a small request.
 */
#ifndef BASE_PUT_H
#define BASE_PUT_H

#include "base/slice.h"

enum { PUT_U64_MAX = 20 };		/* digits */

static inline char *
put_bytes(char *to, const void *bytes, size_t len)
{
	memcpy(to, bytes, len);
	return to + len;
}

static inline char *
put(char *to, struct slice s)
{
	if (s.len > 0)
		memcpy(to, s.p, s.len);
	return to + s.len;
}

/* Without its NUL; of a few letters. */
static inline char *
put_text(char *to, const char *text)
{
	while (*text != '\0')
		*to++ = *text++;
	return to;
}

#define PUT(to, literal)	put_bytes((to), (literal), sizeof(literal) - 1)

/* "Name: value\r\n": FIELD_EXTRA bytes more than both. */
enum { FIELD_EXTRA = 4 };
#define PUT_FIELD(to, literal, value) \
	PUT(put(PUT((to), literal ": "), (value)), "\r\n")

static inline char *
put_u64(char *to, uint64_t n)
{
	char digits[PUT_U64_MAX];
	size_t i = sizeof(digits);

	do {
		digits[--i] = (char)('0' + n % 10);
		n /= 10;
	} while (n != 0);
	return put_bytes(to, digits + i, sizeof(digits) - i);
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Values are most of a head, and a byte loop over them would cost more than
 * all the rest of the parser: so sixteen bytes at a time, and what is shorter
 * eight.  The compiler makes of these whatever the processor has; each
 * comparison gives all ones or all zeros for each byte.
 */
#ifndef HTTP_CHARS16_H
#define HTTP_CHARS16_H

#include <endian.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "http/chars.h"

typedef uint8_t bytes16 __attribute__((vector_size(16)));
typedef int8_t signed16 __attribute__((vector_size(16)));
typedef uint64_t words2 __attribute__((vector_size(16)));

static inline bytes16
load16(const char *p)
{
	bytes16 bytes;

	memcpy(&bytes, p, sizeof(bytes));
	return bytes;
}

/* A bit for each byte, the first byte's the lowest. */
static inline unsigned
mask_of(bytes16 v)
{
#ifdef __SSE2__
	return (unsigned)_mm_movemask_epi8((__m128i)v);
#else
	words2 w = (words2)(v & 1);

	return (unsigned)(le64toh(w[0]) * 0x0102040810204080 >> 56) |
	    (unsigned)(le64toh(w[1]) * 0x0102040810204080 >> 56) << 8;
#endif
}

/* Whatever ends a value, and a tab, which does not. */
static inline bytes16
controls(bytes16 c)
{
	return (bytes16)((c < 0x20) | (c == 0x7f));
}

/*
 * The length of the line at the front of bytes if CRLF ends it and no control
 * stands in it, not even a tab; CHARS_NO_LINE otherwise, and also where the
 * bytes are too few to tell at a glance.
 */
#define CHARS_NO_LINE	SIZE_MAX

static inline size_t
chars_clean_line(struct slice bytes)
{
	unsigned bad = 0;
	size_t i = 0;

	/* The end of a head, most of all. */
	if (bytes.len < 16)
		return bytes.len >= 2 && bytes.p[0] == '\r' &&
		    bytes.p[1] == '\n' ? 0 : CHARS_NO_LINE;
	for (; bytes.len - i >= 16; i += 16)
		if ((bad = mask_of(controls(load16(bytes.p + i)))) != 0)
			break;
	if (bad == 0) {
		/* What is left, behind some that was seen to be clean. */
		i = bytes.len - 16;
		if ((bad = mask_of(controls(load16(bytes.p + i)))) == 0)
			return CHARS_NO_LINE;
	}
	i += (size_t)__builtin_ctz(bad);
	return bytes.len - i >= 2 && bytes.p[i] == '\r' &&
	    bytes.p[i + 1] == '\n' ? i : CHARS_NO_LINE;
}

/* As chars_usual_line(), of one in which no control is known to stand.  The
 * colon is sought in two blocks. */
static inline size_t
chars_usual_name(struct slice line, char low[CHARS_NAME])
{
	size_t at = 0, second = line.len < CHARS_NAME ? line.len - 16 : 16;

	if (line.len < 16)
		return 0;
	/* The second block may see some of the first's once more. */
	for (size_t i = 0; i < 2; i++, at = second) {
		bytes16 c = load16(line.p + at);
		bytes16 lower = c | 0x20;	/* digits and hyphens have it */
		unsigned good = mask_of((bytes16)((lower - 'a' < 26) |
		    (c - '0' < 10) | (c == '-')));
		unsigned colons = mask_of((bytes16)(c == ':'));
		unsigned before = (colons & -colons) - 1;

		memcpy(low + at, &lower, sizeof(lower));
		if (colons != 0)
			return (good & before) == before ?
			    at + (size_t)__builtin_ctz(colons) : 0;
		if (good != 0xffff)
			return 0;
	}
	return 0;
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Bytes that somebody else owns: a pointer and a length, no terminator.
 * A slice is good for as long as its owner says; passing one never copies.
 */
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
	const char	*p;		/* may be NULL when len is 0 */
	size_t		 len;
};

/* For printf: ("%.*s", SLICE_ARG(s)). */
#define SLICE_ARG(s)	(int)(s).len, (s).p

/* A slice of a string literal. */
#define SLICE(literal)	((struct slice){ (literal), sizeof(literal) - 1 })

static inline struct slice
slice_of(const char *text)
{
	return (struct slice){ text, text == NULL ? 0 : strlen(text) };
}

static inline bool
slice_eq(struct slice a, struct slice b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

/* ASCII letters compare without case; no locale. */
bool slice_starts_nocase(struct slice s, struct slice prefix);

static inline bool
slice_eq_nocase(struct slice a, struct slice b)
{
	return a.len == b.len && slice_starts_nocase(a, b);
}

static inline bool
slice_is(struct slice s, const char *text)
{
	return slice_eq(s, slice_of(text));
}

/* Without spaces and tabs at either end (OWS of RFC 9110 5.6.3). */
static inline struct slice
slice_trim(struct slice s)
{
	/* Nearly all fields: one space before, none behind. */
	if (s.len > 0 && s.p[0] == ' ') {
		s.p++;
		s.len--;
	}
	if (s.len > 0 && (unsigned char)s.p[0] > ' ' &&
	    (unsigned char)s.p[s.len - 1] > ' ')
		return s;
	while (s.len > 0 && (s.p[0] == ' ' || s.p[0] == '\t')) {
		s.p++;
		s.len--;
	}
	while (s.len > 0 && (s.p[s.len - 1] == ' ' ||
	    s.p[s.len - 1] == '\t'))
		s.len--;
	return s;
}

/*
 * Takes the part of *rest before the next sep off its front, sep included.
 * Returns false, and an empty part, once *rest is used up.
 */
bool slice_split(struct slice *rest, char sep, struct slice *part);

/* A whole decimal number without sign that fits; false for anything else. */
bool slice_to_u64(struct slice s, uint64_t *value);

/* ASCII lower case of one byte. */
static inline char
ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

#endif

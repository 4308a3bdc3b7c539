/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Which bytes may stand where in HTTP (RFC 9110 5.6.2 and 5.5, RFC 9112 3).
 */
#ifndef HTTP_CHARS_H
#define HTTP_CHARS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

/* A token's bytes in lower case; 0 for a byte that no token holds. */
extern const unsigned char chars_token[256];

static inline bool
chars_is_token(char c)
{
	return chars_token[(unsigned char)c] != 0;
}

/* Each of these answers how many bytes from the front are good. */
size_t chars_in_token(struct slice s);
size_t chars_in_value(struct slice s);	/* visible, space, tab, 0x80..0xff */
size_t chars_in_target(struct slice s);	/* 0x21..0x7e */

/*
 * The length of the name before the colon of a field line, and the name in
 * lower case with something behind it: of lines as nearly all are.  They are
 * not too short, their names are of letters, digits and hyphens and shorter
 * than CHARS_NAME, and their values good, without a tab.  0 for others, which
 * may be good all the same.
 */
enum { CHARS_NAME = 32 };
size_t chars_usual_line(struct slice line, char low[CHARS_NAME]);

/* Of letters in lower case, digits and hyphens, as nearly all names are that
 * travel in HTTP/2; false also for the shortest. */
bool chars_plain_name(struct slice name);

/* s in ASCII lower case; to has room for as much. */
void chars_lower(char *to, struct slice s);

/* A bit for each of the first 64 bytes that is c, the first's the lowest. */
uint64_t chars_where(struct slice s, char c);

/* A host's name, without port, as host_normalise() would have it; false also
 * for one that is longer than CHARS_HOST, which a label may be. */
enum { CHARS_HOST = 63 };
bool chars_plain_host(struct slice name);

/* Nothing is escaped in it, no backslash is, and no segment but the first and
 * the last is empty or begins with a dot. */
bool chars_plain_path(struct slice path);

/* A whole token, not empty. */
static inline bool
chars_all_token(struct slice s)
{
	return s.len > 0 && chars_in_token(s) == s.len;
}

/* 0..15, or -1 */
static inline int
chars_hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Address ranges with country codes, as text: `FIRST,LAST,CC` or `CIDR,CC`, a
 * range a line, both families, comments from #.  IPv4 may also stand as a
 * decimal number, as in tor's files.
 *
 * A range inside another counts for its part, whatever their order; ranges
 * that overlap otherwise, or that say different things of the same addresses,
 * are mistakes.  What lies in ::/96 is left out: databases keep IPv4 there.
 */
#ifndef GEO_RANGE_TEXT_H
#define GEO_RANGE_TEXT_H

#include "base/buf.h"
#include "geo/place.h"
#include "geo/spans.h"

/* First and last address; IPv4 counts from 0 to 2^32 - 1, IPv6 above. */
struct range {
	ip_number	 first, last;
	uint32_t	 line;		/* from 1 */
	uint16_t	 file;		/* in range_text.files */
	struct place	 place;
};

/* A code of two characters that is no country's and no alias. */
struct range_stray {
	char		 code[3];
	uint16_t	 file;
	uint32_t	 line, column;	/* of the first */
	size_t		 count;
};

enum {
	RANGE_FILES_MAX = 64,
	RANGE_STRAYS_MAX = 64,		/* further ones count as mistakes */
	RANGE_MISTAKES_MAX = 20,	/* told; more are only counted */
};

/* A zeroed struct is empty. */
struct range_text {
	struct range	*ranges;
	size_t		 count, cap;
	const char	*files[RANGE_FILES_MAX];	/* not copied */
	size_t		 nfiles;
	struct range_stray strays[RANGE_STRAYS_MAX];
	size_t		 nstrays;
	struct buf	 mistakes;	/* lines: file:line:column: sentence */
	size_t		 nmistakes;
};

/* Adds the lines of a file; ranges with unknown codes have no location. */
void range_text_read(struct range_text *t, const char *file,
    struct slice text);

/*
 * After the last file: sorts, resolves what nests, joins neighbours, drops
 * what has no location.  False if there were mistakes, here or before.
 */
bool range_text_settle(struct range_text *t);

void range_text_fini(struct range_text *t);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "base/near.h"

#include <limits.h>
#include <stdint.h>

enum { WORD_MAX_LEN = 63 };

static unsigned
least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Optimal string alignment: three rows of the usual edit-distance table. */
unsigned
near_distance(struct slice a, struct slice b)
{
	uint8_t rows[3][WORD_MAX_LEN + 1];

	if (a.len > WORD_MAX_LEN || b.len > WORD_MAX_LEN)
		return UINT_MAX;
	for (size_t j = 0; j <= b.len; j++)
		rows[0][j] = (uint8_t)j;
	for (size_t i = 1; i <= a.len; i++) {
		uint8_t *row = rows[i % 3];
		const uint8_t *above = rows[(i + 2) % 3];
		const uint8_t *two_above = rows[(i + 1) % 3];
		char ca = ascii_lower(a.p[i - 1]);

		row[0] = (uint8_t)i;
		for (size_t j = 1; j <= b.len; j++) {
			char cb = ascii_lower(b.p[j - 1]);
			unsigned d = least(least(above[j] + 1u, row[j - 1] + 1u),
			    above[j - 1] + (ca != cb));

			if (i > 1 && j > 1 && ca == ascii_lower(b.p[j - 2]) &&
			    cb == ascii_lower(a.p[i - 2]))
				d = least(d, two_above[j - 2] + 1u);
			row[j] = (uint8_t)d;
		}
	}
	return rows[a.len % 3][b.len];
}

/*
 * How many edits between the two are a slip: nobody mistypes a third of a
 * word and its first letter as well.  A word may also be cut short, or go on.
 */
static unsigned
slips(struct slice a, struct slice b)
{
	struct slice longer = a.len > b.len ? a : b,
	    shorter = a.len > b.len ? b : a;
	unsigned third = (unsigned)longer.len / 3;

	if (shorter.len == 0 || longer.len == 1)
		return 0;
	if (ascii_lower(a.p[0]) != ascii_lower(b.p[0]))
		return 1;
	if (2 * shorter.len >= longer.len &&
	    slice_starts_nocase(longer, shorter))
		return (unsigned)(longer.len - shorter.len);
	return third > 1 ? third : 1;
}

const char *
near_find(struct slice word, const char *const *names, size_t count)
{
	unsigned best = UINT_MAX;
	const char *nearest = NULL;

	for (size_t i = 0; i < count; i++) {
		struct slice name = slice_of(names[i]);
		unsigned d = near_distance(word, name);

		if (d < best && d <= slips(word, name)) {
			best = d;
			nearest = names[i];
		}
	}
	return nearest;
}

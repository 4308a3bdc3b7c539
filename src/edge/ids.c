/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "edge/ids.h"

#include <sys/random.h>

#include "base/must.h"

void
ids_init(struct ids *ids)
{
	must(getrandom(ids->s, sizeof(ids->s), 0) == sizeof(ids->s));
	ids->s[0] |= 1;			/* all zero would stay all zero */
}

static uint64_t
rotate(uint64_t x, int by)
{
	return x << by | x >> (64 - by);
}

uint64_t
ids_next(struct ids *ids)
{
	uint64_t *s = ids->s, result = rotate(s[1] * 5, 7) * 9;
	uint64_t t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotate(s[3], 45);
	return result;
}

void
ids_hex64(uint64_t n, char text[16])
{
	static const char digits[16] = "0123456789abcdef";

	for (int i = 15; i >= 0; i--, n >>= 4)
		text[i] = digits[n & 15];
}

void
ids_text(struct ids *ids, char text[ID_TEXT])
{
	uint64_t high = ids_next(ids);

	/* traceparent forbids a trace id of zeros (W3C Trace Context 3.2). */
	ids_hex64(high == 0 ? 1 : high, text);
	ids_hex64(ids_next(ids), text + 16);
}

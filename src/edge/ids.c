/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "edge/ids.h"

#include <endian.h>
#include <string.h>
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

/* All eight digits at once: each nibble gets a byte of its own, and those
 * above 9 the distance from '9' to 'a' on top. */
static void
hex32(uint32_t n, char text[8])
{
	const uint64_t each = 0x0101010101010101;
	uint64_t x = n, above;

	x = (x << 16 | x) & 0x0000ffff0000ffff;
	x = (x << 8 | x) & 0x00ff00ff00ff00ff;
	x = (x << 4 | x) & 0x0f0f0f0f0f0f0f0f;
	above = ((x + each * 6) >> 4) & each;
	x += each * '0' + above * ('a' - '9' - 1);
	x = htobe64(x);
	memcpy(text, &x, sizeof(x));
}

void
ids_hex64(uint64_t n, char text[16])
{
	hex32((uint32_t)(n >> 32), text);
	hex32((uint32_t)n, text + 8);
}

void
ids_text(struct ids *ids, char text[ID_TEXT])
{
	uint64_t high = ids_next(ids);

	/* traceparent forbids a trace id of zeros (W3C Trace Context 3.2). */
	ids_hex64(high == 0 ? 1 : high, text);
	ids_hex64(ids_next(ids), text + 16);
}

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

typedef uint8_t bytes16 __attribute__((vector_size(16)));
typedef uint64_t words2 __attribute__((vector_size(16)));

/* All sixteen digits at once: each nibble gets a byte of its own, and those
 * above 9 the distance from '9' to 'a' on top. */
void
ids_hex64(uint64_t n, char text[16])
{
	const uint64_t nibbles = 0x0f0f0f0f0f0f0f0f;
	uint64_t x = htobe64(n);
	bytes16 high = (bytes16)(words2){ x >> 4 & nibbles };
	bytes16 low = (bytes16)(words2){ x & nibbles };
	bytes16 digits = __builtin_shufflevector(high, low, 0, 16, 1, 17, 2, 18,
	    3, 19, 4, 20, 5, 21, 6, 22, 7, 23);

	digits += '0' + ((bytes16)(digits > 9) & ('a' - '9' - 1));
	memcpy(text, &digits, sizeof(digits));
}

void
ids_text(struct ids *ids, char text[ID_TEXT])
{
	uint64_t high = ids_next(ids);

	/* traceparent forbids a trace id of zeros (W3C Trace Context 3.2). */
	ids_hex64(high == 0 ? 1 : high, text);
	ids_hex64(ids_next(ids), text + 16);
}

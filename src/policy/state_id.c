/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "policy/state_id.h"

#include <sys/random.h>

#include "base/hash.h"
#include "base/must.h"
#include "policy/guid.h"

/*
 * RFC 9562 5.8, the 122 bits of our own in order of transmission:
 *
 *   byte 0    layout (2 bits), number of the birth region (6 bits)
 *   byte 1-3  tag of the flow
 *   the rest  random, around the version (1000) and variant (10)
 *
 * Another layout would be another first two bits.
 */
enum { LAYOUT = 1 };

bool
state_id_parse(struct state_id *id, struct slice text)
{
	uint8_t b[16];

	/* One spelling only: the id is also a key of the store. */
	if (text.len != STATE_ID_TEXT - 1 || !guid_parse(b, text))
		return false;
	if (b[6] >> 4 != 8 || b[8] >> 6 != 2 || b[0] >> 6 != LAYOUT)
		return false;
	id->region = b[0] & 63;
	id->tag = (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
	return true;
}

void
state_id_make(const struct state_id *id, char text[STATE_ID_TEXT])
{
	uint8_t b[16];

	must(id->region < 64 && id->tag <= FLOW_TAG_MAX);
	must(getrandom(b, sizeof(b), 0) == sizeof(b));
	b[0] = (uint8_t)(LAYOUT << 6 | id->region);
	b[1] = (uint8_t)(id->tag >> 16);
	b[2] = (uint8_t)(id->tag >> 8);
	b[3] = (uint8_t)id->tag;
	b[6] = (uint8_t)(0x80 | (b[6] & 0x0f));
	b[8] = (uint8_t)(0x80 | (b[8] & 0x3f));
	guid_text(b, text);
}

uint32_t
flow_tag(const uint8_t key[16], struct slice tenant, struct slice flow)
{
	struct id_key t, f;
	char both[2 * ID_KEY_TEXT];

	id_key_from(&t, tenant);
	id_key_from(&f, flow);
	memcpy(both, t.bytes, t.len);
	memcpy(both + t.len, f.bytes, f.len);
	return (uint32_t)(hash_keyed(key, (struct slice){ both,
	    (size_t)t.len + f.len }) & FLOW_TAG_MAX);
}

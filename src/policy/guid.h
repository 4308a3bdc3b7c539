/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Tenants and flows by name.  Their names are GUIDs, and programs behind us
 * read a GUID in any case and in each of the usual forms (with and without
 * dashes, in braces or parentheses).  An edge that took two spellings for two
 * tenants could be talked past a restriction, so all spellings are one key.
 */
#ifndef POLICY_GUID_H
#define POLICY_GUID_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum {
	GUID_TEXT = 37,			/* 8-4-4-4-12 with its NUL */
	ID_KEY_TEXT = 64,		/* longest other name, and a byte */
};

/* The bytes of a GUID, or some other short name in lower case. */
struct id_key {
	uint8_t		 len;		/* of bytes; 0: no usable name */
	char		 bytes[ID_KEY_TEXT];
};

static inline struct slice
id_key_slice(const struct id_key *key)
{
	return (struct slice){ key->bytes, key->len };
}

/* False if text is neither; *key is then empty, and equals no stored key. */
bool id_key_from(struct id_key *key, struct slice text);

/* Any spelling of a GUID.  bytes is unchanged if it is none. */
bool guid_parse(uint8_t bytes[16], struct slice text);

/* Lower case with dashes. */
const char *guid_text(const uint8_t bytes[16], char text[GUID_TEXT]);

#endif

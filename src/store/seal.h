/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Tokens that we hand out and read again: a JWE in compact form (RFC 7516),
 * "dir" with A256GCM, under a key that nobody else has.  Whoever carries one
 * can neither read nor change it.
 */
#ifndef STORE_SEAL_H
#define STORE_SEAL_H

#include <stdbool.h>

#include "base/buf.h"

enum { SEAL_KEY = 32, SEAL_KEYS_MAX = 8, SEAL_TOKEN_MAX = 16384 };

/* The first seals; any opens. */
struct seal_keys {
	uint8_t		 list[SEAL_KEYS_MAX][SEAL_KEY];
	size_t		 count;
};

/* Appends the token; plain has at most half of SEAL_TOKEN_MAX bytes. */
void seal(const struct seal_keys *keys, struct slice plain, struct buf *token);

/* Appends what was sealed; false if token is none of ours. */
bool unseal(const struct seal_keys *keys, struct slice token,
    struct buf *plain);

#endif

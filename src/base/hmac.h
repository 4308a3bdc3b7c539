/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * HMAC-SHA256 (RFC 2104, FIPS 180-4): what we sign and later know again as
 * ours.
 */
#ifndef BASE_HMAC_H
#define BASE_HMAC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum { HMAC_BYTES = 32 };

void hmac_sha256(struct slice key, struct slice text,
    uint8_t mac[HMAC_BYTES]);

/* In a time that depends on the length alone, so that nobody finds a MAC byte
 * by byte. */
bool same_secret(const void *a, const void *b, size_t len);

#endif

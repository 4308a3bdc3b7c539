/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "base/hmac.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/must.h"

void
hmac_sha256(struct slice key, struct slice text, uint8_t mac[HMAC_BYTES])
{
	unsigned len = 0;

	must(key.len > 0 && key.len <= INT_MAX);
	must(HMAC(EVP_sha256(), key.p, (int)key.len,
	    (const unsigned char *)text.p, text.len, mac, &len) != NULL);
	must(len == HMAC_BYTES);
}

bool
same_secret(const void *a, const void *b, size_t len)
{
	return CRYPTO_memcmp(a, b, len) == 0;
}

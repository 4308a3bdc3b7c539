/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What external stores speak: signed (JWS, RFC 7515) and encrypted (JWE, RFC
 * 7516) tokens in compact form, under EC keys on P-384 (JWK, RFC 7517).
 *
 * The algorithms are fixed: ES384 signs; ECDH-ES+A192KW or +A256KW with
 * A192CBC-HS384 or A256CBC-HS512 encrypts, deflated before or not.  Whatever
 * else a token asks for is refused before any key is used.
 *
 * All of it takes milliseconds: never on a loop's thread (store/workers.h).
 * Keys never change after they were made; any thread may use them.
 */
#ifndef STORE_JOSE_H
#define STORE_JOSE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

enum { JOSE_KID_MAX = 64 };

struct jose_key;

/* A fresh pair. */
struct jose_key *jose_key_new(const char *kid);
/* From a JWK, private or public; NULL with *err if it is not a good key. */
struct jose_key *jose_key_read(struct slice jwk, struct err *err);
void jose_key_free(struct jose_key **key);

const char *jose_key_kid(const struct jose_key *key);
bool jose_key_is_private(const struct jose_key *key);
/* As a JWK; with its private part only if asked for. */
void jose_key_write(const struct jose_key *key, bool private_too,
    struct buf *out);

/* Several, for a change of keys: a token names its own by kid (whose case
 * does not count). */
struct jose_keys {
	struct jose_key *const *list;
	size_t		 count;
};

/* The payload, signed; key must be private. */
void jose_sign(const struct jose_key *key, struct slice payload,
    struct buf *out);

/* Appends the payload; false with *err unless one of keys signed it. */
bool jose_verify(struct jose_keys keys, struct slice token,
    struct buf *payload, struct err *err);

enum jose_wrap { JOSE_A192KW, JOSE_A256KW };
enum jose_content { JOSE_A192CBC_HS384, JOSE_A256CBC_HS512 };

struct jose_how {
	enum jose_wrap	 wrap;
	enum jose_content content;
	bool		 deflate;
};

/* plain, a JWS, for whoever has the private part of key. */
void jose_encrypt(const struct jose_key *key, const struct jose_how *how,
    struct slice plain, struct buf *out);

/* Appends what was encrypted for one of keys (private): at most limit bytes,
 * however well it was deflated.  False with *err otherwise. */
bool jose_decrypt(struct jose_keys keys, struct slice token, size_t limit,
    struct buf *plain, struct err *err);

#endif

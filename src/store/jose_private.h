/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * JOSE from inside: what its files share of keys on P-384, of headers and of
 * ciphers.  Nothing is kept between calls, so any thread may call; what is
 * returned or written is the caller's, to be wiped where it is secret.
 */
#ifndef STORE_JOSE_PRIVATE_H
#define STORE_JOSE_PRIVATE_H

#include <jansson.h>
#include <openssl/evp.h>
#include <stdint.h>

#include "store/jose.h"

enum {
	EC_BYTES = 48,			/* of a coordinate on P-384 */
	POINT_BYTES = 1 + 2 * EC_BYTES,	/* uncompressed */
	KEK_MAX = 32, CEK_MAX = 64, TAG_MAX = 32, IV_BYTES = 16,
	HEADER_MAX = 4096,
	JWE_PARTS = 5, JWS_PARTS = 3,
};

struct jose_key {
	EVP_PKEY	*pkey;
	char		 kid[JOSE_KID_MAX];
	bool		 is_private;
};

/* An ephemeral pair: no kid. */
EVP_PKEY *ec_generate(void);
/* NULL unless the point is on the curve. */
EVP_PKEY *ec_public(const uint8_t x[EC_BYTES], const uint8_t y[EC_BYTES]);
void ec_coordinates(const EVP_PKEY *pkey, uint8_t x[EC_BYTES],
    uint8_t y[EC_BYTES]);
/* A member of a JWK, as so many bytes; false if it is not that. */
bool jwk_bytes(const json_t *jwk, const char *name, uint8_t *bytes,
    size_t len);

/* Splits at the dots; false unless there are exactly so many parts. */
bool jose_split(struct slice token, struct slice *parts, unsigned count);
/* The header: an object without members that stand twice, nor crit.  A new
 * reference; NULL with *err. */
json_t *jose_header(struct slice part, struct err *err);
/* The key that a header names; NULL with *err. */
const struct jose_key *jose_find(struct jose_keys keys,
    const json_t *header, struct err *err);

/* --- encryption, both ways (jose_cipher.c) --- */

struct wrap_info {
	const char	*name;
	size_t		 kek;		/* bytes */
};

struct content_info {
	const char	*name, *digest;
	size_t		 half;		/* of the key: first for the MAC, then for
					   the cipher; and of the tag */
};

extern const struct wrap_info wrap_infos[2];
extern const struct content_info content_infos[2];

/* The key that wraps; false if the keys do not fit together. */
bool agree(EVP_PKEY *own, EVP_PKEY *peer, const struct wrap_info *wrap,
    uint8_t *kek);
/* cek has two halves; wrapped 8 bytes more. */
bool wrap_key(const struct wrap_info *wrap, const uint8_t *kek,
    const uint8_t *cek, size_t len, uint8_t *wrapped);
bool unwrap_key(const struct wrap_info *wrap, const uint8_t *kek,
    const uint8_t *wrapped, size_t len, uint8_t *cek);
/* Room for 16 bytes more than plain. */
size_t encrypt_cbc(const struct content_info *content, const uint8_t *key,
    const uint8_t iv[IV_BYTES], struct slice plain, uint8_t *out);
/* Room for as much as there is; SIZE_MAX if the padding is wrong. */
size_t decrypt_cbc(const struct content_info *content, const uint8_t *key,
    const uint8_t iv[IV_BYTES], struct slice cipher, uint8_t *out);
void make_tag(const struct content_info *content, const uint8_t *key,
    struct slice header, const uint8_t iv[IV_BYTES], struct slice cipher,
    uint8_t *tag);

/* RFC 1951 (jose_deflate.c); false beyond limit, or if it is none. */
void raw_deflate(struct slice plain, struct buf *out);
bool raw_inflate(struct slice packed, size_t limit, struct buf *out);

#endif

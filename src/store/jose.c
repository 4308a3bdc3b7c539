/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What both kinds of tokens have in common, and signatures.
 */
#include "store/jose.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/base64url.h"
#include "base/must.h"
#include "store/jose_private.h"

enum { SIGNATURE = 2 * EC_BYTES, DER_MAX = SIGNATURE + 16 };

bool
jose_split(struct slice token, struct slice *parts, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		const char *dot = token.len == 0 ? NULL :
		    memchr(token.p, '.', token.len);
		size_t len = dot == NULL ? token.len :
		    (size_t)(dot - token.p);

		if ((dot == NULL) != (i + 1 == count))
			return false;
		parts[i] = (struct slice){ token.p, len };
		token.p += len + (dot != NULL);
		token.len -= len + (dot != NULL);
	}
	return true;
}

json_t *
jose_header(struct slice part, struct err *err)
{
	struct buf text = { 0 };
	json_t *header = NULL;

	if (part.len <= HEADER_MAX && base64url_read(&text, part))
		header = json_loadb(text.p == NULL ? "" : text.p, text.len,
		    JSON_REJECT_DUPLICATES, NULL);
	buf_fini(&text);
	if (json_is_object(header) && json_object_get(header, "crit") == NULL)
		return header;
	err_set(err, header == NULL ? "its header cannot be read" :
	    "its header is not an object, or demands extensions");
	json_decref(header);
	return NULL;
}

const struct jose_key *
jose_find(struct jose_keys keys, const json_t *header, struct err *err)
{
	const char *kid = json_string_value(json_object_get(header, "kid"));

	for (size_t i = 0; kid != NULL && i < keys.count; i++)
		if (slice_eq_nocase(slice_of(keys.list[i]->kid),
		    slice_of(kid)))
			return keys.list[i];
	err_set(err, "it names no key that is known");
	return NULL;
}

/* --- signing ------------------------------------------------------------------------- */

/* R and S of the same length each, one after the other (RFC 7518 3.4). */
static void
plain_signature(const uint8_t *der, size_t len, uint8_t out[SIGNATURE])
{
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)len);

	must(sig != NULL);
	must(BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, EC_BYTES) == EC_BYTES);
	must(BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + EC_BYTES, EC_BYTES) ==
	    EC_BYTES);
	ECDSA_SIG_free(sig);
}

static void
sign(const struct jose_key *key, struct slice bytes, uint8_t out[SIGNATURE])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t der[DER_MAX];
	size_t len = sizeof(der);

	must(ctx != NULL);
	must(EVP_DigestSignInit(ctx, NULL, EVP_sha384(), NULL, key->pkey) == 1);
	must(EVP_DigestSign(ctx, der, &len, (const uint8_t *)bytes.p,
	    bytes.len) == 1);
	EVP_MD_CTX_free(ctx);
	plain_signature(der, len, out);
}

void
jose_sign(const struct jose_key *key, struct slice payload, struct buf *out)
{
	struct buf header = { 0 };
	uint8_t signature[SIGNATURE];
	size_t begin = out->len;

	must(key->is_private);
	buf_text(&header, "{\"alg\":\"ES384\",\"kid\":");
	buf_json(&header, slice_of(key->kid));
	buf_char(&header, '}');
	base64url_write(out, header.p, header.len);
	buf_char(out, '.');
	base64url_write(out, payload.p, payload.len);
	sign(key, (struct slice){ out->p + begin, out->len - begin },
	    signature);
	buf_char(out, '.');
	base64url_write(out, signature, sizeof(signature));
	buf_fini(&header);
}

/* --- verifying ------------------------------------------------------------------------ */

static int
der_signature(const uint8_t plain[SIGNATURE], uint8_t **der)
{
	ECDSA_SIG *sig = ECDSA_SIG_new();
	int len;

	must(sig != NULL && ECDSA_SIG_set0(sig,
	    BN_bin2bn(plain, EC_BYTES, NULL),
	    BN_bin2bn(plain + EC_BYTES, EC_BYTES, NULL)) == 1);
	len = i2d_ECDSA_SIG(sig, der);
	must(len > 0);
	ECDSA_SIG_free(sig);
	return len;
}

static bool
is_signed(const struct jose_key *key, struct slice bytes,
    const uint8_t plain[SIGNATURE])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t *der = NULL;
	int len = der_signature(plain, &der);
	bool good;

	must(ctx != NULL);
	must(EVP_DigestVerifyInit(ctx, NULL, EVP_sha384(), NULL, key->pkey) ==
	    1);
	good = EVP_DigestVerify(ctx, der, (size_t)len,
	    (const uint8_t *)bytes.p, bytes.len) == 1;
	EVP_MD_CTX_free(ctx);
	OPENSSL_free(der);
	return good;
}

static const struct jose_key *
signer_of(struct jose_keys keys, struct slice part, struct err *err)
{
	json_t *header = jose_header(part, err);
	const struct jose_key *key = NULL;
	const char *alg;

	if (header == NULL)
		return NULL;
	alg = json_string_value(json_object_get(header, "alg"));
	if (alg != NULL && strcmp(alg, "ES384") == 0)
		key = jose_find(keys, header, err);
	else
		err_set(err, "it is not signed by ES384");
	json_decref(header);
	return key;
}

bool
jose_verify(struct jose_keys keys, struct slice token, struct buf *payload,
    struct err *err)
{
	struct slice parts[JWS_PARTS], head;
	struct buf signature = { 0 };
	const struct jose_key *key;
	bool good;

	if (!jose_split(token, parts, JWS_PARTS))
		return err_set(err, "it has not the three parts of a JWS");
	key = signer_of(keys, parts[0], err);
	if (key == NULL)
		return false;
	head = (struct slice){ token.p, parts[0].len + 1 + parts[1].len };
	good = base64url_read(&signature, parts[2]) &&
	    signature.len == SIGNATURE &&
	    is_signed(key, head, (const uint8_t *)signature.p) &&
	    base64url_read(payload, parts[1]);
	buf_fini(&signature);
	return good || err_set(err, "its signature is not good");
}

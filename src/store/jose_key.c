/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Keys on P-384 and their JWKs.
 */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/param_build.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/base64url.h"
#include "base/must.h"
#include "store/jose_private.h"

EVP_PKEY *
ec_generate(void)
{
	EVP_PKEY *pkey = EVP_EC_gen("P-384");

	must(pkey != NULL);
	return pkey;
}

static void
get_number(const EVP_PKEY *pkey, const char *name, uint8_t bytes[EC_BYTES])
{
	BIGNUM *n = NULL;

	must(EVP_PKEY_get_bn_param(pkey, name, &n) == 1);
	must(BN_bn2binpad(n, bytes, EC_BYTES) == EC_BYTES);
	BN_clear_free(n);
}

void
ec_coordinates(const EVP_PKEY *pkey, uint8_t x[EC_BYTES], uint8_t y[EC_BYTES])
{
	get_number(pkey, OSSL_PKEY_PARAM_EC_PUB_X, x);
	get_number(pkey, OSSL_PKEY_PARAM_EC_PUB_Y, y);
}

/* d NULL: the public part alone. */
static EVP_PKEY *
ec_make(const uint8_t point[POINT_BYTES], const uint8_t *d)
{
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	BIGNUM *number = d == NULL ? NULL : BN_secure_new();
	OSSL_PARAM *params;
	EVP_PKEY *pkey = NULL;

	must(build != NULL && ctx != NULL);
	must(OSSL_PARAM_BLD_push_utf8_string(build,
	    OSSL_PKEY_PARAM_GROUP_NAME, "P-384", 0));
	must(OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY,
	    point, POINT_BYTES));
	if (d != NULL) {
		must(BN_bin2bn(d, EC_BYTES, number) != NULL);
		must(OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY,
		    number));
	}
	params = OSSL_PARAM_BLD_to_param(build);
	must(params != NULL && EVP_PKEY_fromdata_init(ctx) == 1);
	if (EVP_PKEY_fromdata(ctx, &pkey, d == NULL ? EVP_PKEY_PUBLIC_KEY :
	    EVP_PKEY_KEYPAIR, params) != 1)
		pkey = NULL;
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(build);
	BN_clear_free(number);
	EVP_PKEY_CTX_free(ctx);
	return pkey;
}

/* On the curve, and of one piece. */
static bool
is_good(EVP_PKEY *pkey, bool is_private)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
	bool good;

	must(ctx != NULL);
	good = EVP_PKEY_public_check(ctx) == 1 &&
	    (!is_private || EVP_PKEY_pairwise_check(ctx) == 1);
	EVP_PKEY_CTX_free(ctx);
	return good;
}

static EVP_PKEY *
ec_checked(const uint8_t x[EC_BYTES], const uint8_t y[EC_BYTES],
    const uint8_t *d)
{
	uint8_t point[POINT_BYTES] = { 4 };	/* uncompressed */
	EVP_PKEY *pkey;

	memcpy(point + 1, x, EC_BYTES);
	memcpy(point + 1 + EC_BYTES, y, EC_BYTES);
	pkey = ec_make(point, d);
	if (pkey != NULL && is_good(pkey, d != NULL))
		return pkey;
	EVP_PKEY_free(pkey);
	return NULL;
}

EVP_PKEY *
ec_public(const uint8_t x[EC_BYTES], const uint8_t y[EC_BYTES])
{
	return ec_checked(x, y, NULL);
}

/* --- JWKs -------------------------------------------------------------------------- */

bool
jwk_bytes(const json_t *jwk, const char *name, uint8_t *bytes, size_t len)
{
	const json_t *member = json_object_get(jwk, name);
	struct buf out = { 0 };
	bool good;

	if (!json_is_string(member))
		return false;
	good = base64url_read(&out, (struct slice){
	    json_string_value(member), json_string_length(member) }) &&
	    out.len == len;
	if (good)
		memcpy(bytes, out.p, len);
	if (out.p != NULL)
		OPENSSL_cleanse(out.p, out.cap);
	buf_fini(&out);
	return good;
}

static bool
has_text(const json_t *json, const char *name, const char *text)
{
	const char *value = json_string_value(json_object_get(json, name));

	return value != NULL && strcmp(value, text) == 0;
}

static struct jose_key *
key_of(EVP_PKEY *pkey, const char *kid, bool is_private)
{
	struct jose_key *key = xcalloc(1, sizeof(*key));

	must(strlen(kid) < sizeof(key->kid));
	key->pkey = pkey;
	key->is_private = is_private;
	memcpy(key->kid, kid, strlen(kid) + 1);
	return key;
}

struct jose_key *
jose_key_new(const char *kid)
{
	return key_of(ec_generate(), kid, true);
}

static struct jose_key *
read_key(const json_t *jwk, struct err *err)
{
	const char *kid = json_string_value(json_object_get(jwk, "kid"));
	bool is_private = json_object_get(jwk, "d") != NULL;
	uint8_t x[EC_BYTES], y[EC_BYTES], d[EC_BYTES];
	EVP_PKEY *pkey = NULL;

	if (!has_text(jwk, "kty", "EC") || !has_text(jwk, "crv", "P-384"))
		err_set(err, "is not a key of kty EC on the curve P-384");
	else if (kid == NULL || kid[0] == '\0' || strlen(kid) >= JOSE_KID_MAX)
		err_set(err, "has no kid of at most %d characters",
		    JOSE_KID_MAX - 1);
	else if (!jwk_bytes(jwk, "x", x, EC_BYTES) ||
	    !jwk_bytes(jwk, "y", y, EC_BYTES) ||
	    (is_private && !jwk_bytes(jwk, "d", d, EC_BYTES)))
		err_set(err, "has members x, y or d that are not 48 bytes in "
		    "base64url");
	else if ((pkey = ec_checked(x, y, is_private ? d : NULL)) == NULL)
		err_set(err, "is no point on the curve, or its parts do not "
		    "belong together");
	OPENSSL_cleanse(d, sizeof(d));
	return pkey == NULL ? NULL : key_of(pkey, kid, is_private);
}

struct jose_key *
jose_key_read(struct slice text, struct err *err)
{
	json_t *jwk = json_loadb(text.p == NULL ? "" : text.p, text.len,
	    JSON_REJECT_DUPLICATES, NULL);
	struct jose_key *key = NULL;

	if (json_is_object(jwk))
		key = read_key(jwk, err);
	else
		err_set(err, "is not a JSON object");
	json_decref(jwk);
	if (key == NULL)
		err_wrap(err, "the key");
	return key;
}

void
jose_key_free(struct jose_key **key)
{
	if (*key != NULL)
		EVP_PKEY_free((*key)->pkey);
	free(*key);
	*key = NULL;
}

const char *
jose_key_kid(const struct jose_key *key)
{
	return key->kid;
}

bool
jose_key_is_private(const struct jose_key *key)
{
	return key->is_private;
}

static void
write_member(struct buf *out, const char *name, const uint8_t bytes[EC_BYTES])
{
	buf_printf(out, ",\"%s\":\"", name);
	base64url_write(out, bytes, EC_BYTES);
	buf_char(out, '"');
}

void
jose_key_write(const struct jose_key *key, bool private_too, struct buf *out)
{
	uint8_t x[EC_BYTES], y[EC_BYTES], d[EC_BYTES];

	must(key->is_private || !private_too);
	ec_coordinates(key->pkey, x, y);
	buf_text(out, "{\"kty\":\"EC\",\"kid\":");
	buf_json(out, slice_of(key->kid));
	buf_text(out, ",\"crv\":\"P-384\"");
	write_member(out, "x", x);
	write_member(out, "y", y);
	if (private_too) {
		get_number(key->pkey, OSSL_PKEY_PARAM_PRIV_KEY, d);
		write_member(out, "d", d);
		OPENSSL_cleanse(d, sizeof(d));
	}
	buf_char(out, '}');
}

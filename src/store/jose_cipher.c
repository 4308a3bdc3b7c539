/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The steps of RFC 7518: key agreement (4.6), key wrap (4.4), AES-CBC with
 * HMAC (5.2).
 */
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <string.h>

#include "base/must.h"
#include "store/jose_private.h"

const struct wrap_info wrap_infos[2] = {
	[JOSE_A192KW] = { "ECDH-ES+A192KW", 24 },
	[JOSE_A256KW] = { "ECDH-ES+A256KW", 32 },
};

const struct content_info content_infos[2] = {
	[JOSE_A192CBC_HS384] = { "A192CBC-HS384", "SHA384", 24 },
	[JOSE_A256CBC_HS512] = { "A256CBC-HS512", "SHA512", 32 },
};

/* --- agreement --------------------------------------------------------------------- */

static void
put32(uint8_t *to, size_t n)
{
	to[0] = (uint8_t)(n >> 24);
	to[1] = (uint8_t)(n >> 16);
	to[2] = (uint8_t)(n >> 8);
	to[3] = (uint8_t)n;
}

/* The x coordinate that both come to; the peer's point is checked. */
static bool
shared_secret(EVP_PKEY *own, EVP_PKEY *peer, uint8_t z[EC_BYTES])
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, own, NULL);
	size_t len = EC_BYTES;
	bool good;

	must(ctx != NULL && EVP_PKEY_derive_init(ctx) == 1);
	good = EVP_PKEY_derive_set_peer(ctx, peer) == 1 &&
	    EVP_PKEY_derive(ctx, z, &len) == 1 && len == EC_BYTES;
	EVP_PKEY_CTX_free(ctx);
	return good;
}

/* Concat KDF (RFC 7518 4.6.2) with neither party's info. */
static void
derive(const uint8_t z[EC_BYTES], const struct wrap_info *wrap, uint8_t *kek)
{
	uint8_t info[4 + 32 + 3 * 4] = { 0 }, *at = info;
	size_t name = strlen(wrap->name);
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "SSKDF", NULL);
	EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
	OSSL_PARAM params[4];

	put32(at, name);
	memcpy(at + 4, wrap->name, name);
	at += 4 + name + 4 + 4;		/* two empty parties */
	put32(at, wrap->kek * 8);
	at += 4;
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST,
	    (char *)(uintptr_t)"SHA256", 0);
	params[1] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SECRET,
	    (void *)(uintptr_t)z, EC_BYTES);
	params[2] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO,
	    info, (size_t)(at - info));
	params[3] = OSSL_PARAM_construct_end();
	must(ctx != NULL && EVP_KDF_derive(ctx, kek, wrap->kek, params) == 1);
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
}

bool
agree(EVP_PKEY *own, EVP_PKEY *peer, const struct wrap_info *wrap,
    uint8_t *kek)
{
	uint8_t z[EC_BYTES];
	bool good = shared_secret(own, peer, z);

	if (good)
		derive(z, wrap, kek);
	OPENSSL_cleanse(z, sizeof(z));
	return good;
}

/* --- wrapping (RFC 3394) ------------------------------------------------------------- */

static const EVP_CIPHER *
wrapper(const struct wrap_info *wrap)
{
	return wrap->kek == 24 ? EVP_aes_192_wrap() : EVP_aes_256_wrap();
}

/* The whole at once; the length of what came out, or -1. */
static int
run_cipher(EVP_CIPHER_CTX *ctx, const uint8_t *in, size_t len, uint8_t *out)
{
	int first, last;

	must(len <= INT32_MAX);
	if (EVP_CipherUpdate(ctx, out, &first, in, (int)len) != 1 ||
	    EVP_CipherFinal_ex(ctx, out + first, &last) != 1)
		return -1;
	return first + last;
}

static int
wrap_either_way(const struct wrap_info *wrap, const uint8_t *kek, bool in,
    const uint8_t *bytes, size_t len, uint8_t *out)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n;

	must(ctx != NULL);
	EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
	must(EVP_CipherInit_ex(ctx, wrapper(wrap), NULL, kek, NULL, in) == 1);
	n = run_cipher(ctx, bytes, len, out);
	EVP_CIPHER_CTX_free(ctx);
	return n;
}

bool
wrap_key(const struct wrap_info *wrap, const uint8_t *kek, const uint8_t *cek,
    size_t len, uint8_t *wrapped)
{
	return wrap_either_way(wrap, kek, true, cek, len, wrapped) ==
	    (int)len + 8;
}

bool
unwrap_key(const struct wrap_info *wrap, const uint8_t *kek,
    const uint8_t *wrapped, size_t len, uint8_t *cek)
{
	return len > 8 && wrap_either_way(wrap, kek, false, wrapped, len,
	    cek) == (int)len - 8;
}

/* --- content ----------------------------------------------------------------------------- */

static size_t
cbc(const struct content_info *content, const uint8_t *key, bool in,
    const uint8_t iv[IV_BYTES], struct slice bytes, uint8_t *out)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n;

	must(ctx != NULL && EVP_CipherInit_ex(ctx, content->half == 24 ?
	    EVP_aes_192_cbc() : EVP_aes_256_cbc(), NULL, key + content->half,
	    iv, in) == 1);
	n = run_cipher(ctx, (const uint8_t *)bytes.p, bytes.len, out);
	EVP_CIPHER_CTX_free(ctx);
	return n < 0 ? SIZE_MAX : (size_t)n;
}

size_t
encrypt_cbc(const struct content_info *content, const uint8_t *key,
    const uint8_t iv[IV_BYTES], struct slice plain, uint8_t *out)
{
	return cbc(content, key, true, iv, plain, out);
}

size_t
decrypt_cbc(const struct content_info *content, const uint8_t *key,
    const uint8_t iv[IV_BYTES], struct slice cipher, uint8_t *out)
{
	return cbc(content, key, false, iv, cipher, out);
}

static void
mac_add(EVP_MAC_CTX *ctx, const void *bytes, size_t len)
{
	must(EVP_MAC_update(ctx, bytes, len) == 1);
}

void
make_tag(const struct content_info *content, const uint8_t *key,
    struct slice header, const uint8_t iv[IV_BYTES], struct slice cipher,
    uint8_t *tag)
{
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);
	uint8_t whole[EVP_MAX_MD_SIZE], bits[8] = { 0 };
	OSSL_PARAM params[2] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST,
		    (char *)(uintptr_t)content->digest, 0),
		OSSL_PARAM_construct_end(),
	};
	size_t len;

	put32(bits + 4, header.len * 8);	/* of at most HEADER_MAX */
	must(ctx != NULL && EVP_MAC_init(ctx, key, content->half, params) ==
	    1);
	mac_add(ctx, header.p, header.len);
	mac_add(ctx, iv, IV_BYTES);
	mac_add(ctx, cipher.p, cipher.len);
	mac_add(ctx, bits, sizeof(bits));
	must(EVP_MAC_final(ctx, whole, &len, sizeof(whole)) == 1);
	memcpy(tag, whole, content->half);
	EVP_MAC_CTX_free(ctx);
	EVP_MAC_free(mac);
}

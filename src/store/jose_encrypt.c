/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * JWE in compact form, made and opened.
 */
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <string.h>

#include "base/base64url.h"
#include "base/must.h"
#include "store/jose_private.h"

/* What a token consists of, in its order. */
enum part { PART_HEADER, PART_KEY, PART_IV, PART_CIPHER, PART_TAG };

static void
wipe(struct buf *b)
{
	if (b->p != NULL)
		OPENSSL_cleanse(b->p, b->cap);
	buf_fini(b);
}

/* --- making ---------------------------------------------------------------------------- */

static void
write_header(const struct jose_key *key, const struct jose_how *how,
    const EVP_PKEY *ephemeral, struct buf *out)
{
	uint8_t x[EC_BYTES], y[EC_BYTES];

	ec_coordinates(ephemeral, x, y);
	buf_char(out, '{');
	if (how->deflate)
		buf_text(out, "\"zip\":\"DEF\",");
	buf_printf(out, "\"cty\":\"JWT\",\"alg\":\"%s\",\"enc\":\"%s\","
	    "\"kid\":", wrap_infos[how->wrap].name,
	    content_infos[how->content].name);
	buf_json(out, slice_of(key->kid));
	buf_text(out, ",\"epk\":{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"");
	base64url_write(out, x, EC_BYTES);
	buf_text(out, "\",\"y\":\"");
	base64url_write(out, y, EC_BYTES);
	buf_text(out, "\"}}");
}

/* A fresh key for the content, wrapped for the receiver. */
static void
make_key(const struct jose_key *key, const struct jose_how *how,
    EVP_PKEY *ephemeral, uint8_t *cek, uint8_t *wrapped)
{
	const struct wrap_info *wrap = &wrap_infos[how->wrap];
	size_t len = 2 * content_infos[how->content].half;
	uint8_t kek[KEK_MAX];

	must(RAND_bytes(cek, (int)len) == 1);
	must(agree(ephemeral, key->pkey, wrap, kek));
	must(wrap_key(wrap, kek, cek, len, wrapped));
	OPENSSL_cleanse(kek, sizeof(kek));
}

static void
write_content(const struct content_info *content, const uint8_t *cek,
    struct slice header, struct slice plain, struct buf *out)
{
	uint8_t iv[IV_BYTES], tag[TAG_MAX];
	struct buf cipher = { 0 };

	must(RAND_bytes(iv, sizeof(iv)) == 1);
	buf_reserve(&cipher, plain.len + IV_BYTES);
	cipher.len = encrypt_cbc(content, cek, iv, plain,
	    (uint8_t *)cipher.p);
	must(cipher.len != SIZE_MAX);
	make_tag(content, cek, header, iv, buf_all(&cipher), tag);
	buf_char(out, '.');
	base64url_write(out, iv, sizeof(iv));
	buf_char(out, '.');
	base64url_write(out, cipher.p, cipher.len);
	buf_char(out, '.');
	base64url_write(out, tag, content->half);
	buf_fini(&cipher);
}

void
jose_encrypt(const struct jose_key *key, const struct jose_how *how,
    struct slice plain, struct buf *out)
{
	const struct content_info *content = &content_infos[how->content];
	EVP_PKEY *ephemeral = ec_generate();
	uint8_t cek[CEK_MAX], wrapped[CEK_MAX + 8];
	struct buf json = { 0 }, header = { 0 }, packed = { 0 };

	write_header(key, how, ephemeral, &json);
	base64url_write(&header, json.p, json.len);
	make_key(key, how, ephemeral, cek, wrapped);
	if (how->deflate)
		raw_deflate(plain, &packed);
	buf_slice(out, buf_all(&header));
	buf_char(out, '.');
	base64url_write(out, wrapped, 2 * content->half + 8);
	write_content(content, cek, buf_all(&header), how->deflate ?
	    buf_all(&packed) : plain, out);
	OPENSSL_cleanse(cek, sizeof(cek));
	EVP_PKEY_free(ephemeral);
	buf_fini(&json);
	buf_fini(&header);
	wipe(&packed);
}

/* --- opening ---------------------------------------------------------------------------- */

struct opening {
	const struct jose_key *key;
	const struct wrap_info *wrap;
	const struct content_info *content;
	bool		 deflated;
	EVP_PKEY	*epk;
};

static const char *
text_in(const json_t *header, const char *name)
{
	const char *text = json_string_value(json_object_get(header, name));

	return text == NULL ? "" : text;
}

static bool
find_algorithms(struct opening *o, const json_t *header)
{
	for (size_t i = 0; i < 2; i++) {
		if (strcmp(text_in(header, "alg"), wrap_infos[i].name) == 0)
			o->wrap = &wrap_infos[i];
		if (strcmp(text_in(header, "enc"), content_infos[i].name) == 0)
			o->content = &content_infos[i];
	}
	o->deflated = json_object_get(header, "zip") != NULL;
	return o->wrap != NULL && o->content != NULL && (!o->deflated ||
	    strcmp(text_in(header, "zip"), "DEF") == 0);
}

/* Neither party's info has a place in what we agree on. */
static bool
read_epk(struct opening *o, const json_t *header)
{
	const json_t *epk = json_object_get(header, "epk");
	uint8_t x[EC_BYTES], y[EC_BYTES];

	if (json_object_get(header, "apu") != NULL ||
	    json_object_get(header, "apv") != NULL ||
	    strcmp(text_in(epk, "kty"), "EC") != 0 ||
	    strcmp(text_in(epk, "crv"), "P-384") != 0 ||
	    !jwk_bytes(epk, "x", x, EC_BYTES) ||
	    !jwk_bytes(epk, "y", y, EC_BYTES))
		return false;
	o->epk = ec_public(x, y);
	return o->epk != NULL;
}

static bool
read_header(struct opening *o, struct jose_keys keys, struct slice part,
    struct err *err)
{
	json_t *header = jose_header(part, err);
	bool good = false;

	if (header == NULL)
		return false;
	if (!find_algorithms(o, header))
		err_set(err, "it is encrypted by none of the algorithms that "
		    "are used here");
	else if (!slice_eq_nocase(slice_of(text_in(header, "cty")),
	    SLICE("JWT")))
		err_set(err, "it does not hold a JWT");
	else if ((o->key = jose_find(keys, header, err)) != NULL)
		good = read_epk(o, header) ||
		    err_set(err, "its ephemeral key is not good");
	json_decref(header);
	return good;
}

static bool
open_key(const struct opening *o, struct slice part, uint8_t *cek)
{
	struct buf wrapped = { 0 };
	uint8_t kek[KEK_MAX];
	bool good = base64url_read(&wrapped, part) &&
	    wrapped.len == 2 * o->content->half + 8 &&
	    agree(o->key->pkey, o->epk, o->wrap, kek) &&
	    unwrap_key(o->wrap, kek, (const uint8_t *)wrapped.p, wrapped.len,
	    cek);

	OPENSSL_cleanse(kek, sizeof(kek));
	buf_fini(&wrapped);
	return good;
}

/* The tag is compared before anything is decrypted. */
static bool
open_content(const struct opening *o, const uint8_t *cek,
    const struct slice *parts, struct buf *plain)
{
	struct buf iv = { 0 }, cipher = { 0 }, tag = { 0 };
	uint8_t expected[TAG_MAX];
	bool good = base64url_read(&iv, parts[PART_IV]) &&
	    base64url_read(&cipher, parts[PART_CIPHER]) &&
	    base64url_read(&tag, parts[PART_TAG]) && iv.len == IV_BYTES &&
	    tag.len == o->content->half && cipher.len > 0;

	if (good) {
		make_tag(o->content, cek, parts[PART_HEADER],
		    (const uint8_t *)iv.p, buf_all(&cipher), expected);
		good = CRYPTO_memcmp(expected, tag.p, tag.len) == 0;
	}
	if (good) {
		buf_reserve(plain, cipher.len + IV_BYTES);
		plain->len = decrypt_cbc(o->content, cek,
		    (const uint8_t *)iv.p, buf_all(&cipher),
		    (uint8_t *)plain->p);
		good = plain->len != SIZE_MAX;
		if (!good)
			plain->len = 0;
	}
	buf_fini(&iv);
	buf_fini(&cipher);
	buf_fini(&tag);
	return good;
}

static bool
open_token(struct opening *o, const struct slice *parts, size_t limit,
    struct buf *out, struct err *err)
{
	uint8_t cek[CEK_MAX];
	struct buf plain = { 0 };
	bool good = open_key(o, parts[PART_KEY], cek) &&
	    open_content(o, cek, parts, &plain);

	OPENSSL_cleanse(cek, sizeof(cek));
	if (!good)
		err_set(err, "it was not encrypted for this key, or was "
		    "changed on the way");
	else if (!o->deflated && plain.len <= limit)
		buf_slice(out, buf_all(&plain));
	else if (!o->deflated || !raw_inflate(buf_all(&plain), limit, out))
		good = err_set(err, "what it holds is larger than %zu bytes, "
		    "or not well deflated", limit);
	wipe(&plain);
	return good;
}

bool
jose_decrypt(struct jose_keys keys, struct slice token, size_t limit,
    struct buf *plain, struct err *err)
{
	struct slice parts[JWE_PARTS];
	struct opening o = { .epk = NULL };
	bool good;

	if (!jose_split(token, parts, JWE_PARTS))
		return err_set(err, "it has not the five parts of a JWE");
	good = read_header(&o, keys, parts[PART_HEADER], err) &&
	    open_token(&o, parts, limit, plain, err);
	EVP_PKEY_free(o.epk);
	return good;
}

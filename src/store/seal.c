/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "store/seal.h"

#include <openssl/evp.h>
#include <string.h>
#include <sys/random.h>

#include "base/hmac.h"
#include "base/must.h"

enum { IV = 12, TAG = 16, KID = 8 };

/* --- base64url, without padding (RFC 7515, 2) ------------------------------------ */

static const char letters[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void
put_base64(struct buf *out, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i += 3) {
		uint32_t word = (uint32_t)bytes[i] << 16;

		if (i + 1 < len)
			word |= (uint32_t)bytes[i + 1] << 8;
		if (i + 2 < len)
			word |= bytes[i + 2];
		for (size_t k = 0; k < 4 && i + k <= len; k++)
			buf_char(out, letters[word >> (18 - 6 * k) & 63]);
	}
}

/* One way to write each sequence: bits left over are zero. */
static bool
get_base64(struct buf *out, struct slice text)
{
	uint32_t word = 0;
	unsigned bits = 0;

	if (text.len % 4 == 1)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		const char *at = text.p[i] == '\0' ? NULL :
		    strchr(letters, text.p[i]);

		if (at == NULL)
			return false;
		word = word << 6 | (uint32_t)(at - letters);
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			buf_char(out, (char)(word >> bits));
			word &= (1U << bits) - 1;
		}
	}
	return word == 0;
}

/* --- the token -------------------------------------------------------------------- */

/* Says which key it was, and nothing of the key. */
static void
put_header(struct buf *out, const uint8_t key[SEAL_KEY])
{
	static const char hex[] = "0123456789abcdef";
	uint8_t mac[HMAC_BYTES];
	struct buf json = { 0 };

	hmac_sha256((struct slice){ (const char *)key, SEAL_KEY },
	    SLICE("portolan key id"), mac);
	buf_text(&json, "{\"alg\":\"dir\",\"enc\":\"A256GCM\",\"kid\":\"");
	for (size_t i = 0; i < KID; i++) {
		buf_char(&json, hex[mac[i] >> 4]);
		buf_char(&json, hex[mac[i] & 15]);
	}
	buf_text(&json, "\"}");
	put_base64(out, (const uint8_t *)json.p, json.len);
	buf_fini(&json);
}

static EVP_CIPHER_CTX *
begin(const uint8_t key[SEAL_KEY], const uint8_t iv[IV], struct slice header,
    int encrypt)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n;

	must(ctx != NULL);
	must(EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, iv,
	    encrypt) == 1);
	must(EVP_CipherUpdate(ctx, NULL, &n, (const uint8_t *)header.p,
	    (int)header.len) == 1);
	return ctx;
}

void
seal(const struct seal_keys *keys, struct slice plain, struct buf *token)
{
	uint8_t iv[IV], tag[TAG], text[SEAL_TOKEN_MAX / 2 + TAG];
	size_t start = token->len;
	EVP_CIPHER_CTX *ctx;
	int n, rest;

	must(keys->count > 0 && plain.len <= SEAL_TOKEN_MAX / 2);
	must(getrandom(iv, sizeof(iv), 0) == sizeof(iv));
	put_header(token, keys->list[0]);
	ctx = begin(keys->list[0], iv, (struct slice){ token->p + start,
	    token->len - start }, 1);
	must(EVP_EncryptUpdate(ctx, text, &n, (const uint8_t *)plain.p,
	    (int)plain.len) == 1);
	must(EVP_EncryptFinal_ex(ctx, text + n, &rest) == 1);
	must(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG, tag) == 1);
	EVP_CIPHER_CTX_free(ctx);
	buf_text(token, "..");		/* no key inside: it is agreed on */
	put_base64(token, iv, IV);
	buf_char(token, '.');
	put_base64(token, text, (size_t)n + (size_t)rest);
	buf_char(token, '.');
	put_base64(token, tag, TAG);
}

struct parts {
	struct slice	 header, key, iv, text, tag;
};

static bool
split(struct slice token, struct parts *p)
{
	struct slice more;

	return token.len <= SEAL_TOKEN_MAX &&
	    slice_split(&token, '.', &p->header) &&
	    slice_split(&token, '.', &p->key) &&
	    slice_split(&token, '.', &p->iv) &&
	    slice_split(&token, '.', &p->text) &&
	    slice_split(&token, '.', &p->tag) &&
	    !slice_split(&token, '.', &more) && p->key.len == 0;
}

static bool
open_under(const uint8_t key[SEAL_KEY], const struct parts *p,
    struct buf *plain)
{
	struct buf iv = { 0 }, text = { 0 }, tag = { 0 };
	bool good = get_base64(&iv, p->iv) && get_base64(&text, p->text) &&
	    get_base64(&tag, p->tag) && iv.len == IV && tag.len == TAG;
	int n = 0, rest = 0;

	if (good) {
		EVP_CIPHER_CTX *ctx = begin(key, (uint8_t *)iv.p, p->header,
		    0);
		uint8_t *to = (uint8_t *)buf_reserve(plain, text.len + TAG);

		good = EVP_DecryptUpdate(ctx, to, &n, (const uint8_t *)
		    (text.len == 0 ? "" : text.p), (int)text.len) == 1 &&
		    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, TAG,
		    tag.p) == 1 && EVP_DecryptFinal_ex(ctx, to + n, &rest) ==
		    1;
		if (good)
			plain->len += (size_t)n + (size_t)rest;
		EVP_CIPHER_CTX_free(ctx);
	}
	buf_fini(&iv);
	buf_fini(&text);
	buf_fini(&tag);
	return good;
}

bool
unseal(const struct seal_keys *keys, struct slice token, struct buf *plain)
{
	struct parts p;
	bool good = false;

	if (!split(token, &p))
		return false;
	for (size_t i = 0; i < keys->count && !good; i++) {
		struct buf header = { 0 };

		put_header(&header, keys->list[i]);
		if (slice_eq(buf_all(&header), p.header))
			good = open_under(keys->list[i], &p, plain);
		buf_fini(&header);
	}
	return good;
}

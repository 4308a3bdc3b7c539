/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "policy/explain_token.h"

#include <stdio.h>

#include "base/hmac.h"
#include "base/must.h"

enum {
	EXPIRY_DIGITS = 12,		/* enough for 30,000 years */
	CLAIM_MAX = 3 + EXPIRY_DIGITS + 1 + EXPLAIN_SUBJECT_MAX,
	CLAIM_TEXT = (CLAIM_MAX + 2) / 3 * 4,	/* at most, in base64url */
	MAC_TEXT = 43,
};

_Static_assert(CLAIM_TEXT + 1 + MAC_TEXT < EXPLAIN_TOKEN_TEXT,
    "room for the longest token");

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    "abcdefghijklmnopqrstuvwxyz0123456789-_";

const char *
explain_token_verdict_name(enum explain_token_verdict verdict)
{
	static const char *const names[EXPLAIN_TOKEN_VERDICTS] = {
		[EXPLAIN_TOKEN_GOOD] = "good",
		[EXPLAIN_TOKEN_MALFORMED] = "malformed",
		[EXPLAIN_TOKEN_FORGED] = "forged",
		[EXPLAIN_TOKEN_EXPIRED] = "expired",
	};

	must(verdict < EXPLAIN_TOKEN_VERDICTS);
	return names[verdict];
}

/* --- base64url without padding (RFC 4648 5) --------------------------------- */

static size_t
encode(char *out, const uint8_t *bytes, size_t len)
{
	uint32_t bits = 0;
	unsigned have = 0;
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		bits = bits << 8 | bytes[i];
		for (have += 8; have >= 6; have -= 6)
			out[n++] = digits[bits >> (have - 6) & 63];
	}
	if (have > 0)
		out[n++] = digits[bits << (6 - have) & 63];
	return n;
}

/* False unless it is the one way to write those bytes. */
static bool
decode(uint8_t *out, size_t *len, struct slice text)
{
	uint32_t bits = 0;
	unsigned have = 0;

	*len = 0;
	for (size_t i = 0; i < text.len; i++) {
		const char *digit = memchr(digits, text.p[i],
		    sizeof(digits) - 1);

		if (digit == NULL)
			return false;
		bits = bits << 6 | (uint32_t)(digit - digits);
		have += 6;
		if (have < 8)
			continue;
		have -= 8;
		out[(*len)++] = (uint8_t)(bits >> have);
	}
	return have < 6 && (bits & ((1u << have) - 1)) == 0;
}

/* --- what a token claims ----------------------------------------------------- */

struct claim {
	uint64_t	 expires_s;
	struct slice	 subject;
};

bool
explain_subject_is_good(struct slice subject)
{
	for (size_t i = 0; i < subject.len; i++) {
		char c = subject.p[i];

		if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') &&
		    !(c >= 'A' && c <= 'Z') && c != '.' && c != '_' &&
		    c != '@' && c != '-')
			return false;
	}
	return subject.len > 0 && subject.len <= EXPLAIN_SUBJECT_MAX;
}

static bool
read_claim(struct claim *claim, struct slice text)
{
	struct slice version, expiry;

	if (!slice_split(&text, '.', &version) || !slice_is(version, "v1") ||
	    !slice_split(&text, '.', &expiry))
		return false;
	claim->subject = text;
	return expiry.len <= EXPIRY_DIGITS &&
	    slice_to_u64(expiry, &claim->expires_s) &&
	    (expiry.p[0] != '0' || expiry.len == 1) &&
	    explain_subject_is_good(text);
}

/* --- signing and checking ---------------------------------------------------- */

static void
sign(const struct explain_key *key, struct slice claim, char text[MAC_TEXT])
{
	uint8_t mac[HMAC_BYTES];
	size_t len;

	must(key->len >= EXPLAIN_KEY_LEAST && key->len <= EXPLAIN_KEY_MOST);
	hmac_sha256((struct slice){ (const char *)key->bytes, key->len },
	    claim, mac);
	len = encode(text, mac, sizeof(mac));
	must(len == MAC_TEXT);
}

const char *
explain_token_sign(char token[EXPLAIN_TOKEN_TEXT],
    const struct explain_key *key, uint64_t expires_s, struct slice subject)
{
	char claim[CLAIM_MAX + 1];
	size_t len;

	must(explain_subject_is_good(subject));
	len = (size_t)snprintf(claim, sizeof(claim), "v1.%llu.%.*s",
	    (unsigned long long)expires_s, SLICE_ARG(subject));
	must(expires_s <= 999999999999 && len < sizeof(claim));
	len = encode(token, (const uint8_t *)claim, len);
	token[len] = '.';
	sign(key, (struct slice){ token, len }, token + len + 1);
	token[len + 1 + MAC_TEXT] = '\0';
	return token;
}

/* Every key is tried: how long it takes does not tell which one it was. */
static bool
is_signed(const struct explain_keys *keys, struct slice claim,
    struct slice mac)
{
	char expected[MAC_TEXT];
	bool found = false;

	for (size_t i = 0; i < keys->count; i++) {
		sign(&keys->list[i], claim, expected);
		found |= same_secret(expected, mac.p, MAC_TEXT);
	}
	return found;
}

enum explain_token_verdict
explain_token_check(const struct explain_keys *keys, uint64_t now_s,
    struct slice token, char subject[EXPLAIN_SUBJECT_MAX + 1])
{
	uint8_t bytes[CLAIM_TEXT];
	struct slice front, text = { (const char *)bytes, 0 };
	struct claim claim;

	if (!slice_split(&token, '.', &front) || front.len > CLAIM_TEXT ||
	    token.len != MAC_TEXT || !decode(bytes, &text.len, front) ||
	    !read_claim(&claim, text))
		return EXPLAIN_TOKEN_MALFORMED;
	if (!is_signed(keys, front, token))
		return EXPLAIN_TOKEN_FORGED;
	if (now_s >= claim.expires_s)
		return EXPLAIN_TOKEN_EXPIRED;
	memcpy(subject, claim.subject.p, claim.subject.len);
	subject[claim.subject.len] = '\0';
	return EXPLAIN_TOKEN_GOOD;
}

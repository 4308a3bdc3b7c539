/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Who may see why a request went where it went: a tester with a token that
 * was signed for him and has not expired.
 *
 *	base64url("v1." EXPIRY "." SUBJECT) "." base64url(HMAC-SHA256)
 *
 * without padding; EXPIRY is seconds since 1970, and the MAC is that of the
 * first part as it stands in the token.
 */
#ifndef POLICY_EXPLAIN_TOKEN_H
#define POLICY_EXPLAIN_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum {
	EXPLAIN_KEY_LEAST = 16,		/* bytes */
	EXPLAIN_KEY_MOST = 64,
	EXPLAIN_KEYS_MAX = 8,
	EXPLAIN_SUBJECT_MAX = 64,
	EXPLAIN_TOKEN_TEXT = 192,	/* with its NUL */
};

struct explain_key {
	uint8_t		 bytes[EXPLAIN_KEY_MOST];
	uint8_t		 len;
};

/* Any of them verifies; the first one signs.  None: the feature is off. */
struct explain_keys {
	const struct explain_key *list;
	size_t		 count;
};

enum explain_token_verdict {
	EXPLAIN_TOKEN_GOOD,
	EXPLAIN_TOKEN_MALFORMED,	/* not of this form */
	EXPLAIN_TOKEN_FORGED,		/* signed by none of the keys */
	EXPLAIN_TOKEN_EXPIRED,		/* was good once */
	EXPLAIN_TOKEN_VERDICTS
};

const char *explain_token_verdict_name(enum explain_token_verdict verdict);

/* A name that a token can be for: 1 to 64 of A-Za-z0-9._@- */
bool explain_subject_is_good(struct slice subject);

/* The subject must be good, and the time before the year 30,000. */
const char *explain_token_sign(char token[EXPLAIN_TOKEN_TEXT],
    const struct explain_key *key, uint64_t expires_s, struct slice subject);

/* Any text, at any time; subject is written after EXPLAIN_TOKEN_GOOD alone.
 * Good before the second in which it expires. */
enum explain_token_verdict explain_token_check(
    const struct explain_keys *keys, uint64_t now_s, struct slice token,
    char subject[EXPLAIN_SUBJECT_MAX + 1]);

#endif

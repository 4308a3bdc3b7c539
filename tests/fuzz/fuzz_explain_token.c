/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Tokens from anybody: none that the key did not sign is good, and one that
 * it did sign is nothing else than what was signed.
 */
#include <stdint.h>

#include "base/must.h"
#include "policy/explain_token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct explain_key key = { "0123456789abcdef", 16 };
	const struct explain_keys keys = { &key, 1 };
	struct slice text = { (const char *)data, size };
	char subject[EXPLAIN_SUBJECT_MAX + 1], token[EXPLAIN_TOKEN_TEXT];

	/* The corpus has one good token, in its only spelling. */
	if (explain_token_check(&keys, 1, text, subject) == EXPLAIN_TOKEN_GOOD)
		must(slice_is(text, explain_token_sign(token, &key, 1800000000,
		    slice_of(subject))));
	if (explain_subject_is_good(text)) {
		explain_token_sign(token, &key, size, text);
		must(explain_token_check(&keys, size - 1, slice_of(token),
		    subject) == EXPLAIN_TOKEN_GOOD);
		must(slice_is(text, subject));
	}
	return 0;
}

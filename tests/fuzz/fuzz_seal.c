/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Tokens from anybody: whatever opens is what was sealed under that key, and
 * bytes of any kind come back as they were.
 */
#include <stdint.h>

#include "base/must.h"
#include "store/seal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct seal_keys keys = { .list = { "sesame" },
	    .count = 1 };
	static const struct seal_keys others = { .list = { "mustard" },
	    .count = 1 };
	struct slice text = { (const char *)data, size };
	struct buf token = { 0 }, plain = { 0 };

	/* The corpus has one good token, of "good". */
	if (unseal(&keys, text, &plain))
		must(slice_is(buf_all(&plain), "good"));
	buf_clear(&plain);
	if (size <= SEAL_TOKEN_MAX / 2) {
		seal(&keys, text, &token);
		must(!unseal(&others, buf_all(&token), &plain) &&
		    plain.len == 0);
		must(unseal(&keys, buf_all(&token), &plain));
		must(slice_eq(buf_all(&plain), text));
	}
	buf_fini(&token);
	buf_fini(&plain);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Tokens and keys from anybody.  The keys here are never told to whoever
 * writes the input: nothing may verify or open.
 */
#include <stdint.h>

#include "base/must.h"
#include "store/jose.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct jose_key *key;
	struct slice text = { (const char *)data, size };
	struct jose_key *read;
	struct buf out = { 0 };
	struct err err;

	if (key == NULL)
		key = jose_key_new("0123456789abcdef");
	must(!jose_verify((struct jose_keys){ &key, 1 }, text, &out, &err));
	must(!jose_decrypt((struct jose_keys){ &key, 1 }, text, 65536, &out,
	    &err));
	must(out.len == 0);
	read = jose_key_read(text, &err);
	if (read != NULL) {
		jose_key_write(read, jose_key_is_private(read), &out);
		jose_key_free(&read);
		read = jose_key_read(buf_all(&out), &err);
		must(read != NULL);
		jose_key_free(&read);
	}
	buf_fini(&out);
	return 0;
}

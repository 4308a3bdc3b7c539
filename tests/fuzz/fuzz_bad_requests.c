/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What is shown of a bad head: two bytes are the place of the fault, the rest
 * is the head.  As long as what it stands for, never a secret.
 */
#include "base/must.h"
#include "edge/bad_requests.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice head = { (const char *)data + 2, size - 2 };
	char out[BAD_EXCERPT];
	size_t from, len;

	if (size < 2)
		return 0;
	len = bad_excerpt(head, (uint64_t)data[0] << 8 | data[1], out, &from);
	must(len <= BAD_EXCERPT && from + len <= head.len);
	for (size_t i = 0; i < len; i++) {
		must(out[i] == '*' || out[i] == head.p[from + i]);
		must((unsigned char)out[i] < 0x80);
	}
	return 0;
}

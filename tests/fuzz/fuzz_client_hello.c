/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * ClientHellos: the verdict comes once, wherever the bytes are cut, and a name
 * is one that a host may have.
 */
#include "base/must.h"
#include "net/client_hello.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct slice all = { (const char *)data, size };
	struct client_hello whole, h;
	const char *reason = NULL, *why = NULL;
	enum hello_end end = client_hello_read(&whole, all, &reason), cut;
	char name[CLIENT_HELLO_NAME];

	must(end != HELLO_MORE || size < CLIENT_HELLO_BYTES);
	must(end != HELLO_REFUSED || reason != NULL);
	must(whole.name_len < sizeof(whole.name));
	if (end == HELLO_DONE)
		must(strlen(whole.name) == whole.name_len);
	for (size_t n = 0; n < size && n < 512; n++) {
		cut = client_hello_read(&h, (struct slice){ all.p, n }, &why);
		must(cut == HELLO_MORE || cut == end);
	}
	must(client_hello_server_name(all, name) < sizeof(name));
	return 0;
}

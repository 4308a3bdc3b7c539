/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * A client that sends anything, cut anywhere, to handlers of every manner, or
 * (after a first byte beyond 127) where a PROXY header has to come first:
 * each request has one end, and no connection is left when the client's is.
 */
#include "serve_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char got[65536];
	int fd = begin(&(struct serve_accept){
	    .proxied = size > 0 && data[0] & 0x80 });

	while (size > 0) {
		size_t n = data[0] % 64 + 1u;	/* and then as many bytes */

		data++;
		if (n > --size)
			n = size;
		if (n > 0 && send(fd, data, n, MSG_NOSIGNAL) < 0)
			break;
		data += n;
		size -= n;
		turn_once();
		while (recv(fd, got, sizeof(got), 0) > 0)
			continue;
	}
	finish(fd);
	return 0;
}

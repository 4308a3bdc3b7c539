/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The walk through forwarding fields: the input is field lines of a request
 * from a trusted peer.
 */
#include "base/buf.h"
#include "base/must.h"
#include "policy/client_address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
walk(const struct client_trust *trust, const struct h1_head *head)
{
	const struct addr peer = addr_from_ip4(0x0a000001);
	struct client_address client;

	client_address_find(trust, &peer, CLIENT_PEER, head, &client);
	must(client.peer_trusted);
	must((client.addr.family == ADDR_NONE) ==
	    (client.source == CLIENT_MALFORMED));
	must((client.hop == 0) == (client.source == CLIENT_PEER));
	must(client.source != CLIENT_PEER || addr_eq(&client.addr, &peer));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct h1_head head;
	struct arena *arena = arena_new(0);
	struct buf text = { 0 };
	struct cidr net = { addr_from_ip4(0x0a000000), 8 };
	struct h1_end end;
	size_t seen = 0;

	buf_text(&text, "GET / HTTP/1.1\r\nHost: x\r\n");
	buf_add(&text, data, size);
	buf_text(&text, "\r\n\r\n");
	if (h1_read_request(&head, buf_all(&text), &seen, &end) == H1_DONE) {
		walk(client_trust_build(arena, &net, 1, 0, CLIENT_FIELD_XFF),
		    &head);
		walk(client_trust_build(arena, &net, 1, 0,
		    CLIENT_FIELD_FORWARDED), &head);
		walk(client_trust_build(arena, NULL, 0, 3, CLIENT_FIELD_XFF),
		    &head);
	}
	buf_fini(&text);
	arena_free(&arena);
	return 0;
}

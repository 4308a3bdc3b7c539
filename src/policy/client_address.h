/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Whose address to believe: the socket's, or through trusted peers what
 * X-Forwarded-For or Forwarded says, from right to left to the first
 * untrusted entry.  Evaluated for every request, not once a connection.
 */
#ifndef POLICY_CLIENT_ADDRESS_H
#define POLICY_CLIENT_ADDRESS_H

#include "base/addr.h"
#include "base/arena.h"
#include "http/h1.h"

enum client_source {
	CLIENT_PEER,			/* the socket's */
	CLIENT_PROXY,			/* the PROXY header's */
	CLIENT_FORWARDED,		/* a forwarding field's */
	CLIENT_MALFORMED,		/* the walk met junk: address unknown */
};

const char *client_source_name(enum client_source source);

enum client_field { CLIENT_FIELD_XFF, CLIENT_FIELD_FORWARDED };

struct client_trust;

/* hops > 0: trust that many entries from the right instead of the CIDRs
 * (the peer itself is then trusted).  The CIDRs are copied. */
const struct client_trust *client_trust_build(struct arena *arena,
    const struct cidr *cidrs, size_t count, unsigned hops,
    enum client_field field);

struct client_address {
	struct addr	 addr;		/* canonical; ADDR_NONE: unknown */
	/* The same, but where that is unknown the last hop that was: it said
	 * what nobody can read. */
	struct addr	 nearest;
	enum client_source source;
	uint8_t		 hop;		/* 0 the peer, 1 the rightmost entry, ... */
	bool		 peer_trusted;	/* inbound forwarding fields may be kept */
};

/* peer: of the socket or the PROXY header.  All field lines of head in
 * order are one list. */
void client_address_find(const struct client_trust *trust,
    const struct addr *peer, enum client_source peer_source,
    const struct h1_head *head, struct client_address *client);

#endif

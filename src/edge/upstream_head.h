/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The head that goes to an engine or to another edge, re-serialised from the
 * fields that were parsed: what is hop-by-hop or would pretend to be ours is
 * left out; who the client is, where it is and which way it came is put in.
 *
 * It is written in two parts.  The front is the same wherever the request
 * goes, and is made while the client's head is there; the end depends on the
 * decision, and is made anew for each attempt.
 */
#ifndef EDGE_UPSTREAM_HEAD_H
#define EDGE_UPSTREAM_HEAD_H

#include "edge/link.h"
#include "edge/text.h"

struct head_front {
	const struct h1_head *head;
	struct slice	 path, query;	/* normalised; query p NULL: none */
	const struct addr *peer;	/* whoever is connected to us */
	bool		 trusted;	/* its forwarding fields are kept */
	bool		 link;		/* it is an edge: they are passed as is */
	/* X-Forwarded-Proto, -Host, -Port: a trusted peer's word or ours */
	struct slice	 proto, host, port;
	bool		 tls;
	bool		 forwarded;	/* send Forwarded (RFC 7239) */
	/* Not NULL: nobody behind us is told an address, but the hash under
	 * this key of the client's, in Forwarded. */
	const uint8_t	*hash_key;
	const struct addr *client;	/* for that */
	struct slice	 via, pseudonym;
	struct slice	 request_id;
	const char	*span_id;	/* 16 digits, for a traceparent of ours */
	const char	*trace_id;	/* 32 digits */
	bool		 recorded;	/* by spans: each attempt has its own
					   traceparent, in the end */
	struct slice	 certificate;	/* the client's, for Client-Cert; empty:
					   not to be told */
	bool		 keeps_state;	/* tracestate is the caller's, and good */
};

void head_front_write(struct buf *out, const struct head_front *front);

struct head_end {
	enum h1_framing	 framing;	/* of the body, as it came */
	uint64_t	 length;
	bool		 expect;	/* 100-continue is left to the upstream */
	struct slice	 upgrade;	/* empty: none */
	struct slice	 traceparent;	/* empty: it stands in the front */
	/* for an engine: who is believed to ask, and where that is */
	const struct addr *client;	/* or the hop nearest to an unknown one;
					   NULL: unknown, as ADDR_NONE */
	struct place	 place;
	const struct link_facts *link;	/* for another edge; else NULL */
};

void head_end_write(struct buf *out, const struct head_end *end);

/*
 * X-ManyWho-Region* and X-ManyWho-GeoLocation*: ours to say, in both
 * directions.
 */
bool is_control_field(struct slice name);

/* An id that a trusted peer may give a request: 1 to 64 of A-Za-z0-9._- */
bool request_id_is_good(struct slice id);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What one edge tells the next over the inter-region link: X-Portolan-*
 * fields, written by the outer edge, read by the inner one on a link listener
 * from a peer whose certificate names its region, and dropped everywhere else.
 *
 * The inner edge does not locate again.  It verifies, by its own knowledge,
 * that the path, the host and the restrictions agree with the decision that
 * sent the request here.
 */
#ifndef EDGE_LINK_H
#define EDGE_LINK_H

#include "base/buf.h"
#include "http/h1.h"
#include "policy/decide.h"

enum {
	LINK_ID_MAX = 64,		/* of a request */
	LINK_NAME_MAX = 64,		/* of a flow */
};

struct link_facts {
	struct addr	 client, nearest;	/* as client_address_find() */
	char		 frontend[REGION_ID_MAX];	/* the client reached it */
	char		 decided[REGION_ID_MAX];	/* the request is for it */
	char		 request_id[LINK_ID_MAX + 1];
	uint64_t	 generation;	/* the outer edge's */
	struct place	 place;
	enum flow_knowledge knowledge;
	uint32_t	 tag;
	char		 flow[LINK_NAME_MAX + 1];
	char		 tenant[LINK_NAME_MAX + 1];	/* "": none */
	char		 restrictions[2 * LINK_NAME_MAX + 2];	/* "tenant flow" */
};

/* Whole field lines. */
void link_write(struct buf *out, const struct link_facts *facts);

/* False, with *what naming the field at fault: missing, twice or not as
 * link_write() makes it. */
bool link_read(struct link_facts *facts, const struct h1_head *head,
    const char **what);

/*
 * Whether this edge may serve what was sent to it.  facts as for decide(),
 * with the knowledge that was told, or our own where we know better;
 * certified: the region that the peer's certificate names.  Sets decision's
 * classes, place, restrictions and allowed regions, and its outcome: FORWARD
 * to policy->self, RESTRICTIONS_STALE, or MISDIRECTED with *disagreement in
 * words.
 */
void link_verify(const struct policy *policy, const struct link_facts *told,
    const struct facts *facts, const char *certified,
    struct decision *decision, const char **disagreement);

/*
 * On the way back, by the inner edge: no engine got a byte of the request, so
 * it may be sent elsewhere.  The value is the outcome's name.
 */
#define LINK_REFUSED "X-Portolan-Refused"

/* By an engine with its 421: regions that may, by its newer knowledge. */
#define LINK_ALLOWED "X-Portolan-Allowed"

/* By the inner edge with an engine's 426: what that asks to change to, if it can
 * pass.  Upgrade itself is of one connection, and HTTP/2 has none. */
#define LINK_UPGRADE "X-Portolan-Upgrade"

/* "GB EU" or "GB,EU"; unknown names count for nothing. */
struct region_set link_regions(const struct region_map *map,
    struct slice value);

#endif

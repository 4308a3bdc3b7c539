/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Looking inside the front of a held-back body for the flow or state that a
 * request is about.  Pure: bytes in, finding out.  Bodies are foreign bytes:
 * depth and size are limited, nothing is kept.
 */
#ifndef POLICY_PEEK_H
#define POLICY_PEEK_H

#include "policy/decide.h"

enum peek_end {
	PEEK_MORE,			/* more of the body is needed */
	PEEK_FOUND,			/* facts.flow or facts.tag are set */
	PEEK_NOT_FOUND,			/* the body is whole (or the limit reached) and
					   does not say: knowledge is FLOW_UNKNOWN */
};

enum { PEEK_TEXT = 64 };

/*
 * First what the head alone tells: sets facts' tenant-related knowledge from
 * path, query and ManyWhoState header.  PEEK_MORE if the body must be read.
 * A tenant without restricted flows gets FLOW_NOT_NEEDED at once.
 * facts->room receives the tenant of a token in the query.
 */
enum peek_end peek_head(const struct policy *policy, struct slice query,
    struct slice state_header, bool has_body, struct facts *facts);

/*
 * Then with the body read so far; whole: nothing follows, or nothing more
 * will be read, so the answer is not PEEK_MORE.  flow_text receives what
 * facts->flow or, out of a token, facts->tenant point to; may be facts->room.
 * What the answer is does not depend on how the body came in pieces.
 */
enum peek_end peek_body(struct slice content_type, struct slice body,
    bool whole, struct facts *facts, char flow_text[PEEK_TEXT]);

#endif

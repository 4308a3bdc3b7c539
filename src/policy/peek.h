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

/*
 * First what the head alone tells: sets facts' tenant-related knowledge from
 * path, query and ManyWhoState header.  PEEK_MORE if the body must be read.
 * A tenant without restricted flows gets FLOW_NOT_NEEDED at once.
 */
enum peek_end peek_head(const struct policy *policy, struct slice query,
    struct slice state_header, bool has_body, struct facts *facts);

/*
 * Then with the body read so far; whole: nothing follows.  flow_text (room
 * for 64 bytes) receives what facts->flow points to.
 */
enum peek_end peek_body(struct slice content_type, struct slice body,
    bool whole, struct facts *facts, char *flow_text);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Why a request goes where it goes: the whole record of a decision, as JSON
 * for programs (and for the header of authorised testers) and as text for
 * people.  Not for anybody else: it names regions and restrictions.
 */
#ifndef POLICY_EXPLAIN_H
#define POLICY_EXPLAIN_H

#include "base/buf.h"
#include "policy/facts.h"
#include "policy/overrides.h"

struct explanation {
	const struct policy *policy;
	const struct facts *facts;
	const struct client_address *client;
	const struct decision *decision;	/* NULL: refused before it */
	const char	*refusal;	/* ... for this reason */
	struct region_set up;
	struct region_set by_hand;	/* an operator has spoken of them ... */
	const struct overrides *overrides;	/* ... and said this; NULL: the
						   regions are all that is known */
	const char	*request_id;	/* NULL: none */
	struct slice	 attempts;	/* a JSON array; p NULL: none */
};

/* One line without its end. */
void explain_json(struct buf *out, const struct explanation *e);

/* The same without what a request can make long (attempts, flow, path ...):
 * at most 4 KiB, and says that it is not all. */
void explain_json_short(struct buf *out, const struct explanation *e);

void explain_text(struct buf *out, const struct explanation *e);

/* --- a request that nobody sent ---------------------------------------------- */

/* What a person knows of it; p NULL where nothing is said. */
struct explain_request {
	struct slice	 method, host, path;
	struct slice	 tenant, flow, state;
	struct slice	 forwarded;	/* X-Forwarded-For, or Forwarded */
	bool		 is_forwarded;	/* ... the latter */
	struct slice	 sni;
	struct addr	 peer;
};

/* Some 30 KiB; one for many requests. */
struct explained {
	struct buf	 text;		/* the request as it would arrive */
	struct h1_head	 head;
	struct facts_read read;
	struct decision	 decision;
	char		 flow[PEEK_TEXT];
	struct explanation explanation;	/* of all this */
};

/*
 * Writes the request, reads it as the edge would, and decides.  The flow
 * stands in the body where that is its place; on any other call it is taken
 * as what the edge would have found.  False if no request can be made of it,
 * with *err saying why.
 */
bool explain_decide(const struct policy *policy,
    const struct client_trust *trust, struct region_set up,
    const struct explain_request *request, struct explained *out,
    struct err *err);

void explained_fini(struct explained *e);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What a tester sees who sends a good token (policy/explain_token.h) in
 * X-ManyWho-Region-Explain: in the same field of the response, why the request
 * went where it went, and its timers in Server-Timing.  Nobody else ever sees
 * it: without a good token er->tester is NULL, and nothing here is called but
 * tester_admit().
 *
 * The edge that the client reached answers; over a link nothing is asked.
 */
#ifndef EDGE_TESTER_H
#define EDGE_TESTER_H

#include "edge/request.h"
#include "policy/explain_token.h"

/* Some proxies in between read no longer lines than 8 KiB. */
enum { TESTER_RECORD_MAX = 6 * 1024 };

struct tester {
	char		 subject[EXPLAIN_SUBJECT_MAX + 1];
	struct region_set up;		/* as er->decision had it */
	struct buf	 attempts;	/* a JSON array, its end still missing */
	uint64_t	 began_us;	/* the present attempt; 0: none */
};

/* Whether a head may have a token that somebody here would look at. */
static inline bool
tester_may_ask(const struct edge_request *er)
{
	return er->request->head->by[FIELD_X_MANYWHO] >= 0 &&
	    er->plan->config->explain.keys.count > 0 && !er->over_link;
}

/* Needs request->head.  Sets er->tester if the token is good. */
void tester_admit(struct edge_request *er);

/* er->upstream is tried; how that ended, and the status if it answered. */
void tester_tries(struct edge_request *er);
void tester_tried(struct edge_request *er, const char *end, unsigned status);

/* Field lines of the response, once. */
void tester_write(struct edge_request *er, struct buf *fields);

void tester_free(struct tester **tester);

#endif

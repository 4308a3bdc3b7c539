/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Answers of our own.  This file alone turns an outcome into a status code
 * and words; none of them tells the public which regions would be allowed or
 * where an engine stands.
 */
#ifndef EDGE_ANSWER_H
#define EDGE_ANSWER_H

#include "base/buf.h"
#include "policy/decide.h"
#include "upstream/upstream.h"

enum refusal {
	REFUSAL_NONE,
	REFUSAL_SYNTAX,			/* status, rule and sentence come along */
	REFUSAL_BAD_PATH, REFUSAL_BAD_HOST, REFUSAL_BAD_TENANT, REFUSAL_METHOD,
	REFUSAL_MISDIRECTED, REFUSAL_ACCESS_DENIED, REFUSAL_EXECUTION_DENIED,
	REFUSAL_RATE_LIMITED, REFUSAL_OVERLOAD, REFUSAL_FLOW_NOT_FOUND, REFUSAL_REGION_UNAVAILABLE,
	REFUSAL_RESIDENCY_UNAVAILABLE, REFUSAL_RESTRICTIONS_STALE,
	REFUSAL_LOOP, REFUSAL_LINK_DISAGREES, REFUSAL_LINK_UNTRUSTED,
	REFUSAL_CONNECT_REFUSED, REFUSAL_CONNECT_TIMEOUT,
	REFUSAL_NO_DESCRIPTORS, REFUSAL_BROKEN, REFUSAL_BAD_ANSWER,
	REFUSAL_HEAD_TIMEOUT, REFUSAL_BODY_TIMEOUT, REFUSAL_RESIDENCY_BROKEN,
	REFUSALS
};

enum answer_form { ANSWER_PROBLEM, ANSWER_STRING, ANSWER_HTML };

/* What the client can read, by its Accept (its lines joined; empty where there
 * is none) and by the path: players of the API read a JSON string alone. */
enum answer_form answer_form_for(struct slice accept, struct slice path);

enum refusal refusal_of_outcome(enum outcome outcome);
enum refusal refusal_of_end(enum exchange_end end);
const char *refusal_name(enum refusal why);

struct answer_spec {
	enum refusal	 why;
	enum answer_form form;
	struct slice	 request_id;
	struct slice	 pseudonym;	/* for Proxy-Status */
	/* of REFUSAL_SYNTAX, and a detail of REFUSAL_BAD_PATH */
	unsigned	 status;
	const char	*rule, *sentence;
	unsigned	 retry_after_s;	/* 0: the usual, if any */
};

/* The field that an OPTIONS asks for and a 405 must have. */
extern const struct slice answer_allow;

/* The status; fields and body are appended to. */
unsigned answer_write(struct buf *fields, struct buf *body,
    const struct answer_spec *spec);

#endif

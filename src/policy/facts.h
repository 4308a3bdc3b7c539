/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * From the head of a request to the facts that a decision needs: the one way,
 * for live traffic and for explain.
 */
#ifndef POLICY_FACTS_H
#define POLICY_FACTS_H

#include "http/h1.h"
#include "http/target.h"
#include "policy/client_address.h"
#include "policy/decide.h"
#include "policy/peek.h"

enum facts_end {
	FACTS_READY,			/* for decide() */
	FACTS_NEED_BODY,		/* peek_body() first */
	FACTS_BAD_HOST,			/* 400, all three */
	FACTS_BAD_TARGET,		/* read->verdict says why */
	FACTS_BAD_TENANT,		/* what is no name */
};

const char *facts_end_text(enum facts_end end);

/* What a request comes with besides its head. */
struct facts_source {
	const struct policy *policy;
	const struct client_trust *trust;
	struct addr	 peer;		/* the socket's, or the PROXY header's */
	enum client_source peer_source;
	struct slice	 sni;		/* as TLS had it; p NULL: none */
	bool		 stale;		/* restrictions older than max_staleness */
	struct restriction_query *asked;	/* facts.asked; may be NULL */
};

/* Some 9 KiB: a caller keeps one for many requests where memory is dear, and
 * must not copy it: facts point into it and into the head's bytes. */
struct facts_read {
	struct facts	 facts;
	struct client_address client;
	struct target	 target;
	enum target_verdict verdict;
	struct slice	 content_type;	/* for peek_body() */
	char		 host[256], sni[256];
	char		 path[H1_LINE_MAX];
	char		 text[PEEK_TEXT];	/* facts.room */
};

/*
 * No allocation, no lock.  The client's address is found first, and is there
 * after every end.
 */
enum facts_end facts_from_head(const struct facts_source *source,
    const struct h1_head *head, struct facts_read *read);

#endif

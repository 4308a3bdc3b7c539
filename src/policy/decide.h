/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The decision: where a request may and should go, and why.  One pure
 * function over immutable data, used by live traffic, explain, map diff and
 * test, and the residency proof alike.
 */
#ifndef POLICY_DECIDE_H
#define POLICY_DECIDE_H

#include "geo/geo_table.h"
#include "policy/hosts.h"
#include "policy/path_class.h"
#include "policy/restrictions.h"

/* Everything the decision reads; part of a generation, immutable. */
struct policy {
	uint64_t	 generation;
	const struct region_map *map;
	const struct geo_table *geo;
	const struct hosts *hosts;
	const struct path_classes *paths;
	const struct restrictions *restrictions;
	/* Regions that keep decryption to themselves: requests for their hosts
	 * are for their own edge alone. */
	struct region_set in_region;
	uint8_t		 self;		/* this edge's region */
	uint8_t		 main;		/* the main region */
};

/* How much is known of the flow that a runtime request is about. */
enum flow_knowledge {
	FLOW_NOT_NEEDED,		/* no restricted flows: nobody looked */
	FLOW_BY_ID,			/* facts.flow */
	FLOW_BY_TAG,			/* facts.tag, from a state id */
	FLOW_UNKNOWN,			/* looked for and not found: every flow of
					   the tenant must permit */
	FLOW_EXEMPT,			/* callbacks and login returns: access does
					   not apply, execution by FLOW_BY_TAG */
	FLOW_EXEMPT_UNKNOWN,		/* the same, but their token is not ours:
					   execution as for FLOW_UNKNOWN */
};

const char *flow_knowledge_name(enum flow_knowledge knowledge);

/* Slices need to live through the call only. */
struct facts {
	struct slice	 host;		/* normalised (http/target.h) */
	struct slice	 sni_host;	/* p NULL: no TLS or no name in it */
	struct slice	 path;		/* normalised, without query */
	struct addr	 client;	/* ADDR_NONE: unknown */
	struct slice	 tenant;	/* p NULL: none */
	struct slice	 flow;
	uint32_t	 tag;
	enum flow_knowledge knowledge;
	bool		 stale;		/* restrictions older than max_staleness */
	uint8_t		 method;	/* enum h1_method; for the peek */
	bool		 has_birth;	/* a state's id told its birth region: */
	uint8_t		 birth;		/* its number; exempt calls follow the
					   state there */
	char		*room;		/* of PEEK_TEXT bytes (policy/peek.h), or
					   NULL: tokens in the query are not read */
	struct restriction_query *asked;	/* the caller's: the peek asks as
					   soon as it can, and the decision
					   has the answer; NULL: that asks */
};

enum outcome {
	OUTCOME_FORWARD,
	OUTCOME_MISDIRECTED,		/* 421: host not served here, or SNI */
	OUTCOME_BAD_PATH,		/* 400 */
	OUTCOME_ACCESS_DENIED,		/* 403 */
	OUTCOME_EXECUTION_DENIED,	/* 403: regional host outside the set */
	OUTCOME_FLOW_NOT_FOUND,		/* 413: nothing permitted by every flow */
	OUTCOME_REGION_UNAVAILABLE,	/* 503 */
	OUTCOME_RESIDENCY_UNAVAILABLE,	/* 503: a restriction kept the rest out */
	OUTCOME_RESTRICTIONS_STALE,	/* 503 */
	OUTCOMES
};

const char *outcome_name(enum outcome outcome);		/* "access-denied" */

/* Why a candidate was not taken, or that it was. */
enum candidate_fate {
	CANDIDATE_CHOSEN, CANDIDATE_SPARE, CANDIDATE_DOWN,
	CANDIDATE_TENANT_FORBIDS, CANDIDATE_FLOW_FORBIDS
};

const char *candidate_fate_name(enum candidate_fate fate);

/* Where a candidate comes from. */
enum candidate_origin {
	CANDIDATE_BY_HOST, CANDIDATE_BY_MAIN, CANDIDATE_BY_MAP,
	CANDIDATE_BY_FALLBACK, CANDIDATE_BY_NEARNESS, CANDIDATE_BY_STATE
};

const char *candidate_origin_name(enum candidate_origin origin);

struct candidate {
	uint8_t		 region;
	uint8_t		 fate;		/* enum candidate_fate */
	uint8_t		 origin;	/* enum candidate_origin */
};

struct decision {
	enum outcome	 outcome;
	uint8_t		 region;	/* after OUTCOME_FORWARD */
	enum host_kind	 host_kind;
	enum path_class	 path_class;
	struct geo_hit	 hit;		/* after every outcome */
	struct restriction_hit restrictions;	/* of runtime requests */
	struct region_set allowed;	/* regions that may process it: by the
					   restrictions, and by a host or path
					   that belongs to one region */
	uint8_t		 ncandidates;
	struct candidate candidates[REGIONS_MAX];	/* in order */
};

/* The restrictions of whatever the facts say is asked for; also what the
 * edge at the other end of a link verifies by. */
struct restriction_hit decide_what_binds(const struct restrictions *set,
    const struct facts *facts);

/*
 * up: the regions that can serve at this moment.  Total: always decides.
 * If the outcome is OUTCOME_FORWARD, region is in allowed and in up.
 * No allocation, no lock; any thread.
 */
void decide(const struct policy *policy, struct region_set up,
    const struct facts *facts, struct decision *decision);

/*
 * The same where the place is known already, and what binds the request:
 * for the residency proof and other questions about what would be.
 * facts->client is not read, and neither are the tenant's and flow's names but
 * for whether there is a tenant.
 */
void decide_known(const struct policy *policy, struct region_set up,
    const struct facts *facts, const struct geo_hit *hit,
    const struct restriction_hit *restrictions, struct decision *decision);

#endif

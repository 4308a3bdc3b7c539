/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/* The words of a decision, as logs, metrics and explain print them. */
#include "base/must.h"
#include "policy/decide.h"

const char *
outcome_name(enum outcome outcome)
{
	static const char *const names[OUTCOMES] = {
		[OUTCOME_FORWARD] = "forward",
		[OUTCOME_MISDIRECTED] = "misdirected",
		[OUTCOME_BAD_PATH] = "bad-path",
		[OUTCOME_ACCESS_DENIED] = "access-denied",
		[OUTCOME_EXECUTION_DENIED] = "execution-denied",
		[OUTCOME_FLOW_NOT_FOUND] = "flow-not-found",
		[OUTCOME_REGION_UNAVAILABLE] = "region-unavailable",
		[OUTCOME_RESIDENCY_UNAVAILABLE] = "residency-unavailable",
		[OUTCOME_RESTRICTIONS_STALE] = "restrictions-stale",
	};

	must(outcome < OUTCOMES);
	return names[outcome];
}

const char *
flow_knowledge_name(enum flow_knowledge knowledge)
{
	static const char *const names[] = {
		[FLOW_NOT_NEEDED] = "not-needed",
		[FLOW_BY_ID] = "by-id",
		[FLOW_BY_TAG] = "by-tag",
		[FLOW_UNKNOWN] = "unknown",
		[FLOW_EXEMPT] = "exempt",
		[FLOW_EXEMPT_UNKNOWN] = "exempt-unknown",
	};

	must(knowledge <= FLOW_EXEMPT_UNKNOWN);
	return names[knowledge];
}

const char *
candidate_fate_name(enum candidate_fate fate)
{
	static const char *const names[] = {
		[CANDIDATE_CHOSEN] = "chosen",
		[CANDIDATE_SPARE] = "spare",
		[CANDIDATE_DOWN] = "down",
		[CANDIDATE_TENANT_FORBIDS] = "tenant-forbids",
		[CANDIDATE_FLOW_FORBIDS] = "flow-forbids",
	};

	must(fate <= CANDIDATE_FLOW_FORBIDS);
	return names[fate];
}

const char *
candidate_origin_name(enum candidate_origin origin)
{
	static const char *const names[] = {
		[CANDIDATE_BY_HOST] = "host",
		[CANDIDATE_BY_MAIN] = "main",
		[CANDIDATE_BY_MAP] = "map",
		[CANDIDATE_BY_FALLBACK] = "fallback",
		[CANDIDATE_BY_NEARNESS] = "nearness",
		[CANDIDATE_BY_STATE] = "state",
	};

	must(origin <= CANDIDATE_BY_STATE);
	return names[origin];
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * An attempt that failed: another engine or another region is tried only
 * where nothing can happen twice.
 */
#include "edge/spans.h"
#include "edge/tester.h"

/* Whether all that was sent can be sent again. */
static bool
is_whole(const struct edge_request *er)
{
	return !er->request->has_body || er->body_kept;
}

static bool
has_attempts(const struct edge_request *er)
{
	return er->attempts <= er->plan->config->limits.retries;
}

/*
 * No byte was accepted: any request.  A byte may have been: only one that may
 * happen twice.  One that takes too long would only take that long again.
 */
static bool
may_try_again(const struct edge_request *er, enum exchange_end end,
    bool untaken, enum retry_why *why)
{
	switch (end) {
	case EXCHANGE_REFUSED:
		*why = RETRY_REFUSED;
		break;
	case EXCHANGE_CONNECT_TIMEOUT:
		*why = RETRY_TIMEOUT;
		break;
	case EXCHANGE_STALE:
	case EXCHANGE_BROKEN:
		*why = end == EXCHANGE_STALE ? RETRY_STALE : RETRY_BROKEN;
		if (!method_is_idempotent(er->request->method) &&
		    !(end == EXCHANGE_STALE && untaken))
			return false;
		break;
	default:
		return false;
	}
	return is_whole(er) && has_attempts(er);
}

/* A closed pooled connection says nothing against the engine, nor does a lack
 * of descriptors. */
static void
forgive(struct edge_request *er)
{
	const struct backend_group *group =
	    &er->plan->backends.regions[er->region];

	for (unsigned i = 0; i < group->count; i++)
		if (group->list[i] == er->upstream)
			er->tried &= ~((uint64_t)1 << i);
}

void
retry_failed(struct edge_request *er, enum exchange_end end, bool untaken)
{
	enum retry_why why;

	er->last_end = (uint8_t)end;
	if (er->tester != NULL)
		tester_tried(er, exchange_end_name(end), 0);
	if (er->spans != NULL)
		spans_failed(er, exchange_end_name(end));
	if (end == EXCHANGE_NO_DESCRIPTORS && is_whole(er)) {
		forgive(er);
		er->step = STEP_PICK;
		if (enter_descriptors(er))
			return;
	}
	if (may_try_again(er, end, untaken, &why) && (why == RETRY_STALE ||
	    enter_again(er))) {
		count_one(&er->worker->counters.retries[why]);
		if (why == RETRY_STALE)
			forgive(er);
		er->step = STEP_PICK;
		edge_request_run(er);
		return;
	}
	record_exchange_end(er, end);
	edge_request_refuse(er, refusal_of_end(end));
}

bool
retry_elsewhere(struct edge_request *er, enum retry_why why)
{
	struct region_set failed = er->failed;
	struct region_set up = plan_up_for(er->plan, edge_request_born(er));
	struct decision next;

	if (er->over_link || !is_whole(er) || !has_attempts(er))
		return false;
	region_set_add(&failed, er->decision.region);
	if (er->may.bits != 0)
		failed.bits |= (uint16_t)~er->may.bits;
	up.bits &= (uint16_t)~failed.bits;
	decide(&er->plan->generation->policy, up, edge_request_facts(er),
	    &next);
	er->elsewhere = (uint8_t)next.outcome;
	if (next.outcome != OUTCOME_FORWARD ||
	    (why == RETRY_LINK_REFUSED && !enter_again(er)))
		return false;
	count_one(&er->worker->counters.retries[why]);
	if (er->spans != NULL)
		spans_failed(er, retry_names[why]);
	er->failed = failed;
	er->decision = next;
	if (er->tester != NULL) {
		tester_tried(er, retry_names[why], 0);
		er->tester->up = up;
	}
	er->step = STEP_ENTER;
	return true;
}

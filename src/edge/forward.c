/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * An attempt: one of the chosen region's engines or edges is picked, and the
 * request is sent.
 */
#include <stdio.h>

#include "edge/spans.h"
#include "edge/tester.h"
#include "edge/upstream_head.h"

/* --- pick ------------------------------------------------------------------- */

static const struct region_map *
map_of(const struct edge_request *er)
{
	return er->plan->generation->policy.map;
}

/* The limit is for engines; another region's edge has its own. */
static bool
may_have(struct edge_request *er, const struct upstream *u)
{
	return u->spec.link || enter_engine(er, u->index);
}

/* An operator wants it tried, whatever the probes say. */
static bool
is_forced(const struct edge_request *er)
{
	return (atomic_load_explicit(&er->plan->forced,
	    memory_order_relaxed) >> er->region & 1) != 0;
}

/* full: those that have as many requests as they may. */
static int
pick_with_room(struct edge_request *er, const struct backend_group *group,
    uint64_t *full)
{
	struct backend_wish wish = {
		.forced = is_forced(er), .key = er->state_key,
		.slow_start_ms = er->plan->config->engines.slow_start_ms,
		.now_ms = er->worker->loop->now_ms,
	};
	int picked;

	*full = 0;
	for (;;) {
		wish.skip = er->tried | *full;
		wish.forced &= *full == 0;
		picked = backends_pick(group, &wish, er->worker->pools,
		    &er->worker->balance);
		if (picked < 0 || may_have(er, group->list[picked]))
			return picked;
		*full |= UINT64_C(1) << picked;
	}
}

static enum step_end
wait_for_engine(struct edge_request *er)
{
	if (enter_queue(er, LIMIT_ENGINE_REQUESTS))
		return STEP_WAIT;
	record_ender(er, 'R');
	return STEP_ANSWER;
}

enum step_end
step_pick(struct edge_request *er)
{
	uint8_t region = er->decision.region;
	const struct backend_group *group =
	    &er->plan->backends.regions[region];
	uint64_t full;
	int picked;

	if (region != er->region) {
		er->region = region;
		er->tried = 0;
	}
	picked = pick_with_room(er, group, &full);
	if (picked >= 0) {
		er->upstream = group->list[picked];
		er->tried |= (uint64_t)1 << picked;
		return STEP_NEXT;
	}
	if (full != 0)
		return wait_for_engine(er);
	region_set_add(&er->failed, region);
	if (!er->over_link) {
		er->step = STEP_DECIDE;
		return STEP_AGAIN;
	}
	er->refusal = (uint8_t)(er->attempts > 0 ?
	    refusal_of_end(er->last_end) : REFUSAL_REGION_UNAVAILABLE);
	return STEP_ANSWER;
}

/* --- forward ---------------------------------------------------------------- */

static void on_inform(struct exchange *, const struct h1_head *);
static void on_answer(struct exchange *, const struct h1_head *);
static void on_answer_body(struct exchange *, struct slice, bool);
static ssize_t on_answer_splice(struct exchange *, struct stream *, size_t);
static void on_upstream_drained(struct exchange *);
static void on_done(struct exchange *, enum exchange_end);

static const struct exchange_ops forward_ops = {
	.inform = on_inform,
	.head = on_answer,
	.body = on_answer_body,
	.splice = on_answer_splice,
	.drained = on_upstream_drained,
	.done = on_done,
};

/*
 * The last line of defence: whatever went wrong before, a request does not
 * leave for a region that may not process it.
 */
static bool
is_allowed(struct edge_request *er)
{
	const struct decision *d = &er->decision;
	const char *id = map_of(er)->regions[d->region].id;

	if (d->outcome == OUTCOME_FORWARD &&
	    region_set_has(d->allowed, d->region) &&
	    strcmp(er->upstream->spec.region, id) == 0)
		return true;
	count_one(&er->worker->counters.assert_failures);
	log_error("residency: a request was about to leave for %s, which may "
	    "not process it; it was refused request_id=%s upstream=%s",
	    id, er->request_id, er->upstream->name);
	return false;
}

static void
tell_link(const struct edge_request *er, struct link_facts *told)
{
	const struct restriction_hit *hit = &er->decision.restrictions;
	const struct region *to = &map_of(er)->regions[er->decision.region];

	memset(told, 0, sizeof(*told));
	told->client = er->client.addr;
	told->nearest = er->client.nearest;
	memcpy(told->frontend, er->frontend, sizeof(told->frontend));
	memcpy(told->decided, to->id, sizeof(told->decided));
	memcpy(told->request_id, er->request_id, sizeof(told->request_id));
	told->generation = er->plan->generation->id;
	told->place = er->decision.hit.place;
	told->knowledge = er->facts.knowledge;
	told->tag = er->facts.tag;
	memcpy(told->flow, er->flow, sizeof(told->flow));
	if (er->has_tenant)
		memcpy(told->tenant, er->tenant, sizeof(told->tenant));
	/* An empty value would not be read: a nameless flow is restricted by
	 * nothing. */
	if (told->knowledge == FLOW_BY_ID && told->flow[0] == '\0')
		told->knowledge = FLOW_NOT_NEEDED;
	if (hit->tenant_id != NULL || hit->flow_id != NULL)
		snprintf(told->restrictions, sizeof(told->restrictions),
		    "%s %s", hit->tenant_id == NULL ? "-" : hit->tenant_id,
		    hit->flow_id == NULL ? "-" : hit->flow_id);
}

/* The part of the head that depends on where it goes. */
static struct slice
finish_head(struct edge_request *er)
{
	struct link_facts told;
	struct head_end end = {
		.framing = er->framing, .length = er->length,
		.expect = er->passes_expect,
		.client = er->plan->config->hide_clients ? NULL :
		    &er->client.nearest,
		.place = er->decision.hit.place,
	};

	if (er->upstream->spec.link) {
		tell_link(er, &told);
		end.link = &told;
	}
	er->text.len = er->front_end;
	buf_reserve(&er->text, 2048);	/* upgrade stands in the same buffer */
	end.upgrade = request_text(er, er->upgrade);
	if (er->spans != NULL)
		end.traceparent = spans_try(er);
	head_end_write(&er->text, &end);
	return (struct slice){ er->text.p + er->head_at,
	    er->text.len - er->head_at };
}

/* The client as decided on, from where its connection came in. */
static void
tell_client(const struct edge_request *er, struct endpoint *source,
    struct endpoint *local)
{
	const struct serve_proxy *proxy = request_proxy(er->request);
	const struct endpoint *peer = request_peer(er->request);

	*source = *peer;
	if (er->client.nearest.family != ADDR_NONE) {
		source->kind = ENDPOINT_IP;
		source->addr = er->client.nearest;
		source->port = er->client.source == CLIENT_PEER ||
		    er->client.source == CLIENT_PROXY ? peer->port : 0;
	}
	stream_local(request_stream(er->request), local);
	if (proxy != NULL) {
		local->kind = ENDPOINT_IP;
		local->addr = proxy->destination;
		local->port = proxy->destination_port;
	}
}

static void
start(struct edge_request *er)
{
	struct endpoint source, local;
	const struct proxy_told told = { .source = &source,
	    .destination = &local };
	struct request *r = er->request;
	bool trailers = er->body_last && r->trailers.len > 0;
	struct exchange_request request = {
		.head = finish_head(er),
		.body = er->passing.len > 0 ? er->passing :
		    buf_all(&er->body),
		.body_passes = er->passing.len > 0,
		.body_follows = r->body_follows,
		.framing = er->framing,
		.body_whole = !r->has_body || (er->body_last && !trailers),
		.method = r->method,
		.told = er->upstream->spec.proxy ? &told : NULL,
	};

	if (request.told != NULL)
		tell_client(er, &source, &local);
	er->attempts++;
	er->times.sent_us = er->worker->loop->now_us;
	if (er->tester != NULL)
		tester_tries(er);
	er->exchange = exchange_start(er->worker->pools, er->upstream,
	    &request, &forward_ops, er);
	if (trailers)
		exchange_send_last(er->exchange, (struct slice){ NULL, 0 },
		    buf_all(&r->trailers));
	if (er->client_paused) {
		er->client_paused = false;
		request_resume(r);
	}
	if (!er->body_last && exchange_is_blocked(er->exchange)) {
		er->client_paused = true;
		request_pause(r);
	}
}

/*
 * A body's front usually comes in the packet of its head, and leaves in one,
 * too: it is waited for to the end of this turn.
 */
enum step_end
step_forward(struct edge_request *er)
{
	struct request *r = er->request;

	if (r->has_body && er->attempts == 0 && er->body.len == 0 &&
	    !er->body_last && !er->passes_expect && !er->waited_body) {
		er->waited_body = er->waiting_body = true;
		task_set(er->worker->loop, &er->task);
		return STEP_WAIT;
	}
	if (!is_allowed(er)) {
		er->refusal = REFUSAL_RESIDENCY_UNAVAILABLE;
		return STEP_ANSWER;
	}
	start(er);
	return STEP_NEXT;
}

/* --- the body on its way ------------------------------------------------------ */

/*
 * Room is made at once: the exchange points into the buffer until the request
 * is sent, so it must not move while more is added.
 */
void
forward_keep(struct edge_request *er, struct slice bytes)
{
	if (er->body.p == NULL) {
		er->body = worker_lend(er->worker);
		buf_reserve(&er->body, KEEP_BYTES);
	}
	buf_slice(&er->body, bytes);
}

void
forward_pass(struct edge_request *er, struct slice bytes)
{
	er->passing = bytes;
	er->body_kept = false;
}

void
forward_body(struct edge_request *er, struct slice bytes, bool last)
{
	if (er->exchange == NULL)
		return;			/* the upstream has answered already */
	if (!er->switched && er->body_kept) {
		er->body_kept = er->body.len + bytes.len <= KEEP_BYTES;
		if (er->body_kept)
			forward_keep(er, bytes);
	}
	if (last) {
		exchange_send_last(er->exchange, bytes,
		    buf_all(&er->request->trailers));
		return;
	}
	if (!exchange_send(er->exchange, bytes)) {
		er->client_paused = true;
		request_pause(er->request);
	}
}

ssize_t
forward_splice(struct edge_request *er, struct stream *from, size_t most)
{
	ssize_t n;

	if (er->exchange == NULL)
		return STREAM_CANNOT;
	n = exchange_splice(er->exchange, from, most);
	if (n <= 0)
		return n;
	er->body_kept = false;		/* nobody has seen it */
	if (exchange_is_blocked(er->exchange)) {
		er->client_paused = true;
		request_pause(er->request);
	}
	return n;
}

static void
on_upstream_drained(struct exchange *ex)
{
	struct edge_request *er = exchange_user(ex);

	if (!er->client_paused)
		return;
	er->client_paused = false;
	request_resume(er->request);
}

void
forward_cancel(struct edge_request *er)
{
	if (er->exchange == NULL)
		return;
	er->touched |= exchange_sent(er->exchange);
	exchange_cancel(&er->exchange);
	leave_engine(er);
	if (er->client_paused) {
		er->client_paused = false;
		request_resume(er->request);
	}
}

/* --- what the exchange reports -------------------------------------------------- */

static void
on_inform(struct exchange *ex, const struct h1_head *head)
{
	respond_inform(exchange_user(ex), head);
}

static void
on_answer(struct exchange *ex, const struct h1_head *head)
{
	struct edge_request *er = exchange_user(ex);

	er->touched = true;
	er->times.answered_us = er->worker->loop->now_us;
	er->times.connect_us = exchange_connect_us(ex);
	if (respond_head(er, head))
		return;
	forward_cancel(er);
	edge_request_run(er);
}

static void
on_answer_body(struct exchange *ex, struct slice bytes, bool last)
{
	struct edge_request *er = exchange_user(ex);

	er->body_bytes += bytes.len;
	if (last)
		request_send_last(er->request, bytes, exchange_trailers(ex));
	else if (!request_send(er->request, bytes))
		exchange_pause(ex);
}

static ssize_t
on_answer_splice(struct exchange *ex, struct stream *from, size_t most)
{
	struct edge_request *er = exchange_user(ex);
	bool full;
	ssize_t n = request_splice(er->request, from, most, &full);

	if (n > 0)
		er->body_bytes += (uint64_t)n;
	if (full)
		exchange_pause(ex);
	return n;
}

static void
on_done(struct exchange *ex, enum exchange_end end)
{
	struct edge_request *er = exchange_user(ex);

	er->touched |= exchange_sent(ex);
	er->exchange = NULL;
	leave_engine(er);
	if (end != EXCHANGE_DONE && !er->request->answered) {
		retry_failed(er, end, exchange_untaken(ex));
		return;
	}
	if (end != EXCHANGE_DONE) {
		if (er->spans != NULL)
			spans_failed(er, exchange_end_name(end));
		/* The client must not take what it has for all of it. */
		record_exchange_end(er, end);
		request_abort(er->request);
		return;
	}
	if (er->client_paused) {
		/* Answered before all of it was read: let it run out. */
		er->client_paused = false;
		request_resume(er->request);
	}
}

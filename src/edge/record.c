/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What is written down of a request: the counters, and when it is over its
 * access line.
 */
#include "edge/audit.h"
#include "edge/spans.h"
#include "edge/tester.h"

/*
 * The termination code has two letters, after HAProxy's: who ended it, and
 * in which phase.
 *
 *	-  nobody: it went as it should		R  its head or body was read
 *	C  the client left			Q  held back, decided
 *	c  the client was too slow		C  connecting to the upstream
 *	P  we, by an answer of our own		H  waiting for its answer
 *	S  the upstream				D  the answer was on its way
 *	s  the upstream was too slow		T  a tunnel
 *	R  we ran out of something
 *	K  we, with a drain's end
 *
 * A tunnel has no turns: whichever side is first found to be silent, it is c.
 */
static char
phase_of(const struct edge_request *er)
{
	if (er->request->answered)
		return er->switched ? 'T' : 'D';
	if (er->step < STEP_ADMIT)
		return 'R';
	if (er->peeking || er->step < STEP_FORWARD || er->waiting_body)
		return 'Q';
	return er->exchange == NULL || exchange_sent(er->exchange) ? 'H' : 'C';
}

void
record_ender(struct edge_request *er, char ender)
{
	if (er->ender != '\0')
		return;
	er->ender = ender;
	er->phase = phase_of(er);
	/* Nothing was sent if it never connected, but the exchange is gone. */
	if (er->phase == 'H' && er->exchange == NULL && !er->touched)
		er->phase = 'C';
}

static char
ender_of(const struct edge_request *er, enum exchange_end end)
{
	switch (end) {
	case EXCHANGE_NO_DESCRIPTORS:
		return 'R';
	case EXCHANGE_CONNECT_TIMEOUT:
	case EXCHANGE_HEAD_TIMEOUT:
		return 's';
	case EXCHANGE_BODY_TIMEOUT:
		return er->switched ? 'c' : 's';
	default:
		return 'S';
	}
}

void
record_exchange_end(struct edge_request *er, enum exchange_end end)
{
	record_ender(er, ender_of(er, end));
}

void
record_serve_end(struct edge_request *er, enum serve_end end)
{
	switch (end) {
	case SERVE_CLIENT_LEFT:
		record_ender(er, 'C');
		break;
	case SERVE_SEND_TIMEOUT:
	case SERVE_TUNNEL_IDLE:
		record_ender(er, 'c');
		break;
	case SERVE_CUT:
		record_ender(er, 'K');
		break;
	default:
		break;
	}
}

/* --- counters --------------------------------------------------------------- */

static enum decided_by
by_map(const struct edge_request *er)
{
	static const uint8_t by[] = {
		[REGION_BY_DEFAULT] = DECIDED_BY_DEFAULT,
		[REGION_BY_CONTINENT] = DECIDED_BY_CONTINENT,
		[REGION_BY_COUNTRY] = DECIDED_BY_COUNTRY,
		[REGION_BY_NETWORK] = DECIDED_BY_NETWORK,
	};

	return by[er->decision.hit.match];
}

static enum decided_by
decided_by(const struct edge_request *er)
{
	const struct decision *d = &er->decision;

	if (er->over_link)
		return DECIDED_BY_LINK;
	for (uint8_t i = 0; i < d->ncandidates; i++) {
		if (d->candidates[i].fate != CANDIDATE_CHOSEN)
			continue;
		switch ((enum candidate_origin)d->candidates[i].origin) {
		case CANDIDATE_BY_HOST:
			return DECIDED_BY_HOST;
		case CANDIDATE_BY_MAIN:
			return DECIDED_BY_MAIN;
		case CANDIDATE_BY_FALLBACK:
			return DECIDED_BY_FALLBACK;
		case CANDIDATE_BY_NEARNESS:
			return DECIDED_BY_NEARNESS;
		case CANDIDATE_BY_STATE:
			return DECIDED_BY_STATE;
		case CANDIDATE_BY_MAP:
			break;
		}
		break;
	}
	return by_map(er);
}

void
record_decision(struct edge_request *er)
{
	struct counters *c = &er->worker->counters;
	const struct decision *d = &er->decision;

	count_one(&c->countries[d->hit.place.country]);
	count_one(&c->classes[d->hit.place.class]);
	switch (d->outcome) {
	case OUTCOME_FORWARD:
		count_one(&c->decided[decided_by(er)][d->region]);
		return;
	case OUTCOME_ACCESS_DENIED:
		count_one(&c->access_denied[d->hit.place.class]);
		audit_denied(er);
		break;
	case OUTCOME_EXECUTION_DENIED:
		count_one(&c->execution_denied);
		audit_denied(er);
		break;
	default:
		break;
	}
	count_one(&c->refused[d->outcome]);
}

static unsigned
status_of(const struct edge_request *er)
{
	if (er->status != 0 && er->request->answered)
		return er->status;
	/* Nobody was there to take an answer (nginx's code for it), unless it
	 * is we who left. */
	return er->ender == 'K' ? 0 : 499;
}

/* Known at once, or only after the last permitted region was asked. */
static bool
found_no_region(const struct edge_request *er)
{
	return er->refusal == REFUSAL_RESIDENCY_UNAVAILABLE &&
	    (er->decision.outcome == OUTCOME_RESIDENCY_UNAVAILABLE ||
	    er->elsewhere == OUTCOME_RESIDENCY_UNAVAILABLE);
}

static void
count_request(struct edge_request *er, uint64_t now_us)
{
	struct counters *c = &er->worker->counters;
	unsigned region = er->backend >= 0 ? (unsigned)er->backend : NO_REGION;
	const struct request_times *t = &er->times;

	count_one(&c->requests[region][er->decision.path_class][
	    counters_code_index(status_of(er))]);
	if (found_no_region(er))
		counters_unavailable(c, er->decision.allowed);
	count_add(&c->received_bytes, er->request->body_bytes);
	count_add(&c->sent_bytes, er->request->sent_bytes);
	count_add(&c->attempts, er->attempts);
	/* A tunnel's life says nothing about speed. */
	if (!er->switched)
		counters_duration(&c->duration[region],
		    now_us - er->request->began_us);
	if (t->answered_us != 0)
		counters_duration(&c->upstream[region],
		    t->answered_us - t->sent_us);
}

/* --- the access line ---------------------------------------------------------- */

static const char *
outcome_of(const struct edge_request *er)
{
	if (er->refusal != REFUSAL_NONE)
		return refusal_name((enum refusal)er->refusal);
	return er->ended ? er->rule : "forward";
}

static const char *
reason_of(const struct edge_request *er)
{
	if (er->refusal == REFUSAL_SYNTAX || er->refusal == REFUSAL_BAD_PATH)
		return er->rule;
	if (er->step <= STEP_DECIDE)
		return NULL;
	return decided_by_names[decided_by(er)];
}

static const struct source_line *
rule_of(const struct edge_request *er)
{
	const struct decision *d = &er->decision;

	if (d->hit.list == NULL || d->host_kind == HOST_REGIONAL ||
	    d->path_class != PATH_RUNTIME)
		return NULL;
	return &d->hit.list->at;
}

/* b minus a where both came about. */
static uint64_t
between(uint64_t a, uint64_t b)
{
	return a == 0 || b < a ? UINT64_MAX : b - a;
}

void
record_times(struct access_record *rec, const struct edge_request *er,
    uint64_t now_us)
{
	const struct request_times *t = &er->times;

	rec->head_us = between(er->request->began_us, t->head_us);
	rec->hold_us = between(t->head_us, t->admitted_us);
	rec->queue_us = t->queued_us;
	rec->connect_us = t->answered_us == 0 ? UINT64_MAX : t->connect_us;
	rec->response_us = between(t->sent_us, t->answered_us);
	rec->total_us = between(er->request->began_us, now_us);
}

/* What nobody has looked for before a refusal is not told as unknown. */
static void
fill_client(struct access_record *rec, const struct edge_request *er)
{
	const struct decision *d = &er->decision;

	if (er->step > STEP_RECEIVE || er->client.source != CLIENT_PEER ||
	    er->client.addr.family != ADDR_NONE)
		rec->client_source = client_source_name(er->client.source);
	if (d->hit.list != NULL || (er->over_link && er->step >= STEP_DECIDE))
		rec->class = place_class_name(d->hit.place.class);
}

void
record_fill(struct access_record *rec, const struct edge_request *er)
{
	const struct decision *d = &er->decision;

	fill_client(rec, er);
	rec->status = status_of(er);
	rec->termination[0] = er->ender == '\0' ? '-' : er->ender;
	rec->termination[1] = er->ender == '\0' ? '-' : er->phase;
	rec->termination[2] = '\0';
	rec->outcome = outcome_of(er);
	rec->reason = reason_of(er);
	rec->rule = rule_of(er);
	rec->limit = er->limit == LIMIT_NONE ? NULL : er->limit_dry ?
	    limit_dry_names[er->limit] : limit_names[er->limit];
	rec->path_class = er->step > STEP_DECIDE ?
	    path_class_name(d->path_class) : NULL;
	rec->flow_knowledge = d->path_class == PATH_RUNTIME &&
	    er->facts.knowledge != FLOW_NOT_NEEDED ?
	    flow_knowledge_name(er->facts.knowledge) : NULL;
	rec->tenant_restriction = d->restrictions.tenant_id;
	rec->flow_restriction = d->restrictions.flow_id;
	rec->engine = er->upstream == NULL ? NULL : er->upstream->name;
	rec->frontend = slice_of(er->frontend);
	if (er->backend >= 0)
		rec->backend = er->plan->region_ids[er->backend];
}

static const char *
protocol_of(const struct request *r)
{
	if (r->major == 2)
		return "HTTP/2.0";
	return r->minor == 0 ? "HTTP/1.0" : "HTTP/1.1";
}

static void
fill_agents(struct access_record *rec, const struct edge_request *er)
{
	rec->body_bytes = er->body_bytes;
	rec->referer = request_text(er, er->referer);
	rec->agent = request_text(er, er->agent);
}

static void
log_request(struct edge_request *er, uint64_t now_us)
{
	const struct serve_proxy *proxy = request_proxy(er->request);
	const struct config *config = er->plan->config;
	struct access_record rec = {
		.unix_ms = (er->worker->unix_offset_us + now_us) / 1000,
		.request_id = slice_of(er->request_id),
		.trace_id = er->trace.len > 0 ? request_text(er, er->trace) :
		    (struct slice){ er->trace_id, ID_TEXT },
		.listener = er->listening->name,
		.peer = &er->peer, .client = &er->client.addr,
		.place = er->decision.hit.place,
		.host = request_text(er, er->host),
		.method = request_text(er, er->method),
		.path = request_text(er, er->path),
		.protocol = protocol_of(er->request),
		.certificate = request_text(er, er->certificate),
		.certificate_subject = request_text(er,
		    er->certificate_subject),
		.certificate_names = request_text(er, er->certificate_names),
		.received_bytes = er->request->body_bytes,
		.sent_bytes = er->request->sent_bytes,
		.generation = er->plan->generation->id,
		.db_epoch = er->plan->db_epoch,
		.attempts = er->attempts,
	};

	if (proxy != NULL) {
		rec.relay = &proxy->relay;
		rec.vpc_endpoint = proxy->vpc_endpoint;
	}
	if (er->tester != NULL)
		rec.tester = slice_of(er->tester->subject);
	if (config->log.query)
		rec.query = request_query(er);
	record_times(&rec, er, now_us);
	record_fill(&rec, er);
	if (er->plan->logs.agents)
		fill_agents(&rec, er);
	access_logs_add(&er->plan->logs, er->worker->number, &rec);
}

void
record_request(struct edge_request *er, enum serve_end end)
{
	uint64_t now_us = er->worker->loop->now_us;

	(void)end;
	if (er->quiet)
		return;
	count_request(er, now_us);
	if (er->plan->logs.count > 0)
		log_request(er, now_us);
	if (er->spans != NULL)
		spans_end(er);
	/* The worker flushes those of its present plan alone. */
	if (er->pin != er->worker->pin)
		plan_flush(er->plan, er->worker->number);
}

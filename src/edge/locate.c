/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The first steps: one reading of host and path, who asks and over which way.
 */
#include "base/hash.h"
#include "edge/cors.h"
#include "edge/spans.h"
#include "edge/tester.h"
#include "edge/upstream_head.h"
#include "http/fields.h"
#include "http/target.h"
#include "policy/guid.h"
#include "policy/state_id.h"

static enum step_end
refuse(struct edge_request *er, enum refusal why)
{
	er->refusal = (uint8_t)why;
	return STEP_ANSWER;
}

/* --- receive ---------------------------------------------------------------- */

static struct span
note_field(struct edge_request *er, enum field_id id)
{
	const struct h1_field *f = h1_field(er->request->head, id);

	return f == NULL ? (struct span){ 0, 0 } : span_add(&er->text,
	    f->value);
}

/* Lines of a list are one list (RFC 9110 5.3).  It is understood only when we
 * answer ourselves: that costs as much as reading the head. */
static void
note_accept(struct edge_request *er)
{
	const struct h1_head *head = er->request->head;

	if (head->by[FIELD_ACCEPT] < 0)
		return;
	er->accept.at = (uint32_t)er->text.len;
	for (size_t i = (size_t)head->by[FIELD_ACCEPT]; i < head->nfields;
	    i++) {
		if (head->fields[i].id != FIELD_ACCEPT)
			continue;
		buf_slice(&er->text, head->fields[i].value);
		buf_char(&er->text, ',');
	}
	er->accept.len = (uint32_t)er->text.len - er->accept.at;
}

static struct span
note_trace(struct edge_request *er)
{
	const struct h1_field *f = h1_field(er->request->head,
	    FIELD_TRACEPARENT);
	struct traceparent parent;

	if (f == NULL || !traceparent_read(&parent, f->value))
		return (struct span){ 0, 0 };
	return span_add(&er->text, parent.trace_id);
}

/*
 * h2c and its like would hand the connection to a protocol in which requests
 * pass that nobody decided on; with a body, who reads what would be open.
 */
static void
note_upgrade(struct edge_request *er, struct slice protocols)
{
	struct slice protocol;

	if (er->request->has_body)
		return;
	while (fields_next(&protocols, &protocol))
		if (slice_eq_nocase(protocol, SLICE("websocket"))) {
			er->upgrade = span_add(&er->text, protocol);
			return;
		}
}

/* A referer's query is data of flows like our own. */
static void
note_agents(struct edge_request *er)
{
	const struct h1_head *head = er->request->head;

	er->agent = note_field(er, FIELD_USER_AGENT);
	for (size_t i = 0; i < head->nfields; i++) {
		struct slice value = head->fields[i].value, before;

		if (!slice_eq_nocase(head->fields[i].name, SLICE("Referer")))
			continue;
		if (!er->plan->config->log.query &&
		    slice_split(&value, '?', &before))
			value = before;
		er->referer = span_add(&er->text, value);
		return;
	}
}

static void
note_fields(struct edge_request *er)
{
	const struct h1_head *head = er->request->head;

	er->content_type = note_field(er, FIELD_CONTENT_TYPE);
	er->origin = note_field(er, FIELD_ORIGIN);
	note_accept(er);
	er->trace = note_trace(er);
	if (er->plan->logs.agents)
		note_agents(er);
	note_upgrade(er, head->upgrade);
	er->framing = (uint8_t)head->framing;
	er->length = head->content_length;
	er->cors = er->origin.len > 0 && cors_knows(er->plan->config,
	    request_text(er, er->origin));
}

/* For the log: the connection may be gone by then. */
static void
note_certificate(struct edge_request *er)
{
	const struct tls_peer *peer = edge_request_certificate(er);
	struct buf names = { 0 };

	if (peer == NULL)
		return;
	er->certificate = span_add(&er->text, slice_of(peer->fingerprint));
	er->certificate_subject = span_add(&er->text,
	    slice_of(peer->subject));
	for (size_t i = 0; i < peer->nnames; i++)
		buf_printf(&names, "%s%s", i == 0 ? "" : ", ",
		    peer->names[i]);
	er->certificate_names = span_add(&er->text, buf_all(&names));
	buf_fini(&names);
}

static void
note_target(struct edge_request *er, const struct target *target)
{
	er->path = span_add(&er->text, target->path);
	if (target->query.p != NULL) {
		/* Also tells an empty query from none. */
		er->query = span_add(&er->text, SLICE("?"));
		er->query.len += span_add(&er->text, target->query).len;
	}
}

/* A body that came with its head is not held back: what it says is asked for
 * while the head for the upstream is written. */
static enum facts_end
look_at_body(const struct edge_request *er, struct facts_read *read)
{
	struct slice body = er->request->whole_body;
	size_t most = er->plan->config->limits.peek_bytes;

	if (body.p == NULL || er->over_link)
		return FACTS_NEED_BODY;
	if (body.len > most)
		body.len = most;
	peek_body(read->content_type, body, true, &read->facts, read->text);
	return FACTS_READY;
}

/*
 * From here on everybody reads host, path and tenant as explain does, and as
 * the decision will.
 */
static enum facts_end
read_facts(struct edge_request *er)
{
	const struct generation *generation = er->plan->generation;
	struct facts_read *read = &er->worker->read;
	const struct facts_source source = {
		.policy = &generation->policy, .trust = generation->trust,
		.peer = er->peer,
		.peer_source = request_proxy(er->request) != NULL ?
		    CLIENT_PROXY : CLIENT_PEER,
		.sni = er->listening->tls ? stream_server_name(
		    request_stream(er->request)) : (struct slice){ NULL, 0 },
		.stale = plan_is_stale(er->plan, er->worker->loop->now_ms),
		.asked = er->over_link ? NULL : &er->asked,
	};
	enum facts_end end = facts_from_head(&source, er->request->head, read);

	return end == FACTS_NEED_BODY ? look_at_body(er, read) : end;
}

/* While a region drains, its states are told from those to come. */
static uint8_t
born_in(const struct edge_request *er, struct slice path)
{
	const struct h1_field *field = h1_field(er->request->head,
	    FIELD_MANYWHO_STATE);
	struct state_id id;
	struct slice value;

	if (flow_place_of(path, &value) == STATE_IN_PATH ?
	    !state_id_parse(&id, value) :
	    field == NULL || !state_id_parse(&id, field->value))
		return 0;
	return (uint8_t)(1 + region_numbered(
	    er->plan->generation->policy.map, id.region));
}

/* Under any spelling, and for each edge of the region the same. */
static uint64_t
state_key(const struct edge_request *er, struct slice path)
{
	static const uint8_t key[16] = "portolan states";
	const struct h1_field *field = h1_field(er->request->head,
	    FIELD_MANYWHO_STATE);
	uint8_t id[16];
	struct slice value;

	if (flow_place_of(path, &value) == STATE_IN_PATH ?
	    !guid_parse(id, value) :
	    field == NULL || !guid_parse(id, field->value))
		return 0;
	return hash_keyed(key, (struct slice){ (char *)id, sizeof(id) }) | 1;
}

static enum refusal
note_facts(struct edge_request *er, enum facts_end end)
{
	const struct facts_read *read = &er->worker->read;
	const struct h1_head *head = er->request->head;
	const struct target raw = { .path = head->target };
	bool good = end != FACTS_BAD_HOST && end != FACTS_BAD_TARGET;

	er->client = read->client;
	er->host = span_add(&er->text, end == FACTS_BAD_HOST ? head->host :
	    read->facts.host);
	note_target(er, good ? &read->target : &raw);
	switch (end) {
	case FACTS_BAD_HOST:
		return REFUSAL_BAD_HOST;
	case FACTS_BAD_TARGET:
		er->rule = target_verdict_text(read->verdict);
		return REFUSAL_BAD_PATH;
	case FACTS_BAD_TENANT:
		return REFUSAL_BAD_TENANT;
	case FACTS_NEED_BODY:
		er->peeking = true;
		break;
	case FACTS_READY:
		break;
	}
	er->facts = read->facts;
	if (atomic_load_explicit(&er->plan->drained,
	    memory_order_relaxed) != 0)
		er->born = born_in(er, read->target.path);
	if (er->plan->config->engines.by_state)
		er->state_key = state_key(er, read->target.path);
	edge_request_keep_names(er);
	if (read->facts.sni_host.p != NULL)
		er->sni = span_add(&er->text, read->facts.sni_host);
	return REFUSAL_NONE;
}

static bool
has_been_here(const struct edge_request *er, const struct h1_head *head)
{
	if (head->by[FIELD_VIA] < 0 && head->by[FIELD_CDN_LOOP] < 0)
		return false;
	return via_has(head, er->plan->pseudonym) ||
	    cdn_loop_has(head, er->plan->pseudonym);
}

static enum step_end
refuse_rule(struct edge_request *er, unsigned status, const char *rule,
    const char *sentence)
{
	er->status = (uint16_t)status;
	er->rule = rule;
	er->sentence = sentence;
	counters_rule(&er->worker->counters, rule);
	return refuse(er, REFUSAL_SYNTAX);
}

/* Engines and other edges read larger heads, for what we add to them. */
static bool
is_head_too_large(const struct edge_request *er, const struct h1_head *head)
{
	return !er->over_link && (head->nfields > H1_CLIENT_FIELDS ||
	    er->request->head_bytes.len > H1_CLIENT_HEAD);
}

static enum step_end
refuse_head(struct edge_request *er, const struct h1_head *head)
{
	const struct h1_rule_info *info = h1_rule_info(
	    head->nfields > H1_CLIENT_FIELDS ? H1_TOO_MANY_FIELDS :
	    H1_HEAD_TOO_LONG);

	return refuse_rule(er, info->status, info->name, info->sentence);
}

/* The edge that a client reached has looked at what comes over a link. */
static bool
is_body_too_large(struct edge_request *er, const struct h1_head *head)
{
	uint64_t most = er->plan->config->limits.central_body_bytes;

	if (most == 0 || er->over_link || path_class_of(
	    er->plan->generation->policy.paths, er->facts.path) !=
	    PATH_CENTRAL)
		return false;
	er->request->body_most = most;
	return head->framing == H1_LENGTH && head->content_length > most;
}

/* What other edges probe: whether a request sent here could be served. */
static enum step_end
answer_link_health(struct edge_request *er)
{
	bool up = region_set_has(plan_up(er->plan),
	    er->plan->generation->policy.self) && !er->worker->draining;
	struct buf *fields = &er->worker->fields;
	struct answer answer = { .status = up ? 200 : 503, .length = 0,
	    .no_body = er->request->method == METHOD_HEAD };

	buf_clear(fields);
	FIELD_ADD(fields, "X-ManyWho-Region-Frontend",
	    slice_of(er->plan->config->region));
	answer.fields = buf_all(fields);
	er->status = (uint16_t)answer.status;
	er->quiet = true;
	er->ended = true;
	request_answer(er->request, &answer, (struct slice){ NULL, 0 }, true);
	return STEP_WAIT;
}

enum refusal
edge_request_note(struct edge_request *er)
{
	buf_reserve(&er->text, er->request->head_bytes.len + 2048);
	er->method = span_add(&er->text, er->request->head->method_text);
	note_fields(er);
	note_certificate(er);
	if (tester_may_ask(er))
		tester_admit(er);
	return note_facts(er, read_facts(er));
}

enum step_end
step_receive(struct edge_request *er)
{
	const struct h1_head *head = er->request->head;
	enum refusal why = edge_request_note(er);

	/* Whatever its target is: nobody is connected to anybody here. */
	if (head->method == METHOD_CONNECT || head->method == METHOD_TRACE)
		return refuse(er, REFUSAL_METHOD);
	if (why != REFUSAL_NONE)
		return refuse(er, why);
	if (is_head_too_large(er, head))
		return refuse_head(er, head);
	if (is_body_too_large(er, head))
		return refuse_rule(er, 413, SERVE_TOO_LARGE_RULE,
		    SERVE_TOO_LARGE);
	if (er->over_link && slice_is(request_text(er, er->path),
	    UPSTREAM_LINK_PROBE))
		return answer_link_health(er);
	if (has_been_here(er, head)) {
		count_one(&er->worker->counters.loops);
		return refuse(er, REFUSAL_LOOP);
	}
	return STEP_NEXT;
}

/* --- locate ----------------------------------------------------------------- */

static void
take_request_id(struct edge_request *er)
{
	const struct h1_field *f = h1_field(er->request->head,
	    FIELD_X_REQUEST_ID);

	if (f == NULL || !request_id_is_good(f->value))
		return;
	memcpy(er->request_id, f->value.p, f->value.len);
	er->request_id[f->value.len] = '\0';
}

static enum step_end
locate_client(struct edge_request *er)
{
	if (er->client.peer_trusted)
		take_request_id(er);
	count_one(&er->worker->counters.sources[er->client.source]);
	return limit_rates(er) ? STEP_NEXT : refuse(er, REFUSAL_RATE_LIMITED);
}

static void
complain(struct edge_request *er, const char *certified, const char *what)
{
	uint32_t suppressed;

	count_one(&er->worker->counters.link_disagreements);
	if (log_rate_allows(&er->worker->complaints, 20, &suppressed))
		log_warn("link: refused a request from the edge of %s: %s "
		    "request_id=%s suppressed=%u", certified, what,
		    er->request_id, suppressed);
}

/*
 * It may not have heard yet of a restriction that we know of: then what we
 * found out ourselves counts, and where that is in the body, whatever any flow
 * of the tenant forbids.
 */
static void
take_knowledge(struct edge_request *er, const struct link_facts *told)
{
	if (told->knowledge != FLOW_NOT_NEEDED) {
		er->facts.knowledge = told->knowledge;
		er->facts.tag = told->tag;
		memcpy(er->flow, told->flow, sizeof(er->flow));
	} else if (er->peeking)
		er->facts.knowledge = FLOW_UNKNOWN;
	er->peeking = false;		/* the other edge has looked */
}

/* What the edge that the client reached has told us. */
static void
take_told(struct edge_request *er, const struct link_facts *told)
{
	er->client = (struct client_address){ .addr = told->client,
	    .nearest = told->nearest, .source = CLIENT_FORWARDED, .peer_trusted = true };
	memcpy(er->frontend, told->frontend, sizeof(er->frontend));
	memcpy(er->request_id, told->request_id, sizeof(er->request_id));
	take_knowledge(er, told);
	/* Out of a token that we have not read. */
	if (!er->has_tenant && told->tenant[0] != '\0') {
		memcpy(er->tenant, told->tenant, sizeof(er->tenant));
		er->has_tenant = true;
	}
}

static enum step_end
locate_over_link(struct edge_request *er)
{
	char certified[STREAM_REGION_MAX];
	const char *what = NULL;
	struct link_facts told;

	if (!stream_peer_region(request_stream(er->request), certified)) {
		complain(er, "no region", "its certificate names no region");
		return refuse(er, REFUSAL_LINK_UNTRUSTED);
	}
	if (!link_read(&told, er->request->head, &what)) {
		complain(er, certified, what);
		return refuse(er, REFUSAL_LINK_DISAGREES);
	}
	take_told(er, &told);
	link_verify(&er->plan->generation->policy, &told,
	    edge_request_facts(er), certified, &er->decision, &what);
	if (er->decision.outcome == OUTCOME_FORWARD)
		return STEP_NEXT;
	if (er->decision.outcome != OUTCOME_MISDIRECTED)
		return refuse(er, refusal_of_outcome(er->decision.outcome));
	complain(er, certified, what);
	return refuse(er, REFUSAL_LINK_DISAGREES);
}

enum step_end
step_locate(struct edge_request *er)
{
	enum step_end end = er->over_link ? locate_over_link(er) :
	    locate_client(er);

	if (er->plan->collector != NULL)
		spans_begin(er);
	return end;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The first steps, while the client's head is there: one reading of host and
 * path, who asks and over which way, and the front of the upstream's head.
 */
#include "edge/cors.h"
#include "edge/request.h"
#include "edge/upstream_head.h"
#include "http/fields.h"
#include "http/target.h"
#include "policy/peek.h"

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

/* W3C Trace Context: version, trace id, parent id, flags. */
static struct span
note_trace(struct edge_request *er)
{
	const struct h1_field *f = h1_field(er->request->head,
	    FIELD_TRACEPARENT);

	if (f == NULL || f->value.len < 55 || f->value.p[2] != '-' ||
	    f->value.p[35] != '-')
		return (struct span){ 0, 0 };
	for (size_t i = 3; i < 35; i++)
		if (strchr("0123456789abcdef", f->value.p[i]) == NULL)
			return (struct span){ 0, 0 };
	return span_add(&er->text, (struct slice){ f->value.p + 3, 32 });
}

/* TLS names are case-insensitive; the decision compares lower case. */
static struct span
note_sni(struct edge_request *er)
{
	struct slice name = stream_server_name(request_stream(er->request));
	struct span s = span_add(&er->text, name);
	char *p = er->text.p + s.at;

	for (uint32_t i = 0; i < s.len; i++)
		p[i] = ascii_lower(p[i]);
	return s;
}

static void
note_fields(struct edge_request *er)
{
	const struct h1_head *head = er->request->head;

	er->tenant = note_field(er, FIELD_MANYWHO_TENANT);
	er->state = note_field(er, FIELD_MANYWHO_STATE);
	er->content_type = note_field(er, FIELD_CONTENT_TYPE);
	er->origin = note_field(er, FIELD_ORIGIN);
	er->trace = note_trace(er);
	if (er->listening->tls)
		er->sni = note_sni(er);
	/* h2c would hand the connection to a protocol that we did not look
	 * at; with a body, who reads what would be open. */
	if (head->upgrade.len > 0 && !er->request->has_body &&
	    !slice_starts_nocase(head->upgrade, SLICE("h2c")))
		er->upgrade = span_add(&er->text, head->upgrade);
	er->framing = (uint8_t)head->framing;
	er->length = head->content_length;
	er->cors = er->origin.len > 0 && cors_knows(er->plan->config,
	    request_text(er, er->origin));
}

/* From here on everybody reads the path as we do. */
static enum step_end
read_target(struct edge_request *er, const struct h1_head *head)
{
	struct slice raw = head->target;
	struct target target = { .path = raw };
	enum target_verdict verdict;
	char *out;

	buf_clear(&er->worker->fields);		/* free until we answer */
	out = buf_reserve(&er->worker->fields, raw.len);
	verdict = target_normalise(&target, raw, out);
	if (verdict != TARGET_OK)
		target = (struct target){ .path = raw };
	er->path = span_add(&er->text, target.path);
	if (target.query.p != NULL) {
		/* Also tells an empty query from none. */
		buf_char(&er->text, '?');
		er->query = span_add(&er->text, target.query);
		er->query.at--;
		er->query.len++;
	}
	er->accept = (uint8_t)answer_form_for(head, target.path);
	if (verdict == TARGET_OK)
		return STEP_NEXT;
	er->rule = target_verdict_text(verdict);
	return refuse(er, REFUSAL_BAD_PATH);
}

static enum step_end
read_host(struct edge_request *er, const struct h1_head *head)
{
	char text[256];
	struct slice host = head->host;
	bool good = host_normalise(&host, head->host, text);

	er->host = span_add(&er->text, good ? host : head->host);
	return good ? STEP_NEXT : refuse(er, REFUSAL_BAD_HOST);
}

static bool
has_been_here(const struct edge_request *er, const struct h1_head *head)
{
	if (head->by[FIELD_VIA] < 0 && head->by[FIELD_CDN_LOOP] < 0)
		return false;
	return via_has(head, er->plan->pseudonym) ||
	    cdn_loop_has(head, er->plan->pseudonym);
}

/* Engines and other edges read larger heads, for what we add to them. */
static bool
is_too_large(struct edge_request *er, const struct h1_head *head)
{
	const struct h1_rule_info *info;

	if (er->over_link || (head->nfields <= H1_CLIENT_FIELDS &&
	    er->request->head_bytes.len <= H1_CLIENT_HEAD))
		return false;
	info = h1_rule_info(head->nfields > H1_CLIENT_FIELDS ?
	    H1_TOO_MANY_FIELDS : H1_HEAD_TOO_LONG);
	er->status = info->status;
	er->rule = info->name;
	er->sentence = info->sentence;
	counters_rule(&er->worker->counters, info->name);
	return true;
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

enum step_end
step_receive(struct edge_request *er)
{
	const struct h1_head *head = er->request->head;
	enum step_end end;

	buf_reserve(&er->text, er->request->head_bytes.len + 2048);
	er->method = span_add(&er->text, head->method_text);
	note_fields(er);
	end = read_host(er, head);
	if (read_target(er, head) == STEP_ANSWER)
		end = STEP_ANSWER;
	if (end == STEP_ANSWER)
		return end;
	if (is_too_large(er, head))
		return refuse(er, REFUSAL_SYNTAX);
	if (er->over_link && slice_is(request_text(er, er->path),
	    UPSTREAM_LINK_PROBE))
		return answer_link_health(er);
	if (head->method == METHOD_CONNECT || head->method == METHOD_TRACE)
		return refuse(er, REFUSAL_METHOD);
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
	client_address_find(er->plan->generation->trust, &er->peer,
	    CLIENT_PEER, er->request->head, &er->client);
	if (er->client.peer_trusted)
		take_request_id(er);
	count_one(&er->worker->counters.sources[er->client.source]);
	return STEP_NEXT;
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

/* What the edge that the client reached has told us. */
static void
take_told(struct edge_request *er, const struct link_facts *told)
{
	const struct policy *policy = &er->plan->generation->policy;

	er->client = (struct client_address){ .addr = told->client,
	    .source = CLIENT_FORWARDED, .peer_trusted = true };
	memcpy(er->frontend, told->frontend, sizeof(er->frontend));
	memcpy(er->request_id, told->request_id, sizeof(er->request_id));
	memcpy(er->flow, told->flow, sizeof(er->flow));
	er->facts.knowledge = told->knowledge;
	er->facts.tag = told->tag;
	edge_request_facts(er);
	/* It may not have heard yet of a restriction that we know of: then
	 * whatever any flow of the tenant forbids counts. */
	if (told->knowledge == FLOW_NOT_NEEDED &&
	    peek_head(policy, request_query(er),
	    request_text(er, er->state), er->request->has_body,
	    &er->facts) == PEEK_MORE)
		er->facts.knowledge = FLOW_UNKNOWN;
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
	er->peer = addr_canonical(&request_peer(er->request)->addr);
	return er->over_link ? locate_over_link(er) : locate_client(er);
}

/* --- compose ---------------------------------------------------------------- */

static enum step_end
answer_preflight(struct edge_request *er)
{
	struct buf *fields = &er->worker->fields;
	struct answer answer = { .status = 204, .length = -1,
	    .no_body = true };

	buf_clear(fields);
	FIELD_ADD(fields, "X-ManyWho-Region-Frontend",
	    slice_of(er->frontend));
	cors_write(fields, request_text(er, er->origin));
	cors_write_preflight(fields, er->request->head);
	answer.fields = buf_all(fields);
	er->status = 204;
	er->rule = "preflight";
	er->ended = true;
	request_answer(er->request, &answer, (struct slice){ NULL, 0 }, true);
	return STEP_WAIT;
}

/*
 * A trusted peer that ends TLS before us knows better which way the client
 * came.  It may pass on what a client made up, though: what makes no sense
 * here is not believed.
 */
static struct slice
trusted_word(const struct edge_request *er, enum field_id id)
{
	const struct h1_field *f = er->client.peer_trusted ?
	    h1_field(er->request->head, id) : NULL;

	return f == NULL ? (struct slice){ NULL, 0 } : f->value;
}

static struct slice
forwarded_proto(const struct edge_request *er)
{
	struct slice said = trusted_word(er, FIELD_X_FORWARDED_PROTO);

	if (slice_is(said, "https") || slice_is(said, "http"))
		return said;
	return er->listening->tls ? SLICE("https") : SLICE("http");
}

static struct slice
forwarded_host(const struct edge_request *er)
{
	struct slice said = trusted_word(er, FIELD_X_FORWARDED_HOST), host;
	char text[256];

	if (said.len > 0 && host_normalise(&host, said, text) &&
	    hosts_find(er->plan->generation->policy.hosts, host).kind !=
	    HOST_UNKNOWN)
		return said;
	return er->request->head->host;
}

static struct slice
forwarded_port(const struct edge_request *er, char text[8])
{
	struct slice said = trusted_word(er, FIELD_X_FORWARDED_PORT);
	unsigned port = er->listening->port;
	char *p = text + 8;
	uint64_t n;

	if (said.len > 0 && slice_to_u64(said, &n) && n > 0 &&
	    n <= UINT16_MAX)
		return said;
	do
		*--p = (char)('0' + port % 10);
	while ((port /= 10) != 0);
	return (struct slice){ p, (size_t)(text + 8 - p) };
}

enum step_end
step_compose(struct edge_request *er)
{
	const struct h1_head *head = er->request->head;
	char span_id[16], port[8];
	struct head_front front = {
		.head = head,
		.peer = &er->peer,
		.trusted = er->client.peer_trusted,
		.link = er->over_link,
		.proto = forwarded_proto(er), .host = forwarded_host(er),
		.port = forwarded_port(er, port),
		.tls = er->listening->tls,
		.forwarded = er->plan->config->send_forwarded,
		.via = er->plan->via,
		.pseudonym = er->plan->pseudonym,
		.request_id = slice_of(er->request_id),
		.span_id = span_id, .trace_id = er->trace_id,
	};

	if (er->cors && !er->over_link && cors_is_preflight(head))
		return answer_preflight(er);
	ids_hex64(ids_next(&er->worker->ids) | 1, span_id);
	/* Where the text may move, its slices must not be used: room first. */
	buf_reserve(&er->text, er->request->head_bytes.len + 2048);
	front.path = request_text(er, er->path);
	front.query = request_query(er);
	er->head_at = (uint32_t)er->text.len;
	head_front_write(&er->text, &front);
	er->front_end = (uint32_t)er->text.len;
	return STEP_NEXT;
}

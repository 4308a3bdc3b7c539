/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * A request that nobody sent: written as text and read like any other, so
 * that nothing is explained otherwise than it would happen.
 */
#include <stdlib.h>

#include "policy/explain.h"
#include "policy/flow_token.h"

static bool
is_plain(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return false;
	return true;
}

static bool
check_words(const struct explain_request *r, struct err *err)
{
	const struct slice words[] = { r->method, r->host, r->path, r->tenant,
	    r->flow, r->state, r->forwarded };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!is_plain(words[i]))
			return err_set(err, "control characters in '%.*s'",
			    SLICE_ARG(words[i]));
	return true;
}

static void
add_member(struct buf *out, const char *name, struct slice value)
{
	if (value.p == NULL)
		return;
	buf_printf(out, "%s\"%s\":", out->p[out->len - 1] == '{' ? "" : ",",
	    name);
	buf_json(out, value);
}

/* What any call's body could say of it: each takes what it looks for. */
static void
write_body(struct buf *out, const struct explain_request *r)
{
	char front[FLOW_TOKEN_FRONT], state[STATE_ID_TEXT];
	bool token = r->state.len == STATE_ID_TEXT - 1 && r->tenant.p != NULL;

	buf_char(out, '{');
	if (r->flow.p != NULL) {
		buf_text(out, "\"flowId\":{\"id\":");
		buf_json(out, r->flow);
		buf_char(out, '}');
		add_member(out, "id", r->flow);
	}
	add_member(out, "stateId", r->state);
	if (token) {
		memcpy(state, r->state.p, STATE_ID_TEXT - 1);
		state[STATE_ID_TEXT - 1] = '\0';
		if (flow_token_front(front, state, r->tenant))
			add_member(out, "token", slice_of(front));
	}
	buf_char(out, '}');
}

/* What a player would use, by the path as everybody will read it. */
static struct slice
method_of(const struct explain_request *r)
{
	struct target target = { .path = r->path };
	struct slice value;
	char *room = xmalloc(r->path.len + 1);
	bool post = false;

	if (r->method.p == NULL &&
	    target_normalise(&target, r->path, room) == TARGET_OK) {
		enum flow_place place = flow_place_of(target.path, &value);

		post = place == FLOW_IN_BODY || place == STATE_IN_TOKEN ||
		    place == STATE_IN_HEADER_OR_BODY;
	}
	free(room);
	return r->method.p != NULL ? r->method : post ? SLICE("POST") :
	    SLICE("GET");
}

static void
add_field(struct buf *out, const char *name, struct slice value)
{
	if (value.p != NULL)
		buf_printf(out, "%s: %.*s\r\n", name, SLICE_ARG(value));
}

static void
write_request(struct buf *out, const struct explain_request *r)
{
	struct slice method = method_of(r);
	struct buf body = { 0 };

	if (slice_is(method, "POST") || slice_is(method, "PUT") ||
	    slice_is(method, "PATCH"))
		write_body(&body, r);
	buf_clear(out);
	buf_printf(out, "%.*s %.*s HTTP/1.1\r\n", SLICE_ARG(method),
	    SLICE_ARG(r->path));
	add_field(out, "Host", r->host);
	add_field(out, "ManyWhoTenant", r->tenant);
	add_field(out, "ManyWhoState", r->state);
	add_field(out, r->is_forwarded ? "Forwarded" : "X-Forwarded-For",
	    r->forwarded);
	if (body.len > 0)
		buf_printf(out, "Content-Type: application/json\r\n"
		    "Content-Length: %zu\r\n", body.len);
	buf_text(out, "\r\n");
	buf_slice(out, buf_all(&body));
	buf_fini(&body);
}

static bool
refuse(struct explained *out, const char *why)
{
	out->explanation.refusal = why;
	return true;
}

/*
 * A call that carries neither flow nor state, or one that its edge would find
 * in a part of the body that is not made here: what was said is what would be
 * found.
 */
static void
take_what_was_said(const struct explain_request *r, struct facts *facts)
{
	struct slice value;
	struct state_id id;
	struct id_key key;

	if (facts->knowledge != FLOW_UNKNOWN || facts->tenant.p == NULL ||
	    flow_place_of(facts->path, &value) == FLOW_IN_BODY)
		return;
	if (r->flow.p != NULL && id_key_from(&key, r->flow)) {
		facts->flow = r->flow;
		facts->knowledge = FLOW_BY_ID;
	} else if (r->state.p != NULL && state_id_parse(&id, r->state)) {
		facts->tag = id.tag;
		facts->knowledge = FLOW_BY_TAG;
	}
}

static bool
decide_read(const struct facts_source *source, struct region_set up,
    const struct explain_request *r, struct slice body, struct explained *out)
{
	struct facts *facts = &out->read.facts;
	enum facts_end end = facts_from_head(source, &out->head, &out->read);

	out->explanation.client = &out->read.client;
	if (end == FACTS_BAD_TARGET)
		return refuse(out, target_verdict_text(out->read.verdict));
	if (end != FACTS_READY && end != FACTS_NEED_BODY)
		return refuse(out, facts_end_text(end));
	if (end == FACTS_NEED_BODY)
		peek_body(out->read.content_type, body, true, facts,
		    out->flow);
	else
		take_what_was_said(r, facts);
	decide(source->policy, up, facts, &out->decision);
	out->explanation.facts = facts;
	out->explanation.decision = &out->decision;
	return true;
}

bool
explain_decide(const struct policy *policy, const struct client_trust *trust,
    struct region_set up, const struct explain_request *request,
    struct explained *out, struct err *err)
{
	const struct facts_source source = { .policy = policy, .trust = trust,
	    .peer = request->peer, .peer_source = CLIENT_PEER,
	    .sni = request->sni };
	struct slice text;
	struct h1_end end;
	size_t seen = 0;

	if (!check_words(request, err))
		return false;
	out->explanation = (struct explanation){ .policy = policy, .up = up };
	write_request(&out->text, request);
	text = buf_all(&out->text);
	switch (h1_read_request(&out->head, text, &seen, &end)) {
	case H1_DONE:
		break;
	case H1_MORE:
		return err_set(err, "no request can be made of this");
	case H1_REFUSED:
		return refuse(out, h1_rule_info(end.rule)->sentence);
	}
	return decide_read(&source, up, request, (struct slice){
	    text.p + end.consumed, text.len - end.consumed }, out);
}

void
explained_fini(struct explained *e)
{
	buf_fini(&e->text);
}

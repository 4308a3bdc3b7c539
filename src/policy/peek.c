/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "policy/peek.h"

#include "http/chars.h"
#include "http/fields.h"
#include "http/h1.h"
#include "http/multipart.h"
#include "policy/flow_token.h"
#include "policy/guid.h"
#include "policy/json_scan.h"
#include "policy/state_id.h"

enum { PARAMETER_TEXT = 256 };		/* of a query or form that we decode */

static enum peek_end
found(struct facts *facts, enum flow_knowledge knowledge)
{
	facts->knowledge = knowledge;
	return PEEK_FOUND;
}

static enum peek_end
not_found(struct facts *facts, enum flow_knowledge knowledge)
{
	facts->knowledge = knowledge;
	return PEEK_NOT_FOUND;
}

/* --- what a value says ---------------------------------------------------------- */

static bool
take_state(struct facts *facts, struct slice text)
{
	struct state_id id;

	if (!state_id_parse(&id, text))
		return false;
	facts->tag = id.tag;
	facts->has_birth = true;
	facts->birth = id.region;
	facts->knowledge = FLOW_BY_TAG;
	return true;
}

/* What cannot be a flow's name to us may still be one to an engine. */
static bool
take_flow(struct facts *facts, struct slice text)
{
	struct id_key key;

	if (facts->asked != NULL ? !restrictions_ask_flow(facts->asked, text) :
	    !id_key_from(&key, text))
		return false;
	facts->flow = text;
	facts->knowledge = FLOW_BY_ID;
	return true;
}

/*
 * The tenant in the token is the one that counts: the header may be missing
 * (a browser coming back from a login), and the engine goes by the token.
 * room holds it.
 */
static bool
take_token(struct facts *facts, struct slice text, char room[PEEK_TEXT])
{
	struct flow_token token;

	if (!flow_token_parse(&token, text))
		return false;
	take_state(facts, (struct slice){ text.p, STATE_ID_TEXT - 1 });
	memcpy(room, token.tenant, sizeof(token.tenant));
	facts->tenant = slice_of(room);
	facts->knowledge = FLOW_EXEMPT;
	return true;
}

/* Percent-decoded into text; false where it does not fit or is malformed. */
static bool
decode(struct slice value, char text[PARAMETER_TEXT], struct slice *out)
{
	size_t n = 0;

	for (size_t i = 0; i < value.len && n < PARAMETER_TEXT; i++) {
		char c = value.p[i];

		if (c == '%') {
			if (value.len - i < 3 || chars_hex(value.p[i + 1]) < 0 ||
			    chars_hex(value.p[i + 2]) < 0)
				return false;
			c = (char)(chars_hex(value.p[i + 1]) << 4 |
			    chars_hex(value.p[i + 2]));
			i += 2;
		}
		text[n++] = c;
	}
	*out = (struct slice){ text, n };
	return true;
}

/* The one parameter of a query or form with one of the two names. */
static struct slice
login_parameter(struct slice form)
{
	struct slice pair, name, value = { NULL, 0 };

	while (form.p != NULL && slice_split(&form, '&', &pair)) {
		if (!slice_split(&pair, '=', &name) || pair.p == NULL)
			continue;
		if (!slice_eq_nocase(name, SLICE("state")) &&
		    !slice_eq_nocase(name, SLICE("RelayState")))
			continue;
		if (value.p != NULL && !slice_eq(value, pair))
			return (struct slice){ NULL, 0 };
		value = pair;
	}
	return value;
}

static bool
take_login(struct facts *facts, struct slice form, char room[PEEK_TEXT])
{
	struct slice value = login_parameter(form), text;
	char decoded[PARAMETER_TEXT];

	return value.p != NULL && decode(value, decoded, &text) &&
	    take_token(facts, text, room);
}

/* --- from the head ---------------------------------------------------------------- */

/*
 * Calls without a tenant: preflights, which say nothing and touch nothing;
 * mistakes, which an engine refuses, for flows belong to tenants; and what
 * may yet reach a state.
 */
static enum peek_end
head_without_tenant(enum flow_place place, struct slice value,
    struct slice state_header, bool has_body, struct facts *facts)
{
	if (facts->method == METHOD_OPTIONS && !has_body)
		return found(facts, FLOW_NOT_NEEDED);
	if (place == STATE_IN_PATH)
		return take_state(facts, value) ? PEEK_FOUND :
		    not_found(facts, FLOW_UNKNOWN);
	if (take_state(facts, state_header))
		return PEEK_FOUND;
	return found(facts, FLOW_NOT_NEEDED);
}

/* Calls of a tenant with restricted flows. */
static enum peek_end
head_with_tenant(enum flow_place place, struct slice value,
    struct slice state_header, bool has_body, struct facts *facts)
{
	switch (place) {
	case FLOW_METADATA:
		if (!has_body)
			return found(facts, FLOW_NOT_NEEDED);
		break;
	case FLOW_IN_PATH:
		if (take_flow(facts, value))
			return PEEK_FOUND;
		break;
	case STATE_IN_PATH:
		if (take_state(facts, value))
			return PEEK_FOUND;
		break;
	case STATE_IN_HEADER:
		if (take_state(facts, state_header))
			return PEEK_FOUND;
		break;
	case STATE_IN_HEADER_OR_BODY:
	case STATE_IN_MULTIPART:
		if (take_state(facts, state_header))
			return PEEK_FOUND;
		if (has_body)
			return PEEK_MORE;
		break;
	case FLOW_IN_BODY:
		if (has_body)
			return PEEK_MORE;
		break;
	default:
		break;
	}
	return not_found(facts, FLOW_UNKNOWN);
}

/*
 * Calls that come back with a token.  They follow their state where the head
 * shows it; a body is only waited for where it can make a difference.
 */
static enum peek_end
head_with_token(enum flow_place place, struct slice query, bool has_body,
    bool restricted, struct facts *facts)
{
	if (place == STATE_IN_QUERY && facts->room != NULL &&
	    take_login(facts, query, facts->room))
		return PEEK_FOUND;
	if (restricted && has_body)
		return PEEK_MORE;
	return not_found(facts, FLOW_EXEMPT_UNKNOWN);
}

/* Whether a flow that it may be about is restricted. */
static bool
ask_for_tenant(const struct restrictions *set, const struct facts *facts)
{
	struct restriction_query here, *asked = &here;

	if (facts->asked != NULL)
		asked = facts->asked;
	restrictions_ask(asked, set, facts->tenant);
	return facts->tenant.p == NULL ? restrictions_has_any(set) :
	    restrictions_has_flows(asked);
}

enum peek_end
peek_head(const struct policy *policy, struct slice query,
    struct slice state_header, bool has_body, struct facts *facts)
{
	struct slice value;
	enum flow_place place;
	bool restricted;

	if (path_class_of(policy->paths, facts->path) != PATH_RUNTIME)
		return found(facts, FLOW_NOT_NEEDED);
	restricted = ask_for_tenant(policy->restrictions, facts);
	if (flow_returns(facts->path, &place))
		return head_with_token(place, query, has_body, restricted,
		    facts);
	if (!restricted)
		return found(facts, FLOW_NOT_NEEDED);
	place = flow_place_of(facts->path, &value);
	if (facts->tenant.p == NULL)
		return head_without_tenant(place, value, state_header,
		    has_body, facts);
	return head_with_tenant(place, value, state_header, has_body, facts);
}

/* --- from the body ------------------------------------------------------------------ */

static struct slice
want_text(const struct json_want *want)
{
	return (struct slice){ want->text, want->len };
}

/* A flow's name out of the scan's memory into the caller's. */
static bool
take_flow_copy(struct facts *facts, const struct json_want *want,
    char room[PEEK_TEXT])
{
	if (want->seen != JSON_TEXT || want->len > PEEK_TEXT)
		return false;
	memcpy(room, want->text, want->len);
	return take_flow(facts, (struct slice){ room, want->len });
}

/*
 * The calls that start a flow name it; one that goes on with a state after a
 * login may leave that to the state.  Anything said twice and differently
 * tells nothing.
 */
static bool
take_start(struct facts *facts, struct slice front, bool simple,
    enum json_end *end, char room[PEEK_TEXT])
{
	struct json_want wants[] = {
		{ .path = { "flowId", "id" } }, { .path = { "stateId" } },
		{ .path = { "id" } },
	};
	const struct json_want *flow = &wants[simple ? 2 : 0];

	*end = json_scan(front, wants, 3);
	if (wants[0].seen == JSON_UNUSABLE || wants[1].seen == JSON_UNUSABLE ||
	    flow->seen == JSON_UNUSABLE)
		return false;
	if (flow->seen == JSON_TEXT && flow->len > 0)
		return take_flow_copy(facts, flow, room);
	return wants[1].seen == JSON_TEXT &&
	    take_state(facts, want_text(&wants[1]));
}

static bool
take_json(struct facts *facts, struct slice front, const char *name,
    enum json_end *end, char room[PEEK_TEXT])
{
	struct json_want want = { .path = { name } };

	*end = json_scan(front, &want, 1);
	if (want.seen != JSON_TEXT)
		return false;
	/* NULL: a state; else the room for a token's tenant */
	return room == NULL ? take_state(facts, want_text(&want)) :
	    take_token(facts, want_text(&want), room);
}

/*
 * The state in the part FileDataRequest.  Programs differ about which of
 * several such parts counts, so those that are there must agree.
 */
static bool
take_multipart(struct facts *facts, struct multipart *m, struct slice front,
    bool *over)
{
	struct facts now, first = { .has_birth = false };
	struct multipart_part part;
	enum multipart_step step;
	enum json_end end;

	while ((step = multipart_next(m, front, &part)) == MULTIPART_PART) {
		if (!slice_eq_nocase(part.name, SLICE("FileDataRequest")))
			continue;
		now = *facts;
		*over = true;
		if (!take_json(&now, part.content, "stateId", &end, NULL) ||
		    end != JSON_COMPLETE ||
		    (first.has_birth && first.tag != now.tag))
			return false;
		first = now;
	}
	*over = step != MULTIPART_MORE;
	if (!first.has_birth || step == MULTIPART_BAD)
		return false;
	*facts = first;
	return true;
}

/* simple: the call that starts a flow and invokes it in one. */
static bool
is_simple_start(struct slice path)
{
	struct slice word, last = { NULL, 0 };

	while (slice_split(&path, '/', &word))
		if (word.len > 0)
			last = word;
	return slice_eq_nocase(last, SLICE("state"));
}

static bool
is_form(struct slice content_type)
{
	struct slice type;

	return fields_part(&content_type, &type) &&
	    slice_eq_nocase(type, SLICE("application/x-www-form-urlencoded"));
}

/*
 * Looks at all that is there.  *over: what follows cannot change the answer.
 */
static bool
look(struct slice content_type, struct slice front, struct facts *facts,
    bool *over, char room[PEEK_TEXT])
{
	struct slice value;
	enum flow_place place = flow_place_of(facts->path, &value);
	enum json_end end = JSON_MORE;
	struct multipart m;
	bool is_found = false;

	if (place == STATE_IN_QUERY && is_form(content_type)) {
		*over = false;
		return take_login(facts, front, room);
	}
	if (multipart_init(&m, content_type))
		return take_multipart(facts, &m, front, over);
	if (place == FLOW_IN_BODY)
		is_found = take_start(facts, front,
		    is_simple_start(facts->path), &end, room);
	else if (place == STATE_IN_TOKEN)
		is_found = take_json(facts, front, "token", &end, room);
	else if (place == STATE_IN_HEADER_OR_BODY ||
	    place == STATE_IN_MULTIPART)
		is_found = take_json(facts, front, "stateId", &end, NULL);
	else
		end = JSON_BAD;
	*over = end != JSON_MORE;
	return is_found && end != JSON_BAD;
}

enum peek_end
peek_body(struct slice content_type, struct slice body, bool whole,
    struct facts *facts, char room[PEEK_TEXT])
{
	struct facts told = *facts;
	bool over = false, is_found;
	struct slice value;
	enum flow_place place;

	is_found = look(content_type, body, &told, &over, room);
	if (!whole && !over)
		return PEEK_MORE;
	if (is_found) {
		*facts = told;
		return PEEK_FOUND;
	}
	place = flow_place_of(facts->path, &value);
	return not_found(facts, place == STATE_IN_TOKEN ||
	    place == STATE_IN_QUERY ? FLOW_EXEMPT_UNKNOWN : FLOW_UNKNOWN);
}

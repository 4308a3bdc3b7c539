/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * /api/run/1/state/{id}: invoke (POST), join (GET) and ping.
 *
 * Every invoke changes the state's token, and names the one it was given.
 * Browsers send an invoke again when its connection breaks: the same request
 * gets the same answer, and nothing runs twice.  Another request with an old
 * token is told how things stand (SYNC), and changes nothing.
 */
#include <stdlib.h>

#include "base/hash.h"
#include "base/must.h"
#include "engine/engine_private.h"
#include "engine/json_text.h"
#include "engine/keeping.h"

/* Saves that came between our load and our save, before we give up. */
enum { ATTEMPTS = 5 };

/* --- answers ------------------------------------------------------------------- */

/* When a player is to look again; of a wait for others it asks by pings. */
static json_t *
wait_expires(struct run *run)
{
	const char *date = run->wait.kind != WAIT_TIME ? NULL :
	    run_date(run, run->wait.until_ms);

	return date == NULL ? json_null() : json_string(date);
}

json_t *
invoke_answer(struct run *run, const char *type, bool scaffold)
{
	const struct flow *flow = run_root(run);
	bool guarded = run_is_guarded(run);
	json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s,"
	    " s:s?, s:s?, s:s?, s:o, s:s?, s:o, s:o, s:o, s:o, s:n,"
	    " s:b, s:{s:s, s:s}}",
	    "stateId", run->id, "stateToken", run->token,
	    "currentMapElementId", run->at->id, "invokeType",
	    guarded ? "NOT_ALLOWED" : type,
	    "statusCode", guarded ? "401" : "200", "flowId", flow->id, "flowVersion",
	    flow->version, "flowName", flow->name,
	    "joinFlowUri", run->join_uri, "runFlowUri", run->run_uri,
	    "waitMessage", guarded ? NULL : run->wait.message,
	    "waitExpiresAt", wait_expires(run), "notAuthorizedMessage",
	    guarded ? run_merge(run, run->at->not_allowed) : NULL,
	    "mapElementInvokeResponses", guarded ? json_array() :
	    json_pack("[o]", run_page(run, scaffold)),
	    "outputs", run->done && !guarded ? run_outputs(run) :
	    json_array(),
	    "authorizationContext", run_authorization(run),
	    "navigationElementReferences", run_navigation_references(run),
	    "currentStreamId", "isHistoricalNavigationEnabled",
	    flow->goes_back, "culture", "language", "EN", "country", "USA");

	must(json != NULL);
	return json;
}

static const char *
type_of(const struct run *run)
{
	return run->done ? "DONE" : run->wait.kind != WAIT_NOTHING ? "WAIT" :
	    run_has_voted(run) ? "WAITING_ON_VOTES" : "FORWARD";
}

/* json is given away. */
static void
send_answer(const struct call_ctx *c, json_t *json)
{
	answer_json(c, 200, c->call->tree ? tree_of_answer(json) : json);
}

/* What is stored, and sent again, is always version 1. */
static void
send_text(const struct call_ctx *c, const char *text)
{
	if (c->call->tree)
		send_answer(c, json_loads(text, 0, NULL));
	else
		answer_text(c, 200, text);
}

/* --- join and ping ---------------------------------------------------------------- */

/* Nobody is there to end a wait but who looks. */
static struct run *
load_settled(const struct call_ctx *c, struct arena *arena)
{
	struct run *run = call_load(c, arena);

	if (run == NULL || !run_wait_is_over(run))
		return run;
	run_fini(run);
	return call_settle(c) ? call_load(c, arena) : NULL;
}

void
call_join(const struct call_ctx *c)
{
	struct arena *arena = arena_new(0);
	struct run *run = load_settled(c, arena);

	if (run != NULL) {
		/* The player repeats the type of the last answer. */
		send_answer(c, invoke_answer(run, type_of(run), true));
		run_fini(run);
	}
	arena_free(&arena);
}

void
call_ping(const struct call_ctx *c)
{
	struct arena *arena = arena_new(0);
	struct run *run = load_settled(c, arena);

	if (run != NULL) {
		bool moved = !slice_eq_nocase(slice_of(c->call->names[1]),
		    slice_of(run->token));

		answer_text(c, 200, moved ? "true" : "false");
		run_fini(run);
	}
	arena_free(&arena);
}

/* --- invoke ------------------------------------------------------------------------ */

/* What an invoke came to: an answer to be stored and sent, or a refusal. */
struct result {
	const char	*type;		/* NULL: refused */
	unsigned	 status;
	const char	*sentence;
	bool		 fault;		/* a service's: the page stays, and says so */
};

static struct result
refused(unsigned status, const char *sentence)
{
	return (struct result){ .status = status, .sentence = sentence };
}

static struct result
arrived(const struct run *run, enum run_end end)
{
	if (end == RUN_STUCK)
		return refused(run->stuck_status, run->stuck);
	if (end == RUN_ENDLESS)
		return refused(500, "The flow goes in circles without coming "
		    "to a page, or its values grow without limit");
	if (end == RUN_FAULT)
		return (struct result){ .status = 400,
		    .sentence = fault_sentence(run), .fault = true };
	return (struct result){ .type = type_of(run) };
}

const struct flow_outcome *
chosen_outcome(const struct run *run, const char *id)
{
	struct guid guid;

	for (size_t i = 0; guid_of(&guid, id) && i < run->at->noutcomes; i++)
		if (guid_eq(&run->at->outcomes[i].guid, &guid) &&
		    !run->at->outcomes[i].reserved)
			return &run->at->outcomes[i];
	return NULL;
}

/* NULL where it is missing or empty. */
static const char *
text_in(const json_t *json, const char *key)
{
	const char *text = json_string_value(json_object_get(json, key));

	return text == NULL || text[0] == '\0' ? NULL : text;
}

/* What was done on the page stands in mapElementInvokeRequest; where that is
 * missing, some clients have it in the request itself. */
static const json_t *
page_part(const json_t *json)
{
	const json_t *part = json_object_get(json, "mapElementInvokeRequest");

	return json_is_object(part) ? part : json;
}

static const json_t *
page_inputs(const json_t *json)
{
	const json_t *part = page_part(json);
	const json_t *page = json_object_get(part, "pageRequest");

	return json_object_get(json_is_object(page) ? page : part,
	    "pageComponentInputResponses");
}

static struct result
forward(struct run *run, const json_t *json)
{
	const char *id = json_string_value(json_object_get(page_part(json),
	    "selectedOutcomeId"));
	const struct flow_outcome *outcome;

	if (run->done)
		return (struct result){ .type = "DONE" };
	if (run->at->type == ELEMENT_START)
		return arrived(run, run_begin(run));
	if (run_wait_is_over(run))
		return arrived(run, run_end_wait(run));
	if (run->wait.kind != WAIT_NOTHING)
		return (struct result){ .type = "WAIT" };
	/* It stands where a service has failed: once more. */
	if (!shows_page(run->at))
		return arrived(run, run_go(run, run->at));
	outcome = chosen_outcome(run, id);
	if (id != NULL && id[0] != '\0' && outcome == NULL)
		return refused(400, "The selected outcome is none of the page "
		    "where the state stands");
	if (outcome != NULL && outcome->out != NULL)
		return refused(400, "The selected outcome leads out of the "
		    "flow: POST to /api/run/1/state/out/{state}/{outcome}");
	if (outcome == NULL || outcome->binding != BINDING_NO_SAVE)
		run_take_page(run, page_inputs(json));
	if (outcome == NULL)
		return (struct result){ .type = type_of(run) };
	if (outcome->binding == BINDING_NO_SAVE)
		run->invalid = NULL;
	else if (outcome->binding == BINDING_SAVE ? !run_check_page(run) :
	    run->invalid != NULL)
		return (struct result){ .type = type_of(run) };
	if (run->at->vote != NULL && !run_vote(run, outcome))
		return (struct result){ .type = type_of(run) };
	return arrived(run, run_leave(run, outcome));
}

static const struct past *
past_entry(const struct run *run, const char *id)
{
	struct guid wanted;

	if (!guid_of(&wanted, id))
		return NULL;
	for (size_t i = 0; i < run->npast; i++)
		if (guid_eq(&run->history[i].id, &wanted))
			return &run->history[i];
	return NULL;
}

static const struct map_element *
item_leads_to(const struct run *run, const struct navigation *n,
    const struct navigation_item *item)
{
	const struct item_override *o = find_override(run, n, item);

	if (o == NULL)
		return item->to;
	return !o->enabled || !o->visible ? NULL : o->to != NULL ? o->to :
	    item->to;
}

/* Where a navigation, the history or a jump leads; NULL if nowhere. */
static const struct map_element *
way_to(const struct run *run, const json_t *json)
{
	const char *entry = text_in(json, "selectedStateEntryId");
	const char *item = text_in(json, "selectedNavigationItemId");
	const char *element = text_in(json, "selectedMapElementId");
	const struct navigation *n = NULL;
	const struct navigation_item *to;
	struct guid guid;

	if (item == NULL)
		item = text_in(json, "selectedNavigationElementId");
	if (entry != NULL) {
		const struct past *past = past_entry(run, entry);

		/* Not into a flow that has returned, nor out of this one. */
		return past == NULL || !run->flow->goes_back ||
		    flow_element(run->flow, &past->at->guid) != past->at ?
		    NULL : past->at;
	}
	if (guid_of(&guid, text_in(json, "navigationElementId")))
		n = find_navigation(run->flow, &guid);
	if (n != NULL && guid_of(&guid, item)) {
		to = find_item(n, &guid);
		return to == NULL ? NULL : item_leads_to(run, n, to);
	}
	if (run->flow->jumps && guid_of(&guid, element))
		return flow_element(run->flow, &guid);
	return NULL;
}

/* What was typed is kept as it is: nobody has said that it is complete. */
static struct result
navigate(struct run *run, const json_t *json)
{
	const struct map_element *to = way_to(run, json);

	if (run->done)
		return (struct result){ .type = "DONE" };
	if (to == NULL || to->type == ELEMENT_START)
		return refused(400, "The request names no place that the flow "
		    "can be taken to");
	run_take_page(run, page_inputs(json));
	return arrived(run, run_go(run, to));
}

static struct result
apply(struct run *run, const json_t *json)
{
	static const char *const repeated[] = { "FORWARD", "DONE", "JOIN",
	    "WAIT", "STATUS", "WAITING_ON_VOTES", "NOT_ALLOWED" };
	const char *type = json_string_value(json_object_get(json,
	    "invokeType"));

	if (type == NULL)
		return refused(400, "The request has no invokeType");
	/* The player repeats what it was answered last. */
	for (size_t i = 0; i < sizeof(repeated) / sizeof(repeated[0]); i++)
		if (slice_eq_nocase(slice_of(type), slice_of(repeated[i])))
			return forward(run, json);
	if (slice_eq_nocase(slice_of(type), SLICE("NAVIGATE")))
		return navigate(run, json);
	if (!slice_eq_nocase(slice_of(type), SLICE("SYNC")))
		return refused(400, "The request's invokeType is none that "
		    "this engine knows: FORWARD, SYNC, NAVIGATE");
	if (!run->done)
		run_take_page(run, page_inputs(json));
	return (struct result){ .type = "SYNC" };
}

/* Keeps the answer beside the state, in one row: both or neither. */
static enum store_end
save(const struct call_ctx *c, struct run *run, const char *token,
    uint64_t hash, const char *answer)
{
	run->last_token = token;
	run->last_hash = hash;
	run->last_answer = answer;
	call_stamp(c, run);
	return keep_save(c, run);
}

/*
 * A service has failed, and the flow has no way for that.  Nothing of what it
 * came to is kept; the user sees the page as it was filled in, with what went
 * wrong above it, and may try again.
 */
static void
answer_fault(const struct call_ctx *c, const struct run *failed,
    const json_t *json)
{
	struct arena *arena = arena_new(0);
	struct run *run = call_load(c, arena);

	if (run == NULL) {
		arena_free(&arena);
		return;			/* answered */
	}
	if (!shows_page(run->at)) {
		answer_sentence(c, 400, "%s", fault_sentence(failed));
	} else {
		call_client(c, run, json);
		run_take_page(run, page_inputs(json));
		run->faults = NULL;
		run_put_faults(run, failed);
		send_answer(c, invoke_answer(run, type_of(run), true));
	}
	run_fini(run);
	arena_free(&arena);
}

static enum store_end
invoke_now(const struct call_ctx *c, struct run *run, const json_t *json,
    uint64_t hash)
{
	const char *token = arena_strdup(run->arena, run->token);
	bool was_done = run->done;
	struct result result;
	enum store_end end;
	struct buf text = { 0 };
	json_t *answer;

	call_client(c, run, json);
	result = apply(run, json);
	if (result.fault) {
		answer_fault(c, run, json);
		return STORE_OK;
	}
	if (result.type == NULL) {
		answer_sentence(c, result.status, "%s", result.sentence);
		return STORE_OK;
	}
	run_renew_token(run);
	answer = invoke_answer(run, result.type,
	    strcmp(result.type, "SYNC") != 0);
	json_put(&text, answer);
	json_decref(answer);
	end = save(c, run, token, hash, buf_cstr(&text));
	if (end == STORE_OK) {
		send_text(c, buf_cstr(&text));
		if (!was_done)
			call_tell_done(c, run);
		alarm_set(c, run);
	}
	buf_fini(&text);
	return end;
}

/*
 * Of what was asked and of who asks, since an answer tells what only he may
 * see.  Keyed by the state: only its own requests are ever compared.
 */
static uint64_t
hash_request(const struct call_ctx *c, const struct run *run)
{
	uint8_t key[sizeof(run->row.id)];
	uint64_t who = c->call->secret == NULL ? 0 :
	    hash_keyed(run->row.id, slice_of(c->call->secret));

	memcpy(key, run->row.id, sizeof(key));
	for (size_t i = 0; i < sizeof(who); i++)
		key[i] ^= (uint8_t)(who >> (8 * i));
	return hash_keyed(key, buf_all(&c->call->body));
}

static enum store_end
invoke_once(const struct call_ctx *c, struct arena *arena, const json_t *json)
{
	const char *token = json_string_value(json_object_get(json,
	    "stateToken"));
	struct run *run = call_load(c, arena);
	enum store_end end = STORE_OK;
	uint64_t hash;

	if (run == NULL)
		return STORE_OK;	/* answered */
	hash = hash_request(c, run);
	if (token == NULL)
		answer_sentence(c, 400, "The request has no stateToken");
	/* It waits for somebody who may: nobody else moves it, takes the token
	 * of who does, or is told again what was said to others. */
	else if (run_is_guarded(run))
		send_answer(c, invoke_answer(run, "NOT_ALLOWED", false));
	else if (strcmp(token, run->token) == 0)
		end = invoke_now(c, run, json, hash);
	else if (run->last_answer != NULL && hash == run->last_hash &&
	    strcmp(token, run->last_token) == 0)
		send_text(c, run->last_answer);
	else
		send_answer(c, invoke_answer(run, "SYNC", false));
	run_fini(run);
	return end;
}

void
call_invoke(const struct call_ctx *c)
{
	json_t *json = call_json(c);
	enum store_end end = STORE_CONFLICT;
	struct turn turn;

	if (json == NULL)
		return;
	c->call->changes = true;
	turn_take(c->engine, &turn, c->call->names[0]);
	/* After a conflict everything is read anew: the other request may
	 * well have been this very one, sent twice. */
	for (int i = 0; i < ATTEMPTS && end == STORE_CONFLICT; i++) {
		struct arena *arena = arena_new(0);

		end = invoke_once(c, arena, json);
		arena_free(&arena);
	}
	turn_end(c->engine, &turn);
	if (end != STORE_OK)
		answer_store(c, end);
	json_decref(json);
}

void
call_invoke_tree(const struct call_ctx *c)
{
	c->call->tree = true;
	call_invoke(c);
}

void
call_join_tree(const struct call_ctx *c)
{
	c->call->tree = true;
	call_join(c);
}

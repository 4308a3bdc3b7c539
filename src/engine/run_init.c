/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * POST /api/run/1: a new state of a flow, standing at START.  With a stateId
 * (after a login) the state that is there.
 */
#include <stdio.h>

#include "base/must.h"
#include "engine/engine_private.h"
#include "engine/keeping.h"

static void
answer_run(const struct call_ctx *c, struct run *run)
{
	bool guarded = run_is_guarded(run);

	answer_json(c, 200, json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:n}",
	    "stateId", run->id, "stateToken", run->token,
	    "currentMapElementId", run->at->id, "statusCode",
	    guarded ? "401" : "200", "authorizationContext",
	    run_authorization(run),
	    "navigationElementReferences", run_navigation_references(run),
	    "currentStreamId"));
}

/* The player's own address with a query for it; what follows a # would not
 * reach us. */
static const char *
with_query(struct arena *arena, const char *url, const char *query)
{
	size_t len;

	if (url == NULL || url[0] == '\0')
		return NULL;
	len = strcspn(url, "#");
	return arena_printf(arena, "%.*s%c%s", (int)len, url,
	    memchr(url, '?', len) == NULL ? '?' : '&', query);
}

static const char *
text_of(const json_t *json, const char *key)
{
	return json_string_value(json_object_get(json, key));
}

static void
set_uris(const struct call_ctx *c, struct run *run, const json_t *json)
{
	struct arena *arena = run->arena;
	const char *join = arena_printf(arena, "join=%s", run->id);

	run->join_uri = with_query(arena, text_of(json, "joinPlayerUrl"),
	    join);
	/* Without it a reload of the page would begin anew. */
	if (run->join_uri == NULL)
		run->join_uri = arena_printf(arena, "/%s/play/default?%s",
		    c->call->tenant_text, join);
	run->run_uri = with_query(arena, text_of(json, "playerUrl"),
	    arena_printf(arena, "flow-id=%s&flow-version-id=%s",
	    run->flow->id, run->flow->version));
}

static void
set_row(const struct call_ctx *c, struct run *run)
{
	const struct config *config = c->edition->generation->config;
	const struct state_id id = {
		.region = c->edition->region->number,
		.tag = flow_tag(config->policy.tag_key,
		    slice_of(c->call->tenant_text), slice_of(run->flow->id)),
	};
	struct store_row *row = &run->row;

	state_id_make(&id, run->id);
	must(guid_parse(row->id, slice_of(run->id)));
	memcpy(row->tenant, c->call->tenant.bytes, sizeof(row->tenant));
	memcpy(row->flow, run->flow->guid.bytes, sizeof(row->flow));
	row->allowed = call_allowed(c, &run->flow->guid);
}

/* A new run at START with what it was given; answers and returns NULL if that
 * is wrong. */
static struct run *
prepare(const struct call_ctx *c, struct arena *arena,
    const struct flow *flow, const json_t *json)
{
	struct run *run = run_new(arena, flow);
	struct err err;

	set_row(c, run);
	set_uris(c, run, json);
	call_client(c, run, json);
	run_first_contents(run);
	if (run->spent > RUN_BUDGET)
		answer_sentence(c, 500, "The flow's values grow without limit");
	else if (!run_take_inputs(run, json_object_get(json, "inputs"), &err))
		answer_sentence(c, 400, "%s", err.text);
	else
		return run;
	run_fini(run);
	return NULL;
}

/* Whether it was stored; answers if it was not. */
static bool
create(const struct call_ctx *c, struct run *run)
{
	enum store_end end;

	call_stamp(c, run);
	end = keep_create(c, run);
	if (end != STORE_OK)
		answer_store(c, end);
	else
		alarm_set(c, run);
	return end == STORE_OK;
}

static void
make_state(const struct call_ctx *c, struct arena *arena,
    const struct flow *flow, const json_t *json)
{
	struct run *run = prepare(c, arena, flow, json);

	if (run == NULL)
		return;
	if (create(c, run))
		answer_run(c, run);
	run_fini(run);
}

static void
use_state(const struct call_ctx *c, struct arena *arena, const char *id)
{
	struct run *run;

	snprintf(c->call->names[0], sizeof(c->call->names[0]), "%s", id);
	c->call->for_user = false;	/* the answer says where to log in */
	run = call_load(c, arena);
	if (run == NULL)
		return;
	answer_run(c, run);
	run_fini(run);
}

/* Answers and returns NULL if it is not here. */
static const struct flow *
flow_of_request(const struct call_ctx *c, const json_t *json)
{
	const json_t *names = json_object_get(json, "flowId");
	const char *id = text_of(names, "id");
	const char *version = text_of(names, "versionId");
	struct guid guid, version_guid;
	bool has_version = version != NULL && version[0] != '\0';
	const struct flow *flow;

	if (!guid_of(&guid, id) ||
	    (has_version && !guid_of(&version_guid, version))) {
		answer_sentence(c, 400, "The request names no flow: flowId.id "
		    "must be a GUID, flowId.versionId one or null");
		return NULL;
	}
	flow = flows_find(&c->call->flows, &guid, has_version ?
	    &version_guid : NULL);
	if (flow == NULL)
		answer_sentence(c, 404, "The flow with the ID %s could not be "
		    "found%s", id, has_version ? " in this version" : "");
	return flow;
}

static void
initialize(const struct call_ctx *c, struct arena *arena, const json_t *json)
{
	const char *state = text_of(json, "stateId");
	const struct flow *flow = flow_of_request(c, json);

	if (flow == NULL || !call_admit(c, flow))
		return;
	if (state != NULL && state[0] != '\0')
		use_state(c, arena, state);
	else
		make_state(c, arena, flow, json);
}

static void
with_body(const struct call_ctx *c, void (*call)(const struct call_ctx *,
    struct arena *, const json_t *))
{
	struct arena *arena;
	json_t *json = call_json(c);

	if (json == NULL)
		return;
	arena = arena_new(0);
	call(c, arena, json);
	arena_free(&arena);
	json_decref(json);
}

void
call_initialize(const struct call_ctx *c)
{
	with_body(c, initialize);
}

/* --- start and first invoke in one ---------------------------------------------- */

static const struct flow *
flow_of_simple(const struct call_ctx *c, const json_t *json)
{
	const char *id = text_of(json, "id");
	const char *version = text_of(json, "versionId");
	const char *name = text_of(json, "developerName");
	struct guid guid, version_guid;
	const struct flow *flow = NULL;

	if (guid_of(&guid, id))
		flow = flows_find(&c->call->flows, &guid,
		    guid_of(&version_guid, version) ? &version_guid : NULL);
	else if (name != NULL)
		flow = flows_named(&c->call->flows, slice_of(name));
	if (flow == NULL)
		answer_sentence(c, 404, "The flow that the request names by "
		    "id or developerName could not be found");
	return flow;
}

/* Who logs in so is let in here; what follows needs a token all the same,
 * from /authentication. */
static bool
let_in(const struct call_ctx *c, struct run *run, const json_t *json)
{
	const char *sentence = "You are not authorized to access this content";

	if (!run_is_guarded(run))
		return true;
	if (text_of(json, "username") == NULL)
		sentence = "Users of this flow have to log in: give a username "
		    "and a password, or begin it by POST /api/run/1";
	else if (call_log_in(c, run, json, &sentence) && !run_is_guarded(run))
		return true;
	answer_sentence(c, 401, "%s", sentence);
	return false;
}

static void
begin_simply(const struct call_ctx *c, struct arena *arena,
    const json_t *json)
{
	const struct flow *flow = flow_of_simple(c, json);
	enum run_end end;
	struct run *run;
	struct turn turn;

	if (flow == NULL || !call_admit(c, flow) ||
	    (run = prepare(c, arena, flow, json)) == NULL)
		return;
	if (!let_in(c, run, json)) {
		run_fini(run);
		return;
	}
	/* A service may answer before the state is stored. */
	turn_take(c->engine, &turn, run->id);
	end = run_begin(run);
	if (end == RUN_FAULT) {
		answer_sentence(c, 400, "%s", fault_sentence(run));
	} else if (end == RUN_STUCK) {
		answer_sentence(c, run->stuck_status, "%s", run->stuck);
	} else if (end == RUN_ENDLESS) {
		answer_sentence(c, 500, "The flow goes in circles without "
		    "coming to a page, or its values grow without limit");
	} else {
		json_t *answer = invoke_answer(run, run->done ? "DONE" :
		    end == RUN_WAIT ? "WAIT" : "FORWARD", true);

		if (create(c, run))
			answer_json(c, 200, answer);
		else
			json_decref(answer);
	}
	turn_end(c->engine, &turn);
	run_fini(run);
}

void
call_simple(const struct call_ctx *c)
{
	with_body(c, begin_simply);
}

/* --- out of a flow into another ---------------------------------------------------- */

/* The player's address as the state had it: up to its own id. */
static const char *
same_player(struct arena *arena, const struct run *from, const char *id)
{
	const char *at = from->join_uri == NULL ? NULL :
	    strstr(from->join_uri, "join=");

	return at == NULL ? NULL : arena_printf(arena, "%.*sjoin=%s",
	    (int)(at - from->join_uri), from->join_uri, id);
}

static void
out_to_flow(const struct call_ctx *c, struct arena *arena,
    struct run *from, const struct guid *id)
{
	const struct flow *flow = flows_find(&c->call->flows, id, NULL);
	json_t *json = json_object();
	struct run *run = NULL;

	if (flow == NULL)
		answer_sentence(c, 404, "The flow that the outcome leads to "
		    "could not be found");
	else if (call_admit(c, flow))
		run = prepare(c, arena, flow, json);
	json_decref(json);
	if (run == NULL)
		return;
	if (from->join_uri != NULL)
		run->join_uri = same_player(arena, from, run->id);
	if (create(c, run))
		answer_run(c, run);
	run_fini(run);
}

static void
leave(const struct call_ctx *c, struct arena *arena, struct run *run)
{
	const struct flow_outcome *o = chosen_outcome(run, c->call->names[1]);
	struct guid flow;

	if (o == NULL || o->out == NULL || run->done) {
		answer_sentence(c, 400, "The outcome leads to no other flow "
		    "from where the state stands");
		return;
	}
	if (o->out->state_value.value != NULL &&
	    run_text(run, &o->out->state_value).len > 0) {
		use_state(c, arena, arena_copy(arena, run_text(run,
		    &o->out->state_value)));
		return;
	}
	flow = o->out->flow;
	if (o->out->flow_value.value != NULL &&
	    !guid_parse(flow.bytes, run_text(run, &o->out->flow_value)))
		answer_sentence(c, 400, "The value %s does not hold the id of "
		    "a flow", o->out->flow_value.value->name);
	else
		out_to_flow(c, arena, run, &flow);
}

void
call_out(const struct call_ctx *c)
{
	struct arena *arena = arena_new(0);
	struct run *run = call_load(c, arena);

	if (run != NULL) {
		leave(c, arena, run);
		run_fini(run);
	}
	arena_free(&arena);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * POST /api/run/1: a new state of a flow, standing at START.  With a stateId
 * (after a login) the state that is there.
 */
#include <stdio.h>

#include "base/clock.h"
#include "base/must.h"
#include "engine/engine_private.h"

static void
answer_run(const struct call_ctx *c, const struct run *run)
{
	answer_json(c, 200, json_pack("{s:s, s:s, s:s, s:s, s:o, s:[], s:n}",
	    "stateId", run->id, "stateToken", run->token,
	    "currentMapElementId", run->at->id, "statusCode", "200",
	    "authorizationContext", public_authorization(),
	    "navigationElementReferences", "currentStreamId"));
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
	const struct config *config = c->engine->generation->config;
	const struct state_id id = {
		.region = c->engine->region_number,
		.tag = flow_tag(config->policy.tag_key,
		    slice_of(c->call->tenant_text), slice_of(run->flow->id)),
	};
	struct store_row *row = &run->row;

	state_id_make(&id, run->id);
	must(guid_parse(row->id, slice_of(run->id)));
	memcpy(row->tenant, c->call->tenant.bytes, sizeof(row->tenant));
	memcpy(row->flow, run->flow->guid.bytes, sizeof(row->flow));
	row->created_ms = row->updated_ms = (int64_t)clock_unix_ms();
	row->expires_ms = call_expiry(run->flow, row->created_ms);
}

static void
make_state(const struct call_ctx *c, struct arena *arena,
    const struct flow *flow, const json_t *json)
{
	struct run *run = run_new(arena, flow);
	enum store_end end;
	struct err err;

	set_row(c, run);
	set_uris(c, run, json);
	call_client(c, run, json);
	run_first_contents(run);
	if (run->spent > RUN_BUDGET) {
		answer_sentence(c, 500, "The flow's values grow without limit");
	} else if (!run_take_inputs(run, json_object_get(json, "inputs"), &err)) {
		answer_sentence(c, 400, "%s", err.text);
	} else {
		run->row.body = run_body(run);
		end = store_create(c->engine->store, &run->row);
		if (end == STORE_OK)
			answer_run(c, run);
		else
			answer_store(c, end);
	}
	run_fini(run);
}

static void
use_state(const struct call_ctx *c, struct arena *arena, const char *id)
{
	struct run *run;

	snprintf(c->call->names[0], sizeof(c->call->names[0]), "%s", id);
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
	flow = flows_find(c->engine->flows, &guid, has_version ?
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

void
call_initialize(const struct call_ctx *c)
{
	struct arena *arena;
	json_t *json = call_json(c);

	if (json == NULL)
		return;
	arena = arena_new(0);
	initialize(c, arena, json);
	arena_free(&arena);
	json_decref(json);
}

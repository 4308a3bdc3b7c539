/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Which flows can be run here: by id, by name, or all of them.
 */
#include "base/must.h"
#include "engine/engine_private.h"

static json_t *
flow_json(const struct flow *flow)
{
	json_t *summary = json_object_get(flow->json, "developerSummary");
	json_t *json = json_pack(
	    "{s:{s:s, s:s}, s:s, s:O?, s:b, s:b, s:s, s:b, s:b, s:o}",
	    "id", "id", flow->id, "versionId", flow->version,
	    "developerName", flow->name, "developerSummary",
	    json_is_string(summary) ? summary : NULL,
	    "isActive", 1, "isDefault", flow->is_default,
	    "startMapElementId", flow->start->id, "allowJumping",
	    flow->jumps, "enableHistoricalNavigation", flow->goes_back,
	    "authorization", json_pack("{s:s}", "globalAuthenticationType",
	    "PUBLIC"));

	must(json != NULL);
	return json;
}

static void
answer_flow(const struct call_ctx *c, const struct flow *flow)
{
	if (flow == NULL)
		answer_sentence(c, 404, "The flow %s could not be found",
		    c->call->names[0]);
	else if (call_admit(c, flow))
		answer_json(c, 200, flow_json(flow));
}

void
call_flow(const struct call_ctx *c)
{
	struct guid guid;

	answer_flow(c, guid_of(&guid, c->call->names[0]) ?
	    flows_find(&c->call->flows, &guid, NULL) : NULL);
}

void
call_flow_named(const struct call_ctx *c)
{
	answer_flow(c, flows_named(&c->call->flows,
	    slice_of(c->call->names[0])));
}

/* In two turns, since reading a flow may wait and the list may change. */
static void
list_stored(const struct call_ctx *c, json_t *list)
{
	const struct metadata *m = c->engine->metadata;
	const struct stored_flow *f = NULL;
	struct arena *arena = arena_new(0);
	struct guid *ids;
	size_t count = 0;

	while ((f = metadata_next_flow(m, &c->call->tenant, f)) != NULL)
		count++;
	ids = arena_array(arena, count, sizeof(*ids));
	count = 0;
	while ((f = metadata_next_flow(m, &c->call->tenant, f)) != NULL)
		ids[count++] = f->id;
	for (size_t i = 0; i < count; i++) {
		const struct flow *flow = flows_find(&c->call->flows,
		    &ids[i], NULL);

		if (flow != NULL && call_may(c, flow, NULL) == 0)
			json_array_append_new(list, flow_json(flow));
	}
	arena_free(&arena);
}

/* The version of each that is run by default, of those that may be. */
void
call_flows(const struct call_ctx *c)
{
	const struct flows *flows = &c->call->flows;
	json_t *list = json_array();

	list_stored(c, list);
	for (size_t i = 0; i < flows_count(flows); i++) {
		const struct flow *flow = flows_at(flows, i);

		if (flows_find(flows, &flow->guid, NULL) == flow &&
		    call_may(c, flow, NULL) == 0)
			json_array_append_new(list, flow_json(flow));
	}
	answer_json(c, 200, list);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Looking at a state without moving it: its navigation, its history, its log
 * and who is asked for.
 */
#include "base/must.h"
#include "engine/engine_private.h"

/* What a request without a body that can be read asks is its path's. */
static void
look(const struct call_ctx *c, void (*answer)(const struct call_ctx *,
    struct run *))
{
	struct arena *arena = arena_new(0);
	struct run *run = call_load(c, arena);

	if (run != NULL) {
		answer(c, run);
		run_fini(run);
	}
	arena_free(&arena);
}

void
call_navigation(const struct call_ctx *c)
{
	json_t *json = call_json(c);
	struct arena *arena;
	struct run *run;
	struct guid guid;
	const struct navigation *n = NULL;

	if (json == NULL)
		return;
	arena = arena_new(0);
	run = call_load(c, arena);
	if (run != NULL) {
		if (guid_of(&guid, json_string_value(json_object_get(json,
		    "navigationElementId"))))
			n = find_navigation(run->flow, &guid);
		if (n == NULL)
			answer_sentence(c, 404, "The flow has no navigation "
			    "with this navigationElementId");
		else
			answer_json(c, 200, run_navigation(run, n));
		run_fini(run);
	}
	arena_free(&arena);
	json_decref(json);
}

/* Pages only, whatever onlyUIMapElements says: those can be gone back to. */
static void
answer_history(const struct call_ctx *c, struct run *run)
{
	json_t *list = json_array();

	for (size_t i = 0; i < run->npast; i++) {
		const struct map_element *at = run->history[i].at;
		char id[GUID_TEXT];

		if (flow_element(run->flow, &at->guid) != at)
			continue;	/* of a subflow, or of who runs it */
		must(json_array_append_new(list, json_pack(
		    "{s:s, s:s, s:s?, s:s}", "flowId", run->flow->id,
		    "mapElementId", at->id, "mapElementName", at->name,
		    "stateEntryId", guid_text(run->history[i].id.bytes,
		    id))) == 0);
	}
	answer_json(c, 200, json_pack("{s:o}", "entries", list));
}

void
call_history(const struct call_ctx *c)
{
	look(c, answer_history);
}

/* What values held on the way is not kept, so there is nothing to tell. */
static void
answer_log(const struct call_ctx *c, struct run *run)
{
	answer_json(c, 200, json_pack("{s:s, s:s, s:[]}", "stateId", run->id,
	    "flowId", run->flow->id, "entries"));
}

void
call_log(const struct call_ctx *c)
{
	look(c, answer_log);
}

/* /api/log/{flow}/{state} */
void
call_old_log(const struct call_ctx *c)
{
	memcpy(c->call->names[0], c->call->names[1],
	    sizeof(c->call->names[0]));
	look(c, answer_log);
}

static void
answer_authorization(const struct call_ctx *c, struct run *run)
{
	answer_json(c, 200, run_authorization(run));
}

void
call_authorization(const struct call_ctx *c)
{
	look(c, answer_authorization);
}

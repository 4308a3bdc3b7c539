/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * /api/admin/1/states: the tenant's states that this region keeps.
 */
#include "base/clock.h"
#include "base/must.h"
#include "engine/build.h"
#include "engine/keeping.h"

enum { PAGE = 100 };

static json_t *
time_json(int64_t ms)
{
	char text[CLOCK_TEXT_MAX];

	return ms == 0 ? json_null() :
	    json_string(clock_text((uint64_t)ms, text));
}

static json_t *
state_json(const struct call_ctx *c, const struct store_row *row)
{
	char id[GUID_TEXT], flow[GUID_TEXT];
	const struct stored_flow *f;
	struct guid guid;
	json_t *json;

	memcpy(guid.bytes, row->flow, sizeof(guid.bytes));
	f = metadata_flow(c->engine->metadata, &c->call->tenant, &guid);
	json = json_pack("{s:s, s:s, s:{s:s}, s:s?, s:b, s:b, s:o, s:o, s:o}",
	    "id", guid_text(row->id, id), "manywhoTenantId",
	    c->call->tenant_text, "currentFlowId", "id",
	    guid_text(row->flow, flow), "currentFlowDeveloperName",
	    f == NULL ? NULL : f->name, "isDone", row->done, "isExpired",
	    row->expires_ms != 0 && row->expires_ms <=
	    (int64_t)clock_unix_ms(), "dateCreated",
	    time_json(row->created_ms), "dateModified",
	    time_json(row->updated_ms), "expiresAt",
	    time_json(row->expires_ms));
	must(json != NULL);
	return json;
}

/* --- lists ----------------------------------------------------------------------- */

/* What the query says of it, "" if nothing; it holds no escapes. */
static void
query_value(const struct call_ctx *c, const char *name, char *value,
    size_t room)
{
	struct slice rest = slice_of(c->call->query), pair;
	size_t len = strlen(name);

	value[0] = '\0';
	while (slice_split(&rest, '&', &pair)) {
		if (pair.len <= len || pair.p[len] != '=' ||
		    strncmp(pair.p, name, len) != 0 || pair.len - len > room)
			continue;
		memcpy(value, pair.p + len + 1, pair.len - len - 1);
		value[pair.len - len - 1] = '\0';
	}
}

static bool
is_of_version(const struct call_ctx *c, struct arena *arena,
    const struct store_row *listed, const struct guid *version)
{
	struct store_row row;
	struct kept_at *at;
	bool same = false;
	struct run *run;
	struct err err;

	if (keep_load(c, arena, listed->id, false, &row, &at) != STORE_OK)
		return false;
	run = run_restore(arena, &c->call->flows, &row, &err);
	if (run == NULL)
		return false;
	same = guid_eq(&run_root(run)->version_guid, version);
	run_fini(run);
	return same;
}

/* A page; version NULL: of all. */
static void
list(const struct call_ctx *c, const struct guid *flow,
    const struct guid *version)
{
	struct arena *arena = arena_new(0);
	char cursor[256];
	const struct store_query query = { .tenant = c->call->tenant.bytes,
	    .flow = flow == NULL ? NULL : flow->bytes, .cursor = cursor,
	    .limit = PAGE };
	struct store_query first;
	struct store_row *rows;
	const char *next;
	size_t count;
	enum store_end end;
	json_t *states;

	query_value(c, "cursor", cursor, sizeof(cursor));
	first = query;
	if (cursor[0] == '\0')
		first.cursor = NULL;
	end = await_list(c->engine->store, arena, &first, &rows, &count,
	    &next);
	if (end != STORE_OK) {
		build_answer_end(c, end);
		arena_free(&arena);
		return;
	}
	states = json_array();
	for (size_t i = 0; i < count; i++)
		if (version == NULL ||
		    is_of_version(c, arena, &rows[i], version))
			json_array_append_new(states,
			    state_json(c, &rows[i]));
	answer_json(c, 200, json_pack("{s:o, s:s?}", "states", states, "next",
	    next[0] == '\0' ? NULL : next));
	arena_free(&arena);
}

void
call_states(const struct call_ctx *c)
{
	if (build_may(c, ROLE_READER))
		list(c, NULL, NULL);
}

void
call_states_of_flow(const struct call_ctx *c)
{
	bool by_version = c->call->names[1][0] != '\0';
	struct guid flow, version;

	if (!build_may(c, ROLE_READER) || !build_guid(c, 0, &flow) ||
	    (by_version && !build_guid(c, 1, &version)))
		return;
	list(c, &flow, by_version ? &version : NULL);
}

/* --- one ------------------------------------------------------------------------- */

/* NULL: answered.  Another tenant's state does not exist for this one. */
static struct kept_at *
load(const struct call_ctx *c, struct arena *arena, struct store_row *row)
{
	enum store_end end = STORE_NOT_FOUND;
	struct kept_at *at;
	struct guid id;

	if (guid_of(&id, c->call->names[0]))
		end = keep_load(c, arena, id.bytes, false, row, &at);
	if (end == STORE_OK)
		return at;
	if (end == STORE_ELSEWHERE)
		answer_sentence(c, 403, "The state with the ID %s is not told "
		    "of in this region: its flow is restricted to others; ask "
		    "by the host name of one of them", c->call->names[0]);
	else
		answer_store(c, end);
	return NULL;
}

/* The pages that it stood at. */
static json_t *
entries_json(const struct run *run)
{
	json_t *list = json_array();

	char id[GUID_TEXT];

	for (size_t i = 0; i < run->npast; i++)
		must(json_array_append_new(list, json_pack(
		    "{s:s, s:s, s:s, s:s?}", "id",
		    guid_text(run->history[i].id.bytes, id),
		    "flowId", run_root(run)->id, "mapElementId",
		    run->history[i].at->id, "mapElementDeveloperName",
		    run->history[i].at->name)) == 0);
	return list;
}

static void
add_run(json_t *json, struct run *run)
{
	json_t *values = json_array();
	const struct flow *root = run_root(run);

	for (size_t i = 0; i < run->flow->nvalues; i++) {
		const struct flow_value *v = &run->flow->values[i];

		if (v->system == SYSTEM_NONE && !v->fixed)
			json_array_append_new(values, run_value_json(run, v));
	}
	json_object_set_new(json_object_get(json, "currentFlowId"),
	    "versionId", json_string(root->version));
	json_object_set_new(json, "currentFlowDeveloperName",
	    json_string(root->name));
	json_object_set_new(json, "currentMapElementId",
	    json_string(run->at->id));
	json_object_set_new(json, "currentMapElementDeveloperName",
	    json_string(run->at->name));
	json_object_set_new(json, "joinUri", run->join_uri == NULL ?
	    json_null() : json_string(run->join_uri));
	json_object_set_new(json, "stateEntries", entries_json(run));
	json_object_set_new(json, "rootFaults", run->faults == NULL ?
	    json_null() : json_incref(run->faults));
	json_object_set_new(json, "values", values);
}

void
call_state_get(const struct call_ctx *c)
{
	const struct kept_at *at;
	struct arena *arena;
	struct store_row row;
	struct run *run;
	struct err err;
	json_t *json;

	if (!build_may(c, ROLE_READER))
		return;
	arena = arena_new(0);
	at = load(c, arena, &row);
	if (at != NULL) {
		json = state_json(c, &row);
		json_object_set_new(json, "storeId", at->store[0] == '\0' ?
		    json_null() : json_string(at->store));
		run = run_restore(arena, &c->call->flows, &row, &err);
		if (run != NULL) {
			add_run(json, run);
			run_fini(run);
		}
		answer_json(c, 200, json);
	}
	arena_free(&arena);
}

void
call_state_delete(const struct call_ctx *c)
{
	struct arena *arena;
	struct store_row row;
	enum store_end end;

	if (!build_may(c, ROLE_BUILDER))
		return;
	arena = arena_new(0);
	if (load(c, arena, &row) != NULL) {
		end = keep_remove(c, row.id);
		if (end == STORE_OK)
			answer_text(c, 200, "true");
		else
			answer_store(c, end);
	}
	arena_free(&arena);
}

/* All whose time has come, of whatever tenant. */
void
call_states_expire(const struct call_ctx *c)
{
	uint64_t all;
	enum store_end end;

	if (!build_may(c, ROLE_OPERATOR))
		return;
	end = states_expire(c->engine, &all);
	if (end == STORE_OK)
		answer_json(c, 200, json_pack("{s:I}", "removed",
		    (json_int_t)all));
	else
		build_answer_end(c, end);
}

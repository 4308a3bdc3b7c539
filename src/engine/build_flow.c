/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * /api/draw/1/flow: which flows a tenant has, what they are called, what
 * restricts them, and which of their versions is run.
 */
#include "base/must.h"
#include "engine/build.h"

enum store_end
flow_load(const struct call_ctx *c, const struct guid *flow, json_t **doc,
    uint64_t *revision)
{
	char key[STORE_KEY_MAX];

	flow_key(key, &c->call->tenant, flow);
	return build_load(c, "flow", key, doc, revision);
}

enum store_end
flow_change(const struct call_ctx *c, const struct guid *flow,
    build_edit_fn *edit, void *arg, json_t **doc)
{
	char key[STORE_KEY_MAX];

	flow_key(key, &c->call->tenant, flow);
	return build_change(c, "flow", key, edit, arg, doc);
}

static enum store_end
flow_save(const struct call_ctx *c, const struct guid *flow,
    const json_t *doc, uint64_t revision)
{
	char key[STORE_KEY_MAX];

	flow_key(key, &c->call->tenant, flow);
	return build_save(c, "flow", key, doc, revision);
}

json_t *
flow_new(const char *name)
{
	json_t *doc = json_pack("{s:s?, s:n, s:n, s:n, s:o, s:[]}",
	    "developerName", name, "developerSummary", "restrictions",
	    "defaultVersionId", "dateCreated", build_now(), "versions");

	must(doc != NULL);
	return doc;
}

json_t *
flow_version(const json_t *doc, const struct guid *version)
{
	const json_t *list = json_object_get(doc, "versions");

	for (size_t i = 0; i < json_array_size(list); i++) {
		json_t *entry = json_array_get(list, i);
		struct guid id;

		if (guid_of(&id, json_string_value(json_object_get(entry,
		    "versionId"))) && guid_eq(&id, version))
			return entry;
	}
	return NULL;
}

static json_t *
member(const json_t *json, const char *name)
{
	json_t *value = json_object_get(json, name);

	return value == NULL ? json_null() : json_incref(value);
}

json_t *
flow_response(const json_t *doc, const struct guid *flow, json_t *warnings)
{
	json_t *version = json_object_get(doc, "defaultVersionId");
	char id[GUID_TEXT];
	json_t *json = json_pack(
	    "{s:{s:s, s:O?}, s:o, s:o, s:b, s:b, s:o, s:o, s:o}", "id", "id",
	    guid_text(flow->bytes, id), "versionId", version,
	    "developerName", member(doc, "developerName"),
	    "developerSummary", member(doc, "developerSummary"),
	    "isActive", json_is_string(version), "isDefault",
	    json_is_string(version), "restrictions",
	    member(doc, "restrictions"), "dateCreated",
	    member(doc, "dateCreated"), "dateModified",
	    member(doc, "dateModified"));

	must(json != NULL);
	if (json_array_size(warnings) > 0)
		json_object_set(json, "warnings", warnings);
	json_decref(warnings);
	return json;
}

/* --- reading --------------------------------------------------------------------- */

/* NULL: answered. */
static json_t *
flow_there(const struct call_ctx *c, struct guid *flow, uint64_t *revision)
{
	json_t *doc = NULL;
	enum store_end end;

	if (!build_guid(c, 0, flow))
		return NULL;
	end = flow_load(c, flow, &doc, revision);
	if (end != STORE_OK)
		build_answer_end(c, end);
	else if (doc == NULL)
		answer_sentence(c, 404, "The flow %s could not be found",
		    c->call->names[0]);
	return doc;
}

void
call_flow_get(const struct call_ctx *c)
{
	struct guid flow;
	uint64_t revision;
	json_t *doc;

	if (!build_may(c, ROLE_READER))
		return;
	doc = flow_there(c, &flow, &revision);
	if (doc == NULL)
		return;
	answer_json(c, 200, flow_response(doc, &flow, NULL));
	json_decref(doc);
}

/* All at first: while one is read the list may change. */
void
call_flow_list(const struct call_ctx *c)
{
	const struct metadata *m = c->engine->metadata;
	const struct stored_flow *f = NULL;
	struct arena *arena;
	json_t *list, *doc;
	struct guid *ids;
	size_t count = 0;
	uint64_t revision;

	if (!build_may(c, ROLE_READER))
		return;
	while ((f = metadata_next_flow(m, &c->call->tenant, f)) != NULL)
		count++;
	arena = arena_new(0);
	ids = arena_array(arena, count, sizeof(*ids));
	count = 0;
	while ((f = metadata_next_flow(m, &c->call->tenant, f)) != NULL)
		ids[count++] = f->id;
	list = json_array();
	for (size_t i = 0; i < count; i++)
		if (flow_load(c, &ids[i], &doc, &revision) == STORE_OK &&
		    doc != NULL) {
			json_array_append_new(list, flow_response(doc,
			    &ids[i], NULL));
			json_decref(doc);
		}
	arena_free(&arena);
	answer_json(c, 200, list);
}

/* --- changing -------------------------------------------------------------------- */

/* Where it stands, or a new one; false: answered. */
static bool
wanted_id(const struct call_ctx *c, const json_t *json, struct guid *flow)
{
	const json_t *id = json_object_get(json, "id");
	const json_t *text = json_is_object(id) ? json_object_get(id, "id") :
	    id;
	char fresh[GUID_TEXT];

	if (text == NULL || json_is_null(text)) {
		fresh_id(fresh);
		return guid_of(flow, fresh);
	}
	if (guid_of(flow, json_string_value(text)))
		return true;
	answer_sentence(c, 400, "id: not a GUID");
	return false;
}

static json_t *
edit_flow(const struct call_ctx *c, json_t *doc, void *arg)
{
	static const char *const names[] = { "developerSummary",
	    "restrictions" };
	const json_t *json = arg;
	json_t *name = json_object_get(json, "developerName");

	if (doc == NULL && json_string_length(name) == 0) {
		answer_sentence(c, 400, "developerName: a new flow needs a "
		    "name");
		return NULL;
	}
	if (doc == NULL)
		doc = flow_new(NULL);
	if (json_is_string(name))
		json_object_set(doc, "developerName", name);
	build_take(doc, json, names, 2);
	json_object_set_new(doc, "dateModified", build_now());
	return doc;
}

static void
put_flow(const struct call_ctx *c, json_t *json, json_t *warnings)
{
	struct guid flow;
	enum store_end end;
	json_t *doc;

	if (!wanted_id(c, json, &flow))
		return;
	end = flow_change(c, &flow, edit_flow, json, &doc);
	if (end == STORE_OK)
		answer_json(c, 200, flow_response(doc, &flow,
		    json_incref(warnings)));
	else if (end != STORE_NOT_FOUND)
		build_answer_end(c, end);
	json_decref(doc);
}

void
call_flow_put(const struct call_ctx *c)
{
	json_t *json, *warnings;

	if (!build_may_change(c, ROLE_BUILDER))
		return;
	json = call_json(c);
	if (json == NULL)
		return;
	warnings = json_array();
	if (build_texts(c, json) && build_restrictions(c,
	    json_object_get(json, "restrictions"), false, warnings))
		put_flow(c, json, warnings);
	json_decref(warnings);
	json_decref(json);
}

static void
delete_versions(const struct call_ctx *c, const struct guid *flow,
    const json_t *doc)
{
	const json_t *list = json_object_get(doc, "versions");
	char key[STORE_KEY_MAX];
	struct guid version;

	for (size_t i = 0; i < json_array_size(list); i++) {
		if (!guid_of(&version, json_string_value(json_object_get(
		    json_array_get(list, i), "versionId"))))
			continue;
		version_key(key, &c->call->tenant, flow, &version);
		build_save(c, "version", key, NULL, UINT64_MAX);
	}
}

/* The flow first: nobody finds its versions any more then, whatever becomes
 * of us. */
void
call_flow_delete(const struct call_ctx *c)
{
	struct guid flow;
	uint64_t revision;
	enum store_end end;
	json_t *doc;

	if (!build_may_change(c, ROLE_BUILDER))
		return;
	doc = flow_there(c, &flow, &revision);
	if (doc == NULL)
		return;
	end = flow_save(c, &flow, NULL, revision);
	if (end == STORE_OK) {
		delete_versions(c, &flow, doc);
		answer_text(c, 200, "true");
	} else
		build_answer_end(c, end);
	json_decref(doc);
}

/* --- activation ------------------------------------------------------------------ */

static bool
bool_of(const struct call_ctx *c, unsigned name, bool *value)
{
	struct slice text = slice_of(c->call->names[name]);

	*value = slice_eq_nocase(text, SLICE("true"));
	if (*value || slice_eq_nocase(text, SLICE("false")))
		return true;
	answer_sentence(c, 400, "%s: neither true nor false",
	    c->call->names[name]);
	return false;
}

/* One that is not active is not run by default. */
static void
activate(json_t *doc, json_t *entry, bool is_default, bool is_active)
{
	json_t *id = json_object_get(entry, "versionId");
	bool was = json_equal(json_object_get(doc, "defaultVersionId"), id);

	json_object_set_new(entry, "isActive", json_boolean(is_active));
	if (is_default && is_active)
		json_object_set(doc, "defaultVersionId", id);
	else if (was)
		json_object_set_new(doc, "defaultVersionId", json_null());
	json_object_set_new(doc, "dateModified", build_now());
}

void
call_flow_activate(const struct call_ctx *c)
{
	struct guid flow, version;
	bool is_default, is_active;
	uint64_t revision;
	enum store_end end;
	json_t *doc, *entry;

	if (!build_may_change(c, ROLE_BUILDER) || !build_guid(c, 1, &version) ||
	    !bool_of(c, 2, &is_default) || !bool_of(c, 3, &is_active))
		return;
	doc = flow_there(c, &flow, &revision);
	if (doc == NULL)
		return;
	entry = flow_version(doc, &version);
	if (entry == NULL) {
		answer_sentence(c, 404, "The flow has no version %s",
		    c->call->names[1]);
	} else {
		activate(doc, entry, is_default, is_active);
		end = flow_save(c, &flow, doc, revision);
		if (end == STORE_OK)
			answer_json(c, 200, flow_response(doc, &flow, NULL));
		else
			build_answer_end(c, end);
	}
	json_decref(doc);
}

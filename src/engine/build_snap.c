/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * /api/draw/1/flow/snap: versions of a flow, as the platform's snapshots.  A
 * version never changes, since states are pinned to it; what may change (its
 * restrictions, whether it is run by default) stands in the flow's document.
 */
#include <stdlib.h>

#include "base/must.h"
#include "engine/build.h"

static bool
take_guid(const json_t *json, const char *name, struct guid *guid)
{
	const json_t *value = json_object_get(json, name);
	char fresh[GUID_TEXT];

	if (value != NULL && !json_is_null(value))
		return guid_of(guid, json_string_value(value));
	fresh_id(fresh);
	return guid_of(guid, fresh);
}

bool
snap_ids(const json_t *image, struct guid *flow, struct guid *version)
{
	const json_t *id = json_object_get(image, "id");

	return take_guid(id, "id", flow) &&
	    take_guid(id, "versionId", version);
}

/* All of them: a sentence would be cut. */
static void
answer_faults(const struct call_ctx *c, struct faults *faults)
{
	answer_json(c, 400, json_sprintf("The flow cannot be run: %s",
	    buf_cstr(&faults->text)));
}

bool
snap_check(const struct call_ctx *c, json_t *image, const struct guid *flow,
    const struct guid *version)
{
	struct arena *arena = arena_new(0);
	char id[GUID_TEXT], v[GUID_TEXT];
	struct faults faults = { .count = 0 };
	bool good;

	json_object_set_new(image, "id", json_pack("{s:s, s:s}", "id",
	    guid_text(flow->bytes, id), "versionId",
	    guid_text(version->bytes, v)));
	good = flow_check(arena, image, &faults);
	arena_free(&arena);
	if (!good)
		answer_faults(c, &faults);
	buf_fini(&faults.text);
	return good;
}

/* --- storing --------------------------------------------------------------------- */

/* Without what belongs to the flow; every image is stored as if it were the
 * one that is run. */
static json_t *
stored_form(const json_t *image)
{
	json_t *stored = json_copy((json_t *)(uintptr_t)image);

	json_object_del(stored, "restrictions");
	json_object_set_new(stored, "isActive", json_true());
	json_object_set_new(stored, "isDefault", json_true());
	return stored;
}

static enum store_end
store_version(const struct call_ctx *c, const json_t *image,
    const struct guid *flow, const struct guid *version, bool *same)
{
	json_t *stored = stored_form(image), *there = NULL;
	char key[STORE_KEY_MAX];
	uint64_t revision;
	enum store_end end;

	version_key(key, &c->call->tenant, flow, version);
	end = build_save(c, "version", key, stored, 0);
	*same = true;
	if (end == STORE_CONFLICT && build_load(c, "version", key, &there,
	    &revision) == STORE_OK) {
		*same = json_equal(there, stored);
		end = STORE_OK;
	}
	json_decref(there);
	json_decref(stored);
	return end;
}

static void
list_version(json_t *doc, const json_t *image, const struct guid *version,
    bool makes_default)
{
	json_t *entry = flow_version(doc, version);
	char text[GUID_TEXT];

	guid_text(version->bytes, text);
	if (entry == NULL) {
		json_t *comment = json_object_get(image, "comment");

		entry = json_pack("{s:s, s:b, s:o}", "versionId", text,
		    "isActive", 0, "dateCreated", build_now());
		if (json_is_string(comment))
			json_object_set(entry, "comment", comment);
		json_array_append_new(json_object_get(doc, "versions"),
		    entry);
	}
	if (!makes_default &&
	    json_is_string(json_object_get(doc, "defaultVersionId")))
		return;
	json_object_set_new(entry, "isActive", json_true());
	json_object_set_new(doc, "defaultVersionId", json_string(text));
}

struct import {
	const json_t	*image;
	const struct guid *version;
	bool		 makes_default;
};

static json_t *
edit_versions(const struct call_ctx *c, json_t *doc, void *arg)
{
	static const char *const names[] = { "developerName" };
	const struct import *i = arg;
	json_t *restrictions = json_object_get(i->image, "restrictions"),
	    *summary = json_object_get(i->image, "developerSummary");

	if (doc == NULL)
		doc = flow_new(NULL);
	if (json_array_size(json_object_get(doc, "versions")) >=
	    BUILD_VERSIONS_MAX) {
		build_answer_end(c, STORE_TOO_BIG);
		json_decref(doc);
		return NULL;
	}
	list_version(doc, i->image, i->version, i->makes_default);
	build_take(doc, i->image, names, 1);
	if (json_is_string(summary))
		json_object_set(doc, "developerSummary", summary);
	/* A snapshot that says nothing of them lifts none. */
	if (json_is_object(restrictions))
		json_object_set(doc, "restrictions", restrictions);
	json_object_set_new(doc, "dateModified", build_now());
	return doc;
}

bool
snap_store(const struct call_ctx *c, json_t *image, const struct guid *flow,
    const struct guid *version, bool makes_default, json_t **doc)
{
	struct import change = { image, version, makes_default };
	char text[GUID_TEXT];
	bool same;
	enum store_end end = store_version(c, image, flow, version, &same);

	*doc = NULL;
	if (end == STORE_OK && !same) {
		answer_sentence(c, 409, "Version %s is there already with "
		    "another content, and versions never change: leave "
		    "id.versionId out to make a new one",
		    guid_text(version->bytes, text));
		return false;
	}
	if (end == STORE_OK)
		end = flow_change(c, flow, edit_versions, &change, doc);
	if (end == STORE_OK)
		return true;
	if (end != STORE_NOT_FOUND)
		build_answer_end(c, end);
	json_decref(*doc);
	*doc = NULL;
	return false;
}

static void
import(const struct call_ctx *c, json_t *image, const struct guid *flow,
    const struct guid *version)
{
	json_t *warnings = json_array(), *doc;
	bool makes_default = json_is_true(json_object_get(image,
	    "isDefault"));

	if (build_restrictions(c, json_object_get(image, "restrictions"),
	    false, warnings) && snap_check(c, image, flow, version) &&
	    snap_store(c, image, flow, version, makes_default, &doc)) {
		json_t *answer = flow_response(doc, flow,
		    json_incref(warnings));
		char text[GUID_TEXT];

		json_object_set_new(json_object_get(answer, "id"),
		    "versionId", json_string(guid_text(version->bytes,
		    text)));
		answer_json(c, 200, answer);
		json_decref(doc);
	}
	json_decref(warnings);
}

/* A whole snapshot. */
void
call_snap_import(const struct call_ctx *c)
{
	struct guid flow, version;
	json_t *image;

	if (!build_may_change(c, ROLE_BUILDER))
		return;
	image = build_body(c);
	if (image == NULL)
		return;
	if (!json_is_object(image))
		answer_sentence(c, 400, "The request must be a snapshot, a "
		    "JSON object");
	else if (!snap_ids(image, &flow, &version))
		answer_sentence(c, 400, "id: id and versionId must be GUIDs");
	else
		import(c, image, &flow, &version);
	json_decref(image);
}

/* --- reading --------------------------------------------------------------------- */

json_t *
snap_image(const struct call_ctx *c, const struct guid *flow,
    const struct guid *version)
{
	json_t *doc, *entry, *image = NULL, *id;
	char key[STORE_KEY_MAX];
	uint64_t revision;
	enum store_end end = flow_load(c, flow, &doc, &revision);

	entry = flow_version(doc, version);
	version_key(key, &c->call->tenant, flow, version);
	if (end == STORE_OK && entry != NULL)
		end = build_load(c, "version", key, &image, &revision);
	if (end != STORE_OK)
		build_answer_end(c, end);
	else if (image == NULL)
		answer_sentence(c, 404, "The snapshot could not be found");
	if (image != NULL) {
		id = json_object_get(entry, "versionId");
		json_object_set_new(image, "isActive", json_boolean(
		    json_is_true(json_object_get(entry, "isActive"))));
		json_object_set_new(image, "isDefault", json_boolean(
		    json_equal(json_object_get(doc, "defaultVersionId"),
		    id)));
		json_object_set(image, "restrictions",
		    json_object_get(doc, "restrictions"));
	}
	json_decref(doc);
	return image;
}

void
call_snap_get(const struct call_ctx *c)
{
	struct guid flow, version;
	json_t *image;

	if (!build_may(c, ROLE_READER) || !build_guid(c, 0, &flow) ||
	    !build_guid(c, 1, &version))
		return;
	image = snap_image(c, &flow, &version);
	if (image != NULL)
		answer_json(c, 200, image);
}

static json_t *
list_versions(const json_t *doc, const struct guid *flow)
{
	const json_t *list = json_object_get(doc, "versions");
	const json_t *by_default = json_object_get(doc, "defaultVersionId");
	json_t *answer = json_array();

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *entry = json_array_get(list, i);
		json_t *id = json_object_get(entry, "versionId");
		json_t *one = flow_response(doc, flow, NULL);

		json_object_set(json_object_get(one, "id"), "versionId", id);
		json_object_set_new(one, "isActive", json_boolean(
		    json_is_true(json_object_get(entry, "isActive"))));
		json_object_set_new(one, "isDefault",
		    json_boolean(json_equal(by_default, id)));
		json_object_set(one, "dateCreated",
		    json_object_get(entry, "dateCreated"));
		if (json_object_get(entry, "comment") != NULL)
			json_object_set(one, "comment",
			    json_object_get(entry, "comment"));
		json_array_append_new(answer, one);
	}
	return answer;
}

void
call_snap_list(const struct call_ctx *c)
{
	struct guid flow;
	uint64_t revision;
	enum store_end end;
	json_t *doc = NULL;

	if (!build_may(c, ROLE_READER) || !build_guid(c, 0, &flow))
		return;
	end = flow_load(c, &flow, &doc, &revision);
	if (end != STORE_OK)
		build_answer_end(c, end);
	else if (doc == NULL)
		answer_sentence(c, 404, "The flow %s could not be found",
		    c->call->names[0]);
	else
		answer_json(c, 200, list_versions(doc, &flow));
	json_decref(doc);
}

/* --- a new version of a flow that is there ----------------------------------------- */

/* The version that is run by default, or else the last. */
static json_t *
newest_image(const struct call_ctx *c, const struct guid *flow)
{
	const json_t *id;
	struct guid version;
	uint64_t revision;
	json_t *doc, *list, *image = NULL;

	if (flow_load(c, flow, &doc, &revision) != STORE_OK) {
		build_answer_end(c, STORE_UNAVAILABLE);
		return NULL;
	}
	id = json_object_get(doc, "defaultVersionId");
	list = json_object_get(doc, "versions");
	if (!json_is_string(id) && json_array_size(list) > 0)
		id = json_object_get(json_array_get(list,
		    json_array_size(list) - 1), "versionId");
	if (doc == NULL)
		answer_sentence(c, 404, "The flow %s could not be found",
		    c->call->names[0]);
	else if (!guid_of(&version, json_string_value(id)))
		answer_sentence(c, 400, "The flow has no version yet whose "
		    "elements could be taken; send a snapshot with "
		    "mapElements");
	else
		image = snap_image(c, flow, &version);
	if (image != NULL)
		json_object_set(image, "developerName",
		    json_object_get(doc, "developerName"));
	json_decref(doc);
	return image;
}

/* With elements: they are the new version's.  Without: those of the version
 * before, under the flow's present name. */
void
call_snap_make(const struct call_ctx *c)
{
	json_t *body = NULL, *image;
	struct guid flow, version;
	char fresh[GUID_TEXT];

	if (!build_may_change(c, ROLE_BUILDER) || !build_guid(c, 0, &flow))
		return;
	if (c->call->body.len > 0 && (body = call_json(c)) == NULL)
		return;
	image = json_object_get(body, "mapElements") != NULL ?
	    json_incref(body) : newest_image(c, &flow);
	if (image != NULL) {
		fresh_id(fresh);
		must(guid_of(&version, fresh));
		json_object_del(image, "comment");
		if (json_is_string(json_object_get(body, "comment")))
			json_object_set(image, "comment",
			    json_object_get(body, "comment"));
		if (image != body)
			json_object_set_new(image, "isDefault", json_false());
		import(c, image, &flow, &version);
	}
	json_decref(image);
	json_decref(body);
}

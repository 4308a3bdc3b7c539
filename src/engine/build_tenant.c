/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * /api/admin/1/tenant: the tenant of the request's header.
 */
#include <stdio.h>

#include "base/must.h"
#include "engine/build.h"

/* One that nobody has described yet is there all the same: it has a key. */
static json_t *
load(const struct call_ctx *c, uint64_t *revision, enum store_end *end)
{
	char key[STORE_KEY_MAX];
	json_t *json;

	tenant_key(key, &c->call->tenant);
	*end = build_load(c, "tenant", key, &json, revision);
	if (json == NULL)
		json = json_pack("{s:n, s:n, s:n}", "developerName",
		    "developerSummary", "restrictions");
	must(json != NULL);
	json_object_set_new(json, "id", json_string(c->call->tenant_text));
	return json;
}

void
call_tenant_get(const struct call_ctx *c)
{
	enum store_end end;
	uint64_t revision;
	json_t *json;

	if (!build_may(c, ROLE_READER))
		return;
	json = load(c, &revision, &end);
	if (end == STORE_OK)
		answer_json(c, 200, json_incref(json));
	else
		build_answer_end(c, end);
	json_decref(json);
}

static bool
check_texts(const struct call_ctx *c, const json_t *json)
{
	static const char *const names[] = { "developerName",
	    "developerSummary" };

	for (size_t i = 0; i < 2; i++) {
		const json_t *value = json_object_get(json, names[i]);

		if (value == NULL || json_is_null(value) ||
		    (json_is_string(value) &&
		    json_string_length(value) <= BUILD_NAME_MAX))
			continue;
		answer_sentence(c, 400, "%s: not a text of at most %d bytes",
		    names[i], BUILD_NAME_MAX);
		return false;
	}
	return true;
}

/* Where the tenant's states are kept: keeping.h.  False: answered. */
static bool
check_storage(const struct call_ctx *c, const json_t *json)
{
	const json_t *set = json_object_get(json, "externalStorageSettings"),
	    *on = json_object_get(set, "enableStates"),
	    *both = json_object_get(set, "enableReplication"),
	    *store = json_object_get(set, "globalStoreId");
	char key[STORE_KEY_MAX], id[GUID_TEXT];
	uint64_t revision = 1;
	struct guid guid;
	json_t *doc = NULL;

	if (set == NULL || json_is_null(set))
		return true;
	if (!json_is_boolean(on) || (both != NULL && !json_is_boolean(both)) ||
	    (json_is_true(on) && !guid_of(&guid, json_string_value(store)))) {
		answer_sentence(c, 400, "externalStorageSettings: enableStates "
		    "and enableReplication must be true or false, and with "
		    "enableStates globalStoreId must name a store");
		return false;
	}
	if (json_is_true(on)) {
		snprintf(key, sizeof(key), "%s/%s", c->call->tenant_text,
		    guid_text(guid.bytes, id));
		build_load(c, "store", key, &doc, &revision);
		json_decref(doc);
	}
	if (revision == 0)
		answer_sentence(c, 400, "externalStorageSettings: "
		    "globalStoreId: the tenant has no such store");
	return revision != 0;
}

/* What the request does not name stays. */
static void
take_members(json_t *tenant, const json_t *json)
{
	static const char *const names[] = { "developerName",
	    "developerSummary", "restrictions", "externalStorageSettings" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (json_object_get(json, names[i]) != NULL)
			json_object_set(tenant, names[i],
			    json_object_get(json, names[i]));
}

static void
put(const struct call_ctx *c, const json_t *json, json_t *warnings)
{
	enum store_end end = STORE_CONFLICT;
	char key[STORE_KEY_MAX];
	json_t *tenant = NULL;
	uint64_t revision;

	tenant_key(key, &c->call->tenant);
	for (int i = 0; i < BUILD_TRIES && end == STORE_CONFLICT; i++) {
		json_decref(tenant);
		tenant = load(c, &revision, &end);
		if (end != STORE_OK)
			break;
		take_members(tenant, json);
		end = build_save(c, "tenant", key, tenant, revision);
	}
	if (end == STORE_OK) {
		if (json_array_size(warnings) > 0)
			json_object_set(tenant, "warnings", warnings);
		answer_json(c, 200, json_incref(tenant));
	} else
		build_answer_end(c, end);
	json_decref(tenant);
}

void
call_tenant_put(const struct call_ctx *c)
{
	json_t *json, *warnings;

	if (!build_may_change(c, ROLE_BUILDER))
		return;
	json = call_json(c);
	if (json == NULL)
		return;
	warnings = json_array();
	if (check_texts(c, json) && check_storage(c, json) && build_restrictions(c,
	    json_object_get(json, "restrictions"), true, warnings))
		put(c, json, warnings);
	json_decref(warnings);
	json_decref(json);
}

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
described(const struct call_ctx *c, json_t *json)
{
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
	char key[STORE_KEY_MAX];
	enum store_end end;
	uint64_t revision;
	json_t *json;

	if (!build_may(c, ROLE_READER))
		return;
	tenant_key(key, &c->call->tenant);
	end = build_load(c, "tenant", key, &json, &revision);
	if (end == STORE_OK)
		answer_json(c, 200, described(c, json));
	else
		build_answer_end(c, end);
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

static json_t *
edit_tenant(const struct call_ctx *c, json_t *doc, void *arg)
{
	static const char *const names[] = { "developerName",
	    "developerSummary", "restrictions", "externalStorageSettings" };

	doc = described(c, doc);
	build_take(doc, arg, names, sizeof(names) / sizeof(names[0]));
	return doc;
}

static void
put(const struct call_ctx *c, json_t *json, json_t *warnings)
{
	char key[STORE_KEY_MAX];
	enum store_end end;
	json_t *tenant;

	tenant_key(key, &c->call->tenant);
	end = build_change(c, "tenant", key, edit_tenant, json, &tenant);
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
	if (build_texts(c, json) && check_storage(c, json) && build_restrictions(c,
	    json_object_get(json, "restrictions"), true, warnings))
		put(c, json, warnings);
	json_decref(warnings);
	json_decref(json);
}

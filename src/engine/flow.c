/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "engine/flow.h"

#include "engine/reader.h"
#include "policy/restrictions_json.h"

bool
guid_of(struct guid *guid, const char *text)
{
	return text != NULL && guid_parse(guid->bytes, slice_of(text));
}

bool
guid_eq(const struct guid *a, const struct guid *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

const struct map_element *
flow_element(const struct flow *flow, const struct guid *guid)
{
	for (size_t i = 0; i < flow->nelements; i++)
		if (guid_eq(&flow->elements[i].guid, guid))
			return &flow->elements[i];
	return NULL;
}

const struct flow_value *
flow_value_named(const struct flow *flow, struct slice name)
{
	for (size_t i = 0; i < flow->nvalues; i++)
		if (slice_eq_nocase(slice_of(flow->values[i].name), name))
			return &flow->values[i];
	return NULL;
}

static bool
read_names(struct reader *r, const json_t *root)
{
	const json_t *id = read_object(r, NULL, root, "id");
	const struct where at = { NULL, "id", 0 };
	struct flow *flow = r->flow;

	if (id == NULL)
		return reader_fail(r, &at, "is missing");
	flow->id = need_guid(r, &at, id, "id", &flow->guid);
	flow->version = need_guid(r, &at, id, "versionId",
	    &flow->version_guid);
	flow->name = need_text(r, NULL, root, "developerName");
	flow->json = root;
	flow->jumps = read_bool(r, NULL, root, "allowJumping", false);
	flow->goes_back = read_bool(r, NULL, root,
	    "enableHistoricalNavigation", false);
	flow->is_default = read_bool(r, NULL, root, "isDefault", false);
	flow->expires_s = read_integer(r, NULL, root, "stateExpirationLength",
	    0);
	flow->idle_s = read_integer(r, NULL, root,
	    "idleStateExpirationLength", 0);
	return !r->failed;
}

/* After the services: one of them is the directory of its users. */
static bool
read_authorization(struct reader *r, const json_t *root)
{
	const struct where at = { NULL, "authorization", 0 };
	struct flow_auth *auth = &r->flow->auth;

	if (!read_auth(r, NULL, root, auth))
		return false;
	return auth->kind == AUTH_PUBLIC || auth->service != NULL ||
	    reader_fail(r, &at, "serviceElementId is missing: users have to "
	    "log in, and nothing says where");
}

static bool
read_restrictions(struct reader *r, const json_t *root)
{
	const struct where at = { NULL, "restrictions", 0 };
	struct err err;

	if (!restrictions_from_json(r->arena,
	    json_object_get(root, "restrictions"), &r->flow->restrictions,
	    &err))
		return reader_fail(r, &at, "%s", err.text);
	return true;
}

static bool (*const parts[])(struct reader *, const json_t *) = {
	read_names, read_restrictions, read_types, read_values,
	read_services, read_authorization, read_pages, read_elements, read_navigations,
};

static bool
read_parts(struct reader *r, const json_t *json)
{
	r->flow = arena_alloc(r->arena, sizeof(*r->flow));
	if (!json_is_object(json))
		return reader_fail(r, NULL, "must be an object");
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		parts[i](r, json);
		if (!reader_goes_on(r))
			return false;
	}
	return true;
}

const struct flow *
flow_build(struct arena *arena, const json_t *json, const char *name,
    struct err *err)
{
	struct reader r = { .arena = arena, .name = name, .err = err };

	return read_parts(&r, json) ? r.flow : NULL;
}

bool
flow_check(struct arena *arena, const json_t *json, struct faults *faults)
{
	struct err err;
	struct reader r = { .arena = arena, .name = "snapshot", .err = &err,
	    .faults = faults };

	if (!read_parts(&r, json))
		reader_goes_on(&r);
	return faults->count == 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Reading the services of a snapshot, and the bindings of its types to them.
 */
#include "base/near.h"
#include "engine/reader.h"

enum { SERVICES_MAX = 500 };

/* --- services -------------------------------------------------------------------- */

static const struct flow_service *
find_service(const struct flow *flow, const struct guid *guid)
{
	for (size_t i = 0; i < flow->nservices; i++)
		if (guid_eq(&flow->services[i].guid, guid))
			return &flow->services[i];
	return NULL;
}

bool
read_service_ref(struct reader *r, const struct where *at, const json_t *json,
    const char *key, const struct flow_service **service)
{
	const struct where here = { at, key, 0 };
	const char *id = read_text(r, at, json, key);
	struct guid guid;

	*service = NULL;
	if (id == NULL || id[0] == '\0' ||
	    need_guid(r, at, json, key, &guid) == NULL || r->failed)
		return !r->failed;
	*service = find_service(r->flow, &guid);
	return *service != NULL ||
	    reader_fail(r, &here, "%s is no service of this flow", id);
}

bool
need_service(struct reader *r, const struct where *at, const json_t *json,
    const struct flow_service **service)
{
	const struct where here = { at, "serviceElementId", 0 };

	if (!read_service_ref(r, at, json, "serviceElementId", service))
		return false;
	return *service != NULL || reader_fail(r, &here, "is missing");
}

static const char *const auth_kinds[] = {
	[AUTH_PUBLIC] = "PUBLIC",
	[AUTH_ALL_USERS] = "ALL_USERS",
	[AUTH_SPECIFIED] = "SPECIFIED",
};

const char *
flow_auth_kind(const struct flow_auth *auth)
{
	return auth_kinds[auth->kind];
}

bool
read_auth(struct reader *r, const struct where *at, const json_t *json,
    struct flow_auth *auth)
{
	const struct where here = { at, "authorization", 0 };
	const struct where kind_at = { &here, "globalAuthenticationType", 0 };
	const json_t *object = read_object(r, at, json, "authorization");
	const char *text;

	*auth = (struct flow_auth){ .json = object };
	if (object == NULL)
		return !r->failed;
	text = read_text(r, &here, object, "globalAuthenticationType");
	if (!read_service_ref(r, &here, object, "serviceElementId",
	    &auth->service) || text == NULL || text[0] == '\0')
		return !r->failed;
	for (size_t i = 0; i < COUNT(auth_kinds); i++)
		if (is_word(text, auth_kinds[i])) {
			auth->kind = (unsigned)i;
			return true;
		}
	return reader_fail(r, &kind_at, "\"%s\" is none of PUBLIC, "
	    "ALL_USERS, SPECIFIED", text);
}

/* By service_way: what a value is called by. */
static const struct {
	const char	*list, *reference;
	bool		 applied;	/* it comes from the service */
} ways[] = {
	[SERVICE_SETTINGS] = { "configurationValues",
	    "valueElementToReferenceId", false },
	[SERVICE_INPUTS] = { "inputs", "valueElementToReferenceId", false },
	[SERVICE_OUTPUTS] = { "outputs", "valueElementToApplyId", true },
};

static bool
read_service_value(struct reader *r, const struct where *at,
    const json_t *json, enum service_way way, struct service_value *v)
{
	const struct where type_at = { at, "contentType", 0 };
	const char *key = ways[way].reference, *type, *command;

	v->name = need_text(r, at, json, "developerName");
	type = read_text(r, at, json, "contentType");
	if (ways[way].applied)
		read_applied_ref(r, at, json, key, &v->value, &command);
	else
		read_still_ref(r, at, json, key, &v->value);
	v->type = v->value.value != NULL ? v->value.type : CONTENT_STRING;
	if (type != NULL && type[0] != '\0' &&
	    !content_type_find(&v->type, slice_of(type)))
		reader_fail(r, &type_at, "\"%s\" is no content type", type);
	return !r->failed;
}

bool
read_service_values(struct reader *r, const struct where *at,
    const json_t *json, enum service_way way, struct service_value **values,
    size_t *count)
{
	const struct where list_at = { at, ways[way].list, 0 };
	const json_t *list = read_list(r, at, json, ways[way].list,
	    MEMBERS_MAX);

	*count = json_array_size(list);
	*values = arena_array(r->arena, *count, sizeof(**values));
	for (size_t i = 0; i < *count && !r->failed; i++) {
		const struct where here = { &list_at, NULL, i };

		read_service_value(r, &here, json_array_get(list, i), way,
		    &(*values)[i]);
	}
	return !r->failed;
}

/* Without the slash at its end. */
static const char *
read_uri(struct reader *r, const struct where *at, const json_t *json)
{
	const struct where here = { at, "uri", 0 };
	const char *text = need_text(r, at, json, "uri");
	size_t len;

	if (text == NULL)
		return NULL;
	if (!slice_starts_nocase(slice_of(text), SLICE("http://")) &&
	    !slice_starts_nocase(slice_of(text), SLICE("https://"))) {
		reader_fail(r, &here, "\"%.200s\" is no address of a service: "
		    "it must begin with https:// or http://", text);
		return NULL;
	}
	len = strlen(text);
	while (len > 0 && text[len - 1] == '/')
		len--;
	return arena_copy(r->arena, (struct slice){ text, len });
}

/* --- bindings ---------------------------------------------------------------------- */

static const struct type_property *
property_of(const struct flow_type *type, const struct guid *guid)
{
	for (size_t i = 0; i < type->nproperties; i++)
		if (guid_eq(&type->properties[i].guid, guid))
			return &type->properties[i];
	return NULL;
}

static void
read_field(struct reader *r, const struct where *at, const json_t *json,
    const struct flow_type *type, struct field_binding *field)
{
	const struct where here = { at, "typeElementPropertyId", 0 };
	struct guid guid;
	const char *id = need_guid(r, at, json, "typeElementPropertyId",
	    &guid);

	field->field = need_text(r, at, json, "databaseFieldName");
	if (r->failed)
		return;
	field->property = property_of(type, &guid);
	if (field->property == NULL)
		reader_fail(r, &here, "%s is no property of the type %s", id,
		    type->name);
}

static bool
read_binding(struct reader *r, const struct where *at, const json_t *json,
    const struct flow_type *type, struct type_binding *b)
{
	const struct where list_at = { at, "propertyBindings", 0 };
	const json_t *list = read_list(r, at, json, "propertyBindings",
	    MEMBERS_MAX);

	b->id = need_guid(r, at, json, "id", &b->guid);
	b->table = need_text(r, at, json, "databaseTableName");
	read_service_ref(r, at, json, "serviceElementId", &b->service);
	b->fields = arena_array(r->arena, json_array_size(list),
	    sizeof(*b->fields));
	for (size_t i = 0; i < json_array_size(list) && !r->failed; i++) {
		const struct where here = { &list_at, NULL, i };

		read_field(r, &here, json_array_get(list, i), type,
		    &b->fields[i]);
		b->nfields += !r->failed;
	}
	return !r->failed;
}

static bool
read_bindings(struct reader *r, const struct where *at, const json_t *json)
{
	const struct where list_at = { at, "bindings", 0 };
	const json_t *list = read_list(r, at, json, "bindings", MEMBERS_MAX);
	struct flow_type *type = NULL;
	struct guid guid;

	need_guid(r, at, json, "id", &guid);
	for (size_t i = 0; i < r->flow->ntypes && !r->failed; i++)
		if (guid_eq(&r->flow->types[i].guid, &guid))
			type = &r->flow->types[i];
	if (type == NULL)
		return !r->failed;
	type->nbindings = json_array_size(list);
	type->bindings = arena_array(r->arena, type->nbindings,
	    sizeof(*type->bindings));
	for (size_t i = 0; i < type->nbindings && !r->failed; i++) {
		const struct where here = { &list_at, NULL, i };

		read_binding(r, &here, json_array_get(list, i), type,
		    &type->bindings[i]);
	}
	return !r->failed;
}

static bool
read_service(struct reader *r, const struct where *at, const json_t *json,
    struct flow_service *s)
{
	s->id = need_guid(r, at, json, "id", &s->guid);
	s->name = need_text(r, at, json, "developerName");
	s->uri = read_uri(r, at, json);
	return read_service_values(r, at, json, SERVICE_SETTINGS,
	    &s->settings, &s->nsettings);
}

bool
read_services(struct reader *r, const json_t *root)
{
	const json_t *list = read_list(r, NULL, root, "serviceElements",
	    SERVICES_MAX);
	const json_t *types = json_object_get(root, "typeElements");
	const struct where at = { NULL, "serviceElements", 0 };
	const struct where types_at = { NULL, "typeElements", 0 };
	struct flow *flow = r->flow;

	flow->services = arena_array(r->arena, json_array_size(list),
	    sizeof(*flow->services));
	for (size_t i = 0; i < json_array_size(list) && reader_goes_on(r);
	    i++) {
		const struct where here = { &at, NULL, i };

		read_service(r, &here, json_array_get(list, i),
		    &flow->services[i]);
		flow->nservices++;
	}
	for (size_t i = 0; i < json_array_size(types) && reader_goes_on(r);
	    i++) {
		const struct where here = { &types_at, NULL, i };

		read_bindings(r, &here, json_array_get(types, i));
	}
	return !r->failed;
}

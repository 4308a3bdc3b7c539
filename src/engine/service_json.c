/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What services are told and tell, in the platform's JSON: values by their
 * names, objects by the names that the binding of their type has for them.
 */
#include "base/must.h"
#include "engine/run.h"

enum { OBJECT_DEPTH_MAX = 16 };

/* --- objects -------------------------------------------------------------------- */

static const struct flow_type *
kind_of(const struct flow *flow, const struct type_property *p)
{
	for (size_t i = 0; p->has_kind && i < flow->ntypes; i++)
		if (guid_eq(&flow->types[i].guid, &p->kind))
			return &flow->types[i];
	return NULL;
}

/* A type inside another is named as it is, where the service has no binding
 * of its own for it. */
static const struct type_binding *
binding_by(const struct flow_type *type, const struct flow_service *service)
{
	for (size_t i = 0; type != NULL && i < type->nbindings; i++)
		if (type->bindings[i].service == service)
			return &type->bindings[i];
	return NULL;
}

struct naming {
	const struct flow *flow;
	const struct flow_type *type;
	const struct type_binding *binding;	/* NULL: names of the type */
	unsigned	 depth;
};

static size_t
count_names(const struct naming *n)
{
	return n->binding != NULL ? n->binding->nfields : n->type == NULL ? 0 :
	    n->type->nproperties;
}

static const struct type_property *
property_at(const struct naming *n, size_t i, const char **name)
{
	if (n->binding != NULL) {
		*name = n->binding->fields[i].field;
		return n->binding->fields[i].property;
	}
	*name = n->type->properties[i].name;
	return &n->type->properties[i];
}

static struct naming
inner(const struct naming *n, const struct type_property *p)
{
	struct naming in = { .flow = n->flow, .type = kind_of(n->flow, p),
	    .depth = n->depth + 1 };

	if (n->binding != NULL)
		in.binding = binding_by(in.type, n->binding->service);
	return in;
}

typedef json_t *rename_fn(const struct naming *n, const json_t *object);

static rename_fn object_out, object_in;

/* A new list. */
static json_t *
renamed(const struct naming *n, const json_t *objects, rename_fn *one)
{
	json_t *list;

	if (n->depth > OBJECT_DEPTH_MAX)
		return json_array();
	/* A type that is not known stays as it is. */
	if (n->type == NULL)
		return json_deep_copy(objects);
	list = json_array();
	for (size_t i = 0; i < json_array_size(objects); i++)
		if (json_is_object(json_array_get(objects, i)))
			json_array_append_new(list, one(n,
			    json_array_get(objects, i)));
	return list;
}

static json_t *
text_or_null(const json_t *json)
{
	if (json_is_boolean(json))
		return json_string(json_is_true(json) ? "true" : "false");
	return json_is_string(json) ? json_deep_copy(json) : json_null();
}

static json_t *
property_out(const struct naming *n, const struct type_property *p,
    const char *name, const json_t *object)
{
	const json_t *from = object_property(object, p->id);
	const json_t *objects = json_object_get(from, "objectData");
	struct naming in = inner(n, p);
	json_t *json = json_pack("{s:s, s:s, s:o, s:o, s:o}", "developerName",
	    name, "contentType", content_type_name(p->type), "contentValue",
	    text_or_null(json_object_get(from, "contentValue")),
	    "contentFormat", text_or_null(json_object_get(from,
	    "contentFormat")), "objectData", json_is_array(objects) ?
	    renamed(&in, objects, object_out) : json_null());

	must(json != NULL);
	return json;
}

static json_t *
object_out(const struct naming *n, const json_t *o)
{
	json_t *properties = json_array();

	for (size_t k = 0; k < count_names(n); k++) {
		const char *name;
		const struct type_property *p = property_at(n, k, &name);

		json_array_append_new(properties, property_out(n, p, name, o));
	}
	return json_pack("{s:o, s:o, s:s, s:I, s:b, s:o}", "internalId",
	    text_or_null(json_object_get(o, "internalId")), "externalId",
	    text_or_null(json_object_get(o, "externalId")), "developerName",
	    n->binding != NULL ? n->binding->table : n->type->name, "order",
	    json_integer_value(json_object_get(o, "order")), "isSelected",
	    json_is_true(json_object_get(o, "isSelected")), "properties",
	    properties);
}

/* Ours as the service names them: a new list. */
static json_t *
objects_out(const struct flow *flow, const struct data_request *d,
    const json_t *objects)
{
	return renamed(&(struct naming){ .flow = flow, .type = d->type,
	    .binding = d->binding }, objects, object_out);
}

static const json_t *
named(const json_t *list, const char *name)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *o = json_array_get(list, i);
		const char *is = json_string_value(json_object_get(o,
		    "developerName"));

		if (is != NULL && slice_eq_nocase(slice_of(is),
		    slice_of(name)))
			return o;
	}
	return NULL;
}

/* Services may answer with plain numbers; contents are text. */
static json_t *
content_in(enum content_type type, const json_t *value)
{
	struct arena *arena;
	json_t *json;

	if (json_is_boolean(value))
		return json_string(json_is_true(value) ? "true" : "false");
	if (json_is_number(value)) {
		arena = arena_new(4096);
		json = json_string(content_number(arena,
		    json_number_value(value)));
		arena_free(&arena);
		return json;
	}
	return json_is_string(value) && content_valid(type,
	    slice_of(json_string_value(value))) ?
	    json_string(json_string_value(value)) : json_null();
}

static json_t *
property_in(const struct naming *n, const struct type_property *p,
    const json_t *from)
{
	const json_t *objects = json_object_get(from, "objectData");
	struct naming in = inner(n, p);
	json_t *json = json_pack("{s:s, s:s, s:s, s:o, s:o, s:o}",
	    "typeElementPropertyId", p->id, "developerName", p->name,
	    "contentType", content_type_name(p->type), "contentValue",
	    content_in(p->type, json_object_get(from, "contentValue")),
	    "contentFormat", text_or_null(json_object_get(from,
	    "contentFormat")), "objectData", json_is_array(objects) ?
	    renamed(&in, objects, object_in) : json_null());

	must(json != NULL);
	return json;
}

static json_t *
object_in(const struct naming *n, const json_t *o)
{
	json_t *properties = json_array(), *json;
	const char *outside = json_string_value(json_object_get(o,
	    "externalId"));
	const char *inside = json_string_value(json_object_get(o,
	    "internalId"));
	char id[GUID_TEXT];

	for (size_t i = 0; i < n->type->nproperties; i++) {
		const struct type_property *p = &n->type->properties[i];
		const char *name = p->name;

		for (size_t k = 0; n->binding != NULL &&
		    k < n->binding->nfields; k++)
			if (n->binding->fields[k].property == p)
				name = n->binding->fields[k].field;
		json_array_append_new(properties, property_in(n, p,
		    named(json_object_get(o, "properties"), name)));
	}
	fresh_id(id);
	json = json_pack("{s:s, s:s?, s:s, s:s, s:I, s:b, s:o}", "internalId",
	    inside != NULL && inside[0] != '\0' ? inside : id, "externalId",
	    outside, "developerName", n->type->name, "typeElementId",
	    n->type->id, "order", json_integer_value(json_object_get(o,
	    "order")), "isSelected", json_is_true(json_object_get(o,
	    "isSelected")), "properties", properties);
	must(json != NULL);
	return json;
}

json_t *
objects_in(const struct flow *flow, const struct flow_type *type,
    const struct type_binding *binding, const json_t *objects)
{
	return renamed(&(struct naming){ .flow = flow, .type = type,
	    .binding = binding }, objects, object_in);
}

/* --- values --------------------------------------------------------------------- */

json_t *
service_value_json(struct run *run, const struct service_value *v)
{
	const struct flow_type *kind = NULL;
	struct slice text = { NULL, 0 };
	const json_t *objects = NULL;
	json_t *json;

	if (v->value.value != NULL) {
		kind = v->value.property == NULL ? v->value.value->kind :
		    v->value.is == NULL ? NULL : kind_of(run->flow,
		    v->value.is);
		if (content_is_objects(v->value.type))
			objects = run_objects(run, &v->value);
		else
			text = run_text(run, &v->value);
	}
	json = json_pack("{s:s, s:s, s:o, s:o, s:s?, s:s?, s:s?, s:b}",
	    "developerName", v->name, "contentType",
	    content_type_name(v->type), "contentValue", text.len == 0 ?
	    json_null() : json_stringn(text.p, text.len), "objectData",
	    objects == NULL ? json_null() : renamed(&(struct naming){
	    .flow = run->flow, .type = kind }, objects, object_out),
	    "typeElementId",
	    kind == NULL ? NULL : kind->id, "typeElementDeveloperName",
	    kind == NULL ? NULL : kind->name, "valueElementId",
	    v->value.value == NULL ? NULL : v->value.value->id, "isSelected",
	    0);
	must(json != NULL);
	return json;
}

static json_t *
values_json(struct run *run, const struct service_value *list, size_t count)
{
	json_t *json = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(json, service_value_json(run,
		    &list[i]));
	return json;
}

static bool
has_service(const struct flow *flow, const struct flow_service *service)
{
	return service >= flow->services &&
	    service < flow->services + flow->nservices;
}

/* They are values of the flow that has the service; of a directory that may be
 * one that runs the flow where we stand. */
static json_t *
service_settings(struct run *run, const struct flow_service *service)
{
	const struct flow *flow = run->flow;
	struct cell *cells = run->cells;
	json_t *json;

	for (const struct frame *f = run->up; f != NULL &&
	    !has_service(run->flow, service); f = f->up) {
		run->flow = f->flow;
		run->cells = f->cells;
		run->system_at = NULL;	/* $State would tell of that flow */
	}
	must(has_service(run->flow, service));
	json = values_json(run, service->settings, service->nsettings);
	if (run->flow != flow)
		run->system_at = NULL;
	run->flow = flow;
	run->cells = cells;
	return json;
}

static void
take_output(struct run *run, const struct service_value *v,
    const json_t *given)
{
	const struct value_ref *to = &v->value;
	const json_t *objects = json_object_get(given, "objectData");
	json_t *fresh;

	if (to->value == NULL || to->value->fixed || given == NULL ||
	    !run_spend(run, json_weight(given)))
		return;
	if (content_is_objects(to->type)) {
		const struct flow_type *kind = to->property == NULL ?
		    to->value->kind : to->is == NULL ? NULL :
		    kind_of(run->flow, to->is);

		fresh = json_is_array(objects) ? objects_in(run->flow, kind,
		    NULL, objects) : json_array();
		run_set_objects(run, to, fresh);
	} else {
		fresh = content_in(to->type, json_object_get(given,
		    "contentValue"));
		run_set_text(run, to, slice_of(json_string_value(fresh)));
	}
	json_decref(fresh);
}

void
take_outputs(struct run *run, const struct message_action *m,
    const json_t *outputs)
{
	for (size_t i = 0; i < m->noutputs; i++)
		take_output(run, &m->outputs[i], named(outputs,
		    m->outputs[i].name));
	run->view = NULL;
}

/* --- requests -------------------------------------------------------------------- */

json_t *
service_request(struct run *run, const struct flow_service *service,
    const char *nonce)
{
	char tenant[GUID_TEXT];
	json_t *json = json_pack("{s:s?, s:s, s:s, s:{s:n, s:n, s:s, s:s,"
	    " s:n}, s:o, s:n, s:s?}", "token", nonce == NULL ||
	    run->token_for == NULL ? nonce : run->token_for(run, nonce),
	    "tenantId",
	    guid_text(run->row.tenant, tenant), "stateId", run->id,
	    "culture", "id", "brand", "language", "EN", "country", "USA",
	    "variant", "configurationValues", service_settings(run, service),
	    "annotations", "callbackUri", run->origin == NULL ? NULL :
	    arena_printf(run->arena, "%s/api/run/1/response", run->origin));

	must(json != NULL);
	return json;
}

static json_t *
outcomes_json(const struct map_element *at)
{
	json_t *list = json_array();

	for (size_t i = 0; i < at->noutcomes; i++)
		if (!at->outcomes[i].reserved)
			json_array_append_new(list, json_pack(
			    "{s:s, s:s?, s:s?, s:I}", "id",
			    at->outcomes[i].id, "developerName",
			    at->outcomes[i].name, "developerSummary",
			    json_string_value(json_object_get(
			    at->outcomes[i].json, "developerSummary")),
			    "order", (json_int_t)at->outcomes[i].order));
	return list;
}

json_t *
message_request(struct run *run, const struct message_action *m,
    const char *nonce)
{
	json_t *json = service_request(run, m->service, nonce);
	json_t *authorization = json_object_get(run->flow->json,
	    "authorization");

	must(json_object_update_new(json, json_pack(
	    "{s:n, s:O?, s:O?, s:s?, s:s?, s:s?, s:o, s:o}", "executionMode",
	    "authorization", authorization, "attributes", m->attributes,
	    "joinPlayerUri", run->join_uri, "playerUri", run->run_uri, "uri",
	    m->service->uri, "inputs", values_json(run, m->inputs,
	    m->ninputs), "outcomes", outcomes_json(run->at))) == 0);
	return json;
}

static json_t *
where_json(struct run *run, const struct data_request *d)
{
	json_t *list = json_array();

	for (size_t i = 0; i < d->nwhere; i++) {
		const struct data_where *w = &d->where[i];
		struct slice text = w->value.value == NULL ? SLICE("") :
		    run_text(run, &w->value);

		json_array_append_new(list, json_pack("{s:s, s:s, s:o}",
		    "columnName", w->column, "criteriaType", w->criterion,
		    "value", json_stringn(text.p == NULL ? "" : text.p,
		    text.len)));
	}
	return list;
}

/* Of an object in a value: who it is at the service; else plain text. */
static const char *
id_of(struct run *run, const struct value_ref *ref)
{
	const json_t *objects;
	struct slice text;

	if (ref->value == NULL)
		return NULL;
	if (content_is_objects(ref->type)) {
		objects = run_objects(run, ref);
		return json_string_value(json_object_get(json_array_get(
		    objects, 0), "externalId"));
	}
	text = run_text(run, ref);
	return text.len == 0 ? NULL : arena_copy(run->arena, text);
}

static json_t *
type_json(const struct data_request *d)
{
	json_t *properties = json_array();

	for (size_t i = 0; i < d->binding->nfields; i++)
		json_array_append_new(properties, json_pack("{s:s, s:s}",
		    "developerName", d->binding->fields[i].field,
		    "contentType", content_type_name(
		    d->binding->fields[i].property->type)));
	return json_pack("{s:s, s:o}", "developerName", d->binding->table,
	    "properties", properties);
}

json_t *
data_request_json(struct run *run, const struct data_request *d,
    const json_t *objects)
{
	json_t *json = service_request(run, d->binding->service, NULL);

	must(json_object_update_new(json, json_pack(
	    "{s:s, s:s, s:o, s:O?, s:o, s:{s:s?, s:s, s:o, s:s?, s:s?, s:I,"
	    " s:i, s:n, s:b}}", "typeElementId", d->type->id,
	    "typeElementBindingId", d->binding->id, "objectDataType",
	    type_json(d), "command", d->command, "objectData",
	    objects == NULL ? json_null() : objects_out(run->flow, d,
	    objects), "listFilter", "id", id_of(run, &d->by_id),
	    "comparisonType", d->any ? "OR" : "AND", "where",
	    where_json(run, d), "orderByPropertyDeveloperName", d->order_by,
	    "orderByDirectionType", d->direction, "limit",
	    (json_int_t)d->limit, "offset", 0, "search",
	    "filterByProvidedObjects", d->by_objects)) == 0);
	return json;
}

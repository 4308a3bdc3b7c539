/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The page where a run stands, as the player reads it: what does not change
 * (containers, components, outcomes), and the data in it.
 */
#include "base/must.h"
#include "engine/object_index.h"
#include "engine/run.h"

static void
add(json_t *list, json_t *item)
{
	must(item != NULL && json_array_append_new(list, item) == 0);
}

/* What only the player understands goes through as it was drawn. */
static void
pass_on(json_t *to, const json_t *from, const char *const *keys)
{
	for (; *keys != NULL; keys++) {
		json_t *value = json_object_get(from, *keys);

		json_object_set(to, *keys, value == NULL ? json_null() :
		    value);
	}
}

/* --- containers ---------------------------------------------------------------- */

static json_t *
containers(const struct page_container *list, size_t count)
{
	static const char *const keys[] = { "attributes", "tags", NULL };
	json_t *out = json_array();

	for (size_t i = 0; i < count; i++) {
		const struct page_container *c = &list[i];
		json_t *json = json_pack("{s:s, s:s, s:s, s:s?, s:I, s:o}",
		    "id", c->id, "containerType", c->kind, "developerName",
		    c->name, "label", c->label, "order", (json_int_t)c->order,
		    "pageContainerResponses",
		    containers(c->children, c->nchildren));

		pass_on(json, c->json, keys);
		add(out, json);
	}
	return out;
}

/* Flat, however they are nested. */
static void
container_data(json_t *out, const struct page_view *view,
    const struct page_container *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct part_view *v = &view->containers[list[i].index];

		add(out, json_pack("{s:s, s:b, s:b, s:b, s:n}",
		    "pageContainerId", list[i].id, "isVisible", v->visible,
		    "isEnabled", v->enabled, "isEditable", v->editable,
		    "tags"));
		container_data(out, view, list[i].children,
		    list[i].nchildren);
	}
}

/* --- columns ---------------------------------------------------------------------- */

static int64_t
order_of(const json_t *json, size_t fallback)
{
	const json_t *order = json_object_get(json, "order");

	return json_is_integer(order) ? json_integer_value(order) :
	    (int64_t)fallback;
}

static const struct type_property *
property_of_id(const struct flow *flow, const char *id)
{
	struct guid guid;

	for (size_t i = 0; guid_of(&guid, id) && i < flow->ntypes; i++)
		for (size_t k = 0; k < flow->types[i].nproperties; k++)
			if (guid_eq(&flow->types[i].properties[k].guid,
			    &guid))
				return &flow->types[i].properties[k];
	return NULL;
}

/* In their order, with what their properties are. */
static json_t *
columns(const struct run *run, const json_t *drawn)
{
	json_t *out = json_array();

	if (!json_is_array(drawn)) {
		json_decref(out);
		return json_null();
	}
	for (size_t i = 0; i < json_array_size(drawn); i++) {
		json_t *column = json_deep_copy(json_array_get(drawn, i));
		const struct type_property *p = property_of_id(run->flow,
		    json_string_value(json_object_get(column,
		    "typeElementPropertyId")));
		size_t at = json_array_size(out);

		if (p != NULL) {
			json_object_set_new(column, "developerName",
			    json_string(p->name));
			json_object_set_new(column, "contentType",
			    json_string(content_type_name(p->type)));
		}
		while (at > 0 && order_of(json_array_get(out, at - 1),
		    at - 1) > order_of(column, i))
			at--;
		must(json_array_insert_new(out, at, column) == 0);
	}
	return out;
}

/* --- components ------------------------------------------------------------------ */

static json_t *
components(struct run *run, const struct page *page)
{
	static const char *const keys[] = { "size", "maxSize", "width",
	    "height", "hintValue", "helpInfo", "isMultiSelect",
	    "isSearchable", "hasEvents", "autoUpload", "isRealtime",
	    "className", "attributes", NULL };
	json_t *out = json_array();

	for (size_t i = 0; i < page->ncomponents; i++) {
		const struct page_component *c = &page->components[i];
		json_t *json = json_pack(
		    "{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:o}",
		    "id", c->id, "pageContainerId", c->in->id,
		    "developerName", c->name, "componentType", c->kind,
		    "contentType", content_type_name(c->type),
		    "label", run_merge(run, json_is_string(json_object_get(
		    c->json, "label")) ? json_string_value(json_object_get(
		    c->json, "label")) : ""),
		    "order", (json_int_t)order_of(c->json, i), "columns",
		    columns(run, json_object_get(c->json, "columns")));

		pass_on(json, c->json, keys);
		if (c->has_events)
			json_object_set_new(json, "hasEvents", json_true());
		add(out, json);
	}
	return out;
}

/* The list that is shown, with marks on what was chosen from it. */
static json_t *
component_objects(struct run *run, const struct page_component *c)
{
	const json_t *chosen = c->binding.value == NULL ? NULL :
	    run_objects(run, &c->binding);
	const json_t *shown = c->list.value == NULL ? chosen :
	    view_rows(run, c);
	struct object_index *index;
	json_t *out;

	if (shown == NULL)
		return json_null();
	out = json_deep_copy(shown);
	index = object_index_new(chosen);
	for (size_t i = 0; c->list.value != NULL &&
	    i < json_array_size(out); i++)
		json_object_set_new(json_array_get(out, i), "isSelected",
		    json_boolean(object_index_find(index, json_array_get(out,
		    i)) < json_array_size(chosen)));
	object_index_free(&index);
	return out;
}

static json_t *
component_text(struct run *run, const struct page_component *c)
{
	struct slice text = { NULL, 0 };

	if (c->binding.value != NULL &&
	    !content_is_objects(c->binding.type))
		text = run_text(run, &c->binding);
	return text.len == 0 ? json_null() : json_stringn(text.p, text.len);
}

/* What the player asks a service's data with, and gives back as it is: which
 * state and which part of its page; the rest is ours to know. */
static json_t *
ticket(struct run *run, const struct page_component *c)
{
	char tenant[GUID_TEXT];
	json_t *json = json_pack("{s:s, s:s, s:s, s:s}", "token",
	    run->token_for == NULL ? c->id : run->token_for(run, c->id),
	    "stateId", run->id, "tenantId", guid_text(run->row.tenant,
	    tenant), "pageComponentId", c->id);

	must(json != NULL);
	return json;
}

static json_t *
data_ticket(struct run *run, const struct page_component *c)
{
	json_t *json;

	if (c->data == NULL)
		return json_null();
	json = ticket(run, c);
	must(json_object_update_new(json, json_pack("{s:s, s:s, s:{s:I,"
	    " s:s?, s:s?}}", "typeElementId", c->data->type->id,
	    "typeElementBindingId", c->data->binding->id, "listFilter",
	    "limit", (json_int_t)c->data->limit,
	    "orderByPropertyDeveloperName", c->data->order_by,
	    "orderByDirectionType", c->data->direction)) == 0);
	return json;
}

static json_t *
file_ticket(struct run *run, const struct page_component *c)
{
	json_t *json;

	if (c->files == NULL)
		return json_null();
	json = ticket(run, c);
	json_object_set_new(json, "serviceElementId",
	    json_string(c->files->id));
	return json;
}

static json_t *
component_data(struct run *run, const struct page *page)
{
	static const char *const keys[] = { "imageUri", "tags", NULL };
	const struct page_view *view = run_view(run);
	json_t *out = json_array();

	for (size_t i = 0; i < page->ncomponents; i++) {
		const struct page_component *c = &page->components[i];
		const struct part_view *v = &view->components[i];
		const char *wrong = run->invalid == NULL ? NULL :
		    run->invalid[i];
		json_t *json = json_pack("{s:s, s:o, s:s?, s:o, s:o, s:o, "
		    "s:b, s:b, s:b, s:b, s:b, s:s?}",
		    "pageComponentId", c->id, "contentValue",
		    v->visible ? component_text(run, c) : json_null(),
		    "content",
		    run_merge(run, c->content), "objectData",
		    component_objects(run, c), "objectDataRequest",
		    data_ticket(run, c), "fileDataRequest",
		    file_ticket(run, c), "isVisible", v->visible, "isEnabled",
		    v->enabled, "isEditable", v->editable, "isRequired",
		    v->required,
		    "isValid", wrong == NULL, "validationMessage", wrong);

		pass_on(json, c->json, keys);
		add(out, json);
	}
	return out;
}

/* --- pages ---------------------------------------------------------------------------- */

static json_t *
drawn_page(struct run *run, const struct page *page, bool scaffold)
{
	static const char *const keys[] = { "attributes", "tags", NULL };
	json_t *data = json_array(), *json;

	container_data(data, run_view(run), page->containers,
	    page->ncontainers);
	json = json_pack("{s:s?, s:o, s:o}",
	    "label", run_merge(run, page->label),
	    "pageContainerDataResponses", data,
	    "pageComponentDataResponses", component_data(run, page));
	if (scaffold) {
		json_object_set_new(json, "pageContainerResponses",
		    containers(page->containers, page->ncontainers));
		json_object_set_new(json, "pageComponentResponses",
		    components(run, page));
		pass_on(json, page->json, keys);
	}
	return json;
}

/* Ids of the parts of a made-up page: the element's, a little changed. */
static const char *
derived_id(struct run *run, uint8_t mark)
{
	struct guid guid = run->at->guid;
	char *text = arena_alloc(run->arena, GUID_TEXT);

	guid.bytes[15] ^= mark;
	return guid_text(guid.bytes, text);
}

/* A STEP has no page of its own: one container with one text in it. */
static json_t *
made_up_page(struct run *run, const char *content, bool scaffold)
{
	const char *container = derived_id(run, 1);
	const char *component = derived_id(run, 2);
	json_t *json = json_pack("{s:s?, s:n, s:[{s:s, s:b, s:b, s:b}],"
	    " s:[{s:s, s:n, s:s, s:n, s:b, s:b, s:b, s:b, s:b, s:n}]}",
	    "label", run->at->label, "attributes",
	    "pageContainerDataResponses",
	    "pageContainerId", container, "isVisible", 1, "isEnabled", 1,
	    "isEditable", 1,
	    "pageComponentDataResponses",
	    "pageComponentId", component, "contentValue", "content", content,
	    "objectData", "isVisible", 1, "isEnabled", 1, "isEditable", 1,
	    "isRequired", 0, "isValid", 1, "validationMessage");

	if (!scaffold)
		return json;
	json_object_set_new(json, "pageContainerResponses", json_pack(
	    "[{s:s, s:s, s:s, s:n, s:i, s:[], s:n}]", "id", container,
	    "containerType", "VERTICAL_FLOW", "developerName", "Step",
	    "label", "order", 0, "pageContainerResponses", "attributes"));
	json_object_set_new(json, "pageComponentResponses", json_pack(
	    "[{s:s, s:s, s:s, s:s, s:s, s:n, s:i, s:n}]", "id", component,
	    "pageContainerId", container, "developerName", "Step",
	    "componentType", "PRESENTATION", "contentType", "ContentString",
	    "label", "order", 0, "attributes"));
	return json;
}

static json_t *
outcomes(const struct run *run)
{
	static const char *const keys[] = { "pageActionType", "isBulkAction",
	    "pageObjectBindingId", "attributes", NULL };
	static const char *const bindings[] = {
		[BINDING_SAVE] = "SAVE", [BINDING_NO_SAVE] = "NO_SAVE",
		[BINDING_PARTIAL_SAVE] = "PARTIAL_SAVE",
	};
	json_t *out = json_array();

	for (size_t i = 0; i < run->at->noutcomes; i++) {
		const struct flow_outcome *o = &run->at->outcomes[i];
		const char *label = o->label != NULL ? o->label : o->name;
		json_t *json;

		if (o->reserved)
			continue;
		json = json_pack("{s:s, s:s?, s:s?, s:I, s:s, s:b}",
		    "id", o->id, "developerName", o->name, "label", label,
		    "order", (json_int_t)o->order, "pageActionBindingType",
		    bindings[o->binding], "isOut", o->out != NULL);
		pass_on(json, o->json, keys);
		add(out, json);
	}
	return out;
}

json_t *
run_page(struct run *run, bool scaffold)
{
	const struct map_element *at = run->at;
	json_t *page, *json;

	must(!run_is_guarded(run));
	if (at->page != NULL)
		page = drawn_page(run, at->page, scaffold);
	else if (at->type == ELEMENT_STEP)
		page = made_up_page(run, run_merge(run,
		    at->user_content == NULL ? "" : at->user_content),
		    scaffold);
	else	/* the flow began or ended without a page: an empty one */
		page = made_up_page(run, "", scaffold);
	json = json_pack("{s:s, s:s?, s:s?, s:o, s:o, s:i, s:s?}",
	    "mapElementId", at->id, "developerName", at->name,
	    "label", at->label, "pageResponse", page, "rootFaults",
	    run->faults == NULL ? json_object() : json_deep_copy(run->faults),
	    "pageType", at->type == ELEMENT_MODAL, "title", run_merge(run,
	    json_string_value(json_object_get(at->json, "title"))));
	must(json != NULL);
	if (scaffold)
		json_object_set_new(json, "outcomeResponses",
		    shows_page(at) ? outcomes(run) : json_array());
	return json;
}

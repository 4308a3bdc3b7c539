/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Reading what elements load, save and delete, and what tables and lists of
 * pages are filled with.
 */
#include "engine/reader.h"

static const struct type_binding *
find_binding(const struct flow *flow, const struct guid *guid,
    const struct flow_type **type)
{
	for (size_t i = 0; i < flow->ntypes; i++)
		for (size_t k = 0; k < flow->types[i].nbindings; k++)
			if (guid_eq(&flow->types[i].bindings[k].guid, guid)) {
				*type = &flow->types[i];
				return &flow->types[i].bindings[k];
			}
	return NULL;
}

static const char *
field_name(const struct type_binding *b, const struct guid *property)
{
	for (size_t i = 0; i < b->nfields; i++)
		if (guid_eq(&b->fields[i].property->guid, property))
			return b->fields[i].field;
	return NULL;
}

static const char *
read_column(struct reader *r, const struct where *at, const json_t *json,
    const char *key, const struct type_binding *b)
{
	const struct where here = { at, key, 0 };
	const char *id = read_text(r, at, json, key), *field;
	struct guid guid;

	if (id == NULL || id[0] == '\0' ||
	    need_guid(r, at, json, key, &guid) == NULL || r->failed)
		return NULL;
	field = field_name(b, &guid);
	if (field == NULL)
		reader_fail(r, &here, "%s is no property that the binding "
		    "%s has a field for", id, b->table);
	return field;
}

static void
read_where(struct reader *r, const struct where *at, const json_t *json,
    const struct type_binding *b, struct data_where *w)
{
	const struct where here = { at, "columnTypeElementPropertyId", 0 };
	enum criterion criterion;

	w->column = read_column(r, at, json, "columnTypeElementPropertyId", b);
	if (w->column == NULL)
		reader_fail(r, &here, "is missing");
	read_criterion(r, at, json, "criteriaType", &criterion);
	w->criterion = read_text(r, at, json, "criteriaType");
	read_still_ref(r, at, json, "valueElementToReferenceId", &w->value);
}

static bool
read_list_filter(struct reader *r, const struct where *at,
    const json_t *json, struct data_request *d)
{
	const struct where list_at = { at, "where", 0 };
	const json_t *list = read_list(r, at, json, "where", MEMBERS_MAX);
	const char *comparison = read_text(r, at, json, "comparisonType");

	d->any = comparison != NULL && is_word(comparison, "OR");
	d->limit = read_integer(r, at, json, "limit", 0);
	d->by_objects = read_bool(r, at, json, "filterByProvidedObjects",
	    false);
	d->direction = read_text(r, at, json, "orderByDirectionType");
	d->order_by = read_column(r, at, json, "orderByTypeElementPropertyId",
	    d->binding);
	read_still_ref(r, at, json, "filterId", &d->by_id);
	d->nwhere = json_array_size(list);
	d->where = arena_array(r->arena, d->nwhere, sizeof(*d->where));
	for (size_t i = 0; i < d->nwhere && !r->failed; i++) {
		const struct where here = { &list_at, NULL, i };

		read_where(r, &here, json_array_get(list, i), d->binding,
		    &d->where[i]);
	}
	return !r->failed;
}

bool
read_data_request(struct reader *r, const struct where *at,
    const json_t *json, const struct data_request **request)
{
	const struct where here = { at, "objectDataRequest", 0 };
	const struct where id_at = { &here, "typeElementBindingId", 0 };
	const struct where filter_at = { &here, "listFilter", 0 };
	const json_t *object = read_object(r, at, json, "objectDataRequest");
	const json_t *filter;
	struct data_request *d;
	struct guid guid;
	const char *id;

	*request = NULL;
	if (object == NULL)
		return !r->failed;
	d = arena_alloc(r->arena, sizeof(*d));
	id = need_guid(r, &here, object, "typeElementBindingId", &guid);
	if (r->failed)
		return false;
	d->binding = find_binding(r->flow, &guid, &d->type);
	if (d->binding == NULL || d->binding->service == NULL)
		return reader_fail(r, &id_at, "%s is no binding of a type of "
		    "this flow to one of its services", id);
	d->command = json_object_get(object, "command");
	filter = read_object(r, &here, object, "listFilter");
	*request = d;
	return filter == NULL ? !r->failed :
	    read_list_filter(r, &filter_at, filter, d);
}

static bool
read_kind(struct reader *r, const struct where *at, const json_t *json,
    enum data_kind *kind)
{
	static const char *const names[] = { [DATA_LOAD] = "LOAD",
	    [DATA_SAVE] = "SAVE", [DATA_DELETE] = "DELETE" };
	const struct where here = { at, "crudOperationType", 0 };
	const char *text = need_text(r, at, json, "crudOperationType");

	for (size_t i = 0; text != NULL && i < COUNT(names); i++)
		if (is_word(text, names[i])) {
			*kind = (enum data_kind)i;
			return true;
		}
	return text != NULL && reader_fail(r, &here, "\"%s\" is none of LOAD, "
	    "SAVE, DELETE", text);
}

static bool
read_data_action(struct reader *r, const struct where *at,
    const json_t *json, struct data_action *a)
{
	const struct where here = { at, "objectDataRequest", 0 };
	const struct where to_at = { at, "valueElementToApplyId", 0 };
	const struct where from_at = { at, "valueElementToReferenceId", 0 };
	const char *command;

	a->name = read_text(r, at, json, "developerName");
	a->smart = read_bool(r, at, json, "isSmartSave", false);
	a->order = read_integer(r, at, json, "order", 0);
	if (!read_kind(r, at, json, &a->kind) ||
	    !read_data_request(r, at, json, &a->request) ||
	    !read_applied_ref(r, at, json, "valueElementToApplyId", &a->to,
	    &command) || !read_still_ref(r, at, json,
	    "valueElementToReferenceId", &a->from))
		return false;
	if (a->request == NULL)
		return reader_fail(r, &here, "is missing");
	/* Saved, or deleted, is what either of the two names. */
	if (a->from.value == NULL)
		a->from = a->to;
	if (a->kind == DATA_LOAD && a->to.value == NULL)
		return reader_fail(r, &to_at, "is missing");
	if (a->from.value == NULL)
		return reader_fail(r, &from_at, "is missing");
	if (!content_is_objects(a->kind == DATA_LOAD ? a->to.type :
	    a->from.type))
		return reader_fail(r, at, "only objects and lists can be "
		    "loaded, saved and deleted");
	return true;
}

bool
read_data_actions(struct reader *r, const struct where *at,
    const json_t *json, struct map_element *e)
{
	const struct where list_at = { at, "dataActions", 0 };
	const json_t *list = read_list(r, at, json, "dataActions",
	    MEMBERS_MAX);

	e->data = arena_array(r->arena, json_array_size(list),
	    sizeof(*e->data));
	for (size_t i = 0; i < json_array_size(list) && !r->failed; i++) {
		const struct where here = { &list_at, NULL, i };
		const json_t *item = json_array_get(list, i);
		struct data_action a = { 0 };
		size_t to = e->ndata;

		if (read_bool(r, &here, item, "disabled", false))
			continue;
		if (!read_data_action(r, &here, item, &a))
			return false;
		for (; to > 0 && e->data[to - 1].order > a.order; to--)
			e->data[to] = e->data[to - 1];
		e->data[to] = a;
		e->ndata++;
	}
	return !r->failed;
}

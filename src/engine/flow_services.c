/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Reading the services of a snapshot, the bindings of its types to them, and
 * what elements ask of them.
 */
#include "base/near.h"
#include "engine/reader.h"

enum { SERVICES_MAX = 500, MEMBERS_MAX = 1000 };

#define COUNT(table)	(sizeof(table) / sizeof((table)[0]))

static bool
is_word(const char *text, const char *word)
{
	return slice_eq_nocase(slice_of(text), slice_of(word));
}

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

static bool
need_service(struct reader *r, const struct where *at, const json_t *json,
    const struct flow_service **service)
{
	const struct where here = { at, "serviceElementId", 0 };

	if (!read_service_ref(r, at, json, "serviceElementId", service))
		return false;
	return *service != NULL || reader_fail(r, &here, "is missing");
}

bool
read_auth(struct reader *r, const struct where *at, const json_t *json,
    struct flow_auth *auth)
{
	static const char *const names[] = { [AUTH_PUBLIC] = "PUBLIC",
	    [AUTH_ALL_USERS] = "ALL_USERS", [AUTH_SPECIFIED] = "SPECIFIED" };
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
	for (size_t i = 0; i < COUNT(names); i++)
		if (is_word(text, names[i])) {
			auth->kind = (unsigned)i;
			return true;
		}
	return reader_fail(r, &kind_at, "\"%s\" is none of PUBLIC, "
	    "ALL_USERS, SPECIFIED", text);
}

/* Names and values that go to a service or come from it; key says by which
 * reference. */
static bool
read_service_values(struct reader *r, const struct where *at,
    const json_t *json, const char *list_key, const char *key,
    struct service_value **values, size_t *count)
{
	const struct where list_at = { at, list_key, 0 };
	const json_t *list = read_list(r, at, json, list_key, MEMBERS_MAX);

	*count = json_array_size(list);
	*values = arena_array(r->arena, *count, sizeof(**values));
	for (size_t i = 0; i < *count && !r->failed; i++) {
		const struct where here = { &list_at, NULL, i };
		const struct where type_at = { &here, "contentType", 0 };
		const json_t *item = json_array_get(list, i);
		struct service_value *v = &(*values)[i];
		const char *type, *command;

		v->name = need_text(r, &here, item, "developerName");
		type = read_text(r, &here, item, "contentType");
		if (key[sizeof("valueElementTo") - 1] == 'A')
			read_applied_ref(r, &here, item, key, &v->value,
			    &command);
		else
			read_still_ref(r, &here, item, key, &v->value);
		v->type = v->value.value != NULL ? v->value.type :
		    CONTENT_STRING;
		if (type != NULL && type[0] != '\0' &&
		    !content_type_find(&v->type, slice_of(type)))
			reader_fail(r, &type_at, "\"%s\" is no content type",
			    type);
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
		const json_t *json = json_array_get(list, i);
		struct flow_service *s = &flow->services[i];

		s->id = need_guid(r, &here, json, "id", &s->guid);
		s->name = need_text(r, &here, json, "developerName");
		s->uri = read_uri(r, &here, json);
		read_service_values(r, &here, json, "configurationValues",
		    "valueElementToReferenceId", &s->settings,
		    &s->nsettings);
		flow->nservices++;
	}
	for (size_t i = 0; i < json_array_size(types) && reader_goes_on(r);
	    i++) {
		const struct where here = { &types_at, NULL, i };

		read_bindings(r, &here, json_array_get(types, i));
	}
	return !r->failed;
}

/* --- messages -------------------------------------------------------------------------- */

/* "/actions/NAME" where only the action's name is given. */
static const char *
read_path(struct reader *r, const struct where *at, const json_t *json)
{
	const struct where here = { at, "uriPart", 0 };
	const char *part = read_text(r, at, json, "uriPart");
	const char *name = read_text(r, at, json, "serviceActionName");

	if (part != NULL && part[0] != '\0') {
		while (*part == '/')
			part++;
		return arena_printf(r->arena, "/%s", part);
	}
	if (name != NULL && name[0] != '\0')
		return arena_printf(r->arena, "/actions/%s", name);
	reader_fail(r, &here, "is missing, as is serviceActionName");
	return NULL;
}

static bool
read_message(struct reader *r, const struct where *at, const json_t *json,
    struct message_action *m)
{
	m->id = read_text(r, at, json, "id");
	m->name = read_text(r, at, json, "developerName");
	m->path = read_path(r, at, json);
	m->order = read_integer(r, at, json, "order", 0);
	m->attributes = read_object(r, at, json, "attributes");
	if (m->name == NULL)
		m->name = m->path;
	return !r->failed && need_service(r, at, json, &m->service) &&
	    read_service_values(r, at, json, "inputs",
	    "valueElementToReferenceId", &m->inputs, &m->ninputs) &&
	    read_service_values(r, at, json, "outputs",
	    "valueElementToApplyId", &m->outputs, &m->noutputs);
}

static bool
read_messages(struct reader *r, const struct where *at, const json_t *json,
    struct map_element *e)
{
	const struct where list_at = { at, "messageActions", 0 };
	const json_t *list = read_list(r, at, json, "messageActions",
	    MEMBERS_MAX);

	e->messages = arena_array(r->arena, json_array_size(list),
	    sizeof(*e->messages));
	for (size_t i = 0; i < json_array_size(list) && !r->failed; i++) {
		const struct where here = { &list_at, NULL, i };
		const json_t *item = json_array_get(list, i);
		struct message_action m = { 0 };
		size_t to = e->nmessages;

		if (read_bool(r, &here, item, "disabled", false))
			continue;
		if (!read_message(r, &here, item, &m))
			return false;
		for (; to > 0 && e->messages[to - 1].order > m.order; to--)
			e->messages[to] = e->messages[to - 1];
		e->messages[to] = m;
		e->nmessages++;
	}
	return !r->failed;
}

/* It is called when its page is come to, after all the others; of what a
 * service draws itself nothing is known, so the element has a page, too. */
static bool
read_view_message(struct reader *r, const struct where *at,
    const json_t *json, struct map_element *e)
{
	const struct where here = { at, "viewMessageAction", 0 };
	const json_t *object = read_object(r, at, json, "viewMessageAction");
	struct message_action m = { 0 }, *all;
	size_t n = e->nmessages;

	if (object == NULL || read_bool(r, &here, object, "disabled", false))
		return !r->failed;
	if (e->type != ELEMENT_INPUT && e->type != ELEMENT_MODAL)
		return reader_fail(r, &here, "belongs to an element with a "
		    "page");
	if (!read_message(r, &here, object, &m))
		return false;
	all = arena_array(r->arena, n + 1, sizeof(*all));
	for (size_t i = 0; i < n; i++)
		all[i] = e->messages[i];
	m.order = n == 0 || all[n - 1].order == INT64_MAX ? INT64_MAX :
	    all[n - 1].order + 1;
	all[n] = m;
	e->messages = all;
	e->nmessages = n + 1;
	return !r->failed;
}

/* --- data ------------------------------------------------------------------------------- */

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

static bool
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

/* --- listeners, votes, waits ------------------------------------------------------------- */

static bool
read_listeners(struct reader *r, const struct where *at, const json_t *json,
    struct map_element *e)
{
	const struct where list_at = { at, "listeners", 0 };
	const json_t *list = read_list(r, at, json, "listeners", MEMBERS_MAX);

	e->nlisteners = json_array_size(list);
	e->listeners = arena_array(r->arena, e->nlisteners,
	    sizeof(*e->listeners));
	for (size_t i = 0; i < e->nlisteners && !r->failed; i++) {
		const struct where here = { &list_at, NULL, i };
		const json_t *item = json_array_get(list, i);
		struct flow_listener *l = &e->listeners[i];

		l->name = read_text(r, &here, item, "developerName");
		l->kind = read_text(r, &here, item, "listenerType");
		l->attributes = read_object(r, &here, item, "attributes");
		if (need_service(r, &here, item, &l->service) &&
		    read_still_ref(r, &here, item,
		    "valueElementToReferenceForListeningId", &l->value) &&
		    l->value.value == NULL)
			reader_fail(r, &here, "names no value: "
			    "valueElementToReferenceForListeningId");
	}
	return !r->failed;
}

static bool
read_wait(struct reader *r, const struct where *at, const json_t *json,
    struct map_element *e)
{
	const struct where here = { at, "wait", 0 };
	const json_t *object = read_object(r, at, json, "wait");
	struct flow_wait *w = arena_alloc(r->arena, sizeof(*w));

	w->seconds = read_integer(r, &here, object, "durationSeconds", 0);
	read_still_ref(r, &here, object, "valueElementToReferenceId",
	    &w->until);
	w->message = read_text(r, &here, object, "message");
	if (w->message == NULL)
		w->message = read_text(r, at, json, "statusMessage");
	if (w->seconds < 0 || w->seconds > INT32_MAX)
		return reader_fail(r, &here, "durationSeconds must be between "
		    "0 and %d", INT32_MAX);
	e->wait = w;
	return !r->failed;
}

/* Votes are counted by user: everybody must be somebody. */
bool
read_vote(struct reader *r, const struct where *at, const json_t *json,
    struct map_element *e)
{
	const struct where here = { at, "vote", 0 };
	const struct where kind_at = { &here, "voteType", 0 };
	const json_t *object = read_object(r, at, json, "vote");
	const struct flow_auth *auth = e->auth.kind != AUTH_PUBLIC ?
	    &e->auth : &r->flow->auth;
	struct flow_vote *v;
	const char *kind;

	if (object == NULL)
		return !r->failed;
	v = arena_alloc(r->arena, sizeof(*v));
	kind = need_text(r, &here, object, "voteType");
	if (kind == NULL)
		return false;
	v->percent = is_word(kind, "PERCENT");
	if (!v->percent && !is_word(kind, "COUNT"))
		return reader_fail(r, &kind_at, "\"%s\" is none of COUNT, "
		    "PERCENT", kind);
	v->least = read_integer(r, &here, object, v->percent ?
	    "minimumPercent" : "minimumCount", 1);
	v->of = json_array_size(json_object_get(auth->json, "users"));
	if (auth->kind == AUTH_PUBLIC)
		return reader_fail(r, &here, "users vote, and here nobody has "
		    "to log in");
	if (v->percent && v->of == 0)
		return reader_fail(r, &here, "a share needs users that are "
		    "named one by one");
	e->vote = v;
	return !r->failed;
}

bool
read_actions(struct reader *r, const struct where *at, const json_t *json,
    struct map_element *e)
{
	static const char *const lists[] = { "waits", "processes" };

	for (size_t i = 0; i < COUNT(lists); i++)
		if (json_array_size(read_list(r, at, json, lists[i],
		    MEMBERS_MAX)) > 0)
			return reader_fail(r, at, "%s are not supported by "
			    "this engine", lists[i]);
	return !r->failed && read_messages(r, at, json, e) &&
	    read_view_message(r, at, json, e) && read_data_actions(r, at, json, e) &&
	    read_listeners(r, at, json, e) &&
	    (e->type != ELEMENT_WAIT || read_wait(r, at, json, e));
}

static bool
read_override(struct reader *r, const struct where *at, const json_t *json,
    struct item_override *o)
{
	const struct where here = { at, "locationMapElementId", 0 };
	const char *to = read_text(r, at, json, "locationMapElementId");
	struct guid guid;

	need_guid(r, at, json, "navigationElementId", &o->navigation);
	need_guid(r, at, json, "navigationItemId", &o->item);
	o->enabled = read_bool(r, at, json, "isEnabled", false);
	o->visible = read_bool(r, at, json, "isVisible", false);
	if (to == NULL || to[0] == '\0' ||
	    need_guid(r, at, json, "locationMapElementId", &guid) == NULL ||
	    r->failed)
		return !r->failed;
	o->to = flow_element(r->flow, &guid);
	return o->to != NULL || reader_fail(r, &here, "%s is no map element "
	    "of this flow", to);
}

bool
read_overrides(struct reader *r, const struct where *at,
    struct map_element *e)
{
	const struct where list_at = { at, "navigationOverrides", 0 };
	const json_t *list = read_list(r, at, e->json, "navigationOverrides",
	    MEMBERS_MAX);

	e->noverrides = json_array_size(list);
	e->overrides = arena_array(r->arena, e->noverrides,
	    sizeof(*e->overrides));
	for (size_t i = 0; i < e->noverrides && !r->failed; i++) {
		const struct where here = { &list_at, NULL, i };

		read_override(r, &here, json_array_get(list, i),
		    &e->overrides[i]);
	}
	return !r->failed;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Reading the values of a snapshot, and references to them.
 */
#include "engine/reader.h"

enum { VALUES_MAX = 5000 };

static enum value_access
read_access(struct reader *r, const struct where *at, const json_t *json)
{
	static const char *const names[] = {
		[VALUE_PRIVATE] = "PRIVATE", [VALUE_INPUT] = "INPUT",
		[VALUE_OUTPUT] = "OUTPUT",
		[VALUE_INPUT_OUTPUT] = "INPUT_OUTPUT",
		[VALUE_PUBLIC] = "PUBLIC",
	};
	const struct where here = { at, "access", 0 };
	const char *text = read_text(r, at, json, "access");

	if (text == NULL)
		return VALUE_PRIVATE;
	for (size_t i = 0; i < COUNT(names); i++)
		if (is_word(text, names[i]))
			return (enum value_access)i;
	reader_fail(r, &here, "\"%s\" is none of PRIVATE, INPUT, OUTPUT, "
	    "INPUT_OUTPUT, PUBLIC", text);
	return VALUE_PRIVATE;
}

static void
read_kind(struct reader *r, const struct where *at, const json_t *json,
    struct flow_value *value)
{
	const struct where here = { at, "typeElementId", 0 };
	const char *id = read_text(r, at, json, "typeElementId");
	struct guid guid;

	if (id == NULL || id[0] == '\0' ||
	    need_guid(r, at, json, "typeElementId", &guid) == NULL ||
	    r->failed)
		return;
	value->kind = find_type(r->flow, &guid);
	if (value->kind == NULL)
		reader_fail(r, &here, "%s is no type of this flow", id);
}

static void
read_value(struct reader *r, const struct where *at, const json_t *json,
    struct flow_value *value)
{
	const struct where type_at = { at, "contentType", 0 };
	const struct where text_at = { at, "defaultContentValue", 0 };
	const char *type;

	value->id = need_guid(r, at, json, "id", &value->guid);
	value->name = need_text(r, at, json, "developerName");
	type = need_text(r, at, json, "contentType");
	if (type != NULL && !content_type_find(&value->type, slice_of(type)))
		reader_fail(r, &type_at, "\"%s\" is no content type", type);
	value->access = read_access(r, at, json);
	value->fixed = read_bool(r, at, json, "isFixed", false);
	read_kind(r, at, json, value);
	value->default_text = read_text(r, at, json, "defaultContentValue");
	value->default_objects = read_list(r, at, json, "defaultObjectData",
	    VALUES_MAX);
	if (value->default_text != NULL &&
	    !content_valid(value->type, slice_of(value->default_text)))
		reader_fail(r, &text_at, "\"%.80s\" is not %s",
		    value->default_text, content_type_name(value->type));
}

static const struct flow_value *
find_value(const struct flow *flow, const struct guid *guid)
{
	for (size_t i = 0; i < flow->nvalues; i++)
		if (guid_eq(&flow->values[i].guid, guid))
			return &flow->values[i];
	return NULL;
}

bool
read_values(struct reader *r, const json_t *root)
{
	const json_t *list = read_list(r, NULL, root, "valueElements",
	    VALUES_MAX);
	const struct where at = { NULL, "valueElements", 0 };
	size_t count = json_array_size(list);
	struct flow *flow = r->flow;

	flow->values = arena_array(r->arena, system_values() + count,
	    sizeof(*flow->values));
	add_system_values(flow);
	for (size_t i = 0; i < count && reader_goes_on(r); i++) {
		const struct where here = { &at, NULL, i };
		struct flow_value *value = &flow->values[flow->nvalues];

		read_value(r, &here, json_array_get(list, i), value);
		if (!r->failed && find_value(flow, &value->guid) != NULL)
			reader_fail(r, &here, "another value has the id %s",
			    value->id);
		value->index = flow->nvalues++;
	}
	/* They may speak of any value. */
	for (size_t i = 0; i < count && reader_goes_on(r); i++) {
		const struct where here = { &at, NULL, i };
		struct flow_value *value =
		    &flow->values[system_values() + i];

		read_operations(r, &here, json_array_get(list, i),
		    "initializationOperations", &value->operations,
		    &value->noperations);
	}
	return !r->failed;
}

/* --- references ------------------------------------------------------------- */

/* "" is as good as nothing. */
static const char *
text_in(struct reader *r, const struct where *at, const json_t *json,
    const char *key)
{
	const char *text = read_text(r, at, json, key);

	return text == NULL || text[0] == '\0' ? NULL : text;
}

static const struct type_property *
find_property(const struct flow_type *type, const struct guid *guid)
{
	for (size_t i = 0; i < type->nproperties; i++)
		if (guid_eq(&type->properties[i].guid, guid))
			return &type->properties[i];
	return NULL;
}

static bool
read_property_ref(struct reader *r, const struct where *at,
    const json_t *json, struct value_ref *ref)
{
	const struct where here = { at, "typeElementPropertyId", 0 };
	const struct flow_type *kind = ref->value->kind;
	struct guid guid;

	ref->property = text_in(r, at, json, "typeElementPropertyId");
	if (ref->property == NULL)
		return !r->failed;
	if (!content_is_objects(ref->value->type))
		return reader_fail(r, at, "%s is no object, so it has no "
		    "properties", ref->value->name);
	ref->type = CONTENT_STRING;
	need_guid(r, at, json, "typeElementPropertyId", &guid);
	if (r->failed || kind == NULL)
		return !r->failed;
	ref->is = find_property(kind, &guid);
	if (ref->is == NULL)
		return reader_fail(r, &here, "%s is no property of the type "
		    "%s", ref->property, kind->name);
	ref->type = ref->is->type;
	return true;
}

bool
read_applied_ref(struct reader *r, const struct where *at,
    const json_t *object, const char *key, struct value_ref *ref,
    const char **command)
{
	const struct where here = { at, key, 0 };
	const json_t *json = read_object(r, at, object, key);
	const char *id;
	struct guid guid;

	*ref = (struct value_ref){ 0 };
	*command = NULL;
	if (json == NULL || (id = read_text(r, &here, json, "id")) == NULL)
		return !r->failed;
	need_guid(r, &here, json, "id", &guid);
	if (r->failed)
		return false;
	ref->value = find_value(r->flow, &guid);
	if (ref->value == NULL)
		return reader_fail(r, &here, "%s is no value of this flow",
		    id);
	ref->type = ref->value->type;
	*command = text_in(r, &here, json, "command");
	return read_property_ref(r, &here, json, ref);
}

/* --- commands ----------------------------------------------------------------- */

static bool
read_filter(struct reader *r, const struct where *at, const json_t *json,
    struct value_ref *ref)
{
	const struct where here = { at, "properties", 0 };
	const json_t *properties = read_object(r, at, json, "properties");
	struct list_filter *filter = arena_alloc(r->arena, sizeof(*filter));

	if (properties == NULL)
		return reader_fail(r, at, "FILTER needs properties: COLUMN, "
		    "CRITERIA, VALUE");
	filter->column = need_text(r, &here, properties, "COLUMN");
	filter->text = read_text(r, &here, properties, "VALUE");
	read_criterion(r, &here, properties, "CRITERIA", &filter->criterion);
	ref->filter = filter;
	return !r->failed;
}

static bool
read_command(struct reader *r, const struct where *at, const json_t *json,
    const char *text, struct value_ref *ref)
{
	static const struct {
		const char	*name;
		enum ref_command command;
	} known[] = {
		{ "VALUE_OF", REF_VALUE }, { "GET_FIRST", REF_FIRST },
		{ "GET_NEXT", REF_NEXT }, { "GET_LENGTH", REF_LENGTH },
		{ "FILTER", REF_FILTER },
	};
	size_t i = 0;

	while (i < COUNT(known) && !slice_eq_nocase(slice_of(text),
	    slice_of(known[i].name)))
		i++;
	if (i == COUNT(known))
		return reader_fail(r, at, "the command \"%s\" is not "
		    "supported by this engine", text);
	ref->command = known[i].command;
	if (ref->command != REF_VALUE && ref->command != REF_LENGTH &&
	    ref->value->type != CONTENT_LIST)
		return reader_fail(r, at, "%s is no list, as %s needs one",
		    ref->value->name, known[i].name);
	if (ref->command == REF_LENGTH)
		ref->type = CONTENT_NUMBER;
	else if (ref->command != REF_VALUE && ref->property == NULL)
		ref->type = ref->command == REF_FILTER ? CONTENT_LIST :
		    CONTENT_OBJECT;
	return ref->command != REF_FILTER || read_filter(r, at, json, ref);
}

bool
read_value_ref(struct reader *r, const struct where *at,
    const json_t *object, const char *key, struct value_ref *ref)
{
	const struct where here = { at, key, 0 };
	const char *command;

	if (!read_applied_ref(r, at, object, key, ref, &command))
		return false;
	return command == NULL || read_command(r, &here,
	    json_object_get(object, key), command, ref);
}

bool
read_still_ref(struct reader *r, const struct where *at,
    const json_t *object, const char *key, struct value_ref *ref)
{
	const struct where here = { at, key, 0 };

	if (!read_value_ref(r, at, object, key, ref))
		return false;
	if (ref->value != NULL && ref->command == REF_NEXT)
		return reader_fail(r, &here, "GET_NEXT belongs to an "
		    "operation");
	return true;
}

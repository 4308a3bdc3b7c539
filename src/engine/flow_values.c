/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Reading the values of a snapshot, and references to them.
 */
#include "base/must.h"
#include "engine/reader.h"

enum { VALUES_MAX = 5000 };

/* Those of the platform that this engine knows.  They stand in no snapshot. */
static const struct {
	const char	*id, *name, *content;
} system_values[] = {
	{ "be1bc78e-fd57-40ec-9a86-a815de2a9e28", "$True", "true" },
	{ "496fd041-d91f-48fb-aa4f-91c6c9a11ca1", "$False", "false" },
};

/* Those it does not: named, so that the message can say which. */
static const struct {
	const char	*id, *name;
} unknown_system_values[] = {
	{ "03dc41dd-1c6b-4b33-bf61-cbd1d0778fff", "$User" },
	{ "e2063196-3c75-4388-8b00-1005b8cd59ad", "$JoinUri" },
	{ "4fa61b42-a370-455e-85ed-d9a0a8723a43", "$Location" },
	{ "1f2a56fd-e14b-460c-aabd-9fbf344b84f3", "$State" },
};

#define COUNT(table)	(sizeof(table) / sizeof((table)[0]))

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
		if (slice_eq_nocase(slice_of(text), slice_of(names[i])))
			return (enum value_access)i;
	reader_fail(r, &here, "\"%s\" is none of PRIVATE, INPUT, OUTPUT, "
	    "INPUT_OUTPUT, PUBLIC", text);
	return VALUE_PRIVATE;
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
	value->type_element = read_text(r, at, json, "typeElementId");
	value->default_text = read_text(r, at, json, "defaultContentValue");
	value->default_objects = read_list(r, at, json, "defaultObjectData",
	    VALUES_MAX);
	if (value->default_text != NULL &&
	    !content_valid(value->type, slice_of(value->default_text)))
		reader_fail(r, &text_at, "\"%.80s\" is not %s",
		    value->default_text, content_type_name(value->type));
	if (read_list(r, at, json, "initializationOperations", VALUES_MAX) !=
	    NULL)
		reader_fail(r, at, "initializationOperations are not "
		    "supported by this engine");
}

static void
add_system_values(struct flow *flow)
{
	for (size_t i = 0; i < COUNT(system_values); i++) {
		struct flow_value *value = &flow->values[i];

		must(guid_of(&value->guid, system_values[i].id));
		value->id = system_values[i].id;
		value->name = system_values[i].name;
		value->type = CONTENT_BOOLEAN;
		value->fixed = true;
		value->default_text = system_values[i].content;
		value->index = i;
	}
	flow->nvalues = COUNT(system_values);
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

	flow->values = arena_array(r->arena, COUNT(system_values) + count,
	    sizeof(*flow->values));
	add_system_values(flow);
	for (size_t i = 0; i < count && !r->failed; i++) {
		const struct where here = { &at, NULL, i };
		struct flow_value *value = &flow->values[flow->nvalues];

		read_value(r, &here, json_array_get(list, i), value);
		if (!r->failed && find_value(flow, &value->guid) != NULL)
			reader_fail(r, &here, "another value has the id %s",
			    value->id);
		value->index = flow->nvalues++;
	}
	return !r->failed;
}

/* --- references ------------------------------------------------------------- */

static bool
unknown_value(struct reader *r, const struct where *at, const char *id,
    const struct guid *guid)
{
	struct guid known;

	for (size_t i = 0; i < COUNT(unknown_system_values); i++) {
		must(guid_of(&known, unknown_system_values[i].id));
		if (guid_eq(&known, guid))
			return reader_fail(r, at, "the system value %s is not "
			    "supported by this engine",
			    unknown_system_values[i].name);
	}
	return reader_fail(r, at, "%s is no value of this flow", id);
}

bool
read_value_ref(struct reader *r, const struct where *at,
    const json_t *object, const char *key, struct value_ref *ref,
    const char **command)
{
	const struct where here = { at, key, 0 };
	const json_t *json = read_object(r, at, object, key);
	const char *id, *property;
	struct guid guid;

	*ref = (struct value_ref){ 0 };
	if (command != NULL)
		*command = NULL;
	if (json == NULL || (id = read_text(r, &here, json, "id")) == NULL)
		return !r->failed;
	need_guid(r, &here, json, "id", &guid);
	if (r->failed)
		return false;
	ref->value = find_value(r->flow, &guid);
	if (ref->value == NULL)
		return unknown_value(r, &here, id, &guid);
	ref->type = ref->value->type;
	property = read_text(r, &here, json, "typeElementPropertyId");
	if (property != NULL && property[0] != '\0') {
		if (ref->value->type != CONTENT_OBJECT)
			return reader_fail(r, &here, "%s is no object, so it "
			    "has no properties", ref->value->name);
		ref->property = property;
		ref->type = CONTENT_STRING;
	}
	if (command != NULL)
		*command = read_text(r, &here, json, "command");
	return !r->failed;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Objects as the platform's JSON has them: ids, and a list of properties.
 */
#include "base/must.h"
#include "engine/run.h"

static json_t *
new_property(const struct type_property *is)
{
	json_t *json = json_pack("{s:s, s:s, s:s, s:n, s:n, s:n}",
	    "typeElementPropertyId", is->id, "developerName", is->name,
	    "contentType", content_type_name(is->type), "contentValue",
	    "contentFormat", "objectData");

	must(json != NULL);
	return json;
}

json_t *
object_new(const struct flow_value *value)
{
	const struct flow_type *kind = value->kind;
	json_t *json, *properties = json_array();
	char id[GUID_TEXT];

	for (size_t i = 0; kind != NULL && i < kind->nproperties; i++)
		json_array_append_new(properties,
		    new_property(&kind->properties[i]));
	fresh_id(id);
	json = json_pack("{s:s, s:s, s:s, s:s?, s:i, s:b, s:o}",
	    "internalId", id, "externalId", id, "developerName",
	    kind == NULL ? value->name : kind->name, "typeElementId",
	    kind == NULL ? NULL : kind->id, "order", 0, "isSelected", 0,
	    "properties", properties);
	must(json != NULL);
	return json;
}

static bool
is_property(const json_t *property, const char *id)
{
	struct guid a, b;

	return guid_of(&a, id) && guid_of(&b, json_string_value(
	    json_object_get(property, "typeElementPropertyId"))) &&
	    guid_eq(&a, &b);
}

json_t *
object_property(const json_t *object, const char *id)
{
	json_t *list = json_object_get(object, "properties");

	for (size_t i = 0; i < json_array_size(list); i++)
		if (is_property(json_array_get(list, i), id))
			return json_array_get(list, i);
	return NULL;
}

json_t *
object_property_named(const json_t *object, struct slice name)
{
	static const char *const keys[] = { "developerName",
	    "typeElementPropertyId" };
	json_t *list = json_object_get(object, "properties");

	for (size_t i = 0; i < json_array_size(list); i++)
		for (size_t k = 0; k < 2; k++) {
			json_t *p = json_array_get(list, i);
			const char *is = json_string_value(
			    json_object_get(p, keys[k]));

			if (is != NULL && slice_eq_nocase(slice_of(is), name))
				return p;
		}
	return NULL;
}

void
object_set(json_t *object, const struct value_ref *ref, const char *text,
    const json_t *objects)
{
	json_t *property = object_property(object, ref->property);

	json_object_del(object, OBJECT_UNCHANGED);
	if (!json_is_array(json_object_get(object, "properties")))
		json_object_set_new(object, "properties", json_array());
	if (property == NULL) {
		property = ref->is != NULL ? new_property(ref->is) :
		    json_pack("{s:s}", "typeElementPropertyId",
		    ref->property);
		must(property != NULL);
		json_array_append_new(json_object_get(object, "properties"),
		    property);
	}
	if (content_is_objects(ref->type))
		json_object_set_new(property, "objectData", objects == NULL ?
		    json_null() : json_deep_copy(objects));
	else
		json_object_set_new(property, "contentValue",
		    json_string(text == NULL ? "" : text));
}

/* One has the external or internal id of the other. */
static bool
object_same(const json_t *a, const json_t *b)
{
	static const char *const keys[] = { "externalId", "internalId" };

	for (size_t i = 0; i < 2; i++) {
		const char *x = json_string_value(json_object_get(a, keys[i]));
		const char *y = json_string_value(json_object_get(b, keys[i]));

		if (x != NULL && y != NULL && x[0] != '\0' &&
		    slice_eq_nocase(slice_of(x), slice_of(y)))
			return true;
	}
	return false;
}

size_t
object_find(const json_t *list, const json_t *object)
{
	size_t at = 0;

	while (at < json_array_size(list) &&
	    !object_same(json_array_get(list, at), object))
		at++;
	return at;
}

size_t
json_weight(const json_t *json)
{
	size_t sum = 32;
	const char *key;
	json_t *value;

	if (json_is_string(json))
		return sum + json_string_length(json);
	for (size_t i = 0; i < json_array_size(json); i++)
		sum += json_weight(json_array_get(json, i));
	json_object_foreach((json_t *)(uintptr_t)json, key, value)
		sum += strlen(key) + json_weight(value);
	return sum;
}

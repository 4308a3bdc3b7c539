/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What values hold, and what operations make of it.  Objects are never
 * changed in place: others may show the same ones.
 */
#include <stdio.h>
#include <sys/random.h>

#include "base/must.h"
#include "engine/run.h"

struct value_ref
ref_to(const struct flow_value *value)
{
	return (struct value_ref){ value, NULL, value->type };
}

static struct cell *
cell_of(const struct run *run, const struct value_ref *ref)
{
	return &run->cells[ref->value->index];
}

static json_t *
keep(struct run *run, json_t *fresh)
{
	must(fresh != NULL && json_array_append_new(run->kept, fresh) == 0);
	return fresh;
}

/* --- reading ------------------------------------------------------------------ */

static bool
is_property(const json_t *property, const char *id)
{
	struct guid a, b;

	return guid_of(&a, id) && guid_of(&b, json_string_value(
	    json_object_get(property, "typeElementPropertyId"))) &&
	    guid_eq(&a, &b);
}

static json_t *
find_property(const json_t *object, const char *id)
{
	json_t *list = json_object_get(object, "properties");

	for (size_t i = 0; i < json_array_size(list); i++)
		if (is_property(json_array_get(list, i), id))
			return json_array_get(list, i);
	return NULL;
}

struct slice
run_text(const struct run *run, const struct value_ref *ref)
{
	const struct cell *cell = cell_of(run, ref);

	if (ref->property == NULL)
		return slice_of(cell->text);
	return slice_of(json_string_value(json_object_get(
	    find_property(json_array_get(cell->objects, 0), ref->property),
	    "contentValue")));
}

const json_t *
run_objects(const struct run *run, const struct value_ref *ref)
{
	return ref->property == NULL ? cell_of(run, ref)->objects : NULL;
}

size_t
run_length(const struct run *run, const struct value_ref *ref)
{
	if (content_is_objects(ref->type))
		return json_array_size(run_objects(run, ref));
	return run_text(run, ref).len > 0;
}

bool
run_is_empty(const struct run *run, const struct value_ref *ref)
{
	return run_length(run, ref) == 0;
}

/* --- writing ------------------------------------------------------------------ */

static json_t *
new_object(const struct flow_value *value)
{
	uint8_t bytes[16];
	char id[GUID_TEXT];
	json_t *json;

	must(getrandom(bytes, sizeof(bytes), 0) == sizeof(bytes));
	bytes[6] = (uint8_t)((bytes[6] & 0x0f) | 0x40);
	bytes[8] = (uint8_t)((bytes[8] & 0x3f) | 0x80);
	guid_text(bytes, id);
	json = json_pack("{s:s, s:s, s:s, s:s?, s:i, s:b, s:[]}",
	    "internalId", id, "externalId", id, "developerName", value->name,
	    "typeElementId", value->type_element, "order", 0, "isSelected", 0,
	    "properties");
	must(json != NULL);
	return json;
}

static void
set_property(struct run *run, const struct value_ref *ref, struct slice text)
{
	struct cell *cell = cell_of(run, ref);
	json_t *objects, *object, *property;

	objects = cell->objects == NULL ? json_array() :
	    json_deep_copy(cell->objects);
	keep(run, objects);
	if (json_array_size(objects) == 0)
		json_array_append_new(objects, new_object(ref->value));
	object = json_array_get(objects, 0);
	if (!json_is_array(json_object_get(object, "properties")))
		json_object_set_new(object, "properties", json_array());
	property = find_property(object, ref->property);
	if (property == NULL) {
		property = json_pack("{s:s}", "typeElementPropertyId",
		    ref->property);
		must(property != NULL);
		json_array_append_new(json_object_get(object, "properties"),
		    property);
	}
	json_object_set_new(property, "contentValue",
	    json_stringn(text.p == NULL ? "" : text.p, text.len));
	cell->objects = objects;
}

void
run_set_text(struct run *run, const struct value_ref *ref, struct slice text)
{
	if (!content_valid(ref->type, text))
		text.len = 0;
	if (ref->property != NULL)
		set_property(run, ref, text);
	else
		cell_of(run, ref)->text = text.len == 0 ? NULL :
		    arena_copy(run->arena, text);
}

void
run_set_objects(struct run *run, const struct value_ref *ref,
    const json_t *objects)
{
	cell_of(run, ref)->objects = objects == NULL ? NULL :
	    keep(run, json_deep_copy(objects));
}

static bool
same_object(const json_t *a, const json_t *b)
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

/* Updates those that are there and appends the others. */
static void
add_objects(struct run *run, const struct value_ref *to, const json_t *from)
{
	const json_t *old = run_objects(run, to);
	json_t *list = keep(run, old == NULL ? json_array() :
	    json_deep_copy(old));

	for (size_t i = 0; i < json_array_size(from); i++) {
		json_t *item = json_deep_copy(json_array_get(from, i));
		size_t at = 0;

		while (at < json_array_size(list) &&
		    !same_object(json_array_get(list, at), item))
			at++;
		if (at < json_array_size(list))
			json_array_set_new(list, at, item);
		else
			json_array_append_new(list, item);
	}
	cell_of(run, to)->objects = list;
}

static void
operate_on_objects(struct run *run, const struct operation *op)
{
	json_t *fresh;

	switch (op->command) {
	case OPERATION_SET:
		run_set_objects(run, &op->to, run_objects(run, &op->from));
		break;
	case OPERATION_ADD:
		add_objects(run, &op->to, run_objects(run, &op->from));
		break;
	case OPERATION_EMPTY:
		run_set_objects(run, &op->to, NULL);
		break;
	case OPERATION_NEW:
		fresh = keep(run, json_array());
		if (op->to.type == CONTENT_OBJECT)
			json_array_append_new(fresh, new_object(op->to.value));
		cell_of(run, &op->to)->objects = fresh;
		break;
	}
}

/* Roughly what a copy would take. */
static size_t
weight(const json_t *json)
{
	size_t sum = 32;
	const char *key;
	json_t *value;

	if (json_is_string(json))
		return sum + json_string_length(json);
	for (size_t i = 0; i < json_array_size(json); i++)
		sum += weight(json_array_get(json, i));
	json_object_foreach((json_t *)(uintptr_t)json, key, value)
		sum += strlen(key) + weight(value);
	return sum;
}

static size_t
cost(const struct run *run, const struct value_ref *ref)
{
	const struct cell *cell;

	if (ref->value == NULL)
		return 0;
	cell = cell_of(run, ref);
	return weight(cell->objects) +
	    (cell->text == NULL ? 0 : strlen(cell->text));
}

void
run_operate(struct run *run, const struct operation *op)
{
	struct slice from = { NULL, 0 };
	char number[24];

	if (!run_spend(run, cost(run, &op->to) + cost(run, &op->from)))
		return;
	if (content_is_objects(op->to.type)) {
		operate_on_objects(run, op);
		return;
	}
	if (op->length) {
		snprintf(number, sizeof(number), "%zu",
		    run_length(run, &op->from));
		from = slice_of(number);
	} else if (op->from.value != NULL) {
		from = run_text(run, &op->from);
	}
	if (op->command == OPERATION_EMPTY || op->command == OPERATION_NEW)
		from.len = 0;
	else if (op->command == OPERATION_ADD)
		from = slice_of(content_add(run->arena, op->to.type,
		    run_text(run, &op->to), from));
	run_set_text(run, &op->to, from);
}

/* --- from and to the outside ----------------------------------------------------- */

static bool
may_be_given(const struct flow_value *value)
{
	return !value->fixed && (value->access == VALUE_INPUT ||
	    value->access == VALUE_INPUT_OUTPUT);
}

static const struct flow_value *
find_given(const struct flow *flow, const json_t *given)
{
	const char *name = json_string_value(json_object_get(given,
	    "developerName"));

	return name == NULL ? NULL : flow_value_named(flow, slice_of(name));
}

bool
run_take_inputs(struct run *run, const json_t *list, struct err *err)
{
	if (list != NULL && !json_is_null(list) && !json_is_array(list))
		return err_set(err, "inputs must be a list");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *given = json_array_get(list, i);
		const struct flow_value *value = find_given(run->flow, given);
		struct value_ref ref;
		struct slice text;

		if (value == NULL || !may_be_given(value))
			continue;	/* as the platform does: not for here */
		ref = ref_to(value);
		if (content_is_objects(value->type)) {
			json_t *objects = json_object_get(given, "objectData");

			if (json_is_array(objects))
				run_set_objects(run, &ref, objects);
			continue;
		}
		text = slice_of(json_string_value(json_object_get(given,
		    "contentValue")));
		if (!content_valid(value->type, text))
			return err_set(err, "the input %s is not %s",
			    value->name, content_type_name(value->type));
		run_set_text(run, &ref, text);
	}
	return true;
}

json_t *
run_outputs(const struct run *run)
{
	json_t *list = json_array();

	for (size_t i = 0; i < run->flow->nvalues; i++) {
		const struct flow_value *value = &run->flow->values[i];
		const struct cell *cell = &run->cells[i];

		if (value->access != VALUE_OUTPUT &&
		    value->access != VALUE_INPUT_OUTPUT)
			continue;
		json_array_append_new(list, json_pack(
		    "{s:s, s:s, s:s, s:s?, s:s?, s:O?, s:b}",
		    "valueElementId", value->id, "developerName", value->name,
		    "contentType", content_type_name(value->type),
		    "typeElementId", value->type_element,
		    "contentValue", cell->text, "objectData",
		    (json_t *)(uintptr_t)cell->objects, "isSelected", 0));
	}
	return list;
}

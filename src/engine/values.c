/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What values hold, and what operations make of it.  Objects are never
 * changed in place: others may show the same ones.
 */
#include "base/must.h"
#include "engine/object_index.h"
#include "engine/run.h"

enum { EACH_PROPERTY = 8 };		/* of RUN_BUDGET, to be looked at */

struct value_ref
ref_to(const struct flow_value *value)
{
	return (struct value_ref){ .value = value, .type = value->type };
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

/* All objects that a value holds. */
static const json_t *
whole(struct run *run, const struct value_ref *ref)
{
	return ref->value->system != SYSTEM_NONE ?
	    system_objects(run, ref->value) : cell_of(run, ref)->objects;
}

/* The one whose properties are meant. */
static json_t *
one_object(struct run *run, const struct value_ref *ref)
{
	return json_array_get(whole(run, ref), ref->command == REF_NEXT ?
	    cell_of(run, ref)->next : 0);
}

static const json_t *
property_of(struct run *run, const struct value_ref *ref)
{
	return object_property(one_object(run, ref), ref->property);
}

/* Characters, not bytes. */
static size_t
text_length(struct slice text)
{
	size_t length = 0;

	for (size_t i = 0; i < text.len; i++)
		length += ((unsigned char)text.p[i] & 0xc0) != 0x80;
	return length;
}

static struct slice
plain_text(struct run *run, const struct value_ref *ref)
{
	if (ref->property != NULL)
		return slice_of(json_string_value(json_object_get(
		    property_of(run, ref), "contentValue")));
	if (ref->value->system != SYSTEM_NONE)
		return slice_of(system_text(run, ref->value));
	return slice_of(cell_of(run, ref)->text);
}

/* What GET_LENGTH counts. */
static size_t
measure(struct run *run, const struct value_ref *ref)
{
	if (ref->property == NULL && content_is_objects(ref->value->type))
		return json_array_size(whole(run, ref));
	return text_length(plain_text(run, ref));
}

struct slice
run_text(struct run *run, const struct value_ref *ref)
{
	if (ref->command == REF_LENGTH)
		return slice_of(arena_printf(run->arena, "%zu",
		    measure(run, ref)));
	return plain_text(run, ref);
}

static bool
filter_takes(const struct list_filter *filter, const json_t *object)
{
	const json_t *property = object_property(object, filter->column);
	enum content_type type = CONTENT_STRING;

	if (property == NULL)
		property = object_property_named(object,
		    slice_of(filter->column));
	content_type_find(&type, slice_of(json_string_value(
	    json_object_get(property, "contentType"))));
	return criterion_holds(filter->criterion, type,
	    slice_of(json_string_value(json_object_get(property,
	    "contentValue"))), slice_of(filter->text));
}

const json_t *
run_filtered(struct run *run, const json_t *from,
    const struct list_filter *filter)
{
	json_t *list = keep(run, json_array());

	for (size_t i = 0; i < json_array_size(from); i++) {
		json_t *object = json_array_get(from, i);

		if (!run_spend(run, EACH_PROPERTY * json_array_size(
		    json_object_get(object, "properties"))))
			break;
		if (filter_takes(filter, object))
			json_array_append(list, object);
	}
	return list;
}

size_t
run_count_equal(struct run *run, const struct value_ref *ref,
    struct slice text, size_t *of)
{
	const json_t *list = whole(run, ref);
	size_t equal = 0;

	*of = json_array_size(list);
	if (!run_spend(run, json_weight(list)))
		return 0;
	for (size_t i = 0; i < *of; i++)
		equal += criterion_holds(CRITERION_EQUAL, ref->type,
		    slice_of(json_string_value(json_object_get(
		    object_property(json_array_get(list, i), ref->property),
		    "contentValue"))), text);
	return equal;
}

const json_t *
run_objects(struct run *run, const struct value_ref *ref)
{
	const json_t *list;
	json_t *object;

	if (ref->command == REF_LENGTH)
		return NULL;
	if (ref->property != NULL) {
		list = json_object_get(property_of(run, ref), "objectData");
		return json_is_array(list) ? list : NULL;
	}
	if (ref->command == REF_FILTER)
		return run_filtered(run, whole(run, ref), ref->filter);
	if (ref->command == REF_VALUE)
		return whole(run, ref);
	object = one_object(run, ref);
	if (object == NULL)
		return NULL;
	list = keep(run, json_array());
	json_array_append((json_t *)(uintptr_t)list, object);
	return list;
}

size_t
run_length(struct run *run, const struct value_ref *ref)
{
	if (ref->command != REF_LENGTH && content_is_objects(ref->type))
		return json_array_size(run_objects(run, ref));
	return text_length(run_text(run, ref));
}

bool
run_is_empty(struct run *run, const struct value_ref *ref)
{
	return run_length(run, ref) == 0;
}

/* --- writing ------------------------------------------------------------------ */

static void
set_property(struct run *run, const struct value_ref *ref, const char *text,
    const json_t *objects)
{
	struct cell *cell = cell_of(run, ref);
	json_t *fresh = cell->objects == NULL ? json_array() :
	    json_deep_copy(cell->objects);

	keep(run, fresh);
	if (json_array_size(fresh) == 0)
		json_array_append_new(fresh, object_new(ref->value));
	object_set(json_array_get(fresh, 0), ref, text, objects);
	cell->objects = fresh;
}

void
run_set_text(struct run *run, const struct value_ref *ref, struct slice text)
{
	const char *copy;

	if (!content_valid(ref->type, text))
		text.len = 0;
	copy = text.len == 0 ? NULL : arena_copy(run->arena, text);
	if (ref->property != NULL)
		set_property(run, ref, copy, NULL);
	else
		cell_of(run, ref)->text = copy;
}

void
run_set_objects(struct run *run, const struct value_ref *ref,
    const json_t *objects)
{
	struct cell *cell = cell_of(run, ref);

	if (ref->property != NULL) {
		set_property(run, ref, NULL, objects);
		return;
	}
	cell->next = 0;			/* another list is gone through anew */
	cell->objects = objects == NULL ? NULL :
	    keep(run, json_deep_copy(objects));
}

/* The list as it is, to be changed. */
static json_t *
copy_of_list(struct run *run, const struct value_ref *ref)
{
	const json_t *old = run_objects(run, ref);

	return keep(run, old == NULL ? json_array() : json_deep_copy(old));
}

static void
put_list(struct run *run, const struct value_ref *ref, json_t *list)
{
	if (ref->property != NULL)
		set_property(run, ref, NULL, list);
	else
		cell_of(run, ref)->objects = list;
}

/* Updates those that are there and appends the others. */
static void
add_objects(struct run *run, const struct value_ref *to, const json_t *from)
{
	json_t *list = copy_of_list(run, to);
	struct object_index *index = object_index_new(list);

	for (size_t i = 0; i < json_array_size(from); i++) {
		json_t *item = json_deep_copy(json_array_get(from, i));
		size_t at = object_index_find(index, item);

		if (at < json_array_size(list))
			json_array_set_new(list, at, item);
		else
			json_array_append_new(list, item);
		object_index_note(index, at);
	}
	object_index_free(&index);
	put_list(run, to, list);
}

/* Sets null where one was that is to go. */
static void
blank_objects(json_t *list, const json_t *from, bool *gone)
{
	struct object_index *index = object_index_new(list);

	for (size_t i = 0; i < json_array_size(from); i++) {
		size_t at = object_index_find(index, json_array_get(from, i));

		if (at == json_array_size(list))
			continue;
		json_array_set_new(list, at, json_null());
		gone[at] = true;
	}
	object_index_free(&index);
}

/* What GET_NEXT has not got yet stays what it gets. */
static void
remove_objects(struct run *run, const struct value_ref *to,
    const json_t *from)
{
	struct cell *cell = cell_of(run, to);
	json_t *list = copy_of_list(run, to), *left = keep(run, json_array());
	size_t count = json_array_size(list), next = cell->next;
	bool *gone = xcalloc(count + 1, sizeof(*gone));

	blank_objects(list, from, gone);
	for (size_t i = 0; i < count; i++) {
		if (!gone[i])
			json_array_append(left, json_array_get(list, i));
		else if (to->property == NULL && i < next)
			cell->next--;
	}
	free(gone);
	put_list(run, to, left);
}

static void
detach_objects(struct run *run, const struct value_ref *to)
{
	json_t *list = copy_of_list(run, to);

	for (size_t i = 0; i < json_array_size(list); i++)
		json_object_set_new(json_array_get(list, i), "externalId",
		    json_null());
	put_list(run, to, list);
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
	case OPERATION_REMOVE:
		remove_objects(run, &op->to, run_objects(run, &op->from));
		break;
	case OPERATION_DETACH:
		detach_objects(run, &op->to);
		break;
	case OPERATION_EMPTY:
		run_set_objects(run, &op->to, NULL);
		break;
	case OPERATION_NEW:
		fresh = keep(run, json_array());
		if (op->to.type == CONTENT_OBJECT && op->to.property == NULL)
			json_array_append_new(fresh,
			    object_new(op->to.value));
		run_set_objects(run, &op->to, fresh);
		break;
	}
}

static void
operate_on_text(struct run *run, const struct operation *op)
{
	struct slice from = { NULL, 0 };

	if (op->command == OPERATION_SET || op->command == OPERATION_ADD ||
	    op->command == OPERATION_REMOVE)
		from = run_text(run, &op->from);
	if (op->command == OPERATION_ADD)
		from = slice_of(content_add(run->arena, op->to.type,
		    run_text(run, &op->to), from));
	if (op->command == OPERATION_REMOVE)
		from = slice_of(content_subtract(run->arena,
		    run_text(run, &op->to), from));
	run_set_text(run, &op->to, from);
}

static size_t
cost(const struct run *run, const struct value_ref *ref)
{
	const struct cell *cell;

	if (ref->value == NULL)
		return 0;
	cell = cell_of(run, ref);
	return json_weight(cell->objects) +
	    (cell->text == NULL ? 0 : strlen(cell->text));
}

/* A list remembers what was got from it. */
static void
move_on(struct run *run, const struct value_ref *ref)
{
	struct cell *cell;

	if (ref->value == NULL)
		return;
	cell = cell_of(run, ref);
	if (ref->command == REF_FIRST)
		cell->next = 1;
	else if (ref->command == REF_NEXT)
		cell->next++;
}

void
run_operate(struct run *run, const struct operation *op)
{
	if (!run_spend(run, cost(run, &op->to) + cost(run, &op->from)))
		return;
	if (content_is_objects(op->to.type))
		operate_on_objects(run, op);
	else
		operate_on_text(run, op);
	move_on(run, &op->from);
}

void
run_first_contents(struct run *run)
{
	for (size_t i = 0; i < run->flow->nvalues; i++)
		for (size_t k = 0; k < run->flow->values[i].noperations; k++)
			run_operate(run, &run->flow->values[i].operations[k]);
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
	struct guid guid;

	if (guid_of(&guid, json_string_value(json_object_get(given,
	    "valueElementId"))))
		for (size_t i = 0; i < flow->nvalues; i++)
			if (guid_eq(&flow->values[i].guid, &guid))
				return &flow->values[i];
	return name == NULL ? NULL : flow_value_named(flow, slice_of(name));
}

static bool
take_given(struct run *run, const struct flow_value *value,
    const json_t *given, struct err *err)
{
	const struct value_ref ref = ref_to(value);
	const json_t *objects = json_object_get(given, "objectData");
	struct slice text = slice_of(json_string_value(json_object_get(given,
	    "contentValue")));

	if (content_is_objects(value->type)) {
		if (json_is_array(objects))
			run_set_objects(run, &ref, objects);
		return true;
	}
	if (!content_valid(value->type, text))
		return err_set(err, "the input %s is not %s", value->name,
		    content_type_name(value->type));
	run_set_text(run, &ref, text);
	return true;
}

bool
run_take_inputs(struct run *run, const json_t *list, struct err *err)
{
	if (list != NULL && !json_is_null(list) && !json_is_array(list))
		return err_set(err, "inputs must be a list");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *given = json_array_get(list, i);
		const struct flow_value *value = find_given(run->flow, given);

		/* As the platform does: others are not meant for here. */
		if (value != NULL && may_be_given(value) &&
		    !take_given(run, value, given, err))
			return false;
	}
	return true;
}

bool
run_take_values(struct run *run, const json_t *list, struct err *err)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *given = json_array_get(list, i);
		const struct flow_value *value = find_given(run->flow, given);

		if (value == NULL || value->fixed || (!may_be_given(value) &&
		    value->access != VALUE_PUBLIC))
			return err_set(err, "the value %zu of the list is none "
			    "that can be written from outside", i + 1);
		if (!take_given(run, value, given, err))
			return false;
	}
	run->view = NULL;
	return true;
}

json_t *
run_value_json(struct run *run, const struct flow_value *value)
{
	const struct value_ref ref = ref_to(value);
	struct slice text = run_text(run, &ref);
	const json_t *objects = run_objects(run, &ref);
	json_t *json = json_pack("{s:s, s:s, s:s, s:s?, s:o, s:o, s:b}",
	    "valueElementId", value->id, "developerName", value->name,
	    "contentType", content_type_name(value->type),
	    "typeElementId", value->kind == NULL ? NULL : value->kind->id,
	    "contentValue", text.len == 0 ? json_null() :
	    json_stringn(text.p, text.len), "objectData",
	    objects == NULL ? json_null() : json_deep_copy(objects),
	    "isSelected", 0);

	must(json != NULL);
	return json;
}

json_t *
run_outputs(struct run *run)
{
	json_t *list = json_array();

	for (size_t i = 0; i < run->flow->nvalues; i++) {
		const struct flow_value *value = &run->flow->values[i];

		if (value->access == VALUE_OUTPUT ||
		    value->access == VALUE_INPUT_OUTPUT)
			json_array_append_new(list, run_value_json(run,
			    value));
	}
	return list;
}

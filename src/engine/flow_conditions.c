/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Reading the conditions of a page: rules over values and parts of the page,
 * and what is set where they hold.
 */
#include "base/must.h"
#include "engine/reader.h"

static bool
read_aspect(struct reader *r, const struct where *at, const json_t *json,
    enum page_aspect *aspect)
{
	static const char *const names[] = {
		[ASPECT_VALUE] = "VALUE",
		[ASPECT_VISIBLE] = "METADATA.VISIBLE",
		[ASPECT_ENABLED] = "METADATA.ENABLED",
		[ASPECT_EDITABLE] = "METADATA.EDITABLE",
		[ASPECT_REQUIRED] = "METADATA.REQUIRED",
	};
	const struct where here = { at, "metadataType", 0 };
	const char *text = read_text(r, at, json, "metadataType");

	*aspect = ASPECT_VALUE;
	if (text == NULL || text[0] == '\0')
		return !r->failed;
	for (size_t i = 0; i < COUNT(names); i++)
		if (is_word(text, names[i])) {
			*aspect = (enum page_aspect)i;
			return true;
		}
	return reader_fail(r, &here, "\"%s\" is none of VALUE, "
	    "METADATA.VISIBLE, METADATA.ENABLED, METADATA.EDITABLE, "
	    "METADATA.REQUIRED", text);
}

static const struct page_container *
container_of_id(const struct page_container *list, size_t count,
    const struct guid *guid)
{
	must(list != NULL || count == 0);
	for (size_t i = 0; i < count; i++) {
		const struct page_container *c = guid_eq(&list[i].guid, guid) ?
		    &list[i] : container_of_id(list[i].children,
		    list[i].nchildren, guid);

		if (c != NULL)
			return c;
	}
	return NULL;
}

static struct page_component *
component_of_id(const struct page *page, const struct guid *guid)
{
	for (size_t i = 0; i < page->ncomponents; i++)
		if (guid_eq(&page->components[i].guid, guid))
			return &page->components[i];
	return NULL;
}

static bool
read_part(struct reader *r, const struct where *at, const json_t *json,
    const struct page *page, struct page_operand *o)
{
	const struct where here = { at, "pageObjectReferenceId", 0 };
	struct guid guid;
	const char *id = need_guid(r, at, json, "pageObjectReferenceId",
	    &guid);

	if (r->failed)
		return false;
	o->component = component_of_id(page, &guid);
	if (o->component == NULL)
		o->container = container_of_id(page->containers,
		    page->ncontainers, &guid);
	if (o->component == NULL && o->container == NULL)
		return reader_fail(r, &here, "%s is neither a component nor a "
		    "container of this page", id);
	if (o->component != NULL)
		o->value = o->component->binding;
	else if (o->aspect == ASPECT_VALUE || o->aspect == ASPECT_REQUIRED)
		return reader_fail(r, at, "a container has neither a value nor "
		    "is it required");
	return true;
}

/* Of an object that a component's input goes to, one property. */
static bool
narrow(struct reader *r, const struct where *at, const json_t *json,
    struct page_operand *o)
{
	const char *property = read_text(r, at, json,
	    "typeElementPropertyId");
	struct value_ref *ref = &o->value;
	struct guid guid;

	if (property == NULL || property[0] == '\0' || ref->value == NULL ||
	    ref->property != NULL || !content_is_objects(ref->type))
		return !r->failed;
	need_guid(r, at, json, "typeElementPropertyId", &guid);
	ref->property = property;
	ref->type = CONTENT_STRING;
	for (size_t i = 0; ref->value->kind != NULL &&
	    i < ref->value->kind->nproperties; i++) {
		const struct type_property *p =
		    &ref->value->kind->properties[i];

		if (guid_eq(&p->guid, &guid)) {
			ref->is = p;
			ref->type = p->type;
		}
	}
	return !r->failed;
}

static bool
read_operand(struct reader *r, const struct where *at, const json_t *json,
    const char *key, const struct page *page, struct page_operand *o)
{
	const struct where here = { at, key, 0 };
	const json_t *object = read_object(r, at, json, key);
	const char *id;

	*o = (struct page_operand){ 0 };
	if (object == NULL)
		return reader_fail(r, &here, "is missing");
	if (!read_aspect(r, &here, object, &o->aspect))
		return false;
	id = read_text(r, &here, object, "pageObjectReferenceId");
	if (id != NULL && id[0] != '\0') {
		if (!read_part(r, &here, object, page, o))
			return false;
	} else if (!read_still_ref(r, &here, object,
	    "valueElementToReferenceId", &o->value)) {
		return false;
	} else if (o->value.value == NULL) {
		return reader_fail(r, &here, "names neither a part of the page "
		    "nor a value");
	} else {
		o->aspect = ASPECT_VALUE;
	}
	return narrow(r, &here, object, o);
}

/* Newer snapshots have the short name, older ones the long one. */
static const char *
operand_key(const json_t *json, const char *key, const char *old)
{
	return json_is_object(json_object_get(json, old)) ? old : key;
}

static bool
read_rule(struct reader *r, const struct where *at, const json_t *json,
    struct page *page, struct page_rule *rule)
{
	const char *key = json_is_string(json_object_get(json,
	    "criteriaType")) ? "criteriaType" : "criteria";

	if (!read_operand(r, at, json, operand_key(json, "left",
	    "leftPageObjectReference"), page, &rule->left) ||
	    !read_operand(r, at, json, operand_key(json, "right",
	    "rightPageObjectReference"), page, &rule->right) ||
	    !read_criterion(r, at, json, key, &rule->criterion))
		return false;
	if (rule->left.component != NULL)
		component_of_id(page, &rule->left.component->guid)->
		    has_events = true;
	return true;
}

/* A property of the rows, if their type is known. */
static bool
check_column(struct reader *r, const struct where *at,
    const struct page_filter *f)
{
	const struct where here = { at, "columnTypeElementPropertyId", 0 };
	const struct flow_type *kind = f->component->list.value->kind;
	struct guid guid;

	if (!guid_of(&guid, f->column))
		return reader_fail(r, &here, "\"%.80s\" is no id", f->column);
	for (size_t i = 0; kind != NULL && i < kind->nproperties; i++)
		if (guid_eq(&kind->properties[i].guid, &guid))
			return true;
	return kind == NULL || reader_fail(r, &here, "%s is no property of "
	    "the type %s", f->column, kind->name);
}

/* It is of rows that the flow has; those that a service has are asked for by
 * the component's own request. */
static bool
read_filter(struct reader *r, const struct where *at, const json_t *json,
    const struct page *page, struct page_filter *f)
{
	const struct where id_at = { at, "pageComponentId", 0 };
	struct guid guid;
	const char *id = need_guid(r, at, json, "pageComponentId", &guid);

	if (r->failed)
		return false;
	f->component = component_of_id(page, &guid);
	if (f->component == NULL)
		return reader_fail(r, &id_at, "%s is no component of this "
		    "page", id);
	if (read_object(r, at, json, "objectDataRequest") != NULL)
		return reader_fail(r, at, "objectDataRequest belongs to the "
		    "component, not to a filter of it");
	if (f->component->list.value == NULL)
		return reader_fail(r, &id_at, "%s shows no list of this flow, "
		    "so there is nothing to filter", id);
	f->column = need_text(r, at, json, "columnTypeElementPropertyId");
	if (f->column == NULL || !check_column(r, at, f) ||
	    !read_criterion(r, at, json, "criteriaType", &f->criterion) ||
	    !read_operand(r, at, json, "filterValue", page, &f->with))
		return false;
	/* What is typed there changes what is shown here. */
	if (f->with.component != NULL)
		component_of_id(page, &f->with.component->guid)->has_events =
		    true;
	return true;
}

static bool
read_assignment(struct reader *r, const struct where *at, const json_t *json,
    const struct page *page, struct page_operation *op)
{
	const struct where here = { at, "assignment", 0 };
	const json_t *assignment = read_object(r, at, json, "assignment");

	if (assignment == NULL)
		return op->filter != NULL ||
		    reader_fail(r, &here, "is missing");
	op->assigns = true;
	if (!read_operand(r, &here, assignment, "assignee", page,
	    &op->to) || !read_operand(r, &here, assignment, "assignor",
	    page, &op->from))
		return false;
	if (op->to.aspect != ASPECT_VALUE)
		return op->from.aspect != ASPECT_VALUE ||
		    !content_is_objects(op->from.value.type) ||
		    reader_fail(r, &here, "objects cannot be made a mark");
	if (op->to.value.value != NULL && op->to.value.value->fixed)
		return reader_fail(r, &here, "%s is a constant",
		    op->to.value.value->name);
	if (op->to.value.value != NULL && op->to.value.property != NULL &&
	    op->to.value.value->type == CONTENT_LIST)
		return reader_fail(r, &here, "%s is a list; a property of one "
		    "of its objects cannot be set", op->to.value.value->name);
	if (op->to.value.value != NULL && op->from.value.value != NULL &&
	    op->from.aspect == ASPECT_VALUE &&
	    content_is_objects(op->to.value.type) !=
	    content_is_objects(op->from.value.type))
		return reader_fail(r, &here, "objects and plain content "
		    "cannot be mixed");
	return true;
}

static bool
read_operation(struct reader *r, const struct where *at, const json_t *json,
    const struct page *page, struct page_operation *op)
{
	const struct where here = { at, "filter", 0 };
	const json_t *object = read_object(r, at, json, "filter");

	if (object != NULL) {
		struct page_filter *f = arena_alloc(r->arena, sizeof(*f));

		*f = (struct page_filter){ 0 };
		if (!read_filter(r, &here, object, page, f))
			return false;
		op->filter = f;
	}
	return !r->failed && read_assignment(r, at, json, page, op);
}

static bool
read_condition(struct reader *r, const struct where *at, const json_t *json,
    struct page *page, struct page_condition *c)
{
	const struct where rules_at = { at, "pageRules", 0 };
	const struct where operations_at = { at, "pageOperations", 0 };
	const json_t *rules = read_list(r, at, json, "pageRules",
	    MEMBERS_MAX);
	const json_t *operations = read_list(r, at, json, "pageOperations",
	    MEMBERS_MAX);
	const char *type = read_text(r, at, json, "comparisonType");

	c->any = type != NULL && is_word(type, "OR");
	c->nrules = json_array_size(rules);
	c->rules = arena_array(r->arena, c->nrules, sizeof(*c->rules));
	for (size_t i = 0; i < c->nrules && !r->failed; i++) {
		const struct where here = { &rules_at, NULL, i };

		read_rule(r, &here, json_array_get(rules, i), page,
		    &c->rules[i]);
	}
	c->noperations = json_array_size(operations);
	c->operations = arena_array(r->arena, c->noperations,
	    sizeof(*c->operations));
	for (size_t i = 0; i < c->noperations && !r->failed; i++) {
		const struct where here = { &operations_at, NULL, i };

		read_operation(r, &here, json_array_get(operations, i), page,
		    &c->operations[i]);
	}
	if (!r->failed && c->nrules == 0)
		return reader_fail(r, at, "has no pageRules");
	return !r->failed;
}

bool
read_conditions(struct reader *r, const struct where *at,
    const json_t *json, struct page *page)
{
	const json_t *list = read_list(r, at, json, "pageConditions",
	    MEMBERS_MAX);
	const struct where list_at = { at, "pageConditions", 0 };

	page->stops = read_bool(r, at, json, "stopConditionsOnFirstTrue",
	    false);
	page->nconditions = json_array_size(list);
	page->conditions = arena_array(r->arena, page->nconditions,
	    sizeof(*page->conditions));
	for (size_t i = 0; i < page->nconditions && !r->failed; i++) {
		const struct where here = { &list_at, NULL, i };

		read_condition(r, &here, json_array_get(list, i), page,
		    &page->conditions[i]);
	}
	return !r->failed;
}

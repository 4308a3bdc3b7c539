/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Version 2 of the answers: the page as one tree that is ready to be shown,
 * each part with its data in it and its outcomes below it.
 */
#include "base/must.h"
#include "engine/engine_private.h"

/* One member for each part, by its id. */
static json_t *
by_id(const json_t *list, const char *key)
{
	json_t *map = json_object();

	for (size_t i = 0; i < json_array_size(list); i++) {
		json_t *item = json_array_get(list, i);
		const char *id = json_string_value(json_object_get(item,
		    key));

		if (id != NULL)
			json_object_set(map, id, item);
	}
	return map;
}

struct tree {
	const json_t	*page, *outcomes;
	json_t		*containers, *components;	/* their data, by id */
};

static json_t *
outcomes_of(const struct tree *t, const char *id)
{
	json_t *list = json_array();

	for (size_t i = 0; i < json_array_size(t->outcomes); i++) {
		json_t *o = json_array_get(t->outcomes, i);
		const char *at = json_string_value(json_object_get(o,
		    "pageObjectBindingId"));

		if (id == NULL ? at == NULL : at != NULL && slice_eq_nocase(
		    slice_of(at), slice_of(id)))
			json_array_append(list, o);
	}
	return list;
}

/* By order, after those of the same. */
static void
put_in_order(json_t *children, json_t *child)
{
	size_t at = json_array_size(children);
	json_int_t order = json_integer_value(json_object_get(child,
	    "order"));

	while (at > 0 && json_integer_value(json_object_get(json_array_get(
	    children, at - 1), "order")) > order)
		at--;
	must(json_array_insert_new(children, at, child) == 0);
}

/* A part with its data, as an element of the tree. */
static json_t *
node(const struct tree *t, const json_t *part, const json_t *data,
    const char *kind)
{
	json_t *json = json_copy((json_t *)(uintptr_t)part);
	const char *id = json_string_value(json_object_get(part, "id"));
	const json_t *own = id == NULL ? NULL : json_object_get(data, id);

	if (own != NULL)
		json_object_update(json, (json_t *)(uintptr_t)own);
	json_object_set(json, "type", json_object_get(part, kind));
	json_object_del(json, kind);
	json_object_del(json, "pageContainerResponses");
	json_object_del(json, "pageContainerId");
	json_object_del(json, "pageComponentId");
	json_object_set_new(json, "outcomes", outcomes_of(t, id));
	json_object_set_new(json, "children", json_array());
	return json;
}

static json_t *
container(const struct tree *t, const json_t *part)
{
	const json_t *inner = json_object_get(part, "pageContainerResponses");
	const json_t *all = json_object_get(t->page,
	    "pageComponentResponses");
	const char *id = json_string_value(json_object_get(part, "id"));
	json_t *json = node(t, part, t->containers, "containerType");
	json_t *children = json_object_get(json, "children");

	for (size_t i = 0; i < json_array_size(inner); i++)
		put_in_order(children, container(t, json_array_get(inner,
		    i)));
	for (size_t i = 0; i < json_array_size(all); i++) {
		const json_t *c = json_array_get(all, i);
		const char *in = json_string_value(json_object_get(c,
		    "pageContainerId"));

		if (id != NULL && in != NULL && slice_eq_nocase(slice_of(in),
		    slice_of(id)))
			put_in_order(children, node(t, c, t->components,
			    "componentType"));
	}
	return json;
}

static json_t *
root_of(const struct tree *t, const json_t *element)
{
	const json_t *list = json_object_get(t->page,
	    "pageContainerResponses");
	json_t *children = json_array();

	for (size_t i = 0; i < json_array_size(list); i++)
		put_in_order(children, container(t, json_array_get(list,
		    i)));
	return json_pack("{s:O?, s:s, s:O?, s:o, s:o}", "id",
	    json_object_get(element, "mapElementId"), "type", "ROOT",
	    "label", json_object_get(t->page, "label"), "children", children,
	    "outcomes", outcomes_of(t, NULL));
}

json_t *
tree_of_answer(json_t *answer)
{
	static const char *const lists[] = { "pageContainerDataResponses",
	    "pageComponentDataResponses" };
	json_t *json = json_copy(answer);
	const json_t *element = json_array_get(json_object_get(answer,
	    "mapElementInvokeResponses"), 0);
	struct tree t = {
		.page = json_object_get(element, "pageResponse"),
		.outcomes = json_object_get(element, "outcomeResponses"),
	};

	t.containers = by_id(json_object_get(t.page, lists[0]),
	    "pageContainerId");
	t.components = by_id(json_object_get(t.page, lists[1]),
	    "pageComponentId");
	/* A SYNC brings data alone. */
	json_object_set_new(json, "rootElement", json_object_get(t.page,
	    "pageContainerResponses") == NULL ? json_null() :
	    root_of(&t, element));
	for (size_t i = 0; i < 2; i++)
		json_object_set_new(json, lists[i], t.page == NULL ?
		    json_array() : json_deep_copy(json_object_get(t.page,
		    lists[i])));
	json_object_set_new(json, "outcomes", t.outcomes == NULL ?
	    json_array() : json_deep_copy(t.outcomes));
	json_object_set_new(json, "rootFaults", element == NULL ?
	    json_object() : json_deep_copy(json_object_get(element,
	    "rootFaults")));
	json_object_set(json, "navigations", json_object_get(answer,
	    "navigationElementReferences"));
	json_object_del(json, "mapElementInvokeResponses");
	json_object_del(json, "navigationElementReferences");
	json_decref(t.containers);
	json_decref(t.components);
	json_decref(answer);
	return json;
}

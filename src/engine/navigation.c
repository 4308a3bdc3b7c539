/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Navigations as the player reads them: the tree of items, and flat beside
 * it where each leads and where the run stands.
 */
#include "base/must.h"
#include "engine/run.h"

json_t *
run_navigation_references(const struct run *run)
{
	json_t *list = json_array();

	for (size_t i = 0; i < run->flow->nnavigations; i++)
		json_array_append_new(list, json_pack("{s:s, s:s?}", "id",
		    run->flow->navigations[i].id, "developerName",
		    run->flow->navigations[i].name));
	return list;
}

static json_t *
tree(const struct navigation_item *items, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, json_pack(
		    "{s:s, s:s?, s:s?, s:I, s:o, s:O?}", "id", items[i].id,
		    "developerName", items[i].name, "label",
		    items[i].label == NULL ? items[i].name : items[i].label,
		    "order", (json_int_t)items[i].order, "navigationItems",
		    tree(items[i].children, items[i].nchildren), "tags",
		    json_object_get(items[i].json, "tags")));
	return list;
}

const struct item_override *
find_override(const struct run *run, const struct navigation *n,
    const struct navigation_item *item)
{
	for (size_t i = 0; i < run->at->noverrides; i++) {
		const struct item_override *o = &run->at->overrides[i];

		if (guid_eq(&o->navigation, &n->guid) &&
		    guid_eq(&o->item, &item->guid))
			return o;
	}
	return NULL;
}

static void
add_data(json_t *list, const struct run *run, const struct navigation *n,
    const struct navigation_item *items, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct item_override *o = find_override(run, n,
		    &items[i]);
		const struct map_element *to = o != NULL && o->to != NULL ?
		    o->to : items[i].to;
		bool here = to == run->at;

		json_array_append_new(list, json_pack(
		    "{s:s, s:b, s:b, s:b, s:b, s:s?, s:n}",
		    "navigationItemId", items[i].id, "isActive", here,
		    "isCurrent", here, "isEnabled", !run->done &&
		    (o == NULL || o->enabled), "isVisible",
		    o == NULL || o->visible, "locationMapElementId",
		    to == NULL ? NULL : to->id, "tags"));
		add_data(list, run, n, items[i].children,
		    items[i].nchildren);
	}
}

json_t *
run_navigation(const struct run *run, const struct navigation *n)
{
	json_t *data = json_array(), *json;

	add_data(data, run, n, n->items, n->nitems);
	json = json_pack("{s:s?, s:s?, s:b, s:b, s:O?, s:o, s:o, s:s, s:s}",
	    "developerName", n->name, "label",
	    n->label == NULL ? n->name : n->label, "isVisible", 1,
	    "isEnabled", !run->done, "tags", json_object_get(n->json, "tags"),
	    "navigationItemResponses", tree(n->items, n->nitems),
	    "navigationItemDataResponses", data,
	    "stateId", run->id, "stateToken", run->token);
	must(json != NULL);
	return json;
}

const struct navigation *
find_navigation(const struct flow *flow, const struct guid *guid)
{
	for (size_t i = 0; i < flow->nnavigations; i++)
		if (guid_eq(&flow->navigations[i].guid, guid))
			return &flow->navigations[i];
	return NULL;
}

static const struct navigation_item *
find_among(const struct navigation_item *items, size_t count,
    const struct guid *guid)
{
	const struct navigation_item *found = NULL;

	must(count == 0 || items != NULL);
	for (size_t i = 0; i < count && found == NULL; i++) {
		const struct navigation_item *item = &items[i];

		found = guid_eq(&item->guid, guid) ? item :
		    find_among(item->children, item->nchildren, guid);
	}
	return found;
}

const struct navigation_item *
find_item(const struct navigation *n, const struct guid *guid)
{
	return find_among(n->items, n->nitems, guid);
}

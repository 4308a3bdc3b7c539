/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Reading the navigations of a snapshot: trees of items that lead to places
 * in the map.
 */
#include "engine/reader.h"

enum { NAVIGATIONS_MAX = 100, ITEMS_MAX = 1000 };

static void
read_place(struct reader *r, const struct where *at, const json_t *json,
    struct navigation_item *item)
{
	const struct where here = { at, "locationMapElementId", 0 };
	const char *id = read_text(r, at, json, "locationMapElementId");
	struct guid guid;

	if (id == NULL || id[0] == '\0' ||
	    need_guid(r, at, json, "locationMapElementId", &guid) == NULL ||
	    r->failed)
		return;
	item->to = flow_element(r->flow, &guid);
	if (item->to == NULL)
		reader_fail(r, &here, "%s is no map element of this flow", id);
}

static bool
read_items(struct reader *r, const struct where *at, const json_t *json,
    struct navigation_item **items, size_t *count, unsigned depth)
{
	const json_t *list = read_list(r, at, json, "navigationItems",
	    ITEMS_MAX);
	const struct where list_at = { at, "navigationItems", 0 };

	if (depth > NAVIGATION_DEPTH_MAX)
		return reader_fail(r, at, "items are nested more than %d deep",
		    NAVIGATION_DEPTH_MAX);
	*count = json_array_size(list);
	*items = arena_array(r->arena, *count, sizeof(**items));
	for (size_t i = 0; i < *count && !r->failed; i++) {
		const struct where here = { &list_at, NULL, i };
		struct navigation_item *item = &(*items)[i];

		item->json = json_array_get(list, i);
		item->id = need_guid(r, &here, item->json, "id",
		    &item->guid);
		item->name = read_text(r, &here, item->json,
		    "developerName");
		item->label = read_text(r, &here, item->json, "label");
		item->order = read_integer(r, &here, item->json, "order",
		    (int64_t)i);
		read_place(r, &here, item->json, item);
		if (!r->failed)
			read_items(r, &here, item->json, &item->children,
			    &item->nchildren, depth + 1);
	}
	return !r->failed;
}

bool
read_navigations(struct reader *r, const json_t *root)
{
	const json_t *list = read_list(r, NULL, root, "navigationElements",
	    NAVIGATIONS_MAX);
	const struct where at = { NULL, "navigationElements", 0 };
	struct flow *flow = r->flow;

	flow->nnavigations = json_array_size(list);
	flow->navigations = arena_array(r->arena, flow->nnavigations,
	    sizeof(*flow->navigations));
	for (size_t i = 0; i < flow->nnavigations && reader_goes_on(r); i++) {
		const struct where here = { &at, NULL, i };
		struct navigation *n = &flow->navigations[i];

		n->json = json_array_get(list, i);
		n->id = need_guid(r, &here, n->json, "id", &n->guid);
		n->name = read_text(r, &here, n->json, "developerName");
		n->label = read_text(r, &here, n->json, "label");
		if (!r->failed)
			read_items(r, &here, n->json, &n->items, &n->nitems,
			    0);
	}
	return !r->failed;
}

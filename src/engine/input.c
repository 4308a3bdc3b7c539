/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What was typed and chosen on the page where a run stands.
 */
#include "engine/object_index.h"
#include "engine/run.h"

/* The first that is said of each component: the list may be long, so it is
 * gone through once. */
static const json_t **
find_responses(struct run *run, const struct page *page, const json_t *list)
{
	const json_t **given = arena_array(run->arena, page->ncomponents,
	    sizeof(*given));

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *item = json_array_get(list, i);
		struct guid guid;

		if (!guid_of(&guid, json_string_value(json_object_get(item,
		    "pageComponentId"))))
			continue;
		for (size_t k = 0; k < page->ncomponents; k++)
			if (given[k] == NULL && guid_eq(&guid,
			    &page->components[k].guid))
				given[k] = item;
	}
	return given;
}

/* What the player had from us it says again; only where the cells of a table
 * are inputs does its word count. */
static json_t *
own_row(const json_t *shown, struct object_index *index, json_t *item,
    bool edited)
{
	size_t at = object_index_find(index, item);

	if (at == json_array_size(shown))
		return NULL;
	if (edited)
		json_object_del(item, OBJECT_UNCHANGED);
	return edited ? item : json_array_get(shown, at);
}

/* Rows of a table come with a mark on the selected ones. */
static void
take_objects(struct run *run, const struct page_component *c,
    const json_t *objects)
{
	const json_t *shown = c->list.value == NULL ? NULL :
	    run_objects(run, &c->list);
	struct object_index *index = object_index_new(shown);
	json_t *chosen = json_array();

	for (size_t i = 0; i < json_array_size(objects); i++) {
		json_t *item = json_array_get(objects, i);

		if (!json_is_object(item) ||
		    json_is_false(json_object_get(item, "isSelected")))
			continue;
		if (c->list.value != NULL)
			item = own_row(shown, index, item, c->edits_rows);
		/* An object holds one. */
		if (item != NULL && (c->binding.type == CONTENT_LIST ||
		    json_array_size(chosen) == 0))
			json_array_append(chosen, item);
	}
	object_index_free(&index);
	run_set_objects(run, &c->binding, chosen);
	json_decref(chosen);
}

/* The player sends text, other clients also plain JSON. */
static struct slice
content_of(struct run *run, const json_t *value)
{
	if (json_is_boolean(value))
		return json_is_true(value) ? SLICE("true") : SLICE("false");
	if (json_is_number(value))
		return slice_of(content_number(run->arena,
		    json_number_value(value)));
	return slice_of(json_string_value(value));
}

void
run_note_invalid(struct run *run, size_t component, const char *message)
{
	if (run->invalid == NULL)
		run->invalid = arena_array(run->arena,
		    run->at->page->ncomponents, sizeof(*run->invalid));
	run->invalid[component] = message;
}

static void
take_component(struct run *run, size_t i, const json_t *given)
{
	const struct page_component *c = &run->at->page->components[i];
	struct slice text;

	if (content_is_objects(c->binding.type)) {
		take_objects(run, c, json_object_get(given, "objectData"));
		return;
	}
	text = content_of(run, json_object_get(given, "contentValue"));
	if (content_valid(c->binding.type, text))
		run_set_text(run, &c->binding, text);
	else
		run_note_invalid(run, i, arena_printf(run->arena,
		    "This is not a valid %s", c->binding.type ==
		    CONTENT_NUMBER ? "number" : c->binding.type ==
		    CONTENT_BOOLEAN ? "choice" : "date"));
}

void
run_take_page(struct run *run, const json_t *list)
{
	const struct page *page = run->at->page;
	const struct page_view *view;
	const json_t **given;

	if (page == NULL)
		return;
	view = run_view(run);		/* as it was shown */
	given = find_responses(run, page, list);
	for (size_t i = 0; i < page->ncomponents; i++) {
		const struct page_component *c = &page->components[i];

		if (given[i] != NULL && c->binding.value != NULL &&
		    !c->binding.value->fixed && view->components[i].editable &&
		    view->components[i].enabled && view_shows(view, page, c))
			take_component(run, i, given[i]);
	}
	run->view = NULL;
	run_view(run);			/* what follows from it */
}

bool
run_check_page(struct run *run)
{
	const struct page *page = run->at->page;
	const struct page_view *view = page == NULL ? NULL : run_view(run);

	for (size_t i = 0; page != NULL && i < page->ncomponents; i++) {
		const struct page_component *c = &page->components[i];

		if (view->components[i].required &&
		    view_shows(view, page, c) && c->binding.value != NULL &&
		    (run->invalid == NULL || run->invalid[i] == NULL) &&
		    run_is_empty(run, &c->binding))
			run_note_invalid(run, i, "This field is required");
	}
	return run->invalid == NULL;
}

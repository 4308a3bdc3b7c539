/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Reading the pages of a snapshot: containers within containers, and the
 * components in them.
 */
#include "engine/reader.h"

enum { PAGES_MAX = 5000, PARTS_MAX = 1000 };

static const char *
text_or(const char *text, const char *fallback)
{
	return text == NULL ? fallback : text;
}

static bool
read_containers(struct reader *r, const struct where *at, const json_t *json,
    struct page *page, struct page_container *in, unsigned depth)
{
	struct page_container **containers = in == NULL ? &page->containers :
	    &in->children;
	size_t *count = in == NULL ? &page->ncontainers : &in->nchildren;
	const json_t *list = read_list(r, at, json, "pageContainers",
	    PARTS_MAX);
	const struct where list_at = { at, "pageContainers", 0 };

	*count = json_array_size(list);
	*containers = arena_array(r->arena, *count, sizeof(**containers));
	if (depth > CONTAINER_DEPTH_MAX)
		return reader_fail(r, at, "containers are nested more than %d "
		    "deep", CONTAINER_DEPTH_MAX);
	for (size_t i = 0; i < *count && !r->failed; i++) {
		const struct where here = { &list_at, NULL, i };
		const json_t *item = json_array_get(list, i);
		struct page_container *c = &(*containers)[i];

		c->id = need_guid(r, &here, item, "id", &c->guid);
		c->in = in;
		c->index = page->nparts++;
		c->name = text_or(read_text(r, &here, item, "developerName"),
		    "");
		c->label = read_text(r, &here, item, "label");
		c->kind = text_or(read_text(r, &here, item, "containerType"),
		    "VERTICAL_FLOW");
		c->order = read_integer(r, &here, item, "order", (int64_t)i);
		c->json = item;
		if (!r->failed)
			read_containers(r, &here, item, page, c, depth + 1);
	}
	return !r->failed;
}

/* By id, or by name as older snapshots do. */
static const struct page_container *
find_container(const struct page_container *list, size_t count,
    const char *text)
{
	struct guid wanted;
	bool by_id = guid_of(&wanted, text);

	for (size_t i = 0; i < count; i++) {
		const struct page_container *c = &list[i];

		if (by_id ? guid_eq(&c->guid, &wanted) :
		    strcmp(c->name, text) == 0)
			return c;
		c = find_container(c->children, c->nchildren, text);
		if (c != NULL)
			return c;
	}
	return NULL;
}

static bool
read_place(struct reader *r, const struct where *at, const json_t *json,
    const struct page *page, struct page_component *c)
{
	const char *text = read_text(r, at, json, "pageContainerId");
	const struct page_container *container;

	if (text == NULL)
		text = read_text(r, at, json, "pageContainerDeveloperName");
	if (text == NULL)
		return reader_fail(r, at, "pageContainerId: is missing");
	container = find_container(page->containers, page->ncontainers, text);
	if (container == NULL)
		return reader_fail(r, at, "pageContainerId: \"%s\" is no "
		    "container of this page", text);
	c->in = container;
	return true;
}

static bool
columns_are_edited(struct reader *r, const struct where *at,
    const json_t *json)
{
	const json_t *list = read_list(r, at, json, "columns", PARTS_MAX);

	for (size_t i = 0; i < json_array_size(list); i++)
		if (json_is_true(json_object_get(json_array_get(list, i),
		    "isEditable")))
			return true;
	return false;
}

static bool
read_component(struct reader *r, const struct where *at, const json_t *json,
    const struct page *page, struct page_component *c)
{
	const struct where files_at = { at, "fileDataRequest", 0 };
	const json_t *files;
	const struct where type_at = { at, "contentType", 0 };
	const char *type, *command;

	c->id = need_guid(r, at, json, "id", &c->guid);
	c->name = text_or(read_text(r, at, json, "developerName"), "");
	c->kind = need_text(r, at, json, "componentType");
	c->content = read_text(r, at, json, "content");
	c->required = read_bool(r, at, json, "isRequired", false);
	c->editable = read_bool(r, at, json, "isEditable", true);
	c->json = json;
	read_applied_ref(r, at, json, "valueElementValueBindingReferenceId",
	    &c->binding, &command);
	read_still_ref(r, at, json, "valueElementDataBindingReferenceId",
	    &c->list);
	c->edits_rows = columns_are_edited(r, at, json);
	c->type = c->binding.value == NULL ? CONTENT_STRING : c->binding.type;
	type = read_text(r, at, json, "contentType");
	if (type != NULL && type[0] != '\0' &&
	    !content_type_find(&c->type, slice_of(type)))
		return reader_fail(r, &type_at, "\"%s\" is no content type",
		    type);
	files = read_object(r, at, json, "fileDataRequest");
	if (files != NULL && !read_service_ref(r, &files_at, files,
	    "serviceElementId", &c->files))
		return false;
	return read_data_request(r, at, json, &c->data) &&
	    read_place(r, at, json, page, c);
}

static bool
read_page(struct reader *r, const struct where *at, const json_t *json,
    struct page *page)
{
	const struct where list_at = { at, "pageComponents", 0 };
	const json_t *list;

	page->id = need_guid(r, at, json, "id", &page->guid);
	page->label = read_text(r, at, json, "label");
	page->json = json;
	if (!read_containers(r, at, json, page, NULL, 0))
		return false;
	list = read_list(r, at, json, "pageComponents", PARTS_MAX);
	page->ncomponents = json_array_size(list);
	page->components = arena_array(r->arena, page->ncomponents,
	    sizeof(*page->components));
	for (size_t i = 0; i < page->ncomponents && !r->failed; i++) {
		const struct where here = { &list_at, NULL, i };

		read_component(r, &here, json_array_get(list, i), page,
		    &page->components[i]);
	}
	return !r->failed && read_conditions(r, at, json, page);
}

bool
read_pages(struct reader *r, const json_t *root)
{
	const json_t *list = read_list(r, NULL, root, "pageElements",
	    PAGES_MAX);
	const struct where at = { NULL, "pageElements", 0 };
	struct flow *flow = r->flow;

	flow->npages = json_array_size(list);
	flow->pages = arena_array(r->arena, flow->npages,
	    sizeof(*flow->pages));
	for (size_t i = 0; i < flow->npages && reader_goes_on(r); i++) {
		const struct where here = { &at, NULL, i };

		read_page(r, &here, json_array_get(list, i), &flow->pages[i]);
	}
	return !r->failed;
}

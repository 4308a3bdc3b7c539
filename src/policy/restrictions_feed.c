/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "policy/restrictions_feed.h"

#include <jansson.h>

#include "policy/guid.h"
#include "policy/restrictions_json.h"

static bool
read_number(const json_t *json, const char *name, uint64_t *number,
    struct err *err)
{
	const json_t *value = json_object_get(json, name);

	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return err_set(err, "%s: not a number", name);
	*number = (uint64_t)json_integer_value(value);
	return true;
}

static bool
read_page(struct feed_page *page, struct err *err)
{
	const json_t *changes = json_object_get(page->json, "changes");
	const char *epoch = json_string_value(json_object_get(page->json,
	    "epoch"));

	if (epoch == NULL || epoch[0] == '\0' ||
	    strlen(epoch) >= sizeof(page->epoch))
		return err_set(err, "epoch: no name");
	memcpy(page->epoch, epoch, strlen(epoch) + 1);
	if (!read_number(page->json, "revision", &page->revision, err) ||
	    !read_number(page->json, "newest", &page->newest, err))
		return false;
	if (page->newest < page->revision)
		return err_set(err, "revision: later than the newest");
	if (!json_is_array(changes))
		return err_set(err, "changes: not a list");
	page->changes = json_array_size(changes);
	return true;
}

bool
feed_page_open(struct feed_page *page, struct slice text, struct err *err)
{
	json_error_t at;

	memset(page, 0, sizeof(*page));
	page->json = json_loadb(text.p != NULL ? text.p : "", text.len,
	    JSON_REJECT_DUPLICATES, &at);
	if (page->json == NULL)
		return err_set(err, "line %d column %d: not JSON: %s", at.line,
		    at.column, at.text);
	if (read_page(page, err))
		return true;
	feed_page_close(page);
	return false;
}

static struct restriction_pair
nobody(struct arena *arena)
{
	return (struct restriction_pair){
	    arena_alloc(arena, sizeof(struct restriction)),
	    arena_alloc(arena, sizeof(struct restriction)) };
}

static bool
is_guid(const char *text)
{
	uint8_t bytes[16];

	return text != NULL && guid_parse(bytes, slice_of(text));
}

size_t
feed_page_apply(const struct feed_page *page, struct restrictions_edit *edit,
    struct arena *scratch)
{
	const json_t *changes = json_object_get(page->json, "changes");
	size_t bad = 0;

	for (size_t i = 0; i < page->changes; i++) {
		const json_t *change = json_array_get(changes, i);
		const json_t *flow = json_object_get(change, "flow");
		const char *tenant = json_string_value(json_object_get(change,
		    "tenant"));
		struct restriction_pair pair;
		struct err err;

		if (!is_guid(tenant) || (flow != NULL &&
		    !is_guid(json_string_value(flow)))) {
			bad++;
			continue;	/* nobody can be meant by it */
		}
		if (!restrictions_from_json(scratch, json_object_get(change,
		    "restrictions"), &pair, &err)) {
			bad++;
			pair = nobody(scratch);
		}
		restrictions_put(edit, tenant, json_string_value(flow), pair);
	}
	return bad;
}

void
feed_page_close(struct feed_page *page)
{
	json_decref(page->json);
	page->json = NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * /api/run/1/service (and the older /api/service/1): data and files that a
 * page asks a service for, page by page.  The player gives back the request
 * that it found in the page, with what its user looks for.  Its token says
 * which part of which state's page it is of; what is asked of which service
 * is the flow's to say, never the player's.
 */
#include <stdio.h>

#include "base/must.h"
#include "engine/engine_private.h"

enum { LIMIT_MAX = 1000, SEARCH_MAX = 1000 };

/* --- whose request it is ---------------------------------------------------------- */

static const struct page_component *
component_of(const struct run *run, const char *id)
{
	const struct page *page = run->at->page;
	struct guid guid;

	for (size_t i = 0; guid_of(&guid, id) && page != NULL &&
	    i < page->ncomponents; i++)
		if (guid_eq(&page->components[i].guid, &guid))
			return &page->components[i];
	return NULL;
}

/* The state that the token is of; answers and returns NULL if there is
 * none, or if it does not show that part any more. */
static struct run *
load_ticket(const struct call_ctx *c, struct arena *arena,
    const json_t *json, const struct page_component **component)
{
	struct callback ticket;
	struct run *run;

	if (!callback_token_read(&c->edition->keys, json_string_value(
	    json_object_get(json, "token")), &ticket) ||
	    !guid_eq(&ticket.tenant, &c->call->tenant)) {
		answer_sentence(c, 403, "The request is none that this engine "
		    "has put into a page");
		return NULL;
	}
	snprintf(c->call->names[0], sizeof(c->call->names[0]), "%s",
	    ticket.state);
	run = call_load(c, arena);
	if (run == NULL)
		return NULL;
	*component = run->done || run_is_guarded(run) ? NULL :
	    component_of(run, ticket.nonce);
	if (*component != NULL && view_shows(run_view(run), run->at->page,
	    *component))
		return run;
	answer_sentence(c, 400, "The page of the state has no such list any "
	    "more");
	run_fini(run);
	return NULL;
}

/* --- what the user looks for ------------------------------------------------------- */

static void
take_number(json_t *to, const json_t *from, const char *key, int64_t most)
{
	const json_t *n = json_object_get(from, key);

	if (json_is_integer(n) && json_integer_value(n) >= 0)
		json_object_set_new(to, key, json_integer(
		    json_integer_value(n) < most ? json_integer_value(n) :
		    most));
}

/* A field of the type, or nothing. */
static void
take_order(json_t *to, const json_t *from, const struct data_request *d)
{
	const char *name = json_string_value(json_object_get(from,
	    "orderByPropertyDeveloperName"));
	const char *direction = json_string_value(json_object_get(from,
	    "orderByDirectionType"));

	for (size_t i = 0; name != NULL && i < d->binding->nfields; i++) {
		const struct field_binding *f = &d->binding->fields[i];

		if (!slice_eq_nocase(slice_of(name), slice_of(f->field)) &&
		    !slice_eq_nocase(slice_of(name),
		    slice_of(f->property->name)))
			continue;
		json_object_set_new(to, "orderByPropertyDeveloperName",
		    json_string(f->field));
		json_object_set_new(to, "orderByDirectionType", json_string(
		    direction != NULL && slice_eq_nocase(slice_of(direction),
		    SLICE("DESC")) ? "DESC" : "ASC"));
		return;
	}
}

static void
take_filter(json_t *request, const json_t *given,
    const struct data_request *d)
{
	json_t *to = json_object_get(request, "listFilter");
	const json_t *from = json_object_get(given, "listFilter");
	const json_t *search = json_object_get(from, "search");

	take_number(to, from, "limit", LIMIT_MAX);
	take_number(to, from, "offset", INT32_MAX);
	if (json_is_string(search) &&
	    json_string_length(search) <= SEARCH_MAX)
		json_object_set(to, "search", (json_t *)(uintptr_t)search);
	if (d != NULL)
		take_order(to, from, d);
}

/* --- asking ----------------------------------------------------------------------- */

static void
answer_list(const struct call_ctx *c, const struct run *run, json_t *objects,
    const json_t *answer)
{
	answer_json(c, 200, json_pack("{s:n, s:o, s:b, s:O?, s:s}", "culture",
	    "objectData", objects, "hasMoreResults", json_is_true(
	    json_object_get(answer, "hasMoreResults")), "offsetToken",
	    json_object_get(answer, "offsetToken"), "stateId", run->id));
}

/* Data and files are read by the player as {message}, too; a sentence alone
 * is what all its versions show. */
static void
ask_one(const struct call_ctx *c, struct run *run, struct ask *one)
{
	call_services(run, one, 1);
	json_decref(one->body);
	one->body = NULL;
	if (one->end != ASK_ANSWERED)
		answer_sentence(c, 400, "%s", one->fault);
}

static void
ask_data(const struct call_ctx *c, struct run *run,
    const struct page_component *component, const json_t *json)
{
	const struct data_request *d = component->data;
	struct ask one = { .service = d->binding->service, .method = "POST",
	    .path = "/data", .body = data_request_json(run, d, NULL) };
	const json_t *objects;

	take_filter(one.body, json, d);
	ask_one(c, run, &one);
	if (one.end != ASK_ANSWERED)
		return;
	objects = json_object_get(one.answer, "objectData");
	answer_list(c, run, objects_in(run->flow, d->type, d->binding,
	    json_is_array(objects) ? objects : NULL), one.answer);
	json_decref(one.answer);
}

static void
ask_files(const struct call_ctx *c, struct run *run,
    const struct page_component *component, const json_t *json,
    const char *path)
{
	struct ask one = { .service = component->files, .method = "POST",
	    .path = path, .body = service_request(run, component->files,
	    NULL) };
	json_t *objects, *given = json_object_get(json, "objectData");

	json_object_set_new(one.body, "listFilter", json_object());
	if (json_is_array(given))
		json_object_set(one.body, "objectData", given);
	if (json_is_string(json_object_get(json, "resourcePath")))
		json_object_set(one.body, "resourcePath",
		    json_object_get(json, "resourcePath"));
	take_filter(one.body, json, NULL);
	ask_one(c, run, &one);
	if (one.end != ASK_ANSWERED)
		return;
	objects = json_object_get(one.answer, "objectData");
	answer_list(c, run, json_is_array(objects) ? json_incref(objects) :
	    json_array(), one.answer);
	json_decref(one.answer);
}

static void
with_ticket(const struct call_ctx *c, const char *files)
{
	json_t *json = call_json(c);
	const struct page_component *component;
	struct arena *arena;
	struct run *run;

	if (json == NULL)
		return;
	arena = arena_new(0);
	run = load_ticket(c, arena, json, &component);
	if (run != NULL) {
		if (files == NULL && component->data != NULL)
			ask_data(c, run, component, json);
		else if (files != NULL && component->files != NULL)
			ask_files(c, run, component, json, files);
		else
			answer_sentence(c, 400, "This part of the page shows "
			    "no %s of a service", files == NULL ? "data" :
			    "files");
		run_fini(run);
	}
	arena_free(&arena);
	json_decref(json);
}

void
call_data(const struct call_ctx *c)
{
	with_ticket(c, NULL);
}

void
call_files(const struct call_ctx *c)
{
	with_ticket(c, "/file");
}

void
call_delete_files(const struct call_ctx *c)
{
	with_ticket(c, "/file/delete");
}

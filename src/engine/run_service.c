/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * /api/run/1/service (and the older /api/service/1): data and files that a
 * page asks a service for, page by page.  The player gives back the request
 * that it found in the page, with what its user looks for.  Its token says
 * which part of which state's page it is of; what is asked of which service
 * is the flow's to say, never the player's.
 *
 * Files are kept by services alone: nothing of them stays here.  They pass
 * through, as objects (name, kind, address of the service's own) do.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/must.h"
#include "engine/engine_private.h"
#include "engine/json_text.h"
#include "http/multipart.h"

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
	*component = run->done ? NULL : component_of(run, ticket.nonce);
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

/* As the service has them. */
static void
answer_objects(const struct call_ctx *c, const struct run *run,
    const json_t *answer)
{
	json_t *objects = json_object_get(answer, "objectData");

	answer_list(c, run, json_is_array(objects) ? json_incref(objects) :
	    json_array(), answer);
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
	json_t *given = json_object_get(json, "objectData");

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
	answer_objects(c, run, one.answer);
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

/* --- uploads ----------------------------------------------------------------------- */

/* What the browser sent: the request, and files. */
struct upload {
	json_t		*request;
	struct multipart_part files[MULTIPART_PARTS_MAX];
	size_t		 nfiles;
};

static bool
read_upload(const struct call_ctx *c, struct upload *u)
{
	struct slice body = buf_all(&c->call->body);
	struct multipart m;
	struct multipart_part part;
	enum multipart_step step = MULTIPART_BAD;

	if (!multipart_init(&m, slice_of(c->call->content_type)))
		return false;
	while ((step = multipart_next(&m, body, &part)) == MULTIPART_PART) {
		if (slice_eq_nocase(part.name, SLICE("FileDataRequest"))) {
			if (u->request != NULL ||
			    json_is_too_much(part.content))
				return false;
			u->request = json_loadb(part.content.p,
			    part.content.len, 0, NULL);
		} else if (slice_eq_nocase(part.name, SLICE("FileData"))) {
			u->files[u->nfiles++] = part;
		}
	}
	return step == MULTIPART_END && json_is_object(u->request) &&
	    u->nfiles > 0;
}

/* A name or a type within quotes, or in a line of its own. */
static void
put_quiet(struct buf *out, struct slice text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.p[i] >= ' ' && text.p[i] != '"' &&
		    text.p[i] != '\\' && text.p[i] != 0x7f)
			buf_char(out, text.p[i]);
}

/* The same form, with our request in place of the player's.  A boundary of
 * random bits stands in no file. */
static void
write_upload(const struct upload *u, const json_t *request,
    const char *boundary, struct buf *out)
{
	char *text = json_dumps(request, JSON_COMPACT);

	must(text != NULL);
	buf_printf(out, "--%s\r\nContent-Disposition: form-data; "
	    "name=\"FileDataRequest\"\r\nContent-Type: application/json\r\n"
	    "\r\n%s\r\n", boundary, text);
	free(text);
	for (size_t i = 0; i < u->nfiles; i++) {
		const struct multipart_part *f = &u->files[i];

		buf_printf(out, "--%s\r\nContent-Disposition: form-data; "
		    "name=\"FileData\"; filename=\"", boundary);
		put_quiet(out, f->filename.p == NULL ? SLICE("file") :
		    f->filename);
		buf_text(out, "\"\r\nContent-Type: ");
		put_quiet(out, f->type.len == 0 ?
		    SLICE("application/octet-stream") : f->type);
		buf_text(out, "\r\n\r\n");
		buf_slice(out, f->content);
		buf_text(out, "\r\n");
	}
	buf_printf(out, "--%s--\r\n", boundary);
}

static void
pass_on(const struct call_ctx *c, struct run *run,
    const struct flow_service *service, const struct upload *u)
{
	json_t *request = service_request(run, service, NULL);
	struct ask one = { .service = service, .method = "POST",
	    .path = "/file/content" };
	struct buf body = { 0 };
	char boundary[GUID_TEXT];

	if (json_is_string(json_object_get(u->request, "resourcePath")))
		json_object_set(request, "resourcePath",
		    json_object_get(u->request, "resourcePath"));
	fresh_id(boundary);
	write_upload(u, request, boundary, &body);
	json_decref(request);
	one.raw = buf_all(&body);
	one.raw_type = arena_printf(run->arena,
	    "multipart/form-data; boundary=%s", boundary);
	ask_one(c, run, &one);
	buf_fini(&body);
	if (one.end != ASK_ANSWERED)
		return;
	answer_objects(c, run, one.answer);
	json_decref(one.answer);
}

void
call_upload(const struct call_ctx *c)
{
	struct arena *arena = arena_new(0);
	struct upload *u = arena_alloc(arena, sizeof(*u));
	const struct page_component *component;
	struct run *run;

	if (!read_upload(c, u)) {
		answer_sentence(c, 400, "An upload is multipart/form-data "
		    "with the parts FileDataRequest, in JSON, and FileData");
	} else if ((run = load_ticket(c, arena, u->request, &component)) !=
	    NULL) {
		if (component->files == NULL)
			answer_sentence(c, 400, "This part of the page takes "
			    "no files");
		else
			pass_on(c, run, component->files, u);
		run_fini(run);
	}
	json_decref(u->request);
	arena_free(&arena);
}

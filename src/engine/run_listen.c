/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * /api/run/1/state/{id}/listener: who wants to be told when the state's flow is
 * done (the one thing that there is to tell).  They are told once, after it
 * has been stored; one that cannot be reached then is not told again.
 */
#include <stdlib.h>

#include "base/fiber.h"
#include "base/log.h"
#include "base/must.h"
#include "engine/engine_private.h"
#include "engine/keeping.h"

enum { ATTEMPTS = 5, WATCHERS_MAX = 20, URI_MAX = 2000 };

/* --- changing the list ------------------------------------------------------------ */

/* What the change answers; NULL: it has answered itself, and nothing is to be
 * kept. */
typedef json_t *change_fn(const struct call_ctx *c, struct run *run,
    const json_t *json);

static enum store_end
change_once(const struct call_ctx *c, struct arena *arena,
    const json_t *json, change_fn *make)
{
	struct run *run = call_load(c, arena);
	enum store_end end = STORE_OK;
	json_t *answer;

	if (run == NULL)
		return STORE_OK;	/* answered */
	answer = make(c, run, json);
	if (answer != NULL) {
		call_stamp(c, run);
		end = keep_save(c, run);
		if (end == STORE_OK)
			answer_json(c, 200, answer);
		else
			json_decref(answer);
	}
	run_fini(run);
	return end;
}

static void
change(const struct call_ctx *c, const json_t *json, change_fn *make)
{
	enum store_end end = STORE_CONFLICT;
	struct turn turn;

	turn_take(c->engine, &turn, c->call->names[0]);
	for (int i = 0; i < ATTEMPTS && end == STORE_CONFLICT; i++) {
		struct arena *arena = arena_new(0);

		end = change_once(c, arena, json, make);
		arena_free(&arena);
	}
	turn_end(c->engine, &turn);
	if (end != STORE_OK)
		answer_store(c, end);
}

static json_t *
add(const struct call_ctx *c, struct run *run, const json_t *json)
{
	const char *uri = json_string_value(json_object_get(json,
	    "callbackUri"));
	const char *kind = json_string_value(json_object_get(json,
	    "listenType"));
	char id[GUID_TEXT];
	json_t *watcher;

	if (uri == NULL || strlen(uri) > URI_MAX || kind == NULL ||
	    !slice_eq_nocase(slice_of(kind), SLICE("DONE"))) {
		answer_sentence(c, 400, "A listener has a callbackUri and the "
		    "listenType DONE");
		return NULL;
	}
	if (run->done || json_array_size(run->watchers) >= WATCHERS_MAX) {
		answer_sentence(c, 400, "The state is done, or has as many "
		    "listeners as it may have");
		return NULL;
	}
	if (run->watchers == NULL) {
		run->watchers = json_array();
		json_array_append_new(run->kept, run->watchers);
	}
	fresh_id(id);
	watcher = json_pack("{s:s, s:s, s:s, s:s, s:O?}", "id", id,
	    "listenType", "DONE", "stateId", run->id, "callbackUri", uri,
	    "annotations", json_object_get(json, "annotations"));
	must(watcher != NULL);
	json_array_append(run->watchers, watcher);
	return watcher;
}

void
call_listen(const struct call_ctx *c)
{
	json_t *json = call_json(c);

	if (json != NULL)
		change(c, json, add);
	json_decref(json);
}

static json_t *
drop(const struct call_ctx *c, struct run *run, const json_t *json)
{
	(void)json;
	for (size_t i = 0; i < json_array_size(run->watchers); i++) {
		const char *id = json_string_value(json_object_get(
		    json_array_get(run->watchers, i), "id"));

		if (!slice_eq_nocase(slice_of(id),
		    slice_of(c->call->names[1])))
			continue;
		json_array_remove(run->watchers, i);
		return json_true();
	}
	answer_sentence(c, 404, "The state has no such listener");
	return NULL;
}

void
call_unlisten(const struct call_ctx *c)
{
	change(c, NULL, drop);
}

/* --- telling ----------------------------------------------------------------------- */

struct news {
	struct engine	*engine;
	struct edition	*edition;
	char		 tenant[GUID_TEXT];
	json_t		*watchers;
};

static void
tell(const struct news *news, const json_t *watcher)
{
	static const char *const fields[] = {
	    "Content-Type: application/json", NULL };
	const struct config_services *s =
	    &news->edition->generation->config->services;
	json_t *json = json_pack("{s:O, s:O?, s:s, s:s, s:s}", "stateId",
	    json_object_get(watcher, "stateId"), "annotations",
	    json_object_get(watcher, "annotations"), "tenantId", news->tenant,
	    "listenType", "DONE", "invokeType", "DONE");
	char *text = json_dumps(json, JSON_COMPACT);
	struct http_answer answer;

	must(text != NULL);
	http_ask(news->engine->http, &(struct http_request){
	    .method = "POST", .url = json_string_value(json_object_get(
	    watcher, "callbackUri")), .fields = fields,
	    .body = slice_of(text), .total_ms = s->timeout_ms,
	    .answer_bytes = s->answer_bytes }, &answer);
	if (answer.end != HTTP_ANSWERED || answer.status > 299)
		log_warn("a listener of a state could not be told: %s, "
		    "status %u", http_end_name(answer.end), answer.status);
	http_answer_fini(&answer);
	free(text);
	json_decref(json);
}

static void
tell_all(void *arg)
{
	struct news *news = arg;

	for (size_t i = 0; i < json_array_size(news->watchers); i++)
		tell(news, json_array_get(news->watchers, i));
	edition_release(&news->edition);
	json_decref(news->watchers);
	free(news);
}

/* On a fiber of its own, from the loop. */
static void
begin_telling(void *arg)
{
	fiber_start(tell_all, arg);
}

void
call_tell_done(const struct call_ctx *c, struct run *run)
{
	struct news *news;

	if (!run->done || json_array_size(run->watchers) == 0)
		return;
	news = xcalloc(1, sizeof(*news));
	news->engine = c->engine;
	news->edition = edition_hold(c->edition);
	guid_text(run->row.tenant, news->tenant);
	news->watchers = json_deep_copy(run->watchers);
	loop_post(c->engine->loop, begin_telling, news);
}

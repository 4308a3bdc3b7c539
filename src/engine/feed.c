/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What edges ask for: the restrictions that have changed since a revision,
 * and nothing else that the store's documents say.
 *
 *	GET /portolan/1/restrictions?since=17&wait=5000
 *
 *	{"epoch": "...", "revision": 19, "newest": 19, "changes": [
 *	    {"tenant": "...", "flow": "...", "restrictions": {...}}, ...]}
 *
 * revision is where to go on from; it is newest at the end.  Without a change
 * the answer waits that many milliseconds for one.  A revision counts within
 * an epoch alone: the life of one store.
 */
#include <stdlib.h>

#include "base/must.h"
#include "engine/build.h"

enum {
	AT_ONCE = 500,			/* documents */
	WAIT_MAX_MS = 30000,
};

/* NAME=NUMBER of a query, 0 without one. */
static uint64_t
query_number(const char *query, const char *name)
{
	struct slice rest = slice_of(query), pair;
	size_t len = strlen(name);
	uint64_t number = 0;

	while (slice_split(&rest, '&', &pair))
		if (pair.len > len && pair.p[len] == '=' &&
		    strncmp(pair.p, name, len) == 0 && !slice_to_u64(
		    (struct slice){ pair.p + len + 1, pair.len - len - 1 },
		    &number))
			number = 0;
	return number;
}

/* "TENANT/FLOW", or "TENANT". */
static void
add_change(json_t *changes, const struct store_doc *doc)
{
	bool flow = strcmp(doc->kind, "flow") == 0;
	const char *slash = strchr(doc->key, '/');
	json_t *body = NULL, *change, *restrictions;

	if ((!flow && strcmp(doc->kind, "tenant") != 0) ||
	    flow != (slash != NULL))
		return;
	if (!doc->deleted)
		body = json_loadb(doc->body.p, doc->body.len, 0, NULL);
	restrictions = json_object_get(body, "restrictions");
	if (!flow)
		restrictions = json_object_get(restrictions,
		    "flowRestrictions");
	change = json_pack("{s:s%, s:O?}", "tenant", doc->key,
	    flow ? (size_t)(slash - doc->key) : strlen(doc->key),
	    "restrictions", restrictions);
	must(change != NULL);
	if (flow)
		json_object_set_new(change, "flow", json_string(slash + 1));
	json_array_append_new(changes, change);
	json_decref(body);
}

/* --- what all have in common ------------------------------------------------------ */

static void
answer(const struct call_ctx *c, const struct feed *feed, uint64_t since,
    const struct await_docs *docs)
{
	uint64_t revision = docs->count > 0 ?
	    docs->list[docs->count - 1].revision : since;
	json_t *list = json_array();

	for (size_t i = 0; i < docs->count; i++)
		feed->add(list, &docs->list[i]);
	answer_json(c, 200, json_pack("{s:s, s:I, s:I, s:o}", "epoch",
	    metadata_epoch(c->engine->metadata), "revision",
	    (json_int_t)revision, "newest", (json_int_t)(docs->newest >
	    revision ? docs->newest : revision), feed->list, list));
}

void
call_answer_feed(const struct call_ctx *c, const struct feed *feed)
{
	uint64_t since = query_number(c->call->query, "since");
	uint64_t wait = query_number(c->call->query, "wait");
	struct arena *arena = arena_new(0);
	struct await_docs docs;
	enum store_end end;

	end = await_docs_since(c->engine->store, arena, since, AT_ONCE, &docs);
	if (end == STORE_OK && docs.count == 0 && wait > 0 &&
	    docs.newest <= since) {
		metadata_wait(c->engine->metadata, since,
		    wait < feed->wait_max_ms ? wait : feed->wait_max_ms);
		end = await_docs_since(c->engine->store, arena, since, AT_ONCE,
		    &docs);
	}
	if (end != STORE_OK)
		build_answer_end(c, end);
	else
		answer(c, feed, since, &docs);
	arena_free(&arena);
}

void
call_feed(const struct call_ctx *c)
{
	static const struct feed restrictions = { "changes", WAIT_MAX_MS,
	    add_change };

	call_answer_feed(c, &restrictions);
}

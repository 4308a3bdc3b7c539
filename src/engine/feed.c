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

enum { FEED_AT_ONCE = 500, FEED_WAIT_MAX_MS = 30000 };

uint64_t
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

static void
answer(const struct call_ctx *c, const struct store_doc *docs, size_t count,
    uint64_t since, uint64_t newest)
{
	json_t *changes = json_array();
	uint64_t revision = count > 0 ? docs[count - 1].revision : since;

	for (size_t i = 0; i < count; i++)
		add_change(changes, &docs[i]);
	if (newest < revision)
		newest = revision;
	answer_json(c, 200, json_pack("{s:s, s:I, s:I, s:o}", "epoch",
	    metadata_epoch(c->engine->metadata), "revision",
	    (json_int_t)revision, "newest", (json_int_t)newest, "changes",
	    changes));
}

void
call_feed(const struct call_ctx *c)
{
	uint64_t since = query_number(c->call->query, "since"), newest;
	uint64_t wait = query_number(c->call->query, "wait");
	struct arena *arena = arena_new(0);
	struct store_doc *docs;
	enum store_end end;
	size_t count;

	end = await_docs_since(c->engine->store, arena, since, FEED_AT_ONCE,
	    &docs, &count, &newest);
	if (end == STORE_OK && count == 0 && wait > 0 && newest <= since) {
		metadata_wait(c->engine->metadata, since,
		    wait < FEED_WAIT_MAX_MS ? wait : FEED_WAIT_MAX_MS);
		end = await_docs_since(c->engine->store, arena, since,
		    FEED_AT_ONCE, &docs, &count, &newest);
	}
	if (end != STORE_OK)
		build_answer_end(c, end);
	else
		answer(c, docs, count, since, newest);
	arena_free(&arena);
}

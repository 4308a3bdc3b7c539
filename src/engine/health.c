/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Whether this worker can serve.  The edges that probe it hear what stands
 * behind it as well, in fields that they keep: how its store and the store's
 * replication are, and what calls of tenants' own stores came to.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/must.h"
#include "engine/engine_private.h"
#include "engine/keeping.h"
#include "store/pair.h"

enum { PAIRS_MAX = 100 };		/* fields in a head have their limit */

static void
add_tenants_stores(const struct call_ctx *c, struct buf *fields)
{
	const struct external_way *way = keeping_way(c->engine->keeping);

	buf_printf(fields, "X-Portolan-Stores: %llu %llu %d\r\n",
	    way == NULL ? 0 : (unsigned long long)way->counts.calls,
	    way == NULL ? 0 : (unsigned long long)way->counts.failures,
	    way != NULL && !way->good);
}

/* What a server says may be anything, and this is to be a field's value. */
static void
add_visible(struct buf *fields, const char *text)
{
	for (; *text != '\0'; text++)
		buf_char(fields, *text >= ' ' && *text <= '~' ? *text : '?');
}

static void
add_store(struct buf *fields, const struct store_health *health, bool good)
{
	buf_printf(fields, "X-Portolan-Store: %d %llu %llu %llu %llu ", good,
	    (unsigned long long)health->cut,
	    (unsigned long long)health->conflicts,
	    (unsigned long long)health->claims,
	    (unsigned long long)health->forwards);
	add_visible(fields, good ? health->warning : health->trouble);
	buf_text(fields, "\r\n");
	for (size_t i = 0; i < health->npairs && i < PAIRS_MAX; i++) {
		buf_text(fields, "X-Portolan-Pair: ");
		store_pair_write(&health->pairs[i], fields);
		buf_text(fields, "\r\n");
	}
}

/* With what calls of tenants' own stores came to, and with how the store and
 * its replication are, for the edge's metrics and its readyz; nobody else gets
 * to see those fields. */
static void
answer_health(const struct call_ctx *c, json_t *json, bool good,
    const struct store_health *health)
{
	struct buf fields = { 0 };
	char *text = json_dumps(json, JSON_COMPACT);

	must(text != NULL);
	json_decref(json);
	buf_text(&fields, good ? "Cache-Control: no-store\r\n" :
	    "Cache-Control: no-store\r\nRetry-After: 1\r\n");
	add_tenants_stores(c, &fields);
	add_store(&fields, health, good);
	answer_page(c, good ? 200 : 503, "application/json",
	    buf_cstr(&fields), slice_of(text));
	buf_fini(&fields);
	free(text);
}

void
call_health(const struct call_ctx *c)
{
	struct store *store = c->engine->store;
	struct store_health health;
	uint64_t removed;
	bool good;

	store->ops->health(store, &health);
	good = health.good && health.ready;
	/* Nobody sends states to an engine that is ill: it has to find out by
	 * itself that it is well again, and this is a write like any other. */
	if (!good) {
		good = await_expire(store, (int64_t)clock_unix_ms(), 1,
		    &removed) == STORE_OK;
		store->ops->health(store, &health);
		good = good && health.good;
	}
	if (good && !metadata_is_ready(c->engine->metadata)) {
		answer_sentence(c, 503, "The metadata is being read");
		return;
	}
	answer_health(c, json_pack("{s:s, s:s, s:I}",
	    "status", good ? "ok" : "store unavailable",
	    "region", c->edition->region->id,
	    "flows", (json_int_t)flows_count(c->edition->flows)), good,
	    &health);
}

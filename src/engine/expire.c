/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * States whose time has come.  A tenant's own store deletes nothing by
 * itself, so what has expired is first deleted there, then here: the row is
 * what knows of it.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/fiber.h"
#include "base/log.h"
#include "engine/engine_private.h"
#include "engine/keeping.h"

enum {
	NOT_READY_MS = 500,
	EVERY_MS = 60000,
	/* Where tenants have stores, all their states are looked at. */
	EVERY_WITH_STORES_MS = 600000,
	AT_ONCE = 500,			/* states deleted in one commit */
	PAGE = 500,
};

/* The next page's place is in *cursor; false at the end. */
static bool
sweep_page(const struct call_ctx *c, struct arena *arena, int64_t now_ms,
    const char **cursor)
{
	struct store_query query = { .tenant = c->call->tenant.bytes,
	    .cursor = *cursor, .limit = PAGE };
	struct store_row *rows;
	size_t count;

	if (await_list(c->engine->store, arena, &query, &rows, &count,
	    cursor) != STORE_OK)
		return false;
	for (size_t i = 0; i < count && !c->engine->draining; i++)
		if (rows[i].expires_ms != 0 && rows[i].expires_ms <= now_ms)
			keep_remove_there(c, rows[i].id);
	return (*cursor)[0] != '\0' && !c->engine->draining;
}

static void
sweep_tenant(struct engine *e, const struct guid *tenant, int64_t now_ms)
{
	struct call *call = call_own(e, tenant);
	struct arena *arena = arena_new(0), *next;
	const char *cursor = NULL;

	while (sweep_page(&call->ctx, arena, now_ms, &cursor)) {
		next = arena_new(0);
		cursor = arena_strdup(next, cursor);
		arena_free(&arena);
		arena = next;
	}
	arena_free(&arena);
	call_own_free(call);
}

/* Whether there were any. */
static bool
sweep(struct engine *e, int64_t now_ms)
{
	struct guid *tenants;
	size_t count = metadata_keepers(e->metadata, &tenants);

	for (size_t i = 0; i < count && !e->draining; i++)
		sweep_tenant(e, &tenants[i], now_ms);
	free(tenants);
	return count > 0;
}

enum store_end
states_expire(struct engine *e, uint64_t *removed)
{
	int64_t now_ms = (int64_t)clock_unix_ms();
	enum store_end end;
	uint64_t some;

	*removed = 0;
	sweep(e, now_ms);
	do {
		end = e->draining ? STORE_UNAVAILABLE : await_expire(e->store,
		    now_ms, AT_ONCE, &some);
		*removed += end == STORE_OK ? some : 0;
	} while (end == STORE_OK && some == AT_ONCE);
	return end;
}

static void
expire(void *arg)
{
	struct engine *e = arg;
	struct store_health health;
	struct guid *tenants;
	uint64_t removed;
	bool stores;

	if (states_expire(e, &removed) != STORE_OK && !e->draining) {
		e->store->ops->health(e->store, &health);
		log_warn("states that expired are not deleted yet: %s",
		    health.trouble);
	}
	stores = metadata_keepers(e->metadata, &tenants) > 0;
	free(tenants);
	if (!e->draining)
		timer_set(e->loop, &e->expire, stores ?
		    EVERY_WITH_STORES_MS : EVERY_MS);
}

void
on_expire(struct timer *timer)
{
	struct engine *e = list_entry(timer, struct engine, expire);

	/* One worker of a region is enough. */
	if (e->options->number != 0 || e->draining)
		return;
	/* Who has stores is not known yet. */
	if (metadata_is_ready(e->metadata))
		fiber_start(expire, e);
	else
		timer_set(e->loop, timer, NOT_READY_MS);
}

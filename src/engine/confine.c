/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Each state's row says which regions may hold it, and that is what the store
 * copies it by.  When a restriction changes, the region where a state is at
 * home gives the row the new set: in batches, so that saves go on in between.
 *
 * Nothing is remembered of how far that has come.  Whoever was cut short looks
 * at all states when it starts again, which costs a look into an index for
 * each flow that has any; what is right already is not touched.  A second look
 * some seconds later finds what workers made who had not heard of the change,
 * and one every few minutes what came in with another region's states.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/fiber.h"
#include "base/log.h"
#include "base/must.h"
#include "engine/engine_private.h"

enum {
	BATCH = 100,			/* states in one transaction */
	WISHES_MAX = 1000,		/* beyond, all states are looked at */
	NOT_READY_MS = 500,
	KNOWN_WITHIN_MS = 2000,
	RETRY_MS = 1000,
	AGAIN_MS = 5000,
	EVERY_MS = 600000,
};

/* States that are to be looked at. */
struct wish {
	struct guid	 tenant, flow;
	bool		 all_flows;	/* of the tenant */
	bool		 second;
	uint64_t	 due_ms;
};

struct confiner {
	struct engine	*engine;
	struct timer	 timer;
	struct wish	*wishes;
	size_t		 count;
	uint64_t	 all_due_ms;
	bool		 all_again;	/* and once more some seconds later */
	bool		 running, stopped, troubled;
};

/* --- what is to be done --------------------------------------------------------- */

static void
wake(struct confiner *f, uint64_t ms)
{
	if (!f->running && !f->stopped)
		timer_set(f->engine->loop, &f->timer, ms);
}

static bool
same_wish(const struct wish *a, const struct wish *b)
{
	return guid_eq(&a->tenant, &b->tenant) && a->second == b->second &&
	    a->all_flows == b->all_flows && guid_eq(&a->flow, &b->flow);
}

static void
add(struct confiner *f, const struct wish *wish)
{
	for (size_t i = 0; i < f->count; i++)
		if (same_wish(&f->wishes[i], wish))
			return;
	if (f->count == WISHES_MAX) {
		f->count = 0;
		f->all_due_ms = 0;
		f->all_again = true;
		return;
	}
	f->wishes[f->count++] = *wish;
}

static void
on_bound(void *arg, const struct guid *tenant, const struct guid *flow)
{
	struct confiner *f = arg;
	struct wish wish = { .tenant = *tenant, .all_flows = flow == NULL };

	if (flow != NULL)
		wish.flow = *flow;
	add(f, &wish);
	wake(f, 0);
}

/* The next that is due. */
static bool
take(struct confiner *f, uint64_t now_ms, struct wish *wish)
{
	for (size_t i = 0; i < f->count; i++) {
		if (f->wishes[i].due_ms > now_ms)
			continue;
		*wish = f->wishes[i];
		f->wishes[i] = f->wishes[--f->count];
		return true;
	}
	return false;
}

static uint64_t
next_due_ms(const struct confiner *f)
{
	uint64_t due_ms = f->all_due_ms;

	for (size_t i = 0; i < f->count; i++)
		if (f->wishes[i].due_ms < due_ms)
			due_ms = f->wishes[i].due_ms;
	return due_ms;
}

/* --- doing it ----------------------------------------------------------------------- */

static void
tell(const struct call_ctx *c, const struct guid *flow, store_regions allowed,
    uint64_t states)
{
	const struct region_map *map = c->edition->generation->policy.map;
	struct buf names = { 0 };
	char id[GUID_TEXT];

	for (size_t i = 0; i < map->nregions; i++)
		if ((allowed >> map->regions[i].number & 1) != 0)
			buf_printf(&names, " %s", map->regions[i].id);
	log_info("restrictions: %llu states of tenant %s, flow %s, may be held "
	    "by%s", (unsigned long long)states, c->call->tenant_text,
	    guid_text(flow->bytes, id), allowed == STORE_ALL_REGIONS ?
	    " all regions" : names.len == 0 ? " none" : buf_cstr(&names));
	buf_fini(&names);
}

/* One region brings what is kept where it must not be any more: the first of
 * those that may, if each can.  The others do so with what they work on. */
static bool
brings(const struct call_ctx *c, store_regions allowed)
{
	const struct region_map *map = c->edition->generation->policy.map;
	store_regions here = (store_regions)1 << c->edition->region->number;

	if (allowed == STORE_ALL_REGIONS || (allowed & here) == 0)
		return false;
	for (size_t i = 0; i < map->nregions && !c->engine->store->parted; i++)
		if ((allowed & ((store_regions)1 << map->regions[i].number)) !=
		    0 && map->regions[i].number < c->edition->region->number)
			return false;
	return true;
}

/* A home that cannot be asked at the moment is asked with the next pass. */
static void
bring(const struct call_ctx *c, const struct store_query *query,
    store_regions allowed)
{
	struct store *store = c->engine->store;
	const struct store_token whatever = { 0, 0 };
	enum store_end end = STORE_OK;
	uint64_t states = 0;
	struct store_row *rows;
	size_t count = BATCH;

	while (count == BATCH && end == STORE_OK && !c->engine->draining) {
		struct arena *arena = arena_new(0);

		if (await_strays(store, arena, query, allowed, &rows,
		    &count) != STORE_OK)
			count = 0;
		for (size_t i = 0; i < count && end == STORE_OK &&
		    !c->engine->draining; i++) {
			end = await_restrict_to(store, rows[i].id, whatever,
			    allowed);
			states += end == STORE_OK;
		}
		arena_free(&arena);
	}
	if (states > 0)
		log_info("restrictions: %llu states of tenant %s are at home "
		    "here now, where they may be held",
		    (unsigned long long)states, c->call->tenant_text);
}

static enum store_end
confine_flow(struct engine *e, const struct guid *tenant,
    const struct guid *flow)
{
	struct call *call = call_own(e, tenant);
	const struct store_query query = { .tenant = call->tenant.bytes,
	    .flow = flow->bytes, .limit = BATCH };
	uint64_t changed = 0, states = 0;
	store_regions allowed;
	enum store_end end;

	do {
		/* It may have changed again meanwhile. */
		allowed = call_allowed(&call->ctx, flow);
		end = await_restrict_flow(e->store, &query, allowed,
		    &changed);
		states += end == STORE_OK ? changed : 0;
	} while (end == STORE_OK && changed == BATCH && !e->draining);
	if (states > 0)
		tell(&call->ctx, flow, allowed, states);
	if (end == STORE_OK && brings(&call->ctx, allowed))
		bring(&call->ctx, &query, allowed);
	call_own_free(call);
	return end;
}

/* tenant NULL: of all. */
static enum store_end
confine_flows(struct engine *e, const struct guid *of)
{
	struct guid tenant = { { 0 } }, flow = { { 0 } };
	enum store_end end;

	if (of != NULL)
		tenant = *of;
	while (!e->draining) {
		end = await_next_flow(e->store, tenant.bytes, flow.bytes);
		if (end == STORE_NOT_FOUND ||
		    (of != NULL && !guid_eq(&tenant, of)))
			return STORE_OK;
		if (end == STORE_OK)
			end = confine_flow(e, &tenant, &flow);
		if (end != STORE_OK)
			return end;
	}
	return STORE_OK;
}

static enum store_end
fulfil(struct confiner *f, struct wish *wish)
{
	enum store_end end = wish->all_flows ? confine_flows(f->engine,
	    &wish->tenant) : confine_flow(f->engine, &wish->tenant,
	    &wish->flow);

	if (end == STORE_OK && !wish->second) {
		wish->second = true;
		wish->due_ms = f->engine->loop->now_ms + AGAIN_MS;
		add(f, wish);
	}
	return end;
}

static enum store_end
fulfil_all(struct confiner *f)
{
	enum store_end end = confine_flows(f->engine, NULL);

	if (end == STORE_OK) {
		f->all_due_ms = f->engine->loop->now_ms + (f->all_again ?
		    AGAIN_MS : EVERY_MS);
		f->all_again = false;
	}
	return end;
}

static enum store_end
do_what_is_due(struct confiner *f)
{
	struct engine *e = f->engine;
	enum store_end end = STORE_OK;
	struct wish wish;

	/* What is being read counts when all of it has been. */
	metadata_wait(e->metadata, 0, KNOWN_WITHIN_MS);
	while (end == STORE_OK && !e->draining &&
	    take(f, e->loop->now_ms, &wish))
		end = fulfil(f, &wish);
	if (end == STORE_OK && f->all_due_ms <= e->loop->now_ms)
		end = fulfil_all(f);
	return end;
}

static void
run(void *arg)
{
	struct confiner *f = arg;
	enum store_end end = do_what_is_due(f);
	uint64_t now_ms = f->engine->loop->now_ms, due_ms;

	if (end != STORE_OK && !f->troubled && !f->engine->draining)
		log_warn("restrictions: the regions that may hold states "
		    "cannot be written at the moment: %s",
		    store_end_name(end));
	f->troubled = end != STORE_OK;
	if (f->troubled)
		f->all_due_ms = 0;	/* what was begun is done again */
	f->running = false;
	due_ms = next_due_ms(f);
	wake(f, f->troubled ? RETRY_MS : due_ms > now_ms ? due_ms - now_ms :
	    0);
}

static void
on_timer(struct timer *timer)
{
	struct confiner *f = list_entry(timer, struct confiner, timer);

	if (f->engine->draining)
		return;
	if (!metadata_is_ready(f->engine->metadata)) {
		wake(f, NOT_READY_MS);
		return;
	}
	f->running = true;
	fiber_start(run, f);
}

/* --- beginning and end ---------------------------------------------------------------- */

static void
on_taken_over(void *arg)
{
	confine_all(arg);
}

/* One worker of a region is enough. */
void
confine_start(struct engine *e)
{
	struct confiner *f;

	if (e->options->number != 0)
		return;
	f = xcalloc(1, sizeof(*f));
	f->engine = e;
	f->wishes = xcalloc(WISHES_MAX, sizeof(*f->wishes));
	f->all_again = true;
	timer_init(&f->timer, on_timer);
	e->confiner = f;
	metadata_on_bound(e->metadata, on_bound, f);
	e->store->taken_over = on_taken_over;
	e->store->arg = e;
	wake(f, 0);
}

void
confine_all(struct engine *e)
{
	struct confiner *f = e->confiner;

	if (f == NULL)
		return;
	f->all_due_ms = 0;
	f->all_again = true;
	wake(f, 0);
}

void
confine_stop(struct engine *e)
{
	struct confiner *f = e->confiner;

	if (f == NULL)
		return;
	f->stopped = true;
	timer_cancel(&f->timer);
}

void
confine_free(struct engine *e)
{
	struct confiner *f = e->confiner;

	e->confiner = NULL;
	if (f == NULL)
		return;
	timer_cancel(&f->timer);
	free(f->wishes);
	free(f);
}

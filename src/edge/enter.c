/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "edge/enter.h"

#include "base/hash.h"
#include "edge/request.h"

enum {
	LATE_MS = 32,			/* how exactly a wait ends */
	RETRY_BURST_S = 10,		/* of the least rate of repetitions */
};

#define NS_PER_US	1000

static const struct config_concurrency *
config_of(const struct edge_request *er)
{
	return &er->plan->config->concurrency;
}

/* --- places ----------------------------------------------------------------- */

static bool
take(_Atomic uint32_t *place, unsigned most, _Atomic uint32_t **held)
{
	if (atomic_fetch_add_explicit(place, 1, memory_order_relaxed) >=
	    most) {
		atomic_fetch_sub_explicit(place, 1, memory_order_relaxed);
		return false;
	}
	*held = place;
	return true;
}

/* True if there was one. */
static bool
give(_Atomic uint32_t **held)
{
	if (*held == NULL)
		return false;
	atomic_fetch_sub_explicit(*held, 1, memory_order_relaxed);
	*held = NULL;
	return true;
}

static bool
engine_has_room(const struct edge_request *er, unsigned index)
{
	unsigned most = config_of(er)->engine;

	return most == 0 || atomic_load_explicit(
	    &er->worker->shared->engines[index].count,
	    memory_order_relaxed) < most;
}

bool
enter_engine(struct edge_request *er, unsigned index)
{
	unsigned most = config_of(er)->engine;

	return most == 0 || take(&er->worker->shared->engines[index].count,
	    most, &er->entered.engine);
}

static bool
enter_region(struct edge_request *er)
{
	unsigned most = config_of(er)->region;

	return most == 0 || er->entered.region != NULL ||
	    take(&er->worker->shared->regions[er->decision.region].count,
	    most, &er->entered.region);
}

/* A tenant is counted where its clients come in. */
static bool
enter_tenant(struct edge_request *er)
{
	unsigned most = config_of(er)->tenant;

	if (most == 0 || er->over_link || !er->has_tenant ||
	    er->entered.tenant != NULL)
		return true;
	return tallies_take(er->worker->shared->tenants_active,
	    limit_tenant_key(er), most, &er->entered.tenant);
}

/* --- waiting ---------------------------------------------------------------- */

static bool
is_waiting(const struct edge_request *er)
{
	return er->entered.waits_for != LIMIT_NONE;
}

void
leave_queue(struct edge_request *er)
{
	struct worker *w = er->worker;

	if (!is_waiting(er))
		return;
	list_remove(&er->entered.node);
	atomic_fetch_sub_explicit(
	    &w->shared->waiting[er->entered.waits_for], 1,
	    memory_order_relaxed);
	er->entered.waits_for = LIMIT_NONE;
	er->times.queued_us += w->loop->now_us - er->entered.since_us;
	if (list_empty(&w->entry.waiting))
		atomic_store_explicit(&w->entry.hungry, false,
		    memory_order_relaxed);
}

static bool
refuse(struct edge_request *er, enum limit limit)
{
	count_one(&er->worker->counters.limited[limit]);
	er->limit = (uint8_t)limit;
	er->refusal = REFUSAL_OVERLOAD;
	return false;
}

bool
enter_queue(struct edge_request *er, enum limit limit)
{
	const struct config_concurrency *c = config_of(er);
	struct worker *w = er->worker;
	struct loop *loop = w->loop;
	struct entered *e = &er->entered;

	if (e->until_ms == 0)
		e->until_ms = loop->now_ms + c->wait_ms;
	if (loop->now_ms >= e->until_ms)
		return refuse(er, limit);
	if (atomic_fetch_add_explicit(&w->shared->waiting[limit], 1,
	    memory_order_relaxed) >= c->queue) {
		atomic_fetch_sub_explicit(&w->shared->waiting[limit], 1,
		    memory_order_relaxed);
		return refuse(er, limit);
	}
	count_one(&w->counters.queued[limit]);
	e->waits_for = (uint8_t)limit;
	e->since_us = loop->now_us;
	list_append(&w->entry.waiting, &e->node);
	atomic_store_explicit(&w->entry.hungry, true, memory_order_relaxed);
	if (!timer_is_set(&w->entry.late))
		timer_set(loop, &w->entry.late, LATE_MS);
	/* What came of its body is kept, and no more comes meanwhile; that
	 * it is sent resumes it. */
	if (er->request->has_body && !er->body_last && !er->client_paused) {
		er->client_paused = true;
		request_pause(er->request);
	}
	return true;
}

/* Whether it would get what it waits for, if it tried. */
static bool
may_try(const struct edge_request *er)
{
	const struct config_concurrency *c = config_of(er);
	const struct backend_group *group =
	    &er->plan->backends.regions[er->decision.region];

	switch ((enum limit)er->entered.waits_for) {
	case LIMIT_REGION_REQUESTS:
		return c->region == 0 || atomic_load_explicit(
		    &er->worker->shared->regions[er->decision.region].count,
		    memory_order_relaxed) < c->region;
	case LIMIT_ENGINE_REQUESTS:
		for (unsigned i = 0; i < group->count; i++)
			if (engine_has_room(er, group->list[i]->index))
				return true;
		return false;
	default:
		return true;
	}
}

static struct edge_request *
request_of(struct list *node)
{
	return list_entry(node, struct edge_request, entered.node);
}

/* For a tenant's place it must be tried: it may be back at the queue's end
 * then, so that each is looked at once. */
static void
on_wake(struct task *task)
{
	struct entry *entry = list_entry(task, struct entry, wake);
	struct list turn;

	list_init(&turn);
	while (!list_empty(&entry->waiting))
		list_append(&turn, list_pop(&entry->waiting));
	while (!list_empty(&turn)) {
		struct list *node = list_pop(&turn);
		struct edge_request *er = request_of(node);

		list_append(&entry->waiting, node);
		if (!may_try(er) || (er->entered.waits_for ==
		    LIMIT_TENANT_REQUESTS && !enter_tenant(er)))
			continue;
		leave_queue(er);
		edge_request_run(er);
	}
	atomic_store_explicit(&entry->hungry, !list_empty(&entry->waiting),
	    memory_order_relaxed);
}

static void
on_poked(void *arg)
{
	struct worker *w = arg;

	atomic_store(&w->entry.poked, false);
	on_wake(&w->entry.wake);
}

/* A place is free; somebody may wait for it, here or there. */
static void
wake(struct worker *w)
{
	struct shared *s = w->shared;

	if (!list_empty(&w->entry.waiting)) {
		task_set(w->loop, &w->entry.wake);
		return;
	}
	for (unsigned i = 1; i < s->nworkers; i++) {
		struct worker *other = s->workers[(w->number + i) %
		    s->nworkers];

		if (!atomic_load_explicit(&other->entry.hungry,
		    memory_order_relaxed))
			continue;
		if (!atomic_exchange(&other->entry.poked, true))
			loop_post(other->loop, on_poked, other);
		return;
	}
}

static void
on_late(struct timer *timer)
{
	struct entry *entry = list_entry(timer, struct entry, late);
	struct worker *w = list_entry(entry, struct worker, entry);

	list_each(node, &entry->waiting) {
		struct edge_request *er = request_of(node);
		enum limit limit = (enum limit)er->entered.waits_for;

		if (er->entered.until_ms > w->loop->now_ms)
			continue;
		leave_queue(er);
		refuse(er, limit);
		record_ender(er, 'R');
		edge_request_refuse(er, REFUSAL_OVERLOAD);
	}
	/* In case that the word of a free place went to somebody who could
	 * not use it. */
	if (!list_empty(&entry->waiting)) {
		task_set(w->loop, &entry->wake);
		timer_set(w->loop, timer, LATE_MS);
	}
}

void
entry_init(struct worker *w)
{
	list_init(&w->entry.waiting);
	task_init(&w->entry.wake, on_wake);
	timer_init(&w->entry.late, on_late);
}

/* --- descriptors ------------------------------------------------------------- */

static void
drop_idle(void *arg)
{
	struct worker *w = arg;

	atomic_store(&w->entry.dropping, false);
	pools_drop_idle(w->pools);
}

bool
enter_spare_descriptors(struct worker *w)
{
	struct shared *s = w->shared;

	for (unsigned i = 0; i < s->nworkers; i++)
		if (s->workers[i] != w &&
		    !atomic_exchange(&s->workers[i]->entry.dropping, true))
			loop_post(s->workers[i]->loop, drop_idle,
			    s->workers[i]);
	return pools_drop_idle(w->pools) > 0;
}

bool
enter_descriptors(struct edge_request *er)
{
	enter_spare_descriptors(er->worker);
	return enter_queue(er, LIMIT_DESCRIPTORS);
}

/* --- bodies that are held back ------------------------------------------------ */

bool
enter_held(struct edge_request *er, size_t bytes)
{
	_Atomic uint64_t *held = &er->worker->shared->held_bytes;
	uint64_t most = er->plan->config->limits.held_bytes;

	er->entered.held_bytes += bytes;
	if (atomic_fetch_add_explicit(held, bytes, memory_order_relaxed) +
	    bytes <= most)
		return true;
	return refuse(er, LIMIT_HELD_BYTES);
}

/* --- the step --------------------------------------------------------------- */

static void
count_out(struct edge_request *er)
{
	struct entry *entry = &er->worker->entry;
	struct entered *e = &er->entered;

	if (e->in < 0)
		return;
	count_add(&entry->active[e->in], (uint64_t)-1);
	if (e->retrying)
		count_add(&entry->retrying[e->in], (uint64_t)-1);
	e->retrying = false;
	e->in = -1;
}

static void
count_in(struct edge_request *er)
{
	struct entered *e = &er->entered;

	if (e->in == (int8_t)er->decision.region)
		return;
	count_out(er);
	if (give(&e->region))
		wake(er->worker);
	e->in = (int8_t)er->decision.region;
	count_one(&er->worker->entry.active[e->in]);
}

/* What is not runtime can wait. */
static bool
is_shed(const struct edge_request *er)
{
	uint8_t pressure = atomic_load_explicit(&er->worker->shared->pressure,
	    memory_order_relaxed);

	return pressure >= PRESSURE_SHED_CENTRAL &&
	    (pressure >= PRESSURE_SHED_ALL ||
	    er->decision.path_class != PATH_RUNTIME);
}

enum step_end
step_enter(struct edge_request *er)
{
	enum limit limit;

	if (is_shed(er)) {
		refuse(er, (enum limit)atomic_load(
		    &er->worker->shared->pressed_by));
		record_ender(er, 'R');
		return STEP_ANSWER;
	}
	count_in(er);
	if (!enter_tenant(er))
		limit = LIMIT_TENANT_REQUESTS;
	else if (!enter_region(er))
		limit = LIMIT_REGION_REQUESTS;
	else
		return STEP_NEXT;
	if (enter_queue(er, limit))
		return STEP_WAIT;
	record_ender(er, 'R');
	return STEP_ANSWER;
}

/* --- repetitions ------------------------------------------------------------ */

static uint64_t
sum(const struct shared *s, unsigned region, size_t offset)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < s->nworkers; i++)
		n += count_read((_Atomic uint64_t *)(void *)((char *)
		    &s->workers[i]->entry + offset) + region);
	return n;
}

uint64_t
entry_active(const struct shared *shared, unsigned region)
{
	return sum(shared, region, offsetof(struct entry, active));
}

static uint64_t
entry_retrying(const struct shared *shared, unsigned region)
{
	return sum(shared, region, offsetof(struct entry, retrying));
}

/* A few are always free, or nothing could be repeated where little is done. */
static bool
has_free_one(struct edge_request *er, unsigned region)
{
	unsigned rate = er->plan->config->limits.retry_rate;
	struct bucket_rule rule = bucket_rule_of(rate, rate * RETRY_BURST_S);
	uint64_t wait_ns;

	return rate > 0 && buckets_take(er->worker->shared->retries,
	    (uint64_t)region << 32, &rule, er->worker->loop->now_us *
	    NS_PER_US, &wait_ns);
}

bool
enter_again(struct edge_request *er)
{
	struct entered *e = &er->entered;
	const struct shared *s = er->worker->shared;
	unsigned region = er->decision.region;
	double share = er->plan->config->limits.retry_share;

	if ((double)entry_retrying(s, region) >=
	    share * (double)entry_active(s, region) &&
	    !has_free_one(er, region)) {
		count_one(&er->worker->counters.retries_refused);
		return false;
	}
	if (!e->retrying && e->in >= 0)
		count_one(&er->worker->entry.retrying[e->in]);
	e->retrying = e->in >= 0;
	return true;
}

/* --- the end ---------------------------------------------------------------- */

void
leave_engine(struct edge_request *er)
{
	if (give(&er->entered.engine))
		wake(er->worker);
}

void
leave_all(struct edge_request *er)
{
	struct entered *e = &er->entered;
	bool freed = e->tenant != NULL;

	leave_queue(er);
	count_out(er);
	if (e->held_bytes > 0)
		atomic_fetch_sub_explicit(&er->worker->shared->held_bytes,
		    e->held_bytes, memory_order_relaxed);
	e->held_bytes = 0;
	tally_give(&e->tenant);
	freed |= give(&e->engine);
	freed |= give(&e->region);
	if (freed)
		wake(er->worker);
}

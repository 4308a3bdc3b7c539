/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "edge/plan.h"

static void
write_lines(struct plan *p)
{
	const struct region_map *map = p->generation->policy.map;
	static const char *const versions[3] = { "1.0", "1.1", "2" };
	const char *via = p->config->via;

	p->pseudonym = slice_of(arena_strdup(p->arena, via));
	for (int i = 0; i < 3; i++)
		p->via[i] = slice_of(arena_printf(p->arena, "%s %s",
		    versions[i], via));
	for (unsigned i = 0; i < map->nregions; i++)
		p->region_ids[i] = slice_of(map->regions[i].id);
}

/* A service that was to log and cannot must not begin to serve: its lines are
 * evidence. */
static bool
take_logs(struct plan *p, struct err *err)
{
	const struct config_access *to = &p->config->trace.collector;

	if (!access_logs_take(&p->logs, p->arena, p->writers.lines, p->config,
	    err))
		return err_wrap(err, "%s: the service's user cannot write its "
		    "log", p->config->file);
	if (p->config->log.audit.to != NULL) {
		p->audit = log_sink_take(p->writers.lines,
		    &p->config->log.audit, err);
		if (p->audit == NULL)
			return err_wrap(err, "%s: log.audit",
			    p->config->file);
	}
	if (to->to != NULL)
		p->collector = log_sink_take(p->writers.spans, to, err);
	return to->to == NULL || p->collector != NULL;
}

struct plan *
plan_new(struct generation *generation, struct upstreams *upstreams,
    struct listenings *listenings, const struct plan_writers *writers,
    struct err *err)
{
	struct arena *arena = arena_new(4096);
	struct plan *p = arena_alloc(arena, sizeof(*p));

	p->arena = arena;
	p->generation = generation;
	p->config = generation->config;
	p->db_epoch = geo_table_epoch(generation->policy.geo);
	p->workers = listenings->workers;
	p->client_rule = bucket_rule_of(p->config->rates.client.rate,
	    p->config->rates.client.burst);
	p->tenant_rule = bucket_rule_of(p->config->rates.tenant.rate,
	    p->config->rates.tenant.burst);
	p->writers = *writers;
	atomic_init(&p->current_ms, generation->restrictions_read_ms);
	write_lines(p);
	if (!backends_find(&p->backends, arena, generation, upstreams, err)) {
		generation_free(&generation);
		arena_free(&arena);
		return NULL;
	}
	if (!take_logs(p, err)) {
		plan_free(&p, upstreams);
		return NULL;
	}
	if (!listenings_open(listenings, p->config, p->listening, err)) {
		plan_free(&p, upstreams);
		return NULL;
	}
	atomic_init(&p->up, backends_up(&p->backends).bits);
	return p;
}

struct plan *
plan_with(struct plan *base, const struct restrictions *set,
    uint64_t current_ms)
{
	struct arena *arena = arena_new(4096);
	struct plan *p = arena_alloc(arena, sizeof(*p));

	atomic_fetch_add(&base->generation->holders, 1);
	memcpy(p, base, sizeof(*p));
	p->arena = arena;
	p->base = base;
	p->set = restrictions_hold(set);
	p->generation = arena_alloc(arena, sizeof(*p->generation));
	memcpy(p->generation, base->generation, sizeof(*p->generation));
	p->generation->policy.restrictions = set;
	atomic_init(&p->generation->holders, 1);
	atomic_init(&p->current_ms, current_ms);
	return p;
}

void
plan_free(struct plan **plan, struct upstreams *upstreams)
{
	struct plan *p = *plan;
	struct arena *arena = p->arena;

	*plan = NULL;
	if (p->base != NULL) {
		restrictions_release(&p->set);
		arena_free(&arena);
		return;
	}
	backends_release(&p->backends, upstreams);
	access_logs_release(&p->logs, p->writers.lines);
	if (p->audit != NULL)
		log_sink_release(p->writers.lines, p->audit);
	if (p->collector != NULL)
		log_sink_release(p->writers.spans, p->collector);
	generation_free(&p->generation);
	arena_free(&arena);
}

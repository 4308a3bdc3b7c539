/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What the control socket tells of the state of things: /readyz for machines
 * that ask yes or no, /status for people and tools.
 */
#include "base/clock.h"
#include "edge/stores.h"

enum { MS_PER_S = 1000 };

/* --- readiness ---------------------------------------------------------------- */

static bool
own_region_is_up(const struct edge *edge)
{
	return region_set_has(plan_up(edge->plan),
	    edge->plan->generation->policy.self);
}

static bool
database_is_old(const struct edge *edge)
{
	const struct config_geo *geo = &edge->plan->config->geo;
	uint64_t built_ms = edge->plan->db_epoch * MS_PER_S;
	uint64_t now_ms = clock_unix_ms();

	return geo->database != NULL && geo->max_age_ms > 0 &&
	    now_ms > built_ms && now_ms - built_ms > geo->max_age_ms;
}

static const struct override *
own_override(const struct edge *edge)
{
	return overrides_find(&edge->overrides, edge->plan->config->region);
}

/* Clients had better come in elsewhere. */
static bool
own_region_is_wanted(const struct edge *edge)
{
	const struct override *word = own_override(edge);

	return word == NULL || word->kind == OVERRIDE_UP;
}

const char *
edge_not_ready(const struct edge *edge)
{
	if (edge->draining)
		return "draining";
	if (!own_region_is_wanted(edge))
		return own_override(edge)->kind == OVERRIDE_DOWN ?
		    "this region is down by an operator's word" :
		    "this region is drained by an operator's word";
	if (!own_region_is_up(edge))
		return "no engine of this region is up";
	if (database_is_old(edge) &&
	    edge->plan->config->geo.unready_when_old)
		return "the geo database is older than geo.max_age";
	if (plan_is_stale(edge->plan, edge->loop->now_ms))
		return "the restrictions are older than policy.max_staleness";
	return NULL;
}

/* Of this region: the panic that an ejection would be. */
static bool
none_is_kept(const struct edge *edge)
{
	const struct backend_group *g = &edge->plan->backends.regions[
	    edge->plan->generation->policy.self];

	for (unsigned i = 0; i < g->count; i++)
		if (upstream_is_kept(g->list[i], clock_ms()))
			return false;
	return true;
}

static void
check(struct buf *out, const char *name, bool good)
{
	buf_printf(out, "[%c] %s\n", good ? '+' : '-', name);
}

static bool
stores_answer(const struct edge *edge)
{
	const struct backends *b = &edge->plan->backends;

	for (size_t i = 0; i < b->count; i++)
		if (atomic_load(&b->all[i]->store_fails))
			return false;
	return true;
}

void
edge_ready_write(const struct edge *edge, struct buf *out)
{
	check(out, "configuration", edge->last_good);
	check(out, "not draining", !edge->draining);
	check(out, "no operator's word against this region",
	    own_region_is_wanted(edge));
	check(out, "engines of this region", own_region_is_up(edge));
	check(out, "no overload", edge->memory_pressure <
	    PRESSURE_SHED_CENTRAL && edge->descriptor_pressure <
	    PRESSURE_SHED_CENTRAL);
	check(out, "no engine is kept though it fails", none_is_kept(edge));
	check(out, "age of the geo database", !database_is_old(edge));
	check(out, "the geo database's file is in service",
	    edge->plan->generation->database_held == NULL);
	check(out, "restrictions are current", !plan_is_stale(edge->plan,
	    edge->loop->now_ms));
	/* Theirs to mend: it does not take the region out of service. */
	check(out, "tenants' own stores, as last called", stores_answer(edge));
	stores_write(edge, out);
	for (size_t i = 0; i < edge->overrides.count; i++) {
		buf_printf(out, "region %s: ", edge->overrides.list[i].region);
		override_text(&edge->overrides.list[i], out);
		buf_char(out, '\n');
	}
	buf_printf(out, "%s\n", edge_not_ready(edge) == NULL ? "ready" :
	    "not ready");
}

/* --- status --------------------------------------------------------------------- */

static void
write_time(struct buf *out, const char *name, uint64_t unix_ms)
{
	char text[CLOCK_TEXT_MAX];

	buf_printf(out, "\"%s\":\"%s\",", name, clock_text(unix_ms, text));
}

static void
write_upstream(struct buf *out, struct upstream *u)
{
	buf_text(out, "{\"name\":");
	buf_json(out, slice_of(u->name));
	buf_printf(out, ",\"link\":%s,\"weight\":%u,\"health\":\"%s\","
	    "\"requests\":%llu,\"errors\":%llu}",
	    u->spec.link ? "true" : "false", u->spec.weight,
	    health_name((enum health)atomic_load(&u->health)),
	    (unsigned long long)atomic_load(&u->requests),
	    (unsigned long long)atomic_load(&u->errors));
}

static void
write_region(const struct edge *edge, struct buf *out, unsigned region)
{
	const struct backend_group *g =
	    &edge->plan->backends.regions[region];
	const struct override *word = overrides_find(&edge->overrides,
	    edge->plan->region_ids[region].p);

	buf_text(out, "{\"id\":");
	buf_json(out, edge->plan->region_ids[region]);
	buf_printf(out, ",\"own\":%s,\"up\":%s,",
	    region == edge->plan->generation->policy.self ? "true" : "false",
	    region_set_has(plan_up(edge->plan), region) ? "true" : "false");
	if (word != NULL) {
		buf_text(out, "\"by_operator\":");
		override_json(word, out);
		buf_char(out, ',');
	}
	buf_text(out, "\"upstreams\":[");
	for (unsigned i = 0; i < g->count; i++) {
		buf_text(out, i > 0 ? "," : "");
		write_upstream(out, g->list[i]);
	}
	buf_text(out, "]}");
}

static void
write_worker(struct buf *out, struct worker *w)
{
	buf_printf(out, "{\"number\":%u,\"connections\":%llu,"
	    "\"accepted\":%llu,\"requests\":%llu}", w->number,
	    (unsigned long long)count_read(&w->counters.connections),
	    (unsigned long long)count_read(&w->counters.accepted),
	    (unsigned long long)count_read(&w->counters.served));
}

static void
write_generation(const struct edge *edge, struct buf *out)
{
	const struct generation *g = edge->plan->generation;
	char text[CLOCK_TEXT_MAX];

	buf_printf(out, "\"generation\":{\"id\":%llu,\"loaded\":\"%s\","
	    "\"restrictions_revision\":%llu,",
	    (unsigned long long)g->id, clock_text(g->loaded_unix_ms, text),
	    (unsigned long long)restrictions_revision(
	    g->policy.restrictions));
	if (edge->plan->db_epoch != 0)
		write_time(out, "database_built",
		    edge->plan->db_epoch * MS_PER_S);
	if (g->database_held != NULL) {
		buf_text(out, "\"database_held\":");
		buf_json(out, slice_of(g->database_held));
		buf_char(out, ',');
	}
	buf_printf(out, "\"geo_table_bytes\":%zu},",
	    geo_table_bytes(g->policy.geo));
}

void
edge_status_write(const struct edge *edge, struct buf *out)
{
	const char *why = edge_not_ready(edge);

	buf_printf(out, "{\"version\":\"%s\",\"region\":\"%s\",",
	    PORTOLAN_VERSION, edge->plan->config->region);
	write_time(out, "started", edge->began_unix_ms);
	buf_text(out, "\"sandbox\":");
	buf_json(out, slice_of(edge->sandbox));
	buf_char(out, ',');
	buf_printf(out, "\"ready\":%s,\"draining\":%s,",
	    why == NULL ? "true" : "false", edge->draining ? "true" :
	    "false");
	if (why != NULL)
		buf_printf(out, "\"not_ready\":\"%s\",", why);
	write_generation(edge, out);
	buf_printf(out, "\"last_reload\":{\"good\":%s,",
	    edge->last_good ? "true" : "false");
	write_time(out, "published", edge->last_unix_ms);
	buf_printf(out, "\"reloads\":%llu,\"failed\":%llu},\"regions\":[",
	    (unsigned long long)edge->reloads_good,
	    (unsigned long long)edge->reloads_bad);
	for (unsigned i = 0; i < edge->plan->backends.nregions; i++) {
		buf_text(out, i > 0 ? "," : "");
		write_region(edge, out, i);
	}
	buf_text(out, "],\"workers\":[");
	for (unsigned i = 0; i < edge->nworkers; i++) {
		buf_text(out, i > 0 ? "," : "");
		write_worker(out, edge->workers[i]);
	}
	buf_text(out, "]}\n");
}

/* --- the last bad requests --------------------------------------------------------- */

void
edge_errors_write(const struct edge *edge, struct buf *out)
{
	const char *between = "";

	buf_text(out, "{\"listeners\":[");
	list_each(node, &edge->listenings.all) {
		struct listening *l = list_entry(node, struct listening, node);

		buf_printf(out, "%s{\"name\":", between);
		buf_json(out, slice_of(l->name));
		buf_printf(out, ",\"gone\":%s,", l->gone ? "true" : "false");
		bad_requests_write(l->bad, out);
		buf_char(out, '}');
		between = ",";
	}
	buf_text(out, "]}\n");
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "edge/backends.h"

#include <stdio.h>

#include "base/must.h"

/* The list of specifications while it is made. */
struct listing {
	const struct config *config;
	const struct region_map *map;
	struct upstream_spec *specs;
	size_t		 count, room;
	unsigned	 per_region[REGIONS_MAX];
	struct tls_context *engine_client;
};

static struct upstream_spec *
add(struct listing *l, unsigned region, unsigned weight)
{
	struct upstream_spec *spec;

	must(l->count < l->room);
	spec = &l->specs[l->count++];
	l->per_region[region]++;
	spec->weight = weight;
	memcpy(spec->region, l->map->regions[region].id, sizeof(spec->region));
	return spec;
}

/* The sockets that our own engine workers listen on. */
static bool
add_embedded(struct listing *l, unsigned self, struct err *err)
{
	for (unsigned i = 0; i < l->config->engines.embedded; i++) {
		struct upstream_spec *spec = add(l, self, 1);
		char text[sizeof(spec->endpoint.name) + 64];

		snprintf(text, sizeof(text), "unix:%s/engine-%s-%u.sock",
		    l->config->run_dir, l->config->region, i);
		if (!endpoint_parse(&spec->endpoint, slice_of(text)))
			return err_set(err, "%s: too long for a UNIX socket; "
			    "choose a shorter run_dir", text);
	}
	return true;
}

static bool
add_engines(struct listing *l, unsigned self, struct err *err)
{
	const struct region *region = &l->map->regions[self];

	if (l->config->engines.embedded > 0)
		return add_embedded(l, self, err);
	for (size_t i = 0; i < region->nengines; i++) {
		const struct region_engine *engine = &region->engines[i];
		struct upstream_spec *spec = add(l, self, engine->weight);

		if (!endpoint_parse(&spec->endpoint, slice_of(engine->url)))
			return err_set(err, "%s:%u: %s is no engine's address",
			    engine->at.file, engine->at.line, engine->url);
		spec->proxy = engine->proxy;
		if (!spec->endpoint.tls || l->engine_client == NULL)
			continue;
		spec->tls = l->engine_client;
		spec->named = l->config->engines.tls.server_name != NULL;
	}
	return true;
}

static void
add_peers(struct listing *l, unsigned self)
{
	for (size_t i = 0; i < l->config->link.npeers; i++) {
		const struct config_peer *peer = &l->config->link.peers[i];
		int region = region_find(l->map, slice_of(peer->region));

		if (region < 0 || (unsigned)region == self)
			continue;	/* conf has warned */
		for (size_t k = 0; k < peer->naddresses; k++) {
			struct upstream_spec *spec = add(l, (unsigned)region,
			    1);

			spec->endpoint = peer->addresses[k];
			spec->endpoint.tls = true;
			spec->link = true;
		}
	}
}

static size_t
room_for(const struct config *config, const struct region *self)
{
	size_t n = config->engines.embedded + self->nengines;

	for (size_t i = 0; i < config->link.npeers; i++)
		n += config->link.peers[i].naddresses;
	return n;
}

/* found stands in the order of the specifications; regions want their own. */
static void
group(struct backends *b, struct arena *arena, const struct listing *l,
    struct upstream **found)
{
	size_t at = 0;

	b->count = l->count;
	b->nregions = l->map->nregions;
	b->all = arena_array(arena, l->count, sizeof(struct upstream *));
	for (unsigned r = 0; r < b->nregions; r++) {
		struct backend_group *g = &b->regions[r];

		g->list = b->all + at;
		for (size_t i = 0; i < l->count; i++)
			if (strcmp(l->specs[i].region,
			    l->map->regions[r].id) == 0)
				g->list[g->count++] = found[i];
		must(g->count == l->per_region[r]);
		at += g->count;
	}
	must(at == l->count);
}

bool
backends_find(struct backends *backends, struct arena *arena,
    const struct generation *generation, struct upstreams *upstreams,
    struct err *err)
{
	const struct config *config = generation->config;
	unsigned self = generation->policy.self;
	struct listing l = { .config = config, .map = generation->policy.map,
	    .engine_client = generation->engine_client };
	const struct probe_spec probe = {
		.path = config->engines.probe_path,
		.interval_ms = config->engines.probe_interval_ms,
		.timeout_ms = config->engines.probe_timeout_ms,
		.rise = config->engines.rise, .fall = config->engines.fall,
		.accept_unnamed = config->engines.accept_unnamed,
		.eject_failures = config->engines.eject_failures,
		.eject_ms = config->engines.eject_ms,
		.eject_most = config->engines.eject_most,
	};
	struct upstream **found;

	memset(backends, 0, sizeof(*backends));
	l.room = room_for(config, &l.map->regions[self]);
	l.specs = arena_array(arena, l.room, sizeof(*l.specs));
	found = arena_array(arena, l.room, sizeof(struct upstream *));
	if (!add_engines(&l, self, err))
		return false;
	add_peers(&l, self);
	if (!upstreams_apply(upstreams, &(struct upstream_set){ l.specs,
	    l.count, &probe, generation->link_client }, found, err))
		return false;
	group(backends, arena, &l, found);
	return true;
}

void
backends_release(struct backends *backends, struct upstreams *upstreams)
{
	upstreams_release(upstreams, backends->all, backends->count);
	memset(backends, 0, sizeof(*backends));
}

struct region_set
backends_up(const struct backends *backends)
{
	struct region_set up = { 0 };

	for (unsigned r = 0; r < backends->nregions; r++) {
		const struct backend_group *g = &backends->regions[r];

		for (unsigned i = 0; i < g->count; i++)
			if (upstream_is_up(g->list[i])) {
				region_set_add(&up, r);
				break;
			}
	}
	return up;
}

bool
backends_known(const struct backends *backends)
{
	for (size_t i = 0; i < backends->count; i++)
		if (atomic_load_explicit(&backends->all[i]->health,
		    memory_order_relaxed) == HEALTH_UNKNOWN)
			return false;
	return true;
}

/* Weights are finer than whole numbers while one grows into its own. */
enum { FINE = 64 };

static uint32_t
weight_of(struct upstream *u, const struct backend_wish *wish)
{
	uint64_t back_ms, weight = (uint64_t)u->spec.weight * FINE, now;

	if (wish->slow_start_ms == 0)
		return u->spec.weight;
	back_ms = atomic_load_explicit(&u->back_ms, memory_order_relaxed);
	if (back_ms == 0 || wish->now_ms >= back_ms + wish->slow_start_ms)
		return (uint32_t)weight;
	now = wish->now_ms > back_ms ? wish->now_ms - back_ms : 0;
	weight = weight * now / wish->slow_start_ms;
	return weight == 0 ? 1 : (uint32_t)weight;
}

static int
pick(const struct backend_group *group, const struct backend_wish *wish,
    bool down_too, const struct pools *pools, struct balance_random *random)
{
	struct balance_choice choices[BALANCE_MAX];
	unsigned count = group->count < BALANCE_MAX ? group->count :
	    BALANCE_MAX;
	uint64_t usable = 0;

	for (unsigned i = 0; i < count; i++) {
		struct upstream *u = group->list[i];

		if ((wish->skip >> i & 1) != 0 ||
		    (!down_too && !upstream_is_up(u)))
			continue;
		usable |= UINT64_C(1) << i;
		choices[i] = (struct balance_choice){ weight_of(u, wish),
		    pools_outstanding(pools, u), u->name_hash };
	}
	/* Those that are not usable are not looked at. */
	if (usable == 0)
		return -1;
	return wish->key != 0 ?
	    balance_by_key(choices, count, usable, wish->key) :
	    balance_pick(choices, count, usable, random);
}

int
backends_pick(const struct backend_group *group,
    const struct backend_wish *wish, const struct pools *pools,
    struct balance_random *random)
{
	int picked = pick(group, wish, false, pools, random);

	return picked < 0 && wish->forced ? pick(group, wish, true, pools,
	    random) : picked;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What restrictions let a call do: the second guard, behind the edge's.  And
 * whose a state is, where users log in.
 */
#include "base/log.h"
#include "engine/engine_private.h"
#include "policy/state_id.h"

/* What binds: the file's restrictions, those that were made by the API, and
 * those that stand in a flow of the directory.  All must permit. */
enum { SOURCES = 5 };

/* A flow, as far as it is known: by its id, or by a state's. */
struct meant {
	const struct guid *id;		/* NULL: whichever has the tag */
	uint32_t	 tag;
};

static struct restriction_hit
find(const struct call_ctx *c, const struct restrictions *set,
    const struct meant *flow)
{
	struct slice tenant = slice_of(c->call->tenant_text);
	char id[GUID_TEXT];

	return flow->id == NULL ?
	    restrictions_find_tag(set, tenant, flow->tag) :
	    restrictions_find(set, tenant,
	    slice_of(guid_text(flow->id->bytes, id)));
}

static void
what_binds(const struct call_ctx *c, const struct meant *flow,
    struct restriction_pair own, struct restriction_pair pairs[SOURCES])
{
	const struct restrictions *sets[] = {
		c->edition->generation->policy.restrictions,
		metadata_restrictions(c->engine->metadata),
	};

	for (size_t i = 0; i < 2; i++) {
		struct restriction_hit hit = find(c, sets[i], flow);

		pairs[2 * i] = hit.tenant;
		pairs[2 * i + 1] = hit.flow;
	}
	pairs[SOURCES - 1] = own;
}

static bool
permit_region(const struct restriction_pair pairs[SOURCES],
    const struct region *region)
{
	for (size_t i = 0; i < SOURCES; i++)
		if (!restriction_permits_region(pairs[i].execution, region))
			return false;
	return true;
}

/* --- which regions may hold states -------------------------------------------------- */

static store_regions
bit_of(const struct region *region)
{
	return (store_regions)1 << region->number;
}

/* A set that is restricted never grows by itself, when the map does. */
static store_regions
permitted(const struct call_ctx *c, const struct meant *flow,
    struct restriction_pair own)
{
	const struct region_map *map = c->edition->generation->policy.map;
	struct restriction_pair pairs[SOURCES];
	store_regions regions = 0;
	bool bound = false;

	what_binds(c, flow, own, pairs);
	for (size_t i = 0; i < SOURCES; i++)
		bound |= pairs[i].execution != NULL;
	if (!bound)
		return STORE_ALL_REGIONS;
	for (size_t i = 0; i < map->nregions; i++)
		if (permit_region(pairs, &map->regions[i]))
			regions |= bit_of(&map->regions[i]);
	return regions;
}

static bool
is_meant(const struct call_ctx *c, const struct flow *f,
    const struct meant *flow)
{
	if (flow->id != NULL)
		return guid_eq(&f->guid, flow->id);
	return f->restrictions.execution != NULL && flow_tag(
	    c->edition->generation->config->policy.tag_key,
	    slice_of(c->call->tenant_text), slice_of(f->id)) == flow->tag;
}

static store_regions
allowed(const struct call_ctx *c, const struct meant *flow)
{
	const struct flows *directory = c->edition->flows;
	store_regions regions = permitted(c, flow,
	    (struct restriction_pair){ NULL, NULL });

	for (size_t i = 0; i < flows_count(directory); i++) {
		const struct flow *f = flows_at(directory, i);

		if (is_meant(c, f, flow))
			regions &= permitted(c, flow, f->restrictions);
	}
	return regions == 0 ? STORE_NO_REGIONS : regions;
}

store_regions
call_allowed(const struct call_ctx *c, const struct guid *flow)
{
	return allowed(c, &(struct meant){ .id = flow });
}

store_regions
call_allowed_state(const struct call_ctx *c, const uint8_t state[16])
{
	struct state_id id;
	char text[GUID_TEXT];

	if (!state_id_parse(&id, slice_of(guid_text(state, text))))
		return STORE_ALL_REGIONS;
	return allowed(c, &(struct meant){ .tag = id.tag });
}

/* Of the flow and of those that run it. */
static store_regions
allowed_of_run(const struct call_ctx *c, const struct run *run)
{
	store_regions regions = call_allowed(c, &run->flow->guid);

	for (const struct frame *f = run->up; f != NULL; f = f->up)
		regions &= call_allowed(c, &f->flow->guid);
	return regions;
}

void
call_confine_run(const struct call_ctx *c, struct run *run)
{
	run->row.allowed &= allowed_of_run(c, run);
}

/* --- whether a flow may run here ---------------------------------------------------- */

unsigned
call_may(const struct call_ctx *c, const struct flow *flow,
    const char **sentence)
{
	struct restriction_pair pairs[SOURCES];
	const char *nobody;

	if (sentence == NULL)
		sentence = &nobody;
	what_binds(c, &(struct meant){ .id = &flow->guid }, flow->restrictions,
	    pairs);
	*sentence = "The flow you are trying to run cannot be executed in "
	    "this region";
	if (!permit_region(pairs, c->edition->region))
		return 421;
	/* A service, or a directory: it is the user's place that counts, and
	 * the user's own requests are looked at. */
	if (c->call->callback)
		return 0;
	*sentence = "The flow you are trying to run cannot be accessed from "
	    "your current location";
	for (size_t i = 0; i < SOURCES; i++)
		if (!restriction_permits_place(pairs[i].access,
		    c->call->place))
			return 403;
	return 0;
}

/* The platform's audit event, in the log: the edge, which refuses nearly all
 * that is refused, keeps its own. */
static void
log_denied(const struct call_ctx *c, const struct flow *flow,
    unsigned status)
{
	static struct log_rate rate;
	struct buf name = { 0 };
	uint32_t suppressed;

	if (!log_rate_allows(&rate, 100, &suppressed))
		return;
	buf_json(&name, slice_of(flow->name));
	log_info("{\"type\":\"flow.restriction.denied\",\"tenant\":{"
	    "\"id\":\"%s\"},\"flow\":{\"id\":\"%s\",\"developerName\":%s,"
	    "\"version\":\"%s\"},\"data\":{\"source\":\"flow\","
	    "\"country\":\"%s\",\"continent\":\"%s\","
	    "\"restrictionType\":\"%s\"}} suppressed=%u",
	    c->call->tenant_text, flow->id, buf_cstr(&name), flow->version,
	    country_code(c->call->place.country), continent_code(
	    (enum continent)c->call->place.continent),
	    status == 403 ? "access" : "execution", suppressed);
	buf_fini(&name);
}

bool
call_admit(const struct call_ctx *c, const struct flow *flow)
{
	const char *sentence;
	unsigned status = call_may(c, flow, &sentence);

	if (status != 0) {
		log_denied(c, flow, status);
		answer_sentence(c, status, "%s", sentence);
	}
	return status == 0;
}

/* What shows a page tells by itself where to log in, and nothing more. */
static bool
admit_user(const struct call_ctx *c, struct run *run)
{
	if (!c->call->for_user || !run_is_guarded(run))
		return true;
	answer_sentence(c, 401, "You are not authorized to access this "
	    "content");
	return false;
}

bool
call_admit_run(const struct call_ctx *c, struct run *run)
{
	for (const struct frame *f = run->up; f != NULL; f = f->up)
		if (!call_admit(c, f->flow))
			return false;
	return call_admit(c, run->flow) && admit_user(c, run);
}

unsigned
call_may_run(const struct run *run, const struct flow *flow,
    const char **sentence)
{
	const struct call_ctx *c = run->ask_arg;
	unsigned status = call_may(c, flow, sentence);

	/* The state is held by the regions of the flow that began it. */
	if (status == 0 && (call_allowed(c, &run_root(run)->guid) &
	    ~call_allowed(c, &flow->guid)) != 0) {
		*sentence = "A subflow may be executed in fewer regions than "
		    "the flow that runs it, whose states are kept in all of "
		    "its own: give that flow the same restriction";
		status = 403;
	}
	return status;
}

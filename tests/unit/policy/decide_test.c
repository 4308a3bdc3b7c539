/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "world.h"

static struct world six, three;

/*
 * Tenants and flows of the tables below.  e: execution, a: access; the tenant
 * "tu" has no flow of its own.
 */
static const struct {
	const char	*tenant, *flow, *access, *execution;
} restricted[] = {
	{ "tu", NULL, NULL, "*EU" },		/* the Union: EU alone */
	{ "te", NULL, NULL, "+EU" },		/* the continent: EU and GB */
	{ "te", "fgb", NULL, "GB" },
	{ "te", "fde", NULL, "DE" },
	{ "ts", "fsz", "SZ", NULL },		/* Eswatini */
	{ "ts", "fch", "CH", NULL },
	{ "tx", NULL, "DE FR", NULL },
	{ "tx", "fnone", "", NULL },		/* enabled, and permits nobody */
	{ "tj", "fjp", NULL, "JP" },		/* no region there */
	{ "tc", "fca", NULL, "CA" },
	{ "tc", "fau", NULL, "AU SG" },
	{ "td", "f1", NULL, "GB" },		/* nothing permits both */
	{ "td", "f2", NULL, "AU" },
};

static void
restrict_world(struct world *w)
{
	struct restrictions_builder *b = restrictions_begin(w->arena,
	    world_key);

	for (size_t i = 0; i < sizeof(restricted) / sizeof(restricted[0]); i++)
		assert_true(restrictions_add(b, restricted[i].tenant,
		    restricted[i].flow, world_pair(w->arena,
		    restricted[i].access, restricted[i].execution)));
	world_restrict(w, b);
}

static int
set_up(void **state)
{
	(void)state;
	world_open(&six, "tests/data/region-map-6.yaml");
	world_open(&three, "tests/data/region-map-3.yaml");
	restrict_world(&six);
	restrict_world(&three);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	world_close(&six);
	world_close(&three);
	return 0;
}

/* "US map chosen, CA fallback spare": what stands in a decision. */
static const char *
trail(const struct world *w, const struct decision *d, char text[512])
{
	size_t used = 0;

	text[0] = '\0';
	for (uint8_t i = 0; i < d->ncandidates; i++)
		used += (size_t)snprintf(text + used, 512 - used, "%s%s %s %s",
		    i > 0 ? ", " : "", w->map->regions[d->candidates[i].region].id,
		    candidate_origin_name(d->candidates[i].origin),
		    candidate_fate_name(d->candidates[i].fate));
	return text;
}

static struct addr
client_of(const char *where)
{
	struct addr a = { .family = ADDR_NONE };

	if (where[0] == '\0')
		return a;
	return addr_parse(&a, slice_of(where)) ? a : world_addr(where);
}

struct row {
	const char	*host, *path, *client;	/* country, address or "" */
	const char	*tenant, *flow;
	enum flow_knowledge knowledge;
	const char	*down;
	enum outcome	 outcome;
	const char	*region;	/* or NULL */
};

static void
check(struct world *w, const struct row *row)
{
	struct facts facts = {
		.host = slice_of(row->host), .path = slice_of(row->path),
		.client = client_of(row->client),
		.tenant = slice_of(row->tenant), .flow = slice_of(row->flow),
		.knowledge = row->knowledge,
	};
	struct region_set up = world_without(w, row->down);
	struct decision d;
	char text[512];

	decide(&w->policy, up, &facts, &d);
	if (d.outcome != row->outcome || (row->region != NULL &&
	    strcmp(w->map->regions[d.region].id, row->region) != 0))
		fail_msg("%s %s from %s, tenant %s flow %s, down %s: %s (%s)",
		    row->host, row->path, row->client,
		    row->tenant != NULL ? row->tenant : "-",
		    row->flow != NULL ? row->flow : "-", row->down,
		    outcome_name(d.outcome), trail(w, &d, text));
	assert_non_null(d.hit.list);
	if (d.outcome == OUTCOME_FORWARD)
		assert_true(region_set_has(d.allowed, d.region) &&
		    region_set_has(up, d.region));
}

#define GLOBAL "flow.example.com"
#define RUN "/api/run/1"

static void
steps_in_their_order(void **state)
{
	static const struct row rows[] = {
		/* host */
		{ GLOBAL, RUN, "GB", NULL, NULL, FLOW_NOT_NEEDED, "",
		    OUTCOME_FORWARD, "GB" },
		{ "evil.example.com", RUN, "GB", NULL, NULL, FLOW_NOT_NEEDED,
		    "", OUTCOME_MISDIRECTED, NULL },
		{ "au.flow.example.com", RUN, "GB", NULL, NULL,
		    FLOW_NOT_NEEDED, "", OUTCOME_FORWARD, "AU" },
		{ "au.flow.example.com", "/api/draw/1/flow", "GB", NULL, NULL,
		    FLOW_NOT_NEEDED, "", OUTCOME_FORWARD, "AU" },
		{ "build.example.com", RUN, "GB", NULL, NULL, FLOW_NOT_NEEDED,
		    "", OUTCOME_FORWARD, "US" },
		/* path */
		{ GLOBAL, "/api/draw/1/flow", "GB", NULL, NULL,
		    FLOW_NOT_NEEDED, "", OUTCOME_FORWARD, "US" },
		{ GLOBAL, "/api/run;v=2/1", "GB", NULL, NULL, FLOW_NOT_NEEDED,
		    "", OUTCOME_BAD_PATH, NULL },
		/* place */
		{ GLOBAL, RUN, "", NULL, NULL, FLOW_NOT_NEEDED, "",
		    OUTCOME_FORWARD, "US" },
		{ GLOBAL, RUN, "192.168.1.1", NULL, NULL, FLOW_NOT_NEEDED, "",
		    OUTCOME_FORWARD, "US" },
		{ GLOBAL, RUN, "GL", NULL, NULL, FLOW_NOT_NEEDED, "",
		    OUTCOME_FORWARD, "CA" },
		/* access */
		{ GLOBAL, RUN, "SZ", "ts", "fsz", FLOW_BY_ID, "",
		    OUTCOME_FORWARD, "EU" },
		{ GLOBAL, RUN, "CH", "ts", "fsz", FLOW_BY_ID, "",
		    OUTCOME_ACCESS_DENIED, NULL },
		{ GLOBAL, RUN, "192.168.1.1", "ts", "fsz", FLOW_BY_ID, "",
		    OUTCOME_ACCESS_DENIED, NULL },
		{ GLOBAL, RUN, "", "ts", "fsz", FLOW_BY_ID, "",
		    OUTCOME_ACCESS_DENIED, NULL },
		{ GLOBAL, RUN, "CH", "ts", "other", FLOW_BY_ID, "",
		    OUTCOME_FORWARD, "EU" },
		{ GLOBAL, RUN, "SZ", "ts", NULL, FLOW_UNKNOWN, "",
		    OUTCOME_FLOW_NOT_FOUND, NULL },	/* some flow refuses */
		{ GLOBAL, RUN, "SZ", "ts", NULL, FLOW_EXEMPT_UNKNOWN, "",
		    OUTCOME_FORWARD, "EU" },
		{ GLOBAL, RUN, "ES", "tx", "other", FLOW_BY_ID, "",
		    OUTCOME_ACCESS_DENIED, NULL },
		{ GLOBAL, RUN, "ES", "tx", NULL, FLOW_UNKNOWN, "",
		    OUTCOME_ACCESS_DENIED, NULL },	/* the tenant itself */
		{ GLOBAL, RUN, "FR", "tx", "other", FLOW_BY_ID, "",
		    OUTCOME_FORWARD, "EU" },
		{ GLOBAL, RUN, "FR", "tx", "fnone", FLOW_BY_ID, "",
		    OUTCOME_ACCESS_DENIED, NULL },
		/* build-time metadata is bound by nothing */
		{ GLOBAL, "/api/draw/1", "ES", "tx", NULL, FLOW_NOT_NEEDED, "",
		    OUTCOME_FORWARD, "US" },
		/* execution */
		{ GLOBAL, RUN, "US", "tu", NULL, FLOW_NOT_NEEDED, "",
		    OUTCOME_FORWARD, "EU" },
		{ GLOBAL, RUN, "US", "te", NULL, FLOW_NOT_NEEDED, "",
		    OUTCOME_FORWARD, "GB" },	/* first in US's fallback */
		{ GLOBAL, RUN, "US", "te", "fde", FLOW_BY_ID, "",
		    OUTCOME_FORWARD, "EU" },
		{ "gb.flow.example.com", RUN, "GB", "tu", NULL,
		    FLOW_NOT_NEEDED, "", OUTCOME_EXECUTION_DENIED, NULL },
		{ "build.example.com", RUN, "GB", "tu", NULL,
		    FLOW_NOT_NEEDED, "", OUTCOME_EXECUTION_DENIED, NULL },
		{ "gb.flow.example.com", "/api/draw/1", "GB", "tu", NULL,
		    FLOW_NOT_NEEDED, "", OUTCOME_FORWARD, "GB" },
		{ GLOBAL, RUN, "GB", "tj", "fjp", FLOW_BY_ID, "",
		    OUTCOME_RESIDENCY_UNAVAILABLE, NULL },
		{ GLOBAL, RUN, "GB", "td", NULL, FLOW_UNKNOWN, "",
		    OUTCOME_FLOW_NOT_FOUND, NULL },
		{ GLOBAL, RUN, "GB", "te", NULL, FLOW_UNKNOWN, "",
		    OUTCOME_FLOW_NOT_FOUND, NULL },
		{ "gb.flow.example.com", RUN, "GB", "tc", NULL, FLOW_UNKNOWN,
		    "", OUTCOME_FLOW_NOT_FOUND, NULL },
		{ "gb.flow.example.com", RUN, "GB", "tu", NULL, FLOW_UNKNOWN,
		    "", OUTCOME_EXECUTION_DENIED, NULL },
		/* health */
		{ GLOBAL, RUN, "GB", NULL, NULL, FLOW_NOT_NEEDED, "GB",
		    OUTCOME_FORWARD, "EU" },
		{ GLOBAL, RUN, "GB", NULL, NULL, FLOW_NOT_NEEDED, "GB,EU,US",
		    OUTCOME_FORWARD, "CA" },
		{ GLOBAL, RUN, "GB", NULL, NULL, FLOW_NOT_NEEDED,
		    "US,CA,EU,GB,AU,SG", OUTCOME_REGION_UNAVAILABLE, NULL },
		{ GLOBAL, RUN, "GB", "te", NULL, FLOW_NOT_NEEDED, "GB,EU",
		    OUTCOME_RESIDENCY_UNAVAILABLE, NULL },
		{ "gb.flow.example.com", RUN, "GB", "te", NULL,
		    FLOW_NOT_NEEDED, "GB", OUTCOME_REGION_UNAVAILABLE, NULL },
		{ GLOBAL, "/api/draw/1", "GB", NULL, NULL, FLOW_NOT_NEEDED,
		    "US", OUTCOME_REGION_UNAVAILABLE, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check(&six, &rows[i]);
}

/* The seed's own example: three regions, execution in Europe, from India. */
static void
seeds_say(void **state)
{
	static const struct row rows[] = {
		{ GLOBAL, RUN, "FR", NULL, NULL, FLOW_NOT_NEEDED, "",
		    OUTCOME_FORWARD, "GB" },
		{ GLOBAL, RUN, "IN", "te", NULL, FLOW_NOT_NEEDED, "",
		    OUTCOME_FORWARD, "GB" },
		{ GLOBAL, RUN, "NZ", "te", NULL, FLOW_NOT_NEEDED, "",
		    OUTCOME_FORWARD, "GB" },
		{ GLOBAL, RUN, "SZ", "ts", "fsz", FLOW_BY_ID, "",
		    OUTCOME_FORWARD, "GB" },
		{ GLOBAL, RUN, "CH", "ts", "fsz", FLOW_BY_ID, "",
		    OUTCOME_ACCESS_DENIED, NULL },
		/* no region of the Union among the three */
		{ GLOBAL, RUN, "DE", "tu", NULL, FLOW_NOT_NEEDED, "",
		    OUTCOME_RESIDENCY_UNAVAILABLE, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check(&three, &rows[i]);
}

static void
reasons_of_each_candidate(void **state)
{
	struct facts facts = {
		.host = SLICE("flow.example.com"), .path = SLICE("/api/run/1"),
		.client = world_addr("GB"), .tenant = SLICE("te"),
		.flow = SLICE("fde"), .knowledge = FLOW_BY_ID,
	};
	struct decision d;
	char text[512];

	(void)state;
	decide(&six.policy, world_all(&six), &facts, &d);
	assert_string_equal(trail(&six, &d, text), "GB map flow-forbids, "
	    "EU fallback chosen, US fallback tenant-forbids, "
	    "CA fallback tenant-forbids, SG fallback tenant-forbids, "
	    "AU fallback tenant-forbids");
	assert_string_equal(d.restrictions.tenant_id, "te");
	assert_string_equal(d.restrictions.flow_id, "fde");
	assert_int_equal(d.hit.match, REGION_BY_COUNTRY);
	assert_true(d.hit.list->at.line > 0);

	facts.tenant = facts.flow = (struct slice){ NULL, 0 };
	facts.knowledge = FLOW_NOT_NEEDED;
	decide(&six.policy, world_without(&six, "GB,CA"), &facts, &d);
	assert_string_equal(trail(&six, &d, text), "GB map down, "
	    "EU fallback chosen, US fallback spare, CA fallback down, "
	    "SG fallback spare, AU fallback spare");
}

/* Where a short fallback list is emptied, the others follow by distance. */
static void
an_emptied_list_goes_on_with_the_nearest(void **state)
{
	struct region *us = &six.map->regions[world_region(six.map, "US")];
	struct facts facts = {
		.host = SLICE("flow.example.com"), .path = SLICE("/api/run/1"),
		.client = world_addr("BR"), .tenant = SLICE("tc"),
		.flow = SLICE("fau"), .knowledge = FLOW_BY_ID,
	};
	uint8_t whole = us->nfallback;
	struct decision d;
	char text[512];

	(void)state;
	us->nfallback = 1;
	decide(&six.policy, world_all(&six), &facts, &d);
	assert_string_equal(trail(&six, &d, text), "US map flow-forbids, "
	    "CA fallback flow-forbids, SG nearness chosen, AU nearness spare");
	decide(&six.policy, world_without(&six, "SG"), &facts, &d);
	assert_string_equal(trail(&six, &d, text), "US map flow-forbids, "
	    "CA fallback flow-forbids, SG nearness down, AU nearness chosen");
	decide(&six.policy, world_without(&six, "SG,AU"), &facts, &d);
	assert_int_equal(d.outcome, OUTCOME_RESIDENCY_UNAVAILABLE);
	us->nfallback = whole;
}

static void
tls_name_and_host_must_agree(void **state)
{
	static const struct {
		const char	*sni, *host;
		enum outcome	 outcome;
	} rows[] = {
		{ "flow.example.com", "flow.example.com", OUTCOME_FORWARD },
		{ "gb.flow.example.com", "gb.flow.example.com",
		    OUTCOME_FORWARD },
		{ "gb.flow.example.com", "eu.flow.example.com",
		    OUTCOME_MISDIRECTED },
		{ "flow.example.com", "gb.flow.example.com",
		    OUTCOME_MISDIRECTED },
		{ "gb.flow.example.com", "flow.example.com",
		    OUTCOME_MISDIRECTED },
		{ "build.example.com", "flow.example.com", OUTCOME_FORWARD },
		{ "localhost", "gb.flow.example.com", OUTCOME_FORWARD },
		{ NULL, "gb.flow.example.com", OUTCOME_FORWARD },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct facts facts = {
			.host = slice_of(rows[i].host),
			.sni_host = slice_of(rows[i].sni),
			.path = SLICE("/"), .client = world_addr("GB"),
		};
		struct decision d;

		decide(&six.policy, world_all(&six), &facts, &d);
		if (d.outcome != rows[i].outcome)
			fail_msg("row %zu: %s", i, outcome_name(d.outcome));
	}
}

/* A region that keeps decryption to itself: its hosts are its own edge's. */
static void
a_region_may_decrypt_alone(void **state)
{
	static const struct {
		const char	*self, *host;
		enum outcome	 outcome;
	} rows[] = {
		{ "US", "gb.flow.example.com", OUTCOME_MISDIRECTED },
		{ "GB", "gb.flow.example.com", OUTCOME_FORWARD },
		{ "US", "eu.flow.example.com", OUTCOME_FORWARD },
		{ "US", "flow.example.com", OUTCOME_FORWARD },
	};
	int gb = region_find(six.policy.map, SLICE("GB"));

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct policy policy = six.policy;
		struct facts facts = { .host = slice_of(rows[i].host),
		    .path = SLICE("/"), .client = world_addr("GB") };
		struct decision d;

		policy.self = (uint8_t)region_find(policy.map,
		    slice_of(rows[i].self));
		region_set_add(&policy.in_region, (unsigned)gb);
		decide(&policy, world_all(&six), &facts, &d);
		if (d.outcome != rows[i].outcome)
			fail_msg("row %zu: %s", i, outcome_name(d.outcome));
	}
}

static void
stale_restrictions_refuse_runtime_only(void **state)
{
	struct facts facts = {
		.host = SLICE("flow.example.com"), .path = SLICE("/api/run/1"),
		.client = world_addr("GB"), .stale = true,
	};
	struct decision d;

	(void)state;
	decide(&six.policy, world_all(&six), &facts, &d);
	assert_int_equal(d.outcome, OUTCOME_RESTRICTIONS_STALE);
	facts.path = SLICE("/api/draw/1");
	decide(&six.policy, world_all(&six), &facts, &d);
	assert_int_equal(d.outcome, OUTCOME_FORWARD);
}

static void
callbacks_follow_their_state(void **state)
{
	struct facts facts = {
		.host = SLICE("flow.example.com"),
		.path = SLICE("/api/run/1/response"),
		.client = world_addr("US"), .knowledge = FLOW_EXEMPT,
		.tenant = SLICE("tx"),		/* access from DE and FR only */
		.tag = 0x123456, .has_birth = true,
		.birth = six.map->regions[world_region(six.map,
		    "AU")].number,
	};
	struct decision d;

	(void)state;
	decide(&six.policy, world_all(&six), &facts, &d);
	assert_int_equal(d.outcome, OUTCOME_FORWARD);
	assert_string_equal(six.map->regions[d.region].id, "AU");
	assert_int_equal(d.candidates[0].origin, CANDIDATE_BY_STATE);

	facts.tenant = SLICE("tu");		/* and yet the Union alone */
	decide(&six.policy, world_all(&six), &facts, &d);
	assert_string_equal(six.map->regions[d.region].id, "EU");

	facts.birth = 63;			/* a region that is no more */
	facts.tenant = SLICE("nobody");
	decide(&six.policy, world_all(&six), &facts, &d);
	assert_string_equal(six.map->regions[d.region].id, "US");
}

static void
every_word_has_a_name(void **state)
{
	(void)state;
	for (int i = 0; i < OUTCOMES; i++)
		assert_true(strlen(outcome_name((enum outcome)i)) > 3);
	assert_string_equal(flow_knowledge_name(FLOW_EXEMPT_UNKNOWN),
	    "exempt-unknown");
	assert_string_equal(candidate_origin_name(CANDIDATE_BY_STATE),
	    "state");
	assert_string_equal(candidate_fate_name(CANDIDATE_FLOW_FORBIDS),
	    "flow-forbids");
	assert_string_equal(host_kind_name(HOST_MAIN), "main");
	assert_string_equal(path_class_name(PATH_AMBIGUOUS), "ambiguous");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(steps_in_their_order),
		cmocka_unit_test(seeds_say),
		cmocka_unit_test(reasons_of_each_candidate),
		cmocka_unit_test(an_emptied_list_goes_on_with_the_nearest),
		cmocka_unit_test(tls_name_and_host_must_agree),
		cmocka_unit_test(a_region_may_decrypt_alone),
		cmocka_unit_test(stale_restrictions_refuse_runtime_only),
		cmocka_unit_test(callbacks_follow_their_state),
		cmocka_unit_test(every_word_has_a_name),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}

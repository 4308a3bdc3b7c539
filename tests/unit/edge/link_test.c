/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "heads.h"

#include <stdio.h>

#include "edge/link.h"

static struct link_facts
sample(void)
{
	struct link_facts f = { .frontend = "US", .decided = "GB",
	    .request_id = "r1", .generation = 42, .knowledge = FLOW_BY_TAG,
	    .tag = 0xabcdef, .tenant = "t 1", .restrictions = "tenant *" };

	addr_parse(&f.client, SLICE("2001:db8::1"));
	f.nearest = f.client;
	f.place.class = PLACE_LOCATED;
	f.place.country = country_find(SLICE("GB"));
	f.place.continent = CONTINENT_EU;
	return f;
}

static bool
read_lines(struct link_facts *facts, const char *lines, const char **what)
{
	char text[4096];
	struct h1_head head;

	snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: h\r\n%s\r\n",
	    lines);
	head_of(&head, text);
	return link_read(facts, &head, what);
}

static void
assert_same(const struct link_facts *a, const struct link_facts *b)
{
	assert_true(addr_eq(&a->client, &b->client));
	assert_true(addr_eq(&a->nearest, &b->nearest));
	assert_string_equal(a->frontend, b->frontend);
	assert_string_equal(a->decided, b->decided);
	assert_string_equal(a->request_id, b->request_id);
	assert_int_equal(a->generation, b->generation);
	assert_true(place_eq(a->place, b->place));
	assert_int_equal(a->knowledge, b->knowledge);
	assert_int_equal(a->tag, b->tag);
	assert_string_equal(a->flow, b->flow);
	assert_string_equal(a->tenant, b->tenant);
}

static void
what_is_told_is_heard(void **state)
{
	static const struct {
		enum flow_knowledge knowledge;
		uint32_t	 tag;
		const char	*flow;
	} flows[] = {
		{ FLOW_NOT_NEEDED, 0, "" }, { FLOW_BY_TAG, 0, "" },
		{ FLOW_BY_TAG, 0xffffff, "" }, { FLOW_EXEMPT, 7, "" },
		{ FLOW_BY_ID, 0, "5f0e7b1c-8a54-4b0a-a0a8-0d2f3a4b5c01" },
		{ FLOW_UNKNOWN, 0, "" }, { FLOW_EXEMPT_UNKNOWN, 0, "" },
	};
	static const struct place places[] = {
		{ .class = PLACE_UNKNOWN }, { .class = PLACE_PRIVATE },
		{ .class = PLACE_LOCATED, .continent = CONTINENT_AF },
	};
	struct buf out = { 0 };
	struct link_facts told, heard;
	const char *what;

	(void)state;
	for (size_t i = 0; i < sizeof(flows) / sizeof(flows[0]); i++)
		for (size_t k = 0; k < 3; k++) {
			told = sample();
			told.knowledge = flows[i].knowledge;
			told.tag = flows[i].tag;
			strcpy(told.flow, flows[i].flow);
			told.place = places[k];
			if (k == 2)
				told.tenant[0] = '\0';
			if (k == 1)
				told.client = (struct addr){ ADDR_NONE, { 0 } };
			if (k == 1 && i % 2 == 0)
				told.nearest = (struct addr){ ADDR_NONE, { 0 } };
			buf_clear(&out);
			link_write(&out, &told);
			assert_true(read_lines(&heard, buf_cstr(&out), &what));
			assert_same(&told, &heard);
		}
	buf_fini(&out);
}

/* One field of the eight, as it must not be; NULL: not there at all. */
static const struct {
	const char	*name, *value;
} bad[] = {
	{ "X-Portolan-Client", NULL },
	{ "X-Portolan-Client", "localhost" },
	{ "X-Portolan-Client", "- -" },
	{ "X-Portolan-Client", "- 1.2.3.4:80" },
	{ "X-Portolan-Client", "1.2.3.4:80" },
	{ "X-Portolan-Frontend", NULL },
	{ "X-Portolan-Frontend", "0123456789abcdef" },	/* too long */
	{ "X-Portolan-Decision", "GB" },
	{ "X-Portolan-Decision", "GB -1" },
	{ "X-Portolan-Decision", "GB 1 2" },
	{ "X-Portolan-Request", NULL },
	{ "X-Portolan-Place", "located" },
	{ "X-Portolan-Place", "located UK EU" },
	{ "X-Portolan-Place", "located GB XX" },
	{ "X-Portolan-Place", "lost - -" },
	{ "X-Portolan-Place", "located GB EU " "x" },
	{ "X-Portolan-Flow", "by-tag 16777216" },
	{ "X-Portolan-Flow", "by-tag -" },
	{ "X-Portolan-Flow", "by-id" },
	{ "X-Portolan-Flow", "by-id " },
	{ "X-Portolan-Flow", "unknown x" },
	{ "X-Portolan-Flow", "perhaps -" },
	{ "X-Portolan-Tenant", NULL },
	{ "X-Portolan-Tenant", "" },
	{ "X-Portolan-Restrictions", NULL },
};

static void
nothing_else_is_believed(void **state)
{
	struct link_facts told = sample(), heard;
	struct buf all = { 0 }, out = { 0 };
	const char *what;

	(void)state;
	link_write(&all, &told);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct slice rest = buf_all(&all), line;

		buf_clear(&out);
		while (slice_split(&rest, '\n', &line))
			if (line.len > 0 && !slice_starts_nocase(line,
			    slice_of(bad[i].name)))
				buf_printf(&out, "%.*s\n", SLICE_ARG(line));
		if (bad[i].value != NULL)
			buf_printf(&out, "%s: %s\r\n", bad[i].name,
			    bad[i].value);
		assert_false(read_lines(&heard, buf_cstr(&out), &what));
		assert_string_equal(what, bad[i].name);
	}
	buf_fini(&all);
	buf_fini(&out);
}

static void
twice_is_once_too_often(void **state)
{
	struct link_facts told = sample(), heard;
	struct buf out = { 0 };
	const char *what;

	(void)state;
	link_write(&out, &told);
	buf_text(&out, "X-Portolan-Newer: 1\r\n");
	assert_true(read_lines(&heard, buf_cstr(&out), &what));
	buf_text(&out, "x-portolan-client: 1.2.3.4\r\n");
	assert_false(read_lines(&heard, buf_cstr(&out), &what));
	assert_string_equal(what, "X-Portolan-Client");
	buf_fini(&out);
}

/* --- verification ---------------------------------------------------------- */

enum { US, GB };

/* An edge in GB; US is the main region. */
struct service {
	struct arena	*arena;
	struct region_map *map;
	struct policy	 policy;
};

static void
service_init(struct service *s, const struct restriction_pair *tenant)
{
	static const uint8_t key[16];
	static const struct host_spec hosts[] = {
		{ "flow.example.com", HOST_GLOBAL, 0 },
		{ "us.example.com", HOST_REGIONAL, US },
		{ "gb.example.com", HOST_REGIONAL, GB },
		{ "main.example.com", HOST_MAIN, 0 },
	};
	struct restrictions_builder *b;

	s->arena = arena_new(0);
	s->map = arena_alloc(s->arena, sizeof(*s->map));
	s->map->nregions = 2;
	strcpy(s->map->regions[US].id, "US");
	s->map->regions[US].country = country_find(SLICE("US"));
	s->map->regions[US].continent = CONTINENT_NA;
	strcpy(s->map->regions[GB].id, "GB");
	s->map->regions[GB].country = country_find(SLICE("GB"));
	s->map->regions[GB].continent = CONTINENT_EU;
	b = restrictions_begin(s->arena, key);
	if (tenant != NULL)
		restrictions_add(b, "t", NULL, *tenant);
	s->policy = (struct policy){ .map = s->map,
	    .hosts = hosts_build(s->arena, hosts, 4),
	    .paths = path_classes_build(s->arena, NULL, 0),
	    .restrictions = restrictions_build(b, 1), .self = GB,
	    .main = US };
}

/* An argument of link_verify() as it should not be, and what comes of it. */
static const struct {
	const char	*host, *path, *frontend, *decided, *certified;
	const char	*disagreement;	/* NULL: it agrees */
} verdicts[] = {
	{ "flow.example.com", "/api/run/1", "US", "GB", "US", NULL },
	{ "gb.example.com", "/api/run/1", "US", "GB", "US", NULL },
	{ "gb.example.com", "/api/draw/1", "US", "GB", "US", NULL },
	{ "flow.example.com", "/api/run/1", "EU", "GB", "EU",
	    "the frontend is no region" },
	{ "flow.example.com", "/api/run/1", "US", "GB", "GB",
	    "the peer's certificate names another region than the frontend" },
	{ "flow.example.com", "/api/run/1", "US", "US", "US",
	    "the decision names another region" },
	{ "elsewhere.example.com", "/api/run/1", "US", "GB", "US",
	    "the host is not served here" },
	{ "us.example.com", "/api/run/1", "US", "GB", "US",
	    "the host belongs to another region" },
	{ "main.example.com", "/api/run/1", "US", "GB", "US",
	    "the host belongs to the main region" },
	{ "flow.example.com", "/api/draw/1", "US", "GB", "US",
	    "the path belongs to the main region" },
	{ "flow.example.com", "/api/run;x/1", "US", "GB", "US",
	    "the path is ambiguous" },
};

static void
decisions_are_verified(void **state)
{
	struct service s;

	(void)state;
	service_init(&s, NULL);
	for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
		struct facts facts = { .host = slice_of(verdicts[i].host),
		    .path = slice_of(verdicts[i].path) };
		struct link_facts told = sample();
		const char *why = NULL;
		struct decision d;

		strcpy(told.frontend, verdicts[i].frontend);
		strcpy(told.decided, verdicts[i].decided);
		link_verify(&s.policy, &told, &facts, verdicts[i].certified,
		    &d, &why);
		if (verdicts[i].disagreement == NULL) {
			assert_null(why);
			assert_int_equal(d.outcome, OUTCOME_FORWARD);
			assert_int_equal(d.region, GB);
			assert_int_equal(d.allowed.bits, 1 << GB);
			assert_true(place_eq(d.hit.place, told.place));
		} else {
			assert_string_equal(why, verdicts[i].disagreement);
			assert_int_equal(d.outcome, OUTCOME_MISDIRECTED);
			assert_int_equal(d.allowed.bits, 0);
		}
	}
	arena_free(&s.arena);
}

static enum outcome
verdict_on(const struct service *s, const char *tenant, bool stale)
{
	struct facts facts = { .host = SLICE("flow.example.com"),
	    .path = SLICE("/api/run/1"), .tenant = slice_of(tenant),
	    .stale = stale };
	struct link_facts told = sample();
	const char *why = NULL;
	struct decision d;

	link_verify(&s->policy, &told, &facts, "US", &d, &why);
	return d.outcome;
}

static void
restrictions_bind_here_too(void **state)
{
	struct restriction only_us = { .continents = 1 << CONTINENT_NA };
	struct restriction_pair execution = { NULL, &only_us };
	struct restriction_pair access = { &only_us, NULL };
	struct service s;

	(void)state;
	service_init(&s, &execution);
	assert_int_equal(verdict_on(&s, "t", false), OUTCOME_MISDIRECTED);
	assert_int_equal(verdict_on(&s, "another", false), OUTCOME_FORWARD);
	assert_int_equal(verdict_on(&s, "another", true),
	    OUTCOME_RESTRICTIONS_STALE);
	arena_free(&s.arena);

	service_init(&s, &access);	/* the client is told to be in GB */
	assert_int_equal(verdict_on(&s, "t", false), OUTCOME_MISDIRECTED);
	assert_int_equal(verdict_on(&s, "another", false), OUTCOME_FORWARD);
	arena_free(&s.arena);
}

static void
regions_are_listed(void **state)
{
	struct service s;

	(void)state;
	service_init(&s, NULL);
	assert_int_equal(link_regions(s.map, SLICE("GB US")).bits, 3);
	assert_int_equal(link_regions(s.map, SLICE("GB, XX")).bits, 1 << GB);
	assert_int_equal(link_regions(s.map, SLICE("")).bits, 0);
	arena_free(&s.arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_told_is_heard),
		cmocka_unit_test(nothing_else_is_believed),
		cmocka_unit_test(twice_is_once_too_often),
		cmocka_unit_test(decisions_are_verified),
		cmocka_unit_test(restrictions_bind_here_too),
		cmocka_unit_test(regions_are_listed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

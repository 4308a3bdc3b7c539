/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "world.h"

#include "policy/state_id.h"

static struct place
place(const char *country, const char *continent)
{
	return place_from_codes(slice_of(country), slice_of(continent));
}

static void
whom_a_whitelist_permits(void **state)
{
	static const struct {
		const char	*codes, *country, *continent;
		bool		 permitted;
	} rows[] = {
		{ "SZ", "SZ", "AF", true },
		{ "SZ", "CH", "EU", false },
		{ "DE FR", "FR", "EU", true },
		{ "+EU", "GB", "EU", true },
		{ "+EU", "RU", "EU", true },
		{ "+EU", "TR", "AS", false },
		{ "+EU", "", "EU", true },	/* known by the continent */
		{ "*EU", "GB", "EU", false },
		{ "*EU", "FR", "EU", true },
		{ "*EU", "", "EU", false },
		{ "+AF *EU", "SZ", "AF", true },
		{ "+AF *EU", "US", "NA", false },
		{ "NA", "NA", "AF", true },	/* Namibia */
		{ "NA", "US", "NA", false },
		{ "+NA", "NA", "AF", false },
		{ "", "US", "NA", false },	/* enabled and empty: nobody */
		{ "US", "", "", false },
	};
	struct arena *arena = arena_new(0);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct restriction r = *world_list(arena, rows[i].codes);
		struct place p = place(rows[i].country, rows[i].continent);
		struct region region = { .country = p.country,
		    .continent = p.continent };

		if (restriction_permits_place(&r, p) != rows[i].permitted)
			fail_msg("row %zu", i);
		assert_int_equal(restriction_permits_region(&r, &region),
		    rows[i].permitted);
		restriction_write_out(&r);
		if (restriction_permits_place(&r, p) != rows[i].permitted)
			fail_msg("row %zu, written out", i);
	}
	assert_true(restriction_permits_place(NULL, place("", "")));
	arena_free(&arena);
}

static void
nobody_permits_an_unknown_place(void **state)
{
	struct arena *arena = arena_new(0);
	const struct restriction *all = world_list(arena,
	    "+AF +AN +AS +EU +NA +OC +SA");
	struct place p = place("FR", "EU");

	(void)state;
	assert_true(restriction_permits_place(all, p));
	p.class = PLACE_UNKNOWN;
	assert_false(restriction_permits_place(all, p));
	p.class = PLACE_PRIVATE;
	assert_false(restriction_permits_place(all, p));
	arena_free(&arena);
}

/* Against the definition, over every place, for all pairs of these lists. */
static void
intersection_permits_what_both_permit(void **state)
{
	static const char *const lists[] = {
		"", "SZ", "DE FR GB", "+EU", "*EU", "+EU US", "*EU +AF",
		"+AS +EU", "+AF +AN +AS +EU +NA +OC +SA",
	};
	enum { LISTS = sizeof(lists) / sizeof(lists[0]) };
	struct arena *arena = arena_new(0);

	(void)state;
	for (size_t i = 0; i < LISTS * LISTS; i++) {
		const struct restriction *a = world_list(arena,
		    lists[i / LISTS]), *b = world_list(arena,
		    lists[i % LISTS]);
		struct restriction both;

		restriction_intersect(&both, a, b);
		for (uint16_t c = 0; c < COUNTRIES + CONTINENTS; c++) {
			struct place p = { .class = PLACE_LOCATED };

			if (c < COUNTRIES) {
				p.country = c + 1;
				p.continent = country_continent(c + 1);
			} else
				p.continent = (uint8_t)(c - COUNTRIES);
			assert_int_equal(restriction_permits_place(&both, p),
			    restriction_permits_place(a, p) &&
			    restriction_permits_place(b, p));
		}
	}
	arena_free(&arena);
}

#define T1 "1b6c2b2f-3f1d-4a7e-9a52-2f1f5f1f0a01"
#define F1 "5f0e7b1c-8a54-4b0a-a0a8-0d2f3a4b5c01"

static bool
permits(const struct restriction *r, const char *country)
{
	return restriction_permits_place(r, place(country, ""));
}

static bool
has_flows(const struct restrictions *set, struct slice tenant)
{
	struct restriction_query query;

	restrictions_ask(&query, set, tenant);
	return restrictions_has_flows(&query);
}

static void
finding_by_names(void **state)
{
	struct arena *arena = arena_new(0);
	struct restrictions_builder *b = restrictions_begin(arena, world_key);
	const struct restrictions *set;
	struct restriction_hit hit;

	(void)state;
	assert_true(restrictions_add(b, T1, NULL,
	    world_pair(arena, "DE FR", NULL)));
	assert_false(restrictions_add(b, "{" T1 "}", NULL,
	    world_pair(arena, "US", NULL)));
	assert_true(restrictions_add(b, T1, F1, world_pair(arena, NULL,
	    "DE")));
	assert_false(restrictions_add(b, T1,
	    "5F0E7B1C8A544B0AA0A80D2F3A4B5C01",
	    world_pair(arena, NULL, "US")));
	assert_true(restrictions_add(b, T1, "free",
	    world_pair(arena, NULL, NULL)));
	assert_true(restrictions_add(b, "plain", NULL,
	    world_pair(arena, NULL, NULL)));
	assert_false(restrictions_add(b, "no name", NULL,
	    world_pair(arena, "US", NULL)));
	set = restrictions_build(b, 17);
	assert_int_equal(restrictions_revision(set), 17);

	hit = restrictions_find(set, SLICE("1B6C2B2F3F1D4A7E9A522F1F5F1F0A01"),
	    SLICE("{" F1 "}"));
	assert_true(permits(hit.tenant.access, "FR"));
	assert_false(permits(hit.tenant.access, "US"));
	assert_null(hit.tenant.execution);
	assert_true(permits(hit.flow.execution, "DE"));
	assert_string_equal(hit.tenant_id, T1);
	assert_string_equal(hit.flow_id, F1);

	hit = restrictions_find(set, SLICE(T1), SLICE("another"));
	assert_non_null(hit.tenant.access);
	assert_null(hit.flow.execution);
	assert_null(hit.flow_id);
	hit = restrictions_find(set, SLICE(T1), SLICE("free"));
	assert_null(hit.flow_id);
	hit = restrictions_find(set, SLICE("nobody"), SLICE(F1));
	assert_null(hit.tenant.access);
	assert_null(hit.tenant_id);
	hit = restrictions_find(set, SLICE("plain"), SLICE(F1));
	assert_null(hit.tenant_id);

	assert_true(has_flows(set, SLICE(T1)));
	assert_false(has_flows(set, SLICE("plain")));
	assert_false(has_flows(set, (struct slice){ NULL, 0 }));
	assert_true(restrictions_has_any(set));
	arena_free(&arena);
}

/* Two flows of one tenant whose tags are equal, found by trying. */
static void
same_tag(char names[2][16], const char *tenant)
{
	static uint32_t tags[20000];

	for (unsigned i = 0; i < 20000; i++) {
		snprintf(names[0], 16, "flow%u", i);
		tags[i] = flow_tag(world_key, slice_of(tenant),
		    slice_of(names[0]));
		for (unsigned k = 0; k < i; k++) {
			if (tags[k] != tags[i])
				continue;
			snprintf(names[1], 16, "flow%u", k);
			return;
		}
	}
	fail_msg("no two flows share a tag");
}

static void
finding_by_tags(void **state)
{
	struct arena *arena = arena_new(0);
	struct restrictions_builder *b = restrictions_begin(arena, world_key);
	const struct restrictions *set;
	struct restriction_hit hit;
	char twin[2][16];
	uint32_t tag, f1;

	(void)state;
	same_tag(twin, "t");
	tag = flow_tag(world_key, SLICE("t"), slice_of(twin[0]));
	f1 = flow_tag(world_key, SLICE("t"), SLICE(F1));
	assert_true(restrictions_add(b, "t", twin[0],
	    world_pair(arena, NULL, "DE FR")));
	assert_true(restrictions_add(b, "t", twin[1],
	    world_pair(arena, NULL, "FR GB")));
	assert_true(restrictions_add(b, "t", F1,
	    world_pair(arena, "SZ", NULL)));
	assert_true(restrictions_add(b, "u", NULL,
	    world_pair(arena, NULL, "US")));
	set = restrictions_build(b, 1);

	hit = restrictions_find_tag(set, SLICE("t"), tag);
	assert_true(permits(hit.flow.execution, "FR"));
	assert_false(permits(hit.flow.execution, "DE"));
	assert_false(permits(hit.flow.execution, "GB"));
	assert_string_equal(hit.flow_id, "*");
	hit = restrictions_find_tag(set, SLICE("T"), f1);
	assert_string_equal(hit.flow_id, F1);
	assert_true(permits(hit.flow.access, "SZ"));
	hit = restrictions_find_tag(set, SLICE("t"), f1 ^ 1);
	assert_null(hit.flow_id);
	hit = restrictions_find_tag(set, SLICE("u"), f1);
	assert_null(hit.flow_id);
	assert_string_equal(hit.tenant_id, "u");
	hit = restrictions_find_tag(set, SLICE("nobody"), f1);
	assert_null(hit.tenant_id);

	/* without a tenant: who has it, else what every tenant permits */
	hit = restrictions_find_tag(set, (struct slice){ NULL, 0 }, f1);
	assert_string_equal(hit.flow_id, F1);
	assert_null(hit.tenant.execution);
	hit = restrictions_find_tag(set, (struct slice){ NULL, 0 }, f1 ^ 1);
	assert_null(hit.flow_id);
	assert_true(permits(hit.tenant.execution, "US"));
	assert_false(permits(hit.tenant.execution, "FR"));
	arena_free(&arena);
}

static void
all_flows_at_once(void **state)
{
	struct arena *arena = arena_new(0);
	struct restrictions_builder *b = restrictions_begin(arena, world_key);
	const struct restrictions *set;
	struct restriction_hit hit;

	(void)state;
	assert_true(restrictions_add(b, "t", "a", world_pair(arena, "+EU",
	    "DE FR")));
	assert_true(restrictions_add(b, "t", "b", world_pair(arena, "DE SZ",
	    NULL)));
	assert_true(restrictions_add(b, "t", "c", world_pair(arena, NULL,
	    NULL)));
	assert_true(restrictions_add(b, "u", "d", world_pair(arena, NULL,
	    "FR US")));
	set = restrictions_build(b, 1);
	hit = restrictions_find_any(set, SLICE("t"));
	assert_true(permits(hit.flow.access, "DE"));
	assert_false(permits(hit.flow.access, "FR"));
	assert_false(permits(hit.flow.access, "SZ"));
	assert_true(permits(hit.flow.execution, "FR"));
	assert_string_equal(hit.flow_id, "*");
	hit = restrictions_find_any(set, (struct slice){ NULL, 0 });
	assert_true(permits(hit.flow.execution, "FR"));
	assert_false(permits(hit.flow.execution, "DE"));
	assert_false(permits(hit.flow.execution, "US"));
	hit = restrictions_find_any(set, SLICE("nobody"));
	assert_null(hit.flow_id);
	arena_free(&arena);
}

static void
every_combination_once(void **state)
{
	struct arena *arena = arena_new(0);
	struct restrictions_builder *b = restrictions_begin(arena, world_key);
	const struct restrictions *set;
	struct restriction_hit hit;
	char text[256] = "";
	size_t at = 0;

	(void)state;
	assert_true(restrictions_add(b, "t", NULL, world_pair(arena, "DE",
	    NULL)));
	assert_true(restrictions_add(b, "t", "a", world_pair(arena, "FR",
	    NULL)));
	assert_true(restrictions_add(b, "t", "b", world_pair(arena, "SZ",
	    NULL)));
	assert_true(restrictions_add(b, "u", "c", world_pair(arena, "SZ",
	    NULL)));
	assert_true(restrictions_add(b, "v", NULL, world_pair(arena, NULL,
	    NULL)));
	set = restrictions_build(b, 1);
	while (restrictions_next(set, &at, &hit))
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
		    "%s/%s ", hit.tenant_id != NULL ? hit.tenant_id : "-",
		    hit.flow_id != NULL ? hit.flow_id : "-");
	assert_string_equal(text, "t/- t/a t/b t/* -/c t/* ");
	arena_free(&arena);
}

static void
nothing_restricted(void **state)
{
	struct arena *arena = arena_new(0);
	const struct restrictions *set = restrictions_build(
	    restrictions_begin(arena, world_key), 1);
	struct restriction_hit hit;
	size_t at = 0;

	(void)state;
	assert_false(restrictions_next(set, &at, &hit));
	assert_false(has_flows(set, (struct slice){ NULL, 0 }));
	assert_false(restrictions_has_any(set));
	hit = restrictions_find_tag(set, (struct slice){ NULL, 0 }, 5);
	assert_null(hit.tenant_id);
	arena_free(&arena);
}

/* More than the builder's first room, each found again. */
static void
many_tenants_and_flows(void **state)
{
	enum { MANY = 3000 };
	struct arena *arena = arena_new(0);
	struct restrictions_builder *b = restrictions_begin(arena, world_key);
	const struct restrictions *set;
	char tenant[32], flow[32];

	(void)state;
	for (unsigned i = 0; i < MANY; i++) {
		struct restriction r = { .continents = 0 };

		restriction_add_country(&r, (uint16_t)(i % COUNTRIES + 1));
		snprintf(tenant, sizeof(tenant), "tenant-%u", i % 100);
		snprintf(flow, sizeof(flow), "flow-%u", i);
		assert_true(restrictions_add(b, tenant, flow,
		    (struct restriction_pair){ &r, NULL }));
		if (i < 100)
			assert_true(restrictions_add(b, tenant, NULL,
			    (struct restriction_pair){ &r, NULL }));
	}
	set = restrictions_build(b, 1);
	for (unsigned i = 0; i < MANY; i++) {
		struct place p = { .class = PLACE_LOCATED,
		    .country = (uint16_t)(i % COUNTRIES + 1) };
		struct restriction_hit hit;

		snprintf(tenant, sizeof(tenant), "TENANT-%u", i % 100);
		snprintf(flow, sizeof(flow), "flow-%u", i);
		hit = restrictions_find(set, slice_of(tenant), slice_of(flow));
		assert_true(restriction_permits_place(hit.flow.access, p));
		assert_string_equal(hit.flow_id, flow);
		hit = restrictions_find_tag(set, slice_of(tenant),
		    flow_tag(world_key, slice_of(tenant), slice_of(flow)));
		assert_non_null(hit.flow.access);
	}
	arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whom_a_whitelist_permits),
		cmocka_unit_test(nobody_permits_an_unknown_place),
		cmocka_unit_test(intersection_permits_what_both_permit),
		cmocka_unit_test(finding_by_names),
		cmocka_unit_test(finding_by_tags),
		cmocka_unit_test(all_flows_at_once),
		cmocka_unit_test(every_combination_once),
		cmocka_unit_test(nothing_restricted),
		cmocka_unit_test(many_tenants_and_flows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

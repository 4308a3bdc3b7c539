/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "world.h"

#include "base/clock.h"
#include "policy/residency.h"

static void
prove(struct world *w, struct residency_report *report)
{
	if (!residency_prove(&w->policy, report))
		fail_msg("%llu escapes, the first: %s",
		    (unsigned long long)report->escapes,
		    report->escape[0].what);
}

static void
nothing_escapes(void **state)
{
	static struct residency_report report;
	struct world w;
	struct restrictions_builder *b;

	(void)state;
	world_open(&w, "tests/data/region-map-6.yaml");
	b = restrictions_begin(w.arena, world_key);
	restrictions_add(b, "t", NULL, world_pair(w.arena, NULL, "*EU GB"));
	restrictions_add(b, "t", "a", world_pair(w.arena, "DE FR", NULL));
	restrictions_add(b, "t", "b", world_pair(w.arena, "+EU", "+EU"));
	restrictions_add(b, "u", "c", world_pair(w.arena, "DE FR", NULL));
	world_restrict(&w, b);
	prove(&w, &report);
	/* none; t; t/a; t/b; t/any; u/c; any of all */
	assert_int_equal(report.restrictions, 7);
	assert_int_equal(report.distinct, 6);	/* t/any is any of all */
	assert_true(report.every_subset);
	assert_true(report.decisions > 150000);
	assert_int_equal(report.unservables, 0);
	world_close(&w);
}

static void
names_what_cannot_be_served(void **state)
{
	static struct residency_report report;
	struct world w;
	struct restrictions_builder *b;

	(void)state;
	world_open(&w, "tests/data/region-map-3.yaml");
	b = restrictions_begin(w.arena, world_key);
	restrictions_add(b, "t", "nowhere", world_pair(w.arena, NULL, "JP"));
	restrictions_add(b, "u", "nobody", world_pair(w.arena, "", NULL));
	restrictions_add(b, "v", "one", world_pair(w.arena, NULL, "+EU"));
	restrictions_add(b, "w", "two", world_pair(w.arena, NULL,
	    "+EU +NA"));
	world_restrict(&w, b);
	prove(&w, &report);
	/* the three, and any of all of them */
	assert_int_equal(report.unservables, 4);
	assert_string_equal(report.unservable[0].restrictions.flow_id,
	    "nowhere");
	assert_true(report.unservable[0].nowhere);
	assert_false(report.unservable[0].nobody);
	assert_true(report.unservable[1].nobody);
	assert_false(report.unservable[1].nowhere);
	assert_int_equal(report.unservable[2].only,
	    world_region(w.map, "GB"));
	assert_false(report.unservable[2].nowhere);
	assert_true(report.unservable[3].nowhere);
	world_close(&w);
}

/*
 * The proof must be able to fail.  A copy that claims to have its continents
 * written out, and has not, is read wrongly by the decision and rightly by
 * the definition.
 */
static void
finds_what_is_wrong(void **state)
{
	static struct residency_report report;
	struct world w;
	struct restrictions_builder *b;
	struct restriction_hit hit;
	struct restriction *broken;
	size_t at = 0;

	(void)state;
	world_open(&w, "tests/data/region-map-6.yaml");
	b = restrictions_begin(w.arena, world_key);
	restrictions_add(b, "t", "a", world_pair(w.arena, "DE", "*EU"));
	world_restrict(&w, b);
	assert_true(restrictions_next(w.policy.restrictions, &at, &hit));
	broken = (struct restriction *)(uintptr_t)hit.flow.execution;
	memset(broken->countries, 0, sizeof(broken->countries));
	assert_false(residency_prove(&w.policy, &report));
	assert_true(report.escapes > 0);
	assert_string_equal(report.escape[0].restrictions.flow_id, "a");
	assert_non_null(report.escape[0].what);
	world_close(&w);
}

static void
operators_networks_are_places_too(void **state)
{
	static struct region_network nets[2];
	static struct residency_report with, without;
	struct world w;

	(void)state;
	world_open(&w, "tests/data/region-map-6.yaml");
	prove(&w, &without);
	nets[0].list.count = 2;
	nets[0].list.regions[0] = 4;
	nets[0].list.regions[1] = 5;
	nets[1].place = place_from_codes(SLICE("NZ"), SLICE(""));
	w.map->networks = nets;
	w.map->nnetworks = 2;
	prove(&w, &with);
	assert_true(with.decisions > without.decisions);
	world_close(&w);
}

/* 1,000 distinct restrictions and six regions. */
static void
fast_enough_for_every_check(void **state)
{
	static struct residency_report report;
	struct world w;
	struct restrictions_builder *b;
	uint64_t from;
	char flow[16];

	(void)state;
	world_open(&w, "tests/data/region-map-6.yaml");
	b = restrictions_begin(w.arena, world_key);
	for (unsigned i = 0; i < 1000; i++) {
		struct restriction access = { .continents = 0 };
		struct restriction execution = { .continents =
		    (uint8_t)(i % 128 << 1) };

		restriction_add_country(&access,
		    (uint16_t)(i % COUNTRIES + 1));
		restriction_add_country(&access,
		    (uint16_t)(i / COUNTRIES * 7 + 1));
		snprintf(flow, sizeof(flow), "flow-%u", i);
		assert_true(restrictions_add(b, "t", flow,
		    (struct restriction_pair){ &access, &execution }));
	}
	world_restrict(&w, b);
	from = clock_us();
	prove(&w, &report);
	print_message("%llu decisions of %zu restrictions in %llu ms\n",
	    (unsigned long long)report.decisions, report.distinct,
	    (unsigned long long)(clock_us() - from) / 1000);
	assert_true(report.distinct > 990);
	world_close(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_escapes),
		cmocka_unit_test(names_what_cannot_be_served),
		cmocka_unit_test(finds_what_is_wrong),
		cmocka_unit_test(operators_networks_are_places_too),
		cmocka_unit_test(fast_enough_for_every_check),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "conf/restrictions_file.h"
#include "support/mistakes.h"

#define TENANT	"1b6c2b2f-3f1d-4a7e-9a52-2f1f5f1f0a01"
#define OTHER	"1b6c2b2f-3f1d-4a7e-9a52-2f1f5f1f0a02"
#define FLOW	"5f0e7b1c-8a54-4b0a-a0a8-0d2f3a4b5c01"
#define FLOW_2	"5f0e7b1c-8a54-4b0a-a0a8-0d2f3a4b5c02"

static const uint8_t key[16];
static const struct restrictions *
parse(const char *text)
{
	const struct restrictions *set = restrictions_file_parse(arena, "t",
	    slice_of(text), key, 9, &mistakes);

	assert_no_mistake();
	return set;
}

static struct place
in(const char *code)
{
	uint16_t country = country_find(slice_of(code));

	return (struct place){ PLACE_LOCATED,
	    (uint8_t)country_continent(country), country };
}

static void
tenants_and_flows(void **state)
{
	const struct restrictions *set = parse("version: 1\n"
	    "tenants:\n"
	    "  " TENANT ":\n"
	    "    restrictions:\n"
	    "      flowRestrictions:\n"
	    "        access: {enabled: false, countries: [FR]}\n"
	    "        execution: {enabled: true, unions: [EU], "
	    "countries: [CH]}\n"
	    "    flows:\n"
	    "      " FLOW ":\n"
	    "        restrictions:\n"
	    "          access: {enabled: true, countries: [SZ], "
	    "continents: [OC]}\n"
	    "          execution: null\n"
	    "      " FLOW_2 ":\n"
	    "        restrictions: null\n"
	    "  " OTHER ": {restrictions: {flowRestrictions: null}}\n");
	struct restriction_query query;
	struct restriction_hit hit = restrictions_find(set, SLICE(TENANT),
	    SLICE(FLOW));

	(void)state;
	assert_int_equal(mistakes.count, 0);
	assert_int_equal(restrictions_revision(set), 9);
	assert_null(hit.tenant.access);		/* not enabled */
	assert_non_null(hit.tenant.execution);
	assert_true(restriction_permits_place(hit.tenant.execution, in("DE")));
	assert_true(restriction_permits_place(hit.tenant.execution, in("CH")));
	assert_false(restriction_permits_place(hit.tenant.execution,
	    in("GB")));
	assert_null(hit.flow.execution);
	assert_true(restriction_permits_place(hit.flow.access, in("SZ")));
	assert_true(restriction_permits_place(hit.flow.access, in("NZ")));
	assert_false(restriction_permits_place(hit.flow.access, in("ZA")));
	hit = restrictions_find(set, SLICE(TENANT), SLICE(FLOW_2));
	assert_null(hit.flow.access);
	assert_non_null(hit.tenant.execution);
	hit = restrictions_find(set, SLICE(OTHER), SLICE(FLOW));
	assert_null(hit.tenant.execution);
	restrictions_ask(&query, set, SLICE(OTHER));
	assert_false(restrictions_has_flows(&query));
}

static void
no_file_restricts_nobody(void **state)
{
	const struct restrictions *set = restrictions_file_load(arena, NULL,
	    key, 1, &mistakes);
	size_t at = 0;
	struct restriction_hit hit;

	(void)state;
	assert_int_equal(mistakes.count, 0);
	assert_false(restrictions_next(set, &at, &hit));
}

static void
the_continent_said_on_purpose(void **state)
{
	(void)state;
	parse("version: 1\ntenants:\n  " TENANT ":\n    restrictions:\n"
	    "      flowRestrictions:\n        access: {enabled: true, "
	    "continents: [EU], unions: []}\n");
	assert_int_equal(mistakes.count, 0);
}

static void
the_example_loads(void **state)
{
	const struct restrictions *set = restrictions_file_load(arena,
	    "conf/restrictions.yaml", key, 1, &mistakes);
	struct restriction_hit hit = restrictions_find(set, SLICE(TENANT),
	    SLICE(FLOW));

	(void)state;
	assert_int_equal(mistakes.count, 0);
	assert_true(restriction_permits_place(hit.tenant.execution, in("IE")));
	assert_true(restriction_permits_place(hit.flow.access, in("FR")));
	assert_false(restriction_permits_place(hit.flow.access, in("IE")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(tenants_and_flows, begin, end),
		cmocka_unit_test_setup_teardown(no_file_restricts_nobody,
		    begin, end),
		cmocka_unit_test_setup_teardown(the_continent_said_on_purpose,
		    begin, end),
		cmocka_unit_test_setup_teardown(the_example_loads, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

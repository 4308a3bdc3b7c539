/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy/hosts.h"

static void
names_and_their_kinds(void **state)
{
	static const struct host_spec specs[] = {
		{ "flow.example.com", HOST_REGIONAL, 2 },
		{ "flow.example.com", HOST_GLOBAL, 0 },	/* the last wins */
		{ "gb.flow.example.com", HOST_REGIONAL, 3 },
		{ "build.example.com", HOST_MAIN, 0 },
		{ "[2001:db8::1]", HOST_GLOBAL, 0 },
	};
	static const struct {
		const char	*name;
		enum host_kind	 kind;
		uint8_t		 region;
	} rows[] = {
		{ "flow.example.com", HOST_GLOBAL, 0 },
		{ "gb.flow.example.com", HOST_REGIONAL, 3 },
		{ "build.example.com", HOST_MAIN, 0 },
		{ "[2001:db8::1]", HOST_GLOBAL, 0 },
		{ "xgb.flow.example.com", HOST_UNKNOWN, 0 },
		{ "example.com", HOST_UNKNOWN, 0 },
		{ "", HOST_UNKNOWN, 0 },
	};
	struct arena *arena = arena_new(0);
	const struct hosts *hosts = hosts_build(arena, specs, 5);
	const struct hosts *none = hosts_build(arena, NULL, 0);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct host_hit hit = hosts_find(hosts, slice_of(rows[i].name));

		if (hit.kind != rows[i].kind || hit.region != rows[i].region)
			fail_msg("%s: %s %d", rows[i].name,
			    host_kind_name(hit.kind), hit.region);
		assert_int_equal(hosts_find(none, slice_of(rows[i].name)).kind,
		    HOST_UNKNOWN);
	}
	arena_free(&arena);
}

static void
many_names(void **state)
{
	enum { MANY = 1000 };
	struct arena *arena = arena_new(0);
	struct host_spec *specs = arena_array(arena, MANY, sizeof(*specs));
	const struct hosts *hosts;

	(void)state;
	for (unsigned i = 0; i < MANY; i++)
		specs[i] = (struct host_spec){ arena_printf(arena,
		    "h%u.example.com", i), HOST_REGIONAL, (uint8_t)(i % 16) };
	hosts = hosts_build(arena, specs, MANY);
	for (unsigned i = 0; i < MANY; i++)
		assert_int_equal(hosts_find(hosts,
		    slice_of(specs[i].name)).region, i % 16);
	arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_their_kinds),
		cmocka_unit_test(many_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

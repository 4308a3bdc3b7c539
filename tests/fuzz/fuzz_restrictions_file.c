/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Any bytes as restrictions.yaml, and as expectations.yaml over a small map:
 * always a set, whose every combination can be walked.
 */
#include "base/must.h"
#include "conf/expectations.h"
#include "conf/restrictions_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_expectations(struct arena *arena, struct slice bytes)
{
	static struct region_map map = { .file = "map", .nregions = 2,
	    .regions = { { .id = "GB" }, { .id = "US" } },
	    .by_default = { .count = 1, .at = { "map", 1 } } };
	const struct expectations *all;
	struct mistakes mistakes;

	mistakes_init(&mistakes);
	all = expectations_parse(arena, "fuzz", bytes, &map, &mistakes);
	for (size_t i = 0; i < all->count; i++) {
		struct err err;

		must(all->list[i].region < map.nregions);
		if (all->list[i].kind != EXPECT_ADDRESS)
			must(expectation_holds(&all->list[i], &map, NULL,
			    &err) == (all->list[i].region == 0));
	}
	mistakes_fini(&mistakes);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t key[16];
	struct slice bytes = { (const char *)data, size };
	struct arena *arena = arena_new(0);
	const struct restrictions *set;
	struct restriction_hit hit;
	struct mistakes mistakes;
	size_t at = 0;

	mistakes_init(&mistakes);
	set = restrictions_file_parse(arena, "fuzz", bytes, key, 1, &mistakes);
	must(set != NULL);
	while (restrictions_next(set, &at, &hit))
		must(hit.tenant.access != NULL || hit.tenant.execution != NULL
		    || hit.flow.access != NULL || hit.flow.execution != NULL);
	mistakes_fini(&mistakes);
	check_expectations(arena, bytes);
	arena_free(&arena);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Restrictions as JSON.  Whatever is read must permit the same places when it
 * is written out and when it is intersected with itself.
 */
#include "base/must.h"
#include "policy/restrictions_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
permits_the_same(const struct restriction *r)
{
	struct restriction out, twice;

	if (r == NULL)
		return;
	out = *r;
	restriction_write_out(&out);
	restriction_intersect(&twice, r, &out);
	for (uint16_t c = 0; c <= COUNTRIES; c++) {
		struct place p = { PLACE_LOCATED, c == 0 ? CONTINENT_EU :
		    (uint8_t)country_continent(c), c };
		bool permitted = restriction_permits_place(r, p);

		must(restriction_permits_place(&out, p) == permitted);
		must(restriction_permits_place(&twice, p) == permitted);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(0);
	struct slice text = { (const char *)data, size };
	struct restriction_pair pair;
	struct err err;

	for (int tenant = 0; tenant < 2; tenant++) {
		if (!restrictions_from_text(arena, text, tenant == 1, &pair,
		    &err))
			continue;
		permits_the_same(pair.access);
		permits_the_same(pair.execution);
	}
	arena_free(&arena);
	return 0;
}

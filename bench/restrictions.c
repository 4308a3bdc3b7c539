/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What a set of restricted flows costs: its bytes, the time of finding what
 * binds a request, and of taking a change.
 *
 *	build/bench/restrictions [FLOWS]
 *
 * Method.  FLOWS (a million) flows with random GUIDs of a thousand tenants
 * are fed in pages of 50,000, as an edge takes them; each has one of a few
 * hundred different restrictions.  Beside it stands a set of ten flows.  Each
 * finding (by tenant and flow, and by the tag in a state id) is timed by
 * itself between two fenced readings of the processor's clock; the median of
 * the same readings with nothing between is taken off.  "ten" asks the small
 * set, "same ten" the large one for ten flows again and again, and "any" the
 * large one for a flow drawn at random each time, which is a cache miss or
 * several.  The best of five rounds counts, since other work on the machine
 * only ever adds.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/slab.h"
#include "lib/ticks.h"
#include "policy/guid.h"
#include "policy/restrictions.h"
#include "policy/state_id.h"

enum { TENANTS = 1000, PAGE = 50000, FINDS = 1 << 18, ROUNDS = 5, TEN = 10,
    CHANGES = 200 };

static const uint8_t key[16] = "not a secret";
static uint64_t ticks[FINDS];
static uint32_t drawn[FINDS];
static double ns_per_tick = 1, empty;
static char tenants[TENANTS][GUID_TEXT];
static char (*flows)[GUID_TEXT];
static uint32_t *tags;

/* --- the sets ------------------------------------------------------------------- */

static void
draw_guid(char text[GUID_TEXT])
{
	uint64_t both[2] = { next_random(), next_random() };

	guid_text((const uint8_t *)both, text);
}

static void
draw_restriction(struct restriction *r)
{
	*r = (struct restriction){ .continents = 0 };
	r->countries[next_random() % 3] = UINT64_C(2) << next_random() % 60;
	if (next_random() % 8 == 0)
		r->continents = 1 << 3;
}

static const struct restrictions *
make_set(size_t count)
{
	struct restrictions *set = NULL;

	for (size_t at = 0; at < count;) {
		struct restrictions_edit *edit = restrictions_edit_only(&set,
		    key);

		for (size_t n = 0; n < PAGE && at < count; n++, at++) {
			struct restriction access, execution;

			draw_restriction(&access);
			draw_restriction(&execution);
			restrictions_put(edit, tenants[at % TENANTS],
			    flows[at], (struct restriction_pair){ &access,
			    at % 2 == 0 ? &execution : NULL });
		}
		set = restrictions_edit_end(&edit, 1);
	}
	return set;
}

/* --- finding ---------------------------------------------------------------------- */

static void
use(struct restriction_hit hit)
{
	__asm__ volatile("" : : "r"(hit.flow.access) : "memory");
}

static double
find_once(const struct restrictions *set, size_t among, bool by_tag)
{
	for (size_t i = 0; i < FINDS; i++)
		drawn[i] = (uint32_t)(next_random() % among);
	for (size_t i = 0; i < FINDS; i++) {
		uint32_t at = drawn[i];
		struct slice tenant = { tenants[at % TENANTS], 36 };
		uint64_t t = ticks_now();

		use(by_tag ? restrictions_find_tag(set, tenant, tags[at]) :
		    restrictions_find(set, tenant,
		    (struct slice){ flows[at], 36 }));
		ticks[i] = ticks_now() - t;
	}
	return (ticks_percentile(ticks, FINDS, 0.5) - empty) * ns_per_tick;
}

static double
find(const struct restrictions *set, size_t among, bool by_tag)
{
	double best = find_once(set, among, by_tag);

	for (int i = 1; i < ROUNDS; i++) {
		double ns = find_once(set, among, by_tag);

		if (ns < best)
			best = ns;
	}
	return best;
}

/* --- changes ------------------------------------------------------------------------ */

static double
change(const struct restrictions **set, size_t count, bool new)
{
	uint64_t began = clock_us();

	for (size_t i = 0; i < CHANGES; i++) {
		struct restrictions_edit *edit = restrictions_edit(*set, NULL,
		    key);
		size_t at = next_random() % count;
		const struct restrictions *next;
		struct restriction r;
		char flow[GUID_TEXT];

		draw_restriction(&r);
		draw_guid(flow);
		restrictions_put(edit, tenants[at % TENANTS],
		    new ? flow : flows[at],
		    (struct restriction_pair){ &r, NULL });
		next = restrictions_edit_end(&edit, 2);
		restrictions_release(set);
		*set = next;
	}
	return (double)(clock_us() - began) / CHANGES;
}

static size_t
memory(void)
{
	struct mallinfo2 heap = mallinfo2();

	return heap.uordblks + heap.hblkhd + slab_bytes();
}

int
main(int argc, char **argv)
{
	size_t count = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000000;
	const struct restrictions *small, *large;
	size_t before;
	uint64_t us;

	if (count < TEN)
		count = TEN;
	ns_per_tick = ticks_calibrate();
	empty = ticks_of_nothing(ticks, FINDS);
	flows = xcalloc(count, sizeof(*flows));
	tags = xcalloc(count, sizeof(*tags));
	for (size_t i = 0; i < TENANTS; i++)
		draw_guid(tenants[i]);
	for (size_t i = 0; i < count; i++) {
		draw_guid(flows[i]);
		tags[i] = flow_tag(key, slice_of(tenants[i % TENANTS]),
		    slice_of(flows[i]));
	}
	small = make_set(TEN);
	before = memory();
	us = clock_us();
	large = make_set(count);
	us = clock_us() - us;
	printf("%zu flows of %d tenants: %.1f MiB counted, %.1f MiB of "
	    "memory, taken in %.2f s\n", count, TENANTS,
	    (double)restrictions_bytes(large) / (1 << 20),
	    (double)(memory() - before) / (1 << 20), (double)us / 1e6);
	printf("find by flow: ten %.0f ns, same ten of many %.0f ns, "
	    "any of many %.0f ns\n", find(small, TEN, false),
	    find(large, TEN, false), find(large, count, false));
	printf("find by tag: ten %.0f ns, same ten of many %.0f ns, "
	    "any of many %.0f ns\n", find(small, TEN, true),
	    find(large, TEN, true), find(large, count, true));
	printf("a new flow: %.0f us; a flow that changes: %.0f us\n",
	    change(&large, count, true), change(&large, count, false));
	restrictions_release(&small);
	restrictions_release(&large);
	free(tags);
	free(flows);
	return 0;
}

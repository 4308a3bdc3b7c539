/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * A set that came about by edits answers as one that was built at once.
 */
#include "world.h"

#include "base/must.h"
#include "policy/state_id.h"

enum { TENANTS = 6, FLOWS = 40, KINDS = 7 };

static const char *const kinds[KINDS] = {
	NULL, NULL, "DE", "DE FR", "+EU", "SZ US", ""
};

/* What is restricted, as the test knows it; kind 0 and 1: nothing. */
struct truth {
	unsigned	 own[TENANTS][2], flows[TENANTS][FLOWS][2];
};

/* A few names for many tags would never share one: some flows of all tenants
 * have one tag, found by trying. */
static char names[TENANTS][FLOWS][24];

static const char *
tenant_name(unsigned t)
{
	static const char *const tenants[TENANTS] = {
		"1b6c2b2f-3f1d-4a7e-9a52-2f1f5f1f0a01", "t1", "t2", "t3",
		"t4", "t5"
	};

	return tenants[t];
}

static void
name_flows(void)
{
	enum { TRIED = 60000 };
	struct { uint32_t tag; unsigned t, i; } *all = calloc(TRIED,
	    sizeof(*all)), *found;
	unsigned used[TENANTS] = { 0 };
	char name[24];
	static unsigned by_tag[1 << 24];

	for (unsigned n = 0; n < TRIED; n++) {
		unsigned t = n % TENANTS, before;

		snprintf(name, sizeof(name), "flow-%u", n);
		all[n].tag = flow_tag(world_key, slice_of(tenant_name(t)),
		    slice_of(name));
		all[n].t = t;
		before = by_tag[all[n].tag];
		by_tag[all[n].tag] = n + 1;
		if (before == 0)
			continue;
		found = (void *)&all[before - 1];
		for (unsigned k = 0; k < 2; k++) {
			unsigned of = k == 0 ? found->t : t;
			unsigned number = k == 0 ? before - 1 : n;

			if (used[of] < FLOWS / 2)
				snprintf(names[of][used[of]++], 24, "flow-%u",
				    number);
		}
	}
	for (unsigned t = 0; t < TENANTS; t++)
		for (unsigned i = used[t]; i < FLOWS; i++)
			snprintf(names[t][i], 24, "other-%u-%u", t, i);
	free(all);
	assert_true(used[0] + used[1] + used[2] > 0);	/* some do share */
}

static struct restriction_pair
pair_of(struct arena *arena, const unsigned kind[2])
{
	return world_pair(arena, kinds[kind[0]], kinds[kind[1]]);
}

static const struct restrictions *
built(struct arena *arena, const struct truth *truth)
{
	struct restrictions_builder *b = restrictions_begin(arena, world_key);

	for (unsigned t = 0; t < TENANTS; t++) {
		must(restrictions_add(b, tenant_name(t), NULL,
		    pair_of(arena, truth->own[t])));
		for (unsigned i = 0; i < FLOWS; i++)
			must(restrictions_add(b, tenant_name(t), names[t][i],
			    pair_of(arena, truth->flows[t][i])));
	}
	return restrictions_build(b, 1);
}

static bool
same_restriction(const struct restriction *a, const struct restriction *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return memcmp(a->countries, b->countries, sizeof(a->countries)) == 0 &&
	    a->continents == b->continents;
}

static bool
same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static void
same_hit(struct restriction_hit a, struct restriction_hit b, const char *what)
{
	if (!same_restriction(a.tenant.access, b.tenant.access) ||
	    !same_restriction(a.tenant.execution, b.tenant.execution) ||
	    !same_restriction(a.flow.access, b.flow.access) ||
	    !same_restriction(a.flow.execution, b.flow.execution) ||
	    !same_text(a.tenant_id, b.tenant_id) ||
	    !same_text(a.flow_id, b.flow_id))
		fail_msg("%s differs: %s/%s and %s/%s", what, a.tenant_id,
		    a.flow_id, b.tenant_id, b.flow_id);
}

static bool
has_flows(const struct restrictions *set, struct slice tenant)
{
	struct restriction_query query;

	restrictions_ask(&query, set, tenant);
	return restrictions_has_flows(&query);
}

static void
same_sets(const struct restrictions *a, const struct restrictions *b)
{
	struct slice nobody = { NULL, 0 };

	assert_int_equal(restrictions_count(a), restrictions_count(b));
	same_hit(restrictions_find_any(a, nobody),
	    restrictions_find_any(b, nobody), "everything");
	for (unsigned t = 0; t < TENANTS; t++) {
		struct slice tenant = slice_of(tenant_name(t));

		assert_int_equal(has_flows(a, tenant), has_flows(b, tenant));
		same_hit(restrictions_find_any(a, tenant),
		    restrictions_find_any(b, tenant), "any");
		for (unsigned i = 0; i < FLOWS; i++) {
			struct slice flow = slice_of(names[t][i]);
			uint32_t tag = flow_tag(world_key, tenant, flow);

			same_hit(restrictions_find(a, tenant, flow),
			    restrictions_find(b, tenant, flow), "flow");
			same_hit(restrictions_find_tag(a, tenant, tag),
			    restrictions_find_tag(b, tenant, tag), "tag");
			same_hit(restrictions_find_tag(a, nobody, tag),
			    restrictions_find_tag(b, nobody, tag),
			    "tag alone");
		}
	}
}

static uint32_t
dice(uint32_t *seed, uint32_t sides)
{
	*seed = *seed * 1664525 + 1013904223;
	return (*seed >> 8) % sides;
}

static void
change(struct restrictions_edit *edit, struct arena *arena,
    struct truth *truth, uint32_t *seed)
{
	unsigned t = dice(seed, TENANTS), i = dice(seed, FLOWS);
	bool own = dice(seed, 6) == 0;
	unsigned *kind = own ? truth->own[t] : truth->flows[t][i];

	kind[0] = dice(seed, KINDS);
	kind[1] = dice(seed, KINDS);
	assert_true(restrictions_put(edit, tenant_name(t),
	    own ? NULL : names[t][i], pair_of(arena, kind)));
}

static void
edits_are_as_good_as_building(void **state)
{
	struct truth truth = { 0 };
	struct restrictions *set = NULL;
	uint32_t seed = 4711;

	(void)state;
	name_flows();
	for (unsigned round = 0; round < 300; round++) {
		struct arena *arena = arena_new(0);
		const struct restrictions *before = round % 2 == 0 ? set :
		    NULL;
		struct restrictions_edit *edit = before != NULL ?
		    restrictions_edit(before, NULL, world_key) :
		    restrictions_edit_only(&set, world_key);

		for (unsigned n = dice(&seed, 8); n > 0; n--)
			change(edit, arena, &truth, &seed);
		set = restrictions_edit_end(&edit, round);
		restrictions_release(&before);
		assert_int_equal(restrictions_revision(set), round);
		same_sets(set, built(arena, &truth));
		arena_free(&arena);
	}
	restrictions_release((const struct restrictions **)(void *)&set);
}

static void
a_set_outlives_the_next(void **state)
{
	struct arena *arena = arena_new(0);
	struct restrictions_edit *edit = restrictions_edit(NULL, NULL,
	    world_key);
	const struct restrictions *first, *second, *mine;

	(void)state;
	assert_true(restrictions_put(edit, "t", "f",
	    world_pair(arena, "DE", NULL)));
	assert_false(restrictions_put(edit, "t", "no name",
	    world_pair(arena, "DE", NULL)));
	first = restrictions_edit_end(&edit, 1);
	mine = restrictions_hold(first);
	edit = restrictions_edit(first, NULL, world_key);
	assert_true(restrictions_put(edit, "t", "f",
	    world_pair(arena, NULL, NULL)));
	assert_true(restrictions_put(edit, "t", "g",
	    world_pair(arena, NULL, "FR")));
	second = restrictions_edit_end(&edit, 2);
	restrictions_release(&first);
	assert_null(first);
	assert_non_null(restrictions_find(mine, SLICE("t"),
	    SLICE("f")).flow.access);
	assert_null(restrictions_find(second, SLICE("t"),
	    SLICE("f")).flow.access);
	assert_non_null(restrictions_find(second, SLICE("t"),
	    SLICE("g")).flow.execution);
	assert_int_equal(restrictions_count(second), 2);
	edit = restrictions_edit(second, NULL, world_key);
	restrictions_edit_cancel(&edit);
	restrictions_release(&mine);
	restrictions_release(&second);
	arena_free(&arena);
}

static void
entries_make_the_set_again(void **state)
{
	struct arena *arena = arena_new(0);
	struct restrictions_edit *edit = restrictions_edit(NULL, NULL,
	    world_key), *copy = restrictions_edit(NULL, NULL, world_key);
	const struct restrictions *set, *again;
	struct restriction_entry entry;
	struct truth truth = { 0 };
	uint32_t seed = 7;
	uint64_t at = 0;
	size_t count = 0;

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		change(edit, arena, &truth, &seed);
	set = restrictions_edit_end(&edit, 1);
	while (restrictions_next_entry(set, &at, &entry)) {
		assert_true(restrictions_put(copy, entry.tenant, entry.flow,
		    entry.pair));
		count++;
	}
	assert_int_equal(count, restrictions_count(set));
	assert_false(restrictions_next_entry(set, &at, &entry));
	again = restrictions_edit_end(&copy, 1);
	same_sets(set, again);
	assert_true(restrictions_bytes(set) > 0);
	restrictions_release(&set);
	restrictions_release(&again);
	arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(edits_are_as_good_as_building),
		cmocka_unit_test(a_set_outlives_the_next),
		cmocka_unit_test(entries_make_the_set_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

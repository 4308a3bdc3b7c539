/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "conf/expectations.h"

#include "conf/file.h"
#include "conf/region_rules.h"
#include "conf/schema.h"
#include "conf/value.h"

struct reading {
	struct schema_reader reader;
	const struct region_map *map;
	struct expectations *found;
};

/* The answer to one place, as a map of keys. */
struct answer {
	const struct region_map *map;
	int		 region;	/* -1: none that is known */
	uint16_t	 country;
};

/* --- reading -------------------------------------------------------------------- */

static bool
read_place(struct expectation *e, struct slice text, struct err *err)
{
	static const struct slice country = SLICE("country:");
	static const struct slice continent = SLICE("continent:");
	enum continent number;

	if (slice_starts_nocase(text, country)) {
		e->kind = EXPECT_COUNTRY;
		text.p += country.len;
		text.len -= country.len;
		if (!value_country(&e->place.country, text, err))
			return false;
		e->place.continent =
		    (uint8_t)country_continent(e->place.country);
	} else if (slice_starts_nocase(text, continent)) {
		e->kind = EXPECT_CONTINENT;
		text.p += continent.len;
		text.len -= continent.len;
		if (!value_continent(&number, text, err))
			return false;
		e->place.continent = (uint8_t)number;
	} else {
		e->kind = EXPECT_ADDRESS;
		return addr_parse(&e->address, text) ||
		    err_set(err, "no place; write an address, country:FR or "
		    "continent:AF");
	}
	e->place.class = PLACE_LOCATED;
	return true;
}

static void
read_region(const struct schema_reader *reader, const struct yaml_node *node,
    void *target)
{
	struct answer *answer = target;

	answer->region = region_rules_id(reader, answer->map, node);
}

static const struct schema_row answer_rows[] = {
	{ "region", SCHEMA_CUSTOM, .read = read_region, .required = true },
	{ "country", SCHEMA_COUNTRY, SCHEMA_AT(struct answer, country) },
	{ 0 },
};

static bool
read_answer(struct reading *r, const struct yaml_node *node,
    struct expectation *e)
{
	struct answer answer = { .map = r->map, .region = -1 };

	if (node->kind == YAML_MAP)
		schema_read(&r->reader, answer_rows, node, &answer);
	else
		read_region(&r->reader, node, &answer);
	if (answer.country != 0 && e->kind != EXPECT_ADDRESS)
		schema_mistake(&r->reader, node, "a country can be expected "
		    "of an address alone");
	e->region = (uint8_t)answer.region;
	e->country = answer.country;
	return answer.region >= 0;
}

static void
read_expect(const struct schema_reader *reader, const struct yaml_node *node,
    void *target)
{
	struct reading *r = target;
	struct expectation *list;
	struct err err;

	if (!schema_is_map(reader, node))
		return;
	list = arena_array(reader->arena, node->count, sizeof(*list));
	for (const struct yaml_node *n = node->first; n != NULL; n = n->next) {
		struct expectation *e = &list[r->found->count];
		bool known;

		*e = (struct expectation){ .text = n->key,
		    .mark = n->key_mark };
		known = read_place(e, slice_of(n->key), &err);
		if (!known)
			schema_key_mistake(reader, n, "%s", err.text);
		r->found->count += read_answer(r, n, e) && known;
	}
	r->found->list = list;
}

static const struct schema_row rows[] = {
	{ "version", SCHEMA_CUSTOM, .read = schema_read_version,
	    .required = true },
	{ "expect", SCHEMA_CUSTOM, .read = read_expect, .required = true },
	{ 0 },
};

static const struct expectations *
from_tree(struct arena *arena, const struct yaml_node *root,
    const struct region_map *map, struct mistakes *mistakes)
{
	struct reading r = { .reader = { arena, mistakes, ".", NULL }, .map = map,
	    .found = arena_alloc(arena, sizeof(*r.found)) };

	if (root != NULL)
		schema_read(&r.reader, rows, root, &r);
	return r.found;
}

const struct expectations *
expectations_load(struct arena *arena, const char *file,
    const struct region_map *map, struct mistakes *mistakes)
{
	return from_tree(arena, yaml_read(arena, file, mistakes), map,
	    mistakes);
}

const struct expectations *
expectations_parse(struct arena *arena, const char *file, struct slice bytes,
    const struct region_map *map, struct mistakes *mistakes)
{
	return from_tree(arena, yaml_parse(arena, file, bytes, mistakes), map,
	    mistakes);
}

/* --- trying ----------------------------------------------------------------------- */

static const char *
first_region(const struct region_map *map, const struct region_list *list)
{
	return map->regions[list->regions[0]].id;
}

static bool
check_region(const struct expectation *e, const struct region_map *map,
    const struct region_list *list, enum region_match match, struct err *err)
{
	if (list->regions[0] == e->region)
		return true;
	return err_set(err, "expected region %s, but %s goes to %s by %s "
	    "(%s:%u)", map->regions[e->region].id, e->text,
	    first_region(map, list), region_match_name(match), list->at.file,
	    list->at.line);
}

bool
expectation_holds(const struct expectation *e, const struct region_map *map,
    const struct geo_table *geo, struct err *err)
{
	struct region_hit by_place;
	struct geo_hit hit;

	if (e->kind != EXPECT_ADDRESS) {
		by_place = region_map_place(map, e->place);
		return check_region(e, map, by_place.list, by_place.match,
		    err);
	}
	hit = geo_table_find(geo, &e->address);
	if (e->country != 0 && hit.place.country != e->country)
		return err_set(err, "expected country %s, but %s is in %s",
		    country_code(e->country), e->text,
		    hit.place.country != 0 ? country_code(hit.place.country) :
		    "no known country");
	return check_region(e, map, hit.list, hit.match, err);
}

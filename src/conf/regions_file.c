/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "conf/regions_file.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "conf/file.h"
#include "conf/region_rules.h"
#include "conf/value.h"

struct reading {
	struct schema_reader reader;
	struct region_map *map;
	struct map	*hosts, *engines;	/* name -> its yaml_node */
};

/* What the keys of one region are read into. */
struct region_entry {
	struct reading	*reading;
	struct region	*region;
	const char	*name, *city;
	uint16_t	 country;
	double		 lat, lon;
	unsigned	 number;
};

/* --- hosts and engines -------------------------------------------------------------- */

/* Notes that node says name; tells the mistake if another one did before. */
static bool
is_first(struct reading *r, struct map *seen, const char *name,
    const struct yaml_node *node, const char *what)
{
	const struct yaml_node *twin = map_get(seen, slice_of(name));

	if (twin != NULL)
		schema_mistake(&r->reader, node, "%s '%.200s' stands in line "
		    "%u already; leave it to one region", what, name, twin->mark.line);
	else
		map_put(seen, slice_of(name), (void *)(uintptr_t)node);
	return twin == NULL;
}

static void
read_hosts(const struct schema_reader *reader, const struct yaml_node *node,
    void *target)
{
	struct region_entry *entry = target;
	const struct yaml_node *const *nodes;
	const char *const *texts;
	size_t n = schema_texts(reader, node, &texts, &nodes), count = 0;
	const char **list = arena_array(reader->arena, n, sizeof(*list));
	struct err err;

	for (size_t i = 0; i < n; i++) {
		if (!value_host(&list[count], reader->arena, nodes[i]->text,
		    &err))
			schema_mistake(reader, nodes[i], "%s", err.text);
		else if (is_first(entry->reading, entry->reading->hosts,
		    list[count], nodes[i], "host"))
			count++;
	}
	entry->region->hosts = list;
	entry->region->nhosts = count;
}

/* By region_engine.proxy. */
static const char *const proxy_versions[] = { "no", "v2", NULL };

static const struct schema_row engine_rows[] = {
	{ "url", SCHEMA_TEXT, SCHEMA_AT(struct region_engine, url),
	    .required = true },
	{ "weight", SCHEMA_NUMBER, SCHEMA_AT(struct region_engine, weight),
	    .fallback = "1", .least = 1, .most = 1000 },
	{ "proxy", SCHEMA_CHOICE, SCHEMA_AT(struct region_engine, proxy),
	    .choices = proxy_versions, .fallback = "no" },
	{ 0 },
};

/* An engine in two regions would break what both promise about residency. */
static bool
check_engine(struct region_entry *entry, const struct yaml_node *node,
    const char *url)
{
	struct reading *r = entry->reading;
	char text[ENDPOINT_TEXT];
	struct endpoint endpoint;
	struct err err;

	if (value_endpoint(&endpoint, slice_of(url), &err))
		return is_first(r, r->engines, endpoint_text(&endpoint, text),
		    node, "engine");
	schema_mistake(&r->reader, node, "%s", err.text);
	return false;
}

static bool
read_engine(struct region_entry *entry, const struct yaml_node *node,
    struct region_engine *engine)
{
	const struct schema_reader *reader = &entry->reading->reader;
	const struct yaml_node *url = node;

	*engine = (struct region_engine){ .weight = 1,
	    .at = { entry->reading->map->file, node->mark.line } };
	if (node->kind == YAML_MAP) {
		schema_read(reader, engine_rows, node, engine);
		url = yaml_get(node, "url");
	} else if (schema_is_text(reader, node)) {
		engine->url = arena_copy(reader->arena, node->text);
	}
	return engine->url != NULL && check_engine(entry, url, engine->url);
}

static void
read_engines(const struct schema_reader *reader, const struct yaml_node *node,
    void *target)
{
	struct region_entry *entry = target;
	struct region_engine *list;
	size_t count = 0;

	if (!schema_is_list(reader, node) || node->kind != YAML_LIST)
		return;
	list = arena_array(reader->arena, node->count, sizeof(*list));
	for (const struct yaml_node *n = node->first; n != NULL; n = n->next)
		count += read_engine(entry, n, &list[count]);
	entry->region->engines = list;
	entry->region->nengines = count;
}

/* --- location and fallback ------------------------------------------------------------ */

static void
read_continent(const struct schema_reader *reader,
    const struct yaml_node *node, void *target)
{
	struct region_entry *entry = target;
	enum continent continent, right = country_continent(entry->country);
	struct err err;

	if (!schema_is_text(reader, node))
		return;
	if (!value_continent(&continent, node->text, &err))
		schema_mistake(reader, node, "%s", err.text);
	else if (entry->country != 0 && continent != right)
		schema_mistake(reader, node, "%s lies in %s, not in %s; "
		    "write %s", country_name(entry->country),
		    continent_code(right), continent_code(continent),
		    continent_code(right));
}

/* Other regions, in order. */
static void
read_others(const struct schema_reader *reader, const struct yaml_node *node,
    const struct region_entry *entry, uint8_t others[REGIONS_MAX],
    uint8_t *count)
{
	struct region_map *map = entry->reading->map;
	struct region_rules rules = { reader, map };
	struct region_list list;

	if (yaml_is_nothing(node) ||
	    (node->kind == YAML_LIST && node->count == 0))
		return;
	region_rules_list(&rules, node, &list);
	for (unsigned i = 0; i < list.count; i++) {
		if (&map->regions[list.regions[i]] == entry->region)
			schema_mistake(reader, node, "names '%s' itself; name "
			    "another region, or leave it out",
			    entry->region->id);
		else
			others[(*count)++] = list.regions[i];
	}
}

static void
read_fallback(const struct schema_reader *reader,
    const struct yaml_node *node, void *target)
{
	struct region_entry *entry = target;

	read_others(reader, node, entry, entry->region->fallback,
	    &entry->region->nfallback);
}

static void
read_successor(const struct schema_reader *reader,
    const struct yaml_node *node, void *target)
{
	struct region_entry *entry = target;

	read_others(reader, node, entry, entry->region->successors,
	    &entry->region->nsuccessors);
	entry->region->successor_line = node->mark.line;
	entry->region->successor_column = node->mark.column;
}

/* Country stands before continent, which is compared with it. */
static const struct schema_row location_rows[] = {
	{ "city", SCHEMA_TEXT, SCHEMA_AT(struct region_entry, city) },
	{ "country", SCHEMA_COUNTRY, SCHEMA_AT(struct region_entry, country),
	    .required = true },
	{ "continent", SCHEMA_CUSTOM, .read = read_continent },
	{ "lat", SCHEMA_REAL, SCHEMA_AT(struct region_entry, lat),
	    .lowest = -90, .highest = 90, .required = true },
	{ "lon", SCHEMA_REAL, SCHEMA_AT(struct region_entry, lon),
	    .lowest = -180, .highest = 180, .required = true },
	{ 0 },
};

static const struct schema_row region_rows[] = {
	{ "name", SCHEMA_TEXT, SCHEMA_AT(struct region_entry, name) },
	{ "number", SCHEMA_NUMBER, SCHEMA_AT(struct region_entry, number),
	    .most = REGION_NUMBER_MAX },
	{ "location", SCHEMA_SECTION, .section = location_rows,
	    .required = true },
	{ "hosts", SCHEMA_CUSTOM, .read = read_hosts },
	{ "engines", SCHEMA_CUSTOM, .read = read_engines },
	{ "fallback", SCHEMA_CUSTOM, .read = read_fallback },
	{ "successor", SCHEMA_CUSTOM, .read = read_successor },
	{ 0 },
};

/* --- regions ---------------------------------------------------------------------------- */

static bool
is_region_id(const char *id)
{
	size_t len = strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789-_");

	return len > 0 && len < REGION_ID_MAX && id[len] == '\0';
}

/* All ids first: a fallback may name a region that stands further below. */
static void
read_ids(struct reading *r, const struct yaml_node *node)
{
	for (const struct yaml_node *n = node->first; n != NULL; n = n->next) {
		struct region *region = &r->map->regions[r->map->nregions];

		if (r->map->nregions == REGIONS_MAX) {
			schema_key_mistake(&r->reader, n,
			    "more than %d regions", REGIONS_MAX);
			return;
		}
		if (!is_region_id(n->key)) {
			schema_key_mistake(&r->reader, n, "a region's id is "
			    "up to %d letters, digits, '-' and '_'",
			    REGION_ID_MAX - 1);
			continue;
		}
		snprintf(region->id, sizeof(region->id), "%s", n->key);
		region->at = (struct source_line){ r->map->file,
		    n->key_mark.line };
		region->number = r->map->nregions;
		r->map->nregions++;
	}
}

static void
read_region(struct reading *r, const struct yaml_node *node,
    struct region *region)
{
	struct region_entry entry = { .reading = r, .region = region,
	    .name = region->id, .city = "", .number = region->number };

	schema_read(&r->reader, region_rows, node, &entry);
	region->name = entry.name;
	region->city = entry.city;
	region->country = entry.country;
	region->continent = country_continent(entry.country);
	region->lat = entry.lat;
	region->lon = entry.lon;
	region->number = (uint8_t)entry.number;
}

/* Two regions of one number would be given each other's states.  Where only
 * some are numbered, another's place in the file may be what one says. */
static void
check_numbers(struct reading *r, const struct yaml_node *node)
{
	const struct region_map *map = r->map;

	for (unsigned i = 1; i < map->nregions; i++) {
		const struct region *region = &map->regions[i];
		int twin = region_numbered(map, region->number);

		if (twin < (int)i)
			schema_key_mistake(&r->reader, yaml_get(node,
			    region->id), "its number %u is also that of '%s'; "
			    "without a key 'number' it is the place in the "
			    "file, from 0; give this one another", region->number,
			    map->regions[twin].id);
	}
}

static void
read_regions(const struct schema_reader *reader, const struct yaml_node *node,
    void *target)
{
	struct reading *r = target;

	if (!schema_is_map(reader, node))
		return;
	if (node->count == 0)
		schema_mistake(reader, node, "no region; a map has one at least");
	read_ids(r, node);
	for (const struct yaml_node *n = node->first; n != NULL; n = n->next) {
		int region = region_find(r->map, slice_of(n->key));

		if (region >= 0)
			read_region(r, n, &r->map->regions[region]);
	}
	check_numbers(r, node);
}

/* --- what no rule leads to --------------------------------------------------------------- */

static void
add_list(struct region_set *set, const struct region_list *list)
{
	for (unsigned i = 0; i < list->count; i++)
		region_set_add(set, list->regions[i]);
}

static struct region_set
named_by_rules(const struct region_map *map)
{
	struct region_set set = { 0 };

	add_list(&set, &map->by_default);
	for (unsigned i = 0; i <= COUNTRIES; i++)
		add_list(&set, &map->countries[i]);
	for (unsigned i = 0; i < CONTINENTS; i++)
		add_list(&set, &map->continents[i]);
	for (size_t i = 0; i < map->nnetworks; i++)
		add_list(&set, &map->networks[i].list);
	return set;
}

/* With the fallbacks of what is reached, and theirs. */
static struct region_set
reachable(const struct region_map *map)
{
	struct region_set set = named_by_rules(map), before;

	do {
		before = set;
		for (unsigned i = 0; i < map->nregions; i++)
			for (unsigned k = 0; region_set_has(set, i) &&
			    k < map->regions[i].nfallback; k++)
				region_set_add(&set,
				    map->regions[i].fallback[k]);
	} while (before.bits != set.bits);
	return set;
}

static void
warn_unreachable(struct reading *r, const struct yaml_node *root)
{
	struct region_set set = reachable(r->map);
	const struct yaml_node *regions = yaml_get(root, "regions");

	for (unsigned i = 0; i < r->map->nregions; i++) {
		const struct region *region = &r->map->regions[i];

		if (!region_set_has(set, i))
			schema_key_warn(&r->reader,
			    yaml_get(regions, region->id), "no rule and no "
			    "fallback leads to this region%s", region->nhosts >
			    0 ? "; only its own hosts do" : "");
	}
}

/* --- the whole file ------------------------------------------------------------------------ */

/* The rules: read after the regions, wherever they stand in the file. */
static void
accept_rule(const struct schema_reader *reader, const struct yaml_node *node,
    void *target)
{
	(void)reader;
	(void)node;
	(void)target;
}

static const struct schema_row rows[] = {
	{ "version", SCHEMA_CUSTOM, .read = schema_read_version,
	    .required = true },
	{ "regions", SCHEMA_CUSTOM, .read = read_regions, .required = true },
	{ "default", SCHEMA_CUSTOM, .read = accept_rule, .required = true },
	{ "networks", SCHEMA_CUSTOM, .read = accept_rule },
	{ "continents", SCHEMA_CUSTOM, .read = accept_rule },
	{ "countries", SCHEMA_CUSTOM, .read = accept_rule },
	{ 0 },
};

static const struct region_map *
from_tree(struct arena *arena, const char *file, const struct yaml_node *root,
    struct mistakes *mistakes)
{
	struct reading r = { .reader = { arena, mistakes,
	    file_dir(arena, file), NULL } };
	struct region_rules rules = { &r.reader, NULL };
	size_t errors = mistakes->errors;

	if (root == NULL)
		return NULL;
	rules.map = r.map = arena_alloc(arena, sizeof(*r.map));
	r.map->file = arena_strdup(arena, file);
	r.hosts = map_new();
	r.engines = map_new();
	schema_read(&r.reader, rows, root, &r);
	map_free(&r.hosts);
	map_free(&r.engines);
	if (r.map->nregions == 0)
		return NULL;
	region_rules_read(&rules, root);
	if (mistakes->errors == errors)
		warn_unreachable(&r, root);
	return r.map;
}

const struct region_map *
regions_file_load(struct arena *arena, const char *file,
    struct mistakes *mistakes, const struct yaml_node **root)
{
	const struct yaml_node *tree = yaml_read(arena, file, mistakes);

	if (root != NULL)
		*root = tree;
	return from_tree(arena, file, tree, mistakes);
}

const struct region_map *
regions_file_parse(struct arena *arena, const char *file, struct slice bytes,
    struct mistakes *mistakes, const struct yaml_node **root)
{
	const struct yaml_node *tree = yaml_parse(arena, file, bytes, mistakes);

	if (root != NULL)
		*root = tree;
	return from_tree(arena, file, tree, mistakes);
}

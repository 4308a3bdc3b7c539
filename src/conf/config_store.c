/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "conf/config_store.h"

#include <stdlib.h>
#include <string.h>

#include "base/slice.h"
#include "conf/conninfo.h"
#include "conf/region_rules.h"

/* --- peers -------------------------------------------------------------------------- */

static void
read_peers(const struct schema_reader *reader, const struct yaml_node *node,
    void *target)
{
	struct config *config = target;
	struct config_store_peer *list;
	size_t count = 0;

	if (!schema_is_map(reader, node))
		return;
	list = arena_array(reader->arena, node->count, sizeof(*list));
	for (const struct yaml_node *n = node->first; n != NULL; n = n->next) {
		if (!schema_is_text(reader, n))
			continue;
		list[count].region = n->key;
		list[count].conninfo = arena_printf(reader->arena, "%.*s",
		    SLICE_ARG(n->text));
		list[count++].at = (struct source_line){ config->file,
		    n->key_mark.line };
	}
	config->store.peers = list;
	config->store.npeers = count;
}

/* --- sets --------------------------------------------------------------------------- */

static int
by_id(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The same in each of its regions, in whatever order they are written. */
static const char *
name_set(struct arena *arena, const char *const *regions, size_t count)
{
	const char **sorted = arena_array(arena, count + 1, sizeof(*sorted));
	const char *name = "";
	char *lower;

	for (size_t i = 0; i < count; i++)
		sorted[i] = regions[i];
	qsort(sorted, count, sizeof(*sorted), by_id);
	for (size_t i = 0; i < count; i++)
		name = arena_printf(arena, "%s%s%s", name, i > 0 ? "_" : "",
		    sorted[i]);
	lower = arena_strdup(arena, name);
	for (char *c = lower; *c != '\0'; c++)
		*c = ascii_lower(*c);
	return lower;
}

static void
read_set_regions(const struct schema_reader *reader,
    const struct yaml_node *node, void *target)
{
	struct config_store_set *set = target;

	set->nregions = schema_texts(reader, node, &set->regions, NULL);
	set->name = name_set(reader->arena, set->regions, set->nregions);
	if (set->nregions == 0)
		schema_mistake(reader, node, "a set has one region at least; "
		    "name it, or take the set out");
	else if (strlen(set->name) > CONFIG_SET_NAME_MAX)
		schema_mistake(reader, node, "the set's name would be %s, and "
		    "PostgreSQL has no room for it in the names of slots: %d "
		    "characters at most", set->name, CONFIG_SET_NAME_MAX);
}

static const struct schema_row set_rows[] = {
	{ "regions", SCHEMA_CUSTOM, .read = read_set_regions,
	    .required = true },
	{ "database", SCHEMA_TEXT, SCHEMA_AT(struct config_store_set,
	    database), .required = true },
	{ "port", SCHEMA_NUMBER, SCHEMA_AT(struct config_store_set, port),
	    .fallback = "0", .most = 65535 },
	{ 0 },
};

static void
read_sets(const struct schema_reader *reader, const struct yaml_node *node,
    void *target)
{
	struct config *config = target;
	struct config_store_set *list;
	size_t count = 0;

	if (!schema_is_list(reader, node))
		return;
	list = arena_array(reader->arena, node->count, sizeof(*list));
	for (const struct yaml_node *n = node->first; n != NULL; n = n->next) {
		if (!schema_is_map(reader, n))
			continue;
		schema_read(reader, set_rows, n, &list[count]);
		if (list[count].database != NULL &&
		    strlen(list[count].database) > CONFIG_DATABASE_MAX)
			schema_mistake(reader, yaml_get(n, "database"), "the "
			    "name of a database has at most %d characters",
			    CONFIG_DATABASE_MAX);
		if (list[count].name != NULL && list[count].database != NULL)
			count++;
	}
	if (count > CONFIG_SETS_MAX) {
		schema_mistake(reader, node, "at most %d sets",
		    CONFIG_SETS_MAX);
		count = CONFIG_SETS_MAX;
	}
	config->store.sets = list;
	config->store.nsets = count;
}

/* --- the section -------------------------------------------------------------------- */

const struct schema_row config_store_rows[] = {
	{ "postgres", SCHEMA_TEXT, SCHEMA_AT(struct config, store.postgres),
	    .required = true, .hide = conninfo_hide },
	{ "peers", SCHEMA_CUSTOM, .read = read_peers, .hide = conninfo_hide },
	{ "sets", SCHEMA_CUSTOM, .read = read_sets, .section = set_rows,
	    .each = true },
	{ 0 },
};

void
config_store(const struct schema_reader *reader, const struct yaml_node *node,
    void *target)
{
	struct config *config = target;
	const struct yaml_node *at;

	if (!schema_is_map(reader, node))
		return;
	schema_read(reader, config_store_rows, node, target);
	at = yaml_get(node, "postgres");
	if (at != NULL) {
		config->store.line = at->mark.line;
		config->store.column = at->mark.column;
	}
}

/* --- what it says of regions ---------------------------------------------------------- */

static bool
names(const struct config_store_set *set, const char *region)
{
	for (size_t i = 0; i < set->nregions; i++)
		if (strcmp(set->regions[i], region) == 0)
			return true;
	return false;
}

static void
check_set_regions(const struct schema_reader *reader,
    const struct yaml_node *node, const struct config *config,
    const struct region_map *map)
{
	const struct yaml_node *const *nodes;
	struct config_store_set set = { .nregions = 0 };
	size_t count = schema_texts(reader, node, &set.regions, &nodes);

	for (size_t i = 0; i < count; i++) {
		set.nregions = i;
		if (region_find(map, slice_of(set.regions[i])) < 0)
			schema_mistake(reader, nodes[i], "no region of the "
			    "map%s", region_rules_hint(reader, map,
			    slice_of(set.regions[i])));
		else if (names(&set, set.regions[i]))
			schema_mistake(reader, nodes[i], "%s stands there "
			    "twice", set.regions[i]);
	}
	set.nregions = count;
	if (count > 0 && config->region != NULL &&
	    !names(&set, config->region))
		schema_mistake(reader, node, "%s, the region of this file, is "
		    "not one of them: a set is named in its own regions alone; "
		    "add it, or take the set out",
		    config->region);
}

/* Those before that it is the same as. */
static void
check_twice(const struct schema_reader *reader, const struct yaml_node *node,
    const struct config *config, size_t at)
{
	const struct config_store_set *sets = config->store.sets;

	for (size_t i = 0; i < at; i++) {
		if (strcmp(sets[i].name, sets[at].name) == 0)
			schema_mistake(reader, yaml_get(node, "regions"),
			    "these regions have the database %s already; take "
			    "one of the two sets out",
			    sets[i].database);
		else if (strcmp(sets[i].database, sets[at].database) == 0)
			schema_mistake(reader, yaml_get(node, "database"),
			    "is the database of another set (%s); give this "
			    "one its own",
			    sets[i].name);
	}
}

/* Of regions that share a server nobody is kept out, whatever there is. */
static void
warn_sets(const struct schema_reader *reader, const struct yaml_node *list,
    const struct config *config)
{
	bool beside = false;

	for (size_t i = 0; i < config->store.nsets; i++)
		beside |= config->store.sets[i].port == 0;
	if (beside)
		schema_warn(reader, list, "a database without port is on the "
		    "server of the one for all regions, and whoever "
		    "replicates from that may copy the whole server: where "
		    "regions have different operators, give it a server of "
		    "its own");
}

void
config_store_check(const struct schema_reader *reader,
    const struct yaml_node *root, const struct config *config,
    const struct region_map *map)
{
	const struct yaml_node *list = yaml_get(yaml_get(root, "store"),
	    "sets");
	size_t errors = reader->mistakes->errors, at = 0;
	bool alone = false;

	if (list == NULL || list->kind != YAML_LIST ||
	    list->count != config->store.nsets)
		return;
	for (const struct yaml_node *n = list->first; n != NULL; n = n->next) {
		check_set_regions(reader, yaml_get(n, "regions"), config, map);
		check_twice(reader, n, config, at);
		alone |= config->store.sets[at].nregions == 1;
		at++;
	}
	if (at > 0 && !alone && reader->mistakes->errors == errors)
		schema_mistake(reader, list, "none is of %s alone: states that "
		    "fit in no other set need a database, too",
		    config->region);
	if (reader->mistakes->errors == errors)
		warn_sets(reader, list, config);
}

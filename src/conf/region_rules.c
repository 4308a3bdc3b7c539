/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "conf/region_rules.h"

#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "conf/value.h"

enum { DAY_MS = 24 * 3600 * 1000 };

/* The region named alike but for case, or by the country that a wrong code
 * stands for.  Nearness says little about ids of two letters: UK is no US. */
static const char *
likely_region(const struct region_map *map, struct slice id)
{
	const char *why, *country = country_suggest(id, &why);

	for (unsigned i = 0; i < map->nregions; i++)
		if (slice_eq_nocase(id, slice_of(map->regions[i].id)))
			return map->regions[i].id;
	if (id.len > 2 || country == NULL)
		return NULL;
	return region_find(map, slice_of(country)) < 0 ? NULL : country;
}

const char *
region_rules_hint(const struct schema_reader *reader,
    const struct region_map *map, struct slice id)
{
	const char *ids[REGIONS_MAX], *likely = likely_region(map, id);

	for (unsigned i = 0; i < map->nregions; i++)
		ids[i] = map->regions[i].id;
	if (likely != NULL)
		return arena_printf(reader->arena, "; did you mean '%s'?",
		    likely);
	/* Nothing is near to the empty word, so the known ones are listed. */
	return schema_hint(reader, id.len > 2 ? id : (struct slice){ "", 0 },
	    ids, map->nregions);
}

int
region_rules_id(const struct schema_reader *reader,
    const struct region_map *map, const struct yaml_node *node)
{
	int region;

	if (!schema_is_text(reader, node))
		return -1;
	region = region_find(map, node->text);
	if (region >= 0)
		return region;
	schema_mistake(reader, node, "%s is no region of the map%s",
	    value_quote(reader->arena, node->text),
	    region_rules_hint(reader, map, node->text));
	return -1;
}

void
region_rules_list(const struct region_rules *rules,
    const struct yaml_node *node, struct region_list *list)
{
	struct region_set seen = { 0 };
	const struct yaml_node *n = node->kind == YAML_LIST ? node->first :
	    node;

	*list = (struct region_list){ .at = { rules->map->file,
	    node->mark.line } };
	if (node->kind == YAML_LIST && n == NULL)
		schema_mistake(rules->reader, node, "no region; name one of the "
		    "map");
	for (; n != NULL; n = n == node ? NULL : n->next) {
		int region = region_rules_id(rules->reader, rules->map, n);

		if (region < 0)
			continue;
		if (region_set_has(seen, (unsigned)region)) {
			schema_mistake(rules->reader, n,
			    "'%s' is listed twice", n->text.p);
			continue;
		}
		region_set_add(&seen, (unsigned)region);
		list->regions[list->count++] = (uint8_t)region;
	}
}

/* --- countries, continents, default ------------------------------------------------- */

static void
read_countries(const struct region_rules *rules, const struct yaml_node *node)
{
	struct region_list ignored;
	struct err err;

	if (!schema_is_map(rules->reader, node))
		return;
	for (const struct yaml_node *n = node->first; n != NULL; n = n->next) {
		uint16_t country;
		bool known = value_country(&country, slice_of(n->key), &err);

		if (!known)
			schema_key_mistake(rules->reader, n, "%s", err.text);
		region_rules_list(rules, n, known ?
		    &rules->map->countries[country] : &ignored);
	}
}

static void
read_continents(const struct region_rules *rules,
    const struct yaml_node *node)
{
	struct region_list ignored;
	struct err err;

	if (!schema_is_map(rules->reader, node))
		return;
	for (const struct yaml_node *n = node->first; n != NULL; n = n->next) {
		enum continent continent;
		bool known = value_continent(&continent, slice_of(n->key),
		    &err);

		if (!known)
			schema_key_mistake(rules->reader, n, "%s", err.text);
		region_rules_list(rules, n, known ?
		    &rules->map->continents[continent] : &ignored);
	}
}

static void
read_default(const struct region_rules *rules, const struct yaml_node *root)
{
	const struct yaml_node *node = yaml_get(root, "default");
	struct region_list *list = &rules->map->by_default;

	if (node != NULL)
		region_rules_list(rules, node, list);
	/* The map is total even beside the mistake that was told. */
	if (list->count == 0)
		*list = (struct region_list){ { 0 }, 1,
		    { rules->map->file, 0 } };
}

/* --- networks ----------------------------------------------------------------------- */

/* What a network's map of keys is read into. */
struct network_entry {
	const struct region_rules *rules;
	struct region_network network;
	uint16_t	 country;
};

static void
read_regions(const struct schema_reader *reader, const struct yaml_node *node,
    void *target)
{
	struct network_entry *entry = target;

	(void)reader;
	if (entry->network.list.count > 0)
		schema_key_mistake(reader, node, "'region' and 'regions' at "
		    "once; give one of them");
	else if (node->kind != YAML_BAD)
		region_rules_list(entry->rules, node, &entry->network.list);
}

static void
read_expiry(const struct schema_reader *reader, const struct yaml_node *node,
    void *target)
{
	int64_t day, today = (int64_t)(clock_unix_ms() / DAY_MS);
	struct err err;

	(void)target;			/* there is no more to it */
	if (!schema_is_text(reader, node))
		return;
	if (!value_date(&day, node->text, &err))
		schema_mistake(reader, node, "%s", err.text);
	else if (day < today)
		schema_warn(reader, node, "expired on %s, and still in force; "
		    "take the network out or give it more time",
		    node->text.p);
}

static const struct schema_row network_rows[] = {
	{ "region", SCHEMA_CUSTOM, .read = read_regions },
	{ "regions", SCHEMA_CUSTOM, .read = read_regions },
	{ "country", SCHEMA_COUNTRY, SCHEMA_AT(struct network_entry, country) },
	{ "reason", SCHEMA_TEXT,
	    SCHEMA_AT(struct network_entry, network.reason) },
	{ "owner", SCHEMA_TEXT,
	    SCHEMA_AT(struct network_entry, network.owner) },
	{ "expires", SCHEMA_CUSTOM, .read = read_expiry },
	{ 0 },
};

static void
read_network_map(const struct region_rules *rules,
    const struct yaml_node *node, struct region_network *network)
{
	struct network_entry entry = { .rules = rules, .network = *network };

	schema_read(rules->reader, network_rows, node, &entry);
	if (yaml_get(node, "region") == NULL &&
	    yaml_get(node, "regions") == NULL &&
	    yaml_get(node, "country") == NULL)
		schema_mistake(rules->reader, node, "neither a region nor a "
		    "country, so nothing would change; give one, or take the "
		    "network out");
	if (entry.country != 0)
		entry.network.place = (struct place){ PLACE_LOCATED,
		    (uint8_t)country_continent(entry.country),
		    entry.country };
	*network = entry.network;
}

/* Family, length and bits: equal for equal networks. */
static struct slice
network_key(const struct cidr *net, char key[18])
{
	memset(key, 0, 18);
	key[0] = (char)net->base.family;
	key[1] = (char)net->bits;
	memcpy(key + 2, net->base.bytes, net->base.family == ADDR_IP4 ? 4 : 16);
	return (struct slice){ key, 18 };
}

static bool
read_net(const struct region_rules *rules, const struct yaml_node *n,
    struct map *seen, struct cidr *net)
{
	const struct yaml_node *twin;
	char key[18];
	struct err err;

	if (!value_cidr(net, slice_of(n->key), &err)) {
		schema_key_mistake(rules->reader, n, "%s", err.text);
		return false;
	}
	twin = map_put(seen, network_key(net, key), (void *)(uintptr_t)n);
	if (twin != NULL)
		schema_key_mistake(rules->reader, n, "the same network stands "
		    "in line %u already; take one of the two out", twin->key_mark.line);
	if (net->bits == 0)
		schema_key_warn(rules->reader, n, "covers every address of its "
		    "kind, so countries and continents are never asked");
	return true;
}

static void
read_networks(const struct region_rules *rules, const struct yaml_node *node)
{
	struct region_network *list;
	struct map *seen;
	size_t count = 0;

	if (!schema_is_map(rules->reader, node) || node->count == 0)
		return;
	list = arena_array(rules->reader->arena, node->count, sizeof(*list));
	seen = map_new();
	for (const struct yaml_node *n = node->first; n != NULL; n = n->next) {
		struct region_network *network = &list[count];

		count += read_net(rules, n, seen, &network->net);
		network->list.at = (struct source_line){ rules->map->file,
		    n->key_mark.line };
		if (n->kind == YAML_MAP)
			read_network_map(rules, n, network);
		else
			region_rules_list(rules, n, &network->list);
	}
	map_free(&seen);
	rules->map->networks = list;
	rules->map->nnetworks = count;
}

void
region_rules_read(const struct region_rules *rules,
    const struct yaml_node *root)
{
	const struct yaml_node *networks = yaml_get(root, "networks");
	const struct yaml_node *countries = yaml_get(root, "countries");
	const struct yaml_node *continents = yaml_get(root, "continents");

	read_default(rules, root);
	if (networks != NULL)
		read_networks(rules, networks);
	if (continents != NULL)
		read_continents(rules, continents);
	if (countries != NULL)
		read_countries(rules, countries);
}

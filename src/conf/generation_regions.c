/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "conf/generation_regions.h"

#include <string.h>

#include "conf/config_store.h"
#include "conf/region_rules.h"

/* --- regions ----------------------------------------------------------------------- */

/* What portolan.yaml says, held against the map. */
struct named {
	struct generation *g;
	const struct schema_reader *reader;
	const struct yaml_node *root;
	const struct region_map *map;
};

static int
region_named(const struct named *n, const char *key)
{
	const struct yaml_node *node = yaml_get(n->root, key);

	if (node == NULL || node->kind != YAML_TEXT || yaml_is_nothing(node))
		return -1;
	return region_rules_id(n->reader, n->map, node);
}

static void
check_peer(const struct named *n, const struct yaml_node *node)
{
	if (region_find(n->map, slice_of(node->key)) < 0)
		schema_key_mistake(n->reader, node, "no region of the map%s",
		    region_rules_hint(n->reader, n->map,
		    slice_of(node->key)));
	else if (n->g->config->region != NULL &&
	    strcmp(n->g->config->region, node->key) == 0)
		schema_key_mistake(n->reader, node, "the region of this edge "
		    "itself; peers are the others");
}

static void
check_peers(const struct named *n, const struct yaml_node *peers)
{
	if (peers == NULL || peers->kind != YAML_MAP)
		return;
	for (const struct yaml_node *peer = peers->first; peer != NULL;
	    peer = peer->next)
		check_peer(n, peer);
}

/* Whose hosts are passed on. */
static void
note_in_region(const struct named *n)
{
	for (size_t i = 0; i < n->g->config->link.npeers; i++) {
		const struct config_peer *peer = &n->g->config->link.peers[i];
		int region = region_find(n->map, slice_of(peer->region));

		if (region < 0 || !peer->in_region)
			continue;
		region_set_add(&n->g->policy.in_region, (unsigned)region);
		n->g->tls_ports[region] = (uint16_t)peer->tls_port;
	}
}

static bool
has_peer(const struct config *config, const char *region)
{
	for (size_t i = 0; i < config->link.npeers; i++)
		if (strcmp(config->link.peers[i].region, region) == 0)
			return true;
	return false;
}

static bool
has_store_peer(const struct config *config, const char *region)
{
	for (size_t i = 0; i < config->store.npeers; i++)
		if (strcmp(config->store.peers[i].region, region) == 0)
			return true;
	return false;
}

/* Other regions of the map that the list at path should name, and does not. */
static void
warn_unnamed(const struct named *n, const char *path, const char *what,
    bool (*has)(const struct config *config, const char *region))
{
	struct buf names = { 0 };
	const char *them;

	for (unsigned i = 0; i < n->map->nregions; i++) {
		const char *id = n->map->regions[i].id;

		if (strcmp(id, n->g->config->region) != 0 &&
		    !has(n->g->config, id))
			buf_printf(&names, "%s%s", names.len > 0 ? ", " : "",
			    id);
	}
	them = names.len > 0 && memchr(names.p, ',', names.len) != NULL ?
	    "them" : "it";
	if (names.len > 0)
		schema_warn_at(n->reader, n->root, path, "%s %s: %s does not "
		    "name %s; add %s there", what, buf_cstr(&names), path,
		    them, them);
	buf_fini(&names);
}

static void
warn_no_engines(const struct named *n)
{
	if (n->g->config->engines.embedded == 0 &&
	    n->map->regions[n->g->policy.self].nengines == 0)
		schema_warn_at(n->reader, n->root, "engines",
		    "region %s has no engines: list some in the map, or set "
		    "engines.embedded", n->g->config->region);
}

void
generation_regions_check(struct generation *g,
    const struct schema_reader *reader, const struct yaml_node *root,
    const struct region_map *map)
{
	struct named n = { g, reader, root, map };
	size_t errors = reader->mistakes->errors;
	int self = region_named(&n, "region");
	int main_region = region_named(&n, "main_region");

	check_peers(&n, yaml_get(yaml_get(root, "link"), "peers"));
	check_peers(&n, yaml_get(yaml_get(root, "store"), "peers"));
	config_store_check(reader, root, g->config, map);
	if (self < 0 || main_region < 0)
		return;
	g->policy.self = (uint8_t)self;
	g->policy.main = (uint8_t)main_region;
	note_in_region(&n);
	if (reader->mistakes->errors > errors)
		return;
	warn_unnamed(&n, "link.peers", "no way from here to", has_peer);
	if (g->config->store.postgres != NULL)
		warn_unnamed(&n, "store.peers",
		    "no way to the states at home in", has_store_peer);
	warn_no_engines(&n);
}

/* --- hosts ------------------------------------------------------------------------- */

static bool
is_listed(const char *const *names, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

/* What portolan.yaml says of a name wins over the map. */
void
generation_hosts_build(struct generation *g,
    const struct schema_reader *reader, const struct yaml_node *root,
    const struct region_map *map)
{
	const struct config *c = g->config;
	size_t count = 0, room = c->nglobal_hosts + c->nmain_hosts;
	struct host_spec *specs;

	for (unsigned i = 0; i < map->nregions; i++)
		room += map->regions[i].nhosts;
	specs = arena_array(g->arena, room, sizeof(*specs));
	for (size_t i = 0; i < c->nglobal_hosts; i++)
		specs[count++] = (struct host_spec){ c->global_hosts[i],
		    HOST_GLOBAL, 0 };
	for (size_t i = 0; i < c->nmain_hosts; i++)
		specs[count++] = (struct host_spec){ c->main_hosts[i],
		    HOST_MAIN, g->policy.main };
	for (unsigned i = 0; i < map->nregions; i++) {
		const struct region *region = &map->regions[i];

		for (size_t k = 0; k < region->nhosts; k++)
			if (!is_listed(c->global_hosts, c->nglobal_hosts,
			    region->hosts[k]) && !is_listed(c->main_hosts,
			    c->nmain_hosts, region->hosts[k]))
				specs[count++] = (struct host_spec){
				    region->hosts[k], HOST_REGIONAL,
				    (uint8_t)i };
	}
	g->policy.hosts = hosts_build(g->arena, specs, count);
	if (c->nglobal_hosts == 0)
		schema_warn_at(reader, root, "hosts.global",
		    "no global host: each request stays in the region that its "
		    "host name belongs to, whatever the map says");
}

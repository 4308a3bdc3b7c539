/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "conf/generation.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/must.h"
#include "conf/database.h"
#include "conf/file.h"
#include "conf/generation_tls.h"
#include "conf/key_file.h"
#include "conf/region_rules.h"
#include "conf/regions_file.h"
#include "conf/restrictions_file.h"

/* A generation in the making. */
struct loading {
	struct generation *g;
	enum load_depth	 depth;
	const struct generation *before;
	const struct last_good *copies;	/* to be read instead; NULL: none */
	struct slice	 candidate;	/* instead of the region map; p NULL: none */
	struct schema_reader reader;
	struct config	*config;
	const struct yaml_node *root;	/* of portolan.yaml */
	const struct region_map *map;
};

/* --- which files ------------------------------------------------------------------ */

/* Where to read it, which is noted. */
static const char *
place_of(struct loading *l, enum good_file which, const char *path)
{
	if (path == NULL)
		return NULL;
	if (l->copies != NULL && l->copies->path[which][0] != '\0')
		return l->copies->path[which];
	files_read_note(l->g->files, which, path);
	return path;
}

/* --- regions that portolan.yaml names --------------------------------------------- */

static int
region_named(struct loading *l, const char *key)
{
	const struct yaml_node *node = yaml_get(l->root, key);

	if (node == NULL || node->kind != YAML_TEXT || yaml_is_nothing(node))
		return -1;
	return region_rules_id(&l->reader, l->map, node);
}

static void
check_peer(struct loading *l, const struct yaml_node *node)
{
	if (region_find(l->map, slice_of(node->key)) < 0)
		schema_key_mistake(&l->reader, node, "no region of the map%s",
		    region_rules_hint(&l->reader, l->map,
		    slice_of(node->key)));
	else if (l->config->region != NULL &&
	    strcmp(l->config->region, node->key) == 0)
		schema_key_mistake(&l->reader, node, "the region of this edge "
		    "itself; peers are the others");
}

static void
check_peers(struct loading *l, const struct yaml_node *peers)
{
	if (peers == NULL || peers->kind != YAML_MAP)
		return;
	for (const struct yaml_node *n = peers->first; n != NULL; n = n->next)
		check_peer(l, n);
}

/* Whose hosts are passed on. */
static void
note_in_region(struct loading *l)
{
	for (size_t i = 0; i < l->config->link.npeers; i++) {
		const struct config_peer *peer = &l->config->link.peers[i];
		int region = region_find(l->map, slice_of(peer->region));

		if (region < 0 || !peer->in_region)
			continue;
		region_set_add(&l->g->policy.in_region, (unsigned)region);
		l->g->tls_ports[region] = (uint16_t)peer->tls_port;
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

/* Told at the line that names it; NULL, no file at all, is in order. */
static bool
is_there(struct loading *l, const char *path, const char *file)
{
	if (file == NULL || access(file, R_OK) == 0)
		return true;
	schema_mistake_at(&l->reader, l->root, path, "%s: cannot be opened: %s; "
	    "names are relative to the directory of this file", file,
	    strerror(errno));
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
warn_unnamed(struct loading *l, const char *path, const char *what,
    bool (*has)(const struct config *config, const char *region))
{
	struct buf names = { 0 };

	for (unsigned i = 0; i < l->map->nregions; i++) {
		const char *id = l->map->regions[i].id;

		if (strcmp(id, l->config->region) != 0 && !has(l->config, id))
			buf_printf(&names, "%s%s", names.len > 0 ? ", " : "",
			    id);
	}
	if (names.len > 0)
		schema_warn_at(&l->reader, l->root, path,
		    "%s %s: %s does not name %s", what, buf_cstr(&names), path,
		    memchr(names.p, ',', names.len) != NULL ? "them" : "it");
	buf_fini(&names);
}

static void
warn_no_engines(struct loading *l)
{
	if (l->config->engines.embedded == 0 &&
	    l->map->regions[l->g->policy.self].nengines == 0)
		schema_warn_at(&l->reader, l->root, "engines",
		    "region %s has no engines: list some in the map, or set "
		    "engines.embedded", l->config->region);
}

static void
check_regions(struct loading *l)
{
	const struct yaml_node *peers = yaml_get(yaml_get(l->root, "link"),
	    "peers");
	size_t errors = l->reader.mistakes->errors;
	int self = region_named(l, "region");
	int main_region = region_named(l, "main_region");

	check_peers(l, peers);
	check_peers(l, yaml_get(yaml_get(l->root, "store"), "peers"));
	if (self < 0 || main_region < 0)
		return;
	l->g->policy.self = (uint8_t)self;
	l->g->policy.main = (uint8_t)main_region;
	note_in_region(l);
	if (l->reader.mistakes->errors == errors) {
		warn_unnamed(l, "link.peers", "no way from here to",
		    has_peer);
		if (l->config->store.postgres != NULL)
			warn_unnamed(l, "store.peers",
			    "no way to the states at home in",
			    has_store_peer);
		warn_no_engines(l);
	}
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
static void
build_hosts(struct loading *l)
{
	const struct config *c = l->config;
	size_t count = 0, room = c->nglobal_hosts + c->nmain_hosts;
	struct host_spec *specs;

	for (unsigned i = 0; i < l->map->nregions; i++)
		room += l->map->regions[i].nhosts;
	specs = arena_array(l->g->arena, room, sizeof(*specs));
	for (size_t i = 0; i < c->nglobal_hosts; i++)
		specs[count++] = (struct host_spec){ c->global_hosts[i],
		    HOST_GLOBAL, 0 };
	for (size_t i = 0; i < c->nmain_hosts; i++)
		specs[count++] = (struct host_spec){ c->main_hosts[i],
		    HOST_MAIN, l->g->policy.main };
	for (unsigned i = 0; i < l->map->nregions; i++) {
		const struct region *region = &l->map->regions[i];

		for (size_t k = 0; k < region->nhosts; k++)
			if (!is_listed(c->global_hosts, c->nglobal_hosts,
			    region->hosts[k]) && !is_listed(c->main_hosts,
			    c->nmain_hosts, region->hosts[k]))
				specs[count++] = (struct host_spec){
				    region->hosts[k], HOST_REGIONAL,
				    (uint8_t)i };
	}
	l->g->policy.hosts = hosts_build(l->g->arena, specs, count);
	if (c->nglobal_hosts == 0)
		schema_warn_at(&l->reader, l->root, "hosts.global",
		    "no global host: each request stays in the region that its "
		    "host name belongs to, whatever the map says");
}

/* --- restrictions ---------------------------------------------------------------------- */

bool
config_read_tag_key(const struct config *config, uint8_t key[16],
    struct err *err)
{
	memset(key, 0, 16);
	return config->policy.tag_key_file == NULL || key_file_read(key,
	    (struct key_size){ 16, 16 }, config->policy.tag_key_file, err) > 0;
}

static bool
any_flow_is_restricted(const struct restrictions *set)
{
	struct restriction_hit hit;
	size_t at = 0;

	while (restrictions_next(set, &at, &hit))
		if (hit.flow.access != NULL || hit.flow.execution != NULL)
			return true;
	return false;
}

/* A state id tells its flow by a tag under the key; where the edges' keys
 * differ from the engines', the tag is another flow's, or nobody's. */
static void
warn_no_tag_key(struct loading *l)
{
	if (l->config->engines.embedded > 0 &&
	    l->config->policy.tag_key_file == NULL &&
	    (l->config->policy.source == RESTRICTIONS_OF_ENGINES ||
	    (l->g->policy.restrictions != NULL &&
	    any_flow_is_restricted(l->g->policy.restrictions))))
		schema_warn_at(&l->reader, l->root, "policy.flow_tag_key",
		    "flows are restricted and engines of our own make state "
		    "ids, so anybody can make an id that looks like another "
		    "flow's: make a key (openssl rand -hex 16 > flow-tag.key), "
		    "put the same file into every region, and name it here");
}

/* Those of copies are as old as when they were last compared. */
static uint64_t
age_of_copies(const struct loading *l)
{
	uint64_t now = clock_unix_ms(), up = clock_ms(), age;

	if (l->copies == NULL || l->copies->unix_ms >= now)
		return 0;
	age = now - l->copies->unix_ms;
	return age < up ? age : up;
}

static void
load_restrictions(struct loading *l)
{
	const char *file = place_of(l, GOOD_RESTRICTIONS,
	    l->config->policy.restrictions);
	struct err err;

	if (!is_there(l, "policy.restrictions", file))
		return;

	if (l->depth != LOAD_PURE && !config_read_tag_key(l->config,
	    l->config->policy.tag_key, &err))
		schema_mistake_at(&l->reader, l->root, "policy.flow_tag_key",
		    "%s", err.text);
	l->g->policy.restrictions = restrictions_file_load(l->g->arena,
	    file, l->config->policy.tag_key, l->g->id, l->reader.mistakes);
	l->g->restrictions_read_ms = clock_ms() - age_of_copies(l);
	warn_no_tag_key(l);
}

/* --- expectations ------------------------------------------------------------------------ */

static void
load_expectations(struct loading *l)
{
	static const struct expectations none;
	const char *file = place_of(l, GOOD_EXPECTATIONS,
	    l->config->geo.expectations);

	if (!is_there(l, "geo.expectations", file))
		return;
	l->g->expectations = file == NULL ? &none :
	    expectations_load(l->g->arena, file, l->map, l->reader.mistakes);
}

/* Of one kind: addresses, or all others. */
static void
try_expectations(struct loading *l, bool addresses)
{
	const struct expectations *all = l->g->expectations;
	struct err err;

	for (size_t i = 0; i < all->count; i++) {
		const struct expectation *e = &all->list[i];

		if ((e->kind == EXPECT_ADDRESS) == addresses &&
		    !expectation_holds(e, l->map, l->g->geo, &err))
			mistakes_add(l->reader.mistakes, e->mark,
			    arena_printf(l->reader.arena, "expect.%.80s",
			    e->text), "%s", err.text);
	}
}

/* --- the database ------------------------------------------------------------------------- */

static void
warn_age(struct loading *l)
{
	uint64_t built = mmdb_info(l->g->db)->build_epoch * 1000;
	uint64_t now = clock_unix_ms();
	uint64_t age = now > built ? now - built : 0;
	const unsigned long long day = 24 * 3600 * 1000;

	if (age > l->config->geo.max_age_ms)
		schema_warn_at(&l->reader, l->root, "geo.database",
		    "the database was built %llu days ago, more than "
		    "geo.max_age allows; get a new one", age / day);
	else if (age > l->config->geo.warn_age_ms)
		schema_warn_at(&l->reader, l->root, "geo.database",
		    "the database was built %llu days ago; get a new one",
		    age / day);
}

/* Under the database in service, or none, which is then compiled anew. */
static void
use_database(struct loading *l, struct database *database)
{
	geo_table_free(&l->g->geo);
	database_release(&l->g->database);
	l->g->database = database;
	l->g->db = database == NULL ? NULL : database->mmdb;
	l->g->geo = geo_table_build(l->g->db, l->map);
}

/* The file's database is not taken: the former one stays, if there is one. */
static void
hold_back(struct loading *l, const char *why)
{
	if (l->before == NULL || l->before->database == NULL) {
		schema_mistake_at(&l->reader, l->root, "geo.database", "%s",
		    why);
		return;
	}
	use_database(l, database_hold(l->before->database));
	l->g->database_held = arena_strdup(l->g->arena, why);
	schema_warn_at(&l->reader, l->root, "geo.database",
	    "the new database is held back and the old one stays in service: "
	    "%s", why);
}

static void
load_new_database(struct loading *l)
{
	struct database *old = l->before == NULL ? NULL :
	    l->before->database;
	struct database *new;
	struct err err;

	new = database_open(place_of(l, GOOD_DATABASE,
	    l->config->geo.database), &err);
	if (new == NULL) {
		hold_back(l, err.text);
		return;
	}
	use_database(l, new);
	if (old == NULL)
		return;
	if (!guard_allows(&(struct guard){ old->mmdb, new->mmdb, l->g->geo,
	    l->map, l->g->expectations, l->config->geo.max_changed }, &err))
		hold_back(l, err.text);
}

static void
load_database(struct loading *l)
{
	const char *path = l->config->geo.database;
	struct database *old = l->before == NULL ? NULL :
	    l->before->database;

	if (path == NULL)
		use_database(l, NULL);
	else if (old != NULL && database_is_current(old, place_of(l,
	    GOOD_DATABASE, path)))
		use_database(l, database_hold(old));
	else
		load_new_database(l);
	if (l->g->db != NULL)
		warn_age(l);
	if (l->g->geo != NULL && l->depth == LOAD_FULL)
		try_expectations(l, true);
}

/* --- testers ------------------------------------------------------------------------------ */

/* Not for `portolan explain`: who asks may not be who reads keys. */
static void
load_explain_keys(struct loading *l)
{
	struct err err;

	if (!config_read_explain_keys(l->g->arena, l->config,
	    &l->config->explain.keys, &err))
		schema_mistake_at(&l->reader, l->root,
		    yaml_get(yaml_get(l->root, "explain"), "key") != NULL ?
		    "explain.key" : "explain.keys", "%s", err.text);
}

static void
load_address_key(struct loading *l)
{
	struct err err;

	if (!config_read_address_key(l->config, l->config->address_key, &err))
		schema_mistake_at(&l->reader, l->root, "client_address.key",
		    "%s", err.text);
}

/* --- all together --------------------------------------------------------------------------- */

/* Its text is kept: whoever asks for the map gets what is in service. */
static void
load_map(struct loading *l)
{
	const char *file = place_of(l, GOOD_REGIONS, l->config->region_map);
	struct generation *g = l->g;
	struct buf text = { 0 };
	struct err err;

	if (!is_there(l, "regions", file))
		return;
	if (l->candidate.p != NULL) {
		buf_slice(&text, l->candidate);
	} else if (!file_read(&text, file, YAML_FILE_BYTES, &err)) {
		mistakes_add(l->reader.mistakes, (struct mark){ .file = file },
		    "", "%s", err.text);
		buf_fini(&text);
		return;
	}
	g->map_text = (struct slice){ arena_copy(g->arena, buf_all(&text)),
	    text.len };
	revision_of(g->map_text, g->map_revision);
	l->map = regions_file_parse(g->arena, file, g->map_text,
	    l->reader.mistakes, NULL);
	buf_fini(&text);
}

static bool
load_files(struct loading *l)
{
	struct mistakes *m = l->reader.mistakes;

	if (l->config == NULL)
		return false;
	load_map(l);
	load_restrictions(l);
	if (l->map == NULL)
		return false;
	check_regions(l);
	load_expectations(l);
	if (m->errors > 0)
		return false;
	build_hosts(l);
	try_expectations(l, false);
	return m->errors == 0;
}

static bool
load_the_rest(struct loading *l)
{
	if (l->depth >= LOAD_DECISIONS)
		load_database(l);
	else
		use_database(l, NULL);
	if (l->depth == LOAD_FULL) {
		generation_tls_load(l->g, &l->reader, l->root,
		    &l->map->regions[l->g->policy.self]);
		load_explain_keys(l);
		load_address_key(l);
	}
	return l->reader.mistakes->errors == 0;
}

static void
complete(struct loading *l)
{
	struct generation *g = l->g;
	const struct config *c = l->config;

	g->config = c;
	g->policy.generation = g->id;
	g->policy.map = l->map;
	g->policy.geo = g->geo;
	g->policy.paths = path_classes_build(g->arena, c->runtime_paths,
	    c->nruntime_paths);
	g->trust = client_trust_build(g->arena, c->trusted, c->ntrusted,
	    c->trusted_hops, c->client_field);
	g->loaded_unix_ms = clock_unix_ms();
	atomic_init(&g->holders, 1);
}

/* The names in the copy are relative to where the file itself is. */
static struct config *
config_of_copy(struct loading *l, const char *file,
    struct mistakes *mistakes)
{
	struct buf text = { 0 };
	struct config *config = NULL;
	struct err err;

	if (file_read(&text, l->copies->path[GOOD_CONFIG], YAML_FILE_BYTES,
	    &err))
		config = config_parse(l->g->arena, file, buf_all(&text),
		    mistakes, &l->root);
	else
		mistakes_add(mistakes, (struct mark){ .file =
		    l->copies->path[GOOD_CONFIG] }, "", "%s", err.text);
	buf_fini(&text);
	return config;
}

static struct generation *
load(const char *file, struct loading *l, struct mistakes *mistakes)
{
	static atomic_uint_fast64_t ids;
	struct arena *arena = arena_new(0);

	l->g = arena_alloc(arena, sizeof(*l->g));
	l->g->arena = arena;
	l->g->id = atomic_fetch_add(&ids, 1) + 1;
	l->g->files = arena_alloc(arena, sizeof(*l->g->files));
	l->g->from_copies = l->copies != NULL;
	files_read_note(l->g->files, GOOD_CONFIG, file);
	l->config = l->copies != NULL ? config_of_copy(l, file, mistakes) :
	    config_load(arena, file, mistakes, &l->root);
	l->g->config = l->config;
	l->reader = (struct schema_reader){ arena, mistakes, ".", NULL };
	if (load_files(l) && load_the_rest(l))
		complete(l);
	else
		generation_free(&l->g);
	return l->g;
}

struct generation *
generation_load(const char *file, enum load_depth depth,
    const struct generation *before, struct mistakes *mistakes)
{
	struct loading l = { .depth = depth, .before = before };

	return load(file, &l, mistakes);
}

struct generation *
generation_load_candidate(const char *file, const struct generation *before,
    struct slice map, struct mistakes *mistakes)
{
	struct loading l = { .depth = LOAD_FULL, .before = before,
	    .candidate = map };

	return load(file, &l, mistakes);
}

struct generation *
generation_load_copies(const char *file, const struct last_good *copies,
    struct mistakes *mistakes)
{
	struct loading l = { .depth = LOAD_FULL, .copies = copies };

	return load(file, &l, mistakes);
}

bool
generation_release(struct generation *g)
{
	int before = atomic_fetch_sub(&g->holders, 1);

	must(before > 0);
	return before == 1;
}

void
generation_free(struct generation **g)
{
	struct generation *gone = *g;
	struct arena *arena;

	if (gone == NULL)
		return;
	*g = NULL;
	arena = gone->arena;
	generation_tls_free(gone);
	geo_table_free(&gone->geo);
	database_release(&gone->database);
	arena_free(&arena);
}

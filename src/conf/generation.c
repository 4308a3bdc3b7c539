/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "conf/generation.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/must.h"
#include "conf/database.h"
#include "conf/file.h"
#include "conf/generation_regions.h"
#include "conf/generation_tls.h"
#include "conf/key_file.h"
#include "conf/regions_file.h"
#include "conf/restrictions_file.h"
#include "conf/successors.h"

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

/* Told at the line that names it; NULL, no file at all, is in order. */
static bool
is_there(struct loading *l, const char *path, const char *file)
{
	struct stat st;

	if (file == NULL || (access(file, R_OK) == 0 &&
	    !(stat(file, &st) == 0 && S_ISDIR(st.st_mode))))
		return true;
	if (access(file, R_OK) == 0)
		errno = EISDIR;
	schema_mistake_at(&l->reader, l->root, path, "%s: cannot be opened: %s; "
	    "names are relative to the directory of this file", file,
	    strerror(errno));
	return false;
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
		    "flow's: make a key (umask 077; openssl rand -hex 16 > "
		    "flow-tag.key), put the same file into every region, and "
		    "name it here");
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
	const char *path = place_of(l, GOOD_DATABASE, l->config->geo.database);
	struct database *new;
	struct err err;

	new = database_open(path, &err);
	if (new == NULL) {
		hold_back(l, access(path, F_OK) == 0 ? err.text :
		    arena_printf(l->g->arena, "%s; names are relative to the "
		    "directory of this file", err.text));
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

static const char *
explain_path(const struct loading *l)
{
	return yaml_get(yaml_get(l->root, "explain"), "key") != NULL ?
	    "explain.key" : "explain.keys";
}

/* Not for `portolan explain`: who asks may not be who reads keys. */
static void
load_explain_keys(struct loading *l)
{
	struct err err;

	if (!config_read_explain_keys(l->g->arena, l->config,
	    &l->config->explain.keys, &err))
		schema_mistake_at(&l->reader, l->root, explain_path(l), "%s",
		    err.text);
}

static void
load_address_key(struct loading *l)
{
	struct err err;

	if (!config_read_address_key(l->config, l->config->address_key, &err))
		schema_mistake_at(&l->reader, l->root, "client_address.key",
		    "%s", err.text);
}

/* --- keys that are open ------------------------------------------------------------------- */

static void
warn_open(const struct loading *l, const char *path, const char *file)
{
	if (file != NULL)
		key_file_warn_open(&l->reader, l->root, path, file);
}

/* Those of TLS have been looked at where they were read. */
static void
warn_open_keys(const struct loading *l)
{
	const struct config *c = l->config;

	warn_open(l, "client_address.key", c->address_key_file);
	warn_open(l, "policy.flow_tag_key", c->policy.tag_key_file);
	warn_open(l, "engines.follow.key", c->engines.follow_key);
	for (size_t i = 0; i < c->engines.nkey_files; i++)
		warn_open(l, "engines.keys", c->engines.key_files[i]);
	for (size_t i = 0; i < c->explain.nkey_files; i++)
		warn_open(l, explain_path(l), c->explain.key_files[i]);
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
	if (l->before != NULL)
		successors_check(l->before->policy.map, l->map, m);
	generation_regions_check(l->g, &l->reader, l->root, l->map);
	load_expectations(l);
	if (m->errors > 0)
		return false;
	generation_hosts_build(l->g, &l->reader, l->root, l->map);
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
		if (l->reader.mistakes->errors == 0)
			warn_open_keys(l);
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

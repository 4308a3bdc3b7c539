/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * `portolan check`: everything wrong with a configuration in one run, and the
 * proof that no restricted request can leave the regions permitted to it.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "command/check_places.h"
#include "command/check_proof.h"
#include "command/command.h"
#include "command/options.h"
#include "conf/generation.h"
#include "conf/yaml.h"
#include "engine/flow.h"
#include "policy/residency.h"
#include "store/open.h"

struct checked {
	const char	*file;
	bool		 full, json, dump;
	struct mistakes	 mistakes;
	struct generation *generation;	/* NULL beside mistakes */
	struct residency_report *report;	/* NULL: nothing to prove */
	struct buf	 effective;	/* with dump: the configuration whole */
	struct buf	 out;
};

/* --- the answer as text ------------------------------------------------------------- */

static unsigned
rules(const struct region_list *lists, size_t count)
{
	unsigned n = 0;

	for (size_t i = 0; i < count; i++)
		n += lists[i].count > 0;
	return n;
}

static size_t
tried_expectations(const struct checked *c)
{
	const struct expectations *all = c->generation->expectations;
	size_t tried = 0;

	for (size_t i = 0; i < all->count; i++)
		tried += c->full || all->list[i].kind != EXPECT_ADDRESS;
	return tried;
}

static void
summary_text(struct checked *c)
{
	const struct region_map *map = c->generation->policy.map;
	const struct residency_report *r = c->report;
	size_t tried = tried_expectations(c);
	size_t all = c->generation->expectations->count;

	buf_printf(&c->out, "%s: good: %u regions, rules for %u countries, %u "
	    "continents and %zu networks", c->file, map->nregions,
	    rules(map->countries, COUNTRIES + 1),
	    rules(map->continents, CONTINENTS), map->nnetworks);
	if (all > 0)
		buf_printf(&c->out, "; %zu expectations hold", tried);
	if (all > tried)
		buf_printf(&c->out, " (%zu addresses need --full)",
		    all - tried);
	if (r->restrictions > 1)
		buf_printf(&c->out, "; %zu combinations of tenant and flow, ",
		    r->restrictions);
	else
		buf_text(&c->out, "; no restrictions, ");
	buf_printf(&c->out, "%" PRIu64 " decisions tried, none leaves its "
	    "regions\n", r->decisions);
}

static void
answer_text(struct checked *c, bool good)
{
	mistakes_print(&c->mistakes, &c->out);
	if (c->report != NULL)
		proof_text(&c->out, c->generation->policy.map, c->report);
	if (good && c->report != NULL) {
		summary_text(c);
		return;
	}
	buf_printf(&c->out, "%s: %zu mistake%s", c->file,
	    c->mistakes.errors, c->mistakes.errors == 1 ? "" : "s");
	if (c->report != NULL && c->report->escapes > 0)
		buf_printf(&c->out, ", %" PRIu64 " ways out of a restriction",
		    c->report->escapes);
	buf_char(&c->out, '\n');
}

/* --- the answer as JSON ------------------------------------------------------------- */

static void
answer_json(struct checked *c, bool good)
{
	buf_text(&c->out, "{\"file\":");
	buf_json(&c->out, slice_of(c->file));
	buf_printf(&c->out, ",\"good\":%s,\"full\":%s,\"mistakes\":",
	    good ? "true" : "false", c->full ? "true" : "false");
	mistakes_json(&c->mistakes, &c->out);
	if (c->report != NULL) {
		buf_printf(&c->out, ",\"regions\":%u,\"networks\":%zu,"
		    "\"expectations\":%zu,\"expectations_tried\":%zu",
		    c->generation->policy.map->nregions,
		    c->generation->policy.map->nnetworks,
		    c->generation->expectations->count,
		    tried_expectations(c));
		proof_json(&c->out, c->generation->policy.map, c->report);
	}
	if (c->effective.len > 0) {
		buf_text(&c->out, ",\"effective\":");
		buf_json(&c->out, buf_all(&c->effective));
	}
	buf_text(&c->out, "}\n");
}

/* --- what embedded engines would open ------------------------------------------------ */

/* Where the file says so, or the section that leaves it out; with the file as
 * a whole there is no line to name. */
static struct mark
mark_of(const struct checked *c, const char *path)
{
	struct arena *arena = arena_new(0);
	struct mark mark = { c->file, 0, 0 };
	const struct yaml_node *root, *node;
	struct mistakes again;

	mistakes_init(&again);
	root = yaml_read(arena, c->file, &again);
	node = root == NULL ? NULL : yaml_at(root, path);
	if (node != root) {
		mark.line = node->mark.line;
		mark.column = node->mark.column;
	}
	mistakes_fini(&again);
	arena_free(&arena);
	return mark;
}

/* Where flows_load() tells what is wrong; it has no room for an argument. */
static struct checked *flows_checked;
static struct mark flows_mark;

static void
on_bad_flow(const char *sentence)
{
	mistakes_warn(&flows_checked->mistakes, flows_mark, "engines.flows",
	    "%s", sentence);
}

static void
check_flows(struct checked *c, const char *dir)
{
	struct flows *flows;
	struct err err;
	size_t bad;

	flows_checked = c;
	flows_mark = mark_of(c, "engines.flows");
	flows = flows_load(dir, on_bad_flow, &bad, &err);
	if (flows == NULL)
		mistakes_add(&c->mistakes, flows_mark, "engines.flows", "%s",
		    err.text);
	flows_free(&flows);
}

static void
check_sets(struct checked *c, const struct generation *g,
    struct arena *arena, const struct store_postgres_config *pg)
{
	struct mark mark = { c->file, g->config->store.line,
	    g->config->store.column };

	for (size_t i = 0; i < pg->nsets; i++) {
		const struct store_postgres_config *db = &pg->sets[i];
		struct err err;
		const char *conninfo = store_postgres_conninfo(arena,
		    g->config->store.postgres, db, &err);

		if (conninfo == NULL || !store_postgres_check(conninfo, db,
		    db->nregions > 1, &err))
			mistakes_add(&c->mistakes, mark, "store.sets", "the "
			    "database %s: %s", db->database, err.text);
	}
}

/* Whether its server is there, and its schema as this program knows it. */
static void
check_postgres(struct checked *c, const struct generation *g)
{
	struct mark mark = { c->file, g->config->store.line,
	    g->config->store.column };
	struct arena *arena = arena_new(0);
	struct store_postgres_config pg;
	struct err err;

	if (!store_postgres_config(arena, &pg, g->config, g->policy.map,
	    g->config->region, &err) || !store_postgres_check(
	    g->config->store.postgres, &pg, g->config->store.npeers > 0,
	    &err))
		mistakes_add(&c->mistakes, mark, "store.postgres", "%s",
		    err.text);
	else
		check_sets(c, g, arena, &pg);
	arena_free(&arena);
}

/* A store that is there is opened, which several processes may.  One that is
 * not would be made by the service, as its user: not here, perhaps by root. */
static void
check_store(struct checked *c, const struct generation *g)
{
	const struct config *config = g->config;
	char path[4096];
	struct loop *loop;
	struct store *store;
	struct err err;

	if (config->store.postgres != NULL) {
		check_postgres(c, g);
		return;
	}
	snprintf(path, sizeof(path), "%s/state.sqlite",
	    config->engines.store_dir);
	if (access(path, F_OK) != 0)
		return;
	loop = loop_new();
	store = store_sqlite_open(loop, config->engines.store_dir,
	    config->region, &err);
	if (store == NULL)
		mistakes_add(&c->mistakes, mark_of(c, "engines.store"),
		    "engines.store", "%s", err.text);
	store_close(&store);
	loop_free(&loop);
}

static void
check_engines(struct checked *c)
{
	const struct config *config = c->generation->config;

	if (!c->full || config->engines.embedded == 0)
		return;
	check_flows(c, config->engines.flows_dir);
	check_store(c, c->generation);
}

/* --- what a start would write ---------------------------------------------------------- */

static void
on_bad_place(void *arg, const char *key, const char *sentence)
{
	struct checked *c = arg;

	mistakes_add(&c->mistakes, mark_of(c, key), key, "%s", sentence);
}

/* --- the command --------------------------------------------------------------------- */

static bool
check(struct checked *c)
{
	c->generation = generation_load(c->file,
	    c->full ? LOAD_FULL : LOAD_PURE, NULL, &c->mistakes);
	if (c->generation == NULL)
		return false;
	c->report = xcalloc(1, sizeof(*c->report));
	check_engines(c);
	if (c->full)
		check_places(c->generation->config, on_bad_place, c);
	return residency_prove(&c->generation->policy, c->report) &&
	    c->mistakes.errors == 0;
}

/* Its mistakes have been told. */
static bool
dump(struct checked *c)
{
	struct mistakes again;
	bool good;

	mistakes_init(&again);
	buf_printf(&c->effective, "# In force, defaults included; passwords "
	    "are left out.  portolan " PORTOLAN_VERSION "\n");
	good = config_dump(&c->effective, c->file, &again);
	mistakes_fini(&again);
	return good;
}

/* The answer, and with -T what is in force: as with nginx the one does not
 * stand in the other's way. */
static bool
print(struct checked *c)
{
	FILE *answer = c->effective.len > 0 && !c->json ? stderr : stdout;

	if (answer == stderr)
		fwrite(buf_cstr(&c->effective), 1, c->effective.len, stdout);
	fwrite(buf_cstr(&c->out), 1, c->out.len, answer);
	return fflush(stdout) == 0;
}

static bool
is_file(const char *file)
{
	struct stat st;

	if (access(file, R_OK) != 0 || stat(file, &st) != 0)
		return false;
	errno = EISDIR;
	return !S_ISDIR(st.st_mode);
}

static int
check_file(struct checked *c)
{
	bool good, printed;

	if (!is_file(c->file)) {
		fprintf(stderr, "portolan check: %s: %s; name the "
		    "configuration with -c\n", c->file, strerror(errno));
		return EXIT_USAGE;
	}
	mistakes_init(&c->mistakes);
	good = check(c) && (!c->dump || dump(c));
	if (c->json)
		answer_json(c, good);
	else
		answer_text(c, good);
	printed = print(c);
	buf_fini(&c->out);
	buf_fini(&c->effective);
	free(c->report);
	generation_free(&c->generation);
	mistakes_fini(&c->mistakes);
	return !printed ? EXIT_USAGE : good ? EXIT_GOOD : EXIT_FOUND;
}

int
check_configuration(const char *file, bool dump_it)
{
	struct checked c = { .file = file, .dump = dump_it };

	return check_file(&c);
}

static int
run_check(int argc, char **argv)
{
	const char *config = NULL;
	struct checked c = { .file = "/etc/portolan/portolan.yaml" };
	bool test = false;
	const struct option_spec specs[] = {
		{ "config", 'c', "FILE", "the configuration "
		    "(/etc/portolan/portolan.yaml)", .value = &config },
		{ "full", 0, NULL, "open the database, certificates, keys, "
		    "flows and the store too", .flag = &c.full },
		{ "test", 't', NULL, "only check, as always: for habit's sake",
		    .flag = &test },
		{ "dump", 'T', NULL, "write what is in force on standard "
		    "output, with every default", .flag = &c.dump },
		{ "json", 0, NULL, "answer as JSON", .flag = &c.json },
		{ 0 },
	};
	const struct usage usage = { .command = "check", .about =
	    "Reads the configuration and the files that it names, tells every "
	    "mistake,\ntries the expectations, and proves that no restricted "
	    "request can leave the\nregions permitted to it. Without --full it "
	    "binds nothing, resolves nothing and\nneeds no rights. Exit code 0 "
	    "good (warnings may be there), 1 mistakes, 2 if the\nfile cannot be "
	    "read.", .options = specs };
	struct operands none;
	int end = options_parse(&usage, argc, argv, &none);

	if (end != OPTIONS_GO_ON)
		return end;
	if (config != NULL)
		c.file = config;
	return check_file(&c);
}

const struct command command_check = { "check",
    "tell every mistake in a configuration", run_check };

/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * portolan store: makes the schema of a region's PostgreSQL server, brings it
 * up to date, and looks whether it is good.
 */
#include <stdio.h>
#include <string.h>

#include "command/command.h"
#include "command/store.h"

int
store_ask(struct store_work *w, const struct usage *usage, int argc,
    char **argv, bool admin)
{
	int end = options_parse(usage, argc, argv, &w->operands);

	if (end == OPTIONS_GO_ON && admin && w->options.admin == NULL)
		return options_mistake(usage, "who may do this? --admin "
		    "\"host=... dbname=... user=postgres\"");
	return end;
}

int
store_read(struct store_work *w, const struct usage *usage)
{
	const char *file = w->options.config != NULL ? w->options.config :
	    LOADING_DEFAULT_CONFIG;
	struct err err;

	w->g = loading_generation(usage->command, file);
	if (w->g == NULL)
		return EXIT_USAGE;
	if (w->g->config->store.postgres == NULL)
		fprintf(stderr, "portolan %s: %s names no PostgreSQL server "
		    "(store.postgres); states in SQLite files need no "
		    "preparation\n", usage->command, file);
	else if (!store_postgres_config(w->arena = arena_new(0), &w->pg,
	    w->g->config, w->g->policy.map, w->g->config->region, &err))
		fprintf(stderr, "portolan %s: %s\n", usage->command, err.text);
	else
		return OPTIONS_GO_ON;
	store_end(w);
	return EXIT_USAGE;
}

void
store_end(struct store_work *w)
{
	generation_free(&w->g);
	arena_free(&w->arena);
}

static bool
is_of(const struct store_postgres_config *db, const char *region)
{
	for (size_t i = 0; i < db->nregions; i++)
		if (region == NULL || strcmp(db->regions[i].id, region) == 0)
			return true;
	return false;
}

static bool
do_set(struct store_work *w, const struct store_postgres_config *db,
    const char *conninfo, store_each_fn *fn, void *arg, struct err *err)
{
	conninfo = store_postgres_conninfo(w->arena, conninfo, db, err);
	return (conninfo != NULL && fn(arg, db, conninfo, err)) ||
	    err_wrap(err, "database %s, of the set %s", db->database, db->set);
}

bool
store_each(struct store_work *w, const char *conninfo, const char *other,
    store_each_fn *fn, void *arg, struct err *err)
{
	bool good = fn(arg, &w->pg, conninfo, err);

	for (size_t i = 0; i < w->pg.nsets; i++) {
		struct err one = { 0 };

		if (!is_of(&w->pg.sets[i], other) || do_set(w, &w->pg.sets[i],
		    conninfo, fn, arg, &one))
			continue;
		if (good)
			*err = one;
		good = false;
	}
	return good;
}

int
store_begin(struct store_work *w, const struct usage *usage, int argc,
    char **argv, bool admin)
{
	int end = store_ask(w, usage, argc, argv, admin);

	return end == OPTIONS_GO_ON ? store_read(w, usage) : end;
}

int
store_tell(const char *command, const struct store_options *o, bool good,
    const char *region, const struct err *err)
{
	struct buf out = { 0 };

	if (o->json) {
		buf_printf(&out, "{\"region\":\"%s\",\"good\":%s", region,
		    good ? "true" : "false");
		if (!good) {
			buf_text(&out, ",\"trouble\":");
			buf_json(&out, slice_of(err->text));
		}
		buf_text(&out, "}\n");
	} else if (good) {
		buf_printf(&out, "the store of region %s is good\n", region);
	}
	if (!good && !o->json)
		fprintf(stderr, "portolan %s: %s\n", command, err->text);
	return loading_print(command, &out, good ? EXIT_GOOD : EXIT_FOUND);
}

static bool
is_main(const struct store_work *w, const struct store_postgres_config *db)
{
	return db->set == NULL && strcmp(w->g->config->region,
	    w->g->config->main_region) == 0;
}

static bool
init_one(void *arg, const struct store_postgres_config *db,
    const char *conninfo, struct err *err)
{
	return store_postgres_init(conninfo, db, is_main(arg, db), err);
}

static int
store_init(int argc, char **argv)
{
	struct store_work w = { .g = NULL };
	const struct option_spec specs[] = {
		STORE_CONFIG(w.options),
		STORE_ADMIN(w.options),
		STORE_JSON(w.options),
		{ 0 },
	};
	const struct usage usage = { .command = "store init", .about =
	    "Makes the schema in the database of this region and the role "
	    "flow_engine,\nbrings an older schema up to date, and adds the "
	    "regions that are new in the\nmap; in those of store.sets too, "
	    "which nobody else may enter then.  Databases have\nto be there.  "
	    "Doing it twice does no harm.",
	    .options = specs };
	struct err err = { 0 };
	int end = store_begin(&w, &usage, argc, argv, true);

	if (end != OPTIONS_GO_ON)
		return end;
	end = store_tell(usage.command, &w.options, store_each(&w,
	    w.options.admin, NULL, init_one, &w, &err), w.g->config->region,
	    &err);
	store_end(&w);
	return end;
}

/* --- migrate --------------------------------------------------------------------- */

struct migrating {
	struct store_work work;
	struct buf	 out;
};

static void
print_migration(struct buf *out, bool json,
    const struct store_postgres_config *db, const struct store_migration *m)
{
	const char *set = db->set != NULL ? db->set : "";

	if (json)
		buf_printf(out, "{\"region\":\"%s\",\"good\":true,%s%s%s"
		    "\"from\":%u,\"to\":%u}\n", db->home, set[0] != '\0' ?
		    "\"set\":\"" : "", set, set[0] != '\0' ? "\"," : "",
		    m->from, m->to);
	else
		buf_printf(out, "the %s%s%sstore of region %s %s at version "
		    "%u", set[0] != '\0' ? "set " : "", set, set[0] != '\0' ?
		    " in the " : "", db->home, m->from == m->to ? "is" : "was",
		    m->from);
	if (!json && m->from == m->to)
		buf_text(out, " already\n");
	else if (!json)
		buf_printf(out, " and is at version %u\n", m->to);
}

static bool
migrate_one(void *arg, const struct store_postgres_config *db,
    const char *conninfo, struct err *err)
{
	struct migrating *migrating = arg;
	struct store_migration m;
	bool good = store_postgres_migrate(conninfo, db,
	    is_main(&migrating->work, db), &m, err);

	if (good)
		print_migration(&migrating->out, migrating->work.options.json,
		    db, &m);
	else if (m.to > m.from)
		err_wrap(err, "it was at version %u and is at version %u; run "
		    "it again to go on", m.from, m.to);
	return good;
}

static int
store_migrate(int argc, char **argv)
{
	struct migrating m = { .out = { 0 } };
	struct store_work *w = &m.work;
	const struct option_spec specs[] = {
		STORE_CONFIG(w->options),
		STORE_ADMIN(w->options),
		STORE_JSON(w->options),
		{ 0 },
	};
	const struct usage usage = { .command = "store migrate", .about =
	    "Brings the schema in the database of this region up to date, "
	    "version by\nversion, while engines work on.  Where it was "
	    "interrupted it goes on when it is\nrun again.  A schema that is "
	    "newer than this program is refused.", .options = specs };
	struct err err = { 0 };
	int end = store_begin(w, &usage, argc, argv, true);

	if (end != OPTIONS_GO_ON)
		return end;
	if (store_each(w, w->options.admin, NULL, migrate_one, &m, &err)) {
		end = loading_print(usage.command, &m.out, EXIT_GOOD);
	} else {
		buf_fini(&m.out);
		end = store_tell(usage.command, &w->options, false,
		    w->g->config->region, &err);
	}
	store_end(w);
	return end;
}

/* --- check ------------------------------------------------------------------------ */

static bool
check_one(void *arg, const struct store_postgres_config *db,
    const char *conninfo, struct err *err)
{
	(void)arg;
	return store_postgres_check(conninfo, db, db->nregions > 1, err);
}

static int
store_check(int argc, char **argv)
{
	struct store_work w = { .g = NULL };
	const struct option_spec specs[] = {
		STORE_CONFIG(w.options),
		STORE_JSON(w.options),
		{ 0 },
	};
	const struct usage usage = { .command = "store check", .about =
	    "Asks the server of this region, as the engines would, whether "
	    "its version,\nits schema, its regions and what replication needs "
	    "are as they have to be.", .options = specs };
	struct err err = { 0 };
	int end = store_begin(&w, &usage, argc, argv, false);

	if (end != OPTIONS_GO_ON)
		return end;
	end = store_tell(usage.command, &w.options, store_each(&w,
	    w.g->config->store.postgres, NULL, check_one, NULL, &err),
	    w.g->config->region, &err);
	store_end(&w);
	return end;
}

static const struct command subcommands[] = {
	{ "init", "make the schema in this region's database", store_init },
	{ "migrate", "bring it up to date", store_migrate },
	{ "check", "whether it is as the engines need it", store_check },
	{ "copy", "from SQLite to PostgreSQL, or back", store_copy_command },
	{ "verify", "whether copies are where they may be, and whole",
	    store_verify },
	{ "status", "states at home here, whether it was given over",
	    store_status },
	{ "conflicts", "what only a region that was lost had",
	    store_conflicts },
	{ "region", "replicate from another region, stop it, how it stands",
	    store_region },
};

static int
run_store(int argc, char **argv)
{
	return command_group("store", subcommands,
	    sizeof(subcommands) / sizeof(subcommands[0]), argc, argv);
}

const struct command command_store = { "store",
    "prepare and check a region's PostgreSQL server", run_store };

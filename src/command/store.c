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
	else if (!store_postgres_config(&w->pg, w->regions, w->g->config,
	    w->g->policy.map, w->g->config->region, &err))
		fprintf(stderr, "portolan %s: %s\n", usage->command, err.text);
	else
		return OPTIONS_GO_ON;
	generation_free(&w->g);
	return EXIT_USAGE;
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
	    "regions that are new in the\nmap.  The database has to be there.  "
	    "Doing it twice does no harm.",
	    .options = specs };
	struct err err = { 0 };
	int end = store_begin(&w, &usage, argc, argv, true);

	if (end != OPTIONS_GO_ON)
		return end;
	end = store_tell(usage.command, &w.options, store_postgres_init(
	    w.options.admin, &w.pg, strcmp(w.g->config->region,
	    w.g->config->main_region) == 0, &err), w.g->config->region, &err);
	generation_free(&w.g);
	return end;
}

/* --- migrate --------------------------------------------------------------------- */

static void
print_migration(struct buf *out, const struct store_options *o,
    const char *region, const struct store_migration *m)
{
	if (o->json)
		buf_printf(out, "{\"region\":\"%s\",\"good\":true,"
		    "\"from\":%u,\"to\":%u}\n", region, m->from, m->to);
	else if (m->from == m->to)
		buf_printf(out, "the store of region %s is at version %u "
		    "already\n", region, m->to);
	else
		buf_printf(out, "the store of region %s was at version %u and "
		    "is at version %u\n", region, m->from, m->to);
}

static int
tell_migration(const struct usage *usage, const struct store_options *o,
    bool good, const char *region, const struct store_migration *m,
    struct err *err)
{
	struct buf out = { 0 };

	if (!good && m->to > m->from)
		err_wrap(err, "it was at version %u and is at version %u; run "
		    "it again to go on", m->from, m->to);
	if (!good)
		return store_tell(usage->command, o, false, region, err);
	print_migration(&out, o, region, m);
	return loading_print(usage->command, &out, EXIT_GOOD);
}

static int
store_migrate(int argc, char **argv)
{
	struct store_work w = { .g = NULL };
	const struct option_spec specs[] = {
		STORE_CONFIG(w.options),
		STORE_ADMIN(w.options),
		STORE_JSON(w.options),
		{ 0 },
	};
	const struct usage usage = { .command = "store migrate", .about =
	    "Brings the schema in the database of this region up to date, "
	    "version by\nversion, while engines work on.  Where it was "
	    "interrupted it goes on when it is\nrun again.  A schema that is "
	    "newer than this program is refused.", .options = specs };
	struct store_migration m;
	struct err err = { 0 };
	int end = store_begin(&w, &usage, argc, argv, true);
	bool good;

	if (end != OPTIONS_GO_ON)
		return end;
	good = store_postgres_migrate(w.options.admin, &w.pg,
	    strcmp(w.g->config->region, w.g->config->main_region) == 0, &m,
	    &err);
	end = tell_migration(&usage, &w.options, good, w.g->config->region, &m,
	    &err);
	generation_free(&w.g);
	return end;
}

/* --- check ------------------------------------------------------------------------ */

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
	end = store_tell(usage.command, &w.options, store_postgres_check(
	    w.g->config->store.postgres, &w.pg, w.pg.nregions > 1, &err),
	    w.g->config->region, &err);
	generation_free(&w.g);
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

/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * portolan store: makes the schema of a region's PostgreSQL server, and looks
 * whether it is good.
 */
#include <stdio.h>
#include <string.h>

#include "command/command.h"
#include "command/options.h"
#include "command/store.h"

struct generation *
store_load(const char *command, const struct store_options *o,
    struct store_postgres_config *pg,
    struct store_region regions[REGIONS_MAX])
{
	const char *file = o->config != NULL ? o->config :
	    LOADING_DEFAULT_CONFIG;
	struct generation *g = loading_generation(command, file);
	struct err err;

	if (g == NULL)
		return NULL;
	if (g->config->store.postgres == NULL)
		fprintf(stderr, "portolan %s: %s names no PostgreSQL server "
		    "(store.postgres); states in SQLite files need no "
		    "preparation\n", command, file);
	else if (!store_postgres_config(pg, regions, g->config,
	    g->policy.map, g->config->region, &err))
		fprintf(stderr, "portolan %s: %s\n", command, err.text);
	else
		return g;
	generation_free(&g);
	return NULL;
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
	struct store_options o = { 0 };
	const struct option_spec specs[] = {
		{ "config", 'c', "FILE", "the configuration "
		    "(" LOADING_DEFAULT_CONFIG ")", .value = &o.config },
		{ "admin", 0, "CONNINFO", "of a superuser in the region's "
		    "database, which has to be there", .value = &o.admin },
		{ "json", 0, NULL, "answer as JSON", .flag = &o.json },
		{ 0 },
	};
	const struct usage usage = { .command = "store init", .about =
	    "Makes the schema in the database of this region and the role "
	    "flow_engine,\nbrings an older schema up to date, and adds the "
	    "regions that are new in the\nmap.  Doing it twice does no harm.",
	    .options = specs };
	struct store_region regions[REGIONS_MAX];
	struct store_postgres_config pg;
	struct operands operands;
	struct generation *g;
	struct err err = { 0 };
	int end = options_parse(&usage, argc, argv, &operands);

	if (end != OPTIONS_GO_ON)
		return end;
	if (o.admin == NULL)
		return options_mistake(&usage, "who may make it? --admin "
		    "\"host=... dbname=... user=postgres\"");
	g = store_load(usage.command, &o, &pg, regions);
	if (g == NULL)
		return EXIT_USAGE;
	end = store_tell(usage.command, &o, store_postgres_init(o.admin, &pg,
	    strcmp(g->config->region, g->config->main_region) == 0, &err),
	    g->config->region, &err);
	generation_free(&g);
	return end;
}

static int
store_check(int argc, char **argv)
{
	struct store_options o = { 0 };
	const struct option_spec specs[] = {
		{ "config", 'c', "FILE", "the configuration "
		    "(" LOADING_DEFAULT_CONFIG ")", .value = &o.config },
		{ "json", 0, NULL, "answer as JSON", .flag = &o.json },
		{ 0 },
	};
	const struct usage usage = { .command = "store check", .about =
	    "Asks the server of this region, as the engines would, whether "
	    "its version,\nits schema, its regions and what replication needs "
	    "are as they have to be.", .options = specs };
	struct store_region regions[REGIONS_MAX];
	struct store_postgres_config pg;
	struct operands operands;
	struct generation *g;
	struct err err = { 0 };
	int end = options_parse(&usage, argc, argv, &operands);

	if (end != OPTIONS_GO_ON)
		return end;
	g = store_load(usage.command, &o, &pg, regions);
	if (g == NULL)
		return EXIT_USAGE;
	end = store_tell(usage.command, &o, store_postgres_check(
	    g->config->store.postgres, &pg, pg.nregions > 1, &err),
	    g->config->region, &err);
	generation_free(&g);
	return end;
}

static const struct command subcommands[] = {
	{ "init", "make the schema in this region's database", store_init },
	{ "check", "whether it is as the engines need it", store_check },
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

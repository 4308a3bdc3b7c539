/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "command/map.h"

#include <stdio.h>

#include "conf/regions_file.h"

void
map_inputs_init(struct map_inputs *in, const char *command)
{
	*in = (struct map_inputs){ .command = command,
	    .arena = arena_new(0) };
	mistakes_init(&in->mistakes);
}

void
map_inputs_fini(struct map_inputs *in)
{
	mistakes_fini(&in->mistakes);
	arena_free(&in->arena);
}

bool
map_inputs_config(struct map_inputs *in, const char *file)
{
	if (file == NULL)
		return true;
	in->config = config_load(in->arena, file, &in->mistakes, NULL);
	return in->config != NULL && in->mistakes.errors == 0;
}

const struct region_map *
map_inputs_map(struct map_inputs *in, const char *file)
{
	const struct region_map *map;
	size_t before = in->mistakes.errors;

	if (file == NULL)
		file = in->config->region_map;
	map = regions_file_load(in->arena, file, &in->mistakes, NULL);
	return in->mistakes.errors == before ? map : NULL;
}

bool
map_inputs_database(struct map_inputs *in, const char *file, struct mmdb **db)
{
	struct err err;

	*db = NULL;
	if (file == NULL && in->config != NULL)
		file = in->config->geo.database;
	if (file == NULL)
		return true;
	*db = mmdb_open(file, &err);
	if (*db == NULL)
		fprintf(stderr, "portolan %s: %s\n", in->command, err.text);
	return *db != NULL;
}

int
map_inputs_stop(struct map_inputs *in)
{
	loading_tell(in->command, &in->mistakes);
	map_inputs_fini(in);
	return EXIT_USAGE;
}

static const struct command subcommands[] = {
	{ "check", "tell every mistake in a region map", map_check },
	{ "diff", "name what another region map changes", map_diff },
	{ "test", "try what the region map must answer", map_test },
	{ "render", "draw the region map as SVG", map_render },
};

static int
run_map(int argc, char **argv)
{
	return command_group("map", subcommands,
	    sizeof(subcommands) / sizeof(subcommands[0]), argc, argv);
}

const struct command command_map = { "map",
    "check, compare, test and draw region maps", run_map };

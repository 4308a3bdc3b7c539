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

const char *
map_place_text(struct place place, char text[16])
{
	if (place.country != 0)
		snprintf(text, 16, "%s", country_code(place.country));
	else if (place.continent != CONTINENT_NONE)
		snprintf(text, 16, "continent:%s",
		    continent_code((enum continent)place.continent));
	else
		snprintf(text, 16, "default");
	return text;
}

void
map_list_text(struct buf *out, const struct region_map *map,
    const struct region_list *list)
{
	for (uint8_t i = 0; i < list->count; i++)
		buf_printf(out, "%s%s", i > 0 ? " " : "",
		    map->regions[list->regions[i]].id);
}

void
map_list_json(struct buf *out, const struct region_map *map,
    const struct region_list *list)
{
	buf_char(out, '[');
	for (uint8_t i = 0; i < list->count; i++) {
		if (i > 0)
			buf_char(out, ',');
		buf_json(out, slice_of(map->regions[list->regions[i]].id));
	}
	buf_char(out, ']');
}

void
map_network_text(struct buf *out, const struct cidr *net)
{
	char text[ADDR_TEXT_MAX];

	buf_printf(out, "%s/%d", addr_text(&net->base, text), net->bits);
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

/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What the parts of `portolan map` share: each has a file of its own.
 */
#ifndef COMMAND_MAP_H
#define COMMAND_MAP_H

#include "command/command.h"
#include "command/loading.h"
#include "geo/geo_table.h"
#include "policy/map_text.h"

extern const struct command command_map;

int map_check(int argc, char **argv);
int map_diff(int argc, char **argv);
int map_test(int argc, char **argv);
int map_render(int argc, char **argv);

/* Files that belong together.  Everything lives in arena but db. */
struct map_inputs {
	const char	*command;	/* "map diff", for messages */
	struct arena	*arena;
	struct mistakes	 mistakes;
	const struct config *config;	/* NULL: none was named */
};

void map_inputs_init(struct map_inputs *in, const char *command);
void map_inputs_fini(struct map_inputs *in);

/* The configuration, or nothing for NULL.  False beside mistakes. */
bool map_inputs_config(struct map_inputs *in, const char *file);

/* A region map: file, or the configuration's for NULL.  NULL beside mistakes. */
const struct region_map *map_inputs_map(struct map_inputs *in,
    const char *file);

/* A database: file, or the configuration's for NULL, or none.  False, having
 * told why, if there should be one and is not. */
bool map_inputs_database(struct map_inputs *in, const char *file,
    struct mmdb **db);

/* The mistakes to standard error; the exit code for a command that stops. */
int map_inputs_stop(struct map_inputs *in);

#endif

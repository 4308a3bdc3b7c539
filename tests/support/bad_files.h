/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Reads a file or directory of tests/data/bad as what its name says it is,
 * and gives back what is wrong with it, a line each.
 */
#ifndef TESTS_BAD_FILES_H
#define TESTS_BAD_FILES_H

#include <string.h>

#include "conf/generation.h"
#include "conf/regions_file.h"
#include "conf/restrictions_file.h"

static void
bad_expectations(struct arena *arena, const char *file,
    struct mistakes *mistakes)
{
	const struct region_map *map = regions_file_load(arena,
	    "../region-map-6.yaml", mistakes, NULL);

	expectations_load(arena, file, map, mistakes);
}

/* The working directory is tests/data/bad; a directory's name ends in '/'. */
static void
bad_read(const char *name, struct buf *messages)
{
	static const uint8_t key[16];
	struct arena *arena = arena_new(0);
	struct generation *generation = NULL;
	struct mistakes mistakes;

	mistakes_init(&mistakes);
	if (strchr(name, '/') != NULL)
		generation = generation_load("portolan.yaml", LOAD_FULL, NULL,
		    &mistakes);
	else if (strncmp(name, "regions-", 8) == 0)
		regions_file_load(arena, name, &mistakes, NULL);
	else if (strncmp(name, "restrictions-", 13) == 0)
		restrictions_file_load(arena, name, key, 1, &mistakes);
	else if (strncmp(name, "expectations-", 13) == 0)
		bad_expectations(arena, name, &mistakes);
	else
		config_load(arena, name, &mistakes, NULL);
	mistakes_print(&mistakes, messages);
	generation_free(&generation);
	mistakes_fini(&mistakes);
	arena_free(&arena);
}

#endif

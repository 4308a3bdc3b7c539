/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * regions.yaml: the region map as the operators write it.
 */
#ifndef CONF_REGIONS_FILE_H
#define CONF_REGIONS_FILE_H

#include "conf/mistakes.h"
#include "conf/yaml.h"
#include "geo/region_map.h"

/*
 * NULL if the file holds no tree or no region.  Beside mistakes
 * (mistakes->errors) the map is only good for looking up region ids, to find
 * the mistakes of other files in the same run.  root (may be NULL) receives
 * the tree, for the marks of later mistakes.
 */
const struct region_map *regions_file_load(struct arena *arena,
    const char *file, struct mistakes *mistakes,
    const struct yaml_node **root);

/* The same from bytes; file is for the marks. */
const struct region_map *regions_file_parse(struct arena *arena,
    const char *file, struct slice bytes, struct mistakes *mistakes,
    const struct yaml_node **root);

#endif

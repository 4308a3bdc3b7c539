/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The regions of a generation: those that portolan.yaml names are held
 * against the region map, and hosts come from both.
 */
#ifndef CONF_GENERATION_REGIONS_H
#define CONF_GENERATION_REGIONS_H

#include "conf/generation.h"
#include "conf/schema.h"

/* g->config must be set; what names no region is told, and what is named
 * nowhere is warned of. */
void generation_regions_check(struct generation *g,
    const struct schema_reader *reader, const struct yaml_node *root,
    const struct region_map *map);

/* Once nothing was wrong. */
void generation_hosts_build(struct generation *g,
    const struct schema_reader *reader, const struct yaml_node *root,
    const struct region_map *map);

#endif

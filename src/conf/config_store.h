/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The section store of portolan.yaml.
 */
#ifndef CONF_CONFIG_STORE_H
#define CONF_CONFIG_STORE_H

#include "conf/config.h"
#include "conf/schema.h"
#include "geo/region_map.h"

enum {
	CONFIG_SETS_MAX = 16,
	/* A slot's name says two regions and a set, in 63 characters. */
	CONFIG_SET_NAME_MAX = 23,
	CONFIG_DATABASE_MAX = 63,
};

extern const struct schema_row config_store_rows[];

/* Only where it is given: a key of it is required then. */
void config_store(const struct schema_reader *reader,
    const struct yaml_node *node, void *config);

/* What store.sets says of regions. */
void config_store_check(const struct schema_reader *reader,
    const struct yaml_node *root, const struct config *config,
    const struct region_map *map);

#endif

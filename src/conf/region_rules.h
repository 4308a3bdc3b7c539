/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The rules of a region map: who is served where.  Region ids are looked up
 * in a map whose regions are known already.
 */
#ifndef CONF_REGION_RULES_H
#define CONF_REGION_RULES_H

#include "conf/schema.h"
#include "geo/region_map.h"

struct region_rules {
	const struct schema_reader *reader;
	struct region_map *map;
};

/* "; did you mean 'GB'?" for an id that is none: "gb", "UK", "GBR". */
const char *region_rules_hint(const struct schema_reader *reader,
    const struct region_map *map, struct slice id);

/* Index of the region that the node names, or -1 once that is told. */
int region_rules_id(const struct schema_reader *reader,
    const struct region_map *map, const struct yaml_node *node);

/* One id or a list of them; repeated ones are told and left out. */
void region_rules_list(const struct region_rules *rules,
    const struct yaml_node *node, struct region_list *list);

/* The sections default, countries, continents and networks. */
void region_rules_read(const struct region_rules *rules,
    const struct yaml_node *root);

#endif

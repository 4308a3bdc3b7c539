/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Parts of a region map as words.
 */
#ifndef POLICY_MAP_TEXT_H
#define POLICY_MAP_TEXT_H

#include "base/buf.h"
#include "geo/region_map.h"

/* "FR", "continent:AF", "default": what a rule is about. */
const char *map_place_text(struct place place, char text[16]);

/* The regions of a list, "EU GB" or a JSON array. */
void map_list_text(struct buf *out, const struct region_map *map,
    const struct region_list *list);
void map_list_json(struct buf *out, const struct region_map *map,
    const struct region_list *list);

/* "address/bits" */
void map_network_text(struct buf *out, const struct cidr *net);

#endif

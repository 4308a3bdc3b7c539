/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Who has what a lost region had stays the same while that is away: its states
 * are at home there already, or on their way.
 */
#ifndef CONF_SUCCESSORS_H
#define CONF_SUCCESSORS_H

#include "conf/mistakes.h"
#include "geo/region_map.h"

/* A mistake for each region of the new map that was lost by the one in service,
 * and has other successors now; further ones may be added at the end. */
void successors_check(const struct region_map *before,
    const struct region_map *map, struct mistakes *mistakes);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * "Did you mean ...?": the known name nearest to one that is not known.
 */
#ifndef BASE_NEAR_H
#define BASE_NEAR_H

#include <stddef.h>

#include "base/slice.h"

/*
 * Edits (insert, delete, replace, swap of neighbours; case does not count)
 * between two words of at most 63 bytes; longer ones are far from anything.
 */
unsigned near_distance(struct slice a, struct slice b);

/* The nearest of count names, or NULL if none is near enough to suggest. */
const char *near_find(struct slice word, const char *const *names,
    size_t count);

#endif

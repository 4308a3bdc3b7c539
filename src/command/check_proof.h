/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The residency proof, told: which restrictions have a way out, and which can
 * be served by nobody.  policy/residency.h makes it.
 *
 * Appended to out; nothing is kept, nothing fails.
 */
#ifndef COMMAND_CHECK_PROOF_H
#define COMMAND_CHECK_PROOF_H

#include "base/buf.h"
#include "policy/residency.h"

/* Lines; the map is that of which the report was made. */
void proof_text(struct buf *out, const struct region_map *map,
    const struct residency_report *report);

/* A member "residency" of an object, with the comma before it. */
void proof_json(struct buf *out, const struct region_map *map,
    const struct residency_report *report);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Restrictions as the platform writes them in JSON: in a flow's snapshot
 * under "restrictions", in a tenant under "restrictions.flowRestrictions".
 * Read leniently (null, a missing member and [] where an object is expected
 * mean none; codes in any case), except that a code nobody knows is an error:
 * guessing would permit or refuse the wrong people.
 */
#ifndef POLICY_RESTRICTIONS_JSON_H
#define POLICY_RESTRICTIONS_JSON_H

#include "policy/restrictions.h"

struct json_t;				/* jansson's */

/* {"access": ..., "execution": ...}; the restrictions live in arena.  json
 * may be NULL: none.  False with the place and reason in *err. */
bool restrictions_from_json(struct arena *arena, const struct json_t *json,
    struct restriction_pair *pair, struct err *err);

/* {"flowRestrictions": {"access": ..., "execution": ...}}. */
bool tenant_restrictions_from_json(struct arena *arena,
    const struct json_t *json, struct restriction_pair *pair,
    struct err *err);

/* The value of "restrictions" as text; tenant: in the tenant's form. */
bool restrictions_from_text(struct arena *arena, struct slice text,
    bool tenant, struct restriction_pair *pair, struct err *err);

#endif

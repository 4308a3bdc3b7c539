/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What the workers of the process share on the way of a request: limits that
 * would mean something else if each worker had its own.  All of it is atomic,
 * and what a setting switches off is not touched.
 */
#ifndef EDGE_SHARED_H
#define EDGE_SHARED_H

#include "policy/buckets.h"

struct shared {
	struct buckets	*clients, *tenants;	/* rate limits */
};

struct shared *shared_new(void);
void shared_free(struct shared **shared);

#endif

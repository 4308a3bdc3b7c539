/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "edge/shared.h"

#include <stdlib.h>

#include "base/must.h"

/* Places for buckets: 2 MiB and 256 KiB; for tallies: 128 KiB. */
enum { CLIENT_BITS = 17, TENANT_BITS = 14, REGION_BITS = 6 };

struct shared *
shared_new(void)
{
	struct shared *s = aligned_alloc(alignof(struct shared), sizeof(*s));

	must(s != NULL);
	memset(s, 0, sizeof(*s));
	s->clients = buckets_new(CLIENT_BITS);
	s->tenants = buckets_new(TENANT_BITS);
	s->retries = buckets_new(REGION_BITS);
	s->tenants_active = tallies_new(TENANT_BITS);
	return s;
}

void
shared_free(struct shared **shared)
{
	if (*shared == NULL)
		return;
	buckets_free(&(*shared)->clients);
	buckets_free(&(*shared)->tenants);
	buckets_free(&(*shared)->retries);
	tallies_free(&(*shared)->tenants_active);
	free(*shared);
	*shared = NULL;
}

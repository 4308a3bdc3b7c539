/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "edge/shared.h"

#include <stdlib.h>

#include "base/arena.h"

/* Places for buckets: 2 MiB and 256 KiB. */
enum { CLIENT_BITS = 17, TENANT_BITS = 14 };

struct shared *
shared_new(void)
{
	struct shared *s = xcalloc(1, sizeof(*s));

	s->clients = buckets_new(CLIENT_BITS);
	s->tenants = buckets_new(TENANT_BITS);
	return s;
}

void
shared_free(struct shared **shared)
{
	if (*shared == NULL)
		return;
	buckets_free(&(*shared)->clients);
	buckets_free(&(*shared)->tenants);
	free(*shared);
	*shared = NULL;
}

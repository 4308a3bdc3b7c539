/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "store/store.h"

#include "base/must.h"

const char *
store_end_name(enum store_end end)
{
	static const char *const names[] = {
		[STORE_OK] = "ok",
		[STORE_NOT_FOUND] = "not-found",
		[STORE_CONFLICT] = "conflict",
		[STORE_MOVING] = "moving",
		[STORE_ELSEWHERE] = "elsewhere",
		[STORE_TOO_BIG] = "too-big",
		[STORE_UNAVAILABLE] = "unavailable",
		[STORE_UNKNOWN] = "unknown",
	};

	must((size_t)end < sizeof(names) / sizeof(names[0]));
	return names[end];
}

void
store_close(struct store **store)
{
	struct store *old = *store;

	*store = NULL;
	if (old != NULL)
		old->ops->close(old);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Where flows may call services.  A flow names addresses of its author's
 * choice, and the call comes from inside the operator's network: so addresses
 * that are not the public internet's are refused unless the operator allows
 * them, and what he refuses is refused in any case.
 */
#ifndef STORE_CALL_GUARD_H
#define STORE_CALL_GUARD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/addr.h"
#include "base/slice.h"

struct call_guard {
	const struct cidr *allow, *refuse;
	size_t		 nallow, nrefuse;
	const char	*const *refuse_hosts;	/* and all names below them */
	size_t		 nrefuse_hosts;
};

/* The address that is about to be connected to, whatever name it had. */
bool call_guard_permits(const struct call_guard *guard,
    const struct addr *addr);

/* The host as the address of the service has it. */
bool call_guard_permits_host(const struct call_guard *guard,
    struct slice host);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "store/call_guard.h"

#include "geo/special.h"

static bool
is_in(const struct cidr *list, size_t count, const struct addr *addr)
{
	for (size_t i = 0; i < count; i++)
		if (cidr_contains(&list[i], addr))
			return true;
	return false;
}

/*
 * Addresses of the public internet that are a cloud's own: they answer with
 * credentials to whoever asks from inside.  And IPv4 in the form of stateless
 * translators (RFC 7915), behind one of which it may be anything.
 */
static bool
is_own(const struct addr *addr)
{
	static const struct cidr own[] = {
		{ { ADDR_IP4, { 168, 63, 129, 16 } }, 32 },
		{ { ADDR_IP4, { 192, 0, 0, 192 } }, 32 },
		{ { ADDR_IP6, { [8] = 0xff, [9] = 0xff } }, 96 },
	};

	return is_in(own, sizeof(own) / sizeof(own[0]), addr);
}

bool
call_guard_permits(const struct call_guard *guard, const struct addr *addr)
{
	struct addr plain = addr_canonical(addr);

	if (plain.family == ADDR_NONE ||
	    is_in(guard->refuse, guard->nrefuse, &plain))
		return false;
	if (is_in(guard->allow, guard->nallow, &plain))
		return true;
	return special_find(&plain) == NULL && !is_own(&plain);
}

bool
call_guard_permits_host(const struct call_guard *guard, struct slice host)
{
	/* "name." is the same host as "name". */
	if (host.len > 0 && host.p[host.len - 1] == '.')
		host.len--;
	for (size_t i = 0; i < guard->nrefuse_hosts; i++) {
		struct slice name = slice_of(guard->refuse_hosts[i]);
		struct slice end = host;

		if (name.len > host.len)
			continue;
		end.p += host.len - name.len;
		end.len = name.len;
		if (slice_eq_nocase(end, name) && (name.len == host.len ||
		    end.p[-1] == '.'))
			return false;
	}
	return true;
}

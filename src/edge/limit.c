/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Whether a request is one too many.  Clients are limited where they come in,
 * so what another edge has let through is not looked at again.
 */
#include "base/hash.h"
#include "edge/request.h"
#include "policy/guid.h"

#define NS_PER_US	1000
#define NS_PER_S	UINT64_C(1000000000)

/* --- rates ------------------------------------------------------------------ */

static bool
is_exempt(const struct config_rates *rates, const struct addr *addr)
{
	for (size_t i = 0; i < rates->nexempt; i++)
		if (cidr_contains(&rates->exempt[i], addr))
			return true;
	return false;
}

/* An address without the bits that its owner may choose. */
static void
cut(struct addr *addr, const struct config_rates *rates)
{
	unsigned bits = addr->family == ADDR_IP4 ? rates->ipv4_prefix :
	    rates->ipv6_prefix;

	for (unsigned i = 0; i < sizeof(addr->bytes); i++) {
		unsigned left = bits > i * 8 ? bits - i * 8 : 0;

		if (left < 8)
			addr->bytes[i] &= (uint8_t)(0xff00 >> left);
	}
}

/* Who hides behind a forwarding field that cannot be read is all who do so
 * behind that peer. */
static uint64_t
client_key(const struct edge_request *er)
{
	bool known = er->client.addr.family != ADDR_NONE;
	struct addr addr = known ? er->client.addr : er->peer;
	char key[1 + sizeof(addr.bytes)];

	cut(&addr, &er->plan->config->rates);
	key[0] = (char)(addr.family + (known ? 0 : 100));
	memcpy(key + 1, addr.bytes, sizeof(addr.bytes));
	return hash_slice((struct slice){ key, sizeof(key) });
}

uint64_t
limit_tenant_key(const struct edge_request *er)
{
	struct id_key key;

	id_key_from(&key, slice_of(er->tenant));
	return hash_slice(id_key_slice(&key));
}

/* True if it may go on. */
static bool
take(struct edge_request *er, enum limit limit, struct buckets *buckets,
    uint64_t key, const struct bucket_rule *rule, bool dry_run)
{
	struct counters *c = &er->worker->counters;
	uint64_t wait_ns = 0, s;

	if (buckets_take(buckets, key, rule, er->worker->loop->now_us *
	    NS_PER_US, &wait_ns))
		return true;
	er->limit = (uint8_t)limit;
	er->limit_dry = dry_run;
	count_one(dry_run ? &c->limited_dry[limit] : &c->limited[limit]);
	if (dry_run)
		return true;
	s = (wait_ns + NS_PER_S - 1) / NS_PER_S;
	er->retry_after_s = (uint16_t)(s < 1 ? 1 : s > 3600 ? 3600 : s);
	return false;
}

/* Apart, so that it costs nothing where there is no limit. */
static bool __attribute__((noinline))
within_rates(struct edge_request *er)
{
	const struct plan *plan = er->plan;
	const struct config_rates *rates = &plan->config->rates;
	struct shared *shared = er->worker->shared;

	if (rates->nexempt > 0 && is_exempt(rates,
	    er->client.addr.family != ADDR_NONE ? &er->client.addr :
	    &er->peer))
		return true;
	if (plan->client_rule.interval_ns != 0 && !take(er,
	    LIMIT_CLIENT_RATE, shared->clients, client_key(er),
	    &plan->client_rule, rates->client.dry_run))
		return false;
	return plan->tenant_rule.interval_ns == 0 || !er->has_tenant ||
	    take(er, LIMIT_TENANT_RATE, shared->tenants, limit_tenant_key(er),
	    &plan->tenant_rule, rates->tenant.dry_run);
}

bool
limit_rates(struct edge_request *er)
{
	return (er->plan->client_rule.interval_ns == 0 &&
	    er->plan->tenant_rule.interval_ns == 0) || within_rates(er);
}

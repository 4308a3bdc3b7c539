/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "edge/counters.h"

/* The hundreds first: what has no row of its own is counted there. */
static const char *const codes[] = {
	"0xx", "1xx", "2xx", "3xx", "4xx", "5xx",
	"101", "200", "201", "202", "204", "206", "301", "302", "303", "304",
	"307", "308", "400", "401", "403", "404", "405", "408", "409", "410",
	"411", "412", "413", "414", "415", "417", "421", "422", "425", "429",
	"431", "451", "499", "500", "501", "502", "503", "504", "505",
};

_Static_assert(sizeof(codes) / sizeof(codes[0]) <= COUNTED_CODES,
    "a code without a counter");

static unsigned
code_number(const char *code)
{
	return (unsigned)(code[0] - '0') * 100 +
	    (unsigned)(code[1] - '0') * 10 + (unsigned)(code[2] - '0');
}

unsigned
counters_code_index(unsigned status)
{
	const unsigned count = sizeof(codes) / sizeof(codes[0]);

	if (status == 200)
		return 7;		/* most are */
	for (unsigned i = 6; i < count; i++)
		if (code_number(codes[i]) == status)
			return i;
	return status < 600 ? status / 100 : 0;
}

const char *
counters_code(unsigned index)
{
	return index < sizeof(codes) / sizeof(codes[0]) ? codes[index] : NULL;
}

/* Those that find no room are counted together, in the last. */
void
counters_rule(struct counters *c, const char *rule)
{
	for (int i = 0; i < COUNTED_RULES; i++) {
		const char *name = atomic_load_explicit(&c->rules[i].name,
		    memory_order_relaxed);

		if (i == COUNTED_RULES - 1)
			rule = "others";
		if (name == NULL)
			atomic_store_explicit(&c->rules[i].name, name = rule,
			    memory_order_release);
		if (strcmp(name, rule) == 0) {
			count_one(&c->rules[i].count);
			return;
		}
	}
}

void
counters_unavailable(struct counters *c, struct region_set permitted)
{
	uint32_t key = permitted.bits | SET_USED;

	for (int i = 0; i < COUNTED_SETS; i++) {
		uint32_t bits = atomic_load_explicit(&c->unavailable[i].bits,
		    memory_order_relaxed);

		if (bits == 0)
			atomic_store_explicit(&c->unavailable[i].bits,
			    bits = key, memory_order_relaxed);
		if (bits == key) {
			count_one(&c->unavailable[i].count);
			return;
		}
	}
	count_one(&c->unavailable_others);
}

const char *const duration_bounds[DURATION_BUCKETS] = {
	"0.001", "0.0025", "0.005", "0.01", "0.025", "0.05", "0.1", "0.25",
	"0.5", "1", "2.5", "5", "10", "+Inf",
};

static const uint64_t bounds_us[DURATION_BUCKETS] = {
	1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000,
	500000, 1000000, 2500000, 5000000, 10000000, UINT64_MAX,
};

void
counters_duration(struct histogram *h, uint64_t us)
{
	int i = 0;

	while (us > bounds_us[i])
		i++;
	count_one(&h->bucket[i]);
	count_add(&h->sum_us, us);
}

const char *const decided_by_names[DECISIONS] = {
	[DECIDED_BY_HOST] = "host",
	[DECIDED_BY_MAIN] = "main",
	[DECIDED_BY_NETWORK] = "network",
	[DECIDED_BY_COUNTRY] = "country",
	[DECIDED_BY_CONTINENT] = "continent",
	[DECIDED_BY_DEFAULT] = "default",
	[DECIDED_BY_FALLBACK] = "fallback",
	[DECIDED_BY_NEARNESS] = "nearness",
	[DECIDED_BY_STATE] = "state",
	[DECIDED_BY_LINK] = "link",
};

const char *const retry_names[RETRIES] = {
	[RETRY_REFUSED] = "refused",
	[RETRY_TIMEOUT] = "connect-timeout",
	[RETRY_STALE] = "stale",
	[RETRY_BROKEN] = "broken",
	[RETRY_MISDIRECTED] = "misdirected",
	[RETRY_LINK_REFUSED] = "link-refused",
};

const char *const limit_names[LIMITS] = {
	[LIMIT_NONE] = "none",
	[LIMIT_CLIENT_RATE] = "client-rate",
	[LIMIT_TENANT_RATE] = "tenant-rate",
	[LIMIT_TENANT_REQUESTS] = "tenant-requests",
	[LIMIT_REGION_REQUESTS] = "region-requests",
	[LIMIT_ENGINE_REQUESTS] = "engine-requests",
	[LIMIT_MEMORY] = "memory",
	[LIMIT_DESCRIPTORS] = "descriptors",
	[LIMIT_HELD_BYTES] = "held-bytes",
};

const char *const limit_dry_names[LIMITS] = {
	[LIMIT_NONE] = "none",
	[LIMIT_CLIENT_RATE] = "dry-run:client-rate",
	[LIMIT_TENANT_RATE] = "dry-run:tenant-rate",
};

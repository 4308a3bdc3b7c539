/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "conf/config_overload.h"

#include "conf/config.h"
#include "conf/value.h"

/* --- rate_limits ---------------------------------------------------------------- */

enum { RATE_MOST = 100 * 1000, BURST_MOST = 1000 * 1000 };

#define RATE_ROWS(who) \
	{ "rate", SCHEMA_REAL, SCHEMA_AT(struct config, rates.who.rate), \
	    .fallback = "0", .lowest = 0, .highest = RATE_MOST }, \
	{ "burst", SCHEMA_NUMBER, SCHEMA_AT(struct config, rates.who.burst), \
	    .fallback = "0", .most = BURST_MOST }, \
	{ "dry_run", SCHEMA_BOOL, \
	    SCHEMA_AT(struct config, rates.who.dry_run), .fallback = "false" }

static const struct schema_row client_rows[] = {
	RATE_ROWS(client),
	{ "ipv4_prefix", SCHEMA_NUMBER,
	    SCHEMA_AT(struct config, rates.ipv4_prefix), .fallback = "32",
	    .least = 8, .most = 32 },
	{ "ipv6_prefix", SCHEMA_NUMBER,
	    SCHEMA_AT(struct config, rates.ipv6_prefix), .fallback = "64",
	    .least = 16, .most = 128 },
	{ 0 },
};

static const struct schema_row tenant_rows[] = {
	RATE_ROWS(tenant),
	{ 0 },
};

static void
read_exempt(const struct schema_reader *reader, const struct yaml_node *node,
    void *target)
{
	struct config_rates *rates = &((struct config *)target)->rates;
	const struct yaml_node *const *nodes;
	const char *const *texts;
	size_t n = schema_texts(reader, node, &texts, &nodes);
	struct cidr *list = arena_array(reader->arena, n, sizeof(*list));
	struct err err;

	for (size_t i = 0; i < n; i++) {
		if (value_cidr(&list[rates->nexempt], nodes[i]->text, &err))
			rates->nexempt++;
		else
			schema_mistake(reader, nodes[i], "%s", err.text);
	}
	rates->exempt = list;
}

const struct schema_row rate_limits_rows[] = {
	{ "client", SCHEMA_SECTION, .section = client_rows },
	{ "tenant", SCHEMA_SECTION, .section = tenant_rows },
	{ "exempt", SCHEMA_CUSTOM, .read = read_exempt },
	{ 0 },
};

/* --- concurrency ----------------------------------------------------------------- */

enum { AT_A_TIME_MOST = 65535, WAIT_MOST_MS = 60 * 1000 };

#define AT_A_TIME(who) \
	{ #who, SCHEMA_NUMBER, SCHEMA_AT(struct config, concurrency.who), \
	    .fallback = "0", .most = AT_A_TIME_MOST }

const struct schema_row concurrency_rows[] = {
	AT_A_TIME(tenant), AT_A_TIME(region), AT_A_TIME(engine),
	{ "queue", SCHEMA_NUMBER, SCHEMA_AT(struct config, concurrency.queue),
	    .fallback = "128", .most = AT_A_TIME_MOST },
	{ "wait", SCHEMA_DURATION,
	    SCHEMA_AT(struct config, concurrency.wait_ms),
	    .fallback = "500ms", .most = WAIT_MOST_MS },
	{ 0 },
};

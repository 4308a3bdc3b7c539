/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Any bytes as a database: refused with a sentence, or accepted; then the
 * compiled table says of each network what libmaxminddb says.
 */
#include "base/must.h"
#include "geo/geo_table.h"
#include "geo/special.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct region_map map = {
	.file = "fuzz", .nregions = 1, .by_default = { .count = 1 },
};

struct check {
	const struct mmdb *db;
	const struct geo_table *table;
	unsigned	 networks;
};

static bool
check_network(void *arg, const struct cidr *net, struct place place)
{
	struct check *c = arg;
	struct addr canonical = addr_canonical(&net->base);
	struct geo_hit hit = geo_table_find(c->table, &net->base);

	/* A mapped or NAT64 network counts as the IPv4 one. */
	if (special_find(&canonical) == NULL &&
	    addr_eq(&canonical, &net->base)) {
		must(place_eq(hit.place, place));
		must(place_eq(mmdb_lookup(c->db, &net->base), place));
	}
	return ++c->networks < 10000;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err = { "" };
	struct mmdb *db = mmdb_open_bytes(data, size, &err);
	struct check c = { .db = db };
	struct geo_table *table;

	if (db == NULL) {
		must(err.text[0] != '\0');
		return 0;
	}
	c.table = table = geo_table_build(db, &map);
	mmdb_walk(db, check_network, &c);
	geo_table_free(&table);
	mmdb_close(&db);
	return 0;
}

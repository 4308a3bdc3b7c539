/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What the compiled geo table costs: time to open and verify a database, to
 * build the table, its size, and the time of one look-up.
 *
 *	build/bench/geo DATABASE.mmdb
 *
 * Method.  A million addresses are drawn beforehand from a fixed seed: IPv4
 * uniformly from all 2^32; IPv6 uniformly from 2000::/3, and, since most of
 * that is empty, also inside networks of the database drawn at random.  Each
 * look-up is timed by itself between two fenced readings of the processor's
 * clock, so that one cannot overlap the next (in a proxy they do not either);
 * the median of the same readings with nothing between them is taken off.
 * "batch" is the same in runs of 64, clock read once a run: what a look-up
 * costs where the processor may overlap neighbours.  The best of five rounds
 * counts, since other work on the machine only ever adds.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/must.h"
#include "geo/geo_table.h"
#include "lib/ticks.h"

enum { ADDRESSES = 1 << 20, RUN = 64, ROUNDS = 5, BUILDS = 5 };

static struct addr addresses[ADDRESSES];
static struct cidr networks[ADDRESSES];
static uint64_t ticks[ADDRESSES];
static double ns_per_tick = 1;

/* Keeps the compiler from dropping what it thinks nobody reads. */
static void
use(const struct region_list *list)
{
	__asm__ volatile("" : : "r"(list) : "memory");
}

struct result {
	double		 median, p99, batch;	/* ns */
};

static struct result
round_once(const struct geo_table *table, double empty)
{
	struct result r;

	for (size_t i = 0; i < ADDRESSES; i++) {
		uint64_t t = ticks_now();

		use(geo_table_find(table, &addresses[i]).list);
		ticks[i] = ticks_now() - t;
	}
	r.median = (ticks_percentile(ticks, ADDRESSES, 0.5) - empty) * ns_per_tick;
	r.p99 = (ticks_percentile(ticks, ADDRESSES, 0.99) - empty) * ns_per_tick;
	for (size_t i = 0; i < ADDRESSES / RUN; i++) {
		uint64_t t = ticks_now();

		for (size_t j = 0; j < RUN; j++)
			use(geo_table_find(table,
			    &addresses[i * RUN + j]).list);
		ticks[i] = ticks_now() - t;
	}
	r.batch = (ticks_percentile(ticks, ADDRESSES / RUN, 0.5) - empty) * ns_per_tick / RUN;
	return r;
}

static void
measure(const struct geo_table *table, const char *what)
{
	struct result best = { INFINITY, INFINITY, INFINITY };
	double empty = ticks_of_nothing(ticks, ADDRESSES);

	for (int i = 0; i < ROUNDS; i++) {
		struct result r = round_once(table, empty);

		best.median = fmin(best.median, r.median);
		best.p99 = fmin(best.p99, r.p99);
		best.batch = fmin(best.batch, r.batch);
	}
	printf("%-34s median %6.1f ns   p99 %6.1f ns   batch %5.1f ns\n", what,
	    best.median, best.p99, best.batch);
}

static void
draw_ip4(void)
{
	for (size_t i = 0; i < ADDRESSES; i++)
		addresses[i] = addr_from_ip4((uint32_t)next_random());
}

static void
random_bytes(uint8_t bytes[16])
{
	uint64_t n[2] = { next_random(), next_random() };

	memcpy(bytes, n, sizeof(n));
}

static void
draw_ip6(void)
{
	for (size_t i = 0; i < ADDRESSES; i++) {
		addresses[i].family = ADDR_IP6;
		random_bytes(addresses[i].bytes);
		addresses[i].bytes[0] = 0x20 | (addresses[i].bytes[0] & 0x1f);
	}
}

/* So many of the networks as there is room for, each as likely as any other. */
struct sample {
	enum addr_family family;
	size_t		 seen;
};

static bool
sample_network(void *arg, const struct cidr *net, struct place place)
{
	struct sample *s = arg;
	size_t at = s->seen;

	(void)place;
	if (net->base.family != s->family)
		return true;
	if (s->seen++ >= ADDRESSES)
		at = next_random() % s->seen;
	if (at < ADDRESSES)
		networks[at] = *net;
	return true;
}

static struct addr
address_in(const struct cidr *net)
{
	struct addr a = net->base;
	uint8_t random[16];

	random_bytes(random);
	for (unsigned i = 0; i < (a.family == ADDR_IP4 ? 32u : 128u); i++)
		if (i >= net->bits)
			a.bytes[i / 8] |= random[i / 8] & (0x80 >> i % 8);
	return a;
}

static bool
draw_inside(const struct mmdb *db, enum addr_family family)
{
	struct sample s = { .family = family };
	size_t count;

	mmdb_walk(db, sample_network, &s);
	count = s.seen < ADDRESSES ? s.seen : ADDRESSES;
	for (size_t i = 0; i < ADDRESSES && count > 0; i++)
		addresses[i] = address_in(&networks[next_random() % count]);
	return count > 0;
}

/* One region a continent; what the lists say makes no difference here. */
static struct region_map *
make_map(void)
{
	struct region_map *map = xcalloc(1, sizeof(*map));

	map->file = "bench";
	map->nregions = CONTINENTS;
	for (unsigned i = 0; i < CONTINENTS; i++) {
		snprintf(map->regions[i].id, REGION_ID_MAX, "R%u", i);
		map->continents[i].regions[0] = (uint8_t)i;
		map->continents[i].count = 1;
	}
	map->by_default.count = 1;
	return map;
}

static struct mmdb *
open_timed(const char *path)
{
	uint64_t us = clock_us();
	struct err err;
	struct mmdb *db = mmdb_open(path, &err);

	if (db == NULL) {
		fprintf(stderr, "%s\n", err.text);
		exit(2);
	}
	printf("%s: %s, %zu nodes, %zu bytes\n", path, mmdb_info(db)->type,
	    mmdb_info(db)->nodes, mmdb_info(db)->bytes);
	printf("open and verify                    %6.1f ms\n",
	    (double)(clock_us() - us) / 1000);
	return db;
}

static struct geo_table *
build_timed(const struct mmdb *db, const struct region_map *map)
{
	struct geo_table *table = NULL;
	double best = INFINITY;

	for (int i = 0; i < BUILDS; i++) {
		uint64_t us = clock_us();

		geo_table_free(&table);
		us = clock_us();
		table = geo_table_build(db, map);
		best = fmin(best, (double)(clock_us() - us) / 1000);
	}
	printf("build the table                    %6.1f ms (aim: 500)\n", best);
	printf("size of the table                  %6.2f MiB (aim: 24)\n",
	    (double)geo_table_bytes(table) / (1 << 20));
	return table;
}

int
main(int argc, char **argv)
{
	struct region_map *map = make_map();
	struct geo_table *table;
	struct mmdb *db;

	if (argc != 2) {
		fprintf(stderr, "usage: geo DATABASE.mmdb\n");
		return 2;
	}
	ns_per_tick = ticks_calibrate();
	db = open_timed(argv[1]);
	table = build_timed(db, map);
	printf("look-ups (aim: median 60, p99 250)\n");
	draw_ip4();
	measure(table, "  IPv4, all of 2^32");
	if (draw_inside(db, ADDR_IP4))
		measure(table, "  IPv4, in networks of the database");
	draw_ip6();
	measure(table, "  IPv6, all of 2000::/3");
	if (draw_inside(db, ADDR_IP6))
		measure(table, "  IPv6, in networks of the database");
	geo_table_free(&table);
	mmdb_close(&db);
	free(map);
	return 0;
}

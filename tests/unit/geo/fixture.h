/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Maps and databases made up by tests.
 */
#ifndef TESTS_FIXTURE_H
#define TESTS_FIXTURE_H

#include "geo/mmdb.h"
#include "geo/mmdb_write.h"
#include "geo/region_map.h"
#include "unit/geo/csv.h"

/* The region's number; it is added to the map if it is new. */
static inline uint8_t
map_region(struct region_map *map, struct slice id)
{
	int at = region_find(map, id);

	if (at < 0) {
		at = map->nregions++;
		must(at < REGIONS_MAX && id.len < REGION_ID_MAX);
		memcpy(map->regions[at].id, id.p, id.len);
	}
	return (uint8_t)at;
}

static inline struct region_list
map_list(struct region_map *map, struct slice id)
{
	return (struct region_list){ .regions = { map_region(map, id) },
	    .count = 1 };
}

/*
 * The map that a column of region-expected.csv shows, country by country:
 * 2 for the three regions, 3 for the six.  To be freed.
 */
static inline struct region_map *
map_expected(int column)
{
	struct region_map *map = xcalloc(1, sizeof(*map));
	struct slice file = file_read("tests/data/region-expected.csv");
	struct slice rest = file, f[CSV_FIELDS];

	map->file = "region-expected.csv";
	map->by_default = map_list(map, SLICE("US"));
	must(csv_line(&rest, f));
	while (csv_line(&rest, f))
		map->countries[country_find(f[0])] = map_list(map, f[column]);
	file_free(&file);
	return map;
}

/* The database that text of ranges makes; the text must be without mistakes. */
static inline struct mmdb *
database_of(struct slice text)
{
	struct range_text t = { .count = 0 };
	struct buf bytes = { .p = NULL };
	struct mmdb *db;
	struct err err;

	range_text_read(&t, "test", text);
	if (!range_text_settle(&t))
		fprintf(stderr, "%s", buf_cstr(&t.mistakes));
	must(t.nmistakes == 0);
	mmdb_write(&bytes, &(struct mmdb_source){ .ranges = t.ranges,
	    .count = t.count, .type = "Test", .description = "made up",
	    .build_epoch = 1780000000 });
	db = mmdb_open_bytes(bytes.p, bytes.len, &err);
	if (db == NULL)
		fprintf(stderr, "%s\n", err.text);
	must(db != NULL);
	range_text_fini(&t);
	buf_fini(&bytes);
	return db;
}

static inline struct addr
addr_of_text(const char *text)
{
	return addr_of(slice_of(text));
}

static inline uint64_t
next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;	/* splitmix64 */

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

#endif

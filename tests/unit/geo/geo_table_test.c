/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "geo/geo_layers.h"
#include "geo/geo_table.h"
#include "geo/special.h"
#include "unit/geo/fixture.h"

#define DATA "tests/data/mmdb/"

static struct mmdb *
must_open(const char *path)
{
	struct err err;
	struct mmdb *db = mmdb_open(path, &err);

	if (db == NULL)
		fail_msg("%s", err.text);
	return db;
}

static const char *
region_of(const struct region_map *map, const struct geo_hit *hit)
{
	return map->regions[hit->list->regions[0]].id;
}

/* --- the vectors ------------------------------------------------------------- */

/*
 * A database made of the vectors themselves, and of claims about addresses
 * that have no location: real databases make some of these.
 */
static struct mmdb *
database_of_vectors(void)
{
	static const char *const claims[] = {
		"192.168.0.0/16,AU\n", "10.0.0.0/8,GB\n", "0.0.0.0/8,GB\n",
		"224.0.0.0/3,GB\n", "2001::/32,GB\n", "2002::/16,GB\n",
		"64:ff9b::/96,GB\n", "fc00::/7,GB\n", "ff00::/8,GB\n",
		"2001:db8::/32,GB\n", "64:ff9b:1::/48,GB\n", "5f00::/16,GB\n",
	};
	struct slice file = file_read("tests/data/geo-vectors.csv");
	struct slice rest = file, f[CSV_FIELDS];
	struct buf text = { .p = NULL };
	char ip_text[ADDR_TEXT_MAX];
	struct mmdb *db;

	assert_true(csv_line(&rest, f));
	while (csv_line(&rest, f)) {
		struct addr ip = addr_of(f[0]), canonical = addr_canonical(&ip);

		if (f[1].len > 0)
			buf_printf(&text, "%s,%.*s\n",
			    addr_text(&canonical, ip_text), SLICE_ARG(f[1]));
	}
	for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++)
		buf_text(&text, claims[i]);
	db = database_of(buf_all(&text));
	buf_fini(&text);
	file_free(&file);
	return db;
}

/* Whether the row is right; says what is wrong. */
static bool
is_row_right(const struct geo_table *table, const struct region_map *map,
    const struct slice f[CSV_FIELDS], int column)
{
	struct addr ip = addr_of(f[0]);
	struct geo_hit hit = geo_table_find(table, &ip);
	enum continent continent = (enum continent)hit.place.continent;

	if (slice_is(f[1], country_code(hit.place.country)) &&
	    slice_is(f[2], continent_code(continent)) &&
	    slice_is(f[column], region_of(map, &hit)) &&
	    (hit.place.class == PLACE_LOCATED) == (f[1].len > 0))
		return true;
	print_message("%.*s: %s/%s to %s instead of %.*s/%.*s to %.*s\n",
	    SLICE_ARG(f[0]), country_code(hit.place.country),
	    continent_code(continent), region_of(map, &hit), SLICE_ARG(f[1]),
	    SLICE_ARG(f[2]), SLICE_ARG(f[column]));
	return false;
}

/* Kosovo and the Northern Marianas: not every source knows them. */
static bool
is_disputed(struct slice country)
{
	return slice_is(country, "XK") || slice_is(country, "MP");
}

static void
check_vectors(const struct mmdb *db, int column, bool allow_disputed)
{
	struct region_map *map = map_expected(column);
	struct geo_table *table = geo_table_build(db, map);
	struct slice file = file_read("tests/data/geo-vectors.csv");
	struct slice rest = file, f[CSV_FIELDS];
	unsigned rows = 0, wrong = 0;

	assert_true(csv_line(&rest, f));
	for (; csv_line(&rest, f); rows++)
		wrong += !is_row_right(table, map, f, column + 1) &&
		    !(allow_disputed && is_disputed(f[1]));
	assert_int_equal(rows, 356);
	assert_int_equal(wrong, 0);
	file_free(&file);
	geo_table_free(&table);
	assert_null(table);
	free(map);
}

static void
all_vectors_in_both_maps(void **state)
{
	struct mmdb *db = database_of_vectors();

	(void)state;
	check_vectors(db, 2, false);
	check_vectors(db, 3, false);
	mmdb_close(&db);
}

/* The database of the demo, or the operator's: GEODB=FILE make unit. */
static void
all_vectors_in_a_real_database(void **state)
{
	const char *path = getenv("GEODB");
	struct mmdb *db;

	(void)state;
	if (path == NULL || path[0] == '\0')
		skip();
	db = must_open(path);
	check_vectors(db, 2, true);
	check_vectors(db, 3, true);
	mmdb_close(&db);
}

/* --- against the reference ------------------------------------------------------ */

struct comparison {
	const struct mmdb *db;
	const struct geo_table *table;
	uint64_t	 seed;
	unsigned	 compared, located;
};

static void
compare_at(struct comparison *c, const struct addr *ip)
{
	struct addr canonical = addr_canonical(ip);
	const struct special_range *special = special_find(&canonical);
	struct place want = special == NULL ? mmdb_lookup(c->db, ip) :
	    (struct place){ .class = (uint8_t)special->class };
	struct geo_hit hit = geo_table_find(c->table, ip);
	char text[ADDR_TEXT_MAX];

	if (!place_eq(hit.place, want))
		fail_msg("%s: %s in the table, %s in the database",
		    addr_text(ip, text), country_code(hit.place.country),
		    country_code(want.country));
	c->compared++;
	c->located += want.class == PLACE_LOCATED;
}

static void
compare_number(struct comparison *c, enum addr_family family, ip_number n)
{
	struct addr ip = { .family = (uint8_t)family };
	int bytes = family == ADDR_IP4 ? 4 : 16;

	for (int i = 0; i < bytes; i++)
		ip.bytes[bytes - 1 - i] = (uint8_t)(n >> (8 * i));
	compare_at(c, &ip);
}

/* Both ends of a network, their neighbours, and something inside. */
static bool
compare_network(void *arg, const struct cidr *net, struct place place)
{
	struct comparison *c = arg;
	enum addr_family family = (enum addr_family)net->base.family;
	ip_number first = cidr_first(net), last = cidr_last(net);
	ip_number random = (ip_number)next_random(&c->seed) << 64 |
	    next_random(&c->seed);

	(void)place;
	compare_number(c, family, first);
	compare_number(c, family, last);
	compare_number(c, family, first - 1);
	compare_number(c, family, last + 1);
	compare_number(c, family, first + (random & (last - first)));
	return true;
}

static struct addr
random_address(uint64_t *seed)
{
	struct addr ip = { .family = ADDR_IP6 };
	uint64_t n[2] = { next_random(seed), next_random(seed) };

	memcpy(ip.bytes, n, sizeof(n));
	switch (n[0] >> 60) {
	case 0:				/* mapped */
		memcpy(ip.bytes, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);
		return ip;
	case 1:				/* NAT64 */
		memcpy(ip.bytes, "\0\x64\xff\x9b\0\0\0\0\0\0\0\0", 12);
		return ip;
	case 2: case 3: case 4: case 5:	/* where addresses are given out */
		ip.bytes[0] = 0x20 | (ip.bytes[0] & 0x0f);
		return ip;
	case 6:
		return ip;
	default:
		return addr_from_ip4((uint32_t)n[1]);
	}
}

static void
compare_all(const struct mmdb *db, const struct region_map *map,
    unsigned randoms)
{
	struct geo_table *table = geo_table_build(db, map);
	struct comparison c = { .db = db, .table = table, .seed = 1121 };

	mmdb_walk(db, compare_network, &c);
	for (unsigned i = 0; i < randoms; i++) {
		struct addr ip = random_address(&c.seed);

		compare_at(&c, &ip);
	}
	assert_true(c.located > 40);
	geo_table_free(&table);
}

static void
the_table_agrees_with_the_library(void **state)
{
	static const char *const files[] = { DATA "own/world-nested.mmdb",
	    DATA "own/world-flat.mmdb", DATA "own/world-ipv4.mmdb",
	    DATA "own/odd-records.mmdb",
	    DATA "maxmind/good/GeoIP2-City-Test.mmdb",
	    DATA "maxmind/good/GeoIP2-Country-Test.mmdb",
	    DATA "maxmind/good/GeoLite2-Country-Test.mmdb" };
	struct region_map *map = map_expected(3);

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct mmdb *db = must_open(files[i]);

		compare_all(db, map, 20000);
		mmdb_close(&db);
	}
	free(map);
}

static void
the_table_agrees_in_a_real_database(void **state)
{
	const char *path = getenv("GEODB");
	struct region_map *map;
	struct mmdb *db;

	(void)state;
	if (path == NULL || path[0] == '\0')
		skip();
	map = map_expected(3);
	db = must_open(path);
	compare_all(db, map, 1000000);
	mmdb_close(&db);
	free(map);
}

/* 6to4 and Teredo rows, too: no location even where the file has an alias. */
static void
the_world_in_three_layouts(void **state)
{
	static const char *const files[] = { DATA "own/world-nested.mmdb",
	    DATA "own/world-flat.mmdb", DATA "own/world-ipv4.mmdb" };
	struct region_map *map = map_expected(3);
	struct slice file = file_read(DATA "own/world.csv");

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct mmdb *db = must_open(files[i]);
		struct geo_table *table = geo_table_build(db, map);
		struct slice rest = file, f[CSV_FIELDS];

		mmdb_close(&db);	/* the table needs it no more */
		assert_true(csv_line(&rest, f));
		while (csv_line(&rest, f)) {
			struct addr ip = addr_of(f[0]);
			struct geo_hit hit = geo_table_find(table, &ip);
			struct addr canonical = addr_canonical(&ip);

			if (i == 2 && canonical.family == ADDR_IP6)
				f[1].len = 0;	/* an IPv4-only file */
			assert_true(slice_is(f[1],
			    country_code(hit.place.country)));
		}
		geo_table_free(&table);
	}
	file_free(&file);
	free(map);
}

/* --- operators' networks ------------------------------------------------------- */

static struct region_network
network(struct region_map *map, const char *net, const char *region,
    const char *country)
{
	struct region_network n = { .reason = "test" };

	must(cidr_parse(&n.net, slice_of(net)) == CIDR_OK);
	if (region != NULL)
		n.list = map_list(map, slice_of(region));
	if (country != NULL)
		n.place = place_from_codes(slice_of(country),
		    (struct slice){ NULL, 0 });
	return n;
}

static const struct {
	const char	*net, *region, *country;
} overrides[] = {
	{ "10.0.0.0/8",		"CA", NULL },
	{ "10.20.0.0/16",	"AU", NULL },
	{ "10.20.30.0/24",	NULL, "FR" },	/* located, by the map then */
	{ "10.20.30.40/32",	"SG", "JP" },
	{ "11.0.0.0/8",		"SG", NULL },	/* above the database */
	{ "8.8.8.0/24",		NULL, "CH" },
	{ "2001:db8::/32",	"GB", NULL },
	{ "2001:db8:20::/48",	"AU", NULL },
	{ "2001:db8:20::1/128",	"CA", "DE" },
	{ "2a11::/16",		NULL, "BR" },
	{ "fd00::/8",		"EU", NULL },
	{ "255.255.255.255/32",	"AU", NULL },
	{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128", "SG", NULL },
};

enum { OVERRIDES = sizeof(overrides) / sizeof(overrides[0]) };

static const struct {
	const char	*ip;
	const char	*region, *country;
	enum place_class class;
	enum region_match match;
	int		 network;	/* in the table above, or -1 */
} overridden[] = {
	{ "9.255.255.255",	"US", "",   PLACE_UNKNOWN, REGION_BY_DEFAULT, -1 },
	{ "10.0.0.0",		"CA", "",   PLACE_PRIVATE, REGION_BY_NETWORK, 0 },
	{ "10.19.255.255",	"CA", "",   PLACE_PRIVATE, REGION_BY_NETWORK, 0 },
	{ "10.20.0.0",		"AU", "",   PLACE_PRIVATE, REGION_BY_NETWORK, 1 },
	{ "10.20.30.39",	"EU", "FR", PLACE_LOCATED, REGION_BY_COUNTRY, 2 },
	{ "10.20.30.40",	"SG", "JP", PLACE_LOCATED, REGION_BY_NETWORK, 3 },
	{ "10.20.30.41",	"EU", "FR", PLACE_LOCATED, REGION_BY_COUNTRY, 2 },
	{ "10.20.31.0",		"AU", "",   PLACE_PRIVATE, REGION_BY_NETWORK, 1 },
	{ "10.255.255.255",	"CA", "",   PLACE_PRIVATE, REGION_BY_NETWORK, 0 },
	{ "11.0.0.1",		"SG", "AD", PLACE_LOCATED, REGION_BY_NETWORK, 4 },
	{ "11.255.0.1",		"SG", "",   PLACE_UNKNOWN, REGION_BY_NETWORK, 4 },
	{ "8.8.8.8",		"EU", "CH", PLACE_LOCATED, REGION_BY_COUNTRY, 5 },
	{ "::ffff:8.8.8.8",	"EU", "CH", PLACE_LOCATED, REGION_BY_COUNTRY, 5 },
	{ "64:ff9b::808:808",	"EU", "CH", PLACE_LOCATED, REGION_BY_COUNTRY, 5 },
	{ "64:ff9b::a14:1",	"AU", "",   PLACE_PRIVATE, REGION_BY_NETWORK, 1 },
	{ "2001:db8::1",	"GB", "",   PLACE_UNKNOWN, REGION_BY_NETWORK, 6 },
	{ "2001:db8:20::",	"AU", "",   PLACE_UNKNOWN, REGION_BY_NETWORK, 7 },
	{ "2001:db8:20::1",	"CA", "DE", PLACE_LOCATED, REGION_BY_NETWORK, 8 },
	{ "2001:db8:20::2",	"AU", "",   PLACE_UNKNOWN, REGION_BY_NETWORK, 7 },
	{ "2001:db8:21::",	"GB", "",   PLACE_UNKNOWN, REGION_BY_NETWORK, 6 },
	{ "2001:db9::",		"US", "",   PLACE_UNKNOWN, REGION_BY_DEFAULT, -1 },
	{ "2a11:5::1",		"US", "BR", PLACE_LOCATED, REGION_BY_COUNTRY, 9 },
	{ "fd12::1",		"EU", "",   PLACE_PRIVATE, REGION_BY_NETWORK, 10 },
	{ "fc00::1",		"US", "",   PLACE_PRIVATE, REGION_BY_DEFAULT, -1 },
	{ "255.255.255.254",	"US", "",   PLACE_UNKNOWN, REGION_BY_DEFAULT, -1 },
	{ "255.255.255.255",	"AU", "",   PLACE_UNKNOWN, REGION_BY_NETWORK, 11 },
	{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
				"SG", "",   PLACE_UNKNOWN, REGION_BY_NETWORK, 12 },
	{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe",
				"US", "",   PLACE_UNKNOWN, REGION_BY_DEFAULT, -1 },
};

static void
the_longest_network_wins(void **state)
{
	struct region_map *map = map_expected(3);
	struct region_network nets[OVERRIDES];
	struct mmdb *db = must_open(DATA "own/world-nested.mmdb");
	struct geo_table *table;

	(void)state;
	/* Written in no useful order. */
	for (size_t i = 0; i < OVERRIDES; i++)
		nets[(i * 5 + 3) % OVERRIDES] = network(map, overrides[i].net,
		    overrides[i].region, overrides[i].country);
	map->networks = nets;
	map->nnetworks = OVERRIDES;
	table = geo_table_build(db, map);
	for (size_t i = 0; i < sizeof(overridden) / sizeof(overridden[0]); i++) {
		struct addr ip = addr_of_text(overridden[i].ip);
		struct geo_hit hit = geo_table_find(table, &ip);
		int n = overridden[i].network;

		if (strcmp(region_of(map, &hit), overridden[i].region) != 0 ||
		    strcmp(country_code(hit.place.country),
		    overridden[i].country) != 0)
			fail_msg("%s: %s, %s", overridden[i].ip,
			    region_of(map, &hit),
			    country_code(hit.place.country));
		assert_int_equal(hit.place.class, overridden[i].class);
		assert_int_equal(hit.match, overridden[i].match);
		assert_ptr_equal(hit.network, n < 0 ? NULL :
		    &nets[((unsigned)n * 5 + 3) % OVERRIDES]);
	}
	geo_table_free(&table);
	mmdb_close(&db);
	free(map);
}

/* More networks than any small number would hold, each found again. */
static void
a_hundred_thousand_networks(void **state)
{
	enum { MANY = 100000 };
	struct region_map *map = map_expected(3);
	struct region_network *nets = xcalloc(MANY, sizeof(*nets));
	struct geo_table *table;

	(void)state;
	for (uint32_t i = 0; i < MANY; i++) {
		nets[i].net.base = addr_from_ip4(0x20000000 + i * 256);
		nets[i].net.bits = 24;
		nets[i].list = map_list(map, SLICE("AU"));
	}
	map->networks = nets;
	map->nnetworks = MANY;
	table = geo_table_build(NULL, map);
	for (uint32_t i = 0; i < MANY; i++) {
		struct addr ip = addr_from_ip4(0x20000000 + i * 256 + i % 256);

		assert_ptr_equal(geo_table_find(table, &ip).network, &nets[i]);
	}
	geo_table_free(&table);
	free(nets);
	free(map);
}

/* --- the rest --------------------------------------------------------------------- */

static void
without_a_database(void **state)
{
	struct region_map *map = map_expected(2);
	struct geo_table *table = geo_table_build(NULL, map);
	struct addr none = { .family = ADDR_NONE };
	struct addr public = addr_of_text("8.8.8.8");
	struct addr private = addr_of_text("192.168.0.1");
	struct geo_hit hit;

	(void)state;
	hit = geo_table_find(table, &none);
	assert_int_equal(hit.place.class, PLACE_UNKNOWN);
	assert_int_equal(hit.match, REGION_BY_DEFAULT);
	assert_string_equal(region_of(map, &hit), "US");
	assert_null(hit.network);
	hit = geo_table_find(table, &public);
	assert_int_equal(hit.place.class, PLACE_UNKNOWN);
	hit = geo_table_find(table, &private);
	assert_int_equal(hit.place.class, PLACE_PRIVATE);
	assert_int_equal(geo_table_epoch(table), 0);
	geo_table_free(&table);
	free(map);
}

static void
what_is_known_of_a_table(void **state)
{
	struct region_map *map = map_expected(2);
	struct mmdb *db = database_of(SLICE("1.0.0.0/8,AU\n2a00::/16,DE\n"));
	struct geo_table *table = geo_table_build(db, map);

	(void)state;
	mmdb_close(&db);
	assert_int_equal(geo_table_epoch(table), 1780000000);
	assert_in_range(geo_table_bytes(table), 100000, 4 << 20);
	geo_table_free(&table);
	free(map);
}

static void
what_changes_between_tables(void **state)
{
	struct region_map *three = map_expected(2), *six = map_expected(3);
	/* AU stays, DE goes from GB to EU; 2.0.0.0/8 is new, and elsewhere. */
	struct mmdb *before = database_of(SLICE(
	    "1.0.0.0/8,AU\n3.0.0.0/16,DE\n2a00::/32,DE\n2a01::/32,AU\n"));
	struct mmdb *after = database_of(SLICE("1.0.0.0/8,AU\n2.0.0.0/8,GB\n"
	    "3.0.0.0/16,DE\n2a00::/32,DE\n2a01::/32,AU\n2a02:1:2:3::/64,GB\n"));
	struct geo_table *a = geo_table_build(before, three);
	struct geo_table *b = geo_table_build(before, six);
	struct geo_table *c = geo_table_build(after, three);
	struct geo_diff d;

	(void)state;
	geo_table_diff(a, a, &d);
	assert_true(d.ip4.located == 0x1p24 + 0x1p16 && d.ip4.changed == 0);
	assert_true(d.ip6.located == 0x1p17 && d.ip6.changed == 0);
	geo_table_diff(a, b, &d);
	assert_true(d.ip4.located == 0x1p24 + 0x1p16 && d.ip4.changed == 0x1p16);
	assert_true(d.ip6.located == 0x1p17 && d.ip6.changed == 0x1p16);
	geo_table_diff(a, c, &d);
	assert_true(d.ip4.located == 0x1p25 + 0x1p16 && d.ip4.changed == 0x1p24);
	/* A /64 is a small part of a /48. */
	assert_true(d.ip6.located == 0x1p17 + 0x1p-16);
	assert_true(d.ip6.changed == 0x1p-16);
	geo_table_free(&a);
	geo_table_free(&b);
	geo_table_free(&c);
	mmdb_close(&before);
	mmdb_close(&after);
	free(three);
	free(six);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_vectors_in_both_maps),
		cmocka_unit_test(all_vectors_in_a_real_database),
		cmocka_unit_test(the_table_agrees_with_the_library),
		cmocka_unit_test(the_table_agrees_in_a_real_database),
		cmocka_unit_test(the_world_in_three_layouts),
		cmocka_unit_test(the_longest_network_wins),
		cmocka_unit_test(a_hundred_thousand_networks),
		cmocka_unit_test(without_a_database),
		cmocka_unit_test(what_is_known_of_a_table),
		cmocka_unit_test(what_changes_between_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "geo/country.h"
#include "geo/mmdb.h"
#include "unit/geo/csv.h"

#define DATA "tests/data/mmdb/"

/* Where a file of verdicts.csv stands: own, good or broken. */
static struct mmdb *
open_named(struct slice name, struct err *err)
{
	static const char *const folders[] = { "own", "maxmind/good",
	    "maxmind/broken" };
	char path[256];

	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), DATA "%s/%.*s", folders[i],
		    SLICE_ARG(name));
		if (access(path, R_OK) == 0)
			return mmdb_open(path, err);
	}
	fail_msg("%.*s: no such file", SLICE_ARG(name));
	return NULL;
}

/* Which check must have found the fault, by a word of its message. */
static bool
is_refused_rightly(const struct slice field[CSV_FIELDS], const char *text)
{
	if (slice_is(field[1], "fails"))
		return true;		/* which of several faults is ours to say */
	if (slice_is(field[2], "invalid records"))
		return strstr(text, "search tree") != NULL ||
		    strstr(text, "data section") != NULL;
	if (slice_is(field[3], "undecodable"))
		return strstr(text, "data section") != NULL;
	return strstr(text, "names a country") != NULL ||
	    strstr(text, "beyond the year 9999") != NULL;
}

static void
every_verdict(void **state)
{
	struct slice file = file_read(DATA "verdicts.csv"), rest = file;
	struct slice f[CSV_FIELDS];
	unsigned rows = 0, accepted = 0;

	(void)state;
	assert_true(csv_line(&rest, f));
	while (csv_line(&rest, f)) {
		struct err err = { "" };
		struct mmdb *db = open_named(f[0], &err);
		uint64_t countries;

		rows++;
		if (slice_is(f[5], "accept")) {
			accepted++;
			if (db == NULL)
				fail_msg("refused: %s", err.text);
			/* It counts records that hold two letters; ours are
			 * distinct countries that exist. */
			assert_true(slice_to_u64(f[4], &countries));
			assert_in_range(mmdb_info(db)->usable_countries,
			    countries / 2, countries);
		} else {
			if (db != NULL)
				fail_msg("%.*s: accepted", SLICE_ARG(f[0]));
			if (!is_refused_rightly(f, err.text))
				fail_msg("for the wrong reason: %s", err.text);
		}
		mmdb_close(&db);
	}
	assert_int_equal(rows, 41);
	assert_int_equal(accepted, 7);
	file_free(&file);
}

static void
assert_place(struct slice ip, struct place p, struct slice country,
    struct slice continent)
{
	if (!slice_is(country, country_code(p.country)) ||
	    !slice_is(continent, continent_code((enum continent)p.continent)))
		fail_msg("%.*s: %s/%s instead of %.*s/%.*s", SLICE_ARG(ip),
		    country_code(p.country),
		    continent_code((enum continent)p.continent),
		    SLICE_ARG(country), SLICE_ARG(continent));
	assert_int_equal(p.class, continent.len > 0 ? PLACE_LOCATED :
	    PLACE_UNKNOWN);
}

static struct mmdb *
must_open(const char *path)
{
	struct err err;
	struct mmdb *db = mmdb_open(path, &err);

	if (db == NULL)
		fail_msg("%s", err.text);
	return db;
}

static void
every_odd_record(void **state)
{
	struct mmdb *db = must_open(DATA "own/odd-records.mmdb");
	struct slice file = file_read(DATA "own/odd-records.csv"), rest = file;
	struct slice f[CSV_FIELDS];
	unsigned rows = 0;

	(void)state;
	assert_true(csv_line(&rest, f));
	for (; csv_line(&rest, f); rows++) {
		struct addr ip = addr_of(f[0]);

		assert_place(f[0], mmdb_lookup(db, &ip), f[1], f[2]);
	}
	assert_int_equal(rows, 49);
	file_free(&file);
	mmdb_close(&db);
}

/* Registered and represented countries are in these files to mislead. */
static void
every_network_of_the_maxmind_files(void **state)
{
	struct slice file = file_read(DATA "maxmind/country-test.csv");
	struct slice rest = file, f[CSV_FIELDS], name = { "", 0 };
	struct mmdb *db = NULL;
	unsigned rows = 0;

	(void)state;
	assert_true(csv_line(&rest, f));
	for (; csv_line(&rest, f); rows++) {
		char path[256];
		struct addr ip = addr_of(f[2]);

		if (!slice_eq(f[0], name)) {
			mmdb_close(&db);
			name = f[0];
			snprintf(path, sizeof(path),
			    DATA "maxmind/good/%.*s.mmdb", SLICE_ARG(name));
			db = must_open(path);
		}
		assert_place(f[2], mmdb_lookup(db, &ip), f[3], f[4]);
	}
	assert_true(rows > 500);
	file_free(&file);
	mmdb_close(&db);
}

/* Teredo and 6to4 rows are the geo table's: the database alone knows better. */
static bool
is_tunnel(const struct addr *ip)
{
	static const uint8_t teredo[4] = { 0x20, 0x01, 0, 0 };

	return ip->family == ADDR_IP6 && (memcmp(ip->bytes, teredo, 4) == 0 ||
	    (ip->bytes[0] == 0x20 && ip->bytes[1] == 0x02));
}

static void
world_in(const char *path, bool has_ip6)
{
	struct mmdb *db = must_open(path);
	struct slice file = file_read(DATA "own/world.csv"), rest = file;
	struct slice f[CSV_FIELDS];
	unsigned rows = 0;

	assert_true(csv_line(&rest, f));
	for (; csv_line(&rest, f); rows++) {
		struct addr ip = addr_of(f[0]), canonical = addr_canonical(&ip);

		if (is_tunnel(&ip))
			continue;
		if (canonical.family == ADDR_IP6 && !has_ip6)
			f[1].len = f[2].len = 0;
		assert_place(f[0], mmdb_lookup(db, &ip), f[1], f[2]);
	}
	assert_true(rows > 500);
	file_free(&file);
	mmdb_close(&db);
}

static void
the_world_in_three_layouts(void **state)
{
	(void)state;
	world_in(DATA "own/world-nested.mmdb", true);
	world_in(DATA "own/world-flat.mmdb", true);
	world_in(DATA "own/world-ipv4.mmdb", false);
}

struct walked {
	unsigned	 ip4, ip6;
	struct cidr	 last;
	const struct mmdb *db;
};

static bool
on_network(void *arg, const struct cidr *net, struct place place)
{
	struct walked *w = arg;
	bool first = w->ip4 + w->ip6 == 0;

	if (!first && net->base.family == w->last.base.family)
		assert_true(memcmp(net->base.bytes, w->last.base.bytes, 16) > 0);
	if (!first && net->base.family != w->last.base.family)
		assert_int_equal(net->base.family, ADDR_IP6);
	assert_true(place_eq(place, mmdb_lookup(w->db, &net->base)));
	*(net->base.family == ADDR_IP4 ? &w->ip4 : &w->ip6) += 1;
	w->last = *net;
	return true;
}

/* Aliases of the IPv4 tree are not walked again. */
static void
a_walk_meets_each_network_once(void **state)
{
	static const struct {
		const char	*path;
		unsigned	 ip4, ip6;
	} files[] = {
		{ DATA "own/world-nested.mmdb", 250, 250 },
		{ DATA "own/world-flat.mmdb", 250, 250 },
		{ DATA "own/world-ipv4.mmdb", 250, 0 },
	};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct walked w = { .ip4 = 0 };
		struct mmdb *db = must_open(files[i].path);

		w.db = db;
		mmdb_walk(db, on_network, &w);
		assert_int_equal(w.ip4, files[i].ip4);
		assert_int_equal(w.ip6, files[i].ip6);
		mmdb_close(&db);
	}
}

static bool
stop_at_second(void *arg, const struct cidr *net, struct place place)
{
	unsigned *calls = arg;

	(void)net;
	(void)place;
	return ++*calls < 2;
}

static void
a_walk_can_be_stopped(void **state)
{
	struct mmdb *db = must_open(DATA "own/world-flat.mmdb");
	unsigned calls = 0;

	(void)state;
	mmdb_walk(db, stop_at_second, &calls);
	assert_int_equal(calls, 2);
	mmdb_close(&db);
}

static void
what_is_known_of_a_file(void **state)
{
	struct mmdb *db = must_open(DATA "own/world-nested.mmdb");
	const struct mmdb_info *info = mmdb_info(db);

	(void)state;
	assert_string_equal(info->type, "Test-Country");
	assert_int_equal(info->build_epoch, 1780000000);
	assert_int_equal(info->ip_version, 6);
	assert_int_equal(info->records, 250);
	assert_int_equal(info->usable_countries, 250);
	assert_int_equal(info->bytes, 22516);
	assert_true(info->ip4_located > 0.0038 && info->ip4_located < 0.0039);
	mmdb_close(&db);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_verdict),
		cmocka_unit_test(every_odd_record),
		cmocka_unit_test(every_network_of_the_maxmind_files),
		cmocka_unit_test(the_world_in_three_layouts),
		cmocka_unit_test(a_walk_meets_each_network_once),
		cmocka_unit_test(a_walk_can_be_stopped),
		cmocka_unit_test(what_is_known_of_a_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/clock.h"
#include "geo/country.h"
#include "geo/geo_layers.h"
#include "unit/geo/fixture.h"

/* What a walk finds, as `CIDR,CC` again. */
static bool
write_network(void *arg, const struct cidr *net, struct place place)
{
	char text[ADDR_TEXT_MAX];

	buf_printf(arg, "%s/%u,%s\n", addr_text(&net->base, text), net->bits,
	    place.country != 0 ? country_code(place.country) :
	    continent_code((enum continent)place.continent));
	return true;
}

static const struct {
	const char	*text, *want;
} round_trips[] = {
	{ "1.0.0.0/24,AU\n", "1.0.0.0/24,AU\n" },
	{ "1.0.0.1,1.0.0.2,AU\n", "1.0.0.1/32,AU\n1.0.0.2/32,AU\n" },
	{ "1.0.0.1,1.0.0.10,AU\n", "1.0.0.1/32,AU\n1.0.0.2/31,AU\n"
	    "1.0.0.4/30,AU\n1.0.0.8/31,AU\n1.0.0.10/32,AU\n" },
	{ "0.0.0.0/32,AU\n255.255.255.255/32,NZ\n",
	    "0.0.0.0/32,AU\n255.255.255.255/32,NZ\n" },
	{ "1.0.0.0/9,AU\n1.128.0.0/9,AU\n", "1.0.0.0/8,AU\n" },
	{ "1.0.0.0/24,GB\n1.0.1.0/24,EU\n2a00::/12,FR\n2a10::/127,DE\n",
	    "1.0.0.0/24,GB\n1.0.1.0/24,EU\n2a00::/12,FR\n2a10::/127,DE\n" },
	{ "8000::/1,FR\n1.0.0.0/24,GB\n", "1.0.0.0/24,GB\n8000::/1,FR\n" },
	{ "1.2.3.4,GB\nffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe,FR\n",
	    "1.2.3.4/32,GB\nffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/128,FR\n" },
	{ "1.2.3.4,GB\n::1:0:0,::1:0:1,FR\n", "1.2.3.4/32,GB\n::1:0:0/127,FR\n" },
};

static void
what_is_written_is_read_again(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(round_trips) / sizeof(round_trips[0]);
	    i++) {
		struct mmdb *db = database_of(slice_of(round_trips[i].text));
		struct buf b = { .p = NULL };

		mmdb_walk(db, write_network, &b);
		assert_string_equal(buf_cstr(&b), round_trips[i].want);
		buf_fini(&b);
		mmdb_close(&db);
	}
}

/* All of IPv4 as one network: it begins where the IPv6 tree keeps it. */
static void
all_of_a_family(void **state)
{
	struct range_text t = { .count = 0 };
	struct buf bytes = { .p = NULL };
	struct err err;

	(void)state;
	range_text_read(&t, "test", SLICE("0.0.0.0/0,US\n"));
	assert_true(range_text_settle(&t));
	mmdb_write(&bytes, &(struct mmdb_source){ t.ranges, t.count, "T", "d",
	    1 });
	assert_null(mmdb_open_bytes(bytes.p, bytes.len, &err));
	assert_non_null(strstr(err.text, "well-known"));	/* but sound */
	range_text_fini(&t);
	buf_fini(&bytes);
}

static void
metadata_as_given(void **state)
{
	struct mmdb *db = database_of(SLICE("1.0.0.0/24,AU\n"));
	const struct mmdb_info *info = mmdb_info(db);

	(void)state;
	assert_string_equal(info->type, "Test");
	assert_int_equal(info->build_epoch, 1780000000);
	assert_int_equal(info->ip_version, 6);
	assert_int_equal(info->records, 1);
	assert_int_equal(info->usable_countries, 1);
	mmdb_close(&db);
}

static void
add_random_line(struct buf *b, uint64_t *seed, uint32_t *ip)
{
	static const char codes[][3] = { "US", "GB", "DE", "JP", "BR", "EU" };
	uint32_t gap = (uint32_t)next_random(seed) % 3 == 0 ?
	    (uint32_t)next_random(seed) % 4096 : 0;
	uint32_t len = 1 + (uint32_t)next_random(seed) % 2000;

	buf_printf(b, "%u,%u,%s\n", *ip + gap, *ip + gap + len - 1,
	    codes[next_random(seed) % 6]);
	*ip += gap + len;
}

/* Twenty-eight bits a record, since so many nodes need them: each address of
 * each range is where the text says. */
static void
a_million_lines(void **state)
{
	struct buf b = { .p = NULL };
	struct range_text t = { .count = 0 };
	struct buf bytes = { .p = NULL };
	uint64_t seed = 7, began;
	uint32_t ip = 0x01000000;
	struct mmdb *db;
	struct err err;

	(void)state;
	for (int i = 0; i < 1000000; i++)
		add_random_line(&b, &seed, &ip);
	began = clock_ms();
	range_text_read(&t, "test", buf_all(&b));
	assert_true(range_text_settle(&t));
	mmdb_write(&bytes, &(struct mmdb_source){ t.ranges, t.count, "T", "d",
	    1 });
	/* The aim is two seconds; sanitizers and busy machines get more. */
	print_message("a million lines: %u ms, %zu bytes\n",
	    (unsigned)(clock_ms() - began), bytes.len);
	assert_true(clock_ms() - began < 30000);
	assert_null(mmdb_open_bytes(bytes.p, bytes.len, &err));
	assert_non_null(strstr(err.text, "covers the world"));
	/* A world of random ranges is no world: what is left of it that is
	 * too small to be one. */
	buf_clear(&bytes);
	mmdb_write(&bytes, &(struct mmdb_source){ t.ranges, 5000, "T", "d", 1 });
	db = mmdb_open_bytes(bytes.p, bytes.len, &err);
	assert_non_null(db);
	for (size_t i = 0; i < 5000; i++) {
		struct addr first = addr_from_ip4((uint32_t)t.ranges[i].first);
		struct addr last = addr_from_ip4((uint32_t)t.ranges[i].last);
		struct addr next = addr_from_ip4((uint32_t)t.ranges[i].last + 1);
		bool gap = i + 1 < 5000 &&
		    t.ranges[i + 1].first != t.ranges[i].last + 1;

		assert_true(place_eq(mmdb_lookup(db, &first),
		    t.ranges[i].place));
		assert_true(place_eq(mmdb_lookup(db, &last),
		    t.ranges[i].place));
		if (gap)
			assert_int_equal(mmdb_lookup(db, &next).class,
			    PLACE_UNKNOWN);
	}
	mmdb_close(&db);
	buf_fini(&b);
	buf_fini(&bytes);
	range_text_fini(&t);
}

/* More nodes than 24 bits can number: 28-bit records. */
static void
records_of_twenty_eight_bits(void **state)
{
	enum { MANY = 400000 };
	struct range *ranges = xcalloc(MANY, sizeof(*ranges));
	struct buf bytes = { .p = NULL };
	struct err err;

	(void)state;
	for (size_t i = 0; i < MANY; i++) {
		/* Single addresses, each in a /80 of its own: 48 nodes each. */
		ranges[i].first = ranges[i].last =
		    ((ip_number)0x2a00 << 112 | (ip_number)i << 80) + 1;
		ranges[i].place = place_from_codes(
		    i % 2 == 0 ? SLICE("FR") : SLICE("DE"),
		    (struct slice){ NULL, 0 });
	}
	mmdb_write(&bytes, &(struct mmdb_source){ ranges, MANY, "T", "d", 1 });
	assert_true(bytes.len > (size_t)7 << 24);
	/* Sound all through: the last check is the only one it fails. */
	assert_null(mmdb_open_bytes(bytes.p, bytes.len, &err));
	if (strstr(err.text, "no IPv4 address") == NULL)
		fail_msg("%s", err.text);
	free(ranges);
	buf_fini(&bytes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read_again),
		cmocka_unit_test(all_of_a_family),
		cmocka_unit_test(metadata_as_given),
		cmocka_unit_test(a_million_lines),
		cmocka_unit_test(records_of_twenty_eight_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

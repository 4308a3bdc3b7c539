/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "geo/special.h"
#include "unit/geo/csv.h"

/* First and last address of what is special, and their neighbours. */
static const struct {
	const char	*ip;
	int		 class;		/* -1: not special */
} rows[] = {
	{ "0.0.0.0", PLACE_UNKNOWN },
	{ "0.255.255.255", PLACE_UNKNOWN },
	{ "1.0.0.0", -1 },
	{ "9.255.255.255", -1 },
	{ "10.0.0.0", PLACE_PRIVATE },
	{ "10.255.255.255", PLACE_PRIVATE },
	{ "11.0.0.0", -1 },
	{ "100.63.255.255", -1 },
	{ "100.64.0.0", PLACE_PRIVATE },
	{ "100.127.255.255", PLACE_PRIVATE },
	{ "100.128.0.0", -1 },
	{ "127.0.0.1", PLACE_PRIVATE },
	{ "169.254.169.254", PLACE_PRIVATE },
	{ "172.15.255.255", -1 },
	{ "172.16.0.0", PLACE_PRIVATE },
	{ "172.31.255.255", PLACE_PRIVATE },
	{ "172.32.0.0", -1 },
	{ "192.0.0.9", PLACE_UNKNOWN },
	{ "192.0.1.0", -1 },
	{ "192.0.2.255", PLACE_UNKNOWN },
	{ "192.88.99.1", PLACE_UNKNOWN },
	{ "192.168.255.255", PLACE_PRIVATE },
	{ "192.169.0.0", -1 },
	{ "198.17.255.255", -1 },
	{ "198.19.255.255", PLACE_UNKNOWN },
	{ "198.51.100.0", PLACE_UNKNOWN },
	{ "203.0.113.255", PLACE_UNKNOWN },
	{ "223.255.255.255", -1 },
	{ "224.0.0.0", PLACE_UNKNOWN },
	{ "255.255.255.255", PLACE_UNKNOWN },
	{ "::", PLACE_UNKNOWN },
	{ "::1", PLACE_PRIVATE },
	{ "::2", PLACE_UNKNOWN },
	{ "::8.8.8.8", PLACE_UNKNOWN },
	{ "::1:0:0", -1 },
	{ "64:ff9b:1::1", PLACE_PRIVATE },
	{ "64:ff9b:2::", -1 },
	{ "100::ffff", PLACE_UNKNOWN },
	{ "100:0:0:1::1", PLACE_UNKNOWN },
	{ "2001::1", PLACE_UNKNOWN },
	{ "2001:1ff:ffff::", PLACE_UNKNOWN },
	{ "2001:200::", -1 },
	{ "2001:db8:ffff::", PLACE_UNKNOWN },
	{ "2001:db9::", -1 },
	{ "2002:808:808::1", PLACE_UNKNOWN },
	{ "2003::", -1 },
	{ "2620:4f:8000::", PLACE_UNKNOWN },
	{ "3fff:fff:ffff::", PLACE_UNKNOWN },
	{ "3fff:1000::", -1 },
	{ "5f00::1", PLACE_UNKNOWN },
	{ "fc00::", PLACE_PRIVATE },
	{ "fdff:ffff::", PLACE_PRIVATE },
	{ "fe80::1", PLACE_PRIVATE },
	{ "fec0::1", PLACE_PRIVATE },
	{ "ff02::1", PLACE_UNKNOWN },
	{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", PLACE_UNKNOWN },
};

static void
edges_of_the_ranges(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct addr ip = addr_of(slice_of(rows[i].ip));
		const struct special_range *r = special_find(&ip);

		if ((r == NULL ? -1 : (int)r->class) != rows[i].class)
			fail_msg("%s: %s", rows[i].ip,
			    r == NULL ? "not special" : r->name);
	}
}

static void
no_address_is_in_no_range(void **state)
{
	struct addr none = { .family = ADDR_NONE };

	(void)state;
	assert_null(special_find(&none));
}

/* Outer before inner, and no host bits: what the table's builder relies on. */
static void
ranges_are_in_order(void **state)
{
	static const enum addr_family families[] = { ADDR_IP4, ADDR_IP6 };

	(void)state;
	for (size_t f = 0; f < 2; f++) {
		size_t count;
		const struct special_range *r = special_ranges(families[f],
		    &count);

		assert_true(count > 10);
		for (size_t i = 0; i < count; i++) {
			char text[ADDR_TEXT_MAX], cidr[ADDR_TEXT_MAX + 4];
			struct cidr parsed;

			snprintf(cidr, sizeof(cidr), "%s/%u",
			    addr_text(&r[i].net.base, text), r[i].net.bits);
			assert_int_equal(cidr_parse(&parsed, slice_of(cidr)),
			    CIDR_OK);
			assert_int_equal(r[i].net.base.family, families[f]);
			assert_int_not_equal(r[i].class, PLACE_LOCATED);
			if (i > 0)
				assert_true(memcmp(r[i - 1].net.base.bytes,
				    r[i].net.base.bytes, 16) < 0 ||
				    r[i - 1].net.bits < r[i].net.bits);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(edges_of_the_ranges),
		cmocka_unit_test(no_address_is_in_no_range),
		cmocka_unit_test(ranges_are_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

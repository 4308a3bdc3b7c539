/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "geo/country.h"
#include "geo/range_text.h"
#include "unit/geo/fixture.h"

/* One range as text, so that a failure can be read. */
static void
range_to_text(struct buf *b, const struct range *r)
{
	static const ip_number ip4_end = (ip_number)1 << 32;
	const ip_number ends[] = { r->first, r->last };
	char text[ADDR_TEXT_MAX];

	for (int e = 0; e < 2; e++) {
		struct addr a = { .family = ADDR_IP6 };

		for (int i = 0; i < 16; i++)
			a.bytes[15 - i] = (uint8_t)(ends[e] >> (8 * i));
		if (r->last < ip4_end)
			a = addr_from_ip4((uint32_t)ends[e]);
		buf_printf(b, "%s%s", e == 0 ? "" : "-", addr_text(&a, text));
	}
	buf_printf(b, " %s\n", r->place.country != 0 ?
	    country_code(r->place.country) :
	    continent_name((enum continent)r->place.continent));
}

static const struct {
	const char	*text, *want;
} good[] = {
	/* Each way to write a range. */
	{ "1.0.0.0,1.0.0.255,AU", "1.0.0.0-1.0.0.255 AU\n" },
	{ "1.0.0.0/24,AU\n", "1.0.0.0-1.0.0.255 AU\n" },
	{ "1.0.0.7,AU\n", "1.0.0.7-1.0.0.7 AU\n" },
	{ "16777216,16777471,AU\n", "1.0.0.0-1.0.0.255 AU\n" },
	{ " 1.0.0.0 , 1.0.0.255 , AU \r\n", "1.0.0.0-1.0.0.255 AU\n" },
	{ "2a00::,2a00:ffff::,DE\n", "2a00::-2a00:ffff:: DE\n" },
	{ "2a00::/16,DE\n", "2a00::-2a00:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
	    "DE\n" },
	{ "# a comment\n\n  # another\n\t\n1.0.0.0/24,AU", "1.0.0.0-1.0.0.255 "
	    "AU\n" },
	{ "", "" },
	/* The whole of either family; ::/96 is left out. */
	{ "0.0.0.0/0,US\n", "0.0.0.0-255.255.255.255 US\n" },
	{ "::/0,US\n", "::1:0:0-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff US\n" },
	{ "::/0,US\n0.0.0.0/0,US\n", "0.0.0.0-255.255.255.255 US\n"
	    "::1:0:0-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff US\n" },
	{ "::1,::ffff,US\n", "" },
	/* Codes: any case, aliases, continents, and none. */
	{ "1.0.0.0/24,gb\n", "1.0.0.0-1.0.0.255 GB\n" },
	{ "1.0.0.0/24,UK\n", "1.0.0.0-1.0.0.255 GB\n" },
	{ "1.0.0.0/24,EU\n", "1.0.0.0-1.0.0.255 Europe\n" },
	{ "1.0.0.0/24,??\n", "" },
	{ "1.0.0.0/24,ZZ\n", "" },
	{ "1.0.0.0/24,A1\n", "" },
	{ "1.0.0.0/24,\n", "" },
	/* Neighbours become one. */
	{ "1.0.0.0/25,AU\n1.0.0.128/25,AU\n", "1.0.0.0-1.0.0.255 AU\n" },
	{ "1.0.1.0/24,AU\n1.0.0.0/24,AU\n", "1.0.0.0-1.0.1.255 AU\n" },
	{ "1.0.0.0/24,AU\n1.0.2.0/24,AU\n", "1.0.0.0-1.0.0.255 AU\n"
	    "1.0.2.0-1.0.2.255 AU\n" },
	/* What lies inside wins, in any order, to any depth. */
	{ "1.0.0.0/8,AU\n1.2.0.0/16,NZ\n", "1.0.0.0-1.1.255.255 AU\n"
	    "1.2.0.0-1.2.255.255 NZ\n1.3.0.0-1.255.255.255 AU\n" },
	{ "1.2.0.0/16,NZ\n1.0.0.0/8,AU\n", "1.0.0.0-1.1.255.255 AU\n"
	    "1.2.0.0-1.2.255.255 NZ\n1.3.0.0-1.255.255.255 AU\n" },
	{ "1.0.0.0/24,AU\n1.0.0.0/25,NZ\n1.0.0.0/26,FJ\n",
	    "1.0.0.0-1.0.0.63 FJ\n1.0.0.64-1.0.0.127 NZ\n"
	    "1.0.0.128-1.0.0.255 AU\n" },
	{ "1.0.0.0/24,AU\n1.0.0.128/25,NZ\n1.0.0.192/26,FJ\n",
	    "1.0.0.0-1.0.0.127 AU\n1.0.0.128-1.0.0.191 NZ\n"
	    "1.0.0.192-1.0.0.255 FJ\n" },
	{ "1.0.0.0/24,AU\n1.0.0.128/25,??\n", "1.0.0.0-1.0.0.127 AU\n" },
	{ "1.0.0.0/24,??\n1.0.0.128/25,AU\n", "1.0.0.128-1.0.0.255 AU\n" },
	{ "::/0,DE\n8000::/1,FR\nffff::/16,IT\n", "::1:0:0-7fff:ffff:ffff:ffff:"
	    "ffff:ffff:ffff:ffff DE\n8000::-fffe:ffff:ffff:ffff:ffff:ffff:ffff:"
	    "ffff FR\nffff::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff IT\n" },
	/* The same twice is no mistake. */
	{ "1.0.0.0/24,AU\n1.0.0.0,1.0.0.255,AU\n", "1.0.0.0-1.0.0.255 AU\n" },
};

static void
what_is_understood(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct range_text t = { .count = 0 };
		struct buf b = { .p = NULL };

		range_text_read(&t, "test", slice_of(good[i].text));
		if (!range_text_settle(&t))
			fail_msg("%s", buf_cstr(&t.mistakes));
		for (size_t r = 0; r < t.count; r++)
			range_to_text(&b, &t.ranges[r]);
		assert_string_equal(buf_cstr(&b), good[i].want);
		buf_fini(&b);
		range_text_fini(&t);
	}
}

static const struct {
	const char	*text, *want;	/* what stands after "test:" */
} bad[] = {
	{ "1.0.0.0\n", "1:1: neither FIRST,LAST,CC nor CIDR,CC: '1.0.0.0'\n" },
	{ "1.0.0.0-1.0.0.255,AU\n",
	    "1:1: not a network (address/bits): '1.0.0.0-1.0.0.255'\n" },
	{ "\n1.0.0.1/24,AU\n",
	    "2:1: address bits are set beyond the prefix: '1.0.0.1/24'\n" },
	{ "1.0.0.0/33,AU\n",
	    "1:1: not a network (address/bits): '1.0.0.0/33'\n" },
	{ "1.0.0.0,1.0.0.256,AU\n", "1:9: not an IP address: '1.0.0.256'\n" },
	{ "01.0.0.0, 1.0.0.255,AU\n", "1:1: not an IP address: '01.0.0.0'\n" },
	{ "1.0.0.0,  2a00::,AU\n", "1:11: not of the family of the first "
	    "address: '2a00::'\n" },
	{ "1.0.0.9,1.0.0.1,AU\n",
	    "1:9: lower than the first address: '1.0.0.1'\n" },
	{ "4294967296,4294967297,AU\n",
	    "1:1: not an IP address: '4294967296'\n" },
	{ "1.0.0.0/24,GBR\n", "1:12: not a country code of two letters: 'GBR'; "
	    "did you mean GB?\n" },
	{ "1.0.0.0/24,Frnace\n", "1:12: not a country code of two letters: "
	    "'Frnace'; did you mean FR?\n" },
	{ "1.0.0.0,1.0.0.255,AU,Australia\n",
	    "1:19: not a country code of two letters: 'AU,Australia'; "
	    "did you mean AU?\n" },
	{ "1.0.0.0/24,A\xff\n", "1:12: not a country code of two letters: 'A'\n" },
	{ "x,AU\n1.0.0.0/24,AU\ny,NZ\n", "1:1: not a network (address/bits): "
	    "'x'\ntest:3:1: not a network (address/bits): 'y'\n" },
	/* Ranges that contradict one another. */
	{ "1.0.0.0,1.0.0.9,AU\n1.0.0.5,1.0.0.20,NZ\n", "2:1: the range "
	    "overlaps, but is not inside, the one at test:1\n" },
	{ "1.0.0.5,1.0.0.20,NZ\n1.0.0.0,1.0.0.9,NZ\n", "1:1: the range "
	    "overlaps, but is not inside, the one at test:2\n" },
	{ "1.0.0.0/24,AU\n1.0.0.0/24,NZ\n", "2:1: the range says something else "
	    "of the same addresses than the one at test:1\n" },
};

static void
what_is_a_mistake(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct range_text t = { .count = 0 };
		char want[512];

		snprintf(want, sizeof(want), "test:%s", bad[i].want);
		range_text_read(&t, "test", slice_of(bad[i].text));
		assert_false(range_text_settle(&t));
		assert_string_equal(buf_cstr(&t.mistakes), want);
		range_text_fini(&t);
	}
}

static void
mistakes_are_counted_beyond_those_told(void **state)
{
	struct range_text t = { .count = 0 };
	struct buf b = { .p = NULL };
	unsigned lines = 0;

	(void)state;
	for (int i = 0; i < 1000; i++)
		buf_text(&b, "nonsense,XX\n");
	range_text_read(&t, "test", buf_all(&b));
	assert_int_equal(t.nmistakes, 1000);
	for (size_t i = 0; i < t.mistakes.len; i++)
		lines += t.mistakes.p[i] == '\n';
	assert_int_equal(lines, RANGE_MISTAKES_MAX);
	buf_fini(&b);
	range_text_fini(&t);
}

static void
codes_that_nobody_has(void **state)
{
	struct range_text t = { .count = 0 };
	struct buf b = { .p = NULL };

	(void)state;
	range_text_read(&t, "one", SLICE("1.0.0.0/24,OS\n1.0.1.0/24,AB\n"));
	range_text_read(&t, "two", SLICE("# \n2.0.0.0/24,OS\n"));
	assert_int_equal(t.nmistakes, 0);
	assert_int_equal(t.nstrays, 2);
	assert_string_equal(t.strays[0].code, "OS");
	assert_int_equal(t.strays[0].count, 2);
	assert_int_equal(t.strays[0].line, 1);
	assert_int_equal(t.strays[0].column, 12);
	assert_string_equal(t.strays[1].code, "AB");
	assert_true(range_text_settle(&t));
	assert_int_equal(t.count, 0);	/* no location */
	range_text_fini(&t);
	/* So many of them is no typing error any more. */
	for (char a = 'A'; a <= 'J'; a++)
		for (char c = '0'; c <= '9'; c++)
			buf_printf(&b, "1.0.%d.%d,%c%c\n", a, c, a, c);
	range_text_read(&t, "many", buf_all(&b));
	assert_int_equal(t.nstrays, RANGE_STRAYS_MAX);
	assert_true(t.nmistakes > 10);
	buf_fini(&b);
	range_text_fini(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_understood),
		cmocka_unit_test(what_is_a_mistake),
		cmocka_unit_test(mistakes_are_counted_beyond_those_told),
		cmocka_unit_test(codes_that_nobody_has),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

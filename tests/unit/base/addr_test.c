/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/addr.h"

#include <arpa/inet.h>
#include <stdio.h>

static struct slice
bytes(const char *p, size_t len)
{
	return (struct slice){ p, len };
}

static void
reads_exactly_one_address(void **state)
{
	static const struct {
		const char	*in, *out;	/* out NULL: refused */
	} rows[] = {
		{ "192.0.2.1", "192.0.2.1" },
		{ "0.0.0.0", "0.0.0.0" },
		{ "255.255.255.255", "255.255.255.255" },
		{ "2001:DB8::1", "2001:db8::1" },
		{ "::", "::" },
		{ "0:0:0:0:0:0:0:1", "::1" },
		{ "1:0:0:2:0:0:0:3", "1:0:0:2::3" },	/* longest run of 0 */
		{ "::ffff:192.0.2.1", "::ffff:192.0.2.1" },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255",
		    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
		{ "", NULL },
		{ " 192.0.2.1", NULL },
		{ "192.0.2.1 ", NULL },
		{ "192.0.2", NULL },
		{ "192.0.2.1.5", NULL },
		{ "192.0.2.256", NULL },
		{ "192.0.2.01", NULL },		/* octal to some readers */
		{ "0xc0.0.2.1", NULL },
		{ "3221225985", NULL },
		{ "192.0.2.1:80", NULL },
		{ "1::2::3", NULL },
		{ ":::", NULL },
		{ "12345::", NULL },
		{ "fe80::1%eth0", NULL },
		{ "[::1]", NULL },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255:1", NULL },
		{ "unknown", NULL },
	};
	char text[ADDR_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct addr a = addr_from_ip4(0x01020304);
		bool good = addr_parse(&a, slice_of(rows[i].in));

		if (good != (rows[i].out != NULL))
			fail_msg("'%s'", rows[i].in);
		assert_string_equal(addr_text(&a, text),
		    good ? rows[i].out : "1.2.3.4");
	}
}

static void
a_nul_inside_is_no_end(void **state)
{
	struct addr a;

	(void)state;
	assert_false(addr_parse(&a, bytes("1.2.3.4\0", 8)));
	assert_false(addr_parse(&a, bytes("1.2.3.4\0.5", 10)));
	assert_false(addr_parse(&a, bytes(NULL, 0)));
	/* The byte after the slice is none of its business. */
	assert_true(addr_parse(&a, bytes("1.2.3.45", 7)));
	assert_int_equal(addr_ip4(&a), 0x01020304);
}

static void
reads_addresses_with_ports(void **state)
{
	static const struct {
		const char	*in, *out;
		uint16_t	 port;
	} rows[] = {
		{ "192.0.2.1", "192.0.2.1", 0 },
		{ "192.0.2.1:8080", "192.0.2.1", 8080 },
		{ "192.0.2.1:0", "192.0.2.1", 0 },
		{ "192.0.2.1:65535", "192.0.2.1", 65535 },
		{ "2001:db8::1", "2001:db8::1", 0 },
		{ "2001:db8::1:80", "2001:db8::1:80", 0 },	/* no port */
		{ "[2001:db8::1]", "2001:db8::1", 0 },
		{ "[2001:db8::1]:443", "2001:db8::1", 443 },
		{ "[::ffff:192.0.2.1]:1", "::ffff:192.0.2.1", 1 },
		{ "", NULL, 0 },
		{ ":", NULL, 0 },
		{ ":80", NULL, 0 },
		{ "192.0.2.1:", NULL, 0 },
		{ "192.0.2.1:65536", NULL, 0 },
		{ "192.0.2.1:-1", NULL, 0 },
		{ "192.0.2.1:+80", NULL, 0 },
		{ "192.0.2.1: 80", NULL, 0 },
		{ "192.0.2.1:000080", NULL, 0 },
		{ "192.0.2.1:80:80", NULL, 0 },
		{ "192.0.2.1:http", NULL, 0 },
		{ "[", NULL, 0 },
		{ "[]", NULL, 0 },
		{ "[]:80", NULL, 0 },
		{ "[192.0.2.1]", NULL, 0 },
		{ "[192.0.2.1]:80", NULL, 0 },
		{ "[::1", NULL, 0 },
		{ "[::1]80", NULL, 0 },
		{ "[::1]:", NULL, 0 },
		{ "[::1]:99999", NULL, 0 },
		{ "[::1]]:80", NULL, 0 },
		{ "[[::1]]", NULL, 0 },
		{ "_hidden", NULL, 0 },
	};
	char text[ADDR_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct addr a = addr_from_ip4(0x01020304);
		uint16_t port = 7;
		bool good = addr_parse_port(&a, &port, slice_of(rows[i].in));

		if (good != (rows[i].out != NULL))
			fail_msg("'%s'", rows[i].in);
		assert_string_equal(addr_text(&a, text),
		    good ? rows[i].out : "1.2.3.4");
		assert_int_equal(port, good ? rows[i].port : 7);
		assert_int_equal(addr_parse_port(&a, NULL,
		    slice_of(rows[i].in)), good);
	}
}

static void
ip4_inside_ip6_is_ip4(void **state)
{
	static const struct {
		const char	*in, *out;
	} rows[] = {
		{ "::ffff:203.0.113.9", "203.0.113.9" },
		{ "::ffff:0:0", "0.0.0.0" },
		{ "64:ff9b::203.0.113.9", "203.0.113.9" },
		{ "203.0.113.9", "203.0.113.9" },
		{ "::203.0.113.9", "::203.0.113.9" },	/* IPv4-compatible */
		{ "64:ff9b:1::203.0.113.9", "64:ff9b:1::cb00:7109" },
		{ "64:ff9b::1:cb00:7109", "64:ff9b::1:cb00:7109" },
		{ "2002:cb00:7109::", "2002:cb00:7109::" },	/* 6to4 */
		{ "::fffe:203.0.113.9", "::fffe:cb00:7109" },
	};
	char text[ADDR_TEXT_MAX];
	struct addr a, none = { .family = ADDR_NONE };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_true(addr_parse(&a, slice_of(rows[i].in)));
		a = addr_canonical(&a);
		assert_string_equal(addr_text(&a, text), rows[i].out);
	}
	a = addr_canonical(&none);
	assert_int_equal(a.family, ADDR_NONE);
	assert_string_equal(addr_text(&a, text), "-");
}

static void
equal_only_within_a_family(void **state)
{
	struct addr a = addr_from_ip4(0), b = a, six;

	(void)state;
	assert_true(addr_parse(&six, SLICE("::")));
	assert_true(addr_eq(&a, &b));
	assert_false(addr_eq(&a, &six));
	b.bytes[7] = 1;			/* beyond an IPv4 address */
	assert_true(addr_eq(&a, &b));
	b.bytes[3] = 1;
	assert_false(addr_eq(&a, &b));
}

static void
reads_networks(void **state)
{
	static const struct {
		const char	*in, *base;
		int		 bits;
		enum cidr_verdict verdict;
	} rows[] = {
		{ "192.0.2.0/24", "192.0.2.0", 24, CIDR_OK },
		{ "192.0.2.1", "192.0.2.1", 32, CIDR_OK },
		{ "192.0.2.1/32", "192.0.2.1", 32, CIDR_OK },
		{ "0.0.0.0/0", "0.0.0.0", 0, CIDR_OK },
		{ "2001:db8::/32", "2001:db8::", 32, CIDR_OK },
		{ "::1", "::1", 128, CIDR_OK },
		{ "::/0", "::", 0, CIDR_OK },
		{ "192.0.2.1/24", "192.0.2.0", 24, CIDR_HOST_BITS },
		{ "10.255.0.0/9", "10.128.0.0", 9, CIDR_HOST_BITS },
		{ "1.2.3.4/0", "0.0.0.0", 0, CIDR_HOST_BITS },
		{ "2001:db8::1/127", "2001:db8::", 127, CIDR_HOST_BITS },
		{ "192.0.2.0/33", NULL, 0, CIDR_BAD },
		{ "::/129", NULL, 0, CIDR_BAD },
		{ "192.0.2.0/", NULL, 0, CIDR_BAD },
		{ "192.0.2.0/-1", NULL, 0, CIDR_BAD },
		{ "192.0.2.0/ 8", NULL, 0, CIDR_BAD },
		{ "192.0.2.0/08", NULL, 0, CIDR_BAD },
		{ "192.0.2.0/00", NULL, 0, CIDR_BAD },
		{ "192.0.2.0/255.255.255.0", NULL, 0, CIDR_BAD },
		{ "192.0.2.0/24/24", NULL, 0, CIDR_BAD },
		{ "192.0.2/24", NULL, 0, CIDR_BAD },
		{ "[::]/0", NULL, 0, CIDR_BAD },
		{ "/8", NULL, 0, CIDR_BAD },
		{ "", NULL, 0, CIDR_BAD },
	};
	char text[ADDR_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct cidr c;

		if (cidr_parse(&c, slice_of(rows[i].in)) != rows[i].verdict)
			fail_msg("'%s'", rows[i].in);
		if (rows[i].base == NULL)
			continue;
		assert_string_equal(addr_text(&c.base, text), rows[i].base);
		assert_int_equal(c.bits, rows[i].bits);
	}
}

static void
networks_contain(void **state)
{
	static const struct {
		const char	*net, *addr;
		bool		 inside;
	} rows[] = {
		{ "10.0.0.0/8", "10.255.255.255", true },
		{ "10.0.0.0/8", "11.0.0.0", false },
		{ "10.0.0.0/9", "10.127.0.1", true },
		{ "10.0.0.0/9", "10.128.0.1", false },
		{ "0.0.0.0/0", "255.1.2.3", true },
		{ "0.0.0.0/0", "::1", false },		/* another family */
		{ "::/0", "1.2.3.4", false },
		{ "192.0.2.1/32", "192.0.2.1", true },
		{ "192.0.2.1/32", "192.0.2.0", false },
		{ "2001:db8::/33", "2001:db8:7fff::1", true },
		{ "2001:db8::/33", "2001:db8:8000::1", false },
		{ "::1/128", "::1", true },
		{ "::1/128", "::", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct cidr net;
		struct addr a;

		assert_int_equal(cidr_parse(&net, slice_of(rows[i].net)),
		    CIDR_OK);
		assert_true(addr_parse(&a, slice_of(rows[i].addr)));
		if (cidr_contains(&net, &a) != rows[i].inside)
			fail_msg("%s in %s", rows[i].addr, rows[i].net);
	}
}

/* What has no address must not be trusted by a network nobody filled in. */
static void
no_address_is_in_no_network(void **state)
{
	struct cidr zeroed = { .bits = 0 };
	struct addr none = { .family = ADDR_NONE };

	(void)state;
	assert_false(cidr_contains(&zeroed, &none));
}

/* Numbers of one to four digits, with now and then something else. */
static void
ip4_is_read_as_inet_pton_does(void **state)
{
	static const char others[] = ".0x -1";
	uint32_t random = 1;

	(void)state;
	for (unsigned i = 0; i < 100000; i++) {
		char text[24], *p = text;
		struct in_addr expected;
		struct addr addr;
		bool good;

		for (unsigned part = 0; part < 4; part++) {
			random = random * 1664525 + 1013904223;
			p += sprintf(p, random >> 30 == 0 ? "%03u" : "%u",
			    (random >> 8) % 300);
			if (random >> 27 == 1)
				*p++ = others[random % (sizeof(others) - 1)];
			if (part < 3)
				*p++ = '.';
		}
		*p = '\0';
		good = inet_pton(AF_INET, text, &expected) == 1;
		assert_int_equal(addr_parse(&addr, slice_of(text)), good);
		if (good)
			assert_memory_equal(addr.bytes, &expected, 4);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_exactly_one_address),
		cmocka_unit_test(a_nul_inside_is_no_end),
		cmocka_unit_test(reads_addresses_with_ports),
		cmocka_unit_test(ip4_inside_ip6_is_ip4),
		cmocka_unit_test(equal_only_within_a_family),
		cmocka_unit_test(reads_networks),
		cmocka_unit_test(networks_contain),
		cmocka_unit_test(no_address_is_in_no_network),
		cmocka_unit_test(ip4_is_read_as_inet_pton_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

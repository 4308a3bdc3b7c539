/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "http/forwarded.h"

#define COUNT(rows)	(sizeof(rows) / sizeof((rows)[0]))

static void
elements_are_read_strictly(void **state)
{
	static const struct {
		const char	*element, *node;	/* NULL: malformed */
	} rows[] = {
		{ "for=192.0.2.1", "192.0.2.1" },
		{ "For=192.0.2.1;proto=https;by=203.0.113.43", "192.0.2.1" },
		{ "proto=https; for=\"[2001:db8::1]:4711\"",
		    "[2001:db8::1]:4711" },
		{ "for=unknown", "unknown" },
		{ "for=_hidden", "_hidden" },
		{ "for=\"_gazonk\"", "_gazonk" },
		{ ";for=a;;", "a" },			/* pairs may be empty */
		{ "for=a;x=1;x=2", "a" },		/* an extension's affair */
		{ "for=a;host=\"a\\\"b;c\"", "a" },
		{ "proto=https", NULL },
		{ "for=", NULL },
		{ "for=\"\"", NULL },
		{ "for=a;for=b", NULL },
		{ "for=a;proto=http;Proto=https", NULL },
		{ "for=a;host=a;host=b", NULL },
		{ "for=a;proto=", NULL },
		{ "for=a;proto=a b", NULL },
		{ "for=a;host=\"x\"y", NULL },
		{ "for=a;host=\"x\\\"", NULL },
		{ "for=[::1]", NULL },			/* wants quotes */
		{ "for=192.0.2.1:80", NULL },		/* so does this */
		{ "for=\"a", NULL },
		{ "for=\"a\"b", NULL },
		{ "for=\"a\\.b\"", NULL },
		{ "for=a;junk", NULL },
		{ "for =a", NULL },
		{ "", NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct slice node;

		if (forwarded_for(slice_of(rows[i].element), &node) !=
		    (rows[i].node != NULL))
			fail_msg("%s", rows[i].element);
		if (rows[i].node != NULL && !slice_is(node, rows[i].node))
			fail_msg("%s: %.*s", rows[i].element,
			    SLICE_ARG(node));
	}
}

static void
nodes_name_an_address(void **state)
{
	static const struct {
		const char	*node, *addr;		/* NULL: none */
	} rows[] = {
		{ "198.51.100.1", "198.51.100.1" },
		{ "198.51.100.1:4711", "198.51.100.1" },
		/* a port by the grammar, if by nothing else */
		{ "198.51.100.1:99999", "198.51.100.1" },
		{ "198.51.100.1:_x", "198.51.100.1" },
		{ "2a00::1", "2a00::1" },
		{ "[2a00::1]", "2a00::1" },
		{ "[2a00::1]:443", "2a00::1" },
		{ "::ffff:198.51.100.1", "::ffff:198.51.100.1" },
		{ "fe80::1%eth0", NULL },		/* of its machine alone */
		{ "[fe80::1%25eth0]:1", NULL },
		{ "[fe80::1%eth0]:1", NULL },
		{ "fe80::1%", NULL },
		{ "fe80::1%a b", NULL },
		{ "198.51.100.1%eth0", NULL },
		{ "%eth0", NULL },
		{ "[198.51.100.1]", NULL },
		{ "2a00::1:99999", NULL },	/* no port without brackets */
		{ "198.51.100.1:", NULL },
		{ "198.51.100.1:123456", NULL },
		{ "198.51.100.1:_", NULL },
		{ "198.51.100.1:80x", NULL },
		{ "198.51.100.01", NULL },
		{ "[2a00::1]x", NULL },
		{ "[2a00::1]:", NULL },
		{ "[]", NULL },
		{ "[2a00::1", NULL },
		{ "unknown", NULL },
		{ "_hidden", NULL },
		{ ":", NULL },
		{ "", NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char text[ADDR_TEXT_MAX];
		struct addr addr;

		if (forwarded_addr(&addr, slice_of(rows[i].node)) !=
		    (rows[i].addr != NULL))
			fail_msg("%s", rows[i].node);
		if (rows[i].addr != NULL)
			assert_string_equal(addr_text(&addr, text),
			    rows[i].addr);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(elements_are_read_strictly),
		cmocka_unit_test(nodes_name_an_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/call_guard.h"

static struct addr
addr_of(const char *text)
{
	struct addr addr;

	if (!addr_parse(&addr, slice_of(text)))
		fail_msg("%s is no address", text);
	return addr;
}

/* Every way to write this machine, its network, or a cloud's own services. */
static void
what_is_inside_is_refused(void **state)
{
	static const char *const inside[] = {
		"127.0.0.1", "127.255.0.7", "0.0.0.0", "0.1.2.3", "10.1.2.3",
		"172.16.0.1", "192.168.0.1", "100.64.0.1", "169.254.169.254",
		"168.63.129.16", "192.0.0.192", "224.0.0.1", "255.255.255.255",
		"::", "::1", "::127.0.0.1", "::ffff:127.0.0.1",
		"::ffff:169.254.169.254", "::ffff:0:127.0.0.1",
		"::ffff:0:808:808", "64:ff9b::127.0.0.1", "64:ff9b:1::1",
		"2002:7f00:1::", "2001:0:1::1", "fe80::1", "fec0::1",
		"fd00:ec2::254", "ff02::1",
	};
	static const char *const outside[] = {
		"8.8.8.8", "172.32.0.1", "169.253.0.1", "2606:4700::1111",
		"::ffff:8.8.8.8", "64:ff9b::8.8.8.8",
	};
	const struct call_guard guard = { 0 };
	struct addr addr;

	(void)state;
	for (size_t i = 0; i < sizeof(inside) / sizeof(inside[0]); i++) {
		addr = addr_of(inside[i]);
		if (call_guard_permits(&guard, &addr))
			fail_msg("%s", inside[i]);
	}
	for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
		addr = addr_of(outside[i]);
		if (!call_guard_permits(&guard, &addr))
			fail_msg("%s", outside[i]);
	}
}

static void
lists_come_first(void **state)
{
	const struct cidr allow = { { ADDR_IP4, { 127 } }, 8 };
	const struct cidr refuse[] = { { { ADDR_IP4, { 127, 1 } }, 16 },
		{ { ADDR_IP4, { 8, 8, 8, 8 } }, 32 } };
	const struct call_guard guard = { .allow = &allow, .nallow = 1,
	    .refuse = refuse, .nrefuse = 2 };
	struct addr addr = addr_of("127.0.0.1");

	(void)state;
	assert_true(call_guard_permits(&guard, &addr));
	addr = addr_of("::ffff:127.0.0.1");
	assert_true(call_guard_permits(&guard, &addr));
	addr = addr_of("127.1.0.1");
	assert_false(call_guard_permits(&guard, &addr));
	addr = addr_of("::ffff:8.8.8.8");
	assert_false(call_guard_permits(&guard, &addr));
	addr.family = ADDR_NONE;
	assert_false(call_guard_permits(&guard, &addr));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_inside_is_refused),
		cmocka_unit_test(lists_come_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

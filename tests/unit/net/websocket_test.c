/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/websocket.h"

/* RFC 6455 1.3 */
static void
keys_are_answered(void **state)
{
	static const char key[] = "dGhlIHNhbXBsZSBub25jZQ==";

	(void)state;
	assert_true(websocket_accepts(key,
	    SLICE("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")));
	assert_false(websocket_accepts(key,
	    SLICE("s3pPLMBiTxaQ9kYGzzhZRbK+xOp=")));
	assert_false(websocket_accepts(key,
	    SLICE("s3pPLMBiTxaQ9kYGzzhZRbK+xOo")));
	assert_false(websocket_accepts(key, SLICE("")));
}

static void
no_key_comes_twice(void **state)
{
	char a[WEBSOCKET_KEY_LEN + 1], b[WEBSOCKET_KEY_LEN + 1];

	(void)state;
	websocket_key(a);
	websocket_key(b);
	assert_int_equal(strlen(a), WEBSOCKET_KEY_LEN);
	assert_string_not_equal(a, b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_answered),
		cmocka_unit_test(no_key_comes_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

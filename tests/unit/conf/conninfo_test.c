/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "conf/conninfo.h"

static const struct { const char *text, *shown; } rows[] = {
	{ "host=db dbname=flow", "host=db dbname=flow" },
	{ "host=db password=geheim user=a", "host=db password=xxxxx user=a" },
	{ "password = 'ge heim' host=db", "password=xxxxx host=db" },
	{ "password='it\\'s' host=db", "password=xxxxx host=db" },
	{ "password=ge\\ heim host=db", "password=xxxxx host=db" },
	{ "host='a b' sslpassword=x", "host='a b' sslpassword=xxxxx" },
	{ "host=db  passfile=/etc/pw", "host=db passfile=/etc/pw" },
	{ "oauth_client_secret=1 host=db", "oauth_client_secret=xxxxx host=db" },
	{ "password=", "password=xxxxx" },
	{ "password=x\\", "password=xxxxx" },
	/* Nobody knows where a secret would begin or end. */
	{ "password='open host=db", "xxxxx" },
	{ "geheim", "xxxxx" },
	{ "=geheim", "xxxxx" },
	{ "host=db geheim", "xxxxx" },
	{ "postgresql://db.example/flow", "postgresql://db.example/flow" },
	{ "postgres://flow@db:5432/x", "postgres://flow@db:5432/x" },
	{ "postgres://flow:geheim@db:5432/x", "postgres://flow:xxxxx@db:5432/x" },
	{ "postgres://flow:a@b:c@db/x", "postgres://flow:xxxxx@db/x" },
	{ "postgres://:geheim@/x", "postgres://:xxxxx@/x" },
	{ "postgres://db/x?password=a&user=b", "postgres://db/x?password=xxxxx"
	    "&user=b" },
	{ "postgres://db?sslpassword=a", "postgres://db?sslpassword=xxxxx" },
	{ "postgres://db?passfile=/a&password=b", "postgres://db?passfile=/a"
	    "&password=xxxxx" },
	{ "postgres://db/x?%70assword=a", "postgres://db/x?%70assword=xxxxx" },
	{ "postgres://db/x?a&b=", "postgres://db/x?a&b=" },
	{ "postgres://db?password=a@b/x", "xxxxx" },
	{ "postgres://a:b?c@db/x", "xxxxx" },
	{ "postgres://", "postgres://" },
	{ "", "" },
};

static void
secrets_are_hidden(void **state)
{
	struct arena *arena = arena_new(0);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_string_equal(conninfo_hide(arena,
		    slice_of(rows[i].text)), rows[i].shown);
	/* What is hidden once stays as it is. */
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (rows[i].shown[0] != 'x')
			assert_string_equal(conninfo_hide(arena,
			    slice_of(rows[i].shown)), rows[i].shown);
	arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(secrets_are_hidden),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "conf/mistakes.h"

static void
by_file_line_and_column(void **state)
{
	struct mistakes m;
	struct buf text = { 0 };
	char name[] = "b.yaml";

	(void)state;
	mistakes_init(&m);
	mistakes_add(&m, (struct mark){ name, 7, 1 }, "x", "fourth");
	mistakes_add(&m, (struct mark){ "a.yaml", 1, 1 }, "", "fifth");
	mistakes_warn(&m, (struct mark){ "b.yaml", 2, 9 }, "y", "second %d", 2);
	mistakes_add(&m, (struct mark){ "b.yaml", 2, 3 }, "", "first");
	mistakes_add(&m, (struct mark){ "b.yaml", 2, 9 }, "z", "third");
	mistakes_add(&m, (struct mark){ "b.yaml", 0, 0 }, "", "whole file");
	strcpy(name, "gone!");		/* names are copied */
	mistakes_print(&m, &text);
	assert_string_equal(buf_cstr(&text),
	    "b.yaml: whole file\n"
	    "b.yaml:2:3: first\n"
	    "b.yaml:2:9: y: warning: second 2\n"
	    "b.yaml:2:9: z: third\n"
	    "b.yaml:7:1: x: fourth\n"
	    "a.yaml:1:1: fifth\n");
	assert_int_equal(m.count, 6);
	assert_int_equal(m.errors, 5);
	buf_fini(&text);
	mistakes_fini(&m);
}

static void
the_list_ends(void **state)
{
	struct mistakes m;

	(void)state;
	mistakes_init(&m);
	for (unsigned i = 0; i < 1000; i++)
		mistakes_add(&m, (struct mark){ "f", 1000 - i, 1 }, "", "x");
	assert_int_equal(m.count, MISTAKES_MAX + 1);
	assert_int_equal(m.errors, 1000);
	assert_string_equal(m.list[MISTAKES_MAX].sentence,
	    "there are more; correct these first");
	mistakes_fini(&m);
}

static void
as_json(void **state)
{
	struct mistakes m;
	struct buf text = { 0 };

	(void)state;
	mistakes_init(&m);
	mistakes_json(&m, &text);
	assert_string_equal(buf_cstr(&text), "[]");
	buf_clear(&text);
	mistakes_add(&m, (struct mark){ "f", 1, 2 }, "a", "say \"x\"");
	mistakes_warn(&m, (struct mark){ NULL, 0, 0 }, "", "w");
	mistakes_json(&m, &text);
	assert_string_equal(buf_cstr(&text),
	    "[{\"file\":\"f\",\"line\":1,\"column\":2,\"path\":\"a\","
	    "\"sentence\":\"say \\\"x\\\"\",\"warning\":false},"
	    "{\"file\":null,\"line\":0,\"column\":0,\"path\":\"\","
	    "\"sentence\":\"w\",\"warning\":true}]");
	buf_fini(&text);
	mistakes_fini(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_file_line_and_column),
		cmocka_unit_test(the_list_ends),
		cmocka_unit_test(as_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

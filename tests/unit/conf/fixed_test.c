/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "conf/fixed.h"

static void
threads_are_as_many_as_said(void **state)
{
	struct config config = { .threads = 3 };

	(void)state;
	assert_int_equal(config_threads(&config), 3);
	config.threads = 100000;
	assert_int_equal(config_threads(&config), CONFIG_THREADS_MAX);
	config.threads = 0;		/* one per core: at least one */
	assert_in_range(config_threads(&config), 1, CONFIG_THREADS_MAX);
}

static void
what_differs_is_named(void **state)
{
	struct config config = { .file = "p.yaml", .threads = 2,
	    .run_dir = "/run/a", .pid_file = "/run/a/pid" };
	struct fixed_settings started;
	struct buf out = { 0 };

	(void)state;
	fixed_settings_read(&started, &config, 2);
	assert_int_equal(fixed_settings_compare(&started, &config, &out), 0);
	assert_int_equal(out.len, 0);

	config.threads = 4;
	config.pid_file = NULL;
	assert_int_equal(fixed_settings_compare(&started, &config, &out), 2);
	assert_string_equal(buf_cstr(&out),
	    "p.yaml: warning: threads: 2 stays until a restart; 4 is not in "
	    "use yet\n"
	    "p.yaml: warning: pid_file: /run/a/pid stays until a restart; none "
	    "is not in use yet\n");
	buf_fini(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(threads_are_as_many_as_said),
		cmocka_unit_test(what_differs_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

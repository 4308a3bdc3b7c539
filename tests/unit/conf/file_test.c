/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "conf/file.h"

static void
names_beside_a_file(void **state)
{
	static const struct {
		const char	*file, *name, *path;
	} rows[] = {
		{ "portolan.yaml", "regions.yaml", "regions.yaml" },
		{ "conf/portolan.yaml", "regions.yaml", "conf/regions.yaml" },
		{ "./portolan.yaml", "regions.yaml", "regions.yaml" },
		{ "/etc/x/p.yaml", "tls/a.pem", "/etc/x/tls/a.pem" },
		{ "/p.yaml", "a", "/a" },
		{ "conf/p.yaml", "/abs", "/abs" },
		{ "../p.yaml", "a", "../a" },
	};
	struct arena *arena = arena_new(0);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(file_beside(arena,
		    file_dir(arena, rows[i].file), rows[i].name),
		    rows[i].path);
	arena_free(&arena);
}

static void
reading_has_a_limit(void **state)
{
	struct buf text = { 0 };
	struct err err;

	(void)state;
	assert_true(file_read(&text, "tests/data/region-map-3.yaml", 1 << 20,
	    &err));
	assert_int_equal(memcmp(text.p, "# Region map", 12), 0);
	buf_clear(&text);
	assert_false(file_read(&text, "/dev/zero", 64 * 1024, &err));
	assert_string_equal(err.text, "has more than 64 KiB");
	assert_false(file_read(&text, "/nonexistent/x", 1, &err));
	buf_fini(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_beside_a_file),
		cmocka_unit_test(reading_has_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

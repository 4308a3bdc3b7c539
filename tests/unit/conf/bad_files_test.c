/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Every mistake has a file in tests/data/bad, and in it lines of "# expect: "
 * with the messages that it must give: exactly these, in this order.  A
 * directory is a whole configuration, with its messages in a file "expect".
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "support/bad_files.h"
#include "base/must.h"
#include "conf/file.h"

enum { FILES_AT_LEAST = 100 };

/* What the file says it must give. */
static void
read_expected(const char *file, struct buf *expected)
{
	static const char mark[] = "# expect: ";
	struct buf bytes = { 0 };
	struct slice rest, line;
	struct err err;

	assert_true(file_read(&bytes, file, 1 << 20, &err));
	rest = buf_all(&bytes);
	while (slice_split(&rest, '\n', &line)) {
		if (line.len < sizeof(mark) - 1 ||
		    memcmp(line.p, mark, sizeof(mark) - 1) != 0)
			continue;
		buf_add(expected, line.p + sizeof(mark) - 1,
		    line.len - (sizeof(mark) - 1));
		buf_char(expected, '\n');
	}
	buf_fini(&bytes);
}

static bool
is_right(const char *name)
{
	struct buf expected = { 0 }, got = { 0 };
	bool directory = name[strlen(name) - 1] == '/', right;

	if (directory)
		must(chdir(name) == 0);
	read_expected(directory ? "expect" : name, &expected);
	bad_read(name, &got);
	if (directory)
		must(chdir("..") == 0);
	right = expected.len > 0 &&
	    strcmp(buf_cstr(&expected), buf_cstr(&got)) == 0;
	if (!right)
		print_error("--- %s must give\n%s--- and gives\n%s", name,
		    buf_cstr(&expected), buf_cstr(&got));
	buf_fini(&expected);
	buf_fini(&got);
	return right;
}

static void
each_gives_its_messages(void **state)
{
	struct dirent **entries;
	int count, files = 0, wrong = 0;

	(void)state;
	must(chdir("tests/data/bad") == 0);
	count = scandir(".", &entries, NULL, alphasort);
	assert_true(count > 0);
	for (int i = 0; i < count; i++) {
		char name[512];

		snprintf(name, sizeof(name), "%s%s", entries[i]->d_name,
		    strchr(entries[i]->d_name, '.') == NULL ? "/" : "");
		if (name[0] != '.') {
			files++;
			wrong += !is_right(name);
		}
		free(entries[i]);
	}
	free(entries);
	must(chdir("../../..") == 0);
	assert_int_equal(wrong, 0);
	assert_in_range(files, FILES_AT_LEAST, INT32_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_gives_its_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "master/privileges.h"

enum { SOMEBODY = 65533 };

/* What a link leads to stays its owner's: the link itself changes hands. */
static void
links_are_not_followed(void **state)
{
	const struct identity somebody = { true, SOMEBODY, SOMEBODY };
	char dir[] = "/tmp/portolan-owned-XXXXXX", file[64], link[64];
	struct stat st;
	FILE *f;

	(void)state;
	if (geteuid() != 0)
		skip();			/* only root gives files away */
	assert_non_null(mkdtemp(dir));
	snprintf(file, sizeof(file), "%s/file", dir);
	snprintf(link, sizeof(link), "%s/link", dir);
	f = fopen(file, "w");
	assert_non_null(f);
	fclose(f);
	assert_int_equal(symlink(file, link), 0);

	identity_own_file(&somebody, link);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_uid, 0);
	assert_int_equal(lstat(link, &st), 0);
	assert_int_equal(st.st_uid, SOMEBODY);
	identity_own_file(&somebody, file);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_uid, SOMEBODY);
	assert_int_equal(st.st_gid, SOMEBODY);

	unlink(link);
	unlink(file);
	rmdir(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(links_are_not_followed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

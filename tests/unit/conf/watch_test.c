/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/must.h"
#include "conf/watch.h"
#include "support/folder.h"

enum { SETTLE_MS = 5000 };

static char file[FOLDER_PATH], other[FOLDER_PATH], next[FOLDER_PATH];

static int
begin(void **state)
{
	(void)state;
	folder_begin();
	strcpy(file, folder_path("file"));
	strcpy(other, folder_path("other"));
	strcpy(next, folder_path("next"));
	return 0;
}

static int
end(void **state)
{
	(void)state;
	folder_end();
	return 0;
}

static void
put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	must(f != NULL && fputs(text, f) >= 0 && fclose(f) == 0);
}

/* A new file under the same name, as a careful copy makes it. */
static void
replace(const char *path, const char *text)
{
	put(next, text);
	must(rename(next, path) == 0);
}

static void
a_burst_is_one_change(void **state)
{
	struct watch *w = watch_new(SETTLE_MS);

	(void)state;
	put(file, "1");
	put(other, "1");
	watch_add(w, file);
	watch_add(w, other);
	assert_false(watch_due(w, 0));
	assert_false(watch_due(w, 100000));
	replace(file, "2");
	assert_false(watch_due(w, 101000));	/* seen, not quiet yet */
	replace(other, "2");
	assert_false(watch_due(w, 104000));	/* counts from here */
	assert_false(watch_due(w, 108999));
	assert_true(watch_due(w, 109000));
	assert_non_null(watch_changed(w));
	assert_false(watch_due(w, 109001));	/* once */
	assert_false(watch_due(w, 200000));
	watch_free(&w);
	assert_null(w);
}

/* cp -p and rsync -a keep the time of modification, and sometimes the size. */
static void
an_old_time_does_not_hide_a_change(void **state)
{
	struct watch *w = watch_new(0);
	struct stat before;
	struct timespec times[2];

	(void)state;
	put(file, "1");
	watch_add(w, file);
	must(stat(file, &before) == 0);
	times[0] = before.st_atim;
	times[1] = before.st_mtim;
	/* The clock of change times may stand still for some milliseconds. */
	for (struct stat st = before; st.st_ctim.tv_nsec ==
	    before.st_ctim.tv_nsec; must(stat(file, &st) == 0)) {
		put(file, "2");
		must(utimensat(AT_FDCWD, file, times, 0) == 0);
	}
	assert_true(watch_due(w, 1));
	assert_string_equal(watch_changed(w), file);
	watch_free(&w);
}

static void
a_file_that_is_gone_waits_for_its_successor(void **state)
{
	struct watch *w = watch_new(10);

	(void)state;
	put(file, "1");
	put(other, "1");
	watch_add(w, file);
	watch_add(w, other);
	unlink(file);
	assert_false(watch_due(w, 1000));
	assert_false(watch_due(w, 2000));
	replace(other, "2");			/* others still count */
	assert_false(watch_due(w, 3000));
	assert_true(watch_due(w, 3010));
	assert_string_equal(watch_changed(w), other);
	put(file, "2");
	assert_false(watch_due(w, 4000));
	assert_true(watch_due(w, 4010));
	assert_string_equal(watch_changed(w), file);
	watch_free(&w);
}

static void
a_moved_link_is_a_change(void **state)
{
	struct watch *w = watch_new(0);

	(void)state;
	put(file, "1");
	put(other, "1");
	must(symlink(file, next) == 0);
	watch_add(w, next);
	assert_false(watch_due(w, 1));
	must(unlink(next) == 0 && symlink(other, next) == 0);
	assert_true(watch_due(w, 2));
	watch_free(&w);
	unlink(next);
}

static void
it_follows_the_configuration(void **state)
{
	struct watch *w = watch_new(0);
	struct config config = { .region_map = file,
	    .geo = { .database = other, .settle_ms = 0 } };

	(void)state;
	put(file, "1");
	put(other, "1");
	watch_config(w, &config);
	replace(file, "2");
	config.geo.database = NULL;
	watch_config(w, &config);	/* file's change is not forgotten */
	assert_true(watch_due(w, 1));
	replace(other, "2");
	assert_false(watch_due(w, 2));	/* no longer watched */
	watch_free(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_burst_is_one_change),
		cmocka_unit_test(an_old_time_does_not_hide_a_change),
		cmocka_unit_test(a_file_that_is_gone_waits_for_its_successor),
		cmocka_unit_test(a_moved_link_is_a_change),
		cmocka_unit_test(it_follows_the_configuration),
	};

	return cmocka_run_group_tests(tests, begin, end);
}

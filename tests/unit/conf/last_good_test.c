/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/file.h"
#include "conf/last_good.h"

static char dir[64], config[80], map[80];

static void
put(const char *path, const char *text)
{
	char fresh[96];
	FILE *f;

	/* Another inode, as an editor leaves. */
	snprintf(fresh, sizeof(fresh), "%s.new", path);
	f = fopen(fresh, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(rename(fresh, path), 0);
}

static void
note(struct files_read *files)
{
	memset(files, 0, sizeof(*files));
	files_read_note(files, GOOD_CONFIG, config);
	files_read_note(files, GOOD_REGIONS, map);
	files_read_note(files, GOOD_DATABASE, NULL);
}

static void
holds(const char *path, const char *text)
{
	struct buf found = { 0 };
	struct err err;

	assert_true(file_read(&found, path, 1000, &err));
	assert_string_equal(buf_cstr(&found), text);
	buf_fini(&found);
}

static int
setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/portolan-good-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(config, sizeof(config), "%s/portolan.yaml", dir);
	snprintf(map, sizeof(map), "%s/regions.yaml", dir);
	put(config, "one");
	put(map, "map");
	return 0;
}

static int
teardown(void **state)
{
	char command[96];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

static unsigned
copies(void)
{
	char path[96];
	unsigned n = 0;
	DIR *d;

	snprintf(path, sizeof(path), "%s/last-good", dir);
	d = opendir(path);
	assert_non_null(d);
	for (const struct dirent *e; (e = readdir(d)) != NULL;)
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

static void
what_was_read_is_kept(void **state)
{
	struct files_read files;
	struct last_good good;
	struct stat st;
	struct err err;

	(void)state;
	assert_false(last_good_find(&good, dir, &err));
	note(&files);
	assert_true(last_good_keep(&files, dir, &err));
	put(config, "broken");
	assert_true(last_good_find(&good, dir, &err));
	holds(good.path[GOOD_CONFIG], "one");
	holds(good.path[GOOD_REGIONS], "map");
	assert_string_equal(good.path[GOOD_DATABASE], "");
	assert_true(good.unix_ms > 0);
	assert_int_equal(stat(good.path[GOOD_CONFIG], &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void
the_next_takes_its_place(void **state)
{
	struct files_read files;
	struct last_good good;
	struct err err;

	(void)state;
	note(&files);
	assert_true(last_good_keep(&files, dir, &err));
	put(config, "two");
	note(&files);
	assert_true(last_good_keep(&files, dir, &err));
	assert_true(last_good_find(&good, dir, &err));
	holds(good.path[GOOD_CONFIG], "two");
	holds(good.path[GOOD_REGIONS], "map");
	assert_int_equal(copies(), 3);	/* and the list: nothing is left over */
}

/* Then what was read is not what would be copied. */
static void
what_has_changed_since_is_not_kept(void **state)
{
	struct files_read files;
	struct last_good good;
	struct err err;

	(void)state;
	note(&files);
	assert_true(last_good_keep(&files, dir, &err));
	put(config, "two");
	note(&files);
	put(config, "three");
	assert_false(last_good_keep(&files, dir, &err));
	assert_non_null(strstr(err.text, "has changed since it was read"));
	assert_true(last_good_find(&good, dir, &err));
	holds(good.path[GOOD_CONFIG], "one");
}

static void
a_list_names_nothing_elsewhere(void **state)
{
	static const char *const lists[] = { "", "regions-1\n",
	    "portolan-1\nregions-../../x\n", "portolan-1\nsecret\n",
	    "portolan\n" };
	struct last_good good;
	char path[96];
	struct err err;

	(void)state;
	snprintf(path, sizeof(path), "%s/last-good", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/last-good/list", dir);
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		put(path, lists[i]);
		assert_false(last_good_find(&good, dir, &err));
	}
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_was_read_is_kept),
		TEST(the_next_takes_its_place),
		TEST(what_has_changed_since_is_not_kept),
		TEST(a_list_names_nothing_elsewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

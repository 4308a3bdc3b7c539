/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/buf.h"
#include "conf/file.h"
#include "conf/replace_file.h"

static char dir[] = "/tmp/portolan-replace-XXXXXX";
static char path[64];

static int
begin(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/map.yaml", dir);
	return 0;
}

static int
end(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

static int
write_old(void **state)
{
	FILE *f;

	(void)state;
	unlink(path);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs("old\n", f);
	fclose(f);
	return chmod(path, 0640);
}

static void
holds(const char *text)
{
	struct buf there = { 0 };
	struct err err;

	assert_true(file_read(&there, path, 1000, &err));
	assert_string_equal(buf_cstr(&there), text);
	buf_fini(&there);
}

static size_t
files(void)
{
	DIR *d = opendir(dir);
	size_t n = 0;

	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n - 2;
}

static enum replace_end
replace(struct replaced *r, const char *revision, struct err *err)
{
	return file_replace(r, path, revision, SLICE("new\n"), err);
}

static void
the_new_is_there_whole(void **state)
{
	char revision[REVISION_TEXT], other[REVISION_TEXT];
	struct replaced r;
	struct stat st;
	struct err err;

	(void)state;
	revision_of(SLICE("old\n"), revision);
	revision_of(SLICE("old"), other);
	assert_int_equal(strlen(revision), REVISION_TEXT - 1);
	assert_string_not_equal(revision, other);
	assert_int_equal(replace(&r, revision, &err), REPLACE_DONE);
	holds("new\n");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(files(), 2);
	file_replace_keep(&r);
	assert_int_equal(files(), 1);
	file_replace_keep(&r);		/* again: nothing */
	assert_false(file_replace_undo(&r, &err));
	holds("new\n");
}

static void
the_old_comes_back(void **state)
{
	struct replaced r;
	struct stat before, after;
	struct err err;

	(void)state;
	assert_int_equal(stat(path, &before), 0);
	assert_int_equal(replace(&r, "*", &err), REPLACE_DONE);
	assert_true(file_replace_undo(&r, &err));
	holds("old\n");
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_int_equal(files(), 1);
}

static void
others_work_is_not_lost(void **state)
{
	char revision[REVISION_TEXT], kept[400];
	struct replaced r;
	struct err err;

	(void)state;
	revision_of(SLICE("older\n"), revision);
	assert_int_equal(replace(&r, revision, &err), REPLACE_STALE);
	assert_non_null(strstr(err.text, "somebody has changed the file"));
	holds("old\n");
	assert_int_equal(files(), 1);
	file_replace_keep(&r);

	assert_int_equal(replace(&r, "*", &err), REPLACE_DONE);
	write_old(NULL);		/* an editor's, meanwhile */
	assert_false(file_replace_undo(&r, &err));
	assert_non_null(strstr(err.text, "somebody else has changed"));
	holds("old\n");
	assert_int_equal(files(), 2);	/* and what was is kept */
	snprintf(kept, sizeof(kept), "%s/%s", dir, r.before);
	assert_int_equal(unlink(kept), 0);
}

static void
what_is_no_file_is_left_alone(void **state)
{
	char other[64];
	struct replaced r;
	struct err err;

	(void)state;
	snprintf(other, sizeof(other), "%s/other", dir);
	assert_int_equal(rename(path, other), 0);
	assert_int_equal(symlink(other, path), 0);
	assert_int_equal(replace(&r, "*", &err), REPLACE_FAILED);
	assert_non_null(strstr(err.text, "is a symbolic link"));
	holds("old\n");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(replace(&r, "*", &err), REPLACE_FAILED);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(replace(&r, "*", &err), REPLACE_FAILED);
	assert_non_null(strstr(err.text, "no regular file"));
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(files(), 1);
	assert_int_equal(unlink(other), 0);
	assert_int_equal(file_replace(&r, "/nonexistent/x", "*", SLICE("a"),
	    &err), REPLACE_FAILED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_new_is_there_whole, write_old),
		cmocka_unit_test_setup(the_old_comes_back, write_old),
		cmocka_unit_test_setup(others_work_is_not_lost, write_old),
		cmocka_unit_test_setup(what_is_no_file_is_left_alone,
		    write_old),
	};

	return cmocka_run_group_tests(tests, begin, end);
}

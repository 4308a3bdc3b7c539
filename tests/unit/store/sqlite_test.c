/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/must.h"
#include "store/store.h"

static char dir[64];

static int
make_dir(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/portolan-store-XXXXXX");
	return mkdtemp(dir) == NULL;
}

static int
remove_dir(void **state)
{
	static const char *const files[] = { "state.sqlite",
	    "state.sqlite-wal", "state.sqlite-shm" };
	char path[128];

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
		unlink(path);
	}
	return rmdir(dir);
}

static struct store *
opened(const char *home)
{
	struct err err;
	struct store *store = store_open(dir, home, &err);

	if (store == NULL)
		fail_msg("%s", err.text);
	return store;
}

static struct store_row
a_row(uint8_t n, const char *body)
{
	struct store_row row = { .created_ms = 1000, .updated_ms = 1000,
	    .body = slice_of(body) };

	memset(row.id, n, 16);
	memset(row.tenant, 0x7e, 16);
	memset(row.flow, 0xf1, 16);
	return row;
}

static void
a_row_is_as_it_was_saved(void **state)
{
	struct store *store = opened("GB");
	struct store_row row = a_row(1, "first"), got;

	(void)state;
	assert_int_equal(store_load(store, row.id, 0, &got), STORE_NOT_FOUND);
	assert_int_equal(store_create(store, &row), STORE_OK);
	assert_int_equal(row.token.version, 1);
	assert_int_equal(store_load(store, row.id, 0, &got), STORE_OK);
	assert_true(slice_is(got.body, "first"));
	assert_memory_equal(got.id, row.id, 16);
	assert_memory_equal(got.tenant, row.tenant, 16);
	assert_memory_equal(got.flow, row.flow, 16);
	assert_int_equal(got.created_ms, 1000);
	assert_int_equal(got.token.epoch, 1);
	assert_int_equal(store_create(store, &row), STORE_CONFLICT);
	assert_true(store_healthy(store));

	/* Over a new opening. */
	store_close(&store);
	store = opened("GB");
	row = a_row(1, "second");
	row.token = got.token;
	row.updated_ms = 2000;
	assert_int_equal(store_save(store, &row), STORE_OK);
	assert_int_equal(row.token.version, 2);
	assert_int_equal(store_load(store, row.id, 0, &got), STORE_OK);
	assert_true(slice_is(got.body, "second"));
	assert_int_equal(got.updated_ms, 2000);
	assert_int_equal(got.created_ms, 1000);
	store_close(&store);
}

static void
only_one_of_two_saves_wins(void **state)
{
	struct store *a = opened("GB"), *b = opened("GB");
	struct store_row row = a_row(2, "x"), mine, theirs;

	(void)state;
	assert_int_equal(store_create(a, &row), STORE_OK);
	assert_int_equal(store_load(a, row.id, 0, &mine), STORE_OK);
	assert_int_equal(store_load(b, row.id, 0, &theirs), STORE_OK);
	mine.body = SLICE("mine");
	theirs.body = SLICE("theirs");
	assert_int_equal(store_save(b, &theirs), STORE_OK);
	assert_int_equal(store_save(a, &mine), STORE_CONFLICT);
	assert_int_equal(store_load(a, row.id, 0, &mine), STORE_OK);
	assert_true(slice_is(mine.body, "theirs"));
	memset(mine.id, 0xee, 16);	/* no such state */
	assert_int_equal(store_save(a, &mine), STORE_CONFLICT);
	store_close(&a);
	store_close(&b);
}

/* Whoever has only read must be able to write after somebody else has. */
static void
a_read_holds_nothing_back(void **state)
{
	struct store *a = opened("GB"), *b = opened("GB");
	struct store_row row = a_row(1, "x"), more = a_row(2, "y"),
	    last = a_row(3, "z"), got;
	unsigned removed;

	(void)state;
	assert_int_equal(store_create(a, &row), STORE_OK);
	assert_int_equal(store_load(a, row.id, 0, &got), STORE_OK);
	assert_int_equal(store_create(b, &more), STORE_OK);
	assert_int_equal(store_create(a, &last), STORE_OK);
	assert_true(slice_is(got.body, "x"));
	assert_int_equal(store_load(a, row.id, 0, &got), STORE_OK);
	more.body = SLICE("other");
	assert_int_equal(store_save(b, &more), STORE_OK);
	assert_int_equal(store_expire(a, 1, 10, &removed), STORE_OK);
	store_close(&a);
	store_close(&b);
}

static void
what_has_expired_is_not_found(void **state)
{
	struct store *store = opened("GB");
	struct store_row row = a_row(3, "x"), got;
	unsigned removed;

	(void)state;
	row.expires_ms = 5000;
	assert_int_equal(store_create(store, &row), STORE_OK);
	assert_int_equal(store_load(store, row.id, 4999, &got), STORE_OK);
	assert_int_equal(store_load(store, row.id, 5000, &got),
	    STORE_NOT_FOUND);
	row = a_row(4, "never");
	assert_int_equal(store_create(store, &row), STORE_OK);
	assert_int_equal(store_expire(store, 4999, 500, &removed), STORE_OK);
	assert_int_equal(removed, 0);
	assert_int_equal(store_expire(store, 1000000, 500, &removed),
	    STORE_OK);
	assert_int_equal(removed, 1);
	assert_int_equal(store_load(store, row.id, 1000000, &got), STORE_OK);
	store_close(&store);
}

static void
a_body_has_a_limit(void **state)
{
	struct store *store = opened("GB");
	struct store_row row = a_row(5, "x");
	char *big = calloc(1, STORE_BODY_MAX + 1);

	(void)state;
	row.body = (struct slice){ big, STORE_BODY_MAX + 1 };
	assert_int_equal(store_create(store, &row), STORE_TOO_BIG);
	row.body.len--;
	assert_int_equal(store_create(store, &row), STORE_OK);
	row.body.len++;
	assert_int_equal(store_save(store, &row), STORE_TOO_BIG);
	free(big);
	store_close(&store);
}

static void
a_store_says_why_it_does_not_open(void **state)
{
	struct store *store = opened("GB");
	sqlite3 *db;
	struct err err;
	char path[128];
	int fd;

	(void)state;
	store_close(&store);
	assert_null(store_open(dir, "AU", &err));
	assert_non_null(strstr(err.text, "/state.sqlite: it holds the states "
	    "of region GB; give region AU a directory of its own"));

	snprintf(path, sizeof(path), "%s/state.sqlite", dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	sqlite3_exec(db, "PRAGMA user_version = 9", NULL, NULL, NULL);
	sqlite3_close(db);
	assert_null(store_open(dir, "GB", &err));
	assert_non_null(strstr(err.text, "its schema is version 9, this "
	    "program knows 1"));

	fd = open(path, O_WRONLY | O_TRUNC);
	assert_int_equal(write(fd, "this is no database at all, but text that "
	    "is long enough to be looked at by SQLite: one hundred bytes", 100),
	    100);
	close(fd);
	assert_null(store_open(dir, "GB", &err));
	assert_non_null(strstr(err.text, "file is not a database"));
	assert_null(store_open("/proc/none/such", "GB", &err));
	assert_non_null(strstr(err.text, "store /proc/none/such: cannot be "
	    "made: "));
}

/* On a slow disk the others' commits may take longer than a save waits: then
 * it is certainly not done, and may be tried again. */
static enum store_end
patiently(enum store_end (*save)(struct store *, struct store_row *),
    struct store *store, struct store_row *row)
{
	enum store_end end = STORE_UNAVAILABLE;

	for (int i = 0; i < 30 && end == STORE_UNAVAILABLE; i++)
		end = save(store, row);
	return end;
}

/* Workers of a region start together, on a directory that is empty. */
static void
several_processes_share_one(void **state)
{
	enum { PROCESSES = 6, SAVES = 40 };
	pid_t pids[PROCESSES];
	struct store *store;
	struct store_row got;
	struct err err;

	(void)state;
	for (int i = 0; i < PROCESSES; i++) {
		pids[i] = fork();
		if (pids[i] != 0)
			continue;
		store = store_open(dir, "GB", &err);
		if (store == NULL) {
			fprintf(stderr, "%s\n", err.text);
			_exit(1);
		}
		for (uint8_t n = 0; n < SAVES; n++) {
			struct store_row row = a_row(n, "x");

			row.id[0] = (uint8_t)i;
			if (patiently(store_create, store, &row) != STORE_OK ||
			    patiently(store_save, store, &row) != STORE_OK) {
				fprintf(stderr, "%s\n", store_trouble(store));
				_exit(1);
			}
		}
		_exit(0);
	}
	for (int i = 0; i < PROCESSES; i++) {
		int status;

		waitpid(pids[i], &status, 0);
		assert_int_equal(status, 0);
	}
	store = opened("GB");
	for (int i = 0; i < PROCESSES; i++)
		for (uint8_t n = 0; n < SAVES; n++) {
			struct store_row row = a_row(n, "x");

			row.id[0] = (uint8_t)i;
			assert_int_equal(store_load(store, row.id, 0, &got),
			    STORE_OK);
			assert_int_equal(got.token.version, 2);
		}
	store_close(&store);
}

/* A worker that is killed between two saves has lost neither. */
static void
what_was_answered_survives_a_kill(void **state)
{
	struct store *store;
	struct store_row got;
	unsigned char last = 0;
	int told[2];
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(told), 0);
	pid = fork();
	if (pid == 0) {
		store = opened("GB");
		for (uint8_t n = 0;; n++) {
			struct store_row row = a_row(n, "kept");

			if (store_create(store, &row) != STORE_OK ||
			    write(told[1], &n, 1) != 1)
				_exit(1);
		}
	}
	close(told[1]);
	for (int i = 0; i < 50; i++)
		assert_int_equal(read(told[0], &last, 1), 1);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	while (read(told[0], &last, 1) == 1)
		;			/* told before it died */
	close(told[0]);
	store = opened("GB");
	for (int n = 0; n <= last; n++) {
		struct store_row row = a_row((uint8_t)n, "");

		assert_int_equal(store_load(store, row.id, 0, &got), STORE_OK);
		assert_true(slice_is(got.body, "kept"));
	}
	store_close(&store);
}

/* A write that cannot be done is not done, and health says so. */
static void
a_locked_store_is_unavailable_not_lost(void **state)
{
	struct store *store = opened("GB");
	struct store_row row = a_row(1, "kept"), more = a_row(2, ""), got;
	static char big[1 << 20];
	sqlite3 *db;
	char path[128];

	(void)state;
	assert_int_equal(store_create(store, &row), STORE_OK);
	snprintf(path, sizeof(path), "%s/state.sqlite", dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	/* Somebody else holds the write lock for longer than we wait. */
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL),
	    SQLITE_OK);
	more.body = (struct slice){ big, sizeof(big) };
	assert_int_equal(store_create(store, &more), STORE_UNAVAILABLE);
	assert_false(store_healthy(store));
	assert_string_equal(store_trouble(store), "database is locked");
	assert_int_equal(store_load(store, row.id, 0, &got), STORE_OK);
	assert_true(slice_is(got.body, "kept"));
	sqlite3_close(db);
	assert_int_equal(store_create(store, &more), STORE_OK);
	assert_true(store_healthy(store));
	store_close(&store);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_row_is_as_it_was_saved,
		    make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(only_one_of_two_saves_wins,
		    make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(a_read_holds_nothing_back,
		    make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(what_has_expired_is_not_found,
		    make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(a_body_has_a_limit, make_dir,
		    remove_dir),
		cmocka_unit_test_setup_teardown(
		    a_store_says_why_it_does_not_open, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(several_processes_share_one,
		    make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(
		    what_was_answered_survives_a_kill, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(
		    a_locked_store_is_unavailable_not_lost, make_dir,
		    remove_dir),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

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
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "contract.h"
#include "base/clock.h"
#include "base/must.h"
#include "store/store.h"

static char dir[64];

static int
make_dir(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/portolan-store-XXXXXX");
	loop = loop_new();
	return mkdtemp(dir) == NULL;
}

static int
remove_dir(void **state)
{
	static const char *const files[] = { "state.sqlite",
	    "state.sqlite-wal", "state.sqlite-shm" };
	char path[128];

	(void)state;
	loop_free(&loop);
	buf_fini(&heard.bytes);
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
	struct store *store = store_sqlite_open(loop, dir, home, &err);

	if (store == NULL)
		fail_msg("%s", err.text);
	return store;
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
	assert_null(store_sqlite_open(loop, dir, "AU", &err));
	assert_non_null(strstr(err.text, "/state.sqlite: it holds the states "
	    "of region GB; give region AU a directory of its own"));

	snprintf(path, sizeof(path), "%s/state.sqlite", dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	sqlite3_exec(db, "PRAGMA user_version = 9", NULL, NULL, NULL);
	sqlite3_close(db);
	assert_null(store_sqlite_open(loop, dir, "GB", &err));
	assert_non_null(strstr(err.text, "its schema is version 9, this "
	    "program knows 3"));

	fd = open(path, O_WRONLY | O_TRUNC);
	assert_int_equal(write(fd, "this is no database at all, but text that "
	    "is long enough to be looked at by SQLite: one hundred bytes", 100),
	    100);
	close(fd);
	assert_null(store_sqlite_open(loop, dir, "GB", &err));
	assert_non_null(strstr(err.text, "file is not a database"));
	assert_null(store_sqlite_open(loop, "/proc/none/such", "GB", &err));
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
		loop = loop_new();	/* the parent's is its own */
		store = store_sqlite_open(loop, dir, "GB", &err);
		if (store == NULL) {
			fprintf(stderr, "%s\n", err.text);
			_exit(1);
		}
		for (uint8_t n = 0; n < SAVES; n++) {
			struct store_row row = a_row(n, "x");

			row.id[0] = (uint8_t)i;
			if (patiently(ask_create, store, &row) != STORE_OK ||
			    patiently(ask_save, store, &row) != STORE_OK) {
				fprintf(stderr, "%s\n", health_of(store).trouble);
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
			assert_int_equal(ask_load(store, row.id, 0, &got),
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
		loop = loop_new();
		store = opened("GB");
		for (uint8_t n = 0;; n++) {
			struct store_row row = a_row(n, "kept");

			if (ask_create(store, &row) != STORE_OK ||
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

		assert_int_equal(ask_load(store, row.id, 0, &got), STORE_OK);
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
	assert_int_equal(ask_create(store, &row), STORE_OK);
	snprintf(path, sizeof(path), "%s/state.sqlite", dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	/* Somebody else holds the write lock for longer than we wait. */
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL),
	    SQLITE_OK);
	more.body = (struct slice){ big, sizeof(big) };
	assert_int_equal(ask_create(store, &more), STORE_UNAVAILABLE);
	assert_false(health_of(store).good);
	assert_string_equal(health_of(store).trouble, "database is locked");
	assert_int_equal(ask_load(store, row.id, 0, &got), STORE_OK);
	assert_true(slice_is(got.body, "kept"));
	sqlite3_close(db);
	assert_int_equal(ask_create(store, &more), STORE_OK);
	assert_true(health_of(store).good);
	store_close(&store);
}

/* What another program filled up: a limit on the file's size stands for a
 * full disk.  Small ones still go, and all do once there is room. */
static void
a_full_disk_is_got_over(void **state)
{
	struct store *store = opened("GB");
	struct store_row small = a_row(1, "x"), large = a_row(2, "");
	struct rlimit was, now;
	static char big[2 << 20];

	(void)state;
	assert_int_equal(ask_create(store, &small), STORE_OK);
	large.body = (struct slice){ big, sizeof(big) };
	getrlimit(RLIMIT_FSIZE, &was);
	now = was;
	now.rlim_cur = 1 << 20;
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &now);
	assert_int_equal(ask_create(store, &large), STORE_UNAVAILABLE);
	assert_false(health_of(store).good);
	assert_int_equal(ask_save(store, &small), STORE_OK);
	assert_true(health_of(store).good);
	setrlimit(RLIMIT_FSIZE, &was);
	assert_int_equal(ask_create(store, &large), STORE_OK);
	store_close(&store);
}

/* A file of the first version of the schema, as it was made then. */
static void
an_older_file_is_brought_up_to_date(void **state)
{
	struct store_row got;
	struct store *store;
	uint8_t id[16];
	char path[128];
	sqlite3 *db;

	(void)state;
	snprintf(path, sizeof(path), "%s/state.sqlite", dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db,
	    "CREATE TABLE state (id BLOB NOT NULL UNIQUE CHECK (length(id) ="
	    " 16), home TEXT NOT NULL, allowed INTEGER NOT NULL DEFAULT -1,"
	    " epoch INTEGER NOT NULL, version INTEGER NOT NULL, tenant BLOB"
	    " NOT NULL, flow BLOB NOT NULL, created_at INTEGER NOT NULL,"
	    " updated_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, body"
	    " BLOB NOT NULL) STRICT;"
	    "CREATE INDEX state_list ON state (tenant, flow, created_at, id);"
	    "CREATE INDEX state_expiry ON state (expires_at) WHERE expires_at"
	    " > 0; CREATE TABLE here (home TEXT NOT NULL) STRICT;"
	    "INSERT INTO here VALUES ('GB');"
	    "INSERT INTO state (id, home, epoch, version, tenant, flow,"
	    " created_at, updated_at, expires_at, body) VALUES"
	    " (x'01010101010101010101010101010101', 'GB', 1, 7,"
	    " x'7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e',"
	    " x'f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1', 1, 2, 0, x'6f6c64');"
	    "PRAGMA user_version = 1;", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	store = opened("GB");
	memset(id, 1, sizeof(id));
	assert_int_equal(ask_load(store, id, 0, &got), STORE_OK);
	assert_true(slice_is(got.body, "old"));
	assert_int_equal(got.token.version, 7);
	assert_true(got.allowed == STORE_ALL_REGIONS);
	assert_int_equal(ask_save(store, &got), STORE_OK);
	store_close(&store);
	store = opened("GB");
	assert_int_equal(ask_load(store, id, 0, &got), STORE_OK);
	assert_int_equal(got.token.version, 8);
	store_close(&store);
}

static bool
file_holds(const char *text)
{
	char path[128];
	struct buf bytes = { 0 };
	FILE *f;
	bool found;

	snprintf(path, sizeof(path), "%s/state.sqlite", dir);
	f = fopen(path, "rb");
	assert_non_null(f);
	while (!feof(f))
		bytes.len += fread(buf_reserve(&bytes, 65536), 1, 65536, f);
	fclose(f);
	found = memmem(bytes.p, bytes.len, text, strlen(text)) != NULL;
	buf_fini(&bytes);
	return found;
}

/* Once the last one has closed, there is no log beside the file either. */
static void
what_is_removed_is_overwritten(void **state)
{
	static char body[40000] = "[begin]", other[40000] = "[other]";
	struct store *store = opened("GB");
	struct store_row row = a_row(1, ""), kept = a_row(2, "[kept]");

	(void)state;
	memcpy(body + sizeof(body) - 5, "[end]", 5);
	row.body = (struct slice){ body, sizeof(body) };
	assert_int_equal(ask_create(store, &row), STORE_OK);
	assert_int_equal(ask_create(store, &kept), STORE_OK);
	store_close(&store);
	assert_true(file_holds("[begin]"));
	assert_true(file_holds("[end]"));
	store = opened("GB");
	row.body = (struct slice){ other, sizeof(other) };
	assert_int_equal(ask_save(store, &row), STORE_OK);
	store_close(&store);
	assert_false(file_holds("[begin]"));
	assert_false(file_holds("[end]"));
	store = opened("GB");
	assert_int_equal(ask_remove(store, row.id, row.token), STORE_OK);
	store_close(&store);
	assert_false(file_holds("[other]"));
	assert_true(file_holds("[kept]"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CONTRACT(make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(
		    a_store_says_why_it_does_not_open, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(several_processes_share_one,
		    make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(
		    what_was_answered_survives_a_kill, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(a_full_disk_is_got_over,
		    make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(an_older_file_is_brought_up_to_date,
		    make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(what_is_removed_is_overwritten,
		    make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(
		    a_locked_store_is_unavailable_not_lost, make_dir,
		    remove_dir),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

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

#include "asking.h"
#include "base/clock.h"
#include "base/must.h"
#include "store/store.h"

static char dir[64];
static struct loop *loop;

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

static struct store_health
health_of(struct store *store)
{
	struct store_health health;

	store->ops->health(store, &health);
	return health;
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
	assert_int_equal(ask_load(store, row.id, 0, &got), STORE_NOT_FOUND);
	assert_int_equal(ask_create(store, &row), STORE_OK);
	assert_int_equal(row.token.version, 1);
	assert_int_equal(ask_load(store, row.id, 0, &got), STORE_OK);
	assert_true(slice_is(got.body, "first"));
	assert_memory_equal(got.id, row.id, 16);
	assert_memory_equal(got.tenant, row.tenant, 16);
	assert_memory_equal(got.flow, row.flow, 16);
	assert_int_equal(got.created_ms, 1000);
	assert_int_equal(got.token.epoch, 1);
	assert_int_equal(ask_create(store, &row), STORE_CONFLICT);
	assert_true(health_of(store).good);

	/* Over a new opening. */
	store_close(&store);
	store = opened("GB");
	row = a_row(1, "second");
	row.token = got.token;
	row.updated_ms = 2000;
	assert_int_equal(ask_save(store, &row), STORE_OK);
	assert_int_equal(row.token.version, 2);
	assert_int_equal(ask_load(store, row.id, 0, &got), STORE_OK);
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
	assert_int_equal(ask_create(a, &row), STORE_OK);
	assert_int_equal(ask_load(a, row.id, 0, &mine), STORE_OK);
	assert_int_equal(ask_load(b, row.id, 0, &theirs), STORE_OK);
	mine.body = SLICE("mine");
	theirs.body = SLICE("theirs");
	assert_int_equal(ask_save(b, &theirs), STORE_OK);
	assert_int_equal(ask_save(a, &mine), STORE_CONFLICT);
	assert_int_equal(ask_load(a, row.id, 0, &mine), STORE_OK);
	assert_true(slice_is(mine.body, "theirs"));
	memset(mine.id, 0xee, 16);	/* no such state */
	assert_int_equal(ask_save(a, &mine), STORE_CONFLICT);
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
	uint64_t removed;

	(void)state;
	assert_int_equal(ask_create(a, &row), STORE_OK);
	assert_int_equal(ask_load(a, row.id, 0, &got), STORE_OK);
	assert_int_equal(ask_create(b, &more), STORE_OK);
	assert_int_equal(ask_create(a, &last), STORE_OK);
	assert_true(slice_is(got.body, "x"));
	assert_int_equal(ask_load(a, row.id, 0, &got), STORE_OK);
	more.body = SLICE("other");
	assert_int_equal(ask_save(b, &more), STORE_OK);
	assert_int_equal(ask_expire(a, 1, 10, &removed), STORE_OK);
	store_close(&a);
	store_close(&b);
}

static void
what_has_expired_is_not_found(void **state)
{
	struct store *store = opened("GB");
	struct store_row row = a_row(3, "x"), got;
	uint64_t removed;

	(void)state;
	row.expires_ms = 5000;
	assert_int_equal(ask_create(store, &row), STORE_OK);
	assert_int_equal(ask_load(store, row.id, 4999, &got), STORE_OK);
	assert_int_equal(ask_load(store, row.id, 5000, &got),
	    STORE_NOT_FOUND);
	row = a_row(4, "never");
	assert_int_equal(ask_create(store, &row), STORE_OK);
	assert_int_equal(ask_expire(store, 4999, 500, &removed), STORE_OK);
	assert_int_equal(removed, 0);
	assert_int_equal(ask_expire(store, 1000000, 500, &removed),
	    STORE_OK);
	assert_int_equal(removed, 1);
	assert_int_equal(ask_load(store, row.id, 1000000, &got), STORE_OK);
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
	assert_int_equal(ask_create(store, &row), STORE_TOO_BIG);
	row.body.len--;
	assert_int_equal(ask_create(store, &row), STORE_OK);
	row.body.len++;
	assert_int_equal(ask_save(store, &row), STORE_TOO_BIG);
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
	assert_null(store_sqlite_open(loop, dir, "AU", &err));
	assert_non_null(strstr(err.text, "/state.sqlite: it holds the states "
	    "of region GB; give region AU a directory of its own"));

	snprintf(path, sizeof(path), "%s/state.sqlite", dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	sqlite3_exec(db, "PRAGMA user_version = 9", NULL, NULL, NULL);
	sqlite3_close(db);
	assert_null(store_sqlite_open(loop, dir, "GB", &err));
	assert_non_null(strstr(err.text, "its schema is version 9, this "
	    "program knows 2"));

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

/* A save whose answer was lost comes again. */
static void
a_repeated_write_is_recognised(void **state)
{
	struct store *store = opened("GB");
	struct store_row row = a_row(1, "first"), other, got;

	(void)state;
	memset(row.op, 0xa1, 16);
	row.allowed = 5;
	assert_int_equal(ask_create(store, &row), STORE_OK);
	assert_int_equal(ask_create(store, &row), STORE_OK);
	assert_int_equal(row.token.version, 1);
	other = row;
	memset(other.op, 0xa2, 16);
	assert_int_equal(ask_create(store, &other), STORE_CONFLICT);
	assert_true(heard.has_row && heard.row.token.version == 1);

	other.body = SLICE("second");
	other.done = true;
	assert_int_equal(ask_save(store, &other), STORE_OK);
	assert_int_equal(other.token.version, 2);
	other.token.version = 1;
	assert_int_equal(ask_save(store, &other), STORE_OK);
	assert_int_equal(other.token.version, 2);
	assert_int_equal(ask_create(store, &row), STORE_CONFLICT);
	row.body = SLICE("late");
	assert_int_equal(ask_save(store, &row), STORE_CONFLICT);
	assert_int_equal(heard.row.token.version, 2);
	assert_int_equal(ask_load(store, row.id, 0, &got), STORE_OK);
	assert_true(slice_is(got.body, "second"));
	assert_memory_equal(got.op, other.op, 16);
	assert_true(got.done);
	assert_int_equal(got.allowed, 5);
	assert_string_equal(got.home, "GB");

	/* Without an op there is nothing to recognise. */
	memset(other.op, 0, 16);
	assert_int_equal(ask_save(store, &other), STORE_OK);
	other.token.version = 2;
	assert_int_equal(ask_save(store, &other), STORE_CONFLICT);
	store_close(&store);
}

static void
a_removed_state_is_gone(void **state)
{
	struct store *store = opened("GB");
	struct store_row row = a_row(1, "x"), got;

	(void)state;
	assert_int_equal(ask_remove(store, row.id, row.token),
	    STORE_NOT_FOUND);
	assert_int_equal(ask_create(store, &row), STORE_OK);
	assert_int_equal(ask_remove(store, row.id,
	    (struct store_token){ 1, 2 }), STORE_CONFLICT);
	assert_int_equal(ask_remove(store, row.id, row.token), STORE_OK);
	assert_int_equal(ask_load(store, row.id, 0, &got), STORE_NOT_FOUND);
	assert_int_equal(ask_create(store, &row), STORE_OK);
	store->ops->restrict_to(store, row.id, row.token, 9, heard_row, NULL);
	assert_int_equal(wait_for_it(store), STORE_OK);
	assert_int_equal(heard.row.token.version, 2);
	assert_int_equal(ask_load(store, row.id, 0, &got), STORE_OK);
	assert_int_equal(got.allowed, 9);
	store->ops->restrict_to(store, row.id, row.token, 1, heard_row, NULL);
	assert_int_equal(wait_for_it(store), STORE_CONFLICT);
	assert_int_equal(ask_remove(store, row.id, (struct store_token){ 0 }),
	    STORE_OK);
	store_close(&store);
}

/* Whatever the pages' size, each state once, and nobody else's. */
static void
lists_come_in_pages(void **state)
{
	static const unsigned sizes[] = { 1, 3, 7, 500 };
	struct store *store = opened("GB");
	struct store_row row;
	uint8_t tenant[16], flow[16];

	(void)state;
	for (uint8_t n = 0; n < 20; n++) {
		row = a_row(n, "body");
		row.created_ms = 1000 + n / 4;	/* several at once */
		memset(row.flow, n % 2 == 0 ? 0xf1 : 0xf2, 16);
		memset(row.tenant, n == 19 ? 0x11 : 0x7e, 16);
		assert_int_equal(ask_create(store, &row), STORE_OK);
	}
	memset(tenant, 0x7e, 16);
	memset(flow, 0xf2, 16);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		for (int one_flow = 0; one_flow < 2; one_flow++) {
			struct store_query q = { .tenant = tenant,
			    .flow = one_flow ? flow : NULL,
			    .limit = sizes[i] };
			unsigned seen = 0, count = 0;
			char cursor[160];

			do {
				store->ops->list(store, &q, heard_list, NULL);
				assert_int_equal(wait_for_it(store),
				    STORE_OK);
				assert_true(heard.count <= sizes[i]);
				for (size_t k = 0; k < heard.count; k++) {
					seen |= 1u << heard.rows[k].id[0];
					assert_int_equal(
					    heard.rows[k].body.len, 0);
					count++;
				}
				memcpy(cursor, heard.next, sizeof(cursor));
				q.cursor = cursor;
			} while (heard.next[0] != '\0');
			assert_int_equal(seen, one_flow ? 0x2aaaa : 0x7ffff);
			assert_int_equal(count, one_flow ? 9 : 19);
		}
	store_close(&store);
}

/* A cursor that is none of ours is where the list begins. */
static void
a_foreign_cursor_does_no_harm(void **state)
{
	static const char *const cursors[] = { "", "x", "../../etc/passwd",
	    "00000000000000000000000000000000000000000000000000000000000000000",
	    "zz000000000000000000000000000000000000000000000000000000000000001" };
	struct store *store = opened("GB");
	struct store_row row = a_row(1, "x");

	(void)state;
	assert_int_equal(ask_create(store, &row), STORE_OK);
	for (size_t i = 0; i < sizeof(cursors) / sizeof(cursors[0]); i++) {
		struct store_query q = { .tenant = row.tenant, .limit = 10,
		    .cursor = cursors[i] };

		store->ops->list(store, &q, heard_list, NULL);
		assert_int_equal(wait_for_it(store), STORE_OK);
		assert_int_equal(heard.count, 1);
	}
	store_close(&store);
}

static void
count_answers(void *arg, enum store_end end, const struct store_row *row)
{
	unsigned *ends = arg;

	(void)row;
	ends[end]++;
	if (++ends[STORE_UNKNOWN + 1] == ends[STORE_UNKNOWN + 2])
		loop_stop(loop);
}

/* Many at once share transactions; one that loses costs the others nothing,
 * and beyond the queue's bound they are refused, not lost. */
static void
a_crowd_is_answered_one_by_one(void **state)
{
	enum { ROWS = 6000 };
	struct store *store = opened("GB");
	struct store_row *rows = calloc(ROWS, sizeof(*rows)), got;
	unsigned ends[STORE_UNKNOWN + 3] = { [STORE_UNKNOWN + 2] = ROWS };
	unsigned there = 0;

	(void)state;
	for (unsigned n = 0; n < ROWS; n++) {
		rows[n] = a_row(0, "x");
		memcpy(rows[n].id, &(unsigned){ n / 2 }, sizeof(unsigned));
		store->ops->create(store, &rows[n], count_answers, ends);
	}
	loop_run(loop);
	for (unsigned n = 0; n < ROWS; n += 2)
		there += ask_load(store, rows[n].id, 0, &got) == STORE_OK;
	assert_int_equal(ends[STORE_OK], there);
	assert_int_equal(ends[STORE_OK] + ends[STORE_CONFLICT] +
	    ends[STORE_UNAVAILABLE], ROWS);
	assert_true(ends[STORE_UNAVAILABLE] <= ROWS - 4096);
	assert_true(ends[STORE_CONFLICT] >= 1000);
	free(rows);
	store_close(&store);
}

static void
ask_again(void *arg, enum store_end end, const struct store_row *row)
{
	struct store *store = arg;
	struct store_row *mine = (struct store_row *)(uintptr_t)row;

	heard.times++;
	if (end == STORE_OK)
		store->ops->remove(store, mine->id, mine->token, ask_again,
		    store);
}

/* Each question is answered once, also where the end comes first. */
static void
closing_answers_everything(void **state)
{
	struct store *store = opened("GB"), *closed = store;
	struct store_row row = a_row(1, "x"), got;
	unsigned times = heard.times;

	(void)state;
	store->ops->create(store, &row, ask_again, store);
	store_close(&closed);
	assert_null(closed);
	assert_int_equal(heard.times, times + 2);	/* refused in the end */
	store = opened("GB");
	assert_int_equal(ask_load(store, row.id, 0, &got), STORE_OK);
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

/* --- metadata --- */

static enum store_end
put(struct store *store, const char *key, uint64_t replaces,
    const char *body)
{
	struct store_doc doc = { .kind = "flow", .revision = replaces,
	    .deleted = body == NULL, .body = slice_of(body) };

	snprintf(doc.key, sizeof(doc.key), "%s", key);
	store->ops->doc_put(store, &doc, heard_doc, NULL);
	return wait_for_it(store);
}

static enum store_end
get(struct store *store, const char *key)
{
	store->ops->doc_get(store, "flow", key, heard_doc, NULL);
	return wait_for_it(store);
}

static void
metadata_has_one_revision(void **state)
{
	struct store *store = opened("GB");

	(void)state;
	assert_int_equal(get(store, "a"), STORE_NOT_FOUND);
	assert_int_equal(put(store, "a", 0, "one"), STORE_OK);
	assert_int_equal(heard.doc.revision, 1);
	assert_int_equal(put(store, "a", 0, "again"), STORE_CONFLICT);
	assert_int_equal(put(store, "b", 0, "two"), STORE_OK);
	assert_int_equal(heard.doc.revision, 2);
	assert_int_equal(put(store, "a", 2, "stale"), STORE_CONFLICT);
	assert_int_equal(put(store, "a", 1, "three"), STORE_OK);
	assert_int_equal(put(store, "b", UINT64_MAX, NULL), STORE_OK);
	assert_int_equal(get(store, "b"), STORE_NOT_FOUND);
	assert_int_equal(get(store, "a"), STORE_OK);
	assert_true(slice_is(heard.doc.body, "three"));
	assert_int_equal(heard.doc.revision, 3);

	store->ops->docs_since(store, 0, 10, heard_docs, NULL);
	assert_int_equal(wait_for_it(store), STORE_OK);
	assert_int_equal(heard.count, 2);
	assert_int_equal(heard.number, 4);
	assert_int_equal(heard.docs[0].revision, 3);
	assert_string_equal(heard.docs[1].key, "b");
	assert_true(heard.docs[1].deleted);
	assert_int_equal(heard.docs[1].body.len, 0);
	store->ops->docs_since(store, 0, 1, heard_docs, NULL);
	wait_for_it(store);
	assert_int_equal(heard.count, 1);
	assert_int_equal(heard.number, 4);
	store->ops->docs_since(store, 4, 10, heard_docs, NULL);
	wait_for_it(store);
	assert_int_equal(heard.count, 0);

	assert_int_equal(put(store, "b", 0, "new"), STORE_OK);
	assert_int_equal(heard.doc.revision, 5);
	store_close(&store);
	store = opened("GB");		/* counts on */
	assert_int_equal(health_of(store).revision, 5);
	assert_int_equal(put(store, "c", 0, ""), STORE_OK);
	assert_int_equal(heard.doc.revision, 6);
	store_close(&store);
}

/* Whoever follows hears of what other processes write. */
static void
changes_of_others_are_heard(void **state)
{
	struct store *a = opened("GB"), *b = opened("GB");
	uint64_t began;

	(void)state;
	a->ops->docs_watch(a, heard_count, NULL);
	assert_int_equal(put(b, "x", 0, "1"), STORE_OK);
	began = clock_ms();
	heard.number = 0;
	wait_for_it(a);
	assert_int_equal(heard.number, 1);
	assert_true(clock_ms() - began < 5000);
	assert_int_equal(health_of(a).revision, 1);
	assert_int_equal(put(a, "x", 1, "2"), STORE_OK);
	while (heard.number < 2)	/* and of our own */
		wait_for_it(a);
	store_close(&a);
	store_close(&b);
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
		cmocka_unit_test_setup_teardown(a_repeated_write_is_recognised,
		    make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(a_removed_state_is_gone,
		    make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(lists_come_in_pages,
		    make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(a_foreign_cursor_does_no_harm,
		    make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(a_crowd_is_answered_one_by_one,
		    make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(closing_answers_everything,
		    make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(a_full_disk_is_got_over,
		    make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(an_older_file_is_brought_up_to_date,
		    make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(metadata_has_one_revision,
		    make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(changes_of_others_are_heard,
		    make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(
		    a_locked_store_is_unavailable_not_lost, make_dir,
		    remove_dir),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

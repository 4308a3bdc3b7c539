/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "asking.h"
#include "store/copy.h"
#include "store/postgres.h"
#include "support/folder.h"
#include "support/postgres.h"

static struct loop *loop;
static struct store_copy_report report;
static struct err err;

static const struct store_region regions[] = {
    { .id = "GB", .number = 0 }, { .id = "AU", .number = 1 } };

/* An empty schema and an empty folder. */
static int
begin(void **state)
{
	struct store_postgres_config config = { .home = "GB",
	    .regions = regions, .nregions = 2 };

	(void)state;
	loop = loop_new();
	folder_begin();
	must(pg_ask(server.conninfo, "drop schema if exists flow cascade") !=
	    NULL);
	return store_postgres_init(server.conninfo, &config, true, &err) ? 0 :
	    -1;
}

static int
end(void **state)
{
	(void)state;
	folder_end();
	loop_free(&loop);
	buf_fini(&heard.bytes);
	return 0;
}

static struct store *
opened(const char *name)
{
	struct store *store = store_sqlite_open(loop, folder_path(name), "GB",
	    &err);

	if (store == NULL)
		fail_msg("%s", err.text);
	return store;
}

/* Of every kind there is: with and without an op, done, restricted, expiring,
 * without a body and with a large one. */
static void
make_state(struct store *store, unsigned n)
{
	static char large[300000];
	struct store_row row = { .allowed = n % 5 == 0 ? 1 :
	    STORE_ALL_REGIONS, .done = n % 3 == 0, .created_ms = n,
	    .updated_ms = n + 1, .expires_ms = n % 4 == 0 ? 0 : 1LL << 40,
	    .body = { large, n % 50 == 0 ? sizeof(large) : n % 7 } };

	memset(large, 'x', sizeof(large));
	row.id[0] = (uint8_t)(n >> 8);
	row.id[1] = (uint8_t)n;
	row.op[0] = (uint8_t)(n % 2);
	row.tenant[0] = (uint8_t)(n % 3);
	assert_int_equal(ask_create(store, &row), STORE_OK);
}

static void
put(struct store *store, const char *key, const char *body)
{
	struct store_doc doc = { .kind = "flow", .revision = UINT64_MAX,
	    .deleted = body == NULL, .body = slice_of(body) };

	snprintf(doc.key, sizeof(doc.key), "%s", key);
	store->ops->doc_put(store, &doc, heard_doc, NULL);
	assert_int_equal(wait_for_it(store), STORE_OK);
}

static void
fill(struct store *store, unsigned states)
{
	char key[16];

	for (unsigned n = 0; n < states; n++)
		make_state(store, n);
	for (unsigned n = 0; n < 20; n++) {
		snprintf(key, sizeof(key), "k%u", n % 15);
		put(store, key, n % 6 == 5 ? NULL : "{}");
	}
}

static struct store_row
a_state(struct store *store, unsigned n)
{
	const uint8_t id[16] = { (uint8_t)(n >> 8), (uint8_t)n };
	struct store_row row;

	assert_int_equal(ask_load(store, id, 0, &row), STORE_OK);
	return row;
}

static struct store_copy
there(const char *dir)
{
	return (struct store_copy){ { false, folder_path(dir) },
	    { true, server.conninfo }, "GB", true, false, NULL };
}

static struct store_copy
back(const char *dir)
{
	return (struct store_copy){ { true, server.conninfo },
	    { false, folder_path(dir) }, "GB", true, false, NULL };
}

static void
run(const struct store_copy *copy, bool whole)
{
	if (!store_copy(copy, &report, &err))
		fail_msg("%s", err.text);
	assert_int_equal(store_copy_is_whole(&report), whole);
}

static void
counts(const struct store_copied *n, uint64_t all, uint64_t copied,
    uint64_t same)
{
	assert_int_equal(n->there, all);
	assert_int_equal(n->copied, copied);
	assert_int_equal(n->same, same);
}

/* With tokens, ops, revisions: by the hash of all of it. */
static void
all_of_it_goes_there_and_back(void **state)
{
	struct store *store = opened("a");
	struct store_copy copy = there("a");
	char hash[COPY_HASH_TEXT];
	struct store_row row;

	(void)state;
	fill(store, 120);
	row = a_state(store, 3);
	assert_int_equal(ask_save(store, &row), STORE_OK);
	run(&copy, true);
	counts(&report.states, 120, 120, 0);
	counts(&report.docs, 15, 15, 0);
	assert_int_equal(report.from_count, 135);
	strcpy(hash, report.from_hash);
	assert_string_equal(pg_ask(server.conninfo, "select rev from "
	    "flow.meta_rev"), "20");
	assert_string_equal(pg_ask(server.conninfo, "select home || version ||"
	    " (last_op is not null) from flow.state where created_ms = 3"),
	    "GB2true");
	run(&copy, true);
	counts(&report.states, 120, 0, 120);
	counts(&report.docs, 15, 0, 15);
	store_close(&store);

	copy = back("b");
	run(&copy, true);
	counts(&report.states, 120, 120, 0);
	counts(&report.docs, 15, 15, 0);
	assert_string_equal(report.to_hash, hash);
	store = opened("b");
	row = a_state(store, 3);
	assert_int_equal(row.token.version, 2);
	assert_int_equal(ask_save(store, &row), STORE_OK);
	store_close(&store);
}

/* What changed since is taken the next time; what was deleted stays, and is
 * told, unless it is to go. */
static void
the_next_run_takes_what_changed(void **state)
{
	struct store *store = opened("a");
	struct store_copy copy = there("a");
	struct store_row row;

	(void)state;
	fill(store, 10);
	run(&copy, true);
	row = a_state(store, 4);
	assert_int_equal(ask_save(store, &row), STORE_OK);
	make_state(store, 10);
	row = a_state(store, 5);
	assert_int_equal(ask_remove(store, row.id, row.token), STORE_OK);
	put(store, "k3", "{\"more\":1}");
	run(&copy, false);
	counts(&report.states, 10, 2, 8);
	counts(&report.docs, 15, 1, 14);
	assert_int_equal(report.states.only, 1);
	assert_int_equal(report.differ, 1);
	assert_string_equal(report.names[0],
	    "state 00050000-0000-0000-0000-000000000000");
	copy.remove = true;
	run(&copy, true);
	counts(&report.states, 10, 0, 10);
	assert_int_equal(report.states.removed, 1);
	store_close(&store);
}

/* It is left as it is, and told. */
static void
what_is_newer_there_is_not_written_over(void **state)
{
	struct store *store = opened("a");
	struct store_copy copy = there("a");

	(void)state;
	fill(store, 10);
	run(&copy, true);
	pg_ask(server.conninfo, "update flow.state_gb set version = 9 where "
	    "created_ms = 7");
	run(&copy, false);
	counts(&report.states, 10, 0, 9);
	assert_int_equal(report.states.newer, 1);
	assert_string_equal(pg_ask(server.conninfo, "select version from "
	    "flow.state where created_ms = 7"), "9");
	pg_ask(server.conninfo, "update flow.state_gb set version = 1, body = "
	    "'other' where created_ms = 7");
	run(&copy, false);		/* the hash sees what the token hides */
	assert_int_equal(report.differ, 1);
	assert_string_equal(report.names[0],
	    "state 00070000-0000-0000-0000-000000000000");

	pg_ask(server.conninfo, "select flow.put('flow', 'own', -1, false, "
	    "'{}')");
	put(store, "later", "{}");
	assert_false(store_copy(&copy, &report, &err));
	assert_non_null(strstr(err.text, "the target has metadata of its own "
	    "(flow own, revision 21)"));
	store_close(&store);
}

/* Its own states go, in the order of homes; others' copies and what is being
 * handed over do not. */
static void
only_what_is_at_home_here_goes_back(void **state)
{
	struct store *store = opened("a");
	struct store_copy copy = there("a");

	(void)state;
	fill(store, 6);
	run(&copy, true);
	pg_ask(server.conninfo, "insert into flow.state_au (id, home, allowed,"
	    " epoch, version, done, tenant, flow, created_ms, updated_ms,"
	    " expires_ms, body) select case created_ms when 1 then id else"
	    " gen_random_uuid() end, 'AU', -1, 2, 7, done, tenant, flow,"
	    " created_ms, updated_ms, expires_ms, body from flow.state_gb"
	    " where created_ms < 3");
	pg_ask(server.conninfo, "update flow.state_gb set moving_to = 'AU' "
	    "where created_ms = 2");
	copy = back("b");
	run(&copy, false);
	counts(&report.states, 4, 4, 0);
	assert_int_equal(report.elsewhere, 3);
	assert_int_equal(report.moving, 1);
	assert_int_equal(report.differ, 0);
	/* And what moved away is newer there. */
	pg_ask(server.conninfo, "update flow.state_gb set moving_to = null");
	copy = there("a");
	run(&copy, false);
	assert_int_equal(report.states.newer, 1);
	store_close(&store);
}

static void
who_may_not_is_told_before(void **state)
{
	struct store *store = opened("a");
	struct store_copy copy = there("a");
	char engine[160];

	(void)state;
	snprintf(engine, sizeof(engine), "host=%s user=flow_engine "
	    "dbname=postgres", server.dir);
	copy.to.place = engine;
	assert_false(store_copy(&copy, &report, &err));
	assert_non_null(strstr(err.text, "flow_engine may not write "
	    "metadata; name a superuser"));
	copy = there("nowhere");
	assert_false(store_copy(&copy, &report, &err));
	assert_non_null(strstr(err.text, "nowhere/state.sqlite: No such file"));
	copy = there("a");
	copy.home = "AU";
	assert_false(store_copy(&copy, &report, &err));
	assert_non_null(strstr(err.text, "holds the states of region GB"));

	/* Another region's metadata comes by replication. */
	put(store, "k", "{}");
	copy = there("a");
	copy.main = false;
	run(&copy, true);
	assert_true(report.docs_replicated);
	assert_string_equal(pg_ask(server.conninfo, "select count(*) from "
	    "flow.meta"), "0");
	store_close(&store);
}

/* What the server does not take is told though nobody waited for its answer, and
 * the batch that it is in is not there. */
static void
what_is_refused_ends_it(void **state)
{
	struct store *store = opened("a");
	struct store_copy copy = there("a");

	(void)state;
	fill(store, 60);
	must(pg_ask(server.conninfo, "alter table flow.state_gb add constraint "
	    "odd check (id <> '00250000-0000-0000-0000-000000000000')") !=
	    NULL);
	assert_false(store_copy(&copy, &report, &err));
	assert_non_null(strstr(err.text, "violates check constraint \"odd\""));
	assert_string_equal(pg_ask(server.conninfo, "select count(*) from "
	    "flow.state_gb"), "0");
	must(pg_ask(server.conninfo, "alter table flow.state_gb drop "
	    "constraint odd") != NULL);
	run(&copy, true);
	counts(&report.states, 60, 60, 0);
	store_close(&store);
}

/* Killed in the middle of its third transaction; the next takes the rest. */
static void
a_copy_may_be_killed(void **state)
{
	enum { STATES = 1200 };
	PGconn *blocker = PQconnectdb(server.conninfo);
	struct store *store = opened("a");
	struct store_copy copy = there("a");
	pid_t pid;

	(void)state;
	for (unsigned n = 1; n <= STATES; n++)
		make_state(store, n * 7);
	/* Whoever comes to this one waits. */
	PQclear(PQexec(blocker, "begin; insert into flow.state_gb (id, home,"
	    " allowed, epoch, version, done, tenant, flow, created_ms,"
	    " updated_ms, expires_ms, body) values ('1d490000-0000-0000-0000-"
	    "000000000000', 'GB', -1, 1, 1, false, gen_random_uuid(),"
	    " gen_random_uuid(), 0, 0, 0, '')"));
	assert_int_equal(PQtransactionStatus(blocker), PQTRANS_INTRANS);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		store_copy(&copy, &report, &err);
		_exit(0);
	}
	while (strcmp(pg_ask(server.conninfo, "select count(*) from pg_locks "
	    "where not granted"), "1") != 0)
		assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	PQfinish(blocker);
	/* The server ends what was under way when it sees that. */
	while (!store_copy(&copy, &report, &err))
		assert_non_null(strstr(err.text, "another copy into it is "
		    "under way"));
	assert_true(store_copy_is_whole(&report));
	assert_int_equal(report.states.there, STATES);
	assert_true(report.states.same > 0 && report.states.copied > 0);
	assert_int_equal(report.states.same + report.states.copied, STATES);
	store_close(&store);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(all_of_it_goes_there_and_back,
		    begin, end),
		cmocka_unit_test_setup_teardown(
		    the_next_run_takes_what_changed, begin, end),
		cmocka_unit_test_setup_teardown(
		    what_is_newer_there_is_not_written_over, begin, end),
		cmocka_unit_test_setup_teardown(
		    only_what_is_at_home_here_goes_back, begin, end),
		cmocka_unit_test_setup_teardown(who_may_not_is_told_before,
		    begin, end),
		cmocka_unit_test_setup_teardown(what_is_refused_ends_it,
		    begin, end),
		cmocka_unit_test_setup_teardown(a_copy_may_be_killed, begin,
		    end),
	};

	return cmocka_run_group_tests(tests, pg_group_begin, pg_group_end);
}

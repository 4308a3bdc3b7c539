/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "contract.h"

#include <limits.h>

#include "base/must.h"
#include "store/postgres_admin.h"
#include "support/postgres.h"

static char engine[160];		/* conninfo of flow_engine */

static const struct store_region gb = { .id = "GB", .conninfo = engine };

static struct store_postgres_config
config_of(const char *home)
{
	/* two threads migrate at once */
	static _Thread_local struct store_region regions[2];

	regions[0] = gb;
	regions[1] = (struct store_region){ .id = "AU", .number = 1 };
	return (struct store_postgres_config){ .home = home,
	    .regions = regions, .nregions = 2 };
}

static int
make_schema(void **state)
{
	struct store_postgres_config config = config_of("GB");
	struct err err;

	(void)state;
	loop = loop_new();
	snprintf(engine, sizeof(engine), "host=%s user=flow_engine "
	    "dbname=postgres", server.dir);
	/* What the connections of the test before left running would hold
	 * what is dropped; at most so many ms are waited for that. */
	must(pg_ask(server.conninfo, "select count(pg_terminate_backend(pid, "
	    "60000)) from pg_stat_activity where backend_type = "
	    "'client backend' and pid <> pg_backend_pid()") != NULL);
	/* A publication stays behind, empty, where its tables are dropped. */
	must(pg_ask(server.conninfo, "drop schema if exists flow cascade; "
	    "drop publication if exists gb_to_au, pub_meta") != NULL);
	if (store_postgres_init(server.conninfo, &config, true, &err))
		return 0;
	fprintf(stderr, "%s\n", err.text);
	return -1;
}

static int
end_loop(void **state)
{
	(void)state;
	loop_free(&loop);
	buf_fini(&heard.bytes);
	return 0;
}

static struct store *
opened(const char *home)
{
	struct store_postgres_config config = config_of(home);

	return store_postgres_open(loop, &config);
}

static void
a_store_says_what_is_missing(void **state)
{
	struct store_postgres_config config = config_of("GB"), other =
	    config_of("AU");
	struct err err;

	(void)state;
	assert_true(store_postgres_check(engine, &config, true, &err));
	assert_true(store_postgres_init(server.conninfo, &config, true, &err));
	assert_false(store_postgres_check(engine, &other, true, &err));
	assert_string_equal(err.text, "it is the store of region GB, not of "
	    "AU");
	pg_ask(server.conninfo, "alter table flow.state_au replica identity "
	    "default");
	assert_false(store_postgres_check(engine, &config, true, &err));
	assert_non_null(strstr(err.text, "lost its replica identity"));
	pg_ask(server.conninfo, "drop table flow.state_au");
	assert_false(store_postgres_check(engine, &config, true, &err));
	assert_non_null(strstr(err.text, "no partition for the states of "
	    "region AU; add it with portolan store init"));
	pg_ask(server.conninfo, "update flow.schema_version set version = 99");
	assert_false(store_postgres_check(engine, &config, true, &err));
	assert_non_null(strstr(err.text, "its schema is version 99, this "
	    "program knows "));
	assert_non_null(strstr(err.text, "; use the program that made it, or "
	    "a newer one"));
	pg_ask(server.conninfo, "drop schema flow cascade");
	assert_false(store_postgres_check(engine, &config, true, &err));
	assert_non_null(strstr(err.text, "portolan store init"));
	assert_false(store_postgres_check("host=/none user=x", &config, true,
	    &err));
	assert_non_null(strstr(err.text, "/none/.s.PGSQL.5432"));
}

/* Beside this program, so that two trees do not overwrite each other's. */
static const char *
leave_shape(const struct buf *made)
{
	static char file[PATH_MAX + 16];
	ssize_t len = readlink("/proc/self/exe", file, PATH_MAX);
	FILE *f;

	must(len > 0 && len < PATH_MAX);
	strcpy(file + len, "_shape.txt");
	f = fopen(file, "w");
	must(f != NULL && fwrite(made->p, 1, made->len, f) == made->len &&
	    fclose(f) == 0);
	return file;
}

/* After a new file data/postgres-N.sql the shape is another: what the test
 * leaves in the build's folder is to be read, and put in its place. */
static void
the_shape_is_what_the_files_make(void **state)
{
	struct buf made = { 0 };
	PGconn *conn;
	struct err err;

	(void)state;
	conn = pg_admin_connect(server.conninfo, &err);
	if (!pg_shape_of(conn, &made, &err))
		fail_msg("%s", err.text);
	PQfinish(conn);
	if (strcmp(buf_cstr(&made), pg_shape()) != 0)
		fail_msg("data/postgres-shape.txt is not what the files make; "
		    "look at the difference, then cp %s "
		    "data/postgres-shape.txt", leave_shape(&made));
	buf_fini(&made);
}

static const struct {
	const char	*sql, *told;
} divergences[] = {
	{ "alter table flow.state_au drop constraint residency",
	    "missing: table state_au constraint residency" },
	{ "drop trigger widen on flow.state_gb",
	    "missing: table state_gb trigger widen" },
	{ "alter table flow.meta_rev disable trigger note",
	    "missing: table meta_rev trigger note" },
	{ "alter table flow.state_au disable row level security",
	    "missing: table state_au replica identity i row security" },
	{ "alter table flow.meta add column more int",
	    "unexpected: table meta column more integer" },
	{ "alter table flow.state add check (version < 100)",
	    "unexpected: table state constraint" },
	{ "create unique index on flow.state_gb (tenant)",
	    "unexpected: table state_gb index" },
	{ "drop index flow.state_gb_list",
	    "missing: table state_gb index state_gb_list" },
	{ "alter publication gb_to_au set table flow.state_gb (id, home, "
	    "allowed, epoch, version, last_op, done, moving_to, base, tenant, "
	    "flow, created_ms, updated_ms, expires_ms, body)",
	    "missing: publication gb_to_au table state_gb" },
	{ "alter publication gb_to_au add table flow.here",
	    "unexpected: publication gb_to_au table here" },
	{ "drop publication pub_meta", "missing: publication pub_meta" },
	{ "alter policy to_au on flow.state_gb using (true)",
	    "missing: table state_gb policy to_au" },
	{ "create or replace function flow.widen() returns trigger language "
	    "plpgsql as 'begin return new; end'",
	    "missing: function widen" },
};

static void
a_schema_that_diverged_is_told(void **state)
{
	struct store_postgres_config config = config_of("GB");
	struct err err;

	(void)state;
	/* What is an administrator's own business. */
	pg_ask(server.conninfo, "create index on flow.state_gb (updated_ms)");
	pg_ask(server.conninfo, "create view flow.mine as select 1");
	assert_true(store_postgres_check(engine, &config, true, &err));
	for (size_t i = 0; i < sizeof(divergences) / sizeof(divergences[0]);
	    i++) {
		assert_non_null(pg_ask(server.conninfo, divergences[i].sql));
		assert_false(store_postgres_check(engine, &config, true,
		    &err));
		if (strstr(err.text, divergences[i].told) == NULL)
			fail_msg("%s: %s", divergences[i].sql, err.text);
		end_loop(NULL);
		must(make_schema(NULL) == 0);
	}
}

static bool
migrate(const char *const *sql, unsigned count, struct store_migration *done,
    struct err *err)
{
	struct store_postgres_config config = config_of("GB");
	struct pg_migrations m = { sql, count };
	PGconn *conn = pg_admin_connect(server.conninfo, err);
	bool good;

	*done = (struct store_migration){ 0, 0 };
	good = pg_migrate(conn, &m, &config, true, done, err);
	PQfinish(conn);
	return good;
}

/* A version is made whole or not at all; what stands is gone on from; what is
 * newer is left alone. */
static void
a_schema_is_led_from_version_to_version(void **state)
{
	const char *sql[PG_SCHEMA + 3];
	unsigned to = PG_SCHEMA + 3;
	struct store_migration done;
	struct err err;

	(void)state;
	memcpy(sql, pg_migrations.sql, PG_SCHEMA * sizeof(sql[0]));
	sql[PG_SCHEMA] = "create table flow.more (a int)";
	sql[PG_SCHEMA + 1] = "create table flow.half (a int); select 1 / 0";
	sql[PG_SCHEMA + 2] = "create table flow.last (a int)";
	assert_false(migrate(sql, to, &done, &err));
	assert_int_equal(done.from, PG_SCHEMA);
	assert_int_equal(done.to, PG_SCHEMA + 1);
	assert_non_null(strstr(err.text, "division by zero"));
	assert_string_equal(pg_ask(server.conninfo, "select to_regclass("
	    "'flow.more') is not null and to_regclass('flow.half') is null"),
	    "t");

	sql[PG_SCHEMA + 1] = "create table flow.half (a int)";
	assert_true(migrate(sql, to, &done, &err));
	assert_int_equal(done.from, PG_SCHEMA + 1);
	assert_int_equal(done.to, to);
	assert_true(migrate(sql, to, &done, &err));
	assert_int_equal(done.from, to);
	assert_false(migrate(sql, PG_SCHEMA, &done, &err));
	assert_non_null(strstr(err.text, "use the program that made it"));

	pg_ask(server.conninfo, "drop schema flow cascade");
	assert_false(migrate(sql, to, &done, &err));
	assert_non_null(strstr(err.text, "portolan store init"));
}

/* Whichever version a server is on, with its partitions and publications and
 * states in them, it comes to what a new one has. */
static void
every_version_leads_to_the_same_shape(void **state)
{
	struct store_postgres_config config = config_of("GB");
	struct store_migration done;
	struct err err;

	(void)state;
	for (unsigned from = 1; from < PG_SCHEMA; from++) {
		struct pg_migrations older = { pg_migrations.sql, from };
		PGconn *conn;

		must(pg_ask(server.conninfo, "drop schema flow cascade; drop "
		    "publication if exists gb_to_au, pub_meta") != NULL);
		conn = pg_admin_connect(server.conninfo, &err);
		if (!pg_init(conn, &older, &config, true, &err))
			fail_msg("version %u: %s", from, err.text);
		PQfinish(conn);
		pg_ask(server.conninfo, "insert into flow.state (id, home, "
		    "allowed, epoch, version, done, tenant, flow, created_ms, "
		    "updated_ms, expires_ms, body) select gen_random_uuid(), "
		    "h, -1, 1, 1, false, gen_random_uuid(), gen_random_uuid(),"
		    " 1, 1, 0, 'x' from unnest(array['GB', 'AU']) h");
		if (!store_postgres_migrate(server.conninfo, &config, true,
		    &done, &err) || !store_postgres_check(engine, &config,
		    true, &err))
			fail_msg("from version %u: %s", from, err.text);
		assert_int_equal(done.from, from);
		assert_int_equal(done.to, PG_SCHEMA);
		assert_string_equal(pg_ask(server.conninfo, "select "
		    "count(*) from flow.state"), "2");
	}
}

struct migrating {
	pthread_t	 thread;
	const char	*sql[PG_SCHEMA + 2];
	struct store_migration done;
	bool		 good;
};

static void *
migrate_beside(void *arg)
{
	struct migrating *m = arg;
	struct err err;

	m->good = migrate(m->sql, PG_SCHEMA + 2, &m->done, &err);
	if (!m->good)
		fprintf(stderr, "%s\n", err.text);
	return NULL;
}

/* One of them makes each version. */
static void
two_may_migrate_at_once(void **state)
{
	static struct migrating both[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		memcpy(both[i].sql, pg_migrations.sql,
		    PG_SCHEMA * sizeof(char *));
		both[i].sql[PG_SCHEMA] = "create table flow.more (a int)";
		both[i].sql[PG_SCHEMA + 1] = "create table flow.last (a int)";
		assert_int_equal(pthread_create(&both[i].thread, NULL,
		    migrate_beside, &both[i]), 0);
	}
	for (int i = 0; i < 2; i++) {
		pthread_join(both[i].thread, NULL);
		assert_true(both[i].good);
		assert_int_equal(both[i].done.to, PG_SCHEMA + 2);
	}
}

/* Before the server is there, and after it has gone. */
static void
without_a_server_calls_are_refused(void **state)
{
	struct store_row row = a_row(1, "x"), got;
	struct store *store;

	(void)state;
	pg_server_end(&server, SIGINT);
	store = opened("GB");
	assert_int_equal(ask_create(store, &row), STORE_UNAVAILABLE);
	assert_false(health_of(store).good);
	assert_false(health_of(store).ready);
	assert_non_null(strstr(health_of(store).trouble, ".s.PGSQL"));
	assert_true(pg_server_run(&server));
	while (ask_create(store, &row) != STORE_OK)
		;
	assert_true(health_of(store).good);

	pg_server_end(&server, SIGQUIT);	/* at once, without a word */
	assert_int_not_equal(ask_load(store, row.id, 0, &got), STORE_OK);
	assert_true(pg_server_run(&server));
	while (ask_load(store, row.id, 0, &got) != STORE_OK)
		;
	assert_true(slice_is(got.body, "x"));
	store_close(&store);
}

/* A statement that the schema has no room for is named. */
static void
what_cannot_be_prepared_is_told(void **state)
{
	struct store_row row = a_row(1, "x");
	struct store *store;

	(void)state;
	pg_ask(server.conninfo, "alter table flow.state rename column done to "
	    "ended");
	store = opened("GB");
	assert_int_equal(ask_create(store, &row), STORE_UNAVAILABLE);
	assert_non_null(strstr(health_of(store).trouble, "\"done\""));
	store_close(&store);
}

struct ledger {
	unsigned	 asked, answered;
	unsigned	 ends[STORE_UNKNOWN + 1];
	bool		 ok[1000];
};

static struct ledger ledger;

static void
note_answer(void *arg, enum store_end end, const struct store_row *row)
{
	size_t at = (size_t)(uintptr_t)arg;

	(void)row;
	ledger.ends[end]++;
	ledger.ok[at] = end == STORE_OK;
	if (++ledger.answered == ledger.asked || ledger.answered == 200)
		loop_stop(loop);
}

static void
note_end(void *arg, enum store_end end, const struct store_row *row)
{
	(void)arg, (void)row;
	ledger.ends[end]++;
	ledger.answered++;
	loop_stop(loop);
}

/* A server that dies in the middle of many writes: what was said to be done
 * is there, what was said not to be done is not. */
static void
a_dying_server_loses_nothing_acknowledged(void **state)
{
	enum { ROWS = 1000 };
	static struct store_row rows[ROWS];
	struct store *store = opened("GB");
	struct store_row got, first = a_row(0xff, "first");
	unsigned there = 0;

	(void)state;
	memset(&ledger, 0, sizeof(ledger));
	assert_int_equal(ask_create(store, &first), STORE_OK);
	ledger.asked = ROWS;
	for (unsigned n = 0; n < ROWS; n++) {
		rows[n] = a_row(1, "x");
		memcpy(rows[n].id, &n, sizeof(n));
		store->ops->create(store, &rows[n], note_answer,
		    (void *)(uintptr_t)n);
	}
	loop_run(loop);
	pg_server_end(&server, SIGQUIT);
	while (ledger.answered < ROWS)
		loop_run(loop);
	assert_true(pg_server_run(&server));
	while (ask_load(store, first.id, 0, &got) != STORE_OK)
		;
	for (unsigned n = 0; n < ROWS; n++) {
		enum store_end end;
		bool found;

		/* Not every connection is up again. */
		while ((end = ask_load(store, rows[n].id, 0, &got)) ==
		    STORE_UNAVAILABLE)
			;
		found = end == STORE_OK;
		there += found;
		if (ledger.ok[n])
			assert_true(found);
	}
	assert_true(there >= ledger.ends[STORE_OK] && there <=
	    ledger.ends[STORE_OK] + ledger.ends[STORE_UNKNOWN]);
	store_close(&store);
}

/* It is not good until a write is taken that needs room, though others are;
 * reading goes on. */
static void
a_full_disk_is_told_until_there_is_room(void **state)
{
	struct store *store = opened("GB");
	struct store_row row = a_row(1, "x"), more = a_row(2, "y"), got;
	struct store_health health;
	uint64_t removed;

	(void)state;
	assert_int_equal(ask_create(store, &row), STORE_OK);
	must(pg_ask(server.conninfo, "create function flow.full() returns "
	    "trigger language plpgsql as $$ begin raise exception 'could not "
	    "extend file' using errcode = '53100'; end $$; create trigger full_"
	    " before insert on flow.state_gb for each row execute function "
	    "flow.full(); create trigger full_ before insert on flow.scratch "
	    "for each row execute function flow.full()") != NULL);
	assert_int_equal(ask_create(store, &more), STORE_UNAVAILABLE);
	health = health_of(store);
	assert_false(health.good);
	assert_memory_equal(health.trouble, "its disk is full: ", 18);
	assert_int_equal(ask_load(store, row.id, 0, &got), STORE_OK);
	assert_int_equal(ask_expire(store, 1, 1, &removed), STORE_OK);
	assert_false(health_of(store).good);
	must(pg_ask(server.conninfo, "drop function flow.full() cascade") !=
	    NULL);
	while (!health_of(store).good)
		ask_load(store, row.id, 0, &got);
	assert_int_equal(ask_create(store, &more), STORE_OK);
	store_close(&store);
}

/* A server that takes its time: what waits is bounded, and who comes then is
 * told at once. */
static void
a_slow_server_has_a_queue_with_an_end(void **state)
{
	enum { MOST = PG_WRITERS * (PG_QUEUE_MAX + PG_BATCH_MAX), TOO_MANY =
	    MOST + 500 };
	static struct store_row rows[TOO_MANY];
	struct store *store = opened("GB");
	struct store_row first = a_row(0xff, "first");
	PGconn *other = PQconnectdb(server.conninfo);

	(void)state;
	memset(&ledger, 0, sizeof(ledger));
	assert_int_equal(ask_create(store, &first), STORE_OK);
	PQclear(PQexec(other, "begin; lock table flow.state_gb in exclusive "
	    "mode"));
	assert_int_equal(PQtransactionStatus(other), PQTRANS_INTRANS);
	ledger.asked = TOO_MANY;
	for (unsigned n = 0; n < TOO_MANY; n++) {
		rows[n] = a_row(1, "x");
		memcpy(rows[n].id, &n, sizeof(n));
		store->ops->create(store, &rows[n], note_end, NULL);
	}
	while (ledger.answered < TOO_MANY - MOST)
		loop_run(loop);
	assert_true(ledger.ends[STORE_UNAVAILABLE] >= TOO_MANY - MOST);
	assert_int_equal(ledger.ends[STORE_OK], 0);
	PQfinish(other);		/* and its lock goes */
	while (ledger.answered < TOO_MANY)
		loop_run(loop);
	assert_int_equal(ledger.ends[STORE_OK] +
	    ledger.ends[STORE_UNAVAILABLE] + ledger.ends[STORE_UNKNOWN],
	    TOO_MANY);
	store_close(&store);
}

/* One row that cannot be written costs the others of its transaction only
 * the time. */
static void
a_bad_row_fails_alone(void **state)
{
	struct store *store = opened("GB");
	static struct store_row rows[50];

	(void)state;
	memset(&ledger, 0, sizeof(ledger));
	ledger.asked = 50;
	pg_ask(server.conninfo, "alter table flow.state_gb add check "
	    "(length(body) < 100)");
	for (unsigned n = 0; n < 50; n++) {
		static char large[100];

		rows[n] = a_row((uint8_t)n, "x");
		if (n % 20 == 7)
			rows[n].body = (struct slice){ large, sizeof(large) };
		store->ops->create(store, &rows[n], note_answer,
		    (void *)(uintptr_t)n);
	}
	loop_run(loop);
	assert_int_equal(ledger.ends[STORE_OK], 47);
	assert_int_equal(ledger.ends[STORE_UNAVAILABLE], 3);
	assert_false(ledger.ok[7]);
	store_close(&store);
}

/* As where the connection that listens was cut, and nobody told it. */
static void
a_change_without_notice_is_heard(void **state)
{
	struct store *a = opened("GB"), *b = opened("GB");

	(void)state;
	must(pg_ask(server.conninfo, "alter table flow.meta_rev disable "
	    "trigger note") != NULL);
	followed = 0;
	a->ops->docs_watch(a, follow, loop);
	assert_int_equal(put(b, "x", 0, "1"), STORE_OK);
	while (followed < 1)
		loop_run(loop);
	assert_int_equal(health_of(a).revision, 1);
	store_close(&a);
	store_close(&b);
}

static void
a_large_body_has_its_time(void **state)
{
	static char big[STORE_BODY_MAX];
	struct store *store = opened("GB");
	struct store_row row = a_row(3, "small");

	(void)state;
	must(pg_ask(server.conninfo, "create table flow.seen (told text); "
	    "create function flow.look() returns trigger language plpgsql "
	    "security definer as 'begin insert into flow.seen values "
	    "(current_setting(''statement_timeout'')); return new; end'; "
	    "create trigger look before insert or update on flow.state_gb "
	    "for each row execute function flow.look()") != NULL);
	assert_int_equal(ask_create(store, &row), STORE_OK);
	row.body = (struct slice){ big, sizeof(big) };
	assert_int_equal(ask_save(store, &row), STORE_OK);
	row.body = SLICE("small");
	assert_int_equal(ask_save(store, &row), STORE_OK);
	assert_string_equal(pg_ask(server.conninfo, "select "
	    "string_agg(told, ' ') from flow.seen"), "4s 20384ms 4s");
	store_close(&store);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CONTRACT(make_schema, end_loop),
		cmocka_unit_test_setup_teardown(a_store_says_what_is_missing,
		    make_schema, end_loop),
		cmocka_unit_test_setup_teardown(
		    the_shape_is_what_the_files_make, make_schema, end_loop),
		cmocka_unit_test_setup_teardown(
		    a_schema_that_diverged_is_told, make_schema, end_loop),
		cmocka_unit_test_setup_teardown(
		    a_schema_is_led_from_version_to_version, make_schema,
		    end_loop),
		cmocka_unit_test_setup_teardown(
		    every_version_leads_to_the_same_shape, make_schema,
		    end_loop),
		cmocka_unit_test_setup_teardown(two_may_migrate_at_once,
		    make_schema, end_loop),
		cmocka_unit_test_setup_teardown(
		    without_a_server_calls_are_refused, make_schema, end_loop),
		cmocka_unit_test_setup_teardown(
		    what_cannot_be_prepared_is_told, make_schema, end_loop),
		cmocka_unit_test_setup_teardown(
		    a_dying_server_loses_nothing_acknowledged, make_schema,
		    end_loop),
		cmocka_unit_test_setup_teardown(
		    a_full_disk_is_told_until_there_is_room, make_schema,
		    end_loop),
		cmocka_unit_test_setup_teardown(
		    a_slow_server_has_a_queue_with_an_end, make_schema,
		    end_loop),
		cmocka_unit_test_setup_teardown(
		    a_change_without_notice_is_heard, make_schema, end_loop),
		cmocka_unit_test_setup_teardown(a_large_body_has_its_time,
		    make_schema, end_loop),
		cmocka_unit_test_setup_teardown(a_bad_row_fails_alone,
		    make_schema, end_loop),
	};

	return cmocka_run_group_tests(tests, pg_group_begin, pg_group_end);
}

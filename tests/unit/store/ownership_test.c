/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * States that change their home between three regions: step by step, with a
 * fault after each step, and many at once.
 */
#include "ownership.h"

static void
who_saves_brings_it_home(void **state)
{
	struct store_row row = made_in(GB, 1, "made in GB"), mine;

	(void)state;
	must_be(AU, row.id, "GB", 1, 1, "made in GB");
	assert_int_equal(change(AU, row.id, "saved in AU"), STORE_OK);
	assert_string_equal(heard.row.home, "AU");
	assert_string_equal(region_ask(AU, "select home || epoch || version "
	    "|| base from flow.state"), "AU221");
	for (int i = 0; i < REGIONS; i++)
		must_be(i, row.id, "AU", 2, 2, "saved in AU");
	settle();
	assert_string_equal(region_ask(GB, "select count(*) from flow.state"),
	    "0");
	assert_string_equal(region_ask(GB, "select epoch || to_region from "
	    "flow.moved"), "1AU");
	for (int i = 0; i < REGIONS; i++)
		must_be(i, row.id, "AU", 2, 2, "saved in AU");

	/* From then on it is near. */
	assert_int_equal(change(AU, row.id, "again"), STORE_OK);
	/* What GB had loaded before that is not current any more. */
	row.body = SLICE("late");
	assert_int_equal(ask_save(in[GB], &row), STORE_CONFLICT);
	assert_int_equal(ask_load(in[GB], row.id, 0, &mine), STORE_OK);
	mine.body = SLICE("back in GB");
	assert_int_equal(ask_save(in[GB], &mine), STORE_OK);
	assert_int_equal(mine.token.epoch, 3);
	settle();
	for (int i = 0; i < REGIONS; i++)
		must_be(i, row.id, "GB", 3, 4, "back in GB");
}

/* A remove and a restriction do not say where the home is. */
static void
it_is_changed_wherever_it_is(void **state)
{
	struct store_row row = made_in(GB, 1, "x"), got;

	(void)state;
	assert_int_equal(change(AU, row.id, "y"), STORE_OK);
	settle();
	assert_int_equal(ask_remove(in[US], row.id, (struct store_token){ 1,
	    1 }), STORE_CONFLICT);
	assert_int_equal(ask_remove(in[GB], row.id, (struct store_token){ 1,
	    1 }), STORE_CONFLICT);
	assert_int_equal(ask_remove(in[GB], row.id, (struct store_token){ 0 }),
	    STORE_OK);
	for (int i = 0; i < REGIONS; i++)
		assert_int_equal(ask_load(in[i], row.id, 0, &got),
		    STORE_NOT_FOUND);

	/* Restricted to GB while AU has it: it comes back first. */
	row = made_in(GB, 2, "x");
	assert_int_equal(change(AU, row.id, "y"), STORE_OK);
	in[GB]->ops->restrict_to(in[GB], row.id, (struct store_token){ 2, 2 },
	    REGION_BIT(GB), heard_row, NULL);
	assert_int_equal(wait_for_it(in[GB]), STORE_OK);
	settle();
	must_be(GB, row.id, "GB", 3, 3, "y");
	assert_int_equal(ask_load(in[AU], row.id, 0, &got), STORE_ELSEWHERE);
	assert_int_equal(got.body.len, 0);
	assert_string_equal(region_ask(AU, "select count(*) from flow.state"),
	    "0");
}

static void
only_regions_that_may_have_it_get_it(void **state)
{
	struct store_row row = region_row(GB, 1, "for GB and US"), got;

	(void)state;
	row.allowed = REGION_BIT(GB) | REGION_BIT(US);
	assert_int_equal(ask_create(in[GB], &row), STORE_OK);
	assert_int_equal(ask_load(in[AU], row.id, 0, &got), STORE_ELSEWHERE);
	assert_int_equal(got.body.len, 0);
	/* A row that pretends is refused where it would arrive. */
	got.allowed = STORE_ALL_REGIONS;
	got.body = SLICE("stolen");
	assert_int_equal(ask_save(in[AU], &got), STORE_ELSEWHERE);
	settle();
	must_be(GB, row.id, "GB", 1, 1, "for GB and US");
	assert_string_equal(region_ask(AU, "select count(*) from flow.state"),
	    "0");
	assert_int_equal(change(US, row.id, "in US"), STORE_OK);
	must_be(GB, row.id, "US", 2, 2, "in US");
	assert_int_equal(ask_load(in[AU], row.id, 0, &got), STORE_ELSEWHERE);
}

/* Three times in a minute; then whoever saves is forwarded. */
static void
what_moves_too_often_stays(void **state)
{
	static const int tour[] = { AU, US, GB, AU, US };
	struct store_row row = made_in(GB, 1, "x");
	struct store_health health;

	(void)state;
	for (int i = 0; i < 5; i++)
		assert_int_equal(change(tour[i], row.id, "y"), STORE_OK);
	must_be(AU, row.id, "GB", 4, 6, "y");
	assert_int_equal(change(AU, row.id, "forwarded"), STORE_OK);
	in[AU]->ops->health(in[AU], &health);
	assert_int_equal(health.claims, 1);
	assert_int_equal(health.forwards, 2);
	must_be(US, row.id, "GB", 4, 7, "forwarded");
	/* The minute is over. */
	region_ask(GB, "update flow.state_gb set moves_since_ms = "
	    "moves_since_ms - 60001");
	assert_int_equal(change(AU, row.id, "home"), STORE_OK);
	must_be(US, row.id, "AU", 5, 8, "home");
}

/* --- faults between the steps ------------------------------------------------------- */

/* AU begins to claim it, and ends after the first step. */
static struct store_row
frozen(uint8_t n, struct store_row *of_au)
{
	struct store_row row = made_in(GB, n, "old");

	region_break_arrival(AU, true);
	assert_int_equal(ask_load(in[AU], row.id, 0, of_au), STORE_OK);
	of_au->body = SLICE("new");
	memset(of_au->op, 0xa0 + n, sizeof(of_au->op));
	assert_int_equal(ask_save(in[AU], of_au), STORE_UNAVAILABLE);
	assert_string_equal(region_ask(GB, "select moving_to from flow.state "
	    "where moving_to is not null"), "AU");
	return row;
}

static void
a_move_begun_is_ended_by_who_finds_it(void **state)
{
	struct store_row row, of_au, got;

	(void)state;
	/* Nobody writes meanwhile, and nobody is told that he had. */
	row = frozen(1, &of_au);
	row.body = SLICE("at GB");
	assert_int_not_equal(ask_save(in[GB], &row), STORE_OK);
	assert_int_not_equal(ask_load(in[GB], row.id, 0, &got), STORE_OK);
	assert_int_not_equal(ask_load(in[US], row.id, 0, &got), STORE_OK);
	assert_int_not_equal(ask_remove(in[GB], row.id, row.token), STORE_OK);
	region_break_arrival(AU, false);
	/* The old home, which has a save: it is the first at the new one. */
	assert_int_equal(ask_save(in[GB], &row), STORE_OK);
	assert_string_equal(heard.row.home, "AU");
	must_be(US, row.id, "AU", 2, 2, "at GB");
	/* Who had begun it comes too late. */
	assert_int_equal(ask_save(in[AU], &of_au), STORE_CONFLICT);
	assert_int_equal(heard.row.token.version, 2);
	settle();
	must_be(GB, row.id, "AU", 2, 2, "at GB");

	for (int who = 0; who < REGIONS; who++) {
		/* Anybody who reads. */
		row = frozen((uint8_t)(2 + who), &of_au);
		region_break_arrival(AU, false);
		must_be(who, row.id, "AU", 2, 1, "old");
		/* Nothing was saved in between: who had begun goes on, and so
		 * would whoever had loaded it before. */
		assert_int_equal(ask_save(in[AU], &of_au), STORE_OK);
		assert_int_equal(of_au.token.version, 2);
		settle();
		for (int i = 0; i < REGIONS; i++)
			must_be(i, row.id, "AU", 2, 2, "new");
	}

	/* Who began, once more: and again, as if no answer had come. */
	row = frozen(6, &of_au);
	region_break_arrival(AU, false);
	got = of_au;
	assert_int_equal(ask_save(in[AU], &of_au), STORE_OK);
	assert_int_equal(ask_save(in[AU], &got), STORE_OK);
	settle();
	assert_int_equal(got.token.version, 2);
	of_au = got;
	of_au.token = row.token;
	snprintf(of_au.home, sizeof(of_au.home), "GB");
	assert_int_equal(ask_save(in[AU], &of_au), STORE_OK);
	assert_int_equal(of_au.token.version, 2);
	must_be(US, row.id, "AU", 2, 2, "new");

	/* A remove goes where it is. */
	row = frozen(7, &of_au);
	region_break_arrival(AU, false);
	assert_int_equal(ask_remove(in[US], row.id, (struct store_token){ 0 }),
	    STORE_OK);
	assert_int_equal(ask_save(in[AU], &of_au), STORE_CONFLICT);
	settle();
	for (int i = 0; i < REGIONS; i++)
		assert_int_equal(ask_load(in[i], row.id, 0, &got),
		    STORE_NOT_FOUND);
}

/* After the second step, before the third: the frozen row stays, and whatever
 * becomes of the state meanwhile, it does not come back by it. */
static void
a_row_left_behind_does_no_harm(void **state)
{
	struct store_row row, got;

	(void)state;
	region_break_departure(GB, true);
	row = made_in(GB, 1, "x");
	assert_int_equal(change(AU, row.id, "y"), STORE_OK);
	settle();
	assert_string_equal(region_ask(GB, "select count(*) from flow.state"),
	    "1");
	for (int i = 0; i < REGIONS; i++)
		must_be(i, row.id, "AU", 2, 2, "y");
	assert_int_equal(change(US, row.id, "z"), STORE_OK);
	settle();
	for (int i = 0; i < REGIONS; i++)
		must_be(i, row.id, "US", 3, 3, "z");
	/* Back to where it was left. */
	region_break_departure(GB, false);
	assert_int_equal(change(GB, row.id, "home"), STORE_OK);
	settle();
	for (int i = 0; i < REGIONS; i++)
		must_be(i, row.id, "GB", 4, 4, "home");

	region_break_departure(GB, true);
	row = made_in(GB, 2, "x");
	assert_int_equal(change(AU, row.id, "y"), STORE_OK);
	settle();
	assert_int_equal(ask_remove(in[AU], row.id, (struct store_token){ 0 }),
	    STORE_OK);
	for (int i = 0; i < REGIONS; i++)
		assert_int_equal(ask_load(in[i], row.id, 0, &got),
		    STORE_NOT_FOUND);
	region_break_departure(GB, false);
	assert_string_equal(region_ask(GB, "select count(*) from "
	    "flow.state_conflict"), "0");
}

/* A second step that comes very late: whatever has become of the state. */
static void
a_late_arrival_is_turned_away(void **state)
{
	struct store_row row = made_in(GB, 1, "x"), got;

	(void)state;
	assert_int_equal(change(AU, row.id, "y"), STORE_OK);
	assert_false(region_arrives(AU, &row, 2, 1, "late"));
	assert_int_equal(change(US, row.id, "z"), STORE_OK);
	assert_false(region_arrives(AU, &row, 2, 1, "late"));
	settle();
	assert_false(region_arrives(AU, &row, 2, 1, "late"));
	assert_int_equal(ask_remove(in[US], row.id, (struct store_token){ 0 }),
	    STORE_OK);
	assert_false(region_arrives(US, &row, 3, 2, "late"));
	assert_false(region_arrives(AU, &row, 2, 1, "late"));
	for (int i = 0; i < REGIONS; i++)
		assert_int_equal(ask_load(in[i], row.id, 0, &got),
		    STORE_NOT_FOUND);
}

/* One who brings a save along waits for another who brings the row without one;
 * and is held up once more, just before he writes. */
struct late {
	PGconn		*lock, *other, *save;
	struct store_row row;
};

static void
save_late(struct late *l, uint8_t n)
{
	struct store_row of_au;
	char sql[700];

	l->row = frozen(n, &of_au);
	region_break_arrival(AU, false);
	region_ask(AU, "create or replace function flow.hold() returns trigger"
	    " language plpgsql as 'begin perform pg_advisory_xact_lock(7099, 1);"
	    " return null; end'; create or replace trigger hold before update on"
	    " flow.state for each statement execute function flow.hold()");
	l->lock = region_connect(AU);
	region_begin(l->lock, "select pg_advisory_lock(7099, 1)");
	region_end(l->lock);
	l->other = region_connect(AU);
	region_arrival(sql, &l->row, 2, 1, 1, "old");
	region_begin(l->other, "begin");
	region_end(l->other);
	region_begin(l->other, sql);
	assert_true(region_end(l->other));
	l->save = region_connect(AU);
	region_arrival(sql, &l->row, 2, 1, 2, "late");
	region_begin(l->save, sql);
	region_wait_for_lock(AU, "7068");
	region_begin(l->other, "commit");
	region_end(l->other);
	region_wait_for_lock(AU, "7099");
}

/* Whether it was taken. */
static bool
late_save(struct late *l)
{
	bool done;

	region_begin(l->lock, "select pg_advisory_unlock(7099, 1)");
	region_end(l->lock);
	done = region_end(l->save);
	PQfinish(l->lock);
	PQfinish(l->other);
	PQfinish(l->save);
	return done;
}

/* What was acknowledged in between stays. */
static void
a_late_save_takes_no_others_place(void **state)
{
	struct late l;

	(void)state;
	save_late(&l, 1);
	assert_int_equal(change(AU, l.row.id, "meanwhile"), STORE_OK);
	assert_false(late_save(&l));
	settle();
	for (int i = 0; i < REGIONS; i++)
		must_be(i, l.row.id, "AU", 2, 2, "meanwhile");
	/* A frozen row is final: US is going to have it as it was. */
	save_late(&l, 2);
	region_ask(AU, "update flow.state_au set moving_to = 'US', frozen_ms ="
	    " flow.now_ms() where body = 'old'");
	assert_false(late_save(&l));
	for (int i = 0; i < REGIONS; i++)
		must_be(i, l.row.id, "US", 3, 1, "old");
	/* Nobody was in between. */
	save_late(&l, 3);
	assert_true(late_save(&l));
	for (int i = 0; i < REGIONS; i++)
		must_be(i, l.row.id, "AU", 2, 2, "late");
}

/* --- many at once -------------------------------------------------------------------- */

enum { WRITERS = 6, ROUNDS = 60, RACED = 3 };

struct writer {
	pthread_t	 thread;
	int		 region;
	struct loop	*loop;
	struct store	*store;
	unsigned	 seed, done[RACED];
	uint8_t		 id[RACED][16];
	/* of the question at hand */
	enum store_end	 end;
	struct store_row row;
	struct buf	 body;
	bool		 mine[RACED][WRITERS * ROUNDS + 2];
};

static void
on_row(void *arg, enum store_end end, const struct store_row *row)
{
	struct writer *w = arg;

	w->end = end;
	if (row != NULL) {
		w->row = *row;
		buf_clear(&w->body);
		buf_slice(&w->body, row->body);
	}
	loop_stop(w->loop);
}

static enum store_end
count_one(struct writer *w, int which)
{
	struct store_row row;
	char text[16];

	w->store->ops->load(w->store, w->id[which], 0, STORE_ALL_REGIONS, on_row,
	    w);
	loop_run(w->loop);
	if (w->end != STORE_OK)
		return w->end;
	row = w->row;
	snprintf(text, sizeof(text), "%d", atoi(buf_cstr(&w->body)) + 1);
	row.body = slice_of(text);
	for (size_t i = 0; i < sizeof(row.op); i++)
		row.op[i] = (uint8_t)rand_r(&w->seed);
	do {
		w->store->ops->save(w->store, &row, on_row, w);
		loop_run(w->loop);
	} while (w->end == STORE_UNKNOWN || w->end == STORE_MOVING);
	return w->end;
}

static void *
write_many(void *arg)
{
	struct writer *w = arg;

	w->loop = loop_new();
	w->store = region_open(w->region, w->loop, "");
	for (int round = 0; round < ROUNDS; round++) {
		int which = round % RACED;

		while (count_one(w, which) != STORE_OK)
			;
		/* Nobody else was told the same. */
		w->mine[which][w->row.token.version] = true;
		w->done[which]++;
	}
	store_close(&w->store);
	loop_free(&w->loop);
	buf_fini(&w->body);
	return NULL;
}

/* Each from a region, to the same states: each version has one who wrote it,
 * and none of those that were acknowledged is missing. */
static void
one_of_many_wins_each_version(void **state)
{
	static struct writer writers[WRITERS];
	struct store_row rows[RACED], got;

	(void)state;
	for (int i = 0; i < RACED; i++)
		rows[i] = made_in(i % REGIONS, (uint8_t)(1 + i), "0");
	for (int i = 0; i < WRITERS; i++) {
		struct writer *w = &writers[i];

		*w = (struct writer){ .region = i % REGIONS,
		    .seed = (unsigned)i + 1 };
		for (int k = 0; k < RACED; k++)
			memcpy(w->id[k], rows[k].id, 16);
		assert_int_equal(pthread_create(&w->thread, NULL, write_many,
		    w), 0);
	}
	for (int i = 0; i < WRITERS; i++)
		assert_int_equal(pthread_join(writers[i].thread, NULL), 0);
	settle();		/* nobody has turned our own loop for long */
	for (int k = 0; k < RACED; k++) {
		char text[16];

		assert_int_equal(ask_load(in[GB], rows[k].id, 0, &got),
		    STORE_OK);
		assert_int_equal(got.token.version, 1 + WRITERS * ROUNDS /
		    RACED);
		snprintf(text, sizeof(text), "%d", WRITERS * ROUNDS / RACED);
		assert_true(slice_is(got.body, text));
		for (uint64_t v = 2; v <= got.token.version; v++) {
			int winners = 0;

			for (int i = 0; i < WRITERS; i++)
				winners += writers[i].mine[k][v];
			assert_int_equal(winners, 1);
		}
	}
}

/* Metadata is written in the main region alone, also where its newest revision
 * has been replicated to. */
static void
metadata_stays_where_it_is(void **state)
{
	struct store_doc doc = { .kind = "flow", .key = "x",
	    .body = SLICE("1") };

	(void)state;
	region_ask(AU, "insert into flow.meta_rev values (true, 7)");
	in[AU]->ops->doc_put(in[AU], &doc, heard_doc, NULL);
	assert_int_equal(wait_for_it(in[AU]), STORE_UNAVAILABLE);
	assert_string_equal(region_ask(AU, "select count(*) from flow.meta"),
	    "0");
	in[GB]->ops->doc_put(in[GB], &doc, heard_doc, NULL);
	assert_int_equal(wait_for_it(in[GB]), STORE_OK);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_saves_brings_it_home),
		TEST(it_is_changed_wherever_it_is),
		TEST(only_regions_that_may_have_it_get_it),
		TEST(what_moves_too_often_stays),
		TEST(a_move_begun_is_ended_by_who_finds_it),
		TEST(a_row_left_behind_does_no_harm),
		TEST(a_late_arrival_is_turned_away),
		TEST(a_late_save_takes_no_others_place),
		TEST(one_of_many_wins_each_version),
		TEST(metadata_stays_where_it_is),
	};

	return cmocka_run_group_tests(tests, start, stop);
}

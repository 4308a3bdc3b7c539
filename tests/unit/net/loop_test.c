/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "net/chunk.h"
#include "net/loop.h"

static struct loop *loop;
static char trace[256];

static void
mark(char c)
{
	size_t len = strlen(trace);

	assert_true(len + 1 < sizeof(trace));
	trace[len] = c;
	trace[len + 1] = '\0';
}

static int
set_up(void **state)
{
	(void)state;
	loop = loop_new();
	trace[0] = '\0';
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	loop_free(&loop);
	assert_null(loop);
	return 0;
}

/* --- timers -------------------------------------------------------------------- */

struct alarm {
	struct timer	 timer;
	uint64_t	 asked_ms, fired_ms;
};

static int waiting;

static void
on_alarm(struct timer *timer)
{
	struct alarm *a = list_entry(timer, struct alarm, timer);

	assert_false(timer_is_set(timer));
	a->fired_ms = clock_ms();
	if (--waiting == 0)
		loop_stop(loop);
}

static void
timers_are_never_early(void **state)
{
	static const uint64_t delays[] = { 0, 1, 31, 32, 33, 64, 100, 150, 151,
	    200 };
	enum { N = sizeof(delays) / sizeof(delays[0]) };
	struct alarm alarms[N];
	/* The time that timers count from, which stands between turns. */
	uint64_t began = loop->now_ms;

	(void)state;
	waiting = N;
	for (int i = 0; i < N; i++) {
		timer_init(&alarms[i].timer, on_alarm);
		timer_set(loop, &alarms[i].timer, delays[i]);
	}
	loop_run(loop);
	for (int i = 0; i < N; i++)
		assert_true(alarms[i].fired_ms - began + 1 >= delays[i]);
	/* Two steps of the wheel, and a busy machine. */
	assert_true(alarms[N - 1].fired_ms - began < delays[N - 1] + 1000);
}

/* An hour is beyond the wheel; moved near, it comes, moved away, it does not. */
static void
timers_move(void **state)
{
	struct alarm near_one, far_one, cancelled, put_off;
	uint64_t began = clock_ms();

	(void)state;
	waiting = 2;
	timer_init(&near_one.timer, on_alarm);
	timer_init(&far_one.timer, on_alarm);
	timer_init(&cancelled.timer, on_alarm);
	timer_init(&put_off.timer, on_alarm);
	timer_set(loop, &near_one.timer, 3600 * 1000);
	timer_set(loop, &near_one.timer, 40);
	timer_set(loop, &far_one.timer, 10);
	timer_set(loop, &far_one.timer, 3600 * 1000);
	timer_set(loop, &cancelled.timer, 20);
	timer_cancel(&cancelled.timer);
	timer_cancel(&cancelled.timer);
	timer_set(loop, &put_off.timer, 20);
	timer_set(loop, &put_off.timer, 120);
	loop_run(loop);
	assert_true(near_one.fired_ms - began + 1 >= 40);
	assert_true(put_off.fired_ms - began + 1 >= 120);
	assert_true(timer_is_set(&far_one.timer));
	assert_false(timer_is_set(&cancelled.timer));
	timer_cancel(&far_one.timer);
}

/* --- tasks ---------------------------------------------------------------------- */

static struct task first, second, third;

static void
on_first(struct task *task)
{
	assert_ptr_equal(task, &first);
	mark('1');
	task_set(loop, &third);
	task_cancel(&second);
	task_cancel(&second);
}

static void
on_second(struct task *task)
{
	(void)task;
	mark('2');
}

static void
on_third(struct task *task)
{
	(void)task;
	mark('3');
	loop_stop(loop);
}

static void
tasks_run_at_the_end_of_a_turn(void **state)
{
	(void)state;
	task_init(&first, on_first);
	task_init(&second, on_second);
	task_init(&third, on_third);
	task_set(loop, &first);
	task_set(loop, &first);
	task_set(loop, &second);
	mark('0');
	loop_run(loop);
	assert_string_equal(trace, "013");
}

/* --- the mailbox ------------------------------------------------------------------ */

enum { LETTERS = 20000 };
static unsigned letters;

static void
on_letter(void *arg)
{
	assert_int_equal((uintptr_t)arg, letters);
	if (++letters == LETTERS)
		loop_stop(loop);
}

static void *
write_letters(void *arg)
{
	(void)arg;
	for (uintptr_t i = 0; i < LETTERS; i++)
		loop_post(loop, on_letter, (void *)i);
	return NULL;
}

static void
letters_come_in_order(void **state)
{
	pthread_t writer;

	(void)state;
	letters = 0;
	assert_int_equal(pthread_create(&writer, NULL, write_letters, NULL), 0);
	loop_run(loop);
	assert_int_equal(pthread_join(writer, NULL), 0);
	assert_int_equal(letters, LETTERS);
}

static void *
stop_it(void *arg)
{
	(void)arg;
	loop_stop(loop);
	return NULL;
}

static void
another_thread_stops_it(void **state)
{
	pthread_t stopper;

	(void)state;
	assert_int_equal(pthread_create(&stopper, NULL, stop_it, NULL), 0);
	loop_run(loop);
	assert_int_equal(pthread_join(stopper, NULL), 0);
}

/* What was posted and never delivered is freed with the loop. */
static void
undelivered_letters_are_dropped(void **state)
{
	(void)state;
	loop_post(loop, on_letter, NULL);
	loop_post(loop, on_letter, NULL);
}

static void
take_back(void *arg)
{
	loop_unpost(loop, on_letter, arg);
	loop_stop(loop);
}

/* Also one that came in the same turn. */
static void
letters_can_be_taken_back(void **state)
{
	static int other;

	(void)state;
	letters = 0;
	loop_post(loop, on_letter, NULL);
	loop_post(loop, take_back, &other);
	loop_post(loop, on_letter, &other);
	loop_run(loop);
	assert_int_equal(letters, 1);
	loop_post(loop, on_letter, &other);
	take_back(&other);
	loop_run(loop);
	assert_int_equal(letters, 1);
}

/* --- signals, time, memory ---------------------------------------------------------- */

static void
on_usr1(void *arg)
{
	mark(*(char *)arg);
	loop_stop(loop);
}

static void
signals_arrive_on_the_loop(void **state)
{
	char c = 'u';

	(void)state;
	loop_on_signal(loop, SIGUSR1, on_usr1, &c);
	kill(getpid(), SIGUSR1);
	loop_run(loop);
	assert_string_equal(trace, "u");
}

static struct alarm tick;
static uint64_t seen_us;

static void
on_tick(struct timer *timer)
{
	(void)timer;
	/* a timer is of whole milliseconds, as the loop counts them */
	assert_true(loop->now_us / 1000 >= seen_us / 1000 + 30);
	assert_int_equal(loop->now_us / 1000, loop->now_ms);
	loop_stop(loop);
}

static void
time_stands_still_within_a_turn(void **state)
{
	(void)state;
	seen_us = loop->now_us;
	timer_init(&tick.timer, on_tick);
	timer_set(loop, &tick.timer, 30);
	loop_run(loop);
}

static void
chunks_are_lent_again(void **state)
{
	struct chunk *small = chunk_take(loop, 1);
	struct chunk *large = chunk_take(loop, CHUNK_SMALL + 1);

	(void)state;
	assert_int_equal(chunk_room(small), CHUNK_SMALL);
	assert_int_equal(chunk_room(large), CHUNK_LARGE);
	assert_int_equal(chunk_add(small, "abc", 3), 3);
	assert_true(slice_is(chunk_all(small), "abc"));
	chunk_give(loop, small);
	chunk_give(loop, large);
	assert_ptr_equal(chunk_take(loop, CHUNK_SMALL), small);
	assert_int_equal(chunk_all(small).len, 0);
	assert_ptr_equal(chunk_take(loop, CHUNK_LARGE), large);
	chunk_give(loop, small);
	chunk_give(loop, large);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(timers_are_never_early),
		TEST(timers_move),
		TEST(tasks_run_at_the_end_of_a_turn),
		TEST(letters_come_in_order),
		TEST(another_thread_stops_it),
		TEST(letters_can_be_taken_back),
		TEST(undelivered_letters_are_dropped),
		TEST(signals_arrive_on_the_loop),
		TEST(time_stands_still_within_a_turn),
		TEST(chunks_are_lent_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

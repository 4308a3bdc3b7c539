/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "base/gentle.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"

enum {
	NEVER_MS = 60000,
	A_WHILE_MS = 20,		/* many turns long */
};

static unsigned
turns(struct gentle *g)
{
	return atomic_load_explicit(&g->turns, memory_order_relaxed);
}

/* Works until it has given way so often; false: it does not. */
static bool
work(struct gentle *g, unsigned count)
{
	uint64_t end = clock_ms() + NEVER_MS;

	while (turns(g) < count)
		if (clock_ms() > end)
			return false;
	return true;
}

static void
work_for(uint64_t ms)
{
	uint64_t end = clock_ms() + ms;

	while (clock_ms() < end)
		continue;
}

static void
test_it_gives_way_again_and_again(void **state)
{
	struct gentle g;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		gentle_begin(&g);
		assert_true(g.on);
		assert_true(work(&g, 4));
		assert_true(g.lost_us >= 4 * 20);
		gentle_end(&g);
	}
}

static void
test_afterwards_it_is_as_before(void **state)
{
	struct gentle g;
	sigset_t before, after;
	unsigned count;
	int policy = sched_getscheduler(0);

	(void)state;
	pthread_sigmask(SIG_SETMASK, NULL, &before);
	gentle_begin(&g);
	if (policy == SCHED_OTHER)
		assert_int_equal(sched_getscheduler(0), SCHED_BATCH);
	assert_true(work(&g, 1));
	gentle_end(&g);
	assert_int_equal(sched_getscheduler(0), policy);
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	assert_int_equal(sigismember(&before, SIGRTMIN),
	    sigismember(&after, SIGRTMIN));
	count = turns(&g);
	work_for(A_WHILE_MS);
	assert_int_equal(turns(&g), count);
}

static void
test_its_patience_ends(void **state)
{
	struct gentle g;
	unsigned count;

	(void)state;
	gentle_begin(&g);
	assert_true(work(&g, 1));
	g.lost_us = 5000 * 1000;
	work_for(A_WHILE_MS);		/* one was on its way */
	count = turns(&g);
	work_for(A_WHILE_MS);
	gentle_end(&g);
	assert_int_equal(turns(&g), count);
}

/* When the other has been interrupted many times.  (It is not counted: TSan
 * keeps signals back while a thread reads.) */
static void *
write_later(void *arg)
{
	int *fd = arg;

	work_for(A_WHILE_MS);
	return write(*fd, "x", 1) == 1 ? NULL : arg;
}

static void
test_a_call_that_waits_goes_on_waiting(void **state)
{
	struct gentle g;
	pthread_t thread;
	void *trouble;
	int fds[2];
	char byte;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	gentle_begin(&g);
	assert_int_equal(pthread_create(&thread, NULL, write_later,
	    &fds[1]), 0);
	assert_int_equal(read(fds[0], &byte, 1), 1);
	assert_int_equal(pthread_join(thread, &trouble), 0);
	assert_null(trouble);
	gentle_end(&g);
	close(fds[0]);
	close(fds[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_gives_way_again_and_again),
		cmocka_unit_test(test_afterwards_it_is_as_before),
		cmocka_unit_test(test_its_patience_ends),
		cmocka_unit_test(test_a_call_that_waits_goes_on_waiting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "base/gentle.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"

enum {
	NEVER_MS = 60000,
	A_WHILE_MS = 20,		/* many turns long */
};

/* Works until it has given way so often more; false: it does not. */
static bool
turns_come(unsigned count)
{
	uint64_t end = clock_ms() + NEVER_MS;
	unsigned before = gentle_turns();

	while (gentle_turns() - before < count)
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

static int
own_priority(void)
{
	return getpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid));
}

/* What was seen while it worked; assertions belong to the test's thread. */
struct seen {
	bool		 turns;
	uint64_t	 took_us;
	int		 policy, priority;
	bool		 blocked;	/* SIGTERM */
};

static void
look(void *arg)
{
	struct seen *seen = arg;
	uint64_t before = clock_us();
	sigset_t mask;

	seen->turns = turns_come(4);
	seen->took_us = clock_us() - before;
	seen->policy = sched_getscheduler(0);
	seen->priority = own_priority();
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	seen->blocked = sigismember(&mask, SIGTERM) == 1;
}

static void
test_it_gives_way_again_and_again(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct seen seen = { .turns = false };

		gentle_do(look, &seen);
		assert_true(seen.turns);
		/* From one to the next, a turn and the pause before it. */
		assert_true(seen.took_us > 3 * 250);
	}
}

static void
test_it_counts_for_less(void **state)
{
	struct seen seen = { .turns = false };
	int policy = sched_getscheduler(0), before = own_priority();

	(void)state;
	if (policy != SCHED_OTHER)
		skip();
	gentle_do(look, &seen);
	assert_int_equal(seen.policy, SCHED_BATCH);
	assert_true(seen.priority > before || seen.priority == 19);
	assert_true(seen.blocked);
}

static void
test_its_caller_is_as_before(void **state)
{
	struct seen seen = { .turns = false };
	sigset_t before, after;
	int policy = sched_getscheduler(0), priority = own_priority();

	(void)state;
	pthread_sigmask(SIG_SETMASK, NULL, &before);
	gentle_do(look, &seen);
	assert_int_equal(sched_getscheduler(0), policy);
	assert_int_equal(own_priority(), priority);
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	for (int number = 1; number <= SIGRTMAX; number++)
		assert_int_equal(sigismember(&before, number),
		    sigismember(&after, number));
	assert_int_equal(gentle_turns(), 0);
}

static void
work_within(void *arg)
{
	struct seen *seen = arg;

	gentle_do(look, seen);
	seen->turns &= turns_come(2);
}

static void
test_work_may_have_such_work_done(void **state)
{
	struct seen seen = { .turns = false };

	(void)state;
	gentle_do(work_within, &seen);
	assert_true(seen.turns);
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
read_one(void *arg)
{
	int *fds = arg;
	pthread_t thread;
	void *trouble;
	char byte;

	if (pthread_create(&thread, NULL, write_later, &fds[1]) != 0)
		return;
	fds[2] = (int)read(fds[0], &byte, 1);
	if (pthread_join(thread, &trouble) != 0 || trouble != NULL)
		fds[2] = -1;
}

static void
test_a_call_that_waits_goes_on_waiting(void **state)
{
	int fds[3] = { -1, -1, -1 };

	(void)state;
	assert_int_equal(pipe(fds), 0);
	gentle_do(read_one, fds);
	assert_int_equal(fds[2], 1);
	close(fds[0]);
	close(fds[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_gives_way_again_and_again),
		cmocka_unit_test(test_it_counts_for_less),
		cmocka_unit_test(test_its_caller_is_as_before),
		cmocka_unit_test(test_work_may_have_such_work_done),
		cmocka_unit_test(test_a_call_that_waits_goes_on_waiting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

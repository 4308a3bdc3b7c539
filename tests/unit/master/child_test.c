/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "master/child.h"

enum { CRASHED = 11, EXIT_SEVEN = 7 << 8 };	/* as wait(2) says it */

/* What it may do is not the matter here: sandbox_test.c. */
static const struct config config = { .sandbox = false };
static const struct generation generation = { .config = &config };

static const struct identity nobody_else = { .change = false };

static void
pauses_grow_and_are_forgotten(void **state)
{
	static const uint64_t pauses[] = { 100, 200, 400, 800, 1600, 3200,
	    6400, 10000, 10000 };
	struct child *c = child_new(ROLE_CONSOLE, 0, "p.yaml", &generation);

	(void)state;
	for (size_t i = 0; i < sizeof(pauses) / sizeof(*pauses); i++) {
		uint64_t before = clock_ms();

		c->state = CHILD_RUNNING;
		c->start_ms = before;
		child_ended(c, CRASHED);
		assert_int_equal(c->state, CHILD_WAITING);
		assert_in_range(c->start_ms - before, pauses[i],
		    pauses[i] + 1000);
		assert_int_equal(c->restarts, i + 1);
	}
	/* It lived for long: what was wrong then is over. */
	c->state = CHILD_RUNNING;
	c->start_ms = clock_ms() - 31000;
	child_ended(c, EXIT_SEVEN);
	assert_in_range(c->start_ms - clock_ms(), 0, 100);
	child_free(&c);
}

static void
who_was_asked_to_end_stays_so(void **state)
{
	struct child *c = child_new(ROLE_CONSOLE, 0, "p.yaml", &generation);

	(void)state;
	c->state = CHILD_ENDING;
	child_ended(c, 0);
	assert_int_equal(c->state, CHILD_GONE);
	assert_int_equal(c->restarts, 0);
	child_free(&c);
}

static enum child_word
next_word(struct child *c)
{
	struct pollfd wait = { .fd = c->notify_fd, .events = POLLIN };

	assert_int_equal(poll(&wait, 1, 20000), 1);
	return child_hear(c);
}

static int
say_two_words(const struct role *role)
{
	if (write(role->notify_fd, "READY\n", 6) != 6 ||
	    write(role->notify_fd, "RELOAD ok\n", 10) != 10)
		return 1;
	return 7;
}

static void
words_are_heard_one_by_one(void **state)
{
	struct child *c = child_new(ROLE_CONSOLE, 0, "p.yaml", &generation);
	int status;

	(void)state;
	child_start(c, say_two_words, &nobody_else);
	assert_int_equal(c->state, CHILD_RUNNING);
	assert_false(c->ready);
	assert_int_equal(next_word(c), WORD_READY);
	assert_true(c->ready);
	assert_int_equal(next_word(c), WORD_RELOADED);
	assert_int_equal(next_word(c), WORD_NONE);	/* it has left */
	assert_int_equal(waitpid(c->pid, &status, 0), c->pid);
	assert_int_equal(status, EXIT_SEVEN);
	child_ended(c, status);
	child_free(&c);
}

/* 0 if HUP comes within the time. */
static int
wait_for_hup(const struct role *role)
{
	struct timespec most = { .tv_sec = 20 };
	sigset_t hup;

	sigemptyset(&hup);
	sigaddset(&hup, SIGHUP);
	sigprocmask(SIG_BLOCK, &hup, NULL);
	signal(SIGHUP, SIG_DFL);
	if (write(role->notify_fd, "READY\n", 6) != 6)
		return 1;
	return sigtimedwait(&hup, NULL, &most) == SIGHUP ? 0 : 1;
}

static void
hup_waits_until_it_is_ready(void **state)
{
	struct child *c = child_new(ROLE_CONSOLE, 0, "p.yaml", &generation);
	int status;

	(void)state;
	child_start(c, wait_for_hup, &nobody_else);
	child_hang_up(c);
	assert_int_equal(next_word(c), WORD_READY);
	assert_int_equal(waitpid(c->pid, &status, 0), c->pid);
	assert_int_equal(status, 0);
	child_ended(c, status);
	child_free(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pauses_grow_and_are_forgotten),
		cmocka_unit_test(who_was_asked_to_end_stays_so),
		cmocka_unit_test(words_are_heard_one_by_one),
		cmocka_unit_test(hup_waits_until_it_is_ready),
	};

	log_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

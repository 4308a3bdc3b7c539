/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/log.h"
#include "edge/log_names.h"

/* What the made-up resolver says, and how often it was asked and heard. */
static struct {
	pthread_mutex_t	 lock;
	pthread_cond_t	 turn;
	const char	*answer;	/* NULL: not found */
	bool		 hangs;
	unsigned	 asked, answered;
} w = { .lock = PTHREAD_MUTEX_INITIALIZER, .turn = PTHREAD_COND_INITIALIZER };

static bool
ask(const char *name, struct addr *addr, char why[128])
{
	bool found;

	assert_non_null(name);
	pthread_mutex_lock(&w.lock);
	w.asked++;
	pthread_cond_broadcast(&w.turn);
	while (w.hangs)
		pthread_cond_wait(&w.turn, &w.lock);
	found = w.answer != NULL && addr_parse(addr, slice_of(w.answer));
	snprintf(why, 128, "made up");
	pthread_mutex_unlock(&w.lock);
	return found;
}

static void
on_answer(void *arg)
{
	assert_ptr_equal(arg, &w);
	pthread_mutex_lock(&w.lock);
	w.answered++;
	pthread_cond_broadcast(&w.turn);
	pthread_mutex_unlock(&w.lock);
}

static void
say(const char *answer, bool hangs)
{
	pthread_mutex_lock(&w.lock);
	w.answer = answer;
	w.hangs = hangs;
	pthread_cond_broadcast(&w.turn);
	pthread_mutex_unlock(&w.lock);
}

static void
await(const unsigned *counter, unsigned least)
{
	pthread_mutex_lock(&w.lock);
	while (*counter < least)
		pthread_cond_wait(&w.turn, &w.lock);
	pthread_mutex_unlock(&w.lock);
}

static int
begin(void **state)
{
	(void)state;
	w.asked = w.answered = 0;
	log_level(LOG_LEVEL_ERROR);
	return 0;
}

static void
finds(struct log_names *n, const char *name, const char *address)
{
	char text[ADDR_TEXT_MAX], why[128];
	struct addr addr;

	assert_int_equal(log_names_find(n, name, &addr, why), LOG_NAME_FOUND);
	assert_string_equal(addr_text(&addr, text), address);
}

static void
an_answer_comes_by_itself_and_stays(void **state)
{
	struct log_names *n = log_names_new(on_answer, &w, ask, 1000000);
	struct addr addr;
	char why[128];

	(void)state;
	say("192.0.2.1", true);
	assert_int_equal(log_names_find(n, "a", &addr, why), LOG_NAME_ASKED);
	await(&w.asked, 1);		/* it hangs, and nobody waits */
	assert_int_equal(log_names_find(n, "a", &addr, why), LOG_NAME_ASKED);
	say("192.0.2.1", false);
	await(&w.answered, 1);
	finds(n, "a", "192.0.2.1");
	finds(n, "a", "192.0.2.1");
	assert_int_equal(w.asked, 1);
	log_names_free(&n);
}

static void
the_last_good_one_is_kept(void **state)
{
	struct log_names *n = log_names_new(on_answer, &w, ask, 0);
	struct addr addr;
	char why[128];

	(void)state;
	say(NULL, false);
	log_names_find(n, "a", &addr, why);
	await(&w.answered, 1);
	assert_int_equal(log_names_find(n, "a", &addr, why),
	    LOG_NAME_UNKNOWN);
	assert_string_equal(why, "made up");
	await(&w.answered, 2);
	say("192.0.2.1", false);
	log_names_find(n, "a", &addr, why);
	await(&w.answered, 3);
	say(NULL, false);
	finds(n, "a", "192.0.2.1");
	await(&w.answered, 4);
	finds(n, "a", "192.0.2.1");	/* though it is not found any more */
	await(&w.answered, 5);
	say("2001:db8::1", false);
	log_names_find(n, "a", &addr, why);
	await(&w.answered, 6);
	finds(n, "a", "2001:db8::1");
	await(&w.answered, 7);
	log_names_free(&n);
}

static void
whoever_hangs_is_left_to_itself(void **state)
{
	struct log_names *n = log_names_new(on_answer, &w, ask, 1000000);
	struct addr addr;
	char why[128];

	(void)state;
	say("192.0.2.1", true);
	log_names_find(n, "a", &addr, why);
	log_names_find(n, "b", &addr, why);
	await(&w.asked, 1);
	log_names_free(&n);
	assert_null(n);
	say("192.0.2.1", false);	/* it frees what is left */
	assert_int_equal(w.answered, 0);
}

static void
the_system_knows_this_machine(void **state)
{
	struct addr addr;
	char why[128];

	(void)state;
	assert_true(log_names_ask_system("127.0.0.1", &addr, why));
	assert_false(log_names_ask_system("no such name", &addr, why));
	assert_true(strlen(why) > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(an_answer_comes_by_itself_and_stays,
		    begin),
		cmocka_unit_test_setup(the_last_good_one_is_kept, begin),
		cmocka_unit_test_setup(the_system_knows_this_machine, begin),
		cmocka_unit_test_setup(whoever_hangs_is_left_to_itself, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/handover.h"

static int ends[2];

static int
setup(void **state)
{
	(void)state;
	return socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends);
}

static int
teardown(void **state)
{
	(void)state;
	close(ends[0]);
	close(ends[1]);
	return 0;
}

static void
descriptors_arrive_and_work(void **state)
{
	int pipes[2], fds[HANDOVER_FDS];
	char text[HANDOVER_TEXT], c = 0;

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	assert_true(handover_send(ends[0], "plain", pipes, 2));
	assert_int_equal(handover_receive(ends[1], text, fds, 1000), 2);
	assert_string_equal(text, "plain");
	assert_int_equal(write(fds[1], "x", 1), 1);
	assert_int_equal(read(pipes[0], &c, 1), 1);
	assert_int_equal(c, 'x');
	for (int i = 0; i < 2; i++) {
		close(pipes[i]);
		close(fds[i]);
	}
}

static void
words_come_alone_and_in_order(void **state)
{
	char text[HANDOVER_TEXT];
	int fds[HANDOVER_FDS];

	(void)state;
	assert_true(handover_send(ends[0], "one", NULL, 0));
	assert_true(handover_send(ends[0], "two", NULL, 0));
	assert_int_equal(handover_receive(ends[1], text, fds, 1000), 0);
	assert_string_equal(text, "one");
	assert_int_equal(handover_receive(ends[1], text, fds, 1000), 0);
	assert_string_equal(text, "two");
	assert_int_equal(handover_receive(ends[1], text, fds, 0), -1);
}

/* The kernel tells of what the other side never read first. */
static void
last_words_are_heard(void **state)
{
	char text[HANDOVER_TEXT];
	int fds[HANDOVER_FDS];

	(void)state;
	assert_true(handover_send(ends[0], "not read", NULL, 0));
	assert_true(handover_send(ends[1], "last", NULL, 0));
	close(ends[1]);
	ends[1] = dup(ends[0]);
	assert_int_equal(handover_receive(ends[0], text, fds, 1000), 0);
	assert_string_equal(text, "last");
	assert_int_equal(handover_receive(ends[0], text, fds, 1000), -1);
}

static void
long_words_are_cut(void **state)
{
	char much[HANDOVER_TEXT * 2], text[HANDOVER_TEXT];
	int fds[HANDOVER_FDS];

	(void)state;
	memset(much, 'a', sizeof(much));
	much[sizeof(much) - 1] = '\0';
	assert_true(handover_send(ends[0], much, NULL, 0));
	assert_int_equal(handover_receive(ends[1], text, fds, 1000), 0);
	assert_int_equal(strlen(text), HANDOVER_TEXT - 1);
}

static void
who_is_gone_gives_nothing(void **state)
{
	char text[HANDOVER_TEXT];
	int fds[HANDOVER_FDS];

	(void)state;
	close(ends[0]);
	ends[0] = -1;
	assert_int_equal(handover_receive(ends[1], text, fds, 1000), -1);
	assert_false(handover_send(ends[1], "word", NULL, 0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(descriptors_arrive_and_work,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(words_come_alone_and_in_order,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(last_words_are_heard, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(long_words_are_cut, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(who_is_gone_gives_nothing,
		    setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

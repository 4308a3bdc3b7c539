/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/handover.h"
#include "net/lent_files.h"

static int ends[2];
static char dir[] = "/tmp/lent-XXXXXX";

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
	lent_files_return();
	close(ends[0]);
	close(ends[1]);
	return 0;
}

static const char *
path_of(char path[96], unsigned n)
{
	snprintf(path, 96, "%s/key-%04u", dir, n);
	return path;
}

static void
write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void
assert_reads(const char *path, const char *text)
{
	char got[64];
	int fd = lent_file_open(path);
	ssize_t n;

	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	n = read(fd, got, sizeof(got) - 1);
	close(fd);
	assert_true(n >= 0);
	got[n] = '\0';
	assert_string_equal(got, text);
}

/* A name that has gone stands for a file that may not be opened any more. */
static void
what_is_lent_is_read_until_it_is_given_back(void **state)
{
	char path[96];
	const char *names[] = { NULL, path_of(path, 1), "" };

	(void)state;
	write_file(path, "secret");
	lent_files_give(ends[0], names, 3);
	unlink(path);
	lent_files_receive(ends[1]);
	assert_reads(path, "secret");
	assert_reads(path, "secret");	/* from the beginning again */
	lent_files_return();
	errno = 0;
	assert_int_equal(lent_file_open(path), -1);
	assert_int_equal(errno, ENOENT);
}

static void
the_newest_of_a_name_counts(void **state)
{
	char path[96];
	const char *name = path_of(path, 1);

	(void)state;
	for (int i = 0; i < 2; i++) {
		write_file(path, i == 0 ? "old" : "new");
		lent_files_give(ends[0], &name, 1);
		unlink(path);
	}
	lent_files_receive(ends[1]);
	assert_reads(path, "new");
}

static void
many_arrive_in_several_packets(void **state)
{
	enum { MANY = 150 };
	char paths[MANY][96], text[8];
	const char *names[MANY];

	(void)state;
	for (unsigned i = 0; i < MANY; i++) {
		names[i] = path_of(paths[i], i);
		snprintf(text, sizeof(text), "%u", i);
		write_file(names[i], text);
	}
	lent_files_give(ends[0], names, MANY);
	for (unsigned i = 0; i < MANY; i++)
		unlink(names[i]);
	lent_files_receive(ends[1]);
	for (unsigned i = 0; i < MANY; i++) {
		snprintf(text, sizeof(text), "%u", i);
		assert_reads(names[i], text);
	}
}

/* Whoever wants them sees why; nobody waits for a pipe. */
static void
what_is_no_file_is_left_out(void **state)
{
	char path[96], text[HANDOVER_TEXT], longest[1200];
	const char *names[] = { path_of(path, 1), dir, "/dev/null",
	    "/nowhere/at/all", "a\nb", longest };
	int fds[HANDOVER_FDS];

	(void)state;
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(mkfifo(path, 0600), 0);
	lent_files_give(ends[0], names, sizeof(names) / sizeof(names[0]));
	unlink(path);
	assert_int_equal(handover_receive(ends[1], text, fds, 1000), 0);
	assert_string_equal(text, LENT_FILES_WORD);
}

static void
other_packets_are_not_taken(void **state)
{
	(void)state;
	assert_false(lent_files_take("LISTEN console", NULL, 0));
	assert_false(lent_files_take("KEY", NULL, 0));
	assert_true(lent_files_take(LENT_FILES_WORD, NULL, 0));
}

static void
who_asks_is_answered(void **state)
{
	char path[96], text[HANDOVER_TEXT];
	const char *name = path_of(path, 1);
	int fds[HANDOVER_FDS];
	struct err err;
	pid_t pid;

	(void)state;
	write_file(path, "asked");
	/* Of an earlier answer, which is not taken for this one's end. */
	lent_files_give(ends[0], NULL, 0);
	pid = fork();
	if (pid == 0) {
		if (handover_receive(ends[0], text, fds, 10000) == 0 &&
		    strcmp(text, LENT_FILES_WORD) == 0)
			lent_files_give(ends[0], &name, 1);
		_exit(0);
	}
	assert_true(lent_files_ask(ends[1], &err));
	unlink(path);
	assert_reads(path, "asked");
	assert_true(lent_files_ask(-1, &err));
}

static void
a_master_that_is_gone_is_told_of(void **state)
{
	struct err err;

	(void)state;
	shutdown(ends[0], SHUT_RDWR);
	assert_false(lent_files_ask(ends[1], &err));
	assert_non_null(strstr(err.text, "master process"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(what_is_lent_is_read_until_it_is_given_back),
		T(the_newest_of_a_name_counts),
		T(many_arrive_in_several_packets),
		T(what_is_no_file_is_left_out),
		T(other_packets_are_not_taken),
		T(who_asks_is_answered),
		T(a_master_that_is_gone_is_told_of),
	};
	int failed;

	if (mkdtemp(dir) == NULL)
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(dir);
	return failed;
}

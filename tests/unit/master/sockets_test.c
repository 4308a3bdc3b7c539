/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "master/sockets.h"
#include "support/folder.h"

enum { THREADS = 2 };

static struct sockets *s;
static struct sockets nothing;		/* nothing is lent */
static char path[FOLDER_PATH];

static struct config_listener
listener(const char *name, const char *address)
{
	struct config_listener l = { .name = name,
	    .at = { .file = "p.yaml", .line = 7 } };

	assert_true(endpoint_parse(&l.address, slice_of(address)));
	return l;
}

/* A port of the kernel's choice that is nobody's now. */
static const char *
free_address(char text[32])
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct endpoint at;
	int fd;

	assert_true(endpoint_parse(&at, SLICE("127.0.0.1:0")));
	len = endpoint_sockaddr(&at, &ss);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&ss, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&ss, &len), 0);
	endpoint_of_sockaddr(&at, (struct sockaddr *)&ss);
	snprintf(text, 32, "127.0.0.1:%u", at.port);
	close(fd);
	return text;
}

static int
setup(void **state)
{
	static struct sockets list;

	(void)state;
	list.count = 0;
	s = &list;
	folder_begin();
	snprintf(path, sizeof(path), "%s", folder_path("sock"));
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	sockets_close(s);
	folder_end();
	return 0;
}

static void
each_thread_has_a_socket(void **state)
{
	struct config_listener list[2] = { listener("a", "127.0.0.1:0"),
	    listener("b", "127.0.0.1:0") };
	struct config config = { .listeners = list, .nlisteners = 2 };
	int fds[8], other[8];
	struct err err;

	(void)state;
	assert_true(sockets_open_edge(s, &config, THREADS, &nothing, &err));
	assert_int_equal(s->count, 2 * THREADS);
	assert_int_equal(sockets_of(s, &list[0], fds, 8), THREADS);
	assert_int_equal(sockets_of(s, &list[1], other, 8), THREADS);
	assert_int_not_equal(fds[0], other[0]);	/* same words, other socket */
	assert_int_equal(sockets_find(s, "a", 1), fds[1]);
	assert_int_equal(sockets_find(s, "a", 2), -1);
	assert_int_equal(sockets_find(s, "c", 0), -1);
}

static void
a_taken_port_is_not_shared(void **state)
{
	char address[32];
	struct config_listener l = listener("a", free_address(address));
	struct config config = { .listeners = &l, .nlisteners = 1 };
	static struct sockets another;
	struct err err;

	(void)state;
	assert_true(sockets_open_edge(s, &config, THREADS, &nothing, &err));
	assert_false(sockets_open_edge(&another, &config, THREADS, &nothing,
	    &err));
	assert_int_equal(another.count, 0);
	assert_ptr_equal(strstr(err.text, "p.yaml:7: listener a: 127.0.0.1:"),
	    err.text);
	assert_non_null(strstr(err.text, "another process listens there"));
}

static void
a_reload_follows_the_files(void **state)
{
	char first[32], second[32];
	struct config_listener before[2] = { listener("a", free_address(first)),
	    listener("b", "127.0.0.1:0") };
	struct config_listener after[2] = { listener("renamed", first),
	    listener("c", free_address(second)) };
	struct config old = { .listeners = before, .nlisteners = 2 };
	struct config new = { .listeners = after, .nlisteners = 2 };
	struct err err;
	int kept, now;

	(void)state;
	assert_true(sockets_open_edge(s, &old, THREADS, &nothing, &err));
	assert_int_equal(sockets_of(s, &before[0], &kept, 1), 1);

	/* What was there stays until the new generation is in service. */
	assert_true(sockets_follow(s, &new, THREADS, &err));
	assert_int_equal(s->count, 3 * THREADS);
	sockets_forget_fresh(s);
	assert_int_equal(s->count, 2 * THREADS);
	assert_int_equal(sockets_of(s, &before[1], &now, 1), 1);

	assert_true(sockets_follow(s, &new, THREADS, &err));
	sockets_settle(s, &new);
	assert_int_equal(s->count, 2 * THREADS);
	assert_int_equal(sockets_of(s, &after[0], &now, 1), 1);
	assert_int_equal(now, kept);	/* another name, the same queue */
	assert_int_equal(sockets_find(s, "renamed", 0), kept);
	assert_int_equal(sockets_of(s, &before[1], &now, 1), 0);

	sockets_forget_fresh(s);	/* it is settled */
	assert_int_equal(s->count, 2 * THREADS);
}

static void
all_or_nothing_is_opened(void **state)
{
	char taken[32];
	struct config_listener theirs = listener("x", free_address(taken));
	struct config_listener list[2] = { listener("a", "127.0.0.1:0"),
	    listener("b", taken) };
	struct config other = { .listeners = &theirs, .nlisteners = 1 };
	struct config config = { .listeners = list, .nlisteners = 2 };
	static struct sockets another;
	struct err err;

	(void)state;
	assert_true(sockets_open_edge(&another, &other, 1, &nothing, &err));
	assert_false(sockets_follow(s, &config, THREADS, &err));
	assert_int_equal(s->count, 0);
	sockets_close(&another);
}

static void
files_of_sockets_come_and_go(void **state)
{
	char text[FOLDER_PATH + 8];
	struct config_listener l;
	struct config config = { .listeners = &l, .nlisteners = 1 };
	struct config none = { .nlisteners = 0 };
	struct err err;

	(void)state;
	snprintf(text, sizeof(text), "unix:%s", path);
	l = listener("a", text);
	assert_true(sockets_open_edge(s, &config, THREADS, &nothing, &err));
	assert_int_equal(s->count, 1);	/* cannot be bound twice */
	assert_int_equal(access(path, F_OK), 0);
	sockets_settle(s, &none);
	assert_int_equal(s->count, 0);
	assert_int_equal(access(path, F_OK), -1);
}

/* What another master lends is taken by its address, is not opened again,
 * and its files stay when we end without it having become ours. */
static void
lent_sockets_are_taken(void **state)
{
	struct config_listener l = listener("a", "127.0.0.1:0");
	struct config config = { .listeners = &l, .nlisteners = 1,
	    .run_dir = folder, .region = "XX" };
	static struct sockets lent;
	struct err err;
	int fds[THREADS];

	(void)state;
	assert_true(sockets_open_edge(s, &config, THREADS, &nothing, &err));
	for (int i = 0; i < THREADS; i++)
		fds[i] = dup(s->list[i].fd);
	assert_true(sockets_lend(&lent, "a", s->list[0].at, fds, THREADS,
	    false));
	sockets_close(s);
	assert_true(sockets_open_edge(s, &config, 1, &lent, &err));
	assert_int_equal(s->count, THREADS);
	assert_int_equal(lent.count, 0);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(s->list[i].fd, fds[i]);
	sockets_close(s);

	assert_true(sockets_open_engine(s, &config, 7, &nothing, &err));
	sockets_are_lent(s);
	sockets_close(s);
	assert_int_equal(access(folder_path("engine-XX-7.sock"), F_OK), 0);
	assert_true(sockets_open_engine(s, &config, 7, &nothing, &err));
	sockets_are_lent(s);
	sockets_are_ours(s);
	sockets_close(s);
	assert_int_equal(access(folder_path("engine-XX-7.sock"), F_OK), -1);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(each_thread_has_a_socket),
		TEST(a_taken_port_is_not_shared),
		TEST(a_reload_follows_the_files),
		TEST(all_or_nothing_is_opened),
		TEST(files_of_sockets_come_and_go),
		TEST(lent_sockets_are_taken),
	};

	log_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/listener.h"

static struct loop *loop;
static unsigned accepted, enough;
static struct endpoint last_peer;
static int taken[512];
static struct listener **free_on_accept;

static void
on_accepted(void *owner, int fd, const struct endpoint *peer)
{
	taken[accepted++] = fd;
	last_peer = *peer;
	assert_ptr_equal(owner, &accepted);
	if (free_on_accept != NULL)
		listener_free(free_on_accept);
	if (accepted == enough)
		loop_stop(loop);
}

static const struct listener_ops ops = { .accepted = on_accepted };

static int
set_up(void **state)
{
	(void)state;
	loop = loop_new();
	accepted = 0;
	enough = 1;
	free_on_accept = NULL;
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	for (unsigned i = 0; i < accepted; i++)
		close(taken[i]);
	loop_free(&loop);
	return 0;
}

static struct endpoint
at(const char *text)
{
	struct endpoint e;

	assert_true(endpoint_parse(&e, slice_of(text)));
	return e;
}

static int
bind_ok(const char *text, bool reuse_port, unsigned mode)
{
	struct endpoint e = at(text);
	struct err err = { "" };
	int fd = listener_bind(&e, reuse_port, mode, &err);

	if (fd < 0)
		fail_msg("%s", err.text);
	return fd;
}

static void
bind_fails(const char *text, const char *expected)
{
	struct endpoint e = at(text);
	struct err err = { "" };

	assert_int_equal(listener_bind(&e, false, 0600, &err), -1);
	if (strstr(err.text, expected) == NULL)
		fail_msg("%s", err.text);
}

static int
connect_to(const struct endpoint *e)
{
	struct sockaddr_storage ss;
	socklen_t len = endpoint_sockaddr(e, &ss);
	int fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0)
		assert_int_equal(connect(fd, (struct sockaddr *)&ss, len), 0);
	return fd;
}

static void
accepts_on_tcp(void **state)
{
	static const char *const texts[] = { "127.0.0.1:0", "[::1]:0" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct listener *l = listener_new(loop, bind_ok(texts[i], true,
		    0), &ops, &accepted);
		socklen_t len = sizeof(int);
		struct endpoint e;
		int fd, on = 0;

		listener_address(l, &e);
		assert_int_not_equal(e.port, 0);
		fd = connect_to(&e);
		enough = accepted + 1;
		loop_run(loop);
		assert_true(addr_eq(&last_peer.addr, &e.addr));
		assert_int_not_equal(last_peer.port, 0);
		assert_true(fcntl(taken[i], F_GETFL) & O_NONBLOCK);
		assert_true(fcntl(taken[i], F_GETFD) & FD_CLOEXEC);
		assert_int_equal(getsockopt(taken[i], IPPROTO_TCP, TCP_NODELAY,
		    &on, &len), 0);
		assert_int_equal(on, 1);
		close(fd);
		listener_free(&l);
		assert_null(l);
	}
}

/* Several on one port; without SO_REUSEPORT the port is taken. */
static void
ports_are_shared_on_request_only(void **state)
{
	struct listener *l = listener_new(loop, bind_ok("127.0.0.1:0", true, 0),
	    &ops, &accepted);
	char text[ENDPOINT_TEXT];
	struct endpoint e;

	(void)state;
	listener_address(l, &e);
	endpoint_text(&e, text);
	close(bind_ok(text, true, 0));
	bind_fails(text, "cannot be listened on: Address already in use");
	listener_free(&l);
}

static void
unix_sockets_replace_only_stale_files(void **state)
{
	char dir[] = "/tmp/portolan-listener-XXXXXX", path[64], text[80];
	struct listener *l;
	struct endpoint e;
	struct stat st;
	int fd;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/s", dir);
	snprintf(text, sizeof(text), "unix:%s", path);
	l = listener_new(loop, bind_ok(text, false, 0660), &ops, &accepted);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	listener_address(l, &e);
	assert_int_equal(e.kind, ENDPOINT_UNIX);
	assert_string_equal(e.name, path);

	bind_fails(text, "another process listens there");
	fd = connect_to(&e);
	enough = accepted + 2;		/* the probe above, too */
	loop_run(loop);
	assert_int_equal(last_peer.kind, ENDPOINT_UNIX);
	assert_int_equal(last_peer.addr.family, ADDR_NONE);
	close(fd);
	listener_free(&l);

	close(bind_ok(text, false, 0600));		/* stale by now */
	close(bind_ok(text, false, 0600));
	assert_int_equal(unlink(path), 0);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	close(fd);
	bind_fails(text, "there is a file of that name that is no socket");
	unlink(path);
	rmdir(dir);
	bind_fails(text, "cannot be listened on: No such file or directory");
}

static void
long_paths_are_refused(void **state)
{
	struct endpoint e = { .kind = ENDPOINT_UNIX };
	struct err err = { "" };

	(void)state;
	memset(e.name, 'x', 108);
	assert_int_equal(listener_bind(&e, false, 0600, &err), -1);
	assert_non_null(strstr(err.text, "at most 107 bytes"));
}

static void
the_owner_may_free_it_when_called(void **state)
{
	struct listener *l = listener_new(loop, bind_ok("127.0.0.1:0", false, 0),
	    &ops, &accepted);
	struct endpoint e;
	int fds[2];

	(void)state;
	listener_address(l, &e);
	fds[0] = connect_to(&e);
	fds[1] = connect_to(&e);
	free_on_accept = &l;
	loop_run(loop);
	assert_null(l);
	assert_int_equal(accepted, 1);
	close(fds[0]);
	close(fds[1]);
}

static void
stop_loop(struct timer *timer)
{
	(void)timer;
	loop_stop(loop);
}

static void
turn_for(uint64_t ms)
{
	struct timer timer;

	timer_init(&timer, stop_loop);
	timer_set(loop, &timer, ms);
	loop_run(loop);
	timer_cancel(&timer);
}

static void
a_paused_one_accepts_nobody(void **state)
{
	struct listener *l = listener_new(loop, bind_ok("127.0.0.1:0", false, 0),
	    &ops, &accepted);
	struct endpoint e;
	int fd;

	(void)state;
	listener_address(l, &e);
	listener_pause(l);
	fd = connect_to(&e);
	turn_for(40);
	assert_int_equal(accepted, 0);
	listener_resume(l);
	loop_run(loop);
	assert_int_equal(accepted, 1);
	listener_free(&l);
	close(fd);
}

/* --- no descriptor is left --- */

struct lack {
	struct listener	*listener;
	struct rlimit	 limit;
	int		 fds[3], fillers[64], n;
};

static void
lack_begin(struct lack *lack, const struct listener_ops *with, void *owner)
{
	struct rlimit low;
	struct endpoint e;

	lack->listener = listener_new(loop, bind_ok("127.0.0.1:0", false, 0),
	    with, owner);
	listener_address(lack->listener, &e);
	for (int i = 0; i < 3; i++)
		lack->fds[i] = connect_to(&e);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &lack->limit), 0);
	low = lack->limit;
	low.rlim_cur = 64;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	for (lack->n = 0; lack->n < 64 && (lack->fillers[lack->n] =
	    open("/dev/null", O_RDONLY)) >= 0; lack->n++)
		;
	assert_true(lack->n > 3);
}

static void
lack_end(struct lack *lack)
{
	while (lack->n > 0)
		close(lack->fillers[--lack->n]);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &lack->limit), 0);
	for (int i = 0; i < 3; i++)
		close(lack->fds[i]);
	listener_free(&lack->listener);
}

static bool
is_turned_away(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_DONTWAIT) == 0;
}

/* At first all wait in the backlog.  Where that lasts one client is turned away
 * now and then, and the others are accepted when there is room again. */
static void
out_of_descriptors_is_survived(void **state)
{
	struct lack lack;

	(void)state;
	lack_begin(&lack, &ops, &accepted);
	turn_for(250);
	assert_int_equal(accepted, 0);
	assert_false(is_turned_away(lack.fds[0]));
	for (int i = 0; i < 400 && !is_turned_away(lack.fds[0]); i++)
		turn_for(20);
	assert_true(is_turned_away(lack.fds[0]));
	while (lack.n > 0)
		close(lack.fillers[--lack.n]);
	enough = 2;
	loop_run(loop);
	assert_int_equal(accepted, 2);
	lack_end(&lack);
}

static struct lack lacking;
static unsigned asked;

static bool
give_one(void *owner)
{
	assert_ptr_equal(owner, &accepted);
	if (asked++ == 3)
		return false;		/* it has no more */
	close(lacking.fillers[--lacking.n]);
	return true;
}

/* Who keeps some without need gives them back first, and nobody waits. */
static void
who_can_spare_descriptors_is_asked(void **state)
{
	static const struct listener_ops generous = {
		.accepted = on_accepted, .scarce = give_one };

	(void)state;
	asked = 0;
	enough = 3;
	lack_begin(&lacking, &generous, &accepted);
	loop_run(loop);
	assert_int_equal(accepted, 3);
	assert_in_range(asked, 3, 4);
	for (int i = 0; i < 3; i++)
		assert_false(is_turned_away(lacking.fds[i]));
	lack_end(&lacking);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(accepts_on_tcp),
		TEST(ports_are_shared_on_request_only),
		TEST(unix_sockets_replace_only_stale_files),
		TEST(long_paths_are_refused),
		TEST(the_owner_may_free_it_when_called),
		TEST(a_paused_one_accepts_nobody),
		TEST(out_of_descriptors_is_survived),
		TEST(who_can_spare_descriptors_is_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Lines on their way to files, pipes and syslog, with a worker played by the
 * test's own thread.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "edge/log_ring.h"
#include "edge/log_writer.h"
#include "support/folder.h"

/* A platform under load is slow, never silent. */
enum { PATIENCE_MS = 20000, STEP_MS = 5 };

static void
step(void)
{
	const struct timespec t = { .tv_nsec = STEP_MS * 1000000 };

	nanosleep(&t, NULL);
}

static struct config_access
to_file(const char *path)
{
	return (struct config_access){ .to = path, .target = LOG_TO_FILE };
}

static struct log_sink *
take(struct log_writer *w, const struct config_access *c)
{
	struct err err;
	struct log_sink *sink = log_sink_take(w, c, &err);

	if (sink == NULL)
		fail_msg("%s", err.text);
	return sink;
}

static bool
add(struct log_sink *sink, unsigned worker, const char *line)
{
	char *room = log_sink_room(sink, worker);

	if (room == NULL)
		return false;
	memcpy(room, line, strlen(line));
	log_sink_added(sink, worker, strlen(line));
	return true;
}

static size_t
file_size(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? (size_t)st.st_size : 0;
}

static void
wait_for_size(const char *path, size_t size)
{
	for (int ms = 0; file_size(path) != size; ms += STEP_MS) {
		if (ms > PATIENCE_MS)
			fail_msg("%s has %zu bytes, not %zu", path,
			    file_size(path), size);
		step();
	}
}

/* --- files ------------------------------------------------------------------- */

static void
lines_are_handed_over_and_reopened(void **state)
{
	struct log_writer *w = log_writer_new(2);
	char path[FOLDER_PATH], moved[FOLDER_PATH + 2];
	struct config_access c = to_file(path);
	struct log_sink *sink;

	(void)state;
	strcpy(path, folder_path("log"));
	snprintf(moved, sizeof(moved), "%s.1", path);
	sink = take(w, &c);
	assert_true(add(sink, 0, "one\n"));
	assert_true(add(sink, 1, "two\n"));
	log_sink_flush(sink, 0);
	log_sink_flush(sink, 1);
	wait_for_size(path, 8);

	/* rotated: what waits belongs to the old file */
	assert_int_equal(rename(path, moved), 0);
	add(sink, 1, "three\n");
	log_sink_flush(sink, 1);
	log_writer_reopen(w);
	wait_for_size(moved, 14);
	for (int ms = 0; access(path, F_OK) != 0 && ms < PATIENCE_MS;
	    ms += STEP_MS)
		step();
	/* what was not handed over is at the end */
	add(sink, 0, "four\n");
	log_sink_release(w, sink);
	log_writer_free(&w);
	assert_int_equal(file_size(moved), 14);
	assert_int_equal(file_size(path), 5);
}

/* A reload that names it again finds it, whatever goes first. */
static void
a_place_is_kept_by_name(void **state)
{
	struct log_writer *w = log_writer_new(1);
	char path[FOLDER_PATH];
	struct config_access c = to_file(path);
	struct log_sink *sink, *same;

	(void)state;
	strcpy(path, folder_path("log"));
	sink = take(w, &c);
	same = take(w, &c);
	assert_ptr_equal(sink, same);
	log_sink_release(w, sink);
	add(same, 0, "still\n");
	log_sink_release(w, same);
	log_writer_free(&w);
	assert_int_equal(file_size(path), 6);
}

static void
blocks_go_when_they_are_full(void **state)
{
	struct log_writer *w = log_writer_new(1);
	char path[FOLDER_PATH], line[1001];
	struct config_access c = to_file(path);
	struct log_sink *sink;
	size_t added = 0;

	(void)state;
	memset(line, 'x', 999);
	strcpy(line + 999, "\n");
	strcpy(path, folder_path("log"));
	sink = take(w, &c);
	/* Far more than all blocks: the writer keeps up, or lines are lost. */
	for (int i = 0; i < 5000; i++)
		added += add(sink, 0, line) ? 1000 : 0;
	log_sink_release(w, sink);
	log_writer_free(&w);
	assert_true(added >= (LOG_BLOCKS - 1) * 55000);
	assert_int_equal(file_size(path), added);
}

static void
a_bad_path_is_told(void **state)
{
	struct log_writer *w = log_writer_new(1);
	struct config_access c = to_file("/nonexistent/access.log");
	struct err err;

	(void)state;
	assert_null(log_sink_take(w, &c, &err));
	assert_non_null(strstr(err.text, "/nonexistent/access.log"));
	log_writer_free(&w);
}

/* Nobody reads the pipe: lines are dropped and counted, nothing waits. */
static void
a_full_pipe_holds_nobody_up(void **state)
{
	struct log_writer *w = log_writer_new(1);
	char path[FOLDER_PATH], line[501], bytes[65536];
	struct config_access c = to_file(path);
	struct log_sink *sink;
	unsigned lost = 0;
	int reader;
	ssize_t n;

	(void)state;
	memset(line, 'x', 499);
	strcpy(line + 499, "\n");
	strcpy(path, folder_path("log"));
	assert_int_equal(mkfifo(path, 0600), 0);
	reader = open(path, O_RDONLY | O_NONBLOCK);
	sink = take(w, &c);
	for (int i = 0; i < 5000; i++)
		lost += !add(sink, 0, line);
	assert_true(lost > 1000);
	assert_int_equal(log_writer_dropped(w), lost);
	/* what is there is whole lines */
	for (n = -1; n < 0; step())
		n = read(reader, bytes, sizeof(bytes));
	assert_true(n % 500 == 0 && bytes[n - 1] == '\n');
	close(reader);
	log_sink_release(w, sink);
	log_writer_free(&w);
}

/* --- syslog --------------------------------------------------------------------- */

/* The next message or piece of one, as text. */
static const char *
receive(int fd, char text[2048])
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ssize_t n;

	assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
	n = recv(fd, text, 2047, 0);
	assert_true(n > 0);
	text[n] = '\0';
	return text;
}

static int
bound(int type, struct config_access *c)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	int fd;

	c->address = (struct endpoint){ .kind = ENDPOINT_IP,
	    .addr = addr_from_ip4(0x7f000001) };
	len = endpoint_sockaddr(&c->address, &ss);
	fd = socket(AF_INET, type, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&ss, len), 0);
	len = sizeof(ss);
	getsockname(fd, (struct sockaddr *)&ss, &len);
	endpoint_of_sockaddr(&c->address, (struct sockaddr *)&ss);
	return fd;
}

static void
datagrams_hold_a_line_each(void **state)
{
	struct config_access c = { .to = "udp", .target = LOG_TO_UDP };
	struct log_writer *w = log_writer_new(1);
	int fd = bound(SOCK_DGRAM, &c);
	struct log_sink *sink = take(w, &c);
	char text[2048];

	(void)state;
	add(sink, 0, "<134>1 one\n");
	add(sink, 0, "<134>1 two\n");
	log_sink_flush(sink, 0);
	assert_string_equal(receive(fd, text), "<134>1 one");
	assert_string_equal(receive(fd, text), "<134>1 two");
	close(fd);
	log_sink_release(w, sink);
	log_writer_free(&w);
}

static int
daemon_at(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	strcpy(un.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	return fd;
}

/* Its socket is another one each time. */
static void
a_daemon_may_come_and_go(void **state)
{
	struct config_access c = { .to = "syslog", .target = LOG_TO_UNIX };
	struct log_writer *w = log_writer_new(1);
	char path[FOLDER_PATH], text[2048];
	struct log_sink *sink;
	int fd;

	(void)state;
	strcpy(path, folder_path("log"));
	c.address.kind = ENDPOINT_UNIX;
	strcpy(c.address.name, path);
	sink = take(w, &c);
	add(sink, 0, "early\n");
	log_sink_flush(sink, 0);
	fd = daemon_at(path);
	assert_string_equal(receive(fd, text), "early");
	close(fd);
	unlink(path);
	add(sink, 0, "meanwhile\n");
	log_sink_flush(sink, 0);
	fd = daemon_at(path);
	assert_string_equal(receive(fd, text), "meanwhile");
	close(fd);
	unlink(path);
	assert_int_equal(log_writer_dropped(w), 0);
	log_sink_release(w, sink);
	log_writer_free(&w);
}

static void
streams_count_octets(void **state)
{
	struct config_access c = { .to = "tcp", .target = LOG_TO_TCP };
	struct log_writer *w = log_writer_new(1);
	int fd = bound(SOCK_STREAM, &c), peer;
	struct log_sink *sink;
	char text[2048];

	(void)state;
	assert_int_equal(listen(fd, 5), 0);
	sink = take(w, &c);
	peer = accept(fd, NULL, NULL);
	add(sink, 0, "one\n");
	log_sink_flush(sink, 0);
	assert_string_equal(receive(peer, text), "3 one");
	/* It goes, and is found again. */
	close(peer);
	add(sink, 0, "seventeen letters\n");
	log_sink_flush(sink, 0);
	peer = accept(fd, NULL, NULL);
	assert_string_equal(receive(peer, text), "17 seventeen letters");
	close(peer);
	close(fd);
	log_sink_release(w, sink);
	log_writer_free(&w);
}

/* What nobody takes at the end is given up, and counted by nobody. */
static void
the_end_is_not_held_up(void **state)
{
	struct config_access c = { .to = "tcp", .target = LOG_TO_TCP };
	struct log_writer *w = log_writer_new(1);
	struct log_sink *sink;
	int fd = bound(SOCK_STREAM, &c);

	(void)state;
	close(fd);
	sink = take(w, &c);
	add(sink, 0, "lost\n");
	log_sink_release(w, sink);
	log_writer_free(&w);
	assert_null(w);
}

static int
each_begin(void **state)
{
	(void)state;
	folder_begin();
	return 0;
}

static int
each_end(void **state)
{
	(void)state;
	folder_end();
	return 0;
}

#define IN_FOLDER(test)	\
	cmocka_unit_test_setup_teardown(test, each_begin, each_end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_FOLDER(lines_are_handed_over_and_reopened),
		IN_FOLDER(a_place_is_kept_by_name),
		IN_FOLDER(blocks_go_when_they_are_full),
		IN_FOLDER(a_bad_path_is_told),
		IN_FOLDER(a_full_pipe_holds_nobody_up),
		IN_FOLDER(datagrams_hold_a_line_each),
		IN_FOLDER(a_daemon_may_come_and_go),
		IN_FOLDER(streams_count_octets),
		IN_FOLDER(the_end_is_not_held_up),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

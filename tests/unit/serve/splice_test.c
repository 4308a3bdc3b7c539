/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Large bodies that a handler moves on without looking at them: to a sink
 * which the test reads, in pieces as they come.
 */
#include "world.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LARGE = 1000 * 1000, PIPELINED = 3 };

static struct sink {
	struct stream	 stream;	/* of the server's loop */
	int		 fd;		/* the test's end */
	bool		 cannot;	/* everything has to be read */
	bool		 tells;		/* when it is full for the first time */
	size_t		 given, spliced, follows;
	struct request	*waits;
} sink;

static char
byte_at(size_t at)
{
	return (char)(at * 7 + at / 251);
}

/* --- the handler --------------------------------------------------------- */

static void
on_piece(struct request *r, struct slice bytes, bool last)
{
	struct answer a = answer_of(200, 0);

	assert_false(last && r->body_follows);
	sink.follows += r->body_follows;
	sink.given += bytes.len;
	if (bytes.len > 0)
		stream_send(&sink.stream, &(struct iovec){
		    (void *)(uintptr_t)bytes.p, bytes.len }, 1);
	if (!last)
		return;
	trace("body %ju;", (uintmax_t)r->body_bytes);
	request_answer(r, &a, SLICE(""), true);
}

static ssize_t
on_moved(struct request *r, struct stream *from, size_t most)
{
	ssize_t n;

	if (sink.cannot)
		return STREAM_CANNOT;
	n = stream_splice(from, &sink.stream, most);
	if (n > 0)
		sink.spliced += (size_t)n;
	if (stream_pending(&sink.stream) == 0)
		return n;
	if (sink.tells)
		trace("full;");
	sink.tells = false;
	sink.waits = r;
	request_pause(r);
	return n;
}

static void
on_sink_drained(struct stream *s)
{
	(void)s;
	if (sink.waits != NULL)
		request_resume(sink.waits);
	sink.waits = NULL;
}

static void
on_sink_readable(struct stream *s)
{
	char end;

	stream_read(s, &end, 1);
}

static void
on_sink_failed(struct stream *s, enum stream_end why)
{
	(void)s;
	(void)why;
}

static const struct stream_ops sink_ops = { .readable = on_sink_readable,
    .drained = on_sink_drained, .failed = on_sink_failed };

static void
sink_begin(struct client *c, struct sink how)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
	sink = how;
	sink.fd = pair[1];
	stream_accept(&sink.stream, w.loop, pair[0], NULL, &sink_ops);
	w.ops.body = on_piece;
	w.ops.splice = on_moved;
	begin_story(c);
}

static void
sink_close(void)
{
	stream_close(&sink.stream);
}

static void
sink_end(struct client *c)
{
	on_loop(sink_close);
	client_close(c);
	close(sink.fd);
}

/* --- what is sent and what must come ------------------------------------- */

struct load {
	struct client	*c;
	size_t		 len, stop;	/* of the body; leaves there if not 0 */
	pthread_t	 thread;
};

static void *
send_body(void *arg)
{
	struct load *load = arg;
	size_t until = load->stop > 0 ? load->stop : load->len;
	char *bytes = xmalloc(until);

	for (size_t i = 0; i < until; i++)
		bytes[i] = byte_at(i);
	for (size_t at = 0; at < until;) {
		size_t n = until - at < 16000 ? until - at : 16000;
		ssize_t sent = client_write(load->c, bytes + at, n);

		if (sent <= 0)
			break;		/* refused: the story shows it */
		at += (size_t)sent;
	}
	free(bytes);
	return NULL;
}

static void
load_begin(struct load *load)
{
	char head[128];

	snprintf(head, sizeof(head), "POST /large HTTP/1.1\r\nHost: a\r\n"
	    "Content-Length: %zu\r\n\r\n", load->len);
	client_send(load->c, head);
	assert_int_equal(pthread_create(&load->thread, NULL, send_body, load),
	    0);
}

static void
sink_expect(size_t len)
{
	static char bytes[65536];

	for (size_t at = 0; at < len;) {
		size_t most = len - at < sizeof(bytes) ? len - at :
		    sizeof(bytes);
		ssize_t n = recv(sink.fd, bytes, most, 0);

		assert_true(n > 0);
		for (ssize_t i = 0; i < n; i++)
			if (bytes[i] != byte_at(at + (size_t)i))
				fail_msg("byte %zu is another", at + (size_t)i);
		at += (size_t)n;
	}
}

#define EMPTY "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nDate: *\r\n\r\n"

/* --- stories ------------------------------------------------------------- */

/* Each has a request behind it that must not be swallowed. */
STORY(large_bodies_are_moved_on)
{
	sink_begin(c, (struct sink){ 0 });
	for (int i = 0; i < PIPELINED; i++) {
		struct load load = { .c = c, .len = LARGE };

		load_begin(&load);
		sink_expect(LARGE);
		pthread_join(load.thread, NULL);
		client_send(c, GET("/hello"));
		client_expect(c, EMPTY HELLO);
		expect_trace("head /large;body 1000000;gone done;head /hello;"
		    "gone done;");
		clear_trace();
	}
	assert_int_equal(sink.given + sink.spliced, PIPELINED * LARGE);
	/* TLS has to be read, all of it. */
	assert_true(over_tls ? sink.spliced == 0 : sink.spliced > LARGE);
	sink_end(c);
}

STORY(what_cannot_be_moved_is_read)
{
	struct load load = { .c = c, .len = LARGE };

	sink_begin(c, (struct sink){ .cannot = true });
	load_begin(&load);
	sink_expect(LARGE);
	pthread_join(load.thread, NULL);
	expect_trace("head /large;body 1000000;gone done;");
	assert_int_equal(sink.given, LARGE);
	sink_end(c);
}

/* The head, the body and the next request in one packet or two.  After a large
 * one another is expected. */
STORY(the_front_comes_with_the_head)
{
	struct buf all = { 0 };
	const size_t len = 60000;

	sink_begin(c, (struct sink){ 0 });
	buf_text(&all, POST("/large", "60000"));
	for (size_t i = 0; i < len; i++)
		buf_add(&all, &(char){ byte_at(i) }, 1);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(client_write(c, all.p, all.len), all.len);
		sink_expect(len);
		client_expect(c, EMPTY);
		expect_trace("head /large;body 60000;gone done;");
		clear_trace();
	}
	buf_text(&all, GET("/hello"));
	assert_int_equal(client_write(c, all.p, all.len), all.len);
	sink_expect(len);
	client_expect(c, EMPTY HELLO);
	expect_trace("head /large;body 60000;gone done;head /hello;"
	    "gone done;");
	assert_int_equal(sink.given + sink.spliced, 21 * len);
	/* Who is told that more follows is asked to move it. */
	assert_true(sink.follows == 0 || sink.spliced > 0);
	assert_true(!over_tls || sink.follows == 0);
	buf_fini(&all);
	sink_end(c);
}

STORY(small_bodies_are_read)
{
	struct load load = { .c = c, .len = 30000 };

	sink_begin(c, (struct sink){ 0 });
	load_begin(&load);
	sink_expect(load.len);
	pthread_join(load.thread, NULL);
	expect_trace("head /large;body 30000;gone done;");
	assert_int_equal(sink.given, load.len);
	sink_end(c);
}

/* More than all sockets hold. */
STORY(a_full_sink_holds_the_client_back)
{
	struct load load = { .c = c, .len = 20 * LARGE };

	sink_begin(c, (struct sink){ .tells = true });
	if (!over_tls) {
		load_begin(&load);
		expect_trace("head /large;full;");
		sink_expect(load.len);
		pthread_join(load.thread, NULL);
		client_expect(c, EMPTY);
		expect_trace("head /large;full;body 20000000;gone done;");
	}
	sink_end(c);
}

STORY(who_leaves_within_is_gone)
{
	struct load load = { .c = c, .len = LARGE, .stop = LARGE / 2 };

	sink_begin(c, (struct sink){ 0 });
	load_begin(&load);
	sink_expect(load.stop);
	pthread_join(load.thread, NULL);
	shutdown(c->fd, SHUT_WR);
	expect_trace("head /large;gone client-left;");
	sink_end(c);
}

static void
be_impatient(void)
{
	w.limits.body_idle_ms = 100;
}

STORY(who_stops_within_is_refused)
{
	struct load load = { .c = c, .len = LARGE, .stop = LARGE / 2 };
	char last;

	sink_begin(c, (struct sink){ 0 });
	load_begin(&load);
	sink_expect(load.stop);
	pthread_join(load.thread, NULL);
	on_loop(be_impatient);
	assert_int_equal(client_write(c, "x", 1), 1);
	assert_int_equal(recv(sink.fd, &last, 1, 0), 1);
	expect_trace("head /large;refuse 408 body-timeout;gone refused;");
	sink_end(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(large_bodies_are_moved_on),
		cmocka_unit_test(what_cannot_be_moved_is_read),
		cmocka_unit_test(the_front_comes_with_the_head),
		cmocka_unit_test(small_bodies_are_read),
		cmocka_unit_test(a_full_sink_holds_the_client_back),
		cmocka_unit_test(who_leaves_within_is_gone),
		cmocka_unit_test(who_stops_within_is_refused),
	};

	return cmocka_run_group_tests(tests, prepare, clean_up);
}

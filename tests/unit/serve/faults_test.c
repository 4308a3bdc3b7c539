/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Requests that go wrong: bad heads and bodies, limits, deadlines, clients
 * that leave at every stage, handlers that break their word.
 */
#include "world.h"

#define REFUSAL_HEAD(status, length) "HTTP/1.1 " status "\r\n" \
	"Content-Type: text/plain\r\nContent-Length: " length "\r\n" \
	"Connection: close\r\nDate: *\r\n\r\n"
#define REFUSAL(status, length, text) REFUSAL_HEAD(status, length) text "\n"

/* --- bad input ----------------------------------------------------------- */

STORY(a_bad_head_is_refused)
{
	begin_story(c);
	client_send(c, "GET / HTTP/1.1\r\n\r\n" GET("/hello"));
	client_expect(c, REFUSAL("400 Bad Request", "26",
	    "the Host field is missing"));
	client_expect_end(c);
	expect_trace("refuse 400 missing-host;gone refused;");
	client_close(c);
}

/* RFC 9110 9.3.2. */
STORY(a_refusal_of_head_has_no_body)
{
	begin_story(c);
	client_send(c, "HEAD / HTTP/1.1\r\n\r\n");
	client_expect(c, REFUSAL_HEAD("400 Bad Request", "26"));
	client_expect_end(c);
	expect_trace("refuse 400 missing-host;gone refused;");
	client_close(c);
}

/* What came before it is answered; what comes behind it is nobody's. */
STORY(a_bad_head_ends_the_pipeline)
{
	begin_story(c);
	client_send(c, GET("/hello") "GET\r\n\r\n" GET("/hello"));
	client_expect(c, HELLO "HTTP/1.1 400 *\r\nContent-Type: text/plain\r\n"
	    "Content-Length: *\r\nConnection: close\r\nDate: *\r\n\r\n");
	while (client_more(c) > 0)
		continue;
	expect_trace("head /hello;gone done;refuse 400 bad-method;"
	    "gone refused;");
	client_close(c);
}

STORY(a_line_of_10001_bytes_is_refused)
{
	static char line[10002];

	begin_story(c);
	memset(line, 'x', sizeof(line) - 1);
	client_send(c, "GET /hello HTTP/1.1\r\nHost: a\r\nX: ");
	client_send(c, line);
	client_expect(c, REFUSAL("431 Request Header Fields Too Large", "40",
	    "a line of the head is longer than 8 KiB"));
	client_expect_end(c);
	expect_trace("refuse 431 line-too-long;gone refused;");
	client_close(c);
}

STORY(a_head_of_40_kib_is_refused)
{
	struct buf head = { 0 };

	begin_story(c);
	buf_text(&head, "GET /hello HTTP/1.1\r\nHost: a\r\n");
	for (int i = 0; i < 40; i++)
		buf_printf(&head, "X-%d: %01000d\r\n", i, i);
	buf_text(&head, "\r\n");
	client_send(c, buf_cstr(&head));
	client_expect(c, "HTTP/1.1 431 *\r\n");
	expect_trace("refuse 431 head-too-long;gone refused;");
	buf_fini(&head);
	client_close(c);
}

STORY(a_body_said_to_be_too_large_is_refused_unread)
{
	w.limits.body_bytes = 1000;
	begin_story(c);
	client_send(c, POST("/echo", "1001"));
	client_expect(c, REFUSAL("413 Content Too Large", "41",
	    "the body is larger than is accepted here"));
	expect_trace("refuse 413 body-too-large;gone refused;");
	client_close(c);
}

/* The client goes on sending, and must still be able to read the answer. */
STORY(the_refused_may_finish_sending)
{
	static char piece[50000];

	w.limits.body_bytes = 1000;
	begin_story(c);
	client_send(c, POST("/echo", "500000"));
	for (int i = 0; i < 10; i++)
		assert_int_equal(client_write(c, piece, sizeof(piece)),
		    sizeof(piece));
	client_expect(c, REFUSAL("413 Content Too Large", "41",
	    "the body is larger than is accepted here"));
	client_expect_end(c);
	client_close(c);
}

STORY(a_chunked_body_may_grow_too_large)
{
	w.limits.body_bytes = 10;
	begin_story(c);
	client_send(c, CHUNKED("/echo") "5\r\nabcde\r\n5\r\nabcde\r\n");
	expect_trace("head /echo;");
	client_send(c, "1\r\nx\r\n0\r\n\r\n");
	client_expect(c, "HTTP/1.1 413 *\r\n");
	expect_trace("head /echo;refuse 413 body-too-large;gone refused;");
	client_close(c);
}

STORY(a_bad_chunk_is_refused)
{
	begin_story(c);
	client_send(c, CHUNKED("/echo") "5\r\nabcde\r\nzz\r\n");
	client_expect(c, "HTTP/1.1 400 *\r\n");
	expect_trace("head /echo;refuse 400 bad-chunk;gone refused;");
	client_close(c);
}

/* The answer has begun: all that is left is that nobody takes it for whole. */
STORY(a_bad_chunk_cuts_an_answer_that_has_begun)
{
	begin_story(c);
	client_send(c, CHUNKED("/wrong/none") "5\r\nabcde\r\n");
	client_expect(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\nDate: *\r\n"
	    "\r\n12345");
	client_send(c, "zz\r\n");
	client_expect_cut(c);
	expect_trace("head /wrong/none;gone refused;");
	client_close(c);
}

/* What was answered without it stays answered. */
STORY(a_bad_chunk_behind_an_answer_takes_nothing_away)
{
	begin_story(c);
	client_send(c, CHUNKED("/hello") "zz\r\n");
	client_expect(c, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
	    "Content-Length: 5\r\nConnection: close\r\nDate: *\r\n\r\nhello");
	client_expect_end(c);
	expect_trace("head /hello;gone refused;");
	client_close(c);
}

/* --- deadlines ----------------------------------------------------------- */

STORY(a_slow_head_is_refused)
{
	w.limits.head_ms = 100;
	w.limits.idle_ms = 60000;
	begin_story(c);
	client_send(c, "GET /hello HTTP/1.1\r\n");
	client_expect(c, REFUSAL("408 Request Timeout", "43",
	    "the request's head took too long to arrive"));
	client_expect_end(c);
	expect_trace("refuse 408 head-timeout;gone refused;");
	client_close(c);
}

/* A byte now and then does not put the deadline off. */
STORY(a_dripping_head_is_refused)
{
	const struct timespec drop = { .tv_nsec = 20 * 1000 * 1000 };

	w.limits.head_ms = 200;
	begin_story(c);
	client_send(c, "GET /hello HTTP/1.1\r\nHost: a\r\nX: ");
	for (int i = 0; i < 500 && !has_trace(); i++) {
		client_write(c, "x", 1);
		nanosleep(&drop, NULL);
	}
	expect_trace("refuse 408 head-timeout;gone refused;");
	client_close(c);
}

STORY(idle_connections_just_close)
{
	w.limits.idle_ms = 100;
	begin_story(c);
	client_expect_end(c);
	client_close(c);
	client_open(c);
	client_send(c, GET("/hello"));
	client_expect(c, HELLO);
	client_expect_end(c);
	expect_trace("head /hello;gone done;");
	client_close(c);
}

/* Whoever connects to a TLS port must get on with it as well. */
static void
a_silent_handshake_ends(void **state)
{
	struct client c;

	(void)state;
	world_begin(true);
	w.limits.head_ms = 100;
	world_go();
	client_connect(&c);
	client_expect_end(&c);
	expect_trace("");
	client_close(&c);
	world_end();
}

STORY(a_stalled_body_is_refused)
{
	w.limits.body_idle_ms = 100;
	begin_story(c);
	client_send(c, POST("/echo", "10") "abc");
	client_expect(c, REFUSAL("408 Request Timeout", "36",
	    "the request's body stopped arriving"));
	client_expect_end(c);
	expect_trace("head /echo;refuse 408 body-timeout;gone refused;");
	client_close(c);
}

/* A byte now and then is enough for the one deadline, not for the rate; five
 * seconds are everybody's. */
static void
a_dripping_body_is_refused(void **state)
{
	const struct timespec drop = { .tv_nsec = 50 * 1000 * 1000 };
	struct client c;

	(void)state;
	world_begin(false);
	w.limits.min_body_rate = 1000;
	begin_story(&c);
	client_send(&c, POST("/drop", "100000"));
	expect_trace("head /drop;");
	clear_trace();
	for (int i = 0; i < 400 && !has_trace(); i++) {
		client_write(&c, "x", 1);
		nanosleep(&drop, NULL);
	}
	expect_trace("refuse 408 body-too-slow;gone refused;");
	client_close(&c);
	world_end();
}

/* While the handler holds it back, the client may wait as long. */
STORY(a_pause_is_not_the_clients_delay)
{
	w.limits.body_idle_ms = 10;
	begin_story(c);
	client_send(c, POST("/paused", "6") "abcdef");
	client_expect(c, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nDate: *\r\n\r\n"
	    "abcdef");
	client_close(c);
}

/* Until it is told to go on, the client owes nothing. */
STORY(waiting_for_100_is_not_the_clients_delay)
{
	w.limits.body_idle_ms = 10;
	w.ops.auto_continue = false;
	begin_story(c);
	client_send(c, "POST /later HTTP/1.1\r\nHost: a\r\n"
	    "Content-Length: 3\r\nExpect: 100-continue\r\n\r\n");
	client_expect(c, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
	    "Content-Length: 5\r\nConnection: close\r\nDate: *\r\n\r\nlater");
	client_close(c);
}

STORY(a_client_that_takes_nothing_is_cut)
{
	w.limits.send_idle_ms = 200;
	begin_story(c);
	client_send(c, GET("/length/50000000"));
	expect_trace("head /length/50000000;gone send-timeout;");
	client_close(c);
}

STORY(a_tunnel_in_which_nothing_moves_ends)
{
	w.limits.tunnel_idle_ms = 100;
	begin_story(c);
	client_send(c, "GET /switch HTTP/1.1\r\nHost: a\r\n"
	    "Connection: upgrade\r\nUpgrade: test\r\n\r\nx");
	client_expect(c, "HTTP/1.1 101 *\r\nConnection: Upgrade\r\n"
	    "Upgrade: test\r\n\r\nx");
	client_expect_cut(c);
	expect_trace("head /switch;gone tunnel-idle;");
	client_close(c);
}

/* --- clients that leave -------------------------------------------------- */

static const struct stage {
	const char	*sent;
	const char	*before;	/* the trace to wait for */
	const char	*after;
} stages[] = {
	{ "", "", "" },
	{ "GET /hel", "", "" },
	{ POST("/echo", "10") "abc", "head /echo;",
	    "head /echo;gone client-left;" },
	{ CHUNKED("/echo") "3\r\nab", "head /echo;",
	    "head /echo;gone client-left;" },
	{ GET("/drop"), "head /drop;", "head /drop;gone client-left;" },
	{ GET("/drop") GET("/never"), "head /drop;",
	    "head /drop;gone client-left;" },
	{ POST("/paused/for/ever", "3") "abc", "head /paused/for/ever;",
	    "head /paused/for/ever;gone client-left;" },
	{ GET("/length/100000000"), "head /length/100000000;",
	    "head /length/100000000;gone client-left;" },
	{ POST("/early", "1000") "x", "head /early;gone done;",
	    "head /early;gone done;" },
};

static uint64_t connections;

static void
count_connections(void)
{
	connections = w.server->connections;
}

/* The server's thread has an eventful life: ask it until it is so. */
static void
expect_no_connections(void)
{
	struct timespec until = deadline_of(WAIT_SECONDS), now;

	do {
		on_loop(count_connections);
		clock_gettime(CLOCK_REALTIME, &now);
	} while (connections > 0 && now.tv_sec < until.tv_sec);
	assert_int_equal(connections, 0);
}

static void
leave_at_every_stage(bool tls, void (*leave)(struct client *))
{
	for (size_t i = 0; i < sizeof(stages) / sizeof(stages[0]); i++) {
		struct client c;

		world_begin(tls);
		begin_story(&c);
		client_send(&c, stages[i].sent[0] == '\0' ? GET("/hello") :
		    stages[i].sent);
		if (stages[i].sent[0] == '\0') {
			client_expect(&c, HELLO);
			expect_trace("head /hello;gone done;");
			clear_trace();
		}
		expect_trace(stages[i].before);
		leave(&c);
		expect_no_connections();
		expect_trace(stages[i].after);
		world_end();
	}
}

static void
resets_are_noticed_at_every_stage(void **state)
{
	(void)state;
	leave_at_every_stage(false, client_reset);
	leave_at_every_stage(true, client_reset);
}

/* Over TLS an end without close_notify is a cut, on a plain connection it may
 * be half a close: there the answer is awaited. */
static void
tls_truncation_is_noticed(void **state)
{
	(void)state;
	leave_at_every_stage(true, client_close);
}

static void
half_closed_clients_get_their_answer(void **state)
{
	struct client c;

	(void)state;
	world_begin(false);
	begin_story(&c);
	client_send(&c, GET("/later") GET("/hello"));
	shutdown(c.fd, SHUT_WR);
	client_expect(&c, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
	    "Content-Length: 5\r\n");
	while (client_more(&c) > 0)
		continue;
	expect_trace("head /later;gone done;head /hello;gone done;");
	client_close(&c);
	expect_no_connections();

	/* ... unless what they ended was a request. */
	clear_trace();
	client_open(&c);
	client_send(&c, POST("/echo", "10") "abc");
	shutdown(c.fd, SHUT_WR);
	client_expect_end(&c);
	expect_trace("head /echo;gone client-left;");
	client_close(&c);

	/* Half a close and then the rest of it. */
	clear_trace();
	client_open(&c);
	client_send(&c, GET("/drop"));
	shutdown(c.fd, SHUT_WR);
	expect_trace("head /drop;");
	client_reset(&c);
	expect_trace("head /drop;gone client-left;");
	world_end();
}

/* --- handlers that break their word -------------------------------------- */

STORY(an_answer_that_cannot_be_completed_is_cut)
{
	static const char *const paths[] = { "short", "long", "abort" };

	world_go();
	for (size_t i = 0; i < 3; i++) {
		char text[128], expected[128];

		snprintf(text, sizeof(text), "GET /wrong/%s HTTP/1.1\r\n"
		    "Host: a\r\n\r\n", paths[i]);
		snprintf(expected, sizeof(expected),
		    "head /wrong/%s;gone aborted;", paths[i]);
		client_open(c);
		client_send(c, text);
		client_expect_cut(c);
		expect_trace(expected);
		client_close(c);
		clear_trace();
	}
}

/* gone() comes for each, and nothing is left behind. */
STORY(the_servers_end_is_the_requests_end)
{
	struct client idle, head, busy;

	begin_story(c);
	client_open(&idle);
	client_open(&head);
	client_open(&busy);
	client_send(&head, "GET /");
	client_send(&busy, GET("/drop"));
	expect_trace("head /drop;");
	client_close(&idle);
	client_close(&head);
	client_close(&busy);
	client_close(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bad_head_is_refused),
		cmocka_unit_test(a_refusal_of_head_has_no_body),
		cmocka_unit_test(a_bad_head_ends_the_pipeline),
		cmocka_unit_test(a_line_of_10001_bytes_is_refused),
		cmocka_unit_test(a_head_of_40_kib_is_refused),
		cmocka_unit_test(a_body_said_to_be_too_large_is_refused_unread),
		cmocka_unit_test(the_refused_may_finish_sending),
		cmocka_unit_test(a_chunked_body_may_grow_too_large),
		cmocka_unit_test(a_bad_chunk_is_refused),
		cmocka_unit_test(a_bad_chunk_cuts_an_answer_that_has_begun),
		cmocka_unit_test(
		    a_bad_chunk_behind_an_answer_takes_nothing_away),
		cmocka_unit_test(a_slow_head_is_refused),
		cmocka_unit_test(a_dripping_head_is_refused),
		cmocka_unit_test(idle_connections_just_close),
		cmocka_unit_test(a_silent_handshake_ends),
		cmocka_unit_test(a_stalled_body_is_refused),
		cmocka_unit_test(a_dripping_body_is_refused),
		cmocka_unit_test(a_pause_is_not_the_clients_delay),
		cmocka_unit_test(waiting_for_100_is_not_the_clients_delay),
		cmocka_unit_test(a_client_that_takes_nothing_is_cut),
		cmocka_unit_test(a_tunnel_in_which_nothing_moves_ends),
		cmocka_unit_test(resets_are_noticed_at_every_stage),
		cmocka_unit_test(tls_truncation_is_noticed),
		cmocka_unit_test(half_closed_clients_get_their_answer),
		cmocka_unit_test(an_answer_that_cannot_be_completed_is_cut),
		cmocka_unit_test(the_servers_end_is_the_requests_end),
	};

	return cmocka_run_group_tests(tests, prepare, clean_up);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Requests that go well: framing, keep-alive, pipelining, bodies of every
 * size both ways, interim answers, tunnels.
 */
#include "world.h"

STORY(a_request_is_answered)
{
	begin_story(c);
	client_send(c, GET("/hello"));
	client_expect(c, HELLO);
	expect_trace("head /hello;gone done;");
	client_send(c, GET("/later"));
	client_expect(c, OK_HEAD("5") "later");
	expect_trace("head /hello;gone done;head /later;gone done;");
	client_close(c);
}

STORY(the_client_may_ask_to_close)
{
	begin_story(c);
	client_send(c, "GET /hello HTTP/1.1\r\nHost: a\r\n"
	    "Connection: close\r\n\r\n");
	client_expect(c, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
	    "Content-Length: 5\r\nConnection: close\r\nDate: *\r\n\r\nhello");
	client_expect_end(c);
	client_close(c);
}

STORY(http_1_0_gets_what_it_understands)
{
	begin_story(c);
	client_send(c, "GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
	client_expect(c, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
	    "Content-Length: 5\r\nConnection: keep-alive\r\nDate: *\r\n\r\n"
	    "hello");
	client_send(c, "GET /inform HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
	client_expect(c, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
	    "Content-Length: 8\r\nConnection: keep-alive\r\nDate: *\r\n\r\n"
	    "informed");
	/* An unknown length ends with the connection. */
	client_send(c, "GET /stream/3 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
	client_expect(c, "HTTP/1.1 200 OK\r\nConnection: close\r\nDate: *\r\n\r\n"
	    "aaa");
	client_expect_end(c);
	client_close(c);
}

STORY(some_answers_have_no_body)
{
	begin_story(c);
	client_send(c, "HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\n");
	client_expect(c, OK_HEAD("5"));
	client_send(c, "HEAD /stream/30000 HTTP/1.1\r\nHost: a\r\n\r\n");
	client_expect(c, "HTTP/1.1 200 OK\r\nDate: *\r\n\r\n");
	client_send(c, GET("/none"));
	client_expect(c, "HTTP/1.1 204 No Content\r\nDate: *\r\n\r\n");
	client_send(c, GET("/hello"));
	client_expect(c, HELLO);
	client_close(c);
}

STORY(pipelined_requests_are_answered_in_order)
{
	begin_story(c);
	client_send(c, GET("/later/1") POST("/echo/2", "3") "abc"
	    GET("/hello/3") GET("/later/4") "GET /hel");
	client_expect(c, OK_HEAD("5") "later");
	client_expect(c, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nDate: *\r\n"
	    "\r\nabc");
	client_expect(c, HELLO);
	client_expect(c, OK_HEAD("5") "later");
	client_send(c, "lo/5 HTTP/1.1\r\nHost: a\r\n\r\n");
	client_expect(c, HELLO);
	expect_trace("head /later/1;gone done;head /echo/2;body 3;gone done;"
	    "head /hello/3;gone done;head /later/4;gone done;"
	    "head /hello/5;gone done;");
	client_close(c);
}

/* More at once than anybody holds: 4 MiB of requests behind one another. */
STORY(many_pipelined_requests_do_not_pile_up)
{
	enum { REQUESTS = 2000 };
	struct buf all = { 0 };
	size_t sent = 0;
	unsigned answers = 0;

	begin_story(c);
	for (int i = 0; i < REQUESTS; i++)
		buf_text(&all, GET("/hello"));
	while (answers < REQUESTS) {
		size_t piece = all.len - sent < 16000 ? all.len - sent : 16000;

		if (piece > 0)
			assert_int_equal(client_write(c, all.p + sent, piece),
			    piece);
		sent += piece;
		for (unsigned i = 0; i < 400 && answers < sent / (all.len /
		    REQUESTS); i++, answers++)
			client_expect(c, HELLO);
	}
	buf_fini(&all);
	client_close(c);
}

STORY(a_head_may_come_in_pieces)
{
	const char *text = GET("/hello");

	begin_story(c);
	for (size_t i = 0; i < strlen(text); i++)
		assert_int_equal(client_write(c, text + i, 1), 1);
	client_expect(c, HELLO);
	client_close(c);
}

/* Larger than a small chunk of held input, cut at an awkward place. */
STORY(a_long_head_may_come_in_pieces)
{
	struct buf head = { 0 };

	begin_story(c);
	buf_text(&head, "GET /hello HTTP/1.1\r\nHost: a\r\n");
	for (int i = 0; i < 4; i++)
		buf_printf(&head, "X-Long-%d: %07000d\r\n", i, i);
	buf_text(&head, "\r\n");
	assert_true(head.len > CHUNK_SMALL && head.len < H1_HEAD_MAX);
	for (size_t at = 0; at < head.len;) {
		size_t n = head.len - at < 8100 ? head.len - at : 8100;

		assert_int_equal(client_write(c, head.p + at, n), n);
		at += n;
	}
	client_expect(c, HELLO);
	buf_fini(&head);
	client_close(c);
}

STORY(bodies_arrive_whole)
{
	begin_story(c);
	client_send(c, POST("/echo", "0"));
	client_expect(c, OK_HEAD("0"));
	client_send(c, POST("/echo", "5") "ab");
	client_send(c, "cde");
	client_expect(c, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nDate: *\r\n\r\n"
	    "abcde");
	client_send(c, CHUNKED("/echo") "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n"
	    "X-Sum: 7\r\nContent-Length: 9\r\n\r\n" GET("/hello"));
	client_expect(c, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nDate: *\r\n\r\n"
	    "abcde" HELLO);
	client_send(c, CHUNKED("/echo") "0\r\n\r\n");
	client_expect(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nDate: *\r\n\r\n");
	expect_trace("head /echo;gone done;head /echo;body 5;gone done;"
	    "head /echo;body 5 X-Sum: 7\r\n;gone done;head /hello;gone done;"
	    "head /echo;body 0;gone done;");
	client_close(c);
}

#define BARE_HEAD(length) "HTTP/1.1 200 OK\r\nContent-Length: " length \
	"\r\nDate: *\r\n\r\n"

/* What is there to be looked at with the head is delivered all the same. */
STORY(a_body_that_came_with_its_head_is_shown_with_it)
{
	begin_story(c);
	client_send(c, POST("/whole", "3") "abc"
	    CHUNKED("/whole/2") "1\r\nd\r\n0\r\n\r\n");
	client_expect(c, BARE_HEAD("3") "abc" BARE_HEAD("1") "d");
	expect_trace("head /whole;whole abc;body 3;gone done;"
	    "head /whole/2;body 1;gone done;");
	clear_trace();
	client_send(c, POST("/whole", "3") "ab");
	expect_trace("head /whole;");
	client_send(c, "c");
	client_expect(c, BARE_HEAD("3") "abc");
	expect_trace("head /whole;body 3;gone done;");
	client_close(c);
}

enum { HUGE = 5 * 1000 * 1000 };

static void *
send_huge(void *arg)
{
	struct client *c = arg;
	static char piece[50000];

	for (int i = 0; i < HUGE / 50000; i++)
		if (client_write(c, piece, 50000) != 50000)
			return NULL;
	return NULL;
}

/* The handler counts a body that nobody could hold at once. */
STORY(a_huge_body_arrives)
{
	begin_story(c);
	client_send(c, POST("/drop", "5000000"));
	send_huge(c);
	expect_trace("head /drop;body 5000000;");
	client_reset(c);
	expect_trace("head /drop;body 5000000;gone client-left;");
}

STORY(a_huge_body_is_echoed)
{
	pthread_t sender;

	begin_story(c);
	client_send(c, POST("/echo", "5000000"));
	assert_int_equal(pthread_create(&sender, NULL, send_huge, c), 0);
	assert_int_equal(pthread_join(sender, NULL), 0);
	client_expect(c, "HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n"
	    "Date: *\r\n\r\n");
	while (c->got.len < HUGE)
		assert_true(client_more(c) > 0);
	assert_int_equal(c->got.len, HUGE);
	client_close(c);
}

/* What waits for the client stays near the mark, however much is to come. */
STORY(the_answer_waits_for_a_slow_client)
{
	begin_story(c);
	client_send(c, GET("/length/20000000") GET("/hello"));
	client_expect(c, "HTTP/1.1 200 OK\r\nContent-Length: 20000000\r\n"
	    "Date: *\r\n\r\n");
	expect_trace("head /length/20000000;");
	for (size_t got = c->got.len; got < 20000000;) {
		ssize_t n;

		buf_clear(&c->got);
		n = client_more(c);
		assert_true(n > 0);
		got += (size_t)n;
		if (got > 20000000)
			buf_consume(&c->got, c->got.len - (got - 20000000));
		else
			buf_clear(&c->got);
	}
	client_expect(c, HELLO);
	expect_trace("head /length/20000000;gone done;head /hello;gone done;");
	client_close(c);
}

STORY(an_unknown_length_is_chunked)
{
	struct buf expected = { 0 };

	begin_story(c);
	client_send(c, GET("/stream/12000"));
	client_expect(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
	    "Date: *\r\n\r\n2710\r\n");
	for (int i = 0; i < 10000; i++)
		buf_char(&expected, 'b');
	buf_text(&expected, "\r\n7d0\r\n");
	for (int i = 0; i < 2000; i++)
		buf_char(&expected, 'a');
	buf_text(&expected, "\r\n0\r\nX-End: yes\r\n\r\n");
	client_expect(c, buf_cstr(&expected));
	client_send(c, GET("/hello"));
	client_expect(c, HELLO);
	buf_fini(&expected);
	client_close(c);
}

STORY(interim_answers_come_first)
{
	begin_story(c);
	client_send(c, GET("/inform"));
	client_expect(c, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
	    OK_HEAD("8") "informed");
	client_close(c);
}

#define EXPECTING(path) "POST " path " HTTP/1.1\r\nHost: a\r\n" \
	"Content-Length: 3\r\nExpect: 100-continue\r\n\r\n"

STORY(waiting_clients_are_told_to_continue)
{
	begin_story(c);
	client_send(c, EXPECTING("/echo"));
	client_expect(c, "HTTP/1.1 100 Continue\r\n\r\n");
	client_send(c, "abc");
	client_expect(c, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nDate: *\r\n\r\n"
	    "abc");
	/* One that does not wait needs no telling. */
	client_send(c, EXPECTING("/echo") "abc");
	client_expect(c, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nDate: *\r\n\r\n"
	    "abc");
	/* An answer at once: whether the body comes, nobody can tell. */
	client_send(c, EXPECTING("/early"));
	client_expect(c, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
	    "Content-Length: 5\r\nConnection: close\r\nDate: *\r\n\r\nhello");
	client_expect_end(c);
	client_close(c);
}

STORY(the_handler_may_decide_on_continue)
{
	w.ops.auto_continue = false;
	begin_story(c);
	client_send(c, EXPECTING("/continue"));
	client_expect(c, "HTTP/1.1 100 Continue\r\n\r\n");
	client_send(c, "abc");
	client_expect(c, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nDate: *\r\n\r\n"
	    "abc");
	client_close(c);
}

STORY(a_pause_holds_the_body_back)
{
	begin_story(c);
	client_send(c, POST("/paused", "6") "abcdef" GET("/hello"));
	client_expect(c, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nDate: *\r\n\r\n"
	    "abcdef" HELLO);
	client_send(c, CHUNKED("/paused") "3\r\nabc\r\n");
	expect_trace("head /paused;body 6;gone done;head /hello;gone done;"
	    "head /paused;");
	client_send(c, "3\r\ndef\r\n0\r\n\r\n");
	client_expect(c, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nDate: *\r\n\r\n"
	    "abcdef");
	client_close(c);
}

#define SWITCH "GET /switch HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\n" \
	"Upgrade: test\r\n\r\n"

STORY(a_tunnel_carries_bytes_both_ways)
{
	begin_story(c);
	client_send(c, SWITCH "first");
	client_expect(c, "HTTP/1.1 101 Switching Protocols\r\n"
	    "Connection: Upgrade\r\nUpgrade: test\r\n\r\nfirst");
	client_send(c, GET("/no-request-any-more"));
	client_expect(c, GET("/no-request-any-more"));
	if (over_tls)
		SSL_shutdown(c->ssl);
	else
		shutdown(c->fd, SHUT_WR);
	client_expect(c, "bye");
	client_expect_end(c);
	expect_trace("head /switch;body 51;gone done;");
	client_close(c);
}

STORY(an_early_answer_keeps_the_connection_if_it_can)
{
	begin_story(c);
	client_send(c, POST("/early", "10") "01234");
	client_expect(c, HELLO);
	expect_trace("head /early;gone done;");
	client_send(c, "56789" GET("/hello"));
	client_expect(c, HELLO);
	/* A body of unknown length: no. */
	client_send(c, CHUNKED("/early") "5\r\nabcde\r\n");
	client_expect(c, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
	    "Content-Length: 5\r\nConnection: close\r\nDate: *\r\n\r\nhello");
	client_expect_end(c);
	client_close(c);
}

static void
drain(void)
{
	server_drain(w.server);
}

#define LAST_HELLO "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n" \
	"Content-Length: 5\r\nConnection: close\r\nDate: *\r\n\r\nhello"

STORY(draining_ends_idle_connections_only)
{
	struct client idle, used, busy;

	begin_story(c);
	client_open(&idle);
	client_open(&used);
	client_open(&busy);
	client_send(&idle, GET("/hello"));
	client_expect(&idle, HELLO);
	client_send(&used, GET("/hello"));
	client_expect(&used, HELLO);
	client_send(&busy, POST("/echo", "3") "a");
	expect_trace("head /hello;gone done;head /hello;gone done;head /echo;");
	on_loop(drain);
	/* Who asks all the time is told before it ends. */
	client_send(&used, GET("/hello"));
	client_expect(&used, LAST_HELLO);
	client_expect_end(&used);
	client_send(&busy, "bc");
	client_expect(&busy, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n"
	    "Connection: close\r\nDate: *\r\n\r\nabc");
	client_expect_end(&busy);
	/* One that has not had its turn yet gets it. */
	client_send(c, GET("/hello"));
	client_expect(c, LAST_HELLO);
	client_expect_end(c);
	client_expect_end(&idle);
	client_close(&idle);
	client_close(&used);
	client_close(&busy);
	client_close(c);
}

STORY(a_connection_serves_so_many_requests)
{
	w.limits.requests = 2;
	begin_story(c);
	client_send(c, GET("/hello") GET("/hello") GET("/hello"));
	client_expect(c, HELLO LAST_HELLO);
	client_expect_end(c);
	expect_trace("head /hello;gone done;head /hello;gone done;");
	client_close(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_answered),
		cmocka_unit_test(the_client_may_ask_to_close),
		cmocka_unit_test(http_1_0_gets_what_it_understands),
		cmocka_unit_test(some_answers_have_no_body),
		cmocka_unit_test(pipelined_requests_are_answered_in_order),
		cmocka_unit_test(many_pipelined_requests_do_not_pile_up),
		cmocka_unit_test(a_head_may_come_in_pieces),
		cmocka_unit_test(a_long_head_may_come_in_pieces),
		cmocka_unit_test(bodies_arrive_whole),
		cmocka_unit_test(a_body_that_came_with_its_head_is_shown_with_it),
		cmocka_unit_test(a_huge_body_arrives),
		cmocka_unit_test(a_huge_body_is_echoed),
		cmocka_unit_test(the_answer_waits_for_a_slow_client),
		cmocka_unit_test(an_unknown_length_is_chunked),
		cmocka_unit_test(interim_answers_come_first),
		cmocka_unit_test(waiting_clients_are_told_to_continue),
		cmocka_unit_test(the_handler_may_decide_on_continue),
		cmocka_unit_test(a_pause_holds_the_body_back),
		cmocka_unit_test(a_tunnel_carries_bytes_both_ways),
		cmocka_unit_test(an_early_answer_keeps_the_connection_if_it_can),
		cmocka_unit_test(draining_ends_idle_connections_only),
		cmocka_unit_test(a_connection_serves_so_many_requests),
	};

	return cmocka_run_group_tests(tests, prepare, clean_up);
}

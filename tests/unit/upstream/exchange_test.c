/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The contract of an exchange, against a peer that behaves and one that does
 * not.
 */
#include <fcntl.h>

#include "support/folder.h"
#include "support/peer.h"

#include "base/clock.h"
#include "upstream/upstream_private.h"

/* --- answers as they should be --------------------------------------------- */

static const char *answer_text;

static void
answers_once(struct peer *p)
{
	int fd = peer_accept(p);

	peer_request(p, fd);
	peer_text(fd, answer_text);
	close(fd);
}

static void
delivers_every_framing(void **state)
{
	static const struct {
		const char	*answer, *calls;
		enum h1_method	 method;
	} rows[] = {
		{ OK_HELLO, "head 200; body 'hello' last; done", METHOD_GET },
		{ "HTTP/1.1 204 No Content\r\n\r\n", "head 204; done",
		    METHOD_GET },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
		    "head 200; done", METHOD_GET },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
		    "head 200; done", METHOD_HEAD },
		{ "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
		    "head 304; done", METHOD_GET },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		    "3\r\nabc\r\n0\r\n\r\n",
		    "head 200; body 'abc' last; done", METHOD_GET },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		    "1\r\na\r\n2;x=y\r\nbc\r\n0\r\nX-T: 1\r\n\r\n",
		    "head 200; body 'a'; body 'bc'; body '' last; "
		    "trailers 'X-T: 1\r\n'; done", METHOD_GET },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		    "0\r\n\r\n", "head 200; body '' last; done", METHOD_GET },
		{ "HTTP/1.1 200 OK\r\n\r\nuntil the end",
		    "head 200; body 'until the end'; body '' last; done",
		    METHOD_GET },
		{ "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi",
		    "head 200; body 'hi' last; done", METHOD_GET },
		{ "HTTP/1.1 100 Continue\r\n\r\n"
		    "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" OK_HELLO,
		    "inform 100; inform 103; head 200; body 'hello' last; "
		    "done", METHOD_GET },
		/* not HTTP as we accept it */
		{ "HTTP/1.1 2000 OK\r\n\r\n", "bad-answer", METHOD_GET },
		{ "SSH-2.0-OpenSSH\r\n\r\n", "bad-answer", METHOD_GET },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n"
		    "Content-Length: 2\r\n\r\nx", "bad-answer", METHOD_GET },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		    "zz\r\n", "bad-answer", METHOD_GET },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		    "1\r\na\r\nzz\r\n", "bad-answer", METHOD_GET },
		{ "HTTP/1.1 101 Switching Protocols\r\n"
		    "Connection: upgrade\r\nUpgrade: x\r\n\r\n",
		    "bad-answer", METHOD_GET },	/* nobody asked */
		/* cut off */
		{ "", "connection-broken", METHOD_GET },
		{ "HTTP/1.1 200 O", "connection-broken", METHOD_GET },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
		    "head 200; body 'half'; connection-broken", METHOD_GET },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		    "9\r\nhalf",
		    "head 200; body 'half'; connection-broken", METHOD_GET },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct exchange_request request = a_request(rows[i].method,
		    GET_HEAD);
		struct peer p;
		struct client c;

		answer_text = rows[i].answer;
		client_meet(&c, &p, answers_once);
		client_begin(&c, &request);
		loop_run(c.loop);
		if (strcmp(buf_cstr(&c.log), rows[i].calls) != 0)
			fail_msg("row %zu: %s", i, buf_cstr(&c.log));
		assert_int_equal(c.done, 1);
		assert_false(c.reused);
		assert_true(c.sent);
		peer_join(&p);
		assert_string_equal(p.seen, GET_HEAD);
		client_fini(&c);
	}
}

static void
drips(struct peer *p)
{
	static const char text[] = "HTTP/1.1 200 OK\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\nX: y\r\n\r\n";
	int fd = peer_accept(p);
	int one = 1;

	setsockopt(fd, IPPROTO_TCP, 1 /* TCP_NODELAY */, &one, sizeof(one));
	peer_request(p, fd);
	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		peer_bytes(fd, text + i, 1);
		usleep(200);		/* no event tells that it was read */
	}
	peer_wait_close(fd);
}

static void
an_answer_may_come_byte_by_byte(void **state)
{
	struct peer p;
	struct client c;

	(void)state;
	client_meet(&c, &p, drips);
	client_get(&c);
	assert_int_equal(c.end, EXCHANGE_DONE);
	assert_string_equal(buf_cstr(&c.body), "abcd");
	assert_non_null(strstr(buf_cstr(&c.log), "trailers 'X: y\r\n'; done"));
	client_part(&c, &p);
}

static void
informs_for_ever(struct peer *p)
{
	int fd = peer_accept(p);

	peer_request(p, fd);
	for (int i = 0; i < 40; i++)
		peer_text(fd, "HTTP/1.1 102 Processing\r\n\r\n");
	peer_wait_close(fd);
}

static void
interim_answers_are_bounded(void **state)
{
	struct peer p;
	struct client c;

	(void)state;
	client_meet(&c, &p, informs_for_ever);
	client_get(&c);
	assert_int_equal(c.end, EXCHANGE_BAD_ANSWER);
	client_part(&c, &p);
}

static void
answers_in_two(struct peer *p)
{
	int fd = peer_accept(p);

	for (int i = 0; i < 2; i++) {
		peer_request(p, fd);
		peer_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe");
		sem_wait(&p->go);
		peer_text(fd, "llo");
	}
	peer_request(p, fd);
	peer_text(fd, OK_HELLO);
	peer_request(p, fd);
	peer_text(fd, "HTTP/1.1 204 No Content\r\n\r\n");
	peer_wait_close(fd);
}

static struct peer *acting_peer;

static void
lets_peer_go(struct client *c, const char *what)
{
	(void)c;
	if (strcmp(what, "head") == 0)
		sem_post(&acting_peer->go);
}

static void
the_front_of_a_body_can_be_taken_with_its_head(void **state)
{
	struct peer p;
	struct client c;

	(void)state;
	peer_listen(&p);
	acting_peer = &p;
	peer_play(&p, answers_in_two);
	client_init(&c, &p.at);
	c.act = lets_peer_go;
	assert_string_equal(client_get(&c),
	    "head 200; body 'he'; body 'llo' last; done");
	c.take_front = true;
	assert_string_equal(client_get(&c),
	    "head 200; front 'he'; body 'llo' last; done");
	assert_string_equal(client_get(&c),
	    "head 200; front 'hello' all; done");
	assert_string_equal(client_get(&c), "head 204; front '' all; done");
	assert_true(c.reused);
	client_part(&c, &p);
}

/* --- reuse ----------------------------------------------------------------- */

static void
answers_three(struct peer *p)
{
	int fd = peer_accept(p);

	for (int i = 0; i < 3; i++) {
		peer_request(p, fd);
		peer_text(fd, OK_HELLO);
	}
	peer_wait_close(fd);
}

static void
a_connection_is_used_again(void **state)
{
	char at[FOLDER_PATH];

	(void)state;
	folder_begin();
	strcpy(at, folder_path("s"));
	for (int over_unix = 0; over_unix < 2; over_unix++) {
		struct peer p;
		struct client c;

		if (over_unix)
			peer_listen_unix(&p, at);
		else
			peer_listen(&p);
		peer_play(&p, answers_three);
		client_init(&c, &p.at);
		for (int i = 0; i < 3; i++) {
			assert_string_equal(client_get(&c),
			    "head 200; body 'hello' last; done");
			assert_int_equal(c.reused, i > 0);
			assert_int_equal(pools_outstanding(c.pools, c.up), 0);
		}
		client_fini(&c);	/* the one connection is closed */
		peer_join(&p);
		unlink(at);
	}
	folder_end();
}

static const char *first_answer;

/* One answer that forbids reuse, then another on a new connection. */
static void
answers_twice(struct peer *p)
{
	int fd = peer_accept(p);

	peer_request(p, fd);
	peer_text(fd, first_answer);
	peer_wait_close(fd);
	fd = peer_accept(p);
	peer_request(p, fd);
	peer_text(fd, OK_HELLO);
	peer_wait_close(fd);
}

static void
a_connection_is_not_used_again(void **state)
{
	static const char *const firsts[] = {
		"HTTP/1.1 200 OK\r\nConnection: close\r\n"
		    "Content-Length: 0\r\n\r\n",
		"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
		/* bytes that nobody asked for: the next client's answer? */
		"HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\n"
		    "Content-Length: 6\r\n\r\npoison",
		OK_HELLO "x",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		    "0\r\n\r\nx",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(firsts) / sizeof(firsts[0]); i++) {
		struct peer p;
		struct client c;

		first_answer = firsts[i];
		client_meet(&c, &p, answers_twice);
		client_get(&c);
		assert_int_equal(c.end, EXCHANGE_DONE);
		assert_string_equal(client_get(&c),
		    "head 200; body 'hello' last; done");
		assert_false(c.reused);
		client_part(&c, &p);
	}
}

static void
answers_then_closes(struct peer *p)
{
	int fd = peer_accept(p);

	peer_request(p, fd);
	peer_text(fd, OK_HELLO);
	sem_wait(&p->go);
	close(fd);
	fd = peer_accept(p);
	peer_request(p, fd);
	peer_text(fd, OK_HELLO);
	peer_wait_close(fd);
}

static void
a_close_is_noticed_before_reuse(void **state)
{
	struct peer p;
	struct client c;

	(void)state;
	client_meet(&c, &p, answers_then_closes);
	client_get(&c);
	sem_post(&p.go);
	run_for(c.loop, 100);
	client_get(&c);
	assert_int_equal(c.end, EXCHANGE_DONE);
	assert_false(c.reused);
	client_part(&c, &p);
}

static const char *unasked;

static void
answers_then_says_more(struct peer *p)
{
	int fd = peer_accept(p), second;

	peer_request(p, fd);
	peer_text(fd, OK_HELLO);
	sem_wait(&p->go);
	if (unasked[0] == '\0')
		shutdown(fd, SHUT_WR);
	else
		peer_text(fd, unasked);
	sem_post(&p->told);
	second = peer_accept(p);
	peer_request(p, second);
	peer_text(second, OK_HELLO);
	peer_wait_close(second);
	close(fd);
}

static bool
on_poke(void *arg)
{
	struct exchange_request request = a_request(METHOD_GET, GET_HEAD);

	client_begin(arg, &request);
	return false;
}

/* The loop finds both at once, and first whoever wants the connection. */
static void
what_comes_in_the_same_turn_is_noticed_before_reuse(void **state)
{
	static const char *const more[] = { "", "x", "HTTP/1.1 200 OK\r\n"
	    "Content-Length: 6\r\n\r\npoison" };

	(void)state;
	for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
		struct peer p;
		struct client c;
		int poke[2];

		unasked = more[i];
		client_meet(&c, &p, answers_then_says_more);
		must(pipe2(poke, O_NONBLOCK | O_CLOEXEC) == 0);
		client_get(&c);
		loop_on_readable(c.loop, poke[0], on_poke, &c);
		run_for(c.loop, 1);	/* it is watched */
		must(write(poke[1], "!", 1) == 1);
		sem_post(&p.go);
		sem_wait(&p.told);
		loop_run(c.loop);
		assert_string_equal(buf_cstr(&c.log),
		    "head 200; body 'hello' last; done");
		assert_false(c.reused);
		client_part(&c, &p);
		close(poke[0]);
		close(poke[1]);
	}
}

static void
answers_then_closes_unasked(struct peer *p)
{
	int fd = peer_accept(p);

	peer_request(p, fd);
	peer_text(fd, OK_HELLO);
	peer_request(p, fd);
	close(fd);
}

static void
a_reused_connection_that_closes_is_stale(void **state)
{
	struct peer p;
	struct client c;

	(void)state;
	client_meet(&c, &p, answers_then_closes_unasked);
	client_get(&c);
	assert_string_equal(client_get(&c), "stale-connection");
	assert_true(c.reused);
	client_part(&c, &p);
}

static void
idle_connections_expire_and_are_capped(void **state)
{
	struct peer p;
	struct client c;

	(void)state;
	peer_listen(&p);
	first_answer = OK_HELLO;
	peer_play(&p, answers_twice);
	client_init(&c, &p.at);
	c.limits.idle_ms = 1;
	client_get(&c);
	run_for(c.loop, 700);		/* a sweep later */
	client_get(&c);
	assert_false(c.reused);
	client_part(&c, &p);

	client_meet(&c, &p, answers_twice);
	c.limits.idle = 0;
	client_get(&c);
	client_get(&c);
	assert_false(c.reused);
	client_part(&c, &p);
}

/* --- failures -------------------------------------------------------------- */

static void
a_refused_connection_sends_nothing(void **state)
{
	struct peer p;
	struct client c;

	(void)state;
	peer_listen(&p);
	close(p.listener);		/* a port that nobody listens on */
	client_init(&c, &p.at);
	assert_string_equal(client_get(&c), "connection-refused");
	assert_false(c.sent);
	assert_int_equal(pools_outstanding(c.pools, c.up), 0);
	client_fini(&c);
}

static void
says_nothing(struct peer *p)
{
	int fd = peer_accept(p);

	peer_request(p, fd);
	peer_wait_close(fd);
}

static void
says_half(struct peer *p)
{
	int fd = peer_accept(p);

	peer_request(p, fd);
	peer_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
	peer_wait_close(fd);
}

static void
silence_has_its_time(void **state)
{
	struct peer p;
	struct client c;

	(void)state;
	client_meet(&c, &p, says_nothing);
	c.limits.response_head_ms = 50;
	assert_string_equal(client_get(&c), "response-head-timeout");
	client_part(&c, &p);

	client_meet(&c, &p, says_half);
	c.limits.response_idle_ms = 50;
	assert_string_equal(client_get(&c),
	    "head 200; body 'half'; response-body-timeout");
	client_part(&c, &p);
}

/* A listener whose queue is full takes no connection and refuses none. */
static void
connecting_has_its_time(void **state)
{
	struct sockaddr_storage ss;
	struct peer p;
	struct client c;
	int fillers[8];
	socklen_t len;

	(void)state;
	peer_listen(&p);
	listen(p.listener, 0);
	len = endpoint_sockaddr(&p.at, &ss);
	for (size_t i = 0; i < 8; i++) {
		fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		connect(fillers[i], (struct sockaddr *)&ss, len);
	}
	client_init(&c, &p.at);
	c.limits.connect_ms = 50;
	assert_string_equal(client_get(&c), "connect-timeout");
	assert_false(c.sent);
	client_fini(&c);
	for (size_t i = 0; i < 8; i++)
		close(fillers[i]);
	close(p.listener);
}

static void
cancels(struct client *c, const char *what)
{
	if (strcmp(what, "head") == 0) {
		exchange_cancel(&c->ex);
		loop_stop(c->loop);
	}
}

static void
a_cancelled_exchange_is_silent(void **state)
{
	struct exchange_request request = a_request(METHOD_GET, GET_HEAD);
	struct peer p;
	struct client c;

	(void)state;
	peer_listen(&p);
	first_answer = OK_HELLO;
	peer_play(&p, answers_twice);
	client_init(&c, &p.at);

	c.act = cancels;		/* inside a call */
	client_begin(&c, &request);
	loop_run(c.loop);
	run_for(c.loop, 50);
	assert_string_equal(buf_cstr(&c.log), "head 200; ");
	assert_null(c.ex);
	assert_int_equal(pools_outstanding(c.pools, c.up), 0);

	c.act = NULL;			/* while it connects */
	client_begin(&c, &request);
	assert_int_equal(pools_outstanding(c.pools, c.up), 1);
	exchange_cancel(&c.ex);
	run_for(c.loop, 50);
	assert_string_equal(buf_cstr(&c.log), "");
	assert_int_equal(pools_outstanding(c.pools, c.up), 0);
	client_part(&c, &p);
}

static void
cancels_at_the_end(struct client *c, const char *what)
{
	if (strcmp(what, "last") == 0) {
		exchange_cancel(&c->ex);
		loop_stop(c->loop);
	}
}

/* All of it was read: there is nothing wrong with the connection. */
static void
a_cancel_at_the_end_keeps_the_connection(void **state)
{
	struct exchange_request request = a_request(METHOD_GET, GET_HEAD);
	struct peer p;
	struct client c;

	(void)state;
	client_meet(&c, &p, answers_three);
	c.act = cancels_at_the_end;
	client_begin(&c, &request);
	loop_run(c.loop);
	assert_string_equal(buf_cstr(&c.log), "head 200; body 'hello' last; ");
	c.act = NULL;
	client_get(&c);
	assert_true(c.reused);
	client_get(&c);
	assert_int_equal(pools_outstanding(c.pools, c.up), 0);
	client_part(&c, &p);
}

static void
failures_in_a_row_are_told(void **state)
{
	struct peer p;
	struct client c;

	(void)state;
	peer_listen(&p);
	close(p.listener);
	client_init(&c, &p.at);
	atomic_store(&c.up->health, HEALTH_UP);
	for (int i = 0; i < 2; i++)
		client_get(&c);
	assert_false(atomic_load(&c.up->private->suspected));
	client_get(&c);
	assert_int_equal(atomic_load(&c.up->failures), 3);
	assert_true(atomic_load(&c.up->private->suspected));
	/* What comes of it is the control thread's to say. */
	assert_int_equal(atomic_load(&c.up->health), HEALTH_UP);
	run_for(c.loop, 700);		/* the sweep tells the counters */
	assert_int_equal(atomic_load(&c.up->requests), 3);
	assert_int_equal(atomic_load(&c.up->errors), 3);
	client_fini(&c);
}

static void
success_forgives_failures(void **state)
{
	struct peer p;
	struct client c;

	(void)state;
	peer_listen(&p);
	client_init(&c, &p.at);
	atomic_store(&c.up->health, HEALTH_UP);
	atomic_store(&c.up->failures, 2);
	first_answer = OK_HELLO;
	peer_play(&p, answers_three);
	client_get(&c);
	assert_int_equal(atomic_load(&c.up->failures), 0);
	assert_int_equal(atomic_load(&c.up->health), HEALTH_UP);
	client_get(&c);
	client_get(&c);
	client_part(&c, &p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(delivers_every_framing),
		cmocka_unit_test(an_answer_may_come_byte_by_byte),
		cmocka_unit_test(interim_answers_are_bounded),
		cmocka_unit_test(the_front_of_a_body_can_be_taken_with_its_head),
		cmocka_unit_test(a_connection_is_used_again),
		cmocka_unit_test(a_connection_is_not_used_again),
		cmocka_unit_test(a_close_is_noticed_before_reuse),
		cmocka_unit_test(
		    what_comes_in_the_same_turn_is_noticed_before_reuse),
		cmocka_unit_test(a_reused_connection_that_closes_is_stale),
		cmocka_unit_test(idle_connections_expire_and_are_capped),
		cmocka_unit_test(a_refused_connection_sends_nothing),
		cmocka_unit_test(silence_has_its_time),
		cmocka_unit_test(connecting_has_its_time),
		cmocka_unit_test(a_cancelled_exchange_is_silent),
		cmocka_unit_test(a_cancel_at_the_end_keeps_the_connection),
		cmocka_unit_test(failures_in_a_row_are_told),
		cmocka_unit_test(success_forgives_failures),
	};

	alarm(120);			/* a hang is a failure, too */
	return cmocka_run_group_tests(tests, NULL, NULL);
}

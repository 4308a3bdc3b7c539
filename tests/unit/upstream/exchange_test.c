/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The contract of an exchange, against a peer that behaves and one that does
 * not.
 */
#include "peer.h"

#define OK_HELLO	"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

/* --- answers as they should be ---------------------------------------------------------- */

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
		    "zz\r\n", "head 200; bad-answer", METHOD_GET },
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
		peer_listen(&p);
		peer_play(&p, answers_once);
		client_init(&c, &p.at);
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
	peer_listen(&p);
	peer_play(&p, drips);
	client_init(&c, &p.at);
	client_get(&c);
	assert_int_equal(c.end, EXCHANGE_DONE);
	assert_string_equal(buf_cstr(&c.body), "abcd");
	assert_non_null(strstr(buf_cstr(&c.log), "trailers 'X: y\r\n'; done"));
	client_fini(&c);
	peer_join(&p);
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
	peer_listen(&p);
	peer_play(&p, informs_for_ever);
	client_init(&c, &p.at);
	client_get(&c);
	assert_int_equal(c.end, EXCHANGE_BAD_ANSWER);
	client_fini(&c);
	peer_join(&p);
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
	client_fini(&c);
	peer_join(&p);
}

/* --- reuse ---------------------------------------------------------------------------------- */

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
	char path[] = "/tmp/portolan-exchange-XXXXXX";

	(void)state;
	assert_true(mkdtemp(path) != NULL);
	for (int over_unix = 0; over_unix < 2; over_unix++) {
		struct peer p;
		struct client c;
		char at[64];

		snprintf(at, sizeof(at), "%s/s", path);
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
	rmdir(path);
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
		peer_listen(&p);
		peer_play(&p, answers_twice);
		client_init(&c, &p.at);
		client_get(&c);
		assert_int_equal(c.end, EXCHANGE_DONE);
		assert_string_equal(client_get(&c),
		    "head 200; body 'hello' last; done");
		assert_false(c.reused);
		client_fini(&c);
		peer_join(&p);
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
	peer_listen(&p);
	peer_play(&p, answers_then_closes);
	client_init(&c, &p.at);
	client_get(&c);
	sem_post(&p.go);
	run_for(c.loop, 100);
	client_get(&c);
	assert_int_equal(c.end, EXCHANGE_DONE);
	assert_false(c.reused);
	client_fini(&c);
	peer_join(&p);
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
	peer_listen(&p);
	peer_play(&p, answers_then_closes_unasked);
	client_init(&c, &p.at);
	client_get(&c);
	assert_string_equal(client_get(&c), "stale-connection");
	assert_true(c.reused);
	client_fini(&c);
	peer_join(&p);
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
	client_fini(&c);
	peer_join(&p);

	peer_listen(&p);
	peer_play(&p, answers_twice);
	client_init(&c, &p.at);
	c.limits.idle = 0;
	client_get(&c);
	client_get(&c);
	assert_false(c.reused);
	client_fini(&c);
	peer_join(&p);
}

/* --- failures ----------------------------------------------------------------------------------- */

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
	peer_listen(&p);
	peer_play(&p, says_nothing);
	client_init(&c, &p.at);
	c.limits.response_head_ms = 50;
	assert_string_equal(client_get(&c), "response-head-timeout");
	client_fini(&c);
	peer_join(&p);

	peer_listen(&p);
	peer_play(&p, says_half);
	client_init(&c, &p.at);
	c.limits.response_idle_ms = 50;
	assert_string_equal(client_get(&c),
	    "head 200; body 'half'; response-body-timeout");
	client_fini(&c);
	peer_join(&p);
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
	client_fini(&c);
	peer_join(&p);
}

static void
failures_in_a_row_take_it_down(void **state)
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
	assert_int_equal(atomic_load(&c.up->health), HEALTH_UP);
	client_get(&c);
	assert_int_equal(atomic_load(&c.up->health), HEALTH_DOWN);
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
	client_fini(&c);
	peer_join(&p);
}

/* --- request bodies --------------------------------------------------------------------------------- */

#define POST_CHUNKED	"POST /x HTTP/1.1\r\nHost: h\r\n" \
			"Transfer-Encoding: chunked\r\n\r\n"
#define POST_9		"POST /x HTTP/1.1\r\nHost: h\r\n" \
			"Content-Length: 9\r\n\r\n"

static void
reads_chunks(struct peer *p)
{
	int fd = peer_accept(p);

	for (int i = 0; i < 2; i++) {
		peer_read(p, fd, i == 0 ? "0\r\nX-T: v\r\n\r\n" : "0\r\n\r\n");
		sem_post(&p->told);
		sem_wait(&p->go);
		peer_text(fd, OK_HELLO);
	}
	peer_wait_close(fd);
}

static void
a_body_is_sent_in_chunks(void **state)
{
	struct exchange_request request = a_request(METHOD_POST, POST_CHUNKED);
	struct slice none = { NULL, 0 };
	struct peer p;
	struct client c;

	(void)state;
	peer_listen(&p);
	peer_play(&p, reads_chunks);
	client_init(&c, &p.at);
	request.framing = H1_CHUNKED;
	request.body = SLICE("front");
	request.body_whole = false;
	/* All given while it still connects, an empty piece among it. */
	client_begin(&c, &request);
	assert_true(exchange_send(c.ex, SLICE("more")));
	assert_true(exchange_send(c.ex, none));
	exchange_send_last(c.ex, SLICE("end"), SLICE("X-T: v\r\n"));
	run_for(c.loop, 50);
	sem_wait(&p.told);
	assert_string_equal(p.seen, POST_CHUNKED "5\r\nfront\r\n4\r\nmore\r\n"
	    "3\r\nend\r\n0\r\nX-T: v\r\n\r\n");
	sem_post(&p.go);
	loop_run(c.loop);
	assert_int_equal(c.end, EXCHANGE_DONE);

	/* On the pooled connection, whole. */
	request.body = SLICE("all of it");
	request.body_whole = true;
	sem_post(&p.go);
	client_begin(&c, &request);
	loop_run(c.loop);
	sem_wait(&p.told);
	assert_true(c.reused);
	assert_string_equal(p.seen, POST_CHUNKED "9\r\nall of it\r\n0\r\n\r\n");
	client_fini(&c);
	peer_join(&p);
}

static void
answers_before_the_body(struct peer *p)
{
	int fd = peer_accept(p);

	peer_request(p, fd);
	peer_text(fd, "HTTP/1.1 413 Content Too Large\r\n"
	    "Content-Length: 0\r\n\r\n");
	peer_wait_close(fd);
	fd = peer_accept(p);
	peer_request(p, fd);
	peer_text(fd, OK_HELLO);
	peer_wait_close(fd);
}

static void
an_early_answer_ends_it_without_reuse(void **state)
{
	struct exchange_request request = a_request(METHOD_POST, POST_9);
	struct peer p;
	struct client c;

	(void)state;
	peer_listen(&p);
	peer_play(&p, answers_before_the_body);
	client_init(&c, &p.at);
	request.framing = H1_LENGTH;
	request.body = SLICE("front");
	request.body_whole = false;
	client_begin(&c, &request);
	loop_run(c.loop);
	assert_string_equal(buf_cstr(&c.log), "head 413; done");
	client_get(&c);
	assert_false(c.reused);
	client_fini(&c);
	peer_join(&p);
}

/* The answer is in our receive buffer when sending fails: it counts. */
static void
answers_and_hangs_up(struct peer *p)
{
	int fd = peer_accept(p);

	peer_request(p, fd);
	peer_text(fd, "HTTP/1.1 413 Content Too Large\r\n"
	    "Connection: close\r\nContent-Length: 3\r\n\r\nbig");
	shutdown(fd, SHUT_RDWR);
	sem_wait(&p->go);
	close(fd);
}

static char mega[1 << 20];

static void
feeds_on(struct client *c, const char *what)
{
	if (strcmp(what, "drained") == 0 && c->ex != NULL)
		while (exchange_send(c->ex, (struct slice){ mega,
		    sizeof(mega) / 16 }))
			;
}

static void
an_answer_counts_though_sending_fails(void **state)
{
	struct exchange_request request = a_request(METHOD_POST,
	    "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999\r\n\r\n");
	struct peer p;
	struct client c;

	(void)state;
	peer_listen(&p);
	peer_play(&p, answers_and_hangs_up);
	client_init(&c, &p.at);
	c.act = feeds_on;
	request.framing = H1_LENGTH;
	request.body_whole = false;
	client_begin(&c, &request);
	feeds_on(&c, "drained");
	loop_run(c.loop);
	assert_int_equal(c.done, 1);
	/* Whether the kernel kept the answer is a race of its own making. */
	assert_true(c.end == EXCHANGE_DONE || c.end == EXCHANGE_BROKEN);
	sem_post(&p.go);
	client_fini(&c);
	peer_join(&p);
}

/* --- huge bodies ------------------------------------------------------------------------------------ */

enum { HUGE_BYTES = 24 << 20 };

static uint64_t huge_got;

static void
reads_huge(struct peer *p)
{
	static char buf[1 << 16];
	int fd = peer_accept(p);

	peer_request(p, fd);
	sem_wait(&p->go);		/* let it wait in the queues first */
	for (huge_got = 0; huge_got < HUGE_BYTES;) {
		ssize_t n = read(fd, buf, sizeof(buf));

		must(n > 0);
		huge_got += (uint64_t)n;
	}
	peer_text(fd, OK_HELLO);
	peer_wait_close(fd);
}

static uint64_t huge_given;
static bool huge_blocked;

static void
gives_huge(struct client *c, const char *what)
{
	const struct slice piece = { mega, 32 * 1024 };

	if (strcmp(what, "drained") != 0)
		return;
	huge_blocked = false;
	while (!huge_blocked && huge_given < HUGE_BYTES - piece.len) {
		huge_given += piece.len;
		huge_blocked = !exchange_send(c->ex, piece);
	}
	if (!huge_blocked)
		exchange_send_last(c->ex, piece, (struct slice){ NULL, 0 });
}

static void
a_huge_request_waits_for_its_reader(void **state)
{
	struct exchange_request request = a_request(METHOD_POST,
	    "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 25165824\r\n\r\n");
	struct peer p;
	struct client c;

	(void)state;
	huge_given = 0;
	peer_listen(&p);
	peer_play(&p, reads_huge);
	client_init(&c, &p.at);
	c.act = gives_huge;
	request.framing = H1_LENGTH;
	request.body_whole = false;
	client_begin(&c, &request);
	gives_huge(&c, "drained");	/* connecting: 64 KiB and no more */
	assert_true(huge_blocked);
	assert_true(huge_given <= STREAM_HIGH + 32 * 1024);
	run_for(c.loop, 100);
	assert_true(huge_blocked);	/* the kernel's queues are full, too */
	assert_true(huge_given < HUGE_BYTES / 2);
	sem_post(&p.go);
	loop_run(c.loop);
	assert_int_equal(c.end, EXCHANGE_DONE);
	assert_int_equal(huge_got, HUGE_BYTES);
	client_fini(&c);
	peer_join(&p);
}

static bool huge_chunked;

static void
sends_huge(struct peer *p)
{
	int fd = peer_accept(p);
	char head[32];

	peer_request(p, fd);
	peer_text(fd, "HTTP/1.1 200 OK\r\n");
	peer_text(fd, huge_chunked ? "Transfer-Encoding: chunked\r\n\r\n" :
	    "Content-Length: 25165824\r\n\r\n");
	for (size_t sent = 0; sent < HUGE_BYTES; sent += 10240) {
		size_t n = HUGE_BYTES - sent < 10240 ? HUGE_BYTES - sent :
		    10240;

		snprintf(head, sizeof(head), "%zx\r\n", n);
		if (huge_chunked)
			peer_text(fd, head);
		peer_bytes(fd, mega, n);
		if (huge_chunked)
			peer_text(fd, "\r\n");
	}
	if (huge_chunked)
		peer_text(fd, "0\r\n\r\n");
	peer_wait_close(fd);
}

static unsigned pauses;
static size_t paused_at;
static struct timer resume_timer;
static struct client *paused_client;

static void
resumes(struct timer *timer)
{
	(void)timer;
	assert_int_equal(paused_client->body.len, paused_at);
	exchange_resume(paused_client->ex);
}

static void
pauses_often(struct client *c, const char *what)
{
	if (strcmp(what, "body") != 0)
		return;
	/* While paused nothing comes, not even of what was received. */
	assert_false(timer_is_set(&resume_timer));
	if (c->body.len / (1 << 20) <= pauses)
		return;
	pauses++;
	paused_at = c->body.len;
	exchange_pause(c->ex);
	timer_set(c->loop, &resume_timer, 1);
}

static void
a_huge_answer_waits_for_its_reader(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct peer p;
		struct client c;

		huge_chunked = i == 1;
		pauses = 0;
		peer_listen(&p);
		peer_play(&p, sends_huge);
		client_init(&c, &p.at);
		paused_client = &c;
		timer_init(&resume_timer, resumes);
		c.act = pauses_often;
		client_get(&c);
		assert_int_equal(c.end, EXCHANGE_DONE);
		assert_int_equal(c.body.len, HUGE_BYTES);
		assert_true(pauses >= 20);
		client_fini(&c);
		peer_join(&p);
	}
}

/* --- tunnels ---------------------------------------------------------------------------------------- */

#define UPGRADE_HEAD	"GET /ws HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\n" \
			"Upgrade: websocket\r\n\r\n"
#define SWITCHING	"HTTP/1.1 101 Switching Protocols\r\n" \
			"Connection: upgrade\r\nUpgrade: websocket\r\n\r\n"

static void
echoes(struct peer *p)
{
	char buf[256];
	int fd = peer_accept(p);
	ssize_t n;

	peer_request(p, fd);
	peer_text(fd, SWITCHING "welcome ");
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		peer_bytes(fd, buf, (size_t)n);
	peer_text(fd, " bye");
	close(fd);
}

static void
talks(struct client *c, const char *what)
{
	if (strcmp(what, "head") == 0)
		assert_true(exchange_send(c->ex, SLICE("ping")));
	else if (strcmp(what, "body") == 0 && c->body.len == 12)
		exchange_send_last(c->ex, SLICE(""), SLICE(""));
}

static void
a_tunnel_carries_both_ways(void **state)
{
	struct exchange_request request = a_request(METHOD_GET, UPGRADE_HEAD);
	struct peer p;
	struct client c;

	(void)state;
	peer_listen(&p);
	peer_play(&p, echoes);
	client_init(&c, &p.at);
	c.act = talks;
	client_begin(&c, &request);
	loop_run(c.loop);
	assert_int_equal(c.end, EXCHANGE_DONE);
	assert_int_equal(c.done, 1);
	assert_string_equal(buf_cstr(&c.body), "welcome ping bye");
	client_fini(&c);
	peer_join(&p);
}

static void
switches_and_waits(struct peer *p)
{
	int fd = peer_accept(p);

	peer_request(p, fd);
	peer_text(fd, SWITCHING);
	peer_wait_close(fd);
}

static void
a_silent_tunnel_has_its_time(void **state)
{
	struct exchange_request request = a_request(METHOD_GET, UPGRADE_HEAD);
	struct peer p;
	struct client c;

	(void)state;
	peer_listen(&p);
	peer_play(&p, switches_and_waits);
	client_init(&c, &p.at);
	c.limits.tunnel_idle_ms = 50;
	client_begin(&c, &request);
	loop_run(c.loop);
	assert_string_equal(buf_cstr(&c.log),
	    "head 101; response-body-timeout");
	client_fini(&c);
	peer_join(&p);
}

static void
closes_its_side(struct peer *p)
{
	int fd = peer_accept(p);

	peer_request(p, fd);
	peer_text(fd, SWITCHING "last words");
	shutdown(fd, SHUT_WR);
	peer_wait_close(fd);
}

static void
finishes_late(struct client *c, const char *what)
{
	if (strcmp(what, "last") == 0) {
		exchange_send(c->ex, SLICE("still talking"));
		exchange_send_last(c->ex, SLICE(""), SLICE(""));
	}
}

static void
a_tunnel_closes_one_side_at_a_time(void **state)
{
	struct exchange_request request = a_request(METHOD_GET, UPGRADE_HEAD);
	struct peer p;
	struct client c;

	(void)state;
	peer_listen(&p);
	peer_play(&p, closes_its_side);
	client_init(&c, &p.at);
	c.act = finishes_late;
	client_begin(&c, &request);
	loop_run(c.loop);
	assert_int_equal(c.end, EXCHANGE_DONE);
	assert_string_equal(buf_cstr(&c.body), "last words");
	client_fini(&c);
	peer_join(&p);
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
		cmocka_unit_test(a_reused_connection_that_closes_is_stale),
		cmocka_unit_test(idle_connections_expire_and_are_capped),
		cmocka_unit_test(a_refused_connection_sends_nothing),
		cmocka_unit_test(silence_has_its_time),
		cmocka_unit_test(connecting_has_its_time),
		cmocka_unit_test(a_cancelled_exchange_is_silent),
		cmocka_unit_test(failures_in_a_row_take_it_down),
		cmocka_unit_test(success_forgives_failures),
		cmocka_unit_test(a_body_is_sent_in_chunks),
		cmocka_unit_test(an_early_answer_ends_it_without_reuse),
		cmocka_unit_test(an_answer_counts_though_sending_fails),
		cmocka_unit_test(a_huge_request_waits_for_its_reader),
		cmocka_unit_test(a_huge_answer_waits_for_its_reader),
		cmocka_unit_test(a_tunnel_carries_both_ways),
		cmocka_unit_test(a_silent_tunnel_has_its_time),
		cmocka_unit_test(a_tunnel_closes_one_side_at_a_time),
	};

	alarm(120);			/* a hang is a failure, too */
	return cmocka_run_group_tests(tests, NULL, NULL);
}

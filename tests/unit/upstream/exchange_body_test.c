/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Bodies of requests in their framing, and answers that come before their end.
 */
#include "support/peer.h"

#include "base/arena.h"

/* --- request bodies -------------------------------------------------------- */

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
	client_meet(&c, &p, reads_chunks);
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
	client_part(&c, &p);
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
	client_meet(&c, &p, answers_before_the_body);
	request.framing = H1_LENGTH;
	request.body = SLICE("front");
	request.body_whole = false;
	client_begin(&c, &request);
	loop_run(c.loop);
	assert_string_equal(buf_cstr(&c.log), "head 413; done");
	client_get(&c);
	assert_false(c.reused);
	client_part(&c, &p);
}

/* The answer is in our receive buffer when sending fails: it counts. */
static void
answers_and_resets(struct peer *p)
{
	int fd = peer_accept(p);

	peer_request(p, fd);
	sem_wait(&p->go);
	peer_text(fd, "HTTP/1.1 413 Content Too Large\r\n"
	    "Connection: close\r\nContent-Length: 3\r\n\r\nbig");
	peer_reset(fd);
	sem_post(&p->told);
}

static char mega[1 << 20];

static void
an_answer_counts_though_sending_fails(void **state)
{
	struct exchange_request request = a_request(METHOD_POST,
	    "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999\r\n\r\n");
	struct peer p;
	struct client c;

	(void)state;
	client_meet(&c, &p, answers_and_resets);
	request.framing = H1_LENGTH;
	request.body_whole = false;
	client_begin(&c, &request);
	run_for(c.loop, 50);
	sem_post(&p.go);
	sem_wait(&p.told);
	/* Before the loop could notice anything. */
	exchange_send(c.ex, (struct slice){ mega, sizeof(mega) });
	loop_run(c.loop);
	assert_string_equal(buf_cstr(&c.log),
	    "head 413; body 'big' last; done");
	client_part(&c, &p);
}

/* --- bodies that pass -------------------------------------------------------- */

static const char *awaited;		/* the last bytes of a request */

static void
reads_four(struct peer *p)
{
	int fd = peer_accept(p);

	for (int i = 0; i < 4; i++) {
		peer_read(p, fd, awaited);
		sem_post(&p->told);
		sem_wait(&p->go);
		peer_text(fd, OK_HELLO);
	}
	peer_wait_close(fd);
}

/* Its memory is written over as soon as the exchange has begun. */
static void
passes(struct client *c, struct exchange_request *request, bool whole)
{
	char *body = xmalloc(9);

	memcpy(body, whole ? "123456789" : "12345----", 9);
	request->body = (struct slice){ body, whole ? 9 : 5 };
	request->body_whole = whole;
	request->body_passes = true;
	client_begin(c, request);
	memset(body, 'z', 9);
	free(body);
	assert_false(exchange_is_blocked(c->ex));
	if (!whole)
		exchange_send_last(c->ex, SLICE("6789"),
		    (struct slice){ NULL, 0 });
}

/* While it connects, and on a connection that is there; all at once and not. */
static void
a_front_may_pass(void **state)
{
	static const struct {
		enum h1_framing	 framing;
		const char	*head, *whole, *parts, *end;
	} rows[] = {
		{ H1_LENGTH, POST_9, "123456789", "123456789", "6789" },
		{ H1_CHUNKED, POST_CHUNKED, "9\r\n123456789\r\n0\r\n\r\n",
		    "5\r\n12345\r\n4\r\n6789\r\n0\r\n\r\n", "\r\n0\r\n\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < 2; i++)
		for (int first_whole = 0; first_whole < 2; first_whole++) {
			struct exchange_request request = a_request(
			    METHOD_POST, rows[i].head);
			struct buf expected = { 0 };
			struct peer p;
			struct client c;

			awaited = rows[i].end;
			client_meet(&c, &p, reads_four);
			request.framing = rows[i].framing;
			for (int k = 0; k < 4; k++) {
				bool whole = (k + first_whole) % 2 != 0;

				passes(&c, &request, whole);
				run_for(c.loop, 20);
				sem_wait(&p.told);
				buf_clear(&expected);
				buf_text(&expected, rows[i].head);
				buf_text(&expected, whole ? rows[i].whole :
				    rows[i].parts);
				assert_string_equal(p.seen,
				    buf_cstr(&expected));
				sem_post(&p.go);
				loop_run(c.loop);
				assert_int_equal(c.end, EXCHANGE_DONE);
				assert_int_equal(c.reused, k > 0);
			}
			buf_fini(&expected);
			client_part(&c, &p);
		}
}

enum { PASSING_HUGE = 24 << 20 };

/* The second request is not read before the test says so. */
static void
reads_late(struct peer *p)
{
	int fd = peer_accept(p);
	char buf[16 * 1024];
	size_t left = PASSING_HUGE;
	ssize_t n;

	peer_request(p, fd);
	peer_text(fd, OK_HELLO);
	sem_wait(&p->go);
	peer_request(p, fd);
	while (left > 0 && (n = read(fd, buf, left < sizeof(buf) ? left :
	    sizeof(buf))) > 0)
		left -= (size_t)n;
	must(left == 0);
	peer_text(fd, OK_HELLO);
	peer_wait_close(fd);
}

static bool drained;

static void
sends_the_rest(struct client *c, const char *what)
{
	if (strcmp(what, "drained") != 0 || drained)
		return;
	drained = true;
	exchange_send_last(c->ex, SLICE("e"), (struct slice){ NULL, 0 });
}

static void
a_front_that_passes_may_be_too_much(void **state)
{
	struct exchange_request request = a_request(METHOD_POST,
	    "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 25165824\r\n\r\n");
	char *body = xmalloc(PASSING_HUGE);
	struct peer p;
	struct client c;

	(void)state;
	drained = false;
	client_meet(&c, &p, reads_late);
	client_get(&c);
	memset(body, 'b', PASSING_HUGE);
	request.framing = H1_LENGTH;
	request.body = (struct slice){ body, PASSING_HUGE - 1 };
	request.body_whole = false;
	request.body_passes = true;
	c.act = sends_the_rest;
	client_begin(&c, &request);
	free(body);
	assert_true(exchange_is_blocked(c.ex));
	sem_post(&p.go);
	loop_run(c.loop);
	assert_true(drained);
	assert_int_equal(c.end, EXCHANGE_DONE);
	assert_true(c.reused);
	client_part(&c, &p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_body_is_sent_in_chunks),
		cmocka_unit_test(an_early_answer_ends_it_without_reuse),
		cmocka_unit_test(an_answer_counts_though_sending_fails),
		cmocka_unit_test(a_front_may_pass),
		cmocka_unit_test(a_front_that_passes_may_be_too_much),
	};

	alarm(120);			/* a hang is a failure, too */
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Bodies of every size and direction, early answers, and tunnels.
 */
#include "support/peer.h"

#include <fcntl.h>

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
	peer_listen(&p);
	peer_play(&p, answers_and_resets);
	client_init(&c, &p.at);
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
	client_fini(&c);
	peer_join(&p);
}

/* --- huge bodies ----------------------------------------------------------- */

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

/* --- huge bodies that nobody looks at --------------------------------------- */

static struct giver {
	struct stream	 stream;	/* what is moved on comes from here */
	struct client	*client;
	pthread_t	 thread;
	int		 fd;		/* the thread's end */
	uint64_t	 moved, read;
	unsigned	 blocks;	/* by what was moved */
} giver;

static void *
giver_main(void *arg)
{
	(void)arg;
	for (size_t at = 0; at < HUGE_BYTES; at += sizeof(mega))
		peer_bytes(giver.fd, mega, sizeof(mega));
	return NULL;
}

static void
giver_moves(struct stream *s)
{
	struct client *c = giver.client;
	size_t left = HUGE_BYTES - (size_t)(giver.moved + giver.read);
	ssize_t n;

	if (c->ex == NULL || left == 0)
		return;
	n = exchange_splice(c->ex, s, left);
	if (n > 0) {
		giver.moved += (uint64_t)n;
		giver.blocks += exchange_is_blocked(c->ex);
	} else if (n == STREAM_CANNOT) {
		n = stream_read(s, c->loop->scratch, 1000);
		assert_true(n != 0);
		if (n > 0) {
			giver.read += (uint64_t)n;
			exchange_send(c->ex, (struct slice){
			    c->loop->scratch, (size_t)n });
		}
	}
	if (n > 0 && (size_t)n == left)
		exchange_send_last(c->ex, SLICE(""), SLICE(""));
	else if (exchange_is_blocked(c->ex))
		stream_pause(s);
}

static void
giver_goes_on(struct client *c, const char *what)
{
	(void)c;
	if (strcmp(what, "drained") == 0)
		stream_resume(&giver.stream);
}

static void
giver_failed(struct stream *s, enum stream_end end)
{
	(void)s;
	(void)end;
}

static const struct stream_ops giver_ops = { .readable = giver_moves,
    .failed = giver_failed };

static void
giver_begin(struct client *c)
{
	int pair[2];

	must(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	must(fcntl(pair[0], F_SETFL, O_NONBLOCK) == 0);
	giver = (struct giver){ .client = c, .fd = pair[1] };
	c->act = giver_goes_on;
	stream_accept(&giver.stream, c->loop, pair[0], NULL, &giver_ops);
	must(pthread_create(&giver.thread, NULL, giver_main, NULL) == 0);
}

/* The thread, which may be in the middle of writing, sees it closed. */
static void
giver_end(void)
{
	stream_close(&giver.stream);
	pthread_join(giver.thread, NULL);
	close(giver.fd);
}

static const struct exchange_request *
huge_request(bool chunked)
{
	static struct exchange_request request;

	request = a_request(METHOD_POST, chunked ? POST_CHUNKED :
	    "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 25165824\r\n\r\n");
	request.framing = chunked ? H1_CHUNKED : H1_LENGTH;
	request.body_whole = false;
	request.body_follows = true;
	return &request;
}

static void
a_huge_request_is_moved_on(void **state)
{
	struct peer p;
	struct client c;

	(void)state;
	peer_listen(&p);
	peer_play(&p, reads_huge);
	client_init(&c, &p.at);
	client_begin(&c, huge_request(false));
	giver_begin(&c);
	/* Not before it is connected. */
	assert_int_equal(exchange_splice(c.ex, &giver.stream, 1),
	    STREAM_CANNOT);
	for (int i = 0; giver.blocks == 0; i++) {
		assert_true(i < 500);
		run_for(c.loop, 10);
	}
	assert_true(giver.moved < HUGE_BYTES);
	sem_post(&p.go);
	while (c.done == 0)
		loop_run(c.loop);
	assert_int_equal(c.end, EXCHANGE_DONE);
	assert_int_equal(huge_got, HUGE_BYTES);
	assert_true(giver.moved > giver.read);
	giver_end();
	client_fini(&c);
	peer_join(&p);
}

/* Of chunks the sizes would be missing. */
static void
chunks_are_not_moved_on(void **state)
{
	struct peer p;
	struct client c;

	(void)state;
	peer_listen(&p);
	peer_play(&p, answers_before_the_body);
	client_init(&c, &p.at);
	client_begin(&c, huge_request(true));
	giver_begin(&c);
	loop_run(c.loop);
	assert_string_equal(buf_cstr(&c.log), "head 413; done");
	assert_int_equal(giver.moved, 0);
	giver_end();
	client_get(&c);
	client_fini(&c);
	peer_join(&p);
}

static void
leaves_within(struct peer *p)
{
	static char some[100 * 1000];
	int fd = peer_accept(p);

	peer_request(p, fd);
	must(recv(fd, some, sizeof(some), MSG_WAITALL) == sizeof(some));
	peer_reset(fd);
}

/* Its pipe may well be full. */
static void
a_peer_may_leave_while_it_is_moved_on(void **state)
{
	struct peer p;
	struct client c;

	(void)state;
	peer_listen(&p);
	peer_play(&p, leaves_within);
	client_init(&c, &p.at);
	client_begin(&c, huge_request(false));
	giver_begin(&c);
	loop_run(c.loop);
	assert_int_equal(c.end, EXCHANGE_BROKEN);
	giver_end();
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

/* --- tunnels --------------------------------------------------------------- */

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
			peer_listen(&p);
			peer_play(&p, reads_four);
			client_init(&c, &p.at);
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
			client_fini(&c);
			peer_join(&p);
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
	peer_listen(&p);
	peer_play(&p, reads_late);
	client_init(&c, &p.at);
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
	client_fini(&c);
	peer_join(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_body_is_sent_in_chunks),
		cmocka_unit_test(a_front_may_pass),
		cmocka_unit_test(a_front_that_passes_may_be_too_much),
		cmocka_unit_test(an_early_answer_ends_it_without_reuse),
		cmocka_unit_test(an_answer_counts_though_sending_fails),
		cmocka_unit_test(a_huge_request_waits_for_its_reader),
		cmocka_unit_test(a_huge_answer_waits_for_its_reader),
		cmocka_unit_test(a_huge_request_is_moved_on),
		cmocka_unit_test(chunks_are_not_moved_on),
		cmocka_unit_test(a_peer_may_leave_while_it_is_moved_on),
		cmocka_unit_test(a_tunnel_carries_both_ways),
		cmocka_unit_test(a_silent_tunnel_has_its_time),
		cmocka_unit_test(a_tunnel_closes_one_side_at_a_time),
	};

	alarm(120);			/* a hang is a failure, too */
	return cmocka_run_group_tests(tests, NULL, NULL);
}

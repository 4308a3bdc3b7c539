/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Huge bodies, both ways: nobody holds more of them than his queues.
 */
#include "support/peer.h"

#include <fcntl.h>

/* --- by way of the queues ---------------------------------------------------- */

enum { HUGE_BYTES = 24 << 20 };

#define POST_HUGE	"POST /x HTTP/1.1\r\nHost: h\r\n" \
			"Content-Length: 25165824\r\n\r\n"

static char mega[1 << 20];

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
	struct exchange_request request = a_request(METHOD_POST, POST_HUGE);
	struct peer p;
	struct client c;

	(void)state;
	huge_given = 0;
	client_meet(&c, &p, reads_huge);
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
	client_part(&c, &p);
}

/* --- moved on, without a look ------------------------------------------------ */

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

	request = a_request(METHOD_POST, chunked ? "POST /x HTTP/1.1\r\n"
	    "Host: h\r\nTransfer-Encoding: chunked\r\n\r\n" : POST_HUGE);
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
	client_meet(&c, &p, reads_huge);
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
	client_part(&c, &p);
}

static void
refuses_the_body(struct peer *p)
{
	int fd = peer_accept(p);

	peer_request(p, fd);
	peer_text(fd, "HTTP/1.1 413 Content Too Large\r\n"
	    "Content-Length: 0\r\n\r\n");
	peer_wait_close(fd);
}

/* Of chunks the sizes would be missing. */
static void
chunks_are_not_moved_on(void **state)
{
	struct peer p;
	struct client c;

	(void)state;
	client_meet(&c, &p, refuses_the_body);
	client_begin(&c, huge_request(true));
	giver_begin(&c);
	loop_run(c.loop);
	assert_string_equal(buf_cstr(&c.log), "head 413; done");
	assert_int_equal(giver.moved, 0);
	giver_end();
	client_part(&c, &p);
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
	client_meet(&c, &p, leaves_within);
	client_begin(&c, huge_request(false));
	giver_begin(&c);
	loop_run(c.loop);
	assert_int_equal(c.end, EXCHANGE_BROKEN);
	giver_end();
	client_part(&c, &p);
}

/* --- answers ----------------------------------------------------------------- */

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
		client_meet(&c, &p, sends_huge);
		paused_client = &c;
		timer_init(&resume_timer, resumes);
		c.act = pauses_often;
		client_get(&c);
		assert_int_equal(c.end, EXCHANGE_DONE);
		assert_int_equal(c.body.len, HUGE_BYTES);
		assert_true(pauses >= 20);
		client_part(&c, &p);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_huge_request_waits_for_its_reader),
		cmocka_unit_test(a_huge_request_is_moved_on),
		cmocka_unit_test(chunks_are_not_moved_on),
		cmocka_unit_test(a_peer_may_leave_while_it_is_moved_on),
		cmocka_unit_test(a_huge_answer_waits_for_its_reader),
	};

	alarm(120);			/* a hang is a failure, too */
	return cmocka_run_group_tests(tests, NULL, NULL);
}

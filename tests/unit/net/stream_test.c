/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The contract of streams, on every transport.
 */
#include <fcntl.h>
#include <sys/resource.h>

#include "stream_world.h"

static const enum transport transports[] = { TCP, LOCAL, TLS };

static void
on_every_transport(void (*story)(enum transport))
{
	for (size_t i = 0; i < 3; i++) {
		world_begin(transports[i]);
		story(transports[i]);
		world_end();
	}
}

#define STORY(name)				\
static void					\
name(void **state)				\
{						\
	(void)state;				\
	on_every_transport(name##_on);		\
}

/* --- stories --------------------------------------------------------------------------- */

static bool
client_has_answer(void)
{
	return slice_is(buf_all(&w.client.got), "answer");
}

static void
bytes_go_both_ways_on(enum transport transport)
{
	char text[] = "hello, world";
	const struct iovec parts[] = { { text, 5 }, { text + 5, 0 },
	    { text + 5, 2 }, { text + 7, 5 } };

	connect_ends();
	stream_send(&w.client.s, parts, 4);
	run_until(server_has_greeting);
	send_text(&w.server, "answer");
	run_until(client_has_answer);
	assert_int_equal(w.client.s.sent, 12);
	assert_int_equal(w.server.s.received, 12);
	assert_int_equal(w.client.s.received, 6);
	assert_int_equal(stream_pending(&w.client.s), 0);
	assert_null(w.client.s.queue);
	assert_int_equal(stream_is_tls(&w.client.s), transport == TLS);
}
STORY(bytes_go_both_ways)

/* What is sent before the connection is there waits for it. */
static void
sending_may_come_first_on(enum transport transport)
{
	(void)transport;
	stream_connect(&w.client.s, w.loop, &w.at, w.client_tls, &ops);
	send_text(&w.client, "hello, ");
	send_text(&w.client, "world");
	assert_int_equal(stream_pending(&w.client.s), 12);
	stream_finish(&w.client.s);
	run_until(server_has_greeting);
	assert_true(w.client.open);
}
STORY(sending_may_come_first)

static bool
server_has_all(void)
{
	return server_has_greeting() && w.server.eof;
}

/* Neither the last bytes nor the end of it travels alone. */
static void
the_last_goes_with_the_end_on(enum transport transport)
{
	struct iovec part = { (char[]){ "hello, world" }, 12 };

	connect_ends();
	stream_send_last(&w.client.s, &part, 1);
	assert_int_equal(stream_pending(&w.client.s), 0);
	if (transport != LOCAL)
		assert_true(unsent(&w.client) > 0);
	if (transport == TLS) {
		stream_finish(&w.client.s);
		assert_int_equal(unsent(&w.client), 0);
	} else {
		stream_close(&w.client.s);
	}
	run_until(server_has_all);
}
STORY(the_last_goes_with_the_end)

enum { HUGE = 3 * 1024 * 1024 + 17 };
static char *huge;
static size_t handed;

static void
read_a_little(struct end *e)
{
	char bytes[5000];
	ssize_t n = stream_read(&e->s, bytes, sizeof(bytes));

	if (n > 0)
		buf_add(&e->got, bytes, (size_t)n);
}

/* As everybody is asked to: stop above the high mark, go on when told. */
static void
feed(struct end *e)
{
	size_t piece = 1;

	assert_true(stream_pending(&e->s) <= STREAM_LOW || handed == 0);
	while (handed < HUGE && stream_pending(&e->s) <= STREAM_HIGH) {
		struct iovec part = { huge + handed, piece };

		if (part.iov_len > HUGE - handed)
			part.iov_len = HUGE - handed;
		stream_send(&e->s, &part, 1);
		handed += part.iov_len;
		piece = piece * 3 % 100003;
	}
}

static bool
server_has_huge(void)
{
	return w.server.got.len == HUGE;
}

static bool
client_is_above(void)
{
	return stream_pending(&w.client.s) > STREAM_HIGH;
}

static void
back_pressure_holds_on(enum transport transport)
{
	const int small = 16 * 1024;
	unsigned readables;

	(void)transport;
	connect_ends();
	/* Or the kernel would take it all. */
	setsockopt(w.client.s.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	handed = 0;
	w.client.on_drained = feed;
	w.server.on_readable = read_a_little;
	stream_pause(&w.server.s);
	feed(&w.client);
	run_until(client_is_above);
	readables = w.server.readables;
	assert_int_equal(readables, 0);
	assert_true(handed < HUGE);
	assert_true(stream_pending(&w.client.s) < STREAM_HIGH + 100003);
	stream_resume(&w.server.s);
	run_until(server_has_huge);
	assert_memory_equal(w.server.got.p, huge, HUGE);
	assert_true(w.client.draineds > 0);
	assert_null(w.client.s.queue);
}
STORY(back_pressure_holds)

/* One call may bring more than any queue should hold: all of it is taken. */
static void
one_large_send_is_taken_whole_on(enum transport transport)
{
	struct iovec parts[] = { { huge, 100 }, { huge + 100, HUGE - 200 },
	    { huge + HUGE - 100, 100 } };

	(void)transport;
	connect_ends();
	stream_send(&w.client.s, parts, 3);
	stream_finish(&w.client.s);
	send_text(&w.client, "too late");
	run_until(server_has_huge);
	assert_memory_equal(w.server.got.p, huge, HUGE);
}
STORY(one_large_send_is_taken_whole)

static bool
server_has_eof(void)
{
	return w.server.eof;
}

static bool
client_drained(void)
{
	return w.client.draineds > 0;
}

/* One side's end is not the other's. */
static void
finish_ends_one_direction_on(enum transport transport)
{
	(void)transport;
	connect_ends();
	stream_finish(&w.client.s);
	assert_int_equal(w.client.draineds, 0);
	run_until(client_drained);
	run_until(server_has_eof);
	assert_false(w.server.failed);
	send_text(&w.server, "answer");
	run_until(client_has_answer);
	assert_int_equal(w.client.draineds, 1);
}
STORY(finish_ends_one_direction)

static bool
client_failed(void)
{
	return w.client.failed;
}

/* After its end the peer's departure still shows, without a byte sent. */
static void
departure_after_the_end_shows_on(enum transport transport)
{
	(void)transport;
	connect_ends();
	stream_finish(&w.client.s);
	run_until(server_has_eof);
	stream_cut(&w.client.s);
	run_until(server_failed);
	assert_int_equal(w.server.why, STREAM_BROKEN);
}
STORY(departure_after_the_end_shows)

static bool
server_has_ended(void)
{
	return w.server.eof || w.server.failed;
}

/* A cut is no proper end where the transport can tell. */
static void
a_cut_is_no_end_on(enum transport transport)
{
	connect_ends();
	stream_cut(&w.client.s);
	run_until(server_has_ended);
	if (transport == LOCAL)
		assert_true(w.server.eof);
	else
		assert_int_equal(w.server.why, STREAM_BROKEN);
}
STORY(a_cut_is_no_end)

static void
sending_to_the_departed_fails_once_on(enum transport transport)
{
	(void)transport;
	connect_ends();
	stream_close(&w.server.s);
	for (int i = 0; i < 100; i++) {
		struct iovec part = { huge, 100000 };

		stream_send(&w.client.s, &part, 1);
		assert_false(w.client.failed);	/* never from inside a call */
	}
	run_until(client_failed);
	assert_int_equal(w.client.why, STREAM_BROKEN);
	send_text(&w.client, "into the void");
	assert_int_equal(stream_read(&w.client.s, huge, 1), STREAM_ERROR);
}
STORY(sending_to_the_departed_fails_once)

static struct task after;

static void
stop_after(struct task *task)
{
	(void)task;
	loop_stop(w.loop);
}

/* Closing silences whatever was on its way. */
static void
silence_after_close_on(enum transport transport)
{
	(void)transport;
	connect_ends();
	send_text(&w.server, "answer");
	stream_finish(&w.client.s);		/* owes drained() */
	stream_tell_empty(&w.client.s);
	stream_close(&w.client.s);
	task_init(&after, stop_after);
	w.until = both_open;
	task_set(w.loop, &after);
	loop_run(w.loop);
	task_set(w.loop, &after);
	loop_run(w.loop);
	assert_int_equal(w.client.readables + w.client.draineds, 0);
	assert_false(w.client.failed);
}
STORY(silence_after_close)

static void
close_it(struct end *e)
{
	stream_close(&e->s);
	memset(&e->s, 0xdb, sizeof(e->s));	/* who looks, crashes */
	e->eof = true;
}

static void
the_owner_may_close_when_called_on(enum transport transport)
{
	(void)transport;
	connect_ends();
	w.server.on_readable = close_it;
	send_text(&w.client, "hello, world");
	run_until(server_has_eof);
	memset(&w.server.s, 0, sizeof(w.server.s));
}
STORY(the_owner_may_close_when_called)

static void
read_one(struct end *e)
{
	char byte;

	if (stream_read(&e->s, &byte, 1) == 1)
		buf_char(&e->got, byte);
}

/* Whoever reads less than there is, is called again: what TLS has decrypted
 * no event of the socket would tell. */
static void
nothing_is_left_unread_on(enum transport transport)
{
	(void)transport;
	connect_ends();
	w.server.on_readable = read_one;
	send_text(&w.client, "hello, world");
	run_until(server_has_greeting);
	assert_true(w.server.readables >= 12);
}
STORY(nothing_is_left_unread)

static void
pause_and_read_one(struct end *e)
{
	read_one(e);
	stream_pause(&e->s);
	loop_stop(w.loop);
}

static bool
never(void)
{
	return false;
}

static void
a_pause_holds_even_what_is_decrypted_on(enum transport transport)
{
	(void)transport;
	connect_ends();
	w.server.on_readable = pause_and_read_one;
	send_text(&w.client, "hello, world");
	for (size_t i = 1; i <= 12; i++) {
		run_until(never);
		assert_int_equal(w.server.got.len, i);
		task_init(&after, stop_after);
		task_set(w.loop, &after);
		loop_run(w.loop);
		assert_int_equal(w.server.got.len, i);
		stream_resume(&w.server.s);
	}
	assert_true(server_has_greeting());
}
STORY(a_pause_holds_even_what_is_decrypted)

/* --- connecting in vain ------------------------------------------------------------------- */

static void
refusal_comes_from_the_loop_on(enum transport transport)
{
	(void)transport;
	listener_free(&w.listener);
	stream_connect(&w.client.s, w.loop, &w.at, w.client_tls, &ops);
	assert_false(w.client.failed);
	send_text(&w.client, "lost");
	run_until(client_failed);
	assert_int_equal(w.client.why, STREAM_REFUSED);
	assert_false(w.client.open);
}
STORY(refusal_comes_from_the_loop)

static void
no_descriptors_is_said_so(void **state)
{
	struct rlimit limit, low;
	int fillers[64], n = 0;

	(void)state;
	world_begin(TCP);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	low = limit;
	low.rlim_cur = 64;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	while (n < 64 && (fillers[n] = open("/dev/null", O_RDONLY)) >= 0)
		n++;
	stream_connect(&w.client.s, w.loop, &w.at, NULL, &ops);
	while (n > 0)
		close(fillers[--n]);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	run_until(client_failed);
	assert_int_equal(w.client.why, STREAM_NO_DESCRIPTORS);
	world_end();
}

/* --- in order ------------------------------------------------------------------------------- */

static int
prepare(void **state)
{
	struct authority ca = link_authority();

	(void)state;
	authority_free(&ca);
	huge = xmalloc(HUGE);
	for (size_t i = 0; i < HUGE; i++)
		huge[i] = (char)(i * 31 + i / 251);
	return 0;
}

static int
clean_up(void **state)
{
	(void)state;
	free(huge);
	certificates_end();
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_go_both_ways),
		cmocka_unit_test(sending_may_come_first),
		cmocka_unit_test(the_last_goes_with_the_end),
		cmocka_unit_test(back_pressure_holds),
		cmocka_unit_test(one_large_send_is_taken_whole),
		cmocka_unit_test(finish_ends_one_direction),
		cmocka_unit_test(departure_after_the_end_shows),
		cmocka_unit_test(a_cut_is_no_end),
		cmocka_unit_test(sending_to_the_departed_fails_once),
		cmocka_unit_test(silence_after_close),
		cmocka_unit_test(the_owner_may_close_when_called),
		cmocka_unit_test(nothing_is_left_unread),
		cmocka_unit_test(a_pause_holds_even_what_is_decrypted),
		cmocka_unit_test(refusal_comes_from_the_loop),
		cmocka_unit_test(no_descriptors_is_said_so),
	};

	return cmocka_run_group_tests(tests, prepare, clean_up);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Bytes moved from one stream to another: a source writes into one socket, a
 * relay splices, a sink reads from the other.
 */
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/stream.h"

enum { TOTAL = 3 * 1024 * 1024 + 17 };

static struct relay {
	struct loop	*loop;
	struct stream	 from, to;
	int		 source, sink;
	size_t		 written, moved, got;
	unsigned	 full, draineds;
	bool		 eof, failed;
	struct task	 poll;
	bool		 sink_reads;
} r;

/* What stands at each place, so that nothing can be lost or swapped unseen. */
static char
byte_at(size_t at)
{
	return (char)(at * 31 + at / 4096);
}

static void
move(void)
{
	ssize_t n;

	if (stream_pending(&r.to) > 0)
		return;
	n = stream_splice(&r.from, &r.to, TOTAL);
	assert_int_not_equal(n, STREAM_CANNOT);
	if (n == 0)
		r.eof = true;
	if (n <= 0)
		return;
	r.moved += (size_t)n;
	if (stream_pending(&r.to) == 0)
		return;
	r.full++;
	stream_pause(&r.from);
}

static void
on_readable(struct stream *s)
{
	if (s == &r.from)
		move();
}

static void
on_drained(struct stream *s)
{
	assert_ptr_equal(s, &r.to);
	assert_int_equal(stream_pending(s), 0);
	r.draineds++;
	stream_resume(&r.from);
}

static void
on_failed(struct stream *s, enum stream_end end)
{
	(void)s;
	(void)end;
	r.failed = true;
	loop_stop(r.loop);
}

static const struct stream_ops ops = {
	.readable = on_readable, .drained = on_drained, .failed = on_failed,
};

/* --- source and sink, looked at in every turn ------------------------ */

static void
write_some(void)
{
	static char bytes[100 * 1000];
	ssize_t n = 1;

	while (r.written < TOTAL && n > 0) {
		size_t len = sizeof(bytes);

		if (len > TOTAL - r.written)
			len = TOTAL - r.written;
		for (size_t i = 0; i < len; i++)
			bytes[i] = byte_at(r.written + i);
		n = send(r.source, bytes, len, MSG_NOSIGNAL);
		if (n > 0)
			r.written += (size_t)n;
	}
	if (r.written == TOTAL)
		shutdown(r.source, SHUT_WR);
}

static void
read_some(void)
{
	static char bytes[64 * 1024];
	ssize_t n;

	while ((n = recv(r.sink, bytes, sizeof(bytes), 0)) > 0)
		for (ssize_t i = 0; i < n; i++)
			assert_int_equal(bytes[i], byte_at(r.got++));
}

static void
on_poll(struct task *task)
{
	write_some();
	if (r.sink_reads)
		read_some();
	if (r.got == TOTAL && r.eof)
		loop_stop(r.loop);
	task_set(r.loop, task);
}

static void
make_tcp_pair(int pair[2])
{
	struct sockaddr_in at = { .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(listener, (struct sockaddr *)&at, len), 0);
	assert_int_equal(listen(listener, 1), 0);
	getsockname(listener, (struct sockaddr *)&at, &len);
	pair[0] = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(pair[0], (struct sockaddr *)&at, len), 0);
	pair[1] = accept(listener, NULL, NULL);
	close(listener);
}

static void
make_pair(int pair[2], bool tcp)
{
	if (tcp)
		make_tcp_pair(pair);
	else
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(fcntl(pair[i], F_SETFL, O_NONBLOCK), 0);
}

static void
begin(bool tcp)
{
	int in[2], out[2];

	make_pair(in, tcp);
	make_pair(out, tcp);
	r = (struct relay){ .loop = loop_new(), .source = in[1],
	    .sink = out[1], .sink_reads = true };
	stream_accept(&r.from, r.loop, in[0], NULL, &ops);
	stream_accept(&r.to, r.loop, out[0], NULL, &ops);
	task_init(&r.poll, on_poll);
	task_set(r.loop, &r.poll);
}

static void
end(void)
{
	task_cancel(&r.poll);
	stream_close(&r.from);
	stream_close(&r.to);
	close(r.source);
	close(r.sink);
	loop_free(&r.loop);
}

static void
every_byte_arrives_in_its_place(void **state)
{
	(void)state;
	for (int tcp = 0; tcp < 2; tcp++) {
		begin(tcp);
		loop_run(r.loop);
		assert_false(r.failed);
		assert_int_equal(r.moved, TOTAL);
		assert_int_equal(r.from.received, TOTAL);
		assert_int_equal(r.to.sent, TOTAL);
		end();
	}
}

static void
on_enough(struct timer *timer)
{
	(void)timer;
	loop_stop(r.loop);
}

/* With a sink that does not read: until nothing moves any more. */
static void
run_until_full(void)
{
	struct timer enough;
	size_t moved;

	r.sink_reads = false;
	timer_init(&enough, on_enough);
	do {
		moved = r.moved;
		timer_set(r.loop, &enough, 100);
		loop_run(r.loop);
	} while (r.full == 0 || r.moved != moved);
	assert_true(stream_pending(&r.to) > 0);
}

/* A sink that does not read holds the source back, and loses nothing. */
static void
a_full_socket_stops_the_source(void **state)
{
	(void)state;
	for (int tcp = 0; tcp < 2; tcp++) {
		begin(tcp);
		setsockopt(r.to.fd, SOL_SOCKET, SO_SNDBUF,
		    &(int){ 65536 }, sizeof(int));
		setsockopt(r.sink, SOL_SOCKET, SO_RCVBUF,
		    &(int){ 65536 }, sizeof(int));
		run_until_full();
		assert_int_equal(r.draineds, r.full - 1);
		assert_true(r.moved < TOTAL);
		/* Nothing may overtake what the pipe holds. */
		assert_int_equal(stream_splice(&r.from, &r.to, TOTAL),
		    STREAM_CANNOT);
		r.sink_reads = true;
		loop_run(r.loop);
		assert_false(r.failed);
		assert_int_equal(r.got, TOTAL);
		assert_int_equal(r.draineds, r.full);
		end();
	}
}

/* What is sent while the pipe holds bytes comes behind them. */
static void
a_send_waits_behind_the_pipe(void **state)
{
	char tail[1000];
	size_t at;
	struct timer enough;

	(void)state;
	begin(true);
	setsockopt(r.to.fd, SOL_SOCKET, SO_SNDBUF, &(int){ 65536 }, sizeof(int));
	setsockopt(r.sink, SOL_SOCKET, SO_RCVBUF, &(int){ 65536 }, sizeof(int));
	run_until_full();
	at = r.moved;
	for (size_t i = 0; i < sizeof(tail); i++)
		tail[i] = byte_at(at + i);
	stream_send(&r.to, &(struct iovec){ tail, sizeof(tail) }, 1);
	stream_finish(&r.to);
	stream_close(&r.from);		/* the source is not asked again */
	r.written = TOTAL;
	r.sink_reads = true;
	timer_init(&enough, on_enough);
	while (r.got < at + sizeof(tail)) {
		timer_set(r.loop, &enough, 20);
		loop_run(r.loop);
	}
	assert_int_equal(r.got, at + sizeof(tail));
	assert_int_equal(recv(r.sink, tail, 1, 0), 0);
	end();
}

/* With bytes in its pipe, which nobody will ever take. */
static void
a_stream_may_close_at_any_time(void **state)
{
	(void)state;
	begin(true);
	setsockopt(r.to.fd, SOL_SOCKET, SO_SNDBUF, &(int){ 65536 }, sizeof(int));
	run_until_full();
	stream_close(&r.to);
	assert_int_equal(stream_pending(&r.to), 0);
	end();
}

/* The sink goes away while bytes wait for it. */
static void
a_reset_is_told(void **state)
{
	const struct linger at_once = { .l_onoff = 1 };

	(void)state;
	begin(true);
	setsockopt(r.to.fd, SOL_SOCKET, SO_SNDBUF, &(int){ 65536 }, sizeof(int));
	run_until_full();
	setsockopt(r.sink, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(r.sink);
	r.sink = -1;
	loop_run(r.loop);
	assert_true(r.failed);
	end();
}

static size_t
unsent(const struct stream *s)
{
	int n = 0;

	assert_int_equal(ioctl(s->fd, SIOCOUTQNSD, &n), 0);
	return (size_t)n;
}

/* A front that waits for more goes with it, before it, or without it at the
 * end of the turn. */
static void
a_front_waits_for_nothing_long(void **state)
{
	struct iovec front = { (char[]){ byte_at(0), byte_at(1) }, 2 };
	struct timer enough;
	char got[2];
	ssize_t n;

	(void)state;
	for (int tcp = 0; tcp < 2; tcp++)
		for (int follows = 0; follows < 3; follows++) {
			begin(tcp);
			stream_send_more(&r.to, &front, 1);
			if (follows == 1) {
				stream_send(&r.to, &front, 1);
				assert_int_equal(tcp ? unsent(&r.to) : 0, 0);
			} else if (follows == 2) {
				assert_int_equal(send(r.source, "ab", 2, 0), 2);
				do
					n = stream_splice(&r.from, &r.to, 2);
				while (n == STREAM_AGAIN);
				assert_int_equal(n, 2);
				assert_int_equal(tcp ? unsent(&r.to) : 0, 0);
			}
			r.sink_reads = false;
			task_cancel(&r.poll);
			timer_init(&enough, on_enough);
			timer_set(r.loop, &enough, 0);
			loop_run(r.loop);
			assert_int_equal(tcp ? unsent(&r.to) : 0, 0);
			assert_int_equal(r.to.sent, follows == 0 ? 2 : 4);
			assert_int_equal(fcntl(r.sink, F_SETFL, 0), 0);
			assert_int_equal(recv(r.sink, got, 2, 0), 2);
			assert_memory_equal(got, front.iov_base, 2);
			assert_false(r.failed);
			end();
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_byte_arrives_in_its_place),
		cmocka_unit_test(a_full_socket_stops_the_source),
		cmocka_unit_test(a_send_waits_behind_the_pipe),
		cmocka_unit_test(a_stream_may_close_at_any_time),
		cmocka_unit_test(a_reset_is_told),
		cmocka_unit_test(a_front_waits_for_nothing_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

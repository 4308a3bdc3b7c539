/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The contract of streams, with both ends in one loop, on every transport.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "net/listener.h"
#include "net/stream.h"
#include "net/tls_peer.h"
#include "support/certificates.h"

enum transport { TCP, LOCAL, TLS };

/* One end and what it has seen. */
struct end {
	struct stream	 s;
	struct buf	 got;
	bool		 open, eof, failed, reads_on_its_own;
	unsigned	 readables, draineds;
	enum stream_end	 why;
	void		(*on_readable)(struct end *);
	void		(*on_drained)(struct end *);
};

static struct world {
	struct loop	*loop;
	struct listener	*listener;
	struct endpoint	 at;
	struct tls_context *server_tls, *client_tls;
	struct end	 client, server;
	bool		 accepted;
	struct timer	 limit;
	bool		(*until)(void);
	struct task	 look;
} w;

static const enum transport transports[] = { TCP, LOCAL, TLS };

/* --- the ends -------------------------------------------------------------------- */

/* Looked at after each callback, at the end of the turn. */
static void
look(struct task *task)
{
	(void)task;
	if (w.until())
		loop_stop(w.loop);
}

static void
read_all(struct end *e)
{
	ssize_t n = stream_read(&e->s, w.loop->scratch, LOOP_SCRATCH);

	if (n > 0)
		buf_add(&e->got, w.loop->scratch, (size_t)n);
	else if (n == 0)
		e->eof = true;
}

static void
on_opened(struct stream *s)
{
	struct end *e = list_entry(s, struct end, s);

	assert_false(e->open || e->failed);
	e->open = true;
	task_set(w.loop, &w.look);
}

static void
on_readable(struct stream *s)
{
	struct end *e = list_entry(s, struct end, s);

	assert_false(e->eof || e->failed);
	e->readables++;
	if (e->on_readable != NULL)
		e->on_readable(e);
	else
		read_all(e);
	task_set(w.loop, &w.look);
}

static void
on_drained(struct stream *s)
{
	struct end *e = list_entry(s, struct end, s);

	assert_false(e->failed);
	e->draineds++;
	if (e->on_drained != NULL)
		e->on_drained(e);
	task_set(w.loop, &w.look);
}

static void
on_failed(struct stream *s, enum stream_end why)
{
	struct end *e = list_entry(s, struct end, s);

	assert_false(e->failed);
	e->failed = true;
	e->why = why;
	task_set(w.loop, &w.look);
}

static const struct stream_ops ops = { on_opened, on_readable, on_drained,
    on_failed };

static void
on_accepted(void *owner, int fd, const struct endpoint *peer)
{
	(void)owner;
	(void)peer;
	assert_false(w.accepted);
	w.accepted = true;
	stream_accept(&w.server.s, w.loop, fd, w.server_tls, &ops);
	if (w.server_tls == NULL)
		w.server.open = true;
	task_set(w.loop, &w.look);
}

static const struct listener_ops listener_ops = { .accepted = on_accepted };

/* --- the world ---------------------------------------------------------------------- */

static void
on_limit(struct timer *timer)
{
	(void)timer;
	fail_msg("waited too long");
}

static void
run_until(bool (*until)(void))
{
	w.until = until;
	task_set(w.loop, &w.look);
	timer_set(w.loop, &w.limit, 20000);
	loop_run(w.loop);
	timer_cancel(&w.limit);
}

static struct tls_context *
link_context(const char *name, const char *ca, bool server)
{
	char pem[32], key[32];
	struct tls_context *tls;
	struct err err;

	snprintf(pem, sizeof(pem), "%s.pem", name);
	snprintf(key, sizeof(key), "%s.key", name);
	tls = (server ? tls_link_server_new : tls_link_client_new)(
	    certificate_path(pem), certificate_path(key), certificate_path(ca),
	    &err);
	assert_non_null(tls);
	return tls;
}

static void
world_begin(enum transport transport)
{
	char text[160] = "127.0.0.1:0";
	struct err err;
	int fd;

	memset(&w, 0, sizeof(w));
	w.loop = loop_new();
	timer_init(&w.limit, on_limit);
	task_init(&w.look, look);
	if (transport == LOCAL)
		snprintf(text, sizeof(text), "unix:%s",
		    certificate_path("socket"));
	if (transport == TLS) {
		w.server_tls = link_context("gb", "ca.pem", true);
		w.client_tls = link_context("us", "ca.pem", false);
	}
	assert_true(endpoint_parse(&w.at, slice_of(text)));
	fd = listener_bind(&w.at, false, 0600, &err);
	assert_true(fd >= 0);
	w.listener = listener_new(w.loop, fd, &listener_ops, NULL);
	listener_address(w.listener, &w.at);
}

static void
world_end(void)
{
	stream_close(&w.client.s);
	stream_close(&w.client.s);
	stream_close(&w.server.s);
	buf_fini(&w.client.got);
	buf_fini(&w.server.got);
	listener_free(&w.listener);
	tls_context_free(&w.server_tls);
	tls_context_free(&w.client_tls);
	loop_free(&w.loop);
}

static bool
both_open(void)
{
	return w.client.open && w.server.open;
}

static void
connect_ends(void)
{
	stream_connect(&w.client.s, w.loop, &w.at, w.client_tls, &ops);
	assert_false(w.client.open);
	run_until(both_open);
}

static void
send_text(struct end *e, const char *text)
{
	struct iovec part = { (void *)(uintptr_t)text, strlen(text) };

	stream_send(&e->s, &part, 1);
}

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
server_has_greeting(void)
{
	return slice_is(buf_all(&w.server.got), "hello, world");
}

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
	struct endpoint peer;

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
	stream_peer(&w.client.s, &peer);
	assert_int_equal(peer.kind, w.at.kind);
	assert_int_equal(peer.port, w.at.port);
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
server_failed(void)
{
	return w.server.failed;
}

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

/* Without close_notify somebody on the way may have ended it. */
static void
a_truncated_tls_stream_is_broken(void **state)
{
	(void)state;
	world_begin(TLS);
	connect_ends();
	send_text(&w.client, "hello, world");
	stream_close(&w.client.s);
	run_until(server_failed);
	assert_true(server_has_greeting());
	assert_false(w.server.eof);
	world_end();
}

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

/* --- whose certificate ---------------------------------------------------------------------- */

static void
a_link_knows_its_peers_region(void **state)
{
	char id[STREAM_REGION_MAX];

	(void)state;
	world_begin(TLS);
	connect_ends();
	assert_true(stream_peer_region(&w.server.s, id));
	assert_string_equal(id, "US");
	assert_true(stream_peer_region(&w.client.s, id));
	assert_string_equal(id, "GB");
	assert_int_equal(stream_server_name(&w.server.s).len, 0);
	world_end();

	world_begin(TCP);
	connect_ends();
	assert_false(stream_peer_region(&w.server.s, id));
	world_end();
}

static const struct tls_peer *
shown_by(const char *client)
{
	world_begin(TCP);
	w.server_tls = link_context("gb", "ca.pem", true);
	w.client_tls = link_context(client, "ca.pem", false);
	connect_ends();
	return stream_peer_certificate(&w.server.s);
}

static void
a_certificate_says_who_showed_it(void **state)
{
	const struct tls_peer *peer;

	(void)state;
	peer = shown_by("many");
	assert_non_null(peer);
	assert_string_equal(peer->subject, "CN=many");
	assert_int_equal(peer->nnames, 3);
	assert_string_equal(peer->names[0], "DNS:many.example");
	assert_string_equal(peer->names[1], "URI:urn:Case:Kept");
	assert_string_equal(peer->names[2], "EMAIL:o@example.com");
	assert_true(tls_peer_is(peer, "DNS:many.example"));
	assert_false(tls_peer_is(peer, "DNS:many.exampl"));
	assert_false(tls_peer_is(peer, "many.example"));
	assert_false(tls_peer_is(peer, "CN:many"));	/* it has names */
	assert_int_equal(strlen(peer->fingerprint), 64);
	assert_true(peer->field.len > 100);
	assert_int_equal(memcmp(peer->field.p, ":MII", 4), 0);
	assert_int_equal(peer->field.p[peer->field.len - 1], ':');
	assert_ptr_equal(stream_peer_certificate(&w.server.s), peer);
	world_end();

	peer = shown_by("nameless");
	assert_int_equal(peer->nnames, 1);
	assert_true(tls_peer_is(peer, "CN:nameless"));
	world_end();

	world_begin(TCP);
	connect_ends();
	assert_null(stream_peer_certificate(&w.server.s));
	world_end();
}

static const struct { const char *text; bool good; } name_texts[] = {
	{ "URI:urn:a", true }, { "DNS:a", true }, { "EMAIL:a@b", true },
	{ "CN:a b", true }, { "DNS:", false }, { "dns:a", false },
	{ "a", false }, { "", false },
};

static void
names_are_written_with_their_kind(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(name_texts) / sizeof(*name_texts); i++)
		assert_int_equal(tls_peer_is_name(
		    slice_of(name_texts[i].text)), name_texts[i].good);
}

static const struct stranger {
	const char	*server, *server_ca, *client, *client_ca;
} strangers[] = {
	{ "gb", "ca.pem", "stranger", "ca.pem" },	/* a foreign client */
	{ "gb", "ca.pem", "us", "other.pem" },	/* a foreign server */
	{ "gb", "ca.pem", "expired", "ca.pem" },
	{ "expired", "ca.pem", "us", "ca.pem" },
};

static bool
both_failed(void)
{
	return w.client.failed && w.server.failed;
}

static void
strangers_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(strangers) / sizeof(*strangers); i++) {
		const struct stranger *row = &strangers[i];
		char reason[STREAM_REASON_MAX];

		world_begin(TCP);
		w.server_tls = link_context(row->server, row->server_ca, true);
		w.client_tls = link_context(row->client, row->client_ca, false);
		stream_connect(&w.client.s, w.loop, &w.at, w.client_tls, &ops);
		run_until(both_failed);
		/* In TLS 1.3 the client has finished before the server has
		 * looked at its certificate. */
		assert_false(w.server.open);
		assert_int_equal(w.server.why, STREAM_TLS_FAILED);
		assert_true(w.client.why == STREAM_TLS_FAILED ||
		    w.client.open);
		stream_tls_reason(&w.server.s, reason);
		assert_true(strlen(reason) > 0);
		world_end();
	}
}

/* A client without a certificate: what a browser would be. */
static void
a_link_demands_a_certificate(void **state)
{
	struct err err;

	(void)state;
	world_begin(TCP);
	w.server_tls = link_context("gb", "ca.pem", true);
	stream_connect(&w.client.s, w.loop, &w.at, NULL, &ops);
	send_text(&w.client, "GET / HTTP/1.1\r\n\r\n");
	run_until(server_failed);
	assert_int_equal(w.server.why, STREAM_TLS_FAILED);
	world_end();

	/* And facing clients, none is asked for. */
	world_begin(TCP);
	w.server_tls = tls_server_new(certificate_path("gb.pem"),
	    certificate_path("gb.key"), &err);
	w.client_tls = link_context("us", "ca.pem", false);
	connect_ends();
	assert_false(stream_peer_region(&w.server.s, (char[16]){ 0 }));
	world_end();
}

/* --- before TLS ------------------------------------------------------------------------- */

static void
read_preface(struct end *e)
{
	char bytes[6];
	ssize_t n = stream_read(&e->s, bytes, sizeof(bytes) - e->got.len);

	if (n > 0)
		buf_add(&e->got, bytes, (size_t)n);
}

static bool
preface_came(void)
{
	return w.server.got.len == 6;
}

static bool
all_came(void)
{
	return w.server.got.len == 12;
}

static void
what_comes_before_tls_is_in_clear(void **state)
{
	struct tls_context *server;

	(void)state;
	world_begin(TCP);
	server = link_context("gb", "ca.pem", true);
	w.client_tls = link_context("us", "ca.pem", false);
	stream_connect(&w.client.s, w.loop, &w.at, w.client_tls, &ops);
	stream_preface(&w.client.s, SLICE("before"));
	/* Not a byte more: what is TLS's has to stay in the socket. */
	w.server.on_readable = read_preface;
	run_until(preface_came);
	assert_memory_equal(w.server.got.p, "before", 6);
	w.server.on_readable = NULL;
	w.server.open = false;
	assert_true(stream_start_tls(&w.server.s, server));
	run_until(both_open);
	send_text(&w.client, "within");
	run_until(all_came);
	assert_memory_equal(w.server.got.p, "beforewithin", 12);
	tls_context_free(&server);
	world_end();

	world_begin(TCP);
	stream_connect(&w.client.s, w.loop, &w.at, NULL, &ops);
	stream_preface(&w.client.s, SLICE("before"));
	run_until(preface_came);
	send_text(&w.client, "within");
	run_until(all_came);
	assert_memory_equal(w.server.got.p, "beforewithin", 12);
	world_end();
}

/* --- in order ------------------------------------------------------------------------------- */

static int
prepare(void **state)
{
	struct authority ca, other;

	(void)state;
	certificates_begin();
	ca = authority_new("ca");
	other = authority_new("other");
	certificate_issue(&ca, "gb", "URI:portolan:region:GB", 3600);
	certificate_issue(&ca, "us", "URI:portolan:region:US", 3600);
	certificate_issue(&ca, "many", "DNS:Many.example,URI:urn:Case:Kept,"
	    "email:o@example.com,IP:192.0.2.1", 3600);
	certificate_issue(&ca, "nameless", NULL, 3600);
	certificate_issue(&ca, "expired", "URI:portolan:region:US", -60);
	certificate_issue(&other, "stranger", "URI:portolan:region:US", 3600);
	authority_free(&ca);
	authority_free(&other);
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
		cmocka_unit_test(back_pressure_holds),
		cmocka_unit_test(one_large_send_is_taken_whole),
		cmocka_unit_test(finish_ends_one_direction),
		cmocka_unit_test(departure_after_the_end_shows),
		cmocka_unit_test(a_cut_is_no_end),
		cmocka_unit_test(a_truncated_tls_stream_is_broken),
		cmocka_unit_test(sending_to_the_departed_fails_once),
		cmocka_unit_test(silence_after_close),
		cmocka_unit_test(the_owner_may_close_when_called),
		cmocka_unit_test(nothing_is_left_unread),
		cmocka_unit_test(a_pause_holds_even_what_is_decrypted),
		cmocka_unit_test(refusal_comes_from_the_loop),
		cmocka_unit_test(no_descriptors_is_said_so),
		cmocka_unit_test(a_link_knows_its_peers_region),
		cmocka_unit_test(a_certificate_says_who_showed_it),
		cmocka_unit_test(names_are_written_with_their_kind),
		cmocka_unit_test(strangers_are_refused),
		cmocka_unit_test(a_link_demands_a_certificate),
		cmocka_unit_test(what_comes_before_tls_is_in_clear),
	};

	return cmocka_run_group_tests(tests, prepare, clean_up);
}

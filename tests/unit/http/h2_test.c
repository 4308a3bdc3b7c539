/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Both sides of a connection, which speak to each other through memory: what
 * one asks the other hears, and what they did stands in a trace.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "http/h2.h"

enum { STREAMS = 8 };

struct side {
	struct h2_kit	*kit;
	struct h2	*h2;
	struct h2_stream streams[STREAMS];
	const char	*waiting[STREAMS];	/* bodies on their way */
	unsigned	 count;
	bool		 refuses;
	size_t		 got;
};

static struct side client, server;
static char trace[4096];

__attribute__((format(printf, 1, 2))) static void
tell(const char *fmt, ...)
{
	size_t len = strlen(trace);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(trace + len, sizeof(trace) - len, fmt, ap);
	va_end(ap);
}

#define EXPECT(text) do { assert_string_equal(trace, text); \
	trace[0] = '\0'; } while (0)

static struct side *
side_of(const struct h2_stream *s)
{
	return h2_owner(s->h2);
}

static const char *
name_of(const struct h2_stream *s)
{
	return side_of(s) == &client ? "client" : "server";
}

static struct h2_stream *
on_opened(struct h2 *h2)
{
	struct side *side = h2_owner(h2);

	return side->refuses ? NULL : &side->streams[side->count++];
}

static void
on_head(struct h2_stream *s, const struct h2_request *request)
{
	tell("head %d %.*s%s", s->id, (int)(strchr(request->text.p, '\r') -
	    request->text.p), request->text.p, request->ended ? "." : "");
	tell(";");
}

static void
on_answer(struct h2_stream *s, struct slice text, bool ended)
{
	tell("answer %d %.*s%s;", s->id, 12, text.p, ended ? "." : "");
}

static void
on_body(struct h2_stream *s, struct slice bytes)
{
	side_of(s)->got += bytes.len;
	if (bytes.len < 100)
		tell("%s body %.*s;", name_of(s), SLICE_ARG(bytes));
}

static void
on_ended(struct h2_stream *s, struct slice trailers)
{
	tell("%s ended %.*s;", name_of(s), SLICE_ARG(trailers));
}

static void
on_copy(struct h2_stream *s, char *to, size_t len)
{
	struct side *side = side_of(s);
	const char **from = &side->waiting[s - side->streams];

	if (*from == NULL) {
		memset(to, 'x', len);
		return;
	}
	memcpy(to, *from, len);
	*from += len;
}

static void
on_sent(struct h2_stream *s)
{
	(void)s;
}

static void
on_closed(struct h2_stream *s, enum h2_error error)
{
	tell("%s closed %d;", name_of(s), error);
}

static void
on_ponged(struct h2 *h2)
{
	(void)h2;
	tell("pong;");
}

static struct slice
on_key(struct h2 *h2)
{
	(void)h2;
	return SLICE("dGhlIHNhbXBsZSBub25jZQ==");
}

static const struct h2_ops ops = { on_opened, on_head, on_answer, on_body,
    on_ended, on_copy, on_sent, on_closed, on_ponged, on_key, NULL };

static bool
pass(struct side *from, struct side *to)
{
	struct buf out = { 0 };
	bool some;

	h2_take(from->h2, &out, 1 << 20);
	some = out.len > 0;
	h2_feed(to->h2, buf_all(&out), 1000);
	buf_fini(&out);
	return some;
}

/* Until neither has more to say. */
static void
talk(void)
{
	bool some = true;

	while (some) {
		some = pass(&client, &server);
		some |= pass(&server, &client);
	}
}

static int
begin(void **state)
{
	static const struct h2_settings settings = { .streams = 4,
	    .window = 65535, .window_most = 262144,
	    .connection_window = 1 << 20, .resets = 3, .glitches = 20 };

	(void)state;
	memset(&client, 0, sizeof(client));
	memset(&server, 0, sizeof(server));
	trace[0] = '\0';
	client.kit = h2_kit_new(&ops);
	server.kit = h2_kit_new(&ops);
	client.h2 = h2_new_client(client.kit, &client, &settings);
	server.h2 = h2_new(server.kit, &server, &settings);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	h2_free(&client.h2);
	h2_free(&server.h2);
	h2_kit_free(&client.kit);
	h2_kit_free(&server.kit);
	return 0;
}

static struct h2_stream *
ask(const char *head, const char *body, bool last)
{
	struct h2_stream *s = &client.streams[client.count];

	client.waiting[client.count++] = body;
	s->waiting = body == NULL ? 0 : strlen(body);
	s->last = last;
	h2_ask(client.h2, s, slice_of(head), last && s->waiting == 0);
	return s;
}

#define GET "GET /a HTTP/1.1\r\nHost: a\r\nConnection: x\r\n\r\n"
#define POST "POST /a HTTP/1.1\r\nHost: a\r\n\r\n"

static void
requests_are_answered(void **state)
{
	struct h2_stream *s;

	(void)state;
	ask(GET, NULL, true);
	s = ask(POST, "hello", true);
	s->trailers = SLICE("X-Sum: 1\r\n");
	talk();
	EXPECT("head 1 GET /a HTTP/1.1.;head 3 POST /a HTTP/1.1;"
	    "server body hello;server ended x-sum: 1\r\n;");
	h2_inform(&server.streams[0], 103, SLICE("Link: </a>\r\n"));
	h2_answer(&server.streams[0], 204, SLICE("X: y\r\n"), true);
	server.waiting[1] = "world";
	server.streams[1].waiting = 5;
	server.streams[1].last = true;
	h2_answer(&server.streams[1], 200, SLICE("Upgrade: x\r\n"), false);
	talk();
	EXPECT("server closed 0;server closed 0;answer 1 HTTP/1.1 103;"
	    "answer 1 HTTP/1.1 204.;client closed 0;answer 3 HTTP/1.1 200;"
	    "client body world;client ended ;client closed 0;");
}

/* No more than the windows allow, until somebody takes what came; and more of
 * it each time if that is always at once. */
static void
windows_hold_back(void **state)
{
	struct h2_stream *s;

	(void)state;
	s = ask(POST, NULL, false);
	s->waiting = 1 << 20;
	h2_more(s);
	talk();
	assert_int_equal(server.got, 65535);
	h2_consume(&server.streams[0], 65535);
	talk();
	assert_in_range(server.got, 65535 + 131070 - 16384, 65535 + 131070);
	h2_stall(&server.streams[0]);
	h2_consume(&server.streams[0], server.got - 65535);
	talk();
	assert_true(server.got <= 1 << 20);
	h2_reset(s, H2_CANCEL);
	trace[0] = '\0';
	talk();
	EXPECT("client closed 8;server closed 8;");
	/* Whatever comes too late does no harm. */
	h2_consume(&server.streams[0], 1);
	h2_answer(&server.streams[0], 200, SLICE(""), true);
	h2_more(s);
	talk();
}

static void
refused_streams_are_told(void **state)
{
	(void)state;
	server.refuses = true;
	ask(GET, NULL, true);
	talk();
	EXPECT("client closed 7;");
	server.refuses = false;
	ask(GET, NULL, true);
	talk();
	EXPECT("head 3 GET /a HTTP/1.1.;");
	h2_say_shutdown(server.h2);
	h2_ping(server.h2);
	talk();
	EXPECT("pong;");
	assert_false(h2_takes_more(client.h2));
	h2_goaway(server.h2, H2_NO_ERROR);
	h2_answer(&server.streams[0], 200, SLICE(""), true);
	talk();
	EXPECT("server closed 0;answer 3 HTTP/1.1 200.;client closed 0;");
	assert_true(h2_is_done(server.h2));
	assert_true(h2_is_done(client.h2));
}

static void
patience_ends(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		struct h2_stream *s = ask(GET, NULL, true);

		talk();
		h2_reset(s, H2_CANCEL);
		talk();
	}
	assert_int_equal(h2_kit_counts(server.kit)->resets, 4);
	assert_int_equal(h2_kit_counts(server.kit)->calmed, 1);
	assert_true(h2_is_done(server.h2));
	assert_false(h2_takes_more(client.h2));
}

/* The limit is the one that was set, and no other: a link carries what the
 * clients of a whole region give up. */
static void
nobody_else_loses_it(void **state)
{
	static const struct h2_settings patient = { .streams = 4,
	    .window = 65535, .window_most = 262144,
	    .connection_window = 1 << 20, .resets = 1 << 20,
	    .glitches = 1 << 20 };

	(void)state;
	h2_change(server.h2, &patient);
	for (int i = 0; i < 3000; i++) {
		struct h2_stream *s;

		client.count = server.count = 0;
		memset(client.streams, 0, sizeof(client.streams));
		memset(server.streams, 0, sizeof(server.streams));
		trace[0] = '\0';
		s = ask(GET, NULL, true);
		talk();
		h2_reset(s, H2_CANCEL);
		talk();
	}
	assert_int_equal(h2_kit_counts(server.kit)->resets, 3000);
	assert_int_equal(h2_kit_counts(server.kit)->calmed, 0);
	assert_true(h2_takes_more(client.h2));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(requests_are_answered, begin,
		    end),
		cmocka_unit_test_setup_teardown(windows_hold_back, begin, end),
		cmocka_unit_test_setup_teardown(refused_streams_are_told,
		    begin, end),
		cmocka_unit_test_setup_teardown(patience_ends, begin, end),
		cmocka_unit_test_setup_teardown(nobody_else_loses_it, begin,
		    end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

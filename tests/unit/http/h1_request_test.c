/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "rows.h"

#include "base/buf.h"

#define HEAD(lines)	"GET / HTTP/1.1\r\nHost: a\r\n" lines "\r\n"
#define POST(lines)	"POST / HTTP/1.1\r\nHost: a\r\n" lines "\r\n"
#define ASK(lines)	"OPTIONS / HTTP/1.1\r\nHost: a\r\n" lines "\r\n"
#define OLD(lines)	"POST / HTTP/1.0\r\n" lines "\r\n"

static enum h1_progress
read_whole(struct h1_head *head, struct slice bytes, struct h1_end *end)
{
	size_t seen = 0;

	memset(head, 0x5a, sizeof(*head));
	return h1_read_request(head, bytes, &seen, end);
}

/* --- what is accepted ------------------------------------------------------- */

static const struct good {
	const char	*text;
	enum h1_method	 method;
	const char	*target, *host;
	enum h1_framing	 framing;
	uint64_t	 length;
	bool		 keep_alive, expect;
	const char	*upgrade;
	unsigned	 nfields;
} goods[] = {
	{ HEAD(""), METHOD_GET, "/", "a", H1_NO_BODY, 0, true, false, "", 1 },
	/* One empty line before it, and no more. */
	{ "\r\n" HEAD(""), METHOD_GET, "/", "a", H1_NO_BODY, 0, true, false,
	    "", 1 },
	{ "OPTIONS * HTTP/1.1\r\nHost: a.example:8080\r\n\r\n",
	    METHOD_OPTIONS, "*", "a.example:8080", H1_NO_BODY, 0, true, false,
	    "", 1 },
	{ "get / HTTP/1.1\r\nHost: a\r\n\r\n", METHOD_OTHER, "/", "a",
	    H1_NO_BODY, 0, true, false, "", 1 },	/* case counts */
	{ "BASELINE-CONTROL / HTTP/1.1\r\nHost: a\r\n\r\n", METHOD_OTHER, "/",
	    "a", H1_NO_BODY, 0, true, false, "", 1 },
	/* As browsers send a query. */
	{ "GET /a?x={\"y\":[1|2]}^` HTTP/1.1\r\nHost: a\r\n\r\n", METHOD_GET,
	    "/a?x={\"y\":[1|2]}^`", "a", H1_NO_BODY, 0, true, false, "", 1 },
	{ "GET / HTTP/1.1\r\nhOsT:\t [::1]:80 \t\r\n\r\n", METHOD_GET, "/",
	    "[::1]:80", H1_NO_BODY, 0, true, false, "", 1 },
	/* A later minor version is read as 1.1. */
	{ "GET / HTTP/1.2\r\nHost: a\r\n\r\n", METHOD_GET, "/", "a",
	    H1_NO_BODY, 0, true, false, "", 1 },
	{ "GET / HTTP/1.9\r\nHost: a\r\n\r\n", METHOD_GET, "/", "a",
	    H1_NO_BODY, 0, true, false, "", 1 },
	/* An URL without a path: to OPTIONS it is the whole server. */
	{ "OPTIONS http://a HTTP/1.1\r\nHost: a\r\n\r\n", METHOD_OPTIONS,
	    "*", "a", H1_NO_BODY, 0, true, false, "", 1 },
	{ "OPTIONS http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", METHOD_OPTIONS,
	    "http://a/", "a", H1_NO_BODY, 0, true, false, "", 1 },
	{ "OPTIONS http://a? HTTP/1.1\r\nHost: a\r\n\r\n", METHOD_OPTIONS,
	    "http://a?", "a", H1_NO_BODY, 0, true, false, "", 1 },
	/* The target's authority, which Host repeats in other words. */
	{ "GET http://A.example/x HTTP/1.1\r\nHost: a.example.:80\r\n\r\n",
	    METHOD_GET, "http://A.example/x", "A.example", H1_NO_BODY, 0, true,
	    false, "", 1 },
	{ "GET HTTPS://a:443 HTTP/1.1\r\nHost: a\r\n\r\n", METHOD_GET,
	    "HTTPS://a:443", "a:443", H1_NO_BODY, 0, true, false, "", 1 },
	{ "GET http://a?q HTTP/1.0\r\n\r\n", METHOD_GET, "http://a?q", "a",
	    H1_NO_BODY, 0, false, false, "", 0 },
	{ "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", METHOD_CONNECT,
	    "a:443", "a:443", H1_NO_BODY, 0, true, false, "", 1 },
	{ "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", METHOD_CONNECT,
	    "a:443", "a:443", H1_NO_BODY, 0, true, false, "", 1 },
	/* Bodies. */
	{ POST("Content-Length: 5\r\n"), METHOD_POST, "/", "a", H1_LENGTH, 5,
	    true, false, "", 2 },
	{ POST("Content-Length: 0\r\n"), METHOD_POST, "/", "a", H1_LENGTH, 0,
	    true, false, "", 2 },
	{ POST("Content-Length: 9223372036854775807\r\n"), METHOD_POST, "/",
	    "a", H1_LENGTH, INT64_MAX, true, false, "", 2 },
	{ HEAD("content-length:7\r\n"), METHOD_GET, "/", "a", H1_LENGTH, 7,
	    true, false, "", 2 },
	{ POST("Transfer-Encoding: chunked\r\n"), METHOD_POST, "/", "a",
	    H1_CHUNKED, 0, true, false, "", 2 },
	{ POST("Transfer-Encoding: ChUnKeD\r\n"), METHOD_POST, "/", "a",
	    H1_CHUNKED, 0, true, false, "", 2 },
	/* Expect counts where a body comes, in HTTP/1.1. */
	{ POST("Content-Length: 5\r\nExpect: 100-Continue\r\n"), METHOD_POST,
	    "/", "a", H1_LENGTH, 5, true, true, "", 3 },
	{ POST("Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n"),
	    METHOD_POST, "/", "a", H1_CHUNKED, 0, true, true, "", 3 },
	{ POST("Content-Length: 0\r\nExpect: 100-continue\r\n"), METHOD_POST,
	    "/", "a", H1_LENGTH, 0, true, false, "", 3 },
	{ HEAD("Expect: 100-continue\r\n"), METHOD_GET, "/", "a", H1_NO_BODY,
	    0, true, false, "", 2 },
	{ OLD("Content-Length: 5\r\nExpect: 100-continue\r\n"), METHOD_POST,
	    "/", "", H1_LENGTH, 5, false, false, "", 2 },
	/* Persistence. */
	{ HEAD("Connection: close\r\n"), METHOD_GET, "/", "a", H1_NO_BODY, 0,
	    false, false, "", 2 },
	{ HEAD("Connection: foo\r\nConnection: bar, CLOSE\r\n"), METHOD_GET,
	    "/", "a", H1_NO_BODY, 0, false, false, "", 3 },
	{ HEAD("Connection:\r\n"), METHOD_GET, "/", "a", H1_NO_BODY, 0, true,
	    false, "", 2 },
	{ HEAD("Connection: , ,keep-alive,,\r\n"), METHOD_GET, "/", "a",
	    H1_NO_BODY, 0, true, false, "", 2 },
	{ OLD(""), METHOD_POST, "/", "", H1_NO_BODY, 0, false, false, "", 0 },
	{ OLD("Connection: Keep-Alive\r\n"), METHOD_POST, "/", "", H1_NO_BODY,
	    0, true, false, "", 1 },
	{ OLD("Connection: keep-alive, close\r\n"), METHOD_POST, "/", "",
	    H1_NO_BODY, 0, false, false, "", 1 },
	{ OLD("Host: a\r\nProxy-Connection: keep-alive\r\n"), METHOD_POST,
	    "/", "a", H1_NO_BODY, 0, false, false, "", 2 },
	/* Upgrade counts where Connection names it, in HTTP/1.1. */
	{ HEAD("Upgrade: websocket\r\nConnection: Upgrade\r\n"), METHOD_GET,
	    "/", "a", H1_NO_BODY, 0, true, false, "websocket", 3 },
	{ HEAD("Upgrade: a/1, b\r\nConnection: keep-alive, upgrade\r\n"),
	    METHOD_GET, "/", "a", H1_NO_BODY, 0, true, false, "a/1, b", 3 },
	{ HEAD("Upgrade: websocket\r\n"), METHOD_GET, "/", "a", H1_NO_BODY, 0,
	    true, false, "", 2 },
	{ HEAD("Connection: upgrade\r\n"), METHOD_GET, "/", "a", H1_NO_BODY,
	    0, true, false, "", 2 },
	{ OLD("Upgrade: websocket\r\nConnection: upgrade\r\n"), METHOD_POST,
	    "/", "", H1_NO_BODY, 0, false, false, "", 2 },
	/* Odd but unambiguous fields. */
	{ HEAD("X:\r\nY: \t\r\nZ:a\tb \x80\xff\r\n!#$%&'*+-.^`|~: 1\r\n"),
	    METHOD_GET, "/", "a", H1_NO_BODY, 0, true, false, "", 5 },
	{ HEAD("Accept: a\r\nAccept: b\r\nVia: 1.1 x\r\nVia: 1.1 y\r\n"),
	    METHOD_GET, "/", "a", H1_NO_BODY, 0, true, false, "", 5 },
	/* An underscore that resembles nothing is left out. */
	{ HEAD("X_Custom: 1\r\n_: 2\r\nAfter: 3\r\n"), METHOD_GET, "/", "a",
	    H1_NO_BODY, 0, true, false, "", 2 },
};

static void
check_good(const struct good *row, const struct h1_head *head)
{
	assert_int_equal(head->method, row->method);
	same_slice("target", head->target, row->target);
	same_slice("host", head->host, row->host);
	assert_int_equal(head->framing, row->framing);
	assert_int_equal(head->content_length, row->length);
	assert_int_equal(head->keep_alive, row->keep_alive);
	assert_int_equal(head->expect_continue, row->expect);
	same_slice("upgrade", head->upgrade, row->upgrade);
	assert_int_equal(head->nfields, row->nfields);
}

static void
accepts(void **state)
{
	struct h1_head head;
	struct h1_end end;

	(void)state;
	for (size_t i = 0; i < COUNT(goods); i++) {
		struct slice bytes;
		size_t len;
		char *block = unmark(slice_of(goods[i].text), &bytes, &len);
		enum h1_progress got = read_whole(&head, bytes, &end);

		if (got != H1_DONE)
			fail_msg("\"%s\": %s at %zu", goods[i].text,
			    got == H1_MORE ? "wants more" :
			    h1_rule_info(end.rule)->name, end.offset);
		assert_int_equal(end.consumed, len);
		check_good(&goods[i], &head);
		free(block);
	}
}

/*
 * However a head is cut in two, or dripped, it reads the same, and wants more
 * until its last byte.
 */
static void
accepts_in_pieces(void **state)
{
	struct h1_head head;
	struct h1_end end;

	(void)state;
	for (size_t i = 0; i < COUNT(goods); i++) {
		const char *text = goods[i].text;
		size_t len = strlen(text), dripped = 0;

		for (size_t cut = 0; cut < len; cut++) {
			char *part = xmalloc(len);
			size_t seen = 0;

			memcpy(part, text, len);
			assert_int_equal(h1_read_request(&head,
			    (struct slice){ part, cut }, &seen, &end),
			    H1_MORE);
			assert_int_equal(h1_read_request(&head,
			    (struct slice){ part, len }, &seen, &end),
			    H1_DONE);
			assert_int_equal(end.consumed, len);
			check_good(&goods[i], &head);
			assert_int_equal(h1_read_request(&head,
			    (struct slice){ text, cut }, &dripped, &end),
			    H1_MORE);
			free(part);
		}
		assert_int_equal(h1_read_request(&head,
		    (struct slice){ text, len }, &dripped, &end), H1_DONE);
		check_good(&goods[i], &head);
	}
}

static void
leaves_what_follows(void **state)
{
	static const char text[] = HEAD("") "GET /next HTTP/1.1\r\n";
	struct h1_head head;
	struct h1_end end;

	(void)state;
	assert_int_equal(read_whole(&head, slice_of(text), &end), H1_DONE);
	assert_int_equal(end.consumed, strlen(HEAD("")));
}

static void
finds_fields(void **state)
{
	static const char text[] = HEAD("x-MANYWHO-Region-Frontend: US\r\n"
	    "ManyWhoTenant:  t \r\nX-Forwarded-For: 1\r\nCookie: c\r\n"
	    "X-Forwarded-For: 2\r\nX_Dropped: x\r\nTE: trailers\r\n");
	struct h1_head head;
	struct h1_end end;

	(void)state;
	assert_int_equal(read_whole(&head, slice_of(text), &end), H1_DONE);
	same_slice("tenant", h1_field(&head, FIELD_MANYWHO_TENANT)->value,
	    "t");
	same_slice("family", h1_field(&head, FIELD_X_MANYWHO)->name,
	    "x-MANYWHO-Region-Frontend");
	same_slice("first", h1_field(&head, FIELD_X_FORWARDED_FOR)->value,
	    "1");
	same_slice("other", h1_field(&head, FIELD_OTHER)->name, "Cookie");
	same_slice("after one dropped", head.fields[6].name, "TE");
	assert_null(h1_field(&head, FIELD_VIA));
	assert_int_equal(head.nfields, 7);
	assert_true(h1_field(&head, FIELD_TE)->hop);
	assert_false(h1_field(&head, FIELD_HOST)->hop);
	assert_int_equal(head.minor, 1);
	same_slice("method", head.method_text, "GET");
}

/* --- hop-by-hop ---------------------------------------------------------------- */

static void
marks_hop_by_hop(void **state)
{
	static const struct {
		const char	*lines;
		const char	*hops;		/* a letter for each field */
	} rows[] = {
		{ "Connection: close\r\nKeep-Alive: 5\r\nTE: trailers\r\n"
		  "Proxy-Connection: x\r\nUpgrade: x\r\nCookie: y\r\n",
		    ".hhhhh." },
		{ "Proxy-Authorization: x\r\nProxy-Authenticate: x\r\n"
		  "Authorization: x\r\n", ".hh." },
		{ "Transfer-Encoding: chunked\r\nTrailer: x\r\n", ".h." },
		{ "Cookie: 1\r\nConnection: cookie, X-One\r\nx-one: 1\r\n"
		  "COOKIE: 2\r\nx-one-more: 1\r\n", ".hhhh." },
		{ "Connection: a\r\nConnection: b\r\nA: 1\r\nB: 1\r\nC: 1\r\n",
		    ".hhhh." },
		{ "Connection: Trailer, TE, keep-alive\r\nTrailer: x\r\n",
		    ".hh" },
		/* Named in vain. */
		{ "Connection: x-forwarded-for, Forwarded, X-Real-IP,"
		  "X-Forwarded-Host,X-Forwarded-Proto,X-Forwarded-Port,"
		  "X-Forwarded-Server\r\nX-Forwarded-For: 1\r\n"
		  "Forwarded: 1\r\nX-Real-IP: 1\r\nX-Forwarded-Server: 1\r\n",
		    ".h...." },
		/* Its own name, and fields that are not there. */
		{ "Connection: connection, gone\r\n", ".h" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf text = { 0 };
		struct h1_head head;
		struct h1_end end;

		buf_printf(&text, "GET / HTTP/1.1\r\nHost: a\r\n%s\r\n",
		    rows[i].lines);
		assert_int_equal(read_whole(&head, buf_all(&text), &end),
		    H1_DONE);
		assert_int_equal(head.nfields, strlen(rows[i].hops));
		for (size_t f = 0; f < head.nfields; f++)
			if (head.fields[f].hop != (rows[i].hops[f] == 'h'))
				fail_msg("%s: field %zu", rows[i].lines, f);
		buf_fini(&text);
	}
}

/* Nobody may ask the next program to lose what this one decided by. */
static void
connection_may_not_name(void **state)
{
	static const char *const names[] = {
		"Host", "host", "Content-Length", "Transfer-Encoding",
		"Via", "CDN-Loop", "x-forwarded",
		"X-ManyWho-Region-Frontend", "X-ManyWho-Anything",
		"X-Portolan-Region", "ManyWhoTenant", "ManyWhoState",
		"Authorization", "Content-Type", "Origin", "Expect",
		"Traceparent", "X-Request-Id", "X_Forwarded_For",
		"X_ManyWho_Region_Backend", "Content_Length",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++)
		for (unsigned before = 0; before < 2; before++) {
			struct buf text = { 0 };
			struct h1_head head;
			struct h1_end end;
			size_t at;

			buf_printf(&text, "GET / HTTP/1.1\r\nHost: a\r\n"
			    "Connection: %s", before ? "close, " : "");
			at = text.len;
			buf_printf(&text, "%s\r\n\r\n", names[i]);
			assert_int_equal(read_whole(&head, buf_all(&text),
			    &end), H1_REFUSED);
			assert_int_equal(end.rule, H1_BAD_CONNECTION);
			assert_int_equal(end.offset, at);
			buf_fini(&text);
		}
}

/* OPTIONS alone is counted. */
static void
counts_forwards(void **state)
{
	static const struct {
		const char	*text;
		uint16_t	 forwards;
	} rows[] = {
		{ ASK(""), 0 },
		{ ASK("max-forwards: 0\r\n"), 1 },
		{ ASK("max-forwards: 7\r\n"), 8 },
		{ ASK("max-forwards: 007\r\n"), 8 },
		{ ASK("max-forwards: 255\r\n"), 256 },
		{ ASK("max-forwards: 256\r\n"), 257 },
		{ ASK("max-forwards: 99999999999999999999999999\r\n"), 257 },
		{ HEAD("Max-Forwards: 7\r\n"), 0 },
		{ HEAD("Max-Forwards: x\r\n"), 0 },
	};
	struct h1_head head;
	struct h1_end end;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(read_whole(&head, slice_of(rows[i].text),
		    &end), H1_DONE);
		assert_int_equal(head.forwards, rows[i].forwards);
	}
}

/* --- what is refused -------------------------------------------------------------- */

static const struct bad {
	const char	*text;		/* \a is where */
	enum h1_rule	 rule;
	unsigned	 status;
} bads[] = {
	/* The request line. */
	{ "\a\x16\x03\x01", H1_BAD_METHOD, 400 },	/* TLS, at once */
	{ "\a GET / HTTP/1.1\r\nHost: a\r\n\r\n", H1_BAD_METHOD, 400 },
	{ "\r\n\a\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", H1_BAD_METHOD, 400 },
	{ "\a\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", H1_BARE_CR_OR_LF, 400 },
	{ "\a\rGET / HTTP/1.1\r\nHost: a\r\n\r\n", H1_BARE_CR_OR_LF, 400 },
	{ "GET\a@ / HTTP/1.1\r\n", H1_BAD_METHOD, 400 },
	{ "GET\a\t/ HTTP/1.1\r\n", H1_BAD_METHOD, 400 },
	{ "GET\a\r\n", H1_BAD_METHOD, 400 },
	{ "GET\a\r / HTTP/1.1\r\n", H1_BARE_CR_OR_LF, 400 },
	{ "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG\a / HTTP/1.1\r\n",
	    H1_LONG_METHOD, 501 },
	{ "GET \a / HTTP/1.1\r\n", H1_BAD_TARGET, 400 },
	{ "GET /\a\r\n", H1_BAD_VERSION, 400 },		/* HTTP/0.9 */
	{ "GET \a\r\n", H1_BAD_VERSION, 400 },
	{ "GET / \a\r\n", H1_BAD_VERSION, 400 },
	{ "GET / \aHTTP/1.1 \r\n", H1_BAD_VERSION, 400 },
	{ "GET / \a HTTP/1.1\r\n", H1_BAD_VERSION, 400 },
	{ "GET /a \ab HTTP/1.1\r\n", H1_BAD_VERSION, 400 },
	{ "GET / \ahttp/1.1\r\n", H1_BAD_VERSION, 400 },
	{ "GET / \aHTTP/1,1\r\n", H1_BAD_VERSION, 400 },
	{ "GET / \aHTTP/11.1\r\n", H1_BAD_VERSION, 400 },
	{ "GET / \aHTTP/1.1\r\r\n", H1_BAD_VERSION, 400 },
	{ "GET / \aHTTP/2.0\r\n", H1_OTHER_VERSION, 505 },
	{ "GET / \aHTTP/3.1\r\n", H1_OTHER_VERSION, 505 },
	{ "GET / \aHTTP/0.9\r\n", H1_OTHER_VERSION, 505 },
	{ "PRI * \aHTTP/2.0\r\n\r\nSM\r\n\r\n", H1_OTHER_VERSION, 505 },
	/* The target. */
	{ "GET /a\a\tb HTTP/1.1\r\n", H1_BAD_TARGET, 400 },
	{ "GET /a\a\x80 HTTP/1.1\r\n", H1_BAD_TARGET, 400 },
	{ "GET /a\a\x7f HTTP/1.1\r\n", H1_BAD_TARGET, 400 },
	{ "GET /a\a\rb HTTP/1.1\r\n", H1_BARE_CR_OR_LF, 400 },
	{ "GET /a\a#b HTTP/1.1\r\n", H1_BAD_TARGET, 400 },
	{ "GET \aa HTTP/1.1\r\n", H1_BAD_TARGET, 400 },
	{ "GET \a* HTTP/1.1\r\n", H1_BAD_TARGET, 400 },
	{ "GET \a\\a HTTP/1.1\r\n", H1_BAD_TARGET, 400 },
	{ "OPTIONS \a** HTTP/1.1\r\n", H1_BAD_TARGET, 400 },
	{ "GET \aftp://a/ HTTP/1.1\r\n", H1_BAD_TARGET, 400 },
	{ "GET \ahttp:/a HTTP/1.1\r\n", H1_BAD_TARGET, 400 },
	{ "GET \ahttp:///a HTTP/1.1\r\n", H1_BAD_TARGET, 400 },
	{ "GET \ahttp://u@a/ HTTP/1.1\r\n", H1_BAD_TARGET, 400 },
	{ "GET \ahttp://a:b/ HTTP/1.1\r\n", H1_BAD_TARGET, 400 },
	{ "GET \ahttp://a%2f/ HTTP/1.1\r\n", H1_BAD_TARGET, 400 },
	{ "GET \aa:443 HTTP/1.1\r\n", H1_BAD_TARGET, 400 },
	{ "CONNECT \aa HTTP/1.1\r\n", H1_BAD_TARGET, 400 },
	{ "CONNECT \a/ HTTP/1.1\r\n", H1_BAD_TARGET, 400 },
	{ "CONNECT \ahttp://a:443/ HTTP/1.1\r\n", H1_BAD_TARGET, 400 },
	{ "CONNECT \aa:0 HTTP/1.1\r\n", H1_BAD_TARGET, 400 },
	/* Lines. */
	{ "GET / HTTP/1.1\a\nHost: a\r\n\r\n", H1_BARE_CR_OR_LF, 400 },
	{ "GET / HTTP/1.1\r\nHost: a\a\n\r\n", H1_BARE_CR_OR_LF, 400 },
	{ "GET / HTTP/1.1\r\nHost: a\r\n\a\n", H1_BARE_CR_OR_LF, 400 },
	{ HEAD("X: a\a\rb\r\n"), H1_BARE_CR_OR_LF, 400 },
	{ HEAD("X: a\a\r\r\n"), H1_BARE_CR_OR_LF, 400 },
	{ HEAD("X\a\r: a\r\n"), H1_BARE_CR_OR_LF, 400 },
	{ HEAD("\a\rX: a\r\n"), H1_BARE_CR_OR_LF, 400 },
	{ HEAD("X: a\r\n\a b\r\n"), H1_OBS_FOLD, 400 },
	{ HEAD("X: a\r\n\a\tb: c\r\n"), H1_OBS_FOLD, 400 },
	{ "GET / HTTP/1.1\r\n\a Host: a\r\n\r\n", H1_OBS_FOLD, 400 },
	/* Names. */
	{ HEAD("X\a : a\r\n"), H1_SPACE_BEFORE_COLON, 400 },
	{ HEAD("X\a\t: a\r\n"), H1_SPACE_BEFORE_COLON, 400 },
	{ HEAD("Transfer-Encoding\a : chunked\r\n"), H1_SPACE_BEFORE_COLON,
	    400 },
	{ HEAD("X\a Y: a\r\n"), H1_SPACE_BEFORE_COLON, 400 },
	{ HEAD("\a: a\r\n"), H1_BAD_NAME, 400 },
	{ HEAD("X\a\r\n"), H1_BAD_NAME, 400 },
	{ HEAD("X\a(: a\r\n"), H1_BAD_NAME, 400 },
	{ HEAD("X\a\x01: a\r\n"), H1_BAD_NAME, 400 },
	{ HEAD("X\a\xe9: a\r\n"), H1_BAD_NAME, 400 },
	{ HEAD("\a\"X\": a\r\n"), H1_BAD_NAME, 400 },
	{ HEAD("\aContent_Length: 5\r\n"), H1_SPOOFABLE_NAME, 400 },
	{ HEAD("\aX_Forwarded_For: 1\r\n"), H1_SPOOFABLE_NAME, 400 },
	{ HEAD("\aX-ManyWho_Region: 1\r\n"), H1_SPOOFABLE_NAME, 400 },
	{ HEAD("\aX_Real_IP: 1\r\n"), H1_SPOOFABLE_NAME, 400 },
	/* Values. */
	{ HEAD("X: a\a\x01\r\n"), H1_BAD_VALUE, 400 },
	{ HEAD("X: a\a\x7f\r\n"), H1_BAD_VALUE, 400 },
	{ HEAD("X: a long value with a \a\vtab\r\n"), H1_BAD_VALUE, 400 },
	/* Host. */
	{ "GET / HTTP/1.1\r\n\a\r\n", H1_MISSING_HOST, 400 },
	{ "GET http://a/ HTTP/1.1\r\n\a\r\n", H1_MISSING_HOST, 400 },
	{ HEAD("\aHost: a\r\n"), H1_SEVERAL_HOSTS, 400 },
	{ HEAD("X: 1\r\n\ahost: b\r\nHost: c\r\n"), H1_SEVERAL_HOSTS, 400 },
	{ OLD("Host: a\r\n\aHost: a\r\n"), H1_SEVERAL_HOSTS, 400 },
	{ "GET / HTTP/1.1\r\nHost:\a\r\n\r\n", H1_BAD_HOST, 400 },
	{ "GET / HTTP/1.1\r\nHost: \aa b\r\n\r\n", H1_BAD_HOST, 400 },
	{ "GET / HTTP/1.1\r\nHost: \aa,b\r\n\r\n", H1_BAD_HOST, 400 },
	{ "GET / HTTP/1.1\r\nHost: \aa/b\r\n\r\n", H1_BAD_HOST, 400 },
	{ "GET / HTTP/1.1\r\nHost: \au@a\r\n\r\n", H1_BAD_HOST, 400 },
	{ "GET / HTTP/1.1\r\nHost: \aa:65536\r\n\r\n", H1_BAD_HOST, 400 },
	{ "GET / HTTP/1.1\r\nHost: \a::1\r\n\r\n", H1_BAD_HOST, 400 },
	{ "POST / HTTP/1.0\r\nHost: \aa..b\r\n\r\n", H1_BAD_HOST, 400 },
	{ "GET http://a/ HTTP/1.1\r\nHost: \ab\r\n\r\n", H1_BAD_HOST, 400 },
	{ "GET http://a/ HTTP/1.1\r\nHost: \aa:81\r\n\r\n", H1_BAD_HOST, 400 },
	{ "GET https://a/ HTTP/1.1\r\nHost: \aa:80\r\n\r\n", H1_BAD_HOST,
	    400 },
	{ "GET http://a/ HTTP/1.1\r\nHost:\a\r\n\r\n", H1_BAD_HOST, 400 },
	{ "CONNECT a:443 HTTP/1.1\r\nHost: \aa:444\r\n\r\n", H1_BAD_HOST,
	    400 },
	/* Framing. */
	{ POST("Content-Length: 5\r\n\aTransfer-Encoding: chunked\r\n"),
	    H1_LENGTH_AND_CHUNKED, 400 },
	{ POST("\aTransfer-Encoding: x\r\nContent-Length: 0\r\n"),
	    H1_LENGTH_AND_CHUNKED, 400 },
	{ POST("Content-Length: 5\r\n\aContent-Length: 6\r\n"),
	    H1_SEVERAL_LENGTHS, 400 },
	{ POST("Content-Length: 5\r\n\acontent-length: 5\r\n"),
	    H1_SEVERAL_LENGTHS, 400 },
	{ POST("Content-Length: \a5, 5\r\n"), H1_SEVERAL_LENGTHS, 400 },
	{ POST("Content-Length: \a5,\r\n"), H1_SEVERAL_LENGTHS, 400 },
	{ POST("Content-Length:\a\r\n"), H1_BAD_LENGTH, 400 },
	{ POST("Content-Length: \a+5\r\n"), H1_BAD_LENGTH, 400 },
	{ POST("Content-Length: \a-1\r\n"), H1_BAD_LENGTH, 400 },
	{ POST("Content-Length: \a0x5\r\n"), H1_BAD_LENGTH, 400 },
	{ POST("Content-Length: \a5 5\r\n"), H1_BAD_LENGTH, 400 },
	{ POST("Content-Length: \a5.0\r\n"), H1_BAD_LENGTH, 400 },
	{ POST("Content-Length: \a9223372036854775808\r\n"), H1_BAD_LENGTH,
	    400 },
	{ POST("Content-Length: \a18446744073709551621\r\n"), H1_BAD_LENGTH,
	    400 },
	{ POST("Transfer-Encoding: chunked\r\n\aTransfer-Encoding: chunked"
	    "\r\n"), H1_BAD_CODING, 400 },
	{ POST("Transfer-Encoding: \achunked, chunked\r\n"), H1_BAD_CODING,
	    400 },
	{ POST("Transfer-Encoding: \achunked, gzip\r\n"), H1_BAD_CODING,
	    400 },
	{ POST("Transfer-Encoding: \achunked,\r\n"), H1_BAD_CODING, 400 },
	{ POST("Transfer-Encoding: \a,chunked\r\n"), H1_BAD_CODING, 400 },
	{ POST("Transfer-Encoding: \achunked;q=1\r\n"), H1_BAD_CODING, 400 },
	{ POST("Transfer-Encoding: \a\"chunked\"\r\n"), H1_BAD_CODING, 400 },
	{ POST("Transfer-Encoding: \achunked x\r\n"), H1_BAD_CODING, 400 },
	{ POST("Transfer-Encoding:\a\r\n"), H1_BAD_CODING, 400 },
	{ POST("Transfer-Encoding: \agzip, chunked\r\n"), H1_UNKNOWN_CODING,
	    501 },
	{ POST("Transfer-Encoding: \agzip\r\n"), H1_BAD_CODING, 400 },
	{ POST("Transfer-Encoding: \aidentity\r\n"), H1_BAD_CODING, 400 },
	{ POST("Transfer-Encoding: \axchunked\r\n"), H1_BAD_CODING, 400 },
	{ OLD("\aTransfer-Encoding: chunked\r\n"), H1_CODING_IN_1_0, 400 },
	/* Connection, beyond the names of the other table. */
	{ HEAD("Connection: \aa b\r\n"), H1_BAD_CONNECTION, 400 },
	{ HEAD("Connection: close, \a\"a\"\r\n"), H1_BAD_CONNECTION, 400 },
	{ HEAD("Connection: \aclose;x\r\n"), H1_BAD_CONNECTION, 400 },
	{ HEAD("Connection: a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,"
	    "a,a,a,a,a,a,a,a,\aa\r\n"), H1_BAD_CONNECTION, 400 },
	/* Expect. */
	{ HEAD("\aExpect: 200-ok\r\n"), H1_BAD_EXPECT, 417 },
	{ HEAD("\aExpect:\r\n"), H1_BAD_EXPECT, 417 },
	{ HEAD("\aExpect: 100-continue, x\r\n"), H1_BAD_EXPECT, 417 },
	{ HEAD("Expect: 100-continue\r\n\aExpect: x\r\n"), H1_BAD_EXPECT,
	    417 },
	/* Max-Forwards. */
	{ ASK("\aMax-Forwards:\r\n"), H1_BAD_MAX_FORWARDS, 400 },
	{ ASK("\aMax-Forwards: -1\r\n"), H1_BAD_MAX_FORWARDS, 400 },
	{ ASK("\aMax-Forwards: 1, 2\r\n"), H1_BAD_MAX_FORWARDS, 400 },
	{ ASK("Max-Forwards: 1\r\n\amax-forwards: 1\r\n"),
	    H1_BAD_MAX_FORWARDS, 400 },
	/* Upgrade. */
	{ HEAD("Upgrade: a\r\nConnection: upgrade\r\n\aUpgrade: b\r\n"),
	    H1_BAD_UPGRADE, 400 },
	{ HEAD("Connection: upgrade\r\n\aUpgrade:\r\n"), H1_BAD_UPGRADE,
	    400 },
	{ HEAD("Connection: upgrade\r\n\aUpgrade: a b\r\n"), H1_BAD_UPGRADE,
	    400 },
	{ HEAD("Connection: upgrade\r\n\aUpgrade: a/\r\n"), H1_BAD_UPGRADE,
	    400 },
	{ HEAD("Connection: upgrade\r\n\aUpgrade: /1\r\n"), H1_BAD_UPGRADE,
	    400 },
	{ HEAD("Connection: upgrade\r\n\aUpgrade: a/1/2\r\n"), H1_BAD_UPGRADE,
	    400 },
	/* One can be meant. */
	{ HEAD("ManyWhoTenant: a\r\n\aManyWhoTenant: b\r\n"),
	    H1_REPEATED_FIELD, 400 },
	{ HEAD("ManyWhoState: a\r\n\aManyWhoState: a\r\n"), H1_REPEATED_FIELD,
	    400 },
	{ HEAD("Content-Type: a\r\nX: 1\r\n\acontent-type: b\r\n"),
	    H1_REPEATED_FIELD, 400 },
	{ HEAD("Authorization: a\r\n\aAuthorization: b\r\n"),
	    H1_REPEATED_FIELD, 400 },
	{ HEAD("Origin: a\r\n\aOrigin: b\r\n"), H1_REPEATED_FIELD, 400 },
};

static void
check_refused(const struct bad *row, struct slice bytes, size_t fault)
{
	struct h1_head head;
	struct h1_end end;
	enum h1_progress got = read_whole(&head, bytes, &end);

	if (got != H1_REFUSED)
		fail_msg("not refused: %s", row->text);
	if (end.rule != row->rule || end.offset != fault)
		fail_msg("%s: %s at %zu, not %s at %zu", row->text,
		    h1_rule_info(end.rule)->name, end.offset,
		    h1_rule_info(row->rule)->name, fault);
	assert_int_equal(h1_rule_info(end.rule)->status, row->status);
}

static void
refuses(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(bads); i++) {
		struct slice bytes;
		size_t fault;
		char *block = unmark(slice_of(bads[i].text), &bytes, &fault);

		check_refused(&bads[i], bytes, fault);
		free(block);
	}
}

/* However the bytes were cut, the same fault is found at the same place. */
static void
refuses_in_pieces(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(bads); i++) {
		struct slice bytes;
		size_t fault;
		char *block = unmark(slice_of(bads[i].text), &bytes, &fault);

		for (size_t cut = 0; cut < bytes.len; cut++) {
			struct h1_head head;
			struct h1_end end;
			size_t seen = 0;
			enum h1_progress got = h1_read_request(&head,
			    (struct slice){ bytes.p, cut }, &seen, &end);

			assert_int_not_equal(got, H1_DONE);
			if (got == H1_MORE)
				got = h1_read_request(&head, bytes, &seen,
				    &end);
			/* A fault within the last line may wait for its end,
			 * if that is not among these bytes. */
			if (got == H1_MORE) {
				assert_true(memchr(bytes.p + cut, '\n',
				    bytes.len - cut) == NULL ||
				    bytes.len < 4 || memcmp(bytes.p +
				    bytes.len - 4, "\r\n\r\n", 4) != 0);
				continue;
			}
			assert_int_equal(got, H1_REFUSED);
			assert_int_equal(end.rule, bads[i].rule);
			assert_int_equal(end.offset, fault);
		}
		free(block);
	}
}

/* NUL cannot stand in a table of C strings. */
static void
refuses_nul(void **state)
{
	static const struct {
		const char	*text;		/* @ becomes NUL */
		enum h1_rule	 rule;
	} rows[] = {
		{ "GET /@ HTTP/1.1\r\nHost: a\r\n\r\n", H1_BAD_TARGET },
		{ "G@T / HTTP/1.1\r\nHost: a\r\n\r\n", H1_BAD_METHOD },
		{ "@ET / HTTP/1.1\r\nHost: a\r\n\r\n", H1_BAD_METHOD },
		{ HEAD("X@: a\r\n"), H1_BAD_NAME },
		{ HEAD("X: @\r\n"), H1_BAD_VALUE },
		{ HEAD("X: abcdefgh@abcdefgh\r\n"), H1_BAD_VALUE },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char text[128];
		size_t len = strlen(rows[i].text);
		size_t at = strcspn(rows[i].text, "@");
		struct h1_head head;
		struct h1_end end;

		memcpy(text, rows[i].text, len);
		text[at] = '\0';
		assert_int_equal(read_whole(&head,
		    (struct slice){ text, len }, &end), H1_REFUSED);
		assert_int_equal(end.rule, rows[i].rule);
		assert_int_equal(end.offset, at);
	}
}

/* --- limits ------------------------------------------------------------------------ */

static void
fill(struct buf *b, size_t len)
{
	memset(buf_reserve(b, len), 'x', len);
	b->len += len;
}

static void
expect(const struct buf *text, enum h1_progress progress, enum h1_rule rule,
    size_t offset)
{
	size_t dripped = 0;
	struct h1_head head;
	struct h1_end end = { 0, H1_OK, 0 }, again = { 0, H1_OK, 0 };
	enum h1_progress got = read_whole(&head, buf_all(text), &end);

	assert_int_equal(got, progress);
	assert_int_equal(end.rule, rule);
	assert_int_equal(end.offset, offset);
	/* A dripping peer comes to the same end, and never later. */
	for (size_t len = 0; len <= text->len; len += 97) {
		got = h1_read_request(&head, (struct slice){ text->p, len },
		    &dripped, &again);
		if (got != H1_MORE)
			break;
	}
	if (got == H1_MORE)
		got = h1_read_request(&head, buf_all(text), &dripped, &again);
	assert_int_equal(got, progress);
	assert_int_equal(again.rule, rule);
	assert_int_equal(again.offset, offset);
}

static void
limits_a_line(void **state)
{
	struct buf b = { 0 };

	(void)state;
	/* The longest request line there may be. */
	buf_text(&b, "GET /");
	fill(&b, H1_LINE_MAX - strlen("GET / HTTP/1.1\r\n"));
	buf_text(&b, " HTTP/1.1\r\nHost: a\r\n\r\n");
	expect(&b, H1_DONE, H1_OK, 0);
	/* ... and one byte more, with and without the rest of it. */
	buf_clear(&b);
	buf_text(&b, "GET /");
	fill(&b, H1_LINE_MAX + 1 - strlen("GET / HTTP/1.1\r\n"));
	buf_text(&b, " HTTP/1.1\r\nHost: a\r\n\r\n");
	expect(&b, H1_REFUSED, H1_TARGET_TOO_LONG, 0);
	b.len = H1_LINE_MAX;
	expect(&b, H1_REFUSED, H1_TARGET_TOO_LONG, 0);
	b.len = H1_LINE_MAX - 1;
	expect(&b, H1_MORE, H1_OK, 0);
	/* The same of a field line. */
	buf_clear(&b);
	buf_text(&b, "GET / HTTP/1.1\r\nHost: a\r\nX: ");
	fill(&b, H1_LINE_MAX - strlen("X: \r\n"));
	buf_text(&b, "\r\n\r\n");
	expect(&b, H1_DONE, H1_OK, 0);
	buf_clear(&b);
	buf_text(&b, "GET / HTTP/1.1\r\nHost: a\r\nX: ");
	fill(&b, H1_LINE_MAX + 1 - strlen("X: \r\n"));
	buf_text(&b, "\r\n\r\n");
	expect(&b, H1_REFUSED, H1_LINE_TOO_LONG,
	    strlen("GET / HTTP/1.1\r\nHost: a\r\n"));
	b.len = strlen("GET / HTTP/1.1\r\nHost: a\r\n") + H1_LINE_MAX;
	expect(&b, H1_REFUSED, H1_LINE_TOO_LONG,
	    strlen("GET / HTTP/1.1\r\nHost: a\r\n"));
	buf_fini(&b);
}

static void
limits_the_fields(void **state)
{
	struct buf b = { 0 };
	size_t at;

	(void)state;
	buf_text(&b, "GET / HTTP/1.1\r\nHost: a\r\n");
	for (unsigned i = 0; i < H1_FIELDS_MAX - 1; i++)
		buf_text(&b, "X: y\r\n");
	at = b.len;
	buf_text(&b, "\r\n");
	expect(&b, H1_DONE, H1_OK, 0);
	b.len = at;
	buf_text(&b, "X: y\r\n\r\n");
	expect(&b, H1_REFUSED, H1_TOO_MANY_FIELDS, at);
	/* One that is dropped counts too. */
	b.len = at;
	buf_text(&b, "x_y: y\r\n\r\n");
	expect(&b, H1_REFUSED, H1_TOO_MANY_FIELDS, at);
	buf_fini(&b);
}

static void
limits_the_head(void **state)
{
	struct buf b = { 0 };
	size_t at;

	(void)state;
	buf_text(&b, "GET / HTTP/1.1\r\nHost: a\r\n");
	for (unsigned i = 0; i < 4; i++) {
		buf_text(&b, "X: ");
		fill(&b, 8000);
		buf_text(&b, "\r\n");
	}
	buf_text(&b, "Y: ");
	at = b.len;
	fill(&b, H1_HEAD_MAX - at - 4);
	buf_text(&b, "\r\n\r\n");
	assert_int_equal(b.len, H1_HEAD_MAX);
	expect(&b, H1_DONE, H1_OK, 0);
	b.len = H1_HEAD_MAX - 1;
	expect(&b, H1_MORE, H1_OK, 0);
	b.len = at;
	fill(&b, H1_HEAD_MAX - at - 3);
	buf_text(&b, "\r\n\r\n");
	expect(&b, H1_REFUSED, H1_HEAD_TOO_LONG, H1_HEAD_MAX);
	b.len = H1_HEAD_MAX;
	expect(&b, H1_REFUSED, H1_HEAD_TOO_LONG, H1_HEAD_MAX);
	/* A fault before that point is the reason, not the length. */
	b.p[20] = '\0';
	expect(&b, H1_REFUSED, H1_BAD_NAME, 20);
	buf_fini(&b);
}

/* --- the first bytes alone ----------------------------------------------------- */

static const struct {
	struct slice	 bytes;
	enum h1_method	 method;
} begun[] = {
	{ SLICE("GET /"), METHOD_GET }, { SLICE("HEAD "), METHOD_HEAD },
	{ SLICE("POST "), METHOD_POST }, { SLICE("PUT /"), METHOD_PUT },
	{ SLICE("DELET"), METHOD_DELETE }, { SLICE("PATCH"), METHOD_PATCH },
	{ SLICE("OPTIO"), METHOD_OPTIONS }, { SLICE("TRACE"), METHOD_TRACE },
	{ SLICE("CONNE"), METHOD_CONNECT },
	{ SLICE("GET http://a/"), METHOD_GET },		/* more is no matter */
	{ SLICE("GET "), METHOD_OTHER },		/* too few to tell */
	{ SLICE(""), METHOD_OTHER },
	{ SLICE("get /"), METHOD_OTHER },
	{ SLICE("GETS "), METHOD_OTHER },
	{ SLICE("HEADS"), METHOD_OTHER },
	{ SLICE("PRI *"), METHOD_OTHER },		/* of HTTP/2 */
	{ SLICE("SSH-2"), METHOD_OTHER },
	{ SLICE("\x16\3\1\2\0"), METHOD_OTHER },	/* of TLS */
	{ SLICE("\x80\x2e\1\3\1"), METHOD_OTHER },	/* as SSL 2 had it */
};

static void
a_method_is_known_by_its_beginning(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(begun) / sizeof(begun[0]); i++)
		if (h1_method_begun(begun[i].bytes) != begun[i].method)
			fail_msg("\"%.*s\" is %d", SLICE_ARG(begun[i].bytes),
			    h1_method_begun(begun[i].bytes));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts),
		cmocka_unit_test(accepts_in_pieces),
		cmocka_unit_test(leaves_what_follows),
		cmocka_unit_test(finds_fields),
		cmocka_unit_test(marks_hop_by_hop),
		cmocka_unit_test(connection_may_not_name),
		cmocka_unit_test(counts_forwards),
		cmocka_unit_test(refuses),
		cmocka_unit_test(refuses_in_pieces),
		cmocka_unit_test(refuses_nul),
		cmocka_unit_test(limits_a_line),
		cmocka_unit_test(limits_the_fields),
		cmocka_unit_test(limits_the_head),
		cmocka_unit_test(a_method_is_known_by_its_beginning),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http/h2_text.h"

#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define GET { ":method", "GET" }, { ":scheme", "http" }, { ":path", "/a?b" }
#define BASIC GET, { ":authority", "a.example" }
#define LINE "GET /a?b HTTP/1.1\r\nhost: a.example\r\n"

/* Fields as they come, and what is made of them; NULL: malformed. */
static const struct {
	const char	*fields[9][2];
	enum h2_text_kind kind;
	bool		 ended;
	const char	*text;
} heads[] = {
	{ { BASIC }, H2_TEXT_REQUEST, true, LINE "\r\n" },
	/* a body without length ends by END_STREAM */
	{ { BASIC }, H2_TEXT_REQUEST, false,
	    LINE "transfer-encoding: chunked\r\n\r\n" },
	{ { BASIC, { "content-length", "3" } }, H2_TEXT_REQUEST, false,
	    LINE "content-length: 3\r\n\r\n" },
	/* pseudo-fields in any order, but before the others */
	{ { { ":authority", "a.example" }, { ":path", "/a?b" },
	    { ":method", "GET" }, { ":scheme", "https" }, { "x", "" } },
	    H2_TEXT_REQUEST, true, LINE "x: \r\n\r\n" },
	{ { { ":method", "GET" }, { "x", "y" }, { ":scheme", "http" },
	    { ":path", "/" } }, H2_TEXT_REQUEST, true, NULL },
	{ { BASIC, { ":path", "/" } }, H2_TEXT_REQUEST, true, NULL },
	{ { BASIC, { ":status", "200" } }, H2_TEXT_REQUEST, true, NULL },
	{ { { ":method", "GET" }, { ":path", "/" } }, H2_TEXT_REQUEST, true,
	    NULL },
	{ { GET, { "host", "a.example" } }, H2_TEXT_REQUEST, true, LINE "\r\n" },
	{ { BASIC, { "host", "A.example" } }, H2_TEXT_REQUEST, true,
	    LINE "\r\n" },
	{ { BASIC, { "host", "b.example" } }, H2_TEXT_REQUEST, true, NULL },
	{ { GET, { "host", "a" }, { "host", "a" } }, H2_TEXT_REQUEST, true,
	    NULL },
	/* crumbs of a cookie, with others between them */
	{ { BASIC, { "cookie", "a=b" }, { "x", "y" }, { "cookie", "c=d" },
	    { "cookie", "e" } }, H2_TEXT_REQUEST, true,
	    LINE "cookie: a=b; c=d; e\r\nx: y\r\n\r\n" },
	/* of the connection alone */
	{ { BASIC, { "connection", "x" } }, H2_TEXT_REQUEST, true, NULL },
	{ { BASIC, { "transfer-encoding", "chunked" } }, H2_TEXT_REQUEST,
	    true, NULL },
	{ { BASIC, { "te", "Trailers" } }, H2_TEXT_REQUEST, true,
	    LINE "te: trailers\r\nconnection: te\r\n\r\n" },
	{ { BASIC, { "te", "trailers" }, { "te", "trailers" } },
	    H2_TEXT_REQUEST, true,
	    LINE "te: trailers\r\nconnection: te\r\n\r\n" },
	{ { BASIC, { "te", "trailers, gzip" } }, H2_TEXT_REQUEST, true, NULL },
	{ { BASIC, { "te", "gzip" } }, H2_TEXT_REQUEST, true, NULL },
	/* what would be a line of its own over HTTP/1.1 */
	{ { BASIC, { "x", "a\r\nb: c" } }, H2_TEXT_REQUEST, true, NULL },
	{ { BASIC, { "x", "a\nb" } }, H2_TEXT_REQUEST, true, NULL },
	{ { BASIC, { "x y", "a" } }, H2_TEXT_REQUEST, true, NULL },
	{ { BASIC, { "X", "a" } }, H2_TEXT_REQUEST, true, NULL },
	{ { BASIC, { "x", "a " } }, H2_TEXT_REQUEST, true, NULL },
	{ { { ":method", "GET /x" }, { ":scheme", "http" }, { ":path", "/" } },
	    H2_TEXT_REQUEST, true, NULL },
	{ { { ":method", "GET" }, { ":scheme", "http" },
	    { ":path", "/ HTTP/1.1" } }, H2_TEXT_REQUEST, true, NULL },
	{ { { ":method", "GET" }, { ":scheme", "http" },
	    { ":path", "http://a/" } }, H2_TEXT_REQUEST, true, NULL },
	{ { { ":method", "GET" }, { ":scheme", "ftp" }, { ":path", "/" } },
	    H2_TEXT_REQUEST, true, NULL },
	/* CONNECT, plain and extended */
	{ { { ":method", "CONNECT" }, { ":authority", "a:443" } },
	    H2_TEXT_REQUEST, true,
	    "CONNECT a:443 HTTP/1.1\r\nhost: a:443\r\n\r\n" },
	{ { { ":method", "CONNECT" }, { ":authority", "a:443" },
	    { ":path", "/" } }, H2_TEXT_REQUEST, true, NULL },
	{ { { ":method", "CONNECT" }, { ":protocol", "websocket" },
	    { ":scheme", "https" }, { ":path", "/ws" },
	    { ":authority", "a.example" }, { "sec-websocket-key", "mine" } },
	    H2_TEXT_REQUEST, false,
	    "GET /ws HTTP/1.1\r\nhost: a.example\r\nconnection: upgrade\r\n"
	    "upgrade: websocket\r\nsec-websocket-key: " KEY "\r\n\r\n" },
	{ { BASIC, { ":protocol", "websocket" } }, H2_TEXT_REQUEST, true,
	    NULL },
	/* answers */
	{ { { ":status", "200" }, { "x", "y" } }, H2_TEXT_RESPONSE, false,
	    "HTTP/1.1 200 \r\nx: y\r\ntransfer-encoding: chunked\r\n\r\n" },
	{ { { ":status", "200" } }, H2_TEXT_RESPONSE, true,
	    "HTTP/1.1 200 \r\n\r\n" },
	{ { { ":status", "103" }, { "link", "</a>" } }, H2_TEXT_RESPONSE,
	    false, "HTTP/1.1 103 \r\nlink: </a>\r\n\r\n" },
	{ { { ":status", "304" } }, H2_TEXT_RESPONSE, false,
	    "HTTP/1.1 304 \r\n\r\n" },
	{ { { "x", "y" } }, H2_TEXT_RESPONSE, true, NULL },
	{ { { ":status", "20" } }, H2_TEXT_RESPONSE, true, NULL },
	{ { { ":status", "200" }, { "upgrade", "h2" } }, H2_TEXT_RESPONSE,
	    true, NULL },
	/* trailers; some have no business there */
	{ { { "x-sum", "1" }, { "content-length", "9" } }, H2_TEXT_TRAILERS,
	    true, "x-sum: 1\r\n" },
	{ { { ":path", "/" } }, H2_TEXT_TRAILERS, true, NULL },
};

static void
fields_become_heads(void **state)
{
	struct h2_text t = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		const char *const (*f)[2] = heads[i].fields;
		struct slice text = { NULL, 0 };
		bool good = true;

		h2_text_begin(&t, heads[i].kind);
		for (; (*f)[0] != NULL && good; f++)
			good = h2_text_field(&t, slice_of((*f)[0]),
			    slice_of((*f)[1]));
		good = good && h2_text_end(&t, heads[i].ended, SLICE(KEY),
		    &text);
		if (good != (heads[i].text != NULL) || (good &&
		    !slice_is(text, heads[i].text)))
			fail_msg("row %zu: %s %.*s", i, good ? "good" : "bad",
			    SLICE_ARG(text));
	}
	buf_fini(&t.buf);
}

/* As many as a list may hold, whatever they are. */
static void
lists_are_bounded(void **state)
{
	struct h2_text t = { 0 };
	struct slice text;
	char many[1000];

	(void)state;
	memset(many, 'a', sizeof(many));
	h2_text_begin(&t, H2_TEXT_REQUEST);
	assert_true(h2_text_field(&t, SLICE(":method"), SLICE("GET")));
	assert_true(h2_text_field(&t, SLICE(":scheme"), SLICE("http")));
	assert_true(h2_text_field(&t, SLICE(":path"), SLICE("/")));
	for (int i = 0; i < 1000; i++)
		assert_true(h2_text_field(&t, SLICE("x"),
		    (struct slice){ many, sizeof(many) }));
	assert_true(t.too_large);
	assert_true(t.buf.len <= H2_LIST_MAX);
	assert_false(h2_text_end(&t, true, SLICE(""), &text));
	buf_fini(&t.buf);
}

static void
lines_become_fields(void **state)
{
	struct slice lines = SLICE("X-A: 1\r\nConnection: x\r\nUpgrade: y\r\n"
	    "Empty:\r\nkeep-alive: 1\r\nLast: a b \r\n");
	struct slice name, value;

	(void)state;
	assert_true(h2_text_next(&lines, &name, &value));
	assert_true(slice_is(name, "X-A") && slice_is(value, "1"));
	assert_true(h2_text_next(&lines, &name, &value));
	assert_true(slice_is(name, "Empty") && slice_is(value, ""));
	assert_true(h2_text_next(&lines, &name, &value));
	assert_true(slice_is(name, "Last") && slice_is(value, "a b"));
	assert_false(h2_text_next(&lines, &name, &value));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_become_heads),
		cmocka_unit_test(lists_are_bounded),
		cmocka_unit_test(lines_become_fields),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

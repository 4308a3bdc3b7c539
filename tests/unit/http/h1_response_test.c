/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "rows.h"

#define OK(lines)	"HTTP/1.1 200 OK\r\n" lines "\r\n"

static const struct good {
	const char	*text;
	enum h1_method	 asked;
	unsigned	 status;
	const char	*reason;
	enum h1_framing	 framing;
	uint64_t	 length;
	bool		 keep_alive;
	const char	*upgrade;
} goods[] = {
	{ OK("Content-Length: 5\r\n"), METHOD_GET, 200, "OK", H1_LENGTH, 5,
	    true, "" },
	{ OK("Content-Length: 0\r\n"), METHOD_POST, 200, "OK", H1_LENGTH, 0,
	    true, "" },
	{ OK("Transfer-Encoding: chunked\r\n"), METHOD_GET, 200, "OK",
	    H1_CHUNKED, 0, true, "" },
	/* Without framing it ends with the connection. */
	{ OK(""), METHOD_GET, 200, "OK", H1_UNTIL_CLOSE, 0, false, "" },
	{ OK("Connection: keep-alive\r\n"), METHOD_GET, 200, "OK",
	    H1_UNTIL_CLOSE, 0, false, "" },
	{ OK("Connection: close\r\nContent-Length: 5\r\n"), METHOD_GET, 200,
	    "OK", H1_LENGTH, 5, false, "" },
	{ "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", METHOD_GET, 200,
	    "OK", H1_LENGTH, 5, false, "" },
	{ "HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive"
	    "\r\n\r\n", METHOD_GET, 200, "OK", H1_LENGTH, 5, true, "" },
	/* No body, whatever the fields say. */
	{ OK("Content-Length: 5\r\n"), METHOD_HEAD, 200, "OK", H1_NO_BODY, 5,
	    true, "" },
	{ OK("Transfer-Encoding: chunked\r\n"), METHOD_HEAD, 200, "OK",
	    H1_NO_BODY, 0, true, "" },
	{ OK(""), METHOD_HEAD, 200, "OK", H1_NO_BODY, 0, true, "" },
	{ "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
	    METHOD_GET, 304, "Not Modified", H1_NO_BODY, 5, true, "" },
	{ "HTTP/1.1 204 No Content\r\n\r\n", METHOD_DELETE, 204, "No Content",
	    H1_NO_BODY, 0, true, "" },
	{ "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", METHOD_GET,
	    204, "No Content", H1_NO_BODY, 0, true, "" },	/* common */
	{ "HTTP/1.1 100 Continue\r\n\r\n", METHOD_POST, 100, "Continue",
	    H1_NO_BODY, 0, true, "" },
	{ "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", METHOD_GET, 103,
	    "Early Hints", H1_NO_BODY, 0, true, "" },
	{ OK(""), METHOD_CONNECT, 200, "OK", H1_NO_BODY, 0, true, "" },
	{ OK("Content-Length: 5\r\n"), METHOD_CONNECT, 200, "OK", H1_NO_BODY,
	    5, true, "" },
	{ "HTTP/1.1 403 No\r\nContent-Length: 5\r\n\r\n", METHOD_CONNECT, 403,
	    "No", H1_LENGTH, 5, true, "" },
	{ "HTTP/1.1 101 Switching\r\nConnection: upgrade\r\n"
	    "Upgrade: websocket\r\n\r\n", METHOD_GET, 101, "Switching",
	    H1_NO_BODY, 0, true, "websocket" },
	/* Reasons. */
	{ "HTTP/1.1 200 \r\nContent-Length: 5\r\n\r\n", METHOD_GET, 200, "",
	    H1_LENGTH, 5, true, "" },
	{ "HTTP/1.1 200\r\nContent-Length: 5\r\n\r\n", METHOD_GET, 200, "",
	    H1_LENGTH, 5, true, "" },
	{ "HTTP/1.1 599 a  b\t\xe9\r\nContent-Length: 5\r\n\r\n", METHOD_GET,
	    599, "a  b\t\xe9", H1_LENGTH, 5, true, "" },
	/* What only requests are refused for. */
	{ OK("Content-Length: 5\r\nHost: b/\r\nExpect: x\r\n"
	    "Content-Type: a\r\nContent-Type: b\r\nuser_agent: x\r\n"),
	    METHOD_GET, 200, "OK", H1_LENGTH, 5, true, "" },
};

static void
check_good(const struct good *row, const struct h1_head *head)
{
	assert_int_equal(head->status, row->status);
	same_slice("reason", head->reason, row->reason);
	assert_int_equal(head->framing, row->framing);
	assert_int_equal(head->content_length, row->length);
	assert_int_equal(head->keep_alive, row->keep_alive);
	same_slice("upgrade", head->upgrade, row->upgrade);
}

static void
accepts(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(goods); i++) {
		struct slice bytes;
		size_t len, seen = 0;
		char *block = unmark(slice_of(goods[i].text), &bytes, &len);
		struct h1_head head;
		struct h1_end end;

		memset(&head, 0x5a, sizeof(head));
		if (h1_read_response(&head, bytes, &seen, goods[i].asked,
		    &end) != H1_DONE)
			fail_msg("%s", goods[i].text);
		assert_int_equal(end.consumed, len);
		check_good(&goods[i], &head);
		/* Cut anywhere, and dripped. */
		for (size_t cut = 0, dripped = 0; cut < len; cut++) {
			struct slice part = { bytes.p, cut };

			seen = 0;
			assert_int_equal(h1_read_response(&head, part, &seen,
			    goods[i].asked, &end), H1_MORE);
			assert_int_equal(h1_read_response(&head, bytes, &seen,
			    goods[i].asked, &end), H1_DONE);
			check_good(&goods[i], &head);
			assert_int_equal(h1_read_response(&head, part,
			    &dripped, goods[i].asked, &end), H1_MORE);
		}
		free(block);
	}
}

static const struct {
	const char	*text;		/* \a is where */
	enum h1_rule	 rule;
} bads[] = {
	{ "\a\r\nHTTP/1.1 200 OK\r\n\r\n", H1_BAD_STATUS_LINE },
	{ "\aHTTP/1.1 20\r\n\r\n", H1_BAD_STATUS_LINE },
	{ "HTTP/1.1 20\ax OK\r\n\r\n", H1_BAD_STATUS_LINE },
	{ "HTTP/1.1\a 099 OK\r\n\r\n", H1_BAD_STATUS_LINE },
	{ "HTTP/1.1\a 600 OK\r\n\r\n", H1_BAD_STATUS_LINE },
	{ "HTTP/1.1 200\a0 OK\r\n\r\n", H1_BAD_STATUS_LINE },
	{ "HTTP/1.1\a\t200 OK\r\n\r\n", H1_BAD_STATUS_LINE },
	{ "HTTP/1.1 \a 200 OK\r\n\r\n", H1_BAD_STATUS_LINE },
	{ "HTTP/1.1 200 O\a\x01K\r\n\r\n", H1_BAD_STATUS_LINE },
	{ "HTTP/1.1 200 O\a\rK\r\n\r\n", H1_BARE_CR_OR_LF },
	{ "HTTP/1.1 200 OK\a\n\r\n\r\n", H1_BARE_CR_OR_LF },
	{ "\aICY 200 OK or so\r\n\r\n", H1_BAD_STATUS_LINE },
	{ "\a\x15\x03\x03", H1_BAD_STATUS_LINE },	/* TLS, never ends a line */
	{ "\ahttp/1.1 200 OK\r\n\r\n", H1_BAD_STATUS_LINE },
	{ "\aHttp/1.1 200 OK\r\n\r\n", H1_BAD_VERSION },
	{ "\aHTTP/2.0 200 OK\r\n\r\n", H1_OTHER_VERSION },
	{ OK("\a X: folded\r\n"), H1_OBS_FOLD },
	{ OK("X\a : a\r\n"), H1_SPACE_BEFORE_COLON },
	{ OK("X: \a\x7f\r\n"), H1_BAD_VALUE },
	{ OK("Content-Length: 5\r\n\aTransfer-Encoding: chunked\r\n"),
	    H1_LENGTH_AND_CHUNKED },
	{ OK("Content-Length: \a5, 5\r\n"), H1_SEVERAL_LENGTHS },
	{ OK("Content-Length: 5\r\n\aContent-Length: 5\r\n"),
	    H1_SEVERAL_LENGTHS },
	{ OK("Content-Length: \ax\r\n"), H1_BAD_LENGTH },
	{ OK("Transfer-Encoding: \agzip\r\n"), H1_BAD_CODING },
	{ OK("Transfer-Encoding: \agzip, chunked\r\n"), H1_UNKNOWN_CODING },
	{ OK("Transfer-Encoding: \achunked, chunked\r\n"), H1_BAD_CODING },
	{ "HTTP/1.0 200 OK\r\n\aTransfer-Encoding: chunked\r\n\r\n",
	    H1_CODING_IN_1_0 },
	/* Nothing follows by our reading, a body by another. */
	{ "HTTP/1.1 204 No\r\nContent-Length: \a5\r\n\r\n", H1_BAD_LENGTH },
	{ "HTTP/1.1 204 No\r\n\aTransfer-Encoding: chunked\r\n\r\n",
	    H1_BAD_CODING },
	{ "HTTP/1.1 100 C\r\nContent-Length: \a5\r\n\r\n", H1_BAD_LENGTH },
	{ OK("Connection: \aX-ManyWho-Region-Backend\r\n"),
	    H1_BAD_CONNECTION },
	{ OK("Connection: \aContent-Length\r\n"), H1_BAD_CONNECTION },
	{ "\aHTTP/1.1 101 Switching\r\n\r\n", H1_BAD_UPGRADE },
	{ "\aHTTP/1.1 101 S\r\nUpgrade: websocket\r\n\r\n", H1_BAD_UPGRADE },
	{ "\aHTTP/1.0 101 S\r\nUpgrade: a\r\nConnection: upgrade\r\n\r\n",
	    H1_BAD_UPGRADE },
};

static void
refuses(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(bads); i++) {
		struct slice bytes;
		size_t fault, seen = 0;
		char *block = unmark(slice_of(bads[i].text), &bytes, &fault);
		struct h1_head head;
		struct h1_end end;

		if (h1_read_response(&head, bytes, &seen, METHOD_GET, &end) !=
		    H1_REFUSED)
			fail_msg("not refused: %s", bads[i].text);
		if (end.rule != bads[i].rule || end.offset != fault)
			fail_msg("%s: %s at %zu", bads[i].text,
			    h1_rule_info(end.rule)->name, end.offset);
		free(block);
	}
}

static void
limits_the_status_line(void **state)
{
	char *text = xmalloc(H1_LINE_MAX + 1);
	struct h1_head head;
	struct h1_end end;
	size_t seen = 0;

	(void)state;
	memset(text, 'x', H1_LINE_MAX + 1);
	memcpy(text, "HTTP/1.1 200 ", 13);
	assert_int_equal(h1_read_response(&head,
	    (struct slice){ text, H1_LINE_MAX - 1 }, &seen, METHOD_GET, &end),
	    H1_MORE);
	assert_int_equal(h1_read_response(&head,
	    (struct slice){ text, H1_LINE_MAX }, &seen, METHOD_GET, &end),
	    H1_REFUSED);
	assert_int_equal(end.rule, H1_LINE_TOO_LONG);
	free(text);
}

/* A name with an underscore is a name like another in a response. */
static void
keeps_underscores(void **state)
{
	static const char text[] = OK("X_Forwarded_For: 1\r\na_b: 2\r\n");
	struct h1_head head;
	struct h1_end end;
	size_t seen = 0;

	(void)state;
	assert_int_equal(h1_read_response(&head, slice_of(text), &seen,
	    METHOD_GET, &end), H1_DONE);
	assert_int_equal(head.nfields, 2);
	assert_int_equal(head.fields[0].id, FIELD_OTHER);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts),
		cmocka_unit_test(refuses),
		cmocka_unit_test(limits_the_status_line),
		cmocka_unit_test(keeps_underscores),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

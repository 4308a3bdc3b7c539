/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "edge/bad_requests.h"

#define START "GET / HTTP/1.1\r\n"

static const struct {
	const char	*head, *shown;
} rows[] = {
	{ "GET /api/run/1 HTTP/1.1\r\nHost: a b\r\n\r\n",
	    "GET /api/run/1 HTTP/1.1\r\nHost: a b\r\n" },
	/* queries, fragments, passwords */
	{ "GET /a?x=1 HTTP/1.1\r\n", "GET /a**** HTTP/1.1\r\n" },
	{ "GET /a#x HTTP/1.1\r\n", "GET /a** HTTP/1.1\r\n" },
	{ "GET http://u:p@h/ HTTP/1.1\r\n", "GET ************* HTTP/1.1\r\n" },
	{ "GET /a b c HTTP/1.1\r\n", "GET /a**** HTTP/1.1\r\n" },
	{ "GET /a?b HTTP/1.1 x\r\n", "GET /a*************\r\n" },
	/* what is no request line */
	{ "{\"password\": \"x\"}", "*****************" },
	{ "a=1&password=x\r\n", "**************\r\n" },
	{ "my secret\r\n", "*********\r\n" },
	{ "\x16\x03\x01xyz\x80", "\x16\x03\x01****" },
	/* values */
	{ START "Authorization: x\r\n", START "Authorization:**\r\n" },
	{ START "cookie:x\r\nHost: h\r\n", START "cookie:*\r\nHost: h\r\n" },
	{ START "X: a\x01" "b\r\n", START "X:**\x01*\r\n" },
	{ START "Authorization : x\r\n", START "Authorization :**\r\n" },
	{ START " folded x\r\n", START "*********\r\n" },
	{ START "nothing\r\n", START "*******\r\n" },
	/* what stands behind a lone CR or LF may be another field */
	{ START "Host: h\rCookie: x\r\n", START "Host: h\rCookie:**\r\n" },
	{ START "Host: h\nCookie: x\r\n", START "Host: h\nCookie:**\r\n" },
	{ START "Host: h\x01" "Cookie: x\r\n",
	    START "Host: h\x01*********\r\n" },
	{ START "Host: \xc3\xa9\r\n", START "Host: **\r\n" },
	/* bodies */
	{ START "\r\nsecret", START }, { START "\nsecret", START },
	{ START "\r\rsecret", START },
	{ "\r\n" START "\r\nsecret", "\r\n" START },
};

static void
what_is_shown(void **state)
{
	char out[BAD_EXCERPT];
	size_t from, len;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		len = bad_excerpt(slice_of(rows[i].head), 0, out, &from);
		assert_int_equal(from, 0);
		if (len != strlen(rows[i].shown) ||
		    memcmp(out, rows[i].shown, len) != 0)
			fail_msg("%s: %.*s", rows[i].head, (int)len, out);
	}
}

/* Of a long head the part around the fault, at its true offset. */
static void
windows(void **state)
{
	char head[4096], out[BAD_EXCERPT];
	size_t from, len, n;

	(void)state;
	n = (size_t)snprintf(head, sizeof(head), START);
	for (int i = 0; i < 200; i++)
		n += (size_t)snprintf(head + n, sizeof(head) - n,
		    "Te: %03d\r\n", i);
	for (size_t at = 0; at <= n; at++) {
		struct slice all = { head, n };

		len = bad_excerpt(all, at, out, &from);
		assert_int_equal(len, BAD_EXCERPT);
		assert_true(from <= at && at <= from + len);
		assert_memory_equal(out, head + from, len);
	}
	len = bad_excerpt((struct slice){ head, n }, UINT64_MAX, out, &from);
	assert_int_equal(from, n - BAD_EXCERPT);
	assert_int_equal(len, BAD_EXCERPT);
	assert_int_equal(bad_excerpt((struct slice){ head, 0 }, 9, out,
	    &from), 0);
}

static void
add(struct bad_requests *all, unsigned i)
{
	char id[16];
	const struct bad_request bad = { .status = 400, .rule = "obs-fold",
	    .sentence = "a \"fold\"", .request_id = id, .at = i,
	    .head = SLICE(START "X: secret\r\n\r\n") };

	snprintf(id, sizeof(id), "id-%u", i);
	bad_requests_add(all, &bad);
}

static bool
tells(struct bad_requests *all, const char *what)
{
	struct buf out = { 0 };
	bool found;

	bad_requests_write(all, &out);
	found = strstr(buf_cstr(&out), what) != NULL;
	buf_fini(&out);
	return found;
}

static void
the_last_ones(void **state)
{
	struct bad_requests *all = bad_requests_new();

	(void)state;
	assert_true(tells(all, "\"total\":0,\"requests\":[]"));
	for (unsigned i = 1; i <= BAD_REQUESTS + 3; i++)
		add(all, i);
	assert_true(tells(all, "\"total\":19,\"requests\":[{"));
	assert_true(tells(all, "\"id-19\",\"status\":400,\"rule\":\"obs-fold\","
	    "\"sentence\":\"a \\\"fold\\\"\",\"part\":\"head\","
	    "\"offset\":19,\"head_bytes\":29,\"excerpt_offset\":0,"
	    "\"excerpt\":\"GET / HTTP/1.1\\u000d\\nX:*******\\u000d\\n\"}"));
	assert_true(tells(all, "\"id-4\""));
	assert_false(tells(all, "\"id-3\""));
	assert_false(tells(all, "secret"));
	bad_requests_free(&all);
	assert_null(all);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_shown),
		cmocka_unit_test(windows),
		cmocka_unit_test(the_last_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

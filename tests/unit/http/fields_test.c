/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "rows.h"

#include "base/buf.h"
#include "http/fields.h"

/* Everything next hands out, with | between. */
static void
check_list(bool (*next)(struct slice *, struct slice *), const char *text,
    const char *want)
{
	struct buf got = { 0 };
	size_t len = strlen(text);
	char *block = xmalloc(len + 1);
	struct slice rest, element;
	bool first = true;

	block = xrealloc(block, len > 0 ? len : 1);
	memcpy(block, text, len);
	rest = (struct slice){ block, len };
	while (next(&rest, &element)) {
		if (!first)
			buf_char(&got, '|');
		first = false;
		buf_slice(&got, element);
	}
	same_slice(text, buf_all(&got), want);
	assert_false(next(&rest, &element));	/* and stays at the end */
	buf_fini(&got);
	free(block);
}

static void
lists(void **state)
{
	static const struct {
		const char	*list, *elements;
	} rows[] = {
		{ "", "" },
		{ "a", "a" },
		{ "a,b", "a|b" },
		{ " a , b\t,c ", "a|b|c" },
		{ ",, a,,\t,b,", "a|b" },
		{ ", ,", "" },
		{ "a;b=\"c,d\",e", "a;b=\"c,d\"|e" },
		{ "\"a\\\",b\",c", "\"a\\\",b\"|c" },
		{ "\"a\\\\\",b", "\"a\\\\\"|b" },
		{ "a\\,b", "a\\|b" },		/* no quotes, no escape */
		{ "a,\"b,c", "a|\"b,c" },	/* never closes */
		{ "a,\"b\\", "a|\"b\\" },
		{ "(a,b)", "(a|b)" },		/* comments: Via alone */
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		check_list(fields_next, rows[i].list, rows[i].elements);
}

static void
lists_from_the_right(void **state)
{
	static const struct {
		const char	*list, *elements;
	} rows[] = {
		{ "", "" },
		{ "a", "a" },
		{ "a, b ,c", "c|b|a" },
		{ "a,,b", "b||a" },
		{ ",a", "a|" },
		{ "a,", "|a" },
		/* A stranger's quote swallows nothing. */
		{ "\"x, 192.0.2.1", "192.0.2.1|\"x" },
		{ "\"a, b\", c", "c|b\"|\"a" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		check_list(fields_last, rows[i].list, rows[i].elements);
}

static void
parts_and_parameters(void **state)
{
	static const struct {
		const char	*part, *name, *value;	/* NULL: is none */
	} rows[] = {
		{ "a=b", "a", "b" },
		{ "a=", "a", "" },
		{ "a=b=c", "a", "b=c" },
		{ "a=\"b\"", "a", "\"b\"" },
		{ "a", NULL, NULL },
		{ "=b", NULL, NULL },
		{ "a =b", NULL, NULL },
		{ "", NULL, NULL },
	};

	(void)state;
	check_list(fields_part, "a; b=\"c;d\" ;;e ", "a|b=\"c;d\"|e");
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct slice name, value;

		assert_int_equal(fields_param(slice_of(rows[i].part), &name,
		    &value), rows[i].name != NULL);
		if (rows[i].name != NULL) {
			same_slice("name", name, rows[i].name);
			same_slice("value", value, rows[i].value);
		}
	}
}

static void
has_a_token(void **state)
{
	static const struct {
		const char	*list, *token;
		bool		 has;
	} rows[] = {
		{ "websocket", "WebSocket", true },
		{ "a, websocket;x=y", "websocket", true },
		{ "trailers, deflate;q=0.5", "trailers", true },
		{ "websockets", "websocket", false },
		{ "\"websocket\"", "websocket", false },
		{ "\"a, websocket, b\"", "websocket", false },
		{ "", "websocket", false },
		{ "x;websocket", "websocket", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(fields_has(slice_of(rows[i].list),
		    slice_of(rows[i].token)), rows[i].has);
}

/* --- questions to a head --------------------------------------------------- */

/* lines must outlive the head. */
static void
read_lines(struct h1_head *head, struct buf *text, const char *lines)
{
	struct h1_end end;
	size_t seen = 0;

	buf_clear(text);
	buf_printf(text, "GET / HTTP/1.1\r\nHost: a\r\n%s\r\n", lines);
	assert_int_equal(h1_read_request(head, buf_all(text), &seen, &end),
	    H1_DONE);
}

static void
reads_via(void **state)
{
	static const struct {
		const char	*lines;
		bool		 us;
	} rows[] = {
		{ "", false },
		{ "Via: 1.1 us\r\n", true },
		{ "Via: HTTP/1.1 US (x)\r\n", true },
		{ "Via: 1.0 fred, 1.1 us\r\n", true },
		{ "Via: 1.0 fred\r\nX: y\r\nVia: 1.1 us\r\n", true },
		{ "Via: 1.1  us\r\n", true },
		{ "Via: 1.1 us:80\r\n", false },
		{ "Via: 1.1 usa\r\n", false },
		{ "Via: us\r\n", false },
		{ "Via: us 1.1\r\n", false },
		/* Nothing in a comment counts. */
		{ "Via: 1.1 a (x, 1.1 us, y)\r\n", false },
		{ "Via: 1.1 a (x (y, 1.1 us) z, 1.1 us), 1.1 b\r\n", false },
		{ "Via: 1.1 a (\\), 1.1 us), 1.1 b\r\n", false },
		{ "Via: 1.1 a (\"), 1.1 us\r\n", true },
	};
	struct buf text = { 0 };
	struct h1_head head;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		read_lines(&head, &text, rows[i].lines);
		if (via_has(&head, SLICE("us")) != rows[i].us)
			fail_msg("%s", rows[i].lines);
	}
	buf_fini(&text);
}

static void
reads_cdn_loop(void **state)
{
	static const struct {
		const char	*lines;
		bool		 us;
	} rows[] = {
		{ "", false },
		{ "CDN-Loop: us.example\r\n", true },
		{ "CDN-Loop: foo; bar=\"us.example, x\", US.example;a=b\r\n",
		    true },
		{ "CDN-Loop: foo\r\nCDN-Loop: us.example\r\n", true },
		{ "CDN-Loop: foo; bar=\", us.example, x\"\r\n", false },
		{ "CDN-Loop: us.example.com\r\n", false },
	};
	struct buf text = { 0 };
	struct h1_head head;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		read_lines(&head, &text, rows[i].lines);
		assert_int_equal(cdn_loop_has(&head, SLICE("us.example")),
		    rows[i].us);
	}
	buf_fini(&text);
}

static void
weighs_accept(void **state)
{
	static const struct {
		const char	*accept, *type;
		unsigned	 weight;
		bool		 named;
	} rows[] = {
		{ "text/html", "text/html", 1000, true },
		{ "TEXT/Html", "text/html", 1000, true },
		{ "text/html", "text/plain", 0, false },
		{ "text/html;q=0.5", "text/html", 500, true },
		{ "text/html ; Q=0.125", "text/html", 125, true },
		{ "text/html;level=1;q=0.5", "text/html", 500, true },
		{ "text/html;q=0", "text/html", 0, false },
		{ "text/html;q=0.000", "text/html", 0, false },
		{ "text/html;q=1.000", "text/html", 1000, true },
		{ "*/*", "text/html", 1000, false },
		{ "*/*;q=0.1, text/html;q=0", "text/html", 0, false },
		{ "text/*;q=0.3, */*;q=0.9", "text/html", 300, false },
		{ "text/*;q=0.3, text/html;q=0.7, */*", "text/html", 700,
		    true },
		{ "*/*, application/problem+json;q=0.2",
		    "application/problem+json", 200, true },
		{ "text/html;q=0.2, text/html;q=0.6", "text/html", 600,
		    true },
		{ "", "text/html", 0, false },
		/* Malformed weights weigh nothing. */
		{ "text/html;q=2", "text/html", 0, false },
		{ "text/html;q=1.001", "text/html", 0, false },
		{ "text/html;q=0.1234", "text/html", 0, false },
		{ "text/html;q=.5", "text/html", 0, false },
		{ "text/html;q=", "text/html", 0, false },
		{ "text/html;q=0,5", "text/html", 0, false },
		{ "text/html;q=1x", "text/html", 0, false },
		{ "text/htm*", "text/html", 0, false },
		{ "t*/*", "text/html", 0, false },
	};
	const struct slice none = { NULL, 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct slice accept = slice_of(rows[i].accept);
		struct slice type = slice_of(rows[i].type);

		if (accept_weight(accept, type) != rows[i].weight)
			fail_msg("%s: %u", rows[i].accept,
			    accept_weight(accept, type));
		assert_int_equal(accept_names(accept, type), rows[i].named);
	}
	assert_int_equal(accept_weight(none, SLICE("text/html")), 1000);
	assert_false(accept_names(none, SLICE("text/html")));
}

static void
tells_browsers_from_programs(void **state)
{
	static const struct {
		const char	*accept;	/* NULL: there is none */
		bool		 html;
	} rows[] = {
		/* Chromium, Firefox and Safari on a page. */
		{ "text/html,application/xhtml+xml,application/xml;"
		  "q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8",
		    true },
		{ "text/html,application/xhtml+xml,application/xml;"
		  "q=0.9,*/*;q=0.8", true },
		{ NULL, false },
		{ "", false },
		{ "*/*", false },
		{ "application/json, text/plain, */*", false },
		{ "application/json, text/html", false },
		{ "text/html;q=0.9, application/json", false },
		{ "text/html, application/json;q=0.9", true },
		{ "text/html, application/problem+json", false },
		{ "text/*", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		if (accept_prefers_html(slice_of(rows[i].accept)) !=
		    rows[i].html)
			fail_msg("%s", rows[i].accept);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists),
		cmocka_unit_test(lists_from_the_right),
		cmocka_unit_test(parts_and_parameters),
		cmocka_unit_test(has_a_token),
		cmocka_unit_test(reads_via),
		cmocka_unit_test(reads_cdn_loop),
		cmocka_unit_test(weighs_accept),
		cmocka_unit_test(tells_browsers_from_programs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

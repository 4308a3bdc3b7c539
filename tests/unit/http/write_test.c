/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "rows.h"

#include "http/write.h"

static void
writes_status_lines(void **state)
{
	struct buf b = { 0 };

	(void)state;
	h1_write_status_line(&b, 404, (struct slice){ NULL, 0 });
	h1_write_status_line(&b, 404, SLICE("Gone fishing"));
	h1_write_status_line(&b, 299, (struct slice){ NULL, 0 });
	same_slice("responses", buf_all(&b), "HTTP/1.1 404 Not Found\r\n"
	    "HTTP/1.1 404 Gone fishing\r\nHTTP/1.1 299 \r\n");
	buf_fini(&b);
}

/* No value ends its line. */
static void
writes_fields(void **state)
{
	static const struct {
		struct slice	 value;
		const char	*line;
	} rows[] = {
		{ SLICE("b"), "A: b\r\n" },
		{ SLICE(""), "A: \r\n" },
		{ SLICE("b\tc \xff"), "A: b\tc \xff\r\n" },
		{ SLICE("b\r\nEvil: c"), "A: b  Evil: c\r\n" },
		{ SLICE("\nb\n"), "A:  b \r\n" },
		{ SLICE("\0\x01\x7f"), "A:    \r\n" },
	};
	struct buf b = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		buf_clear(&b);
		h1_write_field(&b, SLICE("A"), rows[i].value);
		same_slice("field", buf_all(&b), rows[i].line);
	}
	buf_fini(&b);
}

static void
writes_the_last_chunk(void **state)
{
	struct buf b = { 0 };

	(void)state;
	h1_write_last_chunk(&b, SLICE("A: b\r\n"));
	same_slice("trailers", buf_all(&b), "0\r\nA: b\r\n\r\n");
	buf_clear(&b);
	h1_write_last_chunk(&b, (struct slice){ NULL, 0 });
	same_slice("last", buf_all(&b), "0\r\n\r\n");
	buf_fini(&b);
}

static void
keeps_the_date_for_a_second(void **state)
{
	struct h1_date date = { 0 };

	(void)state;
	same_slice("epoch", h1_date(&date, 0),
	    "Thu, 01 Jan 1970 00:00:00 GMT");
	same_slice("later", h1_date(&date, 1767323045678),
	    "Fri, 02 Jan 2026 03:04:05 GMT");
	same_slice("same", h1_date(&date, 1767323045999),
	    "Fri, 02 Jan 2026 03:04:05 GMT");
	same_slice("next", h1_date(&date, 1767323046000),
	    "Fri, 02 Jan 2026 03:04:06 GMT");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_status_lines),
		cmocka_unit_test(writes_fields),
		cmocka_unit_test(writes_the_last_chunk),
		cmocka_unit_test(keeps_the_date_for_a_second),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

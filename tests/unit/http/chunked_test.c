/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "rows.h"

#include "base/buf.h"

struct outcome {
	enum h1_piece	 piece;
	enum h1_rule	 rule;
	size_t		 left;		/* bytes not taken */
	struct buf	 body, trailers;
};

static void
outcome_fini(struct outcome *o)
{
	buf_fini(&o->body);
	buf_fini(&o->trailers);
}

/* All that one read brought. */
static void
feed(struct outcome *o, struct h1_chunked *c, struct slice bytes)
{
	struct slice data = { NULL, 0 };

	while ((o->piece = h1_chunked_read(c, &bytes, &data, &o->trailers,
	    &o->rule)) == H1_PIECE_DATA) {
		assert_true(data.len > 0);
		buf_slice(&o->body, data);
	}
	o->left = bytes.len;
}

/* In reads of step bytes, each in a block of its own. */
static struct outcome
decode(struct slice text, size_t step)
{
	struct outcome o = { .piece = H1_PIECE_MORE };
	struct h1_chunked c;
	size_t at = 0;

	h1_chunked_init(&c);
	while (at < text.len && o.piece == H1_PIECE_MORE) {
		size_t n = text.len - at < step ? text.len - at : step;
		char *block = xmalloc(n);

		memcpy(block, text.p + at, n);
		feed(&o, &c, (struct slice){ block, n });
		at += n;
		free(block);
	}
	o.left += text.len - at;
	return o;
}

static const struct good {
	const char	*text, *body, *trailers, *rest;
} goods[] = {
	{ "0\r\n\r\n", "", "", "" },
	{ "5\r\nhello\r\n0\r\n\r\n", "hello", "", "" },
	{ "1\r\na\r\n2\r\nbc\r\n0\r\n\r\nGET /", "abc", "", "GET /" },
	{ "A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n",
	    "01234567890123456789", "", "" },
	{ "0005\r\nhello\r\n000\r\n\r\n", "hello", "", "" },
	{ "0000000000000005\r\nhello\r\n0000000000000000\r\n\r\n", "hello",
	    "", "" },
	/* Data may look like anything. */
	{ "7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n", "\r\n0\r\n\r\n", "", "" },
	/* Extensions are dropped. */
	{ "5;a\r\nhello\r\n0;b=c\r\n\r\n", "hello", "", "" },
	{ "5;a=\"b;\\\"\\\\c \t\x80\";d\r\nhello\r\n0\r\n\r\n", "hello", "",
	    "" },
	{ "5 \t; a \t= \tb\t ;c=\"\" ; d\r\nhello\r\n0\r\n\r\n", "hello", "",
	    "" },
	/* Trailers. */
	{ "0\r\nA: b\r\nC:d \r\nE:\r\n\r\nrest", "", "A: b\r\nC: d\r\nE: \r\n",
	    "rest" },
	{ "0\r\ngrpc-status: 0\r\nServer-Timing: x\r\n\r\n", "",
	    "grpc-status: 0\r\nServer-Timing: x\r\n", "" },
	/* Those that should have come before the body are dropped. */
	{ "0\r\nContent-Length: 5\r\nA: 1\r\nTransfer-Encoding: chunked\r\n"
	  "Host: a\r\nTrailer: x\r\nX-ManyWho-Region-Backend: US\r\n"
	  "X-Forwarded-Server: x\r\nX-Portolan-Region: x\r\nTE: x\r\n"
	  "Authorization: x\r\nSet-Cookie: x\r\nCookie: x\r\nB: 2\r\n"
	  "Content-Encoding: x\r\nContent-Range: x\r\nIf-Match: x\r\n"
	  "Cache-Control: x\r\nLocation: x\r\nVary: x\r\nRange: x\r\n"
	  "WWW-Authenticate: x\r\nConnection: x\r\nManyWhoTenant: x\r\n"
	  "Age: x\r\nExpires: x\r\nPragma: x\r\nWarning: x\r\n"
	  "Max-Forwards: x\r\nunder_score: x\r\nContent_Length: 5\r\n\r\n",
	    "", "A: 1\r\nB: 2\r\n", "" },
	/* Longer names than those. */
	{ "0\r\nRanger: x\r\nAges: x\r\nVary-Not: x\r\n\r\n", "",
	    "Ranger: x\r\nAges: x\r\nVary-Not: x\r\n", "" },
};

static void
decodes_in_any_pieces(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(goods); i++) {
		struct slice text = slice_of(goods[i].text);

		for (size_t step = 1; step <= text.len; step++) {
			struct outcome o = decode(text, step);

			if (o.piece != H1_PIECE_END)
				fail_msg("%s: %d", goods[i].text, o.rule);
			same_slice("body", buf_all(&o.body), goods[i].body);
			same_slice("trailers", buf_all(&o.trailers),
			    goods[i].trailers);
			assert_int_equal(o.left, strlen(goods[i].rest));
			outcome_fini(&o);
		}
	}
}

static void
wants_more_until_the_end(void **state)
{
	static const char text[] =
	    "5;a=\"b\"\r\nhello\r\n0\r\nA: b\r\n\r\n";

	(void)state;
	for (size_t len = 1; len < sizeof(text) - 1; len++) {
		struct outcome o = decode((struct slice){ text, len }, len);

		assert_int_equal(o.piece, H1_PIECE_MORE);
		assert_int_equal(o.left, 0);
		outcome_fini(&o);
	}
}

static const struct {
	const char	*text;
	enum h1_rule	 rule;
} bads[] = {
	{ "\r\n", H1_BAD_CHUNK },
	{ "x\r\n", H1_BAD_CHUNK },
	{ " 5\r\n", H1_BAD_CHUNK },
	{ "-5\r\n", H1_BAD_CHUNK },
	{ "+5\r\n", H1_BAD_CHUNK },
	{ "0x5\r\n", H1_BAD_CHUNK },
	{ ";a\r\n", H1_BAD_CHUNK },
	{ "5x\r\n", H1_BAD_CHUNK },
	{ "5,\r\n", H1_BAD_CHUNK },
	/* Bare line ends, in every place one could stand. */
	{ "5\nhello\r\n", H1_BAD_CHUNK },
	{ "5\rhello\r\n", H1_BAD_CHUNK },
	{ "5\r\r\nhello\r\n", H1_BAD_CHUNK },
	{ "5;a\nhello\r\n", H1_BAD_CHUNK },
	{ "5;a\rhello\r\n", H1_BAD_CHUNK },
	{ "5;a=b\nhello\r\n", H1_BAD_CHUNK },
	{ "5;a=\"b\nc\"\r\nhello\r\n", H1_BAD_CHUNK },
	{ "5;a=\"b\rc\"\r\nhello\r\n", H1_BAD_CHUNK },
	{ "5;a=\"\\\n\"\r\nhello\r\n", H1_BAD_CHUNK },
	{ "5;\nhello\r\n", H1_BAD_CHUNK },
	{ "5\r\nhello\n", H1_BAD_CHUNK },
	{ "5\r\nhello\rx", H1_BAD_CHUNK },
	{ "5\r\nhello5\r\n", H1_BAD_CHUNK },	/* longer than it said */
	{ "5\r\nhelloo\r\n", H1_BAD_CHUNK },
	/* Extensions that are none. */
	{ "5 \r\nhello\r\n", H1_BAD_CHUNK },
	{ "5;\r\nhello\r\n", H1_BAD_CHUNK },
	{ "5;a;\r\nhello\r\n", H1_BAD_CHUNK },
	{ "5;a \r\nhello\r\n", H1_BAD_CHUNK },
	{ "5;a=\r\nhello\r\n", H1_BAD_CHUNK },
	{ "5;a=b c\r\nhello\r\n", H1_BAD_CHUNK },
	{ "5;a=b \r\nhello\r\n", H1_BAD_CHUNK },
	{ "5;a=b=c\r\nhello\r\n", H1_BAD_CHUNK },
	{ "5;a b\r\nhello\r\n", H1_BAD_CHUNK },
	{ "5;a=\"b\"c\r\nhello\r\n", H1_BAD_CHUNK },
	{ "5;a=\"\x01\"\r\nhello\r\n", H1_BAD_CHUNK },
	{ "5;\"a\"\r\nhello\r\n", H1_BAD_CHUNK },
	/* Sizes beyond what anybody can add up. */
	{ "8000000000000000\r\n", H1_CHUNK_TOO_LONG },
	{ "ffffffffffffffff\r\n", H1_CHUNK_TOO_LONG },
	{ "10000000000000005\r\n", H1_BAD_CHUNK },	/* 17 digits */
	{ "00000000000000005\r\n", H1_BAD_CHUNK },
	/* Trailers. */
	{ "0\r\nA: b\n\r\n", H1_BAD_TRAILER },
	{ "0\r\n\n", H1_BAD_TRAILER },
	{ "0\r\nA : b\r\n\r\n", H1_BAD_TRAILER },
	{ "0\r\nA: b\r\n c\r\n\r\n", H1_BAD_TRAILER },
	{ "0\r\nA\r\n\r\n", H1_BAD_TRAILER },
	{ "0\r\nA: \x01\r\n\r\n", H1_BAD_TRAILER },
	{ "0\r\nA: b\rc\r\n\r\n", H1_BAD_TRAILER },
	{ "0\r\nContent-Length : 5\r\n\r\n", H1_BAD_TRAILER },
};

static void
refuses_in_any_pieces(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(bads); i++) {
		struct slice text = slice_of(bads[i].text);

		for (size_t step = 1; step <= text.len; step++) {
			struct outcome o = decode(text, step);

			if (o.piece != H1_PIECE_BAD ||
			    o.rule != bads[i].rule)
				fail_msg("%s: %s", bads[i].text,
				    h1_rule_info(o.rule)->name);
			outcome_fini(&o);
		}
	}
}

/* Refused once is refused for good. */
static void
stays_refused(void **state)
{
	struct outcome o = { .piece = H1_PIECE_MORE };
	struct h1_chunked c;

	(void)state;
	h1_chunked_init(&c);
	feed(&o, &c, slice_of("x"));
	assert_int_equal(o.piece, H1_PIECE_BAD);
	feed(&o, &c, slice_of("0\r\n\r\n"));
	assert_int_equal(o.piece, H1_PIECE_BAD);
	assert_int_not_equal(o.rule, H1_OK);
	outcome_fini(&o);
}

static void
refuses_nul(void **state)
{
	static const struct slice text = SLICE("5;a=\"\0\"\r\nhello\r\n");
	struct outcome o = decode(text, text.len);

	(void)state;
	assert_int_equal(o.piece, H1_PIECE_BAD);
	outcome_fini(&o);
}

static void
expect(const struct buf *text, enum h1_piece piece, enum h1_rule rule)
{
	static const size_t steps[] = { 1, 7, 100, 1 << 20 };

	for (size_t i = 0; i < COUNT(steps); i++) {
		struct outcome o = decode(buf_all(text), steps[i]);

		assert_int_equal(o.piece, piece);
		assert_int_equal(o.rule, rule);
		outcome_fini(&o);
	}
}

static void
fill(struct buf *b, size_t len)
{
	memset(buf_reserve(b, len), 'x', len);
	b->len += len;
}

static void
limits_extensions(void **state)
{
	struct buf b = { 0 };

	(void)state;
	buf_text(&b, "0;");
	fill(&b, H1_CHUNK_EXT_MAX - 1);
	buf_text(&b, "\r\n\r\n");
	expect(&b, H1_PIECE_END, H1_OK);
	buf_clear(&b);
	buf_text(&b, "0;");
	fill(&b, H1_CHUNK_EXT_MAX);
	buf_text(&b, "\r\n\r\n");
	expect(&b, H1_PIECE_BAD, H1_CHUNK_TOO_LONG);
	buf_fini(&b);
}

/*
 * A byte a chunk is slow but honest; two hundred bytes of extensions with
 * each is work for nothing.  With as much data as framing they are let be.
 */
static void
limits_framing_without_data(void **state)
{
	struct buf b = { 0 };

	(void)state;
	for (unsigned i = 0; i < 20000; i++)
		buf_text(&b, "1\r\nx\r\n");
	buf_text(&b, "0\r\n\r\n");
	expect(&b, H1_PIECE_END, H1_OK);
	buf_clear(&b);
	for (unsigned i = 0; i < 200; i++) {
		buf_text(&b, "1;");
		fill(&b, 200);
		buf_text(&b, "\r\nx\r\n");
	}
	buf_text(&b, "0\r\n\r\n");
	expect(&b, H1_PIECE_BAD, H1_CHUNK_TOO_LONG);
	buf_clear(&b);
	for (unsigned i = 0; i < 200; i++) {
		buf_text(&b, "100;");
		fill(&b, 200);
		buf_text(&b, "\r\n");
		fill(&b, 256);
		buf_text(&b, "\r\n");
	}
	buf_text(&b, "0\r\n\r\n");
	expect(&b, H1_PIECE_END, H1_OK);
	buf_fini(&b);
}

static void
limits_trailers(void **state)
{
	struct buf b = { 0 };

	(void)state;
	buf_text(&b, "0\r\nA: ");
	fill(&b, H1_TRAILERS_MAX - strlen("A: \r\n\r\n"));
	buf_text(&b, "\r\n\r\n");
	expect(&b, H1_PIECE_END, H1_OK);
	buf_clear(&b);
	buf_text(&b, "0\r\nA: ");
	fill(&b, H1_TRAILERS_MAX + 1 - strlen("A: \r\n\r\n"));
	buf_text(&b, "\r\n\r\n");
	expect(&b, H1_PIECE_BAD, H1_TRAILER_TOO_LONG);
	/* Those that are dropped count too. */
	buf_clear(&b);
	buf_text(&b, "0\r\n");
	for (unsigned i = 0; i < 1000; i++)
		buf_text(&b, "Host: abcd\r\n");
	buf_text(&b, "\r\n");
	expect(&b, H1_PIECE_BAD, H1_TRAILER_TOO_LONG);
	buf_fini(&b);
}

static void
large_chunks_pass_through(void **state)
{
	char *data = xmalloc(1 << 20);
	struct buf b = { 0 };
	struct outcome o;

	(void)state;
	memset(data, '\n', 1 << 20);
	buf_text(&b, "100000\r\n");
	buf_add(&b, data, 1 << 20);
	buf_text(&b, "\r\n0\r\n\r\n");
	o = decode(buf_all(&b), 16 * 1024);
	assert_int_equal(o.piece, H1_PIECE_END);
	assert_int_equal(o.body.len, 1 << 20);
	assert_memory_equal(o.body.p, data, 1 << 20);
	outcome_fini(&o);
	buf_fini(&b);
	free(data);
}

static void
writes_chunk_heads(void **state)
{
	static const struct {
		uint64_t	 len;
		const char	*head;
	} rows[] = {
		{ 0, "0\r\n" }, { 1, "1\r\n" }, { 15, "f\r\n" },
		{ 16, "10\r\n" }, { 0x1a2b, "1a2b\r\n" },
		{ 0x100000000, "100000000\r\n" },
		{ UINT64_MAX, "ffffffffffffffff\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char out[18];
		size_t n = h1_chunk_head(out, rows[i].len);

		same_slice("head", (struct slice){ out, n }, rows[i].head);
	}
}

static void
takes_a_whole_body(void **state)
{
	struct buf data = { 0 };

	(void)state;
	assert_true(h1_chunked_all(SLICE("3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n"
	    "X-Sum: 5\r\n\r\n"), &data));
	assert_true(slice_is(buf_all(&data), "abcde"));
	buf_clear(&data);
	assert_false(h1_chunked_all(SLICE("3\r\nabc\r\n"), &data));
	assert_false(h1_chunked_all(SLICE("3\r\nabcd"), &data));
	assert_false(h1_chunked_all(SLICE(""), &data));
	buf_fini(&data);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decodes_in_any_pieces),
		cmocka_unit_test(wants_more_until_the_end),
		cmocka_unit_test(refuses_in_any_pieces),
		cmocka_unit_test(stays_refused),
		cmocka_unit_test(refuses_nul),
		cmocka_unit_test(limits_extensions),
		cmocka_unit_test(limits_framing_without_data),
		cmocka_unit_test(limits_trailers),
		cmocka_unit_test(large_chunks_pass_through),
		cmocka_unit_test(takes_a_whole_body),
		cmocka_unit_test(writes_chunk_heads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

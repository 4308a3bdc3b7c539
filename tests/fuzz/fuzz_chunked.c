/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Chunked bodies: the first four bytes are the seed of how the rest is cut.
 * However it is, the same body comes out; written anew, it comes out again.
 */
#include "base/buf.h"
#include "base/must.h"
#include "http/h1.h"
#include "http/write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
	enum h1_piece	 piece;
	enum h1_rule	 rule;
	size_t		 taken;
	struct buf	 body, trailers;
};

/* seed 0: in one piece. */
static struct outcome
decode(struct slice text, uint32_t seed)
{
	struct outcome o = { .piece = H1_PIECE_MORE };
	struct slice bytes, data;
	struct h1_chunked c;

	h1_chunked_init(&c);
	while (o.piece == H1_PIECE_MORE && o.taken < text.len) {
		size_t n = text.len - o.taken;

		if (seed != 0) {
			seed = seed * 1664525 + 1013904223;
			n = 1 + (seed >> 16) % (n < 40 ? n : 40);
		}
		bytes = (struct slice){ text.p + o.taken, n };
		while ((o.piece = h1_chunked_read(&c, &bytes, &data,
		    &o.trailers, &o.rule)) == H1_PIECE_DATA) {
			must(data.len > 0);
			buf_slice(&o.body, data);
		}
		o.taken += n - bytes.len;
		must(o.piece != H1_PIECE_MORE || bytes.len == 0);
	}
	must((o.rule != H1_OK) == (o.piece == H1_PIECE_BAD));
	return o;
}

static void
outcome_fini(struct outcome *o)
{
	buf_fini(&o->body);
	buf_fini(&o->trailers);
}

static void
there_and_back(const struct outcome *o)
{
	struct buf text = { 0 };
	struct outcome again;

	if (o->body.len > 0) {
		text.len = h1_chunk_head(buf_reserve(&text, 20), o->body.len);
		buf_slice(&text, buf_all(&o->body));
		h1_write_end(&text);
	}
	h1_write_last_chunk(&text, buf_all(&o->trailers));
	again = decode(buf_all(&text), 0);
	/* "A:b" has become "A: b", which may be too long for a reader. */
	if (again.rule != H1_TRAILER_TOO_LONG) {
		must(again.piece == H1_PIECE_END && again.taken == text.len);
		must(slice_eq(buf_all(&o->body), buf_all(&again.body)));
		must(slice_eq(buf_all(&o->trailers),
		    buf_all(&again.trailers)));
	}
	outcome_fini(&again);
	buf_fini(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct outcome whole, cut;
	struct slice text;
	uint32_t seed;

	if (size < 4)
		return 0;
	memcpy(&seed, data, 4);
	text = (struct slice){ (const char *)data + 4, size - 4 };
	whole = decode(text, 0);
	cut = decode(text, seed);
	must(whole.piece == cut.piece && whole.rule == cut.rule);
	must(slice_eq(buf_all(&whole.body), buf_all(&cut.body)));
	if (whole.piece == H1_PIECE_END) {
		must(whole.taken == cut.taken);
		must(slice_eq(buf_all(&whole.trailers),
		    buf_all(&cut.trailers)));
		there_and_back(&whole);
	}
	outcome_fini(&whole);
	outcome_fini(&cut);
	return 0;
}

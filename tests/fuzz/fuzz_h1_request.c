/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Request heads: the first two bytes say where the rest is cut in two.
 */
#include "heads.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct reading
read_it(struct slice bytes, size_t *seen)
{
	struct reading r;

	r.progress = h1_read_request(&r.head, bytes, seen, &r.end);
	must_be_sound(&r, bytes);
	return r;
}

/* What was understood, written out, is understood the same; but for *, which
 * may have been an URL, whose host is told nowhere else. */
static void
there_and_back(const struct h1_head *head)
{
	struct buf text = { 0 };
	struct reading again;
	size_t seen = 0;

	buf_slice(&text, head->method_text);
	buf_char(&text, ' ');
	buf_slice(&text, head->target);
	buf_printf(&text, " HTTP/1.%u\r\n", head->minor);
	write_fields(&text, head);
	if (text.len <= H1_HEAD_MAX) {
		again = read_it(buf_all(&text), &seen);
		/* "A:b" has grown to "A: b", maybe beyond a line's limit. */
		if (again.progress != H1_REFUSED ||
		    again.end.rule != H1_LINE_TOO_LONG) {
			must(again.progress == H1_DONE);
			must(again.end.consumed == text.len);
			must_mean_the_same(head, &again.head);
		}
	}
	buf_fini(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reading whole, first, second = { .progress = H1_MORE };
	struct slice bytes, part;
	size_t seen = 0;

	if (size < 2)
		return 0;
	bytes = (struct slice){ (const char *)data + 2, size - 2 };
	part = (struct slice){ bytes.p,
	    (data[0] | (size_t)data[1] << 8) % (bytes.len + 1) };
	whole = read_it(bytes, &seen);
	seen = 0;
	first = read_it(part, &seen);
	if (first.progress == H1_MORE)
		second = read_it(bytes, &seen);
	must_not_mind_cutting(&whole, &first, &second);
	if (whole.progress == H1_DONE && !slice_is(whole.head.target, "*"))
		there_and_back(&whole.head);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Response heads: the first byte names the request's method, the next two
 * where the rest is cut in two.
 */
#include "heads.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct reading
read_it(struct slice bytes, size_t *seen, enum h1_method asked)
{
	struct reading r;

	r.progress = h1_read_response(&r.head, bytes, seen, asked, &r.end);
	must_be_sound(&r, bytes);
	if (r.progress == H1_DONE) {
		must(r.head.status >= 100 && r.head.status <= 599);
		must(r.head.framing != H1_UNTIL_CLOSE || !r.head.keep_alive);
	}
	return r;
}

static void
there_and_back(const struct h1_head *head, enum h1_method asked)
{
	struct buf text = { 0 };
	struct reading again;
	size_t seen = 0;

	/* With the reason it had: the usual phrase is h1_write's choice. */
	buf_printf(&text, "HTTP/1.%u %u ", head->minor, head->status);
	buf_slice(&text, head->reason);
	h1_write_end(&text);
	write_fields(&text, head);
	if (text.len <= H1_HEAD_MAX) {
		again = read_it(buf_all(&text), &seen, asked);
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
	enum h1_method asked;
	size_t seen = 0;

	if (size < 3)
		return 0;
	asked = data[0] % (METHOD_CONNECT + 1);
	bytes = (struct slice){ (const char *)data + 3, size - 3 };
	part = (struct slice){ bytes.p,
	    (data[1] | (size_t)data[2] << 8) % (bytes.len + 1) };
	whole = read_it(bytes, &seen, asked);
	seen = 0;
	first = read_it(part, &seen, asked);
	if (first.progress == H1_MORE)
		second = read_it(bytes, &seen, asked);
	must_not_mind_cutting(&whole, &first, &second);
	if (whole.progress == H1_DONE)
		there_and_back(&whole.head, asked);
	return 0;
}

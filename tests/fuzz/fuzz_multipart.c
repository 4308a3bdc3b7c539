/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * multipart/form-data: the first byte is a step, then a line with a
 * Content-Type, then the body, read whole and step bytes at a time.
 */
#include "base/must.h"
#include "http/multipart.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must_lie_in(struct slice whole, struct slice part)
{
	must(part.p == NULL || (part.p >= whole.p &&
	    part.p + part.len <= whole.p + whole.len));
}

/* Every part of the whole body; where each was, added up. */
static enum multipart_step
walk(struct multipart m, struct slice body, size_t step, size_t *sum)
{
	enum multipart_step got;
	struct multipart_part part;
	size_t have = step < body.len ? step : body.len;

	*sum = 0;
	for (;;) {
		struct slice so_far = { body.p, have };

		got = multipart_next(&m, so_far, &part);
		if (got == MULTIPART_PART) {
			must_lie_in(so_far, part.name);
			must_lie_in(so_far, part.filename);
			must_lie_in(so_far, part.type);
			must_lie_in(so_far, part.content);
			*sum += (size_t)(part.content.p - body.p) * 31 +
			    part.content.len + part.name.len;
		} else if (got == MULTIPART_MORE && have < body.len) {
			have += step < body.len - have ? step :
			    body.len - have;
		} else {
			return got;
		}
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice rest = { (const char *)data, size }, type;
	struct multipart m;
	size_t whole, stepped, step;

	if (size < 2)
		return 0;
	step = 1 + data[0] % 64;
	rest.p++;
	rest.len--;
	if (!slice_split(&rest, '\n', &type) || rest.p == NULL ||
	    !multipart_init(&m, type))
		return 0;
	must(walk(m, rest, rest.len + 1, &whole) ==
	    walk(m, rest, step, &stepped));
	must(whole == stepped);
	return 0;
}

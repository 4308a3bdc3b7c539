/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Peeks into bodies.  The first byte chooses call and content type, the second
 * where the body is cut: what is told of the front is told of the whole.
 */
#include "base/must.h"
#include "policy/peek.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct {
	const char	*path, *type;
} calls[] = {
	{ "/api/run/1", "application/json" },
	{ "/api/run/1/state", NULL },
	{ "/api/run/1/service/data", "application/json" },
	{ "/api/run/1/service/file/content", "multipart/form-data; boundary=x" },
	{ "/api/run/1/response", "application/json" },
	{ "/api/run/1/saml", "application/x-www-form-urlencoded" },
	{ "/api/file/1", "multipart/form-data; boundary=\"-\"" },
};

struct finding {
	struct facts	 facts;
	enum peek_end	 end;
	char		 text[PEEK_TEXT];
};

static void
look(struct finding *f, unsigned call, struct slice body, bool whole)
{
	f->facts = (struct facts){ .path = slice_of(calls[call].path),
	    .tenant = SLICE("t") };
	f->end = peek_body(slice_of(calls[call].type), body, whole, &f->facts,
	    f->text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice body = { (const char *)data + 2, size - 2 }, front;
	struct finding first, all;
	unsigned call;

	if (size < 2)
		return 0;
	call = data[0] % (sizeof(calls) / sizeof(calls[0]));
	front = (struct slice){ body.p, body.len * data[1] / 256 };
	look(&first, call, front, false);
	look(&all, call, body, true);
	must(all.end != PEEK_MORE);
	if (first.end == PEEK_MORE)
		return 0;
	must(first.end == all.end);
	must(first.facts.knowledge == all.facts.knowledge);
	must(first.facts.tag == all.facts.tag);
	must(slice_eq(first.facts.flow, all.facts.flow));
	must(slice_eq(first.facts.tenant, all.facts.tenant));
	return 0;
}
